/* A small house with every kind of route, for the tests of web/. */
#pragma once
#include "kernel.h"
#include "log-fixture.h"
#include "settings.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

typedef struct {
  char *dir;
  Settings *settings;
  House house;
  WebServer *server;
} Fixture;

static int handled; /* handlers that ran */

static WebReply *handle_home(WebRequest *request, GError **error) {
  handled++;
  return web_model(json_pack("{s:s, s:s*}", "text", "<b>兰台</b>", "q", web_text(request, "q")));
}

static WebReply *handle_record(WebRequest *request, GError **error) {
  return web_model(json_pack("{s:I, s:s, s:s}", "id", (json_int_t)web_int(request, "id", -1), "actor", web_actor(request), "where", web_path(request)));
}

static WebReply *handle_new(WebRequest *request, GError **error) { return web_model(json_pack("{s:s}", "text", "new")); }
static WebReply *handle_code(WebRequest *request, GError **error) { return web_model(json_pack("{s:s}", "text", web_text(request, "code"))); }

static WebReply *handle_tile(WebRequest *request, GError **error) {
  g_autofree char *text = g_strdup_printf("%d/%d/%d", (int)web_int(request, "id", 0), (int)web_int(request, "x", 0), (int)web_int(request, "y", 0));
  return web_bytes(g_bytes_new(text, strlen(text)), "image/jpeg");
}

static WebReply *handle_form(WebRequest *request, GError **error) {
  gsize years = 0, tags = 0;
  const gint64 *year = web_ints(request, "year", &years);
  const char *const *tag = web_list(request, "tag", &tags);
  const char *title = web_text(request, "title"), *note = web_text(request, "note"), *password = web_text(request, "password");
  handled++;
  json_int_t count = web_int(request, "count", -1);
  json_t *model = json_pack("{s:s?, s:s?, s:I, s:b, s:s?, s:[], s:[]}", "title", title, "note", note, "count", count, "open", web_flag(request, "open"),
                            "password", password, "years", "tags");
  for (gsize i = 0; i < years; i++) json_array_append_new(json_object_get(model, "years"), json_integer(year[i]));
  for (gsize i = 0; i < tags; i++) json_array_append_new(json_object_get(model, "tags"), json_string(tag[i]));
  if (web_text(request, "cells") != NULL) json_object_set_new(model, "cells", json_string(web_text(request, "cells")));
  if (json_object_size(web_fields(request, "v"))) json_object_set(model, "fields", web_fields(request, "v"));
  return web_model(model);
}

static WebReply *handle_upload(WebRequest *request, GError **error) {
  const char *path = web_file_path(request, "file");
  GStatBuf info = {0};
  if (path != NULL && g_stat(path, &info) != 0) return throw_null(error, LANTAI_ERROR_INTERNAL, "the file is not there");
  handled++;
  json_t *model = json_pack("{s:s?, s:I}", "name", web_file_name(request, "file"), "bytes", (json_int_t)info.st_size);
  if (parameter_value(request, "note", NULL) != NULL) json_object_set_new(model, "note", json_string(web_text(request, "note")));
  json_object_set_new(model, "path", json_string(path));
  if (parameter_value(request, "steal", NULL) != NULL && web_flag(request, "steal")) g_free(web_file_steal(request, "file"));
  return web_model(model);
}

static WebReply *handle_file(WebRequest *request, GError **error) {
  const char *name = web_text(request, "name"), *mime = web_text(request, "mime");
  g_autofree char *path = g_build_filename(web_house(request)->dir, "sample.bin", NULL);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint(fd, >=, 0);
  return web_fd(fd, 1000, mime == NULL ? "image/png" : mime, name == NULL ? "样本 1.png" : name, web_int(request, "inline", 1) != 0, "abc");
}

static WebReply *handle_go(WebRequest *request, GError **error) {
  WebReply *reply = web_redirect("%s", web_text(request, "to"));
  web_flash(reply, "已保存 <1> 件");
  web_reply_cookie(reply, "mark", "a b;c\r\nX: y", 60);
  return reply;
}

static WebReply *handle_fail(WebRequest *request, GError **error) {
  if (web_int(request, "code", 0) == 99) return NULL;
  return throw_null(error, (LantaiError)web_int(request, "code", 0), "第 3 行：题名为空 <secret>");
}

static WebReply *handle_slow(WebRequest *request, GError **error) {
  g_usleep((gulong)web_int(request, "ms", 0) * 1000);
  return handle_new(request, error);
}

static WebReply *handle_who(WebRequest *request, GError **error) {
  WebReply *reply = web_model(json_pack("{s:s, s:s}", "actor", web_actor(request), "address", web_address(request)));
  web_reply_cache(reply, 60);
  return reply;
}

static WebReply *handle_big(WebRequest *request, GError **error) {
  gsize size = (gsize)web_int(request, "bytes", 0);
  return web_bytes(g_bytes_new_take(g_strnfill(size, 'x'), size), "text/plain");
}

static const WebParameter Q[] = {{"q", WEB_TEXT, FALSE, 0, "检索词"}, {NULL}};
static const WebParameter ID[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter CODE[] = {{"code", WEB_TEXT, TRUE, 0, "档号"}, {NULL}};
static const WebParameter TILE[] = {{"id", WEB_INT, TRUE, 0, NULL}, {"x", WEB_INT, TRUE, 0, NULL}, {"y", WEB_INT, TRUE, 0, NULL}, {NULL}};
static const WebParameter FORM[] = {{"title", WEB_TEXT, TRUE, 10, "题名"}, {"note", WEB_LINES, FALSE, 50, "附注"}, {"count", WEB_INT, FALSE, 0, "件数"},
                                    {"open", WEB_FLAG, FALSE, 0, "开放"}, {"year", WEB_INTS, FALSE, 3, "年度"}, {"tag", WEB_LIST, FALSE, 0, "标签"},
                                    {"password", WEB_PASSWORD, FALSE, 0, "口令"}, {"v", WEB_FIELDS, FALSE, 5, "字段"}, {"cells", WEB_TABLE, FALSE, 0, "表格"}, {NULL}};
static const WebParameter UPLOAD[] = {{"file", WEB_FILE, TRUE, 60, "目录文件"}, {"note", WEB_TEXT, FALSE, 0, "附注"}, {"steal", WEB_FLAG, FALSE, 0, NULL}, {NULL}};
static const WebParameter SMALL[] = {{"file", WEB_FILE, FALSE, 1, "小文件"}, {NULL}};
static const WebParameter FILE_P[] = {{"name", WEB_TEXT, FALSE, 0, NULL}, {"mime", WEB_TEXT, FALSE, 0, NULL}, {"inline", WEB_INT, FALSE, 0, NULL}, {NULL}};
static const WebParameter TO[] = {{"to", WEB_TEXT, TRUE, 0, NULL}, {NULL}};
static const WebParameter NUMBER[] = {{"code", WEB_INT, FALSE, 0, NULL}, {"ms", WEB_INT, FALSE, 0, NULL}, {"bytes", WEB_INT, FALSE, 0, NULL}, {NULL}};

static const WebRoute ROUTES[] = {
  {"GET", "/", "public", Q, "t/home", handle_home, "首页"},
  {"GET", "/record/{id}", "public", ID, "t/record", handle_record, "档案"},
  {"GET", "/record/new", "public", NULL, "t/home", handle_new, "新建"},
  {"GET", "/code/{code}", "public", CODE, "t/home", handle_code, "档号"},
  {"GET", "/tile/{id}/{x}_{y}.jpg", "public", TILE, NULL, handle_tile, NULL},
  {"GET", "/private", "user", NULL, "t/home", handle_new, "内部"},
  {"GET", "/admin", "admin", NULL, "t/home", handle_new, "管理"},
  {"POST", "/form", "public", FORM, "t/home", handle_form, "表单"},
  {"POST", "/upload", "user", UPLOAD, NULL, handle_upload, NULL},
  {"POST", "/small", "public", SMALL, NULL, handle_upload, NULL},
  {"GET", "/file", "public", FILE_P, NULL, handle_file, NULL},
  {"GET", "/go", "public", TO, NULL, handle_go, NULL},
  {"GET", "/fail", "public", NUMBER, NULL, handle_fail, NULL},
  {"GET", "/slow", "public", NUMBER, NULL, handle_slow, NULL},
  {"GET", "/who", "public", NULL, NULL, handle_who, NULL},
  {"GET", "/big", "public", NUMBER, NULL, handle_big, NULL},
  {NULL},
};
static const WebRoute *const ALL[] = {ROUTES, NULL};

static gpointer identify(const House *house, const char *session, const char *bearer, const Scope **ret_scope) {
  *ret_scope = &SCOPE_EVERYTHING;
  if (g_strcmp0(session, "s-user") == 0 || g_strcmp0(bearer, "b-user") == 0) return g_strdup("user");
  return g_strcmp0(session, "s-admin") == 0 ? g_strdup("admin") : NULL;
}
static const char *actor(gpointer identity) { return identity; }
static gboolean may(const House *house, gpointer identity, const char *permission) { return g_strcmp0(identity, permission) == 0; }
static void decorate(WebRequest *request, json_t *model) { json_object_set_new(model, "me", json_string(web_actor(request))); }
static const WebHooks HOOKS = {identify, g_free, actor, may, decorate};

static inline void fixture_write(const char *dir, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(dir, name, NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *fixture_ui; /* folder of templates, removed by main */

/* Once, before the first template is loaded. */
static inline void fixture_templates(void) {
  char *dir = fixture_ui = g_dir_make_tmp("lantai-ui-XXXXXX", NULL);
  fixture_write(dir, "layout.html", "<!DOCTYPE html><title>{{title}}</title>[{{me}}]{{#flash}}<i>{{flash}}</i>{{/flash}}<main>{{{content}}}</main>\n");
  fixture_write(dir, "t/home.html", "<p>{{text}}|{{q}}|{{path}}|{{query}}</p><input value=\"{{csrf}}\">\n");
  fixture_write(dir, "t/record.html", "<h1>{{id}} {{actor}}</h1>\n");
  fixture_write(dir, "static/a.css", "p { color: red }\n");
  fixture_write(dir, "static/.hidden", "secret\n");
  fixture_write(dir, "outside.css", "secret\n");
  g_setenv("LANTAI_UI", dir, TRUE);
}

static inline void fixture_open(Fixture *fixture) {
  g_autoptr(GError) error = NULL;
  fixture->dir = g_dir_make_tmp("lantai-web-XXXXXX", NULL);
  fixture->settings = settings_load(fixture->dir, &error);
  g_assert_no_error(error);
  fixture->house = (House){.dir = fixture->dir, .settings = fixture->settings};
  GString *sample = g_string_new(NULL);
  while (sample->len < 1000) g_string_append_printf(sample, "%04d,", (int)sample->len);
  fixture_write(fixture->dir, "sample.bin", sample->str);
  g_string_free(sample, TRUE);
  fixture->server = web_server_new(&fixture->house, ALL, &HOOKS, &error);
  g_assert_no_error(error);
  handled = 0;
}

static inline void fixture_close(Fixture *fixture) {
  web_server_free(fixture->server);
  settings_free(fixture->settings);
  remove_tree(fixture->dir);
  g_free(fixture->dir);
}
