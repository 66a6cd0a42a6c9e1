/*
 * Draws the documents of the demonstration archive: what a page shows is what its catalogue row says. A4 at 120 dots per inch as JPEG pages, or PDF with
 * a text layer, or plain text.
 */
#include "demo.h"
#include "error.h"
#include "jpeg.h"
#include <cairo-pdf.h>
#include <gio/gio.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

enum { PAGE_DPI = 120, PAGE_WIDTH = 595, PAGE_HEIGHT = 842, MARGIN = 72 }; /* points */
#define SERIF "Noto Serif CJK SC"
#define SANS "Noto Sans CJK SC"

typedef struct {
  cairo_t *cairo;
  DemoRandom random;
  double y;
} Canvas;

static double write_text(Canvas *canvas, const char *text, const char *font, double x, double width, PangoAlignment alignment) {
  PangoLayout *layout = pango_cairo_create_layout(canvas->cairo);
  PangoFontDescription *description = pango_font_description_from_string(font);
  pango_layout_set_font_description(layout, description);
  pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_alignment(layout, alignment);
  pango_layout_set_line_spacing(layout, 1.45f);
  pango_layout_set_text(layout, text, -1);
  int height;
  pango_layout_get_size(layout, NULL, &height);
  cairo_move_to(canvas->cairo, x, canvas->y);
  pango_cairo_show_layout(canvas->cairo, layout);
  pango_font_description_free(description);
  g_object_unref(layout);
  return (double)height / PANGO_SCALE;
}

static void ink(Canvas *canvas) { cairo_set_source_rgb(canvas->cairo, 0.1, 0.1, 0.12); }
static void vermilion(Canvas *canvas) { cairo_set_source_rgba(canvas->cairo, 0.78, 0.1, 0.08, 0.85); }

static void rule(Canvas *canvas, double x, double y, double width, double weight) {
  cairo_set_line_width(canvas->cairo, weight);
  cairo_move_to(canvas->cairo, x, y);
  cairo_line_to(canvas->cairo, x + width, y);
  cairo_stroke(canvas->cairo);
}

/* Paper with a little age: a warm tint and a few specks. */
static void draw_paper(Canvas *canvas, gboolean aged) {
  cairo_set_source_rgb(canvas->cairo, 1, aged ? 0.985 : 1, aged ? 0.94 : 1);
  cairo_paint(canvas->cairo);
  for (int i = 0; aged && i < 14; i++) {
    cairo_set_source_rgba(canvas->cairo, 0.45, 0.35, 0.2, 0.18);
    cairo_arc(canvas->cairo, demo_below(&canvas->random, PAGE_WIDTH), demo_below(&canvas->random, PAGE_HEIGHT), 0.4 + demo_below(&canvas->random, 10) / 10.0, 0,
      2 * G_PI);
    cairo_fill(canvas->cairo);
  }
}

static void draw_seal(Canvas *canvas, const char *owner, double x, double y) {
  vermilion(canvas);
  cairo_set_line_width(canvas->cairo, 2.4);
  cairo_new_path(canvas->cairo);
  cairo_arc(canvas->cairo, x, y, 46, 0, 2 * G_PI);
  cairo_stroke(canvas->cairo);
  for (int i = 0; i < 5; i++) {
    double angle = -G_PI / 2 + i * 4 * G_PI / 5;
    if (i == 0) cairo_move_to(canvas->cairo, x + 13 * cos(angle), y + 13 * sin(angle));
    else cairo_line_to(canvas->cairo, x + 13 * cos(angle), y + 13 * sin(angle));
  }
  cairo_close_path(canvas->cairo);
  cairo_fill(canvas->cairo);
  double former = canvas->y;
  canvas->y = y - 38;
  write_text(canvas, owner, SANS " 7.5", x - 36, 72, PANGO_ALIGN_CENTER);
  canvas->y = former;
}

static void draw_page_number(Canvas *canvas, int page, int pages) {
  g_autofree char *text = g_strdup_printf("— %d —", page);
  ink(canvas);
  canvas->y = PAGE_HEIGHT - 50;
  if (pages > 1) write_text(canvas, text, SERIF " 10", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER);
}

static void draw_heading(Canvas *canvas, const DemoDocument *document) {
  g_autofree char *red = g_strconcat(document->creator, "文件", NULL);
  vermilion(canvas);
  canvas->y = 70;
  canvas->y += write_text(canvas, red, SERIF " Bold 24", 30, PAGE_WIDTH - 60, PANGO_ALIGN_CENTER) + 14;
  ink(canvas);
  canvas->y += write_text(canvas, document->docno, SERIF " 12", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER) + 6;
  vermilion(canvas);
  rule(canvas, MARGIN - 10, canvas->y, PAGE_WIDTH - 2 * MARGIN + 20, 2);
  ink(canvas);
  canvas->y += 26;
  canvas->y += write_text(canvas, document->title, SERIF " Bold 17", MARGIN + 10, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_CENTER) + 18;
}

int demo_document_pages(const DemoDocument *document) { return document->kind == DEMO_PAPER && document->form != DEMO_TEXT && document->lines->len > 7 ? 2 : 1; }

static void draw_official(Canvas *canvas, const DemoDocument *document, int page, int pages) {
  canvas->y = MARGIN;
  if (page == 1) draw_heading(canvas, document);
  ink(canvas);
  guint half = pages == 1 ? document->lines->len : 5, from = page == 1 ? 0 : half, to = page == 1 ? half : document->lines->len;
  for (guint i = from; i < to; i++) {
    g_autofree char *paragraph = g_strconcat(i ? "　　" : "", g_ptr_array_index(document->lines, i), NULL);
    canvas->y += write_text(canvas, paragraph, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_LEFT) + 5;
  }
  if (page == pages) {
    canvas->y += 34;
    double signature = canvas->y;
    canvas->y += write_text(canvas, document->creator, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_RIGHT) + 3;
    write_text(canvas, document->date, SERIF " 13", MARGIN, PAGE_WIDTH - 2 * MARGIN - 20, PANGO_ALIGN_RIGHT);
    draw_seal(canvas, document->creator, PAGE_WIDTH - MARGIN - 80, signature + 18);
  }
  draw_page_number(canvas, page, pages);
}

/* A filled-in form: a title and a ruled table of label and value. */
static void draw_form(Canvas *canvas, const DemoDocument *document) {
  ink(canvas);
  canvas->y = 100;
  canvas->y += write_text(canvas, document->title, SERIF " Bold 22", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_CENTER) + 24;
  canvas->y += write_text(canvas, document->code, SERIF " 10", MARGIN, PAGE_WIDTH - 2 * MARGIN, PANGO_ALIGN_RIGHT) + 6;
  double top = canvas->y, width = PAGE_WIDTH - 2 * MARGIN;
  for (guint i = 0; i < document->lines->len; i++) {
    g_auto(GStrv) pair = g_strsplit(g_ptr_array_index(document->lines, i), "\t", 2);
    rule(canvas, MARGIN, canvas->y, width, 0.8);
    canvas->y += 12;
    write_text(canvas, pair[0], SERIF " 12", MARGIN + 10, 130, PANGO_ALIGN_LEFT);
    cairo_set_source_rgb(canvas->cairo, 0.08, 0.12, 0.45);
    canvas->y += write_text(canvas, pair[1], SERIF " 14", MARGIN + 150, width - 160, PANGO_ALIGN_LEFT) + 12;
    ink(canvas);
  }
  rule(canvas, MARGIN, canvas->y, width, 0.8);
  cairo_set_line_width(canvas->cairo, 0.8);
  cairo_rectangle(canvas->cairo, MARGIN, top, width, canvas->y - top);
  cairo_move_to(canvas->cairo, MARGIN + 140, top);
  cairo_line_to(canvas->cairo, MARGIN + 140, canvas->y);
  cairo_stroke(canvas->cairo);
  draw_seal(canvas, "临江市档案专用", PAGE_WIDTH - MARGIN - 70, canvas->y + 80);
}

/* A landscape of hills, water and houses with its caption below, as an old print is mounted. */
static void draw_photo(Canvas *canvas, const DemoDocument *document) {
  double x = 48, y = 90, width = PAGE_WIDTH - 96, height = 350;
  cairo_save(canvas->cairo);
  cairo_rectangle(canvas->cairo, x, y, width, height);
  cairo_clip(canvas->cairo);
  cairo_pattern_t *sky = cairo_pattern_create_linear(0, y, 0, y + height);
  cairo_pattern_add_color_stop_rgb(sky, 0, 0.86, 0.86, 0.84);
  cairo_pattern_add_color_stop_rgb(sky, 1, 0.6, 0.6, 0.58);
  cairo_set_source(canvas->cairo, sky);
  cairo_paint(canvas->cairo);
  cairo_pattern_destroy(sky);
  for (int layer = 0; layer < 3; layer++) {
    double base = y + 150 + layer * 55, shade = 0.55 - layer * 0.13, phase = demo_below(&canvas->random, 628) / 100.0;
    cairo_set_source_rgb(canvas->cairo, shade, shade, shade * 0.97);
    cairo_move_to(canvas->cairo, x, y + height);
    for (double at = 0; at <= width; at += 4)
      cairo_line_to(canvas->cairo, x + at, base - 34 * sin(at / (60.0 + layer * 17) + phase) - 12 * sin(at / 19.0 + phase * 2));
    cairo_line_to(canvas->cairo, x + width, y + height);
    cairo_fill(canvas->cairo);
  }
  for (int house = 0; house < 9; house++) {
    double hx = x + demo_below(&canvas->random, (int)width - 50), hy = y + 268 + demo_below(&canvas->random, 50), w = 26 + demo_below(&canvas->random, 30),
           h = 20 + demo_below(&canvas->random, 34);
    cairo_set_source_rgb(canvas->cairo, 0.8, 0.79, 0.76);
    cairo_rectangle(canvas->cairo, hx, hy - h, w, h);
    cairo_fill(canvas->cairo);
    cairo_set_source_rgb(canvas->cairo, 0.2, 0.2, 0.2);
    cairo_move_to(canvas->cairo, hx - 4, hy - h);
    cairo_line_to(canvas->cairo, hx + w / 2, hy - h - 14);
    cairo_line_to(canvas->cairo, hx + w + 4, hy - h);
    cairo_fill(canvas->cairo);
  }
  cairo_restore(canvas->cairo);
  ink(canvas);
  canvas->y = y + height + 24;
  canvas->y += write_text(canvas, document->title, SERIF " 14", x, width, PANGO_ALIGN_LEFT) + 8;
  canvas->y += write_text(canvas, document->code, SERIF " 10", x, width, PANGO_ALIGN_LEFT) + 8;
  for (guint i = 0; i < document->lines->len; i++) {
    g_auto(GStrv) pair = g_strsplit(g_ptr_array_index(document->lines, i), "\t", 2);
    g_autofree char *line = g_strdup_printf("%s：%s", pair[0], pair[1]);
    canvas->y += write_text(canvas, line, SERIF " 11", x, width, PANGO_ALIGN_LEFT) + 4;
  }
}

static void draw(cairo_t *cairo, const DemoDocument *document, int page, int pages, gboolean aged) {
  Canvas canvas = {.cairo = cairo, .random = {document->seed + (guint64)page}};
  draw_paper(&canvas, aged);
  if (document->kind == DEMO_PAPER) draw_official(&canvas, document, page, pages);
  else if (document->kind == DEMO_PHOTO) draw_photo(&canvas, document);
  else draw_form(&canvas, document);
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

static gboolean draw_image(const DemoDocument *document, int page, int pages, GError **error) {
  int width = PAGE_WIDTH * PAGE_DPI / 72, height = PAGE_HEIGHT * PAGE_DPI / 72;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  cairo_t *cairo = cairo_create(surface);
  cairo_scale(cairo, PAGE_DPI / 72.0, PAGE_DPI / 72.0);
  draw(cairo, document, page, pages, TRUE);
  cairo_destroy(cairo);
  cairo_surface_flush(surface);
  g_autofree guint8 *rgb = g_malloc((gsize)width * (gsize)height * 3);
  copy_rgb(cairo_image_surface_get_data(surface), cairo_image_surface_get_stride(surface), width, height, rgb);
  cairo_surface_destroy(surface);
  g_autofree char *path = g_strdup_printf("%s/%s-%03d.jpg", document->folder, document->code, page);
  return format_jpeg_write(path, rgb, width, height, PAGE_DPI, error);
}

static gboolean draw_pdf(const DemoDocument *document, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s.pdf", document->folder, document->code);
  cairo_surface_t *surface = cairo_pdf_surface_create(path, PAGE_WIDTH, PAGE_HEIGHT);
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2023-12-31T00:00:00");
  cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, document->title);
  cairo_t *cairo = cairo_create(surface);
  int pages = demo_document_pages(document);
  for (int page = 1; page <= pages; page++) {
    draw(cairo, document, page, pages, FALSE);
    cairo_show_page(cairo);
  }
  cairo_destroy(cairo);
  cairo_surface_finish(surface);
  cairo_status_t status = cairo_surface_status(surface);
  cairo_surface_destroy(surface);
  return status == CAIRO_STATUS_SUCCESS || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, cairo_status_to_string(status));
}

static gboolean write_plain(const DemoDocument *document, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s.txt", document->folder, document->code);
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%s\n%s\n\n", document->docno, document->title);
  for (guint i = 0; i < document->lines->len; i++) g_string_append_printf(text, "%s%s\n", i ? "　　" : "", (const char *)g_ptr_array_index(document->lines, i));
  g_string_append_printf(text, "\n%s\n%s\n", document->creator, document->date);
  return g_file_set_contents(path, text->str, (gssize)text->len, error);
}

gboolean demo_document_draw(const DemoDocument *document, GError **error) {
  if (document->form == DEMO_PDF) return draw_pdf(document, error);
  if (document->form == DEMO_TEXT) return write_plain(document, error);
  int pages = demo_document_pages(document);
  for (int page = 1; page <= pages; page++)
    if (!draw_image(document, page, pages, error)) return FALSE;
  return TRUE;
}
