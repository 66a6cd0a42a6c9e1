/* Entries: what is taken, cleaned and refused; numbers; several ledgers; what they name; rebuilding. */
#include "test-fixture.h"

static json_t *value_of(json_t *entry, const char *field) { return json_object_get(json_object_get(entry, "values"), field); }

static void test_put(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, "{ledger: 信息, title: 一则, values: {日期: 2023年5月12日, 期号: \"1,200\", 采用: 是, 主题词: 档案；方志、年鉴, "
    "批示: [{批示人: 李某, 级别: 市, 日期: 2023.5.20}, {}]}}");
  json_auto_t *entry = entry_of(&f, id);
  g_assert_cmpstr(text_at(entry, "number"), ==, "XX2023-01");
  g_assert_cmpint(int_at(entry, "from"), ==, 20230512);
  g_assert_cmpint(int_at(entry, "quantity"), ==, 1);
  g_assert_cmpstr(text_at(entry, "unit"), ==, "本馆");
  g_assert_cmpstr(text_at(entry, "state"), ==, "已登记");
  g_assert_true(json_is_true(json_object_get(entry, "closed")));
  g_assert_cmpstr(json_string_value(value_of(entry, "刊物")), ==, "参阅");
  g_assert_cmpint(json_integer_value(value_of(entry, "期号")), ==, 1200);
  g_assert_true(json_is_true(value_of(entry, "采用")));
  g_assert_cmpuint(json_array_size(value_of(entry, "主题词")), ==, 3);
  json_t *rows = value_of(entry, "批示");
  g_assert_cmpuint(json_array_size(rows), ==, 1);
  g_assert_cmpstr(text_at(json_array_get(rows, 0), "日期"), ==, "2023-05-20");
  /* nothing differs: nothing is written */
  g_autofree char *again = g_strdup_printf("{id: %d, values: {期号: 1200}}", (int)id);
  g_assert_cmpint(put(&f, again), ==, id);
  json_auto_t *same = entry_of(&f, id);
  g_assert_true(json_equal(entry, same));
  /* what is not given stays, null empties */
  g_autofree char *change = g_strdup_printf("{id: %d, values: {期号: null, 采用: false}}", (int)id);
  put(&f, change);
  json_auto_t *changed = entry_of(&f, id);
  g_assert_null(value_of(changed, "期号"));
  g_assert_true(json_is_false(value_of(changed, "采用")));
  g_assert_cmpuint(json_array_size(value_of(changed, "主题词")), ==, 3);
  g_assert_cmpint(int_at(changed, "rev"), >, int_at(entry, "rev"));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_refused(void) {
  Fixture f;
  fixture_open(&f);
  assert_refused(&f, "{ledger: 信题, title: a}", LANTAI_ERROR_NOT_FOUND, "没有台账“信题”");
  assert_refused(&f, "{ledger: 信息, date: 2023-05-12}", LANTAI_ERROR_INVALID, "请填写标题");
  assert_refused(&f, "{ledger: 信息, title: a}", LANTAI_ERROR_INVALID, "请填写日期");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-02-30}", LANTAI_ERROR_INVALID, "不是日期");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {刊物名: 参阅}}", LANTAI_ERROR_INVALID, "是不是“刊物”");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {刊物: 参考}}", LANTAI_ERROR_INVALID, "不在选项中");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {期号: 十二期}}", LANTAI_ERROR_INVALID, "不是数字");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {采用: 也许}}", LANTAI_ERROR_INVALID, "应为 是 或 否");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {刊物: 简报}}", LANTAI_ERROR_INVALID, "请填写书名");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {时段: 2023-05-02 08:00/2023-05-01 08:00}}", LANTAI_ERROR_INVALID, "不晚于开始");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {批示: [{级别: 市}]}}", LANTAI_ERROR_INVALID, "第 1 行没有“批示人”");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, values: {批示: [{批示人: 甲}, {批示者: 乙}]}}", LANTAI_ERROR_INVALID, "第 2 行没有栏目“批示者”");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, quantity: -1}", LANTAI_ERROR_INVALID, "不能是负数");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, secrecy: 很密}", LANTAI_ERROR_INVALID, "密级");
  assert_refused(&f, "{ledger: 问题, title: a, date: 2023-05-12, due: 2023-05-01, values: {来源: 调研}}", LANTAI_ERROR_INVALID, "早于开始日期");
  assert_refused(&f, "{ledger: 问题, title: a, date: 2023-05-12, state: 已销号, values: {来源: 调研}}", LANTAI_ERROR_INVALID, "从“登记”开始");
  assert_refused(&f, "{ledger: 措施, title: a, values: {所属问题: 77}}", LANTAI_ERROR_INVALID, "没有第 77 条");
  assert_refused(&f, "{ledger: 措施, title: a, values: {所属问题: 没有的}}", LANTAI_ERROR_INVALID, "台账“问题”中没有“没有的”");
  assert_refused(&f, "{ledger: 信息, title: a, date: 2023-05-12, also: [没有]}", LANTAI_ERROR_INVALID, "没有台账“没有”");
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry", SQL_NONE, 0, error)), ==, 0);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static void test_numbers(void) {
  Fixture f;
  fixture_open(&f);
  gint64 first = put(&f, "{ledger: 信息, title: 一, date: 2023-01-01}");
  put(&f, "{ledger: 信息, title: 二, date: 2023-02-01}");
  put(&f, "{ledger: 信息, title: 三, date: 2024-02-01}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", first, "错登", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  gint64 fourth = put(&f, "{ledger: 信息, title: 四, date: 2023-03-01}");
  gint64 typed = put(&f, "{ledger: 信息, title: 五, date: 2023-03-01, number: XX2023-09}");
  gint64 next = put(&f, "{ledger: 信息, title: 六, date: 2023-03-01}");
  json_auto_t *a = entry_of(&f, fourth), *b = entry_of(&f, typed), *c = entry_of(&f, next);
  g_assert_cmpstr(text_at(a, "number"), ==, "XX2023-03");
  g_assert_cmpstr(text_at(b, "number"), ==, "XX2023-09");
  g_assert_cmpstr(text_at(c, "number"), ==, "XX2023-10");
  assert_refused(&f, "{ledger: 信息, title: 七, date: 2023-03-01, number: XX2023-01}", LANTAI_ERROR_CONFLICT, "已经用过");
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_links(void) {
  Fixture f;
  fixture_open(&f);
  gint64 problem = put(&f, "{ledger: 问题, title: 库房漏水, date: 2023-05-12, values: {来源: 调研}}");
  gint64 measure = put(&f, "{ledger: 措施, title: 修屋顶, values: {所属问题: WT2023-001}}");
  gint64 other = put(&f, "{ledger: 措施, title: 买水泵, also: [信息], values: {所属问题: 库房漏水, 期号: 7}}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *groups = good(ledger_entry_referring(sql, LEDGER_EVERYTHING, problem, error));
  g_assert_cmpuint(json_array_size(groups), ==, 1);
  g_assert_cmpint(int_at(json_array_get(groups, 0), "count"), ==, 2);
  g_assert_cmpstr(text_at(json_array_get(groups, 0), "field"), ==, "所属问题");
  fails(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", problem, "", error), LANTAI_ERROR_CONFLICT);
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", measure, "错登", error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", other, "错登", error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", problem, "错登", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *gone = entry_of(&f, other);
  g_assert_true(json_is_true(json_object_get(gone, "deleted")));
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(gone, "also"), 0)), ==, "信息");
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_bodies(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *authority = json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "kind", "body", "name", "市教育局", "names", "name", "教育局", "type", "short");
  good(authority_save(sql, "zhang", authority, 0, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  gint64 id = put(&f, "{ledger: 信息, title: 一, date: 2023-01-01, values: {来源单位: 教育局, 送达: [教育局, 市教育局, 水务局]}}");
  json_auto_t *entry = entry_of(&f, id);
  g_assert_cmpstr(json_string_value(value_of(entry, "来源单位")), ==, "市教育局");
  g_assert_cmpuint(json_array_size(value_of(entry, "送达")), ==, 2);
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_dated(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, "{ledger: 花名册, title: 王某, date: 2020-01-01, values: {职级: [[科长, 2021-03-01], [科员, 20200101]], 出生: 1980-02-03}}");
  json_auto_t *entry = entry_of(&f, id);
  json_t *grades = value_of(entry, "职级");
  g_assert_cmpuint(json_array_size(grades), ==, 2);
  g_assert_cmpstr(json_string_value(json_array_get(json_array_get(grades, 0), 0)), ==, "科员");
  g_assert_cmpint(json_integer_value(json_array_get(json_array_get(grades, 1), 1)), ==, 20210301);
  g_autofree char *change = g_strdup_printf("{id: %d, values: {职级: 处长}}", (int)id);
  put(&f, change);
  json_auto_t *later = entry_of(&f, id);
  json_t *last = json_array_get(value_of(later, "职级"), 2);
  g_assert_cmpstr(json_string_value(json_array_get(last, 0)), ==, "处长");
  g_assert_cmpint(json_integer_value(json_array_get(last, 1)), ==, date_today());
  assert_refused(&f, "{ledger: 花名册, title: 李某, date: 2020-01-01, values: {职级: [[校长, 2021-03-01]]}}", LANTAI_ERROR_INVALID, "校长");
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_many(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *entries = json_array();
  for (int i = 0; i < 450; i++) {
    json_array_append_new(entries, json_pack("{s:s, s:o, s:s, s:{s:i}}", "ledger", "信息", "title", json_sprintf("第%d则", i), "date", "2023-05-12", "values", "期号", i));
  }
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  good(ledger_entry_put_many(sql, LEDGER_EVERYTHING, "zhang", entries, ids, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(ids->len, ==, 450);
  g_autoptr(Sql) read = good(sql_write(f.db, error));
  g_assert_cmpint(good(sql_number(read, "SELECT COUNT(*) AS n FROM event WHERE action = 'ledger.put'", SQL_NONE, 0, error)), ==, 3);
  json_object_set_new(json_array_get(entries, 3), "date", json_string("不知何时"));
  g_autoptr(GError) local = NULL;
  g_assert_false(ledger_entry_put_many(read, LEDGER_EVERYTHING, "zhang", entries, NULL, &local));
  g_assert_nonnull(strstr(local->message, "第 4 条"));
  sql_end(g_steal_pointer(&read));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_feed(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *given = yaml("{title: 接收一批, date: 2023-05-12, values: {期号: 3}}");
  gint64 id = good(ledger_entry_feed(sql, "信息", "delivery:12", given, error));
  json_auto_t *people = json_pack("{s:I, s:{s:s, s:n}}", "id", (json_int_t)id, "values", "主题词", "人填的", "期号");
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", people, 0, error));
  json_object_set_new(json_object_get(given, "values"), "期号", json_integer(4));
  g_assert_cmpint(good(ledger_entry_feed(sql, "信息", "delivery:12", given, error)), ==, id);
  json_auto_t *entry = good(entry_load_any(sql, id, error));
  g_assert_cmpint(json_integer_value(value_of(entry, "期号")), ==, 4);
  g_assert_nonnull(value_of(entry, "主题词"));
  gint64 rev = int_at(entry, "rev");
  good(ledger_entry_feed(sql, "信息", "delivery:12", given, error));
  json_auto_t *same = good(entry_load_any(sql, id, error));
  g_assert_cmpint(int_at(same, "rev"), ==, rev);
  good(ledger_entry_unfeed(sql, "信息", "delivery:12", "已撤销", error));
  json_auto_t *out = good(entry_load_any(sql, id, error));
  g_assert_true(json_is_true(json_object_get(out, "deleted")));
  g_assert_cmpint(good(ledger_entry_feed(sql, "信息", "delivery:12", given, error)), ==, id);
  json_auto_t *back = good(entry_load_any(sql, id, error));
  g_assert_false(json_is_true(json_object_get(back, "deleted")));
  g_assert_nonnull(value_of(back, "主题词"));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "clerk", id, "不归这里", error));
  good(ledger_entry_feed(sql, "信息", "delivery:12", given, error));
  json_auto_t *stays = good(entry_load_any(sql, id, error));
  g_assert_true(json_is_true(json_object_get(stays, "deleted")));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/entry/put", test_put);
  g_test_add_func("/ledger/entry/refused", test_refused);
  g_test_add_func("/ledger/entry/numbers", test_numbers);
  g_test_add_func("/ledger/entry/links", test_links);
  g_test_add_func("/ledger/entry/bodies", test_bodies);
  g_test_add_func("/ledger/entry/dated", test_dated);
  g_test_add_func("/ledger/entry/many", test_many);
  g_test_add_func("/ledger/entry/feed", test_feed);
  return g_test_run();
}
