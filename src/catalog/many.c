/*
 * Many descriptions changed at once, under one event, and told in each record's own history.
 *
 * 1. All changes of a call, the event and its lines in record_event are one transaction; the metadata.json of records with objects are published before it and
 *    acknowledged within.
 * 2. Nothing is written when a record has another rev than it was read with: CONFLICT, and the caller reads again.
 * 3. What goes is told with all of it, so that it can come back under its id with what was tied to it; neither has an object, for what has files does not go.
 * 4. Records take successive revs in the order given, so that a replay of the same rows from the same rev gives the same catalogue.
 */
#include "internal.h"
#include "watch.h"
#include <string.h>

enum { EVENTS_READ = 100 };

static ContentBatch *publish(const House *house, const char *actor, const char *why, GPtrArray *changes, GError **error) {
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  for (guint i = 0; i < changes->len; i++) {
    const CatalogRecord *after = ((const CatalogChange *)changes->pdata[i])->after;
    if (after != NULL && !record_stage(house, actor, after, batch, why, error)) return NULL;
  }
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static gboolean any_files(GPtrArray *changes) {
  for (guint i = 0; i < changes->len; i++) {
    const CatalogChange *change = changes->pdata[i];
    if (change->before != NULL && change->before->file_count > 0) return TRUE;
  }
  return FALSE;
}

static gboolean write_one(const House *house, Sql *sql, const CatalogChange *change, GError **error) {
  if (change->before == NULL) return record_place_valid(sql, change->after, error) && record_return(house, sql, change->after, error);
  gint64 rev = sql_number(sql, "SELECT rev FROM record WHERE id = $1", SQL_ARGS(sql_int(change->before->id)), 0, NULL);
  if (rev != change->before->rev) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 刚刚由他人修改，请再试一次", change->before->code);
  if (change->after == NULL) return catalog_record_may_go(sql, change->before, error) && record_erase(house, sql, change->before, error);
  change->after->rev = 0;
  return record_overwrite(house, sql, change->before, change->after, error);
}

gboolean catalog_history_add(Sql *sql, gint64 event_id, gint64 record_id, GError **error) {
  return sql_exec(sql, "INSERT INTO record_event (record_id, event_id) VALUES ($1, $2)", SQL_ARGS(sql_int(record_id), sql_int(event_id)), error);
}

static const CatalogRecord *change_record(const CatalogChange *change) { return change->before != NULL ? change->before : change->after; }

gboolean catalog_change_many(const House *house, const CatalogMany *many, GPtrArray *changes, GError **error) {
  g_autoptr(ContentBatch) batch = house->content != NULL && any_files(changes) ? publish(house, many->actor, many->why, changes, error) : NULL;
  if (house->content != NULL && any_files(changes) && batch == NULL) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 rev = sql == NULL ? -1 : catalog_rev_last(sql, error);
  if (rev < 0) return FALSE;
  catalog_bulk_begin(house, sql);
  for (guint i = 0; i < changes->len; i++)
    if (!write_one(house, sql, changes->pdata[i], error)) return FALSE;
  if (!catalog_bulk_end(house, sql, error)) return FALSE;
  gint64 event = many->tell(sql, rev + 1, changes, many->data, error);
  if (event == 0) return FALSE;
  for (guint i = 0; i < changes->len; i++)
    if (!catalog_history_add(sql, event, change_record(changes->pdata[i])->id, error)) return FALSE;
  return fault_point("catalog.many") && (batch == NULL || content_batch_acknowledge(batch, sql, error)) && sql_commit(sql, error);
}

gboolean catalog_change_check(const House *house, Sql *sql, const CatalogRecord *record, GError **error) {
  return record_valid(house, sql, record, error);
}

void catalog_change_free(CatalogChange *change) {
  if (change == NULL) return;
  catalog_record_free(change->before);
  catalog_record_free(change->after);
  g_free(change);
}

/* ---- rebuilding ---- */

/* What goes, or comes back: changes {"record": …}. */
static gboolean replay_whole(const House *house, Sql *sql, gint64 id, json_t *changes, GError **error) {
  if (json_is_null(json_array_get(json_object_get(changes, "record"), 0))) {
    g_autoptr(CatalogRecord) record = catalog_record_of(changes, error);
    return record != NULL && record_return(house, sql, record, error);
  }
  g_autoptr(CatalogRecord) record = record_by_id(sql, id, error);
  return record != NULL && record_erase(house, sql, record, error);
}

static gboolean replay_one(const House *house, Sql *sql, json_t *row, gboolean back, gint64 event_id, GError **error) {
  gint64 id = json_integer_value(json_array_get(row, 0));
  json_t *changes = json_array_get(row, 1);
  if (json_object_get(changes, "record") != NULL) return replay_whole(house, sql, id, changes, error) && catalog_history_add(sql, event_id, id, error);
  g_autoptr(CatalogRecord) before = record_by_id(sql, id, error);
  if (before == NULL) return FALSE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  if (!record_apply_diff(after, changes, error)) return FALSE;
  after->rev = 0;
  if (back && !g_str_equal(after->code, before->code)) {
    g_free(after->former);
    after->former = former_with(before->former, NULL, after->code);
  }
  return record_overwrite(house, sql, before, after, error) && catalog_history_add(sql, event_id, id, error);
}

gboolean catalog_change_replay(const House *house, Sql *sql, gint64 event_id, gint64 rev, json_t *rows, gboolean back, GError **error) {
  if (!catalog_rev_seek(sql, rev - 1, error)) return FALSE;
  if (catalog_rev_last(sql, error) != rev - 1) return throw(error, LANTAI_ERROR_INVALID, "批量修改重放时版本号应为 %" G_GINT64_FORMAT, rev);
  catalog_bulk_begin(house, sql);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row)
    if (!replay_one(house, sql, row, back, event_id, error)) return FALSE;
  return catalog_bulk_end(house, sql, error);
}

/* ---- history ---- */

/* The event of many records as if it were this one's: data {revision, title, author, source, approved_by, rev, changes}. */
static json_t *event_for(Sql *sql, gint64 event_id, gint64 record_id, GError **error) {
  json_auto_t *found = journal_list(sql, NULL, NULL, event_id + 1, 1, error);
  json_t *event = json_array_get(found, 0), *data = json_object_get(event, "data"), *row;
  if (found == NULL) return NULL;
  gint64 rev = json_integer_value(json_object_get(data, "rev"));
  json_t *own = json_pack("{s:O*, s:O*, s:O*, s:O*, s:O*}", "revision", json_object_get(data, "id"), "title", json_object_get(data, "title"), "author",
    json_object_get(data, "actor"), "source", json_object_get(data, "source"), "approved_by", json_object_get(data, "approved_by"));
  size_t i;
  json_array_foreach(json_object_get(data, "rows"), i, row) {
    if (json_integer_value(json_array_get(row, 0)) != record_id) continue;
    json_object_set(own, "changes", json_array_get(row, 1));
    json_object_set_new(own, "rev", json_integer(rev + (gint64)i));
  }
  json_t *copy = json_copy(event);
  json_object_set_new(copy, "data", own);
  return copy;
}

static gint64 id_of(json_t *event) { return json_integer_value(json_object_get(event, "id")); }

json_t *catalog_history(Sql *sql, gint64 record_id, gint64 before, int limit, GError **error) {
  json_auto_t *events = journal_of(sql, "record", record_id, before, limit, error);
  if (events == NULL) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT event_id FROM record_event WHERE record_id = $1 AND event_id < $2 ORDER BY event_id DESC LIMIT $3",
    SQL_ARGS(sql_int(record_id), sql_int(before > 0 ? before : G_MAXINT64), sql_int(limit)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    json_t *event = event_for(sql, sql_get_int(rows, "event_id"), record_id, &local);
    if (event == NULL) break;
    size_t at = 0;
    while (at < json_array_size(events) && id_of(json_array_get(events, at)) > id_of(event)) at++;
    json_array_insert_new(events, at, event);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  while (json_array_size(events) > (size_t)limit) json_array_remove(events, json_array_size(events) - 1);
  return g_steal_pointer(&events);
}

/* One step back; FALSE when the event does not tell what it changed. */
static gboolean step_back(CatalogRecord **record, json_t *changes) {
  if (!json_is_object(changes)) return FALSE;
  json_auto_t *conflicts = json_object();
  CatalogRecord *earlier = catalog_record_merge(*record, changes, TRUE, conflicts, NULL);
  if (earlier == NULL) return FALSE;
  catalog_record_free(*record);
  *record = earlier;
  return json_object_size(conflicts) == 0;
}

CatalogRecord *catalog_record_as_of(Sql *sql, const CatalogRecord *now, gint64 rev, GError **error) {
  if (now->rev == rev) return catalog_record_dup(now);
  json_auto_t *events = catalog_history(sql, now->id, 0, EVENTS_READ, error);
  if (events == NULL) return NULL;
  g_autoptr(CatalogRecord) record = catalog_record_dup(now);
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) {
    json_t *data = json_object_get(event, "data");
    json_t *stored = json_object_get(data, "rev") ? json_object_get(data, "rev") : json_object_get(json_object_get(data, "record"), "rev");
    if (json_is_integer(stored) && json_integer_value(stored) <= rev) break;
    if (g_str_has_prefix(json_string_value(json_object_get(event, "action")), "keep.")) continue; /* files, not descriptions */
    if (json_object_get(json_object_get(data, "changes"), "record") != NULL) continue; /* it went and came back as it was */
    if (!step_back(&record, json_object_get(data, "changes"))) return NULL;
  }
  return i == EVENTS_READ ? NULL : g_steal_pointer(&record);
}

json_t *catalog_changes_rows(const Catalog *catalog, const CatalogRecord *record, json_t *changes) { return changes_rows(catalog, record, changes); }
