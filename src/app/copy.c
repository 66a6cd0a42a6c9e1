/* `lantai copy …`: further copies from the command line; `lantai recover`: an archive made anew from one, and proved. */
#include "app.h"
#include "copy.h"
#include "error.h"
#include "text.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static struct {
  int rate, every;
  char *key, *host_key;
  gboolean quiet, again;
} copy_options = {-1, -1, NULL, NULL, FALSE, FALSE};

static const GOptionEntry *copy_entries(void) {
  static const GOptionEntry entries[] = {
    {"rate", 0, 0, G_OPTION_ARG_INT, &copy_options.rate, "校验时每秒最多读多少 MB（0：不限；缺省按设置）", "MB"},
    {"every", 0, 0, G_OPTION_ARG_INT, &copy_options.every, "每多少天校验一遍（缺省 90）", "天"},
    {"key", 0, 0, G_OPTION_ARG_FILENAME, &copy_options.key, "SFTP 私钥文件（缺省 keys/copy，用 lantai copy key 生成）", "文件"},
    {"host-key", 0, 0, G_OPTION_ARG_STRING, &copy_options.host_key, "主机应出示的指纹 SHA256:…（缺省：首次见到的）", "指纹"},
    {"again", 0, 0, G_OPTION_ARG_NONE, &copy_options.again, "从头校验，不接着上次", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &copy_options.quiet, "不显示进度", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

static void append_copy(GString *text, json_t *copy) {
  const char *when = "从未";
  json_int_t at = json_integer_value(json_object_get(copy, "scrubbed_us"));
  g_autofree char *formatted = at ? clock_format(at) : g_strdup(when);
  g_string_append_printf(text, "%s　%s　%s\n    %" JSON_INTEGER_FORMAT " 个对象，未校验 %" JSON_INTEGER_FORMAT "，有问题的文件 %" JSON_INTEGER_FORMAT "；上次校验 %s %s\n",
    json_string_value(json_object_get(copy, "name")), json_string_value(json_object_get(copy, "state_label")), json_string_value(json_object_get(copy, "location")),
    json_integer_value(json_object_get(copy, "objects")), json_integer_value(json_object_get(copy, "unchecked")), json_integer_value(json_object_get(copy, "faulty")),
    formatted, json_string_value(json_object_get(copy, "detail")));
}

static gboolean list_copies(const CommandLine *line, const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *list = sql ? copy_list(house, sql, error) : NULL, *copy;
  if (list == NULL) return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_array_foreach(list, i, copy) append_copy(text, copy);
  command_print(line, list, "%s", text->len ? text->str : "还没有副本。lantai copy add 名称 位置\n");
  return TRUE;
}

static gboolean add_copy(const CommandLine *line, const House *house, GError **error) {
  if (line->count != 3) return throw(error, LANTAI_ERROR_INVALID, "用法：lantai copy add 名称 位置");
  const CopyNew wanted = {line->arguments[1], line->arguments[2], copy_options.rate, copy_options.every, copy_options.key, copy_options.host_key};
  json_t *copy = copy_add(house, "system", &wanted, error);
  if (copy == NULL) return FALSE;
  const char *host_key = json_string_value(json_object_get(copy, "host_key"));
  g_autofree char *shown = host_key ? g_strdup_printf("主机指纹 %s，已记下，以后不同即拒绝。\n", host_key) : g_strdup("");
  command_print(line, copy, "已建立副本“%s”。\n%s下一步：lantai copy sync %s\n", line->arguments[1], shown, line->arguments[1]);
  return TRUE;
}

static gboolean remove_copy(const CommandLine *line, const House *house, GError **error) {
  if (line->count != 2) return throw(error, LANTAI_ERROR_INVALID, "用法：lantai copy remove 名称");
  if (!copy_forget(house, "system", line->arguments[1], error)) return FALSE;
  command_print(line, json_pack("{s:s}", "name", line->arguments[1]), "不再管理副本“%s”；那里的内容没有动。\n", line->arguments[1]);
  return TRUE;
}

static gboolean make_key(const CommandLine *line, const House *house, GError **error) {
  g_autofree char *text = copy_key_make(house, error);
  if (text == NULL) return FALSE;
  command_print(line, json_pack("{s:s}", "public_key", text), "把下面这一行加到对方主机该用户的 ~/.ssh/authorized_keys：\n%s", text);
  return TRUE;
}

/* Runs over one copy, or over all places; what each found is told together. */
static gboolean run_one(const House *house, JobRun run, gint64 id, const char *name, json_t *results, GError **error) {
  json_t *parameters = json_pack("{s:I, s:b}", "copy", (json_int_t)id, "again", copy_options.again);
  if (copy_options.rate >= 0) json_object_set_new(parameters, "rate", json_integer(copy_options.rate));
  g_autoptr(GError) failure = NULL;
  gboolean good = job_run_now(house, run, parameters, "system", !copy_options.quiet, &failure);
  json_decref(parameters);
  json_t *told = copy_last_run(house, id, NULL);
  if (told == NULL) told = json_object();
  json_object_set_new(told, "copy", json_string(name));
  json_object_set_new(told, "id", json_integer(id));
  json_array_append_new(results, told);
  if (!good && error && *error == NULL) g_propagate_error(error, g_steal_pointer(&failure));
  return good;
}

static char *results_text(json_t *results) {
  GString *text = g_string_new(NULL);
  size_t i;
  json_t *run;
  json_array_foreach(results, i, run) {
    g_autofree char *size = text_size((double)json_integer_value(json_object_get(run, "bytes")));
    g_string_append_printf(text, "%s：%" JSON_INTEGER_FORMAT " 个对象，%s", json_string_value(json_object_get(run, "copy")),
      json_integer_value(json_object_get(run, "objects")), size);
    static const char *const counts[][2] = {{"faults", "有问题的文件"}, {"repaired", "已修复"}, {"lost", "无完好副本"}};
    for (guint k = 0; k < G_N_ELEMENTS(counts); k++) {
      json_int_t count = json_integer_value(json_object_get(run, counts[k][0]));
      if (count) g_string_append_printf(text, "，%s %" JSON_INTEGER_FORMAT, counts[k][1], count);
    }
    const char *detail = json_string_value(json_object_get(run, "detail"));
    g_string_append_printf(text, "%s%s\n", detail && *detail ? "　" : "", detail ? detail : "");
  }
  return g_string_free(text, FALSE);
}

static gint64 count_all(json_t *results, const char *key) {
  gint64 count = 0;
  size_t i;
  json_t *run;
  json_array_foreach(results, i, run) count += json_integer_value(json_object_get(run, key));
  return count;
}

static gboolean run_over(const CommandLine *line, const House *house, JobRun run, gboolean primary, GError **error) {
  g_autoptr(GError) first = NULL;
  json_t *results = json_array();
  if (line->count > 1) {
    gint64 id = g_str_equal(line->arguments[1], "primary") ? 1 : 0;
    if (id == 0) {
      g_autoptr(Sql) sql = sql_read(house->db, error);
      id = sql ? sql_number(sql, "SELECT id FROM copy WHERE name = $1", SQL_ARGS(sql_text(line->arguments[1])), 0, NULL) : 0;
    }
    if (id == 0) throw(&first, LANTAI_ERROR_NOT_FOUND, "没有名为“%s”的副本。运行 lantai copy list 查看", line->arguments[1]);
    else run_one(house, run, id, line->arguments[1], results, &first);
  } else {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    json_t *list = sql ? sql_json(sql, "SELECT id, name FROM copy ORDER BY id", SQL_NONE, error) : NULL, *copy;
    g_clear_pointer(&sql, sql_end);
    size_t i;
    json_array_foreach(list, i, copy) {
      gint64 id = json_integer_value(json_object_get(copy, "id"));
      if (id != 1 || primary) run_one(house, run, id, json_string_value(json_object_get(copy, "name")), results, &first);
    }
    json_decref(list);
  }
  gint64 faults = count_all(results, "faults");
  g_autofree char *text = results_text(results);
  if (json_array_size(results)) command_print(line, results, "%s", text);
  else json_decref(results);
  if (first) return g_propagate_error(error, g_steal_pointer(&first)), FALSE;
  return faults == 0 || throw(error, LANTAI_ERROR_INVALID, "有 %" G_GINT64_FORMAT " 个文件不完好", faults);
}

static gboolean run_copy(const CommandLine *line, GError **error) {
  const char *what = line->arguments[0];
  g_autoptr(Archive) archive = archive_open(line->dir, g_str_equal(what, "list") ? ARCHIVE_READ : ARCHIVE_WRITE, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  if (g_str_equal(what, "list")) return list_copies(line, house, error);
  if (g_str_equal(what, "add")) return add_copy(line, house, error);
  if (g_str_equal(what, "remove")) return remove_copy(line, house, error);
  if (g_str_equal(what, "key")) return make_key(line, house, error);
  if (g_str_equal(what, "sync")) return run_over(line, house, copy_job_sync, FALSE, error);
  if (g_str_equal(what, "verify")) return run_over(line, house, copy_job_verify, TRUE, error);
  if (g_str_equal(what, "repair")) return run_over(line, house, copy_job_repair, TRUE, error);
  return throw(error, LANTAI_ERROR_INVALID, "没有命令 copy %s。可用：add list sync verify repair remove key", what);
}

/* Rebuilt from the copy, then every byte of the new archive is checked: only then it has its name. */
static gboolean run_recover(const CommandLine *line, GError **error) {
  const char *location = line->arguments[0], *dir = line->arguments[1];
  if (g_file_test(dir, G_FILE_TEST_EXISTS)) return throw(error, LANTAI_ERROR_CONFLICT, "目录 %s 已存在，没有改动。请指定一个新目录", dir);
  g_autofree char *whole = g_canonicalize_filename(dir, NULL), *fetched = g_strconcat(whole, ".fetched", NULL);
  if (!copy_fetch(location, copy_options.key, copy_options.host_key, fetched, error)) return FALSE;
  json_t *result = care_rebuild(fetched, dir, !line->json && !copy_options.quiet, error);
  g_autoptr(Archive) archive = result ? archive_open(dir, ARCHIVE_WRITE, error) : NULL;
  json_t *check = archive ? care_check(archive_house(archive), NULL, NULL, error) : NULL;
  if (check == NULL) return json_decref(result), FALSE;
  copy_fetched_remove(fetched);
  gint64 faults = json_integer_value(json_object_get(check, "fault_count"));
  json_object_set_new(result, "check", check);
  json_object_set_new(result, "directory", json_string(dir));
  command_print(line, result, "已由 %s 恢复到 %s，逐字节检查%s。帐号不在副本里，请用 lantai user add 重新建立。\n", location, dir, faults ? "发现问题" : "没有发现问题");
  return faults == 0 || throw(error, LANTAI_ERROR_INVALID, "恢复后的检查发现 %" G_GINT64_FORMAT " 处问题", faults);
}

const Command COPY_COMMANDS[] = {
  {"copy", "add|list|sync|verify|repair|remove|key …", "副本：add 名称 位置、list、sync、verify、repair、remove 名称、key", copy_entries, 1, 3, run_copy},
  {"recover", "副本位置 新目录", "由一个副本恢复整个档案库，并逐字节证明", copy_entries, 2, 2, run_recover},
  {NULL},
};
