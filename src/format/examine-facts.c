/* What all parts of an examination share (examine.h). */
#include "examine.h"
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

gboolean examine_read(const ExamineFile *file, guint64 offset, void *buffer, gsize length) {
  char *to = buffer;
  if (offset > file->size || length > file->size - offset) return FALSE;
  while (length > 0) {
    gssize got = pread(file->fd, to, length, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return FALSE;
    to += got;
    offset += (guint64)got;
    length -= (gsize)got;
  }
  return TRUE;
}

void examine_problem(json_t *facts, const char *format, ...) {
  json_object_set_new(facts, "opens", json_false());
  if (json_object_get(facts, "problem") != NULL) return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments), *valid = g_utf8_make_valid(text, -1);
  va_end(arguments);
  json_object_set_new(facts, "problem", json_string(valid));
}

void examine_unknown(json_t *facts, const char *member, const char *reason) {
  json_t *unknown = json_object_get(facts, "unknown");
  if (unknown == NULL) json_object_set_new(facts, "unknown", unknown = json_object());
  json_object_set_new(unknown, member, json_string(reason));
}
