/* Who works for some fonds or one body: every way to an entry, for rows that are his, rows of others, and ledgers that do not say whose a row is. */
#include "pages.h"
#include "table.h"
#include "test-fixture.h"

static const char *const LEDGERS[] = {
  "name: 移交\nuses: [责任人, 责任部门, 附件, 截止, 密级]\nrows: {of: [移交单位, 全宗]}\nfields:\n  - {name: 移交单位, type: body, many: true, list: true}\n"
  "  - {name: 全宗, type: text}\n  - {name: 件数, type: number}\nstates: [{name: 办}, {name: 毕, closed: true}]\n"
  "archives: {values: {保管期限: 永久}}\n",
  "name: 内务\nuses: [责任人, 责任部门]\n",
  "name: 专管\nread: [archivist]\nwrite: [archivist]\n",
  "name: 后续\nfields: [{name: 所属, type: entry, ledger: 移交}, {name: 依据, type: record},"
  " {name: 明细, type: rows, fields: [{name: 条, type: entry, ledger: 移交}, {name: 档, type: record}]}]\n",
};

typedef struct { Fixture f; gint64 ours, titled, body, others, many, mine, later; Person *some; Asker asker; } World;

static void open_world(World *w) {
  Fixture *f = &w->f;
  fixture_open(f);
  json_auto_t *documents = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(LEDGERS); i++) {
    g_autofree char *name = g_strdup_printf("more-%u.yaml", i);
    json_object_set_new(documents, name, yaml(LEDGERS[i]));
  }
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(ledger_define_many(sql, "system", documents, error));
  json_auto_t *body = yaml("{kind: body, name: 北山市甲局, names: [{name: 甲办, type: former}]}");
  good(authority_save(sql, "admin", body, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  w->some = fixture_limited(f, "some", "archivist", "A", "北山市甲局", "");
  w->asker = (Asker){w->some, FALSE};
  w->ours = put(f, "{ledger: 移交, date: 2023-02-01, title: 甲一, values: {移交单位: [乙局], 全宗: A, 件数: 3}}");
  w->titled = put(f, "{ledger: 移交, date: 2023-02-02, title: 甲二, values: {移交单位: [北山市甲局], 件数: 5}}");
  w->body = put(f, "{ledger: 移交, date: 2023-02-03, title: 甲三, values: {移交单位: [甲办], 件数: 7}}");
  w->others = put(f, "{ledger: 移交, date: 2023-02-04, title: 暗乙一, owner: 乙人, due: 2023-03-01, values: {移交单位: [暗乙局], 全宗: B, 件数: 100}}");
  w->many = put(f, "{ledger: 移交, date: 2023-02-05, title: 甲四, values: {移交单位: [丙局, 北山市甲局], 件数: 11}}");
  w->mine = put(f, "{ledger: 内务, date: 2023-02-06, title: 归我, owner: some}");
  put(f, "{ledger: 内务, date: 2023-02-06, title: 暗内务, owner: 乙人}");
  put(f, "{ledger: 专管, date: 2023-02-07, title: 专管一}");
  g_autofree char *later = g_strdup_printf("{ledger: 后续, date: 2023-02-08, title: 跟进, owner: some, values: {所属: %" G_GINT64_FORMAT "}}", w->others);
  w->later = put(f, later);
}

static void close_world(World *w) {
  people_person_free(w->some);
  fixture_close(&w->f);
}

static json_t *list(World *w, LedgerAsk ask) {
  g_autoptr(Sql) sql = good(sql_read(w->f.db, error));
  ask.limit = 100;
  json_t *result = good(ledger_list(&w->f.house, sql, w->asker, &ask, error));
  g_autofree char *dump = json_dumps(result, 0);
  g_assert_null(strstr(dump, "暗"));
  return result;
}
#define assert_count(w, count, ...) \
  do { \
    json_auto_t *listed = list((w), (LedgerAsk){__VA_ARGS__}); \
    g_assert_cmpint(int_at(listed, "count"), ==, (count)); \
    g_assert_cmpint((gint64)json_array_size(json_object_get(listed, "entries")), ==, (count)); \
  } while (0)

/* Lists, words, conditions, past days, counts, chips, sums of values, comparisons, files of a sheet. */
static void test_lists(void) {
  World w;
  open_world(&w);
  const LedgerDefinition *handed = ledger_find("移交"), *house = ledger_find("内务");
  assert_count(&w, 4, .definition = handed);
  assert_count(&w, 0, .definition = handed, .words = "暗乙");
  json_auto_t *where = yaml("{移交单位: 暗乙局}"), *other = yaml("{件数: {min: 6}}"), *led = yaml("{所属.移交单位: 暗乙局}");
  assert_count(&w, 0, .definition = handed, .where = where);
  assert_count(&w, 2, .definition = handed, .where = other, .sort = "-件数");
  assert_count(&w, 4, .definition = handed, .on = date_today());
  assert_count(&w, 1, .definition = house);
  assert_count(&w, 1, .definition = ledger_find("专管"));
  assert_count(&w, 1, .definition = ledger_find("后续"));
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  LedgerAsk through = {.definition = ledger_find("后续"), .where = led}, sorted = {.definition = ledger_find("后续"), .sort = "所属.标题"};
  json_auto_t *none = list(&w, through), *keyed = list(&w, sorted); /* a row that he may not see neither decides nor stands in the key of the next page */
  g_assert_cmpint(int_at(none, "count"), ==, 0);
  g_assert_cmpint(int_at(keyed, "count"), ==, 1);
  LedgerAsk ask = {.definition = handed};
  json_auto_t *tally = good(ledger_tally(&w.f.house, sql, w.asker, &ask, (const char *const[]){"移交单位", NULL}, 10, error));
  json_auto_t *all = good(ledger_tally(&w.f.house, sql, LEDGER_EVERYTHING, &ask, (const char *const[]){"移交单位", NULL}, 10, error));
  g_autofree char *dump = json_dumps(tally, 0);
  g_assert_cmpint(int_at(tally, "count"), ==, 4);
  g_assert_cmpint(int_at(all, "count"), ==, 5); /* what is kept ready for one is not another's */
  g_assert_null(strstr(dump, "暗"));
  LedgerPage page = {.house = &w.f.house, .sql = sql, .asker = w.asker};
  gint64 counts[2];
  good(ledger_counts(&page, handed, (json_t *const[]){other}, 1, counts, error));
  g_assert_cmpint(counts[0], ==, 4);
  g_assert_cmpint(counts[1], ==, 2);
  json_auto_t *compared = good(ledger_compare(&w.f.house, sql, w.asker, &ask, 20200101, date_today(), error));
  g_autofree char *differences = json_dumps(compared, 0), *path = g_build_filename(g_get_tmp_dir(), "lantai-gate-test.csv", NULL), *sheet = NULL;
  g_assert_null(strstr(differences, "暗"));
  g_assert_nonnull(strstr(differences, "甲一"));
  good(ledger_export(&w.f.house, w.asker, &ask, path, error));
  good(g_file_get_contents(path, &sheet, NULL, error));
  unlink(path);
  g_assert_null(strstr(sheet, "暗"));
  g_assert_nonnull(strstr(sheet, "甲四"));
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* What decides through another ledger's rows: those above the asker's level do not, by field, title or order, though he sees all rows of his level. */
static void test_passed(void) {
  World w;
  open_world(&w);
  g_autoptr(Person) low = fixture_person(&w.f, "low", "低", "archivist", SECURITY_PUBLIC);
  g_autoptr(Person) high = fixture_person(&w.f, "high", "高", "archivist", SECURITY_SECRET);
  gint64 hidden = put(&w.f, "{ledger: 移交, date: 2023-02-09, title: 暗密, secrecy: 秘密, values: {件数: 9}}");
  for (guint i = 0; i < 2; i++) {
    g_autofree char *text = g_strdup_printf("{ledger: 后续, date: 2023-02-09, title: 明%u, values: {所属: %" G_GINT64_FORMAT "}}", i, hidden);
    put(&w.f, text);
  }
  const char *const asked[] = {"{所属.件数: 9}", "{所属: 暗密}", "{所属: {has: 密}}"};
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  for (guint i = 0; i < G_N_ELEMENTS(asked); i++)
    for (guint k = 0; k < 2; k++) {
      json_auto_t *where = yaml(asked[i]);
      LedgerAsk ask = {.definition = ledger_find("后续"), .where = where, .sort = "所属.标题", .limit = 1};
      json_auto_t *found = good(ledger_list(&w.f.house, sql, (Asker){k ? high : low, FALSE}, &ask, error));
      json_auto_t *tally = good(ledger_tally(&w.f.house, sql, (Asker){k ? high : low, FALSE}, &ask, (const char *const[]){NULL}, 10, error));
      g_assert_cmpint(int_at(found, "count"), ==, k ? 2 : 0);
      g_assert_cmpint(int_at(tally, "count"), ==, k ? 2 : 0);
    }
  LedgerAsk all = {.definition = ledger_find("后续"), .sort = "-所属.标题", .limit = 1};
  json_auto_t *first = good(ledger_list(&w.f.house, sql, (Asker){low, FALSE}, &all, error));
  g_assert_nonnull(json_string_value(json_object_get(first, "next")));
  g_assert_null(strstr(json_string_value(json_object_get(first, "next")), "密"));
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* One entry, what it was, what refers to it, what is said of it, who owes it. */
static void test_entries(void) {
  World w;
  open_world(&w);
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  gint64 seen[] = {w.ours, w.titled, w.body, w.many, w.mine, w.later};
  for (guint i = 0; i < G_N_ELEMENTS(seen); i++) json_decref(good(ledger_entry_load(sql, w.asker, seen[i], error)));
  fails(ledger_entry_load(sql, w.asker, w.others, error), LANTAI_ERROR_NOT_FOUND);
  fails(ledger_entry_history(sql, w.asker, w.others, 0, 10, error), LANTAI_ERROR_NOT_FOUND);
  fails(ledger_entry_comments(sql, w.asker, w.others, 0, 10, error), LANTAI_ERROR_NOT_FOUND);
  gint64 size;
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(ledger_entry_file_open(&w.f.house, sql, w.asker, w.others, "x.txt", &size, &local), <, 0);
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  json_auto_t *owed = good(ledger_owed(&w.f.house, sql, w.some, 10, error)), *referring = good(ledger_entry_referring(sql, w.asker, w.others, error));
  g_autofree char *dump = json_dumps(owed, 0);
  g_assert_null(strstr(dump, "暗"));
  g_assert_cmpuint(json_array_size(referring), ==, 1); /* his own entry, which names one that he does not see */
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

static char *denial(World *w, const char *text, int code) {
  json_auto_t *entry = yaml(text);
  g_autoptr(Sql) sql = good(sql_write(w->f.db, error));
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(ledger_entry_put(sql, w->asker, "some", entry, 0, &local), ==, 0);
  g_assert_error(local, LANTAI_ERROR, code);
  g_assert_null(strstr(local->message, "暗"));
  return g_strdup(local->message);
}

/* He makes nothing others', takes nothing that is, and points at nothing that he does not see. */
static void test_writing(void) {
  World w;
  open_world(&w);
  g_autofree char *theirs = denial(&w, "{ledger: 移交, date: 2023-03-01, title: 冒名, values: {移交单位: [乙局]}}", LANTAI_ERROR_DENIED);
  g_assert_nonnull(strstr(theirs, "自己全宗"));
  g_autofree char *moved = g_strdup_printf("{id: %" G_GINT64_FORMAT ", values: {移交单位: [乙局], 全宗: B}}", w.ours), *told = denial(&w, moved, LANTAI_ERROR_DENIED);
  g_autofree char *stolen = g_strdup_printf("{id: %" G_GINT64_FORMAT ", values: {全宗: A}}", w.others), *none = denial(&w, stolen, LANTAI_ERROR_NOT_FOUND);
  g_autofree char *points = g_strdup_printf("{ledger: 后续, date: 2023-03-01, title: 探, values: {所属: %" G_GINT64_FORMAT "}}", w.others),
    *unseen = denial(&w, points, LANTAI_ERROR_INVALID);
  g_autofree char *beyond = denial(&w, "{ledger: 后续, date: 2023-03-01, title: 探, values: {所属: 9999}}", LANTAI_ERROR_INVALID);
  g_assert_true(g_str_has_prefix(unseen, "《探》所属：台账“移交”中没有第") && g_str_has_prefix(beyond, "《探》所属：台账“移交”中没有第")); /* as if there were none */
  json_auto_t *own = yaml("{ledger: 移交, date: 2023-03-02, title: 自记, values: {移交单位: [北山市甲局]}}"), *bare = yaml("{ledger: 移交, date: 2023-03-02, title: 空着}");
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  good(ledger_entry_put(sql, w.asker, "some", own, 0, error));
  good(ledger_entry_put(sql, w.asker, "some", bare, 0, error));
  /* an entry that somebody gave to others is gone for him, also as it was while it was his; one that was others' is his from then on */
  g_autofree char *away = g_strdup_printf("{id: %" G_GINT64_FORMAT ", values: {移交单位: [北山市甲局]}}", w.others),
    *gone = g_strdup_printf("{id: %" G_GINT64_FORMAT ", values: {移交单位: [乙局]}}", w.titled);
  json_auto_t *comes = yaml(away), *goes = yaml(gone);
  good(ledger_entry_comment(sql, LEDGER_EVERYTHING, "zhang", w.others, "暗中的话", error));
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", comes, 0, error));
  good(ledger_entry_comment(sql, LEDGER_EVERYTHING, "zhang", w.others, "归您了", error));
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", goes, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_read(w.f.db, error));
  fails(ledger_entry_history(sql, w.asker, w.titled, 0, 10, error), LANTAI_ERROR_NOT_FOUND);
  json_auto_t *history = good(ledger_entry_history(sql, w.asker, w.others, 0, 10, error));
  g_assert_cmpuint(json_array_size(history), ==, 1);
  g_assert_cmpuint(json_array_size(json_object_get(json_array_get(history, 0), "changes")), ==, 0);
  json_auto_t *said = good(ledger_entry_comments(sql, w.asker, w.others, 0, 1, error)), *more = good(ledger_entry_comments(sql, w.asker, w.others, 0, 10, error));
  g_assert_cmpstr(text_at(json_array_get(said, 0), "text"), ==, "归您了");
  g_assert_cmpuint(json_array_size(more), ==, 1); /* what was said while it was others' stays with that time */
  fails(version_load(sql, w.others, 999, error), LANTAI_ERROR_NOT_FOUND);
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* The refusal of an entry that says value for a field, with what was said taken out. New. */
static char *refusal_of(World *w, const char *field, const char *value) {
  g_autofree char *text = g_strdup_printf("{ledger: 后续, date: 2023-03-01, title: 探, values: {%s}}", field);
  g_autoptr(GString) given = g_string_new(text);
  g_string_replace(given, "?", value, 0);
  json_auto_t *entry = yaml(given->str);
  g_autoptr(Sql) sql = good(sql_write(w->f.db, error));
  g_autoptr(GError) local = NULL;
  g_assert_cmpint(ledger_entry_put(sql, w->asker, "some", entry, 0, &local), ==, 0);
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_autoptr(GString) told = g_string_new(local->message);
  g_string_replace(told, value, "?", 0);
  return g_string_free(g_steal_pointer(&told), FALSE);
}

/* What he does not see is told in the words for what is not there: by id, title and 档号, in child rows as well; and it does not count among those of a title. */
static void test_referring(void) {
  static const char *const by_id[] = {"所属: ?", "所属: '?'", "明细: [{条: ?}]"}, *const by_title[] = {"所属: ?", "明细: [{条: ?}]"}, *const by_code[] = {"依据: ?",
    "明细: [{档: ?}]"};
  World w;
  open_world(&w);
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  good(catalog_fonds_ensure(&w.f.house, sql, "system", "B", "乙局", error));
  gint64 fonds = good(catalog_fonds_ensure(&w.f.house, sql, "system", "C", "丙局", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_autofree char *others = g_strdup_printf("%" G_GINT64_FORMAT, w.others), *record = g_strdup_printf("#%" G_GINT64_FORMAT, fonds);
  const struct { const char *const *fields; guint count; const char *there, *absent; } cases[] = {{by_id, G_N_ELEMENTS(by_id), others, "9999"},
    {by_title, G_N_ELEMENTS(by_title), "暗乙一", "暗无此"}, {by_code, G_N_ELEMENTS(by_code), "C", "ZZZ"}, {by_code, G_N_ELEMENTS(by_code), record, "#9999"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    for (guint k = 0; k < cases[i].count; k++) {
      gboolean quoted = cases[i].there[0] == '#';
      g_autoptr(GString) given = g_string_new(cases[i].fields[k]);
      if (quoted) g_string_replace(given, "?", "'?'", 0);
      g_autofree char *there = refusal_of(&w, given->str, cases[i].there), *absent = refusal_of(&w, given->str, cases[i].absent);
      g_assert_cmpstr(there, ==, absent);
    }
  g_autofree char *unseen = g_strdup_printf("{ledger: 后续, date: 2023-03-01, title: 探, values: {依据: '%s', 所属: %s}}", record, others);
  json_auto_t *form = yaml(unseen);
  sql = good(sql_read(w.f.db, error));
  json_auto_t *faults = ledger_entry_problems(sql, w.asker, ledger_find("后续"), form); /* what a form says before it is written */
  g_assert_cmpuint(json_object_size(faults), ==, 2);
  sql_end(g_steal_pointer(&sql));
  put(&w.f, "{ledger: 移交, date: 2023-02-01, title: 暗乙一, values: {移交单位: [北山市甲局]}}");
  json_auto_t *one = yaml("{ledger: 后续, date: 2023-03-01, title: 探, values: {所属: 暗乙一, 明细: [{条: 暗乙一}]}}");
  g_autofree char *stays = g_strdup_printf("{id: %" G_GINT64_FORMAT ", title: 改了, values: {所属: %" G_GINT64_FORMAT "}}", w.later, w.others);
  json_auto_t *former = yaml(stays);
  sql = good(sql_write(w.f.db, error));
  good(ledger_entry_put(sql, w.asker, "some", one, 0, error)); /* the only one that he sees */
  good(ledger_entry_put(sql, w.asker, "some", former, 0, error)); /* it referred to it already */
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* What goes into a dossier: no note and no word from a time when the entry was more secret; no 档号 that who files it may not see. */
static void test_dossier(void) {
  World w;
  open_world(&w);
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  const char *const levels[] = {"秘密", "公开"};
  for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
    g_autofree char *text = g_strdup_printf("{id: %" G_GINT64_FORMAT ", secrecy: %s}", w.ours, levels[i]);
    json_auto_t *change = yaml(text);
    good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", change, 0, error));
    good(ledger_entry_move(sql, LEDGER_EVERYTHING, "zhang", w.ours, i == 0 ? "毕" : "办", 0, i == 0 ? "暗中查明" : "可以说的", error));
    good(ledger_entry_comment(sql, LEDGER_EVERYTHING, "zhang", w.ours, i == 0 ? "暗中的话" : "明说的话", error));
  }
  good(ledger_entry_move(sql, LEDGER_EVERYTHING, "zhang", w.ours, "毕", 0, "办结了", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_read(w.f.db, error));
  json_auto_t *dossier = good(ledger_dossier(sql, w.asker, w.ours, error));
  g_autofree char *sheet = json_dumps(json_object_get(dossier, "document"), JSON_ENCODE_ANY);
  g_assert_null(strstr(sheet, "暗中"));
  g_assert_nonnull(strstr(sheet, "明说的话"));
  g_assert_nonnull(strstr(sheet, "可以说的"));
  g_assert_nonnull(strstr(sheet, "办结了"));
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* The clerk of a body, whose role lets him read ledgers. */
static void test_body(void) {
  World w;
  open_world(&w);
  g_autoptr(Person) clerk = fixture_limited(&w.f, "clerk", "transferor", "", "", "甲办");
  g_autoptr(Person) staff = fixture_limited(&w.f, "staff", "archivist", "", "", "甲办");
  const char *const *reach = people_reach(clerk);
  g_assert_nonnull(reach);
  g_assert_true(g_strv_contains(reach, "北山市甲局")); /* by the body's other names */
  g_assert_null(people_reach(staff)); /* one of the house, whose 科室 that is */
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  LedgerAsk ask = {.definition = ledger_find("移交"), .limit = 10};
  json_auto_t *all = good(ledger_list(&w.f.house, sql, (Asker){staff, FALSE}, &ask, error));
  g_assert_cmpint(int_at(all, "count"), ==, 5);
  fails(ledger_list(&w.f.house, sql, (Asker){clerk, FALSE}, &ask, error), LANTAI_ERROR_DENIED); /* shipped, he reads no ledger */
  json_auto_t *entry = good(ledger_entry_load(sql, LEDGER_EVERYTHING, w.many, error));
  g_assert_false(ledger_admits(ask.definition, (Asker){clerk, FALSE}, entry));
  g_autofree char *one = ledger_view(w.asker), *other = ledger_view((Asker){staff, FALSE});
  g_assert_cmpstr(one, !=, other);
  sql_end(g_steal_pointer(&sql));
  close_world(&w);
}

/* What a definition may say. */
static void test_definition(void) {
  static const struct { const char *rows, *what; } cases[] = {{"{of: 单位名}", NULL}, {"{of: [单位名, 标题]}", NULL}, {"{of: [无此]}", "无此"}, {"{of: [数]}", "“数”"},
    {"{of: [曾]}", "“曾”"}, {"{of: []}", "没有写明"}, {"{off: [单位名]}", "of"}, {"somebody", "own"}, {"{of: 3}", "“3”"}, {"[own]", "own"}};
  Fixture f;
  fixture_open(&f);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strdup_printf("{name: 试, rows: %s, fields: [{name: 单位名, type: body}, {name: 数, type: number}, {name: 曾, type: body, dated: true}]}",
      cases[i].rows);
    json_auto_t *definition = yaml(text), *faults = ledger_definition_faults(definition, NULL);
    json_t *fault = json_array_get(faults, 0);
    if (cases[i].what == NULL) g_assert_null(fault);
    else if (fault == NULL || strstr(text_at(fault, "what"), cases[i].what) == NULL) g_error("%s: %s", cases[i].rows, fault ? text_at(fault, "what") : "good");
    if (cases[i].what != NULL) g_assert_true(g_str_has_prefix(text_at(fault, "where"), "rows"));
  }
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/gate/lists", test_lists);
  g_test_add_func("/ledger/gate/passed", test_passed);
  g_test_add_func("/ledger/gate/entries", test_entries);
  g_test_add_func("/ledger/gate/writing", test_writing);
  g_test_add_func("/ledger/gate/referring", test_referring);
  g_test_add_func("/ledger/gate/dossier", test_dossier);
  g_test_add_func("/ledger/gate/body", test_body);
  g_test_add_func("/ledger/gate/definition", test_definition);
  return g_test_run();
}
