/*
 * Entries as they are read: rows to JSON, through the gate.
 *
 * 1. The stored form has every member; what an asker may not see is taken out of it, never merely hidden.
 * 2. An entry that was written under an older definition is read with the present names of its fields (`was`).
 */
#include "internal.h"
#include "people.h"

double json_as_number(json_t *value) { return json_is_number(value) ? json_number_value(value) : json_is_true(value) ? 1 : 0; }

/* ---- rows ---- */

static json_t *parsed(const char *text, gboolean array) {
  json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
  return json != NULL ? json : array ? json_array() : json_object();
}

static json_t *also_names(const char *ids) {
  json_auto_t *list = parsed(ids, TRUE);
  json_t *names = json_array(), *id;
  size_t i;
  json_array_foreach(list, i, id) {
    const LedgerDefinition *definition = ledger_of(json_integer_value(id));
    if (definition != NULL) json_array_append_new(names, json_string(definition->name));
  }
  return names;
}

static void set_text(json_t *entry, const char *key, SqlRows *rows) {
  const char *text = sql_get_text(rows, key);
  json_object_set_new(entry, key, json_string(text != NULL ? text : ""));
}

static void set_int(json_t *entry, const char *key, gint64 number) { json_object_set_new(entry, key, json_integer(number)); }

json_t *number_json(double number) {
  return number == (double)(gint64)number && number < 1e15 && number > -1e15 ? json_integer((gint64)number) : json_real(number);
}

json_t *entry_from_row(SqlRows *rows) {
  static const char *const texts[] = {"number", "unit", "title", "state", "owner", "department", "basis", "key", "made_by", "changed_by", "moved_by"};
  json_t *entry = json_object();
  gint64 ledger = sql_get_int(rows, "ledger_id");
  const LedgerDefinition *definition = ledger_of(ledger);
  set_int(entry, "id", sql_get_int(rows, "id"));
  set_int(entry, "rev", sql_get_int(rows, "rev"));
  set_int(entry, "ledger_id", ledger);
  json_object_set_new(entry, "ledger", json_string(definition != NULL ? definition->name : ""));
  set_int(entry, "version", sql_get_int(rows, "version"));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) set_text(entry, texts[i], rows);
  set_int(entry, "from", sql_get_int(rows, "from_date"));
  set_int(entry, "to", sql_get_int(rows, "to_date"));
  set_int(entry, "due", sql_get_int(rows, "due"));
  set_int(entry, "made_at", sql_get_int(rows, "made_us"));
  set_int(entry, "changed_at", sql_get_int(rows, "changed_us"));
  const char *quantity = sql_get_text(rows, "quantity");
  json_object_set_new(entry, "quantity", number_json(g_ascii_strtod(quantity != NULL ? quantity : "1", NULL)));
  json_object_set_new(entry, "secrecy", json_string(security_label((Security)sql_get_int(rows, "secrecy"))));
  json_object_set_new(entry, "closed", json_boolean(sql_get_int(rows, "closed") != 0));
  json_object_set_new(entry, "deleted", json_boolean(sql_get_int(rows, "deleted") != 0));
  json_object_set_new(entry, "also", also_names(sql_get_text(rows, "also")));
  json_object_set_new(entry, "values", parsed(sql_get_text(rows, "data"), FALSE));
  json_object_set_new(entry, "states", parsed(sql_get_text(rows, "states"), TRUE));
  json_object_set_new(entry, "files", parsed(sql_get_text(rows, "files"), TRUE));
  if (definition != NULL && definition->version != (int)sql_get_int(rows, "version")) entry_renew(definition, entry);
  return entry;
}

json_t *entries_query(SqlRows *given, GError **error) {
  g_autoptr(SqlRows) rows = given;
  if (rows == NULL) return NULL;
  json_auto_t *entries = json_array();
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) json_array_append_new(entries, entry_from_row(rows));
  if (local == NULL) return g_steal_pointer(&entries);
  g_propagate_error(error, g_steal_pointer(&local));
  return NULL;
}

json_t *entry_load_any(Sql *sql, gint64 id, GError **error) {
  json_auto_t *entries = entries_query(sql_query(sql, ENTRY_SELECT "WHERE e.id = $1", SQL_ARGS(sql_int(id)), error), error);
  if (entries == NULL) return NULL;
  if (json_array_size(entries) == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一条台账");
  return json_incref(json_array_get(entries, 0));
}

/* ---- fields ---- */

const char *choice_renewed(const LedgerField *field, const char *value) {
  const char *present = json_string_value(json_object_get(field->renamed, value));
  return present != NULL ? present : value;
}

static json_t *value_renewed(const LedgerField *field, json_t *value) {
  if (!json_is_string(value)) return json_incref(value);
  const char *present = choice_renewed(field, json_string_value(value));
  return present != json_string_value(value) ? json_string(present) : json_incref(value);
}

/* One, many, or dated ones: [[choice, day], …]. */
static json_t *choice_value_renewed(const LedgerField *field, json_t *value) {
  json_t *renewed = json_is_array(value) ? json_array() : value_renewed(field, value), *each;
  size_t i;
  json_array_foreach(value, i, each) json_array_append_new(renewed, choice_value_renewed(field, each));
  return renewed;
}

static void choices_renew(const LedgerField *field, json_t *values) {
  json_t *value = json_object_get(values, field->name), *row;
  size_t i;
  if (value == NULL) return;
  if (field->renamed != NULL) json_object_set_new(values, field->name, choice_value_renewed(field, value));
  for (guint c = 0; c < field->count; c++)
    if (field->fields[c].renamed != NULL) json_array_foreach(value, i, row) choices_renew(&field->fields[c], row);
}

const char *state_renewed(const LedgerDefinition *definition, const char *name) {
  if (ledger_state(definition, name) != NULL) return name;
  for (guint i = 0; i < definition->state_count; i++)
    if (word_in(definition->states[i].was, name)) return definition->states[i].name;
  return name;
}

void states_renew(const LedgerDefinition *definition, json_t *states) {
  size_t i;
  json_t *pair;
  json_array_foreach(states, i, pair) {
    const char *name = json_string_value(json_array_get(pair, 0)), *present = name != NULL ? state_renewed(definition, name) : NULL;
    if (present != name) json_array_set_new(pair, 0, json_string(present));
  }
}

void entry_renew(const LedgerDefinition *definition, json_t *entry) {
  values_renew(definition, json_object_get(entry, "values"));
  states_renew(definition, json_object_get(entry, "states"));
  json_object_set_new(entry, "state", json_string(state_renewed(definition, text_at(entry, "state"))));
}

void values_renew(const LedgerDefinition *definition, json_t *values) {
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    for (guint w = 0; field->was != NULL && field->was[w] != NULL; w++) {
      json_t *value = json_object_get(values, field->was[w]);
      if (value == NULL) continue;
      if (json_object_get(values, field->name) == NULL) json_object_set(values, field->name, value);
      json_object_del(values, field->was[w]);
    }
    choices_renew(field, values);
  }
}

GPtrArray *entry_definitions(json_t *entry) {
  GPtrArray *definitions = g_ptr_array_new();
  const LedgerDefinition *own = ledger_find(text_at(entry, "ledger"));
  if (own != NULL) g_ptr_array_add(definitions, (gpointer)own);
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(entry, "also"), i, name) {
    const LedgerDefinition *other = ledger_find(json_string_value(name));
    if (other != NULL && !g_ptr_array_find(definitions, other, NULL)) g_ptr_array_add(definitions, (gpointer)other);
  }
  return definitions;
}

const LedgerField *entry_field(GPtrArray *definitions, const char *name) {
  for (guint i = 0; i < definitions->len; i++) {
    const LedgerDefinition *definition = definitions->pdata[i];
    const LedgerField *field = ledger_field(definition, name);
    if (field != NULL) return field;
  }
  return NULL;
}

json_t *entry_value(json_t *entry, const LedgerField *field) {
  const char *key = field->base ? base_key(field->name) : NULL;
  if (key == NULL) return json_object_get(json_object_get(entry, "values"), field->name);
  return json_object_get(entry, g_str_equal(key, "date") ? "from" : key);
}

/* ---- what is told of one ---- */

/* A field is seen when a ledger that the asker may read has it and lets it be read. */
static gboolean field_seen(GPtrArray *definitions, const char *name, Asker asker) {
  for (guint i = 0; i < definitions->len; i++) {
    const LedgerDefinition *definition = definitions->pdata[i];
    const LedgerField *field = ledger_field(definition, name);
    if (field != NULL) return ledger_may_read(definition, asker) && ledger_may_read_field(field, asker);
  }
  return definitions->len > 0 && ledger_may_read(definitions->pdata[0], asker); /* of a former definition */
}

static void hide_child_fields(json_t *rows, const LedgerField *field, Asker asker) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    for (guint f = 0; f < field->count; f++)
      if (!ledger_may_read_field(&field->fields[f], asker)) json_object_del(row, field->fields[f].name);
  }
}

void entry_hide(json_t *entry, Asker asker) {
  if (asker.everything) return;
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  json_t *values = json_object_get(entry, "values"), *value;
  void *next;
  const char *name;
  json_object_foreach_safe(values, next, name, value) {
    const LedgerField *field = entry_field(definitions, name);
    if (!field_seen(definitions, name, asker)) json_object_del(values, name);
    else if (field != NULL && field->type == FIELD_ROWS) hide_child_fields(value, field, asker);
  }
}

json_t *ledger_entry_load(Sql *sql, Asker asker, gint64 id, GError **error) {
  json_t *entry = entry_load_any(sql, id, error);
  if (entry == NULL) return NULL;
  if (!entry_admitted(entry, asker)) {
    json_decref(entry);
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一条台账");
  }
  entry_hide(entry, asker);
  return entry;
}

/* ---- looking up ---- */

/* As much of an entry as the gate asks. */
static json_t *gate_entry(SqlRows *rows, Asker asker) {
  static const char *const texts[] = {"owner", "department", "made_by", "title", "unit"};
  const LedgerDefinition *definition = ledger_of(sql_get_int(rows, "ledger_id"));
  json_t *entry = json_pack("{s:s, s:s}", "ledger", definition != NULL ? definition->name : "", "secrecy", security_label((Security)sql_get_int(rows, "secrecy")));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) set_text(entry, texts[i], rows);
  json_object_set_new(entry, "also", also_names(sql_get_text(rows, "also")));
  if (definition == NULL || !ledger_some_rows_only(definition, asker)) return entry;
  json_t *values = parsed(sql_get_text(rows, "data"), FALSE); /* whose it is */
  values_renew(definition, values);
  json_object_set_new(entry, "values", values);
  return entry;
}

static json_t *group_of(json_t *groups, json_t *places, json_t *entry, gint64 ledger, const char *field) {
  g_autofree char *name = g_strdup_printf("%s\n%s", text_at(entry, "ledger"), field);
  json_t *group = json_object_get(places, name);
  if (group != NULL) return group;
  group = json_pack("{s:s, s:I, s:s, s:[], s:i}", "ledger", text_at(entry, "ledger"), "ledger_id", (json_int_t)ledger, "field", field, "entries", "count", 0);
  json_object_set_new(places, name, group);
  json_array_append(groups, group);
  return group;
}

/* Those that the asker may see of what a query gives, grouped by ledger and field. All are counted by what the gate asks; only those that are told are read. */
static json_t *grouped(Sql *sql, SqlRows *given, Asker asker, GError **error) {
  g_autoptr(SqlRows) rows = given;
  if (rows == NULL) return NULL;
  json_auto_t *groups = json_array(), *places = json_object();
  GError *failure = NULL;
  while (failure == NULL && sql_next(rows, &failure)) {
    json_auto_t *light = gate_entry(rows, asker);
    const char *field = sql_get_text(rows, "field");
    if (!entry_admitted(light, asker)) continue;
    g_autoptr(GPtrArray) definitions = entry_definitions(light);
    if (!asker.everything && !field_seen(definitions, field, asker)) continue;
    json_t *group = group_of(groups, places, light, sql_get_int(rows, "ledger_id"), field);
    json_object_set_new(group, "count", json_integer(int_at(group, "count") + 1));
    if (json_array_size(json_object_get(group, "entries")) >= LEDGER_BATCH) continue;
    json_t *entry = entry_load_any(sql, sql_get_int(rows, "id"), &failure);
    if (entry != NULL) entry_hide(entry, asker), json_array_append_new(json_object_get(group, "entries"), entry);
  }
  if (failure != NULL) return g_propagate_error(error, failure), NULL;
  return g_steal_pointer(&groups);
}

#define LINKED_SELECT "SELECT l.field AS field, e.id AS id, e.ledger_id AS ledger_id, e.owner AS owner, e.department AS department, e.made_by AS made_by, " \
  "e.title AS title, e.unit AS unit, e.data AS data, e.secrecy AS secrecy, " \
  "(SELECT json_group_array(a.ledger_id) FROM ledger_also AS a WHERE a.entry_id = e.id AND a.gone = 0) AS also " \
  "FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id "

json_t *ledger_entry_referring(Sql *sql, Asker asker, gint64 id, GError **error) {
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, id);
  return grouped(sql, sql_query(sql, LINKED_SELECT "WHERE l.kind = 'entry' AND l.target = $1 AND e.deleted = 0 ORDER BY e.ledger_id, l.field, e.from_date, e.id",
    SQL_ARGS(sql_text(target)), error), asker, error);
}

char *record_used(Sql *sql, gint64 record, GError **error) {
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, record);
  g_autoptr(GError) local = NULL;
  gint64 count = sql_number(sql, "SELECT COUNT(*) AS count FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id WHERE l.kind = 'record' AND l.target = $1 "
    "AND e.deleted = 0", SQL_ARGS(sql_text(target)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return count > 0 ? g_strdup_printf("登记在 %" G_GINT64_FORMAT " 条台账里", count) : NULL;
}

json_t *ledger_entries_of_record(Sql *sql, Asker asker, gint64 record, GError **error) {
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, record);
  return grouped(sql, sql_query(sql, LINKED_SELECT "WHERE l.kind = 'record' AND l.target = $1 AND e.deleted = 0 ORDER BY e.ledger_id, l.field, e.from_date, e.id",
    SQL_ARGS(sql_text(target)), error), asker, error);
}
