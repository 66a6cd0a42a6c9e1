/* The laws and the gazette, which nobody here wrote: the same records from every format, in place, with their texts. */
#include "accession-test.h"

static char *shared(const char *path) {
  const char *root = g_getenv("LANTAI_SHARED");
  g_autofree char *full = g_build_filename(root ? root : "/nowhere", "data", path, NULL);
  if (g_file_test(full, G_FILE_TEST_EXISTS)) return g_steal_pointer(&full);
  g_test_skip("the shared data is not there (LANTAI_SHARED)");
  return NULL;
}

static void test_formats(gconstpointer data) {
  const char *set = data;
  gint64 expected = g_str_equal(set, "laws") ? 3420 : 5000;
  static const char *const names[] = {"catalogue.csv", "catalogue-gb18030.csv", "catalogue.xlsx", "catalogue.xls"};
  g_autofree char *first = NULL, *folder = shared(set);
  if (folder == NULL) return;
  TestHouse *t = test_house_new();
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    AccessionSource source = {.path = path};
    json_t *report = test_report(t, test_import(t, &source, FALSE));
    g_assert_cmpstr(text_at(report, "state"), ==, "rehearsed");
    g_assert_cmpint(report_int(report, "rows"), ==, expected);
    g_assert_cmpint(report_int(report, "created"), ==, expected);
    g_assert_cmpint(report_int(report, "rejected_count"), ==, 0);
    if (first == NULL) first = g_strdup(text_at(report, "digest"));
    g_assert_cmpstr(text_at(report, "digest"), ==, first);
    g_assert_cmpuint(strlen(first), ==, 64);
    g_assert_cmpstr(text_at(report, "key"), ==, g_str_equal(set, "laws") ? "顺序号" : "流水号");
    json_decref(report);
  }
  test_house_remove(t);
}

static json_t *load_rows_of(TestHouse *t, gint64 id) {
  g_autofree char *path = delivery_path(&t->house, id, ROWS_NAME);
  g_autoptr(RowReader) reader = row_reader_open(path, NULL);
  json_t *rows = json_array();
  const char *line;
  gsize length;
  while (row_reader_next(reader, &line, &length, NULL)) json_array_append_new(rows, json_loadb(line, length, 0, NULL));
  return rows;
}

/* Simplified or not, cut or not: what the DBF holds is the beginning of what the table holds; characters GBK lacks stand as something else. */
static gboolean is_beginning(const char *cut, const char *whole) {
  guint same = 0, all = 0;
  for (; *cut && *whole; cut = g_utf8_next_char(cut), whole = g_utf8_next_char(whole), all++) same += g_utf8_get_char(cut) == g_utf8_get_char(whole);
  return same * 10 >= all * 8;
}

static void test_gazette_dbf(void) {
  g_autofree char *csv = shared("gazette/catalogue.csv"), *dbf = csv ? shared("gazette/catalogue.dbf") : NULL;
  if (dbf == NULL) return;
  TestHouse *t = test_house_new();
  AccessionSource a = {.path = csv}, b = {.path = dbf};
  json_t *rows = load_rows_of(t, test_import(t, &a, FALSE)), *cut = load_rows_of(t, test_import(t, &b, FALSE));
  g_assert_cmpuint(json_array_size(rows), ==, 5000);
  g_assert_cmpuint(json_array_size(cut), ==, 5000);
  guint same_dates = 0;
  for (size_t i = 0; i < 5000; i++) {
    json_t *row = json_array_get(rows, i), *short_row = json_array_get(cut, i);
    g_assert_cmpstr(text_at(row, "code"), ==, text_at(short_row, "code"));
    same_dates += int_at(row, "date_from") == int_at(short_row, "date_from");
    g_assert_true(is_beginning(text_at(short_row, "title"), text_at(row, "title")));
    g_assert_true(is_beginning(text_at(short_row, "docno"), text_at(row, "docno")));
  }
  g_assert_cmpuint(same_dates, ==, 5000);
  json_decref(rows);
  json_decref(cut);
  test_house_remove(t);
}

/* Two catalogues of the same file name are two fonds; each again changes nothing. */
static void test_again(void) {
  g_autofree char *laws = shared("laws/catalogue.csv"), *gazette = laws ? shared("gazette/catalogue.xlsx") : NULL;
  if (gazette == NULL) return;
  TestHouse *t = test_house_new();
  for (guint i = 0; i < 2; i++) {
    AccessionSource a = {.path = laws}, b = {.path = gazette};
    json_t *first = test_report(t, test_import(t, &a, TRUE)), *second = test_report(t, test_import(t, &b, TRUE));
    g_assert_cmpint(report_int(first, "created"), ==, i ? 0 : 3420);
    g_assert_cmpint(report_int(first, "unchanged"), ==, i ? 3420 : 0);
    g_assert_cmpint(report_int(second, "created"), ==, i ? 0 : 5000);
    g_assert_cmpint(report_int(second, "unchanged"), ==, i ? 5000 : 0);
    g_assert_cmpint(report_int(first, "updated") + report_int(second, "updated"), ==, 0);
    g_assert_cmpuint(test_count(t, NULL), ==, 8420);
    json_decref(first);
    json_decref(second);
  }
  g_assert_cmpuint(test_count(t, "檔案"), ==, test_count(t, "档案"));
  g_assert_cmpuint(test_count(t, "刑法修正案"), >, 5);
  test_house_remove(t);
}

/* The texts of one class only, so that the test is quick: found by their names, the others are missing. */
static void test_texts(void) {
  g_autofree char *laws = shared("laws/catalogue.xlsx"), *texts = laws ? shared("laws/texts/宪法相关法") : NULL;
  if (texts == NULL) return;
  TestHouse *t = test_house_new();
  AccessionSource source = {.path = laws, .files = texts};
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  guint expected = 0;
  g_autoptr(GDir) dir = g_dir_open(texts, 0, NULL);
  while (g_dir_read_name(dir)) expected++;
  g_assert_cmpstr(text_at(report, "state"), ==, "done");
  g_assert_cmpint(report_int(report, "attached"), ==, expected);
  g_assert_cmpint(report_int(report, "missing_count"), ==, 3420 - expected);
  g_assert_cmpint(report_int(report, "surplus_count"), ==, 0);
  const gint64 levels[] = {LEVEL_ITEM};
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  SearchRequest request = {.query = "text:全国人民代表大会", .with_files = TRUE, .levels = levels, .levels_count = 1, .limit = 1};
  g_autoptr(SearchResult) result = search_run(t->house.search, sql, &SCOPE_EVERYTHING, &request, NULL);
  g_assert_cmpuint(result->count, >, 10);
  gint64 id = g_array_index(result->ids, gint64, 0);
  g_autofree char *text = catalog_page_text(sql, &SCOPE_EVERYTHING, id, 1, NULL);
  g_assert_nonnull(text);
  g_clear_pointer(&sql, sql_end);
  json_decref(report);
  test_house_remove(t);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/accession/formats/laws", "laws", test_formats);
  g_test_add_data_func("/accession/formats/gazette", "gazette", test_formats);
  g_test_add_func("/accession/gazette-dbf", test_gazette_dbf);
  g_test_add_func("/accession/again", test_again);
  g_test_add_func("/accession/texts", test_texts);
  return g_test_run();
}
