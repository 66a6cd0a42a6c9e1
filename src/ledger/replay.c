/* Rebuilding from events: the rows are those that the events hold. */
#include "internal.h"

static gboolean replay_put(Sql *sql, json_t *data, GError **error) {
  const char *note = text_at(data, "note");
  size_t i;
  json_t *entry;
  json_array_foreach(json_object_get(data, "entries"), i, entry) {
    if (!entry_write(sql, entry, note, error)) return FALSE;
  }
  return TRUE;
}

gboolean ledger_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = json_string_value(json_object_get(event, "action"));
  json_t *data = json_object_get(event, "data");
  if (g_str_equal(action, "ledger.define")) return define_replay(sql, data, error);
  if (g_str_equal(action, "ledger.put")) return replay_put(sql, data, error) && batch_replay(sql, data, error);
  if (g_str_equal(action, "ledger.comment")) return comment_write(sql, data, error);
  return TRUE;
}
