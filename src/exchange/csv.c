/* The catalogue as a CSV (UTF-8 with a mark, lines ended as RFC 4180 has it), under the labels that our import reads; the last column names the files. */
#include "internal.h"
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* without it a spreadsheet program takes the text for GB18030 */

static gboolean add_line(Export *export, const char *const *cells, const char *before, GError **error) {
  g_autoptr(GString) line = g_string_new(before);
  csv_append(line, cells);
  return spool_add(export->state, line->str, line->len, error);
}

static gboolean begin_lines(Export *export, GError **error) {
  g_autofree char *path = g_strconcat(export->target, ".partial", NULL);
  return (export->state = spool_open(path, error)) != NULL && add_line(export, listing_header(export->listing), BYTE_ORDER_MARK, error);
}

static gboolean add_record(Export *export, const ExportItem *item, GError **error) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < item->files->len; i++) g_string_append_printf(names, "%s%s", i ? "\n" : "", ((const CatalogFile *)item->files->pdata[i])->name);
  const char *const *cells = listing_row(export->listing, item, names->len ? names->str : NO_DOCUMENTS, error);
  return cells && add_line(export, cells, "", error);
}

static gboolean end_lines(Export *export, GError **error) { return spool_close(export->state, error); }

static void free_lines(Export *export) { g_clear_pointer((Spool **)&export->state, spool_free); }

const ExportFormat FORMAT_CSV = {"csv", "CSV 表格", "只有目录，不含原文；UTF-8 编码，行数不限，其他程序都能读", "csv", FALSE, begin_lines, add_record, end_lines, free_lines,
  TRUE};
