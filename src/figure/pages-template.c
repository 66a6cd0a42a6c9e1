/*
 * A report's template on a page: name, heading, addressee, signature, period, parameters, fixed words and text, with figures at hand and what it gives for a year
 * beside it.
 *
 * 1. The page writes the same definition as the YAML; what it does not show of one stays as it was.
 * 2. A template that is wrong goes out as it came in, with its faults.
 */
#include "error.h"
#include "pages.h"
#include <string.h>

enum { YEARS_BACK = 1 };
static const char *const TEXTS[] = {"name", "group", "about", "unit", "heading", "addressee", "signed", "text"};

/* ---- lines of a field ---- */

static json_t *fixed_words(const char *text) {
  json_t *words = json_array();
  g_auto(GStrv) parts = g_regex_split_simple("[\n、]+", text, 0, 0);
  for (char **part = parts; *part; part++)
    if (*g_strstrip(*part)) json_array_append_new(words, json_string(*part));
  return words;
}

static char *words_text(json_t *words) {
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *word;
  size_t i;
  json_array_foreach(words, i, word) g_string_append_printf(out, "%s%s", i ? "、" : "", json_string_value(word) ? json_string_value(word) : "");
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *default_text(json_t *parameter) {
  json_t *value = json_object_get(parameter, "default");
  return json_is_string(value) ? g_strdup(json_string_value(value)) : value ? json_dumps(value, JSON_ENCODE_ANY) : g_strdup("");
}

/* "名称=缺省值" a line; a parameter that was there keeps what else it says. */
static json_t *parameters_of(const char *text, json_t *former) {
  json_t *parameters = json_array(), *before;
  g_auto(GStrv) lines = g_strsplit(text, "\n", 100);
  for (char **line = lines; *line; line++) {
    g_auto(GStrv) sides = g_regex_split_simple("[=＝]", g_strstrip(*line), 0, 0);
    if (sides[0] == NULL || *g_strstrip(sides[0]) == '\0') continue;
    const char *value = sides[1] ? g_strstrip(sides[1]) : "";
    json_t *parameter = NULL;
    size_t i;
    json_array_foreach(former, i, before)
      if (g_str_equal(text_at(before, "name"), sides[0])) parameter = json_deep_copy(before);
    if (parameter == NULL) parameter = json_pack("{s:s}", "name", sides[0]);
    g_autofree char *was = default_text(parameter);
    if (!g_str_equal(was, value)) json_object_set_new(parameter, "default", json_string(value));
    json_array_append_new(parameters, parameter);
  }
  return parameters;
}

static char *parameters_text(json_t *parameters) {
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *parameter;
  size_t i;
  json_array_foreach(parameters, i, parameter) {
    g_autofree char *value = default_text(parameter);
    g_string_append_printf(out, "%s=%s\n", text_at(parameter, "name"), value);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* ---- the form and the definition ---- */

static void put_list(json_t *definition, const char *key, json_t *list) {
  if (json_array_size(list)) json_object_set_new(definition, key, list);
  else {
    json_decref(list);
    json_object_del(definition, key);
  }
}

static json_t *given_definition(WebRequest *request, json_t *former) {
  json_t *definition = former ? json_deep_copy(former) : json_object(), *was;
  json_object_del(definition, "id");
  for (guint i = 0; i < G_N_ELEMENTS(TEXTS); i++) {
    const char *text = web_text(request, TEXTS[i]);
    if (text) json_object_set_new(definition, TEXTS[i], json_string(text));
    else json_object_del(definition, TEXTS[i]);
  }
  const char *from = web_text(request, "from"), *to = web_text(request, "to"), *fixed = web_text(request, "fixed"), *parameters = web_text(request, "parameters");
  json_object_set_new(definition, "period", from || to ? json_pack("{s:s, s:s}", "from", from ? from : "", "to", to ? to : "") :
    json_string(web_flag(request, "monthly") ? "month" : "year"));
  put_list(definition, "fixed", fixed_words(fixed ? fixed : ""));
  put_list(definition, "parameters", parameters_of(parameters ? parameters : "", json_object_get(former, "parameters")));
  if (former == NULL || g_str_equal(text_at(former, "name"), text_at(definition, "name"))) return definition;
  if (!json_is_array(was = json_object_get(definition, "was"))) json_object_set_new(definition, "was", was = json_array());
  json_array_append(was, json_object_get(former, "name")); /* under another name it is still the same */
  return definition;
}

static json_t *form_model(WebRequest *request, json_t *former, json_t *definition) {
  json_t *form = json_object(), *period = json_object_get(definition, "period");
  for (guint i = 0; i < G_N_ELEMENTS(TEXTS); i++) json_object_set_new(form, TEXTS[i], json_string(text_at(definition, TEXTS[i])));
  g_autofree char *fixed = words_text(json_object_get(definition, "fixed")), *parameters = parameters_text(json_object_get(definition, "parameters"));
  json_object_set_new(form, "fixed", json_string(fixed));
  json_object_set_new(form, "parameters", json_string(parameters));
  json_object_set_new(form, "monthly", json_boolean(g_strcmp0(json_string_value(period), "month") == 0));
  json_object_set_new(form, "from", json_string(text_at(period, "from")));
  json_object_set_new(form, "to", json_string(text_at(period, "to")));
  json_t *model = json_pack("{s:s, s:o, s:I, s:b}", "title", former ? text_at(former, "name") : "新建报告模板", "form", form, "year",
    (json_int_t)web_int(request, "year", page_this_year() - YEARS_BACK), "may_write", web_may(request, PERMISSION_WRITE_REPORTS));
  if (former) json_object_set(model, "template", json_object_get(former, "id"));
  return model;
}

/* What the template gives for the year, or why it does not. FALSE: it is wrong. */
static gboolean put_preview(WebRequest *request, Sql *sql, json_t *definition, json_t *model) {
  json_auto_t *faults = report_definition_faults(definition), *nothing = json_object();
  json_t *first = json_array_get(faults, 0);
  int year = (int)web_int(request, "year", page_this_year() - YEARS_BACK);
  g_autoptr(GError) local = NULL;
  if (first) {
    g_autofree char *place = int_at(first, "line") ? g_strdup_printf("第 %d 行第 %d 字：", (int)int_at(first, "line"), (int)int_at(first, "column")) : g_strdup("");
    json_object_set_new(model, "failed", json_sprintf("%s%s", place, text_at(first, "what")));
    return FALSE;
  }
  json_auto_t *report = report_make_definition(web_house(request), sql, ledger_asker(request), definition, report_default_period(definition, year), nothing, &local);
  g_autofree char *link = g_strdup_printf("/figures?year=%d&q=", year);
  if (report) page_put_made(model, link, report);
  else json_object_set_new(model, "failed", json_string(local->message));
  return TRUE;
}

static json_t *former_of(WebRequest *request, gboolean *ret_fine, GError **error) {
  gint64 id = web_int(request, "id", 0);
  json_t *former = id ? report_definition_of(id) : NULL;
  *ret_fine = id == 0 || former != NULL;
  if (!*ret_fine) throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个报告模板");
  return former;
}

static const char SKELETON[] = "一、总体情况\n{年份}年，……\n二、下一步打算\n……";

WebReply *page_template(WebRequest *request, GError **error) {
  gboolean fine;
  json_t *former = former_of(request, &fine, error);
  g_autoptr(Sql) sql = fine ? sql_read(web_house(request)->db, error) : NULL;
  if (sql == NULL) return NULL;
  json_auto_t *definition = former ? json_incref(former) : json_pack("{s:s, s:s, s:s}", "heading", "{馆名}{年份}年工作总结", "signed", "{馆名}", "text", SKELETON);
  if (former == NULL) json_object_set_new(definition, "parameters", json_pack("[{s:s, s:s}]", "name", "馆名", "default", "本馆"));
  json_t *model = form_model(request, former, definition);
  json_auto_t *plain = json_deep_copy(definition);
  json_object_del(plain, "id");
  if (former) put_preview(request, sql, plain, model);
  return web_model(model);
}

WebReply *preview_template(WebRequest *request, GError **error) {
  gboolean fine;
  json_t *former = former_of(request, &fine, error);
  g_autoptr(Sql) sql = fine ? sql_read(web_house(request)->db, error) : NULL;
  if (sql == NULL) return NULL;
  json_auto_t *definition = given_definition(request, former);
  json_t *model = json_object();
  put_preview(request, sql, definition, model);
  return web_model(model);
}

WebReply *save_template(WebRequest *request, GError **error) {
  gboolean fine;
  json_t *former = former_of(request, &fine, error);
  g_autoptr(Sql) sql = fine ? sql_write(web_house(request)->db, error) : NULL;
  if (sql == NULL) return NULL;
  json_auto_t *definition = given_definition(request, former);
  json_t *other = report_definition(text_at(definition, "name"));
  g_autoptr(GError) local = NULL;
  if (other != NULL && int_at(other, "id") != int_at(former, "id")) g_set_error(&local, LANTAI_ERROR, LANTAI_ERROR_INVALID, "已有叫“%s”的模板", text_at(definition, "name"));
  if (local == NULL && report_define(sql, web_actor(request), definition, &local) && sql_commit(sql, &local)) {
    WebReply *reply = web_redirect("/report-template/%" G_GINT64_FORMAT, int_at(report_definition(text_at(definition, "name")), "id"));
    web_flash(reply, "模板已保存，新起的报告用它；已有的草稿正文不变。");
    return reply;
  }
  if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  json_t *model = form_model(request, former, definition);
  json_object_set_new(model, "refused", json_string(local->message));
  return web_model_status(model, 422);
}
