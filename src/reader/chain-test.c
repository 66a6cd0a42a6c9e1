/* The words of a query as a chain: cut only where both sides must be there, and added to without changing what was asked. */
#include "search-page.h"
#include <string.h>

static void check_parts(const char *query, const char *expected) {
  g_autoptr(GPtrArray) parts = reader_chain_parts(query);
  g_autoptr(GString) joined = g_string_new(NULL);
  for (guint i = 0; i < parts->len; i++) g_string_append_printf(joined, "%s%s", i ? "|" : "", (const char *)g_ptr_array_index(parts, i));
  g_assert_cmpstr(joined->str, ==, expected);
}

static void test_parts(void) {
  check_parts("", "");
  check_parts("水库", "水库");
  check_parts(" 水库　加固 ", "水库|加固");
  check_parts("水库 AND 加固", "水库|加固");
  check_parts("水库 非 龙泉镇 1958", "水库|非 龙泉镇|1958");
  check_parts("水库 -龙泉镇", "水库|-龙泉镇");
  check_parts("(结婚 或 离婚) 1985", "(结婚 或 离婚)|1985");
  check_parts("结婚 或 离婚 1985", "结婚 或 离婚 1985");
  check_parts("题名:水库 责任者: 教育局", "题名:水库|责任者: 教育局");
  check_parts("题名:\"大 水库\"* 男方姓名:(王 或 李) x", "题名:\"大 水库\"*|男方姓名:(王 或 李)|x");
  check_parts("“关于 水库” 「甲 乙」 （丙 丁）", "“关于 水库”|「甲 乙」|（丙 丁）");
  check_parts("关于印发《办法（试行）》的通知 A001*", "关于印发《办法（试行）》的通知|A001*");
  check_parts("http://a.b/c 12:30", "http://a.b/c|12:30");
  check_parts("\"没有 配对", "\"没有 配对");
  check_parts("((( )", "((( )");
  check_parts("非", "非");
}

static void check_added(const char *query, const char *more, const char *expected) {
  g_autofree char *both = reader_chain_add(query, more);
  g_assert_cmpstr(both, ==, expected);
}

static void test_added(void) {
  check_added(NULL, "移民", "移民");
  check_added("水库", "移民", "水库 移民");
  check_added("水库", "  ", "水库");
  check_added("结婚 或 离婚", "1985", "(结婚 或 离婚) 1985");
  check_added("水库", "甲 OR 乙", "水库 (甲 OR 乙)");
  check_added("\"大水库", "移民", "\"大水库\" 移民");
  check_added("(甲 (乙", "丙", "(甲 (乙)) 丙");
  check_added("「甲", "丙", "「甲」 丙");
}

static void test_without(void) {
  g_autoptr(GPtrArray) parts = reader_chain_parts("水库 非 龙泉镇 1958");
  g_autofree char *first = reader_chain_without(parts, 0), *middle = reader_chain_without(parts, 1);
  g_assert_cmpstr(first, ==, "非 龙泉镇 1958");
  g_assert_cmpstr(middle, ==, "水库 1958");
}

/* Whatever is typed: an end, and parts that hold nothing but what was typed. */
static void test_anything(void) {
  static const char *const PIECES[] = {"水", "(", ")", "\"", "“", "」", "「", " ", "-", ":", "或", "非", "*", "\x01", "题名:", "NOT ", "（", "："};
  GRand *random = g_rand_new_with_seed(7);
  for (guint round = 0; round < 3000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0, count = (guint)g_rand_int_range(random, 0, 14); i < count; i++)
      g_string_append(text, PIECES[g_rand_int_range(random, 0, G_N_ELEMENTS(PIECES))]);
    g_autoptr(GPtrArray) parts = reader_chain_parts(text->str);
    const char *at = text->str;
    for (guint i = 0; i < parts->len; i++) {
      at = strstr(at, g_ptr_array_index(parts, i));
      g_assert_nonnull(at);
      at += strlen(g_ptr_array_index(parts, i));
    }
    g_autofree char *more = reader_chain_add(text->str, "移民");
    g_assert_true(g_str_has_suffix(more, "移民"));
  }
  g_rand_free(random);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reader/chain/parts", test_parts);
  g_test_add_func("/reader/chain/added", test_added);
  g_test_add_func("/reader/chain/without", test_without);
  g_test_add_func("/reader/chain/anything", test_anything);
  return g_test_run();
}
