/*
 * Inside the journal's room: the event's line, and the mirror files that hold one line for each committed event.
 *
 * 1. Event n is line (n-1) % 100 000 of file (n-1) / 100 000 + 1.
 * 2. A line is the event's canonical JSON with ,"hash":"…" put before the closing brace, and a line end.
 * 3. Lines are written in the order of ids and never changed; only an incomplete last line (a crash) is cut off at open.
 */
#pragma once
#include <glib.h>

enum { MIRROR_LINES = 100000, JOURNAL_HASH = 64 };
extern const char JOURNAL_NO_HASH[]; /* what the first event names as its previous one */

typedef struct {
  gint64 id, at_us;
  const char *actor, *action, *subject_kind;
  gint64 subject_id;
  const char *data; /* canonical JSON text */
} JournalEvent;

/* Appends the mirror's line (without line end) to out; hash gets the event's hash. */
void journal_line_append(GString *out, const JournalEvent *event, const char *previous, char hash[JOURNAL_HASH + 1]);
/* The id that a mirror line says it has; -1 when it is no such line. */
gint64 journal_line_id(const char *line);
/* Compares a mirror line's own hash with its text; copies its hash. FALSE: the line was changed. */
gboolean journal_line_check(const char *line, gsize length, char hash[JOURNAL_HASH + 1]);

/* ---- writing ---- */
typedef struct Mirror Mirror;
/* Makes the folder, cuts an incomplete last line off, finds the last event. */
Mirror *mirror_open(const char *folder, GError **error);
void mirror_close(Mirror *mirror);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mirror, mirror_close)
gint64 mirror_last_id(const Mirror *mirror);
const char *mirror_last_hash(const Mirror *mirror); /* JOURNAL_NO_HASH when empty */
/* Writes the lines (each with its line end) of events first_id … first_id + count - 1; those already there are left out. A gap or a failed write leaves the
 * mirror as it was, behind, and returns FALSE. last_hash: the last line's. */
gboolean mirror_append(Mirror *mirror, gint64 first_id, guint count, const char *lines, gsize length);
/* A descriptor (given) whose file has lines that are not yet flushed to the disk, which is then the caller's to do; -1: there are none. */
int mirror_take_dirty(Mirror *mirror);

/* ---- reading, without the database ---- */
typedef struct MirrorReader MirrorReader;
MirrorReader *mirror_reader_new(const char *folder);
void mirror_reader_free(MirrorReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MirrorReader, mirror_reader_free)
/* The next complete line without its line end, borrowed until the next call; NULL at the (present) end and on error. May be called again after the end. */
const char *mirror_reader_next(MirrorReader *reader, gsize *ret_length, GError **error);
gboolean mirror_reader_torn(const MirrorReader *reader); /* at the end: an incomplete line is left */
