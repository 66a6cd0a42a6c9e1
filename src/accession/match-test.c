/* Documents to rows: by name in all its readings, by 档号, by folder; what is claimed, what is left over; and what a file costs in memory. */
#include "delivery.h"
#include <glib/gstdio.h>
#include <malloc.h>
#include <string.h>

static void put(const char *folder, const char *path) {
  g_autofree char *full = g_build_filename(folder, path, NULL), *parent = g_path_get_dirname(full);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_assert_true(g_file_set_contents(full, path, -1, NULL));
}

static FileIndex *index_of(const char *folder, json_t *unpacked) {
  g_autoptr(GError) error = NULL;
  FileIndex *index = file_index_new(folder, unpacked, &error);
  g_assert_no_error(error);
  return index;
}

/* expected: paths with | between them; NULL: none, and told as wanted. */
static void check_match(FileIndex *index, const char *code, const char *file, const char *expected) {
  const char *wanted;
  g_autoptr(GPtrArray) paths = file_index_match(index, code, file, &wanted);
  g_autoptr(GString) found = g_string_new(NULL);
  for (guint i = 0; paths && i < paths->len; i++) g_string_append_printf(found, "%s%s", i ? "|" : "", (const char *)paths->pdata[i]);
  g_assert_cmpstr(found->str, ==, expected ? expected : "");
  if (expected == NULL) g_assert_cmpstr(wanted, ==, *file ? file : code);
  else g_assert_null(wanted);
}

static void add_path(const char *path, gpointer data) { g_string_append_printf(data, "%s|", path); }

static char *temporary(void) {
  char *folder = g_dir_make_tmp("lantai-match-XXXXXX", NULL);
  g_assert_nonnull(folder);
  return folder;
}

static void test_codes(void) {
  g_autofree char *folder = temporary();
  static const char *const files[] = {"X-1.pdf", "X-1-2.pdf", "X-1-10.pdf", "X-1-3.pdf", "X-2/b.jpg", "X-2/a.jpg", "X-2/in/c.jpg", "卷/X_4.TXT", "X-1/X-5/d.jpg",
    "X-6/X-6/e.jpg", "Thumbs.db", "odd.pdf"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) put(folder, files[i]);
  g_autoptr(FileIndex) index = index_of(folder, NULL);
  static const char *const codes[] = {"X-1", "X-1-3", "X-2", "x:4", "X-5", "X-6", "X-9"};
  for (guint i = 0; i < G_N_ELEMENTS(codes); i++) file_index_claim(index, codes[i]);
  check_match(index, "X-1", "", "X-1-2.pdf|X-1-10.pdf|X-1.pdf"); /* X-1-3 is a row of its own, X-1/X-5/ belongs to the deeper one */
  check_match(index, "X-1-3", "", "X-1-3.pdf");
  check_match(index, "X-2", "", "X-2/a.jpg|X-2/b.jpg|X-2/in/c.jpg");
  check_match(index, "x:4", "", "卷/X_4.TXT");
  check_match(index, "X-5", "", "X-1/X-5/d.jpg");
  check_match(index, "X-6", "", "X-6/X-6/e.jpg");
  check_match(index, "X-9", "", NULL);
  g_autoptr(GString) left = g_string_new(NULL);
  file_index_surplus(index, add_path, left);
  g_assert_cmpstr(left->str, ==, "odd.pdf|");
  g_assert_cmpint(file_index_size(index, "X-2/a.jpg"), ==, strlen("X-2/a.jpg"));
  g_assert_cmpint(file_index_size(index, "X-2/none.jpg"), ==, 0);
  folder_remove(folder);
}

static void test_names(void) {
  g_autofree char *folder = temporary();
  static const char *const files[] = {"a/One.PDF", "a/two.pdf", "b/two.pdf", "b/three.tif", "b/four.tif", "root.pdf", "e\314\201.pdf", "semi;colon.pdf", " edge .pdf"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) put(folder, files[i]);
  g_autoptr(FileIndex) index = index_of(folder, NULL);
  check_match(index, "c", "a/One.PDF", "a/One.PDF");
  check_match(index, "c", "A\\one.pdf", "a/One.PDF");
  check_match(index, "c", "a/ONE", "a/One.PDF");
  check_match(index, "c", "./one.pdf", "a/One.PDF");
  check_match(index, "c", "elsewhere/one.pdf", "a/One.PDF");
  check_match(index, "c", "elsewhere/ROOT.pdf", "root.pdf");
  check_match(index, "c", "two.pdf", NULL); /* there are two */
  check_match(index, "c", "/B/", "b/four.tif|b/three.tif|b/two.pdf");
  check_match(index, "c", "b/three.tif;b/four.tif\nroot.pdf", "b/three.tif|b/four.tif|root.pdf");
  check_match(index, "c", "root.pdf|root", "root.pdf");
  check_match(index, "c", "é.pdf", "e\314\201.pdf");
  check_match(index, "c", "semi;colon.pdf", "semi;colon.pdf");
  check_match(index, "c", "edge .pdf", " edge .pdf");
  check_match(index, "c", "none.pdf", NULL);
  const char *wanted;
  g_assert_null(file_index_match(index, "root", NO_DOCUMENTS, &wanted));
  g_assert_null(wanted);
  folder_remove(folder);
}

/* What it was called before a disk shortened it; the name of another file is not taken from that. */
static void test_former_names(void) {
  g_autofree char *folder = temporary();
  put(folder, "long~12345678.pdf");
  put(folder, "other.pdf");
  put(folder, "third.pdf");
  json_auto_t *unpacked = json_pack("{s:{s:s, s:s}}", "names", "long~12345678.pdf", "记录/very-long.pdf", "third.pdf", "other.pdf");
  g_autoptr(FileIndex) index = index_of(folder, unpacked);
  check_match(index, "c", "记录/very-long.pdf", "long~12345678.pdf");
  check_match(index, "very-long", "", "long~12345678.pdf");
  check_match(index, "c", "other.pdf", "other.pdf");
  check_match(index, "third", "", "third.pdf");
  folder_remove(folder);
}

static void test_memory(void) {
  enum { COUNT = 20000, COST_BYTES = 200 };
  g_autofree char *folder = temporary();
  for (guint i = 0; i < COUNT; i++) {
    g_autofree char *name = g_strdup_printf("%02u/X001-WS·2024-Y-%07u.txt", i % 50, i);
    put(folder, name);
  }
  malloc_trim(0);
  struct mallinfo2 before = mallinfo2();
  g_autoptr(FileIndex) index = index_of(folder, NULL);
  struct mallinfo2 after = mallinfo2();
  gsize taken = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
  g_test_message("%u files: %" G_GSIZE_FORMAT " bytes each", (guint)COUNT, taken / COUNT);
#ifndef __SANITIZE_ADDRESS__
  g_assert_cmpuint(taken / COUNT, <, COST_BYTES);
#endif
  check_match(index, "X001-WS·2024-Y-0012345", "", "45/X001-WS·2024-Y-0012345.txt");
  folder_remove(folder);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/match/codes", test_codes);
  g_test_add_func("/match/names", test_names);
  g_test_add_func("/match/former-names", test_former_names);
  g_test_add_func("/match/memory", test_memory);
  return g_test_run();
}
