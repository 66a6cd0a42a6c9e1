/*
 * Running jobs: a thread for each lane, one that writes progress to the rows, one that ticks.
 *
 * 1. A job's progress is kept in memory; the third thread writes it, because the job's own thread may hold the writer.
 * 2. A row is left "running" only by a process that died; jobs_start queues it again. One that died five times without progress waits a minute at each start,
 *    so that a job that kills the program leaves time to cancel it.
 * 3. jobs->lock comes before job->lock; neither is held while a transaction begins.
 */
#include "error.h"
#include "running.h"
#include "settings.h"
#include <unistd.h>

enum { LANES = JOB_PATIENT + 1, POLL_US = 2000000, TICK_US = 5000000, WRITE_US = 500000, DEATHS = 5, DEATH_WAIT_US = 60000000, END_TRIES = 5 };

struct Jobs {
  SqlDb *db;
  const JobKind *kinds;
  const House *house;
  GMutex lock;
  GCond wake;
  guint news;        /* counts wake-ups, so that none between looking and waiting is lost */
  gboolean stop, writer_stop;
  GPtrArray *running; /* Job, borrowed */
  const JobTick *const *ticks;
  GThread *lane[LANES], *writer, *ticker;
};

static GMutex registry_lock;
static GHashTable *registry; /* SqlDb → Jobs */

Jobs *jobs_find(SqlDb *db) {
  g_mutex_lock(&registry_lock);
  Jobs *jobs = registry ? g_hash_table_lookup(registry, db) : NULL;
  g_mutex_unlock(&registry_lock);
  return jobs;
}

const JobKind *jobs_kind(Jobs *jobs, const char *kind) {
  for (const JobKind *known = jobs ? jobs->kinds : NULL; known && known->kind; known++)
    if (g_strcmp0(known->kind, kind) == 0) return known;
  return NULL;
}

void jobs_wake(gpointer data) {
  Jobs *jobs = data;
  g_mutex_lock(&jobs->lock);
  jobs->news++;
  g_cond_broadcast(&jobs->wake);
  g_mutex_unlock(&jobs->lock);
}

static Job *running_job(Jobs *jobs, gint64 id) {
  for (guint i = 0; i < jobs->running->len; i++) {
    Job *job = g_ptr_array_index(jobs->running, i);
    if (job->id == id) return job;
  }
  return NULL;
}

gboolean jobs_cancel_running(Jobs *jobs, gint64 id) {
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
  Job *job = running_job(jobs, id);
  if (job) g_atomic_int_set(&job->cancelled, TRUE);
  return job != NULL;
}

void jobs_with_progress(Jobs *jobs, gint64 id, void (*func)(const Progress *progress, gpointer data), gpointer data) {
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&jobs->lock);
  Job *job = running_job(jobs, id);
  if (job == NULL) return;
  g_mutex_lock(&job->lock);
  func(&job->progress, data);
  g_mutex_unlock(&job->lock);
}

/* ---- what a job's function calls ---- */

void job_progress(Job *job, gint64 done, gint64 total, const char *unit, const char *stage) {
  gint64 now_us = g_get_monotonic_time();
  g_mutex_lock(&job->lock);
  progress_set(&job->progress, now_us, done, total, unit, stage);
  job->unwritten = TRUE;
  job_show(job, now_us);
  g_mutex_unlock(&job->lock);
}

gboolean job_should_stop(Job *job) {
  gboolean stop = g_atomic_int_get(&job->cancelled);
  if (!stop && job->jobs) {
    g_mutex_lock(&job->jobs->lock);
    stop = job->jobs->stop;
    g_mutex_unlock(&job->jobs->lock);
  }
  job->told_to_stop |= stop;
  return stop;
}

const char *job_actor(const Job *job) { return job->actor; }

/* ---- rows ---- */

/* Writes what changed since the last time; only while the row is running. */
static gboolean write_progress(Sql *sql, Job *job, GError **error) {
  g_mutex_lock(&job->lock);
  gboolean unwritten = job->unwritten;
  Progress copy = job->progress;
  g_autofree char *stage = g_strdup(copy.stage), *unit = g_strdup(copy.unit);
  job->unwritten = FALSE;
  g_mutex_unlock(&job->lock);
  return !unwritten || sql_exec(sql,
    "UPDATE job SET attempts = 0, stage = $1, done = $2, total = $3, unit = $4, rate = $5, remaining_seconds = $6 WHERE id = $7 AND state = 'running'",
    SQL_ARGS(sql_text(stage), sql_int(copy.done), sql_int(copy.total), sql_text(unit), sql_real(copy.rate), sql_int(copy.remaining_seconds),
      sql_int(job->id)), error);
}

/* Called with the lock, under which no job leaves `running`. */
static gboolean some_unwritten(Jobs *jobs) {
  gboolean some = FALSE;
  for (guint i = 0; i < jobs->running->len; i++) {
    Job *job = g_ptr_array_index(jobs->running, i);
    g_mutex_lock(&job->lock);
    some |= job->unwritten;
    g_mutex_unlock(&job->lock);
  }
  return some;
}

static gpointer write_all(gpointer data) {
  Jobs *jobs = data;
  g_mutex_lock(&jobs->lock);
  while (!jobs->writer_stop) {
    g_cond_wait_until(&jobs->wake, &jobs->lock, g_get_monotonic_time() + (jobs->running->len ? WRITE_US : POLL_US));
    if (!some_unwritten(jobs)) continue;
    g_mutex_unlock(&jobs->lock);
    g_autoptr(GError) problem = NULL;
    g_autoptr(Sql) sql = sql_write(jobs->db, &problem);
    g_mutex_lock(&jobs->lock);
    for (guint i = 0; sql && i < jobs->running->len; i++) write_progress(sql, g_ptr_array_index(jobs->running, i), problem ? NULL : &problem);
    g_mutex_unlock(&jobs->lock);
    if (sql && !problem) sql_commit(sql, &problem);
    g_clear_pointer(&sql, sql_end);
    if (problem) g_warning("progress of jobs not written: %s", problem->message);
    g_mutex_lock(&jobs->lock);
  }
  g_mutex_unlock(&jobs->lock);
  return NULL;
}

/* ---- taking and ending ---- */

typedef struct {
  gint64 id;
  char *kind, *actor;
  json_t *parameters;
} Taken;

static void taken_clear(Taken *taken) {
  g_free(taken->kind);
  g_free(taken->actor);
  json_decref(taken->parameters);
}

static gint64 look(Jobs *jobs, JobLane lane, GError **error) {
  g_autoptr(Sql) sql = sql_read(jobs->db, error);
  return sql ? sql_number(sql, "SELECT id FROM job WHERE state = 'queued' AND lane = $1 AND not_before_us <= $2 ORDER BY id LIMIT 1",
                 SQL_ARGS(sql_int(lane), sql_int(clock_now_us())), 0, error) : 0;
}

/* Takes the oldest queued job; FALSE without error when there is none. */
static gboolean take(Jobs *jobs, JobLane lane, Taken *ret, GError **error) {
  gint64 id = look(jobs, lane, error);
  g_autoptr(Sql) sql = id ? sql_write(jobs->db, error) : NULL;
  if (sql == NULL) return FALSE;
  if (!sql_exec(sql, "UPDATE job SET state = 'running', attempts = attempts + 1, started_us = $1, error = NULL WHERE id = $2 AND state = 'queued'",
        SQL_ARGS(sql_int(clock_now_us()), sql_int(id)), error) || sql_changes(sql) == 0) return FALSE;
  json_t *row = sql_row_json(sql, "SELECT kind, actor, parameters FROM job WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (row == NULL || !sql_commit(sql, error)) {
    json_decref(row);
    return FALSE;
  }
  *ret = (Taken){id, g_strdup(json_string_value(json_object_get(row, "kind"))), g_strdup(json_string_value(json_object_get(row, "actor"))),
    json_loads(json_string_value(json_object_get(row, "parameters")), JSON_DECODE_ANY, NULL)};
  json_decref(row);
  return TRUE;
}

static gboolean end_row(Jobs *jobs, Job *job, const char *state, const char *message, GError **error) {
  g_autoptr(Sql) sql = sql_write(jobs->db, error);
  if (sql == NULL || !write_progress(sql, job, error)) return FALSE;
  gint64 finished_us = g_str_equal(state, "queued") ? 0 : clock_now_us();
  return sql_exec(sql, "UPDATE job SET state = $1, error = $2, finished_us = $3, attempts = 0 WHERE id = $4",
           SQL_ARGS(sql_text(state), sql_text(message), sql_int(finished_us), sql_int(job->id)), error) && sql_commit(sql, error);
}

/* The end must reach the row: a full disk may pass. When it does not, the job runs again at the next start, which is harmless. */
static void end_job(Jobs *jobs, Job *job, const char *state, const char *message) {
  for (int i = 0; i < END_TRIES; i++) {
    g_autoptr(GError) problem = NULL;
    if (end_row(jobs, job, state, message, &problem)) break;
    g_warning("the end of job %" G_GINT64_FORMAT " is not written: %s", job->id, problem ? problem->message : "");
    if (i + 1 < END_TRIES) g_usleep(G_USEC_PER_SEC);
  }
  g_mutex_lock(&jobs->lock);
  g_ptr_array_remove_fast(jobs->running, job);
  g_mutex_unlock(&jobs->lock);
}

static void run_taken(Jobs *jobs, const Taken *taken) {
  Job job = {.jobs = jobs, .id = taken->id, .actor = taken->actor};
  g_mutex_init(&job.lock);
  g_mutex_lock(&jobs->lock);
  g_ptr_array_add(jobs->running, &job);
  g_cond_broadcast(&jobs->wake);
  g_mutex_unlock(&jobs->lock);
  const JobKind *kind = jobs_kind(jobs, taken->kind);
  g_autoptr(GError) problem = NULL;
  gboolean good = kind ? kind->run(jobs->house, &job, taken->parameters, &problem)
                       : throw(&problem, LANTAI_ERROR_INTERNAL, "本程序没有名为 %s 的后台任务，请用建立它的程序版本", taken->kind);
  const char *state = !good ? "failed" : !job.told_to_stop ? "done" : g_atomic_int_get(&job.cancelled) ? "cancelled" : "queued";
  if (!good) g_warning("job %" G_GINT64_FORMAT " (%s) failed: %s", job.id, taken->kind, problem ? problem->message : "no message");
  end_job(jobs, &job, state, good ? NULL : problem ? problem->message : "任务失败，原因不明，请查看系统日志");
  progress_clear(&job.progress);
  g_mutex_clear(&job.lock);
}

static void work(Jobs *jobs, JobLane lane) {
  for (;;) {
    g_mutex_lock(&jobs->lock);
    guint news = jobs->news;
    gboolean stop = jobs->stop;
    g_mutex_unlock(&jobs->lock);
    if (stop) return;
    g_autoptr(GError) problem = NULL;
    Taken taken;
    if (take(jobs, lane, &taken, &problem)) {
      run_taken(jobs, &taken);
      taken_clear(&taken);
      continue;
    }
    if (problem) g_warning("no job can be taken: %s", problem->message);
    gint64 until = g_get_monotonic_time() + POLL_US;
    g_mutex_lock(&jobs->lock);
    while (!jobs->stop && jobs->news == news && g_cond_wait_until(&jobs->wake, &jobs->lock, until)) continue;
    g_mutex_unlock(&jobs->lock);
  }
}

static gpointer work_light(gpointer jobs) { return work(jobs, JOB_LIGHT), NULL; }
static gpointer work_heavy(gpointer jobs) { return work(jobs, JOB_HEAVY), NULL; }
static gpointer work_patient(gpointer jobs) { return work(jobs, JOB_PATIENT), NULL; }

static gboolean is_stopping(Jobs *jobs) {
  g_mutex_lock(&jobs->lock);
  gboolean stop = jobs->stop;
  g_mutex_unlock(&jobs->lock);
  return stop;
}

static gpointer tick_all(gpointer data) {
  Jobs *jobs = data;
  for (;;) {
    for (const JobTick *const *list = jobs->ticks; list && *list; list++)
      for (const JobTick *tick = *list; *tick && !is_stopping(jobs); tick++) (*tick)(jobs->house);
    gint64 until = g_get_monotonic_time() + TICK_US;
    g_mutex_lock(&jobs->lock);
    while (!jobs->stop && g_cond_wait_until(&jobs->wake, &jobs->lock, until)) continue;
    gboolean stop = jobs->stop;
    g_mutex_unlock(&jobs->lock);
    if (stop) return NULL;
  }
}

/* ---- opening and closing ---- */

Jobs *jobs_open(SqlDb *db, const JobKind *kinds, GError **error) {
  if (!sql_migrate_room(db, "job", error)) return NULL;
  Jobs *jobs = g_new0(Jobs, 1);
  jobs->db = db;
  jobs->kinds = kinds;
  jobs->running = g_ptr_array_new();
  g_mutex_init(&jobs->lock);
  g_cond_init(&jobs->wake);
  g_mutex_lock(&registry_lock);
  if (registry == NULL) registry = g_hash_table_new(g_direct_hash, g_direct_equal);
  g_hash_table_insert(registry, db, jobs);
  g_mutex_unlock(&registry_lock);
  return jobs;
}

static gboolean requeue(Jobs *jobs, GError **error) {
  g_autoptr(Sql) sql = sql_write(jobs->db, error);
  gint64 now_us = clock_now_us();
  return sql &&
         sql_exec(sql, "UPDATE job SET state = 'cancelled', finished_us = $1 WHERE state = 'running' AND cancel = 1", SQL_ARGS(sql_int(now_us)), error) &&
         sql_exec(sql, "UPDATE job SET state = 'queued', not_before_us = CASE WHEN attempts >= $1 THEN CAST($2 AS BIGINT) ELSE 0 END WHERE state = 'running'",
           SQL_ARGS(sql_int(DEATHS), sql_int(now_us + DEATH_WAIT_US)), error) &&
         sql_commit(sql, error);
}

void jobs_set_ticks(Jobs *jobs, const JobTick *const *ticks) { jobs->ticks = ticks; }

void jobs_start(Jobs *jobs, const House *house) {
  g_autoptr(GError) problem = NULL;
  if (!requeue(jobs, &problem)) g_warning("unfinished jobs are not queued again: %s", problem->message);
  jobs->house = house;
  static const struct { const char *name; GThreadFunc run; } lanes[LANES] = {{"job-light", work_light}, {"job-heavy", work_heavy}, {"job-patient", work_patient}};
  for (guint i = 0; i < LANES; i++) jobs->lane[i] = g_thread_new(lanes[i].name, lanes[i].run, jobs);
  jobs->ticker = g_thread_new("job-tick", tick_all, jobs);
  jobs->writer = g_thread_new("job-progress", write_all, jobs);
}

void jobs_close(Jobs *jobs) {
  if (jobs == NULL) return;
  g_mutex_lock(&jobs->lock);
  jobs->stop = TRUE;
  g_cond_broadcast(&jobs->wake);
  g_mutex_unlock(&jobs->lock);
  if (jobs->ticker) g_thread_join(jobs->ticker);
  for (guint i = 0; i < LANES; i++)
    if (jobs->lane[i]) g_thread_join(jobs->lane[i]);
  g_mutex_lock(&jobs->lock);
  jobs->writer_stop = TRUE;
  g_cond_broadcast(&jobs->wake);
  g_mutex_unlock(&jobs->lock);
  if (jobs->writer) g_thread_join(jobs->writer);
  g_mutex_lock(&registry_lock);
  g_hash_table_remove(registry, jobs->db);
  g_mutex_unlock(&registry_lock);
  g_ptr_array_unref(jobs->running);
  g_mutex_clear(&jobs->lock);
  g_cond_clear(&jobs->wake);
  g_free(jobs);
}

gboolean job_run_now(const House *house, JobRun run, json_t *parameters, const char *actor, gboolean show_progress, GError **error) {
  g_autofree char *name = g_strdup(actor);
  Job job = {.actor = name, .show = show_progress, .terminal = isatty(STDERR_FILENO), .begin_us = g_get_monotonic_time()};
  g_mutex_init(&job.lock);
  if (!job.terminal) job.show_us = job.begin_us + 5 * G_USEC_PER_SEC;
  gboolean good = run(house, &job, parameters, error);
  job_show_end(&job, good);
  progress_clear(&job.progress);
  g_mutex_clear(&job.lock);
  return good;
}
