/* The life of a delivery: every step that the table has and every one it has not, rounds, reasons, discarding, undoing with a choice. */
#include "accession-test.h"
#include "check.h"

static const char TABLE[] = "档号,题名,责任者,保管期限\nL-1,一,甲,永久\nL-2,二,甲,30年\n";
static const char *const STATES[] = {"", "registered", "received", "checking", "rehearsed", "loading", "attaching", "done", "returned", "discarded", "undoing",
  "undone"};

static void set_state(TestHouse *t, gint64 id, const char *state) {
  g_autoptr(Sql) sql = sql_write(t->house.db, NULL);
  g_assert_true(sql_exec(sql, "UPDATE accession SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(state), sql_int(id)), NULL) && sql_commit(sql, NULL));
}

static gint64 steps_of(TestHouse *t, gint64 id) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return sql_number(sql, "SELECT COUNT(*) AS n FROM accession_step WHERE accession_id = $1", SQL_ARGS(sql_int(id)), -1, NULL);
}

static gboolean move(TestHouse *t, gint64 id, const char *to, const char *note, GError **error) {
  g_autoptr(Sql) sql = sql_write(t->house.db, NULL);
  return life_move(sql, "tester", id, &(LifeStep){to, note, NULL}, error) && sql_commit(sql, error);
}

static void test_transitions(void) {
  TestHouse *t = test_house_new();
  GError *failure = NULL;
  gint64 id = test_announce(t, "tester", "某局", "一次移交", NULL), steps = steps_of(t, id);
  g_assert_no_error(failure);
  for (guint from = 1; from < G_N_ELEMENTS(STATES); from++)
    for (guint to = 1; to < G_N_ELEMENTS(STATES); to++) {
      g_autoptr(GError) error = NULL, silent = NULL;
      set_state(t, id, STATES[from]);
      const LifeTransition *transition = life_find(STATES[from], STATES[to]);
      gboolean good = move(t, id, STATES[to], "原因", &error);
      g_assert_cmpint(good, ==, transition != NULL);
      if (!good) g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
      g_assert_cmpint(steps_of(t, id), ==, steps += good);
      if (transition == NULL || !transition->reason) continue;
      set_state(t, id, STATES[from]);
      g_assert_false(move(t, id, STATES[to], "", &silent));
      g_assert_error(silent, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    }
  g_assert_null(life_find("done", "rehearsed"));
  g_assert_null(life_find("discarded", "received"));
  g_assert_nonnull(life_find("rehearsed", "loading"));
  test_house_remove(t);
}

static void test_rounds(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  json_t *declared = json_pack("{s:i, s:s}", "items", 2, "carrier", "在线"), *items = json_pack("[{s:s, s:s}]", "kind", "row", "text", "第 3 行：题名为空");
  gint64 id = test_announce(t, "body", "某局", "某局二〇二〇年移交", declared);
  g_assert_no_error(error);
  g_autofree char *path = test_write(t, "table.csv", TABLE);
  AccessionSource source = {.path = path, .delivery = id, .body = "别的单位"};
  g_assert_cmpint(test_receive(t, &source), ==, id);
  test_job(t, accession_rehearse, id, &error);
  g_assert_no_error(error);
  g_assert_false(accession_return(&t->house, "clerk", id, "", NULL, &error));
  g_clear_error(&error);
  g_assert_true(accession_return(&t->house, "clerk", id, "请补题名", items, &error));
  g_assert_false(test_job(t, accession_load, id, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_false(test_job(t, accession_rehearse, id, &error)); /* nothing new has come */
  g_clear_error(&error);
  g_assert_cmpint(test_import(t, &source, TRUE), ==, id);
  json_t *report = test_report(t, id);
  g_assert_cmpstr(text_at(report, "state"), ==, "done");
  g_assert_cmpstr(text_at(report, "body"), ==, "某局"); /* whoever sends files does not change whose it is */
  g_assert_cmpstr(text_at(report, "name"), ==, "某局二〇二〇年移交");
  g_assert_cmpint(report_int(report, "round"), ==, 2);
  g_assert_cmpint(report_int(json_object_get(report, "declared"), "items"), ==, 2);
  json_decref(report);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  json_t *steps = life_steps(sql, id, &error), *step;
  static const char *const expected[] = {"registered", "received", "checking", "rehearsed", "returned", "received", "checking", "rehearsed", "loading", "done"};
  g_assert_cmpuint(json_array_size(steps), ==, G_N_ELEMENTS(expected));
  size_t i;
  json_array_foreach(steps, i, step) {
    g_assert_cmpstr(text_at(step, "to"), ==, expected[i]);
    g_assert_cmpint(int_at(step, "round"), ==, i < 5 ? 1 : 2);
  }
  g_assert_cmpstr(text_at(json_array_get(json_object_get(json_array_get(steps, 4), "items"), 0), "text"), ==, "第 3 行：题名为空");
  g_assert_cmpstr(text_at(json_array_get(steps, 4), "actor"), ==, "clerk");
  json_decref(steps);
  json_decref(declared);
  json_decref(items);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

static json_t *check_of(TestHouse *t, gint64 id) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return check_latest(sql, "accession", id, NULL);
}

/* The stage stays over rounds, may be changed until the delivery is accepted, and names the scheme. */
static void test_stage(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  const AccessionSource announced = {.name = "本处归档", .body = "财务处", .stage = "filing"};
  gint64 id = accession_register(&t->house, "office", &announced, &error);
  g_assert_no_error(error);
  g_autofree char *path = test_write(t, "table.csv", TABLE);
  AccessionSource source = {.path = path, .delivery = id}, other = {.path = path, .stage = "preservation"};
  g_assert_cmpint(test_import(t, &source, FALSE), ==, id);
  json_t *check = check_of(t, id), *delivery = delivery_read(&t->house, id, NULL);
  g_assert_cmpstr(text_at(check, "stage"), ==, "filing");
  g_assert_cmpstr(text_at(delivery, "stage"), ==, "filing");
  json_decref(check);
  json_decref(delivery);
  g_assert_cmpint(accession_receive(&t->house, "tester", &other, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_true(accession_set_stage(&t->house, "clerk", id, "filing", &error)); /* nothing changes */
  delivery = delivery_read(&t->house, id, NULL);
  g_assert_true(delivery_is(delivery, "rehearsed"));
  json_decref(delivery);
  g_assert_true(accession_set_stage(&t->house, "clerk", id, "transfer", &error));
  delivery = delivery_read(&t->house, id, NULL);
  g_assert_true(delivery_is(delivery, "received"));
  g_assert_cmpint(int_at(delivery, "check_id"), ==, 0);
  json_decref(delivery);
  test_job(t, accession_rehearse, id, &error);
  test_job(t, accession_load, id, &error);
  g_assert_no_error(error);
  check = check_of(t, id);
  g_assert_cmpstr(text_at(check, "stage"), ==, "transfer");
  json_decref(check);
  g_assert_false(accession_set_stage(&t->house, "clerk", id, "filing", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  test_house_remove(t);
}

/* The item that waits for loading is completed in the stage's own scheme. */
static void test_stage_read_back(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "table.csv", TABLE);
  AccessionSource source = {.path = path, .stage = "filing"};
  gint64 id = test_import(t, &source, TRUE);
  json_t *check = check_of(t, id);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  json_t *report = check_report(sql, int_at(check, "id"), 0, NULL), *item;
  guint found = 0;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item) {
    if (!g_str_equal(text_at(item, "code"), "GD-3-2")) continue;
    g_assert_cmpstr(text_at(item, "state"), ==, "passed");
    g_assert_cmpint(int_at(item, "checked"), ==, 2);
    found++;
  }
  g_assert_cmpuint(found, ==, 1);
  json_decref(report);
  json_decref(check);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

static void set_job(TestHouse *t, gint64 id, const char *state) {
  g_autoptr(Sql) sql = sql_write(t->house.db, NULL);
  g_assert_true(sql_exec(sql, "DELETE FROM job WHERE subject_kind = 'accession' AND subject_id = $1", SQL_ARGS(sql_int(id)), NULL) &&
    sql_exec(sql, "INSERT INTO job (kind, lane, subject_kind, subject_id, parameters, actor, state, created_us) VALUES ('accession.load', 1, 'accession', $1, 'null', "
    "'other', $2, 1)", SQL_ARGS(sql_int(id), sql_text(state)), NULL) && sql_commit(sql, NULL));
}

static gboolean may_accept(TestHouse *t, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return accession_may_accept(sql, id, "让步接收", -1, error);
}

/* While a job waits or works nobody decides; a job that has ended is no hindrance. */
static void test_busy(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "table.csv", TABLE), *zip = test_write(t, "other.zip", "");
  AccessionSource source = {.path = path};
  gint64 id = test_import(t, &source, FALSE), steps = steps_of(t, id);
  static const char *const working[] = {"queued", "running"};
  for (guint i = 0; i < G_N_ELEMENTS(working); i++) {
    g_autoptr(GError) returned = NULL, discarded = NULL, replaced = NULL;
    set_job(t, id, working[i]);
    g_assert_false(accession_return(&t->house, "clerk", id, "原因", NULL, &returned));
    g_assert_error(returned, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    g_assert_false(accession_discard(&t->house, "clerk", id, "原因", &discarded));
    g_assert_error(discarded, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    g_assert_false(accession_replace_documents(&t->house, "clerk", id, zip, &replaced));
    g_assert_error(replaced, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    g_assert_cmpint(steps_of(t, id), ==, steps);
  }
  g_autofree char *folder = delivery_path(&t->house, id, NULL);
  g_assert_true(g_file_test(folder, G_FILE_TEST_IS_DIR));
  g_assert_true(may_accept(t, id, NULL));
  g_autoptr(GError) error = NULL, late = NULL;
  set_job(t, id, "failed");
  g_assert_true(accession_return(&t->house, "clerk", id, "原因", NULL, &error));
  g_assert_false(may_accept(t, id, &late));
  g_assert_error(late, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  test_house_remove(t);
}

static gint64 checked_by(TestHouse *t, gint64 id) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return sql_number(sql, "SELECT check_id FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), -1, NULL);
}

static gboolean accept_seen(TestHouse *t, gint64 id, gint64 seen, GError **error) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return accession_may_accept(sql, id, "让步接收", seen, error);
}

/* An acceptance rests on the check whose result was seen: a newer one makes it a conflict, and the step tells which it was. */
static void test_accepted_check(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "table.csv", TABLE);
  AccessionSource source = {.path = path};
  g_autoptr(GError) error = NULL, stale = NULL, unchecked = NULL;
  gint64 id = test_import(t, &source, FALSE), first = checked_by(t, id);
  g_assert_cmpint(first, >, 0);
  g_assert_true(accept_seen(t, id, first, &error));
  g_assert_true(test_job(t, accession_rehearse, id, &error));
  gint64 second = checked_by(t, id);
  g_assert_cmpint(second, >, first);
  g_assert_false(accept_seen(t, id, first, &stale));
  g_assert_error(stale, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_nonnull(strstr(stale->message, "新的结果"));
  g_assert_false(accept_seen(t, id, 0, &unchecked));
  g_assert_error(unchecked, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_true(accept_seen(t, id, second, &error));
  g_assert_true(accept_seen(t, id, -1, &error));
  g_assert_true(test_job(t, accession_load, id, &error));
  g_autoptr(Sql) sql = sql_read(t->house.db, &error);
  json_auto_t *steps = life_steps(sql, id, &error);
  json_t *step;
  size_t i;
  json_array_foreach(steps, i, step)
    g_assert_cmpint(int_at(step, "check"), ==, g_str_equal(text_at(step, "to"), "loading") ? second : 0);
  g_autofree char *told = sql_string(sql, "SELECT data FROM event WHERE action = 'accession.state' AND data LIKE '%\"state\":\"loading\"%'", SQL_NONE, &error);
  json_auto_t *event = json_loads(told, 0, NULL);
  g_assert_cmpint(int_at(event, "check"), ==, second);
  g_assert_no_error(error);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

static gsize listed(TestHouse *t, const char *state) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  const DeliveryAsker asker = {&SCOPE_EVERYTHING, "", NULL};
  json_t *list = delivery_list(sql, &asker, &(ListPage){0, 100, FALSE, state}, NULL);
  gsize count = json_array_size(list);
  json_decref(list);
  return count;
}

static void test_discard(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *path = test_write(t, "table.csv", TABLE);
  AccessionSource source = {.path = path};
  gint64 id = test_import(t, &source, FALSE);
  g_autofree char *folder = delivery_path(&t->house, id, NULL);
  g_assert_true(g_file_test(folder, G_FILE_TEST_IS_DIR));
  g_assert_true(accession_discard(&t->house, "tester", id, "重复移交", &error));
  g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
  g_assert_cmpuint(listed(t, NULL), ==, 0);
  g_assert_cmpuint(listed(t, "discarded"), ==, 1);
  gint64 again = test_import(t, &source, TRUE); /* the same file is another delivery now */
  g_assert_cmpint(again, !=, id);
  g_assert_false(accession_discard(&t->house, "tester", again, "已入库的不能作废", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  test_house_remove(t);
}

static void test_bodies(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  gint64 mine = test_announce(t, "a", "甲局", "甲", NULL), other = test_announce(t, "b", "乙局", "乙", NULL);
  g_assert_no_error(error);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  static const char *const bodies[] = {"甲局", "", "甲"};
  for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
    const DeliveryAsker asker = {&SCOPE_EVERYTHING, "b", bodies[i]}; /* neither scope nor having registered it widens a body's account */
    json_t *list = delivery_list(sql, &asker, &(ListPage){0, 100, TRUE, NULL}, NULL);
    g_assert_cmpuint(json_array_size(list), ==, i == 0);
    if (i == 0) g_assert_cmpint(int_at(json_array_get(list, 0), "id"), ==, mine);
    json_decref(list);
    json_t *row = delivery_load(sql, other, NULL);
    gboolean visible = TRUE;
    g_assert_true(delivery_visible(sql, &asker, row, &visible, NULL));
    g_assert_false(visible);
    json_decref(row);
  }
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

/* ---- undoing what was changed by hand ---- */

static gint64 edit(TestHouse *t, const char *code, const char *title) {
  GError *error = NULL;
  g_autoptr(CatalogRecord) record = test_record(t, code);
  g_free(record->title);
  record->title = g_strdup(title);
  g_autoptr(Sql) sql = sql_write(t->house.db, NULL);
  catalog_record_update(&t->house, sql, "someone", record, 0, &error);
  g_assert_no_error(error);
  g_assert_true(sql_commit(sql, NULL));
  return record->id;
}

static gboolean undo_with(TestHouse *t, gint64 id, json_t *keep, json_t *restore, GError **error) {
  json_t *parameters = json_pack("{s:I, s:o, s:o}", "accession", (json_int_t)id, "keep", keep, "restore", restore);
  gboolean good = job_run_now(&t->house, accession_undo, parameters, "tester", FALSE, error);
  json_decref(parameters);
  return good;
}

static void assert_title(TestHouse *t, const char *code, const char *title) {
  g_autoptr(CatalogRecord) record = test_record(t, code);
  g_assert_cmpstr(record ? record->title : NULL, ==, title);
}

static void test_undo_choice(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *a = test_write(t, "first.csv", TABLE), *b = test_write(t, "second.csv", "档号,题名\nL-1,一改\nL-2,二改\nL-3,三\nL-4,四\nL-5,五\n");
  AccessionSource one = {.path = a, .fonds = "Z001"}, two = {.path = b, .fonds = "Z001"};
  test_import(t, &one, TRUE);
  gint64 id = test_import(t, &two, TRUE);
  gint64 kept_old = edit(t, "L-1", "手改一"), back_old = edit(t, "L-2", "手改二"), kept_new = edit(t, "L-3", "手改三"), back_new = edit(t, "L-4", "手改四");
  g_assert_false(undo_with(t, id, json_pack("[I]", (json_int_t)kept_old), json_array(), &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_autofree char *path = delivery_path(&t->house, id, CONFLICTS_NAME);
  json_t *list = json_load_file(path, 0, NULL);
  g_assert_cmpuint(json_array_size(list), ==, 3); /* the one that was settled is not asked about again */
  g_assert_true(json_is_true(json_object_get(json_array_get(list, 0), "hand")));
  json_decref(list);
  g_assert_true(undo_with(t, id, json_pack("[I, I]", (json_int_t)kept_old, (json_int_t)kept_new),
    json_pack("[I, I]", (json_int_t)back_old, (json_int_t)back_new), &error));
  g_assert_no_error(error);
  assert_title(t, "L-1", "手改一");
  assert_title(t, "L-2", "二");
  assert_title(t, "L-3", "手改三");
  assert_title(t, "L-4", NULL);
  assert_title(t, "L-5", NULL);
  g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM event WHERE action = 'delivery.keep'", SQL_NONE, -1, NULL), ==, 2);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM event WHERE action = 'record.update' AND subject_id = $1", SQL_ARGS(sql_int(back_old)), -1, NULL),
    ==, 1);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

/* ---- daily pains ---- */

static void test_fault_sheet(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "bad.csv", "行号,列,值,原因,档号,题名,保管期限\n3,题名,,题名为空,L-9,补上的题名,定期?\n");
  AccessionSource source = {.path = path};
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  g_assert_cmpint(report_int(report, "created"), ==, 1);
  g_assert_cmpint(report_int(report, "warning_count"), ==, 1);
  g_assert_nonnull(strstr(text_at(json_array_get(json_object_get(report, "warnings"), 0), "reason"), "不是认识的保管期限"));
  json_decref(report);
  g_autoptr(CatalogRecord) record = test_record(t, "L-9");
  g_assert_null(strstr(record->fields, "题名为空"));
  g_assert_null(strstr(record->fields, "行号"));
  g_assert_cmpstr(record->retention, ==, "定期?");
  test_house_remove(t);
}

static void test_former_volume(void) {
  TestHouse *t = test_house_new();
  g_autofree char *a = test_write(t, "volumes.csv", "档号,题名,著录层级\nZ1-1,一卷,案卷\nZ1-2,二卷,案卷\n"),
    *b = test_write(t, "items.csv", "档号,题名,案卷号\nZ1-1-001,按档号,\nX-7,按案卷号,Z1-2\nX-8,没有卷,Z1-3\n");
  AccessionSource volumes = {.path = a, .fonds = "Z001"}, items = {.path = b, .fonds = "Z001"};
  test_import(t, &volumes, TRUE);
  test_import(t, &items, TRUE);
  g_autoptr(CatalogRecord) first = test_record(t, "Z1-1");
  g_autoptr(CatalogRecord) second = test_record(t, "Z1-2");
  g_autoptr(CatalogRecord) by_code = test_record(t, "Z1-1-001");
  g_autoptr(CatalogRecord) by_number = test_record(t, "X-7");
  g_autoptr(CatalogRecord) alone = test_record(t, "X-8");
  g_assert_cmpint(by_code->parent_id, ==, first->id);
  g_assert_cmpint(by_number->parent_id, ==, second->id);
  g_assert_cmpint(alone->parent_id, ==, first->parent_id);
  test_house_remove(t);
}

static json_t *read_back_item(TestHouse *test, gint64 id) {
  g_autoptr(Sql) sql = sql_read(test->house.db, NULL);
  json_auto_t *task = check_latest(sql, "accession", id, NULL), *report = check_report(sql, int_at(task, "id"), 10, NULL);
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (g_str_equal(text_at(item, "code"), "YJ-3-2")) return json_incref(item);
  g_assert_not_reached();
}

/* 目标数据库中元数据的可访问性 is looked at when there is something to look at: not before loading, and a record that differs from its row is told. */
static void test_read_back(void) {
  for (int spoilt = 0; spoilt < 2; spoilt++) {
    TestHouse *test = test_house_new();
    g_autofree char *path = test_write(test, "t.csv", "档号,题名,密级\nR-1,甲,\nR-2,乙,\n");
    AccessionSource source = {.path = path};
    gint64 id = test_import(test, &source, FALSE);
    json_t *item = read_back_item(test, id);
    g_assert_cmpstr(text_at(item, "state"), ==, "not_performed");
    json_decref(item);
    g_autoptr(GError) error = NULL;
    if (spoilt) {
      g_setenv("LANTAI_FAULT", "accession.rows.done:1:error", TRUE);
      g_assert_false(test_job(test, accession_load, id, &error));
      g_unsetenv("LANTAI_FAULT");
      g_clear_error(&error);
      g_autoptr(Sql) sql = sql_write(test->house.db, NULL);
      g_assert_true(sql_exec(sql, "UPDATE record SET title = $1 WHERE code = $2", SQL_ARGS(sql_text("别的"), sql_text("R-2")), NULL) && sql_commit(sql, NULL));
    }
    test_job(test, accession_load, id, &error);
    g_assert_no_error(error);
    item = read_back_item(test, id);
    g_assert_cmpstr(text_at(item, "state"), ==, spoilt ? "warned" : "passed");
    g_assert_cmpint(int_at(item, "checked"), ==, 2);
    g_assert_cmpuint(json_array_size(json_object_get(item, "findings")), ==, (guint)spoilt);
    if (spoilt) g_assert_cmpstr(text_at(json_array_get(json_object_get(item, "findings"), 0), "code"), ==, "R-2");
    json_decref(item);
    test_house_remove(test);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/life/transitions", test_transitions);
  g_test_add_func("/life/rounds", test_rounds);
  g_test_add_func("/life/stage", test_stage);
  g_test_add_func("/life/stage-read-back", test_stage_read_back);
  g_test_add_func("/life/busy", test_busy);
  g_test_add_func("/life/accepted-check", test_accepted_check);
  g_test_add_func("/life/discard", test_discard);
  g_test_add_func("/life/bodies", test_bodies);
  g_test_add_func("/life/undo-choice", test_undo_choice);
  g_test_add_func("/life/fault-sheet", test_fault_sheet);
  g_test_add_func("/life/former-volume", test_former_volume);
  g_test_add_func("/life/read-back", test_read_back);
  return g_test_run();
}
