/* Keys of files as hashes in one sorted array (names.h). */
#include "names.h"
#include <string.h>

struct NameTable { GArray *hits; };

NameTable *name_table_new(void) {
  NameTable *table = g_new0(NameTable, 1);
  table->hits = g_array_new(FALSE, FALSE, sizeof(NameHit));
  return table;
}

void name_table_free(NameTable *table) {
  if (table) g_array_unref(table->hits);
  g_free(table);
}

static guint32 hash_of(guint kind, const char *key) { /* FNV-1a, its upper half */
  guint64 hash = (14695981039346656037u ^ kind) * 1099511628211u;
  for (; *key; key++) hash = (hash ^ (guchar)*key) * 1099511628211u;
  return (guint32)(hash ^ hash >> 32);
}

void name_table_add(NameTable *table, guint kind, const char *key, guint32 number) {
  NameHit hit = {hash_of(kind, key), number};
  g_array_append_val(table->hits, hit);
}

static int compare_hits(gconstpointer a, gconstpointer b) {
  const NameHit *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

void name_table_seal(NameTable *table) { qsort(table->hits->data, table->hits->len, sizeof(NameHit), compare_hits); }

NameHits name_table_find(const NameTable *table, guint kind, const char *key) {
  const NameHit *hits = (const NameHit *)(gpointer)table->hits->data;
  guint32 hash = hash_of(kind, key);
  guint low = 0, high = table->hits->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (hits[middle].hash < hash) low = middle + 1;
    else high = middle;
  }
  for (high = low; high < table->hits->len && hits[high].hash == hash; high++) continue;
  return (NameHits){hits + low, high - low};
}

/* ---- keys ---- */

char *name_fold(const char *path) {
  g_autofree char *composed = g_utf8_normalize(path, -1, G_NORMALIZE_NFC);
  return g_utf8_casefold(composed ? composed : path, -1);
}

char *name_fold_code(const char *code) {
  char *folded = name_fold(code);
  g_strdelimit(folded, "/\\:*?\"<>|", '_');
  return g_strstrip(folded);
}

gboolean name_is_litter(const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  return g_ascii_strcasecmp(base, "Thumbs.db") == 0 || g_ascii_strcasecmp(base, "desktop.ini") == 0 || g_str_equal(base, ".DS_Store") ||
    g_str_has_prefix(base, "._") || g_str_has_prefix(base, "~$") || g_str_has_prefix(path, "__MACOSX/");
}
