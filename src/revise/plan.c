/*
 * Planning: each record that is chosen is read, changed in memory, and what differs is kept as a row; nothing of the catalogue is written.
 *
 * 1. Rows are written some at a time, so that planning 300 000 records neither fills the memory nor holds the writer.
 * 2. Planning begins anew after a crash: rows of the former attempt are removed first.
 * 3. A record beyond the scope gives no row, and when it is named one that says "not found", as one that is not there.
 */
#include "internal.h"
#include "text.h"
#include "watch.h"
#include <string.h>

enum { ROWS_AT_ONCE = 1000, READ_AT_ONCE = 100, MAKERS_MAX = 8, VALUES_MAX = 10000, SMALL = 500, STALE_DAYS = 14, TITLE_MAX = 300 };

typedef struct {
  gint64 place, record_id;
  RowState state;
  json_t *changes, *conflict;
  char *problem;
} PlanRow;

static void row_free(gpointer data) {
  PlanRow *row = data;
  json_decref(row->changes);
  json_decref(row->conflict);
  g_free(row->problem);
  g_free(row);
}

/* ---- rows ---- */

static char *json_text(json_t *json) {
  g_autofree char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
  return g_strdup(text != NULL ? text : "");
}

gboolean revision_row_insert(Sql *sql, gint64 id, gint64 place, gint64 record_id, RowState state, json_t *changes, json_t *conflict, const char *problem,
  GError **error) {
  g_autofree char *changes_text = changes == NULL ? g_strdup("{}") : json_text(changes), *conflict_text = json_text(conflict);
  return sql_exec(sql, "INSERT INTO revision_row (revision_id, place, record_id, state, changes, conflict, problem) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    SQL_ARGS(sql_int(id), sql_int(place), sql_int(record_id), sql_int(state), sql_text(changes_text), sql_text(conflict_text), sql_text(problem ? problem : "")), error);
}

static gboolean flush(Plan *plan, GError **error) {
  if (plan->rows->len == 0) return TRUE;
  g_autoptr(Sql) sql = sql_write(plan->house->db, error);
  for (guint i = 0; sql != NULL && i < plan->rows->len; i++) {
    const PlanRow *row = plan->rows->pdata[i];
    if (!revision_row_insert(sql, plan->id, row->place, row->record_id, row->state, row->changes, row->conflict, row->problem, error)) return FALSE;
  }
  if (sql == NULL || !sql_commit(sql, error)) return FALSE;
  g_ptr_array_set_size(plan->rows, 0);
  return TRUE;
}

static void count_fields(Plan *plan, json_t *changes) {
  const char *key;
  json_t *pair;
  json_object_foreach(changes, key, pair)
    json_object_set_new(plan->counts, key, json_integer(json_integer_value(json_object_get(plan->counts, key)) + 1));
}

/* Takes changes and conflict. Writing waits for plan_step: here something is being read. */
static void add_row(Plan *plan, gint64 record_id, RowState state, json_t *changes, json_t *conflict, const char *problem) {
  PlanRow *row = g_new0(PlanRow, 1);
  *row = (PlanRow){++plan->place, record_id, state, changes, conflict, g_strdup(problem)};
  if (state == ROW_WAITING) plan->total++;
  if (state == ROW_WAITING || state == ROW_CONFLICT) count_fields(plan, changes);
  g_ptr_array_add(plan->rows, row);
}

void plan_problem(Plan *plan, gint64 record_id, const char *problem) { add_row(plan, record_id, ROW_REFUSED, NULL, NULL, problem); }

gboolean plan_step(Plan *plan, Job *job, guint records, GError **error) {
  if (plan->rows->len >= ROWS_AT_ONCE && !flush(plan, error)) return FALSE;
  plan->looked += records;
  if (job != NULL) job_progress(job, plan->looked, 0, "件", "预览");
  plan->more = plan->limit != 0 && plan->looked > plan->limit;
  plan->stopped = job != NULL && job_should_stop(job);
  return !plan->more && !plan->stopped;
}

/* Why the record must not become so; NULL: it may. */
static char *refusal(Plan *plan, Sql *sql, const CatalogRecord *before, const CatalogRecord *after) {
  g_autoptr(GError) problem = NULL;
  if (after == NULL) return catalog_record_may_go(sql, before, &problem) ? NULL : g_strdup(problem->message);
  if (!catalog_change_check(plan->house, sql, after, &problem)) return g_strdup(problem->message);
  if (after->level < LEVEL_VOLUME || scope_admits(plan->scope, after->level, after->fonds_id, after->security, after->opening)) return NULL;
  return g_strdup_printf("您无权查看“%s、%s”的档案，不能改成这样", security_label(after->security), opening_label(after->opening));
}

void plan_change(Plan *plan, Sql *sql, const CatalogRecord *before, const CatalogRecord *after, json_t *conflict) {
  json_t *changes = catalog_record_diff(before, after);
  gboolean open = json_object_size(conflict) > 0;
  if (changes == NULL && !open) {
    json_decref(conflict);
    plan->unchanged++;
    return;
  }
  g_autofree char *problem = changes == NULL ? NULL : refusal(plan, sql, before, after);
  add_row(plan, before->id, problem != NULL ? ROW_REFUSED : open ? ROW_CONFLICT : ROW_WAITING, changes, conflict, problem);
}

/* ---- values for one record ---- */

static gboolean set_values(Plan *plan, CatalogRecord *record, json_t *values, GError **error) {
  const char *key;
  json_t *value;
  json_object_foreach(values, key, value) {
    g_autofree char *stored = catalog_value_get(record, key), *old = text_clean(stored, FALSE);
    const char *text = json_string_value(value);
    if (text != NULL && !g_str_equal(old, text) && !catalog_value_set(plan->house->catalog, record, key, text, error)) return FALSE;
  }
  return TRUE;
}

/* Without the earlier description nobody can tell who changed what: each difference is to be decided. */
static json_t *all_in_conflict(const CatalogRecord *now, const CatalogRecord *wanted) {
  json_auto_t *changes = catalog_record_diff(now, wanted);
  json_t *conflict = json_object(), *pair;
  const char *key;
  json_object_foreach(changes, key, pair)
    json_object_set_new(conflict, key, json_pack("[n, O, O]", json_array_get(pair, 0), json_array_get(pair, 1)));
  return conflict;
}

static gboolean merge_values(Plan *plan, Sql *sql, const CatalogRecord *now, gint64 rev, json_t *values, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) base = rev == 0 ? catalog_record_dup(now) : catalog_record_as_of(sql, now, rev, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  g_autoptr(CatalogRecord) wanted = catalog_record_dup(base != NULL ? base : now);
  if (!set_values(plan, wanted, values, &local)) return plan_problem(plan, now->id, local->message), TRUE;
  json_t *conflict = base == NULL ? all_in_conflict(now, wanted) : json_object();
  json_auto_t *changes = base == NULL ? NULL : catalog_record_diff(base, wanted);
  g_autoptr(CatalogRecord) after = base == NULL ? catalog_record_dup(now) : catalog_record_merge(now, changes, FALSE, conflict, error);
  if (after == NULL) return json_decref(conflict), FALSE;
  plan_change(plan, sql, now, after, conflict);
  return TRUE;
}

gboolean plan_values(Plan *plan, Sql *sql, gint64 record_id, gint64 rev, json_t *values, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) now = catalog_record_load(sql, plan->scope, record_id, &local);
  if (now != NULL) return merge_values(plan, sql, now, rev, values, error);
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  plan_problem(plan, record_id, local->message);
  return TRUE;
}

/* ---- sources ---- */

typedef struct {
  RuleWork rule;
  const ReviseMaker *maker; /* NULL: by the rule */
  gpointer state;
} Making;

static const ReviseMaker *makers[MAKERS_MAX];

void revise_maker_add(const ReviseMaker *maker) {
  for (guint i = 0; i < MAKERS_MAX; i++) {
    if (makers[i] == maker) return;
    if (makers[i] != NULL) continue;
    makers[i] = maker;
    return;
  }
  g_assert_not_reached();
}

static const ReviseMaker *maker_named(const char *name) {
  for (guint i = 0; i < MAKERS_MAX && makers[i] != NULL; i++)
    if (g_str_equal(makers[i]->name, name)) return makers[i];
  return NULL;
}

static gboolean making_begin(Making *making, const House *house, json_t *ask, GError **error) {
  const char *name = json_string_value(json_object_get(ask, "maker"));
  *making = (Making){.maker = name == NULL ? NULL : maker_named(name)};
  if (name == NULL) return rule_begin(house->catalog, json_object_get(ask, "rule"), &making->rule, error);
  if (making->maker == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有“%s”这种批量修改", name);
  return (making->state = making->maker->begin(house, json_object_get(ask, "with"), error)) != NULL;
}

static void making_end(Making *making) {
  if (making->maker != NULL && making->state != NULL) making->maker->end(making->state);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Making, making_end)

static gboolean set_made(Plan *plan, Making *making, Sql *sql, CatalogRecord *record, GError **ret_problem, GError **error) {
  if (making->maker == NULL) return rule_apply(&making->rule, record, ret_problem) || TRUE;
  g_autoptr(GError) local = NULL;
  json_auto_t *values = making->maker->values(making->state, sql, record, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return set_values(plan, record, values, ret_problem) || TRUE;
}

static gboolean make_one(Plan *plan, Making *making, Sql *sql, const CatalogRecord *record, GError **error) {
  if (making->maker == NULL && rule_deletes(making->rule.rule)) return plan_change(plan, sql, record, NULL, NULL), TRUE;
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  g_autoptr(GError) problem = NULL;
  if (!set_made(plan, making, sql, after, &problem, error)) return FALSE;
  if (problem == NULL) plan_change(plan, sql, record, after, NULL);
  else plan_problem(plan, record->id, problem->message);
  return TRUE;
}

static gboolean make_records(Plan *plan, Making *making, GPtrArray *records, GError **error) {
  g_autoptr(Sql) sql = sql_read(plan->house->db, error);
  for (guint i = 0; sql != NULL && i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    if (record->level >= LEVEL_VOLUME && !make_one(plan, making, sql, record, error)) return FALSE;
  }
  return sql != NULL;
}

static gboolean plan_selection(Plan *plan, Job *job, json_t *ask, GError **error) {
  g_auto(Making) making = {0};
  if (!making_begin(&making, plan->house, ask, error)) return FALSE;
  g_autoptr(Selection) selection = selection_new(plan->house, plan->scope, json_object_get(ask, "selection"), error);
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  g_autoptr(GError) local = NULL;
  while (selection != NULL && selection_next_records(selection, READ_AT_ONCE, records, &local))
    if (!plan_step(plan, job, records->len, &local) || !make_records(plan, &making, records, &local)) break;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return selection != NULL;
}

gboolean plan_try(const House *house, const Scope *scope, json_t *ask, PlanTrial *ret, GError **error) {
  g_auto(Making) making = {0};
  json_auto_t *counts = json_object();
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  Plan plan = {.house = house, .scope = scope, .rows = rows, .counts = counts};
  if (!making_begin(&making, house, ask, error)) return FALSE;
  g_autoptr(Selection) selection = selection_new(house, scope, json_object_get(ask, "selection"), error);
  g_autoptr(GError) local = NULL;
  while (selection != NULL && selection_next_records(selection, READ_AT_ONCE, records, &local))
    if (!make_records(&plan, &making, records, &local)) break;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  *ret = (PlanTrial){.changes = plan.total, .unchanged = plan.unchanged, .refused = (gint64)rows->len - plan.total};
  for (guint i = 0; i < rows->len && ret->problem == NULL; i++) ret->problem = g_strdup(((const PlanRow *)rows->pdata[i])->problem);
  return selection != NULL;
}

static gboolean plan_list(Plan *plan, Job *job, json_t *ask, GError **error) {
  size_t i;
  json_t *row;
  g_autoptr(GError) local = NULL;
  json_array_foreach(json_object_get(ask, "values"), i, row) {
    if (!plan_step(plan, job, 1, &local)) break;
    g_autoptr(Sql) sql = sql_read(plan->house->db, &local);
    if (sql == NULL || !plan_values(plan, sql, json_integer_value(json_array_get(row, 0)), json_integer_value(json_array_get(row, 1)), json_array_get(row, 2), &local))
      break;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

/* ---- one plan ---- */

static gboolean begin_anew(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && sql_exec(sql, "DELETE FROM revision_row WHERE revision_id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}

static gboolean finish(Plan *plan, const char *notice, GError **error) {
  g_autofree char *counts = json_text(plan->counts);
  if (!flush(plan, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(plan->house->db, error);
  return sql != NULL && sql_exec(sql, "UPDATE revision SET state = 'planned', total = $1, unchanged = $2, counts = $3, notice = $4 WHERE id = $5",
    SQL_ARGS(sql_int(plan->total), sql_int(plan->unchanged), sql_text(counts), sql_text(notice ? notice : ""), sql_int(plan->id)), error) && sql_commit(sql, error);
}

static gboolean plan_source(Plan *plan, Job *job, json_t *revision, char **ret_notice, GError **error) {
  const char *source = json_string_value(json_object_get(revision, "source"));
  json_t *ask = json_object_get(revision, "ask");
  if (g_str_equal(source, "rule")) return plan_selection(plan, job, ask, error);
  return g_str_equal(source, "values") ? plan_list(plan, job, ask, error) : sheet_plan(plan, job, ask, ret_notice, error);
}

/* ret_more: not finished, since it has more than limit (0: none) records or was told to stop. */
static gboolean make(const House *house, Job *job, gint64 id, gint64 limit, gboolean *ret_more, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : revision_load(sql, id, error);
  g_clear_pointer(&sql, sql_end);
  *ret_more = FALSE;
  if (revision == NULL) return FALSE;
  if (!g_str_equal(json_string_value(json_object_get(revision, "state")), "planning")) return TRUE;
  g_autofree char *notice = NULL;
  json_auto_t *counts = json_object();
  g_autoptr(Scope) scope = scope_from_json(json_object_get(revision, "scope"));
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(row_free);
  Plan plan = {.house = house, .scope = scope, .id = id, .limit = limit, .rows = rows, .counts = counts};
  if (!begin_anew(house, id, error) || !plan_source(&plan, job, revision, &notice, error)) return FALSE;
  *ret_more = plan.more || plan.stopped;
  return *ret_more || finish(&plan, notice, error);
}

gboolean plan_run(const House *house, Job *job, json_t *parameters, GError **error) {
  gboolean more;
  return make(house, job, json_integer_value(json_object_get(parameters, "revision")), 0, &more, error);
}

static gboolean queue_plan(const House *house, gint64 id, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *parameters = json_pack("{s:I}", "revision", (json_int_t)id);
  return sql != NULL && job_queue(sql, "revise.plan", "revision", id, parameters, actor, error) != 0 && sql_commit(sql, error);
}

gboolean plan_soon(const House *house, gint64 id, const char *actor, gint64 limit, GError **error) {
  gboolean more;
  if (!make(house, NULL, id, limit, &more, error)) return FALSE;
  return !more || queue_plan(house, id, actor, error);
}

/* ---- asking ---- */

gint64 revision_insert(Sql *sql, const char *actor, const char *title, const char *source, json_t *ask, const Scope *scope, const char *state, GError **error) {
  json_auto_t *seen = scope_json(scope);
  g_autofree char *asked = json_text(ask), *scope_text = json_text(seen);
  g_autofree char *shown = g_utf8_strlen(title, -1) > TITLE_MAX ? g_utf8_substring(title, 0, TITLE_MAX) : g_strdup(title);
  const char *why = json_string_value(json_object_get(ask, "why"));
  gint64 now = clock_now_us(), stale = now - (gint64)STALE_DAYS * 24 * 3600 * G_USEC_PER_SEC;
  if (!sql_exec(sql, "DELETE FROM revision_row WHERE revision_id IN (SELECT id FROM revision WHERE state = 'planned' AND at_us < $1)", SQL_ARGS(sql_int(stale)), error) ||
    !sql_exec(sql, "DELETE FROM revision WHERE state = 'planned' AND at_us < $1", SQL_ARGS(sql_int(stale)), error)) return 0;
  if (!sql_exec(sql, "INSERT INTO revision (id, at_us, actor, title, source, ask, scope, state, why) "
        "VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM revision), $1, $2, $3, $4, $5, $6, $7, $8)",
        SQL_ARGS(sql_int(now), sql_text(actor), sql_text(shown), sql_text(source), sql_text(asked), sql_text(scope_text), sql_text(state),
          sql_text(why != NULL ? why : "")), error)) return 0;
  return sql_last_id(sql);
}

static char *ask_title(const House *house, const Scope *scope, json_t *ask, GError **error) {
  const char *given = json_string_value(json_object_get(ask, "title"));
  if (json_object_get(ask, "values") != NULL) return g_strdup(given != NULL ? given : "逐件修改");
  g_auto(Making) making = {0};
  if (!making_begin(&making, house, ask, error)) return NULL;
  g_autoptr(Selection) selection = selection_new(house, scope, json_object_get(ask, "selection"), error);
  if (selection == NULL) return NULL;
  if (given != NULL) return g_strdup(given);
  if (making.maker != NULL) return selection_name(selection);
  g_autofree char *name = selection_name(selection), *rule = rule_title(house->catalog, json_object_get(ask, "rule"));
  return g_strdup_printf("%s（%s）", rule, name);
}

gint64 revise_plan(const House *house, const Scope *scope, const char *actor, json_t *ask, GError **error) {
  json_t *values = json_object_get(ask, "values");
  if (json_array_size(values) > VALUES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "逐件修改一次最多 %d 件，请分批", VALUES_MAX), 0;
  g_autofree char *title = ask_title(house, scope, ask, error);
  g_autoptr(Sql) sql = title == NULL ? NULL : sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : revision_insert(sql, actor, title, values != NULL ? "values" : "rule", ask, scope, "planning", error);
  if (id == 0 || !sql_commit(sql, error)) return 0;
  g_clear_pointer(&sql, sql_end);
  return plan_soon(house, id, actor, SMALL, error) ? id : 0;
}
