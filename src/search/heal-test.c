/* Damage of every kind: noticed, never in the way of saving and finding, healed. */
#include "gram.h"
#include "block.h"
#include "error.h"
#include "text.h"
#include <glib/gstdio.h>

enum { RECORDS = 1200 }; /* of three slices, rebuild */

typedef struct {
  char *dir, *file, *titles[RECORDS + 2]; /* NULL: no record */
  SqlDb *db;
  Search *search;
  gboolean slow; /* the records come when the time is over, once */
} Fixture;

static SearchDocument document(const Fixture *fixture, gint64 id) {
  const char *title = fixture->titles[id];
  return (SearchDocument){.id = id, .title = title, .creator = "临江市档案局", .code = id % 2 ? "A-1" : "B-2", .docno = "", .fields = "办法\t移交\n", .closed = "经手\t某人\n",
    .columns = {.fonds_id = 1 + id % 3, .level = LEVEL_ITEM, .opening = id % 5 ? OPENING_OPEN : OPENING_CONTROLLED, .year = 1950 + id % 9,
      .title_length = (guint8)text_length(title)}};
}

static gboolean read_text(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  const Fixture *fixture = data;
  if (id > RECORDS + 1 || fixture->titles[id] == NULL) return FALSE;
  SearchDocument record = document(fixture, id);
  *ret = (SearchText){g_strdup(record.title), g_strdup(record.creator), g_strdup(""), g_strdup(record.fields), g_strdup(record.code), .closed = g_strdup(record.closed)};
  return TRUE;
}

static gboolean read_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer data, GError **error) {
  Fixture *fixture = data;
  if (fixture->slow) g_usleep((gulong)search_scan_us);
  fixture->slow = FALSE;
  for (gint64 id = after + 1; id <= RECORDS + 1; id++) {
    if (fixture->titles[id] == NULL) continue;
    SearchDocument record = document(fixture, id);
    if (!each(&record, each_data)) return TRUE;
  }
  return TRUE;
}

/* Every third record has a page, the first or the second of it. */
static const char PAGE[] = "附件正文";
static guint page_of(gint64 id) { return id % 2 ? 1 : 2; }
static gboolean has_page(const Fixture *fixture, gint64 id) { return id <= RECORDS + 1 && id % 3 == 0 && fixture->titles[id]; }

static gboolean read_pages(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer data, GError **error) {
  for (gint64 id = MAX(first, 1); id <= MIN(last, RECORDS + 1); id++)
    if (has_page(data, id) && !each(id, page_of(id), PAGE, each_data)) return TRUE;
  return TRUE;
}

static void open_search(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  fixture->search = search_open(fixture->db, &error);
  g_assert_no_error(error);
  search_set_text_source(fixture->search, read_text, fixture);
  search_set_records_source(fixture->search, read_records, fixture);
  search_set_pages_source(fixture->search, read_pages, fixture);
}

static void put(Fixture *fixture, Sql *sql, gint64 id, const char *after) {
  g_autoptr(GError) error = NULL;
  SearchDocument old = {0}, new = {0};
  g_autofree char *former = fixture->titles[id];
  if (former) old = document(fixture, id);
  fixture->titles[id] = g_strdup(after);
  if (after) new = document(fixture, id);
  search_put(fixture->search, sql, former ? &old : NULL, after ? &new : NULL, &error);
  g_assert_no_error(error);
  if (id % 3 == 0 && !former != !after) search_page_put(fixture->search, sql, id, page_of(id), former ? PAGE : NULL, after ? PAGE : NULL, &error);
  g_assert_no_error(error);
}

static gint64 rows_of_pages(Fixture *fixture) {
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  return sql_number(sql, "SELECT COUNT(*) AS n FROM search_gram_page", SQL_NONE, -1, NULL);
}

static void fill(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(fixture->db, &error);
  for (gint64 id = 1; id <= RECORDS; id++) {
    g_autofree char *title = g_strdup_printf("关于%s第%d号的通知", id % 4 ? "档案" : "婚姻登记", (int)id);
    put(fixture, sql, id, title);
  }
  sql_commit(sql, &error);
  g_assert_no_error(error);
  sql_end(g_steal_pointer(&sql));
  search_limits.gram_records = search_limits.gram_least = search_limits.page_least = search_limits.page_behind = 10;
  g_assert_true(search_optimize(fixture->search, &error));
  g_assert_cmpint(rows_of_pages(fixture), >, 0);
}

static void set_up(Fixture *fixture, gconstpointer unused) {
  fixture->dir = g_dir_make_tmp(NULL, NULL);
  fixture->file = g_build_filename(fixture->dir, "heal.db", NULL);
  fixture->db = sql_open(fixture->file, NULL);
  open_search(fixture);
  fill(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer unused) {
  search_close(fixture->search);
  sql_close(fixture->db);
  g_unlink(fixture->file);
  g_rmdir(fixture->dir);
  for (guint i = 0; i < G_N_ELEMENTS(fixture->titles); i++) g_free(fixture->titles[i]);
  g_free(fixture->file);
  g_free(fixture->dir);
}

static guint64 count(Fixture *fixture, const char *query, const Scope *scope, gboolean *ret_noticed) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(fixture->db, &error);
  SearchRequest request = {.query = query, .limit = 20, .facets = TRUE};
  g_autoptr(SearchResult) result = search_run(fixture->search, sql, scope, &request, &error);
  g_assert_no_error(error);
  *ret_noticed = result->notice && strstr(result->notice, "索引正在重建");
  g_assert_cmpuint(result->ids->len, ==, MIN(result->count, 20));
  return result->count;
}

/* What acts on all that is found gets it from the index, or nothing; what is asked of one record is so all the while. */
static void check_whole(Fixture *fixture, gboolean damaged) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  SearchRequest request = {.query = "婚姻", .limit = 20};
  g_autoptr(SearchResult) result = search_run_whole(fixture->search, sql, &SCOPE_EVERYTHING, &request, &error);
  if (damaged) g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  else g_assert_no_error(error);
  g_assert_true((result != NULL) != damaged);
  for (gint64 id = 1; id <= RECORDS + 1; id += id < 100 ? 1 : 19) {
    SearchColumns columns = {0};
    g_assert_cmpint(search_columns(fixture->search, id, &columns), ==, fixture->titles[id] != NULL);
    SearchColumns expected = fixture->titles[id] ? document(fixture, id).columns : (SearchColumns){0};
    g_assert_cmpmem(&columns, sizeof columns, &expected, sizeof expected);
  }
}

/* Words on pages find whose files may be seen, and tell the page. */
static void check_pages(Fixture *fixture) {
  const Scope scopes[] = {SCOPE_EVERYTHING, {.opening_mask = 1 << OPENING_OPEN, .all_fonds = TRUE},
    {.opening_mask = 0xff, .files_mask = 1 << OPENING_OPEN, .all_fonds = TRUE}};
  for (guint i = 0; i < G_N_ELEMENTS(scopes); i++) {
    guint expected = 0, with_word = 0;
    gboolean told;
    for (gint64 id = 1; id <= RECORDS + 1; id++) {
      gboolean seen = i != 1 && has_page(fixture, id) && (i == 0 || id % 5);
      expected += seen;
      with_word += seen && strstr(fixture->titles[id], "婚姻");
    }
    g_assert_cmpuint(count(fixture, "全文:附件正", &scopes[i], &told), ==, expected);
    g_assert_cmpuint(count(fixture, "附件 婚姻", &scopes[i], &told), ==, with_word);
  }
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  SearchRequest request = {.query = "附件正文", .limit = 20, .sort = SEARCH_SORT_CODE};
  g_autoptr(SearchResult) result = search_run(fixture->search, sql, &SCOPE_EVERYTHING, &request, NULL);
  for (guint i = 0; i < result->ids->len; i++)
    g_assert_cmpuint(g_array_index(result->pages, guint, i), ==, page_of(g_array_index(result->ids, gint64, i)));
}

/* Answers equal what is known of the records, whoever gives them. */
static void check_answers(Fixture *fixture, gboolean noticed) {
  const Scope open = {.opening_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  static const char *const words[] = {"", "婚姻", "关于婚姻登记第", "档案", "责任者:临江市", "77", "记第", "办法:移交"}; /* the last: a field that the records brought */
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    for (guint all = 0; all < 2; all++) {
      guint expected = 0;
      gboolean told;
      g_autofree char *number = g_strdup_printf("第%s号", words[i]);
      for (gint64 id = 1; id <= RECORDS + 1; id++) {
        if (fixture->titles[id] == NULL || (!all && id % 5 == 0)) continue;
        expected += i == 0 || i == 4 || i == 7 || strstr(fixture->titles[id], i == 5 ? number : words[i]) || (i == 3 && TRUE);
      }
      g_assert_cmpuint(count(fixture, words[i], all ? &SCOPE_EVERYTHING : &open, &told), ==, expected);
      g_assert_cmpint(told, ==, noticed);
    }
  check_pages(fixture);
  check_whole(fixture, noticed);
}

/* What is shown beside hits and records is left out rather than refused. */
static void check_beside(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(fixture->db, &error);
  guint terms = 0;
  g_autoptr(GArray) pages = search_record_pages(fixture->search, sql, "附件 正文 婚姻", 6, &terms, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(terms, ==, 3);
  g_assert_cmpuint(pages->len, ==, 1);
  g_assert_cmpuint(g_array_index(pages, SearchPageHit, 0).page, ==, page_of(6));
  g_assert_cmpuint(g_array_index(pages, SearchPageHit, 0).terms, ==, 2);
  g_autoptr(GArray) alike = search_like(fixture->search, sql, &SCOPE_EVERYTHING, 3, 5, &error);
  g_assert_no_error(error);
  json_auto_t *offers = search_suggest(fixture->search, sql, &SCOPE_EVERYTHING, "关于", 5, &error);
  g_assert_no_error(error);
  g_autoptr(GPtrArray) near = search_near(fixture->search, sql, &SCOPE_EVERYTHING, "婚因", 5, &error);
  g_assert_no_error(error);
}

/* Slices by three, between which a record of a slice that is done and one of a later slice are saved. */
static void rebuild(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  search_remake_begin(fixture->search, &error);
  g_assert_no_error(error);
  for (gint64 from = 1; from <= RECORDS + 1; from += RECORDS / 3) {
    g_autoptr(Sql) sql = sql_write(fixture->db, &error);
    for (gint64 id = from; id < MIN(from + RECORDS / 3, RECORDS + 2); id++) {
      if (fixture->titles[id] == NULL) continue;
      SearchDocument record = document(fixture, id);
      g_assert_true(search_remake_put(fixture->search, sql, &record, &error));
    }
    if (from > RECORDS) {
      g_assert_true(search_remake_put(fixture->search, sql, NULL, &error));
      for (gint64 id = 1; id <= RECORDS + 1; id++)
        if (has_page(fixture, id)) g_assert_true(search_remake_page(fixture->search, sql, id, page_of(id), PAGE, &error));
      g_assert_true(search_remake_page(fixture->search, sql, 0, 0, NULL, &error));
    }
    g_assert_true(search_bulk_flush(fixture->search, sql, &error) && sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    sql = sql_write(fixture->db, &error);
    g_autofree char *title = g_strdup_printf("婚姻登记变更第%d号", (int)from);
    put(fixture, sql, from, from % 2 ? title : NULL);
    put(fixture, sql, MIN(from + RECORDS / 3, RECORDS), title);
    g_assert_true(sql_commit(sql, &error));
  }
  g_assert_true(search_remake_finish(fixture->search, &error));
}

static gboolean damage(Sql *sql, guint kind) {
  switch (kind) {
  case 0: return sql_exec(sql, "DROP TABLE search_title_data", SQL_NONE, NULL);
  case 1: return sql_exec(sql, "UPDATE search_title_data SET block = randomblob(200)", SQL_NONE, NULL);
  case 2: return sql_exec(sql, "UPDATE search_text_config SET v = 99", SQL_NONE, NULL);
  case 3: return sql_exec(sql, "DROP TABLE search_page", SQL_NONE, NULL);
  case 4: return sql_exec(sql, "DROP TABLE search_column", SQL_NONE, NULL);
  case 5: return sql_exec(sql, "UPDATE search_column SET lines = zeroblob(length(lines)) WHERE chunk = 1", SQL_NONE, NULL);
  case 6: return sql_exec(sql, "DROP TABLE search_state", SQL_NONE, NULL);
  case 7: return sql_exec(sql, "DROP TABLE search_gram_state", SQL_NONE, NULL);
  case 8: return sql_exec(sql, "UPDATE search_gram SET bits = zeroblob(40)", SQL_NONE, NULL);
  case 9: return sql_exec(sql, "DROP TABLE search_title_config", SQL_NONE, NULL);
  case 10: return sql_exec(sql, "UPDATE search_gram_page SET lines = zeroblob(40)", SQL_NONE, NULL);
  case 11: return sql_exec(sql, "DROP TABLE search_gram_page_state", SQL_NONE, NULL);
  case 12: return sql_exec(sql, "DELETE FROM search_state", SQL_NONE, NULL);
  case 13: return sql_exec(sql, "DELETE FROM search_gram_state", SQL_NONE, NULL);
  case 14: return sql_exec(sql, "DELETE FROM search_gram_page_state", SQL_NONE, NULL);
  case 15: return sql_exec(sql, "DELETE FROM search_column WHERE chunk = 2", SQL_NONE, NULL);
  case 16: return sql_exec(sql, "DELETE FROM search_gram_key WHERE number = 2", SQL_NONE, NULL);
  case 17: return sql_exec(sql, "UPDATE search_gram_page_key SET key = key + 1 WHERE number = 1", SQL_NONE, NULL);
  default: return sql_exec(sql, "DELETE FROM search_gram_page_key WHERE number = (SELECT MAX(number) FROM search_gram_page_key)", SQL_NONE, NULL);
  }
}
enum { DAMAGES = 19 };

static void compare_all(Fixture *fixture) {
  gint64 after = 0;
  do after = search_compare(fixture->search, after, 700);
  while (after && !search_needs_rebuild(fixture->search));
}

/* Some damage no question meets, since what it reads is in memory: at work it is found by looking for it. */
static void test_damage(Fixture *fixture, gconstpointer unused) {
  check_answers(fixture, FALSE);
  for (guint kind = 0; kind < DAMAGES * 2; kind++) {
    gboolean told = FALSE, unseen = kind / 2 == 2 || kind / 2 == 4 || kind / 2 == 5 || kind / 2 == 9 || kind / 2 > 14;
    g_autoptr(GError) error = NULL;
    g_autoptr(Sql) sql = sql_write(fixture->db, &error);
    sql_guard(sql, FALSE);
    g_assert_true(damage(sql, kind / 2));
    sql_guard(sql, TRUE);
    g_assert_true(sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    g_test_message("damage %u, %s", kind / 2, kind % 2 ? "found at opening" : unseen ? "looked for at work" : "found at work");
    search_forget(fixture->search);
    if (unseen && kind % 2 == 0) compare_all(fixture);
    if (kind % 2) {
      search_close(fixture->search);
      sql_close(fixture->db);
      fixture->db = sql_open(fixture->file, &error);
      g_assert_no_error(error);
      open_search(fixture);
    }
    static const char *const asked[] = {"\"登记第77\"", "关于婚姻登记第", "全文:附件正"};
    if (kind % 3 == 0) check_beside(fixture);
    for (guint i = 0; i < 6 && !told; i++) count(fixture, asked[i % 3], &SCOPE_EVERYTHING, &told);
    check_beside(fixture);
    g_assert_true(search_needs_rebuild(fixture->search));
    check_answers(fixture, TRUE);
    sql = sql_write(fixture->db, &error);
    g_autofree char *title = g_strdup_printf("婚姻登记簿 %u", kind);
    put(fixture, sql, RECORDS + 1, kind % 3 ? title : NULL);
    put(fixture, sql, 1 + kind, title);
    g_assert_true(sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    check_answers(fixture, TRUE);
    search_close(fixture->search);
    open_search(fixture); /* that it is damaged outlives a restart */
    g_assert_true(search_needs_rebuild(fixture->search));
    rebuild(fixture);
    g_assert_false(search_needs_rebuild(fixture->search));
    check_answers(fixture, FALSE);
    compare_all(fixture);
    g_assert_false(search_needs_rebuild(fixture->search));
  }
}

/* A save that is the first to meet damage succeeds, and is found at once; what it is saved with, too. */
static void test_save_meets(Fixture *fixture, gconstpointer unused) {
  static const guint kinds[] = {0, 3, 4, 6, 8};
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
    sql_guard(sql, FALSE);
    g_assert_true(damage(sql, kinds[i]));
    sql_guard(sql, TRUE);
    g_assert_true(sql_commit(sql, NULL));
    sql_end(g_steal_pointer(&sql));
    g_test_message("damage %u", kinds[i]);
    g_autofree char *title = g_strdup_printf("婚姻登记簿壬癸%u", i);
    sql = sql_write(fixture->db, NULL);
    g_assert_true(sql_exec(sql, "CREATE TABLE IF NOT EXISTS other (title TEXT)", SQL_NONE, NULL));
    g_assert_true(sql_exec(sql, "INSERT INTO other (title) VALUES ($1)", SQL_ARGS(sql_text(title)), NULL));
    put(fixture, sql, RECORDS, i % 2 ? NULL : title); /* with its page */
    put(fixture, sql, 5, title);
    g_assert_true(sql_commit(sql, &error));
    g_assert_no_error(error);
    sql_end(g_steal_pointer(&sql));
    g_assert_true(search_needs_rebuild(fixture->search));
    check_answers(fixture, TRUE);
    sql = sql_read(fixture->db, NULL);
    g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM other", SQL_NONE, 0, NULL), ==, i + 1);
    sql_end(g_steal_pointer(&sql));
    rebuild(fixture);
    check_answers(fixture, FALSE);
  }
}

/* What is whole in itself, but has lost what is said of some records: comparing notices. */
static gboolean lose(Sql *sql, guint kind) {
  switch (kind) {
  case 0: return sql_exec(sql, "INSERT INTO search_title (search_title) VALUES ('delete-all')", SQL_NONE, NULL);
  case 1: return sql_exec(sql, "INSERT INTO search_text (search_text) VALUES ('delete-all')", SQL_NONE, NULL);
  case 2: return sql_exec(sql, "INSERT INTO search_closed (search_closed) VALUES ('delete-all')", SQL_NONE, NULL);
  case 3: return sql_exec(sql, "INSERT INTO search_page (search_page) VALUES ('delete-all')", SQL_NONE, NULL);
  case 4: return sql_exec(sql, "DELETE FROM search_page_idx", SQL_NONE, NULL);
  case 5: return sql_exec(sql, "DELETE FROM search_gram WHERE id % 5 = 0", SQL_NONE, NULL);
  case 6: return sql_exec(sql, "DROP TABLE search_made_text", SQL_NONE, NULL); /* nobody asks it before all is made anew */
  case 7: return sql_exec(sql, "DROP TABLE search_title_term", SQL_NONE, NULL);
  case 8: return sql_exec(sql, "UPDATE search_state SET chunks = chunks + 1", SQL_NONE, NULL);
  default: return sql_exec(sql, "DELETE FROM search_gram_page WHERE id % 3 = 0", SQL_NONE, NULL);
  }
}
enum { LOSSES = 10 };

static void test_losses(Fixture *fixture, gconstpointer unused) {
  for (guint kind = 0; kind < LOSSES; kind++) {
    compare_all(fixture);
    g_assert_false(search_needs_rebuild(fixture->search));
    g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
    sql_guard(sql, FALSE);
    g_assert_true(lose(sql, kind));
    sql_guard(sql, TRUE);
    g_assert_true(sql_commit(sql, NULL));
    g_clear_pointer(&sql, sql_end);
    g_test_message("loss %u", kind);
    compare_all(fixture);
    g_assert_true(search_needs_rebuild(fixture->search));
    rebuild(fixture);
    check_answers(fixture, FALSE);
  }
}

/* What is sound in itself, but not what the records say. */
static void test_compare(Fixture *fixture, gconstpointer unused) {
  for (guint kind = 0; kind < 4; kind++) {
    g_autofree char *former = g_strdup(fixture->titles[7]);
    if (kind < 2) g_free(fixture->titles[kind ? RECORDS : 7]), fixture->titles[kind ? RECORDS : 7] = NULL; /* the index has a record too many */
    else if (kind == 2) fixture->titles[RECORDS + 1] = g_strdup("婚姻登记");                                /* one too few */
    else g_free(fixture->titles[8]), fixture->titles[8] = g_strdup("改");                                  /* another title: its length is in the columns */
    compare_all(fixture);
    g_assert_true(search_needs_rebuild(fixture->search));
    rebuild(fixture);
    check_answers(fixture, FALSE);
  }
}

/* Who reads in a snapshot of the time of the damage is answered by the records of that time, though the index is whole again. */
static void test_snapshot(Fixture *fixture, gconstpointer unused) {
  g_autoptr(Sql) writing = sql_write(fixture->db, NULL);
  sql_guard(writing, FALSE);
  g_assert_true(sql_exec(writing, "DROP TABLE search_page_data", SQL_NONE, NULL));
  sql_guard(writing, TRUE);
  g_assert_true(search_outdate(fixture->search, writing, NULL) && sql_commit(writing, NULL));
  g_clear_pointer(&writing, sql_end);
  g_autoptr(Sql) early = sql_read(fixture->db, NULL);
  g_assert_cmpint(sql_number(early, "SELECT version FROM search_state", SQL_NONE, 0, NULL), >, 0);
  g_assert_true(search_remake_begin(fixture->search, NULL)); /* its tables are empty now */
  g_autoptr(Sql) empty = sql_read(fixture->db, NULL);
  g_assert_cmpint(sql_number(empty, "SELECT version FROM search_state", SQL_NONE, 0, NULL), >, 0);
  rebuild(fixture);
  for (guint i = 0; i < 2; i++) {
    SearchRequest request = {.query = "某人"}; /* in closed fields */
    g_autoptr(SearchResult) result = search_run(fixture->search, i ? empty : early, &SCOPE_EVERYTHING, &request, NULL);
    g_assert_nonnull(strstr(result->notice, "索引正在重建"));
    g_assert_cmpuint(result->count, >=, RECORDS); /* one is saved while it is made anew */
  }
  g_autoptr(GArray) pages = search_record_pages(fixture->search, early, "附件", 6, NULL, NULL);
  g_assert_cmpuint(pages->len, ==, 1);
  g_assert_false(search_needs_rebuild(fixture->search));
  check_answers(fixture, FALSE);
}

/* Where the time does not suffice it is told how far it went: of the records, and of their pages. */
static void test_cut(Fixture *fixture, gconstpointer unused) {
  g_autoptr(Sql) writing = sql_write(fixture->db, NULL);
  g_assert_true(search_outdate(fixture->search, writing, NULL) && sql_commit(writing, NULL));
  g_clear_pointer(&writing, sql_end);
  const Scope no_files = {.opening_mask = 0xff, .all_fonds = TRUE};
  static const struct { gint64 us; gboolean files, cut; guint count; const char *notice; } cases[] = {
    {0, TRUE, TRUE, 64, "索引正在重建：暂时直接查目录和全文，目录只来得及查看前 64 条，全文只来得及查看前 1 页"},
    {0, FALSE, TRUE, 64, "索引正在重建：暂时直接查目录，目录只来得及查看前 64 条"},
    {60 * G_USEC_PER_SEC, TRUE, FALSE, RECORDS, "索引正在重建：暂时直接查目录和全文"},
    {60 * G_USEC_PER_SEC, FALSE, FALSE, RECORDS, "索引正在重建：暂时直接查目录"}};
  gint64 kept = search_scan_us;
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    search_scan_us = cases[i].us;
    g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
    SearchRequest request = {.query = "通知", .limit = 20};
    g_autoptr(SearchResult) result = search_run(fixture->search, sql, cases[i].files ? &SCOPE_EVERYTHING : &no_files, &request, NULL);
    g_assert_cmpstr(result->notice, ==, cases[i].notice);
    g_assert_cmpuint(result->count, ==, cases[i].count);
    SearchRequest paged = {.query = "全文:附件", .limit = 20};
    g_autoptr(SearchResult) pages = search_run(fixture->search, sql, cases[i].files ? &SCOPE_EVERYTHING : &no_files, &paged, NULL);
    g_assert_cmpuint(pages->count, ==, cases[i].files ? cases[i].cut ? 1 : RECORDS / 3 : 0);
  }
  search_scan_us = 300000;
  fixture->slow = TRUE;
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  SearchRequest request = {.query = "全文:附件 婚姻", .limit = 20};
  g_autoptr(SearchResult) result = search_run(fixture->search, sql, &SCOPE_EVERYTHING, &request, NULL);
  g_assert_cmpstr(result->notice, ==, "索引正在重建：暂时直接查目录和全文，目录只来得及查看前 64 条");
  g_assert_cmpuint(result->count, ==, RECORDS / 12); /* in the records that were not reached, too */
  search_scan_us = kept;
}

/* As the schema before 015 left it: all sums are others. */
static void age(Fixture *fixture) {
  g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
  g_assert_true(sql_exec(sql, "UPDATE search_column SET sum = sum / 2 + 1", SQL_NONE, NULL) &&
    sql_exec(sql, "UPDATE search_gram SET bits = CAST(substr(bits, 1, length(bits) - 4) || x'01020304' AS BLOB)", SQL_NONE, NULL) &&
    sql_exec(sql, "UPDATE search_gram_page SET lines = CAST(substr(lines, 1, length(lines) - 4) || x'01020304' AS BLOB)", SQL_NONE, NULL) &&
    sql_exec(sql, "UPDATE schema_version SET number = 14 WHERE room = 'search'", SQL_NONE, NULL) && sql_commit(sql, NULL));
}

static void reopen(Fixture *fixture) {
  search_close(fixture->search);
  open_search(fixture);
}

/* An index of before is sound and keeps frequent strings again. A chunk without its sum is damaged in silence until it is compared; with it, until it is opened:
 * it has it when it is written, or when it was compared. */
static void test_older(Fixture *fixture, gconstpointer unused) {
  enum { UNTOUCHED, WRITTEN, COMPARED, CASES };
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < CASES; i++) {
    age(fixture);
    reopen(fixture);
    check_answers(fixture, FALSE);
    g_assert_cmpint(rows_of_pages(fixture), ==, 0);
    g_assert_true(search_optimize(fixture->search, &error));
    g_assert_cmpint(rows_of_pages(fixture), >, 0);
    check_answers(fixture, FALSE);
    g_autoptr(Sql) sql = sql_write(fixture->db, NULL);
    if (i == WRITTEN) put(fixture, sql, 600, "婚姻登记庚子"); /* in the chunk that is damaged */
    g_assert_true(sql_commit(sql, NULL));
    g_clear_pointer(&sql, sql_end);
    if (i == COMPARED) compare_all(fixture);
    sql = sql_write(fixture->db, NULL);
    g_assert_true(damage(sql, 5) && sql_commit(sql, NULL));
    g_clear_pointer(&sql, sql_end);
    reopen(fixture);
    g_assert_cmpint(search_needs_rebuild(fixture->search), ==, i != UNTOUCHED);
    if (i == UNTOUCHED) compare_all(fixture);
    g_assert_true(search_needs_rebuild(fixture->search));
    check_answers(fixture, TRUE);
    rebuild(fixture);
    check_answers(fixture, FALSE);
  }
}

static gint64 made_rows(Fixture *fixture) {
  g_autoptr(Sql) sql = sql_read(fixture->db, NULL);
  return sql_number(sql, "SELECT COUNT(*) AS n FROM search_made_title_data WHERE id > 10", SQL_NONE, -1, NULL);
}

/* A remaking that ends halfway: saves no longer enter what it made, which is tidied away; so is what a crash left. */
static void test_stopped(Fixture *fixture, gconstpointer unused) {
  g_autoptr(GError) error = NULL;
  for (guint round = 0; round < 2; round++) {
    g_assert_true(search_remake_begin(fixture->search, &error));
    g_autoptr(Sql) sql = sql_write(fixture->db, &error);
    for (gint64 id = 1; id <= 48; id++) {
      if (fixture->titles[id] == NULL) continue;
      SearchDocument record = document(fixture, id);
      g_assert_true(search_remake_put(fixture->search, sql, &record, &error));
    }
    g_assert_true(search_bulk_flush(fixture->search, sql, &error) && sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    g_assert_cmpint(made_rows(fixture), >, 0);
    if (round == 0) g_assert_true(search_remake_stop(fixture->search, &error));
    else search_close(fixture->search), open_search(fixture);
    sql = sql_write(fixture->db, &error);
    put(fixture, sql, 48 - round * 40, round ? "婚姻登记停" : NULL);
    g_assert_true(sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    g_assert_true(search_tend(fixture->search, &error));
    g_assert_cmpint(made_rows(fixture), ==, 0);
    check_answers(fixture, FALSE);
  }
  rebuild(fixture);
  g_assert_cmpint(made_rows(fixture), ==, 0);
  check_answers(fixture, FALSE);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  g_test_add("/heal/damage", Fixture, NULL, set_up, test_damage, tear_down);
  g_test_add("/heal/save-meets", Fixture, NULL, set_up, test_save_meets, tear_down);
  g_test_add("/heal/compare", Fixture, NULL, set_up, test_compare, tear_down);
  g_test_add("/heal/snapshot", Fixture, NULL, set_up, test_snapshot, tear_down);
  g_test_add("/heal/cut", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add("/heal/older", Fixture, NULL, set_up, test_older, tear_down);
  g_test_add("/heal/losses", Fixture, NULL, set_up, test_losses, tear_down);
  g_test_add("/heal/stopped", Fixture, NULL, set_up, test_stopped, tear_down);
  return g_test_run();
}
