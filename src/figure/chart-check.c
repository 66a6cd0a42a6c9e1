/* What a definition says of charts, checked; and what it says when it says nothing. */
#include "chart.h"
#include "text.h"
#include <string.h>

static const char *const KINDS[] = {"trend", "share", "progress", "backlog", "map", NULL};
static const char *const KEYS[] = {"kind", "title", "every", "years", "by", "out", "in", "where", "key", "under", NULL};

static json_t *as_object(json_t *spec) { return json_is_string(spec) ? json_pack("{s:O}", "kind", spec) : json_incref(spec); }

json_t *chart_specs(json_t *figure) {
  json_t *given = json_object_get(figure, "chart"), *specs = json_array(), *each;
  size_t i;
  if (json_is_array(given)) json_array_foreach(given, i, each) json_array_append_new(specs, as_object(each));
  else if (given) json_array_append_new(specs, as_object(given));
  else {
    static const char *const unsaid[] = {"list", "span", NULL}; /* words, no numbers */
    const char *kind = figure_aggregate(figure);
    if (kind && !g_strv_contains(unsaid, kind)) json_array_append_new(specs, json_pack("{s:s}", "kind", "trend"));
    if (text_in(figure, "group")) json_array_append_new(specs, json_pack("{s:s}", "kind", "share"));
  }
  return specs;
}

static void add(json_t *faults, const char *place, const char *key, char *what) {
  json_array_append_new(faults, json_pack("{s:o, s:s}", "where", *key ? json_sprintf("%s.%s", place, key) : json_string(place), "what", what));
  g_free(what);
}

static void check_keys(json_t *spec, const char *place, json_t *faults) {
  const char *key;
  json_t *value;
  json_object_foreach(spec, key, value) {
    const char *nearest = text_nearest(key, KEYS);
    if (g_strv_contains(KEYS, key)) continue;
    add(faults, place, key, nearest ? g_strdup_printf("没有“%s”这一项，是不是“%s”", key, nearest) : g_strdup_printf("没有“%s”这一项", key));
  }
}

static void check_path(const LedgerDefinition *ledger, json_t *spec, const char *key, const char *place, json_t *faults) {
  const char *path = text_in(spec, key);
  char *wrong = path && ledger ? ledger_path_fault(ledger, path, NULL) : NULL;
  if (wrong) add(faults, place, key, wrong);
}

static void check_roster(json_t *spec, const char *place, json_t *faults) {
  const LedgerDefinition *roster = text_in(spec, "in") ? ledger_find(text_in(spec, "in")) : NULL;
  json_t *row;
  size_t i;
  if (text_in(spec, "in") == NULL) return;
  if (roster == NULL) return add(faults, place, "in", g_strdup_printf("没有台账“%s”", text_in(spec, "in")));
  check_path(roster, spec, "key", place, faults);
  check_path(roster, spec, "under", place, faults);
  json_auto_t *wrong = ledger_where_faults(roster, json_object_get(spec, "where"));
  json_array_foreach(wrong, i, row) add(faults, place, "where", g_strdup_printf("%s：%s", text_in(row, "where"), text_in(row, "what")));
}

static void check_one(json_t *figure, json_t *spec, const char *place, json_t *faults) {
  const char *kind = text_in(spec, "kind"), *every = text_in(spec, "every");
  const LedgerDefinition *ledger = ledger_find(text_in(figure, "ledger"));
  if (kind == NULL || !g_strv_contains(KINDS, kind)) return add(faults, place, "", g_strdup("图只能是 trend、share、progress、backlog、map"));
  check_keys(spec, place, faults);
  check_path(ledger, spec, "by", place, faults);
  check_roster(spec, place, faults);
  if (every && !g_str_equal(every, "month") && !g_str_equal(every, "year")) add(faults, place, "every", g_strdup("只能是 year 或 month"));
  gboolean groups = text_in(figure, "group") || text_in(spec, "by");
  if ((g_str_equal(kind, "share") || g_str_equal(kind, "map")) && !groups) add(faults, place, "", g_strdup_printf("%s 要有分组：写 group 或 by", kind));
  if ((g_str_equal(kind, "share") || g_str_equal(kind, "map")) && ledger == NULL) add(faults, place, "", g_strdup_printf("%s 只能用于直接从台账算的指标", kind));
  if (text_in(spec, "out") && figure_definition(text_in(spec, "out")) == NULL) add(faults, place, "out", g_strdup_printf("没有指标“%s”", text_in(spec, "out")));
  gboolean by_state = g_str_equal(kind, "progress") || (g_str_equal(kind, "backlog") && text_in(spec, "out") == NULL);
  json_auto_t *closed = ledger ? chart_states(ledger, TRUE) : NULL, *open = ledger ? chart_states(ledger, FALSE) : NULL;
  if (by_state && (closed == NULL || open == NULL)) add(faults, place, "", g_strdup_printf("%s 要用在有“办结”状态的台账上", kind));
}

void chart_faults(json_t *figure, json_t *spec, const char *place, json_t *faults) {
  size_t i;
  json_t *each;
  json_auto_t *list = json_is_array(spec) ? json_incref(spec) : json_pack("[O]", spec);
  json_array_foreach(list, i, each) {
    json_auto_t *one = as_object(each);
    check_one(figure, one, place, faults);
  }
}
