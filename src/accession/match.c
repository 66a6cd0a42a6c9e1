/*
 * Which documents of a folder or package belong to which row.
 *
 * 1. A row that names files gets just those: by relative path, without extension, without regard to case, and last by a file name that is unique in the
 *    delivery.
 *    The name of a folder stands for all files in it.
 * 2. Otherwise the 档号 decides: `档号.ext`, pages `档号-流水号.ext`, and everything in a folder called 档号, in natural order. Characters that file systems forbid
 *    count as "_".
 * 3. A file whose whole name is some row's 档号 is that row's, not a page of a shorter 档号; a folder inside a folder belongs to the deeper 档号.
 * 4. Everything matched by no row is surplus.
 */
#include "delivery.h"
#include "error.h"
#include "text.h"
#include <string.h>

#define FAULTS_MAX 10000

typedef struct {
  char *path;
  gint64 size_bytes;
  guint folder_depth; /* deepest folder of its path that is a known 档号, from 1 */
  gboolean used, claimed;
} IndexEntry;

typedef struct { guint entry, depth; } IndexHit;

struct FileIndex {
  GPtrArray *entries; /* in natural order */
  json_t *faults;
  GHashTable *exact, *folded, *bare, *base, *folder_path; /* path, folded path, without extension, last name, folder → GArray of IndexHit */
  GHashTable *code, *page, *folder;                      /* by 档号 */
};

/* ---- names ---- */

static int compare_natural(const char *a, const char *b) {
  while (*a && *b) {
    if (g_ascii_isdigit(*a) && g_ascii_isdigit(*b)) {
      while (*a == '0') a++;
      while (*b == '0') b++;
      gsize na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
      int order = na != nb ? (na < nb ? -1 : 1) : memcmp(a, b, na);
      if (order) return order;
      a += na;
      b += nb;
    } else if (*a != *b) return (guchar)*a < (guchar)*b ? -1 : 1;
    else a++, b++;
  }
  return (guchar)*a - (guchar)*b;
}

static int compare_entries(gconstpointer a, gconstpointer b) {
  const IndexEntry *x = *(const IndexEntry *const *)a, *y = *(const IndexEntry *const *)b;
  int order = compare_natural(x->path, y->path);
  return order ? order : strcmp(x->path, y->path);
}

static char *fold_path(const char *path) {
  g_autofree char *composed = g_utf8_normalize(path, -1, G_NORMALIZE_NFC);
  return g_utf8_casefold(composed ? composed : path, -1);
}

static char *fold_code(const char *code) {
  char *folded = fold_path(code);
  g_strdelimit(folded, "/\\:*?\"<>|", '_');
  return g_strstrip(folded);
}

static const char *extension_at(const char *name) {
  const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
  return dot && dot != name && (!slash || dot > slash + 1) && strlen(dot) <= 12 ? dot : name + strlen(name);
}

static gboolean is_litter(const char *path) {
  g_autofree char *base = g_path_get_basename(path);
  return g_ascii_strcasecmp(base, "Thumbs.db") == 0 || g_ascii_strcasecmp(base, "desktop.ini") == 0 || g_str_equal(base, ".DS_Store") ||
    g_str_has_prefix(base, "._") ||
    g_str_has_prefix(base, "~$") || g_str_has_prefix(path, "__MACOSX/");
}

/* ---- the index ---- */

static GHashTable *table_new(void) { return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref); }

static void table_add(GHashTable *table, char *key, guint entry, guint depth) {
  GArray *hits = g_hash_table_lookup(table, key);
  if (hits) g_free(key);
  else g_hash_table_insert(table, key, hits = g_array_new(FALSE, FALSE, sizeof(IndexHit)));
  IndexHit hit = {entry, depth};
  g_array_append_val(hits, hit);
}

static void index_folders(FileIndex *index, const char *path, guint at) {
  g_auto(GStrv) parts = g_strsplit(path, "/", -1);
  guint count = g_strv_length(parts);
  g_autoptr(GString) folder = g_string_new(NULL);
  for (guint i = 0; i + 1 < count; i++) {
    g_string_append_printf(folder, "%s%s", i ? "/" : "", parts[i]);
    table_add(index->folder, fold_code(parts[i]), at, i + 1);
    table_add(index->folder_path, fold_path(folder->str), at, 0);
  }
}

static void index_entry(FileIndex *index, guint at, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = extension_at(path);
  g_autofree char *bare = g_strndup(path, (gsize)(dot - path)), *stem = g_strndup(name, (gsize)(dot - name));
  table_add(index->exact, g_strdup(path), at, 0);
  table_add(index->folded, fold_path(path), at, 0);
  table_add(index->bare, fold_path(bare), at, 0);
  table_add(index->base, fold_path(name), at, 0);
  table_add(index->code, fold_code(stem), at, 0);
  char *dash = strrchr(stem, '-');
  if (dash && dash != stem && dash[1] && strspn(dash + 1, "0123456789") == strlen(dash + 1)) {
    *dash = '\0';
    table_add(index->page, fold_code(stem), at, 0);
  }
  index_folders(index, path, at);
}

static void entry_free(gpointer data) {
  IndexEntry *entry = data;
  g_free(entry->path);
  g_free(entry);
}

FileIndex *file_index_new(const char *documents, json_t *unpacked, GError **error) {
  g_autoptr(FilePackage) package = format_package_open(documents, error);
  if (package == NULL) return NULL;
  FileIndex *index = g_new0(FileIndex, 1);
  index->entries = g_ptr_array_new_with_free_func(entry_free);
  index->faults = json_array();
  GHashTable **tables[] = {&index->exact, &index->folded, &index->bare, &index->base, &index->folder_path, &index->code, &index->page, &index->folder};
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++) *tables[i] = table_new();
  FileEntry found;
  GError *failure = NULL;
  while (format_package_next(package, &found, &failure)) {
    if (found.fault) {
      if (json_array_size(index->faults) < FAULTS_MAX)
        json_array_append_new(index->faults, json_pack("{s:s, s:s, s:s}", "aspect", "layout", "path", found.path, "reason", found.fault));
      continue;
    }
    if (is_litter(found.path)) continue;
    IndexEntry *entry = g_new0(IndexEntry, 1);
    entry->path = g_strdup(found.path);
    entry->size_bytes = found.size_bytes;
    g_ptr_array_add(index->entries, entry);
  }
  if (failure) {
    g_propagate_error(error, failure);
    file_index_free(index);
    return NULL;
  }
  g_ptr_array_sort(index->entries, compare_entries);
  for (guint i = 0; i < index->entries->len; i++) index_entry(index, i, ((IndexEntry *)index->entries->pdata[i])->path);
  for (guint i = 0; i < index->entries->len; i++) { /* what else it is called, where nothing else is */
    const char *path = ((IndexEntry *)index->entries->pdata[i])->path, *name = unpacked_name(unpacked, path);
    g_autofree char *clean = text_clean(path, FALSE); /* as a cell of the table says it: no spaces at its ends */
    if (name != path && !g_hash_table_contains(index->exact, name)) index_entry(index, i, name);
    if (!g_hash_table_contains(index->exact, clean)) index_entry(index, i, clean);
  }
  return index;
}

void file_index_free(FileIndex *index) {
  if (index == NULL) return;
  GHashTable *tables[] = {index->exact, index->folded, index->bare, index->base, index->folder_path, index->code, index->page, index->folder};
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++) g_clear_pointer(&tables[i], g_hash_table_unref);
  g_ptr_array_unref(index->entries);
  json_decref(index->faults);
  g_free(index);
}

json_t *file_index_faults(const FileIndex *index) { return index->faults; }

static IndexEntry *entry_at(const FileIndex *index, guint i) { return index->entries->pdata[i]; }

void file_index_claim(FileIndex *index, const char *code) {
  g_autofree char *key = fold_code(code);
  GArray *own = g_hash_table_lookup(index->code, key), *inside = g_hash_table_lookup(index->folder, key);
  for (guint i = 0; own && i < own->len; i++) entry_at(index, g_array_index(own, IndexHit, i).entry)->claimed = TRUE;
  for (guint i = 0; inside && i < inside->len; i++) {
    const IndexHit *hit = &g_array_index(inside, IndexHit, i);
    IndexEntry *entry = entry_at(index, hit->entry);
    entry->folder_depth = MAX(entry->folder_depth, hit->depth);
  }
}

/* ---- matching ---- */

static void take_hits(GArray *found, GArray *hits) {
  for (guint i = 0; hits && i < hits->len; i++) g_array_append_val(found, g_array_index(hits, IndexHit, i).entry);
}

/* One name of the file column; FALSE when there is no such file. */
static gboolean take_named(const FileIndex *index, GArray *found, const char *name) {
  g_autofree char *path = g_strdup(name);
  g_strdelimit(path, "\\", '/');
  char *start = path;
  while (g_str_has_prefix(start, "./") || *start == '/') start += *start == '/' ? 1 : 2;
  for (gsize length = strlen(start); length > 0 && start[length - 1] == '/'; length--) start[length - 1] = '\0';
  g_autofree char *folded = fold_path(start);
  GArray *hits = g_hash_table_lookup(index->exact, start);
  if (hits == NULL) hits = g_hash_table_lookup(index->folded, folded);
  if (hits == NULL) hits = g_hash_table_lookup(index->bare, folded);
  if (hits == NULL) hits = g_hash_table_lookup(index->folder_path, folded);
  if (hits == NULL) {
    const char *slash = strrchr(folded, '/');
    hits = g_hash_table_lookup(index->base, slash ? slash + 1 : folded);
    if (hits && hits->len != 1) hits = NULL;
  }
  take_hits(found, hits);
  return hits != NULL;
}

static void take_by_code(const FileIndex *index, GArray *found, const char *code) {
  g_autofree char *key = fold_code(code);
  GArray *pages = g_hash_table_lookup(index->page, key), *inside = g_hash_table_lookup(index->folder, key);
  take_hits(found, g_hash_table_lookup(index->code, key));
  for (guint i = 0; pages && i < pages->len; i++) {
    guint at = g_array_index(pages, IndexHit, i).entry;
    if (!entry_at(index, at)->claimed) g_array_append_val(found, at);
  }
  for (guint i = 0; inside && i < inside->len; i++) {
    const IndexHit *hit = &g_array_index(inside, IndexHit, i);
    const IndexEntry *entry = entry_at(index, hit->entry);
    if (!entry->claimed && hit->depth >= entry->folder_depth) g_array_append_val(found, hit->entry);
  }
}

static int compare_numbers(gconstpointer a, gconstpointer b) {
  guint x = *(const guint *)a, y = *(const guint *)b;
  return x < y ? -1 : x > y;
}

/* A line of the file column: a whole path, with whatever characters it has, or names with ; or | between them. */
static gboolean take_line(const FileIndex *index, GArray *found, char *line) {
  GArray *whole = g_hash_table_lookup(index->exact, line);
  if (whole != NULL) return take_hits(found, whole), TRUE;
  g_auto(GStrv) names = g_regex_split_simple("[;；|]", line, 0, 0);
  gboolean all = TRUE;
  for (char **name = names; *name; name++) all = (!*g_strstrip(*name) || take_named(index, found, *name)) && all;
  return all;
}

GPtrArray *file_index_match(FileIndex *index, const char *code, const char *file, const char **ret_wanted) {
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(guint));
  *ret_wanted = NULL;
  if (g_str_equal(file, NO_DOCUMENTS)) return NULL;
  if (*file) {
    g_auto(GStrv) lines = g_strsplit(file, "\n", -1);
    for (char **line = lines; *line; line++)
      if (!take_line(index, found, *line)) *ret_wanted = file;
  } else take_by_code(index, found, code);
  if (found->len == 0) {
    *ret_wanted = *file ? file : code;
    return NULL;
  }
  if (!*file) g_array_sort(found, compare_numbers); /* entries stand in natural order; named files keep the order they are named in */
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < found->len; i++) {
    guint at = g_array_index(found, guint, i);
    if (!g_hash_table_add(seen, GUINT_TO_POINTER(at + 1))) continue;
    entry_at(index, at)->used = TRUE;
    g_ptr_array_add(paths, g_strdup(entry_at(index, at)->path));
  }
  return paths;
}

void file_index_surplus(FileIndex *index, void (*visit)(const char *path, gpointer data), gpointer data) {
  for (guint i = 0; i < index->entries->len; i++)
    if (!entry_at(index, i)->used) visit(entry_at(index, i)->path, data);
}

gint64 file_index_size(const FileIndex *index, const char *path) {
  GArray *hits = g_hash_table_lookup(index->exact, path);
  return hits ? entry_at(index, g_array_index(hits, IndexHit, 0).entry)->size_bytes : 0;
}
