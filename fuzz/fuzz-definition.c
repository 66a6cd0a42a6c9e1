/*
 * Fuzz target of ledger/: the YAML of a ledger's definition, and a condition, as people type them on a page. Whatever it says, it is told what is wrong with it or put
 * into form; what has no fault cleans to itself and can be said in words.
 */
#include "internal.h"
#include "format.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static void try_condition(const LedgerDefinition *definition, json_t *condition) {
  json_auto_t *faults = ledger_where_faults(definition, condition);
  if (json_array_size(faults) > 0 || !json_is_object(condition)) return;
  g_autofree char *words = ledger_where_words(definition, condition);
  require(words != NULL && g_utf8_validate(words, -1, NULL), "a condition without faults has words");
}

static void try_parsed(json_t *clean, json_t *given) {
  json_t *view;
  size_t i;
  json_auto_t *again = definition_clean(clean);
  require(json_equal(again, clean), "what was cleaned is clean");
  g_autoptr(LedgerDefinition) definition = definition_parse(clean, 1, 1);
  require(definition->state_count > 0, "there is a first state");
  for (guint f = 0; f < definition->field_count; f++) require(ledger_field(definition, definition->fields[f].name) != NULL, "a field is found by its name");
  json_array_foreach(json_object_get(clean, "views"), i, view) try_condition(definition, json_object_get(view, "where"));
  try_condition(definition, given);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  if (size > 16384) return 0;
  g_autofree char *text = g_strndup((const char *)data, size);
  json_auto_t *given = yaml_load_text(text, "定义", NULL);
  if (given == NULL) return 0;
  json_auto_t *clean = definition_clean(given), *faults = ledger_definition_faults(given, NULL);
  if (json_array_size(faults) == 0) try_parsed(clean, given);
  return 0;
}
