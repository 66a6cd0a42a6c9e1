/*
 * The columns turned round (block.c), for the files that answer broad questions with them.
 */
#pragma once
#include "internal.h"

typedef struct { /* measured; tests set them to small numbers */
  guint few;      /* up to so many hits of a block are taken one by one */
  guint dense;    /* from so many lines on a kind or a group has words */
  guint64 tallied; /* counts of so many hits of a word are kept */
  guint step;     /* a line of a block's order, which may be no hit, costs as much as so many hits, which may not be wanted */
  gint64 gram_records, gram_least; /* from so many records on grams are kept, and which: those in so many records, or a thousandth */
  guint gram_sample;
  guint gram_owed; /* differences that a load keeps in memory before it writes them, 24 bytes each */
  gint64 light_us, overdue_us, door_us; /* turn.c: processor time of a short question; the waiting of others */
  gint64 page_least; /* grams of pages are kept from so many records on, or a five-hundredth of those with pages */
  guint page_behind, page_stale; /* records without bitmaps of their pages, and stale ones of a block, until it is covered anew */
  guint page_looked; /* pages read for one term, before FTS5 is asked instead */
  gsize page_room;   /* bytes of lines that are kept while a block is covered */
} SearchLimits;
extern SearchLimits search_limits;
typedef struct { /* what the gate asks and facets count: many lines are of one kind. level 0: no record */
  guint32 fonds_id;
  guint16 year;
  guint8 category, retention, opening, level, security, has_files;
} LineKind;
enum { NARROW = 256 };
typedef struct { /* the lines of a block by kind. A block has no more kinds than lines, so 16 bits number them */
  gatomicrefcount references;
  guint64 serial;  /* of these kinds of this block, and of no others */
  guint first_count; /* when they were made, before they were patched */
  guint count, dense, living, rest_living; /* kinds: those with words come first; lines: all records, those of the other kinds */
  LineKind *all;
  guint32 *totals; /* by kind; no lines are no records */
  guint32 *heads;  /* by kind, PLACED for each: no line has a lesser search_top_head, in tier 0 */
  guint64 *words;  /* BLOCK_WORDS for each dense kind */
  guint64 rest[BLOCK_WORDS]; /* the lines of the other kinds */
  guint16 of_line[BLOCK_LINES];
  guint8 narrow[BLOCK_LINES]; /* the same in half the memory, where there are at most NARROW kinds */
  guint32 places[BLOCK_LINES]; /* search_top_place */
} Kinds;
typedef roaring_bitmap_t Bitmap;
static inline void bitmap_free(Bitmap *bits) { g_clear_pointer(&bits, roaring_bitmap_free); }
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bitmap, bitmap_free)
typedef struct { const guint16 *lines; const guint64 *words; guint count; } LineSet; /* of a block: `count` ascending, else bits; both NULL: all */
typedef enum { BY_PARENT, BY_ACCESSION, GROUPINGS } GroupBy;
enum { ORDERS = SEARCH_SORT_CODE + 1 };
typedef struct { guint32 value, start, count; guint64 *words; } Group; /* its lines: words, or Grouping.lines[start … start + count) */
typedef struct { /* the living lines of a block by their value in one column; groups by value, ascending */
  guint group_count;
  Group *groups;
  guint16 *lines;
  guint64 *words;
} Grouping;
enum { STRIDE = 4096, STRIDES = BLOCK_LINES / STRIDE, FRONT = 1024 };
typedef struct { /* living lines, for relevance within one tier */
  gatomicrefcount references;
  guint count;
  guint64 *ahead; /* atomic, made when it is first asked for: of each STRIDE of lines, BLOCK_WORDS for these and those before; and for the FRONT */
  guint32 front[FRONT]; /* the places of the first lines: most lists look no further, and would find each of them elsewhere in the block */
  guint16 lines[];
} Order;
#define DAYS_NONE 0x3FFFFFu /* more than any day */
/* The high 32 bits of a hit's key, by which it is listed (top.c), for the sorts below PLACED. */
static inline guint32 search_top_head(SearchSort sort, guint32 place, guint tier) {
  guint32 age = place & DAYS_NONE;
  if (sort == SEARCH_SORT_RELEVANCE) return tier << 30 | place;
  return sort == SEARCH_SORT_DATE_DESC || age == DAYS_NONE ? age : DAYS_NONE - age;
}
Block *search_block_new(Block *former, const guint8 *changed); /* former NULL: of unknown chunks; else `changed` of its chunks differ */
const Kinds *search_block_kinds(const Columns *columns, guint number);
const Grouping *search_block_grouping(const Columns *columns, guint number, GroupBy by);
Order *search_block_order(const Columns *columns, guint number, SearchSort sort);
LineSet search_order_ahead(Order *order, guint lines); /* its first lines: at least so many, exactly when these are strides; 1 … */
const Group *search_group_find(const Grouping *grouping, guint32 value);
gboolean search_kinds_choose(const Kinds *kinds, const guint8 *chosen, guint64 *words); /* the lines of kinds whose byte is not 0; FALSE: there are none, words not set */
void search_kinds_tally(const Kinds *kinds, const guint64 *words, guint32 *counts); /* adds the lines to the counts of their kinds */
guint search_words_count(const guint64 *words);
guint search_words_both(const guint64 *a, const guint64 *b); /* how many are in both */

/* ---- tally.c: how many hits are of each kind, kept by block for what is asked again ---- */
enum { TALLY_LEAVES = 3 };
guint64 search_serial(void); /* never the same */
Tallies *search_tallies_new(void);
void search_tallies_forget(Tallies *tallies);
void search_tallies_free(Tallies *tallies);
/* Of the union of the leaves of these serial numbers, 0: none; NULL: asked for the first time. */
Tally *search_tally_of(Tallies *tallies, const guint64 *leaves, guint block_count);
void search_tally_unref(Tally *tally);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tally, search_tally_unref)
gboolean search_tally_read(Tally *tally, guint number, guint64 serial, guint32 *found, guint count); /* of the block's kinds of that serial number; FALSE: unknown */
void search_tally_keep(Tally *tally, guint number, guint64 serial, const guint32 *found, guint count);
void search_pass_tally(Pass *pass, Tally *tally); /* of all hits of the search_pass_lines that follow; takes it */

/* ---- words: a bit for each line of a block ---- */
static inline gboolean search_words_have(const guint64 *words, guint line) { return words[line / 64] >> line % 64 & 1; }
void search_words_fill(const void *container, guint8 type, guint64 *words); /* a container of CRoaring */
guint search_words_list(const guint64 *words, guint16 *lines);
/* out: may be one of the two; FALSE: it has no line */
gboolean search_words_and(guint64 *out, const guint64 *a, const guint64 *b), search_words_andnot(guint64 *out, const guint64 *a, const guint64 *b),
  search_words_or(guint64 *out, const guint64 *a, const guint64 *b);

/* ---- tree.c: what the tree of a query finds, a block at a time ---- */
typedef struct { Leaf *title, *other, *closed, *page; } Bits; /* a leaf's components; NULL: it does not look there. Fields other than the title are `other` */
enum { TREE_PLACES = 4 };
typedef enum { MODE_FULL, MODE_DESCRIPTION, MODE_TITLE } Mode; /* words on pages count; they do not; those in titles alone, of words that are looked for anywhere */
typedef struct Tree Tree;
struct SearchNode;
Tree *search_tree_new(const struct SearchNode *root, const Bits *bits, guint leaves, const Bitmap *only); /* all borrowed; root, only: may be NULL */
void search_tree_free(Tree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tree, search_tree_free)
/* Of the block of that number, not less than any asked for before. What is given lies in the leaves or in the tree, at that depth: until something else is put there. */
LineSet search_tree_lines(Tree *tree, Mode mode, guint number, guint depth);
gboolean search_tree_titles_alone(const Tree *tree); /* MODE_TITLE gives what MODE_DESCRIPTION does */
LineSet search_tree_both(Tree *tree, LineSet a, LineSet b, guint depth);
LineSet search_tree_without(Tree *tree, LineSet a, LineSet b, guint depth); /* those of a that are not in b */
LineSet search_tree_settle(Tree *tree, LineSet lines, guint depth); /* the same, listed when they are few */
gboolean search_tree_finds(const Tree *tree, Mode mode, guint32 id);

/* ---- pass.c: gate, filters, facet counts and the list, a block at a time ---- */
void search_pass_lines(Pass *pass, Tree *tree, guint number, LineSet hits, Need need, guint tier); /* tier 0: those of the hits that stand in titles alone */
