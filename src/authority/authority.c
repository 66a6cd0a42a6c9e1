/*
 * Authority records: checked, cleaned, written, told, replayed.
 *
 * 1. A row is written by authority_write alone, from its whole JSON; an event holds every row it wrote ("after"), so a replay is a row of writes.
 * 2. Nothing is taken out of the table: what is deleted or merged keeps its row, its number and its history, and can come back.
 * 3. Its names are found (name.c) only while it lives.
 */
#include "internal.h"

enum { NAMES_MOST = 60, NAME_CHARACTERS = 300, TEXT_CHARACTERS = 20000, PARENTS_MOST = 20 };

const Word AUTHORITY_KINDS[] = {{"body", "机构"}, {"person", "人物"}, {"family", "家族"}, {"place", "地名"}, {"topic", "专题"}, {"event", "事件"}, {NULL, NULL}};
const Word NAME_TYPES[] = {{"former", "曾用名（旧称）"}, {"short", "简称"}, {"alias", "别名"}, {"courtesy", "字号"}, {"pen", "笔名"}, {"variant", "异体（异写）"},
  {"foreign", "外文名"}, {"other", "其他"}, {NULL, NULL}};

/* Texts of the description, with their names in the history. */
static const Word TEXTS[] = {{"begin", "起始时间"}, {"end", "终止时间"}, {"history", "沿革（生平）"}, {"places", "所在地"}, {"functions", "职能"}, {"sources", "依据"}, {"note",
  "附注"}, {NULL, NULL}};

const char *word_label(const Word *words, const char *name) {
  for (; words->name != NULL; words++)
    if (g_strcmp0(words->name, name) == 0) return words->label;
  return name != NULL ? name : "";
}

json_t *word_choices(const Word *words, const char *chosen) {
  json_t *list = json_array();
  for (; words->name != NULL; words++)
    json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "value", words->name, "label", words->label, "chosen", g_strcmp0(words->name, chosen) == 0));
  return list;
}

static gboolean is_word(const Word *words, const char *name) {
  for (; words->name != NULL; words++)
    if (g_strcmp0(words->name, name) == 0) return TRUE;
  return FALSE;
}

gboolean kind_is_topical(const char *kind) { return g_strcmp0(kind, "topic") == 0 || g_strcmp0(kind, "event") == 0; }

void set_text(json_t *object, const char *key, const char *text) { json_object_set_new(object, key, json_string(text)); }

/* ---- rows ---- */

/* What the column data holds; the rest are columns. */
static json_t *data_of(json_t *authority) {
  json_t *data = json_object();
  for (const Word *text = TEXTS; text->name != NULL; text++) set_text(data, text->name, text_at(authority, text->name));
  json_t *names = json_object_get(authority, "names");
  json_object_set_new(data, "names", names != NULL ? json_incref(names) : json_array());
  json_object_set_new(data, "cover", json_integer(int_at(authority, "cover")));
  return data;
}

#define AUTHORITY_COLUMNS "SELECT a.id, a.rev, a.kind, a.state, a.merged_into, a.parent_id, a.name, a.synonyms, a.data "
#define AUTHORITY_SELECT AUTHORITY_COLUMNS "FROM authority AS a "

static void unfold(json_t *row) {
  json_auto_t *data = json_loads(text_at(row, "data"), 0, NULL);
  json_object_del(row, "data");
  json_object_update(row, data);
  json_object_set_new(row, "synonyms", json_boolean(int_at(row, "synonyms") != 0));
}

static json_t *unfold_all(json_t *rows) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) unfold(row);
  return rows;
}

json_t *authority_load(Sql *sql, gint64 id, GError **error) {
  json_auto_t *rows = sql_json(sql, AUTHORITY_SELECT "WHERE a.id = $1", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  if (json_array_size(rows) == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号规范记录或专题", id);
  unfold_all(rows);
  return json_incref(json_array_get(rows, 0));
}

gboolean authority_write(Sql *sql, json_t *authority, GError **error) {
  json_auto_t *data = data_of(authority);
  char *text = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);
  const char *kind = text_at(authority, "kind");
  gboolean written = sql_exec(sql,
    "INSERT INTO authority (id, rev, kind, topical, state, merged_into, parent_id, name, synonyms, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
    "ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, kind = excluded.kind, topical = excluded.topical, state = excluded.state, "
    "merged_into = excluded.merged_into, parent_id = excluded.parent_id, name = excluded.name, synonyms = excluded.synonyms, data = excluded.data",
    SQL_ARGS(sql_int(int_at(authority, "id")), sql_int(int_at(authority, "rev")), sql_text(kind), sql_int(kind_is_topical(kind)),
      sql_text(text_at(authority, "state")), sql_int(int_at(authority, "merged_into")), sql_int(int_at(authority, "parent_id")),
      sql_text(text_at(authority, "name")), sql_int(json_is_true(json_object_get(authority, "synonyms"))), sql_text(text)), error);
  free(text);
  return written && names_write(sql, authority, error);
}

/* ---- checking ---- */

static gboolean clean_text(json_t *given, json_t *clean, const Word *text, GError **error) {
  gboolean lines = !g_str_equal(text->name, "begin") && !g_str_equal(text->name, "end");
  g_autofree char *value = text_clean(text_at(given, text->name), lines);
  if (text_length(value) > TEXT_CHARACTERS) return throw(error, LANTAI_ERROR_INVALID, "“%s”最多 %d 个字", text->label, TEXT_CHARACTERS);
  set_text(clean, text->name, value);
  return TRUE;
}

static gboolean clean_names(json_t *given, json_t *clean, GError **error) {
  json_t *names = json_array(), *row;
  json_object_set_new(clean, "names", names);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  size_t i;
  json_array_foreach(json_object_get(given, "names"), i, row) {
    g_autofree char *name = text_clean(text_at(row, "name"), FALSE), *dates = text_clean(text_at(row, "dates"), FALSE);
    const char *type = text_at(row, "type");
    if (*name == '\0') continue;
    if (*type == '\0') type = "other";
    if (!is_word(NAME_TYPES, type)) return throw(error, LANTAI_ERROR_INVALID, "其他名称“%s”：没有“%s”这种名称类型", name, type);
    if (text_length(name) > NAME_CHARACTERS) return throw(error, LANTAI_ERROR_INVALID, "其他名称最多 %d 个字", NAME_CHARACTERS);
    if (!g_hash_table_add(seen, g_strconcat(type, "\n", name, "\n", dates, NULL))) continue;
    json_array_append_new(names, json_pack("{s:s, s:s, s:s}", "name", name, "type", type, "dates", dates));
  }
  return json_array_size(names) <= NAMES_MOST || throw(error, LANTAI_ERROR_INVALID, "其他名称最多 %d 个", NAMES_MOST);
}

/* Where a name came from by a merge stays known when the record is edited, so that the merge can still be undone. */
static void keep_origins(json_t *before, json_t *clean) {
  size_t i, k;
  json_t *was, *is;
  json_array_foreach(json_object_get(before, "names"), i, was) {
    json_array_foreach(json_object_get(clean, "names"), k, is) {
      if (int_at(was, "from") != 0 && g_str_equal(text_at(was, "name"), text_at(is, "name"))) json_object_set(is, "from", json_object_get(was, "from"));
    }
  }
}

static gboolean check_dates(json_t *clean, GError **error) {
  DateSpan begin = {0, 0}, end = {0, 0};
  if (!date_parse(text_at(clean, "begin"), &begin)) return throw(error, LANTAI_ERROR_INVALID, "起始时间“%s”不是日期。可写 1949、1949年10月、约1949年、民国三十八年", text_at(clean,
    "begin"));
  if (!date_parse(text_at(clean, "end"), &end)) return throw(error, LANTAI_ERROR_INVALID, "终止时间“%s”不是日期。可写 1958、1958-03、195×；尚存的留空", text_at(clean, "end"));
  if (begin.from != 0 && end.to != 0 && end.to < begin.from) return throw(error, LANTAI_ERROR_INVALID, "终止时间 %s 早于起始时间 %s", text_at(clean, "end"),
    text_at(clean, "begin"));
  return TRUE;
}

static gboolean check_parent(Sql *sql, json_t *clean, GError **error) {
  gint64 id = int_at(clean, "id"), parent = int_at(clean, "parent_id");
  for (guint depth = 0; parent != 0; depth++) {
    if (parent == id || depth > PARENTS_MOST) return throw(error, LANTAI_ERROR_INVALID, "上级专题不能是它自己或它的下级");
    json_auto_t *above = authority_load(sql, parent, error);
    if (above == NULL) return FALSE;
    if (!kind_is_topical(text_at(above, "kind")) || !kind_is_topical(text_at(clean, "kind"))) return throw(error, LANTAI_ERROR_INVALID, "只有专题和事件有上级专题，上级也须是专题");
    if (!g_str_equal(text_at(above, "state"), "live")) return throw(error, LANTAI_ERROR_INVALID, "上级专题“%s”已删除", text_at(above, "name"));
    parent = int_at(above, "parent_id");
  }
  return TRUE;
}

static gboolean check_twin(Sql *sql, json_t *clean, GError **error) {
  json_auto_t *twins = sql_json(sql, AUTHORITY_SELECT "WHERE a.state = 'live' AND a.kind = $1 AND a.name = $2 AND a.id <> $3 LIMIT 100",
    SQL_ARGS(sql_text(text_at(clean, "kind")), sql_text(text_at(clean, "name")), sql_int(int_at(clean, "id"))), error);
  if (twins == NULL) return FALSE;
  unfold_all(twins);
  size_t i;
  json_t *twin;
  json_array_foreach(twins, i, twin) {
    if (g_str_equal(text_at(twin, "begin"), text_at(clean, "begin")) && int_at(twin, "parent_id") == int_at(clean, "parent_id"))
      return throw(error, LANTAI_ERROR_CONFLICT, "已有%s“%s”（第 %" G_GINT64_FORMAT " 号）。若确是另一个，请写明不同的起始时间，或在名称后加以区别", word_label(AUTHORITY_KINDS,
        text_at(clean, "kind")), text_at(clean, "name"), int_at(twin, "id"));
  }
  return TRUE;
}

static json_t *cleaned(Sql *sql, json_t *given, json_t *before, GError **error) {
  json_auto_t *clean = json_object();
  const char *kind = text_at(given, "kind");
  if (!is_word(AUTHORITY_KINDS, kind)) return throw_null(error, LANTAI_ERROR_INVALID, "请选择种类：机构、人物、家族、地名、专题或事件");
  if (before != NULL && kind_is_topical(kind) != kind_is_topical(text_at(before, "kind"))) return throw_null(error, LANTAI_ERROR_INVALID, "专题不能改成人名、机构名，反之也不能");
  g_autofree char *name = text_clean(text_at(given, "name"), FALSE);
  if (*name == '\0') return throw_null(error, LANTAI_ERROR_INVALID, "请填写规范名称");
  if (text_length(name) > NAME_CHARACTERS) return throw_null(error, LANTAI_ERROR_INVALID, "规范名称最多 %d 个字", NAME_CHARACTERS);
  json_object_update_new(clean, json_pack("{s:I, s:I, s:s, s:s, s:i, s:I, s:s, s:b, s:I}", "id", (json_int_t)int_at(given, "id"), "rev",
    (json_int_t)int_at(before, "rev"),
    "kind", kind, "state", "live", "merged_into", 0, "parent_id", (json_int_t)int_at(given, "parent_id"), "name", name, "synonyms",
    json_is_true(json_object_get(given, "synonyms")), "cover", (json_int_t)int_at(given, "cover")));
  for (const Word *text = TEXTS; text->name != NULL; text++)
    if (!clean_text(given, clean, text, error)) return NULL;
  if (!clean_names(given, clean, error)) return NULL;
  keep_origins(before, clean);
  if (!check_dates(clean, error) || !check_parent(sql, clean, error) || !check_twin(sql, clean, error)) return NULL;
  return g_steal_pointer(&clean);
}

/* ---- what changed, for the history ---- */

static char *names_text(json_t *authority) {
  GString *text = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(authority, "names"), i, row) {
    const char *dates = text_at(row, "dates");
    g_string_append_printf(text, "%s%s %s%s%s%s", i ? "；" : "", word_label(NAME_TYPES, text_at(row, "type")), text_at(row, "name"), *dates ? "（" : "",
      dates, *dates ? "）" : "");
  }
  return g_string_free(text, FALSE);
}

static char *parent_name(Sql *sql, json_t *authority) {
  json_auto_t *parent = authority == NULL || int_at(authority, "parent_id") == 0 ? NULL : authority_load(sql, int_at(authority, "parent_id"), NULL);
  return g_strdup(text_at(parent, "name"));
}

static void note_change(json_t *changes, const char *label, const char *before, const char *after) {
  if (!g_str_equal(before, after)) json_object_set_new(changes, label, json_pack("[s, s]", before, after));
}

json_t *authority_differences(Sql *sql, json_t *before, json_t *after) {
  json_t *changes = json_object();
  note_change(changes, "规范名称", text_at(before, "name"), text_at(after, "name"));
  note_change(changes, "种类", before ? word_label(AUTHORITY_KINDS, text_at(before, "kind")) : "", word_label(AUTHORITY_KINDS, text_at(after, "kind")));
  g_autofree char *names_before = names_text(before), *names_after = names_text(after), *above_before = parent_name(sql, before),
    *above_after = parent_name(sql, after);
  note_change(changes, "其他名称", names_before, names_after);
  note_change(changes, "上级专题", above_before, above_after);
  for (const Word *text = TEXTS; text->name != NULL; text++) note_change(changes, text->label, text_at(before, text->name), text_at(after, text->name));
  gboolean was = json_is_true(json_object_get(before, "synonyms")), is = json_is_true(json_object_get(after, "synonyms"));
  note_change(changes, "检索时互为同义词", before == NULL ? "" : was ? "是" : "否", is ? "是" : before == NULL ? "" : "否");
  g_autofree char *cover_before = g_strdup_printf("%" G_GINT64_FORMAT, int_at(before, "cover")), *cover_after = g_strdup_printf("%" G_GINT64_FORMAT,
    int_at(after, "cover"));
  note_change(changes, COVER_LABEL, int_at(before, "cover") ? cover_before : "", int_at(after, "cover") ? cover_after : "");
  return changes;
}

json_t *changes_list(json_t *changes) {
  json_t *list = json_array(), *pair;
  const char *label;
  json_object_foreach(changes, label, pair)
    json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "label", label, "before", json_array_get(pair, 0), "after", json_array_get(pair, 1)));
  return list;
}

char *dates_shown(json_t *authority) {
  const char *begin = text_at(authority, "begin"), *end = text_at(authority, "end");
  return *begin || *end ? g_strdup_printf("%s—%s", begin, end) : g_strdup("");
}

/* ---- changes ---- */

/* Writes the rows (ended by NULL), tells of them; takes changes. */
static gboolean put(Sql *sql, const char *actor, const char *action, gint64 id, json_t *changes, json_t *const *rows, GError **error) {
  json_t *after = json_array();
  json_auto_t *data = json_pack("{s:o, s:o}", "changes", changes, "after", after);
  for (; *rows != NULL; rows++) {
    json_object_set_new(*rows, "rev", json_integer(int_at(*rows, "rev") + 1));
    if (!authority_write(sql, *rows, error)) return FALSE;
    json_array_append_new(after, json_deep_copy(*rows));
  }
  return journal_append(sql, actor, action, "authority", id, data, error) != 0;
}

gint64 authority_save(Sql *sql, const char *actor, json_t *authority, gint64 expect_rev, GError **error) {
  gint64 id = int_at(authority, "id");
  json_auto_t *before = id == 0 ? NULL : authority_load(sql, id, error);
  if (id != 0 && before == NULL) return 0;
  if (before != NULL && !g_str_equal(text_at(before, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”已合并或删除，不能修改", text_at(before, "name"));
  if (before != NULL && expect_rev != 0 && int_at(before, "rev") != expect_rev)
    return throw(error, LANTAI_ERROR_CONFLICT, "“%s”在您打开以后已被别人改过，没有保存", text_at(before, "name"));
  json_auto_t *after = cleaned(sql, authority, before, error);
  if (after == NULL) return 0;
  if (id == 0) {
    id = sql_number(sql, "SELECT MAX(id) + 1 AS id FROM authority", SQL_NONE, 1, error);
    if (id <= 0) id = 1;
    json_object_set_new(after, "id", json_integer(id));
  }
  json_t *changes = authority_differences(sql, before, after);
  if (before != NULL && json_object_size(changes) == 0) return json_decref(changes), id;
  return put(sql, actor, before == NULL ? "authority.create" : "authority.update", id, changes, (json_t *const[]){after, NULL}, error) ? id : 0;
}

static gint64 ties(Sql *sql, gint64 id, GError **error) {
  return sql_number(sql,
    "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM record_link WHERE target_kind = 'authority' AND target_id = $1 LIMIT 1) AS l) + "
    "(SELECT COUNT(*) FROM authority_relation WHERE from_id = $1) + (SELECT COUNT(*) FROM authority_relation WHERE to_id = $1) + "
    "(SELECT COUNT(*) FROM authority WHERE merged_into = $1 AND merged_into > 0) + "
    "(SELECT COUNT(*) FROM authority WHERE parent_id = $1 AND topical = 1 AND state = 'live') AS ties", SQL_ARGS(sql_int(id)), -1, error);
}

static gboolean change_state(Sql *sql, const char *actor, gint64 id, const char *from, const char *to, const char *action, GError **error) {
  json_auto_t *row = authority_load(sql, id, error);
  if (row == NULL) return FALSE;
  if (!g_str_equal(text_at(row, "state"), from)) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”的状态已经变了，请刷新后再看", text_at(row, "name"));
  set_text(row, "state", to);
  if (g_str_equal(to, "live") && (!check_twin(sql, row, error) || !check_parent(sql, row, error))) return FALSE;
  return put(sql, actor, action, id, json_object(), (json_t *const[]){row, NULL}, error);
}

static AuthorityUse use_source;

void authority_set_use_source(AuthorityUse source) { use_source = source; }

static gboolean refuse_used(Sql *sql, gint64 id, GError **error) {
  json_auto_t *authority = use_source != NULL ? authority_load(sql, id, NULL) : NULL;
  g_autofree char *used = authority != NULL ? use_source(sql, text_at(authority, "kind"), text_at(authority, "name")) : NULL;
  return used == NULL || throw(error, LANTAI_ERROR_CONFLICT, "台账中还在用这个名称：%s。请先改那里的登记，再删除", used);
}

gboolean authority_delete(Sql *sql, const char *actor, gint64 id, GError **error) {
  gint64 count = ties(sql, id, error);
  if (count < 0) return FALSE;
  if (count > 0) return throw(error, LANTAI_ERROR_CONFLICT, "还有档案、关系或下级专题与它关联，不能删除。请先取消关联；同一机构有两条记录的，请用“合并”");
  if (!refuse_used(sql, id, error)) return FALSE;
  return change_state(sql, actor, id, "live", "deleted", "authority.delete", error);
}

gboolean authority_restore(Sql *sql, const char *actor, gint64 id, GError **error) {
  return change_state(sql, actor, id, "deleted", "live", "authority.restore", error);
}

/* ---- merging ---- */

static gboolean has_name(json_t *authority, const char *name) {
  if (g_str_equal(text_at(authority, "name"), name)) return TRUE;
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(authority, "names"), i, row) {
    if (g_str_equal(text_at(row, "name"), name)) return TRUE;
  }
  return FALSE;
}

static void take_name(json_t *into, const char *name, const char *type, const char *dates, gint64 from) {
  if (has_name(into, name)) return;
  json_array_append_new(json_object_get(into, "names"), json_pack("{s:s, s:s, s:s, s:I}", "name", name, "type", type, "dates", dates, "from",
    (json_int_t)from));
}

gboolean authority_merge(Sql *sql, const char *actor, gint64 from, gint64 into, GError **error) {
  json_auto_t *old = authority_load(sql, from, error);
  json_auto_t *kept = old == NULL ? NULL : authority_load(sql, into, error);
  if (kept == NULL) return FALSE;
  if (from == into) return throw(error, LANTAI_ERROR_INVALID, "请选择另一条记录");
  if (!g_str_equal(text_at(old, "state"), "live") || !g_str_equal(text_at(kept, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT,
    "其中一条已合并或删除，请刷新后再看");
  if (!g_str_equal(text_at(old, "kind"), text_at(kept, "kind"))) return throw(error, LANTAI_ERROR_INVALID, "种类不同，不能合并：一条是%s，一条是%s",
    word_label(AUTHORITY_KINDS, text_at(old, "kind")),
    word_label(AUTHORITY_KINDS, text_at(kept, "kind")));
  gint64 below = kind_is_topical(text_at(old, "kind")) ? sql_number(sql,
    "SELECT COUNT(*) AS n FROM authority WHERE parent_id = $1 AND topical = 1 AND state = 'live'",
    SQL_ARGS(sql_int(from)), 0, error) : 0;
  if (below > 0) return throw(error, LANTAI_ERROR_CONFLICT, "“%s”还有下级专题，请先移到别处", text_at(old, "name"));
  json_auto_t *was = json_deep_copy(kept);
  take_name(kept, text_at(old, "name"), "variant", "", from);
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(old, "names"), i, row) take_name(kept, text_at(row, "name"), text_at(row, "type"), text_at(row, "dates"), from);
  set_text(old, "state", "merged");
  json_object_set_new(old, "merged_into", json_integer(into));
  json_t *changes = authority_differences(sql, was, kept);
  json_object_set_new(changes, "并入", json_pack("[s, s]", "", text_at(old, "name")));
  return put(sql, actor, "authority.merge", into, changes, (json_t *const[]){old, kept, NULL}, error);
}

gboolean authority_unmerge(Sql *sql, const char *actor, gint64 from, GError **error) {
  json_auto_t *old = authority_load(sql, from, error);
  json_auto_t *kept = old == NULL ? NULL : authority_load(sql, int_at(old, "merged_into"), error);
  if (kept == NULL) return FALSE;
  if (!g_str_equal(text_at(old, "state"), "merged") || !g_str_equal(text_at(kept, "state"), "live")) return throw(error, LANTAI_ERROR_CONFLICT,
    "这次合并已经撤销，或合并后的记录已不在");
  json_auto_t *was = json_deep_copy(kept);
  json_t *names = json_object_get(kept, "names");
  for (size_t i = json_array_size(names); i > 0; i--)
    if (int_at(json_array_get(names, i - 1), "from") == from) json_array_remove(names, i - 1);
  set_text(old, "state", "live");
  json_object_set_new(old, "merged_into", json_integer(0));
  if (!check_twin(sql, old, error)) return FALSE;
  json_t *changes = authority_differences(sql, was, kept);
  json_object_set_new(changes, "并入", json_pack("[s, s]", text_at(old, "name"), ""));
  return put(sql, actor, "authority.unmerge", int_at(kept, "id"), changes, (json_t *const[]){old, kept, NULL}, error);
}

gint64 authority_resolve(Sql *sql, gint64 id) {
  for (guint depth = 0; id != 0 && depth < PARENTS_MOST; depth++) {
    json_auto_t *row = authority_load(sql, id, NULL);
    const char *state = text_at(row, "state");
    if (g_str_equal(state, "live")) return id;
    if (!g_str_equal(state, "merged")) return 0;
    id = int_at(row, "merged_into");
  }
  return 0;
}

/* ---- lists ---- */

json_t *authority_list(Sql *sql, const AuthorityAsk *ask, GError **error) {
  g_autofree char *key = ask->words == NULL ? g_strdup("") : name_key(ask->words);
  const char *name = ask->after_name ? ask->after_name : "";
  g_autofree char *part = g_utf8_substring(key, 0, MIN(g_utf8_strlen(key, -1), 6)), *beyond = g_strconcat(part, "\364\217\277\277", NULL),
    *kind = g_strdup(ask->kind ? ask->kind : "");
  json_t *rows;
  if (*key != '\0')
    rows = sql_json(sql, AUTHORITY_COLUMNS
      "FROM (SELECT DISTINCT p.authority_id AS id FROM authority_part AS p WHERE p.part >= $1 AND p.part < $2) AS f CROSS JOIN authority AS a "
      "WHERE a.id = f.id AND a.state = 'live' "
      "AND a.topical = $3 AND ($4 = '' OR a.kind = $4) AND (a.name, a.id) > ($5, $6) "
      "AND EXISTS (SELECT 1 FROM authority_name AS n WHERE n.authority_id = a.id AND INSTR(n.folded, $7) > 0) ORDER BY a.name, a.id LIMIT $8",
      SQL_ARGS(sql_text(part), sql_text(beyond), sql_int(ask->topical), sql_text(kind), sql_text(name), sql_int(ask->after_id), sql_text(key),
        sql_int(ask->limit)), error);
  else if (ask->kind != NULL)
    rows = sql_json(sql, AUTHORITY_SELECT "WHERE a.state = 'live' AND a.kind = $1 AND (a.name, a.id) > ($2, $3) ORDER BY a.name, a.id LIMIT $4",
      SQL_ARGS(sql_text(kind), sql_text(name), sql_int(ask->after_id), sql_int(ask->limit)), error);
  else
    rows = sql_json(sql, AUTHORITY_SELECT "WHERE a.state = 'live' AND a.topical = $1 AND (a.name, a.id) > ($2, $3) ORDER BY a.name, a.id LIMIT $4",
      SQL_ARGS(sql_int(ask->topical), sql_text(name), sql_int(ask->after_id), sql_int(ask->limit)), error);
  return rows == NULL ? NULL : unfold_all(rows);
}
