/* Charts over small ledgers whose cells are counted by hand; each cell opens to as many entries as it says; gate, wrong definitions; panels and their replay. */
#include "../ledger/test-fixture.h"
#include "chart.h"
#include "figure.h"
#include "form.h"
#include "panel.h"
#include <locale.h>

static const char *const LEDGERS[] = {
  "name: 整改\ndate_required: false\nuses: [责任部门, 责任人, 截止]\nfields:\n  - {name: 来源, type: choice, list: true, values: [巡察, 审计]}\n  - {name: 件数, type: number}\n"
  "states: [{name: 登记}, {name: 整改中}, {name: 已销号, closed: true}]\n",
  "name: 移交\nfields:\n  - {name: 移交单位, type: body}\n  - {name: 件数, type: number}\n",
  "name: 名册\nfields:\n  - {name: 系统, type: text}\n",
  "name: 密账\nrestricted: true\nread: [director]\nfields:\n  - {name: 类型, type: text}\n",
};

static const char *const ENTRIES[] = {
  "{ledger: 整改, date: 2022-11-05, title: 旧一, department: 甲科, due: 2023-03-01, values: {来源: 巡察, 件数: 5}, states: [[登记, 20221105], [已销号, 20230210]], state: 已销号}",
  "{ledger: 整改, date: 2023-01-10, title: 一, department: 甲科, due: 2023-02-01, values: {来源: 巡察, 件数: 3}, states: [[登记, 20230110], [已销号, 20230320]], state: 已销号}",
  "{ledger: 整改, date: 2023-02-11, title: 二, department: 甲科, due: 2023-06-01, values: {来源: 审计, 件数: 2}, states: [[登记, 20230211], [整改中, 20230301]], state: 整改中}",
  "{ledger: 整改, date: 2023-02-12, title: 三, department: 乙科, due: 2024-06-01, values: {来源: 审计, 件数: 1}}",
  "{ledger: 整改, date: 2023-03-13, title: 四, department: 乙科, values: {来源: 巡察, 件数: 4}, states: [[登记, 20230313], [已销号, 20240105]], state: 已销号}",
  "{ledger: 整改, title: 没有日期, department: 丙科, values: {来源: 巡察, 件数: 9}, states: [[登记, 20230215]]}", /* came in no month */
  "{ledger: 移交, date: 2023-05-01, title: 第一批, values: {移交单位: 甲局, 件数: 12000}}", "{ledger: 移交, date: 2023-06-01, title: 第二批, values: {移交单位: 乙局, 件数: 30}}",
  "{ledger: 移交, date: 2023-06-02, title: 第三批, values: {移交单位: 外单位, 件数: 7}}", "{ledger: 移交, date: 2021-06-02, title: 早年, values: {移交单位: 甲局, 件数: 9}}",
  "{ledger: 名册, date: 2018-01-01, title: 甲局, values: {系统: 政府}}", "{ledger: 名册, date: 2018-01-01, title: 乙局, values: {系统: 政府}}",
  "{ledger: 名册, date: 2018-01-01, title: 丙部, values: {系统: 市委}}",
  "{ledger: 密账, date: 2023-05-05, title: 密一, values: {类型: 甲}}",
};

static void open_world(Fixture *f) {
  json_auto_t *documents = json_object();
  fixture_bare(f);
  for (guint i = 0; i < G_N_ELEMENTS(LEDGERS); i++) {
    g_autofree char *name = g_strdup_printf("%02u.yaml", i);
    json_object_set_new(documents, name, yaml(LEDGERS[i]));
  }
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(ledger_define_many(sql, "system", documents, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  good(figure_open(&f->house, error));
  for (guint i = 0; i < G_N_ELEMENTS(ENTRIES); i++) put(f, ENTRIES[i]);
}

static void close_world(Fixture *f) {
  figure_close();
  fixture_close(f);
}

/* The first chart of a definition as lines "label: a b c". */
static char *drawn(Fixture *f, Asker asker, const char *definition, GError **told) {
  json_auto_t *figure = yaml(definition), *specs = chart_specs(figure);
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  ChartAsk ask = {&f->house, sql, asker, figure, json_array_get(specs, 0), figure_year(2023), "/chart"};
  json_auto_t *chart = chart_make(&ask, told);
  if (chart == NULL) return NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  json_t *row, *cell;
  size_t i, k;
  json_array_foreach(json_object_get(chart, "rows"), i, row) {
    g_string_append_printf(text, "%s%s:", text->len ? "; " : "", text_at(row, "label"));
    g_assert_cmpuint(json_array_size(json_object_get(row, "cells")), ==, json_array_size(json_object_get(chart, "columns")));
    json_array_foreach(json_object_get(row, "cells"), k, cell)
      if (json_object_get(cell, "value")) g_string_append_printf(text, " %.10g", json_number_value(json_object_get(cell, "value")));
  }
  g_string_append_printf(text, " | %s", text_at(chart, "said"));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

#define assert_drawn(f, definition, expected) \
  do { \
    g_autofree char *is_drawn = good(drawn((f), LEDGER_EVERYTHING, (definition), error)); \
    g_assert_cmpstr(is_drawn, ==, (expected)); \
  } while (0)

static void test_kinds(void) {
  Fixture f;
  open_world(&f);
  assert_drawn(&f, "{name: 移交件数, ledger: 移交, sum: 件数, unit: 件, chart: {kind: trend, years: 3}}",
    "2021年: 9; 2022年: 0; 2023年: 12037 | 2023年1.204万件；2021年以来最多的是2023年，1.204万件");
  assert_drawn(&f, "{name: 移交件数, ledger: 移交, sum: 件数, unit: 件, where: {件数: {min: 900000}}, chart: {kind: trend, years: 3}}", " | 2021年以来没有数");
  assert_drawn(&f, "{name: 移交件数, ledger: 移交, sum: 件数, unit: 件, chart: {kind: trend, every: month}}",
    "1月: 0 0; 2月: 0 0; 3月: 0 0; 4月: 0 0; 5月: 0 12000; 6月: 0 37; 7月: 0 0; 8月: 0 0; 9月: 0 0; 10月: 0 0; 11月: 0 0; 12月: 0 0 | 2023年各月合计1.204万件，上年0件");
  assert_drawn(&f, "{name: 移交件数, ledger: 移交, sum: 件数, unit: 件, where: {件数: {min: 900000}}, chart: {kind: trend, every: month}}", " | 2023年和上年都没有数");
  assert_drawn(&f, "{name: 问题, ledger: 整改, count: , unit: 项, where: {标题: 无}, chart: backlog}", " | 2023年没有数");
  assert_drawn(&f, "{name: 问题, ledger: 整改, count: , group: 来源, unit: 项, chart: share}", "审计: 2 50; 巡察: 2 50 | 最多的是审计，2项，占50％");
  /* done, not yet due, overdue as they stood at the year's end: 四 was closed only in 2024, 三 is due in 2024 */
  assert_drawn(&f, "{name: 问题, ledger: 整改, count: , unit: 项, chart: progress}", "乙科: 0 2 0; 甲科: 1 0 1 | 2023年的共4项，已办结25％，逾期1项");
  assert_drawn(&f, "{name: 问题, ledger: 整改, count: , unit: 项, chart: backlog}",
    "1月: 1 0 2; 2月: 2 1 3; 3月: 1 1 3; 4月: 0 0 3; 5月: 0 0 3; 6月: 0 0 3; 7月: 0 0 3; 8月: 0 0 3; 9月: 0 0 3; 10月: 0 0 3; 11月: 0 0 3; 12月: 0 0 3"
    " | 2023年新增4，办结2，还有3项没有办结");
  assert_drawn(&f, "{name: 移交件数, ledger: 移交, sum: 件数, unit: 件, group: 移交单位, chart: {kind: map, in: 名册, key: 标题, under: 系统}}",
    "甲局: 12000; 乙局: 30; 丙部: 0; 名册以外: 7 | 4个单位，3个有，1个没有");
  close_world(&f);
}

/* What a definition says nothing of: a trend, and shares where it has groups; words are not drawn. */
static void test_unsaid(void) {
  json_auto_t *plain = yaml("{name: 甲, ledger: 移交, count: }"), *grouped = yaml("{name: 甲, ledger: 移交, count: , group: 移交单位}");
  json_auto_t *words = yaml("{name: 甲, ledger: 移交, list: 标题}");
  json_auto_t *one = chart_specs(plain), *two = chart_specs(grouped), *none = chart_specs(words);
  g_assert_cmpuint(json_array_size(one), ==, 1);
  g_assert_cmpuint(json_array_size(two), ==, 2);
  g_assert_cmpuint(json_array_size(none), ==, 0);
}

/* Each cell leads to exactly as many entries as it counts. */
static void test_behind(void) {
  static const char *const kinds[] = {"trend", "{kind: trend, every: month}", "share", "progress", "backlog"};
  Fixture f;
  open_world(&f);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *text = g_strdup_printf("{name: 问题, ledger: 整改, where: {来源: {set: true}}, count: , group: 来源, unit: 项, chart: %s}", kinds[i]);
    json_auto_t *figure = yaml(text), *specs = chart_specs(figure);
    ChartAsk ask = {&f.house, sql, LEDGER_EVERYTHING, figure, json_array_get(specs, 0), figure_year(2023), "/chart"};
    json_auto_t *chart = good(chart_make(&ask, error));
    json_t *row, *column;
    size_t r, c;
    guint seen = 0;
    json_array_foreach(json_object_get(chart, "rows"), r, row) {
      json_array_foreach(json_object_get(chart, "columns"), c, column) {
        json_t *cell = json_array_get(json_object_get(row, "cells"), c);
        if (json_is_true(json_object_get(column, "plain"))) continue;
        g_autoptr(GArray) ids = good(chart_entries(&ask, text_at(row, "label"), text_at(column, "label"), error));
        g_assert_cmpuint(ids->len, ==, int_at(cell, "value"));
        g_assert_true((json_object_get(cell, "goes") != NULL) == (int_at(cell, "value") != 0));
        seen += ids->len;
      }
    }
    g_assert_cmpuint(seen, >, 3);
  }
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

/* Of a restricted ledger a number may be told, not its parts nor what stands behind. */
static void test_gate(void) {
  Fixture f;
  open_world(&f);
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_INTERNAL);
  Asker asker = {li, FALSE};
  g_autofree char *number = good(drawn(&f, asker, "{name: 密, ledger: 密账, count: , unit: 件, restricted: true, chart: {kind: trend, years: 2}}", error));
  g_assert_cmpstr(number, ==, "2022年: 0; 2023年: 1 | 2023年1件；2022年以来最多的是2023年，1件");
  fails(drawn(&f, asker, "{name: 密, ledger: 密账, count: , group: 类型, restricted: true, chart: share}", error) != NULL, LANTAI_ERROR_DENIED);
  /* asked on the spot, with conditions of one's own: not even the number */
  fails(drawn(&f, asker, "{name: 密, ledger: 密账, count: , unit: 件, trying: true, chart: {kind: trend, years: 2}}", error) != NULL, LANTAI_ERROR_DENIED);
  json_auto_t *inlined = yaml("{ledger: 密账, chart: trend}"), *made = panel_figure(inlined);
  g_assert_true(json_is_true(json_object_get(made, "trying")));
  json_auto_t *figure = yaml("{name: 密, ledger: 密账, count: , group: 类型, restricted: true, chart: share}"), *specs = chart_specs(figure);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  ChartAsk ask = {&f.house, sql, asker, figure, json_array_get(specs, 0), figure_year(2023), NULL};
  fails(chart_entries(&ask, "甲", "数", error) != NULL, LANTAI_ERROR_DENIED);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static void test_faults(void) {
  static const struct { const char *figure, *where; } wrong[] = {
    {"{name: 甲, ledger: 移交, count: , chart: pie}", "chart"}, {"{name: 甲, ledger: 移交, count: , chart: share}", "chart"},
    {"{name: 甲, ledger: 移交, count: , chart: progress}", "chart"}, {"{name: 甲, ledger: 移交, count: , chart: {kind: map, by: 移交单位, in: 没有}}", "chart.in"},
    {"{name: 甲, ledger: 移交, count: , chart: {kind: trend, evry: month}}", "chart.evry"},
    {"{name: 甲, ledger: 移交, count: , chart: {kind: trend, every: day}}", "chart.every"},
    {"{name: 甲, ledger: 移交, count: , chart: {kind: share, by: 单位名}}", "chart.by"}, {"{name: 甲, ledger: 整改, count: , chart: {kind: backlog, out: 没有}}", "chart.out"},
    {"{name: 甲, ledger: 移交, count: , chart: {kind: map, by: 移交单位, in: 名册, under: 无}}", "chart.under"},
  };
  Fixture f;
  open_world(&f);
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    json_auto_t *figure = yaml(wrong[i].figure), *faults = figure_definition_faults(figure, NULL);
    g_assert_cmpuint(json_array_size(faults), ==, 1);
    const char *where = text_at(json_array_get(faults, 0), "where");
    if (!g_str_has_suffix(where, wrong[i].where)) g_error("%s: %s", wrong[i].figure, where);
  }
  json_auto_t *right = yaml("{name: 甲, ledger: 整改, count: , chart: [trend, {kind: progress, by: 来源}, backlog]}"), *none = figure_definition_faults(right, NULL);
  g_assert_cmpuint(json_array_size(none), ==, 0);
  close_world(&f);
}

static void test_panels(void) {
  Fixture f;
  open_world(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *panel = yaml("{name: 一览, charts: [{ledger: 整改, chart: backlog}, {ledger: 整改, where: {来源: 巡察}, chart: {kind: progress, by: 责任部门}}]}");
  json_auto_t *wrong = yaml("{name: 错, numbers: [没有], charts: [{ledger: 整改}, {figure: 没有}, {ledger: 移交, chart: progress}, {chart: trend}]}");
  json_auto_t *faults = panel_faults(wrong);
  g_assert_cmpuint(json_array_size(faults), ==, 5);
  gint64 id = good(panel_define(sql, "zhang", 0, panel, "", error));
  fails(panel_define(sql, "zhang", 0, wrong, "", error), LANTAI_ERROR_INVALID);
  json_object_set_new(panel, "about", json_string("改过"));
  g_assert_cmpint(good(panel_define(sql, "zhang", id, panel, "", error)), ==, id);
  g_autofree char *before = good(sql_string(sql, "SELECT definition FROM figure_panel WHERE id = 1", SQL_NONE, error));
  json_auto_t *events = good(sql_json(sql, "SELECT action, data FROM event WHERE action = 'figure.panel' ORDER BY id", SQL_NONE, error));
  json_t *event;
  g_assert_cmpuint(json_array_size(events), ==, 2);
  good(sql_exec(sql, "DELETE FROM figure_panel", SQL_NONE, error));
  size_t i;
  json_array_foreach(events, i, event) {
    json_object_set_new(event, "data", json_loads(text_at(event, "data"), 0, NULL));
    good(figure_replay(&f.house, sql, event, error));
  }
  g_autofree char *after = good(sql_string(sql, "SELECT definition FROM figure_panel WHERE id = 1", SQL_NONE, error));
  g_assert_cmpstr(before, ==, after);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

/* Every figure and panel that ships goes through its form and comes out the same; what is chosen in it becomes what the check lets through. */
static void test_forms(void) {
  Fixture f;
  open_world(&f);
  json_auto_t *figures = yaml_load_definitions(NULL, "figures", NULL), *panels = yaml_load_definitions(NULL, "panels", NULL);
  const char *file;
  json_t *document, *figure;
  size_t i, seen = 0;
  json_object_foreach(figures, file, document) {
    json_array_foreach(json_object_get(document, "figures"), i, figure) {
      json_auto_t *tree = figure_form_tree(figure), *same = NULL;
      if (json_object_get(tree, "joiner") == NULL) json_object_set_new(tree, "joiner", json_string("")); /* as a browser sends a field with nothing in it */
      same = figure_form_apply(figure, tree);
      if (!json_equal(same, figure)) g_error("%s: %s", text_at(figure, "name"), json_dumps(same, 0));
      seen++;
    }
  }
  g_assert_cmpuint(seen, >, 250);
  json_object_foreach(panels, file, document) {
    json_auto_t *tree = panel_form_tree(document), *same = panel_form_apply(document, tree);
    if (!json_equal(same, document)) g_error("%s: %s", file, json_dumps(same, 0));
  }
  json_auto_t *made = yaml("{name: 率, unit: 件, ledger: 整改, count: null, where: {来源: 巡察}}"), *form = figure_form_tree(made);
  g_assert_cmpstr(text_at(form, "kind"), ==, "count");
  json_object_set_new(form, "kind", json_string("sum"));
  json_object_set_new(form, "field", json_string("甲、乙"));
  json_auto_t *sum = figure_form_apply(made, form), *sums = yaml("{name: 率, unit: 件, ledger: 整改, sum: [甲, 乙], where: {来源: 巡察}}");
  g_assert_true(json_equal(sum, sums));
  json_object_set_new(form, "kind", json_string("rate"));
  json_object_set_new(form, "figures", json_pack("{s:s, s:s}", "part", "一", "whole", "{ledger: 整改, count: null}"));
  json_auto_t *rate = figure_form_apply(sum, form), *rates = yaml("{name: 率, unit: 件, ledger: 整改, rate: {part: 一, whole: {ledger: 整改, count: null}}, where: {来源: 巡察}}");
  g_assert_true(json_equal(rate, rates));
  json_auto_t *hostile = yaml("{name: [1], sum: {a: b}, say: 3, where: 4, rate: 5}"), *wrong = figure_form_tree(hostile), *kept = figure_form_apply(hostile, wrong);
  g_assert_true(json_equal(kept, hostile));
  close_world(&f);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/chart/kinds", test_kinds);
  g_test_add_func("/chart/unsaid", test_unsaid);
  g_test_add_func("/chart/behind", test_behind);
  g_test_add_func("/chart/gate", test_gate);
  g_test_add_func("/chart/faults", test_faults);
  g_test_add_func("/chart/panels", test_panels);
  g_test_add_func("/chart/forms", test_forms);
  return g_test_run();
}
