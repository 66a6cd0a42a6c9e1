/*
 * Keeping for centuries (保管): further copies and their scrubbing, deletion by two people, formats at risk and conversion, the yearly patrol, warnings.
 */
#pragma once
#include "catalog.h"
#include "job.h"

gboolean keep_open(SqlDb *db, const char *dir, GError **error); /* schema; DIR/definitions/formats.yaml, else the built-in one */
/* What needs somebody's attention, for the home page: [{tone, text, href}]; only what the asker may know. */
json_t *keep_warnings(WebRequest *request, Sql *sql, GError **error);
json_t *keep_notices(json_t *warnings); /* the same, together by tone: [{tone, lines: [{text, href}]}], the worst first */
/* Applies "keep.*" events (destroyed, converted, repaired) to an archive being rebuilt. */
gboolean keep_replay(const House *house, Sql *sql, json_t *event, GError **error);

typedef struct {
  const char *kind;   /* "destroy", "mistake" */
  const char *reason;
  const gint64 *records;
  gsize count;
  gboolean below;     /* with everything under each */
} DisposalRequest;
/* All records must be admitted by scope with their files. Its number; 0 on error. */
gint64 disposal_request(const House *house, const Scope *scope, const char *actor, const DisposalRequest *request, GError **error);
/* An offline medium: {id (0: new), name, type, content, place, made_on, checked_on, check_result, retired_on}. */
gboolean medium_put(const House *house, const char *actor, json_t *medium, GError **error);

/* Begins a patrol of a fonds (its record; 0: all); the job "keep.patrol" {patrol, rate, any_hour} goes on with it. Its number; CONFLICT: one is under way. */
gint64 patrol_start(Sql *sql, const char *actor, gint64 fonds_id, GError **error);

extern const WebRoute KEEP_ROUTES[], COPY_ROUTES[], PATROL_ROUTES[];
extern const JobKind KEEP_JOBS[], COPY_JOBS[];
/* Runs the checks of a patrol now: the one that is under way or was stopped, else a new one over all holdings (command line). rate_mb a second, 0 unbounded,
 * -1 the plan's. The patrol with its items and the first `findings` of each; NULL on error. */
json_t *keep_patrol_now(const House *house, const char *actor, gint64 rate_mb, gboolean show_progress, GError **error);
extern const JobTick KEEP_TICKS[]; /* ended by NULL */
