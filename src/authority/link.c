/*
 * What a record is tied to: authorities and topics in a role, other records in a relation.
 *
 * 1. A relation of two records is kept once, in one direction: RELATED says how it reads from either end; a symmetrical one goes from the lower number.
 * 2. A tie made by hand is an event of the record ("link.add", "link.remove"); its history names the authority, and never another record.
 */
#include "internal.h"

enum { LINKS_SHOWN = 200 };

const LinkRole LINK_ROLES[] = {
  {"creator", "责任者", FALSE}, {"founder", "立档单位", FALSE}, {"addressee", "受文者", FALSE}, {"subject", "涉及人物、机构", FALSE}, {"photographer", "拍摄者", FALSE},
  {"place", "涉及地点", FALSE}, {"topic", "专题", TRUE}, {NULL, NULL, FALSE},
};

static const struct { const char *role, *forth, *back; } RELATED[] = {
  {"see", "参见", "参见"}, {"reply", "回复", "被回复"}, {"attachment", "附件", "主件"}, {"copy", "原件", "复制件"}, {"next", "后一件", "前一件"},
  {"event", "同一事件", "同一事件"},
};

const char *role_label(const char *role) {
  for (const LinkRole *each = LINK_ROLES; each->role != NULL; each++)
    if (g_strcmp0(each->role, role) == 0) return each->label;
  return role;
}

static gboolean symmetrical(guint i) { return g_str_equal(RELATED[i].forth, RELATED[i].back); }

json_t *related_roles(void) {
  json_t *list = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(RELATED); i++) {
    json_array_append_new(list, json_pack("{s:s, s:s}", "value", RELATED[i].role, "label", RELATED[i].forth));
    g_autofree char *back = g_strconcat(RELATED[i].role, "-back", NULL);
    if (!symmetrical(i)) json_array_append_new(list, json_pack("{s:s, s:s}", "value", back, "label", RELATED[i].back));
  }
  return list;
}

gboolean related_link(const char *said, gint64 record_id, gint64 other_id, RecordLink *ret, GError **error) {
  for (guint i = 0; said != NULL && i < G_N_ELEMENTS(RELATED); i++) {
    gboolean back = g_str_has_suffix(said, "-back") && strlen(said) == strlen(RELATED[i].role) + 5;
    if (!g_str_has_prefix(said, RELATED[i].role) || (!back && !g_str_equal(said, RELATED[i].role))) continue;
    if (symmetrical(i)) back = record_id > other_id;
    *ret = (RecordLink){.record_id = back ? other_id : record_id, .to_record = TRUE, .target_id = back ? record_id : other_id, .role = RELATED[i].role};
    return TRUE;
  }
  return throw(error, LANTAI_ERROR_INVALID, "请选择两件档案的关系");
}

/* ---- one tie ---- */

static const char *kind_of(const RecordLink *link) { return link->to_record ? "record" : "authority"; }

static gboolean check_link(Sql *sql, const RecordLink *link, char **ret_name, GError **error) {
  if (link->to_record) {
    if (link->record_id == link->target_id) return throw(error, LANTAI_ERROR_INVALID, "不能与自己建立关系");
    *ret_name = NULL;
    return TRUE;
  }
  json_auto_t *authority = authority_load(sql, link->target_id, error);
  if (authority == NULL) return FALSE;
  if (!g_str_equal(text_at(authority, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”已合并或删除", text_at(authority, "name"));
  gboolean topical = kind_is_topical(text_at(authority, "kind"));
  for (const LinkRole *role = LINK_ROLES; role->role != NULL; role++)
    if (g_strcmp0(role->role, link->role) == 0 && role->topical == topical) return *ret_name = g_strdup(text_at(authority, "name")), TRUE;
  return throw(error, LANTAI_ERROR_INVALID, topical ? "档案与专题之间只有“专题”一种关联" : "请选择“%s”与档案的关系（责任者、受文者……）", text_at(authority, "name"));
}

static gboolean write_link(Sql *sql, json_t *link, gint64 gathering, GError **error) {
  return sql_exec(sql, "INSERT INTO record_link (record_id, target_kind, target_id, role, dates, note, gathering_id) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT DO NOTHING",
    SQL_ARGS(sql_int(int_at(link, "record")), sql_text(text_at(link, "target_kind")), sql_int(int_at(link, "target")), sql_text(text_at(link, "role")),
      sql_text(text_at(link, "dates")), sql_text(text_at(link, "note")), sql_int(gathering)), error);
}

static gboolean erase_link(Sql *sql, json_t *link, GError **error) {
  return sql_exec(sql, "DELETE FROM record_link WHERE record_id = $1 AND target_kind = $2 AND target_id = $3 AND role = $4",
    SQL_ARGS(sql_int(int_at(link, "record")), sql_text(text_at(link, "target_kind")), sql_int(int_at(link, "target")), sql_text(text_at(link, "role"))), error);
}

static gboolean tell(Sql *sql, const char *actor, const char *action, json_t *link, const char *name, GError **error) {
  gboolean added = g_str_equal(action, "link.add");
  json_auto_t *data = json_pack("{s:O}", "link", link);
  if (name != NULL) json_object_set_new(data, "changes", json_pack("{s:[s, s]}", role_label(text_at(link, "role")), added ? "" : name, added ? name : ""));
  return journal_append(sql, actor, action, "record", int_at(link, "record"), data, error) != 0;
}

static json_t *link_json(const RecordLink *link) {
  g_autofree char *dates = text_clean(link->dates ? link->dates : "", FALSE), *note = text_clean(link->note ? link->note : "", FALSE);
  return json_pack("{s:I, s:s, s:I, s:s, s:s, s:s}", "record", (json_int_t)link->record_id, "target_kind", kind_of(link), "target",
    (json_int_t)link->target_id, "role",
    link->role ? link->role : "", "dates", dates, "note", note);
}

gboolean link_add(Sql *sql, const char *actor, const RecordLink *link, GError **error) {
  g_autofree char *name = NULL;
  if (!check_link(sql, link, &name, error)) return FALSE;
  json_auto_t *json = link_json(link);
  if (!write_link(sql, json, 0, error)) return FALSE;
  return sql_changes(sql) == 0 || tell(sql, actor, "link.add", json, name, error);
}

gboolean link_remove(Sql *sql, const char *actor, const RecordLink *link, GError **error) {
  json_auto_t *json = link_json(link);
  json_auto_t *authority = link->to_record ? NULL : authority_load(sql, link->target_id, NULL);
  if (!erase_link(sql, json, error)) return FALSE;
  if (sql_changes(sql) == 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "这个关联已经不在，请刷新");
  return tell(sql, actor, "link.remove", json, authority ? text_at(authority, "name") : NULL, error);
}

gboolean link_replay(const House *house, Sql *sql, json_t *event, const char *action, GError **error) {
  if (g_str_equal(action, "link.gather") || g_str_equal(action, "link.ungather")) return gathering_replay(sql, event, g_str_equal(action, "link.ungather"),
    error);
  json_t *link = json_object_get(json_object_get(event, "data"), "link");
  if (link == NULL) return throw(error, LANTAI_ERROR_INVALID, "关联事件的内容不全");
  return g_str_equal(action, "link.add") ? write_link(sql, link, 0, error) : erase_link(sql, link, error);
}

/* ---- reading ---- */

static GArray *tied_ids(SqlRows *taken, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  if (rows == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(TRUE, FALSE, sizeof(gint64));
  int column = sql_column(rows, "record_id");
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    gint64 id = sql_int_at(rows, column);
    g_array_append_val(ids, id);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&ids);
}

GArray *authority_records(Sql *sql, gint64 authority_id, const char *role, GError **error) {
  return tied_ids(sql_query(sql,
    "WITH RECURSIVE same (id) AS (SELECT $1 UNION ALL SELECT a.id FROM same JOIN authority AS a ON a.merged_into = same.id WHERE a.merged_into > 0) "
    "SELECT DISTINCT l.record_id AS record_id FROM same CROSS JOIN record_link AS l WHERE l.target_kind = 'authority' AND l.target_id = same.id "
    "AND ($2 = '' OR l.role = $2) ORDER BY l.record_id", SQL_ARGS(sql_int(authority_id), sql_text(role ? role : "")), error), error);
}

GArray *topic_records(Sql *sql, gint64 topic_id, const char *role, GError **error) {
  return tied_ids(sql_query(sql,
    "WITH RECURSIVE all_of (id) AS (SELECT $1 UNION SELECT a.id FROM all_of JOIN authority AS a ON a.merged_into = all_of.id WHERE a.merged_into > 0 "
    "UNION SELECT a.id FROM all_of JOIN authority AS a ON a.parent_id = all_of.id WHERE a.topical = 1 AND a.state = 'live') "
    "SELECT DISTINCT l.record_id AS record_id FROM all_of CROSS JOIN record_link AS l WHERE l.target_kind = 'authority' AND l.target_id = all_of.id "
    "AND ($2 = '' OR l.role = $2) ORDER BY l.record_id", SQL_ARGS(sql_int(topic_id), sql_text(role ? role : "")), error), error);
}

/* Those of the records that are fonds, in order. */
static GArray *only_fonds(Sql *sql, GArray *taken, GError **error) {
  g_autoptr(GArray) ids = taken, fonds = g_array_new(TRUE, FALSE, sizeof(gint64));
  g_autoptr(GError) local = NULL;
  for (guint i = 0; i < ids->len && local == NULL; i++) {
    gint64 id = g_array_index(ids, gint64, i);
    if (sql_number(sql, "SELECT level FROM record WHERE id = $1", SQL_ARGS(sql_int(id)), 0, &local) == LEVEL_FONDS) g_array_append_val(fonds, id);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&fonds);
}

static GArray *founded_fonds(Sql *sql, gint64 authority_id, GError **error) {
  GArray *ids = authority_records(sql, authority_id, "founder", error);
  return ids == NULL ? NULL : only_fonds(sql, ids, error);
}

/* Adds the one fonds that is called so; none where several are. */
static gboolean titled_fonds(Sql *sql, const char *title, GArray *fonds, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id FROM record WHERE level = 1 AND title = $1 LIMIT 2", SQL_ARGS(sql_text(title)), error);
  if (rows == NULL) return FALSE;
  gint64 id = int_at(json_array_get(rows, 0), "id");
  if (json_array_size(rows) == 1) g_array_append_val(fonds, id);
  return TRUE;
}

GArray *body_fonds(Sql *sql, const char *name, GError **error) {
  gint64 body = *name == '\0' ? 0 : authority_named(sql, "body", name);
  g_autoptr(GArray) fonds = body == 0 ? g_array_new(TRUE, FALSE, sizeof(gint64)) : founded_fonds(sql, body, error);
  if (fonds == NULL || fonds->len > 0 || *name == '\0') return g_steal_pointer(&fonds);
  return titled_fonds(sql, name, fonds, error) ? g_steal_pointer(&fonds) : NULL;
}

json_t *fonds_of_authority(Sql *sql, const Scope *scope, gint64 authority_id, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autofree char *name = sql_string(sql, "SELECT name FROM authority WHERE id = $1 AND kind = 'body' AND state = 'live'", SQL_ARGS(sql_int(authority_id)), &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  g_autoptr(GArray) ids = founded_fonds(sql, authority_id, error);
  if (ids != NULL && ids->len == 0 && name != NULL && !titled_fonds(sql, name, ids, error)) return NULL;
  if (ids == NULL) return NULL;
  json_t *list = json_array();
  for (guint i = 0; i < ids->len; i++) {
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, scope, g_array_index(ids, gint64, i), NULL);
    if (fonds != NULL) json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds->id, "code", fonds->code, "title", fonds->title));
  }
  return list;
}

static json_t *tied_authorities(Sql *sql, gint64 record_id, GError **error) {
  return sql_json(sql, "SELECT target_id AS target, role, dates, note, gathering_id AS gathering FROM record_link WHERE record_id = $1 AND target_kind = 'authority' "
    "ORDER BY role <> 'founder', role, dates, target_id LIMIT $2", SQL_ARGS(sql_int(record_id), sql_int(LINKS_SHOWN)), error);
}

/* Two links to what is one by now are shown once. */
static void add_authority(Sql *sql, json_t *row, json_t *authorities, json_t *topics) {
  gint64 id = authority_resolve(sql, int_at(row, "target"));
  json_auto_t *authority = id == 0 ? NULL : authority_load(sql, id, NULL);
  if (authority == NULL) return;
  gboolean topical = kind_is_topical(text_at(authority, "kind"));
  json_t *list = topical ? topics : authorities, *other;
  size_t i;
  json_array_foreach(list, i, other) {
    if (int_at(other, "id") == id && g_str_equal(text_at(other, "role"), text_at(row, "role"))) return;
  }
  g_autofree char *alive = dates_shown(authority);
  json_array_append_new(list, json_pack("{s:I, s:O, s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:b}", "id", (json_int_t)id, "target", json_object_get(row,
    "target"), "name",
    text_at(authority, "name"), "kind", text_at(authority, "kind"), "alive", alive, "role", text_at(row, "role"), "role_label", role_label(text_at(row,
      "role")), "dates",
    json_object_get(row, "dates"), "note", json_object_get(row, "note"), "topical", topical));
}

static void add_related(Sql *sql, const Scope *scope, json_t *rows, gboolean back, json_t *list) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) other = catalog_record_load(sql, scope, int_at(row, "other"), NULL);
    if (other == NULL) continue;
    const char *label = "";
    for (guint k = 0; k < G_N_ELEMENTS(RELATED); k++)
      if (g_str_equal(RELATED[k].role, text_at(row, "role"))) label = back ? RELATED[k].back : RELATED[k].forth;
    json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:s, s:O, s:b}", "id", (json_int_t)other->id, "code", other->code, "title", other->title,
      "role",
      text_at(row, "role"), "role_label", label, "note", json_object_get(row, "note"), "back", back));
  }
}

gboolean links_of_record(Sql *sql, const Scope *scope, gint64 record_id, json_t *model, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(record_id), sql_int(LINKS_SHOWN));
  json_auto_t *tied = tied_authorities(sql, record_id, error);
  json_auto_t *forth = tied == NULL ? NULL : sql_json(sql,
    "SELECT target_id AS other, role, note FROM record_link WHERE record_id = $1 AND target_kind = 'record' ORDER BY role, target_id LIMIT $2", args, error);
  json_auto_t *back = forth == NULL ? NULL : sql_json(sql,
    "SELECT record_id AS other, role, note FROM record_link WHERE target_kind = 'record' AND target_id = $1 ORDER BY role, record_id LIMIT $2", args, error);
  if (back == NULL) return FALSE;
  json_t *authorities = json_array(), *topics = json_array(), *related = json_array(), *row;
  size_t i;
  json_array_foreach(tied, i, row) add_authority(sql, row, authorities, topics);
  add_related(sql, scope, forth, FALSE, related);
  add_related(sql, scope, back, TRUE, related);
  json_object_set_new(model, "authorities", authorities);
  json_object_set_new(model, "topics", topics);
  json_object_set_new(model, "related", related);
  return TRUE;
}

json_t *record_creators(Sql *sql, gint64 record_id, GError **error) {
  json_auto_t *tied = tied_authorities(sql, record_id, error);
  if (tied == NULL) return NULL;
  json_t *list = json_array(), *row;
  json_auto_t *none = json_array();
  size_t i;
  json_array_foreach(tied, i, row) {
    if (g_str_equal(text_at(row, "role"), "creator") || g_str_equal(text_at(row, "role"), "founder")) add_authority(sql, row, list, none);
  }
  return list;
}

/* ---- what keeps a record from being deleted ---- */

/* What was tied to bodies and persons in bulk follows from the description, and comes back with it: no reason to keep it. */
char *record_tied(Sql *sql, gint64 record_id, GError **error) {
  g_autofree char *listed = g_strdup_printf("%%,%" G_GINT64_FORMAT ",%%", record_id), *cover = g_strdup_printf("%%\"cover\":%" G_GINT64_FORMAT ",%%", record_id),
    *cover_last = g_strdup_printf("%%\"cover\":%" G_GINT64_FORMAT "}", record_id);
  json_auto_t *counts = sql_row_json(sql,
    "SELECT (SELECT COUNT(*) FROM record_link AS l JOIN authority AS a ON a.id = l.target_id WHERE l.record_id = $1 AND l.target_kind = 'authority' "
    "AND a.state <> 'deleted' AND (a.topical = 1 OR l.gathering_id = 0)) AS names, "
    "(SELECT COUNT(*) FROM record_link AS l JOIN record AS r ON r.id = l.target_id WHERE l.record_id = $1 AND l.target_kind = 'record') + "
    "(SELECT COUNT(*) FROM record_link AS l JOIN record AS r ON r.id = l.record_id WHERE l.target_kind = 'record' AND l.target_id = $1) AS records, "
    "(SELECT COUNT(*) FROM dossier_entry WHERE fonds_id = (SELECT fonds_id FROM record WHERE id = $1) "
    "AND REPLACE(REPLACE(records, '[', ','), ']', ',') LIKE $2) AS entries, "
    "(SELECT COUNT(*) FROM authority WHERE topical = 1 AND state = 'live' AND (data LIKE $3 OR data LIKE $4)) AS covers",
    SQL_ARGS(sql_int(record_id), sql_text(listed), sql_text(cover), sql_text(cover_last)), error);
  static const char *const WHATS[][3] = {{"names", "与", " 个机构、人物或专题有关联"}, {"records", "与", " 件档案有关联"}, {"entries", "列在", " 条全宗卷里"},
    {"covers", "是", " 个专题的封面"}};
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; counts != NULL && i < G_N_ELEMENTS(WHATS); i++)
    if (int_at(counts, WHATS[i][0]) > 0)
      g_string_append_printf(text, "%s%s %" G_GINT64_FORMAT "%s", text->len ? "，" : "", WHATS[i][1], int_at(counts, WHATS[i][0]), WHATS[i][2]);
  return text->len ? g_strdup(text->str) : NULL;
}
