/*
 * What handlers return, and how it becomes status, headers and body.
 *
 * 1. After reply_settle a reply is final and independent of the request; server.c only sends it.
 * 2. No byte of a header comes from outside unchecked: control characters never pass reply_header.
 * 3. Every reply carries the security headers; nothing is cached unless the handler says so.
 */
#define G_LOG_DOMAIN "web"
#include "crypto.h"
#include "kernel.h"
#include "node.h"
#include <unistd.h>

typedef struct {
  char *name, *value;
  gint64 max_age_seconds;
} Cookie;

static void header_clear(Pair *pair) {
  g_free(pair->name);
  g_free(pair->value);
}

static void cookie_clear(Cookie *cookie) {
  g_free(cookie->name);
  g_free(cookie->value);
}

WebReply *reply_new(ReplyKind kind, guint status) {
  WebReply *reply = g_new0(WebReply, 1);
  reply->kind = kind;
  reply->status = status;
  reply->fd = -1;
  reply->cache_seconds = -1;
  reply->headers = g_array_new(FALSE, FALSE, sizeof(Pair));
  g_array_set_clear_func(reply->headers, (GDestroyNotify)header_clear);
  reply->cookies = g_array_new(FALSE, FALSE, sizeof(Cookie));
  g_array_set_clear_func(reply->cookies, (GDestroyNotify)cookie_clear);
  return reply;
}

void web_reply_free(WebReply *reply) {
  if (reply == NULL) return;
  if (reply->fd >= 0) close(reply->fd);
  if (reply->bytes != NULL) g_bytes_unref(reply->bytes);
  json_decref(reply->model);
  g_array_unref(reply->headers);
  g_array_unref(reply->cookies);
  g_free(reply->location);
  g_free(reply->mime);
  g_free(reply->name);
  g_free(reply->etag);
  g_free(reply->flash);
  g_free(reply);
}

WebReply *web_model_status(json_t *model, guint status) {
  WebReply *reply = reply_new(REPLY_MODEL, status);
  reply->model = model;
  return reply;
}

WebReply *web_model(json_t *model) { return web_model_status(model, 200); }

WebReply *web_redirect(const char *format, ...) {
  WebReply *reply = reply_new(REPLY_REDIRECT, 303);
  va_list arguments;
  va_start(arguments, format);
  reply->location = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  return reply;
}

WebReply *web_bytes(GBytes *bytes, const char *mime) {
  WebReply *reply = reply_new(REPLY_BYTES, 200);
  reply->bytes = bytes;
  reply->mime = g_strdup(mime);
  return reply;
}

WebReply *web_fd(int fd, gint64 size_bytes, const char *mime, const char *name, gboolean inline_view, const char *etag) {
  WebReply *reply = reply_new(REPLY_FD, 200);
  reply->fd = fd;
  reply->length = size_bytes;
  reply->mime = g_strdup(mime);
  reply->name = g_strdup(name);
  reply->inline_view = inline_view;
  reply->etag = g_strdup(etag);
  return reply;
}

void web_reply_cookie(WebReply *reply, const char *name, const char *value, gint64 max_age_seconds) {
  Cookie cookie = {g_strdup(name), g_strdup(value), max_age_seconds};
  g_array_append_val(reply->cookies, cookie);
}

void web_reply_cache(WebReply *reply, gint64 seconds) { reply->cache_seconds = seconds; }

void web_flash(WebReply *reply, const char *message) {
  g_free(reply->flash);
  reply->flash = g_strdup(message);
}

void reply_header(WebReply *reply, const char *name, const char *value) {
  Pair pair = {g_strdup(name), g_strdup(value)};
  char *to = pair.value;
  for (const char *from = pair.value; *from != '\0'; from++)
    if ((guchar)*from >= ' ' && *from != 0x7f) *to++ = *from;
  *to = '\0';
  g_array_append_val(reply->headers, pair);
}

static void send_cookie(WebReply *reply, const WebRequest *request, const char *name, const char *value, gint64 max_age_seconds) {
  g_autofree char *encoded = value == NULL ? g_strdup("") : g_uri_escape_string(value, "!#$&'()*+/:<=>?@[]^`{|}", FALSE);
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s=%s; Path=/; HttpOnly; SameSite=Lax", name, encoded);
  if (value == NULL) g_string_append(text, "; Max-Age=0");
  else if (max_age_seconds > 0) g_string_append_printf(text, "; Max-Age=%" G_GINT64_FORMAT, max_age_seconds);
  if (request->secure) g_string_append(text, "; Secure");
  reply_header(reply, "Set-Cookie", text->str);
}

/* ---- faces ---- */

static void set_body(WebReply *reply, char *text, const char *mime) {
  gsize length = strlen(text);
  reply->bytes = g_bytes_new_take(text, length);
  reply_header(reply, "Content-Type", mime);
}

static void settle_json(WebReply *reply, json_t *model) {
  char *text = json_dumps(model, JSON_COMPACT | JSON_ENCODE_ANY);
  char *line = g_strconcat(text == NULL ? "null" : text, "\n", NULL);
  free(text);
  set_body(reply, line, "application/json; charset=utf-8");
}

static void set_missing(json_t *model, const char *name, const char *value) {
  if (value != NULL && json_object_get(model, name) == NULL) json_object_set_new(model, name, json_string(value));
}

/* While somebody works on LANTAI_UI a page follows its file; with a mistake in it the last good state is shown. */
static const Template *as_on_disk(const Template *template) {
  if (g_getenv("LANTAI_UI") == NULL) return template;
  g_autoptr(GError) error = NULL;
  const Template *fresh = template_load(template->name, &error);
  if (fresh == NULL) g_warning("%s", error->message);
  return fresh == NULL ? template : fresh;
}

/* What every page may use besides the handler's own model. */
static json_t *page_model(WebReply *reply, WebRequest *request) {
  WebServer *server = request->server;
  json_t *model = json_is_object(reply->model) ? json_copy(reply->model) : json_pack("{s:O?}", "model", reply->model);
  g_autofree char *token = csrf_token(server->secret, web_cookie(request, WEB_SESSION_COOKIE));
  json_object_set_new(model, "csrf", json_string(token));
  set_missing(model, "path", request->shown_path);
  set_missing(model, "query", g_utf8_validate(request->query, -1, NULL) ? request->query : "");
  set_missing(model, "title", request->row == NULL ? NULL : request->row->route->title);
  set_missing(model, "assets", server->static_version);
  if (!request->fragment) set_missing(model, "flash", reply->flash != NULL ? reply->flash : request->flash);
  if (request->identified && server->hooks.decorate != NULL) server->hooks.decorate(request, model);
  return model;
}

static char *render_page(const WebServer *server, const Template *template, json_t *model, gboolean fragment) {
  g_autofree char *content = render_nodes(template, model, NULL);
  if (content == NULL) return NULL;
  return fragment ? g_steal_pointer(&content) : render_nodes(as_on_disk(server->layout), model, content);
}

static void settle_page(WebReply *reply, WebRequest *request, const Template *template) {
  WebServer *server = request->server;
  json_t *model = page_model(reply, request);
  char *text = render_page(server, template, model, request->fragment);
  json_decref(model);
  if (text == NULL) {
    reply->status = 500;
    text = g_strdup("页面过大，无法显示。请缩小范围后重试。\n");
    set_body(reply, text, "text/plain; charset=utf-8");
    return;
  }
  set_body(reply, text, "text/html; charset=utf-8");
  if (!request->fragment && request->flash != NULL) send_cookie(reply, request, "flash", NULL, 0);
  if (!request->fragment) g_clear_pointer(&reply->flash, g_free);
}

static void settle_model(WebReply *reply, WebRequest *request) {
  const Template *template = reply->template != NULL || request->row == NULL ? reply->template : request->row->template;
  if (request->json || template == NULL) settle_json(reply, reply->model);
  else settle_page(reply, request, as_on_disk(template));
}

/* Only paths of this site; every byte a browser might read differently is encoded. */
static char *clean_location(const char *location) {
  if (location[0] != '/' || location[1] == '/' || location[1] == '\\') {
    g_warning("redirect to %s refused: not a path of this site", location);
    return g_strdup("/");
  }
  GString *clean = g_string_new(NULL);
  for (const guchar *c = (const guchar *)location; *c != '\0'; c++) {
    if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c) != NULL) g_string_append_printf(clean, "%%%02X", *c);
    else g_string_append_c(clean, (char)*c);
  }
  return g_string_free(clean, FALSE);
}

static void settle_redirect(WebReply *reply, const WebRequest *request) {
  g_autofree char *location = clean_location(reply->location);
  if (!request->json) {
    reply_header(reply, "Location", location);
    reply->bytes = g_bytes_new_static("", 0);
    return;
  }
  json_t *model = json_pack("{s:s}", "location", location);
  reply->status = 200;
  settle_json(reply, model);
  json_decref(model);
}

const char *reply_page_permit(void) {
  return "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
         "connect-src 'self' blob:; media-src 'self' blob:; worker-src 'self' blob:; "
         "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

static void add_common(WebReply *reply, const WebRequest *request) {
  static const char *const file_permit = "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  reply_header(reply, "Content-Security-Policy", reply->kind == REPLY_FD ? file_permit : reply_page_permit());
  reply_header(reply, "X-Content-Type-Options", "nosniff");
  reply_header(reply, "Referrer-Policy", "same-origin");
  reply_header(reply, "Cross-Origin-Opener-Policy", "same-origin");
  if (reply->kind == REPLY_STATIC) return; /* says itself how it is cached */
  g_autofree char *cache = reply->cache_seconds < 0 ? g_strdup("no-store") : g_strdup_printf("private, max-age=%" G_GINT64_FORMAT, reply->cache_seconds);
  reply_header(reply, "Cache-Control", cache);
  if (reply->cache_seconds >= 0) reply_header(reply, "Vary", "Accept, Cookie, HX-Request");
}

void reply_settle(WebReply *reply, WebRequest *request) {
  switch (reply->kind) {
    case REPLY_MODEL: settle_model(reply, request); break;
    case REPLY_REDIRECT: settle_redirect(reply, request); break;
    case REPLY_BYTES: reply_header(reply, "Content-Type", reply->mime == NULL ? "application/octet-stream" : reply->mime); break;
    case REPLY_FD: stream_settle(reply, request); break;
    case REPLY_STATIC: break;
    case REPLY_SETTLED: return;
  }
  for (guint i = 0; i < reply->cookies->len; i++) {
    const Cookie *cookie = &g_array_index(reply->cookies, Cookie, i);
    send_cookie(reply, request, cookie->name, cookie->value, cookie->max_age_seconds);
  }
  if (reply->flash != NULL && !request->json) {
    g_autofree char *sealed = csrf_flash_seal(request->server->secret, reply->flash);
    send_cookie(reply, request, "flash", sealed, 300);
  }
  add_common(reply, request);
  reply->kind = REPLY_SETTLED;
}

/* ---- errors ---- */

static const char *error_title(guint status) {
  switch (status) {
    case 400: case 422: return "填写的内容有问题";
    case 401: return "请先登录";
    case 403: return "没有权限";
    case 404: return "没有找到";
    case 405: return "不能这样访问";
    case 409: return "现在不能这样做";
    case 413: return "内容太大";
    case 415: return "格式不支持";
    case 503: return "暂时不能服务";
    default: return "系统内部出错";
  }
}

static const char *error_advice(guint status) {
  switch (status) {
    case 400: case 422: return "请返回上一页，按提示修改后重新提交。";
    case 401: return "登录后再打开这个页面。";
    case 403: return "如果这是您的工作需要，请与安全保密员联系，由他授予角色。";
    case 404: case 405: return "请检查网址，或从首页和检索重新进入。";
    case 409: return "请刷新页面，看清最新情况后再决定。";
    case 413: return "请把内容拆小后再提交。";
    case 415: return "请从系统的页面提交，或用 JSON 格式。";
    case 503: return "请稍后重试；如果持续出现，请与系统管理员联系。";
    default: return "您的数据没有丢失。请把上面的编号告诉系统管理员，他能在日志里找到原因。";
  }
}

static WebReply *reply_error_model(WebRequest *request, guint status, json_t *face) {
  WebReply *reply = web_model_status(face, status);
  reply->template = request->server->error_page;
  reply_settle(reply, request);
  return reply;
}

WebReply *reply_error(WebRequest *request, guint status, const char *code, const char *message) {
  if (request->json) return reply_error_model(request, status, json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message));
  json_t *face = json_pack("{s:i, s:s, s:s}", "code", (int)status, "title", error_title(status), "advice", error_advice(status));
  json_object_set_new(face, "message", json_string(message));
  return reply_error_model(request, status, face);
}

static const char *error_code(const GError *error) {
  static const char *const codes[] = {"invalid", "denied", "not_found", "conflict", "too_large", "busy", "unavailable", "internal"};
  return error_http_status(error) == 500 ? "internal" : codes[error->code];
}

WebReply *reply_gerror(WebRequest *request, const GError *error) {
  guint status = error_http_status(error);
  if (status != 500) return reply_error(request, status, error_code(error), error->message);
  g_autofree char *token = crypto_random_token(6);
  g_autofree char *message = g_strdup_printf("系统内部出错，编号 %s", token);
  const char *detail = error == NULL ? "the handler gave neither reply nor error" : error->message;
  g_warning("%s %s: internal error %s: %s", request->method, request->shown_path, token, detail);
  return reply_error(request, 500, "internal", message);
}

WebReply *reply_problems(WebRequest *request) {
  json_t *fields = json_object(), *list = json_array();
  g_autoptr(GString) message = g_string_new(NULL);
  for (guint i = 0; i < request->problems->len; i++) {
    const Problem *problem = &g_array_index(request->problems, Problem, i);
    json_object_set_new(fields, problem->name, json_string(problem->message));
    json_array_append_new(list, json_pack("{s:s, s:s}", "label", problem->label, "message", problem->message));
    g_string_append_printf(message, "%s%s：%s", i == 0 ? "" : "；", problem->label, problem->message);
  }
  json_t *face = NULL;
  if (request->json) face = json_pack("{s:{s:s, s:s, s:O}}", "error", "code", "invalid", "message", message->str, "fields", fields);
  else face = json_pack("{s:i, s:s, s:s, s:O}", "code", 422, "title", error_title(422), "message", "有几处需要修改：", "errors", list);
  if (!request->json) json_object_set_new(face, "advice", json_string(error_advice(422)));
  json_decref(fields);
  json_decref(list);
  return reply_error_model(request, 422, face);
}
