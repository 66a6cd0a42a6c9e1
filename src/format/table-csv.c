/*
 * CSV, TSV and their relatives, in a stream: encoding and delimiter are guessed from the file, then rows flow.
 *
 * 1. Two passes: the first reads all bytes to decide the encoding (a broken character in the middle must not turn 100 000 good rows of
 *    UTF-8 into gibberish, and one Chinese character at the end must not be lost), the second parses.
 * 2. A field that begins with a quote ends at its closing quote: delimiters and line ends within belong to it, a doubled quote is one. A quote
 *    elsewhere is a character. A quote that never closes is an error that names its row, not the rest of the file in one cell.
 * 3. Rows are numbered as a spreadsheet shows them: line ends within quotes do not count, empty lines do.
 */
#include "error.h"
#include "table-sink.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 256 << 10, SAMPLE = 1 << 20, DELIMITER_SAMPLE = 64 << 10, DELIMITER_ROWS = 50 };

typedef enum { FIELD_START, FIELD_PLAIN, FIELD_QUOTED, FIELD_QUOTE_SEEN } FieldState;
typedef struct {
  TableSink *sink;
  char delimiter;
  gboolean is_end[256]; /* what ends a plain field */
  FieldState state;
  gboolean after_cr, has_broken;
  GString *field, *mended; /* a field that began in an earlier piece, or needs rewriting */
  guint row, quoted_row;
  double position;
} CsvParser;

/* ---- the file's encoding ---- */

typedef struct {
  guint64 good, bad; /* UTF-8 characters of several bytes; bytes that are not UTF-8 */
} ByteCensus;

static gssize read_at(int fd, char *buffer, gsize length, goffset offset) {
  gssize got;
  do got = pread(fd, buffer, length, offset);
  while (got < 0 && errno == EINTR);
  return got;
}

/* Counts in bytes[0..length); returns how many were looked at: a character cut at the end is left, unless at_end. */
static gsize take_census(const char *bytes, gsize length, gboolean at_end, ByteCensus *census) {
  gsize at = 0;
  while (at < length) {
    guint64 eight;
    if (length - at >= 8 && (memcpy(&eight, bytes + at, 8), (eight & 0x8080808080808080u) == 0)) {
      at += 8;
      continue;
    }
    if ((guchar)bytes[at] < 0x80) {
      at++;
      continue;
    }
    gunichar character = g_utf8_get_char_validated(bytes + at, (gssize)MIN(length - at, 6));
    if (character == (gunichar)-2 && length - at < 4 && !at_end) return at;
    if (character >= (gunichar)-2) {
      census->bad++;
      at++;
    } else {
      census->good++;
      at = (gsize)(g_utf8_next_char(bytes + at) - bytes);
    }
  }
  return at;
}

static ByteCensus census_of_file(int fd, char *buffer) {
  ByteCensus census = {0};
  gsize kept = 0;
  gssize got;
  for (goffset offset = 0; (got = read_at(fd, buffer + kept, BLOCK - kept, offset)) > 0; offset += got) {
    gsize length = kept + (gsize)got, used = take_census(buffer, length, FALSE, &census);
    kept = length - used;
    memmove(buffer, buffer + used, kept);
  }
  take_census(buffer, kept, TRUE, &census);
  return census;
}

/*
 * Big5 or GB18030? Both are pairs that begin with a high byte. In GB text nearly every ideograph lies in GB 2312's area, and its second byte is high; Big5's
 * frequent characters (lead A4–C6) have a low second byte in two of five cases, which GB text nearly never has with such leads.
 */
static gboolean is_big5(const char *sample, gsize length) {
  guint pairs = 0, frequent = 0, low = 0, national = 0;
  for (gsize i = 0; i + 1 < length; i++) {
    guchar lead = (guchar)sample[i], trail = (guchar)sample[i + 1];
    if (lead < 0x80) continue;
    if (trail < 0x40 || trail == 0x7f || trail == 0xff) return FALSE; /* neither; a four-byte character of GB18030 has a digit there */
    pairs++;
    frequent += lead >= 0xa4 && lead <= 0xc6 && (trail < 0x7f || trail >= 0xa1);
    low += trail < 0x7f;
    national += lead >= 0xb0 && lead <= 0xf7 && trail >= 0xa1;
    i++;
  }
  return pairs >= 8 && frequent * 10 >= pairs * 8 && low * 5 >= pairs && national * 10 < pairs * 7;
}

/* Pictures, programs and the like have many control characters or do not decode in any encoding we know. */
static gboolean is_text(const char *encoding, const char *sample, gsize length) {
  g_autoptr(TableDecoder) decoder = table_decoder_new(encoding);
  g_autoptr(GString) text = g_string_new(NULL);
  guint broken = table_decode(decoder, sample, length, FALSE, text);
  gsize controls = 0, wide = 0;
  for (gsize i = 0; i < text->len; i++) {
    guchar byte = (guchar)text->str[i];
    wide += byte >= 0xc0;
    controls += byte < ' ' && strchr("\t\n\r\f\v\x1a\x1b", byte) == NULL;
  }
  return controls * 50 <= text->len && (gsize)broken * 5 <= wide + 10;
}

/* Static name of the encoding; NULL with an error when the file is not text. ret_mark: bytes of the byte order mark. */
static const char *decide_encoding(int fd, gsize *ret_mark, GError **error) {
  g_autofree char *sample = g_malloc(SAMPLE);
  gssize got = read_at(fd, sample, SAMPLE, 0);
  if (got <= 0) return throw_null(error, LANTAI_ERROR_INVALID, "文件是空的或读不出来");
  gsize length = (gsize)got;
  gboolean is_wide = length >= 2 && (memcmp(sample, "\xff\xfe", 2) == 0 || memcmp(sample, "\xfe\xff", 2) == 0);
  gboolean marked = length >= 3 && memcmp(sample, "\xef\xbb\xbf", 3) == 0;
  *ret_mark = is_wide ? 2 : marked ? 3 : 0;
  const char *encoding = is_wide ? text_encoding_guess(sample, (gssize)length) : "UTF-8";
  if (!is_wide && !marked) {
    g_autofree char *block = g_malloc(BLOCK);
    ByteCensus census = census_of_file(fd, block);
    /* Damaged UTF-8 is still mostly whole characters; GB18030 read as UTF-8 almost never is. */
    if (census.bad > 0 && census.good < 4 * census.bad) encoding = is_big5(sample, length) ? "BIG5-HKSCS" : "GB18030";
  }
  if (is_text(encoding, sample + *ret_mark, length - *ret_mark)) return encoding;
  return throw_null(error, LANTAI_ERROR_INVALID,
                    "内容不是表格：既不是 Excel、DBF，也不是 UTF-8、UTF-16 或 GB18030 编码的文字；请用原软件另存为 .xlsx 或 UTF-8 的 CSV");
}

/* ---- the delimiter ---- */

/* How often the delimiter stands outside quotes in each of the first records with text. */
static guint count_records(const char *text, gsize length, char delimiter, guint counts[DELIMITER_ROWS]) {
  guint records = 0, count = 0;
  gboolean quoted = FALSE, filled = FALSE;
  for (gsize i = 0; i < length && records < DELIMITER_ROWS; i++) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == delimiter && !quoted) count++;
    filled |= text[i] != '\n' && text[i] != '\r';
    if ((text[i] != '\n' && text[i] != '\r') || quoted) continue;
    if (filled) counts[records++] = count;
    count = 0;
    filled = FALSE;
  }
  if (filled && records < DELIMITER_ROWS) counts[records++] = count;
  return records;
}

/* How many records have the count that most records have, then how high that count is; 0 when most have none. */
static guint rate_delimiter(const char *text, gsize length, char delimiter) {
  guint counts[DELIMITER_ROWS];
  guint records = count_records(text, length, delimiter, counts), best = 0;
  for (guint i = 0; i < records; i++) {
    guint same = 0;
    for (guint j = 0; j < records; j++) same += counts[j] == counts[i];
    if (counts[i] > 0) best = MAX(best, same * 1000 + MIN(counts[i], 999));
  }
  return best;
}

static char guess_delimiter(const char *text, gsize length) {
  static const char CANDIDATES[] = ",\t;|";
  char best = ',';
  guint best_rate = 0;
  for (const char *candidate = CANDIDATES; *candidate != '\0'; candidate++) {
    guint rate = rate_delimiter(text, length, *candidate);
    if (rate > best_rate) {
      best_rate = rate;
      best = *candidate;
    }
  }
  return best;
}

/* ---- rows ---- */

static void begin_row(CsvParser *parser) { table_sink_row(parser->sink, ++parser->row); }

static gboolean emit(CsvParser *parser, const char *text, gsize length, GError **error) {
  if (parser->has_broken && memchr(text, TABLE_BROKEN, length) != NULL) {
    for (const char *at = text; (at = memchr(at, TABLE_BROKEN, length - (gsize)(at - text))) != NULL; at++)
      table_sink_flaw(parser->sink, parser->row, table_sink_cells(parser->sink) + 1);
    g_string_truncate(parser->mended, 0);
    table_mend(text, length, parser->mended);
    text = parser->mended->str;
    length = parser->mended->len;
  }
  gboolean done = table_sink_cell(parser->sink, text, length, error);
  g_string_truncate(parser->field, 0);
  parser->state = FIELD_START;
  return done;
}

static void end_row(CsvParser *parser) { table_sink_row_end(parser->sink, parser->position); }

/* The character that ended a field: the next field of the row, or the next row. */
static void end_field(CsvParser *parser, char by) {
  if (by == parser->delimiter) return;
  end_row(parser);
  begin_row(parser);
  parser->after_cr = by == '\r';
}

static gboolean grow(CsvParser *parser, const char *text, gsize length, GError **error) {
  if (parser->field->len + length > TABLE_ROW_BYTES_MAX)
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 行的一个单元格超过 16 MiB，可能有一个引号没有闭合", parser->row);
  g_string_append_len(parser->field, text, (gssize)length);
  return TRUE;
}

/* Each takes what belongs to the state from text[at..length) and returns the new position; length on error too (error is set). */
static gsize take_plain(CsvParser *parser, const char *text, gsize at, gsize length, GError **error) {
  gsize start = at;
  while (at < length && !parser->is_end[(guchar)text[at]]) at++;
  if (at == length) {
    if (at > start) parser->state = FIELD_PLAIN;
    grow(parser, text + start, at - start, error);
    return length;
  }
  gboolean whole = parser->field->len == 0;
  if (!whole && !grow(parser, text + start, at - start, error)) return length;
  if (!emit(parser, whole ? text + start : parser->field->str, whole ? at - start : parser->field->len, error)) return length;
  end_field(parser, text[at]);
  return at + 1;
}

static gsize take_quoted(CsvParser *parser, const char *text, gsize at, gsize length, GError **error) {
  const char *quote = memchr(text + at, '"', length - at);
  gsize end = quote == NULL ? length : (gsize)(quote - text);
  if (!grow(parser, text + at, end - at, error) || quote == NULL) return length;
  parser->state = FIELD_QUOTE_SEEN;
  return end + 1;
}

static gsize take_after_quote(CsvParser *parser, const char *text, gsize at, gsize length, GError **error) {
  if (text[at] == '"') {
    g_string_append_c(parser->field, '"');
    parser->state = FIELD_QUOTED;
    return at + 1;
  }
  if (!parser->is_end[(guchar)text[at]]) { /* "a"b: what follows is taken as it stands */
    parser->state = FIELD_PLAIN;
    return take_plain(parser, text, at, length, error);
  }
  if (!emit(parser, parser->field->str, parser->field->len, error)) return length;
  end_field(parser, text[at]);
  return at + 1;
}

static gboolean feed(CsvParser *parser, const char *text, gsize length, GError **error) {
  GError *failed = NULL;
  for (gsize at = 0; at < length && failed == NULL;) {
    if (parser->after_cr) {
      parser->after_cr = FALSE;
      if (text[at] == '\n' && ++at == length) break;
    }
    if (parser->state == FIELD_START && text[at] == '"') {
      parser->state = FIELD_QUOTED;
      parser->quoted_row = parser->row;
      at++;
    } else if (parser->state == FIELD_QUOTED) {
      at = take_quoted(parser, text, at, length, &failed);
    } else if (parser->state == FIELD_QUOTE_SEEN) {
      at = take_after_quote(parser, text, at, length, &failed);
    } else {
      at = take_plain(parser, text, at, length, &failed);
    }
  }
  if (failed == NULL) return TRUE;
  g_propagate_error(error, failed);
  return FALSE;
}

static gboolean finish(CsvParser *parser, GError **error) {
  if (parser->state == FIELD_QUOTED)
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 行第 %u 列的引号到文件末尾没有闭合；请在该单元格补上引号，或文件不完整", parser->quoted_row,
                 table_sink_cells(parser->sink) + 1);
  gboolean is_dos_end = table_sink_cells(parser->sink) == 0 && parser->field->len == 1 && parser->field->str[0] == '\x1a';
  if (!is_dos_end && !emit(parser, parser->field->str, parser->field->len, error)) return FALSE;
  end_row(parser);
  return TRUE;
}

/* "sep=;" in the first line is a word to Excel, not a row. */
static gsize skip_separator_line(CsvParser *parser, const char *text, gsize length) {
  if (length < 6 || g_ascii_strncasecmp(text, "sep=", 4) != 0 || (text[5] != '\r' && text[5] != '\n')) return 0;
  parser->delimiter = text[4];
  parser->row++;
  return text[5] == '\r' && length > 6 && text[6] == '\n' ? 7 : 6;
}

static gsize begin_parser(CsvParser *parser, const char *text, gsize length) {
  parser->delimiter = guess_delimiter(text, MIN(length, DELIMITER_SAMPLE));
  gsize skipped = skip_separator_line(parser, text, length);
  parser->is_end[(guchar)parser->delimiter] = parser->is_end['\r'] = parser->is_end['\n'] = TRUE;
  begin_row(parser);
  return skipped;
}

static gboolean parse_stream(int fd, CsvParser *parser, const char *encoding, gsize mark, GError **error) {
  g_autoptr(TableDecoder) decoder = table_decoder_new(encoding);
  g_autoptr(GString) text = g_string_sized_new(2 * BLOCK);
  g_autofree char *block = g_malloc(BLOCK);
  struct stat about;
  double size = fstat(fd, &about) == 0 && about.st_size > 0 ? (double)about.st_size : 1;
  goffset offset = (goffset)mark;
  for (gboolean is_first = TRUE, at_end = FALSE; !at_end; is_first = FALSE) {
    gssize got = read_at(fd, block, BLOCK, offset);
    if (got < 0) return throw(error, LANTAI_ERROR_INVALID, "读文件失败：%s", error_reason(errno));
    at_end = got == 0;
    offset += got;
    g_string_truncate(text, 0);
    if (table_decode(decoder, block, (gsize)got, at_end, text) > 0) parser->has_broken = TRUE;
    gsize start = is_first ? begin_parser(parser, text->str, text->len) : 0;
    parser->position = (double)offset / size;
    if (!feed(parser, text->str + start, text->len - start, error)) return FALSE;
  }
  return finish(parser, error);
}

gboolean table_csv_parse(int fd, TableSink *sink, GError **error) {
  gsize mark = 0;
  const char *encoding = decide_encoding(fd, &mark, error);
  if (encoding == NULL) return FALSE;
  table_sink_info(sink, "csv", encoding, NULL, -1);
  g_autoptr(GString) field = g_string_new(NULL);
  g_autoptr(GString) mended = g_string_new(NULL);
  CsvParser parser = {.sink = sink, .field = field, .mended = mended};
  return parse_stream(fd, &parser, encoding, mark, error);
}
