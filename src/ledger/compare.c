/* How a list was on two days, from the history: what came, went, changed and was closed between them. */
#include "internal.h"

enum { PAGE = 1000, COMPARE_MAX = 20000 /* of each day, in memory */ };

static json_t *list_on(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, int day, GError **error) {
  LedgerAsk page = *ask;
  page.after = NULL;
  page.limit = PAGE;
  page.on = day;
  json_auto_t *by_id = json_object();
  g_autofree char *after = NULL;
  do {
    json_auto_t *list = ledger_list(house, sql, asker, &page, error);
    if (list == NULL) return NULL;
    if (int_at(list, "count") > COMPARE_MAX)
      return throw_null(error, LANTAI_ERROR_TOO_LARGE, "那天有 %d 条，一次最多比较 %d 条，请先筛选", (int)int_at(list, "count"), COMPARE_MAX);
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(list, "entries"), i, entry) {
      g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, (gint64)int_at(entry, "id"));
      json_object_set(by_id, id, entry);
    }
    g_free(after);
    page.after = after = g_strdup(json_string_value(json_object_get(list, "next")));
  } while (after != NULL && after[0] != '\0');
  return g_steal_pointer(&by_id);
}

static void tell(json_t *rows, json_t *entry, const char *what, json_t *fields) {
  json_array_append_new(rows, json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "id", (json_int_t)int_at(entry, "id"), "number", text_at(entry, "number"), "title",
    text_at(entry, "title"), "state", text_at(entry, "state"), "what", what, "fields", fields));
}

json_t *ledger_compare(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, int before, int after, GError **error) {
  if (before >= after) return throw_null(error, LANTAI_ERROR_INVALID, "前一个日期应早于后一个");
  json_auto_t *was = list_on(house, sql, asker, ask, before, error);
  json_auto_t *is = was != NULL ? list_on(house, sql, asker, ask, after, error) : NULL;
  if (is == NULL) return NULL;
  json_t *rows = json_array(), *entry;
  const char *id;
  json_object_foreach(is, id, entry) {
    json_t *former = json_object_get(was, id);
    if (former == NULL) {
      tell(rows, entry, "added", json_array());
      continue;
    }
    json_t *fields = entry_changes(former, entry, asker);
    gboolean closed = json_is_true(json_object_get(entry, "closed")) && !json_is_true(json_object_get(former, "closed"));
    if (closed || json_array_size(fields) > 0) tell(rows, entry, closed ? "closed" : "changed", fields);
    else json_decref(fields);
  }
  json_object_foreach(was, id, entry) {
    if (json_object_get(is, id) == NULL) tell(rows, entry, "removed", json_array());
  }
  return rows;
}
