/* What the pages of all planned work share: a plan's state, what may be done with it, and that its job is queued. */
#include "planned.h"
#include <string.h>

static const char *const STATES[] = {"planned", "running", "done", "undoing", "undone"}, *const TONES[] = {"info", "warn", "ok", "warn", "muted"};

/* The latest job of a plan: job while it goes on (active), problem when it failed. */
static void add_job(json_t *model, Sql *sql, const char *subject, gint64 id) {
  json_auto_t *job = job_latest(sql, subject, id, NULL);
  if (job == NULL) return;
  const char *state = json_string_value(json_object_get(job, "state"));
  gboolean failed = g_strcmp0(state, "failed") == 0, active = g_strcmp0(state, "queued") == 0 || g_strcmp0(state, "running") == 0;
  if (failed) json_object_set(model, "problem", json_object_get(job, "error"));
  json_object_set_new(model, "active", json_boolean(active));
  if (active) json_object_set(model, "job", job);
}

void planned_describe(const PlannedKind *kind, json_t *model, Sql *sql, json_t *plan) {
  const char *state = json_string_value(json_object_get(plan, "state"));
  gint64 done = json_integer_value(json_object_get(plan, "done")), total = json_integer_value(json_object_get(plan, "total"));
  add_job(model, sql, kind->name, json_integer_value(json_object_get(plan, "id")));
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_strcmp0(state, STATES[i]) == 0) {
      json_object_set_new(model, "state_label", json_string(kind->labels[i]));
      json_object_set_new(model, "state_tone", json_string(TONES[i]));
    }
  gboolean idle = !json_is_true(json_object_get(model, "active"));
  json_object_set_new(model, "may_start", json_boolean(idle && total > 0 && (g_strcmp0(state, "planned") == 0 || g_strcmp0(state, "running") == 0)));
  json_object_set_new(model, "may_undo", json_boolean(idle && done > 0 && g_strcmp0(state, "undone") != 0));
}

WebReply *planned_queue(const PlannedKind *kind, WebRequest *request, gboolean undo, GError **error) {
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *plan = sql == NULL ? NULL : kind->load(sql, id, error);
  if (plan == NULL) return NULL;
  const char *state = json_string_value(json_object_get(plan, "state"));
  gint64 done = json_integer_value(json_object_get(plan, "done"));
  gboolean fit = undo ? done > 0 && !g_str_equal(state, "undone") : g_str_equal(state, "planned") || g_str_equal(state, "running");
  if (!fit && undo) return throw_null(error, LANTAI_ERROR_CONFLICT, "这次%s没有执行过，或已经撤销", kind->noun);
  if (!fit) return throw_null(error, LANTAI_ERROR_CONFLICT, "这次%s已经执行过。要再做，请重新预览", kind->noun);
  json_auto_t *parameters = json_pack("{s:I, s:b}", kind->name, (json_int_t)id, "undo", undo);
  g_autofree char *action = g_strconcat(kind->action, undo ? "_undo" : "", NULL);
  if (!kind->mark(sql, id, done, undo ? "done" : "running", error) ||
    job_queue(sql, action, kind->name, id, parameters, web_actor(request), error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/%s/%" G_GINT64_FORMAT, kind->name, id);
  g_autofree char *message = undo ? g_strdup_printf("正在%s", kind->undoing) : g_strdup_printf("%s已开始，可以离开本页", kind->noun);
  web_flash(reply, message);
  return reply;
}
