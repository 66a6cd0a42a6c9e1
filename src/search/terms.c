/*
 * The words of a query as they are marked: its positive terms with the other ways to write them, and the names in a record that letters were taken for.
 *
 * 1. A list of terms may hold patterns of names (they begin with SEARCH_NAME_MARK): what they mean differs from record to record, and nothing is marked by
 *    them until search_record_terms has put that record's own names in their place.
 */
#include "query.h"
#include "text.h"

SearchQuery *search_query_here(Search *search, Sql *sql, const char *text) {
  if (search == NULL) return search_query_parse(text, (SearchNames){0}, NULL);
  g_mutex_lock(&search->lock);
  g_autoptr(GHashTable) fields = g_hash_table_ref(search->fields);
  g_autoptr(SearchSynonyms) synonyms = search_synonyms_ref(search->synonyms);
  g_mutex_unlock(&search->lock);
  return search_query_parse(text, (SearchNames){fields, sql, synonyms}, NULL);
}

static gboolean is_name(const char *term) { return g_str_has_prefix(term, SEARCH_NAME_MARK); }

static void add_once(GPtrArray *terms, const char *term) {
  if (!g_ptr_array_find_with_equal_func(terms, term, g_str_equal, NULL)) g_ptr_array_add(terms, g_strdup(term));
}

GPtrArray *search_query_terms(const SearchQuery *query) {
  GPtrArray *terms = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < query->leaves->len; i++) {
    const SearchNode *leaf = g_ptr_array_index(query->leaves, i);
    if (leaf->kind != NODE_TERM || !leaf->positive) continue;
    g_autofree char *name = leaf->match == MATCH_NAME ? g_strconcat(SEARCH_NAME_MARK, leaf->pattern, NULL) : NULL;
    add_once(terms, name ? name : leaf->text);
  }
  return terms;
}

/* ---- names of a record ---- */

typedef struct { GPtrArray *terms, *wanted; } Naming;

static void name_value(const char *key, const char *value, gsize length, gpointer data) {
  const Naming *naming = data;
  g_autoptr(GString) folded = g_string_new(NULL);
  text_fold_append(folded, value, (gssize)length);
  for (guint i = 0; i < naming->wanted->len; i++) {
    const char *pattern = (const char *)g_ptr_array_index(naming->wanted, i) + strlen(SEARCH_NAME_MARK);
    g_autoptr(GPtrArray) names = search_names_all(pattern, value, length, folded->str);
    for (guint k = 0; k < names->len; k++) add_once(naming->terms, g_ptr_array_index(names, k));
  }
}

GPtrArray *search_record_terms(Search *search, Sql *sql, GPtrArray *terms, gint64 record_id) {
  g_autoptr(GPtrArray) wanted = g_ptr_array_new(); /* borrowed */
  for (guint i = 0; i < terms->len; i++)
    if (is_name(g_ptr_array_index(terms, i))) g_ptr_array_add(wanted, g_ptr_array_index(terms, i));
  if (wanted->len == 0 || search == NULL) return g_ptr_array_ref(terms);
  GPtrArray *own = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < terms->len; i++)
    if (!is_name(g_ptr_array_index(terms, i))) g_ptr_array_add(own, g_strdup(g_ptr_array_index(terms, i)));
  g_mutex_lock(&search->lock);
  SearchTextSource source = search->text_source;
  gpointer source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  SearchText text = {0};
  Naming naming = {own, wanted};
  if (source && source(sql, record_id, &text, source_data)) {
    if (text.creator) name_value("", text.creator, strlen(text.creator), &naming);
    if (text.fields) search_fields_each(text.fields, name_value, &naming);
  }
  search_text_clear(&text);
  return own;
}

GPtrArray *search_terms(Search *search, Sql *sql, const char *text, gint64 record_id) {
  g_autoptr(SearchQuery) query = search_query_here(search, sql, text);
  if (query == NULL) return g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) terms = search_query_terms(query);
  for (guint i = 0, count = terms->len; i < count; i++) { /* field:value of a field that is not known is one word: its value is a term as well */
    const char *term = g_ptr_array_index(terms, i);
    const char *half = strchr(term, ':'), *full = strstr(term, "：");
    const char *value = half ? half + 1 : full ? full + strlen("：") : "";
    if (*value) g_ptr_array_add(terms, g_strdup(value));
  }
  return search_record_terms(search, sql, terms, record_id);
}
