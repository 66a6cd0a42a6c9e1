/* What the room's tests share: an archive of the lower rooms over a temporary database. */
#pragma once
#include "expect.h"
#include "internal.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  House house;
  SqlDb *db;
  Journal *journal;
} Fixture;

static inline void fixture_open(Fixture *f) {
  memset(f, 0, sizeof *f);
  f->house.db = f->db = good(sql_open(":memory:", error));
  f->journal = good(journal_open(f->db, NULL, error));
  f->house.search = good(search_open(f->db, error));
  f->house.catalog = good(catalog_open(f->db, NULL, error));
  json_auto_t *labels = catalog_field_labels(f->house.catalog);
  search_set_fields(f->house.search, labels);
  search_set_text_source(f->house.search, catalog_search_text, NULL);
}

static inline void fixture_close(Fixture *f) {
  catalog_close(f->house.catalog);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->db);
}

/* From now on with these rules of codes. */
static inline void fixture_rules(Fixture *f, const char *yaml) {
  g_autofree char *dir = good(g_dir_make_tmp("lantai-rules-XXXXXX", error));
  g_autofree char *definitions = g_build_filename(dir, "definitions", NULL), *path = g_build_filename(definitions, "codes.yaml", NULL);
  g_assert_cmpint(g_mkdir(definitions, 0700), ==, 0);
  good(g_file_set_contents(path, yaml, -1, error));
  catalog_close(f->house.catalog);
  f->house.catalog = good(catalog_open(f->db, dir, error));
  g_assert_cmpint(g_unlink(path) | g_rmdir(definitions) | g_rmdir(dir), ==, 0);
}

static inline void put_text(char **place, const char *text) {
  g_free(*place);
  *place = g_strdup(text);
}

static inline CatalogRecord *record_of(gint64 parent, Level level, guint8 category, const char *code, const char *title) {
  CatalogRecord *record = catalog_record_new();
  record->parent_id = parent;
  record->level = level;
  record->category = category;
  put_text(&record->code, code);
  put_text(&record->title, title);
  return record;
}

/* The ids of what a query finds, as "1 2 3 ". */
static inline char *found_by(Fixture *f, const Scope *scope, SearchRequest ask) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  ask.limit = 100;
  ask.sort = SEARCH_SORT_CODE;
  g_autoptr(SearchResult) result = good(search_run(f->house.search, sql, scope, &ask, error));
  GString *ids = g_string_new(NULL);
  for (guint i = 0; i < result->ids->len; i++) g_string_append_printf(ids, "%" G_GINT64_FORMAT " ", g_array_index(result->ids, gint64, i));
  return g_string_free(ids, FALSE);
}

static inline gint64 count_of(Fixture *f, const char *query) {
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  SearchRequest ask = {.query = query};
  g_autoptr(SearchResult) result = good(search_run(f->house.search, sql, &SCOPE_EVERYTHING, &ask, error));
  return result->count;
}

/* Every row of the room's tables as one text, to compare two archives row by row. */
static inline char *rows_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_array();
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM record ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM sequence ORDER BY name", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM retention_term ORDER BY id", SQL_NONE, error)));
  char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
  char *owned = g_strdup(text);
  free(text);
  return owned;
}
