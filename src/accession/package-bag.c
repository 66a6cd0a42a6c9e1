/*
 * Bags held against BagIt 0.93–1.0 (RFC 8493). The codes are explained in docs/package-codes.zh.md.
 *
 * 1. Nothing outside the bag is opened, and nothing is fetched: links and special files are errors, paths that lead out are refused for any system.
 * 2. Every file that a manifest names is read once; all its digests are made in that pass.
 * 3. A bag is accepted when there is no error. What could not be read or proved is an error, never silence.
 */
#include "package-bag.h"
#include "beneath.h"
#include "delivery.h"
#include "error.h"
#include "package-tag.h"
#include "package.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KINDS 7
#define MANIFESTS_MAX 32
#define TAG_BYTES_MAX (256 << 20)
#define FILES_MAX 2000000
#define DEPTH_MAX 200
#define READ_BYTES (1 << 20)

typedef struct {
  char *path;
  gint64 size_bytes;
  char *digest[KINDS]; /* as manifests say */
  guint32 listed;      /* by which manifests */
} BagFile;

typedef struct {
  char *name;
  gboolean tag, known;
  DigestKind kind;
} Manifest;

struct Bag {
  char *folder, *encoding;
  guint major, minor;
  json_t *errors, *warnings, *fields;
  GHashTable *files;     /* path → BagFile */
  GHashTable *folded;    /* folded path → path on disk */
  GHashTable *fetch;     /* paths of fetch.txt → whether a manifest names them */
  Manifest manifests[MANIFESTS_MAX];
  guint manifest_count;
  gint64 payload_files, payload_bytes;
  guint excused;         /* files of operating systems that are named and not there */
  gboolean declared;     /* bagit.txt could be read */
};

typedef enum { BAG_ERROR, BAG_WARNING } Severity;

static void tell(Bag *bag, Severity severity, const char *code, const char *path, const char *format, ...) G_GNUC_PRINTF(5, 6);
static void tell(Bag *bag, Severity severity, const char *code, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *raw = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *text = g_utf8_make_valid(raw, -1), *shown = g_utf8_make_valid(path, -1);
  json_array_append_new(severity == BAG_ERROR ? bag->errors : bag->warnings,
    json_pack("{s:s, s:s, s:s}", "code", code, "path", shown, "text", text));
}

/* From this version on a rule is a MUST; before it only a remark. */
static Severity since(const Bag *bag, guint major, guint minor) {
  return bag->major > major || (bag->major == major && bag->minor >= minor) ? BAG_ERROR : BAG_WARNING;
}

static char *fold_path(const char *path, gboolean with_case) {
  g_autofree char *valid = g_utf8_make_valid(path, -1), *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_NFC);
  return with_case ? g_utf8_casefold(composed, -1) : g_steal_pointer(&composed);
}

static gboolean is_payload(const char *path) { return g_str_has_prefix(path, "data/"); }

static gboolean is_system_name(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return g_str_equal(name, ".DS_Store") || g_ascii_strcasecmp(name, "Thumbs.db") == 0 || g_ascii_strcasecmp(name, "desktop.ini") == 0 ||
    g_str_has_prefix(name, "._");
}

/* ---- what lies there ---- */

static void bag_file_free(gpointer data) {
  BagFile *file = data;
  for (guint i = 0; i < KINDS; i++) g_free(file->digest[i]);
  g_free(file->path);
  g_free(file);
}

static gboolean is_device_name(const char *name) {
  static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "COM", "LPT", NULL};
  gsize stem = strcspn(name, ".");
  for (guint i = 0; devices[i]; i++) {
    gsize length = strlen(devices[i]);
    if (g_ascii_strncasecmp(name, devices[i], length) == 0 && (i < 4 ? stem == length : stem == length + 1 && g_ascii_isdigit(name[length]))) return TRUE;
  }
  return FALSE;
}

static void check_name(Bag *bag, const char *path) {
  const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
  if (!g_utf8_validate(path, -1, NULL)) tell(bag, BAG_WARNING, "BAG-NAME-ENCODING", path, "文件名不是 UTF-8，其他系统上会变成乱码");
  if (strpbrk(name, "<>:\"|?*\\") || is_device_name(name) || name[strlen(name) - 1] == '.' || name[strlen(name) - 1] == ' ')
    tell(bag, BAG_WARNING, "BAG-NAME-PORTABLE", path, "这个文件名在 Windows 上不能使用");
  if (is_system_name(path)) tell(bag, BAG_WARNING, "BAG-SYSTEM-FILE", path, "操作系统自己产生的文件，不属于档案内容");
  char *folded = fold_path(path, TRUE);
  const char *other = g_hash_table_lookup(bag->folded, folded);
  if (other == NULL) {
    g_hash_table_insert(bag->folded, folded, g_strdup(path));
    return;
  }
  tell(bag, BAG_WARNING, "BAG-NAME-SIMILAR", path, "与 %s 只有大小写或 Unicode 写法不同，换一个系统会互相覆盖", other);
  g_free(folded);
}

static void add_file(Bag *bag, const char *path, gint64 size) {
  BagFile *file = g_new0(BagFile, 1);
  file->path = g_strdup(path);
  file->size_bytes = size;
  g_hash_table_insert(bag->files, file->path, file);
  check_name(bag, path);
  if (!is_payload(path)) return;
  bag->payload_files++;
  bag->payload_bytes += size;
}

static void walk(Bag *bag, const char *relative, guint depth) {
  g_autofree char *folder = *relative ? g_build_filename(bag->folder, relative, NULL) : g_strdup(bag->folder);
  g_autoptr(GError) failure = NULL;
  g_autoptr(GDir) dir = g_dir_open(folder, 0, &failure);
  if (dir == NULL || depth > DEPTH_MAX) {
    tell(bag, BAG_ERROR, "BAG-UNREADABLE", relative, "%s", dir ? "文件夹嵌套过深，没有检查" : "文件夹打不开");
    return;
  }
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = *relative ? g_strconcat(relative, "/", name, NULL) : g_strdup(name), *full = g_build_filename(folder, name, NULL);
    struct stat state;
    if (lstat(full, &state) != 0) tell(bag, BAG_ERROR, "BAG-UNREADABLE", path, "读不到：%s", error_reason(errno));
    else if (S_ISDIR(state.st_mode)) walk(bag, path, depth + 1);
    else if (!S_ISREG(state.st_mode)) tell(bag, BAG_ERROR, "BAG-SPECIAL-FILE", path, "是链接或特殊文件，包中只能有普通文件");
    else if (g_hash_table_size(bag->files) < FILES_MAX) add_file(bag, path, state.st_size);
    else {
      tell(bag, BAG_ERROR, "BAG-TOO-LARGE", path, "包中的文件超过 %d 个，没有检查完", FILES_MAX);
      return;
    }
  }
}

/* ---- tag files ---- */

/* The bytes of a tag file that is there; NULL and told otherwise. */
static char *tag_bytes(Bag *bag, const char *name, gsize *ret_length) {
  g_autofree char *path = beneath_path(bag->folder, name);
  BagFile *file = g_hash_table_lookup(bag->files, name);
  char *bytes = NULL;
  if (file == NULL) return NULL;
  if (file->size_bytes > TAG_BYTES_MAX) tell(bag, BAG_ERROR, "BAG-TOO-LARGE", name, "超过 256 MB，没有检查");
  else if ((bytes = beneath_read(path, TAG_BYTES_MAX, ret_length)) == NULL) tell(bag, BAG_ERROR, "BAG-UNREADABLE", name, "读不出来");
  return bytes;
}

static char *tag_text(Bag *bag, const char *name) {
  gsize length;
  g_autofree char *bytes = tag_bytes(bag, name, &length);
  if (bytes == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  char *text = tag_decode(bytes, length, bag->encoding, &failure);
  if (text == NULL) tell(bag, BAG_ERROR, "BAG-ENCODING", name, "%s", failure->message);
  else if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) tell(bag, BAG_WARNING, "BAG-BOM", name, "开头有字节顺序标记（BOM）");
  return text;
}

static void read_declaration(Bag *bag) {
  gsize length = 0;
  g_autofree char *bytes = tag_bytes(bag, "bagit.txt", &length);
  if (!g_hash_table_contains(bag->files, "bagit.txt")) tell(bag, BAG_ERROR, "BAG-DECLARATION-MISSING", "bagit.txt", "没有 bagit.txt，这不是一个 BagIt 包");
  if (bytes == NULL) return;
  g_autoptr(GError) failure = NULL;
  gboolean loose = FALSE;
  if (strlen(bytes) != length || !g_utf8_validate(bytes, -1, NULL)) tell(bag, BAG_ERROR, "BAG-DECLARATION", "bagit.txt", "不是 UTF-8 文本");
  else if (!tag_declaration(bytes, &bag->major, &bag->minor, &bag->encoding, &loose, &failure))
    tell(bag, BAG_ERROR, "BAG-DECLARATION", "bagit.txt", "%s", failure->message);
  else bag->declared = TRUE;
  if (!bag->declared) return;
  if (bag->major > 1 || (bag->major == 1 && bag->minor > 0) || (bag->major == 0 && (bag->minor < 93 || bag->minor > 97)))
    tell(bag, BAG_ERROR, "BAG-VERSION", "bagit.txt", "版本 %u.%u 不在 0.93—0.97、1.0 之中", bag->major, bag->minor);
  if (loose) tell(bag, since(bag, 1, 0), "BAG-DECLARATION-SPACE", "bagit.txt", "冒号之后应恰好有一个空格，行尾不应有空格");
}

static void check_oxum(Bag *bag, const char *name, const char *value) {
  guint64 bytes, files;
  g_auto(GStrv) parts = g_strsplit(value, ".", 3);
  if (g_strv_length(parts) != 2 || !g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXINT64, &bytes, NULL) ||
    !g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXINT64, &files, NULL))
    tell(bag, BAG_WARNING, "BAG-OXUM-FORM", name, "Payload-Oxum 的值“%s”不是“字节数.文件数”", value);
  else if ((gint64)bytes != bag->payload_bytes || (gint64)files != bag->payload_files)
    tell(bag, bag->excused && (gint64)files == bag->payload_files + bag->excused ? BAG_WARNING : BAG_ERROR, "BAG-OXUM", name,
      "Payload-Oxum 说有 %" G_GUINT64_FORMAT " 字节、%" G_GUINT64_FORMAT " 个文件，实有 %" G_GINT64_FORMAT " 字节、%" G_GINT64_FORMAT
      " 个文件", bytes, files, bag->payload_bytes, bag->payload_files);
}

static void read_fields(Bag *bag) {
  const char *name = bag->major == 0 && bag->minor < 96 ? "package-info.txt" : "bag-info.txt";
  g_autofree char *text = tag_text(bag, name);
  if (text == NULL) return;
  guint odd, oxums = 0;
  gboolean spaced;
  g_autoptr(GArray) fields = tag_fields(text, &odd, &spaced);
  if (odd) tell(bag, since(bag, 1, 0), "BAG-INFO-FORM", name, "有 %u 行不是“名称: 值”", odd);
  if (spaced) tell(bag, BAG_WARNING, "BAG-INFO-SPACE", name, "冒号之前有空格");
  for (guint i = 0; i < fields->len; i++) {
    const TagField *field = &g_array_index(fields, TagField, i);
    json_array_append_new(bag->fields, json_pack("{s:s, s:s}", "label", field->label, "value", field->value));
    if (g_ascii_strcasecmp(field->label, "Payload-Oxum") != 0) continue;
    if (oxums++) tell(bag, since(bag, 1, 0), "BAG-OXUM-FORM", name, "Payload-Oxum 只能有一个");
    else check_oxum(bag, name, field->value);
  }
}

/* ---- manifests ---- */

static void find_manifests(Bag *bag) {
  GHashTableIter iter;
  const char *path;
  gboolean payload = FALSE;
  g_hash_table_iter_init(&iter, bag->files);
  while (g_hash_table_iter_next(&iter, (gpointer *)&path, NULL)) {
    gboolean tag = g_str_has_prefix(path, "tagmanifest-");
    gsize head = tag ? 12 : 9;
    if (strchr(path, '/') || !g_str_has_suffix(path, ".txt") || (!tag && !g_str_has_prefix(path, "manifest-")) || strlen(path) < head + 5) continue;
    if (bag->manifest_count == MANIFESTS_MAX) {
      tell(bag, BAG_ERROR, "BAG-TOO-LARGE", path, "清单超过 %d 个，没有检查完", MANIFESTS_MAX);
      continue;
    }
    g_autofree char *algorithm = g_strndup(path + head, strlen(path) - head - 4);
    Manifest *manifest = &bag->manifests[bag->manifest_count++];
    *manifest = (Manifest){.name = g_strdup(path), .tag = tag};
    manifest->known = digest_kind_parse(algorithm, &manifest->kind);
    payload |= !tag && manifest->known;
    if (!manifest->known) tell(bag, BAG_WARNING, "BAG-ALGORITHM", path, "不认识的摘要算法“%s”，这个清单没有核对", algorithm);
  }
  if (!payload) tell(bag, BAG_ERROR, "BAG-MANIFEST-MISSING", "", "没有可以核对的内容清单 manifest-算法.txt");
}

/* The file that an entry means: by its name, by its name in the other reading of "%", by the name that unpacking gave to one
 * too long for a disk, or (told) by one of another case or Unicode form. */
static BagFile *find_entry(Bag *bag, const char *manifest, const char *path) {
  g_autofree char *decoded = tag_path_decode(path);
  gboolean decode_first = decoded && bag->major >= 1;
  BagFile *file = g_hash_table_lookup(bag->files, decode_first ? decoded : path);
  if (file == NULL && decoded) file = g_hash_table_lookup(bag->files, decode_first ? path : decoded);
  g_autofree char *shortened = file ? NULL : path_on_disk(decode_first ? decoded : path, 1);
  if (file == NULL) file = g_hash_table_lookup(bag->files, shortened);
  if (file) return file;
  g_autofree char *folded = fold_path(decode_first ? decoded : path, TRUE), *composed = fold_path(path, FALSE);
  const char *other = g_hash_table_lookup(bag->folded, folded);
  if (other == NULL) return NULL;
  g_autofree char *other_composed = fold_path(other, FALSE);
  gboolean same_letters = g_str_equal(composed, other_composed);
  if (!same_letters && since(bag, 1, 0) == BAG_ERROR) return NULL;
  tell(bag, BAG_WARNING, same_letters ? "BAG-NAME-NORMALIZATION" : "BAG-NAME-CASE", path, "%s 写的是这个名称，包中的文件是 %s，%s", manifest, other,
    same_letters ? "Unicode 写法不同" : "大小写不同");
  return g_hash_table_lookup(bag->files, other);
}

static void entry_missing(Bag *bag, const Manifest *manifest, const char *path) {
  if (g_hash_table_contains(bag->fetch, path)) {
    g_hash_table_replace(bag->fetch, g_strdup(path), GINT_TO_POINTER(TRUE));
    tell(bag, BAG_ERROR, "BAG-FETCH-PENDING", path, "fetch.txt 说要另行下载。本系统不下载，请让移交单位交来完整的包");
  } else if (is_system_name(path) && since(bag, 1, 0) == BAG_WARNING) {
    bag->excused++;
    tell(bag, BAG_WARNING, "BAG-SYSTEM-FILE", path, "%s 中有这个操作系统的文件，包中没有", manifest->name);
  } else tell(bag, BAG_ERROR, "BAG-FILE-MISSING", path, "%s 中有，包中没有", manifest->name);
}

static void take_entry(Bag *bag, guint at, const TagEntry *entry) {
  const Manifest *manifest = &bag->manifests[at];
  if (tag_path_escapes(entry->path)) {
    tell(bag, BAG_ERROR, "BAG-PATH-ESCAPE", entry->path, "%s 中的路径指向包外", manifest->name);
    return;
  }
  if (manifest->tag == is_payload(entry->path)) {
    tell(bag, BAG_ERROR, "BAG-PATH-SCOPE", entry->path, manifest->tag ? "%s 只能列出 data 之外的文件" : "%s 只能列出 data/ 之下的文件", manifest->name);
    return;
  }
  if (strlen(entry->digest) != digest_kind_length(manifest->kind)) {
    tell(bag, BAG_ERROR, "BAG-MANIFEST-FORM", entry->path, "%s 中的摘要长度不对", manifest->name);
    return;
  }
  BagFile *file = find_entry(bag, manifest->name, entry->path);
  if (file == NULL) {
    entry_missing(bag, manifest, entry->path);
    return;
  }
  char **digest = &file->digest[manifest->kind];
  gboolean again = file->listed & 1u << at, same = *digest && g_str_equal(*digest, entry->digest);
  if (again && same) tell(bag, since(bag, 1, 0), "BAG-DUPLICATE", entry->path, "在 %s 中列了两次", manifest->name);
  else if (*digest && !same) tell(bag, BAG_ERROR, "BAG-DUPLICATE-CONFLICT", entry->path, "在 %s 中列了两次，摘要不同", manifest->name);
  file->listed |= 1u << at;
  if (*digest == NULL) *digest = g_strdup(entry->digest);
}

static void read_manifest(Bag *bag, guint at) {
  const Manifest *manifest = &bag->manifests[at];
  if (!manifest->known) return;
  g_autofree char *text = tag_text(bag, manifest->name);
  if (text == NULL) return;
  gboolean starred = FALSE, dotted = FALSE;
  guint number = 0;
  for (char *line = text; *line;) {
    gsize length = strcspn(line, "\r\n"), end = length + strspn(line + length, "\r\n");
    gboolean last = line[length] == '\0';
    line[length] = '\0';
    number++;
    TagEntry entry = {0};
    if (tag_manifest_line(line, &entry)) take_entry(bag, at, &entry);
    else if (*line) tell(bag, BAG_ERROR, "BAG-MANIFEST-FORM", manifest->name, "第 %u 行不是“摘要 路径”", number);
    starred |= entry.starred;
    dotted |= entry.dotted;
    tag_entry_clear(&entry);
    line += last ? length : end;
  }
  if (starred) tell(bag, BAG_WARNING, "BAG-MANIFEST-STAR", manifest->name, "路径前有 md5sum 一类工具写的星号");
  if (dotted) tell(bag, BAG_WARNING, "BAG-PATH-DOT", manifest->name, "路径以“./”开头");
}

static void read_fetch(Bag *bag) {
  g_autofree char *text = tag_text(bag, "fetch.txt");
  if (text == NULL) return;
  g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
  for (char **line = lines; *line; line++) {
    g_autofree char *url = NULL, *path = NULL;
    gint64 length;
    if (!**line) continue;
    if (!tag_fetch_line(*line, &url, &length, &path)) tell(bag, BAG_ERROR, "BAG-FETCH-FORM", "fetch.txt", "“%s”不是“网址 长度 路径”", *line);
    else if (tag_path_escapes(path)) tell(bag, BAG_ERROR, "BAG-PATH-ESCAPE", path, "fetch.txt 中的路径指向包外");
    else if (!is_payload(path)) tell(bag, BAG_ERROR, "BAG-PATH-SCOPE", path, "fetch.txt 只能列出 data/ 之下的文件");
    else {
      BagFile *file = g_hash_table_lookup(bag->files, path);
      if (file && length >= 0 && file->size_bytes != length) tell(bag, BAG_WARNING, "BAG-FETCH-LENGTH", path, "fetch.txt 说的长度与包中的文件不同");
      g_hash_table_replace(bag->fetch, g_steal_pointer(&path), GINT_TO_POINTER(FALSE));
    }
  }
}

/* Every file in every manifest: a MUST since 1.0; before, in one of them. Files to be fetched must be named too. */
static void check_complete(Bag *bag) {
  guint32 payload = 0;
  for (guint i = 0; i < bag->manifest_count; i++)
    if (bag->manifests[i].known && !bag->manifests[i].tag) payload |= 1u << i;
  GHashTableIter iter;
  BagFile *file;
  g_hash_table_iter_init(&iter, bag->files);
  while (payload && g_hash_table_iter_next(&iter, NULL, (gpointer *)&file)) {
    if (!is_payload(file->path) || (file->listed & payload) == payload) continue;
    if (file->listed & payload) tell(bag, since(bag, 1, 0), "BAG-MANIFEST-PARTIAL", file->path, "不是每个内容清单都列了这个文件");
    else tell(bag, BAG_ERROR, "BAG-FILE-UNLISTED", file->path, "包中有，清单中没有");
  }
}

/* ---- bytes ---- */

static void verify_file(Bag *bag, const BagFile *file, char *buffer) {
  g_autofree char *path = beneath_path(bag->folder, file->path);
  Digest *running[KINDS] = {0};
  for (guint i = 0; i < KINDS; i++)
    if (file->digest[i]) running[i] = digest_new((DigestKind)i);
  int fd = beneath_open(path);
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0) {
    do got = read(fd, buffer, READ_BYTES);
    while (got < 0 && errno == EINTR);
    for (guint i = 0; i < KINDS && got > 0; i++)
      if (running[i]) digest_update(running[i], buffer, (gsize)got);
  }
  if (got < 0) tell(bag, BAG_ERROR, "BAG-UNREADABLE", file->path, "读不出来：%s", error_reason(errno));
  if (fd >= 0) close(fd);
  for (guint i = 0; i < KINDS; i++) {
    if (running[i] == NULL) continue;
    g_autofree char *hex = digest_finish_hex(running[i]);
    if (got == 0 && !g_str_equal(hex, file->digest[i]))
      tell(bag, BAG_ERROR, is_payload(file->path) ? "BAG-MANIFEST-MISMATCH" : "BAG-TAGMANIFEST-MISMATCH", file->path, "内容与清单中的 %s 摘要不符：清单为 %s，实为 %s",
        digest_kind_name((DigestKind)i), file->digest[i], hex);
    digest_free(running[i]);
  }
}

static int compare_paths(gconstpointer a, gconstpointer b) {
  return strcmp((*(BagFile *const *)a)->path, (*(BagFile *const *)b)->path);
}

void bag_verify(Bag *bag, Job *job) {
  g_autoptr(GPtrArray) files = g_ptr_array_new();
  GHashTableIter iter;
  gpointer each;
  g_hash_table_iter_init(&iter, bag->files);
  while (g_hash_table_iter_next(&iter, NULL, &each)) g_ptr_array_add(files, each);
  g_ptr_array_sort(files, compare_paths);
  g_autofree char *buffer = g_malloc(READ_BYTES);
  gint64 done = 0;
  for (guint i = 0; i < files->len; i++) {
    const BagFile *file = files->pdata[i];
    if (job && job_should_stop(job)) {
      tell(bag, BAG_ERROR, "BAG-NOT-CHECKED", "", "核对没有做完就停止了");
      return;
    }
    if (file->listed) verify_file(bag, file, buffer);
    done += file->size_bytes;
    if (job) job_progress(job, done, bag->payload_bytes, "字节", "核对 BagIt 清单");
  }
}

/* ---- whole ---- */

static void bag_read(Bag *bag) {
  struct stat state;
  g_autofree char *data = g_build_filename(bag->folder, "data", NULL);
  walk(bag, "", 0);
  read_declaration(bag);
  if (!bag->declared) return;
  if (lstat(data, &state) != 0 || !S_ISDIR(state.st_mode)) tell(bag, BAG_ERROR, "BAG-PAYLOAD-MISSING", "data", "没有内容目录 data");
  find_manifests(bag);
  read_fetch(bag);
  for (guint i = 0; i < bag->manifest_count; i++) read_manifest(bag, i);
  GHashTableIter iter;
  const char *path;
  gpointer named;
  g_hash_table_iter_init(&iter, bag->fetch);
  while (g_hash_table_iter_next(&iter, (gpointer *)&path, &named)) {
    const BagFile *file = g_hash_table_lookup(bag->files, path);
    if (file ? !file->listed : !named) tell(bag, BAG_ERROR, "BAG-FETCH-UNLISTED", path, "fetch.txt 中有，清单中没有");
  }
  check_complete(bag);
  read_fields(bag);
}

Bag *bag_open(const char *folder) {
  Bag *bag = g_new0(Bag, 1);
  bag->folder = g_strdup(folder);
  bag->errors = json_array();
  bag->warnings = json_array();
  bag->fields = json_array();
  bag->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, bag_file_free);
  bag->folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  bag->fetch = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  bag_read(bag);
  return bag;
}

json_t *bag_result(Bag *bag) {
  g_autofree char *version = bag->declared ? g_strdup_printf("%u.%u", bag->major, bag->minor) : g_strdup("");
  return json_pack("{s:s, s:O, s:O, s:I, s:I}", "version", version, "errors", bag->errors, "warnings", bag->warnings, "files", (json_int_t)bag->payload_files,
    "bytes", (json_int_t)bag->payload_bytes);
}

json_t *bag_fields(Bag *bag) { return bag->fields; }

json_t *bag_digests(Bag *bag, const char *path) {
  const BagFile *file = g_hash_table_lookup(bag->files, path);
  json_t *digests = NULL;
  for (guint i = 0; file && i < KINDS; i++) {
    if (file->digest[i] == NULL) continue;
    if (digests == NULL) digests = json_object();
    json_object_set_new(digests, digest_kind_name((DigestKind)i), json_string(file->digest[i]));
  }
  return digests;
}

void bag_free(Bag *bag) {
  if (bag == NULL) return;
  for (guint i = 0; i < bag->manifest_count; i++) g_free(bag->manifests[i].name);
  json_t *lists[] = {bag->errors, bag->warnings, bag->fields};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) json_decref(lists[i]);
  GHashTable *tables[] = {bag->files, bag->folded, bag->fetch};
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++) g_hash_table_unref(tables[i]);
  g_free(bag->folder);
  g_free(bag->encoding);
  g_free(bag);
}

json_t *package_bag_verify(const char *folder) {
  g_autoptr(Bag) bag = bag_open(folder);
  bag_verify(bag, NULL);
  return bag_result(bag);
}

gboolean package_folder_remove(const char *folder) { return folder_remove(folder); }
