/*
 * What comes back by itself: a state may say `again: {after: 180, to: 回头看}`, and so many days later the entry goes on along that move, as often as `times` (1).
 *
 * 1. It is a move of the definition, made by the program on the day that it finds it due; whoever is responsible then owes it.
 * 2. What had reached the state before the rule came into force stays where it is.
 */
#include "internal.h"

/* The day of the first version whose state says so now: rules are not for what was before them. */
static int rule_day(Sql *sql, const LedgerDefinition *definition) {
  int day = date_today();
  for (int version = definition->version; version > 0; version--) {
    json_auto_t *former = ledger_definition_version(sql, definition->id, version, NULL);
    if (!json_equal(json_object_get(former, "states"), json_object_get(definition->json, "states"))) break;
    gint64 at = sql_number(sql, "SELECT at_us FROM ledger_version WHERE ledger_id = $1 AND version = $2", SQL_ARGS(sql_int(definition->id), sql_int(version)), 0, NULL);
    day = date_of_time(at);
  }
  return day;
}

static guint times_been(json_t *entry, const char *state) {
  guint times = 0;
  size_t i;
  json_t *pair;
  json_array_foreach(json_object_get(entry, "states"), i, pair) times += g_strcmp0(json_string_value(json_array_get(pair, 0)), state) == 0;
  return times;
}

static json_t *due_entries(Sql *sql, const LedgerDefinition *definition, const char *state, int since, int until, GError **error) {
  return entries_query(sql_query(sql, ENTRY_SELECT "WHERE e.ledger_id = $1 AND e.state = $2 AND e.deleted = 0 AND json_extract(e.states, '$[#-1][1]') >= $3 AND "
    "json_extract(e.states, '$[#-1][1]') <= $4", SQL_ARGS(sql_int(definition->id), sql_text(state), sql_int(since), sql_int(until)), error), error);
}

/* Rows keep the name that a state had when they were written. */
static json_t *due_under_any_name(Sql *sql, const LedgerDefinition *definition, json_t *state, int until, GError **error) {
  int since = rule_day(sql, definition);
  json_auto_t *entries = due_entries(sql, definition, text_at(state, "name"), since, until, error);
  size_t i;
  json_t *former;
  json_array_foreach(json_object_get(state, "was"), i, former) {
    json_auto_t *more = entries != NULL ? due_entries(sql, definition, json_string_value(former), since, until, error) : NULL;
    if (more == NULL) return NULL;
    json_array_extend(entries, more);
  }
  return g_steal_pointer(&entries);
}

static gboolean again_state(Sql *sql, const LedgerDefinition *definition, json_t *state, GError **error) {
  json_t *again = json_object_get(state, "again"), *entry, *given = json_object_get(again, "times");
  const char *to = text_at(again, "to");
  guint times = given != NULL ? (guint)json_integer_value(given) : 1;
  int until = date_shift(date_today(), -(int)int_at(again, "after"));
  json_auto_t *entries = due_under_any_name(sql, definition, state, until, error);
  if (entries == NULL) return FALSE;
  g_autofree char *note = g_strdup_printf("满 %d 天，到期%s", (int)int_at(again, "after"), to);
  size_t i;
  json_array_foreach(entries, i, entry) {
    if (times_been(entry, to) >= times || entry_is_tied(entry)) continue;
    g_autoptr(GError) local = NULL;
    if (ledger_entry_move(sql, LEDGER_EVERYTHING, "system", int_at(entry, "id"), to, 0, note, &local)) continue;
    gboolean passed = g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID) || g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
    if (!passed) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    g_warning("台账“%s”的 %s 没有到期%s：%s", definition->name, text_at(entry, "number"), to, local->message);
  }
  return TRUE;
}

gboolean again_make(const House *house, const LedgerDefinition *definition, GError **error) {
  size_t i;
  json_t *state;
  json_array_foreach(json_object_get(definition->json, "states"), i, state) {
    if (json_object_get(state, "again") == NULL) continue;
    g_autoptr(Sql) sql = sql_write(house->db, error);
    if (sql == NULL || !again_state(sql, definition, state, error) || !sql_commit(sql, error)) return FALSE;
  }
  return TRUE;
}

const LedgerMove *again_move(const LedgerDefinition *definition, json_t *state) {
  const char *to = text_at(json_object_get(state, "again"), "to");
  for (guint i = 0; i < definition->move_count; i++)
    if (g_str_equal(definition->moves[i].from, text_at(state, "name")) && g_str_equal(definition->moves[i].to, to)) return &definition->moves[i];
  return NULL;
}
