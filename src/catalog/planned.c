/* Work that is planned, carried out in lots, undone, and replayed (planned.h). */
#include "json.h"
#include "planned.h"
#include "settings.h"
#include <string.h>

enum { LOT_ROWS = 1000, LOT_OBJECTS = 100 };

static const PlannedStep *step_at(const GArray *steps, guint i) { return (const PlannedStep *)(gpointer)(steps->data + i * g_array_get_element_size((GArray *)steps)); }

json_t *planned_found(json_t *plan, GError *failure, const char *noun, GError **error) {
  g_autoptr(GError) local = failure;
  if (plan != NULL) return plan;
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次%s。预览后没有执行的，再次预览时不再保留", noun);
}

/* ---- one lot ---- */

typedef struct { const PlannedKind *kind; const House *house; const char *actor; gboolean undo; } Run;

/* How far it is after these steps. */
static gint64 done_after(const GArray *steps, gboolean undo) { return step_at(steps, steps->len - 1)->turn - (undo ? 1 : 0); }

static gboolean mark(const PlannedKind *kind, Sql *sql, json_t *plan, gint64 done, gboolean undo, GError **error) {
  const char *state = undo ? (done == 0 ? "undone" : "undoing") : done == int_at(plan, "total") ? "done" : "running";
  return kind->mark(sql, int_at(plan, "id"), done, state, error);
}

static gboolean any_objects(Sql *sql, const GArray *steps) {
  for (guint i = 0; i < steps->len; i++)
    if (sql_number(sql, "SELECT file_count FROM record WHERE id = $1", SQL_ARGS(sql_int(step_at(steps, i)->record_id)), 0, NULL) > 0) return TRUE;
  return FALSE;
}

static ContentBatch *publish(const Run *run, const GArray *steps, GError **error) {
  g_autoptr(ContentBatch) batch = content_batch_new(run->house->content);
  g_autoptr(Sql) sql = sql_read(run->house->db, error);
  for (guint i = 0; sql != NULL && i < steps->len; i++) {
    g_autoptr(CatalogRecord) record = run->kind->stage(sql, step_at(steps, i), error);
    if (record == NULL || !record_stage(run->house, run->actor, record, batch, run->kind->why, error)) return NULL;
  }
  if (sql == NULL) return NULL;
  sql_end(g_steal_pointer(&sql));
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static gboolean tell(const Run *run, Sql *sql, json_t *plan, const GArray *steps, gint64 rev, GError **error) {
  const PlannedKind *kind = run->kind;
  json_t *rows = json_array();
  for (guint i = 0; i < steps->len; i++) json_array_append_new(rows, kind->row(step_at(steps, i)));
  json_auto_t *data = json_pack("{s:O, s:b, s:I, s:o}", "plan", plan, "undo", run->undo, "rev", (json_int_t)rev, "rows", rows);
  g_autofree char *action = g_strconcat(kind->action, run->undo ? "_undo" : "", NULL);
  return journal_append(sql, run->actor, action, kind->name, int_at(plan, "id"), data, error) != 0;
}

static gboolean apply_lot(const Run *run, json_t *plan, GArray *steps, gboolean objects, GError **error) {
  const PlannedKind *kind = run->kind;
  g_autoptr(ContentBatch) batch = objects ? publish(run, steps, error) : NULL;
  if (objects && batch == NULL) return FALSE;
  g_autoptr(Sql) sql = sql_write(run->house->db, error);
  gint64 rev = sql == NULL ? -1 : catalog_rev_last(sql, error);
  return rev >= 0 && kind->apply(run->house, sql, steps, run->undo, error) && tell(run, sql, plan, steps, rev + 1, error) &&
         mark(kind, sql, plan, done_after(steps, run->undo), run->undo, error) && fault_point(kind->fault) &&
         (batch == NULL || content_batch_acknowledge(batch, sql, error)) && sql_commit(sql, error);
}

/* ---- the job ---- */

static gboolean may_begin(const PlannedKind *kind, Sql *sql, json_t *plan, gboolean undo, GError **error) {
  const char *state = json_string_value(json_object_get(plan, "state"));
  if (g_str_equal(state, undo ? "undoing" : "running") && (undo || int_at(plan, "done") > 0)) return TRUE; /* goes on after a crash */
  gboolean fit = undo ? g_str_equal(state, "done") || g_str_equal(state, "running") : g_str_equal(state, "planned") || g_str_equal(state, "running");
  if (!fit) return throw(error, LANTAI_ERROR_CONFLICT, "这次%s已经%s", kind->noun, g_str_equal(state, "done") ? "完成" : "撤销");
  return kind->verify(sql, plan, undo, error);
}

gboolean planned_run(const PlannedKind *kind, const House *house, Job *job, json_t *parameters, GError **error) {
  const Run run = {kind, house, job_actor(job), json_is_true(json_object_get(parameters, "undo"))};
  gint64 id = int_at(parameters, kind->name);
  for (gboolean first = TRUE;; first = FALSE) {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    json_auto_t *plan = sql == NULL ? NULL : kind->load(sql, id, error);
    if (plan == NULL || (first && !may_begin(kind, sql, plan, run.undo, error))) return FALSE;
    gint64 done = int_at(plan, "done"), total = int_at(plan, "total");
    job_progress(job, run.undo ? total - done : done, total, "件", run.undo ? kind->undoing : kind->noun);
    if (job_should_stop(job)) return TRUE;
    g_autoptr(GArray) steps = kind->read_lot(sql, id, done, run.undo, LOT_ROWS, error);
    if (steps == NULL || steps->len == 0) return steps != NULL;
    gboolean objects = house->content != NULL && any_objects(sql, steps);
    if (objects) {
      g_clear_pointer(&steps, g_array_unref);
      if ((steps = kind->read_lot(sql, id, done, run.undo, LOT_OBJECTS, error)) == NULL) return FALSE;
    }
    sql_end(g_steal_pointer(&sql));
    if (!apply_lot(&run, plan, steps, objects, error)) return FALSE;
  }
}

/* ---- rebuilding ---- */

gboolean planned_replay(const PlannedKind *kind, const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data"), *rows = json_object_get(data, "rows"), *plan = json_object_get(data, "plan");
  gboolean undo = json_is_true(json_object_get(data, "undo"));
  gint64 rev = int_at(data, "rev");
  g_autoptr(GArray) steps = kind->steps(rows);
  if (steps->len == 0 || steps->len != json_array_size(rows)) return throw(error, LANTAI_ERROR_INVALID, "%s事件的内容不全", kind->noun);
  if (!catalog_rev_seek(sql, rev - 1, error)) return FALSE;
  if (catalog_rev_last(sql, error) != rev - 1) return throw(error, LANTAI_ERROR_INVALID, "%s重放时版本号应为 %" G_GINT64_FORMAT, kind->noun, rev);
  return kind->apply(house, sql, steps, undo, error) && kind->keep(sql, plan, undo ? NULL : steps, error) &&
         mark(kind, sql, plan, done_after(steps, undo), undo, error);
}
