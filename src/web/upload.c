/*
 * multipart/form-data (RFC 7578) as a stream: fields to parameter_add, files to temporary files of the archive's own folder.
 *
 * 1. Memory is flat: at most one boundary plus one part's header, or one field, is held; a file's bytes go straight to disk.
 * 2. Every part is bounded: headers 8 KiB, all fields together WEB_FORM_MAX, a file by its declaration.
 * 3. Names and file names are UTF-8; a file name loses every path and control character.
 */
#define G_LOG_DOMAIN "web"
#include "kernel.h"
#include "settings.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define PART_HEADER_MAX 8192

typedef enum { AT_START, AT_BOUNDARY, IN_HEADER, IN_PART, AT_END } Stage;

struct Upload {
  WebRequest *request;
  Stage stage;
  char *mark;          /* "\r\n--boundary" */
  gsize mark_length;
  GByteArray *pending; /* bytes that may be the beginning of a mark, or an unfinished header */
  char *name, *file_name;
  Value *value;        /* where the current file goes; NULL for fields and undeclared files */
  const WebParameter *parameter;
  int fd;
  GByteArray *field;
  gsize field_bytes;
};

char *upload_folder(const House *house) {
  if (house->dir == NULL) return g_strdup(g_get_tmp_dir());
  return g_build_filename(house->dir, "tmp", NULL);
}

void upload_clean_folder(const House *house) {
  if (house->dir == NULL) return;
  g_autofree char *folder = upload_folder(house);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name = NULL;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    if (!g_str_has_prefix(name, "upload-")) continue;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_unlink(path) != 0) g_warning("left-over upload %s: %s", path, error_reason(errno));
  }
}

/* The value of one parameter of a header such as `form-data; name="a"; filename="b"`; browsers write " as %22. */
static char *header_parameter(const char *header, const char *name) {
  gsize length = strlen(name);
  for (const char *at = strchr(header, ';'); at != NULL; at = strchr(at, ';')) {
    at++;
    while (*at == ' ' || *at == '\t') at++;
    if (g_ascii_strncasecmp(at, name, length) != 0 || at[length] != '=') {
      const char *quote = at + strcspn(at, "\";");
      if (*quote == '"') at = quote + 1 + strcspn(quote + 1, "\"");
      continue;
    }
    at += length + 1;
    if (*at != '"') return g_strndup(at, strcspn(at, "; \t"));
    GString *out = g_string_new(NULL);
    for (at++; *at != '\0' && *at != '"'; at++) {
      if (*at == '\\' && at[1] == '"') at++;
      g_string_append_c(out, *at);
    }
    return g_string_free(out, FALSE);
  }
  return NULL;
}

Upload *upload_new(WebRequest *request, const char *content_type, GError **error) {
  g_autofree char *boundary = header_parameter(content_type, "boundary");
  if (boundary == NULL || *boundary == '\0' || strlen(boundary) > 70) return throw_null(error, LANTAI_ERROR_INVALID, "multipart 请求没有有效的 boundary");
  Upload *upload = g_new0(Upload, 1);
  upload->request = request;
  upload->mark = g_strconcat("\r\n--", boundary, NULL);
  upload->mark_length = strlen(upload->mark);
  upload->pending = g_byte_array_new();
  upload->field = g_byte_array_new();
  upload->fd = -1;
  g_byte_array_append(upload->pending, (const guint8 *)"\r\n", 2); /* the first mark has no line end before it */
  return upload;
}

void upload_free(Upload *upload) {
  if (upload == NULL) return;
  if (upload->fd >= 0) close(upload->fd);
  g_byte_array_unref(upload->pending);
  g_byte_array_unref(upload->field);
  g_free(upload->name);
  g_free(upload->file_name);
  g_free(upload->mark);
  g_free(upload);
}

static char *clean_file_name(const char *name) {
  const char *slash = strrchr(name, '/'), *backslash = strrchr(name, '\\');
  const char *base = slash == NULL && backslash == NULL ? name : MAX(slash, backslash) + 1;
  g_autofree char *clean = text_clean(base, FALSE);
  if (*clean == '\0' || strcmp(clean, ".") == 0 || strcmp(clean, "..") == 0) return g_strdup("未命名文件");
  glong length = g_utf8_strlen(clean, -1);
  return length <= 200 ? g_steal_pointer(&clean) : g_utf8_substring(clean, length - 200, length);
}

static gboolean open_file(Upload *upload, GError **error) {
  if (parameter_value(upload->request, upload->name, &upload->parameter) == NULL || upload->parameter->kind != WEB_FILE) return TRUE;
  Value *value = parameter_value(upload->request, upload->name, NULL);
  const char *label = upload->parameter->label == NULL ? upload->parameter->name : upload->parameter->label;
  if (value->file_path != NULL) return throw(error, LANTAI_ERROR_INVALID, "%s：一次只能上传一个文件", label);
  g_autofree char *folder = upload_folder(upload->request->house);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立上传用的目录：%s", error_reason(errno));
  g_autofree char *path = g_build_filename(folder, "upload-XXXXXX", NULL);
  upload->fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (upload->fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的文件：%s", error_reason(errno));
  value->file_path = g_steal_pointer(&path);
  value->file_name = clean_file_name(upload->file_name);
  value->source = FROM_BODY;
  upload->value = value;
  return TRUE;
}

/* header: the part's header lines, with NUL at the end. */
static gboolean begin_part(Upload *upload, char *header, gsize length, GError **error) {
  if (!g_utf8_validate_len(header, length, NULL)) return throw(error, LANTAI_ERROR_INVALID, "上传的文件名或项目名不是有效的 UTF-8 文字");
  g_auto(GStrv) lines = g_strsplit(header, "\r\n", 50);
  g_clear_pointer(&upload->name, g_free);
  g_clear_pointer(&upload->file_name, g_free);
  for (gsize i = 0; lines[i] != NULL; i++) {
    if (g_ascii_strncasecmp(lines[i], "content-disposition:", 20) != 0) continue;
    upload->name = header_parameter(lines[i], "name");
    upload->file_name = header_parameter(lines[i], "filename");
    break;
  }
  if (upload->name == NULL) return throw(error, LANTAI_ERROR_INVALID, "multipart 请求的一个部分没有名称");
  upload->value = NULL;
  g_byte_array_set_size(upload->field, 0);
  upload->stage = IN_PART;
  return upload->file_name == NULL || *upload->file_name == '\0' || open_file(upload, error);
}

static gboolean write_all(int fd, const guint8 *data, gsize length, GError **error) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的文件：%s。请检查磁盘空间后重试", error_reason(errno));
    data += written;
    length -= (gsize)written;
  }
  return TRUE;
}

static gboolean part_bytes(Upload *upload, const guint8 *data, gsize length, GError **error) {
  if (upload->value != NULL) {
    guint64 max = parameter_file_max(upload->request, upload->parameter);
    upload->value->file_bytes += length;
    if (upload->value->file_bytes > max)
      return throw(error, LANTAI_ERROR_TOO_LARGE, "%s“%s”超过 %" G_GUINT64_FORMAT " MB 的上限，请拆分后上传",
                   upload->parameter->label == NULL ? "文件" : upload->parameter->label, upload->value->file_name, max >> 20);
    return write_all(upload->fd, data, length, error);
  }
  if (upload->file_name != NULL) return TRUE; /* an undeclared or empty file: read over */
  upload->field_bytes += length;
  if (upload->field_bytes > WEB_FORM_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "表单内容超过 %u MB 的上限", WEB_FORM_MAX >> 20);
  g_byte_array_append(upload->field, data, (guint)length);
  return TRUE;
}

static gboolean end_part(Upload *upload, GError **error) {
  upload->stage = AT_BOUNDARY;
  if (upload->value != NULL) {
    upload->value = NULL;
    int fd = upload->fd;
    upload->fd = -1;
    return close(fd) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的文件：%s。请检查磁盘空间后重试", error_reason(errno));
  }
  if (upload->file_name != NULL) return TRUE;
  if (!g_utf8_validate_len((const char *)upload->field->data, upload->field->len, NULL))
    return throw(error, LANTAI_ERROR_INVALID, "提交的内容：%s %s，请重新输入", upload->name,
      memchr(upload->field->data, '\0', upload->field->len) ? "含有空字符（NUL）" : "不是有效的 UTF-8 文字");
  g_byte_array_append(upload->field, (const guint8 *)"", 1);
  return parameter_add(upload->request, FROM_BODY, upload->name, (const char *)upload->field->data, error);
}

static void take(Upload *upload, gsize length) { g_byte_array_remove_range(upload->pending, 0, (guint)length); }

/* Part bytes up to the mark; what cannot be part of a mark is passed on at once. FALSE in ret_more: needs more input. */
static gboolean step_part(Upload *upload, gboolean *ret_more, GError **error) {
  GByteArray *pending = upload->pending;
  const guint8 *mark = memmem(pending->data, pending->len, upload->mark, upload->mark_length);
  gsize sure = mark != NULL ? (gsize)(mark - pending->data) : pending->len >= upload->mark_length ? pending->len - upload->mark_length + 1 : 0;
  *ret_more = mark != NULL;
  if (upload->stage == IN_PART && !part_bytes(upload, pending->data, sure, error)) return FALSE;
  take(upload, sure + (mark != NULL ? upload->mark_length : 0));
  if (mark == NULL) return TRUE;
  if (upload->stage == IN_PART) return end_part(upload, error);
  upload->stage = AT_BOUNDARY;
  return TRUE;
}

/* After a mark: "--" ends the body, a line end begins a part. */
static gboolean step_boundary(Upload *upload, gboolean *ret_more, GError **error) {
  GByteArray *pending = upload->pending;
  gsize blank = 0;
  while (blank < pending->len && (pending->data[blank] == ' ' || pending->data[blank] == '\t')) blank++;
  *ret_more = pending->len >= blank + 2;
  if (!*ret_more) return blank <= 100 || throw(error, LANTAI_ERROR_INVALID, "multipart 请求的分隔行不合规则");
  const guint8 *next = pending->data + blank;
  if (next[0] == '-' && next[1] == '-') upload->stage = AT_END;
  else if (next[0] == '\r' && next[1] == '\n') upload->stage = IN_HEADER;
  else return throw(error, LANTAI_ERROR_INVALID, "multipart 请求的分隔行不合规则");
  take(upload, blank + 2);
  return TRUE;
}

static gboolean step_header(Upload *upload, gboolean *ret_more, GError **error) {
  GByteArray *pending = upload->pending;
  const guint8 *end = memmem(pending->data, pending->len, "\r\n\r\n", 4);
  *ret_more = end != NULL;
  gsize length = end == NULL ? pending->len : (gsize)(end - pending->data);
  if (length > PART_HEADER_MAX) return throw(error, LANTAI_ERROR_INVALID, "multipart 请求的一个部分的头过长");
  if (end == NULL) return TRUE;
  g_autofree char *header = g_strndup((const char *)pending->data, length);
  gboolean fine = begin_part(upload, header, length, error);
  take(upload, length + 4);
  return fine;
}

gboolean upload_feed(Upload *upload, const char *data, gsize length, GError **error) {
  gboolean more = TRUE;
  if (upload->stage == AT_END) return TRUE;
  g_byte_array_append(upload->pending, (const guint8 *)data, (guint)length);
  while (more && upload->stage != AT_END) {
    gboolean fine = FALSE;
    switch (upload->stage) {
      case AT_BOUNDARY: fine = step_boundary(upload, &more, error); break;
      case IN_HEADER: fine = step_header(upload, &more, error); break;
      default: fine = step_part(upload, &more, error);
    }
    if (!fine) return FALSE;
  }
  return TRUE;
}

gboolean upload_end(Upload *upload, GError **error) {
  return upload->stage == AT_END || throw(error, LANTAI_ERROR_INVALID, "上传的内容不完整，请重新上传");
}
