/*
 * Work on many records that is worked out first, shown, carried out by a job, and may be undone: renumbering, moving. Inside the catalogue room.
 *
 * 1. Steps go in the plan's order (undoing: back), some at a time, each lot in one transaction with its event; after a crash the job goes on where it stopped
 *    (done). Before the first lot every step is verified.
 * 2. A record with an object gets its new metadata.json as a version of the object, published before the lot's transaction and acknowledged within.
 * 3. An event holds the plan and the steps as they were taken; a replay takes them again and keeps the plan.
 */
#pragma once
#include "internal.h"
#include "job.h"

typedef struct { gint64 record_id, turn; } PlannedStep; /* how a step of every kind begins */

/* What one kind of work is. Plans are {id, state: planned running done undoing undone, total, done, …}. */
typedef struct {
  const char *name;   /* subject of its events and jobs, name of the plan in the job's parameters, its page /<name>/{id} */
  const char *action; /* its event and its job; undoing has _undo behind */
  const char *noun, *undoing, *why, *fault; /* 移动, 移回原处, what the object's version says, the fault point in a lot */
  const char *labels[5]; /* of the states, on the page */
  json_t *(*load)(Sql *sql, gint64 id, GError **error);
  /* Steps from a turn on (undoing: down from it), about so many, as they are to be taken now. */
  GArray *(*read_lot)(Sql *sql, gint64 id, gint64 turn, gboolean undo, guint limit, GError **error);
  gboolean (*verify)(Sql *sql, json_t *plan, gboolean undo, GError **error);
  CatalogRecord *(*stage)(Sql *sql, const PlannedStep *step, GError **error); /* the record as it will be */
  gboolean (*apply)(const House *house, Sql *sql, GArray *steps, gboolean undo, GError **error);
  gboolean (*mark)(Sql *sql, gint64 id, gint64 done, const char *state, GError **error);
  json_t *(*row)(const PlannedStep *step);
  GArray *(*steps)(json_t *rows); /* of an event; those that are not whole are left out */
  gboolean (*keep)(Sql *sql, json_t *plan, GArray *steps, GError **error); /* the plan, unless it is there, and rows of it; steps NULL: none */
} PlannedKind;

json_t *planned_found(json_t *plan, GError *failure, const char *noun, GError **error); /* takes both: NOT_FOUND in the kind's words */
gboolean planned_run(const PlannedKind *kind, const House *house, Job *job, json_t *parameters, GError **error);
gboolean planned_replay(const PlannedKind *kind, const House *house, Sql *sql, json_t *event, GError **error);

/* planned-pages.c */
WebReply *planned_queue(const PlannedKind *kind, WebRequest *request, gboolean undo, GError **error); /* back to the plan's page */
void planned_describe(const PlannedKind *kind, json_t *model, Sql *sql, json_t *plan); /* state_label, state_tone, job, problem, may_start, may_undo */
