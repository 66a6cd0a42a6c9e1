/*
 * What a run came to: its items, its state, a person's word on what the program could not decide.
 *
 * 1. failed: an item of weight "error" failed, or a person said so. awaiting: something waits for a person, or an item of that weight did not run.
 *    passed: neither. So what did not run never counts as passed.
 * 2. A person may decide what awaits one or did not run, not what failed; the program's own outcome stays beside his word.
 * 3. check_replay makes runs and words anew from the journal, and of each item the findings that the journal was told (findings.c).
 */
#include "internal.h"
#include "journal.h"
#include "settings.h"
#include <string.h>

static Outcome outcome_of(const Probe *probe) {
  if (probe->failed) return probe->item->warning ? OUTCOME_WARNED : OUTCOME_FAILED;
  if (probe->skipped) return OUTCOME_NOT_PERFORMED;
  if (probe->pending || probe->item->person) return OUTCOME_AWAITING;
  return probe->checked ? OUTCOME_PASSED : OUTCOME_NOT_APPLICABLE;
}

static char *explain_of(const Probe *probe, Outcome outcome) {
  if (outcome == OUTCOME_FAILED || outcome == OUTCOME_WARNED) return g_strdup_printf("%" G_GINT64_FORMAT " 处不符", probe->failed);
  if (probe->explain) return g_strdup(probe->explain);
  if (outcome == OUTCOME_NOT_APPLICABLE) return g_strdup("没有可检测的对象");
  if (outcome != OUTCOME_AWAITING) return g_strdup("");
  if (probe->pending) return g_strdup_printf("%" G_GINT64_FORMAT " 处程序不能判定，请人工确认", probe->pending);
  return g_strdup(probe->item->object ? probe->item->object : "请人工检测并签署意见");
}

static gboolean put_item(Sql *sql, gint64 id, guint position, json_t *item, GError **error) {
  const char *texts[] = {"code", "name", "property", "group", "severity", "outcome", "explain"};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (!json_is_string(json_object_get(item, texts[i]))) return throw(error, LANTAI_ERROR_INVALID, "检测结果缺少 %s", texts[i]);
#define text(key) sql_text(json_string_value(json_object_get(item, key)))
#define number(key) sql_int(json_integer_value(json_object_get(item, key)))
  return sql_exec(sql, "INSERT INTO check_item (task_id, position, code, name, property, grouping, severity, outcome, state, checked, failed, pending, explain) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)", SQL_ARGS(sql_int(id), sql_int(position), text("code"), text("name"), text("property"),
    text("group"), text("severity"), text("outcome"), number("checked"), number("failed"), number("pending"), text("explain")), error);
#undef text
#undef number
}

gboolean result_put(Sql *sql, gint64 id, Probe *const *probes, guint count, GError **error) {
  for (guint i = 0; i < count; i++) {
    const Probe *probe = probes[i];
    Outcome outcome = outcome_of(probe);
    g_autofree char *explain = explain_of(probe, outcome), *valid = g_utf8_make_valid(explain, -1);
    json_auto_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "code", probe->item->code, "name", probe->item->name, "property",
      probe->item->property, "group", probe->item->group ? probe->item->group : "", "severity", probe->item->warning ? "warning" : "error", "outcome",
      OUTCOMES[outcome].code, "explain", valid, "checked", (json_int_t)probe->checked, "failed", (json_int_t)probe->failed, "pending", (json_int_t)probe->pending);
    if (probe->withdrawn &&
        !sql_exec(sql, "DELETE FROM check_finding WHERE task_id = $1 AND item = $2", SQL_ARGS(sql_int(id), sql_text(probe->item->code)), error)) return FALSE;
    if (!put_item(sql, id, i + 1, item, error)) return FALSE;
  }
  return TRUE;
}

static gboolean settle(Sql *sql, gint64 id, GError **error) {
  return sql_exec(sql, "UPDATE check_task SET "
    "failed = (SELECT COUNT(*) FROM check_item WHERE task_id = $1 AND state = 'failed'), "
    "warned = (SELECT COUNT(*) FROM check_item WHERE task_id = $1 AND state = 'warned'), "
    "awaiting = (SELECT COUNT(*) FROM check_item WHERE task_id = $1 AND state = 'awaiting'), "
    "not_performed = (SELECT COUNT(*) FROM check_item WHERE task_id = $1 AND state = 'not_performed'), "
    "state = CASE WHEN EXISTS (SELECT 1 FROM check_item WHERE task_id = $1 AND state = 'failed') THEN 'failed' "
    "WHEN EXISTS (SELECT 1 FROM check_item WHERE task_id = $1 AND (state = 'awaiting' OR (state = 'not_performed' AND severity = 'error'))) THEN 'awaiting' "
    "ELSE 'passed' END WHERE id = $1", SQL_ARGS(sql_int(id)), error);
}

gboolean result_finish(Sql *sql, gint64 id, const char *actor, json_t *task, GError **error) {
  gint64 now = clock_now_us();
  json_t *items = sql_json(sql, "SELECT code, name, property, grouping AS \"group\", severity, outcome, explain, checked, failed, pending FROM check_item "
    "WHERE task_id = $1 ORDER BY position", SQL_ARGS(sql_int(id)), error);
  if (items == NULL) return FALSE;
  json_object_set_new(task, "items", items);
  json_object_set_new(task, "finished_us", json_integer(now));
  json_object_set_new(task, "findings_kept", json_integer(FINDINGS_KEPT));
  return sql_exec(sql, "UPDATE check_task SET units = $1, files = $2, bytes = $3, finished_us = $4 WHERE id = $5",
    SQL_ARGS(sql_int(json_integer_value(json_object_get(task, "units"))), sql_int(json_integer_value(json_object_get(task, "files"))),
    sql_int(json_integer_value(json_object_get(task, "bytes"))), sql_int(now), sql_int(id)), error) &&
    settle(sql, id, error) && journal_append(sql, actor, "check.finish", "check_task", id, task, error) != 0 && findings_tell(sql, id, actor, error);
}

/* ---- a person's word ---- */

static gboolean sign_one(Sql *sql, gint64 id, const char *code, const char *actor, json_t *word, GError **error) {
  gint64 at = json_integer_value(json_object_get(word, "signed_us"));
  const char *verdict = json_string_value(json_object_get(word, "verdict")), *note = json_string_value(json_object_get(word, "note"));
  if (!sql_exec(sql, "UPDATE check_item SET state = $1, signed_by = $2, signed_us = $3, note = $4 WHERE task_id = $5 AND code = $6 "
    "AND outcome IN ('awaiting', 'not_performed')", SQL_ARGS(sql_text(verdict), sql_text(actor), sql_int(at), sql_text(note), sql_int(id),
    sql_text(code)), error)) return FALSE;
  return sql_changes(sql) == 1 || throw(error, LANTAI_ERROR_CONFLICT, "检测项 %s 不待人工确认，不能签署", code);
}

gboolean result_sign(const House *house, Sql *sql, const char *actor, gint64 id, const char *const *codes, gsize count, gboolean good, const char *note,
  GError **error) {
  if (count == 0) return throw(error, LANTAI_ERROR_INVALID, "请选择要签署的检测项");
  if (note == NULL || *note == '\0') return throw(error, LANTAI_ERROR_INVALID, "请写明检测情况或依据");
  json_auto_t *word = json_pack("{s:[], s:s, s:s, s:I}", "items", "verdict", good ? "passed" : "failed", "note", note, "signed_us", (json_int_t)clock_now_us());
  for (gsize i = 0; i < count; i++) {
    json_array_append_new(json_object_get(word, "items"), json_string(codes[i]));
    if (!sign_one(sql, id, codes[i], actor, word, error)) return FALSE;
  }
  return settle(sql, id, error) && journal_append(sql, actor, "check.sign", "check_task", id, word, error) != 0;
}

/* ---- what could only be found later ---- */

/* The codes of the run's items of this rule that did not run. */
static json_t *waiting_items(Sql *sql, gint64 id, const char *rule, GError **error) {
  g_autofree char *stage = sql_string(sql, "SELECT stage FROM check_task WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  const Scheme *scheme = stage ? scheme_of(check_stage_of(stage)) : NULL;
  json_t *codes = json_array();
  for (guint i = 0; scheme && i < scheme->count; i++) {
    const Item *item = &scheme->items[i];
    if (g_str_equal(item->rule->name, rule) && sql_number(sql, "SELECT COUNT(*) AS waiting FROM check_item WHERE task_id = $1 AND code = $2 AND "
        "outcome = 'not_performed'", SQL_ARGS(sql_int(id), sql_text(item->code)), 0, error)) json_array_append_new(codes, json_string(item->code));
  }
  return codes;
}

gboolean check_waits(Sql *sql, gint64 id, const char *rule) {
  json_auto_t *codes = waiting_items(sql, id, rule, NULL);
  return json_array_size(codes) > 0;
}

/* A weight of "warning" makes a failure a warning. */
static gboolean complete_item(Sql *sql, gint64 id, const char *code, json_t *found, GError **error) {
  gint64 checked = json_integer_value(json_object_get(found, "checked")), failed = json_integer_value(json_object_get(found, "failed"));
  const char *explain = json_string_value(json_object_get(found, "explain")), *good = checked ? "passed" : "not_applicable";
  return sql_exec(sql, "UPDATE check_item SET checked = $1, failed = $2, explain = $3, outcome = CASE WHEN $2 = 0 THEN $4 WHEN severity = 'warning' THEN 'warned' "
    "ELSE 'failed' END, state = CASE WHEN $2 > 0 THEN CASE severity WHEN 'warning' THEN 'warned' ELSE 'failed' END WHEN signed_us > 0 THEN state ELSE $4 END "
    "WHERE task_id = $5 AND code = $6", SQL_ARGS(sql_int(checked), sql_int(failed), sql_text(explain ? explain : ""), sql_text(good), sql_int(id),
    sql_text(code)), error);
}

static gboolean complete_items(Sql *sql, gint64 id, json_t *codes, json_t *found, GError **error) {
  json_t *code;
  size_t i;
  json_array_foreach(codes, i, code)
    if (!complete_item(sql, id, json_string_value(code), found, error)) return FALSE;
  return settle(sql, id, error);
}

gboolean check_complete(Sql *sql, const char *actor, gint64 id, const char *rule, json_t *found, GError **error) {
  json_auto_t *codes = waiting_items(sql, id, rule, error), *event = json_copy(found);
  json_t *code;
  size_t i;
  if (json_array_size(codes) == 0) return TRUE;
  json_array_foreach(codes, i, code)
    if (!findings_put(sql, id, json_string_value(code), json_object_get(found, "findings"), error)) return FALSE;
  json_object_set_new(event, "findings", findings_first(json_object_get(found, "findings")));
  json_object_set(event, "items", codes);
  return complete_items(sql, id, codes, found, error) && journal_append(sql, actor, "check.complete", "check_task", id, event, error) != 0;
}

/* ---- from the journal ---- */

static gboolean replay_finish(Sql *sql, gint64 id, const char *actor, json_t *task, GError **error) {
  json_t *item;
  size_t i;
#define text(key) sql_text(json_string_value(json_object_get(task, key)) ? json_string_value(json_object_get(task, key)) : "")
#define number(key) sql_int(json_integer_value(json_object_get(task, key)))
  if (!sql_exec(sql, "INSERT INTO check_task (id, stage, subject_kind, subject_id, name, category, actor, state, units, files, bytes, started_us, finished_us, "
    "findings_kept) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $9, $10, $11, $12, $13)", SQL_ARGS(sql_int(id), text("stage"), text("subject_kind"),
    number("subject_id"), text("name"), text("category"), sql_text(actor), number("units"), number("files"), number("bytes"), number("started_us"),
    number("finished_us"), number("findings_kept")), error)) return FALSE;
#undef text
#undef number
  json_array_foreach(json_object_get(task, "items"), i, item)
    if (!put_item(sql, id, (guint)i + 1, item, error)) return FALSE;
  return settle(sql, id, error);
}

static gboolean replay_complete(Sql *sql, gint64 id, json_t *data, GError **error) {
  json_t *code;
  size_t i;
  json_array_foreach(json_object_get(data, "items"), i, code)
    if (!findings_put(sql, id, json_string_value(code), json_object_get(data, "findings"), error)) return FALSE;
  return complete_items(sql, id, json_object_get(data, "items"), data, error);
}

gboolean check_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *subject = json_object_get(event, "subject"), *data = json_object_get(event, "data"), *code;
  const char *action = json_string_value(json_object_get(event, "action")), *actor = json_string_value(json_object_get(event, "actor"));
  gint64 id = json_integer_value(json_object_get(subject, "id"));
  size_t i;
  if (g_strcmp0(action, "check.finish") == 0) return replay_finish(sql, id, actor, data, error);
  if (g_strcmp0(action, "check.findings") == 0) return findings_replay(sql, id, data, error);
  if (g_strcmp0(action, "check.complete") == 0) return replay_complete(sql, id, data, error);
  if (g_strcmp0(action, "check.sign") != 0) return TRUE;
  json_array_foreach(json_object_get(data, "items"), i, code)
    if (!sign_one(sql, id, json_string_value(code), actor, data, error)) return FALSE;
  return settle(sql, id, error);
}

/* ---- reading ---- */

static const struct OutcomeWord *word_of(const char *code) {
  for (const struct OutcomeWord *word = OUTCOMES; word->code; word++)
    if (g_strcmp0(word->code, code) == 0) return word;
  return &OUTCOMES[OUTCOME_NOT_PERFORMED];
}

static void decorate(json_t *row) {
  const struct OutcomeWord *word = word_of(json_string_value(json_object_get(row, "state")));
  json_object_set_new(row, "state_label", json_string(word->label));
  json_object_set_new(row, "tone", json_string(word->tone));
}

static void decorate_task(json_t *task) {
  json_object_set_new(task, "stage_label", json_string(check_stage_label(json_string_value(json_object_get(task, "stage")))));
  decorate(task);
}

json_t *check_latest(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error) {
  json_t *rows = sql_json(sql, "SELECT id, stage, subject_kind, subject_id, name, state, failed, warned, awaiting, not_performed, units, files, bytes, actor, "
    "started_us AS started_at, finished_us AS finished_at FROM check_task WHERE subject_kind = $1 AND subject_id = $2 AND finished_us > 0 ORDER BY id DESC LIMIT 1",
    SQL_ARGS(sql_text(subject_kind), sql_int(subject_id)), error);
  json_t *task = json_incref(json_array_get(rows, 0));
  json_decref(rows);
  if (task) decorate_task(task);
  return task;
}

json_t *check_report(Sql *sql, gint64 id, guint limit, GError **error) {
  json_t *item;
  size_t i;
  json_auto_t *task = sql_row_json(sql, "SELECT id, stage, subject_kind, subject_id, name, state, failed, warned, awaiting, not_performed, units, files, bytes, actor, "
    "started_us AS started_at, finished_us AS finished_at FROM check_task WHERE id = $1 AND finished_us > 0", SQL_ARGS(sql_int(id)), error);
  if (task == NULL) return NULL;
  json_t *items = sql_json(sql, "SELECT code, name, property, grouping AS \"group\", severity, outcome, state, checked, failed, pending, explain, signed_by, "
    "signed_us AS signed_at, note FROM check_item WHERE task_id = $1 ORDER BY position", SQL_ARGS(sql_int(id)), error);
  if (items == NULL) return NULL;
  decorate_task(task);
  json_object_set_new(task, "items", items);
  json_array_foreach(items, i, item) {
    const char *outcome = json_string_value(json_object_get(item, "outcome"));
    gboolean some = json_integer_value(json_object_get(item, "failed")) + json_integer_value(json_object_get(item, "pending")) > 0;
    json_t *findings = limit && some ? result_findings(sql, id, json_string_value(json_object_get(item, "code")), 0, limit, error) : json_array();
    if (findings == NULL) return NULL;
    decorate(item);
    json_object_set_new(item, "findings", findings);
    json_object_set_new(item, "signable", json_boolean(g_str_equal(outcome, "awaiting") || g_str_equal(outcome, "not_performed")));
  }
  return g_steal_pointer(&task);
}
