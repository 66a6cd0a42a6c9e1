/* Inside the revise room: rules, plans in the making, rows. */
#pragma once
#include "revise.h"
#include "error.h"

typedef enum { ROW_WAITING, ROW_CONFLICT, ROW_REFUSED, ROW_MADE, ROW_PASSED, ROW_UNDONE, ROW_KEPT, ROW_LEFT, ROW_STATES } RowState;

#define PERMISSION_EDIT "record.edit"
#define PERMISSION_PROPOSE "record.propose"
#define PERMISSION_APPROVE "record.approve"
#define PERMISSION_DELETE "record.delete" /* of what may be made without approval: who has it not sends a deletion in */

/* ---- rule.c ---- */
typedef struct {
  const Catalog *catalog;
  json_t *rule;
  const char *kind, *field;
  gint64 next; /* number given next */
} RuleWork;
gboolean rule_begin(const Catalog *catalog, json_t *rule, RuleWork *ret, GError **error); /* INVALID: the rule lacks something or cannot be for this field */
gboolean rule_apply(RuleWork *work, CatalogRecord *record, GError **error);               /* FALSE: why this record cannot have it */
gboolean rule_deletes(json_t *rule); /* it takes records out, whatever their fields */
char *rule_title(const Catalog *catalog, json_t *rule);
const char *rule_field_label(const Catalog *catalog, const char *key);

/* ---- plan.c ---- */
typedef struct {
  const House *house;
  const Scope *scope;
  gint64 id, place, unchanged, total, looked, limit; /* looked: records so far; limit: at most so many, 0 none */
  gboolean more, stopped;
  GPtrArray *rows; /* not yet written */
  json_t *counts;
} Plan;
/* Before so many records, with nothing being read; FALSE: no more now (limit, stop), or an error. */
gboolean plan_step(Plan *plan, Job *job, guint records, GError **error);
/* What the record is to become (after NULL: nothing): its row, or one more unchanged. conflict: taken, NULL none. */
void plan_change(Plan *plan, Sql *sql, const CatalogRecord *before, const CatalogRecord *after, json_t *conflict);
/* Texts by field key for a record as it was at rev (0: now): changes, or a conflict where others changed the same meanwhile. */
gboolean plan_values(Plan *plan, Sql *sql, gint64 record_id, gint64 rev, json_t *values, GError **error);
void plan_problem(Plan *plan, gint64 record_id, const char *problem);
/* What a plan would come to, with nothing kept; for few records. INVALID while the rule lacks something. */
typedef struct { gint64 changes, unchanged, refused; char *problem; /* of the first that is refused, the caller's; NULL: none */ } PlanTrial;
gboolean plan_try(const House *house, const Scope *scope, json_t *ask, PlanTrial *ret, GError **error);
gint64 revision_insert(Sql *sql, const char *actor, const char *title, const char *source, json_t *ask, const Scope *scope, const char *state, GError **error);
gboolean revision_row_insert(Sql *sql, gint64 id, gint64 place, gint64 record_id, RowState state, json_t *changes, json_t *conflict, const char *problem, GError **error);
gboolean plan_run(const House *house, Job *job, json_t *parameters, GError **error);
/* Plans what was inserted as "planning": at once when it is small, else queues it. */
gboolean plan_soon(const House *house, gint64 id, const char *actor, gint64 limit, GError **error);

/* ---- sheet.c ---- */
gboolean sheet_plan(Plan *plan, Job *job, json_t *ask, char **ret_notice, GError **error);
char *sheet_path(const House *house, gint64 id); /* the corrected table as uploaded */

/* ---- run.c ---- */
json_t *revision_load(Sql *sql, gint64 id, GError **error); /* the row, ask and counts as objects; NOT_FOUND */
/* Begins making or undoing: at once when it is small, else by a job. state: the one it must have now. */
gboolean revision_begin(const House *house, gint64 id, const char *actor, gboolean undo, GError **error);
gboolean run_apply(const House *house, Job *job, json_t *parameters, GError **error);
gint64 revision_rows(Sql *sql, gint64 id, RowState state);

/* ---- decide.c ---- */
gint64 revision_propose(const House *house, const Scope *scope, const char *actor, const CatalogRecord *before, const CatalogRecord *after, const char *why,
  GError **error);
gboolean revision_submit(const House *house, gint64 id, const char *actor, GError **error);
gboolean revision_approve(const House *house, const Scope *scope, gint64 id, const char *actor, GError **error);
gboolean revision_return(const House *house, gint64 id, const char *actor, const char *reason, GError **error);
gboolean revision_drop(const House *house, gint64 id, GError **error); /* what was planned and not made */
gboolean revision_choose(const House *house, gint64 id, gint64 place, gboolean wanted, GError **error); /* of a conflict; place 0: all that are open */

/* ---- pages ---- */
WebReply *page_revise_list(WebRequest *request, GError **error);
WebReply *page_revise_new(WebRequest *request, GError **error);
json_t *touch_model(WebRequest *request, json_t *selection, json_t *rule, GError **error); /* touch.c: whom it would touch */
WebReply *page_revise_touch(WebRequest *request, GError **error);
WebReply *page_revise_plan(WebRequest *request, GError **error);
WebReply *page_revise_sheet(WebRequest *request, GError **error);
WebReply *page_revise_upload(WebRequest *request, GError **error);
