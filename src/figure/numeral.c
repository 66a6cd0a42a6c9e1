/*
 * Numbers as Chinese sentences write them, read back: 8600余人次, 近两百场, 约15万, 30.4万条, 四个, 超过8小时, 90%以上.
 *
 * 1. What a text says of a number is an interval: 余 and 多 reach up to the next value of the last digit that is written, 近 begins at nine tenths, 约 is half
 *    of the last digit to each side, a number that was rounded (万, 亿, decimals, measures that are continuous) half of its last digit.
 * 2. Ideographs are a number only before a measure word (三会一课 and 第一 are none); digits always are.
 */
#include "internal.h"
#include <math.h>
#include <string.h>

typedef struct { const char *word; double value; } Numeral;
static const Numeral HAN_DIGITS[] = {{"零", 0}, {"〇", 0}, {"一", 1}, {"二", 2}, {"两", 2}, {"三", 3}, {"四", 4}, {"五", 5}, {"六", 6}, {"七", 7}, {"八", 8}, {"九", 9}};
static const Numeral HAN_UNITS[] = {{"十", 1e1}, {"百", 1e2}, {"千", 1e3}};
static const Numeral SCALES[] = {{"万亿", 1e12}, {"千万", 1e7}, {"百万", 1e6}, {"亿", 1e8}, {"万", 1e4}, {"千", 1e3}};

/* Longer ones first where one begins another. */
static const char *const MEASURES[] = {"个百分点", "个方面", "百分点", "平方米", "立方米", "个小时", "人次", "场次", "件次", "卷次", "份次", "篇次", "小时", "公里", "分钟", "卷（件）",
  "卷(件)", "卷（人）", "篇（次）", "人（次）", "份（件）", "（件）次", "％", "%", "倍", "个", "次", "项", "条", "件", "卷", "份", "篇", "期", "名", "人", "位", "家", "场", "部", "册",
  "幅", "张", "岁", "年", "月", "日", "天", "周", "季", "元", "轮", "台", "套", "处", "批", "盒", "户", "种", "类", "宗", "支", "本", "盘", "块", "座", "所", "级", "起", "例", "枚", "组",
  "门", "节", "课时", "学时", "米", "吨", "字", "页", "画幅", "帧", "GB", "TB", "MB"};
static const char *const CONTINUOUS[] = {"％", "%", "倍", "个百分点", "百分点", "小时", "个小时", "元", "公里", "平方米", "立方米", "米", "吨", "GB", "TB"};

typedef struct { const char *word; NumberKind kind; } Prefix;
static const Prefix PREFIXES[] = {{"不少于", NUMBER_AT_LEAST}, {"不低于", NUMBER_AT_LEAST}, {"至少", NUMBER_AT_LEAST}, {"达到", NUMBER_AT_LEAST}, {"超过", NUMBER_OVER}, {"突破",
  NUMBER_OVER},
  {"逾", NUMBER_OVER}, {"大约", NUMBER_ABOUT}, {"约", NUMBER_ABOUT}, {"接近", NUMBER_NEAR}, {"近", NUMBER_NEAR}};

static const Numeral *numeral_at(const Numeral *list, guint count, const char *at) {
  for (guint i = 0; i < count; i++)
    if (g_str_has_prefix(at, list[i].word)) return &list[i];
  return NULL;
}

static const char *measure_at(const char *at) {
  for (guint i = 0; i < G_N_ELEMENTS(MEASURES); i++)
    if (g_str_has_prefix(at, MEASURES[i])) return MEASURES[i];
  return NULL;
}

gboolean number_is_continuous(const char *unit) {
  for (guint i = 0; i < G_N_ELEMENTS(CONTINUOUS); i++)
    if (g_strcmp0(unit, CONTINUOUS[i]) == 0) return TRUE;
  return FALSE;
}

/* The power of ten of the last written digit that is not 0. */
static double last_power(double number) {
  double power = 1;
  if (number == 0) return 1;
  while (fabs(fmod(number, power * 10)) < 1e-9) power *= 10;
  return power;
}

/* ---- reading ---- */

/* 393, 8,600, 30.4; where it ends, NULL: none here. */
static const char *read_digits(const char *at, ReadNumber *number) {
  const char *start = at;
  double value = 0, place = 1;
  if (!g_ascii_isdigit(*at)) return NULL;
  for (; g_ascii_isdigit(*at) || (*at == ',' && at > start && strspn(at + 1, "0123456789") == 3); at++)
    if (*at != ',') value = value * 10 + (*at - '0');
  if (*at == '.' && g_ascii_isdigit(at[1]))
    for (at++; g_ascii_isdigit(*at); at++) value += (*at - '0') * (place /= 10);
  number->number = value;
  number->step = place < 1 ? place : last_power(value);
  number->decimals = place < 1;
  return at;
}

/* 两百, 十五, 三百九十三, 两万; one part below 万 after another. */
static const char *read_han(const char *at, ReadNumber *number) {
  const char *start = at;
  double total = 0, section = 0, digit = -1;
  for (;;) {
    const Numeral *found = numeral_at(HAN_DIGITS, G_N_ELEMENTS(HAN_DIGITS), at);
    if (found) {
      if (digit > 0) return NULL; /* 二〇二三, 三四: a year or a guess, no count */
      digit = found->value;
    } else if ((found = numeral_at(HAN_UNITS, G_N_ELEMENTS(HAN_UNITS), at)) != NULL) {
      section += (digit < 0 ? 1 : digit) * found->value;
      digit = -1;
    } else if (at > start && (g_str_has_prefix(at, "万") || g_str_has_prefix(at, "亿"))) {
      total = (total + section + MAX(digit, 0)) * (g_str_has_prefix(at, "万") ? 1e4 : 1e8);
      section = 0;
      digit = -1;
    } else break;
    at = g_utf8_next_char(at);
  }
  if (at == start) return NULL;
  number->number = total + section + MAX(digit, 0);
  number->step = last_power(number->number);
  number->han = TRUE;
  return at;
}

static gboolean skip_word(const char **at, const char *word) {
  if (!g_str_has_prefix(*at, word)) return FALSE;
  *at += strlen(word);
  return TRUE;
}

/* What the words allow. */
static void bound(ReadNumber *n) {
  double exact = n->number;
  gboolean rounded = n->scaled || n->decimals || number_is_continuous(n->unit);
  double half = n->scaled || n->decimals ? n->unit_step / 2 : 0.5;
  switch (n->kind) {
    case NUMBER_MORE: n->low = exact, n->high = exact + n->step, n->low_open = n->high_open = TRUE; break;
    case NUMBER_NEAR: n->low = exact * 0.9, n->high = exact, n->high_open = TRUE; break;
    case NUMBER_ABOUT: n->low = exact - n->step / 2, n->high = exact + n->step / 2; break;
    case NUMBER_OVER: n->low = exact, n->high = INFINITY, n->low_open = TRUE; break;
    case NUMBER_AT_LEAST: n->low = exact, n->high = INFINITY; break;
    case NUMBER_PLAIN:
      n->low = rounded ? exact - half : exact;
      n->high = rounded ? exact + half : exact;
      /* Everything and nothing are not said by rounding. */
      if ((g_strcmp0(n->unit, "%") == 0 || g_strcmp0(n->unit, "％") == 0) && (exact == 100 || exact == 0)) n->low = n->high = exact;
      break;
  }
  if (n->negative) {
    double low = n->low;
    n->low = -n->high, n->high = -low, n->number = -n->number;
  }
}

/* 近 两百 余 场 以上, from `at`; FALSE: no number begins here. */
gboolean number_read(const char *at, ReadNumber *ret) {
  const char *start = at;
  ReadNumber n = {.kind = NUMBER_PLAIN, .unit = ""};
  for (guint i = 0; i < G_N_ELEMENTS(PREFIXES) && at == start; i++)
    if (skip_word(&at, PREFIXES[i].word)) n.kind = PREFIXES[i].kind;
  if (n.kind == NUMBER_PLAIN && (skip_word(&at, "-") || skip_word(&at, "−"))) n.negative = TRUE;
  const char *end = read_digits(at, &n);
  if (end == NULL && !n.negative) end = read_han(at, &n);
  if (end == NULL) return FALSE;
  at = end;
  n.unit_step = n.decimals ? n.step : 1;
  gboolean more = skip_word(&at, "余") || skip_word(&at, "多");
  const Numeral *scale = n.han && !more ? NULL : numeral_at(SCALES, G_N_ELEMENTS(SCALES), at);
  if (scale) {
    at += strlen(scale->word);
    n.scaled = TRUE;
    n.number *= scale->value, n.step *= scale->value, n.unit_step *= scale->value;
  }
  if (!more) more = skip_word(&at, "余") || skip_word(&at, "多");
  if (more && n.kind == NUMBER_PLAIN) n.kind = NUMBER_MORE;
  n.number_end = at - start;
  const char *unit = measure_at(at);
  if (n.han && unit == NULL && !more && n.kind == NUMBER_PLAIN) return FALSE;
  if (unit) n.unit = unit, at += strlen(unit);
  if ((skip_word(&at, "以上") || skip_word(&at, "及以上")) && n.kind == NUMBER_PLAIN) n.kind = NUMBER_AT_LEAST;
  n.length = at - start;
  bound(&n);
  *ret = n;
  return TRUE;
}

gboolean number_admits(const ReadNumber *n, double value) {
  double slack = 1e-9 * MAX(1, fabs(value));
  gboolean above = n->low_open ? value > n->low + slack : value >= n->low - slack;
  gboolean below = n->high_open ? value < n->high - slack : value <= n->high + slack;
  return above && below;
}

/* A digit inside DA22 or behind 第 is a name. */
static gboolean is_name(const char *sentence, const char *at) {
  if (at == sentence) return FALSE;
  const char *before = g_utf8_prev_char(at);
  return g_ascii_isalnum(*before) || g_str_has_prefix(before, "第") || (*before == '.' && before > sentence && g_ascii_isdigit(before[-1]));
}

json_t *wording_numbers(const char *sentence) {
  json_t *list = json_array();
  for (const char *at = sentence; *at;) {
    ReadNumber n;
    if (is_name(sentence, at) || !number_read(at, &n) || !isfinite(n.low)) {
      /* A number is read from its beginning or not at all. */
      gboolean digit = g_ascii_isdigit(*at);
      at = g_utf8_next_char(at);
      while (digit && (g_ascii_isdigit(*at) || *at == '.')) at++;
      continue;
    }
    g_autofree char *text = g_strndup(at, n.length);
    json_t *row = json_pack("{s:I, s:I, s:s, s:f, s:s}", "from", (json_int_t)(at - sentence), "to", (json_int_t)(at - sentence + (gssize)n.length), "text", text,
      "low", n.low,
      "unit", n.unit);
    json_object_set_new(row, "high", isinf(n.high) ? json_null() : json_real(n.high));
    json_array_append_new(list, row);
    at += n.length;
  }
  return list;
}

static gboolean any_word(const char *words, const char *const *list) {
  for (; *list; list++)
    if (strstr(words, *list)) return TRUE;
  return FALSE;
}

/* Words of quantity without a number. */
static gboolean bare_true(const char *words, double value) {
  static const char *const whole[] = {"均", "全部", "全覆盖", "全体", "所有", "一一", NULL}, *const falls[] = {"下降", "减少", "降低", NULL};
  static const char *const rises[] = {"上升", "增长", "增加", "提高", NULL}, *const same[] = {"持平", "不变", NULL};
  if (any_word(words, falls)) return value < 0;
  if (any_word(words, rises)) return value > 0;
  if (any_word(words, same)) return value == 0;
  if (any_word(words, whole)) return value == 100;
  return !g_str_has_prefix(words, "多") || value >= 2;
}

gboolean wording_true(const char *words, double value) {
  double low = 0, high = 0;
  guint count = 0;
  ReadNumber n;
  for (const char *at = words; *at;) {
    if (is_name(words, at) || !number_read(at, &n)) {
      at = g_utf8_next_char(at);
      continue;
    }
    gboolean each = at > words && g_str_has_prefix(g_utf8_prev_char(at), "各");
    if (each) return n.number > 0 && fabs(remainder(value, n.number)) < 1e-9;
    if (count++ == 0 && at[n.length] == '\0') return number_admits(&n, value);
    low += n.low, high += n.high;
    at += n.length;
  }
  if (count == 0) return bare_true(words, value);
  return count == 1 ? number_admits(&n, value) : value >= low - 1e-9 && value <= high + 1e-9;
}

/* ---- writing ---- */

static void append_section(GString *out, gint64 number, gboolean inner) {
  static const char *const digits[] = {"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}, *const places[] = {"", "十", "百", "千"};
  gboolean zero = inner && number < 1000;
  for (int place = 3, power = 1000; place >= 0; place--, power /= 10) {
    gint64 digit = number / power % 10;
    if (digit == 0) {
      zero = zero || (number / power > 0 && number % power > 0);
      continue;
    }
    if (zero) g_string_append(out, "零");
    zero = FALSE;
    if (!(place == 1 && digit == 1 && out->len == 0)) g_string_append(out, digits[digit]); /* 十五, but 一百一十五 */
    g_string_append(out, places[place]);
  }
}

char *number_han(gint64 number, gboolean before_measure) {
  g_autoptr(GString) out = g_string_new(NULL);
  gint64 rest = ABS(number);
  if (rest == 0) g_string_append(out, "零");
  if (rest >= 100000000) {
    g_autofree char *above = number_han(rest / 100000000, FALSE);
    g_string_append_printf(out, "%s亿", above);
    rest %= 100000000;
  }
  if (rest >= 10000) {
    append_section(out, rest / 10000, out->len > 0);
    g_string_append(out, "万");
    rest %= 10000;
  }
  if (rest > 0) append_section(out, rest, out->len > 0);
  /* 两个, 两百, 两万; but 二, 二十, 二十二. */
  gsize two = strlen("二");
  if (before_measure && g_str_has_prefix(out->str, "二") && !g_str_has_prefix(out->str + two, "十")) {
    g_string_erase(out, 0, (gssize)two);
    g_string_prepend(out, "两");
  }
  if (number < 0) g_string_prepend(out, "负");
  return g_string_free(g_steal_pointer(&out), FALSE);
}
