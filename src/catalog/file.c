/*
 * The files kept for a record, as rows, and the text of their pages.
 *
 * 1. record.file_count is the number of its file rows; both change in one transaction, and the index's has_files with them.
 * 2. Pages are numbered through a record's files in their order: a file takes as many as it has pages, at least one (file_span). When one is removed,
 *    the pages behind it move up.
 * 3. Every text in page_text is in the index under its number, and the other way round.
 * 4. A record's files are seen by who passes scope_admits_files; who may see the record only is told so (DENIED).
 */
#include "internal.h"

void catalog_file_free(CatalogFile *file) {
  if (file == NULL) return;
  char *texts[] = {file->name, file->path, file->mime, file->puid, file->kind, file->sha512, file->sm3};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(file);
}

char *catalog_object_id(gint64 record_id) { return g_strdup_printf("urn:lantai:record:%" G_GINT64_FORMAT, record_id); }

/* ---- rows ---- */

#define FILE_SELECT "SELECT id, record_id, sequence, name, path, mime, puid, kind, size_bytes, sha512, sm3, page_count, text_pages, accession_id FROM file "

static CatalogFile *file_at(SqlRows *rows) {
  CatalogFile *file = g_new0(CatalogFile, 1);
  file->id = sql_get_int(rows, "id");
  file->record_id = sql_get_int(rows, "record_id");
  file->accession_id = sql_get_int(rows, "accession_id");
  file->sequence = sql_get_int(rows, "sequence");
  file->name = g_strdup(sql_get_text(rows, "name"));
  file->path = g_strdup(sql_get_text(rows, "path"));
  file->mime = g_strdup(sql_get_text(rows, "mime"));
  file->puid = g_strdup(sql_get_text(rows, "puid"));
  file->kind = g_strdup(sql_get_text(rows, "kind"));
  file->size_bytes = sql_get_int(rows, "size_bytes");
  file->sha512 = g_strdup(sql_get_text(rows, "sha512"));
  file->sm3 = g_strdup(sql_get_text(rows, "sm3"));
  file->page_count = sql_get_int(rows, "page_count");
  file->text_pages = sql_get_int(rows, "text_pages");
  return file;
}

static CatalogFile *file_by_id(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, FILE_SELECT "WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  if (sql_next(rows, &local)) return file_at(rows);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有找到这件档案。它可能已被删除，或不在您的利用范围内");
}

static GPtrArray *files_of(Sql *sql, gint64 record_id, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_file_free);
  g_autoptr(SqlRows) rows = sql_query(sql, FILE_SELECT "WHERE record_id = $1 ORDER BY sequence, id", SQL_ARGS(sql_int(record_id)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) g_ptr_array_add(files, file_at(rows));
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&files);
}

/* ---- the gate ---- */

static gboolean gate(Sql *sql, const Scope *scope, gint64 record_id, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, record_id, error);
  if (record == NULL) return FALSE;
  if (scope_admits_files(scope, record->fonds_id, record->security, record->opening)) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "您可以查看本件目录，但原文不在您的利用范围内。如需利用，请向档案馆提出申请");
}

GPtrArray *catalog_files(Sql *sql, const Scope *scope, gint64 record_id, GError **error) {
  return gate(sql, scope, record_id, error) ? files_of(sql, record_id, error) : NULL;
}

CatalogFile *catalog_file_load(Sql *sql, const Scope *scope, gint64 file_id, GError **error) {
  g_autoptr(CatalogFile) file = file_by_id(sql, file_id, error);
  return file != NULL && gate(sql, scope, file->record_id, error) ? g_steal_pointer(&file) : NULL;
}

json_t *catalog_file_json(const CatalogFile *file) {
  json_t *json = json_pack("{s:I, s:I, s:I, s:i, s:s, s:s, s:s}", "id", (json_int_t)file->id, "record_id", (json_int_t)file->record_id, "accession_id",
    (json_int_t)file->accession_id, "sequence", file->sequence, "name", file->name, "path", file->path, "mime", file->mime);
  json_t *rest = json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:i, s:b}", "puid", file->puid, "kind", file->kind, "size_bytes", (json_int_t)file->size_bytes,
    "sha512",
    file->sha512, "sm3", file->sm3, "page_count", file->page_count, "text_pages", file->text_pages, "has_thumbnail",
    g_str_equal(file->kind, "image") || g_str_equal(file->kind, "pdf"));
  json_object_update_missing_new(json, rest);
  return json;
}

/* ---- adding and removing ---- */

static gboolean count_files(const House *house, Sql *sql, gint64 record_id, int by, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, record_id, error);
  if (before == NULL) return FALSE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  after->file_count = MAX(before->file_count + by, 0);
  after->rev = next_rev(sql, error);
  if (after->rev == 0) return FALSE;
  if (!sql_exec(sql, "UPDATE record SET file_count = $1, rev = $2 WHERE id = $3", SQL_ARGS(sql_int(after->file_count), sql_int(after->rev),
    sql_int(record_id)), error)) return FALSE;
  return (before->file_count > 0) == (after->file_count > 0) || record_index(house, sql, before, after, error);
}

gboolean catalog_file_add(const House *house, Sql *sql, CatalogFile *file, GError **error) {
  if (file->name == NULL || file->path == NULL || file->sha512 == NULL || file->sm3 == NULL || file->page_count < 0)
    return throw(error, LANTAI_ERROR_INVALID, "原文缺少名称、路径或校验值，不能登记");
  g_autoptr(GError) local = NULL;
  if (sql_number(sql, "SELECT record_id FROM tombstone WHERE record_id = $1", SQL_ARGS(sql_int(file->record_id)), 0, &local) != 0)
    return throw(error, LANTAI_ERROR_CONFLICT, "条目 %" G_GINT64_FORMAT " 的原文已经销毁，不能再挂接文件", file->record_id);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  gint64 last = sql_number(sql, "SELECT COALESCE(MAX(sequence), 0) AS last FROM file WHERE record_id = $1", SQL_ARGS(sql_int(file->record_id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  gint64 id = next_file_id(sql, error);
  if (id == 0) return FALSE;
  int sequence = file->sequence > 0 ? file->sequence : last + 1;
  if (!sql_exec(sql,
        "INSERT INTO file (id, record_id, sequence, name, path, mime, puid, kind, size_bytes, sha512, sm3, page_count, text_pages, accession_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13)",
        SQL_ARGS(sql_int(id), sql_int(file->record_id), sql_int(sequence), sql_text(file->name), sql_text(file->path), sql_text(file->mime ? file->mime : ""),
          sql_text(file->puid ? file->puid : ""), sql_text(file->kind ? file->kind : "other"), sql_int(file->size_bytes), sql_text(file->sha512),
          sql_text(file->sm3), sql_int(file->page_count), sql_int(file->accession_id)), error)) return FALSE;
  if (!count_files(house, sql, file->record_id, 1, error)) return FALSE;
  file->id = id;
  file->sequence = sequence;
  file->text_pages = 0;
  return TRUE;
}

int file_span(const CatalogFile *file) { return MAX(1, MAX(file->page_count, file->text_pages)); }

/* The first page number of a file: behind all that the files before it take. 0 on error. */
static gint64 first_page(Sql *sql, const CatalogFile *file, GError **error) {
  g_autoptr(GPtrArray) files = files_of(sql, file->record_id, error);
  gint64 page = 1;
  for (guint i = 0; files != NULL && i < files->len; i++) {
    const CatalogFile *other = files->pdata[i];
    if (other->id == file->id) return page;
    page += file_span(other);
  }
  return 0;
}

gboolean catalog_file_remove(const House *house, Sql *sql, gint64 file_id, GError **error) {
  g_autoptr(CatalogFile) file = file_by_id(sql, file_id, error);
  if (file == NULL) return FALSE;
  gint64 first = first_page(sql, file, error);
  if (first == 0) return FALSE;
  if (!page_text_remove(house, sql, file, error) || !page_text_move(house, sql, file->record_id, first, file_span(file), error)) return FALSE;
  return sql_exec(sql, "DELETE FROM file WHERE id = $1", SQL_ARGS(sql_int(file_id)), error) && count_files(house, sql, file->record_id, -1, error);
}
