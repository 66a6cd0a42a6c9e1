/* text_clean, text_decode and text_encoding_guess. */
#include <string.h>

#include "error.h"
#include "text.h"

static void check_clean(const char *text, gboolean keep_lines, const char *clean) {
  g_autofree char *got = text_clean(text, keep_lines);
  g_autofree char *again = text_clean(got, keep_lines);
  g_assert_cmpstr(got, ==, clean);
  g_assert_cmpstr(again, ==, clean);
}

static void test_clean(void) {
  check_clean("", FALSE, "");
  check_clean(" \t\r\n　\342\200\203\357\273\277", FALSE, "");
  check_clean("\357\273\277　关于 报告\302\240", FALSE, "关于 报告");
  check_clean("甲\r\n乙\t丙\n\n丁", FALSE, "甲 乙 丙 丁");
  check_clean("甲\r\n乙\r丙\n\n丁\342\200\250戊\t己\n", TRUE, "甲\n乙\n丙\n\n丁\n戊 己");
  check_clean("甲\001\033[31m乙\177\302\200", FALSE, "甲[31m乙");
  check_clean("\001 甲 \002", FALSE, "甲");
  check_clean("甲\n\001\n乙\001\t丙", FALSE, "甲 乙 丙");
  check_clean("e\314\201", FALSE, "é");
  check_clean("档e\314\201案 ", FALSE, "档é案");
  check_clean("\357\246\216度", FALSE, "年度"); /* NFC unifies U+F98E */
  check_clean("か\343\202\231", FALSE, "が");
  check_clean("\342\204\253", FALSE, "Å");
  check_clean("\356\200\200\363\260\200\200𰻝\360\256\257\260", FALSE, "\356\200\200\363\260\200\200𰻝\360\256\257\260");
  check_clean("甲\xFF乙", FALSE, "甲\357\277\275乙");
  check_clean("ＡＢ　Ｃ", FALSE, "ＡＢ　Ｃ");
}

/* The fast path says "inert" only where GLib's own NFC agrees. */
static void test_clean_is_nfc(void) {
  for (int round = 0; round < 100000; round++) {
    g_autoptr(GString) text = g_string_new("国");
    for (int i = 0; i < 4; i++) {
      gunichar c = (gunichar) (g_test_rand_bit() ? g_test_rand_int_range(0xA1, 0x3400) : g_test_rand_int_range(0xF900, 0x10000));
      if (g_unichar_isdefined(c) && !g_unichar_iscntrl(c) && g_unichar_type(c) != G_UNICODE_SURROGATE) g_string_append_unichar(text, c);
    }
    g_string_append(text, "国");
    if (strstr(text->str, "\342\200\250") != NULL || strstr(text->str, "\342\200\251") != NULL) continue;
    g_autofree char *clean = text_clean(text->str, TRUE);
    g_autofree char *nfc = g_utf8_normalize(text->str, -1, G_NORMALIZE_NFC);
    g_assert_cmpstr(clean, ==, nfc);
  }
}

static void check_decode(const char *bytes, gsize length, const char *text, const char *encoding) {
  const char *got_encoding = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *got = text_decode(bytes, length, &got_encoding, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(got, ==, text);
  g_assert_cmpstr(got_encoding, ==, encoding);
}
#define CHECK_DECODE(bytes, text, encoding) check_decode(bytes, sizeof(bytes) - 1, text, encoding)

/* The message names the offset. */
static void check_refused(const char *bytes, gsize length, gsize offset) {
  const char *encoding = "untouched";
  g_autoptr(GError) error = NULL;
  g_autofree char *got = text_decode(bytes, length, &encoding, &error);
  g_autofree char *place = g_strdup_printf("第 %" G_GSIZE_FORMAT " 字节", offset);
  g_assert_null(got);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  if (strstr(error->message, place) == NULL) g_error("%s lacks %s", error->message, place);
  g_assert_cmpstr(encoding, ==, "untouched");
}
#define CHECK_REFUSED(bytes, offset) check_refused(bytes, sizeof(bytes) - 1, offset)

static void test_decode(void) {
  CHECK_DECODE("", "", "UTF-8");
  CHECK_DECODE("abc", "abc", "UTF-8");
  CHECK_DECODE("档案", "档案", "UTF-8");
  CHECK_DECODE("\xEF\xBB\xBF档案", "档案", "UTF-8");
  CHECK_DECODE("\xB5\xB5\xB0\xB8", "档案", "GB18030");
  CHECK_DECODE("\x99\x6E\xB0\xB8", "檔案", "GB18030");          /* GBK */
  CHECK_DECODE("\x95\x32\x82\x36\xB0\xB8", "𠀀案", "GB18030"); /* four bytes, plane 2 */
  CHECK_DECODE("\x81\x39\xEE\x39\xB5\xB5", "㐀档", "GB18030"); /* four bytes, extension A */
  CHECK_DECODE("\xAA\xA1\xB5\xB5", "\356\200\200档", "GB18030");  /* private use */
  CHECK_DECODE("\xFF\xFE\x63\x68\x41\x00\x40\xD8\x00\xDC", "档A𠀀", "UTF-16LE");
  CHECK_DECODE("\xFE\xFF\x68\x63\x00\x41\xD8\x40\xDC\x00", "档A𠀀", "UTF-16BE");
  CHECK_DECODE("\xFF\xFE", "", "UTF-16LE");
}

static void test_decode_refused(void) {
  CHECK_REFUSED("\xB5\xB5\xFF\xB0\xB8", 2);
  CHECK_REFUSED("\xB5\xB5\xB0", 2);               /* cut */
  CHECK_REFUSED("\xB5\xB5\x81\x39\xEF", 2);       /* four-byte form cut */
  CHECK_REFUSED("\xB5\xB5" "a\0b", 3);
  CHECK_REFUSED("ab\0c", 2);
  CHECK_REFUSED("\xEF\xBB\xBF档\xFF", 6);
  CHECK_REFUSED("\xFF\xFE\x63\x68\x41", 4);         /* half a unit */
  CHECK_REFUSED("\xFF\xFE\x63\x68\x40\xD8", 4);     /* half a pair */
  CHECK_REFUSED("\xFF\xFE\x63\x68\x00\xDC\x41\x00", 4);
  CHECK_REFUSED("\xFF\xFE\x63\x68\x00\x00\x41\x00", 4);
  /* damaged UTF-8 would pass as GB18030, as gibberish */
  CHECK_REFUSED("关于档案工作的报告和批复\xE5\xAE关于档案工作的报告和批复", 36);
}

static void test_guess(void) {
  static const char gb[] = "\xB5\xB5\xB0\xB8\xB9\xA4\xD7\xF7";
  static const char utf8[] = "档案工作";
  for (gsize cut = 1; cut <= sizeof gb - 1; cut++) g_assert_cmpstr(text_encoding_guess(gb, cut), ==, "GB18030");
  for (gsize cut = 0; cut <= sizeof utf8 - 1; cut++) g_assert_cmpstr(text_encoding_guess(utf8, cut), ==, "UTF-8");
  g_assert_cmpstr(text_encoding_guess("\xFF\xFE\x63", 3), ==, "UTF-16LE");
  g_assert_cmpstr(text_encoding_guess("\xFE\xFF", 2), ==, "UTF-16BE");
  g_assert_cmpstr(text_encoding_guess("\xEF\xBB\xBF\xB5\xB5", 5), ==, "UTF-8");
}

/* Whole GB18030 files of real data decode to their UTF-8 twins. */
static void test_decode_files(void) {
  const char *shared = g_getenv("LANTAI_SHARED");
  static const char *const sets[] = {"laws", "gazette"};
  for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
    g_autofree char *gb_path = g_build_filename(shared != NULL ? shared : "", "data", sets[i], "catalogue-gb18030.csv", NULL);
    g_autofree char *utf8_path = g_build_filename(shared != NULL ? shared : "", "data", sets[i], "catalogue.csv", NULL);
    g_autofree char *gb = NULL, *utf8 = NULL;
    gsize gb_length = 0, utf8_length = 0;
    if (!g_file_get_contents(gb_path, &gb, &gb_length, NULL) || !g_file_get_contents(utf8_path, &utf8, &utf8_length, NULL)) {
      g_test_skip("no shared data");
      return;
    }
    const char *gb_encoding = NULL, *utf8_encoding = NULL;
    g_autofree char *from_gb = text_decode(gb, gb_length, &gb_encoding, NULL);
    g_autofree char *from_utf8 = text_decode(utf8, utf8_length, &utf8_encoding, NULL);
    g_assert_cmpstr(gb_encoding, ==, "GB18030");
    g_assert_cmpstr(utf8_encoding, ==, "UTF-8");
    g_assert_true(g_str_has_prefix(from_utf8, utf8 + 3));
    g_auto(GStrv) gb_lines = g_strsplit_set(from_gb, "\r\n", -1);
    g_auto(GStrv) utf8_lines = g_strsplit_set(from_utf8, "\r\n", -1);
    for (guint a = 0, b = 0; gb_lines[a] != NULL || utf8_lines[b] != NULL;) { /* the twins differ in their line ends */
      if (gb_lines[a] != NULL && *gb_lines[a] == '\0') a++;
      else if (utf8_lines[b] != NULL && *utf8_lines[b] == '\0') b++;
      else g_assert_cmpstr(gb_lines[a++], ==, utf8_lines[b++]);
    }
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/text/clean", test_clean);
  g_test_add_func("/text/clean_is_nfc", test_clean_is_nfc);
  g_test_add_func("/text/decode", test_decode);
  g_test_add_func("/text/decode_refused", test_decode_refused);
  g_test_add_func("/text/guess", test_guess);
  g_test_add_func("/text/decode_files", test_decode_files);
  return g_test_run();
}
