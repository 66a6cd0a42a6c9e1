/* Revisions: rules, plans through the gate, making, undoing, what others changed meanwhile, approval, replay. */
#include "expect.h"
#include "internal.h"
#include "people.h"
#include "watch.h"
#include <string.h>

typedef struct {
  House house;
  SqlDb *db;
  Journal *journal;
  gint64 fonds, class, ids[4];
} Fixture;

static void open_rooms(Fixture *f) {
  memset(f, 0, sizeof *f);
  f->house.dir = "/nonexistent";
  f->house.db = f->db = good(sql_open(":memory:", error));
  f->journal = good(journal_open(f->db, NULL, error));
  f->house.search = good(search_open(f->db, error));
  f->house.catalog = good(catalog_open(f->db, NULL, error));
  json_auto_t *labels = catalog_field_labels(f->house.catalog);
  search_set_fields(f->house.search, labels);
  search_set_text_source(f->house.search, catalog_search_text, NULL);
  good(sql_migrate_room(f->db, "job", error));
  good(revise_open(f->db, error));
}

static void put(char **place, const char *text) {
  g_free(*place);
  *place = g_strdup(text);
}

static gint64 keep(Fixture *f, Sql *sql, const char *code, const char *title, const char *creator, const char *date, Security security) {
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->parent_id = f->class;
  record->category = 1;
  record->security = security;
  put(&record->code, code);
  put(&record->title, title);
  put(&record->creator, creator);
  put(&record->date_text, date);
  date_parse(date, &record->date);
  record->year = record->date.from / 10000;
  good(catalog_record_create(&f->house, sql, "t", record, error));
  return record->id;
}

static void fixture_open(Fixture *f) {
  open_rooms(f);
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  f->fonds = good(catalog_fonds_ensure(&f->house, sql, "t", "Z1", "某局", error));
  f->class = good(catalog_class_ensure(&f->house, sql, "t", f->fonds, 1, error));
  f->ids[0] = keep(f, sql, "Z1-1", "水库 加固", "某县府", "民国二十六年七月七日", SECURITY_PUBLIC);
  f->ids[1] = keep(f, sql, "Z1-2", "会议记录", "某县府", "1958", SECURITY_PUBLIC);
  f->ids[2] = keep(f, sql, "Z1-3", "年度总结", "", "某日", SECURITY_PUBLIC);
  f->ids[3] = keep(f, sql, "Z1-4", "密件", "某县府", "1960", SECURITY_TOP);
  good(sql_commit(sql, error));
}

static void fixture_close(Fixture *f) {
  catalog_close(f->house.catalog);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->db);
}

/* ---- saying things ---- */

static const Scope STAFF = {.opening_mask = 15, .files_mask = 15, .security = SECURITY_SECRET, .all_fonds = TRUE};

static gint64 plan_rule(Fixture *f, json_t *rule) {
  json_auto_t *ask = json_pack("{s:{s:s, s:{}}, s:o}", "selection", "query", "", "filters", "rule", rule);
  return good(revise_plan(&f->house, &STAFF, "clerk", ask, error));
}

static json_t *rule_of(const char *kind, const char *field) { return json_pack("{s:s, s:s}", "kind", kind, "field", field); }
static json_t *rule_with(const char *kind, const char *field, const char *name, const char *value) {
  json_t *rule = rule_of(kind, field);
  json_object_set_new(rule, name, json_string(value));
  return rule;
}

static char *value_of(Fixture *f, gint64 id, const char *key) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, id, error));
  return catalog_value_get(record, key);
}

static void assert_value(Fixture *f, guint at, const char *key, const char *expected) {
  g_autofree char *value = value_of(f, f->ids[at], key);
  g_assert_cmpstr(value, ==, expected);
}

static void edit(Fixture *f, guint at, const char *key, const char *text) {
  g_autoptr(CatalogRecord) record = NULL;
  {
    g_autoptr(Sql) sql = good(sql_read(f->db, error));
    record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, f->ids[at], error));
  }
  good(catalog_value_set(f->house.catalog, record, key, text, error));
  good(catalog_record_save(&f->house, "other", record, 0, error));
}

static gint64 count_rows(Fixture *f, gint64 id, RowState state) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return revision_rows(sql, id, state);
}

static void assert_state(Fixture *f, gint64 id, const char *expected) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *revision = good(revision_load(sql, id, error));
  g_assert_cmpstr(json_string_value(json_object_get(revision, "state")), ==, expected);
}

static void apply(Fixture *f, gint64 id) { good(revision_begin(&f->house, id, "clerk", FALSE, error)); }
static void undo(Fixture *f, gint64 id) { good(revision_begin(&f->house, id, "clerk", TRUE, error)); }

/* ---- tests ---- */

static void test_replace_and_back(void) {
  Fixture f;
  fixture_open(&f);
  json_t *rule = rule_with("replace", "creator", "find", "县府");
  json_object_set_new(rule, "with", json_string("县人民政府"));
  gint64 id = plan_rule(&f, rule);
  assert_state(&f, id, "planned");
  g_assert_cmpint(count_rows(&f, id, ROW_WAITING), ==, 2); /* the one at top secret is beyond the scope: no row, no count */
  assert_value(&f, 0, "creator", "某县府");               /* a plan changes nothing */
  apply(&f, id);
  assert_state(&f, id, "done");
  assert_value(&f, 0, "creator", "某县人民政府");
  assert_value(&f, 1, "creator", "某县人民政府");
  assert_value(&f, 3, "creator", "某县府");
  fails(revision_begin(&f.house, id, "clerk", FALSE, error), LANTAI_ERROR_CONFLICT);
  undo(&f, id);
  assert_state(&f, id, "undone");
  assert_value(&f, 0, "creator", "某县府");
  fails(revision_begin(&f.house, id, "clerk", TRUE, error), LANTAI_ERROR_CONFLICT);
  fixture_close(&f);
}

static void test_rules(void) {
  static const struct { const char *kind, *field, *name, *value; guint at; const char *expected; } cases[] = {
    {"set", "retention", "value", "永久", 0, "永久"}, {"fill", "creator", "value", "不详", 2, "不详"}, {"fill", "creator", "value", "不详", 0, "某县府"},
    {"clear", "creator", NULL, NULL, 0, ""}, {"prefix", "title", "value", "关于", 1, "关于会议记录"}, {"suffix", "title", "value", "记录", 1, "会议记录"},
    {"trim", "title", NULL, NULL, 0, "水库加固"}, {"date", "date", NULL, NULL, 0, "1937-07-07"}, {"date", "date", NULL, NULL, 1, "1958"},
    {"copy", "note", "from", "title", 1, "会议记录"}, {"set", "opening", "value", "控制", 1, "控制"}, {"number", "docno", "value", "字", 1, "字2"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    Fixture f;
    fixture_open(&f);
    json_t *rule = rule_of(cases[i].kind, cases[i].field);
    if (cases[i].name != NULL) json_object_set_new(rule, cases[i].name, json_string(cases[i].value));
    json_object_set_new(rule, "start", json_integer(1));
    gint64 id = plan_rule(&f, rule);
    if (count_rows(&f, id, ROW_WAITING) > 0) apply(&f, id);
    assert_value(&f, cases[i].at, cases[i].field, cases[i].expected);
    fixture_close(&f);
  }
}

static void test_refused(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = plan_rule(&f, rule_of("date", "date"));
  g_assert_cmpint(count_rows(&f, id, ROW_REFUSED), ==, 1); /* 某日 */
  g_assert_cmpint(count_rows(&f, id, ROW_WAITING), ==, 1);
  id = plan_rule(&f, rule_with("set", "year", "value", "去年"));
  g_assert_cmpint(count_rows(&f, id, ROW_REFUSED), ==, 3);
  fails(revision_begin(&f.house, id, "clerk", FALSE, error), LANTAI_ERROR_INVALID);
  id = plan_rule(&f, rule_with("set", "security", "value", "绝密")); /* out of the planner's own sight */
  g_assert_cmpint(count_rows(&f, id, ROW_REFUSED), ==, 3);
  json_auto_t *code = json_pack("{s:{s:s, s:{}}, s:{s:s, s:s, s:s}}", "selection", "query", "", "filters", "rule", "kind", "set", "field", "code", "value", "1");
  fails(revise_plan(&f.house, &STAFF, "clerk", code, error) != 0, LANTAI_ERROR_INVALID);
  json_auto_t *lacking = json_pack("{s:{s:s, s:{}}, s:{s:s, s:s}}", "selection", "query", "", "filters", "rule", "kind", "replace", "field", "title");
  fails(revise_plan(&f.house, &STAFF, "clerk", lacking, error) != 0, LANTAI_ERROR_INVALID);
  fixture_close(&f);
}

/* What others changed between preview and making, and between making and undoing, is passed over; the rest goes on. */
static void test_meanwhile(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = plan_rule(&f, rule_with("set", "creator", "value", "新机关"));
  edit(&f, 0, "creator", "别的机关");
  edit(&f, 1, "title", "会议记录（一）"); /* another field: no conflict */
  apply(&f, id);
  g_assert_cmpint(count_rows(&f, id, ROW_PASSED), ==, 1);
  g_assert_cmpint(count_rows(&f, id, ROW_MADE), ==, 2);
  assert_value(&f, 0, "creator", "别的机关");
  assert_value(&f, 1, "creator", "新机关");
  assert_value(&f, 1, "title", "会议记录（一）");
  edit(&f, 1, "creator", "又改了");
  undo(&f, id);
  g_assert_cmpint(count_rows(&f, id, ROW_KEPT), ==, 1);
  assert_value(&f, 1, "creator", "又改了");
  assert_value(&f, 2, "creator", "");
  fixture_close(&f);
}

static gint64 plan_one(Fixture *f, guint at, gint64 rev, const char *key, const char *text) {
  json_auto_t *ask = json_pack("{s:[[I, I, {s:s}]]}", "values", (json_int_t)f->ids[at], (json_int_t)rev, key, text);
  return good(revise_plan(&f->house, &STAFF, "clerk", ask, error));
}

static gint64 rev_of(Fixture *f, guint at) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, f->ids[at], error));
  return record->rev;
}

static void test_values_conflict(void) {
  Fixture f;
  fixture_open(&f);
  gint64 rev = rev_of(&f, 0);
  edit(&f, 0, "creator", "别的机关");
  gint64 other = plan_one(&f, 0, rev, "docno", "1号"); /* another field than what changed: merged */
  g_assert_cmpint(count_rows(&f, other, ROW_WAITING), ==, 1);
  gint64 id = plan_one(&f, 0, rev, "creator", "我的机关");
  g_assert_cmpint(count_rows(&f, id, ROW_CONFLICT), ==, 1);
  fails(revision_begin(&f.house, id, "clerk", FALSE, error), LANTAI_ERROR_INVALID);
  good(revision_choose(&f.house, id, 1, TRUE, error));
  apply(&f, id);
  assert_value(&f, 0, "creator", "我的机关");
  undo(&f, id);
  assert_value(&f, 0, "creator", "别的机关");
  gint64 left = plan_one(&f, 0, rev, "creator", "我的机关");
  good(revision_choose(&f.house, left, 0, FALSE, error));
  g_assert_cmpint(count_rows(&f, left, ROW_LEFT), ==, 1);
  gint64 beyond = plan_one(&f, 3, 0, "creator", "看不到"); /* beyond the scope: as one that is not there */
  g_assert_cmpint(count_rows(&f, beyond, ROW_REFUSED), ==, 1);
  gint64 twice = plan_one(&f, 0, 0, "code", "Z1-2");
  g_assert_cmpint(count_rows(&f, twice, ROW_REFUSED), ==, 1);
  fixture_close(&f);
}

/* The description at an earlier rev comes back from the history, through changes of one and of many. */
static void test_as_of(void) {
  Fixture f;
  fixture_open(&f);
  gint64 first = rev_of(&f, 1);
  edit(&f, 1, "title", "第二个题名");
  gint64 second = rev_of(&f, 1);
  apply(&f, plan_rule(&f, rule_with("set", "title", "value", "第三个题名")));
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  g_autoptr(CatalogRecord) now = good(catalog_record_load(sql, &SCOPE_EVERYTHING, f.ids[1], error));
  g_autoptr(CatalogRecord) early = good(catalog_record_as_of(sql, now, first, error));
  g_autoptr(CatalogRecord) middle = good(catalog_record_as_of(sql, now, second, error));
  g_assert_cmpstr(now->title, ==, "第三个题名");
  g_assert_cmpstr(middle->title, ==, "第二个题名");
  g_assert_cmpstr(early->title, ==, "会议记录");
  json_auto_t *history = good(catalog_history(sql, f.ids[1], 0, 10, error));
  g_assert_cmpint(json_array_size(history), ==, 3);
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(history, 0), "action")), ==, "revise.apply");
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static gint64 propose(Fixture *f, guint at, const char *title) {
  g_autoptr(CatalogRecord) before = NULL;
  {
    g_autoptr(Sql) sql = good(sql_read(f->db, error));
    before = good(catalog_record_load(sql, &STAFF, f->ids[at], error));
  }
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  put(&after->title, title);
  return good(revision_propose(&f->house, &STAFF, "clerk", before, after, "修改著录", error));
}

static void test_approval(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = propose(&f, 0, "水库加固工程");
  assert_state(&f, id, "awaiting");
  assert_value(&f, 0, "title", "水库 加固");
  fails(revision_approve(&f.house, &STAFF, id, "clerk", error), LANTAI_ERROR_DENIED); /* not by himself */
  fails(revision_return(&f.house, id, "chief", NULL, error), LANTAI_ERROR_INVALID);   /* not without a reason */
  const Scope elsewhere = {.opening_mask = 15, .security = SECURITY_TOP, .fonds_count = 0};
  fails(revision_approve(&f.house, &elsewhere, id, "chief", error), LANTAI_ERROR_DENIED); /* not unseen */
  good(revision_approve(&f.house, &STAFF, id, "chief", error));
  assert_state(&f, id, "done");
  assert_value(&f, 0, "title", "水库加固工程");
  gint64 second = propose(&f, 1, "会议");
  good(revision_return(&f.house, second, "chief", "题名应写全", error));
  assert_state(&f, second, "returned");
  fails(revision_begin(&f.house, second, "chief", FALSE, error), LANTAI_ERROR_CONFLICT);
  good(revision_drop(&f.house, second, error));
  fails(revision_drop(&f.house, id, error), LANTAI_ERROR_CONFLICT);
  fixture_close(&f);
}

/* ---- rebuilding ---- */

static char *rows_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_array();
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM record ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM sequence ORDER BY name", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM record_event ORDER BY record_id, event_id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM record_code_former ORDER BY record_id, code", SQL_NONE, error)));
  g_autofree char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
  return g_strdup(text);
}

static void replay_all(Fixture *from, Fixture *to) {
  json_auto_t *events = NULL;
  {
    g_autoptr(Sql) sql = good(sql_read(from->db, error));
    events = good(journal_list(sql, NULL, NULL, 0, 1000, error));
  }
  for (size_t i = json_array_size(events); i > 0; i--) {
    json_t *event = json_array_get(events, i - 1);
    const char *action = json_string_value(json_object_get(event, "action"));
    g_autoptr(Sql) sql = good(sql_write(to->db, error));
    if (g_str_has_prefix(action, "revise.")) good(revise_replay(&to->house, sql, event, error));
    else good(catalog_replay(&to->house, sql, event, error));
    good(sql_commit(sql, error));
  }
}

static void test_replay(void) {
  Fixture f, again;
  fixture_open(&f);
  gint64 id = plan_rule(&f, rule_with("prefix", "title", "value", "关于"));
  edit(&f, 2, "title", "别的题名");
  apply(&f, id);
  gint64 codes = plan_one(&f, 0, 0, "code", "Z1-9");
  apply(&f, codes);
  undo(&f, codes);
  apply(&f, plan_rule(&f, rule_of("date", "date")));
  undo(&f, id);
  open_rooms(&again);
  replay_all(&f, &again);
  g_autofree char *first = rows_text(f.db), *second = rows_text(again.db);
  g_assert_cmpstr(first, ==, second);
  assert_state(&again, id, "undone");
  g_assert_cmpint(count_rows(&again, id, ROW_UNDONE), ==, count_rows(&f, id, ROW_UNDONE));
  g_assert_cmpint(count_rows(&again, id, ROW_PASSED), ==, 1);
  fixture_close(&again);
  fixture_close(&f);
}

/* ---- what goes, and comes back ---- */

static gint64 tied_record;
static char *tie(Sql *sql, gint64 record_id, GError **error) { return record_id == tied_record ? g_strdup("与 1 件档案有关联") : NULL; }

static gint64 found(Fixture *f, const char *query) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  SearchRequest ask = {.query = query, .limit = 10};
  g_autoptr(SearchResult) result = good(search_run(f->house.search, sql, &SCOPE_EVERYTHING, &ask, error));
  return result->count;
}

static gboolean is_there(Fixture *f, guint at) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, &SCOPE_EVERYTHING, f->ids[at], NULL);
  return record != NULL;
}

/* Deletion is a change in bulk like others: what may not go is told, what was changed since is left, all of it comes back, and a rebuild does the same. */
static void test_delete(void) {
  Fixture f, again;
  fixture_open(&f);
  catalog_set_tie(tie);
  tied_record = f.ids[1];
  apply(&f, plan_one(&f, 0, 0, "code", "Z1-9")); /* it has a former code */
  gint64 id = plan_rule(&f, json_pack("{s:s}", "kind", "delete"));
  g_assert_cmpint(count_rows(&f, id, ROW_WAITING), ==, 2);
  g_assert_cmpint(count_rows(&f, id, ROW_REFUSED), ==, 1); /* what is tied; the one at top secret is not there for him */
  g_assert_true(is_there(&f, 0));
  edit(&f, 2, "title", "后来改的题名");
  apply(&f, id);
  assert_state(&f, id, "done");
  g_assert_cmpint(count_rows(&f, id, ROW_MADE), ==, 1);
  g_assert_cmpint(count_rows(&f, id, ROW_PASSED), ==, 1);
  g_assert_false(is_there(&f, 0));
  g_assert_true(is_there(&f, 1) && is_there(&f, 2) && is_there(&f, 3));
  g_assert_cmpint(found(&f, "水库"), ==, 0);
  undo(&f, id);
  assert_state(&f, id, "undone");
  assert_value(&f, 0, "title", "水库 加固");
  assert_value(&f, 0, "code", "Z1-9");
  g_assert_cmpint(found(&f, "水库"), ==, 1);
  g_assert_cmpint(found(&f, "Z1-1"), ==, 1); /* by the code it had */
  gint64 second = plan_rule(&f, json_pack("{s:s}", "kind", "delete"));
  apply(&f, second);
  g_assert_false(is_there(&f, 0) || is_there(&f, 2));
  {
    g_autoptr(Sql) sql = good(sql_write(f.db, error)); /* another takes its number: it does not come back over that one */
    keep(&f, sql, "Z1-3", "占了号的", "", "1961", SECURITY_PUBLIC);
    good(sql_commit(sql, error));
  }
  undo(&f, second);
  g_assert_true(is_there(&f, 0) && !is_there(&f, 2));
  g_assert_cmpint(count_rows(&f, second, ROW_KEPT), ==, 1);
  open_rooms(&again);
  replay_all(&f, &again);
  g_autofree char *first = rows_text(f.db), *other = rows_text(again.db);
  g_assert_cmpstr(first, ==, other);
  {
    g_autoptr(Sql) sql = good(sql_read(f.db, error));
    json_auto_t *history = good(catalog_history(sql, f.ids[0], 0, 10, error));
    g_assert_cmpint(json_array_size(history), ==, 6); /* made, another code, deleted, back, deleted, back */
    g_autoptr(CatalogRecord) now = good(catalog_record_load(sql, &SCOPE_EVERYTHING, f.ids[0], error));
    g_autoptr(CatalogRecord) early = good(catalog_record_as_of(sql, now, 3, error));
    g_assert_cmpstr(early->code, ==, "Z1-1");
  }
  tied_record = 0;
  fixture_close(&again);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/revise/replace-and-back", test_replace_and_back);
  g_test_add_func("/revise/rules", test_rules);
  g_test_add_func("/revise/refused", test_refused);
  g_test_add_func("/revise/meanwhile", test_meanwhile);
  g_test_add_func("/revise/values-conflict", test_values_conflict);
  g_test_add_func("/revise/as-of", test_as_of);
  g_test_add_func("/revise/approval", test_approval);
  g_test_add_func("/revise/replay", test_replay);
  g_test_add_func("/revise/delete", test_delete);
  return g_test_run();
}
