/*
 * Revisions (批量修改): changes of many descriptions that are planned, seen before they are made, approved where needed, made in batches, undone as a whole.
 *
 * 1. A plan changes nothing. It holds, for each record, {key: [from, to]}; a record takes a change only where it still has `from`, else it is passed over and listed.
 * 2. Planning takes a scope: what its maker may not see is as if it were not there.
 * 3. A batch is one transaction with one event that names every change, so that a rebuild makes the same; a broken-off run goes on where it stopped.
 * 4. Who may only propose (record.propose) sends in; another person (record.approve) approves or returns with a reason.
 */
#pragma once
#include "catalog.h"
#include "exchange.h"

/* What another room makes of records: values gives {field key: text} of what a record is to have, NULL without error: it stays as it is. */
typedef struct {
  const char *name;
  gpointer (*begin)(const House *house, json_t *with, GError **error);
  json_t *(*values)(gpointer state, Sql *sql, const CatalogRecord *record, GError **error);
  void (*end)(gpointer state);
} ReviseMaker;
void revise_maker_add(const ReviseMaker *maker); /* static; when the archive is opened */

/* Plans, and returns the revision's id (its page: /revise/{id}), 0 on error. A small one is planned when this returns, a large one by a job.
 * ask: {"selection": as of selection_new, "rule": {"kind", "field", …}}: the same rule for all; kinds and what they need are in REVISE_RULES;
 *   or {"selection", "maker": the name of one, "with": what it needs};
 *   or {"values": [[record id, rev (0: whatever it has), {field key: text}], …]}: for each its own, at most 10 000;
 *   "why": on what grounds (absent: not said); "title": what it is, in Chinese (absent: made from the rule). Field keys are those of catalog_value_get. */
gint64 revise_plan(const House *house, const Scope *scope, const char *actor, json_t *ask, GError **error);

typedef struct {
  const char *kind, *label, *hint;
  const char *needs; /* members of the rule that it must have, by blanks: "value", "find with", "from", … */
} ReviseRule;
extern const ReviseRule REVISE_RULES[]; /* ended by kind NULL */

/* The same as a page, to be linked to: /revise/new?<selection's parameters, or item=1&item=2…>&kind=replace&field=creator&find=…&with=…
 * (what is not given is asked for). POST there plans. */

gboolean revise_open(SqlDb *db, GError **error); /* schema; registers the hook of forms that only propose */
gboolean revise_replay(const House *house, Sql *sql, json_t *event, GError **error); /* events "revise.…" */
/* For the home page: {awaiting: [rows for the asker to decide], returned: [the asker's own]}; NULL when there are none. */
json_t *revise_home(WebRequest *request, Sql *sql, GError **error);

extern const WebRoute REVISE_ROUTES[]; /* /revise … */
extern const JobKind REVISE_JOBS[];
