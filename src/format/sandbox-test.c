/* The sandbox: what it forbids on this machine, how it ends what does not end, many at once, a helper that is gone. */
#include "sandbox.h"
#include "test-fixture.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_null(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static void test_state(void) {
  json_t *state = format_sandbox_state();
  g_autofree char *text = json_dumps(state, JSON_SORT_KEYS);
  g_test_message("%s", text);
  g_assert_true(json_is_true(json_object_get(state, "seccomp")));
  g_assert_true(json_is_true(json_object_get(state, "time")));
#ifndef __SANITIZE_ADDRESS__
  g_assert_true(json_is_true(json_object_get(state, "memory")));
#endif
  g_assert_nonnull(json_object_get(state, "landlock")); /* not every kernel has it */
  g_assert_false(g_file_test("/tmp/lantai-probe", G_FILE_TEST_EXISTS));
  json_decref(state);
}

static void test_hang(void) {
  int null = open_null();
  g_autoptr(GError) error = NULL;
  gint64 began = g_get_monotonic_time();
  g_autoptr(GByteArray) answer = sandbox_run("probe", "hang", null, 100, &error);
  g_assert_null(answer);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, "时限"));
  g_assert_cmpint(g_get_monotonic_time() - began, <, 30 * G_USEC_PER_SEC);
  close(null);
}

static void test_limit(void) {
  g_autofree char *path = fixture_write("long", "0123456789", 10);
  g_autoptr(GError) error = NULL;
  int fd = sandbox_open_input(path, &error);
  g_autoptr(GByteArray) whole = sandbox_run("probe", "echo", fd, 10, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(whole->len, ==, 10);
  lseek(fd, 0, SEEK_SET);
  g_assert_null(sandbox_run("probe", "echo", fd, 9, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE);
  close(fd);
}

static void test_input(void) {
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(sandbox_open_input(fixture_dir, &error), ==, -1);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_cmpint(sandbox_open_input("/dev/null", &error), ==, -1);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_autofree char *fifo = fixture_path("fifo");
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  g_assert_cmpint(sandbox_open_input(fifo, &error), ==, -1); /* does not wait for a writer */
}

static gpointer read_many(gpointer data) {
  for (int i = 0; i < 20; i++) {
    g_autofree char *table = fixture_table(data, FALSE, NULL);
    g_assert_cmpstr(table, ==, "甲|乙\n1|2\n");
  }
  return NULL;
}

static void test_threads(void) {
  g_autofree char *path = fixture_write("small.csv", "甲,乙\n1,2\n", -1);
  GThread *threads[6];
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new("reader", read_many, path);
  for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) g_thread_join(threads[i]);
}

/* No descriptor and no process is left behind, whether a reader is read to its end or given up. */
static void test_leaks(void) {
  g_autofree char *path = fixture_write("leak.csv", "甲,乙\n1,2\n", -1);
  int before = open_null();
  close(before);
  for (int i = 0; i < 40; i++) {
    g_autoptr(TableReader) reader = format_table_open(path, NULL);
    g_assert_nonnull(reader);
    TableRow row;
    if (i % 2 == 0) g_assert_true(format_table_next(reader, &row, NULL));
  }
  int after = open_null();
  g_assert_cmpint(after, ==, before);
  close(after);
}

static void add_tests(void) {
  g_test_add_func("/format/sandbox/state", test_state);
  g_test_add_func("/format/sandbox/hang", test_hang);
  g_test_add_func("/format/sandbox/limit", test_limit);
  g_test_add_func("/format/sandbox/input", test_input);
  g_test_add_func("/format/sandbox/threads", test_threads);
  g_test_add_func("/format/sandbox/leaks", test_leaks);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
