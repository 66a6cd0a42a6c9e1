/*
 * A pattern in the codes that the columns keep (column.c): which of some records have it, without reading a record.
 *
 * 1. Folding is per character, so what a code's beginning up to a sign that separates folds to, all codes that begin so begin with. Records that follow each
 *    other mostly begin alike: what is found out of one such beginning holds for all that have it, and for a whole chunk when its first and last code have it.
 * 2. A code of CODE_MAX bytes may have been cut: of such a one nothing is said.
 */
#include "internal.h"
#include "text.h"

enum { FOLDED_MOST = 50000 /* codes that are folded: some ten milliseconds */ };

typedef struct {
  const Columns *columns;
  const char *pattern;
  char *head;       /* the pattern's units that are whole, with the spaces around them; NULL: none */
  GString *folded;
  guint looked;
  char begin[CODE_MAX + 1]; /* codes with this beginning … */
  gsize begin_length;       /* 0: nothing is known */
  gboolean holds;           /* … have the pattern, or have it not but where the head stands twice */
  GArray *removed;          /* Range */
} Look;
typedef struct { guint64 from, to; } Range;

static const char *fold(Look *look, const char *code, gsize length) {
  g_string_truncate(look->folded, 0);
  text_fold_append(look->folded, code, (gssize)length);
  look->looked++;
  return look->folded->str;
}

/* Remembers the shortest beginning of the code that tells whether the pattern stands in it. */
static void learn(Look *look, const char *code, gboolean holds) {
  look->begin_length = 0;
  look->holds = holds;
  for (const char *at = code; *at && (holds || look->head); at++) {
    if ((guchar)*at >= 0x80 || g_ascii_isalnum(*at)) continue;
    gsize length = (gsize)(at - code) + 1;
    const char *folded = fold(look, code, length), *stands = holds ? NULL : strstr(folded, look->head);
    if (holds ? strstr(folded, look->pattern) == NULL : stands == NULL || stands[strlen(look->head)] == '\0') continue;
    memcpy(look->begin, code, length);
    look->begin[look->begin_length = length] = '\0';
    return;
  }
}

static gboolean begins(const Look *look, const char *code) { return look->begin_length > 0 && strncmp(code, look->begin, look->begin_length) == 0; }

/* FALSE: that cannot be told. */
static gboolean look_at(Look *look, guint32 id, gboolean *ret) {
  const char *code = columns_code(look->columns, id);
  if (strnlen(code, CODE_MAX) == CODE_MAX) return FALSE;
  *ret = strstr(fold(look, code, strlen(code)), look->pattern) != NULL;
  return TRUE;
}

static void remove_range(Look *look, guint64 from, guint64 to) {
  Range *last = look->removed->len ? &g_array_index(look->removed, Range, look->removed->len - 1) : NULL;
  if (last && last->to == from) last->to = to;
  else g_array_append_vals(look->removed, &(Range){from, to}, 1);
}

static gboolean walk(Look *look, const roaring_bitmap_t *bits) {
  roaring_uint32_iterator_t at;
  guint current = G_MAXUINT;
  for (roaring_init_iterator(bits, &at); at.has_value;) {
    guint32 id = at.current_value;
    guint number = id / CHUNK_LINES;
    const Chunk *chunk = number < look->columns->chunk_count ? look->columns->chunks[number] : NULL;
    gboolean living = columns_line(look->columns, id) != NULL, holds = FALSE;
    if (living && number != current && begins(look, chunk->first) && begins(look, chunk->last)) {
      guint64 end = (guint64)(number + 1) * CHUNK_LINES;
      if (!look->holds) remove_range(look, id, end);
      if (end > G_MAXUINT32 || !roaring_move_uint32_iterator_equalorlarger(&at, (guint32)end)) break;
      continue;
    }
    current = number;
    if (living && begins(look, columns_code(look->columns, id))) holds = look->holds;
    else if (living) {
      if (look->looked > FOLDED_MOST || !look_at(look, id, &holds)) return FALSE;
      learn(look, columns_code(look->columns, id), holds);
    }
    if (!holds) remove_range(look, id, (guint64)id + 1);
    roaring_advance_uint32_iterator(&at);
  }
  return TRUE;
}

/* The pattern up to its last space; NULL: nothing stands before that. */
static char *head_of(const char *pattern) {
  const char *space = strrchr(pattern, ' ');
  return space && space > pattern ? g_strndup(pattern, (gsize)(space - pattern) + 1) : NULL;
}

gboolean search_codes_narrow(const Columns *columns, const char *pattern, roaring_bitmap_t *bits, const roaring_bitmap_t *repeated) {
  g_autoptr(GString) folded = g_string_sized_new(CODE_MAX);
  g_autoptr(GArray) removed = g_array_new(FALSE, FALSE, sizeof(Range));
  g_autofree char *head = repeated ? head_of(pattern) : NULL;
  Look look = {.columns = columns, .pattern = pattern, .head = head, .folded = folded, .removed = removed};
  roaring_bitmap_t *again = repeated ? roaring_bitmap_and(bits, repeated) : roaring_bitmap_create();
  gboolean good = roaring_bitmap_get_cardinality(again) <= FOLDED_MOST && walk(&look, bits);
  for (guint i = 0; good && i < removed->len; i++) {
    Range range = g_array_index(removed, Range, i);
    roaring_bitmap_remove_range(bits, range.from, range.to);
  }
  roaring_uint32_iterator_t at;
  for (roaring_init_iterator(again, &at); good && at.has_value; roaring_advance_uint32_iterator(&at)) {
    gboolean holds = FALSE;
    good = columns_line(columns, at.current_value) == NULL || look_at(&look, at.current_value, &holds);
    if (holds) roaring_bitmap_add(bits, at.current_value);
  }
  roaring_bitmap_free(again);
  return good;
}
