/* Inside the quality room: the kinds of faults, what a survey knows of a record, rows. */
#pragma once
#include "quality.h"
#include "error.h"
#include <string.h>

/* What stands around a record while it is looked at. */
typedef struct {
  const House *house;
  Sql *sql;
  CatalogCodeChecker *checker;
  gint32 today; /* YYYYMMDD */
  const CatalogRecord *record;
  const CatalogCategory *category; /* NULL: none */
  json_t *fields;                  /* {key: text} */
  json_t *problems;                /* what its category's definition has against it: as of catalog_record_problems */
  CatalogRecord *parent, *fonds;   /* kept while records share them; NULL: none */
  gint64 pages, files, pages_unknown, children; /* of its files; children counted for volumes only */
  GError *failure;                 /* what a look could not do */
} Look;

typedef struct { gint64 hash, form; } LookKey;

typedef enum { FIX_OWN, FIX_FIELD, FIX_CODES, FIX_FILES } FixKind; /* by itself; by bulk edit of a field; on the pages of codes; its files by a disposal */
typedef struct {
  const char *key, *group, *title, *why, *fix; /* Chinese: what it is, why it matters, how to put it right */
  char *(*look)(Look *look);                   /* what is wrong, new string; NULL: nothing */
  void (*keys)(Look *look, GArray *keys);      /* LookKey: instead of look, for faults that lie between records */
  gboolean by_form;                            /* keys: the fault is different forms under one hash; else several records */
  FixKind fixes;
  const char *field;                           /* FIX_FIELD: the field that bulk edit begins with */
  json_t *(*mend)(Look *look);                 /* FIX_OWN: {field key: text}; NULL: nothing to be done by itself */
} QualityKind;
extern const QualityKind QUALITY_KINDS[]; /* ended by key NULL */
const QualityKind *quality_kind(const char *key); /* NULL: none */

/* ---- look.c ---- */
gboolean look_begin(Look *look, const House *house, Sql *sql, GError **error);
gboolean look_at(Look *look, const CatalogRecord *record, GError **error); /* borrowed until the next */
void look_clear(Look *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)
const char *look_value(const Look *look, const char *key); /* of a category's field or a column; "" */
char *look_squeezed(const char *text);                     /* spaces between ideographs and around taken out, others made one */
char *look_name(const char *text);                         /* a person's name without any space */
char *look_half_width(const char *text);                   /* full-width letters and digits made half-width */

/* ---- look-text.c, look-date.c, look-count.c, look-pair.c: the looks of the kinds ---- */
char *look_title(Look *look);
char *look_characters(Look *look);
char *look_spaces(Look *look);
json_t *mend_spaces(Look *look);
char *look_name_spaces(Look *look);
json_t *mend_name_spaces(Look *look);
char *look_required(Look *look);
char *look_value_kind(Look *look);
char *look_retention(Look *look);
char *look_retention_term(Look *look);
char *look_date_unread(Look *look);
char *look_date_reversed(Look *look);
char *look_date_future(Look *look);
char *look_date_early(Look *look);
char *look_date_year(Look *look);
json_t *mend_date_year(Look *look);
char *look_date_width(Look *look);
json_t *mend_date_width(Look *look);
char *look_code(Look *look);
char *look_pages(Look *look);
char *look_pieces(Look *look);
char *look_order(Look *look);
void keys_duplicate(Look *look, GArray *keys);
void keys_files(Look *look, GArray *keys);
void keys_person(Look *look, GArray *keys);
/* What he is found by, which sign of one person that is ("": only the writing differs), his name, what tells the writings apart. */
typedef void (*PersonVisit)(gint64 hash, const char *sign, const char *name, const char *form, gpointer data);
void look_persons(Look *look, PersonVisit visit, gpointer data);
gint64 look_digest(const char *text);
gint64 look_person_hash(gint64 fonds_id, const char *folded);

/* ---- pair.c: faults between records ---- */
/* The record's keys as they are now; hashes that gained or lost a member are added to touched ("kind hash" → NULL). */
gboolean pair_put(Look *look, GHashTable *touched, GError **error);
gboolean pair_drop(Sql *sql, gint64 record_id, GHashTable *touched, GError **error); /* of a record that is no more */
gboolean pair_settle(Sql *sql, GHashTable *touched, GError **error); /* the faults of all records of those hashes */
GArray *pair_at_fault(Sql *sql, const QualityKind *kind, gint64 hash, GError **error); /* record ids of the group that are at fault, ascending */
enum { PAIR_MOST = 200 }; /* more records alike are a series with one title, no mistake */

/* ---- fault.c: rows ---- */
typedef struct { gint64 fonds_id; Level level; Security security; guint openings; } FaultGate;
FaultGate fault_gate(const CatalogRecord *record);
FaultGate fault_gate_at(SqlRows *rows); /* columns fonds_id, level, security, openings */
gboolean fault_admitted(const Scope *scope, const FaultGate *gate);
gboolean fault_put(Sql *sql, const char *kind, gint64 record_id, const FaultGate *gate, const char *detail, GError **error); /* not where it is passed */
gboolean fault_remove(Sql *sql, const char *kind, gint64 record_id, GError **error);
gboolean fault_settle(Look *look, GError **error); /* the kinds that look at one record alone */
gboolean fault_count(Sql *sql, gint64 survey_id, GError **error);
gboolean fault_pass(Sql *sql, const char *actor, const char *kind, gint64 record_id, const char *note, GError **error);
gboolean fault_unpass(Sql *sql, const char *actor, const char *kind, gint64 record_id, GError **error);

/* ---- ground.c: what faults rest on besides the record ---- */
typedef struct Ground Ground; /* what is another since the last look */
typedef enum { GROUND_ERROR, GROUND_SAME, GROUND_SOME, GROUND_ALL } GroundChange;
GroundChange ground_moved(const House *house, Sql *sql, GError **error);
GroundChange ground_take(const House *house, Sql *sql, GError **error); /* what is there now is what was looked at; what is another is marked */
Ground *ground_marks(Sql *sql, GError **error);
gboolean ground_any(const Ground *ground);
gboolean ground_meets(const Ground *ground, const SearchColumns *line); /* a record that rests on what is marked */
gboolean ground_settled(Sql *sql, GError **error); /* the marks go */
void ground_free(Ground *ground);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ground, ground_free)
void ground_watch(void);
/* What stands below a changed record and rests on it, and was not changed after rev itself, is to be looked at again. */
gboolean ground_below(Sql *sql, const CatalogRecord *record, gint64 rev, GError **error);

/* ---- survey.c ---- */
gboolean survey_behind(const House *house, Sql *sql, GError **error); /* something is not looked at yet, or another since; never before the first survey */
void survey_hasten(void);                                             /* what changed is looked at as soon as it can be: somebody reads the page */
gboolean survey_run(const House *house, Job *job, json_t *parameters, GError **error);
gint64 survey_last(Sql *sql, GError **error);                         /* the last finished one; 0: none */

/* ---- pages ---- */
WebReply *page_quality(WebRequest *request, GError **error);
WebReply *page_kind(WebRequest *request, GError **error);
WebReply *start_survey(WebRequest *request, GError **error);
WebReply *pass_faults(WebRequest *request, GError **error);
WebReply *unpass_faults(WebRequest *request, GError **error);
char *fonds_label(Sql *sql, const Scope *scope, gint64 id); /* code and title; 0: of several */
/* fix.c: of {"kind", "fonds"}, some after *after; -1: the end */
gboolean finding_ids(Sql *sql, const Scope *scope, json_t *what, gint64 *after, GArray *ids, GError **error);
WebReply *fix_faults(WebRequest *request, GError **error); /* fix.c */
void fix_register(void);
WebReply *pick_faults(WebRequest *request, GError **error);

/* ---- group.c: records alike ---- */
typedef gboolean (*GroupVisit)(gint64 hash, GPtrArray *records, gpointer data, GError **error); /* CatalogRecord*, by id; at least two */
/* The groups of that kind that the record is in; first_only: those that it is the first of. */
gboolean group_each(Sql *sql, const Scope *scope, const QualityKind *kind, gint64 record_id, gboolean first_only, GroupVisit visit, gpointer data, GError **error);
gboolean group_chosen(WebRequest *request, Sql *sql, const QualityKind *kind, GroupVisit visit, gpointer data, GError **error); /* parameters item, all, fonds */
gboolean group_ids(gint64 hash, GPtrArray *records, gpointer ids, GError **error); /* GroupVisit: the ids of the records into a GArray */
gint64 group_best(GPtrArray *records); /* which one is to stay */
WebReply *surplus_faults(WebRequest *request, GError **error);

/* ---- join.c: persons written two ways ---- */
char *group_names(Look *look, const CatalogRecord *record, gint64 hash, const char **ret_sign); /* as the record writes them, by 、; ret_sign: static (PersonVisit) */
json_t *joins_model(Sql *sql, GError **error);
WebReply *join_faults(WebRequest *request, GError **error);
WebReply *unjoin_faults(WebRequest *request, GError **error);
