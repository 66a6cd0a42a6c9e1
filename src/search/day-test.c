/* Days in fields: what touches a question's days is found by the index and without it, nothing else is, whatever is unknown of a date and however it is written. */
#include "query.h"

enum { RECORDS = 400, QUESTIONS = 400 };

typedef struct {
  SqlDb *db;
  Search *search;
  DateSpan spans[RECORDS + 1];
  char *lines[RECORDS + 1];
} World;

static SearchDocument document_of(const World *world, gint64 id) {
  gboolean closed = id % 4 == 0;
  return (SearchDocument){.id = id, .title = "登记", .fields = closed ? "xm\t王某\n" : world->lines[id], .closed = closed ? world->lines[id] : "",
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = OPENING_OPEN}};
}

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  if (id < 1 || id > RECORDS) return FALSE;
  SearchDocument document = document_of(data, id);
  *ret = (SearchText){g_strdup("登记"), g_strdup(""), g_strdup(""), g_strdup(document.fields), g_strdup(""), FALSE, g_strdup(document.closed)};
  return TRUE;
}

static gboolean read_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer data, GError **error) {
  for (gint64 id = after + 1; id <= RECORDS; id++) {
    SearchDocument document = document_of(data, id);
    if (!each(&document, each_data)) break;
  }
  return TRUE;
}

static const char *const FORMS[] = {"2020-03-05T10:05:30", "2020-03-05t10:05", "二OO三年五月", "二oo三年五月", "二〇〇三.五.一", "一九五八", "195x年", "195X", "民国丁丑",
  "光绪戊戌", "一九五八年三月十二日—一九六一年十二月三十一日", "公元一九五三.五", "２０２０．３．５"};

/* A day, month, year, or span of any of these, in one of the ways to write it. */
static char *random_date(DateSpan *ret) {
  int year = g_test_rand_int_range(1948, 1962), month = g_test_rand_int_range(1, 13), day = g_test_rand_int_range(1, 29), more = g_test_rand_int_range(0, 14);
  int until = MIN(year + more / 5, 1999), last = g_test_rand_int_range(month, 13);
  static const char *const ways[][4] = {{"%d年%d月%d日", "%d-%02d-%02d", "%d%02d%02d", "%d.%d.%d"}, {"%d年%d月", "%d-%02d", "%d%02d", "%d.%d"}};
  char *text;
  switch (g_test_rand_int_range(0, 6)) {
  case 0: text = g_strdup_printf(ways[0][g_test_rand_int_range(0, 4)], year, month, day); break;
  case 1: text = g_strdup_printf(ways[1][g_test_rand_int_range(0, 4)], year, month); break;
  case 2: text = g_strdup_printf(g_test_rand_bit() ? "%d" : "[%d]", year); break;
  case 3: text = g_strdup_printf("%d-%02d-%02d—%d-%02d-28", year, month, day, until, last); break;
  case 4: text = g_strdup_printf("%d年%d月—%d年%d月", year, month, until, last); break;
  default: text = g_strdup_printf("%d-%d", year, until + 1); break;
  }
  g_assert_true(date_parse(text, ret));
  return text;
}

static World *world_new(void) {
  World *world = g_new0(World, 1);
  g_autoptr(GError) error = NULL;
  world->db = sql_open(":memory:", NULL);
  world->search = search_open(world->db, NULL);
  json_auto_t *labels = json_pack("{s:[s], s:s, s:[s]}", "登记日期", "djrq", "其他日期", "qtrq", SEARCH_DATES, "djrq");
  search_set_fields(world->search, labels);
  search_set_text_source(world->search, read_text, world);
  search_set_records_source(world->search, read_records, world);
  g_autoptr(Sql) sql = sql_write(world->db, &error);
  for (gint64 id = 1; id <= RECORDS; id++) {
    g_autofree char *date = id <= (gint64)G_N_ELEMENTS(FORMS) ? g_strdup(FORMS[id - 1]) : random_date(&world->spans[id]);
    g_assert_true(date_parse(date, &world->spans[id]));
    world->lines[id] = g_strdup_printf("djrq\t%s\nbh\t19580301\nqtrq\t1900-01-01\n", date);
    SearchDocument document = document_of(world, id);
    g_assert_true(search_put(world->search, sql, NULL, &document, &error));
  }
  g_assert_true(sql_commit(sql, &error));
  return world;
}

static void world_free(World *world) {
  search_close(world->search);
  sql_close(world->db);
  for (guint i = 0; i <= RECORDS; i++) g_free(world->lines[i]);
  g_free(world);
}

static char *ids_of(World *world, const Scope *scope, const char *query) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, &error);
  SearchRequest ask = {.query = query, .limit = RECORDS, .sort = SEARCH_SORT_CODE};
  g_autoptr(SearchResult) result = search_run(world->search, sql, scope, &ask, &error);
  g_assert_no_error(error);
  GString *ids = g_string_new(NULL);
  gboolean found[RECORDS + 1] = {FALSE};
  for (guint i = 0; i < result->ids->len; i++) found[g_array_index(result->ids, gint64, i)] = TRUE;
  for (guint id = 1; id <= RECORDS; id++)
    if (found[id]) g_string_append_printf(ids, "%u ", id);
  return g_string_free(ids, FALSE);
}

static void check(World *world, const Scope *scope, const char *query, DateSpan asked) {
  g_autoptr(GString) wanted = g_string_new(NULL);
  for (guint id = 1; id <= RECORDS; id++) {
    gboolean may = id % 4 != 0 || scope_admits_closed_fields(scope), touches = world->spans[id].from <= asked.to && world->spans[id].to >= asked.from;
    if (may && touches) g_string_append_printf(wanted, "%u ", id);
  }
  g_autofree char *got = ids_of(world, scope, query);
  if (!g_str_equal(got, wanted->str)) g_test_message("%s (%d to %d)", query, asked.from, asked.to);
  g_assert_cmpstr(got, ==, wanted->str);
}

static void ask_all(World *world, guint questions) {
  const Scope reader = {.opening_mask = 1u << OPENING_OPEN, .all_fonds = TRUE};
  for (guint i = 0; i < questions; i++) {
    DateSpan asked;
    g_autofree char *date = random_date(&asked), *query = g_strdup_printf("登记日期:%s", date);
    check(world, i % 3 ? &SCOPE_EVERYTHING : &reader, query, asked);
  }
  check(world, &SCOPE_EVERYTHING, "登记日期:1955-", (DateSpan){19550101, 29991231});
  check(world, &SCOPE_EVERYTHING, "登记日期:-1955", (DateSpan){10000101, 19551231});
  check(world, &SCOPE_EVERYTHING, "登记日期:1950年代", (DateSpan){19500101, 19591231});
  check(world, &SCOPE_EVERYTHING, "登记日期:1940..2010", (DateSpan){19400101, 20101231});
  check(world, &SCOPE_EVERYTHING, "登记日期:1901", (DateSpan){19010101, 19011231});
  check(world, &SCOPE_EVERYTHING, "登记日期:1958年3月以前", (DateSpan){10000101, 19580228});
  check(world, &SCOPE_EVERYTHING, "登记日期:1958年以来", (DateSpan){19580101, 29991231});
  check(world, &SCOPE_EVERYTHING, "登记日期:58-60", (DateSpan){19580101, 19601231});
}

static void test_found(void) {
  World *world = world_new();
  ask_all(world, QUESTIONS);
  g_autofree char *other = ids_of(world, &SCOPE_EVERYTHING, "其他日期:19000101"), *number = ids_of(world, &SCOPE_EVERYTHING, "bh:1958");
  g_assert_cmpstr(other, ==, ""); /* no field of dates: words, as they stand */
  g_assert_cmpstr(number, ==, "");
  search_note_damage(world->search, "test");
  ask_all(world, 10);
  world_free(world);
}

/* Every form that a column shows as a date is asked for by what it means, with the index and without it; other words are none. */
static void test_forms(void) {
  static const char *const asked[] = {"2020年3月5日", "2020年3月", "2003", "2003年5月", "2003年5月1日", "1958", "1953", "1950年代", "1937", "1898", "1960年7月"};
  static const char *const none[] = {"OOOO", "xxxx", "toto", "1958abc", "三峡工程", "T10:05", "195xx年"};
  World *world = world_new();
  for (guint pass = 0; pass < 2; pass++) {
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
      DateSpan span;
      g_autofree char *query = g_strconcat("登记日期:", asked[i], NULL);
      g_assert_true(date_parse(asked[i], &span));
      check(world, &SCOPE_EVERYTHING, query, span);
    }
    search_note_damage(world->search, "test");
  }
  for (guint i = 0; i < G_N_ELEMENTS(none); i++) g_assert_false(search_days_touch((DateSpan){10000101, 29991231}, none[i], strlen(none[i])));
  world_free(world);
}

/* What no date can be is not found, and is no damage of the index; beside what can be, that is found. */
static void test_beyond(void) {
  static const char *const none[] = {"195", "500", "3500", "65535", "1000年以前", ">2999", "-500", "3500-", "500、3500"};
  World *world = world_new();
  for (guint i = 0; i < G_N_ELEMENTS(none); i++) {
    g_autofree char *query = g_strdup_printf("登记日期:%s", none[i]), *ids = ids_of(world, &SCOPE_EVERYTHING, query);
    g_assert_cmpstr(ids, ==, "");
    g_assert_false(search_is_damaged(world->search));
  }
  check(world, &SCOPE_EVERYTHING, "登记日期:500、1958", (DateSpan){19580101, 19581231});
  check(world, &SCOPE_EVERYTHING, "登记日期:500-1955", (DateSpan){10000101, 19551231});
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(world->db, NULL);
  g_assert_null(search_leaf_read(sql, COMPONENT_OTHER, "fields : ()", 0, &error));
  g_assert_nonnull(strstr(error->message, "fts5: syntax error"));
  g_assert_false(search_is_damage(error));
  g_clear_pointer(&sql, sql_end);
  world_free(world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK); /* that the index is damaged is a warning */
  g_test_add_func("/day/found", test_found);
  g_test_add_func("/day/forms", test_forms);
  g_test_add_func("/day/beyond", test_beyond);
  return g_test_run();
}
