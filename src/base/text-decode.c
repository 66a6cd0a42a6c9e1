/*
 * Bytes of unknown encoding to UTF-8 (text_decode) and the guess from a file's beginning.
 *
 * 1. A byte order mark decides. Without one, text that is valid UTF-8 is UTF-8; else it is GB18030, which contains GBK and GB 2312.
 * 2. Damaged UTF-8 is not read as GB18030: Chinese UTF-8 nearly always passes as GB18030 too, as gibberish. Bytes that begin with many
 *    three-byte UTF-8 characters are UTF-8, and their first wrong byte is an error.
 * 3. A NUL byte is an error in every encoding: the result is a C string, and nothing after it may be lost silently.
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "text.h"

/* GB18030 text whose beginning passes as this many three-byte UTF-8 characters does not occur. */
#define CERTAIN_UTF8 8

static const char *const UTF8 = "UTF-8";
static const char *const UTF16LE = "UTF-16LE";
static const char *const UTF16BE = "UTF-16BE";
static const char *const GB18030 = "GB18030";

static const char *encoding_of_mark(const char *bytes, gsize length, gsize *ret_mark) {
  if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) return *ret_mark = 3, UTF8;
  if (length >= 2 && memcmp(bytes, "\xFF\xFE", 2) == 0) return *ret_mark = 2, UTF16LE;
  if (length >= 2 && memcmp(bytes, "\xFE\xFF", 2) == 0) return *ret_mark = 2, UTF16BE;
  return *ret_mark = 0, NULL;
}

/* The number of bytes from the start that are UTF-8 without NUL. */
static gsize utf8_prefix(const char *bytes, gsize length) {
  const char *end = bytes;
  g_utf8_validate_len(bytes, length, &end);
  return (gsize) (end - bytes);
}

static gboolean is_certain_utf8(const char *bytes, gsize valid) {
  guint count = 0;
  for (gsize i = 0; i < valid && count < CERTAIN_UTF8; i++) count += ((guchar) bytes[i] & 0xF0) == 0xE0;
  return count >= CERTAIN_UTF8;
}

/* TRUE when the bytes left over begin a UTF-8 character that the end of the buffer cut. */
static gboolean is_cut_utf8(const char *rest, gsize left) {
  return left > 0 && left < 4 && g_utf8_get_char_validated(rest, (gssize) left) == (gunichar) -2;
}

/* Decodes with iconv; stops at the first byte it cannot read. *ret_offset is the number of bytes read. */
static GString *decode_with(const char *encoding, const char *bytes, gsize length, gsize *ret_offset) {
  GString *out = g_string_sized_new(length + length / 2 + 16);
  GIConv converter = g_iconv_open(UTF8, encoding);
  char *in = (char *) bytes; /* iconv's signature only: it does not write there */
  gsize left = length;
  while (converter != (GIConv) -1 && left > 0) {
    char piece[16384], *to = piece;
    gsize room = sizeof piece;
    gsize result = g_iconv(converter, &in, &left, &to, &room);
    g_string_append_len(out, piece, to - piece);
    if (result == (gsize) -1 && errno != E2BIG) break;
  }
  if (converter != (GIConv) -1) g_iconv_close(converter);
  *ret_offset = length - left;
  return out;
}

static char *refuse(const char *encoding, gsize offset, GError **error) {
  return throw_null(error, LANTAI_ERROR_INVALID, "第 %" G_GSIZE_FORMAT " 字节（从 0 数起）不是有效的 %s 文字。请核对文件是否损坏，或另存为 UTF-8 编码后再试。", offset, encoding);
}

static char *decode_wide(const char *encoding, const char *bytes, gsize length, gsize mark, GError **error) {
  gsize offset = 0;
  g_autoptr(GString) text = decode_with(encoding, bytes + mark, length - mark, &offset);
  if (offset < length - mark) return refuse(encoding, mark + offset, error);
  const char *nul = memchr(text->str, '\0', text->len);
  if (nul != NULL) {
    glong units = 0;
    for (const char *p = text->str; p < nul; p = g_utf8_next_char(p)) units += encoding == GB18030 ? 0 : (g_utf8_get_char(p) >= 0x10000 ? 4 : 2);
    const char *in_bytes = encoding == GB18030 ? memchr(bytes, '\0', length) : NULL;
    return refuse(encoding, in_bytes != NULL ? (gsize) (in_bytes - bytes) : mark + (gsize) units, error);
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

char *text_decode(const char *bytes, gsize length, const char **ret_encoding, GError **error) {
  gsize mark = 0;
  const char *encoding = encoding_of_mark(bytes, length, &mark);
  char *text = NULL;
  if (encoding == NULL || encoding == UTF8) {
    gsize valid = utf8_prefix(bytes + mark, length - mark);
    if (valid == length - mark) {
      text = g_strndup(bytes + mark, valid);
      encoding = UTF8;
    } else if (encoding == UTF8 || is_certain_utf8(bytes, valid)) {
      return refuse(UTF8, mark + valid, error);
    }
  }
  if (text == NULL) {
    if (encoding == NULL) encoding = GB18030;
    text = decode_wide(encoding, bytes, length, mark, error);
  }
  if (text != NULL && ret_encoding != NULL) *ret_encoding = encoding;
  return text;
}

const char *text_encoding_guess(const char *bytes, gsize length) {
  gsize mark = 0;
  const char *encoding = encoding_of_mark(bytes, length, &mark);
  if (encoding != NULL) return encoding;
  gsize valid = utf8_prefix(bytes, length);
  if (valid == length || is_cut_utf8(bytes + valid, length - valid) || is_certain_utf8(bytes, valid)) return UTF8;
  return GB18030;
}
