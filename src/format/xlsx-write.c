/*
 * An .xlsx written row by row by libxlsxwriter in constant memory (one row at a time), as text unless numbers are asked for: a value that begins with "=" is no
 * formula.
 * Written beside its target and renamed when it is whole. A sheet that is full continues on the next one, with the header.
 */
#include "error.h"
#include "format.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

enum { SHEET_ROWS = 1048576, CELL_CHARACTERS = 32767, NAME_CHARACTERS = 31, COLUMN_WIDTH = 18 };

struct TableWriter {
  lxw_workbook *book;
  lxw_worksheet *sheet;
  lxw_format *bold;
  char *path, *part, *name;
  GStrv header;
  guint sheets, columns;
  lxw_row_t row;
  lxw_error failed;
};

static void note(TableWriter *writer, lxw_error result) {
  if (writer->failed == LXW_NO_ERROR) writer->failed = result;
}

/* A cell's text: what XML and Excel accept. */
static char *dup_cell(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  char *clean = text_clean(valid, TRUE);
  if (strlen(clean) > CELL_CHARACTERS && g_utf8_strlen(clean, -1) > CELL_CHARACTERS) *g_utf8_offset_to_pointer(clean, CELL_CHARACTERS) = '\0';
  for (char *at = clean; (at = strstr(at, "\xef\xbf")) != NULL; at += 3)
    if ((guchar)at[2] >= 0xbe) at[2] = (char)0xbd; /* U+FFFE and U+FFFF are not XML */
  return clean;
}

static gboolean is_number(const char *text, double *ret) {
  char *end = NULL;
  *ret = g_ascii_strtod(text, &end);
  return g_ascii_isdigit(text[text[0] == '-']) && *end == '\0' && !(text[0] == '0' && g_ascii_isdigit(text[1])); /* 007 is a code */
}

static void write_row(TableWriter *writer, const char *const *cells, lxw_format *format, gboolean numbers) {
  for (lxw_col_t column = 0; cells[column] != NULL && column < LXW_COL_MAX; column++) {
    if (*cells[column] == '\0') continue;
    g_autofree char *text = dup_cell(cells[column]);
    double number = 0;
    if (numbers && is_number(text, &number)) note(writer, worksheet_write_number(writer->sheet, writer->row, column, number, format));
    else if (*text != '\0') note(writer, worksheet_write_string(writer->sheet, writer->row, column, text, format));
  }
  writer->row++;
}

static void end_sheet(TableWriter *writer) {
  if (writer->columns > 0) worksheet_autofilter(writer->sheet, 0, 0, writer->row - 1, (lxw_col_t)(writer->columns - 1));
}

static char *sheet_name(const char *name, guint number) {
  g_autofree char *clean = g_utf8_make_valid(name, -1);
  g_strdelimit(clean, "[]:*?/\\'", '_');
  g_autofree char *short_name = g_utf8_substring(clean, 0, MIN(g_utf8_strlen(clean, -1), NAME_CHARACTERS - 5));
  return number == 1 ? g_strdup(*short_name == '\0' ? "Sheet1" : short_name) : g_strdup_printf("%s %u", short_name, number);
}

static gboolean begin_sheet(TableWriter *writer) {
  g_autofree char *name = sheet_name(writer->name, ++writer->sheets);
  writer->sheet = workbook_add_worksheet(writer->book, name);
  if (writer->sheet == NULL) return FALSE;
  writer->row = 0;
  if (writer->columns > 0) worksheet_set_column(writer->sheet, 0, (lxw_col_t)(writer->columns - 1), COLUMN_WIDTH, NULL);
  write_row(writer, (const char *const *)writer->header, writer->bold, FALSE);
  worksheet_freeze_panes(writer->sheet, 1, 0);
  return TRUE;
}

static void free_writer(TableWriter *writer) {
  g_strfreev(writer->header);
  g_free(writer->path);
  g_free(writer->part);
  g_free(writer->name);
  g_free(writer);
}

TableWriter *format_xlsx_new(const char *path, const char *sheet, const char *const *header, GError **error) {
  TableWriter *writer = g_new0(TableWriter, 1);
  g_autofree char *folder = g_path_get_dirname(path);
  writer->path = g_strdup(path);
  writer->part = g_strdup_printf("%s.part", path);
  writer->name = g_strdup(sheet);
  writer->header = g_strdupv((GStrv)header);
  writer->columns = MIN(g_strv_length(writer->header), (guint)LXW_COL_MAX);
  int probe = open(writer->part, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0640); /* the library would only tell at the end */
  lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = folder};
  int reason = errno;
  if (probe >= 0) close(probe);
  writer->book = probe < 0 ? NULL : workbook_new_opt(writer->part, &options);
  if (writer->book != NULL) {
    writer->bold = workbook_add_format(writer->book);
    format_set_bold(writer->bold);
    if (begin_sheet(writer)) return writer;
    workbook_close(writer->book);
    reason = EIO;
  }
  free_writer(writer);
  return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写 Excel 文件 %s：%s", path, error_reason(reason));
}

static void add_row(TableWriter *writer, const char *const *cells, gboolean numbers) {
  if (writer->sheet == NULL) return;
  if (writer->row >= SHEET_ROWS) {
    end_sheet(writer);
    if (!begin_sheet(writer)) note(writer, LXW_ERROR_MEMORY_MALLOC_FAILED);
  }
  if (writer->sheet != NULL) write_row(writer, cells, NULL, numbers);
}

void format_xlsx_row(TableWriter *writer, const char *const *cells) { add_row(writer, cells, FALSE); }
void format_xlsx_row_numbers(TableWriter *writer, const char *const *cells) { add_row(writer, cells, TRUE); }

static gboolean flush_and_rename(const TableWriter *writer) {
  int fd = open(writer->part, O_RDONLY | O_CLOEXEC);
  gboolean flushed = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return flushed && g_rename(writer->part, writer->path) == 0;
}

gboolean format_xlsx_close(TableWriter *writer, GError **error) {
  if (writer->sheet != NULL) end_sheet(writer);
  lxw_error closed = workbook_close(writer->book);
  lxw_error failed = writer->failed != LXW_NO_ERROR ? writer->failed : closed;
  gboolean done = failed == LXW_NO_ERROR && flush_and_rename(writer);
  if (!done) {
    throw(error, LANTAI_ERROR_UNAVAILABLE, "Excel 文件 %s 没有写成：%s；请检查磁盘空间后重试", writer->path,
          failed != LXW_NO_ERROR ? lxw_strerror(failed) : error_reason(errno));
    g_unlink(writer->part);
  }
  free_writer(writer);
  return done;
}
