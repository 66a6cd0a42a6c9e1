/* Changes of state, what was before, who sees what, evidence. */
#include "content.h"
#include "test-fixture.h"
#include <glib/gstdio.h>
#include <unistd.h>

#define PROBLEM "{ledger: 问题, title: 库房漏水, date: 2023-05-12, values: {来源: 调研}}"

static gboolean move(Fixture *f, Person *person, gint64 id, const char *to, const char *note, GError **ret_error) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  return ledger_entry_move(sql, (Asker){person, FALSE}, people_name(person), id, to, 0, note, ret_error) && sql_commit(sql, ret_error);
}

static void fill(Fixture *f, gint64 id, const char *values) {
  g_autofree char *text = g_strdup_printf("{id: %d, %s}", (int)id, values);
  put(f, text);
}

static void test_loop(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Person) clerk = fixture_person(&f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autoptr(Person) other = fixture_person(&f, "li", "李核验", "describer", SECURITY_SECRET);
  gint64 id = put(&f, PROBLEM);
  g_autoptr(GError) local = NULL;
  g_assert_false(move(&f, clerk, id, "整改中", NULL, &local)); /* what is needed is not there */
  g_assert_nonnull(strstr(local->message, "责任人、截止"));
  g_clear_error(&local);
  fails(move(&f, clerk, id, "已销号", NULL, error), LANTAI_ERROR_CONFLICT); /* not along the definition */
  fails(move(&f, clerk, id, "没有", NULL, error), LANTAI_ERROR_INVALID);
  fill(&f, id, "owner: 王档案, due: 2023-12-31");
  fails(move(&f, other, id, "整改中", NULL, error), LANTAI_ERROR_DENIED); /* the move's roles */
  good(move(&f, clerk, id, "整改中", NULL, error));
  fails(move(&f, clerk, id, "整改中", NULL, error), LANTAI_ERROR_CONFLICT); /* pressed twice, or by two at once: it is made once */
  json_auto_t *once = entry_of(&f, id);
  g_assert_cmpuint(json_array_size(json_object_get(once, "states")), ==, 2);
  fails(move(&f, clerk, id, "待核验", NULL, error), LANTAI_ERROR_INVALID); /* evidence */
  fill(&f, id, "values: {成效: 屋顶已修}");
  good(move(&f, clerk, id, "待核验", NULL, error));
  fails(move(&f, clerk, id, "已销号", NULL, error), LANTAI_ERROR_DENIED); /* by another person */
  fails(move(&f, other, id, "整改中", "  ", error), LANTAI_ERROR_INVALID); /* a reason */
  json_auto_t *waiting = entry_of(&f, id);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *his = good(ledger_entry_moves(sql, (Asker){clerk, FALSE}, "wang", waiting, error));
  json_auto_t *hers = good(ledger_entry_moves(sql, (Asker){other, FALSE}, "li", waiting, error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(json_array_size(his), ==, 1);
  g_assert_cmpuint(json_array_size(hers), ==, 2);
  good(move(&f, other, id, "已销号", NULL, error));
  json_auto_t *closed = entry_of(&f, id);
  g_assert_true(json_is_true(json_object_get(closed, "closed")));
  g_assert_cmpuint(json_array_size(json_object_get(closed, "states")), ==, 4);
  int day = date_today();
  g_autofree char *today = g_strdup_printf("%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
  g_assert_cmpstr(text_at(json_object_get(closed, "values"), "销号日期"), ==, today);
  assert_refused(&f, "{id: 1, state: 登记}", LANTAI_ERROR_INVALID, "须办理流转");
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_days(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, "{ledger: 问题, title: 旧账, date: 2023-05-12, values: {来源: 巡察, 成效: 已补, 销号日期: 2023-09-01}, "
    "states: [[已销号, 2023-09-01], [登记, 2023-05-12], [整改中, \"2023-06-01\"]]}");
  json_auto_t *entry = entry_of(&f, id);
  g_assert_cmpstr(text_at(entry, "state"), ==, "已销号");
  g_assert_cmpint(json_integer_value(json_array_get(json_array_get(json_object_get(entry, "states"), 1), 1)), ==, 20230601);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  fails(ledger_entry_move(sql, LEDGER_EVERYTHING, "wang", id, "整改中", 20230801, "反弹", error), LANTAI_ERROR_INVALID); /* before the state before */
  fails(ledger_entry_move(sql, LEDGER_EVERYTHING, "wang", id, "整改中", 29990101, "反弹", error), LANTAI_ERROR_INVALID);
  good(ledger_entry_move(sql, LEDGER_EVERYTHING, "wang", id, "整改中", 20231001, "反弹", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *again = entry_of(&f, id); /* what came back is not closed by the old result */
  g_assert_null(json_object_get(json_object_get(again, "values"), "成效"));
  g_assert_null(json_object_get(json_object_get(again, "values"), "销号日期"));
  assert_refused(&f, "{ledger: 问题, title: 旧账, date: 2023-05-12, values: {来源: 巡察}, states: [[销号, 2023-09-01]]}", LANTAI_ERROR_INVALID, "没有状态“销号”");
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_history(void) {
  Fixture f;
  fixture_open(&f);
  gint64 id = put(&f, PROBLEM);
  json_auto_t *first = entry_of(&f, id);
  fill(&f, id, "title: 库房渗水, due: 2023-12-31, values: {来源: 巡察, 成效: 一些}");
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  json_auto_t *history = good(ledger_entry_history(sql, LEDGER_EVERYTHING, id, 0, 100, error));
  g_assert_cmpuint(json_array_size(history), ==, 2);
  json_t *changes = json_object_get(json_array_get(history, 0), "changes"), *row;
  g_assert_cmpuint(json_array_size(changes), ==, 4);
  size_t i;
  gboolean seen = FALSE;
  json_array_foreach(changes, i, row) {
    if (!g_str_equal(text_at(row, "field"), "截止")) continue;
    g_assert_cmpstr(text_at(row, "to"), ==, "2023-12-31");
    seen = TRUE;
  }
  g_assert_true(seen);
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "zhang", id, "重复", error));
  json_auto_t *change = json_pack("{s:I, s:s}", "id", (json_int_t)id, "title", "改");
  fails(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", change, 0, error), LANTAI_ERROR_CONFLICT);
  good(ledger_entry_restore(sql, LEDGER_EVERYTHING, "zhang", id, int_at(first, "rev"), error));
  fails(ledger_entry_restore(sql, LEDGER_EVERYTHING, "zhang", id, 999, error), LANTAI_ERROR_NOT_FOUND);
  json_auto_t *back = good(entry_load_any(sql, id, error));
  g_assert_cmpstr(text_at(back, "title"), ==, "库房漏水");
  g_assert_cmpint(int_at(back, "due"), ==, 0);
  g_assert_false(json_is_true(json_object_get(back, "deleted")));
  fails(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhang", change, int_at(first, "rev"), error), LANTAI_ERROR_CONFLICT); /* changed meanwhile */
  good(ledger_entry_comment(sql, LEDGER_EVERYTHING, "li", id, "  请尽快  ", error));
  fails(ledger_entry_comment(sql, LEDGER_EVERYTHING, "li", id, " ", error), LANTAI_ERROR_INVALID);
  json_auto_t *comments = good(ledger_entry_comments(sql, LEDGER_EVERYTHING, id, 0, 10, error));
  json_auto_t *last = good(ledger_entry_comments(sql, LEDGER_EVERYTHING, id, 0, 1, error));
  json_t *newest = json_array_get(comments, json_array_size(comments) - 1);
  json_auto_t *none = good(ledger_entry_comments(sql, LEDGER_EVERYTHING, id, int_at(json_array_get(comments, 0), "id"), 10, error));
  g_assert_true(json_equal(json_array_get(last, 0), newest));
  g_assert_cmpuint(json_array_size(none), ==, 0);
  g_assert_cmpstr(text_at(json_array_get(comments, 0), "text"), ==, "请尽快");
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  fixture_close(&f);
}

static void test_history_gate(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Person) clerk = fixture_person(&f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autoptr(Person) director = fixture_person(&f, "zhao", "赵馆长", "director", SECURITY_SECRET);
  gint64 id = put_as(&f, "wang", "{ledger: 花名册, date: 2020-01-01, title: 王, values: {家属: [{姓名: 吴, 电话: 13700002222}]}}");
  g_autofree char *change = g_strdup_printf("{id: %d, values: {家属: [{姓名: 吴, 电话: 13700003333}, {姓名: 郑, 电话: 1}]}}", (int)id);
  put_as(&f, "wang", change);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *seen = good(ledger_entry_history(sql, (Asker){clerk, FALSE}, id, 0, 100, error));
  json_auto_t *all = good(ledger_entry_history(sql, (Asker){director, FALSE}, id, 0, 100, error));
  g_autofree char *part = json_dumps(seen, 0), *whole = json_dumps(all, 0);
  g_assert_nonnull(strstr(whole, "13700003333"));
  g_assert_nonnull(strstr(whole, "\"吴 13700003333；郑 1\"")); /* a row as its table reads */
  g_assert_null(strstr(part, "1370000"));
  g_assert_nonnull(strstr(part, "郑"));
  const LedgerField *rows = ledger_field(ledger_find("花名册"), "家属");
  g_assert_false(ledger_may_write_field(rows, (Asker){clerk, FALSE})); /* he would write them back without what he does not see */
  g_assert_true(ledger_may_write_field(rows, (Asker){director, FALSE}));
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static gboolean sees(Fixture *f, Person *person, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *entry = ledger_entry_load(sql, (Asker){person, FALSE}, id, NULL);
  return entry != NULL;
}

static void test_gate(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Person) clerk = fixture_person(&f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autoptr(Person) other = fixture_person(&f, "li", "李著录", "describer", SECURITY_INTERNAL);
  g_autoptr(Person) director = fixture_person(&f, "zhao", "赵馆长", "director", SECURITY_SECRET);
  g_autoptr(Person) reader = fixture_person(&f, "du", "读者", "reader", SECURITY_PUBLIC);
  gint64 open = put(&f, PROBLEM);
  gint64 secret = put(&f, "{ledger: 问题, title: 密, date: 2023-05-12, secrecy: 秘密, values: {来源: 调研}}");
  g_assert_true(sees(&f, clerk, open) && sees(&f, other, open) && sees(&f, director, open));
  g_assert_false(sees(&f, reader, open) || sees(&f, NULL, open)); /* without ledger.read */
  g_assert_true(sees(&f, clerk, secret) && !sees(&f, other, secret)); /* secrecy */
  gint64 made = put_as(&f, "wang", "{ledger: 花名册, title: 甲, date: 2020-01-01, values: {工资: 5000}}");
  gint64 owned = put(&f, "{ledger: 花名册, title: 乙, date: 2020-01-01, owner: 李著录, values: {工资: 6000}}");
  g_assert_true(sees(&f, clerk, made) && !sees(&f, clerk, owned)); /* rows: own */
  g_assert_true(!sees(&f, other, made) && sees(&f, other, owned));
  g_assert_true(sees(&f, director, made) && sees(&f, director, owned)); /* all */
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *his = good(ledger_entry_load(sql, (Asker){clerk, FALSE}, made, error));
  json_auto_t *whole = good(ledger_entry_load(sql, (Asker){director, FALSE}, made, error));
  g_assert_null(json_object_get(json_object_get(his, "values"), "工资")); /* a field */
  g_assert_nonnull(json_object_get(json_object_get(whole, "values"), "工资"));
  sql_end(g_steal_pointer(&sql));
  g_autofree char *change = g_strdup_printf("{id: %d, values: {工资: 5500}}", (int)made);
  put_as(&f, "zhao", change);
  g_autoptr(Sql) again = good(sql_read(f.db, error));
  json_auto_t *history = good(ledger_entry_history(again, (Asker){clerk, FALSE}, made, 0, 100, error));
  g_assert_cmpuint(json_array_size(json_object_get(json_array_get(history, 0), "changes")), ==, 0);
  g_assert_null(ledger_entry_history(again, (Asker){other, FALSE}, made, 0, 100, NULL));
  sql_end(g_steal_pointer(&again));
  fixture_close(&f);
}

static GError *refused(Fixture *f, Person *person, const char *text) {
  json_auto_t *entry = yaml(text);
  GError *failure = NULL;
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  g_assert_cmpint(ledger_entry_put(sql, (Asker){person, FALSE}, people_name(person), entry, 0, &failure), ==, 0);
  return failure;
}

/* Whoever writes is asked inside, whichever page he comes from; what he does not see stays as it was. */
static void test_put_gate(void) {
  Fixture f;
  fixture_open(&f);
  g_autoptr(Person) clerk = fixture_person(&f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autoptr(Person) low = fixture_person(&f, "li", "李著录", "describer", SECURITY_INTERNAL);
  g_autoptr(Person) reader = fixture_person(&f, "du", "读者", "reader", SECURITY_PUBLIC);
  gint64 secret = put(&f, "{ledger: 问题, title: 密, date: 2023-05-12, secrecy: 秘密, values: {来源: 调研}}");
  gint64 own = put_as(&f, "wang", "{ledger: 花名册, title: 甲, date: 2020-01-01, values: {工资: 5000, 家属: [{姓名: 吴, 电话: 13700002222}]}}");
  g_autofree char *touch = g_strdup_printf("{id: %d, title: 改了}", (int)secret), *pay = g_strdup_printf("{id: %d, values: {工资: 9000}}", (int)own);
  g_autofree char *family = g_strdup_printf("{id: %d, values: {家属: [{姓名: 郑}]}}", (int)own);
  const struct { Person *person; const char *text; int code; } cases[] = {{low, touch, LANTAI_ERROR_NOT_FOUND}, {reader, touch, LANTAI_ERROR_NOT_FOUND},
    {reader, PROBLEM, LANTAI_ERROR_DENIED}, {clerk, pay, LANTAI_ERROR_DENIED}, {clerk, family, LANTAI_ERROR_DENIED},
    {clerk, "{ledger: 花名册, title: 丙, date: 2020-01-01, values: {工资: 1}}", LANTAI_ERROR_DENIED}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) failure = refused(&f, cases[i].person, cases[i].text);
    g_assert_error(failure, LANTAI_ERROR, cases[i].code);
  }
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  Asker asker = {clerk, FALSE}, other = {low, FALSE};
  json_auto_t *seen = good(ledger_entry_load(sql, asker, own, error)); /* as a form gives it back: without what he does not see */
  json_object_set_new(seen, "title", json_string("甲某"));
  good(ledger_entry_put(sql, asker, "wang", seen, 0, error));
  json_auto_t *whole = good(entry_load_any(sql, own, error));
  json_t *values = json_object_get(whole, "values");
  g_assert_cmpstr(text_at(whole, "title"), ==, "甲某");
  g_assert_cmpint(int_at(values, "工资"), ==, 5000);
  g_assert_cmpstr(text_at(json_array_get(json_object_get(values, "家属"), 0), "电话"), ==, "13700002222");
  fails(ledger_entry_delete(sql, other, "li", secret, "", error), LANTAI_ERROR_NOT_FOUND);
  fails(ledger_entry_comment(sql, other, "li", secret, "看过", error), LANTAI_ERROR_NOT_FOUND);
  fails(ledger_entry_comments(sql, other, secret, 0, 10, error) != NULL, LANTAI_ERROR_NOT_FOUND);
  fails(ledger_entry_detach(sql, other, "li", secret, "a.txt", error), LANTAI_ERROR_NOT_FOUND);
  g_autofree char *raise = g_strdup_printf("{id: %d, values: {工资: 9000}}", (int)own);
  json_auto_t *raised = yaml(raise);
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "zhao", raised, 0, error));
  fails(ledger_entry_restore(sql, asker, "wang", own, int_at(seen, "rev"), error), LANTAI_ERROR_DENIED); /* it would bring the pay back */
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static void test_files(void) {
  Fixture f;
  fixture_open(&f);
  g_autofree char *dir = g_dir_make_tmp("ledger-XXXXXX", NULL), *path = g_build_filename(dir, "a.txt", NULL);
  f.house.content = good(content_open(dir, f.db, error));
  gint64 id = put(&f, PROBLEM);
  good(g_file_set_contents(path, "第一", -1, error));
  good(ledger_entry_attach(&f.house, LEDGER_EVERYTHING, "wang", id, "整改/照片.txt", path, error));
  json_auto_t *first = entry_of(&f, id);
  g_assert_cmpstr(text_at(json_array_get(json_object_get(first, "files"), 0), "name"), ==, "照片.txt");
  good(g_file_set_contents(path, "第二次", -1, error));
  good(ledger_entry_attach(&f.house, LEDGER_EVERYTHING, "wang", id, "照片.txt", path, error));
  json_auto_t *second = entry_of(&f, id);
  g_assert_cmpuint(json_array_size(json_object_get(second, "files")), ==, 1);
  g_autoptr(Sql) sql = good(sql_write(f.db, error));
  gint64 size;
  int fd = ledger_entry_file_open(&f.house, sql, LEDGER_EVERYTHING, id, "照片.txt", &size, NULL);
  g_assert_cmpint(size, ==, (gint64)strlen("第二次"));
  close(fd);
  good(ledger_entry_restore(sql, LEDGER_EVERYTHING, "wang", id, int_at(first, "rev"), error)); /* the bytes of then are there */
  fd = ledger_entry_file_open(&f.house, sql, LEDGER_EVERYTHING, id, "照片.txt", &size, NULL);
  g_assert_cmpint(size, ==, (gint64)strlen("第一"));
  close(fd);
  good(ledger_entry_detach(sql, LEDGER_EVERYTHING, "wang", id, "照片.txt", error));
  fails(ledger_entry_detach(sql, LEDGER_EVERYTHING, "wang", id, "照片.txt", error), LANTAI_ERROR_NOT_FOUND);
  g_assert_cmpint(ledger_entry_file_open(&f.house, sql, LEDGER_EVERYTHING, id, "照片.txt", &size, NULL), ==, -1);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  assert_rebuilds(&f);
  content_close(f.house.content);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/move/loop", test_loop);
  g_test_add_func("/ledger/move/days", test_days);
  g_test_add_func("/ledger/move/history", test_history);
  g_test_add_func("/ledger/history-gate", test_history_gate);
  g_test_add_func("/ledger/move/gate", test_gate);
  g_test_add_func("/ledger/put-gate", test_put_gate);
  g_test_add_func("/ledger/move/files", test_files);
  return g_test_run();
}
