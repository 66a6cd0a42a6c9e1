/*
 * Opening and closing the index, and its settings. search.h says what the room is for; internal.h which file does what.
 */
#include "internal.h"
#include "error.h"
#include <malloc.h>

enum { CACHE_BYTES = 64 << 20, OPTIMIZE_PAGES = 1000, OPTIMIZE_STEPS = 100000 };

/* A damaged FTS5 table shows itself at the first question. */
static gboolean probe(Sql *sql, GError **error) {
  g_autoptr(GError) failure = NULL;
  sql_number(sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (!failure) sql_number(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (!failure) sql_number(sql, "SELECT rowid AS id FROM search_page WHERE search_page MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return error == NULL || *error == NULL;
}

Search *search_open(SqlDb *db, GError **error) {
  if (!sql_migrate_room(db, "search", error)) return NULL;
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return NULL;
  gboolean damaged = FALSE;
  g_autoptr(Columns) columns = search_columns_load(sql, &damaged, error);
  if (columns == NULL) return NULL;
  g_autoptr(GError) trouble = NULL;
  gint64 ready = sql_number(sql, "SELECT ready FROM search_state WHERE id = 1", SQL_NONE, 0, &trouble);
  if (trouble == NULL) probe(sql, &trouble);
  if (trouble) g_warning("search: the index is damaged: %s", trouble->message);
  Search *search = g_new0(Search, 1);
  search->db = db;
  g_mutex_init(&search->lock);
  g_cond_init(&search->moved);
  search->cache = search_cache_new(CACHE_BYTES, columns->version);
  search->current = g_steal_pointer(&columns);
  search->fields = g_hash_table_new(g_str_hash, g_str_equal);
  search->needs_rebuild = damaged || trouble != NULL || ready == 0;
  return search;
}

void search_close(Search *search) {
  if (search == NULL) return;
  search_cache_free(search->cache);
  search_columns_unref(search->current);
  for (guint i = 0; i < HISTORY; i++) search_columns_unref(search->history[i]);
  g_hash_table_unref(search->fields);
  g_mutex_clear(&search->lock);
  g_cond_clear(&search->moved);
  g_free(search);
}

gboolean search_needs_rebuild(Search *search) {
  g_mutex_lock(&search->lock);
  gboolean needs = search->needs_rebuild;
  g_mutex_unlock(&search->lock);
  return needs;
}

gboolean search_columns(Search *search, gint64 id, SearchColumns *ret) {
  if (id <= 0 || id >= G_MAXUINT32) return FALSE;
  g_mutex_lock(&search->lock);
  g_autoptr(Columns) columns = search_columns_ref(search->current);
  g_mutex_unlock(&search->lock);
  const SearchColumns *line = columns_line(columns, (guint32)id);
  if (line) *ret = *line;
  return line != NULL;
}

void search_set_fields(Search *search, json_t *labels) {
  GHashTable *fields = search_query_fields(labels);
  g_mutex_lock(&search->lock);
  GHashTable *old = search->fields;
  search->fields = fields;
  g_mutex_unlock(&search->lock);
  g_hash_table_unref(old);
}

void search_set_text_source(Search *search, SearchTextSource source, gpointer data) {
  g_mutex_lock(&search->lock);
  search->text_source = source;
  search->text_source_data = data;
  g_mutex_unlock(&search->lock);
}

/* One step of joining the segments of the three tables; ret_done when there was nothing left to join. first: begin a merge of all segments. */
static gboolean optimize_step(Search *search, gboolean first, gboolean *ret_done, GError **error) {
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL) return FALSE;
  gint64 pages = first ? -OPTIMIZE_PAGES : OPTIMIZE_PAGES;
  gint64 before = sql_number(sql, "SELECT total_changes() AS n", SQL_NONE, 0, error);
  gboolean good = sql_exec(sql, "INSERT INTO search_title (search_title, rank) VALUES ('merge', $1)", SQL_ARGS(sql_int(pages)), error) &&
    sql_exec(sql, "INSERT INTO search_text (search_text, rank) VALUES ('merge', $1)", SQL_ARGS(sql_int(pages)), error) &&
    sql_exec(sql, "INSERT INTO search_page (search_page, rank) VALUES ('merge', $1)", SQL_ARGS(sql_int(pages)), error);
  if (!good) return FALSE;
  gint64 after = sql_number(sql, "SELECT total_changes() AS n", SQL_NONE, 0, error);
  *ret_done = after - before < 2 * 3;
  return sql_commit(sql, error);
}

gboolean search_optimize(Search *search, GError **error) {
  gboolean done = FALSE;
  for (guint step = 0; !done && step < OPTIMIZE_STEPS; step++)
    if (!optimize_step(search, step == 0, &done, error)) return FALSE;
  malloc_trim(0); /* what the load kept (put.c) */
  return TRUE;
}
