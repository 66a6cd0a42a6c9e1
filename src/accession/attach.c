/*
 * Attaching: the documents of a delivery into the store and onto their records.
 *
 * 1. Rows are taken in order, in batches of objects that become durable together; then one transaction adds the file rows, texts, event, and the row reached.
 * 2. Each byte of a new file is read once; a file of the same name and digest that the record already has is left alone, another digest makes a new version.
 * 3. Staging, identifying and reading of text run in two threads, while the batch before is published and committed in a third; batches are committed in order.
 * 4. The description inside an object follows its record: records that this delivery changed get a new metadata.json, with their new files or by itself.
 * 5. What was unpacked for this delivery is not copied again: the store links it, so its bytes are on the disk once (content_stage_link_fd).
 * 6. At the end the lists of missing and surplus documents are those of what was really attached.
 */
#include "beneath.h"
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_OBJECTS 200
#define BATCH_BYTES ((gint64)256 << 20)
#define THREADS 2

typedef struct {
  gint64 record_id;
  CatalogRecord *record;
  GPtrArray *paths, *existing; /* CatalogFile */
  json_t *unpacked;            /* borrowed */
  gboolean unpacked_here;      /* its files are this delivery's own copies */
  ContentStage *stage;         /* NULL: nothing new */
  json_t *change, *texts;      /* as attach_apply takes them */
  gint64 files, bytes;
  GError *failure;
} Task;

typedef struct Batch Batch;
typedef struct {
  const House *house;
  Job *job;
  json_t *delivery;
  gint64 id, row, total, done_row; /* rows below done_row are attached */
  char *folder;
  gboolean unpacked_here; /* folder is in the delivery's own, and goes when all is done */
  json_t *unpacked;
  KeyMap *own;     /* paths of the package's own files, which are kept with the delivery */
  FileIndex *index;
  PlaceTable *places;
  GPtrArray *tasks;
  gint64 batch_bytes, missing, surplus;
  Batch *under_way;
  RowWriter *files;
  GError *failure;
} Attaching;

static void task_free(gpointer data) {
  Task *task = data;
  catalog_record_free(task->record);
  g_clear_pointer(&task->paths, g_ptr_array_unref);
  g_clear_pointer(&task->existing, g_ptr_array_unref);
  g_clear_pointer(&task->stage, content_stage_free);
  json_decref(task->change);
  json_decref(task->texts);
  g_clear_error(&task->failure);
  g_free(task);
}

/* ---- one record, in a thread ---- */

static int open_document(const char *folder, const char *path, GError **error) {
  g_autofree char *full = beneath_path(folder, path);
  int fd = beneath_open(full);
  struct stat status;
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return fd;
  throw(error, LANTAI_ERROR_NOT_FOUND, "原文 %s 打不开：%s。请检查文件后继续导入", full, fd >= 0 ? "不是普通文件" : error_reason(errno));
  if (fd >= 0) close(fd);
  return -1;
}

static char *digest_of(const char *folder, const char *path, GError **error) {
  int fd = open_document(folder, path, error);
  if (fd < 0) return NULL;
  g_autoptr(Digest) digest = digest_new(DIGEST_SHA512);
  g_autofree char *buffer = g_malloc(1 << 18);
  ssize_t got;
  while ((got = read(fd, buffer, 1 << 18)) > 0) digest_update(digest, buffer, (gsize)got);
  int reason = errno;
  close(fd);
  if (got < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "读原文 %s 失败：%s", path, error_reason(reason));
  return digest_finish_hex(digest);
}

/* Shown names: the file's own, as it was called; with its folder when two of a record's files are called alike. */
static char *shown_name(const Task *task, const char *path) {
  const char *called = unpacked_name(task->unpacked, path);
  g_autofree char *base = g_path_get_basename(called);
  guint alike = 0, same = 0;
  for (guint i = 0; i < task->paths->len; i++) {
    const char *each = unpacked_name(task->unpacked, task->paths->pdata[i]);
    g_autofree char *other = g_path_get_basename(each);
    alike += g_str_equal(base, other);
    same += g_str_equal(called, each);
  }
  return same > 1 ? g_strdup(path) : alike > 1 ? g_strdup(called) : g_steal_pointer(&base);
}

static char *logical_path(int sequence, const char *name) {
  const char *dot = strrchr(name, '.');
  gboolean plain = dot && dot[1] && strlen(dot) <= 9;
  for (const char *at = dot ? dot + 1 : ""; plain && *at; at++) plain = g_ascii_isalnum(*at);
  g_autofree char *extension = plain ? g_ascii_strdown(dot, -1) : g_strdup("");
  return g_strdup_printf("files/%04d%s", sequence, extension);
}

static guint find_existing(const Task *task, const char *name) {
  guint i = 0;
  while (i < task->existing->len && !g_str_equal(((CatalogFile *)task->existing->pdata[i])->name, name)) i++;
  return i;
}

/* What is to be stored: for each path the place it takes, G_MAXUINT for one that is already there as it is. first: the first existing file that changes. */
static gboolean compare_existing(Task *task, const char *folder, guint *places, guint *ret_first, GError **error) {
  guint next = task->existing->len;
  *ret_first = task->existing->len;
  for (guint i = 0; i < task->paths->len; i++) {
    const char *path = task->paths->pdata[i];
    g_autofree char *name = shown_name(task, path);
    guint at = find_existing(task, name);
    places[i] = at < task->existing->len ? at : next++;
    if (at == task->existing->len) continue;
    g_autofree char *digest = digest_of(folder, path, error);
    if (digest == NULL) return FALSE;
    if (g_str_equal(digest, ((CatalogFile *)task->existing->pdata[at])->sha512)) places[i] = G_MAXUINT;
    else *ret_first = MIN(*ret_first, at);
  }
  return TRUE;
}

static json_t *store_file(Task *task, const char *folder, const char *source, int sequence, GError **error) {
  g_autofree char *full = beneath_path(folder, source), *name = shown_name(task, source), *path = logical_path(sequence, name);
  int fd = open_document(folder, source, error);
  if (fd < 0) return NULL;
  const ContentFile *stored = (task->unpacked_here ? content_stage_link_fd : content_stage_add_fd)(task->stage, path, fd, error);
  close(fd);
  if (stored == NULL) return NULL;
  FormatInfo info = format_identify(full);
  CatalogFile file = {.record_id = task->record_id, .sequence = sequence, .name = name, .path = path, .mime = (char *)info.mime, .puid = (char *)info.puid,
    .kind = (char *)info.kind,
    .size_bytes = stored->size_bytes, .sha512 = (char *)stored->sha512, .sm3 = (char *)stored->sm3, .page_count = (int)MIN(format_page_count(full, &info),
      65535)};
  g_autoptr(GError) unread = NULL;
  json_t *texts = attach_texts(full, &info, &unread);
  if (texts == NULL) g_message("%s：没有取到文字：%s", source, unread ? unread->message : "");
  gint64 last = json_integer_value(json_array_get(json_array_get(texts, json_array_size(texts) ? json_array_size(texts) - 1 : 0), 0));
  file.page_count = (int)MAX(file.page_count, MIN(last, 65535));
  if (texts) json_object_set_new(task->texts, path, texts);
  task->files++;
  task->bytes += stored->size_bytes;
  return file_to_json(&file);
}

static gboolean write_metadata(const House *house, Task *task, guint first, GError **error) {
  task->record->file_count = (int)(first + json_array_size(json_object_get(task->change, "add")));
  g_autofree char *text = catalog_metadata_json(house->catalog, task->record);
  return content_stage_add_bytes(task->stage, "metadata.json", text, strlen(text), error) != NULL;
}

/* Existing files from the first changed one on are taken off and put on again, changed or as they were. */
static gboolean store_changes(const House *house, Task *task, const char *folder, const guint *places, guint first, GError **error) {
  json_t *remove = json_object_get(task->change, "remove"), *add = json_object_get(task->change, "add");
  g_autoptr(GHashTable) changed = g_hash_table_new(NULL, NULL); /* place + 1 → path */
  guint total = task->existing->len;
  for (guint i = 0; i < task->paths->len; i++)
    if (places[i] != G_MAXUINT) {
      g_hash_table_insert(changed, GUINT_TO_POINTER(places[i] + 1), task->paths->pdata[i]);
      total = MAX(total, places[i] + 1);
    }
  for (guint i = 0; i < total; i++) {
    CatalogFile *old = i < task->existing->len ? task->existing->pdata[i] : NULL;
    const char *path = g_hash_table_lookup(changed, GUINT_TO_POINTER(i + 1));
    if (old && i < first) continue;
    int sequence = old ? old->sequence : (task->existing->len ?
      ((CatalogFile *)task->existing->pdata[task->existing->len - 1])->sequence : 0) + (int)(i - task->existing->len) + 1;
    if (old) json_array_append_new(remove, json_integer(old->id));
    if (old && path && !content_stage_remove(task->stage, old->path, error)) return FALSE;
    json_t *entry = path ? store_file(task, folder, path, sequence, error) : file_to_json(old);
    if (entry == NULL) return FALSE;
    if (!path) json_object_set_new(entry, "moved", json_integer(old->id));
    json_array_append_new(add, entry);
  }
  return TRUE;
}

static gboolean run_task(const Attaching *attaching, Task *task, GError **error) {
  const House *house = attaching->house;
  g_autofree guint *places = g_new0(guint, task->paths->len + 1);
  guint first, news = 0;
  if (!compare_existing(task, attaching->folder, places, &first, error)) return FALSE;
  for (guint i = 0; i < task->paths->len; i++) news += places[i] != G_MAXUINT;
  if (news == 0 && task->paths->len) return TRUE;
  g_autofree char *object = catalog_object_id(task->record_id), *message = g_strdup_printf("移交批次 %" G_GINT64_FORMAT " 挂接原文", attaching->id);
  if ((task->stage = content_stage_new(house->content, object, job_actor(attaching->job), message, error)) == NULL) return FALSE;
  task->change = json_pack("{s:I, s:[], s:[]}", "record", (json_int_t)task->record_id, "remove", "add");
  task->texts = json_object();
  return store_changes(house, task, attaching->folder, places, first, error) && write_metadata(house, task, first, error);
}

static void run_in_thread(gpointer data, gpointer user_data) {
  Task *task = data;
  run_task(user_data, task, &task->failure);
}

/* ---- a batch ---- */

static gboolean stage_batch(Attaching *attaching, GError **error) {
  GThreadPool *pool = g_thread_pool_new(run_in_thread, attaching, THREADS, TRUE, error);
  if (pool == NULL) return FALSE;
  for (guint i = 0; i < attaching->tasks->len; i++) g_thread_pool_push(pool, attaching->tasks->pdata[i], NULL);
  g_thread_pool_free(pool, FALSE, TRUE);
  for (guint i = 0; i < attaching->tasks->len; i++) {
    Task *task = attaching->tasks->pdata[i];
    if (task->failure == NULL) continue;
    g_propagate_error(error, g_steal_pointer(&task->failure));
    return FALSE;
  }
  return TRUE;
}

/* What is staged: published and made known in a thread of its own, while the next batch is staged. */
struct Batch {
  const Attaching *attaching;
  GPtrArray *tasks;
  ContentBatch *content;
  gint64 row, files, bytes;
  GThread *thread;
  GError *failure;
};

static void batch_free(Batch *batch) {
  g_ptr_array_unref(batch->tasks);
  g_clear_pointer(&batch->content, content_batch_free);
  g_clear_error(&batch->failure);
  g_free(batch);
}

static gboolean apply_tasks(Batch *batch, Sql *sql, json_t *changes, GError **error) {
  const House *house = batch->attaching->house;
  for (guint i = 0; i < batch->tasks->len; i++) {
    Task *task = batch->tasks->pdata[i];
    if (task->change == NULL) continue;
    g_autofree char *object = catalog_object_id(task->record_id);
    json_object_set_new(task->change, "version", json_integer(content_version(house->content, object)));
    json_array_append(changes, task->change);
    if (!attach_apply(house, sql, batch->attaching->id, task->change, task->texts, error)) return FALSE;
    batch->files += task->files;
    batch->bytes += task->bytes;
  }
  return TRUE;
}

static gboolean tell_files(const Batch *batch, Sql *sql, json_t *changes, gint64 rev_before, GError **error) {
  const Attaching *attaching = batch->attaching;
  gint64 rev = catalog_rev_last(sql, error);
  json_t *event = json_pack("{s:O, s:I, s:I, s:I, s:I, s:I}", "records", changes, "row", (json_int_t)batch->row, "files", (json_int_t)batch->files, "bytes",
    (json_int_t)batch->bytes, "rev_before", (json_int_t)rev_before, "rev", (json_int_t)rev);
  gboolean good = rev >= 0 && journal_append(sql, job_actor(attaching->job), "accession.files", "accession", attaching->id, event, error) != 0;
  json_decref(event);
  return good && sql_exec(sql, "UPDATE accession SET attach_row = $1, attached_count = attached_count + $2, attached_bytes = attached_bytes + $3 WHERE id = $4",
    SQL_ARGS(sql_int(batch->row), sql_int(batch->files), sql_int(batch->bytes), sql_int(attaching->id)), error);
}

static gboolean commit_batch(Batch *batch, GError **error) {
  const House *house = batch->attaching->house;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !content_batch_acknowledge(batch->content, sql, error)) return FALSE;
  gint64 rev_before = catalog_rev_last(sql, error);
  if (rev_before < 0) return FALSE;
  catalog_bulk_begin(house, sql);
  json_t *changes = json_array();
  gboolean good = apply_tasks(batch, sql, changes, error) && catalog_bulk_end(house, sql, error) && tell_files(batch, sql, changes, rev_before, error);
  json_decref(changes);
  return good && delivery_point("accession.files", error) && sql_commit(sql, error) && delivery_point("accession.files.done", error);
}

static gpointer publish_in_thread(gpointer data) {
  Batch *batch = data;
  gboolean good = content_batch_publish(batch->content, &batch->failure) && delivery_point("accession.published", &batch->failure) && commit_batch(batch,
    &batch->failure);
  return GINT_TO_POINTER(good);
}

/* Waits for the batch under way, if there is one. */
static gboolean finish_batch(Attaching *attaching, GError **error) {
  Batch *batch = g_steal_pointer(&attaching->under_way);
  if (batch == NULL) return TRUE;
  gboolean good = GPOINTER_TO_INT(g_thread_join(batch->thread));
  if (!good) g_propagate_error(error, g_steal_pointer(&batch->failure));
  batch_free(batch);
  return good;
}

static gboolean load_existing(Attaching *attaching, GError **error) {
  g_autoptr(Sql) sql = sql_read(attaching->house->db, error);
  for (guint i = 0; sql && i < attaching->tasks->len; i++) {
    Task *task = attaching->tasks->pdata[i];
    if ((task->record = catalog_record_load(sql, &SCOPE_EVERYTHING, task->record_id, error)) == NULL ||
        (task->existing = catalog_files(sql, &SCOPE_EVERYTHING, task->record_id, error)) == NULL) return FALSE;
  }
  return sql != NULL;
}

static Batch *batch_new(Attaching *attaching) {
  Batch *batch = g_new0(Batch, 1);
  batch->attaching = attaching;
  batch->row = attaching->row;
  batch->tasks = g_steal_pointer(&attaching->tasks);
  attaching->tasks = g_ptr_array_new_with_free_func(task_free);
  attaching->batch_bytes = 0;
  batch->content = content_batch_new(attaching->house->content);
  return batch;
}

static gboolean flush_batch(Attaching *attaching, GError **error) {
  if (attaching->tasks->len == 0) return TRUE;
  if (!load_existing(attaching, error) || !stage_batch(attaching, error) || !delivery_point("accession.staged", error)) return FALSE;
  if (!finish_batch(attaching, error)) return FALSE;
  Batch *batch = batch_new(attaching);
  guint news = 0;
  for (guint i = 0; i < batch->tasks->len; i++) {
    Task *task = batch->tasks->pdata[i];
    if (task->stage == NULL) continue;
    content_batch_take(batch->content, g_steal_pointer(&task->stage));
    news++;
  }
  if (news == 0) return batch_free(batch), TRUE;
  attaching->under_way = batch;
  batch->thread = g_thread_new("accession-publish", publish_in_thread, batch);
  return TRUE;
}

/* ---- rows ---- */

static gboolean note(Attaching *attaching, const char *kind, const char *text, const char *code, GError **error) {
  json_t *json = code ? json_pack("{s:s, s:s}", "code", code, kind, text) : json_pack("{s:s}", kind, text);
  g_autofree char *line = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  return row_writer_add(attaching->files, line, strlen(line), error) && row_writer_add(attaching->files, "\n", 1, error);
}

static void note_surplus(const char *path, gpointer data) {
  Attaching *attaching = data;
  if (keymap_get(attaching->own, path, strlen(path))) return;
  attaching->surplus++;
  if (attaching->failure == NULL) note(attaching, "surplus", path, NULL, &attaching->failure);
}

static gint64 record_of(Attaching *attaching, const DecodedRow *row, GError **error) {
  const Place *place = place_find(attaching->places, row->fonds, row->category);
  g_autoptr(Sql) sql = place ? sql_read(attaching->house->db, error) : NULL;
  return sql ? load_record_id(attaching->house, sql, attaching->delivery, place, attaching->row, row->record->code) : 0;
}

static gboolean attach_row(Attaching *attaching, const DecodedRow *row, GError **error) {
  const char *wanted;
  g_autoptr(GPtrArray) paths = file_index_match(attaching->index, row->record->code, row->file, &wanted);
  if (wanted && (paths || row->record->level != LEVEL_VOLUME || *row->file)) {
    attaching->missing++;
    if (!note(attaching, "wanted", wanted, row->record->code, error)) return FALSE;
  }
  if (paths == NULL || attaching->row < attaching->done_row) return TRUE;
  gint64 record_id = record_of(attaching, row, error);
  if (record_id == 0) return error == NULL || *error == NULL; /* its row was left out when rows were loaded */
  for (guint i = 0; i < paths->len; i++) attaching->batch_bytes += file_index_size(attaching->index, paths->pdata[i]);
  Task *task = g_new0(Task, 1);
  task->record_id = record_id;
  task->paths = g_steal_pointer(&paths);
  task->unpacked = attaching->unpacked;
  task->unpacked_here = attaching->unpacked_here;
  g_ptr_array_add(attaching->tasks, task);
  return TRUE;
}

static gboolean walk_rows(Attaching *attaching, gboolean claiming, GError **error) {
  g_autoptr(RowReader) reader = row_reader_open_stored(attaching->house, attaching->id, error);
  if (reader == NULL) return FALSE;
  const char *line;
  gsize length;
  GError *failure = NULL;
  for (attaching->row = 0; failure == NULL && row_reader_next(reader, &line, &length, &failure);) {
    DecodedRow row;
    if (!row_decode(line, length, &row, &failure)) break;
    if (claiming) file_index_claim(attaching->index, row.record->code);
    else attach_row(attaching, &row, &failure);
    row_decoded_clear(&row);
    attaching->row++;
    if (claiming || failure || (attaching->tasks->len < BATCH_OBJECTS && attaching->batch_bytes < BATCH_BYTES)) continue;
    if (flush_batch(attaching, &failure)) job_progress(attaching->job, attaching->row, attaching->total, "行", "挂接原文");
    if (job_should_stop(attaching->job)) return TRUE;
  }
  if (failure == NULL && !claiming && flush_batch(attaching, &failure)) finish_batch(attaching, &failure);
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

/* ---- descriptions ---- */

static json_t *changed_records(Attaching *attaching, gint64 after, GError **error) {
  g_autoptr(Sql) sql = sql_read(attaching->house->db, error);
  return sql ? sql_json(sql, "SELECT record_id FROM accession_change WHERE accession_id = $1 AND record_id > $2 AND record_id NOT IN (SELECT record_id FROM "
    "accession_object WHERE accession_id = $1) "
    "ORDER BY record_id LIMIT $3", SQL_ARGS(sql_int(attaching->id), sql_int(after), sql_int(BATCH_OBJECTS)), error) : NULL;
}

static gboolean refresh_descriptions(Attaching *attaching, GError **error) {
  gint64 after = 0;
  for (size_t count = BATCH_OBJECTS; count == BATCH_OBJECTS && !job_should_stop(attaching->job);) {
    json_t *records = changed_records(attaching, after, error), *record;
    if (records == NULL) return FALSE;
    count = json_array_size(records);
    size_t i;
    json_array_foreach(records, i, record) {
      after = int_at(record, "record_id");
      SearchColumns columns;
      if (!search_columns(attaching->house->search, after, &columns) || !columns.has_files) continue;
      Task *task = g_new0(Task, 1);
      task->record_id = after;
      task->paths = g_ptr_array_new();
      g_ptr_array_add(attaching->tasks, task);
    }
    json_decref(records);
    if (!flush_batch(attaching, error) || !finish_batch(attaching, error)) return FALSE;
    job_progress(attaching->job, 0, 0, "件", "更新原文所附的著录");
  }
  return TRUE;
}

/* ---- the whole ---- */

typedef struct { const Attaching *attaching; gboolean good; } Keeping;

static void keep_one(const char *path, gpointer data) {
  Keeping *keeping = data;
  const Attaching *attaching = keeping->attaching;
  if (keymap_get(attaching->own, path, strlen(path))) return;
  g_autofree char *kept = delivery_path(attaching->house, attaching->id, SURPLUS_NAME), *from = beneath_path(attaching->folder, path),
    *to = g_build_filename(kept, path, NULL), *folder = g_path_get_dirname(to);
  keeping->good = keeping->good && g_mkdir_with_parents(folder, 0700) == 0 && rename(from, to) == 0;
}

/* What nobody claimed is set aside, so that the package it came in can go; FALSE: the package is still needed. */
static gboolean keep_surplus(const Attaching *attaching) {
  if (attaching->surplus == 0) return TRUE;
  if (!attaching->unpacked_here) return FALSE; /* it lies where the archives found it, and stays there */
  Keeping keeping = {attaching, TRUE};
  file_index_surplus(attaching->index, keep_one, &keeping);
  return keeping.good;
}

static gboolean end_attaching(Attaching *attaching, gint64 started_us, GError **error) {
  if (attaching->index) file_index_surplus(attaching->index, note_surplus, attaching);
  if (attaching->failure) {
    g_propagate_error(error, g_steal_pointer(&attaching->failure));
    return FALSE;
  }
  if (attaching->files && !row_writer_close(attaching->files, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(attaching->house->db, error);
  return sql && sql_exec(sql, "UPDATE accession SET missing_count = $1, surplus_count = $2, attach_ms = attach_ms + $3 WHERE id = $4",
    SQL_ARGS(sql_int(attaching->missing),
    sql_int(attaching->surplus), sql_int((g_get_monotonic_time() - started_us) / 1000), sql_int(attaching->id)), error) &&
    load_finish(sql, job_actor(attaching->job), attaching->id, "done", error) && sql_commit(sql, error);
}

static const char *const UNPACKED_FOLDERS[] = {"files", "extracted"};

static gboolean is_unpacked_here(const Attaching *attaching) {
  gboolean here = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(UNPACKED_FOLDERS); i++) {
    g_autofree char *own = delivery_path(attaching->house, attaching->id, UNPACKED_FOLDERS[i]), *inside = g_strconcat(own, "/", NULL);
    here = here || g_str_equal(attaching->folder, own) || g_str_has_prefix(attaching->folder, inside);
  }
  return here;
}

static gboolean open_attaching(Attaching *attaching, GError **error) {
  const House *house = attaching->house;
  if ((attaching->delivery = delivery_read(house, attaching->id, error)) == NULL) return FALSE;
  attaching->done_row = int_at(attaching->delivery, "attach_row");
  attaching->total = int_at(attaching->delivery, "accepted_count");
  attaching->tasks = g_ptr_array_new_with_free_func(task_free);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL || (attaching->places = place_table_load(house, sql, attaching->id, error)) == NULL) return FALSE;
  if (!*text_at(attaching->delivery, "documents")) return TRUE;
  json_auto_t *found = survey_found(house, attaching->id);
  attaching->own = survey_own_paths(found);
  if ((attaching->folder = unpack_documents(house, attaching->job, attaching->delivery, error)) == NULL) return FALSE;
  if (job_should_stop(attaching->job)) return TRUE;
  attaching->unpacked_here = is_unpacked_here(attaching);
  g_autofree char *list = delivery_path(house, attaching->id, FILES_NAME);
  attaching->unpacked = unpacked_read_below(house, attaching->id, attaching->folder);
  return (attaching->index = file_index_new(attaching->folder, attaching->unpacked, error)) != NULL && (attaching->files = row_writer_new(list, error)) != NULL;
}

static gboolean attach_all(Attaching *attaching, GError **error) {
  gint64 started_us = g_get_monotonic_time();
  job_progress(attaching->job, 0, 0, "行", "核对原文");
  if (!open_attaching(attaching, error)) return FALSE;
  if (job_should_stop(attaching->job)) return TRUE;
  if (attaching->index && (!walk_rows(attaching, TRUE, error) || !walk_rows(attaching, FALSE, error))) return FALSE;
  attaching->row = attaching->total;
  if (job_should_stop(attaching->job)) return TRUE;
  if (!refresh_descriptions(attaching, error)) return FALSE;
  if (job_should_stop(attaching->job)) return TRUE;
  if (!search_optimize(attaching->house->search, error) || !end_attaching(attaching, started_us, error)) return FALSE;
  static const char *const taken[] = {"documents", "package"};
  gboolean kept = keep_surplus(attaching);
  for (guint i = 0; i < G_N_ELEMENTS(UNPACKED_FOLDERS); i++) {
    g_autofree char *path = delivery_path(attaching->house, attaching->id, UNPACKED_FOLDERS[i]);
    folder_remove(path);
  }
  for (guint i = 0; i < G_N_ELEMENTS(taken) && kept; i++) { /* all of it is in the store or set aside */
    g_autofree char *path = delivery_path(attaching->house, attaching->id, taken[i]);
    folder_remove(path);
  }
  return TRUE;
}

gboolean attach_files(const House *house, Job *job, gint64 id, GError **error) {
  Attaching attaching = {.house = house, .job = job, .id = id};
  gboolean good = attach_all(&attaching, error);
  good = finish_batch(&attaching, good ? error : NULL) && good;
  json_decref(attaching.delivery);
  json_decref(attaching.unpacked);
  g_free(attaching.folder);
  g_clear_pointer(&attaching.own, keymap_free);
  g_clear_pointer(&attaching.index, file_index_free);
  g_clear_pointer(&attaching.places, place_table_free);
  g_clear_pointer(&attaching.tasks, g_ptr_array_unref);
  g_clear_pointer(&attaching.files, row_writer_free);
  return good;
}
