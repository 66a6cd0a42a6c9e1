/* The codes of a fonds as series of running numbers. Inside the catalogue room. */
#pragma once
#include "code-use.h"

typedef struct {
  guint number, width;
  guint count;         /* how many numbers it takes: 1, or the pages of the record where they are page numbers; 0: nobody knows */
  gint64 id;
} CodeNumber;
guint code_number_behind(const CodeNumber *number); /* the first number that it does not take */
typedef struct {
  char *prefix;        /* what stands before the number (code_series) */
  Level level;
  guint width;         /* of its numbers by the rule they follow; 0: not filled */
  gboolean pages;      /* they are those of pages */
  GArray *numbers;     /* CodeNumber, ascending */
  guint missing, gaps; /* numbers that nothing has, from 1 to the last; the ranges they make. None are told behind a record without a count of pages */
  guint repeats;       /* records whose number another one has too, written otherwise; whose pages overlap those of another */
  guint widths;        /* bit w: numbers of w digits */
} CodeSeries;
typedef struct { gint64 id; char *code; } CodeOther;
typedef struct {
  guint8 category;
  CodeUse use;
  guint count, follows;
  GPtrArray *series;   /* CodeSeries*, in natural order */
  GArray *others;      /* CodeOther: what has not the rule's form, by code */
  guint missing, gaps, repeats, mixed; /* of all series; mixed: series with numbers of several widths, shorter than filled ones allow */
} CodeGroup;
/* CodeGroup* of each category of the fonds that the scope admits records of (category 0: all), by category; one pass over the fonds' codes in the index. */
GPtrArray *code_survey(const House *house, Sql *sql, const Scope *scope, const CatalogRecord *fonds, guint8 category, GError **error);
