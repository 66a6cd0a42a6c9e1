/*
 * The four properties (真实性, 完整性, 可用性, 安全性; DA/T 70-2018): a scheme of checks that is data, run over whatever its caller hands in.
 *
 * 1. The room knows no delivery and no plan: a caller begins a run, hands in its units (a row or record with its files) and what belongs to none, and ends it.
 * 2. An item ends passed, failed, warned (failed, of weight "warning"), awaiting a person, not performed with the reason, or not applicable (nothing to
 *    check). What did not run never counts as passed.
 * 3. Every finding names its row, record and file. None is cut.
 */
#pragma once
#include "house.h"
#include "job.h"
#include "sql.h"
#include "web.h"

typedef enum { CHECK_FILING = 1, CHECK_TRANSFER, CHECK_PRESERVATION } CheckStage; /* 归档 移交与接收 长期保存 */

typedef struct {
  const char *path;     /* as the delivery or the object names it */
  const char *disk;     /* where it can be read; NULL: it is not there */
  gint64 size_bytes;    /* as it lies there; -1: not there */
  json_t *declared;     /* what its metadata says: {name, size, format, created, pages, attachment: bool, digest: {"sha256": hex, …}}; NULL: nothing */
} CheckFile;

typedef struct {
  gint64 row;           /* number in the table, 0: none */
  gint64 record_id;     /* 0: not in the catalogue yet */
  /* As in canonical rows; also flaws: [what was wrong with the row's characters before they were cleaned], process: [events of its making].
   * {code, title, creator, docno, date_text, date_from, date_to, year, retention, security, opening, page_count, category, fonds,
   * level, fields{…}} */
  json_t *record;
  const CheckFile *files;
  gsize file_count;
} CheckUnit;

typedef struct {
  CheckStage stage;
  const char *subject_kind; /* "accession", "patrol" */
  gint64 subject_id;
  const char *actor, *name; /* name: shown, e.g. the delivery's */
  const char *category;     /* code; NULL: as each record says */
  json_t *declared;         /* what the hand-over form or 说明文件 says: {items, volumes, bytes, first_code, last_code, digest, …}; NULL: nothing */
  /* what the package's reader found: [{aspect: "readme|catalogue|layout|consistency|metadata|signature|encoding", path, reason}];
   * NULL: no package */
  json_t *structure;
  struct Pace *pace; /* base/pace.h: bytes are read for digests at its rate; NULL: as fast as it goes. A run whose pace has given up is to be freed. */
} CheckSubject;

CheckStage check_stage_of(const char *code);           /* filing, transfer, preservation; 0: no such stage */
const char *check_stage_code(CheckStage stage);
const char *check_stage_label(const char *code);       /* as it is shown; "" for an unknown one */

gboolean check_open(SqlDb *db, const char *dir, GError **error); /* schema; those of DIR/definitions/checks/, else the built-in ones; INVALID names file and line */

typedef struct CheckRun CheckRun;
/* The caller holds no transaction for writing between begin and end. */
CheckRun *check_begin(const House *house, const CheckSubject *subject, GError **error);
/* Takes a reference of the unit's JSON values (they are not changed any more); its files stay where they are until the run has ended. */
gboolean check_unit(CheckRun *run, const CheckUnit *unit, GError **error);
gboolean check_surplus(CheckRun *run, const char *path, GError **error);   /* a file that no unit claims */
gint64 check_end(CheckRun *run, GError **error);  /* frees; keeps the result and returns its number, 0 on error */
void check_free(CheckRun *run);                   /* gives up: nothing is kept */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckRun, check_free)

/* {id, stage, stage_label, subject_kind, subject_id, name, state: "passed|failed|awaiting", state_label, tone, failed, warned, awaiting, not_performed,
 * units, files, bytes,
 * actor, started_at, finished_at}; NULL without error: never checked. */
json_t *check_latest(Sql *sql, const char *subject_kind, gint64 subject_id, GError **error);
/* The same with items: [{code, name, property, group, severity, outcome, state, state_label, tone, checked, failed, pending, explain, signable, signed_by,
 * signed_at, note, findings: [{sequence, row, record_id, code, path, reason, pending}] (the first `limit`)}]. */
json_t *check_report(Sql *sql, gint64 id, guint limit, GError **error);
/* The latest earlier run of the same subject and stage in which people signed something; 0: none. */
gint64 check_earlier(Sql *sql, gint64 id, GError **error);
/* What could only be found later (a rule's items that were "not performed", e.g. "loaded") is completed: found {checked, failed, explain, findings:
 * [{record_id, code, reason}]}. Does nothing when none of the run's items waits for it. A person's word stays unless the program found a fault. */
gboolean check_complete(Sql *sql, const char *actor, gint64 id, const char *rule, json_t *found, GError **error);
gboolean check_waits(Sql *sql, gint64 id, const char *rule); /* whether check_complete has something to do */
/* Applies an event "check.*" to an archive being rebuilt: runs, items and signatures come back, and of each item the findings that
 * the journal was told: the first check_task.findings_kept. */
gboolean check_replay(const House *house, Sql *sql, json_t *event, GError **error);

/* Whether the asker may see a task: rooms that own subjects say so (accession/, keep/). Without one for a kind: nobody may. */
typedef gboolean (*CheckVisible)(WebRequest *request, Sql *sql, gint64 subject_id);
void check_set_visible(const char *subject_kind, CheckVisible visible, const char *href_prefix /* "/delivery/" */);

/* Pages: /check/{id} (report, JSON, PDF, all findings as a spreadsheet), sign-off, /checks/scheme */
extern const WebRoute CHECK_ROUTES[];
