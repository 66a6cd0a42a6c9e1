/*
 * Packages after DA/T 48-2009 (EEP): one file holds one record, several, or a volume; a folder holds such files and what they refer to.
 *
 * 1. Contents are decoded into work/extracted/ (xml_tree_read), contents that lie beside are linked there, so that all documents are in one folder.
 * 2. Of a 修改型 package the 修订内容 is the record; the documents of the 原封装包 follow its own.
 * 3. A file name out of a package is never used as a path: its last part, cut to what a disk takes, is.
 */
#include "beneath.h"
#include "error.h"
#include "package-survey.h"
#include "package-tag.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES_MAX 255
#define FOLDER_BYTES_MAX 120

/* ---- names on disk ---- */

/* At most max bytes, cut between characters, the extension kept. */
static char *cut_name(const char *name, gsize max) {
  if (strlen(name) <= max) return g_strdup(name);
  const char *dot = strrchr(name, '.');
  gsize tail = dot && strlen(dot) <= 16 ? strlen(dot) : 0, head = max - tail;
  while (head > 0 && ((guchar)name[head] & 0xC0) == 0x80) head--;
  g_autofree char *start = g_strndup(name, head);
  return g_strconcat(start, tail ? dot : "", NULL);
}

static char *safe_name(Survey *survey, const char *package, const char *name) {
  g_autofree char *path = g_strdelimit(g_strdup(name), "\\", '/');
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  if (tag_path_escapes(path)) survey_tell(survey, "consistency", package, "计算机文件名“%s”指向包外，只取其最后一段", name);
  if (strlen(base) > NAME_BYTES_MAX) survey_tell(survey, "encoding", package, "计算机文件名超过 %d 字节，存盘时截短，原名保留在元数据中：%s", NAME_BYTES_MAX, base);
  return *base && !g_str_equal(base, ".") && !g_str_equal(base, "..") ? cut_name(base, NAME_BYTES_MAX) : g_strdup("未命名");
}

/* extracted/<folder>/<name>, made different from what is there. */
static char *place_for(Survey *survey, const char *folder, const char *name) {
  g_autofree char *inside = g_build_filename(survey->work, "extracted", folder, NULL);
  g_mkdir_with_parents(inside, 0700);
  for (guint n = 1;; n++) {
    const char *dot = strrchr(name, '.');
    gsize stem = dot ? (gsize)(dot - name) : strlen(name);
    g_autofree char *number = n == 1 ? g_strdup("") : g_strdup_printf("（%u）", n), *short_stem = g_strndup(name, stem),
      *fit = cut_name(short_stem, NAME_BYTES_MAX - strlen(number) - strlen(name + stem)), *other = g_strconcat(fit, number, name + stem, NULL);
    g_autofree char *path = g_build_filename(inside, other, NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) return g_build_filename(folder, other, NULL);
  }
}

static char *extracted(const Survey *survey, const char *path) { return g_build_filename(survey->work, "extracted", path, NULL); }

gboolean package_link(const char *from, const char *to, GError **error) {
  struct stat status;
  int fd = beneath_open(from);
  g_autofree char *opened = g_strdup_printf("/proc/self/fd/%d", fd);
  gboolean linked = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && linkat(AT_FDCWD, opened, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0;
  if (fd >= 0) close(fd);
  return linked || file_copy(from, to, NULL, error);
}

/* ---- one record ---- */

/* Content that lies beside the package: in the folder of its 档号, beside the XML, or the only one called so. */
static PackageFile *find_outside(Survey *survey, const char *package, const char *code, const char *name) {
  if (tag_path_escapes(name)) return NULL;
  g_autofree char *folder = package_files_folder(survey->files, code), *own = folder ? g_strconcat(folder, "/", name, NULL) : NULL;
  g_autofree char *parent = g_path_get_dirname(package), *beside = g_str_equal(parent, ".") ? g_strdup(name) : g_strconcat(parent, "/", name, NULL);
  PackageFile *file = own ? package_files_at(survey->files, own) : NULL;
  gboolean several;
  if (file == NULL) file = package_files_at(survey->files, beside);
  return file ? file : package_files_named(survey->files, name, &several);
}

static gboolean take_file(Survey *survey, const char *package, const char *code, const char *folder, RecordFile *file, GPtrArray *paths, GError **error) {
  g_autofree char *name = safe_name(survey, package, file->name), *place = place_for(survey, folder, name), *target = extracted(survey, place);
  if (file->data) {
    if (file->data_bad) survey_tell(survey, "metadata", package, "文件“%s”的编码数据不是完整的 Base64，取出的内容不可信", file->name);
    if (g_rename(file->data, target) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能取出 %s：%s", file->name, error_reason(errno));
    g_clear_pointer(&file->data, g_free);
  } else {
    PackageFile *outside = find_outside(survey, package, code, file->name);
    if (outside == NULL) survey_tell(survey, "consistency", package, "文件“%s”没有编码数据，包中也没有这个文件", file->name);
    else {
      g_autofree char *from = survey_full(survey, outside->path);
      outside->used = TRUE;
      if (!package_link(from, target, error)) return FALSE;
    }
  }
  g_ptr_array_add(paths, g_strdup(place));
  return survey_fact(survey, place, file, error);
}

static gboolean take_record(Survey *survey, const char *package, PackageRecord *record, GError **error) {
  g_autofree char *base = g_path_get_basename(package), *stem = g_strndup(base, strcspn(base, "."));
  if (!*package_record_get(record, "档号")) {
    const char *number = package_record_get(record, "电子文件号");
    survey_tell(survey, "metadata", package, "没有档号，暂以%s代替", *number ? "电子文件号" : "文件名");
    package_record_set(record, "档号", *number ? number : stem);
  }
  const char *code = package_record_get(record, "档号");
  g_autofree char *safe = g_strdelimit(g_strdup(code), "/\\:*?\"<>|", '_'), *short_name = cut_name(safe, FOLDER_BYTES_MAX);
  g_autofree char *folder = *short_name == '.' ? g_strconcat("_", short_name, NULL) : g_strdup(short_name);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < record->files->len; i++)
    if (!take_file(survey, package, code, folder, record->files->pdata[i], paths, error)) return FALSE;
  return survey_record(survey, record, paths, error);
}

/* ---- one package ---- */

static void gather(const XmlNode *node, gboolean original, GPtrArray *entities, GPtrArray *originals, GPtrArray *stories) {
  original |= g_str_equal(node->name, "原封装包");
  gboolean bare = g_str_equal(node->name, "文件实体块") && xml_child(node, "文件实体") == NULL && node->children;
  if (bare || g_str_equal(node->name, "文件实体")) {
    g_ptr_array_add(original ? originals : entities, (gpointer)node);
    return;
  }
  if (!original && (g_str_equal(node->name, "业务实体块") || g_str_equal(node->name, "机构人员实体块") || g_str_equal(node->name, "文件实体关系")))
    g_ptr_array_add(stories, (gpointer)node);
  for (guint i = 0; node->children && i < node->children->len; i++) gather(node->children->pdata[i], original, entities, originals, stories);
}

static char *entity_code(const XmlNode *entity) {
  g_autoptr(PackageRecord) record = package_record_new();
  package_record_take(record, entity, NULL);
  return g_strdup(package_record_get(record, "档号"));
}

/* The originals of this record: those of its 档号, or the only one. */
static void take_originals(PackageRecord *record, GPtrArray *originals, guint entity_count) {
  for (guint i = originals->len; i > 0; i--) { /* the innermost is the oldest and stands last */
    const XmlNode *original = originals->pdata[originals->len - i];
    g_autofree char *code = entity_code(original);
    if (!g_str_equal(code, package_record_get(record, "档号")) && !(entity_count == 1 && originals->len == 1)) continue;
    package_record_take(record, original, NULL);
    package_record_files(record, original, TRUE);
  }
}

static gboolean take_package(Survey *survey, const char *path, const XmlNode *root, GError **error) {
  g_autoptr(GPtrArray) entities = g_ptr_array_new(), originals = g_ptr_array_new(), stories = g_ptr_array_new();
  gather(root, FALSE, entities, originals, stories);
  if (entities->len == 0) survey_tell(survey, "metadata", path, "封装包中没有%s文件实体", originals->len ? "修订后的" : "");
  GPtrArray *list = entities->len ? entities : originals;
  for (guint i = 0; i < list->len; i++) {
    g_autoptr(PackageRecord) record = package_record_new();
    package_record_take(record, list->pdata[i], NULL);
    for (guint s = 0; s < stories->len; s++) package_record_take(record, stories->pdata[s], NULL);
    package_record_files(record, list->pdata[i], FALSE);
    if (list == entities) take_originals(record, originals, entities->len);
    if (!take_record(survey, path, record, error)) return FALSE;
  }
  const XmlNode *signature = xml_find(root, "电子签名块");
  if (signature && signature->children) json_object_set_new(survey->declared, "signed", json_true());
  g_autofree char *body = xml_node_text(xml_find(root, "封装包创建单位")), *version = xml_node_text(xml_child(root, "版本"));
  if (json_object_get(survey->declared, "body") == NULL) survey_declare(survey, "移交单位", body);
  if (!g_str_equal(version, "2009")) survey_tell(survey, "layout", path, "封装包版本为“%s”，规范规定为 2009", version);
  return TRUE;
}

static gboolean read_package(Survey *survey, PackageFile *file, GError **error) {
  g_autofree char *full = survey_full(survey, file->path), *encoding = NULL, *folder = g_build_filename(survey->work, "extracted", NULL);
  const XmlReading reading = {.extract = folder};
  GError *failure = NULL;
  g_autoptr(XmlNode) root = xml_tree_read(full, &reading, &encoding, &failure);
  file->used = TRUE;
  survey_own(survey, file->path);
  if (root == NULL && g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE)) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  if (root == NULL) {
    survey_tell(survey, "encoding", file->path, "封装包读不出来：%s", failure->message);
    g_clear_error(&failure);
    return TRUE;
  }
  if (survey->encoding == NULL) survey->encoding = g_steal_pointer(&encoding);
  return take_package(survey, file->path, root, error);
}

gboolean layout_eep(Survey *survey, GError **error) {
  static const char *const extensions[] = {"xml", "eep", NULL};
  PackageFile *readme = package_files_at(survey->files, "说明文件.txt");
  if (readme) {
    readme->used = TRUE;
    survey_own(survey, readme->path);
    if (!survey_readme_text(survey, readme->path, error)) return FALSE;
  }
  GPtrArray *all = package_files_all(survey->files);
  for (guint i = 0; i < all->len; i++) {
    PackageFile *file = all->pdata[i];
    if (!path_has_extension(file->path, extensions)) continue;
    if (survey_stopped(survey, error)) return FALSE;
    g_autofree char *full = survey_full(survey, file->path);
    if (!xml_root_is(full, "电子文件封装包")) {
      g_autoptr(FormatXml) xml = format_xml_open(full, NULL);
      FormatXmlEvent event;
      if (xml == NULL || !format_xml_next(xml, &event, NULL)) survey_tell(survey, "encoding", file->path, "不是可读的 XML");
      continue;
    }
    if (!read_package(survey, file, error)) return FALSE;
  }
  /* what no package claims still arrives: as surplus, in the same folder */
  for (guint i = 0; i < all->len; i++) {
    const PackageFile *file = all->pdata[i];
    if (file->used) continue;
    g_autofree char *full = survey_full(survey, file->path), *target = extracted(survey, file->path), *folder = g_path_get_dirname(target);
    if (g_mkdir_with_parents(folder, 0700) != 0 || g_file_test(target, G_FILE_TEST_EXISTS)) survey_tell(survey, "consistency", file->path, "没有封装包说到这个文件");
    else if (!package_link(full, target, error)) return FALSE;
  }
  return TRUE;
}
