/* Inside the authority room only. */
#pragma once
#include "authority.h"
#include "error.h"
#include "json.h"
#include "text.h"
#include <string.h>

#define PERMISSION_READ "catalogue.read"
#define PERMISSION_EDIT "authority.edit"
#define PERMISSION_TOPIC "topic.edit"
#define PERMISSION_EITHER "authority.edit|topic.edit"
#define PERMISSION_HISTORY "delivery.read"

/* ---- authority.c ---- */
typedef struct { const char *name, *label; } Word;
extern const Word AUTHORITY_KINDS[], NAME_TYPES[]; /* ended by NULL */
const char *word_label(const Word *words, const char *name); /* the name itself when it is none of them */
json_t *word_choices(const Word *words, const char *chosen); /* [{value, label, chosen}] */
gboolean kind_is_topical(const char *kind);
void set_text(json_t *object, const char *key, const char *text);
json_t *authority_differences(Sql *sql, json_t *before, json_t *after); /* {label: [before, after]}; before NULL: all of it is new */
#define COVER_LABEL "封面档案" /* its change is kept as ids of records */
json_t *changes_list(json_t *changes); /* [{label, before, after}] of these, or of an event of ours */
char *dates_shown(json_t *authority);  /* "1949—1958" */
gboolean authority_write(Sql *sql, json_t *authority, GError **error); /* row and names, as given */

/* ---- name.c ---- */
char *name_key(const char *name); /* folded, without spaces */
gboolean name_is_body(const char *name); /* too long for a person's and ends as those of bodies do: where parties may be persons or bodies */
gboolean names_write(Sql *sql, json_t *authority, GError **error);
gboolean add_synonyms(Sql *sql, json_t *groups, GError **error); /* catalog_set_synonym_source */
void synonyms_changed(const House *house); /* after a commit: the search takes the names as they are now */

/* ---- relation.c ---- */
typedef struct { const char *kind, *forth, *back, *forth_means, *back_means; } RelationKind; /* what `to` is to `from`, and `from` to `to`, in words */
extern const RelationKind RELATION_KINDS[];
json_t *relations_of(Sql *sql, gint64 id, GError **error); /* [{id, from, other, name, kind, label, dates, note}], by label and dates */
gboolean relation_replay(Sql *sql, json_t *event, gboolean removed, GError **error);

/* ---- link.c ---- */
typedef struct { const char *role, *label; gboolean topical; } LinkRole;
extern const LinkRole LINK_ROLES[];
const char *role_label(const char *role);
gboolean link_replay(const House *house, Sql *sql, json_t *event, const char *action, GError **error);
gboolean links_of_record(Sql *sql, const Scope *scope, gint64 record_id, json_t *model, GError **error); /* sets authorities, topics, related */
json_t *fonds_of_authority(Sql *sql, const Scope *scope, gint64 authority_id, GError **error); /* [{id, code, title}] made by it, within the scope */
char *record_tied(Sql *sql, gint64 record_id, GError **error); /* CatalogTie */
json_t *related_roles(void); /* [{value, label}]: each relation of records from either side */
/* The role as stored and the ends in its order, from what the form said. INVALID: no such relation. */
gboolean related_link(const char *said, gint64 record_id, gint64 other_id, RecordLink *ret, GError **error);

/* ---- gather.c ---- */
gboolean gathering_replay(Sql *sql, json_t *event, gboolean undo, GError **error);
json_t *gathering_load(Sql *sql, gint64 id, GError **error);
gboolean gathering_queue(Sql *sql, gint64 id, gboolean undo, const char *actor, GError **error); /* its job, in the caller's transaction */
gboolean topic_fill_run(const House *house, Job *job, json_t *parameters, GError **error); /* job topic.fill {topic, delivery, title} */

/* ---- dossier.c ---- */
/* The makers of a fonds with those they came from and went over to: [{id, name, alive, why, dates, history}], by their beginning. */
json_t *bodies_of(Sql *sql, gint64 fonds_id, GError **error);
gboolean dossier_replay(Sql *sql, json_t *event, gboolean removed, GError **error);
WebReply *page_fonds_history(WebRequest *request, GError **error);
WebReply *page_dossier_save(WebRequest *request, GError **error);
WebReply *page_dossier_remove(WebRequest *request, GError **error);

/* ---- hits.c: the records of an authority or topic, as a page shows them ---- */
gboolean add_hits(WebRequest *request, Sql *sql, gint64 authority_id, const char *role, json_t *model, GError **error);
gint64 count_hits(WebRequest *request, Sql *sql, gint64 authority_id, const char *role, GError **error); /* -1 on error */

/* ---- pages ---- */
gboolean may_change(WebRequest *request, const char *kind, GError **error); /* DENIED */
gboolean may_link(WebRequest *request, const char *kind, const char *role, GError **error); /* to tie records in that role; NULL: in any but 立档单位 */
WebReply *page_authorities(WebRequest *request, GError **error);
WebReply *page_topics(WebRequest *request, GError **error);
WebReply *page_authority(WebRequest *request, GError **error);
WebReply *page_topic(WebRequest *request, GError **error);
WebReply *page_authority_form(WebRequest *request, GError **error);
WebReply *page_authority_save(WebRequest *request, GError **error);
WebReply *page_authority_state(WebRequest *request, GError **error);
WebReply *page_authority_merge(WebRequest *request, GError **error);
WebReply *page_authority_merge_do(WebRequest *request, GError **error);
WebReply *page_authority_relate(WebRequest *request, GError **error);
WebReply *page_authority_unrelate(WebRequest *request, GError **error);
WebReply *page_authority_eac(WebRequest *request, GError **error);
WebReply *page_record_links(WebRequest *request, GError **error);
WebReply *page_link_add(WebRequest *request, GError **error);
WebReply *page_link_remove(WebRequest *request, GError **error);
WebReply *page_gather_new(WebRequest *request, GError **error);
WebReply *page_gather_plan(WebRequest *request, GError **error);
WebReply *page_gather(WebRequest *request, GError **error);
WebReply *page_gather_start(WebRequest *request, GError **error);
WebReply *page_gather_undo(WebRequest *request, GError **error);
WebReply *page_candidates(WebRequest *request, GError **error);
WebReply *page_candidates_survey(WebRequest *request, GError **error);
WebReply *page_authorities_xlsx(WebRequest *request, GError **error);
WebReply *page_authorities_csv(WebRequest *request, GError **error);
WebReply *page_authorities_table(WebRequest *request, GError **error);
WebReply *make_authorities_table(WebRequest *request, GError **error);
gboolean authority_table_job(const House *house, Job *job, json_t *parameters, GError **error); /* {table: 0 xlsx, 1 csv} */
WebReply *page_import(WebRequest *request, GError **error);
WebReply *page_import_take(WebRequest *request, GError **error);
gboolean record_page_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error);
