/*
 * A definition as a form and back: its members as texts that a form carries, told by a table of keys. Ledgers, figures and panels are edited with it.
 *
 * A tree is {key: text, list: {"0": {at, key: text, …}, …}, part: {…}}; lists stand in the order of the form, `at` is the row's place in what the form was made from.
 * Conditions and values by field are lists too, of {name, op, value}: 状态 | not | 已验收.
 * 1. A form that nobody touched gives back what it was made from, to the letter; what a table of keys does not name stays as it was.
 * 2. What cannot be read as the kind asks stays a text, for the check of the definition to name.
 */
#pragma once
#include "ledger.h"

/* NOT: a flag that holds unless it is false. WORDS, LINES, NUMBERS: lists, between 、 or on lines. ROLES, ROLE: codes, shown as their titles. VALUE: text, number or list
 * as it stands. YAML: anything, in YAML. LIST: rows with keys of their own. PART: one mapping with keys of its own. WHERE: conditions. PAIRS: a value for each field;
 * SETS: the same, where today and the person who acts have words; TEXTS: the same, all texts. */
typedef enum { DESIGN_TEXT, DESIGN_FLAG, DESIGN_NOT, DESIGN_WORDS, DESIGN_LINES, DESIGN_NUMBERS, DESIGN_NUMBER, DESIGN_ROLES, DESIGN_ROLE, DESIGN_VALUE, DESIGN_YAML,
  DESIGN_LIST, DESIGN_PART, DESIGN_WHERE, DESIGN_PAIRS, DESIGN_SETS, DESIGN_TEXTS } DesignKind;
typedef struct DesignKey { const char *key; DesignKind kind; const struct DesignKey *keys; } DesignKey; /* NULL-ended */

/* What a kind of definition has besides its keys; any may be NULL. */
typedef struct {
  const LedgerField *(*field)(const char *name, gpointer data);                                /* of a condition or a value: so that 是 becomes true, 3 a number */
  void (*made)(json_t *row, json_t *former, const DesignKey *keys, gpointer data);             /* a row of a list was made; former NULL: a new one */
  void (*dress)(json_t *model, json_t *row, const DesignKey *keys, const char *path, gpointer data); /* what the template needs besides: options */
  gpointer data;
} DesignCare;

json_t *design_tree(json_t *definition, const DesignKey *keys); /* new */
json_t *design_read(json_t *given);                             /* of the form's flat names ("fields.0.name"). New */
/* The definition that the form was made from (NULL: none), with what was typed over it. New */
json_t *design_apply(json_t *base, json_t *tree, const DesignKey *keys, const DesignCare *care);
/* "up fields.2", "down …", "drop …", "add fields", in place; where the cursor is then ("up fields.1"), NULL: no such act. New */
char *design_act(json_t *tree, const DesignKey *keys, const char *act);
/* Each key as a text; a list as [row], rows with path, id and order; a part as a mapping with its path and whether it says anything (`said`); conditions and pairs as
 * {path, rows: [{path, name, op, value, ops}]}. focus: an act's answer, NULL. New */
json_t *design_model(json_t *tree, const DesignKey *keys, const char *focus, const DesignCare *care);

json_t *design_options(const char *const (*words)[2], guint count, const char *chosen); /* [{value, label, chosen}]. New */
const char *design_text(json_t *tree, const char *key); /* of a tree: "" when there is none. Borrowed */
json_t *design_words(json_t *given, DesignKind kind);   /* "甲、乙" or [text] as a list of texts (NUMBERS: numbers). New */
char *design_join(json_t *list, const char *between);   /* never NULL. New */

/* ---- design-where.c ---- */
json_t *design_pairs(json_t *mapping, DesignKind kind); /* [{name, op, value, was (what stood there)}]. New */
/* The mapping of rows of a form; former as before (it is kept where the rows say the same). NULL: nothing. New */
json_t *design_mapping(json_t *rows, json_t *former, DesignKind kind, const DesignCare *care);
json_t *design_ops(const char *chosen); /* options. New */
json_t *design_typed(const char *text, const LedgerField *field, gboolean several); /* as the field holds it; NULL: a text. several: 、 stands between values. New */
