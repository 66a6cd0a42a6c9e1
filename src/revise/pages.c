/*
 * Pages of revisions: the list, one revision with every change before → after, and what can be done with it.
 *
 * 1. A revision is seen by its maker, and by those who may approve or edit when they see a record among its first rows; to others it is not there.
 * 2. A row of a record that the asker may not see tells nothing but that it is there.
 */
#include "internal.h"
#include "watch.h"
#include <string.h>

enum { ROWS_SHOWN = 50, FIRST_ROWS = 100, LIST_SHOWN = 50, HOME_SHOWN = 5 };

typedef struct { const char *name, *label, *tone; } Label;
static const Label STATES[] = {{"planning", "正在预览", "info"}, {"planned", "预览，尚未执行", "info"}, {"awaiting", "等待审批", "warn"}, {"returned", "已退回", "bad"},
  {"running", "正在修改", "warn"}, {"done", "已修改", "ok"}, {"undoing", "正在撤销", "warn"}, {"undone", "已撤销", "muted"}};
static const Label ROWS[ROW_STATES] = {{"waiting", "要修改", ""}, {"conflict", "有冲突", "warn"}, {"refused", "不能改", "bad"}, {"made", "已修改", "ok"}, {"passed", "跳过", "warn"},
  {"undone", "已撤销", "muted"}, {"kept", "撤销时跳过", "warn"}, {"left", "保留现状", "muted"}};
static const char *const WHOLE_LABELS[ROW_STATES] = {"要删除", NULL, "不能删", "已删除", "没有删除", "已恢复", "没能恢复", NULL}; /* of rows that take a record out */
static const char *row_label(int state, gboolean whole) { return whole && WHOLE_LABELS[state] != NULL ? WHOLE_LABELS[state] : ROWS[state].label; }
static const Label SOURCES[] = {{"rule", "批量修改", ""}, {"values", "逐件修改", ""}, {"sheet", "修改用表", ""}, {"form", "著录修改", ""}};

static const Label *label_of(const Label *labels, gsize count, const char *name) {
  for (gsize i = 0; i < count; i++)
    if (g_strcmp0(labels[i].name, name) == 0) return &labels[i];
  return &labels[0];
}

static void dress(json_t *revision) {
  const Label *state = label_of(STATES, G_N_ELEMENTS(STATES), json_string_value(json_object_get(revision, "state")));
  const Label *source = label_of(SOURCES, G_N_ELEMENTS(SOURCES), json_string_value(json_object_get(revision, "source")));
  json_object_set_new(revision, "state_label", json_string(state->label));
  json_object_set_new(revision, "state_tone", json_string(state->tone));
  json_object_set_new(revision, "source_label", json_string(source->label));
  json_object_del(revision, "scope");
  json_object_del(revision, "ask");
}

/* ---- the gate (invariant 1) ---- */

static gboolean is_maker(WebRequest *request, json_t *revision) { return g_strcmp0(json_string_value(json_object_get(revision, "actor")), web_actor(request)) == 0; }

/* As it is, else as it was when it was deleted by the row with these changes. */
static CatalogRecord *seen_record(WebRequest *request, Sql *sql, gint64 id, json_t *changes) {
  CatalogRecord *record = catalog_record_load(sql, web_scope(request), id, NULL);
  if (record != NULL) return record;
  g_autoptr(CatalogRecord) gone = catalog_record_of(changes, NULL);
  SearchColumns columns;
  if (gone == NULL || search_columns(web_house(request)->search, id, &columns)) return NULL;
  return scope_admits(web_scope(request), gone->level, gone->fonds_id, gone->security, gone->opening) ? g_steal_pointer(&gone) : NULL;
}

static gboolean sees_some(WebRequest *request, Sql *sql, gint64 id) {
  json_auto_t *rows = sql_json(sql, "SELECT record_id, changes FROM revision_row WHERE revision_id = $1 ORDER BY place LIMIT $2",
    SQL_ARGS(sql_int(id), sql_int(FIRST_ROWS)), NULL);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_auto_t *changes = json_loads(json_string_value(json_object_get(row, "changes")), 0, NULL);
    g_autoptr(CatalogRecord) record = seen_record(request, sql, json_integer_value(json_object_get(row, "record_id")), changes);
    if (record != NULL) return TRUE;
  }
  return FALSE;
}

static gboolean may_see(WebRequest *request, Sql *sql, json_t *revision) {
  if (is_maker(request, revision)) return TRUE;
  return (web_may(request, PERMISSION_APPROVE) || web_may(request, PERMISSION_EDIT)) && sees_some(request, sql, json_integer_value(json_object_get(revision, "id")));
}

static json_t *load_seen(WebRequest *request, Sql *sql, GError **error) {
  json_t *revision = revision_load(sql, web_int(request, "id", 0), error);
  if (revision == NULL || may_see(request, sql, revision)) return revision;
  json_decref(revision);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次批量修改。预览后没有执行的，过后不再保留");
}

/* ---- the list ---- */

static json_t *rows_of(Sql *sql, const char *state, const char *actor, gint64 before, int limit, GError **error) {
  gint64 until = before > 0 ? before : G_MAXINT64;
  if (state != NULL && actor != NULL)
    return sql_json(sql, "SELECT id, at_us AS at, actor, title, source, state, total, reason, decided_by FROM revision WHERE actor = $1 AND state = $2 AND id < $3 "
      "ORDER BY id DESC LIMIT $4", SQL_ARGS(sql_text(actor), sql_text(state), sql_int(until), sql_int(limit)), error);
  if (state != NULL)
    return sql_json(sql, "SELECT id, at_us AS at, actor, title, source, state, total, reason, decided_by FROM revision WHERE state = $1 AND id < $2 "
      "ORDER BY id DESC LIMIT $3", SQL_ARGS(sql_text(state), sql_int(until), sql_int(limit)), error);
  if (actor != NULL)
    return sql_json(sql, "SELECT id, at_us AS at, actor, title, source, state, total, reason, decided_by FROM revision WHERE actor = $1 AND id < $2 "
      "ORDER BY id DESC LIMIT $3", SQL_ARGS(sql_text(actor), sql_int(until), sql_int(limit)), error);
  return sql_json(sql, "SELECT id, at_us AS at, actor, title, source, state, total, reason, decided_by FROM revision WHERE id < $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_int(until), sql_int(limit)), error);
}

static json_t *seen_rows(WebRequest *request, Sql *sql, json_t *rows) {
  json_t *seen = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    if (!may_see(request, sql, row)) continue;
    dress(row);
    json_array_append(seen, row);
  }
  return seen;
}

WebReply *page_revise_list(WebRequest *request, GError **error) {
  const char *show = web_text(request, "show");
  gboolean awaiting = g_strcmp0(show, "awaiting") == 0, all = g_strcmp0(show, "all") == 0;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *rows = sql == NULL ? NULL : rows_of(sql, awaiting ? "awaiting" : NULL, awaiting || all ? NULL : web_actor(request), web_int(request, "before", 0),
    LIST_SHOWN, error);
  if (rows == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:b, s:b, s:b, s:b}", "title", "批量修改", "revisions", seen_rows(request, sql, rows), "show_awaiting", awaiting, "show_all", all,
    "show_mine", !awaiting && !all, "may_others", web_may(request, PERMISSION_APPROVE) || web_may(request, PERMISSION_EDIT));
  json_object_set_new(model, "show", json_string(awaiting ? "awaiting" : all ? "all" : "mine"));
  json_object_set_new(model, "may_revise", json_boolean(web_may(request, PERMISSION_EDIT) || web_may(request, PERMISSION_PROPOSE)));
  if (json_array_size(rows) == LIST_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, LIST_SHOWN - 1), "id"));
  return web_model(model);
}

json_t *revise_home(WebRequest *request, Sql *sql, GError **error) {
  json_t *home = json_object();
  if (web_may(request, PERMISSION_APPROVE)) {
    json_auto_t *rows = rows_of(sql, "awaiting", NULL, 0, LIST_SHOWN, error);
    json_t *seen = seen_rows(request, sql, rows), *others = json_array(), *row;
    size_t i;
    json_array_foreach(seen, i, row)
      if (!is_maker(request, row) && json_array_size(others) < HOME_SHOWN) json_array_append(others, row);
    json_decref(seen);
    json_object_set_new(home, "awaiting", others);
  }
  if (web_may(request, PERMISSION_PROPOSE) || web_may(request, PERMISSION_EDIT)) {
    json_auto_t *rows = rows_of(sql, "returned", web_actor(request), 0, HOME_SHOWN, error);
    json_object_set_new(home, "returned", seen_rows(request, sql, rows));
  }
  if (json_array_size(json_object_get(home, "awaiting")) + json_array_size(json_object_get(home, "returned")) > 0) return home;
  json_decref(home);
  return NULL;
}

/* ---- one revision: its rows ---- */

static json_t *conflict_rows(const Catalog *catalog, const CatalogRecord *record, json_t *conflict) {
  json_auto_t *early = json_object();
  json_auto_t *late = json_object();
  const char *key;
  json_t *triple;
  json_object_foreach(conflict, key, triple) {
    gboolean known = !json_is_null(json_array_get(triple, 0));
    json_object_set_new(early, key, json_pack("[O, O]", json_array_get(triple, known ? 0 : 1), json_array_get(triple, 1)));
    json_object_set_new(late, key, json_pack("[O, O]", json_array_get(triple, 1), json_array_get(triple, 2)));
  }
  json_auto_t *former = catalog_changes_rows(catalog, record, early);
  json_t *rows = catalog_changes_rows(catalog, record, late), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_object_set(row, "base", json_object_get(json_array_get(former, i), "before"));
    json_object_set(row, "now", json_object_get(row, "before"));
    json_object_set(row, "wanted", json_object_get(row, "after"));
  }
  return rows;
}

static void dress_row(WebRequest *request, Sql *sql, json_t *row) {
  const Catalog *catalog = web_house(request)->catalog;
  RowState state = CLAMP(json_integer_value(json_object_get(row, "state")), 0, ROW_STATES - 1);
  json_auto_t *changes = json_loads(json_string_value(json_object_get(row, "changes")), 0, NULL);
  gboolean whole = json_object_get(changes, "record") != NULL;
  g_autoptr(CatalogRecord) record = seen_record(request, sql, json_integer_value(json_object_get(row, "record_id")), changes);
  json_auto_t *conflict = json_loads(json_string_value(json_object_get(row, "conflict")), 0, NULL);
  gboolean named = json_integer_value(json_object_get(row, "record_id")) == 0 || state == ROW_REFUSED; /* a refusal by row number tells nothing of a record */
  json_object_set_new(row, "seen", json_boolean(record != NULL));
  json_object_set_new(row, "state", json_string(ROWS[state].name));
  json_object_set_new(row, "state_label", json_string(row_label(state, whole)));
  json_object_set_new(row, "there", json_boolean(record != NULL && !(whole && state == ROW_MADE)));
  json_object_set_new(row, "state_tone", json_string(ROWS[state].tone));
  json_object_set_new(row, "changes", record == NULL ? json_array() : catalog_changes_rows(catalog, record, changes));
  json_object_set_new(row, "conflict", record == NULL ? json_array() : conflict_rows(catalog, record, conflict));
  json_object_set_new(row, "open", json_boolean(state == ROW_CONFLICT && record != NULL));
  if (record != NULL) {
    json_object_set_new(row, "code", json_string(record->code));
    json_object_set_new(row, "title", json_string(record->title));
  } else if (!named) json_object_set_new(row, "problem", json_string(""));
}

static json_t *page_rows(WebRequest *request, Sql *sql, gint64 id, int state, GError **error) {
  gint64 after = web_int(request, "after", 0);
  json_t *rows = state < 0
    ? sql_json(sql, "SELECT place, record_id, state, changes, conflict, problem FROM revision_row WHERE revision_id = $1 AND place > $2 ORDER BY place LIMIT $3",
        SQL_ARGS(sql_int(id), sql_int(after), sql_int(ROWS_SHOWN)), error)
    : sql_json(sql, "SELECT place, record_id, state, changes, conflict, problem FROM revision_row WHERE revision_id = $1 AND state = $2 AND place > $3 "
        "ORDER BY place LIMIT $4", SQL_ARGS(sql_int(id), sql_int(state), sql_int(after), sql_int(ROWS_SHOWN)), error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) dress_row(request, sql, row);
  return rows;
}

/* ---- one revision: what it is, and what can be done ---- */

static int state_shown(WebRequest *request) {
  for (int i = 0; i < ROW_STATES; i++)
    if (g_strcmp0(ROWS[i].name, web_text(request, "show")) == 0) return i;
  return -1;
}

static json_t *numbers_of(Sql *sql, gint64 id, gint64 counts[ROW_STATES], int shown, gboolean whole, GError **error) {
  json_auto_t *found = sql_json(sql, "SELECT state, COUNT(*) AS count FROM revision_row WHERE revision_id = $1 GROUP BY state", SQL_ARGS(sql_int(id)), error);
  json_t *numbers = json_array(), *row;
  size_t i;
  json_array_foreach(found, i, row) {
    int state = (int)CLAMP(json_integer_value(json_object_get(row, "state")), 0, ROW_STATES - 1);
    counts[state] = json_integer_value(json_object_get(row, "count"));
    json_array_append_new(numbers, json_pack("{s:s, s:s, s:I, s:b}", "name", ROWS[state].name, "label", row_label(state, whole), "count", (json_int_t)counts[state],
      "current", state == shown));
  }
  return numbers;
}

static json_t *field_counts(const Catalog *catalog, json_t *counts) {
  json_auto_t *pairs = json_object();
  const char *key;
  json_t *count;
  json_object_foreach(counts, key, count) json_object_set_new(pairs, key, json_pack("[i, O]", 0, count));
  g_autoptr(CatalogRecord) any = catalog_record_new();
  json_t *rows = json_array();
  json_object_foreach(counts, key, count) {
    if ((g_str_equal(key, "date_from") || g_str_equal(key, "date_to")) && json_object_get(counts, "date_text") != NULL) continue;
    json_auto_t *one = json_pack("{s:[s, s]}", key, "", "");
    json_auto_t *labelled = catalog_changes_rows(catalog, any, one);
    const char *label = json_string_value(json_object_get(json_array_get(labelled, 0), "label"));
    if (g_str_has_prefix(key, "fields.")) label = rule_field_label(catalog, key + strlen("fields."));
    if (label != NULL) json_array_append_new(rows, json_pack("{s:s, s:O}", "label", label, "count", count));
  }
  return rows;
}

static gboolean add_job(json_t *model, Sql *sql, gint64 id) {
  json_auto_t *job = job_latest(sql, "revision", id, NULL);
  const char *state = json_string_value(json_object_get(job, "state"));
  gboolean active = g_strcmp0(state, "running") == 0 || g_strcmp0(state, "queued") == 0;
  if (g_strcmp0(state, "failed") == 0) json_object_set(model, "problem", json_object_get(job, "error"));
  if (!active) return FALSE;
  json_object_set(model, "job", job);
  return TRUE;
}

/* What takes records out; told by the rule, after a rebuild by its rows. */
static gboolean deletes(Sql *sql, json_t *revision) {
  return rule_deletes(json_object_get(json_object_get(revision, "ask"), "rule")) ||
    sql_number(sql, "SELECT COUNT(*) AS found FROM (SELECT changes FROM revision_row WHERE revision_id = $1 ORDER BY place LIMIT 1) AS first "
      "WHERE changes LIKE '{\"record\":%'", SQL_ARGS(sql_int(json_integer_value(json_object_get(revision, "id")))), 0, NULL) > 0;
}

static gboolean may_make(WebRequest *request, gboolean whole) { return web_may(request, PERMISSION_EDIT) && (!whole || web_may(request, PERMISSION_DELETE)); }

static void add_actions(WebRequest *request, json_t *model, json_t *revision, const gint64 counts[ROW_STATES], gboolean active) {
  const char *state = json_string_value(json_object_get(revision, "state"));
  gboolean whole = json_is_true(json_object_get(model, "deletes"));
  gboolean maker = is_maker(request, revision), edits = web_may(request, PERMISSION_EDIT), makes = may_make(request, whole), planned = g_str_equal(state, "planned"),
    awaiting = g_str_equal(state, "awaiting"), decided = json_string_length(json_object_get(revision, "decided_by")) > 0,
    never_made = planned || awaiting || g_str_equal(state, "returned") || g_str_equal(state, "planning");
  gboolean broken_off = g_str_equal(state, "running") || g_str_equal(state, "undoing"), made = g_str_equal(state, "done") || g_str_equal(state, "running");
  const struct { const char *name; gboolean may; } actions[] = {
    {"may_start", !active && makes && maker && planned && counts[ROW_WAITING] > 0}, {"may_submit", !active && !makes && maker && planned && counts[ROW_WAITING] > 0},
    {"may_go_on", !active && (makes || decided) && edits && broken_off}, {"may_approve", awaiting && !maker && web_may(request, PERMISSION_APPROVE)},
    {"may_undo", !active && edits && made && counts[ROW_MADE] > 0}, {"may_drop", maker && !active && never_made},
    {"may_choose", maker && planned && counts[ROW_CONFLICT] > 0}, {"awaiting", awaiting}, {"returned", g_str_equal(state, "returned")},
    {"planning", g_str_equal(state, "planning")}, {"undoing", g_str_equal(state, "undoing")},
    {"decided", decided},
  };
  for (guint i = 0; i < G_N_ELEMENTS(actions); i++) json_object_set_new(model, actions[i].name, json_boolean(actions[i].may));
  json_object_set_new(model, "waiting", json_integer(counts[ROW_WAITING]));
  json_object_set_new(model, "made", json_integer(counts[ROW_MADE]));
}

static void dress_deletion(json_t *revision) {
  static const char *const labels[][2] = {{"running", "正在删除"}, {"done", "已删除"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
    if (g_strcmp0(json_string_value(json_object_get(revision, "state")), labels[i][0]) == 0) json_object_set_new(revision, "state_label", json_string(labels[i][1]));
}

static WebReply *page_revision(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *revision = sql == NULL ? NULL : load_seen(request, sql, error);
  if (revision == NULL) return NULL;
  gint64 id = web_int(request, "id", 0), counts[ROW_STATES] = {0};
  int shown = state_shown(request);
  gboolean whole = deletes(sql, revision);
  json_t *numbers = numbers_of(sql, id, counts, shown, whole, error), *rows = page_rows(request, sql, id, shown, error);
  if (rows == NULL) return json_decref(numbers), NULL;
  json_t *model = json_pack("{s:b, s:O, s:O, s:o, s:o, s:o, s:s}", "deletes", whole, "title", json_object_get(revision, "title"), "revision", revision,
    "numbers", numbers, "rows", rows,
    "fields", field_counts(web_house(request)->catalog, json_object_get(revision, "counts")), "show", shown < 0 ? "" : ROWS[shown].name);
  gboolean active = add_job(model, sql, id);
  add_actions(request, model, revision, counts, active);
  dress(revision);
  if (whole) dress_deletion(revision);
  if (json_array_size(rows) == ROWS_SHOWN) json_object_set(model, "next", json_object_get(json_array_get(rows, ROWS_SHOWN - 1), "place"));
  return web_model(model);
}

/* ---- doing ---- */

static json_t *load_for(WebRequest *request, gboolean own, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *revision = sql == NULL ? NULL : load_seen(request, sql, error);
  if (revision == NULL || !own || is_maker(request, revision)) return revision;
  json_decref(revision);
  return throw_null(error, LANTAI_ERROR_DENIED, "这是他人的批量修改，请由本人操作");
}

static WebReply *back_to(WebRequest *request, const char *flash) {
  WebReply *reply = web_redirect("/revise/%" G_GINT64_FORMAT, web_int(request, "id", 0));
  web_flash(reply, flash);
  return reply;
}

/* A long one goes on behind the page: what is only begun is not told as done. */
static WebReply *back_from(WebRequest *request, const char *begun, const char *done, GError **error) {
  json_auto_t *revision = load_for(request, FALSE, error);
  const char *state = revision == NULL ? NULL : json_string_value(json_object_get(revision, "state"));
  return state == NULL ? NULL : back_to(request, g_str_equal(state, "running") || g_str_equal(state, "undoing") ? begun : done);
}

static gboolean may_make_loaded(WebRequest *request, json_t *revision) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, NULL);
  return sql != NULL && may_make(request, deletes(sql, revision));
}

/* A begun one goes on, also after an error in between, by whoever may edit; a fresh one is begun by its maker. */
static WebReply *page_start(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, FALSE, error);
  if (revision == NULL) return NULL;
  const char *state = json_string_value(json_object_get(revision, "state"));
  if (g_str_equal(state, "awaiting")) return throw_null(error, LANTAI_ERROR_DENIED, "这次修改在等待审批，请由审批人批准");
  if (g_str_equal(state, "planned") && !is_maker(request, revision)) return throw_null(error, LANTAI_ERROR_DENIED, "这是他人的批量修改，请由本人操作");
  gboolean undo = g_str_equal(state, "undoing"), approved = json_string_length(json_object_get(revision, "decided_by")) > 0;
  if (!undo && !approved && !may_make_loaded(request, revision)) return throw_null(error, LANTAI_ERROR_DENIED, "您的岗位不能删除条目，请送审，由另一人批准");
  if (!revision_begin(web_house(request), web_int(request, "id", 0), web_actor(request), undo, error)) return NULL;
  return back_from(request, undo ? "已接着撤销" : "已开始修改", undo ? "已撤销" : "已执行", error);
}

static WebReply *page_undo(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, FALSE, error);
  if (revision == NULL || !revision_begin(web_house(request), web_int(request, "id", 0), web_actor(request), TRUE, error)) return NULL;
  return back_from(request, "已开始撤销。其后又改过的不动，如有，列在“撤销时跳过”", "已撤销。其后又改过的不动，如有，列在“撤销时跳过”", error);
}

static WebReply *page_submit(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, TRUE, error);
  if (revision == NULL || !revision_submit(web_house(request), web_int(request, "id", 0), web_actor(request), error)) return NULL;
  return back_to(request, "已送审，批准后生效");
}

static WebReply *page_approve(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, FALSE, error);
  if (revision == NULL || !revision_approve(web_house(request), web_scope(request), web_int(request, "id", 0), web_actor(request), error)) return NULL;
  return back_from(request, "已批准，已开始修改", "已批准，已执行", error);
}

static WebReply *page_return(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, FALSE, error);
  if (revision == NULL || !revision_return(web_house(request), web_int(request, "id", 0), web_actor(request), web_text(request, "reason"), error)) return NULL;
  return back_to(request, "已退回");
}

static WebReply *page_drop(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, TRUE, error);
  if (revision == NULL || !revision_drop(web_house(request), web_int(request, "id", 0), error)) return NULL;
  WebReply *reply = web_redirect("/revise");
  web_flash(reply, "已丢弃，目录没有改动");
  return reply;
}

static WebReply *page_choose(WebRequest *request, GError **error) {
  json_auto_t *revision = load_for(request, TRUE, error);
  gboolean wanted = g_strcmp0(web_text(request, "take"), "wanted") == 0;
  if (revision == NULL) return NULL;
  if (!wanted && g_strcmp0(web_text(request, "take"), "now") != 0) return throw_null(error, LANTAI_ERROR_INVALID, "请选择用哪一个内容");
  if (!revision_choose(web_house(request), web_int(request, "id", 0), web_int(request, "place", 0), wanted, error)) return NULL;
  return back_to(request, "已选定");
}

/* ---- the hook, and the tables ---- */

gboolean revise_open(SqlDb *db, GError **error) {
  catalog_set_propose(revision_propose);
  return sql_migrate_room(db, "revise", error);
}

const JobKind REVISE_JOBS[] = {
  {"revise.plan", "批量修改：预览", plan_run, JOB_LIGHT},
  {"revise.apply", "批量修改", run_apply, JOB_HEAVY},
  {"revise.undo", "撤销批量修改", run_apply, JOB_HEAVY},
  {NULL},
};

#define EITHER PERMISSION_EDIT "|" PERMISSION_PROPOSE
#define ANY EITHER "|" PERMISSION_APPROVE
#define RULE_PARAMETERS \
  {"kind", WEB_TEXT, FALSE, 20, "怎样修改"}, {"field", WEB_TEXT, FALSE, 200, "著录项"}, {"value", WEB_TEXT, FALSE, 4000, "内容"}, {"find", WEB_TEXT, FALSE, 1000, "要找的文字"}, \
  {"why", WEB_TEXT, FALSE, 300, "理由、依据"}, \
  {"with", WEB_TEXT, FALSE, 1000, "换成"}, {"source", WEB_TEXT, FALSE, 200, "照哪一项填写"}, {"start", WEB_INT, FALSE, 0, "起始号"}, {"width", WEB_INT, FALSE, 0, "位数"}
static const WebParameter LIST_PARAMETERS[] = {{"show", WEB_TEXT, FALSE, 20, "范围"}, {"before", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter NEW_PARAMETERS[] = {{"selection", WEB_TEXT, FALSE, 200000, "修改哪些"}, SELECTION_PARAMETERS,
  {"item", WEB_INTS, FALSE, 10000, "选定的档案"}, RULE_PARAMETERS, {NULL}};
static const WebParameter UPLOAD_PARAMETERS[] = {{"table", WEB_FILE, TRUE, 0, "修改用表"}, {"empty", WEB_TEXT, FALSE, 10, "空的单元格"},
  {"why", WEB_TEXT, FALSE, 300, "理由、依据"}, {NULL}};
static const WebParameter ONE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"show", WEB_TEXT, FALSE, 20, "内容"}, {"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {NULL}};
static const WebParameter RETURN_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"reason", WEB_TEXT, FALSE, 1000, "理由"}, {NULL}};
static const WebParameter CHOOSE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "编号"}, {"place", WEB_INT, FALSE, 0, "行"}, {"take", WEB_TEXT, FALSE, 10, "内容"}, {NULL}};

const WebRoute REVISE_ROUTES[] = {
  {"GET", "/revise", ANY, LIST_PARAMETERS, "revise/list", page_revise_list, "批量修改"},
  {"GET", "/revise/new", EITHER, NEW_PARAMETERS, "revise/new", page_revise_new, "批量修改"},
  {"POST", "/revise/touch", EITHER, NEW_PARAMETERS, "revise/touch-page", page_revise_touch, NULL},
  {"POST", "/revise/new", EITHER, NEW_PARAMETERS, "revise/new", page_revise_plan, "批量修改"},
  {"GET", "/revise/sheet", EITHER, NULL, "revise/sheet", page_revise_sheet, "上传修改用表"},
  {"POST", "/revise/sheet", EITHER, UPLOAD_PARAMETERS, "revise/sheet", page_revise_upload, NULL},
  {"GET", "/revise/{id}", ANY, ONE_PARAMETERS, "revise/revision", page_revision, "批量修改"},
  {"POST", "/revise/{id}/start", PERMISSION_EDIT, ID_PARAMETERS, NULL, page_start, NULL},
  {"POST", "/revise/{id}/undo", PERMISSION_EDIT, ID_PARAMETERS, NULL, page_undo, NULL},
  {"POST", "/revise/{id}/submit", EITHER, ID_PARAMETERS, NULL, page_submit, NULL},
  {"POST", "/revise/{id}/approve", PERMISSION_APPROVE, ID_PARAMETERS, NULL, page_approve, NULL},
  {"POST", "/revise/{id}/return", PERMISSION_APPROVE, RETURN_PARAMETERS, NULL, page_return, NULL},
  {"POST", "/revise/{id}/drop", EITHER, ID_PARAMETERS, NULL, page_drop, NULL},
  {"POST", "/revise/{id}/choose", EITHER, CHOOSE_PARAMETERS, NULL, page_choose, NULL},
  {NULL},
};
