/*
 * The table that a survey writes: rows as lines first, because nobody knows the columns before the last row, then package.csv with all of them.
 *
 * 1. Known labels stand first, in the order of KNOWN, so that they are not given away to a second name of the same field.
 * 2. At most COLUMNS_MAX columns; what is beyond goes into 其他元数据 as "name：value".
 */
#include "error.h"
#include "package-survey.h"
#include <glib/gstdio.h>
#include <string.h>

#define REST "其他元数据"

static const char *const KNOWN[] = {"全宗号", "全宗名称", "档号", "题名", "责任者", "文号", "日期", "年度", "保管期限", "密级", "开放标识", "页数", "门类", "著录层级", "所在案卷", "案卷号", "备注",
  "文件"};

struct PackageTable {
  char *work, *lines;
  RowWriter *writer;
  GPtrArray *columns;
  GHashTable *known;
  guint rows;
};

PackageTable *package_table_new(const char *work, GError **error) {
  g_autoptr(PackageTable) table = g_new0(PackageTable, 1);
  table->work = g_strdup(work);
  table->lines = g_build_filename(work, "package.rows", NULL);
  table->columns = g_ptr_array_new_with_free_func(g_free);
  table->known = g_hash_table_new(g_str_hash, g_str_equal);
  if ((table->writer = row_writer_new(table->lines, error)) == NULL) return NULL;
  return g_steal_pointer(&table);
}

void package_table_free(PackageTable *table) {
  if (table == NULL) return;
  g_clear_pointer(&table->writer, row_writer_free);
  if (table->lines) g_unlink(table->lines);
  g_hash_table_unref(table->known);
  g_ptr_array_unref(table->columns);
  g_free(table->lines);
  g_free(table->work);
  g_free(table);
}

guint package_table_rows(const PackageTable *table) { return table->rows; }

static void see_columns(PackageTable *table, json_t *row) {
  const char *label;
  json_t *value;
  json_object_foreach(row, label, value) {
    if (g_hash_table_contains(table->known, label) || table->columns->len >= COLUMNS_MAX - 1) continue;
    char *own = g_strdup(label);
    g_ptr_array_add(table->columns, own);
    g_hash_table_add(table->known, own);
  }
}

gboolean package_table_row(PackageTable *table, json_t *row, GError **error) {
  see_columns(table, row);
  g_autofree char *line = json_dumps(row, JSON_COMPACT);
  g_autofree char *ended = g_strconcat(line, "\n", NULL);
  table->rows++;
  return row_writer_add(table->writer, ended, strlen(ended), error);
}

static void append_cell(GString *line, guint column, const char *value) {
  if (column) g_string_append_c(line, ',');
  if (strpbrk(value, ",\"\r\n") == NULL && *value != ' ') {
    g_string_append(line, value);
    return;
  }
  g_string_append_c(line, '"');
  for (const char *at = value; *at; at++) {
    if (*at == '"') g_string_append_c(line, '"');
    g_string_append_c(line, *at);
  }
  g_string_append_c(line, '"');
}

static GPtrArray *column_order(const PackageTable *table) {
  GPtrArray *order = g_ptr_array_new();
  g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < G_N_ELEMENTS(KNOWN); i++) {
    gboolean always = g_str_equal(KNOWN[i], "档号") || g_str_equal(KNOWN[i], "题名");
    if (!always && !g_hash_table_contains(table->known, KNOWN[i])) continue;
    g_ptr_array_add(order, (gpointer)KNOWN[i]);
    g_hash_table_add(taken, (gpointer)KNOWN[i]);
  }
  for (guint i = 0; i < table->columns->len; i++)
    if (!g_hash_table_contains(taken, table->columns->pdata[i])) g_ptr_array_add(order, table->columns->pdata[i]);
  return order;
}

static void append_rest(const PackageTable *table, GString *line, guint at, json_t *row) {
  g_autoptr(GString) rest = g_string_new(NULL);
  const char *label;
  json_t *value;
  json_object_foreach(row, label, value)
    if (!g_hash_table_contains(table->known, label)) g_string_append_printf(rest, "%s%s：%s", rest->len ? "；" : "", label, json_string_value(value));
  append_cell(line, at, rest->str);
}

static gboolean write_rows(PackageTable *table, RowWriter *csv, GPtrArray *order, GError **error) {
  g_autoptr(RowReader) reader = row_reader_open(table->lines, error);
  if (reader == NULL) return FALSE;
  gboolean rest = table->columns->len >= COLUMNS_MAX - 1;
  g_autoptr(GString) line = g_string_new(NULL);
  for (guint i = 0; i < order->len; i++) append_cell(line, i, order->pdata[i]);
  if (rest) append_cell(line, order->len, REST);
  g_string_append_c(line, '\n');
  const char *text;
  gsize length;
  GError *failure = NULL;
  while (row_writer_add(csv, line->str, line->len, &failure) && row_reader_next(reader, &text, &length, &failure)) {
    json_auto_t *row = json_loadb(text, length, 0, NULL);
    g_string_truncate(line, 0);
    for (guint i = 0; i < order->len; i++) {
      const char *value = json_string_value(json_object_get(row, order->pdata[i]));
      append_cell(line, i, value ? value : "");
    }
    if (rest) append_rest(table, line, order->len, row);
    g_string_append_c(line, '\n');
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

char *package_table_close(PackageTable *table, GError **error) {
  if (!row_writer_close(table->writer, error)) return NULL;
  g_clear_pointer(&table->writer, row_writer_free);
  g_autofree char *path = g_build_filename(table->work, "package.csv", NULL);
  g_autoptr(GPtrArray) order = column_order(table);
  g_autoptr(RowWriter) csv = row_writer_new(path, error);
  if (csv == NULL || !write_rows(table, csv, order, error) || !row_writer_close(csv, error)) return NULL;
  return g_steal_pointer(&path);
}
