/*
 * Pages of moving: what is picked on a node's page, where it goes, the plan before anything moves, its progress, its undoing; and the order of children.
 *
 * 1. A plan's rows are shown to whoever may see their records; to others they are only counted.
 * 2. Starting and undoing only queue the job; an order of children is given at once.
 */
#include "move.h"
#include <string.h>

enum { ROWS_SHOWN = 100, TARGETS_SHOWN = 200, PICKED_SHOWN = 10 };

/* ---- picked on /catalog/{id} ---- */

static WebReply *back_to_node(gint64 node, const char *message) {
  WebReply *reply = web_redirect("/catalog/%" G_GINT64_FORMAT "?sort=place", node);
  web_flash(reply, message);
  return reply;
}

static WebReply *to_move(gint64 node, const gint64 *ids, gsize count) {
  g_autoptr(GString) address = g_string_new(NULL);
  g_string_printf(address, "/move?node=%" G_GINT64_FORMAT, node);
  for (gsize i = 0; i < count; i++) g_string_append_printf(address, "&ids=%" G_GINT64_FORMAT, ids[i]);
  return web_redirect("%s", address->str);
}

/* Before which child the picked ones go (0: the end). */
static gboolean place_of(WebRequest *request, Sql *sql, const CatalogRecord *node, const gint64 *ids, gint64 *ret_before, GError **error) {
  gint64 up = web_int(request, "up", 0), down = web_int(request, "down", 0);
  const char *wanted = web_text(request, "do"), *code = web_text(request, "before");
  *ret_before = 0;
  if (g_strcmp0(wanted, "last") == 0 && up == 0 && down == 0) return TRUE;
  if (up == 0 && down == 0 && code == NULL && g_strcmp0(wanted, "first") != 0) return throw(error, LANTAI_ERROR_INVALID, "请写明要排在哪个档号之前，或选“排到最前”“排到最后”");
  if (up != 0 || down != 0) {
    gint64 neighbour = order_neighbour(sql, node->id, ids[0], down != 0, error);
    if (down != 0 && neighbour != 0) neighbour = order_neighbour(sql, node->id, neighbour, TRUE, error);
    *ret_before = up != 0 && neighbour == 0 ? order_neighbour(sql, node->id, ids[0], TRUE, error) : neighbour; /* the first stays the first */
    return TRUE;
  }
  if (code == NULL) {
    *ret_before = sql_number(sql, "SELECT record_id FROM child_place WHERE parent_id = $1 ORDER BY place LIMIT 1", SQL_ARGS(sql_int(node->id)), 0, error);
    return *ret_before != 0;
  }
  g_autoptr(CatalogRecord) other = catalog_record_by_code(sql, web_scope(request), node->fonds_id, code, error);
  if (other == NULL) return FALSE;
  *ret_before = other->id;
  return other->parent_id == node->id || throw(error, LANTAI_ERROR_INVALID, "档号 %s 不在本级之下", code);
}

/* A picked record that is itself the place to stand before: the place is behind it. */
static gint64 past_picked(Sql *sql, gint64 node, gint64 before, const gint64 *ids, gsize count) {
  for (gsize tries = 0; before != 0 && tries < count; tries++) {
    gboolean picked = FALSE;
    for (gsize i = 0; i < count; i++) picked = picked || ids[i] == before;
    if (!picked) break;
    before = order_neighbour(sql, node, before, TRUE, NULL);
  }
  return before;
}

WebReply *page_pick(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0), one = web_int(request, "up", 0) + web_int(request, "down", 0);
  gsize count;
  const gint64 *ids = web_ints(request, "ids", &count);
  if (one != 0) ids = &one, count = 1;
  if (count == 0) return throw_null(error, LANTAI_ERROR_INVALID, "请先勾选要移动的档案");
  if (one == 0 && g_strcmp0(web_text(request, "do"), "move") == 0) return to_move(id, ids, count);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) node = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), id, error);
  if (node == NULL) return NULL;
  for (gsize i = 0; i < count; i++) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), ids[i], error);
    if (record == NULL) return NULL;
    if (record->parent_id != id) return throw_null(error, LANTAI_ERROR_CONFLICT, "%s 已不在这里，请刷新后再排", record->code);
  }
  gint64 before;
  gboolean first_time = !order_exists(sql, id, NULL);
  if (!order_begin(sql, id, error) || !place_of(request, sql, node, ids, &before, error)) return NULL;
  before = past_picked(sql, id, before, ids, count);
  if (!order_put(web_house(request), sql, web_actor(request), id, ids, count, before, error) || !sql_commit(sql, error)) return NULL;
  return back_to_node(id, first_time ? "已排定。本级现按自定次序排列，可随时改回按档号" : "已排定");
}

WebReply *page_order_drop(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) node = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), id, error);
  if (node == NULL || !order_drop(web_house(request), sql, web_actor(request), id, error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/catalog/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已改回按档号排列");
  return reply;
}

/* ---- where to ---- */

static json_t *record_line(const CatalogRecord *record) {
  return json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title, "level", level_label(record->level));
}

/* Classes of the fonds, by code: where things usually go. */
static json_t *targets_of(WebRequest *request, Sql *sql, gint64 fonds_id, gint64 node, GError **error) {
  const gint64 levels[] = {LEVEL_CLASS};
  SearchRequest ask = {.fonds = &fonds_id, .fonds_count = 1, .levels = levels, .levels_count = 1, .sort = SEARCH_SORT_CODE, .limit = TARGETS_SHOWN};
  g_autoptr(SearchResult) result = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  g_autoptr(GPtrArray) records = result == NULL ? NULL :
    catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)result->ids->data, result->ids->len, error);
  if (records == NULL) return NULL;
  json_t *rows = json_array();
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    if (record->id != node) json_array_append_new(rows, record_line(record));
  }
  return rows;
}

static json_t *form_model(WebRequest *request, GError **error) {
  gsize count;
  const gint64 *ids = web_ints(request, "ids", &count);
  const char *filter = web_text(request, "filter");
  gint64 node_id = web_int(request, "node", 0);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) node = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), node_id != 0 ? node_id : count > 0 ? ids[0] : 0, error);
  if (node == NULL) return NULL;
  json_auto_t *picked = json_array();
  json_auto_t *all = json_array();
  for (gsize i = 0; i < count; i++) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), ids[i], error);
    if (record == NULL) return NULL;
    json_array_append_new(all, json_integer(record->id));
    if (i < PICKED_SHOWN) json_array_append_new(picked, record_line(record));
  }
  SearchRequest ask = {.query = filter, .parent_id = node->id};
  g_autoptr(SearchResult) found = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  json_t *targets = found == NULL ? NULL : targets_of(request, sql, node->fonds_id, node_id, error);
  if (targets == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:O, s:O, s:o, s:s, s:I, s:b}", "title", "移动", "node", record_line(node), "picked", picked, "ids", all, "targets", targets,
    "filter", filter ? filter : "", "count", (json_int_t)(count > 0 ? count : found->count), "more", count > PICKED_SHOWN);
  json_object_set_new(model, "node_id", json_integer(node_id));
  return model;
}

WebReply *page_move_new(WebRequest *request, GError **error) {
  json_t *model = form_model(request, error);
  return model == NULL ? NULL : web_model(model);
}

/* The plan's id; 0: it cannot be made. */
static gint64 plan_asked(WebRequest *request, GError **error) {
  gsize count;
  const gint64 *ids = web_ints(request, "ids", &count);
  const char *code = web_text(request, "code");
  MoveAsk ask = {.target = web_int(request, "target", 0), .ids = ids, .count = count, .node = web_int(request, "node", 0), .query = web_text(request, "filter")};
  if (count == 0 && ask.node == 0) return throw(error, LANTAI_ERROR_INVALID, "请先选择要移动的档案");
  if (code != NULL) {
    g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
    g_autoptr(CatalogRecord) from = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), ask.node != 0 ? ask.node : ids[0], error);
    if (from == NULL) return 0;
    g_autoptr(CatalogRecord) target = catalog_record_by_code(sql, web_scope(request), from->fonds_id, code, NULL);
    if (target == NULL) target = catalog_record_by_code(sql, web_scope(request), 0, code, error);
    if (target == NULL) return 0;
    ask.target = target->id;
  }
  if (ask.target == 0) return throw(error, LANTAI_ERROR_INVALID, "请选择移到哪里，或填写那里的档号");
  return move_plan(web_house(request), web_scope(request), web_actor(request), &ask, error);
}

/* A place that is none keeps what was picked: the form comes again and says so. */
WebReply *page_move_plan(WebRequest *request, GError **error) {
  g_autoptr(GError) problem = NULL;
  gint64 id = plan_asked(request, &problem);
  if (id != 0) return web_redirect("/move/%" G_GINT64_FORMAT, id);
  gboolean theirs = g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID) || g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  json_t *model = theirs ? form_model(request, NULL) : NULL;
  if (model == NULL) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  const char *code = web_text(request, "code");
  json_object_set_new(model, "problem", json_string(problem->message));
  json_object_set_new(model, "code", json_string(code ? code : ""));
  return web_model_status(model, 422);
}

/* ---- the plan ---- */

static json_t *parent_line(WebRequest *request, Sql *sql, gint64 id) {
  g_autoptr(CatalogRecord) parent = catalog_record_load(sql, web_scope(request), id, NULL);
  return parent == NULL ? json_null() : record_line(parent);
}

static json_t *plan_rows(WebRequest *request, Sql *sql, gint64 id, gboolean refused, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(id), sql_int(web_int(request, "after", refused ? 1 : 0)), sql_int(ROWS_SHOWN));
  json_t *rows = refused
    ? sql_json(sql, "SELECT turn, record_id, parent_before, parent_after, problem FROM move_row WHERE move_id = $1 AND turn < $2 AND turn <= 0 "
        "ORDER BY turn DESC LIMIT $3", args, error)
    : sql_json(sql, "SELECT turn, record_id, parent_before, parent_after, problem FROM move_row WHERE move_id = $1 AND turn > $2 AND turn > 0 "
        "ORDER BY turn LIMIT $3", args, error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), json_integer_value(json_object_get(row, "record_id")), NULL);
    gint64 from = json_integer_value(json_object_get(row, "parent_before")), to = json_integer_value(json_object_get(row, "parent_after"));
    json_object_set_new(row, "record", record == NULL ? json_null() : record_line(record));
    json_object_set_new(row, "from", record == NULL ? json_null() : parent_line(request, sql, from));
    json_object_set_new(row, "to", record == NULL ? json_null() : parent_line(request, sql, to));
    json_object_set_new(row, "follows", json_boolean(from == to));
    if (record == NULL) json_object_set_new(row, "problem", json_string(""));
  }
  return rows;
}

WebReply *page_move(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  gboolean refused = g_strcmp0(web_text(request, "show"), "refused") == 0;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *plan = sql == NULL ? NULL : move_load(sql, id, error);
  json_t *rows = plan == NULL ? NULL : plan_rows(request, sql, id, refused, error);
  if (rows == NULL) return NULL;
  json_t *target = parent_line(request, sql, json_integer_value(json_object_get(plan, "target")));
  json_object_del(plan, "title"); /* the target's code and title: only as the asker may see it */
  json_t *model = json_pack("{s:s, s:O, s:o, s:o, s:b}", "title", "移动", "plan", plan, "rows", rows, "target", target, "show_refused", refused);
  planned_describe(&MOVE_KIND, model, sql, plan);
  if (json_array_size(rows) == ROWS_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, ROWS_SHOWN - 1), "turn"));
  return web_model(model);
}

WebReply *page_move_start(WebRequest *request, GError **error) { return planned_queue(&MOVE_KIND, request, FALSE, error); }
WebReply *page_move_undo(WebRequest *request, GError **error) { return planned_queue(&MOVE_KIND, request, TRUE, error); }
