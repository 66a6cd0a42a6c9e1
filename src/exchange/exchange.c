/*
 * An export: the selection is walked twice, first to know what there is (fields, counts, room on the disk), then to write it.
 *
 * 1. Everything passes the gate in select.c; formats see only what it gives.
 * 2. The target takes its name when it is whole and flushed; an export that fails, is stopped or finds a damaged file leaves nothing.
 * 3. Each finished export is an event of the journal: who, what, what for, in which format, how much, what was left out.
 */
#include "internal.h"
#include "error.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FONDS_TOLD = 200, RECORD_BYTES = 8 << 10 }; /* what a record takes beside its files, about */

const ExportFormat *const EXPORT_FORMATS[] = {&FORMAT_BAGIT, &FORMAT_EEP, &FORMAT_DAT93, &FORMAT_METS, &FORMAT_EAD, &FORMAT_XLSX, &FORMAT_CSV, &FORMAT_SHEET, NULL};

const ExportFormat *export_format(const char *name) {
  for (guint i = 0; EXPORT_FORMATS[i]; i++)
    if (g_strcmp0(EXPORT_FORMATS[i]->name, name) == 0) return EXPORT_FORMATS[i];
  return NULL;
}

gboolean exchange_open(SqlDb *db, GError **error) { return sql_migrate_room(db, "exchange", error); }

/* ---- before ---- */

static gboolean was_stopped(Job *job, GError **error) {
  return job != NULL && job_should_stop(job) && !throw(error, LANTAI_ERROR_CONFLICT, "导出已停止，没有留下文件");
}

static void note_codes(Export *export, const char *code) {
  if (export->first_code == NULL) {
    export->first_code = g_strdup(code);
    export->last_code = g_strdup(code);
  } else if (catalog_code_compare(code, export->first_code) < 0) {
    g_free(export->first_code);
    export->first_code = g_strdup(code);
  } else if (catalog_code_compare(code, export->last_code) > 0) {
    g_free(export->last_code);
    export->last_code = g_strdup(code);
  }
}

static void note_fonds(Export *export, const ExportItem *item) {
  gsize count = json_array_size(export->fonds);
  const char *code = item->fonds != NULL ? item->fonds->code : "";
  for (gsize i = count; i > 0; i--)
    if (g_str_equal(json_string_value(json_array_get(export->fonds, i - 1)), code)) return;
  if (*code && count < FONDS_TOLD) json_array_append_new(export->fonds, json_string(code));
}

static gboolean survey(Export *export, Job *job, json_t *asked, GError **error) {
  g_autoptr(Selection) selection = selection_new(export->house, export->scope, asked, error);
  if (selection == NULL) return FALSE;
  ExportItem item;
  g_autoptr(GError) local = NULL;
  while (selection_next(selection, &item, &local)) {
    listing_survey(export->listing, &item);
    if (record_is_described(item.record)) {
      note_codes(export, item.record->code);
      note_fonds(export, &item);
    }
    if (was_stopped(job, &local)) break;
    if (job) job_progress(job, selection_counts(selection).records, 0, "条", "清点");
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  export->expected = selection_counts(selection);
  export->single_fonds = selection_single_fonds(selection);
  return TRUE;
}

/* Better told now than after hours. */
static gboolean has_room(const Export *export, const ExportFormat *format, GError **error) {
  g_autofree char *folder = g_path_get_dirname(export->target);
  struct statvfs disk;
  if (statvfs(folder, &disk) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", folder, error_reason(errno));
  guint64 files = format->is_package ? (guint64)export->expected.bytes : 0, needed = files + (guint64)export->expected.records * RECORD_BYTES;
  if (format == &FORMAT_EEP) needed += files * 2 / 5; /* base64 */
  guint64 free_bytes = (guint64)disk.f_bavail * disk.f_frsize;
  if (needed <= free_bytes) return TRUE;
  g_autofree char *need = text_size((double)needed), *have = text_size((double)free_bytes);
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘空间不足：导出大约需要 %s，%s 所在磁盘只剩 %s。请腾出空间，或分批导出", need, export->target, have);
}

/* ---- writing ---- */

static gboolean write_all(Export *export, const ExportFormat *format, Job *job, json_t *asked, GError **error) {
  g_autoptr(Selection) selection = selection_new(export->house, export->scope, asked, error);
  if (selection == NULL || !format->begin(export, error)) return FALSE;
  ExportItem item;
  g_autoptr(GError) local = NULL;
  gboolean nodes = format == &FORMAT_EAD || format == &FORMAT_METS;
  while (local == NULL && selection_next(selection, &item, &local)) {
    gboolean described = record_is_described(item.record);
    if (described) export->number++;
    if ((described || nodes) && !format->add(export, &item, &local)) break;
    if (was_stopped(job, &local)) break;
    if (job) job_progress(job, export->number, export->expected.records, "条", "导出");
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  export->expected = selection_counts(selection);
  return format->end(export, error);
}

static gboolean flush_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  gboolean good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return good;
}

static gint64 size_of(const char *path) {
  GStatBuf info;
  return g_stat(path, &info) == 0 ? (gint64)info.st_size : 0;
}

static gboolean write_file(Export *export, const ExportFormat *format, Job *job, json_t *asked, gint64 *ret_bytes, GError **error) {
  if (g_file_test(export->target, G_FILE_TEST_EXISTS)) return throw(error, LANTAI_ERROR_CONFLICT, "%s 已存在，没有覆盖。请换一个名称", export->target);
  g_autofree char *partial = g_strconcat(export->target, ".partial", NULL), *folder = g_path_get_dirname(export->target);
  gboolean good = write_all(export, format, job, asked, error);
  format->free(export);
  *ret_bytes = size_of(partial);
  if (good && (!flush_file(partial) || g_rename(partial, export->target) != 0 || !flush_file(folder)))
    good = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", export->target, error_reason(errno));
  if (!good) g_unlink(partial);
  return good;
}

static gboolean write_package(Export *export, const ExportFormat *format, Job *job, json_t *asked, gint64 *ret_bytes, GError **error) {
  g_autofree char *base = g_path_get_basename(export->target), *lower = g_ascii_strdown(base, -1), *prefix = NULL;
  if (format == &FORMAT_BAGIT && (g_str_has_suffix(lower, ".zip") || g_str_has_suffix(lower, ".tar"))) {
    base[strlen(base) - 4] = '\0';
    prefix = g_strconcat(base, "/", NULL);
  }
  export->prefix = prefix ? prefix : "";
  if ((export->out = package_writer_new(export->target, error)) == NULL) return FALSE;
  gboolean good = write_all(export, format, job, asked, error);
  format->free(export);
  *ret_bytes = package_writer_size(export->out);
  if (good) good = package_writer_close(g_steal_pointer(&export->out), error);
  else g_clear_pointer(&export->out, package_writer_abandon);
  return good;
}

/* ---- after ---- */

static gboolean tell(const House *house, const char *actor, json_t *asked, const char *title, json_t *result, GError **error) {
  json_auto_t *data = json_deep_copy(result), *selection = json_copy(asked);
  gint64 id = json_integer_value(json_object_get(asked, "export")); /* 0: none is kept */
  json_object_del(data, "path");
  json_object_set_new(data, "title", json_string(title));
  json_object_set(data, "for", json_object_get(asked, "for"));
  json_object_del(selection, "for");
  json_object_del(selection, "export");
  json_object_set(data, "selection", selection);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && journal_append(sql, actor, "exchange.export", "export", id, data, error) != 0 && sql_commit(sql, error);
}

static gboolean read_encoding(json_t *asked, gboolean *ret, GError **error) {
  const char *encoding = json_string_value(json_object_get(asked, "encoding"));
  *ret = encoding && g_ascii_strcasecmp(encoding, "GB18030") == 0;
  return encoding == NULL || *ret || g_ascii_strcasecmp(encoding, "UTF-8") == 0 ||
    throw(error, LANTAI_ERROR_INVALID, "不认识的编码“%s”，可用 UTF-8、GB18030", encoding);
}

static void export_clear(Export *export) {
  g_clear_pointer(&export->listing, listing_free);
  g_clear_pointer(&export->names, names_free);
  g_free(export->first_code);
  g_free(export->last_code);
  json_decref(export->arrival);
  json_decref(export->fonds);
}

json_t *exchange_export(const House *house, Job *job, const Scope *scope, json_t *selection, const char *format_name, const char *target, GError **error) {
  const ExportFormat *format = export_format(format_name);
  if (format == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "不认识的格式“%s”，可用 bagit、eep、dat93、ead、mets、xlsx", format_name ? format_name : "");
  json_auto_t *asked = json_copy(selection);
  if (!format->is_table) json_object_del(asked, "order");
  g_autoptr(Selection) named = selection_new(house, scope, asked, error);
  if (named == NULL) return NULL;
  g_autofree char *title = selection_name(named);
  Export export = {.house = house, .scope = scope, .target = target, .title = title, .organization = settings_text(house->settings, "archive.name"),
    .code = settings_archive_code(house->settings), .listing = listing_new(house->catalog), .names = names_new(),
    .fonds = json_array()};
  gint64 bytes = 0;
  gboolean good = read_encoding(asked, &export.gb18030, error) && survey(&export, job, asked, error) && has_room(&export, format, error) &&
    (format->is_package ? write_package : write_file)(&export, format, job, asked, &bytes, error);
  json_t *result = good ? json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", target, "format", format->name, "records", (json_int_t)export.number, "files",
    (json_int_t)export.files, "bytes", (json_int_t)bytes, "left_out", (json_int_t)export.expected.left_out, "files_left_out",
    (json_int_t)export.expected.files_left_out) : NULL;
  if (result) json_object_set_new(result, "volumes", json_integer(export.expected.volumes));
  if (result) json_object_set(result, "fonds", export.fonds);
  export_clear(&export);
  if (result && !tell(house, job ? job_actor(job) : "system", asked, title, result, error)) {
    package_remove(target); /* what is not told of has not happened */
    g_clear_pointer(&result, json_decref);
  }
  return result;
}
