/* Inside this room: conversions (convert.c) and the PDF of page images (convert-pdf.c). */
#pragma once
#include "format.h"

typedef struct { int fd; gint64 at; } ConvertFile; /* at: bytes written */
typedef struct { int width, height, bands, dpi_x, dpi_y; } ConvertPage; /* bands 1 or 3; dpi 0 or 25: not told */

gboolean convert_file_write(ConvertFile *file, const void *bytes, gsize length, GError **error);
/* One page of an image, decoded in the sandbox and written as `to` (jpeg, jp2, png). */
GByteArray *convert_page(const char *path, const FormatInfo *info, guint page, const char *to, ConvertPage *ret, GError **error);
/* All pages of all images, each at its size, as PDF/A-2b. */
gboolean convert_pdf_write(const char *const *sources, ConvertFile *file, GError **error);
