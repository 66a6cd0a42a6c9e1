/* What the files of copies share inside the room: rows of places and runs, targets opened by them. */
#pragma once
#include "copies.h"
#include "copy.h"

enum { PRIMARY_ID = 1 };

typedef struct {
  gint64 id, rate_megabytes, every_days, synced_serial, synced_event, synced_us, cursor, scrubbed_us;
  char *name, *kind, *location, *token, *host_key, *key_file;
} CopyPlaceRow;
void copy_row_free(CopyPlaceRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CopyPlaceRow, copy_row_free)
CopyPlaceRow *copy_row_load(const House *house, gint64 id, GError **error);
gint64 copy_id_by_name(const House *house, const char *name, GError **error); /* 0 with NOT_FOUND */

/* Opened and seen to be the place that was agreed (copy.json); UNAVAILABLE or CONFLICT else. create: for a copy made anew. */
Target *copy_target_open(const House *house, const CopyPlaceRow *row, gboolean create, GError **error);
gboolean copy_target_mark(const House *house, Target *target, const CopyPlaceRow *row, GError **error); /* writes copy.json, the root's files and the README */
gboolean copy_agrees(const char *object_id, GHashTable *state, gpointer house);

/* A run: its row is written at the start and the end, and whatever ends it is kept with the place. */
typedef struct {
  const House *house;
  Job *job;
  CopyPlaceRow *place;
  Target *primary, *target;
  GPtrArray *targets, *owned; /* of `run`; opened here */
  CopyRun run;
  gint64 id, objects, files, bytes, faults, repaired, lost;
} Run;
gboolean copy_follow(Run *run, GError **error); /* brings an opened copy up to date */
Run *run_begin(const House *house, Job *job, json_t *parameters, const char *kind, GError **error);
/* Opens the place; `others`: also every other place that can be reached, as sources. */
gboolean run_open(Run *run, gboolean others, gboolean create, GError **error);
gboolean run_end(Run *run, gboolean good, GError **error); /* error: why not; gives good back */
void run_free(Run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_free)

typedef struct {
  CopyObject object;
  gint64 serial;
} LoggedObject;
void logged_clear(gpointer logged);
/* Rows of the log; GArray of LoggedObject. */
GArray *logged_after_key(const House *house, gint64 key, GError **error);
GArray *logged_after_serial(const House *house, gint64 serial, gint64 up_to, GError **error);
GArray *logged_pending(const House *house, gint64 copy_id, gint64 key, GError **error);
GArray *logged_faulty(const House *house, gint64 copy_id, gint64 key, GError **error);
gboolean logged_one(const House *house, gint64 key, LoggedObject *ret, GError **error);

/* Faults of an object at a place, replaced by these. */
gboolean faults_put(Sql *sql, gint64 copy_id, gint64 key, const GPtrArray *faults, gint64 run_id, GError **error);
gboolean checked_put(Sql *sql, const Run *run, const CopyChecked *checked, GError **error);
