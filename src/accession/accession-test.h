/* A whole house in a temporary folder, for this room's tests: database, journal, store, index, catalogue. */
#pragma once
#include "check.h"
#include "delivery.h"
#include "error.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  House house;
  char *dir;
  Settings *settings;
  Journal *journal;
} TestHouse;

static inline TestHouse *test_house_open(const char *dir) {
  GError *error = NULL;
  TestHouse *t = g_new0(TestHouse, 1);
  t->dir = g_strdup(dir);
  t->settings = settings_load(dir, &error);
  g_assert_no_error(error);
  g_autofree char *path = g_build_filename(dir, "lantai.db", NULL);
  House *h = &t->house;
  h->dir = t->dir;
  h->settings = t->settings;
  h->db = sql_open(path, &error);
  g_assert_no_error(error);
  t->journal = journal_open(h->db, dir, &error);
  g_assert_no_error(error);
  h->content = content_open(dir, h->db, &error);
  g_assert_no_error(error);
  h->search = search_open(h->db, &error);
  g_assert_no_error(error);
  search_set_text_source(h->search, catalog_search_text, NULL);
  h->jobs = jobs_open(h->db, ACCESSION_JOBS, &error);
  g_assert_no_error(error);
  h->catalog = catalog_open(h->db, dir, &error);
  g_assert_no_error(error);
  check_open(h->db, dir, &error);
  g_assert_no_error(error);
  accession_open(h->db, &error);
  g_assert_no_error(error);
  return t;
}

static inline TestHouse *test_house_new(void) {
  GError *error = NULL;
  g_autofree char *dir = g_dir_make_tmp("lantai-accession-XXXXXX", &error);
  g_assert_no_error(error);
  settings_write_default(dir, &error);
  g_assert_no_error(error);
  return test_house_open(dir);
}

static inline void test_house_close(TestHouse *t) {
  House *h = &t->house;
  jobs_close(h->jobs);
  catalog_close(h->catalog);
  search_close(h->search);
  content_close(h->content);
  journal_close(t->journal);
  sql_close(h->db);
  settings_free(t->settings);
  g_free(t->dir);
  g_free(t);
}

static inline void test_house_remove(TestHouse *t) {
  g_autofree char *dir = g_strdup(t->dir);
  test_house_close(t);
  folder_remove(dir);
}

static inline char *test_write(TestHouse *t, const char *name, const char *text) {
  g_autofree char *folder = g_build_filename(t->dir, "in", NULL);
  char *path = g_build_filename(folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  return path;
}

static inline gboolean test_job(TestHouse *t, JobRun run, gint64 id, GError **error) {
  json_t *parameters = json_pack("{s:I}", "accession", (json_int_t)id);
  gboolean good = job_run_now(&t->house, run, parameters, "tester", FALSE, error);
  json_decref(parameters);
  return good;
}

static inline gint64 test_receive(TestHouse *t, const AccessionSource *source) {
  GError *error = NULL;
  gint64 id = accession_receive(&t->house, "tester", source, &error);
  g_assert_no_error(error);
  g_assert_cmpint(id, >, 0);
  return id;
}

static inline gint64 test_announce(TestHouse *t, const char *actor, const char *body, const char *name, json_t *declared) {
  GError *error = NULL;
  const AccessionSource announced = {.name = name, .body = body, .declared = declared};
  gint64 id = accession_register(&t->house, actor, &announced, &error);
  g_assert_no_error(error);
  return id;
}

/* Receives, rehearses and, when load is set, loads. */
static inline gint64 test_import(TestHouse *t, const AccessionSource *source, gboolean load) {
  GError *error = NULL;
  gint64 id = test_receive(t, source);
  test_job(t, accession_rehearse, id, &error);
  g_assert_no_error(error);
  if (load) test_job(t, accession_load, id, &error);
  g_assert_no_error(error);
  return id;
}

static inline json_t *test_report(TestHouse *t, gint64 id) {
  GError *error = NULL;
  json_t *report = accession_report(&t->house, id, G_MAXUINT, &error);
  g_assert_no_error(error);
  return report;
}

static inline guint64 test_count(TestHouse *t, const char *query) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_read(t->house.db, &error);
  const gint64 levels[] = {LEVEL_VOLUME, LEVEL_ITEM};
  SearchRequest request = {.query = query, .levels = levels, .levels_count = 2};
  g_autoptr(SearchResult) result = search_run(t->house.search, sql, &SCOPE_EVERYTHING, &request, &error);
  g_assert_no_error(error);
  return result->count;
}

static inline CatalogRecord *test_record(TestHouse *t, const char *code) {
  g_autoptr(Sql) sql = sql_read(t->house.db, NULL);
  return catalog_record_by_code(sql, &SCOPE_EVERYTHING, 0, code, NULL);
}

/* Two dumps are equal; says the first lines that differ. */
static inline void test_same(const char *is, const char *expected) {
  g_auto(GStrv) a = g_strsplit(is, "\n", -1);
  g_auto(GStrv) b = g_strsplit(expected, "\n", -1);
  for (guint i = 0; a[i] && b[i]; i++) g_assert_cmpstr(a[i], ==, b[i]);
  g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
}

#define report_int(report, key) ((gint64)json_integer_value(json_object_get((report), (key))))
