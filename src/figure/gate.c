/*
 * What of a figure may be told to whom.
 *
 * 1. A figure over a ledger that the asker may not read is not told, unless figure or ledger is `restricted`: then its number is, and nothing else.
 * 2. A row that the asker may not see is not counted, nor one whose values come from or name such a row of another ledger; the number then says that it is partial. Where
 *    figure or ledger is `restricted` it is counted: the number is the archives' own, told by right.
 * 3. A definition that is only tried has no such right, so that nobody asks by trying what he may not see.
 * 4. What a number and its words rest on (ledgers that not everybody reads, the secrecy of rows, fields of certain roles) is told with it: figure_rests_seen asks
 *    the same of somebody else.
 */
#include "compute.h"


void ask_init(Ask *ask, const House *house, Sql *sql, Asker asker) {
  *ask = (Ask){.house = house, .sql = sql, .asker = asker, .needs = {json_object(), json_object(), json_object()}};
}

void ask_clear(Ask *ask) {
  json_decref(ask->needs.open);
  json_decref(ask->needs.closed);
  json_decref(ask->needs.paths);
}

/* ---- what a figure reads ---- */

typedef void (*PathVisit)(const LedgerDefinition *ledger, const char *path, gpointer data);

/* A path or paths, or a condition whose keys are paths. */
static void give_paths(const LedgerDefinition *ledger, json_t *given, PathVisit visit, gpointer data) {
  const char *key, *field;
  json_t *value, *inner;
  size_t i;
  if (json_is_string(given)) visit(ledger, json_string_value(given) + (*json_string_value(given) == '-'), data);
  json_array_foreach(given, i, value) give_paths(ledger, value, visit, data);
  json_object_foreach(given, key, value) {
    if (g_str_equal(key, "any")) {
      give_paths(ledger, value, visit, data);
      continue;
    }
    visit(ledger, key, data);
    json_object_foreach(json_object_get(value, "row"), field, inner) {
      g_autofree char *path = g_strdup_printf("%s.%s", key, field);
      visit(ledger, path, data);
    }
  }
}

/* Every path that one figure reads (not those it is made from); roster: those of the roster of its coverage. */
static void figure_paths(json_t *figure, gboolean roster, PathVisit visit, gpointer data) {
  static const char *const keys[] = {"where", "group", "by", "rows", "sum", "distinct", "max", "min", "last", "run", "hours", "span", "list", "sort"};
  json_t *coverage = json_object_get(figure, "coverage");
  const LedgerDefinition *ledger = ledger_find(text_in(roster ? coverage : figure, roster ? "in" : "ledger"));
  if (ledger == NULL) return;
  for (guint i = 0; !roster && i < G_N_ELEMENTS(keys); i++) give_paths(ledger, json_object_get(figure, keys[i]), visit, data);
  if (!roster) return give_paths(ledger, json_object_get(coverage, "of"), visit, data);
  give_paths(ledger, json_object_get(coverage, "key"), visit, data);
  give_paths(ledger, json_object_get(coverage, "where"), visit, data);
}

/* ---- ledgers and fields ---- */

typedef struct { Asker asker; gboolean number_only; const char *denied; guint depth, visits; gboolean restricted; } Gate;

static void pass_step(const LedgerDefinition *ledger, const LedgerField *field, gpointer data) {
  Gate *gate = data;
  if (field != NULL && !ledger_may_read_field(field, gate->asker)) gate->number_only = TRUE;
  if (ledger_may_read(ledger, gate->asker)) return;
  if (ledger->restricted || gate->restricted) gate->number_only = TRUE;
  else gate->denied = ledger->name;
}

static void pass_path(const LedgerDefinition *ledger, const char *path, gpointer gate) { ledger_path_steps(ledger, path, pass_step, gate); }

static void pass_gate(json_t *part, const char *place, gpointer data) {
  Gate *gate = data;
  g_auto(GStrv) halves = json_is_string(part) ? g_strsplit(json_string_value(part), ".", 2) : NULL;
  json_t *figure = json_is_string(part) ? figure_definition(json_string_value(part)) : part;
  if (figure == NULL && halves) figure = figure_definition(halves[0]);
  if (figure == NULL || gate->depth > FIGURE_DEEP || g_str_equal(place, "within")) return;
  if (++gate->visits > FIGURE_RUNS) { /* not all of it was looked at */
    gate->number_only = TRUE;
    return;
  }
  gboolean before = gate->restricted;
  gate->restricted = before || json_is_true(json_object_get(figure, "restricted"));
  const LedgerDefinition *ledgers[] = {ledger_find(text_in(figure, "ledger")), ledger_find(text_in(json_object_get(figure, "coverage"), "in"))};
  for (guint i = 0; i < G_N_ELEMENTS(ledgers); i++) {
    if (ledgers[i] == NULL) continue;
    pass_step(ledgers[i], NULL, gate);
    figure_paths(figure, i == 1, pass_path, gate);
  }
  gate->depth++;
  figure_parts(figure, pass_gate, gate);
  gate->depth--;
  gate->restricted = before;
}

gboolean figure_is_open(json_t *figure, Asker asker) {
  Gate gate = {.asker = asker};
  pass_gate(figure, "", &gate);
  return !gate.number_only && gate.denied == NULL;
}

gboolean figure_pass_gate(json_t *figure, Asker asker, gboolean *ret_number_only, GError **error) {
  Gate gate = {.asker = asker};
  pass_gate(figure, "", &gate);
  *ret_number_only = gate.number_only;
  const char *name = text_in(figure, "name") ? text_in(figure, "name") : "";
  return gate.denied == NULL || throw(error, LANTAI_ERROR_DENIED, "指标“%s”取自台账“%s”，您不能查看", name, gate.denied);
}

/* ---- rows ---- */

typedef struct { const LedgerTable *table; LedgerGate *gate; Security most; gboolean right; } Passed; /* most: of the rows passed */
static void passed_clear(gpointer data) { ledger_gate_free(((Passed *)data)->gate); }
typedef struct { Ask *ask; GArray *tables; gboolean unseen, drop; } Rows;

static Passed *passed_of(Rows *rows, const LedgerTable *table) {
  for (guint i = 0; i < rows->tables->len; i++)
    if (g_array_index(rows->tables, Passed, i).table == table) return &g_array_index(rows->tables, Passed, i);
  const LedgerDefinition *ledger = ledger_table_definition(table);
  Passed fresh = {table, ledger_gate_new(table, rows->ask->asker), SECURITY_PUBLIC, rows->ask->right || (!rows->ask->trying && ledger->restricted)};
  g_array_append_val(rows->tables, fresh);
  return &g_array_index(rows->tables, Passed, rows->tables->len - 1);
}

static void pass_row(const LedgerTable *table, guint index, gpointer data) {
  Rows *rows = data;
  Passed *passed = passed_of(rows, table);
  passed->most = MAX(passed->most, ledger_table_secrecy(table, index));
  if (ledger_gate_admits(passed->gate, index)) return;
  rows->unseen = TRUE;
  rows->drop = rows->drop || !passed->right;
}

typedef struct { Ask *ask; const LedgerTable *table; GPtrArray *paths; GError *failure; } Leading;
static void take_leading(const LedgerDefinition *ledger, const char *path, gpointer data) {
  Leading *leading = data;
  if (leading->failure) return;
  LedgerPath *ready = ledger_path_new(leading->ask->house, leading->ask->sql, leading->table, path, &leading->failure);
  if (ready && ledger_path_leads(ready)) g_ptr_array_add(leading->paths, ready);
  else ledger_path_free(ready);
}

typedef struct { json_t *paths; gboolean limited; } Limited;
static void look_limited(const LedgerDefinition *ledger, const LedgerField *field, gpointer data) {
  if (field != NULL && field->roles != NULL) ((Limited *)data)->limited = TRUE;
}

static void need_path(const LedgerDefinition *ledger, const char *path, gpointer data) {
  Limited limited = {data, FALSE};
  ledger_path_steps(ledger, path, look_limited, &limited);
  if (!limited.limited) return;
  if (json_object_get(limited.paths, ledger->name) == NULL) json_object_set_new(limited.paths, ledger->name, json_object());
  json_object_set_new(json_object_get(limited.paths, ledger->name), path, json_true());
}

static void need_ledger(json_t *ledgers, const LedgerDefinition *ledger, Security most) {
  json_int_t former = json_integer_value(json_object_get(ledgers, ledger->name));
  json_object_set_new(ledgers, ledger->name, json_integer(MAX(former, (json_int_t)most)));
}

gboolean selection_pass_gate(Ask *ask, json_t *figure, gboolean roster, Selection *selection, GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_path_free);
  g_autoptr(GArray) tables = g_array_new(FALSE, FALSE, sizeof(Passed));
  g_array_set_clear_func(tables, passed_clear);
  Leading leading = {ask, selection->table, paths, NULL};
  Rows rows = {ask, tables, FALSE, FALSE};
  guint kept = 0;
  figure_paths(figure, roster, take_leading, &leading);
  if (leading.failure) return g_propagate_error(error, leading.failure), FALSE;
  for (guint i = 0; i < selection->indexes->len; i++) {
    guint index = g_array_index(selection->indexes, guint, i);
    rows.drop = rows.unseen = FALSE;
    pass_row(selection->table, index, &rows);
    for (guint p = 0; p < paths->len && !rows.drop; p++) ledger_path_passed(paths->pdata[p], index, selection->at, pass_row, &rows);
    if (rows.drop) continue;
    selection->unseen = selection->unseen || rows.unseen;
    g_array_index(selection->indexes, guint, kept++) = index;
  }
  selection->partial = kept < selection->indexes->len;
  g_array_set_size(selection->indexes, kept);
  for (guint i = 0; i < tables->len; i++) {
    const Passed *passed = &g_array_index(tables, Passed, i);
    need_ledger(passed->right ? ask->needs.closed : ask->needs.open, ledger_table_definition(passed->table), passed->most);
  }
  figure_paths(figure, roster, need_path, ask->needs.paths);
  return TRUE;
}

/* ---- what it rests on ---- */

void figure_rests_join(json_t *into, json_t *rests) {
  const char *ledger, *path;
  json_t *level, *paths, *yes;
  json_object_foreach(json_object_get(rests, "ledgers"), ledger, level) {
    json_t *ledgers = json_object_get(into, "ledgers");
    if (ledgers == NULL) json_object_set_new(into, "ledgers", ledgers = json_object());
    json_int_t most = MAX(json_integer_value(json_object_get(ledgers, ledger)), json_integer_value(level));
    json_object_set_new(ledgers, ledger, json_integer(most));
  }
  json_object_foreach(json_object_get(rests, "paths"), ledger, paths) {
    json_t *all = json_object_get(into, "paths");
    if (all == NULL) json_object_set_new(into, "paths", all = json_object());
    if (json_object_get(all, ledger) == NULL) json_object_set_new(all, ledger, json_object());
    json_object_foreach(paths, path, yes) json_object_set(json_object_get(all, ledger), path, yes);
  }
}

json_t *needs_told(const Needs *needs, gboolean words) {
  json_t *rests = json_object();
  json_auto_t *open = json_pack("{s:O}", "ledgers", needs->open), *closed = json_pack("{s:O, s:O}", "ledgers", needs->closed, "paths", needs->paths);
  figure_rests_join(rests, open);
  if (words) figure_rests_join(rests, closed);
  return rests;
}

typedef struct { Asker asker; gboolean seen; } Seeing;
static void see_step(const LedgerDefinition *ledger, const LedgerField *field, gpointer data) {
  Seeing *seeing = data;
  if (field != NULL) seeing->seen = seeing->seen && ledger_may_read_field(field, seeing->asker);
}

gboolean figure_rests_seen(json_t *rests, Asker asker) {
  const char *ledger, *path;
  json_t *level, *paths, *yes;
  if (asker.everything) return TRUE;
  json_object_foreach(json_object_get(rests, "ledgers"), ledger, level) {
    const LedgerDefinition *definition = ledger_find(ledger);
    if (definition == NULL || ledger_admits_level(definition, asker) < (int)json_integer_value(level)) return FALSE;
  }
  json_object_foreach(json_object_get(rests, "paths"), ledger, paths) {
    const LedgerDefinition *definition = ledger_find(ledger);
    json_object_foreach(paths, path, yes) {
      Seeing seeing = {asker, definition != NULL};
      g_autofree char *gone = definition ? ledger_path_fault(definition, path, NULL) : NULL;
      if (definition) ledger_path_steps(definition, path, see_step, &seeing);
      if (gone != NULL || !seeing.seen) return FALSE;
    }
  }
  return TRUE;
}

char *figure_rests_words(json_t *rests) {
  g_autoptr(GString) words = g_string_new(NULL);
  const char *ledger, *path;
  json_t *level, *paths, *yes;
  json_object_foreach(json_object_get(rests, "ledgers"), ledger, level) {
    const LedgerDefinition *definition = ledger_find(ledger);
    gboolean plain = definition != NULL && definition->read == NULL && !definition->own_rows; /* only who works for some fonds does not see all of it */
    if (plain && json_integer_value(level) == SECURITY_PUBLIC) continue;
    g_autofree char *secrecy = json_integer_value(level) > 0 ? g_strdup_printf("（%s）", security_label((Security)json_integer_value(level))) : g_strdup("");
    g_string_append_printf(words, "%s台账“%s”%s", words->len ? "、" : "", ledger, secrecy);
  }
  json_object_foreach(json_object_get(rests, "paths"), ledger, paths)
    json_object_foreach(paths, path, yes) g_string_append_printf(words, "%s“%s”的“%s”", words->len ? "、" : "", ledger, path);
  return words->len ? g_string_free(g_steal_pointer(&words), FALSE) : NULL;
}
