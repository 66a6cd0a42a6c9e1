/*
 * Grams (gram.h): units of folded text and their hashes, the selection of frequent grams, the state in the database.
 *
 * 1. Two grams of one stream are told apart by 64 bits of a hash; the selection has some ten thousand.
 */
#include "gram.h"
#include "text.h"

struct GramSelection {
  gatomicrefcount references;
  gint64 number;
  guint size, mask;
  guint64 *keys; /* 0: free */
  guint32 *numbers;
};

/* ---- units ---- */

static guint64 mix(guint64 hash, guint64 value) {
  guint64 z = (hash ^ value) * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
  return (z ^ z >> 29) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
}

static guint64 hash_bytes(const char *from, const char *to) {
  guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
  for (const char *at = from; at < to; at++) hash = (hash ^ (guchar)*at) * G_GUINT64_CONSTANT(0x100000001b3);
  return mix(hash, (guint64)(to - from));
}

GArray *search_units(const char *folded) {
  GArray *units = g_array_new(FALSE, FALSE, sizeof(Unit));
  for (const char *at = folded; *at;) {
    if (*at == ' ') {
      at++;
      continue;
    }
    const char *end = strchrnul(at, ' ');
    gboolean ideographs = text_is_ideograph(g_utf8_get_char(at)), spaced = units->len > 0;
    while (at < end) {
      const char *next = ideographs ? g_utf8_next_char(at) : end;
      Unit unit = {hash_bytes(at, next), at, next, spaced, ideographs};
      g_array_append_val(units, unit);
      spaced = FALSE;
      at = next;
    }
  }
  return units;
}

guint64 search_gram_hash_on(guint64 hash, const Unit *next) { return mix(mix(hash, next->spaced ? 2 : 1), next->hash); }

guint64 search_gram_hash(const GArray *units, guint first, guint count) {
  guint64 hash = g_array_index(units, Unit, first).hash;
  for (guint i = first + 1; i < first + count; i++) hash = search_gram_hash_on(hash, &g_array_index(units, Unit, i));
  return hash;
}

guint64 search_stream(const char *name) { return hash_bytes(name, name + strlen(name)); }

/* ---- the selection ---- */

GramSelection *search_gram_selection_new(gint64 number) {
  GramSelection *selection = g_new0(GramSelection, 1);
  g_atomic_ref_count_init(&selection->references);
  selection->number = number;
  selection->mask = 1023;
  selection->keys = g_new0(guint64, selection->mask + 1);
  selection->numbers = g_new0(guint32, selection->mask + 1);
  return selection;
}

void search_gram_selection_unref(GramSelection *selection) {
  if (selection == NULL || !g_atomic_ref_count_dec(&selection->references)) return;
  g_free(selection->keys);
  g_free(selection->numbers);
  g_free(selection);
}

static guint place_of(const GramSelection *selection, guint64 key) {
  guint place = (guint)(key >> 20) & selection->mask;
  while (selection->keys[place] && selection->keys[place] != key) place = (place + 1) & selection->mask;
  return place;
}

static void grow(GramSelection *selection) {
  guint mask = selection->mask;
  g_autofree guint64 *keys = selection->keys;
  g_autofree guint32 *numbers = selection->numbers;
  selection->mask = mask * 2 + 1;
  selection->keys = g_new0(guint64, selection->mask + 1);
  selection->numbers = g_new0(guint32, selection->mask + 1);
  for (guint i = 0; i <= mask; i++) {
    if (keys[i] == 0) continue;
    guint place = place_of(selection, keys[i]);
    selection->keys[place] = keys[i];
    selection->numbers[place] = numbers[i];
  }
}

guint search_gram_selection_add(GramSelection *selection, guint64 key) {
  if (key == 0) key = 1;
  if (selection->size * 3 > selection->mask) grow(selection);
  guint place = place_of(selection, key);
  if (selection->keys[place] == 0) {
    selection->keys[place] = key;
    selection->numbers[place] = selection->size++;
  }
  return selection->numbers[place];
}

guint search_gram_selection_size(const GramSelection *selection) { return selection->size; }

gint64 search_gram_number(const GramSelection *selection, guint64 key) {
  if (key == 0) key = 1;
  guint place = place_of(selection, key);
  return selection->keys[place] ? (gint64)selection->numbers[place] : -1;
}

/* ---- the database ---- */

gboolean search_gram_state(Sql *sql, GramState *ret, GError **error) {
  *ret = (GramState){0};
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT selection, covered, records FROM search_gram_state WHERE id = 1", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  if (sql_next(rows, &failure))
    *ret = (GramState){sql_get_int(rows, "selection"), (guint)CLAMP(sql_get_int(rows, "covered"), 0, BLOCK_LINES), sql_get_int(rows, "records")};
  if (failure) g_propagate_error(error, g_steal_pointer(&failure));
  return error == NULL || *error == NULL;
}

/* Keys go by the order of their numbers from 0 on; before them, as number -1, stands their sum (not in selections of before there were sums). */
static GramSelection *read_selection(Search *search, Sql *sql, GramSet set, gint64 number, GError **error) {
  g_autoptr(GramSelection) selection = search_gram_selection_new(number);
  /* All of them on purpose: once for each selection. */
  g_autoptr(SqlRows) rows = set == GRAMS_PAGE ? sql_query(sql, "SELECT number, key FROM search_gram_page_key ORDER BY number", SQL_NONE, error) :
    sql_query(sql, "SELECT number, key FROM search_gram_key ORDER BY number", SQL_NONE, error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(guint64));
  gint64 sum = -1;
  gboolean whole = TRUE;
  while (sql_next(rows, &failure)) {
    guint64 key = (guint64)sql_int_at(rows, 1);
    if (sql_int_at(rows, 0) == GRAM_KEYS_SUM) {
      sum = (gint64)key;
      continue;
    }
    whole = whole && sql_int_at(rows, 0) == keys->len;
    g_array_append_val(keys, key);
    search_gram_selection_add(selection, key);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (!whole || (sum >= 0 && sum != search_gram_keys_sum(keys))) return search_damage(search, error), NULL;
  return g_steal_pointer(&selection);
}

gint64 search_gram_keys_sum(const GArray *keys) { return search_sum(keys->data, keys->len * sizeof(guint64), 0); }

GramSelection *search_gram_selection(Search *search, Sql *sql, GramSet set, gint64 number, GError **error) {
  g_mutex_lock(&search->lock);
  GramSelection *known = search->grams[set] && search->grams[set]->number == number ? search->grams[set] : NULL;
  if (known) g_atomic_ref_count_inc(&known->references);
  g_mutex_unlock(&search->lock);
  if (known) return known;
  GramSelection *selection = read_selection(search, sql, set, number, error);
  if (selection == NULL) return NULL;
  g_mutex_lock(&search->lock);
  if (search->grams[set] == NULL || search->grams[set]->number < number) {
    GramSelection *former = search->grams[set];
    g_atomic_ref_count_inc(&selection->references);
    search->grams[set] = selection;
    search_gram_selection_unref(former);
  }
  g_mutex_unlock(&search->lock);
  return selection;
}
