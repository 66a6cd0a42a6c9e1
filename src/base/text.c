/*
 * Folding of text for search (text.h has the invariants), its length, and JSON string literals. Cleaning is in text-clean.c, decoding in text-decode.c.
 *
 * Folding runs for every imported field, so it is one table look-up a character (fold-table.h, made by tools/fold-table.c) and writes UTF-8 directly.
 * Bytes that are no UTF-8 only separate; nothing is read beyond the given length.
 */
#include "text.h"

#include <string.h>

#include "fold-table.h"

enum { SEPARATOR, DROPPED, LETTER, IDEOGRAPH };
#define KIND(entry) ((entry) >> 30)
#define POOLED(entry) (((entry) & (1u << 29)) != 0)
#define PAYLOAD(entry) ((entry) & 0xFFFFFFu)
/* Room for the longest folded form of one character (18 code points) with a space between any two. */
#define STEP_BYTES 128

static inline guint32 entry_of(gunichar character) {
  if (G_UNLIKELY(character >= 0x110000)) return 0;
  return FOLD_ENTRY[FOLD_BLOCK[character >> 7] * 128 + (character & 127)];
}

static inline gboolean is_tail(guchar byte) { return (byte & 0xC0) == 0x80; }

/* Decodes the character at p (not ASCII); the number of its bytes, or 0 when they are no UTF-8. */
static inline gsize decode_wide(const guchar *p, const guchar *end, gunichar *ret) {
  gsize left = (gsize) (end - p);
  if ((p[0] & 0xF0) == 0xE0 && left >= 3 && is_tail(p[1]) && is_tail(p[2])) {
    *ret = (gunichar) (p[0] & 0x0F) << 12 | (gunichar) (p[1] & 0x3F) << 6 | (p[2] & 0x3F);
    return *ret >= 0x800 && (*ret & 0xF800) != 0xD800 ? 3 : 0;
  }
  if (p[0] >= 0xC2 && p[0] <= 0xDF && left >= 2 && is_tail(p[1])) {
    *ret = (gunichar) (p[0] & 0x1F) << 6 | (p[1] & 0x3F);
    return 2;
  }
  if (p[0] >= 0xF0 && p[0] <= 0xF4 && left >= 4 && is_tail(p[1]) && is_tail(p[2]) && is_tail(p[3])) {
    *ret = (gunichar) (p[0] & 0x07) << 18 | (gunichar) (p[1] & 0x3F) << 12 | (gunichar) (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return *ret >= 0x10000 && *ret < 0x110000 ? 4 : 0;
  }
  return 0;
}

/* Where folded text is written: `kind` is the class of the run that is open, 0 when the last character written is a space. */
typedef struct {
  char *at;
  guint kind;
} Pen;

static inline void pen_separate(Pen *pen) {
  if (pen->kind != 0) *pen->at++ = ' ';
  pen->kind = 0;
}

static inline void pen_begin(Pen *pen, guint kind) {
  if (pen->kind != kind && pen->kind != 0) *pen->at++ = ' ';
  pen->kind = kind;
}

static void pen_write_pooled(Pen *pen, guint32 entry) {
  const char *form = (const char *) FOLD_POOL + PAYLOAD(entry);
  for (; *form != '\0'; form = g_utf8_next_char(form)) {
    if (*form == ' ') {
      pen_separate(pen);
      continue;
    }
    pen_begin(pen, KIND(entry_of(g_utf8_get_char(form))));
    gsize size = (gsize) (g_utf8_next_char(form) - form);
    memcpy(pen->at, form, size);
    pen->at += size;
  }
}

/* Writes one character: source has its `size` bytes of UTF-8. */
static inline void pen_write(Pen *pen, guint32 entry, const guchar *source, gsize size) {
  guint kind = KIND(entry);
  guint32 form = PAYLOAD(entry);
  if (G_UNLIKELY(POOLED(entry))) {
    pen_write_pooled(pen, entry);
  } else if (kind == SEPARATOR) {
    pen_separate(pen);
  } else if (kind != DROPPED) {
    pen_begin(pen, kind);
    if (form == 0) {
      for (gsize i = 0; i < size; i++) pen->at[i] = (char) source[i];
      pen->at += size;
    } else {
      for (; form != 0; form >>= 8) *pen->at++ = (char) (form & 0xFF);
    }
  }
}

/* Makes room for at least `bytes` more after the pen. */
static char *grow(GString *out, Pen *pen, gsize bytes) {
  gsize used = (gsize) (pen->at - out->str);
  g_string_set_size(out, used + bytes);
  pen->at = out->str + used;
  return out->str + out->len;
}

void text_fold_append(GString *out, const char *utf8, gssize length) {
  const guchar *p = (const guchar *) utf8;
  const guchar *end = p + (length < 0 ? strlen(utf8) : (gsize) length);
  if (out->len == 0 || out->str[out->len - 1] != ' ') g_string_append_c(out, ' ');
  Pen pen = {.at = out->str + out->len};
  char *limit = grow(out, &pen, (gsize) (end - p) + (gsize) (end - p) / 4 + 2 * STEP_BYTES);
  while (p < end) {
    if (G_UNLIKELY(limit - pen.at < STEP_BYTES)) limit = grow(out, &pen, (gsize) (end - p) * 2 + 2 * STEP_BYTES);
    gunichar character = *p;
    gsize size = character < 0x80 ? 1 : decode_wide(p, end, &character);
    if (G_UNLIKELY(size == 0)) {
      pen_separate(&pen);
      p++;
      continue;
    }
    pen_write(&pen, entry_of(character), p, size);
    p += size;
  }
  pen_separate(&pen);
  g_string_truncate(out, (gsize) (pen.at - out->str));
}

char *text_fold(const char *utf8) {
  GString *out = g_string_new(NULL);
  text_fold_append(out, utf8, -1);
  return g_string_free(out, FALSE);
}

gboolean text_is_ideograph(gunichar character) { return KIND(entry_of(character)) == IDEOGRAPH; }

guint text_fold_character(gunichar character, gunichar folded[18]) {
  guint32 entry = entry_of(character);
  guint count = 0;
  if (POOLED(entry)) {
    for (const char *form = (const char *) FOLD_POOL + PAYLOAD(entry); *form != '\0'; form = g_utf8_next_char(form)) folded[count++] = g_utf8_get_char(form);
    return count;
  }
  if (KIND(entry) == SEPARATOR || KIND(entry) == DROPPED) return 0;
  char utf8[8] = "";
  guint32 form = PAYLOAD(entry);
  for (guint i = 0; form != 0; form >>= 8) utf8[i++] = (char) (form & 0xFF);
  folded[0] = utf8[0] == '\0' ? character : g_utf8_get_char(utf8);
  return 1;
}

guint text_length(const char *utf8) {
  guint count = 0;
  for (const guchar *p = (const guchar *) utf8; *p != '\0'; p++) count += !is_tail(*p);
  return count;
}

void text_json_append(GString *out, const char *utf8) {
  static const char hex[] = "0123456789abcdef";
  g_string_append_c(out, '"');
  const char *from = utf8;
  for (const char *p = utf8;; p++) {
    guchar byte = (guchar) *p;
    if (G_LIKELY(byte >= 0x20 && byte != '"' && byte != '\\')) continue;
    g_string_append_len(out, from, p - from);
    from = p + 1;
    if (byte == '\0') break;
    if (byte == '"' || byte == '\\') {
      g_string_append_c(out, '\\');
      g_string_append_c(out, (char) byte);
    } else if (byte == '\n') {
      g_string_append(out, "\\n");
    } else {
      char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
      g_string_append_len(out, escape, sizeof escape);
    }
  }
  g_string_append_c(out, '"');
}

char *text_next_blank(const char **pattern, GString *out) {
  const char *open = strchr(*pattern, '{'), *close = open != NULL ? strchr(open, '}') : NULL;
  g_string_append_len(out, *pattern, close != NULL ? open - *pattern : -1);
  *pattern = close != NULL ? close + 1 : *pattern + strlen(*pattern);
  return close != NULL ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;
}

char *text_size(double bytes) {
  static const char *const units[] = {"KB", "MB", "GB", "TB", "PB"};
  if (bytes < 1024) return g_strdup_printf("%d 字节", (int)bytes);
  gsize unit = 0;
  for (bytes /= 1024; bytes >= 1023.95 && unit + 1 < G_N_ELEMENTS(units); unit++) bytes /= 1024;
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup_printf("%s %s", g_ascii_formatd(number, sizeof number, "%.1f", bytes), units[unit]);
}
