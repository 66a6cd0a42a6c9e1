/* Moving records in the tree, and the order of a node's children. Inside the catalogue room. */
#pragma once
#include "planned.h"

typedef struct {
  gint64 target;           /* the new parent */
  const gint64 *ids;       /* these records … */
  gsize count;
  gint64 node;             /* … or, count 0, the children of this node that the words find (NULL: all) */
  const char *query;
} MoveAsk;
/* Works out what would change and keeps it as a plan; nothing is moved. TOO_LARGE beyond 300 000 records. */
gint64 move_plan(const House *house, const Scope *scope, const char *actor, const MoveAsk *ask, GError **error);
extern const PlannedKind MOVE_KIND;
gboolean move_run(const House *house, Job *job, json_t *parameters, GError **error);
gboolean move_replay(const House *house, Sql *sql, json_t *event, GError **error);
json_t *move_load(Sql *sql, gint64 id, GError **error); /* {id, at, actor, title, target, state, total, done, unchanged, refused}; NOT_FOUND */
/* {move, at, actor, before, after (ids of the parents), undone} of a record, newest first, for its history. */
json_t *move_of_record(Sql *sql, gint64 record_id, GError **error);

/* ---- order.c ---- */
gboolean order_exists(Sql *sql, gint64 parent_id, GError **error); /* the node's children stand in an order of their own; FALSE with error when it failed */
gboolean order_begin(Sql *sql, gint64 parent_id, GError **error); /* places for all children as their codes go, unless they have places */
/* Puts children of the node, in the order given, before another child (0: at the end), with an event (after order_begin). */
gboolean order_put(const House *house, Sql *sql, const char *actor, gint64 parent_id, const gint64 *ids, gsize count, gint64 before, GError **error);
gboolean order_drop(const House *house, Sql *sql, const char *actor, gint64 parent_id, GError **error); /* back to the order of the codes */
/* The next children after a place (0: from the start), at most so many, that the scope admits: CatalogRecord*, and the last one's place. */
GPtrArray *order_children(Sql *sql, const Scope *scope, gint64 parent_id, gint64 after, guint limit, gint64 *ret_place, gboolean *ret_more, GError **error);
/* The child that stands before or behind this one, whoever may see it; 0 none. */
gint64 order_neighbour(Sql *sql, gint64 parent_id, gint64 record_id, gboolean behind, GError **error);
gboolean order_replay(const House *house, Sql *sql, json_t *event, GError **error);
/* A record comes under a parent, or leaves one: kept in step by whoever writes records. */
gboolean order_enter(Sql *sql, gint64 parent_id, gint64 record_id, GError **error);
gboolean order_leave(Sql *sql, gint64 record_id, GError **error);
