/* Bytes as a .dbf without the sandbox; the first byte chooses what a .cpg file beside it would say. Nothing may crash or read beyond its bytes. */
#include "table-sink.h"
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const codepages[] = {"", "UTF-8", "936", "GBK", "OEM 437"};
  if (size < 1) return 0;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1) return 0;
  g_autoptr(GError) error = NULL;
  g_autoptr(TableSink) sink = table_sink_new(-1);
  table_dbf_parse(fd, codepages[data[0] % G_N_ELEMENTS(codepages)], sink, &error);
  table_sink_end(sink, error);
  close(fd);
  return 0;
}
