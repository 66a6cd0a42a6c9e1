/*
 * Places of copies: what both kinds share, and the local one.
 *
 * 1. The local one follows no symbolic link below its folder, and never blocks on a pipe there.
 * 2. What it wrote is durable after flush (syncfs), not file by file: many small files cost one flush.
 */
#include "target.h"
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum { COPY_BYTES = 1 << 20 };

void target_close(Target *target) {
  if (target != NULL) target->methods->close(target);
}

gboolean target_is_sftp(const char *location) { return g_str_has_prefix(location, "sftp://"); }

void target_entry_free(gpointer data) {
  TargetEntry *entry = data;
  g_free(entry->name);
  g_free(entry);
}

GString *target_read(Target *target, const char *path, gsize limit, GError **error) {
  gint64 size_bytes = 0;
  TargetFile *file = target->methods->open(target, path, &size_bytes, error);
  if (file == NULL) return NULL;
  GString *text = g_string_sized_new((gsize)CLAMP(size_bytes, 0, (gint64)limit) + 1);
  gssize n = 0;
  gboolean fits = TRUE;
  do {
    gsize had = text->len;
    g_string_set_size(text, had + 65536);
    n = target->methods->read(file, text->str + had, 65536, error);
    g_string_truncate(text, had + (gsize)MAX(n, 0));
    fits = text->len <= limit || throw(error, LANTAI_ERROR_DENIED, "%s/%s 过大,没有读", target->place, path);
  } while (n > 0 && fits);
  target->methods->finish(file);
  if (n == 0 && fits) return text;
  g_string_free(text, TRUE);
  return NULL;
}

gboolean target_write_text(Target *target, const char *path, const char *text, gsize length, GError **error) {
  return target_make_all(target, path, error) && target->methods->write(target, path, hash_read_bytes, &(HashBytes){text, length}, error);
}

gboolean target_put(Target *target, const char *path, const char *text, gsize length, GError **error) {
  g_autofree char *beside = g_strconcat(path, ".part", NULL);
  return target_make_all(target, path, error) && target->methods->remove(target, beside, FALSE, error) &&
         target->methods->write(target, beside, hash_read_bytes, &(HashBytes){text, length}, error) && target->methods->flush(target, error) &&
         target->methods->rename(target, beside, path, TRUE, error);
}

gboolean target_make_all(Target *target, const char *path, GError **error) {
  g_autofree char *folder = g_strdup(path);
  for (char *slash = strchr(folder, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (!target->methods->make(target, folder, error)) return FALSE;
    *slash = '/';
  }
  return TRUE;
}

gboolean target_remove_tree(Target *target, const char *path, GError **error) {
  TargetInfo info;
  if (!target->methods->look(target, path, &info, error)) return FALSE;
  if (info.kind == TARGET_ABSENT) return TRUE;
  if (info.kind != TARGET_FOLDER) return target->methods->remove(target, path, FALSE, error);
  g_autoptr(GPtrArray) entries = target->methods->list(target, path, error);
  if (entries == NULL) return FALSE;
  for (guint i = 0; i < entries->len; i++) {
    const TargetEntry *entry = entries->pdata[i];
    g_autofree char *below = g_strconcat(path, "/", entry->name, NULL);
    gboolean done = entry->kind == TARGET_FOLDER ? target_remove_tree(target, below, error) : target->methods->remove(target, below, FALSE, error);
    if (!done) return FALSE;
  }
  return target->methods->remove(target, path, TRUE, error);
}

gssize target_stream(gpointer data, void *buffer, gsize capacity, GError **error) {
  TargetFile *file = data;
  return file->methods->read(file, buffer, capacity, error);
}

/* ---- local ---- */

typedef struct {
  Target base;
  int fd;
} Local;

typedef struct {
  TargetFile base;
  int fd;
} LocalFile;

static gboolean throw_local(Target *target, const char *action, const char *path, GError **error) {
  int reason = errno;
  LantaiError code = reason == ENOENT || reason == ENOTDIR ? LANTAI_ERROR_NOT_FOUND
    : reason == ENOSPC || reason == EDQUOT || reason == EROFS || reason == ESTALE || reason == ENODEV || reason == ENOTCONN ? LANTAI_ERROR_UNAVAILABLE
                                                                                                                             : LANTAI_ERROR_DENIED;
  return throw(error, code, "%s %s/%s 未成功: %s", action, target->place, path, error_reason(reason));
}

static void local_close(Target *target) {
  Local *local = (Local *)target;
  close_fd(&local->fd);
  g_free(target->place);
  g_free(local);
}

static int local_fd(Target *target) { return ((Local *)target)->fd; }

static TargetKind kind_of(const struct stat *info) { return S_ISREG(info->st_mode) ? TARGET_FILE : S_ISDIR(info->st_mode) ? TARGET_FOLDER : TARGET_OTHER; }

/* The folder that path lies in, and the name there. */
static int open_parent(Target *target, const char *path, const char **ret_name) {
  const char *slash = strrchr(path, '/');
  *ret_name = slash != NULL ? slash + 1 : path;
  if (slash == NULL) return dup(local_fd(target));
  g_autofree char *folder = g_strndup(path, (gsize)(slash - path));
  return open_beneath(local_fd(target), folder, O_PATH | O_DIRECTORY);
}

static gboolean local_look(Target *target, const char *path, TargetInfo *ret, GError **error) {
  const char *name;
  struct stat info;
  autofd parent = open_parent(target, path, &name);
  if (parent >= 0 && fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
    *ret = (TargetInfo){kind_of(&info), info.st_size};
    return TRUE;
  }
  if (errno != ENOENT && errno != ENOTDIR) return throw_local(target, "查看", path, error);
  *ret = (TargetInfo){TARGET_ABSENT, 0};
  return TRUE;
}

static GPtrArray *local_list(Target *target, const char *path, GError **error) {
  autofd folder = open_beneath(local_fd(target), path, O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = folder >= 0 ? list_folder(folder) : NULL;
  if (names == NULL) {
    throw_local(target, "读取文件夹", path, error);
    return NULL;
  }
  GPtrArray *entries = g_ptr_array_new_with_free_func(target_entry_free);
  for (guint i = 0; i < names->len; i++) {
    struct stat info;
    TargetEntry *entry = g_new0(TargetEntry, 1);
    entry->name = g_strdup(names->pdata[i]);
    entry->kind = fstatat(folder, entry->name, &info, AT_SYMLINK_NOFOLLOW) == 0 ? kind_of(&info) : TARGET_OTHER;
    g_ptr_array_add(entries, entry);
  }
  return entries;
}

static TargetFile *local_open(Target *target, const char *path, gint64 *ret_size_bytes, GError **error) {
  struct stat info;
  autofd fd = open_beneath(local_fd(target), path, O_RDONLY);
  if (fd < 0 || fstat(fd, &info) != 0) {
    throw_local(target, "打开", path, error);
    return NULL;
  }
  if (!S_ISREG(info.st_mode)) return throw_null(error, LANTAI_ERROR_DENIED, "%s/%s 不是普通文件", target->place, path);
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  LocalFile *file = g_new0(LocalFile, 1);
  *file = (LocalFile){{target->methods}, fd};
  fd = -1;
  if (ret_size_bytes != NULL) *ret_size_bytes = info.st_size;
  return &file->base;
}

static gssize local_read(TargetFile *file, void *buffer, gsize capacity, GError **error) {
  for (;;) {
    gssize n = read(((LocalFile *)file)->fd, buffer, capacity);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    throw(error, LANTAI_ERROR_DENIED, "读取未成功: %s", error_reason(errno));
    return -1;
  }
}

static void local_finish(TargetFile *file) {
  close_fd(&((LocalFile *)file)->fd);
  g_free(file);
}

static gboolean write_out(Target *target, int fd, const char *path, const guchar *data, gsize length, GError **error) {
  while (length > 0) {
    gssize n = write(fd, data, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return throw_local(target, "写入", path, error);
    data += n;
    length -= (gsize)n;
  }
  return TRUE;
}

/* Zeros become a hole. */
static gboolean write_sparse(Target *target, int fd, const char *path, const guchar *data, gsize length, GError **error) {
  if (length == COPY_BYTES && is_zero(data, length)) return lseek(fd, (off_t)length, SEEK_CUR) >= 0 || throw_local(target, "写入", path, error);
  return write_out(target, fd, path, data, length, error);
}

static gboolean local_write(Target *target, const char *path, ContentRead read, gpointer source, GError **error) {
  const char *name;
  autofd parent = open_parent(target, path, &name);
  autofd fd = parent >= 0 ? openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640) : -1;
  if (fd < 0) return throw_local(target, "新建", path, error);
  g_autofree guchar *buffer = g_malloc(COPY_BYTES);
  gssize n;
  gint64 size_bytes = 0;
  for (; (n = read(source, buffer, COPY_BYTES, error)) > 0; size_bytes += n)
    if (!write_sparse(target, fd, path, buffer, (gsize)n, error)) return FALSE;
  if (n == 0 && ftruncate(fd, size_bytes) != 0) return throw_local(target, "写入", path, error);
  int opened = fd;
  fd = -1;
  return close(opened) == 0 ? n == 0 : throw_local(target, "写入", path, error);
}

static gboolean local_rename(Target *target, const char *from, const char *to, gboolean replace, GError **error) {
  const char *from_name, *to_name;
  autofd from_fd = open_parent(target, from, &from_name);
  autofd to_fd = from_fd >= 0 ? open_parent(target, to, &to_name) : -1;
  if (to_fd < 0) return throw_local(target, "改名", to, error);
  guint flags = replace ? 0 : RENAME_NOREPLACE;
  if (renameat2(from_fd, from_name, to_fd, to_name, flags) == 0) return TRUE;
  if ((errno == EINVAL || errno == ENOSYS) && flags != 0 && renameat(from_fd, from_name, to_fd, to_name) == 0) return TRUE;
  return throw_local(target, "改名", to, error);
}

static gboolean local_remove(Target *target, const char *path, gboolean folder, GError **error) {
  const char *name;
  autofd parent = open_parent(target, path, &name);
  if (parent >= 0 && unlinkat(parent, name, folder ? AT_REMOVEDIR : 0) == 0) return TRUE;
  return errno == ENOENT || throw_local(target, "删除", path, error);
}

static gboolean local_make(Target *target, const char *path, GError **error) {
  const char *name;
  autofd parent = open_parent(target, path, &name);
  if (parent >= 0 && (mkdirat(parent, name, 0750) == 0 || errno == EEXIST)) return TRUE;
  return throw_local(target, "新建文件夹", path, error);
}

static gboolean local_flush(Target *target, GError **error) { return syncfs(local_fd(target)) == 0 || throw_local(target, "落盘", "", error); }

static gint64 local_space(Target *target) {
  struct statvfs state;
  return fstatvfs(local_fd(target), &state) == 0 ? (gint64)state.f_bavail * (gint64)state.f_frsize : -1;
}

static const TargetMethods LOCAL = {local_close, local_look,   local_list,   local_open, local_read,  local_finish,
                                    local_write, local_rename, local_remove, local_make, local_flush, local_space};

Target *target_open_local(const char *path, gboolean create, GError **error) {
  if (!g_path_is_absolute(path)) return throw_null(error, LANTAI_ERROR_INVALID, "副本的位置须是绝对路径或 sftp:// 地址，而不是“%s”", path);
  if (create && g_mkdir_with_parents(path, 0750) != 0)
    return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s: %s。请核对路径和权限", path, error_reason(errno));
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "副本的位置 %s 打不开: %s。磁盘可能没有接上或没有挂载", path, error_reason(errno));
  Local *local = g_new0(Local, 1);
  *local = (Local){{&LOCAL, g_strdup(path), TRUE}, fd};
  return &local->base;
}
