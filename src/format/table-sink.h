/*
 * What the table parsers of the child share, and the frames (frame.h) in which rows travel to the parent:
 *   INFO   gint64 rows, then kind, encoding, sheet as NUL-ended text ("" for no sheet)
 *   ROW    guint32 number, count, position (millionths of the file), then count NUL-ended cells
 *   FLAW   guint32 row, column: a character that was not valid and was replaced
 *   ERROR  guint32 code, then a NUL-ended message
 *   END    guint32 flaws
 * The last frame is ERROR or END; an answer without one is from a child that died.
 */
#pragma once
#include "frame.h"

typedef enum { FRAME_INFO = 1, FRAME_ROW, FRAME_FLAW, FRAME_ERROR, FRAME_END } FrameType;
typedef struct {
  guint32 number, count, position;
} FrameRow;
typedef struct {
  guint32 row, column;
} FrameFlaw;

enum { TABLE_COLUMNS_MAX = 16384, TABLE_ROW_BYTES_MAX = 16 << 20, TABLE_FLAWS_MAX = 1000, TABLE_POSITION_END = 1000000 };
#define TABLE_FRAME_MAX (TABLE_ROW_BYTES_MAX + 65536u)

/* ---- the parent's end (table.c): a reader of the answer of a child that was started; takes the child. Seen by the tests, which let children talk nonsense
 * ---- */
struct TableReader *table_reader_new(Sandbox *sandbox, const char *name, GError **error);

/* ---- the sink: rows go in, frames go out in big writes ---- */
typedef struct TableSink TableSink;
TableSink *table_sink_new(int fd); /* -1: everything is dropped (fuzzing) */
void table_sink_free(TableSink *sink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TableSink, table_sink_free)
/* What the table is; sent with the first row. A workbook whose first cell begins with ï»¿, the byte order mark of UTF-8 read as Windows-1252,
 * was made from a CSV that its producer opened in the wrong encoding: every cell of it is put right again, and the encoding says so. */
#define TABLE_ENCODING_UNDONE "UTF-8（曾被误作 Windows-1252）"
void table_sink_info(TableSink *sink, const char *kind, const char *encoding, const char *sheet, gint64 rows);
void table_sink_row(TableSink *sink, guint number);
/* Valid UTF-8 without NUL. FALSE: the row is wider or longer than a table can be. */
gboolean table_sink_cell(TableSink *sink, const char *text, gsize length, GError **error);
/* Ends the row: empty cells at its end are cut, an empty row vanishes. */
void table_sink_row_end(TableSink *sink, double position);
guint table_sink_cells(const TableSink *sink); /* in the current row so far */
void table_sink_flaw(TableSink *sink, guint row, guint column);
void table_sink_end(TableSink *sink, const GError *error); /* END, or ERROR */

/* ---- values ---- */
enum { TABLE_NUMBER_SIZE = 64 };
/* Without needless zeros or exponents; 15 significant digits, as spreadsheets keep them. */
gsize table_number_format(double value, char out[TABLE_NUMBER_SIZE]);
typedef enum { DATE_NONE, DATE_DAY, DATE_MONTH, DATE_YEAR, DATE_TIME } TableDateKind;
/* A spreadsheet's day number as 2023-12-29, with the time if it has one; 2023-12 or 2023 where the cell shows no more and the rest is the
 * first day, which the spreadsheet made up. 0: not a date. */
gsize table_date_format(double serial, gboolean since_1904, TableDateKind kind, char out[TABLE_NUMBER_SIZE]);

/* ---- bytes to UTF-8 where single characters may be broken ---- */
typedef struct TableDecoder TableDecoder;
enum { TABLE_BROKEN = 0xff }; /* stands in decoded bytes for a character that was not valid; never part of UTF-8 */
TableDecoder *table_decoder_new(const char *encoding);
void table_decoder_free(TableDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TableDecoder, table_decoder_free)
/* Appends; at_end: nothing follows, so a cut character is broken too (unless drop_cut). Returns the number of broken ones. */
guint table_decode(TableDecoder *decoder, const char *bytes, gsize length, gboolean at_end, GString *out);
/* One value cut to a fixed width by its producer: a character cut at its end is dropped, not counted. */
guint table_decode_value(TableDecoder *decoder, const char *bytes, gsize length, GString *out);
/* Undoes UTF-8 that was once read as Windows-1252 and saved so: "æ–‡" back to 文. FALSE if the text cannot have come about like that. */
gboolean table_undo_western(const char *text, gsize length, GString *out);
/* Replaces TABLE_BROKEN with U+FFFD. */
void table_mend(const char *text, gsize length, GString *out);

/* ---- the parsers; fd is a regular file ---- */
gboolean table_csv_parse(int fd, TableSink *sink, GError **error);
gboolean table_xlsx_parse(int fd, TableSink *sink, GError **error);
gboolean table_xls_parse(int fd, TableSink *sink, GError **error);
gboolean table_dbf_parse(int fd, const char *codepage, TableSink *sink, GError **error);
/* By content. codepage: what a .cpg file beside a .dbf says, or "". */
gboolean table_parse(int fd, const char *codepage, TableSink *sink, GError **error);
