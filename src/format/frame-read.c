/* The parent's end of frames (frame.h). */
#include "error.h"
#include "frame.h"
#include <string.h>

enum { READ_SIZE = 1 << 20, MESSAGE_MAX = 8192 };

void frame_reader_init(FrameReader *reader, Sandbox *sandbox, const char *name) { *reader = (FrameReader){.sandbox = sandbox, .name = g_strdup(name)}; }

void frame_reader_clear(FrameReader *reader) {
  sandbox_free(reader->sandbox);
  g_free(reader->name);
  g_free(reader->buffer);
}

gboolean frame_fail_garbage(FrameReader *reader, GError **error) {
  reader->ended = TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "“%s”的解析结果不合规约，已停止；文件可能被恶意构造", reader->name);
}

/* At least length bytes from start on; FALSE with an error when the child ended before. */
static gboolean fill(FrameReader *reader, gsize length, GError **error) {
  if (reader->filled - reader->start >= length) return TRUE;
  if (reader->start > 0) memmove(reader->buffer, reader->buffer + reader->start, reader->filled - reader->start);
  reader->filled -= reader->start;
  reader->start = 0;
  if (reader->size < length + READ_SIZE) {
    reader->size = length + READ_SIZE;
    reader->buffer = g_realloc(reader->buffer, reader->size);
  }
  while (reader->filled < length) {
    gssize got = sandbox_read(reader->sandbox, reader->buffer + reader->filled, reader->size - reader->filled, NULL, error);
    if (got > 0) {
      reader->filled += (gsize)got;
      continue;
    }
    reader->ended = TRUE;
    if (got < 0) {
      g_prefix_error(error, "“%s”：", reader->name);
      return FALSE;
    }
    g_autoptr(GError) reason = NULL;
    sandbox_finish(reader->sandbox, &reason);
    return throw(error, LANTAI_ERROR_INVALID, "“%s”：%s", reader->name, reason == NULL ? "解析中断；文件可能损坏" : reason->message);
  }
  return TRUE;
}

gboolean frame_next(FrameReader *reader, gsize limit, FrameHead *ret_head, const guint8 **ret_bytes, GError **error) {
  FrameHead head;
  if (!fill(reader, sizeof head, error)) return FALSE;
  memcpy(&head, reader->buffer + reader->start, sizeof head);
  if (head.length > limit) return frame_fail_garbage(reader, error);
  if (!fill(reader, sizeof head + head.length, error)) return FALSE;
  *ret_bytes = reader->buffer + reader->start + sizeof head;
  *ret_head = head;
  reader->start += sizeof head + head.length;
  return TRUE;
}

gboolean frame_take_error(FrameReader *reader, const guint8 *bytes, gsize length, GError **error) {
  guint32 code;
  reader->ended = TRUE;
  if (length < sizeof code + 2 || length > MESSAGE_MAX || bytes[length - 1] != '\0') return frame_fail_garbage(reader, error);
  memcpy(&code, bytes, sizeof code);
  const char *message = (const char *)bytes + sizeof code;
  if (!g_utf8_validate(message, -1, NULL)) return frame_fail_garbage(reader, error);
  return throw(error, code <= LANTAI_ERROR_INTERNAL ? (LantaiError)code : LANTAI_ERROR_INTERNAL, "“%s”：%s", reader->name, message);
}
