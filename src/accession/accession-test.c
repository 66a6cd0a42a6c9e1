/* Tables as bodies hand them over: what is guessed, what is rejected, what is updated. */
#include "accession-test.h"

static gint64 import_text(TestHouse *t, const char *name, const char *text, gboolean load) {
  g_autofree char *path = test_write(t, name, text);
  AccessionSource source = {.path = path};
  return test_import(t, &source, load);
}

static json_t *field_map(TestHouse *t, gint64 id) {
  json_t *mapping = accession_mapping(&t->house, id, NULL), *fields = json_object(), *column;
  size_t i;
  json_array_foreach(json_object_get(mapping, "columns"), i, column) json_object_set(fields, text_at(column, "header"), json_object_get(column, "field"));
  json_object_set(fields, "#category", json_object_get(mapping, "category"));
  json_object_set(fields, "#key", json_object_get(mapping, "key"));
  json_object_set(fields, "#header_row", json_object_get(mapping, "header_row"));
  json_decref(mapping);
  return fields;
}

static json_t *rejected_row(json_t *report, gint64 row) {
  size_t i;
  json_t *fault;
  json_array_foreach(json_object_get(report, "rejected"), i, fault)
    if (int_at(fault, "row") == row) return fault;
  return NULL;
}

static json_t *warned_row(json_t *report, gint64 row) {
  size_t i;
  json_t *fault;
  json_array_foreach(json_object_get(report, "warnings"), i, fault)
    if (int_at(fault, "row") == row) return fault;
  return NULL;
}

/* ---- guesses ---- */

static void test_pinyin(void) {
  TestHouse *t = test_house_new();
  gint64 id = import_text(t, "a.csv", "QZH,DH,TM,ZRZ,RQ,BGQX,MJ,YS,ND,WH\nZ001,Z001-1,通知,县委,19580301,永久,秘密,3页,1958,1号\n", TRUE);
  json_t *fields = field_map(t, id);
  static const char *const expected[][2] = {{"QZH", "fonds"}, {"DH", "code"}, {"TM", "title"}, {"ZRZ", "creator"}, {"RQ", "date"}, {"BGQX", "retention"},
    {"MJ", "security"},
    {"YS", "page_count"}, {"ND", "year"}, {"WH", "docno"}, {"#category", "WS"}, {"#key", "DH"}};
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) g_assert_cmpstr(text_at(fields, expected[i][0]), ==, expected[i][1]);
  g_autoptr(CatalogRecord) record = test_record(t, "Z001-1");
  g_assert_cmpint(record->security, ==, SECURITY_SECRET);
  g_assert_cmpint(record->page_count, ==, 3);
  g_assert_cmpint(record->year, ==, 1958);
  g_assert_cmpint(record->date.from, ==, 19580301);
  g_autoptr(CatalogRecord) fonds = test_record(t, "Z001");
  g_assert_cmpint(fonds->level, ==, LEVEL_FONDS);
  g_assert_cmpint(record->fonds_id, ==, fonds->id);
  json_decref(fields);
  test_house_remove(t);
}

static void test_marriage(void) {
  TestHouse *t = test_house_new();
  gint64 id = import_text(t, "婚姻.csv", "档号,男方姓名,女方姓名,婚姻状况,登记日期,备用\nH-1,张三,李四,结婚,1962年5月1日,x\nH-2,,,,,\n", TRUE);
  json_t *fields = field_map(t, id), *report = test_report(t, id);
  g_assert_cmpstr(text_at(fields, "#category"), ==, "HY");
  g_assert_cmpstr(text_at(fields, "男方姓名"), ==, "nfxm");
  g_assert_cmpstr(text_at(fields, "备用"), ==, "*");
  g_autoptr(CatalogRecord) record = test_record(t, "H-1");
  g_assert_cmpstr(record->title, ==, "张三与李四结婚登记");
  g_assert_cmpint(record->year, ==, 1962); /* from the category's own date */
  json_t *own = json_loads(record->fields, 0, NULL);
  g_assert_cmpstr(text_at(own, "nfxm"), ==, "张三");
  g_assert_cmpstr(text_at(own, "备用"), ==, "x");
  g_assert_cmpint(report_int(report, "rejected_count"), ==, 1);
  g_assert_nonnull(rejected_row(report, 3));
  json_decref(own);
  json_decref(fields);
  json_decref(report);
  test_house_remove(t);
}

static void test_named_mapping(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  const char *text = "编码,内容,谁写的,时候\nB-1,甲事,张三,1950\nB-2,乙事,李四,不明\n";
  g_autofree char *path = test_write(t, "b.csv", text);
  AccessionSource source = {.path = path, .fonds = "Z002"};
  gint64 id = test_receive(t, &source);
  json_t *columns = json_pack("{s:s, s:s, s:s, s:s}", "编码", "code", "内容", "title", "谁写的", "creator", "时候", "date");
  g_assert_true(accession_mapping_set(&t->house, "tester", id, columns, "某局目录", &error));
  g_assert_no_error(error);
  test_job(t, accession_rehearse, id, &error);
  g_assert_no_error(error);
  json_t *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "accepted"), ==, 2);
  g_assert_cmpstr(text_at(report, "key"), ==, "编码");
  g_assert_nonnull(warned_row(report, 3));
  json_decref(report);

  AccessionSource again = {.path = path, .fonds = "Z003", .mapping = "某局目录"};
  json_t *fields = field_map(t, test_receive(t, &again));
  g_assert_cmpstr(text_at(fields, "谁写的"), ==, "creator");
  json_decref(fields);

  json_object_set_new(columns, "内容", json_string("code"));
  g_assert_false(accession_mapping_set(&t->house, "tester", id, columns, NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  json_object_set_new(columns, "内容", json_string("没有的字段"));
  g_assert_false(accession_mapping_set(&t->house, "tester", id, columns, NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  AccessionSource unknown = {.path = path, .mapping = "没有的对应"};
  g_assert_cmpint(accession_receive(&t->house, "tester", &unknown, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  json_decref(columns);
  test_house_remove(t);
}

static void test_category_column(void) {
  TestHouse *t = test_house_new();
  json_t *plain = field_map(t, import_text(t, "a.csv", "档号,题名,类别代码\nA-1,一,WS\nA-2,二,ZP\n", TRUE)), *other = field_map(t, import_text(t, "b.csv",
    "档号,题名,类别代码\nA-1,一,刑法\n", FALSE));
  g_assert_cmpstr(text_at(plain, "类别代码"), ==, "category");
  g_assert_cmpstr(text_at(other, "类别代码"), ==, "*");
  g_autoptr(CatalogRecord) photo = test_record(t, "A-2");
  g_assert_cmpint(photo->category, ==, catalog_category_by_code(t->house.catalog, "ZP")->id);
  json_decref(plain);
  json_decref(other);
  test_house_remove(t);
}

/* ---- odd tables ---- */

static void test_title_rows_and_merged_header(void) {
  TestHouse *t = test_house_new();
  gint64 id = import_text(t, "m.csv", "某某县民政局移交目录,,,,\n,,,,\n档号,题名,当事人,,日期\n,,姓名甲,姓名乙,\nM-1,登记,张三,李四,1950\n", TRUE);
  json_t *fields = field_map(t, id), *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "created"), ==, 1);
  g_assert_cmpint(report_int(report, "rejected_count"), ==, 0);
  g_assert_cmpint(int_at(fields, "#header_row"), ==, 3);
  g_assert_nonnull(json_object_get(fields, "当事人姓名乙"));
  g_autoptr(CatalogRecord) record = test_record(t, "M-1");
  json_t *own = json_loads(record->fields, 0, NULL);
  g_assert_cmpstr(text_at(own, "当事人姓名乙"), ==, "李四");
  json_decref(own);
  json_decref(fields);
  json_decref(report);
  test_house_remove(t);
}

static void test_faults(void) {
  TestHouse *t = test_house_new();
  g_autoptr(GString) text = g_string_new("档号,题名,日期,密级,年度,页数,开放标识,说明\n");
  g_string_append(text, "F-1,好的一行,1950-02-30,公开,一九五〇年,一堆,也许,\n"); /* 2: warnings only */
  g_string_append(text, "F-2,,1950,,,,,\n");                             /* 3: no title */
  g_string_append(text, ",没有档号,1950,,,,,\n");                        /* 4 */
  g_string_append(text, "F-1,重复,1950,,,,,\n");                         /* 5 */
  g_string_append(text, "F-3,密级不对,1950,特别密,,,,\n");               /* 6 */
  g_string_append(text, "F-4,错位,1950,,,,,,,多的\n");                   /* 7 */
  g_string_append(text, "F-5,");                                         /* 8: too long */
  for (guint i = 0; i < 4001; i++) g_string_append(text, "长");
  g_string_append(text, ",1950,,,,,\nF-6,控\x07制,1950,,,,,\n\n\nF-7,末行,1950,,1950-1951,,,\n"); /* 9, 12 */
  gint64 id = import_text(t, "f.csv", text->str, TRUE);
  json_t *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "rejected_count"), ==, 6);
  g_assert_cmpuint(json_array_size(json_object_get(report, "rejected")), ==, 6);
  g_assert_cmpint(report_int(report, "created"), ==, 3);
  static const struct { gint64 row; const char *column, *says; } expected[] = {
    {3, "题名", "为空"}, {4, "档号", "为空"}, {5, "档号", "第 2 行"}, {6, "密级", "不认识"}, {7, "", "没有表头"}, {8, "题名", "过长"}};
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    json_t *fault = rejected_row(report, expected[i].row);
    g_assert_nonnull(fault);
    g_assert_cmpstr(text_at(fault, "column"), ==, expected[i].column);
    g_assert_nonnull(strstr(text_at(fault, "reason"), expected[i].says));
  }
  const char *warned = text_at(warned_row(report, 2), "reason");
  g_assert_nonnull(strstr(warned, "日期"));
  g_assert_nonnull(strstr(warned, "页数"));
  g_assert_nonnull(strstr(warned, "未审核"));
  g_assert_nonnull(strstr(text_at(warned_row(report, 9), "reason"), "控制字符"));
  g_autoptr(CatalogRecord) record = test_record(t, "F-1");
  g_assert_cmpstr(record->date_text, ==, "1950-02-30");
  g_assert_cmpint(record->date.from, ==, 0);
  g_assert_cmpint(record->year, ==, 1950);
  g_assert_nonnull(strstr(record->fields, "一堆")); /* nothing written is lost */
  g_autoptr(CatalogRecord) clean = test_record(t, "F-6");
  g_assert_cmpstr(clean->title, ==, "控制");
  json_decref(report);
  test_house_remove(t);
}

/* The bad rows go back as a table that can be corrected and read again. */
static void test_faults_xlsx(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  gint64 id = import_text(t, "x.csv", "档号,题名,日期\nX-1,好,1950\nX-2,,1951\nX-3,迟,某年某月\nX-1,又,1952\n", FALSE);
  g_autofree char *path = g_build_filename(t->dir, "faults.xlsx", NULL);
  accession_faults_xlsx(&t->house, id, path, &error);
  g_assert_no_error(error);
  g_autoptr(TableReader) reader = format_table_open(path, &error);
  g_assert_no_error(error);
  static const char *const expected[][7] = {{"行号", "列", "值", "原因", "档号", "题名", "日期"}, {"3", "题名", "", NULL, "X-2", "", "1951"}, {"4", "日期", "某年某月", NULL,
    "X-3", "迟", "某年某月"},
    {"5", "档号", "X-1", NULL, "X-1", "又", "1952"}};
  TableRow row;
  for (guint r = 0; r < G_N_ELEMENTS(expected); r++) {
    g_assert_true(format_table_next(reader, &row, NULL));
    for (guint c = 0; c < 7; c++)
      if (expected[r][c] && (c < row.count || *expected[r][c])) g_assert_cmpstr(row.cells[c], ==, expected[r][c]);
  }
  g_assert_false(format_table_next(reader, &row, NULL));
  test_house_remove(t);
}

static void test_key_column(void) {
  TestHouse *t = test_house_new();
  gint64 id = import_text(t, "k.csv", "类,编号,题名\n甲,1,同\n甲,2,同\n乙,3,同\n", TRUE);
  json_t *report = test_report(t, id);
  g_assert_cmpstr(text_at(report, "key"), ==, "编号");
  json_decref(report);
  /* a corrected file keeps the key of the first, though now it has a repeat and another column has none */
  report = test_report(t, import_text(t, "k.csv", "类,编号,题名\n甲,1,同一\n乙,2,同二\n丙,2,同三\n", TRUE));
  g_assert_cmpstr(text_at(report, "key"), ==, "编号");
  g_assert_cmpint(report_int(report, "updated"), ==, 2);
  g_assert_cmpint(report_int(report, "rejected_count"), ==, 1);
  json_decref(report);
  test_house_remove(t);
}

static void test_refused_files(void) {
  TestHouse *t = test_house_new();
  static const struct { const char *name, *text; } files[] = {{"empty.csv", ""}, {"blank.csv", "\n\n\n"}, {"numbers.csv", "1,2,3\n4,5,6\n"}, {"words.txt",
    "没有分栏的一段话"}};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = test_write(t, files[i].name, files[i].text);
    AccessionSource source = {.path = path, .table_only = TRUE};
    g_assert_cmpint(accession_receive(&t->house, "tester", &source, &error), ==, 0);
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
  }
  g_autoptr(GError) error = NULL;
  AccessionSource absent = {.path = "/nowhere/a.csv"};
  g_assert_cmpint(accession_receive(&t->house, "tester", &absent, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_autofree char *deliveries = g_build_filename(t->dir, "deliveries", NULL);
  g_autoptr(GDir) dir = g_dir_open(deliveries, 0, NULL);
  g_assert_null(g_dir_read_name(dir)); /* nothing is left of them */
  test_house_remove(t);
}

/* A code that a node of the tree has would never come in: it is told beforehand. */
static void test_node_codes(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "n.csv", "档号,题名\nZ001,同全宗\nZ001-WS,同门类\nZ001-WS-1,可以\n");
  AccessionSource source = {.path = path, .fonds = "Z001"};
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  g_assert_cmpint(report_int(report, "rejected_count"), ==, 2);
  g_assert_cmpint(report_int(report, "created"), ==, 1);
  json_decref(report);
  test_house_remove(t);
}

/* Rows of several categories in one table: each keeps its own columns under its own keys, in the volume it is said to lie in. */
static void test_mixed(void) {
  TestHouse *t = test_house_new();
  import_text(t, "m.csv", "全宗号,档号,题名,门类,层级,所在案卷,文件,文种,男方姓名,女方姓名\n"
    "Z001,Z001-V,卷,WS,案卷,,,,,\nZ001,A,甲,WS,文件,Z001-V,a.pdf,通知,,\nZ001,B,乙,HY,文件,,无,旧表,王,李\n", TRUE);
  g_autoptr(CatalogRecord) volume = test_record(t, "Z001-V"), first = test_record(t, "A"), second = test_record(t, "B");
  g_assert_cmpint(first->parent_id, ==, volume->id);
  g_assert_cmpstr(first->fields, ==, "{\"wz\":\"通知\"}");
  g_assert_cmpstr(second->fields, ==, "{\"nfxm\":\"王\",\"nvxm\":\"李\",\"文种\":\"旧表\"}");
  test_house_remove(t);
}

/* ---- in place ---- */

static void test_corrected(void) {
  TestHouse *t = test_house_new();
  import_text(t, "c.csv", "档号,题名,责任者\nC-1,旧题名,甲\nC-2,不变,乙\n", TRUE);
  g_autoptr(CatalogRecord) before = test_record(t, "C-1");
  /* the archives decides on opening, which the file does not know */
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(t->house.db, &error);
  g_autoptr(CatalogRecord) opened = catalog_record_dup(before);
  opened->opening = OPENING_OPEN;
  catalog_record_update(&t->house, sql, "reviewer", opened, 0, &error);
  g_assert_no_error(error);
  sql_commit(sql, &error);
  g_clear_pointer(&sql, sql_end);
  g_autofree char *path = test_write(t, "c.csv", "档号,题名,责任者\nC-1,新题名,甲\nC-2,不变,乙\nC-3,增加,丙\n");
  AccessionSource source = {.path = path};
  gint64 id = test_import(t, &source, FALSE);
  json_t *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "created"), ==, 1);
  g_assert_cmpint(report_int(report, "updated"), ==, 1);
  g_assert_cmpint(report_int(report, "unchanged"), ==, 1);
  g_assert_cmpuint(test_count(t, NULL), ==, 2); /* a rehearsal writes nothing */
  json_decref(report);
  g_assert_cmpint(test_import(t, &source, TRUE), ==, id); /* goes on with the delivery that is there */
  report = test_report(t, id);
  g_assert_cmpint(report_int(report, "created"), ==, 1);
  g_assert_cmpint(report_int(report, "updated"), ==, 1);
  g_assert_cmpint(report_int(report, "unchanged"), ==, 1);
  g_autoptr(CatalogRecord) after = test_record(t, "C-1");
  g_assert_cmpint(after->id, ==, before->id);
  g_assert_cmpstr(after->title, ==, "新题名");
  g_assert_cmpint(after->opening, ==, OPENING_OPEN);
  g_assert_cmpuint(test_count(t, "旧题名"), ==, 0);
  g_assert_cmpuint(test_count(t, NULL), ==, 3);
  json_decref(report);
  test_house_remove(t);
}

static void test_volumes(void) {
  TestHouse *t = test_house_new();
  g_autofree char *path = test_write(t, "v.csv",
    "著录层级,档号,案卷号,题名\n文件,Z9-1-01-001,01,件一\n案卷,Z9-1-01,01,案卷一\n文件,Z9-1-02-001,02,件二\n案卷,Z9-1-02,02,案卷二\n文件,另-1,02,按案卷号\n件,散-1,,散件\n");
  AccessionSource source = {.path = path, .fonds = "Z009", .fonds_title = "某局"};
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  g_assert_cmpint(report_int(report, "created"), ==, 6);
  g_assert_cmpint(report_int(report, "volumes"), ==, 2);
  static const char *const parents[][2] = {{"Z9-1-01-001", "Z9-1-01"}, {"Z9-1-02-001", "Z9-1-02"}, {"另-1", "Z9-1-02"}, {"散-1", "Z009-WS"}};
  for (guint i = 0; i < G_N_ELEMENTS(parents); i++) {
    g_autoptr(CatalogRecord) item = test_record(t, parents[i][0]);
    g_autoptr(CatalogRecord) parent = test_record(t, parents[i][1]);
    g_assert_cmpint(item->parent_id, ==, parent->id);
  }
  json_decref(report);
  test_house_remove(t);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/accession/pinyin", test_pinyin);
  g_test_add_func("/accession/marriage", test_marriage);
  g_test_add_func("/accession/named-mapping", test_named_mapping);
  g_test_add_func("/accession/category-column", test_category_column);
  g_test_add_func("/accession/merged-header", test_title_rows_and_merged_header);
  g_test_add_func("/accession/faults", test_faults);
  g_test_add_func("/accession/faults-xlsx", test_faults_xlsx);
  g_test_add_func("/accession/key-column", test_key_column);
  g_test_add_func("/accession/refused-files", test_refused_files);
  g_test_add_func("/accession/node-codes", test_node_codes);
  g_test_add_func("/accession/mixed", test_mixed);
  g_test_add_func("/accession/corrected", test_corrected);
  g_test_add_func("/accession/volumes", test_volumes);
  return g_test_run();
}
