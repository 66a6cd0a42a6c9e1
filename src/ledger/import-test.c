/* Spreadsheets: rehearsal, rows that cannot be understood, the same again, child rows; and out again. */
#include "format.h"
#include "test-fixture.h"

static json_t *import(Sheet *s, const char *ledger, const char *text, gboolean rehearse, GError **ret_error) {
  good(g_file_set_contents(s->path, text, -1, error));
  return ledger_import(&s->f.house, LEDGER_EVERYTHING, "wang", ledger_find(ledger), s->path, rehearse, ret_error);
}

static gint64 entries(Sheet *s) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry", SQL_NONE, 0, error));
}
static gint64 events(Sheet *s) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return good(sql_number(sql, "SELECT COUNT(*) AS n FROM event", SQL_NONE, 0, error));
}

#define SHEET \
  "编号,标题,日期,期号,采用,主题词,批示.批示人,批示.级别,备忘\n" \
  ",第一则,2023-05-12,1,是,档案、方志,甲,市,随便\n" \
  ",,,,,,乙,省,\n" \
  "XX2023-07,第二则,2023年6月1日,2,否,,,,\n" \
  ",第三则,2023-07-01,,,,,,\n"

static void test_rehearse(void) {
  Sheet s;
  sheet_open(&s);
  json_auto_t *trial = good(import(&s, "信息", SHEET, TRUE, error));
  g_assert_cmpint(int_at(trial, "created"), ==, 3);
  g_assert_cmpint(int_at(trial, "rows"), ==, 3);
  g_assert_cmpint(int_at(trial, "problem_count"), ==, 0);
  json_t *last = json_array_get(json_object_get(trial, "columns"), 8);
  g_assert_true(json_is_null(json_object_get(last, "field")));
  g_assert_cmpint(entries(&s), ==, 0);
  g_assert_cmpint(events(&s), ==, 1); /* the definitions */
  json_auto_t *real = good(import(&s, "信息", SHEET, FALSE, error));
  g_assert_cmpint(int_at(real, "created"), ==, 3);
  json_auto_t *first = entry_of(&s.f, 1);
  json_t *rows = json_object_get(json_object_get(first, "values"), "批示");
  g_assert_cmpuint(json_array_size(rows), ==, 2);
  g_assert_cmpstr(text_at(json_array_get(rows, 1), "批示人"), ==, "乙");
  gint64 before = events(&s);
  json_auto_t *again = good(import(&s, "信息", SHEET, FALSE, error));
  g_assert_cmpint(int_at(again, "same"), ==, 3);
  g_assert_cmpint(int_at(again, "created") + int_at(again, "changed"), ==, 0);
  g_assert_cmpint(events(&s), ==, before);
  json_auto_t *changed = good(import(&s, "信息", "编号,期号\nXX2023-07,9\n", FALSE, error));
  g_assert_cmpint(int_at(changed, "changed"), ==, 1);
  json_auto_t *second = entry_of(&s.f, 2);
  g_assert_cmpstr(text_at(second, "title"), ==, "第二则");
  g_assert_cmpint(int_at(json_object_get(second, "values"), "期号"), ==, 9);
  assert_rebuilds(&s.f);
  sheet_close(&s);
}

static void test_wrong(void) {
  Sheet s;
  sheet_open(&s);
  static const char sheet[] = "标题,日期,期号,刊物\n好的,2023-05-12,1,参阅\n,2023-05-13,2,参阅\n坏的,某日,很多,报纸\n也好,2023-05-14,3,简报\n";
  json_auto_t *trial = good(import(&s, "信息", sheet, TRUE, error));
  json_t *problems = json_object_get(trial, "problems");
  g_assert_cmpuint(json_array_size(problems), ==, 3);
  g_assert_cmpint(int_at(json_array_get(problems, 0), "row"), ==, 3);
  g_assert_cmpint(int_at(json_array_get(problems, 1), "row"), ==, 4);
  g_assert_cmpuint(json_array_size(json_object_get(json_array_get(problems, 1), "problems")), ==, 3); /* each field of the row */
  g_assert_true(g_str_has_prefix(json_string_value(json_array_get(json_object_get(json_array_get(problems, 1), "problems"), 0)), "日期："));
  g_autoptr(GError) local = NULL;
  g_assert_null(import(&s, "信息", sheet, FALSE, &local));
  g_assert_error(local, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(local->message, "第 3 行"));
  g_assert_cmpint(entries(&s), ==, 0);
  g_clear_error(&local);
  g_assert_null(import(&s, "信息", "甲,乙\n1,2\n", TRUE, &local));
  g_assert_nonnull(strstr(local->message, "没有一个台账“信息”的栏目名"));
  g_clear_error(&local);
  g_assert_null(import(&s, "信息", "批示.批示人\n甲\n", FALSE, &local));
  g_assert_nonnull(strstr(local->message, "所属的条目"));
  sheet_close(&s);
}

static void test_states(void) {
  Sheet s;
  sheet_open(&s);
  json_auto_t *done = good(import(&s, "问题", "标题,日期,来源,状态\n旧的,2023-05-12,巡察,已销号\n新的,2023-05-12,巡察,登记\n", FALSE, error));
  g_assert_cmpint(int_at(done, "created"), ==, 2);
  json_auto_t *old = entry_of(&s.f, 1);
  g_assert_cmpstr(text_at(old, "state"), ==, "已销号");
  g_assert_cmpuint(json_array_size(json_object_get(old, "states")), ==, 2);
  g_autoptr(GError) local = NULL;
  g_assert_null(import(&s, "问题", "编号,状态\nWT2023-002,已销号\n", FALSE, &local)); /* not around the moves */
  g_assert_nonnull(strstr(local->message, "须办理流转"));
  json_auto_t *dated = good(import(&s, "花名册", "标题,日期,职级\n甲,2020-01-01,科员（2020-01-01起）；科长（2021-03-01起）\n", FALSE, error));
  g_assert_cmpint(int_at(dated, "created"), ==, 1);
  json_auto_t *person = entry_of(&s.f, 3);
  g_assert_cmpuint(json_array_size(json_object_get(json_object_get(person, "values"), "职级")), ==, 2);
  assert_rebuilds(&s.f);
  sheet_close(&s);
}

/* Out and in again changes nothing, whether entries have numbers or not; compared: what became of a list. */
static void test_out(void) {
  Sheet s;
  sheet_open(&s);
  put(&s.f, "{ledger: 信息, title: \"引号\\\"和，逗号\", date: 2023-05-01/2023-05-12, values: {期号: 3.5, 采用: 是, 主题词: [甲, 乙], 批示: [{批示人: 甲, 级别: 市}, {批示人: 乙}]}}");
  put(&s.f, "{ledger: 花名册, title: 甲, date: 2020-01-01, values: {职级: [[科员, 2020-01-01], [科长, 2021-03-01]], 工资: 5000}}");
  put(&s.f, "{ledger: 问题, title: 漏水, date: 2023-05-12, due: 2023-12-31, owner: 王, values: {来源: 调研}}");
  put(&s.f, "{ledger: 措施, title: 修, values: {所属问题: 漏水}}");
  static const char *const ledgers[] = {"信息", "花名册", "问题", "措施"};
  gint64 before = events(&s);
  for (guint i = 0; i < G_N_ELEMENTS(ledgers) * 2; i++) {
    g_autofree char *path = g_build_filename(s.dir, i % 2 == 0 ? "out.csv" : "out.xlsx", NULL);
    LedgerAsk ask = {.definition = ledger_find(ledgers[i / 2])};
    good(ledger_export(&s.f.house, LEDGER_EVERYTHING, &ask, path, error));
    json_auto_t *result = good(ledger_import(&s.f.house, LEDGER_EVERYTHING, "wang", ask.definition, path, FALSE, error));
    g_assert_cmpint(int_at(result, "same"), ==, 1);
    g_assert_cmpint(int_at(result, "rows"), ==, 1);
    g_remove(path);
  }
  g_assert_cmpint(events(&s), ==, before);
  g_autoptr(Person) clerk = fixture_person(&s.f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autofree char *path = g_build_filename(s.dir, "his.csv", NULL), *text = NULL;
  LedgerAsk ask = {.definition = ledger_find("花名册")};
  good(ledger_export(&s.f.house, (Asker){clerk, FALSE}, &ask, path, error));
  good(g_file_get_contents(path, &text, NULL, error));
  g_assert_null(strstr(text, "工资")); /* neither the field nor others' rows */
  g_assert_null(strstr(text, "甲"));
  g_remove(path);
  sheet_close(&s);
}

static void test_compare(void) {
  g_setenv("LANTAI_NOW", "2026-03-01T04:00:00Z", TRUE);
  Sheet s;
  sheet_open(&s);
  put(&s.f, "{ledger: 问题, title: 会办完, date: 2026-02-01, values: {来源: 调研}}");
  gint64 changed = put(&s.f, "{ledger: 问题, title: 会改, date: 2026-02-01, values: {来源: 调研}}");
  gint64 gone = put(&s.f, "{ledger: 问题, title: 会删, date: 2026-02-01, values: {来源: 调研}}");
  put(&s.f, "{ledger: 问题, title: 不变, date: 2026-02-01, values: {来源: 调研}}");
  g_setenv("LANTAI_NOW", "2026-03-20T04:00:00Z", TRUE);
  put(&s.f, "{ledger: 问题, title: 新的, date: 2026-03-19, values: {来源: 巡察}}");
  g_autofree char *change = g_strdup_printf("{id: %d, due: 2026-12-31}", (int)changed);
  put(&s.f, change);
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  good(ledger_entry_delete(sql, LEDGER_EVERYTHING, "wang", gone, "重复", error));
  static const char *const steps[] = {"整改中", "待核验", "已销号"};
  json_auto_t *fill = yaml("{id: 1, owner: 王, due: 2026-06-01, values: {成效: 好}}");
  good(ledger_entry_put(sql, LEDGER_EVERYTHING, "wang", fill, 0, error));
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
    good(ledger_entry_move(sql, LEDGER_EVERYTHING, i == 2 ? "li" : "wang", 1, steps[i], 0, NULL, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  g_autoptr(Sql) read = good(sql_read(s.f.db, error));
  LedgerAsk ask = {.definition = ledger_find("问题")};
  json_auto_t *rows = good(ledger_compare(&s.f.house, read, LEDGER_EVERYTHING, &ask, 20260301, 20260320, error)), *what = json_object();
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) json_object_set(what, text_at(row, "title"), json_object_get(row, "what"));
  g_assert_cmpuint(json_array_size(rows), ==, 4);
  g_assert_cmpstr(text_at(what, "会办完"), ==, "closed");
  g_assert_cmpstr(text_at(what, "会改"), ==, "changed");
  g_assert_cmpstr(text_at(what, "会删"), ==, "removed");
  g_assert_cmpstr(text_at(what, "新的"), ==, "added");
  fails(ledger_compare(&s.f.house, read, LEDGER_EVERYTHING, &ask, 20260320, 20260301, error) != NULL, LANTAI_ERROR_INVALID);
  sql_end(g_steal_pointer(&read));
  sheet_close(&s);
  g_unsetenv("LANTAI_NOW");
}

/* ---- taken back, broken off ---- */

static json_t *undo(Sheet *s, gint64 batch) {
  json_t *result = NULL;
  good(ledger_import_undo(&s->f.house, "wang", batch, &result, error));
  return result;
}

static gint64 live(Sheet *s) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE deleted = 0", SQL_NONE, 0, error));
}

/* New ones go, changed ones say what they said, what changed since stays and is named; the sheet told anew brings the same numbers again. */
static void test_undo(void) {
  Sheet s;
  sheet_open(&s);
  put(&s.f, "{ledger: 信息, number: XX2023-90, title: 原来, date: 2023-01-01, values: {期号: 1}}");
  static const char sheet[] = "编号,标题,日期,期号\nXX2023-90,原来,2023-01-01,2\nXX2023-07,第二则,2023-06-01,3\n,第三则,2023-07-01,4\nXX2023-09,第四则,2023-07-01,5\n";
  json_auto_t *made = good(import(&s, "信息", sheet, FALSE, error));
  g_assert_cmpint(int_at(made, "created"), ==, 3);
  g_assert_cmpint(int_at(made, "changed"), ==, 1);
  put(&s.f, "{id: 4, values: {期号: 50}}");
  json_auto_t *back = undo(&s, int_at(made, "batch"));
  json_t *kept = json_object_get(back, "kept");
  g_assert_cmpint(int_at(back, "undone"), ==, 3);
  g_assert_cmpuint(json_array_size(kept), ==, 1);
  g_assert_cmpstr(text_at(json_array_get(kept, 0), "title"), ==, "第四则");
  g_assert_nonnull(strstr(text_at(json_array_get(kept, 0), "problem"), "又改过"));
  g_assert_cmpint(live(&s), ==, 2);
  json_auto_t *first = entry_of(&s.f, 1);
  g_assert_cmpint(int_at(json_object_get(first, "values"), "期号"), ==, 1);
  fails(ledger_import_undo(&s.f.house, "wang", int_at(made, "batch"), NULL, error), LANTAI_ERROR_CONFLICT);
  json_auto_t *again = good(import(&s, "信息", "编号,标题,日期,期号\nXX2023-07,第二则改,2023-06-01,\n,第三则,2023-07-01,4\n", FALSE, error));
  g_assert_cmpint(int_at(again, "created"), ==, 2);
  json_auto_t *second = entry_of(&s.f, 2);
  g_assert_cmpstr(text_at(second, "title"), ==, "第二则改");
  g_assert_null(json_object_get(json_object_get(second, "values"), "期号"));
  g_assert_cmpint(live(&s), ==, 4);
  json_auto_t *twice = undo(&s, int_at(again, "batch"));
  g_assert_cmpint(int_at(twice, "undone"), ==, 2);
  g_assert_cmpint(live(&s), ==, 2);
  assert_rebuilds(&s.f);
  sheet_close(&s);
}

/* After each slice it may end; the same command goes on with what is left, nothing is made twice, and it is taken back as one. */
static void test_broken_off(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(GString) sheet = g_string_new("标题,日期,期号\n");
  for (int i = 1; i <= 450; i++) g_string_append_printf(sheet, "第%d则,2023-05-12,%d\n", i, i);
  g_setenv("LANTAI_FAULT", "ledger.batch:2:error", TRUE);
  g_autoptr(GError) local = NULL;
  g_assert_null(import(&s, "信息", sheet->str, FALSE, &local));
  g_unsetenv("LANTAI_FAULT");
  gint64 half = live(&s);
  g_assert_cmpint(half, >, 0);
  g_assert_cmpint(half, <, 450);
  json_auto_t *rest = good(import(&s, "信息", sheet->str, FALSE, error));
  g_assert_cmpint(int_at(rest, "created"), ==, 450);
  g_assert_cmpint(live(&s), ==, 450);
  g_autoptr(Sql) sql = good(sql_read(s.f.db, error));
  gint64 told = good(sql_number(sql, "SELECT MAX(json_array_length(data, '$.entries')) AS n FROM event WHERE action = 'ledger.put'", SQL_NONE, 0, error));
  g_assert_cmpint(told, <=, LEDGER_BATCH);
  sql_end(g_steal_pointer(&sql));
  json_auto_t *back = undo(&s, int_at(rest, "batch"));
  g_assert_cmpint(int_at(back, "undone"), ==, 450);
  g_assert_cmpint(live(&s), ==, 0);
  sheet_close(&s);
}

/* What the rehearsal says of numbers and of rows that meet or name each other in one sheet is what happens. */
static void test_among_rows(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  json_auto_t *tree = yaml("{name: 机构树, number: \"JG-{serial:2}\", date_required: false, fields: [{name: 上级, type: entry, ledger: 机构树}]}");
  good(ledger_define(sql, "wang", tree, error) != 0);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *trial = good(import(&s, "机构树", "编号,标题,上级\nJG-02,总会,\n,分会,总会\n,小组,JG-03\n", TRUE, error));
  g_assert_cmpint(int_at(trial, "problem_count"), ==, 0);
  json_t *entries = json_object_get(trial, "entries");
  g_assert_cmpstr(text_at(json_array_get(entries, 1), "number"), ==, "JG-03");
  json_auto_t *made = good(import(&s, "机构树", "编号,标题,上级\nJG-02,总会,\n,分会,总会\n,小组,JG-03\n", FALSE, error));
  g_assert_cmpint(int_at(made, "created"), ==, 3);
  json_auto_t *third = entry_of(&s.f, 3);
  g_assert_cmpstr(text_at(third, "number"), ==, "JG-04");
  g_assert_cmpint(int_at(json_object_get(third, "values"), "上级"), ==, 2);
  json_auto_t *twice = good(import(&s, "机构树", "编号,标题\nJG-09,甲\nJG-09,乙\nJG-02,总会改\nJG-02,总会再改\n", TRUE, error));
  json_t *problems = json_object_get(twice, "problems");
  g_assert_cmpuint(json_array_size(problems), ==, 2);
  g_assert_cmpint(int_at(json_array_get(problems, 0), "row"), ==, 3);
  g_assert_cmpint(int_at(json_array_get(problems, 1), "row"), ==, 5);
  json_auto_t *back = undo(&s, int_at(made, "batch")); /* from the last row, so that none is named by another */
  g_assert_cmpint(int_at(back, "undone"), ==, 3);
  sheet_close(&s);
}

/* A text that a spreadsheet would run is written so that it does not, and comes back as it was; numbers below zero stay numbers. */
static void test_formulas(void) {
  static const struct { const char *title, *cell; } cases[] = {{"=1+1", "'=1+1"}, {"+86 10", "'+86 10"}, {"-甲", "'-甲"}, {"@SUM(A1)", "'@SUM(A1)"}, {"'=1", "''=1"},
    {"-5", "-5"}, {"'甲'", "'甲'"}, {"=HYPERLINK(\\\"http://x\\\",1)", "\"'=HYPERLINK(\"\"http://x\"\",1)\""}};
  Sheet s;
  sheet_open(&s);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *entry = g_strdup_printf("{ledger: 信息, date: 2023-05-%02u, title: \"%s\"}", i + 1, cases[i].title);
    put(&s.f, entry);
  }
  LedgerAsk ask = {.definition = ledger_find("信息"), .sort = "日期"};
  g_autofree char *text = NULL;
  good(ledger_export(&s.f.house, LEDGER_EVERYTHING, &ask, s.path, error));
  good(g_file_get_contents(s.path, &text, NULL, error));
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *cell = g_strdup_printf(",%s,", cases[i].cell);
    if (strstr(text, cell) == NULL) g_error("%s is not in %s", cell, text);
  }
  json_auto_t *again = good(import(&s, "信息", text, TRUE, error));
  g_assert_cmpint(int_at(again, "same"), ==, G_N_ELEMENTS(cases));
  sheet_close(&s);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/import/rehearse", test_rehearse);
  g_test_add_func("/ledger/import/wrong", test_wrong);
  g_test_add_func("/ledger/import/states", test_states);
  g_test_add_func("/ledger/import/out", test_out);
  g_test_add_func("/ledger/import/compare", test_compare);
  g_test_add_func("/ledger/import/undo", test_undo);
  g_test_add_func("/ledger/import/broken-off", test_broken_off);
  g_test_add_func("/ledger/import/among-rows", test_among_rows);
  g_test_add_func("/ledger/import/formulas", test_formulas);
  return g_test_run();
}
