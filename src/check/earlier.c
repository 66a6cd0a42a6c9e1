/*
 * Signatures of an earlier check of the same subject: a delivery that was returned is checked anew in its next round, and what a person signed before stands in
 * the earlier report alone.
 *
 * 1. Nothing is taken over by itself. A person may take over what was signed as passed, item by item unchanged: the same outcome, counts, explanation and
 *    findings, over as many records, files and bytes. It is that person's word then, and says whose it was.
 */
#include "internal.h"
#include "people.h"

gint64 check_earlier(Sql *sql, gint64 id, GError **error) {
  return sql_number(sql, "SELECT t.id AS id FROM check_task AS n JOIN check_task AS t ON t.subject_kind = n.subject_kind AND t.subject_id = n.subject_id AND "
    "t.id < n.id AND t.stage = n.stage WHERE n.id = $1 AND t.finished_us > 0 AND EXISTS (SELECT 1 FROM check_item AS i WHERE i.task_id = t.id AND i.signed_us > 0) "
    "ORDER BY t.id DESC LIMIT 1", SQL_ARGS(sql_int(id)), 0, error);
}

/* What was signed in `earlier` and waits in `id`: [{code, state, note, signed_by, signed_at, same}]. */
static json_t *waiting(Sql *sql, gint64 id, gint64 earlier, GError **error) {
  return sql_json(sql, "SELECT o.code AS code, o.state AS state, o.note AS note, o.signed_by AS signed_by, o.signed_us AS signed_at, "
    "CASE WHEN o.state = 'passed' AND n.outcome = o.outcome AND n.checked = o.checked AND n.pending = o.pending AND n.explain = o.explain AND "
    "nt.units = ot.units AND nt.files = ot.files AND nt.bytes = ot.bytes AND NOT EXISTS (SELECT 1 FROM check_finding AS f WHERE f.task_id = o.task_id AND "
    "f.item = o.code AND NOT EXISTS (SELECT 1 FROM check_finding AS g WHERE g.task_id = n.task_id AND g.item = f.item AND g.sequence = f.sequence AND "
    "g.code = f.code AND g.path = f.path AND g.reason = f.reason)) THEN 1 ELSE 0 END AS same "
    "FROM check_item AS o JOIN check_item AS n ON n.task_id = $1 AND n.code = o.code JOIN check_task AS nt ON nt.id = n.task_id "
    "JOIN check_task AS ot ON ot.id = o.task_id WHERE o.task_id = $2 AND o.signed_us > 0 AND n.signed_us = 0 AND n.outcome IN ('awaiting', 'not_performed') "
    "ORDER BY o.position", SQL_ARGS(sql_int(id), sql_int(earlier)), error);
}

json_t *result_earlier(Sql *sql, gint64 id, GError **error) {
  GError *failure = NULL;
  gint64 earlier = check_earlier(sql, id, &failure), same = 0;
  json_t *items = earlier ? waiting(sql, id, earlier, &failure) : NULL, *item;
  size_t i;
  if (failure) return g_propagate_error(error, failure), NULL;
  json_array_foreach(items, i, item) {
    same += json_integer_value(json_object_get(item, "same"));
    json_object_set_new(item, "same", json_boolean(json_integer_value(json_object_get(item, "same")) != 0));
    json_object_set_new(item, "check", json_integer(earlier));
  }
  return json_pack("{s:I, s:I, s:I, s:o}", "check", (json_int_t)earlier, "signed", (json_int_t)json_array_size(items), "same", (json_int_t)same, "items",
    items ? items : json_array());
}

gboolean result_take_over(const House *house, Sql *sql, const char *actor, gint64 id, GError **error) {
  json_auto_t *earlier = result_earlier(sql, id, error);
  json_t *item;
  size_t i;
  guint taken = 0;
  json_array_foreach(json_object_get(earlier, "items"), i, item) {
    if (!json_is_true(json_object_get(item, "same"))) continue;
    const char *code = json_string_value(json_object_get(item, "code")), *by = json_string_value(json_object_get(item, "signed_by"));
    g_autofree char *person = people_title_of(by), *note = g_strdup_printf("沿用第 %" JSON_INTEGER_FORMAT " 号检测中%s的签署：%s",
      json_integer_value(json_object_get(earlier, "check")), person && *person ? person : by, json_string_value(json_object_get(item, "note")));
    if (!result_sign(house, sql, actor, id, &code, 1, TRUE, note, error)) return FALSE;
    taken++;
  }
  return earlier && (taken || throw(error, LANTAI_ERROR_CONFLICT, "没有可以沿用的签署：检测情况与上一次不同的，请重新确认"));
}
