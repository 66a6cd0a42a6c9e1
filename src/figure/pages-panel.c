/*
 * Pages of panels (一览): numbers and charts that are looked at together, the rows behind a cell, the definition.
 *
 * 1. What the reader may not see of a panel is left out and told as such; the others stay.
 */
#include "pages.h"
#include "design.h"
#include "error.h"
#include "form.h"
#include "panel.h"
#include "settings.h"

enum { PANEL_YAML = 20000, BRIEF_CHARTS = 2 };

/* Years count until a year that has begun; the present one stands where none is asked for. */
static gboolean panel_period(WebRequest *request, json_t *panel, FigurePeriod *ret, GError **error) {
  FigurePeriod given = figure_year(page_this_year());
  given.unit = text_in(panel, "unit");
  return page_period(request, given, ret, error);
}

static json_t *number_tile(WebRequest *request, Sql *sql, const char *name, FigurePeriod period) {
  json_t *figure = figure_definition(name);
  json_auto_t *result = figure ? figure_ready(web_house(request), sql, ledger_asker(request), name, period, NULL) : NULL;
  if (result == NULL) return NULL;
  g_autofree char *query = chart_period_query(period);
  return json_pack("{s:s, s:s?, s:o, s:s, s:s}", "name", name, "about", text_in(figure, "about"),
    "goes", json_sprintf("/figure/%d?%s", (int)int_at(figure, "id"), query), "number",
    text_at(result, "text"), "before",
    text_at(json_object_get(result, "last"), "text"));
}

/* Charts of one item, each with the address of its rows; adds to denied what may not be seen. */
static void add_charts(WebRequest *request, Sql *sql, json_t *panel, size_t at, FigurePeriod period, json_t *charts, json_t *denied) {
  json_t *item = json_array_get(json_object_get(panel, "charts"), at), *spec;
  json_auto_t *figure = panel_figure(item), *drawn_of = figure ? json_copy(figure) : NULL;
  if (drawn_of == NULL) return;
  if (json_object_get(item, "chart")) json_object_set(drawn_of, "chart", json_object_get(item, "chart"));
  json_auto_t *specs = chart_specs(drawn_of);
  int id = (int)int_at(figure, "id");
  g_autofree char *path = id ? g_strdup_printf("/figure/%d", id) : g_strdup_printf("/panel/%d/rows?at=%zu", (int)int_at(panel, "id"), at);
  size_t i;
  json_array_foreach(specs, i, spec) {
    g_autoptr(GError) local = NULL;
    if (text_in(item, "title")) json_object_set(spec, "title", json_object_get(item, "title"));
    g_autofree char *rows = g_strdup_printf("/panel/%d/rows?at=%zu", (int)int_at(panel, "id"), at);
    gboolean own = id && (g_str_equal(text_at(spec, "kind"), "trend") || ((g_str_equal(text_at(spec, "kind"), "share") || g_str_equal(text_at(spec, "kind"), "map")) &&
      text_in(spec, "by") == NULL));
    ChartAsk ask = {web_house(request), sql, ledger_asker(request), figure, spec, period, own ? path : rows};
    json_t *chart = chart_make(&ask, &local);
    if (chart == NULL) {
      json_array_append_new(denied, json_string(text_at(figure, "name")));
      continue;
    }
    if (id) json_object_set_new(chart, "chart_of", json_string(path));
    if (json_is_true(json_object_get(item, "full"))) json_object_set_new(chart, "full", json_true());
    json_array_append_new(charts, chart);
  }
}

static json_t *panel_model(WebRequest *request, Sql *sql, json_t *panel, FigurePeriod period) {
  json_t *charts = json_array(), *numbers = json_array(), *denied = json_array(), *name, *other;
  json_auto_t *others = panel_list(sql, NULL);
  size_t i;
  json_array_foreach(json_object_get(panel, "numbers"), i, name) {
    json_t *tile = number_tile(request, sql, json_string_value(name), period);
    json_array_append_new(tile ? numbers : denied, tile ? tile : json_incref(name));
  }
  for (i = 0; i < json_array_size(json_object_get(panel, "charts")); i++) add_charts(request, sql, panel, i, period, charts, denied);
  json_array_foreach(others, i, other) json_object_set_new(other, "on", json_boolean(int_at(other, "id") == int_at(panel, "id")));
  g_autofree char *words = page_period_words(&period);
  json_t *model = json_pack("{s:s, s:{s:I, s:s, s:s}, s:s, s:i, s:o, s:o, s:o, s:b}", "title", text_at(panel, "name"), "panel", "id", (json_int_t)int_at(panel, "id"),
    "name", text_at(panel, "name"), "about", text_at(panel, "about"), "period", words, "year", period.to / 10000, "numbers", numbers, "charts", charts, "denied", denied,
    "may_edit", web_may(request, PERMISSION_EDIT_FIGURES));
  if (json_array_size(others) > 1) json_object_set(model, "panels", others);
  return model;
}

static WebReply *show(WebRequest *request, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  FigurePeriod period;
  if (sql == NULL) return NULL;
  if (id == 0) id = sql_number(sql, "SELECT COALESCE(MIN(id), 0) AS id FROM figure_panel WHERE definition <> ''", SQL_NONE, 0, NULL);
  if (id == 0) return web_model(json_pack("{s:s, s:b, s:b}", "title", "一览", "none", 1, "may_edit", web_may(request, PERMISSION_EDIT_FIGURES)));
  json_auto_t *panel = panel_load(sql, id, error);
  return panel && panel_period(request, panel, &period, error) ? web_model(panel_model(request, sql, panel, period)) : NULL;
}

static WebReply *first_panel(WebRequest *request, GError **error) { return show(request, 0, error); }
static WebReply *one_panel(WebRequest *request, GError **error) { return show(request, web_int(request, "id", 0), error); }

/* The first one's numbers and first charts, for the home page; what is not there, or not to be seen, is not told there. */
static WebReply *brief_panel(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *all = sql ? panel_list(sql, error) : NULL, *panel = json_array_size(all) ? panel_load(sql, int_at(json_array_get(all, 0), "id"), error) : NULL;
  if (all == NULL || (panel == NULL && json_array_size(all))) return NULL;
  if (panel == NULL) return web_model(json_object());
  json_t *charts = json_object_get(panel, "charts");
  while (json_array_size(charts) > BRIEF_CHARTS) json_array_remove(charts, json_array_size(charts) - 1);
  FigurePeriod period = figure_year(page_this_year());
  period.unit = text_in(panel, "unit");
  json_t *model = panel_model(request, sql, panel, period);
  json_object_del(model, "denied");
  for (size_t i = json_array_size(json_object_get(model, "charts")); i-- > 0;)
    if (json_object_get(json_array_get(json_object_get(model, "charts"), i), "blank")) json_array_remove(json_object_get(model, "charts"), i);
  if (json_array_size(json_object_get(model, "numbers")) + json_array_size(json_object_get(model, "charts")) == 0) json_object_del(model, "panel");
  return web_model(model);
}

static WebReply *drop_panel(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !panel_drop(sql, web_actor(request), web_int(request, "id", 0), error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/panel");
  web_flash(reply, "一览已删除；指标和台账没有变。");
  return reply;
}

static WebReply *panel_rows(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  FigurePeriod period;
  json_auto_t *panel = sql ? panel_load(sql, web_int(request, "id", 0), error) : NULL;
  if (panel == NULL || !panel_period(request, panel, &period, error)) return NULL;
  json_t *item = json_array_get(json_object_get(panel, "charts"), (size_t)web_int(request, "at", 0));
  json_auto_t *figure = item ? panel_figure(item) : NULL, *model = json_object();
  if (figure == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这个一览没有这张图");
  json_auto_t *drawn_of = json_copy(figure);
  if (json_object_get(item, "chart")) json_object_set(drawn_of, "chart", json_object_get(item, "chart"));
  if (!page_chart_rows(request, sql, drawn_of, period, model, error)) return NULL;
  g_autofree char *words = page_period_words(&period), *query = chart_period_query(period);
  json_object_set_new(model, "title", json_string(text_in(item, "title") ? text_in(item, "title") : text_at(figure, "name")));
  json_object_set_new(model, "panel", json_pack("{s:I, s:s, s:s}", "id", (json_int_t)int_at(panel, "id"), "name", text_at(panel, "name"), "query", query));
  json_object_set_new(model, "period", json_string(words));
  return web_model(g_steal_pointer(&model));
}

/* ---- the definition ---- */

/* panel: what is in force, NULL: a new one. definition: shown as a form, unless NULL; tree: the form as it was typed, NULL: made from the definition. */
typedef struct { json_t *panel, *definition, *tree; const char *yaml, *focus; } Shown;

static json_t *edit_model(WebRequest *request, const Shown *shown) {
  json_t *panel = shown->panel, *model = json_pack("{s:s, s:s, s:s}", "title", panel ? "修改一览" : "新建一览", "yaml", shown->yaml, "form_path", web_path(request));
  if (panel) json_object_set_new(model, "panel", json_pack("{s:O, s:O}", "id", json_object_get(panel, "id"), "name", json_object_get(panel, "name")));
  json_auto_t *tree = shown->tree ? json_incref(shown->tree) : shown->definition ? panel_form_tree(shown->definition) : NULL;
  if (tree) json_object_set_new(model, "design", panel_form_model(tree, shown->focus, ledger_asker(request)));
  json_object_set_new(model, "has_design", json_boolean(tree != NULL));
  return model;
}

/* A preview opens to nothing: its rows are those of what is in force. */
static void close_cells(json_t *value) {
  const char *key;
  json_t *each;
  size_t i;
  json_array_foreach(value, i, each) close_cells(each);
  if (!json_is_object(value)) return;
  json_object_del(value, "goes");
  json_object_foreach(value, key, each) close_cells(each);
}

/* The page with what was typed: what is wrong with it, else how it looks now. */
static WebReply *looked(WebRequest *request, Sql *sql, json_t *definition, const Shown *shown, guint status) {
  json_t *model = edit_model(request, shown), *fault;
  json_auto_t *faults = panel_faults(definition), *seen = NULL;
  size_t i;
  json_array_foreach(faults, i, fault) {
    g_autofree char *anchor = NULL, *place = panel_form_place(definition, text_at(fault, "where"), &anchor);
    if (place && shown->tree) json_object_set_new(fault, "place", json_string(place));
    if (anchor && shown->tree) json_object_set_new(fault, "anchor", json_string(anchor));
  }
  json_object_set(model, "faults", faults);
  if (json_array_size(faults) > 0) return web_model_status(model, status);
  json_auto_t *panel = json_copy(definition);
  json_object_set_new(panel, "id", shown->panel ? json_incref(json_object_get(shown->panel, "id")) : json_integer(0));
  FigurePeriod period = figure_year(page_this_year());
  period.unit = text_in(panel, "unit");
  seen = panel_model(request, sql, panel, period);
  close_cells(json_object_get(seen, "charts"));
  static const char *const members[] = {"numbers", "charts", "denied", "period"};
  for (i = 0; i < G_N_ELEMENTS(members); i++) json_object_set(model, members[i], json_object_get(seen, members[i]));
  json_object_set_new(model, "looked", json_true());
  return web_model(model);
}

static WebReply *shown_as(WebRequest *request, Sql *sql, json_t *panel, json_t *definition) {
  g_autofree char *yaml = panel_form_yaml(definition);
  gboolean form = g_strcmp0(web_text(request, "as"), "yaml") != 0;
  Shown shown = {.panel = panel, .definition = form ? definition : NULL, .yaml = yaml};
  return panel ? looked(request, sql, definition, &shown, 200) : web_model(edit_model(request, &shown));
}

static WebReply *edit_panel(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *panel = sql ? panel_load(sql, web_int(request, "id", 0), error) : NULL;
  return panel ? shown_as(request, sql, panel, panel) : NULL;
}

static WebReply *new_panel(WebRequest *request, GError **error) {
  json_auto_t *definition = json_pack("{s:s, s:s, s:[], s:[{s:s, s:s}]}", "name", "", "about", "", "numbers", "charts", "figure", "", "chart", "trend");
  return shown_as(request, NULL, NULL, definition);
}

/* The form's rows, the other way to write it, or how it looks. NULL: it is to be saved. */
static WebReply *redrawn(WebRequest *request, Sql *sql, json_t *definition, Shown *shown) {
  const char *act = web_text(request, "act") ? web_text(request, "act") : "";
  g_autofree char *focus = shown->tree ? panel_form_act(shown->tree, act) : NULL, *yaml = NULL;
  if (focus) {
    shown->focus = focus;
    return looked(request, sql, definition, shown, 200);
  }
  if (g_str_equal(act, "form")) return looked(request, sql, definition, &(Shown){.panel = shown->panel, .definition = definition, .yaml = shown->yaml}, 200);
  if (g_str_equal(act, "save") || (shown->tree == NULL && *act == '\0')) return NULL;
  if (!g_str_equal(act, "yaml")) return looked(request, sql, definition, shown, 200);
  yaml = panel_form_yaml(definition);
  return looked(request, sql, definition, &(Shown){.panel = shown->panel, .yaml = yaml}, 200);
}

static WebReply *save(WebRequest *request, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *panel = sql && id ? panel_load(sql, id, error) : NULL;
  if (sql == NULL || (id && panel == NULL)) return NULL;
  Shown shown = {.panel = panel, .yaml = web_text(request, "yaml")};
  json_auto_t *base = yaml_load_text(shown.yaml, "定义", &local);
  if (base == NULL) {
    json_t *model = edit_model(request, &shown);
    json_object_set_new(model, "faults", json_pack("[{s:s, s:s}]", "where", "", "what", local->message));
    return web_model_status(model, 422);
  }
  json_auto_t *tree = json_object_size(web_fields(request, "d")) ? design_read(web_fields(request, "d")) : NULL;
  json_auto_t *given = tree ? panel_form_apply(base, tree) : json_incref(base), *faults = panel_faults(given);
  shown.tree = tree;
  WebReply *reply = redrawn(request, sql, given, &shown);
  if (reply != NULL) return reply;
  if (json_array_size(faults) > 0) return looked(request, sql, given, &shown, 422);
  gint64 saved = panel_define(sql, web_actor(request), id, given, "", error);
  if (saved == 0 || !sql_commit(sql, error)) return NULL;
  reply = web_redirect("/panel/%d", (int)saved);
  web_flash(reply, "一览已保存。");
  return reply;
}

static WebReply *save_panel(WebRequest *request, GError **error) { return save(request, web_int(request, "id", 0), error); }
static WebReply *save_new_panel(WebRequest *request, GError **error) { return save(request, 0, error); }

#define PERIOD {"year", WEB_INT, FALSE, 0, "年度"}, {"from", WEB_TEXT, FALSE, 20, "开始"}, {"to", WEB_TEXT, FALSE, 20, "结束"}, {"unit", WEB_TEXT, FALSE, 100, "单位"}
static const WebParameter FIRST_PARAMETERS[] = {PERIOD, {NULL}};
static const WebParameter ONE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "一览"}, PERIOD, {NULL}};
static const WebParameter ROWS_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "一览"}, PERIOD, {"at", WEB_INT, FALSE, 0, "第几张"}, {"chart", WEB_TEXT, FALSE, 20, "图"},
  {"row", WEB_TEXT, FALSE, 200, "行"}, {"column", WEB_TEXT, FALSE, 100, "列"}, {"after", WEB_INT, FALSE, 0, "翻页"}, {NULL}};
static const WebParameter DROP_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "一览"}, {NULL}};
static const WebParameter EDIT_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "一览"}, {"as", WEB_TEXT, FALSE, 10, "怎样改"}, {NULL}};
static const WebParameter EDIT_NEW_PARAMETERS[] = {{"as", WEB_TEXT, FALSE, 10, "怎样改"}, {NULL}};
#define FORM {"yaml", WEB_LINES, TRUE, PANEL_YAML, "定义"}, {"d", WEB_FIELDS, FALSE, PANEL_YAML, "定义"}, {"act", WEB_TEXT, FALSE, 60, "办理"}
static const WebParameter SAVE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "一览"}, FORM, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {FORM, {NULL}};

const WebRoute PANEL_ROUTES[] = {
  {"GET", "/panel", PERMISSION_SEE_FIGURES, FIRST_PARAMETERS, "figure/panel", first_panel, "一览"},
  {"GET", "/panel/{id}", PERMISSION_SEE_FIGURES, ONE_PARAMETERS, "figure/panel", one_panel, "一览"},
  {"GET", "/panel/{id}/rows", PERMISSION_SEE_FIGURES, ROWS_PARAMETERS, "figure/panel-rows", panel_rows, "一览的依据"},
  {"GET", "/panel/{id}/edit", PERMISSION_EDIT_FIGURES, EDIT_PARAMETERS, "figure/panel-edit", edit_panel, "修改一览"},
  {"POST", "/panel/{id}/edit", PERMISSION_EDIT_FIGURES, SAVE_PARAMETERS, "figure/panel-edit", save_panel, "修改一览"},
  {"POST", "/panel/{id}/drop", PERMISSION_EDIT_FIGURES, DROP_PARAMETERS, NULL, drop_panel, NULL},
  {"GET", "/panel-brief", PERMISSION_SEE_FIGURES, NULL, "figure/panel-brief", brief_panel, "一览"},
  {"GET", "/panel-new", PERMISSION_EDIT_FIGURES, EDIT_NEW_PARAMETERS, "figure/panel-edit", new_panel, "新建一览"},
  {"POST", "/panel-new", PERMISSION_EDIT_FIGURES, NEW_PARAMETERS, "figure/panel-edit", save_new_panel, "新建一览"},
  {NULL},
};
