/* The child that reads a table: which parser, by the file's first bytes and never by its name. */
#include "error.h"
#include "sandbox.h"
#include "table-sink.h"
#include <string.h>
#include <unistd.h>

/* A DBF has no magic number: a known version, a possible date, and sizes that fit each other. */
static gboolean is_dbf(const guint8 *head, gsize length) {
  static const guint8 VERSIONS[] = {0x02, 0x03, 0x04, 0x05, 0x07, 0x30, 0x31, 0x32, 0x43, 0x63, 0x7b, 0x83, 0x87, 0x8b, 0x8e, 0xcb, 0xe5, 0xf5, 0xfb};
  if (length < 33 || memchr(VERSIONS, head[0], sizeof VERSIONS) == NULL) return FALSE;
  guint start = head[8] | (guint)head[9] << 8;
  return head[2] <= 12 && head[3] <= 31 && start >= 33 && (head[10] | head[11]) != 0 && memchr(head + 32, 0, MIN(length - 32, 11)) != NULL;
}

static gboolean is_old_sheet(const guint8 *head, gsize length) {
  return length >= 8 && head[0] == 0x09 && memchr("\x00\x02\x04\x08", head[1], 4) != NULL && head[2] >= 4 && head[2] <= 16 && head[3] == 0;
}

/* Exports named .xls that are web pages are common; as text they would be a one-column table of tags. */
static const char *foreign_kind(const char *head, gsize length) {
  static const struct {
    const char *bytes, *name;
  } KNOWN[] = {
    {"%PDF-", "PDF 文件"},       {"\xff\xd8\xff", "JPEG 图像"}, {"\x89PNG", "PNG 图像"},   {"Rar!", "RAR 压缩包"},
    {"7z\xbc\xaf", "7z 压缩包"}, {"\x1f\x8b", "gzip 压缩包"},   {"<html", "网页（HTML）"}, {"<!doctype", "网页（HTML）"},
    {"<table", "网页（HTML）"},  {"<?xml", "XML 文件"},         {"{\\rtf", "RTF 文档"},    {"SQLite format 3", "SQLite 数据库"},
  };
  if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) {
    head += 3;
    length -= 3;
  }
  while (length > 0 && g_ascii_isspace(*head)) {
    head++;
    length--;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++) {
    gsize known = strlen(KNOWN[i].bytes);
    if (length >= known && g_ascii_strncasecmp(head, KNOWN[i].bytes, known) == 0) return KNOWN[i].name;
  }
  return NULL;
}

gboolean table_parse(int fd, const char *codepage, TableSink *sink, GError **error) {
  guint8 head[512];
  gssize got = pread(fd, head, sizeof head, 0);
  if (got <= 0) return throw(error, LANTAI_ERROR_INVALID, "文件是空的或读不出来");
  gsize length = (gsize)got;
  if (length >= 4 && memcmp(head, "PK\3\4", 4) == 0) return table_xlsx_parse(fd, sink, error);
  if (length >= 4 && memcmp(head, "PK\5\6", 4) == 0) return throw(error, LANTAI_ERROR_INVALID, "是空的压缩包，没有表格");
  if ((length >= 4 && memcmp(head, "\xd0\xcf\x11\xe0", 4) == 0) || is_old_sheet(head, length)) return table_xls_parse(fd, sink, error);
  if (is_dbf(head, length)) return table_dbf_parse(fd, codepage, sink, error);
  const char *foreign = foreign_kind((const char *)head, length);
  if (foreign != NULL) return throw(error, LANTAI_ERROR_INVALID, "内容是 %s，不是表格；请用表格软件打开后另存为 .xlsx 或 CSV 再试", foreign);
  return table_csv_parse(fd, sink, error);
}

int child_table(const char *argument) {
  g_autoptr(GError) error = NULL;
  g_autoptr(TableSink) sink = table_sink_new(SANDBOX_ANSWER);
  table_parse(SANDBOX_INPUT, argument, sink, &error);
  table_sink_end(sink, error);
  return 0;
}
