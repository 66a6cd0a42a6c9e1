/*
 * Saved searches and their alerts.
 *
 * 1. What is kept is the question. What is new is asked when it is shown, with the scope of who looks: no ids are kept that a changed right would leak.
 * 2. The tick only notes for which searches it is worth asking; between its rounds a page asks for itself.
 */
#include "json.h"
#include "saved.h"
#include "error.h"
#include <string.h>

enum { ASKED_BYTES = 20000, NUMBERS_MOST = 200, ROUND_ROWS = 200 };
#define ROUND_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)

/* ---- what a form sends back ---- */

static json_t *clean_list(json_t *list) {
  json_t *clean = json_array(), *value;
  size_t i;
  json_array_foreach(list, i, value)
    if (json_is_integer(value) && i < NUMBERS_MOST) json_array_append(clean, value);
  if (json_array_size(clean)) return clean;
  json_decref(clean);
  return NULL;
}

json_t *saved_asked_read(const char *text, GError **error) {
  json_auto_t *sent = text && strlen(text) <= ASKED_BYTES ? json_loads(text, 0, NULL) : NULL;
  json_auto_t *asked = json_object();
  for (guint i = 0; i < ASKED_LISTS; i++) {
    json_t *list = clean_list(json_object_get(sent, ASKED_LIST[i].name));
    if (list) json_object_set_new(asked, ASKED_LIST[i].name, list);
  }
  for (guint i = 0; i < ASKED_NUMBERS; i++)
    if (!g_str_equal(ASKED_NUMBER[i].name, "since") && json_integer_value(json_object_get(sent, ASKED_NUMBER[i].name)))
      json_object_set(asked, ASKED_NUMBER[i].name, json_object_get(sent, ASKED_NUMBER[i].name));
  if (json_is_true(json_object_get(sent, "files"))) json_object_set_new(asked, "files", json_true());
  static const char *const TEXTS[] = {"q", "sort"};
  for (guint i = 0; i < G_N_ELEMENTS(TEXTS); i++)
    if (json_string_length(json_object_get(sent, TEXTS[i]))) json_object_set(asked, TEXTS[i], json_object_get(sent, TEXTS[i]));
  if (!asked_narrow(asked)) return throw_null(error, LANTAI_ERROR_INVALID, "没有检索词，也没有筛选条件，不能保存。请先检索");
  return g_steal_pointer(&asked);
}

/* ---- what is new ---- */


static gint64 count_since(const House *house, Sql *sql, const Scope *scope, json_t *row, gint64 since, GError **error) {
  json_auto_t *stored = json_loads(json_string_value(json_object_get(row, "asked")), 0, NULL), *asked = asked_with(stored, "since", json_integer(since ? since : -1));
  g_auto(AskedHold) hold = {0};
  SearchRequest search = {0};
  g_autoptr(GError) failure = NULL;
  g_autoptr(SearchResult) result = asked_request(asked, sql, &hold, &search, &failure) ? search_run(house->search, sql, scope, &search, &failure) : NULL;
  if (result) return (gint64)result->count;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE)) return -1;
  g_propagate_error(error, g_steal_pointer(&failure));
  return -2;
}

gint64 saved_fresh(const House *house, Sql *sql, const Scope *scope, json_t *row, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 rev = catalog_rev_last(sql, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), -2;
  if (search_needs_rebuild(house->search)) return int_at(row, "fresh") ? -1 : 0;
  if (int_at(row, "muted") || int_at(row, "seen_rev") >= rev || (!int_at(row, "fresh") && int_at(row, "checked_rev") >= rev)) return 0;
  return count_since(house, sql, scope, row, int_at(row, "seen_rev"), error);
}

/* ---- the tick ---- */

static gboolean check_row(const House *house, Sql *reading, json_t *row, gint64 rev, GError **error) {
  gint64 count = int_at(row, "fresh") ? 0 : count_since(house, reading, &SCOPE_EVERYTHING, row, int_at(row, "checked_rev"), error);
  if (count == -2) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql, "UPDATE saved_search SET checked_rev = $1, fresh = MAX(fresh, $2) WHERE id = $3 AND checked_rev = $4",
    SQL_ARGS(sql_int(rev), sql_int(count != 0), sql_int(int_at(row, "id")), sql_int(int_at(row, "checked_rev"))), error) && sql_commit(sql, error);
}

static gboolean check_all(const House *house, GError **error) {
  g_autoptr(GError) failure = NULL;
  for (gint64 after = 0;;) {
    g_autoptr(Sql) reading = sql_read(house->db, error);
    gint64 rev = reading ? catalog_rev_last(reading, &failure) : -1;
    json_auto_t *rows = rev >= 0 ? sql_json(reading,
      "SELECT id, asked, fresh, checked_rev FROM saved_search WHERE id > $1 AND checked_rev < $2 AND muted = 0 ORDER BY id LIMIT $3",
      SQL_ARGS(sql_int(after), sql_int(rev), sql_int(ROUND_ROWS)), &failure) : NULL;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
      if (failure == NULL && !check_row(house, reading, row, rev, &failure)) g_clear_error(&failure); /* a question that fails is told when it is looked at */
      after = int_at(row, "id");
    }
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (rows == NULL || json_array_size(rows) < ROUND_ROWS) return rows != NULL;
  }
}

void saved_tick(const House *house) {
  static gint64 last_us;
  gint64 now = g_get_monotonic_time();
  if (last_us != 0 && now - last_us < ROUND_US) return;
  if (search_needs_rebuild(house->search)) return; /* what is new might be missed, and is not looked for twice */
  last_us = now;
  g_autoptr(GError) error = NULL;
  if (!check_all(house, &error)) g_warning("saved searches are not looked at: %s", error ? error->message : "");
}

/* ---- the home page ---- */

json_t *reader_alerts(WebRequest *request, Sql *sql, GError **error) {
  if (web_scope(request)->opening_mask == 0 || *web_actor(request) == '\0') return json_array();
  json_auto_t *rows = sql_json(sql, "SELECT id, name, asked, muted, seen_rev, checked_rev, fresh FROM saved_search WHERE owner = $1 AND muted = 0 ORDER BY id",
    SQL_ARGS(sql_text(web_actor(request))), error);
  if (rows == NULL) return NULL;
  json_t *alerts = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    gint64 count = saved_fresh(web_house(request), sql, web_scope(request), row, NULL);
    if (count != 0 && count != -2)
      json_array_append_new(alerts, json_pack("{s:O, s:O, s:I, s:b}", "id", json_object_get(row, "id"), "name", json_object_get(row, "name"), "count",
        (json_int_t)MAX(count, 0), "many", count < 0));
  }
  return alerts;
}

gboolean reader_open(SqlDb *db, GError **error) { return sql_migrate_room(db, "reader", error); }

const JobTick READER_TICKS[] = {saved_tick, NULL};
