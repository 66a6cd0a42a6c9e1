/* Names of years, read from definitions/eras.yaml once: reigns and periods; and the cycle of sixty (甲子 … 癸亥). Inside base. */
#pragma once
#include "date.h"

typedef struct {
  gunichar *folded; /* ends with 0 */
  char *name;
  int before, years, reign; /* the year before its first; how far it is counted; how many years it had */
  gboolean lunar, side;     /* months are lunar; beside another reign, no year is called by it */
} Era;

typedef struct {
  const Era *eras;
  guint count;
  GHashTable *periods; /* folded name → DateSpan */
} DateNames;

const DateNames *date_names(void);
gunichar date_fold(gunichar c); /* one character of a date, folded */
/* 0 … 59 for the two characters at p, -1 when they are no year of the cycle. */
int date_cycle_at(const gunichar *p);
/* The years from..to with that place in the cycle; at most `most` are written to ret (it may be NULL), all are counted. */
guint date_cycle_years(int place, int from, int to, int *ret, guint most);
