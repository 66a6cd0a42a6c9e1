/*
 * Text of Chinese archives: cleaning what comes in, folding it for search, decoding bytes of unknown encoding.
 *
 * Folded text (invariants, on which search/ and its tests stand):
 * 1. It is a row of runs separated by single spaces, with one space before the first and one after the last run
 *    (" 国发 2015 12 号 "); empty text folds to " ".
 * 2. A run is either of ideographs (Han, kana, bopomofo, Hangul syllables, private use) or of letters and digits of other scripts;
 *    a change of class starts a new run. Everything else (punctuation, symbols, white space) only separates.
 * 3. Characters are NFKD-folded one by one, combining marks and invisible (default-ignorable) characters dropped, lower-cased, full
 *    width made half width, compatibility ideographs unified, traditional made simplified (table made at build time from ICU and OpenCC; the circle ○ is the zero 〇;
 *    also Japanese forms that are no everyday Chinese characters: 竜 is 龙). Folding folded text changes nothing. Vowel signs of
 *    Tibetan, Thai and Indic scripts are letters. Hangul syllables stay whole.
 * 4. Folding is per character: fold(a+b) has the runs of fold(a) and fold(b), joined where they touch.
 */
#pragma once
#include <glib.h>

/* Appends the folded form; when out ends in a space already (as folded text does), without the first space. Bytes that are no UTF-8 separate. */
void text_fold_append(GString *out, const char *utf8, gssize length);
char *text_fold(const char *utf8);
/* TRUE for a character of folded text that belongs to an ideograph run (invariant 2). */
gboolean text_is_ideograph(gunichar character);
/* The folded form of one character: up to 18 code points are written, the count is returned (0: separator or dropped).
 * A space among them is a separator inside the character's form: ㈱ gives " 株 ", ½ gives "1 2".
 * For mapping a match in folded text back to the original (highlighting). */
guint text_fold_character(gunichar character, gunichar folded[18]);

/* A value as it is stored: NFC, control characters removed (tab and line ends become one space, or \n when keep_lines), white space
 * of every width trimmed at both ends. Never NULL. Private-use and unassigned characters are kept. */
char *text_clean(const char *utf8, gboolean keep_lines);
/* Bytes to UTF-8: BOM decides; else valid UTF-8; else GB18030. A NUL is an error; so is damaged UTF-8 that would
 * pass as gibberish GB18030. ret_encoding: static "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030".
 * Fails INVALID with the offset of the first byte that is neither. */
char *text_decode(const char *bytes, gsize length, const char **ret_encoding, GError **error);
/* The encoding of the beginning of a file ("UTF-8" or "GB18030", …); a character cut at the end does not count against it. */
const char *text_encoding_guess(const char *bytes, gsize length);
/* Number of characters (code points). */
guint text_length(const char *utf8);
/* Appends a JSON string literal with quotes; utf8 must be valid. Much faster than building a json_t. */
void text_json_append(GString *out, const char *utf8);
/* Walks a pattern "{name}与{name}登记": appends what stands before the next blank and returns the blank's name (new); NULL: there is none, and the rest is appended.
 * A brace that is not closed stands for itself. */
char *text_next_blank(const char **pattern, GString *out);
/* The name of a NULL-ended list that is written most like this one, for messages ("是不是…"); NULL when none is like it. */
const char *text_nearest(const char *name, const char *const *names);
/* 1.2 GB: bytes as people are told them, everywhere the same (1 KB is 1024). */
char *text_size(double bytes);
