/*
 * Records moved to another parent: planned, carried out, undone, and replayed.
 *
 * 1. What moves are the records asked for; where the fonds changes, everything below them follows, as rows of the same plan.
 * 2. Levels never rise from parent to child, and nothing comes below itself; a code that the other fonds has already stands in the way of its whole branch.
 *    The plan asks this, and each step again: the parent it goes to may itself have been moved, deleted or given to another fonds since.
 * 3. Rows go in the plan's order (parents before children), some at a time, each lot in one transaction with its event; after a crash the job goes on where it
 *    stopped (move.done). Undoing goes the same way back.
 * 4. A record with an object gets its new metadata.json as a version of the object, published before the lot's transaction and acknowledged within.
 */
#include "move.h"
#include "settings.h"
#include <string.h>

enum { RECORDS_MAX = 300000, SEARCH_PAGE = 10000, DEPTH_MAX = 64, LOT_ROWS = 1000, LOT_OBJECTS = 100 };

/* ---- the plan ---- */

typedef struct {
  const House *house;
  Sql *sql;
  const Scope *scope;
  gint64 id;
  CatalogRecord *target;
  GHashTable *above;   /* ids of the target and its ancestors, as pointers */
  gint64 turn, refused, unchanged;
} Plan;

static gboolean write_row(Plan *plan, gint64 turn, const CatalogRecord *record, gint64 parent_after, const char *problem, GError **error) {
  return sql_exec(plan->sql,
    "INSERT INTO move_row (move_id, turn, record_id, parent_before, parent_after, fonds_before, fonds_after, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    SQL_ARGS(sql_int(plan->id), sql_int(turn), sql_int(record->id), sql_int(record->parent_id), sql_int(parent_after), sql_int(record->fonds_id),
      sql_int(plan->target->fonds_id), sql_text(problem)), error);
}

static gboolean refuse(Plan *plan, const CatalogRecord *record, const char *problem, GError **error) {
  return write_row(plan, -plan->refused++, record, record->parent_id, problem, error);
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

/* Everything below the record, parents first: checked (write FALSE), then written as rows. */
static gboolean add_branch(Plan *plan, const CatalogRecord *record, gboolean write, char **ret_problem, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(plan->sql,
    "WITH RECURSIVE below (id, depth) AS (SELECT $1, 0 UNION ALL SELECT r.id, b.depth + 1 FROM below AS b JOIN record AS r ON r.parent_id = b.id WHERE b.depth < $2) "
    "SELECT r.id, r.parent_id, r.fonds_id, r.level, r.security, r.opening, r.code FROM below AS b JOIN record AS r ON r.id = b.id ORDER BY b.depth, r.id",
    SQL_ARGS(sql_int(record->id), sql_int(DEPTH_MAX)), error);
  g_autoptr(GError) local = NULL;
  gint64 count = 0;
  while (rows != NULL && *ret_problem == NULL && sql_next(rows, &local)) {
    if (!write && plan->turn + ++count > RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "连同下级超过 %d 件，请分批移动", RECORDS_MAX);
    if (!write) {
      *ret_problem = why_not_across(plan, rows);
      continue;
    }
    CatalogRecord row = {.id = sql_get_int(rows, "id"), .parent_id = sql_get_int(rows, "parent_id"), .fonds_id = sql_get_int(rows, "fonds_id")};
    if (!write_row(plan, ++plan->turn, &row, row.id == record->id ? plan->target->id : row.parent_id, "", error)) return FALSE;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return rows != NULL;
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
  if (problem == NULL && across && !add_branch(plan, record, FALSE, &problem, error)) return FALSE;
  if (problem != NULL) return refuse(plan, record, problem, error);
  if (across) return add_branch(plan, record, TRUE, &problem, error);
  if (plan->turn == RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "所选超过 %d 件，请分批移动", RECORDS_MAX);
  return write_row(plan, ++plan->turn, record, plan->target->id, "", error);
}

static gboolean add_children(Plan *plan, const MoveAsk *ask, GError **error) {
  g_autofree char *after = NULL;
  do {
    SearchRequest request = {.query = ask->query, .parent_id = ask->node, .sort = SEARCH_SORT_CODE, .after = after, .limit = SEARCH_PAGE};
    g_autoptr(SearchResult) result = search_run(plan->house->search, plan->sql, plan->scope, &request, error);
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

static gboolean fill(Plan *plan, const MoveAsk *ask, const char *actor, GError **error) {
  if (!forget(plan->sql, actor, error)) return FALSE;
  g_autoptr(GError) local = NULL;
  plan->id = 1 + sql_number(plan->sql, "SELECT COALESCE(MAX(id), 0) AS last FROM move", SQL_NONE, 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  g_autofree char *title = g_strdup_printf("%s %s", plan->target->code, plan->target->title);
  if (!sql_exec(plan->sql,
        "INSERT INTO move (id, at_us, actor, title, target_id, state, total, done, unchanged, refused) VALUES ($1, $2, $3, $4, $5, 'planned', 0, 0, 0, 0)",
        SQL_ARGS(sql_int(plan->id), sql_int(clock_now_us()), sql_text(actor), sql_text(title), sql_int(plan->target->id)), error)) return FALSE;
  for (gsize i = 0; i < ask->count; i++)
    if (!add_root(plan, ask->ids[i], error)) return FALSE;
  if (ask->count == 0 && !add_children(plan, ask, error)) return FALSE;
  return sql_exec(plan->sql, "UPDATE move SET total = $1, unchanged = $2, refused = $3 WHERE id = $4",
    SQL_ARGS(sql_int(plan->turn), sql_int(plan->unchanged), sql_int(plan->refused), sql_int(plan->id)), error);
}

gint64 move_plan(const House *house, const Scope *scope, const char *actor, const MoveAsk *ask, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autoptr(CatalogRecord) target = sql == NULL ? NULL : catalog_record_load(sql, scope, ask->target, error);
  if (target == NULL) return 0;
  Plan plan = {.house = house, .sql = sql, .scope = scope, .target = target};
  gboolean good = find_above(&plan, error) && fill(&plan, ask, actor, error) && sql_commit(sql, error);
  g_hash_table_unref(plan.above);
  return good ? plan.id : 0;
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

static gboolean apply_steps(const House *house, Sql *sql, GArray *steps, GError **error) {
  catalog_bulk_begin(house, sql);
  for (guint i = 0; i < steps->len; i++) {
    g_autoptr(CatalogRecord) before = NULL;
    g_autoptr(CatalogRecord) after = moved_record(sql, &g_array_index(steps, Step, i), &before, error);
    if (after == NULL || !record_overwrite(house, sql, before, after, error)) return FALSE;
  }
  return catalog_bulk_end(house, sql, error);
}

static gint64 done_after(GArray *steps, gboolean undo) { return g_array_index(steps, Step, steps->len - 1).turn - (undo ? 1 : 0); }

static gboolean mark(Sql *sql, gint64 id, gint64 done, gint64 total, gboolean undo, GError **error) {
  const char *state = undo ? (done == 0 ? "undone" : "undoing") : done == total ? "done" : "running";
  return sql_exec(sql, "UPDATE move SET done = $1, state = $2 WHERE id = $3", SQL_ARGS(sql_int(done), sql_text(state), sql_int(id)), error);
}

static gboolean tell(Sql *sql, json_t *plan, const char *actor, GArray *steps, gboolean undo, gint64 rev, GError **error) {
  json_t *rows = json_array();
  for (guint i = 0; i < steps->len; i++) {
    const Step *step = &g_array_index(steps, Step, i);
    json_array_append_new(rows, json_pack("[I, I, I, I, I, I]", (json_int_t)step->record_id, (json_int_t)step->turn, (json_int_t)step->parent_before,
      (json_int_t)step->parent_after, (json_int_t)step->fonds_before, (json_int_t)step->fonds_after));
  }
  gint64 id = json_integer_value(json_object_get(plan, "id"));
  json_auto_t *data = json_pack("{s:O, s:b, s:I, s:o}", "plan", plan, "undo", undo, "rev", (json_int_t)rev, "rows", rows);
  return journal_append(sql, actor, undo ? "record.move_undo" : "record.move", "move", id, data, error) != 0;
}

static ContentBatch *publish(const House *house, const char *actor, GArray *steps, GError **error) {
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  for (guint i = 0; sql != NULL && i < steps->len; i++) {
    g_autoptr(CatalogRecord) record = moved_record(sql, &g_array_index(steps, Step, i), NULL, error);
    if (record == NULL || !record_stage(house, actor, record, batch, "移动", error)) return NULL;
  }
  if (sql == NULL) return NULL;
  sql_end(g_steal_pointer(&sql));
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static gboolean any_objects(Sql *sql, GArray *steps) {
  for (guint i = 0; i < steps->len; i++)
    if (sql_number(sql, "SELECT file_count FROM record WHERE id = $1", SQL_ARGS(sql_int(g_array_index(steps, Step, i).record_id)), 0, NULL) > 0) return TRUE;
  return FALSE;
}

static gboolean apply_lot(const House *house, json_t *plan, const char *actor, GArray *steps, gboolean undo, gboolean objects, GError **error) {
  g_autoptr(ContentBatch) batch = objects ? publish(house, actor, steps, error) : NULL;
  if (objects && batch == NULL) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 rev = sql == NULL ? -1 : catalog_rev_last(sql, error), id = json_integer_value(json_object_get(plan, "id"));
  return rev >= 0 && apply_steps(house, sql, steps, error) && tell(sql, plan, actor, steps, undo, rev + 1, error) &&
         mark(sql, id, done_after(steps, undo), json_integer_value(json_object_get(plan, "total")), undo, error) && fault_point("move.lot") &&
         (batch == NULL || content_batch_acknowledge(batch, sql, error)) && sql_commit(sql, error);
}

/* ---- the job ---- */

json_t *move_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *plan = sql_row_json(sql, "SELECT id, at_us AS at, actor, title, target_id AS target, state, total, done, unchanged, refused FROM move WHERE id = $1",
    SQL_ARGS(sql_int(id)), &local);
  if (plan != NULL) return plan;
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次移动。预览后没有执行的，再次预览时不再保留");
}

/* Before the first lot: nothing has left its place since the plan, and no code is taken where the records go. */
static gboolean verify(Sql *sql, gint64 id, gboolean undo, GError **error) {
  g_autoptr(GError) local = NULL;
  const SqlValue *args = SQL_ARGS(sql_int(id));
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

static gboolean may_begin(Sql *sql, json_t *plan, gboolean undo, GError **error) {
  const char *state = json_string_value(json_object_get(plan, "state"));
  gint64 done = json_integer_value(json_object_get(plan, "done"));
  if (g_str_equal(state, undo ? "undoing" : "running") && (undo || done > 0)) return TRUE; /* goes on after a crash */
  gboolean fit = undo ? g_str_equal(state, "done") || g_str_equal(state, "running") : g_str_equal(state, "planned") || g_str_equal(state, "running");
  if (!fit) return throw(error, LANTAI_ERROR_CONFLICT, "这次移动已经%s", g_str_equal(state, "done") ? "完成" : "撤销");
  return verify(sql, json_integer_value(json_object_get(plan, "id")), undo, error);
}

gboolean move_run(const House *house, Job *job, json_t *parameters, GError **error) {
  gboolean undo = json_is_true(json_object_get(parameters, "undo"));
  gint64 id = json_integer_value(json_object_get(parameters, "move"));
  for (gboolean first = TRUE;; first = FALSE) {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    json_auto_t *plan = sql == NULL ? NULL : move_load(sql, id, error);
    if (plan == NULL || (first && !may_begin(sql, plan, undo, error))) return FALSE;
    gint64 done = json_integer_value(json_object_get(plan, "done")), total = json_integer_value(json_object_get(plan, "total"));
    job_progress(job, undo ? total - done : done, total, "件", undo ? "移回原处" : "移动");
    if (job_should_stop(job)) return TRUE;
    g_autoptr(GArray) steps = read_lot(sql, id, done, undo, LOT_ROWS, error);
    if (steps == NULL) return FALSE;
    if (steps->len == 0) return TRUE;
    gboolean objects = house->content != NULL && any_objects(sql, steps);
    if (objects && steps->len > LOT_OBJECTS) g_array_set_size(steps, LOT_OBJECTS);
    sql_end(g_steal_pointer(&sql));
    if (!apply_lot(house, plan, job_actor(job), steps, undo, objects, error)) return FALSE;
  }
}

/* ---- rebuilding ---- */

static gboolean replay_plan(Sql *sql, json_t *plan, GArray *steps, gboolean undo, GError **error) {
  gint64 id = json_integer_value(json_object_get(plan, "id")), total = json_integer_value(json_object_get(plan, "total"));
  if (!sql_exec(sql,
        "INSERT INTO move (id, at_us, actor, title, target_id, state, total, done, unchanged, refused) VALUES ($1, $2, $3, $4, $5, 'running', $6, 0, $7, $8) "
        "ON CONFLICT (id) DO NOTHING",
        SQL_ARGS(sql_int(id), sql_int(json_integer_value(json_object_get(plan, "at"))), sql_text(json_string_value(json_object_get(plan, "actor"))),
          sql_text(json_string_value(json_object_get(plan, "title"))), sql_int(json_integer_value(json_object_get(plan, "target"))), sql_int(total),
          sql_int(json_integer_value(json_object_get(plan, "unchanged"))), sql_int(json_integer_value(json_object_get(plan, "refused")))), error)) return FALSE;
  for (guint i = 0; !undo && i < steps->len; i++) {
    const Step *step = &g_array_index(steps, Step, i);
    if (!sql_exec(sql,
          "INSERT INTO move_row (move_id, turn, record_id, parent_before, parent_after, fonds_before, fonds_after, problem) VALUES ($1, $2, $3, $4, $5, $6, $7, '')",
          SQL_ARGS(sql_int(id), sql_int(step->turn), sql_int(step->record_id), sql_int(step->parent_before), sql_int(step->parent_after), sql_int(step->fonds_before),
            sql_int(step->fonds_after)), error)) return FALSE;
  }
  return mark(sql, id, done_after(steps, undo), total, undo, error);
}

gboolean move_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data"), *row;
  gint64 rev = json_integer_value(json_object_get(data, "rev"));
  g_autoptr(GArray) steps = g_array_new(FALSE, TRUE, sizeof(Step));
  size_t i;
  json_array_foreach(json_object_get(data, "rows"), i, row) {
    gint64 values[6];
    for (guint k = 0; k < G_N_ELEMENTS(values); k++) values[k] = json_integer_value(json_array_get(row, k));
    Step step = {values[0], values[1], values[2], values[3], values[4], values[5]};
    g_array_append_val(steps, step);
  }
  if (steps->len == 0) return throw(error, LANTAI_ERROR_INVALID, "移动事件的内容不全");
  if (!catalog_rev_seek(sql, rev - 1, error)) return FALSE;
  if (catalog_rev_last(sql, error) != rev - 1) return throw(error, LANTAI_ERROR_INVALID, "移动重放时版本号应为 %" G_GINT64_FORMAT, rev);
  return apply_steps(house, sql, steps, error) && replay_plan(sql, json_object_get(data, "plan"), steps, json_is_true(json_object_get(data, "undo")), error);
}

json_t *move_of_record(Sql *sql, gint64 record_id, GError **error) {
  return sql_json(sql,
    "SELECT w.move_id AS move, w.parent_before AS before, w.parent_after AS after, m.at_us AS at, m.actor AS actor, m.state = 'undone' AS undone "
    "FROM move_row AS w JOIN move AS m ON m.id = w.move_id WHERE w.record_id = $1 AND w.turn > 0 AND w.turn <= m.done OR w.record_id = $1 AND m.state = 'undone' "
    "ORDER BY w.move_id DESC", SQL_ARGS(sql_int(record_id)), error);
}
