/*
 * The room's opening, its events when an archive is rebuilt, and its tables of routes and jobs.
 *
 * 1. An event that changed the catalogue says which revisions it took; a replay that comes out elsewhere is an error.
 * 2. Events that tell only of checks and copies change nothing here.
 */
#include "check.h"
#include "watch.h"
#include "copy.h"
#include "patrol.h"

const char *json_word(json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

gint64 json_number_of(json_t *object, const char *key) { return (gint64)json_integer_value(json_object_get(object, key)); }

char *json_line(json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS), *owned = g_strdup(text);
  free(text);
  return owned;
}

gboolean record_admitted(Sql *sql, const Scope *scope, gint64 record_id, gboolean files) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, record_id, NULL);
  return record != NULL && (!files || scope_admits_files(scope, record->fonds_id, record->security, record->opening));
}

gboolean tell_change(Sql *sql, const char *actor, const char *action, gint64 record_id, json_t *data, gint64 rev_before, GError **error) {
  gint64 rev = catalog_rev_last(sql, error);
  if (rev < 0) return FALSE;
  json_object_set_new(data, "rev_before", json_integer(rev_before));
  json_object_set_new(data, "rev", json_integer(rev));
  return journal_append(sql, actor, action, "record", record_id, data, error) != 0;
}

static char *record_tied(Sql *sql, gint64 record_id, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 disposal = sql_number(sql, "SELECT d.id FROM keep_disposal_item AS i JOIN keep_disposal AS d ON d.id = i.disposal_id WHERE i.record_id = $1 "
    "AND d.state IN ('requested', 'approved')", SQL_ARGS(sql_int(record_id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return disposal > 0 ? g_strdup_printf("在第 %" G_GINT64_FORMAT " 号销毁单中", disposal) : NULL;
}

gboolean keep_open(SqlDb *db, const char *dir, GError **error) {
  catalog_set_tie(record_tied);
  check_set_visible("patrol", patrol_visible, "/keep/patrol/");
  return sql_migrate_room(db, "keep", error) && formats_load(dir, error) && media_load(dir, error);
}

/* ---- rebuilding ---- */

static gboolean apply(const House *house, Sql *sql, json_t *event, GError **error) {
  gboolean mine = FALSE;
  if (!disposal_replay(house, sql, event, &mine, error) || mine) return mine;
  if (!convert_replay(house, sql, event, &mine, error) || mine) return mine;
  if (!medium_replay(sql, event, &mine, error) || mine) return mine;
  if (!patrol_replay(sql, event, &mine, error) || mine) return mine;
  return TRUE; /* a check or a copy: told for the reader of the journal */
}

gboolean keep_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data");
  gboolean noted = json_object_get(data, "rev") != NULL;
  if (noted && !catalog_rev_seek(sql, json_number_of(data, "rev_before"), error)) return FALSE;
  if (!apply(house, sql, event, error)) return FALSE;
  return !noted || catalog_rev_last(sql, error) == json_number_of(data, "rev") ||
    throw(error, LANTAI_ERROR_INTERNAL, "重放得到的修订号与日志不符。请运行 lantai check");
}

/* ---- tables ---- */

const JobKind KEEP_JOBS[] = {
  {"keep.destroy", "销毁原文", disposal_run, JOB_HEAVY},
  {"keep.convert", "格式转换", convert_run, JOB_HEAVY},
  {"keep.patrol", "长期保存巡检", patrol_run, JOB_PATIENT},
  {NULL},
};
const JobTick KEEP_TICKS[] = {copy_tick, warning_tick, patrol_tick, NULL};
