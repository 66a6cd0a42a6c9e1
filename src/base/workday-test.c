#include "workday.h"
#include "error.h"
#include <glib/gstdio.h>
#include <string.h>

static void test_given(void) {
  g_autoptr(GError) error = NULL;
  g_assert_true(workdays_load(NULL, &error));
  g_assert_no_error(error);
  g_assert_false(workday_is(20260101));
  g_assert_true(workday_is(20260104)); /* a Sunday that is worked */
  g_assert_false(workday_is(20261006));
  g_assert_true(workday_is(20261008));
  g_assert_false(workday_is(20261121)); /* a Saturday */
  g_assert_true(workdays_known(2026));
  g_assert_false(workdays_known(1999));
  g_assert_true(workday_is(19991001)); /* nothing is known of that year: a Friday is worked */
  g_assert_false(workday_is(20260230));
}

static void test_shift(void) {
  g_assert_true(workdays_load(NULL, NULL));
  g_assert_cmpint(workday_shift(20260930, 1), ==, 20261008); /* over the whole of 国庆节 */
  g_assert_cmpint(workday_shift(20260930, 3), ==, 20261010); /* 9th, and the Saturday that is worked */
  g_assert_cmpint(workday_shift(20261008, -1), ==, 20260930);
  g_assert_cmpint(workday_shift(20261003, 0), ==, 20261003);
}

static void test_own(void) {
  g_autofree char *dir = g_dir_make_tmp("lantai-workday-XXXXXX", NULL), *folder = g_build_filename(dir, "definitions", NULL),
    *file = g_build_filename(folder, "holidays.yaml", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(file, "2027:\n  off: [2027-01-01/2027-01-03]\n  work: [2027-01-09]\n", -1, NULL));
  g_assert_true(workdays_load(dir, &error));
  g_assert_false(workday_is(20270101));
  g_assert_true(workday_is(20270109));
  g_assert_true(g_file_set_contents(file, "2027:\n  off: [明天]\n", -1, NULL));
  g_assert_false(workdays_load(dir, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, "2027"));
  g_assert_true(workday_is(20270109)); /* what was good stays */
  g_unlink(file);
  g_rmdir(folder);
  g_rmdir(dir);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/base/workday/given", test_given);
  g_test_add_func("/base/workday/shift", test_shift);
  g_test_add_func("/base/workday/own", test_own);
  return g_test_run();
}
