/*
 * Rows of faults: written where they are found, taken away where they are gone or judged to be none, counted.
 *
 * 1. A pass (不是问题) outlives surveys: what is passed is not found again until the pass is taken back; then it is looked at again by itself.
 * 2. Each pass and its withdrawal is an event.
 */
#include "internal.h"

FaultGate fault_gate(const CatalogRecord *record) {
  gboolean described = record->level >= LEVEL_VOLUME; /* fonds and classes are admitted by fonds alone */
  return (FaultGate){record->fonds_id, record->level, described ? record->security : SECURITY_PUBLIC, described ? 1u << record->opening : 0};
}

FaultGate fault_gate_at(SqlRows *rows) {
  return (FaultGate){sql_get_int(rows, "fonds_id"), (Level)sql_get_int(rows, "level"), (Security)sql_get_int(rows, "security"), (guint)sql_get_int(rows, "openings")};
}

gboolean fault_admitted(const Scope *scope, const FaultGate *gate) {
  if (scope->opening_mask == 0 || (gate->openings & ~scope->opening_mask) != 0) return FALSE;
  if (gate->fonds_id == 0 && !scope->all_fonds) return FALSE;
  Opening seen = OPENING_UNREVIEWED; /* one that is seen, so that the rule is asked for fonds and security */
  while (seen < OPENING_DEFERRED && !(scope->opening_mask & (1u << seen))) seen++;
  return scope_admits(scope, gate->level, gate->fonds_id, gate->security, seen);
}

static gboolean is_passed(Sql *sql, const char *kind, gint64 record_id, GError **error) {
  return sql_number(sql, "SELECT 1 AS passed FROM quality_pass WHERE kind = $1 AND record_id = $2", SQL_ARGS(sql_text(kind), sql_int(record_id)), 0, error) == 1;
}

gboolean fault_put(Sql *sql, const char *kind, gint64 record_id, const FaultGate *gate, const char *detail, GError **error) {
  g_autoptr(GError) failure = NULL;
  if (is_passed(sql, kind, record_id, &failure)) return TRUE;
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return sql_exec(sql,
    "INSERT INTO quality_fault (kind, record_id, fonds_id, level, security, openings, detail, found_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
    "ON CONFLICT (kind, record_id) DO UPDATE SET fonds_id = excluded.fonds_id, level = excluded.level, security = excluded.security, "
    "openings = excluded.openings, detail = excluded.detail",
    SQL_ARGS(sql_text(kind), sql_int(record_id), sql_int(gate->fonds_id), sql_int(gate->level), sql_int(gate->security), sql_int(gate->openings), sql_text(detail),
      sql_int(clock_now_us())), error);
}

gboolean fault_remove(Sql *sql, const char *kind, gint64 record_id, GError **error) {
  return sql_exec(sql, "DELETE FROM quality_fault WHERE kind = $1 AND record_id = $2", SQL_ARGS(sql_text(kind), sql_int(record_id)), error);
}

/* kind → detail as stored */
static GHashTable *stored(Sql *sql, gint64 record_id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT kind FROM quality_fault WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
  if (rows == NULL) return NULL;
  GHashTable *kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) g_hash_table_add(kinds, g_strdup(sql_get_text(rows, "kind")));
  if (failure == NULL) return kinds;
  g_hash_table_unref(kinds);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

gboolean fault_settle(Look *look, GError **error) {
  g_autoptr(GHashTable) before = stored(look->sql, look->record->id, error);
  if (before == NULL) return FALSE;
  FaultGate gate = fault_gate(look->record);
  for (const QualityKind *kind = QUALITY_KINDS; kind->key; kind++) {
    if (kind->look == NULL) continue;
    g_autofree char *detail = kind->look(look);
    if (look->failure) return g_propagate_error(error, g_steal_pointer(&look->failure)), FALSE;
    if (detail ? !fault_put(look->sql, kind->key, look->record->id, &gate, detail, error)
               : g_hash_table_contains(before, kind->key) && !fault_remove(look->sql, kind->key, look->record->id, error)) return FALSE;
  }
  return TRUE;
}

gboolean fault_count(Sql *sql, gint64 survey_id, GError **error) {
  return sql_exec(sql, "DELETE FROM quality_count WHERE survey_id = $1", SQL_ARGS(sql_int(survey_id)), error) &&
    sql_exec(sql,
      "INSERT INTO quality_count (survey_id, kind, fonds_id, level, security, openings, faults) "
      "SELECT $1, kind, fonds_id, level, security, openings, COUNT(*) FROM quality_fault GROUP BY kind, fonds_id, level, security, openings",
      SQL_ARGS(sql_int(survey_id)), error);
}

/* The counts of the last survey follow a judgement. */
static gboolean count_one(Sql *sql, const char *kind, gint64 record_id, GError **error) {
  return sql_exec(sql,
    "UPDATE quality_count SET faults = faults - 1 WHERE survey_id = $1 AND kind = $2 AND (fonds_id, level, security, openings) = "
    "(SELECT fonds_id, level, security, openings FROM quality_fault WHERE kind = $2 AND record_id = $3)",
    SQL_ARGS(sql_int(survey_last(sql, NULL)), sql_text(kind), sql_int(record_id)), error);
}

static gboolean pass(Sql *sql, const char *actor, const char *kind, gint64 record_id, gint64 at_us, const char *note, GError **error) {
  return count_one(sql, kind, record_id, error) && fault_remove(sql, kind, record_id, error) &&
    sql_exec(sql, "INSERT INTO quality_pass (kind, record_id, actor, at_us, note) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind, record_id) DO NOTHING",
      SQL_ARGS(sql_text(kind), sql_int(record_id), sql_text(actor), sql_int(at_us), sql_text(note)), error);
}

static gboolean unpass(Sql *sql, const char *kind, gint64 record_id, GError **error) {
  return sql_exec(sql, "DELETE FROM quality_pass WHERE kind = $1 AND record_id = $2", SQL_ARGS(sql_text(kind), sql_int(record_id)), error) &&
    sql_exec(sql, "INSERT INTO quality_again (record_id) VALUES ($1) ON CONFLICT (record_id) DO NOTHING", SQL_ARGS(sql_int(record_id)), error);
}

gboolean fault_pass(Sql *sql, const char *actor, const char *kind, gint64 record_id, const char *note, GError **error) {
  gint64 now = clock_now_us();
  json_auto_t *data = json_pack("{s:s, s:s, s:I}", "kind", kind, "note", note, "at_us", (json_int_t)now);
  return pass(sql, actor, kind, record_id, now, note, error) && journal_append(sql, actor, "quality.pass", "record", record_id, data, error) != 0;
}

gboolean fault_unpass(Sql *sql, const char *actor, const char *kind, gint64 record_id, GError **error) {
  json_auto_t *data = json_pack("{s:s}", "kind", kind);
  return unpass(sql, kind, record_id, error) && journal_append(sql, actor, "quality.unpass", "record", record_id, data, error) != 0;
}

gboolean quality_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data");
  const char *action = json_string_value(json_object_get(event, "action")), *kind = json_string_value(json_object_get(data, "kind"));
  const char *actor = json_string_value(json_object_get(event, "actor")), *note = json_string_value(json_object_get(data, "note"));
  gint64 record_id = json_integer_value(json_object_get(json_object_get(event, "subject"), "id"));
  if (g_str_equal(action, "quality.join") || g_str_equal(action, "quality.unjoin")) return TRUE; /* its names are told by authority/ */
  if (kind == NULL) return throw(error, LANTAI_ERROR_INVALID, "事件没有说明是哪一种问题");
  if (g_str_equal(action, "quality.unpass")) return unpass(sql, kind, record_id, error);
  return pass(sql, actor ? actor : "", kind, record_id, json_integer_value(json_object_get(data, "at_us")), note ? note : "", error);
}
