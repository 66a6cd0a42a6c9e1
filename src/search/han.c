/* What Unihan says of folded ideographs (han-table.h, made by tools/han-table.c): how they are read, and their variants. */
#include "query.h"
#include "han-table.h"

const char *search_han_readings(gunichar character) {
  gsize low = 0, high = G_N_ELEMENTS(HAN_READING);
  while (low < high) {
    gsize middle = (low + high) / 2;
    if (HAN_READING[middle].character == character) return HAN_READING[middle].readings;
    if (HAN_READING[middle].character < character) low = middle + 1;
    else high = middle;
  }
  return NULL;
}

static gboolean is_read(const char *readings, const char *syllable, gsize length) {
  for (const char *at = readings; at != NULL && *at != '\0'; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : "")
    if (strncmp(at, syllable, length) == 0 && (at[length] == ' ' || at[length] == '\0')) return TRUE;
  return FALSE;
}

guint search_han_homophones(gunichar character, gunichar *ret, guint most) {
  const char *own = search_han_readings(character);
  gsize length = own == NULL ? 0 : strcspn(own, " ");
  guint count = 0;
  for (gsize i = 0; length > 0 && i < G_N_ELEMENTS(HAN_READING) && count < most; i++) {
    gunichar other = HAN_READING[i].character;
    if (other >= 0x4E00 && other <= 0x9FFF && other != character && is_read(HAN_READING[i].readings, own, length)) ret[count++] = other;
  }
  return count;
}

guint search_han_variants(gunichar character, gunichar *ret, guint most) {
  gsize low = 0, high = G_N_ELEMENTS(HAN_VARIANT);
  guint count = 0;
  while (low < high) {
    gsize middle = (low + high) / 2;
    if (HAN_VARIANT[middle].character < character) low = middle + 1;
    else high = middle;
  }
  for (; low < G_N_ELEMENTS(HAN_VARIANT) && HAN_VARIANT[low].character == character && count < most; low++) ret[count++] = HAN_VARIANT[low].variant;
  return count;
}

gboolean search_han_is_syllable(const char *syllable) {
  static GHashTable *known;
  static gsize made;
  if (g_once_init_enter(&made)) {
    GHashTable *syllables = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(HAN_READING); i++) {
      g_auto(GStrv) words = g_strsplit(HAN_READING[i].readings, " ", -1);
      for (char **word = words; *word; word++)
        if (strpbrk(*word, "aeiouv") && !g_hash_table_contains(syllables, *word)) g_hash_table_add(syllables, g_strdup(*word));
    }
    known = syllables;
    g_once_init_leave(&made, 1);
  }
  return g_hash_table_contains(known, syllable);
}

/* What is left of the letters goes on with the character at `at`: its whole syllable, or its first letter; the last syllable may be begun only. */
static gboolean sounds_on(const char *letters, const char *at) {
  if (*letters == '\0') return TRUE;
  const char *readings = *at == '\0' ? NULL : search_han_readings(g_utf8_get_char(at));
  g_auto(GStrv) words = readings == NULL ? NULL : g_strsplit(readings, " ", -1);
  for (char **word = words; word != NULL && *word != NULL; word++) {
    gsize length = strlen(*word), same = 0;
    while (same < length && letters[same] == (*word)[same]) same++;
    if (same > 0 && letters[same] == '\0') return TRUE;
    if (same == length && sounds_on(letters + length, g_utf8_next_char(at))) return TRUE;
    if (same > 0 && length > 1 && sounds_on(letters + 1, g_utf8_next_char(at))) return TRUE;
  }
  return FALSE;
}

gboolean search_sounds_in(const char *letters, const char *folded) {
  enum { LETTERS_MAX = 24 };
  gsize length = strlen(letters);
  if (length == 0 || length > LETTERS_MAX || strspn(letters, "abcdefghijklmnopqrstuvwxyz") != length) return FALSE;
  for (; *folded != '\0'; folded = g_utf8_next_char(folded))
    if (sounds_on(letters, folded)) return TRUE;
  return FALSE;
}
