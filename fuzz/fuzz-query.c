/*
 * The query language, the index and the marking of hits, held against each other. Input: lines of title, creator, code, docno, a category field's value
 * and a page's text; the rest is the query.
 *
 * 1. A query is read without an error unless it is too long, and finds the one document exactly when its tree, evaluated over the folded texts with
 *    plain substring search, says so (search.h, 2).
 * 2. Marked pieces put together are the text; neighbours differ in being marked.
 */
#include "query.h"
#include "error.h"
#include "text.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TITLE, CREATOR, CODE, DOCNO, VALUE, PAGE, PARTS };
static const char KEY[] = "nfxm";

static char *const *written; /* the one document's parts */
static SqlDb *db;
static Search *search;

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static gboolean read_fields(Sql *sql, gint64 id, SearchText *ret, gpointer data) {
  *ret = (SearchText){g_strdup(written[TITLE]), g_strdup(written[CREATOR]), g_strdup(written[DOCNO]), g_strdup_printf("%s\t%s\n", KEY, written[VALUE])};
  return TRUE;
}

static void open_index(void) {
  g_autoptr(GError) error = NULL;
  db = sql_open(":memory:", &error);
  search = db == NULL ? NULL : search_open(db, &error);
  if (search == NULL) g_error("%s", error->message);
  json_auto_t *labels = json_pack("{s:s}", "男方姓名", KEY);
  search_set_fields(search, labels);
  json_auto_t *groups = json_pack("[[s, s], [s, s, s]]", "北平", "北京", "计委", "计划委员会", "国家计委");
  search_set_synonyms(search, groups);
  search_set_text_source(search, read_fields, NULL);
}

/* ---- what should be found ---- */

static char *without_spaces(const char *text) {
  g_auto(GStrv) runs = g_strsplit(text, " ", -1);
  return g_strjoinv("", runs);
}

static gboolean part_matches(const SearchNode *node, const char *part) {
  g_autofree char *folded = text_fold(part), *own = without_spaces(folded), *asked = text_fold(node->text), *plain = without_spaces(asked);
  if (*part == '\0') return FALSE;
  if (node->match == MATCH_ANY) return TRUE;
  if (node->match == MATCH_GLOB) return search_glob_in(node->pattern, part);
  return node->match == MATCH_NAME ? search_names_in(node->pattern, part, strlen(part), folded) : g_str_equal(own, plain);
}

/* A whole value, a number with ? and *, a name by its sound. */
static gboolean match_holds(const SearchNode *node) {
  switch (node->field) {
  case FIELD_TITLE: return part_matches(node, written[TITLE]);
  case FIELD_CREATOR: return part_matches(node, written[CREATOR]);
  case FIELD_CODE: return part_matches(node, written[CODE]);
  case FIELD_DOCNO: return part_matches(node, written[DOCNO]);
  case FIELD_CATEGORY: return part_matches(node, written[VALUE]);
  default:
    if (node->match == MATCH_GLOB) return part_matches(node, written[CODE]) || part_matches(node, written[DOCNO]);
    return part_matches(node, written[CREATOR]) || part_matches(node, written[VALUE]);
  }
}

static gboolean term_holds(const SearchNode *node, char *const folded[PARTS]) {
  static const int parts[] = {[FIELD_TITLE] = TITLE, [FIELD_CREATOR] = CREATOR, [FIELD_CODE] = CODE, [FIELD_DOCNO] = DOCNO, [FIELD_TEXT] = PAGE};
  if (node->kind != NODE_TERM) return FALSE; /* the document has the year 0, which is none, and no date */
  if (node->match != MATCH_STANDS) return match_holds(node);
  if (node->field == FIELD_CATEGORY) return search_pattern_in(node->pattern, folded[VALUE]); /* there is no other field */
  if (node->field != FIELD_ANY) return search_pattern_in(node->pattern, folded[parts[node->field]]);
  for (guint i = 0; i < PARTS; i++)
    if (search_pattern_in(node->pattern, folded[i])) return TRUE;
  return FALSE;
}

static gboolean tree_holds(const SearchNode *node, char *const folded[PARTS]) {
  if (node->children == NULL) return term_holds(node, folded);
  if (node->kind == NODE_NOT) return !tree_holds(g_ptr_array_index(node->children, 0), folded);
  for (guint i = 0; i < node->children->len; i++)
    if (tree_holds(g_ptr_array_index(node->children, i), folded) == (node->kind == NODE_OR)) return node->kind == NODE_OR;
  return node->kind == NODE_AND;
}

/* ---- what is found ---- */

static void put_document(Sql *sql, char *const parts[PARTS]) {
  g_autoptr(GError) error = NULL;
  written = parts;
  g_autofree char *fields = g_strdup_printf("%s\t%s\n", KEY, parts[VALUE]);
  SearchDocument document = {.id = 7, .title = parts[TITLE], .creator = parts[CREATOR], .code = parts[CODE], .docno = parts[DOCNO], .fields = fields,
    .columns = {.fonds_id = 1, .level = LEVEL_ITEM, .opening = OPENING_OPEN, .has_files = 1}};
  gboolean good = search_put(search, sql, NULL, &document, &error) && search_page_put(search, sql, 7, 3, NULL, parts[PAGE], &error);
  if (!good) g_error("%s", error->message);
}

static void try_query(Sql *sql, const char *text, const SearchQuery *query, char *const folded[PARTS]) {
  g_autoptr(GError) error = NULL;
  SearchRequest request = {.query = text, .limit = 10, .facets = TRUE};
  g_autoptr(SearchResult) result = search_run(search, sql, &SCOPE_EVERYTHING, &request, &error);
  if (result == NULL) g_error("%s", error->message);
  guint expected = query->root == NULL ? !query->unheard : tree_holds(query->root, folded);
  require(result->count == expected && result->ids->len == expected, "the index finds what stands there");
}

static void try_mark(GPtrArray *terms, const char *text, guint max) {
  json_auto_t *pieces = search_mark(terms, text, max);
  g_autoptr(GString) joined = g_string_new(NULL);
  size_t i;
  json_t *piece;
  int marked_before = -1;
  json_array_foreach(pieces, i, piece) {
    const char *part = json_string_value(json_object_get(piece, "t"));
    gboolean marked = json_is_true(json_object_get(piece, "m"));
    require(part != NULL && *part != '\0', "no piece is empty");
    require(max > 0 || marked != marked_before, "neighbours differ");
    marked_before = marked;
    g_string_append(joined, part);
  }
  if (max == 0) require(strcmp(joined->str, text) == 0, "pieces make up the text");
  g_autofree char *folded = text_fold(text), *mapped = search_mark_folded(text);
  require(strcmp(folded, mapped) == 0, "marking folds as the index does");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (search == NULL) open_index();
  if (size > 4096) return 0;
  g_autofree char *bytes = g_strndup((const char *)data, size), *valid = g_utf8_make_valid(bytes, -1);
  g_auto(GStrv) lines = g_strsplit(valid, "\n", PARTS + 1);
  if (g_strv_length(lines) <= PARTS || strlen(lines[CODE]) > CODE_MAX) return 0; /* of a longer code only the beginning is kept */
  char *folded[PARTS];
  for (guint i = 0; i < PARTS; i++) folded[i] = text_fold(lines[i]);
  g_autoptr(GError) error = NULL;
  g_autoptr(SearchQuery) query = search_query_parse(lines[PARTS], (SearchNames){search->fields, NULL, search->synonyms}, &error);
  require(query != NULL || error->code == LANTAI_ERROR_INVALID, "only length makes a query fail");
  if (query != NULL) {
    g_autoptr(Sql) sql = sql_write(db, NULL); /* not committed: the next input finds the index empty */
    put_document(sql, lines);
    try_query(sql, lines[PARTS], query, folded);
    g_autoptr(GPtrArray) terms = search_query_terms(query);
    try_mark(terms, lines[TITLE], 0);
    try_mark(terms, lines[PAGE], 12);
  }
  for (guint i = 0; i < PARTS; i++) g_free(folded[i]);
  return 0;
}
