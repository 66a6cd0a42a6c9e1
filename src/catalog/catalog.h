/*
 * Descriptions: fonds, classes, volumes, items (ISAD(G) levels), their codes (档号), the categories and fields they are described by, and the list
 * of files kept for each.
 *
 * 1. A record's code is unique within its fonds. A fonds' own code (全宗号) is unique.
 * 2. Every change of a record goes through this room, in one transaction with its journal event and its index entry, and takes the next `rev`.
 * 3. Every read that can reach a user takes a Scope.
 * 4. Ids are never used twice (sequence table).
 */
#pragma once
#include "content.h"
#include "date.h"
#include "job.h"
#include "journal.h"
#include "scope.h"
#include "search.h"
#include "sql.h"
#include "web.h"
/* ---- definitions (files of definitions/categories, loaded into table category, cached here) ---- */
typedef struct Catalog Catalog;
typedef struct {
  const char *key;          /* "nfxm"; common fields: code title creator docno date year retention security opening page_count fonds fonds_title category
                               volume note file */
  const char *label;        /* 男方姓名 */
  const char *type;         /* text, longtext, number, date, person, body, choice, flag, code */
  const char *const *aliases; /* headers it is recognised by, NULL-ended, already folded (text_fold) */
  gboolean required, listed;  /* listed: shown in result lists */
  gboolean expected;        /* should be there, is only told of when it is not */
  gboolean off_form, staff; /* not on the form; not shown to those who see open records only */
  guint levels;             /* bit 1 << LEVEL_…; 0: volumes and items */
  const char *group, *help, *initial; /* heading on the form, hint, value of a new record; NULL: none */
  const char *const *values, *const *was; /* of a choice; former keys under which older descriptions still have it. NULL-ended; NULL: any, none */
} CatalogField;
typedef struct {
  guint8 id;                /* small id, also in SearchColumns.category */
  const char *code, *title; /* "WS", 文书档案 */
  const char *title_rule;   /* how a title is made when there is none: "{nfxm}与{nvxm}{hyzt}登记"; NULL */
  guint field_count;
  const CatalogField *fields; /* the category's own, in order */
  guint common_count;
  const CatalogField *common; /* what it asks of common fields: required, expected, values, help, initial */
  const char *closed; /* keys of fields that are not for everybody, their former keys too: sorted, a space between; "" none */
} CatalogCategory;

Catalog *catalog_open(SqlDb *db, const char *dir, GError **error); /* schema; loads DIR/definitions/categories or the built-in ones (resources) */
void catalog_close(Catalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_close)
const CatalogCategory *catalog_category(const Catalog *catalog, guint8 id);            /* NULL if none */
const CatalogCategory *catalog_category_by_code(const Catalog *catalog, const char *code);
const CatalogCategory *const *catalog_categories(const Catalog *catalog, guint *ret_count);
/* code 档号, title 题名, creator 责任者 … with their aliases (DH, TM, ZRZ, RZZ, WJRQ, RQ, BGQX, MJ, YS, QZH, ND, WH …) */
const CatalogField *catalog_common_fields(guint *ret_count);
/* Retention as written ↔ small id (永久, 30年, 10年, 长期, 短期, …); interns new texts in the transaction; 0 for "". */
guint8 catalog_retention_intern(Catalog *catalog, Sql *sql, const char *text, GError **error);
const char *catalog_retention_text(const Catalog *catalog, guint8 id);
/* Definitions are changed on /categories while others read them: what these functions gave stays valid until catalog_close. */
/* Why a value does not fit its field, in Chinese; NULL: it fits, or is empty. */
const char *catalog_value_problem(const CatalogField *field, const char *value);
json_t *catalog_field_labels(const Catalog *catalog); /* label → keys of all categories, for search_set_fields: labels, other headers, 姓名 for persons; new reference */
/* A title by the category's rule from fields {key: value}; NULL when there is no rule or none of its fields has a value. */
char *catalog_title_make(const CatalogCategory *category, json_t *fields);

/* ---- archival codes (档号; DA/T 13-1994, DA/T 22-2015, DA/T 13-2022, local fixed widths) ---- */
typedef enum {
  CATALOG_CODE_OTHER, CATALOG_CODE_VOLUME_1994, CATALOG_CODE_PIECE_2015, CATALOG_CODE_2022, CATALOG_CODE_FIXED_VOLUME, CATALOG_CODE_FIXED_PIECE
} CatalogCodeKind;
typedef struct {
  CatalogCodeKind kind;
  char *fonds, *category, *year, *retention, *organ, *inventory /* 目录号 */, *volume, *item, *page; /* NULL: not in the code */
} CatalogCode;
/* The parts that the code itself tells; kind OTHER with no parts when it follows none of the rules. */
void catalog_code_parse(const char *code, CatalogCode *ret);
void catalog_code_clear(CatalogCode *code);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CatalogCode, catalog_code_clear)
int catalog_code_compare(const char *a, const char *b); /* natural order: runs of digits as numbers */

/* ---- records ---- */
typedef struct {
  gint64 id, rev, parent_id, fonds_id, accession_id;
  Level level;
  guint8 category;        /* 0: none (fonds) */
  Security security;
  Opening opening;
  char *code, *title, *creator, *docno;
  char *date_text;        /* as written */
  DateSpan date;          /* as understood; 0,0 if not */
  int year;               /* 年度; from its field, else from date; 0 unknown */
  char *retention;        /* as written; "" unknown */
  int page_count;         /* as declared; 0 unknown */
  int file_count;         /* kept here */
  char *fields;           /* category's own fields and unmapped columns: canonical JSON object, keys sorted, values text; "{}" */
  char *former;           /* codes it had before (原档号), a line each, in byte order; "" none. Kept by every change of the code, never set by callers */
} CatalogRecord;
CatalogRecord *catalog_record_new(void); /* empty strings, level item */
CatalogRecord *catalog_record_dup(const CatalogRecord *record);
void catalog_record_free(CatalogRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogRecord, catalog_record_free)

/* What the definition of its category has against a volume or item: [{key, label, value, kind: "missing|expected|type|value", problem}], never NULL; with
 * `before`, only where the value is another than there. "expected" alone refuses nothing. fits: the others as one error, INVALID. */
json_t *catalog_record_problems(const Catalog *catalog, const CatalogRecord *before, const CatalogRecord *record);
gboolean catalog_record_fits(const Catalog *catalog, const CatalogRecord *before, const CatalogRecord *record, GError **error);
/* The gate, also for fields that a category keeps from those who see open records only (public: false): to these the record comes without them.
 * NOT_FOUND when there is none or the scope does not admit it (no difference is told). */
CatalogRecord *catalog_record_load(Sql *sql, const Scope *scope, gint64 id, GError **error);
/* fonds_id 0: the first with that code that the scope admits. */
CatalogRecord *catalog_record_by_code(Sql *sql, const Scope *scope, gint64 fonds_id, const char *code, GError **error);
/* As the JSON of the API and of metadata.json: {id, rev, parent_id, fonds_id, accession_id, level: "fonds|class|volume|item", level_label, code, title,
 * creator, docno, date (as written, else as understood), date_iso, date_from, date_to, year, retention, security: "public|internal|secret|confidential|top",
 * security_label, security_tone, opening: "unreviewed|open|controlled|deferred", opening_label, opening_tone, page_count, file_count,
 * category: {id, code, title} (absent: none), fields: [{key, label, value}]}. */
json_t *catalog_record_json(const Catalog *catalog, const CatalogRecord *record);
/* Ancestors from the fonds down: [{id, level, code, title}]. */
json_t *catalog_record_path(Sql *sql, const CatalogRecord *record, GError **error);
/* Many by id, in the order given, unseen ones left out; for result lists. */
GPtrArray *catalog_records(Sql *sql, const Scope *scope, const gint64 *ids, gsize count, GError **error);

/* By the rule of the record's fonds and category (definitions/codes.yaml; chosen on /codes, else the one its records follow, else the first fitting). The record
 * needs fonds_id, parent_id, category, level, and what the rule is made of. generate: the next code in its series; INVALID tells what is missing.
 * check: why the code breaks its rule, in Chinese; NULL without error when it does not, or when no rule holds there. */
char *catalog_code_generate(const House *house, Sql *sql, const CatalogRecord *record, GError **error);
char *catalog_code_check(const House *house, Sql *sql, const CatalogRecord *record, GError **error);
/* The same for many records in one reading: the rules in use are looked up once for each fonds and category. */
typedef struct CatalogCodeChecker CatalogCodeChecker;
CatalogCodeChecker *catalog_code_checker_new(const House *house);
void catalog_code_checker_free(CatalogCodeChecker *checker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogCodeChecker, catalog_code_checker_free)
char *catalog_code_checker_check(CatalogCodeChecker *checker, Sql *sql, const CatalogRecord *record, GError **error);

/* Changes. The record's id is set on create. `house` gives search, catalog; both append an event and index.
 * CONFLICT: rev differs from the stored one, or code exists.
 * catalog_record_update with expect_rev 0 does not compare. Writing an equal record changes nothing and returns TRUE. */
gboolean catalog_record_create(const House *house, Sql *sql, const char *actor, CatalogRecord *record, GError **error);
gboolean catalog_record_update(const House *house, Sql *sql, const char *actor, const CatalogRecord *record, gint64 expect_rev, GError **error);
gboolean catalog_record_delete(const House *house, Sql *sql, const char *actor, gint64 id, GError **error); /* CONFLICT: catalog_record_may_go (watch.h) */
/* As update, in its own transaction; a record with files also gets a new version of its object with the new metadata.json, known or unknown together with
 * the row. (It cannot happen inside the caller's transaction: the store commits its intent first.) */
gboolean catalog_record_save(const House *house, const char *actor, const CatalogRecord *record, gint64 expect_rev, GError **error);
char *catalog_metadata_json(const Catalog *catalog, const CatalogRecord *record); /* the text of metadata.json: catalog_record_json without rev */
/* Nodes that imports need; found or made (with their event). class: the node of a category under a fonds. */
gint64 catalog_fonds_ensure(const House *house, Sql *sql, const char *actor, const char *code, const char *title, GError **error);
gint64 catalog_class_ensure(const House *house, Sql *sql, const char *actor, gint64 fonds_id, guint8 category, GError **error);
/* Fields that differ: {"title": [before, after], …}; NULL when equal (id, rev, accession_id are not compared). Of one alone {"record": [all of it, null]}. */
json_t *catalog_record_diff(const CatalogRecord *before, const CatalogRecord *after);
/* Applies an event of this room's ("record.create|update|delete") to an archive being rebuilt. */
gboolean catalog_replay(const House *house, Sql *sql, json_t *event, GError **error);

/* ---- field by field, and many at once (revise/) ---- */
/* Keys: code title creator docno date year retention security opening page_count note, and the category's own. As text; "" for none; new string. */
char *catalog_value_get(const CatalogRecord *record, const char *key);
/* INVALID tells what the field cannot be; the record is then as it was. */
gboolean catalog_value_set(const Catalog *catalog, CatalogRecord *record, const char *key, const char *text, GError **error);
gboolean catalog_value_has(const Catalog *catalog, const CatalogRecord *record, const char *key); /* such a record can have this field */
const char *catalog_value_label(const CatalogCategory *category, const char *key);
/* The record with changes {key: [from, to]} (as catalog_record_diff gives them; back: from later to earlier) where it still has `from`. What has `to` already is
 * passed over; what has neither goes into `conflicts` as {key: [from, now, to]}. */
CatalogRecord *catalog_record_merge(const CatalogRecord *record, json_t *changes, gboolean back, json_t *conflicts, GError **error);
/* The description as it was at an earlier rev, from its history; NULL without error when the history does not tell. */
CatalogRecord *catalog_record_as_of(Sql *sql, const CatalogRecord *now, gint64 rev, GError **error);
typedef struct { CatalogRecord *before, *after; } CatalogChange; /* before: as read, with its rev; NULL: it comes back. after NULL: it goes (watch.h) */
void catalog_change_free(CatalogChange *change);
/* What would be refused of a changed record (not its place in the tree). */
gboolean catalog_change_check(const House *house, Sql *sql, const CatalogRecord *record, GError **error);
typedef struct {
  const char *actor, *why; /* why: for the versions of objects */
  /* In the transaction, after the rows: writes the one event of all and returns its id, 0 on error. Its data has id, title, rev (of the first; the others follow)
   * and rows [[record id, differences], …] in order. */
  gint64 (*tell)(Sql *sql, gint64 rev, GPtrArray *changes, gpointer data, GError **error);
  gpointer data;
} CatalogMany;
/* changes: CatalogChange*, each different in itself. Takes the writer itself. CONFLICT when one was changed since it was read; then nothing is written. */
gboolean catalog_change_many(const House *house, const CatalogMany *many, GPtrArray *changes, GError **error);
gboolean catalog_change_replay(const House *house, Sql *sql, gint64 event_id, gint64 rev, json_t *rows, gboolean back, GError **error);
gboolean catalog_history_add(Sql *sql, gint64 event_id, gint64 record_id, GError **error); /* an event of many that concerns this record */
/* As journal_of, with the events of many: their data is {revision, title, rev, changes}. */
json_t *catalog_history(Sql *sql, gint64 record_id, gint64 before, int limit, GError **error);
json_t *catalog_changes_rows(const Catalog *catalog, const CatalogRecord *record, json_t *changes); /* [{label, before, after}] for a page */
/* Bulk load (accession/): no event per record, the delivery's own event covers it. Reserve ids first. */
gint64 catalog_reserve_ids(Sql *sql, gint64 count, GError **error); /* first id */
typedef enum { CATALOG_PUT_ERROR, CATALOG_PUT_CREATED, CATALOG_PUT_UPDATED, CATALOG_PUT_UNCHANGED } CatalogPut;
/* record->id is used when it is new. When a record of that fonds has this code: equal → UNCHANGED; else updated, and ret_before (if wanted) gets the old one.
 * Level, parent and files of an existing record stay. */
CatalogPut catalog_record_put(const House *house, Sql *sql, CatalogRecord *record, CatalogRecord **ret_before, GError **error);
/* Undo of an update: writes it back as it was, with a new rev. */
gboolean catalog_record_restore(const House *house, Sql *sql, const CatalogRecord *record, GError **error);
/* Undo of a creation: record, index, file rows, page text. CONFLICT with children; gone already is fine. */
gboolean catalog_record_purge(const House *house, Sql *sql, gint64 id, GError **error);
void catalog_bulk_begin(const House *house, Sql *sql);                       /* = search_bulk_begin */
gboolean catalog_bulk_end(const House *house, Sql *sql, GError **error);     /* the last change before commit */
/* For a rebuild: the rev given last in this transaction's view; going on after another one; ids up to this one count as used. */
gint64 catalog_rev_last(Sql *sql, GError **error);
gboolean catalog_rev_seek(Sql *sql, gint64 last, GError **error);
gboolean catalog_ids_used(Sql *sql, gint64 up_to, GError **error);
/* The list of words that stand for one another (synonym.c) to the search: at opening. And an event of it again. */
gboolean catalog_synonyms_load(const House *house, Sql *sql, GError **error);
/* Further groups that a room above knows (the names of bodies), appended to [["北平", "北京"], …] whenever the list goes to the search. */
typedef gboolean (*CatalogSynonyms)(Sql *sql, json_t *groups, GError **error);
void catalog_set_synonym_source(CatalogSynonyms source); /* before catalog_synonyms_load; NULL: none */
gboolean catalog_synonym_replay(const House *house, Sql *sql, json_t *event, GError **error);
/* For search/ (search_set_text_source) and people/ (people_set_fonds_source), which know no records: words of a record; [{id, code, title}] of all fonds. */
gboolean catalog_search_text(Sql *sql, gint64 id, SearchText *ret, gpointer unused);
gboolean catalog_search_pages(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer unused, GError **error); /* SearchPagesSource */
gboolean catalog_search_records(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer house, GError **error); /* SearchRecordsSource */
json_t *catalog_fonds_list(const House *house, Sql *sql, GError **error);
/* ---- files of a record (rows; the bytes are in content/, object "urn:lantai:record:<id>") ---- */
typedef struct {
  gint64 id, record_id, accession_id;
  int sequence;            /* order, from 1 */
  char *name;              /* shown name */
  char *path;              /* logical path in the object */
  char *mime, *puid, *kind;/* FormatInfo */
  gint64 size_bytes;
  char *sha512, *sm3;
  int page_count;          /* pages inside (PDF), 1 for images, 0 unknown */
  int text_pages;          /* pages with text in the index */
} CatalogFile;
void catalog_file_free(CatalogFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogFile, catalog_file_free)
char *catalog_object_id(gint64 record_id);
gboolean catalog_file_add(const House *house, Sql *sql, CatalogFile *file, GError **error);       /* sets id; record's file_count, rev and index follow */
gboolean catalog_file_remove(const House *house, Sql *sql, gint64 file_id, GError **error);       /* with its page text */
/* scope_admits_files decides: DENIED tells that the record may be seen but not its files. */
GPtrArray *catalog_files(Sql *sql, const Scope *scope, gint64 record_id, GError **error);
CatalogFile *catalog_file_load(Sql *sql, const Scope *scope, gint64 file_id, GError **error);
json_t *catalog_file_json(const CatalogFile *file);
/* Destroys what is kept for a record, in the rows: files and page text go, the description stays with a tombstone {reason, kind, kind_label, at, requested_by,
 * requested_at, approved_by, approved_at, disposal, files: [{name, path, size, sha512, sm3, format}]}. CONFLICT: destroyed before. */
gboolean catalog_record_destroy(const House *house, Sql *sql, gint64 record_id, json_t *tombstone, GError **error);
json_t *catalog_tombstone(Sql *sql, gint64 record_id, GError **error); /* NULL without error: none */
/* Text of a page; the number counts through the record's files (file 1 has 1 … n, file 2 goes on). Indexed in the same transaction. */
gboolean catalog_page_text_put(const House *house, Sql *sql, gint64 record_id, gint64 file_id, int page, const char *text, GError **error);
char *catalog_page_text(Sql *sql, const Scope *scope, gint64 record_id, int page, GError **error); /* NULL without error: no text */
/* Makes the index of every record and page anew; progress(done, total) FALSE: it is told to stop, and the index stays as it was (CONFLICT). */
gboolean catalog_reindex(const House *house, gboolean (*progress)(gint64 done, gint64 total, gpointer data), gpointer data, GError **error);
/* Who may describe but not alter (record.propose) has his form's change become a revision that awaits approval: given by revise/; returns its id. */
typedef gint64 (*CatalogPropose)(const House *house, const Scope *scope, const char *actor, const CatalogRecord *before, const CatalogRecord *after, const char *why,
  GError **error);
void catalog_set_propose(CatalogPropose propose);

/* Applies an event of this room's "code.…" (choice of a rule, renumbering) to an archive being rebuilt. */
gboolean catalog_code_replay(const House *house, Sql *sql, json_t *event, GError **error);
/* Applies an event of this room's "category.…" (a definition put in force) to an archive being rebuilt. */
gboolean catalog_category_replay(const House *house, Sql *sql, json_t *event, GError **error);
extern const JobKind CATALOG_JOBS[]; /* renumbering and its undoing; comparing records with a definition */
/* What a room above adds to the model of /record/{id} and of /catalog/{id} of a fonds (links and the like); within the asker's scope. */
typedef gboolean (*CatalogRecordExtra)(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error);
void catalog_set_record_extra(CatalogRecordExtra extra); /* before serving; each room its own, at most 7 */
/* Pages: /codes /codes/{fonds}/{category} /renumber /renumber/{id} /record?code= /catalog /catalog/{id} /record/{id} /record/{id}/edit /record/new /categories */
extern const WebRoute CATALOG_ROUTES[];
extern const WebRoute DEFINITION_ROUTES[]; /* /categories/… */
