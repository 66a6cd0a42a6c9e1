/*
 * Answers kept ready: what was counted or computed over ledgers, until one of the ledgers that it read changes.
 *
 * 1. What an answer depends on is seen, not told: while it is made, each table that is asked for is noted with its newest rev (ready_note). What is not a ledger
 *    notes a counter of its own (ledger_ready_needs).
 * 2. An answer is given again only when all its counters stand where they stood, no definition has come into force since, and it is the same day.
 * 3. A writing transaction neither takes nor leaves an answer: what it sees may never be committed.
 */
#include "internal.h"

enum { READY_MOST = 20000, READY_BYTES = 128 << 20, NODES = 8 /* in memory an answer takes about so many times its text */ };

typedef struct { LedgerCounter counter; gint64 argument, value; } Need;
typedef struct { json_t *value; GArray *needs; int era, day; } Ready;
typedef struct Making Making;
struct Making { GArray *needs; Making *outer; };
typedef struct { Making *making; GHashTable *seen; } Reading; /* of one transaction; seen: "counter argument" → its value there */

static GMutex lock;
static GHashTable *kept; /* "database key" → Ready */
static gsize kept_bytes; /* behind the lock too */
static int era;

static void ready_free(gpointer data) {
  Ready *ready = data;
  json_decref(ready->value);
  g_array_unref(ready->needs);
  g_free(ready);
}

void ledger_ready_renew(void) { g_atomic_int_inc(&era); }

gboolean ledger_moment(Sql *sql, LedgerMoment *ret, GError **error) {
  ret->era = g_atomic_int_get(&era);
  ret->rev = sql_number(sql, "SELECT COALESCE(MAX(rev), 0) AS rev FROM ledger_entry", SQL_NONE, -1, error);
  return ret->rev >= 0;
}

void ready_close(void) {
  g_mutex_lock(&lock);
  g_clear_pointer(&kept, g_hash_table_unref);
  kept_bytes = 0;
  g_mutex_unlock(&lock);
}

/* ---- what is read ---- */

static void reading_free(gpointer data) {
  Reading *reading = data;
  g_hash_table_unref(reading->seen);
  g_free(reading);
}

static Reading *reading_of(Sql *sql) {
  static const char key[] = "ledger-reading";
  Reading *reading = sql_get_data(sql, key);
  if (reading != NULL) return reading;
  reading = g_new0(Reading, 1);
  reading->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  sql_set_data(sql, key, reading, reading_free);
  return reading;
}

/* A reading transaction sees one state of the database, so that its counters are asked once. */
static gint64 count_now(Sql *sql, LedgerCounter counter, gint64 argument, GError **error) {
  if (sql_is_writing(sql)) return counter(sql, argument, error);
  Reading *reading = reading_of(sql);
  char *key = g_strdup_printf("%p %" G_GINT64_FORMAT, (void *)(gsize)counter, argument);
  gint64 *seen = g_hash_table_lookup(reading->seen, key);
  if (seen != NULL) return g_free(key), *seen;
  gint64 value = counter(sql, argument, error);
  if (value < 0) return g_free(key), value;
  g_hash_table_insert(reading->seen, key, g_memdup2(&value, sizeof value));
  return value;
}

gint64 ledger_ready_needs(Sql *sql, LedgerCounter counter, gint64 argument, GError **error) {
  gint64 value = count_now(sql, counter, argument, error);
  if (value < 0 || sql_is_writing(sql)) return value;
  Making *making = reading_of(sql)->making;
  for (guint i = 0; making != NULL && i < making->needs->len; i++) {
    const Need *need = &g_array_index(making->needs, Need, i);
    if (need->counter == counter && need->argument == argument) return value;
  }
  Need need = {counter, argument, value};
  if (making != NULL) g_array_append_val(making->needs, need);
  return value;
}

/* Also for the answer that this one is a part of. */
static gboolean note_all(Sql *sql, const GArray *needs, GError **error) {
  for (guint i = 0; i < needs->len; i++) {
    const Need *need = &g_array_index(needs, Need, i);
    if (ledger_ready_needs(sql, need->counter, need->argument, error) < 0) return FALSE;
  }
  return TRUE;
}

/* ---- answers ---- */

static gboolean still_holds(Sql *sql, const Ready *ready, int now, int day) {
  if (ready->era != now || ready->day != day) return FALSE;
  for (guint i = 0; i < ready->needs->len; i++) {
    const Need *need = &g_array_index(ready->needs, Need, i);
    if (count_now(sql, need->counter, need->argument, NULL) != need->value) return FALSE;
  }
  return TRUE;
}

/* A copy of the answer and of what it needs; the counters are asked without the lock. */
static json_t *take(Sql *sql, const char *key, int now, int day, GError **error) {
  Ready found = {NULL};
  g_mutex_lock(&lock);
  const Ready *ready = kept == NULL ? NULL : g_hash_table_lookup(kept, key);
  if (ready != NULL) found = (Ready){json_incref(ready->value), g_array_ref(ready->needs), ready->era, ready->day};
  g_mutex_unlock(&lock);
  if (found.value == NULL) return NULL;
  json_t *value = still_holds(sql, &found, now, day) && note_all(sql, found.needs, error) ? json_deep_copy(found.value) : NULL;
  json_decref(found.value);
  g_array_unref(found.needs);
  return value;
}

static void keep(char *key, json_t *value, GArray *needs, int now, int day) {
  Ready *ready = g_new(Ready, 1);
  *ready = (Ready){json_deep_copy(value), g_array_ref(needs), now, day};
  gsize bytes = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) * NODES;
  g_mutex_lock(&lock);
  if (kept == NULL) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, ready_free);
  if (g_hash_table_size(kept) >= READY_MOST || kept_bytes + bytes > READY_BYTES) g_hash_table_remove_all(kept), kept_bytes = 0;
  kept_bytes += bytes; /* one that is replaced counts twice: all are dropped sooner */
  g_hash_table_replace(kept, key, ready);
  g_mutex_unlock(&lock);
}

json_t *ledger_ready(Sql *sql, const char *key, LedgerMake make, gpointer data, GError **error) {
  if (sql_is_writing(sql) || key == NULL) return make(data, error);
  int now = g_atomic_int_get(&era), day = date_today();
  g_autofree char *full = g_strdup_printf("%p %s", (void *)sql_db(sql), key);
  json_t *value = take(sql, full, now, day, NULL);
  if (value != NULL) return value;
  Reading *reading = reading_of(sql);
  Making making = {g_array_new(FALSE, FALSE, sizeof(Need)), reading->making};
  reading->making = &making;
  value = make(data, error);
  reading->making = making.outer;
  if (value != NULL) {
    note_all(sql, making.needs, NULL);
    keep(g_steal_pointer(&full), value, making.needs, now, day);
  }
  g_array_unref(making.needs);
  return value;
}
