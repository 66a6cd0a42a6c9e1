/* Every aggregate over small ledgers whose numbers are counted by hand; units, days, nesting, rights, wrong definitions, versions. */
#include "catalog.h"
#include "figure.h"
#include "held.h"
#include "journal.h"
#include "report-internal.h"
#include "../ledger/test-fixture.h"
#include <locale.h>
#include <math.h>

static const char *const LEDGERS[] = {
  "name: 会议\nuses: [次数, 口径, 层级]\nfields:\n"
  "  - {name: 类型, type: choice, values: [党委会, 中心组, 碰头会]}\n"
  "  - {name: 人数, type: number}\n  - {name: 经费, type: money}\n"
  "  - {name: 人员, type: person, many: true}\n"
  "  - {name: 议题, type: rows, fields: [{name: 题名, type: text}, {name: 类别, type: choice, values: [学习, 人事]}, {name: 用时, type: number}]}\n",
  "name: 报送\ndate_required: false\nuses: [次数, 口径]\nfields:\n"
  "  - {name: 刊物, type: text}\n  - {name: 出版, type: date}\n  - {name: 批次, type: number}\n"
  "  - {name: 批示, type: rows, fields: [{name: 批示人, type: person}, {name: 级别, type: choice, values: [市委, 部委]}]}\n",
  "name: 问题\nfields:\n  - {name: 来源, type: text}\nstates: [{name: 登记}, {name: 已整改, closed: true}]\n",
  "name: 措施\ndate_required: false\nfields:\n  - {name: 所属问题, type: entry, ledger: 问题}\n",
  "name: 人员\nuses: [责任人]\nfields:\n"
  "  - {name: 职级, type: choice, values: [科级, 处级], dated: true}\n"
  "  - {name: 性别, type: choice, values: [男, 女]}\n  - {name: 出生, type: date}\n  - {name: 年龄, type: age, of: 出生}\n",
  "name: 执纪\nrestricted: true\nread: [director]\nfields:\n"
  "  - {name: 类型, type: text}\n  - {name: 处分, type: choice, values: [党纪, 政务]}\n  - {name: 人员, type: person, many: true}\n",
  "name: 秘密\nread: [director]\nfields:\n  - {name: 类型, type: text}\n",
  "name: 访谈\nfields:\n  - {name: 对象, type: text, read: [director]}\n  - {name: 科室, type: text}\n",
  "name: 值班\nfields:\n  - {name: 时段, type: period}\n",
  "name: 单位\nfields:\n  - {name: 企业级别, type: choice, values: [央企, 省企, 市企]}\n  - {name: 卷数, type: number}\n  - {name: 移交单位, type: body, many: true}\n",
  "name: 指标\nfields:\n  - {name: 风险, type: choice, values: [火灾, 水灾, 虫害]}\n  - {name: 被查, type: body, many: true}\n",
};

static void put_some(Fixture *f, const char *const *entries, guint count) {
  for (guint i = 0; i < count; i++) put(f, entries[i]);
}

static void fill(Fixture *f) {
  static const char *const entries[] = {
    "{ledger: 会议, date: 2023-01-09, title: 一, values: {类型: 党委会, 人数: 9, 经费: 100.5, 人员: [甲, 乙], 议题: [{题名: A, 类别: 学习, 用时: 30}, {题名: B, 类别: 人事, 用时: 10}]}}",
    "{ledger: 会议, date: 2023-02-10, title: 二, values: {类型: 党委会, 人数: 7, 人员: [乙, 丙], 议题: [{题名: C, 类别: 学习, 用时: 20}]}}",
    "{ledger: 会议, date: 2023-02-20, title: 三, values: {类型: 党委会, 人数: 8, 人员: [甲], 议题: [{题名: D, 类别: 人事, 用时: 5}]}}",
    "{ledger: 会议, date: 2023-12-31, title: 四, quantity: 2, values: {类型: 中心组, 人数: 20}}",
    "{ledger: 会议, date: 2022-03-01, title: 旧, values: {类型: 党委会, 人数: 6, 议题: [{题名: E, 类别: 学习, 用时: 1}]}}",
    "{ledger: 会议, date: 2023-05-01, title: 下级一, unit: 甲区馆, values: {类型: 碰头会, 人数: 3}}",
    "{ledger: 会议, date: 2023-06-01, title: 下级二, unit: 甲区馆, values: {类型: 碰头会, 人数: 4}}",
    "{ledger: 会议, date: 2023-12-01, title: 下级汇总, unit: 甲区馆, quantity: 9, basis: 汇总上报, values: {类型: 碰头会, 人数: 70}}",
    "{ledger: 会议, date: 2023-12-02, title: 乙汇总, unit: 乙区馆, quantity: 5, basis: 汇总上报, values: {类型: 碰头会, 人数: 50}}",
    "{ledger: 报送, date: 2023-01-15, title: 第一期, values: {刊物: 参阅, 批次: 2023, 批示: [{批示人: 甲, 级别: 市委}, {批示人: 丙, 级别: 部委}]}}",
    "{ledger: 报送, date: 2023-02-15, title: 第二期, values: {刊物: 参阅, 批次: 2023, 批示: [{批示人: 乙, 级别: 市委}, {批示人: 甲, 级别: 市委}]}}",
    "{ledger: 报送, date: 2023-02-28, title: 第三期, values: {刊物: 参阅, 批次: 2022}}",
    "{ledger: 报送, date: 2022-05-15, title: 旧期, values: {刊物: 参阅, 出版: 2023-01-02}}",
    "{ledger: 报送, date: 2021-05-15, title: 更旧, values: {刊物: 参阅, 批示: [{批示人: 丁, 级别: 市委}]}}",
    "{ledger: 报送, date: 2019-05-15, title: 最旧, values: {刊物: 参阅}}",
    "{ledger: 问题, date: 2023-03-01, title: 漏水, values: {来源: 检视}, states: [[登记, 20230301], [已整改, 20231101]], state: 已整改}",
    "{ledger: 问题, date: 2023-04-01, title: 超期, values: {来源: 检视}, states: [[登记, 20230401], [已整改, 20240201]], state: 已整改}",
    "{ledger: 人员, date: 2010-01-01, title: 赵, values: {性别: 女, 出生: 1977-05-05, 职级: [[科级, 20100101], [处级, 20220101]]}}",
    "{ledger: 人员, date: 2011-01-01, title: 钱, values: {性别: 男, 出生: 1970-05-05, 职级: [[处级, 20150101]]}}",
    "{ledger: 人员, date: 2012-01-01, title: 孙, values: {性别: 女, 出生: 1990-05-05, 职级: [[科级, 20120101], [处级, 20240301]]}}",
    "{ledger: 执纪, date: 2022-02-02, title: 信一, values: {类型: 举报}}", "{ledger: 执纪, date: 2022-02-03, title: 信二, values: {类型: 举报}}",
    "{ledger: 执纪, date: 2022-02-04, title: 信三, values: {类型: 举报}}", "{ledger: 执纪, date: 2023-02-02, title: 信四, values: {类型: 举报}}",
    "{ledger: 执纪, date: 2023-03-02, title: 处分一, values: {类型: 处分, 处分: 党纪, 人员: [甲]}}", "{ledger: 执纪, date: 2023-03-03, title: 处分二, values: {类型: 处分, 处分: 政务, 人员: [甲]}}",
    "{ledger: 秘密, date: 2023-03-03, title: 密, values: {类型: 甲}}",
    "{ledger: 值班, date: 2023-06-01, title: 班一, values: {时段: 2023-06-01 08:00/2023-06-01 20:00}}",
    "{ledger: 值班, date: 2023-06-01, title: 班二, values: {时段: 2023-06-01 18:00/2023-06-02 08:00}}",
    "{ledger: 值班, date: 2023-05-31, title: 班零, values: {时段: 2023-05-31 20:00/2023-06-01 08:00}}",
    "{ledger: 单位, date: 2023-05-01, title: 甲批, values: {企业级别: 市企, 卷数: 30, 移交单位: [丙厂, 丁厂]}}",
    "{ledger: 单位, date: 2023-05-02, title: 乙批, values: {企业级别: 央企, 卷数: 100, 移交单位: [大公司]}}",
    "{ledger: 单位, date: 2023-05-03, title: 丙批, values: {企业级别: 市企, 卷数: 5, 移交单位: [丙厂]}}",
    "{ledger: 指标, date: 2023-05-01, title: 查一, values: {风险: 火灾, 被查: [丙厂]}}", "{ledger: 指标, date: 2023-05-02, title: 查二, values: {风险: 虫害, 被查: [丙厂, 外人]}}",
    "{ledger: 指标, date: 2023-05-03, title: 查三, values: {风险: 火灾}}",
  };
  put_some(f, entries, G_N_ELEMENTS(entries));
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  gint64 problem = good(sql_number(sql, "SELECT id FROM ledger_entry WHERE title = '漏水'", SQL_NONE, 0, error));
  sql_end(g_steal_pointer(&sql));
  for (int i = 0; i < 3; i++) {
    g_autofree char *measure = g_strdup_printf("{ledger: 措施, title: 措施%d, date: 2023-03-0%d, values: {所属问题: %" G_GINT64_FORMAT "}}", i, i + 2, problem);
    put(f, measure);
  }
}

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
  fill(f);
}

static void close_world(Fixture *f) {
  figure_close();
  fixture_close(f);
}

static void define(Fixture *f, const char *text) {
  json_auto_t *document = yaml(text);
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(figure_define(sql, "zhang", json_object_get(document, "figures"), json_object_get(document, "invariants"), error));
  good(sql_commit(sql, error));
}

static json_t *compute(Fixture *f, Asker asker, const char *definition, int year) {
  json_auto_t *figure = yaml(definition);
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(figure_compute_definition(&f->house, sql, asker, figure, figure_year(year), error));
}

static double value_of(json_t *result) { return json_number_value(json_object_get(result, "value")); }

static void test_entries(void) {
  static const struct { const char *figure; double value; const char *text; gint64 entries; } cases[] = {
    {"{ledger: 会议, where: {类型: 党委会}, count: , unit: 次}", 3, "3次", 3}, {"{ledger: 会议, where: {类型: 党委会, 议题.类别: 学习}, count: , unit: 次}", 2, "2次", 2},
    {"{ledger: 会议, count: , unit: 次}", 5, "5次", 4}, {"{ledger: 会议, rows: 议题, unit: 项}", 4, "4项", 3},
      {"{ledger: 会议, where: {议题: {row: {类别: 学习}}}, rows: 议题, unit: 项}", 2, "2项", 2},
    {"{ledger: 会议, sum: 人数, unit: 人}", 44, "44人", 4}, {"{ledger: 会议, sum: [人数, 经费]}", 144.5, "144.5", 4}, {"{ledger: 会议, where: {议题.类别: 学习}, sum: 议题.用时, unit: 分钟}",
      50, "50分钟", 2},
    {"{ledger: 会议, distinct: 人员, unit: 名}", 3, "3名", 3}, {"{ledger: 会议, distinct: 月份, unit: 个月}", 3, "3个月", 4}, {"{ledger: 会议, period: all, distinct: 年度}", 2, "2", 5},
    {"{ledger: 会议, max: 人数, unit: 人}", 20, "20人", 1}, {"{ledger: 会议, min: 人数, unit: 人}", 7, "7人", 1}, {"{ledger: 会议, last: 人数, unit: 人}", 20, "20人", 1},
    {"{ledger: 会议, max: 日期}", 20231231, "2023年12月31日", 1}, {"{ledger: 会议, coverage: {every: month}, unit: 个月}", 3, "3个月", 4},
    {"{ledger: 会议, coverage: {every: quarter}, unit: 季}", 2, "2季", 4}, {"{ledger: 报送, run: 年度, unit: 年}", 3, "3年", 5}, {"{ledger: 报送, by: 出版, count: }", 1, "1", 1},
    {"{ledger: 报送, period: to-end, count: }", 6, "6", 6}, {"{ledger: 报送, year: -1, count: }", 1, "1", 1}, {"{ledger: 报送, where: {批次: {year: 0}}, count: }", 2, "2", 2},
    {"{ledger: 报送, where: {批次: {year: -1}}, count: }", 1, "1", 1},
    {"{ledger: 报送, where: {批示: {row: {级别: 市委}}}, distinct: 批示.批示人, unit: 位, say: {numerals: han}}", 2, "两位", 2},
    {"{ledger: 报送, list: 标题, limit: 1, quote: 《》, tail: 等, total: true, unit: 期}", 3, "《第一期》等3期", 3}, {"{ledger: 报送, list: 标题, sort: -日期}", 3, "第三期、第二期、第一期", 3},
    {"{ledger: 报送, list: 刊物, distinct: true}", 1, "参阅", 3}, {"{ledger: 报送, where: {刊物: 无}, list: 标题, say: {none: 无}}", 0, "无", 0},
    {"{ledger: 报送, span: 日期}", 45, "2023年1月15日至2月28日", 3}, {"{ledger: 报送, span: 日期, say: {style: long}}", 45, "2023年1月15日至2023年2月28日", 3},
    {"{ledger: 措施, where: {所属问题.来源: 检视}, count: , unit: 条}", 3, "3条", 3}, {"{ledger: 问题, where: {状态: 已整改}, at: end, count: }", 1, "1", 1},
      {"{ledger: 问题, where: {状态: 已整改}, count: }", 2, "2", 2},
    {"{ledger: 人员, period: to-end, at: end, where: {职级: 处级}, count: , unit: 人}", 2, "2人", 2},
      {"{ledger: 人员, period: to-end, at: end, where: {年龄: {min: 45, max: 49}}, count: }", 1, "1", 1},
    {"{ledger: 指标, coverage: {of: 风险}, unit: 项}", 2, "2项", 3}, {"{ledger: 指标, coverage: {of: 被查, in: 单位, key: 移交单位}, unit: 家}", 1, "1家", 2},
    {"{ledger: 单位, distinct: 移交单位, group: 企业级别, unit: 家}", 3, "3家", 3},
    {"{ledger: 会议, units: all, where: {类型: 碰头会}, count: , unit: 次}", 7, "7次", 3}, {"{ledger: 会议, units: {in: [甲区馆]}, count: , unit: 次}", 2, "2次", 2},
  };
  Fixture f;
  open_world(&f);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *result = compute(&f, LEDGER_EVERYTHING, cases[i].figure, 2023);
    const char *text = json_string_value(json_object_get(result, "text"));
    gint64 entries = json_integer_value(json_object_get(result, "entries"));
    if (fabs(value_of(result) - cases[i].value) > 1e-9 || !g_str_equal(text, cases[i].text) || entries != cases[i].entries)
      g_error("%s: %g “%s” over %d, not %g “%s” over %d", cases[i].figure, value_of(result), text, (int)entries, cases[i].value, cases[i].text, (int)cases[i].entries);
  }
  json_auto_t *groups = compute(&f, LEDGER_EVERYTHING, "{ledger: 单位, sum: 卷数, group: 企业级别, unit: 卷}", 2023);
  g_autofree char *parts = json_dumps(json_object_get(groups, "parts"), JSON_COMPACT);
  g_assert_cmpstr(parts, ==, "[{\"key\":\"央企\",\"value\":100,\"text\":\"100卷\",\"entries\":1},{\"key\":\"市企\",\"value\":35,\"text\":\"35卷\",\"entries\":2}]");
  json_auto_t *missing = compute(&f, LEDGER_EVERYTHING, "{ledger: 会议, coverage: {every: quarter}}", 2023);
  g_autofree char *quarters = json_dumps(json_object_get(missing, "missing"), JSON_COMPACT);
  g_assert_cmpstr(quarters, ==, "[\"2023年第二季度\",\"2023年第三季度\"]");
  json_auto_t *last = compute(&f, LEDGER_EVERYTHING, "{ledger: 会议, where: {类型: 党委会}, count: , unit: 次}", 2023);
  g_assert_cmpstr(json_string_value(json_object_get(json_object_get(last, "last"), "text")), ==, "1次");
  g_assert_cmpstr(json_string_value(json_object_get(last, "how")), ==, "台账“会议”中日期在2023年、单位是本馆、类型是党委会的条目，数条目，每条按它的次数计");
  /* Over all years: of last year the same, unless a condition looks at the year. */
  json_auto_t *always = compute(&f, LEDGER_EVERYTHING, "{ledger: 会议, period: all, count: , unit: 次}", 2023);
  json_auto_t *yearly = compute(&f, LEDGER_EVERYTHING, "{ledger: 会议, period: all, where: {年度: {year: 0}}, count: , unit: 次}", 2023);
  g_assert_cmpstr(text_in(always, "text"), ==, "6次");
  g_assert_cmpstr(text_in(json_object_get(always, "last"), "text"), ==, "6次");
  g_assert_cmpstr(text_in(yearly, "text"), ==, "5次");
  g_assert_cmpstr(text_in(json_object_get(yearly, "last"), "text"), ==, "1次");
  close_world(&f);
}

static void test_days(void) {
  Fixture f;
  open_world(&f);
  json_auto_t *figure = yaml("{ledger: 值班, hours: 时段, per: day, unit: 小时}"), *weeks = yaml("{ledger: 值班, coverage: {every: week}}"),
    *days = yaml("{ledger: 值班, coverage: {every: workday}}");
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  /* 06-01 is covered from 0 to 24 by three watches that overlap, 06-02 until 8. */
  json_auto_t *one = good(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, figure, (FigurePeriod){20230601, 20230601, NULL}, error));
  json_auto_t *two = good(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, figure, (FigurePeriod){20230601, 20230602, NULL}, error));
  g_assert_cmpfloat(value_of(one), ==, 24);
  g_assert_cmpfloat(value_of(two), ==, 16);
  json_auto_t *year = good(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, weeks, figure_year(2023), error));
  g_assert_cmpfloat(json_number_value(json_object_get(year, "whole")), ==, 52);
  json_auto_t *workdays = good(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, days, (FigurePeriod){20230601, 20230611, NULL}, error));
  g_assert_cmpfloat(json_number_value(json_object_get(workdays, "whole")), ==, 7);
  g_assert_cmpfloat(value_of(workdays), ==, 1);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static const char *const FIGURES =
  "figures:\n"
  "  - {name: 会议数, ledger: 会议, count: , unit: 次}\n"
  "  - {name: 党委会, ledger: 会议, where: {类型: 党委会}, count: , unit: 次, within: 会议数}\n"
  "  - {name: 参会人次, ledger: 会议, sum: 人数, unit: 人次}\n"
  "  - {name: 党委会占比, rate: {part: 党委会, whole: 会议数}}\n"
  "  - {name: 平均人数, average: {sum: 参会人次, per: {ledger: 会议, where: {类型: 中心组}, count: }}, unit: 人}\n"
  "  - {name: 会议增长, growth: {of: 会议数, as: times}}\n"
  "  - {name: 占比变化, points: {of: 党委会占比}, say: {digits: 0}}\n"
  "  - {name: 倍数, multiple: {of: 会议数, to: {ledger: 会议, where: {类型: 中心组}, count: }}}\n"
  "  - {name: 其余, minus: [会议数, 党委会], unit: 次}\n"
  "  - {name: 合计, plus: [会议数, 党委会], unit: 次}\n"
  "  - {name: 检视问题, ledger: 问题, count: , unit: 个}\n"
  "  - {name: 整改, ledger: 问题, where: {状态: 已整改}, at: end, count: , unit: 个}\n"
  "  - {name: 整改率, rate: {part: 整改, whole: 检视问题}, say: {style: all, full: 均已整改, else: \"已整改{n}个，其余{rest}个正在整改\"}}\n"
  "  - {name: 举报, ledger: 执纪, where: {类型: 举报}, count: , unit: 件}\n"
  "  - {name: 举报降幅, growth: {of: 举报, decrease: true}}\n"
  "  - {name: 举报变化, growth: {of: 举报}, say: {style: trend, bands: [[-30, 显著下降], [0, 有所下降]]}}\n"
  "  - {name: 处分, ledger: 执纪, where: {类型: 处分}, distinct: 人员, group: 处分, unit: 人, say: {style: each}}\n"
  "  - {name: 密事, ledger: 秘密, count: , unit: 件}\n"
  "  - {name: 参阅, ledger: 报送, count: , unit: 期}\n"
  "  - {name: 出版的, ledger: 报送, by: 出版, count: , unit: 期, within: 参阅}\n"
  "  - {name: 卷数, ledger: 单位, sum: 卷数, group: 企业级别, unit: 卷}\n"
  "invariants:\n"
  "  - {say: 党委会与其余合起来是会议数, that: 党委会 + 其余 = 会议数}\n"
  "  - {say: 两级之和, that: 卷数.央企 + 卷数.市企 + 卷数.省企 = 卷数}\n"
  "  - {say: 会议不超过四次, that: 会议数 <= 4}\n";

static void test_figures(void) {
  static const struct { const char *name; double value; const char *text; gint64 entries; } cases[] = {
    {"党委会占比", 60, "60%", 4}, {"平均人数", 22, "22人", 4}, {"会议增长", 4, "4倍", 5}, {"占比变化", -40, "-40个百分点", 5}, {"倍数", 2.5, "2.5倍", 4}, {"其余", 2, "2次", 4}, {"合计", 8, "8次", 4},
    {"整改率", 50, "已整改1个，其余1个正在整改", 2}, {"举报降幅", 200.0 / 3, "67%", 4}, {"举报变化", -200.0 / 3, "显著下降", 4}, {"处分", 1, "各1人", 2},
  };
  Fixture f;
  open_world(&f);
  define(&f, FIGURES);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *result = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, cases[i].name, figure_year(2023), error));
    g_autoptr(GArray) ids = good(figure_entries(&f.house, sql, LEDGER_EVERYTHING, cases[i].name, NULL, figure_year(2023), error));
    const char *text = json_string_value(json_object_get(result, "text"));
    if (fabs(value_of(result) - cases[i].value) > 1e-9 || !g_str_equal(text, cases[i].text) || ids->len != cases[i].entries)
      g_error("%s: %g “%s” over %u, not %g “%s”", cases[i].name, value_of(result), text, ids->len, cases[i].value, cases[i].text);
  }
  static const char *const years[] = {"0件", "3件", "1件"};
  for (int year = 2021; year <= 2023; year++) {
    json_auto_t *then = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "举报", figure_year(year), error));
    g_assert_cmpstr(json_string_value(json_object_get(then, "text")), ==, years[year - 2021]);
  }
  json_auto_t *broken = good(figure_invariants(&f.house, sql, LEDGER_EVERYTHING, NULL, figure_year(2023), error));
  g_assert_cmpuint(json_array_size(broken), ==, 2); /* 会议不超过四次; the published one is not of this year's */
  const char *const only[] = {"党委会", NULL};
  json_auto_t *some = good(figure_invariants(&f.house, sql, LEDGER_EVERYTHING, only, figure_year(2023), error));
  g_assert_cmpuint(json_array_size(some), ==, 0);
  g_autoptr(GArray) part = good(figure_entries(&f.house, sql, LEDGER_EVERYTHING, "卷数", "市企", figure_year(2023), error));
  g_assert_cmpuint(part->len, ==, 2);
  json_auto_t *provincial = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "卷数.省企", figure_year(2023), error));
  json_auto_t *municipal = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "卷数.市企", figure_year(2023), error));
  g_assert_cmpstr(json_string_value(json_object_get(provincial, "text")), ==, "0卷");
  g_assert_cmpstr(json_string_value(json_object_get(municipal, "text")), ==, "35卷");
  fails(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "卷数.县企", figure_year(2023), error) != NULL, LANTAI_ERROR_INVALID);
  fails(figure_entries(&f.house, sql, LEDGER_EVERYTHING, "卷数", "外企", figure_year(2023), error) != NULL, LANTAI_ERROR_NOT_FOUND);
  /* nothing to divide by: no number, and it says so */
  json_auto_t *none = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "党委会占比", figure_year(1999), error));
  g_assert_true(json_is_null(json_object_get(none, "value")));
  g_assert_cmpuint(json_array_size(json_object_get(none, "warnings")), ==, 1);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static void test_rights(void) {
  Fixture f;
  open_world(&f);
  define(&f, FIGURES);
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_INTERNAL);
  Asker asker = {li, FALSE};
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *told = good(figure_compute(&f.house, sql, asker, "举报降幅", figure_year(2023), error));
  g_assert_cmpstr(json_string_value(json_object_get(told, "text")), ==, "67%");
  g_assert_true(json_is_true(json_object_get(told, "restricted")));
  g_assert_cmpuint(json_array_size(json_object_get(told, "parts")), ==, 0);
  g_assert_cmpint(json_integer_value(json_object_get(told, "entries")), ==, 0);
  fails(figure_compute(&f.house, sql, asker, "密事", figure_year(2023), error) != NULL, LANTAI_ERROR_DENIED);
  /* what stands in a restricted ledger's entries is not told as a list, a part or its name; numbers and parts by the definition's own choices are */
  static const char *const telling[] = {"{name: 名单, ledger: 执纪, list: 人员, restricted: true}", "{name: 题名, ledger: 执纪, list: 标题}",
    "{name: 各人, ledger: 执纪, group: 人员, count: , unit: 次, say: {style: each}}"};
  for (guint i = 0; i < G_N_ELEMENTS(telling); i++) {
    json_auto_t *list = yaml(telling[i]);
    fails(figure_compute_definition(&f.house, sql, asker, list, figure_year(2023), error) != NULL, LANTAI_ERROR_DENIED);
    json_auto_t *all = good(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, list, figure_year(2023), error));
    g_assert_cmpstr(json_string_value(json_object_get(all, "text")), !=, "");
  }
  json_auto_t *each = compute(&f, asker, "{name: 处分, ledger: 执纪, where: {类型: 处分}, group: 处分, count: , unit: 人, say: {style: each}}", 2023);
  g_assert_cmpstr(json_string_value(json_object_get(each, "text")), ==, "各1人");
  json_auto_t *persons = compute(&f, asker, "{name: 按人, ledger: 执纪, group: 人员, count: , unit: 次}", 2023);
  g_assert_cmpuint(json_array_size(json_object_get(persons, "parts")), ==, 0);
  fails(figure_compute(&f.house, sql, asker, "密事", figure_year(2023), error) != NULL, LANTAI_ERROR_DENIED);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static const char *text_of(json_t *result, const char *key) { return json_string_value(json_object_get(result, key)); }

/* Rows and fields that the asker may not see: not counted, and the number says so; a field's number is told, nothing of what stands in it. */
static void test_unseen(void) {
  Fixture f;
  open_world(&f);
  put(&f, "{ledger: 会议, date: 2023-07-01, title: 密会, secrecy: 机密, values: {人员: [某人], 人数: 1}}");
  put(&f, "{ledger: 访谈, date: 2023-07-01, title: 谈一, values: {对象: 某甲, 科室: 一科}}");
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_INTERNAL);
  Asker asker = {li, FALSE};
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *titles = compute(&f, asker, "{name: 题名, ledger: 会议, list: 标题}", 2023);
  g_assert_cmpstr(text_of(titles, "text"), ==, "一、二、三、四");
  g_assert_true(json_is_true(json_object_get(titles, "partial")));
  g_assert_nonnull(strstr(json_string_value(json_array_get(json_object_get(titles, "warnings"), 0)), "没有计入"));
  json_auto_t *before = compute(&f, asker, "{name: 题名, ledger: 会议, list: 标题}", 2021); /* nothing closed in that year */
  g_assert_null(json_object_get(before, "partial"));
  json_auto_t *persons = compute(&f, asker, "{name: 人员, ledger: 会议, group: 人员, count: , unit: 次}", 2023);
  g_assert_cmpfloat(value_of(persons), ==, 5);
  g_assert_cmpuint(json_array_size(json_object_get(persons, "parts")), ==, 3);
  /* nobody learns by trying what stands in it */
  static const char *const asking[] = {"{name: 问, ledger: 会议, where: {标题: {has: 密会}}, count: }", "{name: 问, ledger: 会议, where: {人员: 某人}, count: }",
    "{name: 问, ledger: 会议, where: {标题: 密会}, sum: 人数}", "{name: 问, ledger: 会议, where: {标题: 密会}, max: 日期}",
    "{name: 问, restricted: true, ledger: 会议, where: {标题: 密会}, count: }"};
  for (guint i = 0; i < G_N_ELEMENTS(asking); i++) {
    json_auto_t *question = yaml(asking[i]);
    json_auto_t *told = good(figure_try(&f.house, sql, asker, question, figure_year(2023), error));
    g_assert_cmpfloat(value_of(told), ==, 0);
    g_assert_cmpint(json_integer_value(json_object_get(told, "entries")), ==, 0);
    json_auto_t *all = good(figure_try(&f.house, sql, LEDGER_EVERYTHING, question, figure_year(2023), error));
    g_assert_cmpfloat(value_of(all), >, 0);
  }
  /* by right it counts for everybody, but nothing of the rows is told */
  json_auto_t *right = compute(&f, asker, "{name: 数, restricted: true, ledger: 会议, group: 人员, count: , unit: 次}", 2023);
  g_assert_cmpfloat(value_of(right), ==, 6);
  g_assert_cmpuint(json_array_size(json_object_get(right, "parts")), ==, 0);
  g_assert_null(json_object_get(right, "partial"));
  json_auto_t *list = yaml("{name: 名, restricted: true, ledger: 会议, list: 标题}");
  fails(figure_compute_definition(&f.house, sql, asker, list, figure_year(2023), error) != NULL, LANTAI_ERROR_DENIED);
  static const char *const hidden[] = {"{name: 一, ledger: 访谈, where: {对象: 某甲}, count: }", "{name: 二, ledger: 访谈, distinct: 对象}",
    "{name: 三, ledger: 访谈, where: {any: [{对象: {has: 甲}}]}, count: }", "{name: 四, ledger: 访谈, group: 对象, count: }"};
  for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) {
    json_auto_t *told = compute(&f, asker, hidden[i], 2023);
    g_assert_cmpfloat(value_of(told), ==, 1);
    g_assert_true(json_is_true(json_object_get(told, "restricted")));
    g_assert_cmpuint(json_array_size(json_object_get(told, "parts")), ==, 0);
  }
  json_auto_t *open = compute(&f, asker, "{name: 五, ledger: 访谈, group: 科室, count: }", 2023);
  g_assert_false(json_is_true(json_object_get(open, "restricted")));
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

/* Values that come from an entry of another ledger, or name it: who may not see that one is not counted the row that leads there. */
static void test_passed_through(void) {
  Fixture f;
  open_world(&f);
  gint64 hidden = put(&f, "{ledger: 问题, date: 2023-05-01, title: 密事, secrecy: 秘密, values: {来源: 举报}}");
  g_autofree char *measure = g_strdup_printf("{ledger: 措施, title: 密措施, date: 2023-05-02, values: {所属问题: %" G_GINT64_FORMAT "}}", hidden);
  put(&f, measure);
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_INTERNAL);
  g_autoptr(Person) zhao = fixture_person(&f, "zhao", "赵", "archivist", SECURITY_SECRET);
  static const struct { const char *figure; double all, clerk; } cases[] = {{"{name: 一, ledger: 措施, count: }", 4, 4},
    {"{name: 二, ledger: 措施, where: {所属问题.来源: 举报}, count: }", 1, 0}, {"{name: 三, ledger: 措施, where: {所属问题.来源: {not: 检视}}, count: }", 1, 0},
    {"{name: 四, ledger: 措施, where: {所属问题: 密事}, count: }", 1, 0}, {"{name: 五, ledger: 措施, distinct: 所属问题.来源}", 2, 1},
    {"{name: 六, ledger: 措施, group: 所属问题.标题, count: }", 4, 3}, {"{name: 七, ledger: 措施, list: 所属问题, distinct: true}", 2, 1},
    {"{name: 八, ledger: 措施, restricted: true, where: {所属问题.来源: 举报}, count: }", 1, 1},
    {"{name: 九, ledger: 措施, where: {any: [{所属问题.来源: 举报}, {标题: 无}]}, count: }", 1, 0}, {"{name: 十, ledger: 措施, list: 标题, sort: 所属问题.日期}", 4, 3}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *all = compute(&f, (Asker){zhao, FALSE}, cases[i].figure, 2023), *told = compute(&f, (Asker){li, FALSE}, cases[i].figure, 2023);
    g_assert_cmpfloat(value_of(all), ==, cases[i].all);
    g_assert_cmpfloat(value_of(told), ==, cases[i].clerk);
    json_object_del(told, "how"); /* it says the condition as it was written */
    g_autofree char *dump = json_dumps(told, JSON_ENCODE_ANY);
    g_assert_null(strstr(dump, "密事"));
    g_assert_true(json_is_true(json_object_get(told, "partial")) == (cases[i].all > cases[i].clerk));
  }
  close_world(&f);
}

/* What a number rests on: nothing where it is a number by right; else it is the same question for the next asker. */
static void test_rests(void) {
  static const struct { const char *figure, *rests; gboolean director, clerk; } cases[] = {
    {"{name: 一, ledger: 会议, count: }", "{\"ledgers\":{\"会议\":0}}", TRUE, TRUE}, {"{name: 二, ledger: 秘密, count: }", "{\"ledgers\":{\"秘密\":0}}", TRUE, FALSE},
    {"{name: 三, ledger: 执纪, count: }", "{}", TRUE, TRUE}, {"{name: 四, ledger: 执纪, list: 标题}", "{\"ledgers\":{\"执纪\":0}}", TRUE, FALSE},
    {"{name: 五, ledger: 访谈, group: 对象, count: }", "{\"ledgers\":{\"访谈\":2},\"paths\":{\"访谈\":{\"对象\":true}}}", TRUE, FALSE},
    {"{name: 六, ledger: 访谈, count: }", "{\"ledgers\":{\"访谈\":2}}", TRUE, FALSE},
    {"{name: 七, restricted: true, ledger: 访谈, count: }", "{}", TRUE, TRUE},
    {"{name: 八, plus: [{ledger: 秘密, count: }, {ledger: 会议, count: }]}", "{\"ledgers\":{\"会议\":0,\"秘密\":0}}", TRUE, FALSE}};
  Fixture f;
  open_world(&f);
  put(&f, "{ledger: 访谈, date: 2023-07-01, title: 谈一, secrecy: 秘密, values: {对象: 某甲, 科室: 一科}}");
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_INTERNAL);
  g_autoptr(Person) zhao = fixture_person(&f, "zhao", "赵", "director", SECURITY_SECRET);
  g_autoptr(Person) some = fixture_limited(&f, "some", "archivist", "A", "甲局", "");
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *result = compute(&f, LEDGER_EVERYTHING, cases[i].figure, 2023);
    json_t *rests = json_object_get(result, "rests");
    g_autofree char *dump = json_dumps(rests, JSON_COMPACT | JSON_SORT_KEYS), *words = figure_rests_words(rests);
    g_assert_cmpstr(dump, ==, cases[i].rests);
    g_assert_true(figure_rests_seen(rests, (Asker){zhao, FALSE}) == cases[i].director);
    g_assert_true(figure_rests_seen(rests, (Asker){li, FALSE}) == cases[i].clerk);
    g_assert_true((words == NULL) == cases[i].clerk);
    g_assert_true(figure_rests_seen(rests, (Asker){some, FALSE}) == g_str_equal(cases[i].rests, "{}")); /* who works for one fonds sees no whole ledger */
  }
  close_world(&f);
}

/* Who works for one fonds counts the rows of it, and is told that those are not all; another asker of the same figure is not given his number. */
static void test_limited(void) {
  Fixture f;
  open_world(&f);
  json_auto_t *documents = yaml("{m.yaml: {name: 移交, rows: {of: [移交单位]}, fields: [{name: 移交单位, type: body}, {name: 件数, type: number}]}, "
    "n.yaml: {name: 跟进, rows: {of: [谁的]}, fields: [{name: 谁的, type: text}, {name: 所属, type: entry, ledger: 移交}]}}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_define_many(sql, "system", documents, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  put(&f, "{ledger: 移交, date: 2023-02-01, title: 一, values: {移交单位: 甲局, 件数: 3}}");
  gint64 hidden = put(&f, "{ledger: 移交, date: 2023-02-02, title: 暗, values: {移交单位: 暗局, 件数: 100}}");
  g_autofree char *follow = g_strdup_printf("{ledger: 跟进, date: 2023-02-03, title: 跟, values: {谁的: A, 所属: %" G_GINT64_FORMAT "}}", hidden);
  put(&f, follow);
  g_autoptr(Person) some = fixture_limited(&f, "some", "archivist", "A", "甲局", "");
  g_autoptr(Person) all = fixture_person(&f, "all", "全", "archivist", SECURITY_SECRET);
  static const struct { const char *figure; double all, some; } cases[] = {{"{name: 一, ledger: 移交, count: }", 2, 1}, {"{name: 二, ledger: 移交, sum: 件数}", 103, 3},
    {"{name: 三, ledger: 移交, group: 移交单位, count: }", 2, 1}, {"{name: 四, ledger: 移交, list: 移交单位}", 2, 1}, {"{name: 五, ledger: 移交, max: 件数}", 100, 3},
    {"{name: 六, ledger: 跟进, where: {所属.移交单位: 暗局}, count: }", 1, 0}, {"{name: 七, ledger: 跟进, list: 所属}", 1, 0}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *whole = compute(&f, (Asker){all, FALSE}, cases[i].figure, 2023), *part = compute(&f, (Asker){some, FALSE}, cases[i].figure, 2023);
    json_object_del(part, "how");
    g_autofree char *dump = json_dumps(part, JSON_ENCODE_ANY);
    g_assert_cmpfloat(value_of(whole), ==, cases[i].all);
    g_assert_cmpfloat(value_of(part), ==, cases[i].some);
    g_assert_true(json_is_true(json_object_get(part, "partial")));
    g_assert_null(strstr(dump, "暗"));
  }
  close_world(&f);
}

/* The linter tells of a name what its asker may know; who signs is told that there is one, not which. */
static void test_names(void) {
  Fixture f;
  open_world(&f);
  put(&f, "{ledger: 执纪, date: 2023-07-01, title: 谈, values: {人员: [欧阳小暗]}}");
  g_autoptr(Person) li = fixture_person(&f, "li", "李", "archivist", SECURITY_SECRET);
  g_autoptr(Person) zhao = fixture_person(&f, "zhao", "赵", "director", SECURITY_SECRET);
  json_auto_t *definition = yaml("{name: 试, heading: 试, text: \"与欧阳小暗谈话。\"}"), *none = json_object();
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *his = good(report_make_definition(&f.house, sql, (Asker){li, FALSE}, definition, figure_year(2023), none, error));
  json_auto_t *hers = good(report_make_definition(&f.house, sql, (Asker){zhao, FALSE}, definition, figure_year(2023), none, error));
  g_autofree char *told = json_dumps(json_object_get(his, "faults"), 0), *shown = json_dumps(json_object_get(hers, "faults"), 0);
  g_assert_null(strstr(told, "欧阳小暗"));
  g_assert_nonnull(strstr(shown, "欧阳小暗"));
  g_autoptr(GError) local = NULL;
  g_assert_false(report_names_stay_out(&f.house, sql, (Asker){li, FALSE}, his, &local));
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_DENIED);
  g_assert_null(strstr(local->message, "暗"));
  good(report_names_stay_out(&f.house, sql, (Asker){zhao, FALSE}, hers, error)); /* he was told by the linter */
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static void test_wrong(void) {
  static const struct { const char *figure, *where, *what; } cases[] = {
    {"{name: a, ledger: 会义, count: }", "a：ledger", "会议"}, {"{name: a, ledger: 会议, sum: 人数字}", "a：sum", "人数"}, {"{name: a, ledger: 会议, sum: 类型}", "a：sum", "不是数"},
    {"{name: a, ledger: 会议, where: {类形: 党委会}, count: }", "a：where.类形", "类型"}, {"{name: a, ledger: 会议}", "a：聚合", "算法"}, {"{name: a, ledger: 会议, count: , sum: 人数}",
      "a：聚合", "算法"},
    {"{name: a, ledger: 会议, cuont: }", "a：cuont", "count"}, {"{name: a, rate: {part: 会议树, whole: 会议数}}", "a：rate.part", "会议数"}, {"{name: a, rate: {part: 会议数}}",
      "a：rate", "whole"},
    {"{name: a, ledger: 会议, count: , say: {style: moer}}", "a：say.style", "more"}, {"{name: a, ledger: 会议, count: , period: year}", "a：period", "report"},
    {"{name: a, ledger: 会议, rows: 人数}", "a：rows", "多行"}, {"{name: a, ledger: 会议, hours: 人数}", "a：hours", "起止"}, {"{name: a, ledger: 会议, coverage: {every: moon}}",
      "a：coverage", "month"},
    {"{name: a, plus: [会议数, {rate: {part: a, whole: 会议数}}]}", "a：plus", "它自己"}, {"{ledger: 会议, count: }", "name", "名称"}, {"{name: a, ledger: 会议, count: , by: 人数}",
      "a：by", "日期"},
    {"{name: a, ledger: 会议, count: , within: 会议树}", "a：within", "会议数"},
  };
  Fixture f;
  open_world(&f);
  define(&f, FIGURES);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *figure = yaml(cases[i].figure), *others = json_pack("[O]", figure), *faults = figure_definition_faults(figure, others);
    json_t *row = json_array_get(faults, 0);
    const char *where = json_string_value(json_object_get(row, "where")), *what = json_string_value(json_object_get(row, "what"));
    gboolean found = where && g_str_equal(where, cases[i].where) && strstr(what, cases[i].what);
    if (!found) g_error("%s: %zu faults, %s: %s", cases[i].figure, json_array_size(faults), where ? where : "", what ? what : "");
    g_autoptr(Sql) sql = good(sql_write(f.db, error));
    fails(figure_define(sql, "zhang", others, NULL, error), LANTAI_ERROR_INVALID);
  }
  json_auto_t *bad = yaml("[{say: x, that: 会议数 党委会}, {say: y, that: 会议树 = 党委会}]");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  fails(figure_define(sql, "zhang", NULL, bad, error), LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&sql));
  close_world(&f);
}

static void assert_held(Fixture *f, int year, double value, int last, const char *note) {
  json_auto_t *result = compute(f, LEDGER_EVERYTHING, "{records: \"层级:文件\"}", year);
  json_t *before = json_object_get(result, "last");
  g_assert_cmpfloat(value_of(result), ==, value);
  g_assert_cmpstr(json_string_value(json_object_get(result, "note")), ==, note);
  if (last < 0) g_assert_true(json_is_null(before));
  else g_assert_cmpint(int_at(before, "value"), ==, last);
}

static void put_record(Fixture *f, Sql *sql, gint64 class, int number, int pages, Opening opening) {
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->parent_id = class;
  record->level = LEVEL_ITEM;
  record->category = 1;
  record->opening = opening;
  record->year = 1950 + number;
  record->page_count = pages;
  record->code = (g_free(record->code), g_strdup_printf("A-WS-%04d", number));
  record->title = (g_free(record->title), g_strdup_printf("关于第%d号%s的通知", number, number % 2 ? "水利" : "卫生"));
  good(catalog_record_create(&f->house, sql, "tester", record, error));
}

/* What was there at the end of a year: 3 records came in 1949, 2 by a delivery and one by hand in 1951. */
static void test_held(void) {
  Fixture f;
  g_setenv("LANTAI_NOW", "1949-05-01T02:00:00Z", TRUE);
  open_world(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  gint64 fonds = good(catalog_fonds_ensure(&f.house, sql, "tester", "A", "市政府", error)), class = good(catalog_class_ensure(&f.house, sql, "tester", fonds, 1, error));
  for (int i = 0; i < 3; i++) put_record(&f, sql, class, i, 1, OPENING_OPEN);
  g_setenv("LANTAI_NOW", "1951-03-01T02:00:00Z", TRUE);
  gint64 first = good(catalog_reserve_ids(sql, 2, error));
  json_auto_t *load = json_pack("{s:I, s:i}", "first_id", (json_int_t)first, "reserved", 2);
  good(journal_append(sql, "tester", "accession.load", "accession", 1, load, error));
  put_record(&f, sql, class, 5, 1, OPENING_OPEN);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_read(f.db, error));
  g_assert_cmpint(catalog_id_after(sql, 19501231, NULL), ==, first);
  sql_end(g_steal_pointer(&sql));
  g_setenv("LANTAI_NOW", "1952-03-01T02:00:00Z", TRUE);
  assert_held(&f, 1952, 4, 4, NULL);
  assert_held(&f, 1951, 4, 3, NULL);
  assert_held(&f, 1950, 3, 3, NULL);
  assert_held(&f, 1949, 3, -1, NULL);
  assert_held(&f, 1948, 4, -1, "那时还没有启用本系统，这里是现在目录里的数");
  json_auto_t *past = compute(&f, LEDGER_EVERYTHING, "{records: \"层级:文件\"}", 1950);
  g_assert_cmpstr(text_at(past, "opens"), ==, "/search?q=&level=4&held=19501231");
  g_unsetenv("LANTAI_NOW");
  close_world(&f);
}

/* What there is nothing of is named. */
static void test_nothing(void) {
  static const struct { const char *figure, *words; } cases[] = {
    {"{name: 增长, growth: {of: {name: 检查, ledger: 指标, count: }, base: -1}}", "上年没有数据：上年的“检查”是 0"},
    {"{name: 占比, rate: {part: {ledger: 指标, count: }, whole: {name: 密件, ledger: 秘密, where: {类型: 乙}, count: }}}", "“密件”是 0"},
    {"{name: 最多, ledger: 会议, where: {类型: 碰头会, 标题: 无}, max: 人数}", "没有填了“人数”的条目"},
  };
  Fixture f;
  open_world(&f);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *result = compute(&f, LEDGER_EVERYTHING, cases[i].figure, 2023);
    const char *warning = json_string_value(json_array_get(json_object_get(result, "warnings"), 0));
    g_assert_true(json_is_null(json_object_get(result, "value")));
    if (warning == NULL || strstr(warning, cases[i].words) == NULL) g_error("%s: %s", cases[i].figure, warning ? warning : "");
  }
  close_world(&f);
}

/* Five records with 10 to 14 pages, two of them open; three deliveries, one of them of another year. */
static void test_archive(void) {
  static const struct { const char *figure; double value; const char *opens; } cases[] = {
    {"{records: \"q=层级:文件\", unit: 件}", 5, "/search?q=&level=4"}, {"{records: \"层级:文件 开放状态:开放\"}", 2, "/search?q=&level=4&opening=1"},
    {"{records: \"水利 level:item\"}", 2, "/search?q=%E6%B0%B4%E5%88%A9&level=4"}, {"{records: \"层级:文件 年度:-1952\", records_sum: pages}", 33, NULL},
    {"{records: \"层级:全宗\"}", 1, NULL}, {"{records: \"年度:{year} 层级:文件\"}", 1, NULL}, {"{events: {action: test.load, count: }}", 2, NULL},
    {"{events: {action: test.load, sum: rows}}", 12, NULL}, {"{period: all, events: {action: test.load, sum: rows}}", 112, NULL},
      {"{events: {action: test.none, count: }}", 0, NULL},
  };
  Fixture f;
  g_setenv("LANTAI_NOW", "1949-05-01T02:00:00Z", TRUE);
  open_world(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  gint64 fonds = good(catalog_fonds_ensure(&f.house, sql, "tester", "A", "市政府", error)), class = good(catalog_class_ensure(&f.house, sql, "tester", fonds, 1, error));
  for (int i = 0; i < 5; i++) put_record(&f, sql, class, i, 10 + i, i < 2 ? OPENING_OPEN : OPENING_CONTROLLED);
  static const struct { const char *now; int rows; } events[] = {{"1949-12-31T02:00:00Z", 100}, {"1950-01-02T02:00:00Z", 5}, {"1950-06-01T02:00:00Z", 7}};
  for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
    g_setenv("LANTAI_NOW", events[i].now, TRUE);
    json_auto_t *data = json_pack("{s:i}", "rows", events[i].rows);
    good(journal_append(sql, "tester", "test.load", "delivery", i + 1, data, error));
  }
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *result = compute(&f, LEDGER_EVERYTHING, cases[i].figure, 1950);
    const char *opens = json_string_value(json_object_get(result, "opens"));
    if (value_of(result) != cases[i].value || (cases[i].opens && g_strcmp0(opens, cases[i].opens) != 0)) g_error("%s: %g, %s", cases[i].figure, value_of(result),
      opens ? opens : "");
  }
  json_auto_t *wrong = yaml("{records: \"门类:无此门类\"}");
  sql = good(sql_read(f.db, error));
  fails(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, wrong, figure_year(1950), error) != NULL, LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&sql));
  g_unsetenv("LANTAI_NOW");
  close_world(&f);
}

/* Figures of figures of figures: each level six times the one below would take for ever. */
static void test_many_parts(void) {
  Fixture f;
  open_world(&f);
  g_autoptr(GString) text = g_string_new("figures:\n  - {name: 层0, ledger: 会议, count: }\n");
  for (int i = 1; i < 12; i++) {
    g_string_append_printf(text, "  - {name: 层%d, plus: [", i);
    for (int k = 0; k < 6; k++) g_string_append_printf(text, "%s层%d", k ? ", " : "", i - 1);
    g_string_append(text, "]}\n");
  }
  json_auto_t *document = yaml(text->str);
  gint64 began = g_get_monotonic_time();
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  g_autoptr(GError) local = NULL;
  g_assert_false(figure_define(sql, "zhang", json_object_get(document, "figures"), NULL, &local));
  g_assert_nonnull(strstr(local->message, "500 个以上"));
  json_t *last = json_array_get(json_object_get(document, "figures"), 11);
  sql_end(g_steal_pointer(&sql));
  json_t *inner = last; /* the same without names, as an editor might try it out */
  for (int i = 0; i < 4; i++) {
    json_t *outer = json_object(), *list = json_array();
    for (int k = 0; k < 12; k++) json_array_append(list, i == 0 ? json_object_get(json_array_get(json_object_get(document, "figures"), 0), "name") : inner);
    json_object_set_new(outer, "plus", list);
    if (i > 0) json_decref(inner);
    inner = outer;
  }
  define(&f, "figures: [{name: 层0, ledger: 会议, count: }]");
  sql = good(sql_read(f.db, error));
  fails(figure_compute_definition(&f.house, sql, LEDGER_EVERYTHING, inner, figure_year(2023), error) != NULL, LANTAI_ERROR_TOO_LARGE);
  json_decref(inner);
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpint(g_get_monotonic_time() - began, <, 20 * G_USEC_PER_SEC);
  close_world(&f);
}

static char *figure_rows(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_array();
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM figure ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM figure_version ORDER BY figure_id, version", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM figure_invariant ORDER BY that", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM figure_source ORDER BY file", SQL_NONE, error)));
  return json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
}

static void test_versions(void) {
  Fixture f;
  open_world(&f);
  define(&f, FIGURES);
  define(&f, FIGURES); /* says the same: nothing is written */
  define(&f, "figures: [{name: 会议次数, was: [会议数], ledger: 会议, count: , unit: 场}]");
  g_assert_cmpstr(json_string_value(json_object_get(figure_definition("会议数"), "name")), ==, "会议次数");
  g_assert_cmpstr(figure_name_of(json_integer_value(json_object_get(figure_definition("会议次数"), "id"))), ==, "会议次数");
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS n FROM figure_version", SQL_NONE, 0, error)), ==, 22);
  json_auto_t *result = good(figure_compute(&f.house, sql, LEDGER_EVERYTHING, "党委会占比", figure_year(2023), error)); /* through the former name */
  g_assert_cmpfloat(value_of(result), ==, 60);
  json_auto_t *events = good(sql_json(sql, "SELECT action, data FROM event WHERE action = 'figure.define' ORDER BY id", SQL_NONE, error));
  sql_end(g_steal_pointer(&sql));
  g_autofree char *was = figure_rows(f.db);
  close_world(&f);
  Fixture anew;
  fixture_bare(&anew);
  good(figure_open(&anew.house, error));
  sql = good(sql_write(anew.db, error));
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    json_object_set_new(event, "data", json_loads(json_string_value(json_object_get(event, "data")), 0, NULL));
    good(figure_replay(&anew.house, sql, event, error));
  }
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_autofree char *is = figure_rows(anew.db);
  g_assert_cmpstr(is, ==, was);
  close_world(&anew);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/figure/entries", test_entries);
  g_test_add_func("/figure/days", test_days);
  g_test_add_func("/figure/figures", test_figures);
  g_test_add_func("/figure/held", test_held);
  g_test_add_func("/figure/nothing", test_nothing);
  g_test_add_func("/figure/archive", test_archive);
  g_test_add_func("/figure/rights", test_rights);
  g_test_add_func("/figure/unseen", test_unseen);
  g_test_add_func("/figure/passed-through", test_passed_through);
  g_test_add_func("/figure/rests", test_rests);
  g_test_add_func("/figure/many-parts", test_many_parts);
  g_test_add_func("/figure/limited", test_limited);
  g_test_add_func("/figure/names", test_names);
  g_test_add_func("/figure/wrong", test_wrong);
  g_test_add_func("/figure/versions", test_versions);
  return g_test_run();
}
