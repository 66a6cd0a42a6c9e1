/*
 * What lies in a package's folder, found by path, by name, by the folder that is called after a 档号.
 *
 * 1. Only plain files with valid names are listed. Links, special files, names that are no UTF-8: told, and left alone.
 * 2. Names are compared without regard to case and Unicode form when the exact one is not there.
 */
#include "error.h"
#include "package-survey.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 64 /* as of packages (format.h) */

struct PackageFiles {
  GPtrArray *all;
  GHashTable *exact, *folded; /* path → PackageFile */
  GHashTable *named;          /* folded name → PackageFile, NULL: several */
  GHashTable *folders;        /* folded folder name → path */
};

static char *fold(const char *text) {
  g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
  return g_utf8_casefold(composed ? composed : text, -1);
}

static char *fold_code(const char *code) {
  char *folded = fold(code);
  g_strdelimit(folded, "/\\:*?\"<>|", '_');
  return g_strstrip(folded);
}

static void file_free(gpointer data) {
  PackageFile *file = data;
  g_free(file->path);
  g_free(file);
}

/* A second path under which it is found: what it was called before it was unpacked. */
static void add_names(PackageFiles *files, PackageFile *file, const char *path) {
  g_autofree char *base = g_path_get_basename(path);
  char *folded = fold(path), *name = fold(base);
  if (!g_hash_table_contains(files->folded, folded)) g_hash_table_insert(files->folded, folded, file);
  else g_free(folded);
  g_hash_table_replace(files->named, name, g_hash_table_contains(files->named, name) ? NULL : file);
}

static void add_file(PackageFiles *files, Survey *survey, const char *path, gint64 size) {
  PackageFile *file = g_new0(PackageFile, 1);
  file->path = g_strdup(path);
  file->size_bytes = size;
  g_ptr_array_add(files->all, file);
  g_hash_table_insert(files->exact, file->path, file);
  char *folded = fold(path);
  const PackageFile *other = g_hash_table_lookup(files->folded, folded);
  if (other) {
    survey_tell(survey, "encoding", path, "与 %s 只有大小写或 Unicode 写法不同，换一个系统会互相覆盖", other->path);
    g_free(folded);
  } else g_hash_table_insert(files->folded, folded, file);
  g_autofree char *base = g_path_get_basename(path);
  char *name = fold(base);
  g_hash_table_replace(files->named, name, g_hash_table_contains(files->named, name) ? NULL : file);
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
      char *key = fold_code(name);
      if (!g_hash_table_contains(files->folders, key)) g_hash_table_insert(files->folders, key, g_strdup(path));
      else g_free(key);
      walk(files, survey, path, depth + 1);
    } else if (S_ISREG(state.st_mode)) add_file(files, survey, path, state.st_size);
    else survey_tell(survey, "layout", path, "是链接或特殊文件，没有接收");
  }
}

static int compare_bytes(gconstpointer a, gconstpointer b) { return strcmp((*(PackageFile *const *)a)->path, (*(PackageFile *const *)b)->path); }

static int compare_natural(gconstpointer a, gconstpointer b) {
  return catalog_code_compare((*(PackageFile *const *)a)->path, (*(PackageFile *const *)b)->path);
}

PackageFiles *package_files_new(Survey *survey, const char *folder) {
  PackageFiles *files = g_new0(PackageFiles, 1);
  files->all = g_ptr_array_new_with_free_func(file_free);
  files->exact = g_hash_table_new(g_str_hash, g_str_equal);
  files->folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  files->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  files->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  walk(files, survey, folder, 0);
  for (guint i = 0; i < files->all->len; i++) {
    PackageFile *file = files->all->pdata[i];
    const char *called = unpacked_name(survey->unpacked, file->path);
    if (called != file->path) add_names(files, file, called);
  }
  g_ptr_array_sort(files->all, compare_bytes);
  return files;
}

void package_files_free(PackageFiles *files) {
  if (files == NULL) return;
  GHashTable *tables[] = {files->exact, files->folded, files->named, files->folders};
  for (guint i = 0; i < G_N_ELEMENTS(tables); i++) g_hash_table_unref(tables[i]);
  g_ptr_array_unref(files->all);
  g_free(files);
}

GPtrArray *package_files_all(const PackageFiles *files) { return files->all; }

PackageFile *package_files_at(const PackageFiles *files, const char *path) {
  PackageFile *file = g_hash_table_lookup(files->exact, path);
  g_autofree char *folded = file ? NULL : fold(path);
  return file ? file : g_hash_table_lookup(files->folded, folded);
}

PackageFile *package_files_named(const PackageFiles *files, const char *name, gboolean *ret_several) {
  g_autofree char *base = g_path_get_basename(name), *folded = fold(base);
  PackageFile *file = g_hash_table_lookup(files->named, folded);
  *ret_several = file == NULL && g_hash_table_contains(files->named, folded);
  return file;
}

char *package_files_folder(const PackageFiles *files, const char *code) {
  g_autofree char *key = fold_code(code);
  return g_strdup(g_hash_table_lookup(files->folders, key));
}

static gboolean lies_under(const char *path, const char *folder, gsize length) { return strncmp(path, folder, length) == 0 && path[length] == '/'; }

/* In the order of bytes all that lies below a folder stands together; it is given in natural order. */
GPtrArray *package_files_under(const PackageFiles *files, const char *folder) {
  GPtrArray *found = g_ptr_array_new();
  gsize length = strlen(folder);
  g_autofree char *first = g_strconcat(folder, "/", NULL);
  guint low = 0, high = files->all->len;
  while (low < high) {
    guint middle = (low + high) / 2;
    const PackageFile *file = files->all->pdata[middle];
    if (strcmp(file->path, first) < 0) low = middle + 1;
    else high = middle;
  }
  for (guint i = low; i < files->all->len; i++) {
    PackageFile *file = files->all->pdata[i];
    if (!lies_under(file->path, folder, length)) break;
    g_ptr_array_add(found, file);
  }
  g_ptr_array_sort(found, compare_natural);
  return found;
}
