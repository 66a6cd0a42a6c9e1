/*
 * Surveys (package.h): which layout a folder has, its declared facts, and the table that its reader makes.
 *
 * 1. A survey writes only in the delivery's working folder, and begins by removing what an earlier one left there.
 * 2. A folder in a folder in a folder that hold nothing else are passed through.
 */
#include "beneath.h"
#include "error.h"
#include "package-survey.h"
#include "package-tag.h"
#include "text.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRUCTURE_MAX 20000
#define README_BYTES_MAX (4 << 20)
#define PASS_THROUGH_MAX 8
#define PROBE_MAX 20
#define DOCUMENT_LIST_MAX (1 << 21)
#define FACTS_NAME "package-files.ndjson"

static const struct { const char *layout, *label; } LAYOUTS[] = {{"bagit", "BagIt 包"}, {"eep", "EEP 封装包（DA/T 48-2009）"}, {"dat93", "移交信息包（DA/T 93-2022）"},
  {"2012", "移交信息包（档发〔2012〕7号）"}, {"vendor", "移交信息包（说明文件.xml）"}, {"documents", "文件"}};

static const char *const TABLES[] = {"csv", "xlsx", "xls", "dbf", "tsv", NULL};

/* ---- what readers use ---- */

void survey_tell(Survey *survey, const char *aspect, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *raw = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *reason = g_utf8_make_valid(raw, -1), *shown = g_utf8_make_valid(path, -1);
  size_t count = json_array_size(survey->structure);
  if (count > STRUCTURE_MAX) return;
  if (count == STRUCTURE_MAX) {
    json_array_append_new(survey->structure, json_pack("{s:s, s:s, s:s}", "aspect", aspect, "path", "", "reason",
      "发现的问题太多，以下的没有逐一列出。请改正后再交"));
    return;
  }
  json_array_append_new(survey->structure, json_pack("{s:s, s:s, s:s}", "aspect", aspect, "path", shown, "reason", reason));
}

void survey_own(Survey *survey, const char *path) { json_array_append_new(survey->own, json_string(path)); }

char *survey_full(const Survey *survey, const char *path) { return *path ? beneath_path(survey->root, path) : g_strdup(survey->root); }

gboolean survey_stopped(Survey *survey, GError **error) {
  if (survey->job == NULL) return FALSE;
  job_progress(survey->job, survey->record_count, 0, "条", "读取信息包");
  return job_should_stop(survey->job) && !throw(error, LANTAI_ERROR_BUSY, "读取信息包时被停止，稍后从头再读");
}

static gboolean fact_add(Survey *survey, json_t *fact, GError **error) {
  g_autofree char *line = json_dumps(fact, JSON_COMPACT), *ended = g_strconcat(line, "\n", NULL);
  survey->fact_count++;
  return row_writer_add(survey->facts, ended, strlen(ended), error);
}

gboolean survey_fact(Survey *survey, const char *path, const RecordFile *file, GError **error) {
  json_auto_t *fact = json_deep_copy(file->declared);
  json_object_set_new(fact, "path", json_string(path));
  return fact_add(survey, fact, error);
}

/* One of all rows, "" when they differ. */
static void keep_common(char **common, const char *value) {
  if (!*value) return;
  if (*common == NULL) *common = g_strdup(value);
  else if (!g_str_equal(*common, value)) **common = '\0';
}

gboolean survey_record(Survey *survey, PackageRecord *record, GPtrArray *paths, GError **error) {
  const char *code = package_record_get(record, "档号");
  g_auto(CatalogCode) parts = {0};
  catalog_code_parse(code, &parts);
  if (parts.fonds) package_record_set(record, "全宗号", parts.fonds);
  if (parts.category && survey->house->catalog && catalog_category_by_code(survey->house->catalog, parts.category))
    package_record_set(record, "门类", parts.category);
  keep_common(&survey->fonds, package_record_get(record, "全宗号"));
  keep_common(&survey->fonds_title, package_record_get(record, "全宗名称"));
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint i = 0; i < paths->len; i++) g_string_append_printf(list, "%s%s", i ? "\n" : "", (const char *)paths->pdata[i]);
  if (list->len == 0 && record->exported) g_string_assign(list, NO_DOCUMENTS);
  if (list->len) json_object_set_new(record->row, "文件", json_string(list->str));
  survey->record_count++;
  if (!*code) survey_tell(survey, "catalogue", package_record_get(record, "题名"), "这一条没有档号");
  else if (!g_hash_table_add(survey->codes, g_strdup(code))) survey_tell(survey, "catalogue", code, "档号在目录中重复");
  return package_table_row(survey->table, record->row, error);
}

/* ---- what the package says of itself ---- */

static const struct { const char *key; const char *const *words; } DECLARED[] = {
  {"body", (const char *const[]){"移交单位", "移交机构", "Source-Organization", NULL}},
  {"description", (const char *const[]){"内容描述", "内容说明", "External-Description", NULL}},
  {"codes", (const char *const[]){"起止档号", NULL}},
  {"first_code", (const char *const[]){"起始档号", "起档号", NULL}}, {"last_code", (const char *const[]){"终止档号", "止档号", NULL}},
  {"volumes", (const char *const[]){"案卷总数", "案卷数量", NULL}},
  {"items", (const char *const[]){"档案数量", "文件总数", "移交电子档案数量", "文件数量", NULL}},
  {"bytes", (const char *const[]){"数据量", "移交数据量", "数据容量", NULL}},
  {"environment", (const char *const[]){"软硬件环境", NULL}}, {"carrier", (const char *const[]){"载体编号", "载体起止顺序号", "Bag-Group-Identifier", NULL}},
  {"digest", (const char *const[]){"数字摘要", "摘要", "校验码", NULL}}};

/* The number before one of the units; -1: none. */
static gint64 count_before(const char *text, const char *const *units) {
  for (; *units; units++) {
    const char *at = strstr(text, *units), *end = at;
    while (at && at > text && at[-1] == ' ') at--;
    end = at;
    while (at && at > text && g_ascii_isdigit(at[-1])) at--;
    if (at && at < end) return g_ascii_strtoll(at, NULL, 10);
  }
  return -1;
}

static void declare_counts(Survey *survey, const char *key, const char *value) {
  static const char *const volumes[] = {"卷", NULL}, *const items[] = {"件", "份", "条", "个文件", NULL};
  gint64 volume_count = count_before(value, volumes), item_count = count_before(value, items);
  if (volume_count < 0 && item_count < 0 && g_ascii_isdigit(*value))
    *(g_str_equal(key, "volumes") ? &volume_count : &item_count) = g_ascii_strtoll(value, NULL, 10);
  if (volume_count >= 0) json_object_set_new(survey->declared, "volumes", json_integer(volume_count));
  if (item_count >= 0) json_object_set_new(survey->declared, "items", json_integer(item_count));
}

static void declare_bytes(Survey *survey, const char *value) {
  static const struct { const char *unit; double bytes; } units[] = {{"TB", 1099511627776.0}, {"GB", 1073741824.0}, {"MB", 1048576.0}, {"KB", 1024.0},
    {"G", 1073741824.0}, {"M", 1048576.0}, {"字节", 1.0}, {"B", 1.0}};
  char *end = NULL;
  const char *start = value + strcspn(value, "0123456789");
  double number = g_ascii_strtod(start, &end);
  if (end == start || !(number >= 0 && number < 1e15)) return;
  while (*end == ' ') end++;
  for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
    if (g_ascii_strncasecmp(end, units[i].unit, strlen(units[i].unit)) != 0) continue;
    json_object_set_new(survey->declared, "bytes", json_integer((json_int_t)(number * units[i].bytes + 0.5)));
    return;
  }
}

static void declare_codes(Survey *survey, const char *value) {
  g_auto(GStrv) parts = g_regex_split_simple("\\s*(?:至|到|—+|~|～|－－|\\s-\\s)\\s*", value, 0, 0);
  if (g_strv_length(parts) != 2) return;
  json_object_set_new(survey->declared, "first_code", json_string(g_strstrip(parts[0])));
  json_object_set_new(survey->declared, "last_code", json_string(g_strstrip(parts[1])));
}

void survey_declare(Survey *survey, const char *label, const char *value) {
  if (!*value) return;
  g_autoptr(GRegex) ornament = g_regex_new("^[（(]?[0-9一二三四五六七八九十]+[)）.、．]\\s*|[*＊\\s]", 0, 0, NULL); /* numbering, marks of what is required */
  g_autofree char *name = g_regex_replace_literal(ornament, label, -1, 0, "", 0, NULL);
  json_array_append_new(survey->fields, json_pack("{s:s, s:s}", "label", name, "value", value));
  for (guint i = 0; i < G_N_ELEMENTS(DECLARED); i++) {
    if (!g_strv_contains(DECLARED[i].words, name)) continue;
    const char *key = DECLARED[i].key;
    if (g_str_equal(key, "codes")) declare_codes(survey, value);
    else if (g_str_equal(key, "items") || g_str_equal(key, "volumes")) declare_counts(survey, key, value);
    else if (g_str_equal(key, "bytes")) declare_bytes(survey, value);
    else if (json_object_get(survey->declared, key) == NULL) json_object_set_new(survey->declared, key, json_string(value));
    return;
  }
}

void survey_readme_complete(Survey *survey, const char *path) {
  static const char *const required[] = {"移交单位", "内容描述", "起止档号", "档案数量", "软硬件环境"};
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *field;
  json_array_foreach(survey->fields, i, field) g_hash_table_add(seen, (gpointer)json_string_value(json_object_get(field, "label")));
  for (guint r = 0; r < G_N_ELEMENTS(required); r++)
    if (!g_hash_table_contains(seen, required[r])) survey_tell(survey, "readme", path, "说明文件中没有必填的“%s”", required[r]);
}

gboolean survey_readme_text(Survey *survey, const char *path, GError **error) {
  g_autofree char *full = survey_full(survey, path), *bytes = NULL;
  const PackageFile *file = package_files_at(survey->files, path);
  g_autoptr(GError) failure = NULL;
  gsize length = 0;
  const char *encoding = NULL;
  if (file && file->size_bytes > README_BYTES_MAX) return survey_tell(survey, "readme", path, "说明文件超过 4 MB，没有读"), TRUE;
  if ((bytes = beneath_read(full, README_BYTES_MAX, &length)) == NULL) return survey_tell(survey, "readme", path, "说明文件读不出来"), TRUE;
  g_autofree char *text = text_decode(bytes, length, &encoding, &failure);
  if (text == NULL) return survey_tell(survey, "encoding", path, "说明文件的编码无法识别：%s", failure->message), TRUE;
  if (survey->encoding == NULL) survey->encoding = g_strdup(encoding);
  g_autoptr(GArray) fields = readme_fields(text);
  for (guint i = 0; i < fields->len; i++) {
    const TagField *field = &g_array_index(fields, TagField, i);
    survey_declare(survey, field->label, field->value);
  }
  survey_readme_complete(survey, path);
  return TRUE;
}

/* ---- files by themselves ---- */

static gboolean is_litter(const char *path) {
  g_autofree char *base = g_path_get_basename(path);
  return g_ascii_strcasecmp(base, "Thumbs.db") == 0 || g_ascii_strcasecmp(base, "desktop.ini") == 0 || g_str_equal(base, ".DS_Store") ||
    g_str_has_prefix(base, "._") || g_str_has_prefix(base, "~$") || g_str_has_prefix(path, "__MACOSX/");
}

static char *stem_of(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && dot != name && strlen(dot) <= 12 ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
}

/* A top-level name and its files become a record. */
static gboolean document_record(Survey *survey, const char *name, gboolean folder, GPtrArray *paths, GError **error) {
  g_autoptr(PackageRecord) record = package_record_new();
  const char *called = unpacked_name(survey->unpacked, name);
  g_autofree char *stem = folder ? g_strdup(called) : stem_of(called);
  g_auto(CatalogCode) code = {0};
  catalog_code_parse(stem, &code);
  package_record_set(record, "档号", g_hash_table_contains(survey->codes, stem) ? called : stem);
  g_autofree char *full = folder ? NULL : survey_full(survey, name), *title = full ? package_title(full, called) : NULL;
  package_record_set(record, "题名", title ? title : stem);
  gsize size = 0;
  for (guint i = 0; i < paths->len; i++) size += strlen(paths->pdata[i]) + 1;
  if (size > DOCUMENT_LIST_MAX) { /* the folder's name stands for all in it */
    g_ptr_array_set_size(paths, 0);
    g_ptr_array_add(paths, g_strdup(name));
  }
  return survey_record(survey, record, paths, error);
}

static gboolean layout_documents(Survey *survey, GError **error) {
  g_autofree char *current = NULL;
  g_autoptr(GPtrArray) all = g_ptr_array_new(), paths = g_ptr_array_new_with_free_func(g_free);
  GPtrArray *files = package_files_all(survey->files);
  g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < files->len; i++) {
    const PackageFile *file = files->pdata[i];
    if (is_litter(file->path)) continue;
    if (survey_stopped(survey, error)) return FALSE;
    g_autofree char *top = g_strndup(file->path, strcspn(file->path, "/"));
    gboolean folder = strlen(top) < strlen(file->path);
    if (!g_hash_table_add(done, g_strdup(top))) continue;
    g_ptr_array_set_size(paths, 0);
    g_autoptr(GPtrArray) inside = folder ? package_files_under(survey->files, top) : NULL;
    for (guint k = 0; inside && k < inside->len; k++) {
      const PackageFile *each = inside->pdata[k];
      if (!is_litter(each->path)) g_ptr_array_add(paths, g_strdup(each->path));
    }
    if (!folder) g_ptr_array_add(paths, g_strdup(file->path));
    if (!document_record(survey, top, folder, paths, error)) return FALSE;
  }
  return TRUE;
}

/* ---- which layout ---- */

static gboolean has_root_file(const Survey *survey, const char *name) {
  PackageFile *file = package_files_at(survey->files, name); /* any case */
  return file != NULL;
}

static gboolean holds_eep(const Survey *survey) {
  static const char *const extensions[] = {"xml", "eep", NULL};
  GPtrArray *all = package_files_all(survey->files);
  for (guint i = 0, probed = 0; i < all->len && probed < PROBE_MAX; i++) {
    const PackageFile *file = all->pdata[i];
    if (!path_has_extension(file->path, extensions)) continue;
    g_autofree char *full = survey_full(survey, file->path);
    probed++;
    if (xml_root_is(full, "电子文件封装包")) return TRUE;
  }
  return FALSE;
}

/* A catalogue that lies at the root: catalogue.csv, 目录*, or the only table beside other files. */
static const PackageFile *find_table(const Survey *survey) {
  GPtrArray *all = package_files_all(survey->files);
  const PackageFile *only = NULL;
  guint tables = 0, others = 0;
  for (guint i = 0; i < all->len; i++) {
    const PackageFile *file = all->pdata[i];
    gboolean table = strchr(file->path, '/') == NULL && path_has_extension(file->path, TABLES);
    if (table && (g_ascii_strncasecmp(file->path, "catalogue.", 10) == 0 || strstr(file->path, "目录"))) return file;
    tables += table;
    others += !table && !is_litter(file->path);
    if (table) only = file;
  }
  return tables == 1 && others > 0 ? only : NULL;
}

/* Not inlined: gcc would compare the words with one another and call that a mistake. */
__attribute__((noinline)) static const char *detect(const Survey *survey) {
  if (has_root_file(survey, "说明文件.xml")) return "vendor";
  if (has_root_file(survey, "文件目录.xml") || has_root_file(survey, "案卷目录.xml")) return "2012";
  if (has_root_file(survey, "目录文件.xml")) return "dat93";
  if (holds_eep(survey)) return "eep";
  if (has_root_file(survey, "说明文件.txt")) {
    g_autofree char *archive = survey_full(survey, "电子档案");
    return g_file_test(archive, G_FILE_TEST_IS_DIR) ? "2012" : "dat93";
  }
  return "documents";
}

/* ---- bags ---- */

static void tell_bag(Survey *survey, Bag *bag) {
  json_auto_t *result = bag_result(bag);
  size_t i;
  json_t *fault, *field;
  json_array_foreach(json_object_get(result, "errors"), i, fault)
    survey_tell(survey, "consistency", text_at(fault, "path"), "%s %s", text_at(fault, "code"), text_at(fault, "text"));
  json_array_foreach(bag_fields(bag), i, field) survey_declare(survey, text_at(field, "label"), text_at(field, "value"));
  json_object_set_new(survey->declared, "bag_version", json_string(text_at(result, "version")));
}

/* What the bag's manifests say of the files goes with what else is declared of them. */
static gboolean declare_bag_files(Survey *survey, GError **error) {
  GPtrArray *all = package_files_all(survey->files);
  for (guint i = 0; survey->bag && i < all->len; i++) {
    const PackageFile *file = all->pdata[i];
    g_autofree char *path = g_strconcat(survey->bag_prefix, file->path, NULL);
    json_t *digests = bag_digests(survey->bag, path);
    if (digests == NULL) continue;
    json_auto_t *fact = json_pack("{s:s, s:o}", "path", file->path, "digest", digests);
    if (!fact_add(survey, fact, error)) return FALSE;
  }
  return TRUE;
}

/* ---- the whole ---- */

/* The folder itself, or the only folder in it. */
static char *pass_through(const char *folder) {
  char *at = g_strdup(folder);
  for (guint n = 0; n < PASS_THROUGH_MAX; n++) {
    g_autoptr(GDir) dir = g_dir_open(at, 0, NULL);
    const char *name = dir ? g_dir_read_name(dir) : NULL;
    if (name && g_str_equal(name, "__MACOSX")) name = g_dir_read_name(dir);
    const char *second = name ? g_dir_read_name(dir) : NULL;
    if (name == NULL || (second && !g_str_equal(second, "__MACOSX"))) break;
    g_autofree char *inner = g_build_filename(at, name, NULL);
    struct stat state;
    if (!g_utf8_validate(name, -1, NULL) || lstat(inner, &state) != 0 || !S_ISDIR(state.st_mode)) break;
    g_free(at);
    at = g_steal_pointer(&inner);
  }
  return at;
}

static void survey_clear(Survey *survey) {
  g_clear_pointer(&survey->files, package_files_free);
  g_clear_pointer(&survey->table, package_table_free);
  g_clear_pointer(&survey->facts, row_writer_free);
  g_clear_pointer(&survey->bag, bag_free);
  g_clear_pointer(&survey->codes, g_hash_table_unref);
  json_t *lists[] = {survey->structure, survey->declared, survey->own, survey->fields, survey->unpacked};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) json_decref(lists[i]);
  g_free(survey->root);
  g_free(survey->ready_table);
  g_free(survey->encoding);
  g_free(survey->fonds);
  g_free(survey->fonds_title);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Survey, survey_clear)

static const char *label_of(const char *layout) {
  for (guint i = 0; i < G_N_ELEMENTS(LAYOUTS); i++)
    if (g_str_equal(LAYOUTS[i].layout, layout)) return LAYOUTS[i].label;
  return layout;
}

/* A single file stands in a folder of its own, so that paths are relative to one. */
static char *folder_of(const char *path, const char *work, GError **error) {
  if (g_file_test(path, G_FILE_TEST_IS_DIR)) return pass_through(path);
  g_autofree char *folder = g_build_filename(work, "single", NULL), *base = g_path_get_basename(path), *target = g_build_filename(folder, base, NULL);
  folder_remove(folder);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  g_autofree char *full = g_canonicalize_filename(path, NULL);
  if (!g_file_test(full, G_FILE_TEST_IS_REGULAR)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有文件或目录 %s", path);
  if (!package_link(full, target, error)) return NULL;
  return g_steal_pointer(&folder);
}

static gboolean survey_begin(Survey *survey, const char *path, GError **error) {
  g_autofree char *extracted = g_build_filename(survey->work, "extracted", NULL), *facts = g_build_filename(survey->work, FACTS_NAME, NULL);
  g_autofree char *unpacked = g_build_filename(survey->work, UNPACKED_NAME, NULL);
  survey->unpacked = json_load_file(unpacked, 0, NULL);
  survey->structure = json_array();
  survey->declared = json_object();
  survey->own = json_array();
  survey->fields = json_array();
  survey->codes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!folder_remove(extracted) || g_mkdir_with_parents(extracted, 0700) != 0)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", extracted, error_reason(errno));
  survey->root = folder_of(path, survey->work, error);
  survey->table = survey->root ? package_table_new(survey->work, error) : NULL;
  survey->facts = survey->table ? row_writer_new(facts, error) : NULL;
  return survey->facts != NULL;
}

static void enter_bag(Survey *survey) {
  g_autofree char *mark = survey_full(survey, "bagit.txt"), *data = g_build_filename(survey->root, "data", NULL);
  if (!g_file_test(mark, G_FILE_TEST_IS_REGULAR)) return;
  survey->layout = "bagit";
  survey->bag = bag_open(survey->root);
  bag_verify(survey->bag, survey->job);
  tell_bag(survey, survey->bag);
  survey->bag_prefix = "data/";
  struct stat state;
  if (lstat(data, &state) != 0 || !S_ISDIR(state.st_mode)) return; /* a link may lead anywhere */
  g_free(survey->root);
  survey->root = g_steal_pointer(&data);
  survey->unpacked = unpacked_below(survey->unpacked, "data");
}

static gboolean survey_read(Survey *survey, const char **ret_inner, GError **error) {
  enter_bag(survey);
  survey->files = package_files_new(survey, "");
  const char *outer = survey->layout, *inner = detect(survey);
  const PackageFile *table = g_str_equal(inner, "documents") ? find_table(survey) : NULL;
  survey->layout = *ret_inner = inner;
  gboolean good = TRUE;
  if (table) {
    survey->ready_table = survey_full(survey, table->path);
    survey_own(survey, table->path);
    GPtrArray *all = package_files_all(survey->files);
    for (guint i = 0; i < all->len; i++) {
      const PackageFile *file = all->pdata[i];
      if (outer && g_str_has_suffix(file->path, "/metadata.json")) survey_own(survey, file->path);
    }
  } else if (g_str_equal(inner, "documents")) good = layout_documents(survey, error);
  else if (g_str_equal(inner, "eep")) good = layout_eep(survey, error);
  else good = layout_catalogues(survey, error);
  if (outer) survey->layout = outer;
  return good && (g_str_equal(inner, "eep") || declare_bag_files(survey, error));
}

static json_t *survey_result(Survey *survey, const char *path, const char *inner, GError **error) {
  g_autofree char *made = survey->ready_table ? NULL : package_table_close(survey->table, error);
  if (survey->ready_table == NULL && made == NULL) return NULL;
  if (!row_writer_close(survey->facts, error)) return NULL;
  g_autofree char *documents = g_str_equal(inner, "eep") ? g_build_filename(survey->work, "extracted", NULL) : g_strdup(survey->root);
  g_autofree char *facts = g_build_filename(survey->work, FACTS_NAME, NULL), *name = g_path_get_basename(path);
  if (json_array_size(survey->fields)) json_object_set(survey->declared, "fields", survey->fields);
  json_t *result = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:s, s:s, s:s, s:I}", "layout", survey->layout, "layout_label",
    label_of(survey->layout), "table", survey->ready_table ? survey->ready_table : made, "documents", documents, "encoding",
    survey->encoding ? survey->encoding : "", "declared", survey->declared, "structure",
    survey->structure, "surplus_expected", survey->own, "fonds", survey->fonds ? survey->fonds : "", "fonds_title",
    survey->fonds_title ? survey->fonds_title : "", "name", name, "rows", (json_int_t)survey->record_count);
  if (result == NULL) return throw_null(error, LANTAI_ERROR_INTERNAL, "信息包的名称或路径不是 UTF-8，不能接收。请改名后再交");
  if (survey->fact_count) json_object_set_new(result, "files", json_string(facts));
  return result;
}

json_t *package_survey(const House *house, Job *job, const char *folder, const char *work, GError **error) {
  g_auto(Survey) survey = {.house = house, .job = job, .work = work};
  const char *inner = NULL;
  if (!survey_begin(&survey, folder, error) || !survey_read(&survey, &inner, error)) return NULL;
  return survey_result(&survey, folder, inner, error);
}

/* ---- tables ---- */

gboolean package_is_table(const char *path) {
  static const char *const signs[] = {"%PDF", "<?xml", "<", "\x7f" "ELF", "\xff\xd8", "\x89PNG", NULL};
  char head[512] = {0};
  FILE *file = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? fopen(path, "rbe") : NULL;
  if (file == NULL) return FALSE;
  size_t got = fread(head, 1, sizeof head - 1, file);
  fclose(file);
  const char *start = head + (memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
  start += strspn(start, " \t\r\n");
  for (const char *const *sign = signs; *sign; sign++)
    if (g_str_has_prefix(start, *sign)) return FALSE;
  if (got > 262 && memcmp(head + 257, "ustar", 5) == 0) return FALSE;
  if (path_has_extension(path, TABLES)) return TRUE;
  json_auto_t *layout = layout_read(path, NULL);
  return layout != NULL;
}
