/*
 * A list as a spreadsheet that can be read in again: columns are called as the fields are; child rows stand in lines of their own below their entry.
 */
#include "date.h"
#include "format.h"
#include "catalog.h"
#include "internal.h"
#include <gio/gio.h>

enum { PAGE = 1000 };

typedef struct { const LedgerField *field, *child; char *heading; } ExportColumn; /* field NULL: which entry it is, where there are no numbers */
typedef struct {
  Sql *sql;
  Asker asker;
  GArray *columns;
  TableWriter *sheet;
  GOutputStream *text; /* CSV; NULL: a workbook */
} Export;

static void column_clear(gpointer data) { g_free(((ExportColumn *)data)->heading); }

static GArray *columns_of(const LedgerDefinition *definition, Asker asker) {
  GArray *columns = g_array_new(FALSE, TRUE, sizeof(ExportColumn));
  g_array_set_clear_func(columns, column_clear);
  if (definition->number == NULL) {
    ExportColumn column = {NULL, NULL, g_strdup(ENTRY_COLUMN)};
    g_array_append_val(columns, column);
  }
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    if (!ledger_may_read_field(field, asker)) continue;
    if (field->type != FIELD_ROWS) {
      ExportColumn column = {field, NULL, g_strdup(field->name)};
      g_array_append_val(columns, column);
    }
    for (guint c = 0; field->type == FIELD_ROWS && c < field->count; c++) {
      if (!ledger_may_read_field(&field->fields[c], asker)) continue;
      ExportColumn column = {field, &field->fields[c], g_strdup_printf("%s.%s", field->name, field->fields[c].name)};
      g_array_append_val(columns, column);
    }
  }
  return columns;
}

/* ---- cells ---- */

static void append_reference(Export *export, GString *out, LedgerType type, json_t *value) {
  gint64 id = json_integer_value(value);
  json_auto_t *entry = type == FIELD_ENTRY ? ledger_entry_load(export->sql, export->asker, id, NULL) : NULL; /* unseen: its id alone, so that it can be read in again */
  const Scope *scope = export->asker.everything ? &SCOPE_EVERYTHING : people_scope(export->asker.person);
  g_autoptr(CatalogRecord) record = type == FIELD_ENTRY ? NULL : catalog_record_load(export->sql, scope, id, NULL);
  const char *name = type == FIELD_ENTRY ? text_at(entry, "number") : record != NULL ? record->code : "";
  if (name != NULL && name[0] != '\0') g_string_append(out, name);
  else g_string_append_printf(out, "#%" G_GINT64_FORMAT, id);
}

static char *cell_of(Export *export, const LedgerField *field, json_t *value) {
  if (field->type != FIELD_ENTRY && field->type != FIELD_RECORD) return entry_value_words(field, value);
  GString *out = g_string_new(NULL);
  if (json_is_integer(value)) append_reference(export, out, field->type, value);
  for (size_t i = 0; i < json_array_size(value); i++) {
    if (i > 0) g_string_append(out, "、");
    append_reference(export, out, field->type, json_array_get(value, i));
  }
  return g_string_free(out, FALSE);
}

static char *base_cell(json_t *entry, const LedgerField *field) {
  if (!g_str_equal(field->name, "日期")) return entry_value_words(field, entry_value(entry, field));
  return date_format((DateSpan){(gint32)int_at(entry, "from"), (gint32)int_at(entry, "to")});
}

/* Plain numbers are what they are. */
gboolean cell_is_formula(const char *cell) {
  const char *text = cell + strspn(cell, "'");
  if (*text == '\0' || strchr("=+-@\t\r", *text) == NULL) return FALSE;
  char *end = NULL;
  g_ascii_strtod(text, &end);
  return text != cell || end == text || *end != '\0';
}

static gboolean write_cells(Export *export, char **cells, GError **error) {
  if (export->text == NULL) return format_xlsx_row(export->sheet, (const char *const *)cells), TRUE;
  g_autoptr(GString) line = g_string_new(NULL);
  for (char **cell = cells; *cell != NULL; cell++) {
    if (cell != cells) g_string_append_c(line, ',');
    g_autofree char *shown = g_strconcat(cell_is_formula(*cell) ? "'" : "", *cell, NULL);
    if (strpbrk(shown, ",\"\n\r") == NULL) {
      g_string_append(line, shown);
      continue;
    }
    g_auto(GStrv) parts = g_strsplit(shown, "\"", -1);
    g_autofree char *escaped = g_strjoinv("\"\"", parts);
    g_string_append_printf(line, "\"%s\"", escaped);
  }
  g_string_append(line, "\r\n");
  return g_output_stream_write_all(export->text, line->str, line->len, NULL, NULL, error);
}

static gboolean write_entry(Export *export, json_t *entry, GError **error) {
  json_t *values = json_object_get(entry, "values");
  size_t lines = 1;
  for (guint i = 0; i < export->columns->len; i++) {
    ExportColumn *column = &g_array_index(export->columns, ExportColumn, i);
    if (column->child != NULL) lines = MAX(lines, json_array_size(json_object_get(values, column->field->name)));
  }
  for (size_t line = 0; line < lines; line++) {
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < export->columns->len; i++) {
      ExportColumn *column = &g_array_index(export->columns, ExportColumn, i);
      json_t *value = column->field != NULL ? json_object_get(values, column->field->name) : NULL;
      if (column->field == NULL) g_ptr_array_add(cells, line > 0 ? g_strdup("") : g_strdup_printf("#%" G_GINT64_FORMAT, (gint64)int_at(entry, "id")));
      else if (column->child != NULL) g_ptr_array_add(cells, cell_of(export, column->child, json_object_get(json_array_get(value, line), column->child->name)));
      else if (line > 0) g_ptr_array_add(cells, g_strdup(""));
      else g_ptr_array_add(cells, column->field->base && value == NULL ? base_cell(entry, column->field) : cell_of(export, column->field, value));
    }
    g_ptr_array_add(cells, NULL);
    if (!write_cells(export, (char **)cells->pdata, error)) return FALSE;
  }
  return TRUE;
}

/* ---- the whole ---- */

static gboolean write_pages(const House *house, Export *export, Asker asker, const LedgerAsk *ask, GError **error) {
  LedgerAsk page = *ask;
  page.after = NULL;
  page.limit = PAGE;
  g_autofree char *after = NULL;
  do {
    json_auto_t *list = ledger_list(house, export->sql, asker, &page, error);
    if (list == NULL) return FALSE;
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(list, "entries"), i, entry) {
      if (!write_entry(export, entry, error)) return FALSE;
    }
    g_free(after);
    page.after = after = g_strdup(json_string_value(json_object_get(list, "next")));
  } while (after != NULL && after[0] != '\0');
  return TRUE;
}

static gboolean open_sheet(Export *export, const LedgerDefinition *definition, const char *path, char **headings, GError **error) {
  if (!g_str_has_suffix(path, ".csv")) return (export->sheet = format_xlsx_new(path, definition->name, (const char *const *)headings, error)) != NULL;
  g_autoptr(GFile) file = g_file_new_for_path(path);
  export->text = G_OUTPUT_STREAM(g_file_replace(file, NULL, FALSE, G_FILE_CREATE_REPLACE_DESTINATION, NULL, error));
  return export->text != NULL && g_output_stream_write_all(export->text, "\xEF\xBB\xBF", 3, NULL, NULL, error) && write_cells(export, headings, error);
}

static gboolean close_sheet(Export *export, gboolean written, GError **error) {
  if (export->sheet != NULL) return format_xlsx_close(export->sheet, written ? error : NULL) && written;
  if (export->text == NULL) return FALSE;
  gboolean closed = g_output_stream_close(export->text, NULL, written ? error : NULL);
  g_object_unref(export->text);
  return closed && written;
}

gboolean ledger_export(const House *house, Asker asker, const LedgerAsk *ask, const char *path, GError **error) {
  if (!ledger_may_read(ask->definition, asker)) return throw(error, LANTAI_ERROR_DENIED, "您不能查看台账“%s”", ask->definition->name);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(GArray) columns = sql != NULL ? columns_of(ask->definition, asker) : NULL;
  if (columns == NULL) return FALSE;
  Export export = {sql, asker, columns, NULL, NULL};
  g_autoptr(GPtrArray) headings = g_ptr_array_new();
  for (guint i = 0; i < columns->len; i++) g_ptr_array_add(headings, g_array_index(columns, ExportColumn, i).heading);
  g_ptr_array_add(headings, NULL);
  gboolean written = open_sheet(&export, ask->definition, path, (char **)headings->pdata, error) && write_pages(house, &export, asker, ask, error);
  return close_sheet(&export, written, error);
}
