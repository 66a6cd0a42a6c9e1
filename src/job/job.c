/*
 * Jobs as rows: queueing, cancelling, reading. worker.c runs them. See job.h.
 *
 * 1. A row's state goes queued → running → done | failed | cancelled, or back to queued when the program stops; only worker.c starts one.
 * 2. Of one kind and subject at most one job is unfinished and not being cancelled: the single writer looks before it inserts.
 * 3. What a page reads of a running job comes from memory when it runs in this process, so it is current even while the job's own transaction is open.
 */
#include "error.h"
#include "running.h"
#include "settings.h"

enum { LIST_LIMIT = 1000 };

gint64 job_queue(Sql *sql, const char *kind, const char *subject_kind, gint64 subject_id, json_t *parameters, const char *actor, GError **error) {
  Jobs *jobs = jobs_find(sql_db(sql));
  const JobKind *known = jobs_kind(jobs, kind);
  if (known == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "没有名为 %s 的后台任务", kind);
  GError *problem = NULL;
  gint64 id = sql_number(sql,
    "SELECT id FROM job WHERE subject_kind = $1 AND subject_id = $2 AND kind = $3 AND state IN ('queued', 'running') AND cancel = 0 ORDER BY id LIMIT 1",
    SQL_ARGS(sql_text(subject_kind ? subject_kind : ""), sql_int(subject_id), sql_text(kind)), 0, &problem);
  if (problem) return g_propagate_error(error, problem), 0;
  if (id) return id;
  char *text = parameters ? json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
  gboolean good = sql_exec(sql,
    "INSERT INTO job (kind, lane, subject_kind, subject_id, parameters, actor, state, created_us) VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7)",
    SQL_ARGS(sql_text(kind), sql_int(known->lane), sql_text(subject_kind ? subject_kind : ""), sql_int(subject_id), sql_text(text ? text : "null"),
      sql_text(actor && *actor ? actor : "system"), sql_int(clock_now_us())), error);
  free(text);
  if (!good) return 0;
  id = sql_last_id(sql);
  sql_on_commit(sql, jobs_wake, jobs, NULL);
  return id;
}

gboolean job_cancel(SqlDb *db, gint64 id, GError **error) {
  Jobs *jobs = jobs_find(db);
  if (jobs) jobs_cancel_running(jobs, id);
  g_autoptr(Sql) sql = sql_write(db, error);
  if (sql == NULL) return FALSE;
  GError *problem = NULL;
  g_autofree char *state = sql_string(sql, "SELECT state FROM job WHERE id = $1", SQL_ARGS(sql_int(id)), &problem);
  if (problem) return g_propagate_error(error, problem), FALSE;
  if (state == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号后台任务", id);
  gboolean queued = g_str_equal(state, "queued");
  if (!queued && !g_str_equal(state, "running")) return throw(error, LANTAI_ERROR_CONFLICT, "第 %" G_GINT64_FORMAT " 号后台任务已经结束，不能再取消", id);
  gint64 now_us = clock_now_us();
  gboolean good = queued ? sql_exec(sql, "UPDATE job SET state = 'cancelled', cancel = 1, finished_us = $1 WHERE id = $2", SQL_ARGS(sql_int(now_us),
    sql_int(id)), error)
                         : sql_exec(sql, "UPDATE job SET cancel = 1 WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  return good && sql_commit(sql, error);
}

/* ---- reading ---- */

static json_t *time_json(gint64 at_us) { return at_us ? json_integer(at_us) : json_null(); }

static void set_progress(json_t *job, gint64 done, gint64 total, double rate, gint64 remaining_seconds) {
  json_object_set_new(job, "done", json_integer(done));
  json_object_set_new(job, "total", json_integer(total));
  json_object_set_new(job, "rate", json_real(rate));
  json_object_set_new(job, "remaining_seconds", remaining_seconds < 0 ? json_null() : json_integer(remaining_seconds));
}

static void overlay(const Progress *progress, gpointer data) {
  json_t *job = data;
  if (progress->stage == NULL) return;
  json_object_set_new(job, "stage", json_string(progress->stage));
  json_object_set_new(job, "unit", json_string(progress->unit));
  set_progress(job, progress->done, progress->total, progress->rate, progress->remaining_seconds);
}

static void set_state(json_t *job) {
  static const struct { const char *state, *label, *tone; } states[] = {
    {"queued", "排队", "info"}, {"running", "进行中", "info"}, {"done", "完成", "ok"}, {"failed", "失败", "bad"}, {"cancelled", "已取消", "muted"}};
  const char *state = json_string_value(json_object_get(job, "state"));
  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    if (g_strcmp0(states[i].state, state) != 0) continue;
    json_object_set_new(job, "state_label", json_string(states[i].label));
    json_object_set_new(job, "tone", json_string(states[i].tone));
  }
  json_object_set_new(job, "running", json_boolean(g_strcmp0(state, "running") == 0));
}

/* What SQL gives is turned into the shape of job.h. */
static void finish_row(Sql *sql, json_t *job) {
  Jobs *jobs = jobs_find(sql_db(sql));
  const char *kind = json_string_value(json_object_get(job, "kind"));
  const JobKind *known = jobs_kind(jobs, kind);
  json_object_set_new(job, "label", json_string(known ? known->label : kind));
  static const char *const times[] = {"created", "started", "finished"};
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) json_object_set_new(job, times[i], time_json(json_integer_value(json_object_get(job, times[i]))));
  set_progress(job, json_integer_value(json_object_get(job, "done")), json_integer_value(json_object_get(job, "total")),
    json_number_value(json_object_get(job, "rate")),
    json_integer_value(json_object_get(job, "remaining_seconds")));
  set_state(job);
  json_object_set_new(job, "cancel", json_boolean(json_integer_value(json_object_get(job, "cancel"))));
  if (jobs && g_strcmp0(json_string_value(json_object_get(job, "state")), "running") == 0)
    jobs_with_progress(jobs, json_integer_value(json_object_get(job, "id")), overlay, job);
}

json_t *job_load(Sql *sql, gint64 id, GError **error) {
  GError *problem = NULL;
  json_t *job = sql_row_json(sql,
    "SELECT id, kind, subject_kind, subject_id, state, cancel, stage, done, total, unit, rate, remaining_seconds,"
    " error, actor, created_us AS created, started_us AS started,"
    " finished_us AS finished FROM job WHERE id = $1",
    SQL_ARGS(sql_int(id)), &problem);
  if (job) {
    finish_row(sql, job);
    return job;
  }
  if (!g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, problem), NULL;
  g_error_free(problem);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号后台任务", id);
}

json_t *job_latest(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error) {
  GError *problem = NULL;
  gint64 id = sql_number(sql, "SELECT id FROM job WHERE subject_kind = $1 AND subject_id = $2 ORDER BY id DESC LIMIT 1", SQL_ARGS(sql_text(subject_kind),
    sql_int(subject_id)), 0,
    &problem);
  if (problem) return g_propagate_error(error, problem), NULL;
  return id ? job_load(sql, id, error) : NULL;
}

json_t *job_list(Sql *sql, gint64 before, int limit, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT id, kind, subject_kind, subject_id, state, cancel, stage, done, total, unit, rate, remaining_seconds,"
    " error, actor, created_us AS created, started_us AS started,"
    " finished_us AS finished FROM job WHERE id < $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_int(before > 0 ? before : G_MAXINT64), sql_int(CLAMP(limit, 1, LIST_LIMIT))), error);
  size_t i;
  json_t *job;
  json_array_foreach(list, i, job) finish_row(sql, job);
  return list;
}
