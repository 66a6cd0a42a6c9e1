/* Collecting projects: who owes, what came, and that a rebuilt archive knows the same. */
#include "accession-test.h"
#include "error.h"
#include "project.h"

static gint64 step(TestHouse *test, gint64 id, const char *name, json_t *data) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(test->house.db, &error);
  gint64 done = project_change(sql, "clerk", id, name, data, &error);
  g_assert_no_error(error);
  g_assert_true(sql_commit(sql, NULL));
  json_decref(data);
  return done;
}

static void assert_refused(TestHouse *test, gint64 id, const char *name, json_t *data, LantaiError code) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(test->house.db, NULL);
  g_assert_cmpint(project_change(sql, "clerk", id, name, data, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, (int)code);
  json_decref(data);
}

static const DeliveryAsker ALL = {&SCOPE_EVERYTHING, "clerk", NULL};

static json_t *load_as(TestHouse *test, const DeliveryAsker *asker, gint64 id) {
  g_autoptr(Sql) sql = sql_read(test->house.db, NULL);
  return project_load(sql, asker, id, NULL);
}
static json_t *load(TestHouse *test, gint64 id) { return load_as(test, &ALL, id); }

static const char *body_state(json_t *project, guint at) {
  return json_string_value(json_object_get(json_array_get(json_object_get(project, "bodies"), at), "state_label"));
}

static void make_delivery(TestHouse *test, gint64 id, const char *body, const char *state) {
  g_autoptr(Sql) sql = sql_write(test->house.db, NULL);
  g_assert_true(sql_exec(sql,
    "INSERT INTO accession (id, name, state, body, source, fingerprint, layout, actor, created_at, created_count, attached_count) "
    "VALUES ($1, '一批', $2, $3, 'a.csv', 'x', '{}', 'clerk', 1, 7, 3)",
    SQL_ARGS(sql_int(id), sql_text(state), sql_text(body)), NULL));
  g_assert_true(sql_commit(sql, NULL));
}

static void test_life(void) {
  TestHouse *test = test_house_new();
  gint64 id = step(test, 0, "open", json_pack("{s:s, s:s}", "title", "防汛救灾档案收集", "due_on", "2020-01-31"));
  step(test, id, "body", json_pack("{s:s, s:s, s:s}", "body", "市水利局", "owed", "会议纪要、现场照片", "due_on", "2020-02-28"));
  step(test, id, "body", json_pack("{s:s}", "body", "市应急管理局"));
  step(test, id, "chase", json_pack("{s:s, s:s}", "body", "市水利局", "note", "电话催交"));
  make_delivery(test, 91, "市水利局", "rehearsed");
  make_delivery(test, 92, "市水利局", "done");
  json_t *project = load(test, id);
  g_assert_cmpuint(json_array_size(json_object_get(project, "candidates")), ==, 2);
  g_assert_cmpstr(body_state(project, 0), ==, "未交");
  json_decref(project);
  step(test, id, "delivery", json_pack("{s:i}", "accession", 91));
  json_t *waiting = load(test, id);
  g_assert_cmpstr(body_state(waiting, 1), ==, "待审");
  json_decref(waiting);
  step(test, id, "release", json_pack("{s:i}", "accession", 91));
  step(test, id, "delivery", json_pack("{s:i}", "accession", 92));
  json_t *came = load(test, id), *row = json_array_get(json_object_get(came, "bodies"), 1);
  g_assert_cmpstr(body_state(came, 1), ==, "部分已交");
  g_assert_cmpint(json_integer_value(json_object_get(row, "records")), ==, 7);
  g_assert_cmpint(json_integer_value(json_object_get(row, "files")), ==, 3);
  g_assert_cmpint(json_integer_value(json_object_get(row, "chased")), ==, 1);
  g_assert_true(json_is_true(json_object_get(row, "overdue")));
  g_assert_cmpuint(json_array_size(json_object_get(came, "chases")), ==, 1);
  json_decref(came);
  static const Scope elsewhere = {15, 15, SECURITY_TOP, FALSE, 0, NULL};
  const DeliveryAsker other = {&elsewhere, "other", NULL};
  json_t *hidden = load_as(test, &other, id);
  for (guint i = 0; i < 2; i++) g_assert_cmpuint(json_array_size(json_object_get(hidden, i ? "candidates" : "deliveries")), ==, 0);
  g_assert_cmpstr(body_state(hidden, 1), ==, "未交");
  json_decref(hidden);
  step(test, id, "settle", json_pack("{s:s, s:b}", "body", "市水利局", "settled", 1));
  g_autoptr(Sql) sql = sql_read(test->house.db, NULL);
  json_t *owed = project_owed(sql, "市应急管理局", NULL), *none = project_owed(sql, "市水利局", NULL), *list = project_list(sql, &ALL, 0, 10, NULL),
         *hidden_list = project_list(sql, &other, 0, 10, NULL);
  g_assert_cmpuint(json_array_size(owed), ==, 1);
  g_assert_cmpuint(json_array_size(none), ==, 0);
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(list, 0), "owing")), ==, 1);
  g_assert_true(json_is_true(json_object_get(json_array_get(list, 0), "overdue")));
  json_decref(owed);
  json_decref(none);
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(list, 0), "records")), ==, 7);
  g_assert_cmpint(json_integer_value(json_object_get(json_array_get(hidden_list, 0), "records")), ==, 0);
  json_decref(hidden_list);
  json_decref(list);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(test);
}

static void test_refusals(void) {
  TestHouse *test = test_house_new();
  assert_refused(test, 0, "open", json_object(), LANTAI_ERROR_INVALID);
  assert_refused(test, 0, "open", json_pack("{s:s, s:s}", "title", "一", "due_on", "明天"), LANTAI_ERROR_INVALID);
  assert_refused(test, 0, "body", json_pack("{s:s}", "body", "市水利局"), LANTAI_ERROR_NOT_FOUND);
  assert_refused(test, 5, "close", json_object(), LANTAI_ERROR_NOT_FOUND);
  gint64 id = step(test, 0, "open", json_pack("{s:s}", "title", "一"));
  assert_refused(test, id, "chase", json_pack("{s:s}", "body", "市水利局"), LANTAI_ERROR_NOT_FOUND);
  assert_refused(test, id, "delivery", json_pack("{s:i}", "accession", 7), LANTAI_ERROR_NOT_FOUND);
  assert_refused(test, id, "burn", json_object(), LANTAI_ERROR_INVALID);
  step(test, id, "close", json_object());
  assert_refused(test, id, "body", json_pack("{s:s}", "body", "市水利局"), LANTAI_ERROR_CONFLICT);
  step(test, id, "reopen", json_object());
  step(test, id, "body", json_pack("{s:s}", "body", "市水利局"));
  test_house_remove(test);
}

/* ---- a topic: another room's, here a list ---- */

static GString *filled;
static json_t *topic_named(Sql *sql, gint64 id, GError **error) {
  return id == 0 || id == 5 ? json_pack("[{s:i, s:s}]", "id", 5, "name", "防汛救灾") : json_array();
}
static gboolean topic_fill(Sql *sql, const char *actor, gint64 topic, gint64 accession_id, const char *title, GError **error) {
  g_string_append_printf(filled, "%d:%d ", (int)topic, (int)accession_id);
  g_assert_nonnull(strstr(title, "防汛"));
  return TRUE;
}

static void assert_filled(const char *expected) {
  g_assert_cmpstr(filled->str, ==, expected);
  g_string_truncate(filled, 0);
}

static void test_topic(void) {
  static const ProjectTopics topics = {topic_named, topic_fill};
  TestHouse *test = test_house_new();
  filled = g_string_new(NULL);
  project_set_topics(&topics);
  gint64 id = step(test, 0, "open", json_pack("{s:s}", "title", "防汛"));
  const gint64 ids[] = {91, 92, 93};
  static const char *const states[] = {"done", "loading", "done"};
  for (guint i = 0; i < 3; i++) make_delivery(test, ids[i], "市水利局", states[i]);
  step(test, id, "delivery", json_pack("{s:i}", "accession", 91));
  step(test, id, "delivery", json_pack("{s:i}", "accession", 92));
  assert_filled(""); /* no topic yet */
  assert_refused(test, id, "topic", json_pack("{s:i}", "topic", 6), LANTAI_ERROR_NOT_FOUND);
  step(test, id, "topic", json_pack("{s:i}", "topic", 5));
  assert_filled("5:91 "); /* what is in already */
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(test->house.db, &error);
  g_assert_true(load_finish(sql, "clerk", 92, "done", &error) && sql_commit(sql, &error));
  assert_filled("5:92 "); /* what comes in */
  sql_end(g_steal_pointer(&sql));
  step(test, id, "topic", json_pack("{s:i}", "topic", 0));
  step(test, id, "delivery", json_pack("{s:i}", "accession", 93));
  assert_filled("");
  json_t *project = load(test, id);
  g_assert_cmpint(json_integer_value(json_object_get(project, "topic_id")), ==, 0);
  json_decref(project);
  project_set_topics(NULL);
  g_string_free(filled, TRUE);
  test_house_remove(test);
}

typedef struct {
  TestHouse *to;
  guint count;
} Replay;

/* Every project event of one archive, applied to another. */
static void test_replay(void) {
  TestHouse *from = test_house_new(), *to = test_house_new();
  gint64 id = step(from, 0, "open", json_pack("{s:s, s:s}", "title", "防汛", "note", "照片\n纪要"));
  step(from, id, "body", json_pack("{s:s, s:s}", "body", "市水利局", "contact", "办公室"));
  step(from, id, "body", json_pack("{s:s}", "body", "市气象局"));
  step(from, id, "drop", json_pack("{s:s}", "body", "市气象局"));
  step(from, id, "chase", json_pack("{s:s, s:s}", "body", "市水利局", "note", "发函"));
  static const ProjectTopics topics = {topic_named, topic_fill};
  project_set_topics(&topics);
  step(from, id, "topic", json_pack("{s:i}", "topic", 5));
  project_set_topics(NULL);
  step(from, id, "close", json_object());
  g_autoptr(Sql) sql = sql_read(from->house.db, NULL);
  json_t *events = journal_of(sql, "project", id, 0, 100, NULL);
  for (size_t i = json_array_size(events); i > 0; i--) {
    json_t *event = json_deep_copy(json_array_get(events, i - 1));
    g_autofree char *at = clock_format_iso(json_integer_value(json_object_get(event, "at")));
    json_object_set_new(event, "at", json_string(at));
    json_object_set_new(event, "subject", json_pack("{s:s, s:I}", "kind", "project", "id", (json_int_t)id));
    g_autoptr(Sql) write = sql_write(to->house.db, NULL);
    g_assert_true(project_replay(&to->house, write, event, NULL));
    g_assert_true(sql_commit(write, NULL));
    json_decref(event);
  }
  json_t *one = load(from, id), *other = load(to, id);
  g_assert_cmpint(json_integer_value(json_object_get(other, "topic_id")), ==, 5);
  g_assert_true(json_equal(one, other));
  json_decref(one);
  json_decref(other);
  json_decref(events);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(from);
  test_house_remove(to);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/accession/project/life", test_life);
  g_test_add_func("/accession/project/refusals", test_refusals);
  g_test_add_func("/accession/project/topic", test_topic);
  g_test_add_func("/accession/project/replay", test_replay);
  return g_test_run();
}
