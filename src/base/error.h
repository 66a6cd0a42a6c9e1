/*
 * One error domain for the whole house. The message is Chinese and written for the user: what, where, what to do.
 * The code decides the HTTP status (web/) and the exit status (app/), in one function each.
 */
#pragma once
#include <glib.h>

typedef enum {
  LANTAI_ERROR_INVALID,     /* 422: the input is wrong; the message says which row, field or character */
  LANTAI_ERROR_DENIED,      /* 403 */
  LANTAI_ERROR_NOT_FOUND,   /* 404 */
  LANTAI_ERROR_CONFLICT,    /* 409: the state of the thing does not allow it (edited meanwhile, already loaded, …) */
  LANTAI_ERROR_TOO_LARGE,   /* 413 */
  LANTAI_ERROR_BUSY,        /* 503: try again */
  LANTAI_ERROR_UNAVAILABLE, /* 503: something outside is missing (disk full, tool absent) */
  LANTAI_ERROR_INTERNAL     /* 500 */
} LantaiError;

#define LANTAI_ERROR lantai_error_quark()
GQuark lantai_error_quark(void);

/* Sets the error and returns FALSE, so that a failing function ends in `return throw(error, …)`. */
gboolean throw(GError **error, LantaiError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same for functions that return a pointer. */
void *throw_null(GError **error, LantaiError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The HTTP status of an error of any domain (others are 500). */
guint error_http_status(const GError *error);
/* A refused file is called as the person who sent it calls it: in the message the last part of path gives way to name. error, its error and name may be NULL. */
void error_call_file(GError **error, const char *path, const char *name);
/* What the system says went wrong (errno), in Chinese words where they are known, else as the system says it. */
const char *error_reason(int number);
