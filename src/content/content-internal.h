/*
 * What the files of content/ share; no other room includes this.
 *
 * Locks: Content.flush_lock is held over syncfs only, Content.lock over no file or database work; neither inside the other.
 */
#pragma once
#include "content.h"
#include "crypto.h"
#include "error.h"
#include "settings.h"
#include <sys/stat.h>
#include <unistd.h>

#define INVENTORY_LIMIT_BYTES (64 << 20)
#define OBJECT_DECLARATION "0=ocfl_object_1.1"
#define OBJECT_DECLARATION_TEXT "ocfl_object_1.1\n"
#define ROOT_DECLARATION "0=ocfl_1.1"
#define ROOT_DECLARATION_TEXT "ocfl_1.1\n"
#define INVENTORY_TYPE "https://ocfl.io/1.1/spec/#inventory"
#define SIDECAR "inventory.json.sha512"
#define SHA512_HEX 128
#define SM3_HEX 64

/* ---- paths and files (file.c) ---- */

typedef enum { PATH_SAFE, PATH_EMPTY_ELEMENT, PATH_DOT_ELEMENT, PATH_EDGE_SLASH, PATH_TOO_LONG, PATH_BAD_CHARACTER } PathFault;
PathFault path_fault(const char *path); /* PATH_SAFE: relative, UTF-8, no "." ".." or empty element, fits every usual file system */
gboolean is_hex(const char *text, gsize length); /* exactly length lower-case hex digits */
gboolean is_zero(const void *data, gsize length);        /* nothing but zeros */
guint version_number(const char *name);          /* "v12" → 12; 0 for anything else, zero-padded names too */

/* Opens path below dirfd, following no symbolic link and waiting for no pipe; -1 with errno. */
int open_beneath(int dirfd, const char *path, int flags);
/* The whole regular file; fails with errno set (EFBIG above limit, ELOOP for a link, EINVAL for what is no file). */
gboolean read_file(int dirfd, const char *path, gsize limit, GString **ret);
gboolean write_file(int dirfd, const char *name, const void *data, gsize length, GError **error);
gboolean make_parents(int dirfd, const char *path, GError **error); /* the folders above path */
gboolean remove_tree(int dirfd, const char *name);                  /* all below, no links followed; FALSE with errno; absent is TRUE */
/* Entry names of a folder, sorted; NULL with errno. */
GPtrArray *list_folder(int dirfd);
GPtrArray *sorted_keys(GHashTable *table); /* of text keys; borrowed */
/* Sets an error for errno: what was done to which path, a full disk in its own words. Returns FALSE. */
gboolean throw_errno(GError **error, const char *action, const char *path);
/* A fault point as a step that may fail. */
gboolean pass_point(const char *name, GError **error);

static inline void close_fd(int *fd) { if (*fd >= 0) close(*fd); }
#define autofd __attribute__((cleanup(close_fd))) int

/* ---- digests (hash.c) ---- */

typedef struct {
  gint64 size_bytes;
  char sha512[SHA512_HEX + 1];
  char sm3[SM3_HEX + 1];
} FileDigests;
/* Reads the stream once: both digests from the same buffer, and a copy to out_fd unless it is -1.
 * parallel: SM3 runs in a second thread from 64 KiB on. */
gboolean hash_stream(ContentRead read, gpointer source, int out_fd, gboolean parallel, FileDigests *ret, GError **error);
/* A ContentRead over memory. */
typedef struct {
  const char *bytes;
  gsize left;
} HashBytes;
gssize hash_read_bytes(gpointer source, void *buffer, gsize capacity, GError **error); /* source: HashBytes * */
/* A ContentRead over a descriptor; source is an int *. */
gssize read_descriptor(gpointer source, void *buffer, gsize capacity, GError **error);

/* ---- inventories (inventory.c) ---- */

typedef struct {
  const char *content_path, *sha512; /* borrowed from the inventory */
} InventoryFile;
typedef struct {
  json_t *document;
  const char *id;
  guint head;
  GHashTable *files;    /* logical path of the newest version → InventoryFile */
  GHashTable *contents; /* sha512 → first content path */
  GHashTable *paths;    /* content path → sha512: every file the object has */
} Inventory;
/* An inventory as this program writes them (sha512, folder "content"); INVALID says what is wrong. Free with inventory_unref. */
Inventory *inventory_parse(const char *text, gsize length, GError **error);
Inventory *inventory_ref(Inventory *inventory);
void inventory_unref(Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_unref)
/* Logical path → digest of a version block of any inventory; borrowed from it. What is not formed like one is passed over. */
GHashTable *state_paths(json_t *version);
/* [{path, size, sha512, sm3}] without sm3.txt; size null where the file cannot be found, sm3 null where digests (SHA-512 → SM3) has none. */
json_t *inventory_list(const Inventory *inventory, int object_fd, GHashTable *digests);
/* Writes inventory.json and its sidecar into a folder. digest: its SHA-512; computed there when it is "". */
gboolean inventory_write(int dirfd, const char *text, gsize length, char *digest, GError **error);
/* TRUE if the sidecar text is "<sha512> inventory.json" of that inventory. */
gboolean sidecar_matches(const GString *sidecar, const GString *inventory);

/* ---- sm3.txt (sm3-list.c) ---- */

#define SM3_LIST "sm3.txt"
/* The list of a state (logical path → SHA-512) from digests (SHA-512 → SM3), which has all of them. */
GString *sm3_list_text(GHashTable *state, GHashTable *digests);
GHashTable *sm3_digests_new(void); /* SHA-512 → SM3, both owned */
/* Adds what a version's list says to digests. FALSE with the first thing that is wrong; what can be known is in digests all the same. */
gboolean sm3_list_collect(const Inventory *inventory, guint version, int object_fd, GHashTable *digests, GError **error);
const char *sm3_list_path(const Inventory *inventory, guint version); /* its content path; NULL: the version has none */

/* ---- the store (store.c, object.c) ---- */

#define LAYOUT "0003-hash-and-id-n-tuple-storage-layout"
typedef struct {
  const char *path, *text;
} LayoutFile;
extern const LayoutFile LAYOUT_FILES[3]; /* what the root holds beside objects; the declaration last */
gboolean is_layout_name(const char *name); /* a direct child of the root that is not objects */

struct Content {
  char *root;    /* DIR/store */
  char *staging; /* DIR/store-staging */
  int root_fd, staging_fd;
  SqlDb *db; /* NULL: only reading */
  guint32 session; /* part of the names in the staging folder */
  GMutex flush_lock;
  guint flush_failures; /* flushes that failed so far: an error of the disk belongs to everything staged before it; under flush_lock */
  GMutex lock;          /* of all below */
  GHashTable *claims;   /* object ids being published or removed */
  GHashTable *cache;    /* object id → CachedInventory */
  gsize cache_bytes;
  guint64 next_name;
};

char *object_path(const char *object_id); /* below the root: abc/def/012/urn%3alantai%3arecord%3a12 */
gboolean object_id_check(const char *object_id, GError **error);
/* The newest inventory; NOT_FOUND; INTERNAL when it is damaged. Reference. */
Inventory *object_load(Content *content, const char *object_id, GError **error);
int object_open(Content *content, const char *object_id); /* the object's folder; -1 with errno */
/* Takes version out again, whatever part of it is there: the root inventory becomes that of the version before. Idempotent. */
gboolean object_drop_version(Content *content, const char *object_id, guint version, GError **error);
gboolean object_drop(Content *content, const char *object_id, GError **error);
void object_remove_empty_parents(Content *content, const char *path);
void object_forget_cached(Content *content, const char *object_id);
void cached_inventory_free(gpointer data);

gboolean content_claim(Content *content, const char *object_id, GError **error);
void content_unclaim(Content *content, const char *object_id);
char *content_new_name(Content *content, char kind); /* unique in the staging folder, also between processes */
/* syncfs; FALSE also when a flush since failures_before failed in another thread. */
gboolean content_flush(Content *content, guint failures_before, GError **error);
guint content_flush_failures(Content *content);
gboolean content_writable(const Content *content, GError **error);
gboolean content_intend(Sql *sql, const char *object_id, guint version, GError **error);

/* ---- one version in the making (stage.c) ---- */

struct ContentStage {
  Content *content;
  char *object_id, *user, *message;
  char *name;          /* what its files and its folder in the staging folder are called after */
  Inventory *base;     /* NULL: a new object */
  guint version;
  GHashTable *state;   /* logical path → sha512 */
  GHashTable *folders; /* folder of logical paths → number of files below */
  GHashTable *fresh;   /* sha512 → StagedBytes: contents the object does not have yet */
  GHashTable *digests; /* sha512 → SM3 of every content of the state */
  GPtrArray *files;    /* ContentFile handed out */
  guint flush_failures;
  gboolean placed;     /* renamed into the store, wholly or in part */
  gint64 created_us;   /* 0: now */
  char inventory_sha512[SHA512_HEX + 1]; /* once prepared */
};
/* A stage that takes nothing over from what the object has. */
ContentStage *stage_new_fresh(Content *content, const char *object_id, const char *user, const char *message, GError **error);
/* Builds the stage's folder: what publishing renames into place. */
gboolean stage_prepare(ContentStage *stage, GError **error);
/* Renames it into place; on an error the caller drops the version. */
gboolean stage_place(ContentStage *stage, GError **error);

/* ---- the log and tombs (log.c, entomb.c) ---- */

#define TOMBSTONE "tombstone.json"
gboolean content_log_put(Sql *sql, const char *object_id, guint version, const char *inventory_sha512, gboolean tomb, GError **error);
gboolean content_log_is_complete(Sql *sql);

gboolean content_entomb_recover(Content *content, GError **error);

/* ---- looking at one object (scan.c) ---- */

typedef struct {
  char *path, *detail;
  ContentFault fault;
} FaultFound;
typedef struct {
  char *folder;         /* below the root */
  int fd;               /* the object's folder */
  gboolean gone;        /* removed meanwhile */
  char *object_id;      /* NULL: no inventory tells it */
  Inventory *inventory; /* the root's, or the newest readable one of a version; NULL */
  gboolean whole;       /* inventory is the root's and valid */
  GHashTable *digests;  /* SHA-512 → SM3 as the lists of the inventory's versions say */
  GPtrArray *files;     /* content paths to hash; borrowed from the inventory */
  GPtrArray *faults;    /* FaultFound */
  struct stat seen;     /* inventory.json when it was read; st_ino 0: none */
} ObjectScan;
/* Everything but the bytes of the files: inventories, sidecars, what is there and should not be or the other way round. */
ObjectScan *scan_object(Content *content, const char *folder);
ObjectScan *scan_inventories(Content *content, const char *folder); /* inventories and sidecars only: object_id, inventory, whole */
void scan_free(ObjectScan *scan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ObjectScan, scan_free)
void scan_fault(ObjectScan *scan, ContentFault fault, const char *path, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* The object was published to or removed since it was scanned. */
gboolean scan_is_stale(Content *content, const ObjectScan *scan);

/* ---- rules of OCFL (validate-inventory.c) ---- */

typedef struct {
  json_t *errors, *warnings, *unverified;
} Findings;
void finding_error(Findings *findings, const char *code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void finding_warning(Findings *findings, const char *code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The rules that need the document alone; name is how messages call it ("inventory.json"). */
void validate_inventory(json_t *document, const char *name, Findings *findings);
/* "v3" or padded "v003": the number, and the width when padded (else 0). */
gboolean version_parse(const char *name, guint *ret_number, guint *ret_padding);
int inventory_minor_version(json_t *document); /* 0 or 1 of OCFL 1.0, 1.1; -1 */
const char *inventory_content_folder(json_t *document);
