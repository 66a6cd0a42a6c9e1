/* Batches against what happens beside them: restored meanwhile, rights taken meanwhile, broken off at the very end. */
#include "format.h"
#include "test-fixture.h"

static json_t *import(Sheet *s, const char *ledger, const char *text) {
  good(g_file_set_contents(s->path, text, -1, error));
  return good(ledger_import(&s->f.house, LEDGER_EVERYTHING, "wang", ledger_find(ledger), s->path, FALSE, error));
}

/* Planned, not made. */
static gint64 plan(Sheet *s, Asker asker, const char *ledger, const char *text) {
  good(g_file_set_contents(s->path, text, -1, error));
  BatchNew as = {ledger_find(ledger), asker, "wang", "表格导入", "sheet.csv", s->path, ""};
  g_autoptr(Sql) sql = good(sql_write(s->f.db, error));
  gint64 id = good(batch_new(sql, &as, error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  gboolean more;
  good(import_plan(&s->f.house, NULL, id, asker, 0, &more, error));
  return id;
}

static json_t *undo(Sheet *s, gint64 batch) {
  json_t *result = NULL;
  good(ledger_import_undo(&s->f.house, "wang", batch, &result, error));
  return result;
}

static gint64 count(Sheet *s, gint64 id, BatchState state) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return batch_count(sql, id, state);
}

static char *state_of(Sheet *s, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return good(sql_string(sql, "SELECT state FROM ledger_batch WHERE id = $1", SQL_ARGS(sql_int(id)), error));
}

static void exec_text(Sheet *s, const char *statement) {
  g_autoptr(Sql) sql = good(sql_write(s->f.db, error));
  good(sql_exec_literal(sql, statement, SQL_NONE, error));
  good(sql_commit(sql, error));
}

static json_t *first_problem(Sheet *s, gint64 id, BatchState state) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  json_auto_t *rows = good(batch_rows(sql, LEDGER_EVERYTHING, id, state, 0, 10, error));
  return json_incref(json_object_get(json_array_get(rows, 0), "problem"));
}

/* A row that is to bring an entry again leaves it to him who brought it back before, and taking the batch back does not touch it. */
static void test_restored_meanwhile(void) {
  Sheet s;
  sheet_open(&s);
  json_auto_t *made = import(&s, "信息", "编号,标题,日期,期号\nXX2023-07,第一则,2023-06-01,3\n");
  json_auto_t *first = entry_of(&s.f, 1);
  json_auto_t *gone = undo(&s, int_at(made, "batch"));
  gint64 again = plan(&s, LEDGER_EVERYTHING, "信息", "编号,标题,日期,期号\nXX2023-07,第一则,2023-06-01,4\n,第二则,2023-06-01,4\n");
  g_assert_cmpint(count(&s, again, BATCH_WAITING), ==, 2);
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  good(ledger_entry_restore(sql, LEDGER_EVERYTHING, "li", 1, int_at(first, "rev"), error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  put_as(&s.f, "li", "{id: 1, title: 改过的, values: {期号: 70}}");
  good(batch_begin(&s.f.house, again, "wang", FALSE, TRUE, error));
  g_assert_cmpint(count(&s, again, BATCH_MADE), ==, 1);
  g_assert_cmpint(count(&s, again, BATCH_LEFT), ==, 1);
  json_auto_t *problem = first_problem(&s, again, BATCH_LEFT);
  g_assert_cmpstr(json_string_value(problem), ==, "核对以后，这一条又恢复了");
  json_auto_t *back = undo(&s, again);
  g_assert_cmpint(int_at(back, "undone"), ==, 1);
  json_auto_t *entry = entry_of(&s.f, 1);
  g_assert_cmpstr(text_at(entry, "title"), ==, "改过的");
  g_assert_cmpint(int_at(json_object_get(entry, "values"), "期号"), ==, 70);
  g_assert_false(json_is_true(json_object_get(entry, "deleted")));
  assert_rebuilds(&s.f);
  sheet_close(&s);
}

/* An account that is disabled while its rows are written writes no further slice. */
static void test_disabled_meanwhile(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(Person) clerk = fixture_person(&s.f, "wang", "王档案", "archivist", SECURITY_SECRET);
  g_autoptr(GString) sheet = g_string_new("标题,日期\n");
  for (guint i = 0; i < LEDGER_BATCH + 20; i++) g_string_append_printf(sheet, "第%u则,2023-05-12\n", i);
  gint64 id = plan(&s, (Asker){clerk, FALSE}, "信息", sheet->str);
  exec_text(&s, "CREATE TRIGGER stripped AFTER UPDATE ON ledger_batch_row BEGIN UPDATE account SET enabled = 0 WHERE name = 'wang'; END");
  g_autoptr(GError) local = NULL;
  g_assert_false(batch_begin(&s.f.house, id, "wang", FALSE, TRUE, &local));
  g_assert_nonnull(strstr(local->message, "已停用"));
  g_assert_cmpint(count(&s, id, BATCH_MADE), >, 0);
  g_assert_cmpint(count(&s, id, BATCH_WAITING), >=, 20);
  sheet_close(&s);
}

/* It ended before its last, empty slice: the same command finishes it under its number, and it can be taken back. */
static void test_ended_at_the_end(void) {
  static const char sheet[] = "标题,日期,期号\n第一则,2023-06-01,3\n第二则,2023-06-01,4\n";
  Sheet s;
  sheet_open(&s);
  json_auto_t *made = import(&s, "信息", sheet);
  gint64 id = int_at(made, "batch");
  exec_text(&s, "UPDATE ledger_batch SET state = 'running'");
  json_auto_t *again = import(&s, "信息", sheet);
  g_assert_cmpint(int_at(again, "batch"), ==, id);
  g_assert_cmpint(int_at(again, "created"), ==, 2);
  g_autofree char *state = state_of(&s, id);
  g_assert_cmpstr(state, ==, "done");
  good(batch_drop(&s.f.house, id, error)); /* no plan any more */
  json_auto_t *back = undo(&s, id);
  g_assert_cmpint(int_at(back, "undone"), ==, 2);
  sheet_close(&s);
}

static void replay(Sheet *s, const char *data) {
  json_auto_t *event = yaml(data);
  g_autoptr(Sql) sql = good(sql_write(s->f.db, error));
  good(batch_replay(sql, event, error));
  good(sql_commit(sql, error));
}

/* A journal in which a number was used twice: the later batch alone is left. */
static void test_number_twice(void) {
  Sheet s;
  sheet_open(&s);
  replay(&s, "{batch: {id: 5, ledger_id: 3, at: 100, actor: wang, kind: 表格导入, title: 甲, total: 2}, rows: [[1, 2, 11, 0, 21, ''], [2, 3, 12, 0, 22, '']]}");
  replay(&s, "{batch: {id: 5, ledger_id: 3, at: 200, actor: wang, kind: 表格导入, title: 乙, total: 1}, rows: [[1, 2, 31, 7, 41, '']]}");
  g_assert_cmpint(count(&s, 5, BATCH_MADE), ==, 1);
  g_autoptr(Sql) sql = good(sql_read(s.f.db, error));
  json_auto_t *row = good(sql_row_json(sql, "SELECT b.title AS title, r.entry_id AS entry, r.rev_after AS rev FROM ledger_batch AS b JOIN ledger_batch_row AS r "
    "ON r.batch_id = b.id WHERE b.id = 5", SQL_NONE, error));
  g_assert_cmpstr(text_at(row, "title"), ==, "乙");
  g_assert_cmpint(int_at(row, "entry"), ==, 31);
  g_assert_cmpint(int_at(row, "rev"), ==, 41);
  sql_end(g_steal_pointer(&sql));
  sheet_close(&s);
}

/* What a journal of these events alone makes of the batches. New. */
static json_t *batches_anew(Sheet *s) {
  g_autoptr(Sql) sql = good(sql_write(s->f.db, error));
  json_auto_t *events = good(sql_json(sql, "SELECT data FROM event WHERE action = 'ledger.put' ORDER BY id", SQL_NONE, error));
  json_t *event;
  good(sql_exec(sql, "DELETE FROM ledger_batch_row", SQL_NONE, error));
  good(sql_exec(sql, "DELETE FROM ledger_batch", SQL_NONE, error));
  size_t i;
  json_array_foreach(events, i, event) {
    json_auto_t *data = json_loads(text_at(event, "data"), 0, NULL);
    good(batch_replay(sql, data, error));
  }
  return good(sql_json(sql, "SELECT b.state AS batch, r.state AS state, COUNT(*) AS n FROM ledger_batch AS b JOIN ledger_batch_row AS r ON r.batch_id = b.id "
    "GROUP BY b.id, r.state ORDER BY b.id, r.state", SQL_NONE, error)); /* not committed */
}

static void assert_batch(json_t *row, const char *batch, BatchState state, gint64 n) {
  g_assert_cmpstr(text_at(row, "batch"), ==, batch);
  g_assert_cmpint(int_at(row, "state"), ==, state);
  g_assert_cmpint(int_at(row, "n"), ==, n);
}

/* What was commented since stays; a slice that kept everything is told as well, and one that broke off goes on after a rebuild. */
static void test_told(void) {
  Sheet s;
  sheet_open(&s);
  json_auto_t *made = import(&s, "信息", "标题,日期,期号\n第一则,2023-06-01,3\n");
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  good(ledger_entry_comment(sql, LEDGER_EVERYTHING, "li", 1, "这一则待核", error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *back = undo(&s, int_at(made, "batch"));
  g_assert_cmpint(int_at(back, "undone"), ==, 0);
  g_assert_cmpuint(json_array_size(json_object_get(back, "kept")), ==, 1);
  g_assert_nonnull(strstr(text_at(json_array_get(json_object_get(back, "kept"), 0), "problem"), "留了言"));
  json_auto_t *kept = batches_anew(&s);
  g_assert_cmpuint(json_array_size(kept), ==, 1);
  assert_batch(json_array_get(kept, 0), "undone", BATCH_KEPT, 1);
  g_autoptr(GString) sheet = g_string_new("标题,日期\n");
  for (guint i = 0; i < LEDGER_BATCH + 20; i++) g_string_append_printf(sheet, "第%u号,2023-05-12\n", i);
  json_auto_t *many = import(&s, "信息", sheet->str);
  g_setenv("LANTAI_FAULT", "ledger.batch:2:error", TRUE);
  g_autoptr(GError) local = NULL;
  g_assert_false(batch_begin(&s.f.house, int_at(many, "batch"), "wang", TRUE, TRUE, &local));
  g_unsetenv("LANTAI_FAULT");
  gint64 still = count(&s, int_at(many, "batch"), BATCH_MADE);
  g_assert_cmpint(still, >=, 20);
  json_auto_t *half = batches_anew(&s);
  g_assert_cmpuint(json_array_size(half), ==, 3);
  assert_batch(json_array_get(half, 1), "undoing", BATCH_MADE, still);
  assert_batch(json_array_get(half, 2), "undoing", BATCH_UNDONE, LEDGER_BATCH + 20 - still);
  sheet_close(&s);
}

/* Brought back by hand after its batch was taken back, an entry is known again by the sheet that made it. */
static void test_known_again(void) {
  static const char sheet[] = "标题,日期,期号\n第一则,2023-06-01,3\n";
  Sheet s;
  sheet_open(&s);
  json_auto_t *made = import(&s, "信息", sheet), *first = entry_of(&s.f, 1), *back = undo(&s, int_at(made, "batch"));
  g_assert_cmpint(int_at(back, "undone"), ==, 1);
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  good(ledger_entry_restore(sql, LEDGER_EVERYTHING, "li", 1, int_at(first, "rev"), error));
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  json_auto_t *again = import(&s, "信息", sheet);
  g_assert_cmpint(int_at(again, "same"), ==, 1);
  g_assert_cmpint(int_at(again, "created"), ==, 0);
  sheet_close(&s);
}

/* Lines of child rows without end are told once, and no more of them is kept than an entry may have. */
static void test_lines(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(GString) sheet = g_string_new("标题,日期,批示.批示人\n第一则,2023-05-12,甲\n");
  for (guint i = 0; i < ROWS_MAX + 500; i++) g_string_append(sheet, ",,乙\n");
  g_string_append(sheet, "第二则,2023-05-12,甲\n");
  gint64 id = plan(&s, LEDGER_EVERYTHING, "信息", sheet->str);
  g_autoptr(Sql) sql = good(sql_read(s.f.db, error));
  json_auto_t *batch = good(batch_load(sql, id, error));
  json_t *report = json_object_get(batch, "report");
  g_assert_cmpint(int_at(report, "problem_count"), ==, 1);
  g_assert_cmpint(int_at(report, "created"), ==, 1);
  g_assert_nonnull(strstr(json_string_value(json_array_get(json_object_get(json_array_get(json_object_get(report, "problems"), 0), "problems"), 0)), "超过 2 000 行"));
  sql_end(g_steal_pointer(&sql));
  sheet_close(&s);
}

/* A number beyond every serial leaves the numbering as it is. */
static void test_serial(void) {
  Sheet s;
  sheet_open(&s);
  put(&s.f, "{ledger: 信息, number: XX2023-9223372036854775807, title: 远, date: 2023-05-12}");
  gint64 id = put(&s.f, "{ledger: 信息, title: 近, date: 2023-05-12}");
  json_auto_t *entry = entry_of(&s.f, id);
  g_assert_cmpstr(text_at(entry, "number"), ==, "XX2023-01");
  sheet_close(&s);
}

/* A step back leads to the state as it is called now. */
static void test_renamed_state(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(Sql) sql = good(sql_write(s.f.db, error));
  json_auto_t *before = yaml("{name: 流程, fields: [{name: 甲, type: text}], states: [{name: 拟}, {name: 发}], moves: [{from: 拟, to: 发, label: 发出}]}"),
    *after = yaml("{name: 流程, fields: [{name: 甲, type: text}], states: [{name: 起草, was: [拟]}, {name: 发}], moves: [{from: 起草, to: 发, label: 发出}]}"),
    *given = yaml("{ledger: 流程, title: 文, date: 2023-05-12}");
  good(ledger_define(sql, "wang", before, error) != 0);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_write(s.f.db, error));
  gint64 paper = good(ledger_entry_put(sql, LEDGER_EVERYTHING, "wang", given, 0, error));
  json_auto_t *drafted = good(entry_load_any(sql, paper, error));
  good(ledger_entry_move(sql, LEDGER_EVERYTHING, "wang", paper, "发", 0, NULL, error));
  good(ledger_define(sql, "wang", after, error) != 0);
  good(sql_commit(sql, error));
  sql_end(g_steal_pointer(&sql));
  sql = good(sql_write(s.f.db, error));
  good(ledger_entry_take_back(sql, LEDGER_EVERYTHING, "wang", paper, int_at(drafted, "rev"), error));
  json_auto_t *now = good(entry_load_any(sql, paper, error));
  g_assert_cmpstr(text_at(now, "state"), ==, "起草");
  g_assert_cmpuint(json_array_size(json_object_get(now, "states")), ==, 1);
  sql_end(g_steal_pointer(&sql));
  sheet_close(&s);
}

static gint64 rows_of(Sheet *s, gint64 id) {
  g_autoptr(Sql) sql = good(sql_read(s->f.db, error));
  return good(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_batch_row WHERE batch_id = $1", SQL_ARGS(sql_int(id)), 0, error));
}

/* Of one person's plans the newest five stay, and none longer than a day; planning waits for no clearing. */
static void test_plans(void) {
  Sheet s;
  sheet_open(&s);
  g_autoptr(GString) sheet = g_string_new("标题,日期\n");
  for (guint i = 0; i < 1200; i++) g_string_append_printf(sheet, "第%u号,2023-05-12\n", i);
  gint64 first = plan(&s, LEDGER_EVERYTHING, "信息", sheet->str), ids[5];
  for (guint i = 0; i < G_N_ELEMENTS(ids); i++) ids[i] = plan(&s, LEDGER_EVERYTHING, "信息", "标题,日期\n一则,2023-05-12\n");
  g_assert_cmpint(rows_of(&s, first), ==, 1200);
  fails(batch_begin(&s.f.house, first, "wang", FALSE, TRUE, error), LANTAI_ERROR_NOT_FOUND);
  batches_tick(&s.f.house);
  g_assert_cmpint(rows_of(&s, first), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS(ids); i++) g_assert_cmpint(count(&s, ids[i], BATCH_WAITING), ==, 1);
  exec_text(&s, "UPDATE ledger_batch SET at_us = 1 WHERE id = 2");
  g_assert_cmpint(ids[0], ==, 2);
  batches_tick(&s.f.house);
  g_assert_cmpint(rows_of(&s, ids[0]), ==, 0);
  good(batch_begin(&s.f.house, ids[1], "wang", FALSE, TRUE, error));
  g_assert_cmpint(count(&s, ids[1], BATCH_MADE), ==, 1);
  sheet_close(&s);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ledger/batch/restored-meanwhile", test_restored_meanwhile);
  g_test_add_func("/ledger/batch/disabled-meanwhile", test_disabled_meanwhile);
  g_test_add_func("/ledger/batch/ended-at-the-end", test_ended_at_the_end);
  g_test_add_func("/ledger/batch/number-twice", test_number_twice);
  g_test_add_func("/ledger/batch/told", test_told);
  g_test_add_func("/ledger/batch/known-again", test_known_again);
  g_test_add_func("/ledger/batch/lines", test_lines);
  g_test_add_func("/ledger/batch/serial", test_serial);
  g_test_add_func("/ledger/batch/renamed-state", test_renamed_state);
  g_test_add_func("/ledger/batch/plans", test_plans);
  return g_test_run();
}
