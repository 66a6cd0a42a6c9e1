/*
 * The order of a node's children where people gave one (child_place). Without one they stand by their codes.
 *
 * 1. A node has places for all its children or for none; who comes later stands at the end.
 * 2. Places are far apart; a child goes between two others without touching them. Where there is no room left, the node's places are given anew.
 * 3. What follows from an event is the same in every archive that has the same children: so a rebuild has the same order.
 */
#include "move.h"

enum { STEP = 1024, LIMIT_MAX = 1000 };

/* Whether any node has an order: known once per transaction, so that loads pay nothing. */
static gboolean any_order(Sql *sql) {
  static const char key[] = "catalog.order";
  gint64 *known = sql_get_data(sql, key);
  if (known == NULL) {
    known = g_new(gint64, 1);
    *known = sql_number(sql, "SELECT EXISTS (SELECT 1 FROM child_place) AS found", SQL_NONE, 0, NULL);
    sql_set_data(sql, key, known, g_free);
  }
  return *known != 0;
}

static void order_known(Sql *sql) {
  gint64 *known = g_new(gint64, 1);
  *known = 1;
  sql_set_data(sql, "catalog.order", known, g_free);
}

gboolean order_exists(Sql *sql, gint64 parent_id, GError **error) {
  return sql_number(sql, "SELECT EXISTS (SELECT 1 FROM child_place WHERE parent_id = $1) AS found", SQL_ARGS(sql_int(parent_id)), 0, error) != 0;
}

gboolean order_enter(Sql *sql, gint64 parent_id, gint64 record_id, GError **error) {
  if (!any_order(sql)) return TRUE;
  return sql_exec(sql,
    "INSERT INTO child_place (parent_id, place, record_id) SELECT $1, last + $2, $3 FROM (SELECT place AS last FROM child_place WHERE parent_id = $1 ORDER BY place DESC "
    "LIMIT 1) AS at", SQL_ARGS(sql_int(parent_id), sql_int(STEP), sql_int(record_id)), error);
}

gboolean order_leave(Sql *sql, gint64 record_id, GError **error) {
  return !any_order(sql) || sql_exec(sql, "DELETE FROM child_place WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
}

/* ---- giving an order ---- */

/* Places for all children: as they stand, else as their codes go. */
static gboolean spread(Sql *sql, gint64 parent_id, gboolean existing, GError **error) {
  if (!existing)
    return sql_exec(sql,
      "INSERT INTO child_place (parent_id, place, record_id) SELECT $1, ROW_NUMBER() OVER (ORDER BY code, id) * $2, id FROM record WHERE parent_id = $1",
      SQL_ARGS(sql_int(parent_id), sql_int(STEP)), error);
  /* Below zero first, so that no two places meet on the way. */
  return sql_exec(sql,
           "UPDATE child_place SET place = -n.place FROM (SELECT record_id, ROW_NUMBER() OVER (ORDER BY place) * $1 AS place FROM child_place WHERE parent_id = $2) AS n "
           "WHERE child_place.parent_id = $2 AND child_place.record_id = n.record_id", SQL_ARGS(sql_int(STEP), sql_int(parent_id)), error) &&
         sql_exec(sql, "UPDATE child_place SET place = -place WHERE parent_id = $1 AND place < 0", SQL_ARGS(sql_int(parent_id)), error);
}

/* The free room before a child (0: at the end): *ret_from, and how much. */
static gboolean room_before(Sql *sql, gint64 parent_id, gint64 before, gsize count, gint64 *ret_from, gint64 *ret_room, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 to = before == 0 ? 0 : sql_number(sql, "SELECT place FROM child_place WHERE record_id = $1 AND parent_id = $2", SQL_ARGS(sql_int(before), sql_int(parent_id)), 0,
    &local);
  if (local == NULL && before != 0 && to == 0) return throw(error, LANTAI_ERROR_CONFLICT, "要排在其前面的档案已不在这里，请刷新后再排");
  gint64 from = local != NULL ? 0 : before == 0
    ? sql_number(sql, "SELECT place FROM child_place WHERE parent_id = $1 ORDER BY place DESC LIMIT 1", SQL_ARGS(sql_int(parent_id)), 0, &local)
    : sql_number(sql, "SELECT place FROM child_place WHERE parent_id = $1 AND place < $2 ORDER BY place DESC LIMIT 1", SQL_ARGS(sql_int(parent_id),
        sql_int(to)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  *ret_from = from;
  *ret_room = before == 0 ? (gint64)(count + 1) * STEP : to - from;
  return TRUE;
}

gboolean order_begin(Sql *sql, gint64 parent_id, GError **error) {
  g_autoptr(GError) local = NULL;
  gboolean existing = order_exists(sql, parent_id, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  order_known(sql);
  return existing || spread(sql, parent_id, FALSE, error);
}

static gboolean put(Sql *sql, gint64 parent_id, const gint64 *ids, gsize count, gint64 before, GError **error) {
  if (!order_begin(sql, parent_id, error)) return FALSE;
  for (gsize i = 0; i < count; i++) {
    if (!sql_exec(sql, "DELETE FROM child_place WHERE record_id = $1 AND parent_id = $2", SQL_ARGS(sql_int(ids[i]), sql_int(parent_id)), error)) return FALSE;
    if (sql_changes(sql) == 0) return throw(error, LANTAI_ERROR_CONFLICT, "要移动的档案已不在这里，请刷新后再排");
  }
  gint64 from, room;
  if (!room_before(sql, parent_id, before, count, &from, &room, error)) return FALSE;
  for (int tries = 0; room <= (gint64)count; tries++) { /* invariant 2 */
    if (tries > 0) return throw(error, LANTAI_ERROR_TOO_LARGE, "一次排序的档案太多，请每次不超过 %d 件", STEP / 2);
    if (!spread(sql, parent_id, TRUE, error) || !room_before(sql, parent_id, before, count, &from, &room, error)) return FALSE;
  }
  gint64 step = room / (gint64)(count + 1);
  for (gsize i = 0; i < count; i++)
    if (!sql_exec(sql, "INSERT INTO child_place (parent_id, place, record_id) VALUES ($1, $2, $3)",
          SQL_ARGS(sql_int(parent_id), sql_int(from + step * (gint64)(i + 1)), sql_int(ids[i])), error)) return FALSE;
  return TRUE;
}

gboolean order_put(const House *house, Sql *sql, const char *actor, gint64 parent_id, const gint64 *ids, gsize count, gint64 before, GError **error) {
  json_auto_t *moved = json_array();
  for (gsize i = 0; i < count; i++) {
    if (ids[i] == before) return throw(error, LANTAI_ERROR_INVALID, "不能把一件档案排在它自己前面");
    json_array_append_new(moved, json_integer(ids[i]));
  }
  if (!put(sql, parent_id, ids, count, before, error)) return FALSE;
  json_auto_t *data = json_pack("{s:O, s:I}", "ids", moved, "before", (json_int_t)before);
  return journal_append(sql, actor, "record.order", "record", parent_id, data, error) != 0;
}

gboolean order_drop(const House *house, Sql *sql, const char *actor, gint64 parent_id, GError **error) {
  json_auto_t *data = json_pack("{s:b}", "dropped", TRUE);
  return sql_exec(sql, "DELETE FROM child_place WHERE parent_id = $1", SQL_ARGS(sql_int(parent_id)), error) &&
         journal_append(sql, actor, "record.order", "record", parent_id, data, error) != 0;
}

gboolean order_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data"), *ids = json_object_get(data, "ids"), *id;
  gint64 parent_id = json_integer_value(json_object_get(json_object_get(event, "subject"), "id"));
  if (json_is_true(json_object_get(data, "dropped"))) return sql_exec(sql, "DELETE FROM child_place WHERE parent_id = $1", SQL_ARGS(sql_int(parent_id)), error);
  g_autoptr(GArray) moved = g_array_new(FALSE, FALSE, sizeof(gint64));
  size_t i;
  json_array_foreach(ids, i, id) {
    gint64 value = json_integer_value(id);
    g_array_append_val(moved, value);
  }
  return put(sql, parent_id, (const gint64 *)(void *)moved->data, moved->len, json_integer_value(json_object_get(data, "before")), error);
}

/* ---- reading ---- */

GPtrArray *order_children(Sql *sql, const Scope *scope, gint64 parent_id, gint64 after, guint limit, gint64 *ret_place, gboolean *ret_more, GError **error) {
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT place, record_id FROM child_place WHERE parent_id = $1 AND place > $2 ORDER BY place", SQL_ARGS(sql_int(parent_id),
    sql_int(after)), error);
  g_autoptr(GError) local = NULL;
  *ret_more = FALSE;
  while (rows != NULL && !*ret_more && sql_next(rows, &local)) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, sql_int_at(rows, 1), NULL);
    if (record == NULL) continue; /* not to be seen */
    *ret_more = records->len == MIN(limit, LIMIT_MAX);
    if (*ret_more) break;
    *ret_place = sql_int_at(rows, 0);
    g_ptr_array_add(records, g_steal_pointer(&record));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return rows == NULL ? NULL : g_steal_pointer(&records);
}

gint64 order_neighbour(Sql *sql, gint64 parent_id, gint64 record_id, gboolean behind, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(parent_id), sql_int(record_id));
  return behind
    ? sql_number(sql, "SELECT n.record_id FROM child_place AS n WHERE n.parent_id = $1 AND n.place > (SELECT c.place FROM child_place AS c WHERE c.record_id = $2) "
        "ORDER BY n.place LIMIT 1", args, 0, error)
    : sql_number(sql, "SELECT n.record_id FROM child_place AS n WHERE n.parent_id = $1 AND n.place < (SELECT c.place FROM child_place AS c WHERE c.record_id = $2) "
        "ORDER BY n.place DESC LIMIT 1", args, 0, error);
}
