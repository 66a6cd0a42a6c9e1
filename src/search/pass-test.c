/* Lists of many hits of few kinds, over several blocks: what filters and the gate let through, in each order, page after page, beside a plain sort. */
#include "query.h"
#include "block.h"
#include "text.h"
#include <stdlib.h>

enum { RECORDS = 19000, APART = 7 /* two blocks of more than two strides, and a third */, TITLES = 40, PAGES_LOOKED = 4, CODES = 500, LAST = 3 /* fonds */, STRAYS = 40 };
typedef struct { gint64 id; guint fonds, year, opening, length, code; gint32 date; gboolean in_title; } Record;
typedef struct { gint64 fonds, year; guint opening_mask; } Filter; /* 0: any */

static Record records[RECORDS];

/* Of the last fonds all but a few stand at the end of each order, so that who goes through one from its front meets few of them. */
static void put_last(GRand *random, Record *record) {
  record->length = TITLES + 2 + (guint)g_rand_int_range(random, 0, 3);
  record->date = 0;
  record->code += CODES;
}

static void draw(GRand *random, gint64 number, Record *record) {
  *record = (Record){.id = number * APART, .fonds = 1 + (guint)g_rand_int_range(random, 0, LAST), .year = 1990 + (guint)g_rand_int_range(random, 0, 3),
    .opening = (guint)g_rand_int_range(random, 0, 3), .length = 2 + (guint)g_rand_int_range(random, 0, TITLES), .in_title = g_rand_boolean(random),
    .code = (guint)g_rand_int_range(random, 0, CODES)};
  record->date = g_rand_int_range(random, 0, 9) == 0 ? 0 : ((gint32)record->year + g_rand_int_range(random, -1, 2)) * 10000 + g_rand_int_range(random, 1, 13) * 100;
  if (record->fonds == LAST && g_rand_int_range(random, 0, STRAYS)) put_last(random, record);
}

static gboolean put(Search *search, Sql *sql, const Record *record) {
  g_autoptr(GString) title = g_string_new(record->in_title ? "卷宗" : "案件");
  for (guint i = 2; i < record->length; i++) g_string_append(title, "等");
  g_autofree char *code = g_strdup_printf("A-%04u", record->code);
  SearchDocument document = {.id = record->id, .title = title->str, .creator = record->in_title ? NULL : "卷宗", .code = code,
    .columns = {.fonds_id = record->fonds, .level = LEVEL_ITEM, .opening = (guint8)record->opening, .year = (guint16)record->year, .date_from = record->date,
      .title_length = (guint8)text_length(title->str)}};
  return search_put(search, sql, NULL, &document, NULL);
}

static SearchSort sorted_by;

static gint64 difference(const Record *a, const Record *b) {
  if (sorted_by == SEARCH_SORT_CODE) return a->code == b->code ? a->id - b->id : (gint64)a->code - b->code;
  if (sorted_by == SEARCH_SORT_RELEVANCE && a->in_title != b->in_title) return a->in_title ? -1 : 1;
  if (sorted_by == SEARCH_SORT_RELEVANCE && a->length != b->length) return (gint64)a->length - b->length;
  if (a->date != b->date && (a->date == 0 || b->date == 0)) return a->date == 0 ? 1 : -1;
  if (a->date != b->date) return sorted_by == SEARCH_SORT_DATE_ASC ? a->date - b->date : b->date - a->date;
  return a->id - b->id;
}

static int compare(const void *a, const void *b) {
  gint64 order = difference(*(const Record *const *)a, *(const Record *const *)b);
  return order < 0 ? -1 : order > 0;
}

static void check(Search *search, Sql *sql, const Filter *filter, SearchSort sort, guint limit) {
  g_autoptr(GPtrArray) wanted = g_ptr_array_new();
  for (guint i = 0; i < RECORDS; i++) {
    gboolean chosen = (filter->fonds == 0 || filter->fonds == records[i].fonds) && (filter->year == 0 || filter->year == records[i].year);
    if (chosen && filter->opening_mask >> records[i].opening & 1) g_ptr_array_add(wanted, &records[i]);
  }
  sorted_by = sort;
  qsort(wanted->pdata, wanted->len, sizeof *wanted->pdata, compare);
  const Scope scope = {.opening_mask = filter->opening_mask, .files_mask = 0, .security = SECURITY_TOP, .all_fonds = TRUE};
  g_autofree char *after = NULL;
  for (guint page = 0, seen = 0; page < PAGES_LOOKED && (page == 0 || after); page++) {
    SearchRequest request = {.query = "卷宗", .sort = sort, .limit = limit, .after = after, .fonds = &filter->fonds, .fonds_count = filter->fonds != 0,
      .years = &filter->year, .years_count = filter->year != 0};
    g_autoptr(GError) error = NULL;
    g_autoptr(SearchResult) result = search_run(search, sql, &scope, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result->count, ==, wanted->len);
    g_assert_cmpuint(result->ids->len, ==, MIN(limit, wanted->len - seen));
    for (guint i = 0; i < result->ids->len; i++, seen++)
      g_assert_cmpint(g_array_index(result->ids, gint64, i), ==, ((const Record *)g_ptr_array_index(wanted, seen))->id);
    g_free(after);
    after = g_strdup(result->next);
  }
}

static void test_lists(void) {
  static const Filter FILTERS[] = {{0, 0, 15}, {1, 0, 15}, {0, 1991, 15}, {2, 1990, 15}, {0, 1992, 2}, {0, 0, 5}, {LAST, 0, 15}, {LAST, 1990, 15}};
  g_autoptr(GRand) random = g_rand_new_with_seed(20);
  g_autoptr(GError) error = NULL;
  SqlDb *db = sql_open(":memory:", &error);
  Search *search = search_open(db, &error);
  g_autoptr(Sql) sql = sql_write(db, &error);
  search_bulk_begin(search, sql);
  for (guint i = 0; i < RECORDS; i++) {
    draw(random, i + 1, &records[i]);
    g_assert_true(put(search, sql, &records[i]));
  }
  g_assert_true(search_bulk_flush(search, sql, &error) && sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  SearchLimits kept = search_limits;
  g_autoptr(Sql) reading = sql_read(db, &error);
  for (guint few = 0; few < 2; few++) { /* hits of a block as lines, as bits; of kinds with bits and without */
    search_limits.few = few ? 4096 : 50;
    search_limits.dense = few ? 2048 : 20;
    for (guint i = 0; i < G_N_ELEMENTS(FILTERS); i++)
      for (guint sort = 0; sort <= SEARCH_SORT_CODE; sort++)
        for (guint limit = 3; limit <= 3000; limit *= 10) check(search, reading, &FILTERS[i], (SearchSort)sort, limit);
  }
  search_limits = kept;
  sql_end(g_steal_pointer(&reading));
  search_close(search);
  sql_close(db);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pass/lists", test_lists);
  return g_test_run();
}
