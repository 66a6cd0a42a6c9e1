/*
 * Inside the room: templates of reports, what is made of them, and reports as objects that are written, reviewed and frozen.
 *
 * 1. A made report is JSON (figure.h, report_make). Its paragraphs are runs; a run with `figure` was printed from a number, one without was typed.
 * 2. line and column of a run are those of the template, from 1, so that a fault leads to the place where it is mended.
 */
#pragma once
#include "figure.h"
#include "json.h"

enum { REPORT_TEXT_MAX = 200000, REPORT_FAULTS_MAX = 500 };

#define REPORT_OWN_UNIT "本馆" /* what an entry without a unit is of */


/* ---- the template (report-template.c): pure ---- */
typedef struct ReportTemplate ReportTemplate;
/* What a name stands for: the result of a figure (object), a text, or NULL without error: nothing has that name. New reference. */
typedef json_t *(*ReportLookup)(const char *name, gpointer data, GError **error);
/* Never NULL. faults gets {line, column, what} for each mistake of syntax. */
ReportTemplate *report_template_new(const char *text, json_t *faults);
void report_template_free(ReportTemplate *template);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReportTemplate, report_template_free)
json_t *report_template_names(const ReportTemplate *template); /* [{name, line, column, right}] in order, as written; right: stands behind a comparison */
/* [{kind, lead, line, runs}]. INVALID names line and column of what has no value. */
json_t *report_template_paragraphs(const ReportTemplate *template, ReportLookup lookup, gpointer data, GError **error);
/* A text of one line (heading, addressee) filled; where: what it is, for errors. */
char *report_template_line(const char *text, const char *where, ReportLookup lookup, gpointer data, GError **error);
/* "name" or "name.member" → the name that exists (new string) and ret_member (new, NULL: none); NULL: neither is known. known: {name: …}. */
char *report_name_split(const char *written, json_t *known, char **ret_member);
char *report_nearest(json_t *known, const char *name); /* the most similar key of known; NULL: none is similar. New string */
/* How many bytes of a paragraph's text are its heading by GB/T 9704-2012, 7.3.3; ret_kind: "h1" … "h4"; 0: it is no heading. */
gsize report_heading_length(const char *text, const char **ret_kind);
char *report_paragraph_text(json_t *paragraph);

/* ---- for eyes (report-text.c) ---- */
/* Paragraphs for templates: [{p or h1…, line, runs: [{text, lead, figure, entries, href}]}]; link: what goes before a figure's name; NULL: no links. */
json_t *report_shown(json_t *report, const char *link);
/* A chart's picture, as print_chart_png; drawn once, then kept in the chart (png, width_mm, height_mm). */
GBytes *report_picture(json_t *chart, double *ret_width_mm, double *ret_height_mm);
void report_draw(json_t *report); /* all of them, so that what is kept of a report has them */

/* ---- making (report-make.c) ---- */
/* As report_make, for a definition that is being written. */
json_t *report_make_definition(const House *house, Sql *sql, Asker asker, json_t *definition, FigurePeriod period, json_t *parameters, GError **error);


/* ---- looking through (report-lint.c) ---- */
void report_fault(json_t *faults, const char *kind, json_t *place, const char *format, ...) G_GNUC_PRINTF(4, 5); /* place: {line, column, text}; taken, may be NULL */
/* What can be told from the text alone: no house, no database. names: {name: ledger} that are to be masked, may be NULL. */
json_t *report_lint_text(json_t *report, json_t *names);
json_t *report_names_masked(const House *house, Sql *sql, Asker asker, GError **error); /* {person: ledger} of restricted ledgers, as far as the asker sees them */
/* Before it is signed: DENIED when the text names people of restricted ledgers that the asker does not see. Lint says nothing of those: nobody finds out by typing. */
gboolean report_names_stay_out(const House *house, Sql *sql, Asker asker, json_t *report, GError **error);

/* ---- reports as objects (report-store.c, report-review.c) ---- */
gboolean report_open(const House *house, GError **error);
void report_close(void); /* also without report_open */
gboolean report_replay(const House *house, Sql *sql, json_t *event, GError **error);
json_t *report_definition_of(gint64 id); /* borrowed; NULL */

typedef enum { REPORT_DRAFT, REPORT_OFFICE, REPORT_LEADER, REPORT_SIGN, REPORT_FROZEN } ReportState;
typedef enum { REPORT_SUBMIT, REPORT_PASS, REPORT_RETURN, REPORT_WITHDRAW, REPORT_DROP } ReportVerdict;
extern const char *const REPORT_STATE_LABELS[];      /* 拟稿, 科室审核, … */
extern const char *const REPORT_STATE_PERMISSIONS[]; /* who may pass it on from there */
/* {id, name, from_day, to_day, unit, parameters, text, state, made_by, made_at, rev, drafted: {figure: {value, text}}, digest, signature, …}; NOT_FOUND. */
json_t *report_issue_load(Sql *sql, gint64 id, GError **error);
void report_parse_audience(json_t *row); /* its columns rests and released become JSON, or go when there is nothing */
json_t *report_issue_steps(Sql *sql, gint64 id, GError **error);
gint64 report_issue_new(Sql *sql, const char *actor, const char *name, FigurePeriod period, json_t *parameters, GError **error);
/* CONFLICT when it is no draft any more or rev is not the newest. */
gboolean report_issue_write(Sql *sql, const char *actor, gint64 id, gint64 rev, const char *text, json_t *parameters, GError **error);
/* Writes the row with the next rev, its step (NULL: none), and the event. */
gboolean report_issue_put(Sql *sql, const char *actor, const char *action, json_t *row, json_t *step, GError **error);
json_t *report_issue_definition(json_t *issue); /* the template's definition with this issue's own text; new reference */
FigurePeriod report_issue_period(json_t *issue); /* borrows the unit */
/* Made as of now, with its faults (also those against the numbers at submission). */
json_t *report_issue_make(const House *house, Sql *sql, Asker asker, json_t *issue, GError **error);
/* One step of the review. DENIED: who took a step before. INVALID: faults that stop, or a return without a reason. note may be NULL. */
gboolean report_issue_decide(const House *house, Asker asker, const char *actor, gint64 id, ReportVerdict verdict, const char *note, GError **error);
/* ---- report-audience.c ---- */
gboolean report_may_read(json_t *issue, Asker asker); /* a frozen one; of others it is not asked here */
gboolean report_is_signer(Sql *sql, json_t *issue, const char *actor);
json_t *report_audiences(json_t *issue); /* [{code, title, on}]: whom a report can be released to; new */
/* roles: codes of report_audiences, none takes the release back. DENIED but for the signer. */
gboolean report_issue_release(Sql *sql, Asker asker, const char *actor, gint64 id, json_t *roles, const char *note, GError **error);
/* A frozen report as it was kept; UNAVAILABLE when the kept bytes are not those that were signed. */
json_t *report_frozen_load(const House *house, json_t *issue, GError **error);
/* {id: entry} of those ids (a set of gsize) among the rows kept with it; all are read through, none but these are held. UNAVAILABLE as above. */
json_t *report_frozen_rows(const House *house, json_t *issue, GHashTable *ids, GError **error);
GBytes *report_frozen_file(const House *house, json_t *issue, const char *name, GError **error); /* report.docx, report.pdf, report.html */
/* A .zip at path (must not exist): the printed files (what they are made of is not for everybody), the signed manifest, signature (DER) and key,
 * and how to check them without this program. */
gboolean report_frozen_package(const House *house, json_t *issue, const char *path, GError **error);
char *report_object_id(gint64 id);
ReportState report_state(json_t *issue);
gboolean report_may_pass(Sql *sql, json_t *issue, const char *actor); /* has not taken a step of this round */
/* Figure by figure: [{figure, value, text, before, before_text, change}] of two made reports. */
json_t *report_compare(json_t *now, json_t *before);
