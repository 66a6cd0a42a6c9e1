/*
 * What the files of this room share. A delivery in memory is its row as JSON (it is small); rows of its table never are.
 *
 * Canonical row: one line of JSON, keys sorted, empty values left out, independent of the format the row came in:
 *   category code creator date_from date_text date_to docno fields{…} file fonds fonds_title level opening page_count retention security title volume year
 */
#pragma once
#include "accession.h"
#include "format.h"
#include "json.h"
#include "keymap.h"

#define ROWS_NAME "rows.ndjson"
#define FAULTS_NAME "errors.ndjson"
#define REJECTED_NAME "rejected.ndjson" /* what could be read of rejected rows, as canonical rows with "row" */
#define FILES_NAME "files.ndjson" /* missing and surplus documents */
#define DECLARED_NAME "declared.ndjson" /* what a package declares of its files */
#define CONFLICTS_NAME "conflicts.json" /* what an undo was refused for: [{id, code, title, hand, reason}] */
#define FOUND_NAME "found.json" /* what package_survey gave */
#define SURPLUS_NAME "surplus" /* folder of loaded deliveries: what came and belongs to no record */
#define UNPACKED_NAME "unpacked.json" /* {faults: [{path, reason}], names: {path on disk: path as it was called}} */
#define KEEP_FIELD "*"            /* a column kept under its own header */
#define COLUMNS_MAX 500

/* ---- accession.c ---- */
json_t *delivery_load(Sql *sql, gint64 id, GError **error); /* the row; NOT_FOUND */
json_t *delivery_read(const House *house, gint64 id, GError **error);
gboolean delivery_is(json_t *delivery, const char *states);      /* one of the words in states */
char *delivery_source(const House *house, gint64 id);                  /* the table in its working folder */
char *delivery_path(const House *house, gint64 id, const char *name); /* in its working folder; name NULL: the folder */
/* Where its documents or package lie. Kept relative to the archives' own directory when they lie in it, so that it can be moved and restored. */
char *delivery_where(const House *house, json_t *delivery, const char *column); /* absolute; "" when there are none */
char *delivery_kept(const House *house, const char *path);
char *delivery_object(gint64 id);                                /* "urn:lantai:accession:<id>" */
gboolean delivery_fail(const House *house, gint64 id, GError *failure); /* keeps the reason, in plain names, with the delivery; always FALSE */
gboolean delivery_clear_failure(const House *house, gint64 id, GError **error);
typedef struct {
  const Scope *scope;
  const char *actor;
  const char *body; /* NULL: no body's account; else nothing but this body's deliveries, "": none */
} DeliveryAsker;
typedef struct { gint64 before; int limit; gboolean discarded; const char *state; } ListPage; /* state NULL: any */
json_t *delivery_list(Sql *sql, const DeliveryAsker *asker, const ListPage *page, GError **error);
gboolean delivery_visible(Sql *sql, const DeliveryAsker *asker, json_t *delivery, gboolean *ret_visible, GError **error);
gboolean file_copy(const char *from, const char *to, char **ret_digest, GError **error); /* flushed; ret_digest: SM3 of its bytes, when asked for */
gboolean folder_remove(const char *path);                        /* with everything in it; TRUE when it is gone */
gboolean delivery_idle(Sql *sql, gint64 id, GError **error);     /* CONFLICT while a job is at work on it; asked in the transaction that decides */
gboolean delivery_point(const char *name, GError **error);       /* a fault point as a step that may fail */
gboolean file_write_all(int fd, const void *data, gsize length, GError **error);

/* ---- life.c ---- */
typedef struct {
  const char *from, *to;
  const char *permission; /* "a|b": either; "": only the program itself */
  const char *label;
  gboolean reason;        /* a note or items must be given */
} LifeTransition;
extern const LifeTransition LIFE_TRANSITIONS[]; /* ended by to NULL */
typedef struct { const char *to, *note; json_t *items; } LifeStep;
const LifeTransition *life_find(const char *from, const char *to); /* NULL: there is no such step */
const char *life_label(const char *state, const char **ret_tone);
gboolean life_move(Sql *sql, const char *actor, gint64 id, const LifeStep *step, GError **error); /* CONFLICT, INVALID without a reason */
gboolean life_replay(Sql *sql, const char *actor, gint64 id, json_t *event, GError **error);
json_t *life_steps(Sql *sql, gint64 id, GError **error); /* [{round, from, to, label, state_label, tone, actor, at, note, items}] in order */

/* ---- stage.c ---- */
const char *stage_take(const char *code, GError **error); /* "filing" or "transfer"; NULL or "": transfer. INVALID */
json_t *stage_choices(const char *chosen);                /* [{value, label, selected}] */
gboolean stage_store(Sql *sql, gint64 id, const char *stage, GError **error);

/* ---- header.c, mapping.c ---- */
/* {kind, encoding, sheet, header_row, header_rows, category, columns: [{index, header, field, label, certain, samples}]} */
json_t *layout_read(const char *path, GError **error);
void layout_guess(const Catalog *catalog, json_t *layout, const char *category);
/* columns: {header: field} or [field, …] in order. INVALID names the column. */
gboolean layout_apply(const Catalog *catalog, json_t *layout, json_t *columns, GError **error);
int layout_column_of(json_t *layout, const char *field); /* -1: none */
int layout_key_guess(json_t *layout);                    /* from the samples */
char *header_squash(const char *header);                 /* as headers are compared */
json_t *mapping_named(Sql *sql, const char *name, char **ret_category, GError **error);
typedef struct { json_t *columns; const char *category, *save_as, *fonds; } MappingChange; /* NULL: stays as it is; no name */
gboolean mapping_apply(const House *house, const char *actor, gint64 id, const MappingChange *change, GError **error);
gboolean mapping_save(Sql *sql, const char *name, const char *category, json_t *columns, const char *actor, GError **error);
json_t *mapping_choices(const Catalog *catalog, const char *category); /* [{key, label}] for the selects */
json_t *mapping_names(Sql *sql, GError **error);

/* ---- canonical.c ---- */
typedef struct RowPlan RowPlan;
typedef struct {
  GString *line;     /* canonical JSON with its line end */
  GString *faults;   /* lines for errors.ndjson */
  char *code, *fonds, *fonds_title, *file, *volume; /* owned, never NULL after row_plan_apply */
  const CatalogCategory *category;
  Level level;
  guint errors, warnings;
  Security security;
} RowResult;
RowPlan *row_plan_new(const Catalog *catalog, json_t *layout, int key_column, const char *category, const char *fonds, GError **error);
void row_plan_free(RowPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowPlan, row_plan_free)
void row_plan_apply(const RowPlan *plan, const TableRow *row, RowResult *result);
void row_result_clear(RowResult *result);
void row_fault(GString *faults, guint row, const char *column, const char *value, const char *reason, gboolean warning);

/* ---- codec.c ---- */
typedef struct {
  CatalogRecord *record; /* fonds_id, parent_id and id still 0 */
  char *fonds, *fonds_title, *category, *file, *volume;
} DecodedRow;
gboolean row_decode(const char *line, gsize length, DecodedRow *ret, GError **error);
void row_decoded_clear(DecodedRow *row);
char *record_to_json(const CatalogRecord *record); /* every column, to be restored exactly */
CatalogRecord *record_from_json(const char *text, GError **error);
json_t *file_to_json(const CatalogFile *file);
CatalogFile *file_from_json(json_t *json);

/* ---- rows.c: lines of a file of rows ---- */
typedef struct RowReader RowReader;
RowReader *row_reader_open(const char *path, GError **error);
RowReader *row_reader_open_stored(const House *house, gint64 id, GError **error); /* the canonical rows from the store */
/* The next line without its end, valid until the next call. FALSE at the end, and on error. */
gboolean row_reader_next(RowReader *reader, const char **ret_line, gsize *ret_length, GError **error);
gboolean row_reader_skip(RowReader *reader, gint64 count, GError **error);
void row_reader_free(RowReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowReader, row_reader_free)
typedef struct RowWriter RowWriter; /* writes to path.part; row_writer_close flushes to disk and renames */
RowWriter *row_writer_new(const char *path, GError **error);
RowWriter *row_writer_new_digested(const char *path, GError **error); /* writes and digests (SM3) in a thread of its own */
char *row_writer_digest(RowWriter *writer); /* after a successful close: of all that was written */
gboolean row_writer_add(RowWriter *writer, const char *text, gsize length, GError **error);
gboolean row_writer_close(RowWriter *writer, GError **error);
void row_writer_free(RowWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RowWriter, row_writer_free)

/* ---- place.c: where rows go ---- */
typedef struct { gint64 fonds_id, class_id; guint8 category; } Place;
typedef struct PlaceTable PlaceTable;
PlaceTable *place_table_load(const House *house, Sql *sql, gint64 accession_id, GError **error);
const Place *place_find(PlaceTable *table, const char *fonds, const char *category);
void place_table_free(PlaceTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceTable, place_table_free)
gboolean place_make_all(const House *house, Sql *sql, const char *actor, json_t *delivery, GError **error);
gboolean place_store(Sql *sql, gint64 accession_id, json_t *places, GError **error);
json_t *place_json(Sql *sql, gint64 accession_id, GError **error);
/* The fonds of deliveries that name none, by name and headers: its row, or NULL. */
json_t *own_fonds_find(Sql *sql, json_t *delivery, GError **error);
/* The record id of the fonds with this code, 0 if there is none. */
gint64 fonds_find(Sql *sql, const char *code);

/* ---- match.c: documents to rows ---- */
typedef struct FileIndex FileIndex;
/* Walks a folder or package. unpacked: what its files were called, may be NULL. */
FileIndex *file_index_new(const char *documents, json_t *unpacked, GError **error);
json_t *file_index_faults(const FileIndex *index); /* what could not be taken, as entries of a structure; borrowed */
void file_index_free(FileIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileIndex, file_index_free)
void file_index_claim(FileIndex *index, const char *code); /* first pass: this code exists, so `code.ext` is its own */
#define NO_DOCUMENTS "无" /* as the column 文件 says that a record has none: nothing is looked for by its code */
/* Paths for one row in order, NULL when there are none. *ret_wanted: what was looked for, for the list of missing ones. */
GPtrArray *file_index_match(FileIndex *index, const char *code, const char *file, const char **ret_wanted);
void file_index_surplus(FileIndex *index, void (*visit)(const char *path, gpointer data), gpointer data);
gint64 file_index_size(const FileIndex *index, const char *path);

/* ---- survey.c ---- */
gboolean survey_package(const House *house, Job *job, json_t *delivery, GError **error); /* a package's table, layout and declarations, once */
gboolean survey_store(Sql *sql, gint64 id, json_t *event, GError **error);
json_t *survey_found(const House *house, gint64 id); /* FOUND_NAME; NULL: none */
KeyMap *survey_own_paths(json_t *found); /* of the package's own files, which are no documents */

/* ---- checking.c ---- */
typedef struct Checking Checking;
typedef struct { const char *text; gsize length; } RowLine;
typedef struct { GPtrArray *paths; const char *wanted; const FileIndex *index; } CheckedFiles; /* a row's; wanted: looked for and not there */
Checking *checking_new(const House *house, const char *actor, json_t *delivery, const char *folder, const FileIndex *index, GError **error);
gboolean checking_row(Checking *checking, const RowLine *line, gint64 row, gint64 record_id, const CheckedFiles *files, GError **error);
gboolean checking_rejected(Checking *checking, const char *path, GError **error);
gboolean checking_expects(const Checking *checking, const char *path); /* the package's own: not surplus */
gboolean checking_surplus(Checking *checking, const char *path, GError **error);
gint64 checking_end(Checking *checking, GError **error);
void checking_free(Checking *checking);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checking, checking_free)
json_t *declared_of(json_t *delivery); /* form over package */

/* ---- load.c ---- */
typedef struct LoadState LoadState; /* what putting rows in order needs to remember: places, volumes, counts */
LoadState *load_state_new(const House *house, Sql *sql, json_t *delivery, GError **error);
void load_state_free(LoadState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadState, load_state_free)
void load_state_keep_out(LoadState *state, json_t *rows); /* a replay's: the numbers of the rows that the event says stayed out; NULL: none */
gboolean load_state_put(LoadState *state, Sql *sql, gint64 row, DecodedRow *decoded, GError **error);
gboolean load_state_save(LoadState *state, Sql *sql, gint64 loaded_rows, GError **error); /* adds the counts since the last time and the row reached */
gboolean read_back(const House *house, Job *job, json_t *delivery, GError **error); /* the check's item of that name is completed; readback.c */
gint64 load_record_id(const House *house, Sql *sql, json_t *delivery, const Place *place, gint64 row, const char *code); /* the record a row became; 0: none */
gboolean load_finish(Sql *sql, const char *actor, gint64 id, const char *state, GError **error);

/* ---- attach.c, unpack.c, attach-apply.c ---- */
gboolean attach_files(const House *house, Job *job, gint64 id, GError **error);
json_t *unpacked_read(const House *house, gint64 id); /* NULL: nothing was unpacked */
json_t *unpacked_below(json_t *unpacked, const char *inside); /* as seen from a folder of what was unpacked ("data"); takes the reference */
json_t *unpacked_read_below(const House *house, gint64 id, const char *folder); /* the same; folder: its whole path */
gboolean unpacked_write(const House *house, gint64 id, json_t *unpacked, GError **error);
void unpacked_tell(json_t *unpacked, json_t *structure); /* adds its faults */
const char *unpacked_name(json_t *unpacked, const char *path); /* what it was called; path itself when it is on disk as it was */
/* Where an entry of a package is put when it is unpacked: every part as long as a disk takes, and of its own when an earlier one had it. number 1: the first. */
char *path_on_disk(const char *path, guint number);
char *name_shorten(const char *name, gsize max); /* at most max bytes: beginning, "~", eight digits of its digest, extension */
char *unpack_documents(const House *house, Job *job, json_t *delivery, GError **error); /* the folder with the documents */
/* One record's change of files: {record, version, remove: [file id], add: [{…file…, moved: id of the removed file it continues}]}. texts: page lists of
 * added files by logical path, [[page, text]]; NULL: read from the store, as far as its file is still the one meant. Keeps what undo needs. */
gboolean attach_apply(const House *house, Sql *sql, gint64 accession_id, json_t *change, json_t *texts, GError **error);
gboolean attach_revert(const House *house, Sql *sql, gint64 accession_id, gint64 record_id, GError **error);
json_t *attach_texts(const char *path, const FormatInfo *info, GError **error); /* [[page, text]] */

/* ---- undo.c ---- */
gboolean undo_apply(const House *house, Sql *sql, gint64 id, json_t *step, GError **error); /* one step, as its event tells it */

/* ---- rehearse.c ---- */
TableReader *delivery_table(const House *house, gint64 id, GError **error);
guint layout_first_row(json_t *layout); /* rows with a number below this are title and header */

/* ---- report.c ---- */
void delivery_describe(json_t *model, json_t *delivery); /* adds state, label, tone and counts under the names of accession_report */

