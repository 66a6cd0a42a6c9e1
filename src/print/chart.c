/*
 * Charts on paper (print.h, print_chart_png; official.c): bars that stand for what goes on in time, bars that lie for parts of a whole, drawn from the chart's own table.
 *
 * 1. What is drawn is what stands in the table: a column marked `plain` (a share in words) is not drawn, a cell without a value is a gap.
 * 2. It is to be read in black and white too: series differ in darkness, numbers stand at bars where there is room.
 */
#include "canvas.h"
#include "chart-draw.h"
#include "json.h"
#include "print.h"
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

enum { SERIES_MAX = 6, TICKS = 4, LABELLED = 12, PNG_SCALE = 3 };
#define SIZE 9.0          /* points */
#define STANDING 170.0    /* height of bars that stand, with what is around them */
#define LYING 19.0        /* a row of bars that lie */
#define TITLE 20.0
#define LEGEND 16.0
#define WIDTH_MM 156.0
#define POINTS_PER_MM (72 / 25.4)

typedef struct {
  cairo_t *cairo;
  json_t *rows;
  guint shown[SERIES_MAX], count; /* which columns of the table are drawn */
  const char *labels[SERIES_MAX], *tones[SERIES_MAX];
  double x, y, width, height;     /* where bars may stand */
  double least, most, step;       /* of the scale */
} Plot;

static gboolean lies(json_t *chart) { return g_str_equal(text_at(chart, "kind"), "share") || g_str_equal(text_at(chart, "kind"), "progress"); }

static guint take_columns(json_t *chart, Plot *plot) {
  json_t *column;
  size_t i;
  plot->rows = json_object_get(chart, "rows");
  json_array_foreach(json_object_get(chart, "columns"), i, column) {
    if (json_is_true(json_object_get(column, "plain")) || plot->count == SERIES_MAX) continue;
    plot->labels[plot->count] = text_at(column, "label");
    plot->tones[plot->count] = text_at(column, "tone");
    plot->shown[plot->count++] = (guint)i;
  }
  return plot->count;
}

/* FALSE: there is no number. */
static gboolean value_at(const Plot *plot, size_t row, guint series, double *ret) {
  json_t *cell = json_array_get(json_object_get(json_array_get(plot->rows, row), "cells"), plot->shown[series]), *value = json_object_get(cell, "value");
  *ret = json_number_value(value);
  return json_is_number(value) && isfinite(*ret);
}

double chart_draw_height(json_t *chart, double width) {
  Plot plot = {0};
  if (width <= 0 || g_str_equal(text_at(chart, "kind"), "map") || take_columns(chart, &plot) == 0 || json_array_size(plot.rows) == 0) return 0;
  double head = TITLE + (plot.count > 1 ? LEGEND : 0);
  return head + (lies(chart) ? LYING * (double)json_array_size(plot.rows) : STANDING) + 6;
}

/* ---- words ---- */

typedef enum { FROM_LEFT, AROUND, FROM_RIGHT } Anchor;

static double write_words(cairo_t *cairo, const char *text, double x, double y, double room, Anchor anchor) {
  PangoLayout *layout = pango_cairo_create_layout(cairo);
  g_autofree char *clean = print_clean(text);
  PangoFontDescription *font = pango_font_description_from_string(PRINT_SANS);
  int width = 0;
  pango_font_description_set_absolute_size(font, SIZE * PANGO_SCALE);
  pango_layout_set_font_description(layout, font);
  pango_font_description_free(font);
  pango_layout_set_text(layout, clean, -1);
  pango_layout_get_size(layout, &width, NULL);
  if (room > 0 && width > room * PANGO_SCALE) {
    pango_layout_set_width(layout, (int)(room * PANGO_SCALE));
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_get_size(layout, &width, NULL);
    width = MIN(width, (int)(room * PANGO_SCALE));
  }
  double points = (double)width / PANGO_SCALE;
  cairo_set_source_rgb(cairo, 0.1, 0.1, 0.1);
  cairo_move_to(cairo, anchor == FROM_LEFT ? x : anchor == AROUND ? x - points / 2 : x - points, y);
  pango_cairo_show_layout(cairo, layout);
  g_object_unref(layout);
  return points;
}

static char *short_number(double value) {
  double size = fabs(value), unit = size >= 1e8 ? 1e8 : size >= 1e4 ? 1e4 : 1;
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup_printf("%s%s", g_ascii_formatd(buffer, sizeof buffer, "%.4g", value / unit), unit == 1e8 ? "亿" : unit == 1e4 ? "万" : "");
}

static void write_number(cairo_t *cairo, double value, double x, double y, Anchor anchor) {
  g_autofree char *text = short_number(value);
  write_words(cairo, text, x, y, 0, anchor);
}

/* ---- bars ---- */

static void set_tone(cairo_t *cairo, const char *tone) {
  if (g_str_equal(tone, "bad")) cairo_set_source_rgb(cairo, 0.65, 0.15, 0.12);
  else if (g_str_equal(tone, "before") || g_str_equal(tone, "muted")) cairo_set_source_rgb(cairo, 0.74, 0.74, 0.70);
  else if (g_str_equal(tone, "line")) cairo_set_source_rgb(cairo, 0.10, 0.10, 0.10);
  else cairo_set_source_rgb(cairo, 0.12, 0.36, 0.42);
}

static void fill_box(cairo_t *cairo, double x, double y, double width, double height, const char *tone) {
  set_tone(cairo, tone);
  cairo_rectangle(cairo, x, y, width, height);
  cairo_fill(cairo);
}

/* The scale: 0 and all values in it, with steps of 1, 2 or 5 × 10ⁿ. */
static void set_scale(Plot *plot, gboolean stacked) {
  double value;
  for (size_t i = 0; i < json_array_size(plot->rows); i++) {
    double sum = 0;
    for (guint k = 0; k < plot->count; k++) {
      if (!value_at(plot, i, k, &value)) continue;
      sum += value;
      plot->most = MAX(plot->most, stacked ? sum : value);
      plot->least = MIN(plot->least, value);
    }
  }
  double range = plot->most - plot->least, rough = (range > 0 ? range : 1) / TICKS, power = pow(10, floor(log10(rough))), part = rough / power;
  plot->step = power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
  plot->most = MAX(plot->step, ceil(plot->most / plot->step - 1e-9) * plot->step);
  plot->least = floor(plot->least / plot->step + 1e-9) * plot->step;
}

static double height_of(const Plot *plot, double value) { return plot->y + plot->height * (plot->most - value) / (plot->most - plot->least); }

static void draw_grid(Plot *plot) {
  cairo_set_line_width(plot->cairo, 0.4);
  for (double at = plot->least; at <= plot->most + plot->step / 2; at += plot->step) {
    double y = height_of(plot, at);
    double grey = fabs(at) < plot->step / 2 ? 0.3 : 0.8;
    cairo_set_source_rgb(plot->cairo, grey, grey, grey);
    cairo_move_to(plot->cairo, plot->x, y);
    cairo_line_to(plot->cairo, plot->x + plot->width, y);
    cairo_stroke(plot->cairo);
    write_number(plot->cairo, grey < 0.5 ? 0 : at, plot->x - 4, y - SIZE * 0.75, FROM_RIGHT);
  }
}

static void draw_line(const Plot *plot, guint series, double slot) {
  gboolean begun = FALSE;
  double value;
  set_tone(plot->cairo, plot->tones[series]);
  cairo_set_line_width(plot->cairo, 1.4);
  for (size_t i = 0; i < json_array_size(plot->rows); i++) {
    if (!value_at(plot, i, series, &value)) continue;
    double x = plot->x + slot * ((double)i + 0.5), y = height_of(plot, value);
    if (begun) cairo_line_to(plot->cairo, x, y);
    else cairo_move_to(plot->cairo, x, y);
    begun = TRUE;
  }
  cairo_stroke(plot->cairo);
}

static void draw_standing(Plot *plot) {
  size_t rows = json_array_size(plot->rows);
  guint bars = 0, bar = 0;
  double slot = plot->width / (double)rows, value;
  for (guint k = 0; k < plot->count; k++) bars += !g_str_equal(plot->tones[k], "line");
  double thick = MIN(slot * 0.7 / MAX(bars, 1), 26), zero = height_of(plot, 0);
  draw_grid(plot);
  for (guint k = 0; k < plot->count; k++) {
    if (g_str_equal(plot->tones[k], "line")) continue;
    for (size_t i = 0; i < rows; i++) {
      if (!value_at(plot, i, k, &value)) continue;
      double x = plot->x + slot * ((double)i + 0.5) + thick * (bar - bars / 2.0), y = height_of(plot, value);
      fill_box(plot->cairo, x, MIN(y, zero), thick - 1, fabs(zero - y), plot->tones[k]);
      if (plot->count == 1 && rows <= LABELLED) write_number(plot->cairo, value, x + thick / 2, MIN(y, zero) - SIZE * 1.5, AROUND);
    }
    bar++;
  }
  for (guint k = 0; k < plot->count; k++)
    if (g_str_equal(plot->tones[k], "line")) draw_line(plot, k, slot);
  size_t every = MAX(1, (size_t)ceil(SIZE * 3.4 / slot));
  for (size_t i = 0; i < rows; i += every)
    write_words(plot->cairo, text_at(json_array_get(plot->rows, i), "label"), plot->x + slot * ((double)i + 0.5), plot->y + plot->height + 3, slot * (double)every,
      AROUND);
}

static void draw_lying(Plot *plot) {
  double names = plot->width * 0.28, room = plot->width - names - 60, value;
  for (size_t i = 0; i < json_array_size(plot->rows); i++) {
    double x = plot->x + names + 6, y = plot->y + LYING * (double)i, sum = 0;
    write_words(plot->cairo, text_at(json_array_get(plot->rows, i), "label"), plot->x + names, y + 2, names, FROM_RIGHT);
    for (guint k = 0; k < plot->count; k++) {
      if (!value_at(plot, i, k, &value) || value <= 0) continue;
      fill_box(plot->cairo, x, y + 3, value / plot->most * room, LYING - 6, plot->tones[k]);
      x += value / plot->most * room;
      sum += value;
    }
    write_number(plot->cairo, sum, x + 4, y + 2, FROM_LEFT);
  }
}

static void draw_legend(Plot *plot) {
  double x = plot->x;
  for (guint k = 0; k < plot->count; k++) {
    fill_box(plot->cairo, x, plot->y + 4, 8, g_str_equal(plot->tones[k], "line") ? 2 : 8, plot->tones[k]);
    x += 11;
    x += write_words(plot->cairo, plot->labels[k], x, plot->y + 1, plot->width / 3, FROM_LEFT) + 12;
  }
  plot->y += LEGEND;
}

void chart_draw(cairo_t *cairo, json_t *chart, double x, double y, double width) {
  Plot plot = {.cairo = cairo, .x = x, .y = y, .width = width};
  const char *unit = text_at(chart, "unit");
  g_autofree char *title = g_strdup_printf("%s　%s%s%s%s", text_at(chart, "title"), text_at(chart, "label"), *unit ? "（" : "", unit, *unit ? "）" : "");
  gboolean lying = lies(chart);
  if (take_columns(chart, &plot) == 0) return;
  cairo_save(cairo);
  write_words(cairo, title, x + width / 2, y + 3, width, AROUND);
  plot.y += TITLE;
  if (plot.count > 1) draw_legend(&plot);
  set_scale(&plot, lying);
  if (lying) draw_lying(&plot);
  else {
    plot.x += 42;
    plot.width -= 46;
    plot.y += SIZE * 1.5;
    plot.height = STANDING - SIZE * 3.5;
    draw_standing(&plot);
  }
  cairo_restore(cairo);
}

static cairo_status_t take_bytes(void *bytes, const unsigned char *data, unsigned length) {
  g_byte_array_append(bytes, data, length);
  return CAIRO_STATUS_SUCCESS;
}

GBytes *print_chart_png(json_t *chart, double *ret_width_mm, double *ret_height_mm) {
  double width = WIDTH_MM * POINTS_PER_MM, height = chart_draw_height(chart, width);
  if (height <= 0) return NULL;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * PNG_SCALE), (int)(height * PNG_SCALE));
  cairo_t *cairo = cairo_create(surface);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  cairo_scale(cairo, PNG_SCALE, PNG_SCALE);
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_paint(cairo);
  chart_draw(cairo, chart, 0, 0, width);
  gboolean good = cairo_status(cairo) == CAIRO_STATUS_SUCCESS && cairo_surface_write_to_png_stream(surface, take_bytes, bytes) == CAIRO_STATUS_SUCCESS;
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
  *ret_width_mm = WIDTH_MM;
  *ret_height_mm = height / POINTS_PER_MM;
  return good ? g_bytes_new(bytes->data, bytes->len) : NULL;
}
