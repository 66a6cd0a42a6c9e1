/*
 * Bytes as files of the formats that we take apart ourselves: images' heads, PDF, OLE, formats with an end, texts. The first byte chooses the format.
 * Whatever the bytes are, the facts are an object with members of the right types.
 */
#include "examine.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void jail_answer(const void *data, gsize length) {}

static void check(json_t *facts) {
  const char *name;
  json_t *value;
  json_object_foreach(facts, name, value) {
    if (json_is_integer(value) && json_integer_value(value) < 0) abort();
    if (!json_is_boolean(value) && !json_is_integer(value) && !json_is_string(value) && strcmp(name, "unknown") != 0) abort();
  }
  if (json_is_false(json_object_get(facts, "opens")) && !json_is_string(json_object_get(facts, "problem"))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const PARTS[])(const ExamineFile *file, json_t *facts) = {examine_tiff, examine_jpeg, examine_png, examine_pdf, examine_ole, examine_end, examine_text};
  if (size < 2) return 0;
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) return 0;
  const ExamineFile file = {.fd = fd, .size = size - 1};
  json_t *facts = json_object();
  PARTS[data[0] % G_N_ELEMENTS(PARTS)](&file, facts);
  check(facts);
  json_decref(facts);
  close(fd);
  return 0;
}
