/*
 * The chained journal: events are only ever added, in the transaction of the change they tell of.
 *
 * 1. Event n is a line of canonical JSON {"id","at","actor","action","subject","data","previous"}; its hash is SM3(line); previous is the hash of event n-1.
 * 2. ids are 1, 2, 3 … without gaps.
 * 3. Committed events are appended to DIR/journal/NNNNNN.ndjson (100 000 lines each; a line is the event with "hash"), so that the journal outlives the
 *    database. The file may lag a crash by the last commits; journal_open appends what is missing.
 */
#pragma once
#include "sql.h"

typedef struct Journal Journal;
/* Prepares schema and mirror under dir (NULL: no mirror, for tests) and brings the mirror up to date. Registers itself with db: journal_append finds it.
 * A database without any event takes over those of the mirror. A mirror that says something else than the database is kept aside (journal.aside-…),
 * written anew, and the event journal.mirror_replaced tells of it. */
Journal *journal_open(SqlDb *db, const char *dir, GError **error);
void journal_close(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_close)

/* Adds an event. actor: user name, or "system"; action: dotted, e.g. "record.update"; subject: kind and id, e.g. "record", 12; data: any JSON, borrowed,
 * may be NULL. Returns the event's id, 0 on error. */
gint64 journal_append(Sql *sql, const char *actor, const char *action, const char *subject_kind, gint64 subject_id, json_t *data, GError **error);

/* Events of one subject, newest first: [{id, at, actor, action, subject_kind, subject_id, data}], at in microseconds since 1970; before: 0 for the newest;
 * next page: the last id. At most 1 000 at once. */
json_t *journal_of(Sql *sql, const char *subject_kind, gint64 subject_id, gint64 before, int limit, GError **error);
/* The first event of a subject, in a list of one (or none). */
json_t *journal_first(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error);
/* What tells this archive from every other, also after a restore or rebuild: the hash of its first event; "" before there is one. New string. */
char *journal_identity(Sql *sql);
/* All events newest first, filtered where a value is given (actor, action prefix): for the auditor's page. */
json_t *journal_list(Sql *sql, const char *actor, const char *action_prefix, gint64 before, int limit, GError **error);

/* Recomputes every hash and link, and compares the mirror: {events, head, faults: [{id, what}] (the first 1 000), fault_count, mirror_lines}.
 * What could not be read is a fault. dir NULL: without the mirror. */
json_t *journal_verify(SqlDb *db, const char *dir, GError **error);

typedef gboolean (*JournalVisit)(json_t *event, gpointer data, GError **error);
/* Reads the mirror of an archive without its database, verifying the chain as it goes; stops at the first fault with an error.
 * event (borrowed): {id, at (ISO text), actor, action, subject: {kind, id}, data, previous, hash}. An incomplete last line, as a crash leaves it, is the
 * end. */
gboolean journal_replay(const char *dir, JournalVisit visit, gpointer data, GError **error);
/* Adds an event of journal_replay as it was, with its time and hash. CONFLICT when it does not follow the newest event here. */
gboolean journal_restore(Sql *sql, json_t *event, GError **error);
