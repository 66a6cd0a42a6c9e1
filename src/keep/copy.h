/*
 * Further copies of the holdings: adding places, bringing them up to date, reading them again, repairing them. The commands and pages stand on this.
 */
#pragma once
#include "keep.h"

typedef struct {
  const char *name, *location;
  gint64 rate_megabytes, every_days; /* -1: as usual */
  const char *key_file, *host_key;   /* SFTP: NULL key_file is DIR/keys/copy; NULL host_key is what the host shows now */
} CopyNew;
/* Makes the place ready (empty, or already this archive's copy) and takes it up: the copy as copy_list tells it. */
json_t *copy_add(const House *house, const char *actor, const CopyNew *wanted, GError **error);
gboolean copy_forget(const House *house, const char *actor, const char *name, GError **error); /* the bytes there stay */
gboolean copy_primary_ensure(const House *house, GError **error); /* the primary's own row among the places */
/* [{id, name, kind, location, state, state_label, tone, detail, objects, pending, faulty, lost, unchecked, checked, behind, synced_us, scrubbed_us, cursor,
 * scrub_percent, rate_megabytes, every_days, due_us, free_bytes, host_key}]; the primary first. */
json_t *copy_list(const House *house, Sql *sql, GError **error);
json_t *copy_one(const House *house, Sql *sql, gint64 id, GError **error);
json_t *copy_last_run(const House *house, gint64 copy_id, GError **error);
/* Files that are not good at a place: [{key, object, record, path, result, result_label, tone, lost, detail, found_us, actor}], after a key and path. */
json_t *copy_faults(Sql *sql, gint64 copy_id, gint64 after_key, const char *after_path, int limit, GError **error);
/* An object's files at every place: {object, files: [{path, places: [{copy, result, result_label, tone, checked_us, actor}]}]}. */
json_t *copy_of_object(const House *house, Sql *sql, const char *object_id, GError **error);
char *copy_key_make(const House *house, GError **error); /* DIR/keys/copy made unless there; the public key's line */

/* Jobs; parameters {"copy": id}, verify also {"rate": MB/s, "again": true}. Each leaves a row that copy_last_run tells. */
gboolean copy_job_sync(const House *house, Job *job, json_t *parameters, GError **error);
gboolean copy_job_verify(const House *house, Job *job, json_t *parameters, GError **error);
gboolean copy_job_repair(const House *house, Job *job, json_t *parameters, GError **error);
void copy_tick(const House *house); /* for KEEP_TICKS */
/* For the home page: [{tone, text, href}]. */
json_t *copy_warnings(Sql *sql, GError **error);
/* A copy (a path, or sftp://…) brought to a local folder; what a crash left in it is settled. */
gboolean copy_fetch(const char *location, const char *key_file, const char *host_key, const char *dir, GError **error);
void copy_fetched_remove(const char *dir);
gboolean copy_is_copy(const char *dir); /* the folder has copy.json */
