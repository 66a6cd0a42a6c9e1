/* Heads of TIFF, JPEG and PNG: resolution, colour, depth and compression as the file tells them. Whether the pixels are whole is examine-pixels.c's matter. */
#include "examine.h"
#include <math.h>
#include <string.h>

enum { PAGES_MAX = 100000, TAGS_MAX = 4096, SEGMENTS_MAX = 10000 };

static void set_number(json_t *facts, const char *member, gint64 value) { json_object_set_new(facts, member, json_integer(value)); }
static void set_text(json_t *facts, const char *member, const char *value) { json_object_set_new(facts, member, json_string(value)); }

static void set_colour(json_t *facts, guint bits, gboolean grey) {
  set_number(facts, "bits", bits);
  set_text(facts, "colour", !grey ? "colour" : bits == 1 ? "bitonal" : "grey");
}

/* ---- TIFF 6.0 and BigTIFF ---- */

typedef struct {
  const ExamineFile *file;
  gboolean big_endian, is_big;
} Tiff;
typedef struct {
  guint width, height, bits, compression, photometric, samples, unit;
  double resolution;
} TiffPage;

static guint64 number_of(const Tiff *tiff, const guint8 *bytes, guint length) {
  guint64 value = 0;
  for (guint i = 0; i < length; i++) value |= (guint64)bytes[tiff->big_endian ? length - 1 - i : i] << (8 * i);
  return value;
}

/* The first value of an entry, which stands in it when it fits, else elsewhere. */
static double value_of(const Tiff *tiff, const guint8 *entry) {
  static const guint SIZES[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
  guint type = (guint)number_of(tiff, entry + 2, 2), word = tiff->is_big ? 8 : 4;
  guint64 count = number_of(tiff, entry + 4, word);
  guint size = type < G_N_ELEMENTS(SIZES) ? SIZES[type] : 0;
  const guint8 *bytes = entry + 4 + word;
  guint8 outside[8];
  if (size == 0 || count == 0) return 0;
  if (count > word / size) {
    if (!examine_read(tiff->file, number_of(tiff, bytes, word), outside, size)) return 0;
    bytes = outside;
  }
  if (type != 5 && type != 10) return (double)number_of(tiff, bytes, size);
  guint64 divisor = number_of(tiff, bytes + 4, 4);
  return divisor == 0 ? 0 : (double)number_of(tiff, bytes, 4) / (double)divisor;
}

static void take_tag(const Tiff *tiff, const guint8 *entry, TiffPage *page) {
  double value = value_of(tiff, entry);
  guint whole = value > 0 && value < G_MAXINT ? (guint)value : 0;
  switch (number_of(tiff, entry, 2)) {
    case 256: page->width = whole; break;
    case 257: page->height = whole; break;
    case 258: page->bits = whole; break;
    case 259: page->compression = whole; break;
    case 262: page->photometric = whole; break;
    case 277: page->samples = whole; break;
    case 282: page->resolution = value; break;
    case 296: page->unit = whole; break;
    default: break;
  }
}

static const char *compression_name(guint compression) {
  static const struct {
    guint code;
    const char *name;
  } NAMES[] = {{1, "none"}, {2, "MH"}, {3, "G3"}, {4, "G4"}, {5, "LZW"}, {6, "OJPEG"}, {7, "JPEG"}, {8, "Deflate"}, {32946, "Deflate"}, {32773, "PackBits"},
               {33003, "JPEG 2000"}, {33005, "JPEG 2000"}, {34712, "JPEG 2000"}, {34661, "JBIG"}, {34925, "LZMA"}, {50000, "ZSTD"}, {50001, "WebP"}};
  for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++)
    if (NAMES[i].code == compression) return NAMES[i].name;
  return NULL;
}

static void tell_page(const TiffPage *page, json_t *facts) {
  const char *compression = compression_name(page->compression);
  set_number(facts, "width", page->width);
  set_number(facts, "height", page->height);
  set_colour(facts, page->bits, page->photometric <= 1 && page->samples <= 2);
  double dpi = page->unit == 3 ? page->resolution * 2.54 : page->resolution;
  if (page->unit != 1 && dpi >= 1 && dpi < 100000) set_number(facts, "dpi", (gint64)lround(dpi));
  if (compression != NULL) set_text(facts, "compression", compression);
  else examine_unknown(facts, "compression", "压缩方式的代码不认识");
}

/* Where the next page's directory is; 0 after the last. FALSE: this one is not within the file. */
static gboolean read_directory(const Tiff *tiff, guint64 offset, TiffPage *page, guint64 *ret_next) {
  guint8 head[8], entry[20], next[8];
  guint counts = tiff->is_big ? 8 : 2, length = tiff->is_big ? 20 : 12, word = tiff->is_big ? 8 : 4;
  if (!examine_read(tiff->file, offset, head, counts)) return FALSE;
  guint64 tags = number_of(tiff, head, counts);
  if (tags == 0 || tags > TAGS_MAX) return FALSE;
  for (guint64 i = 0; i < tags && page != NULL; i++) {
    if (!examine_read(tiff->file, offset + counts + i * length, entry, length)) return FALSE;
    take_tag(tiff, entry, page);
  }
  if (!examine_read(tiff->file, offset + counts + tags * length, next, word)) return FALSE;
  *ret_next = number_of(tiff, next, word);
  return TRUE;
}

void examine_tiff(const ExamineFile *file, json_t *facts) {
  guint8 head[16] = {0};
  if (!examine_read(file, 0, head, 8)) return examine_problem(facts, "TIFF 文件头不完整");
  Tiff tiff = {.file = file, .big_endian = head[0] == 'M'};
  tiff.is_big = number_of(&tiff, head + 2, 2) == 43;
  if (tiff.is_big && !examine_read(file, 0, head, 16)) return examine_problem(facts, "TIFF 文件头不完整");
  guint64 offset = tiff.is_big ? number_of(&tiff, head + 8, 8) : number_of(&tiff, head + 4, 4);
  TiffPage first = {.bits = 1, .compression = 1, .samples = 1, .unit = 2};
  guint pages = 0;
  for (; offset != 0 && pages < PAGES_MAX; pages++)
    if (!read_directory(&tiff, offset, pages == 0 ? &first : NULL, &offset))
      return examine_problem(facts, "第 %u 页的图像目录不在文件内，文件可能被截断", pages + 1);
  if (pages == 0) return examine_problem(facts, "TIFF 文件中没有图像");
  if (pages == PAGES_MAX) return examine_problem(facts, "TIFF 的页链没有尽头，文件损坏");
  set_number(facts, "pages", pages);
  tell_page(&first, facts);
}

/* ---- JPEG: the frame header (SOF), and the density of JFIF ---- */

void examine_jpeg(const ExamineFile *file, json_t *facts) {
  guint64 at = 2;
  guint8 head[18];
  set_text(facts, "compression", "JPEG");
  for (guint i = 0; i < SEGMENTS_MAX && examine_read(file, at, head, 4); i++) {
    if (head[0] != 0xff) return;
    if (head[1] == 0xff || head[1] == 0x01 || (head[1] >= 0xd0 && head[1] <= 0xd7)) {
      at += head[1] == 0xff ? 1 : 2;
      continue;
    }
    guint length = (guint)head[2] << 8 | head[3];
    gboolean is_frame = head[1] >= 0xc0 && head[1] <= 0xcf && head[1] != 0xc4 && head[1] != 0xc8 && head[1] != 0xcc;
    if (is_frame && examine_read(file, at + 4, head, 6)) {
      set_number(facts, "height", (gint64)head[1] << 8 | head[2]);
      set_number(facts, "width", (gint64)head[3] << 8 | head[4]);
      set_colour(facts, head[0], head[5] == 1);
      return;
    }
    if (head[1] == 0xda || head[1] == 0xd9 || length < 2) return;
    at += 2 + length;
  }
}

/* PNG: the header chunk, and the density (pHYs) that stands before the pixels. */
void examine_png(const ExamineFile *file, json_t *facts) {
  guint8 head[26], chunk[17];
  set_text(facts, "compression", "Deflate");
  if (!examine_read(file, 0, head, sizeof head) || memcmp(head + 12, "IHDR", 4) != 0) return;
  set_colour(facts, head[24], head[25] == 0 || head[25] == 4);
  guint64 at = 8;
  for (guint i = 0; i < SEGMENTS_MAX && examine_read(file, at, chunk, sizeof chunk) && memcmp(chunk + 4, "IDAT", 4) != 0; i++) {
    guint64 length = (guint64)chunk[0] << 24 | (guint64)chunk[1] << 16 | (guint64)chunk[2] << 8 | chunk[3];
    guint64 density = (guint64)chunk[8] << 24 | (guint64)chunk[9] << 16 | (guint64)chunk[10] << 8 | chunk[11];
    guint8 unit = 0;
    if (memcmp(chunk + 4, "pHYs", 4) == 0 && examine_read(file, at + 16, &unit, 1) && unit == 1 && density > 39 && density < 4000000)
      set_number(facts, "dpi", (gint64)lround((double)density * 0.0254));
    at += 12 + length;
  }
}
