/*
 * The pages of one record that hold words of a query.
 *
 * 1. A page counts when one of the query's positive terms stands on it, whatever the rest of the query asks of the description: a query's words may be spread
 *    over pages. How many of the terms stand there is told, so that pages with all of them can be shown as such.
 * 2. While the index is damaged the pages themselves are read, for READ_US: a page of hits asks this of each of them.
 */
#include "gram.h"
#include "query.h"
#include "text.h"

enum { GROUPS_MAX = 64, PAGES_COUNTED = 5000, READ_US = 50000 };

typedef struct { char *pattern; guint group; } Sought;
static void sought_clear(gpointer data) { g_free(((Sought *)data)->pattern); }

typedef struct {
  Sql *sql;
  gint64 record_id, until;
  GArray *sought;
  GHashTable *pages; /* page → guint64*: which words of the query stand there, a bit each */
} Walk;

static void add_term(const Walk *walk, const char *term, guint group) {
  gsize length = strlen(term);
  gboolean prefix = length > 0 && term[length - 1] == '*';
  g_autofree char *text = g_strndup(term, prefix ? length - 1 : length);
  Sought sought = {search_pattern(text, prefix), group};
  if (sought.pattern) g_array_append_val(walk->sought, sought);
}

/* Each word of the query is a group, together with what it may also mean (an OR is one). */
static void add_node(const Walk *walk, const SearchNode *node, gint group, guint *groups) {
  if (node->kind == NODE_NOT) return;
  if (group < 0 && node->kind != NODE_AND) {
    group = (gint)MIN(*groups, GROUPS_MAX - 1);
    ++*groups;
  }
  for (guint i = 0; node->children != NULL && i < node->children->len; i++) add_node(walk, g_ptr_array_index(node->children, i), group, groups);
  if (node->kind != NODE_TERM || !node->positive || node->text == NULL) return;
  const char *half = strchr(node->text, ':'), *full = strstr(node->text, "："), *value = half ? half + 1 : full ? full + strlen("：") : "";
  add_term(walk, node->text, (guint)group);
  if (*value != '\0') add_term(walk, value, (guint)group); /* field:value of a category's field */
}

static void note_page(const Walk *walk, guint page, guint group) {
  guint64 *words = g_hash_table_lookup(walk->pages, GUINT_TO_POINTER(page));
  if (words == NULL) g_hash_table_insert(walk->pages, GUINT_TO_POINTER(page), words = g_new0(guint64, 1));
  *words |= G_GUINT64_CONSTANT(1) << group;
}

static gboolean ask_index(const Walk *walk, const Sought *sought, GError **error) {
  g_autofree char *phrase = search_pattern_phrase(sought->pattern, NULL);
  gint64 first = walk->record_id << 16;
  g_autoptr(SqlRows) rows = sql_query(walk->sql,
    "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 AND rowid <= $3 ORDER BY rowid LIMIT $4",
    SQL_ARGS(sql_text(phrase), sql_int(first), sql_int(first | 0xffff), sql_int(PAGES_COUNTED)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  int column = sql_column(rows, "page");
  while (sql_next(rows, &failure)) note_page(walk, (guint)(sql_int_at(rows, column) & 0xffff), sought->group);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static gboolean ask_index_all(const Walk *walk, GError **error) {
  for (guint i = 0; i < walk->sought->len; i++)
    if (!ask_index(walk, &g_array_index(walk->sought, Sought, i), error)) return FALSE;
  return TRUE;
}

static gboolean look_at_page(gint64 record_id, guint page, const char *text, gpointer data) {
  const Walk *walk = data;
  g_autofree char *folded = text_fold(text);
  for (guint i = 0; i < walk->sought->len; i++) {
    const Sought *sought = &g_array_index(walk->sought, Sought, i);
    if (search_pattern_in(sought->pattern, folded)) note_page(walk, page, sought->group);
  }
  return g_get_monotonic_time() < walk->until;
}

static gboolean read_pages(Search *search, Walk *walk, GError **error) {
  PageSource source = search_page_source(search);
  g_hash_table_remove_all(walk->pages);
  walk->until = g_get_monotonic_time() + READ_US;
  return source.source == NULL || source.source(walk->sql, walk->record_id, walk->record_id, look_at_page, walk, source.data, error);
}

static int compare_pages(gconstpointer a, gconstpointer b) { return (int)((const SearchPageHit *)a)->page - (int)((const SearchPageHit *)b)->page; }

GArray *search_record_pages(Search *search, Sql *sql, const char *query, gint64 record_id, guint *ret_terms, GError **error) {
  g_autoptr(GHashTable) pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  g_autoptr(SearchQuery) read = search_query_here(search, sql, query);
  g_autoptr(GArray) sought = g_array_new(FALSE, FALSE, sizeof(Sought));
  g_array_set_clear_func(sought, sought_clear);
  Walk walk = {sql, record_id, 0, sought, pages};
  guint groups = 0;
  if (read != NULL && read->root != NULL) add_node(&walk, read->root, -1, &groups);
  g_autoptr(GError) failure = NULL;
  gboolean asked = !search_needs_rebuild(search) && ask_index_all(&walk, &failure);
  if (failure && !search_takes_damage(search, sql, &failure)) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (!asked && sought->len > 0 && !read_pages(search, &walk, error)) return NULL;
  GArray *hits = g_array_new(FALSE, FALSE, sizeof(SearchPageHit));
  GHashTableIter iter;
  gpointer page, words;
  g_hash_table_iter_init(&iter, pages);
  while (g_hash_table_iter_next(&iter, &page, &words)) {
    SearchPageHit hit = {GPOINTER_TO_UINT(page), (guint)__builtin_popcountll(*(guint64 *)words)};
    g_array_append_val(hits, hit);
  }
  g_array_sort(hits, compare_pages);
  if (ret_terms) *ret_terms = MIN(groups, GROUPS_MAX);
  return hits;
}
