/*
 * Undoing a delivery with everything it brought.
 *
 * 1. Before anything is touched, what others changed since is looked for (events, later deliveries' changes and files, others' items in its volumes): then
 *    nothing is undone. What was only changed by hand may be chosen for: kept as it is (with the volume it lies in), or undone all the same.
 * 2. Records it made go first, from the last to the first (items before their volumes), then files it gave to others' records, then former states come back,
 *    then empty nodes go.
 * 3. Each step is one transaction with its event; objects are removed from the store after the commit that forgot them, and remembered in accession_removal
 *    until they are.
 */
#include "delivery.h"
#include "error.h"
#include <glib/gstdio.h>
#include <string.h>

#define STEP_RECORDS 1000
#define CODES_SHOWN 20
#define LISTED_MAX 2000
#define EVENTS_READ 100

/* ---- what others changed ---- */

typedef struct {
  const House *house;
  Sql *sql;
  gint64 id, load_event;
  GHashTable *seen, *keep, *restore; /* the asker's choices */
  GString *codes;
  json_t *list; /* for the page: [{id, code, title, hand, reason}] */
  json_t *kept; /* ids */
  guint count;
} Conflicts;

typedef enum { BY_HAND, BY_DELIVERY, BY_OTHERS, BY_KEEPING } ConflictKind;
static const char *const REASONS[] = {"导入之后被改动", "其后的批次改动过或补过原文", "卷内有其他来源的条目", "原文已经销毁或转换"};

/* TRUE when it was chosen what becomes of a record that was changed by hand. */
static gboolean is_settled(Conflicts *conflicts, gint64 record_id) {
  gpointer key = GSIZE_TO_POINTER((gsize)record_id);
  if (g_hash_table_contains(conflicts->restore, key)) return TRUE;
  if (!g_hash_table_contains(conflicts->keep, key)) return FALSE;
  json_array_append_new(conflicts->kept, json_integer(record_id));
  return TRUE;
}

static void list_conflict(Conflicts *conflicts, gint64 record_id, const CatalogRecord *record, ConflictKind kind) {
  if (json_array_size(conflicts->list) >= LISTED_MAX) return;
  json_array_append_new(conflicts->list, json_pack("{s:I, s:s, s:s, s:b, s:s}", "id", (json_int_t)record_id, "code", record ? record->code : "（已删除的条目）",
    "title", record ? record->title : "", "hand", kind == BY_HAND && record != NULL, "reason", REASONS[kind]));
}

static void add_conflict(Conflicts *conflicts, gint64 record_id, ConflictKind kind) {
  if (kind == BY_HAND && is_settled(conflicts, record_id)) return;
  if (!g_hash_table_add(conflicts->seen, GSIZE_TO_POINTER((gsize)record_id))) return;
  g_autoptr(CatalogRecord) record = catalog_record_load(conflicts->sql, &SCOPE_EVERYTHING, record_id, NULL);
  list_conflict(conflicts, record_id, record, kind);
  if (++conflicts->count > CODES_SHOWN) return;
  if (record) g_string_append_printf(conflicts->codes, "%s%s", conflicts->count > 1 ? "、" : "", record->code);
  else g_string_append_printf(conflicts->codes, "%s（已删除的条目 %" G_GINT64_FORMAT "）", conflicts->count > 1 ? "、" : "", record_id);
}

static gboolean is_ours(const House *house, gint64 record_id, gint64 id, SearchColumns *columns) {
  return search_columns(house->search, record_id, columns) && columns->level && columns->accession_id == (guint32)id;
}

/* What was destroyed does not come back; what was converted stands on the version that would be taken away, unless the whole record goes. */
static gboolean is_hindrance(const Conflicts *conflicts, gint64 record_id, const char *action) {
  SearchColumns columns;
  if (g_str_equal(action, "keep.converted")) return !is_ours(conflicts->house, record_id, conflicts->id, &columns);
  return g_str_equal(action, "keep.destroyed");
}

/* Changed by hand since. What deliveries changed (delivery.*) is told in the same history and looked for by itself. */
static gboolean check_record(Conflicts *conflicts, gint64 record_id, GError **error) {
  json_t *events = journal_of(conflicts->sql, "record", record_id, 0, EVENTS_READ, error), *event;
  if (events == NULL) return FALSE;
  gboolean changed = FALSE, kept = FALSE;
  size_t i;
  json_array_foreach(events, i, event) {
    if (int_at(event, "id") <= conflicts->load_event) continue;
    changed |= g_str_has_prefix(text_at(event, "action"), "record.");
    kept |= is_hindrance(conflicts, record_id, text_at(event, "action"));
  }
  if (kept) add_conflict(conflicts, record_id, BY_KEEPING); /* nobody's choice undoes that */
  else if (changed) add_conflict(conflicts, record_id, BY_HAND);
  json_decref(events);
  return TRUE;
}

/* Others' items below a volume of ours. */
static void check_volume(Conflicts *conflicts, gint64 record_id) {
  SearchRequest all = {.parent_id = record_id}, ours = {.parent_id = record_id, .accession_id = conflicts->id};
  g_autoptr(SearchResult) every = search_run_whole(conflicts->house->search, conflicts->sql, &SCOPE_EVERYTHING, &all, NULL);
  g_autoptr(SearchResult) own = search_run_whole(conflicts->house->search, conflicts->sql, &SCOPE_EVERYTHING, &ours, NULL);
  if (every == NULL || own == NULL || every->count != own->count) add_conflict(conflicts, record_id, BY_OTHERS);
}

static gboolean check_created(Conflicts *conflicts, Job *job, json_t *delivery, GError **error) {
  gint64 first = int_at(delivery, "first_record_id"), count = int_at(delivery, "loaded_rows");
  for (gint64 i = 0; i < count; i++) {
    SearchColumns columns;
    if (!is_ours(conflicts->house, first + i, conflicts->id, &columns)) continue;
    if (!check_record(conflicts, first + i, error)) return FALSE;
    if (columns.level == LEVEL_VOLUME) check_volume(conflicts, first + i);
    if (i % STEP_RECORDS == 0) job_progress(job, i, count, "件", "核对能否撤销");
  }
  return TRUE;
}

static gboolean check_rows(Conflicts *conflicts, SqlRows *rows, gboolean by_event, GError **error) {
  GError *failure = NULL;
  if (rows == NULL) return FALSE;
  while (failure == NULL && sql_next(rows, &failure)) {
    gint64 record_id = sql_get_int(rows, "record_id");
    if (by_event) check_record(conflicts, record_id, &failure);
    else add_conflict(conflicts, record_id, BY_DELIVERY);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

static gboolean check_touched(Conflicts *conflicts, json_t *delivery, GError **error) {
  SqlValue id = sql_int(conflicts->id), first = sql_int(int_at(delivery, "first_record_id")),
    last = sql_int(int_at(delivery, "first_record_id") + int_at(delivery, "reserved_count") - 1);
  g_autoptr(SqlRows) changed = sql_query(conflicts->sql,
    "SELECT record_id FROM accession_change WHERE accession_id = $1 UNION SELECT record_id FROM accession_object WHERE accession_id = $1 "
    "ORDER BY record_id", SQL_ARGS(id), error);
  if (!check_rows(conflicts, changed, TRUE, error)) return FALSE;
  g_autoptr(SqlRows) later = sql_query(conflicts->sql, "SELECT record_id FROM accession_change WHERE accession_id > $1 AND record_id BETWEEN $2 AND $3 "
    "UNION SELECT record_id FROM accession_object WHERE accession_id > $1 AND record_id BETWEEN $2 AND $3 ORDER BY record_id", SQL_ARGS(id, first, last),
      error);
  if (!check_rows(conflicts, later, FALSE, error)) return FALSE;
  g_autoptr(SqlRows) again = sql_query(conflicts->sql,
    "SELECT l.record_id AS record_id FROM accession_change AS c JOIN accession_change AS l ON l.record_id = c.record_id AND l.accession_id > c.accession_id "
    "WHERE c.accession_id = $1 UNION SELECT l.record_id AS record_id FROM accession_change AS c JOIN accession_object AS l ON l.record_id = c.record_id AND "
      "l.accession_id > c.accession_id "
    "WHERE c.accession_id = $1 UNION SELECT l.record_id AS record_id FROM accession_object AS c JOIN accession_object AS l ON l.record_id = c.record_id AND "
      "l.accession_id > c.accession_id "
    "WHERE c.accession_id = $1 ORDER BY record_id", SQL_ARGS(id), error);
  return check_rows(conflicts, again, FALSE, error);
}

static GHashTable *chosen(json_t *parameters, const char *key) {
  GHashTable *ids = g_hash_table_new(NULL, NULL);
  size_t i;
  json_t *id;
  json_array_foreach(json_object_get(parameters, key), i, id) g_hash_table_add(ids, GSIZE_TO_POINTER((gsize)json_integer_value(id)));
  return ids;
}

/* A kept item stays where it lies: a volume of ours that holds it is kept too. */
static gboolean keep_volumes(Conflicts *conflicts, GError **error) {
  g_autoptr(GHashTable) volumes = g_hash_table_new(NULL, NULL);
  size_t count = json_array_size(conflicts->kept);
  for (size_t i = 0; i < count; i++) {
    gint64 id = json_integer_value(json_array_get(conflicts->kept, i));
    g_autoptr(CatalogRecord) record = catalog_record_load(conflicts->sql, &SCOPE_EVERYTHING, id, error);
    if (record == NULL) return FALSE;
    SearchColumns columns;
    gboolean ours = record->level == LEVEL_ITEM && is_ours(conflicts->house, record->parent_id, conflicts->id, &columns);
    if (ours && columns.level == LEVEL_VOLUME && g_hash_table_add(volumes, GSIZE_TO_POINTER((gsize)record->parent_id)))
      json_array_append_new(conflicts->kept, json_integer(record->parent_id));
  }
  return TRUE;
}

static gboolean write_conflicts(const House *house, gint64 id, json_t *list, GError **error) {
  g_autofree char *folder = delivery_path(house, id, NULL), *path = delivery_path(house, id, CONFLICTS_NAME), *part = g_strconcat(path, ".part", NULL);
  return (g_mkdir_with_parents(folder, 0700) == 0 && json_dump_file(list, part, JSON_COMPACT) == 0 && g_rename(part, path) == 0) ||
    throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", path);
}

/* Looks for what others changed; *ret_kept: the ids of records to be left as they are. */
static gboolean find_conflicts(Conflicts *conflicts, Job *job, json_t *delivery, json_t **ret_kept, GError **error) {
  if (!check_created(conflicts, job, delivery, error) || !check_touched(conflicts, delivery, error)) return FALSE;
  if (conflicts->count) {
    if (!write_conflicts(conflicts->house, conflicts->id, conflicts->list, error)) return FALSE;
    return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 不能撤销：有 %u 件在导入之后又被改动或补充：%s%s。手工改动过的可以在批次页面上选择保留或恢复；"
      "其余请先处理（如撤销其后的批次），再撤销本批次", conflicts->id, conflicts->count, conflicts->codes->str, conflicts->count > CODES_SHOWN ? " 等" : "");
  }
  if (!keep_volumes(conflicts, error)) return FALSE;
  *ret_kept = json_incref(conflicts->kept);
  g_autofree char *path = delivery_path(conflicts->house, conflicts->id, CONFLICTS_NAME);
  g_unlink(path);
  return TRUE;
}

static gboolean refuse_conflicts(const House *house, Job *job, json_t *delivery, json_t *parameters, json_t **ret_kept, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GHashTable) keep = chosen(parameters, "keep");
  g_autoptr(GHashTable) restore = chosen(parameters, "restore");
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  Conflicts conflicts = {house, sql, int_at(delivery, "id"), int_at(delivery, "load_event"), seen, keep, restore, g_string_new(NULL),
    json_array(), json_array(), 0};
  gboolean good = find_conflicts(&conflicts, job, delivery, ret_kept, error);
  g_string_free(conflicts.codes, TRUE);
  json_decref(conflicts.list);
  json_decref(conflicts.kept);
  return good;
}

/* ---- steps, as events tell them ---- */

static gboolean forget_object(Sql *sql, gint64 id, gint64 record_id, GError **error) {
  return sql_exec(sql, "INSERT INTO accession_removal (accession_id, record_id, version) VALUES ($1, $2, 0)", SQL_ARGS(sql_int(id), sql_int(record_id)),
    error) &&
    sql_exec(sql, "DELETE FROM accession_object WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error) &&
    sql_exec(sql, "DELETE FROM accession_file WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
}

/* The records of a delivery that its undo leaves as they are. */
static GHashTable *kept_records(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT record_id FROM accession_kept WHERE accession_id = $1", SQL_ARGS(sql_int(id)), error);
  g_autoptr(GHashTable) kept = rows ? g_hash_table_new(NULL, NULL) : NULL;
  GError *failure = NULL;
  while (rows && sql_next(rows, &failure)) g_hash_table_add(kept, GSIZE_TO_POINTER((gsize)sql_get_int(rows, "record_id")));
  if (failure == NULL) return g_steal_pointer(&kept);
  g_propagate_error(error, failure);
  return NULL;
}

static gboolean apply_begin(Sql *sql, gint64 id, json_t *step, GError **error) {
  json_t *kept = json_object_get(step, "kept"), *record;
  size_t i;
  json_array_foreach(kept, i, record)
    if (!sql_exec(sql, "INSERT INTO accession_kept (accession_id, record_id) VALUES ($1, $2) ON CONFLICT (accession_id, record_id) DO NOTHING",
        SQL_ARGS(sql_int(id), sql_int(json_integer_value(record))), error)) return FALSE;
  return sql_exec(sql, "UPDATE accession SET state = 'undoing', kept_count = $1, undo_next = first_record_id + reserved_count - 1 WHERE id = $2",
    SQL_ARGS(sql_int((gint64)json_array_size(kept)), sql_int(id)), error);
}

static gboolean purge(const House *house, Sql *sql, gint64 id, gint64 from, gint64 to, GError **error) {
  g_autoptr(GHashTable) kept = kept_records(sql, id, error);
  if (kept == NULL) return FALSE;
  for (gint64 record_id = to; record_id >= from; record_id--) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, &SCOPE_EVERYTHING, record_id, NULL);
    if (record == NULL || record->accession_id != id || g_hash_table_contains(kept, GSIZE_TO_POINTER((gsize)record_id))) continue;
    if (record->file_count && !forget_object(sql, id, record_id, error)) return FALSE;
    if (!catalog_record_purge(house, sql, record_id, error)) return FALSE;
  }
  return sql_exec(sql, "UPDATE accession SET undo_next = $1 WHERE id = $2", SQL_ARGS(sql_int(from - 1), sql_int(id)), error);
}

static gboolean restore_record(const House *house, Sql *sql, gint64 id, gint64 record_id, GError **error) {
  g_autofree char *before = sql_string(sql, "SELECT before FROM accession_change WHERE accession_id = $1 AND record_id = $2", SQL_ARGS(sql_int(id),
    sql_int(record_id)), error);
  g_autoptr(CatalogRecord) record = before ? record_from_json(before, error) : NULL;
  if (record == NULL) return before == NULL && throw(error, LANTAI_ERROR_INTERNAL, "条目 %" G_GINT64_FORMAT " 的旧状态不在了，不能恢复", record_id);
  return catalog_record_restore(house, sql, record, error) &&
    sql_exec(sql, "DELETE FROM accession_change WHERE accession_id = $1 AND record_id = $2", SQL_ARGS(sql_int(id), sql_int(record_id)), error);
}

gboolean undo_apply(const House *house, Sql *sql, gint64 id, json_t *step, GError **error) {
  const char *kind = text_at(step, "step");
  json_t *records = json_object_get(step, "records"), *record;
  size_t i;
  if (g_str_equal(kind, "begin")) return apply_begin(sql, id, step, error);
  if (g_str_equal(kind, "end")) return sql_exec(sql, "UPDATE accession SET state = 'undone', failure = '' WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (g_str_equal(kind, "purge")) return purge(house, sql, id, int_at(step, "from"), int_at(step, "to"), error);
  json_array_foreach(records, i, record) {
    gint64 record_id = json_integer_value(record);
    if (!(g_str_equal(kind, "files") ? attach_revert(house, sql, id, record_id, error) : restore_record(house, sql, id, record_id, error))) return FALSE;
  }
  return TRUE;
}

/* ---- running them ---- */

/* A record that goes back to what it was, or is left as it is, says so in its own history. */
static gboolean tell_records(Sql *sql, const char *actor, gint64 id, json_t *step, GError **error) {
  gboolean restored = g_str_equal(text_at(step, "step"), "restore");
  json_t *data = json_pack("{s:I}", "accession", (json_int_t)id), *record;
  gboolean good = TRUE;
  size_t i;
  json_array_foreach(json_object_get(step, restored ? "records" : "kept"), i, record)
    good = good && journal_append(sql, actor, restored ? "delivery.undo" : "delivery.keep", "record", json_integer_value(record), data, error) != 0;
  json_decref(data);
  return good;
}

static gboolean move_along(Sql *sql, const char *actor, gint64 id, const char *kind, GError **error) {
  const char *to = g_str_equal(kind, "begin") ? "undoing" : g_str_equal(kind, "end") ? "undone" : NULL;
  return to == NULL || life_move(sql, actor, id, &(LifeStep){to, NULL, NULL}, error);
}

static gboolean run_step(const House *house, Job *job, gint64 id, json_t *step, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 rev_before = sql ? catalog_rev_last(sql, error) : -1;
  if (rev_before < 0) return FALSE;
  if (!move_along(sql, job_actor(job), id, text_at(step, "step"), error)) return FALSE;
  catalog_bulk_begin(house, sql);
  if (!undo_apply(house, sql, id, step, error) || !catalog_bulk_end(house, sql, error) || !tell_records(sql, job_actor(job), id, step, error)) return FALSE;
  json_object_set_new(step, "rev_before", json_integer(rev_before));
  json_object_set_new(step, "rev", json_integer(catalog_rev_last(sql, error)));
  return journal_append(sql, job_actor(job), "accession.undo", "accession", id, step, error) != 0 && delivery_point("accession.undo", error) &&
    sql_commit(sql, error) &&
    delivery_point("accession.undo.done", error);
}

/* version and what stands above it, which somebody's own changes made; 0: the whole object. */
static gboolean remove_object(const House *house, gint64 record_id, gint64 version, GError **error) {
  g_autofree char *object = catalog_object_id(record_id);
  if (version == 0) return content_remove(house->content, object, error);
  for (gint64 newest = content_version(house->content, object); newest > version; newest--)
    if (!content_remove_version(house->content, object, (guint)newest, error)) return FALSE;
  return content_remove_version(house->content, object, (guint)version, error);
}

static gboolean close_removal(const House *house, Sql *sql, gint64 id, json_t *removal, GError **error) {
  gint64 record_id = int_at(removal, "record_id");
  g_autofree char *object = catalog_object_id(record_id);
  return content_log_drop(house->content, sql, object, (guint)int_at(removal, "version"), error) &&
    sql_exec(sql, "DELETE FROM accession_removal WHERE accession_id = $1 AND record_id = $2", SQL_ARGS(sql_int(id), sql_int(record_id)), error);
}

/* Objects whose records are gone or restored; again after a crash. */
static gboolean remove_objects(const House *house, gint64 id, GError **error) {
  for (gboolean more = TRUE; more;) {
    g_autoptr(Sql) look = sql_read(house->db, error);
    json_t *removals = look ? sql_json(look, "SELECT record_id, version FROM accession_removal WHERE accession_id = $1 ORDER BY record_id LIMIT 1000",
      SQL_ARGS(sql_int(id)), error) : NULL, *removal;
    g_clear_pointer(&look, sql_end);
    more = json_array_size(removals) > 0;
    gboolean good = removals != NULL;
    size_t i;
    json_array_foreach(removals, i, removal) good = good && remove_object(house, int_at(removal, "record_id"), int_at(removal, "version"), error);
    g_autoptr(Sql) sql = good && more ? sql_write(house->db, error) : NULL;
    json_array_foreach(removals, i, removal)
      good = good && sql && close_removal(house, sql, id, removal, error);
    good = good && (!more || sql_commit(sql, error));
    json_decref(removals);
    if (!good) return FALSE;
  }
  return TRUE;
}

static gboolean purge_all(const House *house, Job *job, json_t *delivery, GError **error) {
  gint64 id = int_at(delivery, "id"), first = int_at(delivery, "first_record_id"), count = int_at(delivery, "reserved_count");
  for (gint64 next = int_at(delivery, "undo_next"); next >= first && count; next -= STEP_RECORDS) {
    gint64 from = MAX(first, next - STEP_RECORDS + 1);
    json_t *step = json_pack("{s:s, s:I, s:I}", "step", "purge", "from", (json_int_t)from, "to", (json_int_t)next);
    gboolean good = run_step(house, job, id, step, error) && remove_objects(house, id, error);
    json_decref(step);
    if (!good) return FALSE;
    job_progress(job, first + count - from, count, "件", "收回条目");
    if (job_should_stop(job)) return TRUE;
  }
  return TRUE;
}

typedef json_t *(*ListRecords)(Sql *sql, gint64 id, GError **error);

static json_t *list_files(Sql *sql, gint64 id, GError **error) {
  return sql_json(sql, "SELECT record_id FROM accession_object WHERE accession_id = $1 AND record_id NOT IN "
    "(SELECT record_id FROM accession_kept WHERE accession_id = $1) ORDER BY record_id LIMIT 500", SQL_ARGS(sql_int(id)), error);
}

static json_t *list_changes(Sql *sql, gint64 id, GError **error) {
  return sql_json(sql, "SELECT record_id FROM accession_change WHERE accession_id = $1 AND record_id NOT IN "
    "(SELECT record_id FROM accession_kept WHERE accession_id = $1) ORDER BY record_id LIMIT 500", SQL_ARGS(sql_int(id)), error);
}

static json_t *records_step(const House *house, gint64 id, const char *kind, ListRecords list, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *rows = sql ? list(sql, id, error) : NULL, *records = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) json_array_append(records, json_object_get(row, "record_id"));
  json_t *step = rows ? json_pack("{s:s, s:O}", "step", kind, "records", records) : NULL;
  json_decref(records);
  json_decref(rows);
  return step;
}

static gboolean each_records(const House *house, Job *job, gint64 id, const char *kind, ListRecords list, GError **error) {
  for (gint64 done = 0; !job_should_stop(job);) {
    json_t *step = records_step(house, id, kind, list, error);
    size_t count = json_array_size(json_object_get(step, "records"));
    gboolean good = step != NULL && (count == 0 || (run_step(house, job, id, step, error) && remove_objects(house, id, error)));
    json_decref(step);
    if (!good) return FALSE;
    if (count == 0) return TRUE;
    done += (gint64)count;
    job_progress(job, done, 0, "件", g_str_equal(kind, "files") ? "收回原文" : "恢复旧状态");
  }
  return TRUE;
}

/* A node goes when this delivery made it, it is empty, and no other delivery counts on it. */
static gboolean remove_node(const House *house, Job *job, gint64 id, gint64 node_id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  GError *failure = NULL;
  gint64 others = sql_number(sql, "SELECT COUNT(*) AS others FROM accession_place AS p JOIN accession AS a ON a.id = p.accession_id WHERE p.accession_id <> "
    "$1 AND (p.fonds_id = $2 OR p.class_id = $2) "
    "AND a.state NOT IN ('undone')", SQL_ARGS(sql_int(id), sql_int(node_id)), 0, &failure);
  if (failure == NULL && others == 0 && catalog_record_delete(house, sql, job_actor(job), node_id, &failure)) return sql_commit(sql, error);
  if (failure == NULL || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_clear_error(&failure);
    return TRUE;
  }
  g_propagate_error(error, failure);
  return FALSE;
}

static gboolean remove_nodes(const House *house, Job *job, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *places = sql ? place_json(sql, id, error) : NULL, *place;
  g_clear_pointer(&sql, sql_end);
  gboolean good = places != NULL;
  size_t i;
  json_array_foreach(places, i, place)
    if (good && int_at(place, "made_class")) good = remove_node(house, job, id, int_at(place, "class_id"), error);
  json_array_foreach(places, i, place)
    if (good && int_at(place, "made_fonds")) good = remove_node(house, job, id, int_at(place, "fonds_id"), error);
  json_decref(places);
  return good;
}

static gboolean simple_step(const House *house, Job *job, gint64 id, const char *kind, GError **error) {
  json_t *step = json_pack("{s:s}", "step", kind);
  gboolean good = run_step(house, job, id, step, error);
  json_decref(step);
  return good;
}

static gboolean begin_undo(const House *house, Job *job, json_t *delivery, json_t *parameters, GError **error) {
  json_t *kept = NULL;
  if (!refuse_conflicts(house, job, delivery, parameters, &kept, error)) return FALSE;
  json_t *step = json_pack("{s:s, s:o}", "step", "begin", "kept", kept);
  gboolean good = run_step(house, job, int_at(delivery, "id"), step, error);
  json_decref(step);
  return good;
}

static gboolean undo(const House *house, Job *job, json_t **delivery, json_t *parameters, GError **error) {
  gint64 id = int_at(*delivery, "id");
  if (!delivery_is(*delivery, "undoing")) {
    if (!begin_undo(house, job, *delivery, parameters, error)) return FALSE;
    json_decref(*delivery);
    if ((*delivery = delivery_read(house, id, error)) == NULL) return FALSE;
  }
  if (!remove_objects(house, id, error) || !purge_all(house, job, *delivery, error)) return FALSE;
  if (job_should_stop(job)) return TRUE;
  if (!each_records(house, job, id, "files", list_files, error) || !each_records(house, job, id, "restore", list_changes, error)) return FALSE;
  if (job_should_stop(job)) return TRUE;
  if (!remove_nodes(house, job, id, error) || !search_optimize(house->search, error) || !simple_step(house, job, id, "end", error)) return FALSE;
  g_autofree char *unpacked = delivery_path(house, id, "files"), *package = delivery_path(house, id, "package");
  folder_remove(unpacked);
  folder_remove(package);
  return TRUE;
}

gboolean accession_undo(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_integer_value(json_object_get(parameters, "accession"));
  json_t *delivery = delivery_read(house, id, error);
  if (delivery == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  gboolean good = delivery_is(delivery, "undone") || undo(house, job, &delivery, parameters, &failure);
  gboolean begun = delivery && delivery_is(delivery, "undoing loading attaching");
  if (!good && begun && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) delivery_fail(house, id, failure);
  if (!good) g_propagate_error(error, g_steal_pointer(&failure));
  json_decref(delivery);
  return good;
}
