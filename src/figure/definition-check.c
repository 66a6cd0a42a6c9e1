/* Definitions of figures against the ledgers and one another: every place that is wrong, with the nearest name. */
#include "chart.h"
#include "text.h"
#include <string.h>

enum { PARTS_DEEP = 12, PARTS_MOST = 500 }; /* parts of parts, each as often as it is computed */

static const char *const AGGREGATES[] = {"count", "rows", "sum", "distinct", "max", "min", "last", "coverage", "run", "hours", "span", "list", "records",
  "records_sum", "events", "rate",
  "average", "growth", "multiple", "points", "plus", "minus", NULL};
static const char *const FROM_FIGURES[] = {"rate", "average", "growth", "multiple", "points", "plus", "minus", NULL};
static const char *const WITHOUT_LEDGER[] = {"records", "records_sum", "events", NULL};
static const char *const KEYS[] = {"name", "about", "was", "group_name", "ledger", "where", "unit", "say", "period", "by", "at", "year", "units", "within",
  "expect", "restricted", "group", "per",
  "limit", "sort", "quote", "joiner", "tail", "total", "distinct", "chart", "id", "source", NULL};
static const char *const EVERY[] = {"day", "workday", "week", "halfmonth", "twoweeks", "month", "quarter", "halfyear", "year", NULL};

typedef struct { json_t *faults, *others; const char *name; } Check;

static void add(const Check *check, const char *place, char *what) {
  g_autofree char *where = check->name ? g_strdup_printf("%s：%s", check->name, place) : g_strdup(place);
  json_array_append_new(check->faults, json_pack("{s:s, s:s}", "where", where, "what", what));
  g_free(what);
}

static gboolean present(json_t *figure, const char *key) { return json_object_get(figure, key) != NULL; }

/* `distinct: true` beside `list` is a word about the list. */
static gboolean is_aggregate(json_t *figure, const char *key) {
  json_t *value = json_object_get(figure, key);
  return value != NULL && !(g_str_equal(key, "distinct") && json_is_boolean(value)) && !(g_str_equal(key, "records") && present(figure, "records_sum"));
}

const char *figure_aggregate(json_t *figure) {
  const char *found = NULL;
  for (guint i = 0; AGGREGATES[i]; i++) {
    if (!is_aggregate(figure, AGGREGATES[i])) continue;
    if (found != NULL) return NULL;
    found = AGGREGATES[i];
  }
  return found;
}

void figure_parts(json_t *figure, FigurePart visit, gpointer data) {
  static const char *const members[] = {"part", "whole", "sum", "per", "of", "to"};
  const char *kind = figure_aggregate(figure);
  json_t *body = kind && g_strv_contains(FROM_FIGURES, kind) ? json_object_get(figure, kind) : NULL, *item;
  size_t i;
  for (guint m = 0; json_is_object(body) && m < G_N_ELEMENTS(members); m++) {
    g_autofree char *place = g_strdup_printf("%s.%s", kind, members[m]);
    if ((item = json_object_get(body, members[m])) != NULL) visit(item, place, data);
  }
  json_array_foreach(body, i, item) {
    g_autofree char *place = g_strdup_printf("%s[%zu]", kind, i);
    visit(item, place, data);
  }
  if (present(figure, "within")) visit(json_object_get(figure, "within"), "within", data);
}

/* ---- names of figures ---- */

static json_t *find_figure(const Check *check, const char *name) {
  size_t i, k;
  json_t *other, *was;
  json_array_foreach(check->others, i, other) {
    if (g_strcmp0(json_string_value(json_object_get(other, "name")), name) == 0) return other;
    json_array_foreach(json_object_get(other, "was"), k, was)
      if (g_strcmp0(json_string_value(was), name) == 0) return other;
  }
  return figure_definition(name);
}

static char *no_figure(const Check *check, const char *name) {
  json_auto_t *known = figure_names();
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  size_t i;
  json_t *item;
  json_array_foreach(known, i, item) g_ptr_array_add(names, (gpointer)json_string_value(item));
  json_array_foreach(check->others, i, item)
    if (json_object_get(item, "name")) g_ptr_array_add(names, (gpointer)json_string_value(json_object_get(item, "name")));
  g_ptr_array_add(names, NULL);
  const char *nearest = text_nearest(name, (const char *const *)names->pdata);
  return nearest ? g_strdup_printf("没有指标“%s”，是不是“%s”", name, nearest) : g_strdup_printf("没有指标“%s”", name);
}

typedef struct { const Check *check; const char *wanted; guint depth, parts; gboolean found; } Loop;
static void follow(json_t *part, const char *place, gpointer data) {
  Loop *loop = data;
  const char *name = json_string_value(part);
  if (name != NULL && g_strcmp0(name, loop->wanted) == 0 && !g_str_equal(place, "within")) loop->found = TRUE;
  if (loop->found || loop->depth > PARTS_DEEP || g_str_equal(place, "within") || ++loop->parts > PARTS_MOST) return;
  json_t *figure = name ? find_figure(loop->check, name) : part;
  loop->depth++;
  if (json_is_object(figure)) figure_parts(figure, follow, loop);
  loop->depth--;
}

static void check_figure(const Check *check, json_t *figure, const char *prefix);

typedef struct { const Check *check; const char *prefix; } PartCheck;
static void check_part(json_t *part, const char *place, gpointer data) {
  const PartCheck *state = data;
  g_autofree char *where = g_strconcat(state->prefix, place, NULL);
  const char *name = json_string_value(part);
  if (json_is_object(part) && !g_str_equal(place, "within")) {
    g_autofree char *below = g_strconcat(where, ".", NULL);
    return check_figure(state->check, part, below);
  }
  if (name == NULL) return add(state->check, where, g_strdup("应为指标的名称"));
  g_auto(GStrv) halves = g_strsplit(name, ".", 2);
  if (find_figure(state->check, name) == NULL && find_figure(state->check, halves[0]) == NULL) add(state->check, where, no_figure(state->check, name));
}

/* ---- fields ---- */

static gboolean is_number(const LedgerField *field) {
  return field && (field->type == FIELD_NUMBER || field->type == FIELD_MONEY || field->type == FIELD_AGE || field->type == FIELD_BOOL);
}
static gboolean is_date(const LedgerField *field) { return field && (field->type == FIELD_DATE || field->type == FIELD_PERIOD); }

/* The field at the end of a path, after telling what is wrong with it; NULL: wrong, or derived from the date. */
static const LedgerField *check_path(const Check *check, const LedgerDefinition *ledger, json_t *value, const char *place) {
  const char *path = json_string_value(value);
  const LedgerField *field = NULL;
  if (path == NULL) return add(check, place, g_strdup("应为字段名")), NULL;
  char *wrong = ledger_path_fault(ledger, path, &field);
  if (wrong) add(check, place, wrong);
  return wrong ? NULL : field;
}

static void check_numbers(const Check *check, const LedgerDefinition *ledger, json_t *value, const char *place, gboolean dates_too) {
  size_t i;
  json_t *item;
  json_auto_t *list = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
  if (json_array_size(list) == 0) add(check, place, g_strdup("应为字段名"));
  json_array_foreach(list, i, item) {
    const LedgerField *field = check_path(check, ledger, item, place);
    if (field && !is_number(field) && !(dates_too && is_date(field))) add(check, place, g_strdup_printf("“%s”不是数，不能求和或比大小", json_string_value(item)));
  }
}

static void check_coverage(const Check *check, const LedgerDefinition *ledger, json_t *body, const char *place) {
  const char *every = json_string_value(json_object_get(body, "every")), *other = json_string_value(json_object_get(body, "in"));
  if (!json_is_object(body) || (every == NULL) == (json_object_get(body, "of") == NULL))
    return add(check, place, g_strdup("要写 {every: month} 或 {of: 字段, in: 台账, where: {…}, key: 字段}"));
  if (every && !g_strv_contains(EVERY, every)) add(check, place, g_strdup_printf("没有周期“%s”，可用 day workday week halfmonth twoweeks month quarter halfyear year", every));
  if (every) return;
  const LedgerField *field = check_path(check, ledger, json_object_get(body, "of"), place);
  const LedgerDefinition *roster = other ? ledger_find(other) : NULL;
  if (other && roster == NULL) add(check, place, g_strdup_printf("没有台账“%s”", other));
  if (other == NULL && field && field->values == NULL) add(check, place, g_strdup_printf("“%s”没有列出的值，要写 in: 台账", field->name));
  if (roster == NULL) return;
  json_auto_t *faults = ledger_where_faults(roster, json_object_get(body, "where"));
  size_t i;
  json_t *row;
  json_array_foreach(faults, i, row) add(check, place, g_strdup_printf("where.%s：%s", json_string_value(json_object_get(row, "where")),
    json_string_value(json_object_get(row, "what"))));
  if (json_object_get(body, "key")) check_path(check, roster, json_object_get(body, "key"), place);
}

static void check_field(const Check *check, const LedgerDefinition *ledger, json_t *figure, const char *kind, const char *place) {
  json_t *body = json_object_get(figure, kind);
  if (g_str_equal(kind, "sum")) check_numbers(check, ledger, body, place, FALSE);
  else if (g_str_equal(kind, "max") || g_str_equal(kind, "min") || g_str_equal(kind, "last")) check_numbers(check, ledger, body, place, TRUE);
  else if (g_str_equal(kind, "coverage")) check_coverage(check, ledger, body, place);
  else if (!g_str_equal(kind, "count")) {
    const LedgerField *field = check_path(check, ledger, body, place);
    if (g_str_equal(kind, "rows") && field && field->type != FIELD_ROWS) add(check, place, g_strdup_printf("“%s”不是由多行组成的字段", field->name));
    if (g_str_equal(kind, "hours") && field && field->type != FIELD_PERIOD) add(check, place, g_strdup_printf("“%s”不是起止时间", field->name));
    if (g_str_equal(kind, "span") && field && !is_date(field)) add(check, place, g_strdup_printf("“%s”不是日期", field->name));
  }
}

/* What stands in the place of a number of years: {year: -1}; taken out so that the rest can be checked. */
json_t *where_for_year(json_t *where, int year) {
  const char *key;
  json_t *value, *relative = json_object_get(where, "year");
  size_t i;
  if (json_is_object(where) && json_object_size(where) == 1 && json_is_integer(relative)) return json_integer(year + json_integer_value(relative));
  if (json_is_object(where)) {
    json_t *copy = json_object();
    json_object_foreach(where, key, value) json_object_set_new(copy, key, where_for_year(value, year));
    return copy;
  }
  if (!json_is_array(where)) return json_incref(where);
  json_t *list = json_array();
  json_array_foreach(where, i, value) json_array_append_new(list, where_for_year(value, year));
  return list;
}

static void check_ledger(const Check *check, json_t *figure, const char *kind, const char *prefix) {
  const char *name = json_string_value(json_object_get(figure, "ledger"));
  const LedgerDefinition *ledger = name ? ledger_find(name) : NULL;
  g_autofree char *place = g_strconcat(prefix, "ledger", NULL);
  if (name == NULL) return add(check, place, g_strdup("要写 ledger：从哪个台账算"));
  if (ledger == NULL) {
    g_autofree const LedgerDefinition **all = ledger_all();
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; all[i]; i++) g_ptr_array_add(names, (gpointer)all[i]->name);
    g_ptr_array_add(names, NULL);
    const char *nearest = text_nearest(name, (const char *const *)names->pdata);
    return add(check, place, nearest ? g_strdup_printf("没有台账“%s”，是不是“%s”", name, nearest) : g_strdup_printf("没有台账“%s”", name));
  }
  json_auto_t *where = where_for_year(json_object_get(figure, "where"), 2000), *faults = ledger_where_faults(ledger, where);
  size_t i;
  json_t *row;
  json_array_foreach(faults, i, row) {
    g_autofree char *at = g_strdup_printf("%swhere.%s", prefix, json_string_value(json_object_get(row, "where")));
    add(check, at, g_strdup(json_string_value(json_object_get(row, "what"))));
  }
  g_autofree char *field_place = g_strconcat(prefix, kind, NULL), *group_place = g_strconcat(prefix, "group", NULL), *by_place = g_strconcat(prefix, "by", NULL);
  check_field(check, ledger, figure, kind, field_place);
  if (present(figure, "group")) check_path(check, ledger, json_object_get(figure, "group"), group_place);
  const LedgerField *by = present(figure, "by") ? check_path(check, ledger, json_object_get(figure, "by"), by_place) : NULL;
  if (by && !is_date(by)) add(check, by_place, g_strdup_printf("“%s”不是日期", by->name));
  const char *sort = json_string_value(json_object_get(figure, "sort"));
  json_auto_t *sorted = sort ? json_string(*sort == '-' ? sort + 1 : sort) : NULL;
  g_autofree char *sort_place = g_strconcat(prefix, "sort", NULL);
  if (sorted) check_path(check, ledger, sorted, sort_place);
}

static void check_choice(const Check *check, json_t *figure, const char *prefix, const char *key, const char *const *words) {
  json_t *value = json_object_get(figure, key);
  g_autofree char *place = g_strconcat(prefix, key, NULL), *known = g_strjoinv("、", (char **)words);
  if (value && (!json_is_string(value) || !g_strv_contains(words, json_string_value(value)))) add(check, place, g_strdup_printf("只能是 %s", known));
}

static void check_keys(const Check *check, json_t *figure, const char *prefix) {
  const char *key;
  json_t *value;
  json_object_foreach(figure, key, value) {
    if (g_strv_contains(KEYS, key) || g_strv_contains(AGGREGATES, key)) continue;
    const char *nearest = text_nearest(key, KEYS);
    if (nearest == NULL) nearest = text_nearest(key, AGGREGATES);
    g_autofree char *place = g_strconcat(prefix, key, NULL);
    add(check, place, nearest ? g_strdup_printf("没有“%s”这一项，是不是“%s”", key, nearest) : g_strdup_printf("没有“%s”这一项", key));
  }
}

static gboolean has_members(json_t *body, const char *a, const char *b) { return json_object_get(body, a) != NULL && (b == NULL || json_object_get(body, b) != NULL); }

static void check_body(const Check *check, json_t *figure, const char *kind, const char *prefix) {
  json_t *body = json_object_get(figure, kind);
  g_autofree char *place = g_strconcat(prefix, kind, NULL);
  static const struct { const char *kind, *a, *b; } members[] = {{"rate", "part", "whole"}, {"average", "sum", "per"}, {"growth", "of", NULL}, {"multiple", "of",
    "to"}, {"points", "of", NULL}};
  for (guint i = 0; i < G_N_ELEMENTS(members); i++)
    if (g_str_equal(kind, members[i].kind) && !has_members(body, members[i].a, members[i].b))
      add(check, place, g_strdup_printf("要写 {%s: 指标%s%s%s}", members[i].a, members[i].b ? ", " : "", members[i].b ? members[i].b : "", members[i].b ? ": 指标" : ""));
  if ((g_str_equal(kind, "plus") || g_str_equal(kind, "minus")) && json_array_size(body) < 2) add(check, place, g_strdup("要列出至少两个指标"));
  if (g_str_equal(kind, "records") && !json_is_string(body)) add(check, place, g_strdup("应为检索式，例如 \"q=门类:WS\""));
  if (g_str_equal(kind, "records_sum") && g_strcmp0(json_string_value(body), "pages") != 0) add(check, place, g_strdup("目前能求和的是 pages（页数）"));
  if (g_str_equal(kind, "records_sum") && !json_is_string(json_object_get(figure, "records"))) add(check, place, g_strdup("还要写 records：检索式"));
  if (g_str_equal(kind, "events") && json_string_value(json_object_get(body, "action")) == NULL) add(check, place,
    g_strdup("要写 {action: 动作, count:} 或 {action: 动作, sum: 项}"));
}

static void check_figure(const Check *check, json_t *figure, const char *prefix) {
  static const char *const periods[] = {"report", "to-end", "all", NULL}, *const at[] = {"end", NULL}, *const per[] = {"day", NULL};
  if (!json_is_object(figure)) return add(check, prefix, g_strdup("应为映射"));
  const char *kind = figure_aggregate(figure);
  check_keys(check, figure, prefix);
  check_choice(check, figure, prefix, "period", periods);
  check_choice(check, figure, prefix, "at", at);
  check_choice(check, figure, prefix, "per", per);
  if (kind == NULL) return add(check, *prefix ? prefix : "聚合", g_strdup("要有且只有一种算法，例如 count:、sum: 字段、rate: {part: …, whole: …}"));
  check_body(check, figure, kind, prefix);
  if (!g_strv_contains(FROM_FIGURES, kind) && !g_strv_contains(WITHOUT_LEDGER, kind)) check_ledger(check, figure, kind, prefix);
  PartCheck parts = {check, prefix};
  figure_parts(figure, check_part, &parts);
  json_t *units = json_object_get(figure, "units");
  gboolean known_units = units == NULL || g_strcmp0(json_string_value(units), "own") == 0 || g_strcmp0(json_string_value(units), "all") == 0 ||
    json_is_array(json_object_get(units, "in"));
  if (!known_units) add(check, "units", g_strdup("只能是 own、all 或 {in: [单位, …]}"));
  json_auto_t *say = json_array();
  say_faults(figure, say);
  if (json_object_get(figure, "chart")) chart_faults(figure, json_object_get(figure, "chart"), "chart", say);
  size_t i;
  json_t *row;
  json_array_foreach(say, i, row) {
    g_autofree char *place = g_strconcat(prefix, json_string_value(json_object_get(row, "where")), NULL);
    add(check, place, g_strdup(json_string_value(json_object_get(row, "what"))));
  }
}

json_t *figure_definition_faults(json_t *figure, json_t *others) {
  json_t *faults = json_array();
  const char *name = json_string_value(json_object_get(figure, "name"));
  Check check = {faults, others, name};
  if (name == NULL || *name == '\0') add(&check, "name", g_strdup("缺少名称"));
  else if (strpbrk(name, ".{}+=<>") != NULL) add(&check, "name", g_strdup("名称里不能有 . { } + = < >"));
  check_figure(&check, figure, "");
  Loop loop = {&check, name, 0, 0, FALSE};
  if (name && json_is_object(figure)) figure_parts(figure, follow, &loop);
  if (loop.found) add(&check, figure_aggregate(figure), g_strdup("经过别的指标又用到了它自己"));
  else if (loop.parts > PARTS_MOST) add(&check, figure_aggregate(figure), g_strdup_printf("一层层算下来要用到 %d 个以上的指标，请分开定义", PARTS_MOST));
  return faults;
}

/* ---- invariants ---- */

static void term_clear(gpointer data) { g_free(((Term *)data)->name); }

void equation_free(Equation *equation) {
  if (equation == NULL) return;
  g_array_unref(equation->left);
  g_array_unref(equation->right);
  g_free(equation);
}

static gboolean read_terms(const char *text, gsize length, GArray *terms) {
  g_autofree char *side = g_strndup(text, length);
  int sign = 1;
  for (char *at = side;;) {
    gsize part = strcspn(at, "+-");
    g_autofree char *name = g_strstrip(g_strndup(at, part));
    char *end = NULL;
    double constant = g_ascii_strtod(name, &end);
    if (*name == '\0') return FALSE;
    Term term = {sign, *end == '\0' ? NULL : g_steal_pointer(&name), constant};
    g_array_append_val(terms, term);
    if (at[part] == '\0') return TRUE;
    sign = at[part] == '-' ? -1 : 1;
    at += part + 1;
  }
}

Equation *equation_read(const char *that) {
  static const char *const signs[] = {"<=", ">=", "=", "≤", "≥"}, *const meanings[] = {"<=", ">=", "=", "<=", ">="};
  g_autoptr(Equation) equation = g_new0(Equation, 1);
  equation->left = g_array_new(FALSE, FALSE, sizeof(Term));
  equation->right = g_array_new(FALSE, FALSE, sizeof(Term));
  g_array_set_clear_func(equation->left, term_clear);
  g_array_set_clear_func(equation->right, term_clear);
  for (guint i = 0; i < G_N_ELEMENTS(signs); i++) {
    const char *at = strstr(that, signs[i]);
    if (at == NULL) continue;
    equation->comparison = meanings[i];
    const char *right = at + strlen(signs[i]);
    gboolean read = read_terms(that, (gsize)(at - that), equation->left) && read_terms(right, strlen(right), equation->right);
    return read ? g_steal_pointer(&equation) : NULL;
  }
  return NULL;
}

static void check_terms(const Check *check, const GArray *terms, const char *place) {
  for (guint i = 0; i < terms->len; i++) {
    const char *name = g_array_index(terms, Term, i).name;
    if (name == NULL) continue;
    g_auto(GStrv) halves = g_strsplit(name, ".", 2);
    if (find_figure(check, halves[0]) == NULL) add(check, place, no_figure(check, name));
  }
}

json_t *invariant_faults(json_t *invariants, json_t *others) {
  json_t *faults = json_array(), *row;
  Check check = {faults, others, NULL};
  size_t i;
  json_array_foreach(invariants, i, row) {
    const char *that = json_string_value(json_object_get(row, "that"));
    g_autofree char *place = g_strdup_printf("invariants[%zu].that", i);
    g_autoptr(Equation) equation = that ? equation_read(that) : NULL;
    if (equation == NULL) add(&check, place, g_strdup("要写成 甲 + 乙 = 丙（也可用 - <= >=）"));
    else check_terms(&check, equation->left, place), check_terms(&check, equation->right, place);
  }
  return faults;
}
