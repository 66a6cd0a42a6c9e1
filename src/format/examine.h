/*
 * What is in a file, read part by part: each part looks at one family of formats in the sandboxed child and adds members to one JSON object of facts
 * (format.h names them). The parent (examine.c) believes nothing: it takes over only known members of the known type.
 *
 * 1. A part never reads beyond the file, never loops on what the file says, and takes memory only within fixed bounds.
 * 2. What is broken is a problem (opens = false); what could not be looked at is unknown, with the reason; neither is ever silent.
 */
#pragma once
#include "format.h"

typedef struct {
  int fd;
  guint64 size;
} ExamineFile;

/* Exactly length bytes at offset, or FALSE. */
gboolean examine_read(const ExamineFile *file, guint64 offset, void *buffer, gsize length);
/* opens = false with the reason; the first problem stays. */
void examine_problem(json_t *facts, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The member could not be determined, and why. */
void examine_unknown(json_t *facts, const char *member, const char *reason);

/* ---- pure C, without libraries (examine-image.c, examine-pdf.c, examine-ole.c, examine-end.c) ---- */
void examine_tiff(const ExamineFile *file, json_t *facts); /* size, resolution, colour, bits, compression of the first page; pages */
void examine_jpeg(const ExamineFile *file, json_t *facts);
void examine_png(const ExamineFile *file, json_t *facts);
void examine_pdf(const ExamineFile *file, json_t *facts); /* PDF/A claim, encryption, scripts, end; whether it opens is poppler's word */
void examine_ole(const ExamineFile *file, json_t *facts);
void examine_end(const ExamineFile *file, json_t *facts); /* formats whose length or last word can be checked */
void examine_text(const ExamineFile *file, json_t *facts);

/* ---- by libraries ---- */
void examine_zip(const ExamineFile *file, json_t *facts);                          /* examine-zip.c */
void examine_archive(const ExamineFile *file, json_t *facts);
void examine_pixels(const ExamineFile *file, json_t *facts); /* examine-pixels.c: decodes every page */
