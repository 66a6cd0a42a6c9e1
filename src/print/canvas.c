/* Drawing rows of cells on pages (canvas.h). */
#include "canvas.h"
#include "error.h"
#include "settings.h"
#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <string.h>

enum { MARGIN = 56, MARGIN_TOP = 54, MARGIN_BOTTOM = 40, PADDING = 4, FOOTER_SIZE = 9 };

struct Canvas {
  cairo_surface_t *surface;
  cairo_t *cairo;
  GByteArray *bytes;
  char *footer;
  double page_width, page_height, bottom, y;
  guint page, pages;
  gboolean drawing, fresh; /* fresh: nothing stands on this page but the head */
  const Cell *head;
  guint head_count;
  PangoFontDescription *font;
};

static cairo_status_t take_bytes(void *bytes, const unsigned char *data, unsigned length) {
  g_byte_array_append(bytes, data, length);
  return CAIRO_STATUS_SUCCESS;
}

static PangoLayout *lay_out(Canvas *canvas, const Cell *cell) {
  PangoLayout *layout = pango_cairo_create_layout(canvas->cairo);
  double inner = cell->width - (cell->ruled ? 2 * PADDING : 0);
  pango_font_description_set_absolute_size(canvas->font, cell->size * PANGO_SCALE);
  pango_font_description_set_weight(canvas->font, cell->bold == G_MAXSIZE ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_layout_set_font_description(layout, canvas->font);
  pango_layout_set_width(layout, (int)(MAX(inner, cell->size) * PANGO_SCALE));
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_text(layout, cell->text, -1);
  if (cell->bold > 0 && cell->bold != G_MAXSIZE) {
    PangoAttrList *attributes = pango_attr_list_new();
    PangoAttribute *bold = pango_attr_weight_new(PANGO_WEIGHT_BOLD);
    bold->end_index = (guint)cell->bold;
    pango_attr_list_insert(attributes, bold);
    pango_layout_set_attributes(layout, attributes);
    pango_attr_list_unref(attributes);
  }
  return layout;
}

static double line_height(PangoLayoutLine *line, const Cell *cell, PangoRectangle *ret_logical) {
  pango_layout_line_get_extents(line, NULL, ret_logical);
  return (double)ret_logical->height / PANGO_SCALE * cell->leading;
}

static double lines_height(PangoLayout *layout, const Cell *cell) {
  double height = 0;
  PangoRectangle logical;
  for (GSList *at = pango_layout_get_lines_readonly(layout); at; at = at->next) height += line_height(at->data, cell, &logical);
  return height;
}

static void draw_line(Canvas *canvas, PangoLayoutLine *line, const Cell *cell, double y) {
  PangoRectangle logical;
  double height = line_height(line, cell, &logical), pad = cell->ruled ? PADDING : 0, free = MAX(cell->width - 2 * pad - (double)logical.width / PANGO_SCALE, 0);
  double x = cell->x + pad + (cell->align == ALIGN_CENTER ? free / 2 : cell->align == ALIGN_RIGHT ? free : 0);
  double spare = height - (double)logical.height / PANGO_SCALE;
  cairo_move_to(canvas->cairo, x, y + spare / 2 + (double)PANGO_ASCENT(logical) / PANGO_SCALE);
  pango_cairo_show_layout_line(canvas->cairo, line);
}

static void rule_cell(Canvas *canvas, const Cell *cell, double height) {
  if (!cell->ruled || !canvas->drawing) return;
  cairo_rectangle(canvas->cairo, cell->x, canvas->y, cell->width, height);
  if (cell->shaded) {
    cairo_set_source_rgb(canvas->cairo, 0.94, 0.94, 0.94);
    cairo_fill_preserve(canvas->cairo);
    cairo_set_source_rgb(canvas->cairo, 0, 0, 0);
  }
  cairo_set_line_width(canvas->cairo, 0.6);
  cairo_stroke(canvas->cairo);
}

/* As many lines of a cell as fit into room, and at least one when must is set. Returns the rest, and what height they take. */
static GSList *fitting(GSList *lines, const Cell *cell, double room, gboolean must, double *ret_used) {
  double used = 0;
  PangoRectangle logical;
  for (; lines; lines = lines->next) {
    double height = line_height(lines->data, cell, &logical);
    if (used + height > room + 0.01 && !(must && used == 0)) break;
    used += height;
  }
  *ret_used = used;
  return lines;
}

static double padding(const Cell *cell) { return cell->ruled ? 2 * PADDING : 0; }

/* What of the row fits on this page; TRUE when there is more of it. */
static gboolean draw_piece(Canvas *canvas, const Cell *cells, guint count, GSList **lines) {
  double height = 0;
  gboolean more = FALSE;
  g_autofree GSList **rest = g_new0(GSList *, count);
  g_autofree double *used = g_new0(double, count);
  for (guint i = 0; i < count; i++) {
    rest[i] = fitting(lines[i], &cells[i], canvas_room(canvas) - padding(&cells[i]), canvas->fresh, &used[i]);
    height = MAX(height, used[i] + padding(&cells[i]));
    more = more || rest[i];
  }
  for (guint i = 0; i < count; i++) {
    rule_cell(canvas, &cells[i], height);
    double y = canvas->y + (cells[i].shaded ? (height - used[i]) / 2 : padding(&cells[i]) / 2);
    PangoRectangle logical;
    for (; lines[i] != rest[i]; lines[i] = lines[i]->next) {
      if (canvas->drawing) draw_line(canvas, lines[i]->data, &cells[i], y);
      y += line_height(lines[i]->data, &cells[i], &logical);
    }
  }
  canvas->y += height;
  canvas->fresh = FALSE;
  return more;
}

static double fresh_room(Canvas *canvas) {
  return canvas->page_height - MARGIN_TOP - canvas->bottom - (canvas->head ? canvas_row_height(canvas, canvas->head, canvas->head_count) : 0);
}

/* Whether at least a line of each cell has room, so that no page ends with an empty piece of a row. */
static gboolean first_lines_fit(Canvas *canvas, const Cell *cells, guint count, GSList **lines) {
  PangoRectangle logical;
  for (guint i = 0; i < count; i++)
    if (lines[i] && line_height(lines[i]->data, &cells[i], &logical) + padding(&cells[i]) > canvas_room(canvas)) return FALSE;
  return TRUE;
}

static double laid_height(PangoLayout **layouts, const Cell *cells, guint count) {
  double height = 0;
  for (guint i = 0; i < count; i++) height = MAX(height, lines_height(layouts[i], &cells[i]) + padding(&cells[i]));
  return height;
}

static PangoLayout **lay_out_all(Canvas *canvas, const Cell *cells, guint count) {
  PangoLayout **layouts = g_new0(PangoLayout *, count);
  for (guint i = 0; i < count; i++) layouts[i] = lay_out(canvas, &cells[i]);
  return layouts;
}

static void free_layouts(PangoLayout **layouts, guint count) {
  for (guint i = 0; i < count; i++) g_object_unref(layouts[i]);
  g_free(layouts);
}

double canvas_row_height(Canvas *canvas, const Cell *cells, guint count) {
  PangoLayout **layouts = lay_out_all(canvas, cells, count);
  double height = laid_height(layouts, cells, count);
  free_layouts(layouts, count);
  return height;
}

void canvas_row(Canvas *canvas, const Cell *cells, guint count) {
  PangoLayout **layouts = lay_out_all(canvas, cells, count);
  g_autofree GSList **lines = g_new0(GSList *, count);
  for (guint i = 0; i < count; i++) lines[i] = pango_layout_get_lines_readonly(layouts[i]);
  double height = laid_height(layouts, cells, count);
  if (height > canvas_room(canvas) && !canvas->fresh && (height <= fresh_room(canvas) || !first_lines_fit(canvas, cells, count, lines))) canvas_new_page(canvas);
  while (draw_piece(canvas, cells, count, lines)) canvas_new_page(canvas);
  free_layouts(layouts, count);
}

/* ---- pages ---- */

static void draw_footer(Canvas *canvas) {
  if (!canvas->drawing) return;
  g_autofree char *number = g_strdup_printf("第 %u 页　共 %u 页", canvas->page, canvas->pages);
  const double number_width = 110;
  Cell cells[] = {{.x = MARGIN, .width = canvas_width(canvas) - number_width, .text = canvas->footer, .size = FOOTER_SIZE, .leading = 1.1},
    {.x = canvas->page_width - MARGIN - number_width, .width = number_width, .text = number, .align = ALIGN_RIGHT, .size = FOOTER_SIZE, .leading = 1.1}};
  for (guint i = 0; i < G_N_ELEMENTS(cells); i++) {
    PangoLayout *layout = lay_out(canvas, &cells[i]);
    double y = canvas->page_height - canvas->bottom + 10;
    PangoRectangle logical;
    for (GSList *at = pango_layout_get_lines_readonly(layout); at; at = at->next) {
      draw_line(canvas, at->data, &cells[i], y);
      y += line_height(at->data, &cells[i], &logical);
    }
    g_object_unref(layout);
  }
}

static void start_page(Canvas *canvas) {
  canvas->page++;
  canvas->y = MARGIN_TOP;
  canvas->fresh = TRUE;
  if (canvas->head == NULL) return;
  const Cell *head = canvas->head;
  canvas->head = NULL; /* a head has no head of its own */
  canvas_row(canvas, head, canvas->head_count);
  canvas->head = head;
  canvas->fresh = TRUE;
}

static void finish_page(Canvas *canvas) {
  draw_footer(canvas);
  if (canvas->drawing) cairo_show_page(canvas->cairo);
}

void canvas_new_page(Canvas *canvas) {
  finish_page(canvas);
  start_page(canvas);
}

void canvas_set_head(Canvas *canvas, const Cell *head, guint count) {
  canvas->head = head;
  canvas->head_count = count;
}

static cairo_user_data_key_t OPTIONS_OWNER;

/* Outlines as the font's maker drew them, so that a page is the same on each machine. */
static void plain_outlines(Canvas *canvas) {
  cairo_font_options_t *options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(canvas->cairo, options);
  cairo_set_user_data(canvas->cairo, &OPTIONS_OWNER, options, (cairo_destroy_func_t)cairo_font_options_destroy);
}

Canvas *canvas_new(double width, double height, const char *title, const char *footer) {
  Canvas *canvas = g_new0(Canvas, 1);
  canvas->page_width = width;
  canvas->page_height = height;
  canvas->footer = g_strdup(footer);
  canvas->bytes = g_byte_array_new();
  canvas->surface = cairo_pdf_surface_create_for_stream(take_bytes, canvas->bytes, width, height);
  canvas->cairo = cairo_create(canvas->surface);
  canvas->font = pango_font_description_from_string(PRINT_SERIF);
  plain_outlines(canvas);
  g_autofree char *made = clock_format_iso(clock_now_us());
  char *fraction = strchr(made, '.');
  if (fraction) g_strlcpy(fraction, "Z", 2);
  cairo_pdf_surface_set_metadata(canvas->surface, CAIRO_PDF_METADATA_TITLE, title);
  cairo_pdf_surface_set_metadata(canvas->surface, CAIRO_PDF_METADATA_CREATOR, "兰台");
  cairo_pdf_surface_set_metadata(canvas->surface, CAIRO_PDF_METADATA_CREATE_DATE, made);
  canvas->bottom = MARGIN_BOTTOM;
  Cell below = {.x = MARGIN, .width = canvas_width(canvas) - 110, .text = canvas->footer, .size = FOOTER_SIZE, .leading = 1.1};
  canvas->bottom = MIN(MARGIN_BOTTOM + canvas_row_height(canvas, &below, 1), height / 3);
  return canvas;
}

void canvas_free(Canvas *canvas) {
  if (canvas == NULL) return;
  pango_font_description_free(canvas->font);
  cairo_destroy(canvas->cairo);
  cairo_surface_destroy(canvas->surface);
  g_byte_array_unref(canvas->bytes);
  g_free(canvas->footer);
  g_free(canvas);
}

void canvas_begin(Canvas *canvas, guint pages) {
  canvas->pages = pages;
  canvas->drawing = pages > 0;
  canvas->page = 0;
  canvas->head = NULL;
  start_page(canvas);
}

guint canvas_end(Canvas *canvas) {
  finish_page(canvas);
  return canvas->page;
}

GBytes *canvas_bytes(Canvas *canvas, GError **error) {
  cairo_status_t drawn = cairo_status(canvas->cairo);
  cairo_surface_finish(canvas->surface);
  cairo_status_t status = drawn == CAIRO_STATUS_SUCCESS ? cairo_surface_status(canvas->surface) : drawn;
  if (status != CAIRO_STATUS_SUCCESS) return throw_null(error, LANTAI_ERROR_INTERNAL, "不能生成 PDF：%s", cairo_status_to_string(status));
  return g_byte_array_free_to_bytes(g_byte_array_ref(canvas->bytes));
}

double canvas_left(const Canvas *canvas) { return MARGIN; }
double canvas_width(const Canvas *canvas) { return canvas->page_width - 2 * MARGIN; }
double canvas_room(const Canvas *canvas) { return canvas->page_height - canvas->bottom - canvas->y; }

void canvas_skip(Canvas *canvas, double points) {
  if (canvas->fresh) return; /* no gap on top of a page */
  if (points >= canvas_room(canvas)) canvas_new_page(canvas);
  else canvas->y += points;
}
