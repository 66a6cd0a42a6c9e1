/*
 * A table's header and rows through the guessing of columns to canonical rows and back. Input: a line "category<TAB>fonds" (either may be empty), then
 * the table, cells ended by tabs.
 *
 * 1. A row that is accepted gives one line of JSON that is its own canonical form (keys sorted, nothing else), which row_decode reads.
 * 2. Every line of faults is JSON with a row and a reason.
 */
#include "delivery.h"
#include "error.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

/* ---- the table of the input, in place of one that a sandboxed child reads ---- */

static char **table_lines;
struct TableReader {
  guint line;
  char **cells;
};

TableReader *format_table_open(const char *path, GError **error) { return g_new0(TableReader, 1); }
const TableInfo *format_table_info(const TableReader *reader) {
  static const TableInfo info = {"csv", "UTF-8", NULL, -1};
  return &info;
}
gboolean format_table_next(TableReader *reader, TableRow *ret, GError **error) {
  g_clear_pointer(&reader->cells, g_strfreev);
  while (table_lines[reader->line] != NULL && *table_lines[reader->line] == '\0') reader->line++;
  if (table_lines[reader->line] == NULL) return FALSE;
  reader->cells = g_strsplit(table_lines[reader->line++], "\t", 0);
  *ret = (TableRow){.number = reader->line, .count = g_strv_length(reader->cells), .cells = (const char **)reader->cells};
  return TRUE;
}
double format_table_position(const TableReader *reader) { return 0; }
guint format_table_replaced(const TableReader *reader) { return 0; }
const TableFlaw *format_table_flaws(const TableReader *reader, guint *ret_count) {
  *ret_count = 0;
  return NULL;
}
void format_table_free(TableReader *reader) {
  g_strfreev(reader->cells);
  g_free(reader);
}

/* ---- rows ---- */

static void check_line(const GString *line) {
  require(line->len > 2 && line->str[line->len - 1] == '\n' && memchr(line->str, '\n', line->len - 1) == NULL, "one line");
  json_auto_t *document = json_loadb(line->str, line->len - 1, JSON_REJECT_DUPLICATES, NULL);
  require(document != NULL, "the line is JSON without repeated keys");
  g_autofree char *canonical = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
  require(strlen(canonical) == line->len - 1, "the line is its own canonical form");
  DecodedRow row = {0};
  g_autoptr(GError) error = NULL;
  require(row_decode(line->str, line->len - 1, &row, &error), "the line is read back");
  require(g_strcmp0(row.record->code, json_string_value(json_object_get(document, "code"))) == 0, "the code is read back");
  require(g_strcmp0(row.record->title, json_string_value(json_object_get(document, "title"))) == 0, "the title is read back");
  row_decoded_clear(&row);
}

static void check_faults(const GString *faults) {
  g_auto(GStrv) lines = g_strsplit(faults->str, "\n", 0);
  for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
    json_auto_t *fault = json_loads(lines[i], 0, NULL);
    require(json_is_integer(json_object_get(fault, "row")) && *json_string_value(json_object_get(fault, "reason")) != '\0', "a fault is told");
  }
}

static void try_rows(const RowPlan *plan, json_t *layout) {
  TableReader *reader = format_table_open(NULL, NULL);
  RowResult result = {0};
  TableRow row;
  while (format_table_next(reader, &row, NULL)) {
    if (row.number < layout_first_row(layout)) continue;
    row_plan_apply(plan, &row, &result);
    if (result.errors == 0) check_line(result.line);
    check_faults(result.faults);
    require(result.errors == 0 || result.faults->len > 0, "a rejected row says why");
  }
  if (result.line != NULL) {
    row_result_clear(&result);
    g_string_free(result.line, TRUE);
    g_string_free(result.faults, TRUE);
  }
  format_table_free(reader);
}

static Catalog *open_catalog(void) {
  g_autoptr(GError) error = NULL;
  static SqlDb *db; /* as long as the program */
  db = sql_open(":memory:", &error);
  Catalog *catalog = db == NULL ? NULL : catalog_open(db, "/nonexistent", &error);
  if (catalog == NULL) g_error("%s", error->message);
  return catalog;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Catalog *catalog;
  if (catalog == NULL) catalog = open_catalog();
  if (size > 8192) return 0;
  g_autofree char *bytes = g_strndup((const char *)data, size), *text = g_utf8_make_valid(bytes, -1);
  g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
  if (lines[0] == NULL) return 0;
  char *fonds = strchr(lines[0], '\t');
  if (fonds != NULL) *fonds++ = '\0';
  table_lines = lines + 1;
  g_autoptr(GError) error = NULL;
  json_auto_t *layout = layout_read("", &error);
  if (layout == NULL) return 0;
  layout_guess(catalog, layout, lines[0]);
  int key = layout_column_of(layout, "code");
  g_autoptr(RowPlan) plan = row_plan_new(catalog, layout, key >= 0 ? key : layout_key_guess(layout), lines[0], fonds == NULL ? "" : fonds, &error);
  if (plan != NULL) try_rows(plan, layout);
  return 0;
}
