/*
 * One pass over the hits' columns: gate, filters, facet counts, and the list's candidates; where the hits of a block are few, line by line, else by
 * the sets of lines that the block keeps for each value (block.c).
 *
 * 1. The gate is base/'s rule and nothing else: its answers are kept per fonds, level, security and opening while the pass lasts.
 * 2. A line that fails no filter counts everywhere; one that fails exactly one facet's filter counts in that facet only; the rest nowhere.
 *    A year range belongs to the facet year.
 */
#include "block.h"
#include <roaring/containers/containers.h>

enum { FACET_FONDS, FACET_CATEGORY, FACET_YEAR, FACET_RETENTION, FACET_OPENING, FACET_LEVEL, FACETS }; /* as GroupBy */
enum { GATE_DESCRIPTION = 1, GATE_FILES = 2, GATE_KNOWN = 4 };
enum { GROUP_LINES = 300 /* a group's words cost as much as so many lines */ };
enum { FETCH_AHEAD = 12, SMALL = 256, YEARS = 65536, YEAR_PAGES = YEARS / SMALL, SLOTS_FIRST = 64 };

SearchLimits search_limits = {.few = 300, .dense = 2048, .in_order = 100, .gram_records = 50000, .gram_least = 8192, .gram_sample = 8192,
  .gram_owed = 1 << 20, .light_us = 4000, .page_least = 2000, .page_behind = 8192, .page_stale = 512, .page_looked = 400, .page_room = 256 << 20};

typedef struct {
  guint32 id, count;
  gboolean wanted;
  guint8 gates[SMALL]; /* by level, security, opening */
} Slot;

struct Pass {
  const Scope *scope;
  const SearchRequest *request;
  const Columns *columns;
  Top *top;
  GBytes *scope_key;
  gboolean facets, filtered, skip_list;
  guint active; /* the facets with a filter, as bits */
  guint32 parent_id, accession_id;
  guint64 count;
  Slot **slots; /* open addressing by fonds id */
  guint slots_mask, slots_used;
  Slot *slot; /* the last one used */
  guint8 wanted[FACETS][SMALL]; /* categories, retentions, openings, levels */
  guint8 *wanted_years;         /* NULL: any */
  guint32 counts[FACETS][SMALL];
  guint32 *year_counts[YEAR_PAGES]; /* SMALL years each; NULL: none was counted. Of all years there could be records have a few dozen */
};

/* ---- filters ---- */

static gboolean contains(const gint64 *values, gsize count, gint64 value) {
  for (gsize i = 0; i < count; i++)
    if (values[i] == value) return TRUE;
  return count == 0;
}

static void set_filter(Pass *pass, guint facet, const gint64 *values, gsize count) {
  memset(pass->wanted[facet], count == 0, SMALL);
  for (gsize i = 0; i < count; i++)
    if (values[i] >= 0 && values[i] < SMALL) pass->wanted[facet][values[i]] = 1;
  if (count > 0) pass->active |= 1u << facet;
}

static void set_years(Pass *pass) {
  const SearchRequest *request = pass->request;
  gboolean ranged = request->year_from > 0 || request->year_to > 0;
  if (request->years_count == 0 && !ranged) return;
  pass->active |= 1u << FACET_YEAR;
  pass->wanted_years = g_malloc0(YEARS);
  gint64 from = MAX(request->year_from, 1), to = request->year_to > 0 ? request->year_to : YEARS - 1;
  if (request->years_count == 0) {
    for (gint64 year = from; year <= MIN(to, YEARS - 1); year++) pass->wanted_years[year] = 1;
    return;
  }
  for (gsize i = 0; i < request->years_count; i++) {
    gint64 year = request->years[i];
    if (year >= 0 && year < YEARS && (!ranged || (year >= from && year <= to))) pass->wanted_years[year] = 1;
  }
}

Pass *search_pass_new(const Scope *scope, const SearchRequest *request, const Columns *columns, Top *top) {
  Pass *pass = g_new0(Pass, 1);
  pass->scope = scope;
  pass->request = request;
  pass->columns = columns;
  pass->top = top;
  pass->facets = request->facets;
  pass->parent_id = (guint32)request->parent_id;
  pass->accession_id = (guint32)request->accession_id;
  pass->slots_mask = SLOTS_FIRST - 1;
  pass->slots = g_new0(Slot *, SLOTS_FIRST);
  pass->scope_key = search_scope_key(scope);
  if (request->fonds_count > 0) pass->active |= 1u << FACET_FONDS;
  set_filter(pass, FACET_CATEGORY, request->categories, request->categories_count);
  set_filter(pass, FACET_RETENTION, request->retentions, request->retentions_count);
  set_filter(pass, FACET_OPENING, request->openings, request->openings_count);
  set_filter(pass, FACET_LEVEL, request->levels, request->levels_count);
  set_years(pass);
  pass->filtered = pass->active != 0;
  return pass;
}

void search_pass_free(Pass *pass) {
  if (pass == NULL) return;
  for (guint i = 0; i <= pass->slots_mask; i++) g_free(pass->slots[i]);
  g_free(pass->slots);
  g_bytes_unref(pass->scope_key);
  g_free(pass->wanted_years);
  for (guint i = 0; i < YEAR_PAGES; i++) g_free(pass->year_counts[i]);
  g_free(pass);
}

/* ---- fonds ---- */

static guint slot_place(Slot *const *slots, guint mask, guint32 id) {
  guint place = (id * 2654435761u) >> 8 & mask;
  while (slots[place] && slots[place]->id != id) place = (place + 1) & mask;
  return place;
}

static void grow_slots(Pass *pass) {
  guint mask = pass->slots_mask * 2 + 1;
  Slot **slots = g_new0(Slot *, mask + 1);
  for (guint i = 0; i <= pass->slots_mask; i++)
    if (pass->slots[i]) slots[slot_place(slots, mask, pass->slots[i]->id)] = pass->slots[i];
  g_free(pass->slots);
  pass->slots = slots;
  pass->slots_mask = mask;
}

static Slot *find_slot(Pass *pass, guint32 id) {
  guint place = slot_place(pass->slots, pass->slots_mask, id);
  if (pass->slots[place]) return pass->slots[place];
  if (++pass->slots_used * 2 > pass->slots_mask) {
    grow_slots(pass);
    place = slot_place(pass->slots, pass->slots_mask, id);
  }
  Slot *slot = g_new0(Slot, 1);
  slot->id = id;
  slot->wanted = contains(pass->request->fonds, pass->request->fonds_count, id);
  return pass->slots[place] = slot;
}

/* ---- the gate ---- */

static guint ask_gate(const Pass *pass, const SearchColumns *line) {
  gboolean description = scope_admits(pass->scope, line->level, line->fonds_id, line->security, line->opening);
  gboolean files = description && scope_admits_files(pass->scope, line->fonds_id, line->security, line->opening);
  return GATE_KNOWN | (description ? GATE_DESCRIPTION : 0) | (files ? GATE_FILES : 0);
}

static inline guint gate(const Pass *pass, Slot *slot, const SearchColumns *line) {
  if (G_UNLIKELY((line->level | line->security) > 7 || line->opening > 3)) return ask_gate(pass, line);
  guint8 *known = &slot->gates[line->level << 5 | line->security << 2 | line->opening];
  if (G_UNLIKELY(*known == 0)) *known = (guint8)ask_gate(pass, line);
  return *known;
}

/* ---- a line ---- */

static inline guint32 *year_count(Pass *pass, guint year) {
  guint32 **page = &pass->year_counts[year / SMALL];
  if (G_UNLIKELY(*page == NULL)) *page = g_new0(guint32, SMALL);
  return &(*page)[year % SMALL];
}

/* The facets whose filter the line fails, as bits. */
static inline guint failed_facets(const Pass *pass, const Slot *slot, const SearchColumns *line) {
  guint failed = slot->wanted ? 0 : 1u << FACET_FONDS;
  failed |= (guint)!pass->wanted[FACET_CATEGORY][line->category] << FACET_CATEGORY;
  failed |= (guint)!pass->wanted[FACET_RETENTION][line->retention] << FACET_RETENTION;
  failed |= (guint)!pass->wanted[FACET_OPENING][line->opening] << FACET_OPENING;
  failed |= (guint)!pass->wanted[FACET_LEVEL][line->level] << FACET_LEVEL;
  if (pass->wanted_years) failed |= (guint)!pass->wanted_years[line->year] << FACET_YEAR;
  return failed;
}

static void count_one_facet(Pass *pass, Slot *slot, const SearchColumns *line, guint failed) {
  switch (failed) {
  case 1u << FACET_FONDS: slot->count++; break;
  case 1u << FACET_CATEGORY: pass->counts[FACET_CATEGORY][line->category]++; break;
  case 1u << FACET_YEAR: ++*year_count(pass, line->year); break;
  case 1u << FACET_RETENTION: pass->counts[FACET_RETENTION][line->retention]++; break;
  case 1u << FACET_OPENING: pass->counts[FACET_OPENING][line->opening]++; break;
  case 1u << FACET_LEVEL: pass->counts[FACET_LEVEL][line->level]++; break;
  default: break; /* more than one */
  }
}

static inline void pass_line(Pass *pass, guint32 id, const SearchColumns *line, Need need, guint tier) {
  if (line->level == 0) return;
  if (pass->parent_id && line->parent_id != pass->parent_id) return;
  if (pass->accession_id && line->accession_id != pass->accession_id) return;
  if (pass->request->with_files && !line->has_files) return;
  Slot *slot = pass->slot && pass->slot->id == line->fonds_id ? pass->slot : (pass->slot = find_slot(pass, line->fonds_id));
  guint allowed = gate(pass, slot, line);
  if (!(allowed & GATE_DESCRIPTION)) return;
  if (need != NEED_DESCRIPTION && (need == NEED_FILES) != ((allowed & GATE_FILES) != 0)) return;
  guint failed = pass->filtered ? failed_facets(pass, slot, line) : 0;
  if (failed) {
    if (pass->facets) count_one_facet(pass, slot, line, failed);
    return;
  }
  pass->count++;
  if (pass->facets) {
    slot->count++;
    pass->counts[FACET_CATEGORY][line->category]++;
    ++*year_count(pass, line->year);
    pass->counts[FACET_RETENTION][line->retention]++;
    pass->counts[FACET_OPENING][line->opening]++;
    pass->counts[FACET_LEVEL][line->level]++;
  }
  if (!pass->skip_list) search_top_add(pass->top, id, line, pass->top->sort == SEARCH_SORT_CODE ? columns_code(pass->columns, id) : NULL, tier);
}

/* Hits lie scattered over the columns: a line is asked of the memory before it is needed (a quarter of the time of a broad search). */
static void fetch_line(const Pass *pass, guint32 id) {
  const Chunk *chunk = id / CHUNK_LINES < pass->columns->chunk_count ? pass->columns->chunks[id / CHUNK_LINES] : NULL;
  if (chunk) __builtin_prefetch(&chunk->lines[id % CHUNK_LINES]);
}

static void pass_lines(Pass *pass, guint number, const guint16 *lines, guint count, Need need, guint tier) {
  guint current = G_MAXUINT;
  const Chunk *chunk = NULL;
  for (guint i = 0; i < count; i++) {
    guint32 id = number * BLOCK_LINES + lines[i];
    fetch_line(pass, number * BLOCK_LINES + lines[MIN(i + FETCH_AHEAD, count - 1)]);
    if (id / CHUNK_LINES != current) {
      current = id / CHUNK_LINES;
      chunk = current < pass->columns->chunk_count ? pass->columns->chunks[current] : NULL;
      pass->skip_list = chunk && search_top_skips(pass->top, chunk);
    }
    if (chunk) pass_line(pass, id, &chunk->lines[id % CHUNK_LINES], need, tier);
  }
}

/* ---- a block ---- */

guint search_words_list(const guint64 *words, guint16 *lines) {
  guint count = 0;
  for (guint i = 0; i < BLOCK_WORDS; i++)
    for (guint64 word = words[i]; word; word &= word - 1) lines[count++] = (guint16)(i * 64 + (guint)__builtin_ctzll(word));
  return count;
}

static void keep(guint64 *words, const guint64 *others) {
  for (guint i = 0; i < BLOCK_WORDS; i++) words[i] &= others[i];
}

/* Keeps the lines that have the value; FALSE: the block has none. */
static gboolean keep_value(const Pass *pass, guint number, GroupBy by, guint32 value, guint64 *words) {
  const Grouping *grouping = search_block_grouping(pass->columns, number, by);
  const Group *group = search_group_find(grouping, value);
  if (group == NULL) return FALSE;
  guint64 found[BLOCK_WORDS] = {0};
  if (group->words == NULL) search_group_add(grouping, group, found);
  keep(words, group->words ? group->words : found);
  return TRUE;
}

static gboolean is_wanted(const Pass *pass, guint facet, guint32 value) {
  if (facet == FACET_FONDS) return contains(pass->request->fonds, pass->request->fonds_count, value);
  return facet == FACET_YEAR ? pass->wanted_years[value] : pass->wanted[facet][value];
}

/* The lines that pass the facet's filter. */
static void find_wanted(const Pass *pass, guint number, guint facet, guint64 *words) {
  const Grouping *grouping = search_block_grouping(pass->columns, number, (GroupBy)facet);
  memset(words, 0, sizeof *words * BLOCK_WORDS);
  for (guint i = 0; i < grouping->group_count; i++)
    if (is_wanted(pass, facet, grouping->groups[i].value)) search_group_add(grouping, &grouping->groups[i], words);
}

static void add_count(Pass *pass, guint facet, guint32 value, guint count) {
  if (count == 0) return;
  if (facet == FACET_FONDS) find_slot(pass, value)->count += count;
  else if (facet == FACET_YEAR) *year_count(pass, value) += count;
  else pass->counts[facet][value] += count;
}

/* Counts by the groups' words, which costs by the group, or by each line's group, which costs by the line. */
static void count_facet(Pass *pass, guint number, guint facet, const guint64 *words, guint count) {
  const Grouping *grouping = search_block_grouping(pass->columns, number, (GroupBy)facet);
  gboolean by_line = count < grouping->group_count * (guint)GROUP_LINES && grouping->places;
  g_autofree guint32 *counts = by_line ? g_new0(guint32, grouping->group_count + 1) : NULL;
  g_autofree guint16 *lines = by_line ? g_new(guint16, count + 1) : NULL;
  if (by_line) search_groups_count(grouping, lines, search_words_list(words, lines), counts);
  for (guint i = 0; i < grouping->group_count; i++) {
    const Group *group = &grouping->groups[i];
    add_count(pass, facet, group->value, by_line ? counts[i] : search_group_count(grouping, group, words));
  }
}

static Hit hit_at(const Pass *pass, guint32 id, guint tier) {
  const Chunk *chunk = pass->columns->chunks[id / CHUNK_LINES];
  return search_top_hit(pass->top->sort, id, &chunk->lines[id % CHUNK_LINES], pass->top->sort == SEARCH_SORT_CODE ? columns_code(pass->columns, id) : NULL, tier);
}

/* How many lines of the order have the property that all before the first without it have: to be on a page before, or to enter the list as it stands. */
static guint find_place(const Pass *pass, const Order *order, guint32 base, guint tier, gboolean (*has)(const Top *top, const Hit *hit)) {
  guint low = 0, high = order->count;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    Hit hit = hit_at(pass, base + order->lines[middle], tier);
    if (has(pass->top, &hit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void list_block(Pass *pass, guint number, const guint64 *words, guint count, guint tier) {
  guint32 base = number * BLOCK_LINES;
  if (pass->top->capacity == 0 || count == 0) return;
  if (count < search_limits.in_order) {
    g_autofree guint16 *lines = g_new(guint16, count);
    search_words_list(words, lines);
    for (guint i = 0; i < count; i++) {
      Hit hit = hit_at(pass, base + lines[i], tier);
      if (search_top_wants(pass->top, &hit)) search_top_add(pass->top, base + lines[i], columns_line(pass->columns, base + lines[i]), hit.code, tier);
    }
    return;
  }
  const Order *order = search_block_order(pass->columns, number, pass->top->sort);
  guint at = pass->top->has_after ? find_place(pass, order, base, tier, search_top_passed) : 0;
  for (guint end = find_place(pass, order, base, tier, search_top_wants); at < end; at++) {
    guint line = order->lines[at];
    if (!(words[line / 64] >> line % 64 & 1)) continue;
    Hit hit = hit_at(pass, base + line, tier);
    if (!search_top_wants(pass->top, &hit)) break;
    search_top_add(pass->top, base + line, columns_line(pass->columns, base + line), hit.code, tier);
  }
}

/* hits NULL: all lines. */
static void pass_block(Pass *pass, guint number, const guint64 *hits, Need need, guint tier) {
  guint64 base[BLOCK_WORDS], wanted[FACETS][BLOCK_WORDS], words[BLOCK_WORDS];
  if (hits) memcpy(base, hits, sizeof base);
  else memset(base, 0xff, sizeof base);
  if (pass->parent_id && !keep_value(pass, number, BY_PARENT, pass->parent_id, base)) return;
  if (pass->accession_id && !keep_value(pass, number, BY_ACCESSION, pass->accession_id, base)) return;
  if (pass->request->with_files && !keep_value(pass, number, BY_FILES, TRUE, base)) return;
  g_autoptr(GBytes) gate = search_block_gate(pass->columns, number, pass->scope, pass->scope_key, need);
  keep(base, g_bytes_get_data(gate, NULL));
  guint left = search_words_count(base);
  if (left <= search_limits.few) {
    g_autofree guint16 *lines = g_new(guint16, left + 1);
    return pass_lines(pass, number, lines, search_words_list(base, lines), need, tier);
  }
  memcpy(words, base, sizeof words);
  for (guint facet = 0; facet < FACETS; facet++) {
    if (!(pass->active & 1u << facet)) continue;
    find_wanted(pass, number, facet, wanted[facet]);
    keep(words, wanted[facet]);
  }
  guint count = search_words_count(words);
  pass->count += count;
  list_block(pass, number, words, count, tier);
  for (guint facet = 0; pass->facets && facet < FACETS; facet++) {
    guint others = pass->active & ~(1u << facet);
    if (others == pass->active) {
      if (count) count_facet(pass, number, facet, words, count);
      continue;
    }
    guint64 without[BLOCK_WORDS]; /* the facet's own filter */
    memcpy(without, base, sizeof without);
    for (guint other = 0; other < FACETS; other++)
      if (others & 1u << other) keep(without, wanted[other]);
    count_facet(pass, number, facet, without, search_words_count(without));
  }
}

/* ---- bitmaps ---- */

void search_words_fill(const void *container, guint8 type, guint64 *words) {
  memset(words, 0, sizeof *words * BLOCK_WORDS);
  if (type == BITSET_CONTAINER_TYPE_CODE) memcpy(words, ((const bitset_container_t *)container)->array, sizeof *words * BLOCK_WORDS);
  else if (type == ARRAY_CONTAINER_TYPE_CODE) {
    const array_container_t *array = container;
    for (int i = 0; i < array->cardinality; i++) words[array->array[i] / 64] |= G_GUINT64_CONSTANT(1) << array->array[i] % 64;
  } else {
    const run_container_t *runs = container;
    for (int i = 0; i < runs->n_runs; i++)
      for (guint line = runs->runs[i].value, last = line + runs->runs[i].length; line <= last; line++) words[line / 64] |= G_GUINT64_CONSTANT(1) << line % 64;
  }
}

void search_pass_bits(Pass *pass, const roaring_bitmap_t *bits, Need need, guint tier) {
  const roaring_array_t *all = &bits->high_low_container;
  for (gint32 i = 0; i < all->size && all->keys[i] < pass->columns->block_count; i++) {
    search_turn_check();
    guint8 type = all->typecodes[i];
    const void *container = container_unwrap_shared(all->containers[i], &type);
    if (type == ARRAY_CONTAINER_TYPE_CODE && (guint)((const array_container_t *)container)->cardinality <= search_limits.few) {
      const array_container_t *array = container;
      pass_lines(pass, all->keys[i], array->array, (guint)array->cardinality, need, tier);
      continue;
    }
    guint64 words[BLOCK_WORDS];
    search_words_fill(container, type, words);
    pass_block(pass, all->keys[i], words, need, tier);
  }
}

void search_pass_all(Pass *pass) {
  for (guint number = 0; number < pass->columns->block_count; number++) pass_block(pass, number, NULL, NEED_DESCRIPTION, 0);
}

/* ---- what came out ---- */

guint64 search_pass_count(const Pass *pass) { return pass->count; }

static int compare_values(gconstpointer a, gconstpointer b) {
  const SearchFacetValue *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return x->value < y->value ? -1 : x->value > y->value;
}

static void append_counted(SearchFacet *facet, const guint32 *counts, guint first) {
  for (guint i = 0; counts && i < SMALL; i++) {
    SearchFacetValue value = {first + i, counts[i]};
    if (counts[i]) g_array_append_val(facet->values, value);
  }
}

static void facet_free(gpointer data) {
  SearchFacet *facet = data;
  g_array_unref(facet->values);
  g_free(facet);
}

GPtrArray *search_pass_facets(const Pass *pass) {
  static const char *const names[FACETS] = {"fonds", "category", "year", "retention", "opening", "level"};
  GPtrArray *facets = g_ptr_array_new_with_free_func(facet_free);
  for (guint i = 0; i < FACETS; i++) {
    SearchFacet *facet = g_new0(SearchFacet, 1);
    facet->name = names[i];
    facet->values = g_array_new(FALSE, FALSE, sizeof(SearchFacetValue));
    g_ptr_array_add(facets, facet);
    for (guint page = 0; i == FACET_YEAR && page < YEAR_PAGES; page++) append_counted(facet, pass->year_counts[page], page * SMALL);
    if (i != FACET_FONDS && i != FACET_YEAR) append_counted(facet, pass->counts[i], 0);
    for (guint slot = 0; i == FACET_FONDS && slot <= pass->slots_mask; slot++) {
      SearchFacetValue value = {pass->slots[slot] ? pass->slots[slot]->id : 0, pass->slots[slot] ? pass->slots[slot]->count : 0};
      if (value.count) g_array_append_val(facet->values, value);
    }
    g_array_sort(facet->values, compare_values);
  }
  return facets;
}
