/* The report on paper (四性检测报告), as a document for print/. */
#include "internal.h"
#include "json.h"
#include "people.h"
#include "settings.h"

static void add_block(json_t *document, json_t *block) { json_array_append_new(json_object_get(document, "blocks"), block); }


static char *number_of(json_t *object, const char *key) { return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(object, key))); }

/* Paper names the person, not the account. */
static char *person_of(json_t *object, const char *key) {
  char *title = people_title_of(text_at(object, key));
  return title ? title : g_strdup(text_at(object, key));
}

static json_t *field(const char *label, const char *value, int span) { return json_pack("{s:s, s:s, s:i}", "label", label, "value", value, "span", span); }

static void add_head(json_t *document, json_t *report) {
  g_autofree char *units = number_of(report, "units"), *files = number_of(report, "files"), *bytes = number_of(report, "bytes"), *id = number_of(report, "id");
  g_autofree char *person = person_of(report, "actor");
  g_autofree char *at = clock_format(json_integer_value(json_object_get(report, "finished_at")));
  g_autofree char *counts = g_strdup_printf("不通过 %d 项，有提示 %d 项，待人工确认 %d 项，未进行 %d 项", (int)json_integer_value(json_object_get(report, "failed")),
    (int)json_integer_value(json_object_get(report, "warned")), (int)json_integer_value(json_object_get(report, "awaiting")),
    (int)json_integer_value(json_object_get(report, "not_performed")));
  add_block(document, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", "四性检测报告", "level", 1));
  json_t *fields = json_array();
  json_array_append_new(fields, field("检测对象", text_at(report, "name"), 2));
  json_array_append_new(fields, field("检测环节", text_at(report, "stage_label"), 1));
  json_array_append_new(fields, field("报告编号", id, 1));
  json_array_append_new(fields, field("条目数", units, 1));
  json_array_append_new(fields, field("文件数", files, 1));
  json_array_append_new(fields, field("字节数", bytes, 1));
  json_array_append_new(fields, field("检测时间", at, 1));
  json_array_append_new(fields, field("检测人", person, 1));
  json_array_append_new(fields, field("结论", text_at(report, "state_label"), 1));
  json_array_append_new(fields, field("各项结果", counts, 2));
  add_block(document, json_pack("{s:s, s:i, s:o}", "kind", "fields", "columns", 2, "fields", fields));
}

static json_t *columns_of(const char *const titles[], const int widths[]) {
  json_t *columns = json_array();
  for (guint i = 0; titles[i]; i++) json_array_append_new(columns, json_pack("{s:s, s:i}", "title", titles[i], "width", widths[i]));
  return columns;
}

static json_t *row_of_item(json_t *item) {
  g_autofree char *checked = number_of(item, "checked"), *faults = number_of(item, "failed"), *signature = NULL;
  gint64 at = json_integer_value(json_object_get(item, "signed_at"));
  g_autofree char *time = at ? clock_format(at) : g_strdup("");
  g_autofree char *person = person_of(item, "signed_by");
  signature = at ? g_strdup_printf("%s\n%s %s", text_at(item, "note"), person, time) : g_strdup("");
  g_autofree char *explain = g_strjoin(*signature && *text_at(item, "explain") ? "\n" : "", text_at(item, "explain"), signature, NULL);
  return json_pack("[s, s, s, s, s, s]", text_at(item, "code"), text_at(item, "name"), checked, faults, text_at(item, "state_label"), explain);
}

static void add_property(json_t *document, json_t *items, const char *property) {
  static const char *const titles[] = {"代码", "检测项", "检测数", "不符", "结果", "说明与签署", NULL};
  static const int widths[] = {10, 26, 8, 8, 12, 36};
  json_t *rows = json_array(), *item;
  size_t i;
  json_array_foreach(items, i, item)
    if (g_str_equal(text_at(item, "property"), property)) json_array_append_new(rows, row_of_item(item));
  if (json_array_size(rows)) {
    add_block(document, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", property, "level", 2));
    add_block(document, json_pack("{s:s, s:o, s:O}", "kind", "table", "columns", columns_of(titles, widths), "rows", rows));
  }
  json_decref(rows);
}

static void add_findings(json_t *document, json_t *item) {
  static const char *const titles[] = {"行号", "档号", "文件", "原因", NULL};
  static const int widths[] = {8, 28, 26, 38};
  json_t *findings = json_object_get(item, "findings"), *finding, *rows = json_array();
  size_t i;
  gint64 all = json_integer_value(json_object_get(item, "failed")) + json_integer_value(json_object_get(item, "pending"));
  json_array_foreach(findings, i, finding) {
    g_autofree char *row = json_integer_value(json_object_get(finding, "row")) ? number_of(finding, "row") : g_strdup("");
    json_array_append_new(rows, json_pack("[s, s, s, s]", row, text_at(finding, "code"), text_at(finding, "path"), text_at(finding, "reason")));
  }
  g_autofree char *heading = g_strdup_printf("%s %s：%" G_GINT64_FORMAT " 处", text_at(item, "code"), text_at(item, "name"), all);
  g_autofree char *more = g_strdup_printf("以上是前 %d 处，全部 %" G_GINT64_FORMAT " 处见所附的明细表。", (int)json_array_size(rows), all);
  if (json_array_size(rows)) {
    add_block(document, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", heading, "level", 3));
    add_block(document, json_pack("{s:s, s:o, s:O}", "kind", "table", "columns", columns_of(titles, widths), "rows", rows));
    if ((gint64)json_array_size(rows) < all) add_block(document, json_pack("{s:s, s:s}", "kind", "text", "text", more));
  }
  json_decref(rows);
}

json_t *result_document(json_t *report) {
  json_t *document = json_pack("{s:s, s:s, s:s, s:[]}", "title", "四性检测报告", "paper", "A4", "footer", text_at(report, "name"), "blocks");
  json_t *items = json_object_get(report, "items"), *item;
  size_t i;
  gboolean any = FALSE;
  add_head(document, report);
  for (guint p = 0; PROPERTIES[p]; p++) add_property(document, items, PROPERTIES[p]);
  json_array_foreach(items, i, item) any |= json_array_size(json_object_get(item, "findings")) > 0;
  if (any) add_block(document, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", "明细", "level", 2));
  json_array_foreach(items, i, item) add_findings(document, item);
  add_block(document, json_pack("{s:s, s:i}", "kind", "space", "mm", 8));
  add_block(document, json_pack("{s:s, s:[{s:s, s:[s, s]}, {s:s, s:[s, s]}]}", "kind", "signatures", "parties", "title", "检测人", "lines", "签名：", "日期：",
    "title", "审核人", "lines", "签名：", "日期："));
  return document;
}
