/* `lantai serve` and `lantai routes`: which routes, jobs and hooks this program has, and running them until a signal comes. */
#include "app.h"
#include "error.h"
#include "people.h"
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

const WebRoute *const *app_routes(void) {
  /* clang-format off */
  static const WebRoute *const routes[] = {
    APP_ROUTES,
    PEOPLE_ROUTES,
    CATALOG_ROUTES,
    AUTHORITY_ROUTES,
    DEFINITION_ROUTES,
    SCHEDULE_ROUTES,
    ACCESSION_ROUTES,
    UPLOAD_ROUTES, DELIVERY_FORM_ROUTES,
    PROJECT_ROUTES,
    READER_ROUTES,
    CHECK_ROUTES,
    EXCHANGE_ROUTES,
    REVISE_ROUTES,
    KEEP_ROUTES,
    COPY_ROUTES,
    PATROL_ROUTES,
    QUALITY_ROUTES,
    LEDGER_ROUTES,
    DOSSIER_ROUTES,
    FIGURE_ROUTES, PANEL_ROUTES,
    REPORT_ROUTES,
    NULL,
  };
  /* clang-format on */
  return routes;
}

JobKind *app_job_kinds(void) {
  static const JobKind *const rooms[] = {CATALOG_JOBS, SCHEDULE_JOBS, AUTHORITY_JOBS, ACCESSION_JOBS, CARE_JOBS, EXCHANGE_JOBS, REVISE_JOBS,
    KEEP_JOBS, COPY_JOBS, QUALITY_JOBS, LEDGER_JOBS, DOSSIER_JOBS};
  GArray *kinds = g_array_new(TRUE, TRUE, sizeof(JobKind));
  for (guint i = 0; i < G_N_ELEMENTS(rooms); i++)
    for (const JobKind *kind = rooms[i]; kind->kind; kind++) g_array_append_val(kinds, *kind);
  return (JobKind *)(void *)g_array_free(kinds, FALSE);
}

const JobTick *const APP_TICKS[] = {ACCESSION_TICKS, KEEP_TICKS, QUALITY_TICKS, READER_TICKS, LEDGER_TICKS, FEED_TICKS, DOSSIER_TICKS, CARE_TICKS, NULL};

/* ---- hooks: the kernel asks people/ ---- */

static gpointer identify(const House *house, const char *session_token, const char *bearer_token, const Scope **ret_scope) {
  const char *token = session_token ? session_token : bearer_token;
  Person *person = token ? people_identify(house->db, token) : NULL;
  *ret_scope = people_scope(person);
  return person;
}

static void identity_free(gpointer identity) { people_person_free(identity); }
static const char *actor(gpointer identity) { return people_name(identity); }
static gboolean may(const House *house, gpointer identity, const char *permission) { return people_may(identity, permission); }

/* Two levels: a group leads to the first of its pages that one may see. beside: beginnings of further addresses that belong to an item. */
typedef struct {
  const char *group, *label, *path, *permission;
  const char *const *beside;
} MenuItem;
#define BESIDE(...) ((const char *const[]){__VA_ARGS__, NULL})
static const MenuItem MENU[] = {
  {"首页", "首页", "/", "public"},
  {"检索", "检索", "/search", "records", BESIDE("/help/search")},
  {"目录", "目录", "/catalog", "records", BESIDE("/record", "/fonds", "/move", "/file", "/categories", "/synonyms")},
  {"目录", "专题", "/topics", "records"},
  {"目录", "名称规范", "/authorities", "authority.edit", BESIDE("/authority", "/gather")},
  {"目录", "档号", "/codes", "record.edit", BESIDE("/renumber")},
  {"目录", "制度", "/schedules", "deliveries", BESIDE("/schedule/")},
  {"目录", "质量", "/quality", "record.edit|delivery.accept"},
  {"目录", "批量修改", "/revise", "revisions"},
  {"接收", "接收", "/deliveries", "deliveries", BESIDE("/delivery", "/upload", "/project", "/check")},
  {"保管", "保管", "/keep", "keep.read"},
  {"保管", "副本", "/copies", "keep.read", BESIDE("/copy")},
  {"保管", "导出", "/exports", "record.export", BESIDE("/export")},
  {"台账", "台账", "/ledgers", "ledger.read", BESIDE("/ledger", "/entry", "/owed")},
  {"台账", "一览", "/panel", "figure.read"},
  {"台账", "指标", "/figures", "figure.read", BESIDE("/figure")},
  {"台账", "报告", "/reports", "figure.read", BESIDE("/report")},
  {"管理", "帐号", "/users", "user.read", BESIDE("/user")},
  {"管理", "角色", "/roles", "role.read"},
  {"管理", "日志", "/journal", "journal.read"},
  {"管理", "系统", "/system", "system.read", BESIDE("/jobs")},
};

static gboolean is_current(const MenuItem *item, const char *path) {
  if (g_str_equal(item->path, "/")) return g_str_equal(path, "/");
  gboolean current = g_str_has_prefix(path, item->path);
  for (guint i = 0; item->beside && item->beside[i] && !current; i++) current = g_str_has_prefix(path, item->beside[i]);
  return current;
}

/* "deliveries": for those who receive and those who hand over. "records": for those who may see any; the three officers see none and get no way to search. */
static gboolean shows(WebRequest *request, const char *permission) {
  if (g_str_equal(permission, "records")) return web_scope(request)->opening_mask != 0;
  if (g_str_equal(permission, "deliveries")) return web_may(request, "delivery.read") || web_may(request, "delivery.own");
  if (g_str_equal(permission, "revisions")) return web_may(request, "record.edit") || web_may(request, "record.propose") || web_may(request, "record.approve");
  return g_str_equal(permission, "public") || web_may(request, permission);
}

static void decorate(WebRequest *request, json_t *model) {
  const House *house = web_house(request);
  Person *person = web_identity(request);
  const char *path = web_path(request);
  json_object_set_new(model, "archive_name", json_string(settings_text(house->settings, "archive.name")));
  if (person) json_object_set_new(model, "me", json_pack("{s:s, s:s}", "name", people_name(person), "title", people_title(person)));
  json_t *menu = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(MENU); i++) {
    const MenuItem *item = &MENU[i];
    if (!shows(request, item->permission)) continue;
    json_t *group = json_array_get(menu, json_array_size(menu) - 1);
    if (group == NULL || !g_str_equal(json_string_value(json_object_get(group, "label")), item->group)) {
      group = json_pack("{s:s, s:s, s:b, s:[]}", "label", item->group, "href", item->path, "current", 0, "items");
      json_array_append_new(menu, group);
    }
    gboolean current = is_current(item, path), sends = g_str_equal(item->path, "/deliveries") && !web_may(request, "delivery.read");
    const char *label = sends ? "移交" : item->label;
    if (current) json_object_set_new(group, "current", json_true());
    json_array_append_new(json_object_get(group, "items"), json_pack("{s:s, s:s, s:b}", "label", label, "href", item->path, "current", current));
  }
  size_t at;
  json_t *group;
  json_array_foreach(menu, at, group) { /* a group of one is that one */
    json_t *items = json_object_get(group, "items");
    if (json_array_size(items) > 1) continue;
    json_object_set(group, "label", json_object_get(json_array_get(items, 0), "label"));
    json_array_clear(items);
  }
  json_object_set_new(model, "menu", menu);
  json_object_set_new(model, "may_search", json_boolean(shows(request, "records")));
}

const WebHooks APP_HOOKS = {identify, identity_free, actor, may, decorate};

/* ---- serving ---- */

static struct {
  int port;
  char *address;
} serve_options;

static const GOptionEntry *serve_entries(void) {
  static const GOptionEntry entries[] = {
    {"port", 'p', 0, G_OPTION_ARG_INT, &serve_options.port, "端口（缺省见 lantai.yaml；0 为任意空闲端口）", "N"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &serve_options.address, "监听地址（缺省见 lantai.yaml）", "地址"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  serve_options.port = -1;
  return entries;
}

static gboolean stop_loop(gpointer loop) {
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static gboolean run_serve(const CommandLine *line, GError **error) {
  gint64 begin = g_get_monotonic_time();
  if (serve_options.port < -1 || serve_options.port > G_MAXUINT16)
    return throw(error, LANTAI_ERROR_INVALID, "端口应为 0 至 65535，而不是 %d", serve_options.port);
  archive_heal_later();
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  g_autoptr(WebServer) server = web_server_new(house, app_routes(), &APP_HOOKS, error);
  if (server == NULL) return FALSE;
  const char *address = serve_options.address ? serve_options.address : settings_text(house->settings, "server.address");
  guint port = serve_options.port >= 0 ? (guint)serve_options.port : (guint)settings_int(house->settings, "server.port");
  if (!web_server_listen(server, address, port, error)) return FALSE;
  jobs_start(house->jobs, house);
  command_print(line,
    json_pack("{s:s, s:i, s:f}", "address", address, "port", (int)web_server_port(server), "seconds", (double)(g_get_monotonic_time() - begin) / 1e6),
    "兰台已启动：http://%s:%u/　（用 %.2f 秒；按 Ctrl+C 停止）\n", address, web_server_port(server), (double)(g_get_monotonic_time() - begin) / 1e6);
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
  g_unix_signal_add(SIGINT, stop_loop, loop);
  g_unix_signal_add(SIGTERM, stop_loop, loop);
  signal(SIGPIPE, SIG_IGN);
  g_main_loop_run(loop);
  fputs("正在停止：等待进行中的请求和任务 …\n", stderr);
  return TRUE;
}

static gboolean run_routes(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  g_autoptr(WebServer) server = web_server_new(archive_house(archive), app_routes(), &APP_HOOKS, error);
  if (server == NULL) return FALSE;
  json_t *routes = web_routes(server);
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *route;
  json_array_foreach(routes, i, route) g_string_append_printf(text, "%-5s %-36s %s\n", json_string_value(json_object_get(route, "method")),
    json_string_value(json_object_get(route, "path")), json_string_value(json_object_get(route, "permission")));
  command_print(line, routes, "%s", text->str);
  return TRUE;
}

const Command SERVE_COMMANDS[] = {
  {"serve", "", "提供网页服务，并运行后台任务", serve_entries, 0, 0, run_serve},
  {"routes", "", "列出所有地址及其所需权限", NULL, 0, 0, run_routes},
  {NULL},
};
