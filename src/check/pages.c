/*
 * The report of a run, its paper and its table of findings, sign-off, and the schemes.
 *
 * 1. Who may see a run is said by the room that owns its subject (check_set_visible); for all others there is none.
 * 2. A finding about a record of the catalogue is told only to those who may see that record; others learn that there is one.
 */
#include "internal.h"
#include "print.h"
#include "settings.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 5, PAGE = 100, ON_PAPER = 1000 };

static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter REPORT_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"item", WEB_TEXT, FALSE, 40, "检测项"}, {"after", WEB_INT, FALSE, 0, "起点"}, {NULL},
};
static const WebParameter SIGN_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "编号"}, {"items", WEB_LIST, FALSE, 200, "检测项"}, {"verdict", WEB_TEXT, TRUE, 10, "结论"}, {"note", WEB_LINES, FALSE, 1000, "检测情况"},
  {NULL},
};

const WebRoute CHECK_ROUTES[] = {
  {"GET", "/check/{id}", "user", REPORT_PARAMETERS, "check/report", page_check, "四性检测"},
  {"GET", "/check/{id}/report.pdf", "user", ID_PARAMETERS, NULL, page_check_pdf, NULL},
  {"GET", "/check/{id}/findings.xlsx", "user", ID_PARAMETERS, NULL, page_check_findings, NULL},
  {"POST", "/check/{id}/sign", "check.sign", SIGN_PARAMETERS, "check/report", page_check_sign, "四性检测"},
  {"GET", "/checks/scheme", "user", NULL, "check/scheme", page_scheme, "四性检测方案"},
  {NULL},
};

static json_t *load_report(WebRequest *request, Sql *sql, guint limit, GError **error) {
  g_autoptr(GError) problem = NULL;
  gint64 id = web_int(request, "id", 0);
  json_auto_t *report = check_report(sql, id, limit, &problem);
  const char *prefix = NULL;
  CheckVisible visible = report ? visible_of(json_string_value(json_object_get(report, "subject_kind")), &prefix) : NULL;
  gint64 subject = json_integer_value(json_object_get(report, "subject_id"));
  if (report == NULL && !g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
  }
  if (visible == NULL || !visible(request, sql, subject)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这份检测报告");
  json_object_set_new(report, "subject_href", json_sprintf("%s%" G_GINT64_FORMAT, prefix, subject));
  return g_steal_pointer(&report);
}

/* Invariant 2. */
static gboolean hide_unseen(WebRequest *request, Sql *sql, json_t *findings, GError **error) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_t *finding;
  size_t i;
  json_array_foreach(findings, i, finding) {
    gint64 id = json_integer_value(json_object_get(finding, "record_id"));
    if (id) g_array_append_val(ids, id);
  }
  if (ids->len == 0) return TRUE;
  g_autoptr(GPtrArray) records = catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)ids->data, ids->len, error);
  if (records == NULL) return FALSE;
  g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint k = 0; k < records->len; k++) g_hash_table_add(seen, &((CatalogRecord *)records->pdata[k])->id);
  json_array_foreach(findings, i, finding) {
    gint64 id = json_integer_value(json_object_get(finding, "record_id"));
    if (id == 0 || g_hash_table_contains(seen, &id)) continue;
    static const char *const telling[] = {"code", "path"};
    for (guint k = 0; k < G_N_ELEMENTS(telling); k++) json_object_set_new(finding, telling[k], json_string(""));
    json_object_set_new(finding, "record_id", json_integer(0));
    json_object_set_new(finding, "reason", json_string("（无权查看的条目）"));
  }
  return TRUE;
}

static gboolean hide_in_report(WebRequest *request, Sql *sql, json_t *report, GError **error) {
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (!hide_unseen(request, sql, json_object_get(item, "findings"), error)) return FALSE;
  return TRUE;
}

/* ---- the page ---- */

static int weight_of(json_t *item) {
  static const char *const order[] = {"failed", "warned", "awaiting", "not_performed", "passed", "not_applicable"};
  const char *state = json_string_value(json_object_get(item, "state"));
  int weight = 0;
  while (weight < (int)G_N_ELEMENTS(order) && !g_str_equal(order[weight], state)) weight++;
  return weight;
}

/* Failing items first, else as the scheme has them. */
static json_t *items_of(json_t *items, const char *property) {
  json_t *sorted = json_array(), *item;
  size_t i;
  for (int weight = 0; weight < 6; weight++)
    json_array_foreach(items, i, item)
      if (weight_of(item) == weight && g_str_equal(json_string_value(json_object_get(item, "property")), property)) json_array_append(sorted, item);
  return sorted;
}

/* What needs nobody's look any more: passed, or nothing to check. */
static json_t *part_of(json_t *items, gboolean quiet) {
  json_t *part = json_array(), *item;
  size_t i;
  json_array_foreach(items, i, item)
    if ((weight_of(item) >= 4) == quiet) json_array_append(part, item);
  return part;
}

static json_t *group(json_t *items) {
  json_t *properties = json_array();
  for (guint p = 0; PROPERTIES[p]; p++) {
    json_t *mine = items_of(items, PROPERTIES[p]);
    int count[6] = {0};
    for (size_t i = 0; i < json_array_size(mine); i++) count[weight_of(json_array_get(mine, i))]++;
    if (json_array_size(mine))
      json_array_append_new(properties, json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i}", "property", PROPERTIES[p], "items", part_of(mine, FALSE),
        "quiet", part_of(mine, TRUE), "failed", count[0], "warned",
        count[1], "awaiting", count[2], "not_performed", count[3], "passed", count[4], "not_applicable", count[5]));
    json_decref(mine);
  }
  return properties;
}

/* What was signed in an earlier check stands beside the items that wait now. */
static gboolean add_earlier(WebRequest *request, Sql *sql, json_t *report, GError **error) {
  json_t *earlier = result_earlier(sql, json_integer_value(json_object_get(report, "id")), error), *item, *word;
  size_t i, k;
  if (earlier == NULL) return FALSE;
  json_array_foreach(json_object_get(earlier, "items"), k, word)
    json_array_foreach(json_object_get(report, "items"), i, item)
      if (json_equal(json_object_get(item, "code"), json_object_get(word, "code"))) json_object_set(item, "earlier", word);
  json_object_set_new(earlier, "may_take", json_boolean(web_may(request, "check.sign") && json_integer_value(json_object_get(earlier, "same"))));
  json_object_del(earlier, "items");
  if (json_integer_value(json_object_get(earlier, "signed"))) json_object_set(report, "earlier_check", earlier);
  json_decref(earlier);
  return TRUE;
}

static void mark_items(WebRequest *request, json_t *report, gboolean signing) {
  json_t *item;
  size_t i;
  gsize count = 0;
  gboolean any = FALSE, may = web_may(request, "check.sign");
  const char *const *chosen = signing ? web_list(request, "items", &count) : NULL;
  json_array_foreach(json_object_get(report, "items"), i, item) {
    const char *code = json_string_value(json_object_get(item, "code"));
    gint64 all = json_integer_value(json_object_get(item, "failed")) + json_integer_value(json_object_get(item, "pending"));
    gboolean signable = may && json_is_true(json_object_get(item, "signable")), checked = FALSE;
    for (gsize k = 0; k < count; k++) checked |= g_str_equal(chosen[k], code);
    json_object_set_new(item, "may_sign", json_boolean(signable));
    json_object_set_new(item, "chosen", json_boolean(checked));
    json_object_set_new(item, "more", json_integer(all > FIRST ? all : 0));
    any |= signable;
  }
  json_object_set_new(report, "may_sign", json_boolean(any));
}

static gboolean add_list(WebRequest *request, Sql *sql, json_t *report, const char *code, GError **error) {
  json_t *item, *found = NULL;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (g_str_equal(json_string_value(json_object_get(item, "code")), code)) found = item;
  if (found == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "报告中没有检测项 %s", code);
  json_t *findings = result_findings(sql, json_integer_value(json_object_get(report, "id")), code, web_int(request, "after", 0), PAGE, error);
  if (findings == NULL) return FALSE;
  json_t *list = json_copy(found);
  json_object_set_new(list, "findings", findings);
  json_object_set_new(report, "list", list);
  if (json_array_size(findings) == PAGE)
    json_object_set(list, "next", json_object_get(json_array_get(findings, PAGE - 1), "sequence"));
  return hide_unseen(request, sql, findings, error);
}

WebReply *page_check(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *report = sql ? load_report(request, sql, FIRST, error) : NULL;
  const char *item = web_text(request, "item");
  if (report == NULL || !hide_in_report(request, sql, report, error)) return NULL;
  if (item && !add_list(request, sql, report, item, error)) return NULL;
  if (!add_earlier(request, sql, report, error)) return NULL;
  mark_items(request, report, FALSE);
  json_object_set_new(report, "properties", group(json_object_get(report, "items")));
  return web_model(g_steal_pointer(&report));
}

WebReply *page_check_pdf(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *report = sql ? load_report(request, sql, ON_PAPER, error) : NULL;
  if (report == NULL || !hide_in_report(request, sql, report, error)) return NULL;
  json_auto_t *document = result_document(report);
  GBytes *pdf = print_pdf(document, error);
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}

/* ---- all findings ---- */

static gboolean write_item(WebRequest *request, Sql *sql, TableWriter *writer, json_t *item, GError **error) {
  const char *code = json_string_value(json_object_get(item, "code")), *name = json_string_value(json_object_get(item, "name"));
  gint64 after = 0;
  for (size_t got = PAGE * 10; got == PAGE * 10;) {
    json_auto_t *findings = result_findings(sql, web_int(request, "id", 0), code, after, PAGE * 10, error);
    if (findings == NULL || !hide_unseen(request, sql, findings, error)) return FALSE;
    got = json_array_size(findings);
    for (size_t i = 0; i < got; i++) {
      json_t *finding = json_array_get(findings, i);
      gint64 row = json_integer_value(json_object_get(finding, "row"));
      g_autofree char *number = row ? g_strdup_printf("%" G_GINT64_FORMAT, row) : g_strdup("");
      const char *cells[] = {code, name, json_integer_value(json_object_get(finding, "pending")) ? "待确认" : "不符", number,
        json_string_value(json_object_get(finding, "code")), json_string_value(json_object_get(finding, "path")),
        json_string_value(json_object_get(finding, "reason")), NULL};
      format_xlsx_row(writer, cells);
      after = json_integer_value(json_object_get(finding, "sequence"));
    }
  }
  return TRUE;
}

static gboolean write_findings(WebRequest *request, Sql *sql, json_t *report, const char *path, GError **error) {
  static const char *const header[] = {"检测项", "名称", "性质", "行号", "档号", "文件", "原因", NULL};
  TableWriter *writer = format_xlsx_new(path, "明细", header, error);
  json_t *item;
  size_t i;
  gboolean good = writer != NULL;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (good && json_integer_value(json_object_get(item, "failed")) + json_integer_value(json_object_get(item, "pending")) > 0)
      good = write_item(request, sql, writer, item, error);
  return writer && format_xlsx_close(writer, good ? error : NULL) && good;
}

WebReply *page_check_findings(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *report = sql ? load_report(request, sql, 0, error) : NULL;
  if (report == NULL) return NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("lantai-XXXXXX.xlsx", &path, error);
  if (fd < 0) return NULL;
  gboolean good = write_findings(request, sql, report, path, error);
  close(fd);
  fd = good ? g_open(path, O_RDONLY | O_CLOEXEC, 0) : -1; /* the writer may have put another file in its place */
  g_unlink(path);
  if (fd < 0) return good ? throw_null(error, LANTAI_ERROR_UNAVAILABLE, "明细表没有写成，请检查临时目录的空间") : NULL;
  g_autofree char *name = g_strdup_printf("四性检测明细-%" G_GINT64_FORMAT ".xlsx", web_int(request, "id", 0));
  return web_fd(fd, lseek(fd, 0, SEEK_END), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", name, FALSE, NULL);
}

/* ---- sign-off ---- */

static WebReply *refuse(WebRequest *request, const GError *problem, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *report = sql ? load_report(request, sql, FIRST, error) : NULL;
  if (report == NULL || !hide_in_report(request, sql, report, error)) return NULL;
  if (!add_earlier(request, sql, report, error)) return NULL;
  mark_items(request, report, TRUE);
  json_object_set_new(report, "properties", group(json_object_get(report, "items")));
  json_object_set_new(report, "problem", json_string(problem->message));
  json_object_set_new(report, "note", json_string(web_text(request, "note") ? web_text(request, "note") : ""));
  return web_model_status(g_steal_pointer(&report), error_http_status(problem));
}

WebReply *page_check_sign(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *verdict = web_text(request, "verdict");
  g_autoptr(GError) problem = NULL;
  gint64 id = web_int(request, "id", 0);
  gsize count;
  const char *const *items = web_list(request, "items", &count);
  gboolean good = g_str_equal(verdict, "passed");
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    json_auto_t *report = sql ? load_report(request, sql, 0, error) : NULL;
    if (report == NULL) return NULL;
  }
  gboolean taking = g_str_equal(verdict, "earlier");
  if (!good && !taking && !g_str_equal(verdict, "failed")) throw(&problem, LANTAI_ERROR_INVALID, "结论只能是通过、不通过，或沿用上一次的签署");
  g_autoptr(Sql) sql = problem ? NULL : sql_write(house->db, error);
  if (problem == NULL && sql == NULL) return NULL;
  if (sql && (taking ? result_take_over(house, sql, web_actor(request), id, &problem) :
      result_sign(house, sql, web_actor(request), id, items, count, good, web_text(request, "note"), &problem))) {
    if (!sql_commit(sql, error)) return NULL;
    WebReply *reply = web_redirect("/check/%" G_GINT64_FORMAT, id);
    web_flash(reply, "已签署");
    return reply;
  }
  sql_end(g_steal_pointer(&sql));
  return refuse(request, problem, error);
}

/* ---- schemes ---- */

WebReply *page_scheme(WebRequest *request, GError **error) {
  json_t *stages = json_array();
  for (CheckStage stage = CHECK_FILING; stage <= CHECK_PRESERVATION; stage++) {
    const Scheme *scheme = scheme_of(stage);
    json_t *items = json_array();
    for (guint i = 0; scheme && i < scheme->count; i++) {
      json_t *item = json_copy(scheme->items[i].source);
      g_autofree char *with = scheme->items[i].with ? json_dumps(scheme->items[i].with, JSON_COMPACT) : g_strdup("");
      json_object_set_new(item, "parameters", json_string(with));
      json_object_set_new(item, "warning", json_boolean(scheme->items[i].warning));
      json_object_set_new(item, "person", json_boolean(scheme->items[i].person));
      json_array_append_new(items, item);
    }
    json_array_append_new(stages, json_pack("{s:s, s:s, s:s, s:o}", "stage", STAGES[stage].code, "label", STAGES[stage].label, "title",
      scheme && scheme->title ? scheme->title : "", "items", items));
  }
  return web_model(json_pack("{s:o}", "stages", stages));
}
