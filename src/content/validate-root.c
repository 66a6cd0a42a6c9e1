/*
 * A whole OCFL storage root of any program (OCFL 1.0/1.1 §4): its declaration, the folders down to the objects, and each object by content_validate_object.
 *
 * 1. An object is a folder with a declaration "0=ocfl_object_…"; its layout in the root is not looked at (layouts are extensions, and many are in use).
 * 2. No link is followed; depth is capped. What lies between root and objects and belongs to neither is an error, never passed over.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { ROOT_DEPTH_LIMIT = 64 };

typedef struct {
  Findings findings; /* of the root itself */
  int minor;         /* of the root's declaration; -1 */
  ContentRootVisit visit;
  gpointer data;
} RootWalk;

static gboolean is_folder(int dirfd, const char *name) {
  struct stat info;
  return fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

/* The name that begins with prefix, or NULL. */
static const char *find_prefixed(const GPtrArray *names, const char *prefix, guint *ret_count) {
  const char *found = NULL;
  *ret_count = 0;
  for (guint i = 0; i < names->len; i++) {
    if (!g_str_has_prefix(names->pdata[i], prefix)) continue;
    found = names->pdata[i];
    (*ret_count)++;
  }
  return found;
}

gboolean content_is_root(const char *dir) {
  autofd fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
  guint objects = 0, roots = 0;
  if (names == NULL) return FALSE;
  find_prefixed(names, "0=ocfl_object_", &objects);
  find_prefixed(names, "0=ocfl_", &roots);
  return objects == 0 && roots > 0;
}

static void check_root_declaration(RootWalk *walk, int fd, const GPtrArray *names) {
  guint count;
  const char *declaration = find_prefixed(names, "0=", &count);
  if (count != 1) {
    finding_error(&walk->findings, "E069", "存储根的标志文件(0=ocfl_…)应有一个,现有 %u 个", count);
    return;
  }
  walk->minor = strcmp(declaration, "0=ocfl_1.0") == 0 ? 0 : strcmp(declaration, ROOT_DECLARATION) == 0 ? 1 : -1;
  if (walk->minor < 0) finding_error(&walk->findings, "E076", "存储根标志文件名“%s”不是 OCFL 1.0 或 1.1 的", declaration);
  g_autofree char *expected = g_strconcat(declaration + 2, "\n", NULL);
  GString *text = NULL;
  if (!read_file(fd, declaration, 1024, &text) || strcmp(text->str, expected) != 0)
    finding_error(&walk->findings, "E080", "存储根标志文件 %s 的内容不对", declaration);
  if (text != NULL) g_string_free(text, TRUE);
}

static void check_layout_file(RootWalk *walk, int fd) {
  GString *text = NULL;
  if (!read_file(fd, "ocfl_layout.json", 1 << 20, &text)) {
    if (errno != ENOENT) finding_error(&walk->findings, "E070", "ocfl_layout.json 读不出: %s", error_reason(errno));
    return;
  }
  json_t *layout = json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_string(json_object_get(layout, "extension")) || !json_is_string(json_object_get(layout, "description")))
    finding_error(&walk->findings, "E070", "ocfl_layout.json 应有文本 extension 和 description");
  json_decref(layout);
  g_string_free(text, TRUE);
}

/* An object may not be of a later OCFL version than the root it lies in. */
static void visit_object(RootWalk *walk, const char *path, const char *declaration, const char *full) {
  if (walk->minor == 0 && strcmp(declaration, OBJECT_DECLARATION) == 0)
    finding_error(&walk->findings, "E081", "对象 %s 的 OCFL 版本高于存储根", path);
  json_t *result = content_validate_object(full);
  walk->visit(path, result, walk->data);
  json_decref(result);
}

static void walk_folder(RootWalk *walk, const char *full, const char *path, guint depth);

static void walk_entry(RootWalk *walk, int fd, const char *full, const char *path, const char *name, guint depth) {
  g_autofree char *below = path[0] != '\0' ? g_strconcat(path, "/", name, NULL) : g_strdup(name), *full_below = g_build_filename(full, name, NULL);
  if (is_folder(fd, name)) walk_folder(walk, full_below, below, depth + 1);
  else finding_error(&walk->findings, "E072", "“%s”不在任何对象之内", below);
}

static void walk_folder(RootWalk *walk, const char *full, const char *path, guint depth) {
  autofd fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr(GPtrArray) names = fd >= 0 && depth <= ROOT_DEPTH_LIMIT ? list_folder(fd) : NULL;
  if (names == NULL) {
    finding_error(&walk->findings, "E088", "文件夹 %s 读不出或过深", path);
    return;
  }
  guint count;
  const char *declaration = find_prefixed(names, "0=ocfl_object_", &count);
  if (declaration != NULL) visit_object(walk, path, declaration, full);
  else if (names->len == 0) finding_error(&walk->findings, "E073", "空文件夹 %s", path);
  else
    for (guint i = 0; i < names->len; i++) walk_entry(walk, fd, full, path, names->pdata[i], depth);
}

json_t *content_validate_root(const char *root_dir, ContentRootVisit visit, gpointer data) {
  RootWalk walk = {{json_array(), json_array(), json_array()}, -1, visit, data};
  autofd fd = open(root_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
  if (names == NULL) finding_error(&walk.findings, "E069", "存储根 %s 读不出: %s", root_dir, error_reason(errno));
  if (names != NULL) {
    check_root_declaration(&walk, fd, names);
    check_layout_file(&walk, fd);
  }
  for (guint i = 0; names != NULL && i < names->len; i++) {
    /* Files of the root itself (declaration, layout, copies of the specification) are allowed; folders lead to objects. */
    if (is_folder(fd, names->pdata[i]) && strcmp(names->pdata[i], "extensions") != 0) walk_entry(&walk, fd, root_dir, "", names->pdata[i], 0);
  }
  json_t *result = json_object();
  json_object_set_new(result, "errors", walk.findings.errors);
  json_object_set_new(result, "warnings", walk.findings.warnings);
  json_object_set_new(result, "unverified", walk.findings.unverified);
  return result;
}
