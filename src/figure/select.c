/* Which entries a figure is about. */
#include "compute.h"
#include <string.h>

void selection_clear(Selection *selection) {
  g_clear_pointer(&selection->where, ledger_where_free);
  g_clear_pointer(&selection->indexes, g_array_unref);
  g_clear_pointer(&selection->table, ledger_table_release);
}


/* ---- days ---- */

int day_clamped(int day) {
  int year = day / 10000, month = CLAMP(day / 100 % 100, 1, 12), number = CLAMP(day % 100, 1, 31);
  if (!g_date_valid_year((GDateYear)year)) return 0;
  return year * 10000 + month * 100 + MIN(number, g_date_get_days_in_month((GDateMonth)month, (GDateYear)year));
}

int day_number(int day) {
  GDate date;
  int good = day_clamped(day);
  if (good == 0) return 0;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, (GDateDay)(good % 100), (GDateMonth)(good / 100 % 100), (GDateYear)(good / 10000));
  return (int)g_date_get_julian(&date);
}

int day_of_number(int number) {
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_julian(&date, (guint32)MAX(number, 1));
  return g_date_get_year(&date) * 10000 + (int)g_date_get_month(&date) * 100 + g_date_get_day(&date);
}

FigurePeriod period_shift(FigurePeriod period, int years) {
  period.from = day_clamped(period.from + years * 10000);
  period.to = day_clamped(period.to + years * 10000);
  return period;
}

/* ---- whose ---- */

typedef struct { gboolean all; json_t *among; const char *own, *archive, *known[64]; gboolean answers[64]; } Units;

static Units units_of(const Ask *ask, json_t *figure, FigurePeriod period) {
  json_t *units = json_object_get(figure, "units");
  const char *archive = ask->house->settings ? settings_text(ask->house->settings, "archive.name") : UNIT_OWN;
  const char *own = period.unit && *period.unit ? period.unit : UNIT_OWN;
  if (g_str_equal(own, archive)) own = UNIT_OWN;
  return (Units){.all = g_strcmp0(json_string_value(units), "all") == 0, .among = json_object_get(units, "in"), .own = own, .archive = archive};
}

static gboolean unit_admitted(const Units *units, const char *unit) {
  size_t i;
  json_t *name;
  if (units->all) return TRUE;
  json_array_foreach(units->among, i, name)
    if (g_strcmp0(json_string_value(name), unit) == 0) return TRUE;
  if (units->among) return FALSE;
  return g_str_equal(unit, units->own) || (g_str_equal(units->own, UNIT_OWN) && (*unit == '\0' || g_str_equal(unit, units->archive)));
}

/* Texts of a table are one pointer for one text, and units are few. */
static gboolean units_admit(Units *units, const char *unit) {
  guint slot = (guint)(((gsize)unit >> 4) % G_N_ELEMENTS(units->known));
  if (units->known[slot] != unit) units->known[slot] = unit, units->answers[slot] = unit_admitted(units, unit);
  return units->answers[slot];
}

/* A unit that has told its work entry by entry is not also counted by its summary. */
static void drop_summaries(Selection *selection) {
  g_autoptr(GHashTable) itemised = g_hash_table_new(g_str_hash, g_str_equal);
  guint kept = 0;
  for (guint i = 0; i < selection->indexes->len; i++) {
    guint index = g_array_index(selection->indexes, guint, i);
    if (g_str_equal(ledger_table_basis(selection->table, index), "逐条")) g_hash_table_add(itemised, (gpointer)ledger_table_unit(selection->table, index));
  }
  for (guint i = 0; i < selection->indexes->len; i++) {
    guint index = g_array_index(selection->indexes, guint, i);
    gboolean summary = g_str_equal(ledger_table_basis(selection->table, index), "汇总上报");
    if (summary && g_hash_table_contains(itemised, ledger_table_unit(selection->table, index))) continue;
    g_array_index(selection->indexes, guint, kept++) = index;
  }
  g_array_set_size(selection->indexes, kept);
}

/* ---- when ---- */

typedef enum { WHEN_REPORT, WHEN_TO_END, WHEN_ALL } When;
typedef struct { When when; FigurePeriod period; gboolean standing, found; } Dating; /* standing: a span (not a single day) has to contain the last day */

static gboolean in_period(const Dating *dating, int from, int to) {
  if (dating->when == WHEN_ALL) return TRUE;
  gboolean standing = dating->standing && from != to;
  if (standing && (from > dating->period.to || to < dating->period.to)) return FALSE;
  if (dating->when == WHEN_TO_END || standing) return from <= dating->period.to;
  return from >= dating->period.from && from <= dating->period.to;
}

static void look_at_date(const LedgerValue *value, gpointer data) {
  Dating *dating = data;
  dating->found = dating->found || in_period(dating, value->from, value->to);
}

static gboolean dated_within(const Selection *selection, const LedgerPath *by, Dating *dating, guint index) {
  gint32 from = 0, to = 0;
  if (by == NULL) return ledger_table_dates(selection->table, index, &from, &to), in_period(dating, from, to);
  dating->found = FALSE;
  ledger_path_values(by, NULL, index, selection->at, look_at_date, dating);
  return dating->found;
}

gboolean selection_make(Ask *ask, json_t *figure, json_t *source, const char *mode, FigurePeriod period, Selection *ret, GError **error) {
  const char *name = text_in(source, source == figure ? "ledger" : "in"), *by_name = source == figure ? text_in(figure, "by") : NULL;
  const LedgerDefinition *ledger = name ? ledger_find(name) : NULL;
  if (ledger == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有台账“%s”", name ? name : "");
  g_auto(Selection) selection = {.period = period, .at = g_strcmp0(text_in(figure, "at"), "end") == 0 || source != figure ? period.to : 0};
  json_auto_t *condition = where_for_year(json_object_get(source, "where"), period.to / 10000);
  if ((selection.table = ledger_table(ask->house, ask->sql, ledger, error)) == NULL) return FALSE;
  if ((selection.where = ledger_where_new(ask->house, ask->sql, LEDGER_EVERYTHING, selection.table, condition, error)) == NULL) return FALSE;
  g_autoptr(LedgerPath) by = by_name ? ledger_path_new(ask->house, ask->sql, selection.table, by_name, error) : NULL;
  if (by_name && by == NULL) return FALSE;
  if (mode == NULL) mode = text_in(figure, "period");
  Dating dating = {g_strcmp0(mode, "to-end") == 0 ? WHEN_TO_END : g_strcmp0(mode, "all") == 0 ? WHEN_ALL : WHEN_REPORT, period, by != NULL && selection.at != 0, FALSE};
  Units units = units_of(ask, figure, period);
  selection.indexes = g_array_new(FALSE, FALSE, sizeof(guint));
  guint count = ledger_table_count(selection.table);
  for (guint i = 0; i < count; i++) {
    if (!dated_within(&selection, by, &dating, i) || !units_admit(&units, ledger_table_unit(selection.table, i))) continue;
    if (ledger_where_meets(selection.where, i, selection.at)) g_array_append_val(selection.indexes, i);
  }
  if (units.all || units.among) drop_summaries(&selection);
  *ret = selection;
  selection = (Selection){NULL};
  return TRUE;
}
