/*
 * Frequent grams: bitmaps kept for strings of one to four units of text that stand in many records, beside FTS5, which has everything.
 *
 * A unit is an ideograph or a run of letters or digits; a gram is one to four units as they follow each other in a text, with or without the end of a run
 * between them. A stream is what is looked in: titles, all other values, creators, codes, document numbers, the values of one field.
 *
 * 1. For each gram of the selection and each block below State.covered there are exact bitmaps of the records that have it once, twice, three times at least,
 *    in the same snapshot as the records: put.c follows every change there. Blocks from `covered` on are FTS5's alone.
 * 2. The selection is drawn from a sample: it decides what is fast, never what is found.
 */
#pragma once
#include "internal.h"

enum { GRAM_UNITS = 4 };
typedef enum { GRAM_ONCE, GRAM_TWICE, GRAM_THRICE, GRAM_TIMES } GramTimes; /* at least so often in a record's stream */

typedef struct { guint64 hash; const char *begin, *end; gboolean spaced, ideograph; } Unit; /* spaced: a run ends before it */
typedef struct GramSelection GramSelection; /* immutable */

GArray *search_units(const char *folded); /* Unit */
guint64 search_gram_hash_on(guint64 hash, const Unit *next); /* of a gram and the unit behind it */
guint64 search_gram_hash(const GArray *units, guint first, guint count);
guint64 search_stream(const char *name); /* "t" title, "o" other, "c" creator, "k" code, "d" docno, "f…" a field by its name */
static inline guint64 search_gram_key(guint64 stream, guint64 hash) {
  guint64 z = (stream ^ hash) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
  return z ^ z >> 31;
}

gboolean search_gram_state(Sql *sql, GramState *ret, GError **error);
typedef enum { GRAMS_RECORD, GRAMS_PAGE } GramSet;
/* The selection of that number, from memory or the database; NULL without error: another is in force by now. */
GramSelection *search_gram_selection(Search *search, Sql *sql, GramSet set, gint64 number, GError **error);
void search_gram_selection_unref(GramSelection *selection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GramSelection, search_gram_selection_unref)
GramSelection *search_gram_selection_new(gint64 number);
guint search_gram_selection_add(GramSelection *selection, guint64 key); /* while it is being made */
guint search_gram_selection_size(const GramSelection *selection);
enum { GRAM_KEYS_SUM = -1 }; /* the number under which the sum of a selection's keys is kept */
gint64 search_gram_keys_sum(const GArray *keys); /* guint64, in the order of their numbers */
gint64 search_gram_number(const GramSelection *selection, guint64 key); /* -1: not kept */
static inline gint64 search_gram_row(gint64 number, GramTimes times, guint block) { return number << 18 | (gint64)times << 16 | block; }

/* gram-find.c: the records that have the pattern in the component; NULL without error: the grams cannot tell, FTS5 must. */
Leaf *search_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error);
guint64 search_gram_guess(Search *search, Sql *sql, const SearchView *view, const LeafKey *key); /* how many these are, roughly, by whether its pairs are frequent */

/* gram-keep.c: changes, and making them */
typedef struct { const char *title, *creator, *code, *docno, *fields; } GramText;
typedef struct GramFollow GramFollow; /* what a transaction owes to the grams */
GramFollow *search_gram_follow_new(Search *search, Sql *sql, GError **error);
void search_gram_follow_free(GramFollow *follow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GramFollow, search_gram_follow_free)
gboolean search_gram_sound(gint64 row, const guint8 *bytes, gsize *length); /* takes the sum off the length */
gboolean search_gram_follow(GramFollow *follow, Sql *sql, const Columns *base, const SearchDocument *before, const SearchDocument *after, gboolean bulk, GError **error);
gboolean search_gram_follow_flush(GramFollow *follow, Sql *sql, GError **error);
/* FALSE: of some of the record's grams (chosen at random, GRAMS_COMPARED at most) the bitmaps lack it. */
enum { GRAMS_COMPARED = 16 };
gboolean search_grams_agree(Search *search, Sql *sql, const SearchDocument *document);
/* One step: grams are chosen, or one more block is covered; ret_more: there is more to do. Outside a transaction. */
gboolean search_grams_extend(Search *search, gboolean *ret_more, GError **error);
/* Makes the bitmaps of all covered blocks anew, block after block. Outside a transaction. */
gboolean search_grams_renew(Search *search, GError **error);
gboolean search_remake_tidy(Search *search, GError **error); /* heal.c: empties what an interrupted or finished remaking left. Outside a transaction */

/*
 * Grams of pages. Pages are many and long: what is kept of them is made block by block beforehand and never changed by a save.
 *
 * 1. A row says of the records of its block, up to PageState.covered, on which of them the gram stands, on all pages together once or more often (counts from
 *    REPEATS_MOST on are not told apart).
 * 2. A record whose pages were changed since its row was made is stale: what rows say of it counts for nothing, its pages are read instead. From `covered`
 *    on FTS5 answers.
 * 3. Grams are kept that stand on a five-hundredth of the pages: single units and pairs; longer ones where what is within, without their first and last unit, is
 *    common. So what begins or ends a kept gram is kept, too, and what the longest kept grams of a text share with their neighbours is not common: where it
 *    stands once in a record, it stands in both.
 * 4. A row has the blocks of a span, so that what is asked of one gram is read at once; a block's part of it is made from all its pages.
 */
enum { REPEATS_MOST = 17, PAGE_GRAM_UNITS = 12, SPAN_BLOCKS = 8 };
gboolean search_page_state(Sql *sql, PageState *ret, GError **error);
static inline gint64 search_page_gram_row(guint span, gint64 number) { return (gint64)span << 32 | number; }

/* page-gram.c: as search_gram_find, for COMPONENT_PAGE */
Leaf *search_page_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error);

/* The same of a page of the record. */
gboolean search_page_grams_agree(Search *search, Sql *sql, const SearchView *view, gint64 record_id, const char *text);

typedef struct { const char *pattern; guint most, looked, page; } SearchPageLook; /* most, looked: pages of all looks; page: 0 none */
/* The first page of the record that holds the pattern, as far as `most` allows; FALSE: they cannot be read. */
gboolean search_page_look(Search *search, Sql *sql, gint64 record_id, SearchPageLook *look, GError **error);

/* page-keep.c */
/* In the transaction that puts a page of the record; added: there was none before. */
gboolean search_page_note(Sql *sql, gint64 record_id, guint64 version, gboolean added, GError **error);
/* One step: grams are chosen, or a block is covered or covered anew; ret_more: there is more to do. Outside a transaction. */
gboolean search_page_grams_extend(Search *search, gboolean *ret_more, GError **error);
gboolean search_page_grams_renew(Search *search, GError **error); /* as search_grams_renew */
typedef struct { SearchPagesSource source; gpointer data; } PageSource;
PageSource search_page_source(Search *search);

/* page-lines.c: what a row has of each block of its span, and the lines of a block */
typedef struct { const guint8 *bytes[SPAN_BLOCKS]; guint16 lengths[SPAN_BLOCKS]; } PageSpan; /* length 0: no record of the block has the gram */
void search_page_span_append(GByteArray *out, const PageSpan *span);
gboolean search_page_span_read(const guint8 *bytes, gsize length, PageSpan *ret); /* borrows bytes; FALSE: these are none */
typedef struct { /* lines of a block that have the gram, and how often those that have it more than once */
  guint count, more; /* lines; of them, those with more than one */
  const guint8 *lines, *repeated, *times; /* times: half a byte for each repeated line, what it has beyond two */
} PageLines;
void search_page_lines_append(GByteArray *out, const guint16 *lines, guint count, const guint16 *repeated, const guint8 *times, guint more); /* times: 2 … */
/* The row into bytes, and what it has of each block (nothing, when there is none); FALSE without error: it is damaged. */
gboolean search_page_row_read(Sql *sql, gint64 row, GByteArray *bytes, PageSpan *ret, GError **error);
gboolean search_page_lines_read(const guint8 *bytes, gsize length, PageLines *ret); /* FALSE: these are none */
gboolean search_page_lines_and(const PageLines *lines, guint64 *words); /* leaves of the words' lines those that have the gram; whether some are left */
void search_page_lines_excess(const PageLines *lines, const guint64 *words, gint sign, gint32 *slack); /* adds sign * (times - 1) for each line of words */
