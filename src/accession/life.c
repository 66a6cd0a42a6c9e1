/*
 * The life of a delivery as a state machine: what may follow what, who may do it, and who did it when.
 *
 * 1. Every change of the state column goes through life_move, which refuses what the table does not have and writes the step and its event in the caller's
 *    transaction.
 * 2. A delivery that is sent again after a return is the same delivery in its next round.
 * 3. What stands between receiving and loading is working data, not holdings: a rebuilt archive has those deliveries as received, with their steps.
 */
#include "delivery.h"
#include "error.h"
#include "journal.h"
#include "text.h"
#include <string.h>

#define STEPS_MAX 1000
#define NOTE_LENGTH 2000
#define ITEMS_MAX 500

const LifeTransition LIFE_TRANSITIONS[] = {
  {"", "registered", "delivery.import|delivery.own", "登记", FALSE},
  {"", "received", "delivery.import|delivery.own", "接收", FALSE},
  {"registered", "received", "delivery.import|delivery.own", "接收", FALSE},
  {"returned", "received", "delivery.import|delivery.own", "重新移交", FALSE},
  {"received", "received", "delivery.import|delivery.own", "更换文件", FALSE},
  {"checking", "received", "delivery.import|delivery.own", "检测中止", FALSE},
  {"rehearsed", "received", "delivery.import|delivery.own", "更改后重新检测", FALSE},
  {"received", "checking", "delivery.import|delivery.own", "开始检测", FALSE},
  {"rehearsed", "checking", "delivery.import|delivery.own", "重新检测", FALSE},
  {"checking", "rehearsed", "", "检测完毕，待审核", FALSE},
  {"rehearsed", "loading", "delivery.accept", "审核通过，入库", FALSE},
  {"loading", "attaching", "", "条目已入库", FALSE},
  {"loading", "done", "", "入库完毕", FALSE},
  {"attaching", "done", "", "入库完毕", FALSE},
  {"received", "returned", "delivery.accept", "退回", TRUE},
  {"rehearsed", "returned", "delivery.accept", "退回", TRUE},
  {"registered", "discarded", "delivery.import|delivery.own", "作废", TRUE},
  {"received", "discarded", "delivery.import|delivery.own", "作废", TRUE},
  {"checking", "discarded", "delivery.import|delivery.own", "作废", TRUE},
  {"rehearsed", "discarded", "delivery.import|delivery.own", "作废", TRUE},
  {"returned", "discarded", "delivery.import|delivery.own", "作废", TRUE},
  {"loading", "undoing", "delivery.undo", "开始撤销", FALSE},
  {"attaching", "undoing", "delivery.undo", "开始撤销", FALSE},
  {"done", "undoing", "delivery.undo", "开始撤销", FALSE},
  {"undoing", "undone", "", "撤销完毕", FALSE},
  {NULL, NULL, NULL, NULL, FALSE},
};

static const struct { const char *state, *label, *tone; } STATES[] = {
  {"registered", "已登记", "info"}, {"received", "已接收", "info"}, {"checking", "检测中", "warn"}, {"rehearsed", "待审核", "info"}, {"loading", "入库中", "warn"},
  {"attaching", "入库中", "warn"}, {"done", "已接收入库", "ok"}, {"returned", "已退回", "bad"}, {"discarded", "作废", "muted"}, {"undoing", "正在撤销", "warn"},
  {"undone", "已撤销", "muted"},
};

const char *life_label(const char *state, const char **ret_tone) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++) {
    if (!g_str_equal(STATES[i].state, state)) continue;
    if (ret_tone) *ret_tone = STATES[i].tone;
    return STATES[i].label;
  }
  if (ret_tone) *ret_tone = "info";
  return "";
}

const LifeTransition *life_find(const char *from, const char *to) {
  for (const LifeTransition *transition = LIFE_TRANSITIONS; transition->to; transition++)
    if (g_str_equal(transition->from, from) && g_str_equal(transition->to, to)) return transition;
  return NULL;
}

static gboolean check_step(const LifeTransition *transition, gint64 id, const char *from, const LifeStep *step, GError **error) {
  if (transition == NULL) return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 现在是“%s”，不能改为“%s”。请刷新页面，按现在的状态办理", id,
    life_label(from, NULL), life_label(step->to, NULL));
  if (transition->reason && !(step->note && *step->note) && json_array_size(step->items) == 0)
    return throw(error, LANTAI_ERROR_INVALID, "请写明%s的原因", transition->label);
  if (step->note && text_length(step->note) > NOTE_LENGTH) return throw(error, LANTAI_ERROR_INVALID, "说明过长，最多 %d 字", NOTE_LENGTH);
  return json_array_size(step->items) <= ITEMS_MAX || throw(error, LANTAI_ERROR_INVALID, "逐条原因过多，最多 %d 条", ITEMS_MAX);
}

/* The row of a step, as its event tells it; again on replay. */
static gboolean insert_step(Sql *sql, const char *actor, gint64 id, json_t *event, GError **error) {
  g_autofree char *items = json_dumps(json_object_get(event, "items"), JSON_COMPACT);
  return sql_exec(sql, "INSERT INTO accession_step (accession_id, sequence, round, from_state, to_state, actor, at, note, items, check_id) "
    "SELECT $1, COALESCE(MAX(sequence), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9 FROM accession_step WHERE accession_id = $1",
    SQL_ARGS(sql_int(id), sql_int(int_at(event, "round")), sql_text(text_at(event, "from")), sql_text(text_at(event, "state")), sql_text(actor),
      sql_int(int_at(event, "at")), sql_text(text_at(event, "note")), sql_text(items ? items : "[]"), sql_int(int_at(event, "check"))), error);
}

gboolean life_move(Sql *sql, const char *actor, gint64 id, const LifeStep *step, GError **error) {
  json_t *row = sql_row_json(sql, "SELECT state, round, check_id, missing_count AS missing, surplus_count AS surplus FROM accession WHERE id = $1",
    SQL_ARGS(sql_int(id)), error);
  if (row == NULL) return FALSE;
  const char *from = text_at(row, "state");
  const LifeTransition *transition = life_find(from, step->to);
  gint64 round = int_at(row, "round") + g_str_equal(from, "returned") * g_str_equal(step->to, "received");
  json_t *event = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:I}", "state", step->to, "from", from, "round", (json_int_t)round, "at",
    (json_int_t)clock_now_us(), "note", step->note ? step->note : "", "missing", (json_int_t)int_at(row, "missing"), "surplus",
    (json_int_t)int_at(row, "surplus"));
  if (g_str_equal(step->to, "loading")) json_object_set(event, "check", json_object_get(row, "check_id")); /* accepted on the result of this run */
  json_object_set_new(event, "items", step->items ? json_incref(step->items) : json_array());
  gboolean good = check_step(transition, id, from, step, error) && insert_step(sql, actor, id, event, error) &&
    sql_exec(sql, "UPDATE accession SET state = $1, round = $2 WHERE id = $3", SQL_ARGS(sql_text(step->to), sql_int(round), sql_int(id)), error) &&
    journal_append(sql, actor, "accession.state", "accession", id, event, error) != 0;
  json_decref(event);
  json_decref(row);
  return good;
}

gboolean life_replay(Sql *sql, const char *actor, gint64 id, json_t *event, GError **error) {
  const char *state = text_at(event, "state");
  gboolean working = g_str_equal(state, "checking") || g_str_equal(state, "rehearsed");
  if (!sql_exec(sql, "UPDATE accession SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(working ? "received" : state), sql_int(id)), error)) return FALSE;
  if (json_object_get(event, "from") == NULL) return TRUE; /* told before there were steps */
  return insert_step(sql, actor, id, event, error) &&
    sql_exec(sql, "UPDATE accession SET round = $1 WHERE id = $2", SQL_ARGS(sql_int(int_at(event, "round")), sql_int(id)), error);
}

json_t *life_steps(Sql *sql, gint64 id, GError **error) {
  json_t *steps = sql_json(sql, "SELECT round, from_state AS \"from\", to_state AS \"to\", actor, at, note, items, "
    "check_id AS \"check\" FROM accession_step WHERE accession_id = $1 ORDER BY sequence LIMIT $2", SQL_ARGS(sql_int(id), sql_int(STEPS_MAX)), error), *step;
  size_t i;
  json_array_foreach(steps, i, step) {
    const LifeTransition *transition = life_find(text_at(step, "from"), text_at(step, "to"));
    const char *tone;
    json_object_set_new(step, "state_label", json_string(life_label(text_at(step, "to"), &tone)));
    json_object_set_new(step, "tone", json_string(tone));
    json_object_set_new(step, "label", json_string(transition ? transition->label : life_label(text_at(step, "to"), NULL)));
    json_t *items = json_loads(text_at(step, "items"), 0, NULL);
    if (int_at(step, "check") == 0) json_object_set_new(step, "check", json_false()); /* not absent: the page would take the delivery's own in its place */
    json_object_set_new(step, "later_round", json_boolean(int_at(step, "round") > 1));
    json_object_set_new(step, "items", items ? items : json_array());
  }
  return steps;
}

/* ---- what people decide ---- */

/* Nobody decides while a job is at work on it. */
static gboolean decide(const House *house, const char *actor, gint64 id, const LifeStep *step, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  json_decref(delivery);
  return delivery && delivery_idle(sql, id, error) && life_move(sql, actor, id, step, error) &&
    sql_exec(sql, "UPDATE accession SET failure = '' WHERE id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}

gboolean accession_return(const House *house, const char *actor, gint64 id, const char *note, json_t *items, GError **error) {
  return decide(house, actor, id, &(LifeStep){"returned", note, items}, error);
}

gboolean accession_discard(const House *house, const char *actor, gint64 id, const char *reason, GError **error) {
  if (!decide(house, actor, id, &(LifeStep){"discarded", reason, NULL}, error)) return FALSE;
  g_autofree char *folder = delivery_path(house, id, NULL);
  if (!delivery_point("accession.discarded", error)) return FALSE;
  return folder_remove(folder) || throw(error, LANTAI_ERROR_UNAVAILABLE, "批次已作废，但它的工作目录 %s 没有删净。请检查权限后手工删除", folder);
}
