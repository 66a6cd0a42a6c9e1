/*
 * Coverage: which of the period's days, weeks, months … have an entry; which of the items that there are were met.
 *
 * 1. A month or quarter counts when the period touches it; a week when its Thursday lies in the period (ISO 8601), so that a year has 52 or 53.
 * 2. An entry over several days covers all that it touches.
 */
#include "compute.h"
#include "date.h"
#include "workday.h"
#include <string.h>


/* ---- of times ---- */

typedef enum { EVERY_DAY, EVERY_WORKDAY, EVERY_WEEK, EVERY_HALFMONTH, EVERY_TWOWEEKS, EVERY_MONTH, EVERY_QUARTER, EVERY_HALFYEAR, EVERY_YEAR } Every;
static const char *const EVERY_NAMES[] = {"day", "workday", "week", "halfmonth", "twoweeks", "month", "quarter", "halfyear", "year"};

/* Which one a day lies in, as a rising number; -1: none (a Saturday is no workday). first: the period's first day, where fortnights begin. */
static int bucket_of(Every every, int day, int first) {
  int number = day_number(day), year = day / 10000, month = day / 100 % 100;
  switch (every) {
    case EVERY_DAY: return number;
    case EVERY_WORKDAY: return workday_is(day) ? number : -1;
    case EVERY_WEEK: return (number - 1) / 7;
    case EVERY_TWOWEEKS: return ((number - 1) / 7 - (day_number(first) - 1) / 7) / 2;
    case EVERY_HALFMONTH: return (year * 12 + month - 1) * 2 + (day % 100 > 15);
    case EVERY_MONTH: return year * 12 + month - 1;
    case EVERY_QUARTER: return year * 4 + (month - 1) / 3;
    case EVERY_HALFYEAR: return year * 2 + (month > 6);
    case EVERY_YEAR: return year;
  }
  return -1;
}

static char *bucket_words(Every every, int day) {
  static const char *const quarters[] = {"一", "二", "三", "四"};
  int year = day / 10000, month = day / 100 % 100;
  switch (every) {
    case EVERY_MONTH: return g_strdup_printf("%d年%d月", year, month);
    case EVERY_QUARTER: return g_strdup_printf("%d年第%s季度", year, quarters[(month - 1) / 3]);
    case EVERY_HALFYEAR: return g_strdup_printf("%d年%s半年", year, month > 6 ? "下" : "上");
    case EVERY_HALFMONTH: return g_strdup_printf("%d年%d月%s半月", year, month, day % 100 > 15 ? "下" : "上");
    case EVERY_YEAR: return g_strdup_printf("%d年", year);
    case EVERY_DAY: case EVERY_WORKDAY: return g_strdup_printf("%d年%d月%d日", year, month, day % 100);
    default: return g_strdup_printf("%d年%d月%d日那周", year, month, day % 100);
  }
}

static gboolean is_thursday(int number) { return (number - 1) % 7 == 3; }

typedef struct { GHashTable *wanted, *met; Every every; int first; gboolean found; } Times;

/* A period without a Thursday has the weeks that it touches. */
static void want_all(Times *times, int from, int to) {
  int last = day_number(to);
  for (int pass = 0; pass < 2 && g_hash_table_size(times->wanted) == 0; pass++)
    for (int number = day_number(from); number <= last; number++) {
      int day = day_of_number(number), bucket = bucket_of(times->every, day, times->first);
      if (bucket < 0 || (pass == 0 && times->every == EVERY_WEEK && !is_thursday(number))) continue;
      if (!g_hash_table_contains(times->wanted, GINT_TO_POINTER(bucket))) g_hash_table_insert(times->wanted, GINT_TO_POINTER(bucket), GINT_TO_POINTER(day));
    }
}

static void meet_days(Times *times, int from, int to) {
  if (from == 0) return;
  for (int number = day_number(from), last = MIN(day_number(to), number + 3700); number <= last; number++) {
    gpointer bucket = GINT_TO_POINTER(bucket_of(times->every, day_of_number(number), times->first));
    if (!g_hash_table_contains(times->wanted, bucket)) continue;
    g_hash_table_add(times->met, bucket);
    times->found = TRUE;
  }
}

static void meet_value(const LedgerValue *value, gpointer data) { meet_days(data, value->from, value->to); }

static int by_day(gconstpointer a, gconstpointer b) { return GPOINTER_TO_INT(*(gpointer *)a) - GPOINTER_TO_INT(*(gpointer *)b); }

static json_t *missing_times(const Times *times) {
  json_t *missing = json_array();
  g_autoptr(GPtrArray) days = g_ptr_array_new();
  GHashTableIter iter;
  gpointer bucket, day;
  g_hash_table_iter_init(&iter, times->wanted);
  while (g_hash_table_iter_next(&iter, &bucket, &day))
    if (!g_hash_table_contains(times->met, bucket)) g_ptr_array_add(days, day);
  g_ptr_array_sort(days, by_day);
  for (guint i = 0; i < MIN(days->len, (guint)MISSING_SHOWN); i++) {
    g_autofree char *words = bucket_words(times->every, GPOINTER_TO_INT(days->pdata[i]));
    json_array_append_new(missing, json_string(words));
  }
  return missing;
}

static gboolean cover_times(Ask *ask, json_t *figure, json_t *body, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  const char *by_name = text_in(figure, "by"), *every = text_in(body, "every"), *start = text_in(body, "from");
  g_autoptr(LedgerPath) by = by_name ? ledger_path_new(ask->house, ask->sql, selection->table, by_name, error) : NULL;
  if (by_name && by == NULL) return FALSE;
  g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);
  g_autoptr(GHashTable) met = g_hash_table_new(NULL, NULL);
  DateSpan since = {0, 0};
  if (start) date_parse(start, &since);
  Times times = {wanted, met, EVERY_DAY, MAX(selection->period.from, since.from), FALSE};
  while (times.every < EVERY_YEAR && !g_str_equal(EVERY_NAMES[times.every], every)) times.every++;
  want_all(&times, times.first, selection->period.to);
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i);
    gint32 from, to;
    times.found = FALSE;
    ledger_table_dates(selection->table, index, &from, &to);
    if (by) ledger_path_values(by, NULL, index, selection->at, meet_value, &times);
    else meet_days(&times, from, to);
    gint64 id = ledger_table_id(selection->table, index);
    if (times.found) g_array_append_val(ret->entries, id);
  }
  ret->value = g_hash_table_size(met);
  ret->whole = g_hash_table_size(wanted);
  ret->missing = missing_times(&times);
  return TRUE;
}

/* ---- of items ---- */

typedef struct { ValueSet *items, *met; gboolean found; GHashTable *names; } Items;

static void want_item(const LedgerValue *value, gpointer data) {
  Items *items = data;
  value_set_add(items->items, value);
  g_hash_table_add(items->names, g_strdup(value->text));
}

static void meet_item(const LedgerValue *value, gpointer data) {
  Items *items = data;
  LedgerValue named = {value->text, 0, 0, 0, 0, FALSE}; /* an entry that the roster knows by its title */
  if (!value_set_has(items->items, value) && !value_set_has(items->items, value = &named)) return;
  items->found = TRUE;
  value_set_add(items->met, value);
  g_hash_table_remove(items->names, value->text);
}

static gboolean want_roster(Ask *ask, json_t *figure, json_t *body, const Selection *selection, Selection *roster, LedgerPath **key, Items *items, GError **error) {
  const char *name = text_in(body, "key");
  if (!selection_make(ask, figure, body, "to-end", selection->period, roster, error) || !selection_pass_gate(ask, figure, TRUE, roster, error)) return FALSE;
  if (name != NULL && (*key = ledger_path_new(ask->house, ask->sql, roster->table, name, error)) == NULL) return FALSE;
  for (guint i = 0; i < roster->indexes->len; i++) {
    guint index = g_array_index(roster->indexes, guint, i);
    if (*key) {
      ledger_path_values(*key, roster->where, index, roster->at, want_item, items);
      continue;
    }
    LedgerValue value = {"", (double)ledger_table_id(roster->table, index), 0, 0, 0, TRUE}; /* the entry itself */
    want_item(&value, items);
  }
  return TRUE;
}

static void want_choices(const LedgerField *field, Items *items) {
  for (guint i = 0; field && field->values && field->values[i]; i++) {
    LedgerValue value = {field->values[i], 0, 0, 0, 0, FALSE};
    want_item(&value, items);
  }
}

static json_t *missing_items(const Items *items) {
  json_t *missing = json_array();
  g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(items->names), (GCompareFunc)(void (*)(void))strcmp);
  for (GList *name = names; name && json_array_size(missing) < MISSING_SHOWN; name = name->next)
    if (*(const char *)name->data) json_array_append_new(missing, json_string(name->data));
  return missing;
}

static gboolean cover_items(Ask *ask, json_t *figure, json_t *body, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  const char *of = text_in(body, "of");
  const LedgerField *field = NULL;
  g_autofree char *wrong = ledger_path_fault(ledger_find(text_in(figure, "ledger")), of, &field);
  if (wrong) return throw(error, LANTAI_ERROR_INVALID, "%s", wrong);
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, of, error);
  if (path == NULL) return FALSE;
  g_autoptr(ValueSet) wanted = value_set_new();
  g_autoptr(ValueSet) met = value_set_new();
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_auto(Selection) roster = {NULL};
  g_autoptr(LedgerPath) key = NULL;
  Items items = {wanted, met, FALSE, names};
  if (json_object_get(body, "in") == NULL) want_choices(field, &items);
  else if (!want_roster(ask, figure, body, selection, &roster, &key, &items, error)) return FALSE;
  ret->whole = value_set_size(wanted);
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i);
    items.found = FALSE;
    ledger_path_values(path, selection->where, index, selection->at, meet_item, &items);
    gint64 id = ledger_table_id(selection->table, index);
    if (items.found) g_array_append_val(ret->entries, id);
  }
  ret->value = value_set_size(met);
  ret->missing = missing_items(&items);
  ret->unseen = ret->unseen || roster.unseen;
  ret->partial = ret->partial || roster.partial;
  return TRUE;
}

gboolean aggregate_coverage(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  json_t *body = json_object_get(figure, "coverage");
  return json_object_get(body, "every") ? cover_times(ask, figure, body, selection, indexes, ret, error) : cover_items(ask, figure, body, selection, indexes, ret,
    error);
}
