/*
 * Inside the room: how a number is computed.
 *
 * 1. A selection is the entries that a figure is about: ledger, condition, period, units. Every aggregate goes over one.
 * 2. Which rows count for whom, and what of a figure may be told, is decided in gate.c.
 */
#pragma once
#include "internal.h"
#include "json.h"
#include "ledger.h"

enum { FIGURE_DEEP = 16, FIGURE_RUNS = 10000, MISSING_SHOWN = 100 };
#define UNIT_OWN "本馆"

typedef struct { json_t *open, *closed, *paths; } Needs; /* {ledger: secrecy} of what counts because it is seen, and by right; {ledger: {path}} of limited fields */
typedef struct {
  const House *house;
  Sql *sql;
  Asker asker;
  guint depth, runs;
  gboolean right, trying; /* right: within a figure that is `restricted`; trying: a definition that is not in force, which has no rights */
  Needs needs;
} Ask;
void ask_init(Ask *ask, const House *house, Sql *sql, Asker asker);
void ask_clear(Ask *ask);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ask, ask_clear)

typedef struct { char *key; double value, whole; char *text; GArray *entries; json_t *figure; } Part; /* text: made already; figure: whose words, borrowed */
typedef struct {
  double value, whole; /* NaN: cannot be told (a division by 0); whole 0: there is none */
  char *text;          /* made already (lists, spans, dates); NULL: said from the value */
  GArray *entries;     /* gint64 ids behind it, each once after outcome_settle */
  GPtrArray *parts;    /* Part; NULL: none */
  json_t *missing;     /* what a coverage lacks, as text; NULL */
  gboolean unseen;     /* among its entries are some that the asker may not see */
  gboolean partial;    /* some were not counted */
  gboolean unknown;    /* of a time before the archives used this program: what is counted is there today */
  char *opens;         /* address of the rows, where they are not entries */
} Outcome;
void outcome_init(Outcome *outcome);
void outcome_clear(Outcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)
void outcome_settle(Outcome *outcome);
void outcome_add_part(Outcome *outcome, const char *key, const Outcome *part, json_t *figure);
/* One figure, whatever its kind; year and period of the definition are taken into account. */
gboolean figure_run(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error);
gboolean figure_run_part(Ask *ask, json_t *part, FigurePeriod period, Outcome *ret, json_t **ret_figure, GError **error); /* by name or inline */
FigurePeriod period_shift(FigurePeriod period, int years);

/* ---- select.c ---- */
typedef struct {
  LedgerTable *table;
  LedgerWhere *where;
  GArray *indexes;     /* guint */
  FigurePeriod period; /* that the figure looks at */
  int at;              /* day for dated values and states; 0: the newest */
  gboolean unseen, partial; /* as of an Outcome */
} Selection;
void selection_clear(Selection *selection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Selection, selection_clear)
/* mode NULL: as the figure says; ledger and where may be another's (the roster of a coverage): from the object `source`. */
gboolean selection_make(Ask *ask, json_t *figure, json_t *source, const char *mode, FigurePeriod period, Selection *ret, GError **error);

/* ---- gate.c ---- */
/* Takes out the entries that do not count for the asker, and notes what the others rest on; roster: it is the roster of the figure's coverage. */
gboolean selection_pass_gate(Ask *ask, json_t *figure, gboolean roster, Selection *selection, GError **error);
/* DENIED: nothing of it may be told. *ret_number_only: its number is all that may. */
gboolean figure_pass_gate(json_t *figure, Asker asker, gboolean *ret_number_only, GError **error);
json_t *needs_told(const Needs *needs, gboolean words); /* {ledgers, paths}; words: more than numbers is told */

/* ---- aggregate.c, coverage.c, text.c: over the entries at `indexes` of a selection ---- */
typedef gboolean (*Aggregate)(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error);
Aggregate aggregate_of(const char *kind); /* NULL: not over entries */
gboolean aggregate_coverage(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error);
gboolean aggregate_list(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error);
gboolean aggregate_span(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error);
gboolean aggregate_hours(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error);
char *date_words(int from, int to, gboolean both_years); /* 2023年6月7日至7月28日 */
int day_number(int day);  /* YYYYMMDD → days since 0001-01-01 */
int day_of_number(int number);
int day_clamped(int day); /* one that exists: 20230229 → 20230228, unknown parts their first */

/* values of entries, each once */
typedef struct ValueSet ValueSet;
ValueSet *value_set_new(void);
void value_set_free(ValueSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ValueSet, value_set_free)
gboolean value_set_add(ValueSet *set, const LedgerValue *value); /* TRUE: it was not there; texts are borrowed while the set lives */
gboolean value_set_has(const ValueSet *set, const LedgerValue *value);
guint value_set_size(const ValueSet *set);

/* ---- compute-archive.c ---- */
gboolean run_records(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error);
gboolean run_events(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error);

/* ---- how.c ---- */
char *figure_how(json_t *figure, FigurePeriod period);
gboolean figure_check_within(Ask *ask, json_t *figure, FigurePeriod period, const Outcome *outcome, char **ret_what, GError **error); /* *ret_what: what is wrong;
  new */
