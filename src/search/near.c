/*
 * Words near one that finds nothing: two characters exchanged, one too many, one other, one missing, or a name or a short word that sounds the same.
 *
 * 1. Nothing is offered but what the asker finds by it, and other characters are read only from titles, creators and document numbers of records that his
 *    scope admits; names come as search_terms has them.
 * 2. Looking ends after NEAR_US: then fewer are offered.
 * 3. The numerals of a word stay as they are, each where it is: another year, day or number is not a slip of the pen.
 */
#include "error.h"
#include "query.h"
#include "text.h"

enum { LENGTH_LEAST = 2, LENGTH_MOST = 12, SAMPLE = 60, OF_A_PLACE = 3, NAME_LENGTH = 4, NEAR_US = 400000, HOMOPHONES = 400 };

typedef struct { char *text; glong length; guint64 count; } Found;

typedef struct {
  Search *search;
  Sql *sql;
  const Scope *scope;
  SearchTextSource source;
  gpointer source_data;
  const gunichar *word; /* folded, one run of letters or ideographs */
  guint length;
  GHashTable *tried;
  GArray *found;        /* Found */
  gint64 until;
} Near;

static void found_clear(gpointer data) { g_free(((Found *)data)->text); }

static gboolean is_late(const Near *near) { return g_get_monotonic_time() > near->until; }

/* What a question finds of what the asker may see. */
static SearchResult *ask(const Near *near, const char *query, guint limit, GError **error) {
  SearchRequest request = {.query = query, .limit = limit};
  return search_run(near->search, near->sql, near->scope, &request, error);
}

static gboolean try_query(Near *near, const char *text, const char *query, GError **error) {
  if (is_late(near) || !g_hash_table_add(near->tried, g_strdup(text))) return TRUE;
  g_autoptr(SearchResult) result = ask(near, query, 0, error);
  if (result == NULL) return FALSE;
  Found one = {g_strdup(text), g_utf8_strlen(text, -1), result->count};
  if (result->count > 0) g_array_append_val(near->found, one);
  else found_clear(&one);
  return TRUE;
}

static gboolean try_text(Near *near, const char *text, GError **error) {
  g_autofree char *query = g_strconcat("\"", text, "\"", NULL);
  return try_query(near, text, query, error);
}

static gboolean is_numeral(gunichar c) { return g_utf8_strchr("〇零一二三四五六七八九十百千廿卅", -1, c) != NULL; }

/* What stands before, between and behind the numerals aside, both have the same. */
static gboolean is_same_number(const Near *near, const gunichar *letters, guint length) {
  guint i = 0, k = 0;
  for (;;) {
    guint skipped = i, others = k;
    while (i < near->length && !is_numeral(near->word[i])) i++;
    while (k < length && !is_numeral(letters[k])) k++;
    if ((i < near->length) != (k < length)) return FALSE;
    if (i == near->length) return TRUE;
    if (near->word[i] != letters[k] || (i == skipped) != (k == others)) return FALSE;
    i++, k++;
  }
}

static gboolean try_letters(Near *near, const gunichar *letters, guint length, GError **error) {
  if (!is_same_number(near, letters, length)) return TRUE;
  g_autofree char *text = g_ucs4_to_utf8(letters, length, NULL, NULL, NULL);
  return text == NULL || try_text(near, text, error);
}

/* ---- exchanged, too many ---- */

static gboolean try_own(Near *near, GError **error) {
  gunichar letters[LENGTH_MOST];
  for (guint i = 0; i + 1 < near->length; i++) {
    memcpy(letters, near->word, near->length * sizeof *letters);
    letters[i] = near->word[i + 1];
    letters[i + 1] = near->word[i];
    if (!try_letters(near, letters, near->length, error)) return FALSE;
  }
  for (guint i = 0; near->length > LENGTH_LEAST && i < near->length; i++) {
    memcpy(letters, near->word, i * sizeof *letters);
    memcpy(letters + i, near->word + i + 1, (near->length - i - 1) * sizeof *letters);
    if (!try_letters(near, letters, near->length - 1, error)) return FALSE;
  }
  return TRUE;
}

/* ---- another, missing: read from what has the rest of the word ---- */

typedef struct { const gunichar *left, *right; guint left_length, right_length; GHashTable *counts; } Gap;

static gboolean is_of_kind(gunichar c, gboolean ideograph) { return c != ' ' && text_is_ideograph(c) == ideograph; }

/* Characters that stand between left and right in the text, counted. */
static void read_gaps(const Gap *gap, const char *text, gboolean ideograph) {
  if (text == NULL || *text == '\0') return;
  g_autofree char *folded = text_fold(text);
  glong length;
  g_autofree gunichar *at = g_utf8_to_ucs4_fast(folded, -1, &length);
  guint whole = gap->left_length + 1 + gap->right_length;
  for (glong i = 0; i + (glong)whole <= length; i++) {
    gunichar between = at[i + gap->left_length];
    if (!is_of_kind(between, ideograph) || memcmp(at + i, gap->left, gap->left_length * sizeof *at) != 0 ||
      memcmp(at + i + gap->left_length + 1, gap->right, gap->right_length * sizeof *at) != 0) continue;
    gpointer count = g_hash_table_lookup(gap->counts, GUINT_TO_POINTER(between));
    g_hash_table_insert(gap->counts, GUINT_TO_POINTER(between), GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
  }
}

static gunichar take_most(GHashTable *counts) {
  GHashTableIter iter;
  gpointer key, value, best = NULL;
  guint most = 0;
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &key, &value))
    if (GPOINTER_TO_UINT(value) > most || (GPOINTER_TO_UINT(value) == most && GPOINTER_TO_UINT(key) < GPOINTER_TO_UINT(best)))
      most = GPOINTER_TO_UINT(value), best = key;
  if (best) g_hash_table_remove(counts, best);
  return GPOINTER_TO_UINT(best);
}

static SearchResult *ask_rest(const Near *near, const Gap *gap, GError **error) {
  g_autofree char *left = g_ucs4_to_utf8(gap->left, gap->left_length, NULL, NULL, NULL), *right = g_ucs4_to_utf8(gap->right, gap->right_length, NULL, NULL, NULL);
  g_autofree char *query = *left == '\0' ? g_strdup_printf("=\"%s\"", right) : *right == '\0' ? g_strdup_printf("=\"%s\"", left)
    : g_strdup_printf("=\"%s\" =\"%s\"", left, right);
  return ask(near, query, SAMPLE, error);
}

/* The word with one character between its first `left` and what begins at `right`. */
static gboolean try_gap(Near *near, guint left, guint right, GError **error) {
  Gap gap = {near->word, near->word + right, left, near->length - right, NULL};
  gboolean ideograph = text_is_ideograph(near->word[0]);
  if (MAX(gap.left_length, gap.right_length) < 2 || left + 1 + gap.right_length > LENGTH_MOST || !ideograph || is_late(near)) return TRUE;
  g_autoptr(SearchResult) result = ask_rest(near, &gap, error);
  if (result == NULL) return FALSE;
  g_autoptr(GHashTable) counts = gap.counts = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < result->ids->len; i++) {
    SearchText text = {0};
    if (!near->source(near->sql, g_array_index(result->ids, gint64, i), &text, near->source_data)) continue;
    const char *const told[] = {text.title, text.creator, text.docno};
    for (guint k = 0; k < G_N_ELEMENTS(told); k++) read_gaps(&gap, told[k], ideograph);
    search_text_clear(&text);
  }
  gunichar letters[LENGTH_MOST];
  memcpy(letters, gap.left, left * sizeof *letters);
  memcpy(letters + left + 1, gap.right, gap.right_length * sizeof *letters);
  for (guint i = 0; i < OF_A_PLACE && g_hash_table_size(counts) > 0; i++) {
    letters[left] = take_most(counts);
    if (!try_letters(near, letters, left + 1 + gap.right_length, error)) return FALSE;
  }
  return TRUE;
}

static gboolean try_read(Near *near, GError **error) {
  for (guint i = 0; i < near->length; i++)
    if (!try_gap(near, i, i + 1, error)) return FALSE;
  for (guint i = 1; i < near->length; i++)
    if (!try_gap(near, i, i, error)) return FALSE;
  return TRUE;
}

/* ---- names that sound so ---- */

static gboolean try_sound(Near *near, GError **error) {
  g_autoptr(GString) letters = g_string_new(NULL);
  if (near->length > NAME_LENGTH || is_late(near)) return TRUE;
  for (guint i = 0; i < near->length; i++) {
    const char *readings = search_han_readings(near->word[i]);
    if (readings == NULL) return TRUE;
    g_string_append_len(letters, readings, (gssize)strcspn(readings, " "));
  }
  g_autoptr(SearchResult) result = ask(near, letters->str, SAMPLE, error);
  if (result == NULL) return FALSE;
  for (guint i = 0; i < result->ids->len; i++) {
    g_autoptr(GPtrArray) names = search_terms(near->search, near->sql, letters->str, g_array_index(result->ids, gint64, i));
    for (guint k = 0; k < names->len; k++)
      if (g_utf8_strlen(names->pdata[k], -1) == (glong)near->length && !try_text(near, names->pdata[k], error)) return FALSE;
  }
  return TRUE;
}

/* Where nothing else is near: one character of a short word taken for another that sounds so, as who types by sound does; the rest of so short a word tells too
 * little. Asked for exactly: else each variant of the right one would find as much. */
static gboolean try_homophones(Near *near, GError **error) {
  gunichar letters[LENGTH_MOST], others[HOMOPHONES];
  if (near->length > NAME_LENGTH || near->found->len > 0) return TRUE;
  for (guint i = 0; i < near->length; i++) {
    guint count = search_han_homophones(near->word[i], others, HOMOPHONES);
    memcpy(letters, near->word, near->length * sizeof *letters);
    for (guint k = 0; k < count && !is_late(near); k++) {
      letters[i] = others[k];
      if (!is_same_number(near, letters, near->length)) continue;
      g_autofree char *text = g_ucs4_to_utf8(letters, near->length, NULL, NULL, NULL), *exactly = g_strdup_printf("=\"%s\"", text);
      if (!try_query(near, text, exactly, error)) return FALSE;
    }
  }
  return TRUE;
}

/* ---- the list ---- */

/* With a character more before one of the same length, what has lost one last; then those that find most. */
static int compare_found(gconstpointer a, gconstpointer b) {
  const Found *x = a, *y = b;
  if (x->length != y->length) return x->length > y->length ? -1 : 1;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return strcmp(x->text, y->text);
}

/* The word folded, when it is one run of ideographs or of letters; its length, 0: it is not. */
static guint one_run(const char *word, gunichar *ret) {
  g_autofree char *folded = text_fold(word);
  g_strstrip(folded);
  glong length = g_utf8_strlen(folded, -1);
  if (length < LENGTH_LEAST || length > LENGTH_MOST) return 0;
  g_autofree gunichar *letters = g_utf8_to_ucs4_fast(folded, -1, NULL);
  for (glong i = 0; i < length; i++)
    if (!is_of_kind(letters[i], text_is_ideograph(letters[0])) || g_unichar_isdigit(letters[i])) return 0;
  memcpy(ret, letters, (gsize)length * sizeof *ret);
  return (guint)length;
}

GPtrArray *search_near(Search *search, Sql *sql, const Scope *scope, const char *word, guint limit, GError **error) {
  gunichar letters[LENGTH_MOST];
  g_autofree char *valid = g_utf8_make_valid(word ? word : "", -1);
  g_autoptr(GHashTable) tried = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Found));
  g_array_set_clear_func(found, found_clear);
  Near near = {.search = search, .sql = sql, .scope = scope, .word = letters, .length = one_run(valid, letters), .tried = tried, .found = found,
    .until = g_get_monotonic_time() + NEAR_US};
  g_mutex_lock(&search->lock);
  near.source = search->text_source;
  near.source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
  if (near.length == 0 || near.source == NULL || search_needs_rebuild(search) || scope->opening_mask == 0) return list;
  g_autofree char *own = g_ucs4_to_utf8(letters, near.length, NULL, NULL, NULL);
  g_hash_table_add(tried, g_steal_pointer(&own));
  if (!try_own(&near, error) || !try_sound(&near, error) || !try_read(&near, error) || !try_homophones(&near, error)) return g_ptr_array_unref(list), NULL;
  g_array_sort(found, compare_found);
  for (guint i = 0; i < found->len && list->len < limit; i++) {
    const char *text = g_array_index(found, Found, i).text;
    gboolean told = FALSE; /* a part of what is offered already */
    for (guint k = 0; k < list->len; k++) told = told || strstr(list->pdata[k], text) != NULL;
    if (!told) g_ptr_array_add(list, g_strdup(text));
  }
  return list;
}
