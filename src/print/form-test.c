/* Forms as data: places, rows for each element, the archive's own form before the built-in one, and that every built-in form prints. */
#include "error.h"
#include "print.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

static char *own_folder(const char *form) {
  char *dir = g_dir_make_tmp("lantai-form-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename(dir, "definitions", "forms", NULL), *path = g_build_filename(folder, "probe.yaml", NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, form, -1, NULL));
  return dir;
}

static void remove_own(const char *dir) {
  g_autofree char *forms = g_build_filename(dir, "definitions", "forms", NULL), *path = g_build_filename(forms, "probe.yaml", NULL), *middle = g_path_get_dirname(forms);
  g_unlink(path);
  g_rmdir(forms);
  g_rmdir(middle);
  g_rmdir(dir);
}

static char *filled(const char *form, json_t *model) {
  g_autofree char *dir = own_folder(form);
  GError *error = NULL;
  json_t *document = print_form_document(dir, "probe", model, &error);
  g_assert_no_error(error);
  char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
  json_decref(document);
  json_decref(model);
  remove_own(dir);
  return text;
}

static void test_places(void) {
  g_autofree char *text = filled("title: \"{a} {b.c} {missing} {d} {e} {not a place} {} {a\"\nblocks: []\n",
    json_pack("{s:s, s:{s:s}, s:i, s:b}", "a", "{b.c}", "b", "c", "深", "d", 42, "e", 1));
  g_assert_cmpstr(text, ==, "{\"blocks\":[],\"title\":\"{b.c} 深  42 是 {not a place} {} {a\"}"); /* what was put in is not looked through again */
}

static void test_each(void) {
  g_autofree char *text = filled("blocks:\n  - kind: table\n    columns: [{title: 甲}]\n    each: data.rows\n    row: [\"{@number}\", \"{name}\", \"{batch}\"]\n",
    json_pack("{s:s, s:{s:[{s:s}, {s:s, s:s}]}}", "batch", "批", "data", "rows", "name", "一", "name", "二", "batch", "自"));
  g_assert_cmpstr(text, ==, "{\"blocks\":[{\"columns\":[{\"title\":\"甲\"}],\"kind\":\"table\",\"rows\":[[\"1\",\"一\",\"批\"],[\"2\",\"二\",\"自\"]]}]}");
  g_autofree char *none = filled("blocks:\n  - kind: table\n    each: rows\n    row: [\"{a}\"]\n", json_object());
  g_assert_cmpstr(none, ==, "{\"blocks\":[{\"kind\":\"table\",\"rows\":[]}]}");
}

/* An optional table that nothing stands in is not printed; one that something stands in is. */
static void test_optional(void) {
  for (int filled = 0; filled < 2; filled++) {
    json_auto_t *receipt = filled ? json_pack("{s:{s:[{s:s}]}}", "receipt", "reasons", "text", "退回") : json_pack("{s:{s:[]}}", "receipt", "reasons");
    g_autoptr(GError) error = NULL;
    json_auto_t *document = print_form_document(NULL, "receipt", receipt, &error);
    g_assert_no_error(error);
    g_autofree char *text = json_dumps(document, 0);
    g_assert_cmpint(strstr(text, "原因和说明") != NULL, ==, filled);
  }
}

static void test_unknown(void) {
  static const char *const names[] = {"nothing", "", "../transfer", "a/b", "transfer.yaml", "大"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    GError *error = NULL;
    g_assert_null(print_form(NULL, names[i], NULL, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
    g_error_free(error);
  }
}

/* Every built-in form prints without any data, on a page, with its title; no place is left standing. */
static void test_built_in(void) {
  g_auto(GStrv) names = g_resources_enumerate_children("/lantai/definitions/forms", 0, NULL);
  g_assert_cmpuint(g_strv_length(names), >=, 1);
  for (char **name = names; *name; name++) {
    GError *error = NULL;
    g_autofree char *form = g_strndup(*name, strlen(*name) - strlen(".yaml"));
    json_t *document = print_form_document(NULL, form, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *text = json_dumps(document, 0);
    g_autoptr(GRegex) place = g_regex_new("\\{[a-z@][a-z_.]*\\}", 0, 0, NULL);
    g_assert_false(g_regex_match(place, text, 0, NULL));
    g_assert_nonnull(json_string_value(json_object_get(document, "title")));
    json_decref(document);
    g_autoptr(GBytes) pdf = print_form(NULL, form, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(pdf, NULL), 5, "%PDF-", 5);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/form/places", test_places);
  g_test_add_func("/form/each", test_each);
  g_test_add_func("/form/unknown", test_unknown);
  g_test_add_func("/form/optional", test_optional);
  g_test_add_func("/form/built-in", test_built_in);
  return g_test_run();
}
