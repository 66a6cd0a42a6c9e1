/*
 * Entries from a spreadsheet whose columns are called as the fields are.
 *
 * 1. A rehearsal goes through the same steps in a transaction that is rolled back: what it says would happen is what happens.
 * 2. All rows or none. What is wrong is told for every row, with its number in the sheet.
 * 3. The same sheet twice changes nothing: a row is the entry of its 编号, else the entry that the same row made before.
 * 4. “批示.批示人” is a field of child rows. A line that has nothing but such cells belongs to the entry above it.
 */
#include "format.h"
#include "internal.h"

enum { PROBLEMS_MAX = 1000, PREVIEW_MAX = 20 };

typedef struct {
  char *heading;
  const LedgerField *field, *child; /* field NULL: not one of the ledger's */
  gboolean skipped;                 /* known, but not for reading in: 年龄, 附件, 季度 */
  gboolean identity;                /* 条目: "#17", as an export of a ledger without numbers says which entry it is */
} ImportColumn;

typedef struct {
  Sql *sql;
  Asker asker;
  const LedgerDefinition *definition;
  const char *actor;
  gboolean rehearse;
  GArray *columns;
  json_t *pending;       /* the entry whose lines are being read */
  guint pending_row;
  GString *cells;        /* all of its cells, for knowing it again */
  GHashTable *repeated;  /* digest → how often */
  json_t *written;
  json_t *problems, *preview;
  guint problem_count, rows, created, changed, same;
} Import;

static void column_clear(gpointer data) { g_free(((ImportColumn *)data)->heading); }

/* ---- columns ---- */

static gboolean is_skipped(const LedgerField *field) {
  return field->type == FIELD_AGE || g_str_equal(field->name, "附件") || base_derived(field->name) || (field->base && base_tied(field->name));
}

static ImportColumn column_of(const LedgerDefinition *definition, Asker asker, const char *heading) {
  ImportColumn column = {.heading = text_clean(heading, FALSE)};
  if (g_str_equal(column.heading, ENTRY_COLUMN) && ledger_field(definition, ENTRY_COLUMN) == NULL) {
    column.field = base_field("编号");
    column.skipped = column.identity = TRUE;
    return column;
  }
  const char *dot = strchr(column.heading, '.');
  g_autofree char *name = dot != NULL ? g_strndup(column.heading, (gsize)(dot - column.heading)) : g_strdup(column.heading);
  const LedgerField *field = name[0] != '\0' ? ledger_field(definition, name) : NULL;
  if (field == NULL || !ledger_may_write_field(field, asker)) return column;
  if (dot == NULL) {
    column.field = field;
    column.skipped = is_skipped(field);
    return column;
  }
  for (guint i = 0; i < field->count; i++)
    if (g_str_equal(field->fields[i].name, dot + 1)) column.field = field, column.child = &field->fields[i];
  return column;
}

static gboolean read_header(Import *import, TableReader *reader, GError **error) {
  TableRow row;
  g_autoptr(GError) local = NULL;
  if (!format_table_next(reader, &row, &local)) {
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
    return throw(error, LANTAI_ERROR_INVALID, "表格是空的");
  }
  guint known = 0;
  for (guint i = 0; i < row.count; i++) {
    ImportColumn column = column_of(import->definition, import->asker, row.cells[i]);
    known += column.field != NULL;
    g_array_append_val(import->columns, column);
  }
  if (known > 0) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "第 1 行没有一个台账“%s”的栏目名。表头应为：标题、日期和各栏目的名称", import->definition->name);
}

static json_t *columns_told(Import *import) {
  json_t *told = json_array();
  for (guint i = 0; i < import->columns->len; i++) {
    ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    const char *near = column->field == NULL ? nearest_field(import->definition, column->heading) : NULL;
    json_array_append_new(told, json_pack("{s:i, s:s, s:s?, s:b, s:s?}", "column", (int)i + 1, "heading", column->heading, "field",
      column->field != NULL ? column->field->name : NULL, "skipped", column->skipped, "nearest", near));
  }
  return told;
}

/* ---- one entry ---- */

static void tell(Import *import, guint row, const char *field, const char *what) {
  import->problem_count++;
  size_t count = json_array_size(import->problems);
  json_t *last = count > 0 ? json_array_get(import->problems, count - 1) : NULL;
  g_autofree char *text = field[0] != '\0' ? g_strdup_printf("%s：%s", field, what) : g_strdup(what);
  if (last != NULL && int_at(last, "row") == row) json_array_append_new(json_object_get(last, "problems"), json_string(text));
  else if (count < PROBLEMS_MAX) json_array_append_new(import->problems, json_pack("{s:i, s:[s]}", "row", (int)row, "problems", text));
}

static void tell_all(Import *import, json_t *problems, const GError *error) {
  const char *field;
  json_t *what;
  if (json_object_size(problems) == 0) tell(import, import->pending_row, "", error->message);
  json_object_foreach(problems, field, what) tell(import, import->pending_row, field, json_string_value(what));
}

/* FALSE: there is nothing to write; the same row made an entry before. */
static gboolean identify(Import *import, json_t *entry) {
  const char *number = text_at(json_object_get(entry, "values"), "编号");
  gint64 ledger = import->definition->id, id = 0;
  if (int_at(entry, "id") != 0) return TRUE;
  if (number[0] != '\0') {
    id = sql_number(import->sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND number = $2 AND number <> ''",
      SQL_ARGS(sql_int(ledger), sql_text(number)), 0, NULL);
    json_object_set_new(entry, "id", json_integer(id));
    return TRUE;
  }
  g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, import->cells->str, (gssize)import->cells->len);
  guint times = GPOINTER_TO_UINT(g_hash_table_lookup(import->repeated, digest)) + 1;
  g_hash_table_insert(import->repeated, g_strdup(digest), GUINT_TO_POINTER(times));
  g_autofree char *key = g_strdup_printf("row:%.32s:%u", digest, times);
  json_object_set_new(entry, "key", json_string(key));
  return sql_number(import->sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''", SQL_ARGS(sql_int(ledger), sql_text(key)), 0,
    NULL) == 0;
}

/* A state in a new row is history that is taken over. */
static void bring_state(Import *import, json_t *entry) {
  json_t *values = json_object_get(entry, "values");
  const LedgerDefinition *definition = import->definition;
  const char *state = text_at(values, "状态"), *date = text_at(values, "日期");
  if (int_at(entry, "id") != 0 || state[0] == '\0' || g_str_equal(state, definition->states[0].name)) return;
  json_t *day = date[0] != '\0' ? json_string(date) : json_integer(date_today());
  json_object_set_new(entry, "states", json_pack("[[s, O], [s, O]]", definition->states[0].name, day, state, day));
  json_decref(day);
}

static gboolean may_change(Import *import, json_t *entry) {
  gint64 id = int_at(entry, "id");
  json_auto_t *stored = id != 0 ? ledger_entry_load(import->sql, import->asker, id, NULL) : NULL;
  if (stored != NULL && int_at(stored, "ledger_id") != import->definition->id) {
    tell(import, import->pending_row, ENTRY_COLUMN, "不是这个台账的条目");
    return FALSE;
  }
  if (id == 0 || (stored != NULL && !json_is_true(json_object_get(stored, "deleted")))) return TRUE;
  tell(import, import->pending_row, "编号", stored != NULL ? "这一条已删除，编号不重复使用" : "没有这一条，或您不能修改");
  return FALSE;
}

static void preview(Import *import, json_t *entry, const char *what) {
  if (json_array_size(import->preview) >= PREVIEW_MAX) return;
  json_array_append_new(import->preview, json_pack("{s:i, s:s, s:s, s:s}", "row", (int)import->pending_row, "what", what, "number", text_at(entry, "number"), "title",
    text_at(entry, "title")));
}

static gboolean finish_entry(Import *import, GError **error) {
  json_auto_t *entry = g_steal_pointer(&import->pending);
  if (entry == NULL) return TRUE;
  import->rows++;
  if (!identify(import, entry)) return import->same++, TRUE;
  if (!may_change(import, entry)) return TRUE;
  bring_state(import, entry);
  gboolean is_new = int_at(entry, "id") == 0;
  Prepared prepared = {0, NULL};
  g_autoptr(GError) local = NULL;
  json_auto_t *ready = entry_prepare(import->sql, import->asker, import->actor, entry, 0, &prepared, &local);
  if (local != NULL) tell_all(import, prepared.problems, local);
  json_decref(prepared.problems);
  if (local != NULL) return TRUE;
  if (ready == NULL) return import->same++, TRUE;
  if (is_new) import->created++;
  else import->changed++;
  preview(import, ready, is_new ? "新增" : "修改");
  if (!entry_write(import->sql, ready, "表格导入", error)) return FALSE;
  json_array_append(import->written, ready);
  if (json_array_size(import->written) < LEDGER_BATCH) return TRUE;
  gboolean told = import->rehearse || entries_tell(import->sql, import->actor, import->written, "表格导入", error);
  json_array_clear(import->written);
  return told;
}

/* ---- lines ---- */

static gboolean has_own_cells(Import *import, const TableRow *row) {
  for (guint i = 0; i < row->count && i < import->columns->len; i++) {
    ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    if (column->field != NULL && column->child == NULL && !column->skipped && row->cells[i][0] != '\0') return TRUE;
  }
  return FALSE;
}

static void read_cells(Import *import, const TableRow *row) {
  json_t *values = json_object_get(import->pending, "values");
  json_auto_t *children = json_object(); /* field → the one child row of this line */
  for (guint i = 0; i < row->count && i < import->columns->len; i++) {
    ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    const char *cell = row->cells[i];
    g_string_append_printf(import->cells, "%s\x1f", cell);
    if (column->identity && cell[0] == '#') json_object_set_new(import->pending, "id", json_integer(g_ascii_strtoll(cell + 1, NULL, 10)));
    if (column->field == NULL || column->skipped || cell[0] == '\0') continue;
    if (column->child == NULL) {
      json_object_set_new(values, column->field->name, json_string(cell));
      continue;
    }
    json_t *child = json_object_get(children, column->field->name);
    if (child == NULL) json_object_set_new(children, column->field->name, child = json_object());
    json_object_set_new(child, column->child->name, json_string(cell));
  }
  const char *name;
  json_t *child;
  json_object_foreach(children, name, child) {
    json_t *list = json_object_get(values, name);
    if (!json_is_array(list)) json_object_set_new(values, name, list = json_array());
    json_array_append(list, child);
  }
}

static gboolean read_line(Import *import, const TableRow *row, GError **error) {
  if (has_own_cells(import, row)) {
    if (!finish_entry(import, error)) return FALSE;
    import->pending = json_pack("{s:s, s:{}}", "ledger", import->definition->name, "values");
    import->pending_row = row->number;
    g_string_truncate(import->cells, 0);
  } else if (import->pending == NULL) {
    tell(import, row->number, "", "没有标题、日期等栏目，上面也没有它所属的条目");
    return TRUE;
  }
  read_cells(import, row);
  return TRUE;
}

static gboolean read_rows(Import *import, TableReader *reader, GError **error) {
  TableRow row;
  g_autoptr(GError) local = NULL;
  while (format_table_next(reader, &row, &local))
    if (!read_line(import, &row, error)) return FALSE;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return finish_entry(import, error) &&
    (import->rehearse || entries_tell(import->sql, import->actor, import->written, "表格导入", error));
}

/* ---- the whole ---- */

static gboolean refuse_rows(Import *import, GError **error) {
  if (import->problem_count == 0) return TRUE;
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i < MIN(json_array_size(import->problems), (size_t)3); i++) {
    json_t *row = json_array_get(import->problems, i);
    g_string_append_printf(text, "；第 %d 行：%s", (int)int_at(row, "row"), json_string_value(json_array_get(json_object_get(row, "problems"), 0)));
  }
  return throw(error, LANTAI_ERROR_INVALID, "%u 处有误，一行也没有导入%s%s", import->problem_count, text->str, json_array_size(import->problems) > 3 ? " ……" : "");
}

static json_t *result_of(Import *import) {
  return json_pack("{s:i, s:i, s:i, s:i, s:i, s:O, s:O, s:o, s:b}", "created", (int)import->created, "changed", (int)import->changed, "same", (int)import->same, "rows",
    (int)import->rows, "problem_count", (int)import->problem_count, "problems", import->problems, "entries", import->preview, "columns", columns_told(import),
    "rehearsed", import->rehearse);
}

json_t *ledger_import(const House *house, Asker asker, const char *actor, const LedgerDefinition *definition, const char *path, gboolean rehearse, GError **error) {
  if (!ledger_may_write(definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", definition->name);
  g_autoptr(TableReader) reader = format_table_open(path, error);
  g_autoptr(Sql) sql = reader != NULL ? sql_write(house->db, error) : NULL;
  if (sql == NULL) return NULL;
  g_autoptr(GArray) columns = g_array_new(FALSE, TRUE, sizeof(ImportColumn));
  g_array_set_clear_func(columns, column_clear);
  g_autoptr(GString) cells = g_string_new(NULL);
  g_autoptr(GHashTable) repeated = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  json_auto_t *problems = json_array(), *shown = json_array(), *written = json_array();
  Import import = {.sql = sql, .asker = asker, .definition = definition, .actor = actor, .rehearse = rehearse, .columns = columns, .cells = cells,
    .repeated = repeated, .written = written, .problems = problems, .preview = shown};
  gboolean read = read_header(&import, reader, error) && read_rows(&import, reader, error);
  json_decref(import.pending);
  if (!read || (!rehearse && (!refuse_rows(&import, error) || !sql_commit(sql, error)))) return NULL;
  return result_of(&import);
}
