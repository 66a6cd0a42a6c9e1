/* Inside the room: lines to records in bulk. */
#pragma once
#include "schedule.h"

/* What an assignment would do: {seen, fits, partial, lines: [{text: code, count, ids}], reasons: [{text, count, ids}]} over the first 50 000 records. */
json_t *schedule_preview(Sql *sql, gint64 id, GError **error);
gboolean schedule_assign_job(const House *house, Job *job, json_t *parameters, GError **error);
gboolean schedule_release(Sql *sql, const char *actor, gint64 assignment, GError **error);
gboolean schedule_assign_replay(Sql *sql, const char *action, json_t *data, GError **error);
