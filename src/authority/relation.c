/* How authorities stand to one another; a relation is kept once and read from both ends. */
#include "internal.h"

const RelationKind RELATION_KINDS[] = {
  {"successor", "后继", "前身", "对方接替本单位", "本单位接替对方"}, {"merged", "并入", "由其并入", "本单位并入对方", "对方并入本单位"},
  {"superior", "上级", "下级", "对方是上级", "对方是下级"}, {"member", "所在机构", "成员", "对方是所在的机构", "对方是成员"}, {"kin", "亲属", "亲属", NULL, NULL},
  {"associate", "相关", "相关", NULL, NULL}, {NULL, NULL, NULL, NULL, NULL},
};

static const RelationKind *relation_kind(const char *kind) {
  for (const RelationKind *each = RELATION_KINDS; each->kind != NULL; each++)
    if (g_strcmp0(each->kind, kind) == 0) return each;
  return NULL;
}

static gboolean write_relation(Sql *sql, json_t *relation, GError **error) {
  return sql_exec(sql, "INSERT INTO authority_relation (id, from_id, to_id, kind, dates, note) VALUES ($1, $2, $3, $4, $5, $6)",
    SQL_ARGS(sql_int(int_at(relation, "id")), sql_int(int_at(relation, "from")), sql_int(int_at(relation, "to")), sql_text(text_at(relation, "kind")),
      sql_text(text_at(relation, "dates")), sql_text(text_at(relation, "note"))), error);
}

static gboolean erase_relation(Sql *sql, gint64 id, GError **error) {
  return sql_exec(sql, "DELETE FROM authority_relation WHERE id = $1", SQL_ARGS(sql_int(id)), error);
}

/* Its number is the event's that told of it: never used twice, and the same in a rebuild. */
static gboolean tell(Sql *sql, const char *actor, const char *action, json_t *relation, const char *before, const char *after, gint64 *ret_event,
  GError **error) {
  const RelationKind *kind = relation_kind(text_at(relation, "kind"));
  json_auto_t *data = json_pack("{s:{s:[s, s]}, s:O}", "changes", kind ? kind->forth : "", before, after, "relation", relation);
  *ret_event = journal_append(sql, actor, action, "authority", int_at(relation, "from"), data, error);
  return *ret_event != 0;
}

gboolean authority_relate(Sql *sql, const char *actor, json_t *given, GError **error) {
  gint64 from = int_at(given, "from"), to = int_at(given, "to"), event;
  const RelationKind *kind = relation_kind(text_at(given, "kind"));
  if (kind == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择关系");
  if (from == to) return throw(error, LANTAI_ERROR_INVALID, "不能与自己建立关系");
  json_auto_t *one = authority_load(sql, from, error);
  json_auto_t *other = one == NULL ? NULL : authority_load(sql, to, error);
  if (other == NULL) return FALSE;
  if (!g_str_equal(text_at(one, "state"), "live") || !g_str_equal(text_at(other, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT, "其中一方已合并或删除");
  g_autoptr(GError) local = NULL;
  gint64 there = sql_number(sql, "SELECT id FROM authority_relation WHERE from_id = $1 AND to_id = $2 AND kind = $3",
    SQL_ARGS(sql_int(from), sql_int(to), sql_text(kind->kind)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (there != 0) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”与“%s”之间已有这种关系", text_at(one, "name"), text_at(other, "name"));
  g_autofree char *dates = text_clean(text_at(given, "dates"), FALSE), *note = text_clean(text_at(given, "note"), FALSE);
  json_auto_t *relation = json_pack("{s:I, s:I, s:s, s:s, s:s}", "from", (json_int_t)from, "to", (json_int_t)to, "kind", kind->kind, "dates", dates, "note",
    note);
  if (!tell(sql, actor, "authority.relate", relation, "", text_at(other, "name"), &event, error)) return FALSE;
  json_object_set_new(relation, "id", json_integer(event));
  return write_relation(sql, relation, error);
}

gboolean authority_unrelate(Sql *sql, const char *actor, gint64 from, gint64 relation_id, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id, from_id AS \"from\", to_id AS \"to\", kind, dates, note FROM authority_relation WHERE id = $1",
    SQL_ARGS(sql_int(relation_id)), error);
  if (rows == NULL) return FALSE;
  json_t *relation = json_array_get(rows, 0);
  if (relation == NULL || (int_at(relation, "from") != from && int_at(relation, "to") != from)) return throw(error, LANTAI_ERROR_NOT_FOUND, "这个关系已经不在，请刷新");
  json_auto_t *other = authority_load(sql, int_at(relation, "to"), NULL);
  gint64 event;
  return tell(sql, actor, "authority.unrelate", relation, text_at(other, "name"), "", &event, error) && erase_relation(sql, relation_id, error);
}

gboolean relation_replay(Sql *sql, json_t *event, gboolean removed, GError **error) {
  json_t *relation = json_object_get(json_object_get(event, "data"), "relation");
  if (relation == NULL) return throw(error, LANTAI_ERROR_INVALID, "关系事件的内容不全");
  if (removed) return erase_relation(sql, int_at(relation, "id"), error);
  json_auto_t *row = json_copy(relation);
  json_object_set(row, "id", json_object_get(event, "id"));
  return write_relation(sql, row, error);
}

/* Also those of records merged into this one: it stands for them. */
json_t *relations_of(Sql *sql, gint64 id, GError **error) {
  json_auto_t *rows = sql_json(sql,
    "WITH RECURSIVE same (id) AS (SELECT $1 UNION ALL SELECT a.id FROM same JOIN authority AS a ON a.merged_into = same.id WHERE a.merged_into > 0) "
    "SELECT r.id, r.from_id AS \"from\", r.to_id AS other, r.kind, r.dates, r.note, 1 AS forth FROM same JOIN authority_relation AS r ON r.from_id = same.id "
    "UNION ALL SELECT r.id, r.from_id AS \"from\", r.from_id AS other, r.kind, r.dates, r.note, 0 AS forth FROM same JOIN authority_relation AS r ON r.to_id = same.id "
    "ORDER BY 4, 5, 1 LIMIT 2000", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  json_t *list = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    gint64 other = authority_resolve(sql, int_at(row, "other"));
    const RelationKind *kind = relation_kind(text_at(row, "kind"));
    json_auto_t *authority = other == 0 || other == id ? NULL : authority_load(sql, other, NULL);
    if (authority == NULL || kind == NULL) continue;
    g_autofree char *alive = dates_shown(authority);
    json_array_append_new(list, json_pack("{s:O, s:I, s:s, s:s, s:s, s:s, s:O, s:O}", "id", json_object_get(row, "id"), "other", (json_int_t)other, "name",
      text_at(authority, "name"), "alive", alive, "kind", kind->kind, "label", int_at(row, "forth") ? kind->forth : kind->back, "dates",
        json_object_get(row, "dates"),
      "note", json_object_get(row, "note")));
  }
  return list;
}
