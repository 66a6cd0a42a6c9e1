/*
 * Ledgers in memory: loading, following what was committed, locks.
 *
 * 1. One table for each ledger and database. Whoever asks brings it up to the highest rev that the transaction sees, then holds it for reading.
 * 2. To write it one waits for its readers, but not for ever: two askers may each hold what the other wants to bring up to date. Then one gets a table of its own.
 * 3. A writing transaction never brings the shared table up to date: what it sees beyond that is in a table of its own until it ends.
 */
#include "table.h"
#include <math.h>

enum { WAIT_MS = 500 };

static GMutex registry_lock;
static GHashTable *registry; /* "database ledger" → LedgerTable */

/* ---- columns ---- */

static Column column_new(const LedgerField *field, const char *name, LedgerType type, ColumnHold hold, gsize offset) {
  Column column = {.field = field, .name = name, .type = type, .hold = hold, .offset = offset, .dated = field != NULL && field->dated};
  if (hold != HOLD_POOL && hold != HOLD_ROWS) return column;
  column.begin = g_array_new(FALSE, FALSE, sizeof(guint32));
  column.length = g_array_new(FALSE, FALSE, sizeof(guint32));
  gboolean is_date = type == FIELD_DATE, is_number = type == FIELD_NUMBER || type == FIELD_MONEY || type == FIELD_BOOL || type == FIELD_ENTRY || type == FIELD_RECORD;
  if (hold == HOLD_ROWS) return column;
  if (is_number || type == FIELD_PERIOD) column.number = g_array_new(FALSE, FALSE, sizeof(double));
  if (type == FIELD_PERIOD) column.until = g_array_new(FALSE, FALSE, sizeof(double));
  if (!is_number && !is_date) column.text = g_array_new(FALSE, FALSE, sizeof(guint32));
  if (is_date || type == FIELD_PERIOD) column.from = g_array_new(FALSE, FALSE, sizeof(gint32)), column.to = g_array_new(FALSE, FALSE, sizeof(gint32));
  return column;
}

static void pool_free(GArray **pool) { g_clear_pointer(pool, g_array_unref); }

static void column_clear(gpointer data) {
  Column *column = data;
  GArray **pools[] = {&column->begin, &column->length, &column->text, &column->number, &column->until, &column->from, &column->to, &column->since, &column->row};
  for (guint i = 0; i < G_N_ELEMENTS(pools); i++) pool_free(pools[i]);
}

static guint add_column(LedgerTable *table, Column column) {
  if (column.dated && column.hold == HOLD_POOL) column.since = g_array_new(FALSE, FALSE, sizeof(gint32));
  if (column.parent && column.hold == HOLD_POOL) column.row = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_array_append_val(table->columns, column);
  guint place = table->columns->len - 1;
  if (!column.parent && !g_hash_table_contains(table->names, column.name)) g_hash_table_insert(table->names, (gpointer)column.name, GUINT_TO_POINTER(place + 1));
  return place;
}

static ColumnHold hold_of(LedgerType type) { return type == FIELD_AGE ? HOLD_AGE : type == FIELD_ROWS ? HOLD_ROWS : HOLD_POOL; }

static void add_field(LedgerTable *table, const LedgerField *field, guint parent) {
  Column column = column_new(field, field->name, field->type, hold_of(field->type), 0);
  column.parent = parent;
  if (column.hold == HOLD_AGE) column.of = (guint)MAX(column_find(table, parent, field->of), 0);
  guint place = add_column(table, column);
  if (field->type != FIELD_ROWS) return;
  for (guint i = 0; i < field->count; i++)
    if (field->fields[i].type != FIELD_AGE) add_field(table, &field->fields[i], place + 1);
  for (guint i = 0; i < field->count; i++)
    if (field->fields[i].type == FIELD_AGE) add_field(table, &field->fields[i], place + 1);
}

static void add_base(LedgerTable *table, const char *name, ColumnHold hold, gsize offset) {
  const LedgerField *field = ledger_field(table->definition, name);
  Column column = column_new(field, name, field ? field->type : FIELD_TEXT, hold, offset);
  column.dated = g_str_equal(name, "状态");
  add_column(table, column);
}

static void add_columns(LedgerTable *table) {
  static const struct { const char *name; gsize offset; } texts[] = {{"编号", G_STRUCT_OFFSET(TableRow, number)}, {"单位", G_STRUCT_OFFSET(TableRow, unit)},
    {"标题", G_STRUCT_OFFSET(TableRow, title)}, {"责任部门", G_STRUCT_OFFSET(TableRow, department)}, {"责任人", G_STRUCT_OFFSET(TableRow, owner)},
    {"口径", G_STRUCT_OFFSET(TableRow, basis)}};
  static const char *const derived[] = {"年度", "季度", "月份", "周次", "日"}, *const pooled[] = {"状态", "层级", "专题", "来源单位", "附件"};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) add_base(table, texts[i].name, HOLD_TEXT, texts[i].offset);
  add_base(table, "日期", HOLD_DAYS, G_STRUCT_OFFSET(TableRow, from));
  add_base(table, "截止", HOLD_DAYS, G_STRUCT_OFFSET(TableRow, due));
  add_base(table, "次数", HOLD_NUMBER, 0);
  add_base(table, "密级", HOLD_SECRECY, 0);
  for (guint i = 0; i < G_N_ELEMENTS(pooled); i++) add_base(table, pooled[i], HOLD_POOL, 0);
  for (guint i = 0; i < G_N_ELEMENTS(derived); i++) {
    Column column = column_new(NULL, derived[i], i == DERIVED_DAY ? FIELD_DATE : FIELD_NUMBER, HOLD_DERIVED, 0);
    column.of = i;
    add_column(table, column);
  }
  const LedgerDefinition *definition = table->definition;
  for (int ages = 0; ages < 2; ages++)
    for (guint i = 0; i < definition->field_count; i++) {
      const LedgerField *field = &definition->fields[i];
      if ((!field->base || base_tied(field->name)) && (field->type == FIELD_AGE) == (ages == 1)) add_field(table, field, 0);
    }
  const char *labels[][2] = {{definition->title_label, "标题"}, {definition->date_label, "日期"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    int place = column_find(table, 0, labels[i][1]);
    if (labels[i][0] && !g_hash_table_contains(table->names, labels[i][0])) g_hash_table_insert(table->names, (gpointer)labels[i][0], GUINT_TO_POINTER(place + 1));
  }
}

int column_find(const LedgerTable *table, guint parent, const char *name) {
  if (name == NULL) return -1;
  if (!parent) return GPOINTER_TO_INT(g_hash_table_lookup(table->names, name)) - 1;
  for (guint i = parent; i < table->columns->len && table_column(table, i)->parent; i++)
    if (table_column(table, i)->parent == parent && g_str_equal(table_column(table, i)->name, name)) return (int)i;
  return -1;
}

/* ---- one table ---- */

static LedgerTable *table_new(const LedgerDefinition *definition) {
  LedgerTable *table = g_new0(LedgerTable, 1);
  table->definition = definition;
  table->rows = g_array_new(FALSE, FALSE, sizeof(TableRow));
  table->places = g_hash_table_new(g_direct_hash, g_direct_equal);
  table->columns = g_array_new(FALSE, FALSE, sizeof(Column));
  g_array_set_clear_func(table->columns, column_clear);
  table->names = g_hash_table_new(g_str_hash, g_str_equal);
  table->texts = g_ptr_array_new_with_free_func(g_free);
  table->codes = g_hash_table_new(g_str_hash, g_str_equal);
  g_ptr_array_add(table->texts, g_strdup(""));
  g_hash_table_insert(table->codes, g_ptr_array_index(table->texts, 0), GUINT_TO_POINTER(0));
  g_rw_lock_init(&table->lock);
  add_columns(table);
  return table;
}

/* Everything but the lock. */
static void table_drop(LedgerTable *table) {
  g_array_unref(table->rows);
  g_hash_table_unref(table->places);
  g_array_unref(table->columns);
  g_hash_table_unref(table->names);
  g_hash_table_unref(table->codes);
  g_ptr_array_unref(table->texts);
}

static void table_free(gpointer data) {
  LedgerTable *table = data;
  table_drop(table);
  g_rw_lock_clear(&table->lock);
  g_free(table);
}

/* Made anew for the definition of today, empty; the lock stays. */
static void table_reset(LedgerTable *table, const LedgerDefinition *definition) {
  LedgerTable *fresh = table_new(definition);
  table_drop(table);
  GRWLock lock = table->lock;
  g_rw_lock_clear(&fresh->lock);
  *table = *fresh;
  table->lock = lock;
  g_free(fresh);
}

static guint32 code_of(LedgerTable *table, const char *text) {
  gpointer found = NULL;
  if (text == NULL || *text == '\0') return 0;
  if (g_hash_table_lookup_extended(table->codes, text, NULL, &found)) return GPOINTER_TO_UINT(found);
  char *kept = g_strdup(text);
  g_ptr_array_add(table->texts, kept);
  g_hash_table_insert(table->codes, kept, GUINT_TO_POINTER(table->texts->len - 1));
  return table->texts->len - 1;
}

gint64 table_place(const LedgerTable *table, gint64 id) { return (gint64)GPOINTER_TO_SIZE(g_hash_table_lookup(table->places, GSIZE_TO_POINTER(id))) - 1; }

/* ---- values in ---- */

static gboolean minutes_of(const char *text, double *ret, gint32 *ret_day) {
  int year, month, day, hour = 0, minute = 0;
  if (sscanf(text, "%4d-%2d-%2d %2d:%2d", &year, &month, &day, &hour, &minute) < 3 && sscanf(text, "%4d-%2d-%2dT%2d:%2d", &year, &month, &day, &hour,
    &minute) < 3) return FALSE;
  if (!g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year)) return FALSE;
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
  *ret = (double)g_date_get_julian(&date) * 1440 + hour * 60 + minute;
  *ret_day = year * 10000 + month * 100 + day;
  return TRUE;
}

/* FALSE: nothing that could be a value of this type. */
static gboolean pool_put(LedgerTable *table, Column *column, json_t *value) {
  char number[40];
  if (column->type == FIELD_DATE) {
    DateSpan span = {0, 0};
    if (!date_parse(json_is_string(value) ? json_string_value(value) : "", &span) || span.from == 0) return FALSE;
    g_array_append_val(column->from, span.from);
    g_array_append_val(column->to, span.to);
    return TRUE;
  }
  if (column->type == FIELD_PERIOD) {
    double start, end;
    gint32 from, to;
    const char *text = json_string_value(value), *slash = text ? strchr(text, '/') : NULL;
    if (slash == NULL || !minutes_of(text, &start, &from) || !minutes_of(slash + 1, &end, &to)) return FALSE;
    guint32 code = code_of(table, text);
    g_array_append_val(column->number, start);
    g_array_append_val(column->until, end);
    g_array_append_val(column->from, from);
    g_array_append_val(column->to, to);
    g_array_append_val(column->text, code);
    return TRUE;
  }
  if (column->number) {
    double real = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!json_is_number(value) && !json_is_boolean(value)) return FALSE;
    g_array_append_val(column->number, real);
    return TRUE;
  }
  const char *text = json_string_value(value);
  if (json_is_object(value)) text = json_string_value(json_object_get(value, "name")); /* a file */
  if (text == NULL && json_is_number(value)) text = g_ascii_dtostr(number, sizeof number, json_number_value(value));
  if (text == NULL || *text == '\0') return FALSE;
  guint32 code = code_of(table, text);
  g_array_append_val(column->text, code);
  return TRUE;
}

static guint32 pool_size(const Column *column) {
  const GArray *pool = column->text ? column->text : column->number ? column->number : column->from;
  return pool->len;
}

/* One value, or the values of a list; dated ones are pairs. */
static void column_put(LedgerTable *table, Column *column, json_t *value, gint32 since, guint32 row) {
  size_t i;
  json_t *item;
  if (json_is_array(value)) {
    json_array_foreach(value, i, item) {
      gboolean pair = column->dated && since < 0;
      column_put(table, column, pair ? json_array_get(item, 0) : item, pair ? (gint32)json_integer_value(json_array_get(item, 1)) : since, row);
    }
    return;
  }
  if (value == NULL || json_is_null(value) || !pool_put(table, column, value)) return;
  gint32 day = MAX(since, 0);
  if (column->since) g_array_append_val(column->since, day);
  if (column->row) g_array_append_val(column->row, row);
  table->held++;
}

typedef struct { TableRow row; const char *number, *unit, *title, *department, *owner, *basis, *made_by; json_t *values, *states, *files; } Source;

static json_t *source_value(const Source *source, const Column *column) {
  if (g_str_equal(column->name, "状态")) return source->states;
  if (g_str_equal(column->name, "附件")) return source->files;
  return json_object_get(source->values, column->name);
}

static void put_span(Column *column, guint index, guint32 begin, guint32 length) {
  if (column->length->len <= index) {
    if (column->hold == HOLD_POOL) g_array_append_val(column->begin, begin);
    g_array_append_val(column->length, length);
    return;
  }
  if (column->hold == HOLD_POOL) g_array_index(column->begin, guint32, index) = begin;
  g_array_index(column->length, guint32, index) = length;
}

static void put_columns(LedgerTable *table, const Source *source, guint index) {
  json_t *rows = NULL, *row;
  size_t i;
  for (guint c = 0; c < table->columns->len; c++) {
    Column *column = &g_array_index(table->columns, Column, c);
    if (column->hold == HOLD_ROWS) {
      rows = json_object_get(source->values, column->name);
      put_span(column, index, 0, (guint32)json_array_size(rows));
    }
    if (column->hold != HOLD_POOL) continue;
    if (index < column->length->len) table->waste += g_array_index(column->length, guint32, index);
    guint32 begin = pool_size(column);
    if (!column->parent) column_put(table, column, source_value(source, column), -1, 0);
    else json_array_foreach(rows, i, row) column_put(table, column, json_object_get(row, column->name), -1, (guint32)i);
    put_span(column, index, begin, pool_size(column) - begin);
  }
}

static void table_put(LedgerTable *table, Source *source) {
  gint64 place = table_place(table, source->row.id);
  TableRow row = source->row;
  row.number = code_of(table, source->number), row.unit = code_of(table, source->unit), row.title = code_of(table, source->title);
  row.department = code_of(table, source->department), row.owner = code_of(table, source->owner), row.basis = code_of(table, source->basis);
  row.made_by = code_of(table, source->made_by);
  if (place < 0) {
    place = table->rows->len;
    g_array_append_val(table->rows, row);
    g_hash_table_insert(table->places, GSIZE_TO_POINTER(row.id), GSIZE_TO_POINTER(place + 1));
  } else g_array_index(table->rows, TableRow, place) = row;
  put_columns(table, source, (guint)place);
}

static void table_remove(LedgerTable *table, gint64 id) {
  gint64 place = table_place(table, id);
  if (place < 0) return;
  guint last = table->rows->len - 1;
  for (guint c = 0; c < table->columns->len; c++) {
    Column *column = &g_array_index(table->columns, Column, c);
    if (column->length == NULL) continue;
    if (column->hold == HOLD_POOL) table->waste += g_array_index(column->length, guint32, place), g_array_remove_index_fast(column->begin, (guint)place);
    g_array_remove_index_fast(column->length, (guint)place);
  }
  g_hash_table_insert(table->places, GSIZE_TO_POINTER(table_row(table, last)->id), GSIZE_TO_POINTER(place + 1));
  g_hash_table_remove(table->places, GSIZE_TO_POINTER(id));
  g_array_remove_index_fast(table->rows, (guint)place);
}

/* ---- from the database ---- */

typedef struct { int id, rev, ledger, version, number, unit, from, to, title, owner, department, due, quantity, basis, secrecy, deleted, made_by, data, states,
  files; } Places;
#define TABLE_COLUMNS \
  "e.id AS id, e.ledger_id AS ledger_id, e.version AS version, e.number AS number, e.unit AS unit, e.from_date AS from_date, e.to_date AS to_date, " \
  "e.title AS title, e.owner AS owner, e.department AS department, e.due AS due, e.quantity AS quantity, e.basis AS basis, e.secrecy AS secrecy, " \
  "e.made_by AS made_by, e.data AS data, e.states AS states, e.files AS files "

static Places places_of(SqlRows *rows) {
#define AT(name) sql_column(rows, name)
  return (Places){AT("id"), AT("rev"), AT("ledger_id"), AT("version"), AT("number"), AT("unit"), AT("from_date"), AT("to_date"), AT("title"), AT("owner"),
    AT("department"),
    AT("due"), AT("quantity"), AT("basis"), AT("secrecy"), AT("deleted"), AT("made_by"), AT("data"), AT("states"), AT("files")};
#undef AT
}

static json_t *json_of(SqlRows *rows, int column) {
  gsize length = 0;
  const char *text = sql_blob_at(rows, column, &length);
  return length <= 2 ? NULL : json_loadb(text, length, JSON_DECODE_INT_AS_REAL * 0, NULL); /* {} and [] hold nothing */
}

static void take_row(LedgerTable *table, SqlRows *rows, const Places *at) {
  gint64 id = sql_int_at(rows, at->id), rev = sql_int_at(rows, at->rev);
  table->rev = MAX(table->rev, rev);
  if (sql_int_at(rows, at->deleted)) return table_remove(table, id);
  const char *quantity = sql_text_at(rows, at->quantity);
  Source source = {.row = {.id = id, .rev = rev, .quantity = quantity ? g_ascii_strtod(quantity, NULL) : 1, .from = (gint32)sql_int_at(rows, at->from),
    .to = (gint32)sql_int_at(rows, at->to), .due = (gint32)sql_int_at(rows, at->due), .secrecy = (guint8)sql_int_at(rows, at->secrecy)}};
  json_auto_t *values = json_of(rows, at->data), *states = json_of(rows, at->states), *files = json_of(rows, at->files);
  gboolean other = sql_int_at(rows, at->ledger) != table->definition->id;
  if (values && (other || sql_int_at(rows, at->version) != table->definition->version)) values_renew(table->definition, values);
  if (states && !other && sql_int_at(rows, at->version) != table->definition->version) states_renew(table->definition, states);
  source.values = values, source.states = states, source.files = files;
  source.number = sql_text_at(rows, at->number), source.unit = sql_text_at(rows, at->unit), source.title = sql_text_at(rows, at->title);
  source.department = sql_text_at(rows, at->department), source.owner = sql_text_at(rows, at->owner), source.basis = sql_text_at(rows, at->basis);
  source.made_by = sql_text_at(rows, at->made_by);
  table_put(table, &source);
}

static gboolean take_rows(LedgerTable *table, SqlRows *query, GError **error) {
  g_autoptr(SqlRows) rows = query;
  GError *failure = NULL;
  if (rows == NULL) return FALSE;
  Places at = places_of(rows);
  while (sql_next(rows, &failure)) take_row(table, rows, &at);
  if (failure != NULL) return g_propagate_error(error, failure), FALSE;
  return TRUE;
}

static gboolean load_newer(LedgerTable *table, Sql *sql, GError **error) {
  gint64 since = table->rev, ledger = table->definition->id;
  return take_rows(table, sql_query(sql, "SELECT e.rev AS rev, e.deleted AS deleted, " TABLE_COLUMNS "FROM ledger_entry AS e WHERE e.ledger_id = $1 AND e.rev > $2",
      SQL_ARGS(sql_int(ledger), sql_int(since)), error), error) &&
    take_rows(table, sql_query(sql, "SELECT a.rev AS rev, a.gone OR e.deleted AS deleted, " TABLE_COLUMNS
      "FROM ledger_also AS a JOIN ledger_entry AS e ON e.id = a.entry_id WHERE a.ledger_id = $1 AND a.rev > $2",
      SQL_ARGS(sql_int(ledger), sql_int(since)), error), error);
}

/* A LedgerCounter. */
static gint64 newest_rev(Sql *sql, gint64 ledger, GError **error) {
  return sql_number(sql, "SELECT MAX(COALESCE((SELECT MAX(rev) FROM ledger_entry WHERE ledger_id = $1), 0), "
    "COALESCE((SELECT MAX(rev) FROM ledger_also WHERE ledger_id = $1), 0)) AS rev", SQL_ARGS(sql_int(ledger)), -1, error);
}

/* ---- as it was on a day ---- */

/* least: how secret it is now, so that a past day does not tell what is closed since. */
static void take_version(LedgerTable *table, json_t *entry, Security least) {
  Source source = {.row = {.id = int_at(entry, "id"), .rev = int_at(entry, "rev"), .quantity = json_number_value(json_object_get(entry, "quantity")),
    .from = (gint32)int_at(entry, "from"), .to = (gint32)int_at(entry, "to"), .due = (gint32)int_at(entry, "due")},
    .number = text_at(entry, "number"), .unit = text_at(entry, "unit"), .title = text_at(entry, "title"), .department = text_at(entry, "department"),
    .owner = text_at(entry, "owner"), .basis = text_at(entry, "basis"), .made_by = text_at(entry, "made_by"), .values = json_object_get(entry, "values"),
    .states = json_object_get(entry, "states"), .files = json_object_get(entry, "files")};
  Security secrecy = SECURITY_PUBLIC;
  security_parse(text_at(entry, "secrecy"), &secrecy);
  source.row.secrecy = (guint8)MAX(secrecy, least);
  entry_renew(table->definition, entry);
  table_put(table, &source);
}

static gint64 day_end_us(int day) {
  g_autoptr(GDateTime) start = g_date_time_new_local(day / 10000, day / 100 % 100, day % 100, 0, 0, 0);
  g_autoptr(GDateTime) end = start ? g_date_time_add_days(start, 1) : NULL;
  return end ? g_date_time_to_unix(end) * G_USEC_PER_SEC - 1 : 0;
}

static gboolean admitted_today(Sql *sql, Asker asker, gint64 id, GError **error) {
  json_auto_t *entry = entry_load_any(sql, id, error);
  return entry != NULL && entry_admitted(entry, asker);
}

LedgerTable *table_on_day(Sql *sql, Asker asker, const LedgerDefinition *definition, int day, GError **error) {
  gboolean some = ledger_some_rows_only(definition, asker);
  LedgerTable *table = table_new(definition);
  table->own = TRUE;
  g_rw_lock_reader_lock(&table->lock);
  /* Every entry that ever stood in the ledger, in its last state of that day: the versions of one entry are few. */
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT v.entry AS entry, e.secrecy AS secrecy FROM "
    "(SELECT id AS entry_id FROM ledger_entry WHERE ledger_id = $1 UNION SELECT entry_id FROM ledger_also WHERE ledger_id = $1) AS m "
    "JOIN ledger_entry AS e ON e.id = m.entry_id JOIN ledger_entry_version AS v ON v.entry_id = m.entry_id AND v.rev = "
    "(SELECT MAX(w.rev) FROM ledger_entry_version AS w WHERE w.entry_id = m.entry_id AND w.at_us <= $2)",
    SQL_ARGS(sql_int(definition->id), sql_int(day_end_us(day))), error);
  GError *failure = NULL;
  while (rows != NULL && sql_next(rows, &failure)) {
    json_auto_t *entry = json_loads(sql_get_text(rows, "entry"), 0, NULL);
    if (entry == NULL || json_is_true(json_object_get(entry, "deleted")) || (some && !admitted_today(sql, asker, int_at(entry, "id"), &failure))) continue;
    take_version(table, entry, (Security)sql_get_int(rows, "secrecy"));
  }
  if (rows != NULL && failure == NULL) return table;
  if (failure != NULL) g_propagate_error(error, failure);
  ledger_table_release(table);
  return NULL;
}

/* ---- the shared ones ---- */

static LedgerTable *shared_table(const House *house, const LedgerDefinition *definition) {
  g_autofree char *key = g_strdup_printf("%p %" G_GINT64_FORMAT, (void *)house->db, definition->id);
  g_mutex_lock(&registry_lock);
  if (registry == NULL) registry = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, table_free);
  LedgerTable *table = g_hash_table_lookup(registry, key);
  if (table == NULL) g_hash_table_insert(registry, g_steal_pointer(&key), table = table_new(definition));
  g_mutex_unlock(&registry_lock);
  return table;
}

void ledger_tables_close(void) {
  g_mutex_lock(&registry_lock);
  g_clear_pointer(&registry, g_hash_table_unref);
  g_mutex_unlock(&registry_lock);
}

static gboolean is_current(LedgerTable *table, const LedgerDefinition *definition, gint64 rev) {
  return table->definition == definition && table->rev >= rev && !g_atomic_int_get(&table->spoilt);
}

static LedgerTable *own_table(Sql *sql, const LedgerDefinition *definition, GError **error) {
  LedgerTable *table = table_new(definition);
  table->own = TRUE;
  g_rw_lock_reader_lock(&table->lock);
  if (load_newer(table, sql, error)) return table;
  ledger_table_release(table);
  return NULL;
}

static gboolean bring_up(LedgerTable *table, Sql *sql, const LedgerDefinition *definition, gint64 rev, GError **error) {
  if (is_current(table, definition, rev)) return TRUE;
  gboolean anew = table->definition != definition || g_atomic_int_get(&table->spoilt) || table->waste > table->held / 2 + 100000;
  if (anew) table_reset(table, definition);
  if (load_newer(table, sql, error)) return TRUE;
  g_atomic_int_set(&table->spoilt, TRUE);
  return FALSE;
}

/* One that lives as long as the writing transaction: what it has put in is nobody else's before it is committed. */
static LedgerTable *transaction_table(Sql *sql, const LedgerDefinition *definition, gint64 rev, GError **error) {
  static const char key[] = "ledger-tables";
  GHashTable *tables = sql_get_data(sql, key);
  if (tables == NULL) {
    tables = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, table_free);
    sql_set_data(sql, key, tables, (GDestroyNotify)g_hash_table_unref);
  }
  LedgerTable *table = g_hash_table_lookup(tables, definition);
  if (table == NULL) g_hash_table_insert(tables, (gpointer)definition, table = table_new(definition));
  if (table->rev < rev) {
    if (!g_rw_lock_writer_trylock(&table->lock)) return own_table(sql, definition, error); /* it holds the older rows still */
    gboolean brought = load_newer(table, sql, error);
    g_rw_lock_writer_unlock(&table->lock);
    if (!brought) return NULL;
  }
  g_rw_lock_reader_lock(&table->lock);
  return table;
}

LedgerTable *ledger_table(const House *house, Sql *sql, const LedgerDefinition *definition, GError **error) {
  gint64 rev = ledger_ready_needs(sql, newest_rev, definition->id, error);
  if (rev < 0) return NULL;
  LedgerTable *table = shared_table(house, definition);
  for (guint waited = 0;;) {
    g_rw_lock_reader_lock(&table->lock);
    if (is_current(table, definition, rev)) return table;
    g_rw_lock_reader_unlock(&table->lock);
    if (sql_is_writing(sql)) return transaction_table(sql, definition, rev, error);
    if (!g_rw_lock_writer_trylock(&table->lock)) {
      if (waited++ >= WAIT_MS) return own_table(sql, definition, error);
      g_usleep(1000);
      continue;
    }
    gboolean brought = bring_up(table, sql, definition, rev, error);
    g_rw_lock_writer_unlock(&table->lock);
    if (!brought) return NULL;
  }
}

void ledger_table_release(LedgerTable *table) {
  if (table == NULL) return;
  g_rw_lock_reader_unlock(&table->lock);
  if (table->own) table_free(table);
}

guint ledger_table_count(const LedgerTable *table) { return table->rows->len; }
gint64 ledger_table_id(const LedgerTable *table, guint index) { return table_row(table, index)->id; }
double ledger_table_quantity(const LedgerTable *table, guint index) { return table_row(table, index)->quantity; }
const char *ledger_table_unit(const LedgerTable *table, guint index) { return table_text(table, table_row(table, index)->unit); }
const char *ledger_table_basis(const LedgerTable *table, guint index) { return table_text(table, table_row(table, index)->basis); }
void ledger_table_dates(const LedgerTable *table, guint index, gint32 *ret_from, gint32 *ret_to) {
  *ret_from = table_row(table, index)->from;
  *ret_to = table_row(table, index)->to;
}

/* ---- before anybody asks ---- */

enum { MANY_ENTRIES = 50000 };

/* Few entries are read in the blink of an eye when they are first asked for; many by the server itself, as soon as it runs. */
static void load_beforehand(const House *house) {
  static gint done;
  g_autoptr(GError) local = NULL;
  if (!g_atomic_int_compare_and_exchange(&done, FALSE, TRUE)) return;
  g_autoptr(Sql) sql = sql_read(house->db, &local);
  if (sql == NULL || sql_number(sql, "SELECT MAX(id) AS id FROM ledger_entry", SQL_NONE, 0, &local) < MANY_ENTRIES) return;
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL && local == NULL; i++) ledger_table_release(ledger_table(house, sql, all[i], &local));
  if (local != NULL) g_warning("台账没有预先读入：%s", local->message);
}

const JobTick LEDGER_TICKS[] = {load_beforehand, duties_tick, batches_tick, NULL};
