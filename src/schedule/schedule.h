/*
 * 三合一制度: a body's classification scheme, filing scope and retention schedule in one table of lines, in versions.
 *
 * 1. A version is draft → submitted → approved by another person, in force from a day until the next approved one's day. An approved version never changes.
 * 2. A line is {code, path, matter, retention, opening, note}; codes differ within a version. At most SCHEDULE_LINES_MAX lines.
 * 3. Approved versions, and which record is kept by which line, are told by the journal (schedule.…); drafts are working data.
 * 4. A line for a record is found by one function (schedule_match), whoever asks: the check of deliveries, the page of a record, assignment in bulk.
 */
#pragma once
#include "catalog.h"

enum { SCHEDULE_LINES_MAX = 1000 };

gboolean schedule_open(SqlDb *db, GError **error); /* schema */

/* {id, fonds_id, number, state, from_date, made_by, made_at, submitted_by, submitted_at, decided_by, decided_at, note}; NOT_FOUND. */
json_t *schedule_load(Sql *sql, gint64 id, GError **error);
json_t *schedule_lines(Sql *sql, gint64 id, GError **error);                     /* in order */
/* The version in force on a day (YYYYMMDD); 0 without error: none. */
gint64 schedule_in_force(Sql *sql, gint64 fonds_id, int day, GError **error);
/* The same for a record of that date and year: on its day, else (nothing was in force then) today. */
gint64 schedule_for(Sql *sql, gint64 fonds_id, DateSpan date, int year, GError **error);

/* Drafts. lines: what the page or a spreadsheet gave; INVALID names the first lines that are wrong. */
gint64 schedule_draft(Sql *sql, const char *actor, gint64 fonds_id, json_t *lines, GError **error); /* CONFLICT: there is one that is not approved yet */
gboolean schedule_lines_put(Sql *sql, gint64 id, json_t *lines, GError **error);                    /* CONFLICT: not a draft */
/* Why lines cannot stand, a sentence each, also put into its line as `fault`; empty: they can. New array. */
json_t *schedule_lines_faults(json_t *lines);
typedef enum { SCHEDULE_SUBMIT, SCHEDULE_WITHDRAW, SCHEDULE_APPROVE, SCHEDULE_RETURN, SCHEDULE_DROP } ScheduleVerdict;
/* from_date for approval. DENIED: who made or submitted it approves. */
gboolean schedule_decide(Sql *sql, const char *actor, gint64 id, ScheduleVerdict verdict, int from_date, const char *note, GError **error);
json_t *schedule_compare(json_t *before, json_t *after); /* [{code, what: added|removed|changed, before, after}] of two lists of lines */
/* Templates: [{name, title}]; lines of one. The archive's definitions/schedules, else the built-in ones. */
json_t *schedule_templates(const char *dir, GError **error);
json_t *schedule_template_lines(const char *dir, const char *name, GError **error);

/* ---- a record's line ---- */
typedef struct ScheduleMatcher ScheduleMatcher;
ScheduleMatcher *schedule_matcher_new(json_t *lines);
void schedule_matcher_free(ScheduleMatcher *matcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScheduleMatcher, schedule_matcher_free)
/* By 分类号 (field flh) when there is one, else by 机构或问题 (jgwt) among the paths and the retention. The line (borrowed), or NULL with the reason.
 * A line found whose retention is another one: given, with the reason too. */
json_t *schedule_match(const ScheduleMatcher *matcher, const char *class_code, const char *class_text, const char *retention, char **ret_why);
/* Lines for all records of the fonds that fall under an approved version and have none: a job is queued; the assignment's number, 0 on error. */
gint64 schedule_assign(Sql *sql, const char *actor, gint64 schedule, GError **error);
/* {id, schedule, number, code, line…} by which a record is kept; NULL without error: none. */
json_t *schedule_of_record(Sql *sql, gint64 record_id, GError **error);
/* Adds to a record's page its line, or which one the version in force would give (catalog_set_record_extra). */
gboolean schedule_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error);

gboolean schedule_replay(const House *house, Sql *sql, json_t *event, GError **error);
/* For the home page: {awaiting: [versions for the asker to decide], returned: [drafts for the asker to correct]}; NULL when there are none. */
json_t *schedule_home(WebRequest *request, Sql *sql);
extern const JobKind SCHEDULE_JOBS[];
/* /schedules, /schedules/{fonds}, /schedule/{id} and below */
extern const WebRoute SCHEDULE_ROUTES[];
