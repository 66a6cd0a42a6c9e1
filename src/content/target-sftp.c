/*
 * Places behind SFTP (protocol 3 as OpenSSH serves it), by libssh2.
 *
 * 1. The host is who it was: its key's SHA-256 is held against the one agreed before anything of us is sent; a changed one refuses.
 * 2. Every step has a deadline; a host that does not answer is "away".
 * 3. A file is flushed when it is written (fsync@openssh.com), and replaced in one step (posix-rename@openssh.com), where the host offers it. libssh2 does not
 *    know the latter, so it goes over a second channel on which this file speaks the few packets itself.
 */
#include "target.h"
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECT_MS = 10000, STEP_MS = 30000, COPY_BYTES = 1 << 20, PACKET_LIMIT = 65536 };
enum { PACKET_INIT = 1, PACKET_VERSION = 2, PACKET_STATUS = 101, PACKET_EXTENDED = 200 };

typedef struct {
  Target base;
  int fd;
  char *root; /* on the host */
  LIBSSH2_SESSION *session;
  LIBSSH2_SFTP *sftp;
  LIBSSH2_CHANNEL *channel; /* of the packets we speak ourselves; NULL: not offered */
  guint32 packet;
  gboolean no_fsync;
  GHashTable *folders; /* known to be there */
} Sftp;

typedef struct {
  TargetFile base;
  Sftp *sftp;
  LIBSSH2_SFTP_HANDLE *handle;
} SftpFile;

static char *path_on(const Sftp *sftp, const char *path) { return path[0] != '\0' ? g_strconcat(sftp->root, "/", path, NULL) : g_strdup(sftp->root); }

static gulong sftp_reason(const Sftp *sftp) {
  return libssh2_session_last_errno(sftp->session) == LIBSSH2_ERROR_SFTP_PROTOCOL ? libssh2_sftp_last_error(sftp->sftp) : G_MAXULONG;
}

static gboolean throw_sftp(const Sftp *sftp, const char *action, const char *path, GError **error) {
  switch (sftp_reason(sftp)) {
  case LIBSSH2_FX_NO_SUCH_FILE: return throw(error, LANTAI_ERROR_NOT_FOUND, "%s %s/%s 未成功：没有这个文件或目录", action, sftp->base.place, path);
  case LIBSSH2_FX_PERMISSION_DENIED: return throw(error, LANTAI_ERROR_DENIED, "%s %s/%s 未成功：没有权限", action, sftp->base.place, path);
  case LIBSSH2_FX_FAILURE: return throw(error, LANTAI_ERROR_DENIED, "%s %s/%s 未成功：对方主机报告失败，请查看其磁盘空间和权限", action, sftp->base.place, path);
  case G_MAXULONG: break;
  default: return throw(error, LANTAI_ERROR_DENIED, "%s %s/%s 未成功：SFTP 错误 %lu", action, sftp->base.place, path, sftp_reason(sftp));
  }
  gboolean late = libssh2_session_last_errno(sftp->session) == LIBSSH2_ERROR_TIMEOUT;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "与 %s 的连接%s，%s未成功。请检查网络和对方主机", sftp->base.place, late ? "没有应答" : "中断", action);
}

static void sftp_close(Target *target) {
  Sftp *sftp = (Sftp *)target;
  if (sftp->channel != NULL) libssh2_channel_free(sftp->channel);
  if (sftp->sftp != NULL) libssh2_sftp_shutdown(sftp->sftp);
  if (sftp->session != NULL) {
    libssh2_session_disconnect(sftp->session, "done");
    libssh2_session_free(sftp->session);
  }
  close_fd(&sftp->fd);
  g_clear_pointer(&sftp->folders, g_hash_table_unref);
  g_free(sftp->root);
  g_free(target->place);
  g_free(sftp);
}

/* ---- packets of our own ---- */

static void append_number(GByteArray *packet, guint32 number) {
  guint32 big = GUINT32_TO_BE(number);
  g_byte_array_append(packet, (const guint8 *)&big, sizeof big);
}

static void append_text(GByteArray *packet, const char *text) {
  append_number(packet, (guint32)strlen(text));
  g_byte_array_append(packet, (const guint8 *)text, (guint)strlen(text));
}

static gboolean send_packet(Sftp *sftp, GByteArray *body) {
  g_autoptr(GByteArray) packet = g_byte_array_new();
  append_number(packet, body->len);
  g_byte_array_append(packet, body->data, body->len);
  for (gsize done = 0; done < packet->len;) {
    gssize n = libssh2_channel_write(sftp->channel, (const char *)packet->data + done, packet->len - done);
    if (n <= 0) return FALSE;
    done += (gsize)n;
  }
  return TRUE;
}

static gboolean read_exactly(Sftp *sftp, guint8 *data, gsize length) {
  for (gsize done = 0; done < length;) {
    gssize n = libssh2_channel_read(sftp->channel, (char *)data + done, length - done);
    if (n <= 0) return FALSE;
    done += (gsize)n;
  }
  return TRUE;
}

static GByteArray *receive_packet(Sftp *sftp) {
  guint32 length;
  if (!read_exactly(sftp, (guint8 *)&length, sizeof length)) return NULL;
  length = GUINT32_FROM_BE(length);
  if (length < 5 || length > PACKET_LIMIT) return NULL;
  GByteArray *packet = g_byte_array_new();
  g_byte_array_set_size(packet, length);
  if (read_exactly(sftp, packet->data, length)) return packet;
  g_byte_array_unref(packet);
  return NULL;
}

static guint32 number_at(const GByteArray *packet, guint at) {
  guint32 number = 0;
  if (at + 4 <= packet->len) memcpy(&number, packet->data + at, 4);
  return GUINT32_FROM_BE(number);
}

/* Without the extension the channel is given up, and renaming over goes by removing first. */
static void open_channel(Sftp *sftp) {
  static const char wanted[] = "posix-rename@openssh.com";
  sftp->channel = libssh2_channel_open_session(sftp->session);
  if (sftp->channel == NULL) return;
  g_autoptr(GByteArray) hello = g_byte_array_new();
  const guint8 type = PACKET_INIT;
  g_byte_array_append(hello, &type, 1);
  append_number(hello, 3);
  GByteArray *answer = libssh2_channel_subsystem(sftp->channel, "sftp") == 0 && send_packet(sftp, hello) ? receive_packet(sftp) : NULL;
  gboolean offered = answer != NULL && answer->data[0] == PACKET_VERSION && memmem(answer->data, answer->len, wanted, strlen(wanted)) != NULL;
  if (answer != NULL) g_byte_array_unref(answer);
  if (offered) return;
  libssh2_channel_free(sftp->channel);
  sftp->channel = NULL;
}

static gboolean posix_rename(Sftp *sftp, const char *from, const char *to, GError **error) {
  g_autoptr(GByteArray) packet = g_byte_array_new();
  const guint8 type = PACKET_EXTENDED;
  g_byte_array_append(packet, &type, 1);
  append_number(packet, ++sftp->packet);
  append_text(packet, "posix-rename@openssh.com");
  append_text(packet, from);
  append_text(packet, to);
  GByteArray *answer = send_packet(sftp, packet) ? receive_packet(sftp) : NULL;
  if (answer == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "与 %s 的连接中断，改名未成功。请检查网络和对方主机", sftp->base.place);
  gboolean mine = answer->data[0] == PACKET_STATUS && number_at(answer, 1) == sftp->packet;
  guint32 status = mine ? number_at(answer, 5) : G_MAXUINT32;
  g_byte_array_unref(answer);
  if (status == LIBSSH2_FX_OK) return TRUE;
  return throw(error, status == LIBSSH2_FX_NO_SUCH_FILE ? LANTAI_ERROR_NOT_FOUND : LANTAI_ERROR_DENIED, "改名为 %s 未成功：SFTP 错误 %u", to, status);
}

/* ---- methods ---- */

static TargetKind kind_of(const LIBSSH2_SFTP_ATTRIBUTES *attributes) {
  if (!(attributes->flags & LIBSSH2_SFTP_ATTR_PERMISSIONS)) return TARGET_OTHER;
  return LIBSSH2_SFTP_S_ISREG(attributes->permissions) ? TARGET_FILE : LIBSSH2_SFTP_S_ISDIR(attributes->permissions) ? TARGET_FOLDER : TARGET_OTHER;
}

static gboolean sftp_look(Target *target, const char *path, TargetInfo *ret, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full = path_on(sftp, path);
  LIBSSH2_SFTP_ATTRIBUTES attributes;
  *ret = (TargetInfo){TARGET_ABSENT, 0};
  if (libssh2_sftp_lstat(sftp->sftp, full, &attributes) == 0) {
    *ret = (TargetInfo){kind_of(&attributes), (gint64)attributes.filesize};
    return TRUE;
  }
  return sftp_reason(sftp) == LIBSSH2_FX_NO_SUCH_FILE || throw_sftp(sftp, "查看", path, error);
}

static int compare_entries(gconstpointer a, gconstpointer b) { return strcmp((*(TargetEntry *const *)a)->name, (*(TargetEntry *const *)b)->name); }

static GPtrArray *sftp_list(Target *target, const char *path, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full = path_on(sftp, path);
  LIBSSH2_SFTP_HANDLE *handle = libssh2_sftp_opendir(sftp->sftp, full);
  if (handle == NULL) {
    throw_sftp(sftp, "读取目录", path, error);
    return NULL;
  }
  GPtrArray *entries = g_ptr_array_new_with_free_func(target_entry_free);
  char name[1024];
  int length;
  LIBSSH2_SFTP_ATTRIBUTES attributes;
  while ((length = libssh2_sftp_readdir(handle, name, sizeof name - 1, &attributes)) > 0) {
    name[length] = '\0';
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL) continue;
    TargetEntry *entry = g_new0(TargetEntry, 1);
    *entry = (TargetEntry){g_strdup(name), kind_of(&attributes)};
    g_ptr_array_add(entries, entry);
  }
  if (length < 0) throw_sftp(sftp, "读取目录", path, error);
  libssh2_sftp_closedir(handle);
  g_ptr_array_sort(entries, compare_entries);
  if (length == 0) return entries;
  g_ptr_array_unref(entries);
  return NULL;
}

static TargetFile *sftp_open(Target *target, const char *path, gint64 *ret_size_bytes, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full = path_on(sftp, path);
  LIBSSH2_SFTP_HANDLE *handle = libssh2_sftp_open(sftp->sftp, full, LIBSSH2_FXF_READ, 0);
  if (handle == NULL) {
    throw_sftp(sftp, "打开", path, error);
    return NULL;
  }
  LIBSSH2_SFTP_ATTRIBUTES attributes;
  if (libssh2_sftp_fstat(handle, &attributes) != 0 || kind_of(&attributes) != TARGET_FILE) {
    libssh2_sftp_close(handle);
    return throw_null(error, LANTAI_ERROR_DENIED, "%s/%s 不是普通文件", target->place, path);
  }
  SftpFile *file = g_new0(SftpFile, 1);
  *file = (SftpFile){{target->methods}, sftp, handle};
  if (ret_size_bytes != NULL) *ret_size_bytes = (gint64)attributes.filesize;
  return &file->base;
}

static gssize sftp_read(TargetFile *base, void *buffer, gsize capacity, GError **error) {
  SftpFile *file = (SftpFile *)base;
  gssize n = libssh2_sftp_read(file->handle, buffer, capacity);
  if (n >= 0) return n;
  throw_sftp(file->sftp, "读取", "", error);
  return -1;
}

static void sftp_finish(TargetFile *base) {
  SftpFile *file = (SftpFile *)base;
  libssh2_sftp_close(file->handle);
  g_free(file);
}

static gboolean flush_handle(Sftp *sftp, LIBSSH2_SFTP_HANDLE *handle, const char *path, GError **error) {
  if (sftp->no_fsync || libssh2_sftp_fsync(handle) == 0) return TRUE;
  sftp->no_fsync = sftp_reason(sftp) == LIBSSH2_FX_OP_UNSUPPORTED;
  return sftp->no_fsync || throw_sftp(sftp, "落盘", path, error);
}

static gboolean write_handle(Sftp *sftp, LIBSSH2_SFTP_HANDLE *handle, const char *path, ContentRead read, gpointer source, GError **error) {
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  gssize length;
  while ((length = read(source, buffer, COPY_BYTES, error)) > 0) {
    for (gssize done = 0; done < length;) {
      gssize n = libssh2_sftp_write(handle, buffer + done, (gsize)(length - done));
      if (n < 0 && sftp_reason(sftp) == LIBSSH2_FX_FAILURE)
        return throw(error, LANTAI_ERROR_UNAVAILABLE, "写入 %s/%s 未成功，对方磁盘可能已满。请腾出空间后重试", sftp->base.place, path);
      if (n < 0) return throw_sftp(sftp, "写入", path, error);
      done += n;
    }
  }
  return length == 0 && flush_handle(sftp, handle, path, error);
}

static gboolean sftp_write(Target *target, const char *path, ContentRead read, gpointer source, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full = path_on(sftp, path);
  LIBSSH2_SFTP_HANDLE *handle = libssh2_sftp_open(sftp->sftp, full, LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL, 0640);
  if (handle == NULL) return throw_sftp(sftp, "新建", path, error);
  gboolean done = write_handle(sftp, handle, path, read, source, error);
  if (libssh2_sftp_close(handle) != 0 && done) return throw_sftp(sftp, "写入", path, error);
  return done;
}

static gboolean sftp_remove(Target *target, const char *path, gboolean folder, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full = path_on(sftp, path);
  if (folder) g_hash_table_remove_all(sftp->folders);
  int status = folder ? libssh2_sftp_rmdir(sftp->sftp, full) : libssh2_sftp_unlink(sftp->sftp, full);
  return status == 0 || sftp_reason(sftp) == LIBSSH2_FX_NO_SUCH_FILE || throw_sftp(sftp, "删除", path, error);
}

static gboolean sftp_rename(Target *target, const char *from, const char *to, gboolean replace, GError **error) {
  Sftp *sftp = (Sftp *)target;
  g_autofree char *full_from = path_on(sftp, from), *full_to = path_on(sftp, to);
  g_hash_table_remove_all(sftp->folders);
  if (replace && sftp->channel != NULL) return posix_rename(sftp, full_from, full_to, error);
  if (replace && !sftp_remove(target, to, FALSE, error)) return FALSE;
  return libssh2_sftp_rename(sftp->sftp, full_from, full_to) == 0 || throw_sftp(sftp, "改名", to, error);
}

static gboolean sftp_make(Target *target, const char *path, GError **error) {
  Sftp *sftp = (Sftp *)target;
  if (g_hash_table_contains(sftp->folders, path)) return TRUE;
  g_autofree char *full = path_on(sftp, path);
  TargetInfo info;
  if (libssh2_sftp_mkdir(sftp->sftp, full, 0750) != 0) {
    g_autoptr(GError) reason = NULL;
    throw_sftp(sftp, "新建目录", path, &reason);
    if (g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) || !sftp_look(target, path, &info, NULL) || info.kind != TARGET_FOLDER) {
      g_propagate_error(error, g_steal_pointer(&reason));
      return FALSE;
    }
  }
  g_hash_table_add(sftp->folders, g_strdup(path));
  return TRUE;
}

static gboolean sftp_flush(Target *target, GError **error) { return TRUE; } /* each file was flushed when it was written */

static gint64 sftp_space(Target *target) {
  Sftp *sftp = (Sftp *)target;
  LIBSSH2_SFTP_STATVFS state;
  if (libssh2_sftp_statvfs(sftp->sftp, sftp->root, strlen(sftp->root), &state) != 0) return -1;
  return (gint64)state.f_bavail * (gint64)state.f_frsize;
}

static const TargetMethods SFTP = {sftp_close, sftp_look,   sftp_list,   sftp_open, sftp_read,  sftp_finish,
                                   sftp_write, sftp_rename, sftp_remove, sftp_make, sftp_flush, sftp_space};

/* ---- connecting ---- */

typedef struct {
  char *user, *host, *path;
  int port;
} Address;

static void address_clear(Address *address) {
  g_free(address->user);
  g_free(address->host);
  g_free(address->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Address, address_clear)

static gboolean parse_address(const char *location, Address *ret, GError **error) {
  g_autofree char *scheme = NULL;
  if (!g_uri_split_with_user(location, G_URI_FLAGS_NONE, &scheme, &ret->user, NULL, NULL, &ret->host, &ret->port, &ret->path, NULL, NULL, NULL) ||
      ret->user == NULL || ret->user[0] == '\0' || ret->host == NULL || ret->host[0] == '\0' || ret->path[0] != '/' || ret->path[1] == '\0')
    return throw(error, LANTAI_ERROR_INVALID, "SFTP 位置应写成 sftp://用户@主机[:端口]/路径，而不是“%s”", location);
  if (ret->port <= 0) ret->port = 22;
  for (gsize end = strlen(ret->path); end > 1 && ret->path[end - 1] == '/';) ret->path[--end] = '\0';
  return TRUE;
}

static int connect_one(const struct addrinfo *info) {
  int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info->ai_protocol);
  if (fd < 0) return -1;
  int failure = 0;
  socklen_t size = sizeof failure;
  gboolean done = connect(fd, info->ai_addr, info->ai_addrlen) == 0;
  if (!done && errno == EINPROGRESS) {
    struct pollfd wait = {fd, POLLOUT, 0};
    done = poll(&wait, 1, CONNECT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
    if (failure != 0) errno = failure;
    else if (!done) errno = ETIMEDOUT;
  }
  if (done && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0) return fd;
  int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

static int connect_host(const Address *address, GError **error) {
  g_autofree char *port = g_strdup_printf("%d", address->port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  int status = getaddrinfo(address->host, port, &hints, &list), fd = -1;
  if (status != 0) {
    throw(error, LANTAI_ERROR_UNAVAILABLE, "找不到主机 %s。请核对主机名", address->host);
    return -1;
  }
  for (const struct addrinfo *info = list; info != NULL && fd < 0; info = info->ai_next) fd = connect_one(info);
  if (fd < 0) throw(error, LANTAI_ERROR_UNAVAILABLE, "连接不上 %s:%d：%s。请检查网络和对方的 SSH 服务", address->host, address->port, error_reason(errno));
  freeaddrinfo(list);
  return fd;
}

/* Invariant 1. */
static gboolean check_host(Sftp *sftp, const SftpTrust *trust, char **ret_host_key, GError **error) {
  const char *hash = libssh2_hostkey_hash(sftp->session, LIBSSH2_HOSTKEY_HASH_SHA256);
  if (hash == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 没有出示主机密钥", sftp->base.place);
  g_autofree char *base64 = g_base64_encode((const guchar *)hash, 32), *shown = g_strconcat("SHA256:", base64, NULL);
  shown[strlen(shown) - 1] = '\0'; /* the padding, as ssh-keygen leaves it out */
  if (trust->host_key != NULL && strcmp(trust->host_key, shown) != 0)
    return throw(error, LANTAI_ERROR_CONFLICT, "%s 的主机指纹变了：原为 %s，现为 %s。可能有人冒充这台主机，没有连接。确属更换的，请移除副本后重新建立", sftp->base.place,
                 trust->host_key, shown);
  if (ret_host_key != NULL) *ret_host_key = g_steal_pointer(&shown);
  return TRUE;
}

static gboolean sign_in(Sftp *sftp, const Address *address, const SftpTrust *trust, GError **error) {
  if (trust->key_file == NULL || !g_file_test(trust->key_file, G_FILE_TEST_IS_REGULAR))
    return throw(error, LANTAI_ERROR_NOT_FOUND, "没有私钥文件 %s。请先运行 lantai copy key，或用 --key 指定", trust->key_file != NULL ? trust->key_file : "");
  if (libssh2_userauth_publickey_fromfile(sftp->session, address->user, NULL, trust->key_file, "") == 0) return TRUE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "用户 %s 的密钥没有被 %s 接受。请把公钥加到对方该用户的 ~/.ssh/authorized_keys", address->user, address->host);
}

static gboolean shake_hands(Sftp *sftp, GError **error) {
  static gsize ready = 0;
  if (g_once_init_enter(&ready)) g_once_init_leave(&ready, (gsize)(libssh2_init(0) == 0 ? 1 : 2));
  sftp->session = libssh2_session_init();
  if (ready == 2 || sftp->session == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "SSH 程序库没有启动");
  libssh2_session_set_blocking(sftp->session, 1);
  libssh2_session_set_timeout(sftp->session, STEP_MS);
  return libssh2_session_handshake(sftp->session, sftp->fd) == 0 ||
         throw(error, LANTAI_ERROR_UNAVAILABLE, "与 %s 建立 SSH 连接未成功。请确认对方是 SSH 服务", sftp->base.place);
}

static gboolean open_root(Sftp *sftp, gboolean create, GError **error) {
  sftp->sftp = libssh2_sftp_init(sftp->session);
  if (sftp->sftp == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 没有提供 SFTP 服务", sftp->base.place);
  open_channel(sftp);
  TargetInfo info;
  if (!sftp_look(&sftp->base, "", &info, error)) return FALSE;
  if (info.kind == TARGET_FOLDER || (create && sftp_make(&sftp->base, "", error))) return TRUE;
  if (error != NULL && *error != NULL) return FALSE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "%s 上没有这个目录。磁盘可能没有接上或没有挂载", sftp->base.place);
}

Target *target_open_sftp(const char *location, const SftpTrust *trust, gboolean create, char **ret_host_key, GError **error) {
  g_auto(Address) address = {NULL, NULL, NULL, 0};
  if (!parse_address(location, &address, error)) return NULL;
  Sftp *sftp = g_new0(Sftp, 1);
  sftp->base = (Target){&SFTP, g_strdup(location), FALSE};
  sftp->fd = connect_host(&address, error);
  sftp->root = g_strdup(address.path);
  sftp->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (sftp->fd >= 0 && shake_hands(sftp, error) && check_host(sftp, trust, ret_host_key, error) && sign_in(sftp, &address, trust, error) &&
      open_root(sftp, create, error)) return &sftp->base;
  sftp_close(&sftp->base);
  return NULL;
}
