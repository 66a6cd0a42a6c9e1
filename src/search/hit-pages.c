/*
 * The pages of one record that hold words of a query.
 *
 * 1. A page counts when one of the query's positive terms stands on it, whatever the rest of the query asks of the description: a query's words may be spread
 *    over pages. How many of the terms stand there is told, so that pages with all of them can be shown as such.
 */
#include "query.h"

enum { GROUPS_MAX = 64, PAGES_COUNTED = 5000 };

typedef struct {
  Sql *sql;
  gint64 record_id;
  GHashTable *pages; /* page → guint64*: which words of the query stand there, a bit each */
} Walk;

static gboolean add_term(const Walk *walk, const char *term, guint group, GError **error) {
  gsize length = strlen(term);
  gboolean prefix = length > 0 && term[length - 1] == '*';
  g_autofree char *text = g_strndup(term, prefix ? length - 1 : length), *pattern = search_pattern(text, prefix);
  if (pattern == NULL) return TRUE;
  g_autofree char *phrase = search_pattern_phrase(pattern, NULL);
  gint64 first = walk->record_id << 16;
  g_autoptr(SqlRows) rows = sql_query(walk->sql,
    "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 AND rowid <= $3 ORDER BY rowid LIMIT $4",
    SQL_ARGS(sql_text(phrase), sql_int(first), sql_int(first | 0xffff), sql_int(PAGES_COUNTED)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  int column = sql_column(rows, "page");
  while (sql_next(rows, &failure)) {
    gpointer page = GINT_TO_POINTER((gint)(sql_int_at(rows, column) & 0xffff));
    guint64 *words = g_hash_table_lookup(walk->pages, page);
    if (words == NULL) g_hash_table_insert(walk->pages, page, words = g_new0(guint64, 1));
    *words |= G_GUINT64_CONSTANT(1) << group;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

/* Each word of the query is a group, together with what it may also mean (an OR is one). */
static gboolean add_node(const Walk *walk, const SearchNode *node, gint group, guint *groups, GError **error) {
  if (node->kind == NODE_NOT) return TRUE;
  if (group < 0 && node->kind != NODE_AND) {
    group = (gint)MIN(*groups, GROUPS_MAX - 1);
    ++*groups;
  }
  for (guint i = 0; node->children != NULL && i < node->children->len; i++)
    if (!add_node(walk, g_ptr_array_index(node->children, i), group, groups, error)) return FALSE;
  if (node->kind != NODE_TERM || !node->positive || node->text == NULL) return TRUE;
  const char *half = strchr(node->text, ':'), *full = strstr(node->text, "："), *value = half ? half + 1 : full ? full + strlen("：") : "";
  return add_term(walk, node->text, (guint)group, error) && (*value == '\0' || add_term(walk, value, (guint)group, error)); /* field:value of a category's field */
}

static int compare_pages(gconstpointer a, gconstpointer b) { return (int)((const SearchPageHit *)a)->page - (int)((const SearchPageHit *)b)->page; }

GArray *search_record_pages(Search *search, Sql *sql, const char *query, gint64 record_id, guint *ret_terms, GError **error) {
  g_autoptr(GHashTable) pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  g_autoptr(SearchQuery) read = search_query_here(search, sql, query);
  Walk walk = {sql, record_id, pages};
  guint groups = 0;
  g_autoptr(GError) failure = NULL;
  gboolean asks = read != NULL && read->root != NULL && !search_needs_rebuild(search);
  if (asks && !add_node(&walk, read->root, -1, &groups, &failure) && !search_takes_damage(search, &failure))
    return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  GArray *hits = g_array_new(FALSE, FALSE, sizeof(SearchPageHit));
  GHashTableIter iter;
  gpointer page, words;
  g_hash_table_iter_init(&iter, pages);
  while (g_hash_table_iter_next(&iter, &page, &words)) {
    SearchPageHit hit = {(guint)GPOINTER_TO_INT(page), (guint)__builtin_popcountll(*(guint64 *)words)};
    g_array_append_val(hits, hit);
  }
  g_array_sort(hits, compare_pages);
  if (ret_terms) *ret_terms = MIN(groups, GROUPS_MAX);
  return hits;
}
