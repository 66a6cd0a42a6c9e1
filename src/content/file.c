/*
 * Files and paths of the store.
 *
 * 1. No symbolic link below the store is ever followed, and opening never waits (a pipe in the tree cannot hold a thread).
 * 2. What is read whole has a limit.
 */
#include "content-internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LIMIT_BYTES = 2000, NAME_LIMIT_BYTES = 255, DEPTH_LIMIT = 40, TREE_DEPTH_LIMIT = 128 };

/* What makes a path lead elsewhere. */
static PathFault element_fault(const char *element, gsize length) {
  if (length == 0) return PATH_EMPTY_ELEMENT;
  if (element[0] == '.' && (length == 1 || (length == 2 && element[1] == '.'))) return PATH_DOT_ELEMENT;
  return PATH_SAFE;
}

/* What keeps a path from being stored everywhere. */
static PathFault form_fault(const char *path, gsize length) {
  guint depth = 0;
  gsize element_length = 0;
  for (const char *c = path; *c != '\0'; c++) {
    if (g_ascii_iscntrl(*c)) return PATH_BAD_CHARACTER;
    element_length = *c == '/' ? 0 : element_length + 1;
    depth += *c == '/';
    if (element_length > NAME_LIMIT_BYTES) return PATH_TOO_LONG;
  }
  if (!g_utf8_validate(path, (gssize)length, NULL)) return PATH_BAD_CHARACTER;
  return length > PATH_LIMIT_BYTES || depth >= DEPTH_LIMIT ? PATH_TOO_LONG : PATH_SAFE;
}

PathFault path_fault(const char *path) {
  gsize length = strlen(path);
  if (length == 0) return PATH_EMPTY_ELEMENT;
  if (path[0] == '/' || path[length - 1] == '/') return PATH_EDGE_SLASH;
  for (const char *element = path;;) {
    gsize element_length = strcspn(element, "/");
    PathFault fault = element_fault(element, element_length);
    if (fault != PATH_SAFE) return fault;
    if (element[element_length] == '\0') break;
    element += element_length + 1;
  }
  return form_fault(path, length);
}

gboolean is_zero(const void *data, gsize length) {
  const guchar *bytes = data;
  return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

gboolean is_hex(const char *text, gsize length) {
  if (strlen(text) != length) return FALSE;
  return strspn(text, "0123456789abcdef") == length;
}

guint version_number(const char *name) {
  if (name[0] != 'v' || name[1] < '1' || name[1] > '9' || strlen(name) > 9) return 0;
  if (strspn(name + 1, "0123456789") != strlen(name + 1)) return 0;
  return (guint)g_ascii_strtoull(name + 1, NULL, 10);
}

int open_beneath(int dirfd, const char *path, int flags) {
  autofd folder = -1;
  for (;;) {
    gsize length = strcspn(path, "/");
    gboolean last = path[length] == '\0';
    if (length == 0 || length > NAME_LIMIT_BYTES || (length <= 2 && strspn(path, ".") >= length)) {
      errno = ENOENT;
      return -1;
    }
    char name[NAME_LIMIT_BYTES + 1];
    memcpy(name, path, length);
    name[length] = '\0';
    int parent = folder >= 0 ? folder : dirfd;
    if (last) return openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int next = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) return -1;
    close_fd(&folder);
    folder = next;
    path += length + 1;
  }
}

static gboolean read_whole(int fd, gsize limit, GString *text) {
  struct stat info;
  if (fstat(fd, &info) != 0) return FALSE;
  if (!S_ISREG(info.st_mode) || info.st_size > (off_t)limit) {
    errno = S_ISREG(info.st_mode) ? EFBIG : EINVAL;
    return FALSE;
  }
  gsize expected = (gsize)info.st_size;
  g_string_set_size(text, expected + 1); /* one more, so that the end is seen without growing */
  gsize got = 0;
  for (;;) {
    if (got == text->len) g_string_set_size(text, text->len + 65536);
    gssize n = read(fd, text->str + got, text->len - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FALSE;
    if (n == 0) break;
    got += (gsize)n;
    if (got > limit) {
      errno = EFBIG;
      return FALSE;
    }
  }
  g_string_truncate(text, got);
  return TRUE;
}

gboolean read_file(int dirfd, const char *path, gsize limit, GString **ret) {
  autofd fd = open_beneath(dirfd, path, O_RDONLY);
  if (fd < 0) return FALSE;
  GString *text = g_string_new(NULL);
  if (!read_whole(fd, limit, text)) {
    int reason = errno;
    g_string_free(text, TRUE);
    errno = reason;
    return FALSE;
  }
  *ret = text;
  return TRUE;
}

gboolean write_file(int dirfd, const char *name, const void *data, gsize length, GError **error) {
  autofd fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) return throw_errno(error, "新建", name);
  for (gsize done = 0; done < length;) {
    gssize n = write(fd, (const char *)data + done, length - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return throw_errno(error, "写入", name);
    done += (gsize)n;
  }
  int opened = fd;
  fd = -1;
  if (close(opened) != 0) return throw_errno(error, "写入", name);
  return TRUE;
}

gboolean make_parents(int dirfd, const char *path, GError **error) {
  g_autofree char *folder = g_strdup(path);
  for (char *slash = strchr(folder, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdirat(dirfd, folder, 0750) != 0 && errno != EEXIST) return throw_errno(error, "新建文件夹", folder);
    *slash = '/';
  }
  return TRUE;
}

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

GPtrArray *list_folder(int dirfd) {
  int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = copy < 0 ? NULL : fdopendir(copy);
  if (stream == NULL) {
    int reason = errno;
    close_fd(&copy);
    errno = reason;
    return NULL;
  }
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  errno = 0;
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) g_ptr_array_add(names, g_strdup(entry->d_name));
  int reason = errno;
  closedir(stream);
  if (reason != 0) {
    g_ptr_array_unref(names);
    errno = reason;
    return NULL;
  }
  g_ptr_array_sort(names, compare_names);
  return names;
}

GPtrArray *sorted_keys(GHashTable *table) {
  GPtrArray *keys = g_ptr_array_sized_new(g_hash_table_size(table));
  GHashTableIter iter;
  gpointer key;
  for (g_hash_table_iter_init(&iter, table); g_hash_table_iter_next(&iter, &key, NULL);) g_ptr_array_add(keys, key);
  g_ptr_array_sort(keys, compare_names);
  return keys;
}

static gboolean remove_below(int dirfd, const char *name, guint depth) {
  if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT) return TRUE;
  if (errno != EISDIR && errno != EPERM) return FALSE;
  if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0) return TRUE;
  if (errno != ENOTEMPTY && errno != EEXIST) return FALSE;
  if (depth > TREE_DEPTH_LIMIT) {
    errno = ENAMETOOLONG;
    return FALSE;
  }
  autofd folder = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return FALSE;
  g_autoptr(GPtrArray) names = list_folder(folder);
  if (names == NULL) return FALSE;
  for (guint i = 0; i < names->len; i++)
    if (!remove_below(folder, names->pdata[i], depth + 1)) return FALSE;
  return unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

gboolean remove_tree(int dirfd, const char *name) { return remove_below(dirfd, name, 0); }

gboolean throw_errno(GError **error, const char *action, const char *path) {
  int reason = errno;
  if (reason == ENOSPC || reason == EDQUOT)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "对象库所在磁盘已满,%s %s 未成功。请腾出空间后重试", action, path);
  if (reason == EROFS || reason == EACCES || reason == EPERM)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "对象库不可写,%s %s 未成功(%s)。请检查存储目录的权限", action, path, error_reason(reason));
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "对象库%s %s 未成功: %s", action, path, error_reason(reason));
}

gboolean pass_point(const char *name, GError **error) {
  if (fault_point(name)) return TRUE;
  return throw(error, LANTAI_ERROR_INTERNAL, "对象库在 %s 处中断,本批未生效,请重试", name);
}
