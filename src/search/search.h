/*
 * The search index. Embedded engine: SQLite FTS5 (contentless, tokens made here: overlapping bigrams of ideographs, words for the rest), bitmaps (CRoaring)
 * for boolean evaluation, and one line of columns per record in memory for the gate, filters, facets and sorting.
 *
 * 1. The index is written in the record's own transaction; memory follows right after the commit, before the writer is released.
 * 2. A query term finds a record exactly when the term's folded text (base/text.h) stands in the folded text of one of its fields or of a page of it;
 *    a term's end that is a letter or digit must be a run's end unless it is followed by *. A term inside quotes is the same: every term is a phrase.
 *    field:value asks the same of that field's values alone, be it one of a category's definition or a header that a delivery brought of its own.
 *    Values of closed fields are an index of their own, asked only for those who may see them.
 * 3. Counts are exact and within the scope; facet counts of a facet ignore that facet's own filter.
 * 4. Nothing here is truth: search_remake_begin and what follows it make all of it anew. While the index is damaged (tables gone, bytes that cannot be) records
 *    are saved without it and found by reading them (scan.c), with a notice; search_needs_rebuild says so to whoever rebuilds.
 */
#pragma once
#include "scope.h"
#include "sql.h"

typedef struct Search Search;

typedef struct { /* one line per record, by record id; SQL shape: search_column blobs of 512 lines */
  guint32 parent_id, fonds_id, accession_id;
  gint32 date_from; /* YYYYMMDD, 0 none */
  guint16 year;     /* 0 none */
  guint8 category, level, retention, opening, security; /* category, retention: small ids of catalog/'s dictionaries; level 0: no such record */
  guint8 title_length; /* capped at 255 */
  guint8 has_files, has_children_hint; /* the latter is not read any more; it stands in the rows of every archive, which are compared as they are */
  guint16 date_span; /* the last day of the date, by search_date_span; 0: date_from is the last day */
} SearchColumns;

/* The last day of a date packed beside its first: years on (127 at most), month, day; and back. */
static inline guint16 search_date_span(gint32 from, gint32 to) {
  if (from <= 0 || to <= from) return 0;
  return (guint16)(MIN(to / 10000 - from / 10000, 127) << 9 | to / 100 % 100 << 5 | to % 100);
}
static inline gint32 search_date_to(const SearchColumns *line) {
  guint16 span = line->date_span;
  return span == 0 ? line->date_from : (line->date_from / 10000 + (span >> 9)) * 10000 + (span >> 5 & 15) * 100 + (span & 31);
}

typedef struct {
  gint64 id;
  const char *title, *creator, *code, *docno; /* NULL is empty */
  const char *fields; /* all other searchable values: "key\tvalue\n" lines; key is the category field's key */
  SearchColumns columns;
  const char *closed; /* as fields: values that are found only by who may see closed fields (scope_admits_closed_fields); NULL: none */
} SearchDocument;

Search *search_open(SqlDb *db, GError **error); /* schema, load columns; heals a damaged or empty index flag by reporting search_needs_rebuild */
void search_close(Search *search);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Search, search_close)
gboolean search_needs_rebuild(Search *search);
void search_warm(Search *search); /* makes what broad questions take from the columns, so that the first of them does not wait for it */
void search_forget(Search *search); /* drops what former questions left in memory, for measuring; what is made from the columns stays */

/* Index maintenance inside a write transaction. before NULL: new; after NULL: removed. Contentless FTS needs the text as it was indexed. */
gboolean search_put(Search *search, Sql *sql, const SearchDocument *before, const SearchDocument *after, GError **error);
/* Page text of a record's digital object: page 1 … 65535; text NULL or "" removes. before must be what was put. */
gboolean search_page_put(Search *search, Sql *sql, gint64 record_id, guint page, const char *before, const char *after, GError **error);
/* Between the two, search_put batches what it can (one thread, one transaction, best 10 000 … 100 000 documents); flush before commit. */
void search_bulk_begin(Search *search, Sql *sql);
gboolean search_bulk_flush(Search *search, Sql *sql, GError **error);
/* Joins the segments that loads left, in small steps, in proportion to what they brought; call after a load, outside a transaction. */
gboolean search_optimize(Search *search, GError **error);
/* One step of what search_optimize does for frequent strings, for records that came one by one; call it every few seconds, outside a transaction. Does nothing
 * while many come at once: that is a load, which ends with search_optimize. */
gboolean search_tend(Search *search, GError **error);

/* In the transaction of a change by which records are no longer indexed as they were (other fields are closed): from its commit on records are read until the index
 * is made anew. */
gboolean search_outdate(Search *search, Sql *sql, GError **error);
/* The index made anew in slices, between which others save and search. begin and finish stand outside a transaction. A slice is a write transaction that puts
 * some records, or after all records some pages, each in the order of ids, on from the slice before; flush before commit. document or text NULL, in the
 * transaction that has found no more: all are put, what is saved from now on enters by itself. A sound index answers meanwhile.
 * CONFLICT: damage was noticed in between; begin again. */
gboolean search_remake_begin(Search *search, GError **error);
gboolean search_remake_stop(Search *search, GError **error); /* after a failure of the caller: what was put so far is of no use */
gboolean search_remake_put(Search *search, Sql *sql, const SearchDocument *document, GError **error);
gboolean search_remake_page(Search *search, Sql *sql, gint64 record_id, guint page, const char *text, GError **error);
gboolean search_remake_finish(Search *search, GError **error);

typedef enum { SEARCH_SORT_RELEVANCE, SEARCH_SORT_DATE_DESC, SEARCH_SORT_DATE_ASC, SEARCH_SORT_CODE,
  SEARCH_SORT_FIELD_DESC, SEARCH_SORT_FIELD_ASC /* by the date in a field of a category */ } SearchSort;
/* An order by its word: relevance (NULL too), newest, oldest, code, 登记日期.newest, 登记日期.oldest; ret_field: the field's name or NULL. FALSE: no such word. */
gboolean search_sort_read(const char *word, SearchSort *ret, char **ret_field);
typedef struct {
  const char *query;      /* the user's words in the query language; NULL or "": everything in scope (with filters) */
  gint64 parent_id;       /* 0: any; else direct children only */
  gint64 accession_id;    /* 0: any; else records of this delivery */
  const gint64 *fonds; gsize fonds_count;            /* any of; count 0: no filter. The same for the rest */
  const gint64 *categories; gsize categories_count;
  const gint64 *years; gsize years_count;
  int year_from, year_to;                            /* 0: open end */
  const gint64 *retentions; gsize retentions_count;
  const gint64 *openings; gsize openings_count;
  const gint64 *levels; gsize levels_count;
  gboolean with_files;    /* only records that have files */
  gint64 id_below;        /* 0: any; else only records of a smaller id, which were there before it */
  const gint64 *only; gsize only_count;              /* only these records, whatever else is asked; NULL: no filter */
  SearchSort sort;
  const char *sort_field; /* SEARCH_SORT_FIELD_…: its name as in field:value, a date (SEARCH_DATES). Closed values order only for who may see them */
  const char *after;      /* key of the last item seen, as the result gave it; NULL: from the start */
  guint limit;            /* at most 10 000; 0: count and facets only */
  gboolean facets;
} SearchRequest;

typedef struct { gint64 value; guint32 count; } SearchFacetValue;
/* names: fonds category year retention opening level; values: SearchFacetValue, largest count first */
typedef struct { const char *name; GArray *values; } SearchFacet;
typedef struct { char *text, *exact; } SearchReading; /* what a term was understood to mean beyond its words; the whole query without that, NULL: cannot be had */
typedef struct {
  guint64 count;
  GArray *ids;          /* gint64, in order */
  GArray *pages;        /* guint per id: a page that matches, 0 when the description itself matches */
  char *next;           /* key for `after`, NULL when this is the last */
  GPtrArray *facets;    /* SearchFacet*, when asked for */
  GPtrArray *terms;     /* char*: the query's positive terms, for search_mark; of one of its records: search_record_terms */
  GPtrArray *readings;  /* SearchReading*: only those that found something which the asker may see */
  char *notice;         /* what was not understood in the query and how it was read instead; NULL */
} SearchResult;
char *search_place_of_code(const char *code); /* key for `after`, sorted by code: on from the first record of that code or a later one */
void search_result_free(SearchResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchResult, search_result_free)

/* Query language (docs/search.zh.md): words (AND), OR/或 , NOT/-/非, ( ), "phrase", field:value with title/题名 creator/责任者 code/档号 docno/文号
 * year/年度 (also 1950-1959, 民国二十六年), date/日期 (日期:1937-07, a record's span of days touches it), text/全文, any category field's key or label from
 * search_set_fields, and any other key of SearchDocument.fields that some record has (compared folded, without spaces); trailing * for letters and
 * digits. Full-width operators and quotes are the same.
 * A term also finds other ways of writing it (numerals, years of eras, …); each that found something is told in readings.
 * ="…" finds the words only as written; field:="…" a field whose whole value this is, or of creators and in a category's field one of several (A、B).
 * Malformed input never fails: it is read as plain words and result->notice says so. INVALID only beyond 2 000 characters or 64 terms. */
SearchResult *search_run(Search *search, Sql *sql, const Scope *scope, const SearchRequest *request, GError **error);
/* The same for what acts on all that is found (an export, a change in bulk): UNAVAILABLE while only the records answer, of which it might be a part. */
SearchResult *search_run_whole(Search *search, Sql *sql, const Scope *scope, const SearchRequest *request, GError **error);
/* The columns of one record (for the gate without SQL); FALSE when there is no such record. */
gboolean search_columns(Search *search, gint64 id, SearchColumns *ret);
/* Field names of categories for field:value: {"男方姓名": "nfxm", "姓名": ["xm", "nfxm", …], …}; label → key or keys. Those of SEARCH_DATES are dates: they are
 * asked for days, months, years and spans (登记日期:1979-02), however they are written. */
#define SEARCH_DATES "\t日期"
void search_set_fields(Search *search, json_t *labels);
/* Words that stand for one another: [["北平", "北京"], …]; from now on a term with one of them also finds the others. */
void search_set_synonyms(Search *search, json_t *groups);
/* Where the words of a record are read for suggestions and for field:value (the index itself keeps no text), in what sql sees: g_malloc'd strings into ret,
 * "" for none, fields and closed as in SearchDocument; FALSE: no such record. Without a source there are no suggestions, and no category field has a value.
 * ret->brief TRUE: the fields are not asked for and may stay NULL. */
typedef struct { char *title, *creator, *docno, *fields, *code; gboolean brief; char *closed; } SearchText;
typedef gboolean (*SearchTextSource)(Sql *sql, gint64 id, SearchText *ret, gpointer data);
void search_set_text_source(Search *search, SearchTextSource source, gpointer data);
/* Where all records are read as they would be put, in the order of ids after `after`, until each returns FALSE: what questions are answered from while the
 * index is damaged or made anew, and what it is compared with. Without it a damaged index only says that it is. */
typedef gboolean (*SearchEach)(const SearchDocument *document, gpointer data);
typedef gboolean (*SearchRecordsSource)(Sql *sql, gint64 after, SearchEach each, gpointer each_data, gpointer data, GError **error);
void search_set_records_source(Search *search, SearchRecordsSource source, gpointer data);
/* Where the texts of pages are read as they were put: those of the records first … last, in order, until each returns FALSE. Without it words on pages are
 * looked for by FTS5 alone. */
typedef gboolean (*SearchPageEach)(gint64 record_id, guint page, const char *text, gpointer data);
typedef gboolean (*SearchPagesSource)(Sql *sql, gint64 first, gint64 last, SearchPageEach each, gpointer each_data, gpointer data, GError **error);
void search_set_pages_source(Search *search, SearchPagesSource source, gpointer data);
/* Compares the next records after an id with the index, at most so many; returns the id to go on after, 0 at the end. What differs makes it need a rebuild. */
gint64 search_compare(Search *search, gint64 after, guint most);
/* Completions of a beginning of a title, creator or docno within the scope: [{text, count}], at most limit (20). count: hits of the text as a phrase.
 * Beyond 200 matching records of a kind the candidates come from an even sample of them. */
json_t *search_suggest(Search *search, Sql *sql, const Scope *scope, const char *beginning, guint limit, GError **error);

/* Words that are nearly this one and find something within the scope, the longest and those that find most first: char*, at most limit; for a word that finds nothing. */
GPtrArray *search_near(Search *search, Sql *sql, const Scope *scope, const char *word, guint limit, GError **error);

/* The pages of a record where a positive term of the query stands, in order, with how many of the terms (ret_terms in all); at most PAGES_COUNTED a term. The
 * caller has asked scope_admits_files. */
typedef struct { guint page, terms; } SearchPageHit;
GArray *search_record_pages(Search *search, Sql *sql, const char *query, gint64 record_id, guint *ret_terms, GError **error);

/* Whether letters (a–z) are a beginning of the pinyin, or initials, of some characters in a folded text: 档案局 by dangan, daj, aj. */
gboolean search_sounds_in(const char *letters, const char *folded);
/* The initials of the most usual reading of a Chinese text, letters and digits in it as they are, in small letters: 展览经历 → zljl; what has no reading is left out. */
char *search_initials(const char *text);

/* Records that share the most telling words of this one's description, most alike first; all are admitted by the scope. */
typedef struct { gint64 id; double score; } SearchLike;
GArray *search_like(Search *search, Sql *sql, const Scope *scope, gint64 id, guint limit, GError **error);

/* text cut into [{"t": "…"}, {"t": "…", "m": true}] where a term of the query stands; snippet: around the first match, at most max characters (0: all). */
json_t *search_mark(GPtrArray *terms, const char *text, guint max);
/* The positive terms of a query with the other ways to write them, for marking a record that was opened from a hit: names in it that its letters were taken for
 * as well. search NULL: the words alone. The second: from a result's terms. */
GPtrArray *search_terms(Search *search, Sql *sql, const char *query, gint64 record_id);
GPtrArray *search_record_terms(Search *search, Sql *sql, GPtrArray *terms, gint64 record_id);
