/* Packages: folders and archives deliver the same files; escapes, links, damage and encryption are the fault of one entry, bombs of the whole. */
#include "package-wire.h"
#include "sandbox.h"
#include "test-fixture.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Everything a package delivers as "path=bytes\n" (long contents as their length), a fault as "!path:reason\n"; NULL and the error when it fails. */
static char *read_package(const char *path, GError **error) {
  g_autoptr(FilePackage) package = format_package_open(path, error);
  if (package == NULL) return NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  GError *failed = NULL;
  FileEntry entry;
  while (failed == NULL && format_package_next(package, &entry, &failed)) {
    if (entry.fault) {
      g_string_append_printf(out, "!%s:%s\n", entry.path, entry.fault);
      continue;
    }
    g_assert_null(package_path_fault(entry.path));
    int fd = format_package_read(package, &failed);
    if (fd < 0) break;
    g_autoptr(GString) content = g_string_new(NULL);
    char block[5000];
    gssize got;
    while ((got = read(fd, block, sizeof block)) > 0) g_string_append_len(content, block, got);
    close(fd);
    if (got == 0 && entry.size_bytes >= 0) g_assert_cmpint((gint64)content->len, ==, entry.size_bytes);
    if (content->len > 1000) g_string_append_printf(out, "%s=%u\n", entry.path, (guint)content->len);
    else g_string_append_printf(out, "%s=%s%s\n", entry.path, content->str, got < 0 ? "!" : "");
  }
  if (failed == NULL) return g_string_free(g_steal_pointer(&out), FALSE);
  g_propagate_error(error, failed);
  return NULL;
}

static void assert_package(const char *path, const char *expected) {
  g_autoptr(GError) error = NULL;
  g_autofree char *files = read_package(path, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(files, ==, expected);
}

static void assert_refused(const char *path, const char *part_of_message) {
  g_autoptr(GError) error = NULL;
  g_autofree char *files = read_package(path, &error);
  g_assert_null(files);
  g_assert_nonnull(error);
  g_test_message("%s", error->message);
  g_assert_nonnull(strstr(error->message, part_of_message));
}

static void assert_fault(const char *path, const char *name, const char *reason) {
  g_autoptr(GError) error = NULL;
  g_autofree char *files = read_package(path, &error), *start = g_strconcat("!", name, NULL);
  g_assert_no_error(error);
  const char *at = strstr(files, start);
  g_test_message("%s", files);
  g_assert_nonnull(at);
  g_assert_nonnull(strstr(at, reason));
}

typedef struct {
  const char *name, *content, *link;
  int type;
} Entry;

static char *make_archive(const char *name, const Entry *entries, gsize count, const char *kind) {
  char *path = fixture_path(name);
  struct archive *archive = archive_write_new();
  if (strcmp(kind, "zip") == 0) archive_write_set_format_zip(archive);
  else archive_write_set_format_gnutar(archive);
  if (strcmp(kind, "tar.gz") == 0) archive_write_add_filter_gzip(archive);
  g_assert_cmpint(archive_write_open_filename(archive, path), ==, ARCHIVE_OK);
  for (gsize i = 0; i < count; i++) {
    struct archive_entry *entry = archive_entry_new();
    gsize length = entries[i].content == NULL ? 0 : strlen(entries[i].content);
    archive_entry_copy_pathname(entry, entries[i].name);
    archive_entry_set_filetype(entry, entries[i].type == 0 ? (unsigned)AE_IFREG : (unsigned)entries[i].type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)length);
    if (entries[i].type == AE_IFLNK) archive_entry_copy_symlink(entry, entries[i].link);
    archive_write_header(archive, entry);
    if (length > 0) archive_write_data(archive, entries[i].content, length);
    archive_entry_free(entry);
  }
  archive_write_close(archive);
  archive_write_free(archive);
  return path;
}

static void test_folder(void) {
  g_autofree char *folder = fixture_path("folder");
  g_autofree char *inner = g_build_filename(folder, "乙", "空", NULL);
  g_autofree char *link = g_build_filename(folder, "链接", NULL);
  g_autofree char *loop = g_build_filename(folder, "乙", "loop", NULL);
  g_autofree char *gbk = g_build_filename(folder, "\xbc\xd7.txt", NULL); /* 甲.txt */
  g_autofree char *b = g_build_filename(folder, "b.txt", NULL);
  g_autofree char *c = g_build_filename(folder, "乙", "c.txt", NULL);
  g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
  g_mkdir_with_parents(inner, 0755);
  g_file_set_contents(b, "b", 1, NULL);
  g_file_set_contents(c, "c", 1, NULL);
  g_file_set_contents(gbk, "a", 1, NULL);
  g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
  g_assert_cmpint(symlink("..", loop), ==, 0);
  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  const char *const faults[] = {"fifo", "乙/loop", "链接"};
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) assert_fault(folder, faults[i], "是链接或特殊文件");
  assert_fault(folder, "甲.txt", "编码不是 UTF-8");
  g_autofree char *all = read_package(folder, NULL);
  g_assert_nonnull(strstr(all, "b.txt=b\n"));
  g_assert_nonnull(strstr(all, "乙/c.txt=c\n"));
}

static void test_archives(void) {
  static const char *const KINDS[] = {"zip", "tar", "tar.gz"};
  static const Entry ENTRIES[] = {{.name = "./"},
                                  {.name = "./甲/a.txt", .content = "alpha"},
                                  {.name = "空.txt"},
                                  {.name = "链接", .link = "/etc/passwd", .type = AE_IFLNK},
                                  {.name = "c", .content = "gamma"}};
  Entry entries[G_N_ELEMENTS(ENTRIES)];
  memcpy(entries, ENTRIES, sizeof entries);
  entries[0].type = AE_IFDIR;
  for (gsize i = 0; i < G_N_ELEMENTS(KINDS); i++) {
    g_autofree char *path = make_archive("a.bin", entries + (i == 0 ? 1 : 0), G_N_ELEMENTS(entries) - (i == 0 ? 1 : 0), KINDS[i]);
    assert_package(path, "甲/a.txt=alpha\n空.txt=\n!链接:是符号链接，没有接收\nc=gamma\n");
  }
}

static void test_skipping(void) {
  g_autofree char *big = g_malloc(3000001);
  for (int i = 0; i < 3000000; i++) big[i] = (char)('a' + (i * 2654435761u >> 20) % 26);
  big[3000000] = '\0';
  const Entry entries[] = {{.name = "1", .content = big}, {.name = "2", .content = big}, {.name = "3", .content = "end"}};
  g_autofree char *path = make_archive("big.zip", entries, 3, "zip");
  assert_package(path, "1=3000000\n2=3000000\n3=end\n");
  g_autoptr(GError) error = NULL;
  g_autoptr(FilePackage) package = format_package_open(path, &error);
  FileEntry entry;
  guint seen = 0;
  while (format_package_next(package, &entry, &error)) { /* the first is not taken, the second is given up in the middle */
    char block[100];
    if (seen++ != 1) continue;
    int fd = format_package_read(package, &error);
    g_assert_cmpint(read(fd, block, sizeof block), ==, 100);
    g_assert_cmpint(format_package_read(package, NULL), ==, -1);
    close(fd);
  }
  g_assert_no_error(error);
  g_assert_cmpuint(seen, ==, 3);
}

static void test_escapes(void) {
  static const char *const BAD[] = {"../x", "a/../../x", "/etc/x", "C:/x", "c:\\x", "..\\x", "a\\..\\..\\x", "\\\\host\\x", "a\nb", "a/../b"};
  for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
    g_assert_nonnull(package_path_fault(BAD[i]));
    for (int tar = 0; tar < 2; tar++) {
      const Entry entries[] = {{.name = BAD[i], .content = "evil"}, {.name = "好", .content = "good"}};
      g_autofree char *path = make_archive("evil.bin", entries, 2, tar ? "tar" : "zip"), *all = read_package(path, NULL);
      g_assert_nonnull(all);
      g_assert_nonnull(strstr(all, "，没有接收\n"));
      g_assert_nonnull(strstr(all, "好=good\n"));
      g_assert_null(strstr(all, "=evil"));
    }
  }
  g_assert_null(package_path_fault("甲/乙..丙/...txt"));
}

static void test_bomb(void) {
  g_autofree char *zeros = g_malloc(80 << 20);
  memset(zeros, 'x', 80 << 20);
  zeros[(80 << 20) - 1] = '\0';
  const Entry entries[] = {{.name = "good.txt", .content = "1"}, {.name = "bomb.txt", .content = zeros}};
  g_autofree char *path = make_archive("bomb.zip", entries, 2, "zip");
  assert_refused(path, "bomb.txt");
  g_autofree char *packed = make_archive("bomb.tar.gz", entries, 2, "tar.gz");
  assert_refused(packed, "bomb.txt");
}

/* Damage at every part: an error or the whole truth; the reader of a damaged entry never sees a clean end. */
static void test_damage(void) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (int i = 0; i < 300; i++) g_string_append_printf(text, "%d关于", i * i);
  const Entry entries[] = {{.name = "a.txt", .content = text->str}, {.name = "b.txt", .content = "short"}};
  g_autofree char *path = make_archive("whole.zip", entries, 2, "zip");
  g_autoptr(GError) error = NULL;
  g_autofree char *whole = read_package(path, &error);
  g_assert_no_error(error);
  g_assert_true(g_str_has_suffix(whole, "b.txt=short\n"));
  g_autofree char *bytes = NULL;
  gsize length;
  g_assert_true(g_file_get_contents(path, &bytes, &length, NULL));
  for (gsize cut = 10; cut < length; cut += 97) {
    g_autofree char *part = fixture_write("cut.zip", bytes, (gssize)cut);
    assert_refused(part, "cut.zip");
  }
  for (gsize at = 60; at < 60 + 600; at += 41) { /* in the compressed bytes of a.txt */
    bytes[at] ^= 0x10;
    g_autofree char *flip = fixture_write("flip.zip", bytes, (gssize)length);
    assert_fault(flip, "a.txt", "已损坏");
    g_autofree char *rest = read_package(flip, NULL);
    g_assert_nonnull(strstr(rest, "b.txt=short\n"));
    bytes[at] ^= 0x10;
  }
}

static void test_shared(void) {
  g_autofree char *hostile = fixture_shared("hostile");
  if (hostile == NULL) return;
  static const char *const SLIPS[] = {"zip-slip.zip", "zip-slip-win.zip", "zip-slip.tar", "zip-slip-win.tar"};
  for (gsize i = 0; i < G_N_ELEMENTS(SLIPS); i++) {
    g_autofree char *path = g_build_filename(hostile, "zip-slip", SLIPS[i], NULL);
    g_autofree char *all = read_package(path, NULL);
    g_assert_nonnull(all);
    g_assert_nonnull(strstr(all, "evil.txt:用 .. 跳出了包"));
    g_assert_nonnull(strstr(all, "good.txt="));
  }
  g_assert_false(g_file_test("/tmp/evil.txt", G_FILE_TEST_EXISTS));
  g_autofree char *gbk = g_build_filename(hostile, "gbk.zip", NULL);
  assert_package(gbk, "审计压缩包文件检索测试/集团邮件审计系统2021年自动巡检需求文档_V4.0.doc=\n");
  g_autofree char *broken = g_build_filename(hostile, "zip-broken", NULL);
  g_autoptr(GDir) listing = g_dir_open(broken, 0, NULL);
  guint refused = 0, harmless = 0;
  for (const char *name; (name = g_dir_read_name(listing)) != NULL;) {
    g_autofree char *path = g_build_filename(broken, name, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *files = read_package(path, &error);
    g_test_message("%s: %s", name, files != NULL ? files : error->message);
    if (files == NULL || *files == '!') refused++;
    else harmless++;
    if (files != NULL) g_assert_cmpstr(files, !=, "");
    if (g_str_has_prefix(name, "absolute") || g_str_has_prefix(name, "invalid relative")) g_assert_true(files == NULL || strstr(files, "没有接收"));
  }
  g_assert_cmpuint(refused, >, 15);
}

static void test_nonsense(void) {
  g_autofree char *text = fixture_write("text.zip", "PK this is no zip at all", -1);
  assert_refused(text, "text.zip");
  g_autofree char *rar = fixture_write("a.rar", "Rar!\x1a\x07\x01", 8);
  assert_refused(rar, "RAR");
  g_autofree char *empty = fixture_write("empty.zip", "", 0);
  assert_refused(empty, "空文件");
  assert_refused("/nonexistent/包.zip", "包.zip");
}

static void add_tests(void) {
  g_test_add_func("/format/package/folder", test_folder);
  g_test_add_func("/format/package/archives", test_archives);
  g_test_add_func("/format/package/skipping", test_skipping);
  g_test_add_func("/format/package/escapes", test_escapes);
  g_test_add_func("/format/package/bomb", test_bomb);
  g_test_add_func("/format/package/damage", test_damage);
  g_test_add_func("/format/package/nonsense", test_nonsense);
  g_test_add_func("/format/package/shared", test_shared);
}

int main(int argc, char **argv) { return fixture_main(argc, argv, add_tests); }
