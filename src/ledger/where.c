/*
 * Conditions, made ready for one table: texts become sets of the dictionary's numbers, names of entries their ids, days their first and last.
 *
 * 1. A condition on a field of child rows outside `row` is met when any row meets it; those rows are also the ones it speaks of (where_row_meets).
 * 2. Everything that can be wrong is found by where-check.c against the definitions before a table is touched.
 */
#include "table.h"
#include <math.h>

typedef struct { /* what one value must be like */
  gboolean active;
  guint8 *codes; guint code_count;      /* a flag for each text of the table it is about; NULL: not about texts */
  GPtrArray *labels;                    /* texts, for what is not of the dictionary */
  GArray *numbers;                      /* sorted: numbers, ids, yes and no */
  GArray *spans;                        /* DateSpan */
  gboolean ranged;
  double min, max;                      /* numbers; days for dates */
  gboolean min_open, max_open;
  const char *has;
} Match;

typedef enum { NODE_ALL, NODE_ANY, NODE_ROW, NODE_TEST } NodeKind;
typedef struct {
  NodeKind kind;
  GPtrArray *children;
  guint rows;              /* NODE_ROW: its column */
  PathPlan path;           /* NODE_TEST */
  Match is, is_not;
  int set;                 /* -1: not asked */
  gboolean counted;
  double fewest, most;
  const Column *plain;     /* NODE_TEST: texts of the table itself that are only looked up in `is`; else NULL */
} Node;

struct LedgerWhere { const LedgerTable *table; Node *root; };

static void match_clear(Match *match) {
  g_free(match->codes);
  g_clear_pointer(&match->labels, g_ptr_array_unref);
  g_clear_pointer(&match->numbers, g_array_unref);
  g_clear_pointer(&match->spans, g_array_unref);
}

static void node_free(gpointer data) {
  Node *node = data;
  if (node == NULL) return;
  g_clear_pointer(&node->children, g_ptr_array_unref);
  if (node->kind == NODE_TEST) path_plan_clear(&node->path);
  match_clear(&node->is);
  match_clear(&node->is_not);
  g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

static Node *node_new(NodeKind kind) {
  Node *node = g_new0(Node, 1);
  node->kind = kind;
  node->set = -1;
  node->most = INFINITY;
  if (kind != NODE_TEST) node->children = g_ptr_array_new_with_free_func(node_free);
  return node;
}

/* ---- evaluation ---- */

static int compare_numbers(gconstpointer a, gconstpointer b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static gboolean number_among(const GArray *numbers, double number) {
  guint low = 0, high = numbers->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (g_array_index(numbers, double, middle) < number) low = middle + 1;
    else high = middle;
  }
  return low < numbers->len && g_array_index(numbers, double, low) == number;
}

static gboolean within_range(const Match *match, const Cell *cell) {
  gboolean days = cell->from != 0 && cell->type != FIELD_NUMBER;
  double low = days ? cell->from : cell->number, high = days ? cell->to : cell->number;
  return (match->min_open ? low > match->min : low >= match->min) && (match->max_open ? high < match->max : high <= match->max);
}

static gboolean among_labels(const Match *match, const char *label) {
  for (guint i = 0; match->labels && i < match->labels->len; i++)
    if (match->has ? strcasestr(label, g_ptr_array_index(match->labels, i)) != NULL : g_str_equal(g_ptr_array_index(match->labels, i), label)) return TRUE;
  return FALSE;
}

static gboolean cell_matches(const Match *match, const Cell *cell) {
  if (match->ranged && !within_range(match, cell)) return FALSE;
  if (cell->label) return match->labels == NULL || among_labels(match, cell->label);
  if (match->codes) return cell->text < match->code_count && match->codes[cell->text];
  if (match->numbers) return number_among(match->numbers, cell->number);
  for (guint i = 0; match->spans && i < match->spans->len; i++) {
    const DateSpan *span = &g_array_index(match->spans, DateSpan, i);
    if (cell->from >= span->from && cell->to <= span->to) return TRUE;
  }
  return match->spans == NULL && match->ranged;
}

typedef struct { const Node *node; guint count; gboolean found, found_not; } Testing;
static gboolean test_cell(const Cell *cell, gpointer data) {
  Testing *testing = data;
  const Node *node = testing->node;
  testing->count++;
  if (node->is.active && !testing->found) testing->found = cell_matches(&node->is, cell);
  if (node->is_not.active && !testing->found_not) testing->found_not = cell_matches(&node->is_not, cell);
  gboolean undecided = (node->is.active && !testing->found) || (node->is_not.active && !testing->found_not) || node->counted;
  return !undecided;
}

/* The most frequent condition, without a call for each value. */
static gboolean plain_meets(const Match *match, const Column *column, guint index) {
  guint32 begin = g_array_index(column->begin, guint32, index), end = begin + g_array_index(column->length, guint32, index);
  for (guint32 i = begin; i < end; i++) {
    guint32 code = g_array_index(column->text, guint32, i);
    if (code < match->code_count && match->codes[code]) return TRUE;
  }
  return FALSE;
}

static const Column *plain_column(const Node *node) {
  const Column *column = table_column(node->path.tables[0], node->path.column);
  gboolean lookup = node->is.active && node->is.codes != NULL && !node->is.ranged && !node->is_not.active && node->set < 0 && !node->counted;
  return lookup && node->path.hop_count == 0 && !node->path.rows && column->hold == HOLD_POOL && column->text != NULL && column->since == NULL ? column : NULL;
}

static gboolean test_meets(const Node *node, guint index, int at, gint64 row) {
  if (node->plain != NULL) return plain_meets(&node->is, node->plain, index);
  Testing testing = {.node = node};
  path_visit(&node->path, index, at, row, test_cell, &testing);
  if (node->is.active && !testing.found) return FALSE;
  if (node->is_not.active && testing.found_not) return FALSE;
  if (node->set >= 0 && (testing.count > 0) != (node->set == 1)) return FALSE;
  return !node->counted || (testing.count >= node->fewest && testing.count <= node->most);
}

static gboolean node_meets(const LedgerTable *table, const Node *node, guint index, int at, gint64 row) {
  if (node->kind == NODE_TEST) return test_meets(node, index, at, row);
  if (node->kind == NODE_ROW) {
    guint32 count = column_length(table_column(table, node->rows), index);
    for (guint32 i = 0; i < count; i++) {
      gboolean all = TRUE;
      for (guint c = 0; all && c < node->children->len; c++) all = node_meets(table, g_ptr_array_index(node->children, c), index, at, i);
      if (all) return TRUE;
    }
    return FALSE;
  }
  for (guint i = 0; i < node->children->len; i++)
    if (node_meets(table, g_ptr_array_index(node->children, i), index, at, row) != (node->kind == NODE_ALL)) return node->kind == NODE_ANY;
  return node->kind == NODE_ALL;
}

guint32 column_length(const Column *column, guint index) { return g_array_index(column->length, guint32, index); }

static gboolean row_meets(const LedgerTable *table, const Node *node, guint rows, guint index, int at, guint32 row) {
  if (node->kind == NODE_TEST) return node->path.rows != rows + 1 || !node->is.active || test_meets(node, index, at, row);
  if (node->kind == NODE_ROW && node->rows != rows) return TRUE;
  for (guint i = 0; i < node->children->len; i++) {
    const Node *child = g_ptr_array_index(node->children, i);
    gboolean meets = node->kind == NODE_ROW ? node_meets(table, child, index, at, row) : row_meets(table, child, rows, index, at, row);
    if (node->kind == NODE_ANY) meets = meets && node_meets(table, child, index, at, -1);
    if (meets != (node->kind != NODE_ANY)) return node->kind == NODE_ANY;
  }
  return node->kind != NODE_ANY;
}

gboolean where_row_meets(const LedgerWhere *where, guint rows_column, guint index, int at, guint32 row) {
  return where->root == NULL || row_meets(where->table, where->root, rows_column, index, at, row);
}

gboolean ledger_where_meets(const LedgerWhere *where, guint index, int at) { return where->root == NULL || node_meets(where->table, where->root, index, at, -1); }

/* ---- making ready ---- */

typedef struct { const House *house; Sql *sql; Asker asker; const LedgerTable *table; } Maker;

/* Ids of the entries that a text names: by title or number, of those that the asker may see, or #id. */
static gboolean add_entries(const Maker *maker, const Column *column, const char *text, gboolean has, GArray *ids, GError **error) {
  char *end = NULL;
  gint64 id = g_ascii_strtoll(*text == '#' ? text + 1 : text, &end, 10);
  if (*text != '\0' && *end == '\0' && id > 0 && !has) {
    double number = (double)id;
    g_array_append_val(ids, number);
    if (*text == '#') return TRUE;
  }
  const LedgerDefinition *target = column->field && column->field->ledger ? ledger_find(column->field->ledger) : NULL;
  if (target == NULL) return TRUE;
  g_autoptr(LedgerTable) table = ledger_table(maker->house, maker->sql, target, error);
  if (table == NULL) return FALSE;
  g_autoptr(LedgerGate) gate = ledger_gate_new(table, maker->asker);
  for (guint i = 0; i < table->rows->len; i++) {
    const TableRow *row = table_row(table, i);
    const char *title = table_text(table, row->title);
    gboolean named = has ? strcasestr(title, text) != NULL : g_str_equal(title, text) || g_str_equal(table_text(table, row->number), text);
    double number = (double)row->id;
    if (named && ledger_gate_admits(gate, i)) g_array_append_val(ids, number);
  }
  return TRUE;
}

static void add_texts(const LedgerTable *table, const char *text, gboolean has, Match *match) {
  if (match->codes == NULL) match->codes = g_new0(guint8, match->code_count = table->texts->len);
  gpointer code = NULL;
  if (!has && g_hash_table_lookup_extended(table->codes, text, NULL, &code)) match->codes[GPOINTER_TO_UINT(code)] = 1;
  for (guint i = 1; has && i < table->texts->len; i++)
    if (strcasestr(table_text(table, i), text) != NULL) match->codes[i] = 1;
}

static char *scalar_text(json_t *value) {
  if (json_is_string(value)) return g_strdup(json_string_value(value));
  if (json_is_boolean(value)) return g_strdup(json_is_true(value) ? "是" : "否");
  if (json_is_integer(value)) return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return json_is_real(value) ? g_strdup(g_ascii_dtostr(buffer, sizeof buffer, json_real_value(value))) : g_strdup("");
}

static double number_value(const char *text) { return g_str_equal(text, "是") || g_str_equal(text, "true") ? 1 : g_str_equal(text, "否") || g_str_equal(text,
  "false") ? 0 : g_ascii_strtod(text, NULL); }

static gboolean is_day(const Column *column) {
  return column->type == FIELD_DATE || column->type == FIELD_PERIOD || column->hold == HOLD_DAYS || (column->hold == HOLD_DERIVED && column->of == DERIVED_DAY);
}

static gboolean add_value(const Maker *maker, const PathPlan *path, json_t *value, gboolean has, Match *match, GError **error) {
  const LedgerTable *table = path->tables[path->hop_count];
  const Column *column = table_column(table, path->column);
  g_autofree char *text = scalar_text(value);
  if (column->hold == HOLD_SECRECY) {
    if (match->labels == NULL) match->labels = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(match->labels, g_steal_pointer(&text));
  } else if (is_day(column)) {
    DateSpan span = {0, 0};
    date_parse(text, &span);
    if (match->spans == NULL) match->spans = g_array_new(FALSE, FALSE, sizeof(DateSpan));
    g_array_append_val(match->spans, span);
  } else if (column->type == FIELD_ENTRY) {
    if (match->numbers == NULL) match->numbers = g_array_new(FALSE, FALSE, sizeof(double));
    if (!add_entries(maker, column, text, has, match->numbers, error)) return FALSE;
  } else if (column->text || column->hold == HOLD_TEXT) add_texts(table, text, has, match);
  else {
    double number = number_value(text);
    if (match->numbers == NULL) match->numbers = g_array_new(FALSE, FALSE, sizeof(double));
    g_array_append_val(match->numbers, number);
  }
  return TRUE;
}

static gboolean match_values(const Maker *maker, const PathPlan *path, json_t *value, gboolean has, Match *match, GError **error) {
  size_t i;
  json_t *item;
  match->active = TRUE;
  if (has) match->has = "";
  if (!json_is_array(value)) {
    if (!add_value(maker, path, value, has, match, error)) return FALSE;
  } else json_array_foreach(value, i, item) {
    if (!add_value(maker, path, item, has, match, error)) return FALSE;
  }
  if (match->numbers) g_array_sort(match->numbers, compare_numbers);
  return TRUE;
}

/* A day's first or last, whichever leaves out nothing that is meant: after 2023-05 is after its last day. */
static double bound_of(const Column *column, json_t *value, gboolean first) {
  g_autofree char *text = scalar_text(value);
  DateSpan span = {0, 0};
  if (!is_day(column)) return number_value(text);
  date_parse(text, &span);
  return first ? span.from : span.to;
}

static void match_range(const Column *column, json_t *given, Match *match) {
  json_t *min = json_object_get(given, "min"), *max = json_object_get(given, "max"), *over = json_object_get(given, "over"), *under = json_object_get(given, "under");
  if (!min && !max && !over && !under) return;
  if (!match->ranged) match->min = -INFINITY, match->max = INFINITY;
  match->active = match->ranged = TRUE;
  if (min) match->min = bound_of(column, min, TRUE);
  if (max) match->max = bound_of(column, max, FALSE);
  if (over) match->min = bound_of(column, over, FALSE), match->min_open = TRUE;
  if (under) match->max = bound_of(column, under, TRUE), match->max_open = TRUE;
}

static double json_count(json_t *value, double missing) { return json_is_number(value) ? json_number_value(value) : missing; }

static gboolean make_operators(const Maker *maker, json_t *given, Node *node, GError **error) {
  const LedgerTable *end = node->path.tables[node->path.hop_count];
  json_t *value = json_object_get(given, "not"), *count = json_object_get(given, "count");
  if (value && !match_values(maker, &node->path, value, FALSE, &node->is_not, error)) return FALSE;
  if ((value = json_object_get(given, "has")) && !match_values(maker, &node->path, value, TRUE, &node->is, error)) return FALSE;
  if ((value = json_object_get(given, "is")) && !match_values(maker, &node->path, value, FALSE, &node->is, error)) return FALSE;
  match_range(table_column(end, node->path.column), given, &node->is);
  if ((value = json_object_get(given, "set")) || (value = json_object_get(given, "some"))) node->set = json_is_true(value);
  if (count) {
    node->counted = TRUE;
    node->fewest = json_is_number(count) ? json_number_value(count) : json_count(json_object_get(count, "min"), 0);
    node->most = json_is_number(count) ? node->fewest : json_count(json_object_get(count, "max"), INFINITY);
    if (json_object_get(count, "over")) node->fewest = json_count(json_object_get(count, "over"), 0) + 1;
    if (json_object_get(count, "under")) node->most = json_count(json_object_get(count, "under"), 0) - 1;
  }
  return TRUE;
}

static Node *make_all(const Maker *maker, const char *prefix, json_t *condition, GError **error);

static Node *make_test(const Maker *maker, const char *path, json_t *given, GError **error) {
  g_autoptr(Node) node = node_new(NODE_TEST);
  if (!path_plan(maker->house, maker->sql, maker->table, path, &node->path, error)) return NULL;
  path_plan_gate(&node->path, maker->asker);
  gboolean made = json_is_object(given) ? make_operators(maker, given, node, error) : match_values(maker, &node->path, given, FALSE, &node->is, error);
  if (!made) return NULL;
  node->plain = plain_column(node);
  return g_steal_pointer(&node);
}

static Node *make_row(const Maker *maker, const char *path, json_t *condition, GError **error) {
  g_autofree char *prefix = g_strconcat(path, ".", NULL);
  Node *node = make_all(maker, prefix, condition, error);
  if (node == NULL) return NULL;
  node->kind = NODE_ROW;
  node->rows = (guint)column_find(maker->table, 0, path);
  return node;
}

static Node *make_any(const Maker *maker, const char *prefix, json_t *list, GError **error) {
  g_autoptr(Node) any = node_new(NODE_ANY);
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item) {
    Node *child = make_all(maker, prefix, item, error);
    if (child == NULL) return NULL;
    g_ptr_array_add(any->children, child);
  }
  return g_steal_pointer(&any);
}

static Node *make_all(const Maker *maker, const char *prefix, json_t *condition, GError **error) {
  g_autoptr(Node) all = node_new(NODE_ALL);
  const char *key;
  json_t *given;
  json_object_foreach(condition, key, given) {
    g_autofree char *path = g_strconcat(prefix, key, NULL);
    json_t *row = json_object_get(given, "row");
    Node *child = g_str_equal(key, "any") ? make_any(maker, prefix, given, error) : row ? make_row(maker, path, row, error) : NULL;
    if (child != NULL) g_ptr_array_add(all->children, child);
    else if (row != NULL || g_str_equal(key, "any")) return NULL;
    if (child != NULL && (row == NULL || json_object_size(given) == 1)) continue;
    if ((child = make_test(maker, path, given, error)) == NULL) return NULL;
    g_ptr_array_add(all->children, child);
  }
  return g_steal_pointer(&all);
}

LedgerWhere *ledger_where_new(const House *house, Sql *sql, Asker asker, const LedgerTable *table, json_t *condition, GError **error) {
  json_auto_t *faults = ledger_where_faults(table->definition, condition);
  json_t *first = json_array_get(faults, 0);
  if (first != NULL) return throw_null(error, LANTAI_ERROR_INVALID, "条件 %s：%s", text_at(first, "where"), text_at(first, "what"));
  Maker maker = {house, sql, asker, table};
  g_autoptr(LedgerWhere) where = g_new0(LedgerWhere, 1);
  where->table = table;
  if (json_object_size(condition) > 0 && (where->root = make_all(&maker, "", condition, error)) == NULL) return NULL;
  return g_steal_pointer(&where);
}

void ledger_where_free(LedgerWhere *where) {
  if (where == NULL) return;
  node_free(where->root);
  g_free(where);
}
