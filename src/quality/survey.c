/*
 * The survey: over all records in order of their ids, or over those whose ground is another (ground.c); then over what changed, in order of revisions.
 *
 * 1. A batch is one transaction with the place reached, so a survey that was stopped or killed goes on there; memory holds one batch.
 * 2. A walk over all notes the revision at which it began; when it is through, what changed since is looked at as after any other.
 * 3. A survey ends when nothing is left to look at, be it changed while it ran.
 * 4. Surveys of one day are one row of the trend.
 */
#include "internal.h"

enum { BATCH = 1000, TREND_KEPT = 40, WALK_IDS = 500000 };
#define PAUSE_US (G_GINT64_CONSTANT(1800) * G_USEC_PER_SEC) /* between surveys of what changed, while nobody reads the page */

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

static GArray *ids_of(SqlRows *taken, State *state, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  if (rows == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "id");
    g_array_append_val(ids, id);
    if (state->position >= 0) state->position = id;
    else state->rev = MAX(state->rev, sql_get_int(rows, "rev"));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return g_steal_pointer(&ids);
}

/* The next records that rest on what is marked, from the columns in memory. */
static GArray *next_marked(const House *house, Sql *sql, const Ground *marks, State *state, gboolean *ret_end, GError **error) {
  gint64 last = sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS last FROM record", SQL_NONE, -1, error), until = MIN(last, state->position + WALK_IDS);
  if (last < 0) return NULL;
  GArray *ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (gint64 id = state->position + 1; id <= until && ids->len < BATCH; id++) {
    SearchColumns line;
    state->position = id;
    if (search_columns(house->search, id, &line) && ground_meets(marks, &line)) g_array_append_val(ids, id);
  }
  *ret_end = state->position >= last;
  return ids;
}

/* Ids after the place reached, which moves on. An index that is damaged knows too little: then all are looked at. */
static GArray *next_ids(const House *house, Sql *sql, const Ground *marks, State *state, gboolean *ret_end, GError **error) {
  if (state->position >= 0 && ground_any(marks) && !search_needs_rebuild(house->search)) return next_marked(house, sql, marks, state, ret_end, error);
  GArray *ids = ids_of(state->position >= 0
    ? sql_query(sql, "SELECT id, 0 AS rev FROM record WHERE id > $1 ORDER BY id LIMIT 1000", SQL_ARGS(sql_int(state->position)), error)
    : sql_query(sql, "SELECT id, rev FROM record WHERE rev > $1 ORDER BY rev LIMIT 1000", SQL_ARGS(sql_int(state->rev)), error), state, error);
  *ret_end = ids && ids->len < BATCH;
  return ids;
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

static gboolean look_all(Look *look, GPtrArray *records, GHashTable *touched, GError **error) {
  for (guint i = 0; i < records->len; i++)
    if (!look_one(look, g_ptr_array_index(records, i), touched, error)) return FALSE;
  return TRUE;
}

/* What changed: with the volumes it lies in, and what is below it put down to be looked at next. */
static gboolean look_changed(Look *look, GPtrArray *records, GHashTable *touched, gint64 rev, GError **error) {
  for (guint i = 0; i < records->len; i++)
    if (!ground_below(look->sql, g_ptr_array_index(records, i), rev, error)) return FALSE;
  return look_all(look, records, touched, error) && look_volumes(look, records, touched, error);
}

/* What was put down to be looked at again; what is no more leaves its groups. */
static gboolean look_again(Look *look, GHashTable *touched, gint64 *looked, GError **error) {
  State none = {.position = 0};
  g_autoptr(GArray) ids = ids_of(sql_query(look->sql, "SELECT record_id AS id FROM quality_again ORDER BY record_id LIMIT 1000", SQL_NONE, error), &none, error);
  if (ids == NULL || ids->len == 0) return ids != NULL;
  g_autoptr(GPtrArray) records = catalog_records(look->sql, &SCOPE_EVERYTHING, (const gint64 *)(gpointer)ids->data, ids->len, error);
  if (records == NULL || !look_all(look, records, touched, error)) return FALSE;
  g_autoptr(GHashTable) there = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint i = 0; i < records->len; i++) g_hash_table_add(there, &((CatalogRecord *)g_ptr_array_index(records, i))->id);
  for (guint i = 0; i < ids->len; i++)
    if (!g_hash_table_contains(there, &g_array_index(ids, gint64, i)) && !pair_drop(look->sql, g_array_index(ids, gint64, i), touched, error)) return FALSE;
  *looked += records->len;
  return sql_exec(look->sql, "DELETE FROM quality_again WHERE record_id <= $1", SQL_ARGS(sql_int(none.position)), error);
}

/* 1: some wait to be looked at again; -1 on error. */
static gint64 any_again(Sql *sql, GError **error) {
  return sql_number(sql, "SELECT EXISTS (SELECT 1 FROM quality_again) AS found", SQL_NONE, -1, error);
}

static gboolean look_batch(Look *look, State *state, GHashTable *touched, gboolean *ret_end, gint64 *looked, GError **error) {
  gboolean changes = state->position < 0;
  gint64 rev = state->rev;
  g_autoptr(Ground) marks = ground_marks(look->sql, error);
  g_autoptr(GArray) ids = marks ? next_ids(look->house, look->sql, marks, state, ret_end, error) : NULL;
  g_autoptr(GPtrArray) records = ids ? catalog_records(look->sql, &SCOPE_EVERYTHING, (const gint64 *)(gpointer)ids->data, ids->len, error) : NULL;
  if (records == NULL) return FALSE;
  *looked += records->len;
  if (changes) return look_changed(look, records, touched, rev, error);
  if (!look_all(look, records, touched, error)) return FALSE;
  if (!*ret_end) return TRUE;
  state->rev = state->rev_begin; /* the walk is through: on with what changed meanwhile */
  state->position = -1;
  *ret_end = FALSE;
  return ground_settled(look->sql, error);
}

/* Begins a walk where something that faults rest on is another. */
static gboolean begin_walk(const House *house, Sql *sql, State *state, gboolean full, GError **error) {
  GroundChange change = ground_take(house, sql, error);
  if (change == GROUND_ERROR) return FALSE;
  full = full || change == GROUND_ALL;
  if (full && !ground_settled(sql, error)) return FALSE;
  g_autoptr(Ground) marks = ground_marks(sql, error);
  if (marks == NULL || (!full && !ground_any(marks))) return marks != NULL;
  state->position = 0;
  state->rev_begin = full ? catalog_rev_last(sql, error) : state->rev;
  return state->rev_begin >= 0;
}

static gboolean run_batch(const House *house, Sql *sql, State *state, gboolean *ret_end, gint64 *looked, GError **error) {
  g_auto(Look) look = {0};
  if (!look_begin(&look, house, sql, error)) return FALSE;
  g_autoptr(GHashTable) touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  gint64 waiting = state->position < 0 ? any_again(sql, error) : 0;
  if (waiting < 0) return FALSE;
  *ret_end = FALSE;
  if (!(waiting ? look_again(&look, touched, looked, error) : look_batch(&look, state, touched, ret_end, looked, error))) return FALSE;
  if (*ret_end && (!begin_walk(house, sql, state, FALSE, error) || (waiting = any_again(sql, error)) < 0)) return FALSE;
  *ret_end = *ret_end && state->position < 0 && waiting == 0;
  return pair_settle(sql, touched, error) && state_save(sql, state, error);
}

/* ---- the whole ---- */

/* Its row: today's when there is one. */
static gint64 survey_open(Sql *sql, const char *actor, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 now = clock_now_us();
  gint64 last_us = sql_number(sql, "SELECT started_us FROM quality_survey ORDER BY id DESC LIMIT 1", SQL_NONE, -1, &failure);
  gint64 id = last_us < 0 ? 0 : sql_number(sql, "SELECT MAX(id) AS id FROM quality_survey", SQL_NONE, 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), 0;
  if (id && date_of_time(last_us) >= date_of_time(now)) return id;
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
  gboolean goes_on = ret->position >= 0; /* where the one before was stopped; but all are not what was marked */
  g_autoptr(Ground) marks = goes_on && full ? ground_marks(sql, error) : NULL;
  if ((!goes_on || (marks && ground_any(marks))) && !begin_walk(house, sql, ret, full || ret->rev == 0, error)) return FALSE;
  return state_save(sql, ret, error) && (*ret_id = survey_open(sql, actor, error)) != 0 && sql_commit(sql, error);
}

/* How many a walk will look at; 0: unknown, -1 on error. */
static gint64 walk_total(const House *house, Sql *sql, const State *state, GError **error) {
  g_autoptr(Ground) marks = ground_marks(sql, error);
  if (marks == NULL) return -1;
  SearchRequest everything = {0};
  g_autoptr(SearchResult) all = ground_any(marks) || state->position < 0 ? NULL : search_run(house->search, sql, &SCOPE_EVERYTHING, &everything, NULL);
  if (all || state->position < 0) return all ? (gint64)all->count : 0;
  if (search_needs_rebuild(house->search)) return 0;
  gint64 count = 0, last = sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS last FROM record", SQL_NONE, 0, NULL);
  for (gint64 id = 1; id <= last; id++) {
    SearchColumns line;
    count += search_columns(house->search, id, &line) && ground_meets(marks, &line);
  }
  return count;
}

gboolean survey_run(const House *house, Job *job, json_t *parameters, GError **error) {
  State state;
  gint64 id, looked = 0;
  gboolean full = json_is_true(json_object_get(parameters, "full"));
  if (!survey_begin(house, job ? job_actor(job) : "system", full, &state, &id, error)) return FALSE;
  g_autoptr(Sql) reading = sql_read(house->db, error);
  gint64 total = reading ? walk_total(house, reading, &state, error) : -1;
  if (total < 0) return FALSE;
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

gboolean survey_behind(const House *house, Sql *sql, GError **error) {
  State state;
  if (!state_load(sql, &state, error)) return FALSE;
  return state.rev > 0 && (state.position >= 0 || catalog_rev_last(sql, error) > state.rev || any_again(sql, error) > 0 ||
    ground_moved(house, sql, error) > GROUND_SAME);
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

static gint hasty; /* atomic */

void survey_hasten(void) { g_atomic_int_set(&hasty, TRUE); }

static void queue(const House *house) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(house->db, &error);
  if (sql == NULL || quality_survey_queue(sql, "system", FALSE, &error) == 0 || !sql_commit(sql, &error))
    g_warning("survey is not queued: %s", error ? error->message : "");
}

/* Another ground is looked at as soon as it is seen, which costs a look at the journal's last event; other changes are gathered for a while. */
static void tick(const House *house) {
  static gint64 last_us, seen = -1;
  gint64 now = g_get_monotonic_time();
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_read(house->db, &error);
  gint64 event = sql ? sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS last FROM event", SQL_NONE, 0, &error) : seen;
  gboolean due = last_us == 0 || now - last_us >= PAUSE_US || g_atomic_int_get(&hasty);
  if (error || (event == seen && !due)) return;
  seen = event;
  gboolean behind = due ? survey_behind(house, sql, &error) : survey_last(sql, &error) > 0 && ground_moved(house, sql, &error) > GROUND_SAME;
  g_clear_pointer(&sql, sql_end);
  if (due) {
    last_us = now;
    g_atomic_int_set(&hasty, FALSE);
  }
  if (behind) queue(house);
}

gboolean quality_open(SqlDb *db, GError **error) {
  fix_register();
  ground_watch();
  return sql_migrate_room(db, "quality", error);
}

const JobKind QUALITY_JOBS[] = {{"quality.survey", "著录质量检查", survey_run, JOB_HEAVY}, {NULL}};
const JobTick QUALITY_TICKS[] = {tick, NULL};
