/*
 * Words that stand for one another (北平 and 北京, 革委会 and 革命委员会): a term with one of them in it is also looked for with each of the others.
 *
 * 1. Words are compared folded. In a term the longest word counts that stands at a place, and only if no longer word of its own group holds it:
 *    市教育局 is not made 市市教育局 by a group that has 教育局 and 市教育局.
 * 2. A set of groups never changes once made; who searches holds a reference.
 */
#include "query.h"
#include "text.h"

enum { GROUPS_MAX = 5000, WORDS_MAX = 40 };

struct SearchSynonyms {
  gatomicrefcount references;
  GPtrArray *groups; /* GPtrArray* of char*: folded words without the spaces at their ends, longest first */
};

static int compare_lengths(gconstpointer a, gconstpointer b) {
  gsize x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);
  return x > y ? -1 : x < y ? 1 : strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *read_group(json_t *words) {
  GPtrArray *group = g_ptr_array_new_with_free_func(g_free);
  size_t i;
  json_t *word;
  json_array_foreach(words, i, word) {
    char *folded = g_strstrip(text_fold(json_is_string(word) ? json_string_value(word) : ""));
    gboolean known = *folded == '\0' || g_ptr_array_find_with_equal_func(group, folded, g_str_equal, NULL);
    if (known || group->len == WORDS_MAX) g_free(folded);
    else g_ptr_array_add(group, folded);
  }
  g_ptr_array_sort(group, compare_lengths);
  return group;
}

SearchSynonyms *search_synonyms_new(json_t *groups) {
  SearchSynonyms *synonyms = g_new0(SearchSynonyms, 1);
  g_atomic_ref_count_init(&synonyms->references);
  synonyms->groups = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  size_t i;
  json_t *words;
  json_array_foreach(groups, i, words)
    if (synonyms->groups->len < GROUPS_MAX) g_ptr_array_add(synonyms->groups, read_group(words));
  return synonyms;
}

SearchSynonyms *search_synonyms_ref(SearchSynonyms *synonyms) {
  if (synonyms) g_atomic_ref_count_inc(&synonyms->references);
  return synonyms;
}

void search_synonyms_unref(SearchSynonyms *synonyms) {
  if (synonyms == NULL || !g_atomic_ref_count_dec(&synonyms->references)) return;
  g_ptr_array_unref(synonyms->groups);
  g_free(synonyms);
}

/* The word stands at `at` as runs end: letters and digits wholly, ideographs anywhere. */
static gboolean stands_wholly(const char *folded, const char *at, const char *word) {
  gsize length = strlen(word);
  gunichar first = g_utf8_get_char(word), last = g_utf8_get_char(g_utf8_find_prev_char(word, word + length));
  return (text_is_ideograph(first) || at == folded || at[-1] == ' ') && (text_is_ideograph(last) || at[length] == ' ' || at[length] == '\0');
}

GPtrArray *search_synonym_forms(const SearchSynonyms *synonyms, const char *term, guint most) {
  GPtrArray *forms = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *folded = text_fold(term);
  for (guint g = 0; synonyms && g < synonyms->groups->len && forms->len < most; g++) {
    const GPtrArray *group = g_ptr_array_index(synonyms->groups, g);
    const char *at = NULL, *word = NULL;
    for (guint i = 0; i < group->len && at == NULL; i++) {
      word = g_ptr_array_index(group, i);
      at = strstr(folded, word);
      if (at && !stands_wholly(folded, at, word)) at = NULL;
    }
    for (guint i = 0; at && i < group->len && forms->len < most; i++) {
      const char *other = g_ptr_array_index(group, i);
      if (other != word) g_ptr_array_add(forms, g_strstrip(g_strdup_printf("%.*s%s%s", (int)(at - folded), folded, other, at + strlen(word))));
    }
  }
  return forms;
}
