/* What comes round, and what somebody owes. */
#include "test-fixture.h"

static void test_periods(void) {
  static const struct { const char *every; int day, from, to; } rows[] = {
    {"day", 20230512, 20230512, 20230512}, {"workday", 20230512, 20230512, 20230512}, {"week", 20230101, 20221226, 20230101}, {"halfmonth", 20230216, 20230216, 20230228},
    {"halfmonth", 20230215, 20230201, 20230215}, {"month", 20240229, 20240201, 20240229}, {"quarter", 20230512, 20230401, 20230630},
    {"halfyear", 20231231, 20230701, 20231231}, {"year", 20230512, 20230101, 20231231}};
  int from, to;
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_assert_true(ledger_period(rows[i].every, rows[i].day, &from, &to));
    g_assert_cmpint(from, ==, rows[i].from);
    g_assert_cmpint(to, ==, rows[i].to);
  }
  g_assert_false(ledger_period("workday", 20230513, &from, &to)); /* a Saturday */
  int other_from, other_to;
  g_assert_true(ledger_period("twoweeks", 20230512, &from, &to));
  g_assert_true(ledger_period("twoweeks", date_shift(to, 1), &other_from, &other_to));
  g_assert_cmpint(date_shift(from, 14), ==, other_from);
  g_assert_cmpint(date_shift(from, 13), ==, to);
}

static void define_duty(Fixture *f) {
  json_auto_t *definition = yaml("{name: 巡查, date: 巡查日期, fields: [{name: 类型, type: choice, values: [月评, 抽查]}, {name: 结果, required: true}], "
    "duties: [{title: 安全月评, every: month, values: {类型: 月评}, days: 3, owner: 王档案, from: 2026-01-10}]}");
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  good(ledger_define(sql, "wang", definition, error));
  good(sql_commit(sql, error));
}

static json_t *duties(Fixture *f) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *all = good(ledger_duties(sql, LEDGER_EVERYTHING, ledger_find("巡查"), error));
  return json_incref(json_array_get(all, 0));
}

static gint64 counted(Fixture *f) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE deleted = 0", SQL_NONE, 0, error));
}

static void test_duties(void) {
  g_setenv("LANTAI_NOW", "2026-03-20T04:00:00Z", TRUE);
  Fixture f;
  fixture_open(&f);
  define_duty(&f);
  put(&f, "{ledger: 巡查, title: 二月月评, date: 2026-02-20, values: {类型: 月评, 结果: 无隐患}}"); /* done without waiting for the duty */
  good(ledger_duties_make(&f.house, NULL, error));
  good(ledger_duties_make(&f.house, NULL, error));
  g_assert_cmpint(counted(&f), ==, 3); /* January, March, and February's own */
  json_auto_t *march = entry_of(&f, 3);
  g_assert_cmpstr(text_at(march, "title"), ==, "安全月评（2026年3月）");
  g_assert_cmpint(int_at(march, "due"), ==, 20260403);
  g_assert_cmpint(int_at(march, "from"), ==, 0);
  g_assert_false(json_is_true(json_object_get(march, "closed"))); /* although the ledger's only state is a closed one */
  json_auto_t *told = duties(&f);
  g_assert_cmpint(int_at(told, "gaps"), ==, 1);
  json_t *periods = json_object_get(told, "periods");
  g_assert_cmpstr(text_at(json_array_get(periods, 0), "state"), ==, "open");
  g_assert_cmpstr(text_at(json_array_get(periods, 1), "state"), ==, "done");
  g_assert_cmpstr(text_at(json_array_get(periods, 2), "state"), ==, "gap");
  assert_refused(&f, "{id: 3, date: 2026-03-20}", LANTAI_ERROR_INVALID, "请填写结果"); /* done: now everything is asked for */
  put(&f, "{id: 3, date: 2026-03-20, values: {结果: 无隐患}}");
  json_auto_t *done = entry_of(&f, 3);
  g_assert_true(json_is_true(json_object_get(done, "closed")));
  put(&f, "{ledger: 巡查, title: 补一月, date: 2026-01-31, values: {类型: 月评, 结果: 补记}}");
  good(ledger_duties_make(&f.house, "2026-03-21", error)); /* the waiting one of January goes out */
  json_auto_t *january = entry_of(&f, 2);
  g_assert_true(json_is_true(json_object_get(january, "deleted")));
  json_auto_t *all_done = duties(&f);
  g_assert_cmpint(int_at(all_done, "gaps"), ==, 0);
  fails(ledger_duties_make(&f.house, "某日", error), LANTAI_ERROR_INVALID);
  assert_rebuilds(&f);
  fixture_close(&f);
  g_unsetenv("LANTAI_NOW");
}

/* A day ends at midnight of the place: one second makes the next day's, week's, month's and fortnight's, and what was due is a gap. */
static void test_midnight(void) {
  static const struct { const char *now, *newest; int all, gaps; } moments[] = {
    {"2026-05-31T15:59:59Z", "月评（2026年5月）", 4, 0}, {"2026-05-31T16:00:00Z", "月评（2026年6月）", 7, 1},
    {"2026-06-07T15:59:59Z", "日查（2026年6月7日）", 13, 8}, {"2026-06-07T16:00:00Z", "双周报（2026年6月8日至6月21日）", 16, 9}};
  g_setenv("TZ", "UTC", TRUE);
  clock_set_zone("Asia/Shanghai");
  g_setenv("LANTAI_NOW", moments[0].now, TRUE);
  Fixture f;
  fixture_open(&f);
  json_auto_t *definition = yaml("{name: 值守, date: 日期, fields: [{name: 类型, values: [日查, 周报, 双周报, 月评], type: choice}], duties: ["
    "{title: 日查, every: day, values: {类型: 日查}, from: 2026-05-31}, {title: 周报, every: week, values: {类型: 周报}, from: 2026-05-31, days: 1}, "
    "{title: 双周报, every: twoweeks, values: {类型: 双周报}, from: 2026-05-31, days: 2}, {title: 月评, every: month, values: {类型: 月评}, from: 2026-05-31, days: 30}]}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_define(sql, "wang", definition, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  for (guint i = 0; i < G_N_ELEMENTS(moments); i++) {
    g_setenv("LANTAI_NOW", moments[i].now, TRUE);
    duties_tick(&f.house); /* not before the hour or the day is another */
    g_assert_cmpint(counted(&f), ==, moments[i].all);
    g_autoptr(Sql) reading = good(sql_read(f.db, error));
    g_autofree char *newest = good(sql_string(reading, "SELECT title FROM ledger_entry ORDER BY id DESC LIMIT 1", SQL_NONE, error));
    g_assert_cmpstr(newest, ==, moments[i].newest);
    json_auto_t *told = good(ledger_duties(reading, LEDGER_EVERYTHING, ledger_find("值守"), error));
    gint64 gaps = 0;
    for (gsize d = 0; d < json_array_size(told); d++) gaps += int_at(json_array_get(told, d), "gaps");
    g_assert_cmpint(gaps, ==, moments[i].gaps);
  }
  assert_rebuilds(&f);
  fixture_close(&f);
  g_unsetenv("LANTAI_NOW");
  g_unsetenv("TZ");
}

/* 回头看: what was closed comes back after its days, once, and not what was closed before the rule. */
static void test_again(void) {
  g_setenv("LANTAI_NOW", "2026-03-01T04:00:00Z", TRUE);
  Fixture f;
  fixture_open(&f);
  json_auto_t *definition = yaml("{name: 整改, uses: [责任人, 截止], states: [登记, {name: 销号, closed: true, again: {after: 30, to: 回头看}}, 回头看], "
    "moves: [{from: 登记, to: 销号}, {from: 销号, to: 回头看, sets: {截止: today+10}}, {from: 回头看, to: 销号}]}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  good(ledger_define(sql, "wang", definition, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  gint64 old = put(&f, "{ledger: 整改, title: 旧的, date: 2025-01-01, states: [[登记, 2025-01-01], [销号, 2025-02-01]]}");
  gint64 id = put(&f, "{ledger: 整改, title: 新的, date: 2026-01-01, owner: 王, states: [[登记, 2026-01-01], [销号, 2026-03-01]]}");
  static const struct { const char *now, *state; } days[] = {{"2026-03-30T04:00:00Z", "销号"}, {"2026-03-31T04:00:00Z", "回头看"}, {"2026-04-01T04:00:00Z", "回头看"}};
  for (guint i = 0; i < G_N_ELEMENTS(days); i++) {
    g_setenv("LANTAI_NOW", days[i].now, TRUE);
    good(ledger_duties_make(&f.house, NULL, error));
    json_auto_t *entry = entry_of(&f, id);
    g_assert_cmpstr(text_at(entry, "state"), ==, days[i].state);
  }
  json_auto_t *back = entry_of(&f, id), *before = entry_of(&f, old);
  g_assert_cmpint(int_at(back, "due"), ==, 20260410);
  g_assert_false(json_is_true(json_object_get(back, "closed")));
  g_assert_cmpstr(text_at(before, "state"), ==, "销号");
  g_autoptr(Sql) write = good(sql_write(f.db, error));
  good(ledger_entry_move(write, LEDGER_EVERYTHING, "li", id, "销号", 0, NULL, error));
  good(sql_commit(write, error));
  sql_end(g_steal_pointer(&write));
  g_setenv("LANTAI_NOW", "2026-09-01T04:00:00Z", TRUE);
  good(ledger_duties_make(&f.house, NULL, error));
  json_auto_t *once = entry_of(&f, id);
  g_assert_cmpstr(text_at(once, "state"), ==, "销号");
  assert_rebuilds(&f);
  fixture_close(&f);
  g_unsetenv("LANTAI_NOW");
}

static void test_owed(void) {
  g_setenv("LANTAI_NOW", "2026-03-20T04:00:00Z", TRUE);
  Fixture f;
  fixture_open(&f);
  g_autoptr(Person) clerk = fixture_person(&f, "wang", "王档案", "archivist", SECURITY_SECRET);
  put(&f, "{ledger: 问题, title: 无期, date: 2026-01-01, owner: wang, values: {来源: 调研}}");
  put(&f, "{ledger: 问题, title: 将到, date: 2026-01-01, owner: 王档案, due: 2026-03-25, values: {来源: 调研}}");
  put(&f, "{ledger: 问题, title: 逾期, date: 2026-01-01, owner: 王档案, due: 2026-03-18, values: {来源: 调研}}");
  put(&f, "{ledger: 问题, title: 已了, date: 2026-01-01, owner: 王档案, due: 2026-03-18, values: {来源: 调研}, states: [[已销号, 2026-02-01]]}");
  put(&f, "{ledger: 问题, title: 别人, date: 2026-01-01, owner: 李, due: 2026-03-18, values: {来源: 调研}}");
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *owed = good(ledger_owed(&f.house, sql, clerk, 10, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(json_array_size(owed), ==, 3);
  json_t *first = json_array_get(owed, 0), *second = json_array_get(owed, 1);
  g_assert_cmpstr(text_at(first, "why"), ==, "逾期 2 天");
  g_assert_true(json_is_true(json_object_get(first, "overdue")));
  g_assert_cmpstr(text_at(second, "why"), ==, "还有 5 天");
  g_assert_true(json_is_true(json_object_get(second, "soon")));
  /* who is responsible is not taken away */
  json_auto_t *roles = yaml("[archivist]"), *fonds = json_array();
  g_autoptr(Sql) write = good(sql_write(f.db, error));
  g_autoptr(GError) local = NULL;
  g_assert_false(people_user_update(write, "admin", people_id(clerk), "王档案", roles, fonds, SECURITY_SECRET, FALSE, &local));
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_nonnull(strstr(local->message, "条台账条目")); /* whoever asks: how many, not which */
  g_assert_null(strstr(local->message, "逾期"));
  json_auto_t *body = yaml("{kind: person, name: 李}");
  gint64 person = good(authority_save(write, "admin", body, 0, error));
  g_autoptr(GError) named = NULL;
  g_assert_false(authority_delete(write, "admin", person, &named));
  g_assert_error(named, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_nonnull(strstr(named->message, "1 条台账条目"));
  good(ledger_entry_delete(write, LEDGER_EVERYTHING, "zhang", 5, "错登", error));
  good(authority_delete(write, "admin", person, error));
  sql_end(g_steal_pointer(&write));
  fixture_close(&f);
  g_unsetenv("LANTAI_NOW");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/duties/periods", test_periods);
  g_test_add_func("/ledger/duties/duties", test_duties);
  g_test_add_func("/ledger/duties/midnight", test_midnight);
  g_test_add_func("/ledger/duties/again", test_again);
  g_test_add_func("/ledger/duties/owed", test_owed);
  return g_test_run();
}
