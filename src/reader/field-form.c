/*
 * Search by the fields of a category: once one category is chosen, the search page offers its fields; what is filled in joins the words that were asked, as
 * 著录项:值 in the query language, so that the address that comes of it says all and can be corrected by hand.
 *
 * 1. Fields that a category keeps from those who see open records only are not offered to these.
 */
#include "search-page.h"
#include "text.h"
#include <string.h>

enum { VALUE_MOST = 200 };
static const char *const COMMON_KEYS[] = {"title", "creator", "docno", "code", "date"};

/* The one category that is asked for; NULL: none, or several. */
static const CatalogCategory *asked_category(WebRequest *request, json_t *asked) {
  json_t *list = json_object_get(asked, "category");
  gint64 id = json_array_size(list) == 1 ? json_integer_value(json_array_get(list, 0)) : 0;
  return id > 0 && id < 256 ? catalog_category(web_house(request)->catalog, (guint8)id) : NULL;
}

/* ---- the form ---- */

static json_t *input_model(const CatalogField *field) {
  gboolean date = g_str_equal(field->type, "date");
  json_t *input = json_pack("{s:s, s:s, s:b}", "key", field->key, "label", field->label, "is_choice", field->values != NULL);
  const char *hint = date ? "1979、1979-02、1970..1979-06" : g_str_equal(field->type, "person") ? "姓名或拼音" : NULL;
  if (hint != NULL) json_object_set_new(input, "hint", json_string(hint));
  json_t *options = json_array();
  for (const char *const *value = field->values; value != NULL && *value != NULL; value++) json_array_append_new(options, json_string(*value));
  json_object_set_new(input, "options", options);
  return input;
}

static const CatalogField *common_of(const char *key) {
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].key, key)) return &fields[i];
  return NULL;
}

gboolean search_field_shown(WebRequest *request, const CatalogField *field) { return !field->staff || scope_admits_closed_fields(web_scope(request)); }

static json_t *inputs_model(WebRequest *request, const CatalogCategory *category, gboolean listed) {
  json_t *inputs = json_array();
  for (guint i = 0; i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    if (field->listed != listed || !search_field_shown(request, field)) continue;
    json_array_append_new(inputs, input_model(field));
  }
  for (guint i = 0; !listed && i < G_N_ELEMENTS(COMMON_KEYS); i++) json_array_append_new(inputs, input_model(common_of(COMMON_KEYS[i])));
  return inputs;
}

json_t *search_form_model(WebRequest *request, json_t *asked) {
  const CatalogCategory *category = asked_category(request, asked);
  json_t *categories = json_array();
  guint count;
  const CatalogCategory *const *all = catalog_categories(web_house(request)->catalog, &count);
  for (guint i = 0; i < count; i++) {
    json_auto_t *other = asked_with(asked, "category", json_pack("[i]", all[i]->id));
    g_autofree char *address = asked_address("/search", other), *href = g_strconcat(address, "&by=1", NULL);
    json_array_append_new(categories, json_pack("{s:s, s:s, s:b}", "title", all[i]->title, "href", href, "on", all[i] == category));
  }
  json_t *model = json_pack("{s:o}", "categories", categories);
  if (category == NULL) return model;
  json_t *filled = json_pack("{s:s, s:o, s:o, s:b}", "title", category->title, "inputs", inputs_model(request, category, TRUE), "more",
    inputs_model(request, category, FALSE), "open",
    web_flag(request, "by"));
  json_object_set_new(model, "chosen", filled);
  return model;
}

/* ---- what was filled in, as words ---- */

static void append_quoted(GString *words, const char *value) {
  g_string_append_c(words, '"');
  for (const char *at = value; *at; at++)
    if (*at != '"') g_string_append_c(words, *at);
  g_string_append_c(words, '"');
}

static void append_term(GString *words, const CatalogField *field, const char *value) {
  if (words->len > 0) g_string_append_c(words, ' ');
  g_string_append_printf(words, "%s:", field->label);
  if (field->values != NULL) g_string_append_c(words, '=');
  gboolean plain = strpbrk(value, " \t\"():") == NULL && strstr(value, "　") == NULL && strstr(value, "（") == NULL && value[0] != '-' && value[0] != '=';
  if (plain && field->values == NULL) g_string_append(words, value);
  else append_quoted(words, value);
}

static const CatalogField *field_named(const CatalogCategory *category, const char *key) {
  for (guint i = 0; i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return &category->fields[i];
  for (guint i = 0; i < G_N_ELEMENTS(COMMON_KEYS); i++)
    if (g_str_equal(COMMON_KEYS[i], key)) return common_of(key);
  return NULL;
}

char *search_form_words(WebRequest *request, json_t *asked) {
  const CatalogCategory *category = asked_category(request, asked);
  gsize keys, values;
  const char *const *key = web_list(request, "field", &keys), *const *value = web_list(request, "value", &values);
  if (category == NULL || keys == 0) return NULL;
  GString *words = g_string_new(NULL);
  for (gsize i = 0; i < MIN(keys, values); i++) {
    const CatalogField *field = field_named(category, key[i]);
    g_autofree char *clean = text_clean(value[i], FALSE);
    if (field != NULL && *clean != '\0' && text_length(clean) <= VALUE_MOST) append_term(words, field, clean);
  }
  return g_string_free(words, FALSE);
}
