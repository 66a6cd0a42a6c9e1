/* .xlsx: hand-made workbooks with each trait and each fault, then what our own writer writes. */
#include "test-fixture.h"
#include "xlsx-parts.h"
#include <zip.h>

static const char *const CONTENT_TYPES = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
static const char *const ROOT_RELATIONS =
  "<Relationships><Relationship Id=\"r1\" Type=\"http://x/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
static const char *const BOOK = "<workbook xmlns:r=\"http://r\"><sheets><sheet name=\"隐藏\" sheetId=\"1\" state=\"hidden\" r:id=\"a\"/>"
                                "<sheet name=\"目录 &amp; 清单\" sheetId=\"2\" r:id=\"b\"/></sheets></workbook>";
static const char *const BOOK_1904 =
  "<workbook xmlns:r=\"http://r\"><workbookPr date1904=\"1\"/><sheets><sheet name=\"s\" sheetId=\"2\" r:id=\"b\"/></sheets></workbook>";
static const char *const RELATIONS = "<Relationships><Relationship Id=\"a\" Type=\"http://x/worksheet\" Target=\"worksheets/sheet1.xml\"/>"
                                     "<Relationship Id=\"b\" Type=\"http://x/worksheet\" Target=\"/xl/worksheets/sheet2.xml\"/></Relationships>";
static const char *const STYLES =
  "<styleSheet><numFmts count=\"2\"><numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@\"/>"
  "<numFmt numFmtId=\"165\" formatCode=\"0.00_);[Red]\\(0.00\\)\"/></numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>"
  "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"22\"/><xf "
  "numFmtId=\"20\"/></cellXfs></styleSheet>";
static const char *const STRINGS =
  "<sst><si><t>题名</t></si><si><r><t>富</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\">文本 </t></r><rPh sb=\"0\" eb=\"1\"><t>フリガナ</t></rPh></si>"
  "<si><t>两行_x000D_\n第二_x005F_x</t></si><si/></sst>";

static void add_part(zip_t *zip, const char *name, const char *text) {
  if (text == NULL) return;
  zip_source_t *source = zip_source_buffer(zip, text, strlen(text), 0);
  g_assert_cmpint(zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8), >=, 0);
}

static char *make_book(const char *name, const char *book, const char *strings, const char *sheet) {
  char *path = fixture_path(name);
  g_unlink(path);
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
  add_part(zip, "[Content_Types].xml", CONTENT_TYPES);
  add_part(zip, "_rels/.rels", ROOT_RELATIONS);
  add_part(zip, "xl/workbook.xml", book);
  add_part(zip, "xl/_rels/workbook.xml.rels", RELATIONS);
  add_part(zip, "xl/styles.xml", STYLES);
  add_part(zip, "xl/sharedStrings.xml", strings);
  add_part(zip, "xl/worksheets/sheet1.xml", "<worksheet><sheetData><row r=\"1\"><c r=\"A1\"><v>9</v></c></row></sheetData></worksheet>");
  add_part(zip, "xl/worksheets/sheet2.xml", sheet);
  g_assert_cmpint(zip_close(zip), ==, 0);
  return path;
}

static void assert_sheet(const char *book, const char *rows, const char *expected) {
  g_autofree char *sheet = g_strdup_printf(
    "<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>%s</sheetData><mergeCells><mergeCell ref=\"A1:C1\"/></mergeCells></worksheet>", rows);
  g_autofree char *path = make_book("book.xlsx", book, STRINGS, sheet);
  g_autoptr(GError) error = NULL;
  g_autofree char *table = fixture_table(path, TRUE, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(table, ==, expected);
}

static char *must_fail_path(const char *path) {
  g_autoptr(GError) error = NULL;
  g_autofree char *table = fixture_table(path, TRUE, &error);
  g_assert_null(table);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_assert_true(g_utf8_validate(error->message, -1, NULL));
  return g_strdup(error->message);
}

static void must_fail_sheet(const char *rows, const char *part_of_message) {
  g_autofree char *sheet = g_strdup_printf("<worksheet><sheetData>%s</sheetData></worksheet>", rows);
  g_autofree char *path = make_book("bad.xlsx", BOOK, STRINGS, sheet);
  g_autofree char *message = must_fail_path(path);
  g_test_message("%s", message);
  g_assert_nonnull(strstr(message, part_of_message));
}

static void test_values(void) {
  assert_sheet(BOOK,
               "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\" t=\"s\"><v>1</v></c></row>"
               "<row r=\"3\"><c t=\"inlineStr\"><is><t>内联</t><rPh><t>x</t></rPh></is></c><c t=\"str\"><f>A1&amp;\"\"</f><v>公式</v></c><c "
               "t=\"b\"><v>1</v></c><c t=\"e\"><v>#N/A</v></c></row>"
               "<row r=\"4\"><c r=\"A4\" s=\"1\"/><c r=\"B4\"/></row>"
               "<row r=\"5\"><c r=\"A5\"><v>20231229</v></c><c r=\"B5\"><v>0.30000000000000004</v></c><c r=\"C5\" s=\"3\"><v>12.50</v></c><c r=\"E5\" "
               "t=\"s\"><v>2</v></c><c r=\"F5\" t=\"s\"><v>3</v></c></row>",
               "1:题名||富文本 \n3:内联|公式|TRUE|#N/A\n5:20231229|0.3|12.5||两行\n第二_x\n");
}

static void test_dates(void) {
  assert_sheet(BOOK,
               "<row r=\"1\"><c r=\"A1\" s=\"1\"><v>45289</v></c><c r=\"B1\" s=\"2\"><v>45289</v></c><c r=\"C1\" s=\"4\"><v>45289.25</v></c><c r=\"D1\" "
               "s=\"5\"><v>0.5</v></c>"
               "<c r=\"E1\"><v>45289</v></c><c r=\"F1\" t=\"d\"><v>2023-12-29T00:00:00</v></c><c r=\"G1\" s=\"99\"><v>7</v></c></row>",
               "1:2023-12-29|2023-12-29|2023-12-29 06:00:00|12:00:00|45289|2023-12-29|7\n");
  assert_sheet(BOOK_1904, "<row><c s=\"1\"><v>43827</v></c></row>", "1:2023-12-29\n");
}

static void test_formats(void) {
  static const struct {
    const char *code;
    TableDateKind kind;
  } FORMATS[] = {
    {"General", DATE_NONE},
    {"0.00", DATE_NONE},
    {"0.00E+00", DATE_NONE},
    {"#,##0_ ;[Red]-#,##0", DATE_NONE},
    {"@", DATE_NONE},
    {"[Red]General", DATE_NONE},
    {"\"day\"0", DATE_NONE},
    {"yyyy-mm-dd", DATE_DAY},
    {"[$-804]yyyy\"年\"m\"月\"d\"日\";@", DATE_DAY},
    {"yyyy\\-mm\\-dd hh:mm", DATE_DAY},
    {"m\"月\"d\"日\"", DATE_DAY},
    {"yyyy\"年\"m\"月\"", DATE_MONTH},
    {"yyyy", DATE_YEAR},
    {"h:mm:ss", DATE_TIME},
    {"[h]:mm", DATE_TIME},
    {"mm:ss.0", DATE_TIME},
    {"[$-404]e/m/d", DATE_DAY},
    {"h:mm AM/PM", DATE_TIME},
    {"[DBNum1][$-804]yyyy\"年\"m\"月\"", DATE_MONTH},
    {"\"", DATE_NONE},
    {"[", DATE_NONE},
    {"\\", DATE_NONE},
    {"", DATE_NONE},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(FORMATS); i++) {
    g_test_message("%s", FORMATS[i].code);
    g_assert_cmpint(xlsx_format_kind(FORMATS[i].code), ==, FORMATS[i].kind);
  }
}

static void test_info(void) {
  g_autofree char *path =
    make_book("info.xlsx", BOOK, NULL, "<worksheet><dimension ref=\"A1:C7\"/><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>");
  g_autoptr(TableReader) reader = format_table_open(path, NULL);
  g_assert_cmpstr(format_table_info(reader)->kind, ==, "xlsx");
  g_assert_cmpstr(format_table_info(reader)->sheet, ==, "目录 & 清单");
  g_assert_cmpint(format_table_info(reader)->size_rows, ==, 7);
  g_autofree char *empty = make_book("empty.xlsx", BOOK, NULL, "<worksheet><sheetData/></worksheet>");
  g_autofree char *table = fixture_table(empty, TRUE, NULL);
  g_assert_cmpstr(table, ==, "");
}

static void test_faults(void) {
  must_fail_sheet("<row r=\"2\"><c><v>1</v></c></row><row r=\"1\"/>", "行号错乱");
  must_fail_sheet("<row r=\"1048577\"/>", "行号错乱");
  must_fail_sheet("<row r=\"1\"><c r=\"B1\"><v>1</v></c><c r=\"A1\"><v>1</v></c></row>", "位置错乱");
  must_fail_sheet("<row r=\"1\"><c r=\"ZZZZ1\"><v>1</v></c></row>", "位置错乱");
  must_fail_sheet("<row r=\"1\"><c t=\"s\"><v>77</v></c></row>", "引用的文字不存在");
  must_fail_sheet("<row r=\"1\"><c><v>1</v></row>", "不是完整的 XML");
  must_fail_sheet("<row r=\"1\"><c t=\"str\"><v>&undefined;</v></c></row>", "不是完整的 XML");
  g_autofree char *none = make_book("none.xlsx", "<workbook><sheets/></workbook>", NULL, "<worksheet/>");
  g_free(must_fail_path(none));
  g_autofree char *missing = make_book("missing.xlsx", BOOK, NULL, NULL);
  g_autofree char *message = must_fail_path(missing);
  g_assert_nonnull(strstr(message, "sheet2.xml"));
}

/* Entities, in the sheet and in the strings: a document type is the end. */
static void test_bombs(void) {
  static const char *const BOMB = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
  g_autofree char *sheet = g_strdup_printf("%s<worksheet><sheetData><row><c t=\"str\"><v>&c;</v></c></row></sheetData></worksheet>", BOMB);
  g_autofree char *first = make_book("bomb.xlsx", BOOK, NULL, sheet);
  g_autofree char *message = must_fail_path(first);
  g_assert_nonnull(strstr(message, "DTD"));
  g_autofree char *external = make_book("external.xlsx", BOOK, "<!DOCTYPE sst SYSTEM \"file:///etc/passwd\"><sst/>", "<worksheet/>");
  g_free(must_fail_path(external));
  g_autoptr(GString) deep = g_string_new(NULL);
  for (int i = 0; i < 100000; i++) g_string_append(deep, "<a>");
  g_autofree char *nested = make_book("deep.xlsx", BOOK, NULL, deep->str);
  g_free(must_fail_path(nested));
}

static void test_truncated(void) {
  g_autofree char *whole = make_book("whole.xlsx", BOOK, STRINGS, "<worksheet><sheetData><row><c t=\"s\"><v>0</v></c></row></sheetData></worksheet>");
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(whole, &bytes, &length, NULL));
  for (gsize cut = 5; cut < length; cut += length / 40) {
    g_autofree char *path = fixture_write("cut.xlsx", bytes, (gssize)cut);
    g_free(must_fail_path(path));
  }
  for (gsize at = 4; at < length; at += 7) { /* one damaged byte: an error or the same table, nothing else */
    bytes[at] ^= 0x55;
    g_autofree char *path = fixture_write("flip.xlsx", bytes, (gssize)length);
    g_autoptr(GError) error = NULL;
    g_autofree char *table = fixture_table(path, TRUE, &error);
    if (table == NULL) g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    else g_assert_cmpstr(table, ==, "1:题名\n");
    bytes[at] ^= 0x55;
  }
}

static void test_other_zips(void) {
  static const char *const NAMES[] = {"xl/workbook.bin", "word/document.xml", "OFD.xml", "content.xml", "readme.txt"};
  for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    g_autofree char *path = fixture_path("other.zip");
    g_unlink(path);
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    add_part(zip, NAMES[i], "x");
    g_assert_cmpint(zip_close(zip), ==, 0);
    g_free(must_fail_path(path));
  }
  static const guint8 OLE[1024] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, [512] = 'E', 0, 'n', 0, 'c', 0, 'r', 0, 'y', 0, 'p', 0,
                                   't',  0,    'e',  0,    'd',  0,    'P',  0,    'a',         0, 'c', 0, 'k', 0, 'a', 0, 'g', 0, 'e', 0};
  g_autofree char *locked = fixture_write("locked.xlsx", OLE, sizeof OLE);
  g_autofree char *message = must_fail_path(locked);
  g_assert_nonnull(strstr(message, "加密"));
}

static void test_many_rows(void) {
  g_autoptr(GString) sheet = g_string_new("<worksheet><sheetData>");
  for (int i = 1; i <= 60000; i++) g_string_append_printf(sheet, "<row r=\"%d\"><c r=\"A%d\"><v>%d</v></c><c r=\"XFD%d\" s=\"1\"/></row>", i, i, i, i);
  g_string_append(sheet, "<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row></sheetData></worksheet>");
  g_autofree char *path = make_book("rows.xlsx", BOOK, NULL, sheet->str);
  g_autoptr(TableReader) reader = format_table_open(path, NULL);
  TableRow row;
  guint rows = 0;
  while (format_table_next(reader, &row, NULL))
    if (++rows <= 60000) g_assert_true(row.number == rows && row.count == 1);
  g_assert_cmpuint(rows, ==, 60001);
  g_assert_cmpuint(row.number, ==, 1048576);
  g_assert_cmpuint(row.count, ==, 16384);
}

static void test_writer(void) {
  static const char *const HEADER[] = {"档号", "题名", NULL};
  static const char *const ROWS[][3] = {{"X001-WS·2015-Y-0001", "=1+1"}, {"000123", "两行\n文字"}, {"", "带\x01控制\x02字符\xef\xbf\xbf"}};
  g_autofree char *path = fixture_path("写.xlsx");
  g_autoptr(GError) error = NULL;
  TableWriter *writer = format_xlsx_new(path, "错误[清单]", HEADER, &error);
  g_assert_no_error(error);
  for (gsize i = 0; i < G_N_ELEMENTS(ROWS); i++) format_xlsx_row(writer, ROWS[i]);
  g_assert_true(format_xlsx_close(writer, &error));
  g_autofree char *table = fixture_table(path, TRUE, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(table, ==, "1:档号|题名\n2:X001-WS·2015-Y-0001|=1+1\n3:000123|两行\n文字\n4:|带控制字符\xef\xbf\xbd\n");
  g_autofree char *part = g_strconcat(path, ".part", NULL);
  g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
  g_autofree char *nowhere = g_build_filename(fixture_dir, "absent", "x.xlsx", NULL);
  g_assert_null(format_xlsx_new(nowhere, "s", HEADER, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
}

static void add_tests(void) {
  g_test_add_func("/format/xlsx/values", test_values);
  g_test_add_func("/format/xlsx/dates", test_dates);
  g_test_add_func("/format/xlsx/formats", test_formats);
  g_test_add_func("/format/xlsx/info", test_info);
  g_test_add_func("/format/xlsx/faults", test_faults);
  g_test_add_func("/format/xlsx/bombs", test_bombs);
  g_test_add_func("/format/xlsx/truncated", test_truncated);
  g_test_add_func("/format/xlsx/other-zips", test_other_zips);
  g_test_add_func("/format/xlsx/many-rows", test_many_rows);
  g_test_add_func("/format/xlsx/writer", test_writer);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
