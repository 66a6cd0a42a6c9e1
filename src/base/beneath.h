/*
 * Files of others' folders. A path "<root>/./<path>" has a mark between the folder that somebody named and what lies in it: the root is opened as it is
 * written, what follows part by part, and no symbolic link in it is followed, whoever changes the folder meanwhile. Without the mark it is a plain path.
 */
#pragma once
#include <glib.h>

char *beneath_path(const char *root, const char *path);
/* open(2) for reading, close-on-exec, never waiting for a pipe or becoming a terminal's. ELOOP: a link lies on the way. */
int beneath_open(const char *path);
/* A plain file of at most max bytes, with a NUL behind; NULL with errno (EFBIG: longer). */
char *beneath_read(const char *path, gsize max, gsize *ret_length);
