/*
 * Sheets as old papers look: an official letter under a red head, a filled-in card, a mounted photograph. What is drawn depends on the sheet and its seed
 * alone, not on any library's random numbers.
 */
#include "canvas.h"
#include "error.h"
#include "print.h"
#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>

enum { PAGE_WIDTH = 595, PAGE_HEIGHT = 842, MARGIN = 72 }; /* points */
#define SERIF PRINT_SERIF
#define SANS PRINT_SANS

typedef struct {
  cairo_t *cairo;
  guint64 random; /* SplitMix64 */
  double y;
} Easel;

static int below(guint64 *state, int limit) {
  guint64 mixed = (*state += 0x9e3779b97f4a7c15u);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return (int)((mixed ^ (mixed >> 31)) % (guint64)limit);
}

static double write_text(Easel *easel, const char *text, const char *font, double x, double width, PangoAlignment alignment) {
  PangoLayout *layout = pango_cairo_create_layout(easel->cairo);
  PangoFontDescription *description = pango_font_description_from_string(font);
  pango_layout_set_font_description(layout, description);
  pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_alignment(layout, alignment);
  pango_layout_set_line_spacing(layout, 1.45f);
  pango_layout_set_text(layout, text, -1);
  int height;
  pango_layout_get_size(layout, NULL, &height);
  cairo_move_to(easel->cairo, x, easel->y);
  pango_cairo_show_layout(easel->cairo, layout);
  pango_font_description_free(description);
  g_object_unref(layout);
  return (double)height / PANGO_SCALE;
}

static void ink(Easel *easel) { cairo_set_source_rgb(easel->cairo, 0.1, 0.1, 0.12); }
static void vermilion(Easel *easel) { cairo_set_source_rgba(easel->cairo, 0.78, 0.1, 0.08, 0.85); }

static void rule(Easel *easel, double x, double y, double width, double weight) {
  cairo_set_line_width(easel->cairo, weight);
  cairo_move_to(easel->cairo, x, y);
  cairo_line_to(easel->cairo, x + width, y);
  cairo_stroke(easel->cairo);
}

/* Paper with a little age: a warm tint and a few specks. */
static void draw_paper(Easel *easel, gboolean aged) {
  cairo_set_source_rgb(easel->cairo, 1, aged ? 0.985 : 1, aged ? 0.94 : 1);
  cairo_paint(easel->cairo);
  for (int i = 0; aged && i < 14; i++) {
    cairo_set_source_rgba(easel->cairo, 0.45, 0.35, 0.2, 0.18);
    cairo_arc(easel->cairo, below(&easel->random, PAGE_WIDTH), below(&easel->random, PAGE_HEIGHT), 0.4 + below(&easel->random, 10) / 10.0, 0,
      2 * G_PI);
    cairo_fill(easel->cairo);
  }
}

static void draw_seal(Easel *easel, const char *owner, double x, double y) {
  vermilion(easel);
  cairo_set_line_width(easel->cairo, 2.4);
  cairo_new_path(easel->cairo);
  cairo_arc(easel->cairo, x, y, 46, 0, 2 * G_PI);
  cairo_stroke(easel->cairo);
  for (int i = 0; i < 5; i++) {
    double angle = -G_PI / 2 + i * 4 * G_PI / 5;
    if (i == 0) cairo_move_to(easel->cairo, x + 13 * cos(angle), y + 13 * sin(angle));
    else cairo_line_to(easel->cairo, x + 13 * cos(angle), y + 13 * sin(angle));
  }
  cairo_close_path(easel->cairo);
  cairo_fill(easel->cairo);
  double former = easel->y;
  easel->y = y - 38;
  write_text(easel, owner, SANS " 7.5", x - 36, 72, PANGO_ALIGN_CENTER);
  easel->y = former;
}

static void draw_page_number(Easel *easel, int page, int pages) {
  g_autofree char *text = g_strdup_printf("— %d —", page);
  ink(easel);
  easel->y = PAGE_HEIGHT - 50;
  if (pages > 1) write_text(easel, text, SERIF " 10", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER);
}

static void draw_heading(Easel *easel, const PrintSheet *sheet) {
  g_autofree char *red = g_strconcat(sheet->creator, "文件", NULL);
  vermilion(easel);
  easel->y = 70;
  easel->y += write_text(easel, red, SERIF " Bold 24", 30, PAGE_WIDTH - 60, PANGO_ALIGN_CENTER) + 14;
  ink(easel);
  easel->y += write_text(easel, sheet->docno, SERIF " 12", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER) + 6;
  vermilion(easel);
  rule(easel, MARGIN - 10, easel->y, PAGE_WIDTH - 2 * MARGIN + 20, 2);
  ink(easel);
  easel->y += 26;
  easel->y += write_text(easel, sheet->title, SERIF " Bold 17", MARGIN + 10, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_CENTER) + 18;
}

static void draw_official(Easel *easel, const PrintSheet *sheet, int page) {
  easel->y = MARGIN;
  if (page == 1) draw_heading(easel, sheet);
  ink(easel);
  guint half = sheet->pages == 1 ? sheet->line_count : 5, from = page == 1 ? 0 : half, to = page == 1 ? half : sheet->line_count;
  for (guint i = from; i < to; i++) {
    g_autofree char *paragraph = g_strconcat(i ? "　　" : "", sheet->lines[i], NULL);
    easel->y += write_text(easel, paragraph, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_LEFT) + 5;
  }
  if (page == sheet->pages) {
    easel->y += 34;
    double signature = easel->y;
    easel->y += write_text(easel, sheet->creator, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_RIGHT) + 3;
    write_text(easel, sheet->date, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_RIGHT);
    draw_seal(easel, sheet->creator, PAGE_WIDTH - MARGIN - 80, signature + 18);
  }
  draw_page_number(easel, page, sheet->pages);
}

/* A filled-in form: a title and a ruled table of label and value. */
static void draw_form(Easel *easel, const PrintSheet *sheet) {
  ink(easel);
  easel->y = 100;
  easel->y += write_text(easel, sheet->title, SERIF " Bold 22", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER) + 24;
  easel->y += write_text(easel, sheet->code, SERIF " 10", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_RIGHT) + 6;
  double top = easel->y, width = PAGE_WIDTH - 2 * MARGIN;
  for (guint i = 0; i < sheet->line_count; i++) {
    g_auto(GStrv) pair = g_strsplit(sheet->lines[i], "\t", 2);
    rule(easel, MARGIN, easel->y, width, 0.8);
    easel->y += 12;
    write_text(easel, pair[0], SERIF " 12", MARGIN + 10, 130, PANGO_ALIGN_LEFT);
    cairo_set_source_rgb(easel->cairo, 0.08, 0.12, 0.45);
    easel->y += write_text(easel, pair[1], SERIF " 14", MARGIN + 150, width - 160, PANGO_ALIGN_LEFT) + 12;
    ink(easel);
  }
  rule(easel, MARGIN, easel->y, width, 0.8);
  cairo_set_line_width(easel->cairo, 0.8);
  cairo_rectangle(easel->cairo, MARGIN, top, width, easel->y - top);
  cairo_move_to(easel->cairo, MARGIN + 140, top);
  cairo_line_to(easel->cairo, MARGIN + 140, easel->y);
  cairo_stroke(easel->cairo);
  draw_seal(easel, "临江市档案专用", PAGE_WIDTH - MARGIN - 70, easel->y + 80);
}

/* A landscape of hills, water and houses with its caption below, as an old print is mounted. */
static void draw_photo(Easel *easel, const PrintSheet *sheet) {
  double x = 48, y = 90, width = PAGE_WIDTH - 96, height = 350;
  cairo_save(easel->cairo);
  cairo_rectangle(easel->cairo, x, y, width, height);
  cairo_clip(easel->cairo);
  cairo_pattern_t *sky = cairo_pattern_create_linear(0, y, 0, y + height);
  cairo_pattern_add_color_stop_rgb(sky, 0, 0.86, 0.86, 0.84);
  cairo_pattern_add_color_stop_rgb(sky, 1, 0.6, 0.6, 0.58);
  cairo_set_source(easel->cairo, sky);
  cairo_paint(easel->cairo);
  cairo_pattern_destroy(sky);
  for (int layer = 0; layer < 3; layer++) {
    double base = y + 150 + layer * 55, shade = 0.55 - layer * 0.13, phase = below(&easel->random, 628) / 100.0;
    cairo_set_source_rgb(easel->cairo, shade, shade, shade * 0.97);
    cairo_move_to(easel->cairo, x, y + height);
    for (double at = 0; at <= width; at += 4)
      cairo_line_to(easel->cairo, x + at, base - 34 * sin(at / (60.0 + layer * 17) + phase) - 12 * sin(at / 19.0 + phase * 2));
    cairo_line_to(easel->cairo, x + width, y + height);
    cairo_fill(easel->cairo);
  }
  for (int house = 0; house < 9; house++) {
    double hx = x + below(&easel->random, (int)width - 50), hy = y + 268 + below(&easel->random, 50), w = 26 + below(&easel->random, 30),
           h = 20 + below(&easel->random, 34);
    cairo_set_source_rgb(easel->cairo, 0.8, 0.79, 0.76);
    cairo_rectangle(easel->cairo, hx, hy - h, w, h);
    cairo_fill(easel->cairo);
    cairo_set_source_rgb(easel->cairo, 0.2, 0.2, 0.2);
    cairo_move_to(easel->cairo, hx - 4, hy - h);
    cairo_line_to(easel->cairo, hx + w / 2, hy - h - 14);
    cairo_line_to(easel->cairo, hx + w + 4, hy - h);
    cairo_fill(easel->cairo);
  }
  cairo_restore(easel->cairo);
  ink(easel);
  easel->y = y + height + 24;
  easel->y += write_text(easel, sheet->title, SERIF " 14", x, width, PANGO_ALIGN_LEFT) + 8;
  easel->y += write_text(easel, sheet->code, SERIF " 10", x, width, PANGO_ALIGN_LEFT) + 8;
  for (guint i = 0; i < sheet->line_count; i++) {
    g_auto(GStrv) pair = g_strsplit(sheet->lines[i], "\t", 2);
    g_autofree char *line = g_strdup_printf("%s：%s", pair[0], pair[1]);
    easel->y += write_text(easel, line, SERIF " 11", x, width, PANGO_ALIGN_LEFT) + 4;
  }
}

static void draw(cairo_t *cairo, const PrintSheet *sheet, int page, gboolean aged) {
  Easel easel = {.cairo = cairo, .random = sheet->seed + (guint64)page};
  draw_paper(&easel, aged);
  if (sheet->kind == PRINT_OFFICIAL) draw_official(&easel, sheet, page);
  else if (sheet->kind == PRINT_PHOTO) draw_photo(&easel, sheet);
  else draw_form(&easel, sheet);
}

static void copy_rgb(const guint8 *argb, int stride, int width, int height, guint8 *rgb) {
  for (int y = 0; y < height; y++) {
    const guint8 *from = argb + (gsize)y * (gsize)stride;
    for (int x = 0; x < width; x++, from += 4, rgb += 3) {
      rgb[0] = from[2];
      rgb[1] = from[1];
      rgb[2] = from[0];
    }
  }
}

guint8 *print_sheet_rgb(const PrintSheet *sheet, int page, int *ret_width, int *ret_height) {
  int width = PAGE_WIDTH * PRINT_SHEET_DPI / 72, height = PAGE_HEIGHT * PRINT_SHEET_DPI / 72;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  cairo_t *cairo = cairo_create(surface);
  cairo_scale(cairo, PRINT_SHEET_DPI / 72.0, PRINT_SHEET_DPI / 72.0);
  draw(cairo, sheet, page, TRUE);
  cairo_destroy(cairo);
  cairo_surface_flush(surface);
  guint8 *rgb = g_malloc((gsize)width * (gsize)height * 3);
  copy_rgb(cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface), width, height, rgb);
  cairo_surface_destroy(surface);
  *ret_width = width;
  *ret_height = height;
  return rgb;
}

gboolean print_sheet_pdf(const PrintSheet *sheet, const char *path, GError **error) {
  cairo_surface_t *surface = cairo_pdf_surface_create(path, PAGE_WIDTH, PAGE_HEIGHT);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2023-12-31T00:00:00");
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, sheet->title);
  cairo_t *cairo = cairo_create(surface);
  for (int page = 1; page <= sheet->pages; page++) {
    draw(cairo, sheet, page, FALSE);
    cairo_show_page(cairo);
  }
  cairo_destroy(cairo);
  cairo_surface_finish(surface);
  cairo_status_t status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  return status == CAIRO_STATUS_SUCCESS || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, cairo_status_to_string(status));
}
