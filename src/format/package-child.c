/*
 * The child that unpacks a zip or tar by libarchive, entry after entry, each on its own stream (package-wire.h). It never writes a file.
 *
 * Told as the entry's fault, while the others go on: paths that leave the package, links and special files, encrypted entries, an entry that is damaged or
 * whose size does not agree. The whole is refused for more than 200 bytes out for one byte in (beyond 64 MiB), more than 1 TiB or 2 000 000 entries, a tar that
 * is damaged, a zip whose directory and entries are at odds. A zip is read by its directory only: a cut one has none.
 */
#include "error.h"
#include "package-wire.h"
#include "sandbox.h"
#include "text.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <zip.h>

enum { BLOCK = 256 << 10, SECONDS_PER_STEP = 60, REOPEN_MAX = 100 };

typedef struct {
  struct archive *archive;
  guint64 size_bytes, unpacked_bytes;
  guint entries, bad_names, reopened;
  gboolean zip, broken; /* broken: the decoder gave up within an entry, of a zip that can be opened again behind it */
} Unpacking;

/* ---- packets ---- */

static void send_packet(const PackagePacket *packet, int entry_fd) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {.iov_base = (void *)packet, .iov_len = G_STRUCT_OFFSET(PackagePacket, text) + strlen(packet->text) + 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (entry_fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &entry_fd, sizeof entry_fd);
  }
  if (sendmsg(SANDBOX_ANSWER, &message, MSG_NOSIGNAL) < 0) _exit(1); /* nobody listens */
}

/* A decoder that turns in circles is ended by its own clock; waiting for a slow reader does not count. */
static void wind_clock(void) {
  const struct itimerval step = {.it_value = {.tv_sec = SECONDS_PER_STEP}};
  setitimer(ITIMER_PROF, &step, NULL);
}

/* ---- paths ---- */

/* Slashes for backslashes, no "./" and no doubled slashes; what is dangerous is left for the check. */
static char *normalize(const char *path) {
  g_autofree char *slashed = g_strdelimit(g_strdup(path), "\\", '/');
  GString *out = g_string_new(*slashed == '/' ? "/" : "");
  g_auto(GStrv) parts = g_strsplit(slashed, "/", -1);
  for (char **part = parts; *part != NULL; part++) {
    if (**part == '\0' || strcmp(*part, ".") == 0) continue;
    if (out->len > 0 && out->str[out->len - 1] != '/') g_string_append_c(out, '/');
    g_string_append(out, *part);
  }
  return g_string_free(out, FALSE);
}

/* A name for messages, whatever it is made of; of a long one the beginning and the end. */
static char *printable(const char *path) {
  g_autofree char *valid = g_utf8_make_valid(path, -1);
  g_autofree char *clean = text_clean(valid, FALSE);
  glong length = g_utf8_strlen(clean, -1);
  if (length <= 120) return g_steal_pointer(&clean);
  g_autofree char *start = g_utf8_substring(clean, 0, 30);
  return g_strconcat(start, "…", g_utf8_offset_to_pointer(clean, length - 80), NULL);
}

/* A path inside the package, or a name to show and why it is none. */
static char *path_of(const char *raw, char **ret_fault) {
  g_autofree char *text = text_decode(raw, (gssize)strlen(raw), NULL, NULL), *path = text ? normalize(text) : NULL;
  gboolean is_root = path && *path == '\0' && g_str_has_suffix(text, "/"); /* "./" of tar */
  const char *fault = text == NULL ? "文件名既不是 UTF-8 也不是 GB18030" : is_root ? NULL : package_path_fault(path);
  if (fault == NULL) return g_steal_pointer(&path);
  *ret_fault = g_strdup_printf("%s，没有接收", fault);
  return printable(text ? text : raw);
}

static char *entry_path(struct archive_entry *entry, char **ret_fault) {
  const char *raw = archive_entry_pathname(entry);
  if (raw == NULL) raw = archive_entry_pathname_utf8(entry);
  return path_of(raw ? raw : "", ret_fault);
}

/* ---- bytes ---- */

static gboolean check_growth(Unpacking *unpacking, const char *path, gsize more, GError **error) {
  unpacking->unpacked_bytes += more;
  if (unpacking->unpacked_bytes > PACKAGE_BYTES_MAX)
    return throw(error, LANTAI_ERROR_TOO_LARGE, "压缩包解开后超过 1 TiB（解到“%s”），已停止；请拆成几包", path);
  if (unpacking->unpacked_bytes > PACKAGE_BYTES_FREE && unpacking->unpacked_bytes / PACKAGE_RATIO_MAX > unpacking->size_bytes)
    return throw(error, LANTAI_ERROR_TOO_LARGE, "压缩包里的“%s”解开后是压缩前的 %d 倍以上，可能是恶意文件，已停止", path, PACKAGE_RATIO_MAX);
  return TRUE;
}

/* FALSE: the reader has gone, the rest of the entry is not wanted. */
static gboolean send_bytes(int to, const char *bytes, gsize length) {
  while (length > 0) {
    gssize sent = send(to, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return FALSE;
    bytes += sent;
    length -= (gsize)sent;
  }
  return TRUE;
}

/* Sends an entry's bytes, with zeros for the holes of sparse files. *ret_wanted FALSE: the reader has gone. */
static gboolean pump(Unpacking *unpacking, const char *path, int to, gint64 size_bytes, gboolean *ret_wanted, GError **error) {
  static const char ZEROS[64 << 10];
  const void *block;
  size_t length;
  la_int64_t offset, at = 0;
  int result;
  *ret_wanted = TRUE;
  while (wind_clock(), (result = archive_read_data_block(unpacking->archive, &block, &length, &offset)) == ARCHIVE_OK) {
    while (at < offset) {
      gsize gap = (gsize)MIN(offset - at, (la_int64_t)sizeof ZEROS);
      if (!check_growth(unpacking, path, gap, error)) return FALSE;
      if (!send_bytes(to, ZEROS, gap)) return *ret_wanted = FALSE, TRUE;
      at += (la_int64_t)gap;
    }
    if (!check_growth(unpacking, path, length, error)) return FALSE;
    if (!send_bytes(to, block, length)) return *ret_wanted = FALSE, TRUE;
    at += (la_int64_t)length;
  }
  if (result == ARCHIVE_EOF && (size_bytes < 0 || at == size_bytes)) return TRUE;
  unpacking->broken = result == ARCHIVE_FATAL;
  return throw(error, LANTAI_ERROR_INVALID, "压缩包里的“%s”已损坏（%s）；请重新打包或重新复制", path,
               result != ARCHIVE_EOF ? archive_error_string(unpacking->archive) : "大小与目录不符");
}

static void send_fault(const char *path, const char *reason) {
  PackagePacket packet = {.type = PACKAGE_FAULT};
  g_autofree char *shown = printable(path), *valid = g_utf8_make_valid(reason, -1), *clean = text_clean(valid, FALSE);
  g_snprintf(packet.text, sizeof packet.text, "%s\n%.1500s", shown, clean);
  send_packet(&packet, -1);
}

static gboolean deliver(Unpacking *unpacking, struct archive_entry *entry, const char *path, GError **error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || write(ends[0], "!", 1) != 1)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "解包失败：%s", error_reason(errno));
  PackagePacket packet = {.type = PACKAGE_ENTRY, .size_bytes = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1};
  g_strlcpy(packet.text, path, sizeof packet.text);
  send_packet(&packet, ends[0]);
  close(ends[0]);
  gboolean wanted = TRUE;
  char mark;
  g_autoptr(GError) damage = NULL;
  gboolean done = pump(unpacking, path, ends[1], packet.size_bytes, &wanted, &damage) && (!wanted || recv(ends[1], &mark, 1, 0) == 1);
  close(ends[1]);
  if (done && !wanted) archive_read_data_skip(unpacking->archive);
  if (damage && damage->code == LANTAI_ERROR_INVALID && (unpacking->zip || !unpacking->broken)) return send_fault(path, damage->message), TRUE;
  if (damage) g_propagate_error(error, g_steal_pointer(&damage));
  return done;
}

static char *fault_of(Unpacking *unpacking, struct archive_entry *entry, int result) {
  static const struct { mode_t type; const char *name; } special[] = {{AE_IFLNK, "符号链接"}, {AE_IFIFO, "管道"}, {AE_IFCHR, "设备"}, {AE_IFBLK, "设备"},
    {AE_IFSOCK, "套接字"}};
  const char *warning = result == ARCHIVE_OK ? NULL : archive_error_string(unpacking->archive);
  if (warning != NULL && !g_str_has_prefix(warning, "Pathname")) return g_strdup_printf("前后不一致（%s），没有接收；请重新打包", warning);
  if (archive_entry_is_encrypted(entry)) return g_strdup("已加密，没有接收；请去掉密码后重新打包");
  if (archive_entry_hardlink(entry) != NULL) return g_strdup_printf("是指向“%s”的硬链接，没有接收", archive_entry_hardlink(entry));
  for (guint i = 0; i < G_N_ELEMENTS(special); i++)
    if (archive_entry_filetype(entry) == special[i].type) return g_strdup_printf("是%s，没有接收", special[i].name);
  return NULL;
}

static gboolean take_entry(Unpacking *unpacking, struct archive_entry *entry, int result, GError **error) {
  g_autofree char *fault = NULL, *path = entry_path(entry, &fault);
  if (++unpacking->entries > PACKAGE_ENTRIES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "压缩包里的文件超过 %d 个；请拆成几包", PACKAGE_ENTRIES_MAX);
  unpacking->bad_names += fault != NULL;
  if (fault == NULL) fault = fault_of(unpacking, entry, result);
  if (fault != NULL) return send_fault(path, fault), TRUE;
  return archive_entry_filetype(entry) != AE_IFREG || deliver(unpacking, entry, path, error);
}

static gboolean open_archive(Unpacking *unpacking, GError **error) {
  unpacking->archive = archive_read_new();
  if (unpacking->zip) archive_read_support_format_zip_seekable(unpacking->archive);
  else {
    archive_read_support_format_tar(unpacking->archive);
    archive_read_support_filter_gzip(unpacking->archive);
    archive_read_support_filter_bzip2(unpacking->archive);
    archive_read_support_filter_xz(unpacking->archive);
    archive_read_support_filter_zstd(unpacking->archive);
  }
  return archive_read_open_fd(unpacking->archive, SANDBOX_INPUT, BLOCK) == ARCHIVE_OK ||
    throw(error, LANTAI_ERROR_INVALID, "压缩包不完整、已损坏或不是 zip/tar（%s）；请重新打包为 zip 再试", archive_error_string(unpacking->archive));
}

/* A zip whose decoder gave up: opened again, to stand behind the entries that were met. */
static gboolean open_again(Unpacking *unpacking, GError **error) {
  struct archive_entry *entry;
  unpacking->broken = FALSE;
  if (++unpacking->reopened > REOPEN_MAX) return throw(error, LANTAI_ERROR_INVALID, "压缩包里损坏的文件超过 %d 个；请重新打包或重新复制", REOPEN_MAX);
  archive_read_free(unpacking->archive);
  lseek(SANDBOX_INPUT, 0, SEEK_SET);
  if (!open_archive(unpacking, error)) return FALSE;
  for (guint i = 0; i < unpacking->entries; i++) {
    int result = archive_read_next_header(unpacking->archive, &entry);
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return throw(error, LANTAI_ERROR_INVALID, "压缩包已损坏；请重新打包或重新复制");
  }
  return TRUE;
}

static gboolean walk(Unpacking *unpacking, GError **error) {
  struct archive_entry *entry;
  int result;
  while (wind_clock(), (result = archive_read_next_header(unpacking->archive, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
    if (!take_entry(unpacking, entry, result, error) || (unpacking->broken && !open_again(unpacking, error))) return FALSE;
  if (result == ARCHIVE_EOF) return TRUE;
  const char *reason = archive_error_string(unpacking->archive);
  return throw(error, LANTAI_ERROR_INVALID, "压缩包不完整、已损坏或不是 zip/tar（第 %u 个文件之后：%s）；请重新打包为 zip 再试", unpacking->entries,
               reason == NULL ? "无法识别" : reason);
}

/* A zip says everything twice: in its directory and before each entry. libarchive delivers by the entries; so that none is lost without a word
 * and no name hides, the directory is read first, by another library: how many there are, and how many names that are no paths inside. */
static gboolean read_directory(gint64 *ret_entries, guint *ret_bad_names, GError **error) {
  int code = 0, copy = dup(SANDBOX_INPUT);
  zip_t *zip = copy < 0 ? NULL : zip_fdopen(copy, 0, &code);
  if (zip == NULL) return throw(error, LANTAI_ERROR_INVALID, "压缩包不完整或已损坏（目录读不出来）；请重新打包或重新复制");
  *ret_entries = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < *ret_entries && *ret_entries <= PACKAGE_ENTRIES_MAX; i++) {
    const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    g_autofree char *fault = NULL, *path = path_of(name ? name : "", &fault);
    *ret_bad_names += path && fault != NULL;
  }
  zip_discard(zip);
  lseek(SANDBOX_INPUT, 0, SEEK_SET); /* the copy shared its position */
  return *ret_entries <= PACKAGE_ENTRIES_MAX || throw(error, LANTAI_ERROR_TOO_LARGE, "压缩包里的文件超过 %d 个；请拆成几包", PACKAGE_ENTRIES_MAX);
}

static gboolean unpack(Unpacking *unpacking, GError **error) {
  gint64 listed = -1;
  guint bad_names = 0;
  char head[8] = "";
  if (pread(SANDBOX_INPUT, head, sizeof head, 0) < 4) return throw(error, LANTAI_ERROR_INVALID, "文件太短，不是压缩包");
  if (memcmp(head, "Rar!", 4) == 0 || memcmp(head, "7z\xbc\xaf", 4) == 0)
    return throw(error, LANTAI_ERROR_INVALID, "是 RAR 或 7z 压缩包；请解压后重新打包为 zip 再试");
  unpacking->zip = memcmp(head, "PK", 2) == 0;
  if (unpacking->zip && !read_directory(&listed, &bad_names, error)) return FALSE;
  if (!open_archive(unpacking, error) || !walk(unpacking, error)) return FALSE;
  if (listed >= 0 && listed != unpacking->entries)
    return throw(error, LANTAI_ERROR_INVALID, "压缩包的目录有 %" G_GINT64_FORMAT " 项，只读出 %u 项，包已损坏；请重新打包", listed, unpacking->entries);
  return listed < 0 || bad_names == unpacking->bad_names
         || throw(error, LANTAI_ERROR_INVALID, "压缩包的目录与各文件前写的名称不一致，可能是恶意文件，整包已拒绝");
}

int child_package(const char *argument) {
  struct stat about;
  g_autoptr(GError) error = NULL;
  Unpacking unpacking = {0};
  setlocale(LC_CTYPE, "C.UTF-8"); /* libarchive turns flagged UTF-8 names into the locale's charset */
  if (fstat(SANDBOX_INPUT, &about) == 0) unpacking.size_bytes = (guint64)about.st_size;
  gboolean done = unpack(&unpacking, &error);
  PackagePacket packet = {.type = done ? PACKAGE_END : PACKAGE_ERROR};
  if (error != NULL) {
    g_autofree char *valid = g_utf8_make_valid(error->message, -1); /* libarchive's words may hold names as they are */
    g_autofree char *message = text_clean(valid, FALSE);
    g_autofree char *cut = g_utf8_strlen(message, -1) > 1500 ? g_utf8_substring(message, 0, 1500) : g_strdup(message);
    packet.code = (guint32)error->code;
    g_strlcpy(packet.text, cut, sizeof packet.text);
  }
  send_packet(&packet, -1);
  return 0;
}
