/*
 * Inside the ledger room: one ledger's entries in memory, column by column.
 *
 * 1. A column has for each entry where its values begin in the column's pools and how many there are; pools only grow, and are made anew when most of them is
 *    waste. Texts are numbers of the table's dictionary.
 * 2. Values of child rows are columns of their own that also say which row of the entry each value is of.
 * 3. A removed entry's place is taken by the last one.
 */
#pragma once
#include "internal.h"

typedef enum { HOLD_POOL, HOLD_TEXT, HOLD_DAYS, HOLD_NUMBER, HOLD_SECRECY, HOLD_DERIVED, HOLD_AGE, HOLD_ROWS } ColumnHold;
typedef enum { DERIVED_YEAR, DERIVED_QUARTER, DERIVED_MONTH, DERIVED_WEEK, DERIVED_DAY } Derived;

typedef struct { /* what every entry has */
  gint64 id, rev;
  double quantity;
  gint32 from, to, due;
  guint32 number, unit, title, department, owner, basis, made_by; /* texts */
  guint8 secrecy;
} TableRow;

typedef struct {
  const LedgerField *field; /* NULL: a derived one */
  const char *name;
  LedgerType type;
  ColumnHold hold;
  gsize offset;           /* HOLD_TEXT, HOLD_DAYS: in TableRow */
  guint parent;           /* + 1: column of the rows that it is a field of; 0: the entry's own */
  guint of;               /* HOLD_AGE: column of the date; HOLD_DERIVED: a Derived */
  gboolean dated;
  GArray *begin, *length; /* guint32 by entry; HOLD_ROWS: length only */
  GArray *text;           /* guint32: texts, and what is shown of a span of time */
  GArray *number, *until; /* double: numbers, ids, yes and no, minutes; until: the end of a span of time */
  GArray *from, *to;      /* gint32: dates */
  GArray *since, *row;    /* gint32, guint32 */
} Column;

struct LedgerTable {
  const LedgerDefinition *definition;
  gint64 rev;
  GArray *rows;           /* TableRow */
  GHashTable *places;     /* id → place + 1 */
  GArray *columns;        /* Column: base ones, the definition's, those of child rows behind their parent */
  GHashTable *names;      /* Chinese name → place in columns + 1, not child fields */
  GPtrArray *texts;       /* the dictionary; 0 is "" */
  GHashTable *codes;      /* text → number */
  gsize waste, held;      /* values that belong to no entry any more, and all */
  GRWLock lock;
  gboolean own;           /* not the shared one: freed when released */
  gboolean spoilt;        /* could not be brought up to date: is read anew */
};

typedef struct { /* one value of an entry */
  const LedgerTable *table;
  LedgerType type;
  const char *label; /* a text that is not of the dictionary; else NULL */
  guint32 text, row;
  double number, until;
  gint32 from, to;
  gboolean has_text, has_number;
} Cell;
typedef gboolean (*CellVisit)(const Cell *cell, gpointer data); /* TRUE: enough */

static inline const TableRow *table_row(const LedgerTable *table, guint index) { return &g_array_index(table->rows, TableRow, index); }
static inline const Column *table_column(const LedgerTable *table, guint column) { return &g_array_index(table->columns, Column, column); }
static inline const char *table_text(const LedgerTable *table, guint32 code) { return g_ptr_array_index(table->texts, code); }
/* Words that are sought, looked up once in the dictionary. */
typedef struct TableWords TableWords;
TableWords *table_words_new(const LedgerTable *table, const char *words, Asker asker); /* NULL: none are sought */
void table_words_free(TableWords *words);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TableWords, table_words_free)
gboolean table_words_meet(const TableWords *words, guint index); /* each stands in a text that may be seen; NULL: yes */
/* The column of a name (a child field's with its parent's place + 1), or -1. */
int column_find(const LedgerTable *table, guint parent, const char *name);
guint32 column_length(const Column *column, guint index);
/* Every value that holds `at` (0: the newest); TRUE when the visit said enough. */
gboolean column_visit(const LedgerTable *table, guint column, guint index, int at, CellVisit visit, gpointer data);
gint64 table_place(const LedgerTable *table, gint64 id); /* -1: not here */
/* The same for entries as they were at the end of a day, from the history, each with the rev of then; not shared. Without those that the asker does not see
 * today where he sees some rows only. */
LedgerTable *table_on_day(Sql *sql, Asker asker, const LedgerDefinition *definition, int day, GError **error);
/* A value as it is shown; buffer for what has to be made. */
enum { CELL_TEXT = 96 };
void cell_value(const Cell *cell, LedgerValue *ret, char buffer[CELL_TEXT]);
void ledger_tables_close(void);

/* ---- path.c ---- */
enum { PATH_HOPS = 4 };
typedef struct { /* tables[0] is the asking one; a hop goes through the entry field hops[i] of tables[i] to tables[i + 1]; column is of the last table */
  const LedgerTable *tables[PATH_HOPS + 1];
  LedgerTable *held[PATH_HOPS];
  LedgerGate *gates[PATH_HOPS]; /* of held; NULL: every row is passed */
  guint hops[PATH_HOPS], hop_count, column;
  guint rows; /* + 1: the column of rows that the path begins with; 0: none */
} PathPlan;
typedef struct { const LedgerField *field, *rows; const char *derived; const LedgerDefinition *definition; } PathEnd; /* field NULL: derived; definition: where it ends */
/* What is wrong with a path, in words, or NULL. rows: the rows that it begins with. */
char *path_check(const LedgerDefinition *definition, const char *path, PathEnd *ret);
gboolean path_plan(const House *house, Sql *sql, const LedgerTable *table, const char *path, PathPlan *ret, GError **error);
void path_plan_gate(PathPlan *plan, Asker asker); /* rows of other ledgers that the asker may not see are as if they were not there */
void path_plan_clear(PathPlan *plan);
/* row: only values of that row of the asking entry; -1: all. TRUE when the visit said enough. */
gboolean path_visit(const PathPlan *plan, guint index, int at, gint64 row, CellVisit visit, gpointer data);

/* ---- where.c ---- */
/* Whether a row of the entry is one that the condition speaks of. */
gboolean where_row_meets(const LedgerWhere *where, guint rows_column, guint index, int at, guint32 row);
