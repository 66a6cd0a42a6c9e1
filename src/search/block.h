/*
 * The columns turned round (block.c), for the files that answer broad questions with them.
 */
#pragma once
#include "internal.h"

typedef struct { /* measured; tests set them to small numbers */
  guint few;      /* up to so many hits of a block are passed line by line */
  guint dense;    /* from so many lines on a group has words */
  guint in_order; /* from so many hits on the list is taken from the block's order */
  gint64 gram_records, gram_least; /* from so many records on grams are kept, and which: those in so many records, or a thousandth */
  guint gram_sample;
  guint gram_owed; /* differences that a load keeps in memory before it writes them, 24 bytes each */
  gint64 light_us; /* turn.c */
  gint64 page_least; /* grams of pages are kept from so many records on, or a five-hundredth of those with pages */
  guint page_behind, page_stale; /* records without bitmaps of their pages, and stale ones of a block, until it is covered anew */
  guint page_looked; /* pages read for one term, before FTS5 is asked instead */
  gsize page_room;   /* bytes of lines that are kept while a block is covered */
} SearchLimits;
extern SearchLimits search_limits;
typedef enum { BY_FONDS, BY_CATEGORY, BY_YEAR, BY_RETENTION, BY_OPENING, BY_LEVEL, /* as pass.c's facets */
  BY_CLASS /* level, security, opening */, BY_FILES, BY_PARENT, BY_ACCESSION, GROUPINGS } GroupBy;
enum { ORDERS = SEARCH_SORT_CODE + 1, GROUP_NONE = 0xffff };
typedef struct { guint32 value, start, count; guint64 *words; } Group; /* its lines: words, or Grouping.lines[start … start + count) */
typedef struct { /* the living lines of a block by their value in one column; groups by value, ascending */
  guint group_count, living;
  Group *groups;
  guint16 *lines;
  guint64 *words;
  guint16 *places; /* of each line its group's number, GROUP_NONE when it is not living; NULL: it has too many groups */
} Grouping;
typedef struct { gatomicrefcount references; guint count; guint16 lines[]; } Order; /* living lines, for relevance within one tier */
Block *search_block_new(Block *former, const guint8 *changed); /* former NULL: of unknown chunks; else `changed` of its chunks differ */
const Grouping *search_block_grouping(const Columns *columns, guint number, GroupBy by);
const Order *search_block_order(const Columns *columns, guint number, SearchSort sort);
const Group *search_group_find(const Grouping *grouping, guint32 value);
void search_group_add(const Grouping *grouping, const Group *group, guint64 *words);
guint search_group_count(const Grouping *grouping, const Group *group, const guint64 *words); /* of its lines, how many are in words */
/* Adds to counts[], by group, how many of the lines are in it; FALSE: places are not kept. */
gboolean search_groups_count(const Grouping *grouping, const guint16 *lines, guint count, guint32 *counts);
guint search_words_count(const guint64 *words);
GBytes *search_scope_key(const Scope *scope);
/* BLOCK_WORDS words: the lines that the scope admits so; key: search_scope_key. */
GBytes *search_block_gate(const Columns *columns, guint number, const Scope *scope, GBytes *key, Need need);

/* ---- words: a bit for each line of a block (pass.c) ---- */
void search_words_fill(const void *container, guint8 type, guint64 *words); /* a container of CRoaring */
guint search_words_list(const guint64 *words, guint16 *lines);
