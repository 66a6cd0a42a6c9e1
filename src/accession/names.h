/*
 * Names of very many files, found by several keys each: eight bytes a key. A key itself is not kept, only 32 bits of its hash beside the file's number; so
 * what is found are candidates, in ascending order, and who asks compares the names.
 */
#pragma once
#include <glib.h>

typedef struct { guint32 hash, number; } NameHit;
typedef struct { const NameHit *hits; guint count; } NameHits;
typedef struct NameTable NameTable;
NameTable *name_table_new(void);
void name_table_free(NameTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NameTable, name_table_free)
void name_table_add(NameTable *table, guint kind, const char *key, guint32 number); /* kinds of keys stay apart */
void name_table_seal(NameTable *table); /* after adding, before asking */
NameHits name_table_find(const NameTable *table, guint kind, const char *key);

/* ---- keys ---- */
char *name_fold(const char *path);      /* without regard to case and Unicode form */
char *name_fold_code(const char *code); /* and with "_" for what file systems forbid */
gboolean name_is_litter(const char *path); /* what operating systems and office programs leave behind */
