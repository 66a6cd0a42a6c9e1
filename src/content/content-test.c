/* Round trips through the store: files, versions, sharing of contents, undo, removal, many threads, many random operations. */
#include "test-store.h"
#include <signal.h>
#include <sys/resource.h>

static void test_round_trip(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "urn:档案:1", "files/0001.jpg", "第一页", "files/第二页 (正本).jpg", "第二页", "metadata.json", "{}");
  assert_content(store, "urn:档案:1", "files/0001.jpg", "第一页");
  assert_content(store, "urn:档案:1", "files/第二页 (正本).jpg", "第二页");
  assert_absent(store, "urn:档案:1", "files/0003.jpg");
  assert_absent(store, "urn:档案:2", "files/0001.jpg");
  g_assert_true(content_exists(store->content, "urn:档案:1"));
  g_assert_false(content_exists(store->content, "urn:档案:2"));
  g_autoptr(GError) error = NULL;
  json_t *list = content_list(store->content, "urn:档案:1", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(json_array_size(list), ==, 3);
  const json_t *first = json_array_get(list, 0);
  g_autofree char *sha512 = crypto_digest_hex(DIGEST_SHA512, "第一页", 9), *sm3 = crypto_digest_hex(DIGEST_SM3, "第一页", 9);
  g_assert_cmpstr(json_string_value(json_object_get(first, "path")), ==, "files/0001.jpg");
  g_assert_cmpint(json_integer_value(json_object_get(first, "size")), ==, 9);
  g_assert_cmpstr(json_string_value(json_object_get(first, "sha512")), ==, sha512);
  g_assert_cmpstr(json_string_value(json_object_get(first, "sm3")), ==, sm3);
  json_decref(list);
  g_autofree char *path = content_path(store->content, "urn:档案:1", "metadata.json", &error);
  g_assert_true(g_path_is_absolute(path) && g_file_test(path, G_FILE_TEST_IS_REGULAR));
  g_assert_cmpint(count_intents(store), ==, 0);
  g_assert_cmpuint(count_staged(store), ==, 0);
  assert_clean(store);
}

/* The list of a version's SM3 values: a file of it that a caller can read and not touch, and no word of SM3 in the inventory. */
static void test_sm3_list(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "o", "文/件 1", "一", "b", "二", "a/c", "二", "a-c", "");
  g_autofree char *one = crypto_digest_hex(DIGEST_SM3, "一", 3), *two = crypto_digest_hex(DIGEST_SM3, "二", 3), *none = crypto_digest_hex(DIGEST_SM3, "", 0);
  g_autofree char *first = g_strdup_printf("%s  a-c\n%s  a/c\n%s  b\n%s  文/件 1\n", none, two, two, one);
  assert_content(store, "o", "sm3.txt", first);
  ContentStage *stage = stage_files(store, "o", (const char *const[]){"b", "一", NULL});
  g_assert_true(content_stage_remove(stage, "a/c", NULL));
  g_assert_false(content_stage_remove(stage, "sm3.txt", NULL));
  put_stage(store, stage);
  g_autofree char *second = g_strdup_printf("%s  a-c\n%s  b\n%s  文/件 1\n", none, one, one);
  assert_content(store, "o", "sm3.txt", second);
  json_t *list = content_list(store->content, "o", NULL), *item;
  gsize i;
  g_assert_cmpuint(json_array_size(list), ==, 3);
  json_array_foreach(list, i, item) g_assert_cmpstr(json_string_value(json_object_get(item, "sm3")), ==, i == 0 ? none : one);
  json_decref(list);
  g_autofree char *path = object_file(store, "o", "inventory.json"), *text = NULL;
  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  g_assert_null(strstr(text, "fixity"));
  /* a copy of a list is a file like others, and an object without files has an empty list */
  put_object(store, "o", "copy", first);
  stage = stage_files(store, "o", (const char *const[]){NULL});
  static const char *const all[] = {"a-c", "b", "文/件 1", "copy"};
  for (i = 0; i < G_N_ELEMENTS(all); i++) g_assert_true(content_stage_remove(stage, all[i], NULL));
  put_stage(store, stage);
  assert_content(store, "o", "sm3.txt", "");
  put_object(store, "o", "a-c", "");
  assert_clean(store);
  g_assert_true(content_remove_version(store->content, "o", 5, NULL) && content_remove_version(store->content, "o", 4, NULL));
  g_assert_true(content_remove_version(store->content, "o", 3, NULL));
  assert_content(store, "o", "sm3.txt", second);
}

static void test_layout(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "x", "a", "1");
  for (guint i = 0; i < G_N_ELEMENTS(LAYOUT_FILES); i++) {
    g_autofree char *path = g_build_filename(content_root(store->content), LAYOUT_FILES[i].path, NULL), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, LAYOUT_FILES[i].text);
    json_t *json = g_str_has_suffix(path, ".json") ? json_loads(text, 0, NULL) : NULL;
    g_assert_cmpint(json != NULL, ==, g_str_has_suffix(path, ".json"));
    json_decref(json);
  }
  /* sha512("x") = a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238bc13626e43dcb38ddb082488927ec904fb42057443983e88585179d50551afe62 */
  g_autofree char *folder = g_build_filename(content_root(store->content), "a4a/bd4/448/x", NULL);
  g_autofree char *encoded = object_path("urn:lantai:记/12");
  g_assert_true(g_str_has_suffix(encoded, "/urn%3alantai%3a%e8%ae%b0%2f12"));
  static const char *const files[] = {"0=ocfl_object_1.1", "inventory.json", "inventory.json.sha512", "v1/inventory.json", "v1/inventory.json.sha512",
                                      "v1/content/a", "v1/content/sm3.txt"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree char *path = g_build_filename(folder, files[i], NULL);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
  }
}

/* Sizes on both sides of every boundary of the reader. */
static void test_digests(void) {
  g_autoptr(TestStore) store = new_test_store();
  static const gsize sizes[] = {0, 1, 65535, 65536, 65537, 262143, 262144, 262145, 1048576, 1500000, 5 * 262144};
  g_autofree guchar *bytes = g_malloc(1500000);
  for (gsize i = 0; i < 1500000; i++) bytes[i] = (guchar)(i * 31 + (i >> 8) * 7 + (i >> 16));
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentStage) stage = content_stage_new(store->content, "digests", NULL, NULL, &error);
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *name = g_strdup_printf("size-%u", i);
    const ContentFile *file = content_stage_add_bytes(stage, name, bytes, sizes[i], &error);
    g_assert_no_error(error);
    g_autofree char *sha512 = crypto_digest_hex(DIGEST_SHA512, bytes, sizes[i]), *sm3 = crypto_digest_hex(DIGEST_SM3, bytes, sizes[i]);
    g_assert_cmpstr(file->sha512, ==, sha512);
    g_assert_cmpstr(file->sm3, ==, sm3);
    g_assert_cmpint(file->size_bytes, ==, (gint64)sizes[i]);
  }
  put_stage(store, g_steal_pointer(&stage));
  g_autofree char *path = content_path(store->content, "digests", "size-9", &error), *text = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &text, &length, NULL));
  g_assert_cmpmem(text, length, bytes, sizes[9]);
  assert_clean(store);
}

/* A sparse file takes no more room than its bytes that are not zero, and has the digests of its zeros; a hole at its end is kept too. */
static void test_sparse(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autofree char *path = g_build_filename(store->dir, "sparse", NULL);
  autofd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const gint64 size_bytes = 40 << 20;
  g_assert_true(pwrite(fd, "head", 4, 0) == 4 && pwrite(fd, "middle", 6, 20 << 20) == 6 && ftruncate(fd, size_bytes) == 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentStage) stage = content_stage_new(store->content, "sparse", NULL, NULL, &error);
  const ContentFile *file = content_stage_add_fd(stage, "f", fd, &error);
  g_assert_no_error(error);
  g_autofree char *bytes = g_malloc0((gsize)size_bytes);
  memcpy(bytes, "head", 4);
  memcpy(bytes + (20 << 20), "middle", 6);
  g_autofree char *sha512 = crypto_digest_hex(DIGEST_SHA512, bytes, (gsize)size_bytes);
  g_assert_cmpstr(file->sha512, ==, sha512);
  put_stage(store, g_steal_pointer(&stage));
  g_autofree char *kept = content_path(store->content, "sparse", "f", &error);
  struct stat info;
  g_assert_cmpint(stat(kept, &info), ==, 0);
  g_assert_cmpint(info.st_size, ==, size_bytes);
  g_assert_cmpint(info.st_blocks * 512, <, 2 << 20);
  assert_clean(store);
}

static void test_from_descriptor(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autofree char *path = g_build_filename(store->dir, "incoming", NULL);
  write_text(path, "skipped rest", -1);
  autofd fd = open(path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint(lseek(fd, 8, SEEK_SET), ==, 8);
  g_autoptr(GError) error = NULL;
  ContentStage *stage = content_stage_new(store->content, "fd", "u", "m", &error);
  g_assert_nonnull(content_stage_add_fd(stage, "f", fd, &error));
  put_stage(store, stage);
  assert_content(store, "fd", "f", "rest");
}

static guint64 inode_of(TestStore *store, const char *object_id) {
  g_autofree char *kept = content_path(store->content, object_id, "f", NULL);
  struct stat info;
  g_assert_cmpint(stat(kept, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 07777, ==, 0640);
  return info.st_ino;
}

static guint64 put_linked(TestStore *store, const char *object_id, const char *path, off_t from) {
  autofd fd = open(path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint(lseek(fd, from, SEEK_SET), ==, from);
  g_autoptr(GError) error = NULL;
  ContentStage *stage = content_stage_new(store->content, object_id, "u", "m", &error);
  g_assert_nonnull(content_stage_link_fd(stage, "f", fd, &error));
  g_assert_no_error(error);
  put_stage(store, stage);
  return inode_of(store, object_id);
}

/* A file of the caller's own is linked, not copied, and outlives its first name; one that has other names, or is not taken whole, is copied. */
static void test_link(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autofree char *path = g_build_filename(store->dir, "own", NULL), *second = g_build_filename(store->dir, "second", NULL);
  write_text(path, "unpacked", -1);
  g_assert_cmpint(chmod(path, 0600), ==, 0);
  struct stat info;
  g_assert_cmpint(stat(path, &info), ==, 0);
  g_assert_cmpuint(put_linked(store, "part", path, 2), !=, info.st_ino);
  g_assert_cmpuint(put_linked(store, "linked", path, 0), ==, info.st_ino);
  g_assert_cmpuint(put_linked(store, "again", path, 0), !=, info.st_ino);
  g_assert_cmpint(unlink(path), ==, 0);
  write_text(path, "another", -1);
  g_assert_cmpint(link(path, second), ==, 0);
  g_assert_cmpint(stat(path, &info), ==, 0);
  g_assert_cmpuint(put_linked(store, "shared", path, 0), !=, info.st_ino);
  write_text(second, "changed", -1);
  assert_content(store, "part", "f", "packed");
  assert_content(store, "linked", "f", "unpacked");
  assert_content(store, "again", "f", "unpacked");
  assert_content(store, "shared", "f", "another");
  /* a stage that is dropped leaves the first name alone */
  g_assert_cmpint(unlink(path), ==, 0);
  write_text(path, "dropped", -1);
  autofd fd = open(path, O_RDONLY | O_CLOEXEC);
  ContentStage *stage = content_stage_new(store->content, "dropped", "u", "m", NULL);
  g_assert_nonnull(content_stage_link_fd(stage, "f", fd, NULL));
  content_stage_free(stage);
  g_assert_cmpint(stat(path, &info), ==, 0);
  g_assert_cmpuint(info.st_nlink, ==, 1);
  g_assert_cmpuint(count_staged(store), ==, 0);
  assert_clean(store);
}

static gssize fail_after(gpointer source, void *buffer, gsize capacity, GError **error) {
  guint *left = source;
  if (*left == 0) {
    throw(error, LANTAI_ERROR_UNAVAILABLE, "来源中断");
    return -1;
  }
  memset(buffer, 'x', capacity);
  (*left)--;
  return (gssize)capacity;
}

static void test_failing_source(void) {
  g_autoptr(TestStore) store = new_test_store();
  for (guint chunks = 0; chunks < 7; chunks += 3) {
    g_autoptr(GError) error = NULL;
    ContentStage *stage = content_stage_new(store->content, "broken", "u", "m", NULL);
    guint left = chunks;
    g_assert_null(content_stage_add_stream(stage, "f", fail_after, &left, &error));
    g_assert_cmpstr(error->message, ==, "来源中断");
    content_stage_free(stage);
  }
  g_assert_cmpuint(count_staged(store), ==, 0);
  g_assert_false(content_exists(store->content, "broken"));
}

/* A disk that takes no more (a limit on file sizes stands in for it): words, and nothing left. */
static void test_full_disk(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autoptr(GError) error = NULL;
  struct rlimit before;
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
  g_autofree char *big = g_strnfill(3 << 20, 'b');
  ContentStage *stage = content_stage_new(store->content, "big", "u", "m", &error);
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){2 << 20, before.rlim_max});
  g_assert_null(content_stage_add_bytes(stage, "f", big, 3 << 20, &error));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  g_assert_nonnull(content_stage_add_bytes(stage, "f", big, 1 << 20, NULL)); /* the stage is still good */
  put_stage(store, stage);
  g_assert_cmpuint(count_staged(store), ==, 0);
  assert_clean(store);
}

static void test_bad_paths(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autoptr(ContentStage) stage = content_stage_new(store->content, "paths", "u", "m", NULL);
  g_autofree char *long_name = g_strnfill(256, 'n'), *deep = g_strnfill(200, '/');
  for (guint i = 0; i < 200; i += 2) deep[i] = 'd';
  const char *const bad[] = {"",   "/a",   "a/",        "a//b", ".",     "..",       "a/../b", "a/./b", "../../etc/passwd",
                             "a\nb", "\xff\xfe", long_name, deep,   "sm3.txt", "sm3.txt/x"};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(content_stage_add_bytes(stage, bad[i], "x", 1, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
  }
  static const char *const bad_ids[] = {"", "a\tb", "\xc3\x28"};
  for (guint i = 0; i < G_N_ELEMENTS(bad_ids); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(content_stage_new(store->content, bad_ids[i], "u", "m", &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  }
  static const char *const good[] = {"..a", "a..b/...", ".hidden", "空 格/文件,名.tif", "A\\B", "files/sm3.txt", "sm3.txt.bak"};
  for (guint i = 0; i < G_N_ELEMENTS(good); i++) g_assert_nonnull(content_stage_add_bytes(stage, good[i], "x", 1, NULL));
}

static void test_file_against_folder(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autoptr(ContentStage) stage = content_stage_new(store->content, "conflict", "u", "m", NULL);
  g_autoptr(GError) error = NULL;
  g_assert_nonnull(content_stage_add_bytes(stage, "a/b/c", "1", 1, &error));
  g_assert_null(content_stage_add_bytes(stage, "a/b", "2", 1, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_null(content_stage_add_bytes(stage, "a/b/c/d", "2", 1, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_true(content_stage_remove(stage, "a/b/c", &error));
  g_assert_nonnull(content_stage_add_bytes(stage, "a/b", "1", 1, &error)); /* the same content, its folder's name now free */
  g_assert_false(content_stage_remove(stage, "a/b/c", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  put_stage(store, g_steal_pointer(&stage));
  assert_content(store, "conflict", "a/b", "1");
  assert_clean(store);
}

static void test_versions(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "o", "keep", "k", "change", "one", "drop", "d");
  ContentStage *stage = stage_files(store, "o", (const char *const[]){"change", "two", "new", "n", NULL});
  g_assert_true(content_stage_remove(stage, "drop", NULL));
  assert_content(store, "o", "change", "one"); /* nothing is seen before it is published */
  put_stage(store, stage);
  assert_content(store, "o", "keep", "k");
  assert_content(store, "o", "change", "two");
  assert_content(store, "o", "new", "n");
  assert_absent(store, "o", "drop");
  g_autofree char *kept = content_path(store->content, "o", "keep", NULL);
  g_assert_nonnull(strstr(kept, "/v1/content/keep"));
  g_autoptr(Report) report = check_store(store);
  g_assert_cmpuint(report->faults->len, ==, 0);
  g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(report->objects, "o")), ==, 2);
  g_assert_cmpint(report->files, ==, 7); /* five contents and two lists */
}

static void test_contents_are_shared(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "d", "a", "same", "b", "same", "c/d", "same", "other", "o");
  put_object(store, "d", "e", "same", "again", "o");
  g_autofree char *a = content_path(store->content, "d", "a", NULL), *e = content_path(store->content, "d", "e", NULL);
  g_assert_cmpstr(a, ==, e);
  g_autofree char *content_folder = object_file(store, "d", "v2/content"), *newer = object_file(store, "d", "v3/content");
  autofd folder = open(content_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr(GPtrArray) names = list_folder(folder);
  g_assert_cmpuint(names->len, ==, 1); /* only the new list of SM3 values */
  put_object(store, "d", "e", "same");
  g_assert_false(g_file_test(newer, G_FILE_TEST_EXISTS)); /* the same state, the same list, no folder (OCFL E016) */
  /* what is replaced in the same version leaves nothing behind */
  ContentStage *stage = stage_files(store, "d", (const char *const[]){"t", "thrown away", "t", "final", NULL});
  put_stage(store, stage);
  assert_content(store, "d", "t", "final");
  g_autoptr(Report) report = check_store(store);
  g_assert_cmpuint(report->faults->len, ==, 0);
  g_assert_cmpint(report->files, ==, 6); /* "same", "o", "final" and a list for each of three states */
}

static void test_undo_of_a_version(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "o", "f", "one");
  put_object(store, "o", "f", "two");
  put_object(store, "o", "f", "three");
  g_autoptr(GError) error = NULL;
  g_assert_false(content_remove_version(store->content, "o", 2, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_true(content_remove_version(store->content, "o", 3, &error));
  g_assert_true(content_remove_version(store->content, "o", 3, &error)); /* idempotent */
  assert_content(store, "o", "f", "two");
  assert_clean(store);
  put_object(store, "o", "f", "three again");
  close_test_store(store);
  open_test_store(store); /* the intent of the removal must not take the new version 3 */
  assert_content(store, "o", "f", "three again");
  for (guint version = 3; version >= 1; version--) g_assert_true(content_remove_version(store->content, "o", version, &error));
  g_assert_false(content_exists(store->content, "o"));
  g_assert_true(content_remove_version(store->content, "o", 1, &error));
  assert_clean(store);
}

static void test_removal_leaves_nothing(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "one", "f", "1");
  put_object(store, "two", "f", "2");
  g_autoptr(GError) error = NULL;
  g_assert_true(content_remove(store->content, "one", &error));
  g_assert_true(content_remove(store->content, "one", &error));
  g_assert_true(content_remove(store->content, "never was", &error));
  assert_absent(store, "one", "f");
  assert_content(store, "two", "f", "2");
  g_assert_true(content_remove(store->content, "two", &error));
  g_autoptr(GPtrArray) names = list_folder(store->content->root_fd);
  g_assert_cmpuint(names->len, ==, 3); /* the layout's files only: no folders of the hash tree */
  g_assert_cmpuint(count_staged(store), ==, 0);
}

static void test_unacknowledged_is_undone(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "old", "f", "one");
  g_autoptr(GError) error = NULL;
  ContentBatch *batch = content_batch_new(store->content);
  content_batch_take(batch, stage_files(store, "old", (const char *const[]){"f", "two", NULL}));
  content_batch_take(batch, stage_files(store, "new", (const char *const[]){"f", "n", NULL}));
  g_assert_true(content_batch_publish(batch, &error));
  assert_content(store, "old", "f", "two");
  content_batch_free(batch);
  assert_content(store, "old", "f", "one");
  assert_absent(store, "new", "f");
  assert_clean(store);
  put_object(store, "old", "f", "two again"); /* the objects are free again */
  assert_content(store, "old", "f", "two again");
}

/* Rolled back, with the batch freed before or after its transaction. */
static void test_rolled_back(void) {
  g_autoptr(TestStore) store = new_test_store();
  for (guint order = 0; order < 2; order++) {
    g_autoptr(GError) error = NULL;
    ContentBatch *batch = content_batch_new(store->content);
    content_batch_take(batch, stage_files(store, "o", (const char *const[]){"f", "x", NULL}));
    g_assert_true(content_batch_publish(batch, &error));
    Sql *sql = sql_write(store->db, &error);
    g_assert_true(content_batch_acknowledge(batch, sql, &error));
    if (order == 0) content_batch_free(batch);
    sql_end(sql);
    if (order == 1) content_batch_free(batch);
    g_assert_false(content_exists(store->content, "o"));
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(store->content);
  g_autoptr(Sql) sql = sql_write(store->db, &error);
  g_assert_false(content_batch_acknowledge(batch, sql, &error)); /* nothing was published */
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
}

static void test_two_batches_one_object(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentBatch) first = content_batch_new(store->content), second = content_batch_new(store->content), third = content_batch_new(store->content);
  content_batch_take(first, stage_files(store, "o", (const char *const[]){"f", "first", NULL}));
  content_batch_take(second, stage_files(store, "p", (const char *const[]){"f", "p", NULL}));
  content_batch_take(second, stage_files(store, "o", (const char *const[]){"f", "second", NULL}));
  content_batch_take(third, stage_files(store, "o", (const char *const[]){"f", "third", NULL}));
  g_assert_true(content_batch_publish(first, &error));
  g_assert_false(content_batch_publish(second, &error)); /* first is not acknowledged yet */
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_false(content_remove(store->content, "o", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  Sql *sql = sql_write(store->db, &error);
  g_assert_true(content_batch_acknowledge(first, sql, &error) && sql_commit(sql, &error));
  sql_end(sql);
  g_clear_pointer(&first, content_batch_free);
  g_assert_false(content_batch_publish(third, &error)); /* staged from a state that is no more */
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  assert_content(store, "o", "f", "first");
  g_assert_false(content_exists(store->content, "p"));
  g_clear_pointer(&second, content_batch_free);
  g_clear_pointer(&third, content_batch_free);
  close_test_store(store);
  open_test_store(store);
  assert_content(store, "o", "f", "first"); /* no failed batch left an intent that takes it */
}

/* The version a stage was made from was undone and another put in its place: the number is the same, the files are not. */
static void test_replaced_base(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "o", "f", "one");
  put_object(store, "o", "f", "two");
  ContentStage *stage = stage_files(store, "o", (const char *const[]){"g", "new", NULL});
  g_assert_true(content_remove_version(store->content, "o", 2, NULL));
  put_object(store, "o", "f", "two, otherwise");
  g_autoptr(GError) error = NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(store->content);
  content_batch_take(batch, stage);
  g_assert_false(content_batch_publish(batch, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  assert_content(store, "o", "f", "two, otherwise");
  assert_clean(store);
}

static void test_two_processes(void) {
  g_autoptr(TestStore) store = new_test_store();
  ContentStage *stage = stage_files(store, "o", (const char *const[]){"f", "x", NULL});
  g_autoptr(GError) error = NULL;
  g_autoptr(Content) other = content_open(store->dir, store->db, &error); /* must not sweep away what the first has under way */
  g_assert_no_error(error);
  put_stage(store, stage);
  autofd fd = content_read(other, "o", "f", NULL, &error);
  g_assert_cmpint(fd, >=, 0);
}

static void test_read_only(void) {
  g_autoptr(TestStore) store = new_test_store();
  put_object(store, "o", "f", "x");
  g_autoptr(GError) error = NULL;
  g_autoptr(Content) reader = content_open(store->dir, NULL, &error);
  g_assert_true(content_exists(reader, "o"));
  g_assert_null(content_stage_new(reader, "o", "u", "m", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_false(content_remove(reader, "o", &error));
  g_clear_error(&error);
  g_assert_true(content_remove_version(store->content, "o", 1, &error)); /* leaves an intent, which only a writer may settle */
  close_test_store(store);
  g_autofree char *path = g_build_filename(store->dir, "test.db", NULL);
  g_autoptr(SqlDb) db = sql_open_readonly(path, &error);
  g_autoptr(Content) other = content_open(store->dir, db, &error);
  g_assert_no_error(error);
  g_assert_null(content_stage_new(other, "o", "u", "m", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  g_clear_error(&error);
  g_assert_null(content_open("/nonexistent/lantai", NULL, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
}

static void test_foreign_folder(void) {
  g_autofree char *dir = make_test_dir();
  g_autofree char *folder = g_build_filename(dir, "store", "照片", NULL), *path = g_build_filename(dir, "test.db", NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(SqlDb) db = sql_open(path, &error);
  g_assert_null(content_open(dir, db, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
  g_assert_true(remove_tree(AT_FDCWD, dir));
}

/* ---- many threads ---- */

static gpointer publish_many(gpointer data) {
  TestStore *store = data;
  static gint next = 0;
  gint thread = g_atomic_int_add(&next, 1);
  for (guint i = 0; i < 12; i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *id = g_strdup_printf("thread-%d-%u", thread, i % 8);
    g_autofree char *big = g_strnfill(100000 + i * 1000, (char)('a' + thread));
    g_autoptr(ContentBatch) batch = content_batch_new(store->content);
    ContentStage *stage = content_stage_new(store->content, id, "u", "m", &error);
    content_stage_add_bytes(stage, "big", big, strlen(big), &error);
    content_stage_add_bytes(stage, "small", &i, sizeof i, &error);
    content_batch_take(batch, stage);
    g_assert_true(publish_and_tell(store, batch, id, 1, &error));
    if (i % 3 == 2) g_assert_true(content_remove(store->content, id, &error));
    g_assert_no_error(error);
  }
  return NULL;
}

static void test_threads(void) {
  g_autoptr(TestStore) store = new_test_store();
  GThread *threads[4];
  for (guint i = 0; i < 4; i++) threads[i] = g_thread_new("publish", publish_many, store);
  for (guint i = 0; i < 5; i++) assert_clean(store); /* a check beside them reports nothing that is only passing by */
  for (guint i = 0; i < 4; i++) g_thread_join(threads[i]);
  assert_clean(store);
  g_assert_cmpint(count_intents(store), ==, 0);
}

/* ---- 300 random operations against a model ---- */

typedef struct {
  GPtrArray *versions; /* each a GHashTable path → text */
} ModelObject;

static void model_object_free(gpointer data) {
  ModelObject *object = data;
  g_ptr_array_unref(object->versions);
  g_free(object);
}

static GHashTable *newest(const ModelObject *object) { return object->versions->pdata[object->versions->len - 1]; }

static GHashTable *copy_files(const ModelObject *object) {
  GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (object == NULL || object->versions->len == 0) return copy;
  GHashTableIter iter;
  gpointer path, text;
  for (g_hash_table_iter_init(&iter, newest(object)); g_hash_table_iter_next(&iter, &path, &text);)
    g_hash_table_insert(copy, g_strdup(path), g_strdup(text));
  return copy;
}

/* A new version with a few random changes; published and told, or only published and dropped. */
static void random_version(TestStore *store, GHashTable *model, const char *id) {
  g_autoptr(GError) error = NULL;
  ModelObject *object = g_hash_table_lookup(model, id);
  GHashTable *files = copy_files(object);
  ContentStage *stage = content_stage_new(store->content, id, "u", "m", &error);
  g_assert_no_error(error);
  for (gint i = g_test_rand_int_range(0, 5); i >= 0; i--) {
    char *path = g_strdup_printf("%c/文件%d", 'a' + g_test_rand_int_range(0, 3), g_test_rand_int_range(0, 4));
    if (g_test_rand_int_range(0, 3) == 0) {
      g_assert_cmpint(content_stage_remove(stage, path, NULL), ==, g_hash_table_remove(files, path));
      g_free(path);
      continue;
    }
    char *text = g_strdup_printf("内容 %d", g_test_rand_int_range(0, 12));
    g_assert_nonnull(content_stage_add_bytes(stage, path, text, strlen(text), &error));
    g_hash_table_insert(files, path, text);
  }
  gboolean told = g_test_rand_int_range(0, 4) != 0;
  if (!told) {
    g_autoptr(ContentBatch) batch = content_batch_new(store->content);
    content_batch_take(batch, stage);
    g_assert_true(content_batch_publish(batch, &error));
    g_hash_table_unref(files);
    return;
  }
  put_stage(store, stage);
  if (object == NULL) {
    object = g_new0(ModelObject, 1);
    object->versions = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
    g_hash_table_insert(model, g_strdup(id), object);
  }
  g_ptr_array_add(object->versions, files);
}

static void random_undo(TestStore *store, GHashTable *model, const char *id) {
  g_autoptr(GError) error = NULL;
  ModelObject *object = g_hash_table_lookup(model, id);
  if (object == NULL) return;
  g_assert_true(content_remove_version(store->content, id, object->versions->len, &error));
  g_ptr_array_remove_index(object->versions, object->versions->len - 1);
  if (object->versions->len == 0) g_hash_table_remove(model, id);
}

static void compare_with_model(TestStore *store, GHashTable *model) {
  g_autoptr(Report) report = check_store(store);
  g_assert_cmpuint(report->faults->len, ==, 0);
  g_assert_cmpuint(g_hash_table_size(report->objects), ==, g_hash_table_size(model));
  GHashTableIter objects, files;
  gpointer id, object, path, text;
  for (g_hash_table_iter_init(&objects, model); g_hash_table_iter_next(&objects, &id, &object);) {
    g_assert_cmpuint(GPOINTER_TO_UINT(g_hash_table_lookup(report->objects, id)), ==, ((ModelObject *)object)->versions->len);
    json_t *list = content_list(store->content, id, NULL);
    g_assert_cmpuint(json_array_size(list), ==, g_hash_table_size(newest(object)));
    json_decref(list);
    for (g_hash_table_iter_init(&files, newest(object)); g_hash_table_iter_next(&files, &path, &text);) assert_content(store, id, path, text);
  }
}

static void test_random_operations(void) {
  g_autoptr(TestStore) store = new_test_store();
  g_autoptr(GHashTable) model = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, model_object_free);
  for (guint i = 0; i < 300; i++) {
    g_autofree char *id = g_strdup_printf("对象-%d", g_test_rand_int_range(0, 12));
    gint choice = g_test_rand_int_range(0, 20);
    if (choice < 14) random_version(store, model, id);
    else if (choice < 17) random_undo(store, model, id);
    else if (choice < 19) {
      g_assert_true(content_remove(store->content, id, NULL));
      g_hash_table_remove(model, id);
    } else {
      close_test_store(store);
      open_test_store(store);
    }
    if (i % 60 == 59) compare_with_model(store, model);
  }
  close_test_store(store);
  open_test_store(store);
  compare_with_model(store, model);
  g_assert_cmpint(count_intents(store), ==, 0);
  g_assert_cmpuint(count_staged(store), ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/content/round-trip", test_round_trip);
  g_test_add_func("/content/sm3-list", test_sm3_list);
  g_test_add_func("/content/layout", test_layout);
  g_test_add_func("/content/link", test_link);
  g_test_add_func("/content/digests", test_digests);
  g_test_add_func("/content/sparse", test_sparse);
  g_test_add_func("/content/from-descriptor", test_from_descriptor);
  g_test_add_func("/content/failing-source", test_failing_source);
  g_test_add_func("/content/full-disk", test_full_disk);
  g_test_add_func("/content/bad-paths", test_bad_paths);
  g_test_add_func("/content/file-against-folder", test_file_against_folder);
  g_test_add_func("/content/versions", test_versions);
  g_test_add_func("/content/contents-are-shared", test_contents_are_shared);
  g_test_add_func("/content/undo-of-a-version", test_undo_of_a_version);
  g_test_add_func("/content/removal-leaves-nothing", test_removal_leaves_nothing);
  g_test_add_func("/content/unacknowledged-is-undone", test_unacknowledged_is_undone);
  g_test_add_func("/content/rolled-back", test_rolled_back);
  g_test_add_func("/content/two-batches-one-object", test_two_batches_one_object);
  g_test_add_func("/content/replaced-base", test_replaced_base);
  g_test_add_func("/content/two-processes", test_two_processes);
  g_test_add_func("/content/read-only", test_read_only);
  g_test_add_func("/content/foreign-folder", test_foreign_folder);
  g_test_add_func("/content/threads", test_threads);
  g_test_add_func("/content/random-operations", test_random_operations);
  return g_test_run();
}
