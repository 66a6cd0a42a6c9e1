/* Resumable uploads (upload.h): the rows and their files. */
#include "upload.h"
#include "delivery.h"
#include "error.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DAY_US (24 * 3600 * (gint64)G_USEC_PER_SEC)
#define KEPT_DAYS 7
#define SWEEP_SECONDS 600
#define PERSON_MAX 50
#define NAME_LENGTH 200
#define COPY_BYTES (1 << 18)
#define LIST_MAX 100

/* ---- one writer for each upload ---- */

static GMutex busy_lock;
static GHashTable *busy; /* char* path of a file that is being written or taken over */

static char *upload_path(const House *house, gint64 id) {
  g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, id);
  return g_build_filename(house->dir, "tmp", "resumable", name, NULL);
}

static gboolean claim(const char *path, GError **error) {
  g_mutex_lock(&busy_lock);
  if (busy == NULL) busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  gboolean mine = !g_hash_table_contains(busy, path);
  if (mine) g_hash_table_add(busy, g_strdup(path));
  g_mutex_unlock(&busy_lock);
  return mine || throw(error, LANTAI_ERROR_CONFLICT, "这个文件正在另一个窗口中上传。请在那里继续，或稍候再试");
}

static void release(const char *path) {
  g_mutex_lock(&busy_lock);
  g_hash_table_remove(busy, path);
  g_mutex_unlock(&busy_lock);
}

/* ---- rows ---- */

static json_t *load_row(Sql *sql, const char *actor, gint64 id, GError **error) {
  GError *failure = NULL;
  json_t *row = sql_row_json(sql, "SELECT id, name, size, received, created_at, touched_at FROM upload WHERE id = $1 AND actor = $2",
    SQL_ARGS(sql_int(id), sql_text(actor)), &failure);
  if (row) return row;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_clear_error(&failure);
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个上传，可能已用掉或超过 %d 天没有续传。请重新选择文件", KEPT_DAYS);
  }
  g_propagate_error(error, failure);
  return NULL;
}

static json_t *describe(json_t *row) {
  gint64 size = int_at(row, "size"), received = int_at(row, "received");
  json_object_set_new(row, "percent", json_integer(size ? (json_int_t)((double)received * 100 / (double)size) : 100));
  json_object_set_new(row, "complete", json_boolean(received == size));
  return row;
}

json_t *upload_read(const House *house, const char *actor, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *row = sql ? load_row(sql, actor, id, error) : NULL;
  return row ? describe(row) : NULL;
}

json_t *upload_list(const House *house, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *list = sql ? sql_json(sql, "SELECT id, name, size, received, created_at, touched_at FROM upload WHERE actor = $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_text(actor), sql_int(LIST_MAX)), error) : NULL, *row;
  size_t i;
  json_array_foreach(list, i, row) describe(row);
  return list;
}

/* ---- beginning ---- */

static gint64 free_bytes(const House *house) {
  struct statvfs state;
  return statvfs(house->dir, &state) == 0 ? (gint64)(state.f_bavail * state.f_frsize) : G_MAXINT64;
}

/* What this one and those already begun still need, with a tenth more for working with it. */
static gboolean check_space(const House *house, Sql *sql, gint64 size, gint64 received, gint64 id, GError **error) {
  GError *failure = NULL;
  gint64 others = sql_number(sql, "SELECT COALESCE(SUM(size - received), 0) AS awaited FROM upload WHERE id <> $1", SQL_ARGS(sql_int(id)), 0, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  gint64 needed = size - received + size / 10, available = MAX(free_bytes(house) - others, 0);
  if (needed <= available) return TRUE;
  g_autofree char *wants = text_size((double)needed), *has = text_size((double)available);
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘空间不足：接收这个文件需要 %s（含处理所需的一成），可用 %s。请腾出空间，或联系系统管理员", wants, has);
}

static gboolean check_start(const House *house, const UploadStart *start, GError **error) {
  gint64 most = settings_int(house->settings, "upload.max_gigabytes");
  if (start->size_bytes <= 0) return throw(error, LANTAI_ERROR_INVALID, "文件是空的，没有可上传的内容");
  if (start->size_bytes > most << 30) return throw(error, LANTAI_ERROR_TOO_LARGE, "文件超过 %" G_GINT64_FORMAT " GB 的上限，请拆分后上传", most);
  g_autofree char *folder = g_build_filename(house->dir, "tmp", "resumable", NULL);
  return g_mkdir_with_parents(folder, 0700) == 0 || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立上传用的目录：%s", error_reason(errno));
}

static char *clean_name(const char *name) {
  const char *slash = strrchr(name, '/'), *backslash = strrchr(name, '\\'), *base = slash || backslash ? MAX(slash, backslash) + 1 : name;
  g_autofree char *clean = text_clean(base, FALSE);
  if (!*clean || g_str_equal(clean, ".") || g_str_equal(clean, "..")) return g_strdup("未命名文件");
  guint length = text_length(clean);
  return length <= NAME_LENGTH ? g_steal_pointer(&clean) : g_utf8_substring(clean, length - NAME_LENGTH, length);
}

gint64 upload_start(const House *house, const char *actor, const UploadStart *start, GError **error) {
  if (!check_start(house, start, error)) return 0;
  g_autofree char *name = clean_name(start->name);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return 0;
  GError *failure = NULL;
  gint64 id = sql_number(sql, "SELECT id FROM upload WHERE actor = $1 AND name = $2 AND size = $3 AND fingerprint = $4 ORDER BY id DESC LIMIT 1",
    SQL_ARGS(sql_text(actor), sql_text(name), sql_int(start->size_bytes), sql_text(start->fingerprint)), 0, &failure);
  gint64 count = failure ? 0 : sql_number(sql, "SELECT COUNT(*) AS count FROM upload WHERE actor = $1", SQL_ARGS(sql_text(actor)), 0, &failure);
  gint64 received = failure || !id ? 0 : sql_number(sql, "SELECT received FROM upload WHERE id = $1", SQL_ARGS(sql_int(id)), 0, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return 0;
  }
  if (!check_space(house, sql, start->size_bytes, received, id, error)) return 0;
  if (id) return id;
  if (count >= PERSON_MAX) return throw(error, LANTAI_ERROR_CONFLICT, "您已有 %d 个没有用掉的上传。请先删去不要的", PERSON_MAX);
  gint64 now = clock_now_us();
  if (!sql_exec(sql, "INSERT INTO upload (actor, name, size, fingerprint, created_at, touched_at) VALUES ($1, $2, $3, $4, $5, $5)",
      SQL_ARGS(sql_text(actor), sql_text(name), sql_int(start->size_bytes), sql_text(start->fingerprint), sql_int(now)), error)) return 0;
  id = sql_last_id(sql);
  return sql_commit(sql, error) ? id : 0;
}

/* ---- slices ---- */

static gboolean write_at(int fd, const char *data, gsize length, gint64 offset, GError **error) {
  while (length > 0) {
    ssize_t written = pwrite(fd, data, length, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == ENOSPC || errno == EDQUOT)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘空间不足，请腾出空间后续传。已传的部分保留着");
    if (written < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的文件：%s。已传的部分保留着，请稍后续传", error_reason(errno));
    data += written;
    offset += written;
    length -= (gsize)written;
  }
  return TRUE;
}

static gboolean copy_at(int in, int out, gint64 offset, GError **error) {
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  for (;;) {
    ssize_t got = read(in, buffer, COPY_BYTES);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读上传的一段：%s。请重传这一段", error_reason(errno));
    if (got == 0) return TRUE;
    if (!write_at(out, buffer, (gsize)got, offset, error)) return FALSE;
    offset += got;
  }
}

/* The file's length is set with its last slice, so that bytes of a slice that was broken off never stand behind the end. */
static gboolean append_slice(const char *path, const char *slice, gint64 offset, gint64 *ret_end, GError **error) {
  int in = open(slice, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  struct stat status;
  gboolean good = out >= 0 && fstat(in, &status) == 0;
  if (!good) throw(error, LANTAI_ERROR_UNAVAILABLE, "不能保存上传的文件：%s", error_reason(errno));
  good = good && copy_at(in, out, offset, error);
  if (good && (ftruncate(out, offset + status.st_size) != 0 || fsync(out) != 0))
    good = throw(error, LANTAI_ERROR_UNAVAILABLE, "上传的文件没有写到磁盘：%s。请重传这一段", error_reason(errno));
  if (good) *ret_end = offset + status.st_size;
  if (out >= 0) close(out);
  if (in >= 0) close(in);
  return good;
}

static gboolean check_slice(json_t *row, gint64 offset, const char *slice, GError **error) {
  gint64 size = int_at(row, "size"), received = int_at(row, "received");
  struct stat status;
  if (offset != received) return throw(error, LANTAI_ERROR_CONFLICT, "已收到 %" G_GINT64_FORMAT " 字节，请从那里续传", received);
  if (stat(slice, &status) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能读上传的一段：%s。请重传这一段", error_reason(errno));
  if (status.st_size == 0) return throw(error, LANTAI_ERROR_INVALID, "上传的一段是空的");
  return status.st_size <= size - received || throw(error, LANTAI_ERROR_INVALID, "上传的内容比文件的大小（%" G_GINT64_FORMAT " 字节）还多。请重新选择文件", size);
}

static gboolean note_received(const House *house, gint64 id, gint64 end, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql, "UPDATE upload SET received = $1, touched_at = $2 WHERE id = $3",
    SQL_ARGS(sql_int(end), sql_int(clock_now_us()), sql_int(id)), error) && sql_commit(sql, error);
}

gboolean upload_add(const House *house, const char *actor, gint64 id, gint64 offset, const char *slice, GError **error) {
  g_autofree char *path = upload_path(house, id);
  if (!claim(path, error)) return FALSE;
  json_t *row = upload_read(house, actor, id, error);
  gint64 end = 0;
  gboolean good = row && check_slice(row, offset, slice, error) && append_slice(path, slice, offset, &end, error) &&
    delivery_point("upload.part", error) && note_received(house, id, end, error);
  json_decref(row);
  release(path);
  return good;
}

gboolean upload_drop(const House *house, const char *actor, gint64 id, GError **error) {
  g_autofree char *path = upload_path(house, id);
  if (!claim(path, error)) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *row = sql ? load_row(sql, actor, id, error) : NULL;
  gboolean good = row && sql_exec(sql, "DELETE FROM upload WHERE id = $1", SQL_ARGS(sql_int(id)), error) && sql_commit(sql, error);
  json_decref(row);
  if (good) g_unlink(path);
  release(path);
  return good;
}

/* ---- what nobody goes on with ---- */

static void sweep_rows(const House *house, gint64 before) {
  g_autoptr(GError) failure = NULL;
  g_autoptr(Sql) sql = sql_read(house->db, &failure);
  json_t *old = sql ? sql_json(sql, "SELECT id, actor FROM upload WHERE touched_at < $1 ORDER BY touched_at LIMIT $2", SQL_ARGS(sql_int(before), sql_int(LIST_MAX)),
    &failure) : NULL, *row;
  g_clear_pointer(&sql, sql_end);
  size_t i;
  json_array_foreach(old, i, row)
    if (failure == NULL) upload_drop(house, text_at(row, "actor"), int_at(row, "id"), &failure);
  json_decref(old);
  if (failure) g_warning("清理过期的上传：%s", failure->message);
}

/* Files without a row: a crash stood between the two. */
static void sweep_files(const House *house) {
  g_autofree char *folder = g_build_filename(house->dir, "tmp", "resumable", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  g_autoptr(Sql) sql = dir ? sql_read(house->db, NULL) : NULL;
  const char *name;
  while (sql && (name = g_dir_read_name(dir))) {
    GError *failure = NULL;
    gint64 known = sql_number(sql, "SELECT id FROM upload WHERE id = $1", SQL_ARGS(sql_int(g_ascii_strtoll(name, NULL, 10))), 0, &failure);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat status;
    if (!failure && !known && stat(path, &status) == 0 && status.st_mtime < g_get_real_time() / G_USEC_PER_SEC - DAY_US / G_USEC_PER_SEC) g_unlink(path);
    g_clear_error(&failure);
  }
}

void upload_sweep(const House *house) {
  static gint64 next_us; /* ticks are never two at once */
  if (g_get_monotonic_time() < next_us) return;
  next_us = g_get_monotonic_time() + SWEEP_SECONDS * (gint64)G_USEC_PER_SEC;
  sweep_rows(house, clock_now_us() - KEPT_DAYS * DAY_US);
  sweep_files(house);
}

/* ---- use by a form ---- */

gboolean form_file_take(WebRequest *request, const char *file_parameter, const char *upload_parameter, FormFile *ret, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, upload_parameter, 0);
  *ret = (FormFile){.upload = id};
  if (id == 0) {
    ret->name = g_strdup(web_file_name(request, file_parameter));
    ret->path = web_file_path(request, file_parameter) ? web_file_steal(request, file_parameter) : NULL;
    return TRUE;
  }
  json_t *row = upload_read(house, web_actor(request), id, error);
  if (row == NULL) return FALSE;
  g_autofree char *path = upload_path(house, id);
  gboolean complete = json_is_true(json_object_get(row, "complete"));
  gboolean good = complete || throw(error, LANTAI_ERROR_INVALID, "“%s”还没有传完（%" G_GINT64_FORMAT "%%）。请等它传完再提交", text_at(row, "name"),
    int_at(row, "percent"));
  good = good && claim(path, error);
  if (good) ret->name = g_strdup(text_at(row, "name"));
  if (good) ret->path = g_steal_pointer(&path);
  json_decref(row);
  return good;
}

void form_file_done(const House *house, const char *actor, FormFile *file, gboolean used) {
  if (file->path && file->upload) release(file->path);
  g_autoptr(GError) failure = NULL;
  if (file->path && file->upload && used && !upload_drop(house, actor, file->upload, &failure)) g_warning("用掉的上传没有清理：%s", failure->message);
  if (file->path && !file->upload) g_unlink(file->path); /* still there only when it was not taken over */
  g_clear_pointer(&file->path, g_free);
  g_clear_pointer(&file->name, g_free);
}
