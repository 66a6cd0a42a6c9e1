/*
 * Places of copies as rows, opened targets, and the frame of every run.
 *
 * 1. A place is believed to be the copy only when its copy.json has the token that was written when it was added: an empty mount point is "away", not a
 *    copy that lost everything.
 * 2. Whatever ends a run, its row and the place's state say so.
 */
#include "copy-room.h"
#include "error.h"
#include <string.h>

void copy_row_free(CopyPlaceRow *row) {
  if (row == NULL) return;
  g_free(row->name);
  g_free(row->kind);
  g_free(row->location);
  g_free(row->token);
  g_free(row->host_key);
  g_free(row->key_file);
  g_free(row);
}

gboolean copy_primary_ensure(const House *house, GError **error) {
  g_autoptr(Sql) look = sql_read(house->db, error);
  if (look == NULL) return FALSE;
  if (sql_number(look, "SELECT id FROM copy WHERE id = $1", SQL_ARGS(sql_int(PRIMARY_ID)), 0, NULL) == PRIMARY_ID) return TRUE;
  g_clear_pointer(&look, sql_end);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql,
    "INSERT INTO copy (id, name, kind, location, token, created_us, state) VALUES ($1, '主存储', 'primary', $2, '', $3, 'ready') ON CONFLICT DO NOTHING",
    SQL_ARGS(sql_int(PRIMARY_ID), sql_text("store"), sql_int(clock_now_us())), error) && sql_commit(sql, error);
}

CopyPlaceRow *copy_row_load(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT * FROM copy WHERE id = $1", SQL_ARGS(sql_int(id)), error) : NULL;
  g_autoptr(GError) failure = NULL;
  if (rows == NULL) return NULL;
  if (!sql_next(rows, &failure)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号副本", id);
  CopyPlaceRow *row = g_new0(CopyPlaceRow, 1);
  *row = (CopyPlaceRow){id, sql_get_int(rows, "rate_megabytes"), sql_get_int(rows, "every_days"), sql_get_int(rows, "synced_serial"),
    sql_get_int(rows, "synced_event"), sql_get_int(rows, "synced_us"), sql_get_int(rows, "cursor"), sql_get_int(rows, "scrubbed_us"),
    g_strdup(sql_get_text(rows, "name")), g_strdup(sql_get_text(rows, "kind")), g_strdup(sql_get_text(rows, "location")),
    g_strdup(sql_get_text(rows, "token")), g_strdup(sql_get_text(rows, "host_key")), g_strdup(sql_get_text(rows, "key_file"))};
  return row;
}

gint64 copy_id_by_name(const House *house, const char *name, GError **error) {
  if (!copy_primary_ensure(house, error)) return 0;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  gint64 id = sql ? sql_number(sql, "SELECT id FROM copy WHERE name = $1", SQL_ARGS(sql_text(name)), 0, NULL) : 0;
  if (sql && id == 0) throw(error, LANTAI_ERROR_NOT_FOUND, "没有名为“%s”的副本。运行 lantai copy list 查看", name);
  return id;
}

gboolean copy_is_copy(const char *dir) {
  g_autofree char *path = g_build_filename(dir, "copy.json", NULL);
  return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static gboolean check_mark(Target *target, const CopyPlaceRow *row, GError **error) {
  g_autoptr(GError) reason = NULL;
  GString *text = target_read(target, "copy.json", 1 << 16, &reason);
  if (text == NULL)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 上没有副本“%s”的标志 copy.json（%s）。磁盘可能没有接上；副本确已丢失时，用修复重新建立", row->location, row->name,
      reason->message);
  json_t *mark = json_loadb(text->str, text->len, 0, NULL);
  gboolean same = g_strcmp0(json_string_value(json_object_get(mark, "token")), row->token) == 0;
  json_decref(mark);
  g_string_free(text, TRUE);
  return same || throw(error, LANTAI_ERROR_CONFLICT, "%s 上是另一个副本，不是“%s”，没有改动", row->location, row->name);
}

Target *copy_target_open(const House *house, const CopyPlaceRow *row, gboolean create, GError **error) {
  if (row->id == PRIMARY_ID) return target_open_local(house->dir, FALSE, error);
  const SftpTrust trust = {row->key_file, row->host_key};
  g_autoptr(Target) target =
    target_is_sftp(row->location) ? target_open_sftp(row->location, &trust, create, NULL, error) : target_open_local(row->location, create, error);
  if (target == NULL || (!create && !check_mark(target, row, error))) return NULL;
  return g_steal_pointer(&target);
}

gboolean copy_agrees(const char *object_id, GHashTable *state, gpointer data) {
  const House *house = data;
  static const char prefix[] = "urn:lantai:record:";
  if (!g_str_has_prefix(object_id, prefix)) return TRUE;
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT path, sha512 FROM file WHERE record_id = $1",
    SQL_ARGS(sql_int(g_ascii_strtoll(object_id + strlen(prefix), NULL, 10))), NULL) : NULL;
  while (rows && sql_next(rows, NULL))
    if (g_strcmp0(g_hash_table_lookup(state, sql_get_text(rows, "path")), sql_get_text(rows, "sha512")) != 0) return FALSE;
  return rows != NULL;
}

/* ---- runs ---- */

Run *run_begin(const House *house, Job *job, json_t *parameters, const char *kind, GError **error) {
  if (!copy_primary_ensure(house, error) || !content_log_fill(house->content, error)) return NULL;
  gint64 id = json_integer_value(json_object_get(parameters, "copy"));
  g_autoptr(CopyPlaceRow) place = copy_row_load(house, id, error);
  g_autoptr(Sql) sql = place ? sql_write(house->db, error) : NULL;
  gint64 now_us = clock_now_us();
  if (sql == NULL ||
    !sql_exec(sql, "INSERT INTO copy_run (copy_id, kind, actor, begun_us, state) VALUES ($1, $2, $3, $4, 'running')",
      SQL_ARGS(sql_int(id), sql_text(kind), sql_text(job_actor(job)), sql_int(now_us)), error)) return NULL;
  Run *run = g_new0(Run, 1);
  run->house = house;
  run->job = job;
  run->id = sql_last_id(sql);
  run->place = g_steal_pointer(&place);
  run->targets = g_ptr_array_new();
  run->owned = g_ptr_array_new_with_free_func((GDestroyNotify)target_close);
  run->run = (CopyRun){house->content, run->targets, copy_agrees, (gpointer)house};
  if (sql_exec(sql, "UPDATE copy SET tried_us = $1 WHERE id = $2", SQL_ARGS(sql_int(now_us), sql_int(id)), error) && sql_commit(sql, error)) return run;
  run_free(run);
  return NULL;
}

void run_free(Run *run) {
  if (run == NULL) return;
  copy_row_free(run->place);
  g_ptr_array_unref(run->targets);
  g_ptr_array_unref(run->owned);
  g_free(run);
}

static gboolean open_others(Run *run, GError **error) {
  g_autoptr(Sql) sql = sql_read(run->house->db, error);
  json_t *rows = sql ? sql_json(sql, "SELECT id FROM copy WHERE kind <> 'primary' ORDER BY id", SQL_NONE, error) : NULL, *item;
  g_clear_pointer(&sql, sql_end);
  size_t i;
  json_array_foreach(rows, i, item) {
    gint64 id = json_integer_value(json_object_get(item, "id"));
    if (id == run->place->id) continue;
    g_autoptr(CopyPlaceRow) row = copy_row_load(run->house, id, NULL);
    g_autoptr(GError) reason = NULL;
    Target *target = row ? copy_target_open(run->house, row, FALSE, &reason) : NULL;
    if (target == NULL) g_message("copy %s is not at hand as a source: %s", row ? row->name : "", reason ? reason->message : "");
    if (target == NULL) continue;
    g_ptr_array_add(run->owned, target);
    g_ptr_array_add(run->targets, target);
  }
  gboolean good = rows != NULL;
  json_decref(rows);
  return good;
}

gboolean run_open(Run *run, gboolean others, gboolean create, GError **error) {
  run->primary = target_open_local(run->house->dir, FALSE, error);
  if (run->primary == NULL) return FALSE;
  g_ptr_array_add(run->owned, run->primary);
  g_ptr_array_add(run->targets, run->primary);
  run->target = run->primary;
  if (run->place->id != PRIMARY_ID) {
    run->target = copy_target_open(run->house, run->place, create, error);
    if (run->target == NULL) return FALSE;
    g_ptr_array_add(run->owned, run->target);
    if (create ? !copy_target_mark(run->house, run->target, run->place, error) : !copy_settle(run->target, error)) return FALSE;
    g_ptr_array_add(run->targets, run->target);
  }
  return !others || open_others(run, error);
}

static const char *place_state(const Run *run, gboolean good, const GError *reason) {
  if (good) return "ready";
  return g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) ? "away" : "failed";
}

static gboolean write_end(Run *run, gboolean good, const GError *reason, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  const char *detail = reason ? reason->message : "";
  const char *state = !good ? "failed" : job_should_stop(run->job) ? "stopped" : "done";
  return sql && sql_exec(sql,
    "UPDATE copy_run SET ended_us = $1, state = $2, objects = $3, files = $4, bytes = $5, faults = $6, repaired = $7, lost = $8, detail = $9 WHERE id = $10",
    SQL_ARGS(sql_int(clock_now_us()), sql_text(state), sql_int(run->objects), sql_int(run->files), sql_int(run->bytes), sql_int(run->faults),
      sql_int(run->repaired), sql_int(run->lost), sql_text(detail), sql_int(run->id)), error) &&
    sql_exec(sql, "UPDATE copy SET state = $1, detail = $2, free_bytes = $3 WHERE id = $4",
      SQL_ARGS(sql_text(place_state(run, good, reason)), sql_text(detail), sql_int(run->target ? run->target->methods->space(run->target) : -1),
        sql_int(run->place->id)), error) && sql_commit(sql, error);
}

gboolean run_end(Run *run, gboolean good, GError **error) {
  g_autoptr(GError) failure = NULL;
  gboolean written = write_end(run, good, error ? *error : NULL, &failure);
  if (written) return good;
  if (good) g_propagate_error(error, g_steal_pointer(&failure));
  else g_warning("the end of a run of copy %s was not written: %s", run->place->name, failure->message);
  return FALSE;
}

/* ---- the log ---- */

void logged_clear(gpointer data) {
  LoggedObject *logged = data;
  g_free((char *)logged->object.object_id);
  g_free((char *)logged->object.inventory_sha512);
}

static GArray *collect(SqlRows *rows, GError **error) {
  if (rows == NULL) return NULL;
  g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(LoggedObject));
  g_array_set_clear_func(list, logged_clear);
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    LoggedObject logged = {{sql_get_int(rows, "id"), g_strdup(sql_get_text(rows, "object_id")), (guint)sql_get_int(rows, "version"),
      sql_get_int(rows, "tomb") == 1, g_strdup(sql_get_text(rows, "inventory"))}, sql_get_int(rows, "serial")};
    g_array_append_val(list, logged);
  }
  if (failure == NULL) return g_steal_pointer(&list);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

GArray *logged_after_key(const House *house, gint64 key, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql,
    "SELECT id, object_id, version, tomb, inventory, serial FROM content_object WHERE id > $1 AND version > 0 ORDER BY id LIMIT 200",
    SQL_ARGS(sql_int(key)), error) : NULL;
  return collect(rows, error);
}

GArray *logged_after_serial(const House *house, gint64 serial, gint64 up_to, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql,
    "SELECT id, object_id, version, tomb, inventory, serial FROM content_object WHERE serial > $1 AND serial <= $2 ORDER BY serial LIMIT 100",
    SQL_ARGS(sql_int(serial), sql_int(up_to)), error) : NULL;
  return collect(rows, error);
}

GArray *logged_pending(const House *house, gint64 copy_id, gint64 key, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql,
    "SELECT o.id AS id, o.object_id AS object_id, o.version AS version, o.tomb AS tomb, o.inventory AS inventory, o.serial AS serial"
    " FROM copy_object AS c JOIN content_object AS o ON o.id = c.object_key"
    " WHERE c.copy_id = $1 AND c.pending = 1 AND c.object_key > $2 ORDER BY c.object_key LIMIT 100", SQL_ARGS(sql_int(copy_id), sql_int(key)), error) : NULL;
  return collect(rows, error);
}

GArray *logged_faulty(const House *house, gint64 copy_id, gint64 key, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql,
    "SELECT o.id AS id, o.object_id AS object_id, o.version AS version, o.tomb AS tomb, o.inventory AS inventory, o.serial AS serial"
    " FROM copy_object AS c JOIN content_object AS o ON o.id = c.object_key"
    " WHERE c.copy_id = $1 AND c.faults > 0 AND c.object_key > $2 ORDER BY c.object_key LIMIT 100", SQL_ARGS(sql_int(copy_id), sql_int(key)), error) : NULL;
  return collect(rows, error);
}

gboolean logged_one(const House *house, gint64 key, LoggedObject *ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql,
    "SELECT id, object_id, version, tomb, inventory, serial FROM content_object WHERE id = $1", SQL_ARGS(sql_int(key)), error) : NULL;
  g_autoptr(GArray) list = collect(rows, error);
  if (list == NULL || list->len == 0) return FALSE;
  *ret = g_array_index(list, LoggedObject, 0);
  g_array_index(list, LoggedObject, 0) = (LoggedObject){.serial = 0};
  return TRUE;
}

/* ---- what was found ---- */

gboolean faults_put(Sql *sql, gint64 copy_id, gint64 key, const GPtrArray *faults, gint64 run_id, GError **error) {
  if (!sql_exec(sql, "DELETE FROM copy_fault WHERE copy_id = $1 AND object_key = $2", SQL_ARGS(sql_int(copy_id), sql_int(key)), error)) return FALSE;
  for (guint i = 0; i < faults->len; i++) {
    const CopyFault *fault = faults->pdata[i];
    if (!sql_exec(sql,
          "INSERT INTO copy_fault (copy_id, object_key, path, result, detail, found_us, run_id) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
          SQL_ARGS(sql_int(copy_id), sql_int(key), sql_text(fault->path), sql_text(copy_result_name(fault->result)), sql_text(fault->detail),
            sql_int(clock_now_us()), sql_int(run_id)), error)) return FALSE;
  }
  return TRUE;
}

gboolean checked_put(Sql *sql, const Run *run, const CopyChecked *checked, GError **error) {
  return sql_exec(sql,
    "INSERT INTO copy_object (copy_id, object_key, version, checked_version, checked_us, run_id, faults) VALUES ($1, $2, $3, $3, $4, $5, $6)"
    " ON CONFLICT (copy_id, object_key) DO UPDATE SET checked_version = excluded.checked_version, checked_us = excluded.checked_us,"
    " run_id = excluded.run_id, faults = excluded.faults",
    SQL_ARGS(sql_int(run->place->id), sql_int(checked->key), sql_int(checked->version), sql_int(clock_now_us()), sql_int(run->id),
      sql_int(checked->faults->len)), error) &&
    faults_put(sql, run->place->id, checked->key, checked->faults, run->id, error);
}
