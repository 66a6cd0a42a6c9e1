/*
 * Documents that came as a zip are unpacked into the delivery's folder "files" first, so that attaching is the same for folders and packages and can go on
 * after a crash.
 * The folder has its name only when it is complete. Nothing is written outside it, whatever the entries are called.
 */
#include "delivery.h"
#include "error.h"
#include "package.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1 << 18)

static gboolean path_is_inside(const char *path) {
  if (!*path || *path == '/' || !g_utf8_validate(path, -1, NULL)) return FALSE;
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  for (char **part = parts; *part; part++)
    if (!**part || g_str_equal(*part, ".") || g_str_equal(*part, "..")) return FALSE;
  return TRUE;
}

static gboolean write_entry(FilePackage *package, const FileEntry *entry, const char *target, GError **error) {
  g_autofree char *path = g_build_filename(target, entry->path, NULL), *folder = g_path_get_dirname(path);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能解开包中的 %s：%s", entry->path, error_reason(errno));
  int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (out < 0) return throw(error, LANTAI_ERROR_INVALID, "不能解开包中的 %s：%s。请把文件名改短或去掉重名后再交", entry->path, error_reason(errno));
  int in = format_package_read(package, error);
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  gboolean good = in >= 0;
  gint64 size = 0;
  for (ssize_t got = 1; good && got > 0;) {
    do got = read(in, buffer, COPY_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0) good = throw(error, LANTAI_ERROR_INVALID, "包中的 %s 读不出来：%s", entry->path, error_reason(errno));
    else if (got > 0) good = file_write_all(out, buffer, (gsize)got, error);
    size += MAX(got, 0);
  }
  if (good && entry->size_bytes >= 0 && size != entry->size_bytes) good = throw(error, LANTAI_ERROR_INVALID,
    "包中的 %s 不完整：应有 %" G_GINT64_FORMAT " 字节，只有 %" G_GINT64_FORMAT
    " 字节。请让移交单位重新打包", entry->path, entry->size_bytes, size);
  if (in >= 0) close(in);
  close(out);
  return good;
}

static gboolean unpack(Job *job, const char *archive, const char *target, GError **error) {
  g_autoptr(FilePackage) package = format_package_open(archive, error);
  if (package == NULL) return FALSE;
  FileEntry entry;
  GError *failure = NULL;
  gint64 count = 0, bytes = 0;
  while (!(job && job_should_stop(job)) && format_package_next(package, &entry, &failure)) {
    if (!path_is_inside(entry.path)) return throw(error, LANTAI_ERROR_INVALID, "包中有指向包外的文件名“%s”，没有接收。请让移交单位重新打包", entry.path);
    if (!write_entry(package, &entry, target, error)) return FALSE;
    bytes += MAX(entry.size_bytes, 0);
    if (++count % 64 == 0 && job) job_progress(job, bytes, 0, "字节", "解开原文包");
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

gboolean package_unpack(const char *archive, const char *folder, GError **error) { return unpack(NULL, archive, folder, error); }

char *unpack_documents(const House *house, Job *job, json_t *delivery, GError **error) {
  const char *documents = delivery_text(delivery, "documents");
  if (g_file_test(documents, G_FILE_TEST_IS_DIR)) return g_strdup(documents);
  g_autofree char *files = delivery_path(house, delivery_int(delivery, "id"), "files"), *part = delivery_path(house, delivery_int(delivery, "id"),
    "files.part");
  if (g_file_test(files, G_FILE_TEST_IS_DIR)) return g_steal_pointer(&files);
  if (!g_file_test(documents, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "原文目录或 zip 包 %s 不在了。请放回原处后继续导入", documents);
  if (!folder_remove(part) || g_mkdir(part, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", part, error_reason(errno));
  if (!unpack(job, documents, part, error)) {
    folder_remove(part);
    return NULL;
  }
  if (!job_should_stop(job) && g_rename(part, files) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", files, error_reason(errno));
  return g_steal_pointer(&files);
}
