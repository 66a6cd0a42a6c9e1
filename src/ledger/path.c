/*
 * Paths: a field of an entry, of its child rows, of the entry that a field names (所属问题.来源, 议题.类别), and every value at the end of one.
 */
#include "table.h"
#include <math.h>

/* ---- values of one column ---- */

static int age_on(gint32 born, int day) { return day / 10000 - born / 10000 - (day % 10000 < born % 10000); }

static gint32 day_of(const GDate *date) { return g_date_get_year(date) * 10000 + (gint32)g_date_get_month(date) * 100 + g_date_get_day(date); }

static gint32 month_end(int year, int month) { return year * 10000 + month * 100 + g_date_get_days_in_month((GDateMonth)month, (GDateYear)year); }

static void derive_week(int year, int month, int number, Cell *cell) {
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, (GDateDay)number, (GDateMonth)month, (GDateYear)year);
  cell->number = g_date_get_iso8601_week_of_year(&date);
  g_date_subtract_days(&date, (guint)g_date_get_weekday(&date) - 1);
  cell->from = day_of(&date);
  g_date_add_days(&date, 6);
  cell->to = day_of(&date);
}

/* 年度 季度 月份 周次 日 of the first day of an entry; a day that is unknown in part stands for its first. */
static gboolean derive(guint derived, gint32 day, Cell *cell) {
  int year = day / 10000, month = CLAMP(day / 100 % 100, 1, 12), number = CLAMP(day % 100, 1, 31);
  if (day == 0 || !g_date_valid_dmy((GDateDay)number, (GDateMonth)month, (GDateYear)year)) return FALSE;
  int quarter = (month - 1) / 3;
  cell->has_number = TRUE;
  switch ((Derived)derived) {
    case DERIVED_YEAR: cell->number = year, cell->from = year * 10000 + 101, cell->to = year * 10000 + 1231; break;
    case DERIVED_QUARTER: cell->number = quarter + 1, cell->from = year * 10000 + (quarter * 3 + 1) * 100 + 1, cell->to = month_end(year, quarter * 3 + 3); break;
    case DERIVED_MONTH: cell->number = month, cell->from = year * 10000 + month * 100 + 1, cell->to = month_end(year, month); break;
    case DERIVED_DAY: cell->number = day, cell->from = cell->to = day; break;
    case DERIVED_WEEK: derive_week(year, month, number, cell); break;
  }
  return TRUE;
}

static Cell cell_at(const LedgerTable *table, const Column *column, guint32 at) {
  Cell cell = {.table = table, .type = column->type};
  if (column->text) cell.text = g_array_index(column->text, guint32, at), cell.has_text = TRUE;
  if (column->number) cell.number = g_array_index(column->number, double, at), cell.has_number = column->type != FIELD_PERIOD;
  if (column->until) cell.until = g_array_index(column->until, double, at);
  if (column->from) cell.from = g_array_index(column->from, gint32, at), cell.to = g_array_index(column->to, gint32, at);
  if (column->row) cell.row = g_array_index(column->row, guint32, at);
  return cell;
}

typedef struct { int at; CellVisit visit; gpointer data; } AgeVisit;
static gboolean visit_age(const Cell *born, gpointer data) {
  const AgeVisit *age = data;
  Cell cell = {.table = born->table, .type = FIELD_AGE, .row = born->row, .has_number = TRUE, .number = age_on(born->from, age->at ? age->at : date_today())};
  return born->from != 0 && age->visit(&cell, age->data);
}

static gboolean visit_row_value(const LedgerTable *table, const Column *column, guint index, CellVisit visit, gpointer data) {
  const TableRow *row = table_row(table, index);
  Cell cell = {.table = table, .type = column->type};
  switch (column->hold) {
    case HOLD_TEXT:
      cell.text = *(const guint32 *)(const void *)((const char *)row + column->offset);
      cell.has_text = TRUE;
      return cell.text != 0 && visit(&cell, data);
    case HOLD_DAYS:
      cell.type = FIELD_DATE;
      cell.from = *(const gint32 *)(const void *)((const char *)row + column->offset);
      cell.to = column->offset == G_STRUCT_OFFSET(TableRow, from) ? row->to : cell.from;
      return cell.from != 0 && visit(&cell, data);
    case HOLD_NUMBER: cell.number = row->quantity, cell.has_number = TRUE, cell.type = FIELD_NUMBER; return visit(&cell, data);
    case HOLD_SECRECY: cell.label = security_label(row->secrecy), cell.has_text = TRUE; return visit(&cell, data);
    default: return derive(column->of, row->from, &cell) && visit(&cell, data);
  }
}

/* Of dated values: those of the last day that is not after `at`, in each row. */
static gboolean visit_dated(const LedgerTable *table, const Column *column, guint32 begin, guint32 length, int at, CellVisit visit, gpointer data) {
  for (guint32 i = begin; i < begin + length; i++) {
    gint32 since = g_array_index(column->since, gint32, i);
    guint32 row = column->row ? g_array_index(column->row, guint32, i) : 0;
    if (at && since > at) continue;
    gboolean later = FALSE;
    for (guint32 j = i + 1; j < begin + length && !later; j++) {
      gint32 next = g_array_index(column->since, gint32, j);
      gboolean same_row = !column->row || g_array_index(column->row, guint32, j) == row;
      /* Of two states on one day the later written one holds. */
      gboolean replaces = next > since || (next == since && column->field && !column->field->many);
      later = same_row && replaces && (!at || next <= at);
    }
    if (later) continue;
    Cell cell = cell_at(table, column, i);
    if (visit(&cell, data)) return TRUE;
  }
  return FALSE;
}

gboolean column_visit(const LedgerTable *table, guint place, guint index, int at, CellVisit visit, gpointer data) {
  const Column *column = table_column(table, place);
  if (column->hold == HOLD_AGE) {
    AgeVisit age = {at, visit, data};
    return column_visit(table, column->of, index, at, visit_age, &age);
  }
  if (column->hold == HOLD_ROWS) {
    for (guint32 i = 0; i < g_array_index(column->length, guint32, index); i++) {
      Cell cell = {.table = table, .type = FIELD_ROWS, .row = i};
      if (visit(&cell, data)) return TRUE;
    }
    return FALSE;
  }
  if (column->hold != HOLD_POOL) return visit_row_value(table, column, index, visit, data);
  guint32 begin = g_array_index(column->begin, guint32, index), length = g_array_index(column->length, guint32, index);
  if (column->since) return visit_dated(table, column, begin, length, at, visit, data);
  for (guint32 i = begin; i < begin + length; i++) {
    Cell cell = cell_at(table, column, i);
    if (visit(&cell, data)) return TRUE;
  }
  return FALSE;
}

void cell_value(const Cell *cell, LedgerValue *ret, char buffer[CELL_TEXT]) {
  *ret = (LedgerValue){"", cell->number, cell->until, cell->from, cell->to, cell->has_number};
  if (cell->label) ret->text = cell->label;
  else if (cell->has_text) ret->text = table_text(cell->table, cell->text);
  else if (cell->type == FIELD_BOOL) ret->text = cell->number != 0 ? "是" : "否";
  else if (cell->type == FIELD_DATE) {
    g_autofree char *date = date_format((DateSpan){cell->from, cell->to});
    g_strlcpy(buffer, date, CELL_TEXT);
    ret->text = buffer;
  } else if (cell->has_number) {
    if (cell->number == floor(cell->number) && fabs(cell->number) < 1e15) g_snprintf(buffer, CELL_TEXT, "%.0f", cell->number);
    else g_ascii_formatd(buffer, CELL_TEXT, "%.10g", cell->number);
    ret->text = buffer;
  }
}

/* ---- paths ---- */

static gboolean is_derived(const char *name) { return base_derived(name) || g_str_equal(name, "日"); }

static const LedgerField *own_field(const LedgerDefinition *definition, const char *name) {
  if (g_strcmp0(name, definition->title_label) == 0) name = "标题";
  const LedgerField *field = ledger_field(definition, name);
  return field == NULL && g_strcmp0(name, definition->date_label) == 0 ? ledger_field(definition, "日期") : field;
}

static const LedgerField *child_field(const LedgerField *rows, const char *name) {
  for (guint i = 0; i < rows->count; i++)
    if (g_str_equal(rows->fields[i].name, name)) return &rows->fields[i];
  return NULL;
}

static char *no_child(const LedgerField *rows, const char *name) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < rows->count; i++) g_ptr_array_add(names, (gpointer)rows->fields[i].name);
  g_ptr_array_add(names, NULL);
  g_autofree char *nearest = nearest_words(text_nearest(name, (const char *const *)names->pdata));
  return g_strdup_printf("“%s”的各行没有字段“%s”%s", rows->name, name, nearest);
}

static char *no_field(const LedgerDefinition *definition, const char *name) {
  g_autofree char *nearest = nearest_words(nearest_field(definition, name));
  return g_strdup_printf("台账“%s”没有字段“%s”%s", definition->name, name, nearest);
}

char *path_check(const LedgerDefinition *definition, const char *path, PathEnd *ret) {
  g_auto(GStrv) parts = g_strsplit(path, ".", -1);
  *ret = (PathEnd){NULL, NULL, NULL, definition};
  guint hops = 0;
  for (char **part = parts; *part; part++) {
    ret->definition = definition;
    if (is_derived(*part)) {
      ret->derived = g_intern_string(*part);
      return part[1] ? g_strdup_printf("“%s”之后不能再有“%s”", *part, part[1]) : NULL;
    }
    const LedgerField *field = own_field(definition, *part);
    if (field == NULL) return no_field(definition, *part);
    if (part[1] && field->type == FIELD_ROWS) {
      if (part == parts) ret->rows = field;
      const LedgerField *rows = field;
      if ((field = child_field(rows, *++part)) == NULL) return no_child(rows, *part);
    }
    ret->field = field;
    if (part[1] == NULL) return NULL;
    if (field->type != FIELD_ENTRY || field->ledger == NULL) return g_strdup_printf("“%s”不是指向台账的字段，其后不能再有“%s”", *part, part[1]);
    definition = ledger_find(field->ledger);
    if (definition == NULL) return g_strdup_printf("字段“%s”指向的台账“%s”不存在", *part, field->ledger);
    if (++hops > PATH_HOPS) return g_strdup_printf("“%s”经过的台账太多，最多 %d 个", path, PATH_HOPS);
    ret->field = NULL;
  }
  return g_strdup("缺少字段名");
}

char *ledger_path_fault(const LedgerDefinition *definition, const char *path, const LedgerField **ret_field) {
  PathEnd end;
  char *wrong = path_check(definition, path, &end);
  if (ret_field) *ret_field = wrong ? NULL : end.field;
  return wrong;
}

void path_plan_clear(PathPlan *plan) {
  for (guint i = 0; i < PATH_HOPS; i++) {
    g_clear_pointer(&plan->gates[i], ledger_gate_free);
    g_clear_pointer(&plan->held[i], ledger_table_release);
  }
}

void path_plan_gate(PathPlan *plan, Asker asker) {
  for (guint i = 0; i < plan->hop_count && !asker.everything; i++) plan->gates[i] = ledger_gate_new(plan->held[i], asker);
}

gboolean path_plan(const House *house, Sql *sql, const LedgerTable *table, const char *path, PathPlan *ret, GError **error) {
  PathEnd end;
  g_autofree char *wrong = path_check(table->definition, path, &end);
  if (wrong != NULL) return throw(error, LANTAI_ERROR_INVALID, "%s", wrong);
  g_auto(GStrv) parts = g_strsplit(path, ".", -1);
  PathPlan plan = {.tables = {table}};
  for (char **part = parts; *part; part++) {
    const LedgerTable *here = plan.tables[plan.hop_count];
    int place = column_find(here, 0, *part);
    if (place >= 0 && part[1] && table_column(here, (guint)place)->type == FIELD_ROWS) {
      if (part == parts) plan.rows = (guint)place + 1;
      place = column_find(here, (guint)place + 1, *++part);
    }
    if (place < 0) return path_plan_clear(&plan), throw(error, LANTAI_ERROR_INVALID, "台账“%s”没有字段“%s”", here->definition->name, *part);
    plan.column = (guint)place;
    if (part[1] == NULL) break;
    const LedgerDefinition *next = ledger_find(table_column(here, (guint)place)->field->ledger);
    LedgerTable *held = ledger_table(house, sql, next, error);
    if (held == NULL) return path_plan_clear(&plan), FALSE;
    plan.hops[plan.hop_count] = (guint)place;
    plan.held[plan.hop_count] = held;
    plan.tables[++plan.hop_count] = held;
  }
  *ret = plan;
  return TRUE;
}

typedef struct { const PathPlan *plan; guint step; int at; gint64 row, kept; CellVisit visit; gpointer data; } Walk;
static gboolean walk(const Walk *state, guint index);

static gboolean walk_cell(const Cell *cell, gpointer data) {
  const Walk *state = data;
  if (state->step == 0 && state->row >= 0 && state->plan->rows && cell->row != (guint32)state->row) return FALSE;
  gint64 row = state->step == 0 ? (gint64)cell->row : state->kept;
  if (state->step < state->plan->hop_count) {
    Walk next = *state;
    next.step++;
    next.kept = row;
    gint64 place = table_place(state->plan->tables[next.step], (gint64)cell->number);
    const LedgerGate *gate = state->plan->gates[state->step];
    return place >= 0 && (gate == NULL || ledger_gate_admits(gate, (guint)place)) && walk(&next, (guint)place);
  }
  Cell told = *cell;
  told.row = (guint32)row;
  return state->visit(&told, state->data);
}

static gboolean walk(const Walk *state, guint index) {
  guint column = state->step < state->plan->hop_count ? state->plan->hops[state->step] : state->plan->column;
  return column_visit(state->plan->tables[state->step], column, index, state->at, walk_cell, (gpointer)state);
}

gboolean path_visit(const PathPlan *plan, guint index, int at, gint64 row, CellVisit visit, gpointer data) {
  if (plan->hop_count == 0 && row < 0) return column_visit(plan->tables[0], plan->column, index, at, visit, data);
  Walk state = {plan, 0, at, row, 0, visit, data};
  return walk(&state, index);
}

/* ---- for other rooms ---- */

struct LedgerPath { PathPlan plan; LedgerTable *target; gboolean bare; };

LedgerPath *ledger_path_new(const House *house, Sql *sql, const LedgerTable *table, const char *path, GError **error) {
  g_autoptr(LedgerPath) ret = g_new0(LedgerPath, 1);
  if (!path_plan(house, sql, table, path, &ret->plan, error)) return NULL;
  const Column *end = table_column(ret->plan.tables[ret->plan.hop_count], ret->plan.column);
  const LedgerDefinition *target = end->type == FIELD_ENTRY && end->field && end->field->ledger ? ledger_find(end->field->ledger) : NULL;
  if (target != NULL && (ret->target = ledger_table(house, sql, target, error)) == NULL) return NULL;
  return g_steal_pointer(&ret);
}

void ledger_path_bare(LedgerPath *path) { path->bare = TRUE; }

void ledger_path_free(LedgerPath *path) {
  if (path == NULL) return;
  path_plan_clear(&path->plan);
  ledger_table_release(path->target);
  g_free(path);
}

typedef struct { const LedgerPath *path; const LedgerWhere *where; guint index; int at; LedgerVisit visit; gpointer data; } Telling;
static gboolean tell(const Cell *cell, gpointer data) {
  const Telling *telling = data;
  const LedgerPath *path = telling->path;
  const Column *end = table_column(path->plan.tables[path->plan.hop_count], path->plan.column);
  guint rows = path->plan.rows ? path->plan.rows : path->plan.hop_count == 0 && end->hold == HOLD_ROWS ? path->plan.column + 1 : 0;
  if (telling->where && rows && !where_row_meets(telling->where, rows - 1, telling->index, telling->at, cell->row)) return FALSE;
  char buffer[CELL_TEXT];
  LedgerValue value;
  if (path->bare && !cell->has_text) value = (LedgerValue){"", cell->number, cell->until, cell->from, cell->to, cell->has_number};
  else cell_value(cell, &value, buffer);
  gint64 place = path->target && !path->bare ? table_place(path->target, (gint64)cell->number) : -1;
  if (place >= 0) value.text = table_text(path->target, table_row(path->target, (guint)place)->title);
  telling->visit(&value, telling->data);
  return FALSE;
}

void ledger_path_values(const LedgerPath *path, const LedgerWhere *where, guint index, int at, LedgerVisit visit, gpointer data) {
  Telling telling = {path, where, index, at, visit, data};
  path_visit(&path->plan, index, at, -1, tell, &telling);
}

gboolean ledger_path_leads(const LedgerPath *path) { return path->plan.hop_count > 0 || path->target != NULL; }

typedef struct { const LedgerPath *path; guint step; int at; LedgerPassed visit; gpointer data; } Passing;

static void pass(const Passing *passing, guint index);

static gboolean pass_cell(const Cell *cell, gpointer data) {
  const Passing *passing = data;
  const PathPlan *plan = &passing->path->plan;
  const LedgerTable *next = passing->step < plan->hop_count ? plan->tables[passing->step + 1] : passing->path->target;
  gint64 place = table_place(next, (gint64)cell->number);
  if (place < 0) return FALSE;
  passing->visit(next, (guint)place, passing->data);
  if (passing->step == plan->hop_count) return FALSE;
  Passing further = *passing;
  further.step++;
  pass(&further, (guint)place);
  return FALSE;
}

static void pass(const Passing *passing, guint index) {
  const PathPlan *plan = &passing->path->plan;
  gboolean hops = passing->step < plan->hop_count;
  if (hops || passing->path->target != NULL)
    column_visit(plan->tables[passing->step], hops ? plan->hops[passing->step] : plan->column, index, passing->at, pass_cell, (gpointer)passing);
}

void ledger_path_passed(const LedgerPath *path, guint index, int at, LedgerPassed visit, gpointer data) {
  Passing passing = {path, 0, at, visit, data};
  pass(&passing, index);
}

void ledger_path_steps(const LedgerDefinition *definition, const char *path, LedgerStep visit, gpointer data) {
  g_auto(GStrv) parts = g_strsplit(path, ".", -1);
  const LedgerField *rows = NULL;
  for (char **part = parts; *part; part++) {
    const LedgerField *field = rows ? child_field(rows, *part) : own_field(definition, *part);
    if (field == NULL) return; /* derived from the date, or nothing at all */
    visit(definition, field, data);
    rows = field->type == FIELD_ROWS ? field : NULL;
    if (field->type != FIELD_ENTRY || field->ledger == NULL) continue;
    if ((definition = ledger_find(field->ledger)) == NULL) return;
    visit(definition, NULL, data);
  }
}

const LedgerDefinition *ledger_table_definition(const LedgerTable *table) { return table->definition; }
Security ledger_table_secrecy(const LedgerTable *table, guint index) { return table_row(table, index)->secrecy; }
