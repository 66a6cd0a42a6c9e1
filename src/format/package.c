/*
 * Packages of files: a folder, walked here, or a zip/tar, unpacked by a sandboxed child that streams entry after entry (package-wire.h).
 *
 * 1. No path leaves the package; no symbolic link is followed; only regular files can be read, everything else is told as a fault.
 * 2. The child's word is checked again here: paths, counts, sizes.
 */
#include "error.h"
#include "format.h"
#include "package-wire.h"
#include "sandbox.h"
#include "text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  int fd;
  GPtrArray *names; /* as bytes, sorted */
  guint next;
  gsize path_length; /* of the folder's own path in package->path */
} Folder;

struct FilePackage {
  char *name;
  guint entries;
  GString *path; /* of the current entry */
  GArray *folders; /* of Folder: the way down to the current entry; NULL for archives */
  const char *current; /* the current file's name in the last folder */
  char *fault; /* of the current entry; NULL: none */
  Sandbox *sandbox;
  int entry_fd;
  gboolean ended;
};

const char *package_path_fault(const char *path) {
  guint depth = 0;
  if (*path == '\0') return "没有名称";
  if (strlen(path) > PACKAGE_PATH_MAX) return "路径过长";
  if (*path == '/' || *path == '\\') return "是绝对路径";
  if (g_ascii_isalpha(path[0]) && path[1] == ':') return "带有盘符";
  for (const char *at = path; *at != '\0'; at++)
    if ((guchar)*at < ' ' || *at == 0x7f) return "带有控制字符";
  for (const char *part = path; part != NULL;) {
    gsize length = strcspn(part, "/\\");
    if (length == 2 && memcmp(part, "..", 2) == 0) return "用 .. 跳出了包";
    if (++depth > PACKAGE_DEPTH_MAX) return "文件夹层数太多";
    part = part[length] == '\0' ? NULL : part + length + 1;
  }
  return NULL;
}

/* ---- folders ---- */

static void clear_folder(Folder *folder) {
  close(folder->fd);
  g_ptr_array_unref(folder->names);
}

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static gboolean enter_folder(FilePackage *package, int fd) {
  int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
  DIR *stream = copy < 0 ? NULL : fdopendir(copy);
  if (stream == NULL || package->folders->len >= PACKAGE_DEPTH_MAX) {
    package->fault = g_strdup_printf("文件夹没有打开：%s", stream == NULL ? error_reason(errno) : "文件夹层数太多");
    if (stream != NULL) closedir(stream);
    else if (copy >= 0) close(copy);
    if (fd >= 0) close(fd);
    return FALSE;
  }
  Folder folder = {.fd = fd, .names = g_ptr_array_new_with_free_func(g_free), .path_length = package->path->len};
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && folder.names->len < PACKAGE_ENTRIES_MAX)
      g_ptr_array_add(folder.names, g_strdup(entry->d_name));
  closedir(stream);
  g_ptr_array_sort(folder.names, compare_names);
  g_array_append_val(package->folders, folder);
  return TRUE;
}

/* Appends a name to the package's path, as UTF-8. On this disk a name of other bytes could not be found again by its path. */
static void append_name(FilePackage *package, const Folder *folder, const char *name) {
  g_string_truncate(package->path, folder->path_length);
  gboolean plain = g_utf8_validate(name, -1, NULL);
  g_autofree char *decoded = plain ? NULL : text_decode(name, (gssize)strlen(name), NULL, NULL), *shown = plain ? NULL : g_utf8_make_valid(name, -1);
  if (package->path->len > 0) g_string_append_c(package->path, '/');
  g_string_append(package->path, plain ? name : decoded ? decoded : shown);
  for (const char *at = name; *at != '\0' && package->fault == NULL; at++)
    if (g_ascii_iscntrl(*at)) package->fault = g_strdup("文件名带有控制字符（换行等），没有接收。请改名后再交");
  if (!plain && package->fault == NULL) package->fault = g_strdup_printf("文件名的编码不是 UTF-8%s，没有接收。请改名后再交", decoded ? "（多半是 GB18030）" : "");
}

/* A link, something special, a name that cannot be found again, a folder that is not entered: given with its fault. TRUE: there is one. */
static gboolean give_fault(FilePackage *package, FileEntry *ret) {
  *ret = (FileEntry){.path = package->path->str, .fault = package->fault};
  return package->fault != NULL;
}

static gboolean next_in_folder(FilePackage *package, FileEntry *ret) {
  g_clear_pointer(&package->fault, g_free);
  while (package->folders->len > 0) {
    Folder *folder = &g_array_index(package->folders, Folder, package->folders->len - 1);
    if (folder->next >= folder->names->len) {
      g_array_set_size(package->folders, package->folders->len - 1);
      continue;
    }
    const char *name = g_ptr_array_index(folder->names, folder->next++);
    struct stat about;
    append_name(package, folder, name);
    gboolean there = fstatat(folder->fd, name, &about, AT_SYMLINK_NOFOLLOW) == 0;
    if (package->fault == NULL && !there) package->fault = g_strdup_printf("读不到：%s", error_reason(errno));
    else if (package->fault == NULL && !S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)) package->fault = g_strdup("是链接或特殊文件，没有接收");
    if (give_fault(package, ret)) return TRUE;
    if (S_ISDIR(about.st_mode)) {
      if (enter_folder(package, openat(folder->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))) continue;
      return give_fault(package, ret);
    }
    package->current = name;
    *ret = (FileEntry){.path = package->path->str, .size_bytes = about.st_size};
    return TRUE;
  }
  package->ended = TRUE;
  return FALSE;
}

static int read_in_folder(FilePackage *package, GError **error) {
  const Folder *folder = &g_array_index(package->folders, Folder, package->folders->len - 1);
  struct stat about;
  int fd = openat(folder->fd, package->current, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) return fd;
  const char *reason = fd < 0 ? error_reason(errno) : "不是普通文件";
  if (fd >= 0) close(fd);
  throw(error, LANTAI_ERROR_INVALID, "“%s”中的“%s”打不开：%s", package->name, package->path->str, reason);
  return -1;
}

/* ---- archives ---- */

static void drop_entry(FilePackage *package) {
  if (package->entry_fd >= 0) close(package->entry_fd);
  package->entry_fd = -1;
}

static gboolean fail_garbage(FilePackage *package, GError **error) {
  package->ended = TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "“%s”的解包结果不合规约，已停止；文件可能被恶意构造", package->name);
}

static gboolean take_fault(FilePackage *package, const PackagePacket *packet, FileEntry *ret, GError **error) {
  const char *line = strchr(packet->text, '\n');
  if (line == NULL) return fail_garbage(package, error);
  g_string_assign(package->path, packet->text);
  g_string_truncate(package->path, (gsize)(line - packet->text));
  package->fault = g_strdup(line + 1);
  return give_fault(package, ret);
}

static gboolean take_entry(FilePackage *package, const PackagePacket *packet, FileEntry *ret, GError **error) {
  if (package->entry_fd < 0 || packet->size_bytes < -1 || package_path_fault(packet->text) != NULL || ++package->entries > PACKAGE_ENTRIES_MAX)
    return fail_garbage(package, error);
  g_string_assign(package->path, packet->text);
  *ret = (FileEntry){.path = package->path->str, .size_bytes = packet->size_bytes};
  return TRUE;
}

static gboolean fail_by_end(FilePackage *package, GError **error) {
  g_autoptr(GError) reason = NULL;
  sandbox_finish(package->sandbox, &reason);
  package->ended = TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "“%s”解包中断：%s", package->name, reason == NULL ? "文件可能损坏" : reason->message);
}

static gboolean next_in_archive(FilePackage *package, FileEntry *ret, GError **error) {
  PackagePacket packet;
  drop_entry(package);
  g_clear_pointer(&package->fault, g_free);
  gssize got = sandbox_read(package->sandbox, &packet, sizeof packet, &package->entry_fd, error);
  if (got < 0) {
    package->ended = TRUE;
    g_prefix_error(error, "“%s”：", package->name);
    return FALSE;
  }
  if (got == 0) return fail_by_end(package, error);
  gsize head = G_STRUCT_OFFSET(PackagePacket, text);
  if ((gsize)got <= head || packet.text[(gsize)got - head - 1] != '\0' || !g_utf8_validate(packet.text, -1, NULL)) return fail_garbage(package, error);
  if (packet.type == PACKAGE_ENTRY) return take_entry(package, &packet, ret, error);
  if (packet.type == PACKAGE_FAULT) return take_fault(package, &packet, ret, error);
  package->ended = TRUE;
  if (packet.type == PACKAGE_ERROR)
    return throw(error, packet.code <= LANTAI_ERROR_INTERNAL ? (LantaiError)packet.code : LANTAI_ERROR_INVALID, "“%s”：%s", package->name, packet.text);
  return packet.type == PACKAGE_END ? FALSE : fail_garbage(package, error);
}

/* ---- the room's interface ---- */

FilePackage *format_package_open(const char *path, GError **error) {
  g_autoptr(FilePackage) package = g_new0(FilePackage, 1);
  package->name = g_filename_display_basename(path);
  package->path = g_string_new(NULL);
  package->entry_fd = -1;
  if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
    package->folders = g_array_new(FALSE, TRUE, sizeof(Folder));
    g_array_set_clear_func(package->folders, (GDestroyNotify)clear_folder);
    if (enter_folder(package, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))) return g_steal_pointer(&package);
    return throw_null(error, LANTAI_ERROR_INVALID, "“%s”：%s", package->name, package->fault);
  }
  int fd = sandbox_open_input(path, error);
  if (fd < 0) return NULL;
  package->sandbox = sandbox_start_socket("package", NULL, fd, error);
  close(fd);
  return package->sandbox == NULL ? NULL : g_steal_pointer(&package);
}

gboolean format_package_next(FilePackage *package, FileEntry *ret, GError **error) {
  if (package->ended) return FALSE;
  return package->folders != NULL ? next_in_folder(package, ret) : next_in_archive(package, ret, error);
}

int format_package_read(FilePackage *package, GError **error) {
  if (package->folders != NULL && package->folders->len > 0) return read_in_folder(package, error);
  int fd = package->entry_fd;
  package->entry_fd = -1;
  if (fd < 0) throw(error, LANTAI_ERROR_INTERNAL, "“%s”的当前文件已经取走", package->name);
  return fd;
}

void format_package_free(FilePackage *package) {
  if (package == NULL) return;
  drop_entry(package);
  sandbox_free(package->sandbox);
  if (package->folders != NULL) g_array_unref(package->folders);
  g_string_free(package->path, TRUE);
  g_free(package->fault);
  g_free(package->name);
  g_free(package);
}
