/* Versions of a body's schedule: drafts, their lines, who decides, which one is in force, and the replay of what the journal tells. */
#include "assign.h"
#include "error.h"
#include "json.h"
#include "text.h"
#include <string.h>

enum { FAULTS_MAX = 20 };
#define SCHEDULE_SELECT \
  "SELECT id, fonds_id, number, state, from_date, made_by, made_at, submitted_by, submitted_at, decided_by, decided_at, note FROM schedule "

gboolean schedule_open(SqlDb *db, GError **error) {
  catalog_set_record_extra(schedule_record_extra);
  return sql_migrate_room(db, "schedule", error);
}


json_t *schedule_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *row = sql_row_json(sql, SCHEDULE_SELECT "WHERE id = $1", SQL_ARGS(sql_int(id)), &local);
  if (row != NULL) return row;
  if (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一版三合一制度");
  g_propagate_error(error, g_steal_pointer(&local));
  return NULL;
}

json_t *schedule_lines(Sql *sql, gint64 id, GError **error) {
  return sql_json(sql, "SELECT code, path, matter, retention, opening, note FROM schedule_line WHERE schedule_id = $1 ORDER BY place", SQL_ARGS(sql_int(id)), error);
}

/* ---- in force ---- */

gint64 schedule_in_force(Sql *sql, gint64 fonds_id, int day, GError **error) {
  return sql_number(sql, "SELECT id FROM schedule WHERE fonds_id = $1 AND state = 'approved' AND from_date <= $2 ORDER BY from_date DESC, id DESC LIMIT 1",
    SQL_ARGS(sql_int(fonds_id), sql_int(day)), 0, error);
}

gint64 schedule_for(Sql *sql, gint64 fonds_id, DateSpan date, int year, GError **error) {
  int day = date.to != 0 ? date.to : year != 0 ? year * 10000 + 1231 : date_today();
  g_autoptr(GError) local = NULL;
  gint64 id = schedule_in_force(sql, fonds_id, day, &local);
  if (id == 0 && local == NULL) id = schedule_in_force(sql, fonds_id, date_today(), &local);
  if (local != NULL) g_propagate_error(error, g_steal_pointer(&local));
  return id;
}

/* ---- lines ---- */

static char *line_fault(json_t *line, GHashTable *codes) {
  static const char *const openings[] = {"", "开放", "控制", "延期开放", NULL};
  const char *code = text_at(line, "code"), *retention = text_at(line, "retention");
  if (code[0] == '\0') return g_strdup("没有编号");
  if (text_length(code) > 30) return g_strdup("编号超过 30 字");
  if (!g_hash_table_add(codes, (gpointer)code)) return g_strdup("编号重复");
  if (text_at(line, "path")[0] == '\0') return g_strdup("没有类目");
  if (text_at(line, "matter")[0] == '\0') return g_strdup("没有归档范围");
  if (retention[0] == '\0') return g_strdup("没有保管期限");
  gboolean years = strpbrk(retention, "0123456789") != NULL, word = g_str_equal(retention, "永久") || g_str_equal(retention, "长期") || g_str_equal(retention, "短期");
  if (!years && !word) return g_strdup_printf("保管期限“%s”应为永久、30年、10年等", retention);
  if (!g_strv_contains(openings, text_at(line, "opening"))) return g_strdup("开放意见只能是开放、控制、延期开放，或不填");
  if (text_length(text_at(line, "matter")) > 2000 || text_length(text_at(line, "path")) > 200 || text_length(text_at(line, "note")) > 500)
    return g_strdup("内容过长（类目 200 字、归档范围 2 000 字、备注 500 字以内）");
  return NULL;
}

json_t *schedule_lines_faults(json_t *lines) {
  json_t *faults = json_array(), *line;
  g_autoptr(GHashTable) codes = g_hash_table_new(g_str_hash, g_str_equal);
  if (json_array_size(lines) > SCHEDULE_LINES_MAX) json_array_append_new(faults, json_sprintf("超过 %d 条，请分门类编制", SCHEDULE_LINES_MAX));
  size_t i;
  json_array_foreach(lines, i, line) {
    g_autofree char *fault = line_fault(line, codes);
    if (fault != NULL) json_object_set_new(line, "fault", json_string(fault));
    if (fault != NULL && json_array_size(faults) < FAULTS_MAX)
      json_array_append_new(faults, json_sprintf("第 %d 条（%s）：%s", (int)i + 1, text_at(line, "code"), fault));
  }
  return faults;
}

static gboolean lines_insert(Sql *sql, gint64 id, json_t *lines, GError **error) {
  size_t i;
  json_t *line;
  json_array_foreach(lines, i, line) {
    if (!sql_exec(sql, "INSERT INTO schedule_line (schedule_id, place, code, path, matter, retention, opening, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
          SQL_ARGS(sql_int(id), sql_int((gint64)i + 1), sql_text(text_at(line, "code")), sql_text(text_at(line, "path")), sql_text(text_at(line, "matter")),
            sql_text(text_at(line, "retention")), sql_text(text_at(line, "opening")), sql_text(text_at(line, "note"))), error)) return FALSE;
  }
  return TRUE;
}

gboolean schedule_lines_put(Sql *sql, gint64 id, json_t *lines, GError **error) {
  json_auto_t *row = schedule_load(sql, id, error);
  if (row == NULL) return FALSE;
  if (!g_str_equal(text_at(row, "state"), "draft")) return throw(error, LANTAI_ERROR_CONFLICT, "这一版已提交或批准，不能再改。请退回后再改，或另起一版");
  json_auto_t *faults = schedule_lines_faults(lines);
  if (json_array_size(faults) > 0) return throw(error, LANTAI_ERROR_INVALID, "%s。没有保存", json_string_value(json_array_get(faults, 0)));
  return sql_exec(sql, "DELETE FROM schedule_line WHERE schedule_id = $1", SQL_ARGS(sql_int(id)), error) && lines_insert(sql, id, lines, error);
}

gint64 schedule_draft(Sql *sql, const char *actor, gint64 fonds_id, json_t *lines, GError **error) {
  if (sql_number(sql, "SELECT COUNT(*) AS n FROM schedule WHERE fonds_id = $1 AND state IN ('draft', 'submitted')", SQL_ARGS(sql_int(fonds_id)), 0, NULL) > 0)
    return throw(error, LANTAI_ERROR_CONFLICT, "这个全宗已有一版尚未批准，请先办完或放弃它"), 0;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM schedule", SQL_NONE, 0, error);
  gint64 number = sql_number(sql, "SELECT COALESCE(MAX(number), 0) + 1 AS n FROM schedule WHERE fonds_id = $1", SQL_ARGS(sql_int(fonds_id)), 1, NULL);
  if (id == 0 || !sql_exec(sql, "INSERT INTO schedule (id, fonds_id, number, state, from_date, made_by, made_at, submitted_by, submitted_at, decided_by, "
      "decided_at, note) VALUES ($1, $2, $3, 'draft', 0, $4, $5, '', 0, '', 0, '')", SQL_ARGS(sql_int(id), sql_int(fonds_id), sql_int(number), sql_text(actor),
      sql_int(clock_now_us())), error)) return 0;
  return json_array_size(lines) == 0 || schedule_lines_put(sql, id, lines, error) ? id : 0;
}

/* ---- deciding ---- */

static gboolean state_is(json_t *row, const char *state, GError **error) {
  return g_str_equal(text_at(row, "state"), state) || throw(error, LANTAI_ERROR_CONFLICT, "这一版的状态已变，请刷新后再办");
}

static gboolean may_approve(Sql *sql, const char *actor, json_t *row, int from_date, GError **error) {
  if (g_str_equal(text_at(row, "made_by"), actor) || g_str_equal(text_at(row, "submitted_by"), actor))
    return throw(error, LANTAI_ERROR_DENIED, "编制或提交的人不能自己批准，须由另一人批准");
  if (from_date < 19490101 || from_date > 29991231) return throw(error, LANTAI_ERROR_INVALID, "请填写施行日期，如 2026-01-01");
  gint64 last = sql_number(sql, "SELECT COALESCE(MAX(from_date), 0) AS day FROM schedule WHERE fonds_id = $1 AND state = 'approved'",
    SQL_ARGS(sql_int(int_at(row, "fonds_id"))), 0, NULL);
  return from_date > last || throw(error, LANTAI_ERROR_INVALID, "施行日期应在上一版（%d）之后", (int)last);
}

static gboolean approve(Sql *sql, const char *actor, json_t *row, int from_date, const char *note, GError **error) {
  gint64 id = int_at(row, "id");
  json_auto_t *lines = schedule_lines(sql, id, error);
  if (lines == NULL || !may_approve(sql, actor, row, from_date, error)) return FALSE;
  if (!sql_exec(sql, "UPDATE schedule SET state = 'approved', from_date = $1, decided_by = $2, decided_at = $3, note = $4 WHERE id = $5",
        SQL_ARGS(sql_int(from_date), sql_text(actor), sql_int(clock_now_us()), sql_text(note), sql_int(id)), error)) return FALSE;
  json_auto_t *now = schedule_load(sql, id, error);
  if (now == NULL) return FALSE;
  json_object_set(now, "lines", lines);
  return journal_append(sql, actor, "schedule.approve", "schedule", id, now, error) != 0;
}

static gboolean submit(Sql *sql, const char *actor, gint64 id, GError **error) {
  json_auto_t *lines = schedule_lines(sql, id, error);
  if (lines == NULL) return FALSE;
  if (json_array_size(lines) == 0) return throw(error, LANTAI_ERROR_INVALID, "还没有一条内容，不能提交");
  return sql_exec(sql, "UPDATE schedule SET state = 'submitted', submitted_by = $1, submitted_at = $2, decided_by = '', decided_at = 0, note = '' WHERE id = $3",
    SQL_ARGS(sql_text(actor), sql_int(clock_now_us()), sql_int(id)), error);
}

gboolean schedule_decide(Sql *sql, const char *actor, gint64 id, ScheduleVerdict verdict, int from_date, const char *note, GError **error) {
  json_auto_t *row = schedule_load(sql, id, error);
  if (row == NULL || !state_is(row, verdict == SCHEDULE_SUBMIT || verdict == SCHEDULE_DROP ? "draft" : "submitted", error)) return FALSE;
  switch (verdict) {
  case SCHEDULE_SUBMIT: return submit(sql, actor, id, error);
  case SCHEDULE_APPROVE: return approve(sql, actor, row, from_date, note ? note : "", error);
  case SCHEDULE_WITHDRAW: return sql_exec(sql, "UPDATE schedule SET state = 'draft' WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  case SCHEDULE_RETURN:
    if (note == NULL || note[0] == '\0') return throw(error, LANTAI_ERROR_INVALID, "退回请写明理由");
    return sql_exec(sql, "UPDATE schedule SET state = 'draft', decided_by = $1, decided_at = $2, note = $3 WHERE id = $4",
      SQL_ARGS(sql_text(actor), sql_int(clock_now_us()), sql_text(note), sql_int(id)), error);
  case SCHEDULE_DROP:
    return sql_exec(sql, "DELETE FROM schedule_line WHERE schedule_id = $1", SQL_ARGS(sql_int(id)), error) &&
      sql_exec(sql, "DELETE FROM schedule WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  }
  return FALSE;
}

/* ---- what differs ---- */

static json_t *line_of(json_t *lines, const char *code) {
  size_t i;
  json_t *line;
  json_array_foreach(lines, i, line) {
    if (g_str_equal(text_at(line, "code"), code)) return line;
  }
  return NULL;
}

static char *line_words(json_t *line) {
  return g_strdup_printf("%s：%s（%s%s%s）%s", text_at(line, "path"), text_at(line, "matter"), text_at(line, "retention"), text_at(line, "opening")[0] ? "，" : "",
    text_at(line, "opening"), text_at(line, "note"));
}

json_t *schedule_compare(json_t *before, json_t *after) {
  json_t *changes = json_array(), *line;
  size_t i;
  json_array_foreach(after, i, line) {
    json_t *former = line_of(before, text_at(line, "code"));
    g_autofree char *was = former == NULL ? g_strdup("") : line_words(former), *is = line_words(line);
    if (!g_str_equal(was, is))
      json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:s}", "code", text_at(line, "code"), "what", former ? "修改" : "增加", "before", was, "after", is));
  }
  json_array_foreach(before, i, line) {
    if (line_of(after, text_at(line, "code")) != NULL) continue;
    g_autofree char *was = line_words(line);
    json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:s}", "code", text_at(line, "code"), "what", "去掉", "before", was, "after", ""));
  }
  return changes;
}

/* ---- rebuilding ---- */

static gboolean replay_approve(Sql *sql, json_t *data, GError **error) {
  gint64 id = int_at(data, "id");
  return sql_exec(sql, "INSERT INTO schedule (id, fonds_id, number, state, from_date, made_by, made_at, submitted_by, submitted_at, decided_by, decided_at, note) "
    "VALUES ($1, $2, $3, 'approved', $4, $5, $6, $7, $8, $9, $10, $11)", SQL_ARGS(sql_int(id), sql_int(int_at(data, "fonds_id")),
    sql_int(int_at(data, "number")), sql_int(int_at(data, "from_date")), sql_text(text_at(data, "made_by")), sql_int(int_at(data, "made_at")),
    sql_text(text_at(data, "submitted_by")), sql_int(int_at(data, "submitted_at")), sql_text(text_at(data, "decided_by")),
    sql_int(int_at(data, "decided_at")), sql_text(text_at(data, "note"))), error) && lines_insert(sql, id, json_object_get(data, "lines"), error);
}


gboolean schedule_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = json_string_value(json_object_get(event, "action"));
  json_t *data = json_object_get(event, "data");
  if (g_str_equal(action, "schedule.approve")) return replay_approve(sql, data, error);
  return schedule_assign_replay(sql, action, data, error);
}
