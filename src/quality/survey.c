/*
 * The survey: over all records in order of their ids, afterwards over what changed, in order of revisions.
 *
 * 1. A batch is one transaction with the place reached, so a survey that was stopped or killed goes on there; memory holds one batch.
 * 2. A full survey notes the revision at which it began; when it is through, what changed since is looked at as after any other.
 * 3. Surveys of one day are one row of the trend.
 */
#include "internal.h"

enum { BATCH = 1000, TREND_KEPT = 40 };
#define DAY_US (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define PAUSE_US (G_GINT64_CONSTANT(1800) * G_USEC_PER_SEC) /* between surveys of what changed */

typedef struct {
  gint64 rev, position, rev_begin; /* quality_state */
} State;

static gboolean state_load(Sql *sql, State *ret, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT rev, position, rev_begin FROM quality_state WHERE id = 1", SQL_NONE, error);
  if (rows == NULL || !sql_next(rows, error)) return FALSE;
  *ret = (State){sql_get_int(rows, "rev"), sql_get_int(rows, "position"), sql_get_int(rows, "rev_begin")};
  return TRUE;
}

static gboolean state_save(Sql *sql, const State *state, GError **error) {
  return sql_exec(sql, "UPDATE quality_state SET rev = $1, position = $2, rev_begin = $3 WHERE id = 1",
    SQL_ARGS(sql_int(state->rev), sql_int(state->position), sql_int(state->rev_begin)), error);
}

gint64 survey_last(Sql *sql, GError **error) {
  return sql_number(sql, "SELECT id FROM quality_survey WHERE finished_us > 0 ORDER BY id DESC LIMIT 1", SQL_NONE, 0, error);
}

/* ---- a batch ---- */

/* Ids after the place reached, which moves on. */
static GArray *next_ids(Sql *sql, State *state, gboolean *ret_end, GError **error) {
  gboolean full = state->position >= 0;
  g_autoptr(SqlRows) rows = full ? sql_query(sql, "SELECT id, rev FROM record WHERE id > $1 ORDER BY id LIMIT 1000", SQL_ARGS(sql_int(state->position)), error)
                                 : sql_query(sql, "SELECT id, rev FROM record WHERE rev > $1 ORDER BY rev LIMIT 1000", SQL_ARGS(sql_int(state->rev)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "id");
    g_array_append_val(ids, id);
    if (full) state->position = id;
    else state->rev = sql_get_int(rows, "rev");
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  *ret_end = ids->len < BATCH;
  return g_steal_pointer(&ids);
}

static gboolean look_one(Look *look, const CatalogRecord *record, GHashTable *touched, GError **error) {
  return look_at(look, record, error) && fault_settle(look, error) && pair_put(look, touched, error);
}

/* A volume whose pieces changed is looked at again with them. */
static gboolean look_volumes(Look *look, GPtrArray *records, GHashTable *touched, GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = g_ptr_array_index(records, i);
    if (record->level != LEVEL_ITEM || !g_hash_table_add(seen, g_memdup2(&record->parent_id, sizeof record->parent_id))) continue;
    g_autoptr(GError) failure = NULL;
    g_autoptr(CatalogRecord) parent = catalog_record_load(look->sql, &SCOPE_EVERYTHING, record->parent_id, &failure);
    if (parent && parent->level == LEVEL_VOLUME && !look_one(look, parent, touched, error)) return FALSE;
    if (failure && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  }
  return TRUE;
}

static gboolean run_batch(const House *house, Sql *sql, State *state, gboolean *ret_end, gint64 *looked, GError **error) {
  gboolean changes = state->position < 0;
  g_autoptr(GArray) ids = next_ids(sql, state, ret_end, error);
  g_autoptr(GPtrArray) records = ids ? catalog_records(sql, &SCOPE_EVERYTHING, (const gint64 *)(gpointer)ids->data, ids->len, error) : NULL;
  g_auto(Look) look = {0};
  if (records == NULL || !look_begin(&look, house, sql, error)) return FALSE;
  g_autoptr(GHashTable) touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < records->len; i++)
    if (!look_one(&look, g_ptr_array_index(records, i), touched, error)) return FALSE;
  if (changes && !look_volumes(&look, records, touched, error)) return FALSE;
  *looked += records->len;
  if (*ret_end && !changes) { /* all were seen: on with what changed meanwhile */
    state->rev = state->rev_begin;
    state->position = -1;
    *ret_end = FALSE;
  }
  return pair_settle(sql, touched, error) && state_save(sql, state, error);
}

/* ---- the whole ---- */

/* Its row: today's when there is one. */
static gint64 survey_open(Sql *sql, const char *actor, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 now = clock_now_us();
  gint64 id = sql_number(sql, "SELECT id FROM quality_survey WHERE started_us >= $1 ORDER BY id DESC LIMIT 1", SQL_ARGS(sql_int(now / DAY_US * DAY_US)), 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), 0;
  if (id) return id;
  return sql_exec(sql, "INSERT INTO quality_survey (started_us, actor) VALUES ($1, $2)", SQL_ARGS(sql_int(now), sql_text(actor)), error) ? sql_last_id(sql) : 0;
}

static gboolean survey_close(Sql *sql, gint64 id, gint64 looked, GError **error) {
  return fault_count(sql, id, error) &&
    sql_exec(sql, "UPDATE quality_survey SET finished_us = $1, looked = looked + $2 WHERE id = $3",
      SQL_ARGS(sql_int(clock_now_us()), sql_int(looked), sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM quality_count WHERE survey_id <= $1", SQL_ARGS(sql_int(id - TREND_KEPT)), error) &&
    sql_exec(sql, "DELETE FROM quality_survey WHERE id <= $1", SQL_ARGS(sql_int(id - TREND_KEPT)), error);
}

static gboolean survey_begin(const House *house, const char *actor, gboolean full, State *ret, gint64 *ret_id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !state_load(sql, ret, error)) return FALSE;
  if ((full && ret->position < 0) || (ret->rev == 0 && ret->position < 0)) {
    ret->rev_begin = catalog_rev_last(sql, error);
    ret->position = 0;
    if (ret->rev_begin < 0) return FALSE;
  }
  return state_save(sql, ret, error) && (*ret_id = survey_open(sql, actor, error)) != 0 && sql_commit(sql, error);
}

gboolean survey_run(const House *house, Job *job, json_t *parameters, GError **error) {
  State state;
  gint64 id, looked = 0;
  gboolean full = json_is_true(json_object_get(parameters, "full"));
  if (!survey_begin(house, job ? job_actor(job) : "system", full, &state, &id, error)) return FALSE;
  SearchRequest everything = {0};
  g_autoptr(Sql) reading = sql_read(house->db, error);
  g_autoptr(SearchResult) all = reading ? search_run(house->search, reading, &SCOPE_EVERYTHING, &everything, error) : NULL;
  if (all == NULL) return FALSE;
  gint64 total = state.position >= 0 ? (gint64)all->count : 0;
  g_clear_pointer(&reading, sql_end);
  for (gboolean end = FALSE; !end;) {
    if (job && job_should_stop(job)) return TRUE; /* what was looked at stands; goes on there */
    g_autoptr(Sql) sql = sql_write(house->db, error);
    if (sql == NULL || !run_batch(house, sql, &state, &end, &looked, error) || !sql_commit(sql, error)) return FALSE;
    if (job) job_progress(job, looked, MAX(total, looked), "条", "检查著录");
  }
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && survey_close(sql, id, looked, error) && sql_commit(sql, error);
}

gint64 quality_survey_queue(Sql *sql, const char *actor, gboolean full, GError **error) {
  json_auto_t *parameters = json_pack("{s:b}", "full", full);
  return job_queue(sql, "quality.survey", "quality", 1, parameters, actor, error);
}

gboolean quality_survey_now(const House *house, const char *actor, gboolean full, gboolean show_progress, GError **error) {
  json_auto_t *parameters = json_pack("{s:b}", "full", full);
  return job_run_now(house, survey_run, parameters, actor, show_progress, error);
}

gint64 quality_count(Sql *sql, const Scope *scope, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT fonds_id, level, security, openings, SUM(faults) AS faults FROM quality_count WHERE survey_id = $1 "
    "GROUP BY fonds_id, level, security, openings", SQL_ARGS(sql_int(survey_last(sql, NULL))), error);
  if (rows == NULL) return -1;
  gint64 count = 0;
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    FaultGate gate = {sql_get_int(rows, "fonds_id"), (Level)sql_get_int(rows, "level"), (Security)sql_get_int(rows, "security"), (guint)sql_get_int(rows, "openings")};
    if (fault_admitted(scope, &gate)) count += sql_get_int(rows, "faults");
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), -1;
  return count;
}

/* ---- what changed is looked at by itself, once there was a first survey ---- */

static void tick(const House *house) {
  static gint64 last_us;
  gint64 now = g_get_monotonic_time();
  if (last_us != 0 && now - last_us < PAUSE_US) return;
  last_us = now;
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) reading = sql_read(house->db, &error);
  State state;
  gint64 rev = reading && state_load(reading, &state, &error) ? catalog_rev_last(reading, &error) : -1;
  if (rev < 0 || state.rev == 0 || (rev <= state.rev && state.position < 0)) return;
  g_clear_pointer(&reading, sql_end);
  g_autoptr(Sql) sql = sql_write(house->db, &error);
  if (sql == NULL || quality_survey_queue(sql, "system", FALSE, &error) == 0 || !sql_commit(sql, &error))
    g_warning("survey is not queued: %s", error ? error->message : "");
}

gboolean quality_open(SqlDb *db, GError **error) {
  fix_register();
  return sql_migrate_room(db, "quality", error);
}

const JobKind QUALITY_JOBS[] = {{"quality.survey", "著录质量检查", survey_run, JOB_HEAVY}, {NULL}};
const JobTick QUALITY_TICKS[] = {tick, NULL};
