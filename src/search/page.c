/*
 * The page to show for a hit that only its pages explain: the first one where the term stands.
 *
 * 1. Of a few records the first pages themselves are read, which costs less than a look into the index.
 * 2. One pass over the term's pages in order serves every record shown; only when these are few among very many, and the term is one that FTS5 can seek
 *    in (no prefix, which it gathers anew at each question), each is looked up by itself.
 */
#include "gram.h"

enum { LOOKED_AT = 100, PAGES_LOOKED = 8, PASS_SHARE = 100 }; /* a look-up costs about as much as passing this many pages */

static gboolean find_one(Sql *sql, const char *phrase, SearchWanted *wanted, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 first = (gint64)wanted->id << 16;
  gint64 rowid = sql_number(sql, "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 AND rowid <= $3 LIMIT 1",
    SQL_ARGS(sql_text(phrase), sql_int(first), sql_int(first | 0xffff)), 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  *wanted->ret_page = rowid & 0xffff;
  return TRUE;
}

static gboolean find_all(Sql *sql, const char *phrase, const SearchWanted *wanted, guint count, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 first = (gint64)wanted[0].id << 16, last = (gint64)wanted[count - 1].id << 16 | 0xffff;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 AND rowid <= $3 ORDER BY rowid",
    SQL_ARGS(sql_text(phrase), sql_int(first), sql_int(last)), error);
  if (rows == NULL) return FALSE;
  int column = sql_column(rows, "page");
  for (guint at = 0; at < count && sql_next(rows, &failure);) {
    gint64 rowid = sql_int_at(rows, column);
    while (at < count && wanted[at].id < rowid >> 16) at++;
    if (at < count && wanted[at].id == rowid >> 16) *wanted[at++].ret_page = rowid & 0xffff;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static int compare_wanted(gconstpointer a, gconstpointer b) {
  guint32 x = ((const SearchWanted *)a)->id, y = ((const SearchWanted *)b)->id;
  return x < y ? -1 : x > y;
}

/* Takes out of wanted those whose few pages are read themselves. */
static gboolean look_at_pages(Search *search, Sql *sql, const char *pattern, GArray *wanted, GError **error) {
  if (wanted->len > LOOKED_AT || search_page_source(search).source == NULL) return TRUE;
  for (guint i = wanted->len; i-- > 0;) {
    SearchWanted *one = &g_array_index(wanted, SearchWanted, i);
    SearchPageLook look = {.pattern = pattern, .most = PAGES_LOOKED};
    if (!search_page_look(search, sql, one->id, &look, error)) return FALSE;
    *one->ret_page = look.page;
    if (look.page) g_array_remove_index(wanted, i);
  }
  return TRUE;
}

gboolean search_pages_find(Search *search, Sql *sql, const char *pattern, guint64 records, GArray *wanted, GError **error) {
  if (!look_at_pages(search, sql, pattern, wanted, error)) return FALSE;
  if (wanted->len == 0) return TRUE;
  g_autofree char *phrase = search_pattern_phrase(pattern, NULL);
  g_array_sort(wanted, compare_wanted);
  if (g_str_has_suffix(phrase, "*") || records < (guint64)wanted->len * PASS_SHARE)
    return find_all(sql, phrase, (const SearchWanted *)(gpointer)wanted->data, wanted->len, error);
  for (guint i = 0; i < wanted->len; i++)
    if (!find_one(sql, phrase, &g_array_index(wanted, SearchWanted, i), error)) return FALSE;
  return TRUE;
}
