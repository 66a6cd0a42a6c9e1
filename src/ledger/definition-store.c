/*
 * Definitions in the database: versions, what a new one would contradict, and the files of the archive.
 *
 * 1. A version is never changed. The one in force is the newest.
 * 2. A file counts when it says something else than when it was last read; so what was changed on a page stays.
 */
#include "internal.h"
#include <gio/gio.h>

enum { FAULTS_SHOWN = 5, CONFLICTS_SHOWN = 5 };

/* ---- reading ---- */

gboolean definitions_load_stored(Sql *sql, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, version, definition FROM ledger ORDER BY id", SQL_NONE, error);
  g_autoptr(GError) local = NULL;
  while (rows != NULL && sql_next(rows, &local)) {
    json_auto_t *json = json_loads(sql_get_text(rows, "definition"), 0, NULL);
    if (json == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "台账定义（%d）已损坏", (int)sql_get_int(rows, "id"));
    ledger_install(definition_parse(json, sql_get_int(rows, "id"), (int)sql_get_int(rows, "version")));
  }
  if (local != NULL) g_propagate_error(error, g_steal_pointer(&local));
  return rows != NULL && (error == NULL || *error == NULL);
}

gboolean ledger_definitions_foresee(Sql *sql, GError **error) { return definitions_load_stored(sql, error); }

gint64 ledger_id_of(Sql *sql, const char *name) { return sql_number(sql, "SELECT id FROM ledger WHERE name = $1", SQL_ARGS(sql_text(name)), 0, NULL); }

json_t *ledger_definition_version(Sql *sql, gint64 ledger, int version, GError **error) {
  g_autofree char *text = sql_string(sql, "SELECT definition FROM ledger_version WHERE ledger_id = $1 AND version = $2",
    SQL_ARGS(sql_int(ledger), sql_int(version)), error);
  if (text == NULL) return error != NULL && *error != NULL ? NULL : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一版台账定义");
  return json_loads(text, 0, NULL);
}

/* ---- what would no longer fit ---- */

typedef struct { Sql *sql; const LedgerDefinition *now, *next; Asker asker; json_t *conflicts; int limit; gint64 count; } Comparison;

/* All are counted; told are those that the asker may see. */
static gboolean may_tell(const Comparison *comparison, json_t *entry, const char *field) {
  const LedgerField *known = ledger_field(comparison->now, field);
  return entry_admitted(entry, comparison->asker) && (known == NULL || ledger_may_read_field(known, comparison->asker));
}

static void conflict(Comparison *comparison, json_t *entry, const char *field, json_t *value, const char *why) {
  comparison->count++;
  if ((int)json_array_size(comparison->conflicts) >= comparison->limit || !may_tell(comparison, entry, field)) return;
  g_autofree char *shown = json_is_string(value) ? g_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  json_array_append_new(comparison->conflicts, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "entry", (json_int_t)int_at(entry, "id"), "number",
    text_at(entry, "number"), "title", text_at(entry, "title"), "field", field, "value", shown ? shown : "", "why", why));
}

static void compare_entry(Comparison *comparison, json_t *entry) {
  const LedgerDefinition *next = comparison->next;
  json_t *values = json_object_get(entry, "values"), *value;
  if (ledger_state(next, state_renewed(next, text_at(entry, "state"))) == NULL) conflict(comparison, entry, "状态", json_object_get(entry, "state"), "新定义没有这个状态");
  values_renew(next, values);
  ValueContext context = {.sql = comparison->sql, .entry = entry, .definition = next};
  g_autoptr(GPtrArray) also = entry_definitions(entry);
  const char *name;
  json_object_foreach(values, name, value) {
    const LedgerField *field = ledger_field(next, name);
    if (field == NULL) {
      gboolean elsewhere = FALSE;
      for (guint i = 1; i < also->len && !elsewhere; i++) elsewhere = ledger_field(also->pdata[i], name) != NULL;
      if (!elsewhere) conflict(comparison, entry, name, value, "新定义没有这一栏");
      continue;
    }
    g_autofree char *problem = NULL;
    json_auto_t *clean = value_clean(&context, field, value, &problem);
    if (clean == NULL) conflict(comparison, entry, name, value, problem);
  }
}

json_t *ledger_definition_conflicts(Sql *sql, Asker asker, json_t *given, int limit, gint64 *ret_count, GError **error) {
  json_auto_t *clean = definition_clean(given);
  g_autoptr(LedgerDefinition) next = definition_parse(clean, 0, 0);
  const LedgerDefinition *now = ledger_find(next->name);
  for (size_t i = 0; now == NULL && i < json_array_size(json_object_get(clean, "was")); i++)
    now = ledger_find(json_string_value(json_array_get(json_object_get(clean, "was"), i)));
  Comparison comparison = {sql, now, next, asker, json_array(), limit, 0};
  g_autoptr(GError) local = NULL;
  g_autoptr(SqlRows) rows = now == NULL ? NULL : sql_query(sql, ENTRY_SELECT "WHERE e.ledger_id = $1 AND e.deleted = 0 ORDER BY e.rev",
    SQL_ARGS(sql_int(now->id)), &local);
  while (rows != NULL && sql_next(rows, &local)) {
    json_auto_t *entry = entry_from_row(rows);
    compare_entry(&comparison, entry);
  }
  if (local != NULL) {
    g_propagate_error(error, g_steal_pointer(&local));
    json_decref(comparison.conflicts);
    return NULL;
  }
  if (ret_count != NULL) *ret_count = comparison.count;
  return comparison.conflicts;
}

static gboolean refuse_conflicts(Sql *sql, json_t *definition, GError **error) {
  gint64 count = 0;
  json_auto_t *conflicts = ledger_definition_conflicts(sql, LEDGER_EVERYTHING, definition, CONFLICTS_SHOWN, &count, error);
  if (conflicts == NULL) return FALSE;
  if (count == 0) return TRUE;
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(conflicts, i, row) {
    const char *number = text_at(row, "number");
    g_string_append_printf(text, "%s%s《%s》%s“%s”：%s", i > 0 ? "；" : "", number, text_at(row, "title"), text_at(row, "field"), text_at(row, "value"),
      text_at(row, "why"));
  }
  return throw(error, LANTAI_ERROR_CONFLICT, "台账“%s”的新定义与已有的条目有 %d 处不合，没有启用：%s%s", text_at(definition, "name"), (int)count, text->str,
    count > (gint64)json_array_size(conflicts) ? " ……" : "");
}

/* ---- putting in force ---- */

typedef struct { json_t *json; gint64 id; int version; } Installing;

static void installing_free(gpointer data) {
  Installing *installing = data;
  json_decref(installing->json);
  g_free(installing);
}

static void install(gpointer data) {
  Installing *installing = data;
  ledger_install(definition_parse(installing->json, installing->id, installing->version));
}

/* data: {id, version, source, at, actor, definition}. The rows that follow from it; in memory after the commit. */
static gboolean define_write(Sql *sql, json_t *data, GError **error) {
  json_t *definition = json_object_get(data, "definition");
  g_autofree char *text = json_dumps(definition, JSON_COMPACT | JSON_SORT_KEYS); /* as the journal orders it */
  gint64 id = int_at(data, "id"), version = int_at(data, "version");
  if (!sql_exec(sql, "INSERT INTO ledger (id, name, version, definition, source) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET "
      "name = excluded.name, version = excluded.version, definition = excluded.definition, source = excluded.source",
      SQL_ARGS(sql_int(id), sql_text(text_at(definition, "name")), sql_int(version), sql_text(text), sql_text(text_at(data, "source"))), error) ||
    !sql_exec(sql, "INSERT INTO ledger_version (ledger_id, version, at_us, actor, definition) VALUES ($1, $2, $3, $4, $5)",
      SQL_ARGS(sql_int(id), sql_int(version), sql_int(int_at(data, "at")), sql_text(text_at(data, "actor")), sql_text(text)), error)) return FALSE;
  Installing *installing = g_new0(Installing, 1);
  *installing = (Installing){json_incref(definition), id, (int)version};
  sql_on_commit(sql, install, installing, installing_free);
  return TRUE;
}

gboolean define_replay(Sql *sql, json_t *data, GError **error) {
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(data, "ledgers"), i, row) {
    if (!define_write(sql, row, error)) return FALSE;
  }
  return TRUE;
}

gint64 ledger_id_present(Sql *sql, json_t *definition) {
  gint64 id = ledger_id_of(sql, text_at(definition, "name"));
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(definition, "was"), i, name) {
    if (id == 0) id = ledger_id_of(sql, json_string_value(name));
  }
  return id;
}

static gboolean refuse_faults(json_t *definition, json_t *others, const char *file, GError **error) {
  json_auto_t *faults = ledger_definition_faults(definition, others);
  if (json_array_size(faults) == 0) return TRUE;
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i < MIN(json_array_size(faults), (size_t)FAULTS_SHOWN); i++) {
    json_t *row = json_array_get(faults, i);
    g_string_append_printf(text, "%s%s%s%s", i > 0 ? "；" : "", text_at(row, "where"), text_at(row, "where")[0] ? "：" : "", text_at(row, "what"));
  }
  return throw(error, LANTAI_ERROR_INVALID, "%s台账“%s”的定义有 %d 处不对：%s", file, text_at(definition, "name"), (int)json_array_size(faults), text->str);
}

/* Writes one as the next version and adds it to rows (of the event). 0: error; ret_same: it says what is in force already. */
static gint64 define_one(Sql *sql, const char *actor, json_t *given, const char *source, json_t *rows, GError **error) {
  json_auto_t *definition = definition_clean(given);
  gint64 id = ledger_id_present(sql, definition);
  if (id != 0) {
    g_autofree char *now = sql_string(sql, "SELECT definition FROM ledger WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
    json_auto_t *stored = now != NULL ? json_loads(now, 0, NULL) : NULL;
    if (stored != NULL && json_equal(stored, definition)) return id;
    if (!refuse_conflicts(sql, definition, error)) return 0;
  } else id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM ledger", SQL_NONE, 1, NULL);
  gint64 version = sql_number(sql, "SELECT COALESCE(MAX(version), 0) + 1 AS n FROM ledger_version WHERE ledger_id = $1", SQL_ARGS(sql_int(id)), 1, NULL);
  g_autofree char *former = sql_string(sql, "SELECT source FROM ledger WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
  json_auto_t *row = json_pack("{s:I, s:I, s:s, s:I, s:s, s:O}", "id", (json_int_t)id, "version", (json_int_t)version, "source",
    source != NULL ? source : former != NULL ? former : "", "at", (json_int_t)clock_now_us(), "actor", actor, "definition", definition);
  if (!define_write(sql, row, error)) return 0;
  json_array_append(rows, row);
  return id;
}

gint64 ledger_define(Sql *sql, const char *actor, json_t *definition, GError **error) {
  if (!refuse_faults(definition, NULL, "", error)) return 0;
  json_auto_t *rows = json_array();
  gint64 id = define_one(sql, actor, definition, NULL, rows, error);
  if (id == 0 || json_array_size(rows) == 0) return id;
  json_auto_t *data = json_pack("{s:O}", "ledgers", rows);
  return journal_append(sql, actor, "ledger.define", "ledger", id, data, error) != 0 ? id : 0;
}

gboolean ledger_define_many(Sql *sql, const char *actor, json_t *documents, GError **error) {
  json_auto_t *rows = json_array(), *others = json_array();
  const char *file;
  json_t *document;
  json_object_foreach(documents, file, document) json_array_append_new(others, definition_clean(document));
  json_object_foreach(documents, file, document) {
    g_autofree char *place = g_strdup_printf("%s：", file);
    if (!refuse_faults(document, others, place, error)) return FALSE;
  }
  json_object_foreach(documents, file, document) {
    g_autofree char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    g_autofree char *source = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    if (define_one(sql, actor, document, source, rows, error) == 0) {
      g_prefix_error(error, "%s：", file);
      return FALSE;
    }
  }
  json_auto_t *data = json_pack("{s:O}", "ledgers", rows);
  return json_array_size(rows) == 0 || journal_append(sql, actor, "ledger.define", "ledger", 0, data, error) != 0;
}

/* ---- the archive's files ---- */

/* Those that say something else than when they were last read. */
static json_t *documents_changed(Sql *sql, json_t *documents) {
  json_t *changed = json_object(), *document;
  const char *file;
  json_object_foreach(documents, file, document) {
    g_autofree char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    if (sql_number(sql, "SELECT COUNT(*) AS n FROM ledger WHERE source = $1", SQL_ARGS(sql_text(digest)), 0, NULL) == 0) json_object_set(changed, file, document);
  }
  return changed;
}

gboolean ledger_definitions_load(const House *house, GError **error) {
  json_auto_t *documents = yaml_load_definitions(house->dir, "ledgers", error);
  g_autoptr(Sql) sql = documents == NULL ? NULL : sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  json_auto_t *changed = documents_changed(sql, documents);
  if (json_object_size(changed) == 0) return TRUE;
  return ledger_define_many(sql, "system", changed, error) && sql_commit(sql, error);
}
