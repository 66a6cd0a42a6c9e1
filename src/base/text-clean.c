/*
 * Cleaning of values as they are stored (text_clean).
 *
 * 1. The result is valid UTF-8 in NFC, without control characters, without white space at its ends. Cleaning a clean value changes nothing.
 * 2. ICU is asked only when the text holds a character that could change under NFC; plain Chinese and ASCII never reach it.
 */
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "text.h"

/* TRUE for characters that no NFC composition touches, beside any neighbour that is inert too. */
static inline gboolean is_inert(gunichar c) {
  return c < 0x300 || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x3001 && c <= 0x3029) || (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0xE000 && c <= 0xF8FF) ||
         (c >= 0x2010 && c <= 0x2064) || (c >= 0x2460 && c <= 0x27BF);
}

static gboolean is_line_end(gunichar c) { return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029; }
static gboolean is_control(gunichar c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }
/* White space of every width, also of none. */
static gboolean is_blank(gunichar c) { return g_unichar_isspace(c) || is_line_end(c) || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF; }

static const char *skip_blank(const char *p) {
  while (*p != '\0' && (is_blank(g_utf8_get_char(p)) || is_control(g_utf8_get_char(p)))) p = g_utf8_next_char(p);
  return p;
}

static void trim_end(GString *out) {
  while (out->len > 0) {
    const char *last = g_utf8_prev_char(out->str + out->len);
    if (!is_blank(g_utf8_get_char(last))) break;
    g_string_truncate(out, (gsize) (last - out->str));
  }
}

/* Copies without control characters; *ret_inert tells whether NFC could still change the copy. */
static GString *copy_plain(const char *utf8, gboolean keep_lines, gboolean *ret_inert) {
  const char *p = skip_blank(utf8), *from = p; /* from: what is not copied yet begins here */
  GString *out = g_string_sized_new(strlen(p));
  gboolean inert = TRUE;
  const char *spaced = NULL; /* behind the last tab or line end that became a space */
  while (*p != '\0') {
    gunichar c = g_utf8_get_char(p);
    const char *here = p;
    p = g_utf8_next_char(p);
    inert = inert && is_inert(c);
    if (G_LIKELY(!is_control(c) && !is_line_end(c))) continue;
    g_string_append_len(out, from, here - from);
    if (keep_lines && is_line_end(c)) {
      if (c == '\r' && *p == '\n') p++;
      g_string_append_c(out, '\n');
    } else if (c == '\t' || is_line_end(c)) {
      if (spaced != here) g_string_append_c(out, ' ');
      spaced = p;
    } else if (spaced == here) {
      spaced = p; /* a control character between two line ends */
    }
    from = p;
  }
  g_string_append_len(out, from, p - from);
  trim_end(out);
  *ret_inert = inert;
  return out;
}

/* NFC of valid UTF-8; NULL if ICU refuses (it does not, short of memory). */
static char *compose(const char *utf8, gsize length) {
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
  g_autofree gunichar2 *utf16 = g_utf8_to_utf16(utf8, (glong) length, NULL, NULL, NULL);
  if (U_FAILURE(status) || utf16 == NULL) return NULL;
  const UChar *units = (const UChar *) utf16;
  if (unorm2_quickCheck(nfc, units, -1, &status) == UNORM_YES) return NULL;
  int32_t units_count = u_strlen(units), capacity = units_count * 3 + 1; /* NFC lengthens at most threefold in UTF-16 */
  g_autofree UChar *composed = g_new(UChar, capacity);
  int32_t composed_count = unorm2_normalize(nfc, units, units_count, composed, capacity, &status);
  if (U_FAILURE(status)) return NULL;
  return g_utf16_to_utf8((const gunichar2 *) composed, composed_count, NULL, NULL, NULL);
}

char *text_clean(const char *utf8, gboolean keep_lines) {
  g_autofree char *valid = g_utf8_validate(utf8, -1, NULL) ? NULL : g_utf8_make_valid(utf8, -1);
  gboolean inert = FALSE;
  GString *out = copy_plain(valid != NULL ? valid : utf8, keep_lines, &inert);
  char *composed = inert ? NULL : compose(out->str, out->len);
  if (composed == NULL) return g_string_free(out, FALSE);
  g_string_free(out, TRUE);
  return composed;
}
