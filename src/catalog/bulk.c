/*
 * Loads and rebuilds: the sequences, putting many records, undoing, and the index made anew.
 *
 * 1. A sequence is read once per transaction. Outside a bulk load each value given is written at once; within one, catalog_bulk_end writes the last:
 *    a bulk transaction that commits without it would give values twice.
 * 2. catalog_rev_seek and catalog_ids_used never go back.
 */
#include "internal.h"

/* ---- sequences ---- */

CatalogTransaction *transaction_state(Sql *sql, GError **error) {
  static const char key[] = "catalog.transaction";
  CatalogTransaction *state = sql_get_data(sql, key);
  if (state != NULL) return state;
  g_autoptr(GError) local = NULL;
  gint64 rev = sql_number(sql, "SELECT value FROM sequence WHERE name = 'rev'", SQL_NONE, 0, &local);
  gint64 file_id = local != NULL ? 0 : sql_number(sql, "SELECT value FROM sequence WHERE name = 'file'", SQL_NONE, 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  state = g_new0(CatalogTransaction, 1);
  state->rev = rev;
  state->file_id = file_id;
  sql_set_data(sql, key, state, g_free);
  return state;
}

static gboolean write_sequences(Sql *sql, const CatalogTransaction *state, GError **error) {
  return sql_exec(sql, "UPDATE sequence SET value = $1 WHERE name = 'rev' AND value < $1", SQL_ARGS(sql_int(state->rev)), error) &&
         sql_exec(sql, "UPDATE sequence SET value = $1 WHERE name = 'file' AND value < $1", SQL_ARGS(sql_int(state->file_id)), error);
}

static gboolean given(Sql *sql, CatalogTransaction *state, GError **error) {
  state->dirty = state->bulk;
  return state->bulk || write_sequences(sql, state, error);
}

gint64 next_rev(Sql *sql, GError **error) {
  CatalogTransaction *state = transaction_state(sql, error);
  if (state == NULL) return 0;
  state->rev++;
  return given(sql, state, error) ? state->rev : 0;
}

gint64 next_file_id(Sql *sql, GError **error) {
  CatalogTransaction *state = transaction_state(sql, error);
  if (state == NULL) return 0;
  state->file_id++;
  return given(sql, state, error) ? state->file_id : 0;
}

gint64 catalog_rev_last(Sql *sql, GError **error) {
  CatalogTransaction *state = transaction_state(sql, error);
  return state == NULL ? -1 : state->rev;
}

gboolean catalog_rev_seek(Sql *sql, gint64 last, GError **error) {
  CatalogTransaction *state = transaction_state(sql, error);
  if (state == NULL) return FALSE;
  if (last <= state->rev) return TRUE;
  state->rev = last;
  return given(sql, state, error);
}

gint64 catalog_reserve_ids(Sql *sql, gint64 count, GError **error) {
  if (count < 1 || count > G_MAXUINT32) return throw(error, LANTAI_ERROR_INVALID, "一次预留的记录数不合理：%" G_GINT64_FORMAT, count);
  g_autoptr(GError) local = NULL;
  gint64 last = sql_number(sql, "UPDATE sequence SET value = value + $1 WHERE name = 'record' RETURNING value", SQL_ARGS(sql_int(count)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  if (last > G_MAXUINT32) return throw(error, LANTAI_ERROR_TOO_LARGE, "记录编号已用完，不能再增加 %" G_GINT64_FORMAT " 件", count);
  return last - count + 1;
}

gboolean catalog_ids_used(Sql *sql, gint64 up_to, GError **error) {
  return sql_exec(sql, "UPDATE sequence SET value = $1 WHERE name = 'record' AND value < $1", SQL_ARGS(sql_int(up_to)), error);
}

/* ---- loads ---- */

void catalog_bulk_begin(const House *house, Sql *sql) {
  CatalogTransaction *state = transaction_state(sql, NULL);
  if (state != NULL) state->bulk = TRUE;
  search_bulk_begin(house->search, sql);
}

gboolean catalog_bulk_end(const House *house, Sql *sql, GError **error) {
  CatalogTransaction *state = transaction_state(sql, error);
  if (state == NULL || !search_bulk_flush(house->search, sql, error)) return FALSE;
  state->bulk = FALSE;
  if (!state->dirty) return TRUE;
  state->dirty = FALSE;
  return write_sequences(sql, state, error);
}

/* An existing record takes the new description; its place, its files and the delivery that brought it stay. */
static CatalogPut put_over(const House *house, Sql *sql, CatalogRecord *record, CatalogRecord **ret_before, GError **error) {
  g_autoptr(CatalogRecord) before = catalog_record_by_code(sql, &SCOPE_EVERYTHING, record->fonds_id, record->code, error);
  if (before == NULL) return CATALOG_PUT_ERROR;
  if (before->level < LEVEL_VOLUME) {
    throw(error, LANTAI_ERROR_CONFLICT, "档号 %s 已是%s“%s”的代码，不能用作一件档案的档号", record->code, level_label(before->level), before->title);
    return CATALOG_PUT_ERROR;
  }
  record->id = before->id;
  record->parent_id = before->parent_id;
  record->level = before->level;
  record->accession_id = before->accession_id;
  record->file_count = before->file_count;
  gboolean equal = record_equal(before, record);
  if (equal) record->rev = before->rev;
  else {
    record->rev = 0;
    if (!record_overwrite(house, sql, before, record, error)) return CATALOG_PUT_ERROR;
  }
  if (ret_before != NULL) *ret_before = g_steal_pointer(&before);
  return equal ? CATALOG_PUT_UNCHANGED : CATALOG_PUT_UPDATED;
}

CatalogPut catalog_record_put(const House *house, Sql *sql, CatalogRecord *record, CatalogRecord **ret_before, GError **error) {
  if (record->code[0] == '\0' || record->fonds_id == 0 || record->parent_id == 0 || record->level < LEVEL_VOLUME || record->level > LEVEL_ITEM) {
    throw(error, LANTAI_ERROR_INVALID, "档案缺少档号、全宗或上级，不能入库");
    return CATALOG_PUT_ERROR;
  }
  gboolean existing;
  record->rev = 0;
  if (!record_insert(house, sql, record, &existing, error)) return CATALOG_PUT_ERROR;
  return existing ? put_over(house, sql, record, ret_before, error) : CATALOG_PUT_CREATED;
}

gboolean catalog_record_restore(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, record->id, error);
  if (before == NULL) return FALSE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  after->rev = 0;
  after->file_count = before->file_count;
  return record_overwrite(house, sql, before, after, error);
}

gboolean catalog_record_purge(const House *house, Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) record = record_by_id(sql, id, &local);
  if (record == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return TRUE;
  if (record == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  gint64 child = sql_number(sql, "SELECT id FROM record WHERE parent_id = $1 LIMIT 1", SQL_ARGS(sql_int(id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (child != 0) return throw(error, LANTAI_ERROR_CONFLICT, "%s %s 之下还有档案，不能撤销", level_label(record->level), record->code);
  return page_text_clear(house, sql, id, error) && sql_exec(sql, "DELETE FROM file WHERE record_id = $1", SQL_ARGS(sql_int(id)), error) &&
         record_erase(house, sql, record, error);
}

/* ---- the index made anew ---- */

typedef struct {
  gboolean (*report)(gint64 done, gint64 total, gpointer data);
  gpointer data;
  gint64 done, total;
  gboolean stopped;
} Progress;

static void step(Progress *progress) {
  progress->done++;
  if (progress->report != NULL && (progress->done % 1000 == 0 || progress->done == progress->total))
    progress->stopped = !progress->report(progress->done, progress->total, progress->data);
}

/* A slice: as many as can be put in this time, with what the commit costs, so that a save need not wait long. */
enum { SLICE_US = 20000, SLICE_ROWS = 10000, REINDEX_TRIES = 3 };

static gboolean slice_records(const House *house, gint64 *after, gboolean *ret_more, Progress *progress, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, RECORD_SELECT "WHERE r.id > $1 ORDER BY r.id LIMIT $2", SQL_ARGS(sql_int(*after), sql_int(SLICE_ROWS)), error) : NULL;
  if (rows == NULL) return FALSE;
  RecordRow row = record_row(rows);
  g_autoptr(GError) local = NULL;
  gint64 until = g_get_monotonic_time() + SLICE_US;
  for (*ret_more = FALSE; !(*ret_more && g_get_monotonic_time() > until) && sql_next(rows, &local);) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (!record_remake(house, sql, record, error)) return FALSE;
    *after = record->id;
    *ret_more = TRUE;
    step(progress);
  }
  g_clear_pointer(&rows, sql_rows_free);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return (*ret_more || search_remake_put(house->search, sql, NULL, error)) && search_bulk_flush(house->search, sql, error) && sql_commit(sql, error);
}

typedef struct { gint64 record, page; } PageKey;

static gboolean slice_pages(const House *house, PageKey *after, gboolean *ret_more, Progress *progress, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT record_id, page, text FROM page_text WHERE (record_id, page) > ($1, $2) ORDER BY record_id, page LIMIT $3",
    SQL_ARGS(sql_int(after->record), sql_int(after->page), sql_int(SLICE_ROWS)), error) : NULL;
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gint64 until = g_get_monotonic_time() + SLICE_US;
  for (*ret_more = FALSE; !(*ret_more && g_get_monotonic_time() > until) && sql_next(rows, &local);) {
    *after = (PageKey){sql_int_at(rows, 0), sql_int_at(rows, 1)};
    if (!search_remake_page(house->search, sql, after->record, (guint)after->page, sql_text_at(rows, 2), error)) return FALSE;
    *ret_more = TRUE;
    step(progress);
  }
  g_clear_pointer(&rows, sql_rows_free);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return (*ret_more || search_remake_page(house->search, sql, 0, 0, NULL, error)) && sql_commit(sql, error);
}

static gboolean reindex(const House *house, Progress *progress, GError **error) {
  gint64 record = 0;
  PageKey page = {0};
  gboolean more = TRUE;
  gboolean good = search_remake_begin(house->search, error);
  while (good && more && !progress->stopped) good = slice_records(house, &record, &more, progress, error);
  for (more = TRUE; good && more && !progress->stopped;) good = slice_pages(house, &page, &more, progress, error);
  if (good && progress->stopped) good = throw(error, LANTAI_ERROR_CONFLICT, "重建索引已停止，以后重新开始");
  if (good && search_remake_finish(house->search, error)) return TRUE;
  search_remake_stop(house->search, NULL);
  return FALSE;
}

gboolean catalog_reindex(const House *house, gboolean (*report)(gint64 done, gint64 total, gpointer data), gpointer data, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gint64 total = sql_number(sql, "SELECT (SELECT COUNT(*) FROM record) + (SELECT COALESCE(SUM(text_pages), 0) FROM file) AS total", SQL_NONE, 0, &local);
  g_clear_pointer(&sql, sql_end);
  for (guint try = 0; local == NULL && try < REINDEX_TRIES; try++) {
    Progress progress = {report, data, 0, total};
    if (reindex(house, &progress, &local)) return TRUE;
    if (progress.stopped) break;
    if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) && try + 1 < REINDEX_TRIES) g_clear_error(&local); /* damage was noticed meanwhile */
  }
  return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
}
