/* Registers of the demonstration archive that are data: demo/words.yaml says their columns, a pattern each. The filled row of one delivery at a time. */
#include "demo.h"
#include "text.h"
#include <string.h>

static void append_blank(GString *out, DemoRow *row, const char *name) {
  if (name[0] == '=') {
    const char *known = json_string_value(json_object_get(row->values, name + 1));
    if (known == NULL) g_error("demo/words.yaml: %s is asked for before it is filled", name);
    g_string_append(out, known);
  } else if (strchr(name, '|') != NULL) {
    g_auto(GStrv) choices = g_strsplit(name, "|", -1);
    g_string_append(out, choices[demo_below(&row->random, (int)g_strv_length(choices))]);
  } else if (g_str_equal(name, "man") || g_str_equal(name, "woman")) {
    g_autofree char *person = demo_person(row->words, &row->random, name[0] == 'w');
    g_string_append(out, person);
  } else if (g_str_equal(name, "street")) g_string_append(out, demo_word(row->words, &row->random, "streets"));
  else if (g_str_equal(name, "serial")) g_string_append_printf(out, "%04d", row->serial);
  else if (g_str_equal(name, "fonds")) g_string_append(out, row->fonds);
  else if (g_str_equal(name, "year")) g_string_append_printf(out, "%d", row->year);
  else if (g_str_equal(name, "date"))
    g_string_append_printf(out, "%04d-%02d-%02d", row->year, demo_between(&row->random, 1, 12), demo_between(&row->random, 1, 28));
  else if (g_str_equal(name, "id"))
    g_string_append_printf(out, "429900%04d%02d%02d%03d%d", row->year - demo_between(&row->random, 22, 45), demo_between(&row->random, 1, 12),
      demo_between(&row->random, 1, 28), demo_below(&row->random, 1000), demo_below(&row->random, 10));
  else {
    g_autofree char *pattern = g_strdup_printf("{%s}", name), *filled = demo_fill(row->words, &row->random, pattern, row->year, NULL);
    g_string_append(out, filled);
  }
}

char *demo_row_fill(DemoRow *row, const char *pattern) {
  GString *out = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&pattern, out)) != NULL; g_free(name)) append_blank(out, row, name);
  return g_string_free(out, FALSE);
}

/* Those that take nothing from other columns first, so that these can take from them. */
void demo_row_columns(DemoRow *row, json_t *columns) {
  json_object_clear(row->values);
  for (guint pass = 0; pass < 2; pass++) {
    size_t i;
    json_t *column;
    json_array_foreach(columns, i, column) {
      const char *pattern = json_string_value(json_array_get(column, 1));
      if ((strstr(pattern, "{=") != NULL) != (pass == 1)) continue;
      g_autofree char *value = demo_row_fill(row, pattern);
      json_object_set_new(row->values, json_string_value(json_array_get(column, 0)), json_string(value));
    }
  }
}
