/*
 * Names for files and folders made of codes and titles, which may hold anything.
 *
 * 1. A name that every file system takes stays as it is; another gets eight digits of its digest behind it, so that two that are cleaned to the same differ.
 * 2. Names given before are remembered as hashes: eight bytes each, however many.
 */
#include "internal.h"
#include "crypto.h"
#include <string.h>

enum { NAME_BYTES = 200, EXTENSION_BYTES = 16 };

struct Names {
  GHashTable *taken; /* 64-bit hash of the folded name */
};

Names *names_new(void) {
  Names *names = g_new0(Names, 1);
  names->taken = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  return names;
}

void names_free(Names *names) {
  if (names == NULL) return;
  g_hash_table_unref(names->taken);
  g_free(names);
}

static gboolean is_reserved(const char *name) {
  static const char *const words[] = {"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3",
    "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"};
  const char *dot = strchr(name, '.');
  gsize length = dot ? (gsize)(dot - name) : strlen(name);
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (strlen(words[i]) == length && g_ascii_strncasecmp(words[i], name, length) == 0) return TRUE;
  return FALSE;
}

/* Signs that are no part of a name become "_"; blanks and dots at the ends go. */
static char *clean(const char *wanted) {
  g_autofree char *valid = g_utf8_make_valid(wanted, -1);
  GString *name = g_string_new(NULL);
  for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    gboolean bad = c < 0x20 || (c >= 0x7F && c < 0xA0) || (c < 0x80 && strchr("/\\:*?\"<>|", (int)c)) || (c >= 0x200B && c <= 0x200F) ||
      (c >= 0x202A && c <= 0x202E) || c == 0xFEFF;
    g_string_append_unichar(name, bad ? '_' : c);
  }
  while (name->len > 0 && strchr(" .", name->str[name->len - 1])) g_string_truncate(name, name->len - 1);
  while (name->len > 0 && (name->str[0] == ' ' || (name->str[0] == '.'))) g_string_erase(name, 0, 1);
  if (name->len == 0) g_string_assign(name, "_");
  if (is_reserved(name->str)) g_string_prepend_c(name, '_');
  return g_string_free(name, FALSE);
}

/* stem + mark + extension in NAME_BYTES, cut between characters. */
static char *fit(const char *name, const char *mark) {
  const char *dot = strrchr(name, '.');
  if (dot == name || (dot && strlen(dot) > EXTENSION_BYTES)) dot = NULL;
  const char *extension = dot ? dot : "";
  gsize stem = dot ? (gsize)(dot - name) : strlen(name), room = NAME_BYTES - strlen(mark) - strlen(extension);
  if (stem > room) {
    const char *end = name + room;
    while (end > name && ((guchar)*end & 0xC0) == 0x80) end--;
    stem = (gsize)(end - name);
  }
  return g_strdup_printf("%.*s%s%s", (int)stem, name, mark, extension);
}

static gboolean take(Names *names, const char *name) {
  g_autofree char *folded = g_utf8_casefold(name, -1);
  g_autofree char *normal = g_utf8_normalize(folded, -1, G_NORMALIZE_ALL_COMPOSE);
  g_autofree char *hex = crypto_digest_hex(DIGEST_SHA256, normal, strlen(normal));
  hex[16] = '\0';
  gint64 *hash = g_new(gint64, 1);
  *hash = (gint64)g_ascii_strtoull(hex, NULL, 16);
  if (!g_hash_table_contains(names->taken, hash)) return g_hash_table_add(names->taken, hash);
  g_free(hash);
  return FALSE;
}

char *names_take(Names *names, const char *wanted) {
  g_autofree char *name = clean(wanted);
  if ((g_str_equal(name, wanted) && strlen(name) <= NAME_BYTES) && take(names, name)) return g_steal_pointer(&name);
  g_autofree char *hex = crypto_digest_hex(DIGEST_SHA256, wanted, strlen(wanted));
  hex[8] = '\0';
  for (guint number = 1;; number++) {
    g_autofree char *mark = number == 1 ? g_strconcat("~", hex, NULL) : g_strdup_printf("~%s~%u", hex, number);
    g_autofree char *made = fit(name, mark);
    if (take(names, made)) return g_steal_pointer(&made);
  }
}
