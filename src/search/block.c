/*
 * The columns of 65 536 records at a time, turned round: which lines have a value (for gate, filters and facet counts of broad questions), and the lines
 * in the orders that lists are shown in. A block has the ids of one container of a CRoaring bitmap, so a question's hits are one set of words per block.
 *
 * 1. A block belongs to exactly the chunks it was made for; what it holds is made from them at first use and never changes, so snapshots share blocks.
 * 2. A commit makes a new block of each that it touches. Orders of the former one are patched with the lines of the chunks that changed.
 * 3. The gate's answers are those of base/'s rule for every fonds and class of lines that the block has; they are kept for the last few askers.
 */
#include "block.h"

enum { GATES_KEPT = 6, SLOTS = 1 << 17 };

typedef struct {
  GBytes *scope, *words;
  Need need;
} KeptGate;

struct Block {
  gatomicrefcount references;
  GMutex lock; /* guards the making of what follows */
  Grouping *groupings[GROUPINGS]; /* atomic: read without the lock */
  Order *orders[ORDERS];          /* the same */
  Order *former[ORDERS];          /* as they were before the changed chunks; NULL: nothing to patch */
  guint8 changed[BLOCK_CHUNKS];
  KeptGate gates[GATES_KEPT];
  guint next_gate;
};

/* ---- life ---- */

static void order_unref(Order *order) {
  if (order && g_atomic_ref_count_dec(&order->references)) g_free(order);
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
  g_free(grouping->places);
  g_free(grouping);
}

Block *search_block_new(Block *former, const guint8 *changed) {
  Block *block = g_new0(Block, 1);
  g_atomic_ref_count_init(&block->references);
  g_mutex_init(&block->lock);
  if (former == NULL) return block;
  g_mutex_lock(&former->lock);
  memcpy(block->changed, changed, sizeof block->changed);
  gboolean patched = FALSE;
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
  for (guint i = 0; i < GROUPINGS; i++) grouping_free(block->groupings[i]);
  for (guint i = 0; i < ORDERS; i++) {
    order_unref(block->orders[i]);
    order_unref(block->former[i]);
  }
  for (guint i = 0; i < GATES_KEPT; i++) {
    g_clear_pointer(&block->gates[i].scope, g_bytes_unref);
    g_clear_pointer(&block->gates[i].words, g_bytes_unref);
  }
  g_mutex_clear(&block->lock);
  g_free(block);
}

/* ---- which lines have a value ---- */

static inline const SearchColumns *line_at(const Columns *columns, guint number, guint line) {
  guint chunk = number * BLOCK_CHUNKS + line / CHUNK_LINES;
  if (chunk >= columns->chunk_count || columns->chunks[chunk] == NULL) return NULL;
  const SearchColumns *found = &columns->chunks[chunk]->lines[line % CHUNK_LINES];
  return found->level ? found : NULL;
}

static inline guint32 value_of(const SearchColumns *line, GroupBy by) {
  switch (by) {
  case BY_FONDS: return line->fonds_id;
  case BY_CATEGORY: return line->category;
  case BY_YEAR: return line->year;
  case BY_RETENTION: return line->retention;
  case BY_OPENING: return line->opening;
  case BY_LEVEL: return line->level;
  case BY_CLASS: return (guint32)line->level << 16 | (guint32)line->security << 8 | line->opening;
  case BY_FILES: return line->has_files != 0;
  case BY_PARENT: return line->parent_id;
  default: return line->accession_id;
  }
}

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
  grouping->living = scratch->count;
  grouping->words = g_new0(guint64, (gsize)dense * BLOCK_WORDS);
  grouping->lines = g_new(guint16, listed);
  Group *all = grouping->groups = (Group *)(gpointer)g_array_free(g_steal_pointer(&groups), FALSE);
  g_autofree guint32 *filled = g_new0(guint32, grouping->group_count + 1);
  for (guint i = 0; i < grouping->group_count; i++)
    if (all[i].count >= search_limits.dense) all[i].words = grouping->words + (gsize)all[i].start * BLOCK_WORDS;
  gboolean placed = by <= BY_LEVEL && grouping->group_count < GROUP_NONE;
  if (placed) grouping->places = memset(g_new(guint16, BLOCK_LINES), 0xff, sizeof(guint16) * BLOCK_LINES);
  for (guint i = 0; i < scratch->count; i++) {
    guint place = *slot_of(scratch, all, scratch->values[i]) - 1, line = scratch->lines[i];
    if (placed) grouping->places[line] = (guint16)place;
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

void search_group_add(const Grouping *grouping, const Group *group, guint64 *words) {
  if (group->words) {
    for (guint i = 0; i < BLOCK_WORDS; i++) words[i] |= group->words[i];
    return;
  }
  const guint16 *lines = grouping->lines + group->start;
  for (guint i = 0; i < group->count; i++) words[lines[i] / 64] |= G_GUINT64_CONSTANT(1) << lines[i] % 64;
}

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WITH_POPCNT __attribute__((target_clones("popcnt", "default")))
#else
#define WITH_POPCNT
#endif

WITH_POPCNT guint search_words_count(const guint64 *words) {
  guint64 count = 0;
  for (guint i = 0; i < BLOCK_WORDS; i++) count += (guint)__builtin_popcountll(words[i]);
  return (guint)count;
}

WITH_POPCNT static guint count_both(const guint64 *a, const guint64 *b) {
  guint64 count = 0;
  for (guint i = 0; i < BLOCK_WORDS; i++) count += (guint)__builtin_popcountll(a[i] & b[i]);
  return (guint)count;
}

guint search_group_count(const Grouping *grouping, const Group *group, const guint64 *words) {
  if (group->words) return count_both(group->words, words);
  const guint16 *lines = grouping->lines + group->start;
  guint count = 0;
  for (guint i = 0; i < group->count; i++) count += (guint)(words[lines[i] / 64] >> lines[i] % 64 & 1);
  return count;
}

gboolean search_groups_count(const Grouping *grouping, const guint16 *lines, guint count, guint32 *counts) {
  if (grouping->places == NULL) return FALSE;
  for (guint i = 0; i < count; i++)
    if (grouping->places[lines[i]] != GROUP_NONE) counts[grouping->places[lines[i]]]++;
  return TRUE;
}

/* ---- the gate ---- */

static gboolean admits(const Scope *scope, Need need, guint32 fonds_id, guint32 class) {
  Level level = class >> 16;
  Security security = class >> 8 & 0xff;
  Opening opening = class & 0xff;
  if (!scope_admits(scope, level, fonds_id, security, opening)) return FALSE;
  return need == NEED_DESCRIPTION || (need == NEED_FILES) == scope_admits_files(scope, fonds_id, security, opening);
}

/* The lines of the fonds in `fonds` (their groups' answers are one) that are of a class that is admitted. */
static void add_admitted(const Grouping *classes, const guint8 *answers, const guint64 *fonds, guint64 *words) {
  guint64 of_class[BLOCK_WORDS] = {0};
  gboolean all = TRUE;
  for (guint i = 0; i < classes->group_count; i++) all = all && answers[i];
  for (guint i = 0; !all && i < classes->group_count; i++)
    if (answers[i]) search_group_add(classes, &classes->groups[i], of_class);
  for (guint i = 0; i < BLOCK_WORDS; i++) words[i] |= fonds[i] & (all ? G_MAXUINT64 : of_class[i]);
}

static void gate_make(const Columns *columns, guint number, const Scope *scope, Need need, guint64 *words) {
  const Grouping *fonds = search_block_grouping(columns, number, BY_FONDS), *classes = search_block_grouping(columns, number, BY_CLASS);
  guint width = classes->group_count;
  g_autofree guint8 *answers = g_malloc0((gsize)fonds->group_count * width + 1), *done = g_malloc0(fonds->group_count + 1);
  for (guint f = 0; f < fonds->group_count; f++)
    for (guint c = 0; c < width; c++) answers[(gsize)f * width + c] = (guint8)admits(scope, need, fonds->groups[f].value, classes->groups[c].value);
  for (guint f = 0; f < fonds->group_count; f++) {
    if (done[f]) continue;
    const guint8 *mine = answers + (gsize)f * width;
    if (memchr(mine, 1, width) == NULL) continue;
    guint64 of_fonds[BLOCK_WORDS] = {0};
    for (guint other = f; other < fonds->group_count; other++) {
      if (done[other] || memcmp(mine, answers + (gsize)other * width, width) != 0) continue;
      search_group_add(fonds, &fonds->groups[other], of_fonds);
      done[other] = 1;
    }
    add_admitted(classes, mine, of_fonds, words);
  }
}

GBytes *search_scope_key(const Scope *scope) {
  const guint head[] = {scope->opening_mask, scope->files_mask, (guint)scope->security, scope->all_fonds != 0};
  GByteArray *key = g_byte_array_new();
  g_byte_array_append(key, (const guint8 *)head, sizeof head);
  if (!scope->all_fonds && scope->fonds_count) g_byte_array_append(key, (const guint8 *)scope->fonds, (guint)(scope->fonds_count * sizeof *scope->fonds));
  return g_byte_array_free_to_bytes(key);
}

GBytes *search_block_gate(const Columns *columns, guint number, const Scope *scope, GBytes *key, Need need) {
  Block *block = columns->blocks[number];
  GBytes *known = NULL;
  g_mutex_lock(&block->lock);
  for (guint i = 0; i < GATES_KEPT && known == NULL; i++)
    if (block->gates[i].scope && block->gates[i].need == need && g_bytes_equal(block->gates[i].scope, key)) known = g_bytes_ref(block->gates[i].words);
  g_mutex_unlock(&block->lock);
  if (known) return known;
  guint64 *words = g_new0(guint64, BLOCK_WORDS);
  gate_make(columns, number, scope, need, words);
  known = g_bytes_new_take(words, sizeof *words * BLOCK_WORDS);
  g_mutex_lock(&block->lock);
  KeptGate *place = &block->gates[block->next_gate++ % GATES_KEPT];
  g_clear_pointer(&place->scope, g_bytes_unref);
  g_clear_pointer(&place->words, g_bytes_unref);
  *place = (KeptGate){g_bytes_ref(key), g_bytes_ref(known), need};
  g_mutex_unlock(&block->lock);
  return known;
}

/* ---- orders ---- */

typedef struct {
  const Columns *columns;
  guint number;
  SearchSort sort;
} Sorting;

static Hit hit_of(const Sorting *sorting, guint line) {
  guint32 id = sorting->number * BLOCK_LINES + line;
  const char *code = sorting->sort == SEARCH_SORT_CODE ? columns_code(sorting->columns, id) : NULL;
  return search_top_hit(sorting->sort, id, line_at(sorting->columns, sorting->number, line), code, 0);
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
  if (sorting->sort != SEARCH_SORT_CODE) return sort_by_key(sorting, lines, count);
  gboolean ascending = TRUE;
  for (guint i = 1; i < count && ascending; i++) ascending = compare_lines(&lines[i - 1], &lines[i], (gpointer)sorting) < 0;
  if (!ascending) g_qsort_with_data(lines, (gint)count, sizeof *lines, compare_lines, (gpointer)sorting);
}

/* The former order without the lines of changed chunks, and these among them. */
static guint patch(const Sorting *sorting, const Order *former, const guint8 *changed, guint16 *out) {
  g_autofree guint16 *news = g_new(guint16, BLOCK_LINES);
  guint count = 0, new_count = 0, at = 0;
  for (guint line = 0; line < BLOCK_LINES; line++)
    if (changed[line / CHUNK_LINES] && line_at(sorting->columns, sorting->number, line)) news[new_count++] = (guint16)line;
  sort_lines(sorting, news, new_count);
  for (guint i = 0; i < former->count; i++) {
    guint16 line = former->lines[i];
    if (changed[line / CHUNK_LINES]) continue;
    while (at < new_count && compare_lines(&news[at], &line, (gpointer)sorting) < 0) out[count++] = news[at++];
    out[count++] = line;
  }
  while (at < new_count) out[count++] = news[at++];
  return count;
}

static Order *order_new(const Columns *columns, guint number, SearchSort sort, const Block *block) {
  Sorting sorting = {columns, number, sort};
  Order *order = g_malloc(sizeof *order + sizeof *order->lines * BLOCK_LINES);
  g_atomic_ref_count_init(&order->references);
  order->count = 0;
  if (block->former[sort]) order->count = patch(&sorting, block->former[sort], block->changed, order->lines);
  else {
    for (guint line = 0; line < BLOCK_LINES; line++)
      if (line_at(columns, number, line)) order->lines[order->count++] = (guint16)line;
    sort_lines(&sorting, order->lines, order->count);
  }
  return order;
}

const Order *search_block_order(const Columns *columns, guint number, SearchSort sort) {
  Block *block = columns->blocks[number];
  Order *order = g_atomic_pointer_get(&block->orders[sort]);
  if (G_LIKELY(order != NULL)) return order;
  g_mutex_lock(&block->lock);
  order = block->orders[sort];
  if (order == NULL) {
    g_atomic_pointer_set(&block->orders[sort], order = order_new(columns, number, sort, block));
    g_clear_pointer(&block->former[sort], order_unref);
  }
  g_mutex_unlock(&block->lock);
  return order;
}
