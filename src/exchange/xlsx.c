/* The catalogue as a spreadsheet, under the labels that our import reads; the last column names the files. A sheet that is full goes on in the next. */
#include "internal.h"
#include "error.h"
#include <string.h>

enum { CELL_CHARACTERS = 32000 };

static gboolean begin_sheet(Export *export, GError **error) {
  g_autofree char *path = g_strconcat(export->target, ".partial", NULL);
  return (export->state = format_xlsx_new(path, "目录", listing_header(export->listing), error)) != NULL;
}

static gboolean add_cells(Export *export, const ExportItem *item, const char *last, GError **error) {
  const char *const *cells = listing_row(export->listing, item, last, error);
  if (cells == NULL) return FALSE;
  for (guint i = 0; cells[i]; i++)
    if (strlen(cells[i]) > CELL_CHARACTERS && g_utf8_strlen(cells[i], -1) > 32767)
      return throw(error, LANTAI_ERROR_INVALID, "“%s”的一项内容超过 Excel 单元格的 32767 字，不能导出为 Excel。请导出为 BagIt 包", item->record->code);
  format_xlsx_row(export->state, cells);
  return TRUE;
}

static gboolean add_to_sheet(Export *export, const ExportItem *item, GError **error) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < item->files->len; i++) g_string_append_printf(names, "%s%s", i ? "\n" : "", ((const CatalogFile *)item->files->pdata[i])->name);
  if (g_utf8_strlen(names->str, -1) > CELL_CHARACTERS) g_string_printf(names, "共 %u 个文件", item->files->len);
  return add_cells(export, item, names->len ? names->str : NO_DOCUMENTS, error);
}

/* The same table to be corrected and read back: each row says which record it is, and as of when. */
static gboolean begin_keyed(Export *export, GError **error) {
  listing_key(export->listing);
  return begin_sheet(export, error);
}

static gboolean add_keyed(Export *export, const ExportItem *item, GError **error) {
  g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, item->record->id, item->record->rev);
  return add_cells(export, item, key, error);
}

static gboolean end_sheet(Export *export, GError **error) { return format_xlsx_close(g_steal_pointer(&export->state), error); }

static void free_sheet(Export *export) {
  if (export->state) format_xlsx_close(g_steal_pointer(&export->state), NULL);
}

const ExportFormat FORMAT_XLSX = {"xlsx", "Excel 表格", "只有目录，不含原文；行数多于一张工作表所能容纳时续在下一张", "xlsx", FALSE, begin_sheet, add_to_sheet, end_sheet,
  free_sheet, TRUE};
const ExportFormat FORMAT_SHEET = {"sheet", "修改用表（Excel）", "在表中改正后，从“批量修改”上传，逐项核对再改入目录；请保留最后一列“修改标识”", "xlsx", FALSE, begin_keyed, add_keyed, end_sheet,
  free_sheet, TRUE};
