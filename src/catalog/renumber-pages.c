/*
 * Pages of renumbering: what to renumber and how, the plan before anything is done, its progress, its undoing.
 *
 * 1. A plan lists old code and new code of every record; rows of records that the asker may not see show neither.
 * 2. Starting and undoing only queue the job; a plan is started once and undone once.
 */
#include "code-use.h"
#include "definition.h"
#include "move.h"
#include "renumber.h"
#include <string.h>

enum { ROWS_SHOWN = 100 };

static void read_ask(WebRequest *request, RenumberAsk *ask) {
  *ask = (RenumberAsk){.node = web_int(request, "node", 0), .query = web_text(request, "q"), .fonds = web_int(request, "fonds", 0),
    .category = web_int(request, "category", 0), .accession = web_int(request, "delivery", 0), .anew = g_strcmp0(web_text(request, "mode"), "anew") == 0};
}

/* ---- what and how ---- */

/* The rule that people chose for the records, or that they have to choose one first; nothing where several may hold. */
static void add_rule(const House *house, json_t *model, Sql *sql, gint64 fonds_id, guint8 category) {
  g_auto(CodeUse) use = {0};
  if (fonds_id == 0 || category == 0 || !code_use_for(house->catalog, sql, fonds_id, category, &use, NULL)) return;
  if (use.chosen) json_object_set_new(model, "rule", json_string(use.rule->title));
  if (use.chosen && use.also != NULL) json_object_set_new(model, "also", json_string(use.also->title));
  json_object_set_new(model, "choose_first", json_boolean(!use.chosen));
  json_object_set_new(model, "rule_page", json_sprintf("/codes/%" G_GINT64_FORMAT "/%d/rule", fonds_id, category));
}

WebReply *page_renumber_new(WebRequest *request, GError **error) {
  RenumberAsk ask;
  read_ask(request, &ask);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:s}", "title", "改号", "q", ask.query ? ask.query : "");
  g_autoptr(CatalogRecord) node = ask.node == 0 ? NULL : catalog_record_load(sql, web_scope(request), ask.node, error);
  if (ask.node != 0 && node == NULL) return json_decref(model), NULL;
  if (node != NULL) json_object_set_new(model, "node", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)node->id, "code", node->code, "title", node->title));
  g_autoptr(CatalogRecord) fonds = ask.fonds == 0 ? NULL : catalog_record_load(sql, web_scope(request), ask.fonds, NULL);
  if (fonds != NULL) json_object_set_new(model, "fonds", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds->id, "code", fonds->code, "title", fonds->title));
  const CatalogCategory *category = ask.category < 1 || ask.category > 255 ? NULL : catalog_category(web_house(request)->catalog, ask.category);
  if (category != NULL) json_object_set_new(model, "category", json_pack("{s:i, s:s}", "id", category->id, "title", category->title));
  if (node != NULL) add_rule(web_house(request), model, sql, node->fonds_id, node->category);
  else if (fonds != NULL && category != NULL) add_rule(web_house(request), model, sql, fonds->id, category->id);
  json_object_set_new(model, "any", json_boolean(node != NULL || fonds != NULL || ask.accession != 0 || ask.query != NULL));
  if (ask.accession != 0) json_object_set_new(model, "delivery", json_integer(ask.accession));
  return web_model(model);
}

WebReply *page_renumber_plan(WebRequest *request, GError **error) {
  RenumberAsk ask;
  read_ask(request, &ask);
  if (ask.node == 0 && ask.fonds == 0 && ask.accession == 0 && ask.query == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "请先选择要改号的档案：一个类目、案卷、移交批次，或一次检索的结果");
  gint64 id = renumber_plan(web_house(request), web_scope(request), web_actor(request), &ask, error);
  return id == 0 ? NULL : web_redirect("/renumber/%" G_GINT64_FORMAT, id);
}

/* ---- the plan ---- */

static json_t *plan_rows(WebRequest *request, Sql *sql, gint64 id, gboolean refused, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(id), sql_int(web_int(request, "after", 0)), sql_int(ROWS_SHOWN));
  json_t *rows = refused
    ? sql_json(sql, "SELECT place, record_id, code_before, code_after, problem FROM renumber_row WHERE renumber_id = $1 AND turn = 0 AND place > $2 "
        "ORDER BY place LIMIT $3", args, error)
    : sql_json(sql, "SELECT place, record_id, code_before, code_after, problem FROM renumber_row WHERE renumber_id = $1 AND place > $2 ORDER BY place LIMIT $3", args,
        error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), json_integer_value(json_object_get(row, "record_id")), NULL);
    static const char *const told[] = {"code_before", "code_after", "problem"};
    for (guint k = 0; record == NULL && k < G_N_ELEMENTS(told); k++) json_object_set_new(row, told[k], json_string(""));
    if (record != NULL) json_object_set_new(row, "title", json_string(record->title));
    json_object_set_new(row, "seen", json_boolean(record != NULL));
  }
  return rows;
}

/* What was renumbered is named to its author and to whoever sees a record of it. */
static void hide_title(WebRequest *request, json_t *plan, json_t *rows) {
  gboolean told = g_strcmp0(json_string_value(json_object_get(plan, "actor")), web_actor(request)) == 0;
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) told = told || json_is_true(json_object_get(row, "seen"));
  if (!told) json_object_set_new(plan, "title", json_string("不在您的范围内"));
}

WebReply *page_renumber(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  gboolean refused = g_strcmp0(web_text(request, "show"), "refused") == 0;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *plan = sql == NULL ? NULL : renumber_load(sql, id, error);
  json_t *rows = plan == NULL ? NULL : plan_rows(request, sql, id, refused, error);
  if (rows == NULL) return NULL;
  hide_title(request, plan, rows);
  json_t *model = json_pack("{s:s, s:O, s:o, s:b, s:b}", "title", "改号", "plan", plan, "rows", rows, "show_refused", refused, "anew",
    g_strcmp0(json_string_value(json_object_get(plan, "mode")), "anew") == 0);
  planned_describe(&RENUMBER_KIND, model, sql, plan);
  if (json_array_size(rows) == ROWS_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, ROWS_SHOWN - 1), "place"));
  return web_model(model);
}

WebReply *page_renumber_start(WebRequest *request, GError **error) { return planned_queue(&RENUMBER_KIND, request, FALSE, error); }
WebReply *page_renumber_undo(WebRequest *request, GError **error) { return planned_queue(&RENUMBER_KIND, request, TRUE, error); }

const JobKind CATALOG_JOBS[] = {
  {"code.renumber", "批量改号", renumber_run, JOB_HEAVY},
  {"code.renumber_undo", "恢复原档号", renumber_run, JOB_HEAVY},
  {"record.move", "移动档案", move_run, JOB_HEAVY},
  {"record.move_undo", "移回原处", move_run, JOB_HEAVY},
  {"category.check", "核对著录与门类定义", definition_check_job, JOB_HEAVY},
  {"category.enforce", "启用门类定义", definition_enforce_job, JOB_HEAVY},
  {NULL},
};
