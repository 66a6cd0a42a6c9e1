/*
 * Definitions of categories inside the catalogue room: reading them, writing them as YAML, comparing records with them, putting a new one in force.
 *
 * 1. A definition is a JSON object as its YAML says; a CatalogCategory is what was read from it and never changes.
 * 2. The one in force is the table category's; DIR/definitions/categories follows it. A file changed by hand becomes a draft when the archive is opened.
 */
#pragma once
#include "internal.h"

/* ---- definition-read.c ---- */
CatalogCategory *definition_read(json_t *json, const char *name, GError **error);
void definition_free(CatalogCategory *category);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CatalogCategory, definition_free)
const char *const *definition_aliases(const char *key, const char *label, GPtrArray *more); /* folded, each once; g_strfreev */
const CatalogField *definition_field(const CatalogCategory *category, const char *key); /* its own or one it asks of the common ones; NULL */

/* ---- definition-write.c ---- */
char *definition_yaml(json_t *definition);
/* What differs, in words: [{what, before, after}]; before may be NULL for a new category. */
json_t *definition_changes(json_t *before, json_t *after);
extern const char *const DEFINITION_TYPES[][2]; /* type and its label, ended by NULL */
const char *definition_type_label(const char *type);

/* ---- definition.c ---- */
/* A definition that stands by itself but not beside the other categories': a key or header that means something else there. INVALID tells which. */
gboolean definition_agrees(const Catalog *catalog, const CatalogCategory *category, GError **error);
/* Takes the category; it is the one in force from now on. The one before stays readable until catalog_close. 0: no id is free. */
guint8 definition_id(const Catalog *catalog, const char *code, guint8 wanted);
void definition_install(Catalog *catalog, CatalogCategory *category, guint8 id);
const Catalog *catalog_of(SqlDb *db); /* the one that was opened over this database; NULL: none */
const CatalogField *definition_field_was(const CatalogCategory *category, const char *key); /* whose former key it is; NULL */
char *definition_path(const Catalog *catalog, const char *code); /* its file; NULL without a directory */

/* ---- definition-check.c ---- */
typedef enum { PROBLEM_MISSING, PROBLEM_EXPECTED, PROBLEM_TYPE, PROBLEM_VALUE } ProblemKind;
extern const char *const PROBLEM_NAMES[];
typedef void (*ProblemVisit)(const CatalogField *field, ProblemKind kind, const char *value, gpointer data);
void definition_examine(const CatalogCategory *category, const CatalogRecord *record, json_t *fields, ProblemVisit visit, gpointer data);
/* Compares every record of the category with the definition in chunks, each in a transaction of its own; result in category_check, the records in
 * category_finding. job NULL: here and now. Done already for this very definition and no later change of records: does it again all the same. */
gboolean definition_check(const House *house, Job *job, const char *code, gboolean draft, GError **error);
/* The comparison's row: {id, state, digest, at, records, blocking, advised, fields: [...], unknown: [...]}; NULL without error: none. */
json_t *definition_check_load(Sql *sql, const char *code, gboolean draft, GError **error);
json_t *definition_findings(Sql *sql, gint64 check_id, const char *key, gint64 after, int limit, GError **error);
gboolean definition_check_job(const House *house, Job *job, json_t *parameters, GError **error);

/* ---- definition-change.c ---- */
json_t *definition_in_force(Sql *sql, const char *code, GError **error);       /* its JSON; NULL without error: no such category */
json_t *definition_draft_load(Sql *sql, const char *code, GError **error);     /* {definition, base, actor, at, origin}; NULL without error: none */
/* Checks that it can be read and agrees, then keeps it. */
gboolean definition_draft_save(const House *house, Sql *sql, const char *actor, const char *code, json_t *definition, const char *origin, GError **error);
gboolean definition_draft_drop(Sql *sql, const char *code, GError **error);
char *definition_digest(json_t *definition);
typedef struct { const char *actor, *code, *note; gboolean accept, later; /* later: closing_move opens what is to be opened */ } DefinitionOrder;
/* The draft becomes the definition in force. CONFLICT: no fresh comparison, another version was put in force meanwhile, or records contradict it and
 * accept is FALSE. What it closes or opens moves in the index in the same transaction, but for what closing_move has closed already, or opens later. */
gboolean definition_enforce(const House *house, Sql *sql, const DefinitionOrder *order, GError **error);
/* Whether it would be refused now, and whether it moves records in the index: then, in a large archive, it is a job's work. */
gboolean definition_may_enforce(const House *house, Sql *sql, const DefinitionOrder *order, gboolean *ret_moves, GError **error);
/* category.enforce; draft: when the draft was saved that it was ordered for, another is not put in force. What was done before the program died is done. */
gboolean definition_enforce_job(const House *house, Job *job, json_t *parameters, GError **error);
/* After the commit that moved records in the index: what that left scattered is joined. A failure is a warning only, the definition is in force. */
void definition_settle(const House *house);
json_t *definition_versions(Sql *sql, guint8 category, GError **error); /* newest first, without definitions */
json_t *definition_version(Sql *sql, guint8 category, gint64 version, GError **error); /* the definition */

/* ---- closing.c: values between the open and the closed part of the index ---- */
char *closing_text(const CatalogCategory *category); /* CatalogCategory.closed */
char *closing_both(const CatalogCategory *now, const CatalogCategory *next); /* the keys that either closes */
/* One slice, in a transaction of its own, toward the index of the category having these keys closed; ret_more FALSE: it has. ret_reached: the record it came to. */
gboolean closing_step(const House *house, guint8 id, const char *aim, gint64 slice_us, gboolean *ret_more, gint64 *ret_reached, GError **error);
/* All slices, between which others save; stopped when the job should stop. Goes on where the program died. */
gboolean closing_move(const House *house, guint8 id, const char *aim, Job *job, gboolean *ret_stopped, GError **error);
/* In the transaction that puts `next` in force, now NULL: a new category. What slices have closed beforehand is completed, and what is to be opened left to
 * closing_move (later); else everything is moved here. */
gboolean closing_enforced(const House *house, Sql *sql, const CatalogCategory *now, const CatalogCategory *next, gboolean later, GError **error);

/* ---- definition-form.c: a definition as rows of a form, and back ---- */
json_t *definition_form(json_t *definition); /* {code, title, title_rule, fields: […], common: […]} with some empty rows for new fields */
/* From the lists that the form sends; what the definition had beside them stays. */
json_t *definition_from_form(WebRequest *request, json_t *before);
char *definition_rule_by(const char *rule, json_t *fields, const char *from, const char *to); /* of the title, its blanks by "label" or by "key" */
/* An input of the record's form: options, kind, help, required, from its field; NULL: the field is not on the form of this level. */
gboolean definition_on_form(const CatalogField *field, Level level);
void definition_decorate(json_t *input, const CatalogField *field, const char *value);
void definition_fill(const CatalogCategory *category, CatalogRecord *record); /* a new record gets the initial values */
extern const WebParameter DEFINITION_SAVE_PARAMETERS[];

/* ---- definition-pages.c, definition-preview.c ---- */
#define PERMISSION_DEFINE "definition.edit"
WebReply *page_category_preview(WebRequest *request, GError **error);
WebReply *page_category_findings(WebRequest *request, GError **error);
void definition_check_gate(json_t *check, const Scope *scope); /* takes out of a comparison the values that the asker may not see */
const char *category_code(WebRequest *request); /* of the path */
/* Queues the comparison, or makes it at once in a small archive. */
gboolean definition_check_soon(WebRequest *request, const char *code, gboolean draft, GError **error);
