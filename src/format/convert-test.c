/* Conversions: page images into pictures and PDFs of their size, documents by the real LibreOffice in its jail, and what must fail. */
#include "sandbox.h"
#include "test-fixture.h"
#include "jpeg.h"
#include <fcntl.h>
#include <unistd.h>

static char *picture(const char *name, int width, int height, int dpi) {
  char *path = fixture_path(name);
  g_autofree guint8 *rgb = g_malloc0((gsize)width * (gsize)height * 3);
  for (int i = 0; i < width * height; i++) rgb[3 * i] = (guint8)(i % 251);
  g_autoptr(GError) error = NULL;
  format_jpeg_write(path, rgb, width, height, dpi, &error);
  g_assert_no_error(error);
  return path;
}

static void test_pictures(void) {
  g_autofree char *source = picture("one.jpg", 300, 200, 150), *tool = NULL;
  static const char *const CASES[][2] = {{"jpeg", "image/jpeg"}, {"png", "image/png"}, {"jp2", "image/jp2"}};
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *target = fixture_path("result"), *told = NULL;
    g_assert_true(format_convert((const char *[]){source, NULL}, CASES[i][0], target, &told, &error));
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(told, "libvips 8."));
    g_assert_cmpstr(format_identify(target).mime, ==, CASES[i][1]);
    g_unlink(target);
  }
}

static char *pdf_info(const char *path) {
  int fd = sandbox_open_input(path, NULL);
  g_assert_cmpint(fd, >=, 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(GByteArray) answer = sandbox_run("pdfinfo", NULL, fd, 1 << 16, &error);
  g_assert_no_error(error);
  close(fd);
  return g_strndup((const char *)answer->data, answer->len);
}

/* Two pages, the first 2 in × 1 in at its 150 dpi, the second of unknown resolution at 200; the same input gives the same bytes. */
static void test_pdf(void) {
  g_autofree char *first = picture("first.jpg", 300, 150, 150), *second = picture("second.jpg", 400, 200, 1), *target = fixture_path("pages.pdf");
  g_autofree char *tool = NULL, *again = NULL;
  const char *sources[] = {first, second, NULL};
  g_autoptr(GError) error = NULL;
  g_assert_true(format_convert(sources, "pdf", target, &tool, &error));
  g_assert_no_error(error);
  FormatInfo info = format_identify(target);
  g_assert_cmpstr(info.puid, ==, "fmt/477"); /* PDF/A-2b */
  g_assert_cmpuint(format_page_count(target, &info), ==, 2);
  g_autofree char *told = pdf_info(target);
  g_assert_nonnull(strstr(told, "144 x 72 pts"));
  g_autofree char *page = fixture_path("page.tif");
  g_assert_true(format_pyramid_make(target, &info, 2, page, &error));
  g_assert_no_error(error);
  PyramidInfo pyramid;
  g_assert_true(format_pyramid_info(page, &pyramid, NULL));
  g_assert_cmpint(pyramid.width, ==, 300); /* 400 px at 200 dpi are 2 in, drawn at 150 */
  g_autofree char *before = NULL, *after = NULL;
  gsize before_length, after_length;
  g_assert_true(g_file_get_contents(target, &before, &before_length, NULL));
  g_assert_true(format_convert(sources, "pdf", target, &again, NULL));
  g_assert_true(g_file_get_contents(target, &after, &after_length, NULL));
  g_assert_cmpmem(before, before_length, after, after_length);
}

static void test_refused(void) {
  g_autofree char *text = fixture_write("note.txt", "纸上的字\n", -1), *picture_path = picture("p.jpg", 10, 10, 100), *target = fixture_path("none"), *tool = NULL;
  static const char *const CASES[] = {"jpeg", "pdf", "pdfa", "docx"};
  for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(format_convert((const char *[]){text, NULL}, CASES[i], target, &tool, &error));
    g_assert_nonnull(error);
    g_assert_false(g_file_test(target, G_FILE_TEST_EXISTS));
  }
  g_autoptr(GError) error = NULL;
  g_assert_false(format_convert((const char *[]){picture_path, picture_path, NULL}, "jpeg", target, &tool, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(picture_path, &bytes, &length, NULL));
  g_autofree char *cut = fixture_write("cut.jpg", bytes, (gssize)length / 2);
  g_assert_false(format_convert((const char *[]){cut, NULL}, "pdf", target, &tool, &error)); /* not half a picture */
  g_assert_nonnull(error);
}

static gboolean has_office(void) {
  if (format_converter_present(format_converter("pdfa"))) return TRUE;
  g_test_skip("LibreOffice is not installed (libreoffice-writer-nogui)");
  return FALSE;
}

static void test_office(void) {
  if (!has_office()) return;
  json_t *state = format_sandbox_state();
  gboolean landlock = json_is_true(json_object_get(state, "landlock"));
  json_decref(state);
  g_autofree char *source = fixture_write("letter.dat", "{\\rtf1\\ansi Reservoir {\\b embankment} report\\par\\page second page}", -1);
  g_autofree char *target = fixture_path("letter.pdf"), *tool = NULL;
  g_autoptr(GError) error = NULL;
  gboolean done = format_convert((const char *[]){source, NULL}, "pdfa", target, &tool, &error);
  if (!landlock) { /* without it nothing is started at all */
    g_assert_false(done);
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
    return;
  }
  g_assert_no_error(error);
  g_test_message("%s", tool);
  g_assert_true(g_str_has_prefix(tool, "LibreOffice "));
  FormatInfo info = format_identify(target);
  g_assert_cmpstr(info.puid, ==, "fmt/477");
  g_assert_cmpuint(format_page_count(target, &info), ==, 2);
  g_autoptr(GDir) dir = g_dir_open(fixture_dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) g_assert_false(g_str_has_prefix(name, "convert-")); /* the scratch folder is gone */
}

/* A document that includes a file of the machine must not bring it in: the jail reads nothing but its folder and the system's libraries. */
static void test_office_outside(void) {
  if (!has_office()) return;
  g_autofree char *secret = g_build_filename(g_get_home_dir(), ".lantai-probe.txt", NULL);
  if (!g_file_set_contents(secret, "TELLTALE", -1, NULL)) {
    g_test_skip("no home to put a file in");
    return;
  }
  g_autofree char *rtf = g_strdup_printf("{\\rtf1\\ansi before {\\field{\\*\\fldinst INCLUDETEXT \"%s\"}{\\fldrslt none}} after}", secret);
  g_autofree char *source = fixture_write("include.rtf", rtf, -1), *target = fixture_path("include.pdf"), *tool = NULL;
  if (format_convert((const char *[]){source, NULL}, "pdfa", target, &tool, NULL)) {
    int fd = sandbox_open_input(target, NULL);
    g_autoptr(GByteArray) text = sandbox_run("pdftotext", NULL, fd, 1 << 20, NULL);
    close(fd);
    g_assert_nonnull(text);
    g_assert_null(memmem(text->data, text->len, "TELLTALE", 8));
  }
  g_unlink(secret);
}

static void add_tests(void) {
  g_test_add_func("/format/convert/pictures", test_pictures);
  g_test_add_func("/format/convert/pdf", test_pdf);
  g_test_add_func("/format/convert/refused", test_refused);
  g_test_add_func("/format/convert/office", test_office);
  g_test_add_func("/format/convert/office-outside", test_office_outside);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
