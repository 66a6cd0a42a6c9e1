/* Kinds and orders of blocks that were patched through many commits, beside what the columns say. */
#include "block.h"

enum { LINES = 70000 /* more than a block */, COMMITS = 60, SAVED = 12 /* at most in a commit */, DENSE = 400 };

typedef struct { guint fonds, year, month, length, code; } Record; /* fonds 0: there is none */

static Record records[LINES + 1];

static gboolean put(Search *search, Sql *sql, gint64 id, const Record *now) {
  Record *before = &records[id];
  g_autofree char *old_code = g_strdup_printf("%u", before->code), *new_code = g_strdup_printf("%u", now->code);
  SearchDocument documents[2] = {{.id = id, .title = "卷宗", .code = old_code}, {.id = id, .title = "卷宗", .code = new_code,
    .columns = {.fonds_id = now->fonds, .level = LEVEL_ITEM, .year = (guint16)now->year, .date_from = (gint32)(now->year * 10000 + now->month * 100),
      .title_length = (guint8)now->length}}};
  gboolean good = search_put(search, sql, before->fonds ? &documents[0] : NULL, now->fonds ? &documents[1] : NULL, NULL);
  *before = *now;
  return good;
}

/* Most records are of a few kinds, some of rare ones, and some are gone: kinds come and go. */
static gboolean draw(Search *search, Sql *sql, GRand *random, gint64 id) {
  gboolean gone = records[id].fonds && g_rand_int_range(random, 0, 12) == 0, rare = g_rand_int_range(random, 0, 8) == 0;
  if (gone) return put(search, sql, id, &(Record){0});
  return put(search, sql, id, &(Record){(guint)g_rand_int_range(random, 1, rare ? 30 : 3), (guint)g_rand_int_range(random, 1950, rare ? 2020 : 1953),
    (guint)g_rand_int_range(random, 0, 12), (guint)g_rand_int_range(random, 0, 60), (guint)g_rand_int_range(random, 1000, 4000)});
}

static void check_kinds(const Columns *columns, guint number) {
  const Kinds *kinds = search_block_kinds(columns, number);
  g_autofree guint32 *totals = g_new0(guint32, kinds->count);
  guint living = 0, rest = 0;
  for (guint line = 0; line < BLOCK_LINES; line++) {
    const SearchColumns *now = columns_line(columns, number * BLOCK_LINES + line);
    guint kind = kinds->of_line[line];
    const LineKind *told = &kinds->all[kind];
    for (guint dense = 0; dense < kinds->dense; dense++)
      g_assert_cmpint(search_words_have(kinds->words + (gsize)dense * BLOCK_WORDS, line), ==, now != NULL && kind == dense);
    g_assert_cmpint(search_words_have(kinds->rest, line), ==, now != NULL && kind >= kinds->dense);
    g_assert_cmpint(told->level != 0, ==, now != NULL);
    if (now == NULL) continue;
    g_assert_true(told->fonds_id == now->fonds_id && told->year == now->year && told->category == now->category && told->retention == now->retention &&
      told->opening == now->opening && told->level == now->level && told->security == now->security && told->has_files == (now->has_files != 0));
    g_assert_cmpuint(kinds->places[line], ==, search_top_place(now));
    for (guint sort = 0; sort < PLACED; sort++)
      g_assert_cmpuint(kinds->heads[kind * PLACED + sort], <=, search_top_head((SearchSort)sort, kinds->places[line], 0));
    totals[kind]++;
    living++;
    rest += kind >= kinds->dense;
  }
  for (guint i = 0; i < kinds->count; i++) g_assert_cmpuint(kinds->totals[i], ==, totals[i]);
  g_assert_cmpuint(kinds->living, ==, living);
  g_assert_cmpuint(kinds->rest_living, ==, rest);
}

/* Of a few lines and of many. */
static void check_tally(const Columns *columns, guint number, GRand *random) {
  const Kinds *kinds = search_block_kinds(columns, number);
  for (gint32 apart = 2; apart <= 2000; apart *= 10) {
    guint64 words[BLOCK_WORDS] = {0};
    g_autofree guint32 *told = g_new0(guint32, kinds->count), *counts = g_new0(guint32, kinds->count);
    for (guint line = 0; line < BLOCK_LINES; line++) {
      if (g_rand_int_range(random, 0, apart)) continue;
      words[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64;
      counts[kinds->of_line[line]]++;
    }
    search_kinds_tally(kinds, words, told);
    g_assert_cmpmem(told, sizeof *told * kinds->count, counts, sizeof *counts * kinds->count);
  }
}

static void check_order(const Columns *columns, guint number, SearchSort sort) {
  const Kinds *kinds = search_block_kinds(columns, number);
  const Order *order = search_block_order(columns, number, sort);
  g_assert_cmpuint(order->count, ==, kinds->living);
  g_auto(Top) top = {0};
  g_assert_true(search_top_init(&top, sort, 1, NULL, NULL));
  Hit before = {0};
  for (guint i = 0; i < order->count; i++) {
    guint32 id = number * BLOCK_LINES + order->lines[i];
    g_assert_nonnull(columns_line(columns, id));
    if (i < FRONT) g_assert_cmpuint(order->front[i], ==, kinds->places[order->lines[i]]);
    Hit hit = search_top_hit(&top, id, kinds->places[order->lines[i]], sort == SEARCH_SORT_CODE ? columns_code(columns, id) : NULL, 0);
    if (i > 0) g_assert_cmpint(search_top_compare(&before, &hit), <, 0);
    before = hit;
  }
}

static void check_all(Search *search, SqlDb *db, GRand *random) {
  g_autoptr(Sql) sql = sql_read(db, NULL);
  SearchView view = {0};
  g_assert_true(search_view_open(search, sql, &view, NULL));
  for (guint number = 0; number < view.columns->block_count; number++) {
    check_kinds(view.columns, number);
    check_tally(view.columns, number, random);
    for (guint sort = 0; sort <= SEARCH_SORT_CODE; sort++) check_order(view.columns, number, (SearchSort)sort);
  }
  search_columns_unref(view.columns);
}

typedef enum { ASKS_NOTHING, ASKS_KINDS, ASKS_ORDER, ASKED } Asked;

static void commit(Search *search, SqlDb *db, GRand *random, Asked asked) {
  g_autoptr(Sql) sql = sql_write(db, NULL);
  gint64 around = g_rand_int_range(random, 1, LINES), apart = g_rand_boolean(random) ? 1 : 7001;
  for (gint i = g_rand_int_range(random, 1, SAVED + 1); i > 0; i--) g_assert_true(draw(search, sql, random, 1 + (around + i * apart) % LINES));
  g_assert_true(sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  g_autoptr(Sql) reading = sql_read(db, NULL);
  SearchView view = {0};
  g_assert_true(search_view_open(search, reading, &view, NULL));
  guint number = (guint)g_rand_int_range(random, 0, (gint32)view.columns->block_count);
  if (asked == ASKS_KINDS) search_block_kinds(view.columns, number);
  if (asked == ASKS_ORDER) search_block_order(view.columns, number, (SearchSort)g_rand_int_range(random, 0, ORDERS));
  search_columns_unref(view.columns);
}

static void test_patched(void) {
  SearchLimits kept = search_limits;
  search_limits.dense = DENSE;
  g_autoptr(GRand) random = g_rand_new_with_seed(4);
  SqlDb *db = sql_open(":memory:", NULL);
  Search *search = search_open(db, NULL);
  g_autoptr(Sql) sql = sql_write(db, NULL);
  search_bulk_begin(search, sql);
  for (gint64 id = 1; id <= LINES; id += g_rand_int_range(random, 1, 40)) g_assert_true(draw(search, sql, random, id));
  g_assert_true(search_bulk_flush(search, sql, NULL) && sql_commit(sql, NULL));
  sql_end(g_steal_pointer(&sql));
  for (guint i = 0; i < 3; i++) commit(search, db, random, ASKS_KINDS);
  for (guint i = 0; i < 3; i++) commit(search, db, random, ASKS_NOTHING);
  for (guint i = 0; i < COMMITS; i++) {
    commit(search, db, random, (Asked)g_rand_int_range(random, 0, ASKED));
    if (i % 4 == 0) check_all(search, db, random);
  }
  check_all(search, db, random);
  g_assert_true(search_block_kinds(search->current, 0)->count > NARROW && search_block_kinds(search->current, 1)->count <= NARROW);
  search_close(search);
  sql_close(db);
  search_limits = kept;
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/block/patched", test_patched);
  return g_test_run();
}
