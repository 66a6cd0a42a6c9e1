/*
 * A package becomes what the rehearsal reads: a table and a folder of documents.
 *
 * 1. An archive file is unpacked into the delivery's folder "files"; a folder is read where it lies; a document by itself stands in "files" alone.
 * 2. The package's table comes to "source/", what it declares of its files to DECLARED_NAME, all that was found to FOUND_NAME; the row keeps what is shown.
 * 3. Once surveyed, a delivery is not surveyed again until its files are sent anew, so that its columns may be set by hand.
 */
#include "delivery.h"
#include "error.h"
#include "journal.h"
#include "package.h"
#include <glib/gstdio.h>
#include <string.h>

json_t *survey_found(const House *house, gint64 id) {
  g_autofree char *path = delivery_path(house, id, FOUND_NAME);
  return json_load_file(path, 0, NULL);
}

KeyMap *survey_own_paths(json_t *found) {
  KeyMap *own = keymap_new();
  json_t *path;
  size_t i;
  json_array_foreach(json_object_get(found, "surplus_expected"), i, path) keymap_add(own, json_string_value(path), json_string_length(path), 1);
  return own;
}

static gboolean is_archive(const char *path) {
  FormatInfo info = format_identify(path);
  static const char *const marks[] = {"/zip", "x-tar", "gzip", "x-7z", "x-rar", "x-bzip2", "x-xz", "zstd"};
  gboolean archive = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(marks); i++) archive = archive || strstr(info.mime, marks[i]) != NULL;
  return archive;
}

/* A document by itself: a link to it where the disk allows, else a copy. */
static char *alone(const House *house, json_t *delivery, GError **error) {
  const char *called = text_at(delivery, "source");
  g_autofree char *package = delivery_where(house, delivery, "package"), *files = delivery_path(house, int_at(delivery, "id"), "files"),
    *name = g_path_get_basename(package);
  g_autofree char *path = g_build_filename(files, name, NULL), *part = g_strconcat(path, ".part", NULL);
  if (g_mkdir_with_parents(files, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s", files);
  if (g_file_test(path, G_FILE_TEST_EXISTS)) return g_steal_pointer(&files);
  g_unlink(part);
  if (!file_copy(package, part, NULL, error)) return NULL;
  if (g_rename(part, path) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", path);
  json_auto_t *unpacked = json_pack("{s:[], s:{}}", "faults", "names");
  if (!g_str_equal(called, name)) json_object_set_new(json_object_get(unpacked, "names"), name, json_string(called));
  return unpacked_write(house, int_at(delivery, "id"), unpacked, error) ? g_steal_pointer(&files) : NULL;
}

static char *open_folder(const House *house, Job *job, json_t *delivery, GError **error) {
  g_autofree char *package = delivery_where(house, delivery, "package");
  if (g_file_test(package, G_FILE_TEST_IS_DIR)) return g_steal_pointer(&package);
  if (!g_file_test(package, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "移交包 %s 不在了。请放回原处或重新上传", package);
  if (!is_archive(package)) return alone(house, delivery, error);
  json_object_set_new(delivery, "documents", json_string(package));
  return unpack_documents(house, job, delivery, error);
}

/* Its own derived table moves, one that lies in the package is copied. */
static gboolean take_table(const House *house, gint64 id, const char *table, GError **error) {
  g_autofree char *source = delivery_path(house, id, "source"), *work = delivery_path(house, id, NULL), *name = g_path_get_basename(table);
  g_autofree char *target = g_build_filename(source, name, NULL), *folder = g_path_get_dirname(table);
  if (!folder_remove(source) || g_mkdir_with_parents(source, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s", source);
  if (!g_str_equal(folder, work)) return file_copy(table, target, NULL, error);
  return g_rename(table, target) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", target);
}

static gboolean take_lists(const House *house, gint64 id, json_t *found, GError **error) {
  g_autofree char *declared = delivery_path(house, id, DECLARED_NAME), *path = delivery_path(house, id, FOUND_NAME), *part = g_strconcat(path, ".part", NULL);
  const char *files = text_at(found, "files");
  g_unlink(declared);
  if (*files && g_rename(files, declared) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", declared);
  if (json_dump_file(found, part, JSON_COMPACT) != 0 || g_rename(part, path) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", path);
  return TRUE;
}

/* What is shown of it, and what is told to the journal: without the lists, which may be long. */
static json_t *summary_of(json_t *found) {
  json_t *summary = json_copy(found);
  static const char *const lists[] = {"structure", "surplus_expected", "table", "files", "documents", "folder"};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) json_object_del(summary, lists[i]);
  json_object_set_new(summary, "structure_faults", json_integer((json_int_t)json_array_size(json_object_get(found, "structure"))));
  return summary;
}

static const char *first_of(json_t *delivery, json_t *found, const char *key) {
  return *text_at(delivery, key) ? text_at(delivery, key) : text_at(found, key);
}

gboolean survey_store(Sql *sql, gint64 id, json_t *event, GError **error) {
  g_autofree char *layout = json_dumps(json_object_get(event, "layout"), JSON_COMPACT | JSON_SORT_KEYS);
  g_autofree char *found = json_dumps(json_object_get(event, "found"), JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(sql, "UPDATE accession SET layout = $1, found = $2, documents = $3, body = $4, fonds = $5, fonds_title = $6, category = $7 WHERE id = $8",
    SQL_ARGS(sql_text(layout ? layout : "{}"), sql_text(found ? found : "{}"), sql_text(text_at(event, "documents")),
      sql_text(text_at(event, "body")), sql_text(text_at(event, "fonds")), sql_text(text_at(event, "fonds_title")),
      sql_text(text_at(event, "category")), sql_int(id)), error);
}

static gboolean store_found(const House *house, const char *actor, json_t *delivery, json_t *layout, json_t *found, GError **error) {
  gint64 id = int_at(delivery, "id");
  json_t *declared = json_object_get(found, "declared");
  const char *body = *text_at(delivery, "body") ? text_at(delivery, "body") : text_at(declared, "body");
  g_autofree char *documents = delivery_kept(house, text_at(found, "documents"));
  json_t *event = json_pack("{s:O, s:o, s:s, s:s, s:s, s:s, s:s}", "layout", layout, "found", summary_of(found), "documents", documents,
    "body", body, "fonds", first_of(delivery, found, "fonds"), "fonds_title", first_of(delivery, found, "fonds_title"), "category",
    first_of(delivery, found, "category"));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gboolean good = sql && survey_store(sql, id, event, error) && journal_append(sql, actor, "accession.survey", "accession", id, event, error) != 0 &&
    delivery_point("accession.surveyed", error) && sql_commit(sql, error);
  json_decref(event);
  return good;
}

static gboolean read_table(const House *house, json_t *delivery, json_t *found, json_t **ret_layout, GError **error) {
  gint64 id = int_at(delivery, "id");
  if (!take_table(house, id, text_at(found, "table"), error)) return FALSE;
  g_autofree char *table = delivery_source(house, id);
  const char *category = first_of(delivery, found, "category");
  json_t *layout = layout_read(table, error);
  if (layout == NULL) return FALSE;
  if (*category && catalog_category_by_code(house->catalog, category) == NULL) json_object_set_new(found, "category", json_string(category = ""));
  layout_guess(house->catalog, layout, category);
  *ret_layout = layout;
  return TRUE;
}

gboolean survey_package(const House *house, Job *job, json_t *delivery, GError **error) {
  gint64 id = int_at(delivery, "id");
  if (!g_str_equal(text_at(delivery, "kind"), "package") || !g_str_equal(text_at(delivery, "found"), "{}")) return TRUE;
  g_autofree char *work = delivery_path(house, id, NULL), *folder = open_folder(house, job, delivery, error);
  if (folder == NULL || job_should_stop(job) || !delivery_point("accession.unpacked", error)) return folder != NULL && job_should_stop(job);
  json_t *found = package_survey(house, job, folder, work, error), *layout = NULL;
  json_auto_t *unpacked = unpacked_read(house, id);
  g_autofree char *kept = delivery_kept(house, folder);
  if (found) json_object_set_new(found, "folder", json_string(kept));
  if (found) unpacked_tell(unpacked, json_object_get(found, "structure"));
  gboolean good = found != NULL && read_table(house, delivery, found, &layout, error) && take_lists(house, id, found, error) &&
    store_found(house, job_actor(job), delivery, layout, found, error);
  json_decref(layout);
  json_decref(found);
  return good;
}
