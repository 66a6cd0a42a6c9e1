/*
 * Bytes as an .xlsx, through zip, workbook, styles, strings and sheet, without the sandbox. Deflate and checksums keep random bytes out, so an input
 * that is no zip is taken as the sheet's XML of an otherwise good workbook.
 */
#include "table-sink.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void jail_answer(const void *data, gsize length) {} /* the sink has no descriptor: never called */

static void add(zip_t *zip, const char *name, const void *bytes, gsize length) {
  zip_file_add(zip, name, zip_source_buffer(zip, bytes, length, 0), ZIP_FL_OVERWRITE);
}

/* A workbook around one sheet, as bytes for the caller to free. */
static void *wrap_sheet(const uint8_t *data, size_t size, gsize *ret_length) {
  static const char RELATIONS[] = "<Relationships><Relationship Id=\"b\" Type=\"x/worksheet\" Target=\"s.xml\"/></Relationships>";
  static const char BOOK[] = "<workbook xmlns:r=\"r\"><sheets><sheet name=\"s\" r:id=\"b\"/></sheets></workbook>";
  static const char STYLES[] = "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"17\"/></cellXfs></styleSheet>";
  static const char STRINGS[] = "<sst><si><t>a</t></si><si><r><t>b_x000D_</t></r></si></sst>";
  zip_source_t *out = zip_source_buffer_create(NULL, 0, 0, NULL);
  zip_source_keep(out);
  zip_t *zip = zip_open_from_source(out, ZIP_TRUNCATE, NULL);
  add(zip, "xl/workbook.xml", BOOK, strlen(BOOK));
  add(zip, "xl/_rels/workbook.xml.rels", RELATIONS, strlen(RELATIONS));
  add(zip, "xl/styles.xml", STYLES, strlen(STYLES));
  add(zip, "xl/sharedStrings.xml", STRINGS, strlen(STRINGS));
  add(zip, "xl/s.xml", data, size);
  zip_close(zip);
  zip_stat_t about;
  zip_source_open(out);
  zip_source_stat(out, &about);
  void *bytes = g_malloc(about.size + 1);
  *ret_length = (gsize)zip_source_read(out, bytes, about.size);
  zip_source_close(out);
  zip_source_free(out);
  return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gboolean is_zip = size > 2 && memcmp(data, "PK", 2) == 0;
  gsize length = size;
  g_autofree void *wrapped = is_zip ? NULL : wrap_sheet(data, size, &length);
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, is_zip ? (const void *)data : wrapped, length) != (ssize_t)length) return 0;
  g_autoptr(GError) error = NULL;
  g_autoptr(TableSink) sink = table_sink_new(-1);
  table_xlsx_parse(fd, sink, &error);
  table_sink_end(sink, error);
  close(fd);
  return 0;
}
