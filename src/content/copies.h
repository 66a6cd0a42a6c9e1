/*
 * Further copies of the store: each is a storage root of its own below a Target ("store/"), beside what else an archive is made anew from.
 *
 * 1. The measure is the primary: the inventory of the version that was acknowledged (its SHA-512 is in the log), never what a copy says of itself.
 * 2. At every moment a copy's store/ is a valid OCFL root: objects are made, changed and replaced in "incoming/" and come into place by one rename.
 * 3. Bytes are copied only when they have the digest of the inventory; damage does not spread.
 */
#pragma once
#include "target.h"

#define COPY_INCOMING "incoming"
#define COPY_PRIMARY_INCOMING "store-staging"

typedef struct {
  gint64 key; /* content_object.id */
  const char *object_id;
  guint version; /* acknowledged; 0: removed */
  gboolean tomb;
  const char *inventory_sha512; /* of that version's inventory; NULL: not known */
} CopyObject;

typedef enum { COPY_GOOD, COPY_DAMAGED, COPY_MISSING, COPY_UNREADABLE } CopyResult;
const char *copy_result_name(CopyResult result); /* "good", "damaged", "missing", "unreadable" */
typedef struct {
  char *path; /* below the object's folder */
  char *detail;
  CopyResult result;
} CopyFault;
void copy_fault_free(gpointer fault);
void copy_fault_add(GPtrArray *faults, CopyResult result, const char *path, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* When the log does not know an inventory: whether the newest state (logical path → SHA-512) is what the catalogue recorded. */
typedef gboolean (*CopyAgree)(const char *object_id, GHashTable *state, gpointer data);
/* Everything a run works with; borrowed. targets[0] is the primary (the archive's directory). */
typedef struct {
  Content *content;
  GPtrArray *targets;
  CopyAgree agree;
  gpointer agree_data;
} CopyRun;

/* Where the files of all versions lie below the object's folder ("v1/content/…"), sorted: [path]. */
json_t *content_paths(Content *content, const char *object_id, GError **error);
/* Puts right what a crash left in a copy's incoming folder. */
gboolean copy_settle(Target *target, GError **error);

/* Brings objects of targets[0] to target in one batch (flushed twice). For each: done is told with the object's faults: those of the primary's bytes
 * (from_primary; then nothing was copied) or of the copy (not replaced without a tombstone: a repair does that). */
typedef void (*CopyTold)(const CopyObject *object, gboolean from_primary, GPtrArray *faults, gint64 bytes, gpointer data);
gboolean copy_sync(const CopyRun *run, Target *target, const CopyObject *objects, gsize count, CopyTold told, gpointer data, GError **error);
gboolean copy_remove(Target *target, const char *object_id, GError **error);

/* ---- reading again ---- */
typedef struct CopyScrub CopyScrub;
typedef struct {
  gint64 key;
  char *object_id;
  guint version;
  GPtrArray *faults; /* CopyFault; empty: every byte is good */
  gint64 files, bytes;
  gboolean unmeasured; /* no inventory can be trusted: nothing was read */
} CopyChecked;
void copy_checked_free(CopyChecked *checked);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CopyChecked, copy_checked_free)
/* bytes_per_second 0: as fast as it goes, two threads where the target can. */
CopyScrub *copy_scrub_new(const CopyRun *run, Target *target, gint64 bytes_per_second);
/* Starts checking one object. FALSE: the target is away. */
gboolean copy_scrub_push(CopyScrub *scrub, const CopyObject *object, GError **error);
CopyChecked *copy_scrub_pop(CopyScrub *scrub, gboolean wait, GError **error); /* NULL: none ready (wait: none under way); error: the target went away */
gint64 copy_scrub_bytes(CopyScrub *scrub); /* read so far, also within big files */
void copy_scrub_stop(CopyScrub *scrub); /* what is under way ends soon; its results are not told */
void copy_scrub_free(CopyScrub *scrub);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CopyScrub, copy_scrub_free)

/* ---- repairing ---- */
typedef struct {
  char *path, *sha512, *source; /* place the good bytes came from */
  CopyResult before;
  gint64 size_bytes;
} CopyRepaired;
void copy_repaired_free(gpointer repaired);
/* Checks the object on target, and replaces what is not good from any target whose bytes are verified while they are read. repaired (CopyRepaired) and
 * lost (CopyFault: no good copy anywhere) are added to. FALSE only when it could not go on at all. */
gboolean copy_repair(const CopyRun *run, Target *target, const CopyObject *object, GPtrArray *repaired, GPtrArray *lost, GError **error);
