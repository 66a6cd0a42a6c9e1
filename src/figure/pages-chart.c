/* Charts on pages: those of a figure, and the rows behind a cell. */
#include "pages.h"
#include "chart.h"
#include "error.h"

static json_t *spec_of(json_t *figure, const char *kind) {
  json_auto_t *specs = chart_specs(figure);
  json_t *spec;
  size_t i;
  json_array_foreach(specs, i, spec)
    if (g_strcmp0(text_in(spec, "kind"), kind) == 0) return json_incref(spec);
  return NULL;
}

json_t *page_charts(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period) {
  json_auto_t *specs = chart_specs(figure);
  json_t *charts = json_array(), *spec;
  g_autofree char *path = g_strdup_printf("/figure/%" G_GINT64_FORMAT, int_at(figure, "id"));
  size_t i;
  json_array_foreach(specs, i, spec) {
    g_autoptr(GError) local = NULL;
    ChartAsk ask = {web_house(request), sql, ledger_asker(request), figure, spec, period, path};
    json_t *chart = chart_make(&ask, &local);
    if (chart) json_array_append_new(charts, chart);
    else if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_DENIED)) g_message("图没有画出：%s", local->message);
  }
  return charts;
}

gboolean page_chart_rows(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period, json_t *model, GError **error) {
  json_auto_t *spec = spec_of(figure, web_text(request, "chart"));
  const char *row = web_text(request, "row"), *column = web_text(request, "column");
  if (spec == NULL || row == NULL || column == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "“%s”没有这张图", text_at(figure, "name"));
  ChartAsk ask = {web_house(request), sql, ledger_asker(request), figure, spec, period, NULL};
  g_autoptr(GArray) ids = chart_entries(&ask, row, column, error);
  json_object_set_new(model, "part", json_sprintf("%s，%s", row, column));
  return ids != NULL && page_put_entries(request, sql, ids, model, error);
}

/* ---- the view 图 of a ledger's page ---- */

/* The year that was chosen, else the newest that has entries (the page has them, newest first). */
static FigurePeriod ledger_year(WebRequest *request, json_t *model) {
  json_t *newest = json_array_get(json_object_get(model, "years"), 0);
  int year = (int)web_int(request, "year", 0), latest = newest ? (int)g_ascii_strtoll(text_at(newest, "year"), NULL, 10) : page_this_year();
  return figure_year(year >= 1900 && year <= 2999 ? year : MIN(latest, page_this_year()));
}

static const LedgerField *first_field(const LedgerDefinition *ledger, Asker asker, LedgerType type) {
  for (guint i = 0; i < ledger->field_count; i++) {
    const LedgerField *field = &ledger->fields[i];
    if (field->type == type && !field->base && !field->dated && (field->list || field->required) && ledger_may_read_field(field, asker)) return field;
  }
  return NULL;
}

/* What can be drawn of any ledger: months beside last year's, and as far as it has them the progress of departments, what stays open, choices, bodies. */
static json_t *ledger_specs(const LedgerDefinition *ledger, Asker asker) {
  json_t *specs = json_pack("[{s:s, s:s, s:s}]", "kind", "trend", "every", "month", "title", "登记");
  json_auto_t *closed = chart_states(ledger, TRUE), *open = chart_states(ledger, FALSE);
  const LedgerField *choice = first_field(ledger, asker, FIELD_CHOICE), *body = first_field(ledger, asker, FIELD_BODY);
  if (closed && open) {
    const char *by = ledger_field(ledger, "责任部门") ? "责任部门" : choice ? choice->name : "年度";
    json_array_append_new(specs, json_pack("{s:s, s:s, s:s}", "kind", "progress", "by", by, "title", "办理"));
    json_array_append_new(specs, json_pack("{s:s, s:s}", "kind", "backlog", "title", "办理"));
  }
  if (choice) json_array_append_new(specs, json_pack("{s:s, s:s, s:s}", "kind", "share", "by", choice->name, "title", choice->name));
  if (body) json_array_append_new(specs, json_pack("{s:s, s:s, s:s}", "kind", "map", "by", body->name, "title", body->name));
  return specs;
}

gboolean page_ledger_charts(WebRequest *request, Sql *sql, const LedgerDefinition *ledger, json_t *where, const char *path, json_t *model, GError **error) {
  json_auto_t *specs = ledger_specs(ledger, ledger_asker(request)), *charts = json_array();
  json_t *spec;
  json_auto_t *figure = json_pack("{s:s, s:s, s:s, s:s, s:n, s:O, s:b}", "name", ledger->name, "ledger", ledger->name, "unit", "条", "units", "all", "count",
    "chart", specs, "trying", TRUE);
  FigurePeriod period = ledger_year(request, model);
  json_auto_t *condition = where ? json_copy(where) : json_object();
  size_t i;
  json_object_del(condition, "年度");
  json_object_set(figure, "where", condition);
  if (web_text(request, "chart")) {
    json_auto_t *behind = json_object();
    if (!page_chart_rows(request, sql, figure, period, behind, error)) return FALSE;
    return json_object_set(model, "behind", behind) == 0;
  }
  json_array_foreach(specs, i, spec) {
    g_autoptr(GError) local = NULL;
    ChartAsk ask = {web_house(request), sql, ledger_asker(request), figure, spec, period, path};
    json_t *chart = chart_make(&ask, &local);
    if (chart && json_array_size(json_object_get(chart, "rows"))) json_array_append(charts, chart);
    json_decref(chart);
  }
  json_object_set_new(model, "charts_year", json_integer(period.to / 10000));
  json_object_set(model, "charts", charts);
  return TRUE;
}
