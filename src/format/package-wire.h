/*
 * What the child that unpacks says to the parent: one packet an entry, with a stream socket on which the entry's bytes come (package.c, package-child.c).
 *
 * The stream cannot end by mistake: the child keeps one unread byte in its end until the entry is whole, so that the kernel gives the reader an
 * error (connection reset) and not an end of file when the child finds damage, is killed or dies.
 */
#pragma once
#include <glib.h>

typedef enum { PACKAGE_ENTRY = 1, PACKAGE_ERROR, PACKAGE_END, PACKAGE_FAULT } PackagePacketType;
typedef struct {
  guint32 type, code; /* code: of an error */
  gint64 size_bytes; /* -1: not known beforehand */
  char text[8192]; /* path or message, NUL-ended; a packet may end after the NUL. A fault: path, line feed, reason */
} PackagePacket;

enum { PACKAGE_PATH_MAX = 4096, PACKAGE_DEPTH_MAX = 64, PACKAGE_ENTRIES_MAX = 2000000, PACKAGE_RATIO_MAX = 200 };
#define PACKAGE_BYTES_MAX (G_GUINT64_CONSTANT(1) << 40)
#define PACKAGE_BYTES_FREE (G_GUINT64_CONSTANT(64) << 20) /* below this the ratio does not matter */

/* What is wrong with a path as one inside the package: absolute, escaping, drive letter, control character, too long or deep; NULL if nothing. */
const char *package_path_fault(const char *path);
