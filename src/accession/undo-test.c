/* Undoing, and going on after being killed: the end state is the same whenever it happens. */
#include "accession-test.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char FIRST[] = "档号,题名,责任者\nU-1,一,甲\nU-2,二,甲\nU-3,三,甲\n";
static const char SECOND[] = "档号,题名,责任者\nU-2,二改,乙\nU-4,四,乙\nU-5,五,乙\n";

/* Everything a user could notice, without revisions (an undo takes new ones). */
static char *state_of(TestHouse *t) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  json_t *all = json_pack("{s:o, s:o, s:o}", "record", sql_json(sql,
    "SELECT fonds_id, parent_id, level, code, title, creator, file_count, fields, opening FROM record ORDER BY code", SQL_NONE, NULL), "file",
    sql_json(sql, "SELECT f.name, f.path, f.sequence, f.sha512, f.text_pages, r.code FROM file AS f JOIN record AS r ON r.id = f.record_id ORDER BY r.code, "
      "f.sequence", SQL_NONE, NULL), "page",
    sql_json(sql, "SELECT r.code, p.page, p.text FROM page_text AS p JOIN record AS r ON r.id = p.record_id ORDER BY r.code, p.page", SQL_NONE, NULL));
  char *text = json_dumps(all, JSON_SORT_KEYS | JSON_INDENT(1));
  json_decref(all);
  return text;
}

static void note_fault(const char *object, const char *path, ContentFault fault, const char *detail, gpointer data) { (*(guint *)data)++; }
static void note_object(const char *object, guint version, json_t *files, gpointer data) {}
static void note_progress(gint64 objects, gint64 files, gint64 bytes, gpointer data) {}

/* Every object of a record is a record's, every byte as it was, and the journal's chain holds. */
static void assert_clean(TestHouse *t) {
  guint faults = 0;
  GError *error = NULL;
  ContentCheckVisitor visitor = {note_object, note_fault, note_progress};
  content_check(t->house.content, &visitor, &faults, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(faults, ==, 0);
  json_t *journal = journal_verify(t->house.db, t->dir, &error);
  g_assert_no_error(error);
  g_assert_cmpuint(json_array_size(json_object_get(journal, "faults")), ==, 0);
  json_decref(journal);
}

static void test_undo(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *a = test_write(t, "first.csv", FIRST), *b = test_write(t, "second.csv", SECOND), *doc = test_write(t, "d/U-4.txt", "正文四"),
    *old = test_write(t, "d/U-1.txt", "正文一"),
    *docs = g_build_filename(t->dir, "in", "d", NULL);
  AccessionSource one = {.path = a, .fonds = "Z001"}, two = {.path = b, .fonds = "Z001", .files = docs};
  test_import(t, &one, TRUE);
  g_autofree char *before = state_of(t);
  gint64 id = test_import(t, &two, TRUE);
  g_autoptr(CatalogRecord) gone = test_record(t, "U-4");
  g_autofree char *object = catalog_object_id(gone->id);
  g_assert_true(content_exists(t->house.content, object));
  g_assert_cmpuint(test_count(t, NULL), ==, 5);
  test_job(t, accession_undo, id, &error);
  g_assert_no_error(error);
  g_autofree char *after = state_of(t);
  test_same(after, before);
  g_assert_false(content_exists(t->house.content, object));
  g_assert_cmpuint(test_count(t, NULL), ==, 3);
  g_assert_cmpuint(test_count(t, "二改"), ==, 0);
  g_assert_cmpuint(test_count(t, "text:正文四"), ==, 0);
  json_t *report = test_report(t, id);
  g_assert_cmpstr(text_at(report, "state"), ==, "undone");
  json_decref(report);
  g_assert_true(test_job(t, accession_undo, id, &error)); /* again: nothing */
  g_assert_false(test_job(t, accession_load, id, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  assert_clean(t);
  gint64 again = test_import(t, &two, TRUE); /* the same delivery anew */
  g_assert_cmpint(again, !=, id);
  g_assert_cmpuint(test_count(t, NULL), ==, 5);
  test_house_remove(t);
}

static void test_undo_takes_nodes(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *empty = state_of(t), *a = test_write(t, "first.csv", FIRST);
  AccessionSource one = {.path = a};
  gint64 id = test_import(t, &one, TRUE);
  test_job(t, accession_undo, id, &error);
  g_assert_no_error(error);
  g_autofree char *after = state_of(t);
  test_same(after, empty); /* the fonds of its own is gone too */
  json_t *report = test_report(t, test_import(t, &one, TRUE));
  g_assert_cmpint(report_int(report, "created"), ==, 3);
  json_decref(report);
  test_house_remove(t);
}

static void assert_refused(TestHouse *t, gint64 id, const char *code) {
  g_autoptr(GError) error = NULL;
  g_autofree char *before = state_of(t);
  g_assert_false(test_job(t, accession_undo, id, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_assert_nonnull(strstr(error->message, code));
  g_autofree char *after = state_of(t);
  test_same(after, before);
  json_t *report = test_report(t, id);
  g_assert_cmpstr(text_at(report, "state"), ==, "done");
  json_decref(report);
}

static void test_undo_refused(void) {
  TestHouse *t = test_house_new();
  GError *error = NULL;
  g_autofree char *a = test_write(t, "first.csv", FIRST), *b = test_write(t, "second.csv", SECOND);
  AccessionSource one = {.path = a, .fonds = "Z001"}, two = {.path = b, .fonds = "Z001"};
  gint64 first = test_import(t, &one, TRUE), second = test_import(t, &two, TRUE);
  assert_refused(t, first, "U-2"); /* the later delivery changed it */
  g_autoptr(CatalogRecord) record = test_record(t, "U-5");
  g_free(record->title);
  record->title = g_strdup("有人改过");
  g_autoptr(Sql) sql = sql_write(t->house.db, &error);
  catalog_record_update(&t->house, sql, "someone", record, 0, &error);
  g_assert_no_error(error);
  sql_commit(sql, &error);
  g_clear_pointer(&sql, sql_end);
  assert_refused(t, second, "U-5");
  test_house_remove(t);
}

/* ---- killed ---- */

static void write_inputs(TestHouse *t) {
  g_autofree char *a = test_write(t, "first.csv", FIRST);
  g_autoptr(GString) rows = g_string_new("档号,题名,责任者\n");
  for (guint i = 2; i < 40; i++) g_string_append_printf(rows, "U-%u,第%u件,乙\n", i, i);
  g_autofree char *b = test_write(t, "second.csv", rows->str);
  for (guint i = 0; i < 6; i++) {
    g_autofree char *name = g_strdup_printf("d/U-%u.txt", i * 5 + 1), *text = g_strdup_printf("正文 %u", i), *path = test_write(t, name, text);
  }
}

static void small_batches(const char *dir) {
  g_autofree char *path = g_build_filename(dir, "lantai.yaml", NULL);
  g_assert_true(g_file_set_contents(path, "import:\n  batch_rows: 7\n", -1, NULL));
}

static void import_both(TestHouse *t, gboolean undo) {
  g_autofree char *a = g_build_filename(t->dir, "in", "first.csv", NULL), *b = g_build_filename(t->dir, "in", "second.csv", NULL),
    *docs = g_build_filename(t->dir, "in", "d", NULL);
  AccessionSource one = {.path = a, .fonds = "Z001"}, two = {.path = b, .fonds = "Z001", .files = docs};
  json_t *first = delivery_read(&t->house, 1, NULL);
  if (first == NULL || !delivery_is(first, "done")) test_import(t, &one, TRUE);
  json_decref(first);
  gint64 id = test_import(t, &two, TRUE);
  GError *error = NULL;
  if (undo) test_job(t, accession_undo, id, &error);
  g_assert_no_error(error);
}

/* One try in a process of its own (this program again, as "import"), which may be killed on the way. The second delivery is found again by what it is. */
static gboolean run_child(const char *dir, const char *fault, gboolean undo) {
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  g_auto(GStrv) environment = g_get_environ();
  if (fault) environment = g_environ_setenv(environment, "LANTAI_FAULT", fault, TRUE);
  const char *command[] = {program, "import", dir, undo ? "undo" : "keep", NULL};
  int status;
  GError *error = NULL;
  g_spawn_sync(NULL, (char **)command, environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  if (WIFSIGNALED(status)) g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
  else g_assert_cmpint(WEXITSTATUS(status), ==, 0);
  return WIFSIGNALED(status);
}

static int import_main(const char *dir, gboolean undo) {
  TestHouse *t = test_house_open(dir);
  import_both(t, undo);
  test_house_close(t);
  return 0;
}

static char *clean_result(gboolean undo) {
  TestHouse *t = test_house_new();
  small_batches(t->dir);
  write_inputs(t);
  g_autofree char *dir = g_strdup(t->dir);
  test_house_close(t);
  g_assert_false(run_child(dir, NULL, undo));
  t = test_house_open(dir);
  char *state = state_of(t);
  test_house_remove(t);
  return state;
}

static void test_killed(gconstpointer data) {
  const char *fault = data;
  gboolean undo = g_str_has_prefix(fault, "accession.undo");
  g_autofree char *expected = clean_result(undo);
  TestHouse *t = test_house_new();
  small_batches(t->dir);
  write_inputs(t);
  g_autofree char *dir = g_strdup(t->dir);
  test_house_close(t);
  g_assert_true(run_child(dir, fault, undo));
  if (undo) { /* an undo goes on where it stopped */
    t = test_house_open(dir);
    GError *error = NULL;
    test_job(t, accession_undo, 2, &error);
    g_assert_no_error(error);
    test_house_close(t);
  } else g_assert_false(run_child(dir, NULL, FALSE));
  t = test_house_open(dir);
  g_autofree char *state = state_of(t);
  test_same(state, expected);
  assert_clean(t);
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  if (!undo) g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM accession WHERE state NOT IN ('done')", SQL_NONE, -1, NULL), ==, 0);
  g_assert_cmpint(sql_number(sql, "SELECT COUNT(*) AS n FROM accession_removal", SQL_NONE, -1, NULL), ==, 0);
  g_clear_pointer(&sql, sql_end);
  test_house_remove(t);
}

int main(int argc, char **argv) {
  if (argc > 1 && g_str_equal(argv[1], "sandbox")) return format_sandbox_main(argc, argv);
  if (argc > 3 && g_str_equal(argv[1], "import")) return import_main(argv[2], g_str_equal(argv[3], "undo"));
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/undo/all", test_undo);
  g_test_add_func("/undo/nodes", test_undo_takes_nodes);
  g_test_add_func("/undo/refused", test_undo_refused);
  static const char *const faults[] = {"accession.receive:2", "accession.rehearsed:2", "accession.object:2", "accession.reserved:2",
    "accession.reserved.done:2", "accession.rows:3", "accession.rows.done:4",
    "accession.loaded:2", "accession.staged:1", "accession.published:1", "accession.files:1", "accession.files.done:1", "accession.undo:2",
      "accession.undo.done:2", "accession.undo.done:3"};
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autofree char *name = g_strdup_printf("/undo/killed/%s", faults[i]);
    g_test_add_data_func(name, faults[i], test_killed);
  }
  return g_test_run();
}
