/* Pages: what a file is, its text, its pyramid, tiles that show what the master shows. */
#include "image.h"
#include "test-fixture.h"
#include <unistd.h>

/* ---- a hand-written PDF: one page for each text, 4 × 3 inches ---- */

static char *make_pdf(const char *name, const char *version, const char *const *texts, guint pages) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GString) kids = g_string_new(NULL);
  gsize offsets[64] = {0};
  guint object = 3;
  g_string_append_printf(out, "%%PDF-%s\n", version);
  offsets[1] = out->len;
  g_string_append(out, "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
  for (guint i = 0; i < pages; i++) {
    g_autofree char *content = g_strdup_printf("1 0 0 rg 0 108 144 108 re f 0 g BT /F1 18 Tf 20 20 Td (%s) Tj ET", texts[i]);
    g_string_append_printf(kids, "%u 0 R ", object);
    offsets[object] = out->len;
    g_string_append_printf(out,
                           "%u 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 288 216]/Contents %u 0 "
                           "R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>\nendobj\n",
                           object, object + 1);
    offsets[object + 1] = out->len;
    g_string_append_printf(out, "%u 0 obj\n<</Length %u>>\nstream\n%s\nendstream\nendobj\n", object + 1, (guint)strlen(content), content);
    object += 2;
  }
  offsets[2] = out->len;
  g_string_append_printf(out, "2 0 obj\n<</Type/Pages/Kids[%s]/Count %u>>\nendobj\n", kids->str, pages);
  gsize table = out->len;
  g_string_append_printf(out, "xref\n0 %u\n0000000000 65535 f \n", object);
  for (guint i = 1; i < object; i++) g_string_append_printf(out, "%010u 00000 n \n", (guint)offsets[i]);
  g_string_append_printf(out, "trailer<</Size %u/Root 1 0 R>>\nstartxref\n%u\n%%%%EOF\n", object, (guint)table);
  return fixture_write(name, out->str, (gssize)out->len);
}

static gboolean collect(guint page, const char *text, gpointer data, GError **error) {
  g_string_append_printf(data, "[%u]%s", page, text);
  return TRUE;
}

static char *text_of(const char *path, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  FormatInfo info = format_identify(path);
  if (!format_text_pages(path, &info, collect, out, error)) return NULL;
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void assert_text(const char *path, const char *expected) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = text_of(path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(text, ==, expected);
}

static void assert_info(const char *path, const char *mime, const char *puid, const char *kind) {
  FormatInfo info = format_identify(path);
  g_assert_cmpstr(info.mime, ==, mime);
  g_assert_cmpstr(info.puid, ==, puid);
  g_assert_cmpstr(info.kind, ==, kind);
  g_assert_cmpstr(info.name, !=, "");
}

static void test_pdf_text(void) {
  static const char *const TEXTS[] = {"Hello Lantai", "", "Third page"};
  g_autofree char *path = make_pdf("three.pdf", "1.4", TEXTS, 3);
  assert_info(path, "application/pdf", "fmt/18", "pdf");
  FormatInfo info = format_identify(path);
  g_assert_cmpuint(format_page_count(path, &info), ==, 3);
  assert_text(path, "[1]Hello Lantai[3]Third page");
  g_autofree char *broken = fixture_write("broken.pdf", "%PDF-1.4\nthis is no PDF at all", -1);
  g_autoptr(GError) error = NULL;
  g_assert_null(text_of(broken, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, "broken.pdf"));
  g_assert_cmpuint(format_page_count(broken, &info), ==, 0);
}

static gboolean stop(guint page, const char *text, gpointer data, GError **error) { return throw(error, LANTAI_ERROR_CONFLICT, "够了"); }

static void test_plain_text(void) {
  g_autofree char *gb = fixture_write("gb.txt", "\xb9\xfa\xb7\xa2\r\n\f\xce\xc4\xba\xc5", -1);
  assert_text(gb, "[1]国发[2]文号");
  g_autofree char *image = fixture_write("x.gif", "GIF89a\1\0\1\0", 10);
  assert_text(image, "");
  FormatInfo info = format_identify(gb);
  g_autoptr(GError) error = NULL;
  g_assert_false(format_text_pages(gb, &info, stop, NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
}

/* ---- images ---- */

/* Left half red, right half blue, with a green corner at the top left. */
static VipsImage *draw(int width, int height) {
  VipsImage *image = NULL, *drawn = NULL;
  double red[] = {220, 30, 30}, blue[] = {30, 30, 220}, green[] = {30, 200, 30};
  image_library_start();
  g_assert_cmpint(vips_black(&image, width, height, "bands", 3, NULL), ==, 0);
  drawn = vips_image_copy_memory(image);
  g_object_unref(image);
  g_assert_cmpint(vips_draw_rect(drawn, red, 3, 0, 0, width / 2, height, "fill", TRUE, NULL), ==, 0);
  g_assert_cmpint(vips_draw_rect(drawn, blue, 3, width / 2, 0, width - width / 2, height, "fill", TRUE, NULL), ==, 0);
  g_assert_cmpint(vips_draw_rect(drawn, green, 3, 0, 0, width / 8, height / 8, "fill", TRUE, NULL), ==, 0);
  vips_copy(drawn, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL);
  g_object_unref(drawn);
  return image;
}

/* The colour at a place of a JPEG, as the one that is strongest: r, g, b or w for grey. */
static char colour_at(GBytes *jpeg, double x, double y) {
  g_autoptr(VipsImage) image = NULL;
  double *pixel = NULL;
  int bands = 0;
  gsize length;
  void *bytes = (void *)g_bytes_get_data(jpeg, &length);
  vips_operation_block_set("VipsForeignLoadJpeg", FALSE);
  g_assert_cmpint(vips_jpegload_buffer(bytes, length, &image, NULL), ==, 0);
  vips_operation_block_set("VipsForeignLoadJpeg", TRUE);
  g_assert_cmpint(vips_getpoint(image, &pixel, &bands, (int)(x * (image->Xsize - 1)), (int)(y * (image->Ysize - 1)), NULL), ==, 0);
  char colour = bands < 3                                              ? 'w'
                : pixel[0] > pixel[1] + 60 && pixel[0] > pixel[2] + 60 ? 'r'
                : pixel[1] > pixel[0] + 60                             ? 'g'
                : pixel[2] > pixel[0] + 60                             ? 'b'
                                                                       : 'w';
  g_free(pixel);
  return colour;
}

static char *make_pyramid(const char *source) {
  g_autoptr(GError) error = NULL;
  FormatInfo info = format_identify(source);
  g_autofree char *name = g_path_get_basename(source);
  g_autofree char *target_name = g_strconcat(name, ".pyramid.tif", NULL);
  char *target = fixture_path(target_name);
  gboolean made = format_pyramid_make(source, &info, 1, target, &error);
  g_assert_no_error(error);
  g_assert_true(made);
  return target;
}

static void test_pyramid(void) {
  g_autoptr(VipsImage) image = draw(1500, 1100);
  g_autofree char *source = fixture_path("page.jpg");
  g_assert_cmpint(vips_jpegsave(image, source, "Q", 92, NULL), ==, 0);
  g_autofree char *pyramid = make_pyramid(source);
  g_autoptr(GError) error = NULL;
  PyramidInfo info;
  g_assert_true(format_pyramid_info(pyramid, &info, &error));
  g_assert_cmpint(info.width, ==, 1500);
  g_assert_cmpint(info.height, ==, 1100);
  g_assert_cmpint(info.levels, ==, 3);
  g_autoptr(GBytes) first = format_pyramid_tile(pyramid, 0, 0, 0, &error);
  g_autoptr(GBytes) last = format_pyramid_tile(pyramid, 0, 2, 2, &error);
  g_autoptr(GBytes) top = format_pyramid_tile(pyramid, 2, 0, 0, &error);
  g_autoptr(GBytes) thumbnail = format_pyramid_thumbnail(pyramid, 200, &error);
  g_assert_no_error(error);
  g_assert_cmpint(colour_at(first, 0.05, 0.05), ==, 'g');
  g_assert_cmpint(colour_at(first, 0.9, 0.9), ==, 'r');
  g_assert_cmpint(colour_at(last, 0.5, 0.5), ==, 'b');
  g_assert_cmpint(colour_at(top, 0.25, 0.5), ==, 'r');
  g_assert_cmpint(colour_at(thumbnail, 0.03, 0.03), ==, 'g');
  g_assert_cmpint(colour_at(thumbnail, 0.9, 0.9), ==, 'b');
  static const int NONE[][3] = {{0, 3, 0}, {0, 0, 3}, {0, -1, 0}, {-1, 0, 0}, {24, 0, 0}};
  for (gsize i = 0; i < G_N_ELEMENTS(NONE); i++) {
    g_autoptr(GError) missing = NULL;
    g_assert_null(format_pyramid_tile(pyramid, NONE[i][0], NONE[i][1], NONE[i][2], &missing));
    g_assert_error(missing, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  }
  g_assert_null(format_pyramid_tile(pyramid, 3, 0, 0, NULL));
}

/* Every format and kind of pixel that a scanner or a phone delivers shows the same picture. */
static void test_sources(void) {
  g_autoptr(VipsImage) image = draw(320, 240);
  g_autoptr(VipsImage) wide = NULL;
  g_autoptr(VipsImage) cmyk = NULL;
  g_autoptr(VipsImage) clear = NULL;
  g_autoptr(VipsImage) rotated = NULL;
  vips_colourspace(image, &wide, VIPS_INTERPRETATION_RGB16, NULL);
  vips_colourspace(image, &cmyk, VIPS_INTERPRETATION_CMYK, NULL);
  vips_bandjoin_const1(image, &clear, 255, NULL);
  vips_rot(image, &rotated, VIPS_ANGLE_D270, NULL);
  g_autoptr(VipsImage) turned = vips_image_copy_memory(rotated);
  vips_image_set_int(turned, VIPS_META_ORIENTATION, 6); /* "turn right to see it": undoes the 270 degrees */
  const struct {
    const char *name;
    VipsImage *image;
    const char *mime;
  } SOURCES[] = {
    {"a.png", image, "image/png"}, {"b.tif", image, "image/tiff"}, {"c.webp", image, "image/webp"}, {"d.jp2", image, "image/jp2"},
    {"e.gif", image, "image/gif"}, {"f.bmp", image, "image/bmp"},  {"g.tif", wide, "image/tiff"},   {"h.png", wide, "image/png"},
    {"i.jpg", cmyk, "image/jpeg"}, {"j.png", clear, "image/png"},  {"k.jpg", turned, "image/jpeg"},
#ifndef __SANITIZE_ADDRESS__ /* libx265, which writes it, leaks */
    {"l.heic", image, "image/heic"},
#endif
  };
  for (gsize i = 0; i < G_N_ELEMENTS(SOURCES); i++) {
    g_autofree char *source = fixture_path(SOURCES[i].name);
    g_test_message("%s", SOURCES[i].name);
    if (vips_image_write_to_file(SOURCES[i].image, source, NULL) != 0) { /* a format this libvips cannot write */
      vips_error_clear();
      continue;
    }
    FormatInfo info = format_identify(source);
    g_assert_cmpstr(info.mime, ==, SOURCES[i].mime);
    g_assert_cmpuint(format_page_count(source, &info), ==, 1);
    g_autofree char *pyramid = make_pyramid(source);
    g_autoptr(GBytes) tile = format_pyramid_tile(pyramid, 0, 0, 0, NULL);
    g_assert_cmpint(colour_at(tile, 0.04, 0.04), ==, 'g');
    g_assert_cmpint(colour_at(tile, 0.3, 0.9), ==, 'r');
    g_assert_cmpint(colour_at(tile, 0.9, 0.1), ==, 'b');
  }
}

static void test_tiff_pages(void) {
  g_autoptr(VipsImage) first = draw(200, 200);
  g_autoptr(VipsImage) second = NULL;
  g_autoptr(VipsImage) joined = NULL;
  vips_rot(first, &second, VIPS_ANGLE_D180, NULL);
  VipsImage *pages[] = {first, second};
  vips_arrayjoin(pages, &joined, 2, "across", 1, NULL);
  g_autoptr(VipsImage) book = vips_image_copy_memory(joined);
  vips_image_set_int(book, VIPS_META_PAGE_HEIGHT, 200);
  g_autofree char *source = fixture_path("two.tif");
  g_assert_cmpint(vips_tiffsave(book, source, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_LZW, NULL), ==, 0);
  FormatInfo info = format_identify(source);
  g_assert_cmpuint(format_page_count(source, &info), ==, 2);
  g_autofree char *target = fixture_path("two.pyramid.tif");
  g_autoptr(GError) error = NULL;
  g_assert_true(format_pyramid_make(source, &info, 2, target, &error));
  g_autoptr(GBytes) tile = format_pyramid_tile(target, 0, 0, 0, &error);
  g_assert_cmpint(colour_at(tile, 0.1, 0.5), ==, 'b');
  g_assert_cmpint(colour_at(tile, 0.97, 0.97), ==, 'g');
  g_assert_false(format_pyramid_make(source, &info, 3, target, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

static void test_pdf_pyramid(void) {
  static const char *const TEXTS[] = {"one", "two"};
  g_autofree char *source = make_pdf("two.pdf", "1.7", TEXTS, 2);
  FormatInfo info = format_identify(source);
  g_assert_cmpstr(info.puid, ==, "fmt/276");
  g_autofree char *target = fixture_path("two.pdf.tif");
  g_autoptr(GError) error = NULL;
  g_assert_true(format_pyramid_make(source, &info, 2, target, &error));
  g_assert_no_error(error);
  PyramidInfo made;
  g_assert_true(format_pyramid_info(target, &made, &error));
  g_assert_cmpint(made.width, ==, 600); /* 4 inches at 150 dpi */
  g_assert_cmpint(made.height, ==, 450);
  g_autoptr(GBytes) thumbnail = format_pyramid_thumbnail(target, 120, &error);
  g_assert_cmpint(colour_at(thumbnail, 0.2, 0.2), ==, 'r');
  g_assert_cmpint(colour_at(thumbnail, 0.9, 0.2), ==, 'w');
  g_assert_false(format_pyramid_make(source, &info, 9, target, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

/* A failed make leaves the old target and no temporary file. */
static void test_damaged_image(void) {
  g_autoptr(VipsImage) image = draw(900, 700);
  g_autofree char *whole = fixture_path("whole.jpg");
  g_assert_cmpint(vips_jpegsave(image, whole, NULL), ==, 0);
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(whole, &bytes, &length, NULL));
  g_autofree char *half = fixture_write("half.jpg", bytes, (gssize)(length / 2));
  g_autofree char *folder = fixture_path("pyramids");
  g_mkdir(folder, 0755);
  g_autofree char *target = g_build_filename(folder, "p.tif", NULL);
  g_assert_true(g_file_set_contents(target, "old", 3, NULL));
  FormatInfo info = format_identify(half);
  g_autoptr(GError) error = NULL;
  g_assert_false(format_pyramid_make(half, &info, 1, target, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_nonnull(strstr(error->message, "half.jpg"));
  g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
  g_assert_cmpstr(g_dir_read_name(listing), ==, "p.tif");
  g_assert_null(g_dir_read_name(listing));
  g_clear_error(&error);
  g_autofree char *svg = fixture_write("x.svg", "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>", -1);
  FormatInfo pretended = {.mime = "image/png", .puid = "", .name = "", .kind = "image"};
  g_assert_false(format_pyramid_make(svg, &pretended, 1, target, &error)); /* its loader is closed */
  g_assert_null(format_pyramid_tile(target, 0, 0, 0, NULL));
}

static void test_identify(void) {
  static const struct {
    const char *name, *bytes;
    gsize length;
    const char *mime, *puid, *kind;
  } FILES[] = {
    {"a", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0", 14, "image/jpeg", "fmt/43", "image"},
    {"b", "II*\0\10\0\0\0", 8, "image/tiff", "fmt/353", "image"},
    {"c", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, "application/zip", "x-fmt/263", "other"},
    {"d", "plain words\n", 12, "text/plain", "x-fmt/111", "text"},
    {"e", "\xd6\xd0\xb9\xfa\n", 5, "text/plain", "x-fmt/111", "text"},
    {"f", "<?xml version='1.0'?><a/>", 25, "text/xml", "fmt/101", "text"},
    {"g", "\xef\xbb\xbf <!DOCTYPE html><p>", 20, "text/html", "fmt/96", "text"},
    {"h", "RIFF\0\0\0\0WAVEfmt ", 16, "audio/x-wav", "fmt/6", "audio"},
    {"i",
     "\0\0\0\x18"
     "ftypmp42\0\0\0\0",
     16, "video/mp4", "fmt/199", "video"},
    {"j", "SQLite format 3\0", 16, "application/vnd.sqlite3", "fmt/729", "other"},
    {"k",
     "\x7f"
     "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0",
     20, "application/x-executable", "", "other"},
    {"l", "", 0, "application/x-empty", "", "other"},
    {"m", "%PDF-1.4\n<x:xmpmeta><pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>", 90, "application/pdf", "fmt/354", "pdf"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *path = fixture_write(FILES[i].name, FILES[i].bytes, (gssize)FILES[i].length);
    g_test_message("%s", FILES[i].name);
    assert_info(path, FILES[i].mime, FILES[i].puid, FILES[i].kind);
  }
  assert_info(fixture_dir, "application/octet-stream", "", "other");
  assert_info("/nonexistent", "application/octet-stream", "", "other");
}

static void test_identify_shared(void) {
  static const char *const FILES[][3] = {
    {"laws/catalogue.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "fmt/214"},
    {"laws/catalogue.xls", "application/vnd.ms-excel", "fmt/61"},
    {"laws/catalogue-gb18030.csv", "text/plain", "x-fmt/111"},
    {"ofd/ofdrw-sign-helloworld.ofd", "application/ofd", ""},
    {"gazette/catalogue.dbf", "application/x-dbf", "x-fmt/9"},
    {"hostile/gbk.zip", "application/zip", "x-fmt/263"},
    {"hostile/blns.txt", "text/plain", "x-fmt/111"},
    {"hostile/testXXE.xml", "text/xml", "fmt/101"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *path = fixture_shared(FILES[i][0]);
    if (path == NULL) return;
    FormatInfo info = format_identify(path);
    g_assert_cmpstr(info.mime, ==, FILES[i][1]);
    g_assert_cmpstr(info.puid, ==, FILES[i][2]);
  }
}

static void add_tests(void) {
  g_test_add_func("/format/identify/bytes", test_identify);
  g_test_add_func("/format/identify/shared", test_identify_shared);
  g_test_add_func("/format/text/pdf", test_pdf_text);
  g_test_add_func("/format/text/plain", test_plain_text);
  g_test_add_func("/format/pyramid/tiles", test_pyramid);
  g_test_add_func("/format/pyramid/sources", test_sources);
  g_test_add_func("/format/pyramid/tiff-pages", test_tiff_pages);
  g_test_add_func("/format/pyramid/pdf", test_pdf_pyramid);
  g_test_add_func("/format/pyramid/damaged", test_damaged_image);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
