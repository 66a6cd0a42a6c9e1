/*
 * The first visible sheet of an .xlsx as rows (ECMA-376 part 1, §18.3): the zip by libzip, the sheet by libxml2's SAX as it is inflated.
 *
 * 1. Memory is the shared strings and one row; what a file claims of its size (dimension, counts) is never believed.
 * 2. A cell stands where its reference says; left-out cells are empty. Merged cells have their text in the first one.
 * 3. Formulas give their stored result, errors their text (#N/A), dates 2023-12-29, booleans TRUE and FALSE.
 */
#include "error.h"
#include "xlsx-parts.h"
#include <libxml/parser.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum { SHEET_ROWS_MAX = 1 << 20 };

typedef enum { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOLEAN, CELL_ISO_DATE } CellType;
typedef struct {
  XlsxRun run;
  const XlsxBook *book;
  TableSink *sink;
  gint64 rows_declared;
  guint row, column, style; /* column from 0 */
  CellType type;
  gboolean in_sheet, in_row, in_value, has_cell, introduced;
  guint phonetic;
  GString *value;
} SheetRun;

static void fail(SheetRun *sheet, const char *message) {
  xlsx_stop(&sheet->run, g_error_new(LANTAI_ERROR, LANTAI_ERROR_INVALID, "工作表“%s”第 %u 行：%s",
                                     sheet->book->sheet_name == NULL ? "" : sheet->book->sheet_name, sheet->row, message));
}

static void introduce(SheetRun *sheet) {
  if (sheet->introduced) return;
  sheet->introduced = TRUE;
  table_sink_info(sheet->sink, "xlsx", "UTF-8", sheet->book->sheet_name, sheet->rows_declared);
}

/* "A1:I3421" → 3421; -1 for anything else. */
static gint64 rows_of_dimension(const char *reference, gsize length) {
  const char *colon = memchr(reference, ':', length);
  if (colon == NULL) return -1;
  gint64 rows = 0;
  for (const char *at = colon + 1; at < reference + length; at++)
    if (g_ascii_isdigit(*at)) rows = MIN(rows * 10 + (*at - '0'), SHEET_ROWS_MAX);
  return rows > 0 ? rows : -1;
}

static void start_row(SheetRun *sheet, const xmlChar **attributes, int count) {
  gsize length;
  const char *reference = xlsx_attribute(attributes, count, "r", &length);
  guint number = 0;
  for (gsize i = 0; reference != NULL && i < length && i < 9 && g_ascii_isdigit(reference[i]); i++) number = number * 10 + (guint)(reference[i] - '0');
  if (reference == NULL) number = sheet->row + 1;
  if (number <= sheet->row || number > SHEET_ROWS_MAX) {
    fail(sheet, "行号错乱，文件可能损坏；请用原软件打开后另存再试");
    return;
  }
  sheet->row = number;
  sheet->in_row = TRUE;
  table_sink_row(sheet->sink, number);
}

/* The column of "AB12" from 0; G_MAXUINT if it is none. */
static guint column_of(const char *reference, gsize length) {
  guint column = 0;
  gsize i = 0;
  for (; i < length && i < 4 && g_ascii_isalpha(reference[i]); i++) column = column * 26 + (guint)(g_ascii_toupper(reference[i]) - 'A' + 1);
  return i == 0 || i == 4 || column > TABLE_COLUMNS_MAX ? G_MAXUINT : column - 1;
}

static CellType type_of(const char *text, gsize length) {
  if (length == 1 && text[0] == 's') return CELL_SHARED;
  if (length == 1 && text[0] == 'b') return CELL_BOOLEAN;
  if (length == 1 && text[0] == 'd') return CELL_ISO_DATE;
  if (length == 1 && text[0] == 'n') return CELL_NUMBER;
  return CELL_TEXT; /* str, inlineStr, e */
}

static void start_cell(SheetRun *sheet, const xmlChar **attributes, int count) {
  sheet->column = table_sink_cells(sheet->sink);
  sheet->type = CELL_NUMBER;
  sheet->style = 0;
  for (int i = 0; i < count; i++, attributes += 5) {
    const char *name = (const char *)attributes[0], *value = (const char *)attributes[3];
    gsize length = (gsize)(attributes[4] - attributes[3]);
    if (name[0] == '\0' || name[1] != '\0') continue;
    if (name[0] == 'r') sheet->column = column_of(value, length);
    else if (name[0] == 't') sheet->type = type_of(value, length);
    else if (name[0] == 's')
      for (gsize j = 0; j < length && j < 7 && g_ascii_isdigit(value[j]); j++) sheet->style = sheet->style * 10 + (guint)(value[j] - '0');
  }
  g_string_truncate(sheet->value, 0);
  sheet->has_cell = TRUE;
  if (sheet->column == G_MAXUINT || sheet->column < table_sink_cells(sheet->sink)) fail(sheet, "单元格位置错乱，文件可能损坏；请用原软件打开后另存再试");
}

static void on_sheet_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces, const xmlChar **spaces, int count,
                           int defaulted, const xmlChar **attributes) {
  SheetRun *sheet = data;
  const char *element = (const char *)name;
  if (element[1] == '\0') {
    if (element[0] == 'c' && sheet->in_row) start_cell(sheet, attributes, count);
    else if (element[0] == 'v' || element[0] == 't') sheet->in_value = sheet->has_cell && sheet->phonetic == 0;
    return;
  }
  gsize length;
  if (strcmp(element, "row") == 0 && sheet->in_sheet) start_row(sheet, attributes, count);
  else if (strcmp(element, "rPh") == 0) sheet->phonetic++;
  else if (strcmp(element, "sheetData") == 0) {
    sheet->in_sheet = TRUE;
    introduce(sheet);
  } else if (strcmp(element, "dimension") == 0) {
    const char *reference = xlsx_attribute(attributes, count, "ref", &length);
    if (reference != NULL) sheet->rows_declared = rows_of_dimension(reference, length);
  }
}

static void on_sheet_text(void *data, const xmlChar *text, int length) {
  SheetRun *sheet = data;
  if (!sheet->in_value) return;
  if (sheet->value->len + (gsize)length > TABLE_ROW_BYTES_MAX) fail(sheet, "单元格超过 16 MiB");
  else g_string_append_len(sheet->value, (const char *)text, length);
}

static void put(SheetRun *sheet, const char *text, gsize length) {
  GError *error = NULL;
  while (error == NULL && table_sink_cells(sheet->sink) < sheet->column) table_sink_cell(sheet->sink, "", 0, &error);
  if (error == NULL) table_sink_cell(sheet->sink, text, length, &error);
  if (error != NULL) xlsx_stop(&sheet->run, error);
}

/* Up to 15 plain digits without a zero in front are themselves. */
static gboolean is_plain_number(const char *text, gsize length) {
  if (length == 0 || length > 15 || (text[0] == '0' && length > 1)) return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isdigit(text[i])) return FALSE;
  return TRUE;
}

static void put_number(SheetRun *sheet) {
  const GString *value = sheet->value;
  TableDateKind kind = sheet->style < sheet->book->styles->len ? sheet->book->styles->data[sheet->style] : DATE_NONE;
  if (kind == DATE_NONE && is_plain_number(value->str, value->len)) {
    put(sheet, value->str, value->len);
    return;
  }
  char *end = NULL;
  double number = g_ascii_strtod(value->str, &end);
  if (end == value->str || *end != '\0') { /* not a number after all: as it stands */
    put(sheet, value->str, value->len);
    return;
  }
  char text[TABLE_NUMBER_SIZE];
  gsize length = kind == DATE_NONE ? 0 : table_date_format(number, sheet->book->since_1904, kind, text);
  if (length == 0) length = table_number_format(number, text);
  put(sheet, text, length);
}

static void put_shared(SheetRun *sheet) {
  char *end = NULL;
  guint64 index = g_ascii_strtoull(sheet->value->str, &end, 10);
  if (end == sheet->value->str || index >= sheet->book->strings->len) {
    if (sheet->value->len > 0) fail(sheet, "引用的文字不存在，文件可能损坏；请用原软件打开后另存再试");
    return;
  }
  const char *text = g_ptr_array_index(sheet->book->strings, index);
  put(sheet, text, strlen(text));
}

static void end_cell(SheetRun *sheet) {
  GString *value = sheet->value;
  sheet->has_cell = FALSE;
  if (value->len == 0) return; /* an empty cell only has a style */
  if (sheet->type == CELL_NUMBER) put_number(sheet);
  else if (sheet->type == CELL_SHARED) put_shared(sheet);
  else if (sheet->type == CELL_BOOLEAN) put(sheet, value->str[0] == '1' ? "TRUE" : "FALSE", value->str[0] == '1' ? 4 : 5);
  else {
    if (sheet->type == CELL_ISO_DATE && g_str_has_suffix(value->str, "T00:00:00")) g_string_truncate(value, value->len - strlen("T00:00:00"));
    xlsx_unescape(value);
    put(sheet, value->str, value->len);
  }
}

static void on_sheet_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  SheetRun *sheet = data;
  const char *element = (const char *)name;
  if (element[1] == '\0') {
    if (element[0] == 'v' || element[0] == 't') sheet->in_value = FALSE;
    else if (element[0] == 'c' && sheet->has_cell) end_cell(sheet);
    return;
  }
  if (strcmp(element, "row") == 0 && sheet->in_row) {
    sheet->in_row = FALSE;
    table_sink_row_end(sheet->sink, sheet->run.size_bytes == 0 ? 0 : (double)sheet->run.read_bytes / (double)sheet->run.size_bytes);
  } else if (strcmp(element, "rPh") == 0 && sheet->phonetic > 0) {
    sheet->phonetic--;
  } else if (strcmp(element, "sheetData") == 0) {
    sheet->in_sheet = FALSE;
  }
}

static gboolean parse_zip(zip_t *zip, TableSink *sink, GError **error) {
  g_auto(XlsxBook) book = {0};
  if (!xlsx_book_load(zip, &book, error)) return FALSE;
  g_autoptr(GString) value = g_string_new(NULL);
  SheetRun sheet = {.book = &book, .sink = sink, .rows_declared = -1, .value = value};
  xmlSAXHandler handler = {.startElementNs = on_sheet_start, .endElementNs = on_sheet_end, .characters = on_sheet_text, .cdataBlock = on_sheet_text};
  if (!xlsx_run(zip, book.sheet_path, &handler, &sheet.run, XLSX_SHEET_MIB, NULL, error)) return FALSE;
  introduce(&sheet);
  return TRUE;
}

gboolean table_xlsx_parse(int fd, TableSink *sink, GError **error) {
  int code = 0, copy = dup(fd);
  zip_t *zip = copy < 0 ? NULL : zip_fdopen(copy, 0, &code);
  if (zip == NULL) {
    if (copy >= 0) close(copy);
    return throw(error, LANTAI_ERROR_INVALID, "Excel 文件（.xlsx）不完整或已损坏，可能没有传完；请重新复制或用原软件另存再试");
  }
  gboolean done = parse_zip(zip, sink, error);
  zip_discard(zip);
  return done;
}
