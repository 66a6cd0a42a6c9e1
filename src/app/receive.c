/*
 * `lantai receive`: a delivery of any layout from the command line: registered, received, checked; it stops before acceptance unless told to go on.
 * Exit 0: no error-severity item of the check failed (with --accept: and it was loaded). 1: the check failed, its codes are named.
 * Lists hold so many entries at most, which listed_max tells beside the counts; all of them are in the batch's and the check's tables (.xlsx).
 */
#include "app.h"
#include "error.h"
#include "json.h"
#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 10000 /* rejected rows, missing files … */, FINDINGS_MAX = 1000 /* of each item of the check */ };

static struct {
  char *body, *stage, *name, *category, *fonds, *fonds_title, *files, *note;
  gboolean accept, quiet;
} receive_options;

static const GOptionEntry *receive_entries(void) {
  static const GOptionEntry entries[] = {
    {"body", 0, 0, G_OPTION_ARG_STRING, &receive_options.body, "移交单位", "名称"},
    {"stage", 0, 0, G_OPTION_ARG_STRING, &receive_options.stage, "环节：filing 归档（本单位的部门），transfer 移交与接收（缺省）", "环节"},
    {"name", 0, 0, G_OPTION_ARG_STRING, &receive_options.name, "批次名称（缺省为文件名）", "名称"},
    {"category", 0, 0, G_OPTION_ARG_STRING, &receive_options.category, "门类代码，例如 WS", "代码"},
    {"fonds", 0, 0, G_OPTION_ARG_STRING, &receive_options.fonds, "全宗号", "全宗号"},
    {"fonds-title", 0, 0, G_OPTION_ARG_STRING, &receive_options.fonds_title, "全宗名称（全宗不存在时用来建立）", "名称"},
    {"files", 0, 0, G_OPTION_ARG_FILENAME, &receive_options.files, "目录表之外的原文目录或 zip 包", "目录|ZIP"},
    {"accept", 0, 0, G_OPTION_ARG_NONE, &receive_options.accept, "检测之后即接收入库", NULL},
    {"note", 0, 0, G_OPTION_ARG_STRING, &receive_options.note, "接收的说明；检测没有通过而要让步接收时必须写明", "说明"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &receive_options.quiet, "不显示进度", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

/* Items that did not pass: {code, name, state, severity, failed}. */
static json_t *failed_items(json_t *check) {
  json_t *items = json_array(), *item;
  size_t i;
  json_array_foreach(json_object_get(check, "items"), i, item)
    if (g_strcmp0(json_string_value(json_object_get(item, "state")), "failed") == 0) json_array_append(items, item);
  return items;
}


static char *report_text(json_t *report) {
  GString *text = g_string_new(NULL);
  json_t *check = json_object_get(report, "check"), *items = failed_items(check), *item;
  g_string_append_printf(text, "批次 %" G_GINT64_FORMAT "　%s　%s　%s\n", int_at(report, "id"), text_at(report, "name"),
    text_at(report, "stage_label"), text_at(report, "state_label"));
  if (*text_at(report, "layout_label")) g_string_append_printf(text, "移交包：%s\n", text_at(report, "layout_label"));
  g_string_append_printf(text, "共 %" G_GINT64_FORMAT " 行：新增 %" G_GINT64_FORMAT "，更新 %" G_GINT64_FORMAT "，未变 %" G_GINT64_FORMAT "，退回 %" G_GINT64_FORMAT
    "；缺原文 %" G_GINT64_FORMAT "，多余文件 %" G_GINT64_FORMAT "\n", int_at(report, "rows"), int_at(report, "created"), int_at(report, "updated"),
    int_at(report, "unchanged"), int_at(report, "rejected_count"), int_at(report, "missing_count"), int_at(report, "surplus_count"));
  g_string_append_printf(text, "四性检测：%s\n", json_is_object(check) ? text_at(check, "state_label") : "没有进行");
  size_t i;
  json_array_foreach(items, i, item)
    g_string_append_printf(text, "  %s　%s　%" G_GINT64_FORMAT " 处不符\n", text_at(item, "code"), text_at(item, "name"), int_at(item, "failed"));
  json_decref(items);
  return g_string_free(text, FALSE);
}

static json_t *full_report(const House *house, gint64 id, GError **error) {
  json_t *report = accession_report(house, id, LISTED_MAX, error);
  g_autoptr(Sql) sql = report ? sql_read(house->db, error) : NULL;
  GError *failure = NULL;
  json_t *latest = sql ? check_latest(sql, "accession", id, &failure) : NULL;
  json_t *check = latest ? check_report(sql, int_at(latest, "id"), FINDINGS_MAX, &failure) : NULL;
  json_decref(latest);
  if (failure) {
    g_propagate_error(error, failure);
    json_decref(report);
    json_decref(check);
    return NULL;
  }
  if (report) json_object_set_new(report, "listed_max", json_integer(LISTED_MAX));
  if (check) json_object_set_new(check, "listed_max", json_integer(FINDINGS_MAX));
  if (report) json_object_set_new(report, "check", check ? check : json_null());
  if (report && check) json_object_set_new(report, "failed_items", failed_items(check));
  return report;
}

static gboolean may_accept(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql && accession_may_accept(sql, id, receive_options.note, -1, error);
}

static gboolean work(const House *house, gint64 id, GError **error) {
  gboolean progress = !receive_options.quiet;
  json_t *parameters = json_pack("{s:I}", "accession", (json_int_t)id);
  if (receive_options.note) json_object_set_new(parameters, "note", json_string(receive_options.note));
  gboolean good = job_run_now(house, accession_rehearse, parameters, "system", progress, error) &&
    (!receive_options.accept || (may_accept(house, id, error) &&
      job_run_now(house, accession_load, parameters, "system", progress, error)));
  json_decref(parameters);
  return good;
}

static gboolean run_receive(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  const AccessionSource source = {.path = line->arguments[0], .name = receive_options.name, .files = receive_options.files, .fonds = receive_options.fonds,
    .fonds_title = receive_options.fonds_title, .category = receive_options.category, .body = receive_options.body,
    .stage = receive_options.stage};
  gint64 id = accession_receive(house, "system", &source, error);
  if (id == 0) return FALSE;
  g_autoptr(GError) failure = NULL;
  gboolean good = work(house, id, &failure);
  json_t *report = good || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_INVALID) ? full_report(house, id, error) : NULL;
  gboolean failed = json_array_size(json_object_get(report, "failed_items")) > 0 && g_str_equal(text_at(json_object_get(report, "check"), "state"), "failed");
  if (report && (good || failed)) {
    g_autofree char *text = report_text(report);
    command_print(line, report, "%s", text);
  } else json_decref(report);
  if (!good && (error == NULL || *error == NULL)) g_propagate_error(error, g_steal_pointer(&failure));
  return good && (!failed || receive_options.accept) && (error == NULL || *error == NULL);
}

const Command RECEIVE_COMMANDS[] = {
  {"receive", "路径", "接收一批档案：移交包、目录表、文件夹或单个文件；检测后停在待审核", receive_entries, 1, 1, run_receive},
  {NULL},
};
