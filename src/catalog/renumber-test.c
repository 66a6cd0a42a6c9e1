/* Renumbering: plans over nodes and searches, circles, refusals, undoing, replay; the survey of gaps and repeats; at size. */
#include "code-survey.h"
#include "renumber.h"
#include "test-fixture.h"

typedef struct { Fixture f; gint64 fonds, class; } Place;

static void choose_rule(Place *p, const char *rule) {
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  json_auto_t *event = json_pack("{s:s, s:{s:I, s:i, s:s, s:i, s:i}}", "action", "code.choose", "data", "fonds", (json_int_t)p->fonds, "category", 1, "rule", rule,
    "volume_width", 0, "item_width", 0);
  good(catalog_code_replay(&p->f.house, sql, event, error) && sql_commit(sql, error));
}

static void place_open(Place *p) {
  fixture_open(&p->f);
  {
    g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
    p->fonds = good(catalog_fonds_ensure(&p->f.house, sql, "t", "Z109", "某局", error));
    p->class = good(catalog_class_ensure(&p->f.house, sql, "t", p->fonds, 1, error));
    good(sql_commit(sql, error));
  }
  choose_rule(p, "dat22-2015-piece");
}

static gint64 keep_in(Place *p, Sql *sql, gint64 parent, Level level, const char *code, int year) {
  g_autoptr(CatalogRecord) record = record_of(parent, level, 1, code, "题名");
  record->year = year;
  put_text(&record->retention, "永久");
  good(catalog_record_create(&p->f.house, sql, "t", record, error));
  return record->id;
}

static void keep_codes(Place *p, const char *const *codes, gint64 *ids) {
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  for (guint i = 0; codes[i] != NULL; i++) ids[i] = keep_in(p, sql, p->class, LEVEL_ITEM, codes[i], 2011);
  good(sql_commit(sql, error));
}

static char *code_of(Place *p, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  return good(sql_string(sql, "SELECT code FROM record WHERE id = $1", SQL_ARGS(sql_int(id)), error));
}

static void assert_codes(Place *p, const gint64 *ids, const char *const *expected) {
  for (guint i = 0; expected[i] != NULL; i++) {
    g_autofree char *code = code_of(p, ids[i]);
    g_assert_cmpstr(code, ==, expected[i]);
  }
}

static gint64 plan_for(Place *p, RenumberAsk ask) { return good(renumber_plan(&p->f.house, &SCOPE_EVERYTHING, "t", &ask, error)); }

static gboolean run(Place *p, gint64 id, gboolean undo, GError **error) {
  json_auto_t *parameters = json_pack("{s:I, s:b}", "renumber", (json_int_t)id, "undo", undo);
  return job_run_now(&p->f.house, renumber_run, parameters, "t", FALSE, error);
}

static gint64 told(Place *p, gint64 id, const char *key) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  json_auto_t *plan = good(renumber_load(sql, id, error));
  return json_integer_value(json_object_get(plan, key));
}

static const char *const BEFORE[] = {"Z109-WS·2011-Y-0002", "Z109-WS·2011-Y-0004", "Z109-WS·2011-Y-0009", "旧 7", NULL};

static void test_anew_and_back(void) {
  static const char *const after[] = {"Z109-WS·2011-Y-0001", "Z109-WS·2011-Y-0002", "Z109-WS·2011-Y-0003", "Z109-WS·2011-Y-0004", NULL};
  Place p;
  gint64 ids[4];
  place_open(&p);
  keep_codes(&p, BEFORE, ids);
  gint64 id = plan_for(&p, (RenumberAsk){.node = p.class, .anew = TRUE});
  g_assert_cmpint(told(&p, id, "total"), ==, 4);
  assert_codes(&p, ids, BEFORE); /* a plan changes nothing */
  good(run(&p, id, FALSE, error));
  assert_codes(&p, ids, after);
  g_assert_cmpint(count_of(&p.f, "原档号:Z109-WS·2011-Y-0009"), ==, 1);
  fails(run(&p, id, FALSE, error), LANTAI_ERROR_CONFLICT);
  good(run(&p, id, TRUE, error));
  assert_codes(&p, ids, BEFORE);
  g_assert_cmpint(count_of(&p.f, "原档号:Z109-WS·2011-Y-0003"), ==, 0); /* what was taken back was never its number */
  g_assert_cmpint(count_of(&p.f, "Z109-WS·2011-Y-0009"), ==, 1);
  fails(run(&p, id, TRUE, error), LANTAI_ERROR_CONFLICT);
  fixture_close(&p.f);
}

/* 0001 → 0002 → 0003 → 0001, as rows of a plan: numbers of a rule never make one by themselves, other plans may. */
static void test_circle(void) {
  static const char *const codes[] = {"K-1", "K-2", "K-3", NULL}, *const turned[] = {"K-2", "K-3", "K-1", NULL};
  Place p;
  gint64 ids[3];
  place_open(&p);
  keep_codes(&p, codes, ids);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    good(sql_exec(sql,
      "INSERT INTO renumber (id, at_us, actor, title, mode, state, total, done, unchanged, refused) VALUES (1, 0, 't', '', 'keep', 'planned', 3, 0, 0, 0)",
      SQL_NONE, error));
    for (guint i = 0; i < 3; i++)
      good(sql_exec(sql,
        "INSERT INTO renumber_row (renumber_id, place, turn, joined, record_id, code_before, code_after, problem) VALUES (1, $1, $1, $2, $3, $4, $5, '')",
        SQL_ARGS(sql_int(i + 1), sql_int(i > 0), sql_int(ids[i]), sql_text(codes[i]), sql_text(turned[i])), error));
    good(sql_commit(sql, error));
  }
  good(run(&p, 1, FALSE, error));
  assert_codes(&p, ids, turned);
  good(run(&p, 1, TRUE, error));
  assert_codes(&p, ids, codes);
  fixture_close(&p.f);
}

static void test_refusals(void) {
  static const char *const codes[] = {"a-1", "b-1", "Z109-WS·2011-Y-0007", "c-7", "d", NULL};
  Place p;
  gint64 ids[5];
  place_open(&p);
  keep_codes(&p, codes, ids);
  gint64 id = plan_for(&p, (RenumberAsk){.node = p.class});
  g_assert_cmpint(told(&p, id, "total"), ==, 2);     /* a-1 → 0001; b-1 wants the same, c-7 has a twin that stays; d has no number and gets 0008 */
  g_assert_cmpint(told(&p, id, "unchanged"), ==, 1);
  g_assert_cmpint(told(&p, id, "refused"), ==, 2);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    g_autofree char *next = good(sql_string(sql, "SELECT code_after FROM renumber_row WHERE renumber_id = $1 AND code_before = 'd'", SQL_ARGS(sql_int(id)), error));
    g_assert_cmpstr(next, ==, "Z109-WS·2011-Y-0008");
    g_autoptr(CatalogRecord) record = good(record_by_id(sql, ids[0], error));
    put_text(&record->code, "x-1");
    good(catalog_record_update(&p.f.house, sql, "t", record, 0, error) && sql_commit(sql, error));
  }
  fails(run(&p, id, FALSE, error), LANTAI_ERROR_CONFLICT); /* changed since it was looked at */
  choose_rule(&p, "no such rule any more");
  RenumberAsk ask = {.node = p.class};
  fails(renumber_plan(&p.f.house, &SCOPE_EVERYTHING, "t", &ask, error), LANTAI_ERROR_INVALID);
  fixture_close(&p.f);
}

static void test_volumes_and_search(void) {
  Place p;
  place_open(&p);
  choose_rule(&p, "dat13-1994-volume");
  gint64 ids[6];
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    ids[3] = keep_in(&p, sql, p.class, LEVEL_ITEM, "Z109-WS·2011-Y-0001", 2011); /* pieces of later years go on by their own rule */
    ids[4] = keep_in(&p, sql, p.class, LEVEL_ITEM, "Z109-WS·2011-Y-0002", 2011);
    ids[5] = keep_in(&p, sql, p.class, LEVEL_ITEM, "Z109-WS·2011-Y-3", 2011);
    ids[0] = keep_in(&p, sql, p.class, LEVEL_VOLUME, "Z109-1-5", 1958);
    ids[1] = keep_in(&p, sql, ids[0], LEVEL_ITEM, "Z109-1-5-2", 1958);
    ids[2] = keep_in(&p, sql, ids[0], LEVEL_ITEM, "Z109-1-5-1", 1958);
    good(sql_commit(sql, error));
  }
  static const char *const kept[] = {"Z109-001-005", "Z109-001-005-002", "Z109-001-005-001", "Z109-WS·2011-Y-0001", "Z109-WS·2011-Y-0002", "Z109-WS·2011-Y-0003", NULL};
  gint64 id = plan_for(&p, (RenumberAsk){.query = "题名", .fonds = p.fonds});
  good(run(&p, id, FALSE, error));
  assert_codes(&p, ids, kept);
  fixture_close(&p.f);
}

/* What nobody described stays as the code says it: the inventory, the organ. */
static void test_undescribed(void) {
  static const char *const codes[] = {"Z109-WS·2011-Y-BGS-0001", "Z109-WS·2011-Y-RSK-0001", NULL},
    *const after[] = {"Z109-WS·2011·Y·BGS-0001", "Z109-WS·2011·Y·RSK-0001", NULL};
  Place p;
  gint64 ids[2], volumes[2];
  place_open(&p);
  keep_codes(&p, codes, ids);
  choose_rule(&p, "dat13-2022-piece");
  good(run(&p, plan_for(&p, (RenumberAsk){.node = p.class}), FALSE, error));
  assert_codes(&p, ids, after);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    for (guint i = 0; i < 2; i++) {
      good(catalog_record_delete(&p.f.house, sql, "t", ids[i], error));
      volumes[i] = keep_in(&p, sql, p.class, LEVEL_VOLUME, i == 0 ? "Z109-1-7" : "Z109-2-7", 1958);
    }
    good(sql_commit(sql, error));
  }
  choose_rule(&p, "dat13-1994-volume");
  good(run(&p, plan_for(&p, (RenumberAsk){.node = p.class}), FALSE, error));
  assert_codes(&p, volumes, (const char *const[]){"Z109-001-007", "Z109-002-007", NULL});
  choose_rule(&p, "fixed-volume");
  good(run(&p, plan_for(&p, (RenumberAsk){.node = p.class}), FALSE, error));
  assert_codes(&p, volumes, (const char *const[]){"Z10919580010007", "Z10919580020007", NULL});
  fixture_close(&p.f);
}

/* Page numbers given anew go on behind the pages of each. */
static void test_page_numbers(void) {
  static const char *const codes[] = {"Z10919580010001", "Z109195800100010003", "Z109195800100010007", "Z109195800100010009"},
    *const after[] = {"Z10919580010001", "Z109195800100010001", "Z109195800100010006", "Z109195800100010007", NULL};
  static const int pages[] = {0, 5, 0, 2};
  Place p;
  gint64 ids[4];
  place_open(&p);
  choose_rule(&p, "fixed-volume");
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    for (guint i = 0; i < 4; i++) {
      g_autoptr(CatalogRecord) record = record_of(i == 0 ? p.class : ids[0], i == 0 ? LEVEL_VOLUME : LEVEL_ITEM, 1, codes[i], "题名");
      record->year = 1958;
      record->page_count = pages[i];
      good(catalog_record_create(&p.f.house, sql, "t", record, error));
      ids[i] = record->id;
    }
    good(sql_commit(sql, error));
  }
  good(run(&p, plan_for(&p, (RenumberAsk){.node = p.class, .anew = TRUE}), FALSE, error));
  assert_codes(&p, ids, after);
  fixture_close(&p.f);
}

/* Where a code may be once in the archive, one that a record of another fonds has is left out. */
static void test_unique(void) {
  static const char *const codes[] = {"Z109-5", "Z109-7", NULL}, *const after[] = {"Z109-1", "Z109-3", NULL};
  Place p;
  gint64 ids[2];
  place_open(&p);
  fixture_rules(&p.f, "rules: [{key: own, title: 流水, unique: archive, parts: [{part: fonds}, {part: item, before: \"-\"}]}]");
  choose_rule(&p, "own");
  keep_codes(&p, codes, ids);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    gint64 other = good(catalog_fonds_ensure(&p.f.house, sql, "t", "Z110", "另一局", error));
    keep_in(&p, sql, good(catalog_class_ensure(&p.f.house, sql, "t", other, 1, error)), LEVEL_ITEM, "Z109-2", 2011);
    good(sql_commit(sql, error));
  }
  good(run(&p, plan_for(&p, (RenumberAsk){.node = p.class, .anew = TRUE}), FALSE, error));
  assert_codes(&p, ids, after);
  fixture_close(&p.f);
}

/* What the journal tells, told to another archive that has the same records. */
static void test_replay(void) {
  Place p, q;
  gint64 ids[4];
  place_open(&p);
  place_open(&q);
  keep_codes(&p, BEFORE, ids);
  keep_codes(&q, BEFORE, ids);
  gint64 id = plan_for(&p, (RenumberAsk){.node = p.class, .anew = TRUE});
  for (guint undo = 0; undo < 2; undo++) {
    good(run(&p, id, undo, error));
    g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
    json_auto_t *events = good(journal_of(sql, "renumber", id, 0, 1, error));
    sql_end(g_steal_pointer(&sql));
    sql = good(sql_write(q.f.db, error));
    good(catalog_code_replay(&q.f.house, sql, json_array_get(events, 0), error) && sql_commit(sql, error));
    sql_end(g_steal_pointer(&sql));
    g_autofree char *here = rows_text(p.f.db), *there = rows_text(q.f.db);
    g_assert_cmpstr(here, ==, there);
    g_assert_cmpint(count_of(&q.f, "原档号:Z109-WS·2011-Y-0009"), ==, !undo);
  }
  fixture_close(&p.f);
  fixture_close(&q.f);
}

static void test_survey(void) {
  static const char *const codes[] = {"Z109-WS·2011-Y-0002", "Z109-WS·2011-Y-0003", "Z109-WS·2011-Y-007", "Z109-WS·2011-Y-0007", "Z109-WS·2011-Y-0009", "另编 1",
    NULL};
  Place p;
  gint64 ids[6];
  place_open(&p);
  keep_codes(&p, codes, ids);
  g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
  g_autoptr(CatalogRecord) fonds = good(record_by_id(sql, p.fonds, error));
  g_autoptr(GPtrArray) groups = good(code_survey(&p.f.house, sql, &SCOPE_EVERYTHING, fonds, 0, error));
  g_assert_cmpuint(groups->len, ==, 1);
  const CodeGroup *group = groups->pdata[0];
  g_assert_cmpuint(group->count, ==, 6);
  g_assert_cmpuint(group->follows, ==, 4);
  g_assert_cmpuint(group->missing, ==, 5); /* 1, 4–6, 8 */
  g_assert_cmpuint(group->gaps, ==, 3);
  g_assert_cmpuint(group->repeats, ==, 2);
  g_assert_cmpuint(group->mixed, ==, 1);
  g_assert_cmpuint(group->others->len, ==, 1);
  g_assert_cmpstr(g_array_index(group->others, CodeOther, 0).code, ==, "另编 1");
  g_autoptr(GPtrArray) nothing = good(code_survey(&p.f.house, sql, &SCOPE_NOTHING, fonds, 0, error));
  g_assert_cmpuint(nothing->len, ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&p.f);
}

/* A few thousand in every run; LANTAI_BIG=300000 for what is measured. */
static void test_many(void) {
  const char *big = g_getenv("LANTAI_BIG");
  guint count = big != NULL ? (guint)g_ascii_strtoull(big, NULL, 10) : 3000, moved = MIN(count, 20000);
  Place p;
  place_open(&p);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    gint64 first = good(catalog_reserve_ids(sql, count, error));
    catalog_bulk_begin(&p.f.house, sql);
    for (guint i = 0; i < count; i++) {
      g_autofree char *code = g_strdup_printf("Z109-WS·%d-Y-%06u", i < moved ? 2011 : 2012, i * 2 + 2);
      g_autoptr(CatalogRecord) record = record_of(p.class, LEVEL_ITEM, 1, code, "关于下达计划指标的通知");
      record->id = first + i;
      record->fonds_id = p.fonds;
      record->year = i < moved ? 2011 : 2012;
      put_text(&record->retention, "永久");
      g_assert_cmpint(good(catalog_record_put(&p.f.house, sql, record, NULL, error)), ==, CATALOG_PUT_CREATED);
    }
    good(catalog_bulk_end(&p.f.house, sql, error) && sql_commit(sql, error));
  }
  gint64 begin = g_get_monotonic_time();
  gint64 id = plan_for(&p, (RenumberAsk){.query = "年度:2011", .anew = TRUE});
  gint64 planned = g_get_monotonic_time();
  g_assert_cmpint(told(&p, id, "total"), ==, moved);
  good(run(&p, id, FALSE, error));
  gint64 done = g_get_monotonic_time();
  g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
  g_autoptr(CatalogRecord) fonds = good(record_by_id(sql, p.fonds, error));
  g_autoptr(GPtrArray) groups = good(code_survey(&p.f.house, sql, &SCOPE_EVERYTHING, fonds, 0, error));
  gint64 surveyed = g_get_monotonic_time();
  g_autoptr(CatalogRecord) draft = record_of(p.class, LEVEL_ITEM, 1, "", "");
  draft->fonds_id = p.fonds;
  draft->year = 2012;
  put_text(&draft->retention, "永久");
  g_autofree char *next = good(catalog_code_generate(&p.f.house, sql, draft, error));
  g_test_message("%u records: plan of %u %.2f s, carried out %.2f s, survey %.3f s, next number %s %.2f ms", count, moved, (double)(planned - begin) / 1e6,
    (double)(done - planned) / 1e6, (double)(surveyed - done) / 1e6, next, (double)(g_get_monotonic_time() - surveyed) / 1e3);
  g_assert_cmpuint(((const CodeGroup *)groups->pdata[0])->count, ==, count);
  sql_end(g_steal_pointer(&sql));
  good(run(&p, id, TRUE, error));
  g_assert_cmpint(count_of(&p.f, "Z109-WS·2011-Y-000001"), ==, 0);
  fixture_close(&p.f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/renumber/anew-and-back", test_anew_and_back);
  g_test_add_func("/renumber/circle", test_circle);
  g_test_add_func("/renumber/refusals", test_refusals);
  g_test_add_func("/renumber/volumes-and-search", test_volumes_and_search);
  g_test_add_func("/renumber/undescribed", test_undescribed);
  g_test_add_func("/renumber/page-numbers", test_page_numbers);
  g_test_add_func("/renumber/unique", test_unique);
  g_test_add_func("/renumber/replay", test_replay);
  g_test_add_func("/renumber/survey", test_survey);
  g_test_add_func("/renumber/many", test_many);
  return g_test_run();
}
