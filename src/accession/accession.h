/*
 * Deliveries (移交批次): what arrived, from whom, how its columns are read, what was found wrong, what it brought, and how it is undone.
 *
 * The life of a delivery (life.c has the table): registered → received (files kept) → checking → rehearsed (read once, checked, nothing written to the
 * catalogue; awaits review) → loading → attaching → done; returned, and received again in its next round; discarded; undoing → undone.
 * failed shows why and goes on where it stopped.
 * 1. A rehearsal writes canonical rows (rows.ndjson) and faults (errors.ndjson) to the delivery's working folder; loading reads only those.
 * 2. Before the first row is loaded, the source, mapping and canonical rows are durable in the store (object "urn:lantai:accession:<id>") and ids are
 *    reserved; row i gets first_id + i.
 * 3. Rows are committed in batches with the row number reached, so a load that was killed goes on there and ends in the same state.
 * 4. Every created record has accession_id; every updated one has its former state in accession_change; so undo restores exactly, and refuses (listing them)
 *    what others changed since.
 */
#pragma once
#include "catalog.h"
#include "job.h"

typedef struct {
  const char *path;          /* the table, or a package of any layout: folder, archive, document (package.h) */
  const char *name;          /* shown name; NULL: file name */
  const char *files;         /* folder or zip with documents; NULL */
  const char *mapping;       /* named mapping; NULL: guess */
  json_t *columns;           /* explicit mapping {header: field key or ""}; NULL */
  const char *fonds, *fonds_title; /* code; NULL: from the rows' 全宗号, else a fonds of the delivery's own */
  const char *category;      /* code; NULL: from the rows, else WS */
  const char *body;          /* 移交单位; NULL */
  const char *file_name;     /* the table's own name when path is a temporary file; NULL: path's last part */
  gboolean take_files;       /* `files` and a package are temporary files that the delivery takes over; else they are referred to where they lie */
  gboolean table_only;       /* path is a table, whatever it looks like */
  json_t *declared;          /* the hand-over form, as accession_register takes it; NULL */
  const char *stage;         /* filing (归档) or transfer (移交与接收): whose scheme checks it; NULL: transfer, or as it was registered */
  gint64 delivery;           /* the delivery these files belong to (registered, returned, or not loaded yet); 0: a new one */
} AccessionSource;

gboolean accession_open(SqlDb *db, GError **error); /* schema */

/* Makes a delivery and keeps the file in DIR/deliveries/<id>/. The same source while an earlier delivery of it is unfinished is that delivery, so that an
 * import
 * that was killed goes on when it is started again. Returns its id, 0 on error. */
gint64 accession_receive(const House *house, const char *actor, const AccessionSource *source, GError **error);
/* A delivery that is announced: its files come later. Of the source name, body, stage and declared are read. declared:
 * the fields of 《电子档案移交与接收登记表》 under the keys of CheckSubject.declared and
 * work_name, description, carrier, filled_by, approved_by. */
gint64 accession_register(const House *house, const char *actor, const AccessionSource *announced, GError **error);
/* CONFLICT once it is accepted; a check that was made is made anew (back to received). */
gboolean accession_set_stage(const House *house, const char *actor, gint64 id, const char *stage, GError **error);
/* Another zip (a temporary file, taken over) in the place of a table's documents, before it is loaded. Back to received. */
gboolean accession_replace_documents(const House *house, const char *actor, gint64 id, const char *file, GError **error);
/* To the body again, with reasons: note, and items [{kind: "row|file|check|other", text}]. INVALID without either. */
gboolean accession_return(const House *house, const char *actor, gint64 id, const char *note, json_t *items, GError **error);
/* Given up before it was loaded: its folder goes, its row stays. */
gboolean accession_discard(const House *house, const char *actor, gint64 id, const char *reason, GError **error);
/* Asked in the transaction that accepts. CONFLICT unless it is checked or its loading goes on, and when its result is not that of the check run whose result
 * was seen (0: of none; below 0: whatever it is); INVALID when its latest check failed and there is no note (让步接收). */
gboolean accession_may_accept(Sql *sql, gint64 id, const char *note, gint64 seen, GError **error);
/* The columns as guessed or set: {columns: [{index, header, field, label, samples: [..], certain}], key: the visible key's header, category, header_row,
 * sheet, encoding, kind}.
 * field: key of a common or category field, "*": kept under its own header, "": not taken. */
json_t *accession_mapping(const House *house, gint64 id, GError **error);
/* columns: {header: field} or [field, …] in order. */
gboolean accession_mapping_set(const House *house, const char *actor, gint64 id, json_t *columns, const char *save_as, GError **error); /* back to received */

/* Job functions ({"accession": id} as parameters). Each may be run again after a crash. rehearse: "check": false leaves the four properties out; load: "note" is
 * kept with the acceptance; undo: "keep" and "restore" are ids of records that were changed by hand since, to be left as they are or undone all the same. */
gboolean accession_rehearse(const House *house, Job *job, json_t *parameters, GError **error);
gboolean accession_load(const House *house, Job *job, json_t *parameters, GError **error);   /* rows, then files when there are some */
gboolean accession_undo(const House *house, Job *job, json_t *parameters, GError **error);

/* {id, name, state, failure, body, rows, created, updated, unchanged, rejected: [{row, column, value, reason}], rejected_count, warnings: [the same],
 * warning_count,
 *  missing: [{code, wanted}], missing_count, surplus: [path], surplus_count, file_faults: [{path, reason}],
 *   attached, bytes, digest (SM3 of the canonical rows), key, fonds: [{code,
 * title}], category,
 *  samples, timings: {rehearse_ms, load_ms, attach_ms}, …}; lists hold at most `faults` entries. */
json_t *accession_report(const House *house, gint64 id, guint faults, GError **error);
json_t *accession_list(const House *house, Sql *sql, const Scope *scope, gint64 before, int limit, GError **error);
gboolean accession_faults_xlsx(const House *house, gint64 id, const char *path, GError **error); /* the bad rows as they were, with columns 行号, 列, 值, 原因 */
/* Applies "accession.*" events to an archive being rebuilt, reading canonical rows and files from the old store. */
gboolean accession_replay(const House *house, Sql *sql, json_t *event, GError **error);

/* Pages: /deliveries /delivery/new /delivery/{id} … */
extern const WebRoute ACCESSION_ROUTES[], UPLOAD_ROUTES[] /* resumable uploads */, DELIVERY_FORM_ROUTES[] /* papers */;
/* Topics are another room's: which there are, and tying to one what a delivery brought (later, once the caller's transaction is committed). */
typedef struct {
  json_t *(*named)(Sql *sql, gint64 id, GError **error); /* [{id, name}] of all that can be had (id 0), or of what the one has become, or [] */
  gboolean (*fill)(Sql *sql, const char *actor, gint64 topic, gint64 accession_id, const char *title, GError **error);
} ProjectTopics;
void project_set_topics(const ProjectTopics *topics); /* before serving; NULL: projects have no topics */
extern const WebRoute PROJECT_ROUTES[]; /* project.c: collecting for a major event */
gboolean project_replay(const House *house, Sql *sql, json_t *event, GError **error);
extern const JobKind ACCESSION_JOBS[];
extern const JobTick ACCESSION_TICKS[]; /* the watched folder; ended by NULL */
