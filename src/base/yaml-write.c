/*
 * JSON as the YAML that people write: lists of mappings a line each while they fit, keys in a given order, quotes only where YAML needs them.
 * What is written is read back as the same by yaml_load_text.
 */
#include "settings.h"
#include "text.h"
#include <string.h>

enum { FLOW_MAX = 140 };

static gboolean is_plain(const char *text) {
  static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", NULL};
  if (!g_unichar_isalpha(g_utf8_get_char(text))) return FALSE;
  g_autofree char *small = g_ascii_strdown(text, -1);
  if (g_strv_contains(words, small)) return FALSE;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_isalnum(c) && !(c < 0x80 && strchr("_-.", (int)c)) && !(c >= 0x3001 && c <= 0x301F) && !(c >= 0xFF08 && c <= 0xFF1F)) return FALSE;
  }
  return TRUE;
}

static void append_text(GString *out, const char *text) {
  if (is_plain(text)) g_string_append(out, text);
  else text_json_append(out, text);
}

static void append_scalar(GString *out, json_t *value) {
  if (json_is_string(value)) return append_text(out, json_string_value(value));
  g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  g_string_append(out, text);
}

/* What is not listed follows in its own order. */
static GPtrArray *ordered_keys(json_t *object, const char *const *order) {
  GPtrArray *keys = g_ptr_array_new();
  const char *key;
  json_t *value;
  for (guint i = 0; order != NULL && order[i] != NULL; i++)
    if (json_object_get(object, order[i]) != NULL) g_ptr_array_add(keys, (gpointer)order[i]);
  json_object_foreach(object, key, value)
    if (order == NULL || !g_strv_contains(order, key)) g_ptr_array_add(keys, (gpointer)key);
  return keys;
}

static void append_flow(GString *out, json_t *value, const char *const *order) {
  json_t *each;
  size_t i;
  if (!json_is_array(value) && !json_is_object(value)) return append_scalar(out, value);
  g_string_append_c(out, json_is_array(value) ? '[' : '{');
  if (json_is_array(value)) json_array_foreach(value, i, each) {
    if (i > 0) g_string_append(out, ", ");
    append_flow(out, each, order);
  }
  g_autoptr(GPtrArray) keys = ordered_keys(value, order);
  for (guint k = 0; k < keys->len; k++) {
    if (k > 0) g_string_append(out, ", ");
    append_text(out, keys->pdata[k]);
    g_string_append(out, ": ");
    append_flow(out, json_object_get(value, keys->pdata[k]), order);
  }
  g_string_append_c(out, json_is_array(value) ? ']' : '}');
}

static gboolean fits_line(json_t *value, guint indent, const char *const *order) {
  g_autoptr(GString) flow = g_string_new(NULL);
  append_flow(flow, value, order);
  return indent + g_utf8_strlen(flow->str, -1) <= FLOW_MAX;
}

static void append_block(GString *out, json_t *value, guint indent, const char *const *order);

static void append_member(GString *out, const char *key, json_t *value, guint indent, const char *const *order) {
  append_text(out, key);
  g_string_append_c(out, ':');
  gboolean list_of_objects = json_is_array(value) && json_is_object(json_array_get(value, 0));
  if (json_is_null(value)) {
    g_string_append_c(out, '\n');
  } else if (!list_of_objects && (fits_line(value, indent + 10, order) || !json_is_object(value))) {
    g_string_append_c(out, ' ');
    append_flow(out, value, order);
    g_string_append_c(out, '\n');
  } else {
    g_string_append_c(out, '\n');
    append_block(out, value, indent + 2, order);
  }
}

static void append_members(GString *out, json_t *object, guint indent, gboolean first_is_placed, const char *const *order) {
  g_autoptr(GPtrArray) keys = ordered_keys(object, order);
  for (guint k = 0; k < keys->len; k++) {
    if (k > 0 || !first_is_placed) g_string_append_printf(out, "%*s", (int)indent, "");
    append_member(out, keys->pdata[k], json_object_get(object, keys->pdata[k]), indent, order);
  }
}

static void append_block(GString *out, json_t *value, guint indent, const char *const *order) {
  json_t *each;
  size_t i;
  append_members(out, value, indent, FALSE, order);
  json_array_foreach(value, i, each) {
    g_string_append_printf(out, "%*s- ", (int)indent, "");
    if (fits_line(each, indent, order) || !json_is_object(each)) {
      append_flow(out, each, order);
      g_string_append_c(out, '\n');
    } else append_members(out, each, indent + 2, TRUE, order);
  }
}

char *yaml_write(json_t *document, const char *const *order) {
  g_autoptr(GString) out = g_string_new(NULL);
  append_block(out, document, 0, order);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

char *yaml_write_flow(json_t *value) {
  g_autoptr(GString) out = g_string_new(NULL);
  append_flow(out, value, NULL);
  return g_string_free(g_steal_pointer(&out), FALSE);
}
