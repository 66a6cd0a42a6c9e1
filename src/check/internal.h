/*
 * The room's own: the items of a scheme, what a file turned out to be, a unit under examination, and the table of rules.
 *
 * 1. A rule sees units one after another in one thread, in the order they were handed in; its state hangs on its probe.
 * 2. What a file is was found out before (facts.c), once a run, whatever rules ask for it.
 */
#pragma once
#include "catalog.h"
#include "check.h"
#include "error.h"
#include "format.h"
#include "text.h"

typedef enum { OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_WARNED, OUTCOME_AWAITING, OUTCOME_NOT_PERFORMED, OUTCOME_NOT_APPLICABLE } Outcome;
extern const struct OutcomeWord { const char *code, *label, *tone; } OUTCOMES[]; /* by Outcome; ended by NULL */
extern const struct StageWord { const char *code, *label; } STAGES[];            /* by CheckStage; [0] is empty */
extern const char *const PROPERTIES[];                                           /* 真实性 完整性 可用性 安全性, ended by NULL */

typedef struct Rule Rule;
typedef struct {
  const char *code, *name, *property, *group, *purpose, *object; /* borrowed from source */
  const Rule *rule;
  json_t *with, *categories; /* borrowed; NULL: none, all */
  gboolean warning, person;
  json_t *source;
} Item;

typedef struct {
  CheckStage stage;
  const char *title;
  json_t *source;
  Item *items;
  guint count;
} Scheme;

gboolean scheme_load_all(const char *dir, GError **error); /* replaces those in use; the old ones stay, for runs under way */
const Scheme *scheme_of(CheckStage stage);                 /* NULL before scheme_load_all */
const Rule *rule_find(const char *name);

/* ---- what was found out about a file ---- */
enum { NEED_EXAMINE = 1, NEED_DIGEST = 2, NEED_SIGNATURE = 4, NEED_VIRUS = 8 };
typedef struct {
  char *path, *disk;
  gint64 size_bytes;
  json_t *declared;
  json_t *examined;                           /* format_examine's; NULL: not there, or problem */
  json_t *digests;                            /* {name: hex} for those declared; NULL like examined */
  json_t *signatures;
  char *problem, *digest_problem, *signature_problem;
  FormatVirus virus;
  char *virus_detail;
} FileFacts;
typedef struct {
  gint64 row, record_id;
  json_t *record;
  FileFacts *files;
  gsize file_count;
  gboolean ready; /* facts are there; under the run's lock */
} Unit;
/* scanner: clamd's socket, NULL: none; trust: folder of certificates, NULL. */
void facts_find(FileFacts *facts, guint needs, const char *scanner, const char *trust, struct Pace *pace);
void facts_clear(FileFacts *facts);
gboolean facts_there(const FileFacts *facts);
gboolean facts_attachment(const FileFacts *facts);
const char *facts_text(const FileFacts *facts, const char *key); /* of what was examined; "" when not known */
const char *facts_unknown(const FileFacts *facts, const char *key); /* why it is not known, NULL when nobody says */
gint64 facts_number(const FileFacts *facts, const char *key);    /* -1: not known */

/* ---- an item being checked ---- */
typedef struct {
  const Item *item;
  const CheckRun *run; /* NULL while a scheme is only read */
  gpointer state;
  gint64 checked, failed, pending, sequence;
  gboolean skipped, withdrawn;
  char *explain;
} Probe;

/* code of a rule, the keys its `with` may have, what it needs to know of files; functions that are NULL have nothing to do. begin reads `with`
 * (INVALID tells what is wrong with it) and makes the state. */
struct Rule {
  const char *name;
  const char *const *parameters;
  guint needs;
  gboolean (*begin)(Probe *probe, GError **error);
  void (*unit)(Probe *probe, const Unit *unit);
  void (*surplus)(Probe *probe, const char *path);
  void (*end)(Probe *probe);
  void (*clear)(gpointer state);
};
extern const Rule RULES_RECORD[], RULES_SERIES[], RULES_FILE[], RULES_WHOLE[]; /* ended by name NULL */

void probe_fault(Probe *probe, const Unit *unit, const char *path, const char *format, ...) G_GNUC_PRINTF(4, 5);   /* unit, path NULL: of the whole */
void probe_pending(Probe *probe, const Unit *unit, const char *path, const char *format, ...) G_GNUC_PRINTF(4, 5); /* a person has to look */
void probe_skip(Probe *probe, const char *format, ...) G_GNUC_PRINTF(2, 3);    /* could not be checked; the reason */
void probe_withdraw(Probe *probe); /* takes back its findings */
void probe_explain(Probe *probe, const char *format, ...) G_GNUC_PRINTF(2, 3);
json_t *probe_with(const Probe *probe, const char *key);
gboolean probe_number(const Probe *probe, const char *key, gint64 missing, gint64 *ret, GError **error);

/* ---- what a run's rules may ask ---- */
json_t *run_declared(const CheckRun *run);
json_t *run_structure(const CheckRun *run);
const CatalogCategory *run_category(const CheckRun *run, json_t *record);
const char *run_category_code(const CheckRun *run, json_t *record);
const char *run_scanner(const CheckRun *run, const char **ret_reason); /* NULL with the reason when viruses cannot be looked for */
Sql *run_sql(const CheckRun *run, GError **error);
gint64 run_files(const CheckRun *run);
gint64 run_units(const CheckRun *run);
gint64 run_bytes(const CheckRun *run);

/* ---- values of a record ---- */
char *record_value(json_t *record, const char *key); /* as text, "" when absent; what was kept as written because nobody understood it comes first */
const char *record_code(json_t *record);
gboolean record_is_item(json_t *record);
const char *record_level(json_t *record);            /* "volume", "item" */
char *record_label(const CheckRun *run, json_t *record, const char *key);
gint64 record_number(json_t *record, const char *key); /* 0: none */

/* ---- results ---- */
gboolean result_put(Sql *sql, gint64 id, Probe *const *probes, guint count, GError **error);
/* Settles the run's state and tells the journal: task {stage, subject_kind, subject_id, name, …} with its items. */
gboolean result_finish(Sql *sql, gint64 id, const char *actor, json_t *task, GError **error);
gboolean result_sign(const House *house, Sql *sql, const char *actor, gint64 id, const char *const *codes, gsize count, gboolean good, const char *note,
  GError **error);
/* What was signed earlier and waits now: {check (0: nothing was), signed, same, items: [{check, code, state, note, signed_by, signed_at, same}]}; earlier.c */
json_t *result_earlier(Sql *sql, gint64 id, GError **error);
gboolean result_take_over(const House *house, Sql *sql, const char *actor, gint64 id, GError **error); /* all that are the same; CONFLICT: none is */
json_t *result_findings(Sql *sql, gint64 id, const char *item, gint64 after, guint limit, GError **error);
/* ---- findings.c ---- */
enum { FINDINGS_KEPT = 500 };
gboolean findings_put(Sql *sql, gint64 id, const char *item, json_t *findings, GError **error); /* [{sequence (none: its place), row, record_id, code, path, …}] */
gboolean findings_tell(Sql *sql, gint64 id, const char *actor, GError **error); /* to the journal, after the run's items were told */
gboolean findings_replay(Sql *sql, gint64 id, json_t *event, GError **error);
json_t *findings_first(json_t *findings); /* as many as the journal is told; new */
json_t *result_document(json_t *report); /* for print_pdf */
CheckVisible visible_of(const char *subject_kind, const char **ret_prefix); /* NULL: nobody may see it */

/* ---- pages ---- */
WebReply *page_check(WebRequest *request, GError **error);
WebReply *page_check_pdf(WebRequest *request, GError **error);
WebReply *page_check_findings(WebRequest *request, GError **error);
WebReply *page_check_sign(WebRequest *request, GError **error);
WebReply *page_scheme(WebRequest *request, GError **error);
