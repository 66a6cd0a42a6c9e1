/* The journal: the chain shows every kind of tampering, in the database and in the mirror; the mirror follows and repairs itself; lists page by key. */
#include "journal.h"
#include "error.h"
#include "mirror.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *dir;
  SqlDb *db;
  Journal *journal;
} Place;

/* Warnings are part of what is tested; an unexpected one ends the test. */
static const char *expected_warning;

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
  const char *message = "";
  for (gsize i = 0; i < count; i++)
    if (strcmp(fields[i].key, "MESSAGE") == 0) message = fields[i].value;
  if ((level & G_LOG_LEVEL_WARNING) && expected_warning && strstr(message, expected_warning)) {
    expected_warning = NULL;
    return G_LOG_WRITER_HANDLED;
  }
  return g_log_writer_default(level, fields, count, data);
}

static void place_open(Place *place) {
  g_autofree char *path = g_build_filename(place->dir, "test.db", NULL);
  GError *error = NULL;
  place->db = sql_open(path, &error);
  g_assert_no_error(error);
  place->journal = journal_open(place->db, place->dir, &error);
  g_assert_no_error(error);
}

static void place_close(Place *place) {
  g_clear_pointer(&place->journal, journal_close);
  g_clear_pointer(&place->db, sql_close);
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    if (g_file_test(child, G_FILE_TEST_IS_DIR)) remove_tree(child);
    else g_unlink(child);
  }
  g_rmdir(path);
}

static void set_up(Place *place, gconstpointer data) {
  place->dir = g_dir_make_tmp("lantai-journal-XXXXXX", NULL);
  place_open(place);
}

static void tear_down(Place *place, gconstpointer data) {
  place_close(place);
  remove_tree(place->dir);
  g_free(place->dir);
}

/* Events n of "record" n % 3, by three actors. */
static void append_some(SqlDb *db, int count) {
  static const char *const actors[] = {"wang", "li", "system"};
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(db, &error);
  for (int i = 0; i < count; i++) {
    json_t *data = json_pack("{s:s, s:i}", "title", "关于“移交”的\n通知 \\ 𠀀", "n", i);
    g_assert_cmpint(journal_append(sql, actors[i % 3], i % 2 ? "record.update" : "record.create", "record", i % 3, data, &error), >, 0);
    json_decref(data);
  }
  g_assert_true(sql_commit(sql, &error));
  g_assert_no_error(error);
}

static char *mirror_file(const Place *place) { return g_build_filename(place->dir, "journal", "000001.ndjson", NULL); }

static char *mirror_text(const Place *place) {
  g_autofree char *path = mirror_file(place);
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

static void mirror_set(const Place *place, const char *text, gssize length) {
  g_autofree char *path = mirror_file(place);
  g_assert_true(g_file_set_contents(path, text, length, NULL));
}

static json_t *verify(const Place *place) {
  GError *error = NULL;
  json_t *result = journal_verify(place->db, place->dir, &error);
  g_assert_no_error(error);
  return result;
}

static void assert_clean(const Place *place, int events) {
  json_t *result = verify(place);
  g_assert_cmpint(json_integer_value(json_object_get(result, "events")), ==, events);
  g_assert_cmpint(json_integer_value(json_object_get(result, "mirror_lines")), ==, events);
  g_assert_cmpint(json_integer_value(json_object_get(result, "fault_count")), ==, 0);
  json_decref(result);
}

/* A fault at this id is among those found. */
static void assert_fault(const Place *place, gint64 id) {
  json_t *result = verify(place), *faults = json_object_get(result, "faults");
  gboolean found = FALSE;
  size_t i;
  json_t *fault;
  json_array_foreach(faults, i, fault) found |= json_integer_value(json_object_get(fault, "id")) == id;
  if (!found) g_test_message("%s", json_dumps(result, 0));
  g_assert_true(found);
  json_decref(result);
}

static void test_append(Place *place, gconstpointer data) {
  append_some(place->db, 5);
  append_some(place->db, 2);
  assert_clean(place, 7);
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  g_assert_cmpint(journal_append(sql, "wang", "record.update", "record", 1, NULL, &error), ==, 8);
  sql_end(g_steal_pointer(&sql));
  assert_clean(place, 7);
  sql = sql_write(place->db, &error);
  g_assert_cmpint(journal_append(sql, "", "record.update", "record", 1, NULL, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

/* The line and its hash are for centuries: they may not change with the program. */
static void test_line(void) {
  JournalEvent event = {1, G_GINT64_CONSTANT(1700000000123456), "wang", "record.update", "record", 12, "{\"题名\":\"a\\\"b\"}"};
  g_autoptr(GString) line = g_string_new(NULL);
  char hash[JOURNAL_HASH + 1], read[JOURNAL_HASH + 1];
  journal_line_append(line, &event, JOURNAL_NO_HASH, hash);
  g_autofree char *expected = g_strdup_printf("{\"id\":1,\"at\":\"2023-11-14T22:13:20.123456Z\",\"actor\":\"wang\",\"action\":\"record.update\","
    "\"subject\":{\"kind\":\"record\",\"id\":12},"
    "\"data\":{\"题名\":\"a\\\"b\"},\"previous\":\"%s\",\"hash\":\"%s\"}", JOURNAL_NO_HASH, hash);
  g_assert_cmpstr(line->str, ==, expected);
  g_assert_cmpstr(hash, ==, "beb76586f4769d9b19943d602907f59eb1dcc6fd0a6c4927e24f9441a82efc10");
  g_assert_true(journal_line_check(line->str, line->len, read));
  g_assert_cmpstr(read, ==, hash);
  g_assert_cmpint(journal_line_id(line->str), ==, 1);
  line->str[40] ^= 1;
  g_assert_false(journal_line_check(line->str, line->len, read));
  g_assert_cmpint(journal_line_id("{\"id\":x,"), ==, -1);
  g_assert_false(journal_line_check("{}", 2, read));
}

static void tamper(SqlDb *db, int kind) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(db, &error);
  switch (kind) {
  case 0: sql_exec(sql, "UPDATE event SET data = '{\"n\":99}' WHERE id = 4", SQL_NONE, &error); break;
  case 1: sql_exec(sql, "DELETE FROM event WHERE id = 4", SQL_NONE, &error); break;
  case 2:
    sql_exec(sql, "UPDATE event SET id = id + 100 WHERE id >= 4", SQL_NONE, &error);
    sql_exec(sql, "UPDATE event SET id = id - 99 WHERE id >= 104", SQL_NONE, &error);
    sql_exec(sql, "INSERT INTO event SELECT 4 AS id, at_us, actor, action, subject_kind, subject_id, data, hash FROM event WHERE id = 3", SQL_NONE, &error);
    break;
  case 3:
    sql_exec(sql, "UPDATE event SET id = 1000 WHERE id = 4", SQL_NONE, &error);
    sql_exec(sql, "UPDATE event SET id = 4 WHERE id = 5", SQL_NONE, &error);
    sql_exec(sql, "UPDATE event SET id = 5 WHERE id = 1000", SQL_NONE, &error);
    break;
  case 4: sql_exec(sql, "UPDATE event SET at_us = at_us + 1 WHERE id = 4", SQL_NONE, &error); break;
  default: sql_exec(sql, "UPDATE event SET actor = 'zhang' WHERE id = 4", SQL_NONE, &error);
  }
  g_assert_no_error(error);
  g_assert_true(sql_commit(sql, &error));
}

/* Changed, removed, inserted, swapped, another time, another actor: each is found at the event, with and without the mirror. */
static void test_tampered(void) {
  for (int kind = 0; kind < 6; kind++) {
    Place place = {0};
    set_up(&place, NULL);
    append_some(place.db, 9);
    tamper(place.db, kind);
    assert_fault(&place, 4);
    json_t *alone = journal_verify(place.db, NULL, NULL);
    g_assert_cmpint(json_array_size(json_object_get(alone, "faults")), >, 0);
    json_decref(alone);
    tear_down(&place, NULL);
  }
}

/* Somebody who recomputes the whole chain in the database, or cuts its end, is betrayed by the mirror. */
static void test_end_removed(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  g_assert_true(sql_exec(sql, "DELETE FROM event WHERE id >= 8", SQL_NONE, &error) && sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  assert_fault(place, 8);
  assert_fault(place, 9);
}

static char *with_line(const char *text, int number, const char *replacement) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autoptr(GString) out = g_string_new(NULL);
  for (int i = 0; lines[i] && lines[i + 1]; i++) {
    const char *line = i + 1 == number ? replacement : lines[i];
    if (line) g_string_append_printf(out, "%s\n", line);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void test_mirror_tampered(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  g_autofree char *text = mirror_text(place);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *other = g_strdup(lines[3]);
  strstr(other, "通知")[0] ^= 1;
  const char *replacements[] = {other, NULL, "rubbish", lines[4], ""};
  for (guint i = 0; i < G_N_ELEMENTS(replacements); i++) {
    g_autofree char *changed = with_line(text, 4, replacements[i]);
    mirror_set(place, changed, -1);
    assert_fault(place, 4);
  }
  g_autofree char *path = mirror_file(place);
  g_unlink(path);
  assert_fault(place, 1);
  mirror_set(place, text, -1);
  assert_clean(place, 9);
}

typedef struct {
  int count;
  GString *actions;
} Seen;

static gboolean see(json_t *event, gpointer data, GError **error) {
  Seen *seen = data;
  seen->count++;
  g_assert_cmpint(json_integer_value(json_object_get(event, "id")), ==, seen->count);
  return seen->count < 100 || throw(error, LANTAI_ERROR_INTERNAL, "stop");
}

static void test_replay(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  place_close(place);
  Seen seen = {0};
  GError *error = NULL;
  g_assert_true(journal_replay(place->dir, see, &seen, &error));
  g_assert_cmpint(seen.count, ==, 9);
  g_autofree char *text = mirror_text(place);
  g_autofree char *torn = g_strndup(text, strlen(text) - 20);
  mirror_set(place, torn, -1);
  seen.count = 0;
  expected_warning = "incomplete";
  g_assert_true(journal_replay(place->dir, see, &seen, &error));
  g_assert_null(expected_warning);
  g_assert_cmpint(seen.count, ==, 8);
  for (int kind = 0; kind < 3; kind++) {
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *broken = with_line(text, 4, kind == 0 ? NULL : kind == 1 ? lines[4] : "{\"id\":4}");
    mirror_set(place, broken, -1);
    seen.count = 0;
    g_assert_false(journal_replay(place->dir, see, &seen, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_cmpint(seen.count, ==, 3);
    g_clear_error(&error);
  }
}

/* A crash leaves the last line half written, or zeros, or nothing of the last commits: the next open puts it right, to the byte. */
static void test_torn(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  g_autofree char *text = mirror_text(place);
  gsize length = strlen(text);
  g_autofree char *zeros = g_malloc0(length + 500);
  memcpy(zeros, text, length - 30);
  gsize cuts[] = {length - 1, length - 30, 10, 0, (gsize)(strchr(text, '\n') - text) + 1};
  for (guint i = 0; i < G_N_ELEMENTS(cuts) + 1; i++) {
    place_close(place);
    if (i < G_N_ELEMENTS(cuts)) mirror_set(place, text, (gssize)cuts[i]);
    else mirror_set(place, zeros, (gssize)length + 500);
    gboolean torn = i >= G_N_ELEMENTS(cuts) || (cuts[i] && text[cuts[i] - 1] != '\n');
    if (torn) expected_warning = "cut off";
    place_open(place);
    if (torn) g_assert_null(expected_warning);
    g_autofree char *again = mirror_text(place);
    g_assert_cmpstr(again, ==, text);
    assert_clean(place, 9);
  }
}

/* A write that fails leaves the commit good and the mirror whole; it follows later. */
static void test_mirror_fails(Place *place, gconstpointer data) {
  append_some(place->db, 3);
  expected_warning = "cannot be written";
  g_setenv("LANTAI_FAULT", "journal.mirror:1:error", TRUE);
  append_some(place->db, 2);
  g_unsetenv("LANTAI_FAULT");
  append_some(place->db, 2);
  g_assert_null(expected_warning);
  for (int i = 0; i < 60; i++) {
    g_usleep(50000);
    g_autofree char *text = mirror_text(place);
    if (strstr(text, "\"id\":7,")) break;
  }
  assert_clean(place, 7);
}

/* An older database beside a newer mirror: what the mirror tells is kept, and the replacement is told. */
static void test_set_aside(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  g_assert_true(sql_exec(sql, "DELETE FROM event WHERE id >= 8", SQL_NONE, &error) && sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  place_close(place);
  expected_warning = "kept as";
  place_open(place);
  g_assert_null(expected_warning);
  assert_clean(place, 8);
  g_autoptr(Sql) reading = sql_read(place->db, &error);
  json_t *events = journal_list(reading, NULL, "journal.", 0, 10, &error);
  const char *kept = json_string_value(json_object_get(json_object_get(json_array_get(events, 0), "data"), "kept_as"));
  g_assert_nonnull(kept);
  g_autofree char *path = g_build_filename(place->dir, kept, "000001.ndjson", NULL);
  g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
  json_decref(events);
}

/* The database is lost: a new one has the old history. */
static void test_take_over(Place *place, gconstpointer data) {
  append_some(place->db, 9);
  json_t *before = verify(place);
  place_close(place);
  static const char *const endings[] = {"test.db", "test.db-wal", "test.db-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
    g_autofree char *path = g_build_filename(place->dir, endings[i], NULL);
    g_unlink(path);
  }
  place_open(place);
  json_t *after = verify(place);
  g_assert_true(json_equal(before, after));
  append_some(place->db, 1);
  assert_clean(place, 10);
  json_decref(before);
  json_decref(after);
}

static gboolean restore_into(json_t *event, gpointer data, GError **error) {
  g_autoptr(Sql) sql = sql_write(data, error);
  return sql && journal_restore(sql, event, error) && sql_commit(sql, error);
}

static void test_restore(Place *place, gconstpointer data) {
  append_some(place->db, 5);
  Place other = {0};
  set_up(&other, NULL);
  GError *error = NULL;
  g_assert_true(journal_replay(place->dir, restore_into, other.db, &error));
  json_t *first = verify(place), *second = verify(&other);
  g_assert_true(json_equal(first, second));
  g_assert_false(journal_replay(place->dir, restore_into, other.db, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  assert_clean(&other, 5);
  json_decref(first);
  json_decref(second);
  tear_down(&other, NULL);
  g_clear_error(&error);
}

/* More events than one file holds, in commits that cross the border. */
static void test_files(Place *place, gconstpointer data) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  for (int i = 0; i < MIRROR_LINES + 5; i++) g_assert_cmpint(journal_append(sql, "system", "test.many", "test", i, NULL, &error), ==, i + 1);
  g_assert_true(sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  append_some(place->db, 3);
  g_autofree char *second = g_build_filename(place->dir, "journal", "000002.ndjson", NULL), *text = NULL;
  g_assert_true(g_file_get_contents(second, &text, NULL, NULL));
  g_assert_true(g_str_has_prefix(text, "{\"id\":100001,"));
  assert_clean(place, MIRROR_LINES + 8);
  place_close(place);
  g_unlink(second);
  gint64 begin = g_get_monotonic_time();
  place_open(place);
  g_test_message("opened in %.1f ms", (double)(g_get_monotonic_time() - begin) / 1e3);
  assert_clean(place, MIRROR_LINES + 8);
}

static void assert_ids(json_t *events, const char *expected) {
  g_autoptr(GString) ids = g_string_new(NULL);
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) g_string_append_printf(ids, "%s%d", i ? " " : "", (int)json_integer_value(json_object_get(event, "id")));
  g_assert_cmpstr(ids->str, ==, expected);
  json_decref(events);
}

static void test_lists(Place *place, gconstpointer data) {
  append_some(place->db, 12);
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_read(place->db, &error);
  assert_ids(journal_of(sql, "record", 1, 0, 2, &error), "11 8");
  assert_ids(journal_of(sql, "record", 1, 8, 10, &error), "5 2");
  assert_ids(journal_of(sql, "nothing", 1, 0, 10, &error), "");
  assert_ids(journal_list(sql, NULL, NULL, 0, 3, &error), "12 11 10");
  assert_ids(journal_list(sql, "li", NULL, 11, 10, &error), "8 5 2");
  assert_ids(journal_list(sql, "li", "record.up", 0, 10, &error), "8 2");
  assert_ids(journal_list(sql, NULL, "record.", 10, 4, &error), "9 8 7 6");
  assert_ids(journal_list(sql, "", "record.create", 0, 2, &error), "11 9");
  assert_ids(journal_list(sql, NULL, "user.", 0, 2, &error), "");
  g_assert_no_error(error);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_writer_func(write_log, NULL, NULL);
  g_test_add_func("/journal/line", test_line);
  g_test_add("/journal/append", Place, NULL, set_up, test_append, tear_down);
  g_test_add_func("/journal/tampered", test_tampered);
  g_test_add("/journal/end-removed", Place, NULL, set_up, test_end_removed, tear_down);
  g_test_add("/journal/mirror-tampered", Place, NULL, set_up, test_mirror_tampered, tear_down);
  g_test_add("/journal/replay", Place, NULL, set_up, test_replay, tear_down);
  g_test_add("/journal/torn", Place, NULL, set_up, test_torn, tear_down);
  g_test_add("/journal/mirror-fails", Place, NULL, set_up, test_mirror_fails, tear_down);
  g_test_add("/journal/set-aside", Place, NULL, set_up, test_set_aside, tear_down);
  g_test_add("/journal/take-over", Place, NULL, set_up, test_take_over, tear_down);
  g_test_add("/journal/restore", Place, NULL, set_up, test_restore, tear_down);
  g_test_add("/journal/files", Place, NULL, set_up, test_files, tear_down);
  g_test_add("/journal/lists", Place, NULL, set_up, test_lists, tear_down);
  return g_test_run();
}
