/* Folding: the invariants of text.h, known characters, random strings. Also length and JSON literals. */
#include "text.h"

#include <jansson.h>
#include <string.h>

static void check_fold(const char *text, const char *folded) {
  g_autofree char *got = text_fold(text);
  g_assert_cmpstr(got, ==, folded);
}

static void test_runs(void) {
  check_fold("", " ");
  check_fold("　，。！ \t\n", " ");
  check_fold("国发〔2015〕12号", " 国发 2015 12 号 ");
  check_fold("A4纸", " a4 纸 ");
  check_fold("abc  def", " abc def ");
  check_fold("《刑法》修正案（十二）", " 刑法 修正案 十二 ");
  check_fold("カタカナー한국ㄅㄆ〇々", " カタカナー한국ㄅㄆ〇々 ");
  check_fold("WS·2011-Y-BGS-0001", " ws 2011 y bgs 0001 ");
}

static void test_characters(void) {
  check_fold("檔案", " 档案 ");
  check_fold("档案", " 档案 ");
  check_fold("\357\246\216", " 年 "); /* U+F98E */
  check_fold("ＡＢＣ１２", " abc12 ");
  check_fold("㈱", " 株 ");
  check_fold("日㈱本", " 日 株 本 ");
  check_fold("é", " e ");
  check_fold("e\314\201t\303\251", " ete ");
  check_fold("ΣΊΣΥΦΟΣ", " σισυφοσ ");
  check_fold("\356\200\200年", " \356\200\200年 "); /* private use U+E000 */
  check_fold("½", " 1 2 ");
  check_fold("①⑳Ⅳ㏠", " 120iv1 日 ");
  check_fold("葛\363\240\204\200城", " 葛城 "); /* variation selector U+E0100 */
  check_fold("档\342\200\213案", " 档案 ");     /* zero width space */
  check_fold("⺠ ⼈", " ⺠ 人 ");
  check_fold("が", " か ");
  check_fold("𠮷野家 𰻝面", " 𠮷野家 𰻝面 ");
  check_fold("乾隆 麼 後 臺灣 為", " 干隆 么 后 台湾 为 ");
  check_fold("竜芸", " 龙芸 ");
  check_fold("بِسْمِ", " بسم ");
  check_fold("བོད", " བོད ");
}

/* The longest form there is: 18 code points. */
static void test_longest(void) {
  gunichar folded[18];
  g_assert_cmpuint(text_fold_character(0xFDFA, folded), ==, 18);
  GString *many = g_string_new(NULL), *one = g_string_new(NULL);
  for (int i = 0; i < 5000; i++) g_string_append_unichar(many, 0xFDFA);
  for (int i = 0; i < 18; i++) g_string_append_unichar(one, folded[i]);
  g_autofree char *got = text_fold(many->str);
  g_assert_cmpuint(strlen(got), ==, 5000 * one->len + 2);
  g_string_free(many, TRUE);
  g_string_free(one, TRUE);
}

static void test_fold_character(void) {
  gunichar folded[18];
  g_assert_cmpuint(text_fold_character(0x6A94, folded), ==, 1);
  g_assert_cmphex(folded[0], ==, 0x6863);
  g_assert_cmpuint(text_fold_character(0x3231, folded), ==, 3);
  g_assert_cmphex(folded[1], ==, 0x682A);
  g_assert_cmpuint(text_fold_character('-', folded), ==, 0);
  g_assert_cmpuint(text_fold_character(0x301, folded), ==, 0);
  g_assert_cmpuint(text_fold_character(0xFFFFFFFF, folded), ==, 0);
  g_assert_true(text_is_ideograph(0x6863) && text_is_ideograph(0xE000) && text_is_ideograph(0x3042) && text_is_ideograph(0x2EBF1));
  g_assert_false(text_is_ideograph('a') || text_is_ideograph(' ') || text_is_ideograph(0x110000) || text_is_ideograph(0x3002));
}

/* Invariants 1 and 2: one space before, between and after runs, no run of two classes, no separator in a run. */
static void check_shape(const char *folded) {
  gsize length = strlen(folded);
  g_assert_cmpuint(length, >=, 1);
  g_assert_cmpint(folded[0], ==, ' ');
  g_assert_cmpint(folded[length - 1], ==, ' ');
  g_assert_null(strstr(folded, "  "));
  g_assert_true(g_utf8_validate(folded, -1, NULL));
  for (const char *p = folded; *p != '\0'; p = g_utf8_next_char(p)) {
    const char *next = g_utf8_next_char(p);
    if (*p == ' ' || *next == '\0' || *next == ' ') continue;
    g_assert_cmpint(text_is_ideograph(g_utf8_get_char(p)), ==, text_is_ideograph(g_utf8_get_char(next)));
  }
}

/* Every character of Unicode: folding is settled, and text_fold_character says the same as text_fold. */
static void test_all_characters(void) {
  for (gunichar c = 1; c < 0x110000; c++) {
    char utf8[8] = "";
    if ((c & 0x1FF800) == 0xD800) continue;
    g_unichar_to_utf8(c, utf8);
    g_autofree char *once = text_fold(utf8);
    g_autofree char *twice = text_fold(once);
    if (strcmp(once, twice) != 0) g_error("U+%04X is not settled", c);
    gunichar folded[18];
    guint count = text_fold_character(c, folded);
    g_assert_cmpuint(count, <=, 18);
    g_autofree char *form = g_ucs4_to_utf8(folded, count, NULL, NULL, NULL);
    g_autofree char *again = text_fold(form);
    if (strcmp(once, again) != 0) g_error("U+%04X: %s and %s", c, once, again);
  }
}

static void append_random(GString *out) {
  static const char *const pool[] = {"国", "發", "a", "Z", "9", "９", " ", "，", "é", "\314\201", "㈱", "½", "\356\200\200", "𠮷", "か", "한",
    "\357\267\272", "-", "Ⅳ", "㋀", "\342\200\213", "б", "\001"};
  if (g_test_rand_int_range(0, 4) != 0) {
    g_string_append(out, pool[g_test_rand_int_range(0, G_N_ELEMENTS(pool))]);
    return;
  }
  gunichar c = (gunichar) g_test_rand_int_range(1, 0x30000);
  if ((c & 0x1FF800) != 0xD800) g_string_append_unichar(out, c);
}

/* Invariant 4: fold(a+b) is fold(a) and fold(b), joined where two runs of one class touch. */
static void check_join(const char *a, const char *b) {
  g_autofree char *fold_a = text_fold(a);
  g_autofree char *fold_b = text_fold(b);
  g_autofree char *both = g_strconcat(a, b, NULL);
  g_autofree char *whole = text_fold(both);
  fold_a[strlen(fold_a) - 1] = '\0';
  g_autofree char *apart = g_strconcat(fold_a, fold_b, NULL);
  g_autofree char *joined = g_strconcat(fold_a, fold_b + 1, NULL);
  check_shape(whole);
  if (strcmp(whole, apart) != 0) g_assert_cmpstr(whole, ==, joined);
  if (strcmp(whole, joined) != 0) g_assert_cmpstr(whole, ==, apart);
}

static void test_join(void) {
  for (int round = 0; round < 20000; round++) {
    g_autoptr(GString) a = g_string_new(NULL);
    g_autoptr(GString) b = g_string_new(NULL);
    for (int i = g_test_rand_int_range(0, 8); i > 0; i--) append_random(a);
    for (int i = g_test_rand_int_range(0, 8); i > 0; i--) append_random(b);
    check_join(a->str, b->str);
  }
}

static void test_append(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  text_fold_append(out, "", -1);
  g_assert_cmpstr(out->str, ==, " ");
  text_fold_append(out, "檔案", -1);
  text_fold_append(out, "12號x", 2);
  g_assert_cmpstr(out->str, ==, " 档案 12 ");
  g_string_append_c(out, '|');
  text_fold_append(out, "國\0國", 7);
  g_assert_cmpstr(out->str, ==, " 档案 12 | 国 国 ");
}

/* Bytes that are no UTF-8 separate; nothing beyond the length is read (a sanitizer would tell). */
static void test_bad_bytes(void) {
  check_fold("国\xFF家", " 国 家 ");
  check_fold("国\xE5\x9B", " 国 ");
  check_fold("\xC0\xAF" "a\xED\xA0\x80" "b\xF4\x90\x80\x80", " a b ");
  static const guchar starts[] = {0xE5, 0xF0, 0xC3, 0x80};
  for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
    g_autofree char *one = g_memdup2(&starts[i], 1);
    g_autoptr(GString) out = g_string_new(NULL);
    text_fold_append(out, one, 1);
    g_assert_cmpstr(out->str, ==, " ");
  }
  for (int round = 0; round < 20000; round++) {
    guchar bytes[12];
    for (gsize i = 0; i < sizeof bytes; i++) bytes[i] = (guchar) g_test_rand_int_range(0x70, 0x100);
    g_autoptr(GString) out = g_string_new(NULL);
    text_fold_append(out, (const char *) bytes, sizeof bytes);
    check_shape(out->str);
  }
}

static void test_length(void) {
  g_assert_cmpuint(text_length(""), ==, 0);
  g_assert_cmpuint(text_length("a国𠮷é"), ==, 4);
}

static void test_json(void) {
  g_autoptr(GString) out = g_string_new("x");
  text_json_append(out, "a\"b\\c\n\t\001国/");
  g_assert_cmpstr(out->str, ==, "x\"a\\\"b\\\\c\\n\\u0009\\u0001国/\"");
  for (int round = 0; round < 5000; round++) {
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) literal = g_string_new(NULL);
    for (int i = g_test_rand_int_range(0, 12); i > 0; i--) g_string_append_unichar(text, (gunichar) g_test_rand_int_range(1, 0x3000));
    text_json_append(literal, text->str);
    json_auto_t *value = json_loads(literal->str, JSON_DECODE_ANY, NULL);
    g_assert_cmpstr(json_string_value(value), ==, text->str);
  }
}

static void test_blanks(void) {
  static const char *const cases[][2] = {{"", ""}, {"登记", "登记"}, {"{甲}与{乙}登记", "[甲]与[乙]登记"}, {"{}x{", "[]x{"}, {"a}b{c", "a}b{c"}, {"{甲}", "[甲]"}};
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    const char *at = cases[i][0];
    for (char *name; (name = text_next_blank(&at, out)) != NULL; g_free(name)) g_string_append_printf(out, "[%s]", name);
    g_assert_cmpstr(out->str, ==, cases[i][1]);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/text/runs", test_runs);
  g_test_add_func("/text/characters", test_characters);
  g_test_add_func("/text/longest", test_longest);
  g_test_add_func("/text/fold_character", test_fold_character);
  g_test_add_func("/text/all_characters", test_all_characters);
  g_test_add_func("/text/join", test_join);
  g_test_add_func("/text/append", test_append);
  g_test_add_func("/text/bad_bytes", test_bad_bytes);
  g_test_add_func("/text/length", test_length);
  g_test_add_func("/text/json", test_json);
  g_test_add_func("/text/blanks", test_blanks);
  return g_test_run();
}
