/* What somebody owes: entries that he is responsible for and that are not closed, by their day. */
#include "internal.h"
#include "people.h"

static int days_between(int from, int to) {
  GDate a, b;
  g_date_clear(&a, 1);
  g_date_clear(&b, 1);
  g_date_set_dmy(&a, (GDateDay)(from % 100), (GDateMonth)(from / 100 % 100), (GDateYear)(from / 10000));
  g_date_set_dmy(&b, (GDateDay)(to % 100), (GDateMonth)(to / 100 % 100), (GDateYear)(to / 10000));
  return g_date_days_between(&a, &b);
}

/* The longest of the days before, that the ledger reminds of. */
static int remind_days(const LedgerDefinition *definition) {
  int most = 0;
  size_t i;
  json_t *days;
  json_array_foreach(json_object_get(definition->json, "reminds"), i, days) most = MAX(most, (int)json_integer_value(days));
  return most;
}

static json_t *owed_row(json_t *entry, int today) {
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  int due = (int)int_at(entry, "due"), days = due != 0 ? days_between(today, due) : 0;
  g_autofree char *why = due == 0 ? g_strdup("没有定期限") : days < 0 ? g_strdup_printf("逾期 %d 天", -days) : days == 0 ? g_strdup("今天到期") :
    g_strdup_printf("还有 %d 天", days);
  gboolean soon = due != 0 && days >= 0 && definition != NULL && days <= remind_days(definition);
  return json_pack("{s:O, s:s, s:I, s:b, s:b, s:s}", "entry", entry, "ledger", text_at(entry, "ledger"), "due", (json_int_t)due, "overdue", due != 0 && days < 0,
    "soon", soon, "why", why);
}

/* ---- what others ask before they take somebody away ---- */

/* Whoever asks here may be anybody: how many, never which. */
static char *counted(gint64 count) { return count == 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT " 条台账条目", count); }

char *owed_words(Sql *sql, const char *name, const char *title) {
  return counted(sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE owner IN ($1, $2) AND owner <> '' AND closed = 0 AND deleted = 0",
    SQL_ARGS(sql_text(name), sql_text(title)), 0, NULL));
}

char *used_words(Sql *sql, const char *kind, const char *name) {
  return counted(sql_number(sql, "SELECT COUNT(DISTINCT l.entry_id) AS n FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id WHERE l.kind = $1 AND "
    "l.target = $2 AND e.deleted = 0", SQL_ARGS(sql_text(kind), sql_text(name)), 0, NULL));
}

json_t *ledger_owed(const House *house, Sql *sql, const Person *person, int limit, GError **error) {
  json_auto_t *names = people_duty_names(person), *owed = json_array();
  g_autofree char *list = json_dumps(names, JSON_COMPACT);
  /* Ids only are sorted; a page is full when it has what may be seen, however much of it may not. */
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT e.id AS id FROM ledger_entry AS e WHERE e.id IN (SELECT o.id FROM ledger_entry AS o WHERE "
    "o.owner IN (SELECT value FROM json_each($1)) AND o.owner <> '' AND o.closed = 0 AND o.deleted = 0 UNION ALL SELECT d.id FROM ledger_entry AS d WHERE "
    "d.owner = '' AND d.department = $2 AND d.department <> '' AND d.closed = 0 AND d.deleted = 0) "
    "ORDER BY CASE e.due WHEN 0 THEN 99999999 ELSE e.due END, e.id", SQL_ARGS(sql_text(list), sql_text(people_body(person))), error);
  if (rows == NULL) return NULL;
  Asker asker = {person, FALSE};
  int today = date_today();
  GError *failure = NULL;
  while ((int)json_array_size(owed) < limit && sql_next(rows, &failure)) {
    json_auto_t *entry = entry_load_any(sql, sql_get_int(rows, "id"), &failure);
    if (entry == NULL) break;
    if (!entry_admitted(entry, asker)) continue;
    entry_hide(entry, asker);
    json_array_append_new(owed, owed_row(entry, today));
  }
  if (failure != NULL) return g_propagate_error(error, failure), NULL;
  return g_steal_pointer(&owed);
}
