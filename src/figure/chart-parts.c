/* Figures made of a figure for its charts: the same number of fewer entries, of a month, by a group. */
#include "chart.h"

static const char *const WHOLE_ONLY[] = {"id", "name", "was", "about", "within", "expect", "chart", "group", "version"};

/* Both conditions hold: where they speak of the same field, the former becomes the single alternative of `any`. Takes more, which has no `any`. */
static json_t *both(json_t *where, json_t *more) {
  const char *key;
  json_t *value;
  gboolean clash = FALSE;
  json_object_foreach(more, key, value) clash = clash || json_object_get(where, key) != NULL;
  if (clash) json_object_set_new(more, "any", json_pack("[O]", where));
  else if (where) json_object_update(more, where);
  return more;
}

json_t *chart_narrowed(json_t *figure, json_t *where, const char *group) {
  json_t *narrow = json_deep_copy(figure);
  for (guint i = 0; i < G_N_ELEMENTS(WHOLE_ONLY); i++) json_object_del(narrow, WHOLE_ONLY[i]);
  json_t *digits = json_incref(json_object_get(json_object_get(narrow, "say"), "digits")); /* one number of many says itself, not 余 or 均 */
  json_object_del(narrow, "say");
  if (digits) json_object_set_new(narrow, "say", json_pack("{s:o}", "digits", digits));
  if (where) json_object_set_new(narrow, "where", both(json_object_get(narrow, "where"), where));
  if (group) json_object_set_new(narrow, "group", json_string(group));
  return narrow;
}

json_t *chart_states(const LedgerDefinition *ledger, gboolean closed) {
  json_t *names = json_array();
  for (guint i = 0; ledger && i < ledger->state_count; i++)
    if (ledger->states[i].closed == closed) json_array_append_new(names, json_string(ledger->states[i].name));
  if (json_array_size(names)) return json_pack("{s:o}", "状态", names);
  json_decref(names);
  return NULL;
}

FigurePeriod chart_month(FigurePeriod period, int month) {
  int first = period.to / 10000 * 10000 + month * 100;
  return (FigurePeriod){first + 1, day_clamped(first + 31), period.unit};
}

static void append_day(GString *query, const char *name, int day) {
  g_string_append_printf(query, "%s%s=%04d-%02d-%02d", query->len ? "&" : "", name, day / 10000, day / 100 % 100, day % 100);
}

char *chart_period_query(FigurePeriod period) {
  g_autoptr(GString) query = g_string_new(NULL);
  int year = period.to / 10000;
  if (period.from == year * 10000 + 101 && period.to == year * 10000 + 1231) g_string_append_printf(query, "year=%d", year);
  else append_day(query, "from", period.from), append_day(query, "to", period.to);
  if (period.unit && *period.unit) {
    g_autofree char *unit = g_uri_escape_string(period.unit, NULL, FALSE);
    g_string_append_printf(query, "&unit=%s", unit);
  }
  return g_string_free(g_steal_pointer(&query), FALSE);
}
