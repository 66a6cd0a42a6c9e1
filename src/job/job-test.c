/* Background jobs with real threads and a real file: queueing, progress, failing, cancelling, stopping and going on, and the line of the terminal. */
#include "error.h"
#include "json.h"
#include "running.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* What the jobs' functions and the tests tell each other. */
static struct {
  int started, go, steps, runs, together, most_together;
} shared;

static gboolean run_quick(const House *house, Job *job, json_t *parameters, GError **error) {
  g_assert_nonnull(house->db);
  g_assert_cmpstr(job_actor(job), ==, "wang");
  gint64 count = json_integer_value(json_object_get(parameters, "count"));
  for (gint64 i = 1; i <= count; i++) job_progress(job, i, count, "件", "清点");
  g_atomic_int_inc(&shared.runs);
  return TRUE;
}

static gboolean run_failing(const House *house, Job *job, json_t *parameters, GError **error) { return throw(error, LANTAI_ERROR_INVALID, "第 3 行没有题名"); }

/* Goes on until it is told to stop, or `go` is set; counts its steps beyond restarts, as a job that commits what it has done. */
static gboolean run_long(const House *house, Job *job, json_t *parameters, GError **error) {
  g_atomic_int_inc(&shared.runs);
  int together = g_atomic_int_add(&shared.together, 1) + 1;
  shared.most_together = MAX(shared.most_together, together);
  while (!g_atomic_int_get(&shared.go) && !job_should_stop(job)) {
    job_progress(job, g_atomic_int_add(&shared.steps, 1), 0, "行", "装入");
    g_atomic_int_set(&shared.started, 1);
    g_usleep(1000);
  }
  g_atomic_int_add(&shared.together, -1);
  return TRUE;
}

/* Holds the writer while it reports progress: a page must see it, nothing may wait for anything. */
static gboolean run_writing(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  job_progress(job, 40, 100, "行", "写入");
  g_atomic_int_set(&shared.started, 1);
  while (!g_atomic_int_get(&shared.go)) g_usleep(1000);
  return sql && sql_commit(sql, error);
}

static const JobKind KINDS[] = {
  {"quick", "清点", run_quick, FALSE}, {"failing", "必败", run_failing, FALSE}, {"long", "装入", run_long, TRUE}, {"writing", "写入", run_writing, TRUE}, {NULL},
};

typedef struct {
  char *dir, *path;
  SqlDb *db;
  Jobs *jobs;
  House house;
} Place;

static void place_open(Place *place, gboolean start) {
  GError *error = NULL;
  place->db = sql_open(place->path, &error);
  g_assert_no_error(error);
  place->jobs = jobs_open(place->db, KINDS, &error);
  g_assert_no_error(error);
  place->house = (House){.dir = place->dir, .db = place->db, .jobs = place->jobs};
  if (start) jobs_start(place->jobs, &place->house);
}

static void place_close(Place *place) {
  g_clear_pointer(&place->jobs, jobs_close);
  g_clear_pointer(&place->db, sql_close);
}

static void set_up(Place *place, gconstpointer start) {
  memset(&shared, 0, sizeof shared);
  place->dir = g_dir_make_tmp("lantai-job-XXXXXX", NULL);
  place->path = g_build_filename(place->dir, "test.db", NULL);
  place_open(place, start != NULL);
}

static void tear_down(Place *place, gconstpointer data) {
  g_atomic_int_set(&shared.go, 1);
  place_close(place);
  static const char *const endings[] = {"", "-wal", "-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
    g_autofree char *file = g_strconcat(place->path, endings[i], NULL);
    g_unlink(file);
  }
  g_rmdir(place->dir);
  g_free(place->path);
  g_free(place->dir);
}

static gint64 queue(Place *place, const char *kind, gint64 subject) {
  GError *error = NULL;
  json_t *parameters = json_pack("{s:i}", "count", 5);
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  gint64 id = job_queue(sql, kind, "accession", subject, parameters, "wang", &error);
  g_assert_true(sql_commit(sql, &error));
  g_assert_no_error(error);
  json_decref(parameters);
  return id;
}

static json_t *load(Place *place, gint64 id) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_read(place->db, &error);
  json_t *job = job_load(sql, id, &error);
  g_assert_no_error(error);
  return job;
}


static void assert_state(Place *place, gint64 id, const char *state) {
  for (int i = 0; i < 1000; i++) {
    json_t *job = load(place, id);
    gboolean there = g_strcmp0(text_in(job, "state"), state) == 0;
    if (!there && i == 999) g_test_message("job is %s, not %s", text_in(job, "state"), state);
    json_decref(job);
    if (there) return;
    g_usleep(5000);
  }
  g_assert_not_reached();
}

static void wait_started(void) {
  for (int i = 0; i < 1000 && !g_atomic_int_get(&shared.started); i++) g_usleep(5000);
  g_assert_true(g_atomic_int_get(&shared.started));
}

static void test_done(Place *place, gconstpointer data) {
  gint64 begin = g_get_monotonic_time(), id = queue(place, "quick", 1);
  assert_state(place, id, "done");
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 1000000); /* woken by the commit, not by polling */
  json_t *job = load(place, id);
  g_assert_cmpint(int_at(job, "done"), ==, 5);
  g_assert_cmpint(int_at(job, "total"), ==, 5);
  g_assert_cmpstr(text_in(job, "unit"), ==, "件");
  g_assert_cmpstr(text_in(job, "label"), ==, "清点");
  g_assert_cmpstr(text_in(job, "actor"), ==, "wang");
  g_assert_true(json_is_null(json_object_get(job, "error")));
  g_assert_cmpint(int_at(job, "finished"), >=, int_at(job, "started"));
  g_assert_cmpint(int_at(job, "started"), >=, int_at(job, "created"));
  g_assert_cmpstr(text_in(job, "state_label"), ==, "完成");
  g_assert_cmpstr(text_in(job, "tone"), ==, "ok");
  json_decref(job);
}

static void test_failed(Place *place, gconstpointer data) {
  gint64 id = queue(place, "failing", 1);
  assert_state(place, id, "failed");
  json_t *job = load(place, id);
  g_assert_cmpstr(text_in(job, "error"), ==, "第 3 行没有题名");
  json_decref(job);
  g_assert_cmpint(queue(place, "failing", 1), >, id);
}

static void test_rolled_back(Place *place, gconstpointer data) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  gint64 id = job_queue(sql, "quick", NULL, 0, NULL, NULL, &error);
  g_assert_cmpint(id, >, 0);
  sql_end(g_steal_pointer(&sql));
  sql = sql_read(place->db, &error);
  g_assert_null(job_load(sql, id, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  sql_end(g_steal_pointer(&sql));
  sql = sql_write(place->db, &error);
  g_assert_cmpint(job_queue(sql, "unknown", NULL, 0, NULL, NULL, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INTERNAL);
}

static void test_same_subject(Place *place, gconstpointer data) {
  gint64 first = queue(place, "long", 1);
  g_assert_cmpint(queue(place, "long", 1), ==, first);
  gint64 second = queue(place, "long", 2), other = queue(place, "quick", 1);
  g_assert_cmpint(second, !=, first);
  g_assert_cmpint(other, !=, first);
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_read(place->db, &error);
  json_t *latest = job_latest(sql, "accession", 1, &error);
  g_assert_cmpint(int_at(latest, "id"), ==, other);
  json_decref(latest);
  g_assert_null(job_latest(sql, "accession", 99, &error));
  g_assert_no_error(error);
  json_t *list = job_list(sql, 0, 2, &error);
  g_assert_cmpuint(json_array_size(list), ==, 2);
  json_decref(list);
  list = job_list(sql, second, 10, &error);
  g_assert_cmpuint(json_array_size(list), ==, 1);
  g_assert_cmpint(int_at(json_array_get(list, 0), "id"), ==, first);
  json_decref(list);
}

static void test_heavy_one_at_a_time(Place *place, gconstpointer data) {
  gint64 first = queue(place, "long", 1), second = queue(place, "long", 2);
  wait_started();
  gint64 light = queue(place, "quick", 3);
  assert_state(place, light, "done"); /* a light one passes the heavy one */
  assert_state(place, second, "queued");
  g_atomic_int_set(&shared.go, 1);
  assert_state(place, first, "done");
  assert_state(place, second, "done");
  g_assert_cmpint(shared.most_together, ==, 1);
}

static void test_cancel(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 running = queue(place, "long", 1), waiting = queue(place, "long", 2);
  wait_started();
  g_assert_true(job_cancel(place->db, waiting, &error));
  assert_state(place, waiting, "cancelled");
  g_assert_true(job_cancel(place->db, running, &error));
  assert_state(place, running, "cancelled");
  g_assert_false(job_cancel(place->db, running, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_false(job_cancel(place->db, 12345, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_cmpint(shared.runs, ==, 1);
}

/* Stopping the program in order leaves the job queued; the next start goes on with it. */
static void test_stop_and_go_on(Place *place, gconstpointer data) {
  gint64 id = queue(place, "long", 1);
  wait_started();
  place_close(place);
  int steps = shared.steps;
  g_assert_cmpint(steps, >, 0);
  place_open(place, FALSE);
  assert_state(place, id, "queued");
  json_t *job = load(place, id);
  g_assert_cmpstr(text_in(job, "stage"), ==, "装入");
  json_decref(job);
  g_atomic_int_set(&shared.go, 1);
  jobs_start(place->jobs, &place->house);
  assert_state(place, id, "done");
  g_assert_cmpint(shared.runs, ==, 2);
}

static void set_running(Place *place, gint64 id, int cancel, int attempts) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->db, &error);
  g_assert_true(sql_exec(sql, "UPDATE job SET state = 'running', cancel = $1, attempts = $2 WHERE id = $3", SQL_ARGS(sql_int(cancel), sql_int(attempts),
    sql_int(id)), &error));
  g_assert_true(sql_commit(sql, &error));
}

/* A process that died leaves "running": the next start runs it again, or ends what was being cancelled, or waits with what kills the program. */
static void test_after_death(Place *place, gconstpointer data) {
  gint64 again = queue(place, "quick", 1), cancelled = queue(place, "quick", 2), deadly = queue(place, "quick", 3);
  set_running(place, again, 0, 4);
  set_running(place, cancelled, 1, 1);
  set_running(place, deadly, 0, 5);
  jobs_start(place->jobs, &place->house);
  assert_state(place, again, "done");
  assert_state(place, cancelled, "cancelled");
  assert_state(place, deadly, "queued");
  g_assert_cmpint(shared.runs, ==, 1);
  g_assert_true(job_cancel(place->db, deadly, NULL));
}

static void test_progress_inside_transaction(Place *place, gconstpointer data) {
  gint64 id = queue(place, "writing", 1);
  wait_started();
  json_t *job = load(place, id);
  g_assert_cmpint(int_at(job, "done"), ==, 40);
  g_assert_cmpstr(text_in(job, "stage"), ==, "写入");
  json_decref(job);
  g_atomic_int_set(&shared.go, 1);
  assert_state(place, id, "done");
}

/* Progress reaches the row itself while the job runs, for other processes and for after a crash. */
static void test_progress_written(Place *place, gconstpointer data) {
  queue(place, "long", 1);
  wait_started();
  gint64 done = 0;
  for (int i = 0; i < 100 && done == 0; i++) {
    g_usleep(50000);
    g_autoptr(Sql) sql = sql_read(place->db, NULL);
    done = sql_number(sql, "SELECT done FROM job WHERE stage = '装入'", SQL_NONE, 0, NULL);
  }
  g_assert_cmpint(done, >, 0);
}

static void test_rate(void) {
  Progress progress = {0};
  progress_set(&progress, 1000000, 50000, 304000, "行", "装入"); /* goes on after a crash: what was done before does not count as speed */
  g_assert_cmpfloat(progress.rate, ==, 0);
  g_assert_cmpint(progress.remaining_seconds, ==, -1);
  progress_set(&progress, 2000000, 90000, 304000, "行", "装入");
  g_assert_cmpfloat_with_epsilon(progress.rate, 40000, 1);
  g_assert_cmpint(progress.remaining_seconds, ==, 6);
  g_autofree char *line = progress_line(&progress);
  g_assert_cmpstr(line, ==, "装入 90,000/304,000 行（29%） 40,000 行/秒 剩余 6 秒");
  progress_set(&progress, 2000000, 0, 3000000000, "字节", "附\033[31m件");
  g_assert_cmpfloat(progress.rate, ==, 0);
  progress_set(&progress, 3000000, 10485760, 3000000000, "字节", "附\033[31m件");
  g_autofree char *bytes = progress_line(&progress);
  g_assert_cmpstr(bytes, ==, "附 [31m件 10.0 MB/2.8 GB（0%） 10.0 MB/秒 剩余 4 分 46 秒");
  progress_set(&progress, 4000000, 7, 0, "件", "清点");
  g_autofree char *unknown = progress_line(&progress);
  g_assert_cmpstr(unknown, ==, "清点 7 件");
  progress_clear(&progress);
}

static void run_in_terminal(void) {
  json_t *parameters = json_pack("{s:i}", "count", 1234);
  House house = {.db = (struct SqlDb *)&shared};
  g_assert_true(job_run_now(&house, run_quick, parameters, "wang", TRUE, NULL));
  json_decref(parameters);
}

static void test_terminal(void) {
  if (g_test_subprocess()) return run_in_terminal();
  g_test_trap_subprocess(NULL, 0, 0);
  g_test_trap_assert_passed();
  g_test_trap_assert_stderr("清点 1,234/1,234 件（100%） 用时 0 秒\n");
}

static void test_run_now(void) {
  House house = {.db = (struct SqlDb *)&shared};
  g_autoptr(GError) error = NULL;
  g_assert_false(job_run_now(&house, run_failing, NULL, "wang", FALSE, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
  for (gsize i = 0; i < count; i++)
    if (strcmp(fields[i].key, "MESSAGE") == 0 && strstr(fields[i].value, "第 3 行没有题名")) return G_LOG_WRITER_HANDLED;
  return g_log_writer_default(level, fields, count, data);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_log_set_writer_func(write_log, NULL, NULL);
  g_test_add("/job/done", Place, "start", set_up, test_done, tear_down);
  g_test_add("/job/failed", Place, "start", set_up, test_failed, tear_down);
  g_test_add("/job/rolled-back", Place, NULL, set_up, test_rolled_back, tear_down);
  g_test_add("/job/same-subject", Place, NULL, set_up, test_same_subject, tear_down);
  g_test_add("/job/heavy-one-at-a-time", Place, "start", set_up, test_heavy_one_at_a_time, tear_down);
  g_test_add("/job/cancel", Place, "start", set_up, test_cancel, tear_down);
  g_test_add("/job/stop-and-go-on", Place, "start", set_up, test_stop_and_go_on, tear_down);
  g_test_add("/job/after-death", Place, NULL, set_up, test_after_death, tear_down);
  g_test_add("/job/progress-inside-transaction", Place, "start", set_up, test_progress_inside_transaction, tear_down);
  g_test_add("/job/progress-written", Place, "start", set_up, test_progress_written, tear_down);
  g_test_add_func("/job/rate", test_rate);
  g_test_add_func("/job/terminal", test_terminal);
  g_test_add_func("/job/run-now", test_run_now);
  return g_test_run();
}
