/* The home page, background jobs, and the system page from which the holdings are cared for. */
#include "app.h"
#include "error.h"
#include "figure.h"
#include "format.h"
#include "people.h"
#include <string.h>
#include <sys/statvfs.h>

/* ---- jobs as pages show them ---- */

static json_t *dressed_jobs(WebRequest *request, Sql *sql, gint64 before, int limit, GError **error) {
  json_t *jobs = job_list(sql, before, limit, error), *job;
  size_t i;
  json_array_foreach(jobs, i, job) {
    json_int_t subject = json_integer_value(json_object_get(job, "subject_id"));
    if (g_strcmp0(json_string_value(json_object_get(job, "subject_kind")), "accession") != 0 || !web_may(request, "delivery.read")) continue;
    g_autofree char *href = g_strdup_printf("/delivery/%" JSON_INTEGER_FORMAT, subject), *label = g_strdup_printf("第 %" JSON_INTEGER_FORMAT " 批", subject);
    json_object_set_new(job, "subject_href", json_string(href));
    json_object_set_new(job, "subject_label", json_string(label));
  }
  return jobs;
}

/* ---- home: today's state, within what the asker may see ---- */

static gint64 facet_count(const SearchResult *result, const char *name, gint64 value) {
  for (guint i = 0; result->facets && i < result->facets->len; i++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, i);
    if (!g_str_equal(facet->name, name)) continue;
    for (guint v = 0; v < facet->values->len; v++) {
      const SearchFacetValue *item = &g_array_index(facet->values, SearchFacetValue, v);
      if (item->value == value) return item->count;
    }
  }
  return 0;
}

static void add_stat(json_t *stats, const char *label, gint64 number, const char *href) {
  json_array_append_new(stats, json_pack("{s:s, s:I, s:s}", "label", label, "number", (json_int_t)number, "href", href));
}

static json_t *holdings(const House *house, Sql *sql, const Scope *scope, GError **error) {
  if (scope->opening_mask == 0 || search_needs_rebuild(house->search)) return json_array();
  static const gint64 described[] = {LEVEL_VOLUME, LEVEL_ITEM};
  const SearchRequest whole = {.facets = TRUE}, records = {.facets = TRUE, .levels = described, .levels_count = G_N_ELEMENTS(described)};
  g_autoptr(SearchResult) all = search_run(house->search, sql, scope, &whole, error);
  g_autoptr(SearchResult) reviewed = all ? search_run(house->search, sql, scope, &records, error) : NULL;
  g_autoptr(SearchResult) digital = reviewed ? search_run(house->search, sql, scope, &(SearchRequest){.with_files = TRUE}, error) : NULL;
  if (digital == NULL) return NULL;
  json_t *stats = json_array();
  add_stat(stats, "全宗", facet_count(all, "level", LEVEL_FONDS), "/catalog");
  add_stat(stats, "案卷", facet_count(all, "level", LEVEL_VOLUME), "/search?level=3");
  add_stat(stats, "文件", facet_count(all, "level", LEVEL_ITEM), "/search?level=4");
  add_stat(stats, "有原文", (gint64)digital->count, "/search?files=1");
  add_stat(stats, "已开放", facet_count(reviewed, "opening", OPENING_OPEN), "/search?opening=1&level=3&level=4");
  gint64 waiting = facet_count(reviewed, "opening", OPENING_UNREVIEWED);
  if (waiting) add_stat(stats, "待开放审核", waiting, "/search?opening=0&level=3&level=4");
  return stats;
}

static json_t *storage_state(const House *house) {
  struct statvfs state;
  if (statvfs(house->dir, &state) != 0) return json_null();
  gint64 total = (gint64)state.f_blocks * (gint64)state.f_frsize, free_bytes = (gint64)state.f_bavail * (gint64)state.f_frsize;
  return json_pack("{s:I, s:I, s:b}", "total", (json_int_t)total, "free", (json_int_t)free_bytes, "low", total > 0 && free_bytes < total / 10);
}

/* What a check found is told to all who care for the system; which record it concerns only to those who may see the record. */
static void hide_records(const House *house, const Scope *scope, json_t *faults) {
  size_t i;
  json_t *fault;
  json_array_foreach(faults, i, fault) {
    SearchColumns columns;
    gint64 id = json_integer_value(json_object_get(json_object_get(fault, "record"), "id"));
    if (id && search_columns(house->search, id, &columns) &&
      scope_admits(scope, (Level)columns.level, columns.fonds_id, (Security)columns.security, (Opening)columns.opening))
      continue;
    json_object_set_new(fault, "record", json_null());
  }
}

static json_t *care_results(const House *house, const Scope *scope, Sql *sql, GError **error) {
  json_t *rows = sql_json(sql, "SELECT kind, at_us AS at, actor, result FROM care_result ORDER BY kind", SQL_NONE, error), *results = json_object();
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_t *result = json_loads(json_string_value(json_object_get(row, "result")), 0, NULL);
    json_t *faults = json_object_get(result, "faults"), *counted = json_object_get(result, "fault_count"); /* more than are listed */
    json_int_t count = counted ? json_integer_value(counted) : (json_int_t)json_array_size(faults);
    hide_records(house, scope, faults);
    json_object_set_new(row, "fault_count", json_integer(count));
    json_object_set_new(row, "bad", json_boolean(count > 0));
    json_object_set_new(row, "result", result ? result : json_null());
    json_object_set(results, json_string_value(json_object_get(row, "kind")), row);
  }
  json_decref(rows);
  return results;
}

/* What the last check and the last audit found stands among the other warnings. */
static void warn_of_care(json_t *warnings, json_t *care) {
  json_t *check = json_object_get(care, "check"), *audit = json_object_get(care, "audit");
  g_autofree char *checked = clock_format(json_integer_value(json_object_get(check, "at"))), *audited = clock_format(json_integer_value(json_object_get(audit, "at")));
  if (json_is_true(json_object_get(check, "bad")))
    json_array_append_new(warnings, json_pack("{s:s, s:o, s:s}", "tone", "bad", "text", json_sprintf("最近一次全面检查（%s）发现 %" JSON_INTEGER_FORMAT " 处问题", checked,
      json_integer_value(json_object_get(check, "fault_count"))), "href", "/system"));
  if (json_is_true(json_object_get(audit, "bad")))
    json_array_append_new(warnings, json_pack("{s:s, s:o, s:s}", "tone", "bad", "text", json_sprintf("最近一次日志校验（%s）没有通过", audited), "href", "/system"));
}

/* While there is neither a fonds nor an entry that somebody made, the home page says where to begin instead of counting nothing. */
static void add_first_steps(WebRequest *request, Sql *sql, json_t *model, json_t *stats) {
  size_t i;
  json_t *stat;
  if (json_array_size(stats) == 0) return;
  json_array_foreach(stats, i, stat)
    if (json_integer_value(json_object_get(stat, "number")) > 0) return;
  if (sql_number(sql, "SELECT COUNT(*) AS n FROM (SELECT made_by FROM ledger_entry ORDER BY id DESC LIMIT 200) AS newest "
      "WHERE made_by <> 'system'", SQL_NONE, 0, NULL) > 0)
    return;
  json_array_clear(stats);
  json_object_set_new(model, "first_steps", json_pack("{s:b, s:b, s:b, s:b}",
    "may_import", web_may(request, "delivery.import"), "may_ledger", web_may(request, "ledger.write"),
    "may_report", web_may(request, "report.edit"), "sees_figures", web_may(request, "figure.read")));
}

static WebReply *home(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gboolean staff = web_may(request, "delivery.read") || web_may(request, "system.read");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *stats = sql ? holdings(house, sql, web_scope(request), error) : NULL;
  if (stats == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:b, s:s}", "title", "首页", "stats", stats, "staff", staff, "welcome", settings_text(house->settings, "archive.name"));
  if (staff) add_first_steps(request, sql, model, stats);
  if (staff && search_needs_rebuild(house->search)) json_object_set_new(model, "uncounted", json_string("检索索引正在重建，馆藏数等重建好再列"));
  if (web_may(request, "delivery.read")) json_object_set_new(model, "deliveries", accession_list(house, sql, web_scope(request), 0, 5, NULL));
  json_t *revisions = revise_home(request, sql, NULL);
  if (revisions) json_object_set_new(model, "revisions", revisions);
  json_t *schedules = schedule_home(request, sql);
  if (schedules) json_object_set_new(model, "schedules", schedules);
  json_t *reports = report_home(request, sql);
  if (reports) json_object_set_new(model, "reports", reports);
  if (web_may(request, "figure.read")) json_object_set_new(model, "panels", json_true());
  json_t *owed = ledger_home(request, sql, NULL);
  if (owed) json_object_set_new(model, "owed", owed);
  json_t *warnings = keep_warnings(request, sql, NULL);
  json_t *alerts = reader_alerts(request, sql, NULL);
  if (alerts) json_object_set_new(model, "alerts", alerts);
  if (!staff && web_may(request, "delivery.own")) json_object_set_new(model, "hands_over", json_true());
  if (web_may(request, "delivery.import")) json_object_set_new(model, "may_import", json_true());
  if (web_may(request, "system.read") || web_may(request, "job.read")) {
    json_object_set_new(model, "storage", storage_state(house));
    json_object_set_new(model, "care", care_results(house, web_scope(request), sql, NULL));
    if (web_may(request, "job.read")) json_object_set_new(model, "jobs", dressed_jobs(request, sql, 0, 5, NULL)); /* why one failed may name files */
  }
  if (warnings) {
    warn_of_care(warnings, json_object_get(model, "care"));
    json_object_set_new(model, "notices", keep_notices(warnings));
    json_object_set_new(model, "warnings", warnings);
  }
  return web_model(model);
}

/* ---- jobs ---- */

static WebReply *jobs_page(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  enum { PAGE = 50 };
  json_t *jobs = sql ? dressed_jobs(request, sql, web_int(request, "before", 0), PAGE, error) : NULL;
  if (jobs == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o}", "title", "后台任务", "jobs", jobs);
  if (json_array_size(jobs) == PAGE) json_object_set(model, "next", json_object_get(json_array_get(jobs, PAGE - 1), "id"));
  return web_model(model);
}

static const WebParameter JOBS_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起始任务号"}, {NULL}};

/* ---- system ---- */

static WebReply *system_page(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *care = sql ? care_results(house, web_scope(request), sql, error) : NULL;
  if (care == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}", "title", "系统", "care", care, "storage", storage_state(house), "sandbox", format_sandbox_state(),
    "version", LANTAI_VERSION, "directory", house->dir);
  const char *backups = settings_text(house->settings, "backup.directory");
  g_autofree char *beside = g_path_get_dirname(house->dir);
  json_object_set_new(model, "backup_directory", json_string(*backups ? backups : beside));
  json_t *jobs = web_may(request, "job.read") ? dressed_jobs(request, sql, 0, 10, NULL) : NULL;
  json_object_set_new(model, "jobs", jobs ? jobs : json_array());
  json_object_set_new(model, "may_run", json_boolean(web_may(request, "system.care")));
  return web_model(model);
}

static WebReply *start_care(WebRequest *request, GError **error) {
  const char *kind = web_text(request, "kind");
  gboolean known = FALSE;
  for (const JobKind *each = CARE_JOBS; each->kind; each++) known |= g_str_equal(each->kind, kind);
  if (!known) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这种任务", kind);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !job_queue(sql, kind, "system", 0, NULL, web_actor(request), error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/system");
  web_flash(reply, "任务已开始，进度见下方“后台任务”");
  return reply;
}

static const WebParameter CARE_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 20, "任务"}, {NULL}};

const WebRoute APP_ROUTES[] = {
  {"GET", "/", "public", NULL, "app/home", home, "首页"},
  {"GET", "/jobs", "job.read", JOBS_PARAMETERS, "app/jobs", jobs_page, "后台任务"},
  {"GET", "/system", "system.read", NULL, "app/system", system_page, "系统"},
  {"POST", "/system/{kind}", "system.care", CARE_PARAMETERS, NULL, start_care, NULL},
  {NULL},
};
