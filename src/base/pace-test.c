/* The rate, by the clock that is handed in; and that a stop ends all waiting. */
#include "pace.h"

static void test_turns(void) {
  g_autoptr(Pace) pace = pace_new(1000, NULL, NULL);
  g_assert_cmpint(pace_turn(pace, 500, 5000000), ==, 5000000);
  g_assert_cmpint(pace_turn(pace, 500, 5000000), ==, 5500000);
  g_assert_cmpint(pace_turn(pace, 1, 5200000), ==, 6000000);
  g_assert_cmpint(pace_turn(pace, 1, 9000000), ==, 9000000); /* what was not used is not saved up */
  g_autoptr(Pace) unbounded = pace_new(0, NULL, NULL);
  for (int i = 0; i < 3; i++) g_assert_cmpint(pace_turn(unbounded, G_MAXINT32, 7), ==, 7);
}

static gboolean says(gpointer data) { return *(gboolean *)data; }

static void test_stop(void) {
  gboolean stop = FALSE;
  g_autoptr(Pace) pace = pace_new(1, says, &stop);
  g_assert_true(pace_wait(NULL, 1 << 30));
  g_assert_true(pace_wait(pace, 1 << 30)); /* the first does not wait; the next would for 34 years */
  stop = TRUE;
  gint64 began = g_get_monotonic_time();
  g_assert_true(pace_wait(pace, 1));
  g_assert_cmpint(g_get_monotonic_time() - began, <, G_USEC_PER_SEC);
  g_assert_false(pace_given_up(pace));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/pace/turns", test_turns);
  g_test_add_func("/pace/stop", test_stop);
  return g_test_run();
}
