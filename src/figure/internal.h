/* What the files of the room share. */
#pragma once
#include "error.h"
#include "figure.h"

/* ---- numeral.c: numbers in sentences ---- */
typedef enum { NUMBER_PLAIN, NUMBER_MORE, NUMBER_NEAR, NUMBER_ABOUT, NUMBER_OVER, NUMBER_AT_LEAST } NumberKind;
typedef struct {
  NumberKind kind;
  double number, step, unit_step; /* step: of the last digit that is not 0; unit_step: of the last written one */
  double low, high;               /* what the words allow */
  gboolean low_open, high_open, han, decimals, scaled, negative;
  const char *unit;               /* measure word behind it, static; "": none */
  gsize number_end, length;       /* bytes: up to the measure word, with it */
} ReadNumber;
gboolean number_read(const char *at, ReadNumber *ret); /* FALSE: no number begins here */
gboolean number_admits(const ReadNumber *number, double value);
gboolean number_is_continuous(const char *unit); /* %, 倍, 小时 …: a whole number of it may be a rounded one */

/* ---- wording.c ---- */
const char *figure_unit(json_t *figure); /* the measure word behind the number; "" */
void say_faults(json_t *figure, json_t *faults); /* adds {where, what} */

/* ---- definition-check.c ---- */
/* The aggregate of a figure: its key, NULL when there is none or more than one. */
const char *figure_aggregate(json_t *figure);
/* Calls visit for each figure that this one is made from (a name or an inline definition), with the place. */
typedef void (*FigurePart)(json_t *part, const char *place, gpointer data);
void figure_parts(json_t *figure, FigurePart visit, gpointer data);
json_t *invariant_faults(json_t *invariants, json_t *others);
typedef struct { int sign; char *name; double constant; } Term; /* name NULL: a constant */
/* left terms, comparison ("=", "<=", ">="), right terms; NULL: cannot be read. */
typedef struct { GArray *left, *right; const char *comparison; } Equation;
Equation *equation_read(const char *that);
void equation_free(Equation *equation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Equation, equation_free)

/* ---- definition.c ---- */
json_t *figure_invariants_defined(void); /* [{say, that}]; new */
json_t *where_for_year(json_t *where, int year); /* {year: -1} becomes the year; new */
