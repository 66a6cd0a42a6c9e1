/* Hits in the order of a field's dates: as a plain sort of the records has them, on every page, after saves and loads, for each asker, in an older snapshot. */
#include "block.h"
#include "error.h"
#include "query.h"

enum { RECORDS = 3000, PAGE = 211 };

typedef struct {
  SqlDb *db;
  Search *search;
  DateSpan spans[RECORDS + 1]; /* 0, 0: no date */
  char *lines[RECORDS + 1];    /* NULL: no record */
  Sql *before;                 /* a snapshot that saw these; NULL: none */
  char *lines_before[RECORDS + 1];
} World;
static const Scope READER = {.opening_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};

static gboolean is_closed(gint64 id) { return id % 4 == 0; }

static SearchDocument document_of(gint64 id, const char *lines) {
  return (SearchDocument){.id = id, .title = "登记", .fields = is_closed(id) ? "xm\t王某\n" : lines, .closed = is_closed(id) ? lines : "",
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = OPENING_OPEN, .category = (guint8)(id % 3)}};
}

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const World *world = data;
  char *const *lines = sql == world->before ? world->lines_before : world->lines;
  if (id < 1 || id > RECORDS || lines[id] == NULL) return FALSE;
  SearchDocument document = document_of(id, lines[id]);
  *ret = (SearchText){g_strdup("登记"), g_strdup(""), g_strdup(""), g_strdup(document.fields), g_strdup(""), FALSE, g_strdup(document.closed)};
  return TRUE;
}

static gboolean read_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer data, GError **error) {
  const World *world = data;
  for (gint64 id = after + 1; id <= RECORDS; id++) {
    SearchDocument document = document_of(id, world->lines[id]);
    if (world->lines[id] && !each(&document, each_data)) break;
  }
  return TRUE;
}

/* A day, a month, a year, a decade, a span, several lines of other fields beside; or none. */
static char *random_lines(DateSpan *ret) {
  int year = g_test_rand_int_range(1949, 1990), month = g_test_rand_int_range(1, 13), day = g_test_rand_int_range(1, 29);
  const char *key = g_test_rand_bit() ? "djrq" : "djrq_old";
  g_autofree char *date = NULL;
  switch (g_test_rand_int_range(0, 8)) {
  case 0: date = g_strdup_printf("%d年", year); break;
  case 1: date = g_strdup_printf("%d年%d月", year, month); break;
  case 2: date = g_strdup_printf("%d年代", year / 10 * 10); break;
  case 3: date = g_strdup_printf("%d年%d月%d日—%d年12月31日", year, month, day, year + 1); break;
  case 4: date = g_strdup("不详"); break;
  default: date = g_strdup_printf("%d-%02d-%02d", year, month, day); break;
  }
  if (!date_parse(date, ret)) *ret = (DateSpan){0, 0};
  return g_strdup_printf("%s\t%s\nqtrq\t1900-01-01\nbz\t19000101\n", key, date);
}

static void save(World *world, Sql *sql, gint64 id, gboolean gone) {
  g_autofree char *former = world->lines[id];
  SearchDocument before = document_of(id, former), after = {0};
  world->spans[id] = (DateSpan){0, 0};
  world->lines[id] = gone ? NULL : random_lines(&world->spans[id]);
  if (!gone) after = document_of(id, world->lines[id]);
  g_autoptr(GError) error = NULL;
  g_assert_true(search_put(world->search, sql, former ? &before : NULL, gone ? NULL : &after, &error));
}

static void save_many(World *world, gint64 from, gint64 to, gboolean bulk) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  if (bulk) search_bulk_begin(world->search, sql);
  for (gint64 id = from; id <= to; id++) save(world, sql, id, FALSE);
  g_assert_true(search_bulk_flush(world->search, sql, &error) && sql_commit(sql, &error));
}

static World *world_new(void) {
  World *world = g_new0(World, 1);
  world->db = sql_open(":memory:", NULL);
  world->search = search_open(world->db, NULL);
  json_auto_t *labels = json_pack("{s:[s, s], s:s, s:s, s:[s, s, s]}", "登记日期", "djrq", "djrq_old", "其他日期", "qtrq", "备注", "bz", SEARCH_DATES, "djrq", "djrq_old",
    "qtrq");
  search_set_fields(world->search, labels);
  search_set_text_source(world->search, read_text, world);
  search_set_records_source(world->search, read_records, world);
  save_many(world, 1, RECORDS - 10, TRUE);
  return world;
}

static void world_free(World *world) {
  search_close(world->search);
  sql_close(world->db);
  for (guint i = 0; i <= RECORDS; i++) g_free(world->lines[i]), g_free(world->lines_before[i]);
  g_free(world);
}

/* ---- the same by a plain sort ---- */

typedef struct { gint64 id, key; } Expected;

/* From 1949-02-00 on all of the month comes before, downward it comes behind all of it. */
static gint64 key_of(DateSpan span, gboolean down) {
  if (span.from == 0) return G_MAXINT64;
  int year = span.from / 10000, month = span.from / 100 % 100, day = span.from % 100;
  gboolean whole_year = span.from % 10000 == 101 && span.to >= year * 10000 + 1231;
  gboolean whole_month = day == 1 && span.to >= year * 10000 + month * 100 + g_date_get_days_in_month((GDateMonth)month, (GDateYear)year);
  if (whole_year) month = down ? 0 : 99;
  if (whole_year || whole_month) day = down ? 0 : 99;
  gint64 key = ((gint64)year * 100 + month) * 100 + day;
  return down ? -key : key;
}

static int compare_expected(gconstpointer a, gconstpointer b) {
  const Expected *x = a, *y = b;
  return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->id < y->id ? -1 : x->id > y->id;
}

static GArray *expect(const World *world, const Scope *scope, const SearchRequest *ask) {
  GArray *all = g_array_new(FALSE, FALSE, sizeof(Expected));
  for (gint64 id = 1; id <= RECORDS; id++) {
    gboolean seen = !is_closed(id) || scope_admits_closed_fields(scope);
    Expected one = {id, key_of(seen ? world->spans[id] : (DateSpan){0, 0}, ask->sort == SEARCH_SORT_FIELD_DESC)};
    if (world->lines[id] && (ask->categories_count == 0 || ask->categories[0] == id % 3)) g_array_append_val(all, one);
  }
  g_array_sort(all, compare_expected);
  return all;
}

static void check_all(World *world, Sql *sql, const Scope *scope, SearchRequest ask) {
  g_autoptr(GArray) expected = expect(world, scope, &ask);
  g_autofree char *after = NULL;
  guint at = 0;
  for (gboolean more = TRUE; more;) {
    g_autoptr(GError) error = NULL;
    ask.after = after;
    g_autoptr(SearchResult) result = search_run(world->search, sql, scope, &ask, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result->count, ==, expected->len);
    for (guint i = 0; i < result->ids->len; i++, at++) g_assert_cmpint(g_array_index(result->ids, gint64, i), ==, g_array_index(expected, Expected, at).id);
    g_free(after);
    after = g_strdup(result->next);
    more = after != NULL;
  }
  g_assert_cmpuint(at, ==, expected->len);
}

static void check(World *world) {
  static const gint64 categories[] = {1};
  static const SearchSort sorts[] = {SEARCH_SORT_FIELD_ASC, SEARCH_SORT_FIELD_DESC};
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  for (guint i = 0; i < 8; i++) {
    SearchRequest ask = {.sort = sorts[i % 2], .sort_field = "登记日期", .limit = PAGE, .query = i & 4 ? "登记" : NULL, .categories = categories};
    ask.categories_count = i & 4 ? 1 : 0;
    check_all(world, sql, i & 2 ? &READER : &SCOPE_EVERYTHING, ask);
  }
}

static void test_order(void) {
  World *world = world_new();
  check(world);
  for (gint64 id = 5; id < RECORDS - 10; id += 100) { /* followed by the log */
    g_autoptr(Sql) sql = sql_write(world->db, NULL);
    save(world, sql, id, id % 3 == 0);
    if (id % 5 == 0) save(world, sql, RECORDS - 9 + id / 100 % 10, FALSE);
    g_assert_true(sql_commit(sql, NULL));
    if (id % 700 == 5) check(world);
  }
  check(world);
  search_warm(world->search); /* the same beforehand: nothing is left that was */
  save_many(world, 1, 1500, TRUE); /* beyond the log */
  search_warm(world->search);
  check(world);
  guint few = search_limits.few;
  search_limits.few = 0; /* by words of a block */
  check(world);
  search_limits.few = few;
  world_free(world);
}

static char *first_ids(World *world, Sql *sql) {
  SearchRequest ask = {.sort = SEARCH_SORT_FIELD_DESC, .sort_field = "登记日期", .limit = 100};
  g_autoptr(SearchResult) result = search_run(world->search, sql, &SCOPE_EVERYTHING, &ask, NULL);
  GString *ids = g_string_new(NULL);
  for (guint i = 0; i < result->ids->len; i++) g_string_append_printf(ids, "%d ", (int)g_array_index(result->ids, gint64, i));
  return g_string_free(ids, FALSE);
}

/* Who reads goes on with what he saw; who writes sees what he wrote. */
static void test_snapshots(void) {
  World *world = world_new();
  SearchRequest ask = {.sort = SEARCH_SORT_FIELD_ASC, .sort_field = "djrq_old", .limit = 5}, other = {.sort = SEARCH_SORT_FIELD_ASC, .sort_field = "登记日期", .limit = PAGE};
  check(world);
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(world->db, NULL);
  for (gint64 id = 1; id < 40; id++) save(world, sql, id, id == 7);
  check_all(world, sql, &SCOPE_EVERYTHING, other);
  g_assert_true(sql_commit(sql, NULL));
  g_clear_pointer(&sql, sql_end);
  check(world);
  world->before = sql_read(world->db, NULL);
  for (guint id = 1; id <= RECORDS; id++) world->lines_before[id] = g_strdup(world->lines[id]);
  g_autofree char *was = first_ids(world, world->before);
  for (guint round = 0; round < 3; round++) {
    save_many(world, 100, 120, round == 1);
    check(world);
    g_autofree char *is = first_ids(world, world->before);
    g_assert_cmpstr(is, ==, was);
  }
  sql_end(g_steal_pointer(&world->before));
  g_autoptr(Sql) reading = sql_read(world->db, NULL);
  g_autoptr(SearchResult) one = search_run(world->search, reading, &SCOPE_EVERYTHING, &ask, &error);
  g_assert_no_error(error); /* a former key is a field of its own too */
  ask.sort_field = "备注";
  g_assert_null(search_run(world->search, reading, &SCOPE_EVERYTHING, &ask, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  ask.sort_field = NULL;
  g_assert_null(search_run(world->search, reading, &SCOPE_EVERYTHING, &ask, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  ask.limit = 0; /* nothing is listed, no order is needed */
  g_autoptr(SearchResult) counted = search_run(world->search, reading, &SCOPE_EVERYTHING, &ask, &error);
  g_assert_cmpuint(counted->count, ==, one->count);
  g_clear_pointer(&reading, sql_end);
  world_free(world);
}

/* Without the index all are found, and it is told that they do not stand in this order. */
static void test_damaged(void) {
  World *world = world_new();
  search_note_damage(world->search, "test");
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  SearchRequest ask = {.sort = SEARCH_SORT_FIELD_ASC, .sort_field = "登记日期", .limit = RECORDS, .query = "登记"};
  g_autoptr(SearchResult) result = search_run(world->search, sql, &SCOPE_EVERYTHING, &ask, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(result->ids->len, ==, RECORDS - 10);
  g_assert_nonnull(strstr(result->notice, "暂时不能按登记日期排列"));
  g_clear_pointer(&sql, sql_end);
  world_free(world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK); /* that the index is damaged is a warning */
  g_test_add_func("/dated/order", test_order);
  g_test_add_func("/dated/snapshots", test_snapshots);
  g_test_add_func("/dated/damaged", test_damaged);
  return g_test_run();
}
