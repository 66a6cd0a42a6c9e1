/*
 * The parts of an .xlsx beside the sheet itself: which sheet, which strings, which cell styles are dates (ECMA-376 part 1, §18).
 *
 * A part is inflated in blocks and parsed by SAX as it comes; its inflated size is capped. A document type declaration ends the parse: no
 * spreadsheet has one, and every entity bomb needs one.
 */
#pragma once
#include "table-sink.h"

struct zip;
struct _xmlParserCtxt;
struct _xmlSAXHandler;

typedef struct {
  char *sheet_name, *sheet_path;
  gboolean since_1904;
  GPtrArray *strings; /* const char *, in text */
  GStringChunk *text;
  GByteArray *styles; /* a TableDateKind for each cell style */
} XlsxBook;
void xlsx_book_clear(XlsxBook *book);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(XlsxBook, xlsx_book_clear)
gboolean xlsx_book_load(struct zip *zip, XlsxBook *ret, GError **error);

/* One parse; a handler's own struct begins with it. The first error stops the parser. */
typedef struct {
  struct _xmlParserCtxt *parser;
  GError *error;
  guint64 read_bytes, size_bytes;
} XlsxRun;
enum { XLSX_SMALL_MIB = 64, XLSX_STRINGS_MIB = 2048, XLSX_SHEET_MIB = 16384 };
/* found FALSE (with TRUE returned) when there is no such part; ret_found may be NULL: then it must be there. */
gboolean xlsx_run(struct zip *zip, const char *path, struct _xmlSAXHandler *handler, XlsxRun *run, guint limit_mib, gboolean *ret_found, GError **error);
void xlsx_stop(XlsxRun *run, GError *error); /* takes error */
/* The value of an attribute in SAX2's array of five; NULL if it is not there. Not NUL-ended. */
const char *xlsx_attribute(const unsigned char **attributes, int count, const char *name, gsize *ret_length);
/* Undoes _x000D_ escapes; control characters vanish. */
void xlsx_unescape(GString *text);
/* What a number format shows of a day number. */
TableDateKind xlsx_format_kind(const char *code);
