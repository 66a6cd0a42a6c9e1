/*
 * The parent's side of the sandbox (sandbox.h): starts the helper once, asks it for children, reads their answers with patience.
 *
 * 1. One request at a time goes to the helper (a lock); it takes about a millisecond.
 * 2. A helper that is gone is started again once per request.
 * 3. Inside the helper and its children nothing can be started: a binary that forgets format_sandbox_main() fails instead of multiplying.
 */
#include "sandbox.h"
#include "beneath.h"
#include "error.h"
#include "format.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox-wire.h"

struct Sandbox {
  const SandboxKind *kind;
  pid_t pid;
  int answer;
  gint64 waited_us; /* of the parent for the child, all told */
  gboolean is_socket, reaped;
};

static GMutex helper_lock;
static int helper_socket = -1;
static pid_t helper_pid, helper_owner;

/* ---- the helper ---- */

static char **make_environment(void) {
  static const char *const KEEP[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH", "TZ", NULL};
  char **environment = g_environ_setenv(NULL, "PATH", "/usr/bin:/bin", TRUE);
  environment = g_environ_setenv(environment, "LANG", "C.UTF-8", TRUE);
  environment = g_environ_setenv(environment, SANDBOX_MARK, "1", TRUE);
  environment = g_environ_setenv(environment, "VIPS_DISC_THRESHOLD", "64g", TRUE); /* big images in memory: the child cannot make files */
  environment = g_environ_setenv(environment, "G_SLICE", "always-malloc", TRUE);
  for (gsize i = 0; KEEP[i] != NULL; i++)
    if (g_getenv(KEEP[i]) != NULL) environment = g_environ_setenv(environment, KEEP[i], g_getenv(KEEP[i]), TRUE);
  return environment;
}

static gboolean read_hello(int socket_fd) {
  struct pollfd waiting = {.fd = socket_fd, .events = POLLIN};
  char hello[sizeof SANDBOX_HELLO] = "";
  if (poll(&waiting, 1, 20000) != 1) return FALSE;
  return recv(socket_fd, hello, sizeof hello, 0) == sizeof hello && memcmp(hello, SANDBOX_HELLO, sizeof hello) == 0;
}

static void forget_helper(void) {
  if (helper_socket < 0) return;
  close(helper_socket);
  helper_socket = -1;
  if (helper_owner != getpid()) return;
  kill(helper_pid, SIGKILL);
  while (waitpid(helper_pid, NULL, 0) < 0 && errno == EINTR) {}
}

static gboolean spawn_helper(int child_end, pid_t *ret_pid) {
  g_auto(GStrv) environment = make_environment();
  char *arguments[] = {(char *)"lantai", (char *)"sandbox", (char *)"helper", NULL};
  gboolean noisy = g_strcmp0(g_getenv("LANTAI_LOG"), "debug") == 0;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_end, SANDBOX_INPUT); /* first: it may be descriptor 0, 1 or 2 */
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, 0, 1);
  if (!noisy) posix_spawn_file_actions_adddup2(&actions, 0, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, SANDBOX_INPUT + 1);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  int failed = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed == 0;
}

static gboolean ensure_helper(GError **error) {
  if (helper_socket >= 0 && helper_owner == getpid()) return TRUE;
  forget_helper();
  if (g_getenv(SANDBOX_MARK) != NULL) return throw(error, LANTAI_ERROR_INTERNAL, "文件解析子进程不能再启动子进程（程序入口没有先调用 format_sandbox_main）");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "无法启动文件解析子进程：%s", error_reason(errno));
  /* dup2 onto itself would leave the descriptor close-on-exec */
  if (ends[1] <= SANDBOX_ANSWER) {
    int high = fcntl(ends[1], F_DUPFD_CLOEXEC, SANDBOX_ANSWER + 1);
    close(ends[1]);
    ends[1] = high;
  }
  pid_t pid = 0;
  gboolean started = ends[1] >= 0 && spawn_helper(ends[1], &pid);
  if (ends[1] >= 0) close(ends[1]);
  if (started) {
    helper_socket = ends[0];
    helper_pid = pid;
    helper_owner = getpid();
    if (read_hello(ends[0])) return TRUE;
    forget_helper();
  } else {
    close(ends[0]);
  }
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "无法启动文件解析子进程；请检查本机内存和进程数限制后重试");
}

static gboolean send_request(const SandboxRequest *request, const int fds[2]) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  struct iovec part = {.iov_base = (void *)request, .iov_len = sizeof *request};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(rights), fds, 2 * sizeof(int));
  gssize sent;
  do sent = sendmsg(helper_socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (gssize)sizeof *request;
}

static pid_t receive_pid(void) {
  struct pollfd waiting = {.fd = helper_socket, .events = POLLIN};
  gint32 pid = -1;
  int ready;
  do ready = poll(&waiting, 1, 20000);
  while (ready < 0 && errno == EINTR);
  if (ready != 1 || recv(helper_socket, &pid, sizeof pid, 0) != (gssize)sizeof pid) return -1;
  return pid;
}

/* The child's pid, or -1 with an error. */
static pid_t request_child(const SandboxRequest *request, const int fds[2], GError **error) {
  g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&helper_lock);
  (void)lock;
  for (int attempt = 0; attempt < 2; attempt++) {
    if (!ensure_helper(error)) return -1;
    pid_t pid = send_request(request, fds) ? receive_pid() : -1;
    if (pid > 0) return pid;
    forget_helper();
  }
  throw(error, LANTAI_ERROR_UNAVAILABLE, "无法启动文件解析子进程；请检查本机内存和进程数限制后重试");
  return -1;
}

/* ---- one child ---- */

static Sandbox *start(const char *kind_name, const char *argument, int input, gboolean is_socket, GError **error) {
  SandboxRequest request = {0};
  const SandboxKind *kind = sandbox_kind_find(kind_name);
  g_assert(kind != NULL && (argument == NULL || strlen(argument) < sizeof request.argument));
  g_strlcpy(request.kind, kind_name, sizeof request.kind);
  g_strlcpy(request.argument, argument == NULL ? "" : argument, sizeof request.argument);
  int ends[2];
  int made = is_socket ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC);
  if (made != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "无法启动文件解析子进程：%s", error_reason(errno));
  if (!is_socket) fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); /* a smaller pipe is only slower */
  pid_t pid = request_child(&request, (int[2]){input, ends[1]}, error);
  close(ends[1]);
  if (pid <= 0) {
    close(ends[0]);
    return NULL;
  }
  Sandbox *sandbox = g_new0(Sandbox, 1);
  *sandbox = (Sandbox){.kind = kind, .pid = pid, .answer = ends[0], .is_socket = is_socket};
  return sandbox;
}

Sandbox *sandbox_start(const char *kind, const char *argument, int input, GError **error) { return start(kind, argument, input, FALSE, error); }

Sandbox *sandbox_start_socket(const char *kind, const char *argument, int input, GError **error) { return start(kind, argument, input, TRUE, error); }

int sandbox_answer(const Sandbox *sandbox) { return sandbox->answer; }

static int reap(Sandbox *sandbox) {
  int status = 0;
  while (waitpid(sandbox->pid, &status, 0) < 0)
    if (errno != EINTR) break;
  sandbox->reaped = TRUE;
  return status;
}

static void end_by_force(Sandbox *sandbox) {
  if (sandbox->reaped) return;
  kill(sandbox->pid, SIGKILL);
  reap(sandbox);
}

/* Waits until the answer has bytes or an end; the time counts only while the parent waits, so a slow caller harms nobody. */
static gboolean await(Sandbox *sandbox, GError **error) {
  gint64 patience_us = (gint64)sandbox->kind->patience_s * G_USEC_PER_SEC;
  gint64 began = g_get_monotonic_time();
  int ready = 0;
  do {
    gint64 left_us = patience_us - (g_get_monotonic_time() - began);
    struct pollfd waiting = {.fd = sandbox->answer, .events = POLLIN};
    ready = left_us <= 0 ? 0 : poll(&waiting, 1, (int)MIN(left_us / 1000 + 1, G_MAXINT));
  } while (ready < 0 && errno == EINTR);
  sandbox->waited_us += g_get_monotonic_time() - began;
  if (ready > 0 && sandbox->waited_us < 10 * patience_us) return TRUE;
  end_by_force(sandbox);
  return throw(error, LANTAI_ERROR_INVALID, "解析超过时限，已停止；文件可能损坏或被恶意构造，请用原软件打开检查后另存再试");
}

static gssize receive(Sandbox *sandbox, void *buffer, gsize length, int *ret_fd) {
  if (!sandbox->is_socket) return read(sandbox->answer, buffer, length);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {.iov_base = buffer, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  gssize got = recvmsg(sandbox->answer, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *rights = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
  if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof(int))) return got;
  int fd;
  memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  if (ret_fd == NULL || *ret_fd >= 0) close(fd);
  else *ret_fd = fd;
  return got;
}

gssize sandbox_read(Sandbox *sandbox, void *buffer, gsize length, int *ret_fd, GError **error) {
  if (ret_fd != NULL) *ret_fd = -1;
  for (;;) {
    if (!await(sandbox, error)) return -1;
    gssize got = receive(sandbox, buffer, length, ret_fd);
    if (got >= 0) return got;
    if (errno == EINTR || errno == EAGAIN) continue;
    end_by_force(sandbox);
    throw(error, LANTAI_ERROR_INTERNAL, "读取文件解析子进程的结果失败：%s", error_reason(errno));
    return -1;
  }
}

gboolean sandbox_finish(Sandbox *sandbox, GError **error) {
  char rest[4096];
  gssize got;
  gsize surplus = 0;
  while ((got = sandbox_read(sandbox, rest, sizeof rest, NULL, error)) > 0)
    if ((surplus += (gsize)got) > 1 << 20) end_by_force(sandbox); /* it talks after its end: the pipe runs dry now */
  if (got < 0) return FALSE;
  int status = sandbox->reaped ? -1 : reap(sandbox);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return TRUE;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return throw(error, LANTAI_ERROR_INVALID, "解析超过处理器时间上限，已停止；文件可能损坏或被恶意构造");
  if (WIFSIGNALED(status))
    return throw(error, LANTAI_ERROR_INVALID, "解析时异常终止（信号 %d，可能是内存超过上限）；文件可能损坏或被恶意构造", WTERMSIG(status));
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == SANDBOX_EXIT_JAIL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "本机不能建立文件解析的隔离环境（seccomp%s），为安全起见没有解析",
    sandbox->kind->scratch ? "、Landlock：Linux 5.13 起的内核才有" : "");
  if (code == SANDBOX_EXIT_NO_TOOL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "缺少程序 %s（软件包 %s）；请安装后再试", sandbox->kind->tool,
      sandbox->kind->package ? sandbox->kind->package : "poppler-utils");
  if (code == SANDBOX_EXIT_AGAIN) return throw(error, LANTAI_ERROR_BUSY, "转换程序刚建立自己的设置，请再试一次");
  if (code == SANDBOX_EXIT_TOO_LARGE) return throw(error, LANTAI_ERROR_TOO_LARGE, "图像超过 10 亿像素，不生成浏览图");
  return throw(error, LANTAI_ERROR_INVALID, "解析失败；文件可能损坏、加密或格式不受支持");
}

void sandbox_free(Sandbox *sandbox) {
  if (sandbox == NULL) return;
  end_by_force(sandbox);
  close(sandbox->answer);
  g_free(sandbox);
}

GByteArray *sandbox_run(const char *kind, const char *argument, int input, gsize limit, GError **error) {
  g_autoptr(Sandbox) sandbox = sandbox_start(kind, argument, input, error);
  if (sandbox == NULL) return NULL;
  g_autoptr(GByteArray) answer = g_byte_array_new();
  g_autofree guint8 *block = g_malloc(1 << 16);
  gssize got;
  while ((got = sandbox_read(sandbox, block, 1 << 16, NULL, error)) > 0) {
    if (answer->len + (gsize)got > limit) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "解析结果超过上限 %" G_GSIZE_FORMAT " 字节，已停止", limit);
    g_byte_array_append(answer, block, (guint)got);
  }
  if (got < 0 || !sandbox_finish(sandbox, error)) return NULL;
  return g_steal_pointer(&answer);
}

int sandbox_open_input(const char *path, GError **error) {
  struct stat about;
  g_autofree char *name = g_filename_display_basename(path);
  int fd = beneath_open(path);
  if (fd < 0 || fstat(fd, &about) != 0) {
    int reason = errno;
    if (fd >= 0) close(fd);
    throw(error, reason == ENOENT ? LANTAI_ERROR_NOT_FOUND : LANTAI_ERROR_INVALID, "打不开“%s”：%s", name, error_reason(reason));
    return -1;
  }
  const char *fault = S_ISDIR(about.st_mode)    ? "是文件夹，请指定其中的一个文件"
                      : !S_ISREG(about.st_mode) ? "不是普通文件"
                      : about.st_size == 0      ? "是空文件（0 字节）"
                                                : NULL;
  if (fault == NULL) return fd;
  close(fd);
  throw(error, LANTAI_ERROR_INVALID, "“%s”%s", name, fault);
  return -1;
}

json_t *format_sandbox_state(void) {
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  g_autoptr(GByteArray) answer = null < 0 ? NULL : sandbox_run("probe", NULL, null, 4096, NULL);
  if (null >= 0) close(null);
  json_t *state = answer == NULL ? NULL : json_loadb((const char *)answer->data, answer->len, 0, NULL);
  if (json_is_object(state)) return state;
  json_decref(state);
  return json_pack("{s:b, s:b, s:b, s:b, s:s}", "seccomp", 0, "landlock", 0, "memory", 0, "time", 0, "error", "文件解析子进程不能启动");
}
