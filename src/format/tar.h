/* Backups: one tar file (POSIX pax) written and read file by file, each with its SM3 made in the same pass. */
#pragma once
#include <glib.h>

typedef struct TarWriter TarWriter;
TarWriter *tar_writer_new(const char *path, GError **error); /* CONFLICT when the file exists */
/* Adds size_bytes of the file at path under name; ret_sm3: 65 bytes. UNAVAILABLE when the file is shorter or the disk is full. */
gboolean tar_writer_add_file(TarWriter *writer, const char *name, const char *path, gint64 size_bytes, char *ret_sm3, GError **error);
gboolean tar_writer_add_bytes(TarWriter *writer, const char *name, const void *bytes, gsize length, GError **error);
gboolean tar_writer_close(TarWriter *writer, GError **error); /* flushed to disk; frees */
void tar_writer_abandon(TarWriter *writer);                   /* removes what was written; frees */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarWriter, tar_writer_abandon)

typedef gboolean (*TarVisit)(const char *name, gint64 size_bytes, const char *sm3, gpointer data, GError **error);
/* Unpacks regular files below dir (names that would leave it are refused), tells of each. A truncated file is an error. */
gboolean tar_extract(const char *path, const char *dir, TarVisit visit, gpointer data, GError **error);
