/*
 * Getting out: records, nodes, search results and deliveries as packages and finding aids that other systems read, and that come back in equal.
 *
 * 1. Everything leaves through the gate: what the asker may not see is not in it, and the result says how many were left out.
 * 2. A package is written aside, flushed, and takes its name when it is whole.
 */
#pragma once
#include "catalog.h"
#include "job.h"

/* ---- what is chosen: records in catalogue order, through the gate, in constant memory ---- */
/* {"record": id} | {"node": id} | {"query": text, "filters": {…}} | {"delivery": id} | {"ids": [at most 10 000]}, or as a source says. Of a
 * query "order" may name another order (search_sort_read); a finding aid or package keeps the catalogue's. */
typedef struct Selection Selection;
/* INVALID when the selection says nothing that is known; NOT_FOUND when its record is not there or not to be seen. */
Selection *selection_new(const House *house, const Scope *scope, json_t *selection, GError **error);
/* The next records, at most so many (owned by the array, which has a free function and is emptied first); FALSE at the end, and on error. Fonds and classes
 * come too. */
gboolean selection_next_records(Selection *selection, guint most, GPtrArray *records, GError **error);
/* A way to choose that another room brings: {NAME: what}. ids appends some behind *after, ascending, and moves it on,
 * -1: there are no more. Each record passes the gate afterwards; that it is among them must be the asker's to know already here. title: in Chinese. */
typedef struct {
  const char *name;
  gboolean (*ids)(Sql *sql, const Scope *scope, json_t *what, gint64 *after, GArray *ids, GError **error);
  char *(*title)(Sql *sql, const Scope *scope, json_t *what, GError **error);
} SelectionSource;
void selection_source_add(const SelectionSource *source); /* static; when the archive is opened */
/* How many volumes and files it has that the asker may see, by fonds and category (ids → gint64 *), without reading them; more: time was up, there are more.
 * The selection is used up by it. Clear it whatever it returns. */
typedef struct { gint64 records; gboolean more; GHashTable *fonds, *categories; } SelectionTally;
gboolean selection_tally(Selection *selection, gint64 budget_us, SelectionTally *tally, GError **error);
void selection_tally_clear(SelectionTally *tally);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SelectionTally, selection_tally_clear)
char *selection_name(const Selection *selection); /* what it is, in Chinese: "全宗 Z001 …", "检索 水库" */
void selection_free(Selection *selection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Selection, selection_free)
/* The selection that an address or form names (its parameters: SELECTION_PARAMETERS); NULL: nothing is chosen. */
json_t *exchange_chosen(WebRequest *request, Sql *sql);
#define SELECTION_PARAMETERS \
  {"record", WEB_INT, FALSE, 0, "档案"}, {"node", WEB_INT, FALSE, 0, "目录"}, {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"fonds", WEB_INTS, FALSE, 100, "全宗"}, \
  {"category", WEB_INTS, FALSE, 100, "门类"}, {"year", WEB_INTS, FALSE, 200, "年度"}, {"retention", WEB_INTS, FALSE, 50, "保管期限"}, \
  {"opening", WEB_INTS, FALSE, 4, "开放状态"}, {"level", WEB_INTS, FALSE, 4, "层级"}, {"from", WEB_INT, FALSE, 0, "起始年度"}, \
  {"to", WEB_INT, FALSE, 0, "截止年度"}, {"delivery", WEB_INT, FALSE, 0, "批次"}, {"parent", WEB_INT, FALSE, 0, "上级"}, {"topic", WEB_INT, FALSE, 0, "专题"}, \
  {"files", WEB_FLAG, FALSE, 0, "有原文"}, \
  {"sort", WEB_TEXT, FALSE, 80, "次序"}

#define EXCHANGE_KEY_HEADER "修改标识" /* column of the format "sheet": record id and rev, by which a corrected table finds its records again: "12-345" */

/* What it is for: who asks says so, its event tells it ("for"), ledgers take it from there. Texts may be NULL, but for purpose. */
#define PURPOSE_USE "提供利用"
#define PURPOSE_PUBLISH "公布目录"
#define PURPOSE_WORK "内部工作"
typedef struct { const char *purpose, *user, *body, *way, *aim, *note; } ExportPurpose;
/* {purpose, user, body, way, aim, note}, "for" of a selection; INVALID: no such purpose, or nobody is named who uses it. */
json_t *export_purpose_take(const ExportPurpose *given, GError **error);
/* With whose eyes it is made: what is to be published, with the public's. */
const Scope *export_purpose_scope(json_t *purpose, const Scope *scope);

/* selection: as above, and "for"; format: bagit eep dat93 ead mets xlsx sheet. target must not exist.
 * {path, format, records, volumes, fonds, files, bytes, left_out}. job NULL: without progress. */
json_t *exchange_export(const House *house, Job *job, const Scope *scope, json_t *selection, const char *format, const char *target, GError **error);
gboolean exchange_open(SqlDb *db, GError **error); /* schema */

extern const WebRoute EXCHANGE_ROUTES[]; /* /exports … */
extern const JobKind EXCHANGE_JOBS[];
