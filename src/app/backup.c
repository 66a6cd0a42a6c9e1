/*
 * Backup to one file and restore from it.
 *
 * 1. The database's snapshot and the list of files are taken while no writer works, so that they belong together; versions of objects that were not yet
 *    acknowledged at that moment are known to the snapshot as intents and are dropped when the restored archive is opened.
 * 2. MANIFEST.json (last entry) has size and SM3 of every file and the digest of the catalogue's rows; a restore that differs in anything fails and says where.
 */
#include "app.h"
#include "error.h"
#include "tar.h"
#include <dirent.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *name; /* relative to the archive's directory */
  gint64 size_bytes;
} BackupFile;

static void backup_file_clear(gpointer data) { g_free(((BackupFile *)data)->name); }

static gboolean is_left_out(const char *name) {
  static const char *const left_out[] = {"lantai.db", "lantai.db-wal", "lantai.db-shm", "lantai.lock", "store-staging", "derivatives", "tmp"};
  for (guint i = 0; i < G_N_ELEMENTS(left_out); i++)
    if (g_str_equal(name, left_out[i])) return TRUE;
  return FALSE;
}

static gint compare_files(gconstpointer a, gconstpointer b) { return g_strcmp0(((const BackupFile *)a)->name, ((const BackupFile *)b)->name); }

static gboolean list_folder(const char *root, const char *relative, GArray *files, GError **error) {
  g_autofree char *path = relative ? g_build_filename(root, relative, NULL) : g_strdup(root);
  g_autoptr(GDir) dir = g_dir_open(path, 0, error);
  if (dir == NULL) return FALSE;
  for (const char *name; (name = g_dir_read_name(dir));) {
    if (relative == NULL && is_left_out(name)) continue;
    g_autofree char *below = relative ? g_build_filename(relative, name, NULL) : g_strdup(name);
    g_autofree char *full = g_build_filename(root, below, NULL);
    struct stat info;
    if (lstat(full, &info) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读取 %s：%s", full, error_reason(errno));
    if (S_ISDIR(info.st_mode)) {
      if (!list_folder(root, below, files, error)) return FALSE;
    } else if (S_ISREG(info.st_mode)) {
      BackupFile file = {g_steal_pointer(&below), info.st_size};
      g_array_append_val(files, file);
    }
  }
  return TRUE;
}

/* Invariant 1. The writer's lock is held for as long as the copy of the database takes. */
static GArray *take_snapshot(const House *house, const char *database, GError **error) {
  g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(BackupFile));
  g_array_set_clear_func(files, backup_file_clear);
  g_autoptr(Sql) quiet = sql_write(house->db, error);
  if (quiet == NULL || !sql_backup(house->db, database, error) || !list_folder(house->dir, NULL, files, error)) return NULL;
  g_array_sort(files, compare_files);
  return g_steal_pointer(&files);
}

static json_t *database_digest(const char *path, GError **error) {
  g_autoptr(SqlDb) db = sql_open(path, error);
  return db ? care_digest(db, error) : NULL;
}

static gint64 size_of(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 ? info.st_size : -1;
}

static gboolean write_files(TarWriter *writer, const House *house, GArray *files, json_t *manifest, CareProgress progress, gpointer data, GError **error) {
  gint64 total = 0, done = 0;
  for (guint i = 0; i < files->len; i++) total += g_array_index(files, BackupFile, i).size_bytes;
  json_t *list = json_object_get(manifest, "files");
  for (guint i = 0; i < files->len; i++) {
    const BackupFile *file = &g_array_index(files, BackupFile, i);
    g_autofree char *path = g_build_filename(house->dir, file->name, NULL);
    char sm3[65];
    if (!tar_writer_add_file(writer, file->name, path, file->size_bytes, sm3, error)) return FALSE;
    json_object_set_new(list, file->name, json_pack("{s:I, s:s}", "size", (json_int_t)file->size_bytes, "sm3", sm3));
    done += file->size_bytes;
    if (progress) progress(done, total, "字节", data);
  }
  return TRUE;
}

static gboolean write_database(TarWriter *writer, const char *database, json_t *manifest, GError **error) {
  json_t *catalogue = database_digest(database, error);
  if (catalogue == NULL) return FALSE;
  json_object_set_new(manifest, "catalogue", catalogue);
  gint64 size_bytes = size_of(database);
  char sm3[65];
  if (!tar_writer_add_file(writer, "lantai.db", database, size_bytes, sm3, error)) return FALSE;
  return json_object_set_new(json_object_get(manifest, "files"), "lantai.db", json_pack("{s:I, s:s}", "size", (json_int_t)size_bytes, "sm3", sm3)) == 0;
}

static json_t *write_backup(const House *house, const char *path, const char *database, CareProgress progress, gpointer data, GError **error) {
  g_autoptr(GArray) files = take_snapshot(house, database, error);
  g_autoptr(TarWriter) writer = files ? tar_writer_new(path, error) : NULL;
  if (writer == NULL) return NULL;
  g_autofree char *now = clock_format_iso(clock_now_us());
  json_t *manifest = json_pack("{s:s, s:s, s:{}}", "program", "lantai " LANTAI_VERSION, "created", now, "files");
  gboolean good = write_database(writer, database, manifest, error) && write_files(writer, house, files, manifest, progress, data, error);
  if (good) {
    g_autofree char *text = json_dumps(manifest, JSON_INDENT(1));
    good = tar_writer_add_bytes(writer, "MANIFEST.json", text, strlen(text), error) && tar_writer_close(g_steal_pointer(&writer), error);
  }
  json_t *result = good ? json_pack("{s:s, s:I, s:I, s:O}", "path", path, "files", (json_int_t)json_object_size(json_object_get(manifest, "files")), "bytes",
                            (json_int_t)size_of(path), "catalogue", json_object_get(manifest, "catalogue"))
                        : NULL;
  json_decref(manifest);
  return result;
}

json_t *care_backup(const House *house, const char *path, CareProgress progress, gpointer data, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path), *database = g_strconcat(path, ".db.partial", NULL);
  if (g_access(folder, W_OK) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写入目录 %s。请核对备份文件的位置和权限", folder);
  g_unlink(database);
  json_t *result = write_backup(house, path, database, progress, data, error);
  static const char *const endings[] = {"", "-wal", "-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
    g_autofree char *left = g_strconcat(database, endings[i], NULL);
    g_unlink(left);
  }
  return result;
}

/* ---- restore ---- */

static gboolean remember(const char *name, gint64 size_bytes, const char *sm3, gpointer data, GError **error) {
  return json_object_set_new(data, name, json_pack("{s:I, s:s}", "size", (json_int_t)size_bytes, "sm3", sm3)) == 0;
}

static gboolean compare_with_manifest(json_t *manifest, json_t *found, GError **error) {
  const char *name;
  json_t *expected;
  json_object_foreach(json_object_get(manifest, "files"), name, expected) {
    json_t *have = json_object_get(found, name);
    if (have == NULL) return throw(error, LANTAI_ERROR_INVALID, "备份文件中缺少 %s", name);
    if (!json_equal(have, expected)) return throw(error, LANTAI_ERROR_INVALID, "备份文件中的 %s 与清单的摘要不符，备份已损坏", name);
  }
  if (json_object_size(found) != json_object_size(json_object_get(manifest, "files")) + 1)
    return throw(error, LANTAI_ERROR_INVALID, "备份文件中有清单之外的文件");
  return TRUE;
}

static json_t *verify_restored(const char *dir, json_t *found, GError **error) {
  g_autofree char *path = g_build_filename(dir, "MANIFEST.json", NULL);
  json_error_t detail;
  json_t *manifest = json_load_file(path, 0, &detail);
  if (manifest == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "备份文件不完整：没有清单 MANIFEST.json");
  json_t *result = NULL;
  if (compare_with_manifest(manifest, found, error)) {
    g_autoptr(Archive) archive = archive_open(dir, ARCHIVE_WRITE, error);
    json_t *digest = archive ? care_digest(archive_house(archive)->db, error) : NULL;
    gboolean equal = digest && json_equal(digest, json_object_get(manifest, "catalogue"));
    if (digest && !equal) throw(error, LANTAI_ERROR_INVALID, "恢复后的目录与备份时不一致");
    if (equal) result = json_pack("{s:s, s:I, s:b, s:O}", "directory", dir, "files", (json_int_t)json_object_size(found), "equal", 1, "catalogue", digest);
    json_decref(digest);
  }
  json_decref(manifest);
  g_unlink(path);
  return result;
}

static gboolean is_empty_folder(const char *dir) {
  g_autoptr(GDir) open = g_dir_open(dir, 0, NULL);
  return open == NULL || g_dir_read_name(open) == NULL;
}

json_t *care_restore(const char *path, const char *dir, GError **error) {
  if (!is_empty_folder(dir)) return throw_null(error, LANTAI_ERROR_CONFLICT, "目录 %s 不是空的，没有恢复。请指定一个新目录", dir);
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有备份文件 %s。请核对文件名", path);
  g_autofree char *aside = care_aside(dir, error);
  if (aside == NULL) return NULL;
  json_t *found = json_object();
  json_t *result = tar_extract(path, aside, remember, found, error) ? verify_restored(aside, found, error) : NULL;
  json_decref(found);
  if (result) json_object_set_new(result, "directory", json_string(dir));
  return care_put_in_place(aside, dir, result, error);
}

char *care_aside(const char *dir, GError **error) {
  g_autofree char *whole = g_canonicalize_filename(dir, NULL), *aside = g_strconcat(whole, ".unproven", NULL);
  if (!is_empty_folder(aside)) return throw_null(error, LANTAI_ERROR_CONFLICT, "上一次没有成功的目录 %s 还在，请先查看并移走", aside);
  if (g_mkdir_with_parents(aside, 0750) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", aside, error_reason(errno));
  return g_steal_pointer(&aside);
}

json_t *care_put_in_place(const char *aside, const char *dir, json_t *result, GError **error) {
  if (result == NULL) {
    if (g_rmdir(aside) != 0) g_prefix_error(error, "没有成功，已写出的留在 %s 供查看。", aside); /* nothing written: nothing left in the way */
    return NULL;
  }
  g_rmdir(dir);
  if (g_rename(aside, dir) == 0) return result;
  json_decref(result);
  return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能把 %s 改名为 %s：%s", aside, dir, error_reason(errno));
}
