/* Schedules: lines that can stand, who decides, which version is in force, which line a record is kept by, assignment and replay. */
#include "assign.h"
#include "expect.h"
#include <string.h>

static json_t *lines_of(const char *text) { return good(yaml_load_text(text, "条款", error)); }
#define LINES \
  "- {code: \"1.1\", path: 党群工作/组织, matter: 重要会议, retention: 永久}\n" \
  "- {code: \"1.2\", path: 党群工作/组织, matter: 一般会议, retention: 10年, opening: 开放}\n" \
  "- {code: \"2.1\", path: 业务/水利, matter: 工程甲, retention: 30年}\n" \
  "- {code: \"2.2\", path: 业务/水利, matter: 工程乙, retention: 30年}\n"

static void test_lines(void) {
  static const char *const bad[] = {
    "- {code: \"\", path: a, matter: b, retention: 永久}\n", "- {code: \"1\", path: a, matter: b, retention: 很久}\n",
    "- {code: \"1\", path: \"\", matter: b, retention: 永久}\n",
    "- {code: \"1\", path: a, matter: \"\", retention: 永久}\n", "- {code: \"1\", path: a, matter: b, retention: \"\"}\n",
    "- {code: \"1\", path: a, matter: b, retention: 永久, opening: 也许}\n",
    "- {code: \"1\", path: a, matter: b, retention: 永久}\n- {code: \"1\", path: a, matter: c, retention: 永久}\n"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    json_auto_t *lines = lines_of(bad[i]);
    json_auto_t *faults = schedule_lines_faults(lines);
    g_assert_cmpuint(json_array_size(faults), ==, 1);
  }
  json_auto_t *fine = lines_of(LINES);
  json_auto_t *none = schedule_lines_faults(fine);
  g_assert_cmpuint(json_array_size(none), ==, 0);
  json_auto_t *templates = good(schedule_templates(NULL, error));
  g_assert_cmpuint(json_array_size(templates), ==, 2);
  size_t i;
  json_t *row;
  json_array_foreach(templates, i, row) {
    json_auto_t *lines = good(schedule_template_lines(NULL, json_string_value(json_object_get(row, "name")), error));
    json_auto_t *faults = schedule_lines_faults(lines);
    g_assert_cmpuint(json_array_size(faults), ==, 0);
    g_assert_cmpuint(json_array_size(lines), >, 10);
  }
  fails(schedule_template_lines(NULL, "../roles", error) != NULL, LANTAI_ERROR_NOT_FOUND);
  json_auto_t *changed = json_deep_copy(fine);
  json_object_set_new(json_array_get(changed, 0), "retention", json_string("30年"));
  json_array_remove(changed, 3);
  json_auto_t *changes = schedule_compare(fine, changed);
  g_assert_cmpuint(json_array_size(changes), ==, 2);
}

static void test_match(void) {
  static const struct { const char *code, *text, *term, *line, *why; } cases[] = {
    {"1.1", "", "Y", "1.1", NULL}, {"1.1", "别的", "永久", "1.1", NULL}, {"1.1", "", "10年", "1.1", "保管期限应为永久"}, {"9", "组织", "永久", NULL, "分类号“9”不在制度中"},
    {"", "组织", "定期10年", "1.2", NULL}, {"", "党群工作/组织", "D10", "1.2", NULL}, {"", "组织", "30年", NULL, "应为永久、10年"}, {"", "水利", "30年", NULL, "有 2 条"},
    {"", "财务", "永久", NULL, "不在制度中"}, {"", "", "永久", NULL, "没有分类号"}, {"", "组织", "", NULL, "应为"},
  };
  json_auto_t *lines = lines_of(LINES);
  g_autoptr(ScheduleMatcher) matcher = schedule_matcher_new(lines);
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *why = NULL;
    json_t *line = schedule_match(matcher, cases[i].code, cases[i].text, cases[i].term, &why);
    g_assert_cmpstr(json_string_value(json_object_get(line, "code")), ==, cases[i].line);
    if (cases[i].why == NULL) g_assert_null(why);
    else g_assert_nonnull(strstr(why, cases[i].why));
  }
}

typedef struct {
  House house;
  Journal *journal;
  gint64 fonds, first, second, third;
} Archive;

static gint64 add(Archive *a, gint64 parent, Level level, const char *code, const char *retention, const char *fields) {
  g_autoptr(Sql) sql = good(sql_write(a->house.db, error));
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->parent_id = parent;
  record->fonds_id = a->fonds;
  record->level = level;
  record->category = level == LEVEL_FONDS ? 0 : 1;
  char **const places[] = {&record->code, &record->title, &record->retention, &record->fields};
  const char *const texts[] = {code, "题名", retention, fields};
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    g_free(*places[i]);
    *places[i] = g_strdup(texts[i]);
  }
  record->year = level == LEVEL_FONDS ? 0 : 2015;
  good(catalog_record_create(&a->house, sql, "chen", record, error));
  good(sql_commit(sql, error));
  return record->id;
}

static void archive_open(Archive *a) {
  memset(a, 0, sizeof *a);
  a->house.db = good(sql_open(":memory:", error));
  a->journal = good(journal_open(a->house.db, NULL, error));
  a->house.search = good(search_open(a->house.db, error));
  a->house.catalog = good(catalog_open(a->house.db, NULL, error));
  good(schedule_open(a->house.db, error));
}

static void archive_close(Archive *a) {
  catalog_close(a->house.catalog);
  search_close(a->house.search);
  journal_close(a->journal);
  sql_close(a->house.db);
}

static gint64 draft(Archive *a, const char *actor) {
  json_auto_t *lines = lines_of(LINES);
  g_autoptr(Sql) sql = good(sql_write(a->house.db, error));
  gint64 id = good(schedule_draft(sql, actor, a->fonds, lines, error));
  good(sql_commit(sql, error));
  return id;
}

static void decide(Archive *a, const char *actor, gint64 id, ScheduleVerdict verdict, int from) {
  g_autoptr(Sql) sql = good(sql_write(a->house.db, error));
  good(schedule_decide(sql, actor, id, verdict, from, "意见", error));
  good(sql_commit(sql, error));
}

static void test_deciding(void) {
  Archive a;
  archive_open(&a);
  a.fonds = add(&a, 0, LEVEL_FONDS, "Q001", "", "{}");
  gint64 first = draft(&a, "chen");
  json_auto_t *lines = lines_of(LINES);
  {
    g_autoptr(Sql) sql = good(sql_write(a.house.db, error));
    fails(schedule_draft(sql, "chen", a.fonds, lines, error) != 0, LANTAI_ERROR_CONFLICT); /* one at a time */
    fails(schedule_decide(sql, "zhao", first, SCHEDULE_APPROVE, 20100101, "", error), LANTAI_ERROR_CONFLICT);
    good(schedule_decide(sql, "wang", first, SCHEDULE_SUBMIT, 0, NULL, error));
    fails(schedule_lines_put(sql, first, lines, error), LANTAI_ERROR_CONFLICT);
    fails(schedule_decide(sql, "chen", first, SCHEDULE_APPROVE, 20100101, "", error), LANTAI_ERROR_DENIED); /* who made it */
    fails(schedule_decide(sql, "wang", first, SCHEDULE_APPROVE, 20100101, "", error), LANTAI_ERROR_DENIED); /* who submitted it */
    fails(schedule_decide(sql, "zhao", first, SCHEDULE_APPROVE, 0, "", error), LANTAI_ERROR_INVALID);
    fails(schedule_decide(sql, "zhao", first, SCHEDULE_RETURN, 0, "", error), LANTAI_ERROR_INVALID);
    good(schedule_decide(sql, "zhao", first, SCHEDULE_RETURN, 0, "少一条", error));
    good(schedule_lines_put(sql, first, lines, error));
    good(schedule_decide(sql, "chen", first, SCHEDULE_SUBMIT, 0, NULL, error));
    good(schedule_decide(sql, "zhao", first, SCHEDULE_APPROVE, 20100101, "", error));
    good(sql_commit(sql, error));
  }
  gint64 second = draft(&a, "chen");
  decide(&a, "chen", second, SCHEDULE_SUBMIT, 0);
  {
    g_autoptr(Sql) sql = good(sql_write(a.house.db, error));
    fails(schedule_decide(sql, "zhao", second, SCHEDULE_APPROVE, 20100101, "", error), LANTAI_ERROR_INVALID); /* not before the former one */
  }
  decide(&a, "zhao", second, SCHEDULE_APPROVE, 20180601);
  g_autoptr(Sql) sql = good(sql_read(a.house.db, error));
  g_assert_cmpint(schedule_in_force(sql, a.fonds, 20091231, NULL), ==, 0);
  g_assert_cmpint(schedule_in_force(sql, a.fonds, 20180531, NULL), ==, first);
  g_assert_cmpint(schedule_in_force(sql, a.fonds, 20180601, NULL), ==, second);
  g_assert_cmpint(schedule_for(sql, a.fonds, (DateSpan){0, 0}, 2015, NULL), ==, first);
  g_assert_cmpint(schedule_for(sql, a.fonds, (DateSpan){19580101, 19581231}, 1958, NULL), ==, second); /* nothing was in force then */
  g_clear_pointer(&sql, sql_end);
  archive_close(&a);
}

static char *rows_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_pack("[o, o, o, o]", good(sql_json(sql, "SELECT * FROM schedule WHERE state = 'approved' ORDER BY id", SQL_NONE, error)),
    good(sql_json(sql, "SELECT * FROM schedule_line ORDER BY schedule_id, place", SQL_NONE, error)),
    good(sql_json(sql, "SELECT * FROM schedule_record ORDER BY record_id", SQL_NONE, error)),
    good(sql_json(sql, "SELECT id, schedule_id, state, records FROM schedule_assignment ORDER BY id", SQL_NONE, error)));
  return json_dumps(all, JSON_SORT_KEYS);
}

static void assign(Archive *a, gint64 schedule) {
  gint64 id;
  {
    g_autoptr(Sql) sql = good(sql_write(a->house.db, error));
    id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM schedule_assignment", SQL_NONE, 0, NULL);
    good(sql_exec(sql, "INSERT INTO schedule_assignment (id, schedule_id, at_us, actor, state, records) VALUES ($1, $2, 0, '', 'running', 0)",
      SQL_ARGS(sql_int(id), sql_int(schedule)), error));
    good(sql_commit(sql, error));
  }
  json_auto_t *parameters = json_pack("{s:I, s:I}", "assignment", (json_int_t)id, "schedule", (json_int_t)schedule);
  good(job_run_now(&a->house, schedule_assign_job, parameters, "chen", FALSE, error));
}

static void replay_into(Archive *a, Archive *other) {
  g_autoptr(Sql) from = good(sql_read(a->house.db, error));
  json_auto_t *events = good(journal_list(from, NULL, "schedule.", 0, 100, error));
  for (gsize i = json_array_size(events); i-- > 0;) {
    g_autoptr(Sql) sql = good(sql_write(other->house.db, error));
    good(schedule_replay(&other->house, sql, json_array_get(events, i), error));
    good(sql_commit(sql, error));
  }
}

static void test_assignment(void) {
  Archive a, other;
  archive_open(&a);
  a.fonds = add(&a, 0, LEVEL_FONDS, "Q001", "", "{}");
  a.first = add(&a, a.fonds, LEVEL_ITEM, "Q001-1", "永久", "{\"jgwt\":\"组织\"}");
  a.second = add(&a, a.fonds, LEVEL_ITEM, "Q001-2", "30年", "{\"flh\":\"2.2\"}");
  a.third = add(&a, a.fonds, LEVEL_ITEM, "Q001-3", "30年", "{\"jgwt\":\"水利\"}");
  gint64 schedule = draft(&a, "chen");
  {
    g_autoptr(Sql) sql = good(sql_write(a.house.db, error));
    fails(schedule_assign(sql, "chen", schedule, error) != 0, LANTAI_ERROR_CONFLICT); /* a draft */
  }
  decide(&a, "chen", schedule, SCHEDULE_SUBMIT, 0);
  decide(&a, "zhao", schedule, SCHEDULE_APPROVE, 20100101);
  {
    g_autoptr(Sql) sql = good(sql_read(a.house.db, error));
    json_auto_t *preview = good(schedule_preview(sql, schedule, error));
    g_assert_cmpint(json_integer_value(json_object_get(preview, "seen")), ==, 3);
    g_assert_cmpint(json_integer_value(json_object_get(preview, "fits")), ==, 2);
    g_assert_cmpuint(json_array_size(json_object_get(preview, "reasons")), ==, 1);
  }
  assign(&a, schedule);
  {
    g_autoptr(Sql) sql = good(sql_read(a.house.db, error));
    json_auto_t *kept = good(schedule_of_record(sql, a.first, error));
    g_assert_cmpstr(json_string_value(json_object_get(kept, "code")), ==, "1.1");
    json_auto_t *other_kept = good(schedule_of_record(sql, a.second, error));
    g_assert_cmpstr(json_string_value(json_object_get(other_kept, "matter")), ==, "工程乙");
    json_auto_t *none = schedule_of_record(sql, a.third, NULL);
    g_assert_null(none);
  }
  assign(&a, schedule); /* again: nothing is left to give */
  archive_open(&other);
  replay_into(&a, &other);
  {
    g_autoptr(Sql) sql = good(sql_write(a.house.db, error)); /* an assignment that gave nothing tells nothing */
    good(sql_exec(sql, "DELETE FROM schedule_assignment WHERE id = 2", SQL_NONE, error));
    good(sql_commit(sql, error));
  }
  g_autofree char *wanted = rows_text(a.house.db), *rebuilt = rows_text(other.house.db);
  g_assert_cmpstr(rebuilt, ==, wanted);
  {
    g_autoptr(Sql) sql = good(sql_write(a.house.db, error));
    good(schedule_release(sql, "chen", 1, error));
    fails(schedule_release(sql, "chen", 1, error), LANTAI_ERROR_CONFLICT);
    good(sql_commit(sql, error));
  }
  g_autoptr(Sql) sql = good(sql_read(a.house.db, error));
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM schedule_record", SQL_NONE, 9, NULL), ==, 0);
  g_clear_pointer(&sql, sql_end);
  archive_close(&other);
  archive_close(&a);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/schedule/lines", test_lines);
  g_test_add_func("/schedule/match", test_match);
  g_test_add_func("/schedule/deciding", test_deciding);
  g_test_add_func("/schedule/assignment", test_assignment);
  return g_test_run();
}
