/*
 * Showing where a query's terms stand in a text: matches are found in the folded text, as the index finds them, and carried back to the original.
 *
 * 1. The folded text made here equals text_fold's (a test holds them together); beside each of its bytes stands the original character it came from.
 * 2. Pieces in order make up the text (or the snippet) exactly; no piece is empty; neighbours differ in being marked.
 */
#include "query.h"
#include "text.h"

typedef enum { KIND_NONE, KIND_LETTER, KIND_IDEOGRAPH } Kind;

typedef struct {
  GString *folded;
  GArray *origins;    /* guint32 per folded byte: number of the original character */
  GArray *starts;     /* guint32 per original character: its first byte; one more for the end */
  Kind kind;          /* of the run being written; NONE: a separator is due or was just written */
} Map;

static void map_clear(Map *map) {
  g_string_free(map->folded, TRUE);
  g_array_unref(map->origins);
  g_array_unref(map->starts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Map, map_clear)

/* A character that folds to nothing either separates or is passed over (combining marks): folding it between two letters tells. */
static gboolean is_separator(gunichar character) {
  if (character < 0x80) return TRUE;
  char probe[10] = "a";
  int length = g_unichar_to_utf8(character, probe + 1);
  probe[1 + length] = 'a';
  probe[2 + length] = '\0';
  g_autofree char *folded = text_fold(probe);
  return strcmp(folded, " aa ") != 0;
}

static void append_folded(Map *map, gunichar character, guint32 origin) {
  char bytes[6];
  int length = g_unichar_to_utf8(character, bytes);
  g_string_append_len(map->folded, bytes, length);
  for (int i = 0; i < length; i++) g_array_append_val(map->origins, origin);
}

static void end_run(Map *map, guint32 origin) {
  if (map->kind != KIND_NONE) append_folded(map, ' ', origin);
  map->kind = KIND_NONE;
}

static void map_character(Map *map, gunichar character, guint32 origin) {
  gunichar folded[18];
  guint count = text_fold_character(character, folded);
  if (count == 0 && is_separator(character)) end_run(map, origin);
  for (guint i = 0; i < count; i++) {
    Kind kind = folded[i] == ' ' ? KIND_NONE : text_is_ideograph(folded[i]) ? KIND_IDEOGRAPH : KIND_LETTER;
    if (kind != map->kind) end_run(map, origin);
    if (kind != KIND_NONE) append_folded(map, folded[i], origin);
    map->kind = kind;
  }
}

static void map_text(Map *map, const char *text) {
  map->folded = g_string_sized_new(strlen(text) + 8);
  map->origins = g_array_new(FALSE, FALSE, sizeof(guint32));
  map->starts = g_array_new(FALSE, FALSE, sizeof(guint32));
  guint32 origin = 0;
  append_folded(map, ' ', 0);
  for (const char *at = text; *at; at = g_utf8_next_char(at), origin++) {
    guint32 start = (guint32)(at - text);
    g_array_append_val(map->starts, start);
    map_character(map, g_utf8_get_char(at), origin);
  }
  guint32 end = (guint32)strlen(text);
  g_array_append_val(map->starts, end);
  end_run(map, origin ? origin - 1 : 0);
}

char *search_mark_folded(const char *text) {
  g_auto(Map) map = {0};
  map_text(&map, text);
  return g_strdup(map.folded->str);
}

/* Sets marks[character] for every place of the term. */
static void mark_term(const Map *map, const char *term, guint8 *marks) {
  gsize length = strlen(term);
  gboolean prefix = length > 0 && term[length - 1] == '*';
  if (g_str_has_prefix(term, SEARCH_NAME_MARK)) return; /* search_record_terms tells which names */
  g_autofree char *text = g_strndup(term, prefix ? length - 1 : length);
  g_autofree char *pattern = search_pattern(text, prefix);
  if (pattern == NULL) return;
  gsize bytes = strlen(pattern);
  guint leading = pattern[0] == ' ', trailing = pattern[bytes - 1] == ' ';
  for (const char *at = map->folded->str; (at = strstr(at, pattern)); at += MAX(1, bytes / 16)) { /* overlapping places, but not byte by byte in a long one */
    gsize first = (gsize)(at - map->folded->str) + leading, last = (gsize)(at - map->folded->str) + bytes - 1 - trailing;
    guint32 from = g_array_index(map->origins, guint32, first), to = g_array_index(map->origins, guint32, last);
    memset(marks + from, 1, to - from + 1);
  }
}

static void append_piece(json_t *pieces, const char *text, gsize length, gboolean marked) {
  if (length == 0) return;
  json_t *piece = json_object();
  json_object_set_new(piece, "t", json_stringn(text, length));
  if (marked) json_object_set_new(piece, "m", json_true());
  json_array_append_new(pieces, piece);
}

/* The window of at most max characters around the first mark. */
static void choose_window(const guint8 *marks, guint count, guint max, guint *ret_from, guint *ret_to) {
  *ret_from = 0;
  *ret_to = count;
  if (max == 0 || count <= max) return;
  guint first = 0;
  while (first < count && !marks[first]) first++;
  if (first == count) first = 0;
  guint lead = max / 4;
  *ret_from = MIN(first > lead ? first - lead : 0, count - max);
  *ret_to = *ret_from + max;
}

json_t *search_mark(GPtrArray *terms, const char *text, guint max) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
  g_auto(Map) map = {0};
  map_text(&map, valid);
  guint count = map.starts->len - 1;
  g_autofree guint8 *marks = g_malloc0(count + 1);
  for (guint i = 0; terms && i < terms->len; i++) mark_term(&map, g_ptr_array_index(terms, i), marks);
  guint from, to;
  choose_window(marks, count, max, &from, &to);
  json_t *pieces = json_array();
  const guint32 *starts = (const guint32 *)(void *)map.starts->data;
  if (from > 0) append_piece(pieces, "…", strlen("…"), FALSE);
  for (guint at = from, next; at < to; at = next) {
    for (next = at + 1; next < to && marks[next] == marks[at];) next++;
    append_piece(pieces, valid + starts[at], starts[next] - starts[at], marks[at]);
  }
  if (to < count) append_piece(pieces, "…", strlen("…"), FALSE);
  return pieces;
}
