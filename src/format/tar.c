#include "tar.h"
#include "crypto.h"
#include "error.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAR_BUFFER = 1 << 20 };

struct TarWriter {
  struct archive *archive;
  char *path, *partial;
  guint8 *buffer;
};

static void writer_free(TarWriter *writer) {
  archive_write_free(writer->archive);
  g_free(writer->buffer);
  g_free(writer->partial);
  g_free(writer->path);
  g_free(writer);
}

TarWriter *tar_writer_new(const char *path, GError **error) {
  if (g_file_test(path, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_CONFLICT, "文件 %s 已存在，没有覆盖。请换一个文件名", path);
  TarWriter *writer = g_new0(TarWriter, 1);
  writer->path = g_strdup(path);
  writer->partial = g_strconcat(path, ".partial", NULL);
  writer->buffer = g_malloc(TAR_BUFFER);
  writer->archive = archive_write_new();
  archive_write_set_format_pax(writer->archive);
  archive_write_set_options(writer->archive, "hdrcharset=UTF-8");
  if (archive_write_open_filename(writer->archive, writer->partial) == ARCHIVE_OK) return writer;
  throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, archive_error_string(writer->archive));
  writer_free(writer);
  return NULL;
}

static gboolean throw_write(TarWriter *writer, GError **error) {
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s。磁盘可能已满", writer->path, archive_error_string(writer->archive));
}

static gboolean begin_entry(TarWriter *writer, const char *name, gint64 size_bytes, GError **error) {
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname_utf8(entry, name);
  archive_entry_set_size(entry, size_bytes);
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0640);
  int code = archive_write_header(writer->archive, entry);
  archive_entry_free(entry);
  return code == ARCHIVE_OK || throw_write(writer, error);
}

gboolean tar_writer_add_file(TarWriter *writer, const char *name, const char *path, gint64 size_bytes, char *ret_sm3, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读取 %s：%s", path, error_reason(errno));
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  gboolean good = begin_entry(writer, name, size_bytes, error);
  for (gint64 left = size_bytes; good && left > 0;) {
    ssize_t length = read(fd, writer->buffer, (size_t)MIN(left, TAR_BUFFER));
    if (length <= 0) {
      good = throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 比预期的短，或不能读取", path);
      break;
    }
    digest_update(digest, writer->buffer, (gsize)length);
    good = archive_write_data(writer->archive, writer->buffer, (size_t)length) == length || throw_write(writer, error);
    left -= length;
  }
  close(fd);
  if (!good) return FALSE;
  g_autofree char *sm3 = digest_finish_hex(digest);
  g_strlcpy(ret_sm3, sm3, 65);
  return TRUE;
}

gboolean tar_writer_add_bytes(TarWriter *writer, const char *name, const void *bytes, gsize length, GError **error) {
  return begin_entry(writer, name, (gint64)length, error) && (archive_write_data(writer->archive, bytes, length) == (la_ssize_t)length || throw_write(writer, error));
}

static gboolean flush_file(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FALSE;
  gboolean good = fsync(fd) == 0;
  close(fd);
  return good;
}

gboolean tar_writer_close(TarWriter *writer, GError **error) {
  gboolean good = archive_write_close(writer->archive) == ARCHIVE_OK || throw_write(writer, error);
  if (good && (!flush_file(writer->partial) || g_rename(writer->partial, writer->path) != 0))
    good = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", writer->path, error_reason(errno));
  if (!good) g_unlink(writer->partial);
  writer_free(writer);
  return good;
}

void tar_writer_abandon(TarWriter *writer) {
  if (writer == NULL) return;
  g_unlink(writer->partial);
  writer_free(writer);
}

/* ---- reading ---- */

static gboolean is_safe_name(const char *name) {
  if (name == NULL || *name == '\0' || *name == '/' || strchr(name, '\\')) return FALSE;
  g_auto(GStrv) parts = g_strsplit(name, "/", -1);
  for (char **part = parts; *part; part++)
    if (**part == '\0' || g_str_equal(*part, ".") || g_str_equal(*part, "..")) return FALSE;
  return TRUE;
}

static gboolean extract_entry(struct archive *archive, const char *target, char *ret_sm3, GError **error) {
  g_autofree char *folder = g_path_get_dirname(target);
  if (g_mkdir_with_parents(folder, 0750) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", target, error_reason(errno));
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  g_autofree guint8 *buffer = g_malloc(TAR_BUFFER);
  la_ssize_t length;
  gboolean good = TRUE;
  while (good && (length = archive_read_data(archive, buffer, TAR_BUFFER)) != 0) {
    if (length < 0) good = throw(error, LANTAI_ERROR_INVALID, "备份文件已损坏：%s", archive_error_string(archive));
    else if (write(fd, buffer, (size_t)length) != length) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", target, error_reason(errno));
    else digest_update(digest, buffer, (gsize)length);
  }
  if (close(fd) != 0 && good) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", target, error_reason(errno));
  g_autofree char *sm3 = digest_finish_hex(digest);
  g_strlcpy(ret_sm3, sm3, 65);
  return good;
}

static gboolean extract_all(struct archive *archive, const char *dir, TarVisit visit, gpointer data, GError **error) {
  struct archive_entry *entry;
  int code;
  while ((code = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
    const char *name = archive_entry_pathname_utf8(entry);
    if (!is_safe_name(name) || archive_entry_filetype(entry) != AE_IFREG)
      return throw(error, LANTAI_ERROR_INVALID, "备份文件中有不合规的条目“%s”，没有恢复", name ? name : "");
    g_autofree char *safe = g_strdup(name);
    g_autofree char *target = g_build_filename(dir, safe, NULL);
    char sm3[65];
    if (!extract_entry(archive, target, sm3, error) || !visit(safe, archive_entry_size(entry), sm3, data, error)) return FALSE;
  }
  return code == ARCHIVE_EOF || throw(error, LANTAI_ERROR_INVALID, "备份文件已损坏或不完整：%s", archive_error_string(archive));
}

gboolean tar_extract(const char *path, const char *dir, TarVisit visit, gpointer data, GError **error) {
  struct archive *archive = archive_read_new();
  archive_read_support_format_tar(archive);
  gboolean good = archive_read_open_filename(archive, path, TAR_BUFFER) == ARCHIVE_OK ||
                  throw(error, LANTAI_ERROR_INVALID, "不能读取备份文件 %s：%s", path, archive_error_string(archive));
  good = good && extract_all(archive, dir, visit, data, error);
  archive_read_free(archive);
  return good;
}
