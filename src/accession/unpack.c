/*
 * Documents that came as a zip are unpacked into the delivery's folder "files" first, so that attaching is the same for folders and packages and can go on
 * after a crash.
 *
 * 1. The folder has its name only when it is complete. Nothing is written outside it, whatever the entries are called.
 * 2. An entry that cannot be taken is told in UNPACKED_NAME, the others go on. A name that a disk does not take is shortened by rule (name_shorten), one that is
 *    there already gets a number; what it was called stands in UNPACKED_NAME too.
 */
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include "package.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1 << 18)
#define NAME_BYTES 255       /* of a part of a path on disk */
#define EXTENSION_BYTES 16
#define MARK_BYTES 9         /* "~" and eight digits */
#define SAME_NAMES_MAX 1000
#define FAULTS_MAX 10000

static gboolean path_is_inside(const char *path) {
  if (!*path || *path == '/' || !g_utf8_validate(path, -1, NULL)) return FALSE;
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  for (char **part = parts; *part; part++)
    if (!**part || g_str_equal(*part, ".") || g_str_equal(*part, "..")) return FALSE;
  return TRUE;
}

typedef struct {
  const char *target;
  json_t *faults, *names; /* as UNPACKED_NAME holds them */
  gint64 more;            /* faults beyond FAULTS_MAX */
} Unpacked;

static void tell_fault(Unpacked *unpacked, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void tell_fault(Unpacked *unpacked, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *reason = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  if (json_array_size(unpacked->faults) < FAULTS_MAX) json_array_append_new(unpacked->faults, json_pack("{s:s, s:s}", "path", path, "reason", reason));
  else unpacked->more++;
}

char *name_shorten(const char *name, gsize max) {
  if (strlen(name) <= max) return g_strdup(name);
  const char *dot = strrchr(name, '.');
  if (dot == NULL || strlen(dot) > EXTENSION_BYTES) dot = "";
  g_autofree char *digest = crypto_digest_hex(DIGEST_SM3, name, strlen(name));
  gsize head = max - strlen(dot) - MARK_BYTES;
  while (head > 0 && ((guchar)name[head] & 0xC0) == 0x80) head--;
  return g_strdup_printf("%.*s~%.8s%s", (int)head, name, digest, dot);
}

char *path_on_disk(const char *path, guint number) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  guint count = g_strv_length(parts);
  for (guint i = 0; i < count; i++) {
    g_autofree char *part = g_steal_pointer(&parts[i]);
    const char *dot = strrchr(part, '.');
    int stem = (int)(dot && dot > part ? (gsize)(dot - part) : strlen(part));
    g_autofree char *numbered = number > 1 && i + 1 == count ? g_strdup_printf("%.*s（%u）%s", stem, part, number, part + stem) : g_strdup(part);
    parts[i] = name_shorten(numbered, NAME_BYTES);
  }
  return g_strjoinv("/", parts);
}

/* A new file for the entry; -1 and told: it has no place, or (with an error) the disk has none. */
static int make_file(Unpacked *unpacked, const char *entry, char **ret_path, GError **error) {
  for (guint number = 1; number <= SAME_NAMES_MAX; number++) {
    g_autofree char *inside = path_on_disk(entry, number), *path = g_build_filename(unpacked->target, inside, NULL), *folder = g_path_get_dirname(path);
    int made = g_mkdir_with_parents(folder, 0700), fd = made == 0 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    int reason = errno;
    if (fd >= 0 && number > 1) tell_fault(unpacked, entry, "与包中另一项同名（或只是 Unicode 写法不同），另存为“%s”", inside);
    if (fd >= 0 && !g_str_equal(inside, entry)) json_object_set_new(unpacked->names, inside, json_string(entry));
    if (fd >= 0) *ret_path = g_steal_pointer(&path);
    if (fd >= 0) return fd;
    if (made == 0 && reason == EEXIST) continue;
    if (reason == ENOTDIR || reason == EEXIST || reason == EISDIR || reason == ENAMETOOLONG)
      return tell_fault(unpacked, entry, "%s，没有接收", reason == ENAMETOOLONG ? "路径过长" : "与包中的一个文件同名，却又是文件夹"), -1;
    throw(error, LANTAI_ERROR_UNAVAILABLE, "不能解开包中的 %s：%s", entry, error_reason(reason));
    return -1;
  }
  tell_fault(unpacked, entry, "同名的超过 %d 个，没有接收", SAME_NAMES_MAX);
  return -1;
}

/* *ret_broken: its bytes broke off, so the next call of format_package_next says what is wrong. */
static gboolean copy_entry(FilePackage *package, int out, gboolean *ret_broken, GError **error) {
  int in = format_package_read(package, error);
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  gboolean good = in >= 0;
  for (ssize_t got = 1; good && got > 0;) {
    do got = read(in, buffer, COPY_BYTES);
    while (got < 0 && errno == EINTR);
    *ret_broken = got < 0;
    good = got <= 0 || file_write_all(out, buffer, (gsize)got, error);
  }
  if (in >= 0) close(in);
  return good;
}

static gboolean take_entry(FilePackage *package, const FileEntry *entry, Unpacked *unpacked, gboolean *ret_broken, GError **error) {
  GError *failure = NULL;
  g_autofree char *path = NULL;
  int out = path_is_inside(entry->path) ? make_file(unpacked, entry->path, &path, &failure) : -1;
  if (out < 0 && failure == NULL) return path_is_inside(entry->path) || throw(error, LANTAI_ERROR_INVALID, "包中有指向包外的文件名“%s”", entry->path);
  if (out >= 0) copy_entry(package, out, ret_broken, &failure);
  if (out >= 0) close(out);
  if (path && (failure || *ret_broken)) {
    g_unlink(path);
    json_object_del(unpacked->names, path + strlen(unpacked->target) + 1);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

static gboolean unpack(Job *job, const char *archive, Unpacked *unpacked, GError **error) {
  g_autoptr(FilePackage) package = format_package_open(archive, error);
  if (package == NULL) return FALSE;
  FileEntry entry;
  GError *failure = NULL;
  gint64 count = 0, bytes = 0;
  gboolean broken = FALSE;
  while (!(job && job_should_stop(job)) && format_package_next(package, &entry, &failure)) {
    if (broken && entry.fault == NULL) break;
    broken = FALSE;
    if (entry.fault) tell_fault(unpacked, entry.path, "%s", entry.fault);
    else if (!take_entry(package, &entry, unpacked, &broken, &failure)) break;
    bytes += MAX(entry.size_bytes, 0);
    if (++count % 64 == 0 && job) job_progress(job, bytes, 0, "字节", "解开原文包");
  }
  if (failure == NULL && broken && !(job && job_should_stop(job))) throw(&failure, LANTAI_ERROR_INVALID, "解开压缩包时中断，文件可能损坏");
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

/* What is to be proved whole: a part that is missing is an error. */
gboolean package_unpack(const char *archive, const char *folder, GError **error) {
  Unpacked unpacked = {folder, json_array(), json_object(), 0};
  gboolean good = unpack(NULL, archive, &unpacked, error);
  json_t *first = json_array_get(unpacked.faults, 0);
  if (good && first) good = throw(error, LANTAI_ERROR_INVALID, "压缩包里的“%s”%s", text_at(first, "path"), text_at(first, "reason"));
  if (good && json_object_size(unpacked.names)) good = throw(error, LANTAI_ERROR_INVALID, "压缩包里的文件名过长，本机的磁盘放不下");
  json_decref(unpacked.faults);
  json_decref(unpacked.names);
  return good;
}

/* ---- what was found on the way ---- */

json_t *unpacked_read(const House *house, gint64 id) {
  g_autofree char *path = delivery_path(house, id, UNPACKED_NAME);
  return json_load_file(path, 0, NULL);
}

json_t *unpacked_below(json_t *unpacked, const char *inside) {
  json_t *names = json_object(), *called;
  g_autofree char *head = g_strconcat(inside, "/", NULL);
  gsize cut = strlen(head);
  const char *path;
  json_object_foreach(json_object_get(unpacked, "names"), path, called)
    if (g_str_has_prefix(path, head) && g_str_has_prefix(json_string_value(called), head))
      json_object_set_new(names, path + cut, json_string(json_string_value(called) + cut));
  if (unpacked) json_object_set_new(unpacked, "names", names);
  else json_decref(names);
  return unpacked;
}

json_t *unpacked_read_below(const House *house, gint64 id, const char *folder) {
  g_autofree char *files = delivery_path(house, id, "files"), *head = g_strconcat(files, "/", NULL);
  json_t *unpacked = unpacked_read(house, id);
  return g_str_has_prefix(folder, head) ? unpacked_below(unpacked, folder + strlen(head)) : unpacked;
}

gboolean unpacked_write(const House *house, gint64 id, json_t *unpacked, GError **error) {
  g_autofree char *path = delivery_path(house, id, UNPACKED_NAME), *part = g_strconcat(path, ".part", NULL);
  return (json_dump_file(unpacked, part, JSON_COMPACT) == 0 && g_rename(part, path) == 0) || throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s", path);
}

void unpacked_tell(json_t *unpacked, json_t *structure) {
  json_t *fault;
  size_t i;
  json_array_foreach(json_object_get(unpacked, "faults"), i, fault)
    json_array_append_new(structure, json_pack("{s:s, s:s, s:s}", "aspect", "layout", "path", text_at(fault, "path"), "reason",
      text_at(fault, "reason")));
}

const char *unpacked_name(json_t *unpacked, const char *path) {
  const char *name = json_string_value(json_object_get(json_object_get(unpacked, "names"), path));
  return name ? name : path;
}

static gboolean unpack_into(const House *house, Job *job, gint64 id, const char *archive, const char *target, GError **error) {
  Unpacked unpacked = {target, json_array(), json_object(), 0};
  gboolean good = unpack(job, archive, &unpacked, error);
  if (unpacked.more) json_array_append_new(unpacked.faults, json_pack("{s:s, s:o}", "path", "", "reason",
    json_sprintf("另有 %" G_GINT64_FORMAT " 处，没有逐一列出", unpacked.more)));
  json_auto_t *all = json_pack("{s:o, s:o}", "faults", unpacked.faults, "names", unpacked.names);
  return good && unpacked_write(house, id, all, error);
}

char *unpack_documents(const House *house, Job *job, json_t *delivery, GError **error) {
  g_autofree char *documents = delivery_where(house, delivery, "documents");
  if (g_file_test(documents, G_FILE_TEST_IS_DIR)) return g_steal_pointer(&documents);
  g_autofree char *files = delivery_path(house, int_at(delivery, "id"), "files"), *part = delivery_path(house, int_at(delivery, "id"),
    "files.part");
  if (g_file_test(files, G_FILE_TEST_IS_DIR)) return g_steal_pointer(&files);
  if (!g_file_test(documents, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "原文目录或 zip 包 %s 不在了。请放回原处后继续导入", documents);
  if (!folder_remove(part) || g_mkdir(part, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", part, error_reason(errno));
  if (!unpack_into(house, job, int_at(delivery, "id"), documents, part, error)) {
    folder_remove(part);
    return NULL;
  }
  if (!job_should_stop(job) && g_rename(part, files) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", files, error_reason(errno));
  return g_steal_pointer(&files);
}
