/*
 * Pages of definitions: a category with its versions and what is left to do, the form and the YAML that edit its draft, putting in force, going back.
 *
 * 1. Editing makes a draft; only /enforce changes what is in force. Going back to a version makes a draft of it, so it is compared with the records too.
 * 2. A form carries the time of the draft it was made from (0: none); when somebody saved another meanwhile, nothing is lost: 409, with what was typed.
 */
#include "definition.h"
#include "text.h"
#include "error.h"
#include "json.h"
#include <string.h>

enum { AT_ONCE_RECORDS = 50000 };

const char *category_code(WebRequest *request) {
  const char *code = web_text(request, "code");
  return code != NULL ? code : "";
}

gboolean definition_check_soon(WebRequest *request, const char *code, gboolean draft, GError **error) {
  const House *house = web_house(request);
  gint64 records;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL) return FALSE;
    records = sql_number(sql, "SELECT value FROM sequence WHERE name = 'record'", SQL_NONE, 0, NULL);
  }
  if (records <= AT_ONCE_RECORDS || house->jobs == NULL) return definition_check(house, NULL, code, draft, error);
  const CatalogCategory *known = catalog_category_by_code(house->catalog, code);
  json_auto_t *parameters = json_pack("{s:s, s:b}", "code", code, "draft", draft);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && job_queue(sql, "category.check", "category", known != NULL ? known->id : 0, parameters, web_actor(request), error) != 0 && sql_commit(sql, error);
}

static WebReply *to_preview(const char *code, const char *message) {
  WebReply *reply = web_redirect("/categories/%s/preview", code);
  if (message != NULL) web_flash(reply, message);
  return reply;
}

/* ---- /categories/{code} ---- */

static json_t *version_rows(Sql *sql, guint8 category, gint64 compared, json_t **ret_changes, GError **error) {
  json_t *versions = definition_versions(sql, category, error), *row;
  size_t i;
  *ret_changes = NULL;
  json_array_foreach(versions, i, row) {
    gint64 version = json_integer_value(json_object_get(row, "version"));
    json_object_set_new(row, "is_current", json_boolean(i == 0));
    json_object_set_new(row, "is_first", json_boolean(version == 1));
    if (version != compared || version == 1) continue;
    json_auto_t *before = definition_version(sql, category, version - 1, error);
    json_auto_t *after = definition_version(sql, category, version, error);
    *ret_changes = definition_changes(before, after);
  }
  return versions;
}

/* To the page of changes in bulk, with what has to be moved chosen. */
static void add_move_links(json_t *check, const CatalogCategory *category) {
  size_t i;
  json_t *move;
  json_array_foreach(json_object_get(check, "moves"), i, move) {
    g_autofree char *href = g_strdup_printf("/revise/new?q=&category=%d&kind=move&field=%s&source=%s", category->id,
      json_string_value(json_object_get(move, "key")), json_string_value(json_object_get(move, "was")));
    json_object_set_new(move, "href", json_string(href));
    json_object_set_new(move, "in_force", json_true());
  }
}

WebReply *page_category(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const CatalogCategory *category = catalog_category_by_code(house->catalog, category_code(request));
  if (category == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有门类“%s”", category_code(request));
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return NULL;
  gboolean staff = web_may(request, PERMISSION_DEFINE);
  gint64 compared = web_int(request, "version", 0);
  json_t *model = json_pack("{s:s, s:o, s:b}", "title", category->title, "category", category_json(category), "may_define", staff);
  if (!staff) return web_model(model);
  json_t *changes;
  json_object_set_new(model, "versions", version_rows(sql, category->id, compared, &changes, error));
  if (changes != NULL) json_object_set_new(model, "changes", changes);
  json_object_set_new(model, "compared", json_integer(compared));
  json_auto_t *draft = definition_draft_load(sql, category->code, NULL);
  if (draft != NULL) {
    json_object_set(model, "draft", draft);
    json_object_set_new(draft, "from_file", json_boolean(g_strcmp0(json_string_value(json_object_get(draft, "origin")), "file") == 0));
    json_object_del(draft, "definition");
  }
  json_t *check = definition_check_load(sql, category->code, FALSE, NULL);
  if (check != NULL) definition_check_gate(check, web_scope(request));
  if (check != NULL) add_move_links(check, category);
  if (check != NULL) json_object_set_new(model, "check", check);
  return web_model(model);
}

/* ---- the draft ---- */

/* What the form starts from: the draft, else what is in force. ret_seen: the draft's time, 0. */
static json_t *editable(Sql *sql, const char *code, gint64 *ret_seen, GError **error) {
  g_autoptr(GError) local = NULL;
  json_auto_t *draft = definition_draft_load(sql, code, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  *ret_seen = draft == NULL ? 0 : json_integer_value(json_object_get(draft, "at"));
  if (draft != NULL) return json_incref(json_object_get(draft, "definition"));
  json_t *definition = definition_in_force(sql, code, &local);
  if (definition == NULL) throw(error, LANTAI_ERROR_NOT_FOUND, "没有门类“%s”", code);
  return definition;
}

static json_t *edit_form_model(json_t *definition, gint64 seen, const GError *problem) {
  json_t *model = definition_form(definition);
  json_object_set_new(model, "title", json_string("修改门类定义"));
  json_object_set_new(model, "seen", json_integer(seen));
  if (problem != NULL) json_object_set_new(model, "problem", json_string(problem->message));
  return model;
}

static WebReply *page_category_edit(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  gint64 seen;
  json_auto_t *definition = sql == NULL ? NULL : editable(sql, category_code(request), &seen, error);
  return definition == NULL ? NULL : web_model(edit_form_model(definition, seen, NULL));
}

static gboolean is_form_error(const GError *problem) {
  return g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) || g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID);
}

/* A blank that no field fills would stay empty in every title. */
static gboolean rule_filled(json_t *definition, GError **error) {
  g_autoptr(GString) between = g_string_new(NULL);
  const char *at = json_string_value(json_object_get(definition, "title_rule"));
  for (char *name; at != NULL && (name = text_next_blank(&at, between)) != NULL; g_free(name)) {
    gboolean known = FALSE;
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(definition, "fields"), i, field) known = known || g_strcmp0(json_string_value(json_object_get(field, "key")), name) == 0;
    if (known) continue;
    g_autofree char *blank = name;
    return throw(error, LANTAI_ERROR_INVALID, "拟题规则中的“{%s}”不是这个门类的著录项。花括号中请写著录项的名称", blank);
  }
  return TRUE;
}

/* Saves and compares. FALSE with a form error leaves the former draft as it was. */
static gboolean keep_draft(WebRequest *request, const char *code, json_t *definition, GError **error) {
  if (!rule_filled(definition, error)) return FALSE;
  {
    g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
    if (sql == NULL) return FALSE;
    gint64 now = sql_number(sql, "SELECT at_us FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(code)), 0, NULL);
    if (web_int(request, "seen", now) != now) return throw(error, LANTAI_ERROR_CONFLICT, "您打开以后，草稿已被别人改过或放弃。下面是您填写的内容，没有保存；请先在另一页核对现在的草稿");
    if (!definition_draft_save(web_house(request), sql, web_actor(request), code, definition, "page", error) || !sql_commit(sql, error)) return FALSE;
  }
  return definition_check_soon(request, code, TRUE, error);
}

static WebReply *page_category_save(WebRequest *request, GError **error) {
  const char *code = category_code(request);
  gint64 seen;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *before = sql == NULL ? NULL : editable(sql, code, &seen, error);
  if (before == NULL) return NULL;
  g_clear_pointer(&sql, sql_end);
  json_auto_t *definition = definition_from_form(request, before);
  g_autoptr(GError) problem = NULL;
  if (keep_draft(request, code, definition, &problem)) return to_preview(code, NULL);
  if (!is_form_error(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  return web_model_status(edit_form_model(definition, web_int(request, "seen", 0), problem), error_http_status(problem));
}

static json_t *yaml_model(const char *code, const char *text, gint64 seen, const GError *problem) {
  json_t *model = json_pack("{s:s, s:s, s:s, s:I}", "title", "门类定义的 YAML", "code", code, "yaml", text, "seen", (json_int_t)seen);
  if (problem != NULL) json_object_set_new(model, "problem", json_string(problem->message));
  return model;
}

static WebReply *page_category_yaml(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  gint64 seen;
  json_auto_t *definition = sql == NULL ? NULL : editable(sql, category_code(request), &seen, error);
  if (definition == NULL) return NULL;
  g_autofree char *yaml = definition_yaml(definition);
  return web_model(yaml_model(category_code(request), yaml, seen, NULL));
}

static WebReply *page_category_yaml_save(WebRequest *request, GError **error) {
  const char *code = category_code(request), *text = web_text(request, "yaml");
  g_autoptr(GError) problem = NULL;
  json_auto_t *definition = yaml_load_text(text ? text : "", code, &problem);
  if (definition != NULL && keep_draft(request, code, definition, &problem)) return to_preview(code, NULL);
  if (!is_form_error(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  return web_model_status(yaml_model(code, text ? text : "", web_int(request, "seen", 0), problem), error_http_status(problem));
}

/* ---- new, back, drop ---- */

static WebReply *page_category_new(WebRequest *request, GError **error) { return web_model(json_pack("{s:s}", "title", "新建门类")); }

static json_t *new_definition(WebRequest *request, Sql *sql, GError **error) {
  const char *like = web_text(request, "like");
  json_t *definition = like == NULL ? json_pack("{s:[]}", "fields") : definition_in_force(sql, like, error);
  if (definition == NULL) return like == NULL ? NULL : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有门类“%s”", like);
  json_object_del(definition, "id");
  json_object_set_new(definition, "code", json_string(web_text(request, "code")));
  json_object_set_new(definition, "title", json_string(web_text(request, "title")));
  return definition;
}

static WebReply *page_category_create(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *code = category_code(request);
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return NULL;
  gboolean taken = catalog_category_by_code(house->catalog, code) != NULL ||
    sql_number(sql, "SELECT COUNT(*) AS n FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(code)), 0, NULL) > 0;
  if (taken) throw(&problem, LANTAI_ERROR_CONFLICT, "门类代码 %s 已有，请换一个", code);
  json_auto_t *definition = taken ? NULL : new_definition(request, sql, &problem);
  if (definition != NULL && definition_draft_save(house, sql, web_actor(request), code, definition, "page", &problem)) {
    if (!sql_commit(sql, error)) return NULL;
    return web_redirect("/categories/%s/edit", code);
  }
  if (!is_form_error(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  const char *title = web_text(request, "title");
  return web_model_status(json_pack("{s:s, s:s, s:s, s:s}", "title", "新建门类", "code", code, "name", title ? title : "", "problem", problem->message),
    error_http_status(problem));
}

static WebReply *page_category_back(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const CatalogCategory *category = catalog_category_by_code(house->catalog, category_code(request));
  if (category == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有门类“%s”", category_code(request));
  {
    g_autoptr(Sql) sql = sql_write(house->db, error);
    if (sql == NULL) return NULL;
    json_auto_t *definition = definition_version(sql, category->id, web_int(request, "version", 0), error);
    if (definition == NULL) return error != NULL && *error != NULL ? NULL : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一版定义");
    if (sql_number(sql, "SELECT COUNT(*) AS n FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(category->code)), 0, NULL) > 0)
      return throw_null(error, LANTAI_ERROR_CONFLICT, "已有一份草稿。请先启用或放弃它，再回到旧版");
    json_object_set_new(definition, "id", json_integer(category->id));
    if (!definition_draft_save(house, sql, web_actor(request), category->code, definition, "page", error) || !sql_commit(sql, error)) return NULL;
  }
  if (!definition_check_soon(request, category->code, TRUE, error)) return NULL;
  return to_preview(category->code, "这一版已作为草稿，核对后可以启用");
}

static WebReply *page_category_drop(WebRequest *request, GError **error) {
  const char *code = category_code(request);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !definition_draft_drop(sql, code, error) || !sql_commit(sql, error)) return NULL;
  gboolean known = catalog_category_by_code(web_house(request)->catalog, code) != NULL;
  WebReply *reply = known ? web_redirect("/categories/%s", code) : web_redirect("/categories");
  web_flash(reply, "草稿已放弃，现行定义没有变");
  return reply;
}

static WebReply *page_category_check(WebRequest *request, GError **error) {
  const char *code = category_code(request);
  gboolean draft = web_flag(request, "draft");
  if (!definition_check_soon(request, code, draft, error)) return NULL;
  return draft ? to_preview(code, NULL) : web_redirect("/categories/%s", code);
}

static gboolean enforce_later(WebRequest *request, Sql *sql, const DefinitionOrder *order, GError **error) {
  const CatalogCategory *known = catalog_category_by_code(web_house(request)->catalog, order->code);
  json_auto_t *draft = definition_draft_load(sql, order->code, error);
  if (draft == NULL) return FALSE;
  json_auto_t *parameters = json_pack("{s:s, s:s, s:b, s:I}", "code", order->code, "note", order->note ? order->note : "", "accept", order->accept, "draft",
    (json_int_t)int_at(draft, "at"));
  return job_queue(sql, "category.enforce", "category", known != NULL ? known->id : 0, parameters, order->actor, error) != 0 && sql_commit(sql, error);
}

static WebReply *page_category_enforce(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *code = category_code(request);
  const DefinitionOrder order = {web_actor(request), code, web_text(request, "note"), web_flag(request, "accept"), FALSE};
  gboolean small, moves;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL) return NULL;
    small = sql_number(sql, "SELECT value FROM sequence WHERE name = 'record'", SQL_NONE, 0, NULL) <= AT_ONCE_RECORDS;
  }
  if (small && !definition_check(house, NULL, code, TRUE, error)) return NULL; /* what came in since the preview counts too */
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return NULL;
  gboolean later = definition_may_enforce(house, sql, &order, &moves, &problem) && moves && !small && house->jobs != NULL;
  if (later) return enforce_later(request, sql, &order, error) ? to_preview(code, "正在启用：检索索引随定义更新，可以离开本页") : NULL;
  if (problem != NULL || !definition_enforce(house, sql, &order, &problem)) {
    if (!g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
    return to_preview(code, problem->message);
  }
  if (!sql_commit(sql, error)) return NULL;
  g_clear_pointer(&sql, sql_end);
  if (moves) definition_settle(house);
  WebReply *reply = web_redirect("/categories/%s", code);
  web_flash(reply, "新的定义已启用。已有著录没有改动");
  return reply;
}

/* ---- routes ---- */

#define CODE_PARAMETER {"code", WEB_TEXT, TRUE, 20, "门类代码"}
static const WebParameter CODE_PARAMETERS[] = {CODE_PARAMETER, {NULL}};
static const WebParameter VERSION_PARAMETERS[] = {CODE_PARAMETER, {"version", WEB_INT, FALSE, 0, "版本"}, {NULL}};
static const WebParameter YAML_PARAMETERS[] = {CODE_PARAMETER, {"seen", WEB_INT, FALSE, 0, "草稿时间"}, {"yaml", WEB_LINES, TRUE, 200000, "YAML"}, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {CODE_PARAMETER, {"title", WEB_TEXT, TRUE, 40, "名称"}, {"like", WEB_TEXT, FALSE, 20, "照着哪个门类"}, {NULL}};
static const WebParameter CHECK_PARAMETERS[] = {CODE_PARAMETER, {"draft", WEB_FLAG, FALSE, 0, "草稿"}, {NULL}};
static const WebParameter ENFORCE_PARAMETERS[] = {CODE_PARAMETER, {"note", WEB_TEXT, FALSE, 200, "说明"}, {"accept", WEB_FLAG, FALSE, 0, "只对新著录启用"}, {NULL}};
static const WebParameter FINDINGS_PARAMETERS[] = {CODE_PARAMETER, {"key", WEB_TEXT, FALSE, 40, "著录项"}, {"draft", WEB_FLAG, FALSE, 0, "草稿"},
  {"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};

const WebRoute DEFINITION_ROUTES[] = {
  {"GET", "/categories/new", PERMISSION_DEFINE, NULL, "catalog/category-new", page_category_new, "新建门类"},
  {"POST", "/categories/new", PERMISSION_DEFINE, NEW_PARAMETERS, "catalog/category-new", page_category_create, "新建门类"},
  {"GET", "/categories/{code}", PERMISSION_READ, VERSION_PARAMETERS, "catalog/category", page_category, "门类"},
  {"GET", "/categories/{code}/edit", PERMISSION_DEFINE, CODE_PARAMETERS, "catalog/category-edit", page_category_edit, "修改门类定义"},
  {"POST", "/categories/{code}/edit", PERMISSION_DEFINE, DEFINITION_SAVE_PARAMETERS, "catalog/category-edit", page_category_save, "修改门类定义"},
  {"GET", "/categories/{code}/yaml", PERMISSION_DEFINE, CODE_PARAMETERS, "catalog/category-yaml", page_category_yaml, "门类定义的 YAML"},
  {"POST", "/categories/{code}/yaml", PERMISSION_DEFINE, YAML_PARAMETERS, "catalog/category-yaml", page_category_yaml_save, "门类定义的 YAML"},
  {"GET", "/categories/{code}/preview", PERMISSION_DEFINE, CODE_PARAMETERS, "catalog/category-preview", page_category_preview, "预览门类定义"},
  {"GET", "/categories/{code}/findings", PERMISSION_DEFINE, FINDINGS_PARAMETERS, "catalog/category-findings", page_category_findings, "与定义矛盾的条目"},
  {"POST", "/categories/{code}/check", PERMISSION_DEFINE, CHECK_PARAMETERS, NULL, page_category_check, NULL},
  {"POST", "/categories/{code}/enforce", PERMISSION_DEFINE, ENFORCE_PARAMETERS, NULL, page_category_enforce, NULL},
  {"POST", "/categories/{code}/drop", PERMISSION_DEFINE, CODE_PARAMETERS, NULL, page_category_drop, NULL},
  {"POST", "/categories/{code}/back", PERMISSION_DEFINE, VERSION_PARAMETERS, NULL, page_category_back, NULL},
  {NULL},
};
