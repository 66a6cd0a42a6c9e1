/* Tables across formats: the same rows from CSV, GB18030 CSV, .xlsx, .xls and DBF; damaged ones; children that talk nonsense. */
#include "sandbox.h"
#include "table-sink.h"
#include "test-fixture.h"
#include <fcntl.h>
#include <shapefil.h>
#include <unistd.h>

static char *must_read(const char *path) {
  g_autoptr(GError) error = NULL;
  char *table = fixture_table(path, TRUE, &error);
  g_assert_no_error(error);
  return table;
}

static void assert_same_rows(const char *expected_path, const char *path) {
  g_autofree char *expected = must_read(expected_path);
  g_autofree char *table = must_read(path);
  if (strcmp(expected, table) == 0) return;
  g_auto(GStrv) a = g_strsplit(expected, "\n", -1);
  g_auto(GStrv) b = g_strsplit(table, "\n", -1);
  for (gsize i = 0; a[i] != NULL && b[i] != NULL; i++) g_assert_cmpstr(a[i], ==, b[i]);
  g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
}

static void test_shared_sets(gconstpointer data) {
  static const char *const OTHERS[] = {"catalogue-gb18030.csv", "catalogue.xlsx", "catalogue.xls"};
  const char *set = data;
  g_autofree char *folder = fixture_shared(set);
  if (folder == NULL) return;
  g_autofree char *first = g_build_filename(folder, "catalogue.csv", NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(OTHERS); i++) {
    g_autofree char *other = g_build_filename(folder, OTHERS[i], NULL);
    assert_same_rows(first, other);
  }
}

/* The DBF has five columns of the CSV, each cut to its width in bytes of GBK. */
static void test_shared_dbf(void) {
  static const char *const FIELDS[][2] = {{"ID", "流水号"}, {"WH", "文号"}, {"RQ", "日期"}, {"ZRZ", "责任者"}, {"TM", "题名"}};
  g_autofree char *dbf_path = fixture_shared("gazette/catalogue.dbf");
  if (dbf_path == NULL) return;
  g_autofree char *csv_path = fixture_shared("gazette/catalogue.csv");
  g_autoptr(TableReader) dbf = format_table_open(dbf_path, NULL);
  g_autoptr(TableReader) csv = format_table_open(csv_path, NULL);
  g_assert_cmpstr(format_table_info(dbf)->encoding, ==, "GB18030");
  g_assert_cmpint(format_table_info(dbf)->size_rows, ==, 5000);
  TableRow cut, whole;
  guint column[5] = {0}, rows = 0, shortened = 0;
  g_assert_true(format_table_next(dbf, &cut, NULL) && format_table_next(csv, &whole, NULL));
  for (guint i = 0; i < 5; i++) {
    g_assert_cmpstr(cut.cells[i], ==, FIELDS[i][0]);
    while (strcmp(whole.cells[column[i]], FIELDS[i][1]) != 0) g_assert_cmpuint(++column[i], <, whole.count);
  }
  for (; format_table_next(dbf, &cut, NULL) && format_table_next(csv, &whole, NULL); rows++) {
    g_assert_cmpuint(cut.number, ==, whole.number);
    for (guint i = 0; i < 5; i++) {
      const char *here = i < cut.count ? cut.cells[i] : "", *there = column[i] < whole.count ? whole.cells[column[i]] : "";
      g_assert_null(strstr(here, "\xef\xbf\xbd"));
      gsize at = 0;
      while (here[at] != '\0' && here[at] == there[at]) at++;
      if (here[at] != '\0') g_assert_cmpstr(strchr(here + at, '?'), !=, NULL); /* a character that GBK does not have became ? */
      else shortened += there[at] != '\0';
    }
  }
  g_assert_cmpuint(rows, ==, 5000);
  g_assert_cmpuint(format_table_replaced(dbf), ==, 0);
  g_test_message("%u values were cut by the producer", shortened);
}

static char *make_dbf(const char *name, const char *codepage) {
  char *path = fixture_path(name);
  DBFHandle table = DBFCreateEx(path, codepage);
  DBFAddField(table, "TM", FTString, 7, 0);
  DBFAddNativeFieldType(table, "RQ", 'D', 8, 0);
  DBFAddField(table, "YS", FTDouble, 10, 2);
  static const char *const TITLES[] = {"\xb9\xfa\xb7\xa2\xce\xc4\xba", "deleted", "x"}; /* 国发文 and half a 号 */
  for (int row = 0; row < 3; row++) {
    DBFWriteStringAttribute(table, row, 0, TITLES[row]);
    DBFWriteDoubleAttribute(table, row, 2, 12.5 * row);
  }
  DBFMarkRecordDeleted(table, 1, 1);
  DBFClose(table);
  return path;
}

static void test_dbf(void) {
  static const char *const CODEPAGES[] = {"LDID/77", "LDID/3", NULL};
  for (gsize i = 0; i < G_N_ELEMENTS(CODEPAGES); i++) {
    g_autofree char *path = make_dbf("t.dbf", CODEPAGES[i]);
    g_autofree char *table = must_read(path);
    g_assert_cmpstr(table, ==, "1:TM|RQ|YS\n2:国发文||0\n4:x||25\n");
  }
}

static void test_dbf_date(void) {
  g_autofree char *path = fixture_path("d.dbf");
  DBFHandle table = DBFCreate(path);
  DBFAddNativeFieldType(table, "RQ", 'D', 8, 0);
  DBFAddNativeFieldType(table, "BZ", 'M', 10, 0);
  DBFWriteAttributeDirectly(table, 0, 0, (char[]){"20231229"});
  DBFWriteAttributeDirectly(table, 1, 0, (char[]){"2023"});
  DBFClose(table);
  g_autofree char *read = must_read(path);
  g_assert_cmpstr(read, ==, "1:RQ|BZ\n2:2023-12-29\n3:2023\n");
  table = DBFOpen(path, "rb+");
  DBFWriteAttributeDirectly(table, 1, 1, (char[]){"17"});
  DBFClose(table);
  g_autoptr(GError) error = NULL;
  g_assert_null(fixture_table(path, TRUE, &error));
  g_assert_nonnull(strstr(error->message, "备注型"));
}

static void test_codepage_file(void) {
  g_autofree char *path = make_dbf("u.dbf", NULL);
  DBFHandle table = DBFOpen(path, "rb+");
  DBFWriteStringAttribute(table, 0, 0, "国\xe5\x8f"); /* cut UTF-8 */
  DBFClose(table);
  g_free(fixture_write("u.cpg", "UTF-8\r\n", -1));
  g_autofree char *read = must_read(path);
  g_assert_true(g_str_has_prefix(read, "1:TM|RQ|YS\n2:国||0\n"));
}

/* Cut files of every format: an error that says so, never half a table as if it were whole. */
static void test_truncated(void) {
  static const char *const FILES[] = {"gazette/catalogue.xlsx", "gazette/catalogue.xls", "gazette/catalogue.dbf", "laws/catalogue.xls"};
  for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
    g_autofree char *path = fixture_shared(FILES[i]);
    if (path == NULL) return;
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    for (int part = 1; part < 8; part++) {
      g_autofree char *cut = fixture_write("cut.bin", bytes, (gssize)(length * (gsize)part / 8));
      g_autoptr(GError) error = NULL;
      g_autofree char *table = fixture_table(cut, TRUE, &error);
      g_assert_null(table);
      g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    }
  }
}

static void test_hostile(void) {
  static const char *const BAD[] = {"hostile/poc-xmlbomb.xlsx", "hostile/poc-xmlbomb-empty.xlsx", "hostile/testXXE.xml", "hostile/gbk.zip",
                                    "ofd/ofdrw-sign-helloworld.ofd"};
  for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
    g_autofree char *path = fixture_shared(BAD[i]);
    if (path == NULL) return;
    g_autoptr(GError) error = NULL;
    g_autofree char *table = fixture_table(path, TRUE, &error);
    g_assert_null(table);
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  }
  g_autofree char *naughty = fixture_shared("hostile/blns.txt");
  g_autofree char *strings = must_read(naughty);
  g_assert_true(g_utf8_validate(strings, -1, NULL));
  g_autofree char *dbf_path = fixture_shared("hostile/testDBF_gb18030.dbf");
  g_autofree char *dbf = must_read(dbf_path);
  g_assert_cmpstr(dbf, ==, "1:TEXTFIELD\n2:It was the best of times\n3:虽然该指令经过重新发布\n4:it was the worst of times\n");
}

/* ---- children that talk nonsense ---- */

static void assert_nonsense(const void *bytes, gsize length) {
  g_autofree char *path = fixture_write("nonsense", bytes, (gssize)length);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  g_autoptr(GError) error = NULL;
  g_autoptr(TableReader) reader = table_reader_new(sandbox_start("probe", "echo", fd, NULL), "nonsense", &error);
  close(fd);
  TableRow row;
  while (reader != NULL && format_table_next(reader, &row, &error))
    for (guint i = 0; i < row.count; i++) g_assert_true(g_utf8_validate(row.cells[i], -1, NULL));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

static void append_frame(GByteArray *out, guint32 type, const void *bytes, gsize length) {
  const FrameHead head = {.length = (guint32)length, .type = type};
  g_byte_array_append(out, (const guint8 *)&head, sizeof head);
  g_byte_array_append(out, bytes, (guint)length);
}

static void test_nonsense(void) {
  static const char INFO[] = "\xff\xff\xff\xff\xff\xff\xff\xff"
                             "csv\0UTF-8\0";
  static const struct {
    FrameRow row;
    char cells[8];
    gsize length;
  } ROWS[] = {
    {{1, 2, 0}, "ab", 3}, {{1, 1, 0}, "a\0b", 4}, {{1, 0, 0}, "", 0},      {{1, G_MAXUINT32, 0}, "a", 2},
    {{1, 1, 0}, "a", 1},  {{1, 1, 0}, "\xff", 2}, {{1, 16385, 0}, "a", 2}, {{1, 1, 0}, "", 0},
  };
  assert_nonsense("garbage", 7);
  assert_nonsense("\xff\xff\xff\xff\1\0\0\0", 8);
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  for (gsize i = 0; i < G_N_ELEMENTS(ROWS) + 24; i++) {
    g_autoptr(GByteArray) answer = g_byte_array_new();
    g_autoptr(GByteArray) payload = g_byte_array_new();
    append_frame(answer, FRAME_INFO, INFO, sizeof INFO);
    if (i < G_N_ELEMENTS(ROWS)) {
      g_byte_array_append(payload, (const guint8 *)&ROWS[i].row, sizeof ROWS[i].row);
      g_byte_array_append(payload, (const guint8 *)ROWS[i].cells, (guint)ROWS[i].length);
      append_frame(answer, FRAME_ROW, payload->data, payload->len);
    } else {
      for (int j = 0; j < 64; j++) g_byte_array_append(payload, &(guint8){(guint8)g_rand_int_range(random, 0, 4)}, 1);
      append_frame(answer, (guint32)(i % 8), payload->data, payload->len);
    }
    assert_nonsense(answer->data, answer->len); /* also: no END after what may have been a good frame */
  }
}

static void add_tests(void) {
  g_test_add_func("/format/table/shared/dbf", test_shared_dbf);
  g_test_add_func("/format/table/dbf", test_dbf);
  g_test_add_func("/format/table/dbf-date", test_dbf_date);
  g_test_add_func("/format/table/codepage-file", test_codepage_file);
  g_test_add_func("/format/table/truncated", test_truncated);
  g_test_add_func("/format/table/hostile", test_hostile);
  g_test_add_func("/format/table/nonsense", test_nonsense);
  g_test_add_data_func("/format/table/shared/laws", "laws", test_shared_sets);
  g_test_add_data_func("/format/table/shared/gazette", "gazette", test_shared_sets);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
