/* Projects of collecting (project.h): their steps, and what came so far. */
#include "json.h"
#include "project.h"
#include "check.h"
#include "error.h"
#include "pages.h"
#include "text.h"
#include <string.h>

enum { LIST_BODIES = 2000, LIST_CANDIDATES = 500 };


/* ---- the steps: each one statement, given the event's data ---- */

typedef struct {
  gint64 id, at_us;
  const char *actor;
  json_t *data;
} Change;

static gboolean apply_open(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql,
    "INSERT INTO project (id, title, note, due_on, actor, created_at, stage) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT (id) DO UPDATE SET title = excluded.title, note = excluded.note, due_on = excluded.due_on, stage = excluded.stage",
    SQL_ARGS(sql_int(change->id), sql_text(text_at(change->data, "title")), sql_text(text_at(change->data, "note")), sql_text(text_at(change->data, "due_on")),
      sql_text(change->actor), sql_int(change->at_us), sql_text(*text_at(change->data, "stage") ? text_at(change->data, "stage") : "transfer")),
    error);
}

static gboolean apply_close(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "UPDATE project SET closed = 1 WHERE id = $1", SQL_ARGS(sql_int(change->id)), error);
}

static gboolean apply_reopen(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "UPDATE project SET closed = 0 WHERE id = $1", SQL_ARGS(sql_int(change->id)), error);
}

static gboolean apply_body(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql,
    "INSERT INTO project_body (project_id, body, owed, due_on, contact) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (project_id, body) DO UPDATE SET owed = excluded.owed, due_on = excluded.due_on, contact = excluded.contact",
    SQL_ARGS(sql_int(change->id), sql_text(text_at(change->data, "body")), sql_text(text_at(change->data, "owed")), sql_text(text_at(change->data, "due_on")),
      sql_text(text_at(change->data, "contact"))),
    error);
}

static gboolean apply_drop(Sql *sql, const Change *change, GError **error) {
  return sql_exec(
    sql, "DELETE FROM project_body WHERE project_id = $1 AND body = $2", SQL_ARGS(sql_int(change->id), sql_text(text_at(change->data, "body"))), error);
}

static gboolean apply_settle(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "UPDATE project_body SET settled = $1 WHERE project_id = $2 AND body = $3",
    SQL_ARGS(sql_int(json_is_true(json_object_get(change->data, "settled"))), sql_int(change->id), sql_text(text_at(change->data, "body"))), error);
}

static gboolean apply_chase(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "INSERT INTO project_chase (project_id, body, note, actor, at_us) VALUES ($1, $2, $3, $4, $5)",
    SQL_ARGS(
      sql_int(change->id), sql_text(text_at(change->data, "body")), sql_text(text_at(change->data, "note")), sql_text(change->actor), sql_int(change->at_us)),
    error);
}

static gboolean apply_topic(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "UPDATE project SET topic = $1 WHERE id = $2", SQL_ARGS(sql_int(int_at(change->data, "topic")), sql_int(change->id)), error);
}

static gboolean apply_delivery(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql,
    "INSERT INTO project_delivery (accession_id, project_id) VALUES ($1, $2) ON CONFLICT (accession_id) DO UPDATE SET project_id = excluded.project_id",
    SQL_ARGS(sql_int(int_at(change->data, "accession")), sql_int(change->id)), error);
}

static gboolean apply_release(Sql *sql, const Change *change, GError **error) {
  return sql_exec(sql, "DELETE FROM project_delivery WHERE accession_id = $1 AND project_id = $2",
    SQL_ARGS(sql_int(int_at(change->data, "accession")), sql_int(change->id)), error);
}

static const struct {
  const char *step;
  gboolean (*apply)(Sql *sql, const Change *change, GError **error);
  gboolean on_body, when_closed;
} STEPS[] = {
  {"open", apply_open, FALSE, FALSE},
  {"close", apply_close, FALSE, FALSE},
  {"reopen", apply_reopen, FALSE, TRUE},
  {"body", apply_body, FALSE, FALSE},
  {"drop", apply_drop, TRUE, FALSE},
  {"settle", apply_settle, TRUE, FALSE},
  {"chase", apply_chase, TRUE, FALSE},
  {"topic", apply_topic, FALSE, FALSE},
  {"delivery", apply_delivery, FALSE, FALSE},
  {"release", apply_release, FALSE, FALSE},
};

static gssize find_step(const char *step) {
  for (gsize i = 0; i < G_N_ELEMENTS(STEPS); i++)
    if (g_strcmp0(STEPS[i].step, step) == 0) return (gssize)i;
  return -1;
}

/* ---- the topic ---- */

static const ProjectTopics *topics_hook;
void project_set_topics(const ProjectTopics *topics) { topics_hook = topics; }

static gboolean topic_there(Sql *sql, gint64 topic, GError **error) {
  if (topic == 0) return TRUE;
  json_auto_t *named = topics_hook ? topics_hook->named(sql, topic, error) : json_array();
  return named && (json_array_size(named) == 1 || throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个专题，或它已删除。请另选"));
}

/* What is in of these deliveries goes to their project's topic: those of a project, or the one. */
static gboolean fill_topic(Sql *sql, const char *actor, gint64 project, gint64 accession, GError **error) {
  json_auto_t *rows = sql_json(sql,
    "SELECT a.id, a.name, p.title, p.topic FROM project_delivery AS d JOIN project AS p ON p.id = d.project_id JOIN accession AS a ON a.id = d.accession_id "
    "WHERE (d.project_id = $1 OR d.accession_id = $2) AND p.topic <> 0 AND a.state = 'done' ORDER BY a.id", SQL_ARGS(sql_int(project), sql_int(accession)), error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    g_autofree char *title = g_strdup_printf("收集项目“%s”第 %" G_GINT64_FORMAT " 批：%s", text_at(row, "title"), int_at(row, "id"), text_at(row, "name"));
    if (topics_hook && !topics_hook->fill(sql, actor, int_at(row, "topic"), int_at(row, "id"), title, error)) return FALSE;
  }
  return rows != NULL;
}

gboolean project_came_in(Sql *sql, const char *actor, gint64 accession_id, GError **error) { return fill_topic(sql, actor, 0, accession_id, error); }

static gboolean is_day(const char *text) {
  g_autoptr(GDateTime) day = NULL;
  if (!*text) return TRUE;
  g_autofree char *whole = g_strconcat(text, "T00:00:00Z", NULL);
  return strlen(text) == 10 && (day = g_date_time_new_from_iso8601(whole, NULL)) != NULL;
}

static gboolean check_step(Sql *sql, gint64 id, gsize step, json_t *data, GError **error) {
  if (!is_day(text_at(data, "due_on"))) return throw(error, LANTAI_ERROR_INVALID, "截止日期“%s”应写作 2026-12-31 的样子", text_at(data, "due_on"));
  if (STEPS[step].apply == apply_open && !*text_at(data, "title")) return throw(error, LANTAI_ERROR_INVALID, "请填写收集项目的名称");
  if (STEPS[step].apply == apply_body && !*text_at(data, "body")) return throw(error, LANTAI_ERROR_INVALID, "请填写应交材料的单位");
  if (STEPS[step].apply == apply_topic && !topic_there(sql, int_at(data, "topic"), error)) return FALSE;
  if (STEPS[step].apply == apply_open && stage_take(text_at(data, "stage"), error) == NULL) return FALSE;
  if (id == 0) return STEPS[step].apply == apply_open || throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个收集项目");
  gint64 closed = sql_number(sql, "SELECT closed FROM project WHERE id = $1", SQL_ARGS(sql_int(id)), -1, error);
  if (closed < 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有收集项目 %" G_GINT64_FORMAT, id);
  if (closed && !STEPS[step].when_closed) return throw(error, LANTAI_ERROR_CONFLICT, "这个收集项目已经结束。需要改动时请先重新打开");
  if (STEPS[step].on_body &&
    sql_number(
      sql, "SELECT count(*) AS n FROM project_body WHERE project_id = $1 AND body = $2", SQL_ARGS(sql_int(id), sql_text(text_at(data, "body"))), 0, error) == 0)
    return throw(error, LANTAI_ERROR_NOT_FOUND, "这个项目中没有单位“%s”", text_at(data, "body"));
  return STEPS[step].apply != apply_delivery ||
    sql_number(sql, "SELECT count(*) AS n FROM accession WHERE id = $1", SQL_ARGS(sql_int(int_at(data, "accession"))), 0, error) > 0 ||
    throw(error, LANTAI_ERROR_NOT_FOUND, "没有批次 %" G_GINT64_FORMAT, int_at(data, "accession"));
}

gint64 project_change(Sql *sql, const char *actor, gint64 id, const char *step, json_t *data, GError **error) {
  gssize at = find_step(step);
  if (at < 0) return throw(error, LANTAI_ERROR_INVALID, "没有这种操作");
  if (!check_step(sql, id, (gsize)at, data, error)) return 0;
  if (id == 0) id = 1 + sql_number(sql, "SELECT coalesce(max(id), 0) AS n FROM project", SQL_NONE, 0, error);
  g_autofree char *action = g_strconcat("project.", step, NULL);
  const Change change = {id, clock_now_us(), actor, data};
  json_object_set_new(data, "at_us", json_integer(change.at_us));
  if (!journal_append(sql, actor, action, "project", id, data, error) || !STEPS[at].apply(sql, &change, error)) return 0;
  gboolean fills = STEPS[at].apply == apply_topic || STEPS[at].apply == apply_delivery;
  return !fills || fill_topic(sql, actor, id, 0, error) ? id : 0;
}

gboolean project_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  gssize at = find_step(text_at(event, "action") + strlen("project."));
  if (at < 0) return throw(error, LANTAI_ERROR_INVALID, "日志中的收集项目事件 %s 不认识", text_at(event, "action"));
  json_t *data = json_object_get(event, "data");
  const Change change = {int_at(json_object_get(event, "subject"), "id"), int_at(data, "at_us"), text_at(event, "actor"), data};
  return STEPS[at].apply(sql, &change, error);
}

/* ---- what came ---- */

static char *today(void) {
  int day = date_today();
  return date_format((DateSpan){day, day});
}

/* Takes out of a list of deliveries what the asker may not see: it is neither listed nor counted. Takes list; NULL on error. */
static json_t *keep_visible(Sql *sql, const DeliveryAsker *asker, json_t *list, GError **error) {
  gboolean good = list != NULL;
  for (size_t i = json_array_size(list); good && i > 0; i--) {
    gboolean visible = FALSE;
    good = delivery_visible(sql, asker, json_array_get(list, i - 1), &visible, error);
    if (good && !visible) json_array_remove(list, i - 1);
  }
  if (good) return list;
  json_decref(list);
  return NULL;
}

static json_t *what_came(Sql *sql, const DeliveryAsker *asker, gint64 id, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT a.id, a.name, a.body, a.state, a.actor, a.created_count AS records, a.attached_count AS files, a.created_at FROM project_delivery AS d "
    "JOIN accession AS a ON a.id = d.accession_id WHERE d.project_id = $1 ORDER BY a.id",
    SQL_ARGS(sql_int(id)), error);
  return keep_visible(sql, asker, list, error);
}

json_t *project_list(Sql *sql, const DeliveryAsker *asker, gint64 before, int limit, GError **error) {
  g_autofree char *day = today();
  json_t *rows = sql_json(sql,
           "SELECT p.id, p.title, p.due_on, p.closed, (SELECT count(*) FROM project_body AS b WHERE b.project_id = p.id) AS bodies, "
           "(SELECT count(*) FROM project_body AS b WHERE b.project_id = p.id AND b.settled = 0) AS owing "
           "FROM project AS p WHERE $1 = 0 OR p.id < $1 ORDER BY p.id DESC LIMIT $2",
           SQL_ARGS(sql_int(before), sql_int(limit)), error),
         *row, *delivery;
  size_t i, j;
  json_array_foreach(rows, i, row) {
    gboolean closed = int_at(row, "closed") != 0, late = *text_at(row, "due_on") && strcmp(text_at(row, "due_on"), day) < 0 && int_at(row, "owing") > 0;
    json_object_set_new(row, "closed", json_boolean(closed));
    json_object_set_new(row, "overdue", json_boolean(late && !closed));
    json_t *came = what_came(sql, asker, int_at(row, "id"), error);
    if (came == NULL) return json_decref(rows), NULL;
    gint64 records = 0;
    json_array_foreach(came, j, delivery) records += int_at(delivery, "records");
    json_object_set_new(row, "deliveries", json_integer((json_int_t)json_array_size(came)));
    json_object_set_new(row, "records", json_integer(records));
    json_decref(came);
  }
  return rows;
}

static void add_to(json_t *row, const char *key, gint64 number) { json_object_set_new(row, key, json_integer(int_at(row, key) + number)); }

static void count_deliveries(json_t *bodies, json_t *deliveries) {
  static const char *const COUNTS[] = {"deliveries", "waiting", "records", "files"};
  g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *row;
  json_array_foreach(bodies, i, row) {
    for (guint count = 0; count < G_N_ELEMENTS(COUNTS); count++) json_object_set_new(row, COUNTS[count], json_integer(0));
    g_hash_table_insert(by_name, (char *)text_at(row, "body"), row);
  }
  json_array_foreach(deliveries, i, row) {
    json_t *body = g_hash_table_lookup(by_name, text_at(row, "body"));
    if (body == NULL) continue;
    const char *state = text_at(row, "state");
    gboolean done = g_str_equal(state, "done");
    add_to(body, "deliveries", 1);
    add_to(body, "waiting", !done && !g_str_equal(state, "undone") && !g_str_equal(state, "discarded"));
    add_to(body, "records", done ? int_at(row, "records") : 0);
    add_to(body, "files", done ? int_at(row, "files") : 0);
  }
}

/* 未交, 待审 (something came and is not accepted yet), 部分 (accepted, more is owed), 已交齐 (a clerk said so). */
static void describe_body(json_t *row, const char *day) {
  gboolean settled = int_at(row, "settled") != 0, came = int_at(row, "deliveries") > 0, waiting = int_at(row, "waiting") > 0;
  const char *label = settled ? "已交齐" : waiting ? "待审" : came ? "部分已交" : "未交", *tone = settled ? "ok" : waiting ? "info" : came ? "warn" : "bad";
  json_object_set_new(row, "state_label", json_string(label));
  json_object_set_new(row, "tone", json_string(tone));
  json_object_set_new(row, "settled", json_boolean(settled));
  json_object_set_new(row, "overdue", json_boolean(!settled && *text_at(row, "due_on") && strcmp(text_at(row, "due_on"), day) < 0));
}

static json_t *load_bodies(Sql *sql, gint64 id, GError **error) {
  return sql_json(sql,
    "SELECT b.body, b.owed, CASE WHEN b.due_on = '' THEN p.due_on ELSE b.due_on END AS due_on, b.contact, b.settled, "
    "(SELECT count(*) FROM project_chase AS c WHERE c.project_id = b.project_id AND c.body = b.body) AS chased, "
    "(SELECT coalesce(max(c.at_us), 0) FROM project_chase AS c WHERE c.project_id = b.project_id AND c.body = b.body) AS chased_at "
    "FROM project_body AS b JOIN project AS p ON p.id = b.project_id WHERE b.project_id = $1 ORDER BY b.settled, b.body LIMIT $2",
    SQL_ARGS(sql_int(id), sql_int(LIST_BODIES)), error);
}

static json_t *load_candidates(Sql *sql, const DeliveryAsker *asker, gint64 id, GError **error) {
  json_t *list = sql_json(sql,
    "SELECT a.id, a.name, a.body, a.actor FROM project_body AS b JOIN accession AS a ON a.body = b.body WHERE b.project_id = $1 "
    "AND a.state NOT IN ('undone', 'discarded') AND NOT EXISTS (SELECT 1 FROM project_delivery AS d WHERE d.accession_id = a.id) ORDER BY a.id DESC LIMIT $2",
    SQL_ARGS(sql_int(id), sql_int(LIST_CANDIDATES)), error);
  return keep_visible(sql, asker, list, error);
}

json_t *project_load(Sql *sql, const DeliveryAsker *asker, gint64 id, GError **error) {
  json_t *project = sql_row_json(sql, "SELECT id, title, note, due_on, closed, stage, topic AS topic_id, actor, created_at FROM project WHERE id = $1",
    SQL_ARGS(sql_int(id)), error);
  if (project == NULL) return NULL;
  json_t *row, *bodies = load_bodies(sql, id, error), *deliveries = bodies ? what_came(sql, asker, id, error) : NULL;
  json_t *candidates = deliveries ? load_candidates(sql, asker, id, error) : NULL;
  json_t *chases = candidates
    ? sql_json(sql, "SELECT body, note, actor, at_us AS at FROM project_chase WHERE project_id = $1 ORDER BY id DESC LIMIT 200", SQL_ARGS(sql_int(id)), error)
    : NULL;
  g_autofree char *day = today();
  size_t i;
  count_deliveries(bodies, deliveries);
  json_array_foreach(bodies, i, row) describe_body(row, day);
  json_object_set_new(project, "closed", json_boolean(int_at(project, "closed") != 0));
  json_object_set_new(project, "stage_label", json_string(check_stage_label(text_at(project, "stage"))));
  if (chases)
    return json_object_update_new(
             project, json_pack("{s:o, s:o, s:o, s:o}", "bodies", bodies, "deliveries", deliveries, "candidates", candidates, "chases", chases)),
           project;
  json_decref(bodies);
  json_decref(deliveries);
  json_decref(candidates);
  json_decref(project);
  return NULL;
}

json_t *project_owed(Sql *sql, const char *body, GError **error) {
  json_t *rows = sql_json(sql,
           "SELECT p.id AS project_id, p.title, b.owed, CASE WHEN b.due_on = '' THEN p.due_on ELSE b.due_on END AS due_on FROM project_body AS b "
           "JOIN project AS p ON p.id = b.project_id WHERE b.body = $1 AND b.settled = 0 AND p.closed = 0 ORDER BY p.id",
           SQL_ARGS(sql_text(body)), error),
         *row;
  g_autofree char *day = today();
  size_t i;
  json_array_foreach(rows, i, row) json_object_set_new(row, "overdue", json_boolean(*text_at(row, "due_on") && strcmp(text_at(row, "due_on"), day) < 0));
  return rows;
}

json_t *project_of_delivery(Sql *sql, gint64 accession_id, GError **error) {
  return sql_json(sql, "SELECT p.id, p.title FROM project_delivery AS d JOIN project AS p ON p.id = d.project_id WHERE d.accession_id = $1",
    SQL_ARGS(sql_int(accession_id)), error);
}

/* ---- pages ---- */

static WebReply *list_page(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const DeliveryAsker asker = page_asker(request);
  json_t *rows = sql ? project_list(sql, &asker, web_int(request, "before", 0), 51, error) : NULL;
  if (rows == NULL) return NULL;
  json_t *model = json_pack("{s:o, s:b}", "projects", rows, "may_change", web_may(request, "delivery.import"));
  if (json_array_size(rows) > 50) {
    json_array_remove(rows, 50);
    json_object_set(model, "next", json_object_get(json_array_get(rows, 49), "id"));
  }
  return web_model(model);
}

#define PERMISSION_TOPIC "topic.edit"

/* The project's topic, and which it may have instead. */
static gboolean add_topics(WebRequest *request, Sql *sql, json_t *project, GError **error) {
  if (topics_hook == NULL) return TRUE;
  gint64 topic = int_at(project, "topic_id");
  json_auto_t *named = topic ? topics_hook->named(sql, topic, error) : json_array();
  if (named == NULL) return FALSE;
  if (json_array_size(named) > 0) json_object_set(project, "topic", json_array_get(named, 0));
  json_object_set_new(project, "topic_gone", json_boolean(topic != 0 && json_array_size(named) == 0));
  if (!json_is_true(json_object_get(project, "may_change")) || !web_may(request, PERMISSION_TOPIC)) return TRUE;
  json_t *row, *choices = topics_hook->named(sql, 0, error);
  size_t i;
  json_array_foreach(choices, i, row) json_object_set_new(row, "chosen", json_boolean(int_at(row, "id") == topic));
  return choices && json_object_set_new(project, "topics", choices) == 0;
}

static WebReply *show_page(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const DeliveryAsker asker = page_asker(request);
  json_t *project = sql ? project_load(sql, &asker, web_int(request, "id", 0), error) : NULL;
  if (project == NULL) return NULL;
  json_object_set_new(project, "may_change", json_boolean(web_may(request, "delivery.import") && !json_is_true(json_object_get(project, "closed"))));
  json_object_set(project, "project_id", json_object_get(project, "id"));
  if (!add_topics(request, sql, project, error)) return json_decref(project), NULL;
  json_object_set_new(project, "has_candidates", json_boolean(web_may(request, "delivery.import") && json_array_size(json_object_get(project, "candidates"))));
  json_object_set_new(project, "may_reopen", json_boolean(web_may(request, "delivery.import") && json_is_true(json_object_get(project, "closed"))));
  return web_model(project);
}

static WebReply *new_page(WebRequest *request, GError **error) { return web_model(json_pack("{s:o}", "stages", stage_choices(NULL))); }

static gboolean may_name(WebRequest *request, Sql *sql, gint64 delivery, GError **error) {
  json_t *row = delivery_load(sql, delivery, error);
  const DeliveryAsker asker = page_asker(request);
  gboolean visible = FALSE, good = row && delivery_visible(sql, &asker, row, &visible, error);
  json_decref(row);
  return good && (visible || throw(error, LANTAI_ERROR_NOT_FOUND, "没有批次 %" G_GINT64_FORMAT, delivery));
}

/* The form's fields become the event's data; what the step does not use is not kept. */
static WebReply *change(WebRequest *request, GError **error) {
  static const char *const TEXTS[] = {"title", "note", "due_on", "stage", "body", "owed", "contact"};
  gboolean opening = g_str_has_suffix(web_path(request), "/new"); /* has the first four and nothing else */
  json_t *data = json_object();
  for (guint i = 0; i < (opening ? 4 : G_N_ELEMENTS(TEXTS)); i++) {
    const char *text = web_text(request, TEXTS[i]);
    g_autofree char *clean = text ? text_clean(text, TRUE) : NULL;
    if (clean) json_object_set_new(data, TEXTS[i], json_string(clean));
  }
  gint64 project = opening ? 0 : web_int(request, "id", 0), delivery = opening ? 0 : web_int(request, "delivery", 0);
  if (delivery) json_object_set_new(data, "accession", json_integer(delivery));
  const char *step = opening ? "open" : web_text(request, "step");
  if (g_strcmp0(step, "topic") == 0) json_object_set_new(data, "topic", json_integer(web_int(request, "topic", 0)));
  if (g_strcmp0(step, "settle") == 0) json_object_set_new(data, "settled", json_boolean(web_flag(request, "settled")));
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, &problem);
  gboolean may = g_strcmp0(step, "topic") != 0 || web_may(request, PERMISSION_TOPIC) || throw(&problem, LANTAI_ERROR_DENIED, "您没有编辑专题的权限");
  gboolean given = sql && may && (delivery == 0 || may_name(request, sql, delivery, &problem));
  gint64 id = given ? project_change(sql, web_actor(request), project, step, data, &problem) : 0;
  if (id && sql_commit(sql, &problem)) {
    json_decref(data);
    return web_redirect("/project/%" G_GINT64_FORMAT, id);
  }
  if (project || !g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) {
    json_decref(data);
    return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  }
  json_object_set_new(data, "problem", json_string(problem->message));
  json_object_set_new(data, "stages", stage_choices(text_at(data, "stage")));
  return web_model_status(data, 422);
}

static const WebParameter LIST_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起始项目"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "收集项目"}, {NULL}};
#define PROJECT_TEXTS                                                                                                                                          \
  {"title", WEB_TEXT, FALSE, 200, "项目名称"}, {"note", WEB_LINES, FALSE, 4000, "说明"}, {"due_on", WEB_TEXT, FALSE, 10, "截止日期"}, {"stage", WEB_TEXT, FALSE, 20, "环节"}
static const WebParameter NEW_PARAMETERS[] = {PROJECT_TEXTS, {NULL}};
static const WebParameter CHANGE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "收集项目"}, {"step", WEB_TEXT, TRUE, 20, "操作"}, PROJECT_TEXTS,
  {"body", WEB_TEXT, FALSE, 200, "单位"}, {"owed", WEB_LINES, FALSE, 4000, "应交材料"}, {"contact", WEB_TEXT, FALSE, 200, "联系人"},
  {"settled", WEB_FLAG, FALSE, 0, "已交齐"}, {"topic", WEB_INT, FALSE, 0, "专题"}, {"delivery", WEB_INT, FALSE, 0, "批次"}, {NULL}};

const WebRoute PROJECT_ROUTES[] = {
  {"GET", "/projects", "delivery.read", LIST_PARAMETERS, "accession/projects", list_page, "收集项目"},
  {"GET", "/project/new", "delivery.import", NULL, "accession/project-new", new_page, "新的收集项目"},
  {"POST", "/project/new", "delivery.import", NEW_PARAMETERS, "accession/project-new", change, "新的收集项目"},
  {"GET", "/project/{id}", "delivery.read", ID_PARAMETERS, "accession/project", show_page, "收集项目"},
  {"POST", "/project/{id}", "delivery.import", CHANGE_PARAMETERS, NULL, change, NULL},
  {NULL},
};
