/*
 * The first hits in order, and the keys of paging.
 *
 * 1. A hit's key is made of the record alone (and the query), never of other hits, so a page begins exactly after the last one whatever changed before it.
 * 2. relevance: words in titles, then in descriptions, then only on pages; nodes of the tree before items; shorter titles; newer dates; id.
 *    dates: undated records are last in both directions; then id. code: byte order; then id. A field's dates: dated.c; then id.
 */
#include "block.h"
#include "dated.h"
#include "error.h"

static guint32 date_days(gint32 date) {
  if (date <= 0) return 0;
  guint32 year = MIN((guint32)date / 10000, 9999), month = (guint32)date / 100 % 100, day = (guint32)date % 100;
  return year * 13 * 32 + MIN(month, 12) * 32 + MIN(day, 31); /* month and day may be 0: unknown */
}

guint32 search_top_place(const SearchColumns *line) {
  guint32 item = line->level >= LEVEL_ITEM, length = MIN(line->title_length, 127);
  return item << 29 | length << 22 | (DAYS_NONE - date_days(line->date_from));
}

static inline int compare_hits(const Hit *a, const Hit *b) {
  int order = a->code ? strcmp(a->code, b->code) : 0;
  return order ? order : a->key < b->key ? -1 : a->key > b->key;
}

int search_top_compare(const Hit *a, const Hit *b) { return compare_hits(a, b); }

Hit search_top_hit(const Top *top, guint32 id, guint32 place, const char *code, guint tier) {
  guint32 head = 0;
  if (top->sort < PLACED) head = search_top_head(top->sort, place, tier);
  else if (top->dated) head = search_dated_rank(top->dated, id, top->sort == SEARCH_SORT_FIELD_DESC);
  return (Hit){(guint64)head << 32 | id, code};
}

gboolean search_sort_read(const char *word, SearchSort *ret, char **ret_field) {
  static const struct { const char *word; SearchSort sort; } plain[] = {
    {"relevance", SEARCH_SORT_RELEVANCE}, {"newest", SEARCH_SORT_DATE_DESC}, {"oldest", SEARCH_SORT_DATE_ASC}, {"code", SEARCH_SORT_CODE}},
    of_field[] = {{".newest", SEARCH_SORT_FIELD_DESC}, {".oldest", SEARCH_SORT_FIELD_ASC}};
  const char *dot = word ? strrchr(word, '.') : NULL;
  for (guint i = 0; dot && dot > word && i < G_N_ELEMENTS(of_field); i++)
    if (g_str_equal(of_field[i].word, dot)) return *ret = of_field[i].sort, *ret_field = g_strndup(word, (gsize)(dot - word)), TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(plain); i++)
    if (g_str_equal(plain[i].word, word ? word : "relevance")) return *ret = plain[i].sort, *ret_field = NULL, TRUE;
  return FALSE;
}

/* ---- keys: a letter for the sort, 16 hex digits, for codes their bytes in hex ---- */

static const char SORT_LETTERS[] = "rdacno";

static gboolean parse_after(Top *top, const char *after) {
  gsize length = strlen(after);
  if (length < 17 || length > 17 + 2 * CODE_MAX || after[0] != SORT_LETTERS[top->sort]) return FALSE;
  for (gsize i = 1; i < length; i++)
    if (!g_ascii_isxdigit(after[i])) return FALSE;
  g_autofree char *number = g_strndup(after + 1, 16);
  top->after.key = g_ascii_strtoull(number, NULL, 16);
  if (top->sort != SEARCH_SORT_CODE) return length == 17;
  if (length % 2 == 0) return FALSE;
  top->after_code = g_malloc0((length - 17) / 2 + 1);
  for (gsize i = 17; i < length; i += 2)
    top->after_code[(i - 17) / 2] = (char)(g_ascii_xdigit_value(after[i]) << 4 | g_ascii_xdigit_value(after[i + 1]));
  top->after.code = top->after_code;
  return TRUE;
}

char *search_top_key(const Top *top, const Hit *hit) {
  GString *key = g_string_new(NULL);
  g_string_append_printf(key, "%c%016" G_GINT64_MODIFIER "x", SORT_LETTERS[top->sort], hit->key);
  for (const char *at = hit->code; at && *at; at++) g_string_append_printf(key, "%02x", (guchar)*at);
  return g_string_free(key, FALSE);
}

char *search_place_of_code(const char *code) {
  Hit hit = {.code = code};
  Top top = {.sort = SEARCH_SORT_CODE};
  return search_top_key(&top, &hit);
}

/* ---- the list: a heap with the last hit on top ---- */

gboolean search_top_init(Top *top, SearchSort sort, guint limit, const char *after, GError **error) {
  *top = (Top){.sort = sort <= SEARCH_SORT_FIELD_ASC ? sort : SEARCH_SORT_RELEVANCE};
  top->capacity = limit ? MIN(limit, LIMIT_MAX) + 1 : 0;
  top->heap = g_new(Hit, top->capacity);
  top->has_after = after && *after;
  return !top->has_after || parse_after(top, after) || throw(error, LANTAI_ERROR_INVALID, "翻页的位置“%.40s”无效，请从第一页开始", after);
}

void search_top_clear(Top *top) {
  g_free(top->heap);
  g_free(top->after_code);
}

static void sift_down(Top *top) {
  guint at = 0;
  Hit hit = top->heap[0];
  for (guint child; (child = 2 * at + 1) < top->count; at = child) {
    if (child + 1 < top->count && compare_hits(&top->heap[child + 1], &top->heap[child]) > 0) child++;
    if (compare_hits(&top->heap[child], &hit) <= 0) break;
    top->heap[at] = top->heap[child];
  }
  top->heap[at] = hit;
}

static void sift_up(Top *top) {
  guint at = top->count - 1;
  Hit hit = top->heap[at];
  for (guint parent; at > 0 && compare_hits(&top->heap[parent = (at - 1) / 2], &hit) < 0; at = parent) top->heap[at] = top->heap[parent];
  top->heap[at] = hit;
}

void search_top_add(Top *top, const Hit *hit) {
  if (search_top_passed(top, hit)) return;
  if (top->count < top->capacity) {
    top->heap[top->count++] = *hit;
    sift_up(top);
  } else if (top->capacity && compare_hits(hit, &top->heap[0]) < 0) {
    top->heap[0] = *hit;
    sift_down(top);
  }
}

gboolean search_top_skips(const Top *top, const Chunk *chunk) {
  if (top->capacity == 0) return TRUE;
  if (top->sort != SEARCH_SORT_CODE || chunk->first == NULL) return FALSE;
  if (top->has_after && strcmp(chunk->last, top->after.code) < 0) return TRUE;
  return top->count == top->capacity && strcmp(chunk->first, top->heap[0].code) > 0;
}

gboolean search_top_skips_dated(const Top *top, guint chunk) {
  Hit least = {(guint64)search_dated_least(top->dated, chunk, top->sort == SEARCH_SORT_FIELD_DESC) << 32, NULL};
  return top->count == top->capacity && compare_hits(&least, &top->heap[0]) > 0;
}

gboolean search_top_wants(const Top *top, const Hit *hit) { return top->count < top->capacity || (top->capacity && compare_hits(hit, &top->heap[0]) < 0); }

gboolean search_top_is_full(const Top *top, guint tier) { return top->count == top->capacity && top->sort == SEARCH_SORT_RELEVANCE && top->heap[0].key >> 62 < tier; }

gboolean search_top_passed(const Top *top, const Hit *hit) { return top->has_after && compare_hits(hit, &top->after) <= 0; }

static int compare_for_sort(gconstpointer a, gconstpointer b, gpointer data) { return compare_hits(a, b); }

void search_top_finish(Top *top) { g_qsort_with_data(top->heap, (gint)top->count, sizeof(Hit), compare_for_sort, NULL); }
