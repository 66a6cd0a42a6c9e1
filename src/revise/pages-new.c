/*
 * Where a revision begins: records chosen and a rule for them, or a corrected spreadsheet.
 *
 * 1. What is chosen travels as a selection and is only a wish: planning takes the scope.
 * 2. A rule that lacks something brings the form back with what was typed and what is missing.
 */
#include "internal.h"
#include "json.h"
#include "retention.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

enum { TERMS_SHOWN = 30 };

/* ---- what is chosen ---- */

static json_t *chosen(WebRequest *request, Sql *sql) {
  if (web_text(request, "selection") != NULL) return json_loads(web_text(request, "selection"), 0, NULL);
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  if (count == 0) return exchange_chosen(request, sql);
  json_t *ids = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(ids, json_integer(items[i]));
  return json_pack("{s:o}", "ids", ids);
}

/* ---- the form ---- */

static void add_field(json_t *fields, const char *group, const char *key, const char *label, const char *chosen_key) {
  json_array_append_new(fields, json_pack("{s:s, s:s, s:s, s:b}", "group", group, "key", key, "label", label, "chosen", g_strcmp0(key, chosen_key) == 0));
}

/* Each category's fields under its name: where in the flat list a name begins and ends. */
static json_t *with_groups(json_t *fields) {
  const char *group = "";
  size_t i;
  json_t *field;
  json_array_foreach(fields, i, field) {
    const char *its = text_at(field, "group");
    json_t *next = json_array_get(fields, i + 1);
    if (*its == '\0') continue;
    if (!g_str_equal(its, group)) json_object_set_new(field, "begins", json_true());
    if (next == NULL || !g_str_equal(text_at(next, "group"), its)) json_object_set_new(field, "ends", json_true());
    group = its;
  }
  return fields;
}

/* What a field may be given where that is a choice or a customary word: offered beside the value. */
static json_t *terms_model(const Catalog *catalog) {
  json_t *terms = json_array();
  for (guint id = 1; id < 255 && json_array_size(terms) < TERMS_SHOWN; id++) {
    g_autofree char *problem = catalog_retention_problem(catalog, NULL, 0, catalog_retention_text(catalog, id));
    if (*catalog_retention_text(catalog, id) != '\0' && problem == NULL)
      json_array_append_new(terms, json_pack("{s:s, s:s}", "text", catalog_retention_text(catalog, id), "field", "保管期限"));
  }
  for (int i = 0; i <= SECURITY_TOP; i++) json_array_append_new(terms, json_pack("{s:s, s:s}", "text", security_label(i), "field", "密级"));
  for (int i = 0; i <= OPENING_DEFERRED; i++) json_array_append_new(terms, json_pack("{s:s, s:s}", "text", opening_label(i), "field", "开放标识"));
  return terms;
}

static gboolean among(json_t *ids, gint64 id) {
  size_t i;
  json_t *each;
  json_array_foreach(ids, i, each) if (json_integer_value(each) == id) return TRUE;
  return ids == NULL;
}

/* Common fields, then those of the categories that are touched (NULL: of all); a key that several of them have stands under each. former: also the keys that fields
 * had before. */
static json_t *fields_model(const Catalog *catalog, json_t *touched, const char *chosen_key, gboolean former) {
  static const char *const common[] = {"title", "creator", "docno", "date", "year", "retention", "security", "opening", "page_count", "note"};
  json_t *fields = json_array();
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < G_N_ELEMENTS(common); i++) add_field(fields, "", common[i], catalog_value_label(NULL, common[i]), chosen_key);
  guint all, count = 0;
  const CatalogCategory *const *known = catalog_categories(catalog, &all);
  g_autofree const CatalogCategory **categories = g_new(const CatalogCategory *, all + 1);
  for (guint c = 0; c < all; c++)
    if (among(touched, known[c]->id)) categories[count++] = known[c];
  for (guint c = 0; c < count; c++)
    for (guint f = 0; f < categories[c]->field_count; f++)
      add_field(fields, categories[c]->title, categories[c]->fields[f].key, categories[c]->fields[f].label,
        g_hash_table_add(seen, (gpointer)categories[c]->fields[f].key) ? chosen_key : NULL);
  for (guint c = 0; former && c < count; c++)
    for (guint f = 0; f < categories[c]->field_count; f++)
      for (const char *const *was = categories[c]->fields[f].was; was != NULL && *was != NULL; was++) {
        g_autofree char *label = g_strdup_printf("%s（旧 key %s）", categories[c]->fields[f].label, *was);
        if (g_hash_table_add(seen, (gpointer)*was)) add_field(fields, categories[c]->title, *was, label, chosen_key);
      }
  return with_groups(fields);
}

static json_t *rules_model(const char *kind) {
  json_t *rules = json_array();
  for (const ReviseRule *rule = REVISE_RULES; rule->kind != NULL; rule++)
    json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:b}", "kind", rule->kind, "label", rule->label, "hint", rule->hint, "chosen",
      g_strcmp0(kind, rule->kind) == 0));
  return rules;
}

static json_t *rule_of(WebRequest *request) {
  static const char *const names[][2] = {{"kind", "kind"}, {"field", "field"}, {"value", "value"}, {"find", "find"}, {"with", "with"}, {"source", "from"}};
  json_t *rule = json_pack("{s:I, s:I}", "start", (json_int_t)web_int(request, "start", 1), "width", (json_int_t)web_int(request, "width", 0));
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (web_text(request, names[i][0]) != NULL) json_object_set_new(rule, names[i][1], json_string(web_text(request, names[i][0])));
  return rule;
}

static json_t *form_model(WebRequest *request, json_t *selection, const GError *problem, GError **error) {
  static const char *const texts[] = {"value", "find", "with", "why"};
  const Catalog *catalog = web_house(request)->catalog;
  g_autoptr(Selection) named = selection == NULL ? NULL : selection_new(web_house(request), web_scope(request), selection, error);
  if (selection != NULL && named == NULL) return NULL;
  json_auto_t *rule = rule_of(request);
  json_auto_t *touch = selection == NULL ? NULL : touch_model(request, selection, rule, error);
  if (selection != NULL && touch == NULL) return NULL;
  json_t *touched = json_object_get(touch, "categories");
  json_t *model = json_pack("{s:s, s:o, s:o, s:o}", "title", "批量修改", "fields", fields_model(catalog, touched, web_text(request, "field"), FALSE), "sources",
    fields_model(catalog, touched, web_text(request, "source"), TRUE), "rules", rules_model(web_text(request, "kind")));
  json_object_set_new(model, "terms", terms_model(catalog));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) json_object_set_new(model, texts[i], json_string(web_text(request, texts[i]) ? web_text(request, texts[i]) : ""));
  json_object_set_new(model, "start", json_integer(web_int(request, "start", 1)));
  json_object_set_new(model, "width", json_integer(web_int(request, "width", 0)));
  if (problem != NULL) json_object_set_new(model, "problem", json_string(problem->message));
  if (selection == NULL) return model;
  g_autofree char *name = selection_name(named), *text = json_dumps(selection, JSON_COMPACT | JSON_SORT_KEYS);
  json_object_set_new(model, "chosen", json_pack("{s:s, s:s, s:b}", "name", name, "selection", text, "filtered",
    json_object_size(json_object_get(selection, "filters")) > 0));
  json_object_set(model, "touch", touch);
  return model;
}

WebReply *page_revise_new(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  json_auto_t *selection = chosen(request, sql);
  json_t *model = form_model(request, selection, NULL, error);
  return model != NULL ? web_model(model) : NULL;
}

static json_t *selection_of(WebRequest *request, GError **error) {
  if (web_text(request, "selection") != NULL) {
    json_t *selection = json_loads(web_text(request, "selection"), 0, NULL);
    return selection != NULL ? selection : throw_null(error, LANTAI_ERROR_INVALID, "没有说明修改哪些。请在检索结果或目录的页面上按“批量修改”");
  }
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *selection = sql == NULL ? NULL : chosen(request, sql);
  if (sql != NULL && selection == NULL) throw(error, LANTAI_ERROR_INVALID, "请先选择要修改的档案：在检索结果或目录的页面上按“批量修改”");
  return selection;
}

WebReply *page_revise_touch(WebRequest *request, GError **error) {
  json_auto_t *selection = selection_of(request, error), *rule = rule_of(request);
  json_t *touch = selection != NULL ? touch_model(request, selection, rule, error) : NULL;
  return touch != NULL ? web_model(json_pack("{s:s, s:o}", "title", "批量修改", "touch", touch)) : NULL;
}

WebReply *page_revise_plan(WebRequest *request, GError **error) {
  json_auto_t *selection = selection_of(request, error);
  if (selection == NULL) return NULL;
  json_auto_t *rule = rule_of(request);
  json_auto_t *ask = json_pack("{s:O, s:O, s:s*}", "selection", selection, "rule", rule, "why", web_text(request, "why"));
  g_autoptr(GError) problem = NULL;
  gint64 id = revise_plan(web_house(request), web_scope(request), web_actor(request), ask, &problem);
  if (id != 0) return web_redirect("/revise/%" G_GINT64_FORMAT, id);
  if (!g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  json_t *model = form_model(request, selection, problem, error);
  return model == NULL ? NULL : web_model_status(model, 422);
}

/* ---- a corrected spreadsheet ---- */

WebReply *page_revise_sheet(WebRequest *request, GError **error) { return web_model(json_pack("{s:s}", "title", "上传修改用表")); }

/* The form again, with what is wrong with the file under the name it was sent by. */
static WebReply *sheet_refused(WebRequest *request, gint64 id, GError *problem) {
  g_autofree char *path = sheet_path(web_house(request), id);
  error_call_file(&problem, path, web_file_name(request, "table"));
  return web_model_status(json_pack("{s:s, s:s}", "title", "上传修改用表", "problem", problem->message), error_http_status(problem));
}

static gboolean keep_table(WebRequest *request, gint64 id, GError **error) {
  g_autofree char *path = sheet_path(web_house(request), id), *folder = g_path_get_dirname(path);
  g_autofree char *uploaded = web_file_steal(request, "table");
  if (uploaded == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择改好的表格");
  if (g_mkdir_with_parents(folder, 0700) == 0 && g_rename(uploaded, path) == 0) return TRUE;
  throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的表格：%s", error_reason(errno));
  g_unlink(uploaded);
  return FALSE;
}

WebReply *page_revise_upload(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *name = web_file_name(request, "table");
  g_autofree char *title = g_strdup_printf("修改用表：%s", name != NULL ? name : "");
  json_auto_t *ask = json_pack("{s:b, s:s*}", "clear", g_strcmp0(web_text(request, "empty"), "clear") == 0, "why", web_text(request, "why"));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : revision_insert(sql, web_actor(request), title, "sheet", ask, web_scope(request), "planning", error);
  if (id == 0 || !keep_table(request, id, error) || !sql_commit(sql, error)) return NULL;
  g_clear_pointer(&sql, sql_end);
  g_autoptr(GError) problem = NULL;
  if (plan_soon(house, id, web_actor(request), 200, &problem)) return web_redirect("/revise/%" G_GINT64_FORMAT, id);
  revision_drop(house, id, NULL);
  if (g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return sheet_refused(request, id, problem);
  return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
}
