/* Patterns in codes (code.c), beside a look at every code by itself. */
#include "internal.h"
#include "text.h"

enum { FIRST = 300, LINES = 60 * CHUNK_LINES };

typedef struct { GHashTable *drafts; Columns *columns; GPtrArray *codes; /* by id; NULL: no record */ } World;

static void put_code(World *world, guint32 id, const char *code) {
  gpointer number = GUINT_TO_POINTER(id / CHUNK_LINES);
  Draft *draft = g_hash_table_lookup(world->drafts, number);
  if (draft == NULL) g_hash_table_insert(world->drafts, number, draft = search_draft_new(NULL));
  const SearchColumns line = {.level = 4};
  search_draft_set(draft, id, &line, code);
  g_free(world->codes->pdata[id]);
  world->codes->pdata[id] = g_strndup(code, CODE_MAX);
}

/* Years follow each other as in an archives; here and there a line is no record, or has a code of another kind. */
static void world_open(World *world) {
  *world = (World){g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)search_draft_free), NULL, g_ptr_array_new_with_free_func(g_free)};
  g_ptr_array_set_size(world->codes, LINES);
  for (guint32 id = FIRST; id < LINES; id++) {
    g_autofree char *code = g_strdup_printf("X001-WS·%u-%s-%07u", 1949 + id / 3000, id % 3 ? "Y" : "D30", id);
    if (id % 1009 != 0) put_code(world, id, code);
  }
  static const char *const others[] = {"X001-WS·1951-Y-X001-WS·1955", "x００１－ws·1952-Y-0000001", "1951", "X001-WS", "", "A/X001-WS·19511-D30-7",
    "X001·WS 1953", "档X001-WS·1951"};
  for (guint i = 0; i < G_N_ELEMENTS(others); i++)
    for (guint k = 0; k < 6; k++) put_code(world, FIRST + 17 + i * 401 + k * 4999, others[i]);
  Columns *empty = search_columns_empty();
  world->columns = search_columns_with(empty, 1, world->drafts);
  search_columns_unref(empty);
}

static void world_close(World *world) {
  search_columns_unref(world->columns);
  g_hash_table_unref(world->drafts);
  g_ptr_array_unref(world->codes);
}

static gboolean stands(const char *code, const char *pattern) {
  g_autofree char *folded = text_fold(code);
  return strstr(folded, pattern) != NULL;
}

/* The records in whose codes the text stands more than once. */
static roaring_bitmap_t *repeated(const World *world, const char *text) {
  roaring_bitmap_t *bits = roaring_bitmap_create();
  for (guint32 id = 0; id < LINES; id++) {
    g_autofree char *folded = world->codes->pdata[id] ? text_fold(world->codes->pdata[id]) : NULL;
    const char *once = folded ? strstr(folded, text) : NULL;
    if (once && strstr(once + 1, text)) roaring_bitmap_add(bits, id);
  }
  return bits;
}

/* Of the records that have the pattern's whole units, as they come of grams; told: with those in which they stand twice. */
static void check(const World *world, const char *query, gboolean told) {
  g_autofree char *pattern = search_pattern(query, TRUE), *head = g_strdup(pattern);
  strrchr(head, ' ')[1] = '\0';
  roaring_bitmap_t *all = roaring_bitmap_create(), *expected = roaring_bitmap_create(), *twice = told ? repeated(world, head) : NULL;
  for (guint32 id = 0; id < LINES; id++) {
    if (world->codes->pdata[id] && stands(world->codes->pdata[id], head)) roaring_bitmap_add(all, id);
    if (world->codes->pdata[id] && stands(world->codes->pdata[id], pattern)) roaring_bitmap_add(expected, id);
  }
  g_assert_true(search_codes_narrow(world->columns, pattern, all, twice));
  g_assert_true(roaring_bitmap_equals(all, expected));
  roaring_bitmap_free(all);
  roaring_bitmap_free(expected);
  if (twice) roaring_bitmap_free(twice);
}

static void test_beginnings(void) {
  World world;
  world_open(&world);
  static const char *const queries[] = {"X001-WS·1951", "X001-WS·195", "X001-WS", "X001-WS·1950-D", "X001-WS·2", "X001-WS·1955", "档X001"};
  for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
    check(&world, queries[i], FALSE);
    check(&world, queries[i], TRUE);
  }
  world_close(&world);
}

/* What cannot be told is not guessed: a code that may have been cut, and more that differ than can be looked at. */
static void test_untold(void) {
  World world;
  world_open(&world);
  g_autofree char *filler = g_strnfill(CODE_MAX, 'a');
  put_code(&world, FIRST + 5, filler);
  Columns *former = world.columns;
  world.columns = search_columns_with(former, 2, world.drafts);
  search_columns_unref(former);
  roaring_bitmap_t *all = roaring_bitmap_from_range(0, LINES, 1), *same = roaring_bitmap_copy(all);
  g_assert_false(search_codes_narrow(world.columns, " x001 ws 1951", all, NULL));
  g_assert_true(roaring_bitmap_equals(all, same));
  roaring_bitmap_free(all);
  roaring_bitmap_free(same);
  world_close(&world);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/search/code/beginnings", test_beginnings);
  g_test_add_func("/search/code/untold", test_untold);
  return g_test_run();
}
