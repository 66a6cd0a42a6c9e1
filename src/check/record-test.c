/* Rules over descriptions: a clean delivery gives nothing, each planted fault is caught by exactly its item. */
#include "check-fixture.h"

typedef struct { const char *item, *where, *patch, *reason; } Fault; /* patch: JSON laid over the second of three records */

static const Fault FAULTS[] = {
  {"GD-1-2", "long docno", "{\"docno\": \"%LONG%\"}", "文号有 "},
  {"GD-1-2", "short title", "{\"title\": \"文\"}", "至少应有 2 字"},
  {"GD-1-3", "no date", "{\"date_text\": \"三月里\", \"date_from\": 0, \"date_to\": 0}", "日期“三月里”不是日期"},
  {"GD-1-3", "no such day", "{\"date_text\": \"20150231\", \"date_from\": 0, \"date_to\": 0}", "日期“20150231”不是日期"},
  {"GD-1-3", "pages kept as written", "{\"fields\": {\"页数\": \"若干\"}}", "页数“若干”不是数"},
  {"GD-1-3", "fonds", "{\"fonds\": \"市局\", \"code\": \"\"}", "全宗号“市局”不合规定的格式"},
  {"GD-1-4", "opening kept as written", "{\"fields\": {\"开放状态\": \"随便\"}}", "开放标识“随便”不在规定的值域"},
  {"GD-1-4", "security", "{\"security\": \"特密\"}", "密级“特密”不在规定的值域"},
  {"GD-1-5", "year against date", "{\"date_text\": \"20110315\", \"date_from\": 20110315, \"date_to\": 20110315}", "年度 2015 与日期 20110315 不符"},
  {"GD-1-5", "later than today", "{\"date_text\": \"21500101\", \"fields\": {\"年度\": \"2015-2150\"}}", "在今天之后"},
  {"GD-1-5", "no page", "{\"fields\": {\"页数\": \"0\"}}", "页数 0 应大于 0"},
  {"GD-1-5", "too many pages", "{\"page_count\": 2000000}", "大得不合常理"},
  {"GD-1-6", "private use", "{\"title\": \"关于\uE000的通知\"}", "题名第 3 字 U+E000 是自造字"},
  {"GD-1-6", "zero width", "{\"creator\": \"市\u200B局\"}", "责任者第 2 字 U+200B 是看不见的字符"},
  {"GD-1-6", "lost character", "{\"fields\": {\"zy\": \"摘要\uFFFD\"}}", "摘要第 3 字 U+FFFD 是替换符"},
  {"GD-1-6", "garbled", "{\"title\": \"关于锟斤拷的通知\"}", "乱码“锟斤拷”"},
  {"GD-1-6", "told before cleaning", "{\"flaws\": [\"题名：含控制字符\"]}", "题名：含控制字符"},
  {"GD-1-7", "grammar", "{\"code\": \"档0002\"}", "档号“档0002”不合"},
  {"GD-1-7", "year in code", "{\"code\": \"Z109-WS·2013·Y-0002\"}", "档号中的年度是 2013，著录的是 2015"},
  {"GD-1-7", "fonds in code", "{\"fonds\": \"Z110\"}", "档号中的全宗号是 Z109，著录的是 Z110"},
  {"GD-1-7", "term in code", "{\"retention\": \"30年\"}", "档号中的保管期限是 永久，著录的是 30"},
  {"GD-1-8", "same code", "{\"code\": \"Z109-WS·2015·Y-0001\"}", "档号与第 2 行相同"},
  {"GD-1-8", "same document", "{\"docno\": \"民发〔2015〕1号\", \"title\": \"关于第 1 项工作的通知\"}", "文号、责任者、题名、日期与第 2 行相同"},
  {"GD-2-4", "no creator", "{\"creator\": \"\"}", "没有填写：责任者"},
  {"GD-2-4", "nothing", "{\"creator\": \"\", \"retention\": \"\"}", "没有填写：责任者、保管期限"},
  {"GD-2-9", "term", "{\"retention\": \"永远\"}", "保管期限“永远”不在保管期限表"},
};

static json_t *patched(const char *patch) {
  g_autofree char *tail = g_strnfill(120, 'x');
  g_auto(GStrv) parts = g_strsplit(patch, "%LONG%", -1);
  g_autofree char *text = g_strjoinv(tail, parts);
  json_t *records = clean_records(3);
  json_auto_t *change = json_loads(text, 0, NULL);
  g_assert_nonnull(change);
  json_object_update(json_array_get(records, 1), change);
  return records;
}

static void test_clean(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *report = run_over(&f, CHECK_FILING, clean_records(5), NULL, NULL, NULL);
  g_autofree char *faults = failing(report);
  g_assert_cmpstr(faults, ==, "");
  g_assert_cmpstr(state_of(report, "GD-1-5"), ==, "passed");
  g_assert_cmpstr(state_of(report, "GD-1-1"), ==, "not_applicable");
  g_assert_cmpstr(state_of(report, "GD-1-11"), ==, "not_performed"); /* a catalogue alone */
  g_assert_cmpstr(state_of(report, "GD-1-12"), ==, "not_applicable");
  g_assert_cmpstr(state_of(report, "GD-2-1"), ==, "not_performed");
  g_assert_cmpstr(state_of(report, "GD-2-5"), ==, "not_performed");
  g_assert_cmpstr(state_of(report, "GD-2-9"), ==, "awaiting");
  g_assert_cmpstr(state_of(report, "GD-4-1"), ==, "not_performed");
  g_assert_cmpstr(state_of(report, "GD-4-4"), ==, "awaiting");
  g_assert_cmpstr(text_at(report, "state"), ==, "awaiting");
  g_assert_cmpint(json_integer_value(json_object_get(report, "units")), ==, 5);
  fixture_close(&f);
}

static void test_fault(gconstpointer data) {
  const Fault *fault = data;
  Fixture f;
  fixture_open(&f);
  json_auto_t *report = run_over(&f, CHECK_FILING, patched(fault->patch), NULL, NULL, NULL);
  g_autofree char *faults = failing(report), *text = g_strconcat(fault->item, " ", NULL);
  if (g_str_equal(fault->where, "same code")) text = (g_free(text), g_strdup("GD-1-8 GD-2-6 ")); /* the number it should have had is missing */
  if (g_str_equal(fault->where, "year in code")) text = (g_free(text), g_strdup("GD-1-7 GD-2-6 "));
  if (g_str_equal(fault->where, "grammar")) text = (g_free(text), g_strdup("GD-1-7 GD-2-6 "));
  if (g_str_equal(fault->where, "fonds")) text = (g_free(text), g_strdup("GD-1-3 GD-2-4 GD-2-6 "));
  if (g_str_equal(fault->where, "term")) text = (g_free(text), g_strdup("GD-2-9 "));
  g_assert_cmpstr(faults, ==, text);
  json_t *finding = finding_of(report, fault->item, 0);
  if (strstr(text_at(finding, "reason"), fault->reason) == NULL) g_error("%s does not say %s", text_at(finding, "reason"), fault->reason);
  g_assert_cmpint(json_integer_value(json_object_get(finding, "row")), ==, 3);
  g_assert_cmpstr(text_at(report, "state"), ==, "failed");
  fixture_close(&f);
}

/* Documents by themselves have no row that anybody knows: their file names them. */
static void test_without_rows(void) {
  Fixture f;
  fixture_open(&f);
  const CheckSubject subject = {CHECK_TRANSFER, "accession", 7, "archivist", "散件", NULL, NULL, NULL};
  CheckRun *run = good(check_begin(&f.house, &subject, error));
  static const char *const names[] = {"甲.pdf", "乙.pdf"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    json_auto_t *record = record_of(1);
    json_object_del(record, "creator");
    const CheckFile file = {.path = names[i], .size_bytes = -1};
    g_assert_true(good(check_unit(run, &(CheckUnit){.record = record, .files = &file, .file_count = 1}, error)));
  }
  gint64 id = good(check_end(run, error));
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *report = good(check_report(sql, id, 10, error));
  json_t *repeated = finding_of(report, "YJ-1-8", 0), *bare = finding_of(report, "YJ-2-4", 1);
  g_assert_cmpstr(text_at(repeated, "path"), ==, "乙.pdf");
  g_assert_nonnull(strstr(text_at(repeated, "reason"), "与文件 甲.pdf 相同"));
  g_assert_cmpstr(text_at(bare, "path"), ==, "乙.pdf");
  g_assert_cmpint(json_integer_value(json_object_get(bare, "row")), ==, 0);
  g_clear_pointer(&sql, sql_end);
  fixture_close(&f);
}

static void test_gaps(void) {
  Fixture f;
  fixture_open(&f);
  json_t *records = json_array();
  const int numbers[] = {7, 1, 2, 12, 3, 5};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) json_array_append_new(records, record_of(numbers[i]));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "GD-2-6"), "failed")), ==, 3);
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-6", 0), "reason"), ==, "Z109-WS·2015·Y- 之下缺 0004");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-6", 1), "reason"), ==, "Z109-WS·2015·Y- 之下缺 0006");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-6", 2), "reason"), ==, "Z109-WS·2015·Y- 之下缺 0008 至 0011（4 个）");
  fixture_close(&f);
}

static void test_totals(void) {
  Fixture f;
  fixture_open(&f);
  json_auto_t *right = json_pack("{s:i, s:i, s:s, s:s}", "items", 3, "bytes", 0, "first_code", "Z109-WS·2015·Y-0001", "last_code", "Z109-WS·2015·Y-0003");
  json_auto_t *wrong = json_pack("{s:i, s:i, s:s}", "items", 4, "bytes", 100, "last_code", "Z109-WS·2015·Y-0004");
  json_auto_t *clean = run_over(&f, CHECK_FILING, clean_records(3), NULL, right, NULL), *report = run_over(&f, CHECK_FILING, clean_records(3), NULL, wrong, NULL);
  g_assert_cmpstr(state_of(clean, "GD-2-1"), ==, "passed");
  g_assert_cmpstr(state_of(clean, "GD-2-2"), ==, "passed");
  g_autofree char *faults = failing(report);
  g_assert_cmpstr(faults, ==, "GD-2-1 GD-2-2 ");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-1", 0), "reason"), ==, "登记件数 4，实际 3");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-1", 1), "reason"), ==, "登记的终止档号是 Z109-WS·2015·Y-0004，实际是 Z109-WS·2015·Y-0003");
  fixture_close(&f);
}

static void test_structure(void) {
  static const struct { const char *aspect, *item; } ASPECTS[] = {
    {"readme", "GD-1-12"}, {"catalogue", "GD-1-12"}, {"layout", "GD-1-13"}, {"consistency", "GD-1-14"}, {"metadata", "GD-2-10"}, {"signature", "GD-1-1"},
    {"encoding", "GD-3-1"},
  };
  Fixture f;
  fixture_open(&f);
  json_auto_t *nothing = json_array();
  json_auto_t *clean = run_over(&f, CHECK_FILING, clean_records(2), NULL, NULL, nothing);
  for (guint i = 0; i < G_N_ELEMENTS(ASPECTS); i++) {
    json_auto_t *structure = json_pack("[{s:s, s:s, s:s}]", "aspect", ASPECTS[i].aspect, "path", "说明文件.TXT", "reason", "缺少移交单位");
    json_auto_t *report = run_over(&f, CHECK_FILING, clean_records(2), NULL, NULL, structure);
    g_autofree char *faults = failing(report), *wanted = g_strconcat(ASPECTS[i].item, " ", NULL);
    g_assert_cmpstr(faults, ==, wanted);
    g_assert_cmpstr(text_at(finding_of(report, ASPECTS[i].item, 0), "path"), ==, "说明文件.TXT");
    if (!g_str_equal(ASPECTS[i].aspect, "signature")) g_assert_cmpstr(state_of(clean, ASPECTS[i].item), ==, "passed");
  }
  fixture_close(&f);
}

static void test_elements_and_process(void) {
  Fixture f;
  fixture_open(&f);
  json_t *records = clean_records(3), *record;
  size_t i;
  json_array_foreach(records, i, record) json_object_del(record, "creator");
  json_object_set_new(json_object_get(json_array_get(records, 0), "fields"), "过程信息", json_string("拟稿；签发；归档"));
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  g_autofree char *faults = failing(report);
  g_assert_cmpstr(faults, ==, "GD-2-3 GD-2-4 GD-2-5 ");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-3", 0), "reason"), ==, "全部 3 件都没有“责任者”");
  g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "GD-2-5"), "failed")), ==, 2);
  fixture_close(&f);
}

/* Findings beyond a batch: none is lost, all in order. */
static void test_many(void) {
  enum { COUNT = 5000 };
  Fixture f;
  fixture_open(&f);
  json_t *records = json_array();
  for (int n = 1; n <= COUNT; n++) {
    json_t *record = record_of(n);
    json_object_set_new(record, "creator", json_string(""));
    json_array_append_new(records, record);
  }
  json_auto_t *report = run_over(&f, CHECK_FILING, records, NULL, NULL, NULL);
  g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "GD-2-4"), "failed")), ==, COUNT);
  gint64 after = 0, seen = 0;
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  for (gsize got = 1000; got == 1000;) {
    json_auto_t *findings = good(result_findings(sql, json_integer_value(json_object_get(report, "id")), "GD-2-4", after, 1000, error));
    got = json_array_size(findings);
    for (gsize i = 0; i < got; i++) g_assert_cmpint(json_integer_value(json_object_get(json_array_get(findings, i), "row")), ==, ++seen + 1);
    after += (gint64)got;
  }
  g_assert_cmpint(seen, ==, COUNT);
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static void add_tests(void) {
  g_test_add_func("/check/record/clean", test_clean);
  for (guint i = 0; i < G_N_ELEMENTS(FAULTS); i++) {
    g_autofree char *name = g_strdup_printf("/check/record/%s/%s", FAULTS[i].item, FAULTS[i].where);
    g_test_add_data_func(name, &FAULTS[i], test_fault);
  }
  g_test_add_func("/check/record/without-rows", test_without_rows);
  g_test_add_func("/check/record/gaps", test_gaps);
  g_test_add_func("/check/record/totals", test_totals);
  g_test_add_func("/check/record/structure", test_structure);
  g_test_add_func("/check/record/elements", test_elements_and_process);
  g_test_add_func("/check/record/many", test_many);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
