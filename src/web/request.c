/*
 * A request as handlers read it. Bytes from outside become checked values in parameter.c and upload.c; here are target, headers and cookies.
 *
 * 1. path, cookies and values are valid UTF-8 without NUL.
 * 2. A handler asks only for declared parameters; anything else is a programming error and is logged as critical.
 */
#define G_LOG_DOMAIN "web"
#include "kernel.h"
#include <glib/gstdio.h>

static void pair_clear(Pair *pair) {
  g_free(pair->name);
  g_free(pair->value);
}

static GArray *pairs_new(void) {
  GArray *pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
  g_array_set_clear_func(pairs, (GDestroyNotify)pair_clear);
  return pairs;
}

static const char *pairs_get(const GArray *pairs, const char *name) {
  for (guint i = 0; i < pairs->len; i++) {
    const Pair *pair = &g_array_index(pairs, Pair, i);
    if (strcmp(pair->name, name) == 0) return pair->value;
  }
  return NULL;
}

WebRequest *request_new(WebServer *server, const char *method, const char *target) {
  WebRequest *request = g_new0(WebRequest, 1);
  request->server = server;
  request->house = server->house;
  request->head = strcmp(method, "HEAD") == 0;
  request->method = g_strdup(request->head ? "GET" : method);
  request->target = g_strdup(target);
  request->query = "";
  request->path = g_strdup("/");
  request->shown_path = g_strdup("/");
  request->address = g_strdup("");
  request->headers = pairs_new();
  request->cookies = pairs_new();
  request->scope = &SCOPE_NOTHING;
  return request;
}

void request_free(WebRequest *request) {
  if (request == NULL) return;
  if (request->identity != NULL && request->server->hooks.identity_free != NULL) request->server->hooks.identity_free(request->identity);
  upload_free(request->upload);
  parameter_clear(request);
  g_atomic_int_add(&request->server->form_memory_kib, -request->charged_kib);
  if (request->form != NULL) g_byte_array_unref(request->form);
  g_array_unref(request->headers);
  g_array_unref(request->cookies);
  g_free(request->method);
  g_free(request->target);
  g_free(request->path);
  g_free(request->shown_path);
  g_free(request->address);
  g_free(request->flash);
  g_free(request->csrf);
  g_free(request);
}

void request_header(WebRequest *request, const char *name, const char *value) {
  Pair pair = {g_ascii_strdown(name, -1), g_strdup(value)};
  g_array_append_val(request->headers, pair);
}

const char *request_header_get(const WebRequest *request, const char *lower_name) { return pairs_get(request->headers, lower_name); }

const char *request_bearer(const WebRequest *request) {
  const char *value = request_header_get(request, "authorization");
  if (value == NULL || g_ascii_strncasecmp(value, "Bearer ", 7) != 0) return NULL;
  return value[7] == '\0' || strlen(value) > 512 ? NULL : value + 7;
}

static void read_cookies(WebRequest *request) {
  for (guint h = 0; h < request->headers->len; h++) {
    const Pair *header = &g_array_index(request->headers, Pair, h);
    if (strcmp(header->name, "cookie") != 0) continue;
    g_auto(GStrv) parts = g_strsplit(header->value, ";", 64);
    for (gsize i = 0; parts[i] != NULL; i++) {
      char *equals = strchr(parts[i], '=');
      if (equals == NULL) continue;
      *equals = '\0';
      char *value = parameter_decode(equals + 1, strlen(equals + 1), FALSE);
      if (value == NULL) continue;
      Pair pair = {g_strdup(g_strstrip(parts[i])), value};
      g_array_append_val(request->cookies, pair);
    }
  }
}

/* A proxy on this machine tells whom it speaks for; its own entry is the last one. */
static void read_proxy(WebRequest *request) {
  g_autoptr(GInetAddress) peer = g_inet_address_new_from_string(request->address);
  if (peer == NULL || !g_inet_address_get_is_loopback(peer)) return;
  const char *protocol = request_header_get(request, "x-forwarded-proto");
  request->secure = protocol != NULL && g_ascii_strcasecmp(protocol, "https") == 0;
  const char *forwarded = request_header_get(request, "x-forwarded-for");
  if (forwarded == NULL) return;
  const char *comma = strrchr(forwarded, ',');
  g_autofree char *last = g_strstrip(g_strdup(comma == NULL ? forwarded : comma + 1));
  g_autoptr(GInetAddress) client = g_inet_address_new_from_string(last);
  if (client == NULL) return;
  g_free(request->address);
  request->address = g_inet_address_to_string(client);
}

/* Percent-decodes but keeps an encoded slash apart from a real one. */
static char *decode_path(const char *text, gsize length) {
  g_autoptr(GString) marked = g_string_sized_new(length);
  for (gsize i = 0; i < length; i++) {
    gboolean slash = i + 2 < length && text[i] == '%' && text[i + 1] == '2' && (text[i + 2] == 'F' || text[i + 2] == 'f');
    if ((guchar)text[i] < ' ' || text[i] == 0x7f || strncmp(text + i, "%01", 3) == 0) return NULL;
    g_string_append_c(marked, slash ? WEB_SLASH_MARK : text[i]);
    if (slash) i += 2;
  }
  g_autofree char *path = parameter_decode(marked->str, marked->len, FALSE);
  for (const char *c = path; c != NULL && *c != '\0'; c++)
    if (((guchar)*c < ' ' && *c != WEB_SLASH_MARK) || *c == '\\' || *c == 0x7f) return NULL;
  return g_steal_pointer(&path);
}

static gboolean has_dot_segment(const char *path) {
  g_auto(GStrv) segments = g_strsplit(path, "/", -1);
  for (gsize i = 0; segments[i] != NULL; i++)
    if (strcmp(segments[i], ".") == 0 || strcmp(segments[i], "..") == 0) return TRUE;
  return FALSE;
}

static gboolean read_target(WebRequest *request, GError **error) {
  if (request->target[0] != '/') return throw(error, LANTAI_ERROR_INVALID, "网址应以 / 开头");
  if (strlen(request->target) > WEB_TARGET_MAX) 
    return throw(error, LANTAI_ERROR_INVALID, "网址过长（最多 %u 字节，约 1800 个汉字）。请缩短检索词，或减少筛选条件", WEB_TARGET_MAX);
  gsize length = strcspn(request->target, "?#");
  if (request->target[length] == '?') request->query = request->target + length + 1;
  char *path = decode_path(request->target, length);
  if (path == NULL) return throw(error, LANTAI_ERROR_INVALID, "网址中有不能识别的字符，请检查链接是否完整");
  g_free(request->path);
  request->path = path;
  if (has_dot_segment(path)) return throw(error, LANTAI_ERROR_INVALID, "网址中不能有 . 或 .. 这样的目录名");
  g_free(request->shown_path);
  g_auto(GStrv) parts = g_strsplit(path, "\001", -1);
  request->shown_path = g_strjoinv("%2F", parts);
  return TRUE;
}

static void read_face(WebRequest *request) {
  const char *accept = request_header_get(request, "accept");
  request->json = accept != NULL && strstr(accept, "application/json") != NULL && strstr(accept, "text/html") == NULL;
  request->fragment = request_header_get(request, "hx-request") != NULL && request_header_get(request, "hx-boosted") == NULL &&
                      request_header_get(request, "hx-history-restore-request") == NULL;
}

gboolean request_begin(WebRequest *request, GError **error) {
  read_face(request);
  read_cookies(request);
  read_proxy(request);
  request->csrf = g_strdup(request_header_get(request, "x-csrf-token"));
  const char *flash = web_cookie(request, "flash");
  if (flash != NULL) request->flash = csrf_flash_open(request->server->secret, flash);
  return read_target(request, error);
}

/* ---- what handlers ask ---- */

const House *web_house(const WebRequest *request) { return request->house; }
const Scope *web_scope(const WebRequest *request) { return request->scope; }
gpointer web_identity(const WebRequest *request) { return request->identity; }
const char *web_path(const WebRequest *request) { return request->shown_path; }
const char *web_address(const WebRequest *request) { return request->address; }
const char *web_cookie(const WebRequest *request, const char *name) { return pairs_get(request->cookies, name); }

const char *web_actor(const WebRequest *request) {
  const WebHooks *hooks = &request->server->hooks;
  const char *actor = request->identity != NULL && hooks->actor != NULL ? hooks->actor(request->identity) : NULL;
  return actor == NULL ? "" : actor;
}

/* "a|b": either is enough. */
gboolean web_may(const WebRequest *request, const char *permission) {
  const char *bar = strchr(permission, '|');
  if (bar) {
    g_autofree char *first = g_strndup(permission, (gsize)(bar - permission));
    return web_may(request, first) || web_may(request, bar + 1);
  }
  if (strcmp(permission, "public") == 0) return TRUE;
  if (strcmp(permission, "user") == 0) return request->identity != NULL;
  const WebHooks *hooks = &request->server->hooks;
  return hooks->may != NULL && hooks->may(request->house, request->identity, permission);
}

static const Value *value_of(const WebRequest *request, const char *name) {
  const Value *value = parameter_value(request, name, NULL);
  if (value == NULL) g_critical("the route %s does not declare the parameter %s", request->shown_path, name);
  return value;
}

const char *web_text(const WebRequest *request, const char *name) {
  const Value *value = value_of(request, name);
  return value == NULL || value->texts == NULL || value->texts->len == 0 ? NULL : g_ptr_array_index(value->texts, 0);
}

gint64 web_int(const WebRequest *request, const char *name, gint64 missing) {
  const Value *value = value_of(request, name);
  return value == NULL || value->ints == NULL ? missing : value->ints[0];
}

gboolean web_flag(const WebRequest *request, const char *name) { return web_int(request, name, 0) != 0; }

const char *const *web_list(const WebRequest *request, const char *name, gsize *ret_count) {
  static const char *const nothing[] = {NULL};
  const Value *value = value_of(request, name);
  gsize count = value == NULL || value->texts == NULL ? 0 : value->texts->len;
  if (ret_count != NULL) *ret_count = count;
  return count == 0 ? nothing : (const char *const *)value->texts->pdata;
}

const gint64 *web_ints(const WebRequest *request, const char *name, gsize *ret_count) {
  static const gint64 nothing[1];
  const Value *value = value_of(request, name);
  gsize count = value == NULL || value->ints == NULL ? 0 : value->texts->len;
  if (ret_count != NULL) *ret_count = count;
  return count == 0 ? nothing : value->ints;
}

json_t *web_fields(const WebRequest *request, const char *name) {
  Value *value = (Value *)value_of(request, name);
  if (value == NULL) return NULL;
  if (value->fields == NULL) value->fields = json_object();
  return value->fields;
}

const char *web_file_path(const WebRequest *request, const char *name) {
  const Value *value = value_of(request, name);
  return value == NULL ? NULL : value->file_path;
}

const char *web_file_name(const WebRequest *request, const char *name) {
  const Value *value = value_of(request, name);
  return value == NULL ? NULL : value->file_name;
}

char *web_file_steal(WebRequest *request, const char *name) {
  Value *value = (Value *)value_of(request, name);
  return value == NULL ? NULL : g_steal_pointer(&value->file_path);
}

char *web_query_with(const WebRequest *request, const char *name, const char *value) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_auto(GStrv) parts = g_strsplit(request->query, "&", (int)WEB_PAIRS_MAX);
  for (gsize i = 0; parts[i] != NULL; i++) {
    gsize length = strcspn(parts[i], "=");
    if (parts[i][length] == '\0' || parts[i][length + 1] == '\0') continue;
    g_autofree char *key = parameter_decode(parts[i], length, TRUE);
    g_autofree char *text = parameter_decode(parts[i] + length + 1, strcspn(parts[i] + length + 1, "#"), TRUE);
    if (key == NULL || text == NULL || strcmp(key, name) == 0 || strcmp(key, "after") == 0) continue;
    if (out->len > 0) g_string_append_c(out, '&');
    g_string_append_uri_escaped(out, key, NULL, FALSE);
    g_string_append_c(out, '=');
    g_string_append_uri_escaped(out, text, NULL, FALSE);
  }
  if (value != NULL) {
    if (out->len > 0) g_string_append_c(out, '&');
    g_string_append_uri_escaped(out, name, NULL, FALSE);
    g_string_append_c(out, '=');
    g_string_append_uri_escaped(out, value, NULL, FALSE);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}
