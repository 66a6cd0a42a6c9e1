/* Members of a JSON object that may be missing or of another kind. Texts are borrowed from the object. */
#pragma once
#include <glib.h>
#include <jansson.h>

static inline const char *text_in(json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); } /* NULL: there is no text */
static inline const char *text_or(json_t *object, const char *key, const char *missing) {
  const char *text = text_in(object, key);
  return text != NULL ? text : missing;
}
static inline const char *text_at(json_t *object, const char *key) { return text_or(object, key, ""); }
/* Whether a list has the text. */
static inline gboolean json_lists(json_t *list, const char *text) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (g_strcmp0(json_string_value(json_array_get(list, i)), text) == 0) return TRUE;
  return FALSE;
}
static inline gint64 int_at(json_t *object, const char *key) { return json_integer_value(json_object_get(object, key)); } /* 0: there is no integer */
