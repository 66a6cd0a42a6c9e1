/* What is told of copies: lists, faults by key, an object's files at every place, warnings. */
#include "copy-room.h"
#include "error.h"
#include <string.h>

static const struct {
  const char *code, *label, *tone;
} STATES[] = {{"new", "待首次更新", "info"}, {"ready", "完好", "ok"}, {"behind", "待更新", "info"}, {"away", "缺席", "warn"}, {"failed", "出错", "bad"},
  {"faulty", "有问题", "bad"}, {"lost", "无完好副本", "bad"}},
  RESULTS[] = {{"good", "完好", "ok"}, {"damaged", "损坏", "bad"}, {"missing", "缺失", "bad"}, {"unreadable", "不能读取", "bad"}, {"unchecked", "未校验", "muted"},
    {"absent", "未复制", "warn"}};

static void set_state(json_t *copy, const char *code) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_strcmp0(STATES[i].code, code) == 0)
      json_object_update_new(copy, json_pack("{s:s, s:s, s:s}", "state", code, "state_label", STATES[i].label, "tone", STATES[i].tone));
}

static void set_result(json_t *row, const char *code) {
  for (guint i = 0; i < G_N_ELEMENTS(RESULTS); i++)
    if (g_strcmp0(RESULTS[i].code, code) == 0)
      json_object_update_new(row, json_pack("{s:s, s:s, s:s}", "result", code, "result_label", RESULTS[i].label, "tone", RESULTS[i].tone));
}

static gint64 number(json_t *row, const char *key) { return json_integer_value(json_object_get(row, key)); }

static void dress(const House *house, json_t *copy, gint64 serial, gint64 objects) {
  gboolean primary = number(copy, "id") == PRIMARY_ID;
  gint64 there = primary ? objects : number(copy, "objects"), faulty = number(copy, "faulty");
  json_object_set_new(copy, "objects", json_integer(there));
  json_object_set_new(copy, "primary", json_boolean(primary));
  json_object_set_new(copy, "unchecked", json_integer(MAX(0, there - number(copy, "checked"))));
  gboolean behind = !primary && number(copy, "synced_serial") < serial;
  json_object_set_new(copy, "behind", json_boolean(behind));
  const char *state = json_string_value(json_object_get(copy, "state"));
  set_state(copy, !g_str_equal(state, "ready") ? state : number(copy, "lost") ? "lost" : faulty ? "faulty" : behind ? "behind" : "ready");
  if (there && number(copy, "checked") == 0 && g_strcmp0(json_string_value(json_object_get(copy, "state")), "ready") == 0)
    json_object_update_new(copy, json_pack("{s:s, s:s}", "state_label", "未校验", "tone", "muted")); /* nothing was read yet: not known to be good */
  gint64 last_us = MAX(number(copy, "scrubbed_us"), number(copy, "created_us"));
  json_object_set_new(copy, "due_us", json_integer(last_us + number(copy, "every_days") * G_GINT64_CONSTANT(86400000000)));
  gint64 rate = number(copy, "rate_megabytes");
  json_object_set_new(copy, "rate_megabytes", json_integer(rate < 0 ? settings_int(house->settings, "copy.megabytes_per_second") : rate));
  if (number(copy, "free_bytes") < 0) json_object_set_new(copy, "free_bytes", json_null());
}

static json_t *dress_all(const House *house, Sql *sql, json_t *list) {
  gint64 serial = sql_number(sql, "SELECT MAX(serial) AS serial FROM content_object", SQL_NONE, 0, NULL);
  gint64 objects = sql_number(sql, "SELECT COUNT(*) AS rows FROM content_object WHERE version > 0", SQL_NONE, 0, NULL);
  size_t i;
  json_t *copy;
  json_array_foreach(list, i, copy) dress(house, copy, serial, objects);
  return list;
}

json_t *copy_list(const House *house, Sql *sql, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT id, name, kind, location, host_key, rate_megabytes, every_days, created_us, state, detail, synced_serial, synced_us, cursor, scrubbed_us, free_bytes,"
    " (SELECT COUNT(*) FROM copy_object AS o WHERE o.copy_id = copy.id AND o.version > 0) AS objects,"
    " (SELECT COUNT(*) FROM copy_object AS o WHERE o.copy_id = copy.id AND o.pending = 1) AS pending,"
    " (SELECT COUNT(*) FROM copy_object AS o WHERE o.copy_id = copy.id AND o.checked_us > 0) AS checked,"
    " (SELECT COUNT(*) FROM copy_fault AS f WHERE f.copy_id = copy.id) AS faulty,"
    " (SELECT COUNT(*) FROM copy_fault AS f WHERE f.copy_id = copy.id AND f.lost = 1) AS lost"
    " FROM copy ORDER BY id", SQL_NONE, error);
  return list ? dress_all(house, sql, list) : NULL;
}

json_t *copy_one(const House *house, Sql *sql, gint64 id, GError **error) {
  json_t *list = copy_list(house, sql, error), *copy, *found = NULL;
  size_t i;
  json_array_foreach(list, i, copy) if (number(copy, "id") == id) found = json_incref(copy);
  if (list && found == NULL) throw(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号副本", id);
  json_decref(list);
  return found;
}

json_t *copy_last_run(const House *house, gint64 copy_id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql ? sql_row_json(sql,
    "SELECT id, kind, actor, begun_us, ended_us, state, objects, files, bytes, faults, repaired, lost, detail FROM copy_run WHERE copy_id = $1 ORDER BY id DESC LIMIT 1",
    SQL_ARGS(sql_int(copy_id)), error) : NULL;
}

json_t *copy_faults(Sql *sql, gint64 copy_id, gint64 after_key, const char *after_path, int limit, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT f.object_key AS key, o.object_id AS object, f.path AS path, f.result AS result, f.lost AS lost, f.detail AS detail, f.found_us AS found_us, r.actor AS actor"
    " FROM copy_fault AS f JOIN content_object AS o ON o.id = f.object_key LEFT JOIN copy_run AS r ON r.id = f.run_id"
    " WHERE f.copy_id = $1 AND (f.object_key, f.path) > ($2, $3) ORDER BY f.object_key, f.path LIMIT $4",
    SQL_ARGS(sql_int(copy_id), sql_int(after_key), sql_text(after_path ? after_path : ""), sql_int(limit)), error), *row;
  size_t i;
  static const char prefix[] = "urn:lantai:record:";
  json_array_foreach(list, i, row) {
    g_autofree char *result = g_strdup(json_string_value(json_object_get(row, "result")));
    set_result(row, result);
    json_object_set_new(row, "lost", json_boolean(number(row, "lost") == 1));
    const char *object = json_string_value(json_object_get(row, "object"));
    if (g_str_has_prefix(object, prefix)) json_object_set_new(row, "record", json_integer(g_ascii_strtoll(object + strlen(prefix), NULL, 10)));
  }
  return list;
}

/* ---- an object's files ---- */

/* One file at one place, from the object's row and the faults that are listed. */
static json_t *file_at(json_t *place, json_t *faults, const char *path, guint version) {
  json_t *result = json_pack("{s:s, s:I, s:O, s:O}", "copy", json_string_value(json_object_get(place, "name")), "id", (json_int_t)number(place, "id"),
    "checked_us", json_object_get(place, "checked_us"), "actor", json_object_get(place, "actor"));
  gboolean primary = number(place, "id") == PRIMARY_ID;
  const char *code = number(place, "checked_version") >= (gint64)version ? "good" : "unchecked";
  if (!primary && number(place, "version") < (gint64)version) code = "absent";
  size_t i;
  json_t *fault;
  json_array_foreach(faults, i, fault) {
    const char *where = json_string_value(json_object_get(fault, "path"));
    if (number(fault, "copy_id") == number(place, "id") && (*where == '\0' || g_str_equal(where, path))) code = json_string_value(json_object_get(fault, "result"));
  }
  set_result(result, code);
  if (g_str_equal(code, "unchecked") || g_str_equal(code, "absent")) json_object_set_new(result, "checked_us", json_null());
  return result;
}

/* What a file of the object is called: a document by its name, what the program keeps beside it by what it is; "" when its path alone tells. */
static const char *name_of(json_t *names, const char *path) {
  static const struct { const char *file, *name; } OWN[] = {{"metadata.json", "著录"}, {"sm3.txt", "SM3 摘要清单"}, {"conversions.json", "转换登记"},
    {"tombstone.json", "销毁登记"}};
  const char *content = strstr(path, "/content/"), *logical = content ? content + strlen("/content/") : path;
  const char *name = json_string_value(json_object_get(names, logical));
  for (guint i = 0; name == NULL && i < G_N_ELEMENTS(OWN); i++)
    if (g_str_equal(OWN[i].file, logical)) name = OWN[i].name;
  return name ? name : "";
}

/* {logical path: name} of a record's documents, as they are now. */
static json_t *names_of(Sql *sql, const char *object_id) {
  static const char prefix[] = "urn:lantai:record:";
  gint64 record = g_str_has_prefix(object_id, prefix) ? g_ascii_strtoll(object_id + strlen(prefix), NULL, 10) : 0;
  json_t *names = json_object(), *row;
  json_t *rows = record ? sql_json(sql, "SELECT path, name FROM file WHERE record_id = $1", SQL_ARGS(sql_int(record)), NULL) : NULL;
  size_t i;
  json_array_foreach(rows, i, row) json_object_set(names, json_string_value(json_object_get(row, "path")), json_object_get(row, "name"));
  json_decref(rows);
  return names;
}

static json_t *files_at(json_t *places, json_t *faults, json_t *paths, json_t *names) {
  json_t *files = json_array(), *path, *place;
  size_t i, k;
  json_array_foreach(paths, i, path) {
    const char *text = json_string_value(path);
    json_t *at = json_array();
    guint version = text[0] == 'v' ? (guint)g_ascii_strtoull(text + 1, NULL, 10) : 1;
    json_array_foreach(places, k, place) json_array_append_new(at, file_at(place, faults, text, version));
    json_array_append_new(files, json_pack("{s:s, s:s, s:o}", "path", text, "name", name_of(names, text), "places", at));
  }
  return files;
}

json_t *copy_of_object(const House *house, Sql *sql, const char *object_id, GError **error) {
  gint64 key = sql_number(sql, "SELECT id FROM content_object WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), 0, NULL);
  json_t *paths = content_paths(house->content, object_id, error);
  if (paths == NULL) return NULL;
  json_t *places = sql_json(sql,
    "SELECT c.id AS id, c.name AS name, COALESCE(o.version, 0) AS version, COALESCE(o.checked_version, 0) AS checked_version, NULLIF(o.checked_us, 0) AS checked_us,"
    " r.actor AS actor FROM copy AS c LEFT JOIN copy_object AS o ON o.copy_id = c.id AND o.object_key = $1 LEFT JOIN copy_run AS r ON r.id = o.run_id ORDER BY c.id",
    SQL_ARGS(sql_int(key)), error);
  json_t *faults = json_array(), *place, *some;
  size_t i;
  json_array_foreach(places, i, place) {
    some = sql_json(sql, "SELECT copy_id, path, result FROM copy_fault WHERE copy_id = $1 AND object_key = $2",
      SQL_ARGS(sql_int(number(place, "id")), sql_int(key)), NULL);
    json_array_extend(faults, some);
    json_decref(some);
  }
  json_auto_t *names = names_of(sql, object_id);
  json_t *result = places ? json_pack("{s:s, s:O, s:o}", "object", object_id, "copies", places, "files", files_at(places, faults, paths, names)) : NULL;
  json_decref(places);
  json_decref(faults);
  json_decref(paths);
  return result;
}

/* ---- warnings ---- */

static void warn(json_t *list, const char *tone, const char *href, char *text) {
  json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "tone", tone, "text", text, "href", href));
  g_free(text);
}

json_t *copy_warnings(Sql *sql, GError **error) {
  gint64 lost = sql_number(sql, "SELECT COUNT(*) AS rows FROM copy_fault WHERE lost = 1", SQL_NONE, 0, error);
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT id, name, state, (SELECT COUNT(*) FROM copy_fault AS f WHERE f.copy_id = copy.id) AS faulty FROM copy ORDER BY id", SQL_NONE, error);
  if (rows == NULL) return NULL;
  json_t *list = json_array();
  if (lost) warn(list, "bad", "/copies", g_strdup_printf("有 %" G_GINT64_FORMAT " 个文件在任何地方都没有完好副本", lost));
  gint64 copies = 0;
  while (sql_next(rows, NULL)) {
    g_autofree char *href = g_strdup_printf("/copy/%" G_GINT64_FORMAT, sql_get_int(rows, "id"));
    gint64 faulty = sql_get_int(rows, "faulty");
    const char *name = sql_get_text(rows, "name"), *state = sql_get_text(rows, "state");
    copies += sql_get_int(rows, "id") != PRIMARY_ID;
    if (faulty) warn(list, "bad", href, g_strdup_printf("%s有 %" G_GINT64_FORMAT " 个文件损坏、缺失或不能读取", name, faulty));
    if (g_str_equal(state, "away")) warn(list, "warn", href, g_strdup_printf("副本“%s”缺席", name));
    if (g_str_equal(state, "failed")) warn(list, "bad", href, g_strdup_printf("副本“%s”上次操作出错", name));
  }
  if (copies == 0) warn(list, "info", "/copies", g_strdup("还没有副本：档案只存放在一处"));
  return list;
}
