/* Paths with the mark: read below the root, never through a link; without it: as always. */
#include "beneath.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root, *outside;

static int opened(const char *path) {
  g_autofree char *whole = beneath_path(root, path);
  int fd = beneath_open(whole);
  if (fd < 0) return -errno;
  close(fd);
  return 0;
}

static void test_links(void) {
  g_autofree char *folder = g_build_filename(root, "甲", "乙", NULL), *file = g_build_filename(folder, "a.txt", NULL), *secret = g_build_filename(outside, "s", NULL);
  g_autofree char *last = g_build_filename(folder, "last", NULL), *middle = g_build_filename(root, "middle", NULL), *fifo = g_build_filename(root, "fifo", NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_file_set_contents(file, "a", 1, NULL);
  g_file_set_contents(secret, "s", 1, NULL);
  g_assert_cmpint(symlink(secret, last), ==, 0);
  g_assert_cmpint(symlink(outside, middle), ==, 0);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  g_assert_cmpint(opened("甲/乙/a.txt"), ==, 0);
  g_assert_cmpint(opened("甲//乙/./a.txt"), ==, 0);
  g_assert_cmpint(opened("甲/乙/last"), ==, -ELOOP);
  g_assert_cmpint(opened("middle/s"), <, 0);
  g_assert_cmpint(opened("甲/../甲/乙/a.txt"), ==, -EACCES);
  g_assert_cmpint(opened("没有"), ==, -ENOENT);
  g_assert_cmpint(opened("fifo"), ==, 0); /* opens at once; whether it is a plain file is the caller's question */
  g_autofree char *rooted = g_build_filename(root, "middle", NULL), *through = beneath_path(rooted, "s");
  int fd = beneath_open(through);
  g_assert_cmpint(fd, >=, 0); /* the root itself may be a link: somebody named it */
  close(fd);
  fd = beneath_open(last);
  g_assert_cmpint(fd, >=, 0);
  close(fd);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  root = g_dir_make_tmp("beneath-XXXXXX", NULL);
  outside = g_dir_make_tmp("beneath-XXXXXX", NULL);
  g_test_add_func("/base/beneath/links", test_links);
  int status = g_test_run();
  const char *const names[] = {"甲/乙/a.txt", "甲/乙/last", "甲/乙", "甲", "middle", "fifo", ""};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(root, names[i], NULL);
    g_remove(path);
  }
  g_autofree char *secret = g_build_filename(outside, "s", NULL);
  g_remove(secret);
  g_remove(outside);
  return status;
}
