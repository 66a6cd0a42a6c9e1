/*
 * Fuzz target of base/: foreign bytes through text_decode, then their text through cleaning, folding, JSON literals, dates, words and YAML.
 * It aborts where an invariant of text.h or date.h breaks; a sanitizer tells the rest.
 */
#include <string.h>

#include "date.h"
#include "scope.h"
#include "settings.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void require(gboolean holds, const char *what) {
  if (!holds) g_error("broken: %s", what);
}

static void try_fold(const char *bytes, gsize size) {
  g_autoptr(GString) folded = g_string_new(NULL);
  g_autoptr(GString) again = g_string_new(NULL);
  text_fold_append(folded, bytes, (gssize) size);
  text_fold_append(again, folded->str, (gssize) folded->len);
  require(g_string_equal(folded, again), "folding is settled");
  require(folded->str[0] == ' ' && folded->str[folded->len - 1] == ' ' && strstr(folded->str, "  ") == NULL, "single spaces");
  require(g_utf8_validate(folded->str, (gssize) folded->len, NULL), "folded text is UTF-8");
}

static void try_text(const char *text) {
  g_autofree char *clean = text_clean(text, FALSE);
  g_autofree char *cleaner = text_clean(clean, FALSE);
  require(strcmp(clean, cleaner) == 0, "cleaning is settled");
  g_autoptr(GString) literal = g_string_new(NULL);
  text_json_append(literal, text);
  json_auto_t *value = json_loads(literal->str, JSON_DECODE_ANY, NULL);
  require(value != NULL && strcmp(json_string_value(value), text) == 0, "a JSON literal reads back");
  DateSpan span, again;
  if (date_parse(text, &span)) {
    g_autofree char *date = date_format(span);
    require(date_parse(date, &again) && again.from == span.from && again.to == span.to, "a date reads back");
  }
  Opening opening;
  Security security;
  opening_parse(text, &opening);
  security_parse(text, &security);
  json_auto_t *yaml = yaml_load_text(text, "fuzz", NULL);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size) {
  const char *bytes = (const char *) data;
  const char *encoding = NULL;
  try_fold(bytes, size);
  g_autofree char *text = text_decode(bytes, size, &encoding, NULL);
  if (text != NULL) {
    require(g_utf8_validate(text, -1, NULL), "decoded text is UTF-8");
    /* GB18030 may look like UTF-8 whose last character is cut; nothing else may differ. */
    require(strcmp(encoding, "GB18030") == 0 || strcmp(encoding, text_encoding_guess(bytes, size)) == 0, "the guess of whole bytes is the decision");
    try_text(text);
  }
  return 0;
}
