/*
 * Who may see what of a ledger: the one rule, asked of an entry (ledger_admits) and of a table's rows (LedgerGate).
 *
 * 1. A ledger is read by role, an entry by its secrecy.
 * 2. Where a ledger shows each only his own (`rows: own`), a row is seen by who made it or is responsible for it; by everyone whose role `all` names.
 * 3. Who works for some fonds or for one body only (people_reach) sees of every ledger the rows that name one of those in a field which says whose a row is
 *    (`rows: {of: …}`), and his own; all rows only where `all`, or in a ledger without such a field `read`, names a role of his.
 * 4. What an entry was, and what was said of it, is seen by whom today's entry and its secrecy of then admit; by who works for some only, when it was his then as well.
 *    In a ledger of own rows the past goes with the row, to whom it was handed on.
 */
#include "table.h"
#include "people.h"

static gboolean has_any_role(const Person *person, const char *const *roles) {
  for (; roles != NULL && *roles != NULL; roles++)
    if (people_has_role(person, *roles)) return TRUE;
  return FALSE;
}

static gboolean has_own_rows(void) {
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    if (all[i]->own_rows) return TRUE;
  return FALSE;
}

char *ledger_view(Asker asker) {
  json_t *role;
  size_t i;
  if (asker.everything) return g_strdup("*");
  if (asker.person == NULL) return g_strdup("-");
  const char *const *reach = people_reach(asker.person);
  GString *view = g_string_new(NULL);
  g_string_printf(view, "%d%c", people_scope(asker.person)->security, people_may(asker.person, "ledger.read") ? '+' : '-');
  json_array_foreach(people_roles(), i, role) {
    const char *code = text_at(role, "code");
    if (people_has_role(asker.person, code)) g_string_append_printf(view, " %s", code);
  }
  if (reach != NULL || has_own_rows()) g_string_append_printf(view, "|%s|%s", people_name(asker.person), people_title(asker.person));
  for (; reach != NULL && *reach != NULL; reach++) g_string_append_printf(view, "|%s", *reach);
  return g_string_free(view, FALSE);
}

/* ---- ledgers and fields ---- */

gboolean ledger_may_read(const LedgerDefinition *definition, Asker asker) {
  if (asker.everything) return TRUE;
  return asker.person != NULL && people_may(asker.person, "ledger.read") && (definition->read == NULL || has_any_role(asker.person, definition->read));
}

gboolean ledger_may_write(const LedgerDefinition *definition, Asker asker) {
  if (asker.everything) return TRUE;
  return ledger_may_read(definition, asker) && people_may(asker.person, "ledger.write") &&
    (definition->write == NULL || has_any_role(asker.person, definition->write));
}

gboolean ledger_may_read_field(const LedgerField *field, Asker asker) {
  if (asker.everything || field->roles == NULL) return TRUE;
  for (size_t i = 0; asker.person != NULL && i < json_array_size(field->roles); i++)
    if (people_has_role(asker.person, json_string_value(json_array_get(field->roles, i)))) return TRUE;
  return FALSE;
}

gboolean ledger_may_write_field(const LedgerField *field, Asker asker) {
  gboolean may = ledger_may_read_field(field, asker);
  for (guint i = 0; may && i < field->count; i++) may = ledger_may_read_field(&field->fields[i], asker);
  return may;
}

/* ---- rows ---- */

static gboolean is_limited(Asker asker) { return !asker.everything && people_reach(asker.person) != NULL; }

gboolean ledger_some_rows_only(const LedgerDefinition *definition, Asker asker) {
  if (asker.everything || has_any_role(asker.person, definition->all)) return FALSE;
  return definition->own_rows || (is_limited(asker) && (definition->of != NULL || definition->read == NULL));
}

int ledger_admits_level(const LedgerDefinition *definition, Asker asker) {
  if (asker.everything) return SECURITY_TOP;
  if (!ledger_may_read(definition, asker) || ledger_some_rows_only(definition, asker)) return -1;
  return (int)people_scope(asker.person)->security;
}

/* One value or several. */
static gboolean names_one(json_t *value, const char *const *names) {
  for (size_t i = 0; i < json_array_size(value); i++)
    if (names_one(json_array_get(value, i), names)) return TRUE;
  return json_is_string(value) && json_string_length(value) > 0 && word_in(names, json_string_value(value));
}

/* Whose row it is, by the fields that say so. */
static gboolean is_of(const LedgerDefinition *definition, json_t *entry, const char *const *names) {
  for (guint i = 0; definition->of != NULL && definition->of[i] != NULL; i++)
    if (names_one(entry_value(entry, ledger_field(definition, definition->of[i])), names)) return TRUE;
  return FALSE;
}

gboolean ledger_admits(const LedgerDefinition *definition, Asker asker, json_t *entry) {
  if (asker.everything) return TRUE;
  Security secrecy;
  if (!ledger_may_read(definition, asker) || !security_parse(text_at(entry, "secrecy"), &secrecy) || secrecy > people_scope(asker.person)->security) return FALSE;
  if (!ledger_some_rows_only(definition, asker)) return TRUE;
  const char *const mine[] = {people_name(asker.person), people_title(asker.person), NULL}, *const *reach = people_reach(asker.person);
  if (g_str_equal(text_at(entry, "made_by"), mine[0]) || names_one(json_object_get(entry, "owner"), mine)) return TRUE;
  if (reach == NULL || definition->own_rows) return FALSE;
  return names_one(json_object_get(entry, "owner"), reach) || names_one(json_object_get(entry, "department"), reach) || is_of(definition, entry, reach);
}

gboolean entry_admitted(json_t *entry, Asker asker) {
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  for (guint i = 0; i < definitions->len; i++)
    if (ledger_admits(definitions->pdata[i], asker, entry)) return TRUE;
  return asker.everything;
}

gboolean version_admitted(json_t *version, Asker asker) {
  Security secrecy;
  if (asker.everything) return TRUE;
  return security_parse(text_at(version, "secrecy"), &secrecy) && secrecy <= people_scope(asker.person)->security && (!is_limited(asker) ||
    entry_admitted(version, asker));
}

/* It says that it is others', in a ledger where the fields say whose a row is. */
static gboolean is_others(json_t *entry, Asker asker) {
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  for (guint i = 0; i < definitions->len; i++) {
    const LedgerDefinition *definition = definitions->pdata[i];
    if (!ledger_some_rows_only(definition, asker) || definition->of == NULL || is_of(definition, entry, people_reach(asker.person))) continue;
    for (guint k = 0; definition->of[k] != NULL; k++)
      if (!json_is_empty(entry_value(entry, ledger_field(definition, definition->of[k])))) return TRUE;
  }
  return FALSE;
}

gboolean entry_stays_in_reach(json_t *former, json_t *entry, Asker asker, GError **error) {
  if (!is_limited(asker) || !is_others(entry, asker) || (former != NULL && is_others(former, asker))) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "您只能登记自己全宗、单位的，这一条写的是别的");
}

/* ---- the same of a table's rows ---- */

enum { MINE = 1, OURS = 2 }; /* of a text: the asker's own name; a name within his reach */
struct LedgerGate {
  const LedgerTable *table;
  gboolean all, none, some;
  guint8 secrecy, *whose; /* of each text of the table's dictionary */
  const char *maker;
  GArray *of;             /* guint: columns that say whose a row is */
};

static void mark(LedgerGate *gate, const char *text, guint8 what) {
  guint32 code = GPOINTER_TO_UINT(g_hash_table_lookup(gate->table->codes, text));
  if (code != 0) gate->whose[code] |= what;
}

LedgerGate *ledger_gate_new(const LedgerTable *table, Asker asker) {
  LedgerGate *gate = g_new0(LedgerGate, 1);
  gate->table = table;
  gate->all = asker.everything;
  gate->none = !gate->all && !ledger_may_read(table->definition, asker);
  if (gate->all || gate->none) return gate;
  gate->secrecy = (guint8)people_scope(asker.person)->security;
  gate->some = ledger_some_rows_only(table->definition, asker);
  if (!gate->some) return gate;
  gate->whose = g_new0(guint8, table->texts->len);
  mark(gate, people_name(asker.person), MINE);
  mark(gate, people_title(asker.person), MINE);
  gate->maker = people_name(asker.person);
  const char *const *reach = table->definition->own_rows ? NULL : people_reach(asker.person);
  for (; reach != NULL && *reach != NULL; reach++) mark(gate, *reach, OURS);
  gate->of = g_array_new(FALSE, FALSE, sizeof(guint));
  for (const char *const *name = table->definition->of; name != NULL && *name != NULL; name++) {
    int column = column_find(table, 0, ledger_field(table->definition, *name)->name);
    if (column >= 0) g_array_append_val(gate->of, column);
  }
  return gate;
}

void ledger_gate_free(LedgerGate *gate) {
  if (gate == NULL) return;
  g_free(gate->whose);
  if (gate->of != NULL) g_array_unref(gate->of);
  g_free(gate);
}

static gboolean is_ours(const Cell *cell, gpointer whose) { return cell->has_text && cell->label == NULL && (((const guint8 *)whose)[cell->text] & OURS); }

static gboolean some_admit(const LedgerGate *gate, guint index) {
  const TableRow *row = table_row(gate->table, index);
  if (row->made_by && g_str_equal(table_text(gate->table, row->made_by), gate->maker)) return TRUE;
  if ((gate->whose[row->owner] | (gate->whose[row->department] & OURS)) != 0) return TRUE;
  for (guint i = 0; i < gate->of->len; i++)
    if (column_visit(gate->table, g_array_index(gate->of, guint, i), index, 0, is_ours, gate->whose)) return TRUE;
  return FALSE;
}

gboolean ledger_gate_admits(const LedgerGate *gate, guint index) {
  if (gate->all) return TRUE;
  if (gate->none || table_row(gate->table, index)->secrecy > gate->secrecy) return FALSE;
  return !gate->some || some_admit(gate, index);
}

/* ---- under which names fonds and bodies stand ---- */

/* A body's other names, as far as they are no other's. */
static void add_names(Sql *sql, GPtrArray *names, const char *name) {
  if (name == NULL || *name == '\0') return;
  g_ptr_array_add(names, g_strdup(name));
  gint64 id = authority_named(sql, "body", name);
  json_auto_t *authority = id != 0 ? authority_load(sql, id, NULL) : NULL;
  json_t *other;
  size_t i;
  if (authority == NULL) return;
  g_ptr_array_add(names, g_strdup(text_at(authority, "name")));
  json_array_foreach(json_object_get(authority, "names"), i, other)
    if (authority_named(sql, "body", text_at(other, "name")) == id) g_ptr_array_add(names, g_strdup(text_at(other, "name")));
}

/* Codes that it had, as far as no other has them now. */
static void add_former_codes(Sql *sql, GPtrArray *names, gint64 fonds) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT f.code AS code FROM record_code_former AS f WHERE f.record_id = $1 AND NOT EXISTS "
    "(SELECT 1 FROM record AS r WHERE r.level = 1 AND r.code = f.code)", SQL_ARGS(sql_int(fonds)), NULL);
  while (rows != NULL && sql_next(rows, NULL)) g_ptr_array_add(names, g_strdup(sql_get_text(rows, "code")));
}

char **reach_names(Sql *sql, const gint64 *fonds, gsize count, const char *body) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  add_names(sql, names, body);
  for (gsize i = 0; i < count; i++) {
    g_autoptr(SqlRows) rows = sql_query(sql, "SELECT code, title FROM record WHERE id = $1", SQL_ARGS(sql_int(fonds[i])), NULL);
    if (rows == NULL || !sql_next(rows, NULL)) continue;
    g_ptr_array_add(names, g_strdup(sql_get_text(rows, "code")));
    g_autofree char *title = g_strdup(sql_get_text(rows, "title"));
    add_names(sql, names, title);
    add_former_codes(sql, names, fonds[i]);
  }
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}
