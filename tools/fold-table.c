/*
 * Makes fold-table.h (argv[1]) at build time: how each character folds for search (src/base/text.h says what folding means).
 *
 * 1. Output is a two-stage table over all of Unicode: FOLD_BLOCK[c >> 7] names a row of FOLD_ENTRY, c & 127 the entry in it.
 * 2. An entry: bits 31-30 the kind (0 separator, 1 dropped, 2 letter or digit, 3 ideograph); low 24 bits 0 when the character stays itself,
 *    else the UTF-8 bytes of its one replacement, first byte lowest. With bit 29 set they are instead the offset in FOLD_POOL of a NUL-terminated
 *    UTF-8 string of folded characters, in which a space separates.
 * 3. Folding reaches a fixed point: folding a folded character gives itself. This program fails if some character does not settle.
 */
#include <glib.h>
#include <opencc/opencc.h>
#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>

enum { BLOCK = 128, LIMIT = 0x110000, ROUNDS = 8 };
enum { SEPARATOR, DROPPED, LETTER, IDEOGRAPH };
#define POOLED (1u << 29)

typedef struct {
  const UNormalizer2 *nfkd;
  UConverter *simplified_set; /* GB 2312: the characters of everyday simplified Chinese */
  opencc_t to_simplified, from_japanese;
  GString *pool;
} Maker;

static gboolean is_hangul_syllable(UChar32 c) { return c >= 0xAC00 && c <= 0xD7A3; }

/* Marks that only decorate a letter are dropped; the vowel signs and subjoined letters of Tibetan, Thai, Indic scripts are the word itself. */
static gboolean is_decoration(UChar32 c) {
  static const UScriptCode scripts[] = {USCRIPT_INHERITED, USCRIPT_COMMON, USCRIPT_LATIN, USCRIPT_GREEK, USCRIPT_CYRILLIC, USCRIPT_ARABIC, USCRIPT_HEBREW,
    USCRIPT_SYRIAC, USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_HANGUL, USCRIPT_BOPOMOFO, USCRIPT_MONGOLIAN};
  if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT)) return TRUE;
  if ((U_GET_GC_MASK(c) & U_GC_M_MASK) == 0) return FALSE;
  UErrorCode status = U_ZERO_ERROR;
  UScriptCode script = uscript_getScript(c, &status);
  for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++)
    if (script == scripts[i]) return TRUE;
  return FALSE;
}

static int character_kind(UChar32 c) {
  if (is_decoration(c)) return DROPPED;
  guint32 category = U_GET_GC_MASK(c);
  if (category & U_GC_CO_MASK) return IDEOGRAPH;
  /* The ideographic planes: characters newer than this ICU are ideographs all the same. */
  if (c >= 0x20000 && c <= 0x3FFFD && !U_IS_UNICODE_NONCHAR(c)) return IDEOGRAPH;
  gboolean word = (category & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK)) != 0;
  UErrorCode status = U_ZERO_ERROR;
  UScriptCode script = uscript_getScript(c, &status);
  if (script == USCRIPT_HAN && (word || (category & U_GC_SO_MASK))) return IDEOGRAPH;
  if (!word) return SEPARATOR;
  if (script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA || script == USCRIPT_BOPOMOFO || script == USCRIPT_HANGUL) return IDEOGRAPH;
  if (c == 0x30FC || u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC)) return IDEOGRAPH; /* the prolonged sound mark belongs to no one script */
  return LETTER;
}

/* The one character that OpenCC makes of this one; the character itself when it makes none or several. */
static UChar32 convert_one(opencc_t converter, UChar32 c) {
  char utf8[8] = "";
  int length = g_unichar_to_utf8((gunichar) c, utf8);
  char *converted = opencc_convert_utf8(converter, utf8, (size_t) length);
  if (converted == NULL) return c;
  UChar32 result = g_utf8_strlen(converted, -1) == 1 ? (UChar32) g_utf8_get_char(converted) : c;
  opencc_convert_utf8_free(converted);
  return result;
}

static gboolean is_everyday(Maker *maker, UChar32 c) {
  UChar utf16[2];
  char bytes[8];
  int32_t length = 0;
  U16_APPEND_UNSAFE(utf16, length, c);
  UErrorCode status = U_ZERO_ERROR;
  ucnv_reset(maker->simplified_set);
  ucnv_fromUChars(maker->simplified_set, bytes, sizeof bytes, utf16, length, &status);
  return U_SUCCESS(status);
}

/* Traditional and variant forms to simplified. Japanese forms count only where the character is no everyday Chinese one itself:
 * 竜 is 龙, but 芸 is a name of its own and not 艺. */
static UChar32 simplify(Maker *maker, UChar32 c) {
  UChar32 simple = convert_one(maker->to_simplified, c);
  if (simple != c || is_everyday(maker, c)) return simple;
  UChar32 from_japanese = convert_one(maker->to_simplified, convert_one(maker->from_japanese, c));
  return is_everyday(maker, from_japanese) ? from_japanese : c;
}

/* One round of folding of one character, appended to out (UTF-32). */
static void fold_step(Maker *maker, UChar32 c, GArray *out) {
  UChar decomposed[64];
  int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  if (!is_hangul_syllable(c)) length = unorm2_getDecomposition(maker->nfkd, c, decomposed, G_N_ELEMENTS(decomposed), &status);
  if (U_FAILURE(status)) g_error("U+%04X: %s", (guint) c, u_errorName(status));
  if (is_hangul_syllable(c) || length < 0) {
    length = 0;
    U16_APPEND_UNSAFE(decomposed, length, c);
  }
  for (int32_t i = 0; i < length;) {
    UChar32 part;
    U16_NEXT(decomposed, i, length, part);
    if (part == 0x25CB || part == 0x25EF) part = 0x3007; /* the zero of 二○○三 is written with any circle */
    int kind = character_kind(part);
    if (kind == DROPPED) continue;
    if (kind == SEPARATOR) part = ' ';
    if (kind == LETTER) part = u_tolower(u_foldCase(part, U_FOLD_CASE_DEFAULT));
    if (kind == IDEOGRAPH) part = simplify(maker, part);
    if (part == ' ' && out->len > 0 && g_array_index(out, UChar32, out->len - 1) == ' ') continue;
    g_array_append_val(out, part);
  }
}

static GArray *fold_fully(Maker *maker, UChar32 c) {
  GArray *now = g_array_new(FALSE, FALSE, sizeof(UChar32));
  g_array_append_val(now, c);
  for (int round = 0; round < ROUNDS; round++) {
    GArray *next = g_array_new(FALSE, FALSE, sizeof(UChar32));
    for (guint i = 0; i < now->len; i++) fold_step(maker, g_array_index(now, UChar32, i), next);
    gboolean settled = next->len == now->len && (now->len == 0 || memcmp(next->data, now->data, now->len * sizeof(UChar32)) == 0);
    g_array_unref(now);
    now = next;
    if (settled) return now;
  }
  g_error("U+%04X does not settle", (guint) c);
}

static guint32 pool_entry(Maker *maker, GArray *folded) {
  gsize offset = maker->pool->len;
  for (guint i = 0; i < folded->len; i++) g_string_append_unichar(maker->pool, (gunichar) g_array_index(folded, UChar32, i));
  g_string_append_c(maker->pool, '\0');
  return POOLED | (guint32) offset;
}

static guint32 make_entry(Maker *maker, UChar32 c) {
  if (U_IS_SURROGATE(c) || c == 0) return SEPARATOR;
  g_autoptr(GArray) folded = fold_fully(maker, c);
  if (folded->len == 0) return (guint32) DROPPED << 30;
  if (folded->len > 18) g_error("U+%04X folds to more than 18 characters", (guint) c);
  UChar32 only = g_array_index(folded, UChar32, 0);
  if (folded->len == 1 && only == ' ') return SEPARATOR;
  if (folded->len > 1) return pool_entry(maker, folded);
  guint32 entry = (guint32) character_kind(only) << 30;
  if (only == c) return entry;
  if (only >= 0x10000) return pool_entry(maker, folded);
  char utf8[8] = "";
  int length = g_unichar_to_utf8((gunichar) only, utf8);
  for (int i = 0; i < length; i++) entry |= (guint32) (guchar) utf8[i] << (8 * i);
  return entry;
}

static void print_array(GString *out, const char *declaration, const guint32 *values, gsize count) {
  g_string_append_printf(out, "static const %s[%" G_GSIZE_FORMAT "] = {", declaration, count);
  for (gsize i = 0; i < count; i++) g_string_append_printf(out, "%s%u,", i % 32 == 0 ? "\n" : "", values[i]);
  g_string_append(out, "\n};\n");
}

static GString *make_header(Maker *maker) {
  g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (UChar32 first = 0; first < LIMIT; first += BLOCK) {
    guint32 row[BLOCK], at = 0;
    for (UChar32 i = 0; i < BLOCK; i++) row[i] = make_entry(maker, first + i);
    guint32 rows = entries->len / BLOCK;
    while (at < rows && memcmp((guint32 *) (void *) entries->data + at * BLOCK, row, sizeof row) != 0) at++;
    if (at == rows) g_array_append_vals(entries, row, BLOCK);
    g_array_append_val(blocks, at);
  }
  g_autoptr(GArray) pool = g_array_new(FALSE, FALSE, sizeof(guint32));
  for (gsize i = 0; i < maker->pool->len; i++) {
    guint32 byte = (guchar) maker->pool->str[i];
    g_array_append_val(pool, byte);
  }
  GString *out = g_string_new("/* Made by tools/fold-table.c; not to be edited. */\n#pragma once\n#include <glib.h>\n");
  print_array(out, "guint16 FOLD_BLOCK", (guint32 *) (void *) blocks->data, blocks->len);
  print_array(out, "guint32 FOLD_ENTRY", (guint32 *) (void *) entries->data, entries->len);
  print_array(out, "guchar FOLD_POOL", (guint32 *) (void *) pool->data, pool->len);
  return out;
}

static opencc_t open_converter(const char *config) {
  opencc_t converter = opencc_open(config);
  if (converter == (opencc_t) -1) g_error("OpenCC %s: %s", config, opencc_error());
  return converter;
}

int main(int argc, char **argv) {
  if (argc != 2) g_error("usage: fold-table OUTPUT");
  UErrorCode status = U_ZERO_ERROR;
  Maker maker = {.nfkd = unorm2_getNFKDInstance(&status), .pool = g_string_new(NULL)};
  maker.simplified_set = ucnv_open("GB2312", &status);
  ucnv_setFromUCallBack(maker.simplified_set, UCNV_FROM_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
  if (U_FAILURE(status)) g_error("ICU: %s", u_errorName(status));
  maker.to_simplified = open_converter("t2s.json");
  maker.from_japanese = open_converter("jp2t.json");
  g_autoptr(GString) header = make_header(&maker);
  g_autoptr(GError) error = NULL;
  if (!g_file_set_contents(argv[1], header->str, (gssize) header->len, &error)) g_error("%s", error->message);
  ucnv_close(maker.simplified_set);
  opencc_close(maker.to_simplified);
  opencc_close(maker.from_japanese);
  g_string_free(maker.pool, TRUE);
  return 0;
}
