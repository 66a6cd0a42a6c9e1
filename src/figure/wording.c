/*
 * The words of a number: made from its exact value under the style of the definition, never typed.
 *
 * 1. What is printed is true of the value as a reader takes it (wording_true). A step that would lie is made finer until the words are true; in the end the
 *    plain number stands there.
 * 2. Rounding never makes a whole of a part: 99.6 is not 100%, 0.3 not 0.
 */
#include "internal.h"
#include "json.h"
#include "text.h"
#include <math.h>
#include <string.h>

typedef struct {
  json_t *say;
  const char *unit, *scale_word;
  double scale;
  int digits; /* -1: as many as it takes, two at most */
  gboolean han;
} Manner;

void wording_clear(Wording *wording) {
  g_clear_pointer(&wording->text, g_free);
  g_clear_pointer(&wording->bare, g_free);
}

static double number_of(json_t *object, const char *key, double missing) {
  json_t *value = json_object_get(object, key);
  if (json_is_number(value)) return json_number_value(value);
  char *end = NULL;
  const char *text = json_string_value(value);
  double number = text ? g_ascii_strtod(text, &end) : 0;
  return text && *text && *end == '\0' ? number : missing;
}

const char *figure_unit(json_t *figure) {
  const char *unit = json_string_value(json_object_get(figure, "unit"));
  if (unit != NULL) return unit;
  json_t *growth = json_object_get(figure, "growth");
  if (json_object_get(figure, "multiple") || g_strcmp0(json_string_value(json_object_get(growth, "as")), "times") == 0) return "倍";
  if (json_object_get(figure, "points")) return "个百分点";
  return growth || json_object_get(figure, "rate") ? "%" : "";
}

static Manner manner_of(json_t *figure, double value) {
  json_t *say = json_object_get(figure, "say");
  const char *unit = figure_unit(figure), *scale = value == 0 ? "" : text_or(say, "scale", ""); /* nobody says 0万 */
  Manner manner = {.say = say, .unit = unit, .scale = 1, .scale_word = "", .digits = (int)number_of(say, "digits", -1)};
  if (g_str_equal(scale, "auto")) scale = fabs(value) >= 1e8 ? "亿" : fabs(value) >= 1e4 ? "万" : "";
  if (g_str_equal(scale, "万")) manner.scale = 1e4, manner.scale_word = "万";
  if (g_str_equal(scale, "亿")) manner.scale = 1e8, manner.scale_word = "亿";
  if (manner.digits < 0 && manner.scale > 1) manner.digits = 1;
  gboolean ratio = json_object_get(figure, "rate") || json_object_get(figure, "growth") || json_object_get(figure, "points");
  if (manner.digits < 0 && json_object_get(figure, "average")) manner.digits = 1;
  if (manner.digits < 0 && ratio) manner.digits = g_str_equal(unit, "倍") ? 1 : 0;
  if (manner.digits < 0 && json_object_get(figure, "multiple")) manner.digits = 1;
  manner.han = g_strcmp0(json_string_value(json_object_get(say, "numerals")), "han") == 0;
  return manner;
}

static char *format_digits(double number, int digits) {
  double place = pow(10, digits);
  g_autofree char *text = g_strdup_printf("%.*f", digits, round(number * place) / place);
  if (strchr(text, '.') == NULL) return g_steal_pointer(&text);
  char *end = text + strlen(text);
  while (end[-1] == '0') *--end = '\0';
  if (end[-1] == '.') *--end = '\0';
  return g_steal_pointer(&text);
}

static gboolean is_whole(double number) { return fabs(number - round(number)) < 1e-9 * MAX(1, fabs(number)); }

/* The number with its 万, so that prefix and suffix may stand around it. */
static char *shown(const Manner *manner, double number, int digits) {
  if (manner->han && is_whole(number) && fabs(number) < 1e15) return number_han((gint64)llround(number), TRUE);
  g_autofree char *text = format_digits(number / manner->scale, digits);
  return g_strconcat(g_str_equal(text, "-0") ? "0" : text, manner->scale_word, NULL);
}

static void put_words(Wording *ret, const Manner *manner, const char *before, const char *number, const char *after, const char *tail) {
  ret->bare = g_strconcat(before, number, after, tail, NULL);
  ret->text = g_strconcat(before, number, after, manner->unit, tail, NULL);
}

/* Keeps the words when they are true. */
static gboolean stands(Wording *words, double value, Wording *ret) {
  if (!wording_true(words->text, value)) return wording_clear(words), FALSE;
  *ret = *words;
  return TRUE;
}

static gboolean say_exact(const Manner *given, double value, Wording *ret) {
  Manner manner = *given;
  int digits = manner.digits >= 0 ? manner.digits : is_whole(value) ? 0 : 2;
  for (;; manner.scale = 1, manner.scale_word = "", digits = 0) {
    for (; digits <= 6; digits++) {
      g_autofree char *number = shown(&manner, value, digits);
      Wording words;
      put_words(&words, &manner, "", number, "", "");
      /* 0.3 万 is not 0 万. */
      if (value != 0 && (g_str_equal(number, "0") || g_str_equal(number, "0万") || g_str_equal(number, "0亿"))) wording_clear(&words);
      else if (stands(&words, value, ret)) return TRUE;
    }
    if (manner.scale == 1) break;
  }
  g_autofree char *number = format_digits(value, 6);
  put_words(ret, &manner, "", number, "", "");
  return TRUE;
}

typedef struct { const char *name; double (*anchor)(double value, double step); const char *before, *after, *tail; } Style;

static double below(double value, double step) { return floor(value / step + 1e-9) * step; }
static double strictly_below(double value, double step) { return is_whole(value / step) ? 0 : below(value, step); }
static double above(double value, double step) { return is_whole(value / step) ? 0 : (floor(value / step) + 1) * step; }
static double nearest(double value, double step) { return round(value / step) * step; }
/* Tried from the first of a name on; an anchor of 0 has no words. */
static const Style STYLES[] = {
  {"more", strictly_below, "", "余", ""},
  {"many", strictly_below, "", "多", ""},
  {"near", above, "近", "", ""},
  {"near", strictly_below, "", "余", ""},
  {"about", nearest, "约", "", ""},
  {"over", strictly_below, "超过", "", ""},
  {"over", below, "达到", "", ""},
  {"atleast", below, "", "", "以上"},
};

static double default_step(const Manner *manner, double value) {
  if (manner->scale > 1) return manner->scale / pow(10, MAX(manner->digits, 0));
  return value < 10 ? 1 : pow(10, floor(log10(value) + 1e-9));
}

/* The words of one style with this step; FALSE: not true of the value. */
static gboolean say_style(const Manner *manner, const Style *style, double value, double step, Wording *ret) {
  double anchor = style->anchor(value, step);
  if (anchor <= 0) return FALSE;
  int digits = 0;
  for (double place = manner->scale; digits < 6 && !is_whole(anchor / place); place /= 10) digits++;
  g_autofree char *number = shown(manner, anchor, digits);
  Wording words;
  put_words(&words, manner, style->before, number, style->after, style->tail);
  if (g_str_equal(style->after, "余") && number_is_continuous(manner->unit) && strchr("%\xef", manner->unit[0])) { /* 90%余 is nobody's word */
    wording_clear(&words);
    put_words(&words, manner, "", number, "", "以上");
  }
  return stands(&words, value, ret);
}

static gboolean say_rounded(const Manner *manner, const char *name, double value, Wording *ret) {
  double step = number_of(manner->say, "step", 0);
  if (step <= 0) step = default_step(manner, value);
  gboolean plain = is_whole(value / step) && (g_str_equal(name, "more") || g_str_equal(name, "many") || g_str_equal(name, "near"));
  for (; !plain && value > 0 && step >= 1; step = pow(10, ceil(log10(step) - 1e-9) - 1)) {
    for (guint i = 0; i < G_N_ELEMENTS(STYLES); i++)
      if (g_str_equal(STYLES[i].name, name) && say_style(manner, &STYLES[i], value, step, ret)) return TRUE;
  }
  return say_exact(manner, value, ret);
}

/* {n} {rest} {value} {whole} of a sentence. */
static char *fill_in(const char *text, const Manner *manner, double value, double n, double whole) {
  g_autoptr(GString) out = g_string_new(text);
  Wording words = {NULL, NULL};
  say_exact(manner, value, &words);
  g_autofree char *covered = format_digits(n, 0), *rest = format_digits(whole - n, 0), *all = format_digits(whole, 0);
  g_string_replace(out, "{n}", covered, 0);
  g_string_replace(out, "{rest}", rest, 0);
  g_string_replace(out, "{whole}", all, 0);
  g_string_replace(out, "{value}", words.text, 0);
  wording_clear(&words);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static gboolean say_all(json_t *figure, const Manner *manner, double value, double whole, Wording *ret, GError **error) {
  if (whole <= 0) return throw(error, LANTAI_ERROR_INVALID, "指标“%s”没有可比的总数（总数为 0），不能说“%s”", text_or(figure, "name", ""), text_or(manner->say, "full", "全部"));
  gboolean share = json_object_get(figure, "rate") != NULL; /* the value is per cent of the whole; else it is of the same kind */
  double n = share ? value * whole / 100 : value;
  gboolean all = n >= whole - 1e-9;
  ret->text = fill_in(text_or(manner->say, all ? "full" : "else", all ? "全部" : "{value}"), manner, value, n, whole);
  ret->bare = g_strdup(ret->text);
  return TRUE;
}

static gboolean say_each(const Manner *manner, json_t *parts, Wording *ret) {
  g_autoptr(GString) text = g_string_new(NULL), bare = g_string_new(NULL);
  double first = number_of(json_array_get(parts, 0), "value", 0);
  gboolean equal = json_array_size(parts) > 1;
  size_t i;
  json_t *part;
  json_array_foreach(parts, i, part) equal = equal && number_of(part, "value", 0) == first;
  json_array_foreach(parts, i, part) {
    Wording words;
    say_exact(manner, number_of(part, "value", 0), &words);
    const char *name = equal ? "各" : text_or(part, "key", "");
    g_string_append_printf(text, "%s%s%s", i ? "、" : "", name, words.text);
    g_string_append_printf(bare, "%s%s%s", i ? "、" : "", name, words.bare);
    wording_clear(&words);
    if (equal) break;
  }
  *ret = (Wording){g_string_free(g_steal_pointer(&text), FALSE), g_string_free(g_steal_pointer(&bare), FALSE)};
  return TRUE;
}

/* A band reaches from the one before up to its own limit; at 0 nothing has changed, so that a band of falling ends before it. */
static gboolean say_trend(json_t *figure, const Manner *manner, double value, Wording *ret, GError **error) {
  double sign = json_is_true(json_object_get(json_object_get(figure, "growth"), "decrease")) ? -1 : 1, last = NAN;
  json_t *band;
  size_t i;
  json_array_foreach(json_object_get(manner->say, "bands"), i, band) {
    json_t *limit = json_array_get(band, 0);
    const char *words = json_string_value(json_array_get(band, 1));
    double number = json_is_number(limit) ? json_number_value(limit) : INFINITY;
    gboolean within = value < number || (value == number && (number != 0 || last == 0));
    last = number;
    if (!within || words == NULL) continue;
    if (!wording_true(words, value * sign)) return throw(error, LANTAI_ERROR_INVALID, "指标“%s”的值是 %g，不能说“%s”。请改写它的 bands", text_or(figure, "name", ""), value, words);
    *ret = (Wording){g_strdup(words), g_strdup(words)};
    return TRUE;
  }
  return throw(error, LANTAI_ERROR_INVALID, "指标“%s”的值是 %g，bands 中没有说到", text_or(figure, "name", ""), value);
}

/* Of a number that cannot be told: what there is nothing of. New string. */
static char *what_lacks(json_t *figure) {
  static const struct { const char *kind, *part, *missing; } over[] = {{"rate", "whole", "全部"}, {"average", "per", "被平均的数"}, {"multiple", "to", "对照的数"}};
  static const char *const fields[] = {"max", "min", "last"};
  json_t *growth = json_object_get(figure, "growth"), *base = json_object_get(growth, "base");
  for (guint i = 0; i < G_N_ELEMENTS(over); i++) {
    json_t *part = json_object_get(json_object_get(figure, over[i].kind), over[i].part);
    const char *name = json_is_string(part) ? json_string_value(part) : text_or(part, "name", over[i].missing);
    if (part) return g_strdup_printf("这一期间没有数据可比：“%s”是 0", name);
  }
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    if (text_in(figure, fields[i])) return g_strdup_printf("这一期间没有填了“%s”的条目", text_in(figure, fields[i]));
  if (growth == NULL) return g_strdup("这一期间没有数据");
  json_t *of = json_object_get(growth, "of");
  const char *name = json_is_string(of) ? json_string_value(of) : text_or(of, "name", "同一指标");
  int back = base ? -(int)json_integer_value(base) : 1;
  g_autofree char *when = back == 1 ? g_strdup("上年") : g_strdup_printf("%d 年前", back);
  return g_strdup_printf("%s没有数据：%s的“%s”是 0，不能和它比", when, when, name);
}

gboolean figure_say(json_t *figure, double value, double whole, json_t *parts, Wording *ret, GError **error) {
  Manner manner = manner_of(figure, value);
  const char *style = text_or(manner.say, "style", "exact"), *none = text_or(manner.say, "none", NULL);
  Wording words = {NULL, NULL};
  g_autofree char *lacks = isfinite(value) ? NULL : what_lacks(figure);
  if (lacks != NULL) return throw(error, LANTAI_ERROR_INVALID, "指标“%s”说不出数：%s", text_or(figure, "name", ""), lacks);
  gboolean said = TRUE;
  if (value == 0 && none != NULL) words = (Wording){g_strdup(none), g_strdup(none)};
  else if (g_str_equal(style, "all")) said = say_all(figure, &manner, value, whole, &words, error);
  else if (g_str_equal(style, "trend")) said = say_trend(figure, &manner, value, &words, error);
  else if (g_str_equal(style, "each") && json_array_size(parts) > 0) said = say_each(&manner, parts, &words);
  else if (g_str_equal(style, "vague") && value >= 2) put_words(&words, &manner, "", "多", "", "");
  else if (g_str_equal(style, "exact") || g_str_equal(style, "vague") || g_str_equal(style, "each")) said = say_exact(&manner, value, &words);
  else said = say_rounded(&manner, style, value, &words);
  if (said) *ret = words;
  return said;
}

/* ---- what a definition may say ---- */

static const char *const STYLE_NAMES[] = {"exact", "more", "many", "near", "about", "over", "atleast", "vague", "each", "all", "trend", "long", NULL};
static const char *const SAY_KEYS[] = {"scale", "digits", "style", "step", "numerals", "none", "full", "else", "bands", NULL};

static void fault(json_t *faults, const char *where, const char *what) {
  json_array_append_new(faults, json_pack("{s:s, s:s}", "where", where, "what", what));
}

void say_faults(json_t *figure, json_t *faults) {
  static const char *const scales[] = {"万", "亿", "auto", NULL};
  json_t *say = json_object_get(figure, "say"), *value;
  const char *key;
  if (say == NULL) return;
  if (!json_is_object(say)) return fault(faults, "say", "应为映射，例如 {style: more, step: 100}");
  json_object_foreach(say, key, value) {
    const char *nearest_key = text_nearest(key, SAY_KEYS);
    g_autofree char *where = g_strconcat("say.", key, NULL);
    g_autofree char *what = nearest_key ? g_strdup_printf("没有“%s”这一项，是不是“%s”", key, nearest_key) : g_strdup_printf("没有“%s”这一项", key);
    if (!g_strv_contains(SAY_KEYS, key)) fault(faults, where, what);
  }
  const char *style = text_or(say, "style", "exact"), *scale = text_or(say, "scale", "auto");
  if (!g_strv_contains(STYLE_NAMES, style)) {
    const char *nearest_style = text_nearest(style, STYLE_NAMES);
    g_autofree char *what = g_strdup_printf("没有“%s”这种措辞，可用 exact more many near about over atleast vague each all trend%s%s", style, nearest_style ? "；是不是 " : "",
      nearest_style ? nearest_style : "");
    fault(faults, "say.style", what);
  }
  if (!g_strv_contains(scales, scale)) fault(faults, "say.scale", "只能是 万、亿 或 auto");
  if (json_object_get(say, "step") && number_of(say, "step", 0) <= 0) fault(faults, "say.step", "应为大于 0 的数");
  if (json_object_get(say, "digits") && (number_of(say, "digits", -1) < 0 || number_of(say, "digits", -1) > 6)) fault(faults, "say.digits", "应为 0 至 6");
  if (json_object_get(say, "numerals") && g_strcmp0(text_or(say, "numerals", NULL), "han") != 0) fault(faults, "say.numerals", "只能是 han（汉字数字）");
  if (g_str_equal(style, "trend") && json_array_size(json_object_get(say, "bands")) == 0) fault(faults, "say.bands", "措辞 trend 要有 bands，例如 [[-30, 显著下降], [0, 有所下降]]");
}
