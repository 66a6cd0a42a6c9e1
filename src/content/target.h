/*
 * A place where a copy of the holdings lies: a folder of this machine, or one behind SFTP. Paths are relative to the place, never with "..".
 *
 * Error codes tell what to do: NOT_FOUND the path is not there; DENIED this one file cannot be read or written; UNAVAILABLE the place itself is away
 * (not mounted, no connection, full); CONFLICT its identity is not the one that was agreed.
 * A Target is used by one thread at a time, except that those with `parallel` may be read by several.
 */
#pragma once
#include "content.h"

typedef enum { TARGET_ABSENT, TARGET_FILE, TARGET_FOLDER, TARGET_OTHER } TargetKind;
typedef struct {
  TargetKind kind;
  gint64 size_bytes;
} TargetInfo;
typedef struct {
  char *name;
  TargetKind kind;
} TargetEntry;

typedef struct Target Target;
typedef struct TargetFile TargetFile; /* a file open for reading */
typedef struct TargetMethods {
  void (*close)(Target *target);
  gboolean (*look)(Target *target, const char *path, TargetInfo *ret, GError **error); /* absent is no error */
  GPtrArray *(*list)(Target *target, const char *path, GError **error);                /* TargetEntry, sorted */
  TargetFile *(*open)(Target *target, const char *path, gint64 *ret_size_bytes, GError **error);
  gssize (*read)(TargetFile *file, void *buffer, gsize capacity, GError **error);
  void (*finish)(TargetFile *file);
  gboolean (*write)(Target *target, const char *path, ContentRead read, gpointer source, GError **error); /* a new file; flushed by `flush` at the latest */
  gboolean (*rename)(Target *target, const char *from, const char *to, gboolean replace, GError **error);
  gboolean (*remove)(Target *target, const char *path, gboolean folder, GError **error); /* a file or an empty folder; absent is fine */
  gboolean (*make)(Target *target, const char *path, GError **error);                    /* one folder; there already is fine */
  gboolean (*flush)(Target *target, GError **error);                                     /* everything written and renamed so far is durable */
  gint64 (*space)(Target *target);                                                       /* free bytes; -1 unknown */
} TargetMethods;
struct TargetFile {
  const TargetMethods *methods;
};
struct Target {
  const TargetMethods *methods;
  char *place;     /* for messages */
  gboolean parallel;
};

/* An absolute path. create: the folder is made. UNAVAILABLE when it is not there. */
Target *target_open_local(const char *path, gboolean create, GError **error);
typedef struct {
  const char *key_file; /* private key */
  const char *host_key; /* "SHA256:…" that the host must show; NULL: the first time, any */
} SftpTrust;
/* sftp://user@host[:port]/path. ret_host_key: what the host showed. CONFLICT when it is another than the one agreed. */
Target *target_open_sftp(const char *location, const SftpTrust *trust, gboolean create, char **ret_host_key, GError **error);
gboolean target_is_sftp(const char *location);
void target_close(Target *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Target, target_close)

/* ---- made of the above ---- */
GString *target_read(Target *target, const char *path, gsize limit, GError **error);
gboolean target_write_text(Target *target, const char *path, const char *text, gsize length, GError **error); /* a new file, folders above it too */
gboolean target_put(Target *target, const char *path, const char *text, gsize length, GError **error); /* beside, then renamed over */
gboolean target_make_all(Target *target, const char *path, GError **error);                            /* the folders above path */
gboolean target_remove_tree(Target *target, const char *path, GError **error);
void target_entry_free(gpointer entry);
gssize target_stream(gpointer file, void *buffer, gsize capacity, GError **error); /* a ContentRead over a TargetFile */
