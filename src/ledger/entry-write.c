/*
 * The rows that follow from an entry as it is afterwards: the one place that writes them, for changes and for rebuilding alike.
 */
#include "internal.h"

gint64 entry_next_rev(Sql *sql) { return sql_number(sql, "SELECT COALESCE(MAX(rev), 0) + 1 AS rev FROM ledger_entry", SQL_NONE, 1, NULL); }

static char *dumped(json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS); /* as the journal orders it */
  char *own = g_strdup(text != NULL ? text : "{}");
  free(text);
  return own;
}

/* ---- further ledgers ---- */

static gboolean also_write(Sql *sql, json_t *entry, GError **error) {
  gint64 id = int_at(entry, "id"), rev = int_at(entry, "rev");
  if (!sql_exec(sql, "UPDATE ledger_also SET gone = 1, rev = $1 WHERE entry_id = $2", SQL_ARGS(sql_int(rev), sql_int(id)), error)) return FALSE;
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(entry, "also"), i, name) {
    gint64 ledger = ledger_id_of(sql, json_string_value(name));
    if (ledger == 0) return throw(error, LANTAI_ERROR_INVALID, "没有台账“%s”", json_string_value(name));
    if (!sql_exec(sql, "INSERT INTO ledger_also (ledger_id, entry_id, rev, gone) VALUES ($1, $2, $3, 0) ON CONFLICT (ledger_id, entry_id) DO UPDATE SET "
        "rev = excluded.rev, gone = 0", SQL_ARGS(sql_int(ledger), sql_int(id), sql_int(rev)), error)) return FALSE;
  }
  return TRUE;
}

/* ---- links ---- */

typedef struct { Sql *sql; gint64 entry; const char *field; GError **error; } Linking;

static gboolean link_write(Linking *linking, LedgerType type, json_t *value) {
  const char *kind = type == FIELD_ENTRY ? "entry" : type == FIELD_RECORD ? "record" : type == FIELD_PERSON ? "person" : type == FIELD_BODY ? "body" : NULL;
  if (kind == NULL || json_is_empty(value)) return TRUE;
  if (json_is_array(value)) {
    for (size_t i = 0; i < json_array_size(value); i++)
      if (!link_write(linking, type, json_array_get(value, i))) return FALSE;
    return TRUE;
  }
  g_autofree char *id = json_is_integer(value) ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(value)) : NULL;
  const char *target = id != NULL ? id : json_string_value(value);
  return target == NULL || sql_exec(linking->sql, "INSERT INTO ledger_link (kind, target, entry_id, field) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    SQL_ARGS(sql_text(kind), sql_text(target), sql_int(linking->entry), sql_text(linking->field)), linking->error);
}

/* By what it became: the delivery that takes it into the archives, and the 档号 that is kept for it. */
static gboolean tie_write(Linking *linking, const char *kind, json_t *value) {
  if (json_is_empty(value)) return TRUE;
  g_autofree char *target = entry_value_words(NULL, value);
  return sql_exec(linking->sql, "INSERT INTO ledger_link (kind, target, entry_id, field) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    SQL_ARGS(sql_text(kind), sql_text(target), sql_int(linking->entry), sql_text(linking->field)), linking->error);
}

static gboolean link_field(Linking *linking, const LedgerField *field, json_t *value) {
  linking->field = field->name;
  for (size_t i = 0; field->dated && i < json_array_size(value); i++)
    if (!link_write(linking, field->type, json_array_get(json_array_get(value, i), 0))) return FALSE;
  if (field->dated) return TRUE;
  if (field->type != FIELD_ROWS) return link_write(linking, field->type, value);
  for (size_t i = 0; i < json_array_size(value); i++)
    for (guint c = 0; c < field->count; c++)
      if (!link_write(linking, field->fields[c].type, json_object_get(json_array_get(value, i), field->fields[c].name))) return FALSE;
  return TRUE;
}

static gboolean links_write(Sql *sql, json_t *entry, GPtrArray *definitions, GError **error) {
  gint64 id = int_at(entry, "id");
  if (!sql_exec(sql, "DELETE FROM ledger_link WHERE entry_id = $1", SQL_ARGS(sql_int(id)), error)) return FALSE;
  if (json_is_true(json_object_get(entry, "deleted"))) return TRUE;
  Linking linking = {sql, id, "", error};
  json_t *values = json_object_get(entry, "values"), *value;
  const char *name;
  json_object_foreach(values, name, value) {
    const LedgerField *field = entry_field(definitions, name);
    if (field != NULL && !link_field(&linking, field, value)) return FALSE;
  }
  linking.field = "归档批次";
  if (!tie_write(&linking, "delivery", json_object_get(values, "归档批次")) || !tie_write(&linking, "code", json_object_get(values, "归档档号"))) return FALSE;
  linking.field = "责任人";
  return link_write(&linking, FIELD_PERSON, json_object_get(entry, "owner"));
}

/* ---- the row ---- */

static gboolean row_write(Sql *sql, json_t *entry, gint64 ledger, GError **error) {
  g_autofree char *data = dumped(json_object_get(entry, "values")), *states = dumped(json_object_get(entry, "states")), *files = dumped(json_object_get(entry, "files"));
  Security secrecy = SECURITY_PUBLIC;
  security_parse(text_at(entry, "secrecy"), &secrecy);
  return sql_exec(sql, "INSERT INTO ledger_entry (id, ledger_id, version, rev, number, unit, from_date, to_date, title, state, closed, owner, department, due, "
    "quantity, basis, secrecy, key, deleted, made_us, made_by, changed_us, changed_by, moved_by, data, states, files) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
    "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27) ON CONFLICT (id) DO UPDATE SET "
    "ledger_id = excluded.ledger_id, version = excluded.version, rev = excluded.rev, number = excluded.number, unit = excluded.unit, from_date = excluded.from_date, "
    "to_date = excluded.to_date, title = excluded.title, state = excluded.state, closed = excluded.closed, owner = excluded.owner, "
    "department = excluded.department, due = excluded.due, quantity = excluded.quantity, basis = excluded.basis, secrecy = excluded.secrecy, "
    "key = excluded.key, deleted = excluded.deleted, changed_us = excluded.changed_us, changed_by = excluded.changed_by, "
    "moved_by = excluded.moved_by, data = excluded.data, states = excluded.states, files = excluded.files",
    SQL_ARGS(sql_int(int_at(entry, "id")), sql_int(ledger), sql_int(int_at(entry, "version")), sql_int(int_at(entry, "rev")), sql_text(text_at(entry, "number")),
      sql_text(text_at(entry, "unit")), sql_int(int_at(entry, "from")), sql_int(int_at(entry, "to")), sql_text(text_at(entry, "title")),
      sql_text(text_at(entry, "state")), sql_int(json_is_true(json_object_get(entry, "closed"))), sql_text(text_at(entry, "owner")),
      sql_text(text_at(entry, "department")), sql_int(int_at(entry, "due")), sql_real(json_number_value(json_object_get(entry, "quantity"))),
      sql_text(text_at(entry, "basis")), sql_int(secrecy), sql_text(text_at(entry, "key")),
      sql_int(json_is_true(json_object_get(entry, "deleted"))), sql_int(int_at(entry, "made_at")), sql_text(text_at(entry, "made_by")),
      sql_int(int_at(entry, "changed_at")), sql_text(text_at(entry, "changed_by")), sql_text(text_at(entry, "moved_by")), sql_text(data), sql_text(states),
      sql_text(files)), error);
}

gboolean entry_write(Sql *sql, json_t *entry, const char *note, GError **error) {
  gint64 ledger = ledger_id_of(sql, text_at(entry, "ledger"));
  if (ledger == 0) return throw(error, LANTAI_ERROR_INVALID, "没有台账“%s”", text_at(entry, "ledger"));
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  const LedgerDefinition *definition = definitions->len > 0 ? definitions->pdata[0] : NULL;
  g_autofree char *whole = dumped(entry);
  return row_write(sql, entry, ledger, error) && also_write(sql, entry, error) && links_write(sql, entry, definitions, error) &&
    (definition == NULL || number_note(sql, ledger, definition->number, entry, error)) &&
    sql_exec(sql, "INSERT INTO ledger_entry_version (entry_id, rev, at_us, actor, note, entry) VALUES ($1, $2, $3, $4, $5, $6)",
      SQL_ARGS(sql_int(int_at(entry, "id")), sql_int(int_at(entry, "rev")), sql_int(int_at(entry, "changed_at")), sql_text(text_at(entry, "changed_by")),
        sql_text(note != NULL ? note : ""), sql_text(whole)), error);
}
