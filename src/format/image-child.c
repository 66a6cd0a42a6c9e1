/*
 * The child that decodes page images by libvips and makes pyramids: one tiled JPEG TIFF, upright, sRGB or grey, without the master's metadata.
 * Only the loaders of page images are open; ImageMagick's is opened for BMP alone. Everything happens in memory: the child cannot make files.
 */
#include "image.h"
#include "sandbox.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TILE = 512, QUALITY = 85, EXIT_DAMAGED = 1, BMP_BYTES_MAX = 1 << 30 };
#define PIXELS_MAX 1000000000.0

static gboolean library_ready;

void child_image_prepare(void) {
  static const char *const OPEN[] = {"VipsForeignLoadJpeg",  "VipsForeignLoadPng", "VipsForeignLoadTiff", "VipsForeignLoadWebp",
                                     "VipsForeignLoadNsgif", "VipsForeignLoadPpm", "VipsForeignLoadJp2k", "VipsForeignLoadHeif"};
  if (library_ready || VIPS_INIT("lantai") != 0) return;
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS(OPEN); i++) vips_operation_block_set(OPEN[i], FALSE);
  vips_type_find("VipsOperation", "avg"); /* builds the table of all operations once here, not in every child; starts no thread */
  library_ready = TRUE;
}

/* Puts the result of one step in the place of its input; TRUE on success. */
static gboolean step(VipsImage **image, int failed, VipsImage **result) {
  if (failed != 0) return FALSE;
  g_object_unref(*image);
  *image = *result;
  return TRUE;
}

static VipsImage *load_bmp(void) {
  struct stat about;
  if (fstat(SANDBOX_INPUT, &about) != 0 || about.st_size > BMP_BYTES_MAX) return NULL;
  gsize size = (gsize)about.st_size, filled = 0;
  char *bytes = g_malloc(size + 1); /* lives as long as the image, that is the process */
  for (gssize got; filled < size && (got = read(SANDBOX_INPUT, bytes + filled, size - filled)) > 0;) filled += (gsize)got;
  vips_operation_block_set("VipsForeignLoadMagick", FALSE);
  return filled > 2 && memcmp(bytes, "BM", 2) == 0 ? vips_image_new_from_buffer(bytes, filled, "", NULL) : NULL;
}

VipsImage *image_child_load(guint page, gboolean bmp) {
  if (bmp) return load_bmp();
  g_autoptr(VipsSource) source = vips_source_new_from_descriptor(SANDBOX_INPUT);
  const char *loader = source == NULL ? NULL : vips_foreign_find_load_source(source);
  if (loader == NULL) return NULL;
  char option[32] = "";
  if (g_str_has_prefix(loader, "VipsForeignLoadTiff")) g_snprintf(option, sizeof option, "[page=%u]", page - 1);
  else if (page != 1) return NULL;
  return vips_image_new_from_source(source, option, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
}

static gboolean is_srgb_profile(VipsImage *image) {
  const void *profile;
  size_t length;
  return vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &length) == 0 && memmem(profile, length, "sRGB", 4) != NULL;
}

/* To sRGB or grey of 8 bits. A profile that cannot be used is ignored: the plain conversion follows. */
static gboolean convert_colours(VipsImage **image) {
  VipsImage *next = NULL;
  gboolean profiled = vips_image_get_typeof(*image, VIPS_META_ICC_NAME) != 0 && (*image)->Bands >= 3 && !is_srgb_profile(*image);
  if (profiled && !step(image, vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, NULL), &next)) vips_error_clear();
  VipsInterpretation now = vips_image_guess_interpretation(*image);
  VipsInterpretation wanted = (*image)->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  if (now != wanted && now != VIPS_INTERPRETATION_MULTIBAND && !step(image, vips_colourspace(*image, &next, wanted, NULL), &next)) return FALSE;
  if (vips_image_hasalpha(*image)) {
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    gboolean flat = step(image, vips_flatten(*image, &next, "background", white, NULL), &next);
    vips_area_unref(VIPS_AREA(white));
    if (!flat) return FALSE;
  }
  if ((*image)->Bands == 2 || (*image)->Bands > 3)
    if (!step(image, vips_extract_band(*image, &next, 0, "n", (*image)->Bands > 3 ? 3 : 1, NULL), &next)) return FALSE;
  return (*image)->BandFmt == VIPS_FORMAT_UCHAR || step(image, vips_cast(*image, &next, VIPS_FORMAT_UCHAR, NULL), &next);
}

static gboolean turn_upright(VipsImage **image) {
  VipsImage *next = NULL;
  if (vips_image_get_orientation(*image) <= 1) return TRUE;
  next = vips_image_copy_memory(*image); /* turning reads in another order than the file has */
  return step(image, next == NULL, &next) && step(image, vips_autorot(*image, &next, NULL), &next);
}

int child_pages(const char *argument) {
  if (!library_ready) return EXIT_DAMAGED;
  g_autoptr(VipsImage) image = image_child_load(1, FALSE);
  if (image == NULL) return EXIT_DAMAGED;
  char answer[16];
  g_snprintf(answer, sizeof answer, "%d", vips_image_get_n_pages(image));
  jail_answer(answer, strlen(answer));
  return 0;
}

int child_pyramid(const char *argument) {
  char *end = NULL;
  guint64 page = g_ascii_strtoull(argument, &end, 10);
  if (!library_ready || page < 1 || page > G_MAXINT) return EXIT_DAMAGED;
  VipsImage *image = image_child_load((guint)page, strcmp(end, ":bmp") == 0);
  if (image == NULL) return EXIT_DAMAGED;
  if ((double)image->Xsize * image->Ysize > PIXELS_MAX) return SANDBOX_EXIT_TOO_LARGE;
  void *bytes = NULL;
  size_t length = 0;
  if (!turn_upright(&image) || !convert_colours(&image)) return EXIT_DAMAGED;
  if (vips_tiffsave_buffer(image, &bytes, &length, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_JPEG, "Q", QUALITY, "tile", TRUE, "tile_width", TILE,
                           "tile_height", TILE, "pyramid", TRUE, "strip", TRUE, NULL)
      != 0) {
    g_printerr("%s\n", vips_error_buffer());
    return EXIT_DAMAGED;
  }
  jail_answer(bytes, length);
  return 0; /* the process ends: nothing is freed */
}

/* One page image for reading: "page:format" (jpeg, jp2, png), with ":bmp" for a bitmap. The answer is a line of HEAD bytes (width, height, bands, dots per
 * 25.4 mm in both directions), then the picture. */
int child_access(const char *argument) {
  enum { HEAD = 64, ACCESS_QUALITY = 88 };
  char *end = NULL, head[HEAD + 1];
  guint64 page = g_ascii_strtoull(argument, &end, 10);
  if (!library_ready || page < 1 || page > G_MAXINT || *end != ':') return EXIT_DAMAGED;
  VipsImage *image = image_child_load((guint)page, strstr(end, ":bmp") != NULL);
  if (image == NULL) return EXIT_DAMAGED;
  if ((double)image->Xsize * image->Ysize > PIXELS_MAX) return SANDBOX_EXIT_TOO_LARGE;
  void *bytes = NULL;
  size_t length = 0;
  if (!turn_upright(&image) || !convert_colours(&image)) return EXIT_DAMAGED;
  int failed;
  if (g_str_has_prefix(end, ":jp2")) failed = vips_jp2ksave_buffer(image, &bytes, &length, "lossless", TRUE, NULL);
  else if (g_str_has_prefix(end, ":png")) failed = vips_pngsave_buffer(image, &bytes, &length, "strip", TRUE, NULL);
  else failed = vips_jpegsave_buffer(image, &bytes, &length, "Q", ACCESS_QUALITY, "strip", TRUE, NULL);
  if (failed != 0) {
    g_printerr("%s\n", vips_error_buffer());
    return EXIT_DAMAGED;
  }
  memset(head, ' ', sizeof head);
  int written = g_snprintf(head, HEAD, "%d %d %d %d %d", image->Xsize, image->Ysize, image->Bands, (int)(image->Xres * 25.4 + 0.5), (int)(image->Yres * 25.4 + 0.5));
  head[written] = ' ';
  head[HEAD - 1] = '\n';
  jail_answer(head, HEAD);
  jail_answer(bytes, length);
  return 0;
}
