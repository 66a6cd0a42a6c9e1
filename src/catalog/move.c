/*
 * Records moved to another parent: planned, carried out, undone, and replayed.
 *
 * 1. What moves are the records asked for; where the fonds changes, everything below them follows, as rows of the same plan.
 * 2. Levels never rise from parent to child, and nothing comes below itself; a code that the other fonds has already stands in the way of its whole branch.
 *    The plan asks this, and each step again: the parent it goes to may itself have been moved, deleted or given to another fonds since.
 * 3. The plan's order is parents before children; how it is carried out is planned.h's.
 * 4. A plan is worked out in memory beside the writers, and only written as one of them: who saves waits for rows, not for what they took to find.
 */
#include "move.h"
#include "settings.h"
#include <string.h>

enum { RECORDS_MAX = 300000, SEARCH_PAGE = 10000, DEPTH_MAX = 64 };

/* ---- the plan ---- */

typedef struct {
  const House *house;
  Sql *sql;
  const Scope *scope;
  CatalogRecord *target;
  GHashTable *above;   /* ids of the target and its ancestors, as pointers */
  GHashTable *picked;  /* the records asked for by id, the same */
  GArray *rows;        /* Row */
  gint64 turn, refused, unchanged;
} Plan;
typedef struct { gint64 turn, record_id, parent_before, parent_after, fonds_before; char *problem; /* NULL: none */ } Row;

static void row_clear(gpointer data) { g_free(((Row *)data)->problem); }

static void plan_clear(Plan *plan) {
  g_clear_pointer(&plan->sql, sql_end);
  g_clear_pointer(&plan->target, catalog_record_free);
  g_clear_pointer(&plan->above, g_hash_table_unref);
  g_clear_pointer(&plan->picked, g_hash_table_unref);
  g_clear_pointer(&plan->rows, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

static void add_row(Plan *plan, gint64 turn, const CatalogRecord *record, gint64 parent_after, const char *problem) {
  Row row = {turn, record->id, record->parent_id, parent_after, record->fonds_id, g_strdup(problem)};
  g_array_append_val(plan->rows, row);
}

static gboolean refuse(Plan *plan, const CatalogRecord *record, const char *problem) {
  add_row(plan, -plan->refused++, record, record->parent_id, problem);
  return TRUE;
}

static char *why_not(Plan *plan, const CatalogRecord *record) {
  if (record->level == LEVEL_FONDS) return g_strdup("全宗不能移到别处");
  if (g_hash_table_contains(plan->above, GSIZE_TO_POINTER(record->id))) return g_strdup("不能移到它自己之下");
  if (plan->target->level > record->level || (plan->target->level == record->level && record->level != LEVEL_CLASS))
    return g_strdup_printf("%s之下不能放%s", level_label(plan->target->level), level_label(record->level));
  return NULL;
}

/* What stands in the way of one record of a branch that goes to another fonds. */
static char *why_not_across(Plan *plan, SqlRows *rows) {
  gint64 fonds_id = sql_get_int(rows, "fonds_id");
  if (!scope_admits(plan->scope, sql_get_int(rows, "level"), fonds_id, sql_get_int(rows, "security"), sql_get_int(rows, "opening")))
    return g_strdup("其下有不在您范围内的档案，不能移到另一全宗");
  const char *code = sql_get_text(rows, "code");
  gint64 taken = sql_number(plan->sql, "SELECT id FROM record WHERE code = $1 AND fonds_id = $2", SQL_ARGS(sql_text(code), sql_int(plan->target->fonds_id)), 0, NULL);
  return taken == 0 ? NULL : g_strdup_printf("目标全宗已有档号 %s", code);
}

/* Everything below the record, parents first: checked (keep FALSE), then kept as rows. */
static gboolean add_branch(Plan *plan, const CatalogRecord *record, gboolean keep, char **ret_problem, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(plan->sql,
    "WITH RECURSIVE below (id, depth) AS (SELECT $1, 0 UNION ALL SELECT r.id, b.depth + 1 FROM below AS b JOIN record AS r ON r.parent_id = b.id WHERE b.depth < $2) "
    "SELECT r.id, r.parent_id, r.fonds_id, r.level, r.security, r.opening, r.code FROM below AS b JOIN record AS r ON r.id = b.id ORDER BY b.depth, r.id",
    SQL_ARGS(sql_int(record->id), sql_int(DEPTH_MAX)), error);
  g_autoptr(GError) local = NULL;
  gint64 count = 0;
  while (rows != NULL && *ret_problem == NULL && sql_next(rows, &local)) {
    if (!keep && plan->turn + ++count > RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "连同下级超过 %d 件，请分批移动", RECORDS_MAX);
    if (!keep) {
      *ret_problem = why_not_across(plan, rows);
      continue;
    }
    CatalogRecord row = {.id = sql_get_int(rows, "id"), .parent_id = sql_get_int(rows, "parent_id"), .fonds_id = sql_get_int(rows, "fonds_id")};
    add_row(plan, ++plan->turn, &row, row.id == record->id ? plan->target->id : row.parent_id, NULL);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return rows != NULL;
}

/* Some record above it was picked too. */
static gboolean lies_in_picked(const Plan *plan, const CatalogRecord *record) {
  gint64 above = record->parent_id;
  for (int depth = 0; above != 0 && depth < DEPTH_MAX; depth++) {
    if (g_hash_table_contains(plan->picked, GSIZE_TO_POINTER(above))) return TRUE;
    above = sql_number(plan->sql, "SELECT parent_id FROM record WHERE id = $1", SQL_ARGS(sql_int(above)), 0, NULL);
  }
  return FALSE;
}

static gboolean add_root(Plan *plan, gint64 id, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(plan->sql, plan->scope, id, error);
  if (record == NULL) return FALSE;
  if (record->parent_id == plan->target->id) {
    plan->unchanged++;
    return TRUE;
  }
  g_autofree char *problem = why_not(plan, record);
  gboolean across = record->fonds_id != plan->target->fonds_id;
  if (problem == NULL && across && lies_in_picked(plan, record)) problem = g_strdup("它的上级也在所选之中，随上级一同移动");
  if (problem == NULL && across && !add_branch(plan, record, FALSE, &problem, error)) return FALSE;
  if (problem != NULL) return refuse(plan, record, problem);
  if (across) return add_branch(plan, record, TRUE, &problem, error);
  if (plan->turn == RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "所选超过 %d 件，请分批移动", RECORDS_MAX);
  add_row(plan, ++plan->turn, record, plan->target->id, NULL);
  return TRUE;
}

static gboolean add_children(Plan *plan, const MoveAsk *ask, GError **error) {
  g_autofree char *after = NULL;
  do {
    SearchRequest request = {.query = ask->query, .parent_id = ask->node, .sort = SEARCH_SORT_CODE, .after = after, .limit = SEARCH_PAGE};
    g_autoptr(SearchResult) result = search_run_whole(plan->house->search, plan->sql, plan->scope, &request, error);
    for (guint i = 0; result != NULL && i < result->ids->len; i++)
      if (!add_root(plan, g_array_index(result->ids, gint64, i), error)) return FALSE;
    if (result == NULL) return FALSE;
    g_free(after);
    after = g_steal_pointer(&result->next);
  } while (after != NULL);
  return TRUE;
}

static gboolean find_above(Plan *plan, GError **error) {
  plan->above = g_hash_table_new(NULL, NULL);
  gint64 parent = plan->target->parent_id;
  g_hash_table_add(plan->above, GSIZE_TO_POINTER(plan->target->id));
  for (int depth = 0; parent != 0 && depth < DEPTH_MAX; depth++) {
    g_autoptr(CatalogRecord) record = record_by_id(plan->sql, parent, error);
    if (record == NULL) return FALSE;
    g_hash_table_add(plan->above, GSIZE_TO_POINTER(parent));
    parent = record->parent_id;
  }
  return TRUE;
}

/* Plans that nobody carried out go when their author makes another. */
static gboolean forget(Sql *sql, const char *actor, GError **error) {
  return sql_exec(sql, "DELETE FROM move_row WHERE move_id IN (SELECT id FROM move WHERE state = 'planned' AND actor = $1)", SQL_ARGS(sql_text(actor)), error) &&
         sql_exec(sql, "DELETE FROM move WHERE state = 'planned' AND actor = $1", SQL_ARGS(sql_text(actor)), error);
}

static gboolean fill(Plan *plan, const MoveAsk *ask, GError **error) {
  for (gsize i = 0; i < ask->count; i++) g_hash_table_add(plan->picked, GSIZE_TO_POINTER(ask->ids[i]));
  for (gsize i = 0; i < ask->count; i++)
    if (!add_root(plan, ask->ids[i], error)) return FALSE;
  return ask->count > 0 || add_children(plan, ask, error);
}

static gboolean write_rows(const Plan *plan, Sql *sql, gint64 id, GError **error) {
  for (guint i = 0; i < plan->rows->len; i++) {
    const Row *row = &g_array_index(plan->rows, Row, i);
    if (!sql_exec(sql,
          "INSERT INTO move_row (move_id, turn, record_id, parent_before, parent_after, fonds_before, fonds_after, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
          SQL_ARGS(sql_int(id), sql_int(row->turn), sql_int(row->record_id), sql_int(row->parent_before), sql_int(row->parent_after), sql_int(row->fonds_before),
            sql_int(plan->target->fonds_id), sql_text(row->problem ? row->problem : "")), error)) return FALSE;
  }
  return TRUE;
}

/* The plan's id; 0 on error. */
static gint64 write_plan(const Plan *plan, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(plan->house->db, error);
  if (sql == NULL || !forget(sql, actor, error)) return 0;
  g_autoptr(GError) local = NULL;
  gint64 id = 1 + sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS last FROM move", SQL_NONE, 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  g_autofree char *title = g_strdup_printf("%s %s", plan->target->code, plan->target->title);
  gboolean good = sql_exec(sql,
    "INSERT INTO move (id, at_us, actor, title, target_id, state, total, done, unchanged, refused) VALUES ($1, $2, $3, $4, $5, 'planned', $6, 0, $7, $8)",
    SQL_ARGS(sql_int(id), sql_int(clock_now_us()), sql_text(actor), sql_text(title), sql_int(plan->target->id), sql_int(plan->turn), sql_int(plan->unchanged),
      sql_int(plan->refused)), error);
  return good && write_rows(plan, sql, id, error) && sql_commit(sql, error) ? id : 0;
}

gint64 move_plan(const House *house, const Scope *scope, const char *actor, const MoveAsk *ask, GError **error) {
  g_auto(Plan) plan = {.house = house, .scope = scope, .sql = sql_read(house->db, error)};
  plan.target = plan.sql == NULL ? NULL : catalog_record_load(plan.sql, scope, ask->target, error);
  if (plan.target == NULL) return 0;
  plan.picked = g_hash_table_new(NULL, NULL);
  plan.rows = g_array_new(FALSE, FALSE, sizeof(Row));
  g_array_set_clear_func(plan.rows, row_clear);
  if (!find_above(&plan, error) || !fill(&plan, ask, error)) return 0;
  g_clear_pointer(&plan.sql, sql_end);
  return write_plan(&plan, actor, error);
}

/* ---- one lot ---- */

typedef struct { gint64 record_id, turn, parent_before, parent_after, fonds_before, fonds_after; } Step;

static void turn_round(Step *step) {
  gint64 parent = step->parent_before, fonds = step->fonds_before;
  step->parent_before = step->parent_after;
  step->fonds_before = step->fonds_after;
  step->parent_after = parent;
  step->fonds_after = fonds;
}

static GArray *read_lot(Sql *sql, gint64 id, gint64 turn, gboolean undo, guint limit, GError **error) {
  g_autoptr(GArray) steps = g_array_new(FALSE, TRUE, sizeof(Step));
  const SqlValue *args = SQL_ARGS(sql_int(id), sql_int(turn), sql_int(limit));
  g_autoptr(SqlRows) rows = undo
    ? sql_query(sql, "SELECT record_id, turn, parent_before, parent_after, fonds_before, fonds_after FROM move_row WHERE move_id = $1 AND turn > 0 AND turn <= $2 "
        "ORDER BY turn DESC LIMIT $3", args, error)
    : sql_query(sql, "SELECT record_id, turn, parent_before, parent_after, fonds_before, fonds_after FROM move_row WHERE move_id = $1 AND turn > $2 "
        "ORDER BY turn LIMIT $3", args, error);
  g_autoptr(GError) local = NULL;
  while (rows != NULL && sql_next(rows, &local)) {
    Step step = {sql_int_at(rows, 0), sql_int_at(rows, 1), sql_int_at(rows, 2), sql_int_at(rows, 3), sql_int_at(rows, 4), sql_int_at(rows, 5)};
    if (undo) turn_round(&step);
    g_array_append_val(steps, step);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return rows == NULL ? NULL : g_steal_pointer(&steps);
}

/* The record with its new place; NULL: it is not where the plan says, or it may not stand there any more. */
static CatalogRecord *moved_record(Sql *sql, const Step *step, CatalogRecord **ret_before, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, step->record_id, error);
  if (before == NULL) return NULL;
  if (before->parent_id != step->parent_before || before->fonds_id != step->fonds_before)
    return throw_null(error, LANTAI_ERROR_CONFLICT, "%s 已不在原来的位置，移动停在这里。请核对后重新预览", before->code);
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  after->parent_id = step->parent_after;
  after->fonds_id = step->fonds_after;
  after->rev = 0;
  if (step->parent_after != step->parent_before && !record_place_valid(sql, after, error)) return NULL;
  if (ret_before != NULL) *ret_before = g_steal_pointer(&before);
  return g_steal_pointer(&after);
}

static gboolean apply_steps(const House *house, Sql *sql, GArray *steps, gboolean undo, GError **error) {
  catalog_bulk_begin(house, sql);
  for (guint i = 0; i < steps->len; i++) {
    g_autoptr(CatalogRecord) before = NULL;
    g_autoptr(CatalogRecord) after = moved_record(sql, &g_array_index(steps, Step, i), &before, error);
    if (after == NULL || !record_overwrite(house, sql, before, after, error)) return FALSE;
  }
  return catalog_bulk_end(house, sql, error);
}

static CatalogRecord *stage_step(Sql *sql, const PlannedStep *step, GError **error) { return moved_record(sql, (const Step *)step, NULL, error); }

static gboolean mark(Sql *sql, gint64 id, gint64 done, const char *state, GError **error) {
  return sql_exec(sql, "UPDATE move SET done = $1, state = $2 WHERE id = $3", SQL_ARGS(sql_int(done), sql_text(state), sql_int(id)), error);
}

json_t *move_load(Sql *sql, gint64 id, GError **error) {
  GError *failure = NULL;
  json_t *plan = sql_row_json(sql, "SELECT id, at_us AS at, actor, title, target_id AS target, state, total, done, unchanged, refused FROM move WHERE id = $1",
    SQL_ARGS(sql_int(id)), &failure);
  return planned_found(plan, failure, MOVE_KIND.noun, error);
}

/* Before the first lot: nothing has left its place since the plan, and no code is taken where the records go. */
static gboolean verify(Sql *sql, json_t *plan, gboolean undo, GError **error) {
  g_autoptr(GError) local = NULL;
  const SqlValue *args = SQL_ARGS(sql_int(json_integer_value(json_object_get(plan, "id"))));
  gint64 left = undo
    ? sql_number(sql, "SELECT COUNT(*) AS moved FROM move_row AS w JOIN move AS m ON m.id = w.move_id LEFT JOIN record AS r ON r.id = w.record_id "
        "WHERE w.move_id = $1 AND w.turn > 0 AND w.turn <= m.done AND (r.id IS NULL OR r.parent_id <> w.parent_after OR r.fonds_id <> w.fonds_after)", args, 0, &local)
    : sql_number(sql, "SELECT COUNT(*) AS moved FROM move_row AS w LEFT JOIN record AS r ON r.id = w.record_id "
        "WHERE w.move_id = $1 AND w.turn > 0 AND (r.id IS NULL OR r.parent_id <> w.parent_before OR r.fonds_id <> w.fonds_before)", args, 0, &local);
  gint64 taken = local != NULL ? 0 : undo
    ? sql_number(sql, "SELECT COUNT(*) AS taken FROM move_row AS w JOIN record AS r ON r.id = w.record_id "
        "JOIN record AS o ON o.code = r.code AND o.fonds_id = w.fonds_before WHERE w.move_id = $1 AND w.turn > 0 AND w.fonds_before <> w.fonds_after AND o.id <> r.id",
        args, 0, &local)
    : sql_number(sql, "SELECT COUNT(*) AS taken FROM move_row AS w JOIN record AS r ON r.id = w.record_id "
        "JOIN record AS o ON o.code = r.code AND o.fonds_id = w.fonds_after WHERE w.move_id = $1 AND w.turn > 0 AND w.fonds_before <> w.fonds_after AND o.id <> r.id",
        args, 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (left > 0) return throw(error, LANTAI_ERROR_CONFLICT, "其中 %" G_GINT64_FORMAT " 件在这之后又被移动或删除，没有改动。请核对后重新预览", left);
  if (taken > 0) return throw(error, LANTAI_ERROR_CONFLICT, "其中 %" G_GINT64_FORMAT " 件的档号在那个全宗里已被使用，没有改动。请先核对", taken);
  return TRUE;
}

/* ---- its event ---- */

static json_t *step_row(const PlannedStep *planned) {
  const Step *step = (const Step *)planned;
  return json_pack("[I, I, I, I, I, I]", (json_int_t)step->record_id, (json_int_t)step->turn, (json_int_t)step->parent_before,
    (json_int_t)step->parent_after, (json_int_t)step->fonds_before, (json_int_t)step->fonds_after);
}

static GArray *steps_of(json_t *rows) {
  GArray *steps = g_array_new(FALSE, TRUE, sizeof(Step));
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    gint64 values[6];
    for (guint k = 0; k < G_N_ELEMENTS(values); k++) values[k] = json_integer_value(json_array_get(row, k));
    Step step = {values[0], values[1], values[2], values[3], values[4], values[5]};
    g_array_append_val(steps, step);
  }
  return steps;
}

static gboolean keep(Sql *sql, json_t *plan, GArray *steps, GError **error) {
  gint64 id = json_integer_value(json_object_get(plan, "id"));
  if (!sql_exec(sql,
        "INSERT INTO move (id, at_us, actor, title, target_id, state, total, done, unchanged, refused) VALUES ($1, $2, $3, $4, $5, 'running', $6, 0, $7, $8) "
        "ON CONFLICT (id) DO NOTHING",
        SQL_ARGS(sql_int(id), sql_int(json_integer_value(json_object_get(plan, "at"))), sql_text(json_string_value(json_object_get(plan, "actor"))),
          sql_text(json_string_value(json_object_get(plan, "title"))), sql_int(json_integer_value(json_object_get(plan, "target"))),
          sql_int(json_integer_value(json_object_get(plan, "total"))), sql_int(json_integer_value(json_object_get(plan, "unchanged"))),
          sql_int(json_integer_value(json_object_get(plan, "refused")))), error)) return FALSE;
  for (guint i = 0; steps != NULL && i < steps->len; i++) {
    const Step *step = &g_array_index(steps, Step, i);
    if (!sql_exec(sql,
          "INSERT INTO move_row (move_id, turn, record_id, parent_before, parent_after, fonds_before, fonds_after, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, '')",
          SQL_ARGS(sql_int(id), sql_int(step->turn), sql_int(step->record_id), sql_int(step->parent_before), sql_int(step->parent_after), sql_int(step->fonds_before),
            sql_int(step->fonds_after)), error)) return FALSE;
  }
  return TRUE;
}

const PlannedKind MOVE_KIND = {.name = "move", .action = "record.move", .noun = "移动", .undoing = "移回原处", .why = "移动", .fault = "move.lot",
  .labels = {"预览，尚未移动", "正在移动", "已移动", "正在移回", "已移回原处"}, .load = move_load, .read_lot = read_lot, .verify = verify, .stage = stage_step,
  .apply = apply_steps, .mark = mark, .row = step_row, .steps = steps_of, .keep = keep};

gboolean move_run(const House *house, Job *job, json_t *parameters, GError **error) { return planned_run(&MOVE_KIND, house, job, parameters, error); }
gboolean move_replay(const House *house, Sql *sql, json_t *event, GError **error) { return planned_replay(&MOVE_KIND, house, sql, event, error); }

json_t *move_of_record(Sql *sql, gint64 record_id, GError **error) {
  return sql_json(sql,
    "SELECT w.move_id AS move, w.parent_before AS before, w.parent_after AS after, m.at_us AS at, m.actor AS actor, m.state = 'undone' AS undone "
    "FROM move_row AS w JOIN move AS m ON m.id = w.move_id WHERE w.record_id = $1 AND w.turn > 0 AND w.turn <= m.done OR w.record_id = $1 AND m.state = 'undone' "
    "ORDER BY w.move_id DESC", SQL_ARGS(sql_int(record_id)), error);
}
