/*
 * Damage of the index: noticed, remembered, looked for; and the index made anew in slices (put.c), between which others save.
 *
 * 1. A damaged index is never the reason that a record cannot be saved or found: search_put leaves it alone, search_run reads the records (scan.c).
 * 2. The table search_damaged says so across restarts, from the first change that was left out on; the transaction that ends its remaking drops it.
 * 3. What cannot even be dropped (bytes of the file itself are wrong) is taken out of the schema; the file is written anew afterwards.
 * 4. A sound index goes on answering while it is made anew: slices fill the second set of FTS5 tables, which at the end change names with the first and are
 *    emptied, a piece at a time too. The tables of a damaged one are dropped and made empty beforehand. What an interrupted remaking left is emptied by the next.
 * 5. What no question meets, as memory or SQLite has it since the opening, is looked for with what is compared: a look costs some milliseconds however large
 *    the index is. It begins with each table of FTS5 and takes some of the kept strings; the columns go along with the records.
 */
#include "gram.h"
#include "block.h"
#include "error.h"
#include "settings.h"
#include "text.h"

enum { SAMPLES = 8, PAGES_COMPARED = 2, EMPTIED_AT_ONCE = 4000 /* rows of some 4 KB */, GRAMS_LOOKED = 1000 };

/* ---- noticing ---- */

gboolean search_damage(Search *search, GError **error) {
  search_note_damage(search, "what was read of it cannot be");
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "检索索引损坏，正在重建，请稍候再试");
}

void search_note_damage(Search *search, const char *what) {
  g_mutex_lock(&search->lock);
  gboolean news = !search->damaged;
  search->needs_rebuild = search->damaged = TRUE;
  search->remade.left = search->remade.left || search->remade.going;
  search->remade.going = FALSE;
  g_mutex_unlock(&search->lock);
  if (news) g_warning("search: the index is damaged and is made anew: %s", what);
}

/* Not what a question or a full disk brings about: tables that are gone or cannot be understood. What FTS5 says of a question that it cannot read never is. */
gboolean search_is_damage(const GError *error) {
  static const char *const questions[] = {"fts5: syntax error", "fts5: parser stack overflow", "fts5 expression tree", "unterminated string"};
  for (guint i = 0; i < G_N_ELEMENTS(questions); i++)
    if (strstr(error->message, questions[i]) != NULL) return FALSE;
  if (g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_INTERNAL))
    return g_str_has_prefix(error->message, "数据库操作失败") || g_str_has_prefix(error->message, "检索索引");
  return g_error_matches(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) && strstr(error->message, "损坏") != NULL;
}

/* FALSE: in that snapshot the index was damaged, and has been made anew since. */
static gboolean is_of_now(Search *search, Sql *sql) {
  guint64 version = (guint64)sql_number(sql, "SELECT version FROM search_state WHERE id = 1", SQL_NONE, 0, NULL);
  return search_view_sound(search, &(SearchView){.version = version});
}

gboolean search_takes_damage(Search *search, Sql *sql, GError **failure) {
  if (*failure == NULL || !search_is_damage(*failure)) return FALSE;
  if (is_of_now(search, sql)) search_note_damage(search, (*failure)->message);
  g_clear_error(failure);
  return TRUE;
}

gboolean search_damage_remember(Sql *sql, GError **error) {
  return sql_exec(sql, "CREATE TABLE IF NOT EXISTS search_damaged (id INTEGER PRIMARY KEY)", SQL_NONE, error);
}

gboolean search_damage_forget(Sql *sql, GError **error) { return sql_exec(sql, "DROP TABLE IF EXISTS search_damaged", SQL_NONE, error); }

gboolean search_damage_remembered(Sql *sql) {
  return sql_number(sql, "SELECT 1 AS found FROM sqlite_schema WHERE name = 'search_damaged'", SQL_NONE, 0, NULL) == 1;
}

static void outdated(gpointer data) {
  Search *search = data;
  g_mutex_lock(&search->lock);
  search->needs_rebuild = search->damaged = TRUE;
  search->remade.left = search->remade.left || search->remade.going;
  search->remade.going = FALSE;
  g_mutex_unlock(&search->lock);
}

gboolean search_outdate(Search *search, Sql *sql, GError **error) {
  if (!search_damage_remember(sql, error)) return FALSE;
  sql_on_commit(sql, outdated, search, NULL);
  return TRUE;
}

/* ---- tables made anew ---- */

/* A table of FTS5 can only be dropped when it can be opened, for which it wants tables of its own: empty ones take the place of what is there. */
#define DROP_SHADOWS(name) \
  (sql_drop(sql, #name "_data", error) && sql_drop(sql, #name "_idx", error) && sql_drop(sql, #name "_config", error))
#define DROP_INDEX(name) \
  static gboolean name##_drop(Sql *sql, GError **error) { \
    return DROP_SHADOWS(name) && sql_exec(sql, "CREATE TABLE IF NOT EXISTS " #name "_data (id INTEGER PRIMARY KEY, block BLOB)", SQL_NONE, error) && \
      sql_exec(sql, "INSERT INTO " #name "_data (id, block) VALUES (10, x'00000000000000')", SQL_NONE, error) && /* no segments */ \
      sql_exec(sql, "CREATE TABLE IF NOT EXISTS " #name "_idx (segid, term, pgno, PRIMARY KEY (segid, term)) WITHOUT ROWID", SQL_NONE, error) && \
      sql_exec(sql, "CREATE TABLE IF NOT EXISTS " #name "_config (k PRIMARY KEY, v) WITHOUT ROWID", SQL_NONE, error) && \
      sql_exec(sql, "INSERT INTO " #name "_config (k, v) VALUES ('version', 4)", SQL_NONE, error) && \
      sql_exec(sql, "DROP TABLE IF EXISTS " #name, SQL_NONE, error) && DROP_SHADOWS(name); \
  }
DROP_INDEX(search_title)
DROP_INDEX(search_text)
DROP_INDEX(search_closed)
DROP_INDEX(search_page)
DROP_INDEX(search_made_title)
DROP_INDEX(search_made_text)
DROP_INDEX(search_made_closed)
DROP_INDEX(search_made_page)

static gboolean drop_indexes(Sql *sql, GError **error) {
  sql_guard(sql, FALSE);
  gboolean good = sql_drop(sql, "search_column", error) && sql_drop(sql, "search_gram", error) && sql_drop(sql, "search_gram_key", error) &&
    sql_drop(sql, "search_gram_state", error) && sql_drop(sql, "search_gram_page", error) && sql_drop(sql, "search_gram_page_key", error) &&
    sql_drop(sql, "search_gram_page_stale", error) && sql_drop(sql, "search_gram_page_state", error) && sql_drop(sql, "search_state", error) &&
    search_title_drop(sql, error) && search_text_drop(sql, error) && search_closed_drop(sql, error) && search_page_drop(sql, error) &&
    search_made_title_drop(sql, error) && search_made_text_drop(sql, error) &&
    search_made_closed_drop(sql, error) && search_made_page_drop(sql, error);
  sql_guard(sql, TRUE);
  return good;
}

static gboolean drop_all(Search *search, Sql *sql, GError **error) {
  g_autoptr(Sql) reading = sql_read(search->db, NULL); /* what cannot be read would end the writing */
  gint64 version = reading ? sql_number(reading, "SELECT version FROM search_state WHERE id = 1", SQL_NONE, 0, NULL) : 0;
  g_mutex_lock(&search->lock);
  search->version_floor = MAX((guint64)MAX(version, 0), search->current->version) + 1;
  g_mutex_unlock(&search->lock);
  return search_damage_remember(sql, error) && drop_indexes(sql, error) &&
    sql_exec(sql, "DELETE FROM schema_version WHERE room = 'search'", SQL_NONE, error) && sql_commit(sql, error);
}

static gboolean repair(Search *search, GError **error) {
  if (!search_is_damaged(search)) return TRUE;
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL || !drop_all(search, sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  if (!sql_migrate_room(search->db, "search", error)) return FALSE;
  sql = sql_write(search->db, error);
  g_mutex_lock(&search->lock);
  gint64 floor = (gint64)search->version_floor; /* no state that some reader still has in memory gets a former number */
  g_mutex_unlock(&search->lock);
  return sql != NULL && sql_exec(sql, "UPDATE search_state SET version = $1, ready = 0 WHERE id = 1 AND version < $1", SQL_ARGS(sql_int(floor)), error) &&
    sql_commit(sql, error);
}

/* ---- the second set of tables ---- */

/* What is in the second set is of no use. Asked in the writer's turn: nobody fills it before the next. */
static gboolean has_left(Search *search) {
  g_mutex_lock(&search->lock);
  gboolean left = search->remade.left;
  g_mutex_unlock(&search->lock);
  return left;
}

/* In the writer's turn. */
static void set_remade(Search *search, gboolean going, gboolean left) {
  g_mutex_lock(&search->lock);
  search->remade.going = going;
  search->remade.left = left;
  search->remade.record = search->remade.page = 0;
  g_mutex_unlock(&search->lock);
}

#define MADE_TABLE(name) \
  static gboolean name##_left(Sql *sql, GError **error) { \
    return sql_number(sql, "SELECT EXISTS (SELECT 1 FROM search_made_" #name "_data WHERE id > 10) AS found", SQL_NONE, 0, error) == 1; \
  } \
  static gboolean name##_empty(Search *search, GError **error) { \
    for (gboolean more = TRUE; more;) { \
      g_autoptr(Sql) sql = sql_write(search->db, error); \
      if (sql == NULL) return FALSE; \
      if (!has_left(search)) return TRUE; \
      sql_guard(sql, FALSE); \
      gboolean good = sql_exec(sql, "DELETE FROM search_made_" #name "_data WHERE id IN (SELECT id FROM search_made_" #name "_data WHERE id > 10 LIMIT $1)", \
        SQL_ARGS(sql_int(EMPTIED_AT_ONCE)), error); \
      more = sql_changes(sql) == EMPTIED_AT_ONCE; \
      good = good && (more || sql_exec(sql, "INSERT INTO search_made_" #name " (search_made_" #name ") VALUES ('delete-all')", SQL_NONE, error)); \
      sql_guard(sql, TRUE); \
      if (!good || !sql_commit(sql, error)) return FALSE; \
    } \
    return TRUE; \
  } \
  static gboolean name##_change(Sql *sql, GError **error) { \
    return sql_exec(sql, "ALTER TABLE search_" #name " RENAME TO search_former_" #name, SQL_NONE, error) && \
      sql_exec(sql, "ALTER TABLE search_made_" #name " RENAME TO search_" #name, SQL_NONE, error) && \
      sql_exec(sql, "ALTER TABLE search_former_" #name " RENAME TO search_made_" #name, SQL_NONE, error); \
  }
MADE_TABLE(title)
MADE_TABLE(text)
MADE_TABLE(closed)
MADE_TABLE(page)

static gboolean empty_made(Search *search, GError **error) {
  return title_empty(search, error) && text_empty(search, error) && closed_empty(search, error) && page_empty(search, error);
}

gboolean search_remake_stop(Search *search, GError **error) {
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL) return FALSE;
  set_remade(search, FALSE, TRUE);
  return TRUE;
}

gboolean search_remake_tidy(Search *search, GError **error) {
  if (!has_left(search)) return TRUE;
  g_autoptr(Sql) reading = sql_read(search->db, error);
  if (reading == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  gboolean some = title_left(reading, &failure) || text_left(reading, &failure) || closed_left(reading, &failure) || page_left(reading, &failure);
  g_clear_pointer(&reading, sql_end);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  if (some && !empty_made(search, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql != NULL && has_left(search)) set_remade(search, FALSE, FALSE);
  return sql != NULL;
}

/* Many small slices are joined by sixteen, which rewrites less than by four, as saves are; search_optimize sets that again. */
static gboolean join_by_sixteen(Sql *sql, GError **error) {
  return sql_exec(sql, "INSERT INTO search_made_title (search_made_title, rank) VALUES ('automerge', 16)", SQL_NONE, error) &&
    sql_exec(sql, "INSERT INTO search_made_text (search_made_text, rank) VALUES ('automerge', 16)", SQL_NONE, error) &&
    sql_exec(sql, "INSERT INTO search_made_closed (search_made_closed, rank) VALUES ('automerge', 16)", SQL_NONE, error) &&
    sql_exec(sql, "INSERT INTO search_made_page (search_made_page, rank) VALUES ('automerge', 16)", SQL_NONE, error);
}

gboolean search_remake_begin(Search *search, GError **error) {
  if (!search_remake_stop(search, error) || !repair(search, error) || !empty_made(search, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL || !join_by_sixteen(sql, error) || !sql_commit(sql, error)) return FALSE;
  set_remade(search, TRUE, FALSE);
  return TRUE;
}

gboolean search_remake_finish(Search *search, GError **error) {
  if (!fault_point("search.remake")) return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘已满，没有写入任何内容。请腾出空间后重试");
  g_autoptr(Sql) sql = sql_write(search->db, error);
  if (sql == NULL || !search_remake_end(search, sql, error)) return FALSE;
  if (!title_change(sql, error) || !text_change(sql, error) || !closed_change(sql, error) || !page_change(sql, error) || !sql_commit(sql, error)) return FALSE;
  set_remade(search, FALSE, TRUE); /* the former index */
  g_clear_pointer(&sql, sql_end);
  g_autoptr(GError) kept = NULL;
  if (!sql_reclaim(search->db, &kept)) g_warning("search: the unreadable pages of the former index stay in the file: %s", kept->message);
  return search_remake_tidy(search, error) && search_grams_renew(search, error) && search_page_grams_renew(search, error) &&
    search_optimize(search, error);
}

/* ---- looking for what no question meets ---- */

/* FTS5 reads these when a table is opened, the second set's only when the index is made anew. */
#define FTS_WHOLE(name) \
  (sql_number(sql, "SELECT c.v AS version FROM search_" #name "_config c JOIN search_" #name "_data d ON d.id = 10 LEFT JOIN search_" #name "_idx i ON i.segid = -1 " \
    "WHERE c.k = 'version'", SQL_NONE, 0, error) == 4)

static gboolean fts_whole(Sql *sql, GError **error) {
  return FTS_WHOLE(title) && FTS_WHOLE(text) && FTS_WHOLE(closed) && FTS_WHOLE(page) && FTS_WHOLE(made_title) && FTS_WHOLE(made_text) &&
    FTS_WHOLE(made_closed) && FTS_WHOLE(made_page) && sql_number(sql, "SELECT COUNT(*) AS tables FROM sqlite_schema WHERE name IN "
      "('search_title_term', 'search_text_term', 'search_closed_term', 'search_gram', 'search_gram_page', 'search_gram_page_stale')", SQL_NONE, 0, error) == 6;
}

static gboolean chunks_counted(Sql *sql, const Columns *columns, GError **error) {
  gint64 chunks = 0;
  for (guint i = 0; i < columns->chunk_count; i++) chunks += columns->chunks[i] != NULL;
  return sql_number(sql, "SELECT chunks FROM search_state WHERE id = 1", SQL_NONE, -1, error) == chunks;
}

/* Some of the kept strings, anywhere among them, have the numbers that memory knows them by. */
static gboolean grams_numbered(Search *search, Sql *sql, GramSet set, gint64 number, GError **error) {
  g_autoptr(GramSelection) selection = number ? search_gram_selection(search, sql, set, number, error) : NULL;
  if (selection == NULL) return number == 0;
  gint64 size = search_gram_selection_size(selection), first = size > GRAMS_LOOKED ? g_random_int_range(0, (gint32)(size - GRAMS_LOOKED + 1)) : 0, next = first;
  const SqlValue *args = SQL_ARGS(sql_int(first), sql_int(GRAMS_LOOKED));
  g_autoptr(SqlRows) rows = set == GRAMS_PAGE ? sql_query(sql, "SELECT number, key FROM search_gram_page_key WHERE number >= $1 ORDER BY number LIMIT $2", args, error) :
    sql_query(sql, "SELECT number, key FROM search_gram_key WHERE number >= $1 ORDER BY number LIMIT $2", args, error);
  g_autoptr(GError) failure = NULL;
  gboolean good = rows != NULL;
  for (; good && sql_next(rows, &failure); next++) good = sql_int_at(rows, 0) == next && search_gram_number(selection, (guint64)sql_int_at(rows, 1)) == next;
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return good && next == MIN(size, first + GRAMS_LOOKED);
}

static gboolean is_whole(Search *search, Sql *sql, const SearchView *view, GError **error) {
  return fts_whole(sql, error) && chunks_counted(sql, view->columns, error) && grams_numbered(search, sql, GRAMS_RECORD, view->grams.selection, error) &&
    grams_numbered(search, sql, GRAMS_PAGE, view->pages.selection, error);
}

/* The rows of the chunks that have these records are what memory has of them. bare: takes those up to `to` that have no sum. */
static gboolean chunks_stored(Sql *sql, const Columns *columns, gint64 from, gint64 to, GArray *bare, GError **error) {
  guint first = (guint)MIN(from / CHUNK_LINES, columns->chunk_count), end = (guint)MIN(to / CHUNK_LINES + 1, columns->chunk_count), next = first;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT chunk, lines, codes, COALESCE(sum, -1) AS sum FROM search_column WHERE chunk >= $1 AND chunk < $2 ORDER BY chunk",
    SQL_ARGS(sql_int(first), sql_int(end)), error);
  g_autoptr(GError) failure = NULL;
  gboolean good = rows != NULL;
  while (good && sql_next(rows, &failure)) {
    gint64 number = sql_int_at(rows, 0);
    gsize lines_bytes, codes_bytes;
    gconstpointer lines = sql_blob_at(rows, 1, &lines_bytes), codes = sql_blob_at(rows, 2, &codes_bytes);
    while (next < number && columns->chunks[next] == NULL) next++;
    const Chunk *chunk = next == number ? columns->chunks[next++] : NULL;
    good = chunk && lines_bytes == sizeof chunk->lines && codes_bytes == chunk->codes_bytes && memcmp(lines, chunk->lines, lines_bytes) == 0 &&
      memcmp(codes, chunk->codes, codes_bytes) == 0;
    if (sql_int_at(rows, 3) < 0 && number < to / CHUNK_LINES) g_array_append_val(bare, number);
  }
  while (next < end && columns->chunks[next] == NULL) next++;
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return good && next >= end;
}

/* What a schema before had no sums of, or others, has them when it has been compared. */
static void give_sums(Search *search, const Columns *columns, const GArray *bare) {
  g_autoptr(Sql) sql = bare->len ? sql_write(search->db, NULL) : NULL;
  gboolean good = sql != NULL;
  for (guint i = 0; good && i < bare->len; i++) {
    guint number = (guint)g_array_index(bare, gint64, i);
    good = search_chunk_sum_write(columns->chunks[number], sql, number, NULL);
  }
  if (good) sql_commit(sql, NULL);
}

/* ---- comparing ---- */

typedef struct {
  Search *search;
  Sql *sql;
  const SearchView *view;
  const Columns *columns;
  guint left;
  gint64 last; /* id seen last */
  char *fault;
} Comparison;

static gboolean lines_between(const Columns *columns, gint64 after, gint64 before) {
  for (gint64 id = after + 1; id < before && id < (gint64)columns->chunk_count * CHUNK_LINES; id++)
    if (columns_line(columns, (guint32)id)) return TRUE;
  return FALSE;
}

/* A few units of the text, as they can be looked for; NULL: none, or a beginning, for which all words that begin so would be gathered. */
static char *piece_phrase(const char *text) {
  g_autofree char *folded = text_fold(text ? text : "");
  g_autoptr(GArray) units = search_units(folded);
  if (units->len < 2) return NULL;
  const Unit *one = &g_array_index(units, Unit, (guint)g_random_int_range(0, (gint32)units->len - 1)), *next = one + 1;
  g_autofree char *part = g_strndup(one->begin, (gsize)(next->end - one->begin)), *pattern = search_pattern(part, TRUE);
  g_autofree char *phrase = pattern ? search_pattern_phrase(pattern, NULL) : NULL;
  return phrase == NULL || g_str_has_suffix(phrase, "*") ? NULL : g_steal_pointer(&phrase);
}

static void add_piece(const char *key, const char *value, gsize length, gpointer pieces) {
  g_autofree char *text = g_strndup(value, length);
  char *phrase = piece_phrase(text);
  if (phrase) g_ptr_array_add(pieces, phrase);
}

/* A piece of each text of the description is where it must be: looked for in this record alone. */
static gboolean description_found(const Comparison *comparison, const SearchDocument *document) {
  g_autofree char *title = piece_phrase(document->title);
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free), closed = g_ptr_array_new_with_free_func(g_free);
  const char *const parts[] = {document->creator, document->code, document->docno};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (parts[i]) add_piece("", parts[i], strlen(parts[i]), texts);
  search_fields_each(document->fields, add_piece, texts);
  search_fields_each(document->closed, add_piece, closed);
  gboolean found = title == NULL || sql_number(comparison->sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH $1 AND rowid = $2",
    SQL_ARGS(sql_text(title), sql_int(document->id)), 0, NULL) == document->id;
  for (guint i = 0; found && i < texts->len; i++)
    found = sql_number(comparison->sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH $1 AND rowid = $2",
      SQL_ARGS(sql_text(texts->pdata[i]), sql_int(document->id)), 0, NULL) == document->id;
  for (guint i = 0; found && i < closed->len; i++)
    found = sql_number(comparison->sql, "SELECT rowid AS id FROM search_closed WHERE search_closed MATCH $1 AND rowid = $2",
      SQL_ARGS(sql_text(closed->pdata[i]), sql_int(document->id)), 0, NULL) == document->id;
  return found;
}

typedef struct { const Comparison *comparison; guint left; gboolean found; } PageComparison;

static gboolean compare_page(gint64 record_id, guint page, const char *text, gpointer data) {
  PageComparison *pages = data;
  const Comparison *comparison = pages->comparison;
  g_autofree char *phrase = piece_phrase(text);
  gint64 rowid = record_id << 16 | page;
  pages->found = phrase == NULL || sql_number(comparison->sql, "SELECT rowid AS page FROM search_page WHERE search_page MATCH $1 AND rowid = $2",
    SQL_ARGS(sql_text(phrase), sql_int(rowid)), 0, NULL) == rowid;
  pages->found = pages->found && search_page_grams_agree(comparison->search, comparison->sql, comparison->view, record_id, text);
  return pages->found && --pages->left > 0;
}

/* The same of the record's first pages, and what is kept of frequent strings on them. */
static gboolean pages_found(const Comparison *comparison, gint64 id) {
  PageComparison pages = {comparison, PAGES_COMPARED, TRUE};
  PageSource source = search_page_source(comparison->search);
  return source.source == NULL || !source.source(comparison->sql, id, id, compare_page, &pages, source.data, NULL) || pages.found;
}

static gboolean words_found(const Comparison *comparison, const SearchDocument *document) {
  return description_found(comparison, document) && search_grams_agree(comparison->search, comparison->sql, document) && pages_found(comparison, document->id);
}

static gboolean compare_one(const SearchDocument *document, gpointer data) {
  Comparison *comparison = data;
  const SearchColumns *line = document->id < G_MAXUINT32 ? columns_line(comparison->columns, (guint32)document->id) : NULL;
  const char *code = line ? columns_code(comparison->columns, (guint32)document->id) : "";
  if (lines_between(comparison->columns, comparison->last, document->id)) comparison->fault = g_strdup_printf("it has a record before %" G_GINT64_FORMAT, document->id);
  else if (line == NULL) comparison->fault = g_strdup_printf("record %" G_GINT64_FORMAT " is not in it", document->id);
  else if (memcmp(line, &document->columns, sizeof *line) != 0 || strncmp(code, document->code ? document->code : "", CODE_MAX) != 0)
    comparison->fault = g_strdup_printf("its columns of record %" G_GINT64_FORMAT " differ", document->id);
  else if (comparison->left % SAMPLES == 0 && !words_found(comparison, document))
    comparison->fault = g_strdup_printf("words of record %" G_GINT64_FORMAT " are not found", document->id);
  comparison->last = document->id;
  return comparison->fault == NULL && --comparison->left > 0;
}

/* failure: why it could not be read, which need not be damage; NULL: it was. */
static void find_fault(Search *search, const char *what, const GError *failure) {
  if (failure == NULL || search_is_damage(failure)) search_note_damage(search, failure ? failure->message : what);
}

gint64 search_compare(Search *search, gint64 after, guint most) {
  g_autoptr(Sql) sql = sql_read(search->db, NULL);
  g_mutex_lock(&search->lock);
  SearchRecordsSource source = search->records_source;
  gpointer source_data = search->records_source_data;
  g_mutex_unlock(&search->lock);
  if (sql == NULL || source == NULL || search_needs_rebuild(search)) return 0;
  SearchView view = {0};
  g_autoptr(GError) failure = NULL;
  if (!search_view_open(search, sql, &view, &failure)) {
    if (search_is_damage(failure)) search_note_damage(search, failure->message);
    return 0;
  }
  g_autoptr(Columns) columns = view.columns;
  Comparison comparison = {search, sql, &view, columns, most, after, NULL};
  if (!is_whole(search, sql, &view, &failure)) return find_fault(search, "of its tables one lacks something or is not what memory has", failure), 0;
  gboolean read = source(sql, after, compare_one, &comparison, source_data, &failure);
  gboolean ended = read && comparison.fault == NULL && comparison.left > 0;
  if (ended && lines_between(columns, comparison.last, G_MAXUINT32)) comparison.fault = g_strdup("it has records behind the last one");
  g_autoptr(GArray) bare = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (comparison.fault) search_note_damage(search, comparison.fault);
  else if (read && !chunks_stored(sql, columns, after, ended ? G_MAXUINT32 : comparison.last, bare, &failure))
    find_fault(search, "its columns are not stored as memory has them", failure);
  else if (read) give_sums(search, columns, bare);
  g_free(comparison.fault);
  return ended || !read ? 0 : comparison.last;
}
