/*
 * The chained journal: appending and listing. See journal.h for the chain, mirror.h for the files beside the database, verify.c for the proof.
 *
 * 1. The lines of a transaction's events are collected and given to the mirror in one write after its commit, before the next writer begins.
 * 2. The mirror never holds what the database does not: it is written after the commit. What it lacks is added from the database, at open or by the thread.
 * 3. Only the thread (once a second at most) and journal_close flush the mirror to the disk, so a commit never waits for it.
 */
#include "journal.h"
#include "error.h"
#include "mirror.h"
#include "settings.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { DATA_BYTES = 16 * 1024 * 1024, CATCH_UP_BYTES = 1024 * 1024, LIST_LIMIT = 1000, NAME_BYTES = 200 };

struct Journal {
  SqlDb *db;
  GMutex lock; /* guards all below */
  GCond wake;
  Mirror *mirror; /* NULL: none */
  gboolean unsynced, behind, stop;
  GThread *thread;
};

static GMutex registry_lock;
static GHashTable *registry; /* SqlDb → Journal */

static Journal *journal_find(SqlDb *db) {
  g_mutex_lock(&registry_lock);
  Journal *journal = registry ? g_hash_table_lookup(registry, db) : NULL;
  g_mutex_unlock(&registry_lock);
  return journal;
}

static void registry_set(SqlDb *db, Journal *journal) {
  g_mutex_lock(&registry_lock);
  if (registry == NULL) registry = g_hash_table_new(g_direct_hash, g_direct_equal);
  if (journal) g_hash_table_insert(registry, db, journal);
  else g_hash_table_remove(registry, db);
  g_mutex_unlock(&registry_lock);
}

/* ---- appending ---- */

/* The events of one transaction. */
typedef struct {
  Journal *journal; /* NULL: nobody mirrors */
  gint64 first_id, last_id;
  char hash[JOURNAL_HASH + 1];
  GString *lines;
} Pending;

static void pending_free(gpointer data) {
  Pending *pending = data;
  g_string_free(pending->lines, TRUE);
  g_free(pending);
}

/* Called with the lock. */
static void mirror_write(Journal *journal, gint64 first_id, gint64 last_id, const GString *lines) {
  gboolean good = mirror_append(journal->mirror, first_id, (guint)(last_id - first_id + 1), lines->str, lines->len);
  if (!good && !journal->behind) g_warning("the mirror cannot be written; it will be caught up from the database");
  journal->behind = !good;
  journal->unsynced = TRUE;
  g_cond_signal(&journal->wake);
}

static void publish(gpointer data) {
  Pending *pending = data;
  Journal *journal = pending->journal;
  if (journal == NULL || journal->mirror == NULL || pending->lines->len == 0) return;
  g_mutex_lock(&journal->lock);
  mirror_write(journal, pending->first_id, pending->last_id, pending->lines);
  g_mutex_unlock(&journal->lock);
}

/* The transaction's collection; made at its first event, from the newest event in the database. */
static Pending *pending_of(Sql *sql, GError **error) {
  static const char key[] = "journal.pending";
  Pending *pending = sql_get_data(sql, key);
  if (pending) return pending;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, hash FROM event ORDER BY id DESC LIMIT 1", SQL_NONE, error);
  if (rows == NULL) return NULL;
  GError *problem = NULL;
  gboolean some = sql_next(rows, &problem);
  if (problem) return g_propagate_error(error, problem), NULL;
  pending = g_new0(Pending, 1);
  pending->journal = journal_find(sql_db(sql));
  pending->last_id = some ? sql_get_int(rows, "id") : 0;
  pending->first_id = pending->last_id + 1;
  g_strlcpy(pending->hash, some ? sql_get_text(rows, "hash") : JOURNAL_NO_HASH, sizeof pending->hash);
  pending->lines = g_string_new(NULL);
  sql_set_data(sql, key, pending, NULL);
  sql_on_commit(sql, publish, pending, pending_free);
  return pending;
}

static gboolean event_insert(Sql *sql, const JournalEvent *event, const char *hash, GError **error) {
  return sql_exec(sql, "INSERT INTO event (id, at_us, actor, action, subject_kind, subject_id, data, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    SQL_ARGS(sql_int(event->id), sql_int(event->at_us), sql_text(event->actor), sql_text(event->action), sql_text(event->subject_kind),
      sql_int(event->subject_id),
      sql_text(event->data), sql_text(hash)), error);
}

static gboolean name_good(const char *name) {
  gsize length = name ? strlen(name) : 0;
  return length > 0 && length <= NAME_BYTES && g_utf8_validate(name, (gssize)length, NULL);
}

gint64 journal_append(Sql *sql, const char *actor, const char *action, const char *subject_kind, gint64 subject_id, json_t *data, GError **error) {
  if (!name_good(actor) || !name_good(action) || !name_good(subject_kind)) return throw(error, LANTAI_ERROR_INVALID, "日志事件缺少操作人、动作或对象，或者太长");
  char *dumped = data ? json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
  g_autofree char *text = g_strdup(data ? dumped : "null");
  free(dumped);
  if (text == NULL) return throw(error, LANTAI_ERROR_INVALID, "日志事件 %s 的内容不是合法的 JSON", action);
  if (strlen(text) > DATA_BYTES) return throw(error, LANTAI_ERROR_TOO_LARGE, "日志事件 %s 的内容超过 16 MB", action);
  Pending *pending = pending_of(sql, error);
  if (pending == NULL) return 0;
  JournalEvent event = {pending->last_id + 1, clock_now_us(), actor, action, subject_kind, subject_id, text};
  gsize before = pending->lines->len;
  char hash[JOURNAL_HASH + 1];
  journal_line_append(pending->lines, &event, pending->hash, hash);
  g_string_append_c(pending->lines, '\n');
  if (!event_insert(sql, &event, hash, error)) {
    g_string_truncate(pending->lines, before);
    return 0;
  }
  memcpy(pending->hash, hash, sizeof hash);
  return pending->last_id = event.id;
}

/* ---- events that were written before ---- */

/* The opposite of clock_format_iso, to the microsecond. */
static gboolean parse_time(const char *at, gint64 *ret_at_us) {
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(at, NULL);
  const char *fraction = strchr(at, '.');
  if (time == NULL || fraction == NULL) return FALSE;
  *ret_at_us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_ascii_strtoll(fraction + 1, NULL, 10);
  return TRUE;
}

gboolean journal_restore(Sql *sql, json_t *event, GError **error) {
  const char *at, *hash;
  json_int_t id, subject_id;
  json_t *content;
  JournalEvent row = {0};
  if (json_unpack(event, "{s:I, s:s, s:s, s:s, s:{s:s, s:I}, s:o, s:s}", "id", &id, "at", &at, "actor", &row.actor, "action", &row.action, "subject", "kind",
        &row.subject_kind, "id", &subject_id, "data", &content, "hash", &hash) != 0 || !parse_time(at, &row.at_us))
    return throw(error, LANTAI_ERROR_INVALID, "日志事件缺少应有的项，或时间不合格式");
  Pending *pending = pending_of(sql, error);
  if (pending == NULL) return FALSE;
  char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
  row.id = id;
  row.subject_id = subject_id;
  row.data = text;
  gsize before = pending->lines->len;
  char computed[JOURNAL_HASH + 1];
  journal_line_append(pending->lines, &row, pending->hash, computed);
  g_string_append_c(pending->lines, '\n');
  gboolean good = row.id == pending->last_id + 1 && strcmp(computed, hash) == 0;
  if (!good) throw(error, LANTAI_ERROR_CONFLICT, "第 %" G_GINT64_FORMAT " 号事件与日志已有的最后一个（第 %" G_GINT64_FORMAT " 号）连接不上，没有写入", row.id, pending->last_id);
  good = good && event_insert(sql, &row, hash, error);
  free(text);
  if (!good) g_string_truncate(pending->lines, before);
  if (!good) return FALSE;
  memcpy(pending->hash, computed, sizeof computed);
  pending->last_id = row.id;
  return TRUE;
}

static gboolean restore_visited(json_t *event, gpointer sql, GError **error) { return journal_restore(sql, event, error); }

/* ---- the mirror follows the database ---- */

static void event_from_rows(SqlRows *rows, JournalEvent *event) {
  *event = (JournalEvent){sql_get_int(rows, "id"), sql_get_int(rows, "at_us"), sql_get_text(rows, "actor"), sql_get_text(rows, "action"),
    sql_get_text(rows, "subject_kind"), sql_get_int(rows, "subject_id"), sql_get_text(rows, "data")};
}

/* Adds what the mirror lacks. The transaction is begun before the lock is taken: a committing writer waits for the lock, never the other way round. */
static gboolean catch_up(Journal *journal, GError **error) {
  g_autoptr(Sql) sql = sql_read(journal->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&journal->lock);
  char previous[JOURNAL_HASH + 1], hash[JOURNAL_HASH + 1];
  g_strlcpy(previous, mirror_last_hash(journal->mirror), sizeof previous);
  gint64 first_id = mirror_last_id(journal->mirror) + 1;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, at_us, actor, action, subject_kind, subject_id, data, hash FROM event WHERE id >= $1 ORDER BY id",
    SQL_ARGS(sql_int(first_id)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GString) lines = g_string_new(NULL);
  GError *problem = NULL;
  gint64 last_id = first_id - 1;
  journal->behind = FALSE;
  while (!journal->behind && sql_next(rows, &problem)) {
    JournalEvent event;
    event_from_rows(rows, &event);
    if (event.id != last_id + 1) {
      g_warning("event %" G_GINT64_FORMAT " is missing in the database; the mirror ends before it", last_id + 1);
      break;
    }
    journal_line_append(lines, &event, previous, hash);
    g_string_append_c(lines, '\n');
    g_strlcpy(previous, sql_get_text(rows, "hash"), sizeof previous);
    last_id = event.id;
    if (lines->len < CATCH_UP_BYTES) continue;
    mirror_write(journal, first_id, last_id, lines);
    first_id = last_id + 1;
    g_string_truncate(lines, 0);
  }
  if (problem) return g_propagate_error(error, problem), FALSE;
  if (lines->len > 0 && !journal->behind) mirror_write(journal, first_id, last_id, lines);
  return TRUE;
}

static gpointer follow(gpointer data) {
  Journal *journal = data;
  g_mutex_lock(&journal->lock);
  while (!journal->stop) {
    while (!journal->stop && !journal->unsynced && !journal->behind) g_cond_wait(&journal->wake, &journal->lock);
    gint64 until = g_get_monotonic_time() + G_TIME_SPAN_SECOND;
    while (!journal->stop && g_cond_wait_until(&journal->wake, &journal->lock, until)) continue;
    gboolean behind = journal->behind && !journal->stop;
    g_mutex_unlock(&journal->lock);
    if (behind) catch_up(journal, NULL);
    g_mutex_lock(&journal->lock);
    journal->unsynced = FALSE;
    int fd = mirror_take_dirty(journal->mirror);
    g_mutex_unlock(&journal->lock);
    if (fd >= 0 && fdatasync(fd) != 0) g_warning("the mirror cannot be flushed to the disk: %s", error_reason(errno));
    if (fd >= 0) close(fd);
    g_mutex_lock(&journal->lock);
  }
  g_mutex_unlock(&journal->lock);
  return NULL;
}

/* ---- opening ---- */

/* A database without events beside a mirror that has some (a new database for an old archive) takes them over: the history is not lost with the database. */
static gboolean take_over(Journal *journal, const char *dir, GError **error) {
  g_autoptr(Sql) sql = sql_write(journal->db, error);
  if (sql == NULL || !journal_replay(dir, restore_visited, sql, error)) return FALSE;
  return sql_commit(sql, error);
}

/* A mirror that is ahead of the database or says something else (an older backup was put back) is kept aside as it is, and a new one is made. */
static gboolean set_aside(Journal *journal, const char *folder, gint64 database_last, GError **error) {
  g_autofree char *aside = g_strdup_printf("%s.aside-%" G_GINT64_FORMAT, folder, clock_now_us());
  g_autofree char *name = g_path_get_basename(aside);
  json_t *data = json_pack("{s:s, s:I, s:I}", "kept_as", name, "mirror_last", (json_int_t)mirror_last_id(journal->mirror), "database_last",
    (json_int_t)database_last);
  g_clear_pointer(&journal->mirror, mirror_close);
  gboolean good = g_rename(folder, aside) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "日志文件与数据库不符，又不能把目录 %s 改名保留。请检查权限", folder);
  if (good) g_warning("the mirror does not agree with the database; kept as %s, a new one is written", aside);
  journal->mirror = good ? mirror_open(folder, error) : NULL;
  g_autoptr(Sql) sql = journal->mirror ? sql_write(journal->db, error) : NULL;
  good = sql && journal_append(sql, "system", "journal.mirror_replaced", "journal", 0, data, error) && sql_commit(sql, error);
  json_decref(data);
  return good;
}

static gboolean reconcile(Journal *journal, const char *dir, const char *folder, GError **error) {
  gint64 last_id = mirror_last_id(journal->mirror), database_last;
  g_autofree char *hash = NULL;
  {
    g_autoptr(Sql) sql = sql_read(journal->db, error);
    if (sql == NULL) return FALSE;
    GError *problem = NULL;
    database_last = sql_number(sql, "SELECT max(id) AS last_id FROM event", SQL_NONE, 0, &problem);
    if (problem == NULL) hash = sql_string(sql, "SELECT hash FROM event WHERE id = $1", SQL_ARGS(sql_int(last_id)), &problem);
    if (problem) return g_propagate_error(error, problem), FALSE;
  }
  if (last_id > 0 && database_last == 0) return take_over(journal, dir, error);
  if (last_id > 0 && g_strcmp0(hash, mirror_last_hash(journal->mirror)) != 0 && !set_aside(journal, folder, database_last, error)) return FALSE;
  return catch_up(journal, error);
}

Journal *journal_open(SqlDb *db, const char *dir, GError **error) {
  if (!sql_migrate_room(db, "journal", error)) return NULL;
  g_autoptr(Journal) journal = g_new0(Journal, 1);
  journal->db = db;
  g_mutex_init(&journal->lock);
  g_cond_init(&journal->wake);
  if (dir) {
    g_autofree char *folder = g_build_filename(dir, "journal", NULL);
    journal->mirror = mirror_open(folder, error);
    if (journal->mirror == NULL || !reconcile(journal, dir, folder, error)) return NULL;
    journal->thread = g_thread_new("journal", follow, journal);
  }
  registry_set(db, journal);
  return g_steal_pointer(&journal);
}

void journal_close(Journal *journal) {
  if (journal == NULL) return;
  if (journal_find(journal->db) == journal) registry_set(journal->db, NULL);
  if (journal->thread) {
    g_mutex_lock(&journal->lock);
    journal->stop = TRUE;
    g_cond_signal(&journal->wake);
    g_mutex_unlock(&journal->lock);
    g_thread_join(journal->thread);
  }
  mirror_close(journal->mirror);
  g_mutex_clear(&journal->lock);
  g_cond_clear(&journal->wake);
  g_free(journal);
}

/* ---- listing ---- */

static json_t *event_json(SqlRows *rows) {
  json_t *data = json_loads(sql_get_text(rows, "data"), JSON_DECODE_ANY, NULL);
  return json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:o}", "id", (json_int_t)sql_get_int(rows, "id"), "at", (json_int_t)sql_get_int(rows, "at_us"), "actor",
    sql_get_text(rows, "actor"), "action", sql_get_text(rows, "action"), "subject_kind", sql_get_text(rows, "subject_kind"), "subject_id",
    (json_int_t)sql_get_int(rows, "subject_id"), "data", data ? data : json_null());
}

/* Runs a query to its end; takes rows (NULL: the query failed). */
static gboolean collect(SqlRows *query, json_t *list, GError **error) {
  g_autoptr(SqlRows) rows = query;
  GError *problem = NULL;
  while (rows && sql_next(rows, &problem)) json_array_append_new(list, event_json(rows));
  if (problem) g_propagate_error(error, problem);
  return rows != NULL && problem == NULL;
}

static json_t *listed(json_t *list, gboolean good) {
  if (!good) json_decref(list);
  return good ? list : NULL;
}

json_t *journal_of(Sql *sql, const char *subject_kind, gint64 subject_id, gint64 before, int limit, GError **error) {
  json_t *list = json_array();
  return listed(list, collect(sql_query(sql,
    "SELECT id, at_us, actor, action, subject_kind, subject_id, data"
    " FROM event WHERE subject_kind = $1 AND subject_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
    SQL_ARGS(sql_text(subject_kind), sql_int(subject_id), sql_int(before > 0 ? before : G_MAXINT64), sql_int(CLAMP(limit, 1, LIST_LIMIT))), error), list,
      error));
}

json_t *journal_first(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error) {
  json_t *list = json_array();
  return listed(list, collect(sql_query(sql,
    "SELECT id, at_us, actor, action, subject_kind, subject_id, data FROM event WHERE subject_kind = $1 AND subject_id = $2 ORDER BY id LIMIT 1",
    SQL_ARGS(sql_text(subject_kind), sql_int(subject_id)), error), list, error));
}

char *journal_identity(Sql *sql) {
  char *hash = sql_string(sql, "SELECT hash FROM event WHERE id = 1", SQL_NONE, NULL);
  return hash ? hash : g_strdup("");
}

/* Newest first. */
static int compare_events(gconstpointer a, gconstpointer b) {
  gint64 first = json_integer_value(json_object_get(*(json_t *const *)a, "id")), second = json_integer_value(json_object_get(*(json_t *const *)b, "id"));
  return first < second ? 1 : first > second ? -1 : 0;
}

/* The newest of several lists of distinct events; takes list. */
static json_t *newest(json_t *list, gsize limit) {
  g_autoptr(GPtrArray) events = g_ptr_array_new();
  size_t i;
  json_t *event;
  json_array_foreach(list, i, event) g_ptr_array_add(events, event);
  g_ptr_array_sort(events, compare_events);
  json_t *result = json_array();
  for (guint k = 0; k < MIN(events->len, limit); k++) json_array_append(result, g_ptr_array_index(events, k));
  json_decref(list);
  return result;
}

/* Actions are few: each one with the prefix is found by a jump in its index, and its newest events by another. */
static json_t *list_by_action(Sql *sql, const char *prefix, gint64 before, int limit, GError **error) {
  json_t *list = json_array();
  GError *problem = NULL;
  g_autofree char *action = sql_string(sql, "SELECT min(action) AS next_action FROM event WHERE action >= $1", SQL_ARGS(sql_text(prefix)), &problem);
  while (problem == NULL && action && g_str_has_prefix(action, prefix)) {
    collect(sql_query(sql, "SELECT id, at_us, actor, action, subject_kind, subject_id, data FROM event WHERE action = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
      SQL_ARGS(sql_text(action), sql_int(before), sql_int(limit)), &problem), list, &problem);
    char *next = problem ? NULL : sql_string(sql, "SELECT min(action) AS next_action FROM event WHERE action > $1", SQL_ARGS(sql_text(action)), &problem);
    g_free(action);
    action = next;
  }
  if (problem) g_propagate_error(error, problem);
  return problem ? listed(list, FALSE) : newest(list, (gsize)limit);
}

json_t *journal_list(Sql *sql, const char *actor, const char *action_prefix, gint64 before, int limit, GError **error) {
  before = before > 0 ? before : G_MAXINT64;
  limit = CLAMP(limit, 1, LIST_LIMIT);
  gboolean by_actor = actor && *actor, by_action = action_prefix && *action_prefix;
  if (by_action && !by_actor) return list_by_action(sql, action_prefix, before, limit, error);
  json_t *list = json_array();
  if (by_actor)
    return listed(list, collect(sql_query(sql,
      "SELECT id, at_us, actor, action, subject_kind, subject_id, data"
      " FROM event WHERE actor = $1 AND id < $2 AND substr(action, 1, $3) = $4 ORDER BY id DESC LIMIT $5",
      SQL_ARGS(sql_text(actor), sql_int(before), sql_int(by_action ? g_utf8_strlen(action_prefix, -1) : 0), sql_text(by_action ? action_prefix : ""),
        sql_int(limit)), error),
      list, error));
  return listed(list, collect(sql_query(sql,
    "SELECT id, at_us, actor, action, subject_kind, subject_id, data FROM event WHERE id < $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_int(before), sql_int(limit)), error), list, error));
}
