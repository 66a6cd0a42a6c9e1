/*
 * field:value on a field of a category, or on a header that a delivery brought of its own: the term stands anywhere in a value of that field.
 *
 * 1. A field goes by its name (search_name): two keys with one name are one field. A question names one or several, joined by tabs; each that some record has
 *    is asked by itself, for which there may be bitmaps (gram-find.c).
 * 2. The index tells which records have the term in some field, and of many also which of them have the field, and which a value of it that begins
 *    with the term (the anchor stands before it). What it leaves open the records' own fields tell, read in the asker's snapshot in the order of ids.
 * 3. Looking into records ends at the question's time with an error that says how to ask for less.
 * 4. Memory is that of three bitmaps and one record's fields, however many there are.
 */
#include "error.h"
#include "internal.h"
#include "text.h"

enum { FEW = 2000 }; /* so many records are read sooner than the index is asked for their fields */

/* ---- names ---- */

void search_name_append(GString *out, const char *key) {
  gboolean plain = TRUE;
  for (const char *at = key; *at; at++) plain = plain && (g_ascii_islower(*at) || g_ascii_isdigit(*at));
  if (plain) {
    g_string_append(out, key);
    return;
  }
  g_autofree char *folded = text_fold(key);
  for (const char *at = folded; *at; at++)
    if (*at != ' ') g_string_append_c(out, *at);
}

char *search_name(const char *key) {
  GString *name = g_string_new(NULL);
  search_name_append(name, key);
  return g_string_free(name, FALSE);
}

gboolean search_name_listed(const char *names, const char *name) {
  gsize length = strlen(name);
  for (const char *at = names; *at;) {
    const char *end = strchrnul(at, '\t');
    if ((gsize)(end - at) == length && memcmp(at, name, length) == 0) return TRUE;
    at = *end ? end + 1 : end;
  }
  return FALSE;
}

static char *anchor_phrase(const char *name) {
  GString *phrase = g_string_new("\"");
  search_token_append_anchor(phrase, name);
  g_string_append_c(phrase, '"');
  return g_string_free(phrase, FALSE);
}

static gboolean is_known(Sql *sql, const char *name, Component component, GError **error) {
  g_autofree char *anchor = anchor_phrase(name), *phrase = g_strconcat("fields : ", anchor, NULL);
  const SqlValue *args = SQL_ARGS(sql_text(phrase));
  if (component == COMPONENT_CLOSED) return sql_number(sql, "SELECT rowid AS id FROM search_closed WHERE search_closed MATCH $1 LIMIT 1", args, 0, error) > 0;
  return sql_number(sql, "SELECT rowid AS id FROM search_text WHERE search_text MATCH $1 LIMIT 1", args, 0, error) > 0;
}

gboolean search_name_known(Sql *sql, const char *name) { return is_known(sql, name, COMPONENT_CATEGORY, NULL); }

/* ---- what the index tells ---- */

/* Records with a value of one of the fields that begins with the term. */
static Leaf *read_beginning(Sql *sql, const LeafKey *key, GError **error) {
  g_auto(GStrv) list = g_strsplit(key->names, "\t", 0);
  g_autoptr(GString) phrase = g_string_new("fields : (");
  for (guint i = 0; list[i]; i++) {
    g_autofree char *one = search_pattern_phrase(key->pattern, list[i]);
    g_string_append_printf(phrase, "%s%s", i ? " OR " : "", one);
  }
  g_string_append_c(phrase, ')');
  return search_leaf_read(sql, key->component, phrase->str, 0, error);
}

/* Records with the term in any value; named: and with one of the fields. */
static Leaf *read_holding(Sql *sql, const LeafKey *key, gboolean named, GError **error) {
  g_auto(GStrv) list = g_strsplit(named ? key->names : "", "\t", 0);
  g_autofree char *term = search_pattern_phrase(key->pattern, NULL);
  g_autoptr(GString) phrase = g_string_new("fields : (");
  g_string_append(phrase, term);
  for (guint i = 0; list[i]; i++) {
    g_autofree char *anchor = anchor_phrase(list[i]);
    g_string_append_printf(phrase, "%s%s%s", i ? " OR " : " AND (", anchor, list[i + 1] ? "" : ")");
  }
  g_string_append_c(phrase, ')');
  return search_leaf_read(sql, key->component, phrase->str, 0, error);
}

/* ---- what the records tell ---- */

typedef struct {
  const char *names, *pattern;
  GString *name, *folded; /* scratch */
  gboolean found;
} Check;

static void check_value(const char *key, const char *value, gsize length, gpointer data) {
  Check *check = data;
  if (check->found) return;
  g_string_truncate(check->name, 0);
  search_name_append(check->name, key);
  if (!search_name_listed(check->names, check->name->str)) return;
  g_string_truncate(check->folded, 0);
  text_fold_append(check->folded, value, (gssize)length);
  check->found = search_pattern_in(check->pattern, check->folded->str);
}

/* Adds those of the possible records that have the term in the field; FALSE: the time is over. */
static gboolean add_checked(Search *search, Sql *sql, gint64 until, const LeafKey *key, const roaring_bitmap_t *possible, roaring_bitmap_t *bits) {
  g_mutex_lock(&search->lock);
  SearchTextSource source = search->text_source;
  gpointer source_data = search->text_source_data;
  g_mutex_unlock(&search->lock);
  Check check = {key->names, key->pattern, g_string_new(NULL), g_string_new(NULL), FALSE};
  roaring_uint32_iterator_t *at = roaring_create_iterator(possible);
  guint seen = 0;
  for (; source && at->has_value && !(until && ++seen % QUESTION_EVERY == 0 && search_turn_clock() > until); roaring_advance_uint32_iterator(at)) {
    SearchText text = {0};
    check.found = FALSE;
    if (source(sql, at->current_value, &text, source_data))
      search_fields_each(key->component == COMPONENT_CLOSED ? text.closed : text.fields, check_value, &check);
    if (check.found) roaring_bitmap_add(bits, at->current_value);
    search_text_clear(&text);
  }
  gboolean good = source == NULL || !at->has_value;
  roaring_free_uint32_iterator(at);
  g_string_free(check.name, TRUE);
  g_string_free(check.folded, TRUE);
  return good;
}

Leaf *search_field_any(Sql *sql, const char *names, Component component, GError **error) {
  g_auto(GStrv) list = g_strsplit(names, "\t", 0);
  g_autoptr(GString) phrase = g_string_new("fields : (");
  for (guint i = 0; list[i]; i++) {
    g_autofree char *anchor = anchor_phrase(list[i]);
    g_string_append_printf(phrase, "%s%s", i ? " OR " : "", anchor);
  }
  g_string_append_c(phrase, ')');
  return search_leaf_read(sql, component, phrase->str, 0, error);
}

/* Names are often two, the key's and the label's, of which records have one. */
static Leaf *load_each(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  g_auto(GStrv) list = g_strsplit(key->names, "\t", 0);
  g_autoptr(GError) failure = NULL;
  roaring_bitmap_t *bits = roaring_bitmap_create();
  for (guint i = 0; list[i] && failure == NULL; i++) {
    const LeafKey one = {key->component, list[i], key->pattern};
    if (!is_known(sql, list[i], key->component, &failure)) continue;
    g_autoptr(Leaf) leaf = search_leaf_load(search, sql, view, &one, &failure);
    if (leaf) roaring_bitmap_or_inplace(bits, leaf->bits);
  }
  if (failure == NULL) return search_leaf_new(bits);
  roaring_bitmap_free(bits);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

Leaf *search_field_load(Search *search, Sql *sql, const SearchView *view, const LeafKey *key, GError **error) {
  if (strchr(key->names, '\t')) return load_each(search, sql, view, key, error);
  g_autoptr(Leaf) possible = read_holding(sql, key, FALSE, error), certain = NULL;
  if (possible == NULL) return NULL;
  if (possible->count > FEW) {
    g_clear_pointer(&possible, search_leaf_unref);
    possible = read_holding(sql, key, TRUE, error);
    certain = possible ? read_beginning(sql, key, error) : NULL;
    if (certain == NULL) return NULL;
    roaring_bitmap_andnot_inplace(possible->bits, certain->bits);
  }
  roaring_bitmap_t *bits = certain ? roaring_bitmap_copy(certain->bits) : roaring_bitmap_create();
  if (add_checked(search, sql, view->until, key, possible->bits, bits)) return search_leaf_new(bits);
  roaring_bitmap_free(bits);
  g_autofree char *asked = g_strstrip(g_strdup(key->pattern));
  return throw_null(error, LANTAI_ERROR_INVALID, "著录项里有“%s”的条目太多，没有逐条看完：请多写几个字，或再加一个检索词", asked);
}
