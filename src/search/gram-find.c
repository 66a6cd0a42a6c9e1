/*
 * A pattern by the bitmaps of its grams (gram.h).
 *
 * 1. Grams that follow each other in the pattern and share units stand together in a record when what they share stands there only once. So their
 *    intersection is the answer, but for records that have a shared string more than once: these few are looked at.
 * 2. A part of the pattern that no kept gram covers is asked of FTS5 by itself, and what is left is looked at.
 * 3. When more than VERIFIED, or a share of what is found, would have to be looked at, FTS5 answers the whole.
 */
#include "gram.h"
#include <roaring/containers/containers.h>

enum { VERIFIED = 2000, SHARE = 16 /* looking at one record costs as much as so many of FTS5's */, ARRAY_MOST = 4095, PARTIAL_LEAST = 3 };

typedef roaring_bitmap_t Bitmap;
static void bitmap_free(roaring_bitmap_t *bits) {
  if (bits) roaring_bitmap_free(bits);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bitmap, bitmap_free)

typedef struct {
  Search *search;
  Sql *sql;
  const SearchView *view;
  const LeafKey *key;
  GramState state;
  GramSelection *selection;
  guint64 stream;
  GArray *units;
  gboolean partial; /* the last unit may go on: it is no gram */
  guint whole;      /* units without that one */
} Finder;

static gint64 number_of(const Finder *finder, guint first, guint count) {
  return search_gram_number(finder->selection, search_gram_key(finder->stream, search_gram_hash(finder->units, first, count)));
}

/* ---- bitmaps ---- */

static gboolean append_block(Bitmap *bits, guint block, const void *bytes, gsize length) {
  if (length == sizeof(guint64) * BLOCK_WORDS) {
    bitset_container_t *set = bitset_container_create();
    memcpy(set->array, bytes, length);
    set->cardinality = bitset_container_compute_cardinality(set);
    ra_append(&bits->high_low_container, (guint16)block, set, BITSET_CONTAINER_TYPE_CODE);
    return set->cardinality > ARRAY_MOST;
  }
  if (length == 0 || length % 2 || length / 2 > ARRAY_MOST) return FALSE;
  array_container_t *array = array_container_create_given_capacity((gint32)(length / 2));
  memcpy(array->array, bytes, length);
  array->cardinality = (gint32)(length / 2);
  ra_append(&bits->high_low_container, (guint16)block, array, ARRAY_CONTAINER_TYPE_CODE);
  for (gsize i = 1; i < length / 2; i++)
    if (array->array[i - 1] >= array->array[i]) return FALSE;
  return TRUE;
}

static Bitmap *read_gram(const Finder *finder, gint64 number, gboolean repeated, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(finder->sql, "SELECT id, bits FROM search_gram WHERE id >= $1 AND id < $2 ORDER BY id",
    SQL_ARGS(sql_int(search_gram_row(number, repeated, 0)), sql_int(search_gram_row(number, repeated, finder->state.covered))), error);
  if (rows == NULL) return NULL;
  g_autoptr(Bitmap) bits = roaring_bitmap_create();
  g_autoptr(GError) failure = NULL;
  gboolean sound = TRUE;
  while (sql_next(rows, &failure)) {
    gsize length;
    const void *bytes = sql_blob_at(rows, 1, &length);
    sound = search_gram_sound(sql_int_at(rows, 0), bytes, &length) && append_block(bits, (guint)(sql_int_at(rows, 0) & 0xffff), bytes, length) && sound;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (!sound) return search_damage(finder->search, error), NULL;
  return g_steal_pointer(&bits);
}

/* Narrows `bits` (NULL: all) to the records that have the gram. */
static gboolean narrow(const Finder *finder, Bitmap **bits, gint64 number, GError **error) {
  g_autoptr(Bitmap) gram = read_gram(finder, number, FALSE, error);
  if (gram == NULL) return FALSE;
  if (*bits) roaring_bitmap_and_inplace(*bits, gram);
  else *bits = g_steal_pointer(&gram);
  return TRUE;
}

/* ---- what the grams of the pattern say ---- */

typedef struct {
  Bitmap *bits;    /* what all kept grams allow; NULL: nothing is kept */
  Bitmap *doubtful; /* of bits: those to be looked at, when all is covered */
  gboolean covered; /* every unit and its neighbour are in one kept gram */
} Allowed;

static void allowed_clear(Allowed *allowed) {
  bitmap_free(allowed->bits);
  bitmap_free(allowed->doubtful);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Allowed, allowed_clear)

static gboolean add_doubt(const Finder *finder, Allowed *allowed, guint first, guint count, GError **error) {
  gint64 number = number_of(finder, first, count);
  if (number < 0) {
    allowed->covered = FALSE; /* the sample had less of it than of what holds it */
    return TRUE;
  }
  g_autoptr(Bitmap) repeated = read_gram(finder, number, TRUE, error);
  if (repeated == NULL) return FALSE;
  roaring_bitmap_or_inplace(allowed->doubtful, repeated);
  return TRUE;
}

/* Walks over the pattern by the longest kept grams. */
static gboolean find_allowed(const Finder *finder, Allowed *allowed, GError **error) {
  guint end = 0, last_end = 0; /* units up to `end` are covered */
  allowed->covered = !finder->partial;
  allowed->doubtful = roaring_bitmap_create();
  for (guint at = 0; at < finder->whole; at++) {
    gint64 number = -1;
    guint count = MIN(GRAM_UNITS, finder->whole - at);
    for (; count > 0 && (number = number_of(finder, at, count)) < 0; count--) continue;
    if (number < 0 || (at > 0 && at + count <= end)) { /* nothing kept here, or a gram before has it all */
      allowed->covered = allowed->covered && number >= 0;
      continue;
    }
    if (!narrow(finder, &allowed->bits, number, error)) return FALSE;
    last_end = end;
    end = at + count;
    if (at > 0 && last_end <= at) allowed->covered = FALSE; /* no unit in common with the gram before */
    else if (at > 0 && allowed->covered && !add_doubt(finder, allowed, at, last_end - at, error)) return FALSE;
  }
  allowed->covered = allowed->covered && end == finder->whole;
  return TRUE;
}

/* ---- what is not kept ---- */

static gboolean is_rare_link(const Finder *finder, guint at) {
  const Unit *one = &g_array_index(finder->units, Unit, at), *next = one + 1;
  return one->ideograph && next->ideograph && !next->spaced && number_of(finder, at, 2) < 0;
}

/* The longest part that FTS5 has rare tokens for: units first … last; FALSE: there is none. */
static gboolean find_rare(const Finder *finder, guint *ret_first, guint *ret_last) {
  guint longest = 0;
  for (guint at = 0; at < finder->whole; at++) {
    guint end = at;
    while (end + 1 < finder->whole && is_rare_link(finder, end)) end++;
    gboolean word = end == at && !g_array_index(finder->units, Unit, at).ideograph && number_of(finder, at, 1) < 0;
    guint length = word ? 1 : end - at;
    if (length > longest) longest = length, *ret_first = at, *ret_last = end;
    at = MAX(at, end > at ? end - 1 : at);
  }
  const Unit *last = finder->partial ? &g_array_index(finder->units, Unit, finder->whole) : NULL;
  if (last && last->end - last->begin >= PARTIAL_LEAST && longest < 2) longest = 1, *ret_first = *ret_last = finder->whole;
  return longest > 0;
}

/* Of the allowed records below the covered blocks those that FTS5 finds the rare part in. */
static gboolean narrow_rare(const Finder *finder, Bitmap **bits, guint first, guint last, GError **error) {
  const Unit *begin = &g_array_index(finder->units, Unit, first), *end = &g_array_index(finder->units, Unit, last);
  gboolean word_end = !end->ideograph && !(finder->partial && last == finder->whole);
  g_autofree char *text = g_strndup(begin->begin, (gsize)(end->end - begin->begin));
  g_autofree char *pattern = g_strdup_printf("%s%s%s", begin->ideograph ? "" : " ", text, word_end ? " " : "");
  LeafKey key = {finder->key->component, finder->key->names, pattern};
  g_autoptr(Leaf) found = search_leaf_read_from(finder->sql, &key, 0, error);
  if (found == NULL) return FALSE;
  if (*bits) roaring_bitmap_and_inplace(*bits, found->bits);
  else *bits = roaring_bitmap_copy(found->bits);
  roaring_bitmap_remove_range(*bits, (guint64)finder->state.covered * BLOCK_LINES, G_GUINT64_CONSTANT(1) << 32);
  return TRUE;
}

/* ---- looking ---- */

/* Takes out of `bits` those of `doubtful` whose texts lack the pattern; FALSE: a text could not be read. */
static gboolean verify(const Finder *finder, Bitmap *bits, const Bitmap *doubtful) {
  roaring_uint32_iterator_t at;
  for (roaring_init_iterator(doubtful, &at); at.has_value; roaring_advance_uint32_iterator(&at)) {
    gboolean holds = FALSE;
    if (!search_record_matches(finder->search, finder->sql, finder->view->columns, at.current_value, finder->key, &holds)) return FALSE;
    if (!holds) roaring_bitmap_remove(bits, at.current_value);
  }
  return TRUE;
}

/* Records from the covered blocks on are FTS5's. */
static Leaf *with_tail(const Finder *finder, Bitmap **bits, GError **error) {
  if (finder->view->columns->block_count > finder->state.covered) {
    g_autoptr(Leaf) tail = search_leaf_read_from(finder->sql, finder->key, (gint64)finder->state.covered * BLOCK_LINES, error);
    if (tail == NULL) return NULL;
    roaring_bitmap_or_inplace(*bits, tail->bits);
  }
  return search_leaf_new(g_steal_pointer(bits));
}

static Leaf *find(const Finder *finder, GError **error) {
  g_auto(Allowed) allowed = {0};
  if (!find_allowed(finder, &allowed, error)) return NULL;
  if (allowed.covered && allowed.bits) {
    roaring_bitmap_and_inplace(allowed.doubtful, allowed.bits);
    guint64 most = MAX(VERIFIED, roaring_bitmap_get_cardinality(allowed.bits) / SHARE);
    if (roaring_bitmap_get_cardinality(allowed.doubtful) > most || !verify(finder, allowed.bits, allowed.doubtful)) return NULL;
    return with_tail(finder, &allowed.bits, error);
  }
  guint first, last;
  if (find_rare(finder, &first, &last)) {
    if (allowed.bits == NULL || (first == 0 && last + 1 == finder->units->len)) return NULL; /* all of it is rare */
    if (!narrow_rare(finder, &allowed.bits, first, last, error)) return NULL;
  }
  if (allowed.bits == NULL || roaring_bitmap_get_cardinality(allowed.bits) > VERIFIED) return NULL;
  g_autoptr(Bitmap) doubtful = roaring_bitmap_copy(allowed.bits);
  return verify(finder, allowed.bits, doubtful) ? with_tail(finder, &allowed.bits, error) : NULL;
}

static const char *const STREAMS[] = {[COMPONENT_TITLE] = "t", [COMPONENT_OTHER] = "o", [COMPONENT_CREATOR] = "c", [COMPONENT_CODE] = "k", [COMPONENT_DOCNO] = "d"};

static Leaf *find_field(Finder *finder, GError **error) {
  if (strchr(finder->key->names, '\t')) return NULL; /* a field that goes by several names */
  g_autofree char *stream = g_strconcat("f", finder->key->names, NULL);
  finder->stream = search_stream(stream);
  g_auto(Allowed) allowed = {0};
  if (!find_allowed(finder, &allowed, error) || !allowed.covered || allowed.bits == NULL) return NULL;
  roaring_bitmap_and_inplace(allowed.doubtful, allowed.bits);
  if (finder->view->columns->block_count > finder->state.covered || roaring_bitmap_get_cardinality(allowed.doubtful) > VERIFIED) return NULL;
  return verify(finder, allowed.bits, allowed.doubtful) ? search_leaf_new(g_steal_pointer(&allowed.bits)) : NULL;
}

Leaf *search_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  Finder finder = {.search = search, .sql = sql, .view = view, .key = key};
  gboolean field = key->component == COMPONENT_CATEGORY;
  if (!field && (key->component >= G_N_ELEMENTS(STREAMS) || STREAMS[key->component] == NULL)) return NULL;
  if (!search_gram_state(sql, &finder.state, error) || finder.state.selection == 0 || finder.state.covered == 0) return NULL;
  g_autoptr(GramSelection) selection = finder.selection = search_gram_selection(search, sql, finder.state.selection, error);
  if (selection == NULL) return NULL;
  g_autoptr(GArray) units = finder.units = search_units(key->pattern);
  const Unit *last = units->len ? &g_array_index(units, Unit, units->len - 1) : NULL;
  if (last == NULL) return NULL;
  finder.partial = !last->ideograph && *last->end != ' ';
  finder.whole = units->len - finder.partial;
  if (field) return find_field(&finder, error);
  finder.stream = search_stream(STREAMS[key->component]);
  return find(&finder, error);
}
