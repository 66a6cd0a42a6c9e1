#include "error.h"

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
