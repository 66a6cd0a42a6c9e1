/* Counts kept ready: there when a word is asked again, right after a change and for whoever asks, and limited. */
#include "query.h"
#include "block.h"

static guint opening_of(gint64 id) { return id % 3 ? OPENING_OPEN : OPENING_CONTROLLED; }

/* Up to the fifth the word is 甲方, in the title; beyond 乙方, in a closed field. */
static SearchDocument document(gint64 id, guint opening) {
  return (SearchDocument){.id = id, .title = id <= 5 ? "甲方" : "丙方", .code = "A-1", .closed = id <= 5 ? NULL : "bz\t乙方\n",
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = (guint8)opening, .title_length = 2}};
}

static void put(Search *search, SqlDb *db, gint64 id, gboolean was, guint opening) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(db, &error);
  SearchDocument old = document(id, opening_of(id)), new = document(id, opening);
  g_assert_true(search_put(search, sql, was ? &old : NULL, &new, &error) && sql_commit(sql, &error));
}

static guint64 count(Search *search, SqlDb *db, const Scope *scope, const char *query) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(db, &error);
  SearchRequest request = {.query = query, .limit = 1};
  g_autoptr(SearchResult) result = search_run(search, sql, scope, &request, &error);
  g_assert_no_error(error);
  return result->count;
}

/* How many hits are counted of the word, which stands in that component alone. */
static guint tallied(Search *search, SqlDb *db, Component component, const char *word) {
  g_autoptr(Sql) sql = sql_read(db, NULL);
  SearchView view;
  g_assert_true(search_view_open(search, sql, &view, NULL));
  g_autoptr(Columns) columns = view.columns;
  g_autofree char *pattern = search_pattern(word, FALSE);
  g_autoptr(Leaf) leaf = search_leaf_load(search, sql, &view, &(LeafKey){.component = component, .pattern = pattern}, NULL);
  const guint64 leaves[TALLY_LEAVES] = {component == COMPONENT_TITLE ? leaf->serial : 0, 0, component == COMPONENT_CLOSED ? leaf->serial : 0};
  g_autoptr(Tally) tally = search_tally_of(search->tallies, leaves, columns->block_count);
  const Kinds *kinds = search_block_kinds(columns, 0);
  guint32 found[8] = {0}, sum = 0;
  g_assert_cmpuint(kinds->count, <=, G_N_ELEMENTS(found));
  if (tally) search_tally_read(tally, 0, kinds->serial, found, kinds->count);
  for (guint i = 0; i < kinds->count; i++) sum += found[i];
  return sum;
}

/* Also where a word stands in titles, or in closed fields, alone and the bitmap of the rest is made anew. */
static void test_again(void) {
  const Scope open = {.opening_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};
  SearchLimits kept = search_limits;
  search_limits.tallied = 1;
  SqlDb *db = sql_open(":memory:", NULL);
  Search *search = search_open(db, NULL);
  search_cache_keep_all(search->cache);
  for (gint64 id = 1; id <= 20; id++) put(search, db, id, FALSE, opening_of(id));
  search_warm(search);
  for (guint times = 0; times < 3; times++) {
    g_assert_cmpuint(count(search, db, &SCOPE_EVERYTHING, "甲方"), ==, 5);
    g_assert_cmpuint(count(search, db, &open, "甲方"), ==, 4);
    g_assert_cmpuint(count(search, db, &SCOPE_EVERYTHING, "乙方"), ==, 15);
    g_assert_cmpuint(count(search, db, &open, "乙方"), ==, 0);
  }
  g_assert_cmpuint(tallied(search, db, COMPONENT_TITLE, "甲方"), ==, 5);
  g_assert_cmpuint(tallied(search, db, COMPONENT_CLOSED, "乙方"), ==, 15);
  put(search, db, 1, TRUE, OPENING_CONTROLLED); /* its words are the same, so their bitmaps are; its kind is another */
  g_assert_cmpuint(count(search, db, &open, "甲方"), ==, 3);
  g_assert_cmpuint(count(search, db, &SCOPE_EVERYTHING, "甲方"), ==, 5);
  search_forget(search);
  g_assert_cmpuint(tallied(search, db, COMPONENT_TITLE, "甲方"), ==, 0);
  search_close(search);
  sql_close(db);
  search_limits = kept;
}

/* What is kept has a limit: beyond it those not asked for longest go. */
static void test_limit(void) {
  enum { MANY = 10 << 20 /* 40 MiB of counts: two of them are too many */ };
  Tallies *tallies = search_tallies_new();
  g_autofree guint32 *found = g_new0(guint32, MANY);
  for (guint64 serial = 1; serial <= 3; serial++) {
    g_assert_null(search_tally_of(tallies, (const guint64[TALLY_LEAVES]){serial}, 1));
    g_autoptr(Tally) tally = search_tally_of(tallies, (const guint64[TALLY_LEAVES]){serial}, 1);
    if (serial < 3) search_tally_keep(tally, 0, 7, found, MANY);
  }
  g_autoptr(Tally) second = search_tally_of(tallies, (const guint64[TALLY_LEAVES]){2}, 1);
  g_assert_true(search_tally_read(second, 0, 7, found, MANY));
  g_assert_null(search_tally_of(tallies, (const guint64[TALLY_LEAVES]){1}, 1)); /* forgotten */
  search_tallies_free(tallies);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tally/again", test_again);
  g_test_add_func("/tally/limit", test_limit);
  return g_test_run();
}
