#include "beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "/./"
#define READING (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

char *beneath_path(const char *root, const char *path) { return g_strconcat(root, MARK, path, NULL); }

/* The parts of a path below an open folder; folder is closed. */
static int open_parts(int folder, char *path) {
  for (char *part = path; folder >= 0;) {
    char *slash = strchr(part, '/');
    if (slash) *slash = '\0';
    gboolean up = strcmp(part, "..") == 0;
    int inner = up ? -1 : openat(folder, part, slash ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : READING | O_NOFOLLOW);
    int reason = up ? EACCES : errno;
    close(folder);
    errno = reason;
    if (inner < 0 || slash == NULL) return inner;
    folder = inner;
    part = slash + 1 + strspn(slash + 1, "/");
  }
  return -1;
}

int beneath_open(const char *path) {
  const char *mark = strstr(path, MARK);
  if (mark == NULL) return open(path, READING);
  g_autofree char *root = g_strndup(path, (gsize)(mark - path)), *inside = g_strdup(mark + strlen(MARK));
  return open_parts(open(*root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC), inside);
}

char *beneath_read(const char *path, gsize max, gsize *ret_length) {
  struct stat status;
  int fd = beneath_open(path), reason = fd < 0 ? errno : 0;
  if (reason == 0 && fstat(fd, &status) != 0) reason = errno;
  if (reason == 0 && !S_ISREG(status.st_mode)) reason = EINVAL;
  if (reason == 0 && status.st_size > (off_t)max) reason = EFBIG;
  g_autofree char *bytes = reason ? NULL : g_malloc((gsize)status.st_size + 1);
  gsize length = 0;
  for (ssize_t got = 1; reason == 0 && got > 0 && length < (gsize)status.st_size; length += (gsize)MAX(got, 0)) { /* what grows meanwhile is cut */
    do got = read(fd, bytes + length, (gsize)status.st_size - length);
    while (got < 0 && errno == EINTR);
    if (got < 0) reason = errno;
  }
  if (fd >= 0) close(fd);
  errno = reason;
  if (reason) return NULL;
  bytes[length] = '\0';
  *ret_length = length;
  return g_steal_pointer(&bytes);
}
