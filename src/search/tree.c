/*
 * The tree over its leaves, one block of lines at a time: which of them the query finds. No bitmap of all that is found is ever made; of what stands in one
 * leaf alone, nothing is copied.
 *
 * 1. Few lines are listed, many are bits; which of the two it is says nothing of how many there are.
 * 2. What a node gives lies in the leaf or in the node's slot, never deeper. Slots are numbered by depth: a child writes to the next one, or to the node's own
 *    while nothing lies there.
 */
#include "block.h"
#include "query.h"
#include <roaring/containers/containers.h>

enum { LISTED = 4096, MERGED = 128 /* so few lines are merged; more are set as bits */, ALIKE = 32, SKEWED = 8 /* lists of like length are compared by bits */ };

typedef struct { guint64 words[BLOCK_WORDS]; guint16 lines[LISTED]; } Slot;

struct Tree {
  const SearchNode *root;
  const Bits *bits;
  const Bitmap *only;
  gint32 (*places)[TREE_PLACES]; /* by leaf: the container of each component that was looked at last */
  gint32 only_place;
  gboolean titles_alone; /* what the description satisfies titles alone do */
  GPtrArray *slots;
};

static const guint16 NO_LINE;
static const LineSet NONE = {.lines = &NO_LINE};

static gboolean is_none(LineSet lines) { return lines.lines && lines.count == 0; }
static gboolean is_all(LineSet lines) { return lines.lines == NULL && lines.words == NULL; }

static gboolean stands_in_titles_alone(const SearchNode *node, const Bits *bits) {
  for (guint i = 0; node->children && i < node->children->len; i++)
    if (!stands_in_titles_alone(g_ptr_array_index(node->children, i), bits)) return FALSE;
  const Bits *of = node->children ? NULL : &bits[node->leaf];
  return of == NULL || node->field != FIELD_ANY || ((of->other == NULL || of->other->count == 0) && (of->closed == NULL || of->closed->count == 0));
}

Tree *search_tree_new(const SearchNode *root, const Bits *bits, guint leaves, const Bitmap *only) {
  Tree *tree = g_new0(Tree, 1);
  tree->root = root;
  tree->bits = bits;
  tree->only = only;
  tree->titles_alone = root == NULL || stands_in_titles_alone(root, bits);
  tree->places = g_malloc0(sizeof *tree->places * MAX(leaves, 1));
  tree->slots = g_ptr_array_new_with_free_func(g_free);
  return tree;
}

void search_tree_free(Tree *tree) {
  if (tree == NULL) return;
  g_free(tree->places);
  g_ptr_array_unref(tree->slots);
  g_free(tree);
}

static Slot *slot_at(Tree *tree, guint depth) {
  while (tree->slots->len <= depth) g_ptr_array_add(tree->slots, g_new(Slot, 1));
  return g_ptr_array_index(tree->slots, depth);
}

/* ---- two sets of lines ---- */

static inline void set_bit(guint64 *words, guint line) { words[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64; }

/* Of a list those that are, or are not, among others in a list. */
static guint keep_listed(LineSet of, LineSet others, gboolean are, guint16 *out) {
  guint count = 0;
  if (of.count >= ALIKE && others.count < of.count * SKEWED) {
    guint64 words[BLOCK_WORDS] = {0};
    for (guint i = 0; i < others.count; i++) set_bit(words, others.lines[i]);
    for (guint i = 0; i < of.count; i++) {
      guint16 line = of.lines[i];
      out[count] = line;
      count += search_words_have(words, line) == are;
    }
    return count;
  }
  for (guint i = 0, at = 0; i < of.count; i++) { /* in strides that double, then by halves */
    guint16 line = of.lines[i];
    guint end = at, step = 1;
    while (end < others.count && others.lines[end] < line) at = end + 1, end += step, step *= 2;
    end = MIN(end, others.count);
    while (at < end) {
      guint middle = at + (end - at) / 2;
      if (others.lines[middle] < line) at = middle + 1;
      else end = middle;
    }
    if ((at < others.count && others.lines[at] == line) == are) out[count++] = line;
  }
  return count;
}

static LineSet keep_lines(LineSet of, LineSet others, gboolean are, Slot *slot) {
  guint count = 0;
  if (others.lines) count = keep_listed(of, others, are, slot->lines);
  else
    for (guint i = 0; i < of.count; i++) {
      guint16 line = of.lines[i];
      slot->lines[count] = line;
      count += search_words_have(others.words, line) == are;
    }
  return count ? (LineSet){.lines = slot->lines, .count = count} : NONE;
}

/* Either may lie in the slot. */
static LineSet lines_both(LineSet a, LineSet b, Slot *slot) {
  if (is_all(a) || is_none(b)) return b;
  if (is_all(b) || is_none(a)) return a;
  if (a.lines && (b.lines == NULL || a.count <= b.count)) return keep_lines(a, b, TRUE, slot);
  if (b.lines) return keep_lines(b, a, TRUE, slot);
  return search_words_and(slot->words, a.words, b.words) ? (LineSet){.words = slot->words} : NONE;
}

static void copy_words(LineSet of, guint64 *words) {
  if (of.words == NULL) memset(words, is_all(of) ? 0xff : 0, sizeof *words * BLOCK_WORDS);
  else if (of.words != words) memcpy(words, of.words, sizeof *words * BLOCK_WORDS);
  for (guint i = 0; of.lines && i < of.count; i++) set_bit(words, of.lines[i]);
}

/* Those of a that are not in b. */
static LineSet lines_without(LineSet a, LineSet b, Slot *slot) {
  if (is_none(a) || is_none(b)) return a;
  if (is_all(b)) return NONE;
  if (a.lines) return keep_lines(a, b, FALSE, slot);
  if (b.words && a.words) return search_words_andnot(slot->words, a.words, b.words) ? (LineSet){.words = slot->words} : NONE;
  for (guint i = 0; b.words && i < BLOCK_WORDS; i++) slot->words[i] = ~b.words[i]; /* it may lie there */
  if (b.lines) copy_words(a, slot->words);
  for (guint i = 0; b.lines && i < b.count; i++) slot->words[b.lines[i] / 64] &= ~(G_GUINT64_CONSTANT(1) << b.lines[i] % 64);
  return (LineSet){.words = slot->words};
}

static LineSet merge(LineSet a, LineSet b, Slot *slot) {
  guint16 merged[MERGED];
  guint count = 0;
  for (guint i = 0, k = 0; i < a.count || k < b.count;) {
    gboolean first = k == b.count || (i < a.count && a.lines[i] <= b.lines[k]);
    guint16 line = first ? a.lines[i++] : b.lines[k++];
    if (count == 0 || merged[count - 1] != line) merged[count++] = line;
  }
  memcpy(slot->lines, merged, sizeof *merged * count);
  return (LineSet){.lines = slot->lines, .count = count};
}

/* a may lie in the slot. */
static LineSet unite(LineSet a, LineSet b, Slot *slot) {
  if (is_all(a) || is_none(b)) return a;
  if (is_all(b) || is_none(a)) return b;
  if (a.lines && b.lines && a.count + b.count <= MERGED) return merge(a, b, slot);
  if (a.words && b.words) search_words_or(slot->words, a.words, b.words);
  else {
    LineSet listed = a.words ? b : a;
    copy_words(a.words ? a : b, slot->words);
    for (guint i = 0; i < listed.count; i++) set_bit(slot->words, listed.lines[i]);
  }
  return (LineSet){.words = slot->words};
}

/* ---- nodes ---- */

/* Where what comes beside the result may lie: all and none lie nowhere. */
static guint beside(LineSet result, guint depth) { return is_none(result) || is_all(result) ? depth : depth + 1; }

/* What a bitmap has of the block; blocks are asked for in rising order. */
static LineSet lines_of(const Bitmap *bits, gint32 *place, guint number, Slot *slot) {
  const roaring_array_t *all = &bits->high_low_container;
  while (*place < all->size && all->keys[*place] < number) ++*place;
  if (*place == all->size || all->keys[*place] != number) return NONE;
  guint8 type = all->typecodes[*place];
  const void *container = container_unwrap_shared(all->containers[*place], &type);
  const array_container_t *array = container;
  if (type == ARRAY_CONTAINER_TYPE_CODE) return array->cardinality ? (LineSet){.lines = array->array, .count = (guint)array->cardinality} : NONE;
  if (type == BITSET_CONTAINER_TYPE_CODE) return (LineSet){.words = ((const bitset_container_t *)container)->array};
  search_words_fill(container, type, slot->words);
  return (LineSet){.words = slot->words};
}

/* The components of a leaf that count in the mode; NULL: it does not look there, or finds nothing. */
static void components_of(const Tree *tree, const SearchNode *node, Mode mode, const Leaf *ret[TREE_PLACES]) {
  const Bits *bits = &tree->bits[node->leaf];
  gboolean title_only = mode == MODE_TITLE && node->field == FIELD_ANY;
  const Leaf *all[TREE_PLACES] = {bits->title, title_only ? NULL : bits->other, title_only ? NULL : bits->closed, mode == MODE_FULL ? bits->page : NULL};
  for (guint i = 0; i < TREE_PLACES; i++) ret[i] = all[i] && all[i]->count ? all[i] : NULL;
}

static LineSet leaf_lines(Tree *tree, const SearchNode *node, Mode mode, guint number, guint depth) {
  const Leaf *leaves[TREE_PLACES];
  components_of(tree, node, mode, leaves);
  LineSet result = NONE;
  for (guint i = 0; i < TREE_PLACES; i++) {
    if (leaves[i] == NULL) continue;
    LineSet one = lines_of(leaves[i]->bits, &tree->places[node->leaf][i], number, slot_at(tree, beside(result, depth)));
    result = unite(result, one, slot_at(tree, depth));
  }
  return result;
}

static inline Mode mode_without(Mode mode) { return mode == MODE_TITLE ? MODE_DESCRIPTION : mode; }

static LineSet node_lines(Tree *tree, const SearchNode *node, Mode mode, guint number, guint depth) {
  if (node->children == NULL) return leaf_lines(tree, node, mode, number, depth);
  LineSet result = node->kind == NODE_OR ? NONE : (LineSet){0};
  for (guint i = 0; i < node->children->len && (node->kind == NODE_OR || !is_none(result)); i++) {
    const SearchNode *child = g_ptr_array_index(node->children, i);
    gboolean without = node->kind == NODE_NOT;
    if (node->kind == NODE_AND && child->kind == NODE_NOT) without = TRUE, child = g_ptr_array_index(child->children, 0);
    LineSet one = node_lines(tree, child, without ? mode_without(mode) : mode, number, beside(result, depth));
    Slot *slot = slot_at(tree, depth);
    result = without ? lines_without(result, one, slot) : node->kind == NODE_OR ? unite(result, one, slot) : lines_both(result, one, slot);
  }
  return result;
}

/* ---- to the others ---- */

LineSet search_tree_lines(Tree *tree, Mode mode, guint number, guint depth) {
  LineSet result = tree->root ? node_lines(tree, tree->root, mode, number, depth) : (LineSet){0};
  if (tree->only == NULL) return result;
  return lines_both(result, lines_of(tree->only, &tree->only_place, number, slot_at(tree, beside(result, depth))), slot_at(tree, depth));
}

gboolean search_tree_titles_alone(const Tree *tree) { return tree->titles_alone; }

LineSet search_tree_both(Tree *tree, LineSet a, LineSet b, guint depth) { return lines_both(a, b, slot_at(tree, depth)); }
LineSet search_tree_without(Tree *tree, LineSet a, LineSet b, guint depth) { return lines_without(a, b, slot_at(tree, depth)); }

LineSet search_tree_settle(Tree *tree, LineSet lines, guint depth) {
  guint count = lines.words ? search_words_count(lines.words) : lines.count, few = MIN(search_limits.few, LISTED);
  Slot *slot = slot_at(tree, depth);
  if (lines.words && count <= few) return (LineSet){.lines = slot->lines, .count = search_words_list(lines.words, slot->lines)};
  if (lines.lines == NULL || count <= few) return lines;
  copy_words(lines, slot->words);
  return (LineSet){.words = slot->words};
}

static gboolean finds(const Tree *tree, const SearchNode *node, Mode mode, guint32 id) {
  if (node->kind == NODE_NOT) return !finds(tree, g_ptr_array_index(node->children, 0), mode_without(mode), id);
  gboolean all = node->kind == NODE_AND;
  for (guint i = 0; node->children && i < node->children->len; i++)
    if (finds(tree, g_ptr_array_index(node->children, i), mode, id) != all) return !all;
  if (node->children) return all;
  const Leaf *leaves[TREE_PLACES];
  components_of(tree, node, mode, leaves);
  for (guint i = 0; i < TREE_PLACES; i++)
    if (leaves[i] && roaring_bitmap_contains(leaves[i]->bits, id)) return TRUE;
  return FALSE;
}

gboolean search_tree_finds(const Tree *tree, Mode mode, guint32 id) {
  return (tree->root == NULL || finds(tree, tree->root, mode, id)) && (tree->only == NULL || roaring_bitmap_contains(tree->only, id));
}
