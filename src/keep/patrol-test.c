/* The patrol: which days are due, plans, what a run over a real store finds, that it goes on where it was, and that the journal brings it back. */
#include "check.h"
#include "expect.h"
#include "patrol.h"
#include "settings.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  House house;
  Journal *journal;
  char *dir;
  gint64 fonds, records[5];
} Fixture;

static gint64 at(const char *text) {
  g_autoptr(GTimeZone) zone = g_time_zone_new_local();
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, zone);
  return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

/* ---- days ---- */

static void test_due(void) {
  PatrolPlan plan = {.enabled = TRUE, .month = 2, .day = 29, .since_us = at("2023-06-01T09:00:00")};
  g_assert_cmpint(patrol_due_next(&plan, at("2023-06-01T09:00:00")), ==, at("2024-02-29T00:00:00"));
  g_assert_cmpint(patrol_due_next(&plan, at("2024-02-29T00:00:00")), ==, at("2025-02-28T00:00:00")); /* no 29th that year */
  g_assert_cmpint(patrol_due_last(&plan, at("2025-02-28T00:00:00")), ==, at("2025-02-28T00:00:00"));
  g_assert_cmpint(patrol_due_last(&plan, at("2025-02-27T23:59:59")), ==, at("2024-02-29T00:00:00"));
  g_assert_false(patrol_is_due(&plan, 0, at("2024-02-28T23:59:59"))); /* days before the plan was made do not count */
  g_assert_true(patrol_is_due(&plan, 0, at("2024-02-29T00:00:00")));
  g_assert_true(patrol_is_due(&plan, 0, at("2024-07-01T00:00:00"))); /* the machine was off on the day */
  g_assert_false(patrol_is_due(&plan, at("2024-02-29T03:00:00"), at("2024-12-31T00:00:00")));
  g_assert_true(patrol_is_due(&plan, at("2024-02-29T03:00:00"), at("2025-03-01T00:00:00")));
  plan.enabled = FALSE;
  g_assert_false(patrol_is_due(&plan, 0, at("2025-03-01T00:00:00")));
  PatrolPlan same_day = {.enabled = TRUE, .month = 5, .day = 6, .since_us = at("2025-05-06T15:00:00")};
  g_assert_true(patrol_is_due(&same_day, 0, at("2025-05-06T15:00:05"))); /* made for today */
  g_assert_false(patrol_is_due(&same_day, at("2025-05-06T15:00:04"), at("2025-05-06T15:00:05")));
}

static void test_hours(void) {
  static const struct { int from, to; const char *time; gboolean open; } CASES[] = {{0, 0, "2025-01-01T13:00:00", TRUE}, {7, 7, "2025-01-01T03:00:00", TRUE},
    {20, 6, "2025-01-01T20:00:00", TRUE}, {20, 6, "2025-01-01T05:59:59", TRUE}, {20, 6, "2025-01-01T06:00:00", FALSE}, {20, 6, "2025-01-01T19:59:59", FALSE},
    {1, 5, "2025-01-01T01:00:00", TRUE}, {1, 5, "2025-01-01T05:00:00", FALSE}, {1, 5, "2025-01-01T00:59:59", FALSE}};
  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    const PatrolPlan plan = {.hour_from = CASES[i].from, .hour_to = CASES[i].to};
    g_assert_cmpint(patrol_hours_open(&plan, at(CASES[i].time)), ==, CASES[i].open);
  }
}

/* ---- an archive with a store ---- */

static void fixture_open(Fixture *f) {
  *f = (Fixture){.dir = good(g_dir_make_tmp("lantai-patrol-XXXXXX", error))};
  g_autofree char *path = g_build_filename(f->dir, "lantai.db", NULL);
  f->house.dir = f->dir;
  f->house.settings = good(settings_load(f->dir, error));
  f->house.db = good(sql_open(path, error));
  f->journal = good(journal_open(f->house.db, NULL, error));
  f->house.search = good(search_open(f->house.db, error));
  f->house.content = good(content_open(f->dir, f->house.db, error));
  f->house.catalog = good(catalog_open(f->house.db, NULL, error));
  f->house.jobs = good(jobs_open(f->house.db, KEEP_JOBS, error));
  g_assert_true(good(check_open(f->house.db, NULL, error)));
  g_assert_true(good(keep_open(f->house.db, NULL, error)));
}

static void fixture_close(Fixture *f) {
  jobs_close(f->house.jobs);
  catalog_close(f->house.catalog);
  content_close(f->house.content);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->house.db);
  settings_free((Settings *)f->house.settings);
  g_autofree char *quoted = g_shell_quote(f->dir), *command = g_strdup_printf("rm -rf %s", quoted);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
  g_free(f->dir);
}

static gint64 new_record(Fixture *f, Sql *sql, gint64 parent, Level level, const char *code) {
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->level = level;
  record->parent_id = parent;
  record->category = level == LEVEL_ITEM ? 1 : 0;
  g_free(record->code);
  record->code = g_strdup(code);
  g_free(record->title);
  record->title = g_strdup("关于堤防的报告");
  g_assert_true(good(catalog_record_create(&f->house, sql, "archivist", record, error)));
  return record->id;
}

static void put_file(Fixture *f, gint64 record, const char *text) {
  g_autofree char *object = catalog_object_id(record);
  g_autoptr(ContentStage) stage = good(content_stage_new(f->house.content, object, "archivist", "接收", error));
  const ContentFile *stored = good(content_stage_add_bytes(stage, "files/0001.txt", text, strlen(text), error));
  CatalogFile row = {.record_id = record, .name = (char *)"正文.txt", .path = (char *)"files/0001.txt", .mime = (char *)"text/plain", .puid = (char *)"",
    .kind = (char *)"text",
    .size_bytes = stored->size_bytes, .sha512 = g_strdup(stored->sha512), .sm3 = g_strdup(stored->sm3)};
  g_autoptr(ContentBatch) batch = content_batch_new(f->house.content);
  content_batch_take(batch, g_steal_pointer(&stage));
  g_assert_true(good(content_batch_publish(batch, error)));
  g_autoptr(Sql) sql = good(sql_write(f->house.db, error));
  g_assert_true(good(catalog_file_add(&f->house, sql, &row, error)));
  g_assert_true(good(content_batch_acknowledge(batch, sql, error)) && good(sql_commit(sql, error)));
  g_free(row.sha512);
  g_free(row.sm3);
}

static void fill(Fixture *f) {
  g_autoptr(Sql) sql = good(sql_write(f->house.db, error));
  f->fonds = new_record(f, sql, 0, LEVEL_FONDS, "T001");
  for (guint i = 0; i < G_N_ELEMENTS(f->records); i++) {
    g_autofree char *code = g_strdup_printf("T001-WS·2001·Y-%04u", i + 1);
    f->records[i] = new_record(f, sql, f->fonds, LEVEL_ITEM, code);
  }
  g_assert_true(good(sql_commit(sql, error)));
  g_clear_pointer(&sql, sql_end);
  for (guint i = 0; i < G_N_ELEMENTS(f->records); i++) put_file(f, f->records[i], "逐字节读过的正文\n");
}

static char *disk_of(Fixture *f, gint64 record) {
  g_autofree char *object = catalog_object_id(record);
  return good(content_path(f->house.content, object, "files/0001.txt", error));
}

static json_t *item_of(json_t *patrol, const char *code) {
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(patrol, "items"), i, item)
    if (g_str_equal(json_word(item, "code"), code)) return item;
  g_error("no item %s", code);
}

/* ---- runs ---- */

static void test_run(void) {
  Fixture f;
  fixture_open(&f);
  fill(&f);
  json_auto_t *first = good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error));
  g_assert_cmpint(json_number_of(first, "records"), ==, 5);
  g_assert_cmpint(json_number_of(first, "failed"), ==, 0);
  g_assert_cmpint(json_number_of(item_of(first, "CQ-1-1"), "checked"), ==, 10); /* two digests a file */
  g_assert_cmpstr(json_word(item_of(first, "CQ-4-1"), "state"), ==, "not_performed"); /* no scanner: never passed */
  g_assert_cmpstr(json_word(first, "verdict"), ==, "awaiting");
  g_autofree char *damaged = disk_of(&f, f.records[1]), *gone = disk_of(&f, f.records[3]);
  g_assert_true(g_file_set_contents(damaged, "逐字节读过的正义\n", -1, NULL));
  g_assert_cmpint(g_unlink(gone), ==, 0);
  json_auto_t *second = good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error));
  json_t *fixity = item_of(second, "CQ-1-1"), *linked = item_of(second, "CQ-1-11"), *finding = json_array_get(json_object_get(fixity, "findings"), 0);
  g_assert_cmpint(json_number_of(fixity, "failed"), ==, 2);
  g_assert_cmpint(json_number_of(finding, "record_id"), ==, f.records[1]);
  g_assert_cmpstr(json_word(finding, "path"), ==, "files/0001.txt");
  g_assert_cmpint(json_number_of(json_array_get(json_object_get(linked, "findings"), 0), "record_id"), ==, f.records[3]);
  g_assert_cmpstr(json_word(second, "verdict"), ==, "failed");
  g_autoptr(Sql) sql = good(sql_read(f.house.db, error));
  json_auto_t *trend = good(patrol_trend(sql, error));
  json_t *years = json_object_get(trend, "years");
  g_assert_cmpint(json_array_size(years), ==, 2);
  g_assert_cmpint(json_number_of(json_array_get(years, 0), "faults"), ==, 0);
  g_assert_cmpint(json_number_of(json_array_get(years, 1), "faults"), >=, 3);
  g_assert_cmpint(json_number_of(json_array_get(years, 0), "faults_height"), ==, 0);
  json_auto_t *document = patrol_document(second, json_object_get(second, "items"));
  g_autofree char *paper = json_dumps(document, 0);
  g_assert_nonnull(strstr(paper, "T001-WS·2001·Y-0002"));
  g_clear_pointer(&sql, sql_end);
  fixture_close(&f);
}

/* That everything is gone is the worst finding, not "nothing to check". */
static void test_all_gone(void) {
  Fixture f;
  fixture_open(&f);
  fill(&f);
  for (guint i = 0; i < G_N_ELEMENTS(f.records); i++) {
    g_autofree char *disk = disk_of(&f, f.records[i]);
    g_unlink(disk);
  }
  json_auto_t *patrol = good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error));
  g_assert_cmpint(json_number_of(item_of(patrol, "CQ-1-11"), "failed"), ==, 5);
  g_assert_cmpstr(json_word(patrol, "verdict"), ==, "failed");
  fixture_close(&f);
}

/* Slices of two records: one that is not committed is done again, one that is counts once. */
static void test_resume(void) {
  Fixture f;
  fixture_open(&f);
  fill(&f);
  g_autofree char *damaged = disk_of(&f, f.records[0]);
  g_assert_true(g_file_set_contents(damaged, "短", -1, NULL));
  g_setenv("LANTAI_PATROL_SLICE", "2", TRUE);
  g_setenv("LANTAI_FAULT", "patrol.slice:2:error", TRUE);
  GError *problem = NULL;
  json_t *broken = keep_patrol_now(&f.house, "archivist", 0, FALSE, &problem);
  g_assert_null(broken);
  g_assert_nonnull(problem);
  g_clear_error(&problem);
  g_unsetenv("LANTAI_FAULT");
  {
    g_autoptr(Sql) sql = good(sql_read(f.house.db, error));
    g_assert_cmpint(good(sql_number(sql, "SELECT reached FROM patrol WHERE id = 1", SQL_NONE, 0, error)), ==, f.records[1]);
    json_auto_t *half = good(patrol_load(sql, 1, error));
    g_assert_cmpstr(json_word(half, "state"), ==, "running");
    g_assert_cmpint(json_number_of(half, "records"), ==, 2);
  }
  json_auto_t *whole = good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error));
  g_assert_cmpint(json_number_of(whole, "id"), ==, 1);
  g_assert_cmpint(json_number_of(whole, "records"), ==, 5);
  g_assert_cmpint(json_number_of(item_of(whole, "CQ-1-1"), "checked"), ==, 10);
  g_assert_cmpint(json_number_of(item_of(whole, "CQ-1-1"), "failed"), ==, 2);
  g_assert_cmpint(json_array_size(json_object_get(item_of(whole, "CQ-1-1"), "findings")), ==, 2);
  g_unsetenv("LANTAI_PATROL_SLICE");
  fixture_close(&f);
}

/* ---- plan, warnings, journal ---- */

static json_t *warned;
static void add_warning(json_t *list, const char *tone, const char *href, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_array_append_new(list, json_string(text));
}

static char *warnings(Fixture *f) {
  g_autoptr(Sql) sql = good(sql_read(f->house.db, error));
  warned = json_array();
  patrol_warn(sql, add_warning, warned);
  g_autofree char *text = json_dumps(warned, 0);
  json_decref(warned);
  return g_strdup(text);
}

static void test_plan(void) {
  Fixture f;
  fixture_open(&f);
  fill(&f);
  static const PatrolPlan BAD[] = {{TRUE, 13, 1, 0, 0, 1}, {TRUE, 2, 30, 0, 0, 1}, {TRUE, 1, 0, 0, 0, 1}, {TRUE, 1, 1, 24, 0, 1}, {TRUE, 1, 1, 0, 0, -1}};
  for (guint i = 0; i < G_N_ELEMENTS(BAD); i++) {
    GError *problem = NULL;
    g_assert_false(patrol_plan_put(&f.house, "archivist", BAD[i], &problem));
    g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_clear_error(&problem);
  }
  g_setenv("LANTAI_NOW", "2024-01-10T10:00:00", TRUE);
  g_assert_true(good(patrol_plan_put(&f.house, "archivist", (PatrolPlan){TRUE, 2, 29, 0, 0, 0}, error)));
  g_autofree char *none = warnings(&f);
  g_assert_cmpstr(none, ==, "[]");
  g_setenv("LANTAI_NOW", "2025-04-10T10:00:00", TRUE);
  g_autofree char *late = warnings(&f);
  g_assert_nonnull(strstr(late, "没有做过长期保存巡检"));
  json_auto_t *patrol = good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error));
  g_assert_cmpint(json_number_of(patrol, "year"), ==, 2025);
  g_autofree char *quiet = warnings(&f);
  g_assert_cmpstr(quiet, ==, "[]");
  g_assert_true(good(patrol_plan_put(&f.house, "archivist", (PatrolPlan){FALSE, 2, 29, 0, 0, 0}, error)));
  g_autofree char *off = warnings(&f);
  g_assert_nonnull(strstr(off, "停用"));
  g_unsetenv("LANTAI_NOW");
  fixture_close(&f);
}

static gboolean collect(Sql *sql, json_t *events) {
  g_autoptr(SqlRows) rows = good(sql_query(sql, "SELECT action, actor, subject_id, data FROM event WHERE action LIKE 'keep.patrol.%' ORDER BY id", SQL_NONE, error));
  while (sql_next(rows, NULL)) json_array_append_new(events, json_pack("{s:s, s:s, s:{s:I}, s:o}", "action", sql_get_text(rows, "action"), "actor",
    sql_get_text(rows, "actor"), "subject", "id", (json_int_t)sql_get_int(rows, "subject_id"), "data", json_loads(sql_get_text(rows, "data"), 0, NULL)));
  return json_array_size(events) > 0;
}

static void test_replay(void) {
  Fixture f;
  fixture_open(&f);
  fill(&f);
  json_decref(good(keep_patrol_now(&f.house, "archivist", 0, FALSE, error)));
  static const char *const ITEMS[] = {"CQ-4-1"};
  json_auto_t *events = json_array();
  {
    g_autoptr(Sql) sql = good(sql_write(f.house.db, error));
    GError *problem = NULL;
    g_assert_false(patrol_sign(sql, "director", 1, (const char *const[]){"CQ-1-1"}, 1, TRUE, "看过", &problem)); /* the program decided it */
    g_assert_error(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    g_clear_error(&problem);
    g_assert_true(good(patrol_sign(sql, "director", 1, ITEMS, 1, TRUE, "在另一台机器上查杀", error)));
    g_assert_true(collect(sql, events) && good(sql_commit(sql, error)));
  }
  g_autoptr(Sql) sql = good(sql_write(f.house.db, error));
  json_auto_t *before = good(patrol_items(sql, 1, error));
  json_auto_t *was = good(patrol_load(sql, 1, error));
  g_assert_true(good(sql_exec(sql, "DELETE FROM patrol", SQL_NONE, error)) && good(sql_exec(sql, "DELETE FROM patrol_item", SQL_NONE, error)));
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    gboolean mine = FALSE;
    g_assert_true(good(patrol_replay(sql, event, &mine, error)) && mine);
  }
  json_auto_t *after = good(patrol_items(sql, 1, error));
  json_auto_t *is = good(patrol_load(sql, 1, error));
  json_object_del(was, "reached"); /* of use only while it is under way */
  json_object_del(is, "reached");
  g_assert_true(json_equal(before, after));
  g_assert_true(json_equal(was, is));
  g_clear_pointer(&sql, sql_end);
  fixture_close(&f);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "sandbox") == 0) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/patrol/due", test_due);
  g_test_add_func("/patrol/hours", test_hours);
  g_test_add_func("/patrol/run", test_run);
  g_test_add_func("/patrol/all-gone", test_all_gone);
  g_test_add_func("/patrol/resume", test_resume);
  g_test_add_func("/patrol/plan", test_plan);
  g_test_add_func("/patrol/replay", test_replay);
  return g_test_run();
}
