/* Documents: which belong to which row, into the store and back; and a rebuilt archive that is equal. */
#include "accession-test.h"
#include "code-keeper.h"

static GPtrArray *files_of(TestHouse *t, const char *code) {
  g_autoptr(CatalogRecord) record = test_record(t, code);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return catalog_files(sql, &SCOPE_EVERYTHING, record->id, NULL);
}

static char *names_of(TestHouse *t, const char *code) {
  g_autoptr(GPtrArray) files = files_of(t, code);
  GString *names = g_string_new(NULL);
  for (guint i = 0; i < files->len; i++) g_string_append_printf(names, "%s%s", i ? " " : "", ((CatalogFile *)files->pdata[i])->name);
  return g_string_free(names, FALSE);
}

static void assert_names(TestHouse *t, const char *code, const char *expected) {
  g_autofree char *names = names_of(t, code);
  g_assert_cmpstr(names, ==, expected);
}

static char *page_of(TestHouse *t, const char *code, int page) {
  g_autoptr(CatalogRecord) record = test_record(t, code);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return catalog_page_text(sql, &SCOPE_EVERYTHING, record->id, page, NULL);
}

/* What the store has is what the catalogue says. */
static void assert_stored(TestHouse *t, const char *code) {
  g_autoptr(CatalogRecord) record = test_record(t, code);
  g_autoptr(GPtrArray) files = files_of(t, code);
  g_autofree char *object = catalog_object_id(record->id);
  json_t *list = content_list(t->house.content, object, NULL), *entry;
  guint documents = 0;
  size_t i;
  json_array_foreach(list, i, entry) documents += g_str_has_prefix(text_at(entry, "path"), "files/");
  g_assert_cmpuint(documents, ==, files->len);
  g_assert_cmpint(record->file_count, ==, (int)files->len);
  for (guint f = 0; f < files->len; f++) {
    const CatalogFile *file = files->pdata[f];
    gboolean found = FALSE;
    json_array_foreach(list, i, entry) found |= g_str_equal(text_at(entry, "path"), file->path) && g_str_equal(text_at(entry, "sha512"),
      file->sha512) && g_str_equal(text_at(entry, "sm3"), file->sm3);
    g_assert_true(found);
  }
  json_decref(list);
}

static const char TABLE[] = "档号,题名\nA-1,单个文件\nA-2,几页\nA-3,文件夹\nA-2-3,档号较长的\nA-4,没有\n";

static char *code_documents(TestHouse *t) {
  static const char *const names[] = {"docs/a-1.txt", "docs/A-2-1.txt", "docs/A-2-2.txt", "docs/A-2-10.txt", "docs/A-2-3.txt", "docs/sub/A-3/2.txt",
    "docs/sub/A-3/10.txt", "docs/多余.txt", "docs/Thumbs.db"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *text = g_strdup_printf("这是%s的正文", names[i]), *path = test_write(t, names[i], text);
  }
  return g_build_filename(t->dir, "in", "docs", NULL);
}

static void test_by_code(void) {
  TestHouse *t = test_house_new();
  g_autofree char *table = test_write(t, "t.csv", TABLE), *folder = code_documents(t);
  AccessionSource source = {.path = table, .files = folder};
  gint64 id = test_import(t, &source, FALSE);
  json_t *rehearsed = test_report(t, id);
  g_assert_cmpint(report_int(rehearsed, "missing_count"), ==, 1);
  g_assert_cmpint(report_int(rehearsed, "surplus_count"), ==, 1);
  test_import(t, &source, TRUE);
  json_t *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "attached"), ==, 7);
  g_assert_true(json_equal(json_object_get(report, "missing"), json_object_get(rehearsed, "missing")));
  g_assert_true(json_equal(json_object_get(report, "surplus"), json_object_get(rehearsed, "surplus")));
  g_assert_cmpstr(text_at(json_array_get(json_object_get(report, "missing"), 0), "code"), ==, "A-4");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(report, "surplus"), 0)), ==, "多余.txt");
  assert_names(t, "A-1", "a-1.txt");
  assert_names(t, "A-2", "A-2-1.txt A-2-2.txt A-2-10.txt");
  assert_names(t, "A-2-3", "A-2-3.txt");
  assert_names(t, "A-3", "2.txt 10.txt");
  static const char *const codes[] = {"A-1", "A-2", "A-2-3", "A-3"};
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) assert_stored(t, codes[i]);
  g_autofree char *third = page_of(t, "A-2", 3);
  g_assert_cmpstr(third, ==, "这是docs/A-2-10.txt的正文");
  g_assert_cmpuint(test_count(t, "text:正文"), ==, 4);
  json_decref(report);
  json_decref(rehearsed);
  test_house_remove(t);
}

static void test_by_column(void) {
  TestHouse *t = test_house_new();
  g_autofree char *table = test_write(t, "t.csv", "档号,题名,电子档案名称\nB-1,一,甲/一.txt\nB-2,二,.\\甲\\二\nB-3,三,三.TXT;甲/一.txt\nB-4,四,不在.txt\nB-5,五,乙\n");
  g_autofree char *a = test_write(t, "d/甲/一.txt", "一"), *b = test_write(t, "d/甲/二.txt", "二"), *c = test_write(t, "d/丙/三.txt", "三"), *d = test_write(t,
    "d/乙/1.txt", "1"), *e = test_write(t, "d/乙/2.txt", "2");
  g_autofree char *folder = g_build_filename(t->dir, "in", "d", NULL);
  AccessionSource source = {.path = table, .files = folder};
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  assert_names(t, "B-1", "一.txt");
  assert_names(t, "B-2", "二.txt");
  assert_names(t, "B-3", "三.txt 一.txt");
  assert_names(t, "B-4", "");
  assert_names(t, "B-5", "1.txt 2.txt");
  g_assert_cmpint(report_int(report, "missing_count"), ==, 1);
  g_assert_cmpint(report_int(report, "surplus_count"), ==, 0);
  json_decref(report);
  test_house_remove(t);
}

/* A corrected delivery keeps the scans it does not change, and a changed one becomes a new version with the right pages. */
static void test_new_version(void) {
  TestHouse *t = test_house_new();
  g_autofree char *table = test_write(t, "t.csv", TABLE), *folder = code_documents(t);
  AccessionSource source = {.path = table, .files = folder};
  test_import(t, &source, TRUE);
  g_autoptr(GPtrArray) before = files_of(t, "A-2");
  json_t *report = test_report(t, test_import(t, &source, TRUE));
  g_assert_cmpint(report_int(report, "attached"), ==, 0); /* again: nothing */
  json_decref(report);
  g_autofree char *changed = test_write(t, "docs/A-2-1.txt", "第一页改过\f它多了一页"), *table_again = test_write(t, "t.csv",
    "档号,题名\nA-1,新题名\nA-2,几页\nA-3,文件夹\nA-2-3,档号较长的\n");
  gint64 id = test_import(t, &source, TRUE);
  report = test_report(t, id);
  g_assert_cmpint(report_int(report, "attached"), ==, 1);
  g_assert_cmpint(report_int(report, "updated"), ==, 1);
  assert_names(t, "A-2", "A-2-1.txt A-2-2.txt A-2-10.txt");
  assert_names(t, "A-1", "a-1.txt");
  assert_stored(t, "A-2");
  g_autoptr(CatalogRecord) record = test_record(t, "A-2");
  g_autoptr(CatalogRecord) retitled = test_record(t, "A-1");
  g_autofree char *object = catalog_object_id(record->id), *first = page_of(t, "A-2", 1), *fourth = page_of(t, "A-2", 4),
    *other = catalog_object_id(retitled->id);
  g_assert_cmpuint(content_version(t->house.content, object), ==, 2);
  g_assert_cmpstr(first, ==, "第一页改过");
  g_assert_cmpstr(fourth, ==, "这是docs/A-2-10.txt的正文");
  /* the object's own description follows the record */
  g_autofree char *path = content_path(t->house.content, other, "metadata.json", NULL), *metadata = NULL;
  g_assert_true(g_file_get_contents(path, &metadata, NULL, NULL));
  g_assert_nonnull(strstr(metadata, "新题名"));
  GError *error = NULL;
  test_job(t, accession_undo, id, &error);
  g_assert_no_error(error);
  g_autofree char *back = page_of(t, "A-2", 1), *last = page_of(t, "A-2", 3), *none = page_of(t, "A-2", 4);
  g_assert_cmpstr(back, ==, "这是docs/A-2-1.txt的正文");
  g_assert_cmpstr(last, ==, "这是docs/A-2-10.txt的正文");
  g_assert_null(none);
  g_assert_cmpuint(content_version(t->house.content, object), ==, 1);
  g_assert_cmpuint(content_version(t->house.content, other), ==, 1);
  assert_stored(t, "A-2");
  assert_stored(t, "A-1");
  json_decref(report);
  test_house_remove(t);
}

static void test_zip(void) {
  g_autofree char *tool = g_find_program_in_path("zip");
  if (tool == NULL) return g_test_skip("the program zip is not there");
  TestHouse *t = test_house_new();
  g_autofree char *table = test_write(t, "t.csv", TABLE), *folder = code_documents(t), *zip = g_build_filename(t->dir, "docs.zip", NULL);
  g_autofree char *stray = g_build_filename(folder, "别处", "没有条目.txt", NULL), *stray_folder = g_path_get_dirname(stray);
  g_assert_cmpint(g_mkdir(stray_folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(stray, "多余的", -1, NULL));
  const char *command[] = {tool, "-qr", zip, ".", NULL};
  g_assert_true(g_spawn_sync(folder, (char **)command, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL));
  AccessionSource source = {.path = table, .files = zip, .take_files = TRUE};
  gint64 id = test_import(t, &source, TRUE);
  g_assert_false(g_file_test(zip, G_FILE_TEST_EXISTS)); /* taken over */
  json_t *report = test_report(t, id);
  g_assert_cmpint(report_int(report, "attached"), ==, 7);
  assert_names(t, "A-2", "A-2-1.txt A-2-2.txt A-2-10.txt");
  g_autofree char *unpacked = delivery_path(&t->house, id, "files");
  g_assert_false(g_file_test(unpacked, G_FILE_TEST_EXISTS));
  g_assert_cmpint(report_int(report, "surplus_count"), ==, 2);
  g_autofree char *package = delivery_path(&t->house, id, "documents"), *set_aside = delivery_path(&t->house, id, SURPLUS_NAME "/别处/没有条目.txt"), *bytes = NULL;
  g_assert_false(g_file_test(package, G_FILE_TEST_EXISTS)); /* only what belongs to no record stays of it */
  g_assert_true(g_file_get_contents(set_aside, &bytes, NULL, NULL));
  g_assert_cmpstr(bytes, ==, "多余的");
  json_decref(report);
  test_house_remove(t);
}

static void test_hostile_zip(void) {
  const char *root = g_getenv("LANTAI_SHARED");
  g_autofree char *hostile = g_build_filename(root ? root : "/nowhere", "data/hostile/zip-slip/zip-slip.zip", NULL);
  if (!g_file_test(hostile, G_FILE_TEST_EXISTS)) return g_test_skip("the shared data is not there (LANTAI_SHARED)");
  TestHouse *t = test_house_new();
  g_autofree char *table = test_write(t, "t.csv", TABLE);
  AccessionSource source = {.path = table, .files = hostile};
  gint64 id = test_receive(t, &source);
  g_autoptr(GError) error = NULL;
  gboolean good = test_job(t, accession_rehearse, id, &error);
  if (good) good = test_job(t, accession_load, id, &error);
  g_assert_false(g_file_test("/tmp/evil.txt", G_FILE_TEST_EXISTS));
  if (!good) {
    json_t *report = test_report(t, id);
    g_assert_cmpstr(text_at(report, "state"), ==, "failed");
    g_assert_cmpstr(text_at(report, "failure"), !=, "");
    json_decref(report);
  }
  test_house_remove(t);
}

/* ---- rebuilding from store and journal ---- */

typedef struct { TestHouse *to; gint64 events; } Rebuild;

static gboolean replay_one(json_t *event, gpointer data, GError **error) {
  Rebuild *rebuild = data;
  g_autoptr(Sql) sql = sql_write(rebuild->to->house.db, error);
  const char *action = text_at(event, "action");
  gboolean good = TRUE;
  if (g_str_has_prefix(action, "accession.")) good = accession_replay(&rebuild->to->house, sql, event, error);
  else if (g_str_has_prefix(action, "record.")) good = catalog_replay(&rebuild->to->house, sql, event, error);
  rebuild->events++;
  return good && sql_commit(sql, error);
}

static char *dump(TestHouse *t) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  json_t *all = json_pack("{s:o, s:o, s:o, s:o, s:o}", "record", sql_json(sql, "SELECT * FROM record ORDER BY id", SQL_NONE, NULL), "file", sql_json(sql,
    "SELECT * FROM file ORDER BY id", SQL_NONE, NULL),
    "page", sql_json(sql, "SELECT * FROM page_text ORDER BY record_id, page", SQL_NONE, NULL), "accession",
    sql_json(sql, "SELECT id, name, state, digest, first_record_id, loaded_rows, created_count, updated_count, unchanged_count, rejected_count, "
      "missing_count, surplus_count, attached_count, "
      "attached_bytes, layout, survey, created_at, loaded_at FROM accession ORDER BY id", SQL_NONE, NULL), "change", sql_json(sql,
        "SELECT * FROM accession_change ORDER BY accession_id, record_id", SQL_NONE, NULL));
  char *text = json_dumps(all, JSON_SORT_KEYS | JSON_INDENT(1));
  json_decref(all);
  return text;
}

/* What a page took in goes with the archives: its directory is moved while deliveries wait, one checked, one not; both can be checked and loaded. */
static void test_moved(void) {
  TestHouse *test = test_house_new();
  gint64 ids[2];
  for (guint i = 0; i < 2; i++) {
    g_autofree char *table = test_write(test, "t.csv", "档号,题名\nD-1,随馆迁移\n"), *document = test_write(test, i ? "D-2.txt" : "documents/D-1.txt", "原文"),
      *folder = g_path_get_dirname(document);
    AccessionSource source = {.path = i ? document : table, .files = i ? NULL : folder, .take_files = TRUE};
    ids[i] = i ? test_receive(test, &source) : test_import(test, &source, FALSE);
  }
  g_autofree char *from = g_strdup(test->dir), *to = g_strconcat(from, "-moved", NULL);
  test_house_close(test);
  g_assert_cmpint(g_rename(from, to), ==, 0);
  test = test_house_open(to);
  for (guint i = 0; i < 2; i++) {
    GError *error = NULL;
    test_job(test, accession_rehearse, ids[i], &error);
    g_assert_no_error(error);
    test_job(test, accession_load, ids[i], &error);
    g_assert_no_error(error);
    json_t *report = test_report(test, ids[i]);
    g_assert_cmpstr(text_at(report, "state"), ==, "done");
    g_assert_cmpint(report_int(report, "attached"), ==, 1);
    json_decref(report);
  }
  test_house_remove(test);
}

/* The archives made anew from journal and store, by a program whose keeper of codes is this one, is the same. */
static void assert_rebuilt_alike(TestHouse *t, CatalogCodeKeeper keeper) {
  GError *error = NULL;
  g_autofree char *before = dump(t), *dir = g_strdup(t->dir), *new_dir = g_dir_make_tmp("lantai-rebuilt-XXXXXX", NULL);
  g_clear_pointer(&t->journal, journal_close);
  t->journal = journal_open(t->house.db, dir, &error); /* the mirror is brought up to date */
  g_assert_no_error(error);
  g_autofree char *from = g_build_filename(dir, "store", NULL), *to = g_build_filename(new_dir, "store", NULL);
  const char *copy[] = {"cp", "-a", from, to, NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)copy, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  settings_write_default(new_dir, NULL);
  Rebuild rebuild = {test_house_open(new_dir), 0};
  catalog_set_code_keeper(keeper);
  journal_replay(dir, replay_one, &rebuild, &error);
  catalog_set_code_keeper(NULL);
  g_assert_no_error(error);
  g_assert_cmpint(rebuild.events, >, 3);
  g_autofree char *after = dump(rebuild.to);
  test_same(after, before);
  test_house_remove(rebuild.to);
}

static void test_rebuild(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *table = test_write(t, "t.csv", TABLE), *folder = code_documents(t);
  AccessionSource source = {.path = table, .files = folder};
  test_import(t, &source, TRUE);
  g_autofree char *again = test_write(t, "t.csv", "档号,题名\nA-1,新题名\nA-5,又一件\n"), *second = test_write(t, "u.csv", "QZH,DH,TM\nZ7,Z7-1,甲\nZ8,Z8-1,乙\n");
  AccessionSource corrected = {.path = again}, other = {.path = second};
  test_import(t, &corrected, TRUE);
  gint64 undone = test_import(t, &other, TRUE);
  test_job(t, accession_undo, undone, &error);
  g_assert_no_error(error);
  assert_rebuilt_alike(t, NULL);
  test_house_remove(t);
}

static gint64 kept_for_another(Sql *sql, gint64 fonds_id, const char *code) { return sql != NULL && fonds_id > 0 && g_str_equal(code, "K-2") ? 999 : 0; }

/* Whether a row stays out because its 档号 waits for another delivery is decided when it is loaded, not when the journal is read. */
static void test_rebuild_kept(void) {
  for (int kept = 0; kept < 2; kept++) {
    TestHouse *t = test_house_new();
    g_autofree char *table = test_write(t, "t.csv", "档号,题名\nK-1,甲\nK-2,乙\nK-3,丙\n");
    AccessionSource source = {.path = table};
    catalog_set_code_keeper(kept ? kept_for_another : NULL);
    json_t *report = test_report(t, test_import(t, &source, TRUE));
    g_assert_cmpint(report_int(report, "created"), ==, kept ? 2 : 3);
    json_decref(report);
    if (!kept) { /* a record that has such a code can be corrected: the code is not given anew */
      catalog_set_code_keeper(kept_for_another);
      g_autofree char *again = test_write(t, "t.csv", "档号,题名\nK-2,乙改\n");
      report = test_report(t, test_import(t, &(AccessionSource){.path = again}, TRUE));
      g_assert_cmpint(report_int(report, "updated"), ==, 1);
      json_decref(report);
      g_autoptr(CatalogRecord) record = test_record(t, "K-2");
      g_autoptr(GError) error = NULL;
      catalog_value_set(t->house.catalog, record, "title", "乙又改", &error);
      g_assert_true(error == NULL && catalog_record_save(&t->house, "tester", record, 0, &error));
      g_autoptr(CatalogRecord) other = test_record(t, "K-1");
      g_free(other->code);
      other->code = g_strdup("K-2");
      g_assert_false(catalog_record_save(&t->house, "tester", other, 0, &error));
      g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    }
    assert_rebuilt_alike(t, kept ? NULL : kept_for_another);
    test_house_remove(t);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK); /* that a row stays out is a warning */
  g_test_add_func("/attach/by-code", test_by_code);
  g_test_add_func("/attach/by-column", test_by_column);
  g_test_add_func("/attach/new-version", test_new_version);
  g_test_add_func("/attach/zip", test_zip);
  g_test_add_func("/attach/hostile-zip", test_hostile_zip);
  g_test_add_func("/attach/moved", test_moved);
  g_test_add_func("/attach/rebuild", test_rebuild);
  g_test_add_func("/attach/rebuild-kept", test_rebuild_kept);
  return g_test_run();
}
