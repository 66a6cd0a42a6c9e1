/*
 * Page images: pyramids are made by a sandboxed child (image-child.c), a PDF page by pdftoppm before it; tiles and thumbnails are cut here from our
 * own pyramids. The child's bytes go to a temporary file beside the target, flushed and renamed: a pyramid is whole or not there.
 *
 * In this process libvips opens TIFF and nothing else, keeps no cache and uses one thread for one request.
 */
#include "error.h"
#include "format.h"
#include "image.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { TILE = 512, TILE_QUALITY = 80, BLOCK = 256 << 10, PDF_PIXELS_MAX = 12000, LEVELS_MAX = 24, THUMBNAIL_MAX = 4096 };
#define PYRAMID_BYTES_MAX (G_GUINT64_CONSTANT(4) << 30)

/* ---- making ---- */

static gboolean write_all(int fd, const char *bytes, gsize length) {
  while (length > 0) {
    gssize wrote = write(fd, bytes, length);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return FALSE;
    bytes += wrote;
    length -= (gsize)wrote;
  }
  return TRUE;
}

static gboolean store_answer(Sandbox *sandbox, int to, const char *target, GError **error) {
  g_autofree char *block = g_malloc(BLOCK);
  guint64 total = 0;
  gssize got;
  while ((got = sandbox_read(sandbox, block, BLOCK, NULL, error)) > 0) {
    if ((total += (guint64)got) > PYRAMID_BYTES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "浏览图超过 4 GiB，已停止");
    if (!write_all(to, block, (gsize)got)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写浏览图 %s：%s", target, error_reason(errno));
  }
  if (got < 0 || !sandbox_finish(sandbox, error)) return FALSE;
  return fdatasync(to) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写浏览图 %s：%s", target, error_reason(errno));
}

static gboolean make_from_image(int source, const char *argument, int to, const char *target, GError **error) {
  g_autoptr(Sandbox) sandbox = sandbox_start("pyramid", argument, source, error);
  return sandbox != NULL && store_answer(sandbox, to, target, error);
}

/* Two children in a row: pdftoppm's answer is the pyramid maker's input. */
static gboolean make_from_pdf(int source, const char *argument, int to, const char *target, GError **error) {
  g_autoptr(Sandbox) drawing = sandbox_start("pdftoppm", argument, source, error);
  if (drawing == NULL) return FALSE;
  g_autoptr(GError) failed = NULL;
  gboolean made = make_from_image(sandbox_answer(drawing), "1", to, target, &failed);
  if (!made && failed->domain == LANTAI_ERROR && failed->code == LANTAI_ERROR_UNAVAILABLE) {
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
  }
  if (!sandbox_finish(drawing, error)) return FALSE;
  if (!made) g_propagate_error(error, g_steal_pointer(&failed));
  return made;
}

static gboolean make(int source, const FormatInfo *info, guint page, int to, const char *target, GError **error) {
  char argument[40];
  if (strcmp(info->kind, "pdf") != 0) {
    g_snprintf(argument, sizeof argument, "%u%s", page, strcmp(info->mime, "image/bmp") == 0 ? ":bmp" : "");
    return make_from_image(source, argument, to, target, error);
  }
  GError *failed = NULL;
  g_snprintf(argument, sizeof argument, "%u", page);
  if (make_from_pdf(source, argument, to, target, &failed)) return TRUE;
  gboolean again = failed->domain == LANTAI_ERROR && failed->code != LANTAI_ERROR_UNAVAILABLE && ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0;
  if (!again) {
    g_propagate_error(error, failed);
    return FALSE;
  }
  g_error_free(failed); /* a page of several metres: once more, to a bounded size */
  g_snprintf(argument, sizeof argument, "%u:%d", page, PDF_PIXELS_MAX);
  return make_from_pdf(source, argument, to, target, error);
}

gboolean format_pyramid_make(const char *source, const FormatInfo *info, guint page, const char *target, GError **error) {
  g_autofree char *name = g_filename_display_basename(source);
  if (page < 1 || (strcmp(info->kind, "pdf") != 0 && strcmp(info->kind, "image") != 0))
    return throw(error, LANTAI_ERROR_INVALID, "“%s”不是图像或 PDF，不能生成浏览图", name);
  int from = sandbox_open_input(source, error);
  if (from < 0) return FALSE;
  g_autofree char *part = g_strdup_printf("%s.XXXXXX", target);
  int to = g_mkstemp_full(part, O_RDWR | O_CLOEXEC, 0640);
  if (to < 0) {
    close(from);
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写浏览图 %s：%s", target, error_reason(errno));
  }
  GError *failed = NULL;
  gboolean done = make(from, info, page, to, target, &failed);
  close(from);
  close(to);
  if (done && g_rename(part, target) == 0) return TRUE;
  if (done) throw(&failed, LANTAI_ERROR_UNAVAILABLE, "不能写浏览图 %s：%s", target, error_reason(errno));
  g_unlink(part);
  g_propagate_prefixed_error(error, failed, "“%s”第 %u 页：", name, page);
  return FALSE;
}

/* ---- serving ---- */

void image_library_start(void) {
  static gsize started = 0;
  if (!g_once_init_enter(&started)) return;
  if (VIPS_INIT("lantai") != 0) g_error("libvips: %s", vips_error_buffer());
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_operation_block_set("VipsForeignLoad", TRUE);
  vips_operation_block_set("VipsForeignLoadTiff", FALSE);
  g_once_init_leave(&started, 1);
}

static void *fail_vips(const char *pyramid, GError **error) {
  g_autofree char *name = g_filename_display_basename(pyramid);
  g_debug("%s: %s", pyramid, vips_error_buffer());
  vips_error_clear();
  return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "浏览图 %s 读不出来；请重新生成", name);
}

static VipsImage *open_level(const char *pyramid, int level, GError **error) {
  VipsImage *image = NULL;
  image_library_start();
  if (level < 0 || level >= LEVELS_MAX) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一层浏览图");
  if (vips_tiffload(pyramid, &image, "page", level, NULL) == 0) return image;
  return fail_vips(pyramid, error);
}

gboolean format_pyramid_info(const char *pyramid, PyramidInfo *ret, GError **error) {
  g_autoptr(VipsImage) image = open_level(pyramid, 0, error);
  if (image == NULL) return FALSE;
  *ret = (PyramidInfo){.width = image->Xsize, .height = image->Ysize, .levels = vips_image_get_n_pages(image)};
  return TRUE;
}

static GBytes *encode(VipsImage *image, const char *pyramid, GError **error) {
  void *bytes = NULL;
  size_t length = 0;
  if (vips_jpegsave_buffer(image, &bytes, &length, "Q", TILE_QUALITY, "strip", TRUE, NULL) != 0) return fail_vips(pyramid, error);
  return g_bytes_new_with_free_func(bytes, length, g_free, bytes);
}

GBytes *format_pyramid_tile(const char *pyramid, int level, int x, int y, GError **error) {
  g_autoptr(VipsImage) image = open_level(pyramid, level, error);
  if (image == NULL) return NULL;
  int columns = (image->Xsize + TILE - 1) / TILE, rows = (image->Ysize + TILE - 1) / TILE;
  if (x < 0 || y < 0 || x >= columns || y >= rows) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一块浏览图");
  g_autoptr(VipsImage) tile = NULL;
  if (vips_crop(image, &tile, x * TILE, y * TILE, MIN(TILE, image->Xsize - x * TILE), MIN(TILE, image->Ysize - y * TILE), NULL) != 0)
    return fail_vips(pyramid, error);
  return encode(tile, pyramid, error);
}

GBytes *format_pyramid_thumbnail(const char *pyramid, int width, GError **error) {
  PyramidInfo info;
  if (!format_pyramid_info(pyramid, &info, error)) return NULL;
  width = CLAMP(width, 16, MIN(THUMBNAIL_MAX, MAX(info.width, 16)));
  int level = 0;
  while (level + 1 < info.levels && (info.width >> (level + 1)) >= width) level++;
  g_autoptr(VipsImage) image = open_level(pyramid, level, error);
  g_autoptr(VipsImage) small = NULL;
  if (image == NULL) return NULL;
  if (vips_thumbnail_image(image, &small, width, "height", 4 * width, "size", VIPS_SIZE_DOWN, NULL) != 0) return fail_vips(pyramid, error);
  return encode(small, pyramid, error);
}
