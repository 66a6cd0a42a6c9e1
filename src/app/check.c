/*
 * The full check: every byte of the store against its inventory, the inventories against the catalogue's rows, the catalogue against itself and its index.
 * A part that could not run is said so in the result; it is never counted as passed.
 * A store that is damaged throughout is told of in bounded memory: FAULTS_MAX faults by name, all of them counted. Beside them some 16 bytes a record are kept.
 */
#include "app.h"
#include "crypto.h"
#include "error.h"
#include <stdio.h>
#include <string.h>

enum { FAULTS_MAX = 10000 };

typedef struct {
  const House *house;
  GMutex lock; /* the store is read by two threads */
  gint64 objects, files, bytes, total_objects, unfinished, fault_count;
  json_t *faults;
  GHashTable *seen, *seen_deliveries; /* ids of records and deliveries whose object was met */
  CareProgress progress;
  gpointer progress_data;
} Check;

static const char *kind_label(const char *kind) {
  static const char *const labels[][2] = {
    {"damaged", "损坏"}, {"missing", "缺失"}, {"surplus", "多余"}, {"unreadable", "不能读取"}, {"inventory", "清单有误"}, {"sm3", "SM3 清单有误"}, {"unrecorded", "未登记"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
    if (g_str_equal(labels[i][0], kind)) return labels[i][1];
  return kind;
}

static void add_fault(Check *check, const char *object, const char *file, const char *kind, json_t *record, const char *detail) {
  if (++check->fault_count > FAULTS_MAX) return json_decref(record);
  json_t *fault = json_pack("{s:s?, s:s?, s:s, s:s, s:o, s:s?}", "object", object, "file", file, "kind", kind, "kind_label", kind_label(kind), "record",
    record ? record : json_null(), "detail", detail);
  json_array_append_new(check->faults, fault);
}

/* The record an object belongs to, as {id, code, title}, or NULL. */
static json_t *record_of(Check *check, const char *object_id, gint64 *ret_id) {
  static const char prefix[] = "urn:lantai:record:";
  *ret_id = object_id && g_str_has_prefix(object_id, prefix) ? g_ascii_strtoll(object_id + strlen(prefix), NULL, 10) : 0;
  if (*ret_id == 0) return NULL;
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  return sql ? sql_row_json(sql, "SELECT id, code, title FROM record WHERE id = $1", SQL_ARGS(sql_int(*ret_id)), NULL) : NULL;
}

/* The catalogue's file rows of a record against the inventory's state. */
static void compare_files(Check *check, const char *object_id, gint64 record_id, json_t *record, json_t *files) {
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  json_t *rows = sql ? sql_json(sql, "SELECT path, sha512 FROM file WHERE record_id = $1 ORDER BY sequence", SQL_ARGS(sql_int(record_id)), NULL) : NULL;
  g_autoptr(GHashTable) expected = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row)
    g_hash_table_insert(expected, (gpointer)json_string_value(json_object_get(row, "path")), (gpointer)json_string_value(json_object_get(row, "sha512")));
  json_array_foreach(files, i, row) {
    const char *path = json_string_value(json_object_get(row, "path"));
    if (!g_str_has_prefix(path, "files/") && !g_str_has_prefix(path, "derived/")) continue;
    const char *digest = g_hash_table_lookup(expected, path);
    if (digest == NULL) add_fault(check, object_id, path, "unrecorded", json_incref(record), "目录库中没有登记这个文件");
    else if (g_strcmp0(digest, json_string_value(json_object_get(row, "sha512"))) != 0)
      add_fault(check, object_id, path, "damaged", json_incref(record), "目录库登记的摘要与长期保存库不一致");
    g_hash_table_remove(expected, path);
  }
  GHashTableIter iter;
  gpointer path;
  g_hash_table_iter_init(&iter, expected);
  while (g_hash_table_iter_next(&iter, &path, NULL)) add_fault(check, object_id, path, "missing", json_incref(record), "目录库已登记，长期保存库中没有");
  json_decref(rows);
}

static const char DELIVERY_PREFIX[] = "urn:lantai:accession:";

static gboolean is_known_accession(Check *check, const char *object_id) {
  if (!g_str_has_prefix(object_id, DELIVERY_PREFIX)) return FALSE;
  gint64 id = g_ascii_strtoll(object_id + strlen(DELIVERY_PREFIX), NULL, 10);
  g_hash_table_add(check->seen_deliveries, GSIZE_TO_POINTER((gsize)id));
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  return sql && sql_number(sql, "SELECT count(*) AS n FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), 0, NULL) == 1;
}

/* An entry of a ledger with its files. */
static gboolean is_known_entry(Check *check, const char *object_id) {
  static const char prefix[] = "urn:lantai:entry:";
  if (!g_str_has_prefix(object_id, prefix)) return FALSE;
  gint64 id = g_ascii_strtoll(object_id + strlen(prefix), NULL, 10);
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  return sql && sql_number(sql, "SELECT count(*) AS n FROM ledger_entry WHERE id = $1", SQL_ARGS(sql_int(id)), 0, NULL) == 1;
}

/* A report that was frozen, with its rows. */
static gboolean is_known_report(Check *check, const char *object_id) {
  static const char prefix[] = "urn:lantai:report:";
  if (!g_str_has_prefix(object_id, prefix)) return FALSE;
  gint64 id = g_ascii_strtoll(object_id + strlen(prefix), NULL, 10);
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  return sql && sql_number(sql, "SELECT count(*) AS n FROM report WHERE id = $1 AND frozen_at > 0", SQL_ARGS(sql_int(id)), 0, NULL) == 1;
}

/* Versions not yet acknowledged, and objects of undone records that wait to be removed, after a crash: the program's next start takes them away. */
static gboolean is_unfinished(Check *check, const char *object_id, gint64 record_id) {
  if (object_id == NULL) return FALSE;
  g_autoptr(Sql) sql = sql_read(check->house->db, NULL);
  return sql &&
    (sql_number(sql, "SELECT count(*) AS n FROM content_intent WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), 0, NULL) > 0 ||
      sql_number(sql, "SELECT count(*) AS n FROM accession_removal WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), 0, NULL) > 0);
}

static void on_object(const char *object_id, guint version, json_t *files, gpointer data) {
  Check *check = data;
  gint64 id;
  g_mutex_lock(&check->lock);
  json_t *record = record_of(check, object_id, &id);
  if (id && is_unfinished(check, object_id, id)) {
    g_hash_table_add(check->seen, GSIZE_TO_POINTER((gsize)id));
    check->unfinished++;
  } else if (record) {
    g_hash_table_add(check->seen, GSIZE_TO_POINTER((gsize)id));
    compare_files(check, object_id, id, record, files);
  } else if (!is_known_accession(check, object_id) && !is_known_entry(check, object_id) && !is_known_report(check, object_id))
    add_fault(check, object_id, NULL, "surplus", NULL, "目录库中没有对应的条目或批次");
  json_decref(record);
  g_mutex_unlock(&check->lock);
}

static void on_fault(const char *object_id, const char *path, ContentFault kind, const char *detail, gpointer data) {
  Check *check = data;
  gint64 id;
  g_mutex_lock(&check->lock);
  json_t *record = record_of(check, object_id, &id);
  if (id && is_unfinished(check, object_id, id)) json_decref(record);
  else add_fault(check, object_id, path, content_fault_name(kind), record, detail);
  if (id) g_hash_table_add(check->seen, GSIZE_TO_POINTER((gsize)id));
  g_mutex_unlock(&check->lock);
}

static void on_progress(gint64 objects, gint64 files, gint64 bytes, gpointer data) {
  Check *check = data;
  g_mutex_lock(&check->lock);
  check->objects = objects;
  check->files = files;
  check->bytes = bytes;
  if (check->progress) check->progress(objects, check->total_objects, "个对象", check->progress_data);
  g_mutex_unlock(&check->lock);
}

/* Deliveries that were loaded (and not undone) but whose rows are no longer in the store: without them nothing can be rebuilt. */
static gboolean find_missing_deliveries(Check *check, GError **error) {
  g_autoptr(Sql) sql = sql_read(check->house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT id FROM accession WHERE load_event > 0 ORDER BY id", SQL_NONE, error) : NULL;
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "id");
    if (g_hash_table_contains(check->seen_deliveries, GSIZE_TO_POINTER((gsize)id))) continue;
    g_autofree char *object_id = g_strdup_printf("%s%" G_GINT64_FORMAT, DELIVERY_PREFIX, id);
    add_fault(check, object_id, NULL, "missing", NULL, "长期保存库中没有这一批次的目录");
  }
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return failure == NULL;
}

/* Records that have files but whose object was not in the store at all. */
static gboolean find_missing_objects(Check *check, GError **error) {
  g_autoptr(Sql) sql = sql_read(check->house->db, error);
  g_autoptr(SqlRows) rows = sql ? sql_query(sql, "SELECT DISTINCT record_id AS id FROM file ORDER BY record_id", SQL_NONE, error) : NULL;
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "id");
    if (g_hash_table_contains(check->seen, GSIZE_TO_POINTER((gsize)id))) continue;
    g_autofree char *object_id = catalog_object_id(id);
    json_t *record = record_of(check, object_id, &id);
    add_fault(check, object_id, NULL, "missing", record, "长期保存库中没有这个对象");
  }
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return failure == NULL;
}

static const char *check_index(const House *house) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  g_autoptr(SearchResult) result = sql ? search_run(house->search, sql, &SCOPE_EVERYTHING, &(SearchRequest){0}, NULL) : NULL;
  if (result == NULL) return "not performed";
  gint64 records = sql_number(sql, "SELECT count(*) AS n FROM record", SQL_NONE, -1, NULL);
  return (gint64)result->count == records ? "good" : "differs";
}

json_t *care_check(const House *house, CareProgress progress, gpointer data, GError **error) {
  Check check = {.house = house,
    .faults = json_array(),
    .seen = g_hash_table_new(NULL, NULL),
    .seen_deliveries = g_hash_table_new(NULL, NULL),
    .progress = progress,
    .progress_data = data};
  g_mutex_init(&check.lock);
  {
    g_autoptr(Sql) sql = sql_read(house->db, NULL);
    check.total_objects = sql
      ? sql_number(sql, "SELECT (SELECT count(DISTINCT record_id) FROM file) + (SELECT count(*) FROM accession WHERE load_event > 0) AS n", SQL_NONE, 0, NULL)
      : 0;
  }
  const ContentCheckVisitor visitor = {on_object, on_fault, on_progress};
  gboolean good = content_check(house->content, &visitor, &check, error) && find_missing_objects(&check, error) && find_missing_deliveries(&check, error);
  g_hash_table_unref(check.seen);
  g_hash_table_unref(check.seen_deliveries);
  g_mutex_clear(&check.lock);
  if (!good) return json_decref(check.faults), NULL;
  g_autoptr(GError) database = NULL;
  sql_integrity_check(house->db, &database);
  const char *index = check_index(house);
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:s}", "fault_count", (json_int_t)check.fault_count, "unfinished", (json_int_t)check.unfinished,
    "objects", (json_int_t)check.objects, "files", (json_int_t)check.files, "bytes", (json_int_t)check.bytes, "faults", check.faults, "database",
    database ? database->message : "good", "index", index);
}

/* ---- digests of the catalogue ---- */

typedef SqlRows *(*OpenRows)(Sql *sql, GError **error);

static SqlRows *open_records(Sql *sql, GError **error) {
  return sql_query(sql,
    "SELECT json_array(id, rev, parent_id, fonds_id, accession_id, level, category, security, opening, code, title, creator, docno, date_text, date_from, date_to, year,"
    " retention, page_count, file_count, fields) AS line FROM record ORDER BY id",
    SQL_NONE, error);
}

static SqlRows *open_files(Sql *sql, GError **error) {
  return sql_query(sql,
    "SELECT json_array(id, record_id, sequence, name, path, mime, puid, kind, size_bytes, sha512, sm3, page_count, text_pages, accession_id) AS line"
    " FROM file ORDER BY id",
    SQL_NONE, error);
}

static SqlRows *open_page_texts(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(record_id, page, file_id, text) AS line FROM page_text ORDER BY record_id, page", SQL_NONE, error);
}

static SqlRows *open_authorities(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, rev, kind, state, merged_into, parent_id, name, synonyms, data) AS line FROM authority ORDER BY id", SQL_NONE, error);
}

static SqlRows *open_relations(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, from_id, to_id, kind, dates, note) AS line FROM authority_relation ORDER BY id", SQL_NONE, error);
}

static SqlRows *open_links(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(record_id, target_kind, target_id, role, dates, note, gathering_id) AS line "
    "FROM record_link ORDER BY record_id, target_kind, target_id, role",
    SQL_NONE, error);
}

static SqlRows *open_dossiers(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, rev, fonds_id, part, date_text, title, text, records) AS line FROM dossier_entry ORDER BY id", SQL_NONE, error);
}

static SqlRows *open_ledgers(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(ledger_id, version, at_us, actor, definition) AS line FROM ledger_version ORDER BY ledger_id, version", SQL_NONE, error);
}

static SqlRows *open_entries(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(entry_id, rev, at_us, actor, note, entry) AS line FROM ledger_entry_version ORDER BY entry_id, rev", SQL_NONE, error);
}

static SqlRows *open_entry_links(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(kind, target, entry_id, field) AS line FROM ledger_link ORDER BY kind, target, entry_id, field", SQL_NONE, error);
}

static SqlRows *open_comments(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, entry_id, at_us, actor, text) AS line FROM ledger_comment ORDER BY id", SQL_NONE, error);
}

/* What a check found of old, before the journal was told, is not compared. */
static SqlRows *open_checks(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, stage, subject_kind, subject_id, name, category, actor, state, failed, warned, awaiting, not_performed, units, files, "
    "bytes, started_us, finished_us, findings_kept) AS line FROM check_task WHERE finished_us > 0 ORDER BY id", SQL_NONE, error);
}

static SqlRows *open_check_items(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(task_id, position, code, name, property, grouping, severity, outcome, state, checked, failed, pending, explain, signed_by, "
    "signed_us, note) AS line FROM check_item ORDER BY task_id, code", SQL_NONE, error);
}

static SqlRows *open_findings(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(f.task_id, f.item, f.sequence, f.row_number, f.record_id, f.code, f.path, f.reason, f.pending) AS line "
    "FROM check_finding AS f JOIN check_task AS t ON t.id = f.task_id WHERE t.finished_us > 0 AND f.sequence <= t.findings_kept "
    "ORDER BY f.task_id, f.item, f.sequence", SQL_NONE, error);
}

/* A delivery's state between receiving and loading is working data (life.c). */
static SqlRows *open_deliveries(Sql *sql, GError **error) {
  return sql_query(sql, "SELECT json_array(id, name, body, stage, round, actor, created_at, loaded_rows, attached_count, attached_bytes) AS line FROM accession "
    "ORDER BY id", SQL_NONE, error);
}

static gboolean digest_rows(Sql *sql, const char *name, OpenRows open_rows, json_t *result, GError **error) {
  g_autoptr(SqlRows) rows = open_rows(sql, error);
  if (rows == NULL) return FALSE;
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  g_autoptr(GError) failure = NULL;
  gint64 count = 0;
  for (; sql_next(rows, &failure); count++) {
    const char *line = sql_text_at(rows, 0);
    digest_update(digest, line, strlen(line));
    digest_update(digest, "\n", 1);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  g_autofree char *sm3 = digest_finish_hex(digest);
  json_object_set_new(result, name, json_pack("{s:I, s:s}", "rows", (json_int_t)count, "sm3", sm3));
  return TRUE;
}

/* What an archive need not have; a database from before there were such tables has none of it, and is equal to one with empty ones. */
static void digest_optional(Sql *sql, json_t *result) {
  static const struct { const char *name; OpenRows open_rows; } parts[] = {
    {"authority", open_authorities}, {"authority_relation", open_relations}, {"record_link", open_links}, {"dossier_entry", open_dossiers},
    {"ledger", open_ledgers}, {"ledger_entry", open_entries}, {"ledger_link", open_entry_links}, {"ledger_comment", open_comments}};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autoptr(GError) absent = NULL;
    gboolean read = digest_rows(sql, parts[i].name, parts[i].open_rows, result, &absent);
    if (!read || json_integer_value(json_object_get(json_object_get(result, parts[i].name), "rows")) == 0) json_object_del(result, parts[i].name);
  }
}

/* Deliveries and checks: all of them, or none of a database that was last opened by a program from before they were compared. */
static gboolean digest_deliveries(Sql *sql, json_t *result, GError **error) {
  static const struct { const char *name; OpenRows open_rows; } parts[] = {
    {"accession", open_deliveries}, {"check_task", open_checks}, {"check_item", open_check_items}, {"check_finding", open_findings}};
  if (sql_number(sql, "SELECT COUNT(*) AS n FROM schema_version WHERE room = 'check' AND number >= 2", SQL_NONE, 0, NULL) == 0) return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!digest_rows(sql, parts[i].name, parts[i].open_rows, result, error)) return FALSE;
  return TRUE;
}

json_t *care_digest(SqlDb *db, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return NULL;
  json_t *result = json_object();
  if (digest_rows(sql, "record", open_records, result, error) && digest_rows(sql, "file", open_files, result, error) &&
    digest_rows(sql, "page_text", open_page_texts, result, error) && digest_deliveries(sql, result, error)) {
    digest_optional(sql, result);
    return result;
  }
  json_decref(result);
  return NULL;
}
