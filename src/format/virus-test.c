/* Viruses: a real clamd with a signature database of its own, and false ones that say or do what a real one seldom does. */
#include "test-fixture.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const MARK = "LANTAI-TEST-SIGNATURE-4F1C9B77";

/* ---- a real clamd ---- */

static pid_t start_clamd(const char *socket, const char *folder) {
  g_autofree char *configuration = g_strdup_printf("DatabaseDirectory %s\nLocalSocket %s\nForeground yes\nStreamMaxLength 1M\nMaxThreads 2\nMaxScanSize 10M\n"
                                                   "LogFile %s/clamd.log\nConcurrentDatabaseReload no\n", folder, socket, folder);
  g_autofree char *path = fixture_write("clamd.conf", configuration, -1);
  pid_t pid = fork();
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execl("/usr/sbin/clamd", "clamd", "-c", path, NULL);
    _exit(127);
  }
  return pid;
}

static FormatVirus scan(const char *socket, const void *bytes, gsize length, char **ret_detail) {
  g_autofree char *path = fixture_write("scanned", bytes, (gssize)length);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  FormatVirus virus = format_virus_scan(socket, fd, ret_detail);
  close(fd);
  g_test_message("%d %s", virus, *ret_detail == NULL ? "" : *ret_detail);
  return virus;
}

static void test_clamd(void) {
  if (!g_file_test("/usr/sbin/clamd", G_FILE_TEST_IS_EXECUTABLE)) {
    g_test_skip("clamd is not installed (package clamav-daemon)");
    return;
  }
  g_autofree char *folder = fixture_path("signatures"), *socket = fixture_path("clamd.sock"), *base = g_build_filename(folder, "own.ndb", NULL);
  g_autoptr(GString) hex = g_string_new("Lantai.Test:0:*:");
  for (const char *at = MARK; *at != '\0'; at++) g_string_append_printf(hex, "%02x", (guint)(guchar)*at);
  g_string_append_c(hex, '\n');
  g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
  g_assert_true(g_file_set_contents(base, hex->str, -1, NULL));
  g_assert_cmpint(g_chmod(fixture_dir, 0755), ==, 0);
  pid_t pid = start_clamd(socket, folder);
  for (int i = 0; i < 300 && !g_file_test(socket, G_FILE_TEST_EXISTS) && waitpid(pid, NULL, WNOHANG) == 0; i++) g_usleep(100000);
  if (!g_file_test(socket, G_FILE_TEST_EXISTS)) {
    g_test_skip("clamd does not start here");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return;
  }
  g_autofree char *clean = NULL, *name = NULL, *late = NULL, *limit = NULL, *again = NULL;
  g_assert_cmpint(scan(socket, "nothing here", 12, &clean), ==, FORMAT_VIRUS_NONE);
  g_assert_null(clean);
  g_assert_cmpint(scan(socket, MARK, strlen(MARK), &name), ==, FORMAT_VIRUS_FOUND);
  g_assert_nonnull(strstr(name, "Lantai.Test"));
  gsize length = 2 << 20;
  g_autofree char *bytes = g_strnfill(length, 'a');
  memcpy(bytes + 500000, MARK, strlen(MARK)); /* in a later piece, across no boundary of ours */
  g_assert_cmpint(scan(socket, bytes, 900000, &late), ==, FORMAT_VIRUS_FOUND);
  g_assert_cmpint(scan(socket, bytes + 600000, length - 600000, &limit), ==, FORMAT_VIRUS_UNKNOWN); /* longer than StreamMaxLength: never "none" */
  g_assert_nonnull(limit);
  kill(pid, SIGTERM);
  waitpid(pid, NULL, 0);
  g_assert_cmpint(scan(socket, "x", 1, &again), ==, FORMAT_VIRUS_UNKNOWN);
}

/* ---- false ones: a thread that takes one connection, reads so many bytes, says its word and closes ---- */

typedef struct {
  int listener;
  gsize reads;
  const char *reply;
  gsize reply_length;
} Fake;

static gpointer run_fake(gpointer data) {
  const Fake *fake = data;
  int fd = accept(fake->listener, NULL, NULL);
  char block[4096];
  for (gsize total = 0; total < fake->reads;) {
    gssize got = read(fd, block, MIN(sizeof block, fake->reads - total));
    if (got <= 0) break;
    total += (gsize)got;
  }
  if (fake->reply_length > 0 && write(fd, fake->reply, fake->reply_length) < 0) g_test_message("no listener for the word");
  shutdown(fd, SHUT_WR);
  while (read(fd, block, sizeof block) > 0) {}
  close(fd);
  return NULL;
}

static void test_false(void) {
  static const struct {
    gsize reads;
    const char *reply;
    gsize reply_length;
    FormatVirus wanted;
    const char *detail;
  } CASES[] = {
    {27, "stream: OK", 11, FORMAT_VIRUS_NONE, NULL},
    {27, "stream: Eicar FOUND", 20, FORMAT_VIRUS_FOUND, "Eicar"},
    {27, "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", 53, FORMAT_VIRUS_UNKNOWN, "上限"},
    {27, "stream: OK?", 12, FORMAT_VIRUS_UNKNOWN, "OK?"},
    {27, "", 0, FORMAT_VIRUS_UNKNOWN, ""},
    {27, "\xff\xff", 3, FORMAT_VIRUS_UNKNOWN, ""},
    {27, "INSTREAM size limit exceeded. ERROR", 36, FORMAT_VIRUS_UNKNOWN, "StreamMaxLength"},
    {27, "UNKNOWN COMMAND", 16, FORMAT_VIRUS_UNKNOWN, "UNKNOWN COMMAND"},
  };
  g_autofree char *path = fixture_path("fake.sock");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint(listen(listener, 1), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    Fake fake = {.listener = listener, .reads = CASES[i].reads, .reply = CASES[i].reply, .reply_length = CASES[i].reply_length};
    GThread *thread = g_thread_new("fake", run_fake, &fake);
    g_autofree char *detail = NULL;
    FormatVirus found = scan(path, "some bytes", 10, &detail);
    g_thread_join(thread);
    g_assert_cmpint(found, ==, CASES[i].wanted);
    if (CASES[i].detail != NULL && strstr(detail, CASES[i].detail) == NULL) g_error("%s: wanted %s", detail, CASES[i].detail);
  }
  close(listener);
}

static void test_absent(void) {
  static const char *const SOCKETS[] = {"/nonexistent/clamd.ctl", "", "127.0.0.1:1", "[::1]:1", "no-port"};
  for (gsize i = 0; i < G_N_ELEMENTS(SOCKETS); i++) {
    g_autofree char *detail = NULL;
    g_assert_cmpint(scan(SOCKETS[i], "x", 1, &detail), ==, FORMAT_VIRUS_UNKNOWN);
    g_assert_nonnull(detail);
  }
}

static void add_tests(void) {
  g_test_add_func("/virus/absent", test_absent);
  g_test_add_func("/virus/false", test_false);
  g_test_add_func("/virus/clamd", test_clamd);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
