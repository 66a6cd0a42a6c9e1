/* Marks: the folded text made for them is base/'s, pieces make up the text, and what is marked is what the index finds. */
#include "internal.h"
#include "text.h"

/* "关于[档案]的…": pieces in one string. */
static char *show(json_t *pieces) {
  GString *out = g_string_new(NULL);
  size_t i;
  json_t *piece;
  json_array_foreach(pieces, i, piece) {
    gboolean marked = json_is_true(json_object_get(piece, "m"));
    g_string_append_printf(out, marked ? "[%s]" : "%s", json_string_value(json_object_get(piece, "t")));
  }
  return g_string_free(out, FALSE);
}

static void check(const char *query, const char *text, guint max, const char *expected) {
  g_autoptr(GPtrArray) terms = search_terms(NULL, NULL, query, 0);
  json_auto_t *pieces = search_mark(terms, text, max);
  g_autofree char *got = show(pieces);
  g_assert_cmpstr(got, ==, expected);
}

static void test_places(void) {
  check("档案", "关于档案的档案局", 0, "关于[档案]的[档案]局");
  check("档案", "關於檔案的通知", 0, "關於[檔案]的通知");
  check("a4", "Ａ４纸 A4x a4", 0, "[Ａ４]纸 A4x [a4]");
  check("a4*", "A4x xa4", 0, "[A4]x xa4");
  check("国发2015", "国发〔2015〕12号", 0, "[国发〔2015]〕12号");
  check("\"e\"", "e\314\201t é e", 0, "e\314\201t [é] [e]");
  check("案案", "案案案", 0, "[案案案]");
  check("年", "\357\246\216", 0, "[\357\246\216]");
  check("日本", "日㈱本", 0, "日㈱本");
  check("株", "日㈱本", 0, "日[㈱]本");
  check("甲 -乙", "甲乙", 0, "[甲]乙");
  check("", "甲", 0, "甲");
  check("甲", "", 0, "");
  check("，", "甲，乙", 0, "甲，乙");
}

static void test_snippet(void) {
  check("档案", "一二三四五六七八九十档案一二三四五六七八九十", 8, "…九十[档案]一二三四…");
  check("档案", "档案一二三四五六七八九十", 6, "[档案]一二三四…");
  check("档案", "一二三四五六七八九十档案", 6, "…七八九十[档案]");
  check("没有", "一二三四五六", 3, "一二三…");
  check("档案", "一档案", 3, "一[档案]");
}

static char *random_text(GRand *random) {
  static const gunichar ranges[][2] = {{1, 0x7F}, {0xA0, 0x24F}, {0x300, 0x330}, {0x1100, 0x11FF}, {0x2000, 0x206F}, {0x2460, 0x2500}, {0x3000, 0x33FF},
    {0x4E00, 0x4E40}, {0xAC00, 0xAC20}, {0xE000, 0xE010}, {0xF900, 0xF920}, {0xFB00, 0xFB06}, {0xFDF0, 0xFDFD}, {0xFE00, 0xFE10},
    {0xFF01, 0xFF60}, {0x1F600, 0x1F610}, {0x20000, 0x20020}};
  GString *text = g_string_new(NULL);
  for (gint i = g_rand_int_range(random, 0, 20); i > 0; i--) {
    const gunichar *range = ranges[g_rand_int_range(random, 0, G_N_ELEMENTS(ranges))];
    g_string_append_unichar(text, (gunichar)g_rand_int_range(random, (gint)range[0], (gint)range[1]));
  }
  return g_string_free(text, FALSE);
}

static void test_equals_fold(void) {
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  for (guint round = 0; round < 20000; round++) {
    g_autofree char *text = random_text(random), *folded = text_fold(text), *mapped = search_mark_folded(text);
    g_assert_cmpstr(mapped, ==, folded);
    g_autoptr(GPtrArray) terms = g_ptr_array_new_with_free_func(g_free);
    glong length = g_utf8_strlen(text, -1);
    glong from = length ? g_rand_int_range(random, 0, (gint)length) : 0, to = length ? g_rand_int_range(random, (gint)from, (gint)length) + 1 : 0;
    g_ptr_array_add(terms, g_utf8_substring(text, from, to));
    json_auto_t *pieces = search_mark(terms, text, 0);
    g_autoptr(GString) joined = g_string_new(NULL);
    gboolean before = FALSE;
    for (gsize i = 0; i < json_array_size(pieces); i++) {
      const json_t *piece = json_array_get(pieces, i);
      gboolean marked = json_object_get(piece, "m") != NULL;
      g_assert_true(i == 0 || marked != before);
      before = marked;
      g_string_append(joined, json_string_value(json_object_get(piece, "t")));
    }
    g_assert_cmpstr(joined->str, ==, text);
  }
}

static void test_large(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 200000; i++) g_string_append(text, "档");
  g_autofree char *term = g_strndup(text->str, strlen("档") * 1900);
  g_autoptr(GPtrArray) terms = search_terms(NULL, NULL, term, 0);
  json_auto_t *pieces = search_mark(terms, text->str, 100);
  g_assert_cmpuint(json_array_size(pieces), ==, 2);
  json_auto_t *invalid = search_mark(terms, "\377档", 0);
  g_assert_cmpuint(json_array_size(invalid), >, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/mark/places", test_places);
  g_test_add_func("/mark/snippet", test_snippet);
  g_test_add_func("/mark/equals-fold", test_equals_fold);
  g_test_add_func("/mark/large", test_large);
  return g_test_run();
}
