/*
 * Revisions made, undone, and replayed.
 *
 * 1. Rows that wait go some at a time, each lot in one transaction with its event. The state of a row tells what became of it, so a broken-off run goes on with
 *    those that still wait, and none is made twice.
 * 2. A row whose record has something else by now than the plan says is passed over with the reason, never forced; the same when undoing.
 * 3. What was deleted comes back under its id, as it was.
 * 4. What a row changed is kept with it as it was done, so that undoing takes back that and nothing else.
 */
#include "internal.h"
#include "settings.h"
#include "watch.h"
#include <string.h>

enum { LOT_ROWS = 1000, LOT_OBJECTS = 100, SMALL = 200, TRIES = 5 };

typedef struct {
  gint64 place, record_id;
  CatalogChange *change; /* NULL: passed over */
  json_t *changes;       /* as planned, then as done */
  char *problem;
} Step;

typedef struct {
  json_t *revision;
  const char *actor;
  GPtrArray *steps;
  gboolean undo, last;
} Lot;

static void step_free(gpointer data) {
  Step *step = data;
  catalog_change_free(step->change);
  json_decref(step->changes);
  g_free(step->problem);
  g_free(step);
}

/* ---- a lot in memory ---- */

static GPtrArray *read_rows(Sql *sql, gint64 id, RowState state, int limit, GError **error) {
  g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(step_free);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT place, record_id, changes FROM revision_row WHERE revision_id = $1 AND state = $2 ORDER BY place LIMIT $3",
    SQL_ARGS(sql_int(id), sql_int(state), sql_int(limit)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    Step *step = g_new0(Step, 1);
    *step = (Step){.place = sql_get_int(rows, "place"), .record_id = sql_get_int(rows, "record_id"), .changes = json_loads(sql_get_text(rows, "changes"), 0, NULL)};
    g_ptr_array_add(steps, step);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&steps);
}

static char *conflict_text(const House *house, const CatalogRecord *record, json_t *conflicts, gboolean undo) {
  json_auto_t *pairs = json_object();
  const char *key;
  json_t *triple;
  json_object_foreach(conflicts, key, triple)
    json_object_set_new(pairs, key, json_pack("[O, O]", json_array_get(triple, 0), json_array_get(triple, 1)));
  json_auto_t *rows = catalog_changes_rows(house->catalog, record, pairs);
  json_t *first = json_array_get(rows, 0);
  const char *now = json_string_value(json_object_get(first, "after"));
  return g_strdup_printf("%s现在是“%s”，与%s时不同", json_string_value(json_object_get(first, "label")), now ? now : "", undo ? "批量修改" : "预览");
}

/* ---- what goes, and comes back ---- */

static gboolean passed(Step *step, GError **local, GError **error) {
  if (!g_error_matches(*local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) && !g_error_matches(*local, LANTAI_ERROR, LANTAI_ERROR_INVALID))
    return g_propagate_error(error, g_steal_pointer(local)), FALSE;
  step->problem = g_strdup((*local)->message);
  return TRUE;
}

static gboolean take_step(Step *step, CatalogRecord *before, CatalogRecord *after) {
  json_decref(step->changes);
  step->changes = catalog_record_diff(before, after);
  step->change = g_new0(CatalogChange, 1);
  *step->change = (CatalogChange){before, after};
  return TRUE;
}

/* Only what is still as it was seen goes. */
static gboolean prepare_going(Sql *sql, Step *step, CatalogRecord *taken, GError **error) {
  g_autoptr(CatalogRecord) now = taken;
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) seen = catalog_record_of(step->changes, error);
  if (seen == NULL) return FALSE;
  json_auto_t *since = catalog_record_diff(seen, now);
  if (since != NULL) return step->problem = g_strdup("预览以后又改过，没有删除"), TRUE;
  return catalog_record_may_go(sql, now, &local) ? take_step(step, g_steal_pointer(&now), NULL) : passed(step, &local, error);
}

static gboolean prepare_return(const House *house, Sql *sql, Step *step, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) record = catalog_record_of(step->changes, error);
  if (record == NULL) return FALSE;
  g_autoptr(CatalogRecord) parent = catalog_record_load(sql, &SCOPE_EVERYTHING, record->parent_id, NULL);
  if (parent == NULL || parent->fonds_id != record->fonds_id) return step->problem = g_strdup("它的上级已经删除或移走，不能恢复到原处"), TRUE;
  return catalog_change_check(house, sql, record, &local) ? take_step(step, NULL, g_steal_pointer(&record)) : passed(step, &local, error);
}

/* What the step does to the record as it is now; else why it is passed over. */
static gboolean prepare(const House *house, Sql *sql, Step *step, gboolean undo, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) before = catalog_record_load(sql, &SCOPE_EVERYTHING, step->record_id, &local);
  gboolean whole = json_object_get(step->changes, "record") != NULL;
  if (before == NULL && whole && undo && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return prepare_return(house, sql, step, error);
  if (before == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return step->problem = g_strdup("档案已删除"), TRUE;
  if (before == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (whole && undo) return step->problem = g_strdup("已在目录里"), TRUE;
  if (whole) return prepare_going(sql, step, g_steal_pointer(&before), error);
  json_auto_t *conflicts = json_object();
  g_autoptr(CatalogRecord) after = catalog_record_merge(before, step->changes, undo, conflicts, error);
  if (after == NULL) return FALSE;
  json_auto_t *done = catalog_record_diff(before, after);
  if (json_object_size(conflicts) > 0) step->problem = conflict_text(house, before, conflicts, undo);
  else if (done == NULL) step->problem = g_strdup(undo ? "已是原来的内容" : "已是要改成的内容");
  else if (!catalog_change_check(house, sql, after, &local)) step->problem = g_strdup(local->message);
  if (step->problem != NULL) return TRUE;
  json_decref(step->changes);
  step->changes = g_steal_pointer(&done);
  step->change = g_new0(CatalogChange, 1);
  *step->change = (CatalogChange){g_steal_pointer(&before), g_steal_pointer(&after)};
  return TRUE;
}

/* The next LOT_ROWS rows, fewer where LOT_OBJECTS among them have files: of each of these an object is written. */
static GPtrArray *prepare_lot(const House *house, gint64 id, gboolean undo, gboolean *ret_last, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(GPtrArray) steps = sql == NULL ? NULL : read_rows(sql, id, undo ? ROW_MADE : ROW_WAITING, LOT_ROWS, error);
  if (steps == NULL) return NULL;
  *ret_last = steps->len < LOT_ROWS;
  for (guint i = 0, objects = 0; i < steps->len; i++) {
    Step *step = steps->pdata[i];
    if (!prepare(house, sql, step, undo, error)) return NULL;
    objects += step->change != NULL && step->change->before != NULL && step->change->before->file_count > 0;
    if (objects < LOT_OBJECTS || i + 1 == steps->len) continue;
    g_ptr_array_set_size(steps, (int)i + 1);
    *ret_last = FALSE;
  }
  return g_steal_pointer(&steps);
}

/* ---- a lot written ---- */

static gboolean mark_rows(Sql *sql, const Lot *lot, GError **error) {
  gint64 id = json_integer_value(json_object_get(lot->revision, "id"));
  for (guint i = 0; i < lot->steps->len; i++) {
    const Step *step = lot->steps->pdata[i];
    RowState state = step->change == NULL ? (lot->undo ? ROW_KEPT : ROW_PASSED) : lot->undo ? ROW_UNDONE : ROW_MADE;
    g_autofree char *changes = step->change == NULL || lot->undo ? NULL : json_dumps(step->changes, JSON_COMPACT | JSON_SORT_KEYS);
    if (!sql_exec(sql, "UPDATE revision_row SET state = $1, changes = COALESCE($2, changes), problem = $3 WHERE revision_id = $4 AND place = $5",
          SQL_ARGS(sql_int(state), sql_text(changes), sql_text(step->problem ? step->problem : ""), sql_int(id), sql_int(step->place)), error)) return FALSE;
  }
  const char *reached = lot->last ? (lot->undo ? "undone" : "done") : lot->undo ? "undoing" : "running";
  return sql_exec(sql, "UPDATE revision SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(reached), sql_int(id)), error);
}

static gint64 tell(Sql *sql, gint64 rev, GPtrArray *changes, gpointer data, GError **error) {
  const Lot *lot = data;
  json_t *rows = json_array(), *passed = json_array();
  for (guint i = 0; i < lot->steps->len; i++) {
    const Step *step = lot->steps->pdata[i];
    if (step->change != NULL) json_array_append_new(rows, json_pack("[I, O, I]", (json_int_t)step->record_id, step->changes, (json_int_t)step->place));
    else json_array_append_new(passed, json_pack("[I, s, I]", (json_int_t)step->record_id, step->problem, (json_int_t)step->place));
  }
  static const char *const kept[] = {"id", "at", "actor", "title", "source", "total", "unchanged", "decided_by", "decided_us", "why"};
  json_auto_t *event = json_pack("{s:I, s:b, s:o, s:o}", "rev", (json_int_t)rev, "last", lot->last, "rows", rows, "passed", passed);
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(event, kept[i], json_object_get(lot->revision, kept[i]));
  if (json_string_length(json_object_get(event, "decided_by")) > 0) json_object_set(event, "approved_by", json_object_get(event, "decided_by"));
  gint64 id = json_integer_value(json_object_get(lot->revision, "id"));
  gint64 told = journal_append(sql, lot->actor, lot->undo ? "revise.undo" : "revise.apply", "revision", id, event, error);
  return told != 0 && mark_rows(sql, lot, error) ? told : 0;
}

static gboolean write_lot(const House *house, Lot *lot, GError **error) {
  g_autoptr(GPtrArray) changes = g_ptr_array_new();
  for (guint i = 0; i < lot->steps->len; i++)
    if (((const Step *)lot->steps->pdata[i])->change != NULL) g_ptr_array_add(changes, ((const Step *)lot->steps->pdata[i])->change);
  if (changes->len > 0) {
    g_autofree char *why = g_strdup_printf("%s：%s", lot->undo ? "撤销批量修改" : "批量修改", json_string_value(json_object_get(lot->revision, "title")));
    CatalogMany many = {lot->actor, why, tell, lot};
    return catalog_change_many(house, &many, changes, error);
  }
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && mark_rows(sql, lot, error) && sql_commit(sql, error);
}

/* The next rows; steps are the caller's. Somebody may save one of them between reading and writing: then again. */
static gboolean next_lot(const House *house, Lot *lot, GError **error) {
  gint64 id = json_integer_value(json_object_get(lot->revision, "id"));
  for (int tries = 1;; tries++) {
    g_clear_pointer(&lot->steps, g_ptr_array_unref);
    lot->steps = prepare_lot(house, id, lot->undo, &lot->last, error);
    if (lot->steps == NULL) return FALSE;
    g_autoptr(GError) local = NULL;
    if (write_lot(house, lot, &local)) return TRUE;
    if (tries < TRIES && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) continue;
    return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  }
}

/* ---- the whole ---- */

json_t *revision_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *revision = sql_row_json(sql,
    "SELECT id, at_us AS at, actor, title, source, ask, scope, state, total, unchanged, counts, notice, decided_by, decided_us, reason, why FROM revision WHERE id = $1",
    SQL_ARGS(sql_int(id)), &local);
  if (revision == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次批量修改。预览后没有执行的，过后不再保留");
  if (revision == NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  static const char *const objects[] = {"ask", "counts", "scope"};
  for (guint i = 0; i < G_N_ELEMENTS(objects); i++) {
    json_t *object = json_loads(json_string_value(json_object_get(revision, objects[i])), 0, NULL);
    json_object_set_new(revision, objects[i], object != NULL ? object : json_object());
  }
  return revision;
}

gint64 revision_rows(Sql *sql, gint64 id, RowState state) {
  return sql_number(sql, "SELECT COUNT(*) AS count FROM revision_row WHERE revision_id = $1 AND state = $2", SQL_ARGS(sql_int(id), sql_int(state)), 0, NULL);
}

static gboolean run(const House *house, Job *job, gint64 id, const char *actor, gboolean undo, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : revision_load(sql, id, error);
  if (revision == NULL) return FALSE;
  if (!g_str_equal(json_string_value(json_object_get(revision, "state")), undo ? "undoing" : "running")) return TRUE; /* finished before the crash */
  gint64 left = revision_rows(sql, id, undo ? ROW_MADE : ROW_WAITING), total = left + revision_rows(sql, id, undo ? ROW_UNDONE : ROW_MADE);
  g_clear_pointer(&sql, sql_end);
  Lot lot = {revision, actor, NULL, undo, FALSE};
  gboolean good = TRUE;
  if (job != NULL) job_progress(job, total - left, total, "件", undo ? "恢复原内容" : "修改");
  while (good && !lot.last && (job == NULL || !job_should_stop(job))) {
    good = next_lot(house, &lot, error);
    if (good) left -= lot.steps->len;
    if (job != NULL) job_progress(job, total - left, total, "件", undo ? "恢复原内容" : "修改");
  }
  g_clear_pointer(&lot.steps, g_ptr_array_unref);
  return good;
}

gboolean run_apply(const House *house, Job *job, json_t *parameters, GError **error) {
  return run(house, job, json_integer_value(json_object_get(parameters, "revision")), job_actor(job), json_is_true(json_object_get(parameters, "undo")), error);
}

static gboolean fits(Sql *sql, gint64 id, const char *state, gboolean undo, GError **error) {
  static const char *const before_making[] = {"planned", "awaiting", "running", NULL}, *const before_undoing[] = {"done", "running", "undoing", NULL};
  if (undo && !g_strv_contains(before_undoing, state)) return throw(error, LANTAI_ERROR_CONFLICT, "这次批量修改没有执行过，或已经撤销");
  if (undo) return revision_rows(sql, id, ROW_MADE) > 0 || throw(error, LANTAI_ERROR_CONFLICT, "没有可以撤销的修改");
  if (!g_strv_contains(before_making, state)) return throw(error, LANTAI_ERROR_CONFLICT, "这次批量修改已经执行过，或已退回。要再改，请重新预览");
  return g_str_equal(state, "running") || revision_rows(sql, id, ROW_WAITING) > 0 || throw(error, LANTAI_ERROR_INVALID, "没有可以执行的修改");
}

gboolean revision_begin(const House *house, gint64 id, const char *actor, gboolean undo, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : revision_load(sql, id, error);
  if (revision == NULL || !fits(sql, id, json_string_value(json_object_get(revision, "state")), undo, error)) return FALSE;
  gboolean small = revision_rows(sql, id, undo ? ROW_MADE : ROW_WAITING) <= SMALL;
  json_auto_t *parameters = json_pack("{s:I, s:b}", "revision", (json_int_t)id, "undo", undo);
  if (!sql_exec(sql, "UPDATE revision SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(undo ? "undoing" : "running"), sql_int(id)), error)) return FALSE;
  if (!small && job_queue(sql, undo ? "revise.undo" : "revise.apply", "revision", id, parameters, actor, error) == 0) return FALSE;
  if (!sql_commit(sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  return !small || run(house, NULL, id, actor, undo, error);
}

/* ---- rebuilding ---- */

static gboolean replay_rows(Sql *sql, gint64 id, json_t *rows, RowState state, gboolean undo, GError **error) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    gint64 place = json_integer_value(json_array_get(row, 2)), record = json_integer_value(json_array_get(row, 0));
    json_t *what = json_array_get(row, 1);
    const char *problem = json_string_value(what);
    if (undo && !sql_exec(sql, "UPDATE revision_row SET state = $1, problem = $2 WHERE revision_id = $3 AND place = $4",
          SQL_ARGS(sql_int(state), sql_text(problem ? problem : ""), sql_int(id), sql_int(place)), error)) return FALSE;
    if (!undo && !revision_row_insert(sql, id, place, record, state, json_is_object(what) ? what : NULL, NULL, problem, error)) return FALSE;
  }
  return TRUE;
}

static gboolean replay_revision(Sql *sql, json_t *data, gboolean undo, GError **error) {
  gint64 id = json_integer_value(json_object_get(data, "id"));
  const char *texts[5], *const names[] = {"actor", "title", "source", "decided_by", "why"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) texts[i] = json_string_value(json_object_get(data, names[i]));
  if (!sql_exec(sql,
        "INSERT INTO revision (id, at_us, actor, title, source, ask, scope, state, total, unchanged, decided_by, decided_us, why) "
        "VALUES ($1, $2, $3, $4, $5, '{}', '{}', 'running', $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        SQL_ARGS(sql_int(id), sql_int(json_integer_value(json_object_get(data, "at"))), sql_text(texts[0] ? texts[0] : ""), sql_text(texts[1] ? texts[1] : ""),
          sql_text(texts[2] ? texts[2] : ""), sql_int(json_integer_value(json_object_get(data, "total"))),
          sql_int(json_integer_value(json_object_get(data, "unchanged"))),
          sql_text(texts[3] ? texts[3] : ""), sql_int(json_integer_value(json_object_get(data, "decided_us"))), sql_text(texts[4] ? texts[4] : "")), error)) return FALSE;
  gboolean last = json_is_true(json_object_get(data, "last"));
  return replay_rows(sql, id, json_object_get(data, "rows"), undo ? ROW_UNDONE : ROW_MADE, undo, error) &&
         replay_rows(sql, id, json_object_get(data, "passed"), undo ? ROW_KEPT : ROW_PASSED, undo, error) &&
         sql_exec(sql, "UPDATE revision SET state = $1 WHERE id = $2",
           SQL_ARGS(sql_text(last ? (undo ? "undone" : "done") : undo ? "undoing" : "running"), sql_int(id)), error);
}

gboolean revise_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = json_string_value(json_object_get(event, "action"));
  json_t *data = json_object_get(event, "data");
  if (!g_str_equal(action, "revise.apply") && !g_str_equal(action, "revise.undo")) return TRUE; /* what was decided before changed nothing */
  gboolean undo = g_str_equal(action, "revise.undo");
  return catalog_change_replay(house, sql, json_integer_value(json_object_get(event, "id")), json_integer_value(json_object_get(data, "rev")),
    json_object_get(data, "rows"), undo, error) && replay_revision(sql, data, undo, error);
}
