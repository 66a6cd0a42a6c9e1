/*
 * Rules of archival codes (档号): definitions/codes.yaml as data, a code held against a rule, a code made by one.
 * Inside the catalogue room; what others may use of it is in catalog.h.
 */
#pragma once
#include "internal.h"

enum { CODE_PARTS_MAX = 10, CODE_SCOPE_ALL = -1 };

typedef enum { PART_FONDS, PART_CATEGORY, PART_YEAR, PART_RETENTION, PART_TEXT, PART_VOLUME, PART_ITEM, PART_PAGE } CodePartKind;
typedef struct {
  CodePartKind kind;
  char *before, *label, *literal; /* "" none */
  char **fields;
  json_t *map;                    /* {as described: as in the code}; NULL */
  guint width;
  gboolean optional, in_counter;  /* in_counter: the running number starts anew when this part differs */
} CodePart;
typedef struct {
  char *key, *title, *example;
  char **categories;
  gboolean unique_in_archive;
  guint count;
  int volume;                     /* index of the part volume; -1: by piece */
  CodePart parts[CODE_PARTS_MAX]; /* the last is item or page */
} CodeRule;
typedef struct CodeRules CodeRules;

/* The archive's own file DIR/definitions/codes.yaml, else the built-in one; errors name rule and part. */
CodeRules *code_rules_load(const char *dir, GError **error);
CodeRules *code_rules_read(json_t *document, const char *name, GError **error);
void code_rules_free(CodeRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CodeRules, code_rules_free)
const char *code_rules_digest(const CodeRules *rules); /* of the file they were read from */
guint code_rules_count(const CodeRules *rules);
const CodeRule *code_rules_at(const CodeRules *rules, guint index);
const CodeRule *code_rules_find(const CodeRules *rules, const char *key);          /* NULL: none */
const CodeRule *code_rules_default(const CodeRules *rules, const char *category);  /* for a category without records; never NULL */
const CodeRules *catalog_rules(const Catalog *catalog);

/* The rule that holds for a category of a fonds. */
typedef struct {
  const CodeRule *rule;
  const char *fonds, *category; /* their codes, borrowed */
  guint volume_width, item_width;
  gboolean chosen, followed;    /* followed: by most of the records looked at */
  const CodeRule *also;         /* most of what the rule does not number follow this one: volumes of former years beside pieces of later ones. NULL: none */
  guint also_volume_width, also_item_width;
} CodeUse;

typedef struct {
  int part[CODE_PARTS_MAX];     /* byte where each part begins, -1: left out */
  int end[CODE_PARTS_MAX];
  guint number_at;              /* byte where the running number begins: before it stands the series */
  guint number, width;
  int failed;                   /* when it does not match: the first part that is wrong; CODE_PARTS_MAX: something stands behind the end */
  guint failed_at;              /* byte */
} CodeMatch;
/* Does the code have the rule's form, the running number's width left open? The code of a volume ends with its number. */
gboolean code_match(const CodeUse *use, Level level, const char *code, CodeMatch *ret);
guint code_width(const CodeUse *use, Level level);       /* of the running number; 0: not filled */
const CodePart *code_number_part(const CodeRule *rule, Level level); /* NULL: a volume under a rule by piece */
gboolean code_strict(const CodeUse *use, Level level, const char *code, const CodeMatch *match); /* the number's width too */

/* What stands before the running number, made from the description. volume: the code of the volume the item lies in, NULL: none.
 * ret_scope: what the running number counts within (equal: the same count). INVALID when something is missing; the message says what. */
char *code_prefix(const CodeUse *use, const CatalogRecord *record, const char *volume, const char *class_text, char **ret_scope, GError **error);
/* The same scope from a code that matches. */
char *code_scope(const CodeUse *use, Level level, const char *code, const CodeMatch *match);
/* What it counts within as people read it: what stands before the number, "…" for parts that the number does not start anew with. */
char *code_series(const CodeUse *use, Level level, const char *code, const CodeMatch *match);
char *code_number_text(guint number, guint width);
/* Why a code breaks its rule, in Chinese; NULL: it does not. */
char *code_problem(const CodeUse *use, const CatalogRecord *record, const char *volume, const char *class_text);
char *code_part_text(const CodeUse *use, const CodePart *part, const CatalogRecord *record, const char *class_text); /* NULL: nothing described */
