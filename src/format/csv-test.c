/* CSV and its relatives: encodings, delimiters, quotes, damage; numbers and dates as text. */
#include <math.h>
#include "table-sink.h"
#include "test-fixture.h"

static char *read_bytes(const void *bytes, gssize length) {
  g_autofree char *path = fixture_write("table.csv", bytes, length);
  g_autoptr(GError) error = NULL;
  char *table = fixture_table(path, TRUE, &error);
  g_assert_no_error(error);
  return table;
}

static void assert_table(const char *bytes, const char *expected) {
  g_autofree char *table = read_bytes(bytes, -1);
  g_assert_cmpstr(table, ==, expected);
}

static char *must_fail(const void *bytes, gssize length) {
  g_autofree char *path = fixture_write("bad.csv", bytes, length);
  g_autoptr(GError) error = NULL;
  g_autofree char *table = fixture_table(path, TRUE, &error);
  g_assert_null(table);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  return g_strdup(error->message);
}

static void test_shapes(void) {
  assert_table("a,b\n1,2\n", "1:a|b\n2:1|2\n");
  assert_table("a,b\r\n1,2", "1:a|b\n2:1|2\n");
  assert_table("a,b\r1,2\r", "1:a|b\n2:1|2\n");
  assert_table("\xef\xbb\xbf题名,日期\n国发,2023\n", "1:题名|日期\n2:国发|2023\n");
  assert_table("题名\t文号\n一\t二\n", "1:题名|文号\n2:一|二\n");
  assert_table("a;b\n1;2,5\n", "1:a|b\n2:1|2,5\n");
  assert_table("a|b\n1|2\n", "1:a|b\n2:1|2\n");
  assert_table("sep=;\na;b,c\n", "2:a|b,c\n");
  assert_table("x\ny\n\x1a", "1:x\n2:y\n");
  assert_table("单列\n值\n", "1:单列\n2:值\n");
  assert_table("目录清单\n题名,关键词\n甲,a;b;c\n乙,d;e\n", "1:目录清单\n2:题名|关键词\n3:甲|a;b;c\n4:乙|d;e\n");
}

static void test_quotes(void) {
  assert_table("a,b\n\"x,y\",\"he said \"\"hi\"\"\"\n", "1:a|b\n2:x,y|he said \"hi\"\n");
  assert_table("a,b\n\"two\nlines\",2\n3,4\n", "1:a|b\n2:two\nlines|2\n3:3|4\n");
  assert_table("a,b\nfive\"inch,2\n", "1:a|b\n2:five\"inch|2\n");
  assert_table("a,b\n\"q\"x,2\n", "1:a|b\n2:qx|2\n");
  assert_table("a,b\n\"\",2\n", "1:a|b\n2:|2\n");
  g_autofree char *message = must_fail("a,b\n1,2\n3,\"open\n4,5\n", -1);
  g_assert_nonnull(strstr(message, "第 3 行第 2 列"));
}

static void test_rows(void) {
  assert_table("a,b,\n\n , \n,,\n\xe3\x80\x80,\n1,,\n", "1:a|b\n6:1\n"); /* empty rows vanish, numbers stay; U+3000 is white space */
  assert_table("a\n1,2,3\n", "1:a\n2:1|2|3\n");
}

static void test_encodings(void) {
  static const char GB[] = "\xcc\xe2\xc3\xfb,\xc8\xd5\xc6\xda\n\xb9\xfa\xb7\xa2,2023\n"; /* 题名,日期 国发 */
  assert_table(GB, "1:题名|日期\n2:国发|2023\n");
  g_autofree char *little = read_bytes("\xff\xfe\x98\x98,\0\x0d\x54\n\0", 10);
  g_assert_cmpstr(little, ==, "1:题|名\n");
}

/* The same rows in traditional and simplified script, each in its own national encoding. */
static void test_big5(void) {
  static const char *const TEXTS[][2] = {{"BIG5", "題名,責任者\n關於檔案工作意見的通知,縣人民政府辦公室\n土地房屋所有權狀,地政局\n"},
                                         {"GB18030", "题名,责任者\n关于档案工作意见的通知,县人民政府办公室\n土地房屋所有权证,国土局\n"},
                                         {"GB18030", "題名,責任者\n關於檔案工作意見的通知,縣人民政府辦公室\n朱镕基𠀀,一二三四\n"}};
  for (gsize i = 0; i < G_N_ELEMENTS(TEXTS); i++) {
    gsize length;
    g_autofree char *bytes = g_convert(TEXTS[i][1], -1, TEXTS[i][0], "UTF-8", NULL, &length, NULL);
    g_autofree char *path = fixture_write("script.csv", bytes, (gssize)length);
    g_autoptr(TableReader) reader = format_table_open(path, NULL);
    g_assert_cmpstr(format_table_info(reader)->encoding, ==, i == 0 ? "BIG5-HKSCS" : "GB18030");
    g_autofree char *table = read_bytes(bytes, length);
    g_assert_nonnull(strstr(table, i == 1 ? "2:关于档案工作意见的通知|县人民政府办公室" : "2:關於檔案工作意見的通知|縣人民政府辦公室"));
  }
}

static void test_utf16(void) {
  gsize length;
  static const char TEXT[] = "题名,日期\n国发〔2015〕12号,2015\n";
  g_autofree char *big = g_convert(TEXT, -1, "UTF-16BE", "UTF-8", NULL, &length, NULL);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  g_byte_array_append(bytes, (const guint8 *)"\xfe\xff", 2);
  g_byte_array_append(bytes, (const guint8 *)big, (guint)length);
  g_autofree char *table = read_bytes(bytes->data, bytes->len);
  g_assert_cmpstr(table, ==, "1:题名|日期\n2:国发〔2015〕12号|2015\n");
}

/* The only Chinese character stands far behind what a guess looks at. */
static void test_late_character(void) {
  for (int gb = 0; gb < 2; gb++) {
    g_autoptr(GString) text = g_string_new("a,b\n");
    for (int i = 0; i < 200000; i++) g_string_append(text, "12345,678\n");
    g_string_append(text, gb ? "\xb9\xfa,\xb7\xa2\n" : "国,发\n");
    g_autofree char *path = fixture_write("late.csv", text->str, (gssize)text->len);
    g_autoptr(TableReader) reader = format_table_open(path, NULL);
    g_assert_cmpstr(format_table_info(reader)->encoding, ==, gb ? "GB18030" : "UTF-8");
    TableRow row;
    double position = 0;
    while (format_table_next(reader, &row, NULL)) {
      g_assert_cmpfloat(format_table_position(reader), >=, position);
      position = format_table_position(reader);
      if (row.number == 200002) g_assert_cmpstr(row.cells[0], ==, "国");
    }
    g_assert_cmpfloat(format_table_position(reader), ==, 1);
    g_assert_cmpuint(format_table_replaced(reader), ==, 0);
  }
}

static void test_damage(void) {
  g_autoptr(GString) text = g_string_new("题名,责任者\n");
  for (int i = 0; i < 100; i++) g_string_append(text, "关于文件的通知,办公室\n");
  g_string_append(text, "好,坏\xe5\x9b\n一\xff二,三\n");
  g_autofree char *path = fixture_write("damaged.csv", text->str, (gssize)text->len);
  g_autoptr(TableReader) reader = format_table_open(path, NULL);
  g_assert_cmpstr(format_table_info(reader)->encoding, ==, "UTF-8");
  TableRow row;
  g_autofree char *last = NULL;
  while (format_table_next(reader, &row, NULL)) {
    g_free(last);
    last = g_strjoin("|", row.cells[0], row.count > 1 ? row.cells[1] : "", NULL);
  }
  g_assert_cmpstr(last, ==, "一\xef\xbf\xbd二|三");
  g_assert_cmpuint(format_table_replaced(reader), ==, 3);
  guint count;
  const TableFlaw *flaws = format_table_flaws(reader, &count);
  g_assert_cmpuint(count, ==, 3);
  g_assert_cmpuint(flaws[0].row, ==, 102);
  g_assert_cmpuint(flaws[0].column, ==, 2);
  g_assert_cmpuint(flaws[2].row, ==, 103);
  g_assert_cmpuint(flaws[2].column, ==, 1);
}

static void test_refusals(void) {
  g_autofree guint8 *noise = g_malloc(100000);
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  for (int i = 0; i < 100000; i++) noise[i] = (guint8)g_rand_int(random);
  noise[0] = 'x';
  g_free(must_fail(noise, 100000));
  g_free(must_fail("%PDF-1.4\n...", -1));
  g_autofree char *page = must_fail("  <html><table><tr><td>1</td></tr></table></html>", -1);
  g_assert_nonnull(strstr(page, "HTML"));
  g_free(must_fail("", 0));
  g_autoptr(GError) error = NULL;
  g_assert_null(format_table_open(fixture_dir, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_null(format_table_open("/nonexistent/目录.csv", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_autoptr(GString) wide = g_string_new(NULL);
  for (int i = 0; i < 20000; i++) g_string_append(wide, "1,");
  g_autofree char *message = must_fail(wide->str, (gssize)wide->len);
  g_assert_nonnull(strstr(message, "16384"));
  g_autoptr(GString) endless = g_string_new("a,b\n\"");
  for (int i = 0; i < 1800000; i++) g_string_append(endless, "0123456789");
  g_free(must_fail(endless->str, (gssize)endless->len));
}

/* Cells and quotes at every place of the reading blocks, against what was written. */
static void test_block_borders(void) {
  g_autoptr(GRand) random = g_rand_new_with_seed(11);
  g_autoptr(GString) file = g_string_new(NULL);
  g_autoptr(GString) expected = g_string_new(NULL);
  static const char *const PIECES[] = {"甲", "b", "𠀀", "\"", "\n", ",", "é", " 乙丙"};
  for (guint row = 1; file->len < 900000; row++) {
    g_string_append_printf(expected, "%u:", row);
    for (int column = 0; column < 5; column++) {
      g_autoptr(GString) cell = g_string_new(column == 4 ? "e" : NULL);
      int pieces = g_rand_int_range(random, 0, row % 500 == 0 ? 3000 : 8);
      for (int i = 0; i < pieces; i++) g_string_append(cell, PIECES[g_rand_int_range(random, 0, G_N_ELEMENTS(PIECES))]);
      g_string_append_printf(expected, "%s%s", column == 0 ? "" : "|", cell->str);
      g_autoptr(GString) quoted = g_string_new(cell->str);
      g_string_replace(quoted, "\"", "\"\"", 0);
      g_string_append_printf(file, "%s\"%s\"", column == 0 ? "" : ",", quoted->str);
    }
    g_string_append_c(expected, '\n');
    g_string_append(file, row % 2 == 0 ? "\r\n" : "\n");
  }
  g_autofree char *table = read_bytes(file->str, (gssize)file->len);
  g_assert_true(strcmp(table, expected->str) == 0);
  g_autofree char *gb = g_convert(file->str, (gssize)file->len, "GB18030", "UTF-8", NULL, NULL, NULL);
  g_autofree char *same = read_bytes(gb, -1);
  g_assert_true(strcmp(same, expected->str) == 0);
}

static void assert_number(double value, const char *expected) {
  char text[TABLE_NUMBER_SIZE];
  g_assert_cmpuint(table_number_format(value, text), ==, strlen(expected));
  g_assert_cmpstr(text, ==, expected);
}

static void test_numbers(void) {
  assert_number(20231229, "20231229");
  assert_number(0.1 + 0.2, "0.3");
  assert_number(-1.50, "-1.5");
  assert_number(1.1010119491231e17, "110101194912310000");
  assert_number(123456789012345680.0, "123456789012346000");
  assert_number(0.00001, "0.00001");
  assert_number(1e-20, "0.00000000000000000001");
  assert_number(1e300, "1e+300");
  assert_number(-0.0, "0");
}

static void assert_date(double serial, gboolean since_1904, TableDateKind kind, const char *expected) {
  char text[TABLE_NUMBER_SIZE] = "";
  table_date_format(serial, since_1904, kind, text);
  g_assert_cmpstr(text, ==, expected);
}

static void test_dates(void) {
  assert_date(45289, FALSE, DATE_DAY, "2023-12-29");
  assert_date(45289.5, FALSE, DATE_DAY, "2023-12-29 12:00:00");
  assert_date(45289 - 1462, TRUE, DATE_DAY, "2023-12-29");
  assert_date(1, FALSE, DATE_DAY, "1900-01-01");
  assert_date(59, FALSE, DATE_DAY, "1900-02-28");
  assert_date(60, FALSE, DATE_DAY, "");
  assert_date(61, FALSE, DATE_DAY, "1900-03-01");
  assert_date(0, TRUE, DATE_DAY, "1904-01-01");
  assert_date(0.75, FALSE, DATE_TIME, "18:00:00");
  assert_date(21245, FALSE, DATE_MONTH, "1958-03");
  assert_date(21246, FALSE, DATE_MONTH, "1958-03-02");
  assert_date(21186, FALSE, DATE_YEAR, "1958");
  assert_date(-1, FALSE, DATE_DAY, "");
  assert_date(3e9, FALSE, DATE_DAY, "");
  assert_date(1e300, FALSE, DATE_DAY, "");
  assert_date(-1e300, TRUE, DATE_TIME, "");
  assert_date(NAN, FALSE, DATE_DAY, "");
}

static void test_western_undone(void) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_assert_true(table_undo_western("æ–‡å\xef\x86\x8f·", strlen("æ–‡å\xef\x86\x8f·"), out));
  g_assert_cmpstr(out->str, ==, "文号");
  g_assert_false(table_undo_western("文", 3, out));
  g_assert_false(table_undo_western("é", 2, out));
}

static void add_tests(void) {
  g_test_add_func("/format/csv/shapes", test_shapes);
  g_test_add_func("/format/csv/quotes", test_quotes);
  g_test_add_func("/format/csv/rows", test_rows);
  g_test_add_func("/format/csv/encodings", test_encodings);
  g_test_add_func("/format/csv/big5", test_big5);
  g_test_add_func("/format/csv/utf16", test_utf16);
  g_test_add_func("/format/csv/late-character", test_late_character);
  g_test_add_func("/format/csv/damage", test_damage);
  g_test_add_func("/format/csv/refusals", test_refusals);
  g_test_add_func("/format/csv/block-borders", test_block_borders);
  g_test_add_func("/format/values/numbers", test_numbers);
  g_test_add_func("/format/values/dates", test_dates);
  g_test_add_func("/format/values/western-undone", test_western_undone);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
