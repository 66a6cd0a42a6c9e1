/* Inside the exchange room only: what is taken, under which names it goes, and the formats it goes in. */
#pragma once
#include "exchange.h"
#include "format.h"
#include "package-write.h"

/* ---- select.c: records in catalogue order, through the gate, in constant memory ---- */
typedef struct {
  const CatalogRecord *record;
  const CatalogCategory *category;
  const CatalogRecord *const *path; /* ancestors that may be seen, from the fonds down */
  guint path_length;
  const CatalogRecord *fonds;       /* path[0], or the record itself */
  const CatalogRecord *volume;      /* the volume it lies in, NULL: none, or not to be seen */
  GPtrArray *files;                 /* CatalogFile*, never NULL; empty when they are not to be seen */
  json_t *tombstone;                /* {kind, kind_label, at, files when they may be seen}: its files were destroyed; else NULL */
} ExportItem;
/* records: volumes and items; left_out: records; files_left_out: records whose files stay */
typedef struct { gint64 records, volumes, files, bytes, left_out, files_left_out; } ExportCounts;
/* The next one, valid until the call after; FALSE at the end, and on error. Fonds and classes come too (for finding aids). */
gboolean selection_next(Selection *selection, ExportItem *ret, GError **error);
ExportCounts selection_counts(const Selection *selection); /* of what has been given so far */
gboolean selection_single_fonds(const Selection *selection);

/* ---- name.c: names that every file system takes ---- */
typedef struct Names Names; /* those that are taken within one folder */
Names *names_new(void);
void names_free(Names *names);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Names, names_free)
/* One part of a path: no separators, no control characters or signs that Windows refuses, at most 200 bytes with the extension kept, none of a reserved
 * name; different from those given before, also where case and Unicode form do not count. */
char *names_take(Names *names, const char *wanted);

/* ---- listing.c: the catalogue as a table under our own labels ---- */
#define NO_DOCUMENTS "无" /* in the column 文件: the record has none, so none is looked for */
typedef struct Listing Listing;
Listing *listing_new(const Catalog *catalog);
void listing_key(Listing *listing); /* before the header is asked for: its last column is EXCHANGE_KEY_HEADER instead of the documents */
void listing_free(Listing *listing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listing, listing_free)
void listing_survey(Listing *listing, const ExportItem *item); /* before the first row: which fields there are */
const char *const *listing_header(Listing *listing);                /* NULL-ended */
/* The cells of one record, "" for empty, NULL-ended, valid until the next call; documents: the last column. NULL with CONFLICT when it has a field that was
 * not surveyed (edited meanwhile). */
const char *const *listing_row(Listing *listing, const ExportItem *item, const char *documents, GError **error);
gboolean record_is_described(const CatalogRecord *record); /* a volume or an item: others are columns of these */
char *item_disposal(const ExportItem *item);               /* what became of its files, in Chinese; "" when nothing did */
char *record_date(const CatalogRecord *record);            /* as written, else as understood */
json_t *record_fields_of(const CatalogRecord *record);     /* {key: text} */
const char *record_field_label(const CatalogCategory *category, const char *key);

/* ---- sink.c: bytes to an entry of the package, or aside ---- */
typedef struct Export Export;
typedef struct Spool Spool; /* a file without a name, beside the target, until it goes into the package */
Spool *spool_new(Export *export, GError **error);
gboolean spool_add(Spool *spool, const char *text, gsize length, GError **error);
gboolean spool_into(Spool *spool, Export *export, const char *name, char *ret_sha512, GError **error);
Spool *spool_open(const char *path, GError **error); /* a file with a name, made anew */
gboolean spool_close(Spool *spool, GError **error);  /* flushed to disk; spool_free is still the caller's */
void spool_free(Spool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_free)
void csv_append(GString *line, const char *const *cells);

/* ---- xml.c ---- */
typedef struct Xml Xml;
typedef gboolean (*XmlSink)(gpointer data, const char *bytes, gsize length, GError **error);
Xml *xml_new(XmlSink sink, gpointer data, gboolean gb18030);
void xml_open(Xml *xml, const char *name, ...) G_GNUC_NULL_TERMINATED; /* attribute, value, …; a NULL value is left out */
void xml_text(Xml *xml, const char *text);
void xml_close(Xml *xml);
void xml_leaf(Xml *xml, const char *name, const char *text);     /* also when it is empty */
void xml_optional(Xml *xml, const char *name, const char *text); /* only when it is not */
void xml_number(Xml *xml, const char *name, gint64 number);
void xml_base64(Xml *xml, int fd);
gboolean xml_finish(Xml *xml, GError **error); /* closes what is open, hands on the rest, tells of the first failure */
void xml_free(Xml *xml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Xml, xml_free)
Xml *xml_entry(Export *export);  /* into the entry under way */
Xml *xml_aside(Export *export, Spool *spool);
/* "<?xml …?>" is written by xml_new. A name of ours as an element: TRUE when XML takes it. */
gboolean xml_is_name(const char *text);

/* ---- origin.c: what happened to a record, from the journal ---- */
/* Oldest first: [{at, actor, action, label, type (of the PREMIS vocabulary)}]: its delivery's arrival, and its own events (the newest 200). */
json_t *origin_events(Export *export, const CatalogRecord *record, GError **error);

/* ---- tree.c: nested output of a row of records ---- */
typedef struct { gint64 open[20]; guint depth; } Tree; /* ids of the elements that are open */
/* From the one before to this one: close so many, then open path[from] … and the record itself; the tree is as after that. */
typedef struct { guint close, from; } TreeStep;
TreeStep tree_step(Tree *tree, const ExportItem *item);

/* ---- formats ---- */
struct Export {
  const House *house;
  const Scope *scope;
  PackageWriter *out;
  const char *prefix; /* before every entry: "" or "name/" */
  gboolean gb18030;
  const char *title, *organization, *code; /* code: 档案馆代码, NULL: none */
  const char *target;
  ExportCounts expected;
  gboolean single_fonds;
  char *first_code, *last_code;
  json_t *fonds; /* codes, at most FONDS_TOLD */
  Listing *listing;
  Names *names;
  gint64 files, bytes; /* written */
  gint64 number;       /* of the record under way, from 1 */
  json_t *arrival;     /* events of the delivery seen last */
  gint64 arrival_of;
  gpointer state; /* the format's own */
};
typedef struct {
  const char *name, *label, *hint, *extension; /* extension of a download */
  gboolean is_package;                         /* folder, .zip or .tar; else one file */
  gboolean (*begin)(Export *export, GError **error);
  gboolean (*add)(Export *export, const ExportItem *item, GError **error);
  gboolean (*end)(Export *export, GError **error);
  void (*free)(Export *export); /* also when it was given up */
  gboolean is_table;            /* rows in any order: that of the hits, where one is asked for */
} ExportFormat;
extern const ExportFormat FORMAT_BAGIT, FORMAT_EEP, FORMAT_DAT93, FORMAT_EAD, FORMAT_METS, FORMAT_XLSX, FORMAT_CSV, FORMAT_SHEET;
const ExportFormat *export_format(const char *name); /* NULL: unknown */
extern const ExportFormat *const EXPORT_FORMATS[];   /* ended by NULL */
/* A file of a record into the package, its digest held against the catalogue's: UNAVAILABLE when they differ. */
gboolean export_file(Export *export, const CatalogFile *file, const char *name, GError **error);
int export_file_open(Export *export, const CatalogFile *file, GError **error);
char *export_name(const Export *export, const char *name); /* with the prefix */
gboolean export_readme(Export *export, const char *content, GError **error); /* dat93.c: 说明文件.TXT */
char *export_day(void); /* 2026-11-22 */
char *export_moment(gint64 at_us); /* 2026-11-22T14:05:00+08:00 */

/* ---- store.c: exports that are kept for their maker ---- */
#define EXPORT_KEPT_DAYS 14
json_t *export_row(Sql *sql, gint64 id, const char *actor, GError **error); /* NOT_FOUND also for another's */
json_t *export_rows(Sql *sql, const char *actor, gint64 before, GError **error); /* the maker's own, newest first, at most 51 */
char *export_folder(const House *house, gint64 id);
/* Queues it for its maker, with what he may see now; selection with "for". Its id, 0 on error. */
gint64 export_queue(const House *house, const char *actor, const Scope *scope, json_t *selection, const char *format, GError **error);
gboolean export_forget(const House *house, gint64 id, GError **error); /* folder and row */
/* Tells that what was made for use or publication was handed to nobody: the event exchange.unused names the export's own. CONFLICT: it was not finished. */
gboolean export_tell_unused(const House *house, const char *actor, gint64 id, GError **error);

/* ---- purpose.c ---- */
gboolean export_purpose_is_told(json_t *purpose);
void export_purpose_model(json_t *model); /* adds purposes, aims, ways */
gboolean export_sweep(const House *house, GError **error);
