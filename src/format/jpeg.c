#include "jpeg.h"
#include "error.h"
#include <vips/vips.h>

gboolean format_jpeg_write(const char *path, const guint8 *rgb, int width, int height, int dots_per_inch, GError **error) {
  static gsize started = 0;
  if (g_once_init_enter(&started)) {
    if (VIPS_INIT("lantai") != 0) g_error("libvips: %s", vips_error_buffer());
    g_once_init_leave(&started, 1);
  }
  VipsImage *memory = vips_image_new_from_memory(rgb, (gsize)width * (gsize)height * 3, width, height, 3, VIPS_FORMAT_UCHAR);
  VipsImage *image = NULL;
  double pixels_per_mm = dots_per_inch / 25.4;
  gboolean good = memory && vips_copy(memory, &image, "interpretation", VIPS_INTERPRETATION_sRGB, "xres", pixels_per_mm, "yres", pixels_per_mm, NULL) == 0 &&
                  vips_jpegsave(image, path, "Q", 80, NULL) == 0;
  g_clear_object(&image);
  g_clear_object(&memory);
  if (good) return TRUE;
  throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入图像 %s：%s", path, vips_error_buffer());
  vips_error_clear();
  return FALSE;
}
