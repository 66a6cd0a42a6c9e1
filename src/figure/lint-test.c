/* Looking through a report: what is found, and what must not be. */
#include "report-internal.h"
#include "error.h"
#include <locale.h>
#include <string.h>

static json_t *figures(void) {
  return json_pack("{s:{s:s,s:f,s:s,s:s,s:s,s:i}, s:{s:s,s:f,s:s,s:s,s:s,s:i}, s:{s:s,s:f,s:s,s:s,s:s,s:i}, s:{s:s,s:f,s:s,s:s,s:s,s:i}}",
    "接待人次", "name", "接待人次", "value", 412.0, "text", "400余人次", "bare", "400余", "unit", "人次", "entries", 7,
    "学习次数", "name", "学习次数", "value", 27.0, "text", "27次", "bare", "27", "unit", "次", "entries", 27,
    "未办事项", "name", "未办事项", "value", 0.0, "text", "0项", "bare", "0", "unit", "项", "entries", 0,
    "错数", "name", "错数", "value", 512.0, "text", "400余人次", "bare", "400余", "unit", "人次", "entries", 7);
}

static json_t *lookup(const char *name, gpointer data, GError **error) {
  if (g_str_equal(name, "图 学习次数"))
    return json_pack("{s:s, s:{s:s, s:s, s:[{s:s}], s:[{s:s, s:[{s:i}]}, {s:s, s:[{s:i}]}]}}", "figure", "学习次数", "chart", "kind", "share", "first", "人", "columns",
      "label", "次数", "rows", "label", "王大力", "cells", "value", 27, "label", "2023年", "cells", "value", 3);
  json_t *figure = json_object_get(data, name);
  return figure ? json_incref(figure) : g_str_equal(name, "地点") ? json_string("12个街道") : NULL;
}

/* The report that a template makes over the figures above. */
static json_t *make(const char *text, const char *fixed) {
  json_t *names = figures();
  json_auto_t *faults = json_array();
  g_autoptr(ReportTemplate) template = report_template_new(text, faults);
  g_assert_cmpint(json_array_size(faults), ==, 0);
  GError *error = NULL;
  json_t *paragraphs = report_template_paragraphs(template, lookup, names, &error);
  g_assert_no_error(error);
  return json_pack("{s:o, s:o, s:o}", "paragraphs", paragraphs, "figures", names, "fixed", fixed ? json_pack("[s]", fixed) : json_array());
}

static void report_all(const char *text, json_t *faults) {
  size_t i;
  json_t *fault;
  json_array_foreach(faults, i, fault) g_test_message("%s: %s %s %s", text, text_at(fault, "kind"), text_at(fault, "text"), text_at(fault, "what"));
}

static void finds(const char *text, const char *kind, int column, const char *words) {
  json_auto_t *report = make(text, NULL), *faults = report_lint_text(report, NULL);
  if (json_array_size(faults) != 1) report_all(text, faults);
  g_assert_cmpint(json_array_size(faults), ==, 1);
  json_t *fault = json_array_get(faults, 0);
  g_assert_cmpstr(text_at(fault, "kind"), ==, kind);
  g_assert_nonnull(strstr(text_at(fault, "what"), words));
  if (int_at(fault, "column") != column) report_all(text, faults);
  g_assert_cmpint(int_at(fault, "column"), ==, column);
}

static void passes(const char *text, const char *fixed) {
  json_auto_t *report = make(text, fixed), *faults = report_lint_text(report, NULL);
  report_all(text, faults);
  g_assert_cmpint(json_array_size(faults), ==, 0);
}

/* Groups of a chart are read by everybody too; its numbers are no typed ones. */
static void test_charts(void) {
  json_auto_t *report = make("见图。{图 学习次数}", NULL), *names = json_pack("{s:s}", "王大力", "提醒谈话"), *faults = report_lint_text(report, names);
  json_auto_t *fixed = make("见图。{图 学习次数}", "王大力"), *none = report_lint_text(fixed, names), *others = report_lint_text(report, NULL);
  report_all("chart", faults);
  g_assert_cmpuint(json_array_size(faults), ==, 1);
  g_assert_nonnull(strstr(text_at(json_array_get(faults, 0), "what"), "王大力"));
  g_assert_cmpuint(json_array_size(none) + json_array_size(others), ==, 0);
  json_object_set_new(json_object_get(json_object_get(report, "figures"), "学习次数"), "partial", json_true());
  json_auto_t *partial = report_lint_text(report, NULL);
  g_assert_cmpuint(json_array_size(partial), >=, 1);
  g_assert_cmpstr(text_at(json_array_get(partial, 0), "kind"), ==, "stop");
}

/* Where a chart has no room it is told, and stops. */
static void test_charts_elsewhere(void) {
  finds("| 学习 | 图 |\n|---|---|\n| {学习次数} | {图 学习次数} |", "stop", 12, "不能放在表格里");
  g_autoptr(GError) error = NULL;
  g_assert_null(report_template_line("总结{图 学习次数}", "标题", lookup, NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

static void test_numbers(void) {
  finds("共学习{学习次数}，宣讲12次。", "look", 13, "没有台账依据");
  finds("共学习{学习次数}，又说学习27次。", "stop", 15, "改用 {学习次数}");
  finds("接待400余人次。", "stop", 3, "接待人次");
  finds("接待两百余人次", "look", 3, "没有台账依据");
  finds("另有{学习次数}{地点}，8个。", "look", 14, "8个");
  passes("共学习{学习次数}，接待{接待人次}。", NULL);
  passes("连宣讲12次也算固定说法。", "宣讲12次");
}

static void test_no_alarm(void) {
  passes("2023年6月7日至7月28日，第3期，国发〔2015〕12号，“6·9国际档案日”办了一次活动。", NULL);
  passes("服务“十项行动”，落实“三会一课”，学习《两个文件三项制度》，坚持中央八项规定，一名同志参加第一次会议。", NULL);
  passes("党的二十大以来，“十四五”规划，二十届三中全会，“9.5”档案开放日。", NULL);
  passes("完善文件、条件，设专项、案卷，分期、分批，依次、逐项、多次、每次，各部门、各单位，层次、档次，干部、支部。", NULL);
  passes("落实事项、调整岗位、清理问卷、组织现场、登记姓名、印制手册，若干篇、数次、首次。", NULL);
}

static void test_gaps(void) {
  finds("开展宣讲次，覆盖全市。", "stop", 5, "前面没有数");
  finds("培训干部人次。", "stop", 5, "前面没有数");
  finds("接待XX人", "stop", 3, "还没有填");
  finds("党的XX大", "look", 3, "还没有填");
  finds("展出照片XX余幅，", "stop", 5, "还没有填");
  passes("开展宣讲{学习次数}，办理{学习次数.bare}次，", NULL);
}

static void test_words(void) {
  finds("接待近{接待人次}。", "stop", 4, "前面的约数词是手写的");
  finds("学习{学习次数.bare}余次", "stop", 3, "后面的约数词是手写的");
  finds("接待{错数}。", "stop", 3, "不符");
  finds("还有{未办事项}。", "look", 3, "没有一行台账");
  passes("附近{接待人次}，最近{学习次数}。", NULL);
}

static void test_names(void) {
  json_auto_t *report = make("与王小明谈话，查处高峰同志，李大力已“说明”。", "李大力"), *names = json_pack("{s:s, s:s, s:s}", "王小明", "执纪问责", "高峰", "执纪问责", "李大力", "执纪问责");
  json_auto_t *faults = report_lint_text(report, names);
  g_assert_cmpint(json_array_size(faults), ==, 2);
  g_assert_cmpstr(text_at(json_array_get(faults, 0), "kind"), ==, "stop");
  g_assert_nonnull(strstr(text_at(json_array_get(faults, 0), "what"), "王*"));
  g_assert_cmpstr(text_at(json_array_get(faults, 1), "kind"), ==, "look");
}

static void test_changes(void) {
  json_auto_t *report = make("学习{学习次数}，接待{接待人次}。", NULL);
  json_object_set_new(report, "drafted", json_pack("{s:{s:f,s:s}, s:{s:f,s:s}}", "学习次数", "value", 26.0, "text", "26次", "接待人次", "value", 411.0, "text", "400余人次"));
  json_auto_t *faults = report_lint_text(report, NULL);
  g_assert_cmpint(json_array_size(faults), ==, 2);
  g_assert_cmpstr(text_at(json_array_get(faults, 0), "kind"), ==, "stop");
  g_assert_cmpint(int_at(json_array_get(faults, 0), "column"), ==, 3);
  g_assert_nonnull(strstr(text_at(json_array_get(faults, 0), "what"), "送审时是“26次”，现在是“27次”"));
  g_assert_cmpstr(text_at(json_array_get(faults, 1), "kind"), ==, "look");
}

/* Texts as archives print them: every number in them is typed here, but no measure word is alone, and no place of a form is open. */
static void test_real_texts(void) {
  g_autofree char *path = g_build_filename(g_getenv("LANTAI_SHARED") ? g_getenv("LANTAI_SHARED") : "../shared", "reports", NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  if (dir == NULL) return g_test_skip("the shared reports are not there");
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *file = g_build_filename(path, name, NULL), *text = NULL;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    json_auto_t *report = make(text, NULL);
    json_object_del(report, "figures");
    json_auto_t *faults = report_lint_text(report, NULL);
    size_t i;
    json_t *fault;
    gboolean form = strstr(name, "county") != NULL;
    json_array_foreach(faults, i, fault) {
      g_test_message("%s: %s %s: %s", name, text_at(fault, "kind"), text_at(fault, "text"), text_at(fault, "what"));
      if (!form) g_assert_cmpstr(text_at(fault, "kind"), ==, "look");
    }
  }
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8"); /* messages */
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/report/lint/numbers", test_numbers);
  g_test_add_func("/report/lint/charts", test_charts);
  g_test_add_func("/report/lint/charts-elsewhere", test_charts_elsewhere);
  g_test_add_func("/report/lint/no-alarm", test_no_alarm);
  g_test_add_func("/report/lint/gaps", test_gaps);
  g_test_add_func("/report/lint/words", test_words);
  g_test_add_func("/report/lint/names", test_names);
  g_test_add_func("/report/lint/changes", test_changes);
  g_test_add_func("/report/lint/real-texts", test_real_texts);
  return g_test_run();
}
