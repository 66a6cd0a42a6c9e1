/* Renumbering in bulk. Inside the catalogue room. */
#pragma once
#include "code-use.h"
#include "planned.h"

typedef struct {
  const gint64 *ids;     /* these records; NULL: what the rest says */
  gsize count;
  const char *title;     /* what they are, with ids */
  gint64 node;           /* everything below it; 0: what the search finds */
  const char *query;
  gint64 fonds, category, accession; /* 0: any */
  gboolean anew;         /* numbers from 1 in the order of the codes; else each keeps its number, and what has none gets the next behind the last of its series */
} RenumberAsk;
/* Works out what would change, and keeps it as a plan; nothing is changed. INVALID: a category has no chosen rule; TOO_LARGE beyond 100 000 records. */
gint64 renumber_plan(const House *house, const Scope *scope, const char *actor, const RenumberAsk *ask, GError **error);
/* Puts plan and rows of the plan in the database: {rows in order shown}. */
typedef struct {
  gint64 id, parent_id, fonds_id;
  Level level;
  guint8 category;
  char *before, *after, *problem;
  char *prefix, *scope;
  const CodeUse *use;
  guint number, turn, step; /* step: how many numbers it takes, its pages where they are page numbers */
  gboolean joined, later; /* joined: in one transaction with the row before it; later: made from its volume's new code */
  gpointer holder;        /* the row that has this row's new code now */
} RenumberRow;
extern const PlannedKind RENUMBER_KIND;
gboolean renumber_run(const House *house, Job *job, json_t *parameters, GError **error);
gboolean renumber_replay(const House *house, Sql *sql, json_t *event, GError **error);
json_t *renumber_load(Sql *sql, gint64 id, GError **error); /* {id, at, actor, title, mode, state, total, done, unchanged, refused}; NOT_FOUND */
/* {id, before, after, renumber, undone} of a record, newest first, for its history. */
json_t *renumber_of_record(Sql *sql, gint64 record_id, GError **error);
