/*
 * Running a patrol: the 长期保存 checks over all records that have files, by id, in slices.
 *
 * 1. A slice is a check of its own, of at most SLICE_RECORDS records or SLICE_US; what it came to and how far the patrol is are one commit. So a patrol goes on
 *    after a crash with the slice that was not committed, and counts nothing twice.
 * 2. All bytes are read for their digests at the patrol's rate, whatever the number of threads.
 * 3. What a slice holds in memory is bounded by the check's window; nothing grows with the holdings.
 */
#include "check.h"
#include "job.h"
#include "pace.h"
#include "patrol.h"
#include "settings.h"
#include <string.h>

enum { SLICE_RECORDS = 2000, BATCH = 100 };
#define SLICE_US (G_GINT64_CONSTANT(300) * G_USEC_PER_SEC)

typedef struct {
  const House *house;
  Job *job;
  PatrolPlan plan;
  gboolean any_hour;
  gint64 id, year, fonds_id, reached, bytes_before, total_bytes, rate;
  char *actor;
  /* of the slice under way */
  CheckRun *check;
  gint64 begun_us, last, records, files, bytes, fonds_known;
  char *fonds_code;
  gboolean at_end;
} Patrol;

/* ---- a record as a unit ---- */

static const char *fonds_code(Patrol *patrol, Sql *sql, gint64 fonds_id) {
  if (patrol->fonds_known == fonds_id) return patrol->fonds_code;
  g_free(patrol->fonds_code);
  patrol->fonds_code = sql_string(sql, "SELECT code FROM record WHERE id = $1", SQL_ARGS(sql_int(fonds_id)), NULL);
  patrol->fonds_known = fonds_id;
  return patrol->fonds_code;
}

/* As a canonical row (check.h). page_count is not told when derived files stand beside the originals: the sum of pages would be another. */
static json_t *row_of(Patrol *patrol, Sql *sql, const CatalogRecord *record, gboolean derived) {
  const CatalogCategory *category = catalog_category(patrol->house->catalog, record->category);
  const char *fonds = fonds_code(patrol, sql, record->fonds_id);
  json_t *fields = json_loads(record->fields, 0, NULL);
  json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:i, s:i, s:o}", "code", record->code, "title", record->title, "creator", record->creator,
    "docno", record->docno, "date_text", record->date_text, "date_from", (int)record->date.from, "date_to", (int)record->date.to, "year", record->year,
    "retention", record->retention, "security", (int)record->security, "opening", (int)record->opening, "level", (int)record->level, "fields",
    fields ? fields : json_object());
  if (category) json_object_set_new(row, "category", json_string(category->code));
  if (fonds) json_object_set_new(row, "fonds", json_string(fonds));
  if (!derived && record->page_count) json_object_set_new(row, "page_count", json_integer(record->page_count));
  return row;
}

static gboolean is_derived(const CatalogFile *file) { return g_str_has_prefix(file->path, "derived/"); }

static json_t *declared_of(const CatalogFile *file) {
  json_t *declared = json_pack("{s:I, s:s, s:{s:s, s:s}}", "size", (json_int_t)file->size_bytes, "format", file->mime, "digest", "sha512",
    file->sha512, "sm3", file->sm3);
  if (file->page_count > 0) json_object_set_new(declared, "pages", json_integer(file->page_count));
  return declared;
}

/* Files of the object that the catalogue does not know. */
static gboolean hand_surplus(Patrol *patrol, json_t *listing, const char *object, GPtrArray *files, GError **error) {
  size_t i;
  json_t *entry;
  g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint k = 0; k < files->len; k++) g_hash_table_add(known, ((CatalogFile *)files->pdata[k])->path);
  json_array_foreach(listing, i, entry) {
    const char *path = json_word(entry, "path");
    g_autofree char *whole = g_strdup_printf("%s %s", object, path);
    gboolean ours = g_str_has_prefix(path, "files/") || g_str_has_prefix(path, "derived/"); /* else the store's own words about the object */
    if (ours && !g_hash_table_contains(known, path) && !check_surplus(patrol->check, whole, error)) return FALSE;
  }
  return TRUE;
}

static gint64 size_there(json_t *listing, const char *path) {
  size_t i;
  json_t *entry;
  json_array_foreach(listing, i, entry)
    if (g_str_equal(json_word(entry, "path"), path)) return json_is_integer(json_object_get(entry, "size")) ? json_number_of(entry, "size") : -1;
  return -1;
}

static gboolean hand_files(Patrol *patrol, const CatalogRecord *record, json_t *row, GPtrArray *files, GError **error) {
  g_autofree char *object = catalog_object_id(record->id);
  json_auto_t *listing = content_list(patrol->house->content, object, NULL); /* NULL: nothing of it can be read, so all of it is missed */
  g_autofree CheckFile *given = g_new0(CheckFile, files->len + 1);
  g_auto(GStrv) disks = g_new0(char *, files->len + 1);
  guint count = 0;
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = files->pdata[i];
    char *disk = listing ? content_path(patrol->house->content, object, file->path, NULL) : NULL;
    if (disk) disks[count++] = disk;
    given[i] = (CheckFile){file->path, disk, disk ? size_there(listing, file->path) : -1, declared_of(file)};
    patrol->files++;
    patrol->bytes += file->size_bytes;
  }
  const CheckUnit unit = {0, record->id, row, given, files->len};
  gboolean good = check_unit(patrol->check, &unit, error) && hand_surplus(patrol, listing, object, files, error);
  for (guint i = 0; i < files->len; i++) json_decref(given[i].declared);
  return good;
}

static gboolean hand_record(Patrol *patrol, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(patrol->house->db, error);
  g_autoptr(GError) failure = NULL;
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, &SCOPE_EVERYTHING, id, &failure) : NULL;
  g_autoptr(GPtrArray) files = record ? catalog_files(sql, &SCOPE_EVERYTHING, id, &failure) : NULL;
  patrol->last = id;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND) || (files && files->len == 0)) return TRUE; /* gone since it was listed */
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  if (files == NULL) return FALSE;
  gboolean derived = FALSE;
  for (guint i = 0; i < files->len; i++) derived |= is_derived(files->pdata[i]);
  json_auto_t *row = row_of(patrol, sql, record, derived);
  g_clear_pointer(&sql, sql_end);
  patrol->records++;
  return hand_files(patrol, record, row, files, error);
}

/* ---- a slice ---- */

static GArray *next_records(Patrol *patrol, gint64 after, GError **error) {
  g_autoptr(Sql) sql = sql_read(patrol->house->db, error);
  g_autoptr(SqlRows) rows = sql == NULL ? NULL : patrol->fonds_id ?
    sql_query(sql, "SELECT DISTINCT f.record_id AS id FROM file AS f JOIN record AS r ON r.id = f.record_id WHERE f.record_id > $1 AND r.fonds_id = $2 "
      "ORDER BY f.record_id LIMIT $3", SQL_ARGS(sql_int(after), sql_int(patrol->fonds_id), sql_int(BATCH)), error) :
    sql_query(sql, "SELECT DISTINCT record_id AS id FROM file WHERE record_id > $1 ORDER BY record_id LIMIT $2", SQL_ARGS(sql_int(after), sql_int(BATCH)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "id");
    g_array_append_val(ids, id);
  }
  if (failure == NULL) return g_steal_pointer(&ids);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

/* LANTAI_PATROL_SLICE lowers it for tests. */
static gint64 slice_records(void) {
  const char *text = g_getenv("LANTAI_PATROL_SLICE");
  gint64 records = text ? g_ascii_strtoll(text, NULL, 10) : 0;
  return records > 0 ? MIN(records, SLICE_RECORDS) : SLICE_RECORDS;
}

static gboolean slice_full(const Patrol *patrol) {
  return patrol->records >= slice_records() || g_get_monotonic_time() - patrol->begun_us >= SLICE_US || job_should_stop(patrol->job);
}

static gboolean fill_slice(Patrol *patrol, GError **error) {
  while (!slice_full(patrol)) {
    g_autoptr(GArray) ids = next_records(patrol, patrol->last, error);
    if (ids == NULL) return FALSE;
    for (guint i = 0; i < ids->len && !slice_full(patrol); i++) {
      if (!hand_record(patrol, g_array_index(ids, gint64, i), error)) return FALSE;
      job_progress(patrol->job, (patrol->bytes_before + patrol->bytes) >> 10, patrol->total_bytes >> 10, "KB", "巡检");
    }
    patrol->at_end = ids->len == 0;
    if (patrol->at_end) break;
  }
  return TRUE;
}

/* Invariant 1. */
static gboolean keep_slice(Patrol *patrol, gint64 check_id, GError **error) {
  g_autoptr(Sql) sql = sql_write(patrol->house->db, error);
  if (sql == NULL) return FALSE;
  if (!fault_point("patrol.slice")) return throw(error, LANTAI_ERROR_UNAVAILABLE, "测试注入的故障：patrol.slice");
  gboolean summed = check_id == 0 || (sql_exec(sql, "INSERT INTO patrol_slice (patrol_id, check_id, reached) VALUES ($1, $2, $3)",
    SQL_ARGS(sql_int(patrol->id), sql_int(check_id), sql_int(patrol->last)), error) && sql_exec(sql,
    "INSERT INTO patrol_item (patrol_id, position, code, name, property, severity, outcome, state, weight, checked, failed, pending, explain) "
    "SELECT $1, position, code, name, property, severity, outcome, outcome, CASE outcome WHEN 'failed' THEN 5 WHEN 'warned' THEN 5 WHEN 'not_performed' THEN 4 "
    "WHEN 'awaiting' THEN 3 WHEN 'passed' THEN 2 ELSE 1 END, checked, failed, pending, explain FROM check_item WHERE task_id = $2 "
    "ON CONFLICT (patrol_id, code) DO UPDATE SET checked = patrol_item.checked + excluded.checked, failed = patrol_item.failed + excluded.failed, "
    "pending = patrol_item.pending + excluded.pending, "
    "outcome = CASE WHEN excluded.weight > patrol_item.weight THEN excluded.outcome ELSE patrol_item.outcome END, "
    "state = CASE WHEN excluded.weight > patrol_item.weight THEN excluded.outcome ELSE patrol_item.outcome END, "
    "explain = CASE WHEN excluded.weight > patrol_item.weight THEN excluded.explain ELSE patrol_item.explain END, "
    "weight = MAX(excluded.weight, patrol_item.weight)", SQL_ARGS(sql_int(patrol->id), sql_int(check_id)), error));
  return summed && sql_exec(sql,
    "UPDATE patrol SET reached = $1, records = records + $2, files = files + $3, bytes = bytes + $4, active_us = active_us + $5 WHERE id = $6",
    SQL_ARGS(sql_int(patrol->last), sql_int(patrol->records), sql_int(patrol->files), sql_int(patrol->bytes),
      sql_int(g_get_monotonic_time() - patrol->begun_us), sql_int(patrol->id)), error) &&
    (!patrol->at_end || patrol_finish(sql, patrol->id, error)) && sql_commit(sql, error);
}

static gboolean stop_asked(gpointer job) { return job_should_stop(job); }

static gboolean run_slice(Patrol *patrol, GError **error) {
  g_autoptr(Pace) pace = pace_new(patrol->rate, stop_asked, patrol->job);
  g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT " 年长期保存巡检", patrol->year);
  const CheckSubject subject = {.stage = CHECK_PRESERVATION, .subject_kind = "patrol", .subject_id = patrol->id, .actor = patrol->actor, .name = name, .pace = pace};
  patrol->begun_us = g_get_monotonic_time();
  patrol->last = patrol->reached;
  patrol->records = patrol->files = patrol->bytes = 0;
  patrol->check = check_begin(patrol->house, &subject, error);
  gboolean good = patrol->check != NULL && fill_slice(patrol, error);
  gint64 check_id = 0;
  if (good && !pace_given_up(pace) && patrol->records > 0) good = (check_id = check_end(g_steal_pointer(&patrol->check), error)) != 0;
  g_clear_pointer(&patrol->check, check_free);
  if (pace_given_up(pace)) patrol->at_end = FALSE; /* digests were cut short: what the slice says is not true, and it is done again */
  if (!good || pace_given_up(pace) || (patrol->records == 0 && !patrol->at_end)) return good;
  if (!keep_slice(patrol, check_id, error)) return FALSE;
  patrol->bytes_before += patrol->bytes;
  patrol->reached = patrol->last;
  return TRUE;
}

/* ---- the job ---- */

static gboolean load(Patrol *patrol, json_t *parameters, gboolean *ret_running, GError **error) {
  g_autoptr(Sql) sql = sql_read(patrol->house->db, error);
  json_auto_t *row = sql ? sql_row_json(sql, "SELECT year, fonds_id, state, reached, bytes, total_bytes, actor FROM patrol WHERE id = $1",
    SQL_ARGS(sql_int(patrol->id)), error) : NULL;
  if (row == NULL || !patrol_plan_load(sql, &patrol->plan, error)) return FALSE;
  json_t *rate = json_object_get(parameters, "rate");
  patrol->rate = (rate ? json_integer_value(rate) : patrol->plan.rate_mb) * 1000000;
  patrol->year = json_number_of(row, "year");
  patrol->fonds_id = json_number_of(row, "fonds_id");
  patrol->reached = json_number_of(row, "reached");
  patrol->bytes_before = json_number_of(row, "bytes");
  patrol->total_bytes = json_number_of(row, "total_bytes");
  g_free(patrol->actor);
  patrol->actor = g_strdup(json_word(row, "actor"));
  *ret_running = g_str_equal(json_word(row, "state"), "running");
  return TRUE;
}

/* Others wait for the slow lane: they are let by, and the tick queues the rest of the patrol behind them. */
static gboolean others_wait(Patrol *patrol) {
  g_autoptr(Sql) sql = sql_read(patrol->house->db, NULL);
  return sql && sql_number(sql, "SELECT COUNT(*) AS waiting FROM job WHERE state = 'queued' AND lane = $1 AND kind <> 'keep.patrol'",
    SQL_ARGS(sql_int(JOB_PATIENT)), 0, NULL) > 0;
}

gboolean patrol_run(const House *house, Job *job, json_t *parameters, GError **error) {
  Patrol patrol = {.house = house, .job = job, .id = json_number_of(parameters, "patrol"), .any_hour = json_is_true(json_object_get(parameters, "any_hour"))};
  gboolean going = FALSE, good = TRUE;
  while (good && !patrol.at_end && (good = load(&patrol, parameters, &going, error)) && going && !job_should_stop(job)) {
    if (!patrol.any_hour && !patrol_hours_open(&patrol.plan, clock_now_us())) break;
    good = run_slice(&patrol, error);
    if (!patrol.any_hour && others_wait(&patrol)) break;
  }
  g_free(patrol.actor);
  g_free(patrol.fonds_code);
  return good;
}
