/*
 * Whom a change in bulk would touch, told while its form is filled: how many, of which fonds, how many have no such field, and, where they are few, what would
 * come of each.
 *
 * 1. Nothing is kept, and nothing but what the asker may see is counted. What it costs is bounded: many records are counted in memory, tried are only few.
 */
#include "internal.h"

enum { TRIED_MOST = 1000, FONDS_SHOWN = 6 };
#define BUDGET_US (G_GINT64_CONSTANT(300) * 1000)

typedef struct { gint64 id, count; } Count;

static int most_first(gconstpointer a, gconstpointer b) {
  const Count *left = a, *right = b;
  return left->count != right->count ? (left->count > right->count ? -1 : 1) : left->id < right->id ? -1 : left->id > right->id;
}

static GArray *sorted(GHashTable *counts) {
  GArray *list = g_array_new(FALSE, FALSE, sizeof(Count));
  GHashTableIter iter;
  gpointer id, count;
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &id, &count)) {
    Count one = {*(gint64 *)id, *(gint64 *)count};
    g_array_append_val(list, one);
  }
  g_array_sort(list, most_first);
  return list;
}

static gboolean add_fonds(json_t *model, WebRequest *request, const SelectionTally *tally, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(GArray) counts = sorted(tally->fonds);
  json_t *list = json_array();
  json_object_set_new(model, "fonds", list);
  for (guint i = 0; sql != NULL && i < MIN(counts->len, FONDS_SHOWN); i++) {
    const Count *one = &g_array_index(counts, Count, i);
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), one->id, NULL);
    g_autofree char *label = fonds != NULL ? g_strdup_printf("%s %s", fonds->code, fonds->title) : g_strdup("未知全宗");
    json_array_append_new(list, json_pack("{s:s, s:I}", "label", label, "count", (json_int_t)one->count));
  }
  if (counts->len > FONDS_SHOWN) json_object_set_new(model, "fonds_count", json_integer(counts->len));
  return sql != NULL;
}

static void add_categories(json_t *model, const SelectionTally *tally) {
  g_autoptr(GArray) counts = sorted(tally->categories);
  json_t *list = json_array();
  for (guint i = 0; i < counts->len; i++) json_array_append_new(list, json_integer(g_array_index(counts, Count, i).id));
  json_object_set_new(model, "categories", list);
}

/* Those whose category has no such field stay as they are. */
static void add_lacking(json_t *model, const Catalog *catalog, const char *field, const SelectionTally *tally) {
  gint64 lacking = 0;
  GHashTableIter iter;
  gpointer id, count;
  g_hash_table_iter_init(&iter, tally->categories);
  while (g_hash_table_iter_next(&iter, &id, &count)) {
    const CatalogRecord probe = {.level = LEVEL_ITEM, .category = (guint8)*(gint64 *)id, .fields = (char *)"{}"};
    if (!catalog_value_has(catalog, &probe, field)) lacking += *(gint64 *)count;
  }
  json_object_set_new(model, "lacking", json_integer(lacking));
  json_object_set_new(model, "field", json_string(rule_field_label(catalog, field)));
}

static gboolean add_trial(json_t *model, WebRequest *request, json_t *selection, json_t *rule, GError **error) {
  json_auto_t *ask = json_pack("{s:O, s:O}", "selection", selection, "rule", rule);
  g_autoptr(GError) local = NULL;
  PlanTrial trial;
  if (!plan_try(web_house(request), web_scope(request), ask, &trial, &local)) {
    if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return TRUE; /* not filled yet */
    return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  }
  g_autofree char *problem = trial.problem;
  json_object_set_new(model, "trial", json_pack("{s:I, s:I, s:I, s:s}", "changes", (json_int_t)trial.changes, "unchanged", (json_int_t)trial.unchanged, "refused",
    (json_int_t)trial.refused, "problem", problem ? problem : ""));
  return TRUE;
}

json_t *touch_model(WebRequest *request, json_t *selection, json_t *rule, GError **error) {
  const House *house = web_house(request);
  const char *field = json_string_value(json_object_get(rule, "field"));
  g_auto(SelectionTally) tally = {0};
  g_autoptr(Selection) chosen = selection_new(house, web_scope(request), selection, error);
  if (chosen == NULL || !selection_tally(chosen, BUDGET_US, &tally, error)) return NULL;
  json_auto_t *model = json_pack("{s:I, s:b}", "records", (json_int_t)tally.records, "more", tally.more);
  json_object_set_new(model, "deletes", json_boolean(rule_deletes(rule)));
  if (!add_fonds(model, request, &tally, error)) return NULL;
  if (!tally.more) add_categories(model, &tally);
  if (field != NULL && *field != '\0') add_lacking(model, house->catalog, field, &tally);
  if (tally.records <= TRIED_MOST && !tally.more && !add_trial(model, request, selection, rule, error)) return NULL;
  return json_incref(model);
}
