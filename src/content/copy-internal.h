/* What the files of copies share inside the room: the measure of an object, its places, reading with digests. */
#pragma once
#include "content-internal.h"
#include "copies.h"

/* What an object should be on every target. */
typedef struct {
  Inventory *inventory;
  GString *text; /* of inventory.json */
  char *sidecar;
  guint version;
} Measure;
void measure_clear(Measure *measure);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Measure, measure_clear)
/* The first inventory of any of the run's targets that can be trusted. FALSE with INVALID when there is none. */
gboolean measure_load(const CopyRun *run, const CopyObject *object, Measure *ret, GError **error);

typedef struct {
  GString *inventory, *sidecar;
} CopyPair;
void copy_pair_clear(CopyPair *pair);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CopyPair, copy_pair_clear)
/* inventory.json and sidecar of a folder ("store/…/v3"); FALSE: not both there (error only when the target is away). */
gboolean copy_pair_read(Target *target, const char *folder, CopyPair *ret, GError **error);
/* An inventory of an earlier version that says what the measure says of it. */
gboolean copy_pair_is_version(const CopyPair *pair, const Measure *measure, guint version);

char *copy_object_folder(const char *object_id); /* "store/abc/def/012/…" */
guint copy_path_version(const char *content_path); /* "v3/content/a" → 3 */
gboolean target_is_away(const GError *error);

/* SHA-512 of a file of a target while it is read; the bytes go on to out ("": nowhere) on another. */
typedef struct {
  Target *target;
  const char *path;
} CopyPlace;
typedef void (*CopyPace)(gint64 bytes, gpointer data);
typedef struct {
  char sha512[SHA512_HEX + 1];
  gint64 size_bytes;
} CopyDigest;
gboolean copy_transfer(CopyPlace from, CopyPlace to, CopyDigest *ret, GError **error);
gboolean copy_hash(CopyPlace from, guchar *buffer, gsize capacity, CopyPace pace, gpointer data, CopyDigest *ret, GError **error);

/* Renames a prepared object into its place in one step, with the folders above it that are not there yet. */
gboolean copy_put_in(Target *target, const char *from, const char *folder, const char *work, GError **error);
/* Where objects of a target are prepared. */
const char *copy_incoming(const CopyRun *run, const Target *target);
char *copy_work_name(const char *incoming, const char *object_id);
/* Everything of one object but the bytes of its contents: declaration, inventories, sidecars. FALSE: the target is away. */
gboolean copy_check_frame(Target *target, const Measure *measure, const char *folder, GPtrArray *faults, GError **error);
void copy_fault_of_error(GPtrArray *faults, const char *path, const GError *reason);
