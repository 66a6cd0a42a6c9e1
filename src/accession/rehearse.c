/*
 * The rehearsal: the table is read once from end to end and nothing is written to the catalogue.
 *
 * 1. What it leaves is rows.ndjson, errors.ndjson and files.ndjson in the delivery's folder, each whole or not there, and the counts in the delivery's row.
 * 2. Volumes come first in rows.ndjson, so that an item finds its volume when it is loaded; else rows keep the order of the file.
 * 3. digest is the SM3 of all lines of rows.ndjson.
 * 4. Only when no column is the 档号 is the table read twice: first to find the column whose values are all there and all different.
 */
#include "delivery.h"
#include "error.h"
#include "keymap.h"
#include <glib/gstdio.h>
#include <string.h>

#define SAMPLE_ROWS 5
#define PLACES_MAX 2000
#define KEY_TOLERANCE 20 /* a key column may have one fault in so many rows */
#define PROGRESS_EVERY 512

TableReader *delivery_table(const House *house, gint64 id, GError **error) {
  g_autofree char *path = delivery_source(house, id);
  return format_table_open(path, error);
}

/* ---- the visible key ---- */

typedef struct { GHashTable *seen; gint64 faults; } KeyColumn;

static guint64 hash64(const char *text) { /* FNV-1a: good enough to choose a column, repeats themselves are compared exactly */
  guint64 hash = 14695981039346656037u;
  for (; *text; text++) hash = (hash ^ (guchar)*text) * 1099511628211u;
  return hash;
}

static void key_columns_see(KeyColumn *columns, guint count, const TableRow *row, gint64 rows) {
  for (guint i = 0; i < count; i++) {
    if (columns[i].seen == NULL) continue;
    const char *value = i < row->count ? row->cells[i] : "";
    guint64 hash = hash64(value);
    if (!*value || !g_hash_table_add(columns[i].seen, (gpointer)(gsize)(hash ^ hash >> 32))) columns[i].faults++;
    if (columns[i].faults > 10 + rows / KEY_TOLERANCE) g_clear_pointer(&columns[i].seen, g_hash_table_unref);
  }
}

static int key_columns_best(const KeyColumn *columns, guint count) {
  int best = -1;
  for (guint i = 0; i < count; i++)
    if (columns[i].seen && (best < 0 || columns[i].faults < columns[best].faults)) best = (int)i;
  return best;
}

static int survey_key(const House *house, Job *job, gint64 id, json_t *layout, GError **error) {
  g_autoptr(TableReader) reader = delivery_table(house, id, error);
  if (reader == NULL) return -1;
  guint count = (guint)json_array_size(json_object_get(layout, "columns")), first = layout_first_row(layout);
  g_autofree KeyColumn *columns = g_new0(KeyColumn, count + 1);
  for (guint i = 0; i < count; i++) columns[i].seen = g_hash_table_new(NULL, NULL);
  TableRow row;
  GError *failure = NULL;
  gint64 rows = 0;
  while (format_table_next(reader, &row, &failure) && !job_should_stop(job)) {
    if (row.number < first) continue;
    key_columns_see(columns, count, &row, ++rows);
    if (rows % PROGRESS_EVERY == 0) job_progress(job, rows, 0, "行", "查找标识列");
  }
  int best = failure ? -1 : key_columns_best(columns, count);
  for (guint i = 0; i < count; i++) g_clear_pointer(&columns[i].seen, g_hash_table_unref);
  if (failure) g_propagate_error(error, failure);
  else if (best < 0 && rows > 0) throw(error, LANTAI_ERROR_INVALID, "没有档号列，也没有一列的值既不空又各不相同。请把能区分各行的一列对应到“档号”");
  return best;
}

/* The key of earlier deliveries into the same fonds stays the key, whatever else is different this time. */
static int remembered_key(const House *house, json_t *delivery, json_t *layout, GError **error) {
  if (*text_at(delivery, "fonds")) return -1;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *own = sql ? own_fonds_find(sql, delivery, error) : NULL, *column;
  int found = -1;
  size_t i;
  json_array_foreach(json_object_get(layout, "columns"), i, column)
    if (own && g_str_equal(text_at(column, "header"), text_at(own, "key_header"))) found = (int)i;
  json_decref(own);
  return found;
}

static int choose_key(const House *house, Job *job, json_t *delivery, json_t *layout, GError **error) {
  int key = layout_column_of(layout, "code");
  GError *failure = NULL;
  if (key < 0) key = remembered_key(house, delivery, layout, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return -1;
  }
  return key >= 0 ? key : survey_key(house, job, int_at(delivery, "id"), layout, error);
}

/* ---- the pass over the table ---- */

typedef struct {
  const House *house;
  Job *job;
  const char *fonds;       /* the one given, or "" */
  gint64 id, rows, accepted, volumes, rejected, warnings;
  RowPlan *plan;
  RowWriter *out, *volume_out, *faults, *rejects;
  KeyMap *codes;           /* "fonds\ncode" → row number */
  GHashTable *place_seen;  /* "fonds\ncategory" */
  json_t *places, *samples;
  char *digest_hex;
  RowResult result;
  Security security; /* the highest found, rejected rows too */
  GString *key;
} Pass;

static void pass_clear(Pass *pass) {
  row_plan_free(pass->plan);
  row_writer_free(pass->out);
  row_writer_free(pass->volume_out);
  row_writer_free(pass->faults);
  row_writer_free(pass->rejects);
  g_clear_pointer(&pass->codes, keymap_free);
  g_clear_pointer(&pass->place_seen, g_hash_table_unref);
  json_decref(pass->places);
  json_decref(pass->samples);
  g_free(pass->digest_hex);
  row_result_clear(&pass->result);
  g_string_free(pass->result.line, TRUE);
  g_string_free(pass->result.faults, TRUE);
  if (pass->key) g_string_free(pass->key, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pass, pass_clear)

static void reject_row(Pass *pass, guint row, const char *column, const char *reason) {
  RowResult *result = &pass->result;
  g_string_truncate(result->faults, 0);
  row_fault(result->faults, row, column, result->code, reason, FALSE);
  result->errors = 1;
  result->warnings = 0;
}

static void reject_repeat(Pass *pass, guint row, guint first, const char *column) {
  g_autofree char *reason = g_strdup_printf("与第 %u 行重复：同一批次中档号（标识）只能出现一次", first);
  reject_row(pass, row, column, reason);
}

/* The codes that fonds and class nodes have within a fonds. */
static gboolean is_node_code(const Pass *pass, const RowResult *result) {
  const char *fonds = *pass->fonds ? pass->fonds : result->fonds;
  gsize length = strlen(fonds);
  if (length == 0 || strncmp(result->code, fonds, length) != 0) return FALSE;
  const char *rest = result->code + length;
  return *rest == '\0' || (*rest == '-' && catalog_category_by_code(pass->house->catalog, rest + 1) != NULL);
}

static gboolean note_place(Pass *pass, GError **error) {
  const RowResult *result = &pass->result;
  g_string_printf(pass->key, "%s\n%s", result->fonds, result->category->code);
  if (g_hash_table_contains(pass->place_seen, pass->key->str)) return TRUE;
  if (g_hash_table_size(pass->place_seen) >= PLACES_MAX)
    return throw(error, LANTAI_ERROR_INVALID, "全宗号与门类的组合超过 %d 种，全宗号列多半对应错了。请检查字段对应", PLACES_MAX);
  g_hash_table_add(pass->place_seen, g_strdup(pass->key->str));
  json_array_append_new(pass->places, json_pack("{s:s, s:s, s:s}", "fonds", result->fonds, "fonds_title", result->fonds_title, "category",
    result->category->code));
  return TRUE;
}

static gboolean accept_row(Pass *pass, GError **error) {
  RowResult *result = &pass->result;
  if (!note_place(pass, error)) return FALSE;
  if (json_array_size(pass->samples) < SAMPLE_ROWS) json_array_append_new(pass->samples, json_loadb(result->line->str, result->line->len - 1, 0, NULL));
  pass->accepted++;
  pass->warnings += result->warnings;
  gboolean volume = result->level == LEVEL_VOLUME;
  pass->volumes += volume;
  return row_writer_add(volume ? pass->volume_out : pass->out, result->line->str, result->line->len, error);
}

static gboolean pass_row(Pass *pass, const TableRow *row, const char *key_header, GError **error) {
  RowResult *result = &pass->result;
  row_plan_apply(pass->plan, row, result);
  if (result->errors == 0 && is_node_code(pass, result)) reject_row(pass, row->number, key_header, "与全宗号或门类节点的代码相同，不能作一件档案的档号");
  if (result->errors == 0) {
    g_string_printf(pass->key, "%s\n%s", result->fonds, result->code);
    guint first = keymap_add(pass->codes, pass->key->str, pass->key->len, row->number);
    if (first) reject_repeat(pass, row->number, first, key_header);
  }
  pass->rows++;
  pass->security = MAX(pass->security, result->security);
  if (result->faults->len && !row_writer_add(pass->faults, result->faults->str, result->faults->len, error)) return FALSE;
  if (result->errors == 0) return accept_row(pass, error);
  pass->rejected++;
  g_string_printf(pass->key, "{\"row\":%u,", row->number);
  return row_writer_add(pass->rejects, pass->key->str, pass->key->len, error) &&
    row_writer_add(pass->rejects, result->line->str + 1, result->line->len - 1, error);
}

static gboolean pass_open(Pass *pass, json_t *delivery, json_t *layout, int key, GError **error) {
  const House *house = pass->house;
  pass->plan = row_plan_new(house->catalog, layout, key, text_at(delivery, "category"), text_at(delivery, "fonds"), error);
  if (pass->plan == NULL) return FALSE;
  g_autofree char *rows = delivery_path(house, pass->id, ROWS_NAME), *volumes = delivery_path(house, pass->id, "volumes.ndjson"),
    *faults = delivery_path(house, pass->id, FAULTS_NAME), *rejects = delivery_path(house, pass->id, REJECTED_NAME);
  if ((pass->out = row_writer_new_digested(rows, error)) == NULL || (pass->faults = row_writer_new(faults, error)) == NULL ||
      (pass->rejects = row_writer_new(rejects, error)) == NULL) return FALSE;
  if (layout_column_of(layout, "level") >= 0 && (pass->volume_out = row_writer_new(volumes, error)) == NULL) return FALSE;
  pass->codes = keymap_new();
  pass->place_seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  pass->places = json_array();
  pass->samples = json_array();
  pass->key = g_string_new(NULL);
  return TRUE;
}

static gboolean pass_table(Pass *pass, TableReader *reader, json_t *layout, const char *key_header, GError **error) {
  guint first = layout_first_row(layout);
  TableRow row;
  GError *failure = NULL;
  while (!job_should_stop(pass->job) && format_table_next(reader, &row, &failure)) {
    if (row.number < first) continue;
    if (!pass_row(pass, &row, key_header, error)) return FALSE;
    if (pass->rows % PROGRESS_EVERY) continue;
    double position = format_table_position(reader);
    job_progress(pass->job, pass->rows, position > 0.01 ? (gint64)((double)pass->rows / position) : 0, "行", "读表并检查");
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

/* Volumes before items, and the digest over both. */
static char *join_volumes(Pass *pass, GError **error) {
  g_autofree char *rows = delivery_path(pass->house, pass->id, ROWS_NAME), *volumes = delivery_path(pass->house, pass->id, "volumes.ndjson");
  if (!row_writer_close(pass->out, error) || !row_writer_close(pass->volume_out, error)) return NULL;
  g_autofree char *joined = delivery_path(pass->house, pass->id, "joined.ndjson");
  g_autoptr(RowWriter) out = row_writer_new_digested(joined, error);
  if (out == NULL) return NULL;
  const char *parts[] = {volumes, rows}, *line;
  for (guint i = 0; i < 2; i++) {
    g_autoptr(RowReader) reader = row_reader_open(parts[i], error);
    if (reader == NULL) return NULL;
    gsize length;
    GError *failure = NULL;
    while (row_reader_next(reader, &line, &length, &failure)) {
      if (!row_writer_add(out, line, length, &failure) || !row_writer_add(out, "\n", 1, &failure)) break;
    }
    if (failure) {
      g_propagate_error(error, failure);
      return NULL;
    }
  }
  if (!row_writer_close(out, error)) return NULL;
  if (g_rename(joined, rows) != 0 || g_unlink(volumes) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能整理批次目录中的文件。请检查磁盘和权限后重新检测");
  return row_writer_digest(out);
}

static char *pass_finish(Pass *pass, GError **error) {
  if (!row_writer_close(pass->faults, error) || !row_writer_close(pass->rejects, error)) return NULL;
  if (pass->volume_out) return join_volumes(pass, error);
  return row_writer_close(pass->out, error) ? row_writer_digest(pass->out) : NULL;
}

/* ---- what would happen: rows against the catalogue, documents against rows ---- */

typedef struct {
  const House *house;
  Job *job;
  Sql *sql;
  gint64 id, created, updated, unchanged, missing, surplus, accepted;
  GHashTable *fonds_ids; /* fonds as in the rows → record id of the fonds, 0 when it has no records */
  FileIndex *index;
  const Pass *pass;
  Checking *checking; /* NULL: without the four properties */
  gint64 check_id;
  RowLine line;       /* the row at hand, as it stands */
  RowWriter *files;
  GError *failure;
} Outlook;

static gboolean fonds_is_empty(const Outlook *outlook, gint64 fonds_id) {
  const gint64 levels[] = {LEVEL_VOLUME, LEVEL_ITEM};
  SearchRequest request = {.fonds = &fonds_id, .fonds_count = 1, .levels = levels, .levels_count = 2};
  g_autoptr(SearchResult) result = search_run_whole(outlook->house->search, outlook->sql, &SCOPE_EVERYTHING, &request, NULL);
  return result && result->count == 0;
}

static gboolean outlook_fonds(Outlook *outlook, json_t *delivery, json_t *places, GError **error) {
  GError *failure = NULL;
  json_t *own = *text_at(delivery, "fonds") ? NULL : own_fonds_find(outlook->sql, delivery, &failure), *place;
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  size_t i;
  json_array_foreach(places, i, place) {
    const char *row_fonds = text_at(place, "fonds"), *code = text_at(delivery, "fonds");
    if (!*code) code = *row_fonds ? row_fonds : own ? text_at(own, "code") : "";
    gint64 *fonds_id = g_new(gint64, 1);
    *fonds_id = *code ? fonds_find(outlook->sql, code) : 0;
    if (*fonds_id && fonds_is_empty(outlook, *fonds_id)) *fonds_id = 0;
    g_hash_table_replace(outlook->fonds_ids, g_strdup(row_fonds), fonds_id);
  }
  json_decref(own);
  return TRUE;
}

/* The record it will change, 0 for a new one. */
static gint64 compare_row(Outlook *outlook, DecodedRow *row) {
  const gint64 *fonds_id = g_hash_table_lookup(outlook->fonds_ids, row->fonds);
  g_autoptr(CatalogRecord) before = fonds_id && *fonds_id ? catalog_record_by_code(outlook->sql, &SCOPE_EVERYTHING, *fonds_id, row->record->code, NULL) : NULL;
  if (before == NULL) {
    outlook->created++;
    return 0;
  }
  const CatalogCategory *category = catalog_category_by_code(outlook->house->catalog, row->category);
  row->record->category = category ? category->id : 0;
  row->record->level = before->level;
  row->record->parent_id = before->parent_id;
  row->record->fonds_id = before->fonds_id;
  row->record->file_count = before->file_count;
  json_t *diff = catalog_record_diff(before, row->record);
  if (diff) outlook->updated++;
  else outlook->unchanged++;
  json_decref(diff);
  return before->id;
}

static gboolean files_line(Outlook *outlook, const char *kind, const char *text, const char *code) {
  json_t *json = code ? json_pack("{s:s, s:s}", "code", code, kind, text) : json_pack("{s:s}", kind, text);
  g_autofree char *line = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  if (outlook->failure == NULL) row_writer_add(outlook->files, line, strlen(line), &outlook->failure);
  if (outlook->failure == NULL) row_writer_add(outlook->files, "\n", 1, &outlook->failure);
  return outlook->failure == NULL;
}

static void note_surplus(const char *path, gpointer data) {
  Outlook *outlook = data;
  if (outlook->checking && checking_expects(outlook->checking, path)) return;
  outlook->surplus++;
  files_line(outlook, "surplus", path, NULL);
  if (outlook->checking && outlook->failure == NULL) checking_surplus(outlook->checking, path, &outlook->failure);
}

static void match_row(Outlook *outlook, const DecodedRow *row, CheckedFiles *ret) {
  const char *wanted;
  ret->paths = file_index_match(outlook->index, row->record->code, row->file, &wanted);
  ret->index = outlook->index;
  if (wanted == NULL || (ret->paths == NULL && row->record->level == LEVEL_VOLUME && !*row->file)) return;
  ret->wanted = wanted;
  outlook->missing++;
  files_line(outlook, "wanted", wanted, row->record->code);
}

static void check_row(Outlook *outlook, const DecodedRow *row, gint64 record_id, const CheckedFiles *files) {
  g_autofree char *key = g_strdup_printf("%s\n%s", row->fonds, row->record->code);
  gint64 number = keymap_get(outlook->pass->codes, key, strlen(key));
  checking_row(outlook->checking, &outlook->line, number, record_id, files, &outlook->failure);
}

/* Walks the canonical rows; func NULL: only claims the documents that bear a row's whole code. */
static gboolean each_row(Outlook *outlook, void (*func)(Outlook *, DecodedRow *), const char *stage, GError **error) {
  g_autofree char *path = delivery_path(outlook->house, outlook->id, ROWS_NAME);
  g_autoptr(RowReader) reader = row_reader_open(path, error);
  if (reader == NULL) return FALSE;
  const char *line;
  gsize length;
  gint64 done = 0;
  while (outlook->failure == NULL && !job_should_stop(outlook->job) && row_reader_next(reader, &line, &length, &outlook->failure)) {
    DecodedRow row;
    if (!row_decode(line, length, &row, &outlook->failure)) break;
    outlook->line = (RowLine){line, length};
    func(outlook, &row);
    row_decoded_clear(&row);
    if (++done % PROGRESS_EVERY == 0) job_progress(outlook->job, done, outlook->accepted, "行", stage);
  }
  if (outlook->failure == NULL) return TRUE;
  g_propagate_error(error, g_steal_pointer(&outlook->failure));
  return FALSE;
}

static void claim_row(Outlook *outlook, DecodedRow *row) { file_index_claim(outlook->index, row->record->code); }
static void outlook_row(Outlook *outlook, DecodedRow *row) {
  CheckedFiles files = {NULL, NULL, NULL};
  if (outlook->index) match_row(outlook, row, &files);
  gint64 record_id = g_hash_table_size(outlook->fonds_ids) ? compare_row(outlook, row) : 0;
  if (outlook->checking && outlook->failure == NULL) check_row(outlook, row, record_id, &files);
  g_clear_pointer(&files.paths, g_ptr_array_unref);
}

static gboolean outlook_needs_lookup(Outlook *outlook) {
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init(&iter, outlook->fonds_ids);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (*(gint64 *)value) return TRUE;
  return FALSE;
}

static gboolean outlook_run(Outlook *outlook, json_t *delivery, json_t *places, GError **error) {
  g_autofree char *path = delivery_path(outlook->house, outlook->id, FILES_NAME);
  g_autoptr(RowWriter) files = row_writer_new(path, error);
  if (files == NULL || !outlook_fonds(outlook, delivery, places, error)) return FALSE;
  outlook->files = files;
  if (!outlook_needs_lookup(outlook)) {
    g_hash_table_remove_all(outlook->fonds_ids);
    outlook->created = outlook->accepted;
  }
  if (outlook->index && !each_row(outlook, claim_row, "核对原文", error)) return FALSE;
  if ((outlook->index || outlook->checking || g_hash_table_size(outlook->fonds_ids)) &&
      !each_row(outlook, outlook_row, outlook->checking ? "四性检测" : "与目录库核对", error)) return FALSE;
  if (outlook->index && !job_should_stop(outlook->job)) file_index_surplus(outlook->index, note_surplus, outlook);
  if (outlook->failure) {
    g_propagate_error(error, g_steal_pointer(&outlook->failure));
    return FALSE;
  }
  return row_writer_close(files, error);
}

static gboolean end_check(Outlook *outlook, GError **error) {
  if (outlook->checking == NULL || job_should_stop(outlook->job)) return TRUE;
  g_autofree char *rejected = delivery_path(outlook->house, outlook->id, REJECTED_NAME);
  return checking_rejected(outlook->checking, rejected, error) && (outlook->check_id = checking_end(outlook->checking, error)) != 0 &&
    delivery_point("accession.checked", error);
}

/* ---- the rehearsal ---- */

/* Only for the columns that were read: they may have been mapped otherwise meanwhile. */
static gboolean store_results(const Pass *pass, const Outlook *outlook, json_t *delivery, json_t *survey, gint64 started_us, GError **error) {
  g_autoptr(Sql) sql = sql_write(pass->house->db, error);
  g_autofree char *dump = json_dumps(survey, JSON_COMPACT);
  if (sql == NULL || !sql_exec(sql,
      "UPDATE accession SET failure = '', survey = $1, digest = $2, row_count = $3, accepted_count = $4, volume_count = $5, "
        "created_count = $6, "
      "updated_count = $7, unchanged_count = $8, rejected_count = $9, warning_count = $10, missing_count = $11, surplus_count = $12, rehearse_ms = $13, check_id = $14 "
      "WHERE id = $15 AND state = 'checking' AND layout = $16",
      SQL_ARGS(sql_text(dump), sql_text(pass->digest_hex), sql_int(pass->rows), sql_int(pass->accepted), sql_int(pass->volumes), sql_int(outlook->created),
        sql_int(outlook->updated), sql_int(outlook->unchanged), sql_int(pass->rejected), sql_int(pass->warnings), sql_int(outlook->missing),
          sql_int(outlook->surplus),
        sql_int((g_get_monotonic_time() - started_us) / 1000), sql_int(outlook->check_id), sql_int(pass->id),
          sql_text(text_at(delivery, "layout"))), error)) return FALSE;
  if (sql_changes(sql) != 1) return throw(error, LANTAI_ERROR_CONFLICT, "检测期间字段对应或文件被改动。请重新检测");
  return life_move(sql, job_actor(pass->job), pass->id, &(LifeStep){"rehearsed", NULL, NULL}, error) && sql_commit(sql, error);
}

/* The documents are looked for, and unpacked where they came packed; NULL without an error: there are none. */
static FileIndex *open_documents(const Pass *pass, json_t *delivery, char **ret_folder, GError **error) {
  if (!*text_at(delivery, "documents")) return NULL;
  *ret_folder = unpack_documents(pass->house, pass->job, delivery, error);
  json_auto_t *unpacked = *ret_folder ? unpacked_read_below(pass->house, pass->id, *ret_folder) : NULL;
  return *ret_folder && !job_should_stop(pass->job) ? file_index_new(*ret_folder, unpacked, error) : NULL;
}

static gboolean look_ahead(Pass *pass, Outlook *outlook, json_t *delivery, gboolean checks, GError **error) {
  g_autofree char *folder = NULL;
  GError *failure = NULL;
  g_autoptr(FileIndex) index = open_documents(pass, delivery, &folder, &failure);
  g_autoptr(Checking) checking = checks && failure == NULL && !job_should_stop(pass->job) ?
    checking_new(pass->house, job_actor(pass->job), delivery, folder, index, &failure) : NULL;
  g_autoptr(Sql) sql = failure ? NULL : sql_read(pass->house->db, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  *outlook = (Outlook){.house = pass->house, .job = pass->job, .sql = sql, .id = pass->id, .accepted = pass->accepted, .index = index, .pass = pass,
    .checking = checking};
  if (job_should_stop(pass->job)) return TRUE;
  outlook->fonds_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  gboolean good = outlook_run(outlook, delivery, pass->places, error) && end_check(outlook, error);
  g_hash_table_unref(outlook->fonds_ids);
  return good;
}

static gboolean rehearse(const House *house, Job *job, json_t *delivery, gboolean checks, GError **error) {
  gint64 started_us = g_get_monotonic_time();
  GError *failure = NULL;
  json_auto_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL);
  int key = choose_key(house, job, delivery, layout, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  const char *key_header = key >= 0 ? text_at(json_array_get(json_object_get(layout, "columns"), (size_t)key), "header") : "";
  g_auto(Pass) pass = {.house = house, .job = job, .id = int_at(delivery, "id"), .fonds = text_at(delivery, "fonds")};
  row_result_clear(&pass.result);
  g_autoptr(TableReader) reader = delivery_table(house, pass.id, error);
  if (reader == NULL || !pass_open(&pass, delivery, layout, key, error) || !pass_table(&pass, reader, layout, key_header, error)) return FALSE;
  if (job_should_stop(job)) return TRUE;
  pass.digest_hex = pass_finish(&pass, error);
  Outlook outlook;
  if (pass.digest_hex == NULL || !look_ahead(&pass, &outlook, delivery, checks, error)) return FALSE;
  if (job_should_stop(job)) return TRUE;
  job_progress(job, pass.rows, pass.rows, "行", "读完");
  json_t *survey = json_pack("{s:i, s:i, s:s, s:O, s:O, s:i}", "security", (int)pass.security, "key_column", key, "key_header", key_header, "places",
    pass.places, "samples", pass.samples, "replaced",
    (int)format_table_replaced(reader));
  gboolean good = delivery_point("accession.rehearsed", error) && store_results(&pass, &outlook, delivery, survey, started_us, error);
  json_decref(survey);
  return good;
}

/* A job that was killed finds the delivery in checking and goes on. */
static gboolean begin_check(const House *house, const char *actor, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  gboolean good = delivery && (delivery_is(delivery, "checking") || life_move(sql, actor, id, &(LifeStep){"checking", NULL, NULL}, error)) &&
    sql_exec(sql, "UPDATE accession SET failure = '' WHERE id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
  json_decref(delivery);
  return good;
}

static gboolean check_delivery(const House *house, Job *job, gint64 id, gboolean checks, GError **error) {
  if (!begin_check(house, job_actor(job), id, error)) return FALSE;
  json_t *delivery = delivery_read(house, id, error);
  gboolean good = delivery && survey_package(house, job, delivery, error);
  json_decref(delivery);
  if (!good || job_should_stop(job)) return good;
  delivery = delivery_read(house, id, error);
  good = delivery && rehearse(house, job, delivery, checks, error);
  json_decref(delivery);
  return good;
}

gboolean accession_rehearse(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_integer_value(json_object_get(parameters, "accession"));
  json_t *delivery = delivery_read(house, id, error);
  if (delivery == NULL) return FALSE;
  gboolean loading = delivery_is(delivery, "loading attaching"), ready = delivery_is(delivery, "received checking rehearsed");
  json_decref(delivery);
  if (loading) return TRUE; /* an import that is going on has been rehearsed */
  if (!ready) return throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 还没有文件，或已退回、入库、作废，不能检测。请先接收文件", id);
  g_autoptr(GError) failure = NULL;
  if (check_delivery(house, job, id, !json_is_false(json_object_get(parameters, "check")), &failure)) return TRUE;
  delivery_fail(house, id, failure);
  g_propagate_error(error, g_steal_pointer(&failure));
  return FALSE;
}
