/* Writing one picture as JPEG: for pages that this program draws itself. */
#pragma once
#include <glib.h>

/* rgb: height rows of width × 3 bytes. Quality 80, density in dots per inch kept in the file. */
gboolean format_jpeg_write(const char *path, const guint8 *rgb, int width, int height, int dots_per_inch, GError **error);
