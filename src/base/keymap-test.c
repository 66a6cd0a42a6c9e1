/* keymap: what was met is known with its first number through many growths; what was not is not; bytes, not texts, decide. */
#include "keymap.h"
#include <string.h>

static void test_numbers(void) {
  g_autoptr(KeyMap) map = keymap_new();
  enum { COUNT = 50000 };
  for (guint i = 1; i <= COUNT; i++) {
    g_autofree char *key = g_strdup_printf("X001-WS·2024-Y-%07u", i);
    g_assert_cmpuint(keymap_add(map, key, strlen(key), i), ==, 0);
    g_assert_cmpuint(keymap_add(map, key, strlen(key), i + 1), ==, i);
  }
  g_assert_cmpuint(keymap_size(map), ==, COUNT);
  for (guint i = 1; i <= 2 * COUNT; i++) {
    g_autofree char *key = g_strdup_printf("X001-WS·2024-Y-%07u", i);
    g_assert_cmpuint(keymap_get(map, key, strlen(key)), ==, i <= COUNT ? i : 0);
  }
}

static void test_bytes(void) {
  g_autoptr(KeyMap) map = keymap_new();
  g_assert_cmpuint(keymap_get(map, "", 0), ==, 0);
  keymap_add(map, "", 0, 7);
  keymap_add(map, "a\0b", 3, 8);
  g_assert_cmpuint(keymap_get(map, "", 0), ==, 7);
  g_assert_cmpuint(keymap_get(map, "a", 1), ==, 0);
  g_assert_cmpuint(keymap_get(map, "a\0b", 3), ==, 8);
  g_assert_cmpuint(keymap_get(map, "a\0c", 3), ==, 0);
  keymap_set(map, "a\0b", 3, 9);
  keymap_set(map, "new", 3, 10);
  g_assert_cmpuint(keymap_get(map, "a\0b", 3), ==, 9);
  g_assert_cmpuint(keymap_get(map, "new", 3), ==, 10);
  g_assert_cmpuint(keymap_size(map), ==, 3);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/keymap/numbers", test_numbers);
  g_test_add_func("/keymap/bytes", test_bytes);
  return g_test_run();
}
