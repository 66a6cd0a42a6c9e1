/* Words of numbers: what each style prints, and that nothing printed lies. */
#include "internal.h"
#include "settings.h"
#include <locale.h>
#include <math.h>

static json_t *figure_of(const char *text) {
  g_autoptr(GError) error = NULL;
  json_t *figure = yaml_load_text(text, "test", &error);
  g_assert_no_error(error);
  return figure;
}

static char *say(const char *definition, double value, double whole, json_t *parts) {
  json_auto_t *figure = figure_of(definition);
  g_autoptr(GError) error = NULL;
  Wording words = {NULL, NULL};
  if (!figure_say(figure, value, whole, parts, &words, &error)) return g_strdup_printf("!%s", error->message);
  char *text = g_strdup(words.text);
  wording_clear(&words);
  return text;
}

static void test_styles(void) {
  static const struct { const char *figure; double value, whole; const char *text; } cases[] = {
    {"{count: , unit: 次}", 27, 0, "27次"}, {"{count: , unit: 位, say: {numerals: han}}", 2, 0, "两位"}, {"{count: , unit: 个, say: {numerals: han}}", 4, 0, "四个"},
    {"{count: , unit: 名, say: {numerals: han}}", 12, 0, "十二名"}, {"{sum: a, unit: 条, say: {scale: 万, digits: 1}}", 304217, 0, "30.4万条"},
    {"{sum: a, unit: 人次, say: {scale: 万, digits: 1}}", 25081, 0, "2.5万人次"}, {"{sum: a, unit: 卷（件）, say: {scale: 万, digits: 0}}", 130240, 0, "13万卷（件）"},
    {"{sum: a, unit: 元, say: {scale: auto}}", 10000, 0, "1万元"}, {"{sum: a, unit: 元, say: {scale: auto}}", 9800, 0, "9800元"}, {"{sum: a, unit: 元, say: {scale: 万}}",
      300, 0, "0.03万元"},
    {"{count: , unit: 次, say: {style: more, step: 100}}", 412, 0, "400余次"}, {"{count: , unit: 次, say: {style: more, step: 100}}", 400, 0, "400次"},
    {"{count: , unit: 次, say: {style: more, step: 100}}", 85, 0, "80余次"}, {"{sum: a, unit: 人次, say: {style: more, step: 100}}", 8632, 0, "8600余人次"},
    {"{count: , unit: 场次, say: {style: more, step: 10}}", 23, 0, "20余场次"}, {"{count: , unit: 条, say: {style: more, step: 10}}", 12, 0, "10余条"},
    {"{sum: a, unit: 条, say: {scale: 万, style: more, step: 10000}}", 56120, 0, "5万余条"}, {"{sum: a, unit: 元, say: {style: more, scale: 万}}", 126800, 0, "12.6万余元"},
    {"{count: , unit: 次, say: {style: many, step: 100}}", 412, 0, "400多次"}, {"{count: , unit: 场, say: {style: near, step: 100, numerals: han}}", 187, 0, "近两百场"},
    {"{count: , unit: 项, say: {style: near, step: 100}}", 285, 0, "近300项"}, {"{count: , unit: 项, say: {style: near, step: 100}}", 250, 0, "200余项"},
    {"{sum: a, unit: 人次, say: {style: about, scale: 万, step: 10000}}", 150320, 0, "约15万人次"}, {"{count: , unit: 篇（次）, say: {style: over, step: 100}}", 236, 0,
      "超过200篇（次）"},
    {"{count: , unit: 篇（次）, say: {style: over, step: 100}}", 200, 0, "达到200篇（次）"}, {"{average: {sum: a, per: b}, unit: 小时, say: {style: over, step: 1}}", 8.43, 0,
      "超过8小时"},
    {"{last: a, unit: ％, say: {style: atleast}}", 90, 0, "90％以上"}, {"{count: , unit: 个, say: {style: vague}}", 5, 0, "多个"},
      {"{count: , unit: 个, say: {style: vague}}", 1, 0, "1个"},
    {"{count: , unit: 次, say: {none: 未开展}}", 0, 0, "未开展"}, {"{count: , unit: 次}", 0, 0, "0次"},
    {"{sum: a, unit: 卷（件）, say: {scale: 万, digits: 0}}", 0, 0, "0卷（件）"}, {"{rate: {part: a, whole: b}}", 47.9, 48, "48%"},
    {"{rate: {part: a, whole: b}}", 99.7, 1000, "99.7%"}, {"{rate: {part: a, whole: b}}", 0.4, 1000, "0.4%"}, {"{growth: {of: a, as: times}}", 1.803, 0, "1.8倍"},
    {"{growth: {of: a, decrease: true}, say: {digits: 0}}", 200.0 / 3, 0, "67%"}, {"{points: {of: a}, say: {digits: 1}}", 2.25, 0, "2.3个百分点"},
    {"{rate: {part: a, whole: b}, say: {style: all, full: 均, else: \"{n}个，其余{rest}个\"}}", 100, 33, "均"},
    {"{rate: {part: a, whole: b}, say: {style: all, full: 均, else: \"{n}个，其余{rest}个\"}}", 3000.0 / 33, 33, "30个，其余3个"},
    {"{coverage: {every: month}, unit: 个月, say: {style: all, full: 每月, else: \"有{n}个月\"}}", 12, 12, "每月"},
    {"{coverage: {every: month}, unit: 个月, say: {style: all, full: 每月, else: \"有{n}个月\"}}", 11, 12, "有11个月"},
    {"{growth: {of: a}, say: {style: trend, bands: [[-30, 显著下降], [0, 有所下降], [0, 持平], [1000, 有所上升]]}}", -66.7, 0, "显著下降"},
    {"{growth: {of: a}, say: {style: trend, bands: [[-30, 显著下降], [0, 有所下降], [0, 持平], [1000, 有所上升]]}}", -5, 0, "有所下降"},
    {"{growth: {of: a}, say: {style: trend, bands: [[-30, 显著下降], [0, 有所下降], [0, 持平], [1000, 有所上升]]}}", 0, 0, "持平"},
    {"{growth: {of: a}, say: {style: trend, bands: [[-30, 显著下降], [0, 有所下降], [0, 持平], [1000, 有所上升]]}}", 9, 0, "有所上升"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = say(cases[i].figure, cases[i].value, cases[i].whole, NULL);
    if (!g_str_equal(text, cases[i].text)) g_error("%s of %g: “%s”, not “%s”", cases[i].figure, cases[i].value, text, cases[i].text);
  }
  static const char *const refused[] = {"{growth: {of: a}, say: {style: trend, bands: [[0, 上升]]}}", "{growth: {of: a}, say: {style: trend, bands: [[-90, 下降]]}}"};
  for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
    g_autofree char *text = say(refused[i], -20, 0, NULL);
    g_assert_cmpint(*text, ==, '!');
  }
  g_autofree char *nothing = say("{rate: {part: a, whole: b}}", NAN, 0, NULL);
  g_assert_cmpint(*nothing, ==, '!');
}

static void test_each(void) {
  static const char *const figure = "{distinct: a, unit: 人, group: b, say: {style: each}}";
  json_auto_t *equal = figure_of("[{key: 党纪, value: 1}, {key: 政务, value: 1}]"), *other = figure_of("[{key: 党纪, value: 2}, {key: 政务, value: 1}]");
  g_autofree char *same = say(figure, 2, 0, equal), *differs = say(figure, 3, 0, other);
  g_assert_cmpstr(same, ==, "各1人");
  g_assert_cmpstr(differs, ==, "党纪2人、政务1人");
  g_assert_true(wording_true(same, 2));
  g_assert_true(wording_true(differs, 3));
  g_assert_false(wording_true(differs, 4));
}

/* Whatever the style, the step and the value: what is printed is true of the value. */
static void test_never_lies(void) {
  static const char *const styles[] = {"exact", "more", "many", "near", "about", "over", "atleast", "vague"};
  static const char *const units[] = {"次", "元", "%", "倍", "小时", "卷（件）"};
  g_autoptr(GRand) random = g_rand_new_with_seed(20231231);
  for (guint round = 0; round < 60000; round++) {
    double size = pow(10, g_rand_double_range(random, 0, 9)), value = g_rand_boolean(random) ? floor(size) : round % 7 == 0 ? floor(size / 100) * 100 : size;
    guint unit = (guint)g_rand_int_range(random, 0, G_N_ELEMENTS(units));
    if (unit == 0 || unit == 5) value = floor(value);
    g_autoptr(GString) text = g_string_new("{sum: a");
    g_string_append_printf(text, ", unit: \"%s\", say: {style: %s", units[unit], styles[g_rand_int_range(random, 0, G_N_ELEMENTS(styles))]);
    if (g_rand_boolean(random)) g_string_append_printf(text, ", step: %d", (int[]){1, 5, 10, 50, 100, 1000, 10000}[g_rand_int_range(random, 0, 7)]);
    if (g_rand_boolean(random)) g_string_append_printf(text, ", scale: %s", (const char *const[]){"万", "亿", "auto"}[g_rand_int_range(random, 0, 3)]);
    if (g_rand_boolean(random)) g_string_append_printf(text, ", digits: %d", g_rand_int_range(random, 0, 3));
    if (g_rand_int_range(random, 0, 4) == 0) g_string_append(text, ", numerals: han");
    g_string_append(text, "}}");
    g_autofree char *words = say(text->str, value, 0, NULL);
    if (*words == '!' || !wording_true(words, value)) g_error("%s of %.9g is told as “%s”", text->str, value, words);
  }
}

static void test_true(void) {
  static const struct { const char *words; double yes[3], no[3]; } cases[] = {
    {"400余次", {401, 412, 499}, {400, 500, 399}}, {"近两百场", {180, 187, 199}, {179, 200, 210}}, {"约15万人次", {145000, 150000, 155000}, {144999, 155001, 160000}},
    {"30.4万条", {303500, 304000, 304500}, {303499, 304501, 30.4}}, {"13万卷（件）", {125000, 130000, 135000}, {124999, 135001, 13}}, {"超过200篇（次）", {201, 236, 9000}, {200,
      199, 0}},
    {"90％以上", {90, 95, 100}, {89, 0, 50}}, {"48%", {47.5, 48, 48.5}, {47.4, 48.6, 50}}, {"100%", {100, 100, 100}, {99.9, 99.6, 0}}, {"27次", {27, 27, 27}, {26, 28,
      27.5}},
    {"两位", {2, 2, 2}, {1, 3, 0}}, {"三百九十三个", {393, 393, 393}, {392, 394, 39}}, {"多个", {2, 5, 100}, {1, 0, 1}}, {"1.8倍", {1.75, 1.8, 1.85}, {1.74, 1.86, 2}},
    {"12万余元", {120001, 125000, 129999}, {120000, 130000, 119999}}, {"10余万人", {100001, 150000, 199999}, {100000, 200000, 10}}, {"均", {100, 100, 100}, {99.99, 0, 50}},
    {"十余条", {11, 12, 19}, {10, 20, 9}}, {"各1人", {1, 2, 3}, {0.5, 1.5, 2.5}}, {"显著下降", {-1, -30, -99}, {0, 1, 50}}, {"达到200次", {200, 201, 500}, {199, 0, 100}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
    for (guint k = 0; k < 3; k++) {
      if (!wording_true(cases[i].words, cases[i].yes[k])) g_error("“%s” is not true of %g", cases[i].words, cases[i].yes[k]);
      if (wording_true(cases[i].words, cases[i].no[k])) g_error("“%s” is true of %g", cases[i].words, cases[i].no[k]);
    }
}

static void test_numbers(void) {
  static const struct { const char *sentence, *texts; } cases[] = {
    {"共接待393个党支部2.5万人次", "393个|2.5万人次"}, {"累计接待查档利用8600余人次", "8600余人次"}, {"举办近两百场活动，吸引约15万游客", "近两百场|约15万"}, {"受到两位市委领导同志批示", "两位"},
    {"女干部占比48%", "48%"}, {"落实三会一课、第一种形态", ""}, {"人均志愿服务时长超过8小时", "超过8小时"}, {"数字化率需达90％以上", "90％以上"}, {"增加了1.8倍", "1.8倍"},
    {"修订意见38项（含合并26项）", "38项|26项"}, {"符合DA/T22要求", ""}, {"发表200篇（次）", "200篇（次）"}, {"四大方面的54项", "54项"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *found = wording_numbers(cases[i].sentence);
    g_autoptr(GString) texts = g_string_new(NULL);
    size_t k;
    json_t *row;
    json_array_foreach(found, k, row) {
      const char *text = json_string_value(json_object_get(row, "text"));
      gint64 from = json_integer_value(json_object_get(row, "from")), to = json_integer_value(json_object_get(row, "to"));
      g_assert_cmpint(to - from, ==, (gint64)strlen(text));
      g_assert_cmpint(strncmp(cases[i].sentence + from, text, (gsize)(to - from)), ==, 0);
      g_string_append_printf(texts, "%s%s", k ? "|" : "", text);
    }
    if (!g_str_equal(texts->str, cases[i].texts)) g_error("%s: “%s”, not “%s”", cases[i].sentence, texts->str, cases[i].texts);
  }
}

static void test_han(void) {
  static const struct { gint64 number; gboolean measure; const char *text; } cases[] = {{2, TRUE, "两"}, {2, FALSE, "二"}, {15, TRUE, "十五"}, {20, TRUE, "二十"}, {22,
    TRUE, "二十二"},
    {393, TRUE, "三百九十三"}, {105, TRUE, "一百零五"}, {115, TRUE, "一百一十五"}, {200, TRUE, "两百"}, {200, FALSE, "二百"}, {1005, TRUE, "一千零五"}, {1050, TRUE, "一千零五十"},
    {10000, TRUE, "一万"}, {20000, TRUE, "两万"}, {10050, TRUE, "一万零五十"}, {150000, TRUE, "十五万"}, {100000001, TRUE, "一亿零一"}, {0, TRUE, "零"}, {-3, TRUE, "负三"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = number_han(cases[i].number, cases[i].measure);
    g_assert_cmpstr(text, ==, cases[i].text);
  }
  for (gint64 number = 1; number < 30000; number += 7) { /* read back, it is the number */
    g_autofree char *text = number_han(number, TRUE), *counted = g_strconcat(text, "个", NULL);
    if (!wording_true(counted, (double)number) || wording_true(counted, (double)number + 1)) g_error("%s is not read as %d", counted, (int)number);
  }
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/wording/styles", test_styles);
  g_test_add_func("/wording/each", test_each);
  g_test_add_func("/wording/never-lies", test_never_lies);
  g_test_add_func("/wording/true", test_true);
  g_test_add_func("/wording/numbers", test_numbers);
  g_test_add_func("/wording/han", test_han);
  return g_test_run();
}
