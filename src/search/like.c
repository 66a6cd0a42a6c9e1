/*
 * Records like one (相似档案): those that share its most telling words.
 *
 * 1. A word's worth is its rarity: words are read from the index with a cap, and one that fills the cap tells nothing. So the cost is bounded by the number
 *    of words, whatever the holdings.
 * 2. Words are pairs of ideographs in the title (longer pieces where pairs are all frequent), its other words, the creator, and whole values of fields.
 * 3. Every record given is admitted by the scope. Words found only on pages play no part.
 * 4. Of the best, those whose title is the very same stand before the others: words chosen for their rarity do not tell a title from a longer one.
 */
#include "internal.h"
#include "text.h"
#include <math.h>

enum { CAP = 800, TERMS_TRIED = 40, TERMS_USED = 12, TELLING_LEAST = 4, VALUE_MOST = 24, SHARED_LEAST = 2, COMPARED_MOST = 50 };
#define SAME_TITLE 1000.0 /* more than all words are worth */

typedef struct {
  char *phrase;
  gboolean title;   /* in titles; else in creators and fields */
  gboolean whole;   /* a whole value: one is enough */
  GArray *ids;      /* guint32; at most CAP */
} Term;

static void term_clear(gpointer data) {
  Term *term = data;
  g_free(term->phrase);
  g_clear_pointer(&term->ids, g_array_unref);
}

static void add_term(GArray *terms, const char *text, gboolean title, gboolean whole) {
  g_autofree char *pattern = search_pattern(text, FALSE);
  if (pattern == NULL || terms->len >= TERMS_TRIED) return;
  Term term = {search_pattern_phrase(pattern, NULL), title, whole, NULL};
  for (guint i = 0; i < terms->len; i++)
    if (g_str_equal(g_array_index(terms, Term, i).phrase, term.phrase) && g_array_index(terms, Term, i).title == title) return g_free(term.phrase);
  g_array_append_val(terms, term);
}

/* Pieces of so many characters of each run of ideographs; with 2 also the words of other scripts. */
static void add_pieces(GArray *terms, const char *folded, guint length) {
  g_auto(GStrv) runs = g_strsplit(folded, " ", -1);
  for (char **run = runs; *run; run++) {
    glong characters = g_utf8_strlen(*run, -1);
    if (**run == '\0') continue;
    if (!text_is_ideograph(g_utf8_get_char(*run))) {
      if (length == 2 && characters >= 3) add_term(terms, *run, TRUE, FALSE);
      continue;
    }
    for (glong at = 0; at + (glong)length <= characters; at++) {
      g_autofree char *piece = g_utf8_substring(*run, at, at + (glong)length);
      add_term(terms, piece, TRUE, FALSE);
    }
  }
}

static void add_value(const char *key, const char *value, gsize length, gpointer terms) {
  g_autofree char *text = g_strndup(value, length);
  glong characters = g_utf8_validate(text, -1, NULL) ? g_utf8_strlen(text, -1) : 0;
  if (characters >= 2 && characters <= VALUE_MOST) add_term(terms, text, FALSE, TRUE);
}

static gboolean read_term(Sql *sql, Term *term, GError **error) {
  g_autoptr(SqlRows) rows = term->title
    ? sql_query(sql, "SELECT rowid AS id FROM search_title WHERE search_title MATCH $1 LIMIT $2", SQL_ARGS(sql_text(term->phrase), sql_int(CAP)), error)
    : sql_query(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH $1 LIMIT $2", SQL_ARGS(sql_text(term->phrase), sql_int(CAP)), error);
  if (rows == NULL) return FALSE;
  term->ids = g_array_sized_new(FALSE, FALSE, sizeof(guint32), 64);
  g_autoptr(GError) failure = NULL;
  int column = sql_column(rows, "id");
  while (sql_next(rows, &failure)) {
    guint32 id = (guint32)sql_int_at(rows, column);
    g_array_append_val(term->ids, id);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

static gboolean is_telling(const Term *term) { return term->ids && term->ids->len >= 2 && term->ids->len < CAP; }

static guint telling(const GArray *terms) {
  guint count = 0;
  for (guint i = 0; i < terms->len; i++) count += is_telling(&g_array_index(terms, Term, i));
  return count;
}

static gboolean read_terms(Sql *sql, GArray *terms, guint from, GError **error) {
  for (guint i = from; i < terms->len; i++)
    if (!read_term(sql, &g_array_index(terms, Term, i), error)) return FALSE;
  return TRUE;
}

static gboolean gather(Sql *sql, const SearchText *text, GArray *terms, GError **error) {
  g_autofree char *title = text_fold(text->title ? text->title : "");
  search_fields_each(text->fields, add_value, terms);
  if (text->creator && *text->creator) add_term(terms, text->creator, FALSE, FALSE);
  add_pieces(terms, title, 2);
  if (!read_terms(sql, terms, 0, error)) return FALSE;
  for (guint length = 4; length <= 6 && telling(terms) < TELLING_LEAST; length += 2) {
    guint from = terms->len;
    add_pieces(terms, title, length);
    if (!read_terms(sql, terms, from, error)) return FALSE;
  }
  return TRUE;
}

static int rarest_first(gconstpointer a, gconstpointer b) {
  const Term *x = a, *y = b;
  guint left = is_telling(x) ? x->ids->len : G_MAXUINT, right = is_telling(y) ? y->ids->len : G_MAXUINT;
  return left < right ? -1 : left > right;
}

typedef struct { double score; guint shared; } Score;

static GHashTable *score_all(const GArray *terms) {
  GHashTable *scores = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  for (guint i = 0; i < MIN(terms->len, TERMS_USED); i++) {
    const Term *term = &g_array_index(terms, Term, i);
    if (!is_telling(term)) break;
    double worth = log((double)CAP * 2 / term->ids->len) * (term->whole ? 2 : 1);
    for (guint k = 0; k < term->ids->len; k++) {
      gpointer id = GUINT_TO_POINTER(g_array_index(term->ids, guint32, k));
      Score *score = g_hash_table_lookup(scores, id);
      if (score == NULL) g_hash_table_insert(scores, id, score = g_new0(Score, 1));
      score->score += worth;
      score->shared += term->whole ? SHARED_LEAST : 1;
    }
  }
  return scores;
}

static int best_first(gconstpointer a, gconstpointer b) {
  const SearchLike *x = a, *y = b;
  return x->score != y->score ? (x->score > y->score ? -1 : 1) : x->id < y->id ? -1 : x->id > y->id;
}

static GArray *rank(Search *search, const Scope *scope, gint64 id, GHashTable *scores) {
  GArray *best = g_array_new(FALSE, FALSE, sizeof(SearchLike));
  SearchColumns own = {0}, line;
  search_columns(search, id, &own);
  GHashTableIter iter;
  gpointer key, value;
  g_hash_table_iter_init(&iter, scores);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    const Score *score = value;
    gint64 other = GPOINTER_TO_UINT(key);
    if (other == id || score->shared < SHARED_LEAST || !search_columns(search, other, &line) || line.level < LEVEL_VOLUME ||
      !scope_admits(scope, (Level)line.level, line.fonds_id, (Security)line.security, (Opening)line.opening)) continue;
    SearchLike like = {other, score->score + (line.category == own.category ? 1 : 0) + (line.fonds_id == own.fonds_id ? 0.5 : 0) + (line.year == own.year ? 0.5 : 0)};
    g_array_append_val(best, like);
  }
  g_array_sort(best, best_first);
  return best;
}

/* The first of the best by their whole titles; text is the record's own. */
static void prefer_same_title(Sql *sql, SearchTextSource source, gpointer data, const SearchText *text, GArray *best) {
  g_autofree char *title = text_fold(text->title ? text->title : "");
  for (guint i = 0; i < MIN(best->len, COMPARED_MOST); i++) {
    SearchLike *like = &g_array_index(best, SearchLike, i);
    SearchText other = {0};
    if (!source(sql, like->id, &other, data)) continue;
    g_autofree char *its = text_fold(other.title ? other.title : "");
    if (g_str_equal(its, title)) like->score += SAME_TITLE;
    search_text_clear(&other);
  }
  g_array_sort(best, best_first);
}

GArray *search_like(Search *search, Sql *sql, const Scope *scope, gint64 id, guint limit, GError **error) {
  SearchText text = {0};
  g_mutex_lock(&search->lock);
  SearchTextSource source = search->text_source;
  gpointer data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  if (source == NULL || search_needs_rebuild(search) || !source(sql, id, &text, data)) return g_array_new(FALSE, FALSE, sizeof(SearchLike));
  g_autoptr(GArray) terms = g_array_new(FALSE, FALSE, sizeof(Term));
  g_array_set_clear_func(terms, term_clear);
  g_autoptr(GError) failure = NULL;
  if (!gather(sql, &text, terms, &failure) && !search_takes_damage(search, sql, &failure))
    return search_text_clear(&text), g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  g_array_sort(terms, rarest_first);
  g_autoptr(GHashTable) scores = score_all(terms);
  GArray *best = rank(search, scope, id, scores);
  prefer_same_title(sql, source, data, &text, best);
  search_text_clear(&text);
  if (best->len > limit) g_array_set_size(best, limit);
  return best;
}
