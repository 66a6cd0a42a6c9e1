/*
 * Ledgers (台账): definable registers of the archives' own work. A ledger is data (grammar: docs/ledgers.zh.md); an entry has a state, who is responsible, by when.
 *
 * 1. Definitions have versions; an entry keeps the version that it was last written under. A definition is compared with the entries before it comes into force.
 * 2. Every change is one event (ledger.put) that holds the entries as they are afterwards, so a rebuild writes the same rows; every state is kept (ledger_entry_version).
 * 3. Every read and every change takes the Asker. An entry's rows and fields that it may not see are not told, nor counted, except as the
 *    number of a figure where the ledger is `restricted`: that is figure/'s decision.
 * 4. A change of state goes along the definition's moves: who may, what it needs, by another person.
 * 5. A number (编号) is never used twice.
 */
#pragma once
#include "catalog.h"
#include "house.h"
#include "job.h"
#include "people.h"
#include "sql.h"
#include "web.h"

gboolean ledger_open(const House *house, GError **error); /* schema; what is in force. The files: ledger_definitions_load */
void ledger_close(void);
typedef const char *(*LedgerFeedFields)(const char *source, char **ret_all); /* fields of what a ledger is fed from, by blanks; NULL: unknown, *ret_all (new): all */
void ledger_set_feeds(LedgerFeedFields fields);

/* Who asks: ledgers and fields by role, rows by being one's own or of one's fonds and body, secrecy by level (gate.c). */
typedef struct { const Person *person; gboolean everything; } Asker;
#define LEDGER_EVERYTHING ((Asker){NULL, TRUE}) /* the program's own work */
static inline Asker ledger_asker(const WebRequest *request) { return (Asker){web_identity(request), FALSE}; }

/* ---- definitions (definition*.c) ---- */
typedef enum { FIELD_TEXT, FIELD_LINES, FIELD_NUMBER, FIELD_MONEY, FIELD_DATE, FIELD_PERIOD, FIELD_CHOICE, FIELD_BOOL, FIELD_PERSON, FIELD_BODY, FIELD_PLACE, FIELD_ENTRY,
  FIELD_RECORD, FIELD_FILE, FIELD_ROWS, FIELD_AGE, FIELD_LINK } LedgerType;
typedef struct LedgerField LedgerField;
struct LedgerField {
  const char *name, *unit, *hint;
  LedgerType type;
  gboolean many, dated, required, list, open;  /* as in the definition */
  gboolean base;                               /* one of the fields every entry has */
  const char *const *values;                   /* choices, NULL-ended; NULL: none */
  const char *ledger;                          /* FIELD_ENTRY: which ledger */
  const char *of;                              /* FIELD_AGE */
  json_t *fallback, *when, *roles;             /* default value, condition, who reads; NULL: none */
  const char *const *was;                      /* former names; NULL: none */
  json_t *renamed;                             /* choices: {former: present}; NULL: none */
  const LedgerField *fields; guint count;      /* FIELD_ROWS */
};
typedef struct { const char *from, *to, *label, *note; const char *const *roles, *const *needs; json_t *sets, *complete; gboolean another; } LedgerMove;
typedef struct { const char *name; gboolean closed; const char *const *was; } LedgerState;
typedef struct LedgerDefinition {
  gint64 id; int version;
  const char *name, *group, *about, *number, *title_label, *date_label;
  gboolean title_required, date_required, restricted, own_rows;
  const char *const *read, *const *write, *const *all; /* roles; NULL: everyone with the permission */
  const char *const *of;                                /* fields that say whose a row is: a fonds' or a body's; NULL: none */
  const LedgerField *fields; guint field_count;         /* base fields it uses first */
  const LedgerState *states; guint state_count;
  const LedgerMove *moves; guint move_count;            /* 0: any to any */
  json_t *json;                                         /* the whole definition, cleaned */
} LedgerDefinition; /* immutable; lives until ledger_close, so readers take no lock */

const LedgerDefinition *ledger_find(const char *name);  /* by name or former name; NULL */
const LedgerDefinition *ledger_of(gint64 id);
const LedgerDefinition **ledger_all(void); /* by group and order of definition; ended by NULL; g_free the array */
const LedgerField *ledger_field(const LedgerDefinition *definition, const char *name); /* base fields too; NULL */
const LedgerState *ledger_state(const LedgerDefinition *definition, const char *name);
/* Checks a definition by itself and against the ledgers there are (others: further ones that come in the same go, or NULL).
 * [{where: "fields[3].type", what}]; empty: good. New. */
json_t *ledger_definition_faults(json_t *definition, json_t *others);
/* What would no longer fit: [{entry, number, title, field, value, why}], at most limit of what the asker may see, and the count of all. */
json_t *ledger_definition_conflicts(Sql *sql, Asker asker, json_t *definition, int limit, gint64 *ret_count, GError **error);
/* Puts a definition in force as the next version (journal ledger.define). CONFLICT with the first entries that contradict. Its id. */
gint64 ledger_define(Sql *sql, const char *actor, json_t *definition, GError **error);
/* Several that may refer to each other, {file: definition}; the file stands in the message. A file is read again when it says something else. */
gboolean ledger_define_many(Sql *sql, const char *actor, json_t *documents, GError **error);
gboolean ledger_definitions_load(const House *house, GError **error); /* the archive's definitions/ledgers, else the built-in ones, as far as they are new */
/* What the writing transaction has defined is in force at once: for a command that ends with it. */
gboolean ledger_definitions_foresee(Sql *sql, GError **error);
json_t *ledger_definition_version(Sql *sql, gint64 ledger, int version, GError **error);

gboolean ledger_may_read(const LedgerDefinition *definition, Asker asker);
gboolean ledger_may_write(const LedgerDefinition *definition, Asker asker);
gboolean ledger_may_read_field(const LedgerField *field, Asker asker);
gboolean ledger_may_ask(const LedgerDefinition *definition, Asker asker, const char *path); /* each field and ledger on a path may be read */
gboolean ledger_may_write_field(const LedgerField *field, Asker asker); /* child rows: only who sees all of them, so that nothing unseen is lost */
/* The secrecy up to which the asker sees every entry of the ledger, whoever it belongs to; -1: there is none. */
int ledger_admits_level(const LedgerDefinition *definition, Asker asker);
gboolean ledger_admits(const LedgerDefinition *definition, Asker asker, json_t *entry); /* rows and secrecy */

/* ---- entries (entry*.c): JSON as in docs/ledgers.zh.md ---- */
json_t *ledger_entry_load(Sql *sql, Asker asker, gint64 id, GError **error); /* NOT_FOUND also for what may not be seen; fields that may not be seen left out */
/* Checks and cleans what was given against the definition. Messages by field, {field: message}, empty when good. entry is changed in place (types, dates, defaults).
 * What the asker may not see is as if there were none, but where the stored entry refers to it already. */
json_t *ledger_entry_problems(Sql *sql, Asker asker, const LedgerDefinition *definition, json_t *entry);
/* DENIED: the ledger, or one of the fields, is not for the asker to write; NOT_FOUND: he may not see the entry. LEDGER_EVERYTHING: the program itself.
 * Creates (id absent or 0) or changes an entry; fields absent from values stay as they are, null empties. expect_rev 0: not compared; CONFLICT tells who changed it.
 * INVALID: the message names the first field; ledger_entry_problems tells all. Its id, 0 on error. Nothing is written when nothing differs. */
gint64 ledger_entry_put(Sql *sql, Asker asker, const char *actor, json_t *entry, gint64 expect_rev, GError **error);
/* Many at once, one event per 200. All or nothing within the caller's transaction. ret_ids may be NULL. */
gboolean ledger_entry_put_many(Sql *sql, Asker asker, const char *actor, json_t *entries, GArray *ret_ids, GError **error);
/* key: what the program itself filled it from ("delivery:12"): created, brought up to date, or back when the program had taken
 * it out; fields that people filled in besides stay. */
gint64 ledger_entry_feed(Sql *sql, const char *ledger, const char *key, json_t *entry, GError **error);
/* What it was filled from is gone: it is marked deleted, by the system. TRUE also when there is none. */
gboolean ledger_entry_unfeed(Sql *sql, const char *ledger, const char *key, const char *why, GError **error);
/* on: YYYYMMDD, the day from which the state holds; note may be NULL. DENIED, INVALID name what is missing. */
gboolean ledger_entry_move(Sql *sql, Asker asker, const char *actor, gint64 id, const char *to, int on, const char *note, GError **error);
json_t *ledger_entry_moves(Sql *sql, Asker asker, const char *actor, json_t *entry, GError **error); /* [{to, label, note, missing: [field]}] that the asker may make */
gboolean ledger_entry_delete(Sql *sql, Asker asker, const char *actor, gint64 id, const char *why, GError **error); /* CONFLICT while others refer to it; kept */
gboolean ledger_entry_restore(Sql *sql, Asker asker, const char *actor, gint64 id, gint64 rev, GError **error); /* as it was then; also a deleted one */
/* The same, with the state it was in then: a step taken back by who took it (DENIED for others). The caller has seen that it is still the newest. */
gboolean ledger_entry_take_back(Sql *sql, Asker asker, const char *actor, gint64 id, gint64 rev, GError **error);
/* [{rev, at, actor, note, first, secrecy, changes: [{field, from, to}]}], at most limit, newest first; before: only older than that rev, 0: from the newest on. What was
 * secret for the asker then is left out. */
json_t *ledger_entry_history(Sql *sql, Asker asker, gint64 id, gint64 before, int limit, GError **error);
/* [{ledger, field, entries: [..first 200], count}]: children, e.g. measures of a problem */
json_t *ledger_entry_referring(Sql *sql, Asker asker, gint64 id, GError **error);
json_t *ledger_entries_of_record(Sql *sql, Asker asker, gint64 record, GError **error);
gboolean ledger_entry_comment(Sql *sql, Asker asker, const char *actor, gint64 id, const char *text, GError **error);
/* The newest before an id (0: of all), at most limit, oldest first: [{id, at, actor, text, secrecy}], the secrecy of the entry then. What was said while the asker
 * might not have seen it is left out. */
json_t *ledger_entry_comments(Sql *sql, Asker asker, gint64 id, gint64 before, int limit, GError **error);
/* Files, kept as the object urn:lantai:entry:<id>. In a transaction of its own; one of the same name is replaced (another version). */
gboolean ledger_entry_attach(const House *house, Asker asker, const char *actor, gint64 id, const char *name, const char *path, GError **error);
gboolean ledger_entry_detach(Sql *sql, Asker asker, const char *actor, gint64 id, const char *name, GError **error);
int ledger_entry_file_open(const House *house, Sql *sql, Asker asker, gint64 id, const char *name, gint64 *ret_size, GError **error); /* a descriptor */

/* A page of entries that meet `where` (NULL: all), by key. {entries: [...], count, next} */
typedef struct {
  const LedgerDefinition *definition;
  json_t *where;         /* borrowed */
  const char *words;     /* in title, number or any text value */
  const char *sort;      /* a field, "-" before it: downwards; NULL: newest first */
  const char *after;     /* `next` of the page before */
  int limit;
  int on;                /* as of the end of that day (YYYYMMDD), from the history; 0: now */
} LedgerAsk;
json_t *ledger_list(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, GError **error);
/* Beside an entry in a list (of now; ask's after and limit do not matter): {former, later: ids, 0: none; place: from 1, 0: it does not meet the list; count}.
 * Empty where the ledger has no such entry any more. NULL on error. New. */
json_t *ledger_neighbours(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, gint64 entry, GError **error);
/* Everything the person owes: [{entry, ledger, due, overdue, why}] by due date, at most limit. */
json_t *ledger_owed(const House *house, Sql *sql, const Person *person, int limit, GError **error);

/* ---- answers kept ready (ready.c) ---- */
typedef json_t *(*LedgerMake)(gpointer data, GError **error);
/* What make gives for the key, made once until something that it read changes: a ledger (seen by itself), what ledger_ready_needs was told, a definition, the day.
 * The key says everything else that it depends on, above all the asker's view. In a writing transaction, and without a key, it is always made. New. */
json_t *ledger_ready(Sql *sql, const char *key, LedgerMake make, gpointer data, GError **error);
/* A number, never negative, that rises with each change of what else an answer was made from; asked again before the answer is given again. -1 on error. */
typedef gint64 (*LedgerCounter)(Sql *sql, gint64 argument, GError **error);
gint64 ledger_ready_needs(Sql *sql, LedgerCounter counter, gint64 argument, GError **error);
typedef struct { gint64 rev; int era; } LedgerMoment; /* how far entries and definitions have come for a transaction: alike, nothing was changed between */
gboolean ledger_moment(Sql *sql, LedgerMoment *ret, GError **error);
void ledger_ready_renew(void);  /* a definition of whatever kind came into force */
char *ledger_view(Asker asker); /* two askers of the same text see the same of all ledgers. New */

/* ---- dossiers (dossier.c): a finished entry as a record of the catalogue, as the definition's `archives` says ---- */
gboolean ledger_may_archive(const LedgerDefinition *definition, Asker asker);
gboolean ledger_may_archive_entry(json_t *entry, Asker asker); /* it is finished, fits the rule, and was not archived yet */
json_t *ledger_archivable(const House *house, Sql *sql, Asker asker, const LedgerDefinition *definition, int year, GError **error); /* at most 200; year 0: all */
/* {id, rev, name, ledger, category, fonds ("": the archives' own), columns: {题名: text, …}, files: [{entry, name, as, size, sha512}] in order, the sheet goes before them,
 * left_out: [sentence], document: the sheet for print_pdf}. DENIED, CONFLICT with the reason. */
json_t *ledger_dossier(Sql *sql, Asker asker, gint64 id, GError **error);
typedef struct { gint64 entry, rev, delivery; const char *code; } LedgerTie;
gboolean ledger_entry_tie(Sql *sql, const char *actor, const LedgerTie *tie, GError **error); /* CONFLICT: tied, or changed since rev */
gboolean ledger_entry_archived(Sql *sql, gint64 id, gint64 record, const char *note, GError **error); /* record 0: it is free again */
json_t *ledger_tied(Sql *sql, gint64 delivery, GError **error); /* [{id, code, record}]; record 0: not yet */
gboolean ledger_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error); /* a record's entries, on its page */

/* ---- tables in memory (table.c, where.c): what lists and figures compute over ---- */
typedef struct LedgerTable LedgerTable; /* one ledger's live entries (also those that stand in it as well), column by column; follows every commit */
/* Brought up to what the transaction sees; read-locked until released. Entries are 0 … count-1 in no order; deleted ones are not among them. */
LedgerTable *ledger_table(const House *house, Sql *sql, const LedgerDefinition *definition, GError **error);
void ledger_table_release(LedgerTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerTable, ledger_table_release)
guint ledger_table_count(const LedgerTable *table);
gint64 ledger_table_id(const LedgerTable *table, guint index);
const LedgerDefinition *ledger_table_definition(const LedgerTable *table);
Security ledger_table_secrecy(const LedgerTable *table, guint index);
void ledger_table_dates(const LedgerTable *table, guint index, gint32 *ret_from, gint32 *ret_to); /* of the entry, YYYYMMDD; 0 without */
double ledger_table_quantity(const LedgerTable *table, guint index);
const char *ledger_table_unit(const LedgerTable *table, guint index);  /* 单位 */
const char *ledger_table_basis(const LedgerTable *table, guint index); /* 口径 */

/* Which rows of a table the asker may see, made once for a pass over them; not longer than the table is held. */
typedef struct LedgerGate LedgerGate;
LedgerGate *ledger_gate_new(const LedgerTable *table, Asker asker);
void ledger_gate_free(LedgerGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerGate, ledger_gate_free)
gboolean ledger_gate_admits(const LedgerGate *gate, guint index);

typedef struct LedgerWhere LedgerWhere;
/* INVALID names what is wrong and the nearest name. Tables of ledgers that paths lead to are held with it; of their rows those that the asker may not see are passed by.
 * condition NULL: everything. */
LedgerWhere *ledger_where_new(const House *house, Sql *sql, Asker asker, const LedgerTable *table, json_t *condition, GError **error);
void ledger_where_free(LedgerWhere *where);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerWhere, ledger_where_free)
gboolean ledger_where_meets(const LedgerWhere *where, guint index, int at); /* at: YYYYMMDD for dated values and states; 0: the newest */
json_t *ledger_where_faults(const LedgerDefinition *definition, json_t *condition); /* [{where, what}] without a table, for definitions */
char *ledger_where_words(const LedgerDefinition *definition, json_t *condition); /* in Chinese, for “how computed”: 会议类型是党委会，议题类别是学习 */

typedef struct LedgerPath LedgerPath; /* a field, a child row's field, one through an entry field */
LedgerPath *ledger_path_new(const House *house, Sql *sql, const LedgerTable *table, const char *path, GError **error);
void ledger_path_bare(LedgerPath *path); /* numbers, days and entries come without a text from now on, which takes a third of the time */
void ledger_path_free(LedgerPath *path);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerPath, ledger_path_free)
/* What is wrong with a path, in words, or NULL; ret_field (may be NULL): the field at its end, NULL for one derived from the date. New string. */
char *ledger_path_fault(const LedgerDefinition *definition, const char *path, const LedgerField **ret_field);
/* text: as shown, borrowed, never NULL. A span of time: number and until are minutes. */
typedef struct { const char *text; double number, until; gint32 from, to; gboolean has_number; } LedgerValue;
typedef void (*LedgerVisit)(const LedgerValue *value, gpointer data);
/* Every value; where given and with a row condition on the path's child field: only of the rows that meet it. */
void ledger_path_values(const LedgerPath *path, const LedgerWhere *where, guint index, int at, LedgerVisit visit, gpointer data);

gboolean ledger_path_leads(const LedgerPath *path); /* whether values come from other entries, or name them */
typedef void (*LedgerPassed)(const LedgerTable *table, guint index, gpointer data); /* an entry of another table that one's values come from or name */
void ledger_path_passed(const LedgerPath *path, guint index, int at, LedgerPassed visit, gpointer data);
/* Each field on a path with its ledger, and each further ledger with field NULL; stops at what is no field. */
typedef void (*LedgerStep)(const LedgerDefinition *ledger, const LedgerField *field, gpointer data);
void ledger_path_steps(const LedgerDefinition *definition, const char *path, LedgerStep visit, gpointer data);

/* ---- duties, snapshots, spreadsheets ---- */
gboolean ledger_duties_make(const House *house, const char *day, GError **error); /* entries that are due, and what comes back; idempotent; called by the tick */
/* [{title, every, gaps, owner ("": nobody), periods: [{label, from, to, due, state: done|open|gap, gap, entry}]}], newest period first */
json_t *ledger_duties(Sql *sql, Asker asker, const LedgerDefinition *definition, GError **error);
/* every: day workday week twoweeks halfmonth month quarter halfyear year. FALSE: the day is in none (a Sunday is no workday). */
gboolean ledger_period(const char *every, int day, int *ret_from, int *ret_to);
/* The whole sheet, in slices; INVALID with the first rows when there are faults, and nothing is made. A sheet that was broken off goes on. path: xlsx, csv … ;
 * {created, changed, same, rows, problem_count, problems: [{row, problems}], entries: first 20, columns, batch (absent: nothing was made), left: rows that were left} */
json_t *ledger_import(const House *house, Asker asker, const char *actor, const LedgerDefinition *definition, const char *path, gboolean rehearse, GError **error);
/* Takes a whole import back: {batch, undone, kept: [{row, number, title, problem}]}. */
gboolean ledger_import_undo(const House *house, const char *actor, gint64 batch, json_t **ret, GError **error);
gboolean ledger_export(const House *house, Asker asker, const LedgerAsk *ask, const char *path, GError **error); /* xlsx, or csv by the name */
/* How a list was on two days: [{number, title, what: added|removed|changed|closed, fields}] */
json_t *ledger_compare(const House *house, Sql *sql, Asker asker, const LedgerAsk *ask, int before, int after, GError **error);

/* The view 图 of a ledger's page is drawn by a room above, which knows numbers and charts: it puts `charts` into the model or, where the request asks for one cell of them
 * (chart, row, column), `behind` with its rows. where (borrowed, NULL: all) and path (with what of the address keeps its meaning) are the page's. */
typedef gboolean (*LedgerCharts)(WebRequest *request, Sql *sql, const LedgerDefinition *definition, json_t *where, const char *path, json_t *model, GError **error);
void ledger_set_charts(LedgerCharts charts);

/* What the signed-in person owes, for the home page (ui/ledger/home.html): {count, overdue, today, soon, groups, usual: the ledgers that he put first, any}.
 * NULL: nothing to show. */
json_t *ledger_home(WebRequest *request, Sql *sql, GError **error);
gboolean ledger_replay(const House *house, Sql *sql, json_t *event, GError **error); /* ledger.* */
extern const JobKind LEDGER_JOBS[];
extern const JobTick LEDGER_TICKS[];
extern const WebRoute LEDGER_ROUTES[]; /* /ledgers /ledger/{id} /ledger/{id}/new /entry/{id} … */
