/*
 * Folded text → tokens for FTS5, and a query's term → the two forms it is looked for in: a pattern for memmem, a phrase for FTS5.
 *
 * 1. An ideograph run "abc" has the tokens ab, bc, c: overlapping pairs and the last character alone, which says that the run ends there.
 *    A run of letters or digits is one token. Tokens are separated by spaces; FTS5's `ascii` tokenizer passes them unchanged.
 * 2. A phrase stands in the tokens of a text exactly when the pattern stands in its folded text: a run inside the phrase carries its last single
 *    character (so the run must end there), the last ideograph run does not (so the run may go on), a single last character is a prefix query.
 * 3. Before each value of a field stands an anchor token, made of the field's name, that no text can hold, so that no phrase spans two values.
 */
#include "internal.h"
#include "text.h"

#define ANCHOR "\302\247" /* §: a symbol, never part of a folded run */

static gboolean is_ideograph_run(const char *run) { return text_is_ideograph(g_utf8_get_char(run)); }

/* Pairs of an ideograph run; the last character alone when single_end. */
static void append_pairs(GString *out, const char *run, const char *end, gboolean single_end) {
  const char *at = run;
  for (const char *next = g_utf8_next_char(at); next < end; at = next, next = g_utf8_next_char(next)) {
    g_string_append_len(out, at, g_utf8_next_char(next) - at);
    g_string_append_c(out, ' ');
  }
  if (!single_end) return;
  g_string_append_len(out, at, end - at);
  g_string_append_c(out, ' ');
}

void search_token_append(GString *out, const char *folded) {
  for (const char *at = folded; *at;) {
    if (*at == ' ') {
      at++;
      continue;
    }
    const char *end = strchrnul(at, ' ');
    if (is_ideograph_run(at)) append_pairs(out, at, end, TRUE);
    else {
      g_string_append_len(out, at, end - at);
      g_string_append_c(out, ' ');
    }
    at = end;
  }
}

void search_token_append_anchor(GString *out, const char *key) {
  gsize start = out->len;
  g_string_append(out, ANCHOR);
  search_name_append(out, key);
  const char *name = out->str + start + strlen(ANCHOR);
  gboolean plain = *name != '\0';
  for (const char *at = name; *at; at++) plain = plain && (g_ascii_islower(*at) || g_ascii_isdigit(*at));
  if (!plain) {
    g_autofree char *bytes = g_strdup(name);
    g_string_truncate(out, start);
    g_string_append(out, ANCHOR ANCHOR);
    for (const char *at = bytes; *at; at++) g_string_append_printf(out, "%02x", (guchar)*at);
  }
  g_string_append_c(out, ' ');
}

char *search_pattern(const char *term, gboolean prefix) {
  g_autofree char *folded = text_fold(term);
  gsize length = strlen(folded);
  if (length < 3) return NULL;
  const char *last_run = folded + length - 2;
  while (*last_run != ' ') last_run--;
  if (prefix || is_ideograph_run(last_run + 1)) folded[length - 1] = '\0';
  return g_strdup(is_ideograph_run(folded + 1) ? folded + 1 : folded);
}

char *search_pattern_phrase(const char *pattern, const char *anchor) {
  GString *phrase = g_string_new("\"");
  if (anchor) search_token_append_anchor(phrase, anchor);
  gboolean prefix = FALSE;
  for (const char *at = pattern; *at;) {
    if (*at == ' ') {
      at++;
      continue;
    }
    const char *end = strchrnul(at, ' ');
    gboolean ideographs = is_ideograph_run(at), last = *end == '\0';
    gboolean single = ideographs && g_utf8_next_char(at) == end;
    if (ideographs) append_pairs(phrase, at, end, !last || single);
    else {
      g_string_append_len(phrase, at, end - at);
      g_string_append_c(phrase, ' ');
    }
    prefix = last && (single || !ideographs);
    at = end;
  }
  g_string_append(phrase, prefix ? "\" *" : "\"");
  return g_string_free(phrase, FALSE);
}

gboolean search_pattern_in(const char *pattern, const char *folded) { return folded && strstr(folded, pattern) != NULL; }

gboolean search_pattern_begins(const char *pattern, const char *folded) { return folded && g_str_has_prefix(*pattern == ' ' ? folded : folded + 1, pattern); }

void search_fields_each(const char *fields, void (*func)(const char *key, const char *value, gsize length, gpointer data), gpointer data) {
  g_autoptr(GString) key = g_string_new(NULL);
  for (const char *line = fields; line && *line;) {
    const char *end = strchrnul(line, '\n');
    const char *tab = memchr(line, '\t', (gsize)(end - line));
    const char *value = tab ? tab + 1 : line;
    g_string_truncate(key, 0);
    if (tab) g_string_append_len(key, line, tab - line);
    if (value < end) func(key->str, value, (gsize)(end - value), data);
    line = *end ? end + 1 : end;
  }
}
