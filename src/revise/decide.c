/*
 * What people decide of a revision before it is made: sent in, approved, returned, dropped; and of each conflict.
 *
 * 1. Who approves is another person than who made it, and sees every record of it.
 * 2. Each decision is an event: who, when, why.
 */
#include "internal.h"
#include <glib/gstdio.h>
#include <string.h>

static json_t *load_in(Sql *sql, gint64 id, const char *const *states, const char *otherwise, GError **error) {
  json_t *revision = revision_load(sql, id, error);
  if (revision == NULL || g_strv_contains(states, json_string_value(json_object_get(revision, "state")))) return revision;
  json_decref(revision);
  return throw_null(error, LANTAI_ERROR_CONFLICT, "%s", otherwise);
}

static gboolean tell(Sql *sql, const char *actor, const char *action, json_t *revision, const char *reason, GError **error) {
  json_auto_t *data = json_pack("{s:O, s:O, s:O, s:s}", "title", json_object_get(revision, "title"), "actor", json_object_get(revision, "actor"), "total",
    json_object_get(revision, "total"), "reason", reason);
  return journal_append(sql, actor, action, "revision", json_integer_value(json_object_get(revision, "id")), data, error) != 0;
}

/* ---- one person's form ---- */

gint64 revision_propose(const House *house, const Scope *scope, const char *actor, const CatalogRecord *before, const CatalogRecord *after, const char *why,
  GError **error) {
  json_auto_t *changes = catalog_record_diff(before, after);
  if (changes == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有改动，不用送审"), 0;
  g_autofree char *title = g_strdup_printf("%s：%s %s", why, before->code, before->title);
  json_auto_t *counts = json_object();
  const char *key;
  json_t *pair;
  json_object_foreach(changes, key, pair) json_object_set_new(counts, key, json_integer(1));
  g_autofree char *counts_text = json_dumps(counts, JSON_COMPACT | JSON_SORT_KEYS);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !catalog_change_check(house, sql, after, error)) return 0;
  gint64 id = revision_insert(sql, actor, title, "form", NULL, scope, "awaiting", error);
  json_auto_t *revision = json_pack("{s:I, s:s, s:s, s:i}", "id", (json_int_t)id, "title", title, "actor", actor, "total", 1);
  return id != 0 && revision_row_insert(sql, id, 1, before->id, ROW_WAITING, changes, NULL, NULL, error) &&
    sql_exec(sql, "UPDATE revision SET total = 1, counts = $1 WHERE id = $2", SQL_ARGS(sql_text(counts_text), sql_int(id)), error) &&
    tell(sql, actor, "revise.submit", revision, "", error) && sql_commit(sql, error) ? id : 0;
}

/* ---- approval ---- */

gboolean revision_submit(const House *house, gint64 id, const char *actor, GError **error) {
  static const char *const states[] = {"planned", NULL};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : load_in(sql, id, states, "只有预览后尚未执行的才能送审", error);
  if (revision == NULL) return FALSE;
  if (revision_rows(sql, id, ROW_WAITING) == 0) return throw(error, LANTAI_ERROR_INVALID, "没有可以执行的修改，不用送审");
  return sql_exec(sql, "UPDATE revision SET state = 'awaiting', reason = '' WHERE id = $1", SQL_ARGS(sql_int(id)), error) &&
    tell(sql, actor, "revise.submit", revision, "", error) && sql_commit(sql, error);
}

static gboolean all_seen(const House *house, Sql *sql, const Scope *scope, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT record_id FROM revision_row WHERE revision_id = $1 AND state = 0", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return FALSE;
  gint64 hidden = 0;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    SearchColumns columns;
    gboolean seen = search_columns(house->search, sql_int_at(rows, 0), &columns) &&
      scope_admits(scope, (Level)columns.level, columns.fonds_id, (Security)columns.security, (Opening)columns.opening);
    hidden += !seen;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return hidden == 0 || throw(error, LANTAI_ERROR_DENIED, "其中 %" G_GINT64_FORMAT " 件已删除或不在您的范围内，不能由您审批。请由看得到全部的人审批，或退回", hidden);
}

gboolean revision_approve(const House *house, const Scope *scope, gint64 id, const char *actor, GError **error) {
  static const char *const states[] = {"awaiting", NULL};
  {
    g_autoptr(Sql) sql = sql_write(house->db, error);
    json_auto_t *revision = sql == NULL ? NULL : load_in(sql, id, states, "这次修改不在等待审批", error);
    if (revision == NULL) return FALSE;
    if (g_str_equal(json_string_value(json_object_get(revision, "actor")), actor)) return throw(error, LANTAI_ERROR_DENIED, "不能审批自己提出的修改，请由另一人审批");
    if (!all_seen(house, sql, scope, id, error) || !tell(sql, actor, "revise.approve", revision, "", error) ||
      !sql_exec(sql, "UPDATE revision SET decided_by = $1, decided_us = $2 WHERE id = $3", SQL_ARGS(sql_text(actor), sql_int(clock_now_us()), sql_int(id)), error) ||
      !sql_commit(sql, error)) return FALSE;
  }
  return revision_begin(house, id, actor, FALSE, error);
}

gboolean revision_return(const House *house, gint64 id, const char *actor, const char *reason, GError **error) {
  static const char *const states[] = {"awaiting", NULL};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : load_in(sql, id, states, "这次修改不在等待审批", error);
  if (revision == NULL) return FALSE;
  if (reason == NULL) return throw(error, LANTAI_ERROR_INVALID, "请写明退回的理由");
  return sql_exec(sql, "UPDATE revision SET state = 'returned', decided_by = $1, decided_us = $2, reason = $3 WHERE id = $4",
    SQL_ARGS(sql_text(actor), sql_int(clock_now_us()), sql_text(reason), sql_int(id)), error) &&
    tell(sql, actor, "revise.return", revision, reason, error) && sql_commit(sql, error);
}

/* ---- what was never made ---- */

gboolean revision_drop(const House *house, gint64 id, GError **error) {
  static const char *const states[] = {"planning", "planned", "returned", "awaiting", NULL};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : load_in(sql, id, states, "已经执行过的不能丢弃，只能撤销", error);
  if (revision == NULL || !sql_exec(sql, "DELETE FROM revision_row WHERE revision_id = $1", SQL_ARGS(sql_int(id)), error) ||
    !sql_exec(sql, "DELETE FROM revision WHERE id = $1", SQL_ARGS(sql_int(id)), error) || !sql_commit(sql, error)) return FALSE;
  g_autofree char *path = sheet_path(house, id);
  g_unlink(path);
  return TRUE;
}

/* ---- conflicts ---- */

static gboolean choose_row(Sql *sql, gint64 id, json_t *row, gboolean wanted, GError **error) {
  json_auto_t *changes = json_loads(json_string_value(json_object_get(row, "changes")), 0, NULL);
  json_auto_t *conflict = json_loads(json_string_value(json_object_get(row, "conflict")), 0, NULL);
  const char *key;
  json_t *triple;
  json_object_foreach(conflict, key, triple)
    if (wanted) json_object_set_new(changes, key, json_pack("[O, O]", json_array_get(triple, 1), json_array_get(triple, 2)));
  g_autofree char *text = json_dumps(changes, JSON_COMPACT | JSON_SORT_KEYS);
  RowState state = json_object_size(changes) > 0 ? ROW_WAITING : ROW_LEFT;
  return sql_exec(sql, "UPDATE revision_row SET state = $1, changes = $2, problem = $3 WHERE revision_id = $4 AND place = $5",
    SQL_ARGS(sql_int(state), sql_text(text), sql_text(wanted ? "他人同时改过，已选用所要改成的内容" : "他人同时改过，已选择保留现在的内容"), sql_int(id),
      sql_int(json_integer_value(json_object_get(row, "place")))), error);
}

gboolean revision_choose(const House *house, gint64 id, gint64 place, gboolean wanted, GError **error) {
  static const char *const states[] = {"planned", NULL};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *revision = sql == NULL ? NULL : load_in(sql, id, states, "已经送审或执行，不能再选择", error);
  if (revision == NULL) return FALSE;
  json_auto_t *rows = place > 0
    ? sql_json(sql, "SELECT place, changes, conflict FROM revision_row WHERE revision_id = $1 AND state = 1 AND place = $2", SQL_ARGS(sql_int(id), sql_int(place)), error)
    : sql_json(sql, "SELECT place, changes, conflict FROM revision_row WHERE revision_id = $1 AND state = 1 ORDER BY place LIMIT 10000", SQL_ARGS(sql_int(id)), error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row)
    if (!choose_row(sql, id, row, wanted, error)) return FALSE;
  return rows != NULL && sql_exec(sql, "UPDATE revision SET total = (SELECT COUNT(*) FROM revision_row WHERE revision_id = $1 AND state = 0) WHERE id = $1",
    SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}
