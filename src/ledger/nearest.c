/* What was probably meant by a name that is not there: the smallest number of characters to change, as long as that is less than half of them. */
#include "internal.h"

static guint distance(const gunichar *a, glong length_a, const gunichar *b, glong length_b) {
  g_autofree guint *row = g_new(guint, length_b + 1);
  for (glong j = 0; j <= length_b; j++) row[j] = (guint)j;
  for (glong i = 1; i <= length_a; i++) {
    guint corner = row[0];
    row[0] = (guint)i;
    for (glong j = 1; j <= length_b; j++) {
      guint above = row[j], changed = corner + (a[i - 1] != b[j - 1]);
      row[j] = MIN(changed, MIN(above, row[j - 1]) + 1);
      corner = above;
    }
  }
  return row[length_b];
}

const char *nearest_name(const char *name, const char *const *names) {
  glong length;
  g_autofree gunichar *wanted = g_utf8_to_ucs4_fast(name, -1, &length);
  const char *best = NULL;
  guint best_distance = G_MAXUINT;
  for (; names != NULL && *names != NULL && length <= 100; names++) {
    glong other_length;
    g_autofree gunichar *other = g_utf8_to_ucs4_fast(*names, -1, &other_length);
    if (other_length > 100) continue;
    guint far = strstr(*names, name) != NULL || strstr(name, *names) != NULL ? 1 : distance(wanted, length, other, other_length);
    if (far < best_distance && far * 2 <= (guint)MAX(length, other_length)) best = *names, best_distance = far;
  }
  return best;
}

const char *nearest_field(const LedgerDefinition *definition, const char *name) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < definition->field_count; i++) g_ptr_array_add(names, (gpointer)definition->fields[i].name);
  guint count;
  const LedgerField *base = base_fields(&count);
  for (guint i = 0; i < count; i++) g_ptr_array_add(names, (gpointer)base[i].name);
  g_ptr_array_add(names, NULL);
  return nearest_name(name, (const char *const *)names->pdata);
}

const char *nearest_ledger(const char *name) {
  g_autofree const LedgerDefinition **all = ledger_all();
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; all[i] != NULL; i++) g_ptr_array_add(names, (gpointer)all[i]->name);
  g_ptr_array_add(names, NULL);
  return nearest_name(name, (const char *const *)names->pdata);
}

char *nearest_words(const char *nearest) { return nearest != NULL ? g_strdup_printf("，是不是“%s”", nearest) : g_strdup(""); }
