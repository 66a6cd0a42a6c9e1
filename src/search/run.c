/*
 * A question: tree → bitmaps → the pass over the columns → result.
 *
 * 1. The tree is evaluated three times over the same leaves: `full` (words on pages count), `description` (they do not), `title`. A record whose files
 *    the asker may not see is found by `description` alone, so that nothing tells what its pages say.
 * 2. Columns, bitmaps and the asker's SQL snapshot are of one version (SearchView).
 * 3. tier 0: the titles alone satisfy the query; 1: the description does; 2: pages are needed.
 */
#include "block.h"
#include "error.h"
#include "query.h"

enum { PLACES = 4 };
typedef enum { MODE_FULL, MODE_DESCRIPTION, MODE_TITLE } Mode;

typedef struct { Leaf *title, *other, *closed, *page; } Bits; /* a leaf's components; NULL: it does not look there. Fields other than the title are `other` */

typedef struct {
  Search *search;
  Sql *sql;
  SearchView view;
  SearchQuery *query;
  Bits *bits; /* by SearchNode.leaf */
  gboolean closed; /* closed fields are asked */
  gboolean pages; /* some leaf stands on some page */
  char *told; /* how the answer came about without the index, or that it may lack some; NULL: by the index, whole */
  roaring_bitmap_t *only; /* the records asked for by id; NULL: any */
} Evaluation;

static void clear_bits(Evaluation *evaluation);
typedef struct { const Evaluation *evaluation; const Scope *scope; } Telling;

static void evaluation_clear(Evaluation *evaluation) {
  clear_bits(evaluation);
  g_free(evaluation->told);
  if (evaluation->only) roaring_bitmap_free(evaluation->only);
  search_query_free(evaluation->query);
  search_columns_unref(evaluation->view.columns);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Evaluation, evaluation_clear)

static void bitmap_free(roaring_bitmap_t *bits) {
  if (bits) roaring_bitmap_free(bits);
}
typedef roaring_bitmap_t Bitmap;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bitmap, bitmap_free)

/* ---- leaves ---- */

static Leaf *load_years(const Columns *columns, const SearchNode *node) {
  roaring_bitmap_t *bits = roaring_bitmap_create();
  g_autofree guint32 *ids = g_new(guint32, BLOCK_LINES);
  g_autofree guint16 *lines = g_new(guint16, BLOCK_LINES);
  for (guint number = 0; number < columns->block_count; number++) {
    const Grouping *years = search_block_grouping(columns, number, BY_YEAR);
    guint64 words[BLOCK_WORDS] = {0};
    for (guint i = 0; i < years->group_count; i++)
      if (years->groups[i].value >= node->year_from && years->groups[i].value <= node->year_to) search_group_add(years, &years->groups[i], words);
    guint count = search_words_list(words, lines);
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
  if (evaluation->closed && (node->field == FIELD_ANY || node->field == FIELD_CATEGORY)) components[count] = COMPONENT_CLOSED, places[count++] = &bits->closed;
  if (node->field == FIELD_ANY || node->field == FIELD_TEXT) components[count] = COMPONENT_PAGE, places[count++] = &bits->page;
  return count;
}

static gboolean load_leaf(Evaluation *evaluation, const SearchNode *node, GError **error) {
  Bits *bits = &evaluation->bits[node->leaf];
  Component components[PLACES];
  Leaf **places[PLACES];
  if (node->kind == NODE_YEARS) bits->other = load_years(evaluation->view.columns, node);
  if (node->kind == NODE_DATES) bits->other = load_dates(evaluation->view.columns, node);
  if (node->match != MATCH_STANDS) {
    bits->other = search_match_load(evaluation->search, evaluation->sql, &evaluation->view, node, evaluation->closed ? MATCH_CLOSED : 0, error);
    if (bits->other && bits->other->cut && evaluation->told == NULL) evaluation->told = g_strdup_printf("“%s”要看的条目太多，只看了一部分，结果可能不全", node->text);
    return bits->other != NULL;
  }
  for (guint i = 0, count = places_of(evaluation, node, bits, components, places); i < count; i++) {
    LeafKey key = {components[i], node->names, node->pattern};
    if ((*places[i] = search_leaf_load(evaluation->search, evaluation->sql, &evaluation->view, &key, error)) == NULL) return FALSE;
  }
  return TRUE;
}

static gboolean load_leaves(Evaluation *evaluation, GError **error) {
  const GPtrArray *leaves = evaluation->query->leaves;
  evaluation->view.until = search_turn_clock() + QUESTION_US;
  evaluation->bits = g_new0(Bits, leaves->len);
  for (guint i = 0; i < leaves->len; i++) {
    if (!load_leaf(evaluation, g_ptr_array_index(leaves, i), error)) return FALSE;
    const Leaf *page = evaluation->bits[i].page;
    evaluation->pages = evaluation->pages || (page && page->count > 0);
  }
  return TRUE;
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

/* The same from the records themselves (scan.c); words on pages are not looked for. */
static gboolean scan_leaves(Evaluation *evaluation, GError **error) {
  const GPtrArray *nodes = evaluation->query->leaves;
  clear_bits(evaluation);
  evaluation->bits = g_new0(Bits, nodes->len);
  evaluation->pages = FALSE;
  g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(LeafKey));
  g_autoptr(GPtrArray) wanted = g_ptr_array_new(); /* Leaf **, by key */
  for (guint i = 0; i < nodes->len; i++) {
    const SearchNode *node = g_ptr_array_index(nodes, i);
    Component components[PLACES];
    Leaf **places[PLACES];
    for (guint k = 0, count = places_of(evaluation, node, &evaluation->bits[i], components, places); k < count; k++) {
      LeafKey key = {components[k], node->names, node->pattern};
      g_array_append_val(keys, key);
      g_ptr_array_add(wanted, places[k]);
    }
  }
  g_clear_pointer(&evaluation->view.columns, search_columns_unref);
  g_autofree Leaf **leaves = g_new0(Leaf *, keys->len + 1);
  gboolean good = search_scan(evaluation->search, evaluation->sql, (const LeafKey *)(gpointer)keys->data, keys->len, leaves, &evaluation->view, &evaluation->told, error);
  evaluation->view.until = search_turn_clock() + QUESTION_US;
  for (guint i = 0; i < keys->len; i++) *(Leaf **)g_ptr_array_index(wanted, i) = leaves[i];
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

/* ---- the tree ----
 * within: only these are asked for (NULL: any), so that of a frequent word beside a rare one little is touched.
 */

static Bitmap *evaluate(const Evaluation *evaluation, const SearchNode *node, Mode mode, const Bitmap *within);

static void add_leaf(Bitmap **result, const Leaf *leaf, const Bitmap *within) {
  Bitmap *found = within ? roaring_bitmap_and(leaf->bits, within) : *result ? NULL : roaring_bitmap_copy(leaf->bits);
  if (*result == NULL) *result = found;
  else {
    roaring_bitmap_or_inplace(*result, found ? found : leaf->bits);
    bitmap_free(found);
  }
}

static Bitmap *evaluate_leaf(const Evaluation *evaluation, const SearchNode *node, Mode mode, const Bitmap *within) {
  const Bits *bits = &evaluation->bits[node->leaf];
  gboolean title_only = mode == MODE_TITLE && node->field == FIELD_ANY;
  Bitmap *result = NULL;
  if (bits->title) add_leaf(&result, bits->title, within);
  if (bits->other && !title_only) add_leaf(&result, bits->other, within);
  if (bits->closed && !title_only) add_leaf(&result, bits->closed, within);
  if (bits->page && mode == MODE_FULL) add_leaf(&result, bits->page, within);
  return result ? result : roaring_bitmap_create();
}

/* Every number a record could have; lines that are no records fall out in the pass. */
/* roaring_bitmap_from_range has no bitmap for an empty range, that is for an archive without a record. */
static Bitmap *universe(const Evaluation *evaluation) {
  Bitmap *bits = roaring_bitmap_create();
  roaring_bitmap_add_range(bits, 0, (guint64)evaluation->view.columns->chunk_count * CHUNK_LINES);
  return bits;
}

static Bitmap *evaluate_negated(const Evaluation *evaluation, const SearchNode *node, Mode mode, const Bitmap *within) {
  return evaluate(evaluation, g_ptr_array_index(node->children, 0), mode == MODE_TITLE ? MODE_DESCRIPTION : mode, within);
}

/* How many records there are at most. */
static guint64 estimate(const Evaluation *evaluation, const SearchNode *node) {
  const Bits *bits = node->children ? NULL : &evaluation->bits[node->leaf];
  if (bits) return (bits->title ? bits->title->count : 0) + (bits->other ? bits->other->count : 0) + (bits->page ? bits->page->count : 0);
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

static Bitmap *evaluate_and(const Evaluation *evaluation, const SearchNode *node, Mode mode, const Bitmap *within) {
  Bitmap *result = NULL;
  g_autoptr(GArray) rarest = g_array_new(FALSE, FALSE, sizeof(Estimate));
  for (guint i = 0; i < node->children->len; i++) {
    const SearchNode *child = g_ptr_array_index(node->children, i);
    Estimate one = {child, estimate(evaluation, child)};
    if (child->kind != NODE_NOT) g_array_append_val(rarest, one);
  }
  g_array_sort(rarest, compare_estimates);
  for (guint i = 0; i < rarest->len; i++) {
    Bitmap *bits = evaluate(evaluation, g_array_index(rarest, Estimate, i).node, mode, result ? result : within);
    bitmap_free(result);
    result = bits;
  }
  if (result == NULL) result = within ? roaring_bitmap_copy(within) : universe(evaluation);
  for (guint i = 0; i < node->children->len; i++) {
    const SearchNode *child = g_ptr_array_index(node->children, i);
    if (child->kind != NODE_NOT) continue;
    g_autoptr(Bitmap) bits = evaluate_negated(evaluation, child, mode, result);
    roaring_bitmap_andnot_inplace(result, bits);
  }
  return result;
}

static Bitmap *evaluate(const Evaluation *evaluation, const SearchNode *node, Mode mode, const Bitmap *within) {
  if (node->children == NULL) return evaluate_leaf(evaluation, node, mode, within);
  if (node->kind == NODE_AND) return evaluate_and(evaluation, node, mode, within);
  if (node->kind == NODE_NOT) {
    Bitmap *result = within ? roaring_bitmap_copy(within) : universe(evaluation);
    g_autoptr(Bitmap) bits = evaluate_negated(evaluation, node, mode, result);
    roaring_bitmap_andnot_inplace(result, bits);
    return result;
  }
  Bitmap *result = roaring_bitmap_create();
  for (guint i = 0; i < node->children->len; i++) {
    g_autoptr(Bitmap) bits = evaluate(evaluation, g_ptr_array_index(node->children, i), mode, within);
    roaring_bitmap_or_inplace(result, bits);
  }
  return result;
}

/* ---- the pass ---- */

/* Passes the bits: those that titles alone satisfy as tier 0, the others as `tier`. titles NULL: no difference. */
static void pass_tiers(Pass *pass, const Bitmap *bits, const Bitmap *titles, Need need, guint tier) {
  if (titles == NULL) return search_pass_bits(pass, bits, need, tier);
  g_autoptr(Bitmap) in_titles = roaring_bitmap_and(bits, titles);
  g_autoptr(Bitmap) others = roaring_bitmap_andnot(bits, titles);
  search_pass_bits(pass, in_titles, need, 0);
  search_pass_bits(pass, others, need, tier);
}

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

/* ret_description: what the description alone satisfies. */
static void pass_tree(const Evaluation *evaluation, Pass *pass, SearchSort sort, Bitmap **ret_description) {
  const SearchNode *root = evaluation->query->root;
  g_autoptr(Bitmap) description = evaluate(evaluation, root, MODE_DESCRIPTION, evaluation->only);
  g_autoptr(Bitmap) titles = sort == SEARCH_SORT_RELEVANCE ? evaluate(evaluation, root, MODE_TITLE, description) : NULL;
  if (!evaluation->pages) pass_tiers(pass, description, titles, NEED_DESCRIPTION, 1);
  else {
    g_autoptr(Bitmap) full = evaluate(evaluation, root, MODE_FULL, evaluation->only);
    g_autoptr(Bitmap) both = roaring_bitmap_and(full, description);
    g_autoptr(Bitmap) by_pages = roaring_bitmap_andnot(full, description);
    g_autoptr(Bitmap) despite_pages = roaring_bitmap_andnot(description, full); /* a page holds a word that NOT excludes */
    pass_tiers(pass, both, titles, NEED_DESCRIPTION, 1);
    pass_tiers(pass, by_pages, NULL, NEED_FILES, 2);
    pass_tiers(pass, despite_pages, titles, NEED_NO_FILES, 1);
  }
  *ret_description = g_steal_pointer(&description);
}

static void pass_only(const Evaluation *evaluation, Pass *pass) {
  g_autoptr(Bitmap) bits = universe(evaluation);
  roaring_bitmap_and_inplace(bits, evaluation->only);
  search_pass_bits(pass, bits, NEED_DESCRIPTION, 0);
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

static gboolean fill_pages(const Evaluation *evaluation, const Bitmap *description, SearchResult *result, GError **error) {
  guint leaves = evaluation->query->leaves->len;
  g_autoptr(GPtrArray) wanted = g_ptr_array_new_full(leaves, (GDestroyNotify)g_array_unref); /* by leaf */
  for (guint i = 0; i < leaves; i++) g_ptr_array_add(wanted, g_array_new(FALSE, FALSE, sizeof(SearchWanted)));
  for (guint i = 0; i < result->ids->len; i++) {
    guint32 id = (guint32)g_array_index(result->ids, gint64, i);
    gint leaf = roaring_bitmap_contains(description, id) ? -1 : choose_leaf(evaluation, id);
    SearchWanted one = {id, &g_array_index(result->pages, guint, i)};
    if (leaf >= 0) g_array_append_val((GArray *)g_ptr_array_index(wanted, leaf), one);
  }
  for (guint i = 0; i < leaves; i++) {
    const SearchNode *leaf = g_ptr_array_index(evaluation->query->leaves, i);
    guint64 records = evaluation->bits[i].page ? evaluation->bits[i].page->count : 0;
    if (!search_pages_find(evaluation->search, evaluation->sql, leaf->pattern, records, g_ptr_array_index(wanted, i), error)) return FALSE;
  }
  return TRUE;
}

static gboolean fill_items(const Evaluation *evaluation, Top *top, const Bitmap *description, SearchResult *result, GError **error) {
  search_top_finish(top);
  guint count = top->capacity ? MIN(top->count, top->capacity - 1) : 0;
  for (guint i = 0; i < count; i++) {
    gint64 id = (guint32)top->heap[i].key;
    guint page = 0;
    g_array_append_val(result->ids, id);
    g_array_append_val(result->pages, page);
  }
  if (count > 0 && top->count > count) result->next = search_top_key(top, &top->heap[count - 1]);
  return description == NULL || !evaluation->pages || fill_pages(evaluation, description, result, error);
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
  g_auto(Evaluation) evaluation = {.search = search, .sql = sql, .closed = scope_admits_closed_fields(scope)};
  g_mutex_lock(&search->lock);
  g_autoptr(GHashTable) fields = g_hash_table_ref(search->fields);
  g_autoptr(SearchSynonyms) synonyms = search_synonyms_ref(search->synonyms);
  gboolean scannable = search->records_source != NULL;
  g_mutex_unlock(&search->lock);
  g_auto(Top) top = {0};
  if (!search_top_init(&top, request->sort, request->limit, request->after, error)) return NULL;
  gboolean scans = scannable && search_needs_rebuild(search);
  g_autoptr(GError) failure = NULL;
  if (!scans && !search_view_open(search, sql, &evaluation.view, &failure) && !(scans = scannable && search_is_damage(failure)))
    return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  evaluation.query = search_query_parse(request->query, (SearchNames){fields, sql, synonyms}, error);
  if (evaluation.query == NULL) return NULL;
  if (!scans && !load_leaves(&evaluation, &failure) && !(scans = scannable && search_is_damage(failure)))
    return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (failure) search_note_damage(search, failure->message);
  if (scans && !scan_leaves(&evaluation, error)) return NULL;
  g_autoptr(Pass) pass = search_pass_new(scope, request, evaluation.view.columns, &top);
  g_autoptr(Bitmap) description = NULL;
  evaluation.only = only_these(request);
  if (evaluation.query->root) pass_tree(&evaluation, pass, top.sort, &description);
  else if (evaluation.only && !evaluation.query->unheard) pass_only(&evaluation, pass);
  else if (!evaluation.query->unheard) search_pass_all(pass);
  g_autoptr(SearchResult) result = result_new(&evaluation, scope);
  result->count = search_pass_count(pass);
  if (request->facets) result->facets = search_pass_facets(pass);
  return fill_items(&evaluation, &top, description, result, error) ? g_steal_pointer(&result) : NULL;
}
