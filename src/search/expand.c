/*
 * What a term means beyond its words: the other ways to write it become an OR beside it, and a reading that tells so.
 *
 * 1. Nothing is taken away: what the term finds as written it finds all the same.
 * 2. A query has at most QUERY_LEAVES leaves, a term at most TERM_FORMS other ways; what goes beyond is left out.
 * 3. A reading names only what found something that the asker may see, so that nothing tells of records beyond his gate.
 */
#include "internal.h"
#include "date.h"
#include "text.h"

enum { TERM_FORMS = 12, DATE_CHARACTERS = 24, SAID_MAX = 6, VISITS = 100000 };

typedef struct {
  SearchQuery *query;
  const SearchNode *term;
  GPtrArray *nodes; /* SearchNode*: the other ways */
} Expansion;

static gboolean is_full(const Expansion *expansion) { return expansion->nodes->len >= TERM_FORMS || expansion->query->leaves->len >= QUERY_LEAVES; }

static gboolean is_known(const Expansion *expansion, const char *pattern) {
  if (g_str_equal(expansion->term->pattern, pattern)) return TRUE;
  for (guint i = 0; i < expansion->nodes->len; i++) {
    const SearchNode *node = g_ptr_array_index(expansion->nodes, i);
    if (node->pattern && g_str_equal(node->pattern, pattern)) return TRUE;
  }
  return FALSE;
}

static void add_form(Expansion *expansion, const char *form) {
  g_autofree char *pattern = search_pattern(form, FALSE);
  if (pattern == NULL || is_full(expansion) || is_known(expansion, pattern)) return;
  SearchNode *node = search_node_term(expansion->query, expansion->term, form);
  node->said = g_strdup_printf("“%s”", form);
  g_ptr_array_add(expansion->nodes, node);
}

/* ---- years and days ---- */

static void add_year_forms(Expansion *expansion, int year) {
  int number = 0;
  const char *era = date_era(year, &number);
  g_autofree char *arabic = g_strdup_printf("%d年", year), *digits = search_numeral_digits((guint)year, "〇"), *chinese = g_strconcat(digits, "年", NULL);
  add_form(expansion, arabic);
  add_form(expansion, chinese);
  if (era == NULL) return;
  g_autofree char *words = number == 1 ? g_strdup("元") : search_numeral_words((guint)number);
  g_autofree char *reign = g_strdup_printf("%s%s年", era, words), *figures = g_strdup_printf("%s%d年", era, number);
  add_form(expansion, reign);
  add_form(expansion, figures);
}

/* A plain word that is a year, a decade or a day also finds what is dated so. */
static void add_dates(Expansion *expansion) {
  DateSpan span;
  const char *text = expansion->term->text;
  if (expansion->term->field != FIELD_ANY || strstr(text, "年") == NULL || text_length(text) > DATE_CHARACTERS || is_full(expansion)) return;
  if (!date_parse(text, &span) || span.from == 0) return;
  if (span.from % 10000 == 101 && span.to == span.from + 1130) add_year_forms(expansion, span.from / 10000);
  SearchNode *node = search_node_new(expansion->query, NODE_DATES, expansion->term->positive);
  g_autofree char *said = date_format(span);
  node->date_from = span.from;
  node->date_to = span.to;
  node->said = g_strdup_printf("日期在 %s 的", said);
  g_ptr_array_add(expansion->nodes, node);
}

static void add_numerals(Expansion *expansion) {
  g_autoptr(GPtrArray) forms = search_numeral_forms(expansion->term->text, TERM_FORMS);
  for (guint i = 0; i < forms->len; i++) add_form(expansion, g_ptr_array_index(forms, i));
}

/* ---- the term ---- */

SearchNode *search_expand(SearchQuery *query, SearchNode *term, char *exact) {
  g_autofree char *owned = exact;
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  Expansion expansion = {query, term, nodes};
  if (term->match == MATCH_STANDS && term->field != FIELD_CODE) {
    add_dates(&expansion);
    add_numerals(&expansion);
  }
  if (nodes->len == 0) return term;
  QueryReading *reading = g_new0(QueryReading, 1);
  reading->term = g_strdup(term->text);
  reading->exact = g_steal_pointer(&owned);
  SearchNode *all = search_node_new(query, NODE_OR, term->positive);
  g_ptr_array_add(all->children, term);
  for (guint i = 0; i < nodes->len; i++) g_ptr_array_add(all->children, g_ptr_array_index(nodes, i));
  reading->nodes = g_steal_pointer(&nodes);
  g_ptr_array_add(query->readings, reading);
  return all;
}

/* ---- what it found ---- */

/* Of years only chunks that have days of other years than the line's own are looked through: the rest is told by the year alone. */
void search_dates_add(const Columns *columns, const SearchNode *node, roaring_bitmap_t *bits) {
  gboolean years = node->kind == NODE_YEARS;
  gint32 from = years ? node->year_from * 10000 + 101 : node->date_from, to = years ? node->year_to * 10000 + 1231 : node->date_to;
  for (guint number = 0; number < columns->chunk_count; number++) {
    const Chunk *chunk = columns->chunks[number];
    if (chunk == NULL || chunk->first_day == 0 || chunk->first_day > to || chunk->last_day < from || (years && !chunk->other_years)) continue;
    guint32 ids[CHUNK_LINES];
    gsize count = 0;
    for (guint i = 0; i < CHUNK_LINES; i++) {
      const SearchColumns *line = &chunk->lines[i];
      if (line->level && line->date_from > 0 && line->date_from <= to && search_date_to(line) >= from) ids[count++] = number * CHUNK_LINES + i;
    }
    roaring_bitmap_add_many(bits, count, ids);
  }
}

gboolean search_leaf_admitted(const Leaf *leaf, const Columns *columns, const Scope *scope, gboolean files) {
  if (leaf == NULL || leaf->count == 0) return FALSE;
  roaring_uint32_iterator_t at;
  roaring_init_iterator(leaf->bits, &at);
  for (guint visit = 0; at.has_value && visit < VISITS; visit++, roaring_advance_uint32_iterator(&at)) {
    const SearchColumns *line = columns_line(columns, at.current_value);
    if (line == NULL || !scope_admits(scope, line->level, line->fonds_id, line->security, line->opening)) continue;
    if (!files || scope_admits_files(scope, line->fonds_id, line->security, line->opening)) return TRUE;
  }
  return FALSE;
}

void search_reading_free(SearchReading *reading) {
  g_free(reading->text);
  g_free(reading->exact);
  g_free(reading);
}

/* “北平”还检索了“北京”、“北京市”; NULL: nothing of it found anything. */
static char *reading_text(const QueryReading *reading, gboolean (*tells)(const SearchNode *node, gpointer data), gpointer data) {
  if (reading->nodes->len == 0) return g_strdup(reading->term);
  g_autoptr(GString) text = g_string_new(NULL);
  guint told = 0;
  for (guint i = 0; i < reading->nodes->len; i++) {
    const SearchNode *node = g_ptr_array_index(reading->nodes, i);
    if (!tells(node, data)) continue;
    if (told++ < SAID_MAX) g_string_append_printf(text, "%s%s", told == 1 ? "" : "、", node->said);
  }
  if (told > SAID_MAX) g_string_append(text, "等");
  return told ? g_strdup_printf("“%s”还检索了%s", reading->term, text->str) : NULL;
}

GPtrArray *search_readings(const SearchQuery *query, gboolean (*tells)(const SearchNode *node, gpointer data), gpointer data) {
  GPtrArray *readings = g_ptr_array_new_with_free_func((GDestroyNotify)search_reading_free);
  for (guint i = 0; i < query->readings->len; i++) {
    const QueryReading *one = g_ptr_array_index(query->readings, i);
    char *text = reading_text(one, tells, data);
    if (text == NULL) continue;
    SearchReading *reading = g_new0(SearchReading, 1);
    reading->text = text;
    reading->exact = g_strdup(one->exact);
    g_ptr_array_add(readings, reading);
  }
  return readings;
}
