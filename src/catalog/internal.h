/* Inside the catalogue room only: the state of a transaction, rows to records, and the one way a record is written. */
#pragma once
#include "catalog.h"
#include "error.h"

/* ---- definition.c ---- */
/* The id of a retention as written, interned when new; any number of terms. 0 for "". -1 on error. */
gint64 retention_id(Catalog *catalog, Sql *sql, const char *text, GError **error);
guint8 retention_small(gint64 id); /* for search columns: terms beyond 254 share 255 */
const CatalogField *common_field(const char *key);                               /* NULL if none */
const char *field_label(const CatalogCategory *category, const char *key);       /* the key itself when it is an unmapped column */
const char *field_label_former(const Catalog *catalog, const CatalogCategory *category, const char *key); /* also of a field that was taken out since */

/* ---- bulk.c: the sequences, read once per transaction ---- */
typedef struct {
  gint64 rev, file_id; /* last given */
  gboolean bulk;       /* written back by catalog_bulk_end; else at once */
  gboolean dirty;
} CatalogTransaction;
CatalogTransaction *transaction_state(Sql *sql, GError **error);
gint64 next_rev(Sql *sql, GError **error);     /* 0 on error */
gint64 next_file_id(Sql *sql, GError **error); /* 0 on error */

/* ---- record.c ---- */
#define RECORD_SELECT \
  "SELECT r.id, r.rev, r.parent_id, r.fonds_id, r.accession_id, r.level, r.category, r.security, r.opening, r.code, r.title, r.creator, r.docno, " \
  "r.date_text, r.date_from, r.date_to, r.year, COALESCE(t.text, '') AS retention_text, r.page_count, r.file_count, r.fields, " \
  "COALESCE((SELECT GROUP_CONCAT(w.code, CHAR(10)) FROM record_code_former AS w WHERE w.record_id = r.id), '') AS former " \
  "FROM record AS r LEFT JOIN retention_term AS t ON t.id = r.retention "
typedef struct {
  int id, rev, parent_id, fonds_id, accession_id, level, category, security, opening, code, title, creator, docno, date_text, date_from, date_to, year,
    retention,
    page_count, file_count, fields, former;
} RecordRow; /* column numbers of a RECORD_SELECT */
RecordRow record_row(SqlRows *rows);
void record_hide(Sql *sql, const Scope *scope, CatalogRecord *record); /* definition-check.c: the gate of fields */
CatalogRecord *record_at(SqlRows *rows, const RecordRow *row);
CatalogRecord *record_by_id(Sql *sql, gint64 id, GError **error); /* no gate: for the room's own work */
/* As catalog_record_path; a title that the scope does not admit is left out (scope NULL: one that is held tighter than the record's). */
json_t *record_path(Sql *sql, const Scope *scope, const CatalogRecord *record, GError **error);
const char *level_name(Level level);          /* "fonds" "class" "volume" "item" */
const char *opening_name(Opening opening);    /* "unreviewed" "open" "controlled" "deferred" */
const char *security_name(Security security); /* "public" "internal" "secret" "confidential" "top" */
json_t *record_fields(const CatalogRecord *record); /* {key: text}; never NULL */
/* Its fields as SearchDocument.fields and .closed have them, into empty lines; by its fields and former codes, and the keys that are closed (closing_keys). */
void record_lines(const char *closed_keys, const CatalogRecord *record, GString *lines, GString *closed);
char *fields_dump(json_t *fields);                  /* canonical: keys sorted, no empty values */

/* ---- store.c ---- */
json_t *record_store_json(const CatalogRecord *record); /* every column, for the journal */
CatalogRecord *record_from_store_json(json_t *json, GError **error);
gboolean record_equal(const CatalogRecord *a, const CatalogRecord *b); /* as catalog_record_diff would give NULL, when fields are canonical */
gboolean record_apply_diff(CatalogRecord *record, json_t *diff, GError **error); /* the later halves of catalog_record_diff */

/* ---- change.c ---- */
/* Inserts with the record's id and the next rev (record->rev 0) or the given one. ret_existing TRUE and nothing written when the code is taken. */
gboolean record_insert(const House *house, Sql *sql, CatalogRecord *record, gboolean *ret_existing, GError **error);
/* Row and index from before to after; after->rev is set. */
/* A code that changes becomes a former one; unless after->former was changed too: then it is taken as it is. */
gboolean record_overwrite(const House *house, Sql *sql, const CatalogRecord *before, CatalogRecord *after, GError **error);
char *former_with(const char *former, const char *add, const char *drop); /* lines of codes with one more and one less; either may be NULL */
/* Adds a stage with the record's metadata.json to the batch, when it has an object. */
gboolean record_stage(const House *house, const char *actor, const CatalogRecord *record, ContentBatch *batch, const char *why, GError **error);
gboolean record_valid(const House *house, Sql *sql, const CatalogRecord *record, GError **error); /* lengths, what must be there, the code its own */
/* The record may stand at the place it names: the parent is there, of a level above, in the record's fonds, and not below the record. CONFLICT. */
gboolean record_place_valid(Sql *sql, const CatalogRecord *record, GError **error);
gboolean record_erase(const House *house, Sql *sql, const CatalogRecord *record, GError **error);
gboolean record_return(const House *house, Sql *sql, CatalogRecord *record, GError **error);
/* The record's row in the index: call with before NULL for a new one. */
gboolean record_index(const House *house, Sql *sql, const CatalogRecord *before, const CatalogRecord *after, GError **error);
/* The same record, indexed with these keys closed until now, with those from now on. */
gboolean record_index_moved(const House *house, Sql *sql, const CatalogRecord *record, const char *was, const char *is, GError **error);
gboolean record_remake(const House *house, Sql *sql, const CatalogRecord *record, GError **error); /* the same in a slice of search_remake_put */

/* ---- closing.c ---- */
const char *closing_keys(Sql *sql, const CatalogCategory *category, gint64 record_id); /* the keys that are closed in the record's index, as CatalogCategory.closed */

int file_span(const CatalogFile *file); /* page numbers a file takes among its record's */

/* ---- page-text.c: rows and index of page text ---- */
gboolean page_text_clear(const House *house, Sql *sql, gint64 record_id, GError **error);          /* all of a record */
gboolean page_text_remove(const House *house, Sql *sql, const CatalogFile *file, GError **error);   /* of one file */
gboolean page_text_move(const House *house, Sql *sql, gint64 record_id, gint64 behind, int by, GError **error); /* pages from `behind` on move up by so many */

/* ---- node-pages.c, record-pages.c, edit-pages.c: handlers of the rows in pages.c ---- */
WebReply *page_catalog(WebRequest *request, GError **error);
WebReply *page_node(WebRequest *request, GError **error);
WebReply *page_categories(WebRequest *request, GError **error);
WebReply *page_record(WebRequest *request, GError **error);
WebReply *page_record_edit(WebRequest *request, GError **error);
WebReply *page_record_save(WebRequest *request, GError **error);
WebReply *page_record_new(WebRequest *request, GError **error);
WebReply *page_record_create(WebRequest *request, GError **error);
WebReply *page_record_delete(WebRequest *request, GError **error);
/* edit-pages.c, edit-merge.c */
WebReply *page_record_restore(WebRequest *request, GError **error);
/* Saves, or sends in for approval where the person may not alter; the reply to go back with. */
WebReply *edit_save(WebRequest *request, const CatalogRecord *before, const CatalogRecord *after, gint64 rev, const char *why, GError **error);
/* The choices of a form that came back with fields which two people changed; INVALID: not all are made. */
gboolean edit_take_choices(WebRequest *request, const CatalogRecord *stored, CatalogRecord *record, GError **error);
CatalogRecord *edit_merged(const CatalogRecord *base, const CatalogRecord *now, const CatalogRecord *mine, GError **error); /* base NULL: unknown; mine wins */
void edit_annotate(json_t *model, const CatalogRecord *base, const CatalogRecord *now, const CatalogRecord *mine); /* what others changed, beside its field */
void edit_add_like(json_t *model, const CatalogRecord *like, const char *address); /* beside each field what the one before has; address: the form with all of it */
void edit_copy_from(CatalogRecord *record, const CatalogRecord *like);             /* all but the code and the place */
gboolean edit_only_files_changed(Sql *sql, const CatalogRecord *now, gint64 rev);
/* definition-form.c: what the category's definition asks of the form's inputs; problems of a refused form beside them */
void form_arrange(json_t *model); /* own_inputs by group; in a long form what is seldom filled is folded. To be called again when marks or values were added */
void form_decorate(json_t *model, const Catalog *catalog, const CatalogRecord *record, gboolean refused);
/* code-pages.c, renumber-pages.c */
WebReply *page_codes(WebRequest *request, GError **error);
WebReply *page_code_group(WebRequest *request, GError **error);
WebReply *page_code_rule(WebRequest *request, GError **error);
WebReply *page_synonyms(WebRequest *request, GError **error); /* synonym.c */
WebReply *page_synonyms_save(WebRequest *request, GError **error);
WebReply *page_code_choose(WebRequest *request, GError **error);
WebReply *page_record_find(WebRequest *request, GError **error);
WebReply *page_renumber_new(WebRequest *request, GError **error);
WebReply *page_renumber_plan(WebRequest *request, GError **error);
WebReply *page_renumber(WebRequest *request, GError **error);
WebReply *page_renumber_start(WebRequest *request, GError **error);
WebReply *page_renumber_undo(WebRequest *request, GError **error);
/* move-pages.c */
WebReply *page_pick(WebRequest *request, GError **error);
WebReply *page_order_drop(WebRequest *request, GError **error);
WebReply *page_move_new(WebRequest *request, GError **error);
WebReply *page_move_plan(WebRequest *request, GError **error);
WebReply *page_move(WebRequest *request, GError **error);
WebReply *page_move_start(WebRequest *request, GError **error);
WebReply *page_move_undo(WebRequest *request, GError **error);
#define PERMISSION_MOVE "record.move"
gint64 record_next_seen(Sql *sql, const Scope *scope, const CatalogRecord *record); /* record-pages.c: the next under the same parent by code; 0 none */
#define PERMISSION_RENUMBER "code.renumber"
#define PERMISSION_SYNONYM "synonym.edit"
#define PERMISSION_READ "catalogue.read"
#define PERMISSION_CREATE "record.create"
#define PERMISSION_EDIT "record.edit"
#define PERMISSION_PROPOSE "record.propose" /* may describe, not alter what is kept: what is changed awaits approval */
#define PERMISSION_DELETE "record.delete"
#define PERMISSION_EXPORT "record.export" /* the button; exchange/ has the pages */
#define PERMISSION_HISTORY "delivery.read" /* the history names deliveries */

gboolean add_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error); /* catalog_set_record_extra */
/* ---- model.c: what the pages show ---- */
json_t *category_json(const CatalogCategory *category);
/* [{title, rows: [{label, parts: [{t, m}], note}]}]: the description in groups, terms marked. */
json_t *description_groups(const Catalog *catalog, const CatalogRecord *record, GPtrArray *terms);
const char *level_word(Level level, const char *key); /* what code, title, creator and date are called of a fonds, a class, a volume or item */
/* [{label, before, after}] of an event's changes. */
json_t *changes_rows(const Catalog *catalog, const CatalogRecord *record, json_t *changes);
json_t *text_parts(GPtrArray *terms, const char *text); /* search_mark, also without terms */
