/*
 * The pages of exports: what is to be taken and in which format, the list of one's own exports, their files.
 *
 * 1. What is chosen travels in the address (a record, a node, a delivery, or a search's words and filters) and is only a wish: the job's scope decides.
 * 2. An export is seen, fetched, stopped and removed by its maker only; another's looks like none.
 */
#include "internal.h"
#include "error.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ROWS_SHOWN = 50 };

/* ---- choosing ---- */

static void take_filters(WebRequest *request, json_t *filters) {
  static const char *const lists[] = {"fonds", "category", "year", "retention", "opening", "level"}, *const numbers[] = {"from", "to", "delivery", "parent", "topic"};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    gsize count;
    const gint64 *values = web_ints(request, lists[i], &count);
    json_t *list = count > 0 ? json_array() : NULL;
    for (gsize v = 0; v < count; v++) json_array_append_new(list, json_integer(values[v]));
    if (list) json_object_set_new(filters, lists[i], list);
  }
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (web_int(request, numbers[i], 0)) json_object_set_new(filters, numbers[i], json_integer(web_int(request, numbers[i], 0)));
  if (web_flag(request, "files")) json_object_set_new(filters, "files", json_true());
}

/* NULL: nothing is chosen. A record that has others below it is taken with them. */
json_t *exchange_chosen(WebRequest *request, Sql *sql) {
  gint64 id = web_int(request, "record", web_int(request, "node", 0));
  if (id != 0) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), id, NULL);
    return json_pack("{s:I}", web_int(request, "node", 0) || (record && record->level < LEVEL_ITEM) ? "node" : "record", (json_int_t)id);
  }
  json_t *filters = json_object();
  take_filters(request, filters);
  const char *query = web_text(request, "q");
  gboolean only_delivery = query == NULL && json_object_size(filters) == 1 && json_object_get(filters, "delivery");
  json_t *selection = only_delivery ? json_pack("{s:O}", "delivery", json_object_get(filters, "delivery"))
    : query || json_object_size(filters) > 0 ? json_pack("{s:s, s:O}", "query", query ? query : "", "filters", filters) : NULL;
  if (selection && !only_delivery && web_text(request, "sort")) json_object_set_new(selection, "order", json_string(web_text(request, "sort")));
  json_decref(filters);
  return selection;
}

static json_t *formats_model(const char *selected) {
  json_t *formats = json_array();
  for (guint i = 0; EXPORT_FORMATS[i]; i++) {
    const ExportFormat *format = EXPORT_FORMATS[i];
    json_array_append_new(formats, json_pack("{s:s, s:s, s:s, s:b}", "name", format->name, "label", format->label, "hint", format->hint, "checked",
      selected ? g_str_equal(selected, format->name) : i == 0));
  }
  return formats;
}

static json_t *form_model(WebRequest *request, json_t *selection, GError **error) {
  json_t *model = json_pack("{s:o, s:s, s:i}", "formats", formats_model(web_text(request, "format")), "title", "导出", "days", EXPORT_KEPT_DAYS);
  export_purpose_model(model);
  if (selection == NULL) return model;
  g_autoptr(Selection) named = selection_new(web_house(request), web_scope(request), selection, error);
  if (named == NULL) return json_decref(model), NULL;
  g_autofree char *name = selection_name(named), *text = json_dumps(selection, JSON_COMPACT | JSON_SORT_KEYS);
  json_object_set_new(model, "chosen", json_pack("{s:s, s:s, s:b}", "name", name, "selection", text, "filtered",
    json_object_size(json_object_get(selection, "filters")) > 0));
  return model;
}

static WebReply *export_form(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  json_auto_t *selection = exchange_chosen(request, sql);
  json_t *model = form_model(request, selection, error);
  return model ? web_model(model) : NULL;
}

static WebReply *start_export(WebRequest *request, GError **error) {
  json_auto_t *selection = json_loads(web_text(request, "selection") ? web_text(request, "selection") : "", 0, NULL);
  if (!json_is_object(selection)) return throw_null(error, LANTAI_ERROR_INVALID, "没有说明导出什么。请在检索结果、目录、档案或批次的页面上按“导出”");
  json_object_del(selection, "encoding");
  ExportPurpose given = {web_text(request, "purpose"), web_text(request, "user"), web_text(request, "body"), web_text(request, "way"), web_text(request, "aim"),
    web_text(request, "note")};
  json_t *purpose = export_purpose_take(&given, error);
  if (purpose == NULL) return NULL;
  json_object_set_new(selection, "for", purpose);
  if (web_flag(request, "gb18030")) json_object_set_new(selection, "encoding", json_string("GB18030"));
  if (export_queue(web_house(request), web_actor(request), web_scope(request), selection, web_text(request, "format"), error) == 0) return NULL;
  WebReply *reply = web_redirect("/exports");
  web_flash(reply, "导出已开始，完成后可在本页下载");
  return reply;
}

/* ---- the list ---- */

static json_t *row_model(Sql *sql, json_t *row, GError **error) {
  json_t *job = job_latest(sql, "export", json_integer_value(json_object_get(row, "id")), error);
  const ExportFormat *format = export_format(json_string_value(json_object_get(row, "format")));
  const char *state = job ? json_string_value(json_object_get(job, "state")) : "failed";
  gboolean ready = json_integer_value(json_object_get(row, "finished_us")) > 0, waiting = !ready && (g_str_equal(state, "queued") || g_str_equal(state, "running"));
  static const char *const tones[][3] = {{"queued", "info", "排队"}, {"running", "info", "进行中"}, {"failed", "bad", "没有完成"}, {"cancelled", "muted", "已停止"},
    {"done", "muted", "没有文件"}};
  json_t *model = json_copy(row);
  json_auto_t *selection = json_loads(json_string_value(json_object_get(row, "selection")), 0, NULL);
  json_t *purpose = json_object_get(selection, "for");
  if (purpose) json_object_set(model, "purpose", json_object_get(purpose, "purpose"));
  json_object_set_new(model, "told", json_boolean(ready && export_purpose_is_told(purpose)));
  json_object_del(model, "scope");
  json_object_del(model, "selection");
  json_object_set_new(model, "format_label", json_string(format ? format->label : ""));
  json_object_set_new(model, "ready", json_boolean(ready));
  json_object_set_new(model, "waiting", json_boolean(waiting));
  for (guint i = 0; i < G_N_ELEMENTS(tones); i++) {
    if (!g_str_equal(tones[i][0], state)) continue;
    json_object_set_new(model, "tone", json_string(ready ? "ok" : tones[i][1]));
    json_object_set_new(model, "state_label", json_string(ready ? "可下载" : tones[i][2]));
  }
  json_object_set_new(model, "job", job ? job : json_null());
  return model;
}

static WebReply *list_exports(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *rows = sql ? export_rows(sql, web_actor(request), web_int(request, "before", 0), error) : NULL;
  if (rows == NULL) return NULL;
  json_t *list = json_array(), *row;
  gboolean waiting = FALSE;
  size_t i;
  json_array_foreach(rows, i, row) {
    if (i == ROWS_SHOWN) break;
    json_t *model = row_model(sql, row, error);
    waiting = waiting || json_is_true(json_object_get(model, "waiting"));
    json_array_append_new(list, model);
  }
  json_t *model = json_pack("{s:o, s:b, s:i}", "exports", list, "waiting", waiting, "days", EXPORT_KEPT_DAYS);
  if (json_array_size(rows) > ROWS_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, ROWS_SHOWN - 1), "id"));
  return web_model(model);
}

/* ---- one of them ---- */

static json_t *own_row(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  return sql ? export_row(sql, web_int(request, "id", 0), web_actor(request), error) : NULL;
}

static WebReply *fetch_export(WebRequest *request, GError **error) {
  json_auto_t *row = own_row(request, error);
  if (row == NULL) return NULL;
  const char *name = json_string_value(json_object_get(row, "file_name"));
  if (*name == '\0') return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这次导出还没有完成，或没有成功。请看“我的导出”");
  g_autofree char *folder = export_folder(web_house(request), web_int(request, "id", 0)), *path = g_build_filename(folder, name, NULL);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "导出的文件已不在。请重新导出");
  static const char *const mimes[][2] = {{".zip", "application/zip"}, {".csv", "text/csv; charset=utf-8"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}};
  const char *mime = "application/octet-stream";
  for (guint i = 0; i < G_N_ELEMENTS(mimes); i++)
    if (g_str_has_suffix(name, mimes[i][0])) mime = mimes[i][1];
  g_autofree char *etag = g_strdup_printf("export-%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "id")),
    json_integer_value(json_object_get(row, "finished_us")));
  return web_fd(fd, info.st_size, mime, name, FALSE, etag);
}

static gboolean stop_job(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  json_auto_t *job = job_latest(sql, "export", id, NULL);
  g_clear_pointer(&sql, sql_end);
  const char *state = job ? json_string_value(json_object_get(job, "state")) : "";
  if (!g_str_equal(state, "queued") && !g_str_equal(state, "running")) return TRUE;
  return job_cancel(house->db, json_integer_value(json_object_get(job, "id")), error);
}

static WebReply *stop_export(WebRequest *request, GError **error) {
  json_auto_t *row = own_row(request, error);
  if (row == NULL || !stop_job(web_house(request), web_int(request, "id", 0), error)) return NULL;
  return web_redirect("/exports");
}

static WebReply *remove_export(WebRequest *request, GError **error) {
  json_auto_t *row = own_row(request, error);
  if (row == NULL) return NULL;
  if (json_integer_value(json_object_get(row, "finished_us")) == 0 && !stop_job(web_house(request), web_int(request, "id", 0), error)) return NULL;
  if (web_flag(request, "unused") && !export_tell_unused(web_house(request), web_actor(request), web_int(request, "id", 0), error)) return NULL;
  if (!export_forget(web_house(request), web_int(request, "id", 0), error)) return NULL;
  WebReply *reply = web_redirect("/exports");
  web_flash(reply, "已删除");
  return reply;
}

/* ---- the table ---- */

static const WebParameter FORM_PARAMETERS[] = {SELECTION_PARAMETERS, {"format", WEB_TEXT, FALSE, 20, "格式"}, {NULL}};
static const WebParameter START_PARAMETERS[] = {{"selection", WEB_TEXT, TRUE, 20000, "导出内容"}, {"format", WEB_TEXT, TRUE, 20, "格式"},
  {"gb18030", WEB_FLAG, FALSE, 0, "编码"}, {"purpose", WEB_TEXT, TRUE, 20, "用途"}, {"user", WEB_TEXT, FALSE, 200, "利用者"}, {"body", WEB_TEXT, FALSE, 200, "利用者单位"},
  {"way", WEB_TEXT, FALSE, 20, "方式"}, {"aim", WEB_TEXT, FALSE, 20, "目的"}, {"note", WEB_TEXT, FALSE, 200, "说明"}, {NULL}};
static const WebParameter LIST_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起始号"}, {NULL}};
static const WebParameter DELETE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "导出"}, {"unused", WEB_FLAG, FALSE, 0, "没有交出"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "导出"}, {NULL}};

const WebRoute EXCHANGE_ROUTES[] = {
  {"GET", "/export", "record.export", FORM_PARAMETERS, "exchange/export", export_form, "导出"},
  {"POST", "/export", "record.export", START_PARAMETERS, NULL, start_export, NULL},
  {"GET", "/exports", "record.export", LIST_PARAMETERS, "exchange/exports", list_exports, "我的导出"},
  {"GET", "/export/{id}/file", "record.export", ID_PARAMETERS, NULL, fetch_export, NULL},
  {"POST", "/export/{id}/stop", "record.export", ID_PARAMETERS, NULL, stop_export, NULL},
  {"POST", "/export/{id}/delete", "record.export", DELETE_PARAMETERS, NULL, remove_export, NULL},
  {NULL},
};
