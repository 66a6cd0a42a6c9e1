/* Templates of reports: places, conditions, faults with their place, paragraphs and headings. */
#include "report-internal.h"
#include <string.h>

static json_t *known(void) {
  return json_pack("{s:{s:s,s:f,s:s,s:s,s:i,s:s,s:{s:f,s:s},s:[{s:s,s:f,s:s,s:i}]}, s:{s:s,s:f,s:s,s:s,s:i}, s:s, s:s}", "接待人次", "name", "接待人次", "value", 412.0,
    "text",
    "400余人次", "bare", "400余",
    "entries", 7, "unit", "人次", "last", "value", 300.0, "text", "300人次", "parts", "key", "党支部", "value", 12.0, "text", "12人次", "entries", 3, "6.9活动",
    "name",
    "6.9活动", "value", 0.0, "text", "0次", "bare", "0", "entries", 0, "城市", "津市", "年份", "2023");
}

static json_t *lookup(const char *name, gpointer data, GError **error) { return json_incref(json_object_get(data, name)); }

static json_t *make(const char *text, char **ret_error) {
  json_auto_t *names = known(), *faults = json_array();
  g_autoptr(ReportTemplate) template = report_template_new(text, faults);
  g_assert_cmpint(json_array_size(faults), ==, 0);
  g_autoptr(GError) error = NULL;
  json_t *paragraphs = report_template_paragraphs(template, lookup, names, &error);
  if (ret_error) *ret_error = error ? g_strdup(error->message) : NULL;
  else g_assert_no_error(error);
  return paragraphs;
}

static void prints(const char *template, const char *expected) {
  json_auto_t *paragraphs = make(template, NULL);
  g_autoptr(GString) all = g_string_new(NULL);
  size_t i;
  json_t *paragraph;
  json_array_foreach(paragraphs, i, paragraph) {
    g_autofree char *text = report_paragraph_text(paragraph);
    g_string_append_printf(all, "%s%s", i ? "|" : "", text);
  }
  g_assert_cmpstr(all->str, ==, expected);
}

static void test_places(void) {
  prints("{年份}年{城市}接待{接待人次}。", "2023年津市接待400余人次。");
  prints("{ 接待人次.bare }人，准数{接待人次.value}，上年{接待人次.last}，其中党支部{接待人次.党支部}", "400余人，准数412，上年300人次，其中党支部12人次");
  prints("{6.9活动}", "0次");
  prints("{接待人次.last_bare}、{接待人次.没有来过的}", "300、0人次"); /* of a figure with groups: none of that kind */
  prints("花括号{{年份}}照印", "花括号{年份}照印");
  prints("  首行缩进去掉\r\n\n　　第二段\n", "首行缩进去掉|第二段");
}

static void test_conditions(void) {
  prints("{若 接待人次 > 400}多{否则}少{完}", "多");
  prints("{若 接待人次 <= 411.5}少{否则}多{完}", "多");
  prints("{若 接待人次 ≥ 412}是{完}。", "是。");
  prints("{若 6.9活动}办了{否则}没有办{完}", "没有办");
  prints("{若 城市 = “津市”}本市{完}{若 城市 != \"津市\"}外市{完}", "本市");
  prints("{若 接待人次}甲{若 接待人次.党支部 = 12}乙{若 6.9活动}丙{否则}丁{完}{完}{否则}戊{完}", "甲乙丁");
  prints("{若 6.9活动}\n一整段\n{完}\n下一段", "下一段");
  prints("{若 接待人次 > 接待人次.last}增加{否则}减少{完}", "增加");
}

static void faulty(const char *template, int line, int column, const char *words) {
  json_auto_t *faults = json_array();
  g_autoptr(ReportTemplate) parsed = report_template_new(template, faults);
  g_assert_cmpint(json_array_size(faults), ==, 1);
  json_t *fault = json_array_get(faults, 0);
  g_assert_cmpint(int_at(fault, "line"), ==, line);
  g_assert_cmpint(int_at(fault, "column"), ==, column);
  g_assert_nonnull(strstr(text_at(fault, "what"), words));
}

static void test_faults(void) {
  faulty("甲乙{若 接待人次}丙", 1, 3, "没有“{完}”");
  faulty("甲\n乙{完}", 2, 2, "前面没有");
  faulty("{否则}", 1, 1, "前面没有");
  faulty("{若 a}1{否则}2{否则}3{完}", 1, 12, "两个");
  faulty("一二{三四", 1, 3, "对应");
  faulty("一{ }二", 1, 2, "没有名称");
  faulty("{若 甲 >}x{完}", 1, 1, "比较的数");
  faulty("{若}x{完}", 1, 1, "条件");
  g_autofree char *unknown = NULL, *member = NULL, *compared = NULL;
  json_auto_t *none = make("第一行\n共{接待次}人", &unknown);
  g_assert_null(none);
  g_assert_cmpstr(unknown, ==, "第 2 行第 2 字：没有叫“接待次”的指标或参数");
  json_auto_t *no_member = make("{6.9活动.旧}", &member);
  g_assert_nonnull(strstr(member, "没有“.旧”"));
  json_auto_t *no_order = make("{若 城市 > 3}x{完}", &compared);
  g_assert_nonnull(strstr(compared, "只能用 = 或 != 比较"));
}

static void test_names(void) {
  json_auto_t *names = known(), *faults = json_array();
  g_autofree char *near = report_nearest(names, "接待次"), *far = report_nearest(names, "完全不相干的名称");
  g_assert_cmpstr(near, ==, "接待人次");
  g_assert_null(far);
  g_autofree char *member = NULL, *none = NULL;
  g_autofree char *name = report_name_split("接待人次.bare", names, &member), *dotted = report_name_split("6.9活动", names, &none);
  g_assert_cmpstr(name, ==, "接待人次");
  g_assert_cmpstr(member, ==, "bare");
  g_assert_cmpstr(dotted, ==, "6.9活动");
  g_assert_null(none);
  g_autoptr(ReportTemplate) template = report_template_new("{若 甲 > 乙}{丙}{完}{若 丁 = “戊”}{完}", faults);
  json_auto_t *written = report_template_names(template);
  g_assert_cmpint(json_array_size(written), ==, 4);
  g_assert_cmpstr(text_at(json_array_get(written, 3), "name"), ==, "丁");
}

static void heading(const char *text, const char *kind, const char *lead) {
  const char *found = "p";
  gsize length = report_heading_length(text, &found);
  g_autofree char *head = g_strndup(text, length);
  g_assert_cmpstr(head, ==, lead);
  if (length) g_assert_cmpstr(found, ==, kind);
}

static void test_headings(void) {
  heading("一、完成的主要工作", "h1", "一、完成的主要工作");
  heading("十二、其他。说明", "h1", "十二、其他。");
  heading("（一）坚持政治引领。增强自觉。", "h2", "（一）坚持政治引领。");
  heading("(二)强化领导", "h2", "(二)强化领导");
  heading("1.把牢政治方向。始终学习", "h3", "1.把牢政治方向。");
  heading("（1）细目", "h4", "（1）细目");
  heading("一是抓好学习。二是", "p", "");
  heading("2023年以来，全馆工作。", "p", "");
  heading("1.5万人次参观了展览", "p", "");
  json_auto_t *paragraphs = make("（一）接待{接待人次}。其余如下。", NULL);
  json_t *runs = json_object_get(json_array_get(paragraphs, 0), "runs");
  g_assert_cmpint(json_array_size(runs), ==, 4);
  g_assert_true(json_is_true(json_object_get(json_array_get(runs, 1), "lead")));
  g_assert_cmpstr(text_at(json_array_get(runs, 2), "text"), ==, "。");
  g_assert_null(json_object_get(json_array_get(runs, 3), "lead"));
  g_assert_cmpint(int_at(json_array_get(runs, 3), "column"), ==, 13);
  g_assert_cmpint(int_at(json_array_get(runs, 1), "entries"), ==, 7);
}

static void test_tables(void) {
  json_auto_t *paragraphs = make("前文\n| 项目 | 单位 | 数 |\n|---|:---|\n| 接待 |人次|{接待人次.value}|\n|{城市}||共{6.9活动}|\n后文", NULL);
  g_assert_cmpint(json_array_size(paragraphs), ==, 3);
  json_t *table = json_array_get(paragraphs, 1), *rows = json_object_get(table, "rows");
  g_assert_cmpstr(text_at(table, "kind"), ==, "table");
  g_assert_cmpint(json_array_size(rows), ==, 3);
  g_assert_true(json_is_true(json_object_get(json_array_get(rows, 0), "head")));
  static const char *const cells[3][3] = {{"项目", "单位", "数"}, {"接待", "人次", "412"}, {"津市", "", "共0次"}};
  for (int i = 0; i < 3; i++) {
    json_t *row = json_object_get(json_array_get(rows, (size_t)i), "cells");
    g_assert_cmpint(json_array_size(row), ==, 3);
    for (int k = 0; k < 3; k++) {
      g_autofree char *text = report_paragraph_text(json_array_get(row, (size_t)k));
      g_assert_cmpstr(text, ==, cells[i][k]);
    }
  }
  g_assert_cmpstr(text_at(json_array_get(paragraphs, 2), "kind"), ==, "p");
}

/* What two frozen reports are compared as stands in them: a figure of that name need not be in force any more. */
static void test_compare(void) {
  static const struct { const char *now, *before; double value, was; const char *change; } cases[] = {{"rate", "rate", 62.5, 60, "上升2.5个百分点"},
    {"count", "count", 30, 20, "增长50.0%"}, {"growth", "growth", 30, 20, "增加"}, {"count", "rate", 30, 20, "算法已改，不能比较"}, {"rate", "", 20, 30, "下降10个百分点"},
    {"", "", 30, 20, "增加"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *now = json_pack("{s:{s:{s:s, s:f, s:s}}}", "figures", "早已没有的指标", "aggregate", cases[i].now, "value", cases[i].value, "text", "");
    json_auto_t *before = json_pack("{s:{s:{s:s, s:f, s:s}}}", "figures", "早已没有的指标", "aggregate", cases[i].before, "value", cases[i].was, "text", "");
    json_auto_t *rows = report_compare(now, before);
    g_assert_cmpstr(text_at(json_array_get(rows, 0), "change"), ==, cases[i].change);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/report/template/places", test_places);
  g_test_add_func("/report/template/conditions", test_conditions);
  g_test_add_func("/report/template/faults", test_faults);
  g_test_add_func("/report/template/names", test_names);
  g_test_add_func("/report/template/headings", test_headings);
  g_test_add_func("/report/template/tables", test_tables);
  g_test_add_func("/report/compare", test_compare);
  return g_test_run();
}
