/*
 * Images decoded to the last row of every page, so that a truncated or damaged one is caught, and the children that look at files: one for each family of
 * formats (examine.h), the answer is one JSON object of facts.
 */
#include "examine.h"
#include "image.h"
#include "sandbox.h"
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIXELS_MAX 4000000000.0 /* of all pages together */

static void set_missing(json_t *facts, const char *member, json_t *value) {
  if (json_object_get(facts, member) == NULL) json_object_set_new(facts, member, value);
  else json_decref(value);
}

/* What the head did not say, from the decoder. */
static void tell_image(VipsImage *image, json_t *facts) {
  int bits = (int)vips_format_sizeof_unsafe(image->BandFmt) * 8;
  set_missing(facts, "width", json_integer(image->Xsize));
  set_missing(facts, "height", json_integer(image->Ysize));
  set_missing(facts, "bits", json_integer(bits));
  set_missing(facts, "colour", json_string(image->Bands >= 3 ? "colour" : "grey"));
  if (json_object_get(facts, "dpi") != NULL) return;
  double dpi = image->Xres * 25.4;
  gboolean told = vips_image_get_typeof(image, VIPS_META_RESOLUTION_UNIT) != 0 && dpi >= 1 && dpi < 100000 && fabs(image->Xres - 1) > 1e-6;
  if (told) json_object_set_new(facts, "dpi", json_integer(lround(dpi)));
  else examine_unknown(facts, "dpi", "文件没有记载分辨率");
}

static void tell_damage(guint page, guint pages, json_t *facts) {
  static const char *const CUT[] = {"remature", "truncat", "end of file", "EOF", "not enough", "Read error", "too short", "out of"};
  const char *words = vips_error_buffer(), *what = "图像数据已损坏，不能完整解码";
  for (gsize i = 0; i < G_N_ELEMENTS(CUT); i++)
    if (strstr(words, CUT[i]) != NULL) what = "图像数据不完整，文件可能被截断";
  if (pages > 1) examine_problem(facts, "第 %u 页%s", page, what);
  else examine_problem(facts, "%s", what);
  vips_error_clear();
}

/* One number over all pixels makes the decoder go through every row, without keeping them. */
static gboolean decode_page(guint page, guint pages, gboolean bmp, double *pixels, json_t *facts) {
  g_autoptr(VipsImage) image = image_child_load(page, bmp);
  double average;
  if (image == NULL) return tell_damage(page, pages, facts), FALSE;
  if (page == 1) tell_image(image, facts);
  if ((*pixels += (double)image->Xsize * image->Ysize) > PIXELS_MAX)
    return examine_unknown(facts, page == 1 ? "opens" : "content", "图像超过 40 亿像素，没有全部解码"), FALSE;
  if (vips_avg(image, &average, NULL) == 0) return TRUE;
  tell_damage(page, pages, facts);
  return FALSE;
}

void examine_pixels(const ExamineFile *file, json_t *facts) {
  guint8 head[2] = {0};
  examine_read(file, 0, head, sizeof head);
  json_t *told = json_object_get(facts, "pages");
  guint pages = told == NULL ? 1 : (guint)json_integer_value(told), page = 1;
  double pixels = 0;
  if (json_object_get(facts, "opens") != NULL) return; /* the head is broken already */
  set_missing(facts, "pages", json_integer(1));
  json_object_set_new(facts, "encrypted", json_false());
  while (page <= pages && decode_page(page, pages, memcmp(head, "BM", 2) == 0, &pixels, facts)) page++;
  if (page > 1 && json_object_get(facts, "opens") == NULL) json_object_set_new(facts, "opens", json_true());
}

/* ---- the child ---- */

static void examine_tiff_whole(const ExamineFile *file, json_t *facts) {
  examine_tiff(file, facts);
  examine_pixels(file, facts);
}

static void examine_jpeg_whole(const ExamineFile *file, json_t *facts) {
  examine_jpeg(file, facts);
  examine_pixels(file, facts);
}

static void examine_png_whole(const ExamineFile *file, json_t *facts) {
  examine_png(file, facts);
  examine_pixels(file, facts);
}

int child_examine(const char *argument) {
  static const struct {
    const char *family;
    void (*examine)(const ExamineFile *file, json_t *facts);
  } FAMILIES[] = {{"tiff", examine_tiff_whole}, {"jpeg", examine_jpeg_whole}, {"png", examine_png_whole}, {"pixels", examine_pixels}, {"pdf", examine_pdf},
                  {"ole", examine_ole},         {"zip", examine_zip},         {"archive", examine_archive}, {"end", examine_end}, {"text", examine_text}};
  struct stat about;
  if (fstat(SANDBOX_INPUT, &about) != 0) return 1;
  ExamineFile file = {.fd = SANDBOX_INPUT, .size = (guint64)about.st_size};
  json_t *facts = json_object();
  for (gsize i = 0; i < G_N_ELEMENTS(FAMILIES); i++)
    if (strcmp(FAMILIES[i].family, argument) == 0) FAMILIES[i].examine(&file, facts);
  g_autofree char *text = json_dumps(facts, JSON_COMPACT);
  jail_answer(text, strlen(text));
  return 0; /* the process ends: nothing is freed */
}
