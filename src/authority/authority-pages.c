/*
 * Pages of authorities and topics: lists, one with its records, the form, deletion, merging, relations.
 *
 * 1. Names and histories are for whoever may search; who changed them is for PERMISSION_HISTORY; records and their numbers are within the scope.
 * 2. A topic needs topic.edit to be changed, every other kind authority.edit: may_change decides, whatever the route's permission lets in.
 * 3. Who works for some fonds only changes no body: under which names it stands decides what such accounts see of the ledgers. Ties he makes, but no 立档单位.
 */
#include "internal.h"

enum { ROWS = 50, CHILDREN = 100, FOUND = 20, BLANK_NAMES = 3, EVENTS = 30 };

gboolean may_link(WebRequest *request, const char *kind, const char *role, GError **error) {
  const char *permission = kind_is_topical(kind) ? PERMISSION_TOPIC : PERMISSION_EDIT;
  if (!web_may(request, permission)) return throw(error, LANTAI_ERROR_DENIED, "您没有“%s”的权限", kind_is_topical(kind) ? "编辑专题" : "编辑名称规范");
  return g_strcmp0(role, "founder") != 0 || web_scope(request)->all_fonds ||
    throw(error, LANTAI_ERROR_DENIED, "您只负责部分全宗，不能改立档单位。请由负责全馆的人员修改");
}

gboolean may_change(WebRequest *request, const char *kind, GError **error) {
  if (!may_link(request, kind, NULL, error)) return FALSE;
  return !g_str_equal(kind, "body") || web_scope(request)->all_fonds ||
    throw(error, LANTAI_ERROR_DENIED, "您只负责部分全宗，不能改机构的名称和关系。请由负责全馆的人员修改");
}

/* What templates show beside what is kept. */
static void dress(json_t *authority) {
  g_autofree char *alive = dates_shown(authority);
  set_text(authority, "alive", alive);
  set_text(authority, "kind_label", word_label(AUTHORITY_KINDS, text_at(authority, "kind")));
  size_t i;
  json_t *name;
  json_array_foreach(json_object_get(authority, "names"), i, name) set_text(name, "type_label", word_label(NAME_TYPES, text_at(name, "type")));
}

static json_t *dress_all(json_t *list) {
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row) dress(row);
  return list;
}

/* ---- lists ---- */

static void add_next(WebRequest *request, json_t *model, json_t *rows, gsize limit) {
  if (json_array_size(rows) < limit) return;
  json_t *last = json_array_get(rows, limit - 1);
  g_autofree char *name = g_uri_escape_string(text_at(last, "name"), NULL, FALSE), *kind = web_text(request, "kind") ? g_uri_escape_string(web_text(request,
    "kind"), NULL, FALSE) : NULL;
  g_autofree char *q = web_text(request, "q") ? g_uri_escape_string(web_text(request, "q"), NULL, FALSE) : NULL;
  g_autofree char *next = g_strdup_printf("after=%s&from=%" G_GINT64_FORMAT "%s%s%s%s", name, int_at(last, "id"), kind ? "&kind=" : "", kind ? kind : "",
    q ? "&q=" : "", q ? q : "");
  json_object_set_new(model, "next", json_string(next));
}

static json_t *kinds_of_names(const char *chosen) {
  json_t *choices = word_choices(AUTHORITY_KINDS, chosen);
  for (size_t i = json_array_size(choices); i > 0; i--)
    if (kind_is_topical(text_at(json_array_get(choices, i - 1), "value"))) json_array_remove(choices, i - 1);
  return choices;
}

WebReply *page_authorities(WebRequest *request, GError **error) {
  const char *kind = web_text(request, "kind"), *q = web_text(request, "q");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const AuthorityAsk ask = {.words = q, .kind = kind, .after_name = web_text(request, "after"), .after_id = web_int(request, "from", 0), .limit = ROWS};
  json_t *rows = sql == NULL ? NULL : authority_list(sql, &ask, error);
  if (rows == NULL) return NULL;
  json_t *model = json_pack("{s:o, s:s, s:s, s:o, s:b, s:b, s:b}", "rows", dress_all(rows), "q", q ? q : "", "kind", kind ? kind : "", "kinds",
    kinds_of_names(kind), "may_edit",
    web_may(request, PERMISSION_EDIT), "paged", ask.after_name != NULL, "narrowed", q != NULL || kind != NULL);
  add_next(request, model, rows, ROWS);
  return web_model(model);
}

static json_t *topics_below(Sql *sql, gint64 parent, const char *after, gint64 after_id, int limit, GError **error) {
  json_auto_t *ids = sql_json(sql,
    "SELECT a.id AS id FROM authority AS a WHERE a.parent_id = $1 AND a.topical = 1 AND a.state = 'live' AND (a.name, a.id) > ($2, $3) "
    "ORDER BY a.name, a.id LIMIT $4", SQL_ARGS(sql_int(parent), sql_text(after ? after : ""), sql_int(after_id), sql_int(limit)), error);
  if (ids == NULL) return NULL;
  json_t *rows = json_array(), *id;
  size_t i;
  json_array_foreach(ids, i, id) {
    json_t *row = authority_load(sql, int_at(id, "id"), NULL);
    if (row != NULL) json_array_append_new(rows, row);
  }
  return dress_all(rows);
}

/* While the index is made anew nothing is counted: each would be looked for in all records, and in part only. */
static gboolean count_rows(WebRequest *request, Sql *sql, json_t *rows, GError **error) {
  size_t i;
  json_t *row;
  gboolean counted = !search_needs_rebuild(web_house(request)->search);
  json_array_foreach(rows, i, row) {
    if (!counted) json_object_set_new(row, "hits", json_null());
    if (!counted) continue;
    gint64 count = count_hits(request, sql, int_at(row, "id"), NULL, error);
    if (count < 0) return FALSE;
    json_object_set_new(row, "hits", json_integer(count));
  }
  return TRUE;
}

WebReply *page_topics(WebRequest *request, GError **error) {
  const char *q = web_text(request, "q");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const AuthorityAsk ask = {.words = q, .topical = TRUE, .after_name = web_text(request, "after"), .after_id = web_int(request, "from", 0), .limit = ROWS};
  json_t *rows = sql == NULL ? NULL : q != NULL ? dress_all(authority_list(sql, &ask, error)) : topics_below(sql, 0, ask.after_name, ask.after_id, ROWS, error);
  if (rows == NULL || !count_rows(request, sql, rows, error)) return json_decref(rows), NULL;
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_t *below = q != NULL ? NULL : topics_below(sql, int_at(row, "id"), NULL, 0, CHILDREN, NULL);
    if (below != NULL && count_rows(request, sql, below, NULL)) json_object_set(row, "below", below);
    json_decref(below);
  }
  json_t *model = json_pack("{s:o, s:s, s:b, s:b, s:b}", "rows", rows, "q", q ? q : "", "may_edit", web_may(request, PERMISSION_TOPIC), "paged",
    ask.after_name != NULL, "narrowed",
    q != NULL);
  if (search_needs_rebuild(web_house(request)->search)) json_object_set_new(model, "notice", json_string("检索索引正在重建，档案数等重建好再列"));
  add_next(request, model, rows, ROWS);
  return web_model(model);
}

/* ---- one ---- */

static const char *action_label(const char *action) {
  static const Word labels[] = {{"authority.create", "新建"}, {"authority.update", "修改"}, {"authority.delete", "删除"}, {"authority.restore", "恢复"},
    {"authority.merge", "合并"},
    {"authority.unmerge", "撤销合并"}, {"authority.relate", "建立关系"}, {"authority.unrelate", "取消关系"}, {"link.gather", "批量关联档案"}, {"link.ungather", "撤销批量关联"},
      {NULL, NULL}};
  return word_label(labels, action);
}

/* As people read them: a record by its code, if the asker may see it. */
static json_t *changes_told(WebRequest *request, Sql *sql, json_t *changes) {
  static const char *const sides[] = {"before", "after"};
  json_t *list = changes_list(changes), *row;
  size_t i;
  json_array_foreach(list, i, row)
    for (guint k = 0; k < G_N_ELEMENTS(sides) && g_str_equal(text_at(row, "label"), COVER_LABEL); k++) {
      gint64 id = g_ascii_strtoll(text_at(row, sides[k]), NULL, 10);
      g_autoptr(CatalogRecord) record = id == 0 ? NULL : catalog_record_load(sql, web_scope(request), id, NULL);
      if (id != 0) set_text(row, sides[k], record ? record->code : "不在您的范围内，或已删除");
    }
  return list;
}

static gboolean add_history(json_t *model, WebRequest *request, Sql *sql, gint64 id, GError **error) {
  json_auto_t *events = journal_of(sql, "authority", id, web_int(request, "before", 0), EVENTS, error);
  if (events == NULL) return FALSE;
  json_t *list = json_array(), *event;
  size_t i;
  json_array_foreach(events, i, event) {
    json_t *data = json_object_get(event, "data"), *gathering = json_object_get(data, "gathering");
    json_t *row = json_pack("{s:O?, s:O?, s:s, s:o}", "at", json_object_get(event, "at"), "actor", json_object_get(event, "actor"), "label",
      action_label(text_at(event, "action")),
      "changes", changes_told(request, sql, json_object_get(data, "changes")));
    if (gathering != NULL && web_may(request, PERMISSION_EITHER)) json_object_set_new(row, "gathering", json_integer(int_at(gathering, "id")));
    json_array_append_new(list, row);
  }
  json_object_set_new(model, "events", list);
  if (json_array_size(events) == EVENTS) json_object_set(model, "history_next", json_object_get(json_array_get(events, EVENTS - 1), "id"));
  return TRUE;
}

static gboolean add_roles(WebRequest *request, Sql *sql, gint64 id, const char *chosen, json_t *model, GError **error) {
  json_t *roles = json_array();
  json_object_set_new(model, "roles", roles);
  for (const LinkRole *role = LINK_ROLES; role->role != NULL; role++) {
    gint64 count = role->topical ? 0 : count_hits(request, sql, id, role->role, error);
    if (count < 0) return FALSE;
    if (count > 0) json_array_append_new(roles, json_pack("{s:s, s:s, s:I, s:b}", "role", role->role, "label", role->label, "count", (json_int_t)count, "on",
      g_strcmp0(role->role, chosen) == 0));
  }
  return TRUE;
}

static json_t *relation_choices(void) {
  json_t *list = json_array();
  for (const RelationKind *kind = RELATION_KINDS; kind->kind != NULL; kind++) {
    json_array_append_new(list, json_pack("{s:s, s:s, s:s?}", "value", kind->kind, "label", kind->forth, "means", kind->forth_means));
    g_autofree char *back = g_strconcat(kind->kind, "-back", NULL);
    if (!g_str_equal(kind->forth, kind->back)) json_array_append_new(list, json_pack("{s:s, s:s, s:s?}", "value", back, "label", kind->back, "means", kind->back_means));
  }
  return list;
}

/* Those whose name has the words, without this one. */
static json_t *found(Sql *sql, const char *words, const char *kind, gboolean topical, gint64 but) {
  const AuthorityAsk ask = {.words = words, .kind = kind, .topical = topical, .limit = FOUND};
  json_t *list = words == NULL ? json_array() : dress_all(authority_list(sql, &ask, NULL));
  for (size_t i = json_array_size(list); i > 0; i--)
    if (int_at(json_array_get(list, i - 1), "id") == but) json_array_remove(list, i - 1);
  return list ? list : json_array();
}

static gboolean add_merged(Sql *sql, gint64 id, json_t *model, GError **error) {
  json_t *merged = sql_json(sql, "SELECT id, name FROM authority WHERE merged_into = $1 AND merged_into > 0 ORDER BY name, id LIMIT 100",
    SQL_ARGS(sql_int(id)), error);
  if (merged != NULL) json_object_set_new(model, "merged", merged);
  return merged != NULL;
}

/* What it made as 立档单位, and beside each body it stands to what that one made. */
static gboolean add_fonds(WebRequest *request, Sql *sql, gint64 id, json_t *relations, json_t *model, GError **error) {
  json_t *own = fonds_of_authority(sql, web_scope(request), id, error), *row;
  if (own == NULL) return FALSE;
  json_object_set_new(model, "fonds", own);
  size_t i;
  json_array_foreach(relations, i, row) {
    json_t *theirs = fonds_of_authority(sql, web_scope(request), int_at(row, "other"), error);
    if (theirs == NULL) return FALSE;
    json_object_set_new(row, "fonds", theirs);
  }
  return TRUE;
}

static json_t *authority_model(WebRequest *request, Sql *sql, json_t *authority, GError **error) {
  gint64 id = int_at(authority, "id");
  const char *tab = web_text(request, "tab"), *find = web_text(request, "find"), *role = web_text(request, "role"), *kind = text_at(authority, "kind");
  gboolean may_history = web_may(request, PERMISSION_HISTORY), history = may_history && g_strcmp0(tab, "history") == 0,
    live = g_str_equal(text_at(authority, "state"), "live");
  gboolean may_edit = may_change(request, kind, NULL);
  dress(authority);
  json_auto_t *model = json_pack("{s:s, s:O, s:b, s:b, s:b, s:b, s:b, s:s, s:s}", "title", text_at(authority, "name"), "authority", authority, "may_edit",
    may_edit && live, "may_restore",
    may_edit && g_str_equal(text_at(authority, "state"), "deleted"), "may_history", may_history, "tab_history", history, "may_export", web_may(request,
      "record.export"),
    "find", find ? find : "", "role", role ? role : "");
  if (history) return add_history(model, request, sql, id, error) ? g_steal_pointer(&model) : NULL;
  json_t *relations = relations_of(sql, id, error);
  if (relations == NULL) return NULL;
  json_object_set_new(model, "relations", relations);
  if (!add_fonds(request, sql, id, relations, model, error)) return NULL;
  if (!add_merged(sql, id, model, error) || !add_roles(request, sql, id, role, model, error) || !add_hits(request, sql, id, role, model, error)) return NULL;
  if (may_edit) {
    json_object_set_new(model, "found", found(sql, find, NULL, FALSE, id));
    json_object_set_new(model, "relation_choices", relation_choices());
    json_object_set_new(model, "searched", json_boolean(find != NULL));
  }
  return g_steal_pointer(&model);
}

/* What it became leads to where it is now; what was deleted is there for those who may bring it back. */
static json_t *load_for_page(WebRequest *request, Sql *sql, gboolean topical, WebReply **ret_elsewhere, GError **error) {
  gint64 id = web_int(request, "id", 0);
  json_auto_t *authority = authority_load(sql, id, error);
  if (authority == NULL) return NULL;
  const char *state = text_at(authority, "state"), *kind = text_at(authority, "kind");
  gint64 now = g_str_equal(state, "merged") ? authority_resolve(sql, id) : id;
  if (now == 0 || (g_str_equal(state, "deleted") && !web_may(request, kind_is_topical(kind) ? PERMISSION_TOPIC : PERMISSION_EDIT)))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号规范记录或专题", id);
  if (now == id && topical == kind_is_topical(kind)) return g_steal_pointer(&authority);
  *ret_elsewhere = web_redirect(kind_is_topical(kind) ? "/topics/%" G_GINT64_FORMAT : "/authority/%" G_GINT64_FORMAT, now);
  return NULL;
}

WebReply *page_authority(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  WebReply *elsewhere = NULL;
  json_auto_t *authority = sql == NULL ? NULL : load_for_page(request, sql, FALSE, &elsewhere, error);
  if (authority == NULL) return elsewhere;
  json_t *model = authority_model(request, sql, authority, error);
  return model == NULL ? NULL : web_model(model);
}

static gboolean add_place_of_topic(WebRequest *request, Sql *sql, json_t *topic, json_t *model, GError **error) {
  json_t *path = json_array(), *below = topics_below(sql, int_at(topic, "id"), NULL, 0, CHILDREN, error);
  json_object_set_new(model, "topic_path", path);
  gint64 above = int_at(topic, "parent_id");
  for (guint depth = 0; above != 0 && depth < FOUND; depth++) {
    json_auto_t *parent = authority_load(sql, above, NULL);
    if (parent == NULL) break;
    json_array_insert_new(path, 0, json_pack("{s:I, s:s}", "id", (json_int_t)above, "name", text_at(parent, "name")));
    above = int_at(parent, "parent_id");
  }
  if (below == NULL) return FALSE;
  json_object_set_new(model, "below", below);
  if (!count_rows(request, sql, below, error)) return FALSE;
  g_autoptr(CatalogRecord) cover = int_at(topic, "cover") ? catalog_record_load(sql, web_scope(request), int_at(topic, "cover"), NULL) : NULL;
  g_autoptr(GPtrArray) files = cover ? catalog_files(sql, web_scope(request), cover->id, NULL) : NULL;
  for (guint i = 0; files != NULL && i < files->len; i++) {
    const CatalogFile *file = files->pdata[i];
    if (!g_str_equal(file->kind, "image")) continue;
    json_object_set_new(model, "cover", json_pack("{s:I, s:I, s:s}", "file", (json_int_t)file->id, "record", (json_int_t)cover->id, "title", cover->title));
    break;
  }
  return TRUE;
}

WebReply *page_topic(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  WebReply *elsewhere = NULL;
  json_auto_t *topic = sql == NULL ? NULL : load_for_page(request, sql, TRUE, &elsewhere, error);
  if (topic == NULL) return elsewhere;
  json_auto_t *model = authority_model(request, sql, topic, error);
  if (model == NULL || !add_place_of_topic(request, sql, topic, model, error)) return NULL;
  return web_model(g_steal_pointer(&model));
}

/* ---- the form ---- */

static json_t *form_model(WebRequest *request, Sql *sql, json_t *authority, const char *problem) {
  const char *kind = text_at(authority, "kind");
  gint64 id = int_at(authority, "id");
  gboolean topical = kind_is_topical(kind);
  json_t *names = json_array(), *name, *kinds = word_choices(AUTHORITY_KINDS, kind);
  size_t i;
  for (size_t k = json_array_size(kinds); k > 0; k--)
    if (kind_is_topical(text_at(json_array_get(kinds, k - 1), "value")) != topical) json_array_remove(kinds, k - 1);
  json_array_foreach(json_object_get(authority, "names"), i, name)
    json_array_append_new(names, json_pack("{s:s, s:s, s:o}", "name", text_at(name, "name"), "dates", text_at(name, "dates"), "types",
      word_choices(NAME_TYPES, text_at(name, "type"))));
  for (guint k = 0; k < BLANK_NAMES; k++) json_array_append_new(names, json_pack("{s:s, s:s, s:o}", "name", "", "dates", "", "types",
    word_choices(NAME_TYPES, "former")));
  g_autofree char *action = id ? g_strdup_printf("/authority/%" G_GINT64_FORMAT "/edit", id) : g_strdup("/authority/new");
  g_autofree char *back = id ? g_strdup_printf(topical ? "/topics/%" G_GINT64_FORMAT : "/authority/%" G_GINT64_FORMAT,
    id) : g_strdup(topical ? "/topics" : "/authorities");
  json_t *model = json_pack("{s:s, s:O, s:o, s:o, s:b, s:b, s:b, s:s, s:s, s:s?}", "title",
    id ? "修改" : g_str_equal(kind, "event") ? "新建事件" : topical ? "新建专题" : "新建名称规范", "authority", authority, "kinds", kinds,
    "names", names, "topical", topical, "is_new", id == 0, "is_person", g_str_equal(kind, "person"), "action", action, "back", back, "problem", problem);
  if (!topical) return model;
  json_auto_t *parent = int_at(authority, "parent_id") ? authority_load(sql, int_at(authority, "parent_id"), NULL) : NULL;
  json_object_set_new(model, "parent_name", json_string(json_object_get(authority, "parent_said") ? text_at(authority, "parent_said") : text_at(parent,
    "name")));
  g_autoptr(CatalogRecord) cover = int_at(authority, "cover") ? catalog_record_load(sql, web_scope(request), int_at(authority, "cover"), NULL) : NULL;
  json_object_set_new(model, "cover_code", json_string(json_object_get(authority, "cover_said") ? text_at(authority, "cover_said") : cover ? cover->code : ""));
  return model;
}

WebReply *page_authority_form(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  const char *kind = web_text(request, "kind"), *name = web_text(request, "name");
  const char *own = may_change(request, "body", NULL) ? "body" : may_change(request, "person", NULL) ? "person" : "topic";
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  json_auto_t *authority = id ? authority_load(sql, id, error) : json_pack("{s:s, s:s, s:b, s:I, s:[]}", "kind", kind ? kind : own, "name",
    name ? name : "", "synonyms", g_str_equal(kind ? kind : own, "body"), "parent_id", (json_int_t)web_int(request, "parent", 0), "names");
  if (authority == NULL || !may_link(request, text_at(authority, "kind"), NULL, error)) return NULL;
  if (id && !g_str_equal(text_at(authority, "state"), "live")) return throw_null(error, LANTAI_ERROR_CONFLICT, "“%s”已合并或删除，不能修改", text_at(authority, "name"));
  return web_model(form_model(request, sql, authority, NULL));
}

static json_t *names_said(WebRequest *request) {
  gsize count, types_count, dates_count;
  const char *const *names = web_list(request, "other_name", &count), *const *types = web_list(request, "other_type", &types_count),
    *const *dates = web_list(request, "other_dates", &dates_count);
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++)
    if (names[i][0] != '\0') json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", names[i], "type", i < types_count ? types[i] : "other",
      "dates", i < dates_count ? dates[i] : ""));
  return list;
}

/* The topic above by its name or number, the cover by its code; what is not found is told. */
static gboolean read_ends(WebRequest *request, Sql *sql, json_t *authority, GError **error) {
  const char *parent = web_text(request, "parent_name"), *cover = web_text(request, "cover_code");
  if (parent != NULL) {
    set_text(authority, "parent_said", parent);
    gint64 above = authority_named(sql, "topic", parent);
    if (above == 0) above = authority_named(sql, "event", parent);
    if (above == 0) return throw(error, LANTAI_ERROR_INVALID, "没有名为“%s”的专题，或有几个同名。请在专题列表中核对名称", parent);
    json_object_set_new(authority, "parent_id", json_integer(above));
  }
  if (cover == NULL) return TRUE;
  set_text(authority, "cover_said", cover);
  g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, web_scope(request), 0, cover, NULL);
  if (record == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有档号为“%s”的档案，或不在您的范围内", cover);
  json_object_set_new(authority, "cover", json_integer(record->id));
  return TRUE;
}

static json_t *said(WebRequest *request) {
  static const char *const texts[] = {"kind", "name", "begin", "end", "history", "places", "functions", "sources", "note"};
  json_t *authority = json_pack("{s:I, s:I, s:b, s:o}", "id", (json_int_t)web_int(request, "id", 0), "rev", (json_int_t)web_int(request, "rev", 0), "synonyms",
    web_flag(request, "synonyms"), "names", names_said(request));
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) set_text(authority, texts[i], web_text(request, texts[i]) ? web_text(request, texts[i]) : "");
  return authority;
}

static WebReply *shown(json_t *authority, gint64 id, const char *word) {
  WebReply *reply = web_redirect(kind_is_topical(text_at(authority, "kind")) ? "/topics/%" G_GINT64_FORMAT : "/authority/%" G_GINT64_FORMAT, id);
  web_flash(reply, word);
  return reply;
}

/* Somebody saved meanwhile: what differs stands side by side, with who it was; saving again is a choice. */
static void add_theirs(WebRequest *request, Sql *sql, json_t *mine, json_t *now, json_t *model) {
  json_auto_t *differences = authority_differences(sql, now, mine), *events = journal_of(sql, "authority", int_at(now, "id"), 0, 1, NULL);
  json_t *last = json_array_get(events, 0);
  json_object_set_new(json_object_get(model, "authority"), "rev", json_integer(int_at(now, "rev")));
  json_object_set_new(model, "theirs", json_pack("{s:O?, s:O?, s:o}", "actor", json_object_get(last, "actor"), "at", json_object_get(last, "at"), "rows",
    changes_told(request, sql, differences)));
}

WebReply *page_authority_save(WebRequest *request, GError **error) {
  json_auto_t *authority = said(request);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  gint64 given = web_int(request, "id", 0);
  json_auto_t *before = sql == NULL ? NULL : given != 0 ? authority_load(sql, given, error) : json_incref(authority);
  if (before == NULL || !may_change(request, text_at(before, "kind"), error) || !may_change(request, text_at(authority, "kind"), error)) return NULL;
  g_autoptr(GError) local = NULL;
  gint64 id = read_ends(request, sql, authority, &local) ? authority_save(sql, web_actor(request), authority, web_int(request, "rev", 0), &local) : 0;
  gboolean saved = id != 0 && sql_commit(sql, &local);
  if (!saved && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID) && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT))
    return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (saved) {
    sql_end(g_steal_pointer(&sql));
    synonyms_changed(web_house(request));
    return shown(authority, id, "已保存");
  }
  json_t *model = form_model(request, sql, authority, local->message);
  json_auto_t *now = web_int(request, "id", 0) ? authority_load(sql, web_int(request, "id", 0), NULL) : NULL;
  if (now != NULL && int_at(now, "rev") != web_int(request, "rev", 0)) add_theirs(request, sql, authority, now, model);
  return web_model_status(model, g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) ? 409 : 422);
}

/* ---- deleted, restored, merged ---- */

WebReply *page_authority_state(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  const char *act = web_text(request, "act"), *actor = web_actor(request);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, id, error);
  if (authority == NULL || !may_change(request, text_at(authority, "kind"), error)) return NULL;
  gboolean done = g_strcmp0(act, "delete") == 0 ? authority_delete(sql, actor, id, error)
    : g_strcmp0(act, "restore") == 0            ? authority_restore(sql, actor, id, error)
    : g_strcmp0(act, "unmerge") == 0            ? authority_unmerge(sql, actor, id, error)
                                                : throw(error, LANTAI_ERROR_INVALID, "不认识的操作“%s”", act ? act : "");
  if (!done || !sql_commit(sql, error)) return NULL;
  sql_end(g_steal_pointer(&sql));
  synonyms_changed(web_house(request));
  return shown(authority, id, g_str_equal(act, "delete") ? "已删除，可以在本页恢复" : g_str_equal(act, "restore") ? "已恢复" : "已撤销合并，恢复为独立的记录");
}

WebReply *page_authority_merge(WebRequest *request, GError **error) {
  const char *find = web_text(request, "find");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, web_int(request, "id", 0), error);
  if (authority == NULL || !may_link(request, text_at(authority, "kind"), NULL, error)) return NULL;
  const char *kind = text_at(authority, "kind");
  dress(authority);
  json_t *list = found(sql, find ? find : text_at(authority, "name"), kind, kind_is_topical(kind), int_at(authority, "id"));
  if (!count_rows(request, sql, list, error)) return json_decref(list), NULL;
  json_t *model = json_pack("{s:O, s:o, s:s, s:b, s:b}", "authority", authority, "found", list, "find", find ? find : "", "searched", find != NULL, "topical",
    kind_is_topical(kind));
  return web_model(model);
}

WebReply *page_authority_merge_do(WebRequest *request, GError **error) {
  gint64 into = web_int(request, "id", 0), from = web_int(request, "with", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, into, error);
  if (authority == NULL || !may_change(request, text_at(authority, "kind"), error)) return NULL;
  if (from == 0) return throw_null(error, LANTAI_ERROR_INVALID, "请先选择要并入的记录");
  json_auto_t *merged = authority_load(sql, from, error);
  if (merged == NULL || !may_change(request, text_at(merged, "kind"), error)) return NULL;
  if (!authority_merge(sql, web_actor(request), from, into, error) || !sql_commit(sql, error)) return NULL;
  sql_end(g_steal_pointer(&sql));
  synonyms_changed(web_house(request));
  return shown(authority, into, "已合并；名称成为本条的其他名称，关联的档案随之归入。可以撤销");
}

/* ---- relations ---- */

WebReply *page_authority_relate(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0), other = web_int(request, "other", 0);
  const char *kind = web_text(request, "relation");
  gboolean back = kind != NULL && g_str_has_suffix(kind, "-back");
  g_autofree char *stem = kind == NULL ? g_strdup("") : g_strndup(kind, strlen(kind) - (back ? 5 : 0));
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, id, error);
  if (authority == NULL || !may_change(request, text_at(authority, "kind"), error)) return NULL;
  if (other == 0) return throw_null(error, LANTAI_ERROR_INVALID, "请先选择对方");
  json_auto_t *relation = json_pack("{s:I, s:I, s:s, s:s, s:s}", "from", (json_int_t)(back ? other : id), "to", (json_int_t)(back ? id : other), "kind",
    stem, "dates",
    web_text(request, "dates") ? web_text(request, "dates") : "", "note", web_text(request, "note") ? web_text(request, "note") : "");
  if (!authority_relate(sql, web_actor(request), relation, error) || !sql_commit(sql, error)) return NULL;
  return shown(authority, id, "已建立关系");
}

WebReply *page_authority_unrelate(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : authority_load(sql, id, error);
  if (authority == NULL || !may_change(request, text_at(authority, "kind"), error)) return NULL;
  if (!authority_unrelate(sql, web_actor(request), id, web_int(request, "relation", 0), error) || !sql_commit(sql, error)) return NULL;
  return shown(authority, id, "已取消关系");
}
