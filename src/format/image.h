/* libvips inside this room: its types with automatic release, and its start in this process. */
#pragma once
#include <vips/vips.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsImage, g_object_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VipsSource, g_object_unref)

/* Once, from any thread. Opens TIFF only, no cache, one thread for one request. */
void image_library_start(void);
/* In a child: page (from 1) of the sandbox's input, to be read from top to bottom; a truncated one fails while it is read. NULL: not an image that we open. */
VipsImage *image_child_load(guint page, gboolean bmp);
