/* `lantai import` and `lantai undo`: a delivery from the command line. Progress goes to standard error, the report to standard output. */
#include "app.h"
#include "error.h"
#include "json.h"
#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 10000 }; /* of rejected rows, missing files …; listed_max tells it beside the counts, all are in the .xlsx of the page */

static struct {
  char *files, *mapping, *fonds, *fonds_title, *category, *body, *name;
  gboolean rehearse, quiet;
} import_options;

static const GOptionEntry *import_entries(void) {
  static const GOptionEntry entries[] = {
    {"files", 0, 0, G_OPTION_ARG_FILENAME, &import_options.files, "原文所在的目录或 zip 包", "目录|ZIP"},
    {"mapping", 0, 0, G_OPTION_ARG_STRING, &import_options.mapping, "用已保存的字段对应", "名称"},
    {"fonds", 0, 0, G_OPTION_ARG_STRING, &import_options.fonds, "全宗号", "全宗号"},
    {"fonds-title", 0, 0, G_OPTION_ARG_STRING, &import_options.fonds_title, "全宗名称（全宗不存在时用来建立）", "名称"},
    {"category", 0, 0, G_OPTION_ARG_STRING, &import_options.category, "门类代码，例如 WS", "代码"},
    {"body", 0, 0, G_OPTION_ARG_STRING, &import_options.body, "移交单位", "名称"},
    {"name", 0, 0, G_OPTION_ARG_STRING, &import_options.name, "批次名称（缺省为文件名）", "名称"},
    {"rehearse", 0, 0, G_OPTION_ARG_NONE, &import_options.rehearse, "只预演，不写入目录库", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &import_options.quiet, "不显示进度", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}


static char *report_text(json_t *report) {
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "批次 %" G_GINT64_FORMAT "　%s\n", int_at(report, "id"), json_string_value(json_object_get(report, "name")));
  g_string_append_printf(text, "共 %" G_GINT64_FORMAT " 行：新增 %" G_GINT64_FORMAT "，更新 %" G_GINT64_FORMAT "，未变 %" G_GINT64_FORMAT "，退回 %zu\n",
    int_at(report, "rows"), int_at(report, "created"), int_at(report, "updated"), int_at(report, "unchanged"),
    json_array_size(json_object_get(report, "rejected")));
  size_t i;
  json_t *fault;
  json_array_foreach(json_object_get(report, "rejected"), i, fault) {
    if (i == 20) {
      g_string_append(text, "  …（其余见 --json，或在网页上下载 .xlsx）\n");
      break;
    }
    g_string_append_printf(text, "  第 %" G_GINT64_FORMAT " 行　%s　“%s”：%s\n", int_at(fault, "row"), json_string_value(json_object_get(fault, "column")),
      json_string_value(json_object_get(fault, "value")), json_string_value(json_object_get(fault, "reason")));
  }
  gint64 missing = int_at(report, "missing_count"), surplus = int_at(report, "surplus_count");
  if (int_at(report, "attached") || missing || surplus)
    g_string_append_printf(text, "原文：挂接 %" G_GINT64_FORMAT " 个，缺 %" G_GINT64_FORMAT " 个，多余 %" G_GINT64_FORMAT " 个\n", int_at(report, "attached"), missing, surplus);
  json_array_foreach(json_object_get(report, "file_faults"), i, fault)
    g_string_append_printf(text, "  压缩包里的“%s”%s\n", json_string_value(json_object_get(fault, "path")), json_string_value(json_object_get(fault, "reason")));
  return g_string_free(text, FALSE);
}

static gboolean print_report(const CommandLine *line, const House *house, gint64 id, GError **error) {
  json_t *report = accession_report(house, id, LISTED_MAX, error);
  if (report == NULL) return FALSE;
  json_object_set_new(report, "listed_max", json_integer(LISTED_MAX));
  g_autofree char *text = report_text(report);
  command_print(line, report, "%s", text);
  return TRUE;
}

static gboolean run_import(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  AccessionSource source = {.path = line->arguments[0],
    .table_only = TRUE,
    .name = import_options.name,
    .files = import_options.files,
    .mapping = import_options.mapping,
    .fonds = import_options.fonds,
    .fonds_title = import_options.fonds_title,
    .category = import_options.category,
    .body = import_options.body};
  gint64 id = accession_receive(house, "system", &source, error);
  if (id == 0) return FALSE;
  json_t *parameters = json_pack("{s:I, s:b, s:s}", "accession", (json_int_t)id, "check", 0, "note", "命令行直接导入，未作四性检测");
  gboolean good = job_run_now(house, accession_rehearse, parameters, "system", !import_options.quiet, error);
  if (good && !import_options.rehearse) good = job_run_now(house, accession_load, parameters, "system", !import_options.quiet, error);
  json_decref(parameters);
  return good && print_report(line, house, id, error);
}

static gboolean run_undo(const CommandLine *line, GError **error) {
  char *end = NULL;
  gint64 id = g_ascii_strtoll(line->arguments[0], &end, 10);
  if (id <= 0 || *end)
    return throw(error, LANTAI_ERROR_INVALID, "批次号应为正整数，而不是“%s”。批次号见 lantai import 的输出或网页上的“接收”", line->arguments[0]);
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  json_t *parameters = json_pack("{s:I}", "accession", (json_int_t)id);
  gboolean good = job_run_now(archive_house(archive), accession_undo, parameters, "system", TRUE, error);
  json_decref(parameters);
  if (good)
    command_print(
      line, json_pack("{s:I, s:s}", "id", (json_int_t)id, "state", "undone"), "批次 %" G_GINT64_FORMAT " 已撤销，它带来的条目和原文都已收回。\n", id);
  return good;
}

const Command IMPORT_COMMANDS[] = {
  {"import", "文件", "接收一批目录（CSV、xlsx、xls、DBF），可带原文；先预演后导入", import_entries, 1, 1, run_import},
  {"undo", "批次号", "撤销一批导入", NULL, 1, 1, run_undo},
  {NULL},
};
