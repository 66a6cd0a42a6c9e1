/*
 * Pages of people/: signing in and out, one's own account, accounts, roles. The journal's page is in journal-pages.c.
 *
 * 1. Title, state and password of an account are the administrator's (user.manage), roles, fonds and level the security officer's (user.grant): two routes, so
 *    that the route's permission alone decides.
 * 2. A refused form comes back with what was entered (never passwords) and the reason at its field.
 * 3. After signing in only a path of this site is followed.
 */
#include "account.h"
#include "error.h"
#include "journal.h"
#include <string.h>

enum { NEXT_MAX = 2000, RECENT_SIGN_INS = 10 };

static PeopleFonds fonds_source;
void people_set_fonds_source(PeopleFonds source) { fonds_source = source; }

static void set_text(json_t *model, const char *key, const char *text) { json_object_set_new(model, key, json_string(text ? text : "")); }

/* An error that the form can show; others go to the error page. */
static gboolean is_answer(const GError *error) {
  static const LantaiError answers[] = {LANTAI_ERROR_INVALID, LANTAI_ERROR_DENIED, LANTAI_ERROR_CONFLICT, LANTAI_ERROR_BUSY};
  for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
    if (g_error_matches(error, LANTAI_ERROR, (int)answers[i])) return TRUE;
  return FALSE;
}

/* ---- sign-in ---- */

/* A path of this site, percent-encoded; "/" for anything else. */
static char *safe_next(const char *next) {
  gboolean local = next && next[0] == '/' && next[1] != '/' && strlen(next) <= NEXT_MAX && !strchr(next, '\\');
  for (const char *at = next; local && *at; at++) local = (guchar)*at > ' ' && *at != 0x7f;
  if (!local || g_str_has_prefix(next, "/login") || g_str_has_prefix(next, "/logout")) return g_strdup("/");
  return g_uri_escape_string(next, "!#$%&'()*+,/:;=?@[]", FALSE);
}

WebReply *login_page(WebRequest *request, GError **error) {
  g_autofree char *next = safe_next(web_text(request, "next"));
  if (web_identity(request)) return web_redirect("%s", next);
  return web_model(json_pack("{s:s, s:b}", "next", next, "asked", !g_str_equal(next, "/")));
}

WebReply *login_post(WebRequest *request, GError **error) {
  SqlDb *db = web_house(request)->db;
  g_autofree char *next = safe_next(web_text(request, "next"));
  const char *name = web_text(request, "name"), *former = web_cookie(request, WEB_SESSION_COOKIE);
  g_autoptr(GError) problem = NULL;
  g_autofree char *token = people_sign_in(db, name, web_text(request, "password"), web_address(request), &problem);
  if (token == NULL && !is_answer(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  if (token == NULL) {
    json_t *model = json_pack("{s:s, s:s}", "next", next, "error", problem->message);
    set_text(model, "name", name);
    return web_model_status(model, error_http_status(problem));
  }
  if (former) people_sign_out(db, former, NULL);
  g_autoptr(Person) person = people_identify(db, token);
  gboolean must_change = people_must_change(person);
  WebReply *reply = web_redirect("%s", must_change ? "/me" : next);
  web_reply_cookie(reply, WEB_SESSION_COOKIE, token, 0);
  return reply;
}

WebReply *logout_post(WebRequest *request, GError **error) {
  if (!people_sign_out(web_house(request)->db, web_cookie(request, WEB_SESSION_COOKIE), error)) return NULL;
  WebReply *reply = web_redirect("/login");
  web_reply_cookie(reply, WEB_SESSION_COOKIE, NULL, 0);
  web_flash(reply, "已退出登录");
  return reply;
}

/* ---- one's own account ---- */

static json_t *me_model(WebRequest *request, GError **error) {
  Person *person = web_identity(request);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *account = sql ? account_load(sql, people_id(person), error) : NULL;
  json_t *signs = account ? journal_list(sql, people_name(person), "user.sign_in", 0, RECENT_SIGN_INS, error) : NULL, *sign;
  if (signs == NULL) {
    json_decref(account);
    return NULL;
  }
  size_t i;
  json_array_foreach(signs, i, sign) {
    const char *action = json_string_value(json_object_get(sign, "action"));
    json_object_set_new(sign, "good", json_boolean(g_strcmp0(action, "user.sign_in") == 0));
  }
  json_object_set_new(account, "fonds_count", json_integer((json_int_t)json_array_size(json_object_get(account, "fonds"))));
  return json_pack("{s:o, s:o, s:i}", "account", account, "sign_ins", signs, "password_min", PASSWORD_MIN);
}

WebReply *me_page(WebRequest *request, GError **error) {
  json_t *model = me_model(request, error);
  return model ? web_model(model) : NULL;
}

static WebReply *me_refused(WebRequest *request, const char *field, const char *message, guint status, GError **error) {
  json_t *model = me_model(request, error);
  if (model == NULL) return NULL;
  json_object_set_new(model, "errors", json_pack("{s:s}", field, message));
  return web_model_status(model, status);
}

/* Sets the person's password and begins a new session, the others having ended. */
static char *change_own(WebRequest *request, const Person *person, const char *password, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !people_user_password(sql, people_name(person), people_id(person), password, error)) return NULL;
  g_autofree char *token = session_new(sql, people_id(person), web_address(request), error);
  return token && sql_commit(sql, error) ? g_steal_pointer(&token) : NULL;
}

WebReply *me_post(WebRequest *request, GError **error) {
  Person *person = web_identity(request);
  const char *old = web_text(request, "old"), *password = web_text(request, "new"), *repeat = web_text(request, "repeat");
  const char *weak = account_password_problem(people_name(person), password);
  if (weak) return me_refused(request, "new", weak, 422, error);
  if (g_strcmp0(password, repeat) != 0) return me_refused(request, "repeat", "两次输入的新密码不一致", 422, error);
  if (g_strcmp0(password, old) == 0) return me_refused(request, "new", "新密码不能与原密码相同", 422, error);
  g_autoptr(GError) problem = NULL;
  gint64 id = 0;
  if (!session_check_password(web_house(request)->db, people_name(person), old, web_address(request), &id, &problem)) {
    if (!is_answer(problem)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
    gboolean wrong = g_str_has_prefix(problem->message, "用户名或密码");
    return me_refused(request, "old", wrong ? "原密码不正确" : problem->message, error_http_status(problem), error);
  }
  g_autofree char *token = change_own(request, person, password, error);
  if (token == NULL) return NULL;
  WebReply *reply = web_redirect("/me");
  web_reply_cookie(reply, WEB_SESSION_COOKIE, token, 0);
  web_flash(reply, "密码已更改，其他地方的登录已退出");
  return reply;
}

/* ---- accounts ---- */

static WebReply *users_page(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *users = sql ? people_user_list(sql, error) : NULL, *user;
  if (users == NULL) return NULL;
  size_t i;
  json_array_foreach(users, i, user) json_object_set_new(user, "fonds_count", json_integer((json_int_t)json_array_size(json_object_get(user, "fonds"))));
  return web_model(json_pack("{s:o, s:b}", "users", users, "may_manage", web_may(request, "user.manage")));
}

static WebReply *user_new_page(WebRequest *request, GError **error) { return web_model(json_pack("{s:i}", "password_min", PASSWORD_MIN)); }

/* {field: message} of what can be told before trying. */
static json_t *new_user_errors(const char *name, const char *title, const char *password) {
  json_t *errors = json_object();
  g_autofree char *stored = account_name(name);
  const char *weak = account_password_problem(stored, password);
  if (stored == NULL) set_text(errors, "name", "用户名须为 2 至 32 个汉字、字母、数字或 . _ -");
  if (title == NULL) set_text(errors, "shown", "请填写姓名");
  if (weak) set_text(errors, "password", weak);
  return errors;
}

static gint64 create_user(WebRequest *request, const char *name, const char *title, const char *password, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_t *nothing = json_array();
  gint64 id = sql ? people_user_create(sql, web_actor(request), name, title, password, nothing, nothing, SECURITY_PUBLIC, error) : 0;
  json_decref(nothing);
  return id && sql_commit(sql, error) ? id : 0;
}

static WebReply *users_post(WebRequest *request, GError **error) {
  const char *name = web_text(request, "name"), *title = web_text(request, "shown"), *password = web_text(request, "password");
  json_t *errors = new_user_errors(name, title, password);
  g_autoptr(GError) problem = NULL;
  gint64 id = json_object_size(errors) ? 0 : create_user(request, name, title, password, &problem);
  if (problem && !is_answer(problem)) {
    json_decref(errors);
    return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  }
  if (id == 0) {
    if (problem) set_text(errors, "name", problem->message);
    json_t *model = json_pack("{s:o, s:i}", "errors", errors, "password_min", PASSWORD_MIN);
    set_text(model, "name", name);
    set_text(model, "shown", title);
    return web_model_status(model, problem ? error_http_status(problem) : 422);
  }
  json_decref(errors);
  WebReply *reply = web_redirect("/user/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已建立帐号。角色、全宗范围和密级由安全保密员授予");
  return reply;
}

static gboolean list_has(json_t *list, json_t *value) {
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item)
    if (json_equal(item, value)) return TRUE;
  return FALSE;
}

static json_t *role_choices(json_t *held) {
  json_t *choices = json_array(), *role;
  size_t i;
  json_array_foreach(people_roles(), i, role) {
    json_t *code = json_object_get(role, "code"), *title = json_object_get(role, "title"), *exclusive = json_object_get(role, "exclusive");
    if (g_str_equal(json_string_value(code), "public")) continue;
    gboolean on = list_has(held, code);
    json_array_append_new(choices, json_pack("{s:O, s:O, s:O, s:b}", "code", code, "title", title, "exclusive", exclusive, "held", on));
  }
  return choices;
}

static json_t *level_choices(gint64 held) {
  json_t *choices = json_array();
  for (int level = SECURITY_PUBLIC; level <= SECURITY_TOP; level++)
    json_array_append_new(choices, json_pack("{s:i, s:s, s:b}", "value", level, "label", security_label((Security)level), "held", held == level));
  return choices;
}

/* [{id, code, title, held}], those held first; NULL without error: there is no source. */
static json_t *fonds_choices(const House *house, Sql *sql, json_t *held, GError **error) {
  json_t *fonds = fonds_source ? fonds_source(house, sql, error) : NULL, *first = json_array(), *rest = json_array(), *item;
  size_t i;
  json_array_foreach(fonds, i, item) {
    gboolean on = list_has(held, json_object_get(item, "id"));
    json_object_set_new(item, "held", json_boolean(on));
    json_array_append(on ? first : rest, item);
  }
  json_array_extend(first, rest);
  json_decref(rest);
  if (fonds == NULL) g_clear_pointer(&first, json_decref);
  json_decref(fonds);
  return first;
}

/* What the asker may do with this account: which forms the page has. */
static void set_forms(json_t *model, WebRequest *request, json_t *user) {
  gboolean self = g_strcmp0(json_string_value(json_object_get(user, "name")), web_actor(request)) == 0;
  gboolean manages = web_may(request, "user.manage"), exclusive = account_is_exclusive(json_object_get(user, "roles"));
  json_object_set_new(model, "self", json_boolean(self));
  json_object_set_new(model, "may_manage", json_boolean(manages));
  json_object_set_new(model, "may_reset", json_boolean(manages && !self && !exclusive));
  json_object_set_new(model, "may_grant", json_boolean(web_may(request, "user.grant") && !self));
}

/* changed: values of a refused form, to be shown in place of the stored ones; NULL: none. */
static json_t *user_model(WebRequest *request, json_t *changed, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *user = sql ? account_load(sql, web_int(request, "id", 0), error) : NULL;
  if (user == NULL) return NULL;
  json_t *form = json_copy(user);
  json_object_update(form, changed);
  json_t *roles = role_choices(json_object_get(form, "roles")), *levels = level_choices(json_integer_value(json_object_get(form, "security")));
  json_t *model = json_pack("{s:O, s:o, s:o, s:o, s:i}", "user", user, "form", form, "roles", roles, "levels", levels, "password_min", PASSWORD_MIN);
  json_object_set(model, "title", json_object_get(user, "title"));
  json_object_set_new(model, "fonds_count", json_integer((json_int_t)json_array_size(json_object_get(user, "fonds"))));
  json_object_set(model, "kept_fonds", json_object_get(form, "fonds"));
  set_forms(model, request, user);
  json_decref(user);
  GError *problem = NULL;
  json_t *fonds = fonds_choices(house, sql, json_object_get(form, "fonds"), &problem);
  if (fonds) json_object_set_new(model, "fonds", fonds);
  if (problem == NULL) return model;
  json_decref(model);
  g_propagate_error(error, problem);
  return NULL;
}

static WebReply *user_page(WebRequest *request, GError **error) {
  json_t *model = user_model(request, NULL, error);
  return model ? web_model(model) : NULL;
}

/* The reply of a changing form: back to the account, or the form with the reason (problem is taken). Takes changed. */
static WebReply *user_answer(WebRequest *request, GError *problem, json_t *changed, const char *field, const char *done, GError **error) {
  if (problem && !is_answer(problem)) {
    json_decref(changed);
    g_propagate_error(error, problem);
    return NULL;
  }
  if (problem == NULL) {
    json_decref(changed);
    WebReply *reply = web_redirect("/user/%" G_GINT64_FORMAT, web_int(request, "id", 0));
    web_flash(reply, done);
    return reply;
  }
  json_t *model = user_model(request, changed, error);
  WebReply *reply = model ? web_model_status(model, error_http_status(problem)) : NULL;
  if (model) json_object_set_new(model, "errors", json_pack("{s:s}", field, problem->message));
  json_decref(changed);
  g_error_free(problem);
  return reply;
}

static WebReply *user_post(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  GError *problem = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, &problem);
  json_t *user = sql ? account_load(sql, id, &problem) : NULL;
  if (user && people_user_update(sql, web_actor(request), id, web_text(request, "shown"), json_object_get(user, "roles"), json_object_get(user, "fonds"),
        (Security)json_integer_value(json_object_get(user, "security")), web_flag(request, "enabled"), &problem)) sql_commit(sql, &problem);
  json_decref(user);
  g_clear_pointer(&sql, sql_end);
  json_t *changed = json_pack("{s:b}", "enabled", web_flag(request, "enabled"));
  set_text(changed, "title", web_text(request, "shown"));
  return user_answer(request, problem, changed, "shown", "帐号已保存", error);
}

static json_t *list_of(WebRequest *request, const char *name) {
  gsize count;
  const char *const *texts = web_list(request, name, &count);
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(list, json_string(texts[i]));
  return list;
}

static json_t *ints_of(WebRequest *request, const char *name) {
  gsize count;
  const gint64 *ints = web_ints(request, name, &count);
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(list, json_integer(ints[i]));
  return list;
}

static WebReply *user_grant_post(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0), security = CLAMP(web_int(request, "security", 0), -1, 100);
  json_t *changed = json_pack("{s:o, s:o, s:I}", "roles", list_of(request, "roles"), "fonds", ints_of(request, "fonds"), "security", (json_int_t)security);
  GError *problem = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, &problem);
  json_t *user = sql ? account_load(sql, id, &problem) : NULL, *roles = json_object_get(changed, "roles"), *fonds = json_object_get(changed, "fonds");
  const char *title = json_string_value(json_object_get(user, "title")), *body = web_text(request, "body");
  gboolean told = body != NULL || web_flag(request, "with_body"); /* the form always says it, other callers need not */
  if (told) set_text(changed, "body", body ? body : "");
  gboolean enabled = json_is_true(json_object_get(user, "enabled"));
  if (user && people_user_update(sql, web_actor(request), id, title, roles, fonds, (Security)security, enabled, &problem) &&
      (!told || people_user_body(sql, web_actor(request), id, body, &problem))) sql_commit(sql, &problem);
  json_decref(user);
  g_clear_pointer(&sql, sql_end);
  return user_answer(request, problem, changed, "grant", "授权已保存，立即生效", error);
}

static WebReply *user_password_post(WebRequest *request, GError **error) {
  GError *problem = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, &problem);
  if (sql && people_user_password(sql, web_actor(request), web_int(request, "id", 0), web_text(request, "password"), &problem)) sql_commit(sql, &problem);
  g_clear_pointer(&sql, sql_end);
  return user_answer(request, problem, json_object(), "password", "密码已重设，该帐号下次登录时须自行更改；其现有登录已退出", error);
}

/* ---- roles ---- */

static char *joined(json_t *list) {
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item) g_string_append_printf(text, "%s%s", i ? "、" : "", json_string_value(item));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* A role as a column of the matrix. */
static json_t *role_column(json_t *role) {
  g_autofree char *opening = joined(json_object_get(role, "opening")), *files = joined(json_object_get(role, "files"));
  json_t *column = json_pack("{s:s, s:s}", "opening", opening, "files", files);
  static const char *const kept[] = {"code", "title", "security", "exclusive"};
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(column, kept[i], json_object_get(role, kept[i]));
  return column;
}

static WebReply *roles_page(WebRequest *request, GError **error) {
  const RoleSet *set = roles_current();
  json_t *columns = json_array(), *rows = json_array(), *role, *label;
  size_t i;
  const char *permission;
  json_array_foreach(roles_json(set), i, role) json_array_append_new(columns, role_column(role));
  json_object_foreach(roles_permissions(set), permission, label) {
    json_t *cells = json_array();
    json_array_foreach(columns, i, role) {
      const char *code = json_string_value(json_object_get(role, "code"));
      json_array_append_new(cells, json_pack("{s:s, s:b}", "role", code, "held", roles_allow(set, code, permission)));
    }
    json_array_append_new(rows, json_pack("{s:s, s:O, s:o}", "code", permission, "label", label, "cells", cells));
  }
  return web_model(json_pack("{s:o, s:o}", "roles", columns, "permissions", rows));
}

/* ---- routes ---- */

static const WebParameter LOGIN_PARAMETERS[] = {
  {"name", WEB_TEXT, FALSE, 100, "用户名"}, {"password", WEB_PASSWORD, FALSE, 500, "密码"}, {"next", WEB_TEXT, FALSE, NEXT_MAX, "返回地址"}, {NULL},
};
static const WebParameter NEXT_PARAMETERS[] = {{"next", WEB_TEXT, FALSE, NEXT_MAX, "返回地址"}, {NULL}};
static const WebParameter ME_PARAMETERS[] = {
  {"old", WEB_PASSWORD, FALSE, 500, "原密码"}, {"new", WEB_PASSWORD, FALSE, 500, "新密码"}, {"repeat", WEB_PASSWORD, FALSE, 500, "再次输入"}, {NULL},
};
static const WebParameter NEW_PARAMETERS[] = {
  {"name", WEB_TEXT, FALSE, 100, "用户名"}, {"shown", WEB_TEXT, FALSE, 100, "姓名"}, {"password", WEB_PASSWORD, FALSE, 500, "初始密码"}, {NULL},
};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "帐号"}, {NULL}};
static const WebParameter USER_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "帐号"}, {"shown", WEB_TEXT, FALSE, 100, "姓名"}, {"enabled", WEB_FLAG, FALSE, 0, "启用"}, {NULL},
};
static const WebParameter GRANT_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "帐号"}, {"roles", WEB_LIST, FALSE, 50, "角色"}, {"fonds", WEB_INTS, FALSE, 10000, "全宗"}, {"security", WEB_INT, TRUE, 0, "密级"},
  {"body", WEB_TEXT, FALSE, 200, "移交单位"}, {"with_body", WEB_FLAG, FALSE, 0, "移交单位一并更改"}, {NULL},
};
static const WebParameter PASSWORD_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "帐号"}, {"password", WEB_PASSWORD, FALSE, 500, "新密码"}, {NULL}};
static const WebParameter JOURNAL_PARAMETERS[] = {
  {"actor", WEB_TEXT, FALSE, 100, "操作人"}, {"action", WEB_TEXT, FALSE, 100, "动作"}, {"before", WEB_INT, FALSE, 0, "之前"}, {NULL},
};

const WebRoute PEOPLE_ROUTES[] = {
  {"GET", "/login", "public", NEXT_PARAMETERS, "people/login", login_page, "登录"},
  {"POST", "/login", "public", LOGIN_PARAMETERS, "people/login", login_post, "登录"},
  {"POST", "/logout", "public", NULL, NULL, logout_post, "退出"},
  {"GET", "/me", "user", NULL, "people/me", me_page, "我的帐号"},
  {"POST", "/me", "user", ME_PARAMETERS, "people/me", me_post, "我的帐号"},
  {"GET", "/users", "user.read", NULL, "people/users", users_page, "帐号"},
  {"POST", "/users", "user.manage", NEW_PARAMETERS, "people/user-new", users_post, "建立帐号"},
  {"GET", "/user/new", "user.manage", NULL, "people/user-new", user_new_page, "建立帐号"},
  {"GET", "/user/{id}", "user.read", ID_PARAMETERS, "people/user", user_page, "帐号"},
  {"POST", "/user/{id}", "user.manage", USER_PARAMETERS, "people/user", user_post, "帐号"},
  {"POST", "/user/{id}/grant", "user.grant", GRANT_PARAMETERS, "people/user", user_grant_post, "帐号"},
  {"POST", "/user/{id}/password", "user.manage", PASSWORD_PARAMETERS, "people/user", user_password_post, "帐号"},
  {"GET", "/roles", "role.read", NULL, "people/roles", roles_page, "角色与权限"},
  {"GET", "/journal", "journal.read", JOURNAL_PARAMETERS, "people/journal", journal_page, "日志"},
  {"POST", "/journal/verify", "journal.read", NULL, "people/journal-verify", journal_verify_post, "日志校验"},
  {NULL},
};
