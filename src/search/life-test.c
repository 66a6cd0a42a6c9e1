/* The index among readers and writers: snapshots, what a reader may not see, damage, suggestions, keys. */
#include "query.h"
#include "block.h"
#include "gram.h"
#include "error.h"
#include "text.h"
#include <time.h>

typedef struct {
  SqlDb *db;
  Search *search;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused) {
  g_autoptr(GError) error = NULL;
  fixture->db = sql_open(":memory:", &error);
  g_assert_no_error(error);
  fixture->search = search_open(fixture->db, &error);
  g_assert_no_error(error);
  search_cache_keep_all(fixture->search->cache);
}

static void tear_down(Fixture *fixture, gconstpointer unused) {
  search_close(fixture->search);
  sql_close(fixture->db);
}

static SearchDocument document(gint64 id, const char *title) {
  return (SearchDocument){.id = id, .title = title, .code = "A-1",
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = OPENING_OPEN, .title_length = (guint8)text_length(title)}};
}

static void put_in(Fixture *fixture, Sql *sql, gint64 id, const char *before, const char *after) {
  g_autoptr(GError) error = NULL;
  SearchDocument old = document(id, before ? before : ""), new = document(id, after ? after : "");
  search_put(fixture->search, sql, before ? &old : NULL, after ? &new : NULL, &error);
  g_assert_no_error(error);
}

static void put(Fixture *fixture, gint64 id, const char *before, const char *after) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  put_in(fixture, sql, id, before, after);
  sql_commit(sql, &error);
  g_assert_no_error(error);
}

static guint64 count_in(Fixture *fixture, Sql *sql, const Scope *scope, const char *query) {
  g_autoptr(GError) error = NULL;
  SearchRequest request = {.query = query, .limit = 1};
  g_autoptr(SearchResult) result = search_run(fixture->search, sql, scope, &request, &error);
  g_assert_no_error(error);
  return result->count;
}

static guint64 count(Fixture *fixture, const char *query) {
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  return count_in(fixture, sql, &SCOPE_EVERYTHING, query);
}

static void test_snapshot(Fixture *fixture, gconstpointer unused) {
  put(fixture, 1, NULL, "甲方");
  g_autoptr(Sql) early = sql_read(fixture->db, NULL);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "甲"), ==, 1);
  put(fixture, 1, "甲方", "乙方");
  put(fixture, 2, NULL, "乙方");
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "甲"), ==, 1);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "乙"), ==, 0);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, ""), ==, 1);
  g_assert_cmpuint(count(fixture, "甲"), ==, 0);
  g_assert_cmpuint(count(fixture, "乙"), ==, 2);
  SearchColumns columns;
  g_assert_true(search_columns(fixture->search, 2, &columns) && columns.fonds_id == 1);
  static const gint64 absent[] = {3, -1, G_MAXINT64};
  for (guint i = 0; i < G_N_ELEMENTS(absent); i++) g_assert_false(search_columns(fixture->search, absent[i], &columns));
  put(fixture, 2, "乙方", NULL);
  g_assert_false(search_columns(fixture->search, 2, &columns));
  g_autoptr(Sql) late = sql_read(fixture->db, NULL); /* first asks when memory no longer has what was then */
  g_assert_cmpint(sql_number(late, "SELECT version FROM search_state", SQL_NONE, 0, NULL), >, 0);
  for (gint64 id = 3; id <= 3 + HISTORY; id++) put(fixture, id, NULL, "乙方");
  g_assert_cmpuint(count_in(fixture, late, &SCOPE_EVERYTHING, ""), ==, 1);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, ""), ==, 1);
  g_assert_cmpuint(count_in(fixture, late, &SCOPE_EVERYTHING, "-甲"), ==, 1);
  g_assert_cmpuint(count(fixture, ""), ==, 2 + HISTORY);
}

/* A word with a character that no text has is not looked for, until a text has it; an older snapshot may have others. */
static void test_characters(Fixture *fixture, gconstpointer unused) {
  put(fixture, 1, NULL, "甲方");
  search_warm(fixture->search);
  g_autoptr(Sql) early = sql_read(fixture->db, NULL);
  g_assert_cmpint(sql_number(early, "SELECT version FROM search_state", SQL_NONE, 0, NULL), >, 0);
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  g_assert_true(sql_exec(sql, "INSERT INTO search_title (rowid, title) VALUES (1, '丁戊 戊')", SQL_NONE, NULL) && sql_commit(sql, NULL)); /* behind its back */
  g_clear_pointer(&sql, sql_end);
  g_assert_cmpuint(count(fixture, "丁戊"), ==, 0);
  put(fixture, 2, NULL, "丁方");
  put(fixture, 3, NULL, "戊方");
  g_assert_cmpuint(count(fixture, "丁"), ==, 2);
  g_assert_cmpuint(count(fixture, "丁戊"), ==, 1);
  sql = sql_write(fixture->db, NULL);
  search_bulk_begin(fixture->search, sql);
  put_in(fixture, sql, 1, "甲方", "乙方");
  g_assert_true(search_bulk_flush(fixture->search, sql, NULL) && sql_commit(sql, NULL));
  g_clear_pointer(&sql, sql_end);
  search_warm(fixture->search);
  g_assert_cmpuint(count(fixture, "甲"), ==, 0);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "甲方"), ==, 1);
}

/* Each save leaves a segment, which every search reads: they are joined as they come, not when dozens lie there. */
static void test_few_segments(Fixture *fixture, gconstpointer unused) {
  gint64 most = 0;
  for (gint64 id = 1; id <= 300; id++) {
    put(fixture, id, NULL, "甲方");
    g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
    most = MAX(most, sql_number(sql, "SELECT COUNT(DISTINCT segid) AS n FROM search_title_idx", SQL_NONE, 0, NULL));
  }
  g_assert_cmpint(most, >, 1);
  g_assert_cmpint(most, <, 20);
  g_assert_cmpuint(count(fixture, "甲方"), ==, 300);
}

static void test_rollback(Fixture *fixture, gconstpointer unused) {
  put(fixture, 1, NULL, "甲方");
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  put_in(fixture, sql, 1, "甲方", "乙方");
  put_in(fixture, sql, 2, NULL, "乙方");
  g_assert_cmpuint(count_in(fixture, sql, &SCOPE_EVERYTHING, "乙"), ==, 2);
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(count(fixture, "乙"), ==, 0);
  g_assert_cmpuint(count(fixture, "甲"), ==, 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) again = sql_write(fixture->db, NULL);
  SearchDocument impossible = document(G_MAXUINT32, "甲");
  g_assert_false(search_put(fixture->search, again, NULL, &impossible, &error));
  g_clear_error(&error);
  g_assert_false(search_page_put(fixture->search, again, 1, 65536, NULL, "甲", &error));
}

/* A writer moves every record between two states; at any snapshot each record is in exactly one. */
enum { MOVED = 60, COMMITS = 400 };
typedef struct { Fixture *fixture; gint stop; } Stress;

static gpointer read_on(gpointer data) {
  Stress *stress = data;
  while (!g_atomic_int_get(&stress->stop)) {
    g_autoptr(Sql) sql = sql_read(stress->fixture->db, NULL);
    guint64 first = count_in(stress->fixture, sql, &SCOPE_EVERYTHING, "甲态"), both = count_in(stress->fixture, sql, &SCOPE_EVERYTHING, "甲态 OR 乙态");
    guint64 second = count_in(stress->fixture, sql, &SCOPE_EVERYTHING, "乙态 -甲态"), none = count_in(stress->fixture, sql, &SCOPE_EVERYTHING, "-甲态 -乙态");
    g_assert_cmpuint(first + second, ==, MOVED);
    g_assert_cmpuint(both, ==, MOVED);
    g_assert_cmpuint(none, ==, 0);
  }
  return NULL;
}

static void test_readers_beside_writer(Fixture *fixture, gconstpointer unused) {
  static const char *const states[] = {"甲态", "乙态"};
  guint8 state[MOVED] = {0};
  SearchLimits kept = search_limits;
  search_limits.tallied = 1;
  for (guint i = 0; i < MOVED; i++) put(fixture, i + 1, NULL, states[0]);
  Stress stress = {fixture, 0};
  GThread *threads[3];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("reader", read_on, &stress);
  g_autoptr(GRand) random = g_rand_new_with_seed(5);
  for (guint i = 0; i < COMMITS; i++) {
    guint record = (guint)g_rand_int_range(random, 0, MOVED);
    put(fixture, record + 1, states[state[record]], states[!state[record]]);
    state[record] = !state[record];
  }
  g_atomic_int_set(&stress.stop, 1);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) g_thread_join(threads[i]);
  search_limits = kept;
}

/* Two indexes over one database, as two processes have them: each follows what the other wrote. */
static void test_another_process(Fixture *fixture, gconstpointer unused) {
  put(fixture, 1, NULL, "甲方");
  g_assert_cmpuint(count(fixture, "甲"), ==, 1);
  Fixture other = {fixture->db, search_open(fixture->db, NULL)};
  put(&other, 1, "甲方", "乙方");
  put(&other, 600, NULL, "乙方");
  g_assert_cmpuint(count(fixture, "甲"), ==, 0);
  g_assert_cmpuint(count(fixture, "乙"), ==, 2);
  put(fixture, 601, NULL, "乙方");
  put(&other, 602, NULL, "乙方");
  g_assert_cmpuint(count(&other, "乙"), ==, 4);
  g_assert_cmpuint(count(fixture, "乙"), ==, 4);
  search_close(other.search);
}

static void test_pages_are_files(Fixture *fixture, gconstpointer unused) {
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  put_in(fixture, sql, 1, NULL, "卷宗");
  search_page_put(fixture->search, sql, 1, 3, NULL, "密谈记录", NULL);
  search_page_put(fixture->search, sql, 1, 65535, NULL, "密谈", NULL);
  sql_commit(sql, NULL);
  sql_end(g_steal_pointer(&sql));
  const Scope descriptions = {.opening_mask = 1 << OPENING_OPEN, .files_mask = 0, .security = SECURITY_TOP, .all_fonds = TRUE};
  g_autoptr(Sql) read = sql_read(fixture->db, NULL);
  g_assert_cmpuint(count_in(fixture, read, &SCOPE_EVERYTHING, "密谈"), ==, 1);
  g_assert_cmpuint(count_in(fixture, read, &descriptions, "密谈"), ==, 0);
  g_assert_cmpuint(count_in(fixture, read, &descriptions, "全文:密谈"), ==, 0);
  g_assert_cmpuint(count_in(fixture, read, &descriptions, "卷宗 -密谈"), ==, 1);
  g_assert_cmpuint(count_in(fixture, read, &SCOPE_EVERYTHING, "卷宗 -密谈"), ==, 0);
  g_assert_cmpuint(count_in(fixture, read, &SCOPE_NOTHING, "卷宗"), ==, 0);
  SearchRequest request = {.query = "卷宗 记录", .limit = 5};
  g_autoptr(SearchResult) result = search_run(fixture->search, read, &SCOPE_EVERYTHING, &request, NULL);
  g_assert_cmpuint(g_array_index(result->pages, guint, 0), ==, 3);
}

static void test_keys(Fixture *fixture, gconstpointer unused) {
  static const char *const bad[] = {"x", "r", "r00000000000000zz", "d0000000000000001", "r00000000000000011", "r000000000000000\xff", "档"};
  put(fixture, 1, NULL, "甲");
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
    SearchRequest request = {.query = "甲", .after = bad[i], .limit = 1};
    g_assert_null(search_run(fixture->search, sql, &SCOPE_EVERYTHING, &request, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  }
}

static void test_damage(Fixture *fixture, gconstpointer unused) {
  put(fixture, 1, NULL, "甲");
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  g_assert_true(sql_exec(sql, "UPDATE search_column SET codes = x'00'", SQL_NONE, NULL));
  sql_commit(sql, NULL);
  sql_end(g_steal_pointer(&sql));
  search_close(fixture->search);
  g_autoptr(GError) error = NULL;
  fixture->search = search_open(fixture->db, &error);
  g_assert_no_error(error);
  g_assert_true(search_needs_rebuild(fixture->search));
  g_assert_true(search_remake_begin(fixture->search, &error));
  g_assert_true(search_needs_rebuild(fixture->search));
  sql = sql_write(fixture->db, NULL);
  const SearchDocument document = {.id = 1, .title = "甲", .columns = {.level = LEVEL_ITEM, .fonds_id = 1}};
  g_assert_true(search_remake_put(fixture->search, sql, &document, NULL) && search_remake_put(fixture->search, sql, NULL, NULL));
  g_assert_true(search_remake_page(fixture->search, sql, 0, 0, NULL, NULL) && search_bulk_flush(fixture->search, sql, NULL) && sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  g_assert_true(search_remake_finish(fixture->search, &error));
  g_assert_false(search_needs_rebuild(fixture->search));
  g_assert_cmpuint(count(fixture, "甲"), ==, 1);
}

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const char *const *titles = data;
  *ret = (SearchText){g_strdup(titles[id]), g_strdup(""), g_strdup("")};
  return TRUE;
}

static void test_suggest(Fixture *fixture, gconstpointer unused) {
  static const char *const titles[] = {"", "档案法", "档案法", "檔案局", "国家档案", "档案馆"};
  for (gint64 id = 1; id <= 4; id++) put(fixture, id, NULL, titles[id]);
  g_autoptr(Sql) write = sql_write(fixture->db, NULL);
  SearchDocument closed = document(5, titles[5]);
  closed.columns.opening = OPENING_CONTROLLED;
  g_assert_true(search_put(fixture->search, write, NULL, &closed, NULL));
  sql_commit(write, NULL);
  sql_end(g_steal_pointer(&write));
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  json_auto_t *silent = search_suggest(fixture->search, sql, &SCOPE_EVERYTHING, "档案", 5, NULL);
  g_assert_cmpuint(json_array_size(silent), ==, 0);
  search_set_text_source(fixture->search, read_text, (gpointer)titles);
  const Scope open = {.opening_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  json_auto_t *list = search_suggest(fixture->search, sql, &open, "档案", 5, NULL);
  json_auto_t *expected = json_pack("[{s:s,s:i},{s:s,s:i}]", "text", "档案法", "count", 2, "text", "檔案局", "count", 1);
  g_assert_true(json_equal(list, expected));
  json_auto_t *none = search_suggest(fixture->search, sql, &SCOPE_NOTHING, "档案", 5, NULL);
  json_auto_t *empty = search_suggest(fixture->search, sql, &SCOPE_EVERYTHING, "，", 5, NULL);
  g_assert_cmpuint(json_array_size(none) + json_array_size(empty), ==, 0);
}

static void test_long_texts(Fixture *fixture, gconstpointer unused) {
  g_autoptr(GString) title = g_string_new(NULL), word = g_string_new(NULL);
  for (guint i = 0; i < 100000; i++) g_string_append_unichar(title, 0x4E00 + i % 500);
  for (guint i = 0; i < 40000; i++) g_string_append_c(word, 'a');
  put(fixture, 1, NULL, title->str);
  put(fixture, 2, NULL, word->str);
  g_autofree char *phrase = g_utf8_substring(title->str, 40, 40 + QUERY_CHARACTERS);
  g_assert_cmpuint(count(fixture, phrase), ==, 1);
  g_assert_cmpuint(count(fixture, "aaa*"), ==, 1);
  put(fixture, 1, title->str, NULL);
  put(fixture, 2, word->str, "b");
  g_assert_cmpuint(count(fixture, phrase) + count(fixture, "aaa*"), ==, 0);
}

/* ---- joining segments ---- */

static void load(Fixture *fixture, gint64 from, gint64 rows) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  search_bulk_begin(fixture->search, sql);
  for (gint64 id = from; id < from + rows; id++) {
    g_autofree char *title = g_strdup_printf("档案 n%" G_GINT64_FORMAT " %x", id, (guint)id * 2654435761u);
    put_in(fixture, sql, id, NULL, title);
  }
  search_bulk_flush(fixture->search, sql, &error);
  sql_commit(sql, &error);
  g_assert_no_error(error);
}

/* FTS5's own count of the title index's segments (its structure record: 4 bytes, then the numbers of levels and of segments). */
static guint segments(Fixture *fixture) {
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT block FROM search_title_data WHERE id = 10", SQL_NONE, NULL);
  g_assert_true(sql_next(rows, NULL));
  gsize length;
  const guint8 *block = sql_blob_at(rows, sql_column(rows, "block"), &length);
  g_assert_cmpuint(length, >, 6);
  return block[5];
}

static void test_optimize(Fixture *fixture, gconstpointer unused) {
  g_autoptr(GError) error = NULL;
  load(fixture, 1, 20000);
  load(fixture, 20001, 5000);
  g_assert_true(search_optimize(fixture->search, &error));
  g_assert_cmpuint(segments(fixture), ==, 1);
  for (guint i = 0; i < 12; i++) { /* a few records beside many: the many are left as they are, and the few are kept few */
    load(fixture, 30000 + i * 10, 10);
    g_assert_true(search_optimize(fixture->search, &error));
    g_assert_cmpuint(segments(fixture), >, 1);
    g_assert_cmpuint(segments(fixture), <=, 8);
  }
  load(fixture, 40000, 15000);
  g_assert_true(search_optimize(fixture->search, &error));
  g_assert_cmpuint(segments(fixture), ==, 1);
  g_assert_cmpuint(count(fixture, "档案"), ==, 40120);
  g_assert_cmpuint(count(fixture, "n30005") + count(fixture, "n7") + count(fixture, "n54999"), ==, 3);
}

static const char SAME[] = "关于档案的通知";
static gboolean read_same(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  ret->title = g_strdup(SAME);
  return TRUE;
}

static guint covered(Fixture *fixture) {
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  GramState state;
  g_assert_true(search_gram_state(sql, &state, NULL));
  return state.selection == 0 ? 0 : state.covered;
}

/* Frequent strings are covered by and by after single records, without search_optimize; not while many come at once. */
static void test_tend(Fixture *fixture, gconstpointer unused) {
  enum { FEW = 40, MANY = 9000 };
  SearchLimits kept = search_limits;
  search_limits.gram_records = search_limits.gram_least = 10;
  search_set_text_source(fixture->search, read_same, NULL);
  for (guint id = 1; id <= FEW; id++) put(fixture, id, NULL, SAME);
  g_assert_cmpuint(covered(fixture), ==, 0);
  for (guint i = 0; i < 4; i++) g_assert_true(search_tend(fixture->search, NULL));
  g_assert_cmpuint(covered(fixture), ==, 1);
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  search_bulk_begin(fixture->search, sql);
  for (guint id = FEW + 1; id <= FEW + MANY; id++) put_in(fixture, sql, id, NULL, SAME);
  g_assert_true(search_bulk_flush(fixture->search, sql, NULL) && sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(covered(fixture), ==, 0); /* a load leaves it to the end */
  g_assert_true(search_tend(fixture->search, NULL));
  g_assert_cmpuint(covered(fixture), ==, 0);
  for (guint i = 0; i < 4; i++) g_assert_true(search_tend(fixture->search, NULL));
  g_assert_cmpuint(covered(fixture), ==, 1);
  g_assert_cmpuint(count(fixture, "档案"), ==, FEW + MANY);
  search_limits = kept;
}

/* ---- frequent strings of pages ---- */

enum { WITH_PAGES = 60, HOLDING = 12 };
typedef struct { Fixture *fixture; char *texts[WITH_PAGES + 1]; guint read; gint64 saved; } Pages; /* saved: a record to be saved while it is read; 0: none */

static void put_page(Pages *pages, gint64 id, const char *text) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(pages->fixture->db, &error);
  search_page_put(pages->fixture->search, sql, id, 1, pages->texts[id], text, &error);
  sql_commit(sql, &error);
  g_assert_no_error(error);
  g_free(pages->texts[id]);
  pages->texts[id] = g_strdup(text);
}

static gboolean read_a_page(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer data, GError **error) {
  Pages *pages = data;
  for (gint64 id = MAX(first, 1); id <= MIN(last, WITH_PAGES); id++) {
    g_autofree char *text = g_strdup(pages->texts[id]); /* as the snapshot has it */
    gint64 saved = first == last ? 0 : pages->saved;
    if (saved == id) pages->saved = 0, put_page(pages, id, "会议记录本");
    pages->read++;
    if (text && !each(id, 1, text, each_data)) return TRUE;
  }
  return TRUE;
}

static guint count_pages(Pages *pages, const char *query, guint *ret_read) {
  pages->read = 0;
  search_forget(pages->fixture->search);
  guint found = (guint)count(pages->fixture, query);
  *ret_read = pages->read;
  return found;
}

/* Of the pages only those are read that the bitmaps cannot tell of: where a part is repeated, and those saved since, also while their block was being covered. */
static void test_pages_told(Fixture *fixture, gconstpointer unused) {
  Pages pages = {.fixture = fixture};
  SearchLimits kept = search_limits;
  guint read;
  search_limits.gram_records = search_limits.page_least = search_limits.page_behind = 3;
  search_limits.page_stale = 1;
  search_set_pages_source(fixture->search, read_a_page, &pages);
  for (gint64 id = 1; id <= WITH_PAGES; id++) put(fixture, id, NULL, "卷宗"), put_page(&pages, id, id % 6 == 1 || id == 9 || id == 11 ? "县政府办公室会议纪要" : "会议由县政府纪要");
  put_page(&pages, 7, "县政府办公会、省府办公室主任、办公室会议纪要"); /* all parts, never together */
  g_assert_cmpuint(count_pages(&pages, "全文:政府办公室会", &read), ==, HOLDING - 1);
  g_assert_cmpuint(read, ==, 1); /* the page that is shown: FTS5 tells of the others */
  pages.saved = 9;
  g_assert_true(search_optimize(fixture->search, NULL));
  g_assert_cmpint(pages.saved, ==, 0);
  g_assert_cmpuint(count_pages(&pages, "全文:政府办公室会", &read), ==, HOLDING - 2);
  g_assert_cmpuint(read, ==, 3); /* 7, 9 and the one that is shown */
  g_assert_cmpuint(count_pages(&pages, "全文:会议记录", &read), ==, 1);
  g_assert_cmpuint(count_pages(&pages, "全文:会议记录本", &read), ==, 1); /* a pair that is kept, and others of units that are not */
  put_page(&pages, 8, "县政府办公室会议记录");
  put_page(&pages, 11, NULL);
  g_assert_cmpuint(count_pages(&pages, "全文:政府办公室会", &read), ==, HOLDING - 2);
  g_assert_cmpuint(read, ==, 5);
  const Scope descriptions = {.opening_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  g_autoptr(Sql) reading = sql_read(fixture->db, NULL);
  pages.read = 0;
  g_assert_cmpuint(count_in(fixture, reading, &descriptions, "全文:政府办公室会 或 卷宗"), ==, WITH_PAGES);
  g_assert_cmpuint(pages.read, ==, 0); /* who may see no files does not wait for what is on pages */
  g_clear_pointer(&reading, sql_end);
  g_assert_true(search_optimize(fixture->search, NULL)); /* more are stale than page_stale: all is made anew */
  g_assert_cmpuint(count_pages(&pages, "全文:政府办公室会", &read), ==, HOLDING - 2);
  g_assert_cmpuint(read, ==, 2);
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL); /* as while the block is covered further: its rows are there, but do not count yet */
  g_assert_true(sql_exec(sql, "UPDATE search_gram_page_state SET covered = 32, claimed = 64 WHERE id = 1", SQL_NONE, NULL) && sql_commit(sql, NULL));
  g_clear_pointer(&sql, sql_end);
  put_page(&pages, 43, "会议记录");
  g_assert_cmpuint(count_pages(&pages, "全文:政府办公室会", &read), ==, HOLDING - 3);
  search_limits = kept;
  for (gint64 id = 1; id <= WITH_PAGES; id++) g_free(pages.texts[id]);
}

/* ---- fields of categories and of deliveries, pages to show ---- */

/* The records' fields stand in a table of the test, so that each snapshot has its own. */
enum { NUMBERED = 7000 };
static const char *docno_of(gint64 id) { return id < NUMBERED ? NULL : id == NUMBERED ? "临發〔2003〕12號" : "水字第2"; }

static guint records_read;
static gboolean read_table(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  records_read++;
  ret->docno = g_strdup(docno_of(id));
  ret->fields = sql_string(sql, "SELECT fields FROM told WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
  return ret->fields != NULL;
}

static void put_fields(Fixture *fixture, gint64 id, const char *after) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  g_autofree char *before = sql_string(sql, "SELECT fields FROM told WHERE id = $1", SQL_ARGS(sql_int(id)), &error);
  SearchDocument old = document(id, ""), new = old;
  old.fields = before;
  new.fields = after;
  search_put(fixture->search, sql, before ? &old : NULL, after ? &new : NULL, &error);
  sql_exec(sql, "DELETE FROM told WHERE id = $1", SQL_ARGS(sql_int(id)), &error);
  if (after) sql_exec(sql, "INSERT INTO told (id, fields) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_text(after)), &error);
  sql_commit(sql, &error);
  g_assert_no_error(error);
}

static void set_up_fields(Fixture *fixture, gconstpointer unused) {
  set_up(fixture, NULL);
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  g_assert_true(sql_exec(sql, "CREATE TABLE told (id INTEGER PRIMARY KEY, fields TEXT NOT NULL)", SQL_NONE, NULL) && sql_commit(sql, NULL));
  json_auto_t *labels = json_pack("{s:s}", "主题词", "ztc");
  search_set_fields(fixture->search, labels);
  search_set_text_source(fixture->search, read_table, NULL);
}

static char *notice_of(Fixture *fixture, const char *query) {
  SearchRequest request = {.query = query};
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  g_autoptr(SearchResult) result = search_run(fixture->search, sql, &SCOPE_EVERYTHING, &request, NULL);
  return g_strdup(result->notice);
}

static void test_field_anywhere(Fixture *fixture, gconstpointer unused) {
  put_fields(fixture, 1, "ztc\t水利工程 验收\nbz\t道路\n");
  put_fields(fixture, 2, "ztc\t工程\nbz\t工程\n");
  put_fields(fixture, 3, "ztc\t道路\nbz\t水利工程\n"); /* the term and the field, but not the one in the other */
  put_fields(fixture, 4, "ztc\tA4B 2015\n");
  put_fields(fixture, 5, "主題詞\t土木工程\n"); /* the label as a delivery's own header */
  g_assert_cmpuint(count(fixture, "主题词:工程"), ==, 3);
  g_assert_cmpuint(count(fixture, "ztc:工程"), ==, 2);
  g_assert_cmpuint(count(fixture, "主题词:程验"), ==, 0);
  g_assert_cmpuint(count(fixture, "主题词:\"工程 验\""), ==, 1);
  g_assert_cmpuint(count(fixture, "主题词:2015") + count(fixture, "主题词:a4*"), ==, 2);
  g_assert_cmpuint(count(fixture, "主题词:201"), ==, 0);
  g_assert_cmpuint(count(fixture, "工程 -主题词:工程"), ==, 1);
  g_autoptr(Sql) early = sql_read(fixture->db, NULL);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "主题词:工程"), ==, 3);
  put_fields(fixture, 3, "ztc\t公路工程\nbz\t水利工程\n"); /* the bitmap in the cache follows */
  put_fields(fixture, 1, "ztc\t水利\nbz\t工程道路\n");
  put_fields(fixture, 2, NULL);
  g_assert_cmpuint(count(fixture, "主题词:工程"), ==, 2);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "主题词:工程"), ==, 3);
  g_assert_cmpuint(count_in(fixture, early, &SCOPE_EVERYTHING, "主题词:验收"), ==, 1);
}

static void test_own_header(Fixture *fixture, gconstpointer unused) {
  put_fields(fixture, 1, "类 别\t刑法\n字数\t1733\n");
  put_fields(fixture, 2, "Nature\t刑法、民法\n");
  put_fields(fixture, 3, "类别\t民法与刑法\n");
  g_assert_cmpuint(count(fixture, "类别:刑法"), ==, 2);
  g_assert_cmpuint(count(fixture, "類別：(刑法 -民法)"), ==, 1);
  g_assert_cmpuint(count(fixture, "字数:1733") + count(fixture, "nature:民法"), ==, 2);
  g_assert_cmpuint(count(fixture, "字数:173"), ==, 0);
  g_assert_null(notice_of(fixture, "类别:刑法"));
  g_autofree char *unknown = notice_of(fixture, "时间:下午"), *plain = notice_of(fixture, "12:30 http://a");
  g_assert_nonnull(strstr(unknown, "时间"));
  g_assert_null(plain);
  put_fields(fixture, 4, "bz\t时间：下午\n");
  g_assert_cmpuint(count(fixture, "时间:下午"), ==, 1);
  put_fields(fixture, 5, "时间\t明日下午\n"); /* from now on it is a field … */
  g_assert_cmpuint(count(fixture, "时间:下午"), ==, 1);
  g_assert_null(notice_of(fixture, "时间:下午"));
  put_fields(fixture, 5, NULL); /* … and no longer */
  g_autofree char *again = notice_of(fixture, "时间:下午");
  g_assert_nonnull(again);
}

/* More than are read one by one: the index tells those that begin so, and leaves out those without the field. */
static void test_field_among_many(Fixture *fixture, gconstpointer unused) {
  static const char *const kinds[] = {"ztc\t工程验收\n", "ztc\t水利工程\n", "ztc\t水利\nbz\t工程\n", "bz\t工程\n", "主题词\t工程\nbz\t工程\n", "主题词\t土木工程\n"};
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  search_bulk_begin(fixture->search, sql);
  for (gint64 id = 1; id <= 6000; id++) {
    SearchDocument new = document(id, "");
    new.fields = kinds[id % G_N_ELEMENTS(kinds)];
    search_put(fixture->search, sql, NULL, &new, &error);
    sql_exec(sql, "INSERT INTO told (id, fields) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_text(new.fields)), &error);
  }
  g_assert_true(search_bulk_flush(fixture->search, sql, &error) && sql_commit(sql, &error));
  g_assert_no_error(error);
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(count(fixture, "主题词:工程"), ==, 4000);
  g_assert_cmpuint(count(fixture, "ztc:工程"), ==, 2000);
  g_assert_cmpuint(count(fixture, "bz:工程"), ==, 3000); /* no key of a definition: the records know it */
  g_assert_cmpuint(records_read, >=, 1000);
  SearchLimits limits = search_limits;
  search_limits.gram_records = search_limits.gram_least = 500;
  g_assert_true(search_optimize(fixture->search, &error));
  search_forget(fixture->search);
  records_read = 0;
  g_assert_cmpuint(count(fixture, "主题词:工程"), ==, 4000); /* a label is two names: each has bitmaps */
  g_assert_cmpuint(count(fixture, "ztc:工程"), ==, 2000);
  g_assert_cmpuint(records_read, ==, 0);
  sql = sql_write(fixture->db, &error);
  for (gint64 id = NUMBERED; id <= NUMBERED + 100; id++) {
    SearchDocument new = document(id, "");
    new.docno = docno_of(id);
    new.fields = "bz\t道路\n";
    search_put(fixture->search, sql, NULL, &new, &error);
    sql_exec(sql, "INSERT INTO told (id, fields) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_text(new.fields)), &error);
  }
  g_assert_true(sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  records_read = 0;
  g_assert_cmpuint(count(fixture, "文号:*2号"), ==, 1); /* a number by its end: only what has 号 is looked at */
  g_assert_cmpuint(count(fixture, "文号:*委*2号"), ==, 0);
  g_assert_cmpuint(records_read, >, 0);
  g_assert_cmpuint(records_read, <, 10);
  search_limits = limits;
}

/* An index of an earlier shape is made anew; an empty one is as good as new. */
static void test_older_names(Fixture *fixture, gconstpointer own) {
  if (own) put_fields(fixture, 1, "類別\t刑法\n");
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  g_assert_true(sql_exec(sql, "DROP TABLE search_gram", SQL_NONE, NULL) && sql_exec(sql, "DROP TABLE search_gram_key", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_gram_state", SQL_NONE, NULL) && sql_exec(sql, "ALTER TABLE search_column DROP COLUMN sum", SQL_NONE, NULL) &&
    sql_exec(sql, "ALTER TABLE search_state DROP COLUMN chunks", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_closed", SQL_NONE, NULL) && sql_exec(sql, "DROP TABLE search_made_title", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_made_text", SQL_NONE, NULL) && sql_exec(sql, "DROP TABLE search_made_closed", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_made_page", SQL_NONE, NULL) && sql_exec(sql, "DROP TABLE search_gram_page", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_gram_page_key", SQL_NONE, NULL) && sql_exec(sql, "DROP TABLE search_gram_page_stale", SQL_NONE, NULL) &&
    sql_exec(sql, "DROP TABLE search_gram_page_state", SQL_NONE, NULL) &&
    sql_exec(sql, "UPDATE schema_version SET number = 1 WHERE room = 'search'", SQL_NONE, NULL) && sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  search_close(fixture->search);
  fixture->search = search_open(fixture->db, NULL);
  g_assert_cmpint(search_needs_rebuild(fixture->search), ==, own != NULL);
}

/* Every second page of a record holds the word, from its own first one on; whatever is shown, in whatever order, each hit has its first. */
static void test_first_pages(Fixture *fixture, gconstpointer unused) {
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  search_bulk_begin(fixture->search, sql);
  for (guint id = 1; id <= 400; id++) {
    put_in(fixture, sql, id, NULL, id % 3 ? "卷宗" : "卷宗汇编");
    for (guint page = id % 7 + 1; page < 12; page += 2) search_page_put(fixture->search, sql, id, page, NULL, id % 40 ? "正文" : "正文密谈", NULL);
  }
  search_bulk_flush(fixture->search, sql, NULL);
  g_assert_true(sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  static const struct { const char *query; guint limit; } asked[] = {
    {"正", 1}, {"正", 150}, {"正文", 2}, {"正文", 400}, {"卷宗 (汇编 或 正文)", 400}, {"密谈", 3}, {"正 文", 30}, {"全文:正文", 1}};
  g_autoptr(Sql) read = sql_read(fixture->db, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
    SearchRequest request = {.query = asked[i].query, .limit = asked[i].limit};
    g_autoptr(SearchResult) result = search_run(fixture->search, read, &SCOPE_EVERYTHING, &request, NULL);
    g_assert_cmpuint(result->ids->len, ==, asked[i].limit);
    for (guint k = 0; k < result->ids->len; k++) {
      guint id = (guint)g_array_index(result->ids, gint64, k);
      gboolean described = strstr(asked[i].query, "汇编") && id % 3 == 0;
      g_assert_cmpuint(g_array_index(result->pages, guint, k), ==, described ? 0 : id % 7 + 1);
    }
  }
}

/* Of one of several ways of writing a question looks at what it has time for, and says so; a term as it is written is refused instead. */
static void test_cut(Fixture *fixture, gconstpointer unused) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  for (gint64 id = 1; id <= 600; id++) put_in(fixture, sql, id, NULL, "甲");
  g_assert_true(sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  sql = sql_read(fixture->db, &error);
  SearchView view = {0};
  g_assert_true(search_view_open(fixture->search, sql, &view, &error));
  g_autoptr(Columns) columns = view.columns;
  SearchNode node = {.kind = NODE_TERM, .field = FIELD_TITLE, .match = MATCH_GLOB, .text = (char *)"*甲*", .pattern = (char *)"*甲*", .said = (char *)"甲"};
  g_autoptr(Leaf) whole = search_match_load(fixture->search, sql, &view, &node, MATCH_SCAN, &error);
  g_assert_no_error(error);
  g_assert_false(whole->cut);
  view.until = 1;
  g_autoptr(Leaf) part = search_match_load(fixture->search, sql, &view, &node, MATCH_SCAN, &error);
  g_assert_no_error(error);
  g_assert_true(part->cut);
  g_assert_cmpuint(part->count, <=, whole->count);
  node.said = NULL;
  g_assert_null(search_match_load(fixture->search, sql, &view, &node, MATCH_SCAN, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

/* Threads that all have used up their share are never more at work than there are processors; all get their turn. */
static gint at_work, at_work_most;
static gpointer work(gpointer heavy) {
  g_auto(Turn) turn = {0};
  search_turn_begin(&turn);
  struct timespec used = {0};
  while (heavy && used.tv_nsec < 4000000) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  search_turn_check();
  gint now = heavy ? g_atomic_int_add(&at_work, 1) + 1 : 0;
  if (now > g_atomic_int_get(&at_work_most)) g_atomic_int_set(&at_work_most, now);
  g_usleep(5000);
  if (heavy) g_atomic_int_add(&at_work, -1);
  return NULL;
}

static gint holding, released;
static gpointer hold(gpointer unused) {
  g_auto(Turn) turn = {0};
  search_turn_begin(&turn);
  search_turn_check();
  g_atomic_int_inc(&holding);
  while (!g_atomic_int_get(&released)) g_usleep(1000);
  return NULL;
}

static gint64 time_to_begin(void) {
  g_auto(Turn) turn = {0};
  gint64 began = g_get_monotonic_time();
  search_turn_begin(&turn);
  return g_get_monotonic_time() - began;
}

static gpointer others_time_to_begin(gpointer unused) { return GINT_TO_POINTER(time_to_begin()); }

static void test_turns(void) {
  SearchLimits kept = search_limits;
  search_limits.light_us = 1000;
  GThread *threads[24];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("turn", work, GINT_TO_POINTER(i % 4 != 0));
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) g_thread_join(threads[i]);
  g_assert_cmpint(at_work_most, >, 0);
  g_assert_cmpint(at_work_most, <=, (gint)g_get_num_processors());
  search_limits.light_us = -1; /* nobody waits for ever for a place that is not given back */
  guint places = MIN(g_get_num_processors(), G_N_ELEMENTS(threads));
  for (guint i = 0; i < places; i++) threads[i] = g_thread_new("holds", hold, NULL);
  while (g_atomic_int_get(&holding) < (gint)places) g_usleep(1000);
  search_limits.overdue_us = 1000; /* who comes waits while another has waited too long, but not for ever */
  search_limits.door_us = 60000;
  g_assert_cmpint(time_to_begin(), <, 50000);
  GThread *waiting = g_thread_new("waits", work, GINT_TO_POINTER(TRUE));
  while (time_to_begin() < 50000) g_usleep(1000);
  g_assert_cmpint(time_to_begin(), <, 500000);
  g_auto(Turn) turn = {0};
  search_turn_begin(&turn);
  gint64 began = g_get_monotonic_time(), clock = search_turn_clock();
  search_turn_check();
  g_assert_cmpint(g_get_monotonic_time() - began, >, 900000);
  g_assert_cmpint(search_turn_clock() - clock, <, 900000); /* the waiting is not the question's time */
  g_thread_join(waiting);
  g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(g_thread_new("comes", others_time_to_begin, NULL))), <, 50000); /* who went on waits no more: nobody waits for him */
  g_atomic_int_set(&released, TRUE);
  for (guint i = 0; i < places; i++) g_thread_join(threads[i]);
  search_limits = kept;
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/life/tend", Fixture, NULL, set_up, test_tend, tear_down);
  g_test_add("/life/pages-told", Fixture, NULL, set_up, test_pages_told, tear_down);
  g_test_add("/life/snapshot", Fixture, NULL, set_up, test_snapshot, tear_down);
  g_test_add("/life/characters", Fixture, NULL, set_up, test_characters, tear_down);
  g_test_add("/life/few-segments", Fixture, NULL, set_up, test_few_segments, tear_down);
  g_test_add("/life/rollback", Fixture, NULL, set_up, test_rollback, tear_down);
  g_test_add("/life/readers-beside-writer", Fixture, NULL, set_up, test_readers_beside_writer, tear_down);
  g_test_add("/life/another-process", Fixture, NULL, set_up, test_another_process, tear_down);
  g_test_add("/life/pages-are-files", Fixture, NULL, set_up, test_pages_are_files, tear_down);
  g_test_add("/life/keys", Fixture, NULL, set_up, test_keys, tear_down);
  g_test_add("/life/damage", Fixture, NULL, set_up, test_damage, tear_down);
  g_test_add("/life/suggest", Fixture, NULL, set_up, test_suggest, tear_down);
  g_test_add("/life/optimize", Fixture, NULL, set_up, test_optimize, tear_down);
  g_test_add("/life/long-texts", Fixture, NULL, set_up, test_long_texts, tear_down);
  g_test_add("/life/field-anywhere", Fixture, NULL, set_up_fields, test_field_anywhere, tear_down);
  g_test_add("/life/own-header", Fixture, NULL, set_up_fields, test_own_header, tear_down);
  g_test_add("/life/field-among-many", Fixture, NULL, set_up_fields, test_field_among_many, tear_down);
  g_test_add("/life/older-names", Fixture, NULL, set_up_fields, test_older_names, tear_down);
  g_test_add("/life/older-names/own", Fixture, "own", set_up_fields, test_older_names, tear_down);
  g_test_add("/life/first-pages", Fixture, NULL, set_up, test_first_pages, tear_down);
  g_test_add("/life/cut", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add_func("/life/turns", test_turns);
  return g_test_run();
}
