/*
 * What a record is tied to: on its page, and the page where ties are made; many at once: choice, preview, progress, undoing.
 *
 * 1. Everything about a record passes the gate; a record that may not be seen is not there.
 * 2. Ties to authorities need authority.edit, to topics topic.edit, between records record.edit.
 */
#include "internal.h"

enum { FOUND = 20, SAMPLE = 20 };

gboolean record_page_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error) {
  gboolean may = web_may(request, PERMISSION_EDIT) || web_may(request, PERMISSION_TOPIC);
  json_auto_t *ties = json_object();
  if (!links_of_record(sql, web_scope(request), record->id, ties, error)) return FALSE;
  json_object_set_new(ties, "any", json_boolean(json_array_size(json_object_get(ties, "authorities")) + json_array_size(json_object_get(ties, "topics")) +
    json_array_size(json_object_get(ties, "related")) > 0));
  json_object_set_new(ties, "may_link", json_boolean(may));
  json_object_set_new(ties, "is_fonds", json_boolean(record->level == LEVEL_FONDS));
  json_t *bodies = record->level == LEVEL_FONDS ? bodies_of(sql, record->id, error) : NULL;
  if (record->level == LEVEL_FONDS && bodies == NULL) return FALSE;
  if (bodies != NULL) json_object_set(ties, "bodies", bodies);
  json_decref(bodies);
  json_object_set(model, "ties", ties);
  return TRUE;
}

/* ---- /record/{id}/links ---- */

/* What a name can be to records; the first one is proposed. To a fonds it is the body that made it, before anything else. */
static json_t *roles_for(gboolean fonds) {
  json_t *list = json_array();
  for (const LinkRole *role = LINK_ROLES; role->role != NULL; role++) {
    gboolean first = fonds && g_str_equal(role->role, "founder");
    if (!role->topical) json_array_insert_new(list, first ? 0 : json_array_size(list), json_pack("{s:s, s:s}", "value", role->role, "label", role->label));
  }
  return list;
}

static json_t *found_with(Sql *sql, const char *words, gboolean topical) {
  const AuthorityAsk ask = {.words = words, .topical = topical, .limit = FOUND};
  json_t *list = words == NULL ? NULL : authority_list(sql, &ask, NULL), *row;
  size_t i;
  json_array_foreach(list, i, row) {
    g_autofree char *alive = dates_shown(row);
    set_text(row, "alive", alive);
    set_text(row, "kind_label", word_label(AUTHORITY_KINDS, text_at(row, "kind")));
  }
  return list ? list : json_array();
}

static gboolean listed(json_t *list, gint64 id) {
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row)
    if (json_integer_value(json_object_get(row, "id")) == id) return TRUE;
  return FALSE;
}

/* The names known here that a value has: each of 甲、乙. */
static void suggest_value(Sql *sql, const char *value, json_t *tied, json_t *list) {
  g_auto(GStrv) names = g_regex_split_simple("[、，,;；]", value, 0, 0);
  for (char **name = names; *name != NULL; name++) {
    const char *word = g_strstrip(*name);
    json_auto_t *found = *word == '\0' ? NULL : found_with(sql, word, FALSE);
    size_t i;
    json_t *row;
    json_array_foreach(found, i, row) {
      gint64 id = json_integer_value(json_object_get(row, "id"));
      if (json_array_size(list) < FOUND && !listed(tied, id) && !listed(list, id)) json_array_append(list, row);
    }
  }
}

/* Names that stand in what is described, as creator, in fields of persons and bodies, as a fonds' title, and are not tied to it yet. */
static json_t *suggested(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *tied) {
  const Catalog *catalog = web_house(request)->catalog;
  const CatalogCategory *category = catalog_category(catalog, record->category);
  json_t *list = json_array();
  if (record->level == LEVEL_FONDS) suggest_value(sql, record->title, tied, list);
  suggest_value(sql, record->creator, tied, list);
  for (guint i = 0; category != NULL && i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    if (!g_str_equal(field->type, "person") && !g_str_equal(field->type, "body")) continue;
    g_autofree char *value = catalog_value_get(record, field->key);
    suggest_value(sql, value, tied, list);
  }
  return list;
}

static json_t *links_model(WebRequest *request, const char *find, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) record = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (record == NULL) return NULL;
  json_auto_t *model = json_pack("{s:{s:I, s:s, s:s, s:s}, s:s, s:b, s:o, s:b, s:b, s:b}", "record", "id", (json_int_t)record->id, "code", record->code,
    "title", record->title, "creator",
    record->creator, "find", find ? find : "", "searched", find != NULL, "related_roles", related_roles(), "may_authority", web_may(request,
      PERMISSION_EDIT), "may_topic",
    web_may(request, PERMISSION_TOPIC), "may_related", web_may(request, "record.edit"));
  json_object_set_new(model, "roles", roles_for(record->level == LEVEL_FONDS));
  json_object_set_new(model, "found", found_with(sql, find, FALSE));
  json_object_set_new(model, "found_topics", found_with(sql, find, TRUE));
  if (!links_of_record(sql, web_scope(request), record->id, model, error)) return NULL;
  json_object_set_new(model, "is_fonds", json_boolean(record->level == LEVEL_FONDS));
  json_object_set_new(model, "tied", json_boolean(json_array_size(json_object_get(model, "authorities")) + json_array_size(json_object_get(model, "topics")) +
    json_array_size(json_object_get(model, "related")) > 0));
  if (find == NULL) json_object_set_new(model, "suggested", suggested(request, sql, record, json_object_get(model, "authorities")));
  return g_steal_pointer(&model);
}

WebReply *page_record_links(WebRequest *request, GError **error) {
  json_t *model = links_model(request, web_text(request, "find"), error);
  return model == NULL ? NULL : web_model(model);
}

static gboolean may_tie(WebRequest *request, Sql *sql, const RecordLink *link, GError **error) {
  if (link->to_record) return web_may(request, "record.edit") || throw(error, LANTAI_ERROR_DENIED, "您没有修改档案的权限");
  json_auto_t *authority = authority_load(sql, link->target_id, error);
  return authority != NULL && may_link(request, text_at(authority, "kind"), link->role, error);
}

/* The link that the form says, both ends through the gate. */
static gboolean read_link(WebRequest *request, Sql *sql, RecordLink *ret, GError **error) {
  gint64 id = web_int(request, "id", 0), target = web_int(request, "target", 0);
  const char *relation = web_text(request, "relation"), *code = web_text(request, "code");
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), id, error);
  if (record == NULL) return FALSE;
  if (relation == NULL) {
    if (target == 0) return throw(error, LANTAI_ERROR_INVALID, "请先查找并选择名称或专题");
    *ret = (RecordLink){.record_id = id, .target_id = target, .role = web_text(request, "role") ? web_text(request, "role") : ""};
  } else {
    if (code == NULL && target == 0) return throw(error, LANTAI_ERROR_INVALID, "请填写相关档案的档号");
    g_autoptr(CatalogRecord) own = code ? catalog_record_by_code(sql, web_scope(request), record->fonds_id, code, NULL) : catalog_record_load(sql,
      web_scope(request), target, NULL);
    g_autoptr(CatalogRecord) other = own || code == NULL ? g_steal_pointer(&own) : catalog_record_by_code(sql, web_scope(request), 0, code, NULL);
    if (other == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有档号为“%s”的档案，或不在您的范围内", code ? code : "");
    if (!related_link(relation, id, other->id, ret, error)) return FALSE;
  }
  ret->dates = web_text(request, "dates");
  ret->note = web_text(request, "note");
  return may_tie(request, sql, ret, error);
}

/* The page again, with what was typed and what is wrong with it. */
static WebReply *refused(WebRequest *request, const GError *problem, GError **error) {
  static const char *const typed[] = {"code", "relation", "note"};
  json_t *model = links_model(request, NULL, error), *role;
  if (model == NULL) return NULL;
  json_object_set_new(model, "problem", json_string(problem->message));
  for (guint i = 0; i < G_N_ELEMENTS(typed); i++) json_object_set_new(model, typed[i], json_string(web_text(request, typed[i]) ? web_text(request, typed[i]) : ""));
  size_t i;
  json_array_foreach(json_object_get(model, "related_roles"), i, role)
    json_object_set_new(role, "chosen", json_boolean(g_strcmp0(json_string_value(json_object_get(role, "value")), web_text(request, "relation")) == 0));
  return web_model_status(model, 422);
}

static WebReply *change(WebRequest *request, gboolean (*act)(Sql *sql, const char *actor, const RecordLink *link, GError **error), const char *word,
  GError **error) {
  RecordLink link;
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  if (!read_link(request, sql, &link, &problem) || !act(sql, web_actor(request), &link, &problem) || !sql_commit(sql, &problem)) {
    g_clear_pointer(&sql, sql_end);
    if (g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return refused(request, problem, error);
    return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  }
  WebReply *reply = web_redirect("/record/%" G_GINT64_FORMAT "/links", web_int(request, "id", 0));
  web_flash(reply, word);
  return reply;
}

WebReply *page_link_add(WebRequest *request, GError **error) { return change(request, link_add, "已关联", error); }
WebReply *page_link_remove(WebRequest *request, GError **error) { return change(request, link_remove, "已取消关联", error); }

/* ---- many at once: what ---- */

static const char *const LISTS[] = {"fonds", "category", "year", "retention", "opening", "level"};
static const char *const NUMBERS[] = {"from", "to", "delivery", "parent"};

static void read_search(WebRequest *request, SearchRequest *ask) {
  *ask = (SearchRequest){.query = web_text(request, "q"), .parent_id = web_int(request, "parent", 0), .accession_id = web_int(request, "delivery", 0),
    .with_files = web_flag(request, "files"), .year_from = (int)CLAMP(web_int(request, "from", 0), 0, 9999), .year_to = (int)CLAMP(web_int(request, "to",
      0), 0, 9999)};
  ask->fonds = web_ints(request, "fonds", &ask->fonds_count);
  ask->categories = web_ints(request, "category", &ask->categories_count);
  ask->years = web_ints(request, "year", &ask->years_count);
  ask->retentions = web_ints(request, "retention", &ask->retentions_count);
  ask->openings = web_ints(request, "opening", &ask->openings_count);
  ask->levels = web_ints(request, "level", &ask->levels_count);
}

/* The search as hidden fields, so that what is shown is what is tied. */
static json_t *search_fields(WebRequest *request, gboolean *ret_any) {
  json_t *fields = json_array();
  const char *q = web_text(request, "q");
  if (q != NULL) json_array_append_new(fields, json_pack("{s:s, s:s}", "name", "q", "value", q));
  for (guint i = 0; i < G_N_ELEMENTS(LISTS); i++) {
    gsize count;
    const gint64 *values = web_ints(request, LISTS[i], &count);
    for (gsize v = 0; v < count; v++) {
      g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, values[v]);
      json_array_append_new(fields, json_pack("{s:s, s:s}", "name", LISTS[i], "value", text));
    }
  }
  for (guint i = 0; i < G_N_ELEMENTS(NUMBERS); i++) {
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, web_int(request, NUMBERS[i], 0));
    if (!g_str_equal(text, "0")) json_array_append_new(fields, json_pack("{s:s, s:s}", "name", NUMBERS[i], "value", text));
  }
  if (web_flag(request, "files")) json_array_append_new(fields, json_pack("{s:s, s:s}", "name", "files", "value", "1"));
  *ret_any = json_array_size(fields) > 0;
  return fields;
}

WebReply *page_gather_new(WebRequest *request, GError **error) {
  const char *find = web_text(request, "find");
  gint64 target = web_int(request, "target", 0);
  gboolean any;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *chosen = sql == NULL || target == 0 ? NULL : authority_load(sql, target, error);
  if (sql == NULL || (target != 0 && chosen == NULL)) return NULL;
  json_auto_t *model = json_pack("{s:o, s:s, s:b}", "fields", search_fields(request, &any), "find", find ? find : "", "searched", find != NULL);
  json_object_set_new(model, "any", json_boolean(any));
  if (any) {
    SearchRequest ask;
    read_search(request, &ask);
    g_autoptr(SearchResult) result = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
    if (result == NULL) return NULL;
    json_object_set_new(model, "hits", json_integer((json_int_t)result->count));
  }
  if (chosen != NULL) {
    json_object_set(model, "chosen", chosen);
    json_object_set_new(model, "topical", json_boolean(kind_is_topical(text_at(chosen, "kind"))));
  }
  json_object_set_new(model, "roles", roles_for(FALSE));
  json_object_set_new(model, "found", web_may(request, PERMISSION_EDIT) ? found_with(sql, find, FALSE) : json_array());
  json_object_set_new(model, "found_topics", web_may(request, PERMISSION_TOPIC) ? found_with(sql, find, TRUE) : json_array());
  return web_model(g_steal_pointer(&model));
}

WebReply *page_gather_plan(WebRequest *request, GError **error) {
  gint64 target = web_int(request, "target", 0);
  gboolean any;
  json_decref(search_fields(request, &any));
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *authority = sql == NULL ? NULL : target == 0 ? throw_null(error, LANTAI_ERROR_INVALID, "请先选择专题或名称") : authority_load(sql, target, error);
  if (authority == NULL || !may_link(request, text_at(authority, "kind"), web_text(request, "role"), error)) return NULL;
  sql_end(g_steal_pointer(&sql));
  gboolean topical = kind_is_topical(text_at(authority, "kind"));
  if (!any && topical) return throw_null(error, LANTAI_ERROR_INVALID, "没有检索条件。请先检索，再从检索结果页放入专题");
  SearchRequest search;
  read_search(request, &search);
  const char *q = web_text(request, "q");
  g_autofree char *title = any ? g_strdup_printf("检索%s%s%s的结果", q ? "“" : "", q ? q : "", q ? "”" : "") : g_strdup("责任者是其名称的档案");
  const GatherAsk ask = {target, topical ? "topic" : web_text(request, "role") ? web_text(request, "role") : "creator", any ? &search : NULL, title};
  gint64 id = gathering_plan(web_house(request), web_scope(request), web_actor(request), &ask, error);
  return id == 0 ? NULL : web_redirect("/gather/%" G_GINT64_FORMAT, id);
}

/* ---- many at once: the plan and what became of it ---- */

static json_t *sample_of(WebRequest *request, Sql *sql, json_t *gathering, GError **error) {
  gboolean planned = g_str_equal(text_at(gathering, "state"), "planned");
  const SqlValue *args = SQL_ARGS(sql_int(int_at(gathering, "id")), sql_int(SAMPLE));
  json_auto_t *rows = planned ? sql_json(sql, "SELECT record_id FROM gathering_row WHERE gathering_id = $1 ORDER BY record_id LIMIT $2", args, error)
    : sql_json(sql, "SELECT record_id FROM record_link WHERE gathering_id = $1 AND gathering_id > 0 ORDER BY record_id LIMIT $2", args, error);
  if (rows == NULL) return NULL;
  json_t *list = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), int_at(row, "record_id"), NULL);
    if (record != NULL) json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title",
      record->title, "creator",
      record->creator, "date", record->date_text));
  }
  return list;
}

static void add_job(json_t *model, Sql *sql, gint64 id) {
  json_auto_t *job = job_latest(sql, "gathering", id, NULL);
  if (job == NULL) return;
  const char *state = text_at(job, "state");
  gboolean active = g_str_equal(state, "queued") || g_str_equal(state, "running");
  json_object_set_new(job, "running", json_boolean(g_str_equal(state, "running")));
  if (active) json_object_set(model, "job", job);
  if (g_str_equal(state, "failed")) json_object_set(model, "failure", json_object_get(job, "error"));
}

static const struct { const char *state, *label, *tone; } STATES[] = {
  {"planned", "预览，尚未执行", "info"}, {"running", "正在关联", "warn"}, {"done", "已关联", "ok"}, {"undoing", "正在撤销", "warn"}, {"undone", "已撤销", "muted"},
};

WebReply *page_gather(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *gathering = sql == NULL ? NULL : gathering_load(sql, web_int(request, "id", 0), error);
  if (gathering == NULL) return NULL;
  gboolean own = g_strcmp0(text_at(gathering, "actor"), web_actor(request)) == 0;
  const char *state = text_at(gathering, "state");
  if (!own && g_str_equal(state, "planned")) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号批量关联", int_at(gathering, "id"));
  json_auto_t *authority = authority_load(sql, int_at(gathering, "target"), error);
  json_t *sample = authority == NULL ? NULL : sample_of(request, sql, gathering, error);
  if (sample == NULL) return NULL;
  /* what another found, and how much, is for those who see it all: his words and numbers may tell of closed records */
  if (!own) set_text(gathering, "title", "他人的检索结果");
  if (!own) json_object_del(gathering, "total"), json_object_del(gathering, "done");
  json_auto_t *model = json_pack("{s:O, s:O, s:o, s:s, s:b, s:b}", "gathering", gathering, "authority", authority, "sample", sample, "role_label",
    role_label(text_at(gathering, "role")), "topical", kind_is_topical(text_at(authority, "kind")), "own", own);
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_str_equal(STATES[i].state, state)) {
      set_text(model, "state_label", STATES[i].label);
      set_text(model, "state_tone", STATES[i].tone);
    }
  add_job(model, sql, int_at(gathering, "id"));
  gboolean idle = json_object_get(model, "job") == NULL, may = may_link(request, text_at(authority, "kind"), text_at(gathering, "role"), NULL);
  json_object_set_new(model, "may_start", json_boolean(idle && may && own && int_at(gathering, "total") > 0 && (g_str_equal(state, "planned") ||
    g_str_equal(state, "running"))));
  json_object_set_new(model, "may_undo", json_boolean(idle && may && (own || web_scope(request)->all_fonds) && (g_str_equal(state, "done") ||
    g_str_equal(state, "running") || g_str_equal(state,
    "undoing"))));
  return web_model(g_steal_pointer(&model));
}

static WebReply *queue(WebRequest *request, gboolean undo, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *gathering = sql == NULL ? NULL : gathering_load(sql, id, error);
  json_auto_t *authority = gathering == NULL ? NULL : authority_load(sql, int_at(gathering, "target"), error);
  if (authority == NULL || !may_link(request, text_at(authority, "kind"), text_at(gathering, "role"), error)) return NULL;
  const char *state = text_at(gathering, "state");
  gboolean planned = g_str_equal(state, "planned");
  gboolean own = g_strcmp0(text_at(gathering, "actor"), web_actor(request)) == 0;
  if (!own && (planned || !web_scope(request)->all_fonds)) /* another's may touch records beyond this one's scope */ return throw_null(error,
    LANTAI_ERROR_NOT_FOUND,
    "没有第 %" G_GINT64_FORMAT " 号批量关联", id);
  gboolean fit = undo ? !planned && !g_str_equal(state, "undone") : planned || g_str_equal(state, "running");
  if (!fit) return throw_null(error, LANTAI_ERROR_CONFLICT, undo ? "这次关联没有执行过，或已经撤销" : "这次关联已经执行过");
  if (!gathering_queue(sql, id, undo, web_actor(request), error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/gather/%" G_GINT64_FORMAT, id);
  web_flash(reply, undo ? "正在撤销" : "已开始，可以离开本页");
  return reply;
}

WebReply *page_gather_start(WebRequest *request, GError **error) { return queue(request, FALSE, error); }
WebReply *page_gather_undo(WebRequest *request, GError **error) { return queue(request, TRUE, error); }
