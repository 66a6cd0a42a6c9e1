/*
 * Reading a place again, byte by byte, at its rate; and repairing what was found.
 *
 * 1. A scrub goes through the log by key; what it found and how far it is are written together every few seconds, so it goes on where it stopped.
 * 2. The store is written to meanwhile: a fault counts only when the object was not changed since, and a second look finds it again.
 * 3. A repair that finds no good copy says so: the fault is marked lost, an event tells of it, the home page warns.
 */
#include "copy-room.h"
#include "error.h"
#include <string.h>

enum { WRITE_OBJECTS = 200, WRITE_US = 2000000, SECOND_LOOK_US = 200000, MEGABYTE = 1000000 };

typedef struct {
  Run *run;
  CopyScrub *scrub;
  GHashTable *under_way; /* keys */
  GPtrArray *checked;    /* not yet written */
  gint64 cursor, written_us, total, before;
} Scrub;

static gboolean is_settling(const House *house, const char *object_id) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  return sql && sql_number(sql, "SELECT COUNT(*) AS rows FROM content_intent WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), 0, NULL) > 0;
}

/* Invariant 2. NULL: not to be counted now. */
static CopyChecked *look_again(Scrub *scrub, CopyChecked *first) {
  g_autoptr(CopyChecked) checked = first;
  LoggedObject logged = {.serial = 0};
  const Run *run = scrub->run;
  g_usleep(SECOND_LOOK_US);
  if (!logged_one(run->house, checked->key, &logged, NULL)) return NULL;
  gboolean same = logged.object.version == checked->version && !is_settling(run->house, checked->object_id);
  g_autoptr(CopyScrub) second = same ? copy_scrub_new(&run->run, run->target, 0) : NULL;
  CopyChecked *result = second && copy_scrub_push(second, &logged.object, NULL) ? copy_scrub_pop(second, TRUE, NULL) : NULL;
  logged_clear(&logged);
  return result;
}

static gint64 safe_cursor(const Scrub *scrub) {
  gint64 least = scrub->cursor + 1;
  GHashTableIter iter;
  gpointer key;
  for (g_hash_table_iter_init(&iter, scrub->under_way); g_hash_table_iter_next(&iter, &key, NULL);) least = MIN(least, (gint64)GPOINTER_TO_SIZE(key));
  return least - 1;
}

static gboolean write_checked(Scrub *scrub, GError **error) {
  Run *run = scrub->run;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  gboolean good = sql != NULL;
  for (guint i = 0; good && i < scrub->checked->len; i++) good = checked_put(sql, run, scrub->checked->pdata[i], error);
  good = good && sql_exec(sql, "UPDATE copy SET cursor = $1 WHERE id = $2", SQL_ARGS(sql_int(safe_cursor(scrub)), sql_int(run->place->id)), error) &&
    sql_exec(sql, "UPDATE copy_run SET objects = $1, files = $2, bytes = $3, faults = $4 WHERE id = $5",
      SQL_ARGS(sql_int(run->objects), sql_int(run->files), sql_int(run->bytes), sql_int(run->faults), sql_int(run->id)), error) &&
    sql_commit(sql, error);
  g_ptr_array_set_size(scrub->checked, 0);
  scrub->written_us = g_get_monotonic_time();
  return good;
}

static void take(Scrub *scrub, CopyChecked *checked) {
  Run *run = scrub->run;
  g_hash_table_remove(scrub->under_way, GSIZE_TO_POINTER((gsize)checked->key));
  if (checked->faults->len) checked = look_again(scrub, checked);
  if (checked == NULL) return;
  run->objects++;
  run->files += checked->files;
  run->bytes += checked->bytes;
  run->faults += checked->faults->len;
  g_ptr_array_add(scrub->checked, checked);
}

static gboolean take_ready(Scrub *scrub, gboolean wait, GError **error) {
  g_autoptr(GError) reason = NULL;
  for (CopyChecked *checked; (checked = copy_scrub_pop(scrub->scrub, wait, &reason));) take(scrub, checked);
  if (reason) return g_propagate_error(error, g_steal_pointer(&reason)), FALSE;
  job_progress(scrub->run->job, scrub->before + scrub->run->objects, scrub->total, "个对象", "逐字节校验");
  gboolean due = scrub->checked->len >= WRITE_OBJECTS || g_get_monotonic_time() - scrub->written_us > WRITE_US;
  return (!due && !wait) || write_checked(scrub, error);
}

/* At a copy only what was brought there can be read. */
static gboolean is_there(const Run *run, const LoggedObject *logged) {
  if (run->place->id == PRIMARY_ID) return TRUE;
  g_autoptr(Sql) sql = sql_read(run->house->db, NULL);
  return sql && sql_number(sql, "SELECT version FROM copy_object WHERE copy_id = $1 AND object_key = $2 AND pending = 0",
    SQL_ARGS(sql_int(run->place->id), sql_int(logged->object.key)), 0, NULL) == logged->object.version;
}

static gboolean read_all(Scrub *scrub, GError **error) {
  Run *run = scrub->run;
  for (;;) {
    g_autoptr(GArray) rows = logged_after_key(run->house, scrub->cursor, error);
    if (rows == NULL) return FALSE;
    if (rows->len == 0) return take_ready(scrub, TRUE, error);
    for (guint i = 0; i < rows->len; i++) {
      const LoggedObject *logged = &g_array_index(rows, LoggedObject, i);
      if (job_should_stop(run->job)) {
        copy_scrub_stop(scrub->scrub);
        return write_checked(scrub, error);
      }
      scrub->cursor = logged->object.key;
      if (!is_there(run, logged)) continue;
      g_hash_table_add(scrub->under_way, GSIZE_TO_POINTER((gsize)logged->object.key));
      if (!copy_scrub_push(scrub->scrub, &logged->object, error) || !take_ready(scrub, FALSE, error)) return FALSE;
    }
  }
}

/* At its end the place is as good as this run found it; what it found is repaired soon. */
static gboolean end_scrub(Run *run, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  if (sql == NULL ||
    !sql_exec(sql, "UPDATE copy SET cursor = 0, scrubbed_us = $1 WHERE id = $2", SQL_ARGS(sql_int(clock_now_us()), sql_int(run->place->id)), error)) return FALSE;
  json_t *data = json_pack("{s:s, s:I, s:I, s:I, s:I}", "copy", run->place->name, "objects", (json_int_t)run->objects, "files", (json_int_t)run->files, "bytes",
    (json_int_t)run->bytes, "faults", (json_int_t)run->faults);
  gboolean good = journal_append(sql, job_actor(run->job), "copy.verified", "copy", run->place->id, data, error) != 0;
  json_decref(data);
  json_t *parameters = json_pack("{s:I}", "copy", (json_int_t)run->place->id);
  if (good && run->faults && run->house->jobs)
    good = job_queue(sql, "copy.repair", "copy", run->place->id, parameters, job_actor(run->job), error) != 0;
  json_decref(parameters);
  return good && sql_commit(sql, error);
}

static gint64 rate_of(const Run *run, json_t *parameters) {
  json_t *asked = json_object_get(parameters, "rate");
  gint64 rate = json_is_integer(asked) ? json_integer_value(asked) : run->place->rate_megabytes;
  return (rate < 0 ? settings_int(run->house->settings, "copy.megabytes_per_second") : rate) * MEGABYTE;
}

static gboolean scrub_place(Run *run, json_t *parameters, GError **error) {
  g_autoptr(GHashTable) under_way = g_hash_table_new(NULL, NULL);
  g_autoptr(GPtrArray) checked = g_ptr_array_new_with_free_func((GDestroyNotify)copy_checked_free);
  g_autoptr(CopyScrub) engine = copy_scrub_new(&run->run, run->target, rate_of(run, parameters));
  Scrub scrub = {run, engine, under_way, checked, run->place->cursor, g_get_monotonic_time(), 0, 0};
  {
    g_autoptr(Sql) sql = sql_read(run->house->db, error);
    if (sql == NULL) return FALSE;
    scrub.total = sql_number(sql, "SELECT COUNT(*) AS rows FROM content_object", SQL_NONE, 0, NULL);
    scrub.before = sql_number(sql, "SELECT COUNT(*) AS rows FROM content_object WHERE id <= $1", SQL_ARGS(sql_int(scrub.cursor)), 0, NULL);
  }
  return read_all(&scrub, error) && (job_should_stop(run->job) || end_scrub(run, error));
}

gboolean copy_job_verify(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Run) run = run_begin(house, job, parameters, "verify", error);
  if (run == NULL) return FALSE;
  g_autoptr(GError) reason = NULL;
  if (json_is_true(json_object_get(parameters, "again"))) run->place->cursor = 0;
  gboolean good = run_end(run, run_open(run, FALSE, FALSE, &reason) && scrub_place(run, parameters, &reason), &reason);
  if (!good) g_propagate_error(error, g_steal_pointer(&reason));
  return good;
}

/* ---- repairing ---- */

static json_t *repaired_json(const Run *run, const char *object_id, const GPtrArray *repaired) {
  json_t *files = json_array();
  for (guint i = 0; i < repaired->len; i++) {
    const CopyRepaired *file = repaired->pdata[i];
    json_array_append_new(files, json_pack("{s:s, s:s, s:s, s:s, s:I}", "path", file->path, "before", copy_result_name(file->before), "sha512", file->sha512,
      "source", file->source, "bytes", (json_int_t)file->size_bytes));
  }
  return json_pack("{s:s, s:s, s:o}", "copy", run->place->name, "object", object_id, "files", files);
}

static json_t *lost_json(const Run *run, const char *object_id, const GPtrArray *lost) {
  json_t *files = json_array();
  for (guint i = 0; i < lost->len; i++) {
    const CopyFault *fault = lost->pdata[i];
    json_array_append_new(files, json_pack("{s:s, s:s}", "path", fault->path, "before", copy_result_name(fault->result)));
  }
  return json_pack("{s:s, s:s, s:o}", "copy", run->place->name, "object", object_id, "files", files);
}

/* Events belong to the record where the object is one's. */
static gboolean tell(Sql *sql, const Run *run, const char *action, const char *object_id, json_t *data, GError **error) {
  static const char prefix[] = "urn:lantai:record:";
  gboolean record = g_str_has_prefix(object_id, prefix);
  gint64 subject = record ? g_ascii_strtoll(object_id + strlen(prefix), NULL, 10) : run->place->id;
  gboolean good = journal_append(sql, job_actor(run->job), action, record ? "record" : "copy", subject, data, error) != 0;
  json_decref(data);
  return good;
}

static gboolean write_repaired(Run *run, const CopyObject *object, const GPtrArray *repaired, const GPtrArray *lost, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  gint64 key = object->key;
  if (sql == NULL || !faults_put(sql, run->place->id, key, lost, run->id, error)) return FALSE;
  gboolean good = sql_exec(sql, "UPDATE copy_fault SET lost = 1, detail = '无完好副本' WHERE copy_id = $1 AND object_key = $2",
    SQL_ARGS(sql_int(run->place->id), sql_int(key)), error) &&
    sql_exec(sql, "UPDATE copy_object SET faults = $1, checked_us = $2, checked_version = $3, run_id = $4 WHERE copy_id = $5 AND object_key = $6",
      SQL_ARGS(sql_int(lost->len), sql_int(clock_now_us()), sql_int(object->version), sql_int(run->id), sql_int(run->place->id), sql_int(key)), error);
  if (good && repaired->len) good = tell(sql, run, "keep.repaired", object->object_id, repaired_json(run, object->object_id, repaired), error);
  if (good && lost->len) good = tell(sql, run, "keep.lost", object->object_id, lost_json(run, object->object_id, lost), error);
  return good && sql_commit(sql, error);
}

static gboolean repair_one(Run *run, const CopyObject *object, GError **error) {
  g_autoptr(GPtrArray) repaired = g_ptr_array_new_with_free_func(copy_repaired_free);
  g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func(copy_fault_free);
  if (!copy_repair(&run->run, run->target, object, repaired, lost, error) || !write_repaired(run, object, repaired, lost, error)) return FALSE;
  run->objects++;
  run->repaired += repaired->len;
  run->lost += lost->len;
  run->faults += lost->len;
  for (guint i = 0; i < repaired->len; i++) run->bytes += ((const CopyRepaired *)repaired->pdata[i])->size_bytes;
  return TRUE;
}

static gboolean repair_faulty(Run *run, GError **error) {
  for (gint64 key = 0;;) {
    g_autoptr(GArray) rows = logged_faulty(run->house, run->place->id, key, error);
    if (rows == NULL) return FALSE;
    if (rows->len == 0) return TRUE;
    for (guint i = 0; i < rows->len; i++) {
      const LoggedObject *logged = &g_array_index(rows, LoggedObject, i);
      key = logged->object.key;
      if (logged->object.version > 0 && !repair_one(run, &logged->object, error)) return FALSE;
      job_progress(run->job, run->objects, 0, "个对象", "修复");
      if (job_should_stop(run->job)) return TRUE;
    }
  }
}

/* The place can be reached but the copy is gone from it: it is forgotten and made anew. */
static gboolean begin_anew(Run *run, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  gint64 id = run->place->id;
  run->place->synced_serial = run->place->synced_event = run->place->cursor = 0;
  return sql && sql_exec(sql, "DELETE FROM copy_object WHERE copy_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM copy_fault WHERE copy_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "UPDATE copy SET synced_serial = 0, synced_event = 0, cursor = 0 WHERE id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}

static gboolean repair_place(Run *run, GError **error) {
  g_autoptr(GError) reason = NULL;
  if (run_open(run, TRUE, FALSE, &reason)) {
    if (!repair_faulty(run, error)) return FALSE;
    return run->place->id == PRIMARY_ID || job_should_stop(run->job) || copy_follow(run, error);
  }
  gboolean gone = run->place->id != PRIMARY_ID && g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  if (!gone) return g_propagate_error(error, g_steal_pointer(&reason)), FALSE;
  g_ptr_array_set_size(run->targets, 0);
  g_ptr_array_set_size(run->owned, 0);
  return run_open(run, TRUE, TRUE, error) && begin_anew(run, error) && copy_follow(run, error);
}

gboolean copy_job_repair(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Run) run = run_begin(house, job, parameters, "repair", error);
  if (run == NULL) return FALSE;
  g_autoptr(GError) reason = NULL;
  gboolean good = run_end(run, repair_place(run, &reason), &reason);
  if (!good) g_propagate_error(error, g_steal_pointer(&reason));
  return good;
}
