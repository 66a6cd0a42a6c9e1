/*
 * A pattern on pages by the rows of its grams (gram.h).
 *
 * 1. The pattern is divided into kept grams that share units with the next one, block by block the records are taken that have them all. Each of a gram's places
 *    is a place of what it shares with the next: so the pattern stands in a record at least as often as its grams do together, less what they share. Where that
 *    is not even once, the record's pages are read (as they are of stale records).
 * 2. Where the pattern has a pair of units that no kept gram covers, it is rare, and FTS5 answers; so it does when too many pages would have to be read.
 */
#include "gram.h"
#include "block.h"
#include "text.h"

enum { PARTS_MOST = 64, STALE_MOST = 4096 };

typedef roaring_bitmap_t Bitmap;
static void bitmap_free(roaring_bitmap_t *bits) {
  if (bits) roaring_bitmap_free(bits);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bitmap, bitmap_free)

typedef struct { GByteArray *bytes; PageLines lines; } Row;
typedef struct {
  Search *search;
  Sql *sql;
  const char *pattern;
  PageState state;
  guint part_count;                               /* shares: one less */
  gint64 parts[PARTS_MOST], shares[PARTS_MOST];   /* numbers */
  Row rows[PARTS_MOST];
  gint32 *slack;                                  /* by line: the pattern's places at least, less one */
  PageSource source;
  guint looked;
} Finder;

/* ---- the parts of the pattern ---- */

static gint64 number_of(const GramSelection *selection, const GArray *units, guint first, guint count) {
  return search_gram_number(selection, search_gram_key(search_stream("p"), search_gram_hash(units, first, count)));
}

/* FALSE: some pair of units is in no kept gram. */
static gboolean divide(Finder *finder, const GramSelection *selection, const GArray *units) {
  guint end = 0; /* units below are in some part */
  for (guint at = 0; at < units->len && end < units->len; at++) {
    guint count = MIN(GRAM_UNITS, units->len - at);
    gint64 number = -1;
    for (; count > 0 && number < 0; count--) number = number_of(selection, units, at, count);
    guint after = at + count + 1;
    if (number < 0) return FALSE;
    if (after <= end) continue;
    if (at > 0 && end <= at) return FALSE;
    if (finder->part_count == PARTS_MOST) return FALSE;
    gint64 share = at > 0 ? number_of(selection, units, at, end - at) : 0;
    if (share < 0) return FALSE;
    if (at > 0) finder->shares[finder->part_count - 1] = share;
    finder->parts[finder->part_count++] = number;
    end = after;
  }
  return end == units->len;
}

/* ---- a block ---- */

/* ret->count 0: no record of the block has it. */
static gboolean read_row(const Finder *finder, guint block, gint64 number, Row *ret, GError **error) {
  gint64 id = search_page_gram_row(block, number);
  g_autoptr(SqlRows) rows = sql_query(finder->sql, "SELECT lines FROM search_gram_page WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  ret->lines = (PageLines){0};
  if (sql_next(rows, &failure)) {
    gsize length;
    guint32 sum;
    const guint8 *bytes = sql_blob_at(rows, 0, &length);
    gboolean sound = length > sizeof sum;
    if (sound) {
      memcpy(&sum, bytes + length - sizeof sum, sizeof sum);
      length -= sizeof sum;
      sound = sum == search_sum(bytes, length, (guint32)(id ^ id >> 32));
    }
    g_byte_array_set_size(ret->bytes, 0);
    if (sound) g_byte_array_append(ret->bytes, bytes, (guint)length);
    if (!sound || !search_page_lines_read(ret->bytes->data, length, &ret->lines)) return search_damage(finder->search, error);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static int compare_rows(gconstpointer a, gconstpointer b) {
  guint x = ((const Row *)a)->lines.count, y = ((const Row *)b)->lines.count;
  return x < y ? -1 : x > y;
}

static void add_words(Bitmap *bits, guint block, const guint64 *words) {
  guint32 ids[64];
  for (guint i = 0; i < BLOCK_WORDS; i++) {
    guint count = 0;
    for (guint64 left = words[i]; left; left &= left - 1) ids[count++] = block * BLOCK_LINES + i * 64 + (guint)__builtin_ctzll(left);
    if (count) roaring_bitmap_add_many(bits, count, ids);
  }
}

/* Adds the records of the block that have all parts, and those of them of which that is not enough. */
static gboolean find_in_block(Finder *finder, guint block, Bitmap *bits, Bitmap *doubtful, GError **error) {
  guint64 words[BLOCK_WORDS], doubt[BLOCK_WORDS];
  search_turn_check();
  for (guint i = 0; i < finder->part_count; i++) {
    if (!read_row(finder, block, finder->parts[i], &finder->rows[i], error)) return FALSE;
    if (finder->rows[i].lines.count == 0) return TRUE;
  }
  qsort(finder->rows, finder->part_count, sizeof *finder->rows, compare_rows);
  memset(words, 0xff, sizeof words);
  for (guint i = 0; i < finder->part_count; i++) search_page_lines_and(&finder->rows[i].lines, words);
  if (search_words_count(words) == 0) return TRUE;
  add_words(bits, block, words);
  if (finder->part_count == 1) return TRUE;
  memset(finder->slack, 0, sizeof *finder->slack * BLOCK_LINES);
  for (guint i = 0; i < finder->part_count; i++) search_page_lines_excess(&finder->rows[i].lines, words, 1, finder->slack);
  for (guint i = 0; i + 1 < finder->part_count; i++) {
    if (!read_row(finder, block, finder->shares[i], &finder->rows[0], error)) return FALSE;
    if (finder->rows[0].lines.count) search_page_lines_excess(&finder->rows[0].lines, words, -1, finder->slack);
  }
  for (guint i = 0; i < BLOCK_WORDS; i++) {
    doubt[i] = 0;
    for (guint64 left = words[i]; left; left &= left - 1)
      if (finder->slack[i * 64 + (guint)__builtin_ctzll(left)] < 0) doubt[i] |= left & -left;
  }
  add_words(doubtful, block, doubt);
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
  SearchPageLook look = {.pattern = finder->pattern, .most = most};
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

static Leaf *find(Finder *finder, const SearchView *view, const LeafKey *key, GError **error) {
  g_autoptr(Bitmap) stale = read_stale(finder->sql, error), bits = roaring_bitmap_create(), doubtful = roaring_bitmap_create();
  if (stale == NULL) return NULL;
  roaring_bitmap_remove_range(stale, (guint64)finder->state.covered, G_GUINT64_CONSTANT(1) << 32);
  if (roaring_bitmap_get_cardinality(stale) >= MIN(STALE_MOST, search_limits.page_looked)) return NULL;
  for (guint block = 0; (gint64)block * BLOCK_LINES < finder->state.covered; block++)
    if (!find_in_block(finder, block, bits, doubtful, error)) return NULL;
  roaring_bitmap_or_inplace(doubtful, stale);
  roaring_bitmap_andnot_inplace(bits, stale);
  gboolean told;
  if (!verify(finder, bits, doubtful, search_limits.page_looked, &told, error) || !told) return NULL;
  if ((gint64)view->columns->chunk_count * CHUNK_LINES > finder->state.covered) {
    g_autoptr(Leaf) tail = search_leaf_read_from(finder->sql, key, finder->state.covered, error);
    if (tail == NULL) return NULL;
    roaring_bitmap_or_inplace(bits, tail->bits);
  }
  return search_leaf_new(g_steal_pointer(&bits));
}

Leaf *search_page_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  Finder finder = {.search = search, .sql = sql, .pattern = key->pattern, .source = search_page_source(search)};
  if (finder.source.source == NULL || !search_page_state(sql, &finder.state, error) || finder.state.selection == 0 || finder.state.covered == 0) return NULL;
  g_autoptr(GramSelection) selection = search_gram_selection(search, sql, GRAMS_PAGE, finder.state.selection, error);
  if (selection == NULL) return NULL;
  g_autoptr(GArray) units = search_units(key->pattern);
  const Unit *last = units->len ? &g_array_index(units, Unit, units->len - 1) : NULL;
  gboolean partial = last && !last->ideograph && *last->end != ' '; /* it may go on: it is no gram */
  if (last == NULL || partial || !divide(&finder, selection, units)) return NULL;
  for (guint i = 0; i < finder.part_count; i++) finder.rows[i].bytes = g_byte_array_new();
  finder.slack = g_new(gint32, BLOCK_LINES);
  Leaf *leaf = find(&finder, view, key, error);
  for (guint i = 0; i < finder.part_count; i++) g_byte_array_unref(finder.rows[i].bytes);
  g_free(finder.slack);
  return leaf;
}
