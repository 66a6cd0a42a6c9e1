/* What the room's tests share: an archive of the lower rooms over a temporary database, runs of units given as JSON, outcomes by item. */
#pragma once
#include "expect.h"
#include "internal.h"
#include "json.h"
#include "settings.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  House house;
  SqlDb *db;
  Journal *journal;
  char *dir;
} Fixture;

static inline void fixture_open(Fixture *f) {
  *f = (Fixture){.dir = good(g_dir_make_tmp("lantai-check-XXXXXX", error))};
  f->house.dir = f->dir;
  f->house.settings = good(settings_load(f->dir, error));
  f->house.db = f->db = good(sql_open(":memory:", error));
  f->journal = good(journal_open(f->db, NULL, error));
  f->house.search = good(search_open(f->db, error));
  f->house.catalog = good(catalog_open(f->db, NULL, error));
  g_assert_true(good(check_open(f->db, NULL, error)));
}

static inline void fixture_remove(const char *dir) {
  g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
  for (const char *name; listing && (name = g_dir_read_name(listing));) {
    g_autofree char *path = g_build_filename(dir, name, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) fixture_remove(path);
    else g_unlink(path);
  }
  g_rmdir(dir);
}

static inline void fixture_close(Fixture *f) {
  catalog_close(f->house.catalog);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->db);
  settings_free((Settings *)f->house.settings);
  fixture_remove(f->dir);
  g_free(f->dir);
}

static inline char *fixture_write(Fixture *f, const char *name, const void *bytes, gssize length) {
  char *path = g_build_filename(f->dir, name, NULL);
  g_assert_true(g_file_set_contents(path, bytes, length, NULL));
  return path;
}

/* A clean item number n of a clean delivery. */
static inline json_t *record_of(int n) {
  g_autofree char *code = g_strdup_printf("Z109-WS·2015·Y-%04d", n), *title = g_strdup_printf("关于第 %d 项工作的通知", n), *docno = g_strdup_printf("民发〔2015〕%d号", n);
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:i, s:{}}", "code", code, "title", title, "docno", docno, "creator", "市民政局", "date_text",
    "20150315", "date_from", 20150315, "date_to", 20150315, "year", 2015, "retention", "永久", "category", "WS", "fonds", "Z109", "level", LEVEL_ITEM, "fields");
}

/* Runs a stage over records (an array, taken); each gets `files` of the same index if there are any. Returns the report with all findings. */
static inline json_t *run_over(Fixture *f, CheckStage stage, json_t *records, const CheckFile *files, json_t *declared, json_t *structure) {
  const CheckSubject subject = {stage, "accession", 7, "archivist", "某批档案", NULL, declared, structure};
  CheckRun *run = good(check_begin(&f->house, &subject, error));
  json_t *record;
  size_t i;
  json_array_foreach(records, i, record) {
    gboolean has = files && files[i].path;
    const CheckUnit unit = {(gint64)i + 2, 0, record, has ? &files[i] : NULL, has};
    g_assert_true(good(check_unit(run, &unit, error)));
  }
  json_decref(records);
  gint64 id = good(check_end(run, error));
  g_assert_cmpint(id, >, 0);
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  return good(check_report(sql, id, 1000, error));
}

static inline json_t *item_of(json_t *report, const char *code) {
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (g_str_equal(json_string_value(json_object_get(item, "code")), code)) return item;
  g_error("no item %s", code);
}

static inline const char *state_of(json_t *report, const char *code) { return json_string_value(json_object_get(item_of(report, code), "state")); }
static inline json_t *finding_of(json_t *report, const char *code, guint n) { return json_array_get(json_object_get(item_of(report, code), "findings"), n); }

/* Codes of the items that failed or warned, "GD-1-5 GD-2-4 ". */
static inline char *failing(json_t *report) {
  GString *out = g_string_new(NULL);
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (g_str_equal(text_at(item, "state"), "failed") || g_str_equal(text_at(item, "state"), "warned")) g_string_append_printf(out, "%s ", text_at(item, "code"));
  return g_string_free(out, FALSE);
}

static inline json_t *clean_records(int count) {
  json_t *records = json_array();
  for (int n = 1; n <= count; n++) json_array_append_new(records, record_of(n));
  return records;
}

/* A test binary is its own sandbox helper. */
static inline int fixture_main(int argc, char **argv, void (*add_tests)(void)) {
  if (argc > 1 && strcmp(argv[1], "sandbox") == 0) return format_sandbox_main(argc, argv);
  g_test_init(&argc, &argv, NULL);
  add_tests();
  return g_test_run();
}
