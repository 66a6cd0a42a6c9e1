/*
 * Official documents (print.h, print_official) in the layout of GB/T 9704-2012 (7.1–7.5): A4, a type area of 156 × 225 mm 37 mm below the upper edge and
 * 28 mm from the left one, 22 lines of 28 characters, page numbers outside below it.
 *
 * 1. Each line stands on the grid; a heading is never the last line of a page.
 * 2. Fonts are asked for by the standard's names; what the machine has of them, or of what stands behind them, is drawn.
 */
#include "canvas.h"
#include "chart-draw.h"
#include "error.h"
#include "json.h"
#include "print.h"
#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#define POINTS_PER_MM (72 / 25.4)
#define PAGE_WIDTH (210 * POINTS_PER_MM)
#define PAGE_HEIGHT (297 * POINTS_PER_MM)
#define LEFT (28 * POINTS_PER_MM)
#define TOP (37 * POINTS_PER_MM)
#define WIDTH (156 * POINTS_PER_MM)
#define PITCH (225 * POINTS_PER_MM / 22)
#define CHARACTER (WIDTH / 28)
#define SIZE 16.0
#define TITLE_SIZE 22.0
#define NUMBER_SIZE 14.0
enum { LINES = 22 };

#define SONG_TITLE "方正小标宋简体,FZXiaoBiaoSong-B05S,小标宋体,Noto Serif CJK SC"
#define FANG_SONG "仿宋_GB2312,FangSong_GB2312,仿宋,FangSong,STFangsong,Noto Serif CJK SC"
#define KAI "楷体_GB2312,KaiTi_GB2312,楷体,KaiTi,STKaiti,AR PL UKai CN,Noto Serif CJK SC"
#define HEI "黑体,SimHei,STHeiti," PRINT_SANS
#define SONG "宋体,SimSun,STSong," PRINT_SERIF

typedef struct {
  cairo_surface_t *surface;
  cairo_t *cairo;
  GByteArray *bytes;
  guint page;
  double line; /* from 0: the next free one of this page; titles take more than one */
} Sheet;
static void sheet_clear(Sheet *sheet) {
  cairo_destroy(sheet->cairo);
  cairo_surface_destroy(sheet->surface);
  g_byte_array_unref(sheet->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sheet, sheet_clear)

static cairo_status_t take_bytes(void *bytes, const unsigned char *data, unsigned length) {
  g_byte_array_append(bytes, data, length);
  return CAIRO_STATUS_SUCCESS;
}

static PangoLayout *lay_out(Sheet *sheet, const char *text, const char *font, double size) {
  PangoLayout *layout = pango_cairo_create_layout(sheet->cairo);
  g_autofree char *clean = print_clean(text);
  PangoFontDescription *description = pango_font_description_from_string(font);
  pango_font_description_set_absolute_size(description, size * PANGO_SCALE);
  pango_layout_set_font_description(layout, description);
  pango_font_description_free(description);
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_text(layout, clean, -1);
  return layout;
}

/* ---- pages ---- */

static void draw_number(Sheet *sheet) {
  g_autofree char *text = g_strdup_printf("— %u —", sheet->page);
  PangoLayout *layout = lay_out(sheet, text, SONG, NUMBER_SIZE);
  PangoRectangle logical;
  pango_layout_get_extents(layout, NULL, &logical);
  double width = (double)logical.width / PANGO_SCALE, aside = NUMBER_SIZE;
  cairo_move_to(sheet->cairo, sheet->page % 2 ? LEFT + WIDTH - aside - width : LEFT + aside, TOP + LINES * PITCH + 7 * POINTS_PER_MM);
  pango_cairo_show_layout(sheet->cairo, layout);
  g_object_unref(layout);
}

static void end_page(Sheet *sheet) {
  draw_number(sheet);
  cairo_show_page(sheet->cairo);
}

static void new_page(Sheet *sheet) {
  end_page(sheet);
  sheet->page++;
  sheet->line = 0;
}

/* Draws the layout's lines from the next free one on; high: lines of the grid that each takes. */
static void draw_lines(Sheet *sheet, PangoLayout *layout, double x, double high) {
  PangoLayoutIter *at = pango_layout_get_iter(layout);
  do {
    PangoRectangle logical;
    if (sheet->line + high > LINES + 0.01) new_page(sheet);
    pango_layout_iter_get_line_extents(at, NULL, &logical);
    double spare = high * PITCH - (double)logical.height / PANGO_SCALE, y = TOP + sheet->line * PITCH + spare / 2;
    cairo_move_to(sheet->cairo, x + (double)logical.x / PANGO_SCALE, y + (double)(pango_layout_iter_get_baseline(at) - logical.y) / PANGO_SCALE);
    pango_cairo_show_layout_line(sheet->cairo, pango_layout_iter_get_line_readonly(at));
    sheet->line += high;
  } while (pango_layout_iter_next_line(at));
  pango_layout_iter_free(at);
}

/* ---- blocks ---- */


static void draw_title(Sheet *sheet, const char *text) {
  PangoLayout *layout = lay_out(sheet, text, SONG_TITLE, TITLE_SIZE);
  pango_layout_set_width(layout, (int)(WIDTH * PANGO_SCALE));
  pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
  draw_lines(sheet, layout, LEFT, 1.25);
  sheet->line = (int)(sheet->line + 0.99) + 1; /* back on the grid, one line free */
  g_object_unref(layout);
}

static const char *heading_font(const char *kind) { return g_str_equal(kind, "h1") ? HEI : g_str_equal(kind, "h2") ? KAI : FANG_SONG; }

static void add_attribute(PangoAttrList *list, PangoAttribute *attribute, gsize to) {
  attribute->end_index = (guint)to;
  pango_attr_list_insert(list, attribute);
}

/* indent: characters that the first line stands in. lead: bytes of the heading that begins it, of that kind. */
static void draw_text(Sheet *sheet, const char *text, double indent, gsize lead, const char *kind) {
  PangoLayout *layout = lay_out(sheet, text, FANG_SONG, SIZE);
  PangoAttrList *attributes = pango_attr_list_new();
  pango_attr_list_insert(attributes, pango_attr_letter_spacing_new((int)((CHARACTER - SIZE) * PANGO_SCALE)));
  if (lead > 0) {
    PangoFontDescription *description = pango_font_description_from_string(heading_font(kind));
    pango_font_description_set_absolute_size(description, SIZE * PANGO_SCALE);
    if (g_str_equal(kind, "h3")) pango_font_description_set_weight(description, PANGO_WEIGHT_BOLD);
    add_attribute(attributes, pango_attr_font_desc_new(description), lead);
    pango_font_description_free(description);
  }
  pango_layout_set_attributes(layout, attributes);
  pango_attr_list_unref(attributes);
  pango_layout_set_width(layout, (int)((WIDTH + 0.5) * PANGO_SCALE));
  pango_layout_set_indent(layout, (int)(indent * CHARACTER * PANGO_SCALE));
  pango_layout_set_justify(layout, TRUE);
  gboolean heading = lead > 0 && lead >= strlen(text);
  if (heading && sheet->line + pango_layout_get_line_count(layout) >= LINES) new_page(sheet); /* not alone at the foot */
  draw_lines(sheet, layout, LEFT, 1);
  g_object_unref(layout);
}

static void draw_paragraph(Sheet *sheet, json_t *paragraph) {
  g_autoptr(GString) text = g_string_new(NULL);
  gsize length = 0;
  json_t *run;
  size_t i;
  json_array_foreach(json_object_get(paragraph, "runs"), i, run) {
    g_string_append(text, text_at(run, "text"));
    if (json_is_true(json_object_get(run, "lead"))) length = text->len;
  }
  g_autofree char *head = g_strndup(text->str, length), *lead = print_clean(head), *clean = print_clean(text->str);
  draw_text(sheet, clean, 2, MIN(strlen(lead), strlen(clean)), text_at(paragraph, "lead"));
}

/* ---- tables: 12 points, ruled, a row never cut but where it is higher than a page ---- */

#define CELL_SIZE 12.0
enum { CELL_PAD = 4, COLUMNS_MAX = PRINT_COLUMNS_MAX, HEAD_ROWS_MAX = 3 };

typedef struct { guint columns; double x[COLUMNS_MAX], widths[COLUMNS_MAX]; gboolean numbers[COLUMNS_MAX]; } Shape;

static char *cell_text(json_t *row, guint column) {
  g_autoptr(GString) text = g_string_new(NULL);
  json_t *run, *cell = json_array_get(json_object_get(row, "cells"), column);
  size_t i;
  json_array_foreach(json_object_get(cell, "runs"), i, run) g_string_append(text, text_at(run, "text"));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* 393, -1,234.5, 86.3％, 16人: digits with at most three other characters behind; — stands for none. */
static gboolean is_number(const char *text) {
  if (*text == '-' || *text == '+') text++;
  if (!g_ascii_isdigit(*text)) return FALSE;
  text += strspn(text, "0123456789,.");
  return g_utf8_strlen(text, -1) <= 3 && strpbrk(text, "0123456789") == NULL;
}

static double halves(const char *text) {
  double width = 0;
  for (; *text != '\0'; text = g_utf8_next_char(text)) width += g_utf8_get_char(text) < 0x2E80 ? 1 : 2;
  return width;
}

/* Narrow columns get what they need, the wide ones share what is left. */
static void share_out(double *widths, guint columns, double room) {
  gboolean settled[COLUMNS_MAX] = {FALSE}, again = TRUE;
  guint left = columns;
  while (again && left > 0) {
    double fair = room / left;
    again = FALSE;
    for (guint i = 0; i < columns; i++) {
      if (settled[i] || widths[i] > fair) continue;
      settled[i] = again = TRUE;
      room -= widths[i];
      left--;
    }
  }
  for (guint i = 0; i < columns; i++)
    if (!settled[i]) widths[i] = room / left;
  for (guint i = 0; i < columns && left == 0; i++) widths[i] += room / columns; /* all fit: the rest is spread */
}

void print_table_shape(json_t *rows, guint columns, double room, double *ret_widths, gboolean *ret_numbers) {
  columns = MIN(columns, COLUMNS_MAX);
  for (guint i = 0; i < columns; i++) {
    guint numbers = 0, words = 0;
    json_t *row;
    size_t k;
    ret_widths[i] = 0;
    json_array_foreach(rows, k, row) {
      g_autofree char *text = cell_text(row, i);
      ret_widths[i] = MAX(ret_widths[i], halves(text) + 2);
      if (json_is_true(json_object_get(row, "head")) || *text == '\0' || g_str_equal(text, "—")) continue;
      if (is_number(text)) numbers++;
      else words++;
    }
    ret_numbers[i] = numbers > 0 && words == 0;
  }
  share_out(ret_widths, columns, room);
}

static PangoLayout *lay_out_cell(Sheet *sheet, json_t *row, guint column, const Shape *shape) {
  g_autofree char *text = cell_text(row, column);
  gboolean head = json_is_true(json_object_get(row, "head"));
  PangoLayout *layout = lay_out(sheet, text, head ? HEI : FANG_SONG, CELL_SIZE);
  pango_layout_set_width(layout, (int)((shape->widths[column] - 2 * CELL_PAD) * PANGO_SCALE));
  if (shape->numbers[column]) pango_layout_set_alignment(layout, PANGO_ALIGN_RIGHT);
  return layout;
}

/* heads: rows that stand again at the top of a further page; NULL: this is one of them. */
static void draw_row(Sheet *sheet, json_t *row, const Shape *shape, json_t *heads) {
  PangoLayout *layouts[COLUMNS_MAX];
  double height = PITCH;
  json_t *head;
  size_t k;
  for (guint i = 0; i < shape->columns; i++) {
    layouts[i] = lay_out_cell(sheet, row, i, shape);
    int high = 0;
    pango_layout_get_size(layouts[i], NULL, &high);
    height = MAX(height, (double)high / PANGO_SCALE + 2 * CELL_PAD);
  }
  if (sheet->line * PITCH + height > LINES * PITCH + 0.01 && sheet->line > 0) {
    new_page(sheet);
    json_array_foreach(heads, k, head) draw_row(sheet, head, shape, NULL);
  }
  double y = TOP + sheet->line * PITCH;
  cairo_set_line_width(sheet->cairo, 0.6);
  for (guint i = 0; i < shape->columns; i++) {
    cairo_rectangle(sheet->cairo, shape->x[i], y, shape->widths[i], height);
    cairo_stroke(sheet->cairo);
    cairo_move_to(sheet->cairo, shape->x[i] + CELL_PAD, y + CELL_PAD);
    pango_cairo_show_layout(sheet->cairo, layouts[i]);
    g_object_unref(layouts[i]);
  }
  sheet->line += height / PITCH;
}

static void draw_table(Sheet *sheet, json_t *rows) {
  Shape shape = {.columns = 1};
  json_auto_t *heads = json_array();
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    shape.columns = MAX(shape.columns, (guint)MIN(json_array_size(json_object_get(row, "cells")), (size_t)COLUMNS_MAX));
    if (json_is_true(json_object_get(row, "head")) && json_array_size(heads) == i && i < HEAD_ROWS_MAX) json_array_append(heads, row);
  }
  print_table_shape(rows, shape.columns, WIDTH / (CELL_SIZE / 2), shape.widths, shape.numbers);
  for (guint k = 0; k < shape.columns; k++) {
    shape.widths[k] *= CELL_SIZE / 2;
    shape.x[k] = k == 0 ? LEFT : shape.x[k - 1] + shape.widths[k - 1];
  }
  json_array_foreach(rows, i, row) draw_row(sheet, row, &shape, i < json_array_size(heads) ? NULL : heads);
  sheet->line = (int)(sheet->line + 0.99); /* back on the grid */
}

/* On the lines of the grid that it covers. */
static void draw_chart(Sheet *sheet, json_t *chart) {
  double height = chart_draw_height(chart, WIDTH);
  int lines = (int)ceil(height / PITCH);
  if (height <= 0) return;
  if (sheet->line + lines > LINES && sheet->line > 0) new_page(sheet);
  chart_draw(sheet->cairo, chart, LEFT, TOP + sheet->line * PITCH, WIDTH);
  sheet->line = MIN(sheet->line + lines, LINES);
}

static void draw_signed(Sheet *sheet, const char *text) {
  PangoLayout *layout = lay_out(sheet, text, FANG_SONG, SIZE);
  pango_layout_set_width(layout, (int)((WIDTH - 4 * CHARACTER) * PANGO_SCALE));
  pango_layout_set_alignment(layout, PANGO_ALIGN_RIGHT);
  draw_lines(sheet, layout, LEFT, 1);
  g_object_unref(layout);
}

GBytes *print_official(json_t *document, GError **error) {
  g_auto(Sheet) sheet = {.bytes = g_byte_array_new(), .page = 1};
  sheet.surface = cairo_pdf_surface_create_for_stream(take_bytes, sheet.bytes, PAGE_WIDTH, PAGE_HEIGHT);
  sheet.cairo = cairo_create(sheet.surface);
  g_autofree char *title = print_clean(text_at(document, "heading")), *author = print_clean(text_at(document, "unit"));
  cairo_pdf_surface_set_metadata(sheet.surface, CAIRO_PDF_METADATA_TITLE, title);
  cairo_pdf_surface_set_metadata(sheet.surface, CAIRO_PDF_METADATA_AUTHOR, author);
  cairo_pdf_surface_set_metadata(sheet.surface, CAIRO_PDF_METADATA_CREATOR, "兰台");
  draw_title(&sheet, text_at(document, "heading"));
  if (*text_at(document, "addressee")) draw_text(&sheet, text_at(document, "addressee"), 0, 0, "");
  json_t *paragraph;
  size_t i;
  json_array_foreach(json_object_get(document, "paragraphs"), i, paragraph) {
    json_t *rows = json_object_get(paragraph, "rows"), *chart = json_object_get(paragraph, "chart");
    if (chart) draw_chart(&sheet, chart);
    if (rows) draw_table(&sheet, rows);
    else draw_paragraph(&sheet, paragraph);
  }
  if (*text_at(document, "signed")) {
    if (sheet.line + 3 > LINES) new_page(&sheet);
    else sheet.line++;
    draw_signed(&sheet, text_at(document, "signed"));
    draw_signed(&sheet, text_at(document, "dated"));
  }
  end_page(&sheet);
  cairo_status_t drawn = cairo_status(sheet.cairo);
  cairo_surface_finish(sheet.surface);
  cairo_status_t status = drawn == CAIRO_STATUS_SUCCESS ? cairo_surface_status(sheet.surface) : drawn;
  if (status != CAIRO_STATUS_SUCCESS) return throw_null(error, LANTAI_ERROR_INTERNAL, "不能生成 PDF：%s", cairo_status_to_string(status));
  return g_byte_array_free_to_bytes(g_byte_array_ref(sheet.bytes));
}
