/* What a file is, by its bytes: whatever they are, there is an answer with all its texts. libmagic's part, which runs in the sandbox, is left out. */
#include "format.h"
#include "sandbox.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

GByteArray *sandbox_run(const char *kind, const char *argument, int input, gsize limit, GError **error) { return NULL; }
void jail_answer(const void *data, gsize length) {}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
  char path[64];
  g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  FormatInfo info = format_identify(path);
  if (info.mime == NULL || *info.mime == '\0' || info.puid == NULL || info.name == NULL || info.kind == NULL) abort();
  close(fd);
  return 0;
}
