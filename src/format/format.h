/*
 * Foreign formats. Everything here parses bytes from outside, so it runs in a sandboxed child (the program itself re-executed as `lantai sandbox …`:
 * no network, no new files, bounded memory, time and output) that answers on a pipe. A child that dies is an error about that one file.
 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* ---- tables: CSV/TSV/TXT (UTF-8, UTF-16, GB18030), .xlsx, .xls, .dbf, by content, not by name ---- */
typedef struct TableReader TableReader;
typedef struct {
  guint number;       /* row number as a spreadsheet shows it, from 1; a DBF's field names are row 1 */
  guint count;        /* cells; empty ones at the end are cut */
  /* Never NULL, "" for empty, valid until the next row. Numbers without needless zeros ("20231229"), dates as 2023-12-29 (2023-12 where a
   * cell shows no day and the spreadsheet made up the first), formulas by their stored result. */
  const char **cells;
} TableRow;
typedef struct {
  const char *kind;      /* "csv", "xlsx", "xls", "dbf" */
  const char *encoding;  /* "UTF-8", "GB18030", …; says so when a workbook of UTF-8 misread as Windows-1252 was put right */
  char *sheet;           /* sheet read, NULL for others */
  gint64 size_rows;      /* rows if the format says so beforehand, else -1 */
} TableInfo;

TableReader *format_table_open(const char *path, GError **error); /* INVALID with what is wrong: truncated, not a table, encrypted, wrong extension is no error */
const TableInfo *format_table_info(const TableReader *reader);
/* FALSE at the end, and on error. Empty rows are skipped. A row may be longer or shorter than the header. */
gboolean format_table_next(TableReader *reader, TableRow *ret, GError **error);
double format_table_position(const TableReader *reader); /* 0 … 1, for progress */
/* Characters that were not valid in the declared encoding and were replaced by U+FFFD: the count of all (complete at the end),
 * and where they were, at most 1 000 (borrowed until the next call of next). */
guint format_table_replaced(const TableReader *reader);
typedef struct { guint row, column; /* both from 1 */ } TableFlaw;
const TableFlaw *format_table_flaws(const TableReader *reader, guint *ret_count);
void format_table_free(TableReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TableReader, format_table_free)

/* An .xlsx written row by row in constant memory; the first row is bold and frozen, columns have filter. */
typedef struct TableWriter TableWriter;
TableWriter *format_xlsx_new(const char *path, const char *sheet, const char *const *header, GError **error);
void format_xlsx_row(TableWriter *writer, const char *const *cells); /* NULL-ended; always text */
void format_xlsx_row_numbers(TableWriter *writer, const char *const *cells); /* what is wholly a number (no code like 007) as a number */
gboolean format_xlsx_close(TableWriter *writer, GError **error);     /* frees */

/* ---- packages: a folder or a zip/tar, entry by entry, with limits (no escaping paths, ≤ 2 000 000 entries, ≤ 200:1 and ≤ 1 TiB inflated) ---- */
typedef struct FilePackage FilePackage;
typedef struct {
  const char *path; /* relative, '/', UTF-8 (GBK names decoded); with a fault: a name to show, which may lead anywhere */
  gint64 size_bytes;
  const char *fault; /* Chinese: why this entry cannot be read (its name leads out, a link, encrypted, damaged …); the others can. NULL: none */
} FileEntry;
FilePackage *format_package_open(const char *path, GError **error);
/* Walks entries in the order that is cheap; a folder: sorted. read gives a descriptor of the current entry's bytes
 * (a stream for archives, once for each entry), caller closes. An entry that is damaged or breaks off never ends well: read(2) fails, and the next
 * call of next says what is wrong with it, as its fault where the others can still be read, else as an error. Links and special files are faults. A part of a
 * path may be longer than a disk takes. */
gboolean format_package_next(FilePackage *package, FileEntry *ret, GError **error);
int format_package_read(FilePackage *package, GError **error);
void format_package_free(FilePackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FilePackage, format_package_free)

/* ---- one file ---- */
typedef struct {
  const char *mime;
  const char *puid; /* PRONOM id or "" */
  const char *name; /* Chinese or common name */
  const char *kind; /* "image", "pdf", "text", "office", "audio", "video", "other" */
} FormatInfo;
FormatInfo format_identify(const char *path); /* by content (libmagic), then by our table; static strings */

const char *format_name(const char *puid, const char *mime); /* as FormatInfo.name; the MIME type itself when we have no name for it */

/* What a file is and whether it opens, read in the sandbox; never fails for what is in the file. A member that could not be determined is absent, and
 * `unknown` says why ({member: Chinese reason}). {puid, mime, format, kind, size, name_fits (the extension is one of the format's), opens,
 *  problem (Chinese: why it does not open, what is broken), encrypted, pages, width, height, dpi, colour: "bitonal|grey|colour", bits,
 *  compression: "none|G3|G4|LZW|Deflate|JPEG|…", duration_ms, codec, pdf_a: "1b|2u|…" ("": none declared), external (refers to what lies outside or
 *  runs scripts), text_layer (a PDF has text on its first three pages),
 *  title (of a PDF, as its maker wrote it), ofd: {version, doc_type, documents, pages, attachments, encrypted},
 *  signatures: as format_signatures}. name NULL: the path's last part. */
json_t *format_examine(const char *path, const char *name, GError **error);
/* The archives' own formats: rows ({puid, mime, extensions, name, …}) that go before the built-in table's; copied. */
void format_table_of_formats(json_t *formats);

/* Signatures and seals in an OFD, a PDF or an EEP package: [{kind: "ofd-seal|ofd-signature|eep", state: "valid|invalid|unverifiable", reason, signer, at,
 * covers: [paths]}]. Certificates in folder `trust` (PEM, DER) are at hand; NULL: only those that the file carries, whose holder then is unproved
 * (unverifiable, not valid). Empty array: none. */
json_t *format_ofd_describe(const char *path, GError **error); /* the member `ofd` of format_examine, with title, author, created, problems: [text] */
json_t *format_signatures(const char *path, const char *trust, GError **error);
/* Exclusive canonical form (C14N 1.0) of the first element with this local name, as XML signatures are made over; NOT_FOUND. */
GBytes *format_xml_canonical(const char *path, const char *element, GError **error);

/* clamd over its socket (path, or host:port). UNKNOWN with the reason when it could not be asked. */
typedef enum { FORMAT_VIRUS_UNKNOWN, FORMAT_VIRUS_NONE, FORMAT_VIRUS_FOUND } FormatVirus;
FormatVirus format_virus_scan(const char *socket, int fd, char **ret_detail); /* name of the virus, or the reason in Chinese */

/* ---- XML as a stream of events, parsed in the sandbox: no DTD, no entities of its own, no network; depth ≤ 200; UTF-8, UTF-16, GB18030, GB2312, GBK ---- */
typedef struct FormatXml FormatXml;
typedef enum { FORMAT_XML_OPEN, FORMAT_XML_TEXT, FORMAT_XML_CLOSE } FormatXmlKind;
typedef struct {
  FormatXmlKind kind;
  guint depth;                   /* of the element, the root's is 1 */
  const char *name, *space;      /* local name, namespace ("" none) */
  const char *const *attributes; /* OPEN: name, value, …, NULL */
  const char *text;              /* TEXT: a piece of at most 64 KiB, valid UTF-8 by itself; several may follow one another */
  gsize length;
} FormatXmlEvent;
FormatXml *format_xml_open(const char *path, GError **error);
gboolean format_xml_next(FormatXml *xml, FormatXmlEvent *ret, GError **error); /* FALSE at the end, and on error (INVALID with the line) */
const char *format_xml_encoding(const FormatXml *xml); /* as declared or found; after the first event */
void format_xml_free(FormatXml *xml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FormatXml, format_xml_free)

/* Text page by page (PDF text layer; .txt decoded, form feeds split pages). visit gets page from 1 and clean UTF-8. No text: TRUE without a visit. */
typedef gboolean (*FormatTextVisit)(guint page, const char *text, gpointer data, GError **error);
gboolean format_text_pages(const char *path, const FormatInfo *info, FormatTextVisit visit, gpointer data, GError **error);
guint format_page_count(const char *path, const FormatInfo *info); /* images: 1 (or TIFF pages); pdf: pages; 0 unknown */

/* A pyramid (tiled JPEG TIFF, 512 px, Q85) of one page image, or of page `page` of a PDF at 150 dpi, written to target by rename. */
gboolean format_pyramid_make(const char *source, const FormatInfo *info, guint page, const char *target, GError **error);
typedef struct { int width, height, levels; } PyramidInfo;
gboolean format_pyramid_info(const char *pyramid, PyramidInfo *ret, GError **error);
/* A tile as JPEG; level 0 is the full size, x and y count tiles. Ours was made by us, so this runs in process. */
GBytes *format_pyramid_tile(const char *pyramid, int level, int x, int y, GError **error);
GBytes *format_pyramid_thumbnail(const char *pyramid, int width, GError **error);

/* ---- conversion: what is decoded is decoded in the sandbox ---- */
typedef struct {
  const char *to;      /* "pdfa" (office documents), "pdf" (page images, one or several files), "jpeg", "jp2", "png" (an image of one page) */
  const char *name, *extension; /* of the result */
  const char *from;    /* kind of format it takes: "office", "image" */
  const char *tool, *program, *package; /* program NULL: within this one */
} FormatConverter;
const FormatConverter *format_converter(const char *to); /* NULL: none */
gboolean format_converter_present(const FormatConverter *converter);
/* Converts sources (NULL-ended; more than one for "pdf" only) to target, written by rename; a scratch folder is made and removed beside it. ret_tool: tool and
 * version, new string. UNAVAILABLE names the package to install. Whether the result is good is for the caller to examine. */
gboolean format_convert(const char *const *sources, const char *to, const char *target, char **ret_tool, GError **error);

/* The sandbox child's entry, called by main() before anything else when argv[1] is "sandbox" (by a test's main too, if it reads foreign files). */
int format_sandbox_main(int argc, char **argv);
/* What the sandbox could enforce on this machine: {seccomp, landlock, memory, time}, for `lantai check --json` and the home page. */
json_t *format_sandbox_state(void);
