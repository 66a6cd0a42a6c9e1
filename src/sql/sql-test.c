/* The contract of sql.h: what every implementation must pass. */
#include "error.h"
#include "sql.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char *const SCRIPTS[] = {"CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE, weight REAL, data BLOB)", NULL};

static SqlDb *open_things(void) {
  g_autoptr(GError) error = NULL;
  SqlDb *db = sql_open(":memory:", &error);
  g_assert_no_error(error);
  g_assert_true(sql_migrate(db, "test", SCRIPTS, &error));
  return db;
}

static void add_thing(SqlDb *db, const char *name) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(db, &error);
  g_assert_true(sql_exec(sql, "INSERT INTO thing (name, weight) VALUES ($1, $2)", SQL_ARGS(sql_text(name), sql_real(1.5)), &error));
  g_assert_true(sql_commit(sql, &error));
  g_assert_no_error(error);
}

static gint64 count_things(SqlDb *db) {
  g_autoptr(Sql) sql = sql_read(db, NULL);
  return sql_number(sql, "SELECT count(*) AS n FROM thing", SQL_NONE, -1, NULL);
}

static void test_commit_and_rollback(void) {
  g_autoptr(SqlDb) db = open_things();
  add_thing(db, "甲");
  g_assert_cmpint(count_things(db), ==, 1);
  {
    g_autoptr(Sql) sql = sql_write(db, NULL);
    g_assert_true(sql_exec(sql, "DELETE FROM thing", SQL_NONE, NULL));
    g_assert_cmpint(sql_changes(sql), ==, 1);
  }
  g_assert_cmpint(count_things(db), ==, 1);
}

/* A part is taken back alone; what a virtual table has gathered shows at its end whether it can be written. */
static void test_parts(void) {
  static const char *const scripts[] = {"CREATE TABLE thing (name TEXT); CREATE VIRTUAL TABLE word USING fts5 (text, content = '')", NULL};
  g_autofree char *dir = g_dir_make_tmp(NULL, NULL), *file = g_build_filename(dir, "parts.db", NULL);
  g_autoptr(SqlDb) db = sql_open(file, NULL);
  g_assert_true(sql_migrate(db, "test", scripts, NULL));
  {
    g_autoptr(Sql) sql = sql_write(db, NULL);
    sql_guard(sql, FALSE);
    g_assert_true(sql_exec(sql, "DROP TABLE word_idx", SQL_NONE, NULL));
    sql_guard(sql, TRUE);
    g_assert_true(sql_commit(sql, NULL));
  }
  sql_close(db); /* who wrote that has the former in memory */
  db = sql_open(file, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(db, NULL);
  for (guint round = 0; round < 3; round++) { /* taken back; fails; good */
    g_assert_true(sql_exec(sql, "INSERT INTO thing (name) VALUES ('stays')", SQL_NONE, NULL));
    g_assert_true(sql_part_begin(sql, NULL));
    g_assert_true(sql_exec(sql, "INSERT INTO thing (name) VALUES ('part')", SQL_NONE, NULL));
    if (round == 1) g_assert_true(sql_exec(sql, "INSERT INTO word (rowid, text) VALUES (1, 'a')", SQL_NONE, NULL));
    g_assert_cmpint(sql_part_end(sql, round > 0, &error), ==, round == 2);
    g_assert_cmpint(error != NULL, ==, round == 1);
    g_clear_error(&error);
  }
  g_assert_true(sql_commit(sql, &error));
  g_assert_no_error(error);
  sql_end(g_steal_pointer(&sql));
  sql = sql_read(db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM thing WHERE name = 'stays'", SQL_NONE, -1, NULL), ==, 3);
  g_assert_cmpint(count_things(db), ==, 4);
  g_unlink(file);
  g_rmdir(dir);
}

static void test_snapshot(void) {
  g_autoptr(SqlDb) db = open_things();
  add_thing(db, "甲");
  g_autoptr(Sql) reader = sql_read(db, NULL);
  g_assert_cmpint(sql_number(reader, "SELECT count(*) AS n FROM thing", SQL_NONE, -1, NULL), ==, 1);
  add_thing(db, "乙");
  g_assert_cmpint(sql_number(reader, "SELECT count(*) AS n FROM thing", SQL_NONE, -1, NULL), ==, 1);
  g_assert_cmpint(count_things(db), ==, 2);
}

static void test_readers_cannot_write(void) {
  g_autoptr(SqlDb) db = open_things();
  g_autoptr(Sql) sql = sql_read(db, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_false(sql_exec(sql, "INSERT INTO thing (name) VALUES ($1)", SQL_ARGS(sql_text("甲")), &error));
  g_assert_nonnull(error);
}

static void test_values_and_json(void) {
  g_autoptr(SqlDb) db = open_things();
  g_autoptr(Sql) sql = sql_write(db, NULL);
  g_assert_true(sql_exec(sql, "INSERT INTO thing (id, name, weight, data) VALUES ($1, $2, $3, $4)",
    SQL_ARGS(sql_int(7), sql_text_n("甲乙", 3), sql_real(0.5), sql_blob("\0x", 2)), NULL));
  json_t *row = sql_row_json(sql, "SELECT id, name, weight FROM thing WHERE id = $1", SQL_ARGS(sql_int(7)), NULL);
  g_assert_cmpstr(json_string_value(json_object_get(row, "name")), ==, "甲");
  g_assert_cmpfloat(json_real_value(json_object_get(row, "weight")), ==, 0.5);
  json_decref(row);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT data FROM thing", SQL_NONE, NULL);
  g_assert_true(sql_next(rows, NULL));
  gsize length;
  g_assert_cmpmem(sql_blob_at(rows, 0, &length), 2, "\0x", 2);
  g_assert_cmpuint(length, ==, 2);
  g_autoptr(GError) error = NULL;
  g_assert_null(sql_row_json(sql, "SELECT id FROM thing WHERE id = $1", SQL_ARGS(sql_int(8)), &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
}

static void test_constraint_is_conflict(void) {
  g_autoptr(SqlDb) db = open_things();
  add_thing(db, "甲");
  g_autoptr(Sql) sql = sql_write(db, NULL);
  g_autoptr(GError) error = NULL;
  g_assert_false(sql_exec(sql, "INSERT INTO thing (name) VALUES ($1)", SQL_ARGS(sql_text("甲")), &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
}

static void test_nested_same_statement(void) {
  g_autoptr(SqlDb) db = open_things();
  add_thing(db, "甲");
  add_thing(db, "乙");
  g_autoptr(Sql) sql = sql_read(db, NULL);
  int seen = 0;
  for (int depth = 0; depth < 2; depth++) {
    static const char *const literal = "SELECT name FROM thing ORDER BY id";
    g_autoptr(SqlRows) outer = sql_query_literal(sql, literal, SQL_NONE, NULL);
    while (sql_next(outer, NULL)) {
      g_autoptr(SqlRows) inner = sql_query_literal(sql, literal, SQL_NONE, NULL);
      while (sql_next(inner, NULL)) seen++;
    }
  }
  g_assert_cmpint(seen, ==, 8);
}

static void count_up(gpointer data) { ++*(int *)data; }

static void test_hooks(void) {
  g_autoptr(SqlDb) db = open_things();
  int ran = 0, freed = 0;
  {
    g_autoptr(Sql) sql = sql_write(db, NULL);
    sql_on_commit(sql, count_up, &ran, NULL);
    sql_set_data(sql, "test", &freed, count_up);
    g_assert_true(sql_get_data(sql, "test") == &freed);
  }
  g_assert_cmpint(ran, ==, 0);
  g_assert_cmpint(freed, ==, 1);
  g_autoptr(Sql) sql = sql_write(db, NULL);
  sql_on_commit(sql, count_up, &ran, NULL);
  g_assert_true(sql_commit(sql, NULL));
  g_assert_cmpint(ran, ==, 1);
}

static gpointer write_many(gpointer db) {
  for (int i = 0; i < 50; i++) {
    g_autofree char *name = g_strdup_printf("%p-%d", (void *)g_thread_self(), i);
    add_thing(db, name);
  }
  return NULL;
}

static void test_threads(void) {
  g_autoptr(SqlDb) db = open_things();
  GThread *threads[4];
  for (int i = 0; i < 4; i++) threads[i] = g_thread_new("writer", write_many, db);
  for (int i = 0; i < 20; i++) g_assert_cmpint(count_things(db), >=, 0);
  for (int i = 0; i < 4; i++) g_thread_join(threads[i]);
  g_assert_cmpint(count_things(db), ==, 200);
}

static void test_newer_database_is_refused(void) {
  g_autoptr(SqlDb) db = open_things();
  static const char *const fewer[] = {NULL};
  g_autoptr(GError) error = NULL;
  g_assert_false(sql_migrate(db, "test", fewer, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
}

static void test_damaged_file_is_refused(void) {
  g_autofree char *folder = g_dir_make_tmp("lantai-sql-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "damaged.db", NULL);
  g_assert_true(g_file_set_contents(path, "this is not a database, although it is long enough to look like one", -1, NULL));
  g_autoptr(GError) error = NULL;
  g_assert_null(sql_open(path, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  g_unlink(path);
  g_rmdir(folder);
}

static void test_backup(void) {
  g_autoptr(SqlDb) db = open_things();
  add_thing(db, "甲");
  g_autofree char *folder = g_dir_make_tmp("lantai-sql-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(folder, "copy.db", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_true(sql_backup(db, path, &error));
  {
    g_autoptr(SqlDb) copy = sql_open_readonly(path, &error);
    g_assert_no_error(error);
    g_assert_true(sql_integrity_check(copy, &error));
    g_assert_cmpint(count_things(copy), ==, 1);
    g_assert_null(sql_write(copy, &error));
  }
  g_autofree char *command = g_strdup_printf("rm -r %s", folder);
  g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
}

static gpointer write_once(gpointer data) {
  add_thing(data, "等着的");
  return NULL;
}

/* Who writes one transaction after the other lets in who waits. */
static void test_turns(void) {
  g_autoptr(SqlDb) db = open_things();
  Sql *sql = sql_write(db, NULL);
  GThread *thread = g_thread_new("waits", write_once, db);
  g_usleep(100000);
  sql_end(sql);
  sql = sql_write(db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT count(*) AS n FROM thing", SQL_NONE, -1, NULL), ==, 1);
  sql_end(sql);
  g_thread_join(thread);
}

/* A long log goes into the file while somebody else has the turn to write. */
static void test_log_moves(void) {
  enum { BYTES = 40 << 20, WAITS = 500 };
  g_autofree char *folder = g_dir_make_tmp("lantai-sql-XXXXXX", NULL), *path = g_build_filename(folder, "log.db", NULL), *blob = g_malloc0(BYTES);
  {
    g_autoptr(SqlDb) db = sql_open(path, NULL);
    Sql *sql = sql_write(db, NULL);
    g_assert_true(sql_exec(sql, "CREATE TABLE thing (id INTEGER PRIMARY KEY, data BLOB)", SQL_NONE, NULL));
    g_assert_true(sql_exec(sql, "INSERT INTO thing (data) VALUES ($1)", SQL_ARGS(sql_blob(blob, BYTES)), NULL));
    g_assert_true(sql_commit(sql, NULL));
    sql_end(sql);
    sql = sql_write(db, NULL);
    GStatBuf info = {0};
    for (guint i = 0; i < WAITS && info.st_size < BYTES; i++) {
      g_usleep(10000);
      g_assert_cmpint(g_stat(path, &info), ==, 0);
    }
    g_assert_cmpint(info.st_size, >=, BYTES);
    sql_end(sql);
  }
  g_autofree char *command = g_strdup_printf("rm -r %s", folder);
  g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
}

/* ---- the mapping (map.c) ---- */

/* Sums what is found in the lines of a file of /proc with both words. */
static gint64 sum_lines(const char *file, const char *one, const char *two, gint64 (*value)(const char *line)) {
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  gint64 sum = 0;
  for (char **line = lines; *line; line++)
    if (strstr(*line, one) && g_str_has_suffix(*line, two)) sum += value(*line);
  return sum;
}

static gint64 bytes_of(const char *line) {
  g_auto(GStrv) ends = g_strsplit_set(line, "- ", 3);
  return (gint64)(g_ascii_strtoull(ends[1], NULL, 16) - g_ascii_strtoull(ends[0], NULL, 16));
}
static gint64 once(const char *line) { return 1; }

static gint64 sum_blobs(Sql *sql) { return sql_number(sql, "SELECT sum(length(data) + unicode(hex(substr(data, 700000, 1)))) AS n FROM thing", SQL_NONE, -1, NULL); }

static void add_blobs(SqlDb *db, guint count) {
  g_autoptr(Sql) sql = sql_write(db, NULL);
  for (guint i = 0; i < count; i++) g_assert_true(sql_exec(sql, "INSERT INTO thing (data) VALUES (randomblob(1048576))", SQL_NONE, NULL));
  g_assert_true(sql_commit(sql, NULL));
}

static gint64 locks_of(const char *path) {
  GStatBuf info;
  g_assert_cmpint(g_stat(path, &info), ==, 0);
  g_autofree char *inode = g_strdup_printf(":%" G_GUINT64_FORMAT " ", (guint64)info.st_ino), *process = g_strdup_printf(" %d ", getpid());
  g_autofree char *text = NULL;
  g_assert_true(g_file_get_contents("/proc/locks", &text, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  gint64 found = 0;
  for (char **line = lines; *line; line++) found += strstr(*line, inode) && strstr(*line, process);
  return found;
}

/* A file longer than a window is mapped once, however many read it; what is written is seen; who closes it leaves the others their locks. */
static void test_map(void) {
  enum { WINDOW = 64 << 20, BLOBS = 70 };
  g_autoptr(GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp("lantai-map-XXXXXX", &error), *path = g_build_filename(folder, "map.db", NULL);
  SqlDb *db = sql_open(path, &error);
  g_assert_true(db && sql_migrate(db, "test", SCRIPTS, &error));
  add_blobs(db, BLOBS);
  g_autoptr(Sql) writer = sql_write(db, NULL);
  gint64 sum = sum_blobs(writer); /* who writes does not read by the mapping */
  sql_end(g_steal_pointer(&writer));
  sql_close(db); /* all is in the file then */
  db = sql_open(path, &error);
  Sql *readers[3];
  for (guint i = 0; i < G_N_ELEMENTS(readers); i++) {
    readers[i] = sql_read(db, NULL);
    g_assert_cmpint(sum_blobs(readers[i]), ==, sum);
  }
  g_assert_cmpint(sum_lines("/proc/self/maps", "r--s", path, bytes_of), ==, 2 * WINDOW);
  add_blobs(db, 1);
  g_assert_cmpint(sum_blobs(readers[0]), ==, sum); /* as it was when it began */
  for (guint i = 0; i < G_N_ELEMENTS(readers); i++) sql_end(readers[i]);
  SqlDb *other = sql_open(path, &error);
  for (guint round = 0; round < 3; round++) {
    SqlDb *of = round % 2 ? db : other;
    add_blobs(of, 1);
    g_autoptr(Sql) sql = sql_read(other, NULL), same = sql_read(db, NULL), wrote = sql_write(db, NULL);
    g_assert_cmpint(sum_blobs(sql), ==, sum_blobs(wrote));
    g_assert_cmpint(sum_blobs(same), ==, sum_blobs(wrote));
    g_assert_cmpint(sum_blobs(same), >, sum);
  }
  sql_close(other);
  g_assert_cmpint(locks_of(path), >, 0);
  sql_close(db);
  g_assert_cmpint(locks_of(path), ==, 0);
  g_assert_cmpint(sum_lines("/proc/self/maps", "r--s", path, once), ==, 0);
  g_unlink(path);
  g_rmdir(folder);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/sql/commit-and-rollback", test_commit_and_rollback);
  g_test_add_func("/sql/parts", test_parts);
  g_test_add_func("/sql/snapshot", test_snapshot);
  g_test_add_func("/sql/readers-cannot-write", test_readers_cannot_write);
  g_test_add_func("/sql/values-and-json", test_values_and_json);
  g_test_add_func("/sql/constraint-is-conflict", test_constraint_is_conflict);
  g_test_add_func("/sql/nested-same-statement", test_nested_same_statement);
  g_test_add_func("/sql/hooks", test_hooks);
  g_test_add_func("/sql/threads", test_threads);
  g_test_add_func("/sql/newer-database", test_newer_database_is_refused);
  g_test_add_func("/sql/damaged-file", test_damaged_file_is_refused);
  g_test_add_func("/sql/backup", test_backup);
  g_test_add_func("/sql/turns", test_turns);
  g_test_add_func("/sql/log-moves", test_log_moves);
  g_test_add_func("/sql/map", test_map);
  return g_test_run();
}
