/*
 * One request from its head to its reply, without sockets: server.c and web_dispatch both come through here.
 *
 * 1. Order: route, identity, permission, body, CSRF, parameters, handler. Permission is checked before a byte of the body is taken.
 * 2. Whatever happens, the answer is a settled reply; a handler's error becomes a page or JSON, never a closed connection.
 */
#define G_LOG_DOMAIN "web"
#include "crypto.h"
#include "kernel.h"

static void identify(WebRequest *request) {
  const WebHooks *hooks = &request->server->hooks;
  request->identified = TRUE;
  if (hooks->identify == NULL) return;
  const Scope *scope = NULL;
  request->identity = hooks->identify(request->house, web_cookie(request, WEB_SESSION_COOKIE), request_bearer(request), &scope);
  if (scope != NULL) request->scope = scope;
}

static const Row *find_row(WebRequest *request, GPtrArray *captures, char **ret_allow) {
  const Table *table = request->server->table;
  if (g_str_has_suffix(request->path, ".json")) {
    g_autofree char *shorter = g_strndup(request->path, strlen(request->path) - 5);
    const Row *row = table_find(table, request->method, shorter, captures, ret_allow);
    if (row != NULL || *ret_allow != NULL) {
      request->json = TRUE;
      request->path[strlen(request->path) - 5] = '\0';
      request->shown_path[strlen(request->shown_path) - 5] = '\0';
      return row;
    }
  }
  return table_find(table, request->method, request->path, captures, ret_allow);
}

static WebReply *refuse_route(WebRequest *request, const char *allow) {
  if (allow == NULL) {
    if (g_str_has_suffix(request->path, ".json")) request->json = TRUE;
    return reply_error(request, 404, "not_found", "没有这个页面。链接可能已经过时，或网址输入有误");
  }
  WebReply *reply = reply_error(request, 405, "method", "这个网址不能这样访问");
  reply_header(reply, "Allow", allow);
  return reply;
}

static WebReply *refuse_permission(WebRequest *request) {
  if (request->identity != NULL) return reply_error(request, 403, "denied", "您的帐号没有打开这个页面、办这件事的权限");
  if (request->json || request->fragment) {
    WebReply *reply = reply_error(request, 401, "unauthenticated", "请先登录");
    if (request->json) reply_header(reply, "WWW-Authenticate", "Bearer");
    if (request->fragment) reply_header(reply, "HX-Redirect", "/login");
    return reply;
  }
  g_autoptr(GPtrArray) captures = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *allow = NULL; /* a form sent too late: back to the page it stands on */
  const Row *form = table_find(request->server->table, "GET", request->path, captures, &allow);
  g_autofree char *next = form != NULL ? g_uri_escape_string(request->target, NULL, FALSE) : g_strdup("%2F");
  WebReply *reply = web_redirect("/login?next=%s", next);
  reply_settle(reply, request);
  return reply;
}

static gboolean is_type(const char *content_type, const char *type) {
  gsize length = strlen(type);
  return g_ascii_strncasecmp(content_type, type, length) == 0 && strchr("; \t", content_type[length]) != NULL;
}

static void allow_files(WebRequest *request) {
  for (guint i = 0; i < request->row->parameters; i++) {
    const WebParameter *parameter = &request->row->route->parameters[i];
    if (parameter->kind == WEB_FILE) request->body_max += parameter_file_max(request, parameter) + (64u << 10);
  }
}

static WebReply *prepare_body(WebRequest *request, const char *content_type, guint64 announced) {
  g_autoptr(GError) error = NULL;
  request->body_max = WEB_FORM_MAX;
  if (is_type(content_type, "multipart/form-data")) {
    allow_files(request);
    request->upload = upload_new(request, content_type, &error);
    if (request->upload == NULL) return reply_gerror(request, error);
  } else if (is_type(content_type, "application/x-www-form-urlencoded") || is_type(content_type, "application/json")) {
    request->form = g_byte_array_new();
  } else {
    return reply_error(request, 415, "media_type", "不支持这种提交格式，请用表单或 JSON");
  }
  if (announced <= request->body_max) return NULL;
  g_autofree char *message = g_strdup_printf("提交的内容有 %" G_GUINT64_FORMAT " MB，超过 %" G_GUINT64_FORMAT " MB 的上限，请拆分后上传", (announced >> 20) + 1,
                                             request->body_max >> 20);
  return reply_error(request, 413, "too_large", message);
}

static gboolean keep_captures(WebRequest *request, const GPtrArray *captures, GError **error) {
  for (guint i = 0; i + 1 < captures->len; i += 2)
    if (!parameter_add(request, FROM_PATH, g_ptr_array_index(captures, i), g_ptr_array_index(captures, i + 1), error)) return FALSE;
  return TRUE;
}

WebReply *dispatch_admit(WebRequest *request, const char *content_type, guint64 body_bytes_announced) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) captures = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *allow = NULL;
  if (static_is(request)) return static_reply(request);
  identify(request);
  request->row = find_row(request, captures, &allow);
  if (request->row == NULL) return refuse_route(request, allow);
  request->values = g_new0(Value, request->row->parameters + 1);
  if (!web_may(request, request->row->route->permission)) return refuse_permission(request);
  if (!keep_captures(request, captures, &error)) return reply_gerror(request, error);
  return content_type == NULL || strcmp(request->method, "GET") == 0 ? NULL : prepare_body(request, content_type, body_bytes_announced);
}

gboolean dispatch_body(WebRequest *request, const char *data, gsize length, GError **error) {
  WebServer *server = request->server;
  request->body_bytes += length;
  if (request->upload == NULL && request->form == NULL) return TRUE; /* GET with a body: not read */
  if (request->body_bytes > request->body_max)
    return throw(error, LANTAI_ERROR_TOO_LARGE, "提交的内容超过 %" G_GUINT64_FORMAT " MB 的上限，请拆分后上传", request->body_max >> 20);
  if (request->upload != NULL) return upload_feed(request->upload, data, length, error);
  gint needed = (gint)((request->form->len + length) >> 10) + 1;
  if (needed > request->charged_kib) {
    gint before = g_atomic_int_add(&server->form_memory_kib, needed - request->charged_kib);
    request->charged_kib = needed;
    if ((guint64)before << 10 > server->limits.form_memory) return throw(error, LANTAI_ERROR_BUSY, "系统繁忙，请稍后重试");
  }
  g_byte_array_append(request->form, (const guint8 *)data, (guint)length);
  return TRUE;
}

static gboolean read_body(WebRequest *request, GError **error) {
  if (request->upload != NULL) return upload_end(request->upload, error);
  if (request->form == NULL || request->form->len == 0) return TRUE;
  const char *type = request_header_get(request, "content-type");
  const char *text = (const char *)request->form->data;
  if (type != NULL && is_type(type, "application/json")) return parameter_add_json(request, text, request->form->len, error);
  return parameter_add_encoded(request, FROM_BODY, text, request->form->len, error);
}

static WebReply *call_handler(WebRequest *request) {
  g_autoptr(GError) error = NULL;
  WebReply *reply = request->row->route->handler(request, &error);
  if (reply == NULL) return reply_gerror(request, error);
  if (error != NULL) g_warning("%s %s: a reply and an error: %s", request->method, request->shown_path, error->message);
  reply_settle(reply, request);
  return reply;
}

WebReply *dispatch_run(WebRequest *request) {
  g_autoptr(GError) error = NULL;
  gsize query_length = strcspn(request->query, "#");
  if (!read_body(request, &error)) return reply_gerror(request, error);
  if (strcmp(request->method, "GET") != 0 && !csrf_passes(request))
    return reply_error(request, 403, "csrf", "这个表单已经失效（可能是登录已过期或在别处重新登录）。请返回并刷新页面后重新提交");
  if (!parameter_add_encoded(request, FROM_QUERY, request->query, query_length, &error)) return reply_gerror(request, error);
  parameter_check(request);
  if (request->problems != NULL) return reply_problems(request);
  return call_handler(request);
}

/* ---- the router without a socket ---- */

static char *read_body_text(const WebReply *reply) {
  if (reply->fd < 0) return g_strndup(g_bytes_get_data(reply->bytes, NULL), g_bytes_get_size(reply->bytes));
  char *text = g_malloc0((gsize)reply->length + 1);
  if (pread(reply->fd, text, (gsize)reply->length, reply->offset) != (ssize_t)reply->length) g_warning("short read of a reply");
  return text;
}

static WebReply *dispatch_whole(WebRequest *request, const char *body) {
  g_autoptr(GError) error = NULL;
  if (!request_begin(request, &error)) return reply_gerror(request, error);
  WebReply *reply = dispatch_admit(request, request_header_get(request, "content-type"), body == NULL ? 0 : strlen(body));
  if (reply != NULL) return reply;
  if (body != NULL && !dispatch_body(request, body, strlen(body), &error)) return reply_gerror(request, error);
  return dispatch_run(request);
}

guint web_dispatch(WebServer *server, const char *method, const char *target, const char *cookie, const char *body, const char *accept, char **ret_body,
                   char **ret_headers) {
  g_autoptr(WebRequest) request = request_new(server, method, target);
  if (cookie != NULL) request_header(request, "Cookie", cookie);
  request_header(request, "Accept", g_strcmp0(accept, "json") == 0 ? "application/json" : "text/html");
  if (body != NULL) request_header(request, "Content-Type", "application/x-www-form-urlencoded");
  g_autoptr(WebReply) reply = dispatch_whole(request, body);
  if (ret_headers != NULL) {
    GString *headers = g_string_new(NULL);
    for (guint i = 0; i < reply->headers->len; i++) {
      const Pair *pair = &g_array_index(reply->headers, Pair, i);
      g_string_append_printf(headers, "%s: %s\n", pair->name, pair->value);
    }
    *ret_headers = g_string_free(headers, FALSE);
  }
  if (ret_body != NULL) *ret_body = request->head ? g_strdup("") : read_body_text(reply);
  return reply->status;
}
