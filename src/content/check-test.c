/* What a check finds: every kind of damage by the object's id, and nothing that stops it, whatever lies in the store. */
#include "test-store.h"
#include <sys/stat.h>

/* Three objects; the tests hurt "hurt" and expect "well" and "也好" to stay without a fault. */
static TestStore *new_sample(void) {
  TestStore *store = new_test_store();
  put_object(store, "well", "files/1", "one", "files/2", "two");
  put_object(store, "hurt", "files/1", "one", "files/名.txt", "two", "deep/er/3", "three");
  put_object(store, "hurt", "files/1", "one, corrected");
  put_object(store, "也好", "f", "x");
  return store;
}

/* Exactly these faults, besides those of other objects there must be none. */
static void expect_faults(TestStore *store, const char *const *expected) {
  g_autoptr(Report) report = check_store(store);
  for (guint i = 0; i < report->faults->len; i++) g_test_message("%s", (char *)report->faults->pdata[i]);
  for (guint i = 0; expected[i] != NULL; i++)
    if (!has_fault(report, expected[i])) g_error("not found: %s", expected[i]);
  g_assert_cmpuint(report->faults->len, ==, g_strv_length((char **)expected));
  g_assert_true(g_hash_table_contains(report->objects, "well") && g_hash_table_contains(report->objects, "也好"));
  g_assert_cmpint(report->progressed, >=, 1);
}

#define EXPECT(store, ...) expect_faults((store), (const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

static void test_clean(void) {
  g_autoptr(TestStore) store = new_sample();
  EXPECT(store);
}

static void test_one_flipped_bit(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *path = object_file(store, "hurt", "v1/content/deep/er/3"), *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  text[2] ^= 1;
  write_text(path, text, 5);
  EXPECT(store, "hurt|v1/content/deep/er/3|damaged");
}

static void test_missing_and_surplus(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *missing = object_file(store, "hurt", "v1/content/files/名.txt"), *surplus = object_file(store, "hurt", "v2/content/多余.txt");
  g_autofree char *beside = object_file(store, "hurt", "notes.txt"), *in_version = object_file(store, "hurt", "v1/x");
  g_autofree char *empty = object_file(store, "hurt", "v2/content/空");
  g_assert_cmpint(g_unlink(missing), ==, 0);
  write_text(surplus, "?", -1);
  write_text(beside, "?", -1);
  write_text(in_version, "?", -1);
  g_assert_cmpint(g_mkdir(empty, 0700), ==, 0);
  EXPECT(store, "hurt|v1/content/files/名.txt|missing", "hurt|v2/content/多余.txt|surplus", "hurt|notes.txt|surplus", "hurt|v1/x|surplus",
         "hurt|v2/content/空|surplus");
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(content_read(store->content, "hurt", "files/名.txt", NULL, &error), ==, -1);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
}

static void test_stray_in_root(void) {
  g_autoptr(TestStore) store = new_sample();
  static const char *const strays[] = {"杂项.doc", "000/111/222/file", "000/111/222/folder/file", "extensions/other/file", "00g/file", "000/file"};
  for (guint i = 0; i < G_N_ELEMENTS(strays); i++) {
    g_autofree char *path = g_build_filename(content_root(store->content), strays[i], NULL), *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    write_text(path, "?", -1);
  }
  g_autofree char *empty = g_build_filename(content_root(store->content), "abc", NULL);
  g_autofree char *layout = g_build_filename(content_root(store->content), "ocfl_layout.json", NULL);
  g_assert_cmpint(g_mkdir(empty, 0700), ==, 0);
  g_assert_cmpint(g_unlink(layout), ==, 0);
  EXPECT(store, "-|杂项.doc|surplus", "-|000/111/222/file|surplus", "-|000/111/222/folder|surplus", "-|extensions/other|surplus", "-|00g|surplus",
         "-|000/file|surplus", "-|abc|surplus", "-|ocfl_layout.json|missing");
}

static void test_links_are_not_followed(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *path = object_file(store, "hurt", "v1/content/files/名.txt"), *copy = g_build_filename(store->dir, "copy", NULL);
  g_autofree char *folder = object_file(store, "hurt", "v1/content/link"), *root_link = g_build_filename(content_root(store->content), "0aa", NULL);
  g_assert_cmpint(g_rename(path, copy), ==, 0);
  g_assert_cmpint(symlink(copy, path), ==, 0); /* the right bytes, behind a link */
  g_assert_cmpint(symlink("/", folder), ==, 0);
  g_assert_cmpint(symlink("/", root_link), ==, 0);
  g_autofree char *pipe = object_file(store, "hurt", "v2/content/pipe");
  g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
  EXPECT(store, "hurt|v1/content/files/名.txt|surplus", "hurt|v1/content/files/名.txt|missing", "hurt|v1/content/link|surplus", "-|0aa|surplus",
         "hurt|v2/content/pipe|surplus");
  g_assert_cmpint(content_read(store->content, "hurt", "files/名.txt", NULL, NULL), ==, -1);
  g_assert_null(content_path(store->content, "hurt", "files/名.txt", NULL));
  /* a pipe in place of a file holds nobody up */
  g_unlink(path);
  g_assert_cmpint(mkfifo(path, 0600), ==, 0);
  g_assert_cmpint(content_read(store->content, "hurt", "files/名.txt", NULL, NULL), ==, -1);
}

/* An object whose own folder or version folder is a link. */
static void test_linked_folders(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *version = object_file(store, "hurt", "v2"), *moved = g_build_filename(store->dir, "moved", NULL);
  g_assert_cmpint(g_rename(version, moved), ==, 0);
  g_assert_cmpint(symlink(moved, version), ==, 0);
  EXPECT(store, "hurt|v2/inventory.json|inventory", "hurt|v2|surplus", "hurt|v2/content/files/1|missing", "hurt|v2/content/sm3.txt|missing",
         "hurt|v2/content/sm3.txt|sm3");
}

static void test_unreadable(void) {
  if (geteuid() == 0) {
    g_test_skip("root reads everything");
    return;
  }
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *path = object_file(store, "hurt", "v1/content/files/名.txt");
  g_assert_cmpint(g_chmod(path, 0), ==, 0);
  EXPECT(store, "hurt|v1/content/files/名.txt|unreadable");
}

static void test_odd_names(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *bad = object_file(store, "hurt", "v1/content/\xff\xfe"), *long_folder = object_file(store, "hurt", "v1/content");
  write_text(bad, "?", -1);
  g_autofree char *name = g_strnfill(200, 'd');
  int fd = open(long_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (guint depth = 0; depth < 90; depth++) { /* deeper than a path may be long */
    g_assert_cmpint(mkdirat(fd, name, 0700), ==, 0);
    int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = next;
  }
  close(fd);
  g_autoptr(Report) report = check_store(store);
  g_assert_cmpuint(report->faults->len, ==, 2);
  g_assert_cmpuint(g_hash_table_size(report->objects), ==, 3);
}

/* ---- inventories ---- */

/* Puts an inventory in place of the root's with a sidecar that fits it. */
static void plant_inventory(TestStore *store, const char *text, gssize length) {
  g_autofree char *path = object_file(store, "hurt", "inventory.json"), *sidecar_path = object_file(store, "hurt", SIDECAR);
  g_autofree char *digest = crypto_digest_hex(DIGEST_SHA512, text, length < 0 ? strlen(text) : (gsize)length);
  g_autofree char *sidecar = g_strdup_printf("%s inventory.json\n", digest);
  write_text(path, text, length);
  write_text(sidecar_path, sidecar, -1);
}

static char *inventory_text(TestStore *store) {
  g_autofree char *path = object_file(store, "hurt", "inventory.json");
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

/* The object is named, its own files are still checked by the inventory of the newest version, reading fails with words. */
static void expect_bad_inventory(TestStore *store) {
  g_autoptr(Report) report = check_store(store);
  g_assert_true(has_fault(report, "hurt|inventory.json|inventory"));
  g_assert_false(g_hash_table_contains(report->objects, "hurt"));
  g_assert_cmpint(report->files, ==, 11);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(content_read(store->content, "hurt", "files/1", NULL, &error), ==, -1);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INTERNAL);
  g_assert_null(content_stage_new(store->content, "hurt", "u", "m", NULL));
}

static void test_paths_outside(void) {
  static const char *const outside[] = {"../../../../well",    "/etc/passwd", "v1/content/../../../x", "v1/content//x",
                                        "v3/content/deep/er/3", "v1/other/3",  "inventory.json",        ""};
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *good = inventory_text(store);
  g_auto(GStrv) parts = g_strsplit(good, "v1/content/deep/er/3", 0);
  for (guint i = 0; i < G_N_ELEMENTS(outside); i++) {
    g_autofree char *bad = g_strjoinv(outside[i], parts);
    plant_inventory(store, bad, -1);
    expect_bad_inventory(store);
  }
  plant_inventory(store, good, -1);
  EXPECT(store);
}

static void test_bad_json(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *deep = g_strnfill(200000, '[');
  const char *const bad[] = {"", "{", "null", "[]", "{}", "\xff", "{\"id\":\"a\",\"id\":\"b\"}", "{\"id\":\"hurt\",\"head\":{},\"manifest\":[]}",
                             deep, "{\"id\":\"hurt\\u0000\"}",
                             "{\"id\":\"hurt\",\"type\":\"" INVENTORY_TYPE "\",\"digestAlgorithm\":\"sha512\",\"head\":\"v999999999\"}"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    plant_inventory(store, bad[i], -1);
    expect_bad_inventory(store);
  }
}

static void test_huge_inventory(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *path = object_file(store, "hurt", "inventory.json");
  g_assert_cmpint(truncate(path, INVENTORY_LIMIT_BYTES + 1), ==, 0);
  expect_bad_inventory(store);
}

static void test_sidecars(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *sidecar = object_file(store, "hurt", SIDECAR), *older = object_file(store, "hurt", "v1/" SIDECAR), *text = NULL;
  g_assert_true(g_file_get_contents(sidecar, &text, NULL, NULL));
  write_text(sidecar, "deadbeef inventory.json\n", -1);
  g_assert_cmpint(g_unlink(older), ==, 0);
  EXPECT(store, "hurt|inventory.json|inventory", "hurt|v1/inventory.json.sha512|inventory");
  write_text(sidecar, text, -1);
  EXPECT(store, "hurt|v1/inventory.json.sha512|inventory");
}

/* ---- sm3.txt ---- */

/* Replaces every "from" in both inventories of the object, the sidecars too: what one does who wants a change not to be seen. */
static void forge_inventories(TestStore *store, const char *from, const char *to) {
  static const char *const folders[] = {"", "v1/", "v2/"};
  for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autofree char *name = g_strconcat(folders[i], "inventory.json", NULL), *sidecar_name = g_strconcat(folders[i], SIDECAR, NULL), *text = NULL;
    g_autofree char *path = object_file(store, "hurt", name), *sidecar_path = object_file(store, "hurt", sidecar_name);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) parts = g_strsplit(text, from, 0);
    g_autofree char *forged = g_strjoinv(to, parts), *digest = crypto_digest_hex(DIGEST_SHA512, forged, strlen(forged));
    g_autofree char *sidecar = g_strdup_printf("%s inventory.json\n", digest);
    write_text(path, forged, -1);
    write_text(sidecar_path, sidecar, -1);
  }
}

/* Replaces a content, and its SHA-512 wherever it stands. Nothing but SM3 can tell. */
static void forge_content(TestStore *store, const char *content_path, const char *text) {
  g_autofree char *path = object_file(store, "hurt", content_path), *before = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &before, &length, NULL));
  g_autofree char *from = crypto_digest_hex(DIGEST_SHA512, before, length), *to = crypto_digest_hex(DIGEST_SHA512, text, strlen(text));
  write_text(path, text, -1);
  forge_inventories(store, from, to);
}

static void test_forged_sha512(void) {
  g_autoptr(TestStore) store = new_sample();
  forge_content(store, "v1/content/deep/er/3", "thrEe");
  EXPECT(store, "hurt|v1/content/deep/er/3|damaged");
  forge_content(store, "v1/content/deep/er/3", "three");
  EXPECT(store);
  forge_content(store, "v1/content/files/1", "0ne"); /* no longer in the newest version: its own list knows it */
  EXPECT(store, "hurt|v1/content/files/1|damaged");
}

static char *list_text(TestStore *store, const char *content_path) {
  g_autofree char *path = object_file(store, "hurt", content_path);
  char *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

static void test_changed_list(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *path = object_file(store, "hurt", "v2/content/sm3.txt"), *text = list_text(store, "v2/content/sm3.txt");
  char was = text[0];
  text[0] = was == '0' ? '1' : '0';
  write_text(path, text, -1);
  EXPECT(store, "hurt|v2/content/sm3.txt|damaged", "hurt|v2/content/sm3.txt|sm3");
  g_autoptr(GError) error = NULL;
  g_assert_null(content_stage_new(store->content, "hurt", "u", "m", &error)); /* nothing is built on it */
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INTERNAL);
  assert_content(store, "hurt", "files/1", "one, corrected"); /* the files can be read all the same */
  json_t *list = content_list(store->content, "hurt", NULL);
  g_assert_cmpuint(json_array_size(list), ==, 3);
  g_assert_true(json_is_null(json_object_get(json_array_get(list, 0), "sm3")));
  json_decref(list);
  g_assert_cmpint(g_unlink(path), ==, 0);
  EXPECT(store, "hurt|v2/content/sm3.txt|missing", "hurt|v2/content/sm3.txt|sm3");
}

/* A list changed together with its SHA-512: what it says of the files is no longer so, or it does not fit the version. */
static void test_forged_list(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *good = list_text(store, "v2/content/sm3.txt"), *other = g_strdup(good), *twice = g_strconcat(good, good, NULL);
  other[70] = other[70] == 'x' ? 'y' : 'x'; /* the first path: deep/er/3 becomes deepxer/3 */
  const char *rest = strchr(good, '\n') + 1;
  g_autofree char *cut = g_strndup(good, strlen(good) - 1), *upper = g_ascii_strup(good, 64), *unordered = g_strdup_printf("%s%.*s", rest, (int)(rest - good), good);
  g_autofree char *capitals = g_strconcat(upper, good + 64, NULL), *one_blank = g_strdup_printf("%.64s %s", good, good + 66);
  g_autofree char *outside = g_strdup_printf("%.64s  ../x\n%s", good, good), *itself = g_strdup_printf("%s%.64s  sm3.txt\n", good, good);
  const char *const bad[] = {rest, other, twice, cut, capitals, one_blank, unordered, outside, itself, "", "\n"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    forge_content(store, "v2/content/sm3.txt", bad[i]);
    EXPECT(store, "hurt|v2/content/sm3.txt|sm3");
  }
  g_autofree char *wrong = g_strdup(good);
  wrong[5] = wrong[5] == '0' ? '1' : '0';
  forge_content(store, "v2/content/sm3.txt", wrong);
  EXPECT(store, "hurt|v1/content/deep/er/3|damaged", "hurt|v1/content/sm3.txt|sm3"); /* the bytes, and the older list, say otherwise */
  forge_content(store, "v2/content/sm3.txt", good);
  EXPECT(store);
  g_autofree char *older = list_text(store, "v1/content/sm3.txt");
  older[5] = older[5] == '0' ? '1' : '0';
  forge_content(store, "v1/content/sm3.txt", older);
  EXPECT(store, "hurt|v1/content/sm3.txt|sm3");
}

/* A version that never had a list, as another program might have written it. */
static void test_no_list(void) {
  g_autoptr(TestStore) store = new_sample();
  forge_inventories(store, "\"sm3.txt\"", "\"other.txt\"");
  EXPECT(store, "hurt|v1/content/sm3.txt|sm3", "hurt|v2/content/sm3.txt|sm3");
}

/* An object moved to another's place, and one that says nothing of itself. */
static void test_wrong_place(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *from = object_file(store, "hurt", ""), *to_path = object_path("somewhere else");
  g_autofree char *to = g_build_filename(content_root(store->content), to_path, NULL), *parent = g_path_get_dirname(to);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_assert_cmpint(g_rename(from, to), ==, 0);
  g_autoptr(Report) report = check_store(store);
  g_autofree char *fault = g_strdup_printf("-|%s/inventory.json|inventory", to_path);
  g_assert_true(has_fault(report, fault));
  g_assert_cmpuint(g_hash_table_size(report->objects), ==, 2);
}

/* Whatever one changed byte or a cut does to an inventory, the scan ends and says that something is wrong. */
static void test_mutated_inventories(void) {
  g_autoptr(TestStore) store = new_sample();
  g_autofree char *good = inventory_text(store), *folder = object_path("hurt");
  gsize length = strlen(good);
  for (guint i = 0; i < 400; i++) {
    g_autofree char *bad = g_memdup2(good, length + 1);
    gsize at = (gsize)g_test_rand_int_range(0, (gint32)length);
    char was = bad[at];
    bad[at] = i % 2 == 0 ? (char)g_test_rand_int_range(0, 256) : "\"{}[],:/.v0"[i % 11];
    gsize kept = i % 5 == 0 ? at : length;
    if (bad[at] == was && kept == length) continue;
    plant_inventory(store, bad, (gssize)kept);
    g_autoptr(ObjectScan) scan = scan_object(store->content, folder);
    g_assert_cmpuint(scan->faults->len, >, 0); /* it is no longer that of version 2 */
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/check/clean", test_clean);
  g_test_add_func("/check/one-flipped-bit", test_one_flipped_bit);
  g_test_add_func("/check/missing-and-surplus", test_missing_and_surplus);
  g_test_add_func("/check/stray-in-root", test_stray_in_root);
  g_test_add_func("/check/links-are-not-followed", test_links_are_not_followed);
  g_test_add_func("/check/linked-folders", test_linked_folders);
  g_test_add_func("/check/unreadable", test_unreadable);
  g_test_add_func("/check/odd-names", test_odd_names);
  g_test_add_func("/check/paths-outside", test_paths_outside);
  g_test_add_func("/check/bad-json", test_bad_json);
  g_test_add_func("/check/huge-inventory", test_huge_inventory);
  g_test_add_func("/check/sidecars", test_sidecars);
  g_test_add_func("/check/forged-sha512", test_forged_sha512);
  g_test_add_func("/check/changed-list", test_changed_list);
  g_test_add_func("/check/forged-list", test_forged_list);
  g_test_add_func("/check/no-list", test_no_list);
  g_test_add_func("/check/wrong-place", test_wrong_place);
  g_test_add_func("/check/mutated-inventories", test_mutated_inventories);
  return g_test_run();
}
