/*
 * The words of a search as a chain: searching within results adds words, a chip takes its own words out again. The chain is nothing but the query's own text.
 *
 * 1. The parts of a query, joined by spaces, mean what the query means: it is cut only between words that must all be there.
 * 2. What is added is closed first (a bracket or a quote left open ends with it), so that it cannot swallow what stands beside it.
 * 3. Reading agrees with search/query.c on where words, phrases and groups end; a query joined by 或 is one part.
 */
#include "search-page.h"
#include <string.h>

enum { PARTS_MAX = 200 };

typedef struct { gunichar *text; glong at; } Scanner; /* text ends with 0 */

static gunichar to_ascii(gunichar c) { return c >= 0xFF01 && c <= 0xFF5E ? c - 0xFEE0 : c == 0x3000 ? ' ' : c; }
static gboolean is_space(gunichar c) { return c != 0 && (g_unichar_isspace(to_ascii(c)) || g_unichar_iscntrl(c)); }
static gboolean is_curly(gunichar c) { return c >= 0x201C && c <= 0x201F; }

/* The character that ends a phrase begun with c; 0: c begins none. */
static gunichar phrase_end(gunichar c) {
  if (to_ascii(c) == '"' || is_curly(c)) return '"';
  return c == 0x300C ? 0x300D : c == 0x300E ? 0x300F : 0; /* 「」『』 */
}
static gboolean ends_phrase(gunichar c, gunichar end) { return end == '"' ? to_ascii(c) == '"' || is_curly(c) : c == end; }

typedef struct { gunichar quote; guint depth; } Unclosed; /* what the text left open */

static Unclosed scan_phrase(Scanner *scanner) {
  gunichar end = phrase_end(scanner->text[scanner->at++]);
  while (scanner->text[scanner->at] && !ends_phrase(scanner->text[scanner->at], end)) scanner->at++;
  if (scanner->text[scanner->at] == 0) return (Unclosed){end, 0};
  scanner->at++;
  while (to_ascii(scanner->text[scanner->at]) == '*') scanner->at++;
  return (Unclosed){0, 0};
}

/* A group with all inside it: phrases are passed over where they can begin. */
static Unclosed scan_group(Scanner *scanner) {
  guint depth = 0;
  gboolean begins = TRUE;
  for (gunichar c; (c = to_ascii(scanner->text[scanner->at])) != 0;) {
    if (begins && phrase_end(scanner->text[scanner->at])) {
      Unclosed open = scan_phrase(scanner);
      if (open.quote) return (Unclosed){open.quote, depth};
      continue;
    }
    scanner->at++;
    if (c == '(') depth++;
    if (c == ')' && --depth == 0) break;
    begins = c == '(' || c == ':' || c == '-' || is_space(c) || to_ascii(scanner->text[scanner->at]) == '"';
  }
  return (Unclosed){0, depth};
}

static void scan_word(Scanner *scanner) {
  while (scanner->text[scanner->at] && !is_space(scanner->text[scanner->at]) && to_ascii(scanner->text[scanner->at]) != '"') {
    gunichar c = to_ascii(scanner->text[scanner->at++]), next = scanner->text[scanner->at];
    if (c == ':' && next && next != '/' && next != '\\') { /* 题名: 水库, 题名:"…", 题名:(…) */
      while (is_space(scanner->text[scanner->at])) scanner->at++;
      return;
    }
  }
}

/* One operand from the scanner's place. */
static Unclosed scan_operand(Scanner *scanner) {
  for (gboolean more = TRUE; more;) {
    gunichar c = scanner->text[scanner->at];
    if (c == 0 || is_space(c)) return (Unclosed){0, 0};
    if (to_ascii(c) == '-') {
      scanner->at++;
      continue;
    }
    if (phrase_end(c)) return scan_phrase(scanner);
    if (to_ascii(c) == '(') return scan_group(scanner);
    glong from = scanner->at;
    scan_word(scanner);
    if (scanner->at == from) scanner->at++;
    more = to_ascii(scanner->text[scanner->at - 1]) == ':' || (scanner->at > from + 1 && is_space(scanner->text[scanner->at - 1]));
  }
  return (Unclosed){0, 0};
}

static char *slice(const Scanner *scanner, glong from, glong to) {
  while (to > from && is_space(scanner->text[to - 1])) to--;
  return g_ucs4_to_utf8(scanner->text + from, to - from, NULL, NULL, NULL);
}

static gboolean is_word(const char *text, const char *const *words) {
  g_autofree char *half = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC);
  return half && g_strv_contains(words, half);
}

static Unclosed split(const char *query, GPtrArray *parts, gboolean *ret_or) {
  static const char *const OR[] = {"OR", "或", NULL}, *const AND[] = {"AND", NULL}, *const NOT[] = {"NOT", "非", NULL};
  g_autofree char *valid = g_utf8_make_valid(query ? query : "", -1);
  g_autofree gunichar *text = g_utf8_to_ucs4_fast(valid, -1, NULL);
  Scanner scanner = {text, 0};
  Unclosed open = {0, 0};
  glong negation = -1; /* where a NOT stands that waits for its operand */
  *ret_or = FALSE;
  while (TRUE) {
    while (is_space(text[scanner.at])) scanner.at++;
    if (text[scanner.at] == 0) break;
    glong from = scanner.at;
    open = scan_operand(&scanner);
    g_autofree char *part = slice(&scanner, from, scanner.at);
    if (is_word(part, OR)) *ret_or = TRUE;
    if (is_word(part, AND)) continue;
    if (is_word(part, NOT) && negation < 0) {
      negation = from;
      continue;
    }
    g_ptr_array_add(parts, slice(&scanner, negation >= 0 ? negation : from, scanner.at));
    negation = -1;
  }
  if (negation >= 0) g_ptr_array_add(parts, slice(&scanner, negation, scanner.at));
  return open;
}

GPtrArray *reader_chain_parts(const char *query) {
  g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
  gboolean either;
  split(query, parts, &either);
  if (parts->len <= 1 || (!either && parts->len <= PARTS_MAX)) return g_steal_pointer(&parts);
  GPtrArray *whole = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(whole, g_strstrip(g_strdup(query)));
  return whole;
}

/* The text closed, and in brackets when it is a choice. */
static void append_closed(GString *out, const char *text) {
  g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
  gboolean either;
  Unclosed open = split(text, parts, &either);
  if (parts->len == 0) return;
  if (out->len) g_string_append_c(out, ' ');
  if (either) g_string_append_c(out, '(');
  g_autofree char *plain = g_strstrip(g_strdup(text));
  g_string_append(out, plain);
  if (open.quote) g_string_append_unichar(out, open.quote);
  for (guint i = 0; i < open.depth; i++) g_string_append_c(out, ')');
  if (either) g_string_append_c(out, ')');
}

char *reader_chain_add(const char *query, const char *more) {
  GString *out = g_string_new(NULL);
  append_closed(out, query ? query : "");
  append_closed(out, more ? more : "");
  return g_string_free(out, FALSE);
}

char *reader_chain_without(GPtrArray *parts, guint left_out) {
  GString *out = g_string_new(NULL);
  for (guint i = 0; i < parts->len; i++) {
    if (i == left_out) continue;
    if (out->len) g_string_append_c(out, ' ');
    g_string_append(out, g_ptr_array_index(parts, i));
  }
  return g_string_free(out, FALSE);
}
