/* Tables across formats: the same rows from CSV, GB18030 CSV, .xlsx, .xls and DBF, and what they say of themselves. */
#include "test-fixture.h"

static char *must_read(const char *path) {
  g_autoptr(GError) error = NULL;
  char *table = fixture_table(path, TRUE, &error);
  g_assert_no_error(error);
  return table;
}

static void assert_same_rows(const char *expected_path, const char *path) {
  g_autofree char *expected = must_read(expected_path);
  g_autofree char *table = must_read(path);
  if (strcmp(expected, table) == 0) return;
  g_auto(GStrv) a = g_strsplit(expected, "\n", -1);
  g_auto(GStrv) b = g_strsplit(table, "\n", -1);
  for (gsize i = 0; a[i] != NULL && b[i] != NULL; i++) g_assert_cmpstr(a[i], ==, b[i]);
  g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
}

static void test_shared_sets(gconstpointer data) {
  static const char *const OTHERS[] = {"catalogue-gb18030.csv", "catalogue.xlsx", "catalogue.xls"};
  const char *set = data;
  g_autofree char *folder = fixture_shared(set);
  if (folder == NULL) return;
  g_autofree char *first = g_build_filename(folder, "catalogue.csv", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(OTHERS); i++) {
    g_autofree char *other = g_build_filename(folder, OTHERS[i], NULL);
    assert_same_rows(first, other);
  }
}

static void add_tests(void) {
  g_test_add_data_func("/format/table/shared/laws", "laws", test_shared_sets);
  g_test_add_data_func("/format/table/shared/gazette", "gazette", test_shared_sets);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
