/* What was probably meant by the name of a field or a ledger that is not there. */
#include "internal.h"

const char *nearest_field(const LedgerDefinition *definition, const char *name) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < definition->field_count; i++) g_ptr_array_add(names, (gpointer)definition->fields[i].name);
  guint count;
  const LedgerField *base = base_fields(&count);
  for (guint i = 0; i < count; i++) g_ptr_array_add(names, (gpointer)base[i].name);
  g_ptr_array_add(names, NULL);
  return text_nearest(name, (const char *const *)names->pdata);
}

const char *nearest_ledger(const char *name) {
  g_autofree const LedgerDefinition **all = ledger_all();
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; all[i] != NULL; i++) g_ptr_array_add(names, (gpointer)all[i]->name);
  g_ptr_array_add(names, NULL);
  return text_nearest(name, (const char *const *)names->pdata);
}

char *nearest_words(const char *nearest) { return nearest != NULL ? g_strdup_printf("，是不是“%s”", nearest) : g_strdup(""); }
