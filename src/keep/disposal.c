/*
 * Deletion by two people (GB/T 39784 9.3): one asks with a reason, another approves, then a job destroys what is kept and leaves what tells of it.
 *
 * 1. Who asked never approves. Both must be allowed to see every record and its files.
 * 2. A record goes in one transaction: file rows, page text and index, tombstone, event, and the store's intent to entomb its object; the bytes go after it,
 *    and a crash in between is finished by the store at the next opening.
 * 3. The description stays, with the list of what there was.
 */
#include "internal.h"
#include <glib/gstdio.h>
#include <string.h>

enum { RECORDS_MAX = 5000, REASON_MIN = 4 };

static const struct { const char *kind, *label; } KINDS[] = {{"destroy", "保管期满销毁"}, {"mistake", "误收删除"}};
static const struct { const char *state, *label, *tone; } STATES[] = {{"requested", "待审批", "warn"}, {"withdrawn", "已撤回", "muted"},
  {"refused", "未批准", "muted"}, {"approved", "销毁中", "info"}, {"done", "已销毁", "bad"}};

static const char *kind_label(const char *kind) {
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (g_str_equal(KINDS[i].kind, kind)) return KINDS[i].label;
  return NULL;
}

/* ---- asking ---- */

typedef struct {
  Sql *sql;
  const Scope *scope;
  gboolean below;
  GHashTable *seen;
  json_t *records; /* [[id, files, bytes]] */
  gint64 files;
} Gathering;

static gboolean check_free(Sql *sql, const CatalogRecord *record, GError **error) {
  g_autoptr(GError) local = NULL;
  json_auto_t *tombstone = catalog_tombstone(sql, record->id, &local);
  gint64 other = local != NULL ? 0 : sql_number(sql,
    "SELECT d.id FROM keep_disposal_item AS i JOIN keep_disposal AS d ON d.id = i.disposal_id WHERE i.record_id = $1 "
    "AND d.state IN ('requested', 'approved')", SQL_ARGS(sql_int(record->id)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (tombstone != NULL) return throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 的原文已经销毁", record->code);
  return other == 0 || throw(error, LANTAI_ERROR_CONFLICT, "档案 %s 已在第 %" G_GINT64_FORMAT " 号销毁单中", record->code, other);
}

static gboolean gather(Gathering *gathering, gint64 record_id, GError **error);

static gboolean gather_below(Gathering *gathering, gint64 record_id, GError **error) {
  json_auto_t *children = sql_json(gathering->sql, "SELECT id FROM record WHERE parent_id = $1 ORDER BY code LIMIT $2", SQL_ARGS(sql_int(record_id),
    sql_int(RECORDS_MAX + 1)), error);
  size_t i;
  json_t *child;
  json_array_foreach(children, i, child)
    if (!gather(gathering, json_number_of(child, "id"), error)) return FALSE;
  return children != NULL;
}

static gboolean gather(Gathering *gathering, gint64 record_id, GError **error) {
  if (!g_hash_table_add(gathering->seen, GSIZE_TO_POINTER((gsize)record_id))) return TRUE;
  g_autoptr(CatalogRecord) record = catalog_record_load(gathering->sql, gathering->scope, record_id, error);
  g_autoptr(GPtrArray) files = record ? catalog_files(gathering->sql, gathering->scope, record_id, error) : NULL;
  if (files == NULL) return FALSE;
  if (record->level < LEVEL_VOLUME) return throw(error, LANTAI_ERROR_INVALID, "%s不能整个销毁，请逐卷或逐件提出", level_label(record->level));
  if (!check_free(gathering->sql, record, error)) return FALSE;
  if (json_array_size(gathering->records) >= RECORDS_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "一份销毁单最多 %d 件，请分几份提出", RECORDS_MAX);
  gint64 bytes = 0;
  for (guint i = 0; i < files->len; i++) bytes += ((const CatalogFile *)files->pdata[i])->size_bytes;
  gathering->files += files->len;
  json_array_append_new(gathering->records, json_pack("[I, I, I]", (json_int_t)record_id, (json_int_t)files->len, (json_int_t)bytes));
  return !gathering->below || gather_below(gathering, record_id, error);
}

static gboolean insert_request(Sql *sql, gint64 id, const char *actor, gint64 at_us, json_t *data, GError **error) {
  if (!sql_exec(sql, "INSERT INTO keep_disposal (id, kind, reason, state, requested_by, requested_us) VALUES ($1, $2, $3, 'requested', $4, $5)",
    SQL_ARGS(sql_int(id),
    sql_text(json_word(data, "kind")), sql_text(json_word(data, "reason")), sql_text(actor), sql_int(at_us)), error)) return FALSE;
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(data, "records"), i, item)
    if (!sql_exec(sql, "INSERT INTO keep_disposal_item (disposal_id, record_id, files, bytes) VALUES ($1, $2, $3, $4)", SQL_ARGS(sql_int(id),
      sql_int(json_integer_value(json_array_get(item, 0))), sql_int(json_integer_value(json_array_get(item, 1))),
        sql_int(json_integer_value(json_array_get(item, 2)))),
      error)) return FALSE;
  return TRUE;
}

static gint64 store_request(Sql *sql, const char *actor, const DisposalRequest *request, json_t *records, GError **error) {
  g_autoptr(GError) local = NULL;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM keep_disposal", SQL_NONE, 0, &local), at_us = clock_now_us();
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  json_auto_t *data = json_pack("{s:s, s:s, s:I, s:O}", "kind", request->kind, "reason", request->reason, "at", (json_int_t)at_us, "records", records);
  if (!insert_request(sql, id, actor, at_us, data, error)) return 0;
  return journal_append(sql, actor, "keep.disposal", "disposal", id, data, error) != 0 && sql_commit(sql, error) ? id : 0;
}

gint64 disposal_request(const House *house, const Scope *scope, const char *actor, const DisposalRequest *request, GError **error) {
  if (kind_label(request->kind) == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择销毁的类别");
  if (g_utf8_strlen(request->reason, -1) < REASON_MIN) return throw(error, LANTAI_ERROR_INVALID, "请写明销毁的理由和依据");
  if (request->count == 0) return throw(error, LANTAI_ERROR_INVALID, "请写明要销毁哪些档案");
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return 0;
  Gathering gathering = {sql, scope, request->below, g_hash_table_new(NULL, NULL), json_array(), 0};
  gboolean good = TRUE;
  for (gsize i = 0; good && i < request->count; i++) good = gather(&gathering, request->records[i], error);
  if (good && gathering.files == 0) good = throw(error, LANTAI_ERROR_INVALID, "所选档案没有原文可以销毁");
  gint64 id = good ? store_request(sql, actor, request, gathering.records, error) : 0;
  json_decref(gathering.records);
  g_hash_table_unref(gathering.seen);
  return id;
}

/* ---- deciding ---- */

static gboolean set_state(Sql *sql, gint64 id, const char *state, const char *actor, gint64 at_us, const char *note, GError **error) {
  return sql_exec(sql, "UPDATE keep_disposal SET state = $1, decided_by = $2, decided_us = $3, note = $4 WHERE id = $5", SQL_ARGS(sql_text(state), sql_text(actor),
    sql_int(at_us), sql_text(note), sql_int(id)), error);
}

static gboolean all_admitted(Sql *sql, const Scope *scope, gint64 id, GError **error) {
  json_auto_t *items = sql_json(sql, "SELECT record_id FROM keep_disposal_item WHERE disposal_id = $1 ORDER BY record_id", SQL_ARGS(sql_int(id)), error);
  size_t i, hidden = 0;
  json_t *item;
  json_array_foreach(items, i, item) hidden += !record_admitted(sql, scope, json_number_of(item, "record_id"), TRUE);
  if (items == NULL) return FALSE;
  return hidden == 0 || throw(error, LANTAI_ERROR_DENIED, "其中 %zu 件不在您的利用范围内，须由看得到全部档案的人审批", hidden);
}

static gboolean may_decide(json_t *disposal, const char *actor, DisposalVerdict verdict, const char *note, GError **error) {
  gboolean own = g_str_equal(json_word(disposal, "requested_by"), actor);
  if (!g_str_equal(json_word(disposal, "state"), "requested")) return throw(error, LANTAI_ERROR_CONFLICT, "这份销毁单已经办理");
  if (verdict == DISPOSAL_WITHDRAW) return own || throw(error, LANTAI_ERROR_DENIED, "只有提出人可以撤回");
  if (own) return throw(error, LANTAI_ERROR_DENIED, "提出人不能审批自己提出的销毁，须由另一人审批");
  return verdict == DISPOSAL_APPROVE || *note != '\0' || throw(error, LANTAI_ERROR_INVALID, "请写明不批准的理由");
}

/* A job that broke off goes on: what is destroyed already is passed over. */
static gboolean queue_destruction(Sql *sql, const char *actor, gint64 id, GError **error) {
  json_auto_t *parameters = json_pack("{s:I}", "disposal", (json_int_t)id);
  return job_queue(sql, "keep.destroy", "disposal", id, parameters, actor, error) != 0;
}

gboolean disposal_resume(const House *house, const char *actor, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *disposal = sql ? sql_row_json(sql, "SELECT state FROM keep_disposal WHERE id = $1", SQL_ARGS(sql_int(id)), error) : NULL;
  if (disposal == NULL) return FALSE;
  if (!g_str_equal(json_word(disposal, "state"), "approved")) return throw(error, LANTAI_ERROR_CONFLICT, "这份销毁单没有中断的销毁可以继续");
  return queue_destruction(sql, actor, id, error) && sql_commit(sql, error);
}

gboolean disposal_decide(const House *house, const Scope *scope, const char *actor, gint64 id, DisposalVerdict verdict, const char *note, GError **error) {
  static const char *const states[] = {"approved", "refused", "withdrawn"};
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *disposal = sql ? sql_row_json(sql, "SELECT state, requested_by FROM keep_disposal WHERE id = $1", SQL_ARGS(sql_int(id)), error) : NULL;
  if (disposal == NULL || !may_decide(disposal, actor, verdict, note, error)) return FALSE;
  if (verdict != DISPOSAL_WITHDRAW && !all_admitted(sql, scope, id, error)) return FALSE;
  gint64 at_us = clock_now_us();
  json_auto_t *data = json_pack("{s:s, s:s, s:I}", "state", states[verdict], "note", note, "at", (json_int_t)at_us);
  if (!set_state(sql, id, states[verdict], actor, at_us, note, error) ||
    journal_append(sql, actor, "keep.disposal_decided", "disposal", id, data, error) == 0) return FALSE;
  if (verdict == DISPOSAL_APPROVE && !queue_destruction(sql, actor, id, error)) return FALSE;
  return sql_commit(sql, error);
}

/* ---- destroying ---- */

static json_t *tombstone_of(Sql *sql, json_t *disposal, gint64 record_id, GPtrArray *files) {
  json_t *list = json_array();
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = files->pdata[i];
    json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "name", file->name, "path", file->path, "size",
      (json_int_t)file->size_bytes, "sha512",
      file->sha512, "sm3", file->sm3, "format", file->mime, "puid", file->puid));
  }
  return json_pack("{s:I, s:s, s:s, s:s, s:s, s:O, s:s, s:O, s:O, s:I, s:o}", "record", (json_int_t)record_id, "kind", json_word(disposal, "kind"), "kind_label",
    kind_label(json_word(disposal, "kind")), "reason", json_word(disposal, "reason"), "requested_by", json_word(disposal, "requested_by"), "requested_at",
    json_object_get(disposal, "requested_us"), "approved_by", json_word(disposal, "decided_by"), "approved_at", json_object_get(disposal, "decided_us"), "disposal",
    json_object_get(disposal, "id"), "at", (json_int_t)clock_now_us(), "files", list);
}

/* What stays of the object: its description and the tombstone. */
static json_t *remains_of(const House *house, Sql *sql, gint64 record_id, json_t *tombstone, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, &SCOPE_EVERYTHING, record_id, error);
  if (record == NULL) return NULL;
  g_autofree char *metadata = catalog_metadata_json(house->catalog, record);
  char *text = json_dumps(tombstone, JSON_INDENT(2) | JSON_SORT_KEYS);
  g_autofree char *stone = g_strconcat(text, "\n", NULL);
  free(text);
  return json_pack("{s:s, s:s}", "metadata.json", metadata, "tombstone.json", stone);
}

static gboolean mark_done(Sql *sql, gint64 disposal_id, gint64 record_id, GError **error) {
  return sql_exec(sql, "UPDATE keep_disposal_item SET done = 1 WHERE disposal_id = $1 AND record_id = $2", SQL_ARGS(sql_int(disposal_id),
    sql_int(record_id)), error) &&
    sql_exec(sql, "DELETE FROM keep_conversion_failure WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
}

static void remove_derivatives(const House *house, GPtrArray *files) {
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = files->pdata[i];
    g_autofree char *shelf = g_strndup(file->sha512, 2), *folder = g_build_filename(house->dir, "derivatives", shelf, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
      g_autofree char *path = g_build_filename(folder, name, NULL);
      if (g_str_has_prefix(name, file->sha512)) g_unlink(path);
    }
  }
}

static gboolean destroy_record(const House *house, json_t *disposal, gint64 record_id, GError **error) {
  g_autofree char *object = catalog_object_id(record_id), *message = g_strdup_printf("第 %" G_GINT64_FORMAT " 号销毁单", json_number_of(disposal, "id"));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 rev_before = sql ? catalog_rev_last(sql, error) : -1;
  g_autoptr(GPtrArray) files = rev_before < 0 ? NULL : catalog_files(sql, &SCOPE_EVERYTHING, record_id, error);
  if (files == NULL) return FALSE;
  json_auto_t *tombstone = tombstone_of(sql, disposal, record_id, files);
  if (!catalog_record_destroy(house, sql, record_id, tombstone, error) || !mark_done(sql, json_number_of(disposal, "id"), record_id, error)) return FALSE;
  gboolean stored = content_exists(house->content, object);
  json_auto_t *remains = remains_of(house, sql, record_id, tombstone, error);
  if (remains == NULL || (stored && !content_entomb_intend(sql, object, remains, json_word(disposal, "decided_by"), message, error))) return FALSE;
  json_auto_t *data = json_pack("{s:O, s:O}", "disposal", json_object_get(disposal, "id"), "tombstone", tombstone);
  if (!tell_change(sql, json_word(disposal, "decided_by"), "keep.destroyed", record_id, data, rev_before, error) || !sql_commit(sql, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  if (!fault_point("keep.destroyed")) return throw(error, LANTAI_ERROR_INTERNAL, "fault");
  if (stored && !content_entomb(house->content, object, NULL, json_word(disposal, "decided_by"), message, error)) return FALSE;
  remove_derivatives(house, files);
  return TRUE;
}

static gboolean finish_disposal(const House *house, gint64 id, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 at_us = clock_now_us();
  json_auto_t *data = json_pack("{s:I}", "at", (json_int_t)at_us);
  return sql && sql_exec(sql, "UPDATE keep_disposal SET state = 'done', finished_us = $1 WHERE id = $2", SQL_ARGS(sql_int(at_us), sql_int(id)), error) &&
    journal_append(sql, actor, "keep.disposal_done", "disposal", id, data, error) != 0 && sql_commit(sql, error);
}

gboolean disposal_run(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_number_of(parameters, "disposal");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *disposal = sql ? sql_row_json(sql,
    "SELECT id, kind, reason, state, requested_by, requested_us, decided_by, decided_us FROM keep_disposal WHERE id = $1",
    SQL_ARGS(sql_int(id)), error) : NULL;
  json_auto_t *items = disposal ? sql_json(sql, "SELECT record_id FROM keep_disposal_item WHERE disposal_id = $1 AND done = 0 ORDER BY record_id",
    SQL_ARGS(sql_int(id)),
    error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (items == NULL) return FALSE;
  if (g_str_equal(json_word(disposal, "state"), "done")) return TRUE;
  if (!g_str_equal(json_word(disposal, "state"), "approved")) return throw(error, LANTAI_ERROR_CONFLICT, "第 %" G_GINT64_FORMAT " 号销毁单没有批准", id);
  size_t i;
  json_t *item;
  json_array_foreach(items, i, item) {
    if (job_should_stop(job)) return TRUE;
    if (!destroy_record(house, disposal, json_number_of(item, "record_id"), error)) return FALSE;
    job_progress(job, (gint64)i + 1, (gint64)json_array_size(items), "件", "销毁");
  }
  return finish_disposal(house, id, job_actor(job), error);
}

/* ---- rebuilding ---- */

gboolean disposal_replay(const House *house, Sql *sql, json_t *event, gboolean *ret_mine, GError **error) {
  const char *action = json_word(event, "action"), *actor = json_word(event, "actor");
  json_t *data = json_object_get(event, "data");
  gint64 subject = json_number_of(json_object_get(event, "subject"), "id");
  *ret_mine = TRUE;
  if (g_str_equal(action, "keep.disposal")) return insert_request(sql, subject, actor, json_number_of(data, "at"), data, error);
  if (g_str_equal(action, "keep.disposal_decided"))
    return set_state(sql, subject, json_word(data, "state"), actor, json_number_of(data, "at"), json_word(data, "note"), error);
  if (g_str_equal(action, "keep.disposal_done"))
    return sql_exec(sql, "UPDATE keep_disposal SET state = 'done', finished_us = $1 WHERE id = $2", SQL_ARGS(sql_int(json_number_of(data, "at")),
      sql_int(subject)), error);
  if (g_str_equal(action, "keep.destroyed"))
    return catalog_record_destroy(house, sql, subject, json_object_get(data, "tombstone"), error) && mark_done(sql, json_number_of(data, "disposal"),
      subject, error);
  *ret_mine = FALSE;
  return TRUE;
}

/* ---- reading ---- */

#define DISPOSAL_COLUMNS \
  "SELECT d.id, d.kind, d.reason, d.state, d.requested_by, d.requested_us AS requested_at, d.decided_by, d.decided_us AS decided_at, d.note, d.finished_us AS " \
  "finished_at, (SELECT COUNT(*) FROM keep_disposal_item AS i WHERE i.disposal_id = d.id) AS records, " \
  "(SELECT SUM(i.files) FROM keep_disposal_item AS i WHERE i.disposal_id = d.id) AS files, " \
  "(SELECT SUM(i.bytes) FROM keep_disposal_item AS i WHERE i.disposal_id = d.id) AS bytes, " \
  "(SELECT MIN(i.record_id) FROM keep_disposal_item AS i WHERE i.disposal_id = d.id) AS first_record FROM keep_disposal AS d "

/* A reason may name what the asker may not see. */
static void dress(Sql *sql, const Scope *scope, json_t *disposal) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_str_equal(STATES[i].state, json_word(disposal, "state"))) {
      json_object_set_new(disposal, "state_label", json_string(STATES[i].label));
      json_object_set_new(disposal, "tone", json_string(STATES[i].tone));
    }
  const char *label = kind_label(json_word(disposal, "kind"));
  json_object_set_new(disposal, "kind_label", json_string(label ? label : ""));
  if (!record_admitted(sql, scope, json_number_of(disposal, "first_record"), FALSE)) {
    json_object_del(disposal, "reason");
    json_object_del(disposal, "note");
  }
  json_object_del(disposal, "first_record");
}

json_t *disposal_list(Sql *sql, const Scope *scope, gint64 before, int limit, GError **error) {
  json_t *list = sql_json(sql, DISPOSAL_COLUMNS "WHERE d.id < $1 ORDER BY d.id DESC LIMIT $2", SQL_ARGS(sql_int(before > 0 ? before : G_MAXINT64),
    sql_int(limit)), error);
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row) dress(sql, scope, row);
  return list;
}

json_t *disposal_load(Sql *sql, const Scope *scope, gint64 id, GError **error) {
  json_t *disposal = sql_row_json(sql, DISPOSAL_COLUMNS "WHERE d.id = $1", SQL_ARGS(sql_int(id)), error);
  json_auto_t *rows = disposal ? sql_json(sql, "SELECT record_id, files, bytes, done FROM keep_disposal_item WHERE disposal_id = $1 ORDER BY record_id",
    SQL_ARGS(sql_int(id)), error) : NULL;
  if (rows == NULL) return json_decref(disposal), NULL;
  json_t *items = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, json_number_of(row, "record_id"), NULL);
    if (record == NULL) continue;
    json_t *item = json_pack("{s:I, s:s, s:s, s:O, s:O, s:b}", "id", (json_int_t)record->id, "code", record->code, "title", record->title, "files",
      json_object_get(row, "files"), "bytes", json_object_get(row, "bytes"), "done", json_number_of(row, "done") != 0);
    json_auto_t *tombstone = json_number_of(row, "done") ? catalog_tombstone(sql, record->id, NULL) : NULL;
    if (tombstone != NULL && record_admitted(sql, scope, record->id, TRUE)) json_object_set(item, "former", json_object_get(tombstone, "files"));
    json_array_append_new(items, item);
  }
  json_object_set_new(disposal, "hidden", json_integer((json_int_t)(json_array_size(rows) - json_array_size(items))));
  json_object_set_new(disposal, "items", items);
  dress(sql, scope, disposal);
  return disposal;
}
