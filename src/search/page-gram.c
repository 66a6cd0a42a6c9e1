/*
 * A pattern on pages by the rows of its grams (gram.h).
 *
 * 1. The pattern is divided into the longest kept grams, each of which shares units with the next; block by block the records are taken that have them all. Each
 *    of a gram's places is a place of what it shares with the next: so the pattern stands in a record at least as often as its grams do together, less what they
 *    share. Where that is not even once, the record's pages are read (as they are of stale records).
 * 2. Pairs of units that no kept gram has are rare: FTS5 is asked for runs of them, and of what is left with the grams beside them the pages are read.
 * 3. When too many pages would have to be read, FTS5 answers the whole.
 */
#include "gram.h"
#include "block.h"
#include "text.h"
#include <roaring/containers/containers.h>

enum { PARTS_MOST = 64, STALE_MOST = 4096, ARRAY_MOST = 4096, FEW = 32, LOOK_BYTES = 128 /* of rows: to FTS5 these cost as much as looking at a page */ };

typedef struct { gint64 number; GByteArray *bytes; PageSpan span; PageLines lines; } Row; /* bytes: of the span; lines: of the block */
typedef struct {
  Search *search;
  Sql *sql;
  const LeafKey *key;
  PageState state;
  GramSelection *selection;
  GArray *units;
  guint part_count, share_count;
  Row parts[PARTS_MOST], shares[PARTS_MOST];
  Bitmap *within; /* what FTS5 has found of the rare runs; NULL: there is none */
  gsize row_bytes; /* of all parts */
  gint32 *slack;  /* by line: the pattern's places at least, less one */
  Bitmap *bits, *doubtful;
} Finder;

static void finder_clear(Finder *finder) {
  for (guint i = 0; i < finder->part_count; i++) g_byte_array_unref(finder->parts[i].bytes);
  for (guint i = 0; i < finder->share_count; i++) g_byte_array_unref(finder->shares[i].bytes);
  g_clear_pointer(&finder->units, g_array_unref);
  g_clear_pointer(&finder->selection, search_gram_selection_unref);
  bitmap_free(finder->within);
  bitmap_free(finder->bits);
  bitmap_free(finder->doubtful);
  g_free(finder->slack);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Finder, finder_clear)

/* ---- the parts of the pattern ---- */

static gint64 number_of(const Finder *finder, guint first, guint count) {
  return search_gram_number(finder->selection, search_gram_key(search_stream("p"), search_gram_hash(finder->units, first, count)));
}

static gboolean is_rare_pair(const Finder *finder, guint at) { return at + 1 < finder->units->len && number_of(finder, at, 2) < 0; }

/* The records in which FTS5 finds the units first … last. */
static gboolean find_rare(Finder *finder, guint first, guint last, GError **error) {
  const Unit *begin = &g_array_index(finder->units, Unit, first), *end = &g_array_index(finder->units, Unit, last);
  g_autofree char *text = g_strndup(begin->begin, (gsize)(end->end - begin->begin));
  g_autofree char *pattern = g_strdup_printf("%s%s%s", begin->ideograph ? "" : " ", text, end->ideograph ? "" : " ");
  LeafKey key = {finder->key->component, finder->key->names, pattern};
  g_autoptr(Leaf) found = search_leaf_read_from(finder->sql, &key, 0, error);
  if (found == NULL) return FALSE;
  if (finder->within) roaring_bitmap_and_inplace(finder->within, found->bits);
  else finder->within = roaring_bitmap_copy(found->bits);
  return TRUE;
}

static gboolean find_rare_runs(Finder *finder, GError **error) {
  for (guint at = 0; at < finder->units->len; at++) {
    guint last = at;
    while (is_rare_pair(finder, last)) last++;
    if (last > at && !find_rare(finder, at, last, error)) return FALSE;
    at = last;
  }
  return TRUE;
}

static void add_row(Row *rows, guint *count, gint64 number) { rows[(*count)++] = (Row){.number = number, .bytes = g_byte_array_new()}; }

/* FALSE: all pairs are rare, or there are too many parts. */
static gboolean divide(Finder *finder) {
  guint end = 0; /* units below are in some part */
  for (guint at = 0; at < finder->units->len && end < finder->units->len; at++) {
    guint most = MIN(PAGE_GRAM_UNITS, finder->units->len - at), count = 0;
    while (count < most && number_of(finder, at, count + 1) >= 0) count++;
    if (count == 0 || at + count <= end || (count == 1 && finder->units->len > 1)) continue; /* single ones stand in the pairs beside them */
    if (finder->part_count == PARTS_MOST) return FALSE;
    if (end > at) add_row(finder->shares, &finder->share_count, number_of(finder, at, end - at));
    add_row(finder->parts, &finder->part_count, number_of(finder, at, count));
    end = at + count;
  }
  return finder->part_count > 0;
}

/* ---- a span, a block ---- */

static gboolean read_rows(const Finder *finder, guint span, Row *rows, guint count, GError **error) {
  for (guint i = 0; i < count; i++) {
    g_autoptr(GError) failure = NULL;
    if (search_page_row_read(finder->sql, search_page_gram_row(span, rows[i].number), rows[i].bytes, &rows[i].span, &failure)) continue;
    return failure ? (g_propagate_error(error, g_steal_pointer(&failure)), FALSE) : search_damage(finder->search, error);
  }
  return TRUE;
}

/* The lines of the rows in one block; lines.count 0: no record there has it. */
static gboolean open_block(const Finder *finder, guint block, Row *rows, guint count, GError **error) {
  for (guint i = 0; i < count; i++) {
    guint16 length = rows[i].span.lengths[block % SPAN_BLOCKS];
    rows[i].lines = (PageLines){0};
    if (length > 0 && !search_page_lines_read(rows[i].span.bytes[block % SPAN_BLOCKS], length, &rows[i].lines)) return search_damage(finder->search, error);
  }
  return TRUE;
}

static int compare_rows(gconstpointer a, gconstpointer b) {
  guint x = ((const Row *)a)->bytes->len, y = ((const Row *)b)->bytes->len;
  return x < y ? -1 : x > y;
}

static void append_words(Bitmap *bits, guint block, const guint64 *words) {
  guint count = search_words_count(words);
  if (count > ARRAY_MOST) {
    bitset_container_t *set = bitset_container_create();
    memcpy(set->array, words, sizeof *words * BLOCK_WORDS);
    set->cardinality = (gint32)count;
    ra_append(&bits->high_low_container, (guint16)block, set, BITSET_CONTAINER_TYPE_CODE);
  } else if (count > 0) {
    array_container_t *array = array_container_create_given_capacity((gint32)count);
    search_words_list(words, array->array);
    array->cardinality = (gint32)count;
    ra_append(&bits->high_low_container, (guint16)block, array, ARRAY_CONTAINER_TYPE_CODE);
  }
}

static void begin_words(const Finder *finder, guint block, guint64 *words) {
  memset(words, finder->within ? 0 : 0xff, sizeof *words * BLOCK_WORDS);
  if (finder->within == NULL) return;
  const roaring_array_t *all = &finder->within->high_low_container;
  gint32 at = ra_get_index(all, (guint16)block);
  if (at >= 0) search_words_fill(all->containers[at], all->typecodes[at], words);
}

/* Of the lines in words those in which the parts, less what they share, do not stand once. */
static void find_doubt(const Finder *finder, const guint64 *words, guint64 *doubt) {
  for (guint i = 0; i < BLOCK_WORDS; i++)
    for (guint64 left = words[i]; left; left &= left - 1) finder->slack[i * 64 + (guint)__builtin_ctzll(left)] = 0;
  for (guint i = 0; i < finder->part_count; i++) search_page_lines_excess(&finder->parts[i].lines, words, 1, finder->slack);
  for (guint i = 0; i < finder->share_count; i++) search_page_lines_excess(&finder->shares[i].lines, words, -1, finder->slack);
  for (guint i = 0; i < BLOCK_WORDS; i++)
    for (guint64 left = words[i]; left; left &= left - 1)
      if (finder->slack[i * 64 + (guint)__builtin_ctzll(left)] < 0) doubt[i] |= left & -left;
}

/* Adds the records of the block that have all parts, and those of them of which that is not enough. */
static gboolean find_in_block(Finder *finder, guint block, GError **error) {
  guint64 words[BLOCK_WORDS], doubt[BLOCK_WORDS] = {0};
  if (!open_block(finder, block, finder->parts, finder->part_count, error)) return FALSE;
  begin_words(finder, block, words);
  for (guint i = 0; i < finder->part_count; i++)
    if (finder->parts[i].lines.count == 0 || !search_page_lines_and(&finder->parts[i].lines, words)) return TRUE;
  append_words(finder->bits, block, words);
  if (finder->within || finder->part_count == 1) return TRUE;
  if (finder->shares[0].bytes->len == 0 && !read_rows(finder, block / SPAN_BLOCKS, finder->shares, finder->share_count, error)) return FALSE;
  if (!open_block(finder, block, finder->shares, finder->share_count, error)) return FALSE;
  find_doubt(finder, words, doubt);
  append_words(finder->doubtful, block, doubt);
  return TRUE;
}

/* FALSE: error. */
static gboolean find_in_span(Finder *finder, guint span, GError **error) {
  search_turn_check();
  if (!read_rows(finder, span, finder->parts, finder->part_count, error)) return FALSE;
  for (guint i = 0; i < finder->share_count; i++) g_byte_array_set_size(finder->shares[i].bytes, 0); /* read when some block has something left */
  for (guint i = 0; i < finder->part_count; i++) finder->row_bytes += finder->parts[i].bytes->len;
  qsort(finder->parts, finder->part_count, sizeof *finder->parts, compare_rows);
  for (guint block = span * SPAN_BLOCKS; block < (span + 1) * SPAN_BLOCKS && (gint64)block * BLOCK_LINES < finder->state.covered; block++)
    if (!find_in_block(finder, block, error)) return FALSE;
  return TRUE;
}

/* ---- pages ---- */

static gboolean find_on_page(gint64 record_id, guint page, const char *text, gpointer data) {
  SearchPageLook *look = data;
  look->looked++;
  g_autofree char *folded = strstr(text, look->pattern) ? NULL : text_fold(text); /* as it stands there, it also stands there folded */
  if (folded == NULL || search_pattern_in(look->pattern, folded)) look->page = page;
  return look->page == 0 && look->looked < look->most;
}

gboolean search_page_look(Search *search, Sql *sql, gint64 record_id, SearchPageLook *look, GError **error) {
  PageSource source = search_page_source(search);
  look->page = 0;
  return source.source && source.source(sql, record_id, record_id, find_on_page, look, source.data, error);
}

/* Leaves of the records those whose pages hold the pattern; ret_told FALSE: they are too many. */
static gboolean verify(Finder *finder, Bitmap *bits, const Bitmap *asked, guint most, gboolean *ret_told, GError **error) {
  SearchPageLook look = {.pattern = finder->key->pattern, .most = most};
  roaring_uint32_iterator_t at;
  guint seen = 0;
  *ret_told = roaring_bitmap_get_cardinality(asked) < most;
  for (roaring_init_iterator(asked, &at); *ret_told && at.has_value; roaring_advance_uint32_iterator(&at)) {
    if (++seen % 64 == 0) search_turn_check();
    if (!search_page_look(finder->search, finder->sql, at.current_value, &look, error)) return FALSE;
    if (look.page) roaring_bitmap_add(bits, at.current_value);
    else roaring_bitmap_remove(bits, at.current_value);
    *ret_told = look.looked < most;
  }
  return TRUE;
}

/* ---- looking ---- */

static Bitmap *read_stale(Sql *sql, GError **error) {
  g_autoptr(Bitmap) stale = roaring_bitmap_create();
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id FROM search_gram_page_stale ORDER BY id LIMIT $1", SQL_ARGS(sql_int(STALE_MOST)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) roaring_bitmap_add(stale, (guint32)sql_int_at(rows, 0));
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return g_steal_pointer(&stale);
}

static Leaf *find(Finder *finder, const SearchView *view, GError **error) {
  g_autoptr(Bitmap) stale = read_stale(finder->sql, error);
  if (stale == NULL) return NULL;
  roaring_bitmap_remove_range(stale, (guint64)finder->state.covered, G_GUINT64_CONSTANT(1) << 32);
  if (roaring_bitmap_get_cardinality(stale) >= MIN(STALE_MOST, search_limits.page_looked) || !find_rare_runs(finder, error)) return NULL;
  finder->slack = g_new(gint32, BLOCK_LINES);
  finder->bits = roaring_bitmap_create();
  finder->doubtful = roaring_bitmap_create();
  for (guint span = 0; (gint64)span * SPAN_BLOCKS * BLOCK_LINES < finder->state.covered; span++)
    if (!find_in_span(finder, span, error)) return NULL;
  if (finder->within) roaring_bitmap_or_inplace(finder->doubtful, finder->bits);
  /* some rows of a block being covered say more already */
  roaring_bitmap_remove_range(finder->bits, (guint64)finder->state.covered, G_GUINT64_CONSTANT(1) << 32);
  roaring_bitmap_remove_range(finder->doubtful, (guint64)finder->state.covered, G_GUINT64_CONSTANT(1) << 32);
  roaring_bitmap_or_inplace(finder->doubtful, stale);
  roaring_bitmap_andnot_inplace(finder->bits, stale);
  guint most = (guint)MIN(search_limits.page_looked, FEW + finder->row_bytes / LOOK_BYTES);
  gboolean told;
  if (!verify(finder, finder->bits, finder->doubtful, most, &told, error) || !told) return NULL;
  if ((gint64)view->columns->chunk_count * CHUNK_LINES > finder->state.covered) {
    g_autoptr(Leaf) tail = search_leaf_read_from(finder->sql, finder->key, finder->state.covered, error);
    if (tail == NULL) return NULL;
    roaring_bitmap_or_inplace(finder->bits, tail->bits);
  }
  return search_leaf_new(g_steal_pointer(&finder->bits));
}

Leaf *search_page_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  if (search_page_source(search).source == NULL || view->pages.selection == 0 || view->pages.covered == 0) return NULL;
  g_auto(Finder) finder = {.search = search, .sql = sql, .key = key, .state = view->pages, .units = search_units(key->pattern)};
  const Unit *last = finder.units->len ? &g_array_index(finder.units, Unit, finder.units->len - 1) : NULL;
  gboolean partial = last && !last->ideograph && *last->end != ' '; /* it may go on: it is no gram */
  if (last == NULL || partial) return NULL;
  finder.selection = search_gram_selection(search, sql, GRAMS_PAGE, finder.state.selection, error);
  return finder.selection && divide(&finder) ? find(&finder, view, error) : NULL;
}

/* ---- comparing ---- */

static gboolean has_line(const Finder *finder, gint64 id, Row *row) {
  guint64 words[BLOCK_WORDS] = {0};
  guint block = (guint)(id / BLOCK_LINES);
  words[id % BLOCK_LINES / 64] = G_GUINT64_CONSTANT(1) << id % 64;
  return read_rows(finder, block / SPAN_BLOCKS, row, 1, NULL) && open_block(finder, block, row, 1, NULL) && row->lines.count > 0 &&
    search_page_lines_and(&row->lines, words);
}

gboolean search_page_grams_agree(Search *search, Sql *sql, const SearchView *view, gint64 record_id, const char *text) {
  if (view->pages.selection == 0 || record_id >= view->pages.covered) return TRUE;
  if (sql_number(sql, "SELECT 1 AS stale FROM search_gram_page_stale WHERE id = $1", SQL_ARGS(sql_int(record_id)), 0, NULL) == 1) return TRUE;
  g_autofree char *folded = text_fold(text);
  g_auto(Finder) finder = {.search = search, .sql = sql, .state = view->pages, .units = search_units(folded)};
  finder.selection = search_gram_selection(search, sql, GRAMS_PAGE, finder.state.selection, NULL);
  gboolean agrees = finder.selection != NULL;
  add_row(finder.parts, &finder.part_count, 0);
  for (guint i = 0; agrees && finder.units->len > 0 && i < GRAMS_COMPARED; i++) {
    guint first = (guint)g_random_int_range(0, (gint32)finder.units->len), count = (guint)g_random_int_range(1, GRAM_UNITS + 1);
    finder.parts[0].number = first + count <= finder.units->len ? number_of(&finder, first, count) : -1;
    agrees = finder.parts[0].number < 0 || has_line(&finder, record_id, &finder.parts[0]);
  }
  return agrees;
}
