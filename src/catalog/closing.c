/*
 * Which values of a record stand in the closed part of the index, and how they come there when a definition closes or opens fields.
 *
 * 1. Whoever puts, takes out, reads or compares a record's words asks closing_keys in his own transaction: what is taken out is what was put, though values are
 *    moving. The row of category_closing tells how far they have come; without one it is the definition in force.
 * 2. They move in slices, each a transaction in the order of ids, between which others save. Slices only go on: another aim begins where the former one ended.
 * 3. They are closed before the definition that closes them is in force, and opened after the one that opens them: nobody ever finds by a value that is closed.
 */
#include "definition.h"
#include "error.h"
#include <string.h>

enum { SLICE_US = 20000, SLICE_ROWS = 10000 };
static const char *const CLOSINGS_KEY = "catalog.closings";

typedef struct {
  guint8 category;
  char *before, *after;
  gint64 reached;
} Closing;

static Closing *closing_new(guint8 category, const char *before, const char *after, gint64 reached) {
  Closing *closing = g_new0(Closing, 1);
  *closing = (Closing){category, g_strdup(before), g_strdup(after), reached};
  return closing;
}

static void closing_free(Closing *closing) {
  if (closing == NULL) return;
  g_free(closing->before);
  g_free(closing->after);
  g_free(closing);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Closing, closing_free)

/* ---- what is so now ---- */

/* Read once in a transaction. */
static GPtrArray *closings(Sql *sql) {
  GPtrArray *list = sql_get_data(sql, CLOSINGS_KEY);
  if (list != NULL) return list;
  list = g_ptr_array_new_with_free_func((GDestroyNotify)closing_free);
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT category, before, after, reached FROM category_closing", SQL_NONE, NULL);
  while (rows != NULL && sql_next(rows, NULL))
    g_ptr_array_add(list, closing_new((guint8)sql_int_at(rows, 0), sql_text_at(rows, 1), sql_text_at(rows, 2), sql_int_at(rows, 3)));
  sql_set_data(sql, CLOSINGS_KEY, list, (GDestroyNotify)g_ptr_array_unref);
  return list;
}

static Closing *closing_of(Sql *sql, guint8 category) {
  GPtrArray *list = closings(sql);
  for (guint i = 0; i < list->len; i++)
    if (((Closing *)list->pdata[i])->category == category) return list->pdata[i];
  return NULL;
}

const char *closing_keys(Sql *sql, const CatalogCategory *category, gint64 record_id) {
  if (category == NULL) return "";
  const Closing *closing = closing_of(sql, category->id);
  return closing == NULL ? category->closed : record_id <= closing->reached ? closing->after : closing->before;
}

static int text_order(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Keys as CatalogCategory.closed has them: sorted, each once. */
static char *keys_text(GPtrArray *keys) {
  g_ptr_array_sort(keys, text_order);
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < keys->len; i++)
    if (i == 0 || !g_str_equal(keys->pdata[i], keys->pdata[i - 1])) g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", (const char *)keys->pdata[i]);
  return g_string_free(text, FALSE);
}

char *closing_text(const CatalogCategory *category) {
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  for (guint i = 0; i < category->field_count; i++) {
    if (!category->fields[i].staff) continue;
    g_ptr_array_add(keys, (gpointer)category->fields[i].key);
    for (const char *const *was = category->fields[i].was; was != NULL && *was != NULL; was++) g_ptr_array_add(keys, (gpointer)*was);
  }
  return keys_text(keys);
}

char *closing_both(const CatalogCategory *now, const CatalogCategory *next) {
  g_auto(GStrv) ours = g_strsplit(now->closed, " ", -1), theirs = g_strsplit(next->closed, " ", -1);
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  for (char **key = ours; *key != NULL; key++) g_ptr_array_add(keys, *key);
  for (char **key = theirs; *key != NULL; key++) g_ptr_array_add(keys, *key);
  return keys_text(keys);
}

/* ---- slices ---- */

static gboolean keep(Sql *sql, const Closing *closing, GError **error) {
  return sql_exec(sql, "INSERT OR REPLACE INTO category_closing (category, before, after, reached) VALUES ($1, $2, $3, $4)",
    SQL_ARGS(sql_int(closing->category), sql_text(closing->before), sql_text(closing->after), sql_int(closing->reached)), error);
}

static gboolean drop(Sql *sql, guint8 category, GError **error) {
  return sql_exec(sql, "DELETE FROM category_closing WHERE category = $1", SQL_ARGS(sql_int(category)), error);
}

static void turn(Closing *closing, const char *aim) {
  g_free(closing->before);
  closing->before = g_steal_pointer(&closing->after);
  closing->after = g_strdup(aim);
  closing->reached = 0;
}

/* The next records, until that time; ret_more FALSE: there were none. */
static gboolean slice(const House *house, Sql *sql, Closing *closing, gint64 until, gboolean *ret_more, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.id > $1 ORDER BY r.id LIMIT $2", SQL_ARGS(sql_int(closing->reached), sql_int(SLICE_ROWS)), error);
  if (rows == NULL) return FALSE;
  RecordRow row = record_row(rows);
  g_autoptr(GError) local = NULL;
  for (*ret_more = FALSE; !(*ret_more && g_get_monotonic_time() > until) && sql_next(rows, &local);) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (record->category == closing->category && !record_index_moved(house, sql, record, closing->before, closing->after, error)) return FALSE;
    closing->reached = record->id;
    *ret_more = TRUE;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

static gboolean slices(const House *house, Sql *sql, Closing *closing, GError **error) {
  gboolean more = TRUE;
  while (more)
    if (!slice(house, sql, closing, G_MAXINT64, &more, error)) return FALSE;
  return TRUE;
}

gboolean closing_enforced(const House *house, Sql *sql, const CatalogCategory *now, const CatalogCategory *next, gboolean later, GError **error) {
  if (now == NULL) return TRUE; /* without records */
  g_autofree char *both = closing_both(now, next);
  Closing *kept = closing_of(sql, now->id);
  search_bulk_begin(house->search, sql);
  if (kept != NULL && !slices(house, sql, kept, error)) return FALSE; /* what came in behind the last slice */
  g_autoptr(Closing) closing = closing_new(now->id, "", kept != NULL ? kept->after : now->closed, 0);
  gboolean differs = !g_str_equal(closing->after, next->closed), shut = g_str_equal(closing->after, both);
  turn(closing, next->closed);
  if (differs && shut && later) return search_bulk_flush(house->search, sql, error) && keep(sql, closing, error);
  return (!differs || slices(house, sql, closing, error)) && search_bulk_flush(house->search, sql, error) && drop(sql, now->id, error);
}

gboolean closing_step(const House *house, guint8 id, const char *aim, gint64 slice_us, gboolean *ret_more, gint64 *ret_reached, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  const char *in_force = catalog_category(house->catalog, id)->closed;
  const Closing *kept = closing_of(sql, id);
  *ret_more = FALSE;
  if (kept == NULL && g_str_equal(aim, in_force)) return TRUE;
  g_autoptr(Closing) closing = kept != NULL ? closing_new(id, kept->before, kept->after, kept->reached) : closing_new(id, in_force, aim, 0);
  search_bulk_begin(house->search, sql);
  if (!slice(house, sql, closing, g_get_monotonic_time() + slice_us, ret_more, error) || !search_bulk_flush(house->search, sql, error)) return FALSE;
  gboolean ended = !*ret_more && g_str_equal(closing->after, aim);
  if (!*ret_more && !ended) turn(closing, aim), *ret_more = TRUE;
  *ret_reached = closing->reached;
  return (ended && g_str_equal(aim, in_force) ? drop(sql, id, error) : keep(sql, closing, error)) && fault_point("catalog.closing") && sql_commit(sql, error);
}

gboolean closing_move(const House *house, guint8 id, const char *aim, Job *job, gboolean *ret_stopped, GError **error) {
  gint64 last = 0, reached = 0;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL) return FALSE;
    last = sql_number(sql, "SELECT value FROM sequence WHERE name = 'record'", SQL_NONE, 0, NULL);
  }
  *ret_stopped = FALSE;
  for (gboolean more = TRUE; more;) {
    if (job != NULL && job_should_stop(job)) return *ret_stopped = TRUE;
    if (!closing_step(house, id, aim, SLICE_US, &more, &reached, error)) return FALSE;
    if (job != NULL) job_progress(job, reached, last, "条", "检索索引随定义更新");
  }
  return TRUE;
}
