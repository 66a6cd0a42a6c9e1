/* Panels as a form; see form.h. */
#include "form.h"
#include "design.h"
#include "json.h"
#include "panel.h"
#include "settings.h"
#include <string.h>

static const DesignKey SPEC_KEYS[] = {{"kind", DESIGN_TEXT}, {"every", DESIGN_TEXT}, {"years", DESIGN_NUMBER}, {"by", DESIGN_TEXT}, {"out", DESIGN_TEXT},
  {"in", DESIGN_TEXT}, {"where", DESIGN_WHERE}, {"key", DESIGN_TEXT}, {"under", DESIGN_TEXT}, {NULL}};
static const DesignKey CHART_KEYS[] = {{"figure", DESIGN_TEXT}, {"ledger", DESIGN_TEXT}, {"where", DESIGN_WHERE}, {"title", DESIGN_TEXT}, {"full", DESIGN_FLAG},
  {"chart", DESIGN_PART, SPEC_KEYS}, {NULL}};
static const DesignKey PANEL_KEYS[] = {{"name", DESIGN_TEXT}, {"about", DESIGN_TEXT}, {"unit", DESIGN_TEXT}, {"numbers", DESIGN_WORDS},
  {"charts", DESIGN_LIST, CHART_KEYS}, {NULL}};

static const char *const CHARTS[][2] = {{"", "照指标里定的"}, {"trend", "历年"}, {"share", "构成"}, {"progress", "进度"}, {"backlog", "积压"}, {"map", "分布"}};

/* `chart: trend` is short for {kind: trend}: the form has one place for both. */
static json_t *spread_copy(json_t *panel) {
  json_t *copy = json_is_object(panel) ? json_deep_copy(panel) : json_object(), *item;
  size_t i;
  json_array_foreach(json_object_get(copy, "charts"), i, item)
    if (json_is_string(json_object_get(item, "chart"))) json_object_set_new(item, "chart", json_pack("{s:O}", "kind", json_object_get(item, "chart")));
  return copy;
}

static void gather(json_t *panel) {
  json_t *item;
  size_t i;
  json_array_foreach(json_object_get(panel, "charts"), i, item) {
    json_t *chart = json_object_get(item, "chart");
    if (json_object_size(chart) == 1 && json_object_get(chart, "kind")) json_object_set(item, "chart", json_object_get(chart, "kind"));
  }
}

json_t *panel_form_tree(json_t *panel) {
  json_auto_t *flat = spread_copy(panel);
  return design_tree(flat, PANEL_KEYS);
}

/* Conditions are about the ledgers that the charts name: what a value is, the first that knows the field says. */
static const LedgerField *field_of(const char *name, gpointer data) {
  json_t *item;
  const char *number;
  json_object_foreach(data, number, item) {
    const char *ledgers[] = {design_text(item, "ledger"), design_text(json_object_get(item, "chart"), "in")};
    for (guint i = 0; i < G_N_ELEMENTS(ledgers); i++) {
      const LedgerDefinition *ledger = ledger_find(ledgers[i]);
      const LedgerField *field = NULL;
      g_autofree char *wrong = ledger ? ledger_path_fault(ledger, name, &field) : g_strdup("");
      if (wrong == NULL) return field;
    }
  }
  return NULL;
}

json_t *panel_form_apply(json_t *base, json_t *tree) {
  json_auto_t *former = spread_copy(base);
  DesignCare care = {.field = field_of, .data = json_object_get(tree, "charts")};
  json_t *panel = design_apply(former, tree, PANEL_KEYS, &care);
  gather(panel);
  return panel;
}

char *panel_form_yaml(json_t *panel) {
  static const char *const order[] = {"name", "about", "unit", "numbers", "figure", "ledger", "where", "title", "full", "kind", "every", "years", "by", "out", "in",
    "key", "under", "chart", "charts", NULL};
  json_auto_t *plain = json_copy(panel);
  json_object_del(plain, "id");
  return yaml_write(plain, order);
}

char *panel_form_act(json_t *tree, const char *act) { return design_act(tree, PANEL_KEYS, act); }

/* ---- the model ---- */

typedef struct { Asker asker; json_t *columns; } Dressing;

static json_t *ledger_options(const char *chosen, Asker asker) {
  json_t *options = json_pack("[{s:s, s:s, s:b}]", "value", "", "label", "不直接画台账", "chosen", *chosen == '\0');
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    if (ledger_may_read(all[i], asker) || g_str_equal(all[i]->name, chosen))
      json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", all[i]->name, "label", all[i]->name, "chosen", g_str_equal(all[i]->name, chosen)));
  return options;
}

static void add_columns(Dressing *dressing, const char *name) {
  const LedgerDefinition *ledger = ledger_find(name);
  for (guint i = 0; ledger != NULL && ledger_may_read(ledger, dressing->asker) && i < ledger->field_count; i++)
    if (ledger_may_read_field(&ledger->fields[i], dressing->asker)) json_object_set_new(dressing->columns, ledger->fields[i].name, json_true());
}

static void dress(json_t *model, json_t *row, const DesignKey *keys, const char *path, gpointer data) {
  static const char *const rhythms[][2] = {{"", "按年"}, {"month", "按月，与上年并列"}};
  Dressing *dressing = data;
  json_t *chart = json_object_get(model, "chart");
  if (keys != CHART_KEYS) return;
  const char *kind = text_at(chart, "kind");
  json_t *figure = figure_definition(text_at(model, "figure"));
  add_columns(dressing, *text_at(model, "ledger") ? text_at(model, "ledger") : text_at(figure, "ledger"));
  add_columns(dressing, text_at(chart, "in"));
  json_object_set_new(model, "ledgers", ledger_options(text_at(model, "ledger"), dressing->asker));
  json_object_set_new(model, "of_ledger", json_boolean(*text_at(model, "ledger") || json_object_size(json_object_get(row, "where"))));
  json_object_set_new(chart, "kinds", design_options(CHARTS, G_N_ELEMENTS(CHARTS), kind));
  json_object_set_new(chart, "rhythms", design_options(rhythms, G_N_ELEMENTS(rhythms), text_at(chart, "every")));
  json_object_set_new(chart, "rosters", ledger_options(text_at(chart, "in"), dressing->asker));
  json_object_set_new(chart, "of_trend", json_boolean(g_str_equal(kind, "trend")));
  json_object_set_new(chart, "of_parts", json_boolean(g_str_equal(kind, "share") || g_str_equal(kind, "progress") || g_str_equal(kind, "map")));
  json_object_set_new(chart, "of_backlog", json_boolean(g_str_equal(kind, "backlog")));
  json_object_set_new(chart, "of_map", json_boolean(g_str_equal(kind, "map")));
}

json_t *panel_form_model(json_t *tree, const char *focus, Asker asker) {
  Dressing dressing = {asker, json_object()};
  DesignCare care = {.dress = dress, .data = &dressing};
  json_t *model = design_model(tree, PANEL_KEYS, focus, &care), *names = json_array(), *value;
  const char *name;
  json_object_foreach(dressing.columns, name, value) json_array_append_new(names, json_string(name));
  json_decref(dressing.columns);
  json_object_set_new(model, "column_names", names);
  json_object_set_new(model, "figure_names", figure_names());
  return model;
}

char *panel_form_place(json_t *panel, const char *where, char **ret_anchor) {
  *ret_anchor = NULL;
  if (g_str_equal(where, "name")) return g_strdup("名称");
  if (g_str_has_prefix(where, "numbers")) return g_strdup("数");
  if (!g_str_has_prefix(where, "charts[")) return NULL;
  int at = (int)g_ascii_strtoll(where + strlen("charts["), NULL, 10);
  json_t *item = json_array_get(json_object_get(panel, "charts"), (size_t)at);
  const char *title = *text_at(item, "title") ? text_at(item, "title") : *text_at(item, "figure") ? text_at(item, "figure") : text_at(item, "ledger");
  *ret_anchor = g_strdup_printf("charts-%d", at);
  return *title ? g_strdup_printf("图 %d（%s）", at + 1, title) : g_strdup_printf("图 %d", at + 1);
}
