/*
 * Entries from a spreadsheet whose columns are called as the fields are: read, compared and kept as a batch (batch.c), which is made or dropped.
 *
 * 1. Planning writes no entry. Each row is prepared as it will be written, so that what the rehearsal says is what happens; what earlier rows of the sheet will make
 *    counts as there.
 * 2. What is wrong is told for every row, with its number in the sheet and the heading it stands under; a sheet with faults is not imported, unless the rest of it is
 *    asked for. The rows with faults stay with the batch as they were, to be corrected and read again.
 * 3. The same sheet twice changes nothing: a row is the entry of its 编号, else the entry that the same row made before. Of a sheet that was broken off, the rest is made.
 * 4. “批示.批示人” is a field of child rows. A line that has nothing but such cells belongs to the entry above it.
 */
#include "format.h"
#include "internal.h"
#include <gio/gio.h>
#include <glib/gstdio.h>

enum { PROBLEMS_MAX = 1000, PREVIEW_MAX = 20, ROWS_AT_ONCE = 500, CELLS_MAX = 20000 };

typedef struct {
  char *heading;
  const LedgerField *field, *child; /* field NULL: not one of the ledger's */
  gboolean skipped;                 /* known, but not for reading in: 年龄, 附件, 季度 */
  gboolean identity;                /* 条目: "#17", as an export of a ledger without numbers says which entry it is */
} ImportColumn;

typedef struct {
  const House *house;
  Job *job;
  gint64 batch;          /* 0: rows are not kept */
  Sql *sql;              /* reading, a chunk of rows long; NULL between them */
  Asker asker;
  const LedgerDefinition *definition;
  const char *actor;
  GArray *columns;
  json_t *pending;       /* the entry whose lines are being read */
  guint pending_row, pending_lines;
  GString *cells;        /* all of its cells, for knowing it again */
  GString *told;         /* what is wrong with it; "": nothing */
  json_t *sheet;         /* its lines as they are, [[cell]]; null: it has too many cells to be kept */
  GHashTable *repeated;  /* digest → how often */
  GHashTable *met;       /* entry id → the row that changes it */
  Foretold foretold;
  GArray *waiting;       /* BatchRow, not yet kept */
  json_t *problems, *preview;
  guint problem_count, rows, created, changed, same, turn, lines, limit; /* lines: of the sheet, with those of child rows */
  gboolean more;         /* stopped before the end: told to, or over the limit */
} Import;

static void column_clear(gpointer data) { g_free(((ImportColumn *)data)->heading); }

/* ---- columns ---- */

static gboolean is_skipped(const LedgerField *field) {
  return field->type == FIELD_AGE || g_str_equal(field->name, "附件") || base_derived(field->name) || (field->base && base_tied(field->name));
}

static ImportColumn column_of(const LedgerDefinition *definition, Asker asker, const char *heading) {
  ImportColumn column = {.heading = text_clean(heading, FALSE)};
  gboolean identity = g_str_equal(column.heading, ENTRY_COLUMN);
  if ((identity || g_str_equal(column.heading, FAULT_COLUMN)) && ledger_field(definition, column.heading) == NULL) {
    column.field = base_field("编号");
    column.skipped = TRUE;
    column.identity = identity;
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
  return throw(error, LANTAI_ERROR_INVALID, "第 1 行没有一个台账“%s”的栏目名。表头应为：%s、%s和各栏目的名称", import->definition->name,
    import->definition->title_label, import->definition->date_label);
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

/* As the sheet calls a field; one that has no column there, as the list calls it. */
static const char *heading_of(const Import *import, const char *field) {
  for (guint i = 0; i < import->columns->len; i++) {
    const ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    if (column->field != NULL && column->child == NULL && !column->skipped && g_str_equal(column->field->name, field)) return column->heading;
  }
  return g_str_equal(field, "标题") ? import->definition->title_label : g_str_equal(field, "日期") ? import->definition->date_label : field;
}

static void tell(Import *import, guint row, const char *field, const char *what) {
  import->problem_count++;
  size_t count = json_array_size(import->problems);
  json_t *last = count > 0 ? json_array_get(import->problems, count - 1) : NULL;
  g_autofree char *text = field[0] != '\0' ? g_strdup_printf("%s：%s", heading_of(import, field), what) : g_strdup(what);
  g_string_append_printf(import->told, "%s%s", import->told->len > 0 ? "；" : "", text);
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

/* An earlier row is the same entry. */
static gboolean is_met(Import *import, json_t *entry) {
  const char *number = text_at(json_object_get(entry, "values"), "编号");
  gint64 id = int_at(entry, "id");
  guint row = GPOINTER_TO_UINT(id != 0 ? g_hash_table_lookup(import->met, GSIZE_TO_POINTER((gsize)id)) : g_hash_table_lookup(import->foretold.numbers, number));
  if (id != 0 && row == 0) g_hash_table_insert(import->met, GSIZE_TO_POINTER((gsize)id), GUINT_TO_POINTER(import->pending_row));
  if (row == 0) return FALSE;
  g_autofree char *what = g_strdup_printf("与第 %u 行是同一条", row);
  tell(import, import->pending_row, number[0] != '\0' ? "编号" : ENTRY_COLUMN, what);
  return TRUE;
}

/* A state in a new row is history that is taken over. */
static void bring_state(Import *import, json_t *entry) {
  json_t *values = json_object_get(entry, "values");
  const LedgerDefinition *definition = import->definition;
  const char *state = text_at(values, "状态"), *date = text_at(values, "日期");
  gboolean is_new = int_at(entry, "id") == 0 || json_is_true(json_object_get(entry, "back"));
  if (!is_new || state[0] == '\0' || g_str_equal(state, definition->states[0].name)) return;
  json_t *day = date[0] != '\0' ? json_string(date) : json_integer(date_today());
  json_object_set_new(entry, "states", json_pack("[[s, O], [s, O]]", definition->states[0].name, day, state, day));
  json_decref(day);
}

/* ret_before: its rev now; 0: it is new, or comes again after it went with its batch. */
static gboolean may_change(Import *import, json_t *entry, gint64 *ret_before) {
  gint64 id = int_at(entry, "id");
  json_auto_t *stored = id != 0 ? ledger_entry_load(import->sql, import->asker, id, NULL) : NULL;
  if (stored != NULL && int_at(stored, "ledger_id") != import->definition->id) {
    tell(import, import->pending_row, ENTRY_COLUMN, "不是这个台账的条目");
    return FALSE;
  }
  gboolean deleted = stored != NULL && json_is_true(json_object_get(stored, "deleted")), back = deleted && entry_is_undone(stored);
  if (back) json_object_set_new(entry, "back", json_true());
  *ret_before = stored == NULL || back ? 0 : int_at(stored, "rev");
  if (id == 0 || back || (stored != NULL && !deleted)) return TRUE;
  tell(import, import->pending_row, "编号", stored != NULL ? "这一条已删除，编号不重复使用" : "没有这一条，或您不能修改");
  return FALSE;
}

static void preview(Import *import, json_t *entry, const char *what) {
  if (json_array_size(import->preview) >= PREVIEW_MAX) return;
  json_array_append_new(import->preview, json_pack("{s:i, s:s, s:s, s:s}", "row", (int)import->pending_row, "what", what, "number", text_at(entry, "number"), "title",
    text_at(entry, "title")));
}

/* ---- chunks: nothing is read from the database while rows are kept ---- */

static gboolean chunk_begin(Import *import, GError **error) {
  if (import->sql != NULL) return TRUE;
  import->sql = sql_read(import->house->db, error);
  if (import->sql != NULL) foretold_attach(import->sql, &import->foretold);
  return import->sql != NULL;
}

static gboolean chunk_end(Import *import, GError **error) {
  g_clear_pointer(&import->sql, sql_end);
  gboolean kept = import->batch == 0 || import->waiting->len == 0 || batch_rows_add(import->house, import->batch, import->waiting, error);
  g_array_set_size(import->waiting, 0);
  return kept;
}

/* FALSE without error: no further. */
static gboolean chunk_go_on(Import *import, GError **error) {
  if (import->rows % ROWS_AT_ONCE != 0) return TRUE;
  if (!chunk_end(import, error)) return FALSE;
  if (import->job != NULL) job_progress(import->job, import->rows, 0, "行", "核对");
  import->more = import->job != NULL && job_should_stop(import->job);
  return !import->more;
}

static void keep_row(Import *import, json_t *entry, json_t *ready, gint64 before) {
  json_object_set(entry, "foretold", json_object_get(ready, "number")); /* for the list of what will be */
  BatchRow row = {++import->turn, import->pending_row, int_at(entry, "id"), before, json_incref(entry), BATCH_WAITING, NULL};
  g_array_append_val(import->waiting, row);
  if (before == 0) import->created++, foretold_add(&import->foretold, import->definition, ready, import->pending_row);
  else import->changed++;
  preview(import, ready, before == 0 ? "新增" : "修改");
}

/* What is wrong stays as it was in the sheet; whatever it was to be, it is nobody's entry. */
static void keep_wrong(Import *import, const char *title, const char *number) {
  json_t *given = json_pack("{s:{s:s}, s:s, s:O}", "values", "标题", title, "foretold", number, "lines", import->sheet);
  BatchRow row = {++import->turn, import->pending_row, 0, 0, given, BATCH_WRONG, g_strdup(import->told->str)};
  g_array_append_val(import->waiting, row);
}

static void take_entry(Import *import, json_t *entry) {
  gint64 before = 0;
  if (import->pending_lines > ROWS_MAX) return tell(import, import->pending_row, "", "它下面的行超过 2 000 行");
  if (!identify(import, entry)) {
    import->same++;
    return;
  }
  if (is_met(import, entry) || !may_change(import, entry, &before)) return;
  bring_state(import, entry);
  Prepared prepared = {0, NULL};
  g_autoptr(GError) local = NULL;
  json_auto_t *ready = entry_prepare(import->sql, import->asker, import->actor, entry, 0, &prepared, &local);
  if (local != NULL) tell_all(import, prepared.problems, local);
  else if (ready == NULL) import->same++;
  else keep_row(import, entry, ready, before);
  json_decref(prepared.problems);
}

static gboolean finish_entry(Import *import, GError **error) {
  json_auto_t *entry = g_steal_pointer(&import->pending);
  if (entry == NULL) return TRUE;
  if (!chunk_begin(import, error)) return FALSE;
  import->rows++;
  take_entry(import, entry);
  json_t *values = json_object_get(entry, "values");
  if (import->told->len > 0) keep_wrong(import, text_at(values, "标题"), text_at(values, "编号"));
  return chunk_go_on(import, error);
}

/* ---- lines ---- */

static gboolean has_own_cells(Import *import, const TableRow *row) {
  for (guint i = 0; i < row->count && i < import->columns->len; i++) {
    ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    if (column->field != NULL && column->child == NULL && !column->skipped && row->cells[i][0] != '\0') return TRUE;
  }
  return FALSE;
}

static void begin_lines(Import *import, guint row) {
  import->pending_row = row;
  import->pending_lines = 0;
  g_string_truncate(import->cells, 0);
  g_string_truncate(import->told, 0);
  json_decref(import->sheet);
  import->sheet = json_array();
}

static void keep_line(Import *import, const TableRow *row) {
  if (json_is_array(import->sheet) && (json_array_size(import->sheet) + 1) * import->columns->len > CELLS_MAX) {
    json_decref(import->sheet);
    import->sheet = json_null();
  }
  if (!json_is_array(import->sheet)) return;
  json_t *cells = json_array();
  for (guint i = 0; i < row->count && i < import->columns->len; i++) json_array_append_new(cells, json_string(row->cells[i]));
  json_array_append_new(import->sheet, cells);
}

static void read_cells(Import *import, const TableRow *row) {
  json_t *values = json_object_get(import->pending, "values");
  json_auto_t *children = json_object(); /* field → the one child row of this line */
  for (guint i = 0; i < row->count && i < import->columns->len; i++) {
    ImportColumn *column = &g_array_index(import->columns, ImportColumn, i);
    const char *cell = row->cells[i];
    if (cell[0] == '\'' && cell_is_formula(cell)) cell++; /* as an export wrote it */
    if (!g_str_equal(column->heading, FAULT_COLUMN)) g_string_append_printf(import->cells, "%s\x1f", cell);
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

/* Of an entry with lines without end no more is kept than an entry may have. */
static gboolean read_line(Import *import, const TableRow *row, GError **error) {
  import->more = import->limit != 0 && ++import->lines > import->limit;
  if (import->more) return FALSE;
  if (has_own_cells(import, row)) {
    if (!finish_entry(import, error)) return FALSE;
    import->pending = json_pack("{s:s, s:{}}", "ledger", import->definition->name, "values");
    begin_lines(import, row->number);
  } else if (import->pending == NULL) {
    import->rows++;
    begin_lines(import, row->number);
    keep_line(import, row);
    tell(import, row->number, "", "只有子表的格，上面没有它所属的条目");
    keep_wrong(import, "", "");
    return chunk_go_on(import, error);
  }
  keep_line(import, row);
  if (++import->pending_lines <= ROWS_MAX) read_cells(import, row);
  return TRUE;
}

static gboolean read_rows(Import *import, TableReader *reader, GError **error) {
  TableRow row;
  g_autoptr(GError) local = NULL;
  while (format_table_next(reader, &row, &local))
    if (!read_line(import, &row, error)) return import->more;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return (finish_entry(import, error) || import->more) && chunk_end(import, error);
}

/* ---- a plan ---- */

static void import_clear(Import *import) {
  sql_end(import->sql);
  json_decref(import->pending);
  json_decref(import->problems);
  json_decref(import->preview);
  json_decref(import->sheet);
  g_clear_pointer(&import->columns, g_array_unref);
  g_clear_pointer(&import->waiting, g_array_unref);
  if (import->cells != NULL) g_string_free(import->cells, TRUE);
  if (import->told != NULL) g_string_free(import->told, TRUE);
  GHashTable *const tables[] = {import->repeated, import->met, import->foretold.numbers, import->foretold.titles, import->foretold.serials};
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
    if (tables[i] != NULL) g_hash_table_unref(tables[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Import, import_clear)

static void import_init(Import *import) {
  import->columns = g_array_new(FALSE, TRUE, sizeof(ImportColumn));
  g_array_set_clear_func(import->columns, column_clear);
  import->waiting = g_array_new(FALSE, FALSE, sizeof(BatchRow));
  g_array_set_clear_func(import->waiting, batch_row_clear);
  import->cells = g_string_new(NULL);
  import->told = g_string_new(NULL);
  import->repeated = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  import->met = g_hash_table_new(NULL, NULL);
  import->foretold = (Foretold){import->definition->id, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  import->problems = json_array();
  import->preview = json_array();
}

static json_t *result_of(Import *import) {
  return json_pack("{s:i, s:i, s:i, s:i, s:i, s:O, s:O, s:o}", "created", (int)import->created, "changed", (int)import->changed, "same", (int)import->same, "rows",
    (int)import->rows, "problem_count", (int)import->problem_count, "problems", import->problems, "entries", import->preview, "columns", columns_told(import));
}

static gboolean read_sheet(Import *import, const char *path, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  import_init(import);
  return reader != NULL && read_header(import, reader, error) && read_rows(import, reader, error);
}

/* A refusal speaks of the file that was chosen, not of where it waited. */
static gboolean read_titled(Import *import, const char *path, const char *title, GError **error) {
  g_autoptr(GError) local = NULL;
  if (read_sheet(import, path, &local)) return TRUE;
  if (local == NULL) return FALSE;
  g_autofree char *name = g_path_get_basename(path);
  g_auto(GStrv) parts = g_strsplit(local->message, name, -1);
  g_autofree char *message = g_strjoinv(title[0] != '\0' ? title : "粘贴的内容", parts);
  g_set_error_literal(error, local->domain, local->code, message);
  return FALSE;
}

gboolean import_plan(const House *house, Job *job, gint64 batch, Asker asker, guint limit, gboolean *ret_more, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *as = sql != NULL ? batch_load(sql, batch, error) : NULL;
  g_clear_pointer(&sql, sql_end);
  const LedgerDefinition *definition = as != NULL ? ledger_of(int_at(as, "ledger_id")) : NULL;
  *ret_more = FALSE;
  if (as == NULL) return FALSE;
  if (!g_str_equal(text_at(as, "state"), "planning")) return TRUE; /* finished before the crash */
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个台账");
  if (!ledger_may_write(definition, asker)) return throw(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", definition->name);
  g_auto(Import) import = {.house = house, .job = job, .batch = batch, .asker = asker, .definition = definition, .actor = text_at(as, "actor"), .limit = limit};
  if (!batch_begin_anew(house, batch, error) || !read_titled(&import, text_at(as, "path"), text_at(as, "title"), error)) return FALSE;
  *ret_more = import.more;
  if (import.more) return TRUE;
  json_auto_t *report = result_of(&import);
  return batch_planned(house, batch, import.created + import.changed, report, error);
}

/* A sheet that cannot be read is told on the page of its batch. */
gboolean import_job(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = int_at(parameters, "batch");
  g_autofree char *path = g_strdup(text_at(parameters, "path"));
  g_autoptr(Person) person = people_account(house->db, job_actor(job), error);
  gboolean more;
  if (person == NULL || !import_plan(house, job, id, (Asker){person, FALSE}, 0, &more, error)) return FALSE;
  if (!more) g_unlink(path);
  return TRUE;
}

/* ---- the whole ---- */

static gboolean refuse_rows(json_t *result, GError **error) {
  if (int_at(result, "problem_count") == 0) return TRUE;
  json_t *problems = json_object_get(result, "problems");
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i < MIN(json_array_size(problems), (size_t)3); i++) {
    json_t *row = json_array_get(problems, i);
    g_string_append_printf(text, "；第 %d 行：%s", (int)int_at(row, "row"), json_string_value(json_array_get(json_object_get(row, "problems"), 0)));
  }
  return throw(error, LANTAI_ERROR_INVALID, "%d 处有误，一行也没有导入%s%s", (int)int_at(result, "problem_count"), text->str, json_array_size(problems) > 3 ? " ……" : "");
}

static char *digest_of(const char *path, GError **error) {
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, NULL);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  guint8 buffer[1 << 16];
  gssize length = 0;
  while (stream != NULL && (length = g_input_stream_read(G_INPUT_STREAM(stream), buffer, sizeof buffer, NULL, NULL)) > 0) g_checksum_update(sum, buffer, length);
  if (stream == NULL || length < 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "不能读取“%s”", path);
  return g_strdup(g_checksum_get_string(sum));
}

/* What was planned is not what was made: rows that were left in between, and those of the beginning that was made before. */
static json_t *made_result(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *batch = sql != NULL ? batch_load(sql, id, error) : NULL;
  if (batch == NULL) return NULL;
  json_t *result = json_incref(json_object_get(batch, "report"));
  gint64 made = batch_count(sql, id, BATCH_MADE), created = batch_count_new(sql, id, BATCH_MADE);
  json_object_set_new(result, "created", json_integer(created));
  json_object_set_new(result, "changed", json_integer(made - created));
  json_object_set_new(result, "left", json_integer(batch_count(sql, id, BATCH_LEFT)));
  json_object_set_new(result, "batch", json_integer(id));
  json_object_set_new(result, "rehearsed", json_false());
  return result;
}

static json_t *rehearse_sheet(const House *house, const BatchNew *as, GError **error) {
  g_auto(Import) import = {.house = house, .asker = as->asker, .definition = as->definition, .actor = as->actor};
  if (!read_sheet(&import, as->path, error)) return NULL;
  json_t *result = result_of(&import);
  json_object_set_new(result, "rehearsed", json_true());
  return result;
}

/* The batch, planned and without faults. */
static gint64 plan_sheet(const House *house, const BatchNew *as, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : batch_broken_off(sql, as->definition, as->actor, as->digest);
  if (sql == NULL || id != 0) return id;
  id = batch_new(sql, as, error);
  if (id == 0 || !sql_commit(sql, error)) return 0;
  g_clear_pointer(&sql, sql_end);
  gboolean more, planned = import_plan(house, NULL, id, as->asker, 0, &more, error);
  sql = planned ? sql_read(house->db, error) : NULL;
  json_auto_t *batch = sql != NULL ? batch_load(sql, id, error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (batch != NULL && refuse_rows(json_object_get(batch, "report"), error)) return id;
  batch_drop(house, id, NULL);
  return 0;
}

json_t *ledger_import(const House *house, Asker asker, const char *actor, const LedgerDefinition *definition, const char *path, gboolean rehearse, GError **error) {
  if (!ledger_may_write(definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", definition->name);
  g_autofree char *name = g_path_get_basename(path), *digest = digest_of(path, error);
  BatchNew as = {definition, asker, actor, "表格导入", name, path, digest};
  if (digest == NULL) return NULL;
  if (rehearse) return rehearse_sheet(house, &as, error);
  gint64 id = plan_sheet(house, &as, error);
  g_autoptr(Sql) sql = id != 0 ? sql_read(house->db, error) : NULL;
  if (sql == NULL) return NULL;
  json_auto_t *batch = batch_load(sql, id, error);
  gboolean any = batch != NULL && (g_str_equal(text_at(batch, "state"), "running") || batch_count(sql, id, BATCH_WAITING) > 0);
  g_clear_pointer(&sql, sql_end);
  if (batch == NULL || (any && !batch_begin(house, id, actor, FALSE, TRUE, error))) return NULL;
  json_t *result = made_result(house, id, error);
  if (!any && result != NULL && json_object_del(result, "batch") == 0) batch_drop(house, id, NULL); /* nothing to take back */
  return result;
}

gboolean ledger_import_undo(const House *house, const char *actor, gint64 batch, json_t **ret, GError **error) {
  if (!batch_begin(house, batch, actor, TRUE, TRUE, error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *kept = sql != NULL ? batch_rows(sql, LEDGER_EVERYTHING, batch, BATCH_KEPT, 0, 1000, error) : NULL;
  if (kept == NULL) return FALSE;
  *ret = json_pack("{s:I, s:I, s:o}", "batch", (json_int_t)batch, "undone", (json_int_t)batch_count(sql, batch, BATCH_UNDONE), "kept", kept);
  return TRUE;
}
