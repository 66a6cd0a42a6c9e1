/*
 * The child's side of the sandbox: the helper that forks children, and what a child gives up before it reads a foreign byte.
 *
 * 1. The helper has one thread, opens no foreign file, and ends when the program ends (its socket closes).
 * 2. A child has no network, starts no program (a tool kind: exactly one), makes and changes no file (a scratch kind: only below the
 *    folder that is its input, and only where Landlock holds it there), signals nobody, and reads only the system's libraries and data beside its input.
 *    What the kernel does not know (Landlock before 5.13) is left out and shown by the probe.
 * 3. Memory, processor time, descriptors and file sizes are bounded; the bounds cannot be lifted.
 */
#include "error.h"
#include "format.h"
#include "sandbox-wire.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCRATCH_FILE_MAX (G_GUINT64_CONSTANT(2) << 30)

/* Memory is address space: libraries alone take 0.5 GiB of it. */
static const SandboxKind KINDS[] = {
  {.kind = "table", .run = child_table, .memory_mib = 3072, .cpu_s = 900, .patience_s = 120},
  {.kind = "xml", .run = child_xml, .memory_mib = 1024, .cpu_s = 4 * 3600, .patience_s = 120},
  {.kind = "package", .run = child_package, .memory_mib = 2048, .cpu_s = 48 * 3600, .patience_s = 120},
  {.kind = "magic", .run = child_magic, .memory_mib = 1024, .cpu_s = 20, .patience_s = 20, .prepare = child_magic_prepare},
  {.kind = "pages", .run = child_pages, .memory_mib = 2048, .cpu_s = 30, .patience_s = 30, .prepare = child_image_prepare},
  {.kind = "pyramid", .run = child_pyramid, .memory_mib = 6144, .cpu_s = 300, .patience_s = 180, .prepare = child_image_prepare},
  {.kind = "access", .run = child_access, .memory_mib = 6144, .cpu_s = 300, .patience_s = 180, .prepare = child_image_prepare},
  {.kind = "office", .tool = "/usr/lib/libreoffice/program/soffice.bin", .package = "libreoffice-writer-nogui libreoffice-calc-nogui", .scratch = TRUE,
   .memory_mib = 8192, .cpu_s = 110, .patience_s = 120},
  {.kind = "pdftotext", .tool = "/usr/bin/pdftotext", .memory_mib = 2048, .cpu_s = 300, .patience_s = 120},
  {.kind = "pdfinfo", .tool = "/usr/bin/pdfinfo", .memory_mib = 1024, .cpu_s = 30, .patience_s = 30},
  {.kind = "pdftoppm", .tool = "/usr/bin/pdftoppm", .memory_mib = 3072, .cpu_s = 120, .patience_s = 120},
  {.kind = "ofd", .run = child_ofd, .memory_mib = 4096, .cpu_s = 120, .patience_s = 60},
  {.kind = "eep", .run = child_eep, .memory_mib = 4096, .cpu_s = 120, .patience_s = 60},
  {.kind = "canonical", .run = child_canonical, .memory_mib = 4096, .cpu_s = 120, .patience_s = 60},
  {.kind = "trust", .run = child_trust, .memory_mib = 1024, .cpu_s = 30, .patience_s = 30},
  {.kind = "examine", .run = child_examine, .memory_mib = 6144, .cpu_s = 300, .patience_s = 180, .prepare = child_image_prepare},
  {.kind = "mediainfo", .tool = "/usr/bin/mediainfo", .package = "mediainfo", .memory_mib = 2048, .cpu_s = 60, .patience_s = 60},
  {.kind = "pdfhead", .tool = "/usr/bin/pdftotext", .memory_mib = 2048, .cpu_s = 30, .patience_s = 30},
  {.kind = "probe", .run = jail_probe, .memory_mib = 1024, .cpu_s = 5, .patience_s = 2},
};

const SandboxKind *sandbox_kind_find(const char *kind) {
  for (gsize i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (strcmp(KINDS[i].kind, kind) == 0) return &KINDS[i];
  return NULL;
}

void jail_answer(const void *data, gsize length) {
  const char *at = data;
  while (length > 0) {
    gssize wrote = write(SANDBOX_ANSWER, at, length);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) _exit(1);
    at += wrote;
    length -= (gsize)wrote;
  }
}

/* ---- Landlock: which files may be read (raw system calls: Debian's libc has no wrapper, its header stops at ABI 1) ---- */

typedef struct {
  guint64 fs, net, scoped;
} LandlockAttributes;

enum { LANDLOCK_NET_ALL = 3, LANDLOCK_SCOPE_ALL = 3 };
#define LANDLOCK_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LANDLOCK_FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

static void allow_fd(int rules, int fd, guint64 access) {
  struct stat about;
  if (fstat(fd, &about) != 0) return;
  if (!S_ISDIR(about.st_mode)) access &= LANDLOCK_FILE_RIGHTS;
  struct landlock_path_beneath_attr beneath = {.allowed_access = access, .parent_fd = fd};
  syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0); /* refused for pipes: they need no rule */
}

static void allow_path(int rules, const char *path, guint64 access) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  allow_fd(rules, fd, access);
  close(fd);
}

static gboolean restrict_files(const SandboxKind *kind) {
  static const char *const DATA[] = {"/usr",      "/etc/ld.so.cache", "/etc/fonts",     "/etc/magic", "/etc/ImageMagick-6", "/var/cache/fontconfig",
                                     "/etc/libreoffice", "/var/lib/libreoffice", "/var/spool/libreoffice",
                                     "/dev/null", "/dev/urandom",     "/etc/localtime", NULL};
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return FALSE;
  guint64 known = (1ULL << 13) - 1; /* ABI 1 has 13 rights; 2 adds REFER, 3 TRUNCATE, 5 IOCTL_DEV */
  if (abi >= 2) known |= 1ULL << 13;
  if (abi >= 3) known |= 1ULL << 14;
  if (abi >= 5) known |= 1ULL << 15;
  LandlockAttributes attributes = {.fs = known, .net = abi >= 4 ? LANDLOCK_NET_ALL : 0, .scoped = abi >= 6 ? LANDLOCK_SCOPE_ALL : 0};
  gsize size = abi >= 6 ? sizeof attributes : abi >= 4 ? 2 * sizeof(guint64) : sizeof(guint64);
  int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (rules < 0) return FALSE;
  for (gsize i = 0; DATA[i] != NULL; i++) allow_path(rules, DATA[i], LANDLOCK_READ);
  allow_fd(rules, SANDBOX_INPUT, kind->scratch ? known : LANDLOCK_ACCESS_FS_READ_FILE);
  if (kind->tool != NULL) {
    allow_path(rules, kind->tool, LANDLOCK_READ | LANDLOCK_ACCESS_FS_EXECUTE);
    allow_path(rules, "/usr/lib", LANDLOCK_READ | LANDLOCK_ACCESS_FS_EXECUTE); /* the program loader */
    allow_path(rules, "/usr/lib64", LANDLOCK_READ | LANDLOCK_ACCESS_FS_EXECUTE);
  }
  gboolean done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return done;
}

/* ---- seccomp: which system calls may be made ---- */

static const int REFUSED[] = {SCMP_SYS(connect),
                              SCMP_SYS(ptrace),
                              SCMP_SYS(process_vm_readv),
                              SCMP_SYS(process_vm_writev),
                              SCMP_SYS(kcmp),
                              SCMP_SYS(pidfd_open),
                              SCMP_SYS(pidfd_getfd),
                              SCMP_SYS(pidfd_send_signal),
                              SCMP_SYS(kill),
                              SCMP_SYS(tkill),
                              SCMP_SYS(rt_sigqueueinfo),
                              SCMP_SYS(rt_tgsigqueueinfo),
                              SCMP_SYS(mknod),
                              SCMP_SYS(mknodat),
                              SCMP_SYS(chown),
                              SCMP_SYS(fchown),
                              SCMP_SYS(lchown),
                              SCMP_SYS(fchownat),
                              SCMP_SYS(setxattr),
                              SCMP_SYS(lsetxattr),
                              SCMP_SYS(fsetxattr),
                              SCMP_SYS(removexattr),
                              SCMP_SYS(lremovexattr),
                              SCMP_SYS(fremovexattr),
                              SCMP_SYS(mount),
                              SCMP_SYS(umount2),
                              SCMP_SYS(pivot_root),
                              SCMP_SYS(chroot),
                              SCMP_SYS(unshare),
                              SCMP_SYS(setns),
                              SCMP_SYS(bpf),
                              SCMP_SYS(perf_event_open),
                              SCMP_SYS(keyctl),
                              SCMP_SYS(add_key),
                              SCMP_SYS(request_key),
                              SCMP_SYS(userfaultfd),
                              SCMP_SYS(kexec_load),
                              SCMP_SYS(kexec_file_load),
                              SCMP_SYS(init_module),
                              SCMP_SYS(finit_module),
                              SCMP_SYS(delete_module),
                              SCMP_SYS(reboot),
                              SCMP_SYS(swapon),
                              SCMP_SYS(swapoff),
                              SCMP_SYS(setuid),
                              SCMP_SYS(setgid),
                              SCMP_SYS(setreuid),
                              SCMP_SYS(setregid),
                              SCMP_SYS(setresuid),
                              SCMP_SYS(setresgid),
                              SCMP_SYS(setgroups),
                              SCMP_SYS(capset),
                              SCMP_SYS(setrlimit),
                              SCMP_SYS(setpriority),
                              SCMP_SYS(name_to_handle_at),
                              SCMP_SYS(open_by_handle_at),
                              SCMP_SYS(shmget),
                              SCMP_SYS(shmat),
                              SCMP_SYS(msgget),
                              SCMP_SYS(semget),
                              SCMP_SYS(mq_open),
                              SCMP_SYS(fanotify_init),
                              SCMP_SYS(inotify_init1),
                              SCMP_SYS(acct),
                              SCMP_SYS(quotactl),
                              SCMP_SYS(settimeofday),
                              SCMP_SYS(clock_settime),
                              SCMP_SYS(adjtimex),
                              SCMP_SYS(sethostname),
                              SCMP_SYS(setdomainname),
                              SCMP_SYS(iopl),
                              SCMP_SYS(ioperm),
                              SCMP_SYS(fork),
                              SCMP_SYS(vfork),
                              SCMP_SYS(execveat)};
/* What makes and changes files: only for a tool with a scratch folder, where Landlock holds it inside. Its sockets are of this machine and reach nothing. */
static const int WRITING[] = {
  SCMP_SYS(creat), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir),
  SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(ftruncate),
  SCMP_SYS(truncate), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(utimensat),
  SCMP_SYS(futimesat), SCMP_SYS(socket), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4)};
/* Newer forms whose arguments a filter cannot see: "not there", so that libc takes the older ones. */
static const int ABSENT[] = {SCMP_SYS(clone3), SCMP_SYS(openat2), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)};

static gboolean refuse_opening_for_writing(scmp_filter_ctx filter, int call, guint flags_at) {
  static const guint64 WRITES[][2] = {{O_ACCMODE, O_WRONLY}, {O_ACCMODE, O_RDWR}, {O_CREAT, O_CREAT}, {O_TRUNC, O_TRUNC}};
  gboolean done = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS(WRITES); i++) {
    struct scmp_arg_cmp compare = SCMP_CMP64(flags_at, SCMP_CMP_MASKED_EQ, WRITES[i][0], WRITES[i][1]);
    done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), call, 1, &compare) == 0;
  }
  return done;
}

static gboolean restrict_calls(const SandboxKind *kind) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == NULL) return FALSE;
  gboolean done = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS(REFUSED); i++) done &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), REFUSED[i], 0) == 0;
  for (gsize i = 0; i < G_N_ELEMENTS(WRITING) && !kind->scratch; i++) done &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), WRITING[i], 0) == 0;
  for (gsize i = 0; i < G_N_ELEMENTS(ABSENT); i++) done &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), ABSENT[i], 0) == 0;
  if (!kind->scratch) done &= refuse_opening_for_writing(filter, SCMP_SYS(open), 1) && refuse_opening_for_writing(filter, SCMP_SYS(openat), 2);
  const struct scmp_arg_cmp no_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
  const struct scmp_arg_cmp sets_limit = SCMP_A2(SCMP_CMP_NE, 0);
  const struct scmp_arg_cmp other_process = SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid());
  const struct scmp_arg_cmp not_unix = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
  const struct scmp_arg_cmp types_for_terminal = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0x5412 /* TIOCSTI */);
  done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &no_thread) == 0;
  done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1, &sets_limit) == 0;
  done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1, &other_process) == 0;
  done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socketpair), 1, &not_unix) == 0;
  done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, &types_for_terminal) == 0;
  if (kind->scratch) { /* LibreOffice does not start without a socket to be called on: it gets one that nothing can reach */
    done &= seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, &not_unix) == 0;
    done &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(bind), 0) == 0 && seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(listen), 0) == 0;
  }
  if (kind->tool == NULL) done &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execve), 0) == 0;
  done &= seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

static gboolean limit(int resource, guint64 value) {
  struct rlimit bound = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &bound) == 0;
}

gboolean jail_enter(const SandboxKind *kind) {
  gboolean done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
  done &= limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, kind->scratch ? SCRATCH_FILE_MAX : 0) && limit(RLIMIT_NOFILE, kind->scratch ? 512 : 64);
  done &= limit(RLIMIT_CPU, kind->cpu_s);
#ifndef __SANITIZE_ADDRESS__
  done &= limit(RLIMIT_AS, (guint64)kind->memory_mib << 20);
#endif
  gboolean held = restrict_files(kind);
  done &= held || !kind->scratch; /* without Landlock a tool that may write could write anywhere */
  done &= restrict_calls(kind);
  return done;
}

/* ---- what the sandbox really does here ---- */

static gboolean refuses_calls(void) {
  return socket(AF_INET, SOCK_STREAM, 0) < 0 && open("/tmp/lantai-probe", O_CREAT | O_WRONLY, 0600) < 0 && openat(AT_FDCWD, "/dev/null", O_RDWR) < 0
         && fork() < 0 && execl("/bin/true", "true", NULL) < 0 && kill(getppid(), 0) < 0;
}

static gboolean refuses_memory(void) {
  void *much = mmap(NULL, (gsize)64 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return much == MAP_FAILED;
}

static gboolean refuses_time(void) {
  struct rlimit now = {0}, wanted = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  return setrlimit(RLIMIT_CPU, &wanted) != 0 && getrlimit(RLIMIT_CPU, &now) == 0 && now.rlim_max != RLIM_INFINITY;
}

/* For the tests of the parent: "echo" answers with its input, whatever that is; "hang" never answers. */
int jail_probe(const char *argument) {
  char block[4096];
  if (strcmp(argument, "echo") == 0)
    for (gssize got; (got = read(SANDBOX_INPUT, block, sizeof block)) > 0;) jail_answer(block, (gsize)got);
  if (strcmp(argument, "hang") == 0) pause();
  if (*argument != '\0') return 0;
  gboolean files = open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
  g_snprintf(block, sizeof block, "{\"seccomp\": %s, \"landlock\": %s, \"memory\": %s, \"time\": %s}", refuses_calls() ? "true" : "false",
             files ? "true" : "false", refuses_memory() ? "true" : "false", refuses_time() ? "true" : "false");
  jail_answer(block, strlen(block));
  return 0;
}

/* ---- the helper ---- */

/* The scratch folder is the home, the profile's place and where the result goes. argument: "filter:extension" of the file in.<extension> there. */
static void exec_office(const SandboxKind *kind, const char *argument) {
  char folder[PATH_MAX], filter[96];
  gssize length = readlink("/proc/self/fd/3", folder, sizeof folder - 1);
  const char *colon = strchr(argument, ':');
  if (length <= 0 || colon == NULL || fchdir(SANDBOX_INPUT) != 0) return;
  folder[length] = '\0';
  g_autofree char *uri = g_filename_to_uri(folder, NULL, NULL), *profile = g_strdup_printf("-env:UserInstallation=%s/profile", uri),
                  *input = g_strconcat("in.", colon + 1, NULL);
  g_snprintf(filter, sizeof filter, "pdf:%.*s_pdf_Export:{\"SelectPdfVersion\":{\"type\":\"long\",\"value\":\"2\"}}", (int)(colon - argument), argument);
  setenv("HOME", folder, 1);
  setenv("TMPDIR", folder, 1);
  execl(kind->tool, kind->tool, profile, "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "--convert-to", filter, "--outdir", "out",
        input, NULL);
}

static void exec_tool(const SandboxKind *kind, const char *argument) {
  if (kind->scratch) {
    dup2(SANDBOX_ANSWER, 1);
    close(SANDBOX_ANSWER);
    exec_office(kind, argument);
    return;
  }
  char *end = NULL;
  guint64 page = g_ascii_strtoull(argument, &end, 10), scale = end != NULL && *end == ':' ? g_ascii_strtoull(end + 1, NULL, 10) : 0;
  char number[24], size[24];
  g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, page);
  g_snprintf(size, sizeof size, "%" G_GUINT64_FORMAT, scale == 0 ? 150 : scale);
  dup2(SANDBOX_ANSWER, 1);
  close(SANDBOX_ANSWER);
  const char *resolution = scale == 0 ? "-r" : "-scale-to";
  if (strcmp(kind->kind, "pdfinfo") == 0) execl(kind->tool, "pdfinfo", "fd://3", NULL);
  else if (strcmp(kind->kind, "mediainfo") == 0) execl(kind->tool, "mediainfo", "--Output=JSON", "/proc/self/fd/3", NULL);
  else if (strcmp(kind->kind, "pdfhead") == 0) execl(kind->tool, "pdftotext", "-q", "-l", "3", "-enc", "UTF-8", "fd://3", "-", NULL);
  else if (strcmp(kind->kind, "pdftotext") == 0) execl(kind->tool, "pdftotext", "-q", "-enc", "UTF-8", "-eol", "unix", "fd://3", "-", NULL);
  else execl(kind->tool, "pdftoppm", "-q", "-cropbox", resolution, size, "-f", number, "-l", number, "fd://3", NULL);
}

static void run_child(const SandboxKind *kind, const char *argument, const int fds[2]) {
  int input = fcntl(fds[0], F_DUPFD, 16), answer = fcntl(fds[1], F_DUPFD, 16);
  if (input < 0 || answer < 0 || dup2(input, SANDBOX_INPUT) < 0 || dup2(answer, SANDBOX_ANSWER) < 0) _exit(SANDBOX_EXIT_JAIL);
  close_range(SANDBOX_ANSWER + 1, ~0U, 0);
  if (!jail_enter(kind)) _exit(SANDBOX_EXIT_JAIL);
  if (kind->run != NULL) _exit(kind->run(argument));
  exec_tool(kind, argument);
  _exit(SANDBOX_EXIT_NO_TOOL);
}

static gboolean receive_request(SandboxRequest *ret, int ret_fds[2]) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  struct iovec part = {.iov_base = ret, .iov_len = sizeof *ret};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  gssize got;
  do got = recvmsg(SANDBOX_INPUT, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  if (got != (gssize)sizeof *ret || rights == NULL || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(2 * sizeof(int))) return FALSE;
  memcpy(ret_fds, CMSG_DATA(rights), 2 * sizeof(int));
  ret->kind[sizeof ret->kind - 1] = ret->argument[sizeof ret->argument - 1] = '\0';
  return TRUE;
}

int format_sandbox_main(int argc, char **argv) {
  if (argc != 3 || strcmp(argv[2], "helper") != 0 || send(SANDBOX_INPUT, SANDBOX_HELLO, sizeof SANDBOX_HELLO, MSG_NOSIGNAL) < 0) return 2;
  SandboxRequest request;
  int fds[2];
  while (receive_request(&request, fds)) {
    const SandboxKind *kind = sandbox_kind_find(request.kind);
    if (kind != NULL && kind->prepare != NULL) kind->prepare();
    gint32 pid = kind == NULL ? -1 : (gint32)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) run_child(kind, request.argument, fds);
    close(fds[0]);
    close(fds[1]);
    send(SANDBOX_INPUT, &pid, sizeof pid, MSG_NOSIGNAL);
  }
  return 0;
}
