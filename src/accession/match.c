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
 * 5. A file costs its path and some 60 to 100 bytes, however many there are: keys are hashes (names.h), what they find is compared with the path again.
 */
#include "delivery.h"
#include "error.h"
#include "names.h"
#include "text.h"
#include <string.h>

#define FAULTS_MAX 10000
#define TEXT_BLOCK (1 << 20) /* of paths; large enough to go back to the system when it is freed */

typedef struct {
  const char *path;
  gint64 size_bytes;
  guint16 folder_depth; /* deepest folder of its path that is a known 档号, from 1 */
  gboolean used : 1, claimed : 1;
} IndexEntry;

typedef struct { const char *name; guint entry; } Alias; /* another name of an entry */
typedef struct { guint entry, depth; } IndexHit;

/* Folded path, without extension, last name (where it is not the whole path), folder; by 档号: the stem, a page's, a folder's name. */
enum { KEY_FOLDED, KEY_BARE, KEY_BASE, KEY_FOLDER_PATH, KEY_CODE, KEY_PAGE, KEY_FOLDER };

struct FileIndex {
  GArray *entries; /* in natural order; a name's number is that of its entry, an alias' follow */
  GArray *aliases;
  GHashTable *alias_exact; /* name → its number */
  NameTable *keys;
  GStringChunk *text;
  json_t *faults;
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
  const IndexEntry *x = a, *y = b;
  int order = compare_natural(x->path, y->path);
  return order ? order : strcmp(x->path, y->path);
}

static const char *extension_at(const char *name) {
  const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
  return dot && dot != name && (!slash || dot > slash + 1) && strlen(dot) <= 12 ? dot : name + strlen(name);
}

/* ---- keys of a name ---- */

static char *bare_of(const char *path) { return g_strndup(path, (gsize)(extension_at(path) - path)); }
static const char *last_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

/* The 档号 that a page `档号-流水号.ext` belongs to; NULL: it is none. */
static char *page_code(const char *path) {
  g_autofree char *stem = bare_of(last_name(path));
  char *dash = strrchr(stem, '-');
  if (dash == NULL || dash == stem || !dash[1] || strspn(dash + 1, "0123456789") != strlen(dash + 1)) return NULL;
  *dash = '\0';
  return name_fold_code(stem);
}

/* The key of this kind that a path has; NULL: none. Folders have several, see each_folder. */
static char *key_of(const char *path, guint kind) {
  g_autofree char *bare = kind == KEY_BARE || kind == KEY_CODE ? bare_of(path) : NULL;
  switch (kind) {
  case KEY_FOLDED: return name_fold(path);
  case KEY_BARE: return name_fold(bare);
  case KEY_BASE: return strchr(path, '/') ? name_fold(last_name(path)) : NULL;
  case KEY_CODE: return name_fold_code(last_name(bare));
  default: return page_code(path);
  }
}

/* The folders of a path from the top; FALSE from visit ends it. */
static void each_folder(const char *path, gboolean (*visit)(const char *key, guint kind, guint depth, gpointer data), gpointer data) {
  guint depth = 0;
  gboolean more = TRUE;
  for (const char *start = path, *slash; more && (slash = strchr(start, '/')); start = slash + 1) {
    g_autofree char *part = g_strndup(start, (gsize)(slash - start)), *whole = g_strndup(path, (gsize)(slash - path));
    g_autofree char *code = name_fold_code(part), *folded = name_fold(whole);
    depth++;
    more = visit(code, KEY_FOLDER, depth, data) && visit(folded, KEY_FOLDER_PATH, depth, data);
  }
}

/* ---- the index ---- */

static IndexEntry *entry_at(const FileIndex *index, guint i) { return &g_array_index(index->entries, IndexEntry, i); }

static guint entry_of(const FileIndex *index, guint number) {
  return number < index->entries->len ? number : g_array_index(index->aliases, Alias, number - index->entries->len).entry;
}

static const char *name_at(const FileIndex *index, guint number) {
  return number < index->entries->len ? entry_at(index, number)->path : g_array_index(index->aliases, Alias, number - index->entries->len).name;
}

typedef struct { NameTable *keys; guint number; } Adding;

static gboolean add_folder(const char *key, guint kind, guint depth, gpointer data) {
  const Adding *adding = data;
  name_table_add(adding->keys, kind, key, adding->number);
  return TRUE;
}

static void index_name(FileIndex *index, guint number) {
  static const guint kinds[] = {KEY_FOLDED, KEY_BARE, KEY_BASE, KEY_CODE, KEY_PAGE};
  const char *path = name_at(index, number);
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *key = key_of(path, kinds[i]);
    if (key) name_table_add(index->keys, kinds[i], key, number);
  }
  each_folder(path, add_folder, &(Adding){index->keys, number});
}

/* The entry of this very path; G_MAXUINT: none. */
static guint find_exact(const FileIndex *index, const char *path) {
  guint low = 0, high = index->entries->len;
  const IndexEntry wanted = {.path = path};
  while (low < high) {
    guint middle = low + (high - low) / 2;
    int order = compare_entries(entry_at(index, middle), &wanted);
    if (order == 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  gpointer number = g_hash_table_lookup(index->alias_exact, path);
  return number ? entry_of(index, GPOINTER_TO_UINT(number)) : G_MAXUINT;
}

typedef struct { const char *key; guint kind, depth; GArray *ret; guint entry; } Comparing;

static gboolean compare_folder(const char *key, guint kind, guint depth, gpointer data) {
  const Comparing *comparing = data;
  IndexHit hit = {comparing->entry, depth};
  if (kind == comparing->kind && g_str_equal(key, comparing->key)) g_array_append_val(comparing->ret, hit);
  return TRUE;
}

/* Adds what has this key, in order; most: enough of them. */
static void look_up(const FileIndex *index, guint kind, const char *key, guint most, GArray *ret) {
  NameHits found = name_table_find(index->keys, kind, key);
  for (guint i = 0; i < found.count && ret->len < most; i++) {
    guint number = found.hits[i].number;
    if (i && number == found.hits[i - 1].number) continue; /* one path, two folders called alike */
    IndexHit hit = {entry_of(index, number), 0};
    if (kind == KEY_FOLDER || kind == KEY_FOLDER_PATH) {
      each_folder(name_at(index, number), compare_folder, &(Comparing){key, kind, 0, ret, hit.entry});
      continue;
    }
    g_autofree char *own = key_of(name_at(index, number), kind);
    if (own && g_str_equal(own, key)) g_array_append_val(ret, hit);
  }
}

static void add_alias(FileIndex *index, guint entry, const char *name) {
  if (find_exact(index, name) != G_MAXUINT) return;
  Alias alias = {g_string_chunk_insert(index->text, name), entry};
  guint number = index->entries->len + index->aliases->len;
  g_array_append_val(index->aliases, alias);
  g_hash_table_insert(index->alias_exact, (gpointer)alias.name, GUINT_TO_POINTER(number));
  index_name(index, number);
}

static gboolean read_entries(FileIndex *index, const char *documents, GError **error) {
  g_autoptr(FilePackage) package = format_package_open(documents, error);
  if (package == NULL) return FALSE;
  FileEntry found;
  GError *failure = NULL;
  while (format_package_next(package, &found, &failure)) {
    if (found.fault) {
      if (json_array_size(index->faults) < FAULTS_MAX)
        json_array_append_new(index->faults, json_pack("{s:s, s:s, s:s}", "aspect", "layout", "path", found.path, "reason", found.fault));
      continue;
    }
    if (name_is_litter(found.path)) continue;
    IndexEntry entry = {.path = g_string_chunk_insert(index->text, found.path), .size_bytes = found.size_bytes};
    g_array_append_val(index->entries, entry);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

FileIndex *file_index_new(const char *documents, json_t *unpacked, GError **error) {
  g_autoptr(FileIndex) index = g_new0(FileIndex, 1);
  index->entries = g_array_new(FALSE, FALSE, sizeof(IndexEntry));
  index->aliases = g_array_new(FALSE, FALSE, sizeof(Alias));
  index->alias_exact = g_hash_table_new(g_str_hash, g_str_equal);
  index->keys = name_table_new();
  index->text = g_string_chunk_new(TEXT_BLOCK);
  index->faults = json_array();
  if (!read_entries(index, documents, error)) return NULL;
  g_array_sort(index->entries, compare_entries);
  for (guint i = 0; i < index->entries->len; i++) index_name(index, i);
  for (guint i = 0; i < index->entries->len; i++) { /* what else it is called, where nothing else is */
    const char *path = entry_at(index, i)->path, *name = unpacked_name(unpacked, path);
    g_autofree char *clean = text_clean(path, FALSE); /* as a cell of the table says it: no spaces at its ends */
    if (name != path) add_alias(index, i, name);
    if (!g_str_equal(clean, path)) add_alias(index, i, clean);
  }
  name_table_seal(index->keys);
  return g_steal_pointer(&index);
}

void file_index_free(FileIndex *index) {
  if (index == NULL) return;
  g_array_unref(index->entries);
  g_array_unref(index->aliases);
  g_hash_table_unref(index->alias_exact);
  name_table_free(index->keys);
  g_string_chunk_free(index->text);
  json_decref(index->faults);
  g_free(index);
}

json_t *file_index_faults(const FileIndex *index) { return index->faults; }

void file_index_claim(FileIndex *index, const char *code) {
  g_autofree char *key = name_fold_code(code);
  g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(IndexHit));
  g_autoptr(GArray) inside = g_array_new(FALSE, FALSE, sizeof(IndexHit));
  look_up(index, KEY_CODE, key, G_MAXUINT, own);
  look_up(index, KEY_FOLDER, key, G_MAXUINT, inside);
  for (guint i = 0; i < own->len; i++) entry_at(index, g_array_index(own, IndexHit, i).entry)->claimed = TRUE;
  for (guint i = 0; i < inside->len; i++) {
    const IndexHit *hit = &g_array_index(inside, IndexHit, i);
    IndexEntry *entry = entry_at(index, hit->entry);
    entry->folder_depth = (guint16)MAX(entry->folder_depth, hit->depth);
  }
}

/* ---- matching ---- */

/* One name of the file column; FALSE when there is no such file. */
static gboolean take_named(const FileIndex *index, GArray *found, const char *name) {
  g_autofree char *path = g_strdup(name);
  g_strdelimit(path, "\\", '/');
  char *start = path;
  while (g_str_has_prefix(start, "./") || *start == '/') start += *start == '/' ? 1 : 2;
  for (gsize length = strlen(start); length > 0 && start[length - 1] == '/'; length--) start[length - 1] = '\0';
  g_autofree char *folded = name_fold(start);
  g_autoptr(GArray) hits = g_array_new(FALSE, FALSE, sizeof(IndexHit));
  IndexHit exact = {find_exact(index, start), 0};
  if (exact.entry != G_MAXUINT) g_array_append_val(hits, exact);
  static const guint kinds[] = {KEY_FOLDED, KEY_BARE, KEY_FOLDER_PATH};
  for (guint i = 0; i < G_N_ELEMENTS(kinds) && hits->len == 0; i++) look_up(index, kinds[i], folded, G_MAXUINT, hits);
  if (hits->len == 0) { /* by its last name, when no other is called so */
    look_up(index, KEY_BASE, last_name(folded), 2, hits);
    look_up(index, KEY_FOLDED, last_name(folded), 2, hits);
    if (hits->len != 1) return FALSE;
  }
  g_array_append_vals(found, hits->data, hits->len);
  return TRUE;
}

static void take_by_code(const FileIndex *index, GArray *found, const char *code) {
  g_autofree char *key = name_fold_code(code);
  g_autoptr(GArray) more = g_array_new(FALSE, FALSE, sizeof(IndexHit));
  look_up(index, KEY_CODE, key, G_MAXUINT, found);
  look_up(index, KEY_PAGE, key, G_MAXUINT, more);
  for (guint i = 0; i < more->len; i++)
    if (!entry_at(index, g_array_index(more, IndexHit, i).entry)->claimed) g_array_append_val(found, g_array_index(more, IndexHit, i));
  g_array_set_size(more, 0);
  look_up(index, KEY_FOLDER, key, G_MAXUINT, more);
  for (guint i = 0; i < more->len; i++) {
    const IndexHit *hit = &g_array_index(more, IndexHit, i);
    const IndexEntry *entry = entry_at(index, hit->entry);
    if (!entry->claimed && hit->depth >= entry->folder_depth) g_array_append_val(found, *hit);
  }
}

static int compare_hits(gconstpointer a, gconstpointer b) {
  guint x = ((const IndexHit *)a)->entry, y = ((const IndexHit *)b)->entry;
  return x < y ? -1 : x > y;
}

/* A line of the file column: a whole path, with whatever characters it has, or names with ; or | between them. */
static gboolean take_line(const FileIndex *index, GArray *found, char *line) {
  IndexHit whole = {find_exact(index, line), 0};
  if (whole.entry != G_MAXUINT) return g_array_append_val(found, whole), TRUE;
  g_auto(GStrv) names = g_regex_split_simple("[;；|]", line, 0, 0);
  gboolean all = TRUE;
  for (char **name = names; *name; name++) all = (!*g_strstrip(*name) || take_named(index, found, *name)) && all;
  return all;
}

GPtrArray *file_index_match(FileIndex *index, const char *code, const char *file, const char **ret_wanted) {
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(IndexHit));
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
  if (!*file) g_array_sort(found, compare_hits); /* entries stand in natural order; named files keep the order they are named in */
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < found->len; i++) {
    guint at = g_array_index(found, IndexHit, i).entry;
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
  guint entry = find_exact(index, path);
  return entry != G_MAXUINT ? entry_at(index, entry)->size_bytes : 0;
}
