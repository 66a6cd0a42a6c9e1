/*
 * Settings of one archive (settings.h): one table of keys with their defaults, limits and Chinese explanations, from which the default file is written and
 * against which a file is checked.
 *
 * 1. Every key has a default; a file may be silent, even absent. A key or a value that is not understood is an error, never ignored.
 * 2. The file is written durably: temporary file, flushed, renamed, folder flushed. An existing one is never overwritten.
 */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define FILE_NAME "lantai.yaml"
#define NO_CODE "000000"

typedef struct {
  const char *key;  /* section.name */
  const char *text; /* default of a text; NULL: it is a number */
  gint64 number, least, most;
  const char *help; /* Chinese, one or more lines */
} Setting;

static const Setting SETTINGS[] = {
  {"archive.name", "示范市档案馆", 0, 0, 0, "档案馆名称，显示在页面、证明和报表上。"},
  {"archive.code", NO_CODE, 0, 0, 0, "档案馆代码（6 位数字），写入导出的封装包、目录数据和规范记录。请保留引号。000000 表示没有。"},
  {"archive.fonds", "", 0, 0, 0, "本馆自己的全宗号，台账条目归档进这个全宗。空表示还没有定（与档案馆同名的全宗也认）。请保留引号。"},
  {"archive.time_zone", "Asia/Shanghai", 0, 0, 0, "时区：几点算新的一天，各处日期按它，不随机器的时区。缺省为北京时间。"},
  {"server.address", "127.0.0.1", 0, 0, 0, "监听地址。127.0.0.1 只允许本机访问；0.0.0.0 允许局域网访问，请同时配置防火墙。"},
  {"server.port", NULL, 8080, 0, 65535, "监听端口。0 表示由系统分配空闲端口。"},
  {"server.threads", NULL, 4, 1, 256, "处理请求的线程数，一般为 CPU 核数的 2 倍。"},
  {"upload.max_megabytes", NULL, 2048, 1, 1048576, "一次请求上传的最大大小（MB）。分段续传的文件不受此限。"},
  {"upload.max_gigabytes", NULL, 2000, 1, 1000000, "分段续传的一个文件的最大大小（GB）。还受磁盘空间限制。"},
  {"security.session_minutes", NULL, 30, 1, 1440, "无操作多少分钟后自动退出登录。"},
  {"import.batch_rows", NULL, 20000, 1, 1000000, "导入时每多少行提交一次。数值大则快，数值小则中断后重做的少。"},
  {"receive.watch", "", 0, 0, 0, "监视的接收目录：放进去的移交包（目录、zip、表格）自动登记并检测。空表示不监视。"},
  {"receive.settle_seconds", NULL, 30, 1, 86400, "监视目录中的移交包多少秒不再变化，才认为已经放完。"},
  {"virus.socket", "/run/clamav/clamd.ctl", 0, 0, 0, "病毒检测服务 clamd 的套接字（路径，或 主机:端口）。没有安装时，病毒检测项显示“未进行”。"},
  {"copy.megabytes_per_second", NULL, 50, 1, 100000, "校验副本时每秒最多读多少 MB。"},
  {"backup.directory", "", 0, 0, 0, "网页上备份写到哪个目录。空表示档案库目录的上一级。"},
  {"log.level", "info", 0, 0, 0, "日志级别：debug、info 或 warning。日志写到标准错误输出。"},
};

struct Settings {
  char *texts[G_N_ELEMENTS(SETTINGS)]; /* numbers too, as text */
  gint64 numbers[G_N_ELEMENTS(SETTINGS)];
};

static gssize find_setting(const char *key) {
  for (gsize i = 0; i < G_N_ELEMENTS(SETTINGS); i++)
    if (strcmp(SETTINGS[i].key, key) == 0) return (gssize) i;
  return -1;
}

static gboolean is_valid_text(const char *key, const char *text) {
  if (strcmp(key, "archive.code") == 0) return strlen(text) == 6 && strspn(text, "0123456789") == 6;
  if (strcmp(key, "archive.time_zone") == 0) return clock_zone_is_known(text);
  if (strcmp(key, "log.level") == 0) return g_strv_contains((const char *const[]){"debug", "info", "warning", NULL}, text);
  return *text != '\0' || strcmp(key, "receive.watch") == 0 || strcmp(key, "backup.directory") == 0 || strcmp(key, "virus.socket") == 0 ||
    strcmp(key, "archive.fonds") == 0; /* empty: not used */
}

static gboolean set_value(Settings *settings, const char *path, const char *key, const json_t *value, GError **error) {
  gssize at = find_setting(key);
  if (at < 0) return throw(error, LANTAI_ERROR_INVALID, "%s：不认识的设置项“%s”，请检查拼写或删除。", path, key);
  const Setting *setting = &SETTINGS[at];
  if (setting->text == NULL) {
    gint64 number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (!json_is_integer(value) || number < setting->least || number > setting->most)
      return throw(error, LANTAI_ERROR_INVALID, "%s：设置项“%s”应为 %" G_GINT64_FORMAT " 到 %" G_GINT64_FORMAT " 之间的整数。", path, key, setting->least, setting->most);
    settings->numbers[at] = number;
    return TRUE;
  }
  g_autofree char *text = json_is_integer(value) ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value)) : g_strdup(json_string_value(value));
  if (text == NULL || !is_valid_text(key, text)) return throw(error, LANTAI_ERROR_INVALID, "%s：设置项“%s”的值无效。%s", path, key, setting->help);
  g_free(settings->texts[at]);
  settings->texts[at] = g_steal_pointer(&text);
  return TRUE;
}

static gboolean read_root(Settings *settings, const char *path, json_t *root, GError **error) {
  const char *section, *name;
  json_t *members, *value;
  if (json_is_null(root)) return TRUE;
  if (!json_is_object(root)) return throw(error, LANTAI_ERROR_INVALID, "%s：内容应为“分组:”和其下的“名称: 值”。", path);
  json_object_foreach(root, section, members) {
    if (json_is_null(members)) continue;
    if (!json_is_object(members)) return throw(error, LANTAI_ERROR_INVALID, "%s：不认识的设置项“%s”，请检查拼写和缩进。", path, section);
    json_object_foreach(members, name, value) {
      g_autofree char *key = g_strconcat(section, ".", name, NULL);
      if (!set_value(settings, path, key, value, error)) return FALSE;
    }
  }
  return TRUE;
}

Settings *settings_load(const char *dir, GError **error) {
  g_autoptr(Settings) settings = g_new0(Settings, 1);
  for (gsize i = 0; i < G_N_ELEMENTS(SETTINGS); i++) {
    settings->texts[i] = g_strdup(SETTINGS[i].text);
    settings->numbers[i] = SETTINGS[i].number;
  }
  g_autofree char *path = g_build_filename(dir, FILE_NAME, NULL);
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) return g_steal_pointer(&settings);
  json_auto_t *root = yaml_load_file(path, error);
  if (root == NULL || !read_root(settings, path, root, error)) return NULL;
  return g_steal_pointer(&settings);
}

void settings_free(Settings *settings) {
  if (settings == NULL) return;
  for (gsize i = 0; i < G_N_ELEMENTS(SETTINGS); i++) g_free(settings->texts[i]);
  g_free(settings);
}

const char *settings_text(const Settings *settings, const char *key) {
  gssize at = find_setting(key);
  if (at < 0 || SETTINGS[at].text == NULL) g_error("no text setting %s", key);
  return settings->texts[at];
}

const char *settings_archive_code(const Settings *settings) {
  const char *code = settings_text(settings, "archive.code");
  return g_str_equal(code, NO_CODE) ? NULL : code;
}

json_t *settings_archive(const Settings *settings) {
  return json_pack("{s:s, s:s*}", "name", settings_text(settings, "archive.name"), "code", settings_archive_code(settings));
}

gint64 settings_int(const Settings *settings, const char *key) {
  gssize at = find_setting(key);
  if (at < 0 || SETTINGS[at].text != NULL) g_error("no number setting %s", key);
  return settings->numbers[at];
}

static char *default_file(void) {
  GString *out = g_string_new("# 兰台档案管理系统的设置。改动后重新启动服务生效。\n# 以“#”开头的行是说明；删去某一项即恢复默认值。\n");
  gsize section_length = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(SETTINGS); i++) {
    const Setting *setting = &SETTINGS[i];
    const char *name = strchr(setting->key, '.') + 1;
    gsize length = (gsize) (name - setting->key);
    if (i == 0 || length != section_length || strncmp(setting->key, SETTINGS[i - 1].key, length) != 0)
      g_string_append_printf(out, "\n%.*s:\n", (int) length - 1, setting->key);
    section_length = length;
    g_string_append_printf(out, "  # %s\n", setting->help);
    if (setting->text != NULL) g_string_append_printf(out, "  %s: \"%s\"\n", name, setting->text);
    else g_string_append_printf(out, "  %s: %" G_GINT64_FORMAT "\n", name, setting->number);
  }
  return g_string_free(out, FALSE);
}

static gboolean flush_folder(const char *dir) {
  int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return FALSE;
  gboolean ok = fsync(folder) == 0;
  close(folder);
  return ok;
}

gboolean settings_write_default(const char *dir, GError **error) {
  g_autofree char *path = g_build_filename(dir, FILE_NAME, NULL);
  if (g_file_test(path, G_FILE_TEST_EXISTS)) return throw(error, LANTAI_ERROR_CONFLICT, "%s 已经存在，不会覆盖。", path);
  g_autofree char *text = default_file();
  g_autoptr(GError) problem = NULL;
  GFileSetContentsFlags durable = G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE; /* temporary file, fsync, rename */
  if (!g_file_set_contents_full(path, text, (gssize) strlen(text), durable, 0640, &problem))
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "无法写入 %s：%s。请检查磁盘空间和权限。", path, problem->message);
  if (!flush_folder(dir)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "无法把 %s 保存到磁盘：%s。", dir, error_reason(errno));
  return TRUE;
}
