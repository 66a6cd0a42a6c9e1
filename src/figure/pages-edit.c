/*
 * The definition of a figure: a form with the number that it gives, how it is said and the rows behind it; as YAML for what the form has no place for.
 *
 * 1. Nothing is in force before it was checked; a trial counts what who tries it sees.
 * 2. The page holds what the form was made from, so that it gives back what it does not show.
 */
#include "pages.h"
#include "design.h"
#include "form.h"
#include "settings.h"

enum { TRIED_ROWS = 10 };

/* definition: shown as a form, unless NULL; tree: the form as it was typed, NULL: made from the definition. */
typedef struct { json_t *figure, *definition, *tree; const char *yaml, *focus; } Shown;

static json_t *edit_model(WebRequest *request, const Shown *shown) {
  json_t *model = json_pack("{s:s, s:s, s:i, s:s}", "title", shown->figure ? "修改指标" : "新建指标", "yaml", shown->yaml, "year",
    (int)web_int(request, "year", page_this_year()), "form_path", web_path(request));
  if (shown->figure)
    json_object_set_new(model, "one", json_pack("{s:O, s:O}", "id", json_object_get(shown->figure, "id"), "name", json_object_get(shown->figure, "name")));
  json_auto_t *tree = shown->tree ? json_incref(shown->tree) : shown->definition ? figure_form_tree(shown->definition) : NULL;
  if (tree) json_object_set_new(model, "design", figure_form_model(tree, shown->focus, ledger_asker(request)));
  json_object_set_new(model, "has_design", json_boolean(tree != NULL));
  return model;
}

/* What the definition gives as it is: its number in words and the first rows behind it, or what is wrong. */
static void try_out(WebRequest *request, json_t *definition, json_t *model) {
  g_autoptr(GError) local = NULL;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, &local);
  FigurePeriod period = figure_year((int)web_int(request, "year", page_this_year()));
  json_auto_t *result = sql ? figure_try(web_house(request), sql, ledger_asker(request), definition, period, &local) : NULL, *behind = json_object();
  if (result) json_object_set(model, "result", result);
  else json_object_set_new(model, "failed", json_string(local->message));
  json_object_set_new(model, "year", json_integer(period.to / 10000));
  if (result == NULL || json_object_get(result, "opens") != NULL) return;
  g_autoptr(GArray) ids = figure_tried_entries(web_house(request), sql, ledger_asker(request), definition, period, NULL);
  if (ids == NULL) return;
  if (ids->len > TRIED_ROWS) g_array_set_size(ids, TRIED_ROWS);
  if (page_put_entries(request, sql, ids, behind, NULL)) json_object_set(model, "behind", json_object_get(behind, "rows"));
}

/* Nobody defines a number by right (restricted, holdings) that counts more than he sees himself: it would answer what he may not ask. */
static gboolean may_define(WebRequest *request, json_t *definition, GError **error) {
  const FigurePeriod periods[] = {{19000101, 29991231, NULL}, figure_year((int)web_int(request, "year", page_this_year()))};
  const House *house = web_house(request);
  Asker asker = ledger_asker(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  for (guint i = 0; sql != NULL && i < G_N_ELEMENTS(periods); i++) {
    json_auto_t *told = figure_compute_definition(house, sql, asker, definition, periods[i], error);
    json_auto_t *seen = told ? figure_try(house, sql, asker, definition, periods[i], error) : NULL;
    if (seen == NULL) return FALSE;
    if (!json_equal(json_object_get(told, "value"), json_object_get(seen, "value")) || !json_equal(json_object_get(told, "parts"), json_object_get(seen, "parts")))
      return throw(error, LANTAI_ERROR_DENIED, "这个指标会数到您不能查看的条目或档案，请由能查看的人定义");
  }
  return sql != NULL;
}

/* The figure that a definition would replace, by its name or a former one; NULL: none. */
static json_t *replaced(json_t *definition) {
  json_t *figure = figure_definition(text_at(definition, "name")), *was;
  size_t i;
  json_array_foreach(json_object_get(definition, "was"), i, was)
    if (figure == NULL) figure = figure_definition(json_string_value(was));
  return figure;
}

static gboolean define_one(WebRequest *request, json_t *definition, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *list = json_pack("[O]", definition);
  return sql != NULL && figure_define(sql, web_actor(request), list, NULL, error) && sql_commit(sql, error);
}

/* Before it has a name it is tried under another. */
static json_t *named(json_t *definition) {
  if (*text_at(definition, "name")) return json_incref(definition);
  json_t *copy = json_copy(definition);
  json_object_set_new(copy, "name", json_string("试算"));
  return copy;
}

static void put_faults(json_t *model, json_t *faults) {
  json_t *fault;
  size_t i;
  json_array_foreach(faults, i, fault)
    if (figure_form_word(text_at(fault, "where"))) json_object_set_new(fault, "place", json_string(figure_form_word(text_at(fault, "where"))));
  json_object_set(model, "faults", faults);
}

/* FALSE: it reads what who defines it may not, or another has the name. */
static gboolean admitted(WebRequest *request, json_t *figure, json_t *definition, GError **error) {
  if (!figure_is_open(definition, ledger_asker(request)) || (figure && !figure_is_open(figure, ledger_asker(request))))
    return throw(error, LANTAI_ERROR_DENIED, "指标用到的台账或栏目中有您不能查看的，请由能查看的人定义");
  json_t *former = replaced(definition);
  if (former != NULL && (figure == NULL || int_at(former, "id") != int_at(figure, "id")))
    return throw(error, LANTAI_ERROR_CONFLICT, "已有叫“%s”的指标，或用过这个名称，请换一个，或到它那里修改", text_at(definition, "name"));
  return TRUE;
}

/* The page as it opens; what may be seen of it is tried at once. */
static WebReply *shown_as(WebRequest *request, json_t *figure, json_t *definition) {
  g_autofree char *yaml = figure_form_yaml(definition);
  gboolean form = g_strcmp0(web_text(request, "as"), "yaml") != 0;
  json_t *model = edit_model(request, &(Shown){.figure = figure, .definition = form ? definition : NULL, .yaml = yaml});
  json_auto_t *some = named(definition), *faults = figure_definition_faults(some, NULL);
  if (form && json_array_size(faults) == 0 && admitted(request, figure, some, NULL)) try_out(request, some, model);
  return web_model(model);
}

/* Of the ledger that was open, if one was. */
WebReply *page_figure_new(WebRequest *request, GError **error) {
  const LedgerDefinition *ledger = ledger_of(web_int(request, "ledger", 0));
  if (ledger == NULL || !ledger_may_read(ledger, ledger_asker(request))) ledger = ledger_find("会议台账");
  json_auto_t *definition = json_pack("{s:s, s:s, s:s, s:{}, s:n, s:s}", "name", "", "about", "", "ledger", ledger ? ledger->name : "", "where", "count", "unit", "件");
  return shown_as(request, NULL, definition);
}

WebReply *page_figure_edit(WebRequest *request, GError **error) {
  json_t *figure = page_find_figure(request, error);
  return figure ? shown_as(request, figure, figure) : NULL;
}

/* The page again with what was typed: its faults, else what it gives. */
static WebReply *tried(WebRequest *request, json_t *definition, const Shown *shown, GError **error) {
  json_auto_t *model = edit_model(request, shown), *some = named(definition), *faults = figure_definition_faults(some, NULL);
  put_faults(model, faults);
  if (json_array_size(faults) > 0) return web_model_status(g_steal_pointer(&model), shown->tree ? 200 : 422);
  if (!admitted(request, shown->figure, some, error)) return NULL;
  try_out(request, some, model);
  return web_model(g_steal_pointer(&model));
}

static WebReply *refused(WebRequest *request, const Shown *shown, json_t *faults) {
  json_t *model = edit_model(request, shown);
  put_faults(model, faults);
  return web_model_status(model, 422);
}

/* The form's rows, or the other way to write it. NULL: it is to be tried or saved. */
static WebReply *redrawn(WebRequest *request, json_t *definition, Shown *shown, GError **error) {
  const char *act = web_text(request, "act") ? web_text(request, "act") : "";
  g_autofree char *focus = shown->tree ? figure_form_act(shown->tree, act) : NULL, *yaml = NULL;
  if (focus) {
    shown->focus = focus;
    return web_model(edit_model(request, shown));
  }
  if (g_str_equal(act, "form")) return tried(request, definition, &(Shown){.figure = shown->figure, .definition = definition, .yaml = shown->yaml}, error);
  if (!g_str_equal(act, "yaml")) return NULL;
  yaml = figure_form_yaml(definition);
  return tried(request, definition, &(Shown){.figure = shown->figure, .yaml = yaml}, error);
}

WebReply *save_figure(WebRequest *request, GError **error) {
  gboolean existing = web_int(request, "id", 0) != 0;
  json_t *figure = existing ? page_find_figure(request, error) : NULL;
  if (existing && figure == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  Shown shown = {.figure = figure, .yaml = web_text(request, "yaml")};
  json_auto_t *base = yaml_load_text(shown.yaml, "定义", &local);
  json_auto_t *unread = base == NULL ? json_pack("[{s:s, s:s}]", "where", "", "what", local->message) : NULL;
  if (unread) return refused(request, &shown, unread);
  json_auto_t *tree = json_object_size(web_fields(request, "d")) ? design_read(web_fields(request, "d")) : NULL;
  json_auto_t *definition = tree ? figure_form_apply(base, tree) : json_incref(base), *faults = NULL;
  shown.tree = tree;
  WebReply *reply = redrawn(request, definition, &shown, error);
  if (reply != NULL || (error && *error)) return reply;
  if (!web_flag(request, "save")) return tried(request, definition, &shown, error);
  faults = figure_definition_faults(definition, NULL);
  if (json_array_size(faults) > 0) return refused(request, &shown, faults);
  if (!admitted(request, figure, definition, error) || !may_define(request, definition, error) || !define_one(request, definition, error)) return NULL;
  json_t *saved = figure_definition(text_at(definition, "name"));
  reply = web_redirect("/figure/%d", (int)int_at(saved, "id"));
  web_flash(reply, "指标已启用。");
  return reply;
}
