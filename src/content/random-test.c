/*
 * A thousand random operations over one store: new versions, edits, withdrawals, undo of versions and of objects, destruction. Afterwards every object is
 * what a model in memory says, and the root is valid. LANTAI_RANDOM_DIR: the store is made there and stays, for other validators (tests/ocfl.test.mjs).
 */
#include "test-store.h"

enum { OBJECTS = 60, OPERATIONS = 1000, PATHS = 6 };

typedef struct {
  guint version; /* 0: none */
  gboolean tomb;
  int text[64][PATHS]; /* by version: the number of the text at a path, -1 none */
} Model;

static void remember(Model *model) {
  if (model->version == 0) for (guint i = 0; i < PATHS; i++) model->text[0][i] = -1;
  memcpy(model->text[model->version + 1], model->text[model->version], sizeof model->text[0]);
  model->version++;
}

static void change(TestStore *store, Model *model, const char *id, GRand *rand) {
  g_autoptr(GError) error = NULL;
  ContentStage *stage = content_stage_new(store->content, id, "张三", "改", &error);
  g_assert_no_error(error);
  remember(model);
  for (guint n = (guint)g_rand_int_range(rand, 1, 4); n > 0; n--) {
    int path = g_rand_int_range(rand, 0, PATHS), text = g_rand_int_range(rand, 0, 40);
    g_autofree char *name = g_strdup_printf("files/第%d页", path), *bytes = g_strdup_printf("内容 %d", text);
    int *now = &model->text[model->version][path];
    if (*now >= 0 && g_rand_int_range(rand, 0, 4) == 0) {
      g_assert_true(content_stage_remove(stage, name, &error));
      *now = -1;
    } else {
      g_assert_nonnull(content_stage_add_bytes(stage, name, bytes, strlen(bytes), &error));
      *now = text;
    }
  }
  put_stage(store, stage);
}

static void log_drop(TestStore *store, const char *id, guint version) {
  Sql *sql = sql_write(store->db, NULL);
  g_assert_true(content_log_drop(store->content, sql, id, version, NULL) && sql_commit(sql, NULL));
  sql_end(sql);
}

static void entomb(TestStore *store, Model *model, const char *id) {
  json_t *files = json_pack("{s:s}", "tombstone.json", "{}");
  g_autoptr(GError) error = NULL;
  g_assert_true(content_entomb(store->content, id, files, "李四", "销毁", &error));
  json_decref(files);
  model->tomb = TRUE;
  model->version = 1;
}

static void operate(TestStore *store, Model *model, const char *id, GRand *rand) {
  guint what = (guint)g_rand_int_range(rand, 0, 100);
  if (model->tomb) return;
  if (model->version == 0 || (what < 80 && model->version < 62)) {
    change(store, model, id, rand);
  } else if (what < 94) { /* undo of the newest version */
    g_assert_true(content_remove_version(store->content, id, model->version, NULL));
    log_drop(store, id, model->version);
    model->version--;
  } else if (what < 97) {
    g_assert_true(content_remove(store->content, id, NULL));
    log_drop(store, id, 0);
    model->version = 0;
  } else {
    entomb(store, model, id);
  }
}

static void compare(TestStore *store, const Model *model, const char *id) {
  g_assert_cmpuint(content_version(store->content, id), ==, model->version);
  g_autoptr(Sql) sql = sql_read(store->db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT version FROM content_object WHERE object_id = $1", SQL_ARGS(sql_text(id)), 0, NULL), ==, model->version);
  g_clear_pointer(&sql, sql_end);
  for (guint path = 0; path < PATHS && model->version > 0; path++) {
    int text = model->tomb ? -1 : model->text[model->version][path];
    g_autofree char *name = g_strdup_printf("files/第%u页", path), *bytes = g_strdup_printf("内容 %d", text);
    if (text >= 0) assert_content(store, id, name, bytes);
    else assert_absent(store, id, name);
  }
}

static void count_bad(const char *path, json_t *result, gpointer data) {
  *(guint *)data += json_array_size(json_object_get(result, "errors")) > 0 || json_array_size(json_object_get(result, "warnings")) > 0;
}

static void test_thousand(void) {
  const char *kept = g_getenv("LANTAI_RANDOM_DIR");
  TestStore *store = kept != NULL ? g_new0(TestStore, 1) : new_test_store();
  if (kept != NULL) {
    store->dir = g_strdup(kept);
    open_test_store(store);
  }
  g_autofree Model *models = g_new0(Model, OBJECTS);
  g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_test_rand_int());
  for (guint i = 0; i < OPERATIONS; i++) {
    guint object = (guint)g_rand_int_range(rand, 0, OBJECTS);
    g_autofree char *id = g_strdup_printf("urn:lantai:record:%u", object + 1);
    operate(store, &models[object], id, rand);
  }
  for (guint i = 0; i < OBJECTS; i++) {
    g_autofree char *id = g_strdup_printf("urn:lantai:record:%u", i + 1);
    compare(store, &models[i], id);
  }
  assert_clean(store);
  guint bad = 0;
  json_t *root = content_validate_root(content_root(store->content), count_bad, &bad);
  g_assert_cmpuint(json_array_size(json_object_get(root, "errors")) + bad, ==, 0);
  json_decref(root);
  if (kept == NULL) free_test_store(store);
  else close_test_store(store);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/random/thousand-operations", test_thousand);
  return g_test_run();
}
