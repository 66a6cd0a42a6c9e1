/*
 * One change for many entries: the same value of a field, or the same move, planned as a batch (batch.c).
 *
 * 1. Each entry is prepared as it will be written. What cannot be changed is kept with the reason; what says so already is only counted.
 * 2. Which entries: those that were ticked, or all that the list has when planning begins.
 */
#include "internal.h"

enum { ENTRIES_AT_ONCE = 500 };

typedef struct {
  const House *house;
  Asker asker;
  const char *actor;
  gint64 batch, turn, changed, same, left;
  const LedgerDefinition *definition;
  json_t *change;
  GArray *rows; /* BatchRow, not yet kept */
} Bulk;

static void bulk_clear(Bulk *bulk) { g_clear_pointer(&bulk->rows, g_array_unref); }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bulk, bulk_clear)

static GArray *chosen(const Bulk *bulk, json_t *parameters, GError **error) {
  json_t *ticked = json_object_get(parameters, "ids"), *id;
  size_t i;
  if (json_array_size(ticked) == 0) {
    g_autoptr(Sql) sql = sql_read(bulk->house->db, error);
    LedgerAsk ask = {.definition = bulk->definition, .where = json_object_get(parameters, "where"), .words = json_string_value(json_object_get(parameters, "words"))};
    return sql != NULL ? list_ids(bulk->house, sql, bulk->asker, &ask, error) : NULL;
  }
  GArray *ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_array_foreach(ticked, i, id) {
    gint64 one = json_integer_value(id);
    g_array_append_val(ids, one);
  }
  return ids;
}

static gboolean is_there_already(const Bulk *bulk, json_t *entry) {
  json_t *move = json_object_get(bulk->change, "move");
  return move != NULL && g_str_equal(text_at(move, "to"), text_at(entry, "state"));
}

static gboolean plan_entry(Bulk *bulk, Sql *sql, gint64 id, GError **error) {
  json_auto_t *entry = ledger_entry_load(sql, bulk->asker, id, NULL);
  if (entry == NULL || !g_str_equal(text_at(entry, "ledger"), bulk->definition->name)) return TRUE; /* not his to see: as if it had not been chosen */
  if (is_there_already(bulk, entry)) return bulk->same++, TRUE;
  json_auto_t *given = json_copy(bulk->change);
  json_object_set_new(given, "id", json_integer(id));
  GError *local = NULL;
  json_auto_t *ready = batch_prepare(sql, bulk->asker, bulk->actor, given, 0, &local);
  if (local == NULL && ready == NULL) return bulk->same++, TRUE;
  BatchRow row = {++bulk->turn, 0, id, int_at(entry, "rev"), NULL, BATCH_WAITING, NULL};
  if (local != NULL && !batch_left(local, &row.problem, error)) return FALSE;
  row.given = local == NULL ? g_steal_pointer(&given) : json_object();
  if (row.problem != NULL) row.state = BATCH_LEFT, bulk->left++;
  else bulk->changed++;
  g_array_append_val(bulk->rows, row);
  return TRUE;
}

/* Nothing is read from the database while rows are kept. */
static gboolean plan_some(Bulk *bulk, const GArray *ids, guint begin, GError **error) {
  g_autoptr(Sql) sql = sql_read(bulk->house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = begin; i < MIN(begin + ENTRIES_AT_ONCE, ids->len); i++)
    if (!plan_entry(bulk, sql, g_array_index(ids, gint64, i), error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  gboolean kept = bulk->rows->len == 0 || batch_rows_add(bulk->house, bulk->batch, bulk->rows, error);
  g_array_set_size(bulk->rows, 0);
  return kept;
}

static int by_id(const void *a, const void *b) {
  gint64 one = *(const gint64 *)a, other = *(const gint64 *)b;
  return (one > other) - (one < other);
}

static gboolean plan_all(Bulk *bulk, Job *job, json_t *parameters, GError **error) {
  g_autoptr(GArray) ids = chosen(bulk, parameters, error);
  if (ids == NULL || !batch_begin_anew(bulk->house, bulk->batch, error)) return FALSE;
  g_array_sort(ids, by_id);
  for (guint at = 0; at < ids->len; at += ENTRIES_AT_ONCE) {
    if (job != NULL) job_progress(job, at, ids->len, "条", "核对");
    if (job != NULL && job_should_stop(job)) return TRUE;
    if (!plan_some(bulk, ids, at, error)) return FALSE;
  }
  json_auto_t *report = json_pack("{s:O, s:O, s:O, s:I, s:I, s:I}", "field", json_object_get(parameters, "field"), "value", json_object_get(parameters, "value"), "note",
    json_object_get(parameters, "note"), "changed", (json_int_t)bulk->changed, "same", (json_int_t)bulk->same, "left", (json_int_t)bulk->left);
  return batch_planned(bulk->house, bulk->batch, bulk->changed, report, error);
}

gboolean bulk_plan(const House *house, Job *job, Asker asker, json_t *parameters, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *as = sql != NULL ? batch_load(sql, int_at(parameters, "batch"), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  const LedgerDefinition *definition = as != NULL ? ledger_of(int_at(as, "ledger_id")) : NULL;
  if (as == NULL) return FALSE;
  if (!g_str_equal(text_at(as, "state"), "planning")) return TRUE; /* finished before the crash */
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这个台账");
  if (!ledger_may_write(definition, asker)) return throw(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", definition->name);
  g_auto(Bulk) bulk = {.house = house, .asker = asker, .actor = text_at(as, "actor"), .batch = int_at(as, "id"), .definition = definition,
    .change = json_object_get(parameters, "change"), .rows = g_array_new(FALSE, FALSE, sizeof(BatchRow))};
  g_array_set_clear_func(bulk.rows, batch_row_clear);
  return plan_all(&bulk, job, parameters, error);
}

gboolean bulk_job(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(Person) person = people_account(house->db, job_actor(job), error);
  return person != NULL && bulk_plan(house, job, (Asker){person, FALSE}, parameters, error);
}
