/* Names for files, and XML as it is written: what goes in from anywhere, what may come out. */
#include "internal.h"
#include <string.h>

static void test_kept(void) {
  static const char *const good[] = {"Z001-WS·2011-Y-0001", "通知 (1).pdf", "a.tar.gz", "κ.txt"};
  g_autoptr(Names) names = names_new();
  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    g_autofree char *name = names_take(names, good[i]);
    g_assert_cmpstr(name, ==, good[i]);
  }
}

static void test_cleaned(void) {
  static const char *const bad[] = {"", ".", "..", "../../etc/passwd", "a/b", "a\\b", "C:",
    "con", "CON.txt", "nul", "a\nb", "末尾 ", "点.", "\xff\xfe", "a\xE2\x80\xAE" "fdp.exe",
    "?*<>|\"", " 前"};
  g_autoptr(Names) names = names_new();
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *name = names_take(names, bad[i]);
    g_assert_true(g_utf8_validate(name, -1, NULL));
    g_assert_null(strpbrk(name, "/\\:*?\"<>|\n"));
    g_assert_null(strstr(name, "\xE2\x80\xAE"));
    g_assert_cmpint(*name, !=, '.');
    g_assert_cmpint(*name, !=, ' ');
    g_assert_nonnull(strchr(name, '~')); /* it is not what was asked for, and says so */
    g_assert_cmpint(g_ascii_strncasecmp(name, "con.", 4), !=, 0);
  }
}

static void test_different(void) {
  g_autoptr(Names) names = names_new();
  g_autofree char *first = names_take(names, "Abc.txt"), *same = names_take(names, "Abc.txt"), *other_case = names_take(names, "ABC.TXT");
  g_autofree char *composed = names_take(names, "é"), *apart = names_take(names, "e\xCC\x81"), *third = names_take(names, "Abc.txt");
  g_assert_cmpstr(first, ==, "Abc.txt");
  g_assert_cmpstr(same, !=, first);
  g_assert_cmpstr(third, !=, same);
  g_assert_true(g_str_has_suffix(same, ".txt"));
  g_assert_cmpint(g_ascii_strcasecmp(other_case, first), !=, 0);
  g_assert_cmpstr(apart, !=, composed);
  g_assert_nonnull(strchr(apart, '~'));
}

static void test_long(void) {
  g_autoptr(Names) names = names_new();
  GString *wanted = g_string_new(NULL);
  for (guint i = 0; i < 100; i++) g_string_append(wanted, "档");
  g_autofree char *one = g_strconcat(wanted->str, "甲.pdf", NULL), *two = g_strconcat(wanted->str, "乙.pdf", NULL);
  g_autofree char *first = names_take(names, one), *second = names_take(names, two);
  g_string_free(wanted, TRUE);
  g_assert_cmpuint(strlen(first), <=, 200);
  g_assert_true(g_utf8_validate(first, -1, NULL));
  g_assert_true(g_str_has_suffix(first, ".pdf"));
  g_assert_cmpstr(first, !=, second);
}

static gboolean collect(gpointer data, const char *bytes, gsize length, GError **error) {
  g_string_append_len(data, bytes, (gssize)length);
  return TRUE;
}

static void test_xml(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(Xml) xml = xml_new(collect, out, FALSE);
  xml_open(xml, "a", "b", "\"<&\n", "none", NULL, "c", "d", NULL);
  xml_leaf(xml, "题名", "甲<乙&丙>\x01\xEF\xBF\xBF\r");
  xml_optional(xml, "e", "");
  xml_leaf(xml, "f", "");
  GError *error = NULL;
  g_assert_true(xml_finish(xml, &error));
  g_assert_no_error(error);
  const char *tail = strchr(out->str, '\n') + 1;
  g_assert_true(g_str_has_prefix(tail, "<a b=\"&#34;&lt;&amp;&#10;\" c=\"d\">"));
  g_assert_nonnull(strstr(out->str, "<题名>甲&lt;乙&amp;丙&gt;&#13;</题名>"));
  g_assert_null(strstr(out->str, "<e"));
  g_assert_nonnull(strstr(out->str, "<f/>"));
}

static void test_xml_gb18030(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(Xml) xml = xml_new(collect, out, TRUE);
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 40000; i++) g_string_append(text, "𠮷龥");
  xml_open(xml, "a", NULL);
  for (guint i = 0; i < 3; i++) xml_text(xml, text->str);
  g_assert_true(xml_finish(xml, NULL));
  g_autofree char *back = g_convert(out->str, (gssize)out->len, "UTF-8", "GB18030", NULL, NULL, NULL);
  g_assert_nonnull(back);
  g_assert_true(g_str_has_prefix(back, "<?xml version=\"1.0\" encoding=\"GB18030\"?>"));
  g_assert_cmpuint(strlen(back), >, 3 * text->len);
}

static void test_xml_names(void) {
  static const char *const good[] = {"档号", "a-1", "_x", "机构或问题"}, *const bad[] = {"", "1a", "a b", "机构（问题）", "xml-x", "a:b", "<", "-a"};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++) g_assert_true(xml_is_name(good[i]));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) g_assert_false(xml_is_name(bad[i]));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/exchange/name/kept", test_kept);
  g_test_add_func("/exchange/name/cleaned", test_cleaned);
  g_test_add_func("/exchange/name/different", test_different);
  g_test_add_func("/exchange/name/long", test_long);
  g_test_add_func("/exchange/xml/escaped", test_xml);
  g_test_add_func("/exchange/xml/gb18030", test_xml_gb18030);
  g_test_add_func("/exchange/xml/names", test_xml_names);
  return g_test_run();
}
