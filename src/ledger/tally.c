/* Counts over a ledger in one pass: how many meet the question, and how often each value of some fields stands among them. What may not be seen is not counted. */
#include "pages.h"

typedef struct {
  LedgerTable *table;
  LedgerWhere *where;
  GPtrArray *paths; /* LedgerPath; beside it names and counts */
  GPtrArray *names, *counts;
} Tally;

static void tally_end(Tally *tally) {
  g_ptr_array_unref(tally->paths);
  g_ptr_array_unref(tally->names);
  g_ptr_array_unref(tally->counts);
  g_clear_pointer(&tally->where, ledger_where_free);
  g_clear_pointer(&tally->table, ledger_table_release);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tally, tally_end)

static void count_value(const LedgerValue *value, gpointer data) {
  if (value->text[0] == '\0') return;
  gpointer former = g_hash_table_lookup(data, value->text);
  g_hash_table_replace(data, g_strdup(value->text), GINT_TO_POINTER(GPOINTER_TO_INT(former) + 1));
}

static gint more_frequent(gconstpointer a, gconstpointer b) {
  json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
  json_int_t difference = json_integer_value(json_object_get(right, "count")) - json_integer_value(json_object_get(left, "count"));
  if (difference != 0) return difference > 0 ? 1 : -1;
  return g_strcmp0(json_string_value(json_object_get(left, "value")), json_string_value(json_object_get(right, "value")));
}

static json_t *counted(GHashTable *counts, guint limit) {
  GPtrArray *values = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  GHashTableIter iter;
  gpointer text, count;
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &text, &count))
    g_ptr_array_add(values, json_pack("{s:s, s:i}", "value", (const char *)text, "count", GPOINTER_TO_INT(count)));
  g_ptr_array_sort(values, more_frequent);
  json_t *array = json_array();
  for (guint i = 0; i < values->len && i < limit; i++) json_array_append(array, g_ptr_array_index(values, i));
  g_ptr_array_unref(values);
  return array;
}

static gboolean tally_begin(Tally *tally, const House *house, Sql *sql, const LedgerAsk *ask, const char *const *fields, GError **error) {
  tally->paths = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_path_free);
  tally->names = g_ptr_array_new();
  tally->counts = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
  tally->table = ledger_table(house, sql, ask->definition, error);
  tally->where = tally->table == NULL ? NULL : ledger_where_new(house, sql, tally->table, ask->where, error);
  if (tally->where == NULL) return FALSE;
  for (; fields != NULL && *fields != NULL; fields++) {
    LedgerPath *path = ledger_path_new(house, sql, tally->table, *fields, error);
    if (path == NULL) return FALSE;
    g_ptr_array_add(tally->paths, path);
    g_ptr_array_add(tally->names, (gpointer)*fields);
    g_ptr_array_add(tally->counts, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL));
  }
  return TRUE;
}

json_t *ledger_tally(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, const char *const *fields, guint limit, GError **error) {
  g_auto(Tally) tally = {0};
  if (!tally_begin(&tally, house, sql, ask, fields, error)) return NULL;
  gint64 count = 0;
  for (guint i = 0; i < ledger_table_count(tally.table); i++) {
    if (!ledger_table_admits(tally.table, i, asker) || !ledger_where_meets(tally.where, i, ask->on)) continue;
    if (ask->words != NULL && !ledger_table_words(tally.table, i, ask->words, asker)) continue;
    count++;
    for (guint k = 0; k < tally.paths->len; k++)
      ledger_path_values(g_ptr_array_index(tally.paths, k), NULL, i, ask->on, count_value, g_ptr_array_index(tally.counts, k));
  }
  json_t *values = json_object();
  for (guint k = 0; k < tally.paths->len; k++) json_object_set_new(values, g_ptr_array_index(tally.names, k), counted(g_ptr_array_index(tally.counts, k), limit));
  return json_pack("{s:I, s:o}", "count", (json_int_t)count, "fields", values);
}

gboolean ledger_counts(const LedgerPage *page, const LedgerDefinition *definition, json_t *const *wheres, guint count, gint64 *ret, GError **error) {
  g_autoptr(LedgerTable) table = ledger_table(page->house, page->sql, definition, error);
  if (table == NULL) return FALSE;
  g_autoptr(GPtrArray) conditions = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_where_free);
  for (guint k = 0; k < count; k++) {
    LedgerWhere *where = wheres[k] == NULL ? NULL : ledger_where_new(page->house, page->sql, table, wheres[k], error);
    if (where == NULL && wheres[k] != NULL) return FALSE;
    if (where != NULL) g_ptr_array_add(conditions, where);
  }
  for (guint k = 0; k <= count; k++) ret[k] = 0;
  for (guint i = 0; i < ledger_table_count(table); i++) {
    if (!ledger_table_admits(table, i, page->asker)) continue;
    ret[0]++;
    for (guint k = 0, at = 0; k < count; k++)
      if (wheres[k] != NULL) ret[k + 1] += ledger_where_meets(g_ptr_array_index(conditions, at++), i, 0);
  }
  return TRUE;
}
