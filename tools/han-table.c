/*
 * Makes han-table.h (argv[1]) at build time from Unicode's Unihan data (argv[2] Unihan_Readings.txt, argv[3] Unihan_Variants.txt; Unicode licence,
 * https://www.unicode.org/license.txt): how ideographs are read in Mandarin, and which are variants of one another.
 *
 * 1. Only folded characters (src/base/text.h) have entries: what a text folds to is looked up, never the text itself.
 * 2. Readings are without tones, ü is v, the most usual first. They come from the word counts of Hanyu Pinlu, then from the dictionaries.
 * 3. Two characters are variants when Unihan says so of either, they fold to different ones, and not both are of everyday use (GB 2312): 峯 and 峰, not 后 and 後.
 */
#include "text.h"
#include <string.h>

enum { LIMIT = 0x40000, READINGS = 6 };
static char *readings[LIMIT][READINGS];

static gunichar folded(gunichar c) {
  gunichar form[18];
  return text_fold_character(c, form) == 1 && text_is_ideograph(form[0]) ? form[0] : 0;
}

/* chóu → chou, lüè → lve; NULL: no reading. */
static char *plain(const char *syllable, gsize length) {
  g_autofree char *text = g_strndup(syllable, length), *parts = g_utf8_normalize(text, -1, G_NORMALIZE_NFD);
  g_autoptr(GString) out = g_string_new(NULL);
  for (const char *at = parts; at && *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (g_ascii_islower((char) MIN(c, 127))) g_string_append_c(out, (char) c);
    else if (c == 0x308 && out->len > 0) out->str[out->len - 1] = 'v';
  }
  return out->len ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

static void add_reading(gunichar c, char *reading) {
  for (guint i = 0; reading && i < READINGS; i++) {
    if (readings[c][i] == NULL) return readings[c][i] = reading, (void) 0;
    if (strcmp(readings[c][i], reading) == 0) break;
  }
  g_free(reading);
}

/* zhòng(1823) chóng(329); 047.150:chóng 481.090:zhòng; yuè,lè */
static void add_readings(gunichar c, const char *value) {
  g_auto(GStrv) words = g_strsplit_set(value, " ,", -1);
  for (char **word = words; *word; word++) {
    const char *from = strrchr(*word, ':');
    from = from ? from + 1 : *word;
    add_reading(c, plain(from, strcspn(from, "(")));
  }
}

static char **read_lines(const char *path) {
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  if (!g_file_get_contents(path, &text, NULL, &error)) g_error("%s", error->message);
  return g_strsplit(text, "\n", -1);
}

static void read_readings(char **lines, const char *property) {
  for (char **line = lines; *line; line++) {
    g_auto(GStrv) field = g_strsplit(*line, "\t", 3);
    if (g_strv_length(field) < 3 || strcmp(field[1], property) != 0) continue;
    gunichar c = (gunichar) g_ascii_strtoull(field[0] + 2, NULL, 16);
    if (c < LIMIT && folded(c) == c) add_readings(c, field[2]);
  }
}

static gboolean is_everyday(gunichar c) {
  char utf8[8] = "";
  utf8[g_unichar_to_utf8(c, utf8)] = '\0';
  g_autofree char *bytes = g_convert(utf8, -1, "GB2312", "UTF-8", NULL, NULL, NULL);
  return bytes != NULL;
}

static int compare_pairs(gconstpointer a, gconstpointer b) {
  guint64 x = *(const guint64 *) a, y = *(const guint64 *) b;
  return x < y ? -1 : x > y;
}

static void add_pair(GArray *pairs, gunichar a, gunichar b) {
  if (a == 0 || b == 0 || a == b || (is_everyday(a) && is_everyday(b))) return;
  guint64 both[2] = {(guint64) a << 32 | b, (guint64) b << 32 | a};
  g_array_append_vals(pairs, both, 2);
}

static GArray *read_variants(char **lines) {
  GArray *pairs = g_array_new(FALSE, FALSE, sizeof(guint64));
  for (char **line = lines; *line; line++) {
    g_auto(GStrv) field = g_strsplit(*line, "\t", 3);
    if (g_strv_length(field) < 3 || (strcmp(field[1], "kSemanticVariant") != 0 && strcmp(field[1], "kZVariant") != 0)) continue;
    g_auto(GStrv) others = g_strsplit(field[2], " ", -1);
    for (char **other = others; *other; other++)
      add_pair(pairs, folded((gunichar) g_ascii_strtoull(field[0] + 2, NULL, 16)), folded((gunichar) g_ascii_strtoull(*other + 2, NULL, 16)));
  }
  g_array_sort(pairs, compare_pairs);
  return pairs;
}

int main(int argc, char **argv) {
  if (argc != 4) g_error("usage: han-table OUTPUT Unihan_Readings.txt Unihan_Variants.txt");
  g_auto(GStrv) texts = read_lines(argv[2]), variants = read_lines(argv[3]);
  static const char *const properties[] = {"kHanyuPinlu", "kMandarin", "kTGHZ2013", "kXHC1983"};
  for (guint i = 0; i < G_N_ELEMENTS(properties); i++) read_readings(texts, properties[i]);
  g_autoptr(GString) out = g_string_new("/* Made by tools/han-table.c from Unihan. */\nstatic const struct { guint32 character; const char *readings; } HAN_READING[] = {\n");
  guint count = 0;
  for (gunichar c = 0; c < LIMIT; c++) {
    if (readings[c][0] == NULL) continue;
    g_string_append_printf(out, "{0x%X, \"%s", c, readings[c][0]);
    for (guint i = 1; i < READINGS && readings[c][i]; i++) g_string_append_printf(out, " %s", readings[c][i]);
    g_string_append(out, ++count % 4 ? "\"}, " : "\"},\n");
  }
  g_string_append(out, "};\nstatic const struct { guint32 character, variant; } HAN_VARIANT[] = {\n");
  g_autoptr(GArray) pairs = read_variants(variants);
  guint64 last = 0;
  for (guint i = 0; i < pairs->len; i++) {
    guint64 pair = g_array_index(pairs, guint64, i);
    if (pair != last) g_string_append_printf(out, "{0x%X, 0x%X},\n", (guint) (pair >> 32), (guint) (pair & 0xFFFFFFFF));
    last = pair;
  }
  g_string_append(out, "};\n");
  g_autoptr(GError) error = NULL;
  if (!g_file_set_contents(argv[1], out->str, (gssize) out->len, &error)) g_error("%s", error->message);
  return 0;
}
