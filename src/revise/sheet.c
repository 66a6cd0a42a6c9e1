/*
 * A corrected spreadsheet as a revision. Each row finds its record by the key that the export put into it, not by 档号, which may have been corrected too.
 *
 * 1. The key tells record and rev. What others changed since is a conflict where it is the same field, and left alone where it is another.
 * 2. A column whose header is no field of ours, or tells where a record lies, is not read, and the plan says so. An empty cell keeps or clears: as was chosen.
 * 3. A row without key, with one that is no key, or with one that an earlier row had, is refused with its row number.
 */
#include "internal.h"
#include "format.h"
#include "text.h"
#include <string.h>

enum { COLUMNS_MAX = 500, ROWS_MAX = 1000000 };

typedef struct {
  char *header;
  char *key; /* a common field's; else NULL: looked up by label in each row's category */
  gboolean ignored;
} SheetColumn;

typedef struct {
  Plan *plan;
  GPtrArray *columns; /* SheetColumn */
  int key;            /* column of the keys */
  gboolean clear;     /* empty cells clear */
  GHashTable *seen;   /* record ids */
} Sheet;

char *sheet_path(const House *house, gint64 id) { return g_strdup_printf("%s/revisions/%" G_GINT64_FORMAT ".table", house->dir, id); }

static void column_free(gpointer data) {
  SheetColumn *column = data;
  g_free(column->header);
  g_free(column->key);
  g_free(column);
}

/* ---- the header ---- */

static gboolean is_named(const CatalogField *field, const char *folded) {
  for (const char *const *alias = field->aliases; *alias != NULL; alias++)
    if (g_str_equal(*alias, folded)) return TRUE;
  return FALSE;
}

static const CatalogField *common_named(const char *header) {
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  g_autofree char *folded = text_fold(header);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].label, header) || is_named(&fields[i], folded)) return &fields[i];
  return NULL;
}

static SheetColumn *column_of(const char *cell) {
  static const char *const settable[] = {"code", "title", "creator", "docno", "date", "year", "retention", "security", "opening", "page_count", "note", NULL},
    *const placing[] = {"层级", "所在案卷", "文件", "处置", NULL};
  SheetColumn *column = g_new0(SheetColumn, 1);
  column->header = text_clean(cell, FALSE);
  const CatalogField *field = common_named(column->header);
  column->ignored = column->header[0] == '\0' || g_strv_contains(placing, column->header) || (field != NULL && !g_strv_contains(settable, field->key));
  if (field != NULL && !column->ignored) column->key = g_strdup(field->key);
  return column;
}

static gboolean read_header(Sheet *sheet, const TableRow *row, GError **error) {
  if (row->count > COLUMNS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "表格超过 %d 列，这不像是导出的修改用表", COLUMNS_MAX);
  sheet->key = -1;
  for (guint i = 0; i < row->count; i++) {
    SheetColumn *column = column_of(row->cells[i]);
    if (g_str_equal(column->header, EXCHANGE_KEY_HEADER)) {
      sheet->key = (int)i;
      column->ignored = TRUE;
    }
    g_ptr_array_add(sheet->columns, column);
  }
  return sheet->key >= 0 || throw(error, LANTAI_ERROR_INVALID, "表中没有“%s”一列，认不出每一行是哪一件。请用“导出”中的“修改用表”，并保留这一列", EXCHANGE_KEY_HEADER);
}

static char *ignored_columns(const Sheet *sheet) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < sheet->columns->len; i++) {
    const SheetColumn *column = sheet->columns->pdata[i];
    if (column->ignored && (int)i != sheet->key && column->header[0] != '\0') g_string_append_printf(names, "%s%s", names->len ? "、" : "", column->header);
  }
  const char *empty = sheet->clear ? "空的单元格会清空原有内容。" : "空的单元格不改动原有内容。";
  return names->len == 0 ? g_strdup(empty) : g_strdup_printf("%s以下各列说明档案的位置，不读入：%s。", empty, names->str);
}

/* ---- rows ---- */

static gboolean parse_key(const char *text, gint64 *ret_id, gint64 *ret_rev) {
  guint64 id, rev;
  g_auto(GStrv) parts = g_strsplit(text, "-", 3);
  if (g_strv_length(parts) != 2 || !g_ascii_string_to_unsigned(parts[0], 10, 1, G_MAXUINT32, &id, NULL) ||
    !g_ascii_string_to_unsigned(parts[1], 10, 1, G_MAXINT64, &rev, NULL)) return FALSE;
  *ret_id = (gint64)id;
  *ret_rev = (gint64)rev;
  return TRUE;
}

static const char *key_of(const CatalogCategory *category, const SheetColumn *column) {
  for (guint i = 0; category != NULL && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].label, column->header)) return category->fields[i].key;
  return column->key != NULL ? column->key : column->header;
}

/* What was kept as written, since nobody understood it, stands in its column's own cell (listing.c): such a cell is no wish. */
static gboolean stands_so(json_t *fields, const SheetColumn *column, const char *text) {
  return column->key != NULL && g_strcmp0(json_string_value(json_object_get(fields, column->header)), text) == 0;
}

static json_t *row_values(const Sheet *sheet, const CatalogRecord *record, const TableRow *row) {
  const CatalogCategory *category = catalog_category(sheet->plan->house->catalog, record->category);
  json_auto_t *fields = json_loads(record->fields, 0, NULL);
  json_t *values = json_object();
  for (guint i = 0; i < sheet->columns->len; i++) {
    const SheetColumn *column = sheet->columns->pdata[i];
    g_autofree char *text = i < row->count ? text_clean(row->cells[i], FALSE) : g_strdup("");
    if (column->ignored || (*text == '\0' && !sheet->clear) || stands_so(fields, column, text)) continue;
    json_object_set_new(values, key_of(category, column), json_string(text));
  }
  return values;
}

/* Fields that this kind of record does not have and where nothing is written are no wish to clear them; a former code is no wish to have it again. */
static void drop_empty(const Sheet *sheet, const CatalogRecord *record, json_t *values) {
  const char *key;
  json_t *value;
  void *next;
  json_object_foreach_safe(values, next, key, value)
    if (json_string_length(value) == 0 && !catalog_value_has(sheet->plan->house->catalog, record, key)) json_object_del(values, key);
  g_auto(GStrv) former = g_strsplit(record->former, "\n", -1);
  const char *code = json_string_value(json_object_get(values, "code"));
  if (code != NULL && g_strv_contains((const char *const *)former, code)) json_object_del(values, "code");
}

static void refuse(const Sheet *sheet, gint64 id, const TableRow *row, const char *why) {
  g_autofree char *problem = g_strdup_printf("第 %u 行：%s", row->number, why);
  plan_problem(sheet->plan, id, problem);
}

static gboolean take_row(Sheet *sheet, const TableRow *row, GError **error) {
  const char *cell = (guint)sheet->key < row->count ? row->cells[sheet->key] : "";
  gint64 id, rev;
  if (!parse_key(cell, &id, &rev)) return refuse(sheet, 0, row, *cell == '\0' ? "没有修改标识，认不出是哪一件（新的档案请用“接收”）" : "修改标识不对，可能改动过"), TRUE;
  if (g_hash_table_contains(sheet->seen, &id)) return refuse(sheet, id, row, "这一件在表中重复，以先出现的一行为准"), TRUE;
  g_hash_table_add(sheet->seen, g_memdup2(&id, sizeof id));
  g_autoptr(Sql) sql = sql_read(sheet->plan->house->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, sheet->plan->scope, id, &local);
  if (record == NULL && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (record == NULL) return refuse(sheet, id, row, "没有这件档案，它可能已被删除，或不在您的范围内"), TRUE;
  if (rev > record->rev) return refuse(sheet, id, row, "修改标识不是本馆现在的，可能来自别的档案库或更早的备份"), TRUE;
  json_auto_t *values = row_values(sheet, record, row);
  drop_empty(sheet, record, values);
  return plan_values(sheet->plan, sql, id, rev, values, error);
}

gboolean sheet_plan(Plan *plan, Job *job, json_t *ask, char **ret_notice, GError **error) {
  g_autofree char *path = sheet_path(plan->house, plan->id);
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return FALSE;
  g_autoptr(GPtrArray) columns = g_ptr_array_new_with_free_func(column_free);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  Sheet sheet = {plan, columns, -1, json_is_true(json_object_get(ask, "clear")), seen};
  TableRow row;
  g_autoptr(GError) local = NULL;
  gboolean any = format_table_next(reader, &row, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (!any) return throw(error, LANTAI_ERROR_INVALID, "表格是空的");
  if (!read_header(&sheet, &row, error)) return FALSE;
  while (format_table_next(reader, &row, &local) && plan_step(plan, job, 1, &local)) {
    if (plan->looked > ROWS_MAX) throw(&local, LANTAI_ERROR_TOO_LARGE, "表格超过 %d 行，请分成几个", ROWS_MAX);
    if (local != NULL || !take_row(&sheet, &row, &local)) break;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  *ret_notice = ignored_columns(&sheet);
  return TRUE;
}
