/*
 * Forms: documents with places. A place is {key} or {a.b}; a value is put in as it is and not looked through again, so that nothing a delivery says
 * can ask for more of the model.
 */
#include "error.h"
#include "print.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

#define ROWS_MAX 1000000

/* ---- values ---- */

static json_t *follow(json_t *object, const char *path) {
  g_auto(GStrv) keys = g_strsplit(path, ".", -1);
  for (char **key = keys; *key; key++) object = json_object_get(object, *key);
  return object;
}

typedef struct { json_t *model, *element; guint number; } Values; /* element: the row's own, before the model's */

static void append_value(GString *out, const Values *values, const char *path) {
  json_t *value = values->element ? follow(values->element, path) : NULL;
  if (value == NULL) value = follow(values->model, path);
  if (g_str_equal(path, "@number")) g_string_append_printf(out, "%u", values->number);
  else if (json_is_string(value)) g_string_append(out, json_string_value(value));
  else if (json_is_integer(value)) g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else if (json_is_real(value)) g_string_append_printf(out, "%.15g", json_real_value(value));
  else if (json_is_boolean(value)) g_string_append(out, json_is_true(value) ? "是" : "否");
}

static gsize place_length(const char *at) { /* of "{a.b}"; 0: no place */
  gsize length = strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@");
  return length > 0 && at[length + 1] == '}' ? length + 2 : 0;
}

static json_t *fill_text(const char *text, const Values *values) {
  g_autoptr(GString) out = g_string_new(NULL);
  while (*text) {
    gsize plain = strcspn(text, "{"), place = text[plain] ? place_length(text + plain) : 0;
    g_string_append_len(out, text, (gssize)plain);
    text += plain;
    if (place) {
      g_autofree char *path = g_strndup(text + 1, place - 2);
      append_value(out, values, path);
      text += place;
    } else if (*text) g_string_append_c(out, *text++);
  }
  g_autofree char *valid = g_utf8_make_valid(out->str, -1);
  return json_string(valid);
}

/* ---- documents ---- */

static json_t *fill(json_t *part, const Values *values);

/* each: the list; row: the texts of one element. */
static json_t *fill_rows(json_t *block, const Values *values) {
  json_t *rows = json_array(), *element, *list = follow(values->model, json_string_value(json_object_get(block, "each")));
  size_t i;
  json_array_foreach(list, i, element) {
    if (i >= ROWS_MAX) break;
    const Values own = {values->model, element, (guint)i + 1};
    json_array_append_new(rows, fill(json_object_get(block, "row"), &own));
  }
  return rows;
}

/* optional: a table that nothing stands in is not printed. */
static gboolean is_left_out(json_t *part, const Values *values) {
  const char *each = json_string_value(json_object_get(part, "each"));
  return each && json_is_true(json_object_get(part, "optional")) && json_array_size(follow(values->model, each)) == 0;
}

static json_t *fill(json_t *part, const Values *values) {
  if (json_is_string(part)) return fill_text(json_string_value(part), values);
  if (json_is_array(part)) {
    json_t *filled = json_array(), *item;
    size_t i;
    json_array_foreach(part, i, item)
      if (!is_left_out(item, values)) json_array_append_new(filled, fill(item, values));
    return filled;
  }
  if (!json_is_object(part)) return json_incref(part ? part : json_null());
  json_t *filled = json_object(), *value;
  const char *key;
  gboolean each = json_is_string(json_object_get(part, "each"));
  json_object_foreach(part, key, value)
    if (!each || !(g_str_equal(key, "each") || g_str_equal(key, "row") || g_str_equal(key, "optional"))) json_object_set_new(filled, key, fill(value, values));
  if (each) json_object_set_new(filled, "rows", fill_rows(part, values));
  return filled;
}

static json_t *load_form(const char *dir, const char *form, GError **error) {
  if (!*form || strspn(form, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(form)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这张表", form);
  g_autofree char *path = g_strdup_printf("forms/%s.yaml", form);
  return yaml_load_definition(dir, path, error);
}

json_t *print_form_document(const char *dir, const char *form, json_t *model, GError **error) {
  json_t *source = load_form(dir, form, error);
  if (source == NULL) return NULL;
  const Values values = {model, NULL, 0};
  json_t *document = fill(source, &values);
  json_decref(source);
  return document;
}

GBytes *print_form(const char *dir, const char *form, json_t *model, GError **error) {
  json_t *document = print_form_document(dir, form, model, error);
  if (document == NULL) return NULL;
  GError *failure = NULL;
  GBytes *bytes = print_pdf(document, &failure);
  json_decref(document);
  if (failure) {
    g_prefix_error(&failure, "表“%s”：", form);
    g_propagate_error(error, failure);
  }
  return bytes;
}
