/*
 * One pass over the hits, a block at a time: gate, filters, facet counts, and the list's candidates. Each kind of line (block.h) is judged once for a block;
 * few hits are counted by kind one by one, many by the words of the frequent kinds.
 *
 * 1. The gate is base/'s rule and nothing else: its answers are kept per fonds, level, security and opening while the pass lasts.
 * 2. A line that fails no filter counts everywhere; one that fails exactly one facet's filter counts in that facet only; the rest nowhere.
 *    A year range belongs to the facet year.
 */
#include "block.h"
#include "dated.h"

enum { FACET_FONDS, FACET_CATEGORY, FACET_YEAR, FACET_RETENTION, FACET_OPENING, FACET_LEVEL, FACETS };
enum { GATE_DESCRIPTION = 1, GATE_FILES = 2, GATE_KNOWN = 4 };
enum { NOWHERE = 0xff /* a verdict; the others are the facet that the kind fails, as a bit, or 0 */ };
enum { DEPTH = 3 /* where the tree may put what is of the titles */, LISTED = 16 /* so few hits are listed without a look at the order */,
  BISECTION = 16 /* what finding a line among few hits costs more than among bits */,
  WALKED = 512 /* so many lines of an order are gone through one by one, … */, UNLIKELY = 4 /* … and so many times those that should do */ };
enum { LANES = 4 /* counters of a kind, as each addition waits for the one before it to the same one */, LANES_FROM = 64 /* lines */ };
enum { FETCH_AHEAD = 16, SMALL = 256, YEARS = 65536, YEAR_PAGES = YEARS / SMALL, SLOTS_FIRST = 64 };

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
  gboolean facets, filtered;
  guint32 parent_id, accession_id;
  guint64 count;
  Slot **slots; /* open addressing by fonds id */
  guint slots_mask, slots_used;
  Slot *slot; /* the last one used */
  guint8 wanted[FACETS][SMALL]; /* categories, retentions, openings, levels */
  guint8 *wanted_years;         /* NULL: any */
  guint32 counts[FACETS][SMALL];
  guint32 *year_counts[YEAR_PAGES]; /* SMALL years each; NULL: none was counted. Of all years there could be records have a few dozen */
  guint room;        /* for so many kinds: */
  guint32 *found;    /* how many hits are of the kind; 0 between two blocks */
  guint16 *touched;  /* the kinds of a few hits */
  guint8 *verdicts;
  guint16 *lines;    /* room for those of a block */
  guint32 head;      /* of the block at hand: no hit of a wanted kind has a lesser search_top_head, in tier 0 */
  Tally *tally;      /* of the hits; NULL: none */
  gboolean vain;     /* the last order was gone through in vain: of its first lines too few are hits */
};

typedef struct { /* the question's part in one block */
  const Kinds *kinds;
  guint number, tier;
  Need need;
  LineSet hits, titles; /* titles: those of them that titles alone satisfy, … */
  gboolean titled;    /* … when there are any */
  Tree *tree;
  gboolean by_titles; /* the tree tells of titles; else all hits are in `tier` */
  const Hit *walked;  /* the order was gone through up to this one; NULL: it was not */
} Part;

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
  if (count > 0) pass->filtered = TRUE;
}

static void set_years(Pass *pass) {
  const SearchRequest *request = pass->request;
  gboolean ranged = request->year_from > 0 || request->year_to > 0;
  if (request->years_count == 0 && !ranged) return;
  pass->filtered = TRUE;
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
  pass->filtered = request->fonds_count > 0;
  set_filter(pass, FACET_CATEGORY, request->categories, request->categories_count);
  set_filter(pass, FACET_RETENTION, request->retentions, request->retentions_count);
  set_filter(pass, FACET_OPENING, request->openings, request->openings_count);
  set_filter(pass, FACET_LEVEL, request->levels, request->levels_count);
  set_years(pass);
  return pass;
}

void search_pass_free(Pass *pass) {
  if (pass == NULL) return;
  for (guint i = 0; i <= pass->slots_mask; i++) g_free(pass->slots[i]);
  g_free(pass->slots);
  g_free(pass->found);
  g_free(pass->touched);
  g_free(pass->verdicts);
  g_free(pass->lines);
  search_tally_unref(pass->tally);
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

static guint ask_gate(const Pass *pass, const LineKind *kind) {
  gboolean description = scope_admits(pass->scope, kind->level, kind->fonds_id, kind->security, kind->opening);
  gboolean files = description && scope_admits_files(pass->scope, kind->fonds_id, kind->security, kind->opening);
  return GATE_KNOWN | (description ? GATE_DESCRIPTION : 0) | (files ? GATE_FILES : 0);
}

static inline guint gate(const Pass *pass, Slot *slot, const LineKind *kind) {
  if (G_UNLIKELY((kind->level | kind->security) > 7 || kind->opening > 3)) return ask_gate(pass, kind);
  guint8 *known = &slot->gates[kind->level << 5 | kind->security << 2 | kind->opening];
  if (G_UNLIKELY(*known == 0)) *known = (guint8)ask_gate(pass, kind);
  return *known;
}

/* ---- a kind ---- */

static inline Slot *slot_of(Pass *pass, guint32 id) { return pass->slot && pass->slot->id == id ? pass->slot : (pass->slot = find_slot(pass, id)); }

/* The facets whose filter the kind fails, as bits. */
static guint failed_facets(const Pass *pass, const Slot *slot, const LineKind *kind) {
  guint failed = slot->wanted ? 0 : 1u << FACET_FONDS;
  failed |= (guint)!pass->wanted[FACET_CATEGORY][kind->category] << FACET_CATEGORY;
  failed |= (guint)!pass->wanted[FACET_RETENTION][kind->retention] << FACET_RETENTION;
  failed |= (guint)!pass->wanted[FACET_OPENING][kind->opening] << FACET_OPENING;
  failed |= (guint)!pass->wanted[FACET_LEVEL][kind->level] << FACET_LEVEL;
  if (pass->wanted_years) failed |= (guint)!pass->wanted_years[kind->year] << FACET_YEAR;
  return failed;
}

static guint8 judge(Pass *pass, const LineKind *kind, Need need) {
  if (kind->level == 0 || (pass->request->with_files && !kind->has_files)) return NOWHERE;
  Slot *slot = slot_of(pass, kind->fonds_id);
  guint allowed = gate(pass, slot, kind);
  if (!(allowed & GATE_DESCRIPTION)) return NOWHERE;
  if (need != NEED_DESCRIPTION && (need == NEED_FILES) != ((allowed & GATE_FILES) != 0)) return NOWHERE;
  guint failed = pass->filtered ? failed_facets(pass, slot, kind) : 0;
  return failed & (failed - 1) ? NOWHERE : (guint8)failed;
}

static inline guint32 *year_count(Pass *pass, guint year) {
  guint32 **page = &pass->year_counts[year / SMALL];
  if (G_UNLIKELY(*page == NULL)) *page = g_new0(guint32, SMALL);
  return &(*page)[year % SMALL];
}

static void add(Pass *pass, const LineKind *kind, guint failed, guint count) {
  if (failed == 0) pass->count += count;
  if (!pass->facets) return;
  guint facets = failed ? failed : G_MAXUINT;
  if (facets & 1u << FACET_FONDS) slot_of(pass, kind->fonds_id)->count += count;
  if (facets & 1u << FACET_CATEGORY) pass->counts[FACET_CATEGORY][kind->category] += count;
  if (facets & 1u << FACET_YEAR) *year_count(pass, kind->year) += count;
  if (facets & 1u << FACET_RETENTION) pass->counts[FACET_RETENTION][kind->retention] += count;
  if (facets & 1u << FACET_OPENING) pass->counts[FACET_OPENING][kind->opening] += count;
  if (facets & 1u << FACET_LEVEL) pass->counts[FACET_LEVEL][kind->level] += count;
}

/* ---- the list ---- */

static inline gboolean has_line(const LineSet *of, guint16 line) {
  if (of->lines == NULL) return of->words == NULL || search_words_have(of->words, line);
  guint low = 0, high = of->count;
  while (high - low > 1) {
    guint middle = low + (high - low) / 2;
    if (of->lines[middle] <= line) low = middle;
    else high = middle;
  }
  return of->count > 0 && of->lines[low] == line;
}

static inline Hit hit_at(const Pass *pass, const Part *part, guint line, guint32 place, guint tier) {
  guint32 id = part->number * BLOCK_LINES + line;
  return search_top_hit(pass->top, id, place, pass->top->sort == SEARCH_SORT_CODE ? columns_code(pass->columns, id) : NULL, tier);
}

static inline guint32 place_in(const Part *part, const Order *order, guint at) {
  return at < FRONT ? order->front[at] : part->kinds->places[order->lines[at]];
}

static inline Hit hit_in(const Pass *pass, const Part *part, const Order *order, guint at) {
  return hit_at(pass, part, order->lines[at], place_in(part, order, at), part->tier);
}

/* Lists the line when it is of a wanted kind; FALSE: it comes after the last of the list, of whatever kind it is. */
static gboolean list_line(Pass *pass, const Part *part, guint line, guint32 place) {
  Hit hit = hit_at(pass, part, line, place, part->titled ? 0 : part->tier);
  if (!search_top_wants(pass->top, &hit)) return FALSE;
  if (pass->verdicts[part->kinds->of_line[line]] != 0) return TRUE;
  if (part->walked && search_top_compare(&hit, part->walked) <= 0) return TRUE;
  if (part->titled && !has_line(&part->titles, (guint16)line)) hit = hit_at(pass, part, line, place, part->tier);
  search_top_add(pass->top, &hit);
  return TRUE;
}

static gboolean skips_chunk(const Pass *pass, guint number) {
  const Chunk *chunk = number < pass->columns->chunk_count ? pass->columns->chunks[number] : NULL;
  return chunk == NULL || (pass->top->dated ? search_top_skips_dated(pass->top, number) : search_top_skips(pass->top, chunk));
}

static void list_by_chunk(Pass *pass, const Part *part, const guint16 *lines, guint count) {
  gboolean skips = FALSE;
  for (guint i = 0, current = G_MAXUINT; i < count; i++) {
    if (lines[i] / CHUNK_LINES != current) {
      current = lines[i] / CHUNK_LINES;
      skips = skips_chunk(pass, part->number * BLOCK_CHUNKS + current);
    }
    if (!skips) list_line(pass, part, lines[i], part->kinds->places[lines[i]]);
  }
}

/* Most are seen to come after the last of the list by their place alone. */
static void list_lines(Pass *pass, const Part *part, const guint16 *lines, guint count) {
  const Top *top = pass->top;
  if (top->sort >= PLACED) return list_by_chunk(pass, part, lines, count);
  guint tier = part->titled ? 0 : part->tier;
  for (guint i = 0; i < count; i++) {
    __builtin_prefetch(&part->kinds->places[lines[MIN(i + FETCH_AHEAD, count - 1)]]);
    guint32 place = part->kinds->places[lines[i]];
    if (top->count < top->capacity || search_top_head(top->sort, place, tier) <= top->heap[0].key >> 32) list_line(pass, part, lines[i], place);
  }
}

static guint16 *room_for_lines(Pass *pass) { return pass->lines ? pass->lines : (pass->lines = g_new(guint16, BLOCK_LINES)); }

static void list_words(Pass *pass, const Part *part, const guint64 *words) {
  guint16 *lines = room_for_lines(pass);
  list_lines(pass, part, lines, search_words_list(words, lines));
}

static gboolean comes_before_all(const Top *top, const Hit *hit) { return hit->key < top->least; }

/* How many lines of the order have the property that all before the first without it have: to be on a page before, or to enter the list as it stands; `most` when
 * the first `most` have it. They are looked for from the front: mostly there are few. */
static guint find_place(const Pass *pass, const Part *part, const Order *order, guint most, gboolean (*has)(const Top *top, const Hit *hit)) {
  guint low = 0, high = MIN(1, most);
  for (Hit hit; high > low; high = MIN(high * 2, most)) {
    hit = hit_in(pass, part, order, high - 1);
    if (!has(pass->top, &hit)) break;
    low = high;
  }
  while (low < high) {
    guint middle = low + (high - low) / 2;
    Hit hit = hit_in(pass, part, order, middle);
    if (has(pass->top, &hit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* So many lines of the order may enter the full list at most: the front, or whole strides. */
static guint reach(const Pass *pass, const Part *part, const Order *order) {
  guint end = FRONT;
  for (Hit hit; end < order->count; end = end / STRIDE * STRIDE + STRIDE) {
    hit = hit_in(pass, part, order, end - 1);
    if (!search_top_wants(pass->top, &hit)) return end;
  }
  return order->count;
}

/* The hits among the lines begin … end of the order, and some around. */
static void list_between(Pass *pass, const Part *part, Order *order, guint begin, guint end) {
  LineSet hits = search_tree_both(part->tree, part->hits, search_order_ahead(order, end), DEPTH + 2);
  if (begin >= STRIDE) hits = search_tree_without(part->tree, hits, search_order_ahead(order, begin / STRIDE * STRIDE), DEPTH + 2);
  if (hits.lines) list_lines(pass, part, hits.lines, hits.count);
  else if (hits.words) list_words(pass, part, hits.words);
  else list_lines(pass, part, order->lines, order->count);
}

/* Of many hits of one tier, `found` of them of wanted kinds: the block's order is gone through where its lines may enter the list, or all hits are, what costs less. */
static void list_many(Pass *pass, const Part *part, guint found) {
  const Top *top = pass->top;
  const LineSet of = part->hits;
  Order *order = search_block_order(pass->columns, part->number, top->sort);
  guint hits = of.lines ? of.count : of.words ? search_words_count(of.words) : order->count;
  guint begin = top->has_after ? find_place(pass, part, order, order->count, search_top_passed) : 0, end = order->count;
  if (pass->vain && top->count == top->capacity && (end = reach(pass, part, order)) > FRONT) return begin < end ? list_between(pass, part, order, begin, end) : (void)0;
  if (top->least > 0) begin = MAX(begin, find_place(pass, part, order, order->count, comes_before_all));
  if (top->count == top->capacity) end = find_place(pass, part, order, order->count, search_top_wants);
  if (begin >= end) return;
  /* After so many lines there probably were so many wanted hits that the list is another. */
  guint64 most = MIN(end - begin, (guint64)top->capacity * order->count / MAX(MIN(found, hits), 1)), cost = most * (of.lines ? BISECTION : 1) * search_limits.step;
  if (cost > hits) return list_between(pass, part, order, begin, end);
  guint walked = (guint)MIN(end, begin + MAX(WALKED, most * UNLIKELY));
  for (guint at = begin; at < walked; at++)
    if (has_line(&of, order->lines[at]) && !list_line(pass, part, order->lines[at], place_in(part, order, at))) return;
  if (walked == end) return;
  Hit last = hit_in(pass, part, order, walked - 1);
  Part rest = *part;
  rest.walked = &last;
  if (top->count == top->capacity) end = find_place(pass, part, order, order->count, search_top_wants);
  pass->vain = walked < end;
  if (walked < end) list_between(pass, &rest, order, walked, end);
}

/* FALSE: none of the hits can enter the list, were they all in titles, or all in none. */
static gboolean may_list(Pass *pass, gboolean titled, guint tier) {
  if (pass->top->sort >= PLACED) return TRUE;
  Hit least = {(guint64)(pass->head | (pass->top->sort == SEARCH_SORT_RELEVANCE && !titled ? tier << 30 : 0)) << 32, NULL};
  pass->top->least = least.key;
  return search_top_wants(pass->top, &least);
}

static void list_among(Pass *pass, Part *part, guint found) {
  const LineSet hits = part->hits;
  guint64 all[BLOCK_WORDS];
  if (hits.lines && (hits.count <= LISTED || pass->top->dated)) return list_lines(pass, part, hits.lines, hits.count);
  if (pass->top->dated) return list_words(pass, part, hits.words ? hits.words : memset(all, 0xff, sizeof all));
  if (!part->titled) return list_many(pass, part, found);
  for (guint titled = 2; titled-- > 0;) {
    Part of = {.kinds = part->kinds, .number = part->number, .tier = titled ? 0 : part->tier, .tree = part->tree};
    if (search_top_is_full(pass->top, of.tier)) return;
    of.hits = titled ? part->titles : search_tree_without(part->tree, hits, part->titles, DEPTH + 1);
    list_many(pass, &of, found);
  }
}

/* Of many hits those in titles come first: where they fill the list the others are not looked at. Blocks keep no orders by the dates of fields. */
static void list_part(Pass *pass, Part *part, guint found) {
  if (pass->top->capacity == 0 || !may_list(pass, part->by_titles, part->tier)) return;
  gboolean alone = part->by_titles && part->tier == 1 && search_tree_titles_alone(part->tree);
  if (alone) part->tier = 0, part->by_titles = FALSE;
  if (part->by_titles) part->titles = search_tree_both(part->tree, part->hits, search_tree_lines(part->tree, MODE_TITLE, part->number, DEPTH), DEPTH);
  part->titled = part->by_titles && (part->titles.lines == NULL || part->titles.count > 0);
  if (part->titled || !part->by_titles || may_list(pass, FALSE, part->tier)) list_among(pass, part, found);
}

/* ---- a block ---- */

static void make_room(Pass *pass, guint kinds) {
  if (kinds <= pass->room) return;
  pass->room = kinds * 2;
  g_free(pass->found);
  pass->found = g_new0(guint32, pass->room);
  pass->touched = g_renew(guint16, pass->touched, pass->room);
  pass->verdicts = g_renew(guint8, pass->verdicts, pass->room);
}

static guint settle(Pass *pass, const Part *part, guint kind) {
  guint count = pass->found[kind], verdict = pass->verdicts[kind];
  pass->found[kind] = 0;
  if (count == 0 || verdict == NOWHERE) return 0;
  add(pass, &part->kinds->all[kind], verdict, count);
  if (verdict != 0) return 0;
  if (pass->top->sort < PLACED) pass->head = MIN(pass->head, part->kinds->heads[kind * PLACED + pass->top->sort]);
  return count;
}

/* Adds the lines to the counts of their kinds. They lie scattered over the block: what is kept of a line is asked of the memory before it is needed. */
static void count_lines(const Kinds *kinds, const guint16 *lines, guint count, guint32 *found) {
  guint i = 0;
  guint16 lanes[LANES][NARROW];
  gboolean narrow = kinds->count <= NARROW && count >= LANES_FROM;
  for (guint k = 0; narrow && k < LANES; k++) memset(lanes[k], 0, sizeof *lanes[k] * kinds->count);
  for (; narrow && i + LANES <= count; i += LANES) {
    const guint16 *ahead = &lines[MIN(i + FETCH_AHEAD, count - LANES)];
    for (guint k = 0; k < LANES; k++) {
      __builtin_prefetch(&kinds->narrow[ahead[k]]);
      lanes[k][kinds->narrow[lines[i + k]]]++;
    }
  }
  for (guint kind = 0; narrow && kind < kinds->count; kind++)
    for (guint k = 0; k < LANES; k++) found[kind] += lanes[k][kind];
  for (; i < count; i++) {
    __builtin_prefetch(&kinds->of_line[lines[MIN(i + FETCH_AHEAD, count - 1)]]);
    found[kinds->of_line[lines[i]]]++;
  }
}

static guint count_few(Pass *pass, const Part *part) {
  const Kinds *kinds = part->kinds;
  const LineSet hits = part->hits;
  guint touched = 0;
  if (hits.count > kinds->count) {
    count_lines(kinds, hits.lines, hits.count, pass->found);
    for (guint kind = 0; kind < kinds->count; kind++)
      if (pass->found[kind]) pass->touched[touched++] = (guint16)kind;
    return touched;
  }
  for (guint i = 0; i < hits.count; i++) {
    guint kind = kinds->of_line[hits.lines[i]];
    __builtin_prefetch(&kinds->of_line[hits.lines[MIN(i + FETCH_AHEAD, hits.count - 1)]]);
    if (pass->found[kind]++ == 0) pass->touched[touched++] = (guint16)kind;
  }
  return touched;
}

/* As count_few, from the tally: worth while for more hits than there are kinds. */
static guint recount_few(Pass *pass, const Part *part) {
  const Kinds *kinds = part->kinds;
  guint touched = 0;
  if (!search_tally_read(pass->tally, part->number, kinds->serial, pass->found, kinds->count)) {
    touched = count_few(pass, part);
    search_tally_keep(pass->tally, part->number, kinds->serial, pass->found, kinds->count);
    return touched;
  }
  for (guint kind = 0; kind < kinds->count; kind++)
    if (pass->found[kind]) pass->touched[touched++] = (guint16)kind;
  return touched;
}

static void pass_few(Pass *pass, Part *part) {
  guint touched = pass->tally && part->hits.count > part->kinds->count ? recount_few(pass, part) : count_few(pass, part), found = 0;
  for (guint i = 0; i < touched; i++) {
    guint kind = pass->touched[i];
    pass->verdicts[kind] = judge(pass, &part->kinds->all[kind], part->need);
    found += settle(pass, part, kind);
  }
  if (found) list_part(pass, part, found);
}

/* Counts the hits by kind: the others of those lines where these are fewer. */
static void count_rest(const Part *part, guint32 *found) {
  const Kinds *kinds = part->kinds;
  gboolean others = search_words_both(part->hits.words, kinds->rest) > kinds->rest_living / 2;
  guint64 words[BLOCK_WORDS];
  (others ? search_words_andnot : search_words_and)(words, kinds->rest, part->hits.words);
  search_kinds_tally(kinds, words, found);
  for (guint kind = kinds->dense; others && kind < kinds->count; kind++) found[kind] = kinds->totals[kind] - found[kind];
}

/* some: of the dense kinds, of the others: are any of them wanted? A tally has them all. */
static void count_many(Pass *pass, const Part *part, const gboolean *some) {
  const Kinds *kinds = part->kinds;
  if (part->hits.words == NULL) {
    memcpy(pass->found, kinds->totals, sizeof *pass->found * kinds->count);
    return;
  }
  if (pass->tally && search_tally_read(pass->tally, part->number, kinds->serial, pass->found, kinds->count)) return;
  for (guint kind = 0; kind < kinds->dense; kind++)
    if (pass->tally || pass->verdicts[kind] != NOWHERE) pass->found[kind] = search_words_both(kinds->words + (gsize)kind * BLOCK_WORDS, part->hits.words);
  if (pass->tally || some[1]) count_rest(part, pass->found);
  if (pass->tally) search_tally_keep(pass->tally, part->number, kinds->serial, pass->found, kinds->count);
}

static void pass_many(Pass *pass, Part *part) {
  const Kinds *kinds = part->kinds;
  gboolean some[2] = {0};
  guint found = 0;
  for (guint kind = 0; kind < kinds->count; kind++) {
    pass->verdicts[kind] = judge(pass, &kinds->all[kind], part->need);
    if (pass->verdicts[kind] != NOWHERE) some[kind >= kinds->dense] = TRUE;
  }
  if (!some[0] && !some[1]) return;
  count_many(pass, part, some);
  for (guint kind = 0; kind < kinds->count; kind++) found += settle(pass, part, kind);
  if (found) list_part(pass, part, found);
}

/* Leaves of the hits those in the group of the value; FALSE: there are none. words: BLOCK_WORDS of room. */
static gboolean keep_value(Pass *pass, Part *part, GroupBy by, guint32 value, guint64 *words) {
  const Grouping *grouping = search_block_grouping(pass->columns, part->number, by);
  const Group *group = search_group_find(grouping, value);
  if (group == NULL) return FALSE;
  if (group->words && part->hits.lines == NULL) {
    for (guint i = 0; i < BLOCK_WORDS; i++) words[i] = group->words[i] & (part->hits.words ? part->hits.words[i] : G_MAXUINT64);
    part->hits.words = words;
    return TRUE;
  }
  guint16 *kept_lines = room_for_lines(pass);
  const guint16 *lines = group->words ? part->hits.lines : grouping->lines + group->start;
  guint count = group->words ? part->hits.count : group->count, kept = 0, at = 0;
  for (guint i = 0; i < count; i++) {
    while (!group->words && part->hits.lines && at < part->hits.count && part->hits.lines[at] < lines[i]) at++;
    gboolean is_hit = group->words ? search_words_have(group->words, lines[i]) : part->hits.words ? search_words_have(part->hits.words, lines[i]) :
      part->hits.lines == NULL || (at < part->hits.count && part->hits.lines[at] == lines[i]);
    if (is_hit) kept_lines[kept++] = lines[i];
  }
  part->hits.lines = kept_lines;
  part->hits.count = kept;
  part->hits.words = NULL;
  return kept > 0;
}

static void pass_part(Pass *pass, Part *part) {
  guint64 words[2][BLOCK_WORDS];
  if (pass->parent_id && !keep_value(pass, part, BY_PARENT, pass->parent_id, words[0])) return;
  if (pass->accession_id && !keep_value(pass, part, BY_ACCESSION, pass->accession_id, words[1])) return;
  part->kinds = search_block_kinds(pass->columns, part->number);
  make_room(pass, part->kinds->count);
  pass->head = G_MAXUINT32;
  if (part->hits.lines) pass_few(pass, part);
  else pass_many(pass, part);
}

/* ---- to the others ---- */

void search_pass_tally(Pass *pass, Tally *tally) {
  if (pass->parent_id == 0 && pass->accession_id == 0) pass->tally = tally; /* else the hits are not all of these */
  else search_tally_unref(tally);
}

void search_pass_lines(Pass *pass, Tree *tree, guint number, LineSet hits, Need need, guint tier) {
  if (hits.lines && hits.count == 0) return;
  pass_part(pass, &(Part){.number = number, .tier = tier, .need = need, .hits = hits, .tree = tree, .by_titles = pass->top->sort == SEARCH_SORT_RELEVANCE && tier == 1});
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
