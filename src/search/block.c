/*
 * The columns of 65 536 records at a time, turned round, for questions with many hits: the kind of each line (what the gate asks and facets count), the lines
 * of each frequent kind, of a parent, of a delivery, and the lines in the orders that lists are shown in. A block has the ids of one container of a CRoaring
 * bitmap, so a question asks each of its bitmaps for one container per block. Here are the words, too: a bit for each line.
 *
 * 1. A block belongs to exactly the chunks it was made for; what it holds is made from them at first use and never changes, so snapshots share blocks.
 * 2. A commit makes a new block of each that it touches. Kinds and orders of the former one are patched with the lines of the chunks that changed.
 */
#include "block.h"
#include <roaring/containers/containers.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { SLOTS = 1 << 17, PATCHED = 8 /* chunks; of more, kinds are made anew */, EMPTIED = 64 };

SearchLimits search_limits = {.few = 4096, .dense = 2048, .step = 1, .tallied = 1 << 14,
  .gram_records = 50000, .gram_least = 1024, .gram_sample = 8192, .gram_owed = 1 << 20, .light_us = 2000, .overdue_us = 5000, .door_us = 20000,
  .page_least = 100, .page_behind = 8192, .page_stale = 512, .page_looked = 400, .page_room = 256 << 20};

struct Block {
  gatomicrefcount references;
  GMutex lock; /* guards the making of what follows */
  Kinds *kinds;                   /* atomic: read without the lock */
  Grouping *groupings[GROUPINGS]; /* the same */
  Order *orders[ORDERS];          /* the same */
  Kinds *former_kinds;            /* as they were before the changed chunks; NULL: nothing to patch */
  Order *former[ORDERS];          /* the same */
  guint8 changed[BLOCK_CHUNKS];
};

/* ---- life ---- */

static void order_unref(Order *order) {
  if (order == NULL || !g_atomic_ref_count_dec(&order->references)) return;
  g_free(order->ahead);
  g_free(order);
}

static Order *order_ref(Order *order) {
  if (order) g_atomic_ref_count_inc(&order->references);
  return order;
}

static void grouping_free(Grouping *grouping) {
  if (grouping == NULL) return;
  g_free(grouping->groups);
  g_free(grouping->lines);
  g_free(grouping->words);
  g_free(grouping);
}

static void kinds_unref(Kinds *kinds) {
  if (kinds == NULL || !g_atomic_ref_count_dec(&kinds->references)) return;
  g_free(kinds->all);
  g_free(kinds->totals);
  g_free(kinds->heads);
  g_free(kinds->words);
  g_free(kinds);
}

static Kinds *kinds_ref(Kinds *kinds) {
  if (kinds) g_atomic_ref_count_inc(&kinds->references);
  return kinds;
}

Block *search_block_new(Block *former, const guint8 *changed) {
  Block *block = g_new0(Block, 1);
  g_atomic_ref_count_init(&block->references);
  g_mutex_init(&block->lock);
  if (former == NULL) return block;
  g_mutex_lock(&former->lock);
  memcpy(block->changed, changed, sizeof block->changed);
  block->former_kinds = kinds_ref(former->kinds ? former->kinds : former->former_kinds);
  gboolean patched = former->kinds == NULL && former->former_kinds;
  for (guint i = 0; i < ORDERS; i++) {
    block->former[i] = order_ref(former->orders[i] ? former->orders[i] : former->former[i]);
    patched = patched || (block->former[i] && !former->orders[i]);
  }
  for (guint i = 0; patched && i < BLOCK_CHUNKS; i++) block->changed[i] |= former->changed[i];
  g_mutex_unlock(&former->lock);
  return block;
}

Block *search_block_ref(Block *block) {
  g_atomic_ref_count_inc(&block->references);
  return block;
}

void search_block_unref(Block *block) {
  if (block == NULL || !g_atomic_ref_count_dec(&block->references)) return;
  kinds_unref(block->kinds);
  kinds_unref(block->former_kinds);
  for (guint i = 0; i < GROUPINGS; i++) grouping_free(block->groupings[i]);
  for (guint i = 0; i < ORDERS; i++) {
    order_unref(block->orders[i]);
    order_unref(block->former[i]);
  }
  g_mutex_clear(&block->lock);
  g_free(block);
}

static inline const SearchColumns *line_at(const Columns *columns, guint number, guint line) {
  guint chunk = number * BLOCK_CHUNKS + line / CHUNK_LINES;
  if (chunk >= columns->chunk_count || columns->chunks[chunk] == NULL) return NULL;
  const SearchColumns *found = &columns->chunks[chunk]->lines[line % CHUNK_LINES];
  return found->level ? found : NULL;
}

/* ---- kinds ---- */

typedef struct { /* scratch: the numbers of kinds as they come */
  GArray *kinds;        /* Kind */
  guint32 slots[SLOTS]; /* open addressing by kind: number + 1 */
  guint32 totals[BLOCK_LINES];
} Sorted;

static LineKind kind_of(const SearchColumns *line) {
  if (line == NULL) return (LineKind){0};
  return (LineKind){line->fonds_id, line->year, line->category, line->retention, line->opening, line->level, line->security, line->has_files != 0};
}

static guint16 number_of(Sorted *sorted, const LineKind *kind) {
  guint64 first;
  guint32 last;
  memcpy(&first, kind, sizeof first);
  memcpy(&last, (const guint8 *)kind + sizeof first, sizeof last);
  guint place = (guint)((first ^ (guint64)last * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9) >> 47);
  for (guint32 known; (known = sorted->slots[place]); place = (place + 1) % SLOTS)
    if (memcmp(&g_array_index(sorted->kinds, LineKind, known - 1), kind, sizeof *kind) == 0) return (guint16)(known - 1);
  g_array_append_vals(sorted->kinds, kind, 1);
  sorted->slots[place] = sorted->kinds->len;
  return (guint16)(sorted->kinds->len - 1);
}

static inline guint64 *words_of(Kinds *kinds, guint kind) { return kind < kinds->dense ? kinds->words + (gsize)kind * BLOCK_WORDS : kinds->rest; }

static void lower_heads(Kinds *kinds, guint kind, guint32 place) {
  guint32 *heads = kinds->heads + (gsize)kind * PLACED;
  for (guint sort = 0; sort < PLACED; sort++) heads[sort] = MIN(heads[sort], search_top_head((SearchSort)sort, place, 0));
}

/* Puts the kinds with many lines first: those get words. */
static void number_anew(Kinds *kinds, const Sorted *sorted) {
  g_autofree guint16 *anew = g_new(guint16, kinds->count);
  guint next = 0;
  for (guint many = 1; many < 2; many--) {
    for (guint i = 0; i < kinds->count; i++) {
      const LineKind *kind = &g_array_index(sorted->kinds, LineKind, i);
      if ((kind->level && sorted->totals[i] >= search_limits.dense) != many) continue;
      kinds->totals[next] = kind->level ? sorted->totals[i] : 0;
      kinds->all[next] = *kind;
      anew[i] = (guint16)next++;
    }
    if (many) kinds->dense = next;
  }
  for (guint line = 0; line < BLOCK_LINES; line++) kinds->of_line[line] = anew[kinds->of_line[line]];
}

static Kinds *kinds_new(const Columns *columns, guint number) {
  g_autofree Sorted *sorted = g_new0(Sorted, 1);
  g_autoptr(GArray) found = sorted->kinds = g_array_new(FALSE, FALSE, sizeof(LineKind));
  Kinds *kinds = g_new0(Kinds, 1);
  g_atomic_ref_count_init(&kinds->references);
  kinds->serial = search_serial();
  for (guint line = 0; line < BLOCK_LINES; line++) {
    const SearchColumns *columns_of = line_at(columns, number, line);
    LineKind kind = kind_of(columns_of);
    kinds->of_line[line] = number_of(sorted, &kind);
    sorted->totals[kinds->of_line[line]]++;
    if (columns_of) kinds->places[line] = search_top_place(columns_of);
  }
  kinds->count = kinds->first_count = found->len;
  kinds->all = g_new(LineKind, kinds->count);
  kinds->totals = g_new(guint32, kinds->count);
  number_anew(kinds, sorted);
  kinds->words = g_new0(guint64, (gsize)kinds->dense * BLOCK_WORDS);
  kinds->heads = g_new(guint32, (gsize)kinds->count * PLACED);
  memset(kinds->heads, 0xff, sizeof *kinds->heads * kinds->count * PLACED);
  for (guint line = 0; line < BLOCK_LINES; line++) {
    guint kind = kinds->of_line[line];
    kinds->narrow[line] = (guint8)kind;
    if (kinds->totals[kind] == 0) continue;
    words_of(kinds, kind)[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64;
    kinds->living++;
    kinds->rest_living += kind >= kinds->dense;
    lower_heads(kinds, kind, kinds->places[line]);
  }
  return kinds;
}

/* The kind's number; a kind that there was none of comes last. kinds: with room for it. */
static guint number_among(Kinds *kinds, const LineKind *kind) {
  for (guint i = 0; i < kinds->count; i++)
    if (memcmp(&kinds->all[i], kind, sizeof *kind) == 0) return i;
  kinds->all[kinds->count] = *kind;
  kinds->totals[kinds->count] = 0;
  memset(kinds->heads + (gsize)kinds->count * PLACED, 0xff, sizeof *kinds->heads * PLACED);
  return kinds->count++;
}

/* Counts a living line in or out of its kind. */
static void count_line(Kinds *kinds, guint line, guint kind, gboolean in) {
  guint64 *word = &words_of(kinds, kind)[line / 64], bit = G_GUINT64_CONSTANT(1) << line % 64;
  guint step = in ? 1 : -1u;
  *word = in ? *word | bit : *word & ~bit;
  kinds->totals[kind] += step;
  kinds->living += step;
  if (kind >= kinds->dense) kinds->rest_living += step;
}

static Kinds *kinds_copy(const Kinds *former, guint room) {
  Kinds *kinds = g_memdup2(former, sizeof *former);
  g_atomic_ref_count_init(&kinds->references);
  kinds->serial = search_serial();
  kinds->all = memcpy(g_new(LineKind, former->count + room), former->all, sizeof *former->all * former->count);
  kinds->totals = memcpy(g_new(guint32, former->count + room), former->totals, sizeof *former->totals * former->count);
  gsize heads = (gsize)former->count * PLACED;
  kinds->heads = memcpy(g_new(guint32, heads + (gsize)room * PLACED), former->heads, sizeof *former->heads * heads);
  kinds->words = g_memdup2(former->words, sizeof *former->words * former->dense * BLOCK_WORDS);
  return kinds;
}

/* The former kinds with the lines of changed chunks as they are now: heads may stay less than they need to be, and kinds empty. NULL: they are too much out of shape. */
static Kinds *kinds_patch(const Columns *columns, guint number, const Kinds *former, const guint8 *changed) {
  guint lines = 0;
  for (guint i = 0; i < BLOCK_CHUNKS; i++) lines += changed[i] ? CHUNK_LINES : 0;
  if (lines > PATCHED * CHUNK_LINES || former->count + lines > BLOCK_LINES || former->count > former->first_count * 2 + EMPTIED) return NULL;
  Kinds *kinds = kinds_copy(former, lines);
  gboolean shapely = TRUE;
  for (guint line = 0; line < BLOCK_LINES; line++) {
    if (!changed[line / CHUNK_LINES]) {
      line += CHUNK_LINES - 1;
      continue;
    }
    const SearchColumns *now = line_at(columns, number, line);
    LineKind kind = kind_of(now);
    guint before = kinds->of_line[line];
    gboolean same = memcmp(&kinds->all[before], &kind, sizeof kind) == 0;
    guint after = same ? before : number_among(kinds, &kind);
    if (!same && kinds->all[before].level) count_line(kinds, line, before, FALSE);
    if (!same && now) count_line(kinds, line, after, TRUE);
    kinds->of_line[line] = (guint16)after;
    kinds->narrow[line] = (guint8)after;
    kinds->places[line] = now ? search_top_place(now) : 0;
    if (now) lower_heads(kinds, after, kinds->places[line]);
    shapely = shapely && (after < kinds->dense || kinds->totals[after] < 2 * search_limits.dense);
  }
  if (!shapely) kinds_unref(g_steal_pointer(&kinds));
  return kinds;
}

static Kinds *make_kinds(const Columns *columns, guint number) {
  const Block *block = columns->blocks[number];
  Kinds *patched = block->former_kinds ? kinds_patch(columns, number, block->former_kinds, block->changed) : NULL;
  return patched ? patched : kinds_new(columns, number);
}

const Kinds *search_block_kinds(const Columns *columns, guint number) {
  Block *block = columns->blocks[number];
  Kinds *kinds = g_atomic_pointer_get(&block->kinds);
  if (G_LIKELY(kinds != NULL)) return kinds;
  g_mutex_lock(&block->lock);
  kinds = block->kinds;
  if (kinds == NULL) {
    g_atomic_pointer_set(&block->kinds, kinds = make_kinds(columns, number));
    g_clear_pointer(&block->former_kinds, kinds_unref);
  }
  g_mutex_unlock(&block->lock);
  return kinds;
}

static void choose_rest(const Kinds *kinds, const guint8 *chosen, guint64 *words) {
  guint wanted = 0, living = 0;
  for (guint i = kinds->dense; i < kinds->count; i++) {
    wanted += chosen[i] && kinds->totals[i];
    living += kinds->totals[i] != 0;
  }
  for (guint i = 0; wanted == living && i < BLOCK_WORDS; i++) words[i] |= kinds->rest[i];
  for (guint i = 0; wanted && wanted < living && i < BLOCK_WORDS; i++)
    for (guint64 left = kinds->rest[i]; left; left &= left - 1) {
      guint bit = (guint)__builtin_ctzll(left);
      words[i] |= (guint64)(chosen[kinds->of_line[i * 64 + bit]] != 0) << bit;
    }
}

gboolean search_kinds_choose(const Kinds *kinds, const guint8 *chosen, guint64 *words) {
  guint count = 0;
  for (guint i = 0; i < kinds->count; i++) count += chosen[i] ? kinds->totals[i] : 0;
  if (count == 0) return FALSE;
  memset(words, 0, sizeof *words * BLOCK_WORDS);
  for (guint k = 0; k < kinds->dense; k++)
    for (guint i = 0; chosen[k] && i < BLOCK_WORDS; i++) words[i] |= kinds->words[(gsize)k * BLOCK_WORDS + i];
  choose_rest(kinds, chosen, words);
  return TRUE;
}

/* ---- which lines have a value ---- */

static inline guint32 value_of(const SearchColumns *line, GroupBy by) { return by == BY_PARENT ? line->parent_id : line->accession_id; }

static int compare_groups(gconstpointer a, gconstpointer b) {
  guint32 x = ((const Group *)a)->value, y = ((const Group *)b)->value;
  return x < y ? -1 : x > y;
}

typedef struct { /* scratch: a line's value, and each value's number by open addressing */
  guint32 values[BLOCK_LINES], slots[SLOTS]; /* slots: number + 1 */
  guint16 lines[BLOCK_LINES];
  guint count;
} Scratch;

static void gather(Scratch *scratch, const Columns *columns, guint number, GroupBy by) {
  for (guint line = 0; line < BLOCK_LINES; line++) {
    const SearchColumns *found = line_at(columns, number, line);
    if (found == NULL) continue;
    scratch->lines[scratch->count] = (guint16)line;
    scratch->values[scratch->count++] = value_of(found, by);
  }
}

static inline guint32 *slot_of(Scratch *scratch, const Group *groups, guint32 value) {
  guint place = value * 2654435761u >> 15;
  while (scratch->slots[place] && groups[scratch->slots[place] - 1].value != value) place = (place + 1) % SLOTS;
  return &scratch->slots[place];
}

static Grouping *grouping_new(const Columns *columns, guint number, GroupBy by) {
  g_autofree Scratch *scratch = g_new0(Scratch, 1);
  gather(scratch, columns, number, by);
  g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(Group));
  for (guint i = 0; i < scratch->count; i++) {
    guint32 *slot = slot_of(scratch, (const Group *)(gpointer)groups->data, scratch->values[i]);
    if (*slot == 0) {
      Group group = {scratch->values[i], 0, 0, NULL};
      g_array_append_val(groups, group);
      *slot = groups->len;
    }
    g_array_index(groups, Group, *slot - 1).count++;
  }
  g_array_sort(groups, compare_groups);
  memset(scratch->slots, 0, sizeof scratch->slots);
  Grouping *grouping = g_new0(Grouping, 1);
  guint dense = 0, listed = 0;
  for (guint i = 0; i < groups->len; i++) {
    Group *group = &g_array_index(groups, Group, i);
    *slot_of(scratch, (const Group *)(gpointer)groups->data, group->value) = i + 1;
    if (group->count >= search_limits.dense) group->start = dense++;
    else group->start = listed, listed += group->count;
  }
  grouping->group_count = groups->len;
  grouping->words = g_new0(guint64, (gsize)dense * BLOCK_WORDS);
  grouping->lines = g_new(guint16, listed);
  Group *all = grouping->groups = (Group *)(gpointer)g_array_free(g_steal_pointer(&groups), FALSE);
  g_autofree guint32 *filled = g_new0(guint32, grouping->group_count + 1);
  for (guint i = 0; i < grouping->group_count; i++)
    if (all[i].count >= search_limits.dense) all[i].words = grouping->words + (gsize)all[i].start * BLOCK_WORDS;
  for (guint i = 0; i < scratch->count; i++) {
    guint place = *slot_of(scratch, all, scratch->values[i]) - 1, line = scratch->lines[i];
    if (all[place].words) all[place].words[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64;
    else grouping->lines[all[place].start + filled[place]++] = (guint16)line;
  }
  return grouping;
}

const Grouping *search_block_grouping(const Columns *columns, guint number, GroupBy by) {
  Block *block = columns->blocks[number];
  Grouping *grouping = g_atomic_pointer_get(&block->groupings[by]);
  if (G_LIKELY(grouping != NULL)) return grouping;
  g_mutex_lock(&block->lock);
  grouping = block->groupings[by];
  if (grouping == NULL) g_atomic_pointer_set(&block->groupings[by], grouping = grouping_new(columns, number, by));
  g_mutex_unlock(&block->lock);
  return grouping;
}

const Group *search_group_find(const Grouping *grouping, guint32 value) {
  guint low = 0, high = grouping->group_count;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (grouping->groups[middle].value == value) return &grouping->groups[middle];
    if (grouping->groups[middle].value < value) low = middle + 1;
    else high = middle;
  }
  return NULL;
}

/* ---- words ---- */

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WITH_POPCNT __attribute__((target_clones("popcnt", "default")))
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WITH_POPCNT
#define WIDE
#endif

WITH_POPCNT static guint count_both(const guint64 *a, const guint64 *b) {
  guint64 count = 0;
  for (guint i = 0; i < BLOCK_WORDS; i++) count += (guint)__builtin_popcountll(a[i] & b[i]);
  return (guint)count;
}

#ifdef __x86_64__
__attribute__((target("avx512f,avx512vpopcntdq"))) static guint count_both_wide(const guint64 *a, const guint64 *b) {
  __m512i count = _mm512_setzero_si512();
  for (guint i = 0; i < BLOCK_WORDS; i += 8)
    count = _mm512_add_epi64(count, _mm512_popcnt_epi64(_mm512_and_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i))));
  return (guint)_mm512_reduce_add_epi64(count);
}

guint search_words_both(const guint64 *a, const guint64 *b) { return __builtin_cpu_supports("avx512vpopcntdq") ? count_both_wide(a, b) : count_both(a, b); }
#else
guint search_words_both(const guint64 *a, const guint64 *b) { return count_both(a, b); }
#endif

static void tally(const guint64 *words, const guint16 *of_line, guint32 *counts) {
  for (guint i = 0; i < BLOCK_WORDS; i++, of_line += 64)
    for (guint64 left = words[i]; left; left &= left - 1) counts[of_line[__builtin_ctzll(left)]]++;
}

#ifdef __x86_64__
enum { PICKED = 128 /* words */, AHEAD = 2048 /* bytes that are asked of the memory before they are needed */ };
#define PICKING __attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt")))

/* What is picked of many words is counted at once: where a word's bits end cannot be foreseen, and costs as much as several of them. */
PICKING static void tally_wide(const guint64 *words, const guint16 *of_line, guint32 *counts) {
  enum { LANES = 32 };
  guint16 picked[PICKED * 64 + LANES];
  for (guint i = 0; i < BLOCK_WORDS; i += PICKED) {
    guint count = 0;
    for (guint k = i; k < i + PICKED; k++)
      for (guint half = 0; half < 2; half++, of_line += LANES) {
        guint32 bits = (guint32)(words[k] >> half * LANES);
        __builtin_prefetch((const guint8 *)of_line + AHEAD);
        _mm512_storeu_si512(picked + count, _mm512_maskz_compress_epi16(bits, _mm512_loadu_si512(of_line)));
        count += (guint)__builtin_popcount(bits);
      }
    for (guint k = 0; k < count; k++) counts[picked[k]]++;
  }
}

PICKING static void tally_narrow(const guint64 *words, const guint8 *of_line, guint32 *counts) {
  enum { LANES = 64 };
  guint8 picked[PICKED * 64 + LANES];
  for (guint i = 0; i < BLOCK_WORDS; i += PICKED) {
    guint count = 0;
    for (guint k = i; k < i + PICKED; k++, of_line += LANES) {
      __builtin_prefetch(of_line + AHEAD);
      _mm512_storeu_si512(picked + count, _mm512_maskz_compress_epi8(words[k], _mm512_loadu_si512(of_line)));
      count += (guint)__builtin_popcountll(words[k]);
    }
    for (guint k = 0; k < count; k++) counts[picked[k]]++;
  }
}

void search_kinds_tally(const Kinds *kinds, const guint64 *words, guint32 *counts) {
  if (!__builtin_cpu_supports("avx512vbmi2")) tally(words, kinds->of_line, counts);
  else if (kinds->count <= NARROW) tally_narrow(words, kinds->narrow, counts);
  else tally_wide(words, kinds->of_line, counts);
}
#else
void search_kinds_tally(const Kinds *kinds, const guint64 *words, guint32 *counts) { tally(words, kinds->of_line, counts); }
#endif

guint search_words_count(const guint64 *words) { return search_words_both(words, words); }

/* What comes out may lie where one of the two lies. */
#define COMBINE(name, combined) \
  WIDE gboolean name(guint64 *out, const guint64 *a, const guint64 *b) { \
    guint64 any = 0; \
    _Pragma("GCC ivdep") for (guint i = 0; i < BLOCK_WORDS; i++) { \
      guint64 word = combined; \
      out[i] = word; \
      any |= word; \
    } \
    return any != 0; \
  }
COMBINE(search_words_and, a[i] & b[i])
COMBINE(search_words_andnot, a[i] & ~b[i])
COMBINE(search_words_or, a[i] | b[i])

void search_words_fill(const void *container, guint8 type, guint64 *words) {
  memset(words, 0, sizeof *words * BLOCK_WORDS);
  if (type == BITSET_CONTAINER_TYPE_CODE) memcpy(words, ((const bitset_container_t *)container)->array, sizeof *words * BLOCK_WORDS);
  else if (type == ARRAY_CONTAINER_TYPE_CODE) {
    const array_container_t *array = container;
    for (int i = 0; i < array->cardinality; i++) words[array->array[i] / 64] |= G_GUINT64_CONSTANT(1) << array->array[i] % 64;
  } else {
    const run_container_t *runs = container;
    for (int i = 0; i < runs->n_runs; i++) bitset_set_lenrange(words, runs->runs[i].value, runs->runs[i].length);
  }
}

guint search_words_list(const guint64 *words, guint16 *lines) {
  guint count = 0;
  for (guint i = 0; i < BLOCK_WORDS; i++)
    for (guint64 left = words[i]; left; left &= left - 1) lines[count++] = (guint16)(i * 64 + (guint)__builtin_ctzll(left));
  return count;
}

/* ---- orders ---- */

typedef struct {
  const Columns *columns;
  const Kinds *kinds;
  guint number;
  Top top; /* of the sort */
} Sorting;

static Hit hit_of(const Sorting *sorting, guint line) {
  guint32 id = sorting->number * BLOCK_LINES + line;
  const char *code = sorting->top.sort == SEARCH_SORT_CODE ? columns_code(sorting->columns, id) : NULL;
  return search_top_hit(&sorting->top, id, sorting->kinds->places[line], code, 0);
}

static int compare_lines(gconstpointer a, gconstpointer b, gpointer data) {
  Hit x = hit_of(data, *(const guint16 *)a), y = hit_of(data, *(const guint16 *)b);
  return search_top_compare(&x, &y);
}

/* By the keys' upper half, byte by byte; the lines come in the order of ids, which breaks ties. */
static void sort_by_key(const Sorting *sorting, guint16 *lines, guint count) {
  typedef struct { guint32 key; guint16 line; } Keyed;
  g_autofree Keyed *from = g_new(Keyed, count + 1), *to = g_new(Keyed, count + 1);
  for (guint i = 0; i < count; i++) from[i] = (Keyed){(guint32)(hit_of(sorting, lines[i]).key >> 32), lines[i]};
  for (guint shift = 0; shift < 32; shift += 8) {
    guint places[257] = {0};
    for (guint i = 0; i < count; i++) places[(from[i].key >> shift & 0xff) + 1]++;
    if (count && places[(from[0].key >> shift & 0xff) + 1] == count) continue;
    for (guint i = 0; i < 256; i++) places[i + 1] += places[i];
    for (guint i = 0; i < count; i++) to[places[from[i].key >> shift & 0xff]++] = from[i];
    Keyed *swap = from;
    from = to;
    to = swap;
  }
  for (guint i = 0; i < count; i++) lines[i] = from[i].line;
}

static void sort_lines(const Sorting *sorting, guint16 *lines, guint count) {
  if (sorting->top.sort != SEARCH_SORT_CODE) return sort_by_key(sorting, lines, count);
  gboolean ascending = TRUE;
  for (guint i = 1; i < count && ascending; i++) ascending = compare_lines(&lines[i - 1], &lines[i], (gpointer)sorting) < 0;
  if (!ascending) g_qsort_with_data(lines, (gint)count, sizeof *lines, compare_lines, (gpointer)sorting);
}

/* How many of the sorted lines come before that one. */
static guint count_before(const Sorting *sorting, const guint16 *lines, guint count, guint16 line) {
  guint low = 0, high = count;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (compare_lines(&lines[middle], &line, (gpointer)sorting) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* The former order without the lines of changed chunks, and these among them. */
static guint patch(const Sorting *sorting, const Order *former, const guint8 *changed, guint16 *out) {
  g_autofree guint16 *news = g_new(guint16, BLOCK_LINES), *kept = g_new(guint16, BLOCK_LINES + 1);
  guint kept_count = 0, new_count = 0, done = 0, count = 0;
  for (guint line = 0; line < BLOCK_LINES; line++)
    if (changed[line / CHUNK_LINES] && line_at(sorting->columns, sorting->number, line)) news[new_count++] = (guint16)line;
  sort_lines(sorting, news, new_count);
  for (guint i = 0; i < former->count; i++) {
    kept[kept_count] = former->lines[i];
    kept_count += !changed[former->lines[i] / CHUNK_LINES];
  }
  for (guint at = 0; at <= new_count; at++) {
    guint before = at < new_count ? done + count_before(sorting, kept + done, kept_count - done, news[at]) : kept_count;
    memcpy(out + count, kept + done, sizeof *out * (before - done));
    count += before - done;
    done = before;
    if (at < new_count) out[count++] = news[at];
  }
  return count;
}

static Order *order_new(const Columns *columns, guint number, SearchSort sort, const Kinds *kinds) {
  const Block *block = columns->blocks[number];
  Sorting sorting = {columns, kinds, number, {.sort = sort}};
  Order *order = g_malloc(sizeof *order + sizeof *order->lines * BLOCK_LINES);
  g_atomic_ref_count_init(&order->references);
  order->count = 0;
  order->ahead = NULL;
  if (block->former[sort]) order->count = patch(&sorting, block->former[sort], block->changed, order->lines);
  else {
    for (guint line = 0; line < BLOCK_LINES; line++)
      if (line_at(columns, number, line)) order->lines[order->count++] = (guint16)line;
    sort_lines(&sorting, order->lines, order->count);
  }
  for (guint i = 0; i < MIN(order->count, FRONT); i++) order->front[i] = kinds->places[order->lines[i]];
  return order;
}

static guint64 *ahead_new(const Order *order) {
  guint64 *ahead = g_new0(guint64, (STRIDES + 1) * BLOCK_WORDS), *front = ahead + STRIDES * BLOCK_WORDS;
  for (guint at = 0; at < MIN(order->count, FRONT); at++) front[order->lines[at] / 64] |= G_GUINT64_CONSTANT(1) << order->lines[at] % 64;
  for (guint stride = 0; stride < STRIDES; stride++) {
    guint64 *words = ahead + stride * BLOCK_WORDS;
    if (stride > 0) memcpy(words, words - BLOCK_WORDS, sizeof *words * BLOCK_WORDS);
    for (guint at = stride * STRIDE; at < MIN(order->count, (stride + 1) * STRIDE); at++) words[order->lines[at] / 64] |= G_GUINT64_CONSTANT(1) << order->lines[at] % 64;
  }
  return ahead;
}

LineSet search_order_ahead(Order *order, guint lines) {
  if (lines >= order->count) return (LineSet){0};
  guint set = lines <= FRONT ? STRIDES : (lines - 1) / STRIDE;
  guint64 *ahead = g_atomic_pointer_get(&order->ahead);
  if (G_UNLIKELY(ahead == NULL)) {
    ahead = ahead_new(order);
    if (!g_atomic_pointer_compare_and_exchange(&order->ahead, NULL, ahead)) {
      g_free(ahead); /* another one was first */
      ahead = g_atomic_pointer_get(&order->ahead);
    }
  }
  return (LineSet){.words = ahead + set * BLOCK_WORDS};
}

Order *search_block_order(const Columns *columns, guint number, SearchSort sort) {
  Block *block = columns->blocks[number];
  Order *order = g_atomic_pointer_get(&block->orders[sort]);
  if (G_LIKELY(order != NULL)) return order;
  const Kinds *kinds = search_block_kinds(columns, number); /* takes the lock itself */
  g_mutex_lock(&block->lock);
  order = block->orders[sort];
  if (order == NULL) {
    g_atomic_pointer_set(&block->orders[sort], order = order_new(columns, number, sort, kinds));
    g_clear_pointer(&block->former[sort], order_unref);
  }
  g_mutex_unlock(&block->lock);
  return order;
}
