/*
 * A figure computed: over entries (a selection and its aggregate, as a whole and by group) or from other figures; and what is told of it to whom.
 */
#include "compute.h"
#include "report-internal.h"
#include <math.h>


/* ---- outcomes ---- */

static void part_free(gpointer data) {
  Part *part = data;
  g_free(part->key);
  g_free(part->text);
  g_array_unref(part->entries);
  g_free(part);
}

void outcome_init(Outcome *outcome) { *outcome = (Outcome){.entries = g_array_new(FALSE, FALSE, sizeof(gint64))}; }

void outcome_clear(Outcome *outcome) {
  g_clear_pointer(&outcome->entries, g_array_unref);
  g_clear_pointer(&outcome->parts, g_ptr_array_unref);
  g_clear_pointer(&outcome->text, g_free);
  g_clear_pointer(&outcome->missing, json_decref);
  g_clear_pointer(&outcome->opens, g_free);
}

static int by_id(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return (x > y) - (x < y);
}

static gboolean ascending(const GArray *ids) {
  for (guint i = 1; i < ids->len; i++)
    if (g_array_index(ids, gint64, i - 1) >= g_array_index(ids, gint64, i)) return FALSE;
  return TRUE;
}

void outcome_settle(Outcome *outcome) {
  guint kept = 0;
  if (ascending(outcome->entries)) return;
  g_array_sort(outcome->entries, by_id);
  for (guint i = 0; i < outcome->entries->len; i++) {
    gint64 id = g_array_index(outcome->entries, gint64, i);
    if (kept == 0 || g_array_index(outcome->entries, gint64, kept - 1) != id) g_array_index(outcome->entries, gint64, kept++) = id;
  }
  g_array_set_size(outcome->entries, kept);
}

void outcome_add_part(Outcome *outcome, const char *key, const Outcome *from, json_t *figure) {
  Part *part = g_new0(Part, 1);
  *part = (Part){g_strdup(key), from->value, from->whole, g_strdup(from->text), g_array_ref(from->entries), figure};
  if (outcome->parts == NULL) outcome->parts = g_ptr_array_new_with_free_func(part_free);
  g_ptr_array_add(outcome->parts, part);
}

/* ---- over entries ---- */

typedef struct { GPtrArray *keys; GHashTable *indexes; guint index; } Grouping; /* key → GArray of guint */
static void take_group(const LedgerValue *value, gpointer data) {
  Grouping *grouping = data;
  GArray *list = g_hash_table_lookup(grouping->indexes, value->text);
  if (list == NULL) {
    char *key = g_strdup(value->text);
    list = g_array_new(FALSE, FALSE, sizeof(guint));
    g_hash_table_insert(grouping->indexes, key, list);
    g_ptr_array_add(grouping->keys, key);
  }
  if (list->len == 0 || g_array_index(list, guint, list->len - 1) != grouping->index) g_array_append_val(list, grouping->index);
}

static int rank_of(const char *const *values, const char *key) {
  for (int i = 0; values && values[i]; i++)
    if (g_str_equal(values[i], key)) return i;
  return G_MAXINT;
}

/* In the order of the field's choices, else as they came by. */
static gint compare_keys(gconstpointer a, gconstpointer b, gpointer data) {
  int x = rank_of(data, *(const char *const *)a), y = rank_of(data, *(const char *const *)b);
  return (x > y) - (x < y);
}

static gboolean run_groups(Ask *ask, json_t *figure, Aggregate aggregate, const Selection *selection, Outcome *ret, GError **error) {
  const char *by = text_in(figure, "group");
  const LedgerField *field = NULL;
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, by, error);
  if (path == NULL) return FALSE;
  g_free(ledger_path_fault(ledger_find(text_in(figure, "ledger")), by, &field));
  g_autoptr(GHashTable) indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  Grouping grouping = {keys, indexes, 0};
  for (guint i = 0; i < selection->indexes->len; i++) {
    grouping.index = g_array_index(selection->indexes, guint, i);
    ledger_path_values(path, selection->where, grouping.index, selection->at, take_group, &grouping);
  }
  g_ptr_array_sort_with_data(keys, compare_keys, field ? (gpointer)field->values : NULL);
  for (guint i = 0; i < keys->len; i++) {
    g_auto(Outcome) one;
    outcome_init(&one);
    if (!aggregate(ask, figure, selection, g_hash_table_lookup(indexes, keys->pdata[i]), &one, error)) return FALSE;
    outcome_settle(&one);
    outcome_add_part(ret, keys->pdata[i], &one, figure);
  }
  return TRUE;
}

static gboolean run_entries(Ask *ask, json_t *figure, const char *kind, FigurePeriod period, Outcome *ret, GError **error) {
  Aggregate aggregate = aggregate_of(kind);
  g_auto(Selection) selection = {NULL};
  FigurePeriod wide = period;
  gboolean hours = g_str_equal(kind, "hours"), run = g_str_equal(kind, "run");
  if (hours) wide.from = day_of_number(day_number(period.from) - 1); /* a watch that began the night before */
  if (!selection_make(ask, figure, figure, run && json_object_get(figure, "period") == NULL ? "to-end" : NULL, wide, &selection, error)) return FALSE;
  selection.period = period;
  if (!selection_pass_gate(ask, figure, FALSE, &selection, error)) return FALSE;
  ret->unseen = selection.unseen, ret->partial = selection.partial;
  if (!aggregate(ask, figure, &selection, selection.indexes, ret, error)) return FALSE;
  outcome_settle(ret);
  return json_object_get(figure, "group") == NULL || run_groups(ask, figure, aggregate, &selection, ret, error);
}

/* ---- from figures ---- */

static void join_entries(Outcome *ret, const Outcome *part) { g_array_append_vals(ret->entries, part->entries->data, part->entries->len); }

static const char *part_name(json_t *part, const char *fallback) { return json_is_string(part) ? json_string_value(part) : text_in(part, "name") ? text_in(part,
  "name") : fallback; }

/* One part computed and kept as a part of the result. */
static gboolean take_part(Ask *ask, json_t *part, const char *label, FigurePeriod period, Outcome *ret, double *ret_value, GError **error) {
  g_auto(Outcome) one;
  json_t *figure = NULL;
  outcome_init(&one);
  if (!figure_run_part(ask, part, period, &one, &figure, error)) return FALSE;
  outcome_add_part(ret, label ? label : part_name(part, "—"), &one, figure);
  join_entries(ret, &one);
  ret->unseen = ret->unseen || one.unseen;
  ret->partial = ret->partial || one.partial;
  ret->unknown = ret->unknown || one.unknown;
  *ret_value = one.value;
  return TRUE;
}

static gboolean run_pair(Ask *ask, json_t *body, const char *first, const char *second, FigurePeriod period, Outcome *ret, double values[2], GError **error) {
  return take_part(ask, json_object_get(body, first), NULL, period, ret, &values[0], error) &&
    take_part(ask, json_object_get(body, second), NULL, period, ret, &values[1], error);
}

/* A figure in two years. */
static gboolean run_years(Ask *ask, json_t *body, FigurePeriod period, Outcome *ret, double values[2], GError **error) {
  json_t *base = json_object_get(body, "base"), *of = json_object_get(body, "of");
  FigurePeriod before = period_shift(period, base ? (int)json_integer_value(base) : -1);
  const char *name = part_name(of, "");
  g_autofree char *now_label = g_strdup_printf("%d年%s", period.to / 10000, name), *then_label = g_strdup_printf("%d年%s", before.to / 10000, name);
  return take_part(ask, of, now_label, period, ret, &values[0], error) && take_part(ask, of, then_label, before, ret, &values[1], error);
}

static gboolean run_terms(Ask *ask, json_t *list, gboolean minus, FigurePeriod period, Outcome *ret, GError **error) {
  size_t i;
  json_t *part;
  json_array_foreach(list, i, part) {
    double value;
    if (!take_part(ask, part, NULL, period, ret, &value, error)) return FALSE;
    ret->value += minus && i > 0 ? -value : value;
  }
  return TRUE;
}

static double quotient(double a, double b) { return b != 0 ? a / b : NAN; }

static gboolean run_figures(Ask *ask, json_t *figure, const char *kind, FigurePeriod period, Outcome *ret, GError **error) {
  json_t *body = json_object_get(figure, kind);
  double values[2] = {0, 0};
  gboolean done;
  if (g_str_equal(kind, "rate")) {
    done = run_pair(ask, body, "part", "whole", period, ret, values, error);
    ret->value = quotient(values[0] * 100, values[1]), ret->whole = values[1];
  } else if (g_str_equal(kind, "average")) {
    done = run_pair(ask, body, "sum", "per", period, ret, values, error);
    ret->value = quotient(values[0], values[1]);
  } else if (g_str_equal(kind, "multiple")) {
    done = run_pair(ask, body, "of", "to", period, ret, values, error);
    ret->value = quotient(values[0], values[1]);
  } else if (g_str_equal(kind, "growth")) {
    done = run_years(ask, body, period, ret, values, error);
    gboolean times = g_strcmp0(text_in(body, "as"), "times") == 0;
    ret->value = quotient(values[0] - values[1], values[1]) * (times ? 1 : 100) * (json_is_true(json_object_get(body, "decrease")) ? -1 : 1);
  } else if (g_str_equal(kind, "points")) {
    done = run_years(ask, body, period, ret, values, error);
    ret->value = values[0] - values[1];
  } else done = run_terms(ask, body, g_str_equal(kind, "minus"), period, ret, error);
  if (ret->value == 0) ret->value = 0; /* not -0 */
  outcome_settle(ret);
  return done;
}

gboolean figure_run(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error) {
  const char *kind = figure_aggregate(figure);
  json_t *year = json_object_get(figure, "year");
  if (kind == NULL) return throw(error, LANTAI_ERROR_INVALID, "指标“%s”要有且只有一种算法", text_in(figure, "name") ? text_in(figure, "name") : "");
  if (ask->depth >= FIGURE_DEEP) return throw(error, LANTAI_ERROR_INVALID, "指标“%s”一层套一层，绕不出来", text_in(figure, "name") ? text_in(figure, "name") : "");
  if (++ask->runs > FIGURE_RUNS) return throw(error, LANTAI_ERROR_TOO_LARGE, "指标“%s”由太多的指标算成", text_in(figure, "name") ? text_in(figure, "name") : "");
  if (json_is_integer(year)) period = period_shift(period, (int)json_integer_value(year));
  gboolean right = ask->right;
  ask->right = right || (!ask->trying && json_is_true(json_object_get(figure, "restricted")));
  ask->depth++;
  gboolean done = aggregate_of(kind) ? run_entries(ask, figure, kind, period, ret, error)
    : g_str_equal(kind, "events") ? run_events(ask, figure, period, ret, error)
    : g_str_has_prefix(kind, "records") ? run_records(ask, figure, period, ret, error) : run_figures(ask, figure, kind, period, ret, error);
  ask->depth--;
  ask->right = right;
  if (!done && text_in(figure, "name")) g_prefix_error(error, "指标“%s”：", text_in(figure, "name"));
  return done;
}

static gboolean run_defined(Ask *ask, const char *name, FigurePeriod period, Outcome *ret, json_t **ret_figure, GError **error) {
  if ((*ret_figure = figure_definition(name)) != NULL) return figure_run(ask, *ret_figure, period, ret, error);
  g_auto(GStrv) halves = g_strsplit(name, ".", 2);
  if (halves[0] == NULL || halves[1] == NULL || (*ret_figure = figure_definition(halves[0])) == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有指标“%s”", name);
  g_auto(Outcome) whole;
  outcome_init(&whole);
  if (!figure_run(ask, *ret_figure, period, &whole, error)) return FALSE;
  ret->unseen = whole.unseen, ret->partial = whole.partial, ret->unknown = whole.unknown;
  for (guint i = 0; whole.parts && i < whole.parts->len; i++) {
    const Part *part = whole.parts->pdata[i];
    if (!g_str_equal(part->key, halves[1])) continue;
    ret->value = part->value, ret->whole = part->whole, ret->text = g_strdup(part->text);
    g_array_append_vals(ret->entries, part->entries->data, part->entries->len);
  }
  return TRUE; /* a group without entries is 0 */
}

/* What is in force has its right, also within a definition that is only tried. */
static gboolean run_named(Ask *ask, const char *name, FigurePeriod period, Outcome *ret, json_t **ret_figure, GError **error) {
  gboolean trying = ask->trying;
  ask->trying = FALSE;
  gboolean done = run_defined(ask, name, period, ret, ret_figure, error);
  ask->trying = trying;
  return done;
}

gboolean figure_run_part(Ask *ask, json_t *part, FigurePeriod period, Outcome *ret, json_t **ret_figure, GError **error) {
  if (json_is_string(part)) return run_named(ask, json_string_value(part), period, ret, ret_figure, error);
  *ret_figure = part;
  return json_is_object(part) ? figure_run(ask, part, period, ret, error) : throw(error, LANTAI_ERROR_INVALID, "应为指标的名称或定义");
}

/* ---- what is told ---- */

/* Parts by the definition's own choices tell nothing that an entry says. */
static gboolean has_fixed_parts(json_t *figure) {
  const LedgerDefinition *ledger = ledger_find(text_in(figure, "ledger"));
  const LedgerField *field = NULL;
  if (ledger == NULL || text_in(figure, "group") == NULL) return TRUE;
  g_free(ledger_path_fault(ledger, text_in(figure, "group"), &field));
  return field != NULL && field->type == FIELD_CHOICE && !field->open;
}

/* Whether the words of a figure would tell what stands in entries: lists, spans, and each part by its name. */
static gboolean tells_entries(json_t *figure, const Outcome *outcome) {
  gboolean each = g_strcmp0(text_in(json_object_get(figure, "say"), "style"), "each") == 0;
  return outcome->text != NULL || (each && !has_fixed_parts(figure));
}

/* Whether its parts would: by their names, or because one of them is words already. */
static gboolean parts_tell(json_t *figure, const Outcome *outcome) {
  gboolean words = FALSE;
  for (guint i = 0; outcome->parts && i < outcome->parts->len; i++) words = words || ((const Part *)outcome->parts->pdata[i])->text != NULL;
  return outcome->parts && (words || !has_fixed_parts(figure));
}

static gboolean hides_parts(json_t *figure, const Outcome *outcome, gboolean number_only) {
  gboolean made = number_only && text_in(figure, "group") == NULL; /* of other figures, whose numbers were not asked for */
  return outcome->parts && (made || ((number_only || outcome->unseen) && parts_tell(figure, outcome)));
}

/* ---- the result ---- */

static json_t *number_json(double value) {
  if (!isfinite(value)) return json_null();
  return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *parts_json(const Outcome *outcome, gboolean number_only) {
  json_t *parts = json_array();
  for (guint i = 0; outcome->parts && i < outcome->parts->len; i++) {
    const Part *part = outcome->parts->pdata[i];
    json_t *plain = part->figure ? json_copy(part->figure) : json_object();
    json_object_del(plain, "group");
    if (g_strcmp0(text_in(json_object_get(plain, "say"), "style"), "each") == 0) json_object_del(plain, "say");
    Wording words = {g_strdup(part->text), NULL};
    if (part->text == NULL && !figure_say(plain, part->value, part->whole, NULL, &words, NULL)) words.text = g_strdup("");
    json_t *row = json_pack("{s:s, s:o, s:s, s:I}", "key", part->key, "value", number_json(part->value), "text", words.text, "entries",
      (json_int_t)(number_only ? 0 : part->entries->len));
    json_array_append_new(parts, row);
    wording_clear(&words);
    json_decref(plain);
  }
  return parts;
}

static void warn(json_t *warnings, char *text) {
  json_array_append_new(warnings, json_string(text));
  g_free(text);
}

/* Text and bare; a value that has no true words is told as a warning. */
static void set_words(json_t *result, json_t *figure, const Outcome *outcome, json_t *parts, json_t *warnings) {
  Wording words = {g_strdup(outcome->text), g_strdup(outcome->text)};
  g_autoptr(GError) failure = NULL;
  if (outcome->text == NULL && !figure_say(figure, outcome->value, outcome->whole, parts, &words, &failure)) {
    warn(warnings, g_strdup(failure->message));
    words = (Wording){g_strdup(""), g_strdup("")};
  }
  json_object_set_new(result, "text", json_string(words.text));
  json_object_set_new(result, "bare", json_string(words.bare));
  wording_clear(&words);
}

static gboolean contains_all(const GArray *whole, const GArray *part) {
  guint at = 0;
  for (guint i = 0; i < part->len; i++) {
    gint64 id = g_array_index(part, gint64, i);
    while (at < whole->len && g_array_index(whole, gint64, at) < id) at++;
    if (at == whole->len || g_array_index(whole, gint64, at) != id) return FALSE;
  }
  return TRUE;
}

gboolean figure_check_within(Ask *ask, json_t *figure, FigurePeriod period, const Outcome *outcome, char **ret_what, GError **error) {
  const char *other = text_in(figure, "within");
  json_t *found = NULL;
  if (other == NULL) return TRUE;
  g_auto(Outcome) whole;
  outcome_init(&whole);
  if (!run_named(ask, other, period, &whole, &found, error)) return FALSE;
  const char *name = text_in(figure, "name") ? text_in(figure, "name") : "";
  if (outcome->value > whole.value + 1e-9) *ret_what = g_strdup_printf("“%s”是 %g，多于它所在的“%s” %g", name, outcome->value, other, whole.value);
  else if (!contains_all(whole.entries, outcome->entries)) *ret_what = g_strdup_printf("“%s”里有的条目不在“%s”里", name, other);
  return TRUE;
}

/* What the whole is, is told to whom it may be told. */
static void add_nesting(const Ask *asking, json_t *figure, FigurePeriod period, const Outcome *outcome, json_t *warnings) {
  json_t *whole = figure_definition(text_in(figure, "within"));
  gboolean number_only = FALSE;
  char *what = NULL;
  if (whole == NULL || !figure_pass_gate(whole, asking->asker, &number_only, NULL)) return;
  g_auto(Ask) ask;
  ask_init(&ask, asking->house, asking->sql, asking->asker);
  if (!figure_check_within(&ask, figure, period, outcome, &what, NULL)) what = g_strdup_printf("不能与“%s”核对", text_in(figure, "within"));
  if (what) warn(warnings, what);
}

static void add_checks(const Ask *ask, json_t *figure, FigurePeriod period, const Outcome *outcome, json_t *warnings) {
  json_t *expect = json_object_get(figure, "expect"), *min = json_object_get(expect, "min"), *max = json_object_get(expect, "max");
  add_nesting(ask, figure, period, outcome, warnings);
  if (json_is_number(min) && outcome->value < json_number_value(min)) warn(warnings, g_strdup_printf("少于应有的 %g", json_number_value(min)));
  if (json_is_number(max) && outcome->value > json_number_value(max)) warn(warnings, g_strdup_printf("多于应有的 %g", json_number_value(max)));
}

/* The words of an outcome, unless they would tell what the asker may not see: then its number stays. */
static gboolean set_told_words(json_t *result, json_t *figure, const Outcome *outcome, gboolean closed, json_t *warnings) {
  json_auto_t *parts = parts_json(outcome, closed);
  if ((closed || outcome->unseen) && tells_entries(figure, outcome)) return json_object_set_new(result, "text", json_string("")), FALSE;
  set_words(result, figure, outcome, parts, warnings);
  return TRUE;
}

/* Over all years and as of now: the same entries and the same number whatever year is asked for, so that they are not gone through again. */
static gboolean is_timeless(json_t *figure, FigurePeriod period) {
  static const char *const kinds[] = {"count", "rows", "sum", "distinct", "max", "min", "last", "list", NULL};
  if (g_strcmp0(text_in(figure, "period"), "all") != 0 || text_in(figure, "at") != NULL || !g_strv_contains(kinds, figure_aggregate(figure))) return FALSE;
  int year = period.to / 10000;
  json_auto_t *now = where_for_year(json_object_get(figure, "where"), year), *before = where_for_year(json_object_get(figure, "where"), year - 1);
  return now == before || json_equal(now, before);
}

static json_t *result_last(Ask *ask, json_t *figure, FigurePeriod period, const Outcome *now, gboolean closed, gboolean *partial) {
  g_auto(Outcome) outcome;
  outcome_init(&outcome);
  const Outcome *told = is_timeless(figure, period) ? now : &outcome;
  if ((told == &outcome && !figure_run(ask, figure, period_shift(period, -1), &outcome, NULL)) || told->unknown) return json_null();
  json_auto_t *warnings = json_array();
  json_t *last = json_pack("{s:o}", "value", number_json(told->value));
  set_told_words(last, figure, told, closed, warnings);
  json_object_del(last, "bare");
  *partial = *partial || told->partial;
  return last;
}

static json_t *result_new(json_t *figure, FigurePeriod period, const Outcome *outcome, gboolean number_only) {
  g_autofree char *how = figure_how(figure, period);
  return json_pack("{s:s, s:s, s:o, s:o, s:s, s:I, s:b, s:s, s:{s:i, s:i, s:s}}", "aggregate", figure_aggregate(figure), "name",
    text_in(figure, "name") ? text_in(figure, "name") : "", "value", number_json(outcome->value), "whole", number_json(outcome->whole), "unit", figure_unit(figure),
    "entries", (json_int_t)(number_only ? 0 : outcome->entries->len), "restricted", number_only, "how", how, "period", "from", period.from, "to", period.to, "unit",
    period.unit ? period.unit : "");
}

/* Everything of the result that may be told; FALSE: its words may not. */
static gboolean tell_outcome(Ask *ask, json_t *figure, FigurePeriod period, const Outcome *outcome, gboolean number_only, json_t *result) {
  json_auto_t *warnings = json_array();
  gboolean partial = outcome->partial, hides = hides_parts(figure, outcome, number_only);
  add_checks(ask, figure, period, outcome, warnings);
  if (!set_told_words(result, figure, outcome, number_only, warnings)) return FALSE;
  json_object_set_new(result, "parts", hides ? json_array() : parts_json(outcome, number_only));
  if (hides) json_object_set_new(result, "parts_hidden", json_true());
  json_object_set_new(result, "last", result_last(ask, figure, period, outcome, number_only, &partial));
  if (partial) json_object_set_new(result, "partial", json_true()), warn(warnings, g_strdup("其中有您不能查看的条目，没有计入"));
  json_object_set(result, "warnings", warnings);
  if (outcome->missing && !number_only && !outcome->unseen) json_object_set(result, "missing", outcome->missing);
  if (outcome->unknown) json_object_set_new(result, "note", json_string("那时还没有启用本系统，这里是现在目录里的数"));
  if (outcome->opens) json_object_set_new(result, "opens", json_string(outcome->opens));
  if (json_object_get(figure, "id")) json_object_set(result, "id", json_object_get(figure, "id"));
  if (text_in(figure, "about")) json_object_set(result, "about", json_object_get(figure, "about"));
  json_object_set_new(result, "rests", needs_told(&ask->needs, tells_entries(figure, outcome) || parts_tell(figure, outcome)));
  return TRUE;
}

static json_t *compute(Ask *ask, json_t *figure, FigurePeriod period, GError **error) {
  gboolean number_only = FALSE;
  const char *name = text_in(figure, "name") ? text_in(figure, "name") : "";
  if (!figure_pass_gate(figure, ask->asker, &number_only, error)) return NULL;
  g_auto(Outcome) outcome;
  outcome_init(&outcome);
  if (!figure_run(ask, figure, period, &outcome, error)) return NULL;
  json_auto_t *result = result_new(figure, period, &outcome, number_only);
  if (!tell_outcome(ask, figure, period, &outcome, number_only, result))
    return throw_null(error, LANTAI_ERROR_DENIED, "指标“%s”要写出条目里的内容，其中有您不能查看的", name);
  return g_steal_pointer(&result);
}

json_t *figure_compute_definition(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error) {
  g_auto(Ask) ask;
  ask_init(&ask, house, sql, asker);
  return compute(&ask, figure, period, error);
}

json_t *figure_try(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error) {
  g_auto(Ask) ask;
  ask_init(&ask, house, sql, asker);
  ask.trying = TRUE;
  return compute(&ask, figure, period, error);
}

/* By name; 甲.央企 is the figure 甲 over what its group has under 央企, also when that is nothing. New reference. */
static json_t *named_figure(const char *name, GError **error) {
  json_t *figure = figure_definition(name);
  g_auto(GStrv) halves = g_strsplit(name ? name : "", ".", 2);
  if (figure != NULL) return json_incref(figure);
  json_t *whole = halves[0] && halves[1] ? figure_definition(halves[0]) : NULL;
  const char *group = text_in(whole, "group");
  if (group == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有指标“%s”", name ? name : "");
  json_t *part = json_deep_copy(whole);
  json_object_del(part, "group");
  if (g_strcmp0(text_in(json_object_get(part, "say"), "style"), "each") == 0) json_object_del(part, "say");
  if (json_object_get(part, "where") == NULL) json_object_set_new(part, "where", json_object());
  json_object_set_new(json_object_get(part, "where"), group, json_string(halves[1]));
  json_object_set_new(part, "name", json_string(name));
  return part;
}

json_t *figure_compute(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, GError **error) {
  json_auto_t *figure = named_figure(name, error);
  g_auto(GStrv) halves = figure && figure_definition(name) == NULL ? g_strsplit(name, ".", 2) : NULL;
  json_t *whole = halves ? figure_definition(halves[0]) : NULL; /* a part whose name only the entries know */
  if (whole && !has_fixed_parts(whole) && !figure_is_open(whole, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "指标“%s”的各部分您不能查看", halves[0]);
  return figure ? figure_compute_definition(house, sql, asker, figure, period, error) : NULL;
}

/* ---- rows ---- */

typedef struct { gint64 id, day; } Dated;
static int by_date(gconstpointer a, gconstpointer b) {
  const Dated *x = a, *y = b;
  return x->day != y->day ? (x->day > y->day) - (x->day < y->day) : (x->id > y->id) - (x->id < y->id);
}

enum { DATES_AT_ONCE = 1000 };

static gboolean add_dates(Sql *sql, const GArray *ids, guint begin, GArray *dated, GError **error) {
  json_auto_t *some = json_array();
  for (guint i = begin; i < MIN(ids->len, begin + DATES_AT_ONCE); i++) json_array_append_new(some, json_integer(g_array_index(ids, gint64, i)));
  g_autofree char *list = json_dumps(some, JSON_COMPACT);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT e.id AS id, e.from_date AS day FROM json_each($1) AS j JOIN ledger_entry AS e ON e.id = j.value",
    SQL_ARGS(sql_text(list)), error);
  GError *failure = NULL;
  while (rows != NULL && sql_next(rows, &failure)) {
    Dated row = {sql_get_int(rows, "id"), sql_get_int(rows, "day")};
    g_array_append_val(dated, row);
  }
  if (failure != NULL) g_propagate_error(error, failure);
  return rows != NULL && failure == NULL;
}

static gboolean sort_by_date(Sql *sql, GArray *ids, GError **error) {
  g_autoptr(GArray) dated = g_array_sized_new(FALSE, FALSE, sizeof(Dated), ids->len);
  for (guint begin = 0; begin < ids->len; begin += DATES_AT_ONCE)
    if (!add_dates(sql, ids, begin, dated, error)) return FALSE;
  g_array_sort(dated, by_date);
  for (guint i = 0; i < dated->len; i++) g_array_index(ids, gint64, i) = g_array_index(dated, Dated, i).id;
  return TRUE;
}

GArray *figure_entries(const House *house, Sql *sql, Asker asker, const char *name, const char *part, FigurePeriod period, GError **error) {
  json_auto_t *figure = named_figure(name, error);
  g_auto(Ask) ask;
  g_auto(Outcome) outcome;
  ask_init(&ask, house, sql, asker);
  outcome_init(&outcome);
  if (figure == NULL || !figure_run(&ask, figure, period, &outcome, error)) return NULL;
  GArray *ids = part ? NULL : outcome.entries;
  for (guint i = 0; part && outcome.parts && i < outcome.parts->len; i++) {
    const Part *one = outcome.parts->pdata[i];
    if (g_str_equal(one->key, part)) ids = one->entries;
  }
  if (ids == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "指标“%s”没有“%s”这一部分", name, part);
  return sort_by_date(sql, ids, error) ? g_array_ref(ids) : NULL;
}

GArray *figure_tried_entries(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error) {
  g_auto(Ask) ask;
  g_auto(Outcome) outcome;
  ask_init(&ask, house, sql, asker);
  ask.trying = TRUE;
  outcome_init(&outcome);
  return figure_run(&ask, figure, period, &outcome, error) && sort_by_date(sql, outcome.entries, error) ? g_array_ref(outcome.entries) : NULL;
}
