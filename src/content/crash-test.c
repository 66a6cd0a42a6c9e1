/*
 * Killed anywhere: a child process that dies at a fault point, then the store opened again. Afterwards every object is at the version the
 * database was told, with its bytes; nothing else is there; and no intent and no staged file is left.
 */
#include "test-store.h"

enum { OBJECTS = 4 };

static char *object_name(const char *kind, guint i) { return g_strdup_printf("%s-%u", kind, i); }

/* old-0 … at version 1 */
static void fill_store(TestStore *store) {
  for (guint i = 0; i < OBJECTS; i++) {
    g_autofree char *id = object_name("old", i);
    put_object(store, id, "f", "one", "same", "kept");
  }
}

/* In the child: one batch with a second version of every old object and as many new ones; told in one transaction. */
static void publish_all(TestStore *store) {
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(store->content);
  for (guint i = 0; i < 2 * OBJECTS; i++) {
    g_autofree char *id = object_name(i % 2 == 0 ? "old" : "new", i / 2);
    content_batch_take(batch, stage_files(store, id, (const char *const[]){"f", i % 2 == 0 ? "two" : "one", "more", "m", NULL}));
  }
  if (!content_batch_publish(batch, &error)) return;
  g_autoptr(Sql) sql = sql_write(store->db, &error);
  for (guint i = 0; i < 2 * OBJECTS; i++) {
    g_autofree char *id = object_name(i % 2 == 0 ? "old" : "new", i / 2);
    g_assert_true(sql_exec(sql, "INSERT INTO told (object_id, version) VALUES ($1, $2) ON CONFLICT (object_id) DO UPDATE SET version = excluded.version",
                           SQL_ARGS(sql_text(id), sql_int(i % 2 == 0 ? 2 : 1)), &error));
  }
  if (content_batch_acknowledge(batch, sql, &error)) sql_commit(sql, &error);
}

/* In the child: takes everything back that publish_all brought, telling first. */
static void undo_all(TestStore *store) {
  g_autoptr(GError) error = NULL;
  Sql *sql = sql_write(store->db, &error);
  g_assert_true(sql_exec(sql, "DELETE FROM told WHERE object_id LIKE 'new-%'", SQL_NONE, &error));
  g_assert_true(sql_exec(sql, "UPDATE told SET version = 1", SQL_NONE, &error) && sql_commit(sql, &error));
  sql_end(sql);
  for (guint i = 0; i < OBJECTS; i++) {
    g_autofree char *old = object_name("old", i), *new = object_name("new", i);
    if (!content_remove_version(store->content, old, 2, &error) || !content_remove(store->content, new, &error)) return;
  }
}

/* The child's part, by LANTAI_CONTENT_TEST: publish, undo, or only opening. */
static void run_child(void) {
  if (!g_test_subprocess()) return;
  TestStore store = {g_strdup(g_getenv("LANTAI_CONTENT_DIR")), NULL, NULL};
  open_test_store(&store);
  const char *what = g_getenv("LANTAI_CONTENT_TEST");
  if (strcmp(what, "publish") == 0) publish_all(&store);
  if (strcmp(what, "undo") == 0) undo_all(&store);
  close_test_store(&store);
  g_free(store.dir);
}

/* Runs the child and closes the store around it; TRUE if it lived to its end. */
static gboolean run_with_fault(TestStore *store, const char *what, const char *fault) {
  close_test_store(store);
  g_setenv("LANTAI_CONTENT_DIR", store->dir, TRUE);
  g_setenv("LANTAI_CONTENT_TEST", what, TRUE);
  g_setenv("LANTAI_FAULT", fault, TRUE);
  g_test_trap_subprocess("/crash/child", 0, 0);
  g_unsetenv("LANTAI_FAULT");
  g_test_trap_assert_stderr_unmatched("*ERROR*"); /* it was killed, it did not fail otherwise */
  return g_test_trap_has_passed();
}

/* What was told, is; what was not, is not. Returns how many objects the database knows. */
static guint assert_as_told(TestStore *store) {
  g_autoptr(Report) report = check_store(store);
  for (guint i = 0; i < report->faults->len; i++) g_test_message("fault: %s", (char *)report->faults->pdata[i]);
  g_assert_cmpuint(report->faults->len, ==, 0);
  g_autoptr(Sql) sql = sql_read(store->db, NULL);
  json_t *told = sql_json(sql, "SELECT object_id, version FROM told ORDER BY object_id", SQL_NONE, NULL);
  gsize i;
  json_t *row;
  json_array_foreach(told, i, row) {
    const char *id = json_string_value(json_object_get(row, "object_id"));
    json_int_t version = json_integer_value(json_object_get(row, "version"));
    g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(report->objects, id)), ==, version);
    assert_content(store, id, "f", version == 2 ? "two" : "one");
  }
  guint count = (guint)json_array_size(told);
  json_decref(told);
  g_assert_cmpuint(g_hash_table_size(report->objects), ==, count);
  g_assert_cmpuint(count_staged(store), ==, 0);
  return count;
}

static void test_killed_while_publishing(void) {
  static const char *const faults[] = {
    "content.publish.prepared:1",  "content.publish.intended:1",  "content.publish.flushed:1", "content.publish.version:1",
    "content.publish.version:3",   "content.publish.inventory:1", "content.publish.inventory:4", "content.publish.renamed:1",
    "content.publish.renamed:5",   "content.publish.renamed:8",   "content.publish.durable:1", "content.acknowledge:1",
  };
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autoptr(TestStore) store = new_test_store();
    fill_store(store);
    g_assert_false(run_with_fault(store, "publish", faults[i]));
    open_test_store(store);
    g_assert_cmpuint(assert_as_told(store), ==, OBJECTS);
    g_assert_cmpint(count_intents(store), ==, 0);
    publish_all(store); /* and the work can be done again */
    g_assert_cmpuint(assert_as_told(store), ==, 2 * OBJECTS);
  }
}

static void test_killed_while_undoing(void) {
  static const char *const faults[] = {"content.drop.inventory:1", "content.drop.inventory:3", "content.drop.sidecar:2",
                                       "content.remove.renamed:1", "content.remove.renamed:2", "content.remove.renamed:5"};
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autoptr(TestStore) store = new_test_store();
    fill_store(store);
    publish_all(store);
    g_assert_false(run_with_fault(store, "undo", faults[i]));
    open_test_store(store);
    undo_all(store); /* what an undo does when it is taken up again */
    g_assert_cmpuint(assert_as_told(store), ==, OBJECTS);
  }
}

/* Recovery is itself killed, at each of its steps, and then runs through. */
static void test_killed_while_recovering(void) {
  static const char *const faults[] = {"content.recover:1",      "content.recover:5",        "content.drop.inventory:2",
                                       "content.drop.sidecar:1", "content.remove.renamed:3", "content.recover.flushed:1"};
  g_autoptr(TestStore) store = new_test_store();
  fill_store(store);
  g_assert_false(run_with_fault(store, "publish", "content.publish.durable:1"));
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_assert_false(run_with_fault(store, "open", faults[i]));
    if (i % 2 == 1) g_assert_false(run_with_fault(store, "open", "content.recover:2"));
    if (i + 1 == G_N_ELEMENTS(faults)) break;
    g_assert_true(run_with_fault(store, "open", "none"));
    g_assert_false(run_with_fault(store, "publish", "content.publish.durable:1"));
  }
  open_test_store(store);
  g_assert_cmpuint(assert_as_told(store), ==, OBJECTS);
}

/* A step that fails instead of dying: the batch reports it and leaves nothing, at once. */
static void test_failing_steps(void) {
  static const char *const faults[] = {
    "content.publish.prepared:1:error",  "content.publish.intended:1:error", "content.publish.flushed:1:error", "content.publish.version:2:error",
    "content.publish.inventory:3:error", "content.publish.renamed:6:error",  "content.publish.durable:1:error", "content.acknowledge:1:error",
    "sql.commit:1:error",                "sql.commit:2:error",
  };
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autoptr(TestStore) store = new_test_store();
    fill_store(store);
    g_setenv("LANTAI_FAULT", faults[i], TRUE);
    publish_all(store);
    g_unsetenv("LANTAI_FAULT");
    g_assert_cmpuint(assert_as_told(store), ==, OBJECTS);
    publish_all(store);
    g_assert_cmpuint(assert_as_told(store), ==, 2 * OBJECTS);
    close_test_store(store);
    open_test_store(store);
    g_assert_cmpuint(assert_as_told(store), ==, 2 * OBJECTS);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/crash/child", run_child);
  g_test_add_func("/crash/killed-while-publishing", test_killed_while_publishing);
  g_test_add_func("/crash/killed-while-undoing", test_killed_while_undoing);
  g_test_add_func("/crash/killed-while-recovering", test_killed_while_recovering);
  g_test_add_func("/crash/failing-steps", test_failing_steps);
  return g_test_run();
}
