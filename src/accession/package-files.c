/*
 * What lies in a package's folder, found by path, by name, by the folder that is called after a 档号.
 *
 * 1. Only plain files with valid names are listed. Links, special files, names that are no UTF-8: told, and left alone.
 * 2. Names are compared without regard to case and Unicode form when the exact one is not there.
 * 3. A file costs its path and some 60 bytes: other names and folded ones are found by their hashes (names.h).
 */
#include "error.h"
#include "names.h"
#include "package-survey.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 64 /* as of packages (format.h) */
#define TEXT_BLOCK (1 << 20)

typedef struct { const char *name; guint file; } FormerName; /* what a file was called before it was unpacked */

enum { KEY_FOLDED, KEY_NAME }; /* folded path, folded last name */

struct PackageFiles {
  GPtrArray *all;     /* in order of their paths; a name's number is the file's place, former names follow */
  GArray *former;
  GPtrArray *folders; /* paths, in the order of the walk */
  GStringChunk *text;
  NameTable *keys, *folder_keys; /* the latter: folders by what 档号 they are called after */
};

static const char *last_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

static const char *name_at(const PackageFiles *files, guint number) {
  guint count = files->all->len;
  return number < count ? ((const PackageFile *)files->all->pdata[number])->path : g_array_index(files->former, FormerName, number - count).name;
}

static PackageFile *file_at(const PackageFiles *files, guint number) {
  guint count = files->all->len;
  return files->all->pdata[number < count ? number : g_array_index(files->former, FormerName, number - count).file];
}

/* The first file with this key, how many there are (two stand for more). */
static PackageFile *find(const PackageFiles *files, guint kind, const char *key, guint *ret_count) {
  NameHits found = name_table_find(files->keys, kind, key);
  PackageFile *first = NULL;
  *ret_count = 0;
  for (guint i = 0; i < found.count && *ret_count < 2; i++) {
    const char *path = name_at(files, found.hits[i].number);
    g_autofree char *own = name_fold(kind == KEY_NAME ? last_name(path) : path);
    if (!g_str_equal(own, key)) continue;
    if (first == NULL) first = file_at(files, found.hits[i].number);
    ++*ret_count;
  }
  return first;
}

static void add_keys(PackageFiles *files, guint number) {
  const char *path = name_at(files, number);
  g_autofree char *folded = name_fold(path), *name = name_fold(last_name(path));
  name_table_add(files->keys, KEY_FOLDED, folded, number);
  name_table_add(files->keys, KEY_NAME, name, number);
}

static void add_file(PackageFiles *files, const char *path, gint64 size) {
  PackageFile *file = g_new0(PackageFile, 1);
  file->path = g_string_chunk_insert(files->text, path);
  file->size_bytes = size;
  g_ptr_array_add(files->all, file);
}

static gboolean has_control(const char *name) {
  while (*name && !g_ascii_iscntrl(*name)) name++;
  return *name != '\0';
}

static void walk(PackageFiles *files, Survey *survey, const char *relative, guint depth) {
  g_autofree char *folder = survey_full(survey, relative);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  if (dir == NULL || depth > DEPTH_MAX) return survey_tell(survey, "layout", relative, "%s", dir ? "文件夹嵌套过深，其中的没有读" : "文件夹打不开");
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = *relative ? g_strconcat(relative, "/", name, NULL) : g_strdup(name), *full = g_build_filename(folder, name, NULL);
    struct stat state;
    if (!g_utf8_validate(name, -1, NULL)) survey_tell(survey, "encoding", path, "文件名的编码无法识别，没有接收。请改名后再交");
    else if (has_control(name)) survey_tell(survey, "encoding", path, "文件名带有控制字符（换行等），没有接收。请改名后再交");
    else if (lstat(full, &state) != 0) survey_tell(survey, "layout", path, "读不到：%s", error_reason(errno));
    else if (S_ISDIR(state.st_mode)) {
      g_autofree char *key = name_fold_code(name);
      name_table_add(files->folder_keys, 0, key, files->folders->len);
      g_ptr_array_add(files->folders, g_string_chunk_insert(files->text, path));
      walk(files, survey, path, depth + 1);
    } else if (S_ISREG(state.st_mode)) add_file(files, path, state.st_size);
    else survey_tell(survey, "layout", path, "是链接或特殊文件，没有接收");
  }
}

static int compare_bytes(gconstpointer a, gconstpointer b) { return strcmp((*(PackageFile *const *)a)->path, (*(PackageFile *const *)b)->path); }

static int compare_natural(gconstpointer a, gconstpointer b) {
  return catalog_code_compare((*(PackageFile *const *)a)->path, (*(PackageFile *const *)b)->path);
}

/* Two that another system would take for one. */
static void tell_alike(const PackageFiles *files, Survey *survey) {
  for (guint i = 0; i < files->all->len; i++) {
    const PackageFile *file = files->all->pdata[i];
    guint count;
    g_autofree char *folded = name_fold(file->path);
    const PackageFile *other = find(files, KEY_FOLDED, folded, &count);
    if (other != file) survey_tell(survey, "encoding", file->path, "与 %s 只有大小写或 Unicode 写法不同，换一个系统会互相覆盖", other->path);
  }
}

PackageFiles *package_files_new(Survey *survey, const char *folder) {
  PackageFiles *files = g_new0(PackageFiles, 1);
  files->all = g_ptr_array_new_with_free_func(g_free);
  files->former = g_array_new(FALSE, FALSE, sizeof(FormerName));
  files->folders = g_ptr_array_new();
  files->text = g_string_chunk_new(TEXT_BLOCK);
  files->keys = name_table_new();
  files->folder_keys = name_table_new();
  walk(files, survey, folder, 0);
  g_ptr_array_sort(files->all, compare_bytes);
  for (guint i = 0; i < files->all->len; i++) {
    const char *path = name_at(files, i), *called = unpacked_name(survey->unpacked, path);
    FormerName former = {called == path ? NULL : g_string_chunk_insert(files->text, called), i};
    if (former.name) g_array_append_val(files->former, former);
  }
  for (guint i = 0; i < files->all->len + files->former->len; i++) add_keys(files, i);
  name_table_seal(files->keys);
  name_table_seal(files->folder_keys);
  tell_alike(files, survey);
  return files;
}

void package_files_free(PackageFiles *files) {
  if (files == NULL) return;
  g_ptr_array_unref(files->all);
  g_ptr_array_unref(files->folders);
  g_array_unref(files->former);
  g_string_chunk_free(files->text);
  name_table_free(files->keys);
  name_table_free(files->folder_keys);
  g_free(files);
}

GPtrArray *package_files_all(const PackageFiles *files) { return files->all; }

/* The first whose path is not before this one, in the order of bytes. */
static guint place_of(const PackageFiles *files, const char *path) {
  guint low = 0, high = files->all->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (strcmp(name_at(files, middle), path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

PackageFile *package_files_at(const PackageFiles *files, const char *path) {
  guint place = place_of(files, path), count;
  if (place < files->all->len && g_str_equal(name_at(files, place), path)) return files->all->pdata[place];
  g_autofree char *folded = name_fold(path);
  return find(files, KEY_FOLDED, folded, &count);
}

PackageFile *package_files_named(const PackageFiles *files, const char *name, gboolean *ret_several) {
  g_autofree char *folded = name_fold(last_name(name));
  guint count;
  PackageFile *file = find(files, KEY_NAME, folded, &count);
  *ret_several = count > 1;
  return count == 1 ? file : NULL;
}

char *package_files_folder(const PackageFiles *files, const char *code) {
  g_autofree char *key = name_fold_code(code);
  NameHits found = name_table_find(files->folder_keys, 0, key);
  for (guint i = 0; i < found.count; i++) {
    const char *path = files->folders->pdata[found.hits[i].number];
    g_autofree char *own = name_fold_code(last_name(path));
    if (g_str_equal(own, key)) return g_strdup(path);
  }
  return NULL;
}

static gboolean lies_under(const char *path, const char *folder, gsize length) { return strncmp(path, folder, length) == 0 && path[length] == '/'; }

/* In the order of bytes all that lies below a folder stands together; it is given in natural order. */
GPtrArray *package_files_under(const PackageFiles *files, const char *folder) {
  GPtrArray *found = g_ptr_array_new();
  gsize length = strlen(folder);
  g_autofree char *first = g_strconcat(folder, "/", NULL);
  for (guint i = place_of(files, first); i < files->all->len; i++) {
    PackageFile *file = files->all->pdata[i];
    if (!lies_under(file->path, folder, length)) break;
    g_ptr_array_add(found, file);
  }
  g_ptr_array_sort(found, compare_natural);
  return found;
}
