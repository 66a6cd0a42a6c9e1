/*
 * The transfer layout of DA/T 93-2022, annex B: 说明文件.TXT, 目录文件.XML, and 全宗/门类/年度/[案卷/]档号/ with 元数据.XML and the content files; 其他/.
 * 元数据.XML holds every value under our own labels in 著录项集 (an element of that name, or 著录项 with 名称 and 内容 where XML takes no such name), and the
 * files with their digests.
 */
#include "internal.h"
#include "error.h"
#include <string.h>

typedef struct {
  Spool *list;
  Xml *xml;
} Transfer;

static char *xml_text_of(Export *export, const char *text, gsize *ret_length, GError **error) {
  if (export->gb18030) return g_convert(text, -1, "GB18030", "UTF-8", NULL, ret_length, error);
  *ret_length = strlen(text);
  return g_strdup(text);
}

gboolean export_readme(Export *export, const char *content, GError **error) {
  g_autofree char *day = export_day(), *entry = export_name(export, "说明文件.TXT");
  g_autofree char *code = export->code == NULL ? g_strdup("") : g_strdup_printf("档案馆代码：%s\r\n", export->code);
  g_autofree char *text = g_strdup_printf("移交单位：%s\r\n%s内容描述：%s。%s\r\n起止档号：%s—%s\r\n档案数量：%" G_GINT64_FORMAT
    " 卷，%" G_GINT64_FORMAT " 件\r\n文件数量：%" G_GINT64_FORMAT " 个文件\r\n数据量：%" G_GINT64_FORMAT
    " 字节\r\n软硬件环境：兰台数字档案馆系统 " LANTAI_VERSION "，GNU/Linux\r\n制作单位：%s\r\n制作日期：%s\r\n字符编码：%s\r\n", export->organization, code, export->title, content,
    export->first_code ? export->first_code : "", export->last_code ? export->last_code : "", export->expected.volumes,
    export->expected.records - export->expected.volumes, export->files, export->bytes,
    export->organization, day, export->gb18030 ? "GB18030" : "UTF-8");
  gsize length;
  g_autofree char *bytes = xml_text_of(export, text, &length, error);
  return bytes && package_writer_bytes(export->out, entry, bytes, length, NULL, error);
}

static gboolean begin_transfer(Export *export, GError **error) {
  Transfer *transfer = export->state = g_new0(Transfer, 1);
  if ((transfer->list = spool_new(export, error)) == NULL) return FALSE;
  transfer->xml = xml_aside(export, transfer->list);
  xml_open(transfer->xml, "文件目录", NULL);
  return TRUE;
}

static void list_record(const Export *export, const ExportItem *item, const char *folder) {
  const Transfer *transfer = export->state;
  const CatalogRecord *record = item->record;
  Xml *xml = transfer->xml;
  g_autofree char *day = record->date.from ? g_strdup_printf("%08d", record->date.from) : g_strdup("");
  json_auto_t *fields = record_fields_of(record);
  xml_open(xml, "文件", NULL);
  xml_number(xml, "顺序号", export->number);
  xml_leaf(xml, "档号", record->code);
  xml_leaf(xml, "责任者", record->creator);
  xml_leaf(xml, "题名", record->title);
  xml_leaf(xml, "日期", day);
  xml_leaf(xml, "保管期限", record->retention);
  xml_leaf(xml, "密级", security_label(record->security));
  if (record->page_count) xml_number(xml, "页数", record->page_count);
  else xml_leaf(xml, "页数", "");
  xml_leaf(xml, "备注", json_string_value(json_object_get(fields, "note")) ? json_string_value(json_object_get(fields, "note")) : "");
  g_autofree char *metadata = g_strconcat(folder, "/元数据.XML", NULL);
  xml_leaf(xml, "元数据路径", metadata);
  xml_close(xml);
}

/* As in DA/T 48: readers that know 文件数据 know these too. */
static void write_files(Xml *xml, const ExportItem *item, GPtrArray *names) {
  xml_open(xml, "文件数据", NULL);
  for (guint i = 0; i < item->files->len; i++) {
    const CatalogFile *file = item->files->pdata[i];
    xml_open(xml, "文档", NULL);
    xml_number(xml, "文档序号", i + 1);
    xml_leaf(xml, "题名", file->name);
    xml_open(xml, "电子属性", NULL);
    xml_leaf(xml, "格式信息", file->mime);
    xml_leaf(xml, "计算机文件名", names->pdata[i]);
    xml_number(xml, "计算机文件大小", file->size_bytes);
    xml_leaf(xml, "数字摘要算法", "SM3");
    xml_leaf(xml, "数字摘要", file->sm3);
    xml_close(xml);
    xml_close(xml);
  }
  xml_close(xml);
}

static gboolean write_metadata(Export *export, const ExportItem *item, const char *folder, GPtrArray *names, GError **error) {
  g_autofree char *path = g_strconcat(folder, "/元数据.XML", NULL), *entry = export_name(export, path);
  const char *const *header = listing_header(export->listing), *const *cells = listing_row(export->listing, item, "", error);
  if (cells == NULL || !package_writer_begin(export->out, entry, -1, error)) return FALSE;
  g_autoptr(Xml) xml = xml_entry(export);
  xml_open(xml, "元数据", NULL);
  xml_open(xml, "著录项集", NULL);
  for (guint i = 0; header[i]; i++) {
    if (*cells[i] == '\0') continue;
    if (xml_is_name(header[i])) {
      xml_leaf(xml, header[i], cells[i]);
      continue;
    }
    xml_open(xml, "著录项", NULL);
    xml_leaf(xml, "名称", header[i]);
    xml_leaf(xml, "内容", cells[i]);
    xml_close(xml);
  }
  xml_close(xml);
  if (item->files->len > 0) write_files(xml, item, names);
  return xml_finish(xml, error) && package_writer_end(export->out, NULL, error);
}

/* A folder's name is made of its own text alone, so that it is the same for all that lie in it. */
static char *folder_part(const char *text) {
  g_autoptr(Names) alone = names_new();
  return names_take(alone, *text ? text : "未定");
}

static char *record_folder(Export *export, const ExportItem *item) {
  g_autofree char *year_text = item->record->year ? g_strdup_printf("%d", item->record->year) : g_strdup("年度不详");
  g_autofree char *fonds = folder_part(item->fonds->code), *category = folder_part(item->category ? item->category->title : "未分类"), *year = folder_part(year_text);
  g_autofree char *code = names_take(export->names, item->record->code);
  g_autofree char *volume = item->volume ? folder_part(item->volume->code) : NULL;
  return g_strdup_printf("%s/%s/%s/%s%s%s", fonds, category, year, volume ? volume : "", volume ? "/" : "", code);
}

static gboolean add_to_transfer(Export *export, const ExportItem *item, GError **error) {
  g_autofree char *folder = record_folder(export, item);
  g_autoptr(Names) taken = names_new();
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_free(names_take(taken, "元数据.XML"));
  for (guint i = 0; i < item->files->len; i++) g_ptr_array_add(names, names_take(taken, ((const CatalogFile *)item->files->pdata[i])->name));
  list_record(export, item, folder);
  if (!write_metadata(export, item, folder, names, error)) return FALSE;
  for (guint i = 0; i < item->files->len; i++) {
    g_autofree char *path = g_strdup_printf("%s/%s", folder, (const char *)names->pdata[i]);
    if (!export_file(export, item->files->pdata[i], path, error)) return FALSE;
  }
  return TRUE;
}

static gboolean end_transfer(Export *export, GError **error) {
  const Transfer *transfer = export->state;
  g_autofree char *note = g_strdup_printf("本包由兰台数字档案馆系统导出。元数据.XML 的“著录项集”列出全部著录项，“文件数据”列出各文件的大小和 SM3 数字摘要。\r\n未导出（不在利用范围内）：%" G_GINT64_FORMAT
    " 件目录，另有 %" G_GINT64_FORMAT " 件未含原文。\r\n", export->expected.left_out, export->expected.files_left_out);
  gsize length;
  g_autofree char *bytes = xml_text_of(export, note, &length, error), *entry = export_name(export, "其他/导出说明.TXT");
  return bytes && xml_finish(transfer->xml, error) && spool_into(transfer->list, export, "目录文件.XML", NULL, error) &&
    export_readme(export, "按 DA/T 93-2022 附录 B 组织", error) && package_writer_bytes(export->out, entry, bytes, length, NULL, error);
}

static void free_transfer(Export *export) {
  Transfer *transfer = export->state;
  if (transfer == NULL) return;
  xml_free(transfer->xml);
  spool_free(transfer->list);
  g_free(transfer);
}

const ExportFormat FORMAT_DAT93 = {"dat93", "移交数据包（DA/T 93）", "说明文件、目录文件、按全宗和档号分目录的元数据和原文", "zip", TRUE, begin_transfer, add_to_transfer, end_transfer, free_transfer};
