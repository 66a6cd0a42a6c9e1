/* Inside the ledger room only. */
#pragma once
#include "authority.h"
#include "date.h"
#include "error.h"
#include "journal.h"
#include "json.h"
#include "ledger.h"
#include "text.h"
#include "workday.h"
#include <string.h>

#define UNIT_SELF "本馆"
#define ENTRY_COLUMN "条目" /* of spreadsheets: "#17" */
#define FAULT_COLUMN "没有写入的原因" /* of a sheet of rows to be corrected */
enum { LEDGER_BATCH = 200, FIELDS_MAX = 120, TEXT_MAX = 1000, LINES_MAX = 20000, TITLE_MAX = 500, MANY_MAX = 1000, ROWS_MAX = 2000 };

char *record_used(Sql *sql, gint64 record, GError **error); /* entry.c: CatalogTie */
/* ---- ledger.c ---- */
static inline gboolean word_in(const char *const *words, const char *word) { return words != NULL && word != NULL && g_strv_contains(words, word); }
void ledger_install(LedgerDefinition *definition); /* takes it; the newest by name and id */
void ledger_tables_close(void); /* table.c */
void ready_close(void);         /* ready.c */
json_t *value_empty_dropped(json_t *object);       /* without null, "", [] and {}; in place, returns it */
gboolean json_is_empty(json_t *value);

/* ---- gate.c ---- */
gboolean ledger_some_rows_only(const LedgerDefinition *definition, Asker asker); /* of those who may read it: this one does not see all rows, whatever their secrecy */
gboolean entry_admitted(json_t *entry, Asker asker); /* by any of its ledgers */
gboolean version_admitted(json_t *version, Asker asker); /* what an entry was, of one whose entry of today is admitted */
gboolean entry_stays_in_reach(json_t *former, json_t *entry, Asker asker, GError **error); /* DENIED: who works for some only makes it others'; former NULL: new */
char **reach_names(Sql *sql, const gint64 *fonds, gsize count, const char *body); /* a PeopleReach */

/* ---- export.c ---- */
/* A spreadsheet would take it for a formula, or it is such a text behind a ': in CSV a ' goes before it, which an import takes away again. */
gboolean cell_is_formula(const char *cell);

/* ---- nearest.c: what was probably meant ---- */
const char *nearest_field(const LedgerDefinition *definition, const char *name);
const char *nearest_ledger(const char *name);
char *nearest_words(const char *nearest); /* "，是不是“X”" or ""; NULL: nothing is near */

/* ---- base.c: the fields of every entry ---- */
extern const char *const BASIS_WORDS[], *const SECRECY_WORDS[];
const LedgerField *base_fields(guint *ret_count);
const LedgerField *base_field(const char *name);
const char *base_key(const char *name); /* 责任人 → owner: its member of an entry; NULL: in values, or derived */
gboolean base_derived(const char *name); /* 年度 季度 月份 周次 */
gboolean base_tied(const char *name);    /* 档案 归档档号 归档批次: in values, written by dossier.c alone */

/* ---- definition.c ---- */
LedgerDefinition *definition_parse(json_t *definition, gint64 id, int version); /* a checked one; takes a reference */
void definition_drop(LedgerDefinition *definition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerDefinition, definition_drop)
LedgerType type_of_word(const char *word, gboolean *ret_known);
extern const char *const TYPE_WORDS[];
gboolean field_when(json_t *when, json_t *values, json_t *entry); /* {类型: 图书}, {类型: [a, b]}, {份数: {min: 1}}; NULL: always */

/* ---- definition-check.c ---- */
json_t *definition_clean(json_t *definition); /* short forms written out; of anything, also a wrong one. New */

/* ---- definition-store.c ---- */
gboolean definitions_load_stored(Sql *sql, GError **error);
gboolean define_replay(Sql *sql, json_t *data, GError **error);
gint64 ledger_id_of(Sql *sql, const char *name); /* as the transaction has it; 0: none */
gint64 ledger_id_present(Sql *sql, json_t *definition); /* the ledger that a definition would change, by its name or a former one; 0: a new one */

/* ---- entry.c ---- */
#define ENTRY_COLUMNS \
  "e.id AS id, e.ledger_id AS ledger_id, e.version AS version, e.rev AS rev, e.number AS number, e.unit AS unit, e.from_date AS from_date, " \
  "e.to_date AS to_date, e.title AS title, e.state AS state, e.closed AS closed, e.owner AS owner, e.department AS department, e.due AS due, " \
  "e.quantity AS quantity, e.basis AS basis, e.secrecy AS secrecy, e.key AS key, e.deleted AS deleted, e.made_us AS made_us, " \
  "e.made_by AS made_by, e.changed_us AS changed_us, e.changed_by AS changed_by, e.moved_by AS moved_by, e.data AS data, e.states AS states, " \
  "e.files AS files, (SELECT json_group_array(a.ledger_id) FROM ledger_also AS a WHERE a.entry_id = e.id AND a.gone = 0) AS also "
#define ENTRY_SELECT "SELECT " ENTRY_COLUMNS "FROM ledger_entry AS e "
json_t *entry_from_row(SqlRows *rows); /* the stored form, with every field */
json_t *entry_load_any(Sql *sql, gint64 id, GError **error); /* deleted ones too, no gate; NOT_FOUND */
json_t *entries_query(SqlRows *rows, GError **error); /* takes the rows */
void entry_hide(json_t *entry, Asker asker); /* fields that may not be seen go out */
/* Definitions that an entry stands in: its own, then `also`. */
GPtrArray *entry_definitions(json_t *entry);
const LedgerField *entry_field(GPtrArray *definitions, const char *name);
/* In place, what an entry says under former names: fields, choices and states take the present ones. */
void entry_renew(const LedgerDefinition *definition, json_t *entry); /* all of them */
void values_renew(const LedgerDefinition *definition, json_t *values);
void states_renew(const LedgerDefinition *definition, json_t *states); /* [[state, day], …] */
const char *state_renewed(const LedgerDefinition *definition, const char *name); /* itself where no state was called so */
const char *choice_renewed(const LedgerField *field, const char *value);
json_t *entry_value(json_t *entry, const LedgerField *field); /* borrowed or NULL; base fields too, but derived ones */
double json_as_number(json_t *value);
json_t *number_json(double number); /* an integer where it is one */

/* ---- entry-write.c ---- */
gboolean entry_write(Sql *sql, json_t *entry, const char *note, GError **error); /* row, ledgers, links, version: all that follows from it */
gint64 entry_next_rev(Sql *sql);

/* ---- entry-value.c ---- */
/* asker: NULL: everybody; what he may not see is as if it were not there, but where the field refers to it already (former: its value now, may be NULL). */
typedef struct { Sql *sql; json_t *entry; const LedgerDefinition *definition; const Asker *asker; json_t *former; } ValueContext;
json_t *dated_parse(const char *text); /* [[value, day]] of what is shown of a dated value; NULL: it is a plain one */
/* The value as it is stored, or NULL with what is wrong (Chinese, without the field's name). An empty one: json_null. */
json_t *value_clean(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem);

/* ---- entry-put.c ---- */
typedef struct { gint64 id; json_t *problems; } Prepared; /* which entry it is; problems: {field: message}, borrowed by nobody: json_decref */
/* The whole entry as it would be written, with the next rev and its number. NULL without error: nothing differs. */
json_t *entry_prepare(Sql *sql, Asker asker, const char *actor, json_t *given, gint64 expect_rev, Prepared *ret, GError **error);
gboolean entry_may_change(json_t *entry, Asker asker, GError **error); /* NOT_FOUND: may not be seen; DENIED: not written */
gboolean entry_may_write_field(GPtrArray *definitions, const char *name, Asker asker);
/* Writes entries as they are afterwards and tells them in one event. */
gboolean entries_tell(Sql *sql, const char *actor, json_t *entries, const char *note, GError **error);
gboolean entry_save(Sql *sql, const char *actor, json_t *entry, const char *note, GError **error); /* one: stamped, written, told */
void entry_stamp(Sql *sql, const char *actor, json_t *entry); /* rev, who changed it and when, version */
gboolean entry_says_same(json_t *one, json_t *other); /* but for who changed it when */
gboolean entry_is_unchanged(json_t *entry, gint64 expect_rev, GError **error); /* CONFLICT tells who changed it when; expect_rev 0: not compared */
typedef struct { gint64 id, expect_rev; const char *to, *note; int on; } Moving; /* on 0: today */
json_t *entry_moved(Sql *sql, Asker asker, const char *actor, const Moving *moving, GError **error); /* as it would be written; not stamped. New */
#define UNDONE_KEY "undone:" /* key of an entry that went with the batch that made it; the same number told anew ("back": true in what is given) brings it again */
gboolean entry_is_undone(json_t *entry);

/* ---- number.c ---- */
gboolean number_give(Sql *sql, const LedgerDefinition *definition, json_t *entry, GError **error); /* sets "number" where there is none yet */
char *number_prefix(const char *pattern, int day, guint *ret_width, char **ret_suffix); /* "XX2023-", width of the serial; NULL: no serial in it */
gboolean number_note(Sql *sql, gint64 ledger_id, const char *pattern, json_t *entry, GError **error); /* a number that was written raises the last serial */

/* What rows of a sheet that was not written yet will make, while it is planned; attached to the reading transaction. */
typedef struct { gint64 ledger; GHashTable *numbers, *titles, *serials; } Foretold; /* number → row, title → how many, prefix → last serial */
void foretold_attach(Sql *sql, const Foretold *foretold);
const Foretold *foretold_of(Sql *sql, gint64 ledger); /* NULL: nothing is foretold of that ledger */
void foretold_add(Foretold *foretold, const LedgerDefinition *definition, json_t *entry, guint row);

/* ---- entry-history.c ---- */
typedef struct { gint64 id, rev; gboolean step; } Restoring; /* step: with the state it was in, taken back by who took it */
/* Entries as they would be written: as it was at a rev (note: what to say of it, may be NULL), and taken out with its batch. New. */
json_t *entry_as_then(Sql *sql, Asker asker, const char *actor, Restoring to, char **ret_note, GError **error);
json_t *entry_buried(Sql *sql, Asker asker, json_t *entry, gint64 batch, GError **error);
json_t *version_load(Sql *sql, gint64 id, gint64 rev, GError **error); /* as it was then, with everything; NOT_FOUND */
json_t *entry_changes(json_t *before, json_t *after, Asker asker); /* [{field, from, to}] in words */
char *entry_value_words(const LedgerField *field, json_t *value);
gboolean comment_write(Sql *sql, json_t *data, GError **error);

/* ---- owed.c ---- */
char *owed_words(Sql *sql, const char *name, const char *title); /* how much an account is responsible for; NULL: nothing */
char *used_words(Sql *sql, const char *kind, const char *name);  /* how many entries name a person or body; NULL: none */

/* ---- duties.c ---- */
void duties_tick(const House *house);
gboolean entry_waits(json_t *entry); /* made by a duty, not done yet */

/* ---- again.c ---- */
gboolean again_make(const House *house, const LedgerDefinition *definition, GError **error);
const LedgerMove *again_move(const LedgerDefinition *definition, json_t *state); /* the move that a state's `again` makes; NULL: there is none */

/* ---- checklist.c ---- */
const LedgerField *checklist_item(const LedgerDefinition *definition); /* the choice that its checklist goes through; NULL: it has none */
/* Of a rule {ledger, by} of a move's `complete`: {ledger, ledger_id, by, item, answer, total, answered, missing: [{item, entry (0: none)}] in order}. */
json_t *checklist_state(Sql *sql, json_t *rule, gint64 parent, GError **error);
char *checklist_lack(Sql *sql, json_t *rule, gint64 parent); /* what is missing, in words; NULL: it is complete */
gboolean checklist_asks(const LedgerDefinition *own, json_t *texts); /* a form with these texts answers a list of another entry */
char *checklist_next(Sql *sql, Asker asker, json_t *entry); /* where the answer after this one is given; all are: its list. NULL: it answers none */
json_t *checklists_model(Sql *sql, Asker asker, json_t *entry); /* for the page: those states, with href where each answer is given */

/* ---- dossier.c ---- */
void entry_untie(json_t *entry);
gboolean entry_is_tied(json_t *entry);                  /* it has been archived, or is being: nothing of it changes any more */
gboolean entry_is_free(json_t *entry, GError **error); /* CONFLICT: it is tied, or deleted */

/* ---- entry-file.c ---- */
char *entry_object(gint64 id); /* urn:lantai:entry:17 */

/* ---- batch.c ---- */
enum { BATCH_UNDO_DAYS = 30 };
typedef enum { BATCH_WAITING, BATCH_MADE, BATCH_LEFT, BATCH_UNDONE, BATCH_KEPT, BATCH_WRONG } BatchState;
typedef struct { const LedgerDefinition *definition; Asker asker; const char *actor, *kind, *title, *path, *digest; } BatchNew;
typedef struct { gint64 turn, sheet_row, entry, before; json_t *given; BatchState state; char *problem; } BatchRow; /* state: BATCH_WAITING, or what it is from the
 * beginning; problem: NULL as "" */
void batch_row_clear(gpointer row);
/* {id, ledger_id, at, actor, everything, kind, title, path, digest, state, total, report, ended}; NOT_FOUND */
json_t *batch_load(Sql *sql, gint64 id, GError **error);
gint64 batch_new(Sql *sql, const BatchNew *as, GError **error); /* being planned */
gboolean batch_begin_anew(const House *house, gint64 id, GError **error); /* without the rows of a planning that was broken off */
gboolean batch_rows_add(const House *house, gint64 id, const GArray *rows, GError **error);
gboolean batch_planned(const House *house, gint64 id, gint64 total, json_t *report, GError **error);
gboolean batch_drop(const House *house, gint64 id, GError **error); /* a plan; what was begun stays */
/* The entry as a row would make it now, with its rev and number. given: of entry_prepare, or {id, move: {to, note}}. NULL without error: nothing differs. New */
json_t *batch_prepare(Sql *sql, Asker asker, const char *actor, json_t *given, gint64 before, GError **error);
/* The row is left when the failure (taken) is one of its own; FALSE: the whole stops. */
gboolean batch_left(GError *failure, char **ret_problem, GError **error);
/* Rows in a state after a turn, at most limit: [{turn, row (0: of no sheet), what: 新增|修改, number, title, href, problem, changes: [{field, from, to}]}];
 * of what the asker may not see row and problem alone. */
json_t *batch_rows(Sql *sql, Asker asker, gint64 id, BatchState state, gint64 after, int limit, GError **error);
/* Rows that were wrong in the sheet, after a turn, at most limit: [{turn, row, problem, lines: [[cell]], or null where it was too wide to be kept}]. */
json_t *batch_wrong(Sql *sql, gint64 id, gint64 after, int limit, GError **error);
gint64 batch_count(Sql *sql, gint64 id, BatchState state);
gint64 batch_count_new(Sql *sql, gint64 id, BatchState state);
gboolean batch_may_undo(json_t *batch); /* it is recent enough */
/* Makes what was planned, or takes it back: at once when it is small or now, else by a job. CONFLICT: it is not in the state for it. */
gboolean batch_begin(const House *house, gint64 id, const char *actor, gboolean undo, gboolean now, GError **error);
gboolean batch_run(const House *house, Job *job, json_t *parameters, GError **error);
gint64 batch_broken_off(Sql *sql, const LedgerDefinition *definition, const char *actor, const char *digest); /* one that stopped half way; 0: none */
void batches_tick(const House *house); /* plans that nobody made go, a few rows at a time */
gboolean batch_replay(Sql *sql, json_t *data, GError **error);

/* ---- bulk.c ---- */
#define BULK_KIND "成批修改" /* of its batches */
/* Plans a change in bulk as a batch. parameters: {batch, ids: [entries] or where and words of the ledger's list, change: {values} or {move: {to, note}}, and for the
 * report field, value, note}. */
gboolean bulk_plan(const House *house, Job *job, Asker asker, json_t *parameters, GError **error);
gboolean bulk_job(const House *house, Job *job, json_t *parameters, GError **error);

/* ---- list.c ---- */
GArray *list_ids(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, GError **error); /* gint64 of all that meets, as of now, in no order. New */

/* ---- import.c ---- */
/* Plans a sheet as a batch: {batch, created, changed, …} as ledger_import, or NULL without error: more than limit lines (0: none), it waits for the job. */
gboolean import_plan(const House *house, Job *job, gint64 batch, Asker asker, guint limit, gboolean *ret_more, GError **error);
gboolean import_job(const House *house, Job *job, json_t *parameters, GError **error);
