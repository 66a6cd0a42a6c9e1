/* Destroying on purpose: what is left, the log that copies follow, and a process killed at each step. */
#include "test-store.h"

static json_t *tomb_files(void) { return json_pack("{s:s, s:s}", "metadata.json", "{\"title\":\"甲\"}", "tombstone.json", "{\"reason\":\"到期\"}"); }

static gboolean entomb(TestStore *store, const char *id, GError **error) {
  json_t *files = tomb_files();
  gboolean done = content_entomb(store->content, id, files, "李四", "销毁", error);
  json_decref(files);
  return done;
}

/* {version, tomb, serial} of the log. */
static gint64 logged(TestStore *store, const char *id, const char *column) {
  g_autoptr(Sql) sql = sql_read(store->db, NULL);
  json_t *row = sql_row_json(sql, "SELECT version, tomb, serial FROM content_object WHERE object_id = $1", SQL_ARGS(sql_text(id)), NULL);
  gint64 value = row != NULL ? json_integer_value(json_object_get(row, column)) : -1;
  json_decref(row);
  return value;
}

static gboolean tree_has(const char *folder, const char *bytes) {
  const char *argv[] = {"grep", "-rqF", bytes, folder, NULL};
  int status = 0;
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  return status == 0;
}

static void assert_tomb(TestStore *store, const char *id) {
  g_assert_cmpuint(content_version(store->content, id), ==, 1);
  assert_content(store, id, "tombstone.json", "{\"reason\":\"到期\"}");
  assert_content(store, id, "metadata.json", "{\"title\":\"甲\"}");
  assert_absent(store, id, "files/1");
  g_assert_false(tree_has(store->dir, "the secret"));
  g_autofree char *folder = object_file(store, id, "");
  json_t *result = content_validate_object(folder);
  g_assert_cmpuint(json_array_size(json_object_get(result, "errors")), ==, 0);
  json_decref(result);
  assert_clean(store);
  g_assert_cmpuint(count_staged(store), ==, 0);
  g_assert_cmpint(logged(store, id, "tomb"), ==, 1);
  g_assert_cmpint(logged(store, id, "version"), ==, 1);
}

static void fill_object(TestStore *store) {
  put_object(store, "o", "files/1", "the secret one", "metadata.json", "{}");
  put_object(store, "o", "files/2", "the secret two");
  put_object(store, "other", "files/1", "kept");
}

static void test_entomb(void) {
  g_autoptr(TestStore) store = new_test_store();
  fill_object(store);
  gint64 before = logged(store, "o", "serial");
  g_autoptr(GError) error = NULL;
  g_assert_true(entomb(store, "o", &error));
  g_assert_no_error(error);
  assert_tomb(store, "o");
  gint64 serial = logged(store, "o", "serial");
  g_assert_cmpint(serial, >, before);
  g_assert_true(entomb(store, "o", &error)); /* again: nothing */
  g_assert_cmpint(logged(store, "o", "serial"), ==, serial);
  assert_content(store, "other", "files/1", "kept");
  json_t *none = json_object();
  g_assert_false(content_entomb(store->content, "other", none, "李四", "", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  json_decref(none);
  assert_content(store, "other", "files/1", "kept");
}

/* A decision in the caller's transaction: rolled back nothing happens, committed it does, at the latest when the store is opened. */
static void test_intend(void) {
  g_autoptr(TestStore) store = new_test_store();
  fill_object(store);
  json_t *files = tomb_files();
  Sql *sql = sql_write(store->db, NULL);
  g_assert_true(content_entomb_intend(sql, "o", files, "李四", "销毁", NULL));
  sql_end(sql);
  g_assert_true(content_entomb(store->content, "o", NULL, NULL, NULL, NULL));
  assert_content(store, "o", "files/1", "the secret one");
  sql = sql_write(store->db, NULL);
  g_assert_true(content_entomb_intend(sql, "o", files, "李四", "销毁", NULL) && sql_commit(sql, NULL));
  sql_end(sql);
  close_test_store(store);
  open_test_store(store);
  assert_tomb(store, "o");
  json_decref(files);
}

static void run_child(void) {
  if (!g_test_subprocess()) return;
  TestStore store = {g_strdup(g_getenv("LANTAI_CONTENT_DIR")), NULL, NULL};
  open_test_store(&store);
  entomb(&store, "o", NULL);
  close_test_store(&store);
  g_free(store.dir);
}

/* Killed at each step: at that moment the store is acceptable to a validator, and the next opening finishes. */
static void test_killed(void) {
  static const char *const faults[] = {"content.entomb.intended:1", "content.entomb.prepared:1", "content.entomb.placed:1", "content.entomb.removed:1"};
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autoptr(TestStore) store = new_test_store();
    fill_object(store);
    close_test_store(store);
    g_setenv("LANTAI_FAULT", faults[i], TRUE);
    g_setenv("LANTAI_CONTENT_DIR", store->dir, TRUE);
    g_test_trap_subprocess("/entomb/child", 0, 0);
    g_assert_false(g_test_trap_has_passed());
    g_unsetenv("LANTAI_FAULT");
    g_autofree char *below = object_path("o"), *folder = g_build_filename(store->dir, "store", below, NULL);
    json_t *result = content_validate_object(folder);
    g_assert_cmpuint(json_array_size(json_object_get(result, "errors")), ==, 0);
    json_decref(result);
    open_test_store(store);
    assert_tomb(store, "o");
  }
}

/* The log tells every change, and is made for a store that had none. */
static void test_log(void) {
  g_autoptr(TestStore) store = new_test_store();
  fill_object(store);
  g_assert_cmpint(logged(store, "o", "version"), ==, 2);
  g_assert_cmpint(logged(store, "other", "version"), ==, 1);
  g_assert_cmpint(logged(store, "o", "serial"), <, logged(store, "other", "serial"));
  g_assert_true(content_remove_version(store->content, "o", 2, NULL) && content_remove(store->content, "other", NULL));
  Sql *sql = sql_write(store->db, NULL);
  g_assert_true(content_log_drop(store->content, sql, "o", 2, NULL) && content_log_drop(store->content, sql, "other", 0, NULL) && sql_commit(sql, NULL));
  sql_end(sql);
  g_assert_cmpint(logged(store, "o", "version"), ==, 1);
  g_assert_cmpint(logged(store, "other", "version"), ==, 0);
  entomb(store, "o", NULL);
  put_object(store, "third", "a", "1");
  sql = sql_write(store->db, NULL);
  g_assert_true(sql_exec(sql, "DELETE FROM content_object", SQL_NONE, NULL) && sql_commit(sql, NULL));
  sql_end(sql);
  g_autoptr(GError) error = NULL;
  g_assert_true(content_log_fill(store->content, &error));
  g_assert_no_error(error);
  g_assert_cmpint(logged(store, "o", "tomb"), ==, 1);
  g_assert_cmpint(logged(store, "third", "version"), ==, 1);
  g_assert_cmpint(logged(store, "third", "tomb"), ==, 0);
  g_assert_cmpint(logged(store, "other", "version"), ==, -1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/entomb/child", run_child);
  g_test_add_func("/entomb/tomb", test_entomb);
  g_test_add_func("/entomb/intend", test_intend);
  g_test_add_func("/entomb/killed", test_killed);
  g_test_add_func("/entomb/log", test_log);
  return g_test_run();
}
