/*
 * A term in one component of the records → the bitmap of their ids; and the cache of the dear ones.
 *
 * 1. A bitmap in the cache is exact at the cache's version; `since` is the version from which on it has been so. A reader whose snapshot is older than
 *    that does not use it.
 * 2. After a commit of a few documents each entry is followed up by looking for its pattern in what was changed; an entry for which that cannot
 *    be told (a page lost the term, others of the record may have it) is dropped. After a load all are dropped.
 * 3. A bitmap made at an older version than the cache's is followed up by the log of the commits between before it enters; without them it does not enter.
 * 4. Characters are known that some title, or some other text, may have (search_characters_warm): a word with another one need not be looked for there. Many
 *    words stand in titles alone, and many ways to write a word nowhere.
 */
#include "gram.h"
#include "block.h"
#include "text.h"

enum { CACHE_FROM_US = 60, ENTRIES_MOST = 1024 /* each is followed up at every save */, LOG_COMMITS = 256, LOG_BYTES = 8 << 20, BATCH = 4096,
  FIRST_BEYOND_ASCII = 0x80, LAST_BEFORE_SURROGATES = 0xd7ff, FIRST_AFTER_SURROGATES = 0xe000, LAST_CHARACTER = 0x10ffff };

typedef enum { TEXT_TITLE, TEXT_OTHER, TEXTS } Text; /* search_title, search_text */

typedef struct {
  char *name; /* component, names and pattern */
  Component component;
  char *names, *pattern;
  Leaf *leaf;
  guint64 since;
  gsize bytes;
  GList link; /* in Cache.recent */
} Entry;

typedef struct {
  guint64 version;
  gsize bytes;
  GPtrArray *changes;
} Commit;

struct Cache {
  GMutex lock;
  guint64 version, floor; /* the log has every commit after floor */
  gsize capacity, bytes, log_bytes;
  gint64 from_us;
  GHashTable *entries; /* name → Entry */
  GHashTable *characters[TEXTS]; /* what the texts have at the versions from characters_since on, and perhaps more; NULL: unknown */
  guint64 characters_since;
  GQueue recent;       /* most recently used first */
  GQueue log;          /* Commit*, oldest first */
};

/* ---- bitmaps ---- */

Leaf *search_leaf_new(roaring_bitmap_t *bits) {
  Leaf *leaf = g_new0(Leaf, 1);
  g_atomic_ref_count_init(&leaf->references);
  leaf->bits = bits;
  leaf->count = roaring_bitmap_get_cardinality(bits);
  leaf->serial = search_serial();
  return leaf;
}

Leaf *search_leaf_ref(Leaf *leaf) {
  g_atomic_ref_count_inc(&leaf->references);
  return leaf;
}

void search_leaf_unref(Leaf *leaf) {
  if (leaf == NULL || !g_atomic_ref_count_dec(&leaf->references)) return;
  roaring_bitmap_free(leaf->bits);
  g_free(leaf);
}

/* ---- changes ---- */

static void append_pair(GPtrArray *names, GPtrArray *values, const char *key, const char *value, gsize length) {
  GString *folded = g_string_sized_new(length + 8);
  text_fold_append(folded, value, (gssize)length);
  g_ptr_array_add(names, search_name(key));
  g_ptr_array_add(values, g_string_free(folded, FALSE));
}

static void append_value(const char *key, const char *value, gsize length, gpointer data) {
  Change *change = data;
  append_pair(change->names, change->values, key, value, length);
}

static void append_closed(const char *key, const char *value, gsize length, gpointer data) {
  Change *change = data;
  append_pair(change->closed_names, change->closed_values, key, value, length);
}

Change *search_change_document(gint64 id, const SearchDocument *after) {
  Change *change = g_new0(Change, 1);
  change->id = (guint32)id;
  change->names = g_ptr_array_new_with_free_func(g_free);
  change->values = g_ptr_array_new_with_free_func(g_free);
  change->closed_names = g_ptr_array_new_with_free_func(g_free);
  change->closed_values = g_ptr_array_new_with_free_func(g_free);
  if (after == NULL) return change;
  change->title = after->title ? text_fold(after->title) : NULL;
  change->creator = after->creator ? text_fold(after->creator) : NULL;
  change->code = after->code ? text_fold(after->code) : NULL;
  change->docno = after->docno ? text_fold(after->docno) : NULL;
  search_fields_each(after->fields, append_value, change);
  search_fields_each(after->closed, append_closed, change);
  return change;
}

Change *search_change_page(gint64 id, const char *before, const char *after) {
  Change *change = g_new0(Change, 1);
  change->id = (guint32)id;
  change->page = TRUE;
  change->page_before = before ? text_fold(before) : NULL;
  change->page_after = after ? text_fold(after) : NULL;
  return change;
}

void search_change_free(Change *change) {
  g_free(change->title);
  g_free(change->creator);
  g_free(change->code);
  g_free(change->docno);
  g_clear_pointer(&change->names, g_ptr_array_unref);
  g_clear_pointer(&change->values, g_ptr_array_unref);
  g_clear_pointer(&change->closed_names, g_ptr_array_unref);
  g_clear_pointer(&change->closed_values, g_ptr_array_unref);
  g_free(change->page_before);
  g_free(change->page_after);
  g_free(change);
}

static gsize text_bytes(const char *text) { return text ? strlen(text) + 16 : 0; }

static gsize change_bytes(const Change *change) {
  gsize bytes = sizeof *change + text_bytes(change->title) + text_bytes(change->creator) + text_bytes(change->code) + text_bytes(change->docno) +
    text_bytes(change->page_before) + text_bytes(change->page_after);
  for (guint i = 0; change->values && i < change->values->len; i++) bytes += text_bytes(g_ptr_array_index(change->values, i)) + 32;
  for (guint i = 0; change->closed_values && i < change->closed_values->len; i++) bytes += text_bytes(g_ptr_array_index(change->closed_values, i)) + 32;
  return bytes;
}

static gboolean value_matches(const Entry *entry, const GPtrArray *names, const GPtrArray *values) {
  gboolean named = entry->component == COMPONENT_CATEGORY || (entry->component == COMPONENT_CLOSED && entry->names && *entry->names);
  for (guint i = 0; i < values->len; i++) {
    if (named && !search_name_listed(entry->names, g_ptr_array_index(names, i))) continue;
    if (search_pattern_in(entry->pattern, g_ptr_array_index(values, i))) return TRUE;
  }
  return FALSE;
}

static gboolean description_matches(const Entry *entry, const Change *change) {
  const char *pattern = entry->pattern;
  switch (entry->component) {
  case COMPONENT_TITLE: return search_pattern_in(pattern, change->title);
  case COMPONENT_CREATOR: return search_pattern_in(pattern, change->creator);
  case COMPONENT_CODE: return search_pattern_in(pattern, change->code);
  case COMPONENT_DOCNO: return search_pattern_in(pattern, change->docno);
  case COMPONENT_BEGIN_TITLE: return search_pattern_begins(pattern, change->title);
  case COMPONENT_BEGIN_CREATOR: return search_pattern_begins(pattern, change->creator);
  case COMPONENT_BEGIN_DOCNO: return search_pattern_begins(pattern, change->docno);
  case COMPONENT_OTHER:
    if (search_pattern_in(pattern, change->creator) || search_pattern_in(pattern, change->code) || search_pattern_in(pattern, change->docno)) return TRUE;
    return value_matches(entry, change->names, change->values);
  case COMPONENT_CLOSED: return value_matches(entry, change->closed_names, change->closed_values);
  default: return value_matches(entry, change->names, change->values);
  }
}

gboolean search_change_matches(const Change *change, const LeafKey *key) {
  const Entry entry = {.component = key->component, .names = (char *)key->names, .pattern = (char *)key->pattern};
  return key->component != COMPONENT_PAGE && description_matches(&entry, change);
}

/* ---- the cache ---- */

static void entry_free(gpointer data) {
  Entry *entry = data;
  g_free(entry->name);
  g_free(entry->names);
  g_free(entry->pattern);
  search_leaf_unref(entry->leaf);
  g_free(entry);
}

static void commit_free(gpointer data) {
  Commit *commit = data;
  g_ptr_array_unref(commit->changes);
  g_free(commit);
}

Cache *search_cache_new(gsize capacity_bytes, guint64 version) {
  Cache *cache = g_new0(Cache, 1);
  g_mutex_init(&cache->lock);
  cache->version = cache->floor = version;
  cache->capacity = capacity_bytes;
  cache->from_us = CACHE_FROM_US;
  cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  g_queue_init(&cache->recent);
  g_queue_init(&cache->log);
  return cache;
}

void search_cache_free(Cache *cache) {
  if (cache == NULL) return;
  g_hash_table_unref(cache->entries);
  for (guint i = 0; i < TEXTS; i++) g_clear_pointer(&cache->characters[i], g_hash_table_unref);
  g_queue_clear_full(&cache->log, commit_free);
  g_mutex_clear(&cache->lock);
  g_free(cache);
}

void search_cache_keep_all(Cache *cache) { cache->from_us = 0; }

static void drop(Cache *cache, Entry *entry) {
  g_queue_unlink(&cache->recent, &entry->link);
  cache->bytes -= entry->bytes;
  g_hash_table_remove(cache->entries, entry->name);
}

void search_cache_forget(Cache *cache) {
  g_mutex_lock(&cache->lock);
  while (cache->recent.tail) drop(cache, cache->recent.tail->data);
  g_mutex_unlock(&cache->lock);
}

static void set_bit(Entry *entry, guint32 id, gboolean now, guint64 version) {
  if (roaring_bitmap_contains(entry->leaf->bits, id) == (bool)now) return;
  if (!g_atomic_ref_count_compare(&entry->leaf->references, 1)) {
    Leaf *copy = search_leaf_new(roaring_bitmap_copy(entry->leaf->bits));
    search_leaf_unref(entry->leaf);
    entry->leaf = copy;
  }
  if (now) roaring_bitmap_add(entry->leaf->bits, id);
  else roaring_bitmap_remove(entry->leaf->bits, id);
  entry->leaf->count = roaring_bitmap_get_cardinality(entry->leaf->bits);
  entry->leaf->serial = search_serial();
  entry->since = version;
}

/* FALSE: it cannot be told whether the entry still holds. */
static gboolean follow(Entry *entry, const Commit *commit) {
  for (guint i = 0; i < commit->changes->len; i++) {
    const Change *change = g_ptr_array_index(commit->changes, i);
    if (change->page != (entry->component == COMPONENT_PAGE)) continue;
    if (!change->page) set_bit(entry, change->id, description_matches(entry, change), commit->version);
    else if (search_pattern_in(entry->pattern, change->page_after)) set_bit(entry, change->id, TRUE, commit->version);
    else if (search_pattern_in(entry->pattern, change->page_before)) return FALSE;
  }
  return TRUE;
}

static void log_append(Cache *cache, guint64 version, GPtrArray *changes) {
  Commit *commit = g_new0(Commit, 1);
  commit->version = version;
  commit->changes = changes;
  for (guint i = 0; i < changes->len; i++) commit->bytes += change_bytes(g_ptr_array_index(changes, i));
  g_queue_push_tail(&cache->log, commit);
  cache->log_bytes += commit->bytes;
  while (cache->log.length > LOG_COMMITS || cache->log_bytes > LOG_BYTES) {
    Commit *oldest = g_queue_pop_head(&cache->log);
    cache->floor = oldest->version;
    cache->log_bytes -= oldest->bytes;
    commit_free(oldest);
  }
}

static void clear(Cache *cache, guint64 version) {
  g_hash_table_remove_all(cache->entries);
  for (guint i = 0; i < TEXTS; i++) g_clear_pointer(&cache->characters[i], g_hash_table_unref);
  g_queue_init(&cache->recent); /* the links were part of the entries */
  cache->bytes = 0;
  g_queue_clear_full(&cache->log, commit_free);
  cache->log_bytes = 0;
  cache->floor = version;
}

static void note_text(Cache *cache, Text text, const char *folded) {
  for (const char *at = folded; at && *at; at = g_utf8_next_char(at)) g_hash_table_add(cache->characters[text], GUINT_TO_POINTER(g_utf8_get_char(at)));
}

static void note_characters(Cache *cache, const GPtrArray *changes) {
  for (guint i = 0; cache->characters[0] && i < changes->len; i++) {
    const Change *change = g_ptr_array_index(changes, i);
    note_text(cache, TEXT_TITLE, change->title);
    note_text(cache, TEXT_OTHER, change->creator);
    note_text(cache, TEXT_OTHER, change->code);
    note_text(cache, TEXT_OTHER, change->docno);
    for (guint k = 0; change->values && k < change->values->len; k++) note_text(cache, TEXT_OTHER, g_ptr_array_index(change->values, k));
  }
}

void search_cache_commit(Cache *cache, guint64 version, GPtrArray *changes) {
  g_mutex_lock(&cache->lock);
  cache->version = MAX(cache->version, version);
  if (changes == NULL) clear(cache, version);
  else {
    Commit commit = {version, 0, changes};
    for (GList *link = cache->recent.head; link;) {
      Entry *entry = link->data;
      link = link->next;
      if (!follow(entry, &commit)) drop(cache, entry);
    }
    note_characters(cache, changes);
    log_append(cache, version, changes);
  }
  g_mutex_unlock(&cache->lock);
}

gboolean search_cache_changed(Cache *cache, guint64 since, GArray *ids) {
  g_mutex_lock(&cache->lock);
  gboolean known = since >= cache->floor;
  for (GList *link = cache->log.head; known && link; link = link->next) {
    const Commit *commit = link->data;
    for (guint i = 0; commit->version > since && i < commit->changes->len; i++) g_array_append_val(ids, ((const Change *)g_ptr_array_index(commit->changes, i))->id);
  }
  g_mutex_unlock(&cache->lock);
  return known;
}

static Leaf *cache_lookup(Cache *cache, const char *name, guint64 version) {
  Leaf *leaf = NULL;
  g_mutex_lock(&cache->lock);
  Entry *entry = g_hash_table_lookup(cache->entries, name);
  if (entry && entry->since <= version && version <= cache->version) {
    leaf = search_leaf_ref(entry->leaf);
    g_queue_unlink(&cache->recent, &entry->link);
    g_queue_push_head_link(&cache->recent, &entry->link);
  }
  g_mutex_unlock(&cache->lock);
  return leaf;
}

/* Takes the entry, made at `version`, into the cache or frees it. */
static void cache_insert(Cache *cache, Entry *entry, guint64 version) {
  g_mutex_lock(&cache->lock);
  gboolean good = version >= cache->floor && version <= cache->version && !g_hash_table_contains(cache->entries, entry->name);
  entry->since = version;
  for (GList *link = cache->log.head; good && link; link = link->next) {
    const Commit *commit = link->data;
    if (commit->version > version) good = follow(entry, commit);
  }
  entry->bytes = roaring_bitmap_size_in_bytes(entry->leaf->bits) + sizeof *entry + 256;
  good = good && entry->bytes < cache->capacity / 4;
  if (good) {
    entry->link.data = entry;
    g_hash_table_insert(cache->entries, entry->name, entry);
    g_queue_push_head_link(&cache->recent, &entry->link);
    cache->bytes += entry->bytes;
    while (cache->bytes > cache->capacity || cache->recent.length > ENTRIES_MOST) drop(cache, cache->recent.tail->data);
  }
  g_mutex_unlock(&cache->lock);
  if (!good) entry_free(entry);
}

/* ---- characters ---- */

/* The characters that begin a term, with all ideographs that stand in some text (token.c); from each to the next, whatever lies between. Of ASCII none. */
static GHashTable *read_characters(Sql *sql, Text text, GError **error) {
  g_autoptr(GHashTable) found = g_hash_table_new(NULL, NULL);
  for (gunichar from = FIRST_BEYOND_ASCII; from <= LAST_CHARACTER;) {
    char least[8] = "";
    g_unichar_to_utf8(from, least);
    g_autoptr(GError) failure = NULL;
    const SqlValue *args = SQL_ARGS(sql_text(least));
    g_autofree char *term = text == TEXT_TITLE ? sql_string(sql, "SELECT term FROM search_title_term WHERE term >= $1 LIMIT 1", args, &failure) :
      sql_string(sql, "SELECT term FROM search_text_term WHERE term >= $1 LIMIT 1", args, &failure);
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
    gunichar character = term ? g_utf8_get_char_validated(term, -1) : G_MAXUINT32;
    if (character < from || character > LAST_CHARACTER) break;
    g_hash_table_add(found, GUINT_TO_POINTER(character));
    from = character == LAST_BEFORE_SURROGATES ? FIRST_AFTER_SURROGATES : character + 1;
  }
  return g_steal_pointer(&found);
}

/* Takes the texts' characters, read at `version`. */
static void characters_set(Cache *cache, guint64 version, GHashTable **texts) {
  g_mutex_lock(&cache->lock);
  gboolean good = version >= cache->floor && version <= cache->version && cache->characters[0] == NULL;
  for (guint i = 0; good && i < TEXTS; i++) cache->characters[i] = g_hash_table_ref(texts[i]);
  if (good) cache->characters_since = version;
  for (GList *link = cache->log.head; good && link; link = link->next) {
    const Commit *commit = link->data;
    if (commit->version > version) note_characters(cache, commit->changes);
  }
  g_mutex_unlock(&cache->lock);
}

void search_characters_warm(Search *search) {
  Cache *cache = search->cache;
  g_mutex_lock(&cache->lock);
  gboolean known = cache->characters[0] != NULL;
  g_mutex_unlock(&cache->lock);
  g_autoptr(GError) failure = NULL;
  g_autoptr(Sql) sql = known ? NULL : sql_read(search->db, &failure);
  SearchView view = {0};
  if (sql == NULL || search_needs_rebuild(search) || !search_view_open(search, sql, &view, &failure)) return;
  g_autoptr(GHashTable) titles = read_characters(sql, TEXT_TITLE, &failure), others = titles ? read_characters(sql, TEXT_OTHER, &failure) : NULL;
  if (others && view.caching) characters_set(cache, view.version, (GHashTable *[TEXTS]){titles, others});
  search_columns_unref(view.columns);
}

/* The component has one of the pattern's characters nowhere. */
static gboolean stands_nowhere(Cache *cache, const SearchView *view, const LeafKey *key) {
  Text text = key->component == COMPONENT_TITLE || key->component == COMPONENT_BEGIN_TITLE ? TEXT_TITLE : TEXT_OTHER;
  if (!view->caching || key->component == COMPONENT_PAGE || key->component == COMPONENT_CLOSED) return FALSE;
  g_mutex_lock(&cache->lock);
  gboolean nowhere = FALSE, known = cache->characters[0] && cache->characters_since <= view->version && view->version <= cache->version;
  for (const char *at = key->pattern; known && !nowhere && *at; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    nowhere = text_is_ideograph(character) && !g_hash_table_contains(cache->characters[text], GUINT_TO_POINTER(character));
  }
  g_mutex_unlock(&cache->lock);
  return nowhere;
}

/* ---- reading the index ---- */

static SqlRows *query_component(Sql *sql, Component component, const char *phrase, gint64 first, GError **error) {
  const SqlValue *all = SQL_ARGS(sql_text(phrase)), *from = SQL_ARGS(sql_text(phrase), sql_int(first));
  switch (component) {
  case COMPONENT_TITLE:
  case COMPONENT_BEGIN_TITLE:
    if (first > 0) return sql_query(sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH $1 AND rowid >= $2", from, error);
    return sql_query(sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH $1", all, error);
  case COMPONENT_CLOSED:
    if (first > 0) return sql_query(sql, "SELECT rowid AS id FROM search_closed WHERE search_closed MATCH $1 AND rowid >= $2", from, error);
    return sql_query(sql, "SELECT rowid AS id FROM search_closed WHERE search_closed MATCH $1", all, error);
  case COMPONENT_PAGE:
    if (first > 0) return sql_query(sql, "SELECT rowid >> 16 AS id FROM search_page WHERE search_page MATCH $1 AND rowid >= $2 << 16", from, error);
    return sql_query(sql, "SELECT rowid >> 16 AS id FROM search_page WHERE search_page MATCH $1", all, error);
  default:
    if (first > 0) return sql_query(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH $1 AND rowid >= $2", from, error);
    return sql_query(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH $1", all, error);
  }
}

static char *component_phrase(Component component, const char *pattern) {
  static const char *const prefixes[] = {
    [COMPONENT_TITLE] = "", [COMPONENT_OTHER] = "", [COMPONENT_CREATOR] = "creator : ", [COMPONENT_CODE] = "code : ", [COMPONENT_DOCNO] = "docno : ",
    [COMPONENT_PAGE] = "", [COMPONENT_BEGIN_TITLE] = "^ ", [COMPONENT_BEGIN_CREATOR] = "creator : ^ ", [COMPONENT_BEGIN_DOCNO] = "docno : ^ ",
    [COMPONENT_CLOSED] = ""};
  g_autofree char *phrase = search_pattern_phrase(pattern, NULL);
  return g_strconcat(prefixes[component], phrase, NULL);
}

Leaf *search_leaf_read(Sql *sql, Component component, const char *phrase, gint64 first, GError **error) {
  g_autoptr(SqlRows) rows = query_component(sql, component, phrase, first, error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  roaring_bitmap_t *bits = roaring_bitmap_create();
  int column = sql_column(rows, "id");
  guint32 batch[BATCH], last = 0;
  gsize count = 0;
  while (sql_next(rows, &failure)) {
    guint32 id = (guint32)sql_int_at(rows, column);
    if (id == last) continue;
    batch[count++] = last = id;
    if (count < BATCH) continue;
    roaring_bitmap_add_many(bits, count, batch);
    search_turn_check();
    count = 0;
  }
  roaring_bitmap_add_many(bits, count, batch);
  if (failure == NULL) return search_leaf_new(bits);
  roaring_bitmap_free(bits);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

Leaf *search_leaf_read_from(Sql *sql, const LeafKey *key, gint64 first, GError **error) {
  g_autofree char *phrase = component_phrase(key->component, key->pattern);
  return search_leaf_read(sql, key->component, phrase, first, error);
}

static Leaf *read_component(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  g_autoptr(GError) failure = NULL;
  Leaf *leaf = (key->component == COMPONENT_PAGE ? search_page_gram_find : search_gram_find)(search, sql, view, key, &failure);
  if (leaf) return leaf;
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (key->component == COMPONENT_CATEGORY || (key->component == COMPONENT_CLOSED && key->names)) return search_field_load(search, sql, view, key, error);
  return search_leaf_read_from(sql, key, 0, error);
}

static const char *text_part(const SearchText *text, Component component) {
  switch (component) {
  case COMPONENT_TITLE: return text->title;
  case COMPONENT_CREATOR: return text->creator;
  case COMPONENT_DOCNO: return text->docno;
  default: return NULL;
  }
}

static gboolean read_text(Search *search, Sql *sql, const Columns *columns, guint32 id, SearchText *ret) {
  g_mutex_lock(&search->lock);
  SearchTextSource source = search->text_source;
  gpointer source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  return source && columns_line(columns, id) && source(sql, id, ret, source_data);
}

Change *search_record_read(Search *search, Sql *sql, const Columns *columns, guint32 id) {
  SearchText text = {0};
  Change *change = NULL;
  if (read_text(search, sql, columns, id, &text)) {
    SearchDocument document = {.title = text.title, .creator = text.creator, .code = text.code ? text.code : columns_code(columns, id), .docno = text.docno,
      .fields = text.fields, .closed = text.closed};
    change = search_change_document(id, &document);
  }
  search_text_clear(&text);
  return change;
}

static gboolean part_matches(Search *search, Sql *sql, const Columns *columns, guint32 id, const LeafKey *key, gboolean *ret) {
  SearchText text = {.brief = TRUE};
  gboolean good = read_text(search, sql, columns, id, &text);
  const char *part = good ? text_part(&text, key->component) : NULL;
  g_autofree char *folded = part ? text_fold(part) : NULL;
  *ret = search_pattern_in(key->pattern, folded);
  search_text_clear(&text);
  return good;
}

gboolean search_record_matches(Search *search, Sql *sql, const Columns *columns, guint32 id, const LeafKey *key, gboolean *ret) {
  if (key->component == COMPONENT_TITLE || key->component == COMPONENT_CREATOR || key->component == COMPONENT_DOCNO)
    return part_matches(search, sql, columns, id, key, ret);
  Change *change = search_record_read(search, sql, columns, id);
  if (change == NULL) return FALSE;
  *ret = search_change_matches(change, key);
  search_change_free(change);
  return TRUE;
}

static char *leaf_name(const LeafKey *key) { return g_strdup_printf("%d %s\n%s", key->component, key->names ? key->names : "", key->pattern); }

guint64 search_leaf_guess(Search *search, Sql *sql, const SearchView *view, const LeafKey *key) {
  g_autofree char *name = leaf_name(key);
  g_autoptr(Leaf) known = view->caching ? cache_lookup(search->cache, name, view->version) : NULL;
  return known ? known->count : search_gram_guess(search, sql, view, key);
}

Leaf *search_leaf_load(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  g_autofree char *name = leaf_name(key);
  Leaf *known = view->caching ? cache_lookup(search->cache, name, view->version) : NULL;
  if (known) return known;
  if (stands_nowhere(search->cache, view, key)) return search_leaf_new(roaring_bitmap_create());
  search_turn_check();
  gint64 begin = g_get_monotonic_time();
  Leaf *leaf = read_component(search, sql, view, key, error);
  if (leaf == NULL || !view->caching || g_get_monotonic_time() - begin < search->cache->from_us) return leaf;
  Entry *entry = g_new0(Entry, 1);
  entry->name = g_steal_pointer(&name);
  entry->component = key->component;
  entry->names = g_strdup(key->names ? key->names : "");
  entry->pattern = g_strdup(key->pattern);
  entry->leaf = search_leaf_ref(leaf);
  cache_insert(search->cache, entry, view->version);
  return leaf;
}

