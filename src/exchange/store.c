/*
 * Exports made on the pages: a row and a folder each (DIR/exports/<id>/), for their maker alone, until EXPORT_KEPT_DAYS are over.
 *
 * 1. The scope is the maker's when he asked, kept with the row: a job has no session.
 * 2. The job ends in the same state however often it is run: what a broken-off run left is removed first.
 */
#include "internal.h"
#include "error.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define ROW "SELECT id, actor, created_us, finished_us, title, format, selection, scope, file_name, records, files, bytes, left_out, files_left_out FROM export "

char *export_folder(const House *house, gint64 id) { return g_strdup_printf("%s/exports/%" G_GINT64_FORMAT, house->dir, id); }

json_t *export_row(Sql *sql, gint64 id, const char *actor, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *row = sql_row_json(sql, ROW "WHERE id = $1 AND actor = $2", SQL_ARGS(sql_int(id), sql_text(actor)), &local);
  if (row != NULL) return row;
  if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次导出。它可能已过期删除，或是他人的导出");
  g_propagate_error(error, g_steal_pointer(&local));
  return NULL;
}

json_t *export_rows(Sql *sql, const char *actor, gint64 before, GError **error) {
  return sql_json(sql, ROW "WHERE actor = $1 AND id < $2 ORDER BY id DESC LIMIT 51", SQL_ARGS(sql_text(actor), sql_int(before > 0 ? before : G_MAXINT64)), error);
}

/* ---- asking ---- */

static gint64 insert_row(Sql *sql, const char *actor, const char *title, const char *format, json_t *selection, const Scope *scope, GError **error) {
  json_auto_t *seen = scope_json(scope);
  g_autofree char *asked = json_dumps(selection, JSON_COMPACT | JSON_SORT_KEYS), *scope_text = json_dumps(seen, JSON_COMPACT);
  return sql_exec(sql, "INSERT INTO export (actor, created_us, title, format, selection, scope) VALUES ($1, $2, $3, $4, $5, $6)", SQL_ARGS(sql_text(actor),
    sql_int(clock_now_us()), sql_text(title), sql_text(format), sql_text(asked), sql_text(scope_text)), error) ? sql_last_id(sql) : 0;
}

gint64 export_queue(const House *house, const char *actor, const Scope *asker, json_t *selection, const char *format, GError **error) {
  const Scope *scope = export_purpose_scope(json_object_get(selection, "for"), asker);
  g_autoptr(Selection) named = selection_new(house, scope, selection, error);
  if (named == NULL) return 0;
  if (export_format(format) == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择导出格式"), 0;
  g_autofree char *title = selection_name(named);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql ? insert_row(sql, actor, title, format, selection, scope, error) : 0;
  if (id == 0) return 0;
  json_auto_t *parameters = json_pack("{s:I}", "export", (json_int_t)id);
  return job_queue(sql, "exchange.export", "export", id, parameters, actor, error) != 0 && sql_commit(sql, error) ? id : 0;
}

/* ---- making ---- */

static char *file_name(const char *title, const ExportFormat *format, gint64 id) {
  g_autoptr(Names) names = names_new();
  g_autofree char *wanted = g_strdup_printf("%s-%s-%" G_GINT64_FORMAT, title, format->name, id), *stem = names_take(names, wanted);
  return g_strdup_printf("%s.%s", stem, format->extension);
}

static gboolean note_result(const House *house, gint64 id, const char *name, json_t *result, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  static const char *const keys[] = {"records", "files", "left_out", "files_left_out"};
  gint64 numbers[G_N_ELEMENTS(keys)];
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) numbers[i] = json_integer_value(json_object_get(result, keys[i]));
  GStatBuf info = {0};
  g_stat(json_string_value(json_object_get(result, "path")), &info);
  return sql && sql_exec(sql, "UPDATE export SET finished_us = $1, file_name = $2, records = $3, files = $4, left_out = $5, files_left_out = $6, bytes = $7 "
    "WHERE id = $8",
    SQL_ARGS(sql_int(clock_now_us()), sql_text(name), sql_int(numbers[0]), sql_int(numbers[1]), sql_int(numbers[2]), sql_int(numbers[3]), sql_int((gint64)info.st_size),
    sql_int(id)), error) && sql_commit(sql, error);
}

/* The event that told of it, 0: none yet. An older one may be of another export that had the same id. */
static gint64 told_of(Sql *sql, gint64 id, GError **error) {
  return sql_number(sql, "SELECT COALESCE(MAX(id), 0) FROM event WHERE subject_kind = 'export' AND subject_id = $1 AND action = 'exchange.export' "
    "AND at_us >= (SELECT created_us FROM export WHERE id = $1)", SQL_ARGS(sql_int(id)), 0, error);
}

gboolean export_tell_unused(const House *house, const char *actor, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  GError *failure = NULL;
  gint64 event = told_of(sql, id, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  if (event == 0) return throw(error, LANTAI_ERROR_CONFLICT, "这次导出没有完成，没有登记可以取消");
  json_auto_t *data = json_pack("{s:I}", "event", (json_int_t)event);
  return journal_append(sql, actor, "exchange.unused", "export", id, data, error) != 0 && sql_commit(sql, error);
}

/* One that was told of but not kept, because the program ended in between, is made and told again: once. */
static gboolean take_back(const House *house, Job *job, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  GError *failure = NULL;
  gint64 event = told_of(sql, id, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  g_clear_pointer(&sql, sql_end);
  return event == 0 || export_tell_unused(house, job_actor(job), id, error);
}

static gboolean make(const House *house, Job *job, gint64 id, json_t *row, GError **error) {
  const ExportFormat *format = export_format(json_string_value(json_object_get(row, "format")));
  if (format == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "导出的格式不认识");
  g_autofree char *folder = export_folder(house, id), *name = file_name(json_string_value(json_object_get(row, "title")), format, id);
  g_autofree char *target = g_build_filename(folder, name, NULL);
  package_remove(folder);
  if (!take_back(house, job, id, error)) return FALSE;
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  json_auto_t *selection = json_loads(json_string_value(json_object_get(row, "selection")), 0, NULL);
  json_auto_t *seen = json_loads(json_string_value(json_object_get(row, "scope")), 0, NULL);
  g_autoptr(Scope) scope = scope_from_json(seen);
  json_object_set_new(selection, "export", json_integer(id));
  json_auto_t *result = exchange_export(house, job, scope, selection, format->name, target, error);
  if (result != NULL && note_result(house, id, name, result, error)) return TRUE;
  package_remove(folder);
  return FALSE;
}

static gboolean run_export(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_integer_value(json_object_get(parameters, "export"));
  if (!export_sweep(house, error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *row = sql ? export_row(sql, id, job_actor(job), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (row == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  if (make(house, job, id, row, &failure) || job_should_stop(job)) return TRUE;
  return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
}

const JobKind EXCHANGE_JOBS[] = {{"exchange.export", "导出", run_export, JOB_HEAVY}, {NULL}};

/* ---- going ---- */

gboolean export_forget(const House *house, gint64 id, GError **error) {
  g_autofree char *folder = export_folder(house, id);
  if (!package_remove(folder)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能删除 %s：%s", folder, error_reason(errno));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql, "DELETE FROM export WHERE id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}

gboolean export_sweep(const House *house, GError **error) {
  gint64 until = clock_now_us() - (gint64)EXPORT_KEPT_DAYS * 24 * 3600 * G_USEC_PER_SEC;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *old = sql ? sql_json(sql, "SELECT id FROM export WHERE created_us < $1 ORDER BY created_us LIMIT 1000", SQL_ARGS(sql_int(until)), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (old == NULL) return FALSE;
  size_t i;
  json_t *row;
  json_array_foreach(old, i, row)
    if (!export_forget(house, json_integer_value(json_object_get(row, "id")), error)) return FALSE;
  return TRUE;
}
