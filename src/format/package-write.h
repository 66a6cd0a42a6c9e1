/*
 * Packages written entry by entry: a folder, or a .zip or .tar by the target's extension. Made aside (<target>.partial) and renamed when it is whole and
 * flushed; nothing is left of one that was given up.
 */
#pragma once
#include <glib.h>

typedef struct PackageWriter PackageWriter;
PackageWriter *package_writer_new(const char *target, GError **error); /* CONFLICT when the target exists */
/* name: relative, '/', UTF-8. size_bytes -1: not known beforehand (a .tar then keeps the entry aside until its end). One entry at a time. */
gboolean package_writer_begin(PackageWriter *writer, const char *name, gint64 size_bytes, GError **error);
/* UNAVAILABLE when the disk is full, or more comes than was said. */
gboolean package_writer_data(PackageWriter *writer, const void *bytes, gsize length, GError **error);
/* ret_sha512: 129 bytes, may be NULL. UNAVAILABLE when less came than was said. */
gboolean package_writer_end(PackageWriter *writer, char *ret_sha512, GError **error);
/* A whole entry: bytes, or a descriptor from its position to its end (size_bytes as far as known). */
gboolean package_writer_bytes(PackageWriter *writer, const char *name, const void *bytes, gsize length, char *ret_sha512, GError **error);
gboolean package_writer_fd(PackageWriter *writer, const char *name, int fd, gint64 size_bytes, char *ret_sha512, GError **error);
gint64 package_writer_size(const PackageWriter *writer); /* bytes of the entries so far */
const char *package_writer_aside(const PackageWriter *writer); /* <target>.partial, for what is made beside it */
gboolean package_writer_close(PackageWriter *writer, GError **error); /* frees */
void package_writer_abandon(PackageWriter *writer);                   /* removes what was written; frees */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackageWriter, package_writer_abandon)
/* Removes a file, or a folder with everything in it (links are not followed). */
gboolean package_remove(const char *path);
