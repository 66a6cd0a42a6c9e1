/* What the result of a conversion must be to be kept: a real one is taken; another format, no declaration, a password, a cut end, a wrong number of pages are not. */
#include "internal.h"
#include <glib/gstdio.h>
#include <string.h>

static const char DOT[] = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
static char *dir;

static char *put(const char *name, const void *bytes, gsize length) {
  char *path = g_build_filename(dir, name, NULL);
  g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
  return path;
}

/* Two pages as one PDF/A. */
static char *made_pdf(char **ret_image) {
  gsize length;
  g_autofree guchar *png = g_base64_decode(DOT, &length);
  char *path = g_build_filename(dir, "made", NULL);
  *ret_image = put("dot.png", png, length);
  g_autofree char *tool = NULL;
  g_autoptr(GError) error = NULL;
  g_assert_true(format_convert((const char *[]){*ret_image, *ret_image, NULL}, "pdf", path, &tool, &error));
  g_assert_no_error(error);
  return path;
}

static void refused(const char *path, const char *to, guint wanted, const char *word) {
  g_autoptr(GError) error = NULL;
  FormatInfo info;
  guint pages;
  g_assert_false(convert_check(path, to, wanted, &info, &pages, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, word));
  g_autofree char *drawn = g_strconcat(path, ".page", NULL);
  g_assert_false(g_file_test(drawn, G_FILE_TEST_EXISTS));
}

static void test_check(void) {
  g_autofree char *image = NULL, *path = made_pdf(&image), *bytes = NULL;
  gsize length;
  FormatInfo info;
  guint pages = 0;
  g_autoptr(GError) error = NULL;
  for (guint wanted = 0; wanted <= 2; wanted += 2) {
    g_assert_true(convert_check(path, "pdf", wanted, &info, &pages, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(info.puid, ==, "fmt/477");
    g_assert_cmpuint(pages, ==, 2);
  }
  g_assert_true(convert_check(image, "png", 1, &info, &pages, &error));
  g_assert_no_error(error);
  refused(path, "pdf", 3, "2 页，原文有 3 页");
  refused(path, "png", 2, "不是所要的格式");
  refused(image, "pdfa", 1, "不是所要的格式");
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  char *declared = memmem(bytes, length, "<pdfaid:part>2", 14);
  g_assert_nonnull(declared);
  memcpy(declared, "<pdfaid:port>2", 14);
  g_autofree char *plain = put("plain", bytes, length);
  refused(plain, "pdfa", 2, "没有声明为 PDF/A-2");
  memcpy(declared, "<pdfaid:part>1", 14);
  g_autofree char *older = put("older", bytes, length);
  refused(older, "pdf", 2, "没有声明为 PDF/A-2");
  memcpy(declared, "<pdfaid:part>2", 14);
  g_autofree char *cut = put("cut", bytes, length / 2);
  refused(cut, "pdf", 2, "没有采用");
  char *trailer = memmem(bytes, length, "trailer\n<< ", strlen("trailer\n<< "));
  g_assert_nonnull(trailer);
  g_autoptr(GString) locked = g_string_new_len(bytes, trailer - bytes);
  g_string_append(locked, "trailer\n<< /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <");
  for (guint i = 0; i < 32; i++) g_string_append(locked, "28");
  g_string_append(locked, "> /U <");
  for (guint i = 0; i < 32; i++) g_string_append(locked, "29");
  g_string_append(locked, "> >> ");
  g_string_append_len(locked, trailer + strlen("trailer\n<< "), (gssize)length - (trailer - bytes) - (gssize)strlen("trailer\n<< "));
  g_autofree char *password = put("password", locked->str, locked->len);
  refused(password, "pdf", 2, "加密");
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "sandbox") == 0) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  dir = g_dir_make_tmp("lantai-convert-XXXXXX", NULL);
  g_test_add_func("/convert/check", test_check);
  int status = g_test_run();
  static const char *const FILES[] = {"dot.png", "made", "plain", "older", "cut", "password"};
  for (guint i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *path = g_build_filename(dir, FILES[i], NULL);
    g_unlink(path);
  }
  g_rmdir(dir);
  g_free(dir);
  return status;
}
