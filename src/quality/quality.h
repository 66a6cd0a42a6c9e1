/*
 * Quality of the catalogue (著录质量): likely faults found by a survey, counted by kind and fonds, opened as lists of records, put right in bulk, or judged to be none.
 *
 * 1. A survey only reads descriptions and writes its own tables; what is put right goes through a revision (preview, undo), never from here.
 * 2. Counts and lists are within the asker's scope; a fault that speaks of several records (duplicates, names) counts only for who may see all of them.
 * 3. After the first survey what changed (by rev) is looked at again by itself, and what rests on a definition, a rule or a fonds that is another since (ground.c).
 */
#pragma once
#include "catalog.h"
#include "job.h"

gboolean quality_open(SqlDb *db, GError **error); /* schema */
/* Queues a survey: full looks at every record again, else at what changed. Its job's id; 0 on error. */
gint64 quality_survey_queue(Sql *sql, const char *actor, gboolean full, GError **error);
gboolean quality_survey_now(const House *house, const char *actor, gboolean full, gboolean show_progress, GError **error); /* command line, demonstration */
gint64 quality_count(Sql *sql, const Scope *scope, GError **error); /* of all kinds at the last survey; -1 on error */
/* Applies "quality.…" events (judgements) to an archive being rebuilt. */
gboolean quality_replay(const House *house, Sql *sql, json_t *event, GError **error);

extern const WebRoute QUALITY_ROUTES[]; /* /quality … */
extern const JobKind QUALITY_JOBS[];
extern const JobTick QUALITY_TICKS[]; /* ended by NULL */
