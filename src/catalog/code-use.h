/* Which rule holds where, and where a record lies. Inside the catalogue room. */
#pragma once
#include "code-rule.h"

void code_use_clear(CodeUse *use); /* the fonds' code is its own */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CodeUse, code_use_clear)
gboolean code_use_for(const Catalog *catalog, Sql *sql, gint64 fonds_id, guint8 category, CodeUse *ret, GError **error);
/* Some records of a category of a fonds, from both ends of its codes; no gate. */
GPtrArray *code_samples(Sql *sql, gint64 fonds_id, guint8 category, GError **error);
/* Puts the rule into use with the widths that most samples have; how many of them have its form. */
guint code_use_fit(CodeUse *use, const CodeRule *rule, GPtrArray *samples);

/* Looks for the rule that the others follow. */
void code_use_find_also(const Catalog *catalog, CodeUse *use, GPtrArray *samples);
/* The use of the rule that the others follow, borrowing from this one; by which of both a code is to be judged: that whose form it has, else the first. */
CodeUse code_use_also(const CodeUse *use);
CodeUse code_use_of(const CodeUse *use, Level level, const char *code);

typedef struct { char *volume, *class_text; } CodePlace; /* NULL: not in a volume; not in a class with further levels */
void code_place_clear(CodePlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CodePlace, code_place_clear)
gboolean code_place_of(Sql *sql, const CodeUse *use, const CatalogRecord *record, CodePlace *ret, GError **error);
enum { CODE_PAGES_MAX = 10000 };
guint code_step(const CodeUse *use, Level level, gint64 page_count); /* to the next running number: 1, where it is a page number the record's pages */
/* Another record that has the code where the rule wants it to be unique, one of another fonds first; 0: none; -1: error. */
gint64 code_holder(Sql *sql, const CodeUse *use, const CatalogRecord *record, const char *code, GError **error);
/* Of two rules that which numbers a record lying there: by volumes in a volume, by pieces outside. TRUE: it is the other one. */
gboolean code_use_in_place(CodeUse *use, const CatalogRecord *record, const CodePlace *place);
