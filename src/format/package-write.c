/*
 * One writer over three kinds of target. Archives by libarchive (pax tar, zip with zip64); a folder's files are flushed together at the end (syncfs).
 *
 * 1. What an entry's caller announced is what it gets: a size that differs is an error, never a shorter file under a whole one's name.
 * 2. The target's name appears only when everything behind it is flushed.
 */
#include "package-write.h"
#include "crypto.h"
#include "settings.h"
#include "error.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 20 };
typedef enum { INTO_FOLDER, INTO_TAR, INTO_ZIP } Into;

struct PackageWriter {
  Into into;
  char *target, *partial, *spool;
  struct archive *archive;
  char *name;        /* of the entry under way */
  int fd;            /* the file under way: of a folder, or aside for a tar; -1: none */
  gint64 announced, written, total;
  Digest *digest;
  guint8 *buffer;
};

static gboolean throw_errno(const PackageWriter *writer, int reason, GError **error) {
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s。请检查磁盘空间和目录权限", writer->target, error_reason(reason));
}

static gboolean throw_archive(const PackageWriter *writer, GError **error) {
  int reason = archive_errno(writer->archive);
  if (reason > 0) return throw_errno(writer, reason, error);
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", writer->target, archive_error_string(writer->archive));
}

gboolean package_remove(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return errno == ENOENT;
  if (!S_ISDIR(info.st_mode)) return g_unlink(path) == 0;
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  gboolean good = dir != NULL;
  for (const char *name; good && (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    good = package_remove(below);
  }
  return good && g_rmdir(path) == 0;
}

/* ---- opening ---- */

static void writer_free(PackageWriter *writer) {
  if (writer->fd >= 0) close(writer->fd);
  if (writer->archive) archive_write_free(writer->archive);
  g_clear_pointer(&writer->digest, digest_free);
  g_unlink(writer->spool);
  g_free(writer->name);
  g_free(writer->buffer);
  g_free(writer->spool);
  g_free(writer->partial);
  g_free(writer->target);
  g_free(writer);
}

static gboolean open_archive(PackageWriter *writer, GError **error) {
  writer->archive = archive_write_new();
  if (writer->into == INTO_ZIP) {
    archive_write_set_format_zip(writer->archive);
    archive_write_set_options(writer->archive, "zip:compression-level=1,hdrcharset=UTF-8");
  } else {
    archive_write_set_format_pax(writer->archive);
    archive_write_set_options(writer->archive, "hdrcharset=UTF-8");
  }
  archive_write_set_bytes_in_last_block(writer->archive, 1);
  return archive_write_open_filename(writer->archive, writer->partial) == ARCHIVE_OK || throw_archive(writer, error);
}

PackageWriter *package_writer_new(const char *target, GError **error) {
  g_autofree char *bare = g_strdup(target);
  for (gsize length = strlen(bare); length > 1 && bare[length - 1] == '/'; length--) bare[length - 1] = '\0';
  if (g_file_test(bare, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_CONFLICT, "%s 已存在，没有覆盖。请换一个名称", bare);
  PackageWriter *writer = g_new0(PackageWriter, 1);
  writer->fd = -1;
  g_autofree char *lower = g_ascii_strdown(bare, -1);
  writer->into = g_str_has_suffix(lower, ".zip") ? INTO_ZIP : g_str_has_suffix(lower, ".tar") ? INTO_TAR : INTO_FOLDER;
  writer->partial = g_strconcat(bare, ".partial", NULL);
  writer->spool = g_strconcat(bare, ".partial.entry", NULL);
  writer->target = g_steal_pointer(&bare);
  writer->buffer = g_malloc(COPY_BYTES);
  package_remove(writer->partial); /* of one that a crash broke off */
  gboolean good = writer->into == INTO_FOLDER ? g_mkdir(writer->partial, 0750) == 0 || throw_errno(writer, errno, error) : open_archive(writer, error);
  if (good) return writer;
  package_writer_abandon(writer);
  return NULL;
}

gint64 package_writer_size(const PackageWriter *writer) { return writer->total; }
const char *package_writer_aside(const PackageWriter *writer) { return writer->partial; }

/* ---- entries ---- */

static gboolean begin_header(PackageWriter *writer, gint64 size_bytes, GError **error) {
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname_utf8(entry, writer->name);
  if (size_bytes >= 0) archive_entry_set_size(entry, size_bytes);
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0640);
  int code = archive_write_header(writer->archive, entry);
  archive_entry_free(entry);
  return code >= ARCHIVE_WARN || throw_archive(writer, error);
}

static gboolean begin_file(PackageWriter *writer, const char *path, GError **error) {
  writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  return writer->fd >= 0 || throw_errno(writer, errno, error);
}

gboolean package_writer_begin(PackageWriter *writer, const char *name, gint64 size_bytes, GError **error) {
  g_free(writer->name);
  writer->name = g_strdup(name);
  writer->announced = size_bytes;
  writer->written = 0;
  g_clear_pointer(&writer->digest, digest_free);
  writer->digest = digest_new(DIGEST_SHA512);
  if (writer->into == INTO_TAR && size_bytes < 0) return begin_file(writer, writer->spool, error);
  if (writer->into != INTO_FOLDER) return begin_header(writer, size_bytes, error);
  g_autofree char *path = g_build_filename(writer->partial, name, NULL), *folder = g_path_get_dirname(path);
  if (g_mkdir_with_parents(folder, 0750) != 0) return throw_errno(writer, errno, error);
  return begin_file(writer, path, error);
}

static gboolean write_fd(PackageWriter *writer, const guint8 *bytes, gsize length, GError **error) {
  while (length > 0) {
    ssize_t written = write(writer->fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return throw_errno(writer, written < 0 ? errno : ENOSPC, error);
    bytes += written;
    length -= (gsize)written;
  }
  return TRUE;
}

static gboolean write_archive(PackageWriter *writer, const guint8 *bytes, gsize length, GError **error) {
  while (length > 0) {
    la_ssize_t written = archive_write_data(writer->archive, bytes, length);
    if (written <= 0) return throw_archive(writer, error);
    bytes += written;
    length -= (gsize)written;
  }
  return TRUE;
}

gboolean package_writer_data(PackageWriter *writer, const void *bytes, gsize length, GError **error) {
  if (!fault_point("package.write")) return throw_errno(writer, ENOSPC, error);
  if (writer->announced >= 0 && writer->written + (gint64)length > writer->announced)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 比登记的大，请先运行 lantai check", writer->name);
  digest_update(writer->digest, bytes, length);
  writer->written += (gint64)length;
  return writer->fd >= 0 ? write_fd(writer, bytes, length, error) : write_archive(writer, bytes, length, error);
}

/* What was kept aside goes into the tar, its size now being known. */
static gboolean flush_spool(PackageWriter *writer, GError **error) {
  if (!begin_header(writer, writer->written, error)) return FALSE;
  int fd = open(writer->spool, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw_errno(writer, errno, error);
  ssize_t length;
  gboolean good = TRUE;
  while (good && (length = read(fd, writer->buffer, COPY_BYTES)) != 0)
    good = length > 0 ? write_archive(writer, writer->buffer, (gsize)length, error) : throw_errno(writer, errno, error);
  close(fd);
  g_unlink(writer->spool);
  return good;
}

gboolean package_writer_end(PackageWriter *writer, char *ret_sha512, GError **error) {
  if (writer->announced >= 0 && writer->written != writer->announced)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 比登记的短，请先运行 lantai check", writer->name);
  gboolean file = writer->fd >= 0;
  if (file && close(writer->fd) != 0) return writer->fd = -1, throw_errno(writer, errno, error);
  writer->fd = -1;
  if (file && writer->into == INTO_TAR && !flush_spool(writer, error)) return FALSE;
  if (writer->archive && archive_write_finish_entry(writer->archive) != ARCHIVE_OK) return throw_archive(writer, error);
  g_autofree char *hex = digest_finish_hex(writer->digest);
  if (ret_sha512) g_strlcpy(ret_sha512, hex, 129);
  writer->total += writer->written;
  return TRUE;
}

gboolean package_writer_bytes(PackageWriter *writer, const char *name, const void *bytes, gsize length, char *ret_sha512, GError **error) {
  return package_writer_begin(writer, name, (gint64)length, error) && package_writer_data(writer, bytes, length, error) &&
    package_writer_end(writer, ret_sha512, error);
}

gboolean package_writer_fd(PackageWriter *writer, const char *name, int fd, gint64 size_bytes, char *ret_sha512, GError **error) {
  if (!package_writer_begin(writer, name, size_bytes, error)) return FALSE;
  for (;;) {
    ssize_t length = read(fd, writer->buffer, COPY_BYTES);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读取 %s：%s", name, error_reason(errno));
    if (length == 0) return package_writer_end(writer, ret_sha512, error);
    if (!package_writer_data(writer, writer->buffer, (gsize)length, error)) return FALSE;
  }
}

/* ---- the end ---- */

static gboolean flush_path(const char *path, gboolean whole) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FALSE;
  gboolean good = (whole ? syncfs(fd) : fsync(fd)) == 0;
  close(fd);
  return good;
}

gboolean package_writer_close(PackageWriter *writer, GError **error) {
  g_autofree char *parent = g_path_get_dirname(writer->target);
  gboolean good = writer->archive == NULL || archive_write_close(writer->archive) == ARCHIVE_OK || throw_archive(writer, error);
  if (good && (!flush_path(writer->partial, writer->into == INTO_FOLDER) || g_rename(writer->partial, writer->target) != 0 || !flush_path(parent, FALSE)))
    good = throw_errno(writer, errno, error);
  if (!good) package_remove(writer->partial);
  writer_free(writer);
  return good;
}

void package_writer_abandon(PackageWriter *writer) {
  if (writer == NULL) return;
  if (writer->archive) archive_write_fail(writer->archive); /* no directory is written behind what is thrown away */
  g_autofree char *partial = g_strdup(writer->partial);
  writer_free(writer);
  package_remove(partial);
}
