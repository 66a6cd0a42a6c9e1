/*
 * What is asked for as 年度 or 日期 → spans of days: a date or a range of dates (date.h), a period or a reign by its name, a year of the cycle of sixty, a year
 * of two figures, an open end (1949年以前), several of them (2019、2021).
 *
 * 1. What says more than its own figures is told as it was understood, so that nobody wonders what was looked for.
 * 2. 以前 ends before what stands before it, 以后 begins with it; with 及, and with 止, what is named belongs to it.
 */
#include "query.h"

enum { FIRST_DAY = 10101, LAST_YEAR = G_MAXUINT16, LAST_DAY = LAST_YEAR * 10000 + 1231 };

typedef struct {
  const char *word;
  gboolean leads, later, inclusive;
} Bound;
static const Bound BOUNDS[] = { /* longer ones first */
  {"及以前", FALSE, FALSE, TRUE}, {"及之前", FALSE, FALSE, TRUE}, {"为止", FALSE, FALSE, TRUE}, {"止", FALSE, FALSE, TRUE}, {"以前", FALSE, FALSE, FALSE},
  {"之前", FALSE, FALSE, FALSE}, {"前", FALSE, FALSE, FALSE}, {"及以后", FALSE, TRUE, TRUE}, {"及之后", FALSE, TRUE, TRUE}, {"以后", FALSE, TRUE, TRUE},
  {"之后", FALSE, TRUE, TRUE}, {"以来", FALSE, TRUE, TRUE}, {"至今", FALSE, TRUE, TRUE}, {"开始", FALSE, TRUE, TRUE}, {"起", FALSE, TRUE, TRUE}, {"后", FALSE, TRUE, TRUE},
  {">=", TRUE, TRUE, TRUE}, {"≥", TRUE, TRUE, TRUE}, {">", TRUE, TRUE, FALSE}, {"<=", TRUE, FALSE, TRUE}, {"≤", TRUE, FALSE, TRUE}, {"<", TRUE, FALSE, FALSE},
};

/* ---- one span ---- */

/* Half-width, and every sign of a range a dash. */
static char *plain_range(const char *text) {
  static const char *const dashes[] = {"..", "—", "–", "~", "至", "到"};
  g_autoptr(GString) plain = g_string_new(text);
  for (guint i = 0; i < G_N_ELEMENTS(dashes); i++) g_string_replace(plain, dashes[i], "-", 0);
  return g_string_free(g_steal_pointer(&plain), FALSE);
}

/* "1958", "1950-1959", "1950-", "-1959" */
static gboolean read_years(const char *text, DateSpan *ret) {
  g_autofree char *range = plain_range(text);
  g_autoptr(GString) plain = g_string_new(range);
  g_string_replace(plain, "年", "", 0);
  g_auto(GStrv) ends = g_strsplit(plain->str, "-", 0);
  guint count = g_strv_length(ends);
  guint64 years[2] = {0, 0};
  if (count == 0 || count > 2 || (count == 2 && !*ends[0] && !*ends[1])) return FALSE;
  for (guint i = 0; i < count; i++) {
    if (*ends[i] == '\0') years[i] = i == 0 ? 1 : LAST_YEAR;
    else if (!g_ascii_string_to_unsigned(ends[i], 10, 100, LAST_YEAR, &years[i], NULL)) return FALSE;
  }
  if (count == 1) years[1] = years[0];
  *ret = (DateSpan){(gint32)MIN(years[0], years[1]) * 10000 + 101, (gint32)MAX(years[0], years[1]) * 10000 + 1231};
  return TRUE;
}

/* A date, a range, a period, a reign (also without 年间). */
static gboolean read_span(const char *text, DateSpan *ret) {
  g_autoptr(GString) plain = g_string_new(text);
  g_autofree char *reign = g_strconcat(text, "年间", NULL);
  g_string_replace(plain, "..", "~", 0);
  return (date_parse(plain->str, ret) && ret->from > 0) || date_period(text, ret) || date_period(reign, ret);
}

/* What stands before a bound: 1949年10月, 文革期间; and the day of which only 建国前 is in the table. */
static gboolean read_named(const char *text, DateSpan *ret) {
  g_autofree char *before = g_strconcat(text, "前", NULL);
  if (read_span(text, ret)) return TRUE;
  if (!date_period(before, ret)) return FALSE;
  ret->from = ret->to = date_shift(ret->to, 1);
  return TRUE;
}

static gboolean read_bound(const char *text, DateSpan *ret) {
  for (guint i = 0; i < G_N_ELEMENTS(BOUNDS); i++) {
    const Bound *bound = &BOUNDS[i];
    if (!(bound->leads ? g_str_has_prefix(text, bound->word) : g_str_has_suffix(text, bound->word))) continue;
    gsize length = strlen(bound->word);
    g_autofree char *rest = bound->leads ? g_strdup(text + length) : g_strndup(text, strlen(text) - length);
    DateSpan named;
    if (!read_named(g_strstrip(rest), &named)) return FALSE;
    if (bound->later) *ret = (DateSpan){bound->inclusive ? named.from : date_shift(named.to, 1), LAST_DAY};
    else *ret = (DateSpan){FIRST_DAY, bound->inclusive ? named.to : date_shift(named.from, -1)};
    return TRUE;
  }
  return FALSE;
}

char *search_span_say(DateSpan span) {
  DateSpan from = {span.from, span.from}, to = {span.to, span.to};
  if (span.from > FIRST_DAY && span.to < LAST_DAY) return date_format(span);
  g_autofree char *end = date_format(span.to < LAST_DAY ? to : from);
  return g_strconcat(end, span.to < LAST_DAY ? " 及以前" : " 及以后", NULL);
}

/* ---- several ---- */

static int read_two(const char **at) {
  static const char digits[] = "〇一二三四五六七八九";
  int value = 0;
  for (guint i = 0; i < 2; i++, *at = g_utf8_next_char(*at)) {
    gunichar c = g_utf8_get_char(*at);
    const char *chinese = c == 0x96F6 ? digits : c == 0 ? NULL : g_utf8_strchr(digits, -1, c); /* 零 */
    int digit = g_ascii_isdigit(**at) ? **at - '0' : chinese ? (int)g_utf8_pointer_to_offset(digits, chinese) : -1;
    if (digit < 0) return -1;
    value = value * 10 + digit;
  }
  if (g_str_has_prefix(*at, "年")) *at += strlen("年");
  return value;
}

guint search_short_years(const char *text, DateSpan *ret) {
  g_autofree char *plain = plain_range(text);
  const char *at = plain;
  int from = read_two(&at), to = from, this_year = date_today() / 10000;
  guint count = 0;
  if (from >= 0 && *at == '-') at++, to = read_two(&at);
  if (from < 0 || to < from || *at != '\0') return 0;
  for (int century = 1900; century <= 2000; century += 100)
    if (century + to <= this_year) ret[count++] = (DateSpan){(century + from) * 10000 + 101, (century + to) * 10000 + 1231};
  return count;
}

static guint read_cycle(const char *text, DateSpan *ret) {
  int years[SEARCH_TIMES];
  g_autofree char *whole = g_str_has_suffix(text, "年") ? g_strdup(text) : g_strconcat(text, "年", NULL);
  guint count = date_cycle_parse(whole, date_today() / 10000, years, SEARCH_TIMES);
  for (guint i = 0; i < count; i++) ret[i] = (DateSpan){years[i] * 10000 + 101, years[i] * 10000 + 1231};
  return count > 1 ? count : 0; /* of one alone its reign says so: it is a date */
}

/* One of the list; ret_told: it says more than its figures. */
static guint read_time(const char *text, DateSpan *ret, gboolean *ret_told) {
  DateSpan figures;
  guint count = read_cycle(text, ret);
  *ret_told = TRUE;
  if (count == 0) count = search_short_years(text, ret);
  if (count > 0) return count;
  gboolean dated = read_span(text, ret), years = read_years(text, &figures);
  if (dated && !(years && ret->from % 10000 == 101 && ret->to % 10000 == 1231)) return 1;
  if (!dated && !years) return read_bound(text, ret);
  *ret_told = FALSE;
  if (!dated) *ret = figures;
  return 1;
}

static char *say_times(const char *text, const DateSpan *spans, guint count) {
  g_autoptr(GString) said = g_string_new(NULL);
  for (guint i = 0; i < count; i++) {
    g_autofree char *one = search_span_say(spans[i]);
    g_string_append_printf(said, "%s%s", i ? "、" : "", one);
  }
  return count == 1 ? g_strdup_printf("“%s”即 %s", text, said->str) : g_strdup_printf("“%s”是 %s 之一", text, said->str);
}

guint search_times_read(const char *text, DateSpan *ret, char **ret_said) {
  g_autofree char *half = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC);
  g_auto(GStrv) parts = g_regex_split_simple("[、,;]", half ? half : text, 0, 0);
  guint count = 0;
  gboolean any = FALSE;
  for (char **part = parts; *part; part++) {
    DateSpan spans[SEARCH_TIMES];
    gboolean told = FALSE;
    guint own = read_time(g_strstrip(*part), spans, &told);
    if (own == 0 || count + own > SEARCH_TIMES) return 0;
    memcpy(ret + count, spans, own * sizeof *spans);
    count += own;
    any = any || told;
  }
  *ret_said = any ? say_times(text, ret, count) : NULL;
  return count;
}
