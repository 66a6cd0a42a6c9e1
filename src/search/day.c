/*
 * Days in the fields of a category: beside a value that is a date stand tokens of the days it touches, so that a question for a day, a month, a year or a
 * span finds what is dated so, however it is written and however much of it is unknown.
 *
 * 1. A span is whole years, whole months and single days (w1958, v195803, d19580301); beside each stand the year and month it lies in (y1958, m195803).
 *    A question for a year asks for y; for a month m, or its year's w; for a day d, or its month's v, or its year's w. So both touch exactly when their
 *    tokens meet.
 * 2. What counts as a date is told by the value alone, as with names (name.c): a definition may change, the index stays. Whether a field is asked so, by
 *    its definition.
 * 3. A token names its field (search_token_append_anchor behind a mark that no text can hold).
 */
#include "query.h"
#include "date.h"

#define DAY_MARK "\302\247\302\247\302\247"
enum { VALUE_BYTES = 64 * 3 /* of the characters that date.c reads */, YEARS_MOST = 300 };

typedef void (*SpanPart)(char kind, int number, gpointer data); /* kind: y, m, d */

static int month_end(int year, int month) { return year * 10000 + month * 100 + g_date_get_days_in_month((GDateMonth)month, (GDateYear)year); }

/* The span as whole years, whole months and days, in order. */
static void span_each(DateSpan span, SpanPart visit, gpointer data) {
  for (int day = span.from; day > 0 && day <= span.to;) {
    int year = day / 10000, month = day / 100 % 100;
    if (day % 10000 == 101 && year * 10000 + 1231 <= span.to) {
      visit('y', year, data);
      day += 10000;
    } else if (day % 100 == 1 && month_end(year, month) <= span.to) {
      visit('m', day / 100, data);
      day = month == 12 ? (year + 1) * 10000 + 101 : day + 100;
    } else {
      visit('d', day, data);
      day = date_shift(day, 1);
    }
  }
}

/* ---- of a value ---- */

typedef struct { GString *out, *head; int year, month; } Tokens;

static void append_token(const Tokens *tokens, char kind, int number) { g_string_append_printf(tokens->out, "%s%c%d ", tokens->head->str, kind, number); }

static void append_part(char kind, int number, gpointer data) {
  Tokens *tokens = data;
  int year = kind == 'y' ? number : kind == 'm' ? number / 100 : number / 10000, month = kind == 'm' ? number : number / 100;
  append_token(tokens, kind == 'y' ? 'w' : kind == 'm' ? 'v' : 'd', number);
  if (year != tokens->year) append_token(tokens, 'y', year);
  if (kind != 'y' && month != tokens->month) append_token(tokens, 'm', month);
  tokens->year = year;
  tokens->month = kind == 'y' ? 0 : month;
}

/* The field's name as the head of its tokens. */
static GString *head_of(const char *key) {
  GString *head = g_string_new(DAY_MARK);
  search_token_append_anchor(head, key);
  g_string_truncate(head, head->len - 1);
  return g_string_append(head, "\302\247");
}

/* Most values are none; of many that is told without reading them: of letters a date has only T, × written x, and 〇 written O (date.c). */
static gboolean may_be_date(const char *value, gsize length) {
  if (length < 4 || length > VALUE_BYTES) return FALSE;
  for (gsize i = 0; i < length; i++)
    if (g_ascii_isalpha(value[i]) && strchr("TXOtxo", value[i]) == NULL) return FALSE;
  return TRUE;
}

static gboolean date_of(const char *value, gsize length, DateSpan *ret) {
  char text[VALUE_BYTES + 1];
  if (!may_be_date(value, length)) return FALSE;
  memcpy(text, value, length);
  text[length] = '\0';
  return date_parse(text, ret) && ret->from > 0 && ret->to / 10000 - ret->from / 10000 <= YEARS_MOST;
}

void search_days_append(GString *out, const char *key, const char *value, gsize length) {
  DateSpan span;
  if (!date_of(value, length, &span)) return;
  g_autoptr(GString) head = head_of(key);
  Tokens tokens = {out, head, 0, 0};
  span_each(span, append_part, &tokens);
}

gboolean search_days_touch(DateSpan asked, const char *value, gsize length) {
  DateSpan span;
  return date_of(value, length, &span) && span.from <= asked.to && span.to >= asked.from;
}

/* ---- where a date begins: year << 9 | month << 5 | day, 0 for what is unknown ---- */

static guint32 packed(char kind, int number) {
  guint year = (guint)(kind == 'w' ? number : kind == 'v' ? number / 100 : number / 10000), month = (guint)(kind == 'w' ? 0 : kind == 'v' ? number : number / 100) % 100;
  return year << 9 | month << 5 | (kind == 'd' ? (guint)number % 100 : 0);
}

char *search_day_head(const char *name) { return g_string_free(head_of(name), FALSE); }

guint32 search_day_read(const char *token) {
  int number = (int)g_ascii_strtoll(token + 1, NULL, 10);
  return number > 0 ? packed(token[0], number) : 0;
}

static void take_first(char kind, int number, gpointer data) {
  guint32 *first = data;
  if (*first == 0) *first = packed(kind == 'y' ? 'w' : kind == 'm' ? 'v' : 'd', number);
}

guint32 search_day_begins(const char *value, gsize length) {
  DateSpan span;
  guint32 first = 0;
  if (date_of(value, length, &span)) span_each(span, take_first, &first);
  return first;
}

/* ---- of a question ---- */

typedef struct { GString *out; const char *head; int first_year, last_year; } Phrases;

static void append_phrase(Phrases *phrases, char kind, int number, gboolean begins) {
  g_string_append_printf(phrases->out, "%s\"%s%c%d\"%s", phrases->out->len ? " OR " : "", phrases->head, kind, number, begins ? " *" : "");
}

/* Years that follow one another, by whole centuries and decades where they are whole. */
static void append_years(Phrases *phrases) {
  for (int year = phrases->first_year; year > 0 && year <= phrases->last_year;) {
    int step = year % 100 == 0 && year + 99 <= phrases->last_year ? 100 : year % 10 == 0 && year + 9 <= phrases->last_year ? 10 : 1;
    append_phrase(phrases, 'y', year / step, step > 1);
    year += step;
  }
  phrases->first_year = phrases->last_year = 0;
}

static void append_asked(char kind, int number, gpointer data) {
  Phrases *phrases = data;
  if (kind == 'y') {
    if (phrases->first_year == 0) phrases->first_year = number;
    phrases->last_year = number;
    return;
  }
  append_years(phrases);
  append_phrase(phrases, kind, number, FALSE);
  if (kind == 'd') append_phrase(phrases, 'v', number / 100, FALSE);
  append_phrase(phrases, 'w', kind == 'd' ? number / 10000 : number / 100, FALSE);
}

char *search_days_phrase(DateSpan asked, const char *names) {
  g_auto(GStrv) list = g_strsplit(names, "\t", -1);
  GString *out = g_string_new(NULL);
  for (char **name = list; *name != NULL; name++) {
    g_autoptr(GString) head = head_of(*name);
    Phrases phrases = {out, head->str, 0, 0};
    span_each(asked, append_asked, &phrases);
    append_years(&phrases);
  }
  return g_string_free(out, FALSE);
}
