/*
 * The proof of the journal: recomputing the chain from the database, comparing the mirror line by line, and replaying the mirror alone.
 *
 * 1. The database's events and the mirror's lines are two rows ordered by id, walked side by side; memory does not grow with them.
 * 2. A line the mirror lacks may only be late by an instant (it is written after the commit), so the end of the mirror is waited for once.
 * 3. Removing the newest events from both cannot be seen here; for that the head is kept elsewhere.
 */
#include "error.h"
#include "journal.h"
#include "mirror.h"
#include <string.h>

enum { FAULTS_LISTED = 1000, LATE_TRIES = 5, LATE_WAIT_US = 50000 };

typedef struct {
  json_t *faults;
  gint64 fault_count;
  MirrorReader *reader; /* NULL: no mirror */
  const char *line;     /* the mirror's next line, not yet compared; NULL: to be read */
  gsize length;
  gint64 mirror_lines;
  gboolean ended, waited;
  gint64 missing_from, missing_to; /* a row of events without a line; 0: none */
} Check;

G_GNUC_PRINTF(3, 4) static void fault(Check *check, gint64 id, const char *format, ...) {
  check->fault_count++;
  if (check->fault_count > FAULTS_LISTED) return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_array_append_new(check->faults, json_pack("{s:I, s:s}", "id", (json_int_t)id, "what", what));
}

/* ---- the mirror ---- */

static const char *peek(Check *check) {
  while (check->line == NULL && !check->ended) {
    g_autoptr(GError) problem = NULL;
    check->line = mirror_reader_next(check->reader, &check->length, &problem);
    for (int i = 0; check->line == NULL && problem == NULL && !check->waited && i < LATE_TRIES; i++) {
      g_usleep(LATE_WAIT_US);
      check->line = mirror_reader_next(check->reader, &check->length, &problem);
    }
    if (check->line) {
      check->mirror_lines++;
      break;
    }
    check->waited = check->ended = TRUE;
    if (problem) fault(check, 0, "%s", problem->message);
  }
  return check->line;
}

static void flush_missing(Check *check) {
  if (check->missing_from == 0) return;
  if (check->missing_from == check->missing_to) fault(check, check->missing_from, "日志文件中缺少这一事件");
  else fault(check, check->missing_from, "日志文件中缺少第 %" G_GINT64_FORMAT " 至 %" G_GINT64_FORMAT " 号事件", check->missing_from, check->missing_to);
  check->missing_from = 0;
}

/* A line that no event of the database stands beside. */
static void surplus_line(Check *check, gint64 position) {
  gint64 id = journal_line_id(check->line);
  if (id < 0) fault(check, position, "日志文件第 %" G_GINT64_FORMAT " 行无法读取", check->mirror_lines);
  else fault(check, id, "日志文件第 %" G_GINT64_FORMAT " 行的事件数据库中没有，或者次序不对", check->mirror_lines);
  check->line = NULL;
}

static void compare_mirror(Check *check, gint64 id, const GString *expected) {
  while (peek(check) && journal_line_id(check->line) < id) surplus_line(check, id);
  gboolean here = check->line && journal_line_id(check->line) == id;
  if (!here) {
    if (check->missing_from == 0) check->missing_from = id;
    check->missing_to = id;
    return;
  }
  flush_missing(check);
  if (check->length != expected->len || memcmp(check->line, expected->str, expected->len) != 0)
    fault(check, id, "日志文件第 %" G_GINT64_FORMAT " 行与数据库中的事件不一致", check->mirror_lines);
  check->line = NULL;
}

static gint64 newest_event(SqlDb *db, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  return sql ? sql_number(sql, "SELECT max(id) AS last_id FROM event", SQL_NONE, 0, error) : 0;
}

/* What the mirror holds after the last event of our snapshot: newer events, or lines that the database lacks. */
static void finish_mirror(Check *check, SqlDb *db, gint64 last_id) {
  flush_missing(check);
  check->waited = TRUE; /* nothing more is expected */
  g_autoptr(GError) problem = NULL;
  gint64 newest = last_id;
  while (peek(check)) {
    gint64 id = journal_line_id(check->line);
    if (id > newest && problem == NULL) newest = newest_event(db, &problem);
    if (id <= last_id || id > newest) surplus_line(check, last_id);
    last_id = MAX(id, last_id);
    check->line = NULL;
  }
  if (problem) fault(check, last_id, "%s", problem->message);
  if (mirror_reader_torn(check->reader)) fault(check, last_id, "日志文件的末行不完整");
}

/* ---- the chain ---- */

/* Walks the events; returns their number. head: the last stored hash. */
static gint64 walk(Check *check, Sql *sql, char head[JOURNAL_HASH + 1], gint64 *ret_last_id) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, at_us, actor, action, subject_kind, subject_id, data, hash FROM event ORDER BY id", SQL_NONE, &problem);
  g_autoptr(GString) line = g_string_new(NULL);
  gint64 count = 0, last_id = 0;
  while (rows && sql_next(rows, &problem)) {
    JournalEvent event = {sql_get_int(rows, "id"), sql_get_int(rows, "at_us"), sql_get_text(rows, "actor"), sql_get_text(rows, "action"),
      sql_get_text(rows, "subject_kind"), sql_get_int(rows, "subject_id"), sql_get_text(rows, "data")};
    const char *stored = sql_get_text(rows, "hash");
    if (event.id != last_id + 1)
      fault(check, last_id + 1, "数据库中缺少第 %" G_GINT64_FORMAT " 至 %" G_GINT64_FORMAT " 号事件", last_id + 1, event.id - 1);
    char hash[JOURNAL_HASH + 1];
    g_string_truncate(line, 0);
    journal_line_append(line, &event, head, hash);
    if (strcmp(hash, stored) != 0) fault(check, event.id, "事件内容与其校验值不符，或者与前一事件连接不上");
    g_strlcpy(head, stored, JOURNAL_HASH + 1);
    if (check->reader) compare_mirror(check, event.id, line);
    last_id = event.id;
    count++;
  }
  if (problem) fault(check, last_id + 1, "从此处起读不出数据库：%s", problem->message);
  *ret_last_id = last_id;
  return count;
}

json_t *journal_verify(SqlDb *db, const char *dir, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return NULL;
  g_autofree char *folder = dir ? g_build_filename(dir, "journal", NULL) : NULL;
  g_autoptr(MirrorReader) reader = folder ? mirror_reader_new(folder) : NULL;
  Check check = {.faults = json_array(), .reader = reader};
  char head[JOURNAL_HASH + 1];
  g_strlcpy(head, JOURNAL_NO_HASH, sizeof head);
  gint64 last_id, events = walk(&check, sql, head, &last_id);
  g_clear_pointer(&sql, sql_end);
  if (reader) finish_mirror(&check, db, last_id);
  return json_pack("{s:I, s:s, s:o, s:I, s:I}", "events", (json_int_t)events, "head", head, "faults", check.faults, "fault_count",
    (json_int_t)check.fault_count,
    "mirror_lines", (json_int_t)check.mirror_lines);
}

/* ---- replay ---- */

static json_t *event_of_line(const char *line, gsize length, gint64 id, char previous[JOURNAL_HASH + 1], GError **error) {
  char hash[JOURNAL_HASH + 1];
  if (!journal_line_check(line, length, hash)) return throw_null(error, LANTAI_ERROR_INVALID, "日志文件中第 %" G_GINT64_FORMAT " 号事件的行已被改动或无法读取", id);
  json_t *event = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
  const char *linked = event ? json_string_value(json_object_get(event, "previous")) : NULL;
  gboolean good = json_integer_value(json_object_get(event, "id")) == id && g_strcmp0(linked, previous) == 0;
  if (good) {
    g_strlcpy(previous, hash, JOURNAL_HASH + 1);
    return event;
  }
  json_decref(event);
  return throw_null(error, LANTAI_ERROR_INVALID, "日志文件在第 %" G_GINT64_FORMAT " 号事件处断开：缺少事件、次序不对或被替换", id);
}

gboolean journal_replay(const char *dir, JournalVisit visit, gpointer data, GError **error) {
  g_autofree char *folder = g_build_filename(dir, "journal", NULL);
  g_autoptr(MirrorReader) reader = mirror_reader_new(folder);
  char previous[JOURNAL_HASH + 1];
  g_strlcpy(previous, JOURNAL_NO_HASH, sizeof previous);
  GError *problem = NULL;
  const char *line;
  gsize length;
  for (gint64 id = 1; (line = mirror_reader_next(reader, &length, &problem)); id++) {
    json_t *event = event_of_line(line, length, id, previous, error);
    gboolean good = event && visit(event, data, error);
    json_decref(event);
    if (!good) return FALSE;
  }
  if (problem) return g_propagate_error(error, problem), FALSE;
  if (mirror_reader_torn(reader)) g_warning("%s: the last line is incomplete and is not replayed", folder);
  return TRUE;
}
