/*
 * Background jobs with progress. A job is a row; its kind's function must give the same end state when it is run again after a crash.
 * A job that was running when the process died is queued again at the next start.
 */
#pragma once
#include "house.h"
#include "sql.h"

typedef struct Jobs Jobs;
typedef struct Job Job; /* the running job, as its function sees it */

typedef gboolean (*JobRun)(const House *house, Job *job, json_t *parameters, GError **error);
/* Each lane is one thread: short things; what needs the machine; what goes slowly on purpose, for days (a scrub at a set rate). */
typedef enum { JOB_LIGHT, JOB_HEAVY, JOB_PATIENT } JobLane;
typedef struct { const char *kind; const char *label; /* Chinese, for the page */ JobRun run; JobLane lane; } JobKind;
typedef void (*JobTick)(const House *house); /* looks whether something is due and queues it; short, every few seconds, never two at once */

/* kinds: ended by kind == NULL; static. Does not start threads. */
Jobs *jobs_open(SqlDb *db, const JobKind *kinds, GError **error);
void jobs_set_ticks(Jobs *jobs, const JobTick *const *ticks); /* lists ended by NULL, ended by NULL; before jobs_start */
void jobs_start(Jobs *jobs, const House *house); /* a thread for each lane, and one that ticks */
void jobs_close(Jobs *jobs);                     /* asks running jobs to stop, waits, leaves them queued */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Jobs, jobs_close)

/* Queues a job in the caller's transaction; returns its id. subject, e.g. "accession", 12: a second unfinished job of the same kind and subject is not made;
 * the first's id is returned. */
gint64 job_queue(Sql *sql, const char *kind, const char *subject_kind, gint64 subject_id, json_t *parameters, const char *actor, GError **error);
/* Runs a job's function here and now without the queue (command line); progress goes to the terminal. */
gboolean job_run_now(const House *house, JobRun run, json_t *parameters, const char *actor, gboolean show_progress, GError **error);
gboolean job_cancel(SqlDb *db, gint64 id, GError **error);

/* For job functions. total 0: unknown. unit: "行", "件", "字节" … Written to the row at most twice a second; also updates rate and remaining time. */
void job_progress(Job *job, gint64 done, gint64 total, const char *unit, const char *stage);
gboolean job_should_stop(Job *job); /* return TRUE with what is done so far committed; the job goes on later */
const char *job_actor(const Job *job);

/* {id, kind, label, subject_kind, subject_id, state: queued|running|done|failed|cancelled, stage, done, total, unit, rate, remaining_seconds, error, actor,
 * created, started, finished, running, and for a page state_label and tone} */
json_t *job_load(Sql *sql, gint64 id, GError **error);
json_t *job_latest(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error); /* newest of a subject; NULL without error: none */
json_t *job_list(Sql *sql, gint64 before, int limit, GError **error);
