/*
 * Rows into frames, numbers and dates into text: what the child's table parsers share (table-sink.h has the frames).
 * Writes are 256 KiB at a time; a row is built in place, so a cell is copied once.
 */
#include "table-sink.h"
#include "error.h"
#include "sandbox.h"
#include <math.h>
#include <string.h>

enum { FLUSH_AT = 256 << 10 };

struct TableSink {
  int fd;
  GByteArray *out;
  gsize row_start, row_kept; /* offsets in out: the row's frame; the end of its last cell with text */
  guint number, cells, cells_kept;
  GArray *flaws; /* of FrameFlaw, waiting for the open row's end */
  guint flaw_count;
  const char *kind, *encoding; /* of INFO, until it is sent */
  char *sheet;
  gint64 rows;
  gboolean announced, undoing, row_open;
  GString *undone;
};

TableSink *table_sink_new(int fd) {
  TableSink *sink = g_new0(TableSink, 1);
  sink->fd = fd;
  sink->out = g_byte_array_sized_new(2 * FLUSH_AT);
  sink->flaws = g_array_new(FALSE, FALSE, sizeof(FrameFlaw));
  sink->undone = g_string_new(NULL);
  return sink;
}

void table_sink_free(TableSink *sink) {
  if (sink == NULL) return;
  g_byte_array_unref(sink->out);
  g_array_unref(sink->flaws);
  g_string_free(sink->undone, TRUE);
  g_free(sink->sheet);
  g_free(sink);
}

static void flush(TableSink *sink) {
  if (sink->fd >= 0) jail_answer(sink->out->data, sink->out->len);
  g_byte_array_set_size(sink->out, 0);
}

void table_sink_info(TableSink *sink, const char *kind, const char *encoding, const char *sheet, gint64 rows) {
  sink->kind = kind;
  sink->encoding = encoding;
  sink->sheet = g_strdup(sheet == NULL ? "" : sheet);
  sink->rows = rows;
}

/* INFO goes out before anything else: nothing has been flushed yet. */
static void announce(TableSink *sink) {
  if (sink->announced || sink->kind == NULL) return;
  sink->announced = TRUE;
  const char *encoding = sink->undoing ? TABLE_ENCODING_UNDONE : sink->encoding;
  g_autoptr(GByteArray) info = g_byte_array_new();
  frame_append_head(info, FRAME_INFO, sizeof sink->rows + strlen(sink->kind) + strlen(encoding) + strlen(sink->sheet) + 3);
  g_byte_array_append(info, (const guint8 *)&sink->rows, sizeof sink->rows);
  frame_append_text(info, sink->kind);
  frame_append_text(info, encoding);
  frame_append_text(info, sink->sheet);
  if (sink->fd >= 0) jail_answer(info->data, info->len);
}

void table_sink_row(TableSink *sink, guint number) {
  sink->number = number;
  sink->cells = sink->cells_kept = 0;
  sink->row_open = TRUE;
  sink->row_start = sink->out->len;
  g_byte_array_set_size(sink->out, sink->out->len + sizeof(FrameHead) + sizeof(FrameRow));
  sink->row_kept = sink->out->len;
}

static gboolean is_blank(const char *text, gsize length) {
  for (gsize i = 0; i < length; i++) {
    if ((guchar)text[i] <= ' ') continue;
    if (length - i < 3 || memcmp(text + i, "\xe3\x80\x80", 3) != 0) return FALSE; /* U+3000 */
    i += 2;
  }
  return TRUE;
}

static gboolean is_ascii(const char *text, gsize length) {
  for (gsize i = 0; i < length; i++)
    if ((guchar)text[i] >= 0x80) return FALSE;
  return TRUE;
}

/* A cell that does not fit the rest of a table that is being put right stays as it is and is told of. */
static void undo(TableSink *sink, const char **text, gsize *length) {
  if (is_ascii(*text, *length)) return;
  if (!table_undo_western(*text, *length, sink->undone)) {
    table_sink_flaw(sink, sink->number, sink->cells + 1);
    return;
  }
  gsize mark = !sink->announced && g_str_has_prefix(sink->undone->str, "\xef\xbb\xbf") ? 3 : 0;
  *text = sink->undone->str + mark;
  *length = sink->undone->len - mark;
}

gboolean table_sink_cell(TableSink *sink, const char *text, gsize length, GError **error) {
  gboolean is_first = !sink->announced && sink->cells == 0 && sink->kind != NULL && sink->kind[0] == 'x';
  if (is_first && length >= 6 && memcmp(text, "\xc3\xaf\xc2\xbb\xc2\xbf", 6) == 0) sink->undoing = TRUE; /* ï»¿ */
  if (sink->undoing) undo(sink, &text, &length);
  if (sink->cells >= TABLE_COLUMNS_MAX)
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 行超过 %d 列，不像是目录表；请检查分隔符", sink->number, TABLE_COLUMNS_MAX);
  if (sink->out->len - sink->row_start + length > TABLE_ROW_BYTES_MAX)
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 行长度超过 16 MiB，可能缺少换行或一个引号没有闭合", sink->number);
  gsize at = sink->out->len;
  g_byte_array_set_size(sink->out, (guint)(at + length + 1));
  memcpy(sink->out->data + at, text, length);
  sink->out->data[at + length] = '\0';
  sink->cells++;
  if (is_blank(text, length)) return TRUE;
  sink->cells_kept = sink->cells;
  sink->row_kept = sink->out->len;
  return TRUE;
}

guint table_sink_cells(const TableSink *sink) { return sink->cells; }

static void append_flaws(TableSink *sink) {
  for (guint i = 0; i < sink->flaws->len; i++) {
    frame_append_head(sink->out, FRAME_FLAW, sizeof(FrameFlaw));
    g_byte_array_append(sink->out, (const guint8 *)&g_array_index(sink->flaws, FrameFlaw, i), sizeof(FrameFlaw));
  }
  g_array_set_size(sink->flaws, 0);
}

void table_sink_row_end(TableSink *sink, double position) {
  sink->row_open = FALSE;
  if (sink->cells_kept == 0) {
    g_byte_array_set_size(sink->out, (guint)sink->row_start);
    return;
  }
  announce(sink);
  g_byte_array_set_size(sink->out, (guint)sink->row_kept);
  const FrameHead head = {.length = (guint32)(sink->row_kept - sink->row_start - sizeof head), .type = FRAME_ROW};
  const FrameRow row = {.number = sink->number, .count = sink->cells_kept, .position = (guint32)(CLAMP(position, 0, 1) * TABLE_POSITION_END)};
  memcpy(sink->out->data + sink->row_start, &head, sizeof head);
  memcpy(sink->out->data + sink->row_start + sizeof head, &row, sizeof row);
  if (sink->flaws->len > 0) append_flaws(sink);
  if (sink->out->len >= FLUSH_AT) flush(sink);
}

void table_sink_flaw(TableSink *sink, guint row, guint column) {
  if (sink->flaw_count++ >= TABLE_FLAWS_MAX) return;
  const FrameFlaw flaw = {.row = row, .column = column};
  g_array_append_val(sink->flaws, flaw);
}

void table_sink_end(TableSink *sink, const GError *error) {
  if (sink->row_open) g_byte_array_set_size(sink->out, (guint)sink->row_start); /* an error in the middle of a row */
  if (error == NULL) {
    announce(sink);
    append_flaws(sink);
    frame_append_head(sink->out, FRAME_END, sizeof sink->flaw_count);
    g_byte_array_append(sink->out, (const guint8 *)&sink->flaw_count, sizeof sink->flaw_count);
  } else {
    frame_append_error(sink->out, FRAME_ERROR, error);
  }
  flush(sink);
}

/* ---- values ---- */

static gsize cut_zeros(char *text) {
  gsize length = strlen(text);
  if (strchr(text, '.') == NULL) return length;
  while (text[length - 1] == '0') length--;
  if (text[length - 1] == '.') length--;
  text[length] = '\0';
  return length;
}

gsize table_number_format(double value, char out[TABLE_NUMBER_SIZE]) {
  double size = fabs(value);
  if (size == 0 || !isfinite(value)) return g_strlcpy(out, isfinite(value) ? "0" : "", TABLE_NUMBER_SIZE);
  if (size < 1e15 && value == floor(value)) return (gsize)g_snprintf(out, TABLE_NUMBER_SIZE, "%" G_GINT64_FORMAT, (gint64)value);
  char picture[16];
  if (size >= 1e15 && size < 1e21) { /* 15 digits are known, the rest are zeros */
    char digits[TABLE_NUMBER_SIZE];
    g_ascii_formatd(digits, sizeof digits, "%.14e", value);
    int exponent = (int)g_ascii_strtoll(strchr(digits, 'e') + 1, NULL, 10);
    gsize length = 0;
    for (const char *at = digits; *at != 'e'; at++)
      if (*at != '.') out[length++] = *at;
    for (int i = 14; i < exponent; i++) out[length++] = '0';
    out[length] = '\0';
    return length;
  }
  int decimals = 14 - (int)floor(log10(size));
  if (decimals < 0 || decimals > 40) {
    g_ascii_formatd(out, TABLE_NUMBER_SIZE, "%.15g", value);
    return strlen(out);
  }
  g_snprintf(picture, sizeof picture, "%%.%df", decimals);
  g_ascii_formatd(out, TABLE_NUMBER_SIZE, picture, value);
  return cut_zeros(out);
}

/* Days since 1970-01-01 to a Gregorian date (the well-known era arithmetic, March first). */
static void civil_from_days(gint64 days, int *ret_year, int *ret_month, int *ret_day) {
  days += 719468;
  gint64 era = days / 146097, day_of_era = days - era * 146097;
  gint64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  gint64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), month = (5 * day_of_year + 2) / 153;
  *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  *ret_month = (int)(month < 10 ? month + 3 : month - 9);
  *ret_year = (int)(year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0));
}

gsize table_date_format(double serial, gboolean since_1904, TableDateKind kind, char out[TABLE_NUMBER_SIZE]) {
  if (!(serial > -1 && serial < 2958466)) return 0; /* before the cast, which no other number fits; not a number fails too */
  gint64 seconds = (gint64)floor(serial * 86400 + 0.5);
  if (seconds < 0) return 0;
  gint64 days = seconds / 86400, time = seconds % 86400;
  char clock[16] = "";
  if (time != 0 || kind == DATE_TIME) g_snprintf(clock, sizeof clock, "%02d:%02d:%02d", (int)(time / 3600), (int)(time / 60 % 60), (int)(time % 60));
  if (days == 0 && !since_1904) return kind == DATE_TIME || time != 0 ? g_strlcpy(out, clock, TABLE_NUMBER_SIZE) : 0;
  if (days == 0 && kind == DATE_TIME) return g_strlcpy(out, clock, TABLE_NUMBER_SIZE);
  if (!since_1904 && days == 60) return 0; /* 29 February 1900 of the 1900 calendar never was */
  int year, month, day;
  civil_from_days(days + (since_1904 ? -24107 : days < 60 ? -25568 : -25569), &year, &month, &day);
  if (time == 0 && kind == DATE_YEAR && month == 1 && day == 1) return (gsize)g_snprintf(out, TABLE_NUMBER_SIZE, "%04d", year);
  if (time == 0 && kind == DATE_MONTH && day == 1) return (gsize)g_snprintf(out, TABLE_NUMBER_SIZE, "%04d-%02d", year, month);
  return (gsize)g_snprintf(out, TABLE_NUMBER_SIZE, "%04d-%02d-%02d%s%s", year, month, day, time != 0 ? " " : "", time != 0 ? clock : "");
}
