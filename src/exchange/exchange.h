/*
 * Getting out: records, nodes, search results and deliveries as packages and finding aids that other systems read, and that come back in equal.
 *
 * 1. Everything leaves through the gate: what the asker may not see is not in it, and the result says how many were left out.
 * 2. A package is written aside, flushed, and takes its name when it is whole.
 */
#pragma once
#include "catalog.h"
#include "job.h"

/* selection: {"record": id} | {"node": id} | {"query": text, "filters": {…}} | {"delivery": id}; format: bagit eep dat93 ead mets xlsx. target must not exist.
 * {path, format, records, files, bytes, left_out}. job NULL: without progress. */
json_t *exchange_export(const House *house, Job *job, const Scope *scope, json_t *selection, const char *format, const char *target, GError **error);
gboolean exchange_open(SqlDb *db, GError **error); /* schema */

extern const WebRoute EXCHANGE_ROUTES[]; /* /exports … */
extern const JobKind EXCHANGE_JOBS[];
