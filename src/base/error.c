#include "error.h"
#include <errno.h>

G_DEFINE_QUARK(lantai-error-quark, lantai_error)

static void set_error(GError **error, LantaiError code, const char *format, va_list arguments) {
  if (error == NULL) return;
  g_autofree char *message = g_strdup_vprintf(format, arguments);
  if (*error == NULL) g_set_error_literal(error, LANTAI_ERROR, code, message);
}

gboolean throw(GError **error, LantaiError code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  set_error(error, code, format, arguments);
  va_end(arguments);
  return FALSE;
}

void *throw_null(GError **error, LantaiError code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  set_error(error, code, format, arguments);
  va_end(arguments);
  return NULL;
}

guint error_http_status(const GError *error) {
  static const guint status[] = {
    [LANTAI_ERROR_INVALID] = 422, [LANTAI_ERROR_DENIED] = 403, [LANTAI_ERROR_NOT_FOUND] = 404, [LANTAI_ERROR_CONFLICT] = 409,
    [LANTAI_ERROR_TOO_LARGE] = 413, [LANTAI_ERROR_BUSY] = 503, [LANTAI_ERROR_UNAVAILABLE] = 503, [LANTAI_ERROR_INTERNAL] = 500,
  };
  if (error == NULL || error->domain != LANTAI_ERROR || error->code < 0 || error->code > LANTAI_ERROR_INTERNAL) return 500;
  return status[error->code];
}

const char *error_reason(int number) {
  static const struct {
    int number;
    const char *reason;
  } known[] = {
    {ENOENT, "没有这个文件或目录"}, {EACCES, "没有权限"}, {EPERM, "不允许这样做"}, {ENOSPC, "磁盘已满"}, {EDQUOT, "超出磁盘配额"}, {EROFS, "磁盘是只读的"},
    {EISDIR, "这是一个目录"}, {ENOTDIR, "路径中有一段不是目录"}, {EEXIST, "已经存在"}, {ENOTEMPTY, "目录不是空的"}, {EIO, "磁盘读写出错"}, {ENAMETOOLONG, "名称太长"},
    {EMFILE, "打开的文件太多"}, {ENFILE, "打开的文件太多"}, {ENOMEM, "内存不足"}, {ELOOP, "是符号链接，或链接太多"}, {ETXTBSY, "文件正在使用"}, {EBUSY, "正在使用"}, {EFBIG, "文件太大"},
    {EXDEV, "不在同一个磁盘上"}, {EADDRINUSE, "地址已被占用"}, {EADDRNOTAVAIL, "地址不属于本机"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(known); i++)
    if (known[i].number == number) return known[i].reason;
  return g_strerror(number);
}

void error_call_file(GError **error, const char *path, const char *name) {
  if (error == NULL || *error == NULL || name == NULL || *name == '\0') return;
  g_autofree char *own = g_path_get_basename(path);
  g_autoptr(GString) text = g_string_new((*error)->message);
  g_string_replace(text, own, name, 0);
  g_free((*error)->message);
  (*error)->message = g_strdup(text->str);
}
