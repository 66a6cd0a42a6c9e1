/* Where bytes of an export go: the package's entry under way, or a nameless file beside the target until its turn comes. */
#include "internal.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { SPOOL_BYTES = 256 << 10 };

struct Spool {
  int fd;
  gint64 size_bytes;
  GString *buffer;
};

Spool *spool_new(Export *export, GError **error) {
  g_autofree char *path = g_strdup_printf("%s.%s", package_writer_aside(export->out), "XXXXXX");
  int fd = g_mkstemp(path);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能在 %s 旁写临时文件：%s", export->target, error_reason(errno));
  g_unlink(path);
  Spool *spool = g_new0(Spool, 1);
  spool->fd = fd;
  spool->buffer = g_string_sized_new(SPOOL_BYTES + 4096);
  return spool;
}

Spool *spool_open(const char *path, GError **error) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, error_reason(errno));
  Spool *spool = g_new0(Spool, 1);
  spool->fd = fd;
  spool->buffer = g_string_sized_new(SPOOL_BYTES + 4096);
  return spool;
}

static gboolean spool_flush(Spool *spool, GError **error) {
  for (gsize at = 0; at < spool->buffer->len;) {
    ssize_t written = write(spool->fd, spool->buffer->str + at, spool->buffer->len - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0 || !fault_point("exchange.spool")) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件：%s。请检查磁盘空间", error_reason(errno));
    at += (gsize)written;
  }
  spool->size_bytes += (gint64)spool->buffer->len;
  g_string_truncate(spool->buffer, 0);
  return TRUE;
}

gboolean spool_add(Spool *spool, const char *text, gsize length, GError **error) {
  g_string_append_len(spool->buffer, text, (gssize)length);
  return spool->buffer->len < SPOOL_BYTES || spool_flush(spool, error);
}

gboolean spool_close(Spool *spool, GError **error) {
  return spool_flush(spool, error) && (fsync(spool->fd) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "文件没有写到磁盘：%s", error_reason(errno)));
}

gboolean spool_into(Spool *spool, Export *export, const char *name, char *ret_sha512, GError **error) {
  if (!spool_flush(spool, error)) return FALSE;
  if (lseek(spool->fd, 0, SEEK_SET) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读临时文件：%s", error_reason(errno));
  g_autofree char *path = export_name(export, name);
  return package_writer_fd(export->out, path, spool->fd, spool->size_bytes, ret_sha512, error);
}

void spool_free(Spool *spool) {
  if (spool == NULL) return;
  close(spool->fd);
  g_string_free(spool->buffer, TRUE);
  g_free(spool);
}

void csv_append(GString *line, const char *const *cells) {
  for (guint i = 0; cells[i]; i++) {
    if (i > 0) g_string_append_c(line, ',');
    if (strpbrk(cells[i], ",\"\r\n") == NULL && !g_str_has_prefix(cells[i], " ")) {
      g_string_append(line, cells[i]);
      continue;
    }
    g_string_append_c(line, '"');
    for (const char *at = cells[i]; *at; at++) {
      if (*at == '"') g_string_append_c(line, '"');
      g_string_append_c(line, *at);
    }
    g_string_append_c(line, '"');
  }
  g_string_append(line, "\r\n");
}

static gboolean sink_entry(gpointer data, const char *bytes, gsize length, GError **error) { return package_writer_data(data, bytes, length, error); }
static gboolean sink_spool(gpointer data, const char *bytes, gsize length, GError **error) { return spool_add(data, bytes, length, error); }

Xml *xml_entry(Export *export) { return xml_new(sink_entry, export->out, export->gb18030); }
Xml *xml_aside(Export *export, Spool *spool) { return xml_new(sink_spool, spool, export->gb18030); }

/* ---- files ---- */

char *export_name(const Export *export, const char *name) { return g_strconcat(export->prefix, name, NULL); }

int export_file_open(Export *export, const CatalogFile *file, GError **error) {
  g_autofree char *object = catalog_object_id(file->record_id);
  gint64 size;
  int fd = content_read(export->house->content, object, file->path, &size, error);
  if (fd < 0) return g_prefix_error(error, "原文 %s 不能读取：", file->name), -1;
  if (size == file->size_bytes) return fd;
  close(fd);
  throw(error, LANTAI_ERROR_UNAVAILABLE, "原文 %s 的大小与登记的不符，没有导出。请运行 lantai check，从副本修复后再导出", file->name);
  return -1;
}

gboolean export_file(Export *export, const CatalogFile *file, const char *name, GError **error) {
  char sha512[129];
  int fd = export_file_open(export, file, error);
  if (fd < 0) return FALSE;
  g_autofree char *path = export_name(export, name);
  gboolean good = package_writer_fd(export->out, path, fd, file->size_bytes, sha512, error);
  close(fd);
  if (!good) return FALSE;
  if (!g_str_equal(sha512, file->sha512))
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "原文 %s 与登记的校验值不符，没有导出。请运行 lantai check，从副本修复后再导出", file->name);
  export->files++;
  export->bytes += file->size_bytes;
  return TRUE;
}

char *export_moment(gint64 at_us) {
  g_autoptr(GDateTime) at = g_date_time_new_from_unix_local(at_us / G_USEC_PER_SEC);
  return g_date_time_format(at, "%Y-%m-%dT%H:%M:%S%:z");
}

char *export_day(void) {
  char *moment = export_moment(clock_now_us());
  moment[10] = '\0';
  return moment;
}
