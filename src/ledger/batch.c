/*
 * Changes of many entries as a whole: planned row by row, made in slices, taken back. import.c plans those of a sheet, bulk.c one change for many.
 *
 * 1. A plan writes no entry. A row says what an entry is to have and which rev it had then (0: there was none); an entry that has another one by now is left, and told.
 * 2. A slice is one transaction of bounded time: entries, the marks of their rows, one event. After a crash it goes on with the rows that still wait.
 * 3. Taking back goes from the last row: an entry that was made is marked deleted, one that was changed says what it said before. What says something else since stays,
 *    and is told; a change that was taken back itself is none.
 * 4. Each slice is made with the rights that its actor has then.
 */
#include "internal.h"
#include "settings.h"
#include <glib/gstdio.h>

enum { SLICE_MS = 30, SMALL = 500, STALE_DAYS = 1, STARTED_MAX = 20, PLANS_MOST = 5, SWEEPS = 20 };

typedef struct {
  gint64 turn, row, entry, before, after;
  json_t *given;
  char *problem; /* why it is left; NULL: it was done */
} Step;

typedef struct {
  Sql *sql;
  json_t *batch;
  const char *actor;
  Asker asker;
  gboolean undo, last;
  GPtrArray *steps;
  guint taken; /* so many of them */
  json_t *entries;
  char *note;
} Slice;

static void step_free(gpointer data) {
  Step *step = data;
  json_decref(step->given);
  g_free(step->problem);
  g_free(step);
}

static void slice_clear(Slice *slice) {
  sql_end(slice->sql);
  json_decref(slice->batch);
  json_decref(slice->entries);
  g_clear_pointer(&slice->steps, g_ptr_array_unref);
  g_free(slice->note);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Slice, slice_clear)

/* ---- the plan ---- */

json_t *batch_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *batch = sql_row_json(sql, "SELECT id, ledger_id, at_us AS at, actor, everything, kind, title, path, digest, state, total, report, ended_us AS ended "
    "FROM ledger_batch WHERE id = $1 AND state <> 'dropping'", SQL_ARGS(sql_int(id)), &local);
  if (batch == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一批。核对后没有写入的只保留一天、最近五份，请重新核对");
  if (batch == NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  json_t *report = json_loads(text_at(batch, "report"), 0, NULL);
  json_object_set_new(batch, "report", report != NULL ? report : json_object());
  return batch;
}

static const char *const PLANS[] = {"planned", "planning", NULL};

static gboolean is_plan(json_t *batch) { return g_strv_contains(PLANS, text_at(batch, "state")); }

static gboolean drop(Sql *sql, gint64 id, GError **error) {
  return sql_exec(sql, "DELETE FROM ledger_batch_row WHERE batch_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM ledger_batch WHERE id = $1", SQL_ARGS(sql_int(id)), error);
}

gboolean batch_drop(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *batch = sql != NULL ? batch_load(sql, id, error) : NULL;
  if (batch == NULL || (is_plan(batch) && !drop(sql, id, error))) return FALSE;
  return sql_commit(sql, error);
}

/* Of one actor's plans that were not made the newest stay; what is dropped goes when nobody waits for it (batches_tick). */
static gboolean drop_older(Sql *sql, const char *actor, GError **error) {
  return sql_exec(sql, "UPDATE ledger_batch SET state = 'dropping' WHERE state = 'planned' AND actor = $1 AND id NOT IN "
    "(SELECT id FROM ledger_batch WHERE state = 'planned' AND actor = $1 ORDER BY id DESC LIMIT $2)", SQL_ARGS(sql_text(actor), sql_int(PLANS_MOST - 1)), error);
}

/* Plans that nobody made in time. */
static gboolean drop_stale(const House *house, const char *state, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *old = sql == NULL ? NULL : sql_json(sql, "SELECT id, path FROM ledger_batch WHERE state = $1 AND at_us < $2 LIMIT 20",
    SQL_ARGS(sql_text(state), sql_int(clock_now_us() - STALE_DAYS * G_TIME_SPAN_DAY)), error);
  g_clear_pointer(&sql, sql_end);
  if (old == NULL || json_array_size(old) == 0) return old != NULL;
  size_t i;
  json_t *batch;
  if ((sql = sql_write(house->db, error)) == NULL) return FALSE;
  json_array_foreach(old, i, batch) {
    if (text_at(batch, "path")[0] != '\0') g_unlink(text_at(batch, "path"));
    if (!sql_exec(sql, "UPDATE ledger_batch SET state = 'dropping' WHERE id = $1 AND state = $2", SQL_ARGS(sql_int(int_at(batch, "id")), sql_text(state)), error))
      return FALSE;
  }
  return sql_commit(sql, error);
}

/* Some rows of what is dropped, and it when it has none left; ret_more: there may be further ones. */
static gboolean sweep(const House *house, gboolean *ret_more, GError **error) {
  static const char DROPPING[] = "dropping";
  g_autoptr(Sql) read = sql_read(house->db, error);
  gint64 id = read == NULL ? 0 : sql_number(read, "SELECT id FROM ledger_batch WHERE state = $1 LIMIT 1", SQL_ARGS(sql_text(DROPPING)), 0, NULL);
  *ret_more = id != 0;
  if (id == 0) return read != NULL;
  g_clear_pointer(&read, sql_end);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !sql_exec(sql, "DELETE FROM ledger_batch_row WHERE batch_id = $1 AND turn < (SELECT MIN(turn) FROM ledger_batch_row WHERE batch_id = $1) + $2",
        SQL_ARGS(sql_int(id), sql_int(SMALL)), error)) return FALSE;
  gboolean empty = sql_number(sql, "SELECT COUNT(*) AS n FROM (SELECT turn FROM ledger_batch_row WHERE batch_id = $1 LIMIT 1) AS r", SQL_ARGS(sql_int(id)), 0, NULL) == 0;
  return (!empty || drop(sql, id, error)) && sql_commit(sql, error);
}

void batches_tick(const House *house) {
  g_autoptr(GError) local = NULL;
  gboolean fine = TRUE, more = TRUE;
  for (guint i = 0; PLANS[i] != NULL && fine; i++) fine = drop_stale(house, PLANS[i], &local);
  for (guint i = 0; i < SWEEPS && fine && more; i++) fine = sweep(house, &more, &local);
  if (!fine) g_warning("没有写入的台账核对结果没有清除：%s", local->message);
}

gint64 batch_new(Sql *sql, const BatchNew *as, GError **error) {
  if (!drop_older(sql, as->actor, error)) return 0;
  gboolean fine = sql_exec(sql, "INSERT INTO ledger_batch (ledger_id, at_us, actor, everything, kind, title, path, digest, state) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'planning')",
    SQL_ARGS(sql_int(as->definition->id), sql_int(clock_now_us()), sql_text(as->actor), sql_int(as->asker.everything), sql_text(as->kind),
      sql_text(as->title), sql_text(as->path), sql_text(as->digest)), error);
  return fine ? sql_last_id(sql) : 0;
}

gboolean batch_begin_anew(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql != NULL && sql_exec(sql, "DELETE FROM ledger_batch_row WHERE batch_id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
}

void batch_row_clear(gpointer data) {
  BatchRow *row = data;
  json_decref(row->given);
  g_free(row->problem);
}

gboolean batch_rows_add(const House *house, gint64 id, const GArray *rows, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *batch = sql != NULL ? batch_load(sql, id, error) : NULL; /* dropped meanwhile: no rows without it */
  if (batch == NULL) return FALSE;
  for (guint i = 0; i < rows->len; i++) {
    const BatchRow *row = &g_array_index(rows, BatchRow, i);
    g_autofree char *given = json_dumps(row->given, JSON_COMPACT);
    if (!sql_exec(sql, "INSERT INTO ledger_batch_row (batch_id, turn, sheet_row, state, entry_id, rev_before, rev_after, given, problem) "
          "VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
          SQL_ARGS(sql_int(id), sql_int(row->turn), sql_int(row->sheet_row), sql_int(row->state), sql_int(row->entry), sql_int(row->before), sql_text(given),
            sql_text(row->problem != NULL ? row->problem : "")), error)) return FALSE;
  }
  return sql_commit(sql, error);
}

gboolean batch_planned(const House *house, gint64 id, gint64 total, json_t *report, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autofree char *text = json_dumps(report, JSON_COMPACT);
  return sql != NULL && sql_exec(sql, "UPDATE ledger_batch SET state = 'planned', path = '', total = $1, report = $2 WHERE id = $3 AND state = 'planning'",
    SQL_ARGS(sql_int(total), sql_text(text), sql_int(id)), error) && sql_commit(sql, error);
}

gint64 batch_count(Sql *sql, gint64 id, BatchState state) {
  return sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_batch_row WHERE batch_id = $1 AND state = $2", SQL_ARGS(sql_int(id), sql_int(state)), 0, NULL);
}

/* What was left (undoing: kept) of entries that were to be made; changed ones are the rest. */
gint64 batch_count_new(Sql *sql, gint64 id, BatchState state) {
  return sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_batch_row WHERE batch_id = $1 AND state = $2 AND rev_before = 0", SQL_ARGS(sql_int(id), sql_int(state)), 0,
    NULL);
}

json_t *batch_prepare(Sql *sql, Asker asker, const char *actor, json_t *given, gint64 before, GError **error) {
  json_t *move = json_object_get(given, "move");
  if (move != NULL) {
    json_t *moved = entry_moved(sql, asker, actor, &(Moving){int_at(given, "id"), before, text_at(move, "to"), text_at(move, "note"), 0}, error);
    if (moved != NULL) entry_stamp(sql, actor, moved);
    return moved;
  }
  Prepared prepared = {0, NULL};
  json_t *ready = entry_prepare(sql, asker, actor, given, before, &prepared, error);
  json_decref(prepared.problems);
  return ready;
}

/* What a row that changes an entry will change, or has changed. NULL: nothing that can be told. New */
static json_t *row_changes(Sql *sql, Asker asker, SqlRows *rows, json_t *given) {
  gint64 id = sql_get_int(rows, "entry_id"), before = sql_get_int(rows, "rev_before"), after = sql_get_int(rows, "rev_after");
  BatchState state = (BatchState)sql_get_int(rows, "state");
  if (before == 0 || (state == BATCH_WAITING) == (after != 0) || state == BATCH_LEFT) return NULL;
  json_auto_t *was = version_load(sql, id, before, NULL);
  json_auto_t *is = was == NULL || !version_admitted(was, asker) ? NULL : after != 0 ? version_load(sql, id, after, NULL)
    : batch_prepare(sql, asker, sql_get_text(rows, "actor"), given, before, NULL);
  return is != NULL && version_admitted(is, asker) ? entry_changes(was, is, asker) : NULL;
}

/* What a row is about, as the asker may know it: the entry where there is one, else what was given. */
static json_t *row_model(Sql *sql, Asker asker, SqlRows *rows) {
  gint64 id = sql_get_int(rows, "entry_id");
  json_auto_t *given = json_loads(sql_get_text(rows, "given"), 0, NULL), *entry = id != 0 ? ledger_entry_load(sql, asker, id, NULL) : NULL;
  json_t *values = json_object_get(given, "values");
  const char *title = entry != NULL ? text_at(entry, "title") : id != 0 ? "" : text_at(values, "标题");
  g_autofree char *href = entry != NULL && !json_is_true(json_object_get(entry, "deleted")) ? g_strdup_printf("/entry/%" G_GINT64_FORMAT, id) : NULL;
  const char *problem = entry != NULL || id == 0 || sql_get_text(rows, "problem")[0] == '\0' ? sql_get_text(rows, "problem") : "您现在不能看这一条";
  json_t *changes = entry != NULL ? row_changes(sql, asker, rows, given) : NULL;
  return json_pack("{s:I, s:I, s:s, s:s, s:s, s:s*, s:s, s:o*}", "turn", (json_int_t)sql_get_int(rows, "turn"), "row", (json_int_t)sql_get_int(rows, "sheet_row"), "what",
    json_object_get(given, "lines") != NULL ? "有误" : sql_get_int(rows, "rev_before") == 0 ? "新增" : "修改",
    "number", entry != NULL ? text_at(entry, "number") : text_at(given, "foretold"), "title", title, "href", href,
    "problem", problem, "changes", changes);
}

json_t *batch_rows(Sql *sql, Asker asker, gint64 id, BatchState state, gint64 after, int limit, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT r.turn AS turn, r.sheet_row AS sheet_row, r.state AS state, r.entry_id AS entry_id, r.rev_before AS rev_before, "
    "r.rev_after AS rev_after, r.given AS given, r.problem AS problem, b.actor AS actor FROM ledger_batch_row AS r JOIN ledger_batch AS b ON b.id = r.batch_id "
    "WHERE r.batch_id = $1 AND r.state = $2 AND r.turn > $3 ORDER BY r.turn LIMIT $4", SQL_ARGS(sql_int(id), sql_int(state), sql_int(after), sql_int(limit)), error);
  json_auto_t *list = rows != NULL ? json_array() : NULL;
  while (list != NULL && sql_next(rows, &local)) json_array_append_new(list, row_model(sql, asker, rows));
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&list);
}

json_t *batch_wrong(Sql *sql, gint64 id, gint64 after, int limit, GError **error) {
  json_t *rows = sql_json(sql, "SELECT turn, sheet_row AS row, problem, given FROM ledger_batch_row WHERE batch_id = $1 AND state = 5 AND turn > $2 "
      "ORDER BY turn LIMIT $3",
    SQL_ARGS(sql_int(id), sql_int(after), sql_int(limit)), error), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_auto_t *given = json_loads(text_at(row, "given"), 0, NULL);
    json_object_set(row, "lines", json_object_get(given, "lines"));
    json_object_del(row, "given");
  }
  return rows;
}

/* ---- one row ---- */

static gboolean is_refusal(const GError *error) {
  static const LantaiError refusals[] = {LANTAI_ERROR_INVALID, LANTAI_ERROR_CONFLICT, LANTAI_ERROR_NOT_FOUND, LANTAI_ERROR_DENIED};
  for (guint i = 0; i < G_N_ELEMENTS(refusals); i++)
    if (g_error_matches(error, LANTAI_ERROR, refusals[i])) return TRUE;
  return FALSE;
}

gboolean batch_left(GError *failure, char **ret_problem, GError **error) {
  if (!is_refusal(failure)) return g_propagate_error(error, failure), FALSE;
  *ret_problem = g_strdup(failure->message);
  g_error_free(failure);
  return TRUE;
}

static gboolean is_there(Slice *slice, const Step *step) {
  const char *key = text_at(step->given, "key");
  return step->entry == 0 && key[0] != '\0' && sql_number(slice->sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''",
    SQL_ARGS(sql_int(int_at(slice->batch, "ledger_id")), sql_text(key)), 0, NULL) != 0;
}

static gboolean make_one(Slice *slice, Step *step, GError **error) {
  if (is_there(slice, step)) return step->problem = g_strdup("核对以后，同样的一行已经登记"), TRUE;
  GError *local = NULL;
  json_auto_t *ready = batch_prepare(slice->sql, slice->asker, slice->actor, step->given, step->before, &local);
  if (local != NULL) return batch_left(local, &step->problem, error);
  if (ready == NULL) return step->problem = g_strdup("已是要改成的内容"), TRUE;
  step->entry = int_at(ready, "id");
  step->after = int_at(ready, "rev");
  json_array_append(slice->entries, ready);
  return entry_write(slice->sql, ready, slice->note, error);
}

/* Somebody said something about it since it was made: it would go out of sight with the entry. */
static gboolean is_commented(Slice *slice, const Step *step, json_t *then) {
  return step->before == 0 && sql_number(slice->sql, "SELECT COUNT(*) AS n FROM ledger_comment WHERE entry_id = $1 AND at_us >= $2",
    SQL_ARGS(sql_int(step->entry), sql_int(int_at(then, "changed_at"))), 0, NULL) > 0;
}

static gboolean undo_one(Slice *slice, Step *step, GError **error) {
  GError *local = NULL;
  json_auto_t *entry = entry_load_any(slice->sql, step->entry, &local);
  if (entry == NULL || !entry_may_change(entry, slice->asker, &local)) return batch_left(local, &step->problem, error);
  json_auto_t *then = int_at(entry, "rev") == step->after ? json_incref(entry) : version_load(slice->sql, step->entry, step->after, &local);
  if (then == NULL) return batch_left(local, &step->problem, error);
  if (then != entry && !entry_says_same(then, entry)) {
    g_autofree char *at = clock_format(int_at(entry, "changed_at"));
    step->problem = g_strdup_printf("%s 在 %s 又改过", text_at(entry, "changed_by"), at);
    return TRUE;
  }
  if (is_commented(slice, step, then)) return step->problem = g_strdup("写入以后有人留了言"), TRUE;
  json_auto_t *ready = step->before == 0 ? entry_buried(slice->sql, slice->asker, entry, int_at(slice->batch, "id"), &local)
    : entry_as_then(slice->sql, slice->asker, slice->actor, (Restoring){step->entry, step->before, TRUE}, NULL, &local);
  if (ready == NULL) return batch_left(local, &step->problem, error);
  entry_stamp(slice->sql, slice->actor, ready);
  json_array_append(slice->entries, ready);
  return entry_write(slice->sql, ready, slice->note, error);
}

/* ---- one slice ---- */

static GPtrArray *read_steps(const Slice *slice, GError **error) {
  gint64 id = int_at(slice->batch, "id");
  const SqlValue *args = SQL_ARGS(sql_int(id), sql_int(slice->undo ? BATCH_MADE : BATCH_WAITING), sql_int(LEDGER_BATCH));
  g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(step_free);
  g_autoptr(GError) local = NULL;
  g_autoptr(SqlRows) rows = slice->undo
    ? sql_query(slice->sql, "SELECT turn, sheet_row, entry_id, rev_before, rev_after, given FROM ledger_batch_row WHERE batch_id = $1 AND state = $2 "
        "ORDER BY turn DESC LIMIT $3", args, error)
    : sql_query(slice->sql, "SELECT turn, sheet_row, entry_id, rev_before, rev_after, given FROM ledger_batch_row WHERE batch_id = $1 AND state = $2 "
        "ORDER BY turn LIMIT $3", args, error);
  while (rows != NULL && sql_next(rows, &local)) {
    Step *step = g_new0(Step, 1);
    *step = (Step){sql_get_int(rows, "turn"), sql_get_int(rows, "sheet_row"), sql_get_int(rows, "entry_id"), sql_get_int(rows, "rev_before"),
      sql_get_int(rows, "rev_after"), json_loads(sql_get_text(rows, "given"), 0, NULL), NULL};
    g_ptr_array_add(steps, step);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return rows != NULL ? g_steal_pointer(&steps) : NULL;
}

/* At least one row, and no more than the time allows. */
static gboolean take_steps(Slice *slice, GError **error) {
  gint64 until = g_get_monotonic_time() + SLICE_MS * G_TIME_SPAN_MILLISECOND;
  do {
    Step *step = slice->steps->pdata[slice->taken++];
    if (!(slice->undo ? undo_one(slice, step, error) : make_one(slice, step, error))) return FALSE;
  } while (slice->taken < slice->steps->len && g_get_monotonic_time() < until);
  slice->last = slice->taken == slice->steps->len && slice->steps->len < LEDGER_BATCH;
  return TRUE;
}

static gboolean mark(const Slice *slice, GError **error) {
  gint64 id = int_at(slice->batch, "id");
  for (guint i = 0; i < slice->taken; i++) {
    const Step *step = slice->steps->pdata[i];
    BatchState state = slice->undo ? (step->problem ? BATCH_KEPT : BATCH_UNDONE) : step->problem ? BATCH_LEFT : BATCH_MADE;
    if (!sql_exec(slice->sql, "UPDATE ledger_batch_row SET state = $1, entry_id = $2, rev_after = $3, problem = $4, given = CASE WHEN $1 = 1 THEN '{}' ELSE given END "
          "WHERE batch_id = $5 AND turn = $6", SQL_ARGS(sql_int(state), sql_int(step->entry), sql_int(step->after), sql_text(step->problem ? step->problem : ""),
            sql_int(id), sql_int(step->turn)), error)) return FALSE;
  }
  return !slice->last || sql_exec(slice->sql, "UPDATE ledger_batch SET state = $1, ended_us = $2 WHERE id = $3",
    SQL_ARGS(sql_text(slice->undo ? "undone" : "done"), sql_int(clock_now_us()), sql_int(id)), error);
}

/* The entries as they are afterwards, as every change tells them, and which rows of which batch they were; also where all were left. */
static gboolean tell(const Slice *slice, GError **error) {
  static const char *const kept[] = {"id", "ledger_id", "at", "actor", "kind", "title", "total"};
  if (slice->taken == 0 && !slice->undo) return TRUE;
  json_t *rows = json_array(), *plan = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(plan, kept[i], json_object_get(slice->batch, kept[i]));
  for (guint i = 0; i < slice->taken; i++) {
    const Step *step = slice->steps->pdata[i];
    json_array_append_new(rows, json_pack("[I, I, I, I, I, s]", (json_int_t)step->turn, (json_int_t)step->row, (json_int_t)step->entry, (json_int_t)step->before,
      (json_int_t)step->after, step->problem ? step->problem : ""));
  }
  json_auto_t *data = json_pack("{s:s, s:O, s:o, s:b, s:b, s:o}", "note", slice->note, "entries", slice->entries, "batch", plan, "undo", slice->undo, "last", slice->last,
    "rows", rows);
  return journal_append(slice->sql, slice->actor, "ledger.put", "ledger", int_at(slice->batch, "ledger_id"), data, error) != 0;
}

typedef struct { const char *actor; Asker asker; } Doer;

/* ret_taken: rows that were gone through; 0: there are no more. */
static gboolean slice_run(const House *house, gint64 id, const Doer *doer, gboolean undo, guint *ret_taken, GError **error) {
  g_auto(Slice) slice = {.sql = sql_write(house->db, error), .actor = doer->actor, .asker = doer->asker, .undo = undo, .entries = json_array()};
  slice.batch = slice.sql != NULL ? batch_load(slice.sql, id, error) : NULL;
  if (slice.batch == NULL) return FALSE;
  *ret_taken = 0;
  if (!g_str_equal(text_at(slice.batch, "state"), undo ? "undoing" : "running")) return TRUE; /* finished before the crash */
  const char *note = text_at(json_object_get(slice.batch, "report"), "note");
  slice.note = g_strdup_printf("%s%s（第 %d 批）%s%s", undo ? "撤销" : "", text_at(slice.batch, "kind"), (int)id, note[0] && !undo ? "：" : "", undo ? "" : note);
  slice.steps = read_steps(&slice, error);
  slice.last = TRUE;
  if (slice.steps == NULL || (slice.steps->len > 0 && !take_steps(&slice, error))) return FALSE;
  if (!mark(&slice, error) || !tell(&slice, error) || !fault_point("ledger.batch") || !sql_commit(slice.sql, error)) return FALSE;
  *ret_taken = slice.last ? 0 : slice.taken;
  return TRUE;
}

/* ret_person: who acts; NULL: the program itself, or by hand at the command line. */
static gboolean load_person(const House *house, gint64 id, const char *actor, Person **ret_person, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *batch = sql == NULL ? NULL : batch_load(sql, id, error);
  if (batch == NULL) return FALSE;
  if (g_str_equal(actor, "system") || int_at(batch, "everything") != 0) return TRUE;
  return (*ret_person = people_account(house->db, actor, error)) != NULL;
}

static gboolean run(const House *house, Job *job, gint64 id, const char *actor, gboolean undo, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  gint64 left = batch_count(sql, id, undo ? BATCH_MADE : BATCH_WAITING), total = left + batch_count(sql, id, undo ? BATCH_UNDONE : BATCH_MADE);
  sql_end(g_steal_pointer(&sql));
  for (guint taken = 1; taken > 0; left -= taken) {
    if (job != NULL) job_progress(job, MAX(total - left, 0), total, "条", undo ? "撤销" : "写入");
    if (job != NULL && job_should_stop(job)) return TRUE;
    g_autoptr(Person) person = NULL;
    if (!load_person(house, id, actor, &person, error) || !slice_run(house, id, &(Doer){actor, {person, person == NULL}}, undo, &taken, error)) return FALSE;
  }
  return TRUE;
}

gboolean batch_run(const House *house, Job *job, json_t *parameters, GError **error) {
  return run(house, job, int_at(parameters, "batch"), job_actor(job), json_is_true(json_object_get(parameters, "undo")), error);
}

/* ---- beginning ---- */

gboolean batch_may_undo(json_t *batch) { return clock_now_us() - int_at(batch, "at") < BATCH_UNDO_DAYS * G_TIME_SPAN_DAY; }

static gboolean fits(Sql *sql, json_t *batch, gboolean undo, GError **error) {
  static const char *const making[] = {"planned", "running", NULL}, *const undoing[] = {"done", "running", "undoing", NULL};
  const char *state = text_at(batch, "state");
  gint64 id = int_at(batch, "id");
  if (!undo && g_str_equal(state, "planning")) return throw(error, LANTAI_ERROR_CONFLICT, "还在核对，请等核对完");
  if (!undo && !g_strv_contains(making, state)) return throw(error, LANTAI_ERROR_CONFLICT, "这次%s已经写入过。要再来一次，请重新核对", text_at(batch, "kind"));
  if (!undo) return g_str_equal(state, "running") || batch_count(sql, id, BATCH_WAITING) > 0 || throw(error, LANTAI_ERROR_INVALID, "没有可以写入的");
  if (!g_strv_contains(undoing, state)) return throw(error, LANTAI_ERROR_CONFLICT, "这次%s没有写入过，或已经撤销", text_at(batch, "kind"));
  if (!batch_may_undo(batch)) return throw(error, LANTAI_ERROR_CONFLICT, "已过 %d 天，不能再整批撤销", BATCH_UNDO_DAYS);
  return g_str_equal(state, "undoing") || batch_count(sql, id, BATCH_MADE) > 0 || throw(error, LANTAI_ERROR_CONFLICT, "没有可以撤销的");
}

gboolean batch_begin(const House *house, gint64 id, const char *actor, gboolean undo, gboolean now, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *batch = sql == NULL ? NULL : batch_load(sql, id, error);
  if (batch == NULL || !fits(sql, batch, undo, error)) return FALSE;
  gboolean small = now || batch_count(sql, id, undo ? BATCH_MADE : BATCH_WAITING) <= SMALL;
  json_auto_t *parameters = json_pack("{s:I, s:b}", "batch", (json_int_t)id, "undo", undo);
  if (!sql_exec(sql, "UPDATE ledger_batch SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(undo ? "undoing" : "running"), sql_int(id)), error)) return FALSE;
  if (!small && job_queue(sql, undo ? "ledger.unbatch" : "ledger.batch", "ledger_batch", id, parameters, actor, error) == 0) return FALSE;
  if (!sql_commit(sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  return !small || run(house, NULL, id, actor, undo, error);
}

gint64 batch_broken_off(Sql *sql, const LedgerDefinition *definition, const char *actor, const char *digest) {
  json_auto_t *started = sql_json(sql, "SELECT id, ledger_id, actor, digest FROM ledger_batch WHERE state = 'running' ORDER BY at_us DESC LIMIT $1",
    SQL_ARGS(sql_int(STARTED_MAX)), NULL);
  size_t i;
  json_t *batch;
  json_array_foreach(started, i, batch)
    if (int_at(batch, "ledger_id") == definition->id && g_str_equal(text_at(batch, "actor"), actor) && g_str_equal(text_at(batch, "digest"), digest))
      return int_at(batch, "id");
  return 0;
}

/* ---- rebuilding ---- */

/* A former batch of the same number, of before a number that was begun was kept for good. */
static gboolean forget_other(Sql *sql, gint64 id, gint64 at, GError **error) {
  gint64 there = sql_number(sql, "SELECT at_us FROM ledger_batch WHERE id = $1", SQL_ARGS(sql_int(id)), 0, NULL);
  return there == 0 || there == at || drop(sql, id, error);
}

gboolean batch_replay(Sql *sql, json_t *data, GError **error) {
  json_t *batch = json_object_get(data, "batch"), *row;
  gboolean undo = json_is_true(json_object_get(data, "undo"));
  const char *state_then = !undo ? "done" : json_is_false(json_object_get(data, "last")) ? "undoing" : "undone";
  gint64 id = int_at(batch, "id");
  size_t i;
  if (batch == NULL) return TRUE;
  if (!forget_other(sql, id, int_at(batch, "at"), error) ||
      !sql_exec(sql, "INSERT INTO ledger_batch (id, ledger_id, at_us, actor, everything, kind, title, path, digest, state, total) "
        "VALUES ($1, $2, $3, $4, 0, $5, $6, '', '', 'done', $7) ON CONFLICT (id) DO NOTHING",
          SQL_ARGS(sql_int(id), sql_int(int_at(batch, "ledger_id")), sql_int(int_at(batch, "at")),
          sql_text(text_at(batch, "actor")), sql_text(text_at(batch, "kind")), sql_text(text_at(batch, "title")), sql_int(int_at(batch, "total"))), error) ||
      !sql_exec(sql, "UPDATE ledger_batch SET state = $1 WHERE id = $2", SQL_ARGS(sql_text(state_then), sql_int(id)), error)) return FALSE;
  json_array_foreach(json_object_get(data, "rows"), i, row) {
    gint64 at[5];
    for (guint k = 0; k < G_N_ELEMENTS(at); k++) at[k] = json_integer_value(json_array_get(row, k));
    const char *problem = json_string_value(json_array_get(row, 5));
    gboolean left = problem != NULL && problem[0] != '\0';
    BatchState state = undo ? (left ? BATCH_KEPT : BATCH_UNDONE) : left ? BATCH_LEFT : BATCH_MADE;
    if (!sql_exec(sql, "INSERT INTO ledger_batch_row (batch_id, turn, sheet_row, state, entry_id, rev_before, rev_after, given, problem) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', $8) ON CONFLICT (batch_id, turn) DO UPDATE SET state = excluded.state, entry_id = excluded.entry_id, "
          "rev_before = excluded.rev_before, rev_after = excluded.rev_after, problem = excluded.problem",
          SQL_ARGS(sql_int(id), sql_int(at[0]), sql_int(at[1]), sql_int(state), sql_int(at[2]), sql_int(at[3]), sql_int(at[4]), sql_text(problem ? problem : "")), error))
      return FALSE;
  }
  return TRUE;
}
