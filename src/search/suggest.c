/*
 * Completions of a beginning: values of title, creator and docno that begin so, codes, and persons whose names sound so (zhangw, zw), from records the
 * asker may see.
 *
 * 1. Every text given stands in a record that the scope admits; its count is what searching for it (as a phrase) would give the same asker.
 * 2. Candidates are looked for in a sample, spread over all records that match, when there are more than SAMPLE: the list is then not complete, but no
 *    value that is common among them is missed.
 */
#include "query.h"
#include "text.h"

enum { SAMPLE = 200, VISITS = 100000, LIMIT = 20, TEXT_BYTES = 600 };

typedef struct { const char *text; guint count; } Candidate;

typedef struct {
  Search *search;
  Sql *sql;
  const Scope *scope;
  SearchView view;
  const char *pattern;
  SearchTextSource source;
  gpointer source_data;
  GHashTable *counts; /* text → count in the sample */
  const char *name;   /* pattern of names; NULL: the beginning is none */
} Suggestion;

typedef void (*CountRecord)(Suggestion *suggestion, guint32 id, Component component);

static gboolean is_admitted(const Suggestion *suggestion, guint32 id) {
  const SearchColumns *line = columns_line(suggestion->view.columns, id);
  return line && scope_admits(suggestion->scope, line->level, line->fonds_id, line->security, line->opening);
}

static void count_text(Suggestion *suggestion, const char *text) {
  if (text == NULL || *text == '\0' || strlen(text) > TEXT_BYTES) return;
  g_autofree char *folded = text_fold(text);
  if (!search_pattern_begins(suggestion->pattern, folded)) return;
  gpointer count = g_hash_table_lookup(suggestion->counts, text);
  g_hash_table_insert(suggestion->counts, g_strdup(text), GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
}

static void count_record(Suggestion *suggestion, guint32 id, Component component) {
  SearchText text = {0};
  if (!suggestion->source(suggestion->sql, id, &text, suggestion->source_data)) return;
  count_text(suggestion, component == COMPONENT_BEGIN_TITLE ? text.title : component == COMPONENT_BEGIN_CREATOR ? text.creator : text.docno);
  search_text_clear(&text);
}

/* A step that, taken again and again round `count` places, covers them evenly from the first on and meets every one. */
static guint64 even_step(guint64 count) {
  guint64 step = MAX((guint64)((double)count * 0.6180339887), 1);
  for (;; step++) {
    guint64 a = step, b = count;
    while (b) {
      guint64 rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1) return step;
  }
}

/* Up to SAMPLE admitted records of the leaf, spread over it. */
static void sample_leaf(Suggestion *suggestion, const Leaf *leaf, Component component, CountRecord count_one) {
  guint64 count = leaf->count, step = count ? even_step(count) : 0;
  g_autofree guint32 *ids = g_new(guint32, count + 1);
  roaring_bitmap_to_uint32_array(leaf->bits, ids);
  guint taken = 0;
  for (guint64 visit = 0; visit < MIN(count, VISITS) && taken < SAMPLE; visit++) {
    guint32 id = ids[visit * step % count];
    if (!is_admitted(suggestion, id)) continue;
    count_one(suggestion, id, component);
    taken++;
  }
}

static gboolean sample_component(Suggestion *suggestion, Component component, GError **error) {
  LeafKey key = {component, NULL, suggestion->pattern};
  g_autoptr(Leaf) leaf = search_leaf_load(suggestion->search, suggestion->sql, &suggestion->view, &key, error);
  if (leaf == NULL) return FALSE;
  sample_leaf(suggestion, leaf, component, count_record);
  return TRUE;
}

/* ---- codes and names ---- */

static void count_code(Suggestion *suggestion, guint32 id, Component component) {
  const char *code = columns_code(suggestion->view.columns, id);
  if (code && g_utf8_validate(code, -1, NULL)) count_text(suggestion, code);
}

static gboolean sample_codes(Suggestion *suggestion, const char *beginning, GError **error) {
  if (strpbrk(beginning, "0123456789") == NULL) return TRUE;
  g_autofree char *phrase = search_pattern_phrase(suggestion->pattern, NULL), *first = g_strconcat("code : ^ ", phrase, NULL);
  g_autoptr(Leaf) leaf = search_leaf_read(suggestion->sql, COMPONENT_CODE, first, 0, error);
  if (leaf) sample_leaf(suggestion, leaf, COMPONENT_CODE, count_code);
  return leaf != NULL;
}

static void count_name_in(Suggestion *suggestion, const char *value, gsize length) {
  g_autoptr(GString) folded = g_string_new(NULL);
  text_fold_append(folded, value, (gssize)length);
  char *name = search_names_spelt(suggestion->name, value, length, folded->str);
  if (name == NULL) return;
  gpointer count = g_hash_table_lookup(suggestion->counts, name);
  g_hash_table_insert(suggestion->counts, name, GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
}

static void count_field(const char *key, const char *value, gsize length, gpointer data) { count_name_in(data, value, length); }

static void count_names(Suggestion *suggestion, guint32 id, Component component) {
  SearchText text = {0};
  if (!suggestion->source(suggestion->sql, id, &text, suggestion->source_data)) return;
  if (text.creator) count_name_in(suggestion, text.creator, strlen(text.creator));
  search_fields_each(text.fields, count_field, suggestion);
  search_text_clear(&text);
}

/* As one writes: zhangw goes on, zw is the whole of the initials. */
static gboolean sample_names(Suggestion *suggestion, const char *beginning, GError **error) {
  g_autofree char *initials = search_name_pattern(beginning, FALSE, TRUE), *begun = search_name_pattern(beginning, TRUE, TRUE);
  const char *patterns[] = {initials, begun};
  for (guint i = 0; i < G_N_ELEMENTS(patterns); i++) {
    if (patterns[i] == NULL || (i == 1 && g_strcmp0(initials, begun) == 0)) continue;
    g_autofree char *phrase = search_name_phrase(patterns[i]), *placed = g_strdup_printf("{creator fields} : (%s)", phrase);
    g_autoptr(Leaf) leaf = search_leaf_read(suggestion->sql, COMPONENT_OTHER, placed, 0, error);
    if (leaf == NULL) return FALSE;
    suggestion->name = patterns[i];
    sample_leaf(suggestion, leaf, COMPONENT_OTHER, count_names);
  }
  return TRUE;
}

/* ---- the list ---- */

static int compare_candidates(gconstpointer a, gconstpointer b) {
  const Candidate *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  guint x_length = text_length(x->text), y_length = text_length(y->text);
  return x_length != y_length ? (x_length < y_length ? -1 : 1) : strcmp(x->text, y->text);
}

static GArray *rank_candidates(GHashTable *counts) {
  GArray *candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
  GHashTableIter iter;
  gpointer text, count;
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &text, &count)) {
    Candidate candidate = {text, GPOINTER_TO_UINT(count)};
    g_array_append_val(candidates, candidate);
  }
  g_array_sort(candidates, compare_candidates);
  return candidates;
}

/* What a search for the text as a phrase finds. */
static gboolean count_hits(const Suggestion *suggestion, const char *text, guint64 *ret, GError **error) {
  g_autofree char *plain = g_strdelimit(g_strdup(text), "\"*", ' ');
  g_autofree char *query = g_strconcat("\"", plain, "\"", NULL);
  SearchRequest request = {.query = query};
  g_autoptr(SearchResult) result = search_run(suggestion->search, suggestion->sql, suggestion->scope, &request, error);
  if (result) *ret = result->count;
  return result != NULL;
}

static json_t *list_candidates(const Suggestion *suggestion, guint limit, GError **error) {
  g_autoptr(GArray) candidates = rank_candidates(suggestion->counts);
  json_t *list = json_array();
  for (guint i = 0; i < MIN(candidates->len, MIN(limit, LIMIT)); i++) {
    const char *text = g_array_index(candidates, Candidate, i).text;
    guint64 count = 0;
    if (!count_hits(suggestion, text, &count, error)) {
      json_decref(list);
      return NULL;
    }
    json_array_append_new(list, json_pack("{s:s, s:I}", "text", text, "count", (json_int_t)count));
  }
  return list;
}

static json_t *suggest(Search *search, Sql *sql, const Scope *scope, const char *beginning, guint limit, GError **error) {
  g_autofree char *valid = g_utf8_make_valid(beginning ? beginning : "", -1);
  g_autofree char *pattern = g_utf8_strlen(valid, -1) > 100 ? NULL : search_pattern(valid, TRUE);
  Suggestion suggestion = {.search = search, .sql = sql, .scope = scope, .pattern = pattern};
  g_mutex_lock(&search->lock);
  suggestion.source = search->text_source;
  suggestion.source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  if (pattern == NULL || suggestion.source == NULL || search_needs_rebuild(search) || scope->opening_mask == 0) return json_array();
  if (!search_view_open(search, sql, &suggestion.view, error)) return NULL;
  g_autoptr(Columns) columns = suggestion.view.columns;
  g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  suggestion.counts = counts;
  gboolean good = sample_component(&suggestion, COMPONENT_BEGIN_CREATOR, error) && sample_component(&suggestion, COMPONENT_BEGIN_TITLE, error) &&
    sample_component(&suggestion, COMPONENT_BEGIN_DOCNO, error) && sample_codes(&suggestion, valid, error) && sample_names(&suggestion, valid, error);
  return good ? list_candidates(&suggestion, limit, error) : NULL;
}

json_t *search_suggest(Search *search, Sql *sql, const Scope *scope, const char *beginning, guint limit, GError **error) {
  g_autoptr(GError) failure = NULL;
  json_t *list = suggest(search, sql, scope, beginning, limit, &failure);
  if (list == NULL && search_takes_damage(search, sql, &failure)) list = json_array();
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return list;
}
