/*
 * Figures and reports (指标、报表、报告): numbers computed from entries, records and events over a period, each of which opens to its rows; sentences whose numbers and
 * words of quantity are made from figures; reports that are reviewed and frozen with their rows.
 *
 * 1. A figure never stores its answer. It is computed from rows, and the rows are told with it (to whom may see them).
 * 2. The words of a number (余, 近, 超过, 均, 全覆盖) are made from the exact number; a word that is not true of it cannot be printed.
 * 3. Nesting (within) and invariants are checked whenever a report is; a broken one stops the freezing.
 * 4. A frozen report keeps text, figures, rows and their digest; it never changes, and says when today's number is another one.
 */
#pragma once
#include "house.h"
#include "ledger.h"
#include "sql.h"
#include "web.h"

gboolean figure_open(const House *house, GError **error); /* schema, definitions/figures and definitions/reports */
void figure_close(void);

typedef struct {
  int from, to;        /* YYYYMMDD, both inclusive */
  const char *unit;    /* whose: NULL or "": the archives itself */
} FigurePeriod;
static inline FigurePeriod figure_year(int year) { return (FigurePeriod){year * 10000 + 101, year * 10000 + 1231, NULL}; }

/* [{where, what}]: file, place and what is wrong; empty: good. others: what else is being defined in the same go. */
json_t *figure_definition_faults(json_t *figure, json_t *others);
gboolean figure_define(Sql *sql, const char *actor, json_t *figures, json_t *invariants, GError **error);
gboolean figure_define_files(Sql *sql, const char *actor, json_t *documents, GError **error); /* {file: {figures, invariants}} of definitions/figures */
gboolean figure_definitions_load(const House *house, GError **error);                         /* the archive's files that are new or changed */
gboolean figure_definitions_foresee(Sql *sql, GError **error); /* as ledger_definitions_foresee */
json_t *figure_definition(const char *name); /* with its id; borrowed; NULL */
const char *figure_name_of(gint64 id);       /* NULL: none */
json_t *figure_names(void);                  /* [name], by group and order */

/* {name, value, whole, text, bare, unit, entries (how many rows stand behind it), parts: [{key, value, text, entries}], how, last: {value, text}, warnings: [text],
 *  restricted, partial (rows that the asker may not see were not counted), rests, period: {from, to}}.
 * DENIED: a figure over a ledger that the asker may not see and that is not restricted to numbers. */
json_t *figure_compute(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, GError **error);
/* FALSE: it reads something that the asker may not, so that its number is all that he may be told. */
gboolean figure_is_open(json_t *figure, Asker asker);
/* Without a name; figure_try: one that is being edited, over nothing but what the asker sees. */
json_t *figure_compute_definition(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error);
json_t *figure_try(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error);
/* Ids of the entries behind it, in order of date (part NULL: all), for pages and for freezing. For records and events: the number only, see `opens` of the result. */
GArray *figure_entries(const House *house, Sql *sql, Asker asker, const char *name, const char *part, FigurePeriod period, GError **error);
/* Behind one that is being edited (figure_try). */
GArray *figure_tried_entries(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error);
/* The same, kept ready: what pages and reports ask. A figure that was computed costs some microseconds until what it reads changes. */
json_t *figure_ready(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, GError **error);
json_t *figure_ready_definition(const House *house, Sql *sql, Asker asker, json_t *definition, FigurePeriod period, GError **error);
/* Broken invariants and nestings: [{say, left, right, that}]; empty: all hold. They are about the archives' own numbers; who may not be told one of them (asker) gets
 * neither left nor right. */
json_t *figure_invariants(const House *house, Sql *sql, Asker asker, const char *const *names /* NULL: all */, FigurePeriod period, GError **error);
/* What a result rests on that not everybody may see: {ledgers: {name: Security}, paths: {ledger: {path: true}}}; empty: nothing. */
gboolean figure_rests_seen(json_t *rests, Asker asker);
void figure_rests_join(json_t *into, json_t *rests);
char *figure_rests_words(json_t *rests); /* in Chinese; NULL: nothing */

/* ---- wording (wording.c): pure ---- */
typedef struct { char *text, *bare; } Wording;
/* say, unit from the definition; whole for rates. parts for `each`. INVALID: no true word for the number under this style. */
gboolean figure_say(json_t *figure, double value, double whole, json_t *parts, Wording *ret, GError **error);
void wording_clear(Wording *wording);
char *number_han(gint64 number, gboolean before_measure); /* 两, 十五, 三百九十三 */
/* What numbers stand in a sentence: [{from, to (bytes), text, low, high, unit}] for the linter: 8600余人次, 近两百场, 两位, 2.5万 … */
json_t *wording_numbers(const char *sentence);
/* TRUE when the printed words are true of the value: "400余" of 412. */
gboolean wording_true(const char *words, double value);

/* ---- reports ---- */
gboolean figure_panels_load(const House *house, GError **error); /* definitions/panels, after figure_definitions_load */
gboolean figure_panels_define(Sql *sql, const char *actor, json_t *documents, GError **error); /* {file: panel}; the figures they name are in force */
gboolean report_definitions_load(const House *house, GError **error); /* definitions/reports, after figure_definitions_load */
json_t *report_definition_faults(json_t *report);
gboolean report_define(Sql *sql, const char *actor, json_t *report, GError **error);
json_t *report_definition(const char *name);
json_t *report_names(void);
FigurePeriod report_default_period(json_t *definition, int year); /* year 0: as the definition says; borrows its unit */
/* The whole: {name, heading, period, unit, paragraphs: [{kind: title|h1|h2|h3|p, runs: [{text} | {text, figure, value, entries}]}], figures: {name: result},
 * faults: [{kind, place, what}]}.
 * parameters: {name: text}. */
json_t *report_make(const House *house, Sql *sql, Asker asker, const char *name, FigurePeriod period, json_t *parameters, GError **error);
/* faults of a made report: measure word without a number, number typed by hand, same figure typed by hand, broken invariant or nesting, name that should be masked,
 * a figure without rows, a word that is not true. kind: "stop" (cannot be frozen) or "look". */
json_t *report_lint(const House *house, Sql *sql, Asker asker, json_t *report, GError **error);
char *report_markdown(json_t *report);
char *report_html(json_t *report); /* a page by itself */
gboolean report_docx(json_t *report, const char *path, GError **error); /* GB/T 9704 */
gboolean report_pdf(json_t *report, const char *path, GError **error);
gboolean report_xlsx(json_t *report, const char *path, GError **error); /* its tables on one sheet; INVALID without any */

/* For the home page (ui/figure/home.html): {awaiting: [reports for the asker to pass on], returned: [the asker's own that came back]}; NULL when there are none. */
json_t *report_home(WebRequest *request, Sql *sql);

gboolean figure_replay(const House *house, Sql *sql, json_t *event, GError **error); /* figure.* report.* */
extern const JobKind FIGURE_JOBS[];
extern const WebRoute FIGURE_ROUTES[]; /* /figures /figure/{id} … */
extern const WebRoute PANEL_ROUTES[];  /* /panel … */
extern const WebRoute REPORT_ROUTES[]; /* /reports /report/{id} … */
