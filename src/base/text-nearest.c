/* Which name somebody may have meant: the fewest characters to change, put in or leave out. */
#include "text.h"
#include <string.h>

enum { NAME_CHARACTERS = 64 };

static guint distance(const gunichar *a, glong a_length, const gunichar *b, glong b_length) {
  guint row[NAME_CHARACTERS + 1];
  for (glong j = 0; j <= b_length; j++) row[j] = (guint)j;
  for (glong i = 1; i <= a_length; i++) {
    guint diagonal = row[0];
    row[0] = (guint)i;
    for (glong j = 1; j <= b_length; j++) {
      guint changed = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = MIN(changed, MIN(row[j], row[j - 1]) + 1);
    }
  }
  return row[b_length];
}

const char *text_nearest(const char *name, const char *const *names) {
  glong length = 0;
  g_autofree gunichar *wanted = g_utf8_to_ucs4_fast(name, -1, &length);
  const char *best = NULL;
  guint fewest = G_MAXUINT;
  for (; length <= NAME_CHARACTERS && *names; names++) {
    glong other_length = 0;
    g_autofree gunichar *other = g_utf8_to_ucs4_fast(*names, -1, &other_length);
    if (other_length > NAME_CHARACTERS) continue;
    guint differs = distance(wanted, length, other, other_length);
    /* One that holds the other is nearer than its length says (日期 and 报送日期). */
    if (length > 1 && other_length > 1 && (strstr(*names, name) || strstr(name, *names))) differs = 1;
    gboolean alike = differs <= (guint)MAX(1, MAX(length, other_length) / 2) && differs < (guint)MAX(length, other_length);
    if (alike && differs < fewest) fewest = differs, best = *names;
  }
  return best;
}
