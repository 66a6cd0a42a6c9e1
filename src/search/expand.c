/*
 * What a term means beyond its words: the other ways to write it become an OR beside it, and a reading that tells so.
 *
 * 1. Nothing is taken away: what the term finds as written it finds all the same.
 * 2. A query has at most QUERY_LEAVES leaves, a term at most TERM_FORMS other ways; what goes beyond is left out.
 * 3. A reading names only what found something that the asker may see, so that nothing tells of records beyond his gate.
 */
#include "query.h"
#include "date.h"
#include "text.h"

enum { TERM_FORMS = 16, NUMERAL_FORMS = 12, DATE_CHARACTERS = 24, VARIANT_CHARACTERS = 4, VARIANTS = 3, VARIANT_FORMS = 4, SAID_MAX = 6, VISITS = 100000,
  CYCLE_YEARS = 12 };

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

/* A year, a month of it or a day (0: none), in figures and in words; for a year also by its place in the cycle of sixty. Lunar months are not reckoned. */
static void add_day_forms(Expansion *expansion, int year, int month, int day) {
  enum { FIGURES, WORDS, WAYS };
  int number = 0;
  const char *era = date_era(year, &number);
  g_autofree char *digits = search_numeral_digits((guint)year, "〇"), *words = number == 1 ? g_strdup("元") : number ? search_numeral_words((guint)number) : NULL;
  g_autofree char *figures = g_strdup_printf("%d", year), *reign = g_strdup_printf("%d", number);
  const char *const years[2][WAYS] = {{figures, digits}, {reign, words}};
  for (guint by_era = 0; by_era < 2 && (!by_era || (era != NULL && (month == 0 || year >= 1912))); by_era++)
    for (guint way = 0; way < WAYS; way++) {
      g_autoptr(GString) form = g_string_new(by_era ? era : "");
      g_string_append_printf(form, "%s年", years[by_era][by_era ? !way : way]);
      for (guint i = 0; i < 2 && (i == 0 ? month : day); i++) {
        int part = i == 0 ? month : day;
        g_autofree char *said = (by_era ? !way : way) == WORDS ? search_numeral_words((guint)part) : g_strdup_printf("%d", part);
        g_string_append_printf(form, "%s%s", said, i == 0 ? "月" : "日");
      }
      add_form(expansion, form->str);
    }
  if (era == NULL || month > 0) return;
  g_autofree char *cycle = date_cycle_name(year), *named = g_strconcat(era, cycle, NULL);
  add_form(expansion, named);
}

static void add_span(Expansion *expansion, DateSpan span) {
  if (is_full(expansion)) return;
  SearchNode *node = search_node_new(expansion->query, NODE_DATES, expansion->term->positive);
  g_autofree char *said = search_span_say(span);
  node->date_from = span.from;
  node->date_to = span.to;
  node->said = g_strdup_printf("日期在 %s 的", said);
  g_ptr_array_add(expansion->nodes, node);
}

/* 辛亥年 may be one of several years: each that the archive has something of tells so. */
static gboolean add_cycle(Expansion *expansion, const char *text) {
  int years[CYCLE_YEARS];
  guint count = date_cycle_parse(text, date_today() / 10000, years, CYCLE_YEARS);
  if (count == 1) add_day_forms(expansion, years[0], 0, 0);
  for (guint i = count; i > 0; i--) add_span(expansion, (DateSpan){years[i - 1] * 10000 + 101, years[i - 1] * 10000 + 1231});
  return count > 0;
}

/* Without 年: only what cannot well be anything else, 2005-01-03, 20050103, 1949-195?. */
static gboolean looks_dated(const char *text) {
  gsize figures = strspn(text, "0123456789");
  if (strstr(text, "年") != NULL) return TRUE;
  return figures == 8 ? text[figures] == '\0' : figures == 4 && text[figures] != '\0' && strchr("-./~", text[figures]) != NULL;
}

/* A plain word that is a year, a decade, a day or a period also finds what is dated so, and the day written otherwise. */
static void add_dates(Expansion *expansion) {
  DateSpan span, years[SEARCH_TIMES];
  const char *text = expansion->term->text;
  if (expansion->term->field != FIELD_ANY || text_length(text) > DATE_CHARACTERS || is_full(expansion)) return;
  if (date_period(text, &span)) return add_span(expansion, span);
  g_autofree char *half = g_utf8_normalize(text, -1, G_NORMALIZE_NFKC);
  if (add_cycle(expansion, text) || half == NULL || !looks_dated(half)) return;
  if (!date_parse(half, &span) || span.from == 0) {
    guint count = g_ascii_isdigit(*half) ? 0 : search_short_years(half, years); /* 五八年; 58年 is as often a number of years */
    for (guint i = 0; i < count; i++) {
      if (years[i].to == years[i].from + 1130) add_day_forms(expansion, years[i].from / 10000, 0, 0);
      add_span(expansion, years[i]);
    }
    return;
  }
  int year = span.from / 10000, month = span.from / 100 % 100, day = span.from % 100;
  if (day == 1 && month == 1 && span.to == year * 10000 + 1231) add_day_forms(expansion, year, 0, 0);
  else if (span.from == span.to) add_day_forms(expansion, year, month, day);
  else if (day == 1 && span.to / 100 == span.from / 100 && span.to % 100 >= 28) add_day_forms(expansion, year, month, 0);
  add_span(expansion, span);
}

static void add_numerals(Expansion *expansion) {
  g_autoptr(GPtrArray) forms = search_numeral_forms(expansion->term->text, NUMERAL_FORMS);
  for (guint i = 0; i < forms->len; i++) add_form(expansion, g_ptr_array_index(forms, i));
}

/* ---- words, characters, names ---- */

static void add_synonyms(Expansion *expansion) {
  g_autoptr(GPtrArray) forms = search_synonym_forms(expansion->query->synonyms, expansion->term->text, TERM_FORMS);
  for (guint i = 0; i < forms->len; i++) add_form(expansion, g_ptr_array_index(forms, i));
}

/* 峯 beside 峰: one character at a time, in terms that are short words or names; numbers are written otherwise. */
static void add_variants(Expansion *expansion) {
  glong length;
  g_autofree gunichar *text = g_utf8_to_ucs4_fast(expansion->term->text, -1, &length);
  if (length < 2 || length > VARIANT_CHARACTERS) return;
  for (glong i = 0; i < length; i++)
    if (!text_is_ideograph(text[i]) || g_utf8_strchr("〇零一二三四五六七八九十百千年月日号第", -1, text[i])) return;
  guint most = expansion->nodes->len + VARIANT_FORMS;
  for (glong i = 0; i < length; i++) {
    gunichar folded[18], variants[VARIANTS], own = text[i];
    if (text_fold_character(own, folded) != 1) continue;
    guint count = search_han_variants(folded[0], variants, VARIANTS);
    for (guint v = 0; v < count && expansion->nodes->len < most; v++) {
      text[i] = variants[v];
      g_autofree char *form = g_ucs4_to_utf8(text, length, NULL, NULL, NULL);
      if (form) add_form(expansion, form);
    }
    text[i] = own;
  }
}

static void add_spelling(Expansion *expansion, const char *written, gboolean prefix) {
  SearchField field = expansion->term->field;
  g_autofree char *pattern = search_name_pattern(written, prefix, field == FIELD_CATEGORY);
  if (pattern == NULL || is_full(expansion)) return;
  SearchNode *node = search_node_new(expansion->query, NODE_TERM, expansion->term->positive);
  node->field = field;
  node->match = MATCH_NAME;
  node->names = g_strdup(expansion->term->names);
  node->text = g_strdup(written);
  node->said = g_strdup_printf("拼音为 %s 的姓名", pattern);
  node->pattern = g_steal_pointer(&pattern);
  g_ptr_array_add(expansion->nodes, node);
}

/* As it is written, and with the surname last: wei zhang. */
static void add_name(Expansion *expansion, const char *written, gboolean prefix) {
  const char *last = strrchr(written, ' ');
  g_autofree char *turned = last == NULL || prefix ? NULL : g_strdup_printf("%s %.*s", last + 1, (int)(last - written), written);
  add_spelling(expansion, written, prefix);
  if (turned != NULL) add_spelling(expansion, turned, FALSE);
}

/* ---- the term ---- */

/* The node beside its other ways of writing, and their reading. */
static SearchNode *join_forms(SearchQuery *query, SearchNode *node, const char *term, GPtrArray *forms, const char *exact) {
  QueryReading *reading = g_new0(QueryReading, 1);
  reading->term = g_strdup(term);
  reading->exact = g_strdup(exact);
  reading->nodes = g_ptr_array_ref(forms);
  g_ptr_array_add(query->readings, reading);
  SearchNode *all = search_node_new(query, NODE_OR, node->positive);
  g_ptr_array_add(all->children, node);
  for (guint i = 0; i < forms->len; i++) g_ptr_array_add(all->children, g_ptr_array_index(forms, i));
  return all;
}

/* Some name of the term's field is one of dates; under the label's own name a delivery may have dates as well. */
static gboolean is_of_days(const SearchQuery *query, const SearchNode *term) {
  g_auto(GStrv) list = g_strsplit(query->dates && term->field == FIELD_CATEGORY ? term->names : "", "\t", -1);
  gboolean found = FALSE;
  for (char **name = list; *name != NULL; name++) found = found || search_name_listed(query->dates, *name);
  return found;
}

/* A date asked in a field of dates: the days it means, beside the words as they are written. What lies before or after all dates means none. */
static SearchNode *expand_days(SearchQuery *query, SearchNode *term) {
  enum { FIRST_DAY = 10000101, LAST_DAY = 29991231 }; /* of dates (date.h) */
  DateSpan spans[SEARCH_TIMES];
  char *said = NULL;
  guint count = is_of_days(query, term) ? search_times_read(term->text, spans, &said) : 0, kept = 0;
  if (count == 0 || query->leaves->len + count > QUERY_LEAVES) return g_free(said), NULL;
  if (said) search_query_tell(query, said);
  for (guint i = 0; i < count; i++) {
    DateSpan span = {MAX(spans[i].from, FIRST_DAY), MIN(spans[i].to, LAST_DAY)};
    if (span.from <= span.to) spans[kept++] = span;
  }
  if (kept == 0) return term;
  SearchNode *all = search_node_new(query, NODE_OR, term->positive);
  g_ptr_array_add(all->children, term);
  for (guint i = 0; i < kept; i++) {
    SearchNode *days = search_node_new(query, NODE_TERM, term->positive);
    days->field = FIELD_CATEGORY;
    days->match = MATCH_DAYS;
    days->names = g_strdup(term->names);
    days->text = g_strdup(term->text);
    days->date_from = spans[i].from;
    days->date_to = spans[i].to;
    g_ptr_array_add(all->children, days);
  }
  return all;
}

SearchNode *search_expand(SearchQuery *query, SearchNode *term, char *exact) {
  g_autofree char *owned = exact;
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  Expansion expansion = {query, term, nodes};
  gboolean prefix = g_str_has_suffix(term->text, "*"), named = term->field == FIELD_ANY || term->field == FIELD_CREATOR || term->field == FIELD_CATEGORY;
  g_autofree char *written = g_strndup(term->text, strlen(term->text) - prefix);
  if (term->match == MATCH_GLOB) add_dates(&expansion); /* 1949-195? */
  else if (term->match != MATCH_STANDS || term->field == FIELD_CODE) return term;
  SearchNode *days = expand_days(query, term);
  if (days != NULL) return days;
  if (named && term->match == MATCH_STANDS) add_name(&expansion, written, prefix);
  if (!prefix && term->match == MATCH_STANDS) {
    add_dates(&expansion);
    add_synonyms(&expansion);
    add_numerals(&expansion);
    add_variants(&expansion);
  }
  return nodes->len ? join_forms(query, term, term->text, nodes, owned) : term;
}

/* zhang wei, as one writes it: words that stand side by side are also looked for as one name. */
SearchNode *search_expand_name(SearchQuery *query, SearchNode *words, const char *written, const char *exact) {
  g_autoptr(GPtrArray) nodes = g_ptr_array_new();
  SearchNode like = {.kind = NODE_TERM, .field = FIELD_ANY, .positive = words->positive};
  Expansion expansion = {query, &like, nodes};
  add_name(&expansion, written, FALSE);
  return nodes->len ? join_forms(query, words, written, nodes, exact) : words;
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
