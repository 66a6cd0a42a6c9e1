/* Bytes as an XML file, through decoder, parser and frames, without the sandbox; the frames must nest and end as the parent wants them. */
#include "xml-wire.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GByteArray *answer;

void jail_answer(const void *data, gsize length) {}
static void collect(const void *data, gsize length) { g_byte_array_append(answer, data, (guint)length); }

static void check_frames(void) {
  guint depth = 0, last = 0;
  for (gsize at = 0; at < answer->len;) {
    FrameHead head;
    if (last >= XML_FRAME_ERROR || at + sizeof head > answer->len) abort();
    memcpy(&head, answer->data + at, sizeof head);
    const char *bytes = (const char *)answer->data + at + sizeof head;
    at += sizeof head + head.length;
    if (at > answer->len || (head.type == XML_FRAME_CLOSE && depth == 0)) abort();
    if (head.type == XML_FRAME_TEXT && (head.length == 0 || head.length > XML_TEXT_MAX || !g_utf8_validate_len(bytes, head.length, NULL))) abort();
    if (head.type == XML_FRAME_OPEN && ++depth > XML_DEPTH_MAX) abort();
    if (head.type == XML_FRAME_CLOSE) depth--;
    if (head.type == XML_FRAME_END && depth != 0) abort();
    last = head.type;
  }
  if (last < XML_FRAME_ERROR) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size) return 0;
  answer = g_byte_array_new();
  xml_child_parse(fd, collect);
  check_frames();
  g_byte_array_unref(answer);
  close(fd);
  return 0;
}
