/*
 * Opening and closing the index, and its settings. search.h says what the room is for; internal.h which file does what.
 */
#include "gram.h"
#include "block.h"
#include "dated.h"
#include "query.h"
#include "error.h"
#include <malloc.h>

enum { CACHE_BYTES = 64 << 20, CACHE_LINE_BYTES = 16 /* for each record: some hundred bitmaps of frequent words */,
  KEEP_FREE_BYTES = 64 << 20, MAPPED_BYTES = 4 << 20, OPTIMIZE_PAGES = 1000, JOIN_PAGES = 16, OPTIMIZE_STEPS = 100000,
  SCATTERED_SHARE = 4 /* all is joined when more than a quarter of the largest segment lies beside it */ };

/* A damaged FTS5 table shows itself at the first question. */
static gboolean probe(Sql *sql, GError **error) {
  g_autoptr(GError) failure = NULL;
  sql_number(sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (!failure) sql_number(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (!failure) sql_number(sql, "SELECT rowid AS id FROM search_page WHERE search_page MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (!failure) sql_number(sql, "SELECT rowid AS id FROM search_closed WHERE search_closed MATCH 'a' LIMIT 1", SQL_NONE, 0, &failure);
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return error == NULL || *error == NULL;
}

/* Tables of another shape than their stored version says are damage, made anew from the records; what is no fault of the index (a full disk) is an error. An
 * index of an older version is not asked either: its tokens mean something else, and may stand where who asks must not look. */
Search *search_open(SqlDb *db, GError **error) {
  g_autoptr(GError) trouble = NULL;
  if (!sql_migrate_room(db, "search", &trouble) && !search_is_damage(trouble)) return g_propagate_error(error, g_steal_pointer(&trouble)), NULL;
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return NULL;
  gboolean damaged = FALSE;
  g_autoptr(Columns) columns = search_columns_load(sql, &damaged, error);
  if (columns == NULL) { /* no table that can be read */
    g_clear_error(error);
    columns = search_columns_empty();
    damaged = TRUE;
  }
  gint64 ready = trouble ? 0 : sql_number(sql, "SELECT ready FROM search_state WHERE id = 1", SQL_NONE, 0, &trouble);
  if (trouble == NULL) probe(sql, &trouble);
  if (trouble) g_warning("search: the index is damaged: %s", trouble->message);
  mallopt(M_TRIM_THRESHOLD, KEEP_FREE_BYTES); /* else each broad question, and each flush of FTS5's terms, gives its memory to the kernel, to be asked for again */
  mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
  Search *search = g_new0(Search, 1);
  search->db = db;
  g_mutex_init(&search->lock);
  g_cond_init(&search->moved);
  search->cache = search_cache_new(MAX((gsize)CACHE_BYTES, (gsize)columns->chunk_count * CHUNK_LINES * CACHE_LINE_BYTES), columns->version);
  search->tallies = search_tallies_new();
  search->current = g_steal_pointer(&columns);
  search->fields = g_hash_table_new(g_str_hash, g_str_equal);
  search->dated.fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)search_field_days_unref);
  search->damaged = search->needs_rebuild = damaged || ready == 0 || trouble != NULL || search_damage_remembered(sql);
  search->remade.left = TRUE; /* perhaps: search_tend looks */
  return search;
}

void search_close(Search *search) {
  if (search == NULL) return;
  search_cache_free(search->cache);
  search_tallies_free(search->tallies);
  for (guint i = 0; i < G_N_ELEMENTS(search->grams); i++) search_gram_selection_unref(search->grams[i]);
  search_columns_unref(search->current);
  for (guint i = 0; i < HISTORY; i++) search_columns_unref(search->history[i]);
  g_hash_table_unref(search->fields);
  g_hash_table_unref(search->dated.fields);
  search_synonyms_unref(search->synonyms);
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

void search_warm(Search *search) {
  g_mutex_lock(&search->lock);
  g_autoptr(Columns) columns = search_columns_ref(search->current);
  g_mutex_unlock(&search->lock);
  for (guint number = 0; number < columns->block_count; number++) {
    search_block_kinds(columns, number);
    for (guint by = 0; by < GROUPINGS; by++) search_block_grouping(columns, number, (GroupBy)by);
    for (guint sort = 0; sort < ORDERS; sort++) search_block_order(columns, number, (SearchSort)sort);
  }
  search_dated_warm(search);
  search_characters_warm(search);
}

void search_forget(Search *search) {
  search_cache_forget(search->cache);
  search_tallies_forget(search->tallies);
}

gboolean search_is_damaged(Search *search) {
  g_mutex_lock(&search->lock);
  gboolean damaged = search->damaged;
  g_mutex_unlock(&search->lock);
  return damaged;
}

void search_set_records_source(Search *search, SearchRecordsSource source, gpointer data) {
  g_mutex_lock(&search->lock);
  search->records_source = source;
  search->records_source_data = data;
  g_mutex_unlock(&search->lock);
}

void search_set_pages_source(Search *search, SearchPagesSource source, gpointer data) {
  g_mutex_lock(&search->lock);
  search->pages_source = source;
  search->pages_source_data = data;
  g_mutex_unlock(&search->lock);
}

typedef struct { gint64 id; SearchColumns *ret; gboolean found; } Wanted;
static gboolean take_columns(const SearchDocument *document, gpointer data) {
  Wanted *wanted = data;
  wanted->found = document->id == wanted->id;
  if (wanted->found) *wanted->ret = document->columns;
  return FALSE;
}

gboolean search_columns(Search *search, gint64 id, SearchColumns *ret) {
  if (id <= 0 || id >= G_MAXUINT32) return FALSE;
  g_mutex_lock(&search->lock);
  g_autoptr(Columns) columns = search_columns_ref(search->current);
  SearchRecordsSource source = search->needs_rebuild ? search->records_source : NULL;
  gpointer source_data = search->records_source_data;
  g_mutex_unlock(&search->lock);
  if (source) { /* memory has what was read of a damaged index, and nothing of what was saved since */
    Wanted wanted = {id, ret, FALSE};
    g_autoptr(Sql) sql = sql_read(search->db, NULL);
    return sql && source(sql, id - 1, take_columns, &wanted, source_data, NULL) && wanted.found;
  }
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

void search_set_synonyms(Search *search, json_t *groups) {
  SearchSynonyms *synonyms = search_synonyms_new(groups);
  g_mutex_lock(&search->lock);
  SearchSynonyms *old = search->synonyms;
  search->synonyms = synonyms;
  g_mutex_unlock(&search->lock);
  search_synonyms_unref(old);
}

void search_text_clear(SearchText *text) {
  g_free(text->title);
  g_free(text->creator);
  g_free(text->docno);
  g_free(text->fields);
  g_free(text->code);
  g_free(text->closed);
}

void search_set_text_source(Search *search, SearchTextSource source, gpointer data) {
  g_mutex_lock(&search->lock);
  search->text_source = source;
  search->text_source_data = data;
  g_mutex_unlock(&search->lock);
}

/* ---- joining segments ----
 * A table of FTS5 is made of segments; a search asks each of them. Joining all into one rewrites the whole index, so that is done only when what lies
 * beside the largest segment has grown to a share of it (then each document is rewritten a handful of times in its life); else like is joined with like.
 */

typedef struct {
  SqlRows *(*structure)(Sql *sql, GError **error);
  gboolean (*merge)(Sql *sql, gint64 pages, GError **error);
} IndexTable;

#define INDEX_TABLE(name) \
  static SqlRows *name##_structure(Sql *sql, GError **error) { return sql_query(sql, "SELECT block FROM " #name "_data WHERE id = 10", SQL_NONE, error); } \
  static gboolean name##_merge(Sql *sql, gint64 pages, GError **error) { \
    return sql_exec(sql, "INSERT INTO " #name " (" #name ", rank) VALUES ('merge', $1)", SQL_ARGS(sql_int(pages)), error); \
  }
INDEX_TABLE(search_title)
INDEX_TABLE(search_text)
INDEX_TABLE(search_closed)
INDEX_TABLE(search_page)
static const IndexTable TABLES[] = {{search_title_structure, search_title_merge}, {search_text_structure, search_text_merge},
  {search_closed_structure, search_closed_merge}, {search_page_structure, search_page_merge}};

static guint64 take_varint(const guint8 **at, const guint8 *end) {
  guint64 value = 0;
  for (guint i = 0; i < 9 && *at < end; i++) {
    guint8 byte = *(*at)++;
    if (i == 8) return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if (byte < 0x80) break;
  }
  return value;
}

/*
 * FTS5's structure record (fts5_index.c): 4 bytes, varints levels, segments, writes; each level: varints merging, segments; each segment: varints number,
 * first page, last page. One that is not understood makes everything one piece, which is never wrong, only slower.
 */
static gboolean is_scattered(const guint8 *block, gsize length) {
  const guint8 *at = block + MIN(length, 4), *end = block + length;
  guint64 levels = take_varint(&at, end), segments = take_varint(&at, end), seen = 0, all = 0, largest = 0;
  take_varint(&at, end);
  for (guint64 level = 0; level < levels && at < end; level++) {
    take_varint(&at, end);
    for (guint64 left = take_varint(&at, end); left > 0 && at < end; left--, seen++) {
      take_varint(&at, end);
      guint64 first = take_varint(&at, end), pages = take_varint(&at, end) - first + 1;
      all += pages;
      largest = MAX(largest, pages);
    }
  }
  return at != end || seen != segments || (all - largest) * SCATTERED_SHARE > largest;
}

static gboolean table_scattered(Sql *sql, const IndexTable *table, gboolean *ret, GError **error) {
  g_autoptr(GError) failure = NULL;
  g_autoptr(SqlRows) rows = table->structure(sql, error);
  if (rows == NULL) return FALSE;
  if (sql_next(rows, &failure)) {
    gsize length;
    const guint8 *block = sql_blob_at(rows, sql_column(rows, "block"), &length);
    *ret = is_scattered(block, length);
  }
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return error == NULL || *error == NULL;
}

/* One step; ret_done when there was nothing left to join. first: whether to join all is decided now. */
static gboolean optimize_step(Search *search, const IndexTable *table, gboolean first, gboolean *ret_done, GError **error) {
  g_autoptr(Sql) sql = sql_write(search->db, error);
  gboolean all = FALSE;
  if (sql == NULL || (first && !table_scattered(sql, table, &all, error))) return FALSE;
  gint64 before = sql_number(sql, "SELECT total_changes() AS n", SQL_NONE, 0, error);
  if (!table->merge(sql, all ? -OPTIMIZE_PAGES : OPTIMIZE_PAGES, error)) return FALSE;
  gint64 after = sql_number(sql, "SELECT total_changes() AS n", SQL_NONE, 0, error);
  *ret_done = after - before < 2;
  return sql_commit(sql, error);
}

gboolean search_join(Sql *sql, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(TABLES); i++)
    if (!TABLES[i].merge(sql, JOIN_PAGES, error)) return FALSE;
  return TRUE;
}

gboolean search_tend(Search *search, GError **error) {
  enum { LOADING_CHUNKS = 8 };
  if (search_is_damaged(search)) return TRUE;
  if (!search_remake_tidy(search, error)) return FALSE;
  g_mutex_lock(&search->lock);
  guint64 version = search->current->version;
  guint chunks = search->current->chunk_count, before = search->tended_chunks;
  gboolean idle = version == search->tended;
  search->tended_chunks = chunks;
  g_mutex_unlock(&search->lock);
  if (idle || chunks > before + LOADING_CHUNKS) return TRUE;
  gboolean more, more_pages;
  if (!search_grams_extend(search, &more, error) || !search_page_grams_extend(search, &more_pages, error)) return FALSE;
  g_mutex_lock(&search->lock);
  if (!more && !more_pages) search->tended = version;
  g_mutex_unlock(&search->lock);
  return TRUE;
}

gboolean search_optimize(Search *search, GError **error) {
  if (search_is_damaged(search)) return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(TABLES); i++) {
    gboolean done = FALSE;
    for (guint step = 0; !done && step < OPTIMIZE_STEPS; step++)
      if (!optimize_step(search, &TABLES[i], step == 0, &done, error)) return FALSE;
  }
  for (gboolean more = TRUE; more;)
    if (!search_grams_extend(search, &more, error)) return FALSE;
  for (gboolean more = TRUE; more;)
    if (!search_page_grams_extend(search, &more, error)) return FALSE;
  malloc_trim(0); /* what the load kept (put.c) */
  g_autoptr(Sql) sql = sql_write(search->db, error);
  return sql != NULL && search_automerge_restore(sql, error) && sql_commit(sql, error);
}
