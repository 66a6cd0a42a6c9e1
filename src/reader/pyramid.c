/*
 * Pyramids of page images: made once, on demand or by a job, and kept by the digest of the file they were made from.
 *
 * 1. A pyramid is complete when it stands under its name (format_pyramid_make renames it into place).
 * 2. `making` holds what is queued or being made; it is guarded by `lock`. Two makers at most, so that readers keep a core.
 */
#include "error.h"
#include "format.h"
#include "reader.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *source, *target;
  FormatInfo info;
  guint page;
} Making;

static GMutex lock;
static GHashTable *making; /* target → Making (owned by the queue) */
static GHashTable *failed; /* target → message: not tried again until the program starts anew */
static GThreadPool *makers;

static void making_free(Making *item) {
  g_free(item->source);
  g_free(item->target);
  g_free(item);
}

static char *pyramid_path(const House *house, const CatalogFile *file, guint page) {
  g_autofree char *name = g_strdup_printf("%s-%u.tif", file->sha512, page);
  g_autofree char *shelf = g_strndup(file->sha512, 2);
  return g_build_filename(house->dir, "derivatives", shelf, name, NULL);
}

static gboolean make_folder(const char *target, GError **error) {
  g_autofree char *folder = g_path_get_dirname(target);
  return g_mkdir_with_parents(folder, 0750) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
}

static gboolean can_show(const CatalogFile *file, GError **error) {
  return g_str_equal(file->kind, "image") || g_str_equal(file->kind, "pdf") ||
    throw(error, LANTAI_ERROR_NOT_FOUND, "“%s”不是图像或 PDF，没有页面图像", file->name);
}

static FormatInfo info_of(const CatalogFile *file) {
  return (FormatInfo){.mime = g_intern_string(file->mime), .puid = g_intern_string(file->puid), .name = "", .kind = g_intern_string(file->kind)};
}

static char *source_path(const House *house, const CatalogFile *file, GError **error) {
  g_autofree char *object_id = catalog_object_id(file->record_id);
  return content_path(house->content, object_id, file->path, error);
}

char *reader_pyramid(const House *house, const CatalogFile *file, guint page, GError **error) {
  g_autofree char *target = pyramid_path(house, file, page);
  if (g_file_test(target, G_FILE_TEST_EXISTS)) return g_steal_pointer(&target);
  if (!can_show(file, error)) return NULL;
  g_autofree char *source = source_path(house, file, error);
  if (source == NULL || !make_folder(target, error)) return NULL;
  FormatInfo info = info_of(file);
  return format_pyramid_make(source, &info, page, target, error) ? g_steal_pointer(&target) : NULL;
}

static void make_one(gpointer data, gpointer unused) {
  Making *item = data;
  g_autoptr(GError) error = NULL;
  gboolean good = make_folder(item->target, &error) && format_pyramid_make(item->source, &item->info, item->page, item->target, &error);
  if (!good) g_warning("no page image: %s", error->message);
  g_mutex_lock(&lock);
  if (!good) g_hash_table_insert(failed, g_strdup(item->target), g_strdup(error->message));
  g_hash_table_remove(making, item->target);
  g_mutex_unlock(&lock);
  making_free(item);
}

/* Queues unless it is queued or has failed already; with the lock held. */
static gboolean queue_locked(Making *item, GError **error) {
  if (making == NULL) {
    making = g_hash_table_new(g_str_hash, g_str_equal);
    failed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    makers = g_thread_pool_new(make_one, NULL, 2, FALSE, NULL);
  }
  const char *message = g_hash_table_lookup(failed, item->target);
  if (message) throw(error, LANTAI_ERROR_UNAVAILABLE, "%s", message);
  Making *queued = message ? NULL : g_hash_table_lookup(making, item->target);
  if (queued) g_thread_pool_move_to_front(makers, queued); /* asked for again: somebody is waiting for this one; no matter if it is being made */
  if (message || queued) return FALSE;
  g_hash_table_insert(making, item->target, item);
  g_thread_pool_push(makers, item, NULL);
  return TRUE;
}

char *reader_pyramid_soon(const House *house, const CatalogFile *file, guint page, GError **error) {
  g_autofree char *target = pyramid_path(house, file, page);
  if (g_file_test(target, G_FILE_TEST_EXISTS)) return g_steal_pointer(&target);
  if (!can_show(file, error)) return NULL;
  char *source = source_path(house, file, error);
  if (source == NULL) return NULL;
  Making *item = g_new0(Making, 1);
  *item = (Making){source, g_steal_pointer(&target), info_of(file), page};
  g_autoptr(GError) failure = NULL;
  g_mutex_lock(&lock);
  gboolean queued = queue_locked(item, &failure);
  g_mutex_unlock(&lock);
  if (!queued) making_free(item);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return throw_null(error, LANTAI_ERROR_BUSY, "页面图像正在生成，请稍候");
}

void reader_finish(void) {
  g_mutex_lock(&lock);
  GThreadPool *pool = g_steal_pointer(&makers);
  g_mutex_unlock(&lock);
  if (pool) g_thread_pool_free(pool, TRUE, TRUE);
  g_clear_pointer(&making, g_hash_table_unref);
  g_clear_pointer(&failed, g_hash_table_unref);
}

/* ---- pages through the files of a record ---- */

static guint pages_in(const CatalogFile *file) { return (guint)MAX(1, MAX(file->page_count, file->text_pages)); }

const CatalogFile *reader_page_of(GPtrArray *files, guint page, guint *ret_page_in_file) {
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = g_ptr_array_index(files, i);
    guint pages = pages_in(file);
    if (page >= 1 && page <= pages) return *ret_page_in_file = page, file;
    page -= MIN(page, pages);
    if (page == 0) return NULL;
  }
  return NULL;
}

guint reader_page_count(GPtrArray *files) {
  guint count = 0;
  for (guint i = 0; i < files->len; i++) count += pages_in(g_ptr_array_index(files, i));
  return count;
}
