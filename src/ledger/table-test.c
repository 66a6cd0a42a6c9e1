/* Tables in memory, conditions and paths over them, and pages of a ledger. */
#include "table.h"
#include "test-fixture.h"
#include <glib/gstdio.h>
#include <locale.h>

typedef struct { Fixture f; gint64 problems[3], news[5]; } World;

static void open_world(World *w) {
  memset(w, 0, sizeof *w);
  fixture_open(&w->f);
  w->problems[0] = put(&w->f, "{ledger: 问题, date: 2023-02-03, title: 漏雨, values: {来源: 巡察}}");
  w->problems[1] = put(&w->f, "{ledger: 问题, date: 2023-05-09, title: 借阅慢, values: {来源: 调研}}");
  w->problems[2] = put(&w->f, "{ledger: 问题, date: 2022-11, title: 目录错, values: {来源: 调研}}");
  g_autofree char *first = g_strdup_printf("{ledger: 措施, title: 补漏, values: {所属问题: %" G_GINT64_FORMAT "}}", w->problems[0]);
  g_autofree char *second = g_strdup_printf("{ledger: 措施, title: 换瓦, values: {所属问题: %" G_GINT64_FORMAT "}}", w->problems[0]);
  g_autofree char *third = g_strdup_printf("{ledger: 措施, title: 加窗口, values: {所属问题: %" G_GINT64_FORMAT "}}", w->problems[1]);
  put(&w->f, first), put(&w->f, second), put(&w->f, third);
  w->news[0] = put(&w->f, "{ledger: 信息, date: 2023-01-05, title: 水利档案, values: {期号: 1, 采用: true, 主题词: [水利, 民生], 批示: [{批示人: 甲, 级别: 市}, {批示人: 乙, 级别: 省}]}}");
  w->news[1] = put(&w->f, "{ledger: 信息, date: 2023-02-06, title: 婚姻档案, values: {期号: 2, 采用: false, 主题词: [民生], 批示: [{批示人: 甲, 级别: 省}]}}");
  w->news[2] = put(&w->f, "{ledger: 信息, date: 2023-03-07, title: 老照片, quantity: 3, values: {期号: 3}}");
  w->news[3] = put(&w->f, "{ledger: 信息, date: 2022-12-30, title: 旧闻, values: {期号: 12, 时段: 2022-12-30 08:00/2022-12-31 08:00}}");
  w->news[4] = put(&w->f, "{ledger: 信息, date: 2023-04-08, title: 简报一, values: {刊物: 简报, 书名: 志书}}");
}

static guint meets(World *w, const char *ledger, const char *condition, int at) {
  json_auto_t *where = yaml(condition);
  g_autoptr(Sql) sql = good(sql_read(w->f.db, error));
  g_autoptr(LedgerTable) table = good(ledger_table(&w->f.house, sql, ledger_find(ledger), error));
  g_autoptr(LedgerWhere) ready = good(ledger_where_new(&w->f.house, sql, LEDGER_EVERYTHING, table, where, error));
  guint count = 0;
  for (guint i = 0; i < ledger_table_count(table); i++) count += ledger_where_meets(ready, i, at);
  return count;
}

static void test_where(void) {
  static const struct { const char *ledger, *where; guint count; } cases[] = {
    {"信息", "{}", 5}, {"信息", "{刊物: 参阅}", 4}, {"信息", "{刊物: [参阅, 简报]}", 5}, {"信息", "{刊物: {not: 参阅}}", 1}, {"信息", "{采用: true}", 1}, {"信息", "{采用: 否}", 1},
    {"信息", "{采用: {set: true}}", 2}, {"信息", "{采用: {not: true}}", 4}, {"信息", "{期号: 3}", 1}, {"信息", "{期号: {min: 2, max: 3}}", 2}, {"信息", "{期号: {over: 2, under: 12}}", 1},
    {"信息", "{主题词: 民生}", 2}, {"信息", "{主题词: {not: 民生}}", 3}, {"信息", "{主题词: {count: {min: 2}}}", 1}, {"信息", "{标题: {has: 档案}}", 2},
    {"信息", "{批示: {some: true}}", 2}, {"信息", "{批示: {some: false}}", 3}, {"信息", "{批示: {count: {min: 2}}}", 1}, {"信息", "{批示.批示人: 甲}", 2},
    {"信息", "{批示: {row: {批示人: 甲, 级别: 市}}}", 1}, {"信息", "{批示: {row: {批示人: 乙, 级别: 市}}}", 0}, {"信息", "{批示.批示人: 乙, 批示.级别: 市}", 1},
    {"信息", "{年度: 2023}", 4}, {"信息", "{季度: 1}", 3}, {"信息", "{月份: [1, 12]}", 2}, {"信息", "{日: 2023-02-06}", 1}, {"信息", "{日期: 2023-02}", 1},
    {"信息", "{日期: {min: 2023-02, max: 2023-03}}", 2}, {"信息", "{日期: {over: 2023-02}}", 2}, {"信息", "{any: [{期号: 1}, {刊物: 简报}]}", 2},
    {"信息", "{any: [{期号: 1}, {期号: 2}], 采用: true}", 1}, {"信息", "{次数: {min: 2}}", 1}, {"信息", "{时段: 2022}", 1}, {"信息", "{时段: 2022-12-30}", 0},
    {"措施", "{所属问题.来源: 巡察}", 2}, {"措施", "{所属问题: 漏雨}", 2}, {"措施", "{所属问题: {not: 漏雨}}", 1}, {"措施", "{所属问题.日期: {min: 2023-05}}", 1},
    {"问题", "{状态: 登记}", 3}, {"问题", "{编号: {has: WT2023}}", 2}, {"问题", "{日期: 2022-11}", 1},
  };
  World w;
  open_world(&w);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    guint count = meets(&w, cases[i].ledger, cases[i].where, 0);
    if (count != cases[i].count) g_error("%s %s: %u, not %u", cases[i].ledger, cases[i].where, count, cases[i].count);
  }
  fixture_close(&w.f);
}

static void test_faults(void) {
  static const struct { const char *where, *place, *what; } cases[] = {
    {"{刊名: 参阅}", "刊名", "刊物"}, {"{刊物: 参月}", "刊物", "参阅"}, {"{批示.批示者: 甲}", "批示.批示者", "批示人"}, {"{批示: 甲}", "批示", "row"}, {"{期号: 三}", "期号", "应为数"},
    {"{标题: {min: 3}}", "标题.min", "比大小"}, {"{标题: {hass: 三}}", "标题.hass", "has"}, {"{日期: 不久前}", "日期", "不是日期"}, {"{主题词.来源: 甲}", "主题词.来源", "不是指向台账"},
    {"{采用: 也许}", "采用", "是"}, {"{状态: 登录}", "状态", "状态"}, {"{any: {期号: 1}}", "any", "列表"}, {"{批示: {row: {批示者: 甲}}}", "批示.row.批示者", "批示人"},
  };
  World w;
  open_world(&w);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_auto_t *where = yaml(cases[i].where), *faults = ledger_where_faults(ledger_find("信息"), where);
    json_t *row = json_array_get(faults, 0);
    if (json_array_size(faults) != 1 || !g_str_equal(text_at(row, "where"), cases[i].place) || strstr(text_at(row, "what"), cases[i].what) == NULL)
      g_error("%s: %zu faults, %s, %s", cases[i].where, json_array_size(faults), text_at(row, "where"), text_at(row, "what"));
  }
  json_auto_t *where = yaml("{刊物: [参阅, 简报], 批示: {row: {级别: 市}}, 期号: {min: 2}, 采用: {set: true}}");
  g_autofree char *words = ledger_where_words(ledger_find("信息"), where);
  g_assert_cmpstr(words, ==, "刊物是参阅或简报，有一行批示（级别是市），期号不小于2，有采用");
  fixture_close(&w.f);
}

static void add_text(const LedgerValue *value, gpointer data) { g_string_append_printf(data, "%s ", value->text); }

static char *values(World *w, const char *ledger, const char *path, const char *condition) {
  json_auto_t *where = yaml(condition);
  g_autoptr(Sql) sql = good(sql_read(w->f.db, error));
  g_autoptr(LedgerTable) table = good(ledger_table(&w->f.house, sql, ledger_find(ledger), error));
  g_autoptr(LedgerWhere) ready = good(ledger_where_new(&w->f.house, sql, LEDGER_EVERYTHING, table, where, error));
  g_autoptr(LedgerPath) told = good(ledger_path_new(&w->f.house, sql, table, path, error));
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < ledger_table_count(table); i++)
    if (ledger_where_meets(ready, i, 0)) ledger_path_values(told, ready, i, 0, add_text, text);
  return g_string_free(text, FALSE);
}

static void test_paths(void) {
  static const struct { const char *ledger, *path, *where, *values; } cases[] = {
    {"信息", "批示.批示人", "{}", "甲 乙 甲 "}, {"信息", "批示.批示人", "{批示: {row: {级别: 省}}}", "乙 甲 "}, {"信息", "批示.批示人", "{批示.级别: 市}", "甲 "},
    {"信息", "批示", "{批示.级别: 省}", "  "}, {"信息", "主题词", "{期号: 1}", "水利 民生 "}, {"信息", "季度", "{期号: 2}", "1 "}, {"信息", "日", "{期号: 2}", "2023-02-06 "},
    {"措施", "所属问题.标题", "{}", "漏雨 漏雨 借阅慢 "}, {"措施", "所属问题", "{标题: 补漏}", "漏雨 "}, {"信息", "采用", "{}", "是 否 "}, {"信息", "次数", "{期号: 3}", "3 "},
    {"问题", "日期", "{标题: 目录错}", "2022-11 "},
  };
  World w;
  open_world(&w);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = values(&w, cases[i].ledger, cases[i].path, cases[i].where);
    if (!g_str_equal(text, cases[i].values)) g_error("%s %s: “%s”, not “%s”", cases[i].path, cases[i].where, text, cases[i].values);
  }
  fixture_close(&w.f);
}

static void test_days(void) {
  World w;
  open_world(&w);
  put(&w.f, "{ledger: 花名册, date: 2015-01-01, title: 张, values: {职级: [[科员, 20150101], [科长, 20210301]], 出生: 1978-06-30}}");
  g_assert_cmpuint(meets(&w, "花名册", "{职级: 科长}", 0), ==, 1);
  g_assert_cmpuint(meets(&w, "花名册", "{职级: 科长}", 20201231), ==, 0);
  g_assert_cmpuint(meets(&w, "花名册", "{职级: 科员}", 20201231), ==, 1);
  g_assert_cmpuint(meets(&w, "花名册", "{职级: {set: true}}", 20141231), ==, 0);
  g_assert_cmpuint(meets(&w, "花名册", "{年龄: {min: 45, max: 49}}", 20230629), ==, 0);
  g_assert_cmpuint(meets(&w, "花名册", "{年龄: {min: 45, max: 49}}", 20230630), ==, 1);
  fixture_close(&w.f);
}

static guint count_of(World *w, const char *ledger) { return meets(w, ledger, "{}", 0); }

static void test_follows(void) {
  World w;
  open_world(&w);
  g_assert_cmpuint(count_of(&w, "信息"), ==, 5);
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", w.news[0], "重复", error));
  json_auto_t *changed = json_pack("{s:I, s:{s:i, s:[s, s, s]}}", "id", (json_int_t)w.news[4], "values", "期号", 7, "主题词", "甲", "乙", "丙");
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", changed, 0, error));
  {
    g_autoptr(LedgerTable) table = good(ledger_table(&w.f.house, sql, ledger_find("信息"), error));
    g_assert_cmpuint(ledger_table_count(table), ==, 4);
  }
  sql_end(g_steal_pointer(&sql)); /* rolled back: the table may not remember it */
  g_assert_cmpuint(count_of(&w, "信息"), ==, 5);
  g_assert_cmpuint(meets(&w, "信息", "{期号: 7}", 0), ==, 0);
  sql = good(sql_write(w.f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", w.news[0], "重复", error));
  json_auto_t *again = json_pack("{s:I, s:{s:i, s:[s, s, s]}}", "id", (json_int_t)w.news[4], "values", "期号", 7, "主题词", "甲", "乙", "丙");
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", again, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(count_of(&w, "信息"), ==, 4);
  g_assert_cmpuint(meets(&w, "信息", "{期号: 7, 主题词: 丙}", 0), ==, 1);
  g_assert_cmpuint(meets(&w, "信息", "{主题词: 水利}", 0), ==, 0);
  g_assert_cmpuint(meets(&w, "信息", "{批示.批示人: 甲}", 0), ==, 1);
  fixture_close(&w.f);
}

static void test_also(void) {
  World w;
  open_world(&w);
  gint64 id = put(&w.f, "{ledger: 信息, also: [问题], date: 2023-06-01, title: 一事两账, values: {期号: 20, 来源: 巡察}}");
  g_assert_cmpuint(count_of(&w, "问题"), ==, 4);
  g_assert_cmpuint(meets(&w, "问题", "{来源: 巡察}", 0), ==, 2);
  g_assert_cmpuint(meets(&w, "信息", "{期号: 20}", 0), ==, 1);
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", id, "重复", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(count_of(&w, "问题"), ==, 3);
  fixture_close(&w.f);
}

/* Titles of all pages, two entries a page. */
static char *pages(World *w, LedgerAsk ask, Asker asker, gint64 *ret_count) {
  GString *titles = g_string_new(NULL);
  g_autofree char *after = NULL;
  g_autoptr(Sql) sql = good(sql_read(w->f.db, error));
  do {
    ask.after = after;
    ask.limit = 2;
    json_auto_t *page = good(ledger_list(&w->f.house, sql, asker, &ask, error));
    size_t i;
    json_t *entry;
    g_assert_cmpuint(json_array_size(json_object_get(page, "entries")), <=, 2);
    json_array_foreach(json_object_get(page, "entries"), i, entry) g_string_append_printf(titles, "%s ", text_at(entry, "title"));
    *ret_count = int_at(page, "count");
    g_free(after);
    after = g_strdup(json_string_value(json_object_get(page, "next")));
  } while (after != NULL);
  return g_string_free(titles, FALSE);
}

static void test_list(void) {
  static const struct { const char *sort, *words, *titles; gint64 count; } cases[] = {
    {NULL, NULL, "简报一 老照片 婚姻档案 水利档案 旧闻 ", 5}, {"日期", NULL, "旧闻 水利档案 婚姻档案 老照片 简报一 ", 5}, {"期号", NULL, "水利档案 婚姻档案 老照片 旧闻 简报一 ", 5},
    {"-期号", NULL, "旧闻 老照片 婚姻档案 水利档案 简报一 ", 5}, {"日期", "档案", "水利档案 婚姻档案 ", 2}, {"日期", "档案 民生", "水利档案 婚姻档案 ", 2}, {"日期", "档案 水利", "水利档案 ", 1},
  };
  World w;
  open_world(&w);
  gint64 count = 0;
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *titles = pages(&w, (LedgerAsk){.definition = ledger_find("信息"), .sort = cases[i].sort, .words = cases[i].words}, LEDGER_EVERYTHING, &count);
    g_assert_cmpstr(titles, ==, cases[i].titles);
    g_assert_cmpint(count, ==, cases[i].count);
  }
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  LedgerAsk wrong = {.definition = ledger_find("信息"), .sort = "期数", .limit = 5};
  fails(ledger_list(&w.f.house, sql, LEDGER_EVERYTHING, &wrong, error) != NULL, LANTAI_ERROR_INVALID);
  fails(ledger_list(&w.f.house, sql, (Asker){NULL, FALSE}, &wrong, error) != NULL, LANTAI_ERROR_DENIED);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&w.f);
}

static void test_gate(void) {
  World w;
  open_world(&w);
  put_as(&w.f, "li", "{ledger: 花名册, date: 2020-01-01, title: 李, values: {工资: 9000}}");
  put_as(&w.f, "wang", "{ledger: 花名册, date: 2021-01-01, title: 王, values: {工资: 8000}}");
  put_as(&w.f, "wang", "{ledger: 花名册, date: 2022-01-01, title: 秘, owner: li, secrecy: 内部}");
  g_autoptr(Person) li = fixture_person(&w.f, "li", "李", "archivist", SECURITY_PUBLIC);
  g_autoptr(Person) zhao = fixture_person(&w.f, "zhao", "赵", "director", SECURITY_INTERNAL);
  gint64 count = 0;
  LedgerAsk ask = {.definition = ledger_find("花名册"), .sort = "日期"};
  g_autofree char *mine = pages(&w, ask, (Asker){li, FALSE}, &count);
  g_assert_cmpstr(mine, ==, "李 ");
  g_assert_cmpint(count, ==, 1);
  g_autofree char *all = pages(&w, ask, (Asker){zhao, FALSE}, &count);
  g_assert_cmpstr(all, ==, "李 王 秘 ");
  put_as(&w.f, "li", "{ledger: 花名册, date: 2023-01-01, title: 钱, values: {电话: 13900001111, 家属: [{姓名: 吴, 电话: 13700002222}]}}");
  static const char *const hidden[] = {"13900001111", "13700002222"};
  for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) { /* what may not be seen is not found either */
    LedgerAsk found = {.definition = ask.definition, .sort = "日期", .words = hidden[i]};
    g_autofree char *by_clerk = pages(&w, found, (Asker){li, FALSE}, &count);
    g_assert_cmpint(count, ==, 0);
    g_autofree char *by_director = pages(&w, found, (Asker){zhao, FALSE}, &count);
    g_assert_cmpint(count, ==, 1);
  }
  json_auto_t *where = yaml("{工资: {min: 8500}}");
  g_autoptr(Sql) sql = good(sql_read(w.f.db, error));
  ask.where = where, ask.limit = 5;
  fails(ledger_list(&w.f.house, sql, (Asker){li, FALSE}, &ask, error) != NULL, LANTAI_ERROR_DENIED);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&w.f);
}

static void test_past(void) {
  g_setenv("LANTAI_NOW", "2023-06-01T02:00:00Z", TRUE);
  World w;
  open_world(&w);
  g_setenv("LANTAI_NOW", "2023-07-01T02:00:00Z", TRUE);
  g_autoptr(Sql) sql = good(sql_write(w.f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", w.news[0], "重复", error));
  json_auto_t *changed = json_pack("{s:I, s:s}", "id", (json_int_t)w.news[1], "title", "改过的题名");
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", changed, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  put(&w.f, "{ledger: 信息, date: 2023-06-30, title: 新的, values: {期号: 30}}");
  gint64 count = 0;
  LedgerAsk ask = {.definition = ledger_find("信息"), .sort = "日期"};
  g_autofree char *now = pages(&w, ask, LEDGER_EVERYTHING, &count);
  g_assert_cmpstr(now, ==, "旧闻 改过的题名 老照片 简报一 新的 ");
  ask.on = 20230615;
  g_autofree char *then = pages(&w, ask, LEDGER_EVERYTHING, &count);
  g_assert_cmpstr(then, ==, "旧闻 水利档案 婚姻档案 老照片 简报一 ");
  ask.on = 20230530;
  g_autofree char *before = pages(&w, ask, LEDGER_EVERYTHING, &count);
  g_assert_cmpstr(before, ==, "");
  g_autoptr(Person) li = fixture_person(&w.f, "li", "李", "archivist", SECURITY_PUBLIC);
  ask.on = 20230615; /* what is secret since is not told as it was either */
  json_auto_t *closed = json_pack("{s:I, s:s}", "id", (json_int_t)w.news[1], "secrecy", "机密");
  sql = good(sql_write(w.f.db, error));
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", closed, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_autofree char *of_clerk = pages(&w, ask, (Asker){li, FALSE}, &count);
  g_assert_null(strstr(of_clerk, "婚姻档案"));
  g_assert_cmpint(count, ==, 4);
  g_unsetenv("LANTAI_NOW");
  fixture_close(&w.f);
}

/* ---- several at once ---- */

typedef struct { Fixture *f; gint stop; guint asked; gboolean other; } Reader;

/* Holds one table while it wants the other, in both orders; what a transaction sees of both is never less than before. */
static gpointer read_on(gpointer data) {
  Reader *reader = data;
  guint least = 0;
  while (!g_atomic_int_get(&reader->stop)) {
    g_autoptr(Sql) sql = good(sql_read(reader->f->db, error));
    gint64 stored = good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry", SQL_NONE, 0, error));
    g_autoptr(LedgerTable) first = good(ledger_table(&reader->f->house, sql, ledger_find(reader->other ? "问题" : "措施"), error));
    g_autoptr(LedgerTable) second = good(ledger_table(&reader->f->house, sql, ledger_find(reader->other ? "措施" : "问题"), error));
    guint count = ledger_table_count(first) + ledger_table_count(second);
    g_assert_cmpuint(count, >=, stored);
    g_assert_cmpuint(count, >=, least);
    least = (guint)stored;
    reader->asked++;
  }
  return NULL;
}

static guint count_in(Fixture *f, Sql *sql) {
  g_autoptr(LedgerTable) table = good(ledger_table(&f->house, sql, ledger_find("问题"), error));
  return ledger_table_count(table);
}

/* What a transaction has put in it sees itself, twice, and nobody else does. */
static void unfinished(Fixture *f) {
  g_autoptr(Sql) writing = good(sql_write(f->db, error)), reading = good(sql_read(f->db, error));
  for (guint i = 1; i <= 2; i++) {
    json_auto_t *entry = yaml("{ledger: 问题, date: 2023-02-03, title: 未定, values: {来源: 巡察}}");
    good(ledger_entry_put(writing, LEDGER_EVERYTHING, "zhang", entry, 0, error));
    g_assert_cmpuint(count_in(f, writing), ==, 60 + i);
    g_assert_cmpuint(count_in(f, reading), ==, 60);
  }
  sql_end(g_steal_pointer(&writing));
  g_assert_cmpuint(count_in(f, reading), ==, 60);
}

static void test_threads(void) {
  Fixture f = {0};
  g_autofree char *dir = g_dir_make_tmp("ledger-XXXXXX", NULL), *path = g_build_filename(dir, "l.db", NULL);
  f.house.db = f.db = good(sql_open(path, error));
  f.journal = good(journal_open(f.db, NULL, error));
  f.house.search = good(search_open(f.db, error));
  good(people_open(f.db, NULL, error));
  f.house.catalog = good(catalog_open(f.db, NULL, error));
  good(authority_open(f.db, error));
  good(ledger_open(&f.house, error));
  json_auto_t *documents = json_pack("{s:o, s:o}", "a", yaml(FIXTURE_LEDGERS[0]), "b", yaml(FIXTURE_LEDGERS[1]));
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_define_many(sql, "system", documents, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  Reader readers[4] = {{&f, 0, 0, FALSE}, {&f, 0, 0, TRUE}, {&f, 0, 0, FALSE}, {&f, 0, 0, TRUE}};
  GThread *threads[4];
  for (guint i = 0; i < 4; i++) threads[i] = g_thread_new("reader", read_on, &readers[i]);
  for (int i = 0; i < 60; i++) {
    gint64 problem = put(&f, "{ledger: 问题, date: 2023-02-03, title: 漏雨, values: {来源: 巡察}}");
    g_autofree char *measure = g_strdup_printf("{ledger: 措施, title: 补漏, values: {所属问题: %" G_GINT64_FORMAT "}}", problem);
    put(&f, measure);
  }
  for (guint i = 0; i < 4; i++) {
    g_atomic_int_set(&readers[i].stop, 1);
    g_thread_join(threads[i]);
    g_assert_cmpuint(readers[i].asked, >, 0);
  }
  World w = {.f = f};
  g_assert_cmpuint(meets(&w, "措施", "{所属问题.来源: 巡察}", 0), ==, 60);
  unfinished(&f);
  fixture_close(&w.f);
  g_autofree char *remove = g_strdup_printf("%s-wal", path), *shared = g_strdup_printf("%s-shm", path);
  g_unlink(remove), g_unlink(shared), g_unlink(path), g_rmdir(dir);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "C.UTF-8");
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/where", test_where);
  g_test_add_func("/ledger/where-faults", test_faults);
  g_test_add_func("/ledger/paths", test_paths);
  g_test_add_func("/ledger/days", test_days);
  g_test_add_func("/ledger/table-follows", test_follows);
  g_test_add_func("/ledger/table-also", test_also);
  g_test_add_func("/ledger/table-threads", test_threads);
  g_test_add_func("/ledger/list", test_list);
  g_test_add_func("/ledger/list-gate", test_gate);
  g_test_add_func("/ledger/list-past", test_past);
  return g_test_run();
}
