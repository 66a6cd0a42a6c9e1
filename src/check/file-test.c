/* Rules over files: what was found out about a file is given to one item's rule; digests, links and surplus run over real files. */
#include "check-fixture.h"
#include "crypto.h"

typedef struct { const char *item, *where, *examined, *declared, *category, *fault, *pending; } Case; /* fault, pending NULL: none of that kind */

#define PDF "\"mime\": \"application/pdf\", \"format\": \"PDF 1.7\", \"kind\": \"pdf\", \"puid\": \"fmt/276\""
#define TIFF "\"mime\": \"image/tiff\", \"format\": \"TIFF 图像\", \"kind\": \"image\""
static const Case CASES[] = {
  {"GD-1-10", "clean", "{" PDF ", \"name_fits\": true}", "{\"name\": \"a.pdf\", \"size\": 100, \"format\": \"PDF\"}", "WS", NULL, NULL},
  {"GD-1-10", "name", "{" PDF ", \"name_fits\": true}", "{\"name\": \"b.pdf\"}", "WS", "登记的文件名是“b.pdf”", NULL},
  {"GD-1-10", "size", "{" PDF ", \"name_fits\": true}", "{\"size\": 99}", "WS", "登记的大小是 99 字节，实际 100 字节", NULL},
  {"GD-1-10", "format", "{" PDF ", \"name_fits\": true}", "{\"format\": \"OFD\"}", "WS", "登记的格式是“OFD”，实际是PDF 1.7", NULL},
  {"GD-1-10", "mime agrees", "{" PDF "}", "{\"format\": \"application/pdf\"}", "WS", NULL, NULL},
  {"GD-1-10", "puid agrees", "{" PDF "}", "{\"format\": \"fmt/276\"}", "WS", NULL, NULL},
  {"GD-1-10", "extension", "{" TIFF ", \"name_fits\": false}", "{}", "WS", "扩展名与内容不符：内容是TIFF 图像", NULL},
  {"GD-1-1", "invalid seal", "{}", "{}", "WS", "签名或印章无效，签名人 某局：摘要不符", NULL},
  {"GD-1-1", "unverifiable seal", "{}", "{}", "WS", NULL, "签名或印章不能验证：证书不在"},
  {"GD-1-1", "valid seal", "{}", "{}", "WS", NULL, NULL},
  {"GD-1-9", "resolution", "{" TIFF ", \"dpi\": 150}", "{}", "WS", "分辨率 150 dpi，低于 200 dpi", NULL},
  {"GD-1-9", "unknown resolution", "{" TIFF "}", "{}", "WS", NULL, "图像没有注明分辨率"},
  {"GD-1-9", "clean", "{" TIFF ", \"dpi\": 300}", "{}", "WS", NULL, NULL},
  {"GD-1-9", "a photograph", "{" TIFF ", \"dpi\": 72}", "{}", "ZP", NULL, NULL},
  {"GD-2-7", "pages of the record", "{" PDF ", \"pages\": 3}", "{}", "WS", "著录 2 页，文件合计 3 页", NULL},
  {"GD-2-7", "pages of the file", "{" PDF ", \"pages\": 2}", "{\"pages\": 5}", "WS", "登记 5 页，实际 2 页", NULL},
  {"GD-2-7", "clean", "{" PDF ", \"pages\": 2}", "{}", "WS", NULL, NULL},
  {"GD-3-3", "clean", "{" PDF "}", "{}", "WS", NULL, NULL},
  {"GD-3-3", "not allowed", "{\"mime\": \"application/x-rar\", \"format\": \"RAR 压缩包\"}", "{}", "WS", "RAR 压缩包不是允许接收的格式", NULL},
  {"GD-3-3", "unknown", "{\"unknown\": {\"mime\": \"读取超时\"}}", "{}", "WS", NULL, "格式没有认出：读取超时"},
  {"GD-3-4", "clean", "{" PDF ", \"opens\": true}", "{}", "WS", NULL, NULL},
  {"GD-3-4", "broken", "{" PDF ", \"opens\": false, \"problem\": \"文件在第 3 页断开\"}", "{}", "WS", "打不开：文件在第 3 页断开", NULL},
  {"GD-3-4", "not known", "{" PDF ", \"unknown\": {\"opens\": \"没有工具\"}}", "{}", "WS", NULL, "程序不能打开核验（PDF 1.7）：没有工具"},
  {"GD-3-8", "clean", "{" PDF ", \"encrypted\": false}", "{}", "WS", NULL, NULL},
  {"GD-3-8", "encrypted", "{" PDF ", \"encrypted\": true}", "{}", "WS", "文件加密或有口令", NULL},
  {"GD-3-8", "encrypted OFD", "{\"mime\": \"application/ofd\", \"ofd\": {\"encrypted\": true}}", "{}", "WS", "文件加密或有口令", NULL},
  {"GD-3-8", "packed", "{\"mime\": \"application/zip\", \"format\": \"ZIP 压缩包\"}", "{}", "WS", "ZIP 压缩包，应解压后移交", NULL},
  {"GD-3-8", "external", "{" PDF ", \"external\": true}", "{}", "WS", "引用外部资源或含有脚本", NULL},
};

static const Item *item_named(const char *code) {
  const Scheme *scheme = scheme_of(CHECK_FILING);
  for (guint i = 0; i < scheme->count; i++)
    if (g_str_equal(scheme->items[i].code, code)) return &scheme->items[i];
  g_error("no item %s", code);
}

static json_t *signatures_of(const char *where) {
  if (strstr(where, "seal") == NULL) return NULL;
  if (g_str_has_prefix(where, "invalid")) return json_pack("[{s:s, s:s, s:s, s:s}]", "kind", "ofd-seal", "state", "invalid", "signer", "某局", "reason", "摘要不符");
  if (g_str_has_prefix(where, "unverifiable")) return json_pack("[{s:s, s:s, s:s}]", "kind", "ofd-seal", "state", "unverifiable", "reason", "证书不在");
  return json_pack("[{s:s, s:s}]", "kind", "ofd-seal", "state", "valid");
}

static void test_case(gconstpointer data) {
  const Case *c = data;
  Fixture f;
  fixture_open(&f);
  const CheckSubject subject = {CHECK_FILING, "accession", 7, "archivist", "某批档案", NULL, NULL, NULL};
  CheckRun *run = good(check_begin(&f.house, &subject, error));
  FileFacts file = {.path = g_strdup("甲/a.pdf"), .disk = g_strdup("/nowhere"), .size_bytes = 100, .declared = json_loads(c->declared, 0, NULL),
    .examined = json_loads(c->examined, 0, NULL), .signatures = signatures_of(c->where)};
  g_assert_nonnull(file.examined);
  json_auto_t *record = record_of(1);
  json_object_set_new(record, "page_count", json_integer(2));
  json_object_set_new(record, "category", json_string(c->category));
  Unit unit = {2, 0, record, &file, 1, TRUE};
  Probe probe = {.item = item_named(c->item), .run = run};
  g_assert_true(probe.item->rule->begin == NULL || good(probe.item->rule->begin(&probe, error)));
  probe.item->rule->unit(&probe, &unit);
  g_assert_cmpint(probe.failed, ==, c->fault != NULL);
  g_assert_cmpint(probe.pending, ==, c->pending != NULL);
  g_assert_cmpint(probe.checked, ==, !g_str_equal(c->category, "ZP"));
  if (probe.item->rule->clear) probe.item->rule->clear(probe.state);
  gint64 id = good(check_end(run, error));
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *findings = good(result_findings(sql, id, c->item, 0, 10, error));
  const char *reason = text_at(json_array_get(findings, 0), "reason"), *wanted = c->fault ? c->fault : c->pending;
  g_assert_cmpint(json_array_size(findings), ==, wanted != NULL);
  if (wanted && strstr(reason, wanted) == NULL) g_error("%s does not say %s", reason, wanted);
  sql_end(g_steal_pointer(&sql));
  facts_clear(&file);
  fixture_close(&f);
}

/* ---- real files ---- */

#define TEXT "关于某项工作的通知\n"

static CheckFile file_of(Fixture *f, const char *name, const char *text) {
  return (CheckFile){g_strdup(name), fixture_write(f, name, text, -1), (gint64)strlen(text), json_object()};
}

static void file_clear(CheckFile *file) {
  g_free((char *)file->path);
  g_free((char *)file->disk);
  json_decref(file->declared);
}

static void test_digests(void) {
  Fixture f;
  fixture_open(&f);
  CheckFile files[2] = {file_of(&f, "a.txt", TEXT), file_of(&f, "b.txt", TEXT)};
  g_autofree char *md5 = g_compute_checksum_for_string(G_CHECKSUM_MD5, TEXT, -1), *sha1 = g_compute_checksum_for_string(G_CHECKSUM_SHA1, TEXT, -1);
  g_autofree char *sha256 = crypto_digest_hex(DIGEST_SHA256, TEXT, strlen(TEXT)), *sha512 = crypto_digest_hex(DIGEST_SHA512, TEXT, strlen(TEXT));
  g_autofree char *sm3 = crypto_digest_hex(DIGEST_SM3, TEXT, strlen(TEXT)), *upper = g_ascii_strup(sm3, -1);
  json_object_set_new(files[0].declared, "digest", json_pack("{s:s, s:s, s:s, s:s, s:s}", "md5", md5, "sha1", sha1, "sha256", sha256, "sha512", sha512, "sm3", upper));
  json_auto_t *clean = run_over(&f, CHECK_TRANSFER, clean_records(1), files, NULL, NULL);
  g_assert_cmpstr(state_of(clean, "YJ-1-1"), ==, "passed");
  g_assert_cmpint(json_integer_value(json_object_get(item_of(clean, "YJ-1-1"), "checked")), ==, 5);
  const char *algorithms[] = {"md5", "sha1", "sha256", "sha512", "sm3"};
  for (guint i = 0; i < G_N_ELEMENTS(algorithms); i++) {
    json_object_set_new(files[1].declared, "digest", json_pack("{s:s}", algorithms[i], "00112233445566778899aabbccddeeff"));
    json_auto_t *report = run_over(&f, CHECK_TRANSFER, clean_records(2), files, NULL, NULL);
    g_assert_cmpstr(state_of(report, "YJ-1-1"), ==, "failed");
    g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "YJ-1-1"), "failed")), ==, 1);
    json_t *finding = finding_of(report, "YJ-1-1", 0);
    g_assert_cmpstr(text_at(finding, "path"), ==, "b.txt");
    g_assert_cmpstr(text_at(finding, "code"), ==, "Z109-WS·2015·Y-0002");
    g_assert_true(g_str_has_prefix(text_at(finding, "reason"), algorithms[i]));
  }
  file_clear(&files[0]);
  file_clear(&files[1]);
  fixture_close(&f);
}

static void test_links(void) {
  Fixture f;
  fixture_open(&f);
  CheckFile files[4] = {file_of(&f, "a.txt", TEXT), file_of(&f, "b.txt", TEXT), file_of(&f, "c.txt", ""), {NULL}};
  g_free((char *)files[1].disk);
  files[1].disk = NULL;
  files[1].size_bytes = -1;
  json_auto_t *package = json_array();
  json_auto_t *report = run_over(&f, CHECK_FILING, clean_records(4), files, NULL, package);
  g_assert_cmpint(json_integer_value(json_object_get(item_of(report, "GD-1-11"), "failed")), ==, 2);
  g_assert_cmpstr(text_at(finding_of(report, "GD-1-11", 0), "reason"), ==, "著录的电子文件不在");
  g_assert_cmpstr(text_at(finding_of(report, "GD-1-11", 1), "reason"), ==, "条目没有对应的电子文件");
  g_assert_cmpint(json_integer_value(json_object_get(finding_of(report, "GD-1-11", 1), "row")), ==, 5);
  g_assert_cmpstr(state_of(report, "GD-2-11"), ==, "failed");
  g_assert_cmpstr(text_at(finding_of(report, "GD-2-7", 0), "reason"), ==, "文件是空的");
  g_assert_cmpint(json_integer_value(json_object_get(report, "files")), ==, 2);
  g_assert_cmpint(json_integer_value(json_object_get(report, "bytes")), ==, (gint64)strlen(TEXT));
  for (guint i = 0; i < 3; i++) file_clear(&files[i]);
  fixture_close(&f);
}

static void test_attachments(void) {
  Fixture f;
  fixture_open(&f);
  CheckFile files[1] = {file_of(&f, "a.txt", TEXT)};
  json_t *records = clean_records(1);
  json_object_set_new(json_object_get(json_array_get(records, 0), "fields"), "fj", json_string("附件一"));
  json_auto_t *named = run_over(&f, CHECK_FILING, records, files, NULL, NULL);
  g_assert_cmpstr(state_of(named, "GD-2-8"), ==, "failed");
  json_object_set_new(files[0].declared, "attachment", json_true());
  json_auto_t *there = run_over(&f, CHECK_FILING, clean_records(1), files, NULL, NULL);
  g_assert_cmpstr(state_of(there, "GD-2-8"), ==, "passed");
  g_unlink(files[0].disk);
  g_free((char *)files[0].disk);
  files[0].disk = NULL;
  json_auto_t *lost = run_over(&f, CHECK_FILING, clean_records(1), files, NULL, NULL);
  g_assert_cmpstr(state_of(lost, "GD-2-8"), ==, "failed");
  g_assert_cmpstr(text_at(finding_of(lost, "GD-2-8", 0), "reason"), ==, "附件不在");
  file_clear(&files[0]);
  fixture_close(&f);
}

static void test_surplus(void) {
  Fixture f;
  fixture_open(&f);
  const CheckSubject subject = {CHECK_PRESERVATION, "patrol", 3, "system", "年度巡检", NULL, NULL, NULL};
  CheckRun *run = good(check_begin(&f.house, &subject, error));
  g_assert_true(good(check_surplus(run, "多余/x.txt", error)));
  g_assert_true(good(check_surplus(run, "y\xff.txt", error))); /* a name that is no text is told as text */
  gint64 id = good(check_end(run, error));
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  json_auto_t *report = good(check_report(sql, id, 10, error));
  g_autofree char *faults = failing(report);
  g_assert_cmpstr(faults, ==, "CQ-4-3 ");
  g_assert_cmpstr(text_at(finding_of(report, "CQ-4-3", 0), "path"), ==, "多余/x.txt");
  g_assert_true(g_utf8_validate(text_at(finding_of(report, "CQ-4-3", 1), "path"), -1, NULL));
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static void test_given_up(void) {
  Fixture f;
  fixture_open(&f);
  const CheckSubject subject = {CHECK_FILING, "accession", 7, "archivist", "某批档案", NULL, NULL, NULL};
  CheckRun *run = good(check_begin(&f.house, &subject, error));
  json_auto_t *record = record_of(1);
  json_object_set_new(record, "creator", json_string(""));
  const CheckUnit unit = {2, 0, record, NULL, 0};
  for (int i = 0; i < 5000; i++) g_assert_true(good(check_unit(run, &unit, error)));
  check_free(run);
  g_autoptr(Sql) sql = good(sql_read(f.db, error));
  g_assert_cmpint(good(sql_number(sql, "SELECT (SELECT COUNT(*) FROM check_task) + (SELECT COUNT(*) FROM check_finding) AS n", SQL_NONE, -1, error)), ==, 0);
  g_assert_null(good(check_latest(sql, "accession", 7, error)));
  sql_end(g_steal_pointer(&sql));
  fixture_close(&f);
}

static void add_tests(void) {
  for (guint i = 0; i < G_N_ELEMENTS(CASES); i++) {
    g_autofree char *name = g_strdup_printf("/check/file/%s/%s", CASES[i].item, CASES[i].where);
    g_test_add_data_func(name, &CASES[i], test_case);
  }
  g_test_add_func("/check/file/digests", test_digests);
  g_test_add_func("/check/file/links", test_links);
  g_test_add_func("/check/file/attachments", test_attachments);
  g_test_add_func("/check/file/surplus", test_surplus);
  g_test_add_func("/check/file/given-up", test_given_up);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
