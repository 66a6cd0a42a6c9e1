/*
 * The object store: an OCFL 1.1 storage root (DIR/store) of plain files that other programs read and validate.
 * Layout extension 0003-hash-and-id-n-tuple-storage-layout (sha512, tuples of 3 hex × 3, then the id). Digest sha512.
 * The SM3 of every file is in the object's own file "sm3.txt", made anew for each version: "<64 hex>  <logical path>" LF for each other file of the version,
 * sorted by path, as GNU `cksum -a sm3` reads it (the specification's table of digests has no SM3, and validators refuse names outside it).
 *
 * 1. An object version is visible only after every byte of it is flushed (syncfs) and renamed into place.
 * 2. Before it is renamed, an intent row is committed; the caller's transaction that refers to the version deletes the intent.
 *    So after a crash every remaining intent is a version nobody was told of: content_open removes it.
 * 3. Reading gives bytes as they are on disk; verifying reads every byte.
 * 4. Staging is under DIR/store-staging and is emptied by content_open.
 */
#pragma once
#include "sql.h"

typedef struct Content Content;
typedef struct ContentStage ContentStage; /* one object version in the making */
typedef struct ContentBatch ContentBatch; /* versions that become durable together */

typedef struct {
  char *path;   /* logical path in the object, UTF-8, relative, no "..", e.g. "files/0001.jpg" */
  gint64 size_bytes;
  char sha512[129];
  char sm3[65];
} ContentFile;
void content_file_free(ContentFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentFile, content_file_free)

/* Opens or makes the store of an archive, runs recovery (invariants 2, 4) unless another process has the store open too.
 * db NULL or read-only: only for reading an existing store (rebuild, check); nothing is made or recovered, writing fails. */
Content *content_open(const char *dir, SqlDb *db, GError **error);
void content_close(Content *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Content, content_close)
const char *content_root(const Content *content);

/* A new version of object_id (an existing object's files are carried over unless replaced or removed). message/user go to the inventory.
 * The path sm3.txt is the store's own: INVALID. INTERNAL when the existing version's inventory or sm3.txt is damaged.
 * Thread-safe: several stages may be filled at once. */
ContentStage *content_stage_new(Content *content, const char *object_id, const char *user, const char *message, GError **error);
/* Copies the stream to staging while both digests are made: each byte is read once. fd is read from its position to the end. */
const ContentFile *content_stage_add_fd(ContentStage *stage, const char *path, int fd, GError **error);
/* As content_stage_add_fd, for a file that is the caller's alone and never written again: where it lies on the store's disk under one name only, the store
 * takes a second name of it (a hard link) instead of copying its bytes. The first name stays and is the caller's to remove. */
const ContentFile *content_stage_link_fd(ContentStage *stage, const char *path, int fd, GError **error);
const ContentFile *content_stage_add_bytes(ContentStage *stage, const char *path, const void *bytes, gsize length, GError **error);
typedef gssize (*ContentRead)(gpointer source, void *buffer, gsize capacity, GError **error); /* 0 at the end, -1 on error */
const ContentFile *content_stage_add_stream(ContentStage *stage, const char *path, ContentRead read, gpointer source, GError **error);
gboolean content_stage_remove(ContentStage *stage, const char *path, GError **error); /* the new version no longer has this file */
void content_stage_free(ContentStage *stage); /* drops what was staged */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentStage, content_stage_free)

ContentBatch *content_batch_new(Content *content);
void content_batch_take(ContentBatch *batch, ContentStage *stage); /* takes ownership */
/* Writes inventories, commits intents, flushes, renames into place, flushes again. On error nothing of the batch is visible. Takes the
 * writer of the database itself: not to be called inside sql_write. CONFLICT when an object was changed since its stage was made. */
gboolean content_batch_publish(ContentBatch *batch, GError **error);
/* In the caller's transaction that makes the versions known: deletes their intents. Without it the batch is undone at the next open;
 * content_batch_free without a commit undoes it at once. */
gboolean content_batch_acknowledge(ContentBatch *batch, Sql *sql, GError **error);
void content_batch_free(ContentBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContentBatch, content_batch_free)

/* Opens a file of the newest version for reading (a descriptor the caller closes); NOT_FOUND. */
int content_read(Content *content, const char *object_id, const char *path, gint64 *ret_size_bytes, GError **error);
/* Absolute path on disk of a file of the newest version, for tools in the sandbox; new string or NULL. */
char *content_path(Content *content, const char *object_id, const char *path, GError **error);
/* The inventory's newest state, by path, without sm3.txt: [{path, size, sha512, sm3}] (size null: the file is missing; sm3 null: sm3.txt is, or is
 * damaged); NULL with NOT_FOUND. */
json_t *content_list(Content *content, const char *object_id, GError **error);
gboolean content_exists(Content *content, const char *object_id);
guint content_version(Content *content, const char *object_id); /* number of the newest version; 0: no such object, or its inventory cannot be read */
/* Removes an object with all versions (undo of a delivery). Call after the commit that forgot it; idempotent. When it returns TRUE the folder
 * is flushed: a loss of power does not bring the object back. */
gboolean content_remove(Content *content, const char *object_id, GError **error);
/* Drops the newest version of an object, leaving the one before (undo); the object itself when it had one. Idempotent; not inside sql_write. */
gboolean content_remove_version(Content *content, const char *object_id, guint version, GError **error);

/* Destroys an object's bytes in all versions: what is left is an object of the same id with one version that has only the given files ({path: text};
 * "tombstone.json" must be among them). The intent is committed first, and finished at the next opening after a crash; idempotent. Not inside sql_write.
 * A caller whose decision is a transaction of its own calls content_entomb_intend in it and afterwards content_entomb with files NULL. */
gboolean content_entomb(Content *content, const char *object_id, json_t *files, const char *user, const char *message, GError **error);
gboolean content_entomb_intend(Sql *sql, const char *object_id, json_t *files, const char *user, const char *message, GError **error);
/* For callers of content_remove (version 0) and content_remove_version, in the transaction that closes the undo: further copies follow it. */
gboolean content_log_drop(Content *content, Sql *sql, const char *object_id, guint version, GError **error);

/* Walks the store once, so that the log (content_object) has what was there before it was kept; done before: nothing. */
gboolean content_log_fill(Content *content, GError **error);

typedef enum {
  CONTENT_FAULT_DAMAGED,
  CONTENT_FAULT_MISSING,
  CONTENT_FAULT_SURPLUS,
  CONTENT_FAULT_UNREADABLE,
  CONTENT_FAULT_INVENTORY,
  CONTENT_FAULT_SM3 /* sm3.txt is missing, damaged, no such list, or does not list the version's files: their SM3 was not (all) held against it */
} ContentFault;
const char *content_fault_name(ContentFault fault); /* "damaged", "missing", "surplus", "unreadable", "inventory", "sm3" */
typedef struct {
  void (*object)(const char *object_id, guint version, json_t *files, gpointer data); /* each object, after its files; files as content_list */
  void (*fault)(const char *object_id, const char *path, ContentFault fault, const char *detail, gpointer data); /* object_id NULL: stray file in the root */
  void (*progress)(gint64 objects, gint64 files, gint64 bytes, gpointer data);
} ContentCheckVisitor;
/* Reads every byte of every object (2 threads, read ahead), holds SHA-512 against the inventory and SM3 against sm3.txt (of the newest version; what only
 * older versions have, against theirs), validates inventories and sidecars, finds surplus files.
 * The visitor is called in the calling thread; any of its functions may be NULL. An object without valid inventory gets faults but no object call.
 * Paths of faults are below the object's folder ("v1/content/…"), with object_id NULL below the root. The store may be written to meanwhile. */
gboolean content_check(Content *content, const ContentCheckVisitor *visitor, gpointer data, GError **error);

/* Holds any OCFL 1.0 or 1.1 object (of any program) against the specification, reading every byte: {errors: [{code: "E092", text}],
 * warnings: [{code: "W004", text}], unverified: [names of fixity algorithms that were not computed]}. Never fails; an object that
 * cannot be read is an error. New reference. */
json_t *content_validate_object(const char *object_dir);
/* The same for a storage root of any program: its declaration and folders (the result), and visit for each object with its path below the root. */
typedef void (*ContentRootVisit)(const char *path, json_t *result, gpointer data);
json_t *content_validate_root(const char *root_dir, ContentRootVisit visit, gpointer data);
gboolean content_is_root(const char *dir); /* the folder says that it is a storage root */
