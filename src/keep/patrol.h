/* Inside the room: the yearly patrol. patrol.c: plan, beginning, stopping, what is due; patrol-run.c: the slices; patrol-tell.c: reading and paper. */
#pragma once
#include "internal.h"
#include "web.h"

typedef struct {
  gboolean enabled;
  int month, day;         /* February 29 is the 28th in other years */
  int hour_from, hour_to; /* hours of the day it may run in, to exclusive; equal: all */
  gint64 rate_mb;         /* a second; 0: unbounded */
  gint64 fonds_id;        /* 0: all */
  gint64 since_us;        /* when month, day or enabled were set; 0: never */
} PatrolPlan;

gboolean patrol_plan_load(Sql *sql, PatrolPlan *ret, GError **error); /* the default when nobody made one */
gboolean patrol_plan_put(const House *house, const char *actor, PatrolPlan plan, GError **error);
/* Midnight of the plan's day, the last one that is not after now / the first one after now. */
gint64 patrol_due_last(const PatrolPlan *plan, gint64 now_us);
gint64 patrol_due_next(const PatrolPlan *plan, gint64 now_us);
/* last_started_us: the newest patrol's, 0 none. */
gboolean patrol_is_due(const PatrolPlan *plan, gint64 last_started_us, gint64 now_us);
gboolean patrol_hours_open(const PatrolPlan *plan, gint64 now_us);

gboolean patrol_stop(Sql *sql, const char *actor, gint64 id, GError **error);      /* it can go on later */
gboolean patrol_resume(Sql *sql, const char *actor, gint64 id, GError **error);    /* CONFLICT: done, or another one is under way */
gboolean patrol_finish(Sql *sql, gint64 id, GError **error);
gboolean patrol_sign(Sql *sql, const char *actor, gint64 id, const char *const *codes, gsize count, gboolean good, const char *note, GError **error);
gboolean patrol_replay(Sql *sql, json_t *event, gboolean *ret_mine, GError **error);
gboolean patrol_run(const House *house, Job *job, json_t *parameters, GError **error); /* {patrol, rate: MB a second, any_hour} */
gboolean patrol_visible(WebRequest *request, Sql *sql, gint64 id); /* a CheckVisible */
void patrol_tick(const House *house);

/* {id, year, fonds_id, state, state_label, tone, verdict: "passed|failed|awaiting", records, files, bytes, total_records, total_bytes, percent, rate (bytes a
 * second), remaining_seconds, failed, warned, awaiting, not_performed (items), faults, hints, pending (places), actor, started_at, finished_at};
 * NOT_FOUND. */
json_t *patrol_load(Sql *sql, gint64 id, GError **error);
json_t *patrol_list(Sql *sql, gint64 before, int limit, GError **error); /* newest first */
json_t *patrol_items(Sql *sql, gint64 id, GError **error); /* as check_report's items, without findings */
/* Findings of an item over all slices, after (check, sequence): [{check_id, sequence, record_id, code, path, reason, pending}]. */
json_t *patrol_findings(Sql *sql, gint64 id, const char *item, gint64 after_check, gint64 after, int limit, GError **error);
json_t *patrol_document(json_t *patrol, json_t *items); /* for print_pdf; items with findings */
/* Hides what the asker's scope does not admit. */
gboolean patrol_hide(WebRequest *request, Sql *sql, json_t *findings, GError **error);
/* {years: [{…patrol, x, bars}], items: [{code, name, cells}]} of the last finished ones, oldest first; for a chart without scripts. */
json_t *patrol_trend(Sql *sql, GError **error);
void patrol_warn(Sql *sql, void (*add)(json_t *list, const char *tone, const char *href, const char *format, ...), json_t *list);
