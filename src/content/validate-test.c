/* The specification's own fixtures: the name of a folder is what must be found in it. And the objects this program writes. */
#include "test-store.h"

static gboolean has_code(json_t *list, const char *code) {
  gsize i;
  json_t *finding;
  json_array_foreach(list, i, finding)
    if (strcmp(json_string_value(json_object_get(finding, "code")), code) == 0) return TRUE;
  return FALSE;
}

static void show(const char *name, json_t *result) {
  g_autofree char *text = json_dumps(result, JSON_COMPACT);
  g_test_message("%s %s", name, text);
}

/* "E036_E037_what" → each code */
static GStrv codes_of(const char *name) {
  g_auto(GStrv) parts = g_strsplit(name, "_", 0);
  g_autoptr(GStrvBuilder) codes = g_strv_builder_new();
  for (guint i = 0; parts[i] != NULL; i++)
    if ((parts[i][0] == 'E' || parts[i][0] == 'W') && strlen(parts[i]) == 4 && g_ascii_isdigit(parts[i][1])) g_strv_builder_add(codes, parts[i]);
  return g_strv_builder_end(codes);
}

static void check_fixture(const char *folder, const char *kind, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  json_t *result = content_validate_object(path);
  json_t *errors = json_object_get(result, "errors"), *warnings = json_object_get(result, "warnings");
  show(name, result);
  g_auto(GStrv) codes = codes_of(name);
  gboolean bad = strcmp(kind, "bad-objects") == 0;
  g_assert_cmpint(json_array_size(errors) > 0, ==, bad);
  if (strcmp(kind, "good-objects") == 0) g_assert_cmpuint(json_array_size(warnings), ==, 0);
  for (guint i = 0; codes[i] != NULL; i++)
    if (!has_code(bad ? errors : warnings, codes[i])) g_error("%s: %s was not found", path, codes[i]);
  if (strcmp(kind, "warn-objects") == 0) { /* and no other warning than the folder's name says */
    gsize i;
    json_t *finding;
    json_array_foreach(warnings, i, finding)
      g_assert_true(g_strv_contains((const char *const *)codes, json_string_value(json_object_get(finding, "code"))));
  }
  json_decref(result);
}

static void test_fixtures(gconstpointer data) {
  const char *shared = g_getenv("LANTAI_SHARED");
  g_autofree char *folder = g_build_filename(shared != NULL ? shared : "/nonexistent", "data", "ocfl-fixtures", data, NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  if (dir == NULL) {
    g_test_skip("the OCFL fixtures are not here (LANTAI_SHARED/data/ocfl-fixtures)");
    return;
  }
  guint count = 0;
  g_autofree char *kind = g_path_get_basename(folder);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL; count++) check_fixture(folder, kind, name);
  g_assert_cmpuint(count, >, 0);
}

/* Expects exactly these error codes of the object, each once or more. */
static void expect_codes(TestStore *store, const char *const *codes) {
  g_autofree char *path = object_file(store, "urn:x-test:1", "");
  json_t *result = content_validate_object(path), *errors = json_object_get(result, "errors"), *finding;
  show("own", result);
  for (guint i = 0; codes[i] != NULL; i++) g_assert_true(has_code(errors, codes[i]));
  gsize i;
  json_array_foreach(errors, i, finding) g_assert_true(g_strv_contains(codes, json_string_value(json_object_get(finding, "code"))));
  g_assert_cmpuint(json_array_size(json_object_get(result, "warnings")), ==, 0);
  g_assert_cmpuint(json_array_size(json_object_get(result, "unverified")), ==, 0);
  json_decref(result);
}

#define EXPECT_CODES(store, ...) expect_codes((store), (const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

/* What this program writes is valid without a warning, and each kind of damage to it has its code. */
static void test_own_objects(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "urn:x-test:1", "a", "one", "b", "two", "文/件", "one");
  put_object(store, "urn:x-test:1", "a", "three");
  ContentStage *stage = stage_files(store, "urn:x-test:1", (const char *const[]){NULL});
  g_assert_true(content_stage_remove(stage, "b", NULL));
  put_stage(store, stage);
  EXPECT_CODES(store);
  g_autofree char *a = object_file(store, "urn:x-test:1", "v1/content/a"), *surplus = object_file(store, "urn:x-test:1", "v2/content/x");
  write_text(a, "0ne", -1);
  EXPECT_CODES(store, "E092");
  g_assert_cmpint(symlink("/etc/passwd", surplus), ==, 0);
  EXPECT_CODES(store, "E092", "E090");
  g_assert_cmpint(g_unlink(surplus), ==, 0);
  g_assert_cmpint(g_mkdir(surplus, 0700), ==, 0);
  write_text(a, "one", -1);
  EXPECT_CODES(store, "E024");
}

typedef struct {
  guint objects, bad;
} Seen;

static void see_object(const char *path, json_t *result, gpointer data) {
  Seen *seen = data;
  seen->objects++;
  seen->bad += json_array_size(json_object_get(result, "errors")) > 0;
}

/* Validates the store as a root; the codes of the root itself are exactly those given. */
static Seen expect_root(TestStore *store, const char *const *codes) {
  Seen seen = {0, 0};
  json_t *result = content_validate_root(content_root(store->content), see_object, &seen), *errors = json_object_get(result, "errors");
  show("root", result);
  for (guint i = 0; codes[i] != NULL; i++) g_assert_true(has_code(errors, codes[i]));
  g_assert_cmpuint(json_array_size(errors), ==, g_strv_length((char **)codes));
  json_decref(result);
  return seen;
}

#define EXPECT_ROOT(store, ...) expect_root((store), (const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

/* A root with everything in place, then with each thing that must not be there. */
static void test_root(void) {
  g_autoptr(TestStore) store = new_test_store();
  for (guint i = 0; i < 5; i++) {
    g_autofree char *id = g_strdup_printf("urn:x-test:%u", i);
    put_object(store, id, "a", "one");
  }
  const char *root = content_root(store->content);
  g_assert_true(content_is_root(root));
  g_autofree char *object = object_file(store, "urn:x-test:1", "");
  g_assert_false(content_is_root(object));
  Seen seen = EXPECT_ROOT(store);
  g_assert_cmpuint(seen.objects, ==, 5);
  g_assert_cmpuint(seen.bad, ==, 0);
  g_autofree char *victim = object_file(store, "urn:x-test:1", "v1/content/a"), *stray = g_build_filename(root, "abc", NULL);
  write_text(victim, "0ne", -1);
  seen = EXPECT_ROOT(store);
  g_assert_cmpuint(seen.objects, ==, 5);
  g_assert_cmpuint(seen.bad, ==, 1);
  g_assert_cmpint(g_mkdir_with_parents(stray, 0700), ==, 0);
  EXPECT_ROOT(store, "E073");
  g_autofree char *file = g_build_filename(stray, "file", NULL), *declaration = g_build_filename(root, ROOT_DECLARATION, NULL);
  write_text(file, "x", -1);
  EXPECT_ROOT(store, "E072");
  g_assert_true(g_unlink(file) == 0 && g_rmdir(stray) == 0);
  write_text(declaration, "ocfl_1.0\n", -1);
  EXPECT_ROOT(store, "E080");
  g_assert_cmpint(g_unlink(declaration), ==, 0);
  EXPECT_ROOT(store, "E069");
  g_autofree char *older = g_build_filename(root, "0=ocfl_1.0", NULL);
  write_text(older, "ocfl_1.0\n", -1);
  EXPECT_ROOT(store, "E081", "E081", "E081", "E081", "E081");
}

static void test_not_an_object(void) {
  json_t *result = content_validate_object("/nonexistent");
  g_assert_true(has_code(json_object_get(result, "errors"), "E003"));
  json_decref(result);
}

/* One inventory document against one rule. */
static void test_rules(void) {
  static const struct {
    const char *code, *json;
  } cases[] = {
    {"E033", "[]"},
    {"E036", "{}"},
    {"E102", "{\"extra\":1}"},
    {"E037", "{\"id\":1}"},
    {"E038", "{\"type\":\"https://ocfl.io/9/spec/#inventory\"}"},
    {"E018", "{\"contentDirectory\":\"..\"}"},
    {"E106", "{\"manifest\":[]}"},
    {"E043", "{\"manifest\":{}}"},
    {"E044", "{\"versions\":[]}"},
    {"E009", "{\"versions\":{\"v2\":{}}}"},
    {"E012", "{\"versions\":{\"v01\":{},\"v002\":{}}}"},
    {"E047", "{\"versions\":{\"v1\":7}}"},
    {"E048", "{\"versions\":{\"v1\":{}}}"},
    {"E049", "{\"versions\":{\"v1\":{\"created\":\"2021-02-30T00:00:00Z\"}}}"},
    {"E051", "{\"versions\":{\"v1\":{\"state\":{\"a\":\"b\"}}}}"},
    {"E094", "{\"versions\":{\"v1\":{\"message\":1}}}"},
    {"E031", "{\"digestAlgorithm\":\"sha512\",\"manifest\":{\"abc\":[\"v1/content/a\"]}}"},
    {"E042", "{\"manifest\":{\"abc\":[\"v7/content/a\"]}}"},
    {"E101", "{\"manifest\":{\"abc\":[\"v1/content/a\",\"v1/content/a/b\"]}}"},
    {"E092", "{\"manifest\":{\"abc\":\"v1/content/a\"}}"},
    {"E057", "{\"fixity\":{\"md5\":[]}}"},
    {"E111", "{\"fixity\":[]}"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    json_t *document = json_loads(cases[i].json, 0, NULL);
    Findings findings = {json_array(), json_array(), json_array()};
    validate_inventory(document, "inventory.json", &findings);
    if (!has_code(findings.errors, cases[i].code)) g_error("%s: %s was not found", cases[i].json, cases[i].code);
    json_decref(findings.errors);
    json_decref(findings.warnings);
    json_decref(findings.unverified);
    json_decref(document);
  }
}

/* An inventory made to cost time: many versions and many digests, a path of a million elements. The test ends, where squares of that would not. */
static void test_costly_inventories(void) {
  GString *text = g_string_new("{\"versions\":{");
  for (guint i = 1; i <= 100000; i++) g_string_append_printf(text, "%s\"v%u\":{\"state\":{\"%x\":[\"p\"]}}", i > 1 ? "," : "", i, i);
  g_string_append(text, "},\"manifest\":{");
  for (guint i = 1; i <= 100000; i++) g_string_append_printf(text, "\"%x\":[\"v1/content/%u\"],", i + 50000, i);
  g_string_append(text, "\"deep\":[\"v1/content");
  for (guint i = 0; i < 1000000; i++) g_string_append(text, "/a");
  g_string_append(text, "\"]}}");
  json_t *document = json_loadb(text->str, text->len, 0, NULL);
  g_assert_nonnull(document);
  Findings findings = {json_array(), json_array(), json_array()};
  validate_inventory(document, "inventory.json", &findings);
  g_assert_true(has_code(findings.errors, "E107") && has_code(findings.errors, "E050"));
  json_decref(findings.errors);
  json_decref(findings.warnings);
  json_decref(findings.unverified);
  json_decref(document);
  g_string_free(text, TRUE);
}

/* Whatever stands in an inventory, there is an answer. */
static void test_mutated_objects(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "urn:x-test:1", "a", "one", "b/c", "two");
  put_object(store, "urn:x-test:1", "a", "three");
  g_autofree char *folder = object_file(store, "urn:x-test:1", ""), *path = object_file(store, "urn:x-test:1", "v1/inventory.json"), *good = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &good, &length, NULL));
  for (guint i = 0; i < 300; i++) {
    g_autofree char *bad = g_memdup2(good, length + 1);
    gsize at = (gsize)g_test_rand_int_range(0, (gint32)length);
    char was = bad[at];
    bad[at] = "\"{}[],:/.v0"[g_test_rand_int_range(0, 11)];
    if (bad[at] == was) continue;
    write_text(path, bad, (gssize)length);
    json_t *result = content_validate_object(folder);
    g_assert_true(has_code(json_object_get(result, "errors"), "E060") || has_code(json_object_get(result, "errors"), "E033") ||
                  has_code(json_object_get(result, "errors"), "E025") || has_code(json_object_get(result, "errors"), "E036"));
    json_decref(result);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  static const char *const sets[] = {"1.0/good-objects", "1.0/warn-objects", "1.0/bad-objects", "1.1/good-objects", "1.1/warn-objects", "1.1/bad-objects"};
  for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
    g_autofree char *name = g_strconcat("/validate/", sets[i], NULL);
    g_test_add_data_func(name, sets[i], test_fixtures);
  }
  g_test_add_func("/validate/own-objects", test_own_objects);
  g_test_add_func("/validate/root", test_root);
  g_test_add_func("/validate/not-an-object", test_not_an_object);
  g_test_add_func("/validate/rules", test_rules);
  g_test_add_func("/validate/costly-inventories", test_costly_inventories);
  g_test_add_func("/validate/mutated-objects", test_mutated_objects);
  return g_test_run();
}
