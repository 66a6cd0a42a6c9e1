/* `lantai figure` and `lantai report`: a number with what stands behind it, a report made, printed or looked through. */
#include "app.h"
#include "date.h"
#include "error.h"
#include "figure.h"
#include "json.h"
#include <stdio.h>
#include <string.h>

static struct { int year; char *from, *to, *unit, *format, *as, **set; gboolean check, rows; } options;

#define PERIOD_OPTIONS \
  {"year", 0, 0, G_OPTION_ARG_INT, &options.year, "年度（缺省：今年，报告按模板）", "年"}, {"from", 0, 0, G_OPTION_ARG_STRING, &options.from, "期间的开始", "日期"}, \
  {"to", 0, 0, G_OPTION_ARG_STRING, &options.to, "期间的结束", "日期"}, {"unit", 0, 0, G_OPTION_ARG_STRING, &options.unit, "哪个单位的（缺省：本馆，报告按模板）", "单位"}, \
  {"as", 0, 0, G_OPTION_ARG_STRING, &options.as, "照这个帐号看得到的（缺省：全部）", "帐号"}

static const GOptionEntry *figure_entries_options(void) {
  static const GOptionEntry entries[] = {PERIOD_OPTIONS, {"rows", 0, 0, G_OPTION_ARG_NONE, &options.rows, "列出依据的每一行", NULL}, {NULL, 0, 0, 0, NULL, NULL, NULL}};
  return entries;
}

static const GOptionEntry *report_entries(void) {
  static const GOptionEntry entries[] = {PERIOD_OPTIONS, {"format", 0, 0, G_OPTION_ARG_STRING, &options.format, "docx、pdf、xlsx、html、md、json（缺省按文件名）", "格式"},
    {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.set, "参数的值，可多次", "参数=值"}, {"check", 0, 0, G_OPTION_ARG_NONE, &options.check, "只检查模板和数字，不生成文件", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL}};
  return entries;
}

static gboolean asker_given(const House *house, Person **ret_person, Asker *ret, GError **error) {
  if (!command_asker(house, options.as, ret_person, ret, error)) return FALSE;
  return *ret_person == NULL || people_may(*ret_person, "figure.read") || throw(error, LANTAI_ERROR_DENIED, "帐号“%s”不能查看指标", options.as);
}

static gboolean read_day(const char *text, gboolean last, int *ret, GError **error) {
  DateSpan span = {0, 0};
  if (!date_parse(text, &span) || span.from == 0) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是日期，请写成 2023-01-01", text);
  *ret = last ? span.to : span.from;
  return TRUE;
}

static int this_year(void) { return date_today() / 10000; }

static gboolean given_period(FigurePeriod period, FigurePeriod *ret, GError **error) {
  if (options.year != 0 && (options.year < 1900 || options.year > 2999)) return throw(error, LANTAI_ERROR_INVALID, "年度应为四位数字，而不是 %d", options.year);
  if (options.year != 0) period.from = options.year * 10000 + 101, period.to = options.year * 10000 + 1231;
  if (options.from && !read_day(options.from, FALSE, &period.from, error)) return FALSE;
  if (options.to && !read_day(options.to, TRUE, &period.to, error)) return FALSE;
  if (options.unit) period.unit = options.unit;
  if (period.from > period.to) return throw(error, LANTAI_ERROR_INVALID, "期间的开始在结束之后");
  *ret = period;
  return TRUE;
}

/* ---- figure ---- */

static gboolean put_rows(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, json_t *result, GString *text, GError **error) {
  g_autoptr(GArray) ids = figure_entries(house, sql, asker, name, NULL, period, error);
  json_t *rows = json_array();
  if (ids == NULL) return json_decref(rows), FALSE;
  for (guint i = 0; i < ids->len; i++) {
    g_autoptr(GError) local = NULL;
    json_auto_t *entry = ledger_entry_load(sql, asker, g_array_index(ids, gint64, i), &local);
    if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) continue; /* counted by right, not shown */
    if (entry == NULL) return g_propagate_error(error, g_steal_pointer(&local)), json_decref(rows), FALSE;
    g_autofree char *date = date_format((DateSpan){(gint32)json_integer_value(json_object_get(entry, "from")), (gint32)json_integer_value(json_object_get(entry, "to"))});
    g_string_append_printf(text, "  %s  %s  %s  %s\n", text_at(entry, "number"), date, text_at(entry, "title"), text_at(entry, "ledger"));
    json_array_append(rows, entry);
  }
  json_object_set_new(result, "rows", rows);
  return TRUE;
}

static gboolean list_figures(const CommandLine *line) {
  json_t *names = figure_names(), *name;
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_array_foreach(names, i, name) g_string_append_printf(text, "%s\t%s\n", json_string_value(name), text_at(figure_definition(json_string_value(name)), "about"));
  command_print(line, names, "%s", text->str);
  return TRUE;
}

static gboolean run_figure(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  if (line->count == 0) return list_figures(line);
  const House *house = archive_house(archive);
  const char *name = line->arguments[0];
  FigurePeriod period;
  g_autoptr(Sql) sql = given_period(figure_year(this_year()), &period, error) ? sql_read(house->db, error) : NULL;
  g_autoptr(Person) person = NULL;
  Asker asker;
  json_auto_t *result = sql && asker_given(house, &person, &asker, error) ? figure_compute(house, sql, asker, name, period, error) : NULL;
  if (result == NULL) return FALSE;
  g_autoptr(GString) rows = g_string_new(NULL), warnings = g_string_new(NULL);
  json_t *warning;
  size_t i;
  if ((options.rows || line->json) && json_object_get(result, "opens") == NULL && !put_rows(house, sql, asker, name, period, result, rows, error)) return FALSE;
  json_array_foreach(json_object_get(result, "warnings"), i, warning) g_string_append_printf(warnings, "注意：%s\n", json_string_value(warning));
  command_print(line, json_incref(result), "%s：%s（准数 %.10g，%d 行）\n上年：%s\n%s\n%s%s", name, text_at(result, "text"), json_number_value(json_object_get(result, "value")),
    (int)json_integer_value(json_object_get(result, "entries")), text_at(json_object_get(result, "last"), "text"), text_at(result, "how"), warnings->str,
    options.rows ? rows->str : "");
  return TRUE;
}

/* ---- report ---- */

static json_t *given_parameters(GError **error) {
  json_t *parameters = json_object();
  for (char **at = options.set; at && *at; at++) {
    const char *equals = strchr(*at, '=');
    if (equals == NULL) return json_decref(parameters), throw_null(error, LANTAI_ERROR_INVALID, "--set 应写成 参数=值，而不是“%s”", *at);
    g_autofree char *name = g_strndup(*at, (gsize)(equals - *at));
    json_object_set_new(parameters, name, json_string(equals + 1));
  }
  return parameters;
}

static json_t *make(const House *house, const char *name, GError **error) {
  json_t *definition = report_definition(name);
  if (definition == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有叫“%s”的报告", name);
  FigurePeriod period;
  if (!given_period(report_default_period(definition, (int)json_integer_value(json_object_get(definition, "year"))), &period, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *parameters = sql ? given_parameters(error) : NULL;
  g_autoptr(Person) person = NULL;
  Asker asker;
  return parameters && asker_given(house, &person, &asker, error) ? report_make(house, sql, asker, name, period, parameters, error) : NULL;
}

static int append_faults(GString *text, json_t *report) {
  json_t *fault;
  size_t i;
  int stops = 0;
  json_array_foreach(json_object_get(report, "faults"), i, fault) {
    gboolean stop = g_str_equal(text_at(fault, "kind"), "stop");
    stops += stop;
    g_string_append_printf(text, "  %s %s%s%s\n", stop ? "改正" : "核实", text_at(fault, "place"), *text_at(fault, "place") ? "：" : "", text_at(fault, "what"));
  }
  return stops;
}

/* One template: what is wrong with it, and with the numbers it prints. */
static int check_one(const House *house, const char *name, GString *text, json_t *checked) {
  g_autoptr(GError) local = NULL;
  json_auto_t *report = make(house, name, &local);
  int stops = 0;
  g_string_append_printf(text, "%s\n", name);
  if (report) stops = append_faults(text, report);
  else g_string_append_printf(text, "  改正 %s\n", local->message), stops = 1;
  json_array_append_new(checked, json_pack("{s:s, s:i, s:o}", "name", name, "stops", stops, "faults",
    report ? json_incref(json_object_get(report, "faults")) : json_pack("[{s:s, s:s}]", "kind", "stop", "what", local->message)));
  return stops;
}

static gboolean check(const CommandLine *line, const House *house, GError **error) {
  json_auto_t *names = line->count ? json_pack("[s]", line->arguments[0]) : report_names(), *checked = json_array();
  g_autoptr(GString) text = g_string_new(NULL);
  json_t *name;
  size_t i;
  int stops = 0;
  json_array_foreach(names, i, name) stops += check_one(house, json_string_value(name), text, checked);
  command_print(line, json_incref(checked), "%s", text->str);
  return stops == 0 || throw(error, LANTAI_ERROR_INVALID, "%d 处必须改正", stops);
}

static gboolean write_text(const char *text, const char *path, GError **error) {
  if (text == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "不能生成报告");
  if (g_str_equal(path, "-")) return fputs(text, stdout), fflush(stdout), TRUE;
  return g_file_set_contents(path, text, -1, error);
}

static gboolean write_report(json_t *report, const char *format, const char *path, GError **error) {
  gboolean office = g_str_equal(format, "docx"), pdf = g_str_equal(format, "pdf"), sheet = g_str_equal(format, "xlsx");
  if ((office || pdf || sheet) && g_str_equal(path, "-")) return throw(error, LANTAI_ERROR_INVALID, "%s 请写到文件", format);
  if (office) return report_docx(report, path, error);
  if (pdf) return report_pdf(report, path, error);
  if (sheet) return report_xlsx(report, path, error);
  g_autofree char *text = NULL;
  if (g_str_equal(format, "html")) text = report_html(report);
  else if (g_str_equal(format, "md")) text = report_markdown(report);
  else if (g_str_equal(format, "json")) text = json_dumps(report, JSON_INDENT(2));
  else return throw(error, LANTAI_ERROR_INVALID, "格式只有 docx、pdf、xlsx、html、md、json，没有“%s”", format);
  return write_text(text, path, error);
}

static gboolean run_report(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  if (options.check) return check(line, house, error);
  if (line->count < 2) return throw(error, LANTAI_ERROR_INVALID, "请写报告的名称和输出的文件，例如 lantai report 工作总结 --year 2023 总结.docx；只检查用 --check");
  const char *path = line->arguments[1], *dot = strrchr(path, '.');
  json_auto_t *report = make(house, line->arguments[0], error);
  if (report == NULL || !write_report(report, options.format ? options.format : dot ? dot + 1 : "md", path, error)) return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  int stops = append_faults(text, report);
  fprintf(stderr, "%s%s：%d 个指标，%d 处须改正或核实，其中 %d 处定稿前必须改正\n", text->str, line->arguments[0], (int)json_object_size(json_object_get(report, "figures")),
    (int)json_array_size(json_object_get(report, "faults")), stops);
  return TRUE;
}

const Command REPORT_COMMANDS[] = {
  {"figure", "[名称]", "指标的数、措辞、依据和上年的数；不写名称则列出全部", figure_entries_options, 0, 1, run_figure},
  {"report", "名称 文件", "按模板生成报告（docx、pdf、xlsx、html、md，- 为标准输出），或用 --check 检查", report_entries, 0, 2, run_report},
  {NULL},
};
