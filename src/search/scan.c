/*
 * Answers without the index: while it is damaged or being made anew, the records themselves are read, through the same tree, gate and pass.
 *
 * 1. Columns and bitmaps are made of what the asker's SQL snapshot has, for this one question; nothing of the index is looked at.
 * 2. A question stops after search_scan_us; the result tells how far it came. Pages come first, for a part of the time, then the records, and of those that were
 *    not reached the ones with a page that hits. Few look at a time, so that many questions do not bring the server to a stand.
 * 3. What acts on all that is found waits for the index (search_run_whole).
 */
#include "gram.h"
#include "error.h"
#include "text.h"

enum { AT_A_TIME = 2, OFTEN = 64, PAGES_SHARE = 3, NAME_SHARE = 5 /* such parts of the time */, PAGES_SHOWN = 2000, BEYOND_MOST = 5000 };
gint64 search_scan_us = 2500000;

static struct { GMutex lock; GCond ended; guint looking; } turns;

typedef struct {
  GHashTable *drafts;
  const LeafKey *keys;
  guint key_count;
  roaring_bitmap_t **bits; /* by key */
  gint64 until, seen, last; /* last: id */
  gboolean stopped;
} Scan;

static gboolean see(const SearchDocument *document, gpointer data) {
  Scan *scan = data;
  if (document->id <= 0 || document->id >= G_MAXUINT32) return TRUE;
  scan->last = document->id;
  guint number = (guint)(document->id / CHUNK_LINES);
  Draft *draft = g_hash_table_lookup(scan->drafts, GUINT_TO_POINTER(number));
  if (draft == NULL) g_hash_table_insert(scan->drafts, GUINT_TO_POINTER(number), draft = search_draft_new(NULL));
  search_draft_set(draft, (guint32)document->id, &document->columns, document->code);
  Change *change = scan->key_count ? search_change_document(document->id, document) : NULL;
  for (guint i = 0; i < scan->key_count; i++)
    if (search_change_matches(change, &scan->keys[i])) roaring_bitmap_add(scan->bits[i], (guint32)document->id);
  if (change) search_change_free(change);
  scan->stopped = ++scan->seen % OFTEN == 0 && g_get_monotonic_time() >= scan->until;
  return !scan->stopped;
}

typedef struct { const Scan *scan; gint64 until, seen; gboolean stopped; } PageScan;

static gboolean see_page(gint64 record_id, guint page, const char *text, gpointer data) {
  PageScan *pages = data;
  g_autofree char *folded = NULL;
  if (record_id <= 0 || record_id >= G_MAXUINT32) return TRUE;
  for (guint i = 0; i < pages->scan->key_count; i++) {
    const LeafKey *key = &pages->scan->keys[i];
    if (key->component != COMPONENT_PAGE || roaring_bitmap_contains(pages->scan->bits[i], (guint32)record_id)) continue;
    if (folded == NULL) folded = text_fold(text);
    if (search_pattern_in(key->pattern, folded)) roaring_bitmap_add(pages->scan->bits[i], (guint32)record_id);
  }
  pages->seen++;
  pages->stopped = g_get_monotonic_time() >= pages->until;
  return !pages->stopped;
}

static gboolean asks_pages(const LeafKey *keys, guint key_count) {
  for (guint i = 0; i < key_count; i++)
    if (keys[i].component == COMPONENT_PAGE) return TRUE;
  return FALSE;
}

typedef struct { Scan scan; gint64 id; } Beyond;

static gboolean see_beyond(const SearchDocument *document, gpointer data) {
  Beyond *beyond = data;
  if (document->id == beyond->id) see(document, &beyond->scan);
  return FALSE;
}

/* The records behind the last one seen that have a page that hits; they are no part of what is told. */
static gboolean see_hits(const Scan *scan, PageScan *pages, Sql *sql, SearchRecordsSource source, gpointer source_data, GError **error) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (guint i = 0; i < scan->key_count; i++) {
    roaring_uint32_iterator_t at;
    roaring_init_iterator(scan->bits[i], &at);
    if (scan->keys[i].component != COMPONENT_PAGE || !roaring_move_uint32_iterator_equalorlarger(&at, (guint32)scan->last + 1)) continue;
    for (; at.has_value; roaring_advance_uint32_iterator(&at)) g_array_append_val(ids, at.current_value);
  }
  Beyond beyond = {*scan, 0};
  pages->stopped = pages->stopped || ids->len > BEYOND_MOST;
  for (guint i = 0; i < MIN(ids->len, BEYOND_MOST); i++) {
    beyond.id = g_array_index(ids, guint32, i);
    if (!source(sql, beyond.id - 1, see_beyond, &beyond, source_data, error)) return FALSE;
  }
  return TRUE;
}

static char *tell(const Scan *scan, const PageScan *pages, gboolean paged) {
  GString *told = g_string_new("索引正在重建：暂时直接查目录");
  if (paged) g_string_append(told, "和全文");
  if (scan->stopped) g_string_append_printf(told, "，目录只来得及查看前 %" G_GINT64_FORMAT " 条", scan->seen);
  if (pages->stopped) g_string_append_printf(told, "，全文只来得及查看前 %" G_GINT64_FORMAT " 页", pages->seen);
  return g_string_free(told, FALSE);
}

static void take_turn(void) {
  g_mutex_lock(&turns.lock);
  while (turns.looking >= AT_A_TIME) g_cond_wait(&turns.ended, &turns.lock);
  turns.looking++;
  g_mutex_unlock(&turns.lock);
}

static void end_turn(void) {
  g_mutex_lock(&turns.lock);
  turns.looking--;
  g_cond_signal(&turns.ended);
  g_mutex_unlock(&turns.lock);
}

gboolean search_scan(Search *search, Sql *sql, const LeafKey *keys, guint key_count, Leaf **ret_leaves, SearchView *ret_view, char **ret_notice, GError **error) {
  g_mutex_lock(&search->lock);
  SearchRecordsSource source = search->records_source;
  gpointer source_data = search->records_source_data;
  g_mutex_unlock(&search->lock);
  if (source == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "检索索引损坏，请运行 lantai reindex 重建");
  g_autoptr(GHashTable) drafts = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)search_draft_free);
  g_autofree roaring_bitmap_t **bits = g_new0(roaring_bitmap_t *, key_count + 1);
  for (guint i = 0; i < key_count; i++) bits[i] = roaring_bitmap_create();
  PageSource pages_source = search_page_source(search);
  gboolean paged = pages_source.source && asks_pages(keys, key_count);
  take_turn();
  gint64 until = g_get_monotonic_time() + search_scan_us;
  Scan scan = {drafts, keys, key_count, bits, until, 0, 0, FALSE};
  PageScan pages = {&scan, until - search_scan_us / PAGES_SHARE * (PAGES_SHARE - 1), 0, FALSE};
  gboolean good = (!paged || pages_source.source(sql, 1, G_MAXUINT32 - 1, see_page, &pages, pages_source.data, error)) &&
    source(sql, 0, see, &scan, source_data, error) && (!scan.stopped || see_hits(&scan, &pages, sql, source, source_data, error));
  end_turn();
  for (guint i = 0; i < key_count; i++) ret_leaves[i] = search_leaf_new(bits[i]);
  g_autoptr(Columns) none = search_columns_empty();
  *ret_view = (SearchView){search_columns_with(none, 0, drafts), 0, FALSE};
  *ret_notice = tell(&scan, &pages, paged);
  return good;
}

gboolean search_scan_pages(Search *search, Sql *sql, const char *pattern, GArray *wanted, GError **error) {
  SearchPageLook look = {.pattern = pattern, .most = PAGES_SHOWN};
  for (guint i = 0; i < wanted->len; i++) {
    const SearchWanted *one = &g_array_index(wanted, SearchWanted, i);
    if (!search_page_look(search, sql, one->id, &look, error)) return FALSE;
    *one->ret_page = look.page;
  }
  return TRUE;
}

typedef struct { const char *name; gint64 until, seen; gboolean found; } NameScan;

static void see_name(const char *key, const char *value, gsize length, gpointer data) {
  NameScan *scan = data;
  g_autofree char *name = scan->found ? NULL : search_name(key);
  scan->found = scan->found || g_str_equal(name, scan->name);
}

static gboolean see_names(const SearchDocument *document, gpointer data) {
  NameScan *scan = data;
  search_fields_each(document->fields, see_name, scan);
  return !scan->found && (++scan->seen % OFTEN != 0 || g_get_monotonic_time() < scan->until);
}

gboolean search_scan_name(Search *search, Sql *sql, const char *name) {
  g_mutex_lock(&search->lock);
  SearchRecordsSource source = search->records_source;
  gpointer source_data = search->records_source_data;
  g_mutex_unlock(&search->lock);
  take_turn();
  NameScan scan = {name, g_get_monotonic_time() + search_scan_us / NAME_SHARE, 0, FALSE};
  gboolean read = source && source(sql, 0, see_names, &scan, source_data, NULL);
  end_turn();
  return read && scan.found;
}

/* ---- by the index or not at all ---- */

static gboolean is_whole(Search *search, Sql *sql, GError **error) {
  SearchView view = {0};
  g_autoptr(GError) failure = NULL;
  gboolean opened = !search_needs_rebuild(search) && search_view_open(search, sql, &view, &failure), sound = opened && search_view_sound(search, &view);
  search_columns_unref(view.columns);
  if (failure && !search_takes_damage(search, sql, &failure)) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return sound || throw(error, LANTAI_ERROR_UNAVAILABLE, "检索索引正在重建，现在查不全，这件事要等重建好再办。请稍后再试");
}

SearchResult *search_run_whole(Search *search, Sql *sql, const Scope *scope, const SearchRequest *request, GError **error) {
  g_autoptr(SearchResult) result = is_whole(search, sql, error) ? search_run(search, sql, scope, request, error) : NULL;
  return result && is_whole(search, sql, error) ? g_steal_pointer(&result) : NULL; /* the damage may have been found by asking */
}
