/*
 * Dates as archives write them (date.h lists the forms): the text becomes tokens, the tokens one date or a range of two.
 *
 * 1. Characters are folded first (text.h), so traditional and full-width forms need no rules of their own.
 * 2. A part that is zero, or written × throughout, is unknown; everything after it must be unknown too.
 * 3. Only days of the calendar count. Lunar months and days of reign years are checked for form and stay unknown: the span is the year in which the reign
 *    year began.
 * 4. Hostile input costs nothing: a text of more than MAX_CHARACTERS is no date.
 */
#include "date-names.h"
#include "settings.h"

enum { MAX_CHARACTERS = 64, YEAR_MIN = 1000, YEAR_MAX = 2999 };

typedef enum {
  TOKEN_END,
  TOKEN_NUMBER,
  TOKEN_ERA,
  TOKEN_YEAR,
  TOKEN_MONTH,
  TOKEN_DAY,
  TOKEN_DASH,
  TOKEN_SLASH,
  TOKEN_DOT,
  TOKEN_RANGE,
  TOKEN_ABOUT,
  TOKEN_DOUBT,
  TOKEN_LEAP,  /* 闰: lunar only */
  TOKEN_FIRST, /* 初: lunar only */
  TOKEN_TIME,  /* T of ISO 8601 */
  TOKEN_COLON,
  TOKEN_DECADE,  /* 代 of 年代 */
  TOKEN_CENTURY, /* 世纪; 上世纪 has the value 20 */
  TOKEN_SEASON,  /* a named part of a year */
  TOKEN_TENS,    /* a named part of a month */
  TOKEN_CYCLE    /* a year of the cycle of sixty: 丁丑 */
} TokenKind;

typedef struct {
  const char *name;
  int first, last; /* months of a year, days of a month (31: its last) */
} Part;

typedef struct {
  TokenKind kind;
  int value;           /* of a number; unknown digits count as 0 */
  int digits, unknown; /* written digits (0: in words, as 二十六), how many of them at the end are unknown */
  gboolean lunar;      /* a number that only lunar months have: 正 冬 腊 */
  const Era *era;
  const Part *part;
} Token;

typedef struct {
  gunichar text[MAX_CHARACTERS + 1]; /* folded */
  Token tokens[MAX_CHARACTERS + 1];
  const Token *next;
} Reader;

typedef struct {
  int year, month, day; /* month, day 0: unknown */
  int years;            /* 1, or 10 or 100 when digits of the year are unknown */
  gboolean has_month, has_day;
  const Era *era;
  const Part *part; /* of the year, or of the month when there is one; NULL: the whole */
} Date;

/* The seasons reach as far as they are written about: months overlap, winter ends with the year that it is named after. */
static const Part SEASONS[] = {{"春", 1, 5}, {"夏", 4, 8}, {"秋", 7, 11}, {"冬", 10, 12}, {"上半年", 1, 6}, {"下半年", 7, 12}};
static const Part TENS[] = {{"上旬", 1, 10}, {"中旬", 11, 20}, {"下旬", 21, 31}};

/* The digit that a Chinese numeral writes, 10 and more for 十 百 廿 卅, -1 for other characters. */
static int chinese_digit(gunichar c) {
  static const struct { gunichar character; int value; } numerals[] = {
    {0x3007, 0}, {0x25CB, 0}, {0x25EF, 0}, {0x96F6, 0}, {0x4E00, 1}, {0x58F9, 1}, {0x4E8C, 2}, {0x8D30, 2}, {0x4E09, 3}, {0x53C1, 3}, {0x53C2, 3},
    {0x56DB, 4}, {0x8086, 4}, {0x4E94, 5}, {0x4F0D, 5}, {0x516D, 6}, {0x9646, 6}, {0x4E03, 7}, {0x67D2, 7}, {0x516B, 8}, {0x634C, 8}, {0x4E5D, 9},
    {0x7396, 9}, {0x5341, 10}, {0x62FE, 10}, {0x767E, 100}, {0x4F70, 100}, {0x5EFF, 20}, {0x5345, 30},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(numerals); i++)
    if (numerals[i].character == c) return numerals[i].value;
  return -1;
}

static gboolean is_digit(gunichar c) { return c >= '0' && c <= '9'; }
static gboolean is_unknown_digit(gunichar c) { return c == 0xD7 || c == 'x' || c == 0x2715 || c == 0x2573 || c == 0x25A1 || c == 0x51E0 /* 几 */; }

/* × after digits (or alone), and the ? of 195? and 19??. */
static const gunichar *read_unknown(const gunichar *p, Token *token) {
  while (is_unknown_digit(*p)) {
    token->unknown++;
    p++;
  }
  if (token->unknown == 0 && token->digits == 3 && p[0] == '?' && p[1] != '?') token->unknown = 1;
  if (token->unknown == 0 && token->digits == 2 && p[0] == '?' && p[1] == '?') token->unknown = 2;
  if (*p == '?') p += token->unknown;
  for (int i = 0; i < token->unknown && token->value < 100000000; i++) token->value *= 10;
  token->digits += token->unknown;
  return p;
}

static const gunichar *read_arabic(const gunichar *p, Token *token) {
  for (; is_digit(*p); p++) {
    if (token->digits < 9) token->value = token->value * 10 + (int) (*p - '0');
    token->digits++;
  }
  return read_unknown(p, token);
}

/* 二〇〇三 and 二OO三 digit by digit; 二十六, 廿一, 一百零三 in words: one figure before each unit, the larger unit first. 二六十 is no number. */
static const gunichar *read_chinese(const gunichar *p, Token *token) {
  int total = 0, last = 0, figures = 0, unit = 1000; /* figures: since the unit */
  gboolean words = FALSE, wrong = FALSE;
  for (; chinese_digit(*p) >= 0 || *p == 'o' || *p == '0'; p++) {
    int digit = *p == 'o' || *p == '0' ? 0 : chinese_digit(*p);
    if (digit >= 10) {
      gboolean plural = digit == 20 || digit == 30; /* 廿, 卅 */
      wrong = wrong || figures > 1 || (figures == 1 && (plural || last == 0)) || (digit == 100 ? 100 : 10) >= unit;
      unit = digit == 100 ? 100 : 10;
      total += plural || figures == 0 ? digit : last * digit;
      last = figures = 0;
      words = TRUE;
    } else {
      if (token->digits < 9) token->value = token->value * 10 + digit;
      figures += figures > 0 || digit > 0 || !words; /* 一百零三 */
      last = digit;
    }
    token->digits++;
  }
  if (!words) return read_unknown(p, token);
  token->value = total + last;
  token->digits = token->digits <= 5 && figures <= 1 && !wrong ? 0 : 9;
  return p;
}

static const gunichar *read_word(const gunichar *p, const char *word) {
  for (; *word != '\0'; word = g_utf8_next_char(word), p++)
    if (*p != g_utf8_get_char(word)) return NULL;
  return p;
}

static const gunichar *read_era(const gunichar *p, Token *token) {
  const gunichar *name = p;
  if (*name == 0x5927 && name[1] != 0x540C) name++;  /* 大 */
  if (*name == 0x6E05 || *name == 0x660E) name++;  /* 清 明 */
  else name = p;
  if (name != p && *name == 0x671D) name++; /* 朝 */
  const DateNames *names = date_names();
  for (guint i = 0; i < names->count; i++) {
    const gunichar *at = names->eras[i].lunar ? name : p, *part = names->eras[i].folded;
    for (; *part != 0 && *part == *at; part++) at++;
    if (*part != 0) continue;
    token->kind = TOKEN_ERA;
    token->era = &names->eras[i];
    return at;
  }
  return NULL;
}

static TokenKind mark_kind(gunichar c) {
  static const struct { gunichar character; TokenKind kind; } marks[] = {
    {0x5E74, TOKEN_YEAR}, {0x6708, TOKEN_MONTH}, {0x65E5, TOKEN_DAY}, {0x53F7, TOKEN_DAY}, {'-', TOKEN_DASH}, {0x2010, TOKEN_DASH}, {0x2011, TOKEN_DASH},
    {0x2012, TOKEN_DASH}, {0x2013, TOKEN_DASH}, {0x2014, TOKEN_DASH}, {0x2015, TOKEN_DASH}, {0x2212, TOKEN_DASH}, {0x2500, TOKEN_DASH},
    {'/', TOKEN_SLASH}, {'.', TOKEN_DOT}, {'~', TOKEN_RANGE}, {0x301C, TOKEN_RANGE},
    {0x223C, TOKEN_RANGE}, {0x81F3, TOKEN_RANGE}, {0x5230, TOKEN_RANGE}, {0x7EA6, TOKEN_ABOUT}, {'?', TOKEN_DOUBT}, {0x95F0, TOKEN_LEAP},
    {0x521D, TOKEN_FIRST}, {'t', TOKEN_TIME}, {':', TOKEN_COLON}, {0x4EE3, TOKEN_DECADE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(marks); i++)
    if (marks[i].character == c) return marks[i].kind;
  return TOKEN_END;
}

/* 元 正 冬 腊 as numbers, only before 年 or 月. */
static gboolean read_named_number(const gunichar *p, Token *token) {
  if (p[0] == 0x5143 && (p[1] == 0x5E74 || p[1] == 0x6708)) token->value = 1;
  else if (p[0] == 0x6B63 && p[1] == 0x6708) token->value = 1;
  else if (p[0] == 0x51AC && p[1] == 0x6708) token->value = 11;
  else if (p[0] == 0x814A && p[1] == 0x6708) token->value = 12;
  else return FALSE;
  token->lunar = p[0] != 0x5143;
  return TRUE;
}

static const gunichar *read_part(const gunichar *p, Token *token) {
  const gunichar *after = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS(SEASONS); i++) {
    if ((after = read_word(p, SEASONS[i].name)) == NULL) continue;
    *token = (Token){.kind = TOKEN_SEASON, .part = &SEASONS[i]};
    return i < 4 && *after == 0x5B63 ? after + 1 : after; /* 春季 */
  }
  for (gsize i = 0; i < G_N_ELEMENTS(TENS); i++) {
    if ((after = read_word(p, TENS[i].name)) == NULL) continue;
    *token = (Token){.kind = TOKEN_TENS, .part = &TENS[i]};
    return after;
  }
  if ((after = read_word(p, "上世纪")) != NULL || (after = read_word(p, "世纪")) != NULL) *token = (Token){.kind = TOKEN_CENTURY, .value = *p == 0x4E0A ? 20 : 0};
  return after;
}

/* Reads one token at p; returns where it ends, NULL if there is none. */
static const gunichar *read_token(const gunichar *p, Token *token) {
  *token = (Token){.kind = TOKEN_NUMBER};
  if (is_digit(*p)) return read_arabic(p, token);
  if (chinese_digit(*p) >= 0) return read_chinese(p, token);
  if (is_unknown_digit(*p)) return read_unknown(p, token);
  if ((token->value = date_cycle_at(p)) >= 0) return token->kind = TOKEN_CYCLE, p + 2;
  token->value = 0;
  if (read_named_number(p, token)) return p + 1;
  token->kind = mark_kind(*p);
  const gunichar *after = token->kind == TOKEN_END ? read_part(p, token) : p + 1;
  if (token->kind == TOKEN_END) return read_era(p, token);
  if (token->kind == TOKEN_SEASON || token->kind == TOKEN_TENS || token->kind == TOKEN_CENTURY) return after;
  while (token->kind == TOKEN_DASH && mark_kind(*after) == TOKEN_DASH) after++; /* —— is one dash */
  return after;
}

/* [ ( and their relatives give 1, ] gives -1. */
static int bracket_of(gunichar c) {
  static const gunichar opening[] = {'[', 0x3014, 0x3010, '('}, closing[] = {']', 0x3015, 0x3011, ')'};
  for (gsize i = 0; i < G_N_ELEMENTS(opening); i++)
    if (c == opening[i] || c == closing[i]) return c == opening[i] ? 1 : -1;
  return 0;
}

/* Brackets say that a date is inferred; they must pair and hold something, and are dropped. */
static gboolean read_tokens(Reader *reader) {
  const gunichar *p = reader->text;
  gsize count = 0, opened_at = 0;
  gboolean open = FALSE;
  while (*p != 0) {
    int bracket = bracket_of(*p);
    if (count == 0 && p[0] == 0x516C && p[1] == 0x5143) {
      p += 2; /* 公元 */
    } else if (bracket != 0) {
      if (open == (bracket > 0) || (bracket < 0 && count == opened_at)) return FALSE;
      open = bracket > 0;
      opened_at = count;
      p++;
    } else if (g_unichar_isspace(*p)) {
      p++;
    } else if ((p = read_token(p, &reader->tokens[count++])) == NULL) {
      return FALSE;
    }
  }
  reader->tokens[count] = (Token){.kind = TOKEN_END};
  reader->next = reader->tokens;
  return !open;
}

static gboolean accept(Reader *reader, TokenKind kind) {
  if (reader->next->kind != kind) return FALSE;
  reader->next++;
  return TRUE;
}

/* A month, day, hour …: a number of one or two digits, or in words; wholly unknown counts as 0. */
static gboolean is_part(const Token *token) {
  return token->kind == TOKEN_NUMBER && token->digits <= 2 && !token->lunar && (token->unknown == 0 || token->unknown == token->digits);
}

static gboolean read_lunar_rest(Reader *reader) {
  gboolean leap = accept(reader, TOKEN_LEAP);
  const Token *month = reader->next;
  if (month->kind != TOKEN_NUMBER) return !leap;
  reader->next++;
  if (month->value < 1 || month->value > 12 || !accept(reader, TOKEN_MONTH)) return FALSE;
  gboolean first = accept(reader, TOKEN_FIRST);
  const Token *day = reader->next;
  if (!is_part(day)) return !first;
  reader->next++;
  accept(reader, TOKEN_DAY);
  return day->value >= 1 && day->value <= (first ? 10 : 30);
}

static void take_part(Reader *reader, TokenKind kind, Date *date) {
  if (reader->next->kind == kind) date->part = reader->next++->part;
}

/* Month and day after a year with 年: 3月, 3月1日, 春, 3月上旬. */
static gboolean read_marked_rest(Reader *reader, Date *date) {
  take_part(reader, TOKEN_SEASON, date);
  if (reader->next->kind != TOKEN_NUMBER) return TRUE;
  if (!is_part(reader->next) || reader->next[1].kind != TOKEN_MONTH) return FALSE;
  date->month = reader->next->value;
  if (date->part != NULL) return FALSE;
  date->has_month = TRUE;
  reader->next += 2;
  take_part(reader, TOKEN_TENS, date);
  if (reader->next->kind != TOKEN_NUMBER || reader->next[1].kind == TOKEN_COLON || date->part != NULL) return TRUE;
  if (!is_part(reader->next)) return FALSE;
  date->day = reader->next++->value;
  date->has_day = TRUE;
  accept(reader, TOKEN_DAY);
  return TRUE;
}

/* Month and day after a bare year: -03, -03-01, with one kind of separator. A longer number after the separator is the end of a range. */
static void read_separated_rest(Reader *reader, Date *date) {
  TokenKind separator = reader->next->kind;
  if (separator != TOKEN_DASH && separator != TOKEN_SLASH && separator != TOKEN_DOT) return;
  if (!is_part(&reader->next[1])) return;
  date->month = reader->next[1].value;
  date->has_month = TRUE;
  reader->next += 2;
  if (reader->next->kind != separator || !is_part(&reader->next[1])) return;
  date->day = reader->next[1].value;
  date->has_day = TRUE;
  reader->next += 2;
}

/* 19580301 and 195803, with 00 or ×× for what is unknown. */
static gboolean read_compact(Reader *reader, Date *date) {
  const Token *number = reader->next++;
  if (number->unknown % 2 != 0) return FALSE;
  int value = number->digits == 8 ? number->value : number->value * 100;
  date->year = value / 10000;
  date->month = value / 100 % 100;
  date->day = value % 100;
  date->has_month = TRUE;
  date->has_day = number->digits == 8;
  return TRUE;
}

/* 光绪二十四年戊戌: said beside a year it must be that year's. */
static gboolean accept_cycle(Reader *reader, int year) {
  int place = reader->next->value;
  return !accept(reader, TOKEN_CYCLE) || (accept(reader, TOKEN_YEAR), date_cycle_years(place, year, year, NULL, 0) == 1);
}

/* 民国丁丑, 光绪戊戌年: where the reign had one such year. */
static gboolean read_era_cycle(Reader *reader, const Era *era, Date *date) {
  int years[2];
  if (date_cycle_years(reader->next->value, era->before + 1, era->before + era->reign, years, 2) != 1) return FALSE;
  reader->next++;
  date->era = era;
  date->year = years[0];
  if (!accept(reader, TOKEN_YEAR)) return TRUE;
  return era->lunar ? read_lunar_rest(reader) : read_marked_rest(reader, date);
}

/* The year of an era, which may have been named at the range's beginning. */
static gboolean read_era_date(Reader *reader, const Era *era, Date *date) {
  const Token *number = reader->next;
  if (number->kind == TOKEN_CYCLE) return read_era_cycle(reader, era, date);
  if (number->kind != TOKEN_NUMBER || number->lunar || number->unknown > 0 || number->digits > 3) return FALSE;
  if (number->value < 1 || number->value > era->years) return FALSE;
  reader->next++;
  date->era = era;
  date->year = era->before + number->value;
  gboolean marked = accept(reader, TOKEN_YEAR);
  if (!accept_cycle(reader, date->year)) return FALSE;
  if (era->lunar) return !marked || read_lunar_rest(reader);
  if (marked) return read_marked_rest(reader, date);
  read_separated_rest(reader, date);
  return TRUE;
}

/* 1980年代, 八十年代, 20世纪80年代; without its century a decade is one of the 20th. */
static gboolean read_decade(Reader *reader, Date *date) {
  const Token *at = reader->next;
  int century = 20;
  if (at->kind == TOKEN_CENTURY && at->value > 0) at++;
  else if (at->kind == TOKEN_NUMBER && at[1].kind == TOKEN_CENTURY) {
    century = at->value;
    at += 2;
  }
  if (at->kind != TOKEN_NUMBER || at->unknown > 0 || at[1].kind != TOKEN_YEAR || at[2].kind != TOKEN_DECADE) return FALSE;
  if (at->value % 10 != 0 || at->value < 10 || (at->value > 90 && (at->value < YEAR_MIN || at != reader->next)) || century < 11 || century > 30) return FALSE;
  date->year = at->value < 100 ? (century - 1) * 100 + at->value : at->value;
  date->years = 10;
  reader->next = at + 3;
  return TRUE;
}

static gboolean read_western_date(Reader *reader, Date *date) {
  const Token *number = reader->next;
  if (number->digits == 8 || number->digits == 6) return read_compact(reader, date);
  if (number->digits != 4 || number->unknown > 2) return FALSE;
  reader->next++;
  date->year = number->value;
  date->years = number->unknown == 0 ? 1 : number->unknown == 1 ? 10 : 100;
  if (accept(reader, TOKEN_YEAR)) return date->years > 1 || (accept_cycle(reader, date->year) && read_marked_rest(reader, date));
  if (date->years == 1) read_separated_rest(reader, date);
  return TRUE;
}

/* The end of a range that leaves out what its beginning says: —12月, —5日, —三十四年. */
static gboolean read_short_end(Reader *reader, const Date *begin, Date *date) {
  TokenKind mark = reader->next[1].kind;
  if (mark == TOKEN_YEAR && begin->era != NULL) return read_era_date(reader, begin->era, date);
  if (!is_part(reader->next) || (begin->era != NULL && begin->era->lunar)) return FALSE;
  date->year = begin->year;
  if (mark == TOKEN_MONTH && begin->has_month) return read_marked_rest(reader, date);
  if (mark != TOKEN_DAY || !begin->has_day) return FALSE;
  date->month = begin->month;
  date->day = reader->next->value;
  date->has_month = date->has_day = TRUE;
  reader->next += 2;
  return TRUE;
}

static gboolean read_date(Reader *reader, const Date *begin, Date *ret) {
  Date date = {.years = 1};
  accept(reader, TOKEN_ABOUT);
  const Token *first = reader->next;
  if (read_decade(reader, &date)) {
    accept(reader, TOKEN_DOUBT);
    *ret = date;
    return TRUE;
  }
  if (first->kind == TOKEN_ERA) {
    reader->next++;
    if (!read_era_date(reader, first->era, &date)) return FALSE;
  } else if (first->kind != TOKEN_NUMBER) {
    return FALSE;
  } else if (begin != NULL && first->digits < 4) {
    if (!read_short_end(reader, begin, &date)) return FALSE;
  } else if (!read_western_date(reader, &date)) {
    return FALSE;
  }
  accept(reader, TOKEN_DOUBT);
  *ret = date;
  return TRUE;
}

/* The time that exports put behind a day: 10:05, T10:05:30.5. It must be one; it is not kept. */
static gboolean read_time(Reader *reader) {
  gboolean wanted = accept(reader, TOKEN_TIME);
  if (!is_part(reader->next) || reader->next[1].kind != TOKEN_COLON) return !wanted;
  if (reader->next->value > 23) return FALSE;
  reader->next++;
  for (int i = 0; i < 2 && accept(reader, TOKEN_COLON); i++) {
    if (!is_part(reader->next) || reader->next->value > 59) return FALSE;
    reader->next++;
    if (i == 1 && accept(reader, TOKEN_DOT) && !accept(reader, TOKEN_NUMBER)) return FALSE;
  }
  return TRUE;
}

static int days_in_month(int year, int month) { return g_date_get_days_in_month((GDateMonth) month, (GDateYear) year); }

/* The span of a date; FALSE when it does not exist. */
static gboolean span_of(const Date *date, DateSpan *ret) {
  if (date->year < YEAR_MIN || date->year > YEAR_MAX || date->month > 12 || (date->month == 0 && date->day != 0)) return FALSE;
  if (date->month == 0 && date->part != NULL) {
    int first = date->year * 10000 + date->part->first * 100 + 1, last = date->part->last;
    *ret = (DateSpan){first, date->year * 10000 + last * 100 + days_in_month(date->year, last)};
    return TRUE;
  }
  if (date->month == 0) {
    *ret = (DateSpan){date->year * 10000 + 101, (date->year + date->years - 1) * 10000 + 1231};
    return TRUE;
  }
  int days = days_in_month(date->year, date->month), month = date->year * 10000 + date->month * 100;
  if (date->day > days) return FALSE;
  if (date->part != NULL) return *ret = (DateSpan){month + date->part->first, month + MIN(date->part->last, days)}, TRUE;
  *ret = date->day == 0 ? (DateSpan){month + 1, month + days} : (DateSpan){month + date->day, month + date->day};
  return TRUE;
}

static gboolean read_all(Reader *reader, DateSpan *ret) {
  Date begin, end;
  DateSpan span, until;
  if (!read_date(reader, NULL, &begin) || !span_of(&begin, &span)) return FALSE;
  if (begin.day != 0 && !read_time(reader)) return FALSE;
  if (accept(reader, TOKEN_DASH) || accept(reader, TOKEN_RANGE) || accept(reader, TOKEN_SLASH)) {
    if (!read_date(reader, &begin, &end) || !span_of(&end, &until)) return FALSE;
    if (until.from < span.from || until.to < span.to) return FALSE;
    span.to = until.to;
  }
  if (reader->next->kind != TOKEN_END) return FALSE;
  *ret = span;
  return TRUE;
}

gboolean date_parse(const char *text, DateSpan *ret) {
  Reader reader;
  gsize count = 0;
  gboolean blank = TRUE;
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char_validated(p, -1);
    if (c >= (gunichar) -2 || count == MAX_CHARACTERS) return FALSE;
    blank = blank && g_unichar_isspace(c);
    reader.text[count++] = date_fold(c);
  }
  reader.text[count] = 0;
  if (blank) {
    *ret = (DateSpan){0, 0};
    return TRUE;
  }
  return read_tokens(&reader) && read_all(&reader, ret);
}

char *date_format(DateSpan span) {
  int from_year = span.from / 10000, from_month = span.from / 100 % 100, from_day = span.from % 100;
  int to_year = span.to / 10000, to_month = span.to / 100 % 100, to_day = span.to % 100;
  if (span.from == 0) return g_strdup("");
  if (span.from == span.to) return g_strdup_printf("%04d-%02d-%02d", from_year, from_month, from_day);
  if (span.from % 10000 == 101 && span.to % 10000 == 1231)
    return from_year == to_year ? g_strdup_printf("%04d", from_year) : g_strdup_printf("%04d/%04d", from_year, to_year);
  gboolean is_month = span.from / 100 == span.to / 100 && from_day == 1 && from_month >= 1 && from_month <= 12 && to_day == days_in_month(to_year, to_month);
  if (is_month) return g_strdup_printf("%04d-%02d", from_year, from_month);
  return g_strdup_printf("%04d-%02d-%02d/%04d-%02d-%02d", from_year, from_month, from_day, to_year, to_month, to_day);
}

/* ---- days ---- */

int date_of_time(gint64 at_us) {
  g_autoptr(GDateTime) then = g_date_time_new_from_unix_local(at_us / G_USEC_PER_SEC);
  return g_date_time_get_year(then) * 10000 + g_date_time_get_month(then) * 100 + g_date_time_get_day_of_month(then);
}

int date_today(void) { return date_of_time(clock_now_us()); }

int date_shift(int day, int days) {
  GDate date;
  g_date_clear(&date, 1);
  if (!g_date_valid_dmy((GDateDay)(day % 100), (GDateMonth)(day / 100 % 100), (GDateYear)(day / 10000))) return day;
  g_date_set_dmy(&date, (GDateDay)(day % 100), (GDateMonth)(day / 100 % 100), (GDateYear)(day / 10000));
  if (days >= 0) g_date_add_days(&date, (guint)days);
  else g_date_subtract_days(&date, (guint)-days);
  return g_date_get_year(&date) * 10000 + (int)g_date_get_month(&date) * 100 + g_date_get_day(&date);
}
