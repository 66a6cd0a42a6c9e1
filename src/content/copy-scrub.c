/*
 * Reading every byte of objects again and holding it against the measure.
 *
 * 1. The caller's thread reads inventories; contents are hashed by two threads where the target can be read by several, else by the caller's.
 * 2. A rate is kept by all threads together: each buffer read waits for its turn.
 * 3. A bounded number of files is under way.
 */
#include "copy-internal.h"
#include "pace.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

enum { THREADS = 2, BUFFER_BYTES = 1 << 20, UNDER_WAY = 256 };

typedef struct {
  CopyChecked result; /* first: freed as such */
  Measure measure;
  char *folder;
  GMutex lock;
  _Atomic int pending; /* files not yet read, and one for the pusher */
} Work;

typedef struct {
  Work *work;
  const char *path, *sha512; /* borrowed from the measure */
} Task;

struct CopyScrub {
  const CopyRun *run;
  Target *target;
  Pace *pace;
  GThreadPool *pool; /* NULL: the caller's thread reads */
  GAsyncQueue *done; /* Works */
  guint objects;     /* under way */
  _Atomic int files, stop;
  _Atomic gint64 bytes;
  GMutex lock; /* of what follows */
  GCond fewer;
  GError *away;
};

void copy_checked_free(CopyChecked *checked) {
  if (checked == NULL) return;
  Work *work = (Work *)checked;
  g_ptr_array_unref(checked->faults);
  g_free(checked->object_id);
  measure_clear(&work->measure);
  g_mutex_clear(&work->lock);
  g_free(work->folder);
  g_free(work);
}

static gboolean is_stopped(gpointer data) { return atomic_load(&((CopyScrub *)data)->stop) != 0; }

static void wait_turn(gint64 bytes, gpointer data) {
  CopyScrub *scrub = data;
  atomic_fetch_add_explicit(&scrub->bytes, bytes, memory_order_relaxed);
  pace_wait(scrub->pace, bytes);
}

static void set_away(CopyScrub *scrub, GError **reason) {
  g_mutex_lock(&scrub->lock);
  if (scrub->away == NULL) scrub->away = g_steal_pointer(reason);
  g_mutex_unlock(&scrub->lock);
  atomic_store(&scrub->stop, 1);
}

static void finish_part(CopyScrub *scrub, Work *work) {
  if (atomic_fetch_sub(&work->pending, 1) == 1) g_async_queue_push(scrub->done, work);
}

static void read_task(CopyScrub *scrub, const Task *task, guchar *buffer) {
  Work *work = task->work;
  g_autofree char *path = g_strconcat(work->folder, "/", task->path, NULL);
  g_autoptr(GError) reason = NULL;
  CopyDigest digest = {"", 0};
  gboolean read = copy_hash((CopyPlace){scrub->target, path}, buffer, BUFFER_BYTES, wait_turn, scrub, &digest, &reason);
  if (!read && target_is_away(reason)) set_away(scrub, &reason);
  g_mutex_lock(&work->lock);
  work->result.files++;
  work->result.bytes += digest.size_bytes;
  if (reason != NULL) copy_fault_of_error(work->result.faults, task->path, reason);
  else if (read && strcmp(digest.sha512, task->sha512) != 0)
    copy_fault_add(work->result.faults, COPY_DAMAGED, task->path, "内容与清单的 SHA-512 值不符（现长 %" G_GINT64_FORMAT " 字节）", digest.size_bytes);
  g_mutex_unlock(&work->lock);
}

/* Runs in the pool: a buffer for each thread lives as long as the thread. */
static void run_task(gpointer data, gpointer user_data) {
  static GPrivate buffers = G_PRIVATE_INIT(g_free);
  g_autofree Task *task = data;
  CopyScrub *scrub = user_data;
  guchar *buffer = g_private_get(&buffers);
  if (buffer == NULL) g_private_set(&buffers, buffer = g_malloc(BUFFER_BYTES));
  if (!atomic_load(&scrub->stop)) read_task(scrub, task, buffer);
  g_mutex_lock(&scrub->lock);
  atomic_fetch_sub(&scrub->files, 1);
  g_cond_signal(&scrub->fewer);
  g_mutex_unlock(&scrub->lock);
  finish_part(scrub, task->work);
}

CopyScrub *copy_scrub_new(const CopyRun *run, Target *target, gint64 bytes_per_second) {
  CopyScrub *scrub = g_new0(CopyScrub, 1);
  scrub->run = run;
  scrub->target = target;
  scrub->pace = pace_new(bytes_per_second, is_stopped, scrub);
  scrub->done = g_async_queue_new();
  g_mutex_init(&scrub->lock);
  g_cond_init(&scrub->fewer);
  if (target->parallel) scrub->pool = g_thread_pool_new(run_task, scrub, THREADS, FALSE, NULL);
  return scrub;
}

static void push_file(CopyScrub *scrub, Work *work, const char *path, const char *sha512) {
  Task *task = g_new(Task, 1);
  *task = (Task){work, path, sha512};
  atomic_fetch_add(&work->pending, 1);
  atomic_fetch_add(&scrub->files, 1);
  if (scrub->pool == NULL) {
    run_task(task, scrub);
    return;
  }
  g_thread_pool_push(scrub->pool, task, NULL);
  g_mutex_lock(&scrub->lock);
  while (atomic_load(&scrub->files) >= UNDER_WAY) g_cond_wait(&scrub->fewer, &scrub->lock);
  g_mutex_unlock(&scrub->lock);
}

/* The target first among those that may tell the measure, after the primary: it is open already. */
static gboolean load_measure(CopyScrub *scrub, const CopyObject *object, Work *work) {
  g_autoptr(GError) reason = NULL;
  if (measure_load(scrub->run, object, &work->measure, &reason)) return TRUE;
  work->result.unmeasured = TRUE;
  copy_fault_add(work->result.faults, COPY_DAMAGED, "inventory.json", "%s", reason->message);
  return FALSE;
}

static gboolean check_object(CopyScrub *scrub, Work *work, GError **error) {
  TargetInfo info;
  if (!scrub->target->methods->look(scrub->target, work->folder, &info, error)) return FALSE;
  if (info.kind == TARGET_ABSENT) {
    copy_fault_add(work->result.faults, COPY_MISSING, "", "整个对象都没有");
    return TRUE;
  }
  g_autoptr(GPtrArray) frame = g_ptr_array_new_with_free_func(copy_fault_free);
  if (!copy_check_frame(scrub->target, &work->measure, work->folder, frame, error)) return FALSE;
  g_mutex_lock(&work->lock);
  while (frame->len > 0) g_ptr_array_add(work->result.faults, g_ptr_array_steal_index(frame, 0));
  g_mutex_unlock(&work->lock);
  g_autoptr(GPtrArray) paths = sorted_keys(work->measure.inventory->paths);
  for (guint i = 0; i < paths->len && !atomic_load(&scrub->stop); i++)
    push_file(scrub, work, paths->pdata[i], g_hash_table_lookup(work->measure.inventory->paths, paths->pdata[i]));
  return TRUE;
}

static gboolean take_away(CopyScrub *scrub, GError **error) {
  g_mutex_lock(&scrub->lock);
  GError *away = g_steal_pointer(&scrub->away);
  g_mutex_unlock(&scrub->lock);
  if (away == NULL) return TRUE;
  g_propagate_error(error, away);
  return FALSE;
}

gboolean copy_scrub_push(CopyScrub *scrub, const CopyObject *object, GError **error) {
  Work *work = g_new0(Work, 1);
  work->result = (CopyChecked){object->key, g_strdup(object->object_id), object->version, g_ptr_array_new_with_free_func(copy_fault_free), 0, 0, FALSE};
  g_mutex_init(&work->lock);
  work->folder = copy_object_folder(object->object_id);
  work->pending = 1;
  scrub->objects++;
  gboolean good = !load_measure(scrub, object, work) || check_object(scrub, work, error);
  if (!good) atomic_store(&scrub->stop, 1);
  finish_part(scrub, work);
  return good && take_away(scrub, error);
}

CopyChecked *copy_scrub_pop(CopyScrub *scrub, gboolean wait, GError **error) {
  if (scrub->objects == 0 || !take_away(scrub, error)) return NULL;
  Work *work = wait ? g_async_queue_pop(scrub->done) : g_async_queue_try_pop(scrub->done);
  if (work == NULL) return NULL;
  scrub->objects--;
  if (!atomic_load(&scrub->stop)) return &work->result;
  copy_checked_free(&work->result); /* not all of it was read */
  take_away(scrub, error);
  return NULL;
}

gint64 copy_scrub_bytes(CopyScrub *scrub) { return atomic_load(&scrub->bytes); }

void copy_scrub_stop(CopyScrub *scrub) { atomic_store(&scrub->stop, 1); }

void copy_scrub_free(CopyScrub *scrub) {
  if (scrub == NULL) return;
  copy_scrub_stop(scrub);
  if (scrub->pool != NULL) g_thread_pool_free(scrub->pool, FALSE, TRUE);
  for (Work *work; (work = g_async_queue_try_pop(scrub->done)) != NULL;) copy_checked_free(&work->result);
  g_async_queue_unref(scrub->done);
  g_clear_error(&scrub->away);
  pace_free(scrub->pace);
  g_mutex_clear(&scrub->lock);
  g_cond_clear(&scrub->fewer);
  g_free(scrub);
}
