/* Inside the room of keeping: deletion by two people, formats and conversion, patrol, media, warnings. Copies have their own files. */
#pragma once
#include "error.h"
#include "format.h"
#include "keep.h"

#define KEEP_READ "keep.read"
#define KEEP_MANAGE "keep.manage"

/* ---- small things all files of the room use (keep.c) ---- */
const char *json_word(json_t *object, const char *key);    /* text of a member, "" when there is none */
gint64 json_number_of(json_t *object, const char *key);
char *json_line(json_t *value);                            /* compact, keys sorted; g_free */
gboolean record_admitted(Sql *sql, const Scope *scope, gint64 record_id, gboolean files);
/* Adds an event of this room with the revisions it moved the catalogue by, so that a replay can be held against it. */
gboolean tell_change(Sql *sql, const char *actor, const char *action, gint64 record_id, json_t *data, gint64 rev_before, GError **error);

/* ---- disposal.c ---- */
typedef enum { DISPOSAL_APPROVE, DISPOSAL_REFUSE, DISPOSAL_WITHDRAW } DisposalVerdict;
/* DENIED: who asked decides, another withdraws, or the scope does not admit all records. Approval queues the job. */
gboolean disposal_decide(const House *house, const Scope *scope, const char *actor, gint64 id, DisposalVerdict verdict, const char *note, GError **error);
gboolean disposal_resume(const House *house, const char *actor, gint64 id, GError **error); /* an approved destruction whose job broke off */
gboolean disposal_run(const House *house, Job *job, json_t *parameters, GError **error);
gboolean disposal_replay(const House *house, Sql *sql, json_t *event, gboolean *ret_mine, GError **error);
json_t *disposal_load(Sql *sql, const Scope *scope, gint64 id, GError **error); /* with the items the scope admits; hidden: how many it does not */
json_t *disposal_list(Sql *sql, const Scope *scope, gint64 before, int limit, GError **error);

/* ---- formats.c: the policy ---- */
typedef struct {
  char *puid, *mime, *kind; /* "" matches anything */
  char *policy;             /* "keep", "watch", "convert" */
  char *to, *why, *since;
  gboolean permitted;       /* one of the formats the archives take in */
} FormatRule;
gboolean formats_load(const char *dir, GError **error);
const FormatRule *formats_rule(const char *puid, const char *mime, const char *kind); /* never NULL: the last rule matches anything */
/* [{puid, mime, kind, name, files, bytes, policy, policy_label, tone, to, to_name, why, permitted, ready, done, failed}] by bytes. */
json_t *formats_holdings(Sql *sql, GError **error);

/* ---- convert.c ---- */
gboolean convert_run(const House *house, Job *job, json_t *parameters, GError **error);
gboolean convert_undo(const House *house, const Scope *scope, const char *actor, gint64 id, GError **error);
gboolean convert_replay(const House *house, Sql *sql, json_t *event, gboolean *ret_mine, GError **error);
/* {files, bytes}: what a conversion of a format would take up. */
json_t *convert_plan(Sql *sql, const char *puid, const char *mime, GError **error);
/* The converter of a way to convert (its target, or CONVERT_ASSEMBLE), NULL when there is none. */
const FormatConverter *convert_maker(const char *way);
/* convert-check.c: wanted_pages 0 takes any number but none. INVALID says why a result is not taken. */
gboolean convert_check(const char *made, const char *to, guint wanted_pages, FormatInfo *ret_info, guint *ret_pages, GError **error);
/* convert-tell.c; convert_form: what form a3-migration takes, of the operation that this conversion belongs to. NOT_FOUND: not to be seen. */
json_t *convert_form(const House *house, Sql *sql, const Scope *scope, gint64 id, GError **error);
/* record_id 0: of all records. */
json_t *convert_list(Sql *sql, const Scope *scope, gint64 record_id, gint64 before, int limit, GError **error);
json_t *convert_failures(Sql *sql, const Scope *scope, const char *puid, const char *mime, gint64 after, GError **error);

/* ---- convert-assemble.c: all page images of a record as one PDF; a conversion by this way whose source is the empty path ---- */
#define CONVERT_ASSEMBLE "assemble"
typedef struct { gint64 record_id; const char *puid, *mime; /* record_id 0: all records with page images of this format */ } AssembleWish;
gboolean assemble_queue(const House *house, const Scope *scope, const char *actor, const AssembleWish *wish, GError **error);
gboolean assemble_done(Sql *sql, gint64 record_id);
gint64 assemble_images(Sql *sql, gint64 record_id, GError **error); /* how many originals of the record are page images */
json_t *assemble_plan(Sql *sql, const char *puid, const char *mime, GError **error); /* {records} */
json_t *assemble_next(Sql *sql, json_t *parameters, gint64 after, GError **error);   /* [{id, record_id, path}] */

/* ---- media.c, warning.c ---- */
gboolean medium_replay(Sql *sql, json_t *event, gboolean *ret_mine, GError **error);
json_t *medium_list(Sql *sql, GError **error);
gboolean media_load(const char *dir, GError **error);
json_t *medium_types(void); /* borrowed */
json_t *warning_disks(void); /* [{device, state, tone, detail}] */
void warning_tick(const House *house);

/* ---- disposal-pages.c: handlers of the rows in pages.c ---- */
WebReply *page_disposals(WebRequest *request, GError **error);
WebReply *page_disposal_new(WebRequest *request, GError **error);
WebReply *save_disposal(WebRequest *request, GError **error);
WebReply *page_disposal(WebRequest *request, GError **error);
WebReply *decide_disposal(WebRequest *request, GError **error);
WebReply *print_disposal(WebRequest *request, GError **error);
