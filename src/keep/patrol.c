/*
 * The yearly patrol (长期保存检测): its plan, and its life: begun when due or by hand, running, stopped, going on, done.
 *
 * 1. At most one is under way. Beginning, end, plan and signatures are told to the journal, and come back from it; slices and findings do not (they are many,
 *    and what they were found in is kept).
 * 2. A day of the plan is used once: a patrol that began on it or later has met it. Days before the plan was made do not count.
 * 3. What is under way has a job whenever its hours allow; a job that was cancelled stops it.
 */
#include "patrol.h"
#include "job.h"
#include "journal.h"
#include "settings.h"

enum { DEFAULT_MONTH = 3, DEFAULT_DAY = 1, DEFAULT_RATE_MB = 20, TICK_SECONDS = 5, AFRESH_SECONDS = 3600, OVERDUE_DAYS = 400 };

/* ---- days ---- */

static gint64 day_in(int year, const PatrolPlan *plan) {
  int length = g_date_get_days_in_month((GDateMonth)plan->month, (GDateYear)year);
  g_autoptr(GDateTime) day = g_date_time_new_local(year, plan->month, MIN(plan->day, length), 0, 0, 0);
  return day ? g_date_time_to_unix(day) * G_USEC_PER_SEC : 0;
}

static GDateTime *local_time(gint64 at_us) { return g_date_time_new_from_unix_local(at_us / G_USEC_PER_SEC); }

gint64 patrol_due_last(const PatrolPlan *plan, gint64 now_us) {
  g_autoptr(GDateTime) now = local_time(now_us);
  gint64 this_year = day_in(g_date_time_get_year(now), plan);
  return this_year <= now_us ? this_year : day_in(g_date_time_get_year(now) - 1, plan);
}

gint64 patrol_due_next(const PatrolPlan *plan, gint64 now_us) {
  g_autoptr(GDateTime) now = local_time(now_us);
  gint64 this_year = day_in(g_date_time_get_year(now), plan);
  return this_year > now_us ? this_year : day_in(g_date_time_get_year(now) + 1, plan);
}

gboolean patrol_is_due(const PatrolPlan *plan, gint64 last_started_us, gint64 now_us) {
  gint64 due_us = patrol_due_last(plan, now_us);
  g_autoptr(GDateTime) due = local_time(due_us);
  g_autoptr(GDateTime) after = g_date_time_add_days(due, 1);
  gboolean counts = plan->since_us < g_date_time_to_unix(after) * G_USEC_PER_SEC; /* made on that day or before */
  return plan->enabled && plan->since_us > 0 && counts && last_started_us < due_us;
}

gboolean patrol_hours_open(const PatrolPlan *plan, gint64 now_us) {
  g_autoptr(GDateTime) now = local_time(now_us);
  int hour = g_date_time_get_hour(now), from = plan->hour_from, to = plan->hour_to;
  if (from == to) return TRUE;
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

/* ---- the plan ---- */

gboolean patrol_plan_load(Sql *sql, PatrolPlan *ret, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT * FROM patrol_plan WHERE id = 1", SQL_NONE, error);
  g_autoptr(GError) failure = NULL;
  if (rows == NULL) return FALSE;
  *ret = (PatrolPlan){TRUE, DEFAULT_MONTH, DEFAULT_DAY, 0, 0, DEFAULT_RATE_MB, 0, 0};
  if (sql_next(rows, &failure))
    *ret = (PatrolPlan){sql_get_int(rows, "enabled") != 0, (int)sql_get_int(rows, "month"), (int)sql_get_int(rows, "day"), (int)sql_get_int(rows, "hour_from"),
      (int)sql_get_int(rows, "hour_to"), sql_get_int(rows, "rate_mb"), sql_get_int(rows, "fonds_id"), sql_get_int(rows, "since_us")};
  return TRUE;
}

static gboolean write_plan(Sql *sql, const PatrolPlan *plan, const char *actor, GError **error) {
  return sql_exec(sql, "INSERT INTO patrol_plan (id, enabled, month, day, rate_mb, fonds_id, hour_from, hour_to, since_us, actor) "
    "VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, month = excluded.month, day = excluded.day, "
    "rate_mb = excluded.rate_mb, fonds_id = excluded.fonds_id, hour_from = excluded.hour_from, hour_to = excluded.hour_to, since_us = excluded.since_us, "
    "actor = excluded.actor", SQL_ARGS(sql_int(plan->enabled), sql_int(plan->month), sql_int(plan->day), sql_int(plan->rate_mb), sql_int(plan->fonds_id),
      sql_int(plan->hour_from), sql_int(plan->hour_to), sql_int(plan->since_us), sql_text(actor)), error);
}

static gboolean check_plan(const PatrolPlan *plan, GError **error) {
  if (plan->month < 1 || plan->month > 12 || plan->day < 1 || plan->day > g_date_get_days_in_month((GDateMonth)plan->month, 2000))
    return throw(error, LANTAI_ERROR_INVALID, "没有 %d 月 %d 日", plan->month, plan->day);
  if (plan->hour_from < 0 || plan->hour_from > 23 || plan->hour_to < 0 || plan->hour_to > 23) return throw(error, LANTAI_ERROR_INVALID, "时段应为 0 至 23 点");
  return (plan->rate_mb >= 0 && plan->rate_mb <= 100000) || throw(error, LANTAI_ERROR_INVALID, "速度应为 0 至 100000 MB/秒");
}

gboolean patrol_plan_put(const House *house, const char *actor, PatrolPlan plan, GError **error) {
  PatrolPlan old;
  g_autoptr(Sql) sql = check_plan(&plan, error) ? sql_write(house->db, error) : NULL;
  if (sql == NULL || !patrol_plan_load(sql, &old, error)) return FALSE;
  gboolean same = old.enabled == plan.enabled && old.month == plan.month && old.day == plan.day;
  plan.since_us = same && old.since_us > 0 ? old.since_us : clock_now_us();
  json_auto_t *data = json_pack("{s:b, s:i, s:i, s:I, s:I, s:i, s:i, s:I}", "enabled", plan.enabled, "month", plan.month, "day", plan.day, "rate_mb",
    (json_int_t)plan.rate_mb, "fonds_id", (json_int_t)plan.fonds_id, "hour_from", plan.hour_from, "hour_to", plan.hour_to, "since", (json_int_t)plan.since_us);
  return write_plan(sql, &plan, actor, error) && journal_append(sql, actor, "keep.patrol.planned", "patrol", 0, data, error) != 0 && sql_commit(sql, error);
}

/* ---- its life ---- */

static gint64 running(Sql *sql) { return sql_number(sql, "SELECT id FROM patrol WHERE state = 'running' LIMIT 1", SQL_NONE, 0, NULL); }

static gboolean queue(Sql *sql, const char *actor, gint64 id, GError **error) {
  json_auto_t *parameters = json_pack("{s:I}", "patrol", (json_int_t)id);
  return job_queue(sql, "keep.patrol", "patrol", id, parameters, actor, error) != 0;
}

static gboolean insert_patrol(Sql *sql, gint64 id, const char *actor, json_t *data, GError **error) {
  return sql_exec(sql, "INSERT INTO patrol (id, year, fonds_id, state, total_records, total_bytes, actor, started_us) VALUES ($1, $2, $3, 'running', $4, $5, $6, $7)",
    SQL_ARGS(sql_int(id), sql_int(json_number_of(data, "year")), sql_int(json_number_of(data, "fonds_id")), sql_int(json_number_of(data, "records")),
      sql_int(json_number_of(data, "bytes")), sql_text(actor), sql_int(json_number_of(data, "started"))), error);
}

gint64 patrol_start(Sql *sql, const char *actor, gint64 fonds_id, GError **error) {
  if (running(sql)) return throw(error, LANTAI_ERROR_CONFLICT, "巡检正在进行"), 0;
  json_auto_t *size = fonds_id ?
    sql_row_json(sql, "SELECT COUNT(DISTINCT f.record_id) AS records, COALESCE(SUM(f.size_bytes), 0) AS bytes FROM file AS f JOIN record AS r ON r.id = f.record_id "
      "WHERE r.fonds_id = $1", SQL_ARGS(sql_int(fonds_id)), error) :
    sql_row_json(sql, "SELECT COUNT(DISTINCT record_id) AS records, COALESCE(SUM(size_bytes), 0) AS bytes FROM file", SQL_NONE, error);
  if (size == NULL) return 0;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM patrol", SQL_NONE, 0, error), now_us = clock_now_us();
  g_autoptr(GDateTime) now = local_time(now_us);
  json_object_set_new(size, "year", json_integer(g_date_time_get_year(now)));
  json_object_set_new(size, "fonds_id", json_integer(fonds_id));
  json_object_set_new(size, "started", json_integer(now_us));
  gboolean good = id != 0 && insert_patrol(sql, id, actor, size, error) && journal_append(sql, actor, "keep.patrol.started", "patrol", id, size, error) != 0 &&
    queue(sql, actor, id, error);
  return good ? id : 0;
}

gboolean patrol_stop(Sql *sql, const char *actor, gint64 id, GError **error) {
  if (!sql_exec(sql, "UPDATE patrol SET state = 'stopped' WHERE id = $1 AND state = 'running'", SQL_ARGS(sql_int(id)), error)) return FALSE;
  if (sql_changes(sql) == 0) return throw(error, LANTAI_ERROR_CONFLICT, "这次巡检没有在进行");
  json_auto_t *data = json_object();
  return journal_append(sql, actor, "keep.patrol.stopped", "patrol", id, data, error) != 0;
}

gboolean patrol_resume(Sql *sql, const char *actor, gint64 id, GError **error) {
  if (running(sql)) return throw(error, LANTAI_ERROR_CONFLICT, "巡检正在进行");
  if (!sql_exec(sql, "UPDATE patrol SET state = 'running' WHERE id = $1 AND state = 'stopped'", SQL_ARGS(sql_int(id)), error)) return FALSE;
  if (sql_changes(sql) == 0) return throw(error, LANTAI_ERROR_CONFLICT, "这次巡检没有停下，不用继续");
  json_auto_t *data = json_object();
  return journal_append(sql, actor, "keep.patrol.resumed", "patrol", id, data, error) != 0 && queue(sql, actor, id, error);
}

static gboolean close_patrol(Sql *sql, gint64 id, json_t *sums, gint64 finished_us, GError **error) {
  return sql_exec(sql, "UPDATE patrol SET state = 'done', records = $1, files = $2, bytes = $3, active_us = $4, finished_us = $5 WHERE id = $6",
    SQL_ARGS(sql_int(json_number_of(sums, "records")), sql_int(json_number_of(sums, "files")), sql_int(json_number_of(sums, "bytes")),
      sql_int(json_number_of(sums, "active_us")), sql_int(finished_us), sql_int(id)), error);
}

gboolean patrol_finish(Sql *sql, gint64 id, GError **error) {
  json_auto_t *data = sql_row_json(sql, "SELECT actor, records, files, bytes, active_us FROM patrol WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  json_t *items = data ? sql_json(sql, "SELECT position, code, name, property, severity, outcome, weight, checked, failed, pending, explain FROM patrol_item "
    "WHERE patrol_id = $1 ORDER BY position", SQL_ARGS(sql_int(id)), error) : NULL;
  if (items == NULL) return FALSE;
  gint64 now_us = clock_now_us();
  json_object_set_new(data, "items", items);
  json_object_set_new(data, "finished", json_integer(now_us));
  return close_patrol(sql, id, data, now_us, error) && journal_append(sql, json_word(data, "actor"), "keep.patrol.finished", "patrol", id, data, error) != 0;
}

/* ---- a person's word on what the program could not decide ---- */

static gboolean sign_one(Sql *sql, gint64 id, const char *code, const char *actor, json_t *word, GError **error) {
  if (!sql_exec(sql, "UPDATE patrol_item SET state = $1, signed_by = $2, signed_us = $3, note = $4 WHERE patrol_id = $5 AND code = $6 "
    "AND outcome IN ('awaiting', 'not_performed')", SQL_ARGS(sql_text(json_word(word, "verdict")), sql_text(actor), sql_int(json_number_of(word, "at")),
      sql_text(json_word(word, "note")), sql_int(id), sql_text(code)), error)) return FALSE;
  return sql_changes(sql) == 1 || throw(error, LANTAI_ERROR_CONFLICT, "检测项 %s 不待人工确认，不能签署", code);
}

gboolean patrol_sign(Sql *sql, const char *actor, gint64 id, const char *const *codes, gsize count, gboolean good, const char *note, GError **error) {
  g_autofree char *state = sql_string(sql, "SELECT state FROM patrol WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (g_strcmp0(state, "done") != 0) return throw(error, LANTAI_ERROR_CONFLICT, "巡检还没有完成，完成后再签署");
  if (count == 0) return throw(error, LANTAI_ERROR_INVALID, "请选择要签署的检测项");
  if (note == NULL || *note == '\0') return throw(error, LANTAI_ERROR_INVALID, "请写明检测情况或依据");
  json_auto_t *word = json_pack("{s:[], s:s, s:s, s:I}", "items", "verdict", good ? "passed" : "failed", "note", note, "at", (json_int_t)clock_now_us());
  for (gsize i = 0; i < count; i++) {
    json_array_append_new(json_object_get(word, "items"), json_string(codes[i]));
    if (!sign_one(sql, id, codes[i], actor, word, error)) return FALSE;
  }
  return journal_append(sql, actor, "keep.patrol.signed", "patrol", id, word, error) != 0;
}

/* ---- from the journal ---- */

static gboolean replay_plan(Sql *sql, json_t *data, const char *actor, GError **error) {
  const PatrolPlan plan = {json_is_true(json_object_get(data, "enabled")), (int)json_number_of(data, "month"), (int)json_number_of(data, "day"),
    (int)json_number_of(data, "hour_from"), (int)json_number_of(data, "hour_to"), json_number_of(data, "rate_mb"), json_number_of(data, "fonds_id"),
    json_number_of(data, "since")};
  return write_plan(sql, &plan, actor, error);
}

static gboolean replay_finish(Sql *sql, gint64 id, json_t *data, GError **error) {
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(data, "items"), i, item)
    if (!sql_exec(sql, "INSERT INTO patrol_item (patrol_id, position, code, name, property, severity, outcome, state, weight, checked, failed, pending, explain) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12)", SQL_ARGS(sql_int(id), sql_int(json_number_of(item, "position")),
        sql_text(json_word(item, "code")), sql_text(json_word(item, "name")), sql_text(json_word(item, "property")), sql_text(json_word(item, "severity")),
        sql_text(json_word(item, "outcome")), sql_int(json_number_of(item, "weight")), sql_int(json_number_of(item, "checked")),
        sql_int(json_number_of(item, "failed")), sql_int(json_number_of(item, "pending")), sql_text(json_word(item, "explain"))), error)) return FALSE;
  return close_patrol(sql, id, data, json_number_of(data, "finished"), error);
}

gboolean patrol_replay(Sql *sql, json_t *event, gboolean *ret_mine, GError **error) {
  const char *action = json_word(event, "action"), *actor = json_word(event, "actor");
  json_t *data = json_object_get(event, "data"), *code;
  gint64 id = json_number_of(json_object_get(event, "subject"), "id");
  size_t i;
  *ret_mine = g_str_has_prefix(action, "keep.patrol.");
  if (g_str_equal(action, "keep.patrol.planned")) return replay_plan(sql, data, actor, error);
  if (g_str_equal(action, "keep.patrol.started")) return insert_patrol(sql, id, actor, data, error);
  if (g_str_equal(action, "keep.patrol.finished")) return replay_finish(sql, id, data, error);
  if (g_str_equal(action, "keep.patrol.stopped")) return sql_exec(sql, "UPDATE patrol SET state = 'stopped' WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (g_str_equal(action, "keep.patrol.resumed")) return sql_exec(sql, "UPDATE patrol SET state = 'running' WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (!g_str_equal(action, "keep.patrol.signed")) return TRUE;
  json_array_foreach(json_object_get(data, "items"), i, code)
    if (!sign_one(sql, id, json_string_value(code), actor, data, error)) return FALSE;
  return TRUE;
}

/* ---- due ---- */

typedef enum { NOTHING, PLAN, START, QUEUE, STOP } Step;

/* Invariant 3. */
static Step step_of_running(Sql *sql, gint64 id) {
  json_auto_t *job = sql_row_json(sql, "SELECT state, finished_us FROM job WHERE subject_kind = 'patrol' AND subject_id = $1 ORDER BY id DESC LIMIT 1",
    SQL_ARGS(sql_int(id)), NULL);
  const char *state = json_word(job, "state");
  if (g_str_equal(state, "queued") || g_str_equal(state, "running")) return NOTHING;
  if (g_str_equal(state, "cancelled")) return STOP;
  if (g_str_equal(state, "failed") && clock_now_us() - json_number_of(job, "finished_us") < (gint64)AFRESH_SECONDS * G_USEC_PER_SEC) return NOTHING;
  return QUEUE;
}

static Step next_step(Sql *sql, const PatrolPlan *plan, gint64 id) {
  gint64 now_us = clock_now_us();
  if (plan->since_us == 0) return PLAN;
  if (id) return patrol_hours_open(plan, now_us) ? step_of_running(sql, id) : NOTHING;
  gint64 last_us = sql_number(sql, "SELECT COALESCE(MAX(started_us), 0) AS last FROM patrol", SQL_NONE, 0, NULL);
  gboolean due = patrol_is_due(plan, last_us, now_us) && patrol_hours_open(plan, now_us);
  return due && sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS id FROM file", SQL_NONE, 0, NULL) > 0 ? START : NOTHING;
}

static gboolean take_step(Sql *sql, Step step, PatrolPlan *plan, gint64 id, GError **error) {
  if (step == START) return patrol_start(sql, "system", plan->fonds_id, error) != 0;
  if (step == QUEUE) return queue(sql, "system", id, error);
  if (step == STOP) return patrol_stop(sql, "system", id, error);
  plan->since_us = clock_now_us();
  return write_plan(sql, plan, "system", error);
}

void patrol_tick(const House *house) {
  static gint64 looked_us;
  gint64 now_us = g_get_monotonic_time();
  if (looked_us != 0 && now_us - looked_us < (gint64)TICK_SECONDS * G_USEC_PER_SEC) return;
  looked_us = now_us;
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) look = sql_read(house->db, &error);
  PatrolPlan plan;
  gint64 id = look ? running(look) : 0;
  Step step = look && patrol_plan_load(look, &plan, &error) ? next_step(look, &plan, id) : NOTHING;
  g_clear_pointer(&look, sql_end);
  g_autoptr(Sql) sql = step != NOTHING ? sql_write(house->db, &error) : NULL;
  if (sql == NULL || (take_step(sql, step, &plan, id, &error) && sql_commit(sql, &error))) return;
  g_warning("patrol: %s", error ? error->message : "");
}

/* ---- warnings ---- */

static void warn_overdue(Sql *sql, const PatrolPlan *plan, void (*add)(json_t *, const char *, const char *, const char *, ...), json_t *list) {
  gint64 last_us = sql_number(sql, "SELECT COALESCE(MAX(finished_us), 0) AS last FROM patrol WHERE state = 'done'", SQL_NONE, 0, NULL);
  gint64 days = (clock_now_us() - MAX(last_us, plan->since_us)) / ((gint64)86400 * G_USEC_PER_SEC);
  if (!plan->enabled) add(list, "warn", "/keep/patrol", "长期保存巡检已停用，馆藏不会定期检测");
  else if (plan->since_us > 0 && days > OVERDUE_DAYS)
    add(list, "bad", "/keep/patrol", last_us ? "上次长期保存巡检已过去 %d 天，超过一年" : "%d 天以来没有做过长期保存巡检", (int)days);
}

void patrol_warn(Sql *sql, void (*add)(json_t *list, const char *tone, const char *href, const char *format, ...), json_t *list) {
  PatrolPlan plan;
  if (!patrol_plan_load(sql, &plan, NULL) || sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS id FROM file", SQL_NONE, 0, NULL) == 0) return;
  warn_overdue(sql, &plan, add, list);
  gint64 stopped = sql_number(sql, "SELECT id FROM patrol WHERE state = 'stopped' ORDER BY id DESC LIMIT 1", SQL_NONE, 0, NULL);
  gint64 newest = sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS id FROM patrol", SQL_NONE, 0, NULL);
  g_autofree char *href = g_strdup_printf("/keep/patrol/%" G_GINT64_FORMAT, newest);
  if (stopped && stopped == newest) add(list, "warn", href, "长期保存巡检停在半途");
  gint64 faults = sql_number(sql, "SELECT COALESCE(SUM(failed), 0) AS faults FROM patrol_item WHERE patrol_id = $1 AND severity = 'error'",
    SQL_ARGS(sql_int(newest)), 0, NULL);
  if (faults) add(list, "bad", href, "长期保存巡检发现 %" G_GINT64_FORMAT " 处不符", faults);
}
