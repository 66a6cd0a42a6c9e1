/*
 * Layouts with a catalogue in XML: DA/T 93-2022 appendix B, 档发〔2012〕7号 appendix 2, and the vendors' 说明文件.xml. They differ in names; an entry
 * of any of them is an element that holds a 档号, a 题名 or a 元数据路径.
 *
 * 1. A damaged catalogue gives the entries before the damage; a damaged metadata file costs its record what it would have added.
 * 2. A reference is followed only inside the package; one that leads out, or to nothing, is told and stays in the row as wanted.
 * 3. Without a catalogue the metadata files themselves are the rows.
 */
#include "error.h"
#include "package-survey.h"
#include "package-tag.h"
#include <string.h>

#define METADATA_NAME "元数据"

typedef struct { Survey *survey; gboolean volumes; } CatalogueReading;

static gboolean is_named(const char *path, const char *name) {
  g_autofree char *base = g_path_get_basename(path);
  return g_ascii_strcasecmp(base, name) == 0;
}

gboolean path_has_extension(const char *path, const char *const *extensions) {
  const char *dot = strrchr(path, '.');
  for (; dot && *extensions; extensions++)
    if (g_ascii_strcasecmp(dot + 1, *extensions) == 0) return TRUE;
  return FALSE;
}

static gboolean is_metadata(const char *path) {
  static const char *const xml[] = {"xml", NULL};
  const char *slash = strrchr(path, '/');
  return path_has_extension(path, xml) && strstr(slash ? slash : path, METADATA_NAME) != NULL;
}

/* ---- metadata of one record ---- */

static PackageFile *find_metadata(Survey *survey, const char *code, const char *written) {
  gboolean several;
  if (*written) {
    g_autofree char *path = g_strdup(written);
    g_strdelimit(path, "\\", '/');
    const char *inside = g_str_has_prefix(path, "./") ? path + 2 : path;
    if (tag_path_escapes(inside)) return survey_tell(survey, "consistency", written, "元数据路径指向包外，没有读"), NULL;
    PackageFile *file = package_files_at(survey->files, inside);
    if (file == NULL) survey_tell(survey, "consistency", written, "目录中写的元数据文件不在包中");
    return file;
  }
  g_autofree char *folder = package_files_folder(survey->files, code), *safe = g_strdelimit(g_strdup(code), "/\\:*?\"<>|", '_');
  g_autofree char *name = g_strconcat(safe, METADATA_NAME ".xml", NULL);
  if (folder) {
    g_autoptr(GPtrArray) inside = package_files_under(survey->files, folder);
    for (guint i = 0; i < inside->len; i++) {
      PackageFile *file = inside->pdata[i];
      if (is_metadata(file->path) && strchr(file->path + strlen(folder) + 1, '/') == NULL) return file;
    }
  }
  return package_files_named(survey->files, name, &several);
}

static void take_metadata(Survey *survey, PackageRecord *record, const PackageFile *file) {
  g_autofree char *full = survey_full(survey, file->path), *encoding = NULL;
  g_autoptr(GError) failure = NULL;
  const XmlReading plain = {0};
  g_autoptr(XmlNode) root = xml_tree_read(full, &plain, &encoding, &failure);
  survey_own(survey, file->path);
  if (root == NULL) return survey_tell(survey, "encoding", file->path, "元数据文件读不出来：%s", failure->message);
  g_autoptr(GPtrArray) differences = g_ptr_array_new_with_free_func(g_free);
  package_record_take(record, root, differences);
  package_record_files(record, root, FALSE);
  for (guint i = 0; i < differences->len; i++) {
    g_auto(GStrv) parts = g_strsplit(differences->pdata[i], "\t", 3);
    survey_tell(survey, "consistency", file->path, "%s与目录不一致：目录为“%s”，元数据为“%s”", parts[0], parts[1], parts[2]);
  }
}

/* ---- documents of one record ---- */

static void add_path(GPtrArray *paths, const char *path) {
  if (!g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL)) g_ptr_array_add(paths, g_strdup(path));
}

/* The file that a name means: beside the metadata, from the root, in 电子档案, or the only one called so. NULL: not there, or told. */
static PackageFile *resolve(Survey *survey, const char *folder, const char *name) {
  g_autofree char *path = g_strstrip(g_strdup(name));
  g_strdelimit(path, "\\", '/');
  const char *inside = g_str_has_prefix(path, "./") ? path + 2 : path;
  if (tag_path_escapes(inside)) return survey_tell(survey, "consistency", name, "文件名指向包外，没有取"), NULL;
  g_autofree char *beside = folder && *folder ? g_strconcat(folder, "/", inside, NULL) : g_strdup(inside), *archive = g_strconcat("电子档案/", inside, NULL);
  PackageFile *file = package_files_at(survey->files, beside);
  if (file == NULL) file = package_files_at(survey->files, inside);
  if (file == NULL) file = package_files_at(survey->files, archive);
  gboolean several;
  return file ? file : package_files_named(survey->files, inside, &several);
}

static gboolean take_declared(Survey *survey, PackageRecord *record, const char *folder, GPtrArray *paths, GError **error) {
  for (guint i = 0; i < record->files->len; i++) {
    RecordFile *declared = record->files->pdata[i];
    PackageFile *file = resolve(survey, folder, declared->name);
    g_autofree char *wanted = file ? g_strdup(file->path) : folder && *folder ? g_strconcat(folder, "/", declared->name, NULL) : g_strdup(declared->name);
    if (file == NULL && !tag_path_escapes(declared->name)) survey_tell(survey, "consistency", wanted, "元数据中有这个文件，包中没有");
    if (file) file->used = TRUE;
    add_path(paths, wanted);
    if (!survey_fact(survey, wanted, declared, error)) return FALSE;
  }
  return TRUE;
}

/* What the catalogue's own column names. */
static void take_written(Survey *survey, PackageRecord *record, const char *folder, GPtrArray *paths) {
  static const char *const names[] = {"电子档案名称", "电子文件名称", "文件名", "计算机文件名", NULL};
  for (guint n = 0; names[n]; n++) {
    g_auto(GStrv) written = g_regex_split_simple("[;；|\n]", package_record_get(record, names[n]), 0, 0);
    for (char **name = written; *name; name++) {
      if (!*g_strstrip(*name)) continue;
      PackageFile *file = resolve(survey, folder, *name);
      if (file) file->used = TRUE;
      else if (!tag_path_escapes(*name)) survey_tell(survey, "consistency", *name, "目录中有这个文件，包中没有");
      add_path(paths, file ? file->path : *name);
    }
  }
}

/* What else lies in the record's own folder; folders in it that have metadata are other records'. */
static void take_beside(Survey *survey, const char *folder, GPtrArray *paths) {
  g_autoptr(GPtrArray) inside = package_files_under(survey->files, folder);
  g_autoptr(GHashTable) others = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < inside->len; i++) {
    const PackageFile *file = inside->pdata[i];
    g_autofree char *parent = g_path_get_dirname(file->path);
    if (is_metadata(file->path) && !g_str_equal(parent, folder)) g_hash_table_add(others, g_steal_pointer(&parent));
  }
  for (guint i = 0; i < inside->len; i++) {
    PackageFile *file = inside->pdata[i];
    gboolean foreign = is_metadata(file->path);
    g_autofree char *at = g_path_get_dirname(file->path);
    while (!foreign && strlen(at) > strlen(folder)) {
      foreign = g_hash_table_contains(others, at);
      char *up = g_path_get_dirname(at);
      g_free(at);
      at = up;
    }
    if (foreign) continue;
    file->used = TRUE;
    add_path(paths, file->path);
  }
}

static gboolean complete_record(Survey *survey, PackageRecord *record, const char *metadata_path, GError **error) {
  const char *code = package_record_get(record, "档号");
  gboolean volume = strstr(package_record_get(record, "著录层级"), "案卷") != NULL;
  PackageFile *metadata = *code || *metadata_path ? find_metadata(survey, code, metadata_path) : NULL;
  g_autofree char *folder = NULL, *parent = NULL;
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  if (metadata) {
    metadata->used = TRUE;
    take_metadata(survey, record, metadata);
    parent = g_path_get_dirname(metadata->path);
    if (g_str_equal(parent, ".")) *parent = '\0';
  } else if (!volume && !*metadata_path) survey_tell(survey, "metadata", code, "没有找到这一条的元数据文件");
  code = package_record_get(record, "档号");
  if (!g_str_equal(survey->layout, "2012")) folder = *code ? package_files_folder(survey->files, code) : NULL;
  if (folder == NULL && g_str_equal(survey->layout, "vendor") && parent && *parent) folder = g_strdup(parent);
  if (!take_declared(survey, record, parent ? parent : folder, paths, error)) return FALSE;
  if (!record->exported) take_written(survey, record, parent ? parent : folder, paths); /* 文件数据 says it all */
  gboolean named = paths->len > 0; /* others then are surplus */
  if (folder && !volume && !record->exported && !named) take_beside(survey, folder, paths);
  return survey_record(survey, record, paths, error);
}

/* ---- the catalogue ---- */

static gboolean is_entry(const XmlNode *node) {
  for (guint i = 0; node->children && i < node->children->len; i++) {
    const XmlNode *child = node->children->pdata[i];
    if (!xml_is_leaf(child)) continue;
    const char *label = package_label(child->name);
    if (label && (g_str_equal(label, "档号") || g_str_equal(label, "题名"))) return TRUE;
    if (g_str_equal(child->name, "元数据路径")) return TRUE;
  }
  return FALSE;
}

/* The 档号 of the volume that an entry stands in. */
static char *enclosing_code(const XmlNode *entry) {
  for (const XmlNode *at = entry->parent; at; at = at->parent)
    for (guint i = 0; at->children && i < at->children->len; i++) {
      const XmlNode *child = at->children->pdata[i];
      if (child != entry && xml_is_leaf(child) && g_strcmp0(package_label(child->name), "档号") == 0) return xml_node_text(child);
    }
  return g_strdup("");
}

static gboolean visit_entry(XmlNode *node, gpointer data, GError **error) {
  CatalogueReading *reading = data;
  if (survey_stopped(reading->survey, error)) return FALSE;
  g_autoptr(PackageRecord) record = package_record_new();
  g_autofree char *volume = enclosing_code(node), *path = xml_node_text(xml_child(node, "元数据路径"));
  package_record_take(record, node, NULL);
  if (reading->volumes || g_str_equal(node->name, "案卷")) package_record_set(record, "著录层级", "案卷");
  package_record_set(record, "所在案卷", volume);
  return complete_record(reading->survey, record, path, error);
}

static gboolean read_catalogue(Survey *survey, PackageFile *file, GError **error) {
  g_autofree char *full = survey_full(survey, file->path), *encoding = NULL;
  CatalogueReading reading = {survey, strstr(file->path, "案卷") != NULL};
  const XmlReading xml = {.is_unit = is_entry, .visit = visit_entry, .data = &reading};
  GError *failure = NULL;
  guint before = survey->record_count;
  g_autoptr(XmlNode) rest = xml_tree_read(full, &xml, &encoding, &failure);
  file->used = TRUE;
  survey_own(survey, file->path);
  if (encoding && survey->encoding == NULL) survey->encoding = g_steal_pointer(&encoding);
  if (rest == NULL && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_INVALID) && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_TOO_LARGE)) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  if (rest == NULL) survey_tell(survey, "catalogue", file->path, "目录文件没有读完（读到 %u 条）：%s", survey->record_count - before, failure->message);
  else if (survey->record_count == before) survey_tell(survey, "catalogue", file->path, "目录文件中没有一条目录");
  g_clear_error(&failure);
  return TRUE;
}

/* ---- without a catalogue, and what it left ---- */

static gboolean records_of_metadata(Survey *survey, GError **error) {
  GPtrArray *all = package_files_all(survey->files);
  for (guint i = 0; i < all->len; i++) {
    PackageFile *file = all->pdata[i];
    if (!is_metadata(file->path)) continue;
    if (survey_stopped(survey, error)) return FALSE;
    g_autoptr(PackageRecord) record = package_record_new();
    if (!complete_record(survey, record, file->path, error)) return FALSE;
  }
  return TRUE;
}

static void tell_unclaimed(Survey *survey) {
  GPtrArray *all = package_files_all(survey->files);
  for (guint i = 0; i < all->len; i++) {
    const PackageFile *file = all->pdata[i];
    if (g_str_has_prefix(file->path, "其他/")) survey_own(survey, file->path);
    else if (!file->used && is_metadata(file->path)) survey_tell(survey, "consistency", file->path, "目录中没有这个元数据文件的档案");
  }
}

static gboolean read_readme(Survey *survey, PackageFile *file, GError **error) {
  file->used = TRUE;
  survey_own(survey, file->path);
  static const char *const xml[] = {"xml", NULL};
  if (!path_has_extension(file->path, xml)) return survey_readme_text(survey, file->path, error);
  g_autofree char *full = survey_full(survey, file->path);
  g_autoptr(GError) failure = NULL;
  const XmlReading plain = {0};
  g_autoptr(XmlNode) root = xml_tree_read(full, &plain, NULL, &failure);
  if (root == NULL) return survey_tell(survey, "readme", file->path, "说明文件读不出来：%s", failure->message), TRUE;
  g_autoptr(GQueue) open = g_queue_new();
  g_queue_push_tail(open, root);
  for (XmlNode *node; (node = g_queue_pop_head(open));) {
    g_autofree char *text = xml_node_text(node);
    if (xml_is_leaf(node)) survey_declare(survey, node->name, text);
    for (guint i = 0; node->children && i < node->children->len; i++) g_queue_push_tail(open, node->children->pdata[i]);
  }
  survey_readme_complete(survey, file->path);
  return TRUE;
}

static const struct { const char *name; gboolean readme; } OWN[] = {{"说明文件.txt", TRUE}, {"说明文件.xml", TRUE}, {"目录文件.xml", FALSE}, {"案卷目录.xml", FALSE},
  {"文件目录.xml", FALSE}};

gboolean layout_catalogues(Survey *survey, GError **error) {
  GPtrArray *all = package_files_all(survey->files);
  gboolean readme = FALSE, catalogue = FALSE;
  for (guint n = 0; n < G_N_ELEMENTS(OWN); n++)
    for (guint i = 0; i < all->len; i++) {
      PackageFile *file = all->pdata[i];
      if (strchr(file->path, '/') || !is_named(file->path, OWN[n].name)) continue;
      *(OWN[n].readme ? &readme : &catalogue) = TRUE;
      if (!(OWN[n].readme ? read_readme : read_catalogue)(survey, file, error)) return FALSE;
    }
  if (!readme) survey_tell(survey, "readme", "", "没有说明文件");
  if (!catalogue) survey_tell(survey, "catalogue", "", "没有目录文件，目录由各元数据文件得出");
  if (survey->record_count == 0 && !records_of_metadata(survey, error)) return FALSE;
  tell_unclaimed(survey);
  return TRUE;
}
