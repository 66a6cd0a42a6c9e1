/*
 * Files that arrive in slices (resumable upload): a row, and what has come so far in DIR/tmp/resumable/<id>.
 *
 * 1. The row's `received` counts bytes that are on disk (flushed before the row is written); what lies behind them is nothing and is written over.
 * 2. Only who began an upload sees it, adds to it and uses it. One slice of it is written at a time.
 * 3. One that nobody added to for seven days is removed.
 */
#pragma once
#include "accession.h"

#define UPLOAD_SLICE_MAX_MB 8

typedef struct { const char *name, *fingerprint; gint64 size_bytes; } UploadStart;
/* The id of this person's unfinished upload of the same file, or of a new one; 0 on error. UNAVAILABLE: not 1.1 × its size free. */
gint64 upload_start(const House *house, const char *actor, const UploadStart *start, GError **error);
/* {id, name, size, received, percent, complete, created_at, touched_at}; NOT_FOUND also for somebody else's. */
json_t *upload_read(const House *house, const char *actor, gint64 id, GError **error);
json_t *upload_list(const House *house, const char *actor, GError **error);
/* Adds the bytes of a file at offset. CONFLICT: it goes on elsewhere (upload_read tells where), or another slice is being written. */
gboolean upload_add(const House *house, const char *actor, gint64 id, gint64 offset, const char *slice, GError **error);
gboolean upload_drop(const House *house, const char *actor, gint64 id, GError **error);
void upload_sweep(const House *house); /* a tick */

/* A file that a form names, sent with the form or before it in slices. */
typedef struct { char *path; char *name; gint64 upload; } FormFile;
/* Fills ret (path NULL: neither given). INVALID: that upload is not complete. */
gboolean form_file_take(WebRequest *request, const char *file_parameter, const char *upload_parameter, FormFile *ret, GError **error);
/* used: a delivery has it now; what is left of it is removed. Else an upload stays, to be used again. */
void form_file_done(const House *house, const char *actor, FormFile *file, gboolean used);
