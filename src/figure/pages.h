/* What the pages of figures and of reports share. */
#pragma once
#include "report-internal.h"

#define PERMISSION_SEE_FIGURES "figure.read"
#define PERMISSION_EDIT_FIGURES "figure.edit"
#define PERMISSION_WRITE_REPORTS "report.edit"
enum { ROWS_SHOWN = 50 };

/* Puts `rows` (entries the asker may see, from the one behind `after` on), `hidden` (how many of those looked at may not be seen) and `next` into model. */
gboolean page_put_entries(WebRequest *request, Sql *sql, GArray *ids, json_t *model, GError **error);
void page_put_hidden(guint count, json_t *model); /* the same where only a number may be told: no entry is looked at */
json_t *page_entry_row(json_t *entry);
/* The period that the request asks for: from and to, else year, else given; the unit too. INVALID for what is no day. */
gboolean page_period(WebRequest *request, FigurePeriod given, FigurePeriod *ret, GError **error);
char *page_period_words(const FigurePeriod *period); /* 2023年; 2023-06-07 至 2024-03-25 */
int page_this_year(void);

/* ---- charts (pages-chart.c) ---- */
/* [chart] of the definition, for figure/chart.html; what may not be seen is left out. */
json_t *page_charts(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period);
/* Puts the rows behind one cell of a chart (parameters chart, row, column) into model. */
gboolean page_chart_rows(WebRequest *request, Sql *sql, json_t *figure, FigurePeriod period, json_t *model, GError **error);
char *page_yaml(json_t *definition); /* each member on a line of its own, without id and version */
/* LedgerCharts of ledger.h. */
gboolean page_ledger_charts(WebRequest *request, Sql *sql, const LedgerDefinition *ledger, json_t *where, const char *path, json_t *model, GError **error);
/* A report as it is shown with its findings, into model; each number leads to link and the figure's name. */
void page_put_made(json_t *model, const char *link, json_t *report);
json_t *page_find_figure(WebRequest *request, GError **error); /* by the parameter id; borrowed; NOT_FOUND */
WebReply *page_figure_new(WebRequest *request, GError **error);
WebReply *page_figure_edit(WebRequest *request, GError **error);
WebReply *save_figure(WebRequest *request, GError **error);
WebReply *page_template(WebRequest *request, GError **error);
WebReply *preview_template(WebRequest *request, GError **error);
WebReply *save_template(WebRequest *request, GError **error);
