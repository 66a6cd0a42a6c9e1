/* The tree over leaves of all densities, a block at a time, beside what each record by itself says. */
#include "query.h"
#include "block.h"

enum { LEAVES = 6, BLOCKS = 3, TREES = 40, DEPTH = 4 };

/* Of each block one density: none, a few lines, some thousands, more than half, all; some leaves as runs. */
static Leaf *random_leaf(GRand *random) {
  static const guint counts[] = {0, 3, 90, 3000, 20000, 60000};
  roaring_bitmap_t *bits = roaring_bitmap_create();
  for (guint block = 0; block < BLOCKS; block++) {
    guint count = counts[g_rand_int_range(random, 0, G_N_ELEMENTS(counts))], from = block * BLOCK_LINES;
    if (g_rand_int_range(random, 0, 6) == 0) roaring_bitmap_add_range(bits, from, from + (g_rand_boolean(random) ? BLOCK_LINES : count));
    else
      for (guint i = 0; i < count; i++) roaring_bitmap_add(bits, from + (guint32)g_rand_int_range(random, 0, BLOCK_LINES));
  }
  if (g_rand_boolean(random)) roaring_bitmap_run_optimize(bits);
  return search_leaf_new(bits);
}

static SearchNode *random_node(SearchQuery *query, GRand *random, guint depth) {
  if (depth == 0 || g_rand_int_range(random, 0, 4) == 0) {
    SearchNode *leaf = search_node_new(query, NODE_TERM, TRUE);
    leaf->field = g_rand_boolean(random) ? FIELD_ANY : FIELD_CREATOR;
    return leaf;
  }
  static const NodeKind kinds[] = {NODE_AND, NODE_AND, NODE_OR, NODE_NOT};
  SearchNode *node = search_node_new(query, kinds[g_rand_int_range(random, 0, G_N_ELEMENTS(kinds))], TRUE);
  for (gint i = node->kind == NODE_NOT ? 1 : g_rand_int_range(random, 2, 4); i > 0; i--) g_ptr_array_add(node->children, random_node(query, random, depth - 1));
  return node;
}

static gboolean has(LineSet set, guint16 line) {
  for (guint i = 0; set.lines && i < set.count; i++)
    if (set.lines[i] == line) return TRUE;
  return set.lines == NULL && (set.words == NULL || search_words_have(set.words, line));
}

static guint count(LineSet set) { return set.lines ? set.count : set.words ? search_words_count(set.words) : BLOCK_LINES; }

static void check_block(const Tree *tree, LineSet description, LineSet full, LineSet by_pages, guint block, GRand *random) {
  guint counts[3] = {0};
  for (guint line = 0; line < BLOCK_LINES; line++) {
    guint32 id = block * BLOCK_LINES + line;
    gboolean described = search_tree_finds(tree, MODE_DESCRIPTION, id), found = search_tree_finds(tree, MODE_FULL, id);
    counts[0] += described, counts[1] += found, counts[2] += found && !described;
    if (g_rand_int_range(random, 0, 500)) continue;
    g_assert_cmpint(has(description, (guint16)line), ==, described);
    g_assert_cmpint(has(full, (guint16)line), ==, found);
    g_assert_cmpint(has(by_pages, (guint16)line), ==, found && !described);
  }
  g_assert_cmpuint(count(description), ==, counts[0]);
  g_assert_cmpuint(count(full), ==, counts[1]);
  g_assert_cmpuint(count(by_pages), ==, counts[2]);
}

static void check_titles(Tree *tree, LineSet description, guint block) {
  LineSet titles = search_tree_lines(tree, MODE_TITLE, block, 3);
  g_assert_cmpuint(count(titles), ==, count(description));
  g_assert_cmpuint(count(search_tree_both(tree, titles, description, 4)), ==, count(description));
}

static void test_random(void) {
  g_autoptr(GRand) random = g_rand_new_with_seed(11);
  Leaf *leaves[LEAVES];
  guint alone = 0;
  for (guint i = 0; i < LEAVES; i++) leaves[i] = random_leaf(random);
  for (guint round = 0; round < TREES; round++) {
    search_leaf_unref(leaves[round % LEAVES]);
    leaves[round % LEAVES] = random_leaf(random);
    SearchQuery query = {.leaves = g_ptr_array_new()};
    query.root = random_node(&query, random, DEPTH);
    g_autofree Bits *bits = g_new0(Bits, query.leaves->len);
    for (guint i = 0; i < query.leaves->len; i++) {
      Leaf **places[TREE_PLACES] = {&bits[i].title, &bits[i].other, &bits[i].closed, &bits[i].page};
      for (guint k = 0; k < TREE_PLACES; k++) /* in some rounds words stand in titles and on pages alone */
        *places[k] = (k == 1 || k == 2) && round % 4 == 0 ? NULL : g_rand_boolean(random) ? leaves[g_rand_int_range(random, 0, LEAVES)] : NULL;
    }
    g_autoptr(Tree) tree = search_tree_new(query.root, bits, query.leaves->len, round % 5 ? NULL : leaves[0]->bits);
    for (guint block = 0; block < BLOCKS; block++) {
      LineSet description = search_tree_lines(tree, MODE_DESCRIPTION, block, 0), full = search_tree_lines(tree, MODE_FULL, block, 1);
      LineSet by_pages = search_tree_settle(tree, search_tree_without(tree, full, description, 2), 2), both = search_tree_both(tree, full, description, 3);
      check_block(tree, description, full, by_pages, block, random);
      g_assert_cmpuint(count(both), ==, count(full) - count(by_pages));
      if (search_tree_titles_alone(tree)) check_titles(tree, description, block);
      alone += search_tree_titles_alone(tree);
    }
    search_node_free(query.root);
    g_ptr_array_unref(query.leaves);
  }
  for (guint i = 0; i < LEAVES; i++) search_leaf_unref(leaves[i]);
  g_assert_true(alone >= TREES / 4 * BLOCKS && alone < TREES * BLOCKS);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/tree/random", test_random);
  return g_test_run();
}
