/*
 * Who may read a frozen report.
 *
 * 1. What it rests on was recorded when it was frozen; whoever may see all that may read it. One frozen before that was recorded is read by those who approve reports.
 * 2. Others read it when its signer has released it to a role of theirs: data of the report, told in the journal, and taken back in the same way.
 * 3. Every way to its text, numbers and files asks here first.
 */
#include "crypto.h"
#include "error.h"
#include "people.h"
#include "report-internal.h"
#include <string.h>

#define EVERYONE "*"

static gboolean is_released(json_t *issue, const Person *person) {
  json_t *code;
  size_t i;
  json_array_foreach(json_object_get(json_object_get(issue, "released"), "roles"), i, code) {
    if (g_str_equal(json_string_value(code), EVERYONE) || people_has_role(person, json_string_value(code))) return TRUE;
  }
  return FALSE;
}

gboolean report_may_read(json_t *issue, Asker asker) {
  if (asker.everything || report_state(issue) != REPORT_FROZEN || is_released(issue, asker.person)) return TRUE;
  json_t *rests = json_object_get(issue, "rests");
  return rests ? figure_rests_seen(rests, asker) : people_may(asker.person, "report.approve");
}

gboolean report_is_signer(Sql *sql, json_t *issue, const char *actor) {
  json_auto_t *steps = report_issue_steps(sql, int_at(issue, "id"), NULL);
  json_t *last = json_array_get(steps, json_array_size(steps) - 1);
  return report_state(issue) == REPORT_FROZEN && g_str_equal(text_at(last, "to_state"), "frozen") && g_str_equal(text_at(last, "actor"), actor);
}

json_t *report_audiences(json_t *issue) {
  json_t *roles = json_object_get(json_object_get(issue, "released"), "roles"), *role, *code, *permission;
  json_t *rows = json_pack("[{s:s, s:s, s:b}]", "code", EVERYONE, "title", "所有能看指标的人", "on", FALSE);
  size_t i, k;
  json_array_foreach(people_roles(), i, role) {
    gboolean sees = FALSE;
    json_array_foreach(json_object_get(role, "permissions"), k, permission) sees = sees || g_str_equal(json_string_value(permission), "figure.read");
    if (sees) json_array_append_new(rows, json_pack("{s:O, s:O, s:b}", "code", json_object_get(role, "code"), "title", json_object_get(role, "title"), "on", FALSE));
  }
  json_array_foreach(rows, i, role) {
    json_array_foreach(roles, k, code)
      if (json_equal(code, json_object_get(role, "code"))) json_object_set_new(role, "on", json_true());
  }
  return rows;
}

/* Those of the given codes that there are, each once, in the order of report_audiences. */
static json_t *roles_given(json_t *issue, json_t *given) {
  json_auto_t *audiences = report_audiences(issue);
  json_t *roles = json_array(), *audience, *code;
  size_t i, k;
  json_array_foreach(audiences, i, audience) {
    gboolean wanted = FALSE;
    json_array_foreach(given, k, code) wanted = wanted || json_equal(code, json_object_get(audience, "code"));
    if (wanted) json_array_append(roles, json_object_get(audience, "code"));
  }
  return roles;
}

gboolean report_issue_release(Sql *sql, Asker asker, const char *actor, gint64 id, json_t *given, const char *note, GError **error) {
  json_auto_t *issue = report_issue_load(sql, id, error);
  if (issue == NULL) return FALSE;
  if (report_state(issue) != REPORT_FROZEN) return throw(error, LANTAI_ERROR_CONFLICT, "报告还没有定稿");
  json_t *rests = json_object_get(issue, "rests");
  if (!report_is_signer(sql, issue, actor) || (rests && !figure_rests_seen(rests, asker)))
    return throw(error, LANTAI_ERROR_DENIED, "发给谁由签发人决定");
  json_auto_t *roles = roles_given(issue, given);
  if (json_array_size(roles) < json_array_size(given)) return throw(error, LANTAI_ERROR_INVALID, "没有这个发送范围");
  if (json_equal(roles, json_object_get(json_object_get(issue, "released"), "roles"))) return TRUE;
  json_object_set_new(issue, "released", json_pack("{s:O, s:s, s:I, s:s}", "roles", roles, "by", actor, "at", (json_int_t)clock_now_us(), "note", note ? note : ""));
  return report_issue_put(sql, actor, "report.release", issue, NULL, error);
}
