/*
 * A pattern by the bitmaps of its grams (gram.h).
 *
 * 1. The pattern is divided into parts: kept grams, and between them runs that no kept gram covers, which are rare and which FTS5 is asked for. Parts that
 *    follow each other and share units stand together in a record when what they share stands there only once. So their intersection is the answer, but for
 *    records that have a shared string more than once. Of these some are certain, too (find_doubtful); the few others are looked at.
 * 2. Rare parts come first: of the grams only the blocks are read in which something is left, and a handful of records is looked at without them.
 * 3. When more than VERIFIED, or a share of what is found, would have to be looked at, FTS5 answers the whole; codes are in memory (code.c) and looked at there.
 */
#include "gram.h"
#include "block.h"
#include <roaring/containers/containers.h>

enum { VERIFIED = 2000, SHARE = 16 /* looking at one record costs as much as so many of FTS5's */, AT_ONCE = 100, LISTS_ALIKE = 256,
  ARRAY_MOST = 4095, PARTIAL_LEAST = 3, TURN = 64, GUESS_FEW = 200, GUESS_MANY = 20000 };

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
    set->cardinality = (gint32)search_words_count(set->array);
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

/* Whether a row's block is one of `within` (NULL: any); *at goes along with the rows. */
static gboolean is_within(const Bitmap *within, gint32 *at, guint block) {
  if (within == NULL) return TRUE;
  const roaring_array_t *all = &within->high_low_container;
  while (*at < all->size && all->keys[*at] < block) ++*at;
  return *at < all->size && all->keys[*at] == block;
}

/* The records below the covered blocks that have the gram so often, at least all of them that are in `within` (NULL: any). */
static Bitmap *read_gram(const Finder *finder, gint64 number, GramTimes times, const Bitmap *within, GError **error) {
  search_turn_check();
  gint32 at = 0, left = within ? within->high_low_container.size : 1;
  g_autoptr(Bitmap) bits = roaring_bitmap_create();
  if (left == 0) return g_steal_pointer(&bits);
  guint first = within ? within->high_low_container.keys[0] : 0, last = within ? within->high_low_container.keys[left - 1] : finder->state.covered;
  g_autoptr(SqlRows) rows = sql_query(finder->sql, "SELECT id, bits FROM search_gram WHERE id >= $1 AND id < $2 ORDER BY id",
    SQL_ARGS(sql_int(search_gram_row(number, times, first)), sql_int(search_gram_row(number, times, MIN(last + 1, finder->state.covered)))), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  gboolean sound = TRUE;
  while (sql_next(rows, &failure)) {
    gint64 row = sql_int_at(rows, 0);
    if (!is_within(within, &at, (guint)(row & 0xffff))) continue;
    gsize length;
    const void *bytes = sql_blob_at(rows, 1, &length);
    sound = search_gram_sound(row, bytes, &length) && append_block(bits, (guint)(row & 0xffff), bytes, length) && sound;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (!sound) return search_damage(finder->search, error), NULL;
  return g_steal_pointer(&bits);
}

/* The lines of both. By a bit for each line: to walk along two lists of like length costs several times as much. */
static array_container_t *intersect(const array_container_t *a, const array_container_t *b) {
  guint64 words[BLOCK_WORDS] = {0};
  array_container_t *both = array_container_create_given_capacity(MIN(a->cardinality, b->cardinality) + 1);
  guint count = 0, most = (guint)MIN(a->cardinality, b->cardinality);
  for (gint32 i = 0; i < a->cardinality; i++) words[a->array[i] / 64] |= G_GUINT64_CONSTANT(1) << a->array[i] % 64;
  for (gint32 i = 0; i < b->cardinality && count <= most; i++) {
    both->array[count] = b->array[i];
    count += words[b->array[i] / 64] >> b->array[i] % 64 & 1;
  }
  both->cardinality = (gint32)count;
  return both;
}

/* The same of bits; a list, when they are few. *ret_type: that of the container. */
static void *both_bits(const bitset_container_t *a, const bitset_container_t *b, guint8 *ret_type) {
  bitset_container_t *both = bitset_container_create();
  search_words_and(both->array, a->array, b->array);
  both->cardinality = (gint32)search_words_count(both->array);
  *ret_type = BITSET_CONTAINER_TYPE_CODE;
  if (both->cardinality > ARRAY_MOST + 1) return both;
  array_container_t *list = array_container_create_given_capacity(both->cardinality + 1);
  list->cardinality = (gint32)search_words_list(both->array, list->array);
  bitset_container_free(both);
  *ret_type = ARRAY_CONTAINER_TYPE_CODE;
  return list;
}

/* The records of both, of which one has just been read: no container of it is shared. */
static Bitmap *bitmap_both(const Bitmap *bits, const Bitmap *read) {
  Bitmap *result = roaring_bitmap_create();
  const roaring_array_t *x = &bits->high_low_container, *y = &read->high_low_container;
  for (gint32 i = 0, k = 0; i < x->size && k < y->size;) {
    if (x->keys[i] != y->keys[k]) {
      if (x->keys[i] < y->keys[k]) i++;
      else k++;
      continue;
    }
    guint8 type = x->typecodes[i], other = y->typecodes[k], made = ARRAY_CONTAINER_TYPE_CODE;
    const void *one = container_unwrap_shared(x->containers[i], &type), *two = y->containers[k];
    gboolean lists = type == ARRAY_CONTAINER_TYPE_CODE && other == ARRAY_CONTAINER_TYPE_CODE;
    gboolean alike = lists && ((const array_container_t *)one)->cardinality >= LISTS_ALIKE && ((const array_container_t *)two)->cardinality >= LISTS_ALIKE;
    gboolean bits_alone = type == BITSET_CONTAINER_TYPE_CODE && other == BITSET_CONTAINER_TYPE_CODE;
    void *both = alike ? intersect(one, two) : bits_alone ? both_bits(one, two, &made) : container_and(one, type, two, other, &made);
    if (container_nonzero_cardinality(both, made)) ra_append(&result->high_low_container, x->keys[i], both, made);
    else container_free(both, made);
    i++, k++;
  }
  return result;
}

/* Narrows `bits` (NULL: all) to the records that have the gram. */
static gboolean narrow(const Finder *finder, Bitmap **bits, gint64 number, GError **error) {
  g_autoptr(Bitmap) gram = read_gram(finder, number, GRAM_ONCE, *bits, error);
  if (gram == NULL) return FALSE;
  Bitmap *both = *bits ? bitmap_both(*bits, gram) : g_steal_pointer(&gram);
  bitmap_free(*bits);
  *bits = both;
  return TRUE;
}

/* ---- the parts of the pattern ---- */

typedef struct { guint first, last; gint64 number; } Part; /* units; number of the kept gram, -1: a rare run */
typedef struct {
  GArray *parts;    /* in order; none lies within another */
  gboolean covered; /* every unit and its neighbour are in one part, and each part shares units with the next */
  guint rare;       /* how many are rare */
} Division;

static void division_clear(Division *division) { g_array_unref(division->parts); }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Division, division_clear)

static gboolean is_rare_word(const Finder *finder, guint at) {
  return at < finder->whole && !g_array_index(finder->units, Unit, at).ideograph && number_of(finder, at, 1) < 0;
}

/* The unit and the next stand rarely together, in a way that is rare to FTS5, too: a pair of ideographs that is no kept gram, or with a word that is none. */
static gboolean is_rare_link(const Finder *finder, guint at) {
  const Unit *one = &g_array_index(finder->units, Unit, at), *next = one + 1;
  if (one->ideograph && next->ideograph && !next->spaced) return number_of(finder, at, 2) < 0;
  return is_rare_word(finder, at) || is_rare_word(finder, at + 1);
}

/* The longest kept gram that begins at a unit; FALSE: none does. */
static gboolean find_kept(const Finder *finder, guint at, Part *ret) {
  for (guint count = MIN(GRAM_UNITS, finder->whole - at); count > 0; count--) {
    *ret = (Part){at, at + count - 1, number_of(finder, at, count)};
    if (ret->number >= 0) return TRUE;
  }
  return FALSE;
}

static gboolean find_run(const Finder *finder, guint at, Part *ret) {
  guint end = at;
  while (end + 1 < finder->whole && is_rare_link(finder, end)) end++;
  *ret = (Part){at, end, -1};
  return end > at || is_rare_word(finder, at);
}

static Division divide(const Finder *finder) {
  Division division = {g_array_new(FALSE, FALSE, sizeof(Part)), !finder->partial, 0};
  guint end = 0; /* units below are in some part */
  for (guint at = 0; at < finder->whole; at++) {
    Part part, run;
    gboolean kept = find_kept(finder, at, &part), rare = find_run(finder, at, &run);
    if (rare && (!kept || part.last == at)) part = run; /* of a kept gram of one unit nothing is learnt beside the run */
    else if (!kept) {
      division.covered = FALSE;
      continue;
    }
    if (at > 0 && part.last < end) continue;
    if (at > 0 && end <= at) division.covered = FALSE;
    g_array_append_val(division.parts, part);
    division.rare += part.number < 0;
    end = part.last + 1;
  }
  division.covered = division.covered && end == finder->whole;
  return division;
}

/* ---- what the parts say ---- */

/* Of the records below the covered blocks those that FTS5 finds the units first … last in. */
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

static gboolean is_few(const Bitmap *bits) { return bits && roaring_bitmap_get_cardinality(bits) <= AT_ONCE; }

static gboolean narrow_part(const Finder *finder, const Part *part, Bitmap **bits, GError **error) {
  return part->number < 0 ? narrow_rare(finder, bits, part->first, part->last, error) : narrow(finder, bits, part->number, error);
}

/* Narrows `bits` by the parts that are rare, or by those that are kept: from both ends, as what lies apart says more than what lies beside, until few are left. */
static gboolean narrow_parts(const Finder *finder, const Division *division, gboolean rare, Bitmap **bits, GError **error) {
  for (guint k = 0; k < division->parts->len && !is_few(*bits); k++) {
    const Part *part = &g_array_index(division->parts, Part, k % 2 ? division->parts->len - 1 - k / 2 : k / 2);
    if ((part->number < 0) == rare && !narrow_part(finder, part, bits, error)) return FALSE;
  }
  return TRUE;
}

/* Of the records that have what two parts share twice, and no third time, takes out those that have the part twice, too. */
static gboolean settle(const Finder *finder, const Part *part, const Bitmap *thrice, Bitmap *repeated, GError **error) {
  g_autoptr(Bitmap) settled = part->number < 0 ? roaring_bitmap_create() : read_gram(finder, part->number, GRAM_TWICE, repeated, error);
  if (settled == NULL) return FALSE;
  roaring_bitmap_andnot_inplace(settled, thrice);
  roaring_bitmap_andnot_inplace(repeated, settled);
  return TRUE;
}

/*
 * Those of `bits` of which the parts cannot tell; all, when they can of none. NULL: error.
 *
 * Where what two parts share stands once, each of the two goes on in the other. Where it stands as often as one of them, so does the other. Is there a part
 * from which to the left each goes on leftwards, and to the right rightwards, then the pattern stands there: only a link that does not go leftwards, before or
 * at one that does not go rightwards, leaves a doubt.
 */
static Bitmap *find_doubtful(const Finder *finder, const Division *division, const Bitmap *bits, GError **error) {
  g_autoptr(Bitmap) doubtful = roaring_bitmap_create(), stopped = roaring_bitmap_create();
  for (guint i = 1; division->covered && i < division->parts->len; i++) {
    const Part *before = &g_array_index(division->parts, Part, i - 1), *part = before + 1;
    gint64 number = number_of(finder, part->first, before->last - part->first + 1);
    if (number < 0) return roaring_bitmap_copy(bits); /* the sample had less of it than of what holds it */
    g_autoptr(Bitmap) read = read_gram(finder, number, GRAM_TWICE, bits, error), left = read ? roaring_bitmap_and(read, bits) : NULL;
    if (left == NULL) return NULL;
    g_autoptr(Bitmap) right = roaring_bitmap_copy(left), thrice = NULL;
    if (roaring_bitmap_get_cardinality(left) > AT_ONCE) {
      thrice = read_gram(finder, number, GRAM_THRICE, left, error);
      if (thrice == NULL || !settle(finder, before, thrice, left, error) || !settle(finder, part, thrice, right, error)) return NULL;
    }
    roaring_bitmap_or_inplace(stopped, left);
    roaring_bitmap_and_inplace(right, stopped);
    roaring_bitmap_or_inplace(doubtful, right);
  }
  return division->covered ? g_steal_pointer(&doubtful) : roaring_bitmap_copy(bits);
}

/* ---- looking ---- */

/* By the codes in memory. The pattern's first unit, where it is kept, tells where the beginning could stand twice. */
static gboolean verify_codes(const Finder *finder, Bitmap *bits, const Bitmap *doubtful, GError **error) {
  gint64 first = finder->whole > 0 ? number_of(finder, 0, 1) : -1;
  g_autoptr(Bitmap) repeated = first >= 0 ? read_gram(finder, first, GRAM_TWICE, doubtful, error) : NULL;
  if (first >= 0 && repeated == NULL) return FALSE;
  g_autoptr(Bitmap) found = roaring_bitmap_copy(doubtful);
  if (!search_codes_narrow(finder->view->columns, finder->key->pattern, found, repeated)) return FALSE;
  roaring_bitmap_andnot_inplace(bits, doubtful);
  roaring_bitmap_or_inplace(bits, found);
  return TRUE;
}

/* Takes out of `bits` those of `doubtful` whose texts lack the pattern; FALSE: a text could not be read. */
static gboolean verify(const Finder *finder, Bitmap *bits, const Bitmap *doubtful) {
  roaring_uint32_iterator_t at;
  guint looked = 0;
  for (roaring_init_iterator(doubtful, &at); at.has_value; roaring_advance_uint32_iterator(&at)) {
    gboolean holds = FALSE;
    if (++looked % TURN == 0) search_turn_check();
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

/* The beginning of a last word, when there is nothing else to ask FTS5 for. */
static gboolean narrow_partial(const Finder *finder, Bitmap **bits, GError **error) {
  const Unit *last = &g_array_index(finder->units, Unit, finder->units->len - 1);
  return last->end - last->begin < PARTIAL_LEAST || narrow_rare(finder, bits, finder->whole, finder->whole, error);
}

/* Who made a record often stands in another of its fields, too: no doubt of those that have the pattern in the creator. */
static gboolean leave_out_creators(const Finder *finder, Bitmap *doubtful, GError **error) {
  const LeafKey key = {COMPONENT_CREATOR, NULL, finder->key->pattern};
  g_autoptr(Leaf) creators = search_leaf_load(finder->search, finder->sql, finder->view, &key, error);
  if (creators) roaring_bitmap_andnot_inplace(doubtful, creators->bits);
  return creators != NULL;
}

static Leaf *find(const Finder *finder, GError **error) {
  g_auto(Division) division = divide(finder);
  g_autoptr(Bitmap) bits = NULL;
  gboolean code = finder->key->component == COMPONENT_CODE;
  if (division.parts->len == 0) return NULL;
  const Part *first = &g_array_index(division.parts, Part, 0);
  if (first->number < 0 && first->last + 1 == finder->units->len && first->first == 0) return NULL; /* all of it is rare */
  if (!narrow_parts(finder, &division, TRUE, &bits, error) || !narrow_parts(finder, &division, FALSE, &bits, error)) return NULL;
  gboolean few = is_few(bits);
  if (!few && !code && finder->partial && division.rare == 0 && !narrow_partial(finder, &bits, error)) return NULL;
  g_autoptr(Bitmap) doubtful = few ? roaring_bitmap_copy(bits) : find_doubtful(finder, &division, bits, error);
  if (doubtful == NULL) return NULL;
  gboolean other = finder->key->component == COMPONENT_OTHER && roaring_bitmap_get_cardinality(doubtful) > AT_ONCE;
  if (other && !leave_out_creators(finder, doubtful, error)) return NULL;
  guint64 most = division.covered ? MAX(VERIFIED, roaring_bitmap_get_cardinality(bits) / SHARE) : VERIFIED;
  if (code ? !verify_codes(finder, bits, doubtful, error) : roaring_bitmap_get_cardinality(doubtful) > most || !verify(finder, bits, doubtful)) return NULL;
  return with_tail(finder, &bits, error);
}

static const char *const STREAMS[] = {[COMPONENT_TITLE] = "t", [COMPONENT_OTHER] = "o", [COMPONENT_CREATOR] = "c", [COMPONENT_CODE] = "k", [COMPONENT_DOCNO] = "d"};

static Leaf *find_field(Finder *finder, GError **error) {
  if (strchr(finder->key->names, '\t')) return NULL; /* a field that goes by several names */
  g_autofree char *stream = g_strconcat("f", finder->key->names, NULL);
  finder->stream = search_stream(stream);
  g_auto(Division) division = divide(finder);
  g_autoptr(Bitmap) bits = NULL;
  if (!division.covered || division.rare > 0 || finder->view->columns->block_count > finder->state.covered) return NULL;
  if (!narrow_parts(finder, &division, FALSE, &bits, error)) return NULL;
  g_autoptr(Bitmap) doubtful = is_few(bits) ? roaring_bitmap_copy(bits) : find_doubtful(finder, &division, bits, error);
  if (doubtful == NULL || roaring_bitmap_get_cardinality(doubtful) > VERIFIED || !verify(finder, bits, doubtful)) return NULL;
  return search_leaf_new(g_steal_pointer(&bits));
}

guint64 search_gram_guess(Search *search, Sql *sql, const SearchView *view, const LeafKey *key) {
  gboolean page = key->component == COMPONENT_PAGE, known = page || (key->component < G_N_ELEMENTS(STREAMS) && STREAMS[key->component]);
  gint64 number = page ? view->pages.selection : view->grams.selection;
  g_autoptr(GramSelection) selection = known && number ? search_gram_selection(search, sql, page ? GRAMS_PAGE : GRAMS_RECORD, number, NULL) : NULL;
  if (selection == NULL) return GUESS_FEW;
  g_autoptr(GArray) units = search_units(key->pattern);
  Finder finder = {.selection = selection, .stream = search_stream(page ? "p" : STREAMS[key->component]), .units = units, .whole = units->len};
  gboolean frequent = units->len > 1 || (units->len == 1 && number_of(&finder, 0, 1) >= 0);
  for (guint at = 0; frequent && at + 1 < units->len; at++) frequent = !is_rare_link(&finder, at);
  return frequent ? GUESS_MANY : GUESS_FEW;
}

Leaf *search_gram_find(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  Finder finder = {.search = search, .sql = sql, .view = view, .key = key, .state = view->grams};
  gboolean field = key->component == COMPONENT_CATEGORY;
  if (!field && (key->component >= G_N_ELEMENTS(STREAMS) || STREAMS[key->component] == NULL)) return NULL;
  if (finder.state.selection == 0 || finder.state.covered == 0) return NULL;
  g_autoptr(GramSelection) selection = finder.selection = search_gram_selection(search, sql, GRAMS_RECORD, finder.state.selection, error);
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
