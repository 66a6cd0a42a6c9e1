/* The conformance suite of the Library of Congress, where the folder is the expected result, and what it leaves out. */
#include "package-bag.h"
#include "delivery.h"
#include "package-tag.h"
#include "package.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static guint count(json_t *result, const char *list) { return (guint)json_array_size(json_object_get(result, list)); }

static gboolean has_code(json_t *result, const char *list, const char *code) {
  size_t i;
  json_t *item;
  json_array_foreach(json_object_get(result, list), i, item)
    if (g_strcmp0(json_string_value(json_object_get(item, "code")), code) == 0) return TRUE;
  return FALSE;
}

static void dump_on(gboolean wrong, const char *path, json_t *result) {
  if (!wrong) return;
  g_autofree char *text = json_dumps(result, JSON_INDENT(1));
  g_test_message("%s: %s", path, text);
  g_test_fail();
}

static guint check_folder(const char *folder, gboolean errors, gboolean warnings) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint bags = 0;
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) continue;
    json_auto_t *result = package_bag_verify(path);
    dump_on((count(result, "errors") > 0) != errors || (warnings && count(result, "warnings") == 0), path, result);
    bags++;
  }
  return bags;
}

static void test_suite(void) {
  g_autofree char *suite = g_build_filename(g_getenv("LANTAI_SHARED"), "data", "bagit-conformance-suite", NULL);
  if (!g_file_test(suite, G_FILE_TEST_IS_DIR)) {
    g_test_skip("bagit-conformance-suite is not here");
    return;
  }
  static const struct { const char *name; gboolean errors, warnings; } kinds[] = {
    {"valid", FALSE, FALSE}, {"warning", FALSE, TRUE}, {"invalid", TRUE, FALSE}, {"linux-only", TRUE, FALSE}, {"windows-only", TRUE, FALSE}};
  static const char *const versions[] = {"v0.93", "v0.94", "v0.95", "v0.96", "v0.97", "v1.0"};
  guint bags = 0;
  for (guint v = 0; v < G_N_ELEMENTS(versions); v++)
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
      g_autofree char *folder = g_build_filename(suite, versions[v], kinds[k].name, NULL);
      bags += check_folder(folder, kinds[k].errors, kinds[k].warnings);
    }
  g_assert_cmpuint(bags, ==, 60);
}

/* ---- bags of our own ---- */

typedef struct { char *dir; } Made;

static void put(Made *made, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(made->dir, name, NULL), *folder = g_path_get_dirname(path);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(Made *made, gconstpointer data) {
  made->dir = g_dir_make_tmp("lantai-bag-XXXXXX", NULL);
  put(made, "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
  put(made, "data/a.txt", "abc");
  put(made, "manifest-sm3.txt", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  data/a.txt\n");
}

static void tear_down(Made *made, gconstpointer data) {
  folder_remove(made->dir);
  g_free(made->dir);
}

static void test_sm3(Made *made, gconstpointer data) {
  json_auto_t *good = package_bag_verify(made->dir);
  dump_on(count(good, "errors") > 0, made->dir, good);
  g_assert_cmpstr(json_string_value(json_object_get(good, "version")), ==, "1.0");
  g_assert_cmpint(json_integer_value(json_object_get(good, "bytes")), ==, 3);
  put(made, "data/a.txt", "abd");
  json_auto_t *bad = package_bag_verify(made->dir);
  g_assert_true(has_code(bad, "errors", "BAG-MANIFEST-MISMATCH"));
  g_autoptr(Bag) bag = bag_open(made->dir);
  json_auto_t *digests = bag_digests(bag, "data/a.txt");
  g_assert_nonnull(json_object_get(digests, "sm3"));
  g_assert_null(bag_digests(bag, "data/b.txt"));
}

static void test_links(Made *made, gconstpointer data) {
  g_autofree char *link = g_build_filename(made->dir, "data", "l", NULL);
  g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
  json_auto_t *result = package_bag_verify(made->dir);
  g_assert_true(has_code(result, "errors", "BAG-SPECIAL-FILE"));
}

static void test_fetch(Made *made, gconstpointer data) {
  put(made, "fetch.txt", "http://localhost/b 3 data/b.txt\n");
  json_auto_t *unlisted = package_bag_verify(made->dir);
  g_assert_true(has_code(unlisted, "errors", "BAG-FETCH-UNLISTED"));
  put(made, "manifest-sm3.txt", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  data/a.txt\n"
    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  data/b.txt\n");
  json_auto_t *pending = package_bag_verify(made->dir);
  g_assert_true(has_code(pending, "errors", "BAG-FETCH-PENDING"));
  g_assert_cmpuint(count(pending, "errors"), ==, 1);
}

static void test_percent(Made *made, gconstpointer data) {
  put(made, "data/x%\ny", "abc");
  put(made, "manifest-sm3.txt", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  data/a.txt\n"
    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  data/x%25%0ay\n");
  json_auto_t *result = package_bag_verify(made->dir);
  dump_on(count(result, "errors") > 0, made->dir, result);
}

static void test_faults(Made *made, gconstpointer data) {
  static const struct { const char *name, *text, *code; } faults[] = {
    {"data/new.txt", "x", "BAG-FILE-UNLISTED"},
    {"manifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72 data/a.txt\n900150983cd24fb0d6963f7d28e17f72 data/none\n", "BAG-FILE-MISSING"},
    {"manifest-sha1.txt", "", "BAG-MANIFEST-PARTIAL"},
    {"manifest-sha256.txt", "short data/a.txt\n", "BAG-MANIFEST-FORM"},
    {"manifest-sha384.txt", "900150983cd24fb0d6963f7d28e17f72 data/a.txt\n", "BAG-MANIFEST-FORM"},
    {"manifest-sha512.txt", "\xff\xfe\n", "BAG-ENCODING"},
    {"bag-info.txt", "Payload-Oxum: 3.9\n", "BAG-OXUM"},
    {"tagmanifest-md5.txt", "900150983cd24fb0d6963f7d28e17f72 bagit.txt\n", "BAG-TAGMANIFEST-MISMATCH"},
    {"fetch.txt", "http://x - data/../../a\n", "BAG-PATH-ESCAPE"},
    {"bagit.txt", "BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n", "BAG-VERSION"},
    {"bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\nMore: 1\n", "BAG-DECLARATION"},
    {"bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: KLINGON\n", "BAG-ENCODING"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    tear_down(made, NULL);
    set_up(made, NULL);
    put(made, faults[i].name, faults[i].text);
    json_auto_t *result = package_bag_verify(made->dir);
    dump_on(!has_code(result, "errors", faults[i].code), faults[i].code, result);
  }
}

static void test_escapes(void) {
  static const char *const bad[] = {"../a", "data/../../a", "/a", "~/a", "~root/a", "C:\\a", "c:a", "\\\\server\\a", "%HomeDrive%\\a", "a\\..\\b", "", NULL};
  static const char *const good[] = {"data/a", "data/~a", "data/%7Ea", "data/%test%.txt", "data/..a", "data/a:b", "%a", NULL};
  for (guint i = 0; bad[i]; i++) g_assert_true(tag_path_escapes(bad[i]));
  for (guint i = 0; good[i]; i++) g_assert_false(tag_path_escapes(good[i]));
}

static void test_readme(void) {
  g_autoptr(GArray) fields = readme_fields("\xEF\xBB\xBF移交单位：市民政局\r\n内容描述: 2015 年\r\n 文书档案\r\n起止档号\tA-1 至 A-9\r\n\r\n档案数量：9\n");
  static const char *const expected[][2] = {{"移交单位", "市民政局"}, {"内容描述", "2015 年\n文书档案"}, {"起止档号", "A-1 至 A-9"}, {"档案数量", "9"}};
  g_assert_cmpuint(fields->len, ==, G_N_ELEMENTS(expected));
  for (guint i = 0; i < fields->len; i++) {
    g_assert_cmpstr(g_array_index(fields, TagField, i).label, ==, expected[i][0]);
    g_assert_cmpstr(g_array_index(fields, TagField, i).value, ==, expected[i][1]);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/package/bag/suite", test_suite);
  g_test_add("/package/bag/sm3", Made, NULL, set_up, test_sm3, tear_down);
  g_test_add("/package/bag/links", Made, NULL, set_up, test_links, tear_down);
  g_test_add("/package/bag/fetch", Made, NULL, set_up, test_fetch, tear_down);
  g_test_add("/package/bag/percent", Made, NULL, set_up, test_percent, tear_down);
  g_test_add("/package/bag/faults", Made, NULL, set_up, test_faults, tear_down);
  g_test_add_func("/package/tag/escapes", test_escapes);
  g_test_add_func("/package/tag/readme", test_readme);
  return g_test_run();
}
