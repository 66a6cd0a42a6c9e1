/* Documents (print.h) as pages: each kind of block becomes rows of cells on a canvas. */
#include "print.h"
#include "canvas.h"
#include "error.h"
#include "text.h"
#include <string.h>

enum { COLUMNS_MAX = 24, FIELDS_MAX = 4, PARTIES_MAX = 4 };
#define A4_SHORT 595.276
#define A4_LONG 841.89
#define BODY_SIZE 10.5
#define TABLE_SIZE 9.5
#define REPLACEMENT "\xef\xbf\xbd"
#define POINTS_PER_MM (72 / 25.4)
#define HEAD_SHARE 0.4 /* of a page: a higher head of a table is not repeated */

/* What Unicode keeps for nothing (U+FFFE, U+FDD0…): valid UTF-8, but the PDF writer refuses the whole document for it. */
static gboolean is_noncharacter(gunichar c) { return (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE; }

char *print_clean(const char *given) {
  g_autofree char *valid = g_utf8_make_valid(given, -1);
  char *text = text_clean(valid, TRUE), *out = text;
  for (const char *at = text, *next; *at; at = next) {
    gunichar c = g_utf8_get_char(at);
    next = g_utf8_next_char(at);
    gsize length = (gsize)(next - at);
    if ((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029) continue;
    gboolean none = is_noncharacter(c);
    if (none) length = strlen(REPLACEMENT); /* never longer */
    memmove(out, none ? REPLACEMENT : at, length);
    out += length;
  }
  *out = '\0';
  return text;
}

static char *clean(json_t *value) {
  if (json_is_integer(value)) return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
  return print_clean(json_is_string(value) ? json_string_value(value) : "");
}

static Align alignment(json_t *owner) {
  const char *align = json_string_value(json_object_get(owner, "align"));
  return g_strcmp0(align, "center") == 0 ? ALIGN_CENTER : g_strcmp0(align, "right") == 0 ? ALIGN_RIGHT : ALIGN_LEFT;
}

static gint64 number_of(json_t *owner, const char *key, gint64 missing) {
  json_t *value = json_object_get(owner, key);
  return json_is_integer(value) ? json_integer_value(value) : missing;
}

typedef struct { GPtrArray *texts; GArray *cells; } Row; /* cells with the texts they own */
static void row_clear(Row *row) {
  g_ptr_array_unref(row->texts);
  g_array_unref(row->cells);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Row, row_clear)
static Row row_new(void) { return (Row){g_ptr_array_new_with_free_func(g_free), g_array_new(FALSE, TRUE, sizeof(Cell))}; }

static void row_add(Row *row, Cell cell, char *text) {
  g_ptr_array_add(row->texts, text);
  cell.text = text;
  g_array_append_val(row->cells, cell);
}

static void row_draw(Canvas *canvas, Row *row) { canvas_row(canvas, (const Cell *)(void *)row->cells->data, row->cells->len); }

static void row_empty(Row *row) {
  g_array_set_size(row->cells, 0);
  g_ptr_array_set_size(row->texts, 0);
}

/* ---- kinds of blocks ---- */

static gboolean draw_heading(Canvas *canvas, json_t *block, GError **error) {
  static const double sizes[] = {18, 13, 11};
  gint64 level = CLAMP(number_of(block, "level", 1), 1, (gint64)G_N_ELEMENTS(sizes));
  g_auto(Row) row = row_new();
  row_add(&row, (Cell){.x = canvas_left(canvas), .width = canvas_width(canvas), .align = level == 1 ? ALIGN_CENTER : ALIGN_LEFT, .bold = G_MAXSIZE,
    .size = sizes[level - 1], .leading = 1.3}, clean(json_object_get(block, "text")));
  if (canvas_room(canvas) < 90) canvas_new_page(canvas); /* not alone at the foot of a page */
  canvas_skip(canvas, level == 1 ? 0 : 8);
  row_draw(canvas, &row);
  canvas_skip(canvas, level == 1 ? 10 : 4);
  return TRUE;
}

static gboolean draw_text(Canvas *canvas, json_t *block, GError **error) {
  g_auto(Row) row = row_new();
  row_add(&row, (Cell){.x = canvas_left(canvas), .width = canvas_width(canvas), .align = alignment(block), .size = BODY_SIZE, .leading = 1.3},
    clean(json_object_get(block, "text")));
  row_draw(canvas, &row);
  canvas_skip(canvas, 4);
  return TRUE;
}

static gboolean draw_fields(Canvas *canvas, json_t *block, GError **error) {
  gint64 columns = number_of(block, "columns", 1);
  json_t *fields = json_object_get(block, "fields"), *field;
  if (columns < 1 || columns > FIELDS_MAX || !json_is_array(fields)) return throw(error, LANTAI_ERROR_INVALID, "columns 应为 1 至 %d，fields 应为列表", FIELDS_MAX);
  double unit = canvas_width(canvas) / (double)columns, label = MIN(unit * 0.36, 108);
  g_auto(Row) row = row_new();
  gint64 at = 0;
  size_t i, count = json_array_size(fields);
  json_array_foreach(fields, i, field) {
    gint64 span = CLAMP(number_of(field, "span", 1), 1, columns - at);
    gint64 following = number_of(json_array_get(fields, i + 1), "span", 1);
    if (i + 1 == count || at + span + MIN(following, columns) > columns) span = columns - at; /* a row is full to its end */
    double x = canvas_left(canvas) + (double)at * unit;
    row_add(&row, (Cell){.x = x, .width = label, .align = ALIGN_CENTER, .size = BODY_SIZE, .leading = 1.3, .ruled = TRUE, .shaded = TRUE},
      clean(json_object_get(field, "label")));
    row_add(&row, (Cell){.x = x + label, .width = (double)span * unit - label, .align = alignment(field), .size = BODY_SIZE, .leading = 1.3, .ruled = TRUE},
      clean(json_object_get(field, "value")));
    at += span;
    if (at < columns) continue;
    row_draw(canvas, &row);
    row_empty(&row);
    at = 0;
  }
  return TRUE;
}

static void table_row(Canvas *canvas, Row *row, json_t *columns, json_t *texts, double total) {
  double x = canvas_left(canvas);
  json_t *column;
  size_t i;
  json_array_foreach(columns, i, column) {
    double share = json_number_value(json_object_get(column, "width")), width = canvas_width(canvas) * (share > 0 ? share : 1) / total;
    Cell cell = {.x = x, .width = width, .align = texts ? alignment(column) : ALIGN_CENTER, .bold = texts ? 0 : G_MAXSIZE, .size = TABLE_SIZE,
      .leading = 1.2, .ruled = TRUE, .shaded = texts == NULL};
    row_add(row, cell, clean(texts ? json_array_get(texts, i) : json_object_get(column, "title")));
    x += width;
  }
}

static gboolean draw_table(Canvas *canvas, json_t *block, GError **error) {
  json_t *columns = json_object_get(block, "columns"), *rows = json_object_get(block, "rows"), *texts, *column;
  if (json_array_size(columns) < 1 || json_array_size(columns) > COLUMNS_MAX || !json_is_array(rows))
    return throw(error, LANTAI_ERROR_INVALID, "columns 应为 1 至 %d 列，rows 应为列表", COLUMNS_MAX);
  double total = 0, smallest = G_MAXDOUBLE;
  size_t i;
  json_array_foreach(columns, i, column) {
    double share = json_number_value(json_object_get(column, "width"));
    total += share > 0 ? share : 1;
    smallest = MIN(smallest, share > 0 ? share : 1);
  }
  if (canvas_width(canvas) * smallest / total < 3 * TABLE_SIZE / 1.5) return throw(error, LANTAI_ERROR_INVALID, "有一列太窄，放不下文字，请调整 width");
  g_auto(Row) head = row_new();
  table_row(canvas, &head, columns, NULL, total);
  double high = canvas_row_height(canvas, (const Cell *)(void *)head.cells->data, head.cells->len);
  if (canvas_room(canvas) < high + 3 * TABLE_SIZE) canvas_new_page(canvas);
  row_draw(canvas, &head);
  if (high < HEAD_SHARE * A4_SHORT) canvas_set_head(canvas, (const Cell *)(void *)head.cells->data, head.cells->len);
  json_array_foreach(rows, i, texts) {
    g_auto(Row) row = row_new();
    table_row(canvas, &row, columns, texts, total);
    row_draw(canvas, &row);
  }
  canvas_set_head(canvas, NULL, 0);
  return TRUE;
}

static gboolean draw_signatures(Canvas *canvas, json_t *block, GError **error) {
  json_t *parties = json_object_get(block, "parties"), *party, *line;
  size_t count = json_array_size(parties), i, j;
  if (count < 1 || count > PARTIES_MAX) return throw(error, LANTAI_ERROR_INVALID, "parties 应为 1 至 %d 方", PARTIES_MAX);
  double width = canvas_width(canvas) / (double)count;
  g_auto(Row) row = row_new();
  json_array_foreach(parties, i, party) {
    g_autofree char *title = clean(json_object_get(party, "title"));
    g_autoptr(GString) text = g_string_new(title);
    json_array_foreach(json_object_get(party, "lines"), j, line) {
      g_autofree char *words = clean(line);
      g_string_append_printf(text, "%s%s", text->len ? "\n" : "", words);
    }
    row_add(&row, (Cell){.x = canvas_left(canvas) + (double)i * width, .width = width, .bold = strlen(title), .size = BODY_SIZE, .leading = 1.8, .ruled = TRUE},
      g_strdup(text->str));
  }
  row_draw(canvas, &row);
  return TRUE;
}

static gboolean draw_space(Canvas *canvas, json_t *block, GError **error) {
  double mm = json_number_value(json_object_get(block, "mm"));
  canvas_skip(canvas, CLAMP(mm, 0, 200) * POINTS_PER_MM);
  return TRUE;
}

static gboolean draw_break(Canvas *canvas, json_t *block, GError **error) {
  canvas_new_page(canvas);
  return TRUE;
}

static gboolean draw_block(Canvas *canvas, json_t *block, GError **error) {
  static const struct { const char *kind; gboolean (*draw)(Canvas *, json_t *, GError **); } kinds[] = {
    {"heading", draw_heading}, {"text", draw_text}, {"fields", draw_fields}, {"table", draw_table}, {"signatures", draw_signatures}, {"space", draw_space},
    {"page", draw_break},
  };
  const char *kind = json_string_value(json_object_get(block, "kind"));
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
    if (g_strcmp0(kind, kinds[i].kind) == 0) return kinds[i].draw(canvas, block, error);
  return throw(error, LANTAI_ERROR_INVALID, "不认识的 kind“%s”", kind ? kind : "");
}

static gboolean draw_all(Canvas *canvas, json_t *blocks, GError **error) {
  json_t *block;
  size_t i;
  json_array_foreach(blocks, i, block) {
    GError *failure = NULL;
    if (draw_block(canvas, block, &failure)) continue;
    g_prefix_error(&failure, "文档第 %zu 块：", i + 1);
    g_propagate_error(error, failure);
    return FALSE;
  }
  return TRUE;
}

GBytes *print_pdf(json_t *document, GError **error) {
  json_t *blocks = json_object_get(document, "blocks");
  const char *paper = json_string_value(json_object_get(document, "paper"));
  if (!json_is_array(blocks)) return throw_null(error, LANTAI_ERROR_INVALID, "文档没有 blocks");
  if (paper && !g_str_equal(paper, "A4")) return throw_null(error, LANTAI_ERROR_INVALID, "纸张只有 A4，没有“%s”", paper);
  gboolean landscape = json_is_true(json_object_get(document, "landscape"));
  g_autofree char *title = clean(json_object_get(document, "title")), *footer = clean(json_object_get(document, "footer"));
  g_autoptr(Canvas) canvas = canvas_new(landscape ? A4_LONG : A4_SHORT, landscape ? A4_SHORT : A4_LONG, title, footer);
  canvas_begin(canvas, 0);
  if (!draw_all(canvas, blocks, error)) return NULL;
  canvas_begin(canvas, canvas_end(canvas));
  if (!draw_all(canvas, blocks, error)) return NULL;
  canvas_end(canvas);
  return canvas_bytes(canvas, error);
}
