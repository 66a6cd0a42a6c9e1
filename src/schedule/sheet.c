/* Lines of a schedule from and to a spreadsheet, and the templates to begin with. */
#include "sheet.h"
#include "error.h"
#include "format.h"
#include "json.h"
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define BUILT_IN "/lantai/definitions/schedules"
enum { COLUMNS = 6, LEVELS = 3, HEAD_ROWS = 5, HEAD_CELLS = 60, PATH_COLUMN = 1 };
static const struct { const char *key; const char *const names[10]; } HEADS[COLUMNS] = {
  {"code", {"编号", "条款号", "序号", "分类号", "代码", "类目号", "类目编号", "类别号", "顺序号", NULL}},
  {"path", {"类目", "类目名称", "分类", "类别", "类别名称", "分类名称", "实体分类名称", "机构或问题", NULL}},
  {"matter", {"归档范围", "文件材料归档范围", "归档范围（内容）", "归档文件范围", "内容", "文件材料", NULL}},
  {"retention", {"保管期限", "期限", "保管年限", NULL}}, {"opening", {"开放意见", "开放状态", "开放标识", NULL}}, {"note", {"备注", "说明", NULL}}};
static const char *const LEVEL_HEADS[LEVELS][5] = {
  {"一级类目", "一级类别", "一级分类", "大类", NULL}, {"二级类目", "二级类别", "二级分类", "属类", NULL}, {"三级类目", "三级类别", "三级分类", "小类", NULL}};

typedef struct {
  int at[COLUMNS], level_at[LEVELS]; /* -1: the table has no such column */
  char *level[LEVELS];               /* as last written: merged cells */
  json_t *ignored;                   /* names of columns that nothing is taken from */
} Head;

static void head_clear(Head *head) {
  for (guint i = 0; i < LEVELS; i++) g_free(head->level[i]);
  json_decref(head->ignored);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Head, head_clear)

static int column_named(const TableRow *row, const char *const *names, guint64 *taken) {
  for (; *names != NULL; names++)
    for (guint i = 0; i < MIN(row->count, HEAD_CELLS); i++) {
      if (!g_str_equal(row->cells[i], *names)) continue;
      *taken |= G_GUINT64_CONSTANT(1) << i;
      return (int)i;
    }
  return -1;
}

/* A head has at least the matter and the retention. */
static gboolean find_head(const TableRow *row, Head *head) {
  guint64 taken = 0;
  for (guint i = 0; i < COLUMNS; i++) head->at[i] = column_named(row, HEADS[i].names, &taken);
  for (guint i = 0; i < LEVELS; i++) head->level_at[i] = column_named(row, LEVEL_HEADS[i], &taken);
  if (head->at[2] < 0 || head->at[3] < 0) return FALSE;
  for (guint i = 0; i < MIN(row->count, HEAD_CELLS); i++)
    if (row->cells[i][0] != '\0' && !(taken >> i & 1) && g_utf8_validate(row->cells[i], -1, NULL)) json_array_append_new(head->ignored, json_string(row->cells[i]));
  return TRUE;
}

static char *cell_at(const TableRow *row, int column) {
  const char *cell = column >= 0 && (guint)column < row->count ? row->cells[column] : "";
  return g_strstrip(g_strdup(g_utf8_validate(cell, -1, NULL) ? cell : ""));
}

/* 大类/属类/小类 of columns of their own; what is left out is as in the row before. NULL: the table has no such columns. */
static char *levels_path(const TableRow *row, Head *head) {
  GString *path = NULL;
  for (guint i = 0; i < LEVELS; i++) {
    if (head->level_at[i] < 0) continue;
    g_autofree char *text = cell_at(row, head->level_at[i]);
    for (guint k = i; *text != '\0' && k < LEVELS; k++) g_clear_pointer(&head->level[k], g_free);
    if (*text != '\0') head->level[i] = g_steal_pointer(&text);
    if (path == NULL) path = g_string_new(NULL);
    if (head->level[i] != NULL) g_string_append_printf(path, "%s%s", path->len > 0 ? "/" : "", head->level[i]);
  }
  return path == NULL ? NULL : g_string_free(path, FALSE);
}

/* NULL: an empty row. */
static json_t *row_at(const TableRow *row, Head *head) {
  json_t *line = json_object();
  gboolean any = FALSE;
  for (guint i = 0; i < COLUMNS; i++) {
    g_autofree char *text = cell_at(row, head->at[i]);
    any = any || text[0] != '\0';
    json_object_set_new(line, HEADS[i].key, json_string(text));
  }
  g_autofree char *path = levels_path(row, head);
  if (path != NULL && *text_at(line, "path") == '\0') json_object_set_new(line, "path", json_string(path));
  if (!any) return json_decref(line), NULL;
  return line;
}

/* ---- lines that are only headings: 1 党群工作, 1.1 组织, 1.1.1 干部任免 … ---- */

static gboolean is_below(const char *code, const char *above) {
  gsize length = strlen(above);
  if (length == 0 || !g_str_has_prefix(code, above)) return FALSE;
  return code[length] == '.' || code[length] == '-' || g_str_has_prefix(code + length, "·") || g_str_has_prefix(code + length, "．");
}

/* Without retention and matter it names what follows; with a matter, when lines below its number follow at once. The last row names nothing. */
static gboolean is_heading(json_t *rows, size_t place) {
  json_t *row = json_array_get(rows, place);
  if (*text_at(row, "retention") != '\0' || place + 1 == json_array_size(rows)) return FALSE;
  if (*text_at(row, "matter") == '\0') return *text_at(row, "path") != '\0';
  return is_below(text_at(json_array_get(rows, place + 1), "code"), text_at(row, "code"));
}

/* The heading it stands under: of the longest number that begins its own, else the last without a number. NULL: none. */
static json_t *heading_of(json_t *headings, const char *code) {
  json_t *found = NULL, *heading;
  size_t i;
  json_array_foreach(headings, i, heading) {
    const char *above = text_at(heading, "code"), *best = text_at(found, "code");
    if (*above == '\0' ? *best == '\0' : is_below(code, above) && strlen(above) > strlen(best)) found = heading;
  }
  return found;
}

static json_t *within(json_t *heading, const char *name) {
  const char *above = text_at(heading, "path");
  if (*above == '\0' || *name == '\0') return json_string(*name != '\0' ? name : above);
  return g_str_has_prefix(name, above) ? json_string(name) : json_sprintf("%s/%s", above, name);
}

static json_t *lines_of(json_t *rows) {
  json_auto_t *headings = json_array();
  json_t *lines = json_array(), *row;
  g_autofree char *before = g_strdup("");
  size_t i;
  json_array_foreach(rows, i, row) {
    json_t *heading = heading_of(headings, text_at(row, "code"));
    if (is_heading(rows, i)) {
      const char *name = *text_at(row, "path") != '\0' ? text_at(row, "path") : text_at(row, "matter");
      gboolean numbered = is_below(text_at(json_array_get(rows, i + 1), "code"), text_at(row, "code")); /* 一 above 1, 2 is not */
      json_t *path = numbered ? within(heading, name) : json_string(name);
      json_array_append_new(headings, json_pack("{s:s, s:o}", "code", numbered ? text_at(row, "code") : "", "path", path));
      g_free(before);
      before = g_strdup("");
      continue;
    }
    json_t *path = within(heading, text_at(row, "path"));
    if (json_string_length(path) == 0) json_string_set(path, before); /* merged cells */
    g_free(before);
    before = g_strdup(json_string_value(path));
    json_object_set_new(row, "path", path);
    if (*text_at(row, "code") == '\0') json_object_set_new(row, "code", json_sprintf("%d", (int)json_array_size(lines) + 1));
    json_array_append(lines, row);
  }
  return lines;
}

json_t *schedule_sheet_read(const char *path, GError **error) {
  g_autoptr(TableReader) reader = format_table_open(path, error);
  if (reader == NULL) return NULL;
  json_auto_t *rows = json_array();
  g_auto(Head) head = {.ignored = json_array()};
  gboolean found = FALSE;
  TableRow row;
  guint seen = 0;
  g_autoptr(GError) local = NULL;
  while (format_table_next(reader, &row, &local)) {
    if (!found) {
      found = find_head(&row, &head);
      if (!found && ++seen > HEAD_ROWS) break;
      continue;
    }
    json_t *line = row_at(&row, &head);
    if (line != NULL) json_array_append_new(rows, line);
    if (json_array_size(rows) > 2 * SCHEDULE_LINES_MAX) break;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (!found) return throw_null(error, LANTAI_ERROR_INVALID, "表的前几行没有“归档范围”和“保管期限”两个表头。请照导出的表填写");
  json_auto_t *lines = lines_of(rows);
  if (json_array_size(lines) > SCHEDULE_LINES_MAX) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "表中超过 %d 条，请分门类编制", SCHEDULE_LINES_MAX);
  return json_pack("{s:O, s:O}", "lines", lines, "ignored", head.ignored);
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
