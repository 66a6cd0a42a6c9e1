/* Inside the room: panels (一览), pages of numbers and charts as data. */
#pragma once
#include "chart.h"

json_t *panel_faults(json_t *panel); /* [{where, what}]; empty: good */
/* id 0: the one of that name, else a new one. source: of the file it was read from, "": none. Its id, 0 on error. */
gint64 panel_define(Sql *sql, const char *actor, gint64 id, json_t *panel, const char *source, GError **error);
gboolean panel_drop(Sql *sql, const char *actor, gint64 id, GError **error); /* NOT_FOUND */
json_t *panel_load(Sql *sql, gint64 id, GError **error); /* the definition with its id; NOT_FOUND */
json_t *panel_list(Sql *sql, GError **error);            /* [{id, name}] */
gboolean panel_replay(Sql *sql, json_t *event, GError **error);
/* What one item of `charts` draws: a figure by its name, or the entries of a ledger that meet its `where`. NULL: it is not there any more. New reference. */
json_t *panel_figure(json_t *item);
