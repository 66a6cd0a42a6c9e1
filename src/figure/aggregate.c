/* Aggregates over entries: how many, sums, different values, largest, latest, runs of years. */
#include "compute.h"
#include <math.h>
#include <string.h>


/* ---- sets of values ---- */

struct ValueSet { GHashTable *texts, *numbers; };

ValueSet *value_set_new(void) {
  ValueSet *set = g_new0(ValueSet, 1);
  set->texts = g_hash_table_new(g_str_hash, g_str_equal);
  set->numbers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  return set;
}

void value_set_free(ValueSet *set) {
  if (set == NULL) return;
  g_hash_table_unref(set->texts);
  g_hash_table_unref(set->numbers);
  g_free(set);
}

/* Days and derived months are the same when their days are: May of two years are two. */
static gboolean number_key(const LedgerValue *value, gint64 *ret) {
  if (value->from != 0) *ret = (gint64)value->from * 100000000 + value->to;
  else if (value->has_number) memcpy(ret, &value->number, sizeof *ret);
  else return FALSE;
  return TRUE;
}

gboolean value_set_add(ValueSet *set, const LedgerValue *value) {
  gint64 key;
  if (!number_key(value, &key)) return *value->text != '\0' && g_hash_table_add(set->texts, (gpointer)value->text);
  return g_hash_table_add(set->numbers, g_memdup2(&key, sizeof key));
}

gboolean value_set_has(const ValueSet *set, const LedgerValue *value) {
  gint64 key;
  return number_key(value, &key) ? g_hash_table_contains(set->numbers, &key) : g_hash_table_contains(set->texts, value->text);
}

guint value_set_size(const ValueSet *set) { return g_hash_table_size(set->texts) + g_hash_table_size(set->numbers); }

/* ---- the aggregates ---- */

static void behind(const Selection *selection, guint index, Outcome *ret) {
  gint64 id = ledger_table_id(selection->table, index);
  g_array_append_val(ret->entries, id);
}

static gboolean aggregate_count(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i);
    ret->value += ledger_table_quantity(selection->table, index);
    behind(selection, index, ret);
  }
  return TRUE;
}

typedef struct { double sum, best; guint count; gboolean largest; gint32 from, to; ValueSet *set; const char *text; } Tally;

static void count_value(const LedgerValue *value, gpointer data) { ((Tally *)data)->count++; }
static void sum_value(const LedgerValue *value, gpointer data) {
  Tally *tally = data;
  tally->count++;
  if (value->has_number) tally->sum += value->number;
}
static void set_value(const LedgerValue *value, gpointer data) {
  Tally *tally = data;
  tally->count++;
  value_set_add(tally->set, value);
}

/* Calls visit for every value of a path; entries that have one stand behind the number. */
static gboolean over_path(Ask *ask, const char *path, const Selection *selection, const GArray *indexes, LedgerVisit visit, Tally *tally, Outcome *ret,
  GError **error) {
  g_autoptr(LedgerPath) ready = ledger_path_new(ask->house, ask->sql, selection->table, path, error);
  if (ready == NULL) return FALSE;
  ledger_path_bare(ready);
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i), before = tally->count;
    ledger_path_values(ready, selection->where, index, selection->at, visit, tally);
    if (tally->count > before) behind(selection, index, ret);
  }
  return TRUE;
}

static gboolean aggregate_rows(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  Tally tally = {0};
  if (!over_path(ask, text_in(figure, "rows"), selection, indexes, count_value, &tally, ret, error)) return FALSE;
  ret->value = tally.count;
  return TRUE;
}

static gboolean aggregate_sum(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  json_t *given = json_object_get(figure, "sum"), *path;
  json_auto_t *paths = json_is_array(given) ? json_incref(given) : json_pack("[O]", given);
  Tally tally = {0};
  size_t i;
  json_array_foreach(paths, i, path) {
    g_auto(Outcome) one;
    outcome_init(&one);
    double before = tally.sum;
    if (!over_path(ask, json_string_value(path), selection, indexes, sum_value, &tally, &one, error)) return FALSE;
    g_array_append_vals(ret->entries, one.entries->data, one.entries->len);
    one.value = tally.sum - before;
    if (json_array_size(paths) > 1) outcome_add_part(ret, json_string_value(path), &one, figure);
  }
  ret->value = tally.sum;
  return TRUE;
}

static gboolean aggregate_distinct(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  g_autoptr(ValueSet) set = value_set_new();
  Tally tally = {.set = set};
  if (!over_path(ask, text_in(figure, "distinct"), selection, indexes, set_value, &tally, ret, error)) return FALSE;
  ret->value = value_set_size(set);
  return TRUE;
}

static void best_value(const LedgerValue *value, gpointer data) {
  Tally *tally = data;
  double number = value->from && !value->has_number ? (tally->largest ? value->to : value->from) : value->number;
  if (!value->has_number && value->from == 0) return;
  if (tally->count++ > 0 && (tally->largest ? number <= tally->best : number >= tally->best)) return;
  tally->best = number;
  tally->from = value->has_number ? 0 : value->from, tally->to = value->to;
}

static gboolean aggregate_extreme(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  Tally tally = {.largest = json_object_get(figure, "max") != NULL};
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_in(figure, tally.largest ? "max" : "min"), error);
  if (path == NULL) return FALSE;
  ledger_path_bare(path);
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i);
    Tally one = {.largest = tally.largest};
    ledger_path_values(path, selection->where, index, selection->at, best_value, &one);
    if (one.count == 0) continue;
    gboolean better = tally.count == 0 || (tally.largest ? one.best > tally.best : one.best < tally.best);
    if (better) g_array_set_size(ret->entries, 0);
    if (better || one.best == tally.best) behind(selection, index, ret);
    if (better) tally = one;
  }
  ret->value = tally.count ? tally.best : NAN;
  if (tally.from) ret->text = date_words(tally.from, tally.to, TRUE);
  return TRUE;
}

/* Of the latest entry by date that has a value. */
static gboolean aggregate_last(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_in(figure, "last"), error);
  if (path == NULL) return FALSE;
  gint32 latest = -1, latest_to = 0;
  Tally best = {0};
  guint found = 0;
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i);
    gint32 from, to;
    ledger_table_dates(selection->table, index, &from, &to);
    if (from < latest || (from == latest && to < latest_to)) continue;
    Tally one = {.largest = TRUE};
    ledger_path_values(path, selection->where, index, selection->at, best_value, &one);
    if (one.count == 0) continue;
    latest = from, latest_to = to, best = one, found = index;
  }
  ret->value = best.count ? best.best : NAN;
  if (best.from) ret->text = date_words(best.from, best.to, TRUE);
  if (best.count) behind(selection, found, ret);
  return TRUE;
}

/* ---- runs of years ---- */

typedef struct { GHashTable *years; int year, seen; gboolean found; } Years;
static void take_year(const LedgerValue *value, gpointer data) {
  Years *years = data;
  int year = value->has_number ? (int)value->number : value->from / 10000;
  if (year <= 0) year = (int)g_ascii_strtoll(value->text, NULL, 10);
  if (years->years && year != years->seen) g_hash_table_add(years->years, GINT_TO_POINTER(years->seen = year));
  years->found = years->found || (year > years->year && year > 0);
}

static gboolean aggregate_run(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_in(figure, "run"), error);
  if (path == NULL) return FALSE;
  ledger_path_bare(path);
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  Years years = {seen, 0, 0, FALSE};
  for (guint i = 0; i < indexes->len; i++) ledger_path_values(path, selection->where, g_array_index(indexes, guint, i), selection->at, take_year, &years);
  int year = selection->period.to / 10000;
  while (g_hash_table_contains(seen, GINT_TO_POINTER(year))) ret->value++, year--;
  for (guint i = 0; i < indexes->len; i++) { /* the rows of the run only */
    guint index = g_array_index(indexes, guint, i);
    Years of_run = {NULL, year, 0, FALSE};
    ledger_path_values(path, selection->where, index, selection->at, take_year, &of_run);
    if (of_run.found && ret->value > 0) behind(selection, index, ret);
  }
  return TRUE;
}

Aggregate aggregate_of(const char *kind) {
  static const struct { const char *kind; Aggregate aggregate; } all[] = {{"count", aggregate_count}, {"rows", aggregate_rows}, {"sum", aggregate_sum},
    {"distinct", aggregate_distinct}, {"max", aggregate_extreme}, {"min", aggregate_extreme}, {"last", aggregate_last}, {"run", aggregate_run},
    {"coverage", aggregate_coverage}, {"list", aggregate_list}, {"span", aggregate_span}, {"hours", aggregate_hours}};
  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    if (g_strcmp0(all[i].kind, kind) == 0) return all[i].aggregate;
  return NULL;
}
