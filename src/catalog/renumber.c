/*
 * Renumbering carried out, undone, and replayed.
 *
 * 1. A lot is never cut within joined rows, so that after a crash every code is one that the plan says; the rest is planned.h's.
 * 2. Before the first lot every row is held against the catalogue: what changed since the plan was made stops all of it.
 * 3. In a circle the holder of a code that is needed stands for the moment under a code that nobody can have (it begins with a control character).
 */
#include "code-keeper.h"
#include "renumber.h"
#include "settings.h"
#include <string.h>

typedef struct {
  gint64 record_id, turn;
  char *before, *after; /* as it is to go now: exchanged when undoing */
  gboolean joined;
} Step;

static void step_clear(gpointer data) {
  Step *step = data;
  g_free(step->before);
  g_free(step->after);
}

static GArray *steps_new(void) {
  GArray *steps = g_array_new(FALSE, TRUE, sizeof(Step));
  g_array_set_clear_func(steps, step_clear);
  return steps;
}

static void add_step(GArray *steps, SqlRows *rows, gboolean undo) {
  const char *before = sql_get_text(rows, "code_before"), *after = sql_get_text(rows, "code_after");
  Step step = {sql_get_int(rows, "record_id"), sql_get_int(rows, "turn"), g_strdup(undo ? after : before), g_strdup(undo ? before : after),
    sql_get_int(rows, "joined") != 0};
  g_array_append_val(steps, step);
}

/* Rows from a turn on (undo: down from it), at most so many, and what is joined to the last of them. */
static GArray *read_lot(Sql *sql, gint64 id, gint64 turn, gboolean undo, guint limit, GError **error) {
  g_autoptr(GArray) steps = steps_new();
  const SqlValue *args = SQL_ARGS(sql_int(id), sql_int(turn));
  g_autoptr(SqlRows) rows = undo
    ? sql_query(sql, "SELECT record_id, turn, joined, code_before, code_after FROM renumber_row WHERE renumber_id = $1 AND turn > 0 AND turn <= $2 ORDER BY turn DESC",
        args, error)
    : sql_query(sql, "SELECT record_id, turn, joined, code_before, code_after FROM renumber_row WHERE renumber_id = $1 AND turn > $2 ORDER BY turn", args, error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    const Step *last = steps->len ? &g_array_index(steps, Step, steps->len - 1) : NULL;
    gboolean tied = last != NULL && (undo ? last->joined : sql_get_int(rows, "joined") != 0);
    if (steps->len >= limit && !tied) break;
    add_step(steps, rows, undo);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&steps);
}

/* ---- invariant 2 ---- */

static gboolean verify(Sql *sql, json_t *plan, gboolean undo, GError **error) {
  gint64 id = json_integer_value(json_object_get(plan, "id")), done = json_integer_value(json_object_get(plan, "done"));
  g_autoptr(GArray) steps = read_lot(sql, id, undo ? done : 0, undo, G_MAXUINT, error);
  g_autoptr(GHashTable) ours = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint i = 0; steps != NULL && i < steps->len; i++) g_hash_table_add(ours, &g_array_index(steps, Step, i).record_id);
  for (guint i = 0; steps != NULL && i < steps->len; i++) {
    const Step *step = &g_array_index(steps, Step, i);
    g_autoptr(CatalogRecord) record = record_by_id(sql, step->record_id, NULL);
    if (record == NULL) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 已删除，没有改动。请重新预览", step->before);
    if (!g_str_equal(record->code, step->before))
      return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 的档号现在是 %s，与%s时不同，没有改动。请先核对", step->before, record->code, undo ? "改号" : "预览");
    gint64 holder = sql_number(sql, "SELECT id FROM record WHERE code = $1 AND fonds_id = $2", SQL_ARGS(sql_text(step->after), sql_int(record->fonds_id)), 0, NULL);
    if (holder != 0 && !g_hash_table_contains(ours, &holder))
      return throw(error, LANTAI_ERROR_CONFLICT, "档号 %s 已由另一件档案使用，没有改动。请先核对", step->after);
    gint64 kept = holder == 0 ? catalog_code_kept(sql, record->fonds_id, step->after) : 0;
    if (kept != 0) return throw(error, LANTAI_ERROR_CONFLICT, "档号 %s 已留给正在归档的台账条目，没有改动", step->after);
  }
  return steps != NULL;
}

/* ---- one lot ---- */

/* Invariant 3. TRUE when the code is free now. */
static gboolean make_way(Sql *sql, const CatalogRecord *record, const char *code, GHashTable *moved, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 holder = sql_number(sql, "SELECT id FROM record WHERE code = $1 AND fonds_id = $2", SQL_ARGS(sql_text(code), sql_int(record->fonds_id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (holder == 0 || holder == record->id) return TRUE;
  if (!sql_exec(sql, "UPDATE record SET code = CHAR(1) || $1 WHERE id = $1", SQL_ARGS(sql_int(holder)), error)) return FALSE;
  gint64 *key = g_new(gint64, 1);
  *key = holder;
  g_hash_table_insert(moved, key, g_strdup(code));
  return TRUE;
}

static gboolean apply_step(const House *house, Sql *sql, const Step *step, gboolean undo, GHashTable *moved, GError **error) {
  g_autoptr(CatalogRecord) before = record_by_id(sql, step->record_id, error);
  if (before == NULL) return FALSE;
  const char *aside = g_hash_table_lookup(moved, &step->record_id);
  if (aside != NULL) {
    g_free(before->code);
    before->code = g_strdup(aside);
    g_hash_table_remove(moved, &step->record_id);
  }
  if (!g_str_equal(before->code, step->before)) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 的档号已改为 %s，改号停在这里", step->before, before->code);
  if (!make_way(sql, before, step->after, moved, error)) return FALSE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(before);
  g_free(after->code);
  after->code = g_strdup(step->after);
  after->rev = 0;
  if (undo) { /* the number that was taken back does not become a former one */
    g_free(after->former);
    after->former = former_with(before->former, NULL, step->after);
  }
  return record_overwrite(house, sql, before, after, error);
}

static gboolean apply_steps(const House *house, Sql *sql, GArray *steps, gboolean undo, GError **error) {
  g_autoptr(GHashTable) moved = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  catalog_bulk_begin(house, sql);
  for (guint i = 0; i < steps->len; i++)
    if (!apply_step(house, sql, &g_array_index(steps, Step, i), undo, moved, error)) return FALSE;
  if (g_hash_table_size(moved) > 0) return throw(error, LANTAI_ERROR_CONFLICT, "有档号已由本批以外的档案使用，改号停在这里");
  return catalog_bulk_end(house, sql, error);
}

static CatalogRecord *stage_step(Sql *sql, const PlannedStep *step, GError **error) {
  CatalogRecord *record = record_by_id(sql, step->record_id, error);
  if (record == NULL) return NULL;
  g_free(record->code);
  record->code = g_strdup(((const Step *)step)->after);
  return record;
}

static gboolean mark(Sql *sql, gint64 id, gint64 done, const char *state, GError **error) {
  return sql_exec(sql, "UPDATE renumber SET done = $1, state = $2 WHERE id = $3", SQL_ARGS(sql_int(done), sql_text(state), sql_int(id)), error);
}

json_t *renumber_load(Sql *sql, gint64 id, GError **error) {
  GError *failure = NULL;
  json_t *plan = sql_row_json(sql, "SELECT id, at_us AS at, actor, title, mode, state, total, done, unchanged, refused FROM renumber WHERE id = $1",
    SQL_ARGS(sql_int(id)), &failure);
  return planned_found(plan, failure, RENUMBER_KIND.noun, error);
}

/* ---- its event ---- */

static json_t *step_row(const PlannedStep *planned) {
  const Step *step = (const Step *)planned;
  return json_pack("[I, I, s, s, b]", (json_int_t)step->record_id, (json_int_t)step->turn, step->before, step->after, step->joined);
}

static GArray *steps_of(json_t *rows) {
  GArray *steps = steps_new();
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    Step step = {json_integer_value(json_array_get(row, 0)), json_integer_value(json_array_get(row, 1)), g_strdup(json_string_value(json_array_get(row, 2))),
      g_strdup(json_string_value(json_array_get(row, 3))), json_is_true(json_array_get(row, 4))};
    if (step.before != NULL && step.after != NULL) g_array_append_val(steps, step);
    else step_clear(&step);
  }
  return steps;
}

static gboolean keep(Sql *sql, json_t *plan, GArray *steps, GError **error) {
  gint64 id = json_integer_value(json_object_get(plan, "id"));
  if (!sql_exec(sql,
        "INSERT INTO renumber (id, at_us, actor, title, mode, state, total, done, unchanged, refused) VALUES ($1, $2, $3, $4, $5, 'running', $6, 0, $7, $8) "
        "ON CONFLICT (id) DO NOTHING",
        SQL_ARGS(sql_int(id), sql_int(json_integer_value(json_object_get(plan, "at"))), sql_text(json_string_value(json_object_get(plan, "actor"))),
          sql_text(json_string_value(json_object_get(plan, "title"))), sql_text(json_string_value(json_object_get(plan, "mode"))),
          sql_int(json_integer_value(json_object_get(plan, "total"))), sql_int(json_integer_value(json_object_get(plan, "unchanged"))),
          sql_int(json_integer_value(json_object_get(plan, "refused")))), error)) return FALSE;
  for (guint i = 0; steps != NULL && i < steps->len; i++) {
    const Step *step = &g_array_index(steps, Step, i);
    if (!sql_exec(sql,
          "INSERT INTO renumber_row (renumber_id, place, turn, joined, record_id, code_before, code_after, problem) VALUES ($1, $2, $2, $3, $4, $5, $6, '')",
          SQL_ARGS(sql_int(id), sql_int(step->turn), sql_int(step->joined), sql_int(step->record_id), sql_text(step->before), sql_text(step->after)), error))
      return FALSE;
  }
  return TRUE;
}

const PlannedKind RENUMBER_KIND = {.name = "renumber", .action = "code.renumber", .noun = "改号", .undoing = "恢复原档号", .why = "批量改号", .fault = "renumber.lot",
  .labels = {"预览，尚未执行", "正在改号", "已改号", "正在恢复", "已恢复原档号"}, .load = renumber_load, .read_lot = read_lot, .verify = verify, .stage = stage_step,
  .apply = apply_steps, .mark = mark, .row = step_row, .steps = steps_of, .keep = keep};

gboolean renumber_run(const House *house, Job *job, json_t *parameters, GError **error) { return planned_run(&RENUMBER_KIND, house, job, parameters, error); }
gboolean renumber_replay(const House *house, Sql *sql, json_t *event, GError **error) { return planned_replay(&RENUMBER_KIND, house, sql, event, error); }

json_t *renumber_of_record(Sql *sql, gint64 record_id, GError **error) {
  return sql_json(sql,
    "SELECT w.renumber_id AS renumber, w.code_before AS before, w.code_after AS after, n.at_us AS at, n.actor AS actor, n.state = 'undone' AS undone "
    "FROM renumber_row AS w JOIN renumber AS n ON n.id = w.renumber_id WHERE w.record_id = $1 AND w.turn > 0 AND n.state IN ('done', 'running', 'undoing', 'undone') "
    "ORDER BY w.renumber_id DESC LIMIT 20", SQL_ARGS(sql_int(record_id)), error);
}
