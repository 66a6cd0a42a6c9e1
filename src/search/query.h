/*
 * The query language inside search/: the tree of a query (query.c), what its terms mean beyond their words (expand.c with numeral.c, synonym.c, han.c and
 * name.c), and the terms that ask for more than that their words stand somewhere (match.c).
 */
#pragma once
#include "date.h"
#include "internal.h"

/* ---- han.c ---- */
const char *search_han_readings(gunichar character); /* "zhong chong", of a folded ideograph; NULL: unknown */
guint search_han_homophones(gunichar character, gunichar *ret, guint most); /* read as it is read first, whatever the tone; none of the rare block */
guint search_han_variants(gunichar character, gunichar *ret, guint most);
gboolean search_han_is_syllable(const char *syllable);

/* ---- name.c ---- */
#define SEARCH_NAME_MARK "\302\247\302\247\302\247"
void search_names_append(GString *out, const char *value, gsize length, const char *folded); /* tokens of the names in a value */
gboolean search_names_in(const char *pattern, const char *value, gsize length, const char *folded);
char *search_names_spelt(const char *pattern, const char *value, gsize length, const char *folded); /* the first such name, folded; NULL: none */
GPtrArray *search_names_all(const char *pattern, const char *value, gsize length, const char *folded); /* char*: all such names, as they can be marked there */
/* What a typed word is looked for as among names: zhangwei, zw, zhangw*; NULL: nothing of the kind. person: it was asked for in a field of persons. */
char *search_name_pattern(const char *term, gboolean prefix, gboolean person);
char *search_name_phrase(const char *pattern);

/* ---- day.c ---- */
void search_days_append(GString *out, const char *key, const char *value, gsize length); /* tokens of the days of a value that is a date */
char *search_days_phrase(DateSpan asked, const char *names); /* what finds values of these fields (joined by tabs) that touch the days; from must be a day */
gboolean search_days_touch(DateSpan asked, const char *value, gsize length);
/* Where a date begins, as year << 9 | month << 5 | day, 0 for what is unknown: of a value, and of a token d, v or w behind the head of its field's tokens. Of the
 * tokens of one value the least is its beginning. */
guint32 search_day_begins(const char *value, gsize length);
guint32 search_day_read(const char *token);
char *search_day_head(const char *name);

/* ---- numeral.c ---- */
/* Other ways to write the numbers of a term that count or date something, and the number of a document: char*, at most `most`. */
GPtrArray *search_numeral_forms(const char *term, guint most);
char *search_numeral_words(guint value); /* 1 … 9999: 十二, 一百零三 */
char *search_numeral_digits(guint value, const char *zero); /* 二〇〇三 */

/* ---- times.c ---- */
enum { SEARCH_TIMES = 16 };
/* What is asked for as 年度 or 日期, at most SEARCH_TIMES spans of days into ret, how many; 0: it is no such thing. ret_said (given): how it was understood, NULL:
 * as it is written. Whole years are spans from 0101 to 1231. */
guint search_times_read(const char *text, DateSpan *ret, char **ret_said);
guint search_short_years(const char *text, DateSpan *ret); /* 58, 五八年, 58-60: those of both centuries that have been, at most two; 0: none */
char *search_span_say(DateSpan span); /* date_format, and words for an open end */

/* ---- synonym.c ---- */
/* SearchSynonyms: immutable, counted. */
SearchSynonyms *search_synonyms_new(json_t *groups);
SearchSynonyms *search_synonyms_ref(SearchSynonyms *synonyms);
void search_synonyms_unref(SearchSynonyms *synonyms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchSynonyms, search_synonyms_unref)
/* The term with a word of a group in it replaced by each other word of the group: char*, at most `most`. */
GPtrArray *search_synonym_forms(const SearchSynonyms *synonyms, const char *term, guint most);

/* ---- query.c ---- */
typedef enum { FIELD_ANY, FIELD_TITLE, FIELD_CREATOR, FIELD_CODE, FIELD_DOCNO, FIELD_TEXT, FIELD_YEAR, FIELD_DATE, FIELD_CATEGORY } SearchField;
typedef enum { NODE_TERM, NODE_YEARS, NODE_DATES, NODE_AND, NODE_OR, NODE_NOT } NodeKind; /* the first three are leaves */
/* The pattern stands there; is the whole value; with ? and *; is a name's pinyin; the value is a date that touches the days asked; there is a value. */
typedef enum { MATCH_STANDS, MATCH_WHOLE, MATCH_GLOB, MATCH_NAME, MATCH_DAYS, MATCH_ANY } SearchMatch;
typedef struct SearchNode {
  NodeKind kind;
  SearchField field;
  SearchMatch match;
  gboolean positive;      /* under no NOT or an even number of them */
  char *names;            /* FIELD_CATEGORY: names of the fields, joined by tabs */
  char *text;             /* as written, with * when it is a prefix */
  char *pattern;
  guint16 year_from, year_to;
  gint32 date_from, date_to; /* NODE_DATES, MATCH_DAYS: YYYYMMDD */
  char *said;             /* what a reading says of it; NULL: it stands for the words themselves */
  guint leaf;             /* number of this leaf in SearchQuery.leaves */
  GPtrArray *children;    /* SearchNode* */
} SearchNode;
typedef struct { /* one term's other meanings */
  char *term, *exact; /* as SearchReading */
  GPtrArray *nodes;   /* SearchNode*, borrowed; their `said` is told */
} QueryReading;
typedef struct {
  SearchNode *root;       /* NULL: no words */
  GPtrArray *leaves;      /* SearchNode*, borrowed from the tree */
  GPtrArray *readings;    /* QueryReading* */
  guint terms;            /* as written */
  gboolean unheard;       /* there are words, and nothing of them can be looked for: nothing is found */
  const SearchSynonyms *synonyms; /* borrowed while it is read; may be NULL */
  const char *dates;      /* the same: names of fields that are dates, joined by tabs; NULL: none */
  GString *notice;        /* empty: all understood */
} SearchQuery;
enum { GLOB_CHARACTERS = 100 };
enum { QUERY_CHARACTERS = 2000, QUERY_TERMS = 64, QUERY_DEPTH = 24, QUERY_LEAVES = 192 };
typedef struct {
  GHashTable *fields; /* of search_query_fields; may be NULL */
  Sql *sql;           /* where other names are looked for among the records' fields; NULL: there are none */
  const SearchSynonyms *synonyms;
  Search *scanned;    /* not in the index, but in the records themselves; NULL: in the index */
} SearchNames;
SearchNode *search_node_new(SearchQuery *query, NodeKind kind, gboolean positive); /* a leaf is counted among query's */
SearchNode *search_node_term(SearchQuery *query, const SearchNode *like, const char *text); /* another text where `like` looks; NULL: nothing to look for */
void search_node_free(SearchNode *node);
SearchQuery *search_query_parse(const char *text, SearchNames names, GError **error);
SearchQuery *search_query_here(Search *search, Sql *sql, const char *text); /* with the names and synonyms of now; search NULL: without. NULL: too long */
void search_query_free(SearchQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchQuery, search_query_free)
/* Name of a label or key → names to look in: the key's, and the label's, under which a delivery may have it; FIELDS_OF_DAYS → those of SEARCH_DATES. */
#define FIELDS_OF_DAYS "\t"
void search_query_tell(SearchQuery *query, char *said); /* how something was understood, taken */
GHashTable *search_query_fields(json_t *labels);

/* ---- terms.c ---- */
GPtrArray *search_query_terms(const SearchQuery *query); /* char*: positive terms without repetition; patterns of names marked */

/* ---- match.c ---- */
/* A term that asks for more than standing there; scan: without the index. */
enum { MATCH_SCAN = 1, MATCH_CLOSED = 2 }; /* without the index; closed fields count */
Leaf *search_match_load(Search *search, Sql *sql, const SearchView *view, const SearchNode *node, guint how, GError **error);
char *search_glob_pattern(const char *text); /* of a number with ? and *; NULL: nothing is given of it */
gboolean search_glob_in(const char *pattern, const char *value);

/* ---- expand.c ---- */
/* The term, or an OR of it and the other ways to write it. exact: the whole query with this term only as written (is taken). */
SearchNode *search_expand(SearchQuery *query, SearchNode *term, char *exact);
void search_dates_add(const Columns *columns, const SearchNode *node, roaring_bitmap_t *bits); /* records whose days touch the leaf's years or days */
/* Some record of the leaf (may be NULL) is one that the scope admits (files: with its files); FALSE also when that would take too long to tell. */
gboolean search_leaf_admitted(const Leaf *leaf, const Columns *columns, const Scope *scope, gboolean files);
SearchNode *search_expand_name(SearchQuery *query, SearchNode *words, const char *written, const char *exact);
GPtrArray *search_readings(const SearchQuery *query, gboolean (*tells)(const SearchNode *node, gpointer data), gpointer data); /* SearchReading* */
void search_reading_free(SearchReading *reading);

