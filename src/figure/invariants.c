/* What must hold between figures: the equations of the definitions, and what is said to lie within what. */
#include "compute.h"
#include <math.h>
#include <string.h>

typedef struct { const House *house; Sql *sql; Asker asker; FigurePeriod period; GHashTable *wanted; json_t *broken; } Checking;

static gboolean side_value(const Checking *checking, const GArray *terms, double *ret, GError **error) {
  g_auto(Ask) ask;
  ask_init(&ask, checking->house, checking->sql, LEDGER_EVERYTHING);
  *ret = 0;
  for (guint i = 0; i < terms->len; i++) {
    const Term *term = &g_array_index(terms, Term, i);
    g_auto(Outcome) outcome;
    json_t *figure = NULL, *name = term->name ? json_string(term->name) : NULL;
    outcome_init(&outcome);
    gboolean done = name == NULL || figure_run_part(&ask, name, checking->period, &outcome, &figure, error);
    json_decref(name);
    if (!done) return FALSE;
    *ret += term->sign * (term->name ? outcome.value : term->constant);
  }
  return TRUE;
}

static gboolean is_wanted(const Checking *checking, const GArray *terms) {
  for (guint i = 0; checking->wanted && i < terms->len; i++) {
    const char *name = g_array_index(terms, Term, i).name;
    g_auto(GStrv) halves = name ? g_strsplit(name, ".", 2) : NULL;
    if (name && (g_hash_table_contains(checking->wanted, name) || g_hash_table_contains(checking->wanted, halves[0]))) return TRUE;
  }
  return checking->wanted == NULL;
}

/* Whether the asker gets this figure's number, the archives' own. */
static gboolean is_told(const Checking *checking, const char *name) {
  if (name == NULL || checking->asker.everything) return TRUE;
  json_auto_t *result = figure_compute(checking->house, checking->sql, checking->asker, name, checking->period, NULL);
  return result != NULL && !json_is_true(json_object_get(result, "partial"));
}

static gboolean are_told(const Checking *checking, const GArray *terms) {
  for (guint i = 0; i < terms->len; i++)
    if (!is_told(checking, g_array_index(terms, Term, i).name)) return FALSE;
  return TRUE;
}

static void add_broken(const Checking *checking, const char *say, const char *that, double left, double right, gboolean told) {
  json_t *row = json_pack("{s:s, s:s}", "say", say, "that", that);
  if (told) json_object_set_new(row, "left", json_real(left)), json_object_set_new(row, "right", json_real(right));
  json_array_append_new(checking->broken, row);
}

static gboolean check_equation(const Checking *checking, json_t *rule, GError **error) {
  const char *that = json_string_value(json_object_get(rule, "that")), *say = json_string_value(json_object_get(rule, "say"));
  g_autoptr(Equation) equation = equation_read(that ? that : "");
  if (equation == NULL || (!is_wanted(checking, equation->left) && !is_wanted(checking, equation->right))) return TRUE;
  double left, right;
  if (!side_value(checking, equation->left, &left, error) || !side_value(checking, equation->right, &right, error)) return FALSE;
  gboolean same = fabs(left - right) < 1e-6;
  gboolean holds = g_str_equal(equation->comparison, "=") ? same : same || (g_str_equal(equation->comparison, "<=") ? left < right : left > right);
  if (!holds) add_broken(checking, say ? say : that, that, left, right, are_told(checking, equation->left) && are_told(checking, equation->right));
  return TRUE;
}

static gboolean check_nesting(const Checking *checking, const char *name, GError **error) {
  json_t *figure = figure_definition(name);
  const char *other = json_string_value(json_object_get(figure, "within"));
  g_auto(Ask) ask;
  char *what = NULL;
  ask_init(&ask, checking->house, checking->sql, LEDGER_EVERYTHING);
  if (other == NULL) return TRUE;
  g_auto(Outcome) outcome;
  g_auto(Outcome) whole;
  outcome_init(&outcome);
  outcome_init(&whole);
  json_t *found = NULL;
  json_auto_t *whole_name = json_string(other);
  if (!figure_run(&ask, figure, checking->period, &outcome, error) || !figure_check_within(&ask, figure, checking->period, &outcome, &what, error)) return FALSE;
  if (what == NULL) return TRUE;
  g_autofree char *said = what, *that = g_strdup_printf("%s <= %s", name, other);
  if (!figure_run_part(&ask, whole_name, checking->period, &whole, &found, error)) return FALSE;
  gboolean told = is_told(checking, name) && is_told(checking, other);
  g_autofree char *plain = told ? g_strdup(said) : g_strdup_printf("“%s”不全在“%s”里", name, other);
  add_broken(checking, plain, that, outcome.value, whole.value, told);
  return TRUE;
}

json_t *figure_invariants(const House *house, Sql *sql, Asker asker, const char *const *names, FigurePeriod period, GError **error) {
  json_auto_t *broken = json_array(), *rules = figure_invariants_defined(), *all = figure_names();
  g_autoptr(GHashTable) wanted = names ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;
  for (const char *const *name = names; name && *name; name++) g_hash_table_add(wanted, (gpointer)*name);
  Checking checking = {house, sql, asker, period, wanted, broken};
  size_t i;
  json_t *item;
  json_array_foreach(rules, i, item)
    if (!check_equation(&checking, item, error)) return NULL;
  json_array_foreach(all, i, item) {
    const char *name = json_string_value(item);
    if ((wanted == NULL || g_hash_table_contains(wanted, name)) && !check_nesting(&checking, name, error)) return NULL;
  }
  return g_steal_pointer(&broken);
}
