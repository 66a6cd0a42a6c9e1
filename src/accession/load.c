/*
 * Loading: canonical rows to records, from the delivery's object in the store.
 *
 * 1. First the object with source, mapping and rows is durable; the transaction that makes it known also makes fonds and class nodes, reserves the ids, and
 *    tells the journal.
 * 2. Row i becomes record first_record_id + i, or changes the record of its code. Rows are put in order, in batches of one transaction with the row number
 *    reached.
 * 3. A second thread reads and decodes rows ahead; the order is kept by one bounded queue.
 * 4. What the archives decides itself, opening and security, is not reset by a file that has no column for it.
 * 5. Which rows stay out because their code waits for another delivery is decided once, here: `accession.rows` names them as "kept", and a replay obeys it.
 */
#include "code-keeper.h"
#include "beneath.h"
#include "delivery.h"
#include "error.h"
#include "project.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_ROWS 256
#define QUEUE_CHUNKS 16

/* ---- putting rows in order ---- */

struct LoadState {
  const House *house;
  const char *teller; /* who loads, in whose name each changed record's history is told; NULL: a replay, the history is there */
  gint64 id, first_id, volume_count;
  gint64 created, updated, unchanged, refused; /* since the last save */
  GHashTable *kept; /* rows whose code is another delivery's: found since the last save, or, in a replay, told by the event */
  gboolean keep_opening, keep_security, lookup;
  PlaceTable *places;
  GHashTable *volumes;        /* "fonds id\ncode" → record id */
  GHashTable *volume_numbers; /* "fonds id\n案卷号" → record id, 0: several */
  GHashTable *former;         /* "fonds id\ncode" → a volume of earlier deliveries, 0: none; since the last save */
};

void load_state_free(LoadState *state) {
  if (state == NULL) return;
  place_table_free(state->places);
  g_clear_pointer(&state->volumes, g_hash_table_unref);
  g_clear_pointer(&state->volume_numbers, g_hash_table_unref);
  g_clear_pointer(&state->former, g_hash_table_unref);
  g_clear_pointer(&state->kept, g_hash_table_unref);
  g_free(state);
}

static char *volume_key(gint64 fonds_id, const char *text) { return g_strdup_printf("%" G_GINT64_FORMAT "\n%s", fonds_id, text); }

static void remember_volume(LoadState *state, gint64 fonds_id, const char *code, const char *number, gint64 id) {
  g_hash_table_insert(state->volumes, volume_key(fonds_id, code), GSIZE_TO_POINTER((gsize)id));
  if (!*number) return;
  char *key = volume_key(fonds_id, number);
  gboolean several = g_hash_table_contains(state->volume_numbers, key);
  g_hash_table_insert(state->volume_numbers, key, GSIZE_TO_POINTER(several ? 0 : (gsize)id));
}

/* Volumes put before an interruption. */
static gboolean recall_volumes(LoadState *state, Sql *sql, json_t *delivery, GError **error) {
  gint64 count = MIN(int_at(delivery, "loaded_rows"), state->volume_count);
  if (count == 0) return TRUE;
  g_autoptr(RowReader) reader = row_reader_open_stored(state->house, state->id, error);
  if (reader == NULL) return FALSE;
  const char *line;
  gsize length;
  for (gint64 i = 0; i < count; i++) {
    DecodedRow row;
    if (!row_reader_next(reader, &line, &length, error) || !row_decode(line, length, &row, error)) return FALSE;
    const Place *place = place_find(state->places, row.fonds, row.category);
    gint64 id = place ? load_record_id(state->house, sql, delivery, place, i, row.record->code) : 0;
    if (id) remember_volume(state, place->fonds_id, row.record->code, row.volume, id);
    row_decoded_clear(&row);
  }
  return TRUE;
}

LoadState *load_state_new(const House *house, Sql *sql, json_t *delivery, GError **error) {
  g_autoptr(LoadState) state = g_new0(LoadState, 1);
  state->house = house;
  state->id = int_at(delivery, "id");
  state->first_id = int_at(delivery, "first_record_id");
  state->volume_count = int_at(delivery, "volume_count");
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *places = place_json(sql, state->id, error), *place;
  state->keep_opening = layout_column_of(layout, "opening") < 0;
  state->keep_security = layout_column_of(layout, "security") < 0;
  size_t i;
  json_array_foreach(places, i, place) state->lookup |= !int_at(place, "made_fonds");
  json_decref(layout);
  if (places == NULL) return NULL;
  json_decref(places);
  state->volumes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  state->volume_numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  state->former = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  state->kept = g_hash_table_new(g_direct_hash, g_direct_equal);
  if ((state->places = place_table_load(house, sql, state->id, error)) == NULL || !recall_volumes(state, sql, delivery, error)) return NULL;
  return g_steal_pointer(&state);
}

/* The volume an item lies in: its 案卷号 as a code, the longest beginning of its code that is a volume's, or its 案卷号 as the only one of that number. */
static gint64 find_volume(const LoadState *state, const Place *place, const DecodedRow *row) {
  g_autofree char *by_code = volume_key(place->fonds_id, row->volume), *prefix = volume_key(place->fonds_id, row->record->code);
  gpointer found = *row->volume ? g_hash_table_lookup(state->volumes, by_code) : NULL;
  for (char *dash; found == NULL && (dash = strrchr(prefix, '-'));) {
    *dash = '\0';
    found = g_hash_table_lookup(state->volumes, prefix);
  }
  if (found == NULL && *row->volume) found = g_hash_table_lookup(state->volume_numbers, by_code);
  return (gint64)GPOINTER_TO_SIZE(found);
}

/* A volume that was in the catalogue before this delivery, by its code. */
static gint64 former_volume(const LoadState *state, Sql *sql, gint64 fonds_id, const char *code) {
  g_autofree char *key = volume_key(fonds_id, code);
  gpointer known;
  if (g_hash_table_lookup_extended(state->former, key, NULL, &known)) return (gint64)GPOINTER_TO_SIZE(known);
  g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, &SCOPE_EVERYTHING, fonds_id, code, NULL);
  gint64 id = record && record->level == LEVEL_VOLUME ? record->id : 0;
  g_hash_table_insert(state->former, g_steal_pointer(&key), GSIZE_TO_POINTER((gsize)id));
  return id;
}

/* As find_volume, among those of earlier deliveries: by 案卷号 as a code, or by the longest beginning of the item's code. */
static gint64 find_former_volume(const LoadState *state, Sql *sql, const Place *place, const DecodedRow *row) {
  if (!state->lookup) return 0;
  gint64 found = *row->volume ? former_volume(state, sql, place->fonds_id, row->volume) : 0;
  g_autofree char *prefix = g_strdup(row->record->code);
  for (char *dash; found == 0 && (dash = strrchr(prefix, '-'));) {
    *dash = '\0';
    found = former_volume(state, sql, place->fonds_id, prefix);
  }
  return found;
}

static void keep_decisions(const LoadState *state, Sql *sql, CatalogRecord *record) {
  if (!state->lookup || !(state->keep_opening || state->keep_security)) return;
  g_autoptr(CatalogRecord) before = catalog_record_by_code(sql, &SCOPE_EVERYTHING, record->fonds_id, record->code, NULL);
  if (before == NULL) return;
  if (state->keep_opening) record->opening = before->opening;
  if (state->keep_security) record->security = before->security;
}

/* A delivery's corrections are few beside what it brings: each is told in its record's own history. */
static gboolean tell_change(const LoadState *state, Sql *sql, const CatalogRecord *record, const CatalogRecord *before, GError **error) {
  if (state->teller == NULL) return TRUE;
  json_t *data = json_pack("{s:I, s:o?}", "accession", (json_int_t)state->id, "changes", catalog_record_diff(before, record));
  gboolean good = journal_append(sql, state->teller, "delivery.update", "record", record->id, data, error) != 0;
  json_decref(data);
  return good;
}

static gboolean save_change(const LoadState *state, Sql *sql, const CatalogRecord *record, const CatalogRecord *before, GError **error) {
  g_autofree char *json = record_to_json(before);
  return tell_change(state, sql, record, before, error) && sql_exec(sql, "INSERT INTO accession_change (accession_id, record_id, rev, before) VALUES ($1, $2, $3, $4)",
    SQL_ARGS(sql_int(state->id), sql_int(record->id), sql_int(record->rev), sql_text(json)), error);
}

void load_state_keep_out(LoadState *state, json_t *rows) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) g_hash_table_add(state->kept, GSIZE_TO_POINTER((gsize)json_integer_value(row)));
}

/* A code that waits for a delivery's new record is given to nobody else's, and that delivery changes no record that has it by now. */
static gboolean code_is_others(const LoadState *state, Sql *sql, const CatalogRecord *record) {
  gint64 kept = catalog_code_kept(sql, record->fonds_id, record->code);
  if (kept == 0) return FALSE;
  g_autoptr(CatalogRecord) there = catalog_record_by_code(sql, &SCOPE_EVERYTHING, record->fonds_id, record->code, NULL);
  if (kept == state->id ? there == NULL || there->accession_id == state->id : there != NULL) return FALSE;
  g_warning("批次 %" G_GINT64_FORMAT "：档号 %s %s，这一行没有收下", state->id, record->code, kept == state->id ? "已是另一件档案的" : "已留给另一个正在归档的批次");
  return TRUE;
}

static gboolean stays_out(const LoadState *state, Sql *sql, gint64 row, const CatalogRecord *record) {
  if (state->teller == NULL) return g_hash_table_contains(state->kept, GSIZE_TO_POINTER((gsize)row));
  if (!code_is_others(state, sql, record)) return FALSE;
  g_hash_table_add(state->kept, GSIZE_TO_POINTER((gsize)row));
  return TRUE;
}

gboolean load_state_put(LoadState *state, Sql *sql, gint64 row, DecodedRow *decoded, GError **error) {
  CatalogRecord *record = decoded->record;
  const Place *place = place_find(state->places, decoded->fonds, decoded->category);
  if (place == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "第 %" G_GINT64_FORMAT " 条规范行没有所属全宗。请撤销这个批次后重新导入", row + 1);
  record->id = state->first_id + row;
  record->accession_id = state->id;
  record->fonds_id = place->fonds_id;
  record->category = place->category;
  record->parent_id = place->class_id;
  if (record->level == LEVEL_ITEM) {
    gint64 volume = state->volume_count ? find_volume(state, place, decoded) : 0;
    if (volume == 0) volume = find_former_volume(state, sql, place, decoded);
    if (volume) record->parent_id = volume;
  }
  keep_decisions(state, sql, record);
  if (stays_out(state, sql, row, record)) return state->refused++, TRUE;
  g_autoptr(CatalogRecord) before = NULL;
  GError *failure = NULL;
  switch (catalog_record_put(state->house, sql, record, &before, &failure)) {
  case CATALOG_PUT_CREATED: state->created++; break;
  case CATALOG_PUT_UNCHANGED: state->unchanged++; break;
  case CATALOG_PUT_UPDATED:
    state->updated++;
    if (!save_change(state, sql, record, before, error)) return FALSE;
    break;
  case CATALOG_PUT_ERROR:
    if (!g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) {
      g_propagate_error(error, failure);
      return FALSE;
    }
    g_warning("批次 %" G_GINT64_FORMAT "：%s", state->id, failure->message); /* its code is a node's: the row is left out, the rest goes on */
    g_error_free(failure);
    state->refused++;
    return TRUE;
  }
  if (record->level == LEVEL_VOLUME) remember_volume(state, place->fonds_id, record->code, decoded->volume, record->id);
  return TRUE;
}

gboolean load_state_save(LoadState *state, Sql *sql, gint64 loaded_rows, GError **error) {
  gboolean good = sql_exec(sql, "UPDATE accession SET loaded_rows = $1, created_count = created_count + $2, updated_count = updated_count + $3, "
    "unchanged_count = unchanged_count + $4, "
    "rejected_count = rejected_count + $5 WHERE id = $6", SQL_ARGS(sql_int(loaded_rows), sql_int(state->created), sql_int(state->updated),
      sql_int(state->unchanged),
      sql_int(state->refused), sql_int(state->id)), error);
  state->created = state->updated = state->unchanged = state->refused = 0;
  g_hash_table_remove_all(state->former);
  return good;
}

gint64 load_record_id(const House *house, Sql *sql, json_t *delivery, const Place *place, gint64 row, const char *code) {
  SearchColumns columns;
  gint64 id = int_at(delivery, "first_record_id") + row;
  if (search_columns(house->search, id, &columns) && columns.level && columns.accession_id == (guint32)int_at(delivery, "id")) return id;
  g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, &SCOPE_EVERYTHING, place->fonds_id, code, NULL);
  return record && record->level >= LEVEL_VOLUME ? record->id : 0;
}

/* ---- reading ahead ---- */

typedef struct { DecodedRow rows[CHUNK_ROWS]; guint count, next; } Chunk;
typedef struct {
  RowReader *reader;
  GMutex lock;
  GCond changed;
  GQueue chunks;
  gboolean ended, stop;
  GError *failure;
} Ahead;

static void chunk_free(Chunk *chunk) {
  for (guint i = chunk->next; i < chunk->count; i++) row_decoded_clear(&chunk->rows[i]);
  g_free(chunk);
}

static Chunk *read_chunk(Ahead *ahead, GError **error) {
  Chunk *chunk = g_new0(Chunk, 1);
  const char *line;
  gsize length;
  while (chunk->count < CHUNK_ROWS && row_reader_next(ahead->reader, &line, &length, error)) {
    if (!row_decode(line, length, &chunk->rows[chunk->count], error)) break;
    chunk->count++;
  }
  return chunk;
}

static gpointer read_ahead(gpointer data) {
  Ahead *ahead = data;
  for (gboolean more = TRUE; more;) {
    GError *failure = NULL;
    Chunk *chunk = read_chunk(ahead, &failure);
    g_mutex_lock(&ahead->lock);
    while (!ahead->stop && g_queue_get_length(&ahead->chunks) >= QUEUE_CHUNKS) g_cond_wait(&ahead->changed, &ahead->lock);
    more = !ahead->stop && failure == NULL && chunk->count == CHUNK_ROWS;
    if (chunk->count && !ahead->stop) g_queue_push_tail(&ahead->chunks, g_steal_pointer(&chunk));
    ahead->failure = failure;
    ahead->ended = !more;
    g_cond_broadcast(&ahead->changed);
    g_mutex_unlock(&ahead->lock);
    g_clear_pointer(&chunk, chunk_free);
  }
  return NULL;
}

/* The next chunk; NULL at the end and on error. */
static Chunk *ahead_take(Ahead *ahead, GError **error) {
  g_mutex_lock(&ahead->lock);
  while (g_queue_is_empty(&ahead->chunks) && !ahead->ended) g_cond_wait(&ahead->changed, &ahead->lock);
  Chunk *chunk = g_queue_pop_head(&ahead->chunks);
  if (chunk == NULL && ahead->failure) g_propagate_error(error, g_steal_pointer(&ahead->failure));
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->lock);
  return chunk;
}

static void ahead_end(Ahead *ahead, GThread *thread) {
  g_mutex_lock(&ahead->lock);
  ahead->stop = TRUE;
  g_cond_broadcast(&ahead->changed);
  g_mutex_unlock(&ahead->lock);
  g_thread_join(thread);
  for (Chunk *chunk; (chunk = g_queue_pop_head(&ahead->chunks));) chunk_free(chunk);
  g_clear_error(&ahead->failure);
  g_mutex_clear(&ahead->lock);
  g_cond_clear(&ahead->changed);
}

/* ---- batches ---- */

typedef struct {
  const House *house;
  Job *job;
  gint64 id, row, total;
  LoadState *state;
  Ahead *ahead;
  Chunk *chunk;
  gint64 batch_rows;
  gboolean ended;
} Loading;

static gboolean take_row(Loading *loading, DecodedRow *ret, GError **error) {
  if (loading->chunk && loading->chunk->next == loading->chunk->count) g_clear_pointer(&loading->chunk, chunk_free);
  if (loading->chunk == NULL && (loading->chunk = ahead_take(loading->ahead, error)) == NULL) return FALSE;
  *ret = loading->chunk->rows[loading->chunk->next++];
  return TRUE;
}

static gboolean put_rows(Loading *loading, Sql *sql, GError **error) {
  GError *failure = NULL;
  for (gint64 i = 0; i < loading->batch_rows; i++) {
    DecodedRow decoded;
    if (!take_row(loading, &decoded, &failure)) {
      loading->ended = TRUE;
      break;
    }
    gboolean good = load_state_put(loading->state, sql, loading->row, &decoded, error);
    row_decoded_clear(&decoded);
    if (!good) return FALSE;
    loading->row++;
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

static json_t *kept_rows(const LoadState *state) {
  json_t *rows = g_hash_table_size(state->kept) > 0 ? json_array() : NULL;
  GHashTableIter each;
  gpointer row;
  g_hash_table_iter_init(&each, state->kept);
  while (g_hash_table_iter_next(&each, &row, NULL)) json_array_append_new(rows, json_integer((json_int_t)GPOINTER_TO_SIZE(row)));
  return rows;
}

static gboolean tell_rows(Loading *loading, Sql *sql, gint64 from, gint64 rev_before, GError **error) {
  gint64 rev = catalog_rev_last(sql, error);
  json_t *event = json_pack("{s:I, s:I, s:I, s:I, s:o*}", "from", (json_int_t)from, "to", (json_int_t)loading->row, "rev_before", (json_int_t)rev_before, "rev",
    (json_int_t)rev, "kept", kept_rows(loading->state));
  g_hash_table_remove_all(loading->state->kept);
  gboolean good = rev >= 0 && journal_append(sql, job_actor(loading->job), "accession.rows", "accession", loading->id, event, error) != 0;
  json_decref(event);
  return good;
}

static gboolean load_batch(Loading *loading, GError **error) {
  g_autoptr(Sql) sql = sql_write(loading->house->db, error);
  if (sql == NULL) return FALSE;
  gint64 from = loading->row, rev_before = catalog_rev_last(sql, error);
  if (rev_before < 0) return FALSE;
  catalog_bulk_begin(loading->house, sql);
  if (!put_rows(loading, sql, error) || !catalog_bulk_end(loading->house, sql, error)) return FALSE;
  if (loading->row == from) return TRUE;
  return load_state_save(loading->state, sql, loading->row, error) && tell_rows(loading, sql, from, rev_before, error) && delivery_point("accession.rows",
    error) &&
    sql_commit(sql, error) && delivery_point("accession.rows.done", error);
}

static gboolean load_all(Loading *loading, GError **error) {
  while (!loading->ended) {
    if (!load_batch(loading, error)) return FALSE;
    job_progress(loading->job, loading->row, loading->total, "行", "写入目录库");
    if (job_should_stop(loading->job)) return TRUE;
  }
  return loading->row == loading->total || throw(error, LANTAI_ERROR_INTERNAL,
    "批次应有 %" G_GINT64_FORMAT " 条规范行，只读到 %" G_GINT64_FORMAT " 条。请运行 lantai check 检查存储", loading->total,
    loading->row);
}

static LoadState *open_state(const House *house, const char *teller, json_t *delivery, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  LoadState *state = sql ? load_state_new(house, sql, delivery, error) : NULL;
  if (state) state->teller = teller;
  return state;
}

static gboolean load_rows(const House *house, Job *job, json_t *delivery, GError **error) {
  Loading loading = {.house = house, .job = job, .id = int_at(delivery, "id"), .row = int_at(delivery, "loaded_rows"),
    .total = int_at(delivery, "accepted_count"),
    .batch_rows = settings_int(house->settings, "import.batch_rows")};
  if (loading.row >= loading.total) return TRUE;
  g_autoptr(LoadState) state = open_state(house, job_actor(job), delivery, error);
  g_autoptr(RowReader) reader = state ? row_reader_open_stored(house, loading.id, error) : NULL;
  if (reader == NULL || !row_reader_skip(reader, loading.row, error)) return FALSE;
  Ahead ahead = {.reader = reader};
  g_mutex_init(&ahead.lock);
  g_cond_init(&ahead.changed);
  GThread *thread = g_thread_new("accession-rows", read_ahead, &ahead);
  loading.state = state;
  loading.ahead = &ahead;
  gboolean good = load_all(&loading, error);
  g_clear_pointer(&loading.chunk, chunk_free);
  ahead_end(&ahead, thread);
  return good;
}

/* ---- before the first row ---- */

static gboolean stage_file(const House *house, ContentStage *stage, gint64 id, const char *name, const char *as, GError **error) {
  g_autofree char *path = name ? delivery_path(house, id, name) : delivery_source(house, id);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "批次 %" G_GINT64_FORMAT " 的文件 %s 不在了。请重新接收并检测", id, path);
  gboolean good = content_stage_add_fd(stage, as, fd, error) != NULL;
  close(fd);
  return good;
}

static gboolean stage_mapping(ContentStage *stage, json_t *delivery, GError **error) {
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *survey = json_loads(text_at(delivery, "survey"), 0, NULL);
  json_t *mapping = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:O}", "accession", (json_int_t)int_at(delivery, "id"), "name",
    text_at(delivery, "name"),
    "source", text_at(delivery, "source"), "body", text_at(delivery, "body"), "fonds", text_at(delivery, "fonds"), "fonds_title",
      text_at(delivery, "fonds_title"),
    "category", text_at(delivery, "category"), "digest", text_at(delivery, "digest"), "rows", (json_int_t)int_at(delivery, "row_count"),
      "accepted",
    (json_int_t)int_at(delivery, "accepted_count"), "layout", layout, "key", json_object_get(survey, "key_header"));
  json_decref(survey);
  g_autofree char *text = json_dumps(mapping, JSON_INDENT(2) | JSON_SORT_KEYS);
  json_decref(mapping);
  return content_stage_add_bytes(stage, "mapping.json", text, strlen(text), error) != NULL;
}

/* The package's own files (说明文件, 目录文件, metadata, manifests) as they came. */
static gboolean stage_own_files(const House *house, ContentStage *stage, gint64 id, GError **error) {
  json_t *found = survey_found(house, id), *path;
  g_autofree char *folder = delivery_where(house, found, "folder");
  gboolean good = TRUE;
  size_t i;
  json_array_foreach(json_object_get(found, "surplus_expected"), i, path) {
    g_autofree char *full = beneath_path(folder, json_string_value(path)), *as = g_build_filename("package", json_string_value(path), NULL);
    int fd = good ? beneath_open(full) : -1;
    struct stat status;
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) good = content_stage_add_fd(stage, as, fd, error) != NULL;
    else if (good && fd < 0 && errno != ENOENT) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "移交包的 %s 打不开：%s", full, error_reason(errno));
    if (fd >= 0) close(fd);
  }
  json_decref(found);
  return good;
}

static ContentBatch *publish_object(const House *house, const char *actor, json_t *delivery, GError **error) {
  gint64 id = int_at(delivery, "id");
  g_autofree char *object = delivery_object(id), *message = g_strdup_printf("移交批次 %" G_GINT64_FORMAT "：%s", id, text_at(delivery, "name"));
  g_autoptr(ContentStage) stage = content_stage_new(house->content, object, actor, message, error);
  const char *dot = strrchr(text_at(delivery, "source"), '.');
  gboolean plain = dot && dot[1] && strlen(dot) <= 8;
  for (const char *at = dot ? dot + 1 : ""; plain && *at; at++) plain = g_ascii_isalnum(*at);
  g_autofree char *source = g_strconcat("source", plain ? dot : "", NULL);
  if (stage == NULL || !stage_file(house, stage, id, NULL, source, error) || !stage_file(house, stage, id, ROWS_NAME, ROWS_NAME, error) ||
      !stage_file(house, stage, id, FAULTS_NAME, FAULTS_NAME, error) || !stage_mapping(stage, delivery, error) ||
      (g_str_equal(text_at(delivery, "kind"), "package") && !stage_own_files(house, stage, id, error))) return NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  content_batch_take(batch, g_steal_pointer(&stage));
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static json_t *load_event(Sql *sql, json_t *delivery, gint64 first_id, gint64 reserved, GError **error) {
  gint64 id = int_at(delivery, "id");
  json_t *places = place_json(sql, id, error);
  if (places == NULL) return NULL;
  g_autofree char *object = delivery_object(id);
  json_t *event = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "object", object, "digest", text_at(delivery, "digest"), "first_id", (json_int_t)first_id,
    "reserved",
    (json_int_t)reserved, "last_id", (json_int_t)(first_id + reserved - 1), "places", places);
  static const char *const kept[] = {"row_count", "accepted_count", "volume_count", "rejected_count", "warning_count", "survey", "category"};
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(event, kept[i], json_object_get(delivery, kept[i]));
  json_t *own = *text_at(delivery, "fonds") ? NULL : own_fonds_find(sql, delivery, NULL);
  if (own) json_object_set_new(event, "own_fonds", own);
  return event;
}

static gboolean begin_load(const House *house, Job *job, json_t *delivery, const char *note, GError **error) {
  gint64 id = int_at(delivery, "id"), accepted = int_at(delivery, "accepted_count");
  job_progress(job, 0, accepted, "行", "保存移交的文件");
  g_autoptr(ContentBatch) batch = publish_object(house, job_actor(job), delivery, error);
  if (batch == NULL || !delivery_point("accession.object", error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !content_batch_acknowledge(batch, sql, error) || !place_make_all(house, sql, job_actor(job), delivery, error)) return FALSE;
  gint64 first_id = accepted ? catalog_reserve_ids(sql, accepted, error) : 1;
  gint64 now_us = clock_now_us();
  json_t *event = first_id ? load_event(sql, delivery, first_id, accepted, error) : NULL;
  if (event) json_object_set_new(event, "loaded_at", json_integer(now_us));
  gint64 event_id = event ? journal_append(sql, job_actor(job), "accession.load", "accession", id, event, error) : 0;
  json_decref(event);
  return event_id && sql_exec(sql, "UPDATE accession SET first_record_id = $1, reserved_count = $2, load_event = $3, loaded_rows = 0, "
    "created_count = 0, "
    "updated_count = 0, unchanged_count = 0, attach_row = 0, attached_count = 0, attached_bytes = 0, loaded_at = $4 WHERE id = $5 AND state = 'rehearsed'",
    SQL_ARGS(sql_int(first_id), sql_int(accepted), sql_int(event_id), sql_int(now_us), sql_int(id)), error) &&
    (sql_changes(sql) == 1 || throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 的字段对应刚被改动。请重新检测", id)) &&
    life_move(sql, job_actor(job), id, &(LifeStep){"loading", note, NULL}, error) &&
    delivery_point("accession.reserved", error) && sql_commit(sql, error) && delivery_point("accession.reserved.done", error);
}

/* ---- the whole ---- */

gboolean load_finish(Sql *sql, const char *actor, gint64 id, const char *state, GError **error) {
  return life_move(sql, actor, id, &(LifeStep){state, NULL, NULL}, error) &&
    sql_exec(sql, "UPDATE accession SET failure = '' WHERE id = $1", SQL_ARGS(sql_int(id)), error) &&
    (!g_str_equal(state, "done") || project_came_in(sql, actor, id, error));
}

static gboolean end_rows(const House *house, Job *job, json_t *delivery, gint64 started_us, GError **error) {
  gint64 id = int_at(delivery, "id");
  job_progress(job, int_at(delivery, "accepted_count"), int_at(delivery, "accepted_count"), "行", "整理检索索引");
  if (!search_optimize(house->search, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  GError *failure = NULL;
  gint64 updated = sql_number(sql, "SELECT updated_count FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), 0, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  const char *next = *text_at(delivery, "documents") || updated ? "attaching" : "done"; /* changed records have a description in their object */
  return load_finish(sql, job_actor(job), id, next, error) && sql_exec(sql, "UPDATE accession SET load_ms = load_ms + $1 WHERE id = $2",
    SQL_ARGS(sql_int((g_get_monotonic_time() - started_us) / 1000), sql_int(id)), error) && sql_commit(sql, error) && delivery_point("accession.loaded", error);
}

static gboolean is_at(const House *house, gint64 id, const char *state, json_t **ret, GError **error) {
  json_decref(*ret);
  *ret = delivery_read(house, id, error);
  return *ret && delivery_is(*ret, state);
}

static gboolean load_step(const House *house, Job *job, json_t *parameters, json_t **delivery, GError **error) {
  gint64 id = int_at(parameters, "accession");
  gint64 started_us = g_get_monotonic_time();
  GError *failure = NULL;
  if (is_at(house, id, "rehearsed", delivery, &failure) && !begin_load(house, job, *delivery, text_at(parameters, "note"), &failure)) failure = failure ?
    failure : g_error_new_literal(LANTAI_ERROR, LANTAI_ERROR_INTERNAL, "没有开始导入");
  if (!failure && is_at(house, id, "loading", delivery, &failure)) {
    gboolean good = load_rows(house, job, *delivery, &failure);
    if (good && !job_should_stop(job)) good = read_back(house, job, *delivery, &failure);
    if (good && !job_should_stop(job)) end_rows(house, job, *delivery, started_us, &failure);
  }
  if (!failure && !job_should_stop(job) && is_at(house, id, "attaching", delivery, &failure)) attach_files(house, job, id, &failure);
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

gboolean accession_load(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_integer_value(json_object_get(parameters, "accession"));
  json_t *delivery = delivery_read(house, id, error);
  if (delivery == NULL) return FALSE;
  gboolean good = TRUE;
  if (delivery_is(delivery, "registered received checking")) good = throw(error, LANTAI_ERROR_CONFLICT,
    "批次 %" G_GINT64_FORMAT " 还没有检测。请先检测，看过结果再入库", id);
  else if (delivery_is(delivery, "returned discarded")) good = throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 已退回或作废，不能入库", id);
  else if (delivery_is(delivery, "undoing undone")) good = throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 已撤销。需要时请重新接收文件", id);
  else if (!delivery_is(delivery, "done")) {
    g_autoptr(GError) failure = NULL;
    good = delivery_clear_failure(house, id, &failure) && load_step(house, job, parameters, &delivery, &failure);
    if (!good) delivery_fail(house, id, failure);
    if (!good) g_propagate_error(error, g_steal_pointer(&failure));
  }
  json_decref(delivery);
  return good;
}
