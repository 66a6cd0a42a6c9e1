/*
 * Bytes as a CSV, through encoding, delimiter and row parser, without the sandbox. What comes out is dropped; what must hold is that nothing crashes
 * and nothing reads beyond its bytes.
 */
#include "table-sink.h"
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void jail_answer(const void *data, gsize length) {} /* the sink has no descriptor: never called */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
  g_autoptr(GError) error = NULL;
  g_autoptr(TableSink) sink = table_sink_new(-1);
  table_csv_parse(fd, sink, &error);
  table_sink_end(sink, error);
  close(fd);
  return 0;
}
