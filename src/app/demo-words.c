#include "demo.h"
#include "settings.h"
#include "text.h"
#include <gio/gio.h>
#include <string.h>

struct DemoWords {
  json_t *root;
};

guint64 demo_next(DemoRandom *random) {
  guint64 z = (random->state += G_GUINT64_CONSTANT(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

int demo_below(DemoRandom *random, int limit) { return (int)(demo_next(random) % (guint64)limit); }
int demo_between(DemoRandom *random, int low, int high) { return low + demo_below(random, high - low + 1); }
gboolean demo_chance(DemoRandom *random, int percent) { return demo_below(random, 100) < percent; }

DemoWords *demo_words_load(GError **error) {
  json_t *root = yaml_load_built_in("demo/words.yaml", error);
  if (root == NULL) return NULL;
  DemoWords *words = g_new0(DemoWords, 1);
  words->root = root;
  return words;
}

void demo_words_free(DemoWords *words) {
  if (words == NULL) return;
  json_decref(words->root);
  g_free(words);
}

json_t *demo_words_get(const DemoWords *words, const char *list) {
  json_t *value = json_object_get(words->root, list);
  if (value == NULL) g_error("demo/words.yaml has no list %s", list);
  return value;
}

static const char *pick(json_t *list, DemoRandom *random) {
  return json_string_value(json_array_get(list, (size_t)demo_below(random, (int)json_array_size(list))));
}

const char *demo_word(const DemoWords *words, DemoRandom *random, const char *list) { return pick(demo_words_get(words, list), random); }

/* The first surnames of the list are the frequent ones: the smaller of two draws. */
static const char *surname(const DemoWords *words, DemoRandom *random) {
  json_t *list = demo_words_get(words, "surnames");
  int count = (int)json_array_size(list), a = demo_below(random, count), b = demo_below(random, count);
  return json_string_value(json_array_get(list, (size_t)MIN(a, b)));
}

char *demo_person(const DemoWords *words, DemoRandom *random, int sex) {
  const char *family = surname(words, random);
  gboolean female = sex == 1 || (sex != 0 && demo_chance(random, 50));
  const char *given = demo_word(words, random, female ? "given_female" : "given_male");
  return g_strconcat(family, given, NULL);
}

static void append_filled(GString *out, const DemoWords *words, DemoRandom *random, const char *name, int year, const char *topic) {
  if (g_str_equal(name, "place")) g_string_append(out, demo_word(words, random, "places"));
  else if (g_str_equal(name, "village")) g_string_append(out, demo_word(words, random, "villages"));
  else if (g_str_equal(name, "work")) g_string_append(out, demo_word(words, random, "works"));
  else if (g_str_equal(name, "year")) g_string_append_printf(out, "%d", year);
  else if (g_str_equal(name, "n")) g_string_append_printf(out, "%d", demo_between(random, 2, 38));
  else if (g_str_equal(name, "month")) g_string_append_printf(out, "%d", demo_between(random, 1, 12));
  else if (g_str_equal(name, "day")) g_string_append_printf(out, "%d", demo_between(random, 1, 28));
  else if (g_str_equal(name, "dept")) g_string_append(out, "政府办公室");
  else if (g_str_equal(name, "topic")) g_string_append(out, topic ? topic : "有关工作");
  else if (g_str_equal(name, "name")) {
    g_autofree char *person = demo_person(words, random, 2);
    g_string_append(out, person);
  } else g_error("demo/words.yaml: unknown blank {%s}", name);
}

char *demo_fill(const DemoWords *words, DemoRandom *random, const char *pattern, int year, const char *topic) {
  GString *out = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&pattern, out)) != NULL; g_free(name)) append_filled(out, words, random, name, year, topic);
  return g_string_free(out, FALSE);
}
