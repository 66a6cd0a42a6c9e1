/*
 * Pages of a ledger: what meets a condition and some words, in an order, from a place on.
 *
 * 1. One pass over the table; only the entries of the page are kept while it goes on, and only they are read from the database.
 * 2. Nothing that the asker may not see is counted, and no field that he may not see decides.
 * 3. `next` is the last entry's place in the order, so a page goes on where the former ended whatever was added meanwhile.
 */
#include "table.h"
#include <math.h>

enum { LIST_MOST = 2000 }; /* what a printed list has */

typedef struct { const char *text; double number; gint64 id; guint index; gboolean none; } Key;
typedef struct Page Page;
struct Page {
  const LedgerTable *table;
  PathPlan path;
  gboolean down;
  void (*take)(Page *page, guint index); /* for each that meets, as the table has them */
  gint64 count;
  Key after, *page; /* page: ascending in the order asked for */
  gboolean has_after;
  guint kept, room;
  char *after_text;
  guint own_index; /* of the entry whose neighbours are sought */
  Key own, former, later;
  gint64 ahead;
  gboolean meets;
  GArray *ids; /* gint64: of all that meets */
};

/* ---- words ---- */

struct TableWords {
  const LedgerTable *table;
  GPtrArray *flags; /* for each word, of each text of the dictionary whether the word stands in it */
  GArray *columns;  /* that may be seen */
};

static gboolean may_look(const LedgerTable *table, const Column *column, Asker asker) {
  const LedgerField *rows = column->parent ? table_column(table, column->parent - 1)->field : NULL;
  return (column->field == NULL || ledger_may_read_field(column->field, asker)) && (rows == NULL || ledger_may_read_field(rows, asker));
}

static guint8 *texts_with(const LedgerTable *table, const char *word) {
  guint8 *flags = g_new0(guint8, table->texts->len);
  gboolean cased = FALSE;
  for (const char *at = word; *at; at++) cased = cased || g_ascii_isalpha(*at);
  for (guint i = 1; i < table->texts->len; i++) flags[i] = (cased ? strcasestr(table_text(table, i), word) : strstr(table_text(table, i), word)) != NULL;
  return flags;
}

TableWords *table_words_new(const LedgerTable *table, const char *words, Asker asker) {
  if (words == NULL || *words == '\0') return NULL;
  g_auto(GStrv) parts = g_strsplit_set(words, " \t\n", -1);
  TableWords *sought = g_new(TableWords, 1);
  *sought = (TableWords){table, g_ptr_array_new_with_free_func(g_free), g_array_new(FALSE, FALSE, sizeof(guint))};
  for (char **part = parts; *part; part++)
    if (**part != '\0') g_ptr_array_add(sought->flags, texts_with(table, *part));
  for (guint c = 0; c < table->columns->len; c++) {
    const Column *column = table_column(table, c);
    if ((column->text != NULL || column->hold == HOLD_TEXT) && may_look(table, column, asker)) g_array_append_val(sought->columns, c);
  }
  return sought;
}

void table_words_free(TableWords *words) {
  if (words == NULL) return;
  g_ptr_array_unref(words->flags);
  g_array_unref(words->columns);
  g_free(words);
}

static gboolean flagged_cell(const Cell *cell, gpointer data) { return cell->has_text && cell->label == NULL && ((const guint8 *)data)[cell->text]; }

static gboolean column_flagged(const LedgerTable *table, guint place, guint index, guint8 *flags) {
  const Column *column = table_column(table, place);
  if (column->hold == HOLD_TEXT) return flags[*(const guint32 *)(const void *)((const char *)table_row(table, index) + column->offset)];
  if (column->since != NULL) return column_visit(table, place, index, 0, flagged_cell, flags); /* only what holds today */
  guint32 begin = g_array_index(column->begin, guint32, index), end = begin + g_array_index(column->length, guint32, index);
  for (guint32 i = begin; i < end; i++)
    if (flags[g_array_index(column->text, guint32, i)]) return TRUE;
  return FALSE;
}

gboolean table_words_meet(const TableWords *words, guint index) {
  for (guint i = 0; words != NULL && i < words->flags->len; i++) {
    gboolean found = FALSE;
    for (guint c = 0; c < words->columns->len && !found; c++)
      found = column_flagged(words->table, g_array_index(words->columns, guint, c), index, words->flags->pdata[i]);
    if (!found) return FALSE;
  }
  return TRUE;
}

/* ---- order ---- */

static int key_compare(const Page *page, const Key *a, const Key *b) {
  if (a->none != b->none) return a->none ? 1 : -1;
  int order = a->none ? 0 : a->text && b->text ? strcmp(a->text, b->text) : (a->number > b->number) - (a->number < b->number);
  if (order == 0) order = (a->id > b->id) - (a->id < b->id);
  return page->down ? -order : order;
}

static gboolean first_cell(const Cell *cell, gpointer data) {
  Key *key = data;
  key->none = FALSE;
  if (cell->from) key->number = cell->from;
  else if (cell->has_number) key->number = cell->number;
  else if (cell->label) key->number = (double)cell->label[0];
  else key->text = table_text(cell->table, cell->text);
  return TRUE;
}

static Key key_of(const Page *page, guint index) {
  Key key = {.id = table_row(page->table, index)->id, .index = index, .none = TRUE};
  path_visit(&page->path, index, 0, -1, first_cell, &key);
  return key;
}

static void keep(Page *page, guint index) {
  Key key = key_of(page, index);
  if (page->has_after && key_compare(page, &key, &page->after) <= 0) return;
  if (page->kept == page->room && key_compare(page, &key, &page->page[page->kept - 1]) >= 0) return;
  guint low = 0, high = page->kept;
  while (low < high) {
    guint middle = (low + high) / 2;
    if (key_compare(page, &page->page[middle], &key) < 0) low = middle + 1;
    else high = middle;
  }
  if (page->kept < page->room) page->kept++;
  memmove(page->page + low + 1, page->page + low, (page->kept - 1 - low) * sizeof(Key));
  page->page[low] = key;
}

static void keep_id(Page *page, guint index) { g_array_append_val(page->ids, table_row(page->table, index)->id); }

static void keep_neighbour(Page *page, guint index) {
  if (page->own.id == 0) page->own = key_of(page, page->own_index);
  Key key = key_of(page, index);
  int order = key_compare(page, &key, &page->own);
  if (order == 0) page->meets = TRUE;
  else if (order < 0) {
    page->ahead++;
    if (page->former.id == 0 || key_compare(page, &key, &page->former) > 0) page->former = key;
  } else if (page->later.id == 0 || key_compare(page, &key, &page->later) < 0) page->later = key;
}

/* id:-, id:n:number or id:t:text */
static char *key_text(const Key *key) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (key->none) return g_strdup_printf("%" G_GINT64_FORMAT ":-", key->id);
  if (key->text) return g_strdup_printf("%" G_GINT64_FORMAT ":t:%s", key->id, key->text);
  return g_strdup_printf("%" G_GINT64_FORMAT ":n:%s", key->id, g_ascii_dtostr(number, sizeof number, key->number));
}

static gboolean read_after(Page *page, const char *text, GError **error) {
  if (text == NULL || *text == '\0') return TRUE;
  char *rest = NULL;
  page->after_text = g_strdup(text);
  page->after = (Key){.id = g_ascii_strtoll(page->after_text, &rest, 10)};
  page->has_after = TRUE;
  if (g_str_equal(rest, ":-")) page->after.none = TRUE;
  else if (g_str_has_prefix(rest, ":t:")) page->after.text = rest + 3;
  else if (g_str_has_prefix(rest, ":n:")) page->after.number = g_ascii_strtod(rest + 3, NULL);
  else return throw(error, LANTAI_ERROR_INVALID, "列表的接续位置“%s”不对。请从第一页看起", text);
  return TRUE;
}

/* ---- fields that may not be seen ---- */

gboolean ledger_may_ask(const LedgerDefinition *definition, Asker asker, const char *path) {
  g_auto(GStrv) parts = g_strsplit(path, ".", -1);
  const LedgerField *rows = NULL;
  for (guint i = 0; parts[i] != NULL && definition != NULL; i++) {
    const LedgerField *field = rows == NULL ? ledger_field(definition, parts[i]) : NULL;
    for (guint k = 0; rows != NULL && k < rows->count; k++)
      if (g_str_equal(rows->fields[k].name, parts[i])) field = &rows->fields[k];
    if (field == NULL) return TRUE; /* derived from what may be read, or nothing at all */
    if (!ledger_may_read_field(field, asker)) return FALSE;
    rows = field->type == FIELD_ROWS ? field : NULL;
    if (field->type != FIELD_ENTRY || parts[i + 1] == NULL) continue;
    definition = ledger_find(field->ledger);
    if (definition != NULL && !ledger_may_read(definition, asker)) return FALSE; /* of its rows those that he may not see are passed by (path_plan_gate) */
  }
  return TRUE;
}

static gboolean may_ask(const LedgerDefinition *definition, Asker asker, const char *path, GError **error) {
  PathEnd end;
  g_autofree char *wrong = path_check(definition, path, &end);
  if (wrong != NULL) return throw(error, LANTAI_ERROR_INVALID, "%s", wrong);
  return ledger_may_ask(definition, asker, path) || throw(error, LANTAI_ERROR_DENIED, "您不能按“%s”查看", path);
}

static gboolean may_ask_all(const LedgerDefinition *definition, Asker asker, json_t *where, GError **error) {
  const char *key;
  json_t *given, *item;
  size_t i;
  json_object_foreach(where, key, given) {
    if (!g_str_equal(key, "any")) {
      if (!may_ask(definition, asker, key, error)) return FALSE;
      continue;
    }
    json_array_foreach(given, i, item)
      if (!may_ask_all(definition, asker, item, error)) return FALSE;
  }
  return TRUE;
}

/* ---- the list ---- */

/* An entry as it was at a rev. */
static json_t *entry_then(Sql *sql, Asker asker, const LedgerTable *table, const TableRow *row, GError **error) {
  json_t *entry = version_load(sql, row->id, row->rev, error);
  if (entry != NULL) entry_renew(table->definition, entry);
  if (entry != NULL) entry_hide(entry, asker);
  return entry;
}

static json_t *entries_of_page(Sql *sql, Asker asker, const Page *page, guint limit, gboolean past, GError **error) {
  json_auto_t *entries = json_array();
  for (guint i = 0; i < MIN(page->kept, limit); i++) {
    GError *failure = NULL;
    json_t *entry = past ? entry_then(sql, asker, page->table, table_row(page->table, page->page[i].index), &failure)
      : ledger_entry_load(sql, asker, page->page[i].id, &failure);
    if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) { /* the table may be newer than what the transaction sees */
      g_error_free(failure);
      continue;
    }
    if (entry == NULL) return g_propagate_error(error, failure), NULL;
    json_array_append_new(entries, entry);
  }
  return g_steal_pointer(&entries);
}

static gboolean go_through(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, Page *page, GError **error) {
  const LedgerTable *table = page->table;
  const char *sort = ask->sort && *ask->sort ? ask->sort : "-日期";
  page->down = *sort == '-';
  g_autoptr(LedgerWhere) where = ledger_where_new(house, sql, asker, table, ask->where, error);
  if (where == NULL || !may_ask(table->definition, asker, sort + page->down, error) || !may_ask_all(table->definition, asker, ask->where, error)) return FALSE;
  if (!path_plan(house, sql, table, sort + page->down, &page->path, error) || !read_after(page, ask->after, error)) return FALSE;
  path_plan_gate(&page->path, asker);
  g_autoptr(TableWords) words = table_words_new(table, ask->words, asker);
  g_autoptr(LedgerGate) gate = ledger_gate_new(table, asker);
  for (guint i = 0; i < table->rows->len; i++) {
    if (!ledger_gate_admits(gate, i) || !ledger_where_meets(where, i, 0) || !table_words_meet(words, i)) continue;
    page->count++;
    page->take(page, i);
  }
  return TRUE;
}

static json_t *fill_page(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, Page *page, GError **error) {
  guint limit = (guint)CLAMP(ask->limit, 0, LIST_MOST);
  page->take = keep;
  page->room = limit + 1;
  page->page = g_new0(Key, page->room + 1);
  json_t *entries = go_through(house, sql, asker, ask, page, error) ? entries_of_page(sql, asker, page, limit, ask->on != 0, error) : NULL;
  if (entries == NULL) return NULL;
  g_autofree char *next = page->kept > limit && limit > 0 ? key_text(&page->page[limit - 1]) : NULL;
  return json_pack("{s:o, s:I, s:s?}", "entries", entries, "count", (json_int_t)page->count, "next", next);
}

json_t *ledger_list(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, GError **error) {
  if (!ledger_may_read(ask->definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能查看台账“%s”", ask->definition->name);
  g_autoptr(LedgerTable) table = ask->on ? table_on_day(sql, asker, ask->definition, ask->on, error) : ledger_table(house, sql, ask->definition, error);
  if (table == NULL) return NULL;
  Page page = {.table = table};
  json_t *result = fill_page(house, sql, asker, ask, &page, error);
  path_plan_clear(&page.path);
  g_free(page.page);
  g_free(page.after_text);
  return result;
}

GArray *list_ids(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, GError **error) {
  if (!ledger_may_read(ask->definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能查看台账“%s”", ask->definition->name);
  g_autoptr(LedgerTable) table = ledger_table(house, sql, ask->definition, error);
  if (table == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  Page page = {.table = table, .take = keep_id, .ids = ids};
  LedgerAsk all = {ask->definition, ask->where, ask->words, NULL, NULL, 0, 0};
  gboolean fine = go_through(house, sql, asker, &all, &page, error);
  path_plan_clear(&page.path);
  return fine ? g_steal_pointer(&ids) : NULL;
}

json_t *ledger_neighbours(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, gint64 entry, GError **error) {
  if (!ledger_may_read(ask->definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能查看台账“%s”", ask->definition->name);
  g_autoptr(LedgerTable) table = ledger_table(house, sql, ask->definition, error);
  if (table == NULL) return NULL;
  Page page = {.table = table, .take = keep_neighbour};
  while (page.own_index < table->rows->len && table_row(table, page.own_index)->id != entry) page.own_index++;
  if (page.own_index == table->rows->len) return json_object();
  LedgerAsk whole = *ask;
  whole.after = NULL;
  gboolean fine = go_through(house, sql, asker, &whole, &page, error);
  path_plan_clear(&page.path);
  return fine ? json_pack("{s:I, s:I, s:I, s:I}", "former", (json_int_t)page.former.id, "later", (json_int_t)page.later.id, "place",
    (json_int_t)(page.meets ? page.ahead + 1 : 0), "count", (json_int_t)page.count) : NULL;
}
