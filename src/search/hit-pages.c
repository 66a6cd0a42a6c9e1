/*
 * The pages of one record that hold words of a query.
 *
 * 1. A page counts when one of the query's positive terms stands on it, whatever the rest of the query asks of the description: a query's words may be spread
 *    over pages. How many of the terms stand there is told, so that pages with all of them can be shown as such.
 */
#include "internal.h"

static gboolean add_term(Sql *sql, const char *term, gint64 record_id, guint limit, GHashTable *pages, GError **error) {
  gsize length = strlen(term);
  gboolean prefix = length > 0 && term[length - 1] == '*';
  g_autofree char *text = g_strndup(term, prefix ? length - 1 : length), *pattern = search_pattern(text, prefix);
  if (pattern == NULL) return TRUE;
  g_autofree char *phrase = search_pattern_phrase(pattern, NULL);
  gint64 first = record_id << 16;
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 AND rowid <= $3 ORDER BY rowid LIMIT $4",
    SQL_ARGS(sql_text(phrase), sql_int(first), sql_int(first | 0xffff), sql_int(limit)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  int column = sql_column(rows, "page");
  while (sql_next(rows, &failure)) {
    gpointer page = GINT_TO_POINTER((gint)(sql_int_at(rows, column) & 0xffff));
    g_hash_table_insert(pages, page, GINT_TO_POINTER(GPOINTER_TO_INT(g_hash_table_lookup(pages, page)) + 1));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static int compare_pages(gconstpointer a, gconstpointer b) { return (int)((const SearchPageHit *)a)->page - (int)((const SearchPageHit *)b)->page; }

GArray *search_record_pages(Sql *sql, const char *query, gint64 record_id, guint limit, guint *ret_terms, GError **error) {
  g_autoptr(GPtrArray) terms = search_terms(query ? query : "");
  g_autoptr(GHashTable) pages = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < terms->len; i++)
    if (!add_term(sql, g_ptr_array_index(terms, i), record_id, limit, pages, error)) return NULL;
  GArray *hits = g_array_new(FALSE, FALSE, sizeof(SearchPageHit));
  GHashTableIter iter;
  gpointer page, count;
  g_hash_table_iter_init(&iter, pages);
  while (g_hash_table_iter_next(&iter, &page, &count)) {
    SearchPageHit hit = {(guint)GPOINTER_TO_INT(page), (guint)GPOINTER_TO_INT(count)};
    g_array_append_val(hits, hit);
  }
  g_array_sort(hits, compare_pages);
  if (ret_terms) *ret_terms = terms->len;
  return hits;
}
