/* `lantai export`: records as packages and finding aids. */
#include "app.h"
#include "error.h"
#include "json.h"
#include "people.h"
#include "text.h"
#include <string.h>

static struct {
  char *code, *query, *delivery, *node, *format, *encoding, *as;
  ExportPurpose given;
  gboolean quiet;
} export_options;

static const GOptionEntry *export_entries(void) {
  static const GOptionEntry entries[] = {
    {"code", 0, 0, G_OPTION_ARG_STRING, &export_options.code, "一件档案（案卷连同卷内文件）", "档号"},
    {"node", 0, 0, G_OPTION_ARG_STRING, &export_options.node, "一个全宗、类别或案卷，连同其下全部", "档号"},
    {"query", 0, 0, G_OPTION_ARG_STRING, &export_options.query, "检索命中的全部条目", "检索式"},
    {"delivery", 0, 0, G_OPTION_ARG_STRING, &export_options.delivery, "一个移交批次带来的全部条目", "批次号"},
    {"format", 0, 0, G_OPTION_ARG_STRING, &export_options.format, "bagit、eep、dat93、ead、mets、xlsx、csv", "格式"},
    {"encoding", 0, 0, G_OPTION_ARG_STRING, &export_options.encoding, "eep、dat93 中 XML 和文本的编码：UTF-8（缺省）或 GB18030", "编码"},
    {"as", 0, 0, G_OPTION_ARG_STRING, &export_options.as, "public：只导出公众可见的；缺省为全部", "public"},
    {"for", 0, 0, G_OPTION_ARG_STRING, &export_options.given.purpose, "提供利用、编研、公布目录、移交交换、内部工作（缺省）", "用途"},
    {"user", 0, 0, G_OPTION_ARG_STRING, &export_options.given.user, "提供利用的：利用者", "姓名"},
    {"body", 0, 0, G_OPTION_ARG_STRING, &export_options.given.body, "提供利用的：利用者单位", "单位"},
    {"aim", 0, 0, G_OPTION_ARG_STRING, &export_options.given.aim, "利用目的：民生、编史、工作、学术", "目的"},
    {"note", 0, 0, G_OPTION_ARG_STRING, &export_options.given.note, "查阅内容，或公布目录的批次名称", "说明"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &export_options.quiet, "不显示进度", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

static json_t *by_code(const House *house, const Scope *scope, const char *code, gboolean node, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_by_code(sql, scope, 0, code, error) : NULL;
  return record ? json_pack("{s:I}", node || record->level < LEVEL_ITEM ? "node" : "record", (json_int_t)record->id) : NULL;
}

static json_t *read_selection(const House *house, const Scope *scope, GError **error) {
  guint given = (export_options.code != NULL) + (export_options.query != NULL) + (export_options.delivery != NULL) + (export_options.node != NULL);
  if (given != 1) return throw_null(error, LANTAI_ERROR_INVALID, "请用 --code、--node、--query、--delivery 之一说明导出什么");
  if (export_options.code || export_options.node)
    return by_code(house, scope, export_options.code ? export_options.code : export_options.node, export_options.node != NULL, error);
  if (export_options.query) return json_pack("{s:s}", "query", export_options.query);
  char *end = NULL;
  gint64 id = g_ascii_strtoll(export_options.delivery, &end, 10);
  if (id <= 0 || *end) return throw_null(error, LANTAI_ERROR_INVALID, "批次号应为正整数，而不是“%s”", export_options.delivery);
  return json_pack("{s:I}", "delivery", (json_int_t)id);
}

/* As a job, so that progress is shown; the result comes back in its parameters. */
static gboolean export_now(const House *house, Job *job, json_t *parameters, GError **error) {
  json_t *purpose = json_object_get(json_object_get(parameters, "selection"), "for");
  const Scope *scope = json_is_true(json_object_get(parameters, "public")) ? people_scope(NULL) : export_purpose_scope(purpose, &SCOPE_EVERYTHING);
  json_t *result = exchange_export(house, job, scope, json_object_get(parameters, "selection"), json_string_value(json_object_get(parameters, "format")),
    json_string_value(json_object_get(parameters, "target")), error);
  return result != NULL && json_object_set_new(parameters, "result", result) == 0;
}


static void print_result(const CommandLine *line, json_t *result) {
  g_autofree char *size = text_size((double)int_at(result, "bytes")), *path = g_strdup(json_string_value(json_object_get(result, "path")));
  gint64 records = int_at(result, "records"), files = int_at(result, "files"), left_out = int_at(result, "left_out");
  gint64 files_left_out = int_at(result, "files_left_out");
  command_print(line, json_incref(result), "已导出到 %s：%" G_GINT64_FORMAT " 条，%" G_GINT64_FORMAT " 个文件，%s。\n不在范围内而未导出的：%" G_GINT64_FORMAT
    " 条目录，%" G_GINT64_FORMAT " 条的原文。\n", path, records, files, size, left_out, files_left_out);
}

static gboolean run_export(const CommandLine *line, GError **error) {
  if (export_options.as && !g_str_equal(export_options.as, "public")) return throw(error, LANTAI_ERROR_INVALID, "--as 只能是 public（公众）");
  if (export_options.format == NULL) return throw(error, LANTAI_ERROR_INVALID, "请用 --format 说明格式：bagit、eep、dat93、ead、mets、xlsx、csv");
  if (export_options.given.purpose == NULL) export_options.given.purpose = PURPOSE_WORK;
  json_auto_t *purpose = export_purpose_take(&export_options.given, error);
  g_autoptr(Archive) archive = purpose ? archive_open(line->dir, ARCHIVE_WRITE, error) : NULL;
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  json_t *selection = read_selection(house, export_options.as ? people_scope(NULL) : export_purpose_scope(purpose, &SCOPE_EVERYTHING), error);
  if (selection == NULL) return FALSE;
  json_object_set(selection, "for", purpose);
  if (export_options.encoding) json_object_set_new(selection, "encoding", json_string(export_options.encoding));
  json_auto_t *parameters = json_pack("{s:o, s:s, s:s, s:b}", "selection", selection, "format", export_options.format, "target", line->arguments[0], "public",
    export_options.as != NULL);
  if (!job_run_now(house, export_now, parameters, "system", !export_options.quiet && !line->json, error)) return FALSE;
  print_result(line, json_object_get(parameters, "result"));
  return TRUE;
}

const Command EXPORT_COMMANDS[] = {
  {"export", "目标", "导出为 BagIt、EEP、DA/T 93 移交包、EAD、METS 或 Excel（目录，或 .zip、.tar）", export_entries, 1, 1, run_export},
  {NULL},
};
