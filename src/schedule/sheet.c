/* Lines of a schedule from and to a spreadsheet, and the templates to begin with. */
#include "sheet.h"
#include "error.h"
#include "format.h"
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define BUILT_IN "/lantai/definitions/schedules"
enum { COLUMNS = 6, HEAD_ROWS = 5 };
static const struct { const char *key; const char *const names[6]; } HEADS[COLUMNS] = {
  {"code", {"编号", "条款号", "序号", "分类号", "代码", NULL}}, {"path", {"类目", "分类", "类别", "实体分类名称", "机构或问题", NULL}},
  {"matter", {"归档范围", "文件材料归档范围", "归档范围（内容）", "内容", "文件材料", NULL}}, {"retention", {"保管期限", "期限", NULL}},
  {"opening", {"开放意见", "开放状态", "开放标识", NULL}}, {"note", {"备注", "说明", NULL}}};

static int column_named(const TableRow *row, guint key) {
  for (const char *const *name = HEADS[key].names; *name != NULL; name++)
    for (guint i = 0; i < row->count; i++)
      if (g_str_equal(row->cells[i], *name)) return (int)i;
  return -1;
}

/* A head has at least the matter and the retention. */
static gboolean find_head(const TableRow *row, int columns[COLUMNS]) {
  for (guint i = 0; i < COLUMNS; i++) columns[i] = column_named(row, i);
  return columns[2] >= 0 && columns[3] >= 0;
}

static json_t *line_at(const TableRow *row, const int columns[COLUMNS], const char *path_before, gsize place) {
  json_t *line = json_object();
  gboolean any = FALSE;
  for (guint i = 0; i < COLUMNS; i++) {
    g_autofree char *text = g_strdup(columns[i] >= 0 && (guint)columns[i] < row->count ? row->cells[columns[i]] : "");
    g_strstrip(text);
    any = any || text[0] != '\0';
    json_object_set_new(line, HEADS[i].key, json_string(g_utf8_validate(text, -1, NULL) ? text : ""));
  }
  if (!any) return json_decref(line), NULL;
  if (json_string_length(json_object_get(line, "path")) == 0) json_object_set_new(line, "path", json_string(path_before)); /* merged cells */
  if (json_string_length(json_object_get(line, "code")) == 0) json_object_set_new(line, "code", json_sprintf("%d", (int)place));
  return line;
}

json_t *schedule_sheet_read(const char *path, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return NULL;
  json_auto_t *lines = json_array();
  int columns[COLUMNS];
  gboolean head = FALSE;
  TableRow row;
  guint seen = 0;
  g_autofree char *before = g_strdup("");
  g_autoptr(GError) local = NULL;
  while (format_table_next(reader, &row, &local)) {
    if (!head) {
      head = find_head(&row, columns);
      if (!head && ++seen > HEAD_ROWS) break;
      continue;
    }
    json_t *line = line_at(&row, columns, before, json_array_size(lines) + 1);
    if (line == NULL) continue;
    g_free(before);
    before = g_strdup(json_string_value(json_object_get(line, "path")));
    json_array_append_new(lines, line);
    if (json_array_size(lines) > SCHEDULE_LINES_MAX) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "表中超过 %d 条，请分门类编制", SCHEDULE_LINES_MAX);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (!head) return throw_null(error, LANTAI_ERROR_INVALID, "表的前几行没有“归档范围”和“保管期限”两个表头。请照导出的表填写");
  return g_steal_pointer(&lines);
}

static gboolean write_rows(json_t *lines, const char *path, GError **error) {
  static const char *const header[] = {"编号", "类目", "归档范围", "保管期限", "开放意见", "备注", NULL};
  TableWriter *writer = format_xlsx_new(path, "三合一制度", header, error);
  if (writer == NULL) return FALSE;
  size_t i;
  json_t *line;
  json_array_foreach(lines, i, line) {
    const char *cells[COLUMNS + 1] = {NULL};
    for (guint k = 0; k < COLUMNS; k++) {
      const char *text = json_string_value(json_object_get(line, HEADS[k].key));
      cells[k] = text != NULL ? text : "";
    }
    format_xlsx_row(writer, cells);
  }
  return format_xlsx_close(writer, error);
}

int schedule_sheet_write(json_t *lines, GError **error) {
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp("lantai-XXXXXX.xlsx", &path, error);
  if (fd < 0) return -1;
  gboolean good = write_rows(lines, path, error);
  close(fd);
  fd = good ? g_open(path, O_RDONLY | O_CLOEXEC, 0) : -1; /* the writer may have put another file in its place */
  g_unlink(path);
  if (fd < 0 && good) throw(error, LANTAI_ERROR_UNAVAILABLE, "表格没有写成，请检查临时目录的空间");
  return fd;
}

/* ---- templates ---- */

static gboolean name_valid(const char *name) { return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name); }

static json_t *load_template(const char *dir, const char *name, GError **error) {
  if (!name_valid(name)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个范本");
  g_autofree char *path = g_strdup_printf("schedules/%s.yaml", name);
  return yaml_load_definition(dir, path, error);
}

json_t *schedule_template_lines(const char *dir, const char *name, GError **error) {
  json_auto_t *document = load_template(dir, name, error);
  json_t *lines = json_object_get(document, "lines");
  if (document == NULL) return NULL;
  return json_is_array(lines) ? json_incref(lines) : throw_null(error, LANTAI_ERROR_INVALID, "范本 %s 缺少 lines", name);
}

static void add_name(GHashTable *names, const char *file) {
  if (g_str_has_suffix(file, ".yaml")) g_hash_table_add(names, g_strndup(file, strlen(file) - strlen(".yaml")));
}

json_t *schedule_templates(const char *dir, GError **error) {
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_auto(GStrv) built_in = g_resources_enumerate_children(BUILT_IN, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  for (char **name = built_in; name != NULL && *name != NULL; name++) add_name(names, *name);
  g_autofree char *folder = dir == NULL ? NULL : g_build_filename(dir, "definitions", "schedules", NULL);
  g_autoptr(GDir) files = folder == NULL ? NULL : g_dir_open(folder, 0, NULL);
  const char *file;
  while (files != NULL && (file = g_dir_read_name(files)) != NULL) add_name(names, file);
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
  json_t *list = json_array();
  for (GList *at = sorted; at != NULL; at = at->next) {
    json_auto_t *document = load_template(dir, at->data, NULL);
    const char *title = json_string_value(json_object_get(document, "title"));
    if (title != NULL) json_array_append_new(list, json_pack("{s:s, s:s}", "name", (const char *)at->data, "title", title));
  }
  return list;
}
