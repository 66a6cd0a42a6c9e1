/*
 * A template and a period become a report: every figure computed once, every text filled, the whole looked through.
 *
 * 1. A figure that cannot be computed, or may not be told to who asks, leaves a mark in the text and a fault that stops the freezing; the rest is made.
 * 2. A report's unit goes to its figures: they count that unit's work.
 */
#include "chart.h"
#include "error.h"
#include "date.h"
#include "report-internal.h"
#include <string.h>

enum { NAMES_MAX = 100000, SAID_FAULTS = 5, CHARTS_MAX = 30 };
#define UNTOLD "（算不出）"

/* ---- names that are not figures ---- */

static char *day_words(int day) { return g_strdup_printf("%d年%d月%d日", day / 10000, day / 100 % 100, day % 100); }

static void put_year(json_t *texts, const char *name, int year) { json_object_set_new(texts, name, json_sprintf("%d", year)); }

static void put_day(json_t *texts, const char *name, int day) {
  g_autofree char *words = day_words(day);
  json_object_set_new(texts, name, json_string(words));
}

/* Parameters with their defaults, and what every template has. */
static json_t *texts_of(json_t *definition, const FigurePeriod *period, json_t *parameters) {
  json_t *texts = json_object(), *parameter, *value;
  const char *name;
  size_t i;
  put_year(texts, "年份", period->to / 10000);
  put_year(texts, "上年", period->to / 10000 - 1);
  put_year(texts, "下年", period->to / 10000 + 1);
  put_day(texts, "期初", period->from);
  put_day(texts, "期末", period->to);
  put_day(texts, "日期", date_today());
  const char *unit = period->unit ? period->unit : text_at(definition, "unit");
  json_object_set_new(texts, "单位", json_string(*unit ? unit : REPORT_OWN_UNIT));
  json_array_foreach(json_object_get(definition, "parameters"), i, parameter) {
    value = json_object_get(parameter, "default");
    g_autofree char *text = json_is_integer(value) ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value)) : g_strdup(text_at(parameter, "default"));
    if (*text_at(parameter, "name")) json_object_set_new(texts, text_at(parameter, "name"), json_string(text));
  }
  json_object_foreach(parameters, name, value) {
    if (json_is_string(value) && json_object_get(texts, name)) json_object_set(texts, name, value);
  }
  return texts;
}

/* ---- definitions ---- */

static void add_fault(json_t *faults, const char *where, int line, int column, char *what) {
  json_array_append_new(faults, json_pack("{s:s, s:s, s:i, s:i}", "where", where, "what", what, "line", line, "column", column));
  g_free(what);
}

/* Everything that a place may name: figures, parameters, built-in texts. */
static json_t *known_names(json_t *definition) {
  FigurePeriod any = figure_year(2000);
  json_t *known = texts_of(definition, &any, NULL), *name;
  json_auto_t *names = figure_names();
  size_t i;
  json_array_foreach(names, i, name) json_object_set_new(known, json_string_value(name), json_true());
  return known;
}

static void check_text(json_t *faults, const char *where, const char *text, json_t *known) {
  json_auto_t *syntax = json_array();
  json_t *fault, *written;
  g_autoptr(ReportTemplate) template = report_template_new(text, syntax);
  json_auto_t *names = report_template_names(template);
  size_t i;
  json_array_foreach(syntax, i, fault) add_fault(faults, where, (int)int_at(fault, "line"), (int)int_at(fault, "column"), g_strdup(text_at(fault, "what")));
  json_array_foreach(names, i, written) {
    g_autoptr(GError) local = NULL;
    json_t *figure = NULL;
    json_auto_t *spec = chart_written(text_at(written, "name"), &figure, &local);
    if (local) add_fault(faults, where, (int)int_at(written, "line"), (int)int_at(written, "column"), g_strdup(local->message));
    if (local || spec) continue;
    g_autofree char *member = NULL, *name = report_name_split(text_at(written, "name"), known, &member);
    if (name != NULL || figure_definition(text_at(written, "name")) != NULL) continue;
    g_autofree char *nearest = report_nearest(known, text_at(written, "name"));
    add_fault(faults, where, (int)int_at(written, "line"), (int)int_at(written, "column"),
      g_strdup_printf("没有叫“%s”的指标或参数%s%s%s", text_at(written, "name"), nearest ? "，是不是“" : "", nearest ? nearest : "", nearest ? "”" : ""));
  }
}

static void check_period(json_t *faults, json_t *period) {
  DateSpan from = {0, 0}, to = {0, 0};
  if (period == NULL || g_strcmp0(json_string_value(period), "year") == 0 || g_strcmp0(json_string_value(period), "month") == 0) return;
  gboolean good = json_is_object(period) && date_parse(text_at(period, "from"), &from) && date_parse(text_at(period, "to"), &to) && from.from && to.to;
  if (!good) add_fault(faults, "period", 0, 0, g_strdup("期间应为 year、month，或 {from: 2023-01-01, to: 2023-12-31}"));
  else if (from.from > to.to) add_fault(faults, "period", 0, 0, g_strdup("期间的开始在结束之后"));
}

json_t *report_definition_faults(json_t *report) {
  static const char *const keys[] = {"name", "about", "year", "period", "unit", "parameters", "heading", "text", "fixed", "addressee", "signed", "was", "group", NULL};
  json_t *faults = json_array(), *value, *parameter;
  const char *key;
  size_t i;
  json_object_foreach(report, key, value) {
    if (!g_strv_contains(keys, key)) add_fault(faults, key, 0, 0, g_strdup_printf("没有叫“%s”的项", key));
  }
  if (*text_at(report, "name") == '\0') add_fault(faults, "name", 0, 0, g_strdup("报告要有名称"));
  if (*text_at(report, "heading") == '\0') add_fault(faults, "heading", 0, 0, g_strdup("报告要有标题"));
  if (strlen(text_at(report, "text")) > REPORT_TEXT_MAX) add_fault(faults, "text", 0, 0, g_strdup("正文过长"));
  json_array_foreach(json_object_get(report, "parameters"), i, parameter) {
    if (*text_at(parameter, "name") == '\0') add_fault(faults, "parameters", 0, 0, g_strdup_printf("第 %d 个参数没有名称", (int)i + 1));
  }
  check_period(faults, json_object_get(report, "period"));
  json_auto_t *known = known_names(report);
  static const char *const texts[] = {"heading", "addressee", "signed", "text"};
  for (i = 0; i < G_N_ELEMENTS(texts); i++) check_text(faults, texts[i], text_at(report, texts[i]), known);
  return faults;
}

FigurePeriod report_default_period(json_t *definition, int year) {
  json_t *period = json_object_get(definition, "period");
  DateSpan from, to;
  FigurePeriod result = figure_year(year > 0 ? year : date_today() / 10000);
  if (year == 0 && json_is_object(period) && date_parse(text_at(period, "from"), &from) && date_parse(text_at(period, "to"), &to))
    result.from = from.from, result.to = to.to;
  if (year == 0 && g_strcmp0(json_string_value(period), "month") == 0) { /* the last whole one */
    result.to = date_shift(date_today() / 100 * 100 + 1, -1);
    result.from = result.to / 100 * 100 + 1;
  }
  if (*text_at(definition, "unit")) result.unit = text_at(definition, "unit");
  return result;
}

/* ---- making ---- */

typedef struct {
  const House *house;
  Sql *sql;
  Asker asker;
  FigurePeriod period;
  json_t *figures, *aliases, *texts, *rests; /* results by the figure's own name; by the name as written; what they rest on, together */
  json_t *charts; /* by what is written: each computed once */
  int drawn;
} Maker;

static json_t *compute(Maker *maker, const char *written, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *result = (sql_is_writing(maker->sql) ? figure_compute : figure_ready)(maker->house, maker->sql, maker->asker, written, maker->period, &local);
  if (result == NULL) {
    gboolean known = local->domain == LANTAI_ERROR && local->code != LANTAI_ERROR_INTERNAL && local->code != LANTAI_ERROR_BUSY;
    if (!known) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    result = json_pack("{s:s, s:f, s:s, s:s, s:s, s:i, s:s}", "name", written, "value", 0.0, "text", UNTOLD, "bare", UNTOLD, "unit", "", "entries", 0, "failed",
      local->message);
  }
  figure_rests_join(maker->rests, json_object_get(result, "rests"));
  json_object_set(maker->figures, text_at(result, "name"), result);
  json_object_set(maker->aliases, written, result);
  return result;
}

/* {chart, figure}: the figure stands among the report's own, with its rows; what only the chart counts (other years) is rested on too. */
static json_t *look_up_chart(Maker *maker, json_t *figure, json_t *spec, GError **error) {
  const char *name = text_at(figure, "name");
  json_auto_t *rests = json_object();
  json_t *result = json_object_get(maker->aliases, name) ? json_object_get(maker->aliases, name) : compute(maker, name, error);
  if (result == NULL) return NULL;
  ChartAsk ask = {maker->house, maker->sql, maker->asker, figure, spec, maker->period, NULL, rests};
  g_autoptr(GError) local = NULL;
  gboolean closed = json_object_get(spec, "made") && !figure_is_open(figure, maker->asker);
  if (closed) g_set_error(&local, LANTAI_ERROR, LANTAI_ERROR_DENIED, "这个指标只公布总数，没有定义这种图");
  json_auto_t *chart = closed ? NULL : chart_make(&ask, &local);
  if (chart == NULL && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_DENIED)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  figure_rests_join(maker->rests, rests);
  json_t *found = json_pack("{s:s}", "figure", name);
  if (json_is_true(json_object_get(rests, "partial"))) json_object_set_new(found, "failed", json_string("图里有您不能查看的条目没有计入"));
  else if (chart) json_object_set(found, "chart", chart);
  else json_object_set_new(found, "failed", json_string(local->message));
  return found;
}

static json_t *look_up(const char *name, gpointer data, GError **error) {
  Maker *maker = data;
  json_t *figure = NULL;
  g_autoptr(GError) local = NULL;
  json_auto_t *spec = chart_written(name, &figure, &local);
  if (spec && ++maker->drawn > CHARTS_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "一份报告最多放 %d 张图", CHARTS_MAX);
  if (spec && json_object_get(maker->charts, name)) return json_incref(json_object_get(maker->charts, name));
  if (spec) {
    json_t *chart = look_up_chart(maker, figure, spec, error);
    if (chart) json_object_set(maker->charts, name, chart);
    return chart;
  }
  if (local) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  json_t *found = json_object_get(maker->aliases, name);
  if (found == NULL) found = json_object_get(maker->texts, name);
  if (found != NULL) return json_incref(found);
  return figure_definition(name) ? compute(maker, name, error) : NULL;
}

static gboolean put_line(Maker *maker, json_t *report, json_t *definition, const char *key, GError **error) {
  g_autofree char *text = report_template_line(text_at(definition, key), key, look_up, maker, error);
  return text != NULL && json_object_set_new(report, key, json_string(text)) == 0;
}

static gboolean syntax_good(json_t *syntax, GError **error) {
  if (json_array_size(syntax) == 0) return TRUE;
  g_autoptr(GString) message = g_string_new(NULL);
  json_t *fault;
  size_t i;
  json_array_foreach(syntax, i, fault) {
    if (i < SAID_FAULTS)
      g_string_append_printf(message, "%s第 %d 行第 %d 字：%s", i ? "；" : "", (int)int_at(fault, "line"), (int)int_at(fault, "column"), text_at(fault, "what"));
  }
  return throw(error, LANTAI_ERROR_INVALID, "%s", message->str);
}

static json_t *fill_report(Maker *maker, json_t *definition, GError **error) {
  json_auto_t *syntax = json_array();
  g_autoptr(ReportTemplate) template = report_template_new(text_at(definition, "text"), syntax);
  if (!syntax_good(syntax, error)) return NULL;
  json_auto_t *paragraphs = report_template_paragraphs(template, look_up, maker, error);
  if (paragraphs == NULL) return NULL;
  json_auto_t *report = json_pack("{s:s, s:{s:i, s:i}, s:O, s:O, s:O, s:s}", "name", text_at(definition, "name"), "period", "from", maker->period.from, "to",
    maker->period.to, "unit", json_object_get(maker->texts, "单位"), "paragraphs", paragraphs, "figures", maker->figures, "dated", text_at(maker->texts, "日期"));
  if (maker->period.unit) json_object_set_new(json_object_get(report, "period"), "unit", json_string(maker->period.unit));
  json_object_set(report, "fixed", json_object_get(definition, "fixed"));
  if (!put_line(maker, report, definition, "heading", error) || !put_line(maker, report, definition, "addressee", error) ||
    !put_line(maker, report, definition, "signed", error)) return NULL;
  return g_steal_pointer(&report);
}

json_t *report_make_definition(const House *house, Sql *sql, Asker asker, json_t *definition, FigurePeriod period, json_t *parameters, GError **error) {
  if (period.from > period.to) return throw_null(error, LANTAI_ERROR_INVALID, "期间的开始在结束之后");
  json_auto_t *figures = json_object(), *aliases = json_object(), *rests = json_object(), *charts = json_object(), *texts = texts_of(definition, &period, parameters);
  const char *unit = text_at(texts, "单位");
  period.unit = g_str_equal(unit, REPORT_OWN_UNIT) ? NULL : unit;
  Maker maker = {house, sql, asker, period, figures, aliases, texts, rests, charts, 0};
  json_auto_t *report = fill_report(&maker, definition, error);
  if (report == NULL) return NULL;
  json_object_set(report, "rests", rests);
  if (json_object_get(definition, "drafted")) json_object_set(report, "drafted", json_object_get(definition, "drafted"));
  json_t *faults = report_lint(house, sql, asker, report, error);
  if (faults == NULL) return NULL;
  json_object_set_new(report, "faults", faults);
  return g_steal_pointer(&report);
}

json_t *report_make(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, json_t *parameters, GError **error) {
  json_t *definition = report_definition(name);
  if (definition == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有叫“%s”的报告", name);
  return report_make_definition(house, sql, asker, definition, period, parameters, error);
}

/* ---- looking through, with the ledgers at hand ---- */

typedef struct { json_t *names; const char *ledger; } Names;

static void take_name(const LedgerValue *value, gpointer data) {
  Names *names = data;
  if (value->text[0] && strchr(value->text, '*') == NULL && json_object_size(names->names) < NAMES_MAX)
    json_object_set_new(names->names, value->text, json_string(names->ledger));
}

typedef struct { const House *house; Sql *sql; Asker asker; LedgerTable *table; LedgerGate *gate; } Reading;

static gboolean take_names(const Reading *reading, const char *field, Names *names, GError **error) {
  if (!ledger_may_ask(ledger_table_definition(reading->table), reading->asker, field)) return TRUE;
  g_autoptr(LedgerPath) path = ledger_path_new(reading->house, reading->sql, reading->table, field, error);
  if (path == NULL) return FALSE;
  for (guint i = 0; i < ledger_table_count(reading->table); i++)
    if (ledger_gate_admits(reading->gate, i)) ledger_path_values(path, NULL, i, 0, take_name, names);
  return TRUE;
}

static gboolean names_of_ledger(const House *house, Sql *sql, Asker asker, const LedgerDefinition *ledger, json_t *names, GError **error) {
  g_autoptr(LedgerTable) table = ledger_table(house, sql, ledger, error);
  if (table == NULL) return FALSE;
  g_autoptr(LedgerGate) gate = ledger_gate_new(table, asker);
  const Reading reading = {house, sql, asker, table, gate};
  Names into = {names, ledger->name};
  for (guint i = 0; i < ledger->field_count; i++) {
    const LedgerField *field = &ledger->fields[i];
    if (field->type == FIELD_PERSON && !field->base && !take_names(&reading, field->name, &into, error)) return FALSE;
    for (guint k = 0; field->type == FIELD_ROWS && k < field->count; k++) {
      g_autofree char *path = g_strdup_printf("%s.%s", field->name, field->fields[k].name);
      if (field->fields[k].type == FIELD_PERSON && !take_names(&reading, path, &into, error)) return FALSE;
    }
  }
  return TRUE;
}

json_t *report_names_masked(const House *house, Sql *sql, Asker asker, GError **error) {
  json_t *names = json_object();
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i]; i++) {
    if (all[i]->restricted && ledger_may_read(all[i], asker) && !names_of_ledger(house, sql, asker, all[i], names, error)) return json_decref(names), NULL;
  }
  return names;
}

static gboolean add_invariants(const House *house, Sql *sql, Asker asker, json_t *report, json_t *faults, GError **error) {
  json_t *period = json_object_get(report, "period"), *figure, *broken;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  const char *name;
  json_object_foreach(json_object_get(report, "figures"), name, figure) {
    if (!json_object_get(figure, "failed")) g_ptr_array_add(names, (gpointer)name);
  }
  g_ptr_array_add(names, NULL);
  FigurePeriod asked = {(int)int_at(period, "from"), (int)int_at(period, "to"), json_string_value(json_object_get(period, "unit"))};
  json_auto_t *all = figure_invariants(house, sql, asker, (const char *const *)names->pdata, asked, error);
  if (all == NULL) return FALSE;
  size_t i;
  json_array_foreach(all, i, broken) {
    if (json_object_get(broken, "left") == NULL) report_fault(faults, "stop", NULL, "%s：现在不成立，其中有您不能查看的数。请由能查看的人核对台账", text_at(broken, "say"));
    else report_fault(faults, "stop", NULL, "%s：现在是 %.10g 与 %.10g（%s）。请核对台账", text_at(broken, "say"), json_number_value(json_object_get(broken, "left")),
      json_number_value(json_object_get(broken, "right")), text_at(broken, "that"));
  }
  return TRUE;
}

/* Who will be able to read it is told before it is signed. */
static void add_rests(json_t *report, json_t *faults) {
  g_autofree char *words = figure_rests_words(json_object_get(report, "rests"));
  if (words)
    report_fault(faults, "look", NULL, "这份报告印出了限制查看的内容：%s。定稿以后只有能查看这些的人读得到，除非签发人注明发给谁。要让大家都读到，请改用只报数的指标", words);
}

gboolean report_names_stay_out(const House *house, Sql *sql, Asker asker, json_t *report, GError **error) {
  json_auto_t *names = report_names_masked(house, sql, LEDGER_EVERYTHING, error), *seen = names ? report_names_masked(house, sql, asker, error) : NULL;
  json_t *fault;
  const char *name;
  size_t i;
  if (seen == NULL) return FALSE;
  json_object_foreach(seen, name, fault) json_object_del(names, name);
  json_auto_t *faults = report_lint_text(report, names), *others = report_lint_text(report, NULL);
  size_t stops[2] = {0, 0};
  json_array_foreach(faults, i, fault) stops[0] += g_str_equal(text_at(fault, "kind"), "stop");
  json_array_foreach(others, i, fault) stops[1] += g_str_equal(text_at(fault, "kind"), "stop");
  return stops[0] <= stops[1] || throw(error, LANTAI_ERROR_DENIED, "文中写了限制查看的台账中的人，您看不到那本台账。请由看得到的人核对、签发");
}

json_t *report_lint(const House *house, Sql *sql, Asker asker, json_t *report, GError **error) {
  json_auto_t *names = report_names_masked(house, sql, asker, error);
  if (names == NULL) return NULL;
  json_t *faults = report_lint_text(report, names);
  if (!add_invariants(house, sql, asker, report, faults, error)) return json_decref(faults), NULL;
  add_rests(report, faults);
  return faults;
}
