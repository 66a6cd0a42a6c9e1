/* Pages of copies: where the holdings lie, how each place is, and what may be done about it. They name objects, not what is in them. */
#include "copy.h"
#include "error.h"
#include <string.h>

enum { FAULTS_A_PAGE = 50 };

static json_t *list_model(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  if (!copy_primary_ensure(house, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *copies = sql ? copy_list(house, sql, error) : NULL;
  if (copies == NULL) return NULL;
  gboolean some = FALSE;
  size_t i;
  json_t *copy;
  json_array_foreach(copies, i, copy) some = some || !json_is_true(json_object_get(copy, "primary"));
  return json_pack("{s:o, s:b, s:b, s:{s:i}}", "copies", copies, "has_copies", some, "may_manage", web_may(request, "copy.manage"), "values", "every", 90);
}

static WebReply *list_page(WebRequest *request, GError **error) {
  json_t *model = list_model(request, error);
  return model ? web_model(model) : NULL;
}

/* What is wrong with the form is told at its fields. */
static WebReply *refuse(WebRequest *request, const GError *reason, GError **error) {
  json_t *model = list_model(request, error);
  if (model == NULL) return NULL;
  const char *field = strstr(reason->message, "名称") ? "name" : "location";
  json_object_set_new(model, "errors", json_pack("{s:s}", field, reason->message));
  json_t *values = json_object_get(model, "values");
  static const char *const names[] = {"name", "location", "host_key"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) json_object_set_new(values, names[i], json_string(web_text(request, names[i]) ? web_text(request, names[i]) : ""));
  return web_model_status(model, 422);
}

static WebReply *add_post(WebRequest *request, GError **error) {
  const CopyNew wanted = {web_text(request, "name"), web_text(request, "location"), web_int(request, "rate", -1), web_int(request, "every", 90), NULL,
    web_text(request, "host_key")};
  g_autoptr(GError) reason = NULL;
  json_t *copy = copy_add(web_house(request), web_actor(request), &wanted, &reason);
  if (copy == NULL) return refuse(request, reason, error);
  WebReply *reply = web_redirect("/copy/%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(copy, "id")));
  json_decref(copy);
  web_flash(reply, "已建立副本，稍后自动更新。");
  return reply;
}

static json_t *running_job(Sql *sql, gint64 id) {
  json_t *job = job_latest(sql, "copy", id, NULL);
  const char *state = json_string_value(json_object_get(job, "state"));
  if (job && (g_strcmp0(state, "running") == 0 || g_strcmp0(state, "queued") == 0)) return job;
  json_decref(job);
  return json_null();
}

static WebReply *one_page(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, "id", 0);
  if (!copy_primary_ensure(house, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *copy = sql ? copy_one(house, sql, id, error) : NULL;
  if (copy == NULL) return NULL;
  json_t *faults = copy_faults(sql, id, web_int(request, "after", 0), web_text(request, "path"), FAULTS_A_PAGE + 1, error);
  if (faults == NULL) return json_decref(copy), NULL;
  json_t *next = json_null();
  if (json_array_size(faults) > FAULTS_A_PAGE) {
    json_array_remove(faults, FAULTS_A_PAGE);
    json_t *last = json_array_get(faults, FAULTS_A_PAGE - 1);
    next = json_pack("{s:O, s:O}", "key", json_object_get(last, "key"), "path", json_object_get(last, "path"));
  }
  json_t *run = copy_last_run(house, id, NULL);
  return web_model(json_pack("{s:O, s:o, s:o, s:o, s:o, s:o, s:b}", "title", json_object_get(copy, "name"), "copy", copy, "faults", faults, "next", next, "run",
    run ? run : json_null(), "job", running_job(sql, id), "may_manage", web_may(request, "copy.manage")));
}

static WebReply *run_post(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, "id", 0);
  const char *what = web_text(request, "what");
  if (!g_strv_contains((const char *const[]){"sync", "verify", "repair", NULL}, what))
    return throw_null(error, LANTAI_ERROR_INVALID, "没有这种操作：%s", what);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *copy = sql ? copy_one(house, sql, id, error) : NULL;
  if (copy == NULL) return NULL;
  json_decref(copy);
  g_autofree char *kind = g_strconcat("copy.", what, NULL);
  json_t *parameters = json_pack("{s:I}", "copy", (json_int_t)id);
  gboolean good = job_queue(sql, kind, "copy", id, parameters, web_actor(request), error) != 0 && sql_commit(sql, error);
  json_decref(parameters);
  if (!good) return NULL;
  WebReply *reply = web_redirect("/copy/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已排入后台任务。");
  return reply;
}

static WebReply *object_page(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autofree char *object = sql ? sql_string(sql, "SELECT object_id FROM content_object WHERE id = $1", SQL_ARGS(sql_int(web_int(request, "id", 0))), error) : NULL;
  if (sql && object == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个对象");
  json_t *model = object ? copy_of_object(house, sql, object, error) : NULL;
  return model ? web_model(model) : NULL;
}

static WebReply *record_page(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  if (record == NULL) return NULL;
  g_autofree char *object = catalog_object_id(record->id);
  json_t *model = copy_of_object(house, sql, object, error);
  if (model) json_object_set_new(model, "record", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title));
  return model ? web_model(model) : NULL;
}

static const WebParameter ADD[] = {{"name", WEB_TEXT, TRUE, 40, "名称"}, {"location", WEB_TEXT, TRUE, 1000, "位置"}, {"every", WEB_INT, FALSE, 0, "天数"},
  {"rate", WEB_INT, FALSE, 0, "速度"}, {"host_key", WEB_TEXT, FALSE, 100, "主机指纹"}, {NULL}};
static const WebParameter ONE[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"after", WEB_INT, FALSE, 0, "翻页"}, {"path", WEB_TEXT, FALSE, 2000, "翻页"}, {NULL}};
static const WebParameter RUN[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"what", WEB_TEXT, TRUE, 10, "操作"}, {NULL}};
static const WebParameter OBJECT[] = {{"id", WEB_INT, TRUE, 0, "对象"}, {NULL}};

const WebRoute COPY_ROUTES[] = {
  {"GET", "/copies", "keep.read", NULL, "keep/copies", list_page, "副本"},
  {"POST", "/copies", "copy.manage", ADD, "keep/copies", add_post, "建立副本"},
  {"GET", "/copies/object/{id}", "keep.read", OBJECT, "keep/copies-object", object_page, "对象在各处的情况"},
  {"GET", "/record/{id}/copies", "keep.read", OBJECT, "keep/copies-object", record_page, "对象在各处的情况"},
  {"GET", "/copy/{id}", "keep.read", ONE, "keep/copies-one", one_page, "副本"},
  {"POST", "/copy/{id}/run", "copy.manage", RUN, NULL, run_post, "安排副本任务"},
  {NULL},
};
const JobKind COPY_JOBS[] = {
  {"copy.sync", "更新副本", copy_job_sync, JOB_HEAVY},
  {"copy.verify", "校验副本", copy_job_verify, JOB_PATIENT},
  {"copy.repair", "修复副本", copy_job_repair, JOB_HEAVY},
  {NULL},
};
