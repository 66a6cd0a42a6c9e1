/* Surveys of packages that tests/package-writer.mjs writes: rows, documents, declared facts; one planted fault, one entry, and the rest goes on. */
#include "accession-test.h"
#include "crypto.h"
#include "package.h"
#include "package-survey.h"

typedef struct { TestHouse *t; char *folder, *work; json_t *survey; } Made;

/* Lets the writer make a package in `folder`; `more`: JavaScript with w (the writer), made, fs, path. FALSE: there is no node. */
static gboolean write_package(Made *m, const char *layout, const char *options, const char *more) {
  g_autofree char *node = g_find_program_in_path("node");
  if (node == NULL) return FALSE;
  g_autofree char *script = g_strdup_printf("Promise.all([import(process.argv[1]), import('node:fs'), "
    "import('node:path')]).then(([w, fs, path]) => {"
    "const options = %s; "
    "const made = w.writePackage('%s', process.argv[2], { records: w.sampleRecords(3, { filesEach: 2, volumes: options.volumes }), ...options });"
    "const at = name => path.join(made.dir, name); %s })", options, layout, more);
  g_autofree char *writer = g_build_filename(g_getenv("LANTAI_SOURCE"), "tests", "package-writer.mjs", NULL), *said = NULL;
  folder_remove(m->folder);
  const char *arguments[] = {node, "-e", script, writer, m->folder, NULL};
  int status = 0;
  GError *error = NULL;
  g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &said, &status, &error);
  g_assert_no_error(error);
  if (status != 0) g_test_message("%s", said);
  g_assert_cmpint(status, ==, 0);
  return TRUE;
}

static void survey(Made *m) {
  GError *error = NULL;
  json_decref(m->survey);
  m->survey = package_survey(&m->t->house, NULL, m->folder, m->work, &error);
  g_assert_no_error(error);
}

static void set_up(Made *m, gconstpointer data) {
  m->t = test_house_new();
  m->folder = g_build_filename(m->t->dir, "package", NULL);
  m->work = g_build_filename(m->t->dir, "work", NULL);
  m->survey = NULL;
  g_assert_cmpint(g_mkdir(m->work, 0700), ==, 0);
}

static void tear_down(Made *m, gconstpointer data) {
  json_decref(m->survey);
  test_house_remove(m->t);
  g_free(m->folder);
  g_free(m->work);
}

static const char *text(const Made *m, const char *key) { return text_at(m->survey, key); }

static void expect_clean(const Made *m, const char *what) {
  g_autofree char *dump = json_dumps(json_object_get(m->survey, "structure"), JSON_COMPACT);
  if (!g_str_equal(dump, "[]")) g_test_message("%s: %s", what, dump);
  g_assert_cmpstr(dump, ==, "[]");
}

static gboolean has_entry(const Made *m, const char *aspect, const char *reason) {
  size_t i;
  json_t *entry;
  json_array_foreach(json_object_get(m->survey, "structure"), i, entry)
    if (g_str_equal(text_at(entry, "aspect"), aspect) && strstr(text_at(entry, "reason"), reason)) return TRUE;
  return FALSE;
}

/* Every fact names a file that is there and is as it says; the count. */
static guint check_facts(const Made *m) {
  g_autofree char *lines = NULL;
  if (!*text(m, "files")) return 0;
  g_assert_true(g_file_get_contents(text(m, "files"), &lines, NULL, NULL));
  g_auto(GStrv) each = g_strsplit(lines, "\n", -1);
  guint count = 0;
  for (char **line = each; **line; line++, count++) {
    json_auto_t *fact = json_loads(*line, 0, NULL);
    g_autofree char *path = g_build_filename(text(m, "documents"), text_at(fact, "path"), NULL), *bytes = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    if (json_object_get(fact, "size")) g_assert_cmpint(int_at(fact, "size"), ==, (gint64)length);
    const char *name, *hex;
    json_t *value;
    json_object_foreach(json_object_get(fact, "digest"), name, value) {
      DigestKind kind;
      g_assert_true(digest_kind_parse(name, &kind));
      g_autofree char *is = crypto_digest_hex(kind, bytes, length);
      hex = json_string_value(value);
      g_assert_cmpstr(is, ==, hex);
    }
  }
  return count;
}

static const struct { const char *layout, *shown; gboolean encodings; guint facts; } LAYOUTS[] = {{"dat93", "dat93", TRUE, 6},
  {"2012", "2012", TRUE, 6}, {"vendor", "vendor", TRUE, 6},
  {"eep", "eep", TRUE, 6}, {"eep-one", "eep", TRUE, 6}, {"bagit", "bagit", FALSE, 7}, {"documents", "documents", FALSE, 0}};

static gboolean import_now(Made *m) {
  AccessionSource source = {.path = text(m, "table"), .files = text(m, "documents")};
  gint64 id = test_import(m->t, &source, TRUE);
  json_t *report = test_report(m->t, id);
  gboolean good = report_int(report, "rejected_count") == 0 && report_int(report, "missing_count") == 0;
  if (!good) {
    g_autofree char *dump = json_dumps(report, JSON_COMPACT);
    g_test_message("%s", dump);
  }
  json_decref(report);
  return good;
}

/* Each layout in each encoding: clean, with all its rows, and what is loaded has its documents in order. */
static void test_layouts(Made *m, gconstpointer data) {
  static const char *const encodings[] = {"UTF-8", "GB18030", "GB2312"};
  for (guint l = 0; l < G_N_ELEMENTS(LAYOUTS); l++)
    for (guint e = 0; e < (LAYOUTS[l].encodings ? G_N_ELEMENTS(encodings) : 1); e++) {
      g_autofree char *options = g_strdup_printf("{ encoding: '%s' }", encodings[e]);
      if (!write_package(m, LAYOUTS[l].layout, options, "")) return g_test_skip("node is not here");
      survey(m);
      expect_clean(m, LAYOUTS[l].layout);
      g_assert_cmpstr(text(m, "layout"), ==, LAYOUTS[l].shown);
      if (!g_str_equal(LAYOUTS[l].layout, "bagit")) g_assert_cmpint(int_at(m->survey, "rows"), ==, 3);
      g_assert_cmpuint(check_facts(m), ==, LAYOUTS[l].facts);
      if (LAYOUTS[l].encodings) g_assert_cmpint(g_str_has_prefix(text(m, "encoding"), "GB"), ==, e > 0);
      if (e > 0) continue;
      tear_down(m, NULL);
      set_up(m, NULL);
      write_package(m, LAYOUTS[l].layout, options, "");
      survey(m);
      g_assert_true(import_now(m));
      g_autoptr(CatalogRecord) record = test_record(m->t, "Z109-WS·2015·Y-0002");
      g_assert_nonnull(record);
      g_assert_cmpint(record->file_count, ==, 2);
      if (g_str_equal(LAYOUTS[l].layout, "documents")) continue;
      g_assert_cmpstr(record->title, ==, "关于第 2 项工作的通知");
      g_assert_cmpstr(record->creator, ==, "市民政局");
      g_assert_cmpint(record->date.from, ==, 20150215);
      g_autoptr(Sql) sql = sql_read(m->t->house.db, NULL);
      g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record->id, NULL);
      g_assert_true(g_str_has_suffix(((CatalogFile *)files->pdata[0])->name, "正文.txt"));
    }
}

static void test_volumes(Made *m, gconstpointer data) {
  static const char *const layouts[] = {"dat93", "2012", "bagit"};
  for (guint l = 0; l < G_N_ELEMENTS(layouts); l++) {
    tear_down(m, NULL);
    set_up(m, NULL);
    if (!write_package(m, layouts[l], "{ volumes: 2 }", "")) return g_test_skip("node is not here");
    survey(m);
    expect_clean(m, layouts[l]);
    g_assert_true(import_now(m));
    g_autoptr(CatalogRecord) volume = test_record(m->t, "Z109-WS·2015·Y-002"), item = test_record(m->t, "Z109-WS·2015·Y-002-0002");
    g_assert_nonnull(volume);
    g_assert_cmpint(volume->level, ==, LEVEL_VOLUME);
    g_assert_nonnull(item);
    g_assert_cmpint(item->parent_id, ==, volume->id);
  }
}

static void test_declared(Made *m, gconstpointer data) {
  if (!write_package(m, "dat93", "{ volumes: 1, readme: { 数据量: '1.500 GB' } }", "")) return g_test_skip("node is not here");
  survey(m);
  json_t *declared = json_object_get(m->survey, "declared");
  g_assert_cmpstr(text_at(declared, "body"), ==, "市民政局");
  g_assert_cmpstr(text_at(declared, "first_code"), ==, "Z109-WS·2015·Y-001-0001");
  g_assert_cmpstr(text_at(declared, "last_code"), ==, "Z109-WS·2015·Y-001-0003");
  g_assert_cmpint(int_at(declared, "items"), ==, 3);
  g_assert_cmpint(int_at(declared, "volumes"), ==, 1);
  g_assert_cmpint(int_at(declared, "bytes"), ==, 1610612736);
  g_assert_cmpstr(text(m, "fonds"), ==, "Z109");
  write_package(m, "eep", "{ signed: true }", "");
  survey(m);
  declared = json_object_get(m->survey, "declared");
  g_assert_true(json_is_true(json_object_get(declared, "signed")));
  g_assert_cmpuint(json_array_size(json_object_get(declared, "fields")), ==, 1);
}

/* 修改型: the revision is the record, the original's documents follow; contents outside are found with their digests. */
static void test_eep(Made *m, gconstpointer data) {
  if (!write_package(m, "eep", "{ modified: true }", "")) return g_test_skip("node is not here");
  survey(m);
  expect_clean(m, "modified");
  g_assert_cmpuint(check_facts(m), ==, 12);
  g_assert_true(import_now(m));
  g_autoptr(CatalogRecord) record = test_record(m->t, "Z109-WS·2015·Y-0001");
  g_assert_cmpstr(record->title, ==, "关于第 1 项工作的通知");
  g_assert_cmpint(record->file_count, ==, 4);
  write_package(m, "eep", "{ external: true, digest: 'md5' }", "");
  survey(m);
  expect_clean(m, "external");
  g_assert_cmpuint(check_facts(m), ==, 6);
}

/* ---- faults ---- */

static const struct { const char *layout, *change, *aspect, *reason; gint64 rows; } FAULTS[] = {
  {"dat93", "fs.writeFileSync(at(made.metadata[1]), '<a><b></a>')", "encoding", "元数据文件读不出来", 3},
  {"dat93",
    "w.rewrite(made, made.metadata[1], t => t.replace('encoding=\"UTF-8\"?>', 'encoding=\"UTF-8\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>'))",
    "encoding", "元数据文件读不出来", 3},
  {"dat93", "w.rewrite(made, made.metadata[1], t => t.replace('第 2 项', '第 9 项'))", "consistency", "题名与目录不一致", 3},
  {"dat93", "fs.rmSync(at(made.metadata[1]))", "metadata", "没有找到这一条的元数据文件", 3},
  {"dat93", "fs.rmSync(at(made.files[1][0]))", "consistency", "元数据中有这个文件，包中没有", 3},
  {"dat93", "fs.rmSync(at(made.readme))", "readme", "没有说明文件", 3},
  {"dat93", "w.rewrite(made, made.readme, t => t.replace(/起止档号.*\\r\\n/, ''))", "readme", "起止档号", 3},
  {"dat93", "fs.rmSync(at(made.catalogues[0]))", "catalogue", "没有目录文件", 3},
  {"dat93", "w.rewrite(made, made.catalogues[0], t => t.slice(0, t.lastIndexOf('<文件>') + 20))", "catalogue", "没有读完", 2},
  {"dat93", "w.rewrite(made, made.catalogues[0], t => t.replace('Y-0003', 'Y-0002'))", "catalogue", "档号在目录中重复", 3},
  {"dat93", "w.rewrite(made, made.catalogues[0], t => t.replace(/<文件>(?![^]*<文件>)[^]*<.文件>/, ''))", "consistency", "目录中没有这个元数据文件的档案", 2},
  {"dat93", "w.rewrite(made, made.metadata[0], t => t.replace('>正文.txt<', '>../../../../etc/passwd<'))", "consistency", "指向包外", 3},
  {"dat93", "fs.symlinkSync('/etc/passwd', at('链接'))", "layout", "链接", 3},
  {"dat93", "fs.writeFileSync(at('其他/é'.normalize('NFC')), 'a'); fs.writeFileSync(at('其他/é'.normalize('NFD')), 'b')", "encoding", "Unicode", 3},
  {"vendor", "w.rewrite(made, made.catalogues[0], t => t.replace('数据/2/元数据.xml', '../../../etc/passwd'))", "consistency", "元数据路径指向包外", 3},
  {"vendor", "w.rewrite(made, made.catalogues[0], t => t.replace('数据/2/元数据.xml', '数据/9/元数据.xml'))", "consistency", "目录中写的元数据文件不在包中", 3},
  {"2012", "w.rewrite(made, made.catalogues[0], t => t.replace('Y-0002_正文.txt', 'Y-0002_没有.txt'))", "consistency", "目录中有这个文件，包中没有", 3},
  {"eep", "w.rewrite(made, made.metadata[0], t => t.replace(/(<编码数据>.{40})/, '$1!!'))", "metadata", "Base64", 3},
  {"eep", "w.rewrite(made, made.metadata[0], t => t.replace(/(<编码数据>)[^<]*/, '$1'))", "consistency", "没有编码数据", 3},
  {"eep", "w.rewrite(made, made.metadata[0], t => t.replaceAll(/<档号>[^<]*<.档号>/g, ''))", "metadata", "没有档号", 3},
  {"eep", "w.rewrite(made, made.metadata[0], t => t.replace('>正文.txt<', `>${'长'.repeat(100)}.txt<`))", "encoding", "超过 255 字节", 3},
  {"eep", "w.rewrite(made, made.metadata[0], t => t.replace('>正文.txt<', '>/etc/正文.txt<'))", "consistency", "指向包外", 3},
  {"eep", "fs.writeFileSync(at(made.metadata[1]), '不是')", "encoding", "XML", 2},
  {"bagit", "fs.appendFileSync(at(made.files[0][0]), 'x')", "consistency", "BAG-MANIFEST-MISMATCH", 0},
};

static void test_faults(Made *m, gconstpointer data) {
  for (guint i = 0; i < G_N_ELEMENTS(FAULTS); i++) {
    if (!write_package(m, FAULTS[i].layout, "{}", FAULTS[i].change)) return g_test_skip("node is not here");
    survey(m);
    gboolean told = has_entry(m, FAULTS[i].aspect, FAULTS[i].reason);
    if (!told || int_at(m->survey, "rows") != FAULTS[i].rows) {
      g_autofree char *dump = json_dumps(m->survey, JSON_COMPACT);
      g_test_message("fault %u (%s): %s", i, FAULTS[i].change, dump);
      g_test_fail();
    }
  }
}

/* After a crash: the same answer, nothing doubled. */
static void test_again(Made *m, gconstpointer data) {
  if (!write_package(m, "eep", "{}", "")) return g_test_skip("node is not here");
  survey(m);
  g_autofree char *first = json_dumps(m->survey, JSON_SORT_KEYS);
  survey(m);
  g_autofree char *second = json_dumps(m->survey, JSON_SORT_KEYS);
  g_assert_cmpstr(first, ==, second);
}

/* ---- other producers, single files, tables ---- */

static void test_volume_file(Made *m, gconstpointer data) {
  g_free(m->folder);
  m->folder = g_build_filename(g_getenv("LANTAI_SHARED"), "data", "eep", "volume.xml", NULL);
  if (!g_file_test(m->folder, G_FILE_TEST_EXISTS)) return g_test_skip("volume.xml is not here");
  survey(m);
  g_assert_cmpstr(text(m, "layout"), ==, "eep");
  g_assert_cmpint(int_at(m->survey, "rows"), ==, 1);
  g_assert_true(has_entry(m, "consistency", "1.jpg"));
  AccessionSource source = {.path = text(m, "table")};
  test_import(m->t, &source, TRUE);
  g_autoptr(CatalogRecord) record = test_record(m->t, "2021-2-Y-001");
  g_assert_cmpstr(record->title, ==, "x资料");
  g_assert_cmpint(record->year, ==, 2021);
  g_assert_nonnull(strstr(record->fields, "\"库存量\":\"1\""));
}

static void test_single(Made *m, gconstpointer data) {
  g_autofree char *file = test_write(m->t, "Z001-WS·2001·Y-0007.pdf", "%PDF-1.4\n");
  g_free(m->folder);
  m->folder = g_strdup(file);
  survey(m);
  g_assert_cmpstr(text(m, "layout"), ==, "documents");
  g_assert_true(import_now(m));
  g_autoptr(CatalogRecord) record = test_record(m->t, "Z001-WS·2001·Y-0007");
  g_assert_cmpint(record->file_count, ==, 1);
}

/* A PDF of one page that calls itself so (in UTF-16, as hexadecimal). */
static char *titled_pdf(const char *title) {
  glong units = 0;
  g_autofree gunichar2 *wide = g_utf8_to_utf16(title, -1, NULL, &units, NULL);
  g_autoptr(GString) hex = g_string_new("FEFF"), body = g_string_new("%PDF-1.4\n");
  for (glong i = 0; i < units; i++) g_string_append_printf(hex, "%04X", wide[i]);
  g_autofree char *information = g_strdup_printf("<< /Title <%s> >>", hex->str);
  const char *objects[] = {"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
    information};
  gsize at[G_N_ELEMENTS(objects)];
  for (guint i = 0; i < G_N_ELEMENTS(objects); i++) {
    at[i] = body->len;
    g_string_append_printf(body, "%u 0 obj\n%s\nendobj\n", i + 1, objects[i]);
  }
  gsize table = body->len;
  g_string_append(body, "xref\n0 5\n0000000000 65535 f \n");
  for (guint i = 0; i < G_N_ELEMENTS(objects); i++) g_string_append_printf(body, "%010u 00000 n \n", (guint)at[i]);
  g_string_append_printf(body, "trailer << /Size 5 /Root 1 0 R /Info 4 0 R >>\nstartxref\n%u\n%%%%EOF\n", (guint)table);
  return g_string_free(g_steal_pointer(&body), FALSE);
}

static void test_titles(Made *m, gconstpointer data) {
  static const struct { const char *written, *title; } words[] = {{"关于防汛工作的通知", "关于防汛工作的通知"}, {"Microsoft Word - 关于防汛工作的通知.doc", "关于防汛工作的通知"},
    {"Annual Report 2020", "Annual Report 2020"}, {"  批复  ", "批复"}, {"无标题", NULL}, {"Untitled-1", NULL}, {"文档1", NULL}, {"新建 Microsoft Word 文档 (2).docx", NULL},
    {"PowerPoint 演示文稿", NULL}, {"幻灯片 1", NULL}, {"", NULL}, {"2020-01-02", NULL}, {"scan_0001", NULL}, {"IMG 1", NULL}, {"¹ØÓÚ·ÀÑ´¹¤×÷", NULL},
    {"关于\xef\xbf\xbd工作的通知", NULL},
    {"C:\\文件\\通知", NULL}, {"扫描全能王 2020-01-02 10.30", NULL}, {"x", NULL}, {"report", NULL}};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autofree char *title = package_title_sensible(words[i].written);
    g_assert_cmpstr(title, ==, words[i].title);
  }
  g_free(m->folder);
  m->folder = g_build_filename(m->t->dir, "in", "titled", NULL);
  static const char *const titles[][2] = {{"一", "关于修堤的请示"}, {"二", "无标题"}};
  for (guint i = 0; i < G_N_ELEMENTS(titles); i++) {
    g_autofree char *name = g_strdup_printf("titled/%s.pdf", titles[i][0]), *bytes = titled_pdf(titles[i][1]), *file = test_write(m->t, name, bytes);
  }
  survey(m);
  g_assert_cmpstr(text(m, "layout"), ==, "documents");
  g_assert_true(import_now(m));
  g_autoptr(CatalogRecord) named = test_record(m->t, "一"), plain = test_record(m->t, "二");
  g_assert_cmpstr(named->title, ==, "关于修堤的请示");
  g_assert_cmpstr(plain->title, ==, "二");
}

static void test_tables(Made *m, gconstpointer data) {
  static const struct { const char *name, *text; gboolean table; } files[] = {{"a.csv", "档号,题名\nA,b\n", TRUE}, {"a.txt", "档号\t题名\nA\tb\n", TRUE},
    {"b.txt", "一段话。\n", FALSE},
    {"a.xml", "<a/>", FALSE}, {"x.csv", "<?xml version='1.0'?><电子文件封装包/>", FALSE}, {"a.pdf", "%PDF-1.4", FALSE}};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = test_write(m->t, files[i].name, files[i].text);
    g_assert_cmpint(package_is_table(path), ==, files[i].table);
  }
  g_assert_false(package_is_table(m->t->dir));
  g_assert_false(package_is_table("/nonexistent"));
}

static const struct { const char *name; void (*run)(Made *m, gconstpointer data); } TESTS[] = {{"layouts", test_layouts}, {"volumes", test_volumes},
  {"declared", test_declared},
  {"eep", test_eep}, {"faults", test_faults}, {"again", test_again}, {"volume-file", test_volume_file}, {"single", test_single}, {"titles", test_titles},
  {"tables", test_tables}};

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(TESTS); i++) {
    g_autofree char *path = g_strconcat("/package/", TESTS[i].name, NULL);
    g_test_add(path, Made, NULL, set_up, TESTS[i].run, tear_down);
  }
  return g_test_run();
}
