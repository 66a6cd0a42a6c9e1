/*
 * Counts over a ledger in one pass: how many meet the question, and how often each value of some fields stands among them. What may not be seen is not counted.
 * They are kept ready (ready.c), by what is asked and what the asker may see.
 */
#include "pages.h"
#include "table.h"

enum { SMALL = 10000 };
typedef struct { /* of one field: texts by their number, small whole numbers (years, months) as they are, the rest by what is shown of it */
  const char *name;
  PathPlan plan;
  GArray *codes;      /* guint32 by text of the table at the end of the path */
  guint32 small[SMALL];
  GHashTable *others; /* text → count */
} Counter;

static void counter_free(gpointer data) {
  Counter *counter = data;
  path_plan_clear(&counter->plan);
  g_array_unref(counter->codes);
  g_hash_table_unref(counter->others);
  g_free(counter);
}

static void count_text(Counter *counter, const char *text) {
  guint *count = *text == '\0' ? NULL : g_hash_table_lookup(counter->others, text);
  if (count != NULL) ++*count;
  else if (*text != '\0') g_hash_table_insert(counter->others, g_strdup(text), g_memdup2(&(guint){1}, sizeof(guint)));
}

static gboolean count_cell(const Cell *cell, gpointer data) {
  Counter *counter = data;
  guint32 code = cell->has_text && cell->label == NULL ? cell->text : 0;
  gboolean whole = cell->has_number && !cell->has_text && cell->type == FIELD_NUMBER && cell->number >= 0 && cell->number < SMALL && cell->number == (int)cell->number;
  if (code != 0 && code < counter->codes->len) g_array_index(counter->codes, guint32, code)++;
  else if (whole) counter->small[(int)cell->number]++;
  else {
    char buffer[CELL_TEXT];
    LedgerValue value;
    cell_value(cell, &value, buffer);
    count_text(counter, value.text);
  }
  return FALSE;
}

static gint more_frequent(gconstpointer a, gconstpointer b) {
  json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
  gint64 difference = int_at(right, "count") - int_at(left, "count");
  if (difference != 0) return difference > 0 ? 1 : -1;
  return g_strcmp0(text_at(left, "value"), text_at(right, "value"));
}

static void add_count(GPtrArray *values, const char *text, guint32 count) {
  g_ptr_array_add(values, json_pack("{s:s, s:I}", "value", text, "count", (json_int_t)count));
}

static json_t *counted(const Counter *counter, guint limit) {
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  const LedgerTable *end = counter->plan.tables[counter->plan.hop_count];
  GHashTableIter iter;
  gpointer text, count;
  for (guint i = 1; i < counter->codes->len; i++)
    if (g_array_index(counter->codes, guint32, i)) add_count(values, table_text(end, i), g_array_index(counter->codes, guint32, i));
  for (guint i = 0; i < SMALL; i++) {
    char number[8];
    g_snprintf(number, sizeof number, "%u", i);
    if (counter->small[i]) add_count(values, number, counter->small[i]);
  }
  g_hash_table_iter_init(&iter, counter->others);
  while (g_hash_table_iter_next(&iter, &text, &count)) add_count(values, text, *(const guint *)count);
  g_ptr_array_sort(values, more_frequent);
  json_t *array = json_array();
  for (guint i = 0; i < values->len && i < limit; i++) json_array_append(array, g_ptr_array_index(values, i));
  return array;
}

static Counter *counter_new(const House *house, Sql *sql, const LedgerTable *table, const char *field, GError **error) {
  Counter *counter = g_new0(Counter, 1);
  counter->name = field;
  counter->codes = g_array_new(FALSE, TRUE, sizeof(guint32));
  counter->others = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (!path_plan(house, sql, table, field, &counter->plan, error)) return counter_free(counter), NULL;
  g_array_set_size(counter->codes, counter->plan.tables[counter->plan.hop_count]->texts->len);
  return counter;
}

/* ---- one question ---- */

typedef struct { const House *house; Sql *sql; Asker asker; const LedgerAsk *ask; const char *const *fields; guint limit; } Question;

static json_t *make_tally(gpointer data, GError **error) {
  const Question *question = data;
  const LedgerAsk *ask = question->ask;
  g_autoptr(LedgerTable) table = ledger_table(question->house, question->sql, ask->definition, error);
  g_autoptr(LedgerWhere) where = table == NULL ? NULL : ledger_where_new(question->house, question->sql, question->asker, table, ask->where, error);
  g_autoptr(GPtrArray) counters = g_ptr_array_new_with_free_func(counter_free);
  if (where == NULL) return NULL;
  for (const char *const *field = question->fields; field != NULL && *field != NULL; field++) {
    Counter *counter = counter_new(question->house, question->sql, table, *field, error);
    if (counter == NULL) return NULL;
    g_ptr_array_add(counters, counter);
  }
  gint64 count = 0;
  g_autoptr(TableWords) words = table_words_new(table, ask->words, question->asker);
  g_autoptr(LedgerGate) gate = ledger_gate_new(table, question->asker);
  for (guint i = 0; i < table->rows->len; i++) {
    if (!ledger_gate_admits(gate, i) || !ledger_where_meets(where, i, ask->on) || !table_words_meet(words, i)) continue;
    count++;
    for (guint k = 0; k < counters->len; k++) {
      Counter *counter = g_ptr_array_index(counters, k);
      path_visit(&counter->plan, i, ask->on, -1, count_cell, counter);
    }
  }
  json_t *values = json_object();
  for (guint k = 0; k < counters->len; k++) {
    const Counter *counter = g_ptr_array_index(counters, k);
    json_object_set_new(values, counter->name, counted(counter, question->limit));
  }
  return json_pack("{s:I, s:o}", "count", (json_int_t)count, "fields", values);
}

static json_t *texts_of(const char *const *texts) {
  json_t *array = json_array();
  for (; texts != NULL && *texts != NULL; texts++) json_array_append_new(array, json_string(*texts));
  return array;
}

json_t *ledger_tally(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, const char *const *fields, guint limit, GError **error) {
  Question question = {house, sql, asker, ask, fields, limit};
  g_autofree char *view = ledger_view(asker);
  json_auto_t *asked = json_pack("[s, s, I, O?, s?, i, o, i]", "tally", view, (json_int_t)ask->definition->id, ask->where, ask->words, ask->on,
    texts_of(fields), (int)limit);
  g_autofree char *key = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
  return ledger_ready(sql, key, make_tally, &question, error);
}

/* ---- several conditions ---- */

typedef struct { const LedgerPage *page; const LedgerDefinition *definition; json_t *wheres; } Conditions;

static json_t *make_counts(gpointer data, GError **error) {
  const Conditions *asked = data;
  const LedgerPage *page = asked->page;
  g_autoptr(LedgerTable) table = ledger_table(page->house, page->sql, asked->definition, error);
  g_autoptr(GPtrArray) conditions = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_where_free);
  json_t *condition;
  size_t k;
  if (table == NULL) return NULL;
  json_array_foreach(asked->wheres, k, condition) {
    LedgerWhere *where = json_is_null(condition) ? NULL : ledger_where_new(page->house, page->sql, page->asker, table, condition, error);
    if (where == NULL && !json_is_null(condition)) return NULL;
    g_ptr_array_add(conditions, where);
  }
  g_autofree gint64 *counts = g_new0(gint64, conditions->len + 1);
  g_autoptr(LedgerGate) gate = ledger_gate_new(table, page->asker);
  for (guint i = 0; i < table->rows->len; i++) {
    if (!ledger_gate_admits(gate, i)) continue;
    counts[0]++;
    for (guint c = 0; c < conditions->len; c++) counts[c + 1] += conditions->pdata[c] != NULL && ledger_where_meets(conditions->pdata[c], i, 0);
  }
  json_t *told = json_array();
  for (guint c = 0; c <= conditions->len; c++) json_array_append_new(told, json_integer(counts[c]));
  return told;
}

gboolean ledger_counts(const LedgerPage *page, const LedgerDefinition *definition, json_t *const *wheres, guint count, gint64 *ret, GError **error) {
  json_auto_t *list = json_array();
  for (guint k = 0; k < count; k++) json_array_append_new(list, wheres[k] == NULL ? json_null() : json_incref(wheres[k]));
  g_autofree char *view = ledger_view(page->asker);
  json_auto_t *asked = json_pack("[s, s, I, O]", "counts", view, (json_int_t)definition->id, list);
  g_autofree char *key = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
  Conditions conditions = {page, definition, list};
  json_auto_t *counts = ledger_ready(page->sql, key, make_counts, &conditions, error);
  for (guint k = 0; counts != NULL && k <= count; k++) ret[k] = json_integer_value(json_array_get(counts, k));
  return counts != NULL;
}
