/* The driver of a fuzz target in normal builds: feeds it every file of the corpus folder, one TAP line each. An input that breaks the target ends the run. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare_names(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static GPtrArray *list_files(const char *folder) {
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  return names;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "";
  g_autoptr(GPtrArray) names = list_files(folder);
  if (names->len == 0) printf("1..1\nnot ok 1 no inputs in %s\n", folder);
  else printf("1..%u\n", names->len);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index(names, i);
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, NULL)) {
      printf("not ok %u %s cannot be read\n", i + 1, name);
      continue;
    }
    g_autofree void *bytes = g_memdup2(text, length); /* ends where the input ends, so that a memory checker sees a read beyond it */
    LLVMFuzzerTestOneInput(bytes == NULL ? (const uint8_t *)"" : bytes, length);
    printf("ok %u %s\n", i + 1, name);
    fflush(stdout);
  }
  return names->len > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
