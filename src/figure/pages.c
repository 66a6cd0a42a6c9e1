/*
 * Pages of figures: the list with this year's and last year's numbers, one figure with its rows, its years and how it is computed, its definition.
 *
 * 1. Rows are loaded as the asker may see them; how many were left out is told, and nothing else of them.
 * 2. A definition is tried out (number, words, faults) before it is put in force.
 */
#include "pages.h"
#include "date.h"
#include "error.h"
#include "measure.h"
#include "format.h"
#include "settings.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { FIGURES_SHOWN = 40, FOUND_SHOWN = 20, YAML_MAX = 20000, EXPORT_MOST = 100000 };

int page_this_year(void) { return date_today() / 10000; }

static gboolean read_day(const char *text, gboolean last, int *ret, GError **error) {
  DateSpan span = {0, 0};
  if (!date_parse(text, &span) || span.from == 0) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是日期，请写成 2023-01-01", text);
  *ret = last ? span.to : span.from;
  return TRUE;
}

gboolean page_period(WebRequest *request, FigurePeriod given, FigurePeriod *ret, GError **error) {
  const char *from = web_text(request, "from"), *to = web_text(request, "to"), *unit = web_text(request, "unit");
  int year = (int)web_int(request, "year", 0);
  FigurePeriod period = given;
  if (year != 0 && (year < 1900 || year > 2999)) return throw(error, LANTAI_ERROR_INVALID, "年度应为四位数字");
  if (year != 0) period = (FigurePeriod){year * 10000 + 101, year * 10000 + 1231, given.unit};
  if (from && !read_day(from, FALSE, &period.from, error)) return FALSE;
  if (to && !read_day(to, TRUE, &period.to, error)) return FALSE;
  if (period.from > period.to) return throw(error, LANTAI_ERROR_INVALID, "期间的开始在结束之后");
  if (unit) period.unit = unit;
  *ret = period;
  return TRUE;
}

char *page_period_words(const FigurePeriod *period) {
  int year = period->from / 10000;
  if (period->from == year * 10000 + 101 && period->to == year * 10000 + 1231) return g_strdup_printf("%d年", year);
  g_autofree char *from = date_format((DateSpan){period->from, period->from}), *to = date_format((DateSpan){period->to, period->to});
  return g_strdup_printf("%s 至 %s", from, to);
}

/* ---- rows ---- */

json_t *page_entry_row(json_t *entry) {
  g_autofree char *date = date_format((DateSpan){(gint32)int_at(entry, "from"), (gint32)int_at(entry, "to")});
  return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I}", "id", (json_int_t)int_at(entry, "id"), "number", text_at(entry, "number"), "entry_title",
    text_at(entry, "title"), "date", date, "ledger", text_at(entry, "ledger"), "state", text_at(entry, "state"), "rev", (json_int_t)int_at(entry, "rev"));
}

void page_put_hidden(guint count, json_t *model) {
  json_object_set_new(model, "rows", json_array());
  if (count > 0) json_object_set_new(model, "hidden", json_integer(count));
}

gboolean page_put_entries(WebRequest *request, Sql *sql, GArray *ids, json_t *model, GError **error) {
  const char *given = web_text(request, "after"); /* a page of another room has it as text */
  gint64 after = web_int(request, "after", given ? g_ascii_strtoll(given, NULL, 10) : 0), hidden = 0, last = 0;
  json_t *rows = json_array();
  guint at = 0;
  for (guint i = 0; after != 0 && i < ids->len; i++)
    if (g_array_index(ids, gint64, i) == after) at = i + 1;
  for (; at < ids->len && json_array_size(rows) < ROWS_SHOWN; at++) {
    g_autoptr(GError) local = NULL;
    last = g_array_index(ids, gint64, at);
    json_auto_t *entry = ledger_entry_load(sql, ledger_asker(request), last, &local);
    if (entry != NULL) json_array_append_new(rows, page_entry_row(entry));
    else if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND) || g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_DENIED)) hidden++;
    else return json_decref(rows), g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  }
  json_object_set_new(model, "rows", rows);
  if (hidden > 0) json_object_set_new(model, "hidden", json_integer(hidden));
  if (at < ids->len) {
    g_autofree char *next = g_strdup_printf("%" G_GINT64_FORMAT, last), *query = web_query_with(request, "after", next);
    json_object_set_new(model, "next", json_string(query));
  }
  return TRUE;
}

/* ---- /figures ---- */

static const char *group_of(json_t *figure) {
  const LedgerDefinition *ledger = ledger_find(text_at(figure, "ledger"));
  return ledger ? ledger->group : json_object_get(figure, "records") || json_object_get(figure, "events") ? "馆藏与业务" : "由指标算出";
}

static int compare_groups(gconstpointer a, gconstpointer b) {
  json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
  int order = strcmp(group_of(one), group_of(other));
  return order != 0 ? order : int_at(one, "id") < int_at(other, "id") ? -1 : 1;
}

static gboolean is_sought(json_t *figure, const char *words) {
  return words == NULL || strstr(text_at(figure, "name"), words) || strstr(text_at(figure, "about"), words) || strstr(text_at(figure, "ledger"), words);
}

/* Definitions that are sought, in order, with how many each group has. */
static GPtrArray *sought_figures(WebRequest *request, json_t *groups) {
  const char *words = web_text(request, "q"), *group = web_text(request, "group");
  GPtrArray *found = g_ptr_array_new();
  json_auto_t *names = figure_names(), *counts = json_object();
  json_t *name, *count;
  const char *key;
  size_t i;
  json_array_foreach(names, i, name) {
    json_t *figure = figure_definition(json_string_value(name));
    if (figure == NULL || !is_sought(figure, words)) continue;
    const char *own = group_of(figure);
    json_object_set_new(counts, own, json_integer(int_at(counts, own) + 1));
    if (group == NULL || g_str_equal(group, own)) g_ptr_array_add(found, figure);
  }
  g_ptr_array_sort(found, compare_groups);
  json_object_foreach(counts, key, count) {
    g_autofree char *query = web_query_with(request, "group", group && g_str_equal(group, key) ? NULL : key);
    json_array_append_new(groups, json_pack("{s:s, s:O, s:s, s:b}", "name", key, "count", count, "query", query, "on", group && g_str_equal(group, key)));
  }
  return found;
}

static char *change_words(json_t *result) {
  json_t *last = json_object_get(json_object_get(result, "last"), "value");
  double now = json_number_value(json_object_get(result, "value")), before = json_number_value(last);
  if (!json_is_number(last) || fabs(before) < 1e-9) return g_strdup("");
  if (fabs(now - before) < 1e-9) return g_strdup("持平");
  return g_strdup_printf("%s%.0f%%", now > before ? "+" : "−", fabs(now - before) / fabs(before) * 100);
}

static json_t *figure_row(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period) {
  g_autoptr(GError) local = NULL;
  json_auto_t *result = figure_ready(web_house(request), sql, ledger_asker(request), text_at(figure, "name"), period, &local);
  json_t *row = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)int_at(figure, "id"), "name", text_at(figure, "name"), "about", text_at(figure, "about"),
    "in_group", group_of(figure));
  if (result == NULL) {
    json_object_set_new(row, "failed", json_string(local->message));
    return row;
  }
  g_autofree char *change = change_words(result);
  json_object_set(row, "shown", json_object_get(result, "text"));
  json_object_set_new(row, "before", json_string(text_at(json_object_get(result, "last"), "text")));
  json_object_set_new(row, "change", json_string(change));
  json_object_set(row, "entries", json_object_get(result, "entries"));
  json_object_set(row, "partial", json_object_get(result, "partial"));
  gboolean of_entries = json_object_get(result, "opens") == NULL && json_object_get(figure, "events") == NULL;
  json_object_set_new(row, "no_rows", json_boolean(of_entries && int_at(result, "entries") == 0 && !json_is_true(json_object_get(result, "restricted"))));
  return row;
}

static WebReply *page_figures(WebRequest *request, GError **error) {
  FigurePeriod period;
  if (!page_period(request, figure_year(page_this_year()), &period, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  json_auto_t *groups = json_array(), *rows = json_array(), *bare = json_array();
  g_autoptr(GPtrArray) found = sought_figures(request, groups);
  gint64 after = web_int(request, "after", 0);
  guint at = 0;
  for (guint i = 0; after != 0 && i < found->len; i++)
    if (int_at(g_ptr_array_index(found, i), "id") == after) at = i + 1;
  for (; at < found->len && json_array_size(rows) < FIGURES_SHOWN; at++) {
    json_t *row = figure_row(request, sql, g_ptr_array_index(found, at), period);
    json_array_append_new(json_is_true(json_object_get(row, "no_rows")) ? bare : rows, row);
  }
  g_autofree char *words = page_period_words(&period);
  json_t *model = json_pack("{s:s, s:O, s:O, s:s, s:i, s:s, s:i, s:b}", "title", "指标", "groups", groups, "rows", rows, "period", words, "year", period.to / 10000,
    "sought", web_text(request, "q") ? web_text(request, "q") : "", "count", (int)found->len, "may_edit", web_may(request, PERMISSION_EDIT_FIGURES));
  if (period.unit) json_object_set_new(model, "unit", json_string(period.unit));
  if (json_array_size(bare)) json_object_set_new(model, "bare", json_pack("{s:i, s:O}", "size", (int)json_array_size(bare), "figures", bare));
  if (at < found->len) {
    g_autofree char *last = g_strdup_printf("%d", (int)int_at(g_ptr_array_index(found, at - 1), "id")), *query = web_query_with(request, "after", last);
    json_object_set_new(model, "next", json_string(query));
  }
  return web_model(model);
}

/* For the editor of reports: names that can be put in. */
static WebReply *find_figures(WebRequest *request, GError **error) {
  json_auto_t *names = figure_names(), *rows = json_array();
  json_t *name;
  size_t i;
  json_array_foreach(names, i, name) {
    json_t *figure = figure_definition(json_string_value(name));
    if (figure && is_sought(figure, web_text(request, "q")) && json_array_size(rows) < FOUND_SHOWN)
      json_array_append_new(rows, json_pack("{s:O, s:s, s:s}", "name", name, "about", text_at(figure, "about"), "unit", text_at(figure, "unit")));
  }
  return web_model(json_pack("{s:O}", "rows", rows));
}

/* ---- /figure/{id} ---- */

json_t *page_find_figure(WebRequest *request, GError **error) {
  const char *name = figure_name_of(web_int(request, "id", 0));
  json_t *figure = name ? figure_definition(name) : NULL;
  return figure ? figure : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个指标");
}

/* The address in another order, from the first page. New. */
static char *sort_query(WebRequest *request, const char *sort) {
  g_autofree char *query = web_query_with(request, "sort", sort);
  g_auto(GStrv) parts = g_strsplit(query, "&", -1);
  GString *out = g_string_new(NULL);
  for (char **part = parts; *part; part++)
    if (!g_str_has_prefix(*part, "after=")) g_string_append_printf(out, "%s%s", out->len ? "&" : "", *part);
  return g_string_free(out, FALSE);
}

/* The column of what each row brings, its head (a click turns the order) and its sum at the foot. */
static void put_measures(WebRequest *request, const FigureMeasure *measure, json_t *result, json_t *model) {
  const char *sort = web_text(request, "sort");
  gboolean down = g_strcmp0(sort, "-measure") == 0, up = g_strcmp0(sort, "measure") == 0;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_t *row, *rows = json_object_get(model, "rows");
  size_t i;
  json_array_foreach(rows, i, row) {
    gint64 id = int_at(row, "id");
    g_array_append_val(ids, id);
  }
  g_autoptr(GHashTable) texts = figure_measure_texts(measure, ids);
  json_array_foreach(rows, i, row) {
    const char *text = g_hash_table_lookup(texts, GSIZE_TO_POINTER((gsize)int_at(row, "id")));
    json_object_set_new(row, "brings", json_string(text ? text : ""));
    json_object_set_new(row, "measured", json_true());
  }
  g_autofree char *turned = sort_query(request, down ? "measure" : "-measure");
  g_autofree char *total = g_strdup_printf("%.10g", json_number_value(json_object_get(result, "value")));
  json_t *head = json_pack("{s:s, s:s, s:s, s:s}", "label", figure_measure_label(measure), "query", turned, "sorted", down ? "descending" : up ? "ascending" : "none",
    "mark", down ? "↓" : up ? "↑" : "");
  if (figure_measure_adds(measure) && web_text(request, "part") == NULL) json_object_set_new(head, "total", json_string(total));
  json_object_set_new(model, "measure", head);
}

static gboolean sort_known(WebRequest *request, GError **error) {
  static const char *const sorts[] = {"date", "-date", "measure", "-measure", NULL};
  const char *sort = web_text(request, "sort");
  return sort == NULL || g_strv_contains(sorts, sort) || throw(error, LANTAI_ERROR_INVALID, "不认识的次序“%s”", sort);
}

static void turn_round(GArray *ids) {
  for (guint i = 0; i < ids->len / 2; i++) {
    gint64 kept = g_array_index(ids, gint64, i);
    g_array_index(ids, gint64, i) = g_array_index(ids, gint64, ids->len - 1 - i);
    g_array_index(ids, gint64, ids->len - 1 - i) = kept;
  }
}

/* Ids of the entries in the order asked for, and what they bring (NULL: nothing, or not for this asker). */
static GArray *rows_in_order(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period, FigureMeasure **ret_measure, GError **error) {
  const char *sort = web_text(request, "sort"), *name = text_at(figure, "name");
  GError *failure = NULL;
  if (!sort_known(request, error)) return NULL;
  g_autoptr(GArray) ids = figure_entries(web_house(request), sql, ledger_asker(request), name, web_text(request, "part"), period, error);
  if (ids == NULL) return NULL;
  g_autoptr(FigureMeasure) measure = NULL;
  if (figure_is_open(figure, ledger_asker(request))) measure = figure_measure_new(web_house(request), sql, ledger_asker(request), figure, period, &failure);
  if (failure != NULL) return g_propagate_error(error, failure), NULL;
  if (g_strcmp0(sort, "-date") == 0) turn_round(ids);
  else if (measure != NULL && sort != NULL && strstr(sort, "measure")) figure_measure_sort(measure, ids, *sort == '-');
  *ret_measure = g_steal_pointer(&measure);
  return g_steal_pointer(&ids);
}

static gboolean put_rows(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period, json_t *result, json_t *model, GError **error) {
  json_t *opens = json_object_get(result, "opens");
  if (opens) return json_object_set(model, "opens", opens) == 0;
  if (web_text(request, "chart")) return page_chart_rows(request, sql, figure, period, model, error);
  gboolean restricted = json_is_true(json_object_get(result, "restricted")); /* then also which parts there are is not told */
  if (restricted) {
    g_autoptr(GArray) unseen = figure_entries(web_house(request), sql, ledger_asker(request), text_at(figure, "name"), NULL, period, error);
    return unseen != NULL && (page_put_hidden(unseen->len, model), TRUE);
  }
  g_autoptr(FigureMeasure) measure = NULL;
  g_autoptr(GArray) ids = rows_in_order(request, sql, figure, period, &measure, error);
  if (ids == NULL || !page_put_entries(request, sql, ids, model, error)) return FALSE;
  if (measure != NULL) put_measures(request, measure, result, model);
  g_autofree char *query = web_query_with(request, "after", NULL), *days = sort_query(request, g_strcmp0(web_text(request, "sort"), "-date") ? "-date" : "date");
  if (ids->len > 0) json_object_set_new(model, "export_query", json_string(query));
  json_object_set_new(model, "date_query", json_string(days));
  return TRUE;
}

/* ---- the rows as a spreadsheet ---- */

static gboolean write_rows(WebRequest *request, Sql *sql, const GArray *ids, const FigureMeasure *measure, const char *sheet, const char *path, GError **error) {
  const char *const header[] = {"编号", "日期", "标题", "台账", "状态", measure ? figure_measure_label(measure) : NULL, NULL};
  g_autoptr(GHashTable) texts = measure ? figure_measure_texts(measure, ids) : NULL;
  TableWriter *writer = format_xlsx_new(path, sheet, header, error);
  if (writer == NULL) return FALSE;
  for (guint i = 0; i < ids->len; i++) {
    gint64 id = g_array_index(ids, gint64, i);
    json_auto_t *entry = ledger_entry_load(sql, ledger_asker(request), id, NULL), *row = entry ? page_entry_row(entry) : NULL;
    const char *brings = texts ? g_hash_table_lookup(texts, GSIZE_TO_POINTER((gsize)id)) : NULL;
    if (row == NULL) continue; /* gone, or not for this asker: as on the page */
    const char *const cells[] = {text_at(row, "number"), text_at(row, "date"), text_at(row, "entry_title"), text_at(row, "ledger"), text_at(row, "state"),
      measure ? brings ? brings : "" : NULL, NULL};
    format_xlsx_row_numbers(writer, cells);
  }
  return format_xlsx_close(writer, error);
}

static WebReply *export_rows(WebRequest *request, GError **error) {
  FigurePeriod period;
  json_t *figure = page_find_figure(request, error);
  if (figure == NULL || !page_period(request, figure_year(page_this_year()), &period, error)) return NULL;
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *result = sql ? figure_ready(house, sql, ledger_asker(request), text_at(figure, "name"), period, error) : NULL;
  if (result == NULL) return NULL;
  if (json_is_true(json_object_get(result, "restricted"))) return throw_null(error, LANTAI_ERROR_DENIED, "这个指标只公布总数，各行不能导出");
  if (json_object_get(result, "opens")) return throw_null(error, LANTAI_ERROR_INVALID, "这个指标的依据不是台账，请在检索页导出");
  g_autoptr(FigureMeasure) measure = NULL;
  g_autoptr(GArray) ids = rows_in_order(request, sql, figure, period, &measure, error);
  if (ids == NULL) return NULL;
  if (ids->len > EXPORT_MOST) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "有 %u 行，一次最多导出 %d 行，请缩短期间", ids->len, EXPORT_MOST);
  g_autofree char *folder = g_build_filename(house->dir ? house->dir : g_get_tmp_dir(), "tmp", NULL), *path = g_strconcat(folder, "/figure-XXXXXX", NULL),
    *name = g_strconcat(text_at(figure, "name"), ".xlsx", NULL);
  int made = g_mkdir_with_parents(folder, 0700) == 0 ? g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600) : -1;
  if (made < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时文件");
  close(made);
  gboolean written = write_rows(request, sql, ids, measure, text_at(figure, "name"), path, error);
  int fd = written ? g_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
  g_unlink(path);
  if (fd < 0) return written ? throw_null(error, LANTAI_ERROR_INTERNAL, "导出的表格不见了") : NULL;
  gint64 size = lseek(fd, 0, SEEK_END);
  lseek(fd, 0, SEEK_SET);
  return web_fd(fd, size, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", name, FALSE, NULL);
}

char *page_yaml(json_t *figure) {
  json_auto_t *plain = json_copy(figure);
  json_object_del(plain, "id");
  json_object_del(plain, "version");
  return yaml_write(plain, NULL);
}

static json_t *figure_model(WebRequest *request, json_t *figure, const FigurePeriod *period) {
  g_autofree char *words = page_period_words(period), *yaml = page_yaml(figure), *back = web_query_with(request, "after", NULL);
  json_t *model = json_pack("{s:s, s:{s:I, s:s, s:s, s:s, s:s}, s:s, s:i, s:s, s:b}", "title", text_at(figure, "name"), "one", "id",
    (json_int_t)int_at(figure, "id"), "name", text_at(figure, "name"), "about", text_at(figure, "about"), "group", group_of(figure), "ledger",
    text_at(figure, "ledger"), "period", words, "year", period->to / 10000, "yaml", yaml, "may_edit", web_may(request, PERMISSION_EDIT_FIGURES));
  const LedgerDefinition *ledger = ledger_find(text_at(figure, "ledger"));
  if (ledger) json_object_set_new(model, "ledger_id", json_integer(ledger->id));
  if (period->unit) json_object_set_new(model, "unit", json_string(period->unit));
  if (web_text(request, "part")) json_object_set_new(model, "part", json_string(web_text(request, "part")));
  if (web_int(request, "after", 0)) json_object_set_new(model, "first_page", json_string(back));
  return model;
}

static WebReply *page_figure(WebRequest *request, GError **error) {
  FigurePeriod period;
  json_t *figure = page_find_figure(request, error);
  if (figure == NULL || !page_period(request, figure_year(page_this_year()), &period, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  const char *name = text_at(figure, "name");
  g_autoptr(GError) local = NULL;
  json_auto_t *result = figure_ready(web_house(request), sql, ledger_asker(request), name, period, &local);
  json_auto_t *model = figure_model(request, figure, &period);
  if (result == NULL) {
    if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_DENIED)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    json_object_set_new(model, "failed", json_string(local->message));
    return web_model(g_steal_pointer(&model));
  }
  json_t *part;
  size_t i;
  json_array_foreach(json_object_get(result, "parts"), i, part) {
    g_autofree char *query = web_query_with(request, "part", text_at(part, "key"));
    json_object_set_new(part, "query", json_string(query));
  }
  json_object_set(model, "result", result);
  if (!put_rows(request, sql, figure, period, result, model, error)) return NULL;
  json_object_set_new(model, "charts", page_charts(request, sql, figure, period));
  return web_model(g_steal_pointer(&model));
}

static const WebParameter LIST_PARAMETERS[] = {{"q", WEB_TEXT, FALSE, 100, "名称"}, {"group", WEB_TEXT, FALSE, 100, "分组"}, {"year", WEB_INT, FALSE, 0, "年度"},
  {"from", WEB_TEXT, FALSE, 20, "开始"}, {"to", WEB_TEXT, FALSE, 20, "结束"}, {"unit", WEB_TEXT, FALSE, 100, "单位"}, {"after", WEB_INT, FALSE, 0, "翻页"}, {NULL}};
static const WebParameter FIND_PARAMETERS[] = {{"q", WEB_TEXT, FALSE, 100, "名称"}, {NULL}};
static const WebParameter ONE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "指标"}, {"year", WEB_INT, FALSE, 0, "年度"}, {"from", WEB_TEXT, FALSE, 20, "开始"},
  {"to", WEB_TEXT, FALSE, 20, "结束"}, {"unit", WEB_TEXT, FALSE, 100, "单位"}, {"part", WEB_TEXT, FALSE, 200, "分组"}, {"sort", WEB_TEXT, FALSE, 10, "次序"},
  {"chart", WEB_TEXT, FALSE, 20, "图"}, {"row", WEB_TEXT, FALSE, 200, "行"}, {"column", WEB_TEXT, FALSE, 100, "列"}, {"after", WEB_INT, FALSE, 0, "翻页"}, {NULL}};
#define FORM {"yaml", WEB_LINES, TRUE, YAML_MAX, "定义"}, {"d", WEB_FIELDS, FALSE, YAML_MAX, "定义"}, {"act", WEB_TEXT, FALSE, 60, "办理"}, \
  {"year", WEB_INT, FALSE, 0, "年度"}, {"save", WEB_FLAG, FALSE, 0, "启用"}
static const WebParameter EDIT_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "指标"}, {"as", WEB_TEXT, FALSE, 10, "怎样改"}, {NULL}};
static const WebParameter EDIT_NEW_PARAMETERS[] = {{"as", WEB_TEXT, FALSE, 10, "怎样改"}, {"ledger", WEB_INT, FALSE, 0, "台账"}, {NULL}};
static const WebParameter SAVE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "指标"}, FORM, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {FORM, {NULL}};

const WebRoute FIGURE_ROUTES[] = {
  {"GET", "/figures", PERMISSION_SEE_FIGURES, LIST_PARAMETERS, "figure/figures", page_figures, "指标"},
  {"GET", "/figures/find", PERMISSION_SEE_FIGURES, FIND_PARAMETERS, "figure/find", find_figures, "查找指标"},
  {"GET", "/figure/{id}", PERMISSION_SEE_FIGURES, ONE_PARAMETERS, "figure/figure", page_figure, "指标"},
  {"GET", "/figure/{id}/export", PERMISSION_SEE_FIGURES, ONE_PARAMETERS, NULL, export_rows, NULL},
  {"GET", "/figure/{id}/edit", PERMISSION_EDIT_FIGURES, EDIT_PARAMETERS, "figure/edit", page_figure_edit, "修改指标"},
  {"POST", "/figure/{id}/edit", PERMISSION_EDIT_FIGURES, SAVE_PARAMETERS, "figure/edit", save_figure, "修改指标"},
  {"GET", "/figure/new", PERMISSION_EDIT_FIGURES, EDIT_NEW_PARAMETERS, "figure/edit", page_figure_new, "新建指标"},
  {"POST", "/figure/new", PERMISSION_EDIT_FIGURES, NEW_PARAMETERS, "figure/edit", save_figure, "新建指标"},
  {NULL},
};
