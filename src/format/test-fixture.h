/* What the tests of this room share: the child's entry, a folder of their own, files with given bytes, whole tables as text. */
#pragma once
#include "error.h"
#include "format.h"
#include <glib/gstdio.h>
#include <string.h>

static char *fixture_dir;

static inline char *fixture_path(const char *name) { return g_build_filename(fixture_dir, name, NULL); }

static inline char *fixture_write(const char *name, const void *bytes, gssize length) {
  char *path = fixture_path(name);
  g_assert_true(g_file_set_contents(path, bytes, length, NULL));
  return path;
}

/* A path in the shared data, or NULL after a word that the test is skipped. */
static inline char *fixture_shared(const char *relative) {
  const char *root = g_getenv("LANTAI_SHARED");
  char *path = root == NULL ? NULL : g_build_filename(root, "data", relative, NULL);
  if (path != NULL && g_file_test(path, G_FILE_TEST_EXISTS)) return path;
  g_free(path);
  g_test_skip("LANTAI_SHARED is not set or has no such data");
  return NULL;
}

/* A table as text: cells joined by |, a line for each row, with its number before it when numbered. NULL and the error when it fails. */
static inline char *fixture_table(const char *path, gboolean numbered, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GError) failed = NULL;
  TableRow row;
  while (format_table_next(reader, &row, &failed)) {
    if (numbered) g_string_append_printf(out, "%u:", row.number);
    for (guint i = 0; i < row.count; i++) g_string_append_printf(out, "%s%s", i == 0 ? "" : "|", row.cells[i]);
    g_string_append_c(out, '\n');
  }
  if (failed == NULL) return g_string_free(g_steal_pointer(&out), FALSE);
  g_propagate_error(error, g_steal_pointer(&failed));
  return NULL;
}

static inline void fixture_remove(const char *dir) {
  g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
  for (const char *name; listing != NULL && (name = g_dir_read_name(listing)) != NULL;) {
    g_autofree char *path = g_build_filename(dir, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) fixture_remove(path);
    else g_unlink(path);
  }
  g_rmdir(dir);
}

/* A test binary is its own sandbox helper. */
static inline int fixture_main(int argc, char **argv, void (*add_tests)(void)) {
  if (argc > 1 && strcmp(argv[1], "sandbox") == 0) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  fixture_dir = g_dir_make_tmp("lantai-format-XXXXXX", NULL);
  g_assert_nonnull(fixture_dir);
  add_tests();
  int result = g_test_run();
  fixture_remove(fixture_dir);
  g_free(fixture_dir);
  return result;
}
