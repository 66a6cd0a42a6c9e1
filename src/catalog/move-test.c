/* Moving: plans, classes in classes, another fonds with everything below, refusals, undoing, replay; the order of children; at size. */
#include "move.h"
#include "test-fixture.h"

typedef struct { Fixture f; gint64 fonds, other, class, below, away; gint64 volume, items[4]; } Place;

static gint64 keep_in(Place *p, Sql *sql, gint64 parent, Level level, const char *code) {
  g_autoptr(CatalogRecord) record = record_of(parent, level, 1, code, "题名");
  good(catalog_record_create(&p->f.house, sql, "t", record, error));
  return record->id;
}

/* A fonds with a class, a class in it, a volume there with two files, and two files in the class; another fonds with a class. */
static void place_open(Place *p) {
  fixture_open(&p->f);
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  p->fonds = good(catalog_fonds_ensure(&p->f.house, sql, "t", "A1", "甲局", error));
  p->other = good(catalog_fonds_ensure(&p->f.house, sql, "t", "B1", "乙局", error));
  p->class = good(catalog_class_ensure(&p->f.house, sql, "t", p->fonds, 1, error));
  p->away = good(catalog_class_ensure(&p->f.house, sql, "t", p->other, 1, error));
  p->below = keep_in(p, sql, p->class, LEVEL_CLASS, "A1-1");
  p->volume = keep_in(p, sql, p->below, LEVEL_VOLUME, "A1-1-1");
  static const char *const codes[] = {"A1-1-1-1", "A1-1-1-2", "A1-c1", "A1-c2"};
  for (guint i = 0; i < 4; i++) p->items[i] = keep_in(p, sql, i < 2 ? p->volume : p->class, LEVEL_ITEM, codes[i]);
  good(sql_commit(sql, error));
}

static void place_close(Place *p) { fixture_close(&p->f); }

static gint64 plan_of(Place *p, gint64 target, const gint64 *ids, gsize count) {
  MoveAsk ask = {.target = target, .ids = ids, .count = count};
  return good(move_plan(&p->f.house, &SCOPE_EVERYTHING, "t", &ask, error));
}

static gboolean run(Place *p, gint64 id, gboolean undo, GError **error) {
  json_auto_t *parameters = json_pack("{s:I, s:b}", "move", (json_int_t)id, "undo", undo);
  return job_run_now(&p->f.house, move_run, parameters, "t", FALSE, error);
}

static gint64 told(Place *p, gint64 id, const char *key) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  json_auto_t *plan = good(move_load(sql, id, error));
  return json_integer_value(json_object_get(plan, key));
}

static void assert_at(Place *p, gint64 id, gint64 parent, gint64 fonds) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, id, error));
  g_assert_cmpint(record->parent_id, ==, parent);
  g_assert_cmpint(record->fonds_id, ==, fonds);
}

/* While somebody writes, a plan is worked out: what one of its records refuses is told without waiting for him. */
static void test_beside_writers(void) {
  Place p;
  place_open(&p);
  const gint64 ids[] = {p.below, 999};
  const MoveAsk ask = {.target = p.away, .ids = ids, .count = G_N_ELEMENTS(ids)};
  g_autoptr(Sql) writing = good(sql_write(p.f.db, error));
  fails(move_plan(&p.f.house, &SCOPE_EVERYTHING, "t", &ask, error), LANTAI_ERROR_NOT_FOUND);
  sql_end(g_steal_pointer(&writing));
  place_close(&p);
}

static void test_branch_across(void) {
  Place p;
  place_open(&p);
  gint64 id = plan_of(&p, p.away, &p.below, 1);
  g_assert_cmpint(told(&p, id, "total"), ==, 4);
  assert_at(&p, p.below, p.class, p.fonds); /* a plan changes nothing */
  good(run(&p, id, FALSE, error));
  assert_at(&p, p.below, p.away, p.other);
  assert_at(&p, p.volume, p.below, p.other);
  assert_at(&p, p.items[1], p.volume, p.other);
  assert_at(&p, p.items[2], p.class, p.fonds);
  g_autofree char *there = found_by(&p.f, &SCOPE_EVERYTHING, (SearchRequest){.query = "题名", .fonds = &p.other, .fonds_count = 1});
  g_autofree char *expected = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " ", p.below, p.volume,
    p.items[0], p.items[1]);
  g_assert_cmpstr(there, ==, expected);
  good(run(&p, id, TRUE, error));
  assert_at(&p, p.below, p.class, p.fonds);
  assert_at(&p, p.items[1], p.volume, p.fonds);
  fails(run(&p, id, FALSE, error), LANTAI_ERROR_CONFLICT);
  place_close(&p);
}

static void test_refusals(void) {
  Place p;
  place_open(&p);
  const gint64 ids[] = {p.class, p.fonds, p.volume};
  gint64 id = plan_of(&p, p.below, ids, 3); /* a class below itself, a fonds; the volume is there already */
  g_assert_cmpint(told(&p, id, "refused"), ==, 2);
  g_assert_cmpint(told(&p, id, "unchanged"), ==, 1);
  g_assert_cmpint(told(&p, id, "total"), ==, 0);
  id = plan_of(&p, p.volume, &p.below, 1);
  g_assert_cmpint(told(&p, id, "refused"), ==, 1);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    keep_in(&p, sql, p.away, LEVEL_ITEM, "A1-1-1-2"); /* a code that the branch brings */
    good(sql_commit(sql, error));
  }
  id = plan_of(&p, p.away, &p.below, 1);
  g_assert_cmpint(told(&p, id, "refused"), ==, 1);
  g_assert_cmpint(told(&p, id, "total"), ==, 0);
  Scope narrow = {.opening_mask = 15, .files_mask = 15, .security = SECURITY_PUBLIC, .fonds = &p.fonds, .fonds_count = 1};
  MoveAsk beyond = {.target = p.away, .ids = &p.below, .count = 1};
  fails(move_plan(&p.f.house, &narrow, "t", &beyond, error), LANTAI_ERROR_NOT_FOUND);
  gint64 stale = plan_of(&p, p.fonds, &p.below, 1);
  good(run(&p, plan_of(&p, p.fonds, &p.items[2], 1), FALSE, error) || TRUE); /* the former plan of the same person is forgotten */
  fails(run(&p, stale + 1, FALSE, error), LANTAI_ERROR_NOT_FOUND);
  place_close(&p);
}

static void test_changed_since(void) {
  Place p;
  place_open(&p);
  gint64 id = plan_of(&p, p.below, &p.items[2], 1);
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    g_autoptr(CatalogRecord) record = good(catalog_record_load(sql, &SCOPE_EVERYTHING, p.items[2], error));
    record->parent_id = p.volume;
    good(catalog_record_update(&p.f.house, sql, "t", record, 0, error) && sql_commit(sql, error));
  }
  fails(run(&p, id, FALSE, error), LANTAI_ERROR_CONFLICT);
  assert_at(&p, p.items[2], p.volume, p.fonds);
  g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
  g_autoptr(CatalogRecord) class = good(catalog_record_load(sql, &SCOPE_EVERYTHING, p.class, error));
  class->parent_id = p.below; /* by the form: below itself */
  fails(catalog_record_update(&p.f.house, sql, "t", class, 0, error), LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&sql));
  place_close(&p);
}

static void move_by(Place *p, const char *actor, gint64 id, gint64 parent) {
  MoveAsk ask = {.target = parent, .ids = &id, .count = 1};
  gint64 plan = good(move_plan(&p->f.house, &SCOPE_EVERYTHING, actor, &ask, error));
  good(run(p, plan, FALSE, error));
}

/* Between plan and start the parent it goes to may be moved, given away or deleted by another. */
static void test_target_changed_since(void) {
  Place p;
  place_open(&p);
  g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
  gint64 second = keep_in(&p, sql, p.fonds, LEVEL_CLASS, "A1-2"), third = keep_in(&p, sql, p.fonds, LEVEL_CLASS, "A1-3");
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));

  gint64 circle = plan_of(&p, second, &p.class, 1);
  move_by(&p, "u", second, p.class);
  fails(run(&p, circle, FALSE, error), LANTAI_ERROR_CONFLICT); /* the class below its own child */
  assert_at(&p, p.class, p.fonds, p.fonds);

  gint64 given = plan_of(&p, third, &p.items[2], 1);
  move_by(&p, "u", third, p.away);
  fails(run(&p, given, FALSE, error), LANTAI_ERROR_CONFLICT); /* within a fonds, to a class that is in another now */
  assert_at(&p, p.items[2], p.class, p.fonds);

  gint64 gone = plan_of(&p, second, &p.items[3], 1);
  sql = good(sql_write(p.f.db, error));
  good(catalog_record_delete(&p.f.house, sql, "u", second, error) && sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  fails(run(&p, gone, FALSE, error), LANTAI_ERROR_CONFLICT);
  assert_at(&p, p.items[3], p.class, p.fonds);
  place_close(&p);
}

/* A record picked beside one that it lies in goes to another fonds with that one, whichever was picked first. */
static void test_picked_within(void) {
  for (guint turned = 0; turned < 2; turned++) {
    Place p;
    place_open(&p);
    const gint64 ids[] = {turned ? p.volume : p.below, turned ? p.below : p.volume};
    gint64 id = plan_of(&p, p.away, ids, 2);
    g_assert_cmpint(told(&p, id, "total"), ==, 4);
    g_assert_cmpint(told(&p, id, "refused"), ==, 1);
    good(run(&p, id, FALSE, error));
    assert_at(&p, p.below, p.away, p.other);
    assert_at(&p, p.volume, p.below, p.other);
    assert_at(&p, p.items[0], p.volume, p.other);
    place_close(&p);
  }
}

/* The way back is asked the same: the class it came from has gone below it since. */
static void test_undo_into_itself(void) {
  Place p;
  place_open(&p);
  gint64 id = plan_of(&p, p.fonds, &p.below, 1);
  good(run(&p, id, FALSE, error));
  move_by(&p, "u", p.class, p.below);
  fails(run(&p, id, TRUE, error), LANTAI_ERROR_CONFLICT);
  assert_at(&p, p.below, p.fonds, p.fonds);
  assert_at(&p, p.class, p.below, p.fonds);
  place_close(&p);
}

/* "id id id " of a node's children in their own order, for an asker. */
static char *order_of(Place *p, const Scope *scope, gint64 node) {
  g_autoptr(Sql) sql = good(sql_read(p->f.db, error));
  GString *ids = g_string_new(NULL);
  gint64 place = 0;
  for (gboolean more = TRUE; more;) { /* a page of two */
    g_autoptr(GPtrArray) page = good(order_children(sql, scope, node, place, 2, &place, &more, error));
    for (guint i = 0; i < page->len; i++) g_string_append_printf(ids, "%" G_GINT64_FORMAT " ", ((const CatalogRecord *)page->pdata[i])->id);
  }
  return g_string_free(ids, FALSE);
}

static void put(Place *p, gint64 node, const gint64 *ids, gsize count, gint64 before) {
  g_autoptr(Sql) sql = good(sql_write(p->f.db, error));
  good(order_put(&p->f.house, sql, "t", node, ids, count, before, error) && sql_commit(sql, error));
}

static void assert_order(Place *p, gint64 node, const gint64 *ids, guint count) {
  g_autofree char *found = order_of(p, &SCOPE_EVERYTHING, node);
  g_autoptr(GString) expected = g_string_new(NULL);
  for (guint i = 0; i < count; i++) g_string_append_printf(expected, "%" G_GINT64_FORMAT " ", ids[i]);
  g_assert_cmpstr(found, ==, expected->str);
}

static void test_order(void) {
  Place p;
  place_open(&p);
  put(&p, p.class, &p.items[3], 1, p.below); /* by codes: A1-1, A1-c1, A1-c2 */
  const gint64 first[] = {p.items[3], p.below, p.items[2]};
  assert_order(&p, p.class, first, 3);
  for (guint i = 0; i < 40; i++) put(&p, p.class, &first[i % 2 ? 0 : 2], 1, p.below); /* until there is no room, and on */
  const gint64 then[] = {p.items[2], p.items[3], p.below};
  assert_order(&p, p.class, then, 3);
  good(run(&p, plan_of(&p, p.below, &p.items[2], 1), FALSE, error)); /* leaves, and comes back at the end */
  assert_order(&p, p.class, &then[1], 2);
  gint64 made;
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    made = keep_in(&p, sql, p.class, LEVEL_ITEM, "A1-a");
    fails(order_put(&p.f.house, sql, "t", p.class, &p.volume, 1, 0, error), LANTAI_ERROR_CONFLICT); /* not a child */
    good(sql_commit(sql, error));
  }
  const gint64 last[] = {p.items[3], p.below, made};
  assert_order(&p, p.class, last, 3);
  Scope none = {.opening_mask = 1u << OPENING_OPEN, .files_mask = 0, .security = SECURITY_PUBLIC, .all_fonds = TRUE};
  g_autofree char *unseen = order_of(&p, &none, p.class);
  g_autofree char *only = g_strdup_printf("%" G_GINT64_FORMAT " ", p.below);
  g_assert_cmpstr(unseen, ==, only); /* classes are seen, closed files are not */
  g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
  good(catalog_record_delete(&p.f.house, sql, "t", p.items[3], error) && sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_order(&p, p.class, &last[1], 2);
  place_close(&p);
}

/* Every event of one archive given to another that had the same records: the same rows, the same order. */
static void test_replay(void) {
  Place p, q;
  place_open(&p);
  place_open(&q);
  gint64 from;
  {
    g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
    from = good(sql_number(sql, "SELECT MAX(id) AS last FROM event", SQL_NONE, 0, error));
  }
  put(&p, p.class, &p.items[3], 1, p.below);
  gint64 id = plan_of(&p, p.away, &p.below, 1);
  good(run(&p, id, FALSE, error));
  good(run(&p, id, TRUE, error));
  put(&p, p.class, &p.below, 1, p.items[3]);
  static const struct { const char *kind; gboolean move; } SUBJECTS[] = {{"record", FALSE}, {"move", TRUE}};
  g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_auto_t *events = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(SUBJECTS); i++) {
    g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
    json_auto_t *some = good(journal_of(sql, SUBJECTS[i].kind, SUBJECTS[i].move ? id : p.class, 0, 50, error));
    json_array_extend(events, some);
  }
  for (gint64 at = from + 1; at < from + 100; at++) {
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event) {
      if (json_integer_value(json_object_get(event, "id")) != at) continue;
      json_object_set_new(event, "subject", json_pack("{s:O, s:O}", "kind", json_object_get(event, "subject_kind"), "id", json_object_get(event, "subject_id")));
      g_autoptr(Sql) sql = good(sql_write(q.f.db, error));
      good(catalog_replay(&q.f.house, sql, event, error) && sql_commit(sql, error));
      g_array_append_val(seen, at);
    }
  }
  g_assert_cmpuint(seen->len, ==, 4);
  g_autofree char *here = rows_text(p.f.db), *there = rows_text(q.f.db);
  g_assert_cmpstr(here, ==, there);
  g_autofree char *order = order_of(&p, &SCOPE_EVERYTHING, p.class), *again = order_of(&q, &SCOPE_EVERYTHING, q.class);
  g_assert_cmpstr(order, ==, again);
  place_close(&p);
  place_close(&q);
}

static void test_many(void) {
  Place p;
  place_open(&p);
  const guint count = g_test_slow() ? 200000 : 20000;
  {
    g_autoptr(Sql) sql = good(sql_write(p.f.db, error));
    gint64 first = good(catalog_reserve_ids(sql, count, error));
    catalog_bulk_begin(&p.f.house, sql);
    for (guint i = 0; i < count; i++) {
      g_autofree char *code = g_strdup_printf("A1-1-9-%06u", i);
      g_autoptr(CatalogRecord) record = record_of(p.below, LEVEL_ITEM, 1, code, "件");
      record->id = first + i;
      record->fonds_id = p.fonds;
      g_assert_cmpint(good(catalog_record_put(&p.f.house, sql, record, NULL, error)), ==, CATALOG_PUT_CREATED);
    }
    good(catalog_bulk_end(&p.f.house, sql, error) && sql_commit(sql, error));
  }
  gint64 begin = g_get_monotonic_time(), id = plan_of(&p, p.away, &p.below, 1), planned = g_get_monotonic_time();
  g_assert_cmpint(told(&p, id, "total"), ==, count + 4);
  g_setenv("LANTAI_FAULT", "move.lot:3:error", TRUE); /* how far it is stands in the plan; it goes on from there */
  g_assert_false(run(&p, id, FALSE, NULL));
  g_unsetenv("LANTAI_FAULT");
  g_assert_cmpint(told(&p, id, "done"), ==, 2000);
  good(run(&p, id, FALSE, error));
  g_assert_cmpint(told(&p, id, "done"), ==, count + 4);
  gint64 moved = g_get_monotonic_time();
  put(&p, p.below, &p.volume, 1, 0);
  gint64 ordered = g_get_monotonic_time();
  put(&p, p.below, &p.volume, 1, 0);
  gint64 again = g_get_monotonic_time();
  g_test_message("a branch of %u records: plan %.2f s, moved %.2f s; first order %.0f ms, the next %.2f ms", count,
    (double)(planned - begin) / 1e6, (double)(moved - planned) / 1e6,
    (double)(ordered - moved) / 1e3, (double)(again - ordered) / 1e3);
  g_assert_cmpint(again - ordered, <, 200000);
  g_assert_cmpint(count_of(&p.f, "件"), ==, count);
  good(run(&p, id, TRUE, error)); /* one action, undone as one */
  g_assert_cmpint(told(&p, id, "done"), ==, 0);
  assert_at(&p, p.below, p.class, p.fonds);
  g_autoptr(Sql) sql = good(sql_read(p.f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS n FROM record WHERE fonds_id = $1", SQL_ARGS(sql_int(p.other)), -1, error)), ==, 2);
  sql_end(g_steal_pointer(&sql));
  place_close(&p);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/move/branch-across", test_branch_across);
  g_test_add_func("/move/beside-writers", test_beside_writers);
  g_test_add_func("/move/refusals", test_refusals);
  g_test_add_func("/move/changed-since", test_changed_since);
  g_test_add_func("/move/target-changed-since", test_target_changed_since);
  g_test_add_func("/move/picked-within", test_picked_within);
  g_test_add_func("/move/undo-into-itself", test_undo_into_itself);
  g_test_add_func("/move/replay", test_replay);
  g_test_add_func("/move/many", test_many);
  g_test_add_func("/order/children", test_order);
  return g_test_run();
}
