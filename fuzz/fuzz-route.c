/*
 * The router without a socket. Input: "METHOD target\n" header lines, an empty line, the body, which is fed in pieces.
 * Whatever comes, there is one settled reply with a sensible status, whose headers have no line ends.
 */
#include "kernel.h"
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static WebReply *handle(WebRequest *request, GError **error) {
  gsize count = 0;
  json_t *model = json_pack("{s:s*, s:s*, s:I, s:b}", "text", web_text(request, "text"), "lines", web_text(request, "lines"),
                            "id", (json_int_t)web_int(request, "id", 0), "flag", web_flag(request, "flag"));
  web_ints(request, "ints", &count);
  web_list(request, "list", &count);
  const char *name = web_file_name(request, "file");
  if (name != NULL && strchr(name, '/') != NULL) abort();
  if (web_flag(request, "flag")) {
    json_decref(model);
    WebReply *reply = web_redirect("%s", web_text(request, "text") == NULL ? "/" : web_text(request, "text"));
    web_flash(reply, name == NULL ? "" : name);
    return reply;
  }
  g_autofree char *query = web_query_with(request, "text", name);
  json_object_set_new(model, "query_with", json_string(query));
  return web_model(model);
}

static const WebParameter ALL[] = {{"id", WEB_INT, FALSE, 0, NULL}, {"text", WEB_TEXT, FALSE, 100, "文字"}, {"lines", WEB_LINES, FALSE, 0, NULL},
                                   {"flag", WEB_FLAG, FALSE, 0, NULL},
                                   {"list", WEB_LIST, FALSE, 5, NULL}, {"ints", WEB_INTS, FALSE, 5, NULL},
                                   {"file", WEB_FILE, FALSE, 1, NULL}, {"word", WEB_PASSWORD, FALSE, 0, NULL}, {NULL}};
static const WebRoute ROUTES[] = {
  {"GET", "/", "public", ALL, "error", handle, "首页"}, {"GET", "/a/{id}", "public", ALL, NULL, handle, NULL},
  {"GET", "/a/{text}", "public", ALL, "error", handle, NULL},
  {"GET", "/a/{id}_{text}.jpg", "public", ALL, NULL, handle, NULL}, {"POST", "/a", "public", ALL, NULL, handle, NULL},
  {"GET", "/user", "user", NULL, NULL, handle, NULL}, {NULL},
};

static char *dir;

static void remove_dir(void) {
  static const char *const names[] = {"secret.key", "tmp", ""};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(dir, names[i], NULL);
    g_remove(path);
  }
}

static WebServer *open_server(House *house) {
  static const WebRoute *const tables[] = {ROUTES, NULL};
  g_autoptr(GError) error = NULL;
  house->dir = dir = g_dir_make_tmp("fuzz-route-XXXXXX", NULL);
  atexit(remove_dir);
  WebServer *server = web_server_new(house, tables, NULL, &error);
  if (server == NULL) g_error("%s", error->message);
  return server;
}

static void check(const WebReply *reply) {
  if (reply->status < 200 || reply->status > 503 || reply->kind != REPLY_SETTLED || reply->bytes == NULL) abort();
  for (guint i = 0; i < reply->headers->len; i++) {
    const Pair *header = &g_array_index(reply->headers, Pair, i);
    if (strpbrk(header->value, "\r\n") != NULL) abort();
    if (strcmp(header->name, "Location") == 0 && (header->value[0] != '/' || header->value[1] == '/' || header->value[1] == '\\')) abort();
  }
}

static WebReply *serve(WebRequest *request, const char *body, gsize length) {
  g_autoptr(GError) error = NULL;
  if (!request_begin(request, &error)) return reply_gerror(request, error);
  const char *type = request_header_get(request, "content-type");
  WebReply *reply = dispatch_admit(request, length > 0 ? (type == NULL ? "" : type) : NULL, length);
  for (gsize i = 0, piece = 1; reply == NULL && i < length; i += piece, piece = 1 + (i % 37))
    if (!dispatch_body(request, body + i, MIN(piece, length - i), &error)) reply = reply_gerror(request, error);
  return reply == NULL ? dispatch_run(request) : reply;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static WebServer *server;
  static House house;
  if (server == NULL) server = open_server(&house);
  g_autofree char *text = g_strndup((const char *)data, size);
  gsize head_length = strlen(text);
  char *end = strstr(text, "\n\n");
  gsize body_at = end == NULL ? head_length : (gsize)(end - text) + 2;
  if (end != NULL) *end = '\0';
  g_auto(GStrv) lines = g_strsplit(text, "\n", 20);
  char *target = lines[0] == NULL ? NULL : strchr(lines[0], ' ');
  if (target == NULL) return 0;
  *target++ = '\0';
  g_autoptr(WebRequest) request = request_new(server, lines[0], target);
  for (gsize i = 1; lines[i] != NULL; i++) {
    char *colon = strchr(lines[i], ':');
    if (colon == NULL) continue;
    *colon = '\0';
    request_header(request, lines[i], g_strchug(colon + 1));
  }
  g_autoptr(WebReply) reply = serve(request, (const char *)data + MIN(body_at, size), size - MIN(body_at, size));
  check(reply);
  return 0;
}
