/*
 * Offline media (光盘, 磁带, 硬盘): what is on them, where they lie, when they were made and last looked at. When a check or a replacement falls due follows
 * from their type (definitions/media.yaml).
 */
#include "internal.h"
#include "date.h"
#include <gio/gio.h>
#include <string.h>

static json_t *types;

static gboolean valid_types(json_t *read) {
  size_t i;
  json_t *type;
  json_array_foreach(read, i, type)
    if (*json_word(type, "type") == '\0' || json_number_of(type, "check_months") < 1 || json_number_of(type, "life_years") < 1) return FALSE;
  return json_array_size(read) > 0;
}

gboolean media_load(const char *dir, GError **error) {
  json_auto_t *read = yaml_load_definition(dir, "media.yaml", error);
  if (read == NULL) return FALSE;
  if (!valid_types(json_object_get(read, "types")))
    return throw(error, LANTAI_ERROR_INVALID, "definitions/media.yaml：每种介质都要有 type、check_months 和 life_years（正整数）");
  json_decref(types);
  types = json_incref(json_object_get(read, "types"));
  return TRUE;
}

json_t *medium_types(void) { return types; }

/* ---- dates ---- */

static GDateTime *day_of(const char *text) {
  g_autofree char *whole = g_strconcat(text, "T00:00:00Z", NULL);
  return strlen(text) == 10 ? g_date_time_new_from_iso8601(whole, NULL) : NULL;
}

static char *day_after(const char *text, int months) {
  g_autoptr(GDateTime) day = day_of(text);
  g_autoptr(GDateTime) later = day ? g_date_time_add_months(day, months) : NULL;
  return later ? g_date_time_format(later, "%Y-%m-%d") : g_strdup("");
}

static gboolean check_day(const char *text, const char *label, gboolean required, GError **error) {
  if (*text == '\0' && !required) return TRUE;
  g_autoptr(GDateTime) day = day_of(text);
  return day != NULL || throw(error, LANTAI_ERROR_INVALID, "%s应写成 2026-11-22 这样的日期", label);
}

static json_t *type_of(const char *name) {
  size_t i;
  json_t *type;
  json_array_foreach(types, i, type)
    if (g_str_equal(json_word(type, "type"), name)) return type;
  return NULL;
}

/* ---- writing ---- */

static gboolean write_medium(Sql *sql, gint64 id, json_t *m, GError **error) {
  return sql_exec(sql,
    "INSERT INTO keep_medium (id, name, type, content, place, made_on, checked_on, check_result, retired_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, content = excluded.content, place = excluded.place, made_on = excluded.made_on, "
    "checked_on = excluded.checked_on, check_result = excluded.check_result, retired_on = excluded.retired_on", SQL_ARGS(sql_int(id), sql_text(json_word(m, "name")),
      sql_text(json_word(m, "type")), sql_text(json_word(m, "content")), sql_text(json_word(m, "place")), sql_text(json_word(m, "made_on")),
      sql_text(json_word(m, "checked_on")), sql_text(json_word(m, "check_result")), sql_text(json_word(m, "retired_on"))), error);
}

gboolean medium_put(const House *house, const char *actor, json_t *medium, GError **error) {
  if (*json_word(medium, "name") == '\0') return throw(error, LANTAI_ERROR_INVALID, "请填写介质编号");
  if (type_of(json_word(medium, "type")) == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择介质类型");
  if (!check_day(json_word(medium, "made_on"), "制成日期", TRUE, error) || !check_day(json_word(medium, "checked_on"), "检查日期", FALSE, error) ||
    !check_day(json_word(medium, "retired_on"), "停用日期", FALSE, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gint64 id = json_number_of(medium, "id");
  if (id == 0) id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM keep_medium", SQL_NONE, 0, &local);
  else if (sql_number(sql, "SELECT id FROM keep_medium WHERE id = $1", SQL_ARGS(sql_int(id)), 0, &local) == 0 && local == NULL)
    return throw(error, LANTAI_ERROR_NOT_FOUND, "没有登记这件介质");
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return write_medium(sql, id, medium, error) && journal_append(sql, actor, "keep.medium", "medium", id, medium, error) != 0 && sql_commit(sql, error);
}

gboolean medium_replay(Sql *sql, json_t *event, gboolean *ret_mine, GError **error) {
  *ret_mine = g_str_equal(json_word(event, "action"), "keep.medium");
  return !*ret_mine || write_medium(sql, json_number_of(json_object_get(event, "subject"), "id"), json_object_get(event, "data"), error);
}

/* ---- reading ---- */

json_t *medium_list(Sql *sql, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT id, name, type, content, place, made_on, checked_on, check_result, retired_on FROM keep_medium ORDER BY retired_on, name, id", SQL_NONE,
    error), *row;
  int day = date_today();
  g_autofree char *today = date_format((DateSpan){day, day});
  size_t i;
  json_array_foreach(list, i, row) {
    json_t *type = type_of(json_word(row, "type"));
    const char *last = *json_word(row, "checked_on") ? json_word(row, "checked_on") : json_word(row, "made_on");
    g_autofree char *check = day_after(last, type ? (int)json_number_of(type, "check_months") : 12);
    g_autofree char *end = day_after(json_word(row, "made_on"), type ? 12 * (int)json_number_of(type, "life_years") : 1200);
    gboolean in_use = *json_word(row, "retired_on") == '\0';
    json_object_set_new(row, "check_due", json_string(check));
    json_object_set_new(row, "replace_due", json_string(end));
    json_object_set_new(row, "overdue", json_boolean(in_use && strcmp(check, today) <= 0));
    json_object_set_new(row, "expired", json_boolean(in_use && strcmp(end, today) <= 0));
    json_object_set_new(row, "retired", json_boolean(!in_use));
  }
  return list;
}
