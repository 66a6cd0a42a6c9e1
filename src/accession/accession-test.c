/* A small delivery from end to end. */
#include "accession-test.h"

static void test_small(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "移交.csv", "档号,题名,责任者,日期,保管期限\nA-001,关于春耕的通知,县委,1958年3月,永久\nA-002,关于秋收的通知,县委,19581001,30年\n");
  AccessionSource source = {.path = path, .fonds = "Z001"};
  gint64 id = test_import(t, &source, TRUE);
  json_t *report = test_report(t, id);
  g_assert_cmpstr(delivery_text(report, "state"), ==, "done");
  g_assert_cmpint(report_int(report, "created"), ==, 2);
  g_assert_cmpint(test_count(t, "春耕"), ==, 1);
  json_decref(report);
  test_house_remove(t);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/accession/small", test_small);
  return g_test_run();
}
