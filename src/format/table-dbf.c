/*
 * dBASE and FoxPro tables by shapelib's DBF part: the field names are row 1, records follow; deleted records are skipped and keep their numbers.
 *
 * Character fields have a fixed width in bytes, and producers cut values to it in the middle of a character: such a rest is dropped, it was
 * never readable. The code page comes from the .cpg file or the language byte, and from the bytes themselves where these say nothing sure:
 * Chinese programs write the byte as they like.
 */
#include "error.h"
#include "table-sink.h"
#include <shapefil.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VOTERS = 20000 };

typedef struct {
  DBFHandle file;
  TableDecoder *decoder;
  GString *text;
  int fields, records;
} DbfRun;

/* ---- the library's file access: only our descriptor, whatever name it asks for ---- */

static int current_fd = -1;

static SAFile open_ours(const char *name, const char *access) { return g_str_has_suffix(name, ".dbf") ? (SAFile)fdopen(dup(current_fd), "rb") : NULL; }
static SAOffset read_ours(void *to, SAOffset size, SAOffset count, SAFile file) { return (SAOffset)fread(to, size, count, (FILE *)file); }
static SAOffset write_none(void *from, SAOffset size, SAOffset count, SAFile file) { return 0; }
static SAOffset seek_ours(SAFile file, SAOffset offset, int whence) { return (SAOffset)fseeko((FILE *)file, (off_t)offset, whence); }
static SAOffset tell_ours(SAFile file) { return (SAOffset)ftello((FILE *)file); }
static int flush_ours(SAFile file) { return 0; }
static int close_ours(SAFile file) { return fclose((FILE *)file); }
static int remove_none(const char *name) { return -1; }
static void say_nothing(const char *message) {}

static DBFHandle open_table(int fd) {
  SAHooks hooks;
  SASetupDefaultHooks(&hooks);
  hooks.FOpen = open_ours;
  hooks.FRead = read_ours;
  hooks.FWrite = write_none;
  hooks.FSeek = seek_ours;
  hooks.FTell = tell_ours;
  hooks.FFlush = flush_ours;
  hooks.FClose = close_ours;
  hooks.Remove = remove_none;
  hooks.Error = say_nothing;
  current_fd = fd;
  lseek(fd, 0, SEEK_SET);
  return DBFOpenLL("table.dbf", "rb", &hooks);
}

/* ---- the code page ---- */

static const char *encoding_of_codepage(const char *codepage) {
  static const char *const KNOWN[][2] = {
    {"65001", "UTF-8"},    {"UTF-8", "UTF-8"},     {"UTF8", "UTF-8"},       {"936", "GB18030"},         {"CP936", "GB18030"},
    {"GBK", "GB18030"},    {"GB2312", "GB18030"},  {"GB18030", "GB18030"},  {"54936", "GB18030"},       {"ANSI 936", "GB18030"},
    {"950", "BIG5-HKSCS"}, {"BIG5", "BIG5-HKSCS"}, {"CP950", "BIG5-HKSCS"}, {"ANSI 950", "BIG5-HKSCS"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++)
    if (g_ascii_strcasecmp(codepage, KNOWN[i][0]) == 0) return KNOWN[i][1];
  return NULL;
}

/* TRUE if the fields' bytes speak for UTF-8: characters of several bytes, and hardly any that are not whole (but for cut ends). */
static gboolean votes_for_utf8(DbfRun *run) {
  guint good = 0, bad = 0;
  for (int record = 0; record < MIN(run->records, VOTERS); record++) {
    for (int field = 0; field < run->fields; field++) {
      if (DBFGetNativeFieldType(run->file, field) != 'C') continue;
      const char *value = DBFReadStringAttribute(run->file, record, field), *end;
      if (value == NULL) return FALSE;
      gboolean whole = g_utf8_validate(value, -1, &end) || g_utf8_get_char_validated(end, (gssize)strlen(end)) == (gunichar)-2;
      gboolean wide = FALSE;
      for (const char *at = value; *at != '\0' && !wide; at++) wide = (guchar)*at >= 0x80;
      good += wide && whole;
      bad += wide && !whole;
    }
  }
  return good > 0 && bad * 50 <= good;
}

static const char *decide_encoding(DbfRun *run, const char *codepage, guint8 language) {
  const char *named = encoding_of_codepage(codepage);
  if (named != NULL) return named;
  if (language == 0x4f || language == 0x78) return "BIG5-HKSCS";
  return votes_for_utf8(run) ? "UTF-8" : "GB18030";
}

/* ---- rows ---- */

static gboolean put_text(DbfRun *run, TableSink *sink, const char *value, guint row, GError **error) {
  g_string_truncate(run->text, 0);
  guint broken = table_decode_value(run->decoder, value, strlen(value), run->text);
  for (guint i = 0; i < broken; i++) table_sink_flaw(sink, row, table_sink_cells(sink) + 1);
  if (broken == 0) return table_sink_cell(sink, run->text->str, run->text->len, error);
  g_autoptr(GString) mended = g_string_new(NULL);
  table_mend(run->text->str, run->text->len, mended);
  return table_sink_cell(sink, mended->str, mended->len, error);
}

static gboolean put_number(TableSink *sink, const char *value, GError **error) {
  char *end = NULL, number[TABLE_NUMBER_SIZE];
  double parsed = g_ascii_strtod(value, &end);
  gboolean is_exact = strlen(value) <= 15 && end != value && *end == '\0';
  gsize length = is_exact ? table_number_format(parsed, number) : 0;
  if (is_exact) return table_sink_cell(sink, number, length, error);
  gboolean is_ascii = g_str_is_ascii(value);
  return table_sink_cell(sink, is_ascii ? value : "", is_ascii ? strlen(value) : 0, error);
}

static gboolean is_full_date(const char *text) { return strlen(text) == 8 && strspn(text, "0123456789") == 8; }

static gboolean is_one_of(char type, const char *types) { return type != '\0' && strchr(types, type) != NULL; }

static gboolean put_value(DbfRun *run, TableSink *sink, int record, int field, GError **error) {
  const char *value = DBFReadStringAttribute(run->file, record, field);
  guint row = (guint)record + 2;
  if (value == NULL) return throw(error, LANTAI_ERROR_INVALID, "DBF 第 %d 条记录读不出来，文件不完整", record + 1);
  char type = DBFGetNativeFieldType(run->file, field), date[16];
  if (is_one_of(type, "MGBP") && strspn(value, " 0") != strlen(value))
    return throw(error, LANTAI_ERROR_INVALID, "DBF 第 %d 列是备注型字段，内容在另一个文件（.dbt/.fpt）里，不能读取；请用原软件另存为 .xlsx 再试", field + 1);
  if (is_one_of(type, "MGBP")) return table_sink_cell(sink, "", 0, error);
  if (is_one_of(type, "NF")) return put_number(sink, value, error);
  if (type == 'L' && value[0] == '?') return table_sink_cell(sink, "", 0, error);
  if (type != 'D' || !is_full_date(value)) return put_text(run, sink, value, row, error);
  g_snprintf(date, sizeof date, "%.4s-%.2s-%.2s", value, value + 4, value + 6);
  return table_sink_cell(sink, date, strlen(date), error);
}

static gboolean put_header(DbfRun *run, TableSink *sink, GError **error) {
  table_sink_row(sink, 1);
  for (int field = 0; field < run->fields; field++) {
    char name[XBASE_FLDNAME_LEN_READ + 1] = "";
    int width, decimals;
    DBFGetFieldInfo(run->file, field, name, &width, &decimals);
    if (!put_text(run, sink, g_strstrip(name), 1, error)) return FALSE;
  }
  table_sink_row_end(sink, 0);
  return TRUE;
}

static gboolean put_records(DbfRun *run, TableSink *sink, GError **error) {
  if (!put_header(run, sink, error)) return FALSE;
  for (int record = 0; record < run->records; record++) {
    if (DBFIsRecordDeleted(run->file, record)) continue;
    table_sink_row(sink, (guint)record + 2);
    for (int field = 0; field < run->fields; field++)
      if (!put_value(run, sink, record, field, error)) return FALSE;
    table_sink_row_end(sink, (double)(record + 1) / run->records);
  }
  return TRUE;
}

gboolean table_dbf_parse(int fd, const char *codepage, TableSink *sink, GError **error) {
  guint8 head[32];
  struct stat about;
  if (fstat(fd, &about) != 0 || pread(fd, head, sizeof head, 0) != (gssize)sizeof head) return throw(error, LANTAI_ERROR_INVALID, "DBF 文件不完整：没有文件头");
  guint64 records = head[4] | (guint64)head[5] << 8 | (guint64)head[6] << 16 | (guint64)head[7] << 24, start = head[8] | (guint)head[9] << 8,
          width = head[10] | (guint)head[11] << 8;
  guint64 size = (guint64)about.st_size, here = width == 0 || size < start ? 0 : (size - start) / width;
  if (width == 0 || records > G_MAXINT - 2) return throw(error, LANTAI_ERROR_INVALID, "DBF 文件头已损坏：记录长度或记录数不对");
  if (here < records)
    return throw(error, LANTAI_ERROR_INVALID, "DBF 文件不完整：文件头说有 %" G_GUINT64_FORMAT " 条记录，实际只有 %" G_GUINT64_FORMAT " 条；请重新复制", records,
                 here);
  DbfRun run = {.file = open_table(fd)};
  if (run.file == NULL) return throw(error, LANTAI_ERROR_INVALID, "DBF 文件头已损坏，读不出字段定义；请用原软件打开后另存为 .xlsx 再试");
  run.fields = DBFGetFieldCount(run.file);
  run.records = DBFGetRecordCount(run.file);
  const char *encoding = decide_encoding(&run, codepage, head[29]);
  g_autoptr(TableDecoder) decoder = table_decoder_new(encoding);
  g_autoptr(GString) text = g_string_new(NULL);
  run.decoder = decoder;
  run.text = text;
  table_sink_info(sink, "dbf", encoding, NULL, run.records);
  gboolean done = put_records(&run, sink, error);
  DBFClose(run.file);
  return done;
}
