/* Pages of the patrol: the plan with the years, one patrol with its items and every finding by key, its paper; and the same from the command line. */
#include "job.h"
#include "patrol.h"
#include "print.h"

enum { PAGE = 100, FIRST = 5, ON_PAPER = 500, LISTED = 30 };

static json_t *plan_json(WebRequest *request, Sql *sql, const PatrolPlan *plan) {
  g_autoptr(CatalogRecord) fonds = plan->fonds_id ? catalog_record_load(sql, web_scope(request), plan->fonds_id, NULL) : NULL;
  json_t *json = json_pack("{s:b, s:i, s:i, s:i, s:i, s:I, s:I, s:b}", "enabled", plan->enabled, "month", plan->month, "day", plan->day, "hour_from", plan->hour_from,
    "hour_to", plan->hour_to, "rate_mb", (json_int_t)plan->rate_mb, "due_at", (json_int_t)patrol_due_next(plan, clock_now_us()), "hours",
    plan->hour_from != plan->hour_to);
  json_object_set_new(json, "part", json_boolean(plan->fonds_id != 0));
  if (fonds) json_object_set_new(json, "fonds_code", json_string(fonds->code));
  return json;
}

static json_t *home_model(WebRequest *request, Sql *sql, GError **error) {
  PatrolPlan plan;
  if (!patrol_plan_load(sql, &plan, error)) return NULL;
  json_t *list = patrol_list(sql, web_int(request, "before", 0), LISTED, error), *trend = list ? patrol_trend(sql, error) : NULL;
  if (trend == NULL) return json_decref(list), NULL;
  json_t *newest = json_array_get(list, 0);
  gboolean busy = newest && !json_is_true(json_object_get(newest, "done"));
  json_t *model = json_pack("{s:s, s:o, s:o, s:o, s:b, s:b, s:b}", "title", "长期保存巡检", "plan", plan_json(request, sql, &plan), "patrols", list, "trend", trend,
    "tab_patrol", TRUE, "may_manage", web_may(request, KEEP_MANAGE), "may_start", web_may(request, KEEP_MANAGE) && !busy);
  if (json_array_size(list) == LISTED) json_object_set(model, "next", json_object_get(json_array_get(list, LISTED - 1), "id"));
  return model;
}

static WebReply *page_patrols(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *model = sql ? home_model(request, sql, error) : NULL;
  return model ? web_model(model) : NULL;
}

static gboolean read_plan(WebRequest *request, PatrolPlan *ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const char *code = web_text(request, "fonds");
  if (sql == NULL) return FALSE;
  g_autoptr(CatalogRecord) fonds = code && *code ? catalog_record_by_code(sql, web_scope(request), 0, code, NULL) : NULL;
  if (code && *code && (fonds == NULL || fonds->level != LEVEL_FONDS)) return throw(error, LANTAI_ERROR_INVALID, "没有全宗“%s”", code);
  *ret = (PatrolPlan){web_flag(request, "enabled"), (int)web_int(request, "month", 0), (int)web_int(request, "day", 0), (int)web_int(request, "hour_from", 0),
    (int)web_int(request, "hour_to", 0), web_int(request, "rate_mb", -1), fonds ? fonds->id : 0, 0};
  return TRUE;
}

static WebReply *save_plan(WebRequest *request, GError **error) {
  PatrolPlan plan;
  g_autoptr(GError) problem = NULL;
  if (read_plan(request, &plan, &problem) && patrol_plan_put(web_house(request), web_actor(request), plan, &problem)) {
    WebReply *reply = web_redirect("/keep/patrol");
    web_flash(reply, "已保存");
    return reply;
  }
  if (!g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *model = sql ? home_model(request, sql, error) : NULL;
  if (model == NULL) return NULL;
  json_object_set_new(model, "problem", json_string(problem->message));
  return web_model_status(model, 422);
}

static WebReply *begin_patrol(WebRequest *request, GError **error) {
  PatrolPlan plan;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  gint64 id = sql && patrol_plan_load(sql, &plan, error) ? patrol_start(sql, web_actor(request), plan.fonds_id, error) : 0;
  if (id == 0 || !sql_commit(sql, error)) return NULL;
  return web_redirect("/keep/patrol/%" G_GINT64_FORMAT, id);
}

/* ---- one ---- */

static gboolean add_findings(WebRequest *request, Sql *sql, gint64 id, json_t *items, int limit, GError **error) {
  size_t i;
  json_t *item;
  json_array_foreach(items, i, item) {
    json_t *findings = json_number_of(item, "found") ? patrol_findings(sql, id, json_word(item, "code"), 0, 0, limit, error) : json_array();
    if (findings == NULL) return FALSE;
    json_object_set_new(item, "findings", findings);
    json_object_set_new(item, "more", json_integer(json_number_of(item, "found") > limit ? json_number_of(item, "found") : 0));
    json_object_set_new(item, "may_sign", json_boolean(json_is_true(json_object_get(item, "signable")) && web_may(request, "check.sign")));
    if (!patrol_hide(request, sql, findings, error)) return FALSE;
  }
  return TRUE;
}

/* All of one item, by key. */
static gboolean add_list(WebRequest *request, Sql *sql, json_t *model, json_t *items, GError **error) {
  const char *code = web_text(request, "item");
  json_t *item, *found = NULL;
  size_t i;
  json_array_foreach(items, i, item)
    if (g_str_equal(json_word(item, "code"), code)) found = item;
  if (found == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "报告中没有检测项 %s", code);
  json_t *findings = patrol_findings(sql, web_int(request, "id", 0), code, web_int(request, "check", 0), web_int(request, "after", 0), PAGE, error);
  if (findings == NULL) return FALSE;
  json_t *list = json_copy(found), *last = json_array_get(findings, PAGE - 1);
  json_object_set_new(list, "findings", findings);
  if (last) json_object_set(list, "next_check", json_object_get(last, "check_id"));
  if (last) json_object_set(list, "next", json_object_get(last, "sequence"));
  json_object_set_new(model, "list", list);
  return patrol_hide(request, sql, findings, error);
}

static json_t *patrol_model(WebRequest *request, Sql *sql, int limit, GError **error) {
  gint64 id = web_int(request, "id", 0);
  json_t *patrol = patrol_load(sql, id, error), *items = patrol ? patrol_items(sql, id, error) : NULL;
  gboolean manage = web_may(request, KEEP_MANAGE), done = patrol && json_is_true(json_object_get(patrol, "done"));
  gint64 fonds_id = json_number_of(patrol, "fonds_id");
  g_autoptr(CatalogRecord) fonds = fonds_id ? catalog_record_load(sql, web_scope(request), fonds_id, NULL) : NULL;
  g_autofree char *of = fonds ? g_strdup_printf("（%s %s）", fonds->code, fonds->title) : g_strdup(fonds_id ? "（一个全宗）" : "");
  g_autofree char *title = g_strdup_printf("%" G_GINT64_FORMAT " 年长期保存巡检%s", json_number_of(patrol, "year"), of);
  json_auto_t *model = json_pack("{s:s, s:o?, s:o?, s:b, s:b, s:b}", "title", title, "patrol", patrol, "items", items, "may_manage", manage, "may_sign",
    done && web_may(request, "check.sign"), "tab_patrol", TRUE);
  if (items == NULL || !add_findings(request, sql, id, items, limit, error)) return NULL;
  if (web_text(request, "item") && !add_list(request, sql, model, items, error)) return NULL;
  json_t *job = done ? NULL : job_latest(sql, "patrol", id, NULL);
  if (job) json_object_set_new(job, "running", json_boolean(g_str_equal(json_word(job, "state"), "running")));
  if (job) json_object_set_new(model, "job", job);
  return g_steal_pointer(&model);
}

static WebReply *page_patrol(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *model = sql ? patrol_model(request, sql, FIRST, error) : NULL;
  return model ? web_model(model) : NULL;
}

static WebReply *print_patrol(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *model = sql ? patrol_model(request, sql, ON_PAPER, error) : NULL;
  json_auto_t *document = model ? patrol_document(json_object_get(model, "patrol"), json_object_get(model, "items")) : NULL;
  GBytes *pdf = document ? print_pdf(document, error) : NULL;
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}

static WebReply *back_to(gint64 id, const char *said) {
  WebReply *reply = web_redirect("/keep/patrol/%" G_GINT64_FORMAT, id);
  web_flash(reply, said);
  return reply;
}

static WebReply *stop_patrol(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !patrol_stop(sql, web_actor(request), id, error)) return NULL;
  gint64 job = sql_number(sql, "SELECT id FROM job WHERE state IN ('queued', 'running') AND kind = 'keep.patrol' AND subject_id = $1 LIMIT 1", SQL_ARGS(sql_int(id)), 0,
    NULL);
  if (!sql_commit(sql, error)) return NULL;
  g_clear_pointer(&sql, sql_end);
  if (job) job_cancel(web_house(request)->db, job, NULL); /* else it ends with its slice */
  return back_to(id, "已停下，可以从停下的地方继续");
}

static WebReply *resume_patrol(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !patrol_resume(sql, web_actor(request), id, error) || !sql_commit(sql, error)) return NULL;
  return back_to(id, "继续巡检");
}

static WebReply *sign_patrol(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  gsize count;
  const char *const *codes = web_list(request, "items", &count), *verdict = web_text(request, "verdict");
  gboolean good = g_str_equal(verdict, "passed");
  if (!good && !g_str_equal(verdict, "failed")) return throw_null(error, LANTAI_ERROR_INVALID, "结论只能是通过或不通过");
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !patrol_sign(sql, web_actor(request), id, codes, count, good, web_text(request, "note"), error) || !sql_commit(sql, error)) return NULL;
  return back_to(id, "已签署");
}

/* ---- the command line ---- */

/* Goes on with what is under way; else begins. */
static gint64 open_now(const House *house, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return 0;
  gint64 id = sql_number(sql, "SELECT id FROM patrol WHERE state = 'running' LIMIT 1", SQL_NONE, 0, NULL);
  if (id) return id;
  id = sql_number(sql, "SELECT id FROM patrol WHERE state = 'stopped' AND id = (SELECT MAX(id) FROM patrol)", SQL_NONE, 0, NULL);
  if (id == 0) id = patrol_start(sql, actor, 0, error);
  else if (!patrol_resume(sql, actor, id, error)) return 0;
  return id && sql_commit(sql, error) ? id : 0;
}

json_t *keep_patrol_now(const House *house, const char *actor, gint64 rate_mb, gboolean show_progress, GError **error) {
  gint64 id = open_now(house, actor, error);
  if (id == 0) return NULL;
  json_auto_t *parameters = json_pack("{s:I, s:b}", "patrol", (json_int_t)id, "any_hour", TRUE);
  if (rate_mb >= 0) json_object_set_new(parameters, "rate", json_integer(rate_mb));
  if (!job_run_now(house, patrol_run, parameters, actor, show_progress, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *patrol = sql ? patrol_load(sql, id, error) : NULL;
  json_t *items = patrol ? patrol_items(sql, id, error) : NULL, *item;
  if (items == NULL) return NULL;
  json_object_set_new(patrol, "items", items);
  size_t i;
  json_array_foreach(items, i, item) {
    json_t *findings = patrol_findings(sql, id, json_word(item, "code"), 0, 0, PAGE, error);
    if (findings == NULL) return NULL;
    json_object_set_new(item, "findings", findings);
  }
  return g_steal_pointer(&patrol);
}

/* ---- rows ---- */

static const WebParameter BEFORE_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter REPORT_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"item", WEB_TEXT, FALSE, 40, "检测项"}, {"check", WEB_INT, FALSE, 0, "起点"},
  {"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter PLAN_PARAMETERS[] = {{"enabled", WEB_FLAG, FALSE, 0, "启用"}, {"month", WEB_INT, TRUE, 0, "月"}, {"day", WEB_INT, TRUE, 0, "日"},
  {"rate_mb", WEB_INT, TRUE, 0, "速度"}, {"fonds", WEB_TEXT, FALSE, 50, "全宗号"}, {"hour_from", WEB_INT, FALSE, 0, "自几点"}, {"hour_to", WEB_INT, FALSE, 0, "到几点"},
  {NULL}};
static const WebParameter SIGN_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"items", WEB_LIST, FALSE, 200, "检测项"}, {"verdict", WEB_TEXT, TRUE, 10, "结论"},
  {"note", WEB_LINES, FALSE, 1000, "检测情况"}, {NULL}};

const WebRoute PATROL_ROUTES[] = {
  {"GET", "/keep/patrol", KEEP_READ, BEFORE_PARAMETERS, "keep/patrols", page_patrols, "长期保存巡检"},
  {"POST", "/keep/patrol", KEEP_MANAGE, PLAN_PARAMETERS, "keep/patrols", save_plan, "长期保存巡检"},
  {"POST", "/keep/patrol/start", KEEP_MANAGE, NULL, NULL, begin_patrol, NULL},
  {"GET", "/keep/patrol/{id}", KEEP_READ, REPORT_PARAMETERS, "keep/patrol", page_patrol, "长期保存巡检"},
  {"GET", "/keep/patrol/{id}/report.pdf", KEEP_READ, ID_PARAMETERS, NULL, print_patrol, NULL},
  {"POST", "/keep/patrol/{id}/stop", KEEP_MANAGE, ID_PARAMETERS, NULL, stop_patrol, NULL},
  {"POST", "/keep/patrol/{id}/resume", KEEP_MANAGE, ID_PARAMETERS, NULL, resume_patrol, NULL},
  {"POST", "/keep/patrol/{id}/sign", "check.sign", SIGN_PARAMETERS, NULL, sign_patrol, NULL},
  {NULL},
};
