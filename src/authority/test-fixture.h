/* What the room's tests share: an archive of the lower rooms over a database in memory, with two fonds and a few records. */
#pragma once
#include "expect.h"
#include "internal.h"
#include <glib/gstdio.h>

typedef struct {
  House house;
  SqlDb *db;
  Journal *journal;
  gint64 fonds, other, class, records[8];
} Fixture;

static inline void fixture_bare(Fixture *f) {
  memset(f, 0, sizeof *f);
  f->house.db = f->db = good(sql_open(":memory:", error));
  f->journal = good(journal_open(f->db, NULL, error));
  f->house.search = good(search_open(f->db, error));
  f->house.catalog = good(catalog_open(f->db, NULL, error));
  good(authority_open(f->db, error));
  json_auto_t *labels = catalog_field_labels(f->house.catalog);
  search_set_fields(f->house.search, labels);
  search_set_text_source(f->house.search, catalog_search_text, NULL);
}

static inline gint64 put_record(Fixture *f, Sql *sql, gint64 class, guint number, const char *creator, Opening opening) {
  g_autoptr(CatalogRecord) record = catalog_record_new();
  record->parent_id = class;
  record->level = LEVEL_ITEM;
  record->category = 1;
  record->opening = opening;
  record->year = 1950 + (int)number;
  record->code = (g_free(record->code), g_strdup_printf("A-WS-%04u", number));
  record->title = (g_free(record->title), g_strdup_printf("关于第%u号事项的通知", number));
  record->creator = (g_free(record->creator), g_strdup(creator));
  good(catalog_record_create(&f->house, sql, "tester", record, error));
  return record->id;
}

/* Records 0–2 by 北平市政府, 3 by 北京市人民政府, 4 by 北平市政府秘书处, 5 closed and by 北平市政府, 6 and 7 by others. */
static inline void fixture_open(Fixture *f) {
  static const char *const creators[] = {"北平市政府", "北平市政府", "北平市政府", "北京市人民政府", "北平市政府秘书处", "北平市政府", "教育局", ""};
  fixture_bare(f);
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  f->fonds = good(catalog_fonds_ensure(&f->house, sql, "tester", "A", "市政府", error));
  f->other = good(catalog_fonds_ensure(&f->house, sql, "tester", "B", "教育局", error));
  f->class = good(catalog_class_ensure(&f->house, sql, "tester", f->fonds, 1, error));
  for (guint i = 0; i < G_N_ELEMENTS(creators); i++) f->records[i] = put_record(f, sql, f->class, i, creators[i], i == 5 ? OPENING_CONTROLLED : OPENING_OPEN);
  good(sql_commit(sql, error));
}

static inline void fixture_close(Fixture *f) {
  catalog_close(f->house.catalog);
  search_close(f->house.search);
  journal_close(f->journal);
  sql_close(f->db);
}

static const Scope OPEN_ONLY = {.opening_mask = 1 << OPENING_OPEN, .files_mask = 1 << OPENING_OPEN, .all_fonds = TRUE};

static inline gint64 put_authority(Fixture *f, const char *kind, const char *name, const char *begin, const char *former) {
  g_autoptr(Sql) sql = good(sql_write(f->db, error));
  json_auto_t *authority = json_pack("{s:s, s:s, s:s, s:b, s:[{s:s, s:s, s:s}]}", "kind", kind, "name", name, "begin", begin, "synonyms", g_str_equal(kind,
    "body"), "names", "name",
    former ? former : "", "type", "former", "dates", "");
  gint64 id = good(authority_save(sql, "tester", authority, 0, error));
  good(sql_commit(sql, error));
  return id;
}

/* Every row of the room's lasting tables as one text. */
static inline char *rows_text(SqlDb *db) {
  g_autoptr(Sql) sql = good(sql_read(db, error));
  json_auto_t *all = json_array();
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM authority ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM authority_name ORDER BY folded, authority_id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM authority_part ORDER BY part, authority_id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM authority_relation ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM record_link ORDER BY record_id, target_kind, target_id, role", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql, "SELECT * FROM dossier_entry ORDER BY id", SQL_NONE, error)));
  json_array_append_new(all, good(sql_json(sql,
    "SELECT id, actor, title, target_id, role, state, total, done FROM gathering WHERE state <> 'planned' ORDER BY id", SQL_NONE, error)));
  char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
  char *owned = g_strdup(text);
  free(text);
  return owned;
}

/* The same from the events alone. */
static inline void assert_rebuilds(Fixture *f) {
  Fixture anew;
  fixture_bare(&anew);
  g_autoptr(Sql) sql = good(sql_read(f->db, error));
  json_auto_t *events = good(sql_json(sql, "SELECT id, action, data FROM event ORDER BY id", SQL_NONE, error));
  sql_end(g_steal_pointer(&sql));
  g_autoptr(Sql) write = good(sql_write(anew.db, error));
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    const char *action = text_at(event, "action");
    if (!g_str_has_prefix(action, "authority.") && !g_str_has_prefix(action, "link.") && !g_str_has_prefix(action, "dossier.")) continue;
    json_object_set_new(event, "data", json_loads(text_at(event, "data"), 0, NULL));
    good(authority_replay(&anew.house, write, event, error));
  }
  good(sql_commit(write, error));
  sql_end(g_steal_pointer(&write));
  g_autofree char *was = rows_text(f->db), *is = rows_text(anew.db);
  g_assert_cmpstr(was, ==, is);
  fixture_close(&anew);
}
