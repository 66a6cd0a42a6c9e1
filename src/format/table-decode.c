/*
 * Bytes in pieces to UTF-8, where broken characters do not stop the rest: each becomes the byte TABLE_BROKEN, which the parser finds in a
 * cell and can thus say the row and the column of. NUL is broken too: no text has it.
 */
#include "table-sink.h"
#include <errno.h>
#include <iconv.h>
#include <string.h>

struct TableDecoder {
  iconv_t converter; /* (iconv_t)-1: the bytes are UTF-8 */
  char carry[8]; /* a character cut by the end of the last piece */
  gsize carried;
};

TableDecoder *table_decoder_new(const char *encoding) {
  TableDecoder *decoder = g_new0(TableDecoder, 1);
  decoder->converter = g_str_equal(encoding, "UTF-8") ? (iconv_t)-1 : iconv_open("UTF-8", encoding);
  return decoder;
}

void table_decoder_free(TableDecoder *decoder) {
  if (decoder == NULL) return;
  if (decoder->converter != (iconv_t)-1) iconv_close(decoder->converter);
  g_free(decoder);
}

static guint break_one(GString *out) {
  g_string_append_c(out, (char)TABLE_BROKEN);
  return 1;
}

/* Could these bytes be the beginning of one UTF-8 character? */
static gboolean is_cut_utf8(const char *bytes, gsize length) { return length < 4 && g_utf8_get_char_validated(bytes, (gssize)length) == (gunichar)-2; }

/* Returns how many bytes were used; what is left is a cut character. */
static gsize decode_utf8(const char *bytes, gsize length, GString *out, guint *broken) {
  gsize at = 0;
  while (at < length) {
    const char *end;
    gboolean valid = g_utf8_validate(bytes + at, (gssize)(length - at), &end);
    g_string_append_len(out, bytes + at, end - (bytes + at));
    at = (gsize)(end - bytes);
    if (valid || is_cut_utf8(bytes + at, length - at)) return at;
    *broken += break_one(out);
    at++;
  }
  return at;
}

static gsize decode_foreign(TableDecoder *decoder, const char *bytes, gsize length, GString *out, guint *broken) {
  char *in = (char *)bytes;
  gsize left = length;
  while (left > 0) {
    gsize start = out->len, room = left * 3 + 16;
    g_string_set_size(out, start + room);
    char *to = out->str + start;
    gsize result = iconv(decoder->converter, &in, &left, &to, &room);
    int reason = errno;
    gsize wrote = (gsize)(to - (out->str + start));
    for (char *zero = out->str + start; (zero = memchr(zero, 0, wrote - (gsize)(zero - (out->str + start)))) != NULL; zero++, ++*broken)
      *zero = (char)TABLE_BROKEN;
    g_string_set_size(out, start + wrote);
    if (result != (gsize)-1) break;
    if (reason == EINVAL) break; /* cut at the end */
    if (reason != EILSEQ) continue;
    *broken += break_one(out);
    in++;
    left--;
  }
  return length - left;
}

static gsize decode_piece(TableDecoder *decoder, const char *bytes, gsize length, GString *out, guint *broken) {
  return decoder->converter == (iconv_t)-1 ? decode_utf8(bytes, length, out, broken) : decode_foreign(decoder, bytes, length, out, broken);
}

guint table_decode(TableDecoder *decoder, const char *bytes, gsize length, gboolean at_end, GString *out) {
  guint broken = 0;
  while (decoder->carried > 0 && length > 0) { /* byte by byte, until the cut character is complete */
    decoder->carry[decoder->carried++] = *bytes++;
    length--;
    gsize used = decode_piece(decoder, decoder->carry, decoder->carried, out, &broken);
    decoder->carried -= used;
    memmove(decoder->carry, decoder->carry + used, decoder->carried);
  }
  gsize used = length == 0 ? 0 : decode_piece(decoder, bytes, length, out, &broken);
  if (length > used) {
    memcpy(decoder->carry, bytes + used, MIN(length - used, sizeof decoder->carry - 1));
    decoder->carried = MIN(length - used, sizeof decoder->carry - 1);
  }
  if (!at_end) return broken;
  if (decoder->carried > 0) broken += break_one(out);
  decoder->carried = 0;
  return broken;
}

guint table_decode_value(TableDecoder *decoder, const char *bytes, gsize length, GString *out) {
  guint broken = 0;
  decode_piece(decoder, bytes, length, out, &broken);
  return broken;
}

void table_mend(const char *text, gsize length, GString *out) {
  for (const char *end = text + length; text < end;) {
    const char *bad = memchr(text, TABLE_BROKEN, (gsize)(end - text));
    g_string_append_len(out, text, (bad == NULL ? end : bad) - text);
    if (bad == NULL) return;
    g_string_append(out, "\xef\xbf\xbd");
    text = bad + 1;
  }
}

/* Windows-1252's characters from 0x80 on; 0: the byte has none, spreadsheets then use U+F100 and the byte. */
static const guint16 WESTERN[32] = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
                                    0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178};

static int western_byte(gunichar character) {
  if (character < 0x100) return (int)character; /* some programs keep 0x81 and its like as they are */
  if (character >= 0xf180 && character <= 0xf19f) return (int)(character - 0xf100);
  for (int i = 0; i < 32; i++)
    if (WESTERN[i] == character) return 0x80 + i;
  return -1;
}

gboolean table_undo_western(const char *text, gsize length, GString *out) {
  g_string_truncate(out, 0);
  for (const char *at = text; at < text + length; at = g_utf8_next_char(at)) {
    int byte = western_byte(g_utf8_get_char(at));
    if (byte <= 0) return FALSE;
    g_string_append_c(out, (char)byte);
  }
  return g_utf8_validate(out->str, (gssize)out->len, NULL);
}
