/* The child's end of frames (frame.h). */
#include "frame.h"
#include "error.h"
#include <string.h>

void frame_append_head(GByteArray *out, guint type, gsize length) {
  const FrameHead head = {.length = (guint32)length, .type = type};
  g_byte_array_append(out, (const guint8 *)&head, sizeof head);
}

void frame_append_text(GByteArray *out, const char *text) { g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text) + 1); }

void frame_append_error(GByteArray *out, guint type, const GError *error) {
  const guint32 code = error->domain == LANTAI_ERROR ? (guint32)error->code : LANTAI_ERROR_INTERNAL;
  frame_append_head(out, type, sizeof code + strlen(error->message) + 1);
  g_byte_array_append(out, (const guint8 *)&code, sizeof code);
  frame_append_text(out, error->message);
}
