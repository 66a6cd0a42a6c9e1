/*
 * Terms that ask for more than that their words stand somewhere: the whole value of a field, a number with ? and *, a name by its sound.
 *
 * 1. The index gives the records that may match; what it leaves open is looked up in the codes in memory or in the records' own words.
 * 2. Looking ends at the question's time (SearchView) with an error that says how to ask for less; a pattern costs at most its length times the value's.
 */
#include "error.h"
#include "query.h"
#include "text.h"

typedef struct {
  Search *search;
  Sql *sql;
  const Columns *columns;
  const SearchNode *node;
  SearchTextSource source;
  gpointer source_data;
  char *whole; /* MATCH_WHOLE: folded, without spaces */
  gint64 until; /* 0: never */
  gboolean closed; /* closed fields count */
  gboolean found;
} Look;

/* ---- patterns with ? and * ---- */

/* Of a character that folds to nothing: not one that is dropped, as the accent behind its letter. */
static gboolean is_separator(gunichar c) {
  char text[9] = "x";
  gint length = c < 128 ? 0 : g_unichar_to_utf8(c, text + 1);
  text[1 + length] = 'x';
  g_autofree char *folded = length ? text_fold(text) : NULL;
  return folded == NULL || strchr(folded + 1, ' ')[1] != '\0';
}

/* One character of a number: folded, each row of separators one space. */
static void append_plain(GString *out, gunichar c) {
  gunichar folded[18];
  guint count = text_fold_character(c, folded);
  if (count == 0 && is_separator(c)) folded[count++] = ' ';
  for (guint i = 0; i < count; i++) {
    if (folded[i] == ' ' && (out->len == 0 || out->str[out->len - 1] == ' ')) continue;
    g_string_append_unichar(out, folded[i]);
  }
}

static char *plain_number(const char *text) {
  g_autoptr(GString) out = g_string_new(" ");
  for (const char *at = text; *at; at = g_utf8_next_char(at)) append_plain(out, g_utf8_get_char(at));
  if (out->str[out->len - 1] != ' ') g_string_append_c(out, ' ');
  return g_string_free(g_steal_pointer(&out), FALSE);
}

char *search_glob_pattern(const char *text) {
  g_autoptr(GString) out = g_string_new("*");
  gboolean begun = FALSE, literal = FALSE;
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == 0xFF1F) c = '?';
    if (c == 0xFF0A) c = '*';
    gunichar folded[18];
    if (!begun && c != '*' && c != '?' && text_fold_character(c, folded) == 0) continue;
    if (!begun && c != '*' && !text_is_ideograph(c)) g_string_append_c(out, ' '); /* a letter or digit begins its run */
    begun = TRUE;
    if (c == '*' || c == '?') {
      if (c == '?' || out->str[out->len - 1] != '*') g_string_append_c(out, (char)c);
      continue;
    }
    gsize before = out->len;
    append_plain(out, c);
    literal = literal || (out->len > before && out->str[out->len - 1] != ' ');
  }
  if (!literal) return NULL;
  const char *last = g_utf8_find_prev_char(out->str, out->str + out->len);
  if (last && *last != '*' && *last != ' ' && !text_is_ideograph(g_utf8_get_char(last))) g_string_append_c(out, ' ');
  if (out->str[out->len - 1] != '*') g_string_append_c(out, '*');
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* ? is one character but a separator. Only the last * is gone back to, so the cost is at most the product of the lengths. */
static gboolean glob_matches(const char *pattern, const char *text) {
  const char *star = NULL, *from = NULL;
  while (*text) {
    if (*pattern == '*') {
      star = pattern++;
      from = text;
    } else if (*pattern == '?' && *text != ' ') {
      pattern++;
      text = g_utf8_next_char(text);
    } else if (*pattern && *pattern != '?' && g_utf8_get_char(pattern) == g_utf8_get_char(text)) {
      pattern = g_utf8_next_char(pattern);
      text = g_utf8_next_char(text);
    } else if (star) {
      pattern = star + 1;
      text = from = g_utf8_next_char(from);
    } else return FALSE;
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

gboolean search_glob_in(const char *pattern, const char *value) {
  g_autofree char *plain = plain_number(value);
  return glob_matches(pattern, plain);
}

/* The longest run of letters and digits that stands whole in the pattern (or its beginning, then with prefix); NULL: none. */
static char *glob_anchor(const char *pattern) {
  g_autofree char *best = NULL;
  gsize longest = 0;
  for (const char *at = pattern; *at;) {
    gsize length = strcspn(at, " ?*");
    gboolean begins = at > pattern && at[-1] == ' ', whole = at[length] == ' ';
    if (begins && length > 0 && length + whole > longest && g_ascii_isalnum(*at)) {
      gsize ascii = 0;
      while (ascii < length && g_ascii_isalnum(at[ascii])) ascii++;
      longest = ascii + whole;
      g_free(best);
      best = g_strdup_printf("\"%.*s\"%s", (int)ascii, at, whole && ascii == length ? "" : " *");
    }
    at += length + (at[length] != '\0');
  }
  return g_steal_pointer(&best);
}

/* What every value has in which the pattern stands: the ideographs of it, each of which begins a token wherever it stands; NULL: none. */
static char *glob_characters(const char *pattern) {
  enum { MOST = 4 };
  g_autoptr(GString) phrase = g_string_new(NULL);
  guint count = 0;
  for (const char *at = pattern; *at && count < MOST; at = g_utf8_next_char(at)) {
    if (!text_is_ideograph(g_utf8_get_char(at))) continue;
    g_string_append_printf(phrase, "%s\"%.*s\" *", count ? " AND " : "", (int)(g_utf8_next_char(at) - at), at);
    count++;
  }
  return count ? g_string_free(g_steal_pointer(&phrase), FALSE) : NULL;
}

/* ---- whole values ---- */

static char *without_spaces(const char *folded) {
  GString *out = g_string_new(NULL);
  for (const char *at = folded; *at; at++)
    if (*at != ' ') g_string_append_c(out, *at);
  return g_string_free(out, FALSE);
}

/* Two characters are the same whole with and without a space between them: 张　伟. */
static gboolean is_pair(const char *whole) { return g_utf8_strlen(whole, -1) == 2 && strlen(whole) > 2; }

static gboolean is_whole(const Look *look, const char *folded) {
  g_autofree char *plain = without_spaces(folded);
  return g_str_equal(plain, look->whole) && (is_pair(look->whole) || search_pattern_in(look->node->pattern, folded));
}

/* One of several in a value: 张卫国、李重阳, or a document's bodies. */
static gboolean has_whole(const Look *look, const char *value) {
  for (const char *begin = value, *at = value;; at = g_utf8_next_char(at)) {
    if (*at && g_utf8_strchr("、；;，,", -1, g_utf8_get_char(at)) == NULL) continue;
    if (*at == '\0' && begin == value) return FALSE;
    g_autoptr(GString) folded = g_string_new(NULL);
    text_fold_append(folded, begin, at - begin);
    if (is_whole(look, folded->str)) return TRUE;
    if (*at == '\0') return FALSE;
    begin = g_utf8_next_char(at);
  }
}

static gboolean value_matches(const Look *look, const char *value, gsize length) {
  g_autoptr(GString) folded = g_string_new(NULL);
  g_autofree char *text = g_strndup(value, length);
  if (look->node->match == MATCH_ANY) return length > 0;
  if (look->node->match == MATCH_GLOB) return search_glob_in(look->node->pattern, text);
  if (look->node->match == MATCH_DAYS) return search_days_touch((DateSpan){look->node->date_from, look->node->date_to}, value, length);
  text_fold_append(folded, value, (gssize)length);
  if (look->node->match == MATCH_NAME) return search_names_in(look->node->pattern, value, length, folded->str);
  gboolean several = look->node->field == FIELD_CATEGORY || look->node->field == FIELD_CREATOR;
  return is_whole(look, folded->str) || (several && has_whole(look, text));
}

static void check_field(const char *key, const char *value, gsize length, gpointer data) {
  Look *look = data;
  if (look->found) return;
  if (look->node->field == FIELD_CATEGORY) {
    g_autofree char *name = search_name(key);
    if (!search_name_listed(look->node->names, name)) return;
  } else if (!g_str_equal(key, "former_code")) return; /* numbers in words at large: those that codes had before count */
  look->found = value_matches(look, value, length);
}

static void check_name(const char *key, const char *value, gsize length, gpointer data) {
  Look *look = data;
  look->found = look->found || value_matches(look, value, length);
}

static gboolean text_matches(Look *look, const SearchText *text) {
  SearchField field = look->node->field;
  if (look->node->match == MATCH_NAME && field != FIELD_CATEGORY) {
    look->found = text->creator && value_matches(look, text->creator, strlen(text->creator));
    if (field == FIELD_ANY) search_fields_each(text->fields, check_name, look);
    if (field == FIELD_ANY && look->closed) search_fields_each(text->closed, check_name, look);
    return look->found;
  }
  const char *one = field == FIELD_TITLE ? text->title : field == FIELD_CREATOR ? text->creator : field == FIELD_DOCNO || field == FIELD_ANY ? text->docno : NULL;
  look->found = one && *one && value_matches(look, one, strlen(one));
  if (!look->found && (field == FIELD_CATEGORY || field == FIELD_ANY)) search_fields_each(text->fields, check_field, look);
  if (look->closed && field == FIELD_CATEGORY) search_fields_each(text->closed, check_field, look);
  return look->found;
}

static gboolean record_matches(Look *look, guint32 id) {
  SearchField field = look->node->field;
  gboolean coded = field == FIELD_CODE || (field == FIELD_ANY && look->node->match == MATCH_GLOB);
  const char *kept = coded ? columns_code(look->columns, id) : NULL;
  gboolean cut = kept && strlen(kept) >= CODE_MAX;
  if (kept && !cut && value_matches(look, kept, strlen(kept))) return TRUE;
  if (field == FIELD_CODE && !cut) return FALSE;
  SearchText text = {.brief = field == FIELD_TITLE || field == FIELD_CREATOR || field == FIELD_DOCNO};
  gboolean good = look->source && look->source(look->sql, id, &text, look->source_data);
  good = good && ((cut && text.code && value_matches(look, text.code, strlen(text.code))) || (field != FIELD_CODE && text_matches(look, &text)));
  search_text_clear(&text);
  return good;
}

static Leaf *check_all(Look *look, const roaring_bitmap_t *possible, GError **error) {
  Leaf *leaf = search_leaf_new(roaring_bitmap_create());
  roaring_uint32_iterator_t at;
  roaring_init_iterator(possible, &at);
  for (guint seen = 1; at.has_value; seen++, roaring_advance_uint32_iterator(&at)) {
    const SearchColumns *line = columns_line(look->columns, at.current_value);
    if (line && line->level && record_matches(look, at.current_value)) roaring_bitmap_add(leaf->bits, at.current_value);
    if (seen % QUESTION_EVERY || look->until == 0 || search_turn_clock() < look->until) continue;
    leaf->cut = look->node->said != NULL; /* one of several ways to write a term: as far as one comes */
    if (leaf->cut) break;
    search_leaf_unref(leaf);
    return throw_null(error, LANTAI_ERROR_INVALID, "“%s”要看的条目太多：请多写几个字或数字，或再加一个检索词", look->node->text);
  }
  leaf->count = roaring_bitmap_get_cardinality(leaf->bits);
  return leaf;
}

static Leaf *check_everything(Look *look, GError **error) {
  roaring_bitmap_t *all = roaring_bitmap_from_range(0, (guint64)look->columns->chunk_count * CHUNK_LINES, 1);
  Leaf *leaf = check_all(look, all, error);
  roaring_bitmap_free(all);
  return leaf;
}

/* ---- what the index says ---- */

/* Columns of search_text where the field stands. */
static const char *columns_of(SearchField field) {
  static const char *const names[] = {[FIELD_ANY] = "{creator code docno fields} : ", [FIELD_TITLE] = "", [FIELD_CREATOR] = "creator : ", [FIELD_CODE] = "code : ",
    [FIELD_DOCNO] = "docno : ", [FIELD_CATEGORY] = "fields : "};
  return names[field];
}

static Leaf *read_possible(const Look *look, const char *phrase, GError **error) {
  if (look->node->field == FIELD_TITLE) return search_leaf_read(look->sql, COMPONENT_TITLE, phrase, 0, error);
  g_autofree char *placed = g_strdup_printf("%s(%s)", columns_of(look->node->field), phrase);
  Leaf *leaf = search_leaf_read(look->sql, COMPONENT_OTHER, placed, 0, error);
  if (leaf == NULL || !look->closed || (look->node->field != FIELD_ANY && look->node->field != FIELD_CATEGORY)) return leaf;
  g_autoptr(Leaf) open = leaf, closed = search_leaf_read(look->sql, COMPONENT_CLOSED, phrase, 0, error);
  return closed ? search_leaf_new(roaring_bitmap_or(open->bits, closed->bits)) : NULL;
}

static Leaf *load_name(Look *look, GError **error) {
  g_autofree char *phrase = search_name_phrase(look->node->pattern);
  Leaf *leaf = read_possible(look, phrase, error);
  if (leaf == NULL || look->node->field != FIELD_CATEGORY) return leaf;
  Leaf *checked = check_all(look, leaf->bits, error);
  search_leaf_unref(leaf);
  return checked;
}

static Leaf *load_whole(Look *look, GError **error) {
  g_autofree char *phrase = search_pattern_phrase(look->node->pattern, NULL);
  g_autoptr(GString) phrases = g_string_new(phrase);
  if (is_pair(look->whole)) {
    const char *second = g_utf8_next_char(look->whole);
    g_string_append_printf(phrases, " OR \"%s\" OR \"%.*s %s\"", look->whole, (int)(second - look->whole), look->whole, second);
  }
  g_autoptr(Leaf) possible = read_possible(look, phrases->str, error);
  return possible ? check_all(look, possible->bits, error) : NULL;
}

static Leaf *load_days(Look *look, GError **error) {
  g_autofree char *phrase = search_days_phrase((DateSpan){look->node->date_from, look->node->date_to}, look->node->names);
  return *phrase ? read_possible(look, phrase, error) : search_leaf_new(roaring_bitmap_create());
}

static Leaf *load_any(const Look *look, GError **error) {
  g_autoptr(Leaf) open = search_field_any(look->sql, look->node->names, COMPONENT_CATEGORY, error);
  g_autoptr(Leaf) closed = open && look->closed ? search_field_any(look->sql, look->node->names, COMPONENT_CLOSED, error) : NULL;
  if (open == NULL || (look->closed && closed == NULL)) return NULL;
  return search_leaf_new(closed ? roaring_bitmap_or(open->bits, closed->bits) : roaring_bitmap_copy(open->bits));
}

static Leaf *load_glob(Look *look, GError **error) {
  g_autofree char *word = glob_anchor(look->node->pattern), *anchor = word ? g_steal_pointer(&word) : glob_characters(look->node->pattern);
  if (anchor) {
    g_autoptr(Leaf) possible = read_possible(look, anchor, error);
    return possible ? check_all(look, possible->bits, error) : NULL;
  }
  return check_everything(look, error);
}

Leaf *search_match_load(Search *search, Sql *sql, const SearchView *view, const SearchNode *node, guint how, GError **error) {
  g_autofree char *folded = text_fold(node->text), *whole = without_spaces(folded);
  Look look = {.search = search, .sql = sql, .columns = view->columns, .node = node, .whole = whole, .until = view->until,
    .closed = (how & MATCH_CLOSED) != 0};
  g_mutex_lock(&search->lock);
  look.source = search->text_source;
  look.source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  if (how & MATCH_SCAN) return check_everything(&look, error);
  if (node->match == MATCH_NAME) return load_name(&look, error);
  if (node->match == MATCH_DAYS) return load_days(&look, error);
  if (node->match == MATCH_ANY) return load_any(&look, error);
  return node->match == MATCH_WHOLE ? load_whole(&look, error) : load_glob(&look, error);
}
