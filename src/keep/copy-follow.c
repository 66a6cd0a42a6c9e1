/*
 * Bringing a copy up to date.
 *
 * 1. What the copy must come to is one moment of the database: serials of the log and events of the journal up to it.
 * 2. Order: new versions, then the journal, then what was undone, removed or destroyed; so an archive made anew from the copy never lacks what its journal
 *    speaks of.
 * 3. Only when all of it is done does the copy's row say so; what was brought before a stop is remembered object by object and not looked at again.
 */
#include "copy-room.h"
#include "error.h"
#include <gio/gio.h>
#include <string.h>

enum { BATCH = 100, JOURNAL_LINES = 100000, FILE_LIMIT_BYTES = 512 << 20 };

typedef struct {
  Run *run;
  Sql *sql; /* of the batch's end */
  const GArray *batch;
  GError *failure;
} Told;

static const LoggedObject *logged_of(const GArray *batch, gint64 key) {
  for (guint i = 0; i < batch->len; i++)
    if (g_array_index(batch, LoggedObject, i).object.key == key) return &g_array_index(batch, LoggedObject, i);
  return NULL;
}

static gboolean put_brought(Sql *sql, const Run *run, const LoggedObject *logged, gboolean pending, GError **error) {
  return sql_exec(sql,
    "INSERT INTO copy_object (copy_id, object_key, version, serial, pending) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (copy_id, object_key) DO UPDATE SET"
    " version = CASE WHEN excluded.pending = 1 THEN copy_object.version ELSE excluded.version END, serial = excluded.serial, pending = excluded.pending,"
    " checked_version = CASE WHEN copy_object.checked_version > excluded.version THEN 0 ELSE copy_object.checked_version END",
    SQL_ARGS(sql_int(run->place->id), sql_int(logged->object.key), sql_int(pending ? 0 : logged->object.version), sql_int(logged->serial), sql_int(pending)),
    error);
}

/* What stands in the primary's way is the primary's fault, and counted there. */
static gboolean put_primary_faults(Sql *sql, const Run *run, const CopyObject *object, const GPtrArray *faults, GError **error) {
  return sql_exec(sql,
    "INSERT INTO copy_object (copy_id, object_key, version, run_id, checked_us, faults) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (copy_id, object_key) DO UPDATE SET faults = excluded.faults, run_id = excluded.run_id, checked_us = excluded.checked_us",
    SQL_ARGS(sql_int(PRIMARY_ID), sql_int(object->key), sql_int(object->version), sql_int(run->id), sql_int(clock_now_us()), sql_int(faults->len)), error) &&
    faults_put(sql, PRIMARY_ID, object->key, faults, run->id, error);
}

static void on_told(const CopyObject *object, gboolean from_primary, GPtrArray *faults, gint64 bytes, gpointer data) {
  Told *told = data;
  Run *run = told->run;
  if (told->failure) return;
  run->objects++;
  run->bytes += bytes;
  run->faults += faults->len;
  const LoggedObject *logged = logged_of(told->batch, object->key);
  gboolean good = put_brought(told->sql, run, logged, faults->len > 0, &told->failure);
  if (good && faults->len && from_primary) good = put_primary_faults(told->sql, run, object, faults, &told->failure);
  else if (good && faults->len)
    good = faults_put(told->sql, run->place->id, object->key, faults, run->id, &told->failure) &&
      sql_exec(told->sql, "UPDATE copy_object SET faults = $1 WHERE copy_id = $2 AND object_key = $3",
        SQL_ARGS(sql_int(faults->len), sql_int(run->place->id), sql_int(object->key)), &told->failure);
}

typedef struct {
  GPtrArray *faults; /* GPtrArray of CopyFault, in the order of objects */
  GArray *bytes, *primary;
} Results;

static void keep_result(const CopyObject *object, gboolean from_primary, GPtrArray *faults, gint64 bytes, gpointer data) {
  Results *results = data;
  g_ptr_array_add(results->faults, g_ptr_array_ref(faults));
  g_array_append_val(results->bytes, bytes);
  g_array_append_val(results->primary, from_primary);
}

/* Copies first, without the writer; then one short transaction. */
static gboolean bring(Run *run, const GArray *batch, GError **error) {
  if (batch->len == 0) return TRUE;
  g_autofree CopyObject *objects = g_new(CopyObject, batch->len);
  for (guint i = 0; i < batch->len; i++) objects[i] = g_array_index(batch, LoggedObject, i).object;
  g_autoptr(GPtrArray) faults = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  g_autoptr(GArray) bytes = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GArray) primary = g_array_new(FALSE, FALSE, sizeof(gboolean));
  Results results = {faults, bytes, primary};
  if (!copy_sync(&run->run, run->target, objects, batch->len, keep_result, &results, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  if (sql == NULL) return FALSE;
  Told told = {run, sql, batch, NULL};
  for (guint i = 0; i < batch->len; i++)
    on_told(&objects[i], g_array_index(primary, gboolean, i), faults->pdata[i], g_array_index(bytes, gint64, i), &told);
  if (told.failure) return g_propagate_error(error, told.failure), FALSE;
  return fault_point("copy.sync.told") && sql_commit(sql, error);
}

typedef struct {
  gint64 version, serial, pending;
} Known;

static Known known_of(const Run *run, gint64 key) {
  Known known = {0, 0, 0};
  g_autoptr(Sql) sql = sql_read(run->house->db, NULL);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT version, serial, pending FROM copy_object WHERE copy_id = $1 AND object_key = $2",
    SQL_ARGS(sql_int(run->place->id), sql_int(key)), NULL) : NULL;
  if (rows && sql_next(rows, NULL)) known = (Known){sql_get_int(rows, "version"), sql_get_int(rows, "serial"), sql_get_int(rows, "pending")};
  return known;
}

/* What takes something away from the copy: it waits until the journal is there. */
static gboolean takes_away(const LoggedObject *logged, const Known *known) {
  return logged->object.version == 0 || logged->object.version < known->version || (logged->object.tomb && known->version > 0);
}

static void move_object(GArray *to, LoggedObject *logged) {
  g_array_append_val(to, *logged);
  *logged = (LoggedObject){.serial = logged->serial};
}

static gboolean remove_one(Run *run, const LoggedObject *logged, GError **error) {
  if (!copy_remove(run->target, logged->object.object_id, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  run->objects++;
  return sql && sql_exec(sql, "DELETE FROM copy_object WHERE copy_id = $1 AND object_key = $2", SQL_ARGS(sql_int(run->place->id), sql_int(logged->object.key)),
    error) && sql_exec(sql, "DELETE FROM copy_fault WHERE copy_id = $1 AND object_key = $2", SQL_ARGS(sql_int(run->place->id), sql_int(logged->object.key)),
    error) && sql_commit(sql, error);
}

/* One way through the log. away FALSE: what adds; ret_more tells that something else was met. away TRUE: that. */
static gboolean follow(Run *run, gint64 up_to, gboolean away, gboolean *ret_more, GError **error) {
  gint64 serial = run->place->synced_serial;
  for (;;) {
    g_autoptr(GArray) rows = logged_after_serial(run->house, serial, up_to, error);
    if (rows == NULL) return FALSE;
    if (rows->len == 0) return TRUE;
    g_autoptr(GArray) batch = g_array_new(FALSE, FALSE, sizeof(LoggedObject));
    g_array_set_clear_func(batch, logged_clear);
    serial = g_array_index(rows, LoggedObject, rows->len - 1).serial;
    for (guint i = 0; i < rows->len; i++) {
      LoggedObject *logged = &g_array_index(rows, LoggedObject, i);
      const Known known = known_of(run, logged->object.key);
      if (known.serial >= logged->serial && !known.pending) continue;
      gboolean taking = takes_away(logged, &known);
      *ret_more = *ret_more || taking;
      if (taking != away) continue;
      if (logged->object.version == 0 && !remove_one(run, logged, error)) return FALSE;
      if (logged->object.version > 0) move_object(batch, logged);
    }
    if (!bring(run, batch, error)) return FALSE;
    job_progress(run->job, serial - run->place->synced_serial, up_to - run->place->synced_serial, "个对象", "更新副本");
    if (job_should_stop(run->job)) return TRUE;
  }
}

static gboolean retry_pending(Run *run, GError **error) {
  for (gint64 key = 0;;) {
    g_autoptr(GArray) batch = logged_pending(run->house, run->place->id, key, error);
    if (batch == NULL) return FALSE;
    if (batch->len == 0) return TRUE;
    key = g_array_index(batch, LoggedObject, batch->len - 1).object.key;
    for (guint i = batch->len; i > 0; i--)
      if (g_array_index(batch, LoggedObject, i - 1).object.version == 0) g_array_remove_index(batch, i - 1);
    if (!bring(run, batch, error) || job_should_stop(run->job)) return job_should_stop(run->job);
  }
}

/* ---- beside the store ---- */

static gboolean put_if_other(Target *target, const char *name, const char *text, gsize length, GError **error) {
  TargetInfo info;
  if (!target->methods->look(target, name, &info, error)) return FALSE;
  if (info.kind == TARGET_FILE && info.size_bytes == (gint64)length) {
    GString *there = target_read(target, name, FILE_LIMIT_BYTES, NULL);
    gboolean same = there && there->len == length && memcmp(there->str, text, length) == 0;
    if (there) g_string_free(there, TRUE);
    if (same) return TRUE;
  }
  return target_put(target, name, text, length, error);
}

static gboolean put_file(Run *run, const char *name, GError **error) {
  g_autofree char *path = g_build_filename(run->house->dir, name, NULL), *text = NULL;
  gsize length;
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) return TRUE;
  return g_file_get_contents(path, &text, &length, error) && put_if_other(run->target, name, text, length, error);
}

static gboolean put_folder(Run *run, const char *name, guint depth, GError **error) {
  g_autofree char *path = g_build_filename(run->house->dir, name, NULL);
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *entry; dir && (entry = g_dir_read_name(dir));) {
    g_autofree char *below = g_build_filename(name, entry, NULL), *full = g_build_filename(path, entry, NULL);
    gboolean folder = g_file_test(full, G_FILE_TEST_IS_DIR);
    if (folder ? depth > 0 && !put_folder(run, below, depth - 1, error) : !put_file(run, below, error)) return FALSE;
  }
  return TRUE;
}

/* Events up to one: whole files by size, the last one cut after its line. */
static gboolean put_journal(Run *run, gint64 last, GError **error) {
  gint64 files = (last + JOURNAL_LINES - 1) / JOURNAL_LINES;
  for (gint64 number = MAX(1, run->place->synced_event / JOURNAL_LINES); number <= files; number++) {
    g_autofree char *name = g_strdup_printf("journal/%06" G_GINT64_FORMAT ".ndjson", number), *path = g_build_filename(run->house->dir, name, NULL), *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, NULL)) continue; /* the mirror may lag a moment; the next run brings it */
    gsize wanted = number < files ? JOURNAL_LINES : (gsize)(last - (files - 1) * JOURNAL_LINES), at = 0;
    for (; wanted > 0 && at < length; wanted--) {
      const char *end = memchr(text + at, '\n', length - at);
      if (end == NULL) break;
      at = (gsize)(end - text) + 1;
    }
    if (!put_if_other(run->target, name, text, at, error)) return FALSE;
  }
  return TRUE;
}

typedef struct {
  gint64 serial, event;
} Moment;

static gboolean this_moment(const House *house, Moment *ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  *ret = (Moment){sql_number(sql, "SELECT MAX(serial) AS serial FROM content_object", SQL_NONE, 0, NULL),
    sql_number(sql, "SELECT MAX(id) AS id FROM event", SQL_NONE, 0, NULL)};
  return TRUE;
}

static gboolean note_synced(Run *run, const Moment *moment, GError **error) {
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  return sql && sql_exec(sql, "UPDATE copy SET synced_serial = $1, synced_event = $2, synced_us = $3 WHERE id = $4",
    SQL_ARGS(sql_int(moment->serial), sql_int(moment->event), sql_int(clock_now_us()), sql_int(run->place->id)), error) && sql_commit(sql, error);
}

gboolean copy_follow(Run *run, GError **error) {
  Moment moment;
  gboolean more = FALSE, again = FALSE;
  if (!this_moment(run->house, &moment, error) || !put_file(run, "lantai.yaml", error) || !put_folder(run, "definitions", 2, error)) return FALSE;
  if (!retry_pending(run, error) || !follow(run, moment.serial, FALSE, &more, error)) return FALSE;
  if (job_should_stop(run->job)) return TRUE;
  if (!put_journal(run, moment.event, error)) return FALSE;
  if (more && !follow(run, moment.serial, TRUE, &again, error)) return FALSE;
  return job_should_stop(run->job) || note_synced(run, &moment, error);
}

gboolean copy_job_sync(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Run) run = run_begin(house, job, parameters, "sync", error);
  if (run == NULL) return FALSE;
  g_autoptr(GError) reason = NULL;
  gboolean good = run->place->id != PRIMARY_ID || throw(&reason, LANTAI_ERROR_INVALID, "主存储不是副本，不用更新");
  good = run_end(run, good && run_open(run, FALSE, FALSE, &reason) && copy_follow(run, &reason), &reason);
  if (!good) g_propagate_error(error, g_steal_pointer(&reason));
  return good;
}
