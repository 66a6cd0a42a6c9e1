/* What files are and whether they open: whole, cut, damaged, locked and misnamed ones of each family. */
#include "image.h"
#include "test-fixture.h"
#include <zip.h>

static json_t *examine(const char *path) {
  g_autoptr(GError) error = NULL;
  json_t *facts = format_examine(path, NULL, &error);
  g_assert_no_error(error);
  g_autofree char *text = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS);
  g_test_message("%s: %s", path, text);
  return facts;
}

/* Every member of the expected JSON is there and equal. */
static void assert_facts(const char *path, const char *expected) {
  json_t *facts = examine(path), *wanted = json_loads(expected, 0, NULL), *value;
  const char *name;
  g_assert_nonnull(wanted);
  json_object_foreach(wanted, name, value) {
    if (!json_equal(value, json_object_get(facts, name))) g_error("%s: %s is not as in %s", path, name, expected);
  }
  json_decref(facts);
  json_decref(wanted);
}

static void assert_broken(const char *path, const char *word) {
  json_t *facts = examine(path);
  const char *problem = json_string_value(json_object_get(facts, "problem"));
  g_assert_true(json_is_false(json_object_get(facts, "opens")));
  g_assert_nonnull(problem);
  if (strstr(problem, word) == NULL) g_error("%s: %s: wanted %s", path, problem, word);
  json_decref(facts);
}

/* The first part of a file under another name. */
static char *cut(const char *path, double share) {
  g_autofree char *bytes = NULL, *base = g_path_get_basename(path), *name = g_strdup_printf("cut-%s", base);
  gsize length = 0;
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  return fixture_write(name, bytes, (gssize)((double)length * share));
}

static VipsImage *make_noise(int bands) {
  VipsImage *noise = NULL, *bytes = NULL;
  g_assert_cmpint(vips_gaussnoise(&noise, 300, 200, "mean", 128.0, "sigma", 60.0, NULL), ==, 0);
  if (bands == 3) {
    VipsImage *three = NULL, *parts[3] = {noise, noise, noise};
    g_assert_cmpint(vips_bandjoin(parts, &three, 3, NULL), ==, 0);
    g_object_unref(noise);
    noise = three;
  }
  g_assert_cmpint(vips_cast(noise, &bytes, VIPS_FORMAT_UCHAR, NULL), ==, 0);
  g_object_unref(noise);
  VipsImage *image = NULL;
  g_assert_cmpint(vips_copy(bytes, &image, "interpretation", bands == 3 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W, "xres", 300 / 25.4, "yres",
                            300 / 25.4, NULL), ==, 0);
  g_object_unref(bytes);
  return image;
}

static void test_images(void) {
  g_autoptr(VipsImage) grey = make_noise(1), colour = make_noise(3);
  g_autofree char *jpeg = fixture_path("a.jpg"), *png = fixture_path("a.png"), *lzw = fixture_path("lzw.tif"), *g4 = fixture_path("g4.tif");
  g_assert_cmpint(vips_jpegsave(colour, jpeg, NULL), ==, 0);
  g_assert_cmpint(vips_pngsave(grey, png, NULL), ==, 0);
  g_assert_cmpint(vips_tiffsave(colour, lzw, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_LZW, "resunit", VIPS_FOREIGN_TIFF_RESUNIT_INCH, NULL), ==, 0);
  g_assert_cmpint(vips_tiffsave(grey, g4, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_CCITTFAX4, "bitdepth", 1, NULL), ==, 0);
  assert_facts(jpeg, "{\"opens\": true, \"kind\": \"image\", \"width\": 300, \"height\": 200, \"dpi\": 300, \"bits\": 8, \"colour\": \"colour\","
                     "\"compression\": \"JPEG\", \"name_fits\": true, \"encrypted\": false}");
  assert_facts(png, "{\"opens\": true, \"bits\": 8, \"colour\": \"grey\", \"compression\": \"Deflate\", \"dpi\": 300}");
  assert_facts(lzw, "{\"opens\": true, \"puid\": \"fmt/353\", \"pages\": 1, \"compression\": \"LZW\", \"colour\": \"colour\", \"bits\": 8, \"dpi\": 300}");
  assert_facts(g4, "{\"opens\": true, \"compression\": \"G4\", \"colour\": \"bitonal\", \"bits\": 1, \"width\": 300, \"height\": 200}");
  const char *all[] = {jpeg, png, lzw, g4};
  for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
    g_autofree char *most = cut(all[i], 0.9), *little = NULL;
    assert_broken(most, "");
    little = cut(all[i], 0.1);
    assert_broken(little, "");
  }
}

/* The second page of two is damaged: the page is named. */
static void test_pages(void) {
  g_autoptr(VipsImage) grey = make_noise(1);
  VipsImage *tall = NULL, *both[2] = {grey, grey};
  g_autofree char *path = fixture_path("two.tif"), *bytes = NULL;
  g_assert_cmpint(vips_arrayjoin(both, &tall, 2, "across", 1, NULL), ==, 0);
  g_autoptr(VipsImage) joined = vips_image_copy_memory(tall);
  g_object_unref(tall);
  vips_image_set_int(joined, VIPS_META_PAGE_HEIGHT, 200);
  g_assert_cmpint(vips_tiffsave(joined, path, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, NULL), ==, 0);
  assert_facts(path, "{\"opens\": true, \"pages\": 2, \"height\": 200}");
  gsize length = 0;
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  memset(bytes + length * 3 / 4, 0x55, 2000);
  g_autofree char *damaged = fixture_write("damaged.tif", bytes, (gssize)length);
  assert_broken(damaged, "第 2 页");
}

static char *make_pdf(const char *name, const char *extra) {
  g_autoptr(GString) pdf = g_string_new("%PDF-1.4\n");
  g_autofree char *xmp = g_strdup_printf("<</Length 400/Type/Metadata>>stream\n%-399s\nendstream", extra);
  const char *objects[] = {"<</Type/Catalog/Pages 2 0 R/Metadata 6 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                           "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
                           "<</Length 39>>stream\nBT /F 12 Tf 10 10 Td (hello world) Tj ET \nendstream",
                           "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", xmp};
  gsize at[G_N_ELEMENTS(objects)];
  for (gsize i = 0; i < G_N_ELEMENTS(objects); i++) {
    at[i] = pdf->len;
    g_string_append_printf(pdf, "%d 0 obj\n%s\nendobj\n", (int)i + 1, objects[i]);
  }
  gsize start = pdf->len;
  g_string_append_printf(pdf, "xref\n0 %d\n0000000000 65535 f \n", (int)G_N_ELEMENTS(objects) + 1);
  for (gsize i = 0; i < G_N_ELEMENTS(objects); i++) g_string_append_printf(pdf, "%010d 00000 n \n", (int)at[i]);
  g_string_append_printf(pdf, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", (int)G_N_ELEMENTS(objects) + 1, (int)start);
  return fixture_write(name, pdf->str, (gssize)pdf->len);
}

static void test_pdf(void) {
  g_autofree char *plain = make_pdf("plain.pdf", ""), *claimed = make_pdf("a.pdf", "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>");
  g_autofree char *script = make_pdf("script.pdf", "/JavaScript"), *most = cut(plain, 0.8);
  assert_facts(plain, "{\"opens\": true, \"puid\": \"fmt/18\", \"pages\": 1, \"pdf_a\": \"\", \"encrypted\": false, \"external\": false, \"text_layer\": true}");
  assert_facts(claimed, "{\"opens\": true, \"puid\": \"fmt/478\", \"pdf_a\": \"2u\"}");
  assert_facts(script, "{\"external\": true}");
  assert_broken(most, "截断");
  g_autofree char *head = fixture_write("head.pdf", "%PDF-1.4\n%%EOF\n", -1);
  assert_broken(head, "");
}

static char *make_zip(const char *name, const char *const parts[][2], gsize count, const char *password) {
  char *path = fixture_path(name);
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  for (gsize i = 0; i < count; i++) {
    zip_int64_t index = zip_file_add(zip, parts[i][0], zip_source_buffer(zip, parts[i][1], strlen(parts[i][1]), 0), 0);
    zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0);
    if (password != NULL) zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_256, password);
  }
  g_assert_cmpint(zip_close(zip), ==, 0);
  return path;
}

static void test_zip(void) {
  static const char *const GOOD[][2] = {{"word/document.xml", "<w>text that is stored</w>"}, {"docProps/app.xml", "<Properties><Pages>7</Pages></Properties>"}};
  static const char *const BAD[][2] = {{"word/document.xml", "<w>"}}, *const TYPE[][2] = {{"word/document.xml", "<!DOCTYPE w [<!ENTITY a 'b'>]><w/>"}};
  static const char *const LINK[][2] = {{"word/document.xml", "<w/>"},
                                        {"word/_rels/document.xml.rels", "<Relationship Type=\"x/image\" Target=\"http://a/\" TargetMode=\"External\"/>"}};
  g_autofree char *good = make_zip("good.docx", GOOD, 2, NULL), *bad = make_zip("bad.docx", BAD, 1, NULL), *type = make_zip("type.docx", TYPE, 1, NULL);
  g_autofree char *link = make_zip("link.docx", LINK, 2, NULL), *locked = make_zip("locked.zip", GOOD + 1, 1, "secret"), *most = cut(good, 0.6);
  assert_facts(good, "{\"opens\": true, \"puid\": \"fmt/412\", \"pages\": 7, \"encrypted\": false, \"external\": false, \"name_fits\": true}");
  assert_facts(link, "{\"opens\": true, \"external\": true}");
  assert_broken(bad, "XML");
  assert_broken(type, "DOCTYPE");
  assert_broken(locked, "密码");
  assert_facts(locked, "{\"encrypted\": true}");
  assert_broken(most, "截断");
  assert_facts(most, "{\"puid\": \"fmt/412\", \"name_fits\": true}"); /* still seen for what it was */
  g_autofree char *bytes = NULL;
  gsize length = 0;
  g_assert_true(g_file_get_contents(good, &bytes, &length, NULL));
  char *text = memmem(bytes, length, "stored", 6);
  text[0] ^= 1; /* the checksum no longer fits */
  g_autofree char *flipped = fixture_write("flipped.docx", bytes, (gssize)length);
  assert_broken(flipped, "word/document.xml");
}

/* A compound file with one stream of 4096 bytes that begins with start. */
static char *make_ole(const char *name, const char *stream, const guint8 *start, gsize start_length) {
  enum { SECTOR = 512, SECTORS = 10 };
  g_autofree guint8 *bytes = g_malloc0((SECTORS + 1) * SECTOR);
  guint32 table[128], chain[] = {0xfffffffdu, 0xfffffffeu};
  memset(table, 0xff, sizeof table);
  memcpy(table, chain, sizeof chain);
  for (guint32 i = 2; i < 10; i++) table[i] = i == 9 ? 0xfffffffeu : i + 1;
  memcpy(bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
  bytes[26] = 3, bytes[28] = 0xfe, bytes[29] = 0xff, bytes[30] = 9, bytes[32] = 6, bytes[44] = 1, bytes[48] = 1, bytes[57] = 0x10;
  memset(bytes + 60, 0xff, 512 - 60);
  memset(bytes + 76, 0, 4);
  memcpy(bytes + SECTOR, table, sizeof table);
  guint8 *root = bytes + 2 * SECTOR, *entry = root + 128;
  root[66] = 5, root[116] = root[117] = root[118] = 0xff, root[119] = 0xff;
  for (gsize i = 0; stream[i] != '\0'; i++) entry[2 * i] = (guint8)stream[i];
  entry[64] = (guint8)(2 * strlen(stream) + 2), entry[66] = 2, entry[116] = 2, entry[121] = 0x10;
  memcpy(bytes + 3 * SECTOR, start, start_length);
  return fixture_write(name, bytes, (SECTORS + 1) * SECTOR);
}

static void test_ole(void) {
  static const guint8 PLAIN[16] = {0xec, 0xa5}, LOCKED[16] = {0xec, 0xa5, [11] = 1}, BOOK[] = {9, 8, 4, 0, 0, 6, 5, 0, 0x2f, 0, 2, 0, 1, 0};
  g_autofree char *plain = make_ole("a.doc", "WordDocument", PLAIN, 16), *locked = make_ole("locked.doc", "WordDocument", LOCKED, 16);
  g_autofree char *book = make_ole("locked.xls", "Workbook", BOOK, sizeof BOOK), *package = make_ole("locked.docx", "EncryptedPackage", PLAIN, 16);
  g_autofree char *wps = make_ole("a.wps", "WordDocument", PLAIN, 16), *most = cut(plain, 0.7), *other = make_ole("b.doc", "Other", PLAIN, 16);
  assert_facts(plain, "{\"opens\": true, \"puid\": \"fmt/40\", \"encrypted\": false, \"external\": false}");
  assert_facts(wps, "{\"opens\": true, \"mime\": \"application/vnd.wps\", \"name_fits\": true}");
  assert_facts(locked, "{\"opens\": false, \"encrypted\": true}");
  assert_facts(book, "{\"opens\": false, \"encrypted\": true, \"puid\": \"fmt/61\"}");
  assert_facts(package, "{\"opens\": false, \"encrypted\": true, \"puid\": \"fmt/494\", \"name_fits\": true}");
  assert_broken(most, "截断");
  json_t *facts = examine(other);
  g_assert_null(json_object_get(facts, "opens"));
  g_assert_nonnull(json_object_get(json_object_get(facts, "unknown"), "opens"));
  json_decref(facts);
}

static void test_media(void) {
  enum { BYTES = 16000 };
  g_autoptr(GByteArray) wav = g_byte_array_new();
  g_byte_array_append(wav, (const guint8 *)"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\x80\x3e\0\0", 44);
  g_byte_array_set_size(wav, 44 + BYTES);
  memset(wav->data + 44, 0x80, BYTES);
  g_autofree char *path = fixture_write("a.wav", wav->data, wav->len), *most = cut(path, 0.5), *fake = fixture_write("a.mp3", "ID3\3\0\0\0\0\0\0xx", 12);
  json_t *facts = examine(path);
  if (json_object_get(json_object_get(facts, "unknown"), "opens") != NULL) g_test_skip("mediainfo is not installed");
  json_decref(facts);
  assert_broken(most, "截断");
  if (g_test_failed() || !g_file_test("/usr/bin/mediainfo", G_FILE_TEST_EXISTS)) return;
  assert_facts(path, "{\"opens\": true, \"kind\": \"audio\", \"duration_ms\": 2000, \"codec\": \"PCM\"}");
  assert_broken(fake, "");
}

static void test_texts(void) {
  static const struct {
    const char *name, *bytes, *mime, *word; /* word of the problem; NULL: opens */
    gboolean fits;
  } FILES[] = {
    {"a.txt", "关于档案的通知", "text/plain", NULL, TRUE},
    {"a.csv", "a,b\n1,2\n", "text/csv", NULL, TRUE},
    {"text.jpg", "hello", "text/plain", NULL, FALSE},
    {"a.xml", "<?xml version='1.0'?><a/>", "text/xml", NULL, TRUE},
    {"bad.xml", "<?xml version='1.0'?><a>", "text/xml", "不完整", TRUE},
    {"dtd.xml", "<?xml version='1.0'?><!DOCTYPE a><a/>", "text/xml", "DOCTYPE", TRUE},
    {"a.rtf", "{\\rtf1 a}", "text/rtf", NULL, TRUE},
    {"cut.rtf", "{\\rtf1 a", "text/rtf", "截断", TRUE},
    {"a.dxf", "0\nSECTION\n2\nHEADER\n0\nENDSEC\n0\nEOF\n", "image/vnd.dxf", NULL, TRUE},
    {"cut.dxf", "0\nSECTION\n2\nHEADER\n", "image/vnd.dxf", "截断", TRUE},
    {"a.step", "ISO-10303-21;\nHEADER;\nENDSEC;\nEND-ISO-10303-21;\n", "model/step", NULL, TRUE},
    {"a.eml", "From: a@example.org\nMessage-ID: <1>\n\nhello\n", "message/rfc822", NULL, TRUE},
    {"empty.pdf", "", "application/x-empty", "空文件", FALSE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *path = fixture_write(FILES[i].name, FILES[i].bytes, -1);
    json_t *facts = examine(path);
    g_assert_cmpstr(json_string_value(json_object_get(facts, "mime")), ==, FILES[i].mime);
    g_assert_cmpint(json_is_true(json_object_get(facts, "opens")), ==, FILES[i].word == NULL);
    g_assert_cmpint(json_is_true(json_object_get(facts, "name_fits")), ==, FILES[i].fits);
    json_decref(facts);
    if (FILES[i].word != NULL) assert_broken(path, FILES[i].word);
  }
  g_autofree char *program = fixture_write("a.bin", "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0", 20);
  json_t *facts = examine(program);
  g_assert_null(json_object_get(facts, "opens")); /* nobody looked: that is no "opens" */
  g_assert_nonnull(json_object_get(json_object_get(facts, "unknown"), "opens"));
  json_decref(facts);
  g_autoptr(GError) error = NULL;
  g_assert_null(format_examine("/nonexistent", NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_null(format_examine(fixture_dir, NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

static void test_ofd(void) {
  g_autofree char *path = fixture_shared("ofd/ofdrw-sign-signedFile.ofd");
  if (path == NULL) return;
  json_t *facts = examine(path);
  g_assert_true(json_is_true(json_object_get(facts, "opens")) && json_is_object(json_object_get(facts, "ofd")));
  g_assert_cmpuint(json_array_size(json_object_get(facts, "signatures")), >, 0);
  json_decref(facts);
  g_autofree char *most = cut(path, 0.7);
  assert_broken(most, "");
}

/* The archives' own rows go before ours, by PRONOM id or by type. Last: they stay. */
static void test_own(void) {
  json_t *rows = json_loads("[{\"puid\": \"fmt/353\", \"name\": \"扫描件\", \"extensions\": [\"tif\", \"scan\"]}, {\"puid\": 3}, 7]", 0, NULL);
  format_table_of_formats(rows);
  json_decref(rows);
  g_autoptr(VipsImage) grey = make_noise(1);
  g_autofree char *path = fixture_path("own.scan"), *saved = fixture_path("own.tif");
  g_assert_cmpint(vips_tiffsave(grey, saved, NULL), ==, 0);
  g_assert_cmpint(g_rename(saved, path), ==, 0);
  assert_facts(path, "{\"format\": \"扫描件\", \"mime\": \"image/tiff\", \"kind\": \"image\", \"name_fits\": true, \"opens\": true}");
  format_table_of_formats(NULL);
  assert_facts(path, "{\"format\": \"TIFF 图像\", \"name_fits\": false}");
}

static void add_tests(void) {
  if (VIPS_INIT("test") != 0) g_error("libvips does not start");
  g_test_add_func("/examine/images", test_images);
  g_test_add_func("/examine/pages", test_pages);
  g_test_add_func("/examine/pdf", test_pdf);
  g_test_add_func("/examine/zip", test_zip);
  g_test_add_func("/examine/ole", test_ole);
  g_test_add_func("/examine/media", test_media);
  g_test_add_func("/examine/texts", test_texts);
  g_test_add_func("/examine/ofd", test_ofd);
  g_test_add_func("/examine/own", test_own);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
