/*
 * Fuzz target of figure/: sentences that people type through the reading of numbers, and equations of definitions. It aborts where a number's place in the sentence
 * or what it allows cannot be; a sanitizer tells the rest.
 */
#include "internal.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static void try_numbers(const char *sentence) {
  json_auto_t *numbers = wording_numbers(sentence);
  json_int_t reached = 0, length = (json_int_t)strlen(sentence);
  size_t i;
  json_t *row;
  json_array_foreach(numbers, i, row) {
    json_int_t from = json_integer_value(json_object_get(row, "from")), to = json_integer_value(json_object_get(row, "to"));
    const char *text = json_string_value(json_object_get(row, "text"));
    require(from >= reached && to > from && to <= length, "numbers follow one another");
    require(text != NULL && strlen(text) == (size_t)(to - from) && memcmp(text, sentence + from, (size_t)(to - from)) == 0, "a number's text stands in the sentence");
    json_t *high = json_object_get(row, "high");
    require(json_is_null(high) || json_real_value(json_object_get(row, "low")) <= json_real_value(high), "what is allowed is an interval");
    reached = to;
  }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  if (!g_utf8_validate(text, -1, NULL)) return 0;
  try_numbers(text);
  wording_true(text, 12);
  g_autoptr(Equation) equation = equation_read(text);
  require(equation == NULL || (equation->left->len > 0 && equation->right->len > 0), "an equation has two sides");
  return 0;
}
