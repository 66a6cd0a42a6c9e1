/*
 * Inside the room: charts (图). A chart is a table of numbers with a word on how it may be drawn; what draws it reads the table in the page, so the two cannot differ.
 *
 * 1. Every number of a chart is a figure: the figure's own, or the same figure narrowed to a group, a month or a condition. Gate, units and rows are those of figures.
 * 2. A number of which only itself may be told (restricted) is not cut into parts.
 */
#pragma once
#include "compute.h"

#define CHART_OUTSIDE "名册以外" /* bodies that are not on the roster of a map */
#define CHART_FOLDED "其余" /* rows that are many are added up in one of this name */

/* What is drawn: of a figure (with or without an id) by a spec as definitions have it, {kind, …}. path: of the page that has the rows behind a cell; NULL: none. */
typedef struct { const House *house; Sql *sql; Asker asker; json_t *figure, *spec; FigurePeriod period; const char *path; json_t *rests; } ChartAsk;
/* rests: NULL, or an object that gets what the chart's numbers rest on (figure_rests_join) and `partial` when rows were not counted that the asker may not see. */
/* [spec] of a definition, each {kind, …}: what `chart:` says; without it trend, and share where it has groups. New. */
json_t *chart_specs(json_t *figure);
/* What a report's {图 name kind} means: NULL without error when it does not begin so. Of the definition's charts the first (of the kind that is named, in Chinese or as
 * in definitions, if one is); else that kind by itself, marked `made`: nobody published its numbers, so they are only for whom the
 * figure is open to. INVALID: the figure has no such chart. New. */
json_t *chart_written(const char *written, json_t **ret_figure, GError **error);
/* {kind, title, label, said, unit, first, columns: [{label, tone, plain}], rows: [{label, now, in_group, shade, brief, goes, cells: [{value, shown, goes}]}],
 * legend, none, full, drawn or tiles}; DENIED, INVALID. */
json_t *chart_make(const ChartAsk *ask, GError **error);
/* Entries behind one cell of a progress or backlog chart. */
GArray *chart_entries(const ChartAsk *ask, const char *row, const char *column, GError **error);
void chart_faults(json_t *figure, json_t *spec, const char *place, json_t *faults); /* adds {where, what} */

/* ---- chart-parts.c: figures made of a figure ---- */
json_t *chart_narrowed(json_t *figure, json_t *where, const char *group); /* where and group may be NULL; takes where. New */
json_t *chart_states(const LedgerDefinition *ledger, gboolean closed);     /* condition; NULL: it has none such */
FigurePeriod chart_month(FigurePeriod period, int month);                  /* of the year of its end; from 1 */
char *chart_period_query(FigurePeriod period);                             /* year=2023, else from= and to=; unit */
