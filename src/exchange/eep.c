/*
 * EEP packages of DA/T 48-2009: one XML file a record, its files inside it in base64, and a 说明文件.TXT.
 *
 * 1. Elements stand in the order of the standard. Of what it demands and nobody knows, the element is there and empty; only a 年度 that is not known and the
 *    文件数据 of a record without files are left out, since they would say something false.
 * 2. 附注 carries every value under our own labels ("著录项〔男方姓名〕…"), so that nothing is lost that the standard has no element for.
 * 3. A volume is a package of its own (聚合层次 案卷, no data) beside those of its items, which name it.
 */
#include "internal.h"
#include "error.h"
#include <string.h>
#include <unistd.h>

#define NAMESPACE "http://www.saac.gov.cn/standards/ERM/encapsulation"

/* Fields of 文书档案 that the standard has elements for, in its order, and the ones between them. */
static const struct { const char *element, *key; } CONTENT_BEFORE[] = {{"主题词", "ztc"}, {"人名", "rm"}, {"摘要", "zy"}},
  CONTENT_MIDDLE[] = {{"文种", "wz"}, {"主送", "zsdw"}, {"抄送", "csdw"}};

static const char *own_value(const ExportItem *item, json_t *fields, const char *key) {
  if (item->category == NULL || !g_str_equal(item->category->code, "WS")) return NULL;
  return json_string_value(json_object_get(fields, key));
}

static void write_code(Xml *xml, const ExportItem *item) {
  const CatalogRecord *record = item->record;
  xml_open(xml, "档号", NULL);
  xml_text(xml, record->code);
  xml_leaf(xml, "全宗号", item->fonds->code);
  if (record->year) xml_number(xml, "年度", record->year);
  xml_leaf(xml, "保管期限", record->retention);
  xml_close(xml);
}

static void write_content(Xml *xml, const ExportItem *item) {
  const CatalogRecord *record = item->record;
  g_autofree char *date = record_date(record);
  json_auto_t *fields = record_fields_of(record);
  xml_open(xml, "内容描述", NULL);
  xml_leaf(xml, "题名", record->title);
  for (guint i = 0; i < G_N_ELEMENTS(CONTENT_BEFORE); i++) xml_optional(xml, CONTENT_BEFORE[i].element, own_value(item, fields, CONTENT_BEFORE[i].key));
  xml_optional(xml, "文件编号", record->docno);
  xml_leaf(xml, "责任者", record->creator);
  xml_leaf(xml, "日期", date);
  for (guint i = 0; i < G_N_ELEMENTS(CONTENT_MIDDLE); i++) xml_optional(xml, CONTENT_MIDDLE[i].element, own_value(item, fields, CONTENT_MIDDLE[i].key));
  xml_leaf(xml, "密级", security_label(record->security));
  xml_optional(xml, "保密期限", own_value(item, fields, "bmqx"));
  xml_close(xml);
  xml_open(xml, "形式特征", NULL);
  xml_leaf(xml, "文件组合类型", item->files->len > 1 ? "组合文件" : "单件");
  if (record->page_count) xml_number(xml, "页数", record->page_count);
  xml_optional(xml, "稿本", own_value(item, fields, "gb"));
  xml_close(xml);
}

static gboolean write_notes(Export *export, Xml *xml, const ExportItem *item, GError **error) {
  json_auto_t *fields = record_fields_of(item->record);
  xml_optional(xml, "附注", json_string_value(json_object_get(fields, "note")));
  const char *const *header = listing_header(export->listing), *const *cells = listing_row(export->listing, item, "", error);
  if (cells == NULL) return FALSE;
  for (guint i = 0; header[i]; i++) {
    if (*cells[i] == '\0') continue;
    g_autofree char *note = g_strdup_printf("著录项〔%s〕%s", header[i], cells[i]);
    xml_leaf(xml, "附注", note);
  }
  return TRUE;
}

/* ---- the files ---- */

static gboolean write_document(Export *export, Xml *xml, const CatalogFile *file, guint number, GError **error) {
  g_autofree char *document = g_strdup_printf("修改0-文档%u", number), *data = g_strconcat(document, "-文档数据1", NULL);
  g_autofree char *code = g_strconcat(data, "-编码1", NULL), *bytes = g_strconcat(code, "-编码数据1", NULL);
  g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, file->size_bytes);
  const char *dot = strrchr(file->name, '.');
  xml_open(xml, "文档", NULL);
  xml_leaf(xml, "文档标识符", document);
  xml_number(xml, "文档序号", number);
  xml_leaf(xml, "文档主从声明", number == 1 ? "主文档" : "附属文档");
  xml_leaf(xml, "题名", file->name);
  xml_open(xml, "文档数据", "文档数据ID", data, NULL);
  xml_open(xml, "编码", "编码ID", code, NULL);
  xml_open(xml, "电子属性", NULL);
  xml_optional(xml, "格式信息", file->mime);
  xml_leaf(xml, "计算机文件名", file->name);
  xml_leaf(xml, "计算机文件大小", size);
  xml_close(xml);
  xml_leaf(xml, "编码描述", "本封装包中“编码数据”元素存储的是计算机文件二进制流的Base64编码");
  xml_leaf(xml, "反编码关键字", dot && dot != file->name ? dot + 1 : "");
  int fd = export_file_open(export, file, error);
  if (fd < 0) return FALSE;
  xml_open(xml, "编码数据", "编码数据ID", bytes, NULL);
  xml_base64(xml, fd);
  close(fd);
  for (guint i = 0; i < 4; i++) xml_close(xml); /* 编码数据, 编码, 文档数据, 文档 */
  export->files++;
  export->bytes += file->size_bytes;
  return TRUE;
}

static gboolean write_entity(Export *export, Xml *xml, const ExportItem *item, const char *identity, GError **error) {
  xml_open(xml, "文件实体块", NULL);
  xml_open(xml, "文件实体", NULL);
  xml_leaf(xml, "聚合层次", level_label(item->record->level));
  xml_open(xml, "来源", NULL);
  xml_leaf(xml, "档案馆名称", export->organization);
  xml_optional(xml, "档案馆代码", export->code);
  xml_leaf(xml, "全宗名称", item->fonds->title);
  xml_leaf(xml, "立档单位名称", item->fonds->title);
  xml_close(xml);
  xml_leaf(xml, "电子文件号", identity);
  write_code(xml, item);
  write_content(xml, item);
  xml_open(xml, "存储位置", NULL);
  xml_leaf(xml, "当前位置", export->organization);
  xml_leaf(xml, "脱机载体编号", "");
  xml_close(xml);
  xml_open(xml, "权限管理", NULL);
  xml_leaf(xml, "控制标识", opening_label(item->record->opening));
  xml_close(xml);
  xml_leaf(xml, "信息系统描述", "兰台数字档案馆系统 " LANTAI_VERSION);
  if (!write_notes(export, xml, item, error)) return FALSE;
  if (item->files->len > 0) xml_open(xml, "文件数据", NULL);
  for (guint i = 0; i < item->files->len; i++)
    if (!write_document(export, xml, item->files->pdata[i], i + 1, error)) return FALSE;
  for (guint i = item->files->len > 0 ? 0 : 1; i < 3; i++) xml_close(xml); /* 文件数据, 文件实体, 文件实体块 */
  return TRUE;
}

/* ---- what was done to it, and who did it ---- */

/* The number of an agent in the list, from 1; added when new. */
static guint agent_number(GPtrArray *agents, const char *name) {
  guint at;
  if (!g_ptr_array_find_with_equal_func(agents, name, g_str_equal, &at)) {
    at = agents->len;
    g_ptr_array_add(agents, g_strdup(name));
  }
  return at + 1;
}

static void write_event(Xml *xml, GPtrArray *agents, json_t *event, guint number, const char *identity) {
  const char *actor = json_string_value(json_object_get(event, "actor"));
  g_autofree char *id = g_strdup_printf("修改0-业务%u", number), *moment = export_moment(json_integer_value(json_object_get(event, "at")));
  g_autofree char *agent = g_strdup_printf("修改0-机构人员%u", agent_number(agents, g_str_equal(actor, "system") ? agents->pdata[0] : actor));
  xml_open(xml, "业务实体", NULL);
  xml_leaf(xml, "业务标识符", id);
  xml_leaf(xml, "机构人员标识符", agent);
  xml_leaf(xml, "文件标识符", identity);
  xml_leaf(xml, "业务状态", "历史行为");
  xml_leaf(xml, "业务行为", json_string_value(json_object_get(event, "label")));
  xml_leaf(xml, "行为时间", moment);
  xml_close(xml);
}

static gboolean write_business(Export *export, Xml *xml, const ExportItem *item, const char *identity, GError **error) {
  json_auto_t *events = origin_events(export, item->record, error);
  if (events == NULL) return FALSE;
  json_array_append_new(events, json_pack("{s:s, s:I, s:s}", "actor", "system", "at", (json_int_t)clock_now_us(), "label", "封装导出"));
  g_autoptr(GPtrArray) agents = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(agents, g_strdup(export->organization));
  xml_open(xml, "业务实体块", NULL);
  size_t i;
  json_t *event;
  json_array_foreach(events, i, event) write_event(xml, agents, event, (guint)i + 1, identity);
  xml_close(xml);
  xml_open(xml, "机构人员实体块", NULL);
  for (guint a = 0; a < agents->len; a++) {
    g_autofree char *id = g_strdup_printf("修改0-机构人员%u", a + 1);
    xml_open(xml, "机构人员实体", NULL);
    xml_leaf(xml, "机构人员标识符", id);
    xml_leaf(xml, "机构人员类型", a == 0 ? "单位" : "个人");
    xml_leaf(xml, "机构人员名称", agents->pdata[a]);
    xml_close(xml);
  }
  xml_close(xml);
  return TRUE;
}

static gboolean write_package(Export *export, Xml *xml, const ExportItem *item, GError **error) {
  g_autofree char *identity = catalog_object_id(item->record->id), *now = export_moment(clock_now_us());
  xml_open(xml, "电子文件封装包", "xmlns", NAMESPACE, NULL);
  xml_leaf(xml, "封装包格式描述", "本EEP根据中华人民共和国档案行业标准DA/T 48-2009《基于XML的电子文件封装规范》生成");
  xml_leaf(xml, "版本", "2009");
  xml_open(xml, "被签名对象", "eep版本", "2009", NULL);
  xml_leaf(xml, "封装包类型", "原始型");
  xml_leaf(xml, "封装包类型描述", "本封装包包含电子文件数据及其元数据，原始封装，未经修改");
  xml_leaf(xml, "封装包创建时间", now);
  xml_leaf(xml, "封装包创建单位", export->organization);
  xml_open(xml, "封装内容", NULL);
  return write_entity(export, xml, item, identity, error) && write_business(export, xml, item, identity, error) && xml_finish(xml, error);
}

static gboolean begin_eep(Export *export, GError **error) { return TRUE; }

static gboolean add_eep(Export *export, const ExportItem *item, GError **error) {
  g_autofree char *wanted = g_strconcat(item->record->code, ".xml", NULL), *name = names_take(export->names, wanted), *entry = export_name(export, name);
  if (!package_writer_begin(export->out, entry, -1, error)) return FALSE;
  g_autoptr(Xml) xml = xml_entry(export);
  return write_package(export, xml, item, error) && package_writer_end(export->out, NULL, error);
}

static gboolean end_eep(Export *export, GError **error) { return export_readme(export, "每件一个 EEP 封装包（DA/T 48-2009），原文以 Base64 封装在内", error); }

static void free_eep(Export *export) {}

const ExportFormat FORMAT_EEP = {"eep", "EEP 封装包（DA/T 48）", "每件一个 XML，原文封装在内", "zip", TRUE, begin_eep, add_eep, end_eep, free_eep};
