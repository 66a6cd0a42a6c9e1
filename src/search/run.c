/*
 * A question: tree → bitmaps of its leaves → of each block what the tree finds there (tree.c), through the pass over the columns (pass.c) → result.
 *
 * 1. The tree is asked in three modes over the same leaves: words on pages count, they do not, in titles alone. A record whose files the asker may not see is
 *    found by its description alone, so that nothing tells what its pages say.
 * 2. Columns, bitmaps and the asker's SQL snapshot are of one version (SearchView).
 * 3. tier 0: the titles alone satisfy the query; 1: the description does; 2: pages are needed.
 * 4. Of words that must all stand in a record the rarest are loaded first; when few records are left, these are looked at instead of loading the other words.
 *    Such a leaf says nothing of other records, and is never kept.
 */
#include "block.h"
#include "dated.h"
#include "error.h"
#include "gram.h"
#include "query.h"

enum { LOOKED = 8 /* looking at so many records costs as much as asking the index for a word */, PAGES_LOOKED = 32, UNITED = 1 << 16 };

typedef struct {
  Search *search;
  Sql *sql;
  SearchView view;
  SearchQuery *query;
  Bits *bits; /* by SearchNode.leaf */
  gboolean closed, files; /* closed fields are asked; pages, of which some are the asker's to see */
  gboolean pages, scanned; /* some leaf stands on some page; all was read in the records */
  char *told; /* how the answer came about without the index, or that it may lack some; NULL: by the index, whole */
  roaring_bitmap_t *only; /* the records asked for by id; NULL: any */
  Tree *tree;             /* once the leaves are loaded */
  SearchDated *dated; /* of the order asked for; NULL: another order */
  GHashTable *looked;     /* id → Change: what a record that was looked at says */
} Evaluation;

static void clear_bits(Evaluation *evaluation);
typedef struct { const Evaluation *evaluation; const Scope *scope; } Telling;

static void evaluation_clear(Evaluation *evaluation) {
  search_tree_free(evaluation->tree);
  clear_bits(evaluation);
  g_free(evaluation->told);
  if (evaluation->only) roaring_bitmap_free(evaluation->only);
  g_clear_pointer(&evaluation->looked, g_hash_table_unref);
  search_query_free(evaluation->query);
  search_dated_free(evaluation->dated);
  search_columns_unref(evaluation->view.columns);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Evaluation, evaluation_clear)

/* ---- leaves ---- */

static Leaf *load_years(const Columns *columns, const SearchNode *node) {
  roaring_bitmap_t *bits = roaring_bitmap_create();
  g_autofree guint32 *ids = g_new(guint32, BLOCK_LINES);
  g_autofree guint16 *lines = g_new(guint16, BLOCK_LINES);
  for (guint number = 0; number < columns->block_count; number++) {
    const Kinds *kinds = search_block_kinds(columns, number);
    g_autofree guint8 *chosen = g_malloc0(kinds->count);
    for (guint i = 0; i < kinds->count; i++) chosen[i] = kinds->all[i].level && kinds->all[i].year >= node->year_from && kinds->all[i].year <= node->year_to;
    guint64 words[BLOCK_WORDS];
    guint count = search_kinds_choose(kinds, chosen, words) ? search_words_list(words, lines) : 0;
    for (guint i = 0; i < count; i++) ids[i] = number * BLOCK_LINES + lines[i];
    roaring_bitmap_add_many(bits, count, ids);
  }
  search_dates_add(columns, node, bits);
  return search_leaf_new(bits);
}

static Leaf *load_dates(const Columns *columns, const SearchNode *node) {
  roaring_bitmap_t *bits = roaring_bitmap_create();
  search_dates_add(columns, node, bits);
  return search_leaf_new(bits);
}

/* Where a leaf looks, and the places in Bits; returns how many. */
static guint places_of(const Evaluation *evaluation, const SearchNode *node, Bits *bits, Component *components, Leaf ***places) {
  static const Component others[] = {[FIELD_CREATOR] = COMPONENT_CREATOR, [FIELD_CODE] = COMPONENT_CODE, [FIELD_DOCNO] = COMPONENT_DOCNO,
    [FIELD_CATEGORY] = COMPONENT_CATEGORY};
  guint count = 0;
  if (node->kind != NODE_TERM || node->match != MATCH_STANDS) return 0;
  if (node->field == FIELD_ANY || node->field == FIELD_TITLE) components[count] = COMPONENT_TITLE, places[count++] = &bits->title;
  if (node->field == FIELD_ANY || (node->field != FIELD_TITLE && node->field != FIELD_TEXT))
    components[count] = node->field == FIELD_ANY ? COMPONENT_OTHER : others[node->field], places[count++] = &bits->other;
  if (evaluation->closed && !evaluation->view.no_closed && (node->field == FIELD_ANY || node->field == FIELD_CATEGORY))
    components[count] = COMPONENT_CLOSED, places[count++] = &bits->closed;
  if (evaluation->files && !evaluation->view.no_pages && (node->field == FIELD_ANY || node->field == FIELD_TEXT))
    components[count] = COMPONENT_PAGE, places[count++] = &bits->page;
  return count;
}

static void clear_bits(Evaluation *evaluation) {
  for (guint i = 0; evaluation->bits && i < evaluation->query->leaves->len; i++) {
    search_leaf_unref(evaluation->bits[i].title);
    search_leaf_unref(evaluation->bits[i].other);
    search_leaf_unref(evaluation->bits[i].closed);
    search_leaf_unref(evaluation->bits[i].page);
  }
  g_clear_pointer(&evaluation->bits, g_free);
}

/* The same from the records themselves (scan.c). names: what the query was read with. */
static gboolean scan_leaves(Evaluation *evaluation, const char *query, SearchNames names, GError **error) {
  clear_bits(evaluation);
  g_clear_pointer(&evaluation->view.columns, search_columns_unref);
  evaluation->view = (SearchView){0}; /* what it says was read of what is damaged */
  if (names.scanned == NULL) { /* which fields there are was read of what is damaged */
    names.scanned = evaluation->search;
    g_clear_pointer(&evaluation->query, search_query_free);
    if ((evaluation->query = search_query_parse(query, names, error)) == NULL) return FALSE;
  }
  const GPtrArray *nodes = evaluation->query->leaves;
  evaluation->bits = g_new0(Bits, nodes->len);
  evaluation->pages = FALSE;
  evaluation->scanned = TRUE;
  g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(LeafKey));
  g_autoptr(GPtrArray) wanted = g_ptr_array_new(); /* Leaf **, by key */
  for (guint i = 0; i < nodes->len; i++) {
    const SearchNode *node = g_ptr_array_index(nodes, i);
    Component components[TREE_PLACES];
    Leaf **places[TREE_PLACES];
    for (guint k = 0, count = places_of(evaluation, node, &evaluation->bits[i], components, places); k < count; k++) {
      LeafKey key = {components[k], node->names, node->pattern};
      g_array_append_val(keys, key);
      g_ptr_array_add(wanted, places[k]);
    }
  }
  g_autofree Leaf **leaves = g_new0(Leaf *, keys->len + 1);
  gboolean good = search_scan(evaluation->search, evaluation->sql, (const LeafKey *)(gpointer)keys->data, keys->len, leaves, &evaluation->view, &evaluation->told, error);
  evaluation->view.until = search_turn_clock() + QUESTION_US;
  for (guint i = 0; i < keys->len; i++) {
    *(Leaf **)g_ptr_array_index(wanted, i) = leaves[i];
    evaluation->pages = evaluation->pages || (g_array_index(keys, LeafKey, i).component == COMPONENT_PAGE && leaves[i] && leaves[i]->count > 0);
  }
  for (guint i = 0; good && i < nodes->len; i++) {
    const SearchNode *node = g_ptr_array_index(nodes, i);
    if (node->kind == NODE_YEARS) evaluation->bits[i].other = load_years(evaluation->view.columns, node);
    if (node->kind == NODE_DATES) evaluation->bits[i].other = load_dates(evaluation->view.columns, node);
    if (node->match == MATCH_STANDS) continue;
    evaluation->bits[i].other = search_match_load(evaluation->search, evaluation->sql, &evaluation->view, node,
      MATCH_SCAN | (evaluation->closed ? MATCH_CLOSED : 0), error);
    good = evaluation->bits[i].other != NULL;
  }
  return good;
}

/* The dates that the order asked for goes by. Without the index there are none: all stand as undated, which is told. */
static gboolean load_order(Evaluation *evaluation, GHashTable *fields, const SearchRequest *request, gboolean indexed, GError **error) {
  if (request->sort < SEARCH_SORT_FIELD_DESC || request->limit == 0) return TRUE;
  DatedAsk ask = {request->sort_field, evaluation->closed, indexed};
  g_clear_pointer(&evaluation->dated, search_dated_free);
  evaluation->dated = search_dated_load(evaluation->search, evaluation->sql, &evaluation->view, fields, &ask, error);
  if (indexed || evaluation->dated == NULL) return evaluation->dated != NULL;
  g_autofree char *told = evaluation->told;
  evaluation->told = g_strdup_printf("%s%s暂时不能按%s排列", told ? told : "", told ? "；" : "", request->sort_field);
  return TRUE;
}

/* ---- the tree (tree.c) ---- */

/* The records the leaf finds, on pages, too. within: only these are asked for (NULL: any), so that of a frequent word beside a rare one little is touched. */
static Bitmap *unite(const Bits *bits, const Bitmap *within) {
  const Leaf *leaves[TREE_PLACES] = {bits->title, bits->other, bits->closed, bits->page};
  Bitmap *result = roaring_bitmap_create();
  for (guint i = 0; i < TREE_PLACES; i++) {
    g_autoptr(Bitmap) found = leaves[i] && within ? roaring_bitmap_and(leaves[i]->bits, within) : NULL;
    if (leaves[i]) roaring_bitmap_or_inplace(result, found ? found : leaves[i]->bits);
  }
  return result;
}

static guint64 count_of(const Leaf *leaf) { return leaf ? leaf->count : 0; }

/* How many records there are at most. */
static guint64 estimate(const Evaluation *evaluation, const SearchNode *node) {
  const Bits *bits = node->children ? NULL : &evaluation->bits[node->leaf];
  if (bits) return count_of(bits->title) + count_of(bits->other) + count_of(bits->closed) + count_of(bits->page);
  guint64 least = G_MAXUINT64, sum = 0;
  for (guint i = 0; node->kind != NODE_NOT && i < node->children->len; i++) {
    guint64 one = estimate(evaluation, g_ptr_array_index(node->children, i));
    least = MIN(least, one);
    sum += MIN(one, G_MAXUINT32);
  }
  return node->kind == NODE_OR ? sum : least;
}

typedef struct { const SearchNode *node; guint64 most; } Estimate;
static int compare_estimates(gconstpointer a, gconstpointer b) {
  guint64 x = ((const Estimate *)a)->most, y = ((const Estimate *)b)->most;
  return x < y ? -1 : x > y;
}

static gint compare_children(gconstpointer a, gconstpointer b, gpointer data) {
  const SearchNode *x = *(SearchNode *const *)a, *y = *(SearchNode *const *)b;
  guint64 one = x->kind == NODE_NOT ? G_MAXUINT64 : estimate(data, x), two = y->kind == NODE_NOT ? G_MAXUINT64 : estimate(data, y);
  return one < two ? -1 : one > two;
}

/* Of what must all be there the rarest comes first, and what must not last. */
static void arrange(const Evaluation *evaluation, SearchNode *node) {
  for (guint i = 0; node->children && i < node->children->len; i++) arrange(evaluation, g_ptr_array_index(node->children, i));
  if (node->kind == NODE_AND) g_ptr_array_sort_with_data(node->children, compare_children, (gpointer)evaluation);
}

/* ---- looking at a few records ---- */

static const Change *read_record(Evaluation *evaluation, guint32 id) {
  if (evaluation->looked == NULL) evaluation->looked = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)search_change_free);
  Change *change = g_hash_table_lookup(evaluation->looked, GUINT_TO_POINTER(id));
  if (change == NULL && (change = search_record_read(evaluation->search, evaluation->sql, evaluation->view.columns, id)) != NULL)
    g_hash_table_insert(evaluation->looked, GUINT_TO_POINTER(id), change);
  return change;
}

/* Where the record has the pattern: the first of the components; -1: nowhere, -2: that cannot be told so. */
static gint look_at(Evaluation *evaluation, guint32 id, const LeafKey *keys, guint count) {
  const Change *change = read_record(evaluation, id);
  for (guint i = 0; change && i < count; i++) {
    SearchPageLook look = {.pattern = keys[i].pattern, .most = PAGES_LOOKED};
    gboolean page = keys[i].component == COMPONENT_PAGE;
    if (page && (!search_page_look(evaluation->search, evaluation->sql, id, &look, NULL) || (look.page == 0 && look.looked >= look.most))) return -2;
    if (page ? look.page > 0 : search_change_matches(change, &keys[i])) return (gint)i;
  }
  return change ? -1 : -2;
}

/* What the leaf finds of a few records; FALSE: that cannot be told so. */
static gboolean look(Evaluation *evaluation, const LeafKey *keys, Leaf **const *places, guint count, const Bitmap *within) {
  roaring_bitmap_t *found[TREE_PLACES];
  gboolean good = TRUE;
  for (guint i = 0; i < count; i++) found[i] = roaring_bitmap_create();
  roaring_uint32_iterator_t at;
  for (roaring_init_iterator(within, &at); good && at.has_value; roaring_advance_uint32_iterator(&at)) {
    gint place = look_at(evaluation, at.current_value, keys, count);
    if (place >= 0) roaring_bitmap_add(found[place], at.current_value);
    good = place > -2;
  }
  for (guint i = 0; i < count; i++) {
    if (good) *places[i] = search_leaf_new(found[i]);
    else roaring_bitmap_free(found[i]);
  }
  return good;
}

/* ---- in which order, and how far ---- */

/* What a reading tells of is known of all records. */
static gboolean load_term(Evaluation *evaluation, const SearchNode *node, const Bitmap *within, GError **error) {
  Component components[TREE_PLACES];
  Leaf **places[TREE_PLACES];
  LeafKey keys[TREE_PLACES];
  guint count = places_of(evaluation, node, &evaluation->bits[node->leaf], components, places);
  for (guint i = 0; i < count; i++) keys[i] = (LeafKey){components[i], node->names, node->pattern};
  gboolean few = within && evaluation->view.caching && node->said == NULL && roaring_bitmap_get_cardinality(within) <= LOOKED;
  if (few && look(evaluation, keys, places, count, within)) return TRUE;
  for (guint i = 0; i < count; i++)
    if ((*places[i] = search_leaf_load(evaluation->search, evaluation->sql, &evaluation->view, &keys[i], error)) == NULL) return FALSE;
  return TRUE;
}

static gboolean load_leaf(Evaluation *evaluation, const SearchNode *node, const Bitmap *within, GError **error) {
  Bits *bits = &evaluation->bits[node->leaf];
  if (node->kind == NODE_YEARS) bits->other = load_years(evaluation->view.columns, node);
  else if (node->kind == NODE_DATES) bits->other = load_dates(evaluation->view.columns, node);
  else if (node->match == MATCH_STANDS) return load_term(evaluation, node, within, error);
  else bits->other = search_match_load(evaluation->search, evaluation->sql, &evaluation->view, node, evaluation->closed ? MATCH_CLOSED : 0, error);
  if (bits->other && bits->other->cut && evaluation->told == NULL)
    evaluation->told = g_strdup_printf("“%s”要看的条目太多，只看了一部分，结果可能不全", node->text);
  return bits->other != NULL;
}

/* How many records a node finds, before it is loaded. */
static guint64 guess(Evaluation *evaluation, const SearchNode *node) {
  guint64 sum = 0;
  for (guint i = 0; node->children && i < node->children->len; i++) {
    guint64 one = guess(evaluation, g_ptr_array_index(node->children, i));
    sum = node->kind == NODE_AND && i > 0 ? MIN(sum, one) : sum + one;
  }
  if (node->children) return node->kind == NODE_NOT ? G_MAXUINT32 : sum;
  Component components[TREE_PLACES];
  Leaf **places[TREE_PLACES];
  guint count = places_of(evaluation, node, &evaluation->bits[node->leaf], components, places);
  for (guint i = 0; i < count; i++)
    sum += search_leaf_guess(evaluation->search, evaluation->sql, &evaluation->view, &(LeafKey){components[i], node->names, node->pattern});
  return count ? sum : G_MAXUINT32;
}

static gboolean load(Evaluation *evaluation, const SearchNode *node, const Bitmap *within, Bitmap **ret_left, GError **error);

/* Those that must not stand there come last. */
static gboolean load_all(Evaluation *evaluation, const SearchNode *node, const Bitmap *within, Bitmap **ret_left, GError **error) {
  g_autoptr(GArray) rarest = g_array_new(FALSE, FALSE, sizeof(Estimate));
  g_autoptr(Bitmap) left = NULL;
  for (guint i = 0; i < node->children->len; i++) {
    const SearchNode *child = g_ptr_array_index(node->children, i);
    Estimate one = {child, child->kind == NODE_NOT ? G_MAXUINT64 : guess(evaluation, child)};
    g_array_append_val(rarest, one);
  }
  g_array_sort(rarest, compare_estimates);
  for (guint i = 0; i < rarest->len; i++) {
    Bitmap *one = NULL;
    if (!load(evaluation, g_array_index(rarest, Estimate, i).node, left ? left : within, &one, error)) return FALSE;
    if (one == NULL) continue;
    bitmap_free(left);
    left = one;
  }
  *ret_left = g_steal_pointer(&left);
  return TRUE;
}

/* Loads the leaves under the node, at least as to the records `within` (NULL: all); ret_left: the node finds none beyond these of them, NULL: no fewer. */
static gboolean load(Evaluation *evaluation, const SearchNode *node, const Bitmap *within, Bitmap **ret_left, GError **error) {
  *ret_left = NULL;
  if (node->kind == NODE_AND) return load_all(evaluation, node, within, ret_left, error);
  g_autoptr(Bitmap) left = NULL;
  gboolean narrows = node->kind != NODE_NOT;
  for (guint i = 0; node->children && i < node->children->len; i++) {
    g_autoptr(Bitmap) one = NULL;
    if (!load(evaluation, g_ptr_array_index(node->children, i), within, &one, error)) return FALSE;
    narrows = narrows && one;
    if (narrows && left) roaring_bitmap_or_inplace(left, one);
    else if (narrows) left = g_steal_pointer(&one);
  }
  if (node->children == NULL) {
    if (!load_leaf(evaluation, node, within, error)) return FALSE;
    evaluation->pages = evaluation->pages || (evaluation->bits[node->leaf].page && evaluation->bits[node->leaf].page->count > 0);
    narrows = estimate(evaluation, node) < UNITED;
    if (narrows) left = unite(&evaluation->bits[node->leaf], within);
  }
  if (narrows) *ret_left = g_steal_pointer(&left);
  return TRUE;
}

static gboolean load_leaves(Evaluation *evaluation, GError **error) {
  evaluation->view.until = search_turn_clock() + QUESTION_US;
  evaluation->bits = g_new0(Bits, evaluation->query->leaves->len);
  g_autoptr(Bitmap) left = NULL;
  return evaluation->query->root == NULL || load(evaluation, evaluation->query->root, evaluation->only, &left, error);
}

/* ---- the pass ---- */

/* The records asked for by id; NULL: any. */
static Bitmap *only_these(const SearchRequest *request) {
  guint64 below = request->id_below > 0 && request->id_below <= G_MAXUINT32 ? (guint64)request->id_below : 0;
  if (request->only == NULL && below == 0) return NULL;
  Bitmap *bits = roaring_bitmap_create();
  if (request->only == NULL) roaring_bitmap_add_range(bits, 0, below);
  for (gsize i = 0; i < request->only_count; i++)
    if (request->only[i] > 0 && request->only[i] <= G_MAXUINT32) roaring_bitmap_add(bits, (guint32)request->only[i]);
  if (below && request->only) roaring_bitmap_remove_range(bits, below, (guint64)G_MAXUINT32 + 1);
  return bits;
}

/* Whether the leaf is there for the next question, too: what nobody else holds goes with this one. */
static gboolean stays(const Leaf *leaf) { return leaf == NULL || leaf->count == 0 || !g_atomic_ref_count_compare((gatomicrefcount *)&leaf->references, 1); }
static guint64 serial_of(const Leaf *leaf) { return leaf && leaf->count ? leaf->serial : 0; }

/* Of one word with many hits, wherever they are: how many are of each kind may be known. */
static void pass_tally(const Evaluation *evaluation, Pass *pass) {
  const SearchNode *root = evaluation->query->root;
  if (root == NULL || root->kind != NODE_TERM || root->match != MATCH_STANDS || evaluation->only || estimate(evaluation, root) < search_limits.tallied) return;
  const Bits *bits = &evaluation->bits[root->leaf];
  if (!stays(bits->title) || !stays(bits->other) || !stays(bits->closed)) return;
  const guint64 leaves[TALLY_LEAVES] = {serial_of(bits->title), serial_of(bits->other), serial_of(bits->closed)};
  search_pass_tally(pass, search_tally_of(evaluation->search->tallies, leaves, evaluation->view.columns->block_count));
}

enum { DEPTH_DESCRIPTION, DEPTH_FULL, DEPTH_HITS };

static void pass_hits(const Evaluation *evaluation, Pass *pass, guint number, LineSet hits, Need need, guint tier) {
  search_pass_lines(pass, evaluation->tree, number, search_tree_settle(evaluation->tree, hits, DEPTH_HITS), need, tier);
}

static void pass_block(const Evaluation *evaluation, Pass *pass, guint number) {
  Tree *tree = evaluation->tree;
  guint tier = evaluation->query->root ? 1 : 0;
  LineSet description = search_tree_lines(tree, MODE_DESCRIPTION, number, DEPTH_DESCRIPTION);
  if (!evaluation->pages) return pass_hits(evaluation, pass, number, description, NEED_DESCRIPTION, tier);
  LineSet full = search_tree_lines(tree, MODE_FULL, number, DEPTH_FULL);
  pass_hits(evaluation, pass, number, search_tree_both(tree, full, description, DEPTH_HITS), NEED_DESCRIPTION, tier);
  pass_hits(evaluation, pass, number, search_tree_without(tree, full, description, DEPTH_HITS), NEED_FILES, 2);
  /* a page holds a word that NOT excludes */
  pass_hits(evaluation, pass, number, search_tree_without(tree, description, full, DEPTH_HITS), NEED_NO_FILES, tier);
}

static void pass_blocks(Evaluation *evaluation, Pass *pass) {
  SearchQuery *query = evaluation->query;
  if (query->unheard) return;
  if (query->root) arrange(evaluation, query->root);
  evaluation->tree = search_tree_new(query->root, evaluation->bits, query->leaves->len, evaluation->only);
  if (!evaluation->pages) pass_tally(evaluation, pass);
  for (guint number = 0; number < evaluation->view.columns->block_count; number++) {
    search_turn_check();
    pass_block(evaluation, pass, number);
  }
}

/* ---- the result ---- */

void search_result_free(SearchResult *result) {
  if (result == NULL) return;
  g_clear_pointer(&result->ids, g_array_unref);
  g_clear_pointer(&result->pages, g_array_unref);
  g_clear_pointer(&result->facets, g_ptr_array_unref);
  g_clear_pointer(&result->terms, g_ptr_array_unref);
  g_clear_pointer(&result->readings, g_ptr_array_unref);
  g_free(result->next);
  g_free(result->notice);
  g_free(result);
}

/* Whose page to show for a hit: the first of the positive terms that stands on a page and that the description lacks; -1: none. */
static gint choose_leaf(const Evaluation *evaluation, guint32 id) {
  for (guint i = 0; i < evaluation->query->leaves->len; i++) {
    const SearchNode *leaf = g_ptr_array_index(evaluation->query->leaves, i);
    const Bits *bits = &evaluation->bits[i];
    if (!leaf->positive || bits->page == NULL || !roaring_bitmap_contains(bits->page->bits, id)) continue;
    if ((bits->title && roaring_bitmap_contains(bits->title->bits, id)) || (bits->other && roaring_bitmap_contains(bits->other->bits, id)) ||
      (bits->closed && roaring_bitmap_contains(bits->closed->bits, id))) continue;
    return (gint)i;
  }
  return -1;
}

static gboolean fill_pages(const Evaluation *evaluation, SearchResult *result, GError **error) {
  guint leaves = evaluation->query->leaves->len;
  g_autoptr(GPtrArray) wanted = g_ptr_array_new_full(leaves, (GDestroyNotify)g_array_unref); /* by leaf */
  for (guint i = 0; i < leaves; i++) g_ptr_array_add(wanted, g_array_new(FALSE, FALSE, sizeof(SearchWanted)));
  for (guint i = 0; i < result->ids->len; i++) {
    guint32 id = (guint32)g_array_index(result->ids, gint64, i);
    gint leaf = search_tree_finds(evaluation->tree, MODE_DESCRIPTION, id) ? -1 : choose_leaf(evaluation, id);
    SearchWanted one = {id, &g_array_index(result->pages, guint, i)};
    if (leaf >= 0) g_array_append_val((GArray *)g_ptr_array_index(wanted, leaf), one);
  }
  for (guint i = 0; i < leaves; i++) {
    const SearchNode *leaf = g_ptr_array_index(evaluation->query->leaves, i);
    guint64 records = evaluation->bits[i].page ? evaluation->bits[i].page->count : 0;
    GArray *ids = g_ptr_array_index(wanted, i);
    if (evaluation->scanned ? !search_scan_pages(evaluation->search, evaluation->sql, leaf->pattern, ids, error) :
        !search_pages_find(evaluation->search, evaluation->sql, leaf->pattern, records, ids, error)) return FALSE;
  }
  return TRUE;
}

static gboolean fill_items(const Evaluation *evaluation, Top *top, SearchResult *result, GError **error) {
  search_top_finish(top);
  guint count = top->capacity ? MIN(top->count, top->capacity - 1) : 0;
  for (guint i = 0; i < count; i++) {
    gint64 id = (guint32)top->heap[i].key;
    guint page = 0;
    g_array_append_val(result->ids, id);
    g_array_append_val(result->pages, page);
  }
  if (count > 0 && top->count > count) result->next = search_top_key(top, &top->heap[count - 1]);
  g_autoptr(GError) failure = NULL;
  if (!evaluation->pages || fill_pages(evaluation, result, &failure)) return TRUE;
  if (search_takes_damage(evaluation->search, evaluation->sql, &failure)) return TRUE; /* the hits are right all the same */
  return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
}

/* Only what the asker may see is told to have been found. */
static gboolean node_tells(const SearchNode *node, gpointer data) {
  const Telling *telling = data;
  const Bits *bits = &telling->evaluation->bits[node->leaf];
  const Columns *columns = telling->evaluation->view.columns;
  return search_leaf_admitted(bits->title, columns, telling->scope, FALSE) || search_leaf_admitted(bits->other, columns, telling->scope, FALSE) ||
    search_leaf_admitted(bits->closed, columns, telling->scope, FALSE) ||
    search_leaf_admitted(bits->page, columns, telling->scope, TRUE);
}

static SearchResult *result_new(const Evaluation *evaluation, const Scope *scope) {
  SearchResult *result = g_new0(SearchResult, 1);
  result->ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  result->pages = g_array_new(FALSE, FALSE, sizeof(guint));
  result->terms = search_query_terms(evaluation->query);
  result->readings = search_readings(evaluation->query, node_tells, &(Telling){evaluation, scope});
  const char *heard = evaluation->query->notice->str, *state = evaluation->told ? evaluation->told : "";
  if (*heard || *state) result->notice = g_strconcat(heard, *heard && *state ? "；" : "", state, NULL);
  return result;
}

SearchResult *search_run(Search *search, Sql *sql, const Scope *scope, const SearchRequest *request, GError **error) {
  g_auto(Turn) turn = {0};
  if (!sql_is_writing(sql)) search_turn_begin(&turn);
  g_auto(Evaluation) evaluation = {.search = search, .sql = sql, .closed = scope_admits_closed_fields(scope),
    .files = (scope->opening_mask & scope->files_mask) != 0};
  g_mutex_lock(&search->lock);
  g_autoptr(GHashTable) fields = g_hash_table_ref(search->fields);
  g_autoptr(SearchSynonyms) synonyms = search_synonyms_ref(search->synonyms);
  gboolean scannable = search->records_source != NULL;
  g_mutex_unlock(&search->lock);
  g_auto(Top) top = {0};
  SearchSort sort = request->limit == 0 ? MIN(request->sort, SEARCH_SORT_CODE) : request->sort;
  if (!search_top_init(&top, sort, request->limit, request->after, error)) return NULL;
  gboolean scans = scannable && search_needs_rebuild(search);
  g_autoptr(GError) failure = NULL;
  if (!scans && !search_view_open(search, sql, &evaluation.view, &failure) && !(scans = scannable && search_is_damage(failure)))
    return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  scans = scans || (scannable && !search_view_sound(search, &evaluation.view));
  const SearchNames names = {fields, sql, synonyms, scans ? search : NULL};
  if ((evaluation.query = search_query_parse(request->query, names, error)) == NULL) return NULL;
  evaluation.only = only_these(request);
  gboolean loaded = scans || (load_leaves(&evaluation, &failure) && load_order(&evaluation, fields, request, TRUE, &failure));
  if (!loaded && !(scans = scannable && search_is_damage(failure)))
    return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (failure) search_note_damage(search, failure->message);
  if (scans && (!scan_leaves(&evaluation, request->query, names, error) || !load_order(&evaluation, fields, request, FALSE, error))) return NULL;
  top.dated = evaluation.dated;
  g_autoptr(Pass) pass = search_pass_new(scope, request, evaluation.view.columns, &top);
  pass_blocks(&evaluation, pass);
  g_autoptr(SearchResult) result = result_new(&evaluation, scope);
  result->count = search_pass_count(pass);
  if (request->facets) result->facets = search_pass_facets(pass);
  return fill_items(&evaluation, &top, result, error) ? g_steal_pointer(&result) : NULL;
}
