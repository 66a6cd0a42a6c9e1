/*
 * What the files of search/ share. Who owns what:
 *
 * column.c  columns of all records in memory: immutable snapshots of immutable chunks, replaced copy-on-write; and their rows in search_column
 * token.c   folded text → tokens for FTS5; a query term → pattern (for memmem) and FTS5 phrase. The two say the same
 * field.c   names of categories' fields and of deliveries' own headers, and what stands in one of them
 * query.c   the query language → a tree; expand.c: a term's other ways of writing become part of it; numeral.c, synonym.c, han.c, name.c: of numbers, of
 *           bodies and places, of characters, of persons; match.c: terms that ask for a whole value, for a number with ? and *, for a name
 * leaf.c    a term in one component (title, page text, one field …) → bitmap of record ids; the cache of them
 * code.c    a pattern in the codes that the columns keep
 * gram.c    frequent strings and their bitmaps (gram.h): gram-find.c asks them, gram-keep.c keeps them; of pages page-gram.c, page-keep.c, page-lines.c
 * put.c     changes of the index inside a write transaction, and what follows in memory after the commit
 * block.c   the columns turned round, 65 536 records at a time: lines by kind, lines in order
 * run.c     a question: its bitmaps, then block by block what the tree finds (tree.c), gate, filters, facets, top of the list (pass.c); page.c: the page shown for a hit
 * turn.c    in which order questions have the processors; tally.c: counts kept ready; top.c: the order of hits and the keys of paging; dated.c: by the dates of a field
 * scan.c    answers while the index is damaged; heal.c: noticing, comparing, tables made anew
 * mark.c, suggest.c, like.c, near.c; hit-pages.c: all pages of one record with a query's words; search.c (open, close)
 */
#pragma once
#include "search.h"
#include <roaring/roaring.h>
#include <string.h>

/* ---- column.c ---- */
enum { CHUNK_LINES = 512, CODE_MAX = 255, BLOCK_LINES = 65536, BLOCK_CHUNKS = BLOCK_LINES / CHUNK_LINES, BLOCK_WORDS = BLOCK_LINES / 64 };
typedef struct Block Block;

typedef struct { /* immutable once made */
  gatomicrefcount references;
  const char *first, *last; /* smallest and largest code of a living line; NULL when no line lives */
  gint32 first_day, last_day; /* of all dates; 0: there is none */
  gboolean other_years;       /* some line's days are not all of its year */
  SearchColumns lines[CHUNK_LINES];
  guint32 code_at[CHUNK_LINES];
  gsize codes_bytes;
  char codes[]; /* NUL-terminated, in line order */
} Chunk;

typedef struct { /* immutable once made */
  gatomicrefcount references;
  guint64 version;
  guint chunk_count, block_count;
  Block **blocks;  /* one for each BLOCK_CHUNKS chunks */
  Chunk *chunks[]; /* NULL: no record */
} Columns;

typedef struct { /* a chunk being changed by the writer */
  Chunk *base; /* borrowed codes; NULL for a new chunk */
  GStringChunk *strings;
  gboolean dirty, counted; /* differs from its row in search_column; the row is new, and is counted */
  SearchColumns lines[CHUNK_LINES];
  const char *codes[CHUNK_LINES];
} Draft;

Columns *search_columns_load(Sql *sql, gboolean *ret_damaged, GError **error);
Columns *search_columns_empty(void);
guint32 search_sum(gconstpointer bytes, gsize length, guint32 sum);
Columns *search_columns_ref(Columns *columns);
void search_columns_unref(Columns *columns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Columns, search_columns_unref)
/* base with the drafts (chunk number → Draft) in place of their chunks. */
Columns *search_columns_with(const Columns *base, guint64 version, GHashTable *drafts);
Draft *search_draft_new(Chunk *base);
void search_draft_free(Draft *draft);
void search_draft_set(Draft *draft, guint32 id, const SearchColumns *columns, const char *code); /* columns NULL: the record is gone */
gboolean search_draft_write(Draft *draft, Sql *sql, guint chunk, GError **error);
gboolean search_chunk_sum_write(const Chunk *chunk, Sql *sql, guint number, GError **error); /* where its row has none; with each change of a row goes its sum */

static inline const SearchColumns *columns_line(const Columns *columns, guint32 id) {
  guint chunk = id / CHUNK_LINES;
  if (chunk >= columns->chunk_count || columns->chunks[chunk] == NULL) return NULL;
  const SearchColumns *line = &columns->chunks[chunk]->lines[id % CHUNK_LINES];
  return line->level ? line : NULL;
}
static inline const char *columns_code(const Columns *columns, guint32 id) {
  const Chunk *chunk = columns->chunks[id / CHUNK_LINES];
  return chunk->codes + chunk->code_at[id % CHUNK_LINES];
}

/* ---- token.c ---- */
/* Tokens of folded text, each followed by a space. */
void search_token_append(GString *out, const char *folded);
void search_token_append_anchor(GString *out, const char *key); /* the token before a field's value, by its name; no word of any text equals it */
/* What memmem looks for in folded text: the folded term without the space at an end that is an ideograph, or a prefix. NULL: nothing to look for. */
char *search_pattern(const char *term, gboolean prefix);
/* The same as an FTS5 phrase; anchor: name of a field whose value begins so, or NULL. */
char *search_pattern_phrase(const char *pattern, const char *anchor);
gboolean search_pattern_in(const char *pattern, const char *folded);
gboolean search_pattern_begins(const char *pattern, const char *folded);
/* Calls func with key and value of each line of SearchDocument.fields. */
void search_fields_each(const char *fields, void (*func)(const char *key, const char *value, gsize length, gpointer data), gpointer data);

/* ---- field.c ---- */
/* What a field goes by: its key or header folded, without spaces. The name of a name is itself. */
void search_name_append(GString *out, const char *key);
char *search_name(const char *key);
gboolean search_name_listed(const char *names, const char *name); /* names: joined by tabs */
gboolean search_name_known(Sql *sql, const char *name); /* some record has a field of this name, in what sql sees */

/* ---- leaf.c ---- */
typedef enum { COMPONENT_TITLE, COMPONENT_OTHER, COMPONENT_CREATOR, COMPONENT_CODE, COMPONENT_DOCNO, COMPONENT_CATEGORY, COMPONENT_PAGE,
  COMPONENT_BEGIN_TITLE, COMPONENT_BEGIN_CREATOR, COMPONENT_BEGIN_DOCNO, COMPONENT_CLOSED } Component; /* OTHER: all but title, closed fields and pages. BEGIN: the
  value begins so */

typedef struct { /* immutable while anybody but the cache holds it */
  gatomicrefcount references;
  roaring_bitmap_t *bits;
  guint64 count, serial; /* serial: of these bits, and of no others */
  gboolean cut; /* the time of the question ended before all were looked at */
} Leaf;
Leaf *search_leaf_new(roaring_bitmap_t *bits); /* takes bits */
Leaf *search_leaf_ref(Leaf *leaf);
void search_leaf_unref(Leaf *leaf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Leaf, search_leaf_unref)

typedef struct { /* a record's description or one page of it, after (and for pages before) a change, folded */
  guint32 id;
  gboolean page;
  char *title, *creator, *code, *docno; /* folded; NULL: empty */
  GPtrArray *names, *values;            /* folded values and the names of their fields */
  GPtrArray *closed_names, *closed_values;
  char *page_before, *page_after;
} Change;
Change *search_change_document(gint64 id, const SearchDocument *after);
Change *search_change_page(gint64 id, const char *before, const char *after);
void search_change_free(Change *change);

typedef struct Cache Cache;
typedef struct Tallies Tallies; typedef struct Tally Tally;
Cache *search_cache_new(gsize capacity_bytes, guint64 version);
void search_cache_free(Cache *cache);
/* After a commit: the changes are taken over; NULL: too many to follow, the cache is emptied. */
void search_cache_commit(Cache *cache, guint64 version, GPtrArray *changes);
/* Tests: keep every leaf, however cheap. */
void search_cache_keep_all(Cache *cache);
gboolean search_cache_changed(Cache *cache, guint64 since, GArray *ids); /* appends (guint32) what was changed after a version; FALSE: the log does not reach back */
void search_cache_forget(Cache *cache);

typedef struct { Component component; const char *names, *pattern; } LeafKey; /* names: COMPONENT_CATEGORY; COMPONENT_CLOSED, NULL: any */
typedef struct { gint64 selection; guint covered; gint64 records; } GramState; /* selection 0: none; records: how many there were when it was drawn */
typedef struct { gint64 selection, covered, claimed, maker, pages, added; } PageState;
/* What one question goes by. columns, version: what sql sees; caching: FALSE in a transaction that has itself changed the index; until: when looking into the
 * records themselves ends (monotonic), 0 never; no_pages, no_closed: the index has no word of a page, of a closed field. */
typedef struct { Columns *columns; guint64 version; gboolean caching; gint64 until; GramState grams; PageState pages; gboolean no_pages, no_closed; } SearchView;
enum { QUESTION_US = 2000000, QUESTION_EVERY = 256 }; /* for all terms of a question together; records looked at between two looks at the clock */
/* The record ids whose component holds the pattern, in what sql sees. */
Leaf *search_leaf_load(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error);
Leaf *search_leaf_read(Sql *sql, Component component, const char *phrase, gint64 first, GError **error); /* the same for an FTS5 phrase, past the cache, from id first */
Leaf *search_leaf_read_from(Sql *sql, const LeafKey *key, gint64 first, GError **error); /* by FTS5 alone; no COMPONENT_CATEGORY */
Change *search_record_read(Search *search, Sql *sql, const Columns *columns, guint32 id); /* its texts; NULL: they cannot be told */
void search_characters_warm(Search *search); /* reads which characters there are at all, unless that is known */
gboolean search_change_matches(const Change *change, const LeafKey *key);
gboolean search_record_matches(Search *search, Sql *sql, const Columns *columns, guint32 id, const LeafKey *key, gboolean *ret); /* FALSE: that cannot be told */
guint64 search_leaf_guess(Search *search, Sql *sql, const SearchView *view, const LeafKey *key); /* how many records a leaf has, before it is loaded */
/* ---- field.c ---- */
Leaf *search_field_load(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error); /* COMPONENT_CATEGORY, COMPONENT_CLOSED with names */
Leaf *search_field_any(Sql *sql, const char *names, Component component, GError **error); /* records with a value of one of the fields */
/* ---- code.c ---- */
/* Leaves of `bits` the records that have the pattern in their codes; repeated: those in which the pattern's whole units may stand twice, NULL: unknown.
 * FALSE, with bits as they were: that would take too long, or cannot be told. */
gboolean search_codes_narrow(const Columns *columns, const char *pattern, roaring_bitmap_t *bits, const roaring_bitmap_t *repeated);

typedef struct { gboolean heavy; gint64 begun, not_before, light_until, waited; } Turn; /* waited: microseconds */
void search_turn_begin(Turn *turn); /* of the thread; one inside another counts as one */
void search_turn_check(void);       /* may wait, a second at most: never while a lock is held. Nothing without a turn */
gint64 search_turn_clock(void);     /* g_get_monotonic_time, less what the question waited */
void search_turn_clear(Turn *turn);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Turn, search_turn_clear)
typedef struct { guint32 id; guint *ret_page; } SearchWanted;
/* The first page of each wanted record where the pattern stands; records: how many there are with such a page. Sorts wanted. */
gboolean search_pages_find(Search *search, Sql *sql, const char *pattern, guint64 records, GArray *wanted, GError **error);
/* ---- put.c ---- */
gboolean search_automerge_restore(Sql *sql, GError **error); /* joining of segments, which large loads leave off */
gboolean search_join(Sql *sql, GError **error);              /* the small segments of the last saves (search.c) */
gboolean search_remake_end(Search *search, Sql *sql, GError **error); /* after the last slice; from the commit on the index is sound */
gboolean search_view_open(Search *search, Sql *sql, SearchView *ret, GError **error);
gboolean search_view_sound(Search *search, const SearchView *view); /* FALSE: it is of a time when the index was damaged */

/* ---- top.c: the first hits in order, and the keys of paging ---- */
enum { LIMIT_MAX = 10000 };
#define PLACED SEARCH_SORT_CODE /* the sorts before it go by search_top_place */
typedef struct { guint64 key; const char *code; } Hit; /* the id is the key's low 32 bits; code: only for SEARCH_SORT_CODE, borrowed from the columns */
typedef struct {
  SearchSort sort;
  const struct SearchDated *dated; /* SEARCH_SORT_FIELD_…, borrowed */
  guint capacity, count; /* one more than the limit: is there a next page? */
  guint64 least;         /* no hit of the block at hand has a lesser key */
  Hit *heap, after;
  gboolean has_after;
  char *after_code;
} Top;
gboolean search_top_init(Top *top, SearchSort sort, guint limit, const char *after, GError **error); /* INVALID: not a key of this sort */
void search_top_clear(Top *top); G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Top, search_top_clear)
void search_top_add(Top *top, const Hit *hit);
gboolean search_top_skips(const Top *top, const Chunk *chunk); /* no line of the chunk can enter the list */
guint32 search_top_place(const SearchColumns *line); /* what of the line its hits' keys are made of: 30 bits */
Hit search_top_hit(const Top *top, guint32 id, guint32 place, const char *code, guint tier);
int search_top_compare(const Hit *a, const Hit *b);
gboolean search_top_wants(const Top *top, const Hit *hit); /* it would enter the list as it stands, leaving aside `after` */
gboolean search_top_is_full(const Top *top, guint tier); /* by hits of lower tiers */
gboolean search_top_passed(const Top *top, const Hit *hit); /* it is on a page before */
void search_top_finish(Top *top); /* heap[] in order */
char *search_top_key(const Top *top, const Hit *hit);
/* ---- block.c, to the others by block.h ---- */
Block *search_block_ref(Block *block);
void search_block_unref(Block *block);
/* ---- pass.c: gate, filters, facet counts and the list, a block at a time ---- */
typedef enum { NEED_DESCRIPTION, NEED_FILES, NEED_NO_FILES } Need; /* what the asker must, or must not, be allowed for these hits to count */
typedef struct Pass Pass;
Pass *search_pass_new(const Scope *scope, const SearchRequest *request, const Columns *columns, Top *top);
void search_pass_free(Pass *pass);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pass, search_pass_free)
guint64 search_pass_count(const Pass *pass);
GPtrArray *search_pass_facets(const Pass *pass); /* SearchFacet* */

char *search_mark_folded(const char *text); /* mark.c; for the test of invariant 1 */
extern gint64 search_scan_us; /* scan.c: answers without the index, for so long: bitmaps for the keys, columns, and what to tell of it; pages as search_pages_find */
gboolean search_scan(Search *search, Sql *sql, const LeafKey *keys, guint key_count, Leaf **ret_leaves, SearchView *ret_view, char **ret_notice, GError **error);
gboolean search_scan_pages(Search *search, Sql *sql, const char *pattern, GArray *wanted, GError **error);
gboolean search_scan_name(Search *search, Sql *sql, const char *name); /* as search_name_known, as far as there is time to look */
gboolean search_damage(Search *search, GError **error); /* what was read of the index cannot be: FALSE with error, and it is made anew */
void search_note_damage(Search *search, const char *what);
gboolean search_is_damage(const GError *error), search_is_damaged(Search *search); /* the second: it is, rather than merely being rebuilt */
gboolean search_takes_damage(Search *search, Sql *sql, GError **failure); /* it was damage, is noted and cleared: what was asked for is left out */
gboolean search_damage_remember(Sql *sql, GError **error), search_damage_forget(Sql *sql, GError **error), search_damage_remembered(Sql *sql); /* beyond a restart */
typedef struct SearchSynonyms SearchSynonyms; /* synonym.c */
void search_text_clear(SearchText *text); /* ---- search.c ---- */
enum { HISTORY = 8 };
struct Search {
  SqlDb *db;
  GMutex lock; GCond moved;  /* guards the fields below; held only to take references */
  Columns *current;
  Columns *history[HISTORY]; /* the states before, newest first; NULL ends */
  GHashTable *fields;        /* refcounted, replaced as a whole */
  SearchSynonyms *synonyms;  /* the same; NULL: none */
  SearchTextSource text_source;
  SearchRecordsSource records_source;
  SearchPagesSource pages_source;
  gpointer text_source_data, records_source_data, pages_source_data;
  gboolean needs_rebuild, damaged; /* damaged: nothing is read of it and nothing written to it */
  struct { gboolean going, left; gint64 record, page; } remade; /* the index is being made anew, so far up to these (put.c), until damage is noticed; heal.c */
  guint64 sound_from;        /* what was before that version was damaged, and is so in the snapshots of that time */
  guint64 version_floor;     /* after tables were made anew: versions begin above */
  guint64 tended;            /* search_tend: the version for which there was nothing more to do */
  guint tended_chunks;       /* how many lines there were when it last looked */
  struct GramSelection *grams[2]; /* by GramSet, the newest that was read; NULL: none yet */
  struct { GHashTable *fields; guint64 seen; } dated; /* dated.c: field → FieldDays, the newest; the version when search_dated_warm last looked */
  Cache *cache; Tallies *tallies; /* have their own locks */
};
