/*
 * Authorities (名称规范; ISAAR(CPF), EAC-CPF): bodies, persons, families and places, with their names, dates and history; topics and events (专题); what
 * records are tied to; the history of a fonds (全宗卷, DA/T 12-2012).
 *
 * 1. Every change is one event in its transaction; the event holds the rows as they are afterwards, so that a rebuild writes the same rows.
 * 2. Authorities are seen by whoever may search the catalogue. Which records are tied to one, and how many, is told within the asker's scope.
 * 3. A link between two records is told only to those who may see both. A link whose record is gone is neither shown nor counted.
 * 4. A merge moves no link: the one merged points to the other, and whatever is tied to it counts as tied to that one. So it is undone in one step.
 */
#pragma once
#include "catalog.h"

gboolean authority_open(SqlDb *db, GError **error); /* schema; adds to the page of a record (catalog_set_record_extra) */
/* Applies an event "authority.*", "link.*" or "dossier.*" to an archive being rebuilt. */
gboolean authority_replay(const House *house, Sql *sql, json_t *event, GError **error);

/* ---- authorities ----
 * {id, rev, kind: body|person|family|place|topic|event, state: live|merged|deleted, merged_into, parent_id, name, synonyms, begin, end (as written),
 *  names: [{name, type, dates}], history, places, functions, sources, note, cover (record id; 0 none)} */
json_t *authority_load(Sql *sql, gint64 id, GError **error); /* any state; NOT_FOUND */
/* Creates (id 0) or changes one; the rest of what was given is checked and cleaned, what is missing is empty. INVALID names the field. CONFLICT: rev differs from
 * expect_rev (0: not compared), or there is one of that kind, name and beginning. Its id; 0 on error. Nothing is written when nothing differs. */
gint64 authority_save(Sql *sql, const char *actor, json_t *authority, gint64 expect_rev, GError **error);
gboolean authority_delete(Sql *sql, const char *actor, gint64 id, GError **error);  /* CONFLICT while anything is tied to it, or names it elsewhere */
/* Where else a name stands (ledgers), in words for a message; NULL: nowhere. New string. */
typedef char *(*AuthorityUse)(Sql *sql, const char *kind, const char *name);
void authority_set_use_source(AuthorityUse source);
gboolean authority_restore(Sql *sql, const char *actor, gint64 id, GError **error); /* of one deleted */
/* Invariant 4; the names of `from` become names of `into`. Undone as long as `into` is there. */
gboolean authority_merge(Sql *sql, const char *actor, gint64 from, gint64 into, GError **error);
gboolean authority_unmerge(Sql *sql, const char *actor, gint64 from, GError **error);
gint64 authority_resolve(Sql *sql, gint64 id); /* the living one that it became; 0: there is none */
gint64 authority_named(Sql *sql, const char *kind, const char *name); /* the living one with that name of any type, kind NULL: any; 0: none or several */
typedef struct {
  const char *words;  /* part of a name; NULL: all */
  const char *kind;   /* NULL: any that is (no) topic */
  gboolean topical;
  const char *after_name; gint64 after_id; /* the last one seen; NULL: from the start */
  int limit;
} AuthorityAsk;
json_t *authority_list(Sql *sql, const AuthorityAsk *ask, GError **error); /* [authority] by name */
/* Every name of each authority that is marked so, for a table of synonyms: bodies' old names, short names and the like. At least two names at a time. */
typedef gboolean (*AuthorityNames)(gint64 id, const char *const *names, gpointer data);
gboolean authority_synonyms(Sql *sql, AuthorityNames visit, gpointer data, GError **error);

/* kind: successor (from 前身 to 后继), merged (from is taken into to), superior (from 下级 to 上级), member (from a person to a body), kin, associate. */
gboolean authority_relate(Sql *sql, const char *actor, json_t *relation /* {from, to, kind, dates, note} */, GError **error);
gboolean authority_unrelate(Sql *sql, const char *actor, gint64 from, gint64 relation_id, GError **error);
char *authority_eac(Sql *sql, gint64 id, const char *agency, const char *agency_code, GError **error); /* EAC-CPF 2010; agency_code NULL: none */

/* ---- links ---- */
typedef struct {
  gint64 record_id;
  gboolean to_record;   /* target is a record, else an authority */
  gint64 target_id;
  const char *role;     /* creator, addressee, subject, founder, photographer, place, topic; of records: see reply attachment copy next event */
  const char *dates, *note; /* NULL: none */
} RecordLink;
/* Both ends must be there (the caller has passed them through the gate). What is tied already stays as it is. */
gboolean link_add(Sql *sql, const char *actor, const RecordLink *link, GError **error);
gboolean link_remove(Sql *sql, const char *actor, const RecordLink *link, GError **error);
/* gint64, ascending; role NULL: any. No gate: give it to search_run's `only`. topic_records: with those of the topics within it; of any other authority the same. */
GArray *authority_records(Sql *sql, gint64 authority_id, const char *role, GError **error);
GArray *topic_records(Sql *sql, gint64 topic_id, const char *role, GError **error);
/* The fonds of a body, by any name of it: those tied to it as 立档单位, to whatever was merged into it; while it has none, the one fonds with just this title. gint64,
 * ascending. No gate. */
GArray *body_fonds(Sql *sql, const char *name, GError **error);
json_t *record_creators(Sql *sql, gint64 record_id, GError **error); /* [{id, kind, name}] tied as 责任者 or 立档单位 */

/* ---- many at once ---- */
typedef struct {
  gint64 target;         /* an authority or topic */
  const char *role;
  const SearchRequest *search; /* what is found within the scope; NULL: records whose creator is exactly one of its names */
  const char *title;
} GatherAsk;
/* Works out which records would be tied and keeps them as a plan; its id. TOO_LARGE beyond 200 000 records. */
gint64 gathering_plan(const House *house, const Scope *scope, const char *actor, const GatherAsk *ask, GError **error);
/* What is ProjectTopics for accession/, which knows no topics. fill queues, in the caller's transaction, the planning and tying of all that a delivery brought. */
json_t *topic_named(Sql *sql, gint64 id, GError **error);
gboolean topic_fill(Sql *sql, const char *actor, gint64 topic, gint64 accession_id, const char *title, GError **error);
extern const JobKind AUTHORITY_JOBS[]; /* link.gather {gathering, undo}, authority.survey, authority.table */
gboolean gathering_run(const House *house, Job *job, json_t *parameters, GError **error);
gboolean authority_survey(const House *house, Job *job, json_t *parameters, GError **error);

/* ---- 全宗卷 ---- */
/* {id (0: new), rev, fonds_id, part, date, title, text, records: [id]}; its id. */
gint64 dossier_save(Sql *sql, const char *actor, json_t *entry, gint64 expect_rev, GError **error);
gboolean dossier_remove(Sql *sql, const char *actor, gint64 fonds_id, gint64 id, GError **error);

extern const WebRoute AUTHORITY_ROUTES[];
