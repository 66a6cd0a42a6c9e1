/* Care of the holdings as commands and as background jobs: check, audit, reindex, backup, restore, rebuild. */
#include "app.h"
#include "error.h"
#include "text.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show_progress(gint64 done, gint64 total, const char *unit, gpointer data) {
  gint64 *last_us = data, now = g_get_monotonic_time();
  if (now - *last_us < 500000) return;
  *last_us = now;
  g_autofree char *size = text_size((double)done);
  if (g_str_equal(unit, "字节")) fprintf(stderr, "\r  已写 %s（%d%%）   ", size, total > 0 ? (int)(done * 100 / total) : 0);
  else fprintf(stderr, "\r  %" G_GINT64_FORMAT " / %" G_GINT64_FORMAT " %s   ", done, total, unit);
}

typedef struct {
  CareProgress progress;
  CareStopped stopped;
  gpointer data;
} Told;

static gboolean tell_records(gint64 done, gint64 total, gpointer data) {
  const Told *told = data;
  told->progress(done, total, "条", told->data);
  return told->stopped == NULL || !told->stopped(told->data);
}

gboolean care_reindex(const House *house, CareProgress progress, CareStopped stopped, gpointer data, GError **error) {
  Told told = {progress, stopped, data};
  return catalog_reindex(house, progress ? tell_records : NULL, &told, error);
}

static void keep_result(const House *house, const char *kind, const char *actor, json_t *result) {
  g_autofree char *text = json_dumps(result, JSON_COMPACT);
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(house->db, &error);
  if (sql == NULL ||
    !sql_exec(sql,
      "INSERT INTO care_result (kind, at_us, actor, result) VALUES ($1, $2, $3, $4) ON CONFLICT (kind) DO UPDATE SET at_us = excluded.at_us, actor = excluded.actor,"
      " result = excluded.result",
      SQL_ARGS(sql_text(kind), sql_int(clock_now_us()), sql_text(actor), sql_text(text)), &error) ||
    !journal_append(sql, actor, "care.result", kind, 0, result, &error) || !sql_commit(sql, &error))
    g_warning("the result of %s was not kept: %s", kind, error ? error->message : "");
}

static char *describe_fault(json_t *fault) {
  json_t *record = json_object_get(fault, "record");
  const char *code = json_string_value(json_object_get(record, "code")), *object = json_string_value(json_object_get(fault, "object")),
             *file = json_string_value(json_object_get(fault, "file"));
  return g_strdup_printf(
    "  %s　%s　%s　%s\n", json_string_value(json_object_get(fault, "kind_label")), code ? code : "（无对应条目）", object ? object : "", file ? file : "");
}

/* For a check: opened for writing, so that what a crash left is settled first; beside a running server only read. */
static Archive *open_settled(const char *dir, GError **error) {
  g_autoptr(GError) failure = NULL;
  Archive *archive = archive_open(dir, ARCHIVE_WRITE, &failure);
  if (archive) return archive;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) return archive_open(dir, ARCHIVE_READ, error);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

static gboolean run_check(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = open_settled(line->dir, error);
  if (archive == NULL) return FALSE;
  gint64 last_us = 0;
  json_t *result = care_check(archive_house(archive), line->json ? NULL : show_progress, &last_us, error);
  if (result == NULL) return FALSE;
  json_t *faults = json_object_get(result, "faults");
  gint64 count = json_integer_value(json_object_get(result, "fault_count"));
  size_t i;
  g_autofree char *database = g_strdup(json_string_value(json_object_get(result, "database"))),
                  *index = g_strdup(json_string_value(json_object_get(result, "index")));
  gboolean clean = count == 0 && g_str_equal(database, "good") && g_str_equal(index, "good");
  g_autoptr(GString) text = g_string_new(NULL);
  g_autofree char *size = text_size((double)json_integer_value(json_object_get(result, "bytes")));
  g_string_append_printf(text, "\n对象 %" JSON_INTEGER_FORMAT " 个，文件 %" JSON_INTEGER_FORMAT " 个，%s，逐字节读过。\n",
    json_integer_value(json_object_get(result, "objects")), json_integer_value(json_object_get(result, "files")), size);
  g_string_append_printf(text, "数据库：%s；索引：%s\n%s", g_str_equal(database, "good") ? "完好" : database, g_str_equal(index, "good") ? "一致" : index,
    count ? "发现问题：\n" : "没有发现问题。\n");
  json_t *fault;
  json_array_foreach(faults, i, fault) {
    g_autofree char *described = describe_fault(fault);
    if (i < 100) g_string_append(text, described);
  }
  command_print(line, result, "%s", text->str);
  return clean || throw(error, LANTAI_ERROR_INVALID, "检查没有通过：%" G_GINT64_FORMAT " 处问题",
    count + !g_str_equal(database, "good") + !g_str_equal(index, "good"));
}

static gboolean run_audit(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  json_t *result = archive ? journal_verify(archive_house(archive)->db, line->dir, error) : NULL;
  if (result == NULL) return FALSE;
  size_t faults = json_array_size(json_object_get(result, "faults")), i;
  g_autoptr(GString) text = g_string_new(NULL);
  const char *head = json_string_value(json_object_get(result, "head"));
  g_string_append_printf(text, "日志 %" JSON_INTEGER_FORMAT " 条，末尾的校验值 %s\n", json_integer_value(json_object_get(result, "events")), head ? head : "（空）");
  json_t *fault;
  json_array_foreach(json_object_get(result, "faults"), i, fault) if (i < 100) g_string_append_printf(
    text, "  第 %" JSON_INTEGER_FORMAT " 条：%s\n", json_integer_value(json_object_get(fault, "id")), json_string_value(json_object_get(fault, "what")));
  command_print(line, result, "%s%s", text->str, faults ? "" : "链条完整，与日志文件一致。\n");
  return faults == 0 || throw(error, LANTAI_ERROR_INVALID, "日志校验没有通过：%zu 处问题", faults);
}

static gboolean run_reindex(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  gint64 begin = g_get_monotonic_time(), last_us = 0;
  if (!care_reindex(archive_house(archive), line->json ? NULL : show_progress, NULL, &last_us, error)) return FALSE;
  double seconds = (double)(g_get_monotonic_time() - begin) / 1e6;
  command_print(line, json_pack("{s:f}", "seconds", seconds), "\n索引已重建，用 %.1f 秒。\n", seconds);
  return TRUE;
}

static gboolean run_rebuild(const CommandLine *line, GError **error) {
  json_t *result = care_rebuild(line->dir, line->arguments[0], !line->json, error);
  if (result == NULL) return FALSE;
  json_t *equal = json_object_get(result, "equal");
  gboolean differs = json_is_false(equal);
  const char *verdict = json_is_true(equal) ? "与原目录逐行一致。" : differs ? "与原目录不一致！" : "原数据库不在或不能读，未做比较。";
  json_int_t events = json_integer_value(json_object_get(result, "events"));
  command_print(line, result,
    "已由长期保存库和日志在 %s 重建（%" JSON_INTEGER_FORMAT " 个事件）。%s\n用户帐号不在其中，请用 lantai -C %s user add 重新建立。\n", line->arguments[0],
    events, verdict, line->arguments[0]);
  return !differs || throw(error, LANTAI_ERROR_INTERNAL, "重建的目录与原目录不一致，请保留两个目录并报告");
}

static gboolean run_backup(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  gint64 last_us = 0;
  json_t *result = archive ? care_backup(archive_house(archive), line->arguments[0], line->json ? NULL : show_progress, &last_us, error) : NULL;
  if (result == NULL) return FALSE;
  keep_result(archive_house(archive), "backup", "system", result);
  g_autofree char *size = text_size((double)json_integer_value(json_object_get(result, "bytes")));
  command_print(line, result, "\n已备份到 %s（%s）。恢复演练：lantai restore %s 新目录\n", line->arguments[0], size, line->arguments[0]);
  return TRUE;
}

static gboolean run_restore(const CommandLine *line, GError **error) {
  json_t *result = care_restore(line->arguments[0], line->arguments[1], error);
  if (result == NULL) return FALSE;
  command_print(line, result, "已恢复到 %s，逐字节与备份清单一致，目录逐行一致。\n", line->arguments[1]);
  return TRUE;
}

const Command CARE_COMMANDS[] = {
  {"check", "", "逐字节检查长期保存库，并与目录核对", NULL, 0, 0, run_check},
  {"audit", "", "校验日志的链条", NULL, 0, 0, run_audit},
  {"reindex", "", "重建检索索引", NULL, 0, 0, run_reindex},
  {"rebuild", "新目录", "只凭长期保存库和日志重建档案库，并与原目录逐行比较", NULL, 1, 1, run_rebuild},
  {"backup", "文件", "备份到一个文件", NULL, 1, 1, run_backup},
  {"restore", "文件 目录", "由备份文件恢复到新目录，并证明一致", NULL, 2, 2, run_restore},
  {NULL},
};

/* ---- jobs: the same, started on the system page ---- */

typedef struct {
  Job *job;
  const char *stage;
} Step;

static void job_step(gint64 done, gint64 total, const char *unit, gpointer data) {
  const Step *step = data;
  job_progress(step->job, done, total, unit, step->stage);
}

static gboolean job_stopped(gpointer data) { return job_should_stop(((const Step *)data)->job); }

static gboolean job_check(const House *house, Job *job, json_t *parameters, GError **error) {
  json_t *result = care_check(house, job_step, &(Step){job, "检查"}, error);
  if (result == NULL) return FALSE;
  keep_result(house, "check", job_actor(job), result);
  json_decref(result);
  return TRUE;
}

static gboolean job_audit(const House *house, Job *job, json_t *parameters, GError **error) {
  json_t *result = journal_verify(house->db, house->dir, error);
  if (result == NULL) return FALSE;
  keep_result(house, "audit", job_actor(job), result);
  json_decref(result);
  return TRUE;
}

static gboolean job_reindex(const House *house, Job *job, json_t *parameters, GError **error) {
  g_autoptr(GError) failure = NULL;
  if (care_reindex(house, job_step, job_stopped, &(Step){job, "重建索引"}, &failure) || job_should_stop(job)) return TRUE; /* stopped, it begins anew */
  return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
}

static gboolean job_backup(const House *house, Job *job, json_t *parameters, GError **error) {
  const char *wanted = settings_text(house->settings, "backup.directory");
  g_autofree char *folder = *wanted ? g_strdup(wanted) : g_build_filename(house->dir, "..", NULL);
  g_autofree char *parent = g_canonicalize_filename(folder, NULL);
  if (!g_file_test(parent, G_FILE_TEST_IS_DIR) || access(parent, W_OK) != 0)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "备份目录 %s 不存在或不能写。请检查 lantai.yaml 中的 backup.directory，或在服务器上运行 lantai -C %s backup 文件", parent,
      house->dir);
  g_autofree char *stem = g_path_get_basename(house->dir);
  g_autofree char *now = clock_format_iso(clock_now_us());
  g_autofree char *day = g_strndup(now, 19);
  g_strdelimit(day, ":", '-');
  g_autofree char *path = g_strdup_printf("%s/%s-%s.tar", parent, stem, day);
  json_t *result = care_backup(house, path, job_step, &(Step){job, "备份"}, error);
  if (result == NULL) return FALSE;
  keep_result(house, "backup", job_actor(job), result);
  json_decref(result);
  return TRUE;
}

/* What questions need is made before they are asked. A damaged index is made anew; a sound one is compared with the records, a few at each tick,
 * all of them in the course of days. */
static void index_tick(const House *house) {
  static gint64 compared;
  enum { COMPARED_AT_ONCE = 400 };
  search_warm(house->search);
  g_autoptr(GError) untended = NULL;
  if (!search_tend(house->search, &untended)) g_warning("frequent strings were not covered: %s", untended->message);
  if (!search_needs_rebuild(house->search)) compared = search_compare(house->search, compared, COMPARED_AT_ONCE);
  if (!search_needs_rebuild(house->search)) return;
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) reading = sql_read(house->db, NULL);
  json_auto_t *latest = reading ? job_latest(reading, "index", 1, NULL) : NULL;
  const char *state = json_string_value(json_object_get(latest, "state"));
  if (g_strcmp0(state, "queued") == 0 || g_strcmp0(state, "running") == 0) return;
  g_clear_pointer(&reading, sql_end);
  g_autoptr(Sql) sql = sql_write(house->db, &error);
  if (sql == NULL || job_queue(sql, "reindex", "index", 1, NULL, "system", &error) <= 0 || !sql_commit(sql, &error))
    g_warning("the index is damaged, and its rebuilding was not queued: %s", error ? error->message : "");
}

const JobTick CARE_TICKS[] = {index_tick, NULL};

const JobKind CARE_JOBS[] = {
  {"check", "全面检查", job_check, JOB_HEAVY},
  {"audit", "日志校验", job_audit, JOB_HEAVY},
  {"reindex", "重建索引", job_reindex, JOB_HEAVY},
  {"backup", "备份", job_backup, JOB_HEAVY},
  {NULL},
};
