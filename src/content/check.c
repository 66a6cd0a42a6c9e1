/*
 * Reading every byte of the store again.
 *
 * 1. The calling thread walks the folders, scans objects and makes all calls of the visitor; two threads hash. So a visitor needs no lock.
 * 2. The store may be written to meanwhile, by other processes too: an object whose faults could come from a version just being published is
 *    looked at again, and only what stands still is reported.
 * 3. A fixed number of objects is under way at once, whatever the size of the store.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 2, UNDER_WAY = 16, AHEAD = 8, PARALLEL_FROM_BYTES = 32 << 20, AHEAD_BYTES = 8 << 20, PROGRESS_US = 250000 };
enum { SETTLE_US = 50000, SETTLE_TIMES = 100, RESCANS = 5 };

typedef struct {
  Content *content;
  const ContentCheckVisitor *visitor;
  gpointer data;
  GThreadPool *threads;
  GAsyncQueue *done; /* hashed ObjectScans */
  guint under_way, settled;
  gint64 objects, progress_at_us;
  _Atomic gint64 files, bytes;
} Check;

const char *content_fault_name(ContentFault fault) {
  static const char *const names[] = {
    [CONTENT_FAULT_DAMAGED] = "damaged",       [CONTENT_FAULT_MISSING] = "missing",     [CONTENT_FAULT_SURPLUS] = "surplus",
    [CONTENT_FAULT_UNREADABLE] = "unreadable", [CONTENT_FAULT_INVENTORY] = "inventory",
    [CONTENT_FAULT_SM3] = "sm3",
  };
  return names[fault];
}

typedef struct {
  int fd;
  Check *check;
} Source;

static gssize read_counted(gpointer data, void *buffer, gsize capacity, GError **error) {
  Source *source = data;
  gssize n = read_descriptor(&source->fd, buffer, capacity, error);
  if (n > 0) atomic_fetch_add_explicit(&source->check->bytes, n, memory_order_relaxed);
  return n;
}

static void compare_digests(ObjectScan *scan, const char *path, const FileDigests *digests) {
  const char *sha512 = g_hash_table_lookup(scan->inventory->paths, path), *sm3 = g_hash_table_lookup(scan->digests, sha512);
  gboolean sha512_same = strcmp(sha512, digests->sha512) == 0, sm3_same = sm3 == NULL || strcmp(sm3, digests->sm3) == 0;
  if (sha512_same && sm3_same) return;
  const char *which = sha512_same ? " " SM3_LIST " " : sm3_same ? "清单的 SHA-512 值" : "清单的 SHA-512 值和 " SM3_LIST " ";
  scan_fault(scan, CONTENT_FAULT_DAMAGED, path, "内容与%s不符(现长 %" G_GINT64_FORMAT " 字节)", which, digests->size_bytes);
}

static void hash_file(Check *check, ObjectScan *scan, const char *path, int fd) {
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) {
    scan_fault(scan, errno == ENOENT ? CONTENT_FAULT_MISSING : CONTENT_FAULT_UNREADABLE, path, "打不开: %s", error_reason(errno));
    return;
  }
  if (!S_ISREG(info.st_mode)) {
    scan_fault(scan, CONTENT_FAULT_SURPLUS, path, "不是普通文件");
    return;
  }
  Source source = {fd, check};
  FileDigests digests;
  g_autoptr(GError) reason = NULL;
  if (hash_stream(read_counted, &source, -1, info.st_size >= PARALLEL_FROM_BYTES, &digests, &reason)) compare_digests(scan, path, &digests);
  else scan_fault(scan, CONTENT_FAULT_UNREADABLE, path, "%s", reason->message);
  atomic_fetch_add_explicit(&check->files, 1, memory_order_relaxed);
}

/* Opens a file and has the disk fetch its beginning while others are hashed. */
static int open_ahead(const ObjectScan *scan, guint i) {
  if (i >= scan->files->len) return -1;
  int fd = open_beneath(scan->fd, scan->files->pdata[i], O_RDONLY);
  if (fd >= 0) posix_fadvise(fd, 0, AHEAD_BYTES, POSIX_FADV_WILLNEED);
  return fd;
}

/* Runs in the hashing threads. */
static void hash_object(gpointer data, gpointer user_data) {
  ObjectScan *scan = data;
  Check *check = user_data;
  int window[AHEAD];
  for (guint i = 0; i < AHEAD; i++) window[i] = open_ahead(scan, i);
  for (guint i = 0; i < scan->files->len; i++) {
    int fd = window[i % AHEAD];
    if (fd < 0) fd = open_beneath(scan->fd, scan->files->pdata[i], O_RDONLY); /* sets errno anew */
    hash_file(check, scan, scan->files->pdata[i], fd);
    close_fd(&fd);
    window[i % AHEAD] = open_ahead(scan, i + AHEAD);
  }
  g_async_queue_push(check->done, scan);
}

static void report_progress(Check *check, gboolean now) {
  gint64 at_us = g_get_monotonic_time();
  if (!now && at_us - check->progress_at_us < PROGRESS_US) return;
  check->progress_at_us = at_us;
  if (check->visitor->progress != NULL) check->visitor->progress(check->objects, atomic_load(&check->files), atomic_load(&check->bytes), check->data);
}

static void report_stray(Check *check, const char *path, ContentFault fault, const char *detail) {
  g_autofree char *shown = g_utf8_make_valid(path, -1);
  if (check->visitor->fault != NULL) check->visitor->fault(NULL, shown, fault, detail, check->data);
}

static void report_object(Check *check, const ObjectScan *scan) {
  for (guint i = 0; i < scan->faults->len; i++) {
    const FaultFound *found = scan->faults->pdata[i];
    g_autofree char *path = scan->object_id != NULL ? g_strdup(found->path) : g_strconcat(scan->folder, "/", found->path, NULL);
    if (check->visitor->fault != NULL) check->visitor->fault(scan->object_id, path, found->fault, found->detail, check->data);
  }
  check->objects++;
  if (!scan->whole || check->visitor->object == NULL) return;
  json_t *files = inventory_list(scan->inventory, scan->fd, scan->digests);
  check->visitor->object(scan->object_id, scan->inventory->head, files, check->data);
  json_decref(files);
}

/* Invariant 2. Waiting is for the first faults only, so that a store full of them is still gone through. */
static gboolean needs_rescan(Check *check, const ObjectScan *scan) {
  if (scan->faults->len == 0) return FALSE;
  if (check->settled++ < SETTLE_TIMES) g_usleep(SETTLE_US);
  return scan_is_stale(check->content, scan);
}

static void finish_object(Check *check, ObjectScan *first) {
  g_autoptr(ObjectScan) scan = first;
  for (guint i = 0; i < RESCANS && !scan->gone && needs_rescan(check, scan); i++) {
    ObjectScan *again = scan_object(check->content, scan->folder);
    scan_free(scan);
    scan = again;
    if (scan->gone) break;
    g_thread_pool_push(check->threads, scan, NULL);
    ObjectScan *hashed = NULL;
    GQueue others = G_QUEUE_INIT;
    while ((hashed = g_async_queue_pop(check->done)) != scan) g_queue_push_tail(&others, hashed);
    for (gpointer other; (other = g_queue_pop_head(&others)) != NULL;) g_async_queue_push(check->done, other);
  }
  if (!scan->gone) report_object(check, scan);
}

/* Takes finished objects until fewer than limit are under way. */
static void take_finished(Check *check, guint limit) {
  for (;;) {
    ObjectScan *scan = check->under_way >= limit ? g_async_queue_timeout_pop(check->done, PROGRESS_US) : g_async_queue_try_pop(check->done);
    report_progress(check, FALSE);
    if (scan == NULL && check->under_way < limit) return;
    if (scan == NULL) continue;
    check->under_way--;
    finish_object(check, scan);
  }
}

static void check_object(Check *check, const char *folder) {
  take_finished(check, UNDER_WAY);
  ObjectScan *scan = scan_object(check->content, folder);
  check->under_way++;
  g_thread_pool_push(check->threads, scan, NULL);
}

static gboolean is_tuple(const char *name) { return is_hex(name, 3); }

/* An object's folder is named by its id, and lies where that id belongs; a cut name ends in the digest that the folders above begin. */
static gboolean is_object_folder(const char *path) {
  const char *name = path + strlen("abc/def/012/"), *cut = strlen(name) > SHA512_HEX ? name + strlen(name) - SHA512_HEX : NULL;
  if (cut != NULL && is_hex(cut, SHA512_HEX)) {
    g_autofree char *above = g_strdup_printf("%.3s/%.3s/%.3s/", cut, cut + 3, cut + 6);
    return g_str_has_prefix(path, above);
  }
  g_autofree char *id = g_uri_unescape_string(name, NULL), *expected = id != NULL ? object_path(id) : NULL;
  return g_strcmp0(path, expected) == 0;
}

static void check_folder(Check *check, const char *path, guint level);

static void check_entry(Check *check, const char *parent, const char *name, guint level) {
  g_autofree char *path = level == 0 ? g_strdup(name) : g_strconcat(parent, "/", name, NULL);
  autofd fd = open_beneath(check->content->root_fd, path, O_PATH);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) {
    if (errno != ENOENT) report_stray(check, path, CONTENT_FAULT_UNREADABLE, error_reason(errno));
    return;
  }
  gboolean folder = S_ISDIR(info.st_mode);
  if (folder && level < 3 && is_tuple(name)) check_folder(check, path, level + 1);
  else if (folder && level == 3 && is_object_folder(path)) check_object(check, path);
  else report_stray(check, path, CONTENT_FAULT_SURPLUS, S_ISLNK(info.st_mode) ? "符号链接" : folder ? "不是对象的文件夹" : "不属于任何对象的文件");
}

/* Folders between root and objects; an empty one may just be in the making, so it is looked at twice. */
static void check_folder(Check *check, const char *path, guint level) {
  for (guint attempt = 0; attempt < 2; attempt++) {
    autofd fd = open_beneath(check->content->root_fd, path, O_RDONLY | O_DIRECTORY);
    g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
    if (names == NULL) {
      if (errno != ENOENT) report_stray(check, path, CONTENT_FAULT_UNREADABLE, error_reason(errno));
      return;
    }
    for (guint i = 0; i < names->len; i++) check_entry(check, path, names->pdata[i], level);
    if (names->len > 0) return;
    if (attempt == 0 && check->settled++ < SETTLE_TIMES) g_usleep(SETTLE_US);
  }
  report_stray(check, path, CONTENT_FAULT_SURPLUS, "空文件夹");
}

static void check_layout(Check *check) {
  for (gsize i = 0; i < G_N_ELEMENTS(LAYOUT_FILES); i++) {
    GString *text = NULL;
    if (!read_file(check->content->root_fd, LAYOUT_FILES[i].path, 1 << 20, &text)) {
      report_stray(check, LAYOUT_FILES[i].path, errno == ENOENT ? CONTENT_FAULT_MISSING : CONTENT_FAULT_UNREADABLE, error_reason(errno));
      continue;
    }
    if (strcmp(text->str, LAYOUT_FILES[i].text) != 0) report_stray(check, LAYOUT_FILES[i].path, CONTENT_FAULT_DAMAGED, "内容已被改动");
    g_string_free(text, TRUE);
  }
}

/* Whatever a folder of the layout holds beside the one name it should. */
static void check_extension_folder(Check *check, const char *path, const char *expected) {
  autofd fd = open_beneath(check->content->root_fd, path, O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
  for (guint i = 0; names != NULL && i < names->len; i++) {
    g_autofree char *below = g_strconcat(path, "/", names->pdata[i], NULL);
    if (strcmp(names->pdata[i], expected) != 0) report_stray(check, below, CONTENT_FAULT_SURPLUS, "不属于对象库");
  }
}

static gboolean check_root(Check *check, GError **error) {
  g_autoptr(GPtrArray) names = list_folder(check->content->root_fd);
  if (names == NULL) return throw_errno(error, "读取", check->content->root);
  check_layout(check);
  check_extension_folder(check, "extensions", LAYOUT);
  check_extension_folder(check, "extensions/" LAYOUT, "config.json");
  for (guint i = 0; i < names->len; i++) {
    if (!is_layout_name(names->pdata[i])) check_entry(check, "", names->pdata[i], 0);
  }
  take_finished(check, 1);
  return TRUE;
}

gboolean content_check(Content *content, const ContentCheckVisitor *visitor, gpointer data, GError **error) {
  Check check = {.content = content, .visitor = visitor, .data = data, .progress_at_us = g_get_monotonic_time()};
  check.done = g_async_queue_new();
  check.threads = g_thread_pool_new(hash_object, &check, THREADS, TRUE, error);
  gboolean done = check.threads != NULL && check_root(&check, error);
  if (check.threads != NULL) g_thread_pool_free(check.threads, FALSE, TRUE);
  if (done) report_progress(&check, TRUE);
  g_async_queue_unref(check.done);
  return done;
}
