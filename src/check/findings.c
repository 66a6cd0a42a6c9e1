/*
 * Findings: of one item, and told to the journal so that they come back with a rebuilt archive.
 *
 * 1. The journal tells the first FINDINGS_KEPT of each item of a run, in events of at most EVENT_FINDINGS; how many is noted with the run. The others are in the
 *    database alone: a report that bad has its spreadsheet, and the journal must not grow with every fault of a million rows.
 */
#include "internal.h"
#include "journal.h"
#include "json.h"

enum { EVENT_FINDINGS = 200 };

json_t *result_findings(Sql *sql, gint64 id, const char *item, gint64 after, guint limit, GError **error) {
  return sql_json(sql, "SELECT sequence, row_number AS \"row\", record_id, code, path, reason, pending FROM check_finding "
    "WHERE task_id = $1 AND item = $2 AND sequence > $3 ORDER BY sequence LIMIT $4", SQL_ARGS(sql_int(id), sql_text(item), sql_int(after), sql_int(limit)), error);
}


gboolean findings_put(Sql *sql, gint64 id, const char *item, json_t *findings, GError **error) {
  json_t *finding;
  size_t i;
  json_array_foreach(findings, i, finding)
    if (!sql_exec(sql, "INSERT INTO check_finding (task_id, item, sequence, row_number, record_id, code, path, reason, pending) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", SQL_ARGS(sql_int(id), sql_text(item), sql_int(int_at(finding, "sequence") ?
        int_at(finding, "sequence") : (gint64)i + 1), sql_int(int_at(finding, "row")), sql_int(int_at(finding, "record_id")),
        sql_text(text_at(finding, "code")), sql_text(text_at(finding, "path")), sql_text(text_at(finding, "reason")),
        sql_int(int_at(finding, "pending"))), error)) return FALSE;
  return TRUE;
}

static gboolean tell_item(Sql *sql, gint64 id, const char *actor, const char *item, GError **error) {
  gint64 after = 0, left = FINDINGS_KEPT;
  for (size_t got = EVENT_FINDINGS; got == EVENT_FINDINGS && left > 0; left -= EVENT_FINDINGS) {
    json_t *findings = result_findings(sql, id, item, after, (guint)MIN(left, EVENT_FINDINGS), error);
    if (findings == NULL) return FALSE;
    got = json_array_size(findings);
    if (got) after = int_at(json_array_get(findings, got - 1), "sequence");
    json_auto_t *event = json_pack("{s:s, s:o}", "item", item, "findings", findings);
    if (got && !journal_append(sql, actor, "check.findings", "check_task", id, event, error)) return FALSE;
  }
  return TRUE;
}

gboolean findings_tell(Sql *sql, gint64 id, const char *actor, GError **error) {
  json_auto_t *items = sql_json(sql, "SELECT code FROM check_item WHERE task_id = $1 AND failed + pending > 0 ORDER BY position", SQL_ARGS(sql_int(id)), error);
  json_t *item;
  size_t i;
  json_array_foreach(items, i, item)
    if (!tell_item(sql, id, actor, text_at(item, "code"), error)) return FALSE;
  return items && sql_exec(sql, "UPDATE check_task SET findings_kept = $1 WHERE id = $2", SQL_ARGS(sql_int(FINDINGS_KEPT), sql_int(id)), error);
}

gboolean findings_replay(Sql *sql, gint64 id, json_t *event, GError **error) {
  return findings_put(sql, id, text_at(event, "item"), json_object_get(event, "findings"), error);
}

json_t *findings_first(json_t *findings) {
  json_t *first = json_array();
  for (size_t i = 0; i < MIN(json_array_size(findings), FINDINGS_KEPT); i++) json_array_append(first, json_array_get(findings, i));
  return first;
}
