/*
 * Documents on paper: a document is data (blocks), printed as PDF with Pango and Cairo. Forms are data too (definitions/forms/<name>.yaml: blocks whose
 * texts have places {key} that a model fills). Only this room includes Pango and Cairo.
 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* document: {title, paper: "A4", landscape: bool, footer, blocks: [
 *   {kind: "heading", text, level},
 *   {kind: "text", text, align},
 *   {kind: "fields", columns: n, fields: [{label, value, span}]},                      a ruled grid of labels and values
 *   {kind: "table", columns: [{title, width (share), align}], rows: [[text, …], …]},   its head is repeated on each page
 *   {kind: "signatures", parties: [{title, lines: [text, …]}]},                        side by side
 *   {kind: "space", mm} , {kind: "page"}]}.
 * Texts may be of any length; nothing is cut. INVALID names the block. New reference. */
GBytes *print_pdf(json_t *document, GError **error);
/* The form of that name, filled: {key} or {a.b} in texts; a table's `each: key` makes a row of each element from its `row` (the element's values
 * go before the model's; {@number} counts). A missing value prints as nothing. dir: the archive's (its definitions/forms go before the built-in ones).
 * NOT_FOUND: no such form. */
GBytes *print_form(const char *dir, const char *form, json_t *model, GError **error);
/* A report or letter in the layout of GB/T 9704-2012: {heading, unit, addressee, paragraphs: [{lead: "h1"…, runs: [{text, lead: bool}]} or
 * {rows: [{head: bool, cells: [{runs}]}]}], signed, dated}; all may be absent but heading, 24 columns at most are drawn. Texts must be valid UTF-8. */
GBytes *print_official(json_t *document, GError **error);
/* A chart (figure/chart.h) as a PNG to stand in the width of such a document; a paragraph with `chart` has it drawn above its rows. NULL: nothing to draw, or a kind
 * that stands as a table only. */
GBytes *print_chart_png(json_t *chart, double *ret_width_mm, double *ret_height_mm);
#define PRINT_COLUMNS_MAX 24
/* How such a table's columns share a room (in half-width characters, as the widths that are returned) by what stands in them, and which hold numbers, to stand on the
 * right; at most PRINT_COLUMNS_MAX columns. */
void print_table_shape(json_t *rows, guint columns, double room, double *ret_widths, gboolean *ret_numbers);
json_t *print_form_document(const char *dir, const char *form, json_t *model, GError **error); /* the filled document, for tests and previews */

/* Sheets as old papers look, for the demonstration archive: A4, the same for the same sheet. */
#define PRINT_SHEET_DPI 120
typedef enum { PRINT_OFFICIAL, PRINT_CARD, PRINT_PHOTO } PrintSheetKind;
typedef struct {
  PrintSheetKind kind;
  const char *code, *title, *creator, *docno, *date;
  const char *const *lines; /* paragraphs, or "标签\t值" of a card or photograph */
  guint line_count;
  int pages;
  guint64 seed;
} PrintSheet;
guint8 *print_sheet_rgb(const PrintSheet *sheet, int page, int *ret_width, int *ret_height); /* pages from 1; to be freed */
gboolean print_sheet_pdf(const PrintSheet *sheet, const char *path, GError **error);
