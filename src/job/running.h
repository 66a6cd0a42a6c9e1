/* Inside the room: a running job and its progress. */
#pragma once
#include "job.h"

/* How far a job is. Rates come from the monotonic clock, so a frozen LANTAI_NOW does not stop them. */
typedef struct {
  gint64 done, total; /* total 0: unknown */
  char *unit, *stage;
  double rate;              /* units per second, smoothed over about ten seconds; 0: not known yet */
  gint64 remaining_seconds; /* -1: not known */
  gint64 tick_us, tick_done; /* where the rate was last computed */
} Progress;
void progress_set(Progress *progress, gint64 now_us, gint64 done, gint64 total, const char *unit, const char *stage);
void progress_clear(Progress *progress);
/* One line for a terminal, without line end: 装入 12,345/304,000 行（4%） 41,200 行/秒 剩余 7 秒 */
char *progress_line(const Progress *progress);

struct Job {
  struct Jobs *jobs; /* NULL: job_run_now */
  gint64 id;
  char *actor;
  GMutex lock; /* guards progress and unwritten */
  Progress progress;
  gboolean unwritten;
  int cancelled; /* atomic */
  gboolean told_to_stop; /* only the job's own thread */
  gboolean show, terminal;
  gint64 begin_us, show_us; /* monotonic */
};
void job_show(Job *job, gint64 now_us); /* called with the lock */
void job_show_end(Job *job, gboolean good);

/* ---- worker.c, for job.c ---- */
Jobs *jobs_find(SqlDb *db);
const JobKind *jobs_kind(Jobs *jobs, const char *kind); /* NULL: unknown; jobs may be NULL */
void jobs_wake(gpointer jobs);
/* Marks a running job cancelled; FALSE: it does not run here. */
gboolean jobs_cancel_running(Jobs *jobs, gint64 id);
/* Calls func with the lock while the job runs here. */
void jobs_with_progress(Jobs *jobs, gint64 id, void (*func)(const Progress *progress, gpointer data), gpointer data);
