/*
 * The first filled sheet of a binary Excel workbook (.xls, also WPS .et) by freexl. The library reads the whole file into memory; the child's
 * memory limit is the cap. It does not tell hidden sheets from others.
 */
#include "error.h"
#include "sandbox.h"
#include "table-sink.h"
#include <freexl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OLE_SECTORS_MAX = 1 << 20, CODE_ENCRYPTED = 1 };

/* An .xlsx with a password is an OLE file with a stream of this name; so is a .doc with WordDocument. */
static gboolean has_stream(int fd, const char *name) {
  gsize length = strlen(name) * 2;
  g_autofree char *wide = g_malloc0(length);
  for (gsize i = 0; name[i] != '\0'; i++) wide[2 * i] = name[i];
  enum { BLOCK = 1 << 16, OVERLAP = 64 };
  g_autofree char *block = g_malloc(BLOCK);
  gssize got;
  for (goffset at = 0; (got = pread(fd, block, BLOCK, at)) > 0 && at < (goffset)OLE_SECTORS_MAX * 512; at += BLOCK - OVERLAP)
    if (memmem(block, (gsize)got, wide, length) != NULL) return TRUE;
  return FALSE;
}

static gboolean explain(int fd, int code, GError **error) {
  if (has_stream(fd, "EncryptedPackage") || code == CODE_ENCRYPTED)
    return throw(error, LANTAI_ERROR_INVALID, "Excel 文件已用密码加密；请用原软件打开，去掉密码后另存再试");
  if (has_stream(fd, "WordDocument")) return throw(error, LANTAI_ERROR_INVALID, "是 Word 文档，不是表格；请把其中的表格另存为 .xlsx 再试");
  return throw(error, LANTAI_ERROR_INVALID, "Excel 文件（.xls）不完整、已损坏或版本不受支持（代码 %d）；请用原软件打开后另存为 .xlsx 再试", code);
}

/* Every sector that the file's own table lists must be there: the library reads a cut file without a word. */
static gboolean is_whole(int fd) {
  struct stat about;
  guint8 header[512];
  if (fstat(fd, &about) != 0 || pread(fd, header, sizeof header, 0) != (gssize)sizeof header) return FALSE;
  if (memcmp(header, "\xd0\xcf\x11\xe0", 4) != 0) return TRUE; /* an old sheet without a container */
  guint shift = header[30] | (guint)header[31] << 8;
  if (shift != 9 && shift != 12) return FALSE;
  gsize sector = (gsize)1 << shift, last = 0;
  g_autofree guint8 *table = g_malloc(sector);
  for (guint i = 0; i < 109; i++) { /* the first 109 parts of the table are listed in the header: files up to 6.8 MiB wholly, larger ones in part */
    guint32 at = GUINT32_FROM_LE(((const guint32 *)(const void *)(header + 76))[i]);
    if (at >= 0xfffffffa) break;
    if (pread(fd, table, sector, (goffset)(at + 1) * (goffset)sector) != (gssize)sector) return FALSE;
    for (gsize j = 0; j < sector / 4; j++)
      if (GUINT32_FROM_LE(((const guint32 *)(const void *)table)[j]) != 0xffffffff) last = i * (sector / 4) + j;
  }
  return (goffset)(last + 1) * (goffset)sector < about.st_size; /* the last used sector begins before the end */
}

static gboolean put_text(TableSink *sink, const char *text, GError **error) {
  gsize length = strlen(text);
  if (g_utf8_validate(text, (gssize)length, NULL)) return table_sink_cell(sink, text, length, error);
  g_autofree char *valid = g_utf8_make_valid(text, (gssize)length);
  return table_sink_cell(sink, valid, strlen(valid), error);
}

static gboolean put_cell(TableSink *sink, const FreeXL_CellValue *cell, GError **error) {
  char number[TABLE_NUMBER_SIZE];
  gsize length = 0;
  switch (cell->type) {
    case FREEXL_CELL_INT: length = table_number_format(cell->value.int_value, number); break;
    case FREEXL_CELL_DOUBLE: length = table_number_format(cell->value.double_value, number); break;
    case FREEXL_CELL_DATETIME:
      length = g_strlcpy(number, cell->value.text_value, sizeof number);
      if (g_str_has_suffix(number, " 00:00:00")) length = strlen("2023-12-29");
      break;
    case FREEXL_CELL_TEXT:
    case FREEXL_CELL_SST_TEXT:
    case FREEXL_CELL_DATE:
    case FREEXL_CELL_TIME: return cell->value.text_value == NULL ? table_sink_cell(sink, "", 0, error) : put_text(sink, cell->value.text_value, error);
    default: break;
  }
  return table_sink_cell(sink, number, MIN(length, sizeof number - 1), error);
}

static gboolean put_rows(const void *book, TableSink *sink, guint rows, guint columns, GError **error) {
  for (guint row = 0; row < rows; row++) {
    table_sink_row(sink, row + 1);
    for (guint column = 0; column < columns; column++) {
      FreeXL_CellValue cell = {.type = FREEXL_CELL_NULL};
      int code = freexl_get_cell_value(book, row, (unsigned short)column, &cell);
      if (code != FREEXL_OK)
        return throw(error, LANTAI_ERROR_INVALID, "第 %u 行第 %u 列读不出来（代码 %d）；请用原软件打开后另存为 .xlsx 再试", row + 1, column + 1, code);
      if (!put_cell(sink, &cell, error)) return FALSE;
    }
    table_sink_row_end(sink, (double)(row + 1) / rows);
  }
  return TRUE;
}

static gboolean put_first_sheet(const void *book, TableSink *sink, GError **error) {
  unsigned int sheets = 0;
  if (freexl_get_info(book, FREEXL_BIFF_SHEET_COUNT, &sheets) != FREEXL_OK) sheets = 0;
  for (unsigned int i = 0; i < MIN(sheets, 1024u); i++) {
    const char *name = NULL;
    unsigned int rows = 0;
    unsigned short columns = 0;
    if (freexl_select_active_worksheet(book, (unsigned short)i) != FREEXL_OK || freexl_worksheet_dimensions(book, &rows, &columns) != FREEXL_OK || rows == 0)
      continue;
    if (freexl_get_worksheet_name(book, (unsigned short)i, &name) != FREEXL_OK || name == NULL || !g_utf8_validate(name, -1, NULL)) name = "";
    table_sink_info(sink, "xls", "UTF-8", name, rows);
    return put_rows(book, sink, rows, columns, error);
  }
  return throw(error, LANTAI_ERROR_INVALID, "工作簿里没有内容");
}

gboolean table_xls_parse(int fd, TableSink *sink, GError **error) {
  const void *book = NULL;
  unsigned int password = FREEXL_UNKNOWN;
  g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd); /* the library takes a path only */
  int code = freexl_open(path, &book);
  gboolean locked = book != NULL && freexl_get_info(book, FREEXL_BIFF_PASSWORD, &password) == FREEXL_OK && password == FREEXL_BIFF_OBFUSCATED;
  gboolean done = locked                               ? explain(fd, CODE_ENCRYPTED, error)
                  : code != FREEXL_OK || !is_whole(fd) ? explain(fd, code, error)
                                                       : put_first_sheet(book, sink, error);
  if (book != NULL) freexl_close(book);
  return done;
}
