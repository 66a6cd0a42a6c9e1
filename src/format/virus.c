/*
 * Viruses, asked of clamd by INSTREAM over its socket (clamd(8)): "zINSTREAM", then pieces {big-endian length, bytes}, a length of 0, then one reply.
 *
 * 1. Only the reply "stream: OK" to a stream that was sent to its last byte says NONE; "… FOUND" says FOUND; everything else (no clamd, too long for its
 *    limit, it closes in the middle, silence, an error) is UNKNOWN with the reason.
 * 2. Every wait has an end; the process never gets SIGPIPE.
 */
#include "error.h"
#include "format.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 64 << 10, CONNECT_MS = 5000, SEND_MS = 60000, REPLY_MS = 300000, REPLY_MAX = 1024 };

static gboolean await(int socket_fd, short events, int wait_ms) {
  struct pollfd waiting = {.fd = socket_fd, .events = events};
  int ready;
  do ready = poll(&waiting, 1, wait_ms);
  while (ready < 0 && errno == EINTR);
  return ready == 1;
}

/* ---- connecting ---- */

static int connect_to(int family, const struct sockaddr *address, socklen_t length) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), fault = 0;
  socklen_t size = sizeof fault;
  if (fd < 0) return -1;
  if (connect(fd, address, length) == 0) return fd;
  if (errno == EINPROGRESS && await(fd, POLLOUT, CONNECT_MS) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 && fault == 0) return fd;
  close(fd);
  return -1;
}

static int connect_path(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  return connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

/* host:port, [::1]:port */
static int connect_host(const char *text) {
  const char *colon = strrchr(text, ':');
  g_autofree char *host = g_strndup(text[0] == '[' ? text + 1 : text, (gsize)(colon - text) - (text[0] == '[' && colon > text + 1 ? 2 : 0));
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
  int fd = -1;
  if (getaddrinfo(host, colon + 1, &hints, &found) != 0) return -1;
  for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) fd = connect_to(at->ai_family, at->ai_addr, at->ai_addrlen);
  freeaddrinfo(found);
  return fd;
}

/* ---- talking ---- */

typedef enum { SENT_ALL, SENT_REFUSED, SENT_TIMEOUT, SENT_UNREADABLE } Sent;

static Sent send_bytes(int socket_fd, const void *bytes, gsize length) {
  for (const char *at = bytes; length > 0;) {
    gssize sent = send(socket_fd, at, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return SENT_REFUSED;
    if (sent < 0 && !await(socket_fd, POLLOUT, SEND_MS)) return SENT_TIMEOUT;
    if (sent < 0) continue;
    at += sent;
    length -= (gsize)sent;
  }
  return SENT_ALL;
}

/* The whole file from its beginning (a pipe: from where it is), and the end mark. */
static Sent send_stream(int socket_fd, int fd) {
  g_autofree guint8 *piece = g_malloc(sizeof(guint32) + PIECE);
  gboolean seekable = lseek(fd, 0, SEEK_CUR) >= 0;
  Sent sent = send_bytes(socket_fd, "zINSTREAM", sizeof "zINSTREAM");
  for (off_t at = 0; sent == SENT_ALL;) {
    gssize got = seekable ? pread(fd, piece + sizeof(guint32), PIECE, at) : read(fd, piece + sizeof(guint32), PIECE);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SENT_UNREADABLE;
    guint32 length = GUINT32_TO_BE((guint32)got);
    memcpy(piece, &length, sizeof length);
    sent = send_bytes(socket_fd, piece, sizeof length + (gsize)got);
    if (got == 0) return sent;
    at += got;
  }
  return sent;
}

/* The reply without its NUL; "" when none came. */
static void receive_reply(int socket_fd, char reply[REPLY_MAX]) {
  gsize filled = 0;
  while (filled + 1 < REPLY_MAX && await(socket_fd, POLLIN, REPLY_MS)) {
    gssize got = recv(socket_fd, reply + filled, REPLY_MAX - 1 - filled, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    filled += (gsize)got;
    if (memchr(reply, '\0', filled) != NULL) break;
  }
  reply[filled] = '\0';
  if (!g_utf8_validate(reply, -1, NULL)) reply[0] = '\0';
}

static FormatVirus unknown(char **ret_detail, const char *reason) {
  *ret_detail = g_strdup(reason);
  return FORMAT_VIRUS_UNKNOWN;
}

static FormatVirus read_verdict(char *reply, Sent sent, char **ret_detail) {
  static const char BEFORE[] = "stream: ", AFTER[] = " FOUND";
  if (g_str_has_prefix(reply, BEFORE) && g_str_has_suffix(reply, AFTER)) {
    g_autofree char *name = g_strndup(reply + strlen(BEFORE), strlen(reply) - strlen(BEFORE) - strlen(AFTER));
    if (g_str_has_prefix(name, "Heuristics.Limits.Exceeded")) return unknown(ret_detail, "文件超过病毒检测服务（clamd）的检测上限，没有检测完");
    *ret_detail = g_steal_pointer(&name);
    return FORMAT_VIRUS_FOUND;
  }
  if (strstr(reply, "size limit exceeded") != NULL) return unknown(ret_detail, "文件超过病毒检测服务的长度上限（clamd 的 StreamMaxLength），没有检测");
  if (sent == SENT_ALL && strcmp(reply, "stream: OK") == 0) return FORMAT_VIRUS_NONE;
  if (sent == SENT_TIMEOUT || (sent == SENT_ALL && *reply == '\0')) return unknown(ret_detail, "病毒检测服务（clamd）没有在时限内给出结果");
  if (*reply == '\0') return unknown(ret_detail, "病毒检测服务（clamd）中途断开");
  *ret_detail = g_strdup_printf("病毒检测服务（clamd）没有完成检测：%s", reply);
  return FORMAT_VIRUS_UNKNOWN;
}

FormatVirus format_virus_scan(const char *socket, int fd, char **ret_detail) {
  *ret_detail = NULL;
  if (socket == NULL || *socket == '\0') return unknown(ret_detail, "没有配置病毒检测服务（设置 virus.socket）");
  gboolean is_path = strchr(socket, '/') != NULL || strrchr(socket, ':') == NULL;
  int connection = is_path ? connect_path(socket) : connect_host(socket);
  if (connection < 0) {
    *ret_detail = g_strdup_printf("连接不上病毒检测服务（clamd，%s）；请确认它已安装并启动", socket);
    return FORMAT_VIRUS_UNKNOWN;
  }
  char reply[REPLY_MAX];
  Sent sent = send_stream(connection, fd);
  if (sent == SENT_ALL || sent == SENT_REFUSED) receive_reply(connection, reply);
  else reply[0] = '\0';
  close(connection);
  return sent == SENT_UNREADABLE ? unknown(ret_detail, "文件读取失败，没有检测病毒") : read_verdict(reply, sent, ret_detail);
}
