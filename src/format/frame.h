/*
 * Frames: how a child's answer travels when it is longer than one packet. A frame is {guint32 length; guint32 type} and length bytes, in the machine's byte
 * order (both ends are the same program). What the types mean is each child's matter (table-sink.h, xml-wire.h); an error looks the same in all:
 * guint32 code, then a NUL-ended message.
 *
 * 1. The reader bounds every length before it takes memory, and every text of an error is validated.
 * 2. An answer that stops before the child's last frame is an error: what a dying child did not send is never taken for the end.
 */
#pragma once
#include "sandbox.h"

typedef struct {
  guint32 length, type;
} FrameHead;

/* ---- the child's end ---- */
void frame_append_head(GByteArray *out, guint type, gsize length);
void frame_append_text(GByteArray *out, const char *text); /* with its NUL */
void frame_append_error(GByteArray *out, guint type, const GError *error);

/* ---- the parent's end ---- */
typedef struct {
  Sandbox *sandbox; /* owned */
  char *name;       /* of the file, for messages */
  guint8 *buffer;
  gsize start, filled, size;
  gboolean ended; /* after the last frame or an error */
} FrameReader;
void frame_reader_init(FrameReader *reader, Sandbox *sandbox, const char *name);
void frame_reader_clear(FrameReader *reader);
/* The next frame, its length at most limit; its bytes stay until the next call. */
gboolean frame_next(FrameReader *reader, gsize limit, FrameHead *ret_head, const guint8 **ret_bytes, GError **error);
gboolean frame_fail_garbage(FrameReader *reader, GError **error);                                      /* FALSE: the child's answer breaks the rules */
gboolean frame_take_error(FrameReader *reader, const guint8 *bytes, gsize length, GError **error); /* FALSE, with the error that the frame tells */
