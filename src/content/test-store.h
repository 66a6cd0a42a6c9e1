/* What the tests of this room share: a store in a folder of its own, on memory where there is some, and a record of what a check says. */
#pragma once
#include "content-internal.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir;
  SqlDb *db;
  Content *content;
} TestStore;

G_GNUC_UNUSED static char *make_test_dir(void) {
  g_autofree char *shared = g_strdup("/dev/shm/lantai-content-XXXXXX");
  if (g_mkdtemp(shared) != NULL) return g_steal_pointer(&shared);
  return g_dir_make_tmp("lantai-content-XXXXXX", NULL);
}

G_GNUC_UNUSED static void open_test_store(TestStore *store) {
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(store->dir, "test.db", NULL);
  store->db = sql_open(path, &error);
  g_assert_no_error(error);
  static const char *const scripts[] = {"CREATE TABLE told (object_id TEXT PRIMARY KEY, version BIGINT NOT NULL);", NULL};
  g_assert_true(sql_migrate(store->db, "test", scripts, &error));
  store->content = content_open(store->dir, store->db, &error);
  g_assert_no_error(error);
}

G_GNUC_UNUSED static void close_test_store(TestStore *store) {
  g_clear_pointer(&store->content, content_close);
  g_clear_pointer(&store->db, sql_close);
}

G_GNUC_UNUSED static TestStore *new_test_store(void) {
  TestStore *store = g_new0(TestStore, 1);
  store->dir = make_test_dir();
  open_test_store(store);
  return store;
}

G_GNUC_UNUSED static void free_test_store(TestStore *store) {
  close_test_store(store);
  g_assert_true(remove_tree(AT_FDCWD, store->dir));
  g_free(store->dir);
  g_free(store);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestStore, free_test_store)

/* Publishes what was staged and tells of it in a transaction. */
G_GNUC_UNUSED static gboolean publish_and_tell(TestStore *store, ContentBatch *batch, const char *object_id, gint64 version, GError **error) {
  if (!content_batch_publish(batch, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(store->db, error);
  return sql != NULL &&
         sql_exec(sql, "INSERT INTO told (object_id, version) VALUES ($1, $2) ON CONFLICT (object_id) DO UPDATE SET version = excluded.version",
                  SQL_ARGS(sql_text(object_id), sql_int(version)), error) &&
         content_batch_acknowledge(batch, sql, error) && sql_commit(sql, error);
}

/* One version with files given as path, text, …, NULL; a NULL text removes the path. */
G_GNUC_UNUSED static ContentStage *stage_files(TestStore *store, const char *object_id, const char *const *files) {
  g_autoptr(GError) error = NULL;
  ContentStage *stage = content_stage_new(store->content, object_id, "张三", "测试", &error);
  g_assert_no_error(error);
  for (guint i = 0; files[i] != NULL; i += 2) {
    const ContentFile *file = content_stage_add_bytes(stage, files[i], files[i + 1], strlen(files[i + 1]), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(file->path, ==, files[i]);
  }
  return stage;
}

G_GNUC_UNUSED static void put_stage(TestStore *store, ContentStage *stage) {
  g_autoptr(GError) error = NULL;
  g_autofree char *object_id = g_strdup(stage->object_id);
  guint version = stage->version;
  g_autoptr(ContentBatch) batch = content_batch_new(store->content);
  content_batch_take(batch, stage);
  g_assert_true(publish_and_tell(store, batch, object_id, version, &error));
  g_assert_no_error(error);
}

#define put_object(store, object_id, ...) put_stage((store), stage_files((store), (object_id), (const char *const[]){__VA_ARGS__, NULL}))

/* The bytes of a file, or NULL. */
G_GNUC_UNUSED static char *read_content(TestStore *store, const char *object_id, const char *path, GError **error) {
  gint64 size_bytes = -1;
  autofd fd = content_read(store->content, object_id, path, &size_bytes, error);
  if (fd < 0) return NULL;
  char *text = g_malloc0((gsize)size_bytes + 1);
  g_assert_cmpint(read(fd, text, (gsize)size_bytes), ==, size_bytes);
  return text;
}

G_GNUC_UNUSED static void assert_content(TestStore *store, const char *object_id, const char *path, const char *expected) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = read_content(store, object_id, path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(text, ==, expected);
}

G_GNUC_UNUSED static void assert_absent(TestStore *store, const char *object_id, const char *path) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = read_content(store, object_id, path, &error);
  g_assert_null(text);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
}

/* ---- what a check says ---- */

typedef struct {
  GPtrArray *faults; /* "object|path|fault" */
  GHashTable *objects; /* id → version */
  gint64 files, bytes, progressed;
} Report;

static void note_object(const char *object_id, guint version, json_t *files, gpointer data) {
  Report *report = data;
  g_assert_true(json_is_array(files));
  g_hash_table_insert(report->objects, g_strdup(object_id), GUINT_TO_POINTER(version));
}

static void note_fault(const char *object_id, const char *path, ContentFault fault, const char *detail, gpointer data) {
  Report *report = data;
  g_assert_true(g_utf8_validate(path, -1, NULL));
  g_assert_nonnull(detail);
  g_ptr_array_add(report->faults, g_strdup_printf("%s|%s|%s", object_id != NULL ? object_id : "-", path, content_fault_name(fault)));
}

static void note_progress(gint64 objects, gint64 files, gint64 bytes, gpointer data) {
  Report *report = data;
  report->files = files;
  report->bytes = bytes;
  report->progressed++;
}

G_GNUC_UNUSED static Report *check_store(TestStore *store) {
  static const ContentCheckVisitor visitor = {note_object, note_fault, note_progress};
  Report *report = g_new0(Report, 1);
  report->faults = g_ptr_array_new_with_free_func(g_free);
  report->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_true(content_check(store->content, &visitor, report, &error));
  g_assert_no_error(error);
  return report;
}

G_GNUC_UNUSED static void report_free(Report *report) {
  g_ptr_array_unref(report->faults);
  g_hash_table_unref(report->objects);
  g_free(report);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

G_GNUC_UNUSED static gboolean has_fault(const Report *report, const char *fault) {
  return g_ptr_array_find_with_equal_func(report->faults, fault, g_str_equal, NULL);
}

G_GNUC_UNUSED static void assert_clean(TestStore *store) {
  g_autoptr(Report) report = check_store(store);
  for (guint i = 0; i < report->faults->len; i++) g_test_message("fault: %s", (char *)report->faults->pdata[i]);
  g_assert_cmpuint(report->faults->len, ==, 0);
}

/* A path in an object's folder. */
G_GNUC_UNUSED static char *object_file(TestStore *store, const char *object_id, const char *path) {
  g_autofree char *folder = object_path(object_id);
  return g_build_filename(content_root(store->content), folder, path, NULL);
}

G_GNUC_UNUSED static void write_text(const char *path, const char *text, gssize length) {
  g_autoptr(GError) error = NULL;
  g_file_set_contents(path, text, length, &error);
  g_assert_no_error(error);
}

G_GNUC_UNUSED static gint64 count_intents(TestStore *store) {
  g_autoptr(Sql) sql = sql_read(store->db, NULL);
  return sql_number(sql, "SELECT COUNT(*) AS rows FROM content_intent", SQL_NONE, -1, NULL);
}

G_GNUC_UNUSED static guint count_staged(TestStore *store) {
  g_autoptr(GPtrArray) names = list_folder(store->content->staging_fd);
  return names->len;
}
