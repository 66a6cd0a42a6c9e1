/* YAML, settings, clock, faults and log lines. */
#include "settings.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"

static void check_yaml(const char *text, const char *json) {
  g_autoptr(GError) error = NULL;
  json_auto_t *value = yaml_load_text(text, "测试.yaml", &error);
  g_assert_no_error(error);
  json_auto_t *expected = json_loads(json, JSON_DECODE_ANY, NULL);
  g_assert_nonnull(expected);
  if (!json_equal(value, expected)) g_error("%s gives %s", text, json_dumps(value, JSON_ENCODE_ANY));
}

static void test_yaml(void) {
  check_yaml("", "null");
  check_yaml("# 说明\n", "null");
  check_yaml("a: 1\nb: -20\nc: 0\nd: 007\ne: \"8\"\nf: '9'\n", "{\"a\":1,\"b\":-20,\"c\":0,\"d\":\"007\",\"e\":\"8\",\"f\":\"9\"}");
  check_yaml("a: true\nb: false\nc: null\nd: ~\ne:\nf: 'true'\ng: yes\nh: 1.5\ni: 1e3\nj: +5\nk: -0\nl: '-'",
    "{\"a\":true,\"b\":false,\"c\":null,\"d\":null,\"e\":null,\"f\":\"true\",\"g\":\"yes\",\"h\":\"1.5\",\"i\":\"1e3\",\"j\":\"+5\",\"k\":\"-0\",\"l\":\"-\"}");
  check_yaml("题名: 关于「档案」的通知\n列表: [甲, 2, {丙: 丁}]\n块:\n  - 一\n  -\n    - 二\n", "{\"题名\":\"关于「档案」的通知\",\"列表\":[\"甲\",2,{\"丙\":\"丁\"}],\"块\":[\"一\",[\"二\"]]}");
  check_yaml("9223372036854775807", "9223372036854775807");
  check_yaml("9223372036854775808", "\"9223372036854775808\"");
  check_yaml("a: |\n  甲\n  乙\n", "{\"a\":\"甲\\n乙\\n\"}");
}

static void check_yaml_refused(const char *text, const char *part) {
  g_autoptr(GError) error = NULL;
  g_assert_null(yaml_load_text(text, "测试.yaml", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  if (strstr(error->message, part) == NULL || strstr(error->message, "测试.yaml") == NULL) g_error("%s: %s", text, error->message);
}

static void test_yaml_refused(void) {
  check_yaml_refused("a: 1\nb: [1, 2\nc: 3\n", "行");
  check_yaml_refused("a: 1\nb: 2\na: 3\n", "第 3 行：键“a”重复");
  check_yaml_refused("a: &x [1]\nb: *x\n", "第 2 行：不支持引用");
  check_yaml_refused("*x : 1\n", "第 1 行");
  check_yaml_refused("? [a, b]\n: 1\n", "第 1 行：键必须是简单的文字");
  check_yaml_refused("a: 1\n---\nb: 2\n", "只能有一份");
  check_yaml_refused("a: \"x\\0y\"\n", "不允许的字符");
  check_yaml_refused("\"a\\0b\": 1\n", "键必须是简单的文字");
  check_yaml_refused("a: \xB5\xB5\n", "行");
  check_yaml_refused("a:\n\t- 1\n", "第 2 行");
  g_autoptr(GString) deep = g_string_new(NULL);
  for (int i = 0; i < 33; i++) g_string_append_c(deep, '[');
  for (int i = 0; i < 33; i++) g_string_append_c(deep, ']');
  check_yaml_refused(deep->str, "嵌套过深");
  g_autofree char *most = g_strndup(deep->str + 1, 64);
  json_auto_t *value = yaml_load_text(most, "x", NULL);
  g_assert_nonnull(value);
}

static void test_yaml_file(void) {
  g_autoptr(GError) error = NULL;
  g_assert_null(yaml_load_file("/nonexistent/a.yaml", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_null(yaml_load_file("/", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
}

static char *new_dir(void) {
  g_autoptr(GError) error = NULL;
  char *dir = g_dir_make_tmp("lantai-settings-XXXXXX", &error);
  g_assert_no_error(error);
  return dir;
}

static void remove_dir(const char *dir) {
  g_autofree char *path = g_build_filename(dir, "lantai.yaml", NULL);
  g_unlink(path);
  g_rmdir(dir);
}

static void check_defaults(const Settings *settings) {
  g_assert_cmpstr(settings_text(settings, "archive.name"), ==, "示范市档案馆");
  g_assert_cmpstr(settings_text(settings, "archive.code"), ==, "000000");
  g_assert_null(settings_archive_code(settings));
  g_assert_cmpstr(settings_text(settings, "server.address"), ==, "127.0.0.1");
  g_assert_cmpstr(settings_text(settings, "log.level"), ==, "info");
  g_assert_cmpint(settings_int(settings, "server.port"), ==, 8080);
  g_assert_cmpint(settings_int(settings, "server.threads"), ==, 4);
  g_assert_cmpint(settings_int(settings, "upload.max_megabytes"), ==, 2048);
  g_assert_cmpint(settings_int(settings, "security.session_minutes"), ==, 30);
  g_assert_cmpint(settings_int(settings, "import.batch_rows"), ==, 20000);
}

static void test_defaults(void) {
  g_autofree char *dir = new_dir();
  g_autoptr(GError) error = NULL;
  g_autoptr(Settings) absent = settings_load(dir, &error);
  g_assert_no_error(error);
  check_defaults(absent);
  g_assert_true(settings_write_default(dir, &error));
  g_autoptr(Settings) written = settings_load(dir, &error);
  g_assert_no_error(error);
  check_defaults(written);
  g_assert_false(settings_write_default(dir, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  remove_dir(dir);
  g_clear_error(&error);
  g_assert_false(settings_write_default(dir, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE);
}

static Settings *load_text(const char *text, GError **error) {
  g_autofree char *dir = new_dir();
  g_autofree char *path = g_build_filename(dir, "lantai.yaml", NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
  Settings *settings = settings_load(dir, error);
  remove_dir(dir);
  return settings;
}

static void test_values(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Settings) settings = load_text("archive:\n  name: 某某县档案馆\n  code: 110101\nserver:\n  port: 9000\nlog:\n", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(settings_text(settings, "archive.name"), ==, "某某县档案馆");
  g_assert_cmpstr(settings_archive_code(settings), ==, "110101");
  g_assert_cmpint(settings_int(settings, "server.port"), ==, 9000);
  g_assert_cmpint(settings_int(settings, "server.threads"), ==, 4);
}

static void test_wrong_values(void) {
  static const struct { const char *text, *part; } cases[] = {
    {"server:\n  prot: 80\n", "server.prot"}, {"servers:\n  port: 80\n", "servers.port"}, {"port: 80\n", "port"}, {"- a\n", "lantai.yaml"},
    {"server:\n  port: 70000\n", "0 到 65535"}, {"server:\n  port: '80'\n", "server.port"}, {"server:\n  threads: 0\n", "server.threads"},
    {"archive:\n  code: 12345\n", "archive.code"}, {"archive:\n  code: 一二三四五六\n", "archive.code"}, {"archive:\n  name: ''\n", "archive.name"},
    {"archive:\n  time_zone: 北京\n", "archive.time_zone"},
    {"log:\n  level: loud\n", "log.level"}, {"archive:\n  name: [a]\n", "archive.name"}, {"server:\n  port: 8080\n  port: 8081\n", "重复"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(load_text(cases[i].text, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    if (strstr(error->message, cases[i].part) == NULL) g_error("%s: %s", cases[i].text, error->message);
  }
}

static void test_unknown_key(void) {
  if (g_test_subprocess()) {
    g_autofree char *dir = new_dir();
    g_autoptr(Settings) settings = settings_load(dir, NULL);
    g_rmdir(dir);
    settings_int(settings, "server.prot");
    return;
  }
  g_test_trap_subprocess(NULL, 0, 0);
  g_test_trap_assert_failed();
  g_test_trap_assert_stderr("*server.prot*");
}

static void test_clock(void) {
  g_setenv("LANTAI_NOW", "2026-11-22T14:05:06.5+08:00", TRUE);
  g_assert_cmpint(clock_now_us(), ==, 1795327506500000);
  g_autofree char *iso = clock_format_iso(clock_now_us());
  g_assert_cmpstr(iso, ==, "2026-11-22T06:05:06.500000Z");
  g_setenv("LANTAI_NOW", "2026-11-22T14:05:00", TRUE); /* the local zone */
  g_autofree char *local = clock_format(clock_now_us());
  g_assert_cmpstr(local, ==, "2026-11-22 14:05");
  g_unsetenv("LANTAI_NOW");
  g_autofree char *early = clock_format_iso(-1);
  g_assert_cmpstr(early, ==, "1969-12-31T23:59:59.999999Z");
  g_autofree char *beyond = clock_format_iso(G_MAXINT64);
  g_assert_cmpstr(beyond, ==, "");
  gint64 now_us = clock_now_us();
  g_assert_cmpint(ABS(now_us - g_get_real_time()), <, 10 * G_USEC_PER_SEC);
}

static void test_faults(void) {
  for (int i = 0; i < 10; i++) g_assert_true(fault_point("content.rename"));
  g_setenv("LANTAI_FAULT", "content.rename:3:error", TRUE);
  for (int i = 1; i <= 6; i++) {
    g_assert_true(fault_point("content") && fault_point("content.rename.more"));
    g_assert_cmpint(fault_point("content.rename"), ==, i != 3);
  }
  g_setenv("LANTAI_FAULT", "content.rename:1:error", TRUE); /* another text: counted anew */
  g_assert_false(fault_point("content.rename"));
  g_unsetenv("LANTAI_FAULT");
  g_assert_true(fault_point("content.rename"));
}

static void test_fault_kills(void) {
  pid_t child = fork();
  if (child == 0) {
    g_setenv("LANTAI_FAULT", "job.commit:2", TRUE);
    if (!fault_point("job.commit")) _exit(1);
    fault_point("job.commit");
    _exit(2);
  }
  int status = 0;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_log(void) {
  if (g_test_subprocess()) {
    g_setenv("LANTAI_NOW", "2026-11-22T06:05:00Z", TRUE);
    log_init();
    g_warning("两行\n伪造 %d", 7);
    g_info("平常");
    g_debug("不写");
    g_setenv("LANTAI_LOG", "warning", TRUE);
    log_init();
    g_info("也不写");
    return;
  }
  g_test_trap_subprocess(NULL, 0, 0);
  g_test_trap_assert_passed();
  g_test_trap_assert_stderr("2026-11-22T06:05:00.000000Z warning base 两行 伪造 7\n2026-11-22T06:05:00.000000Z info base 平常\n");
}

/* Built-in where the archive has no folder; its own file before the built-in one; an empty folder is its own choice. */
static void test_definitions(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp("definitions-XXXXXX", NULL), *folder = g_build_filename(dir, "definitions", "checks", NULL);
  g_autofree char *own = g_build_filename(folder, "filing.yaml", NULL), *aside = g_build_filename(folder, "README.txt", NULL);
  g_auto(GStrv) built_in = yaml_definition_names(NULL, "checks"), without = yaml_definition_names(dir, "checks");
  g_assert_cmpstrv((const char *const *) built_in, ((const char *const[]){"filing.yaml", "preservation.yaml", "transfer.yaml", NULL}));
  g_assert_cmpstrv((const char *const *) without, (const char *const *) built_in);
  json_auto_t *all = yaml_load_definitions(dir, "checks", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(json_object_size(all), ==, 3);
  g_mkdir_with_parents(folder, 0700);
  g_file_set_contents(aside, "空", -1, NULL);
  json_auto_t *none = yaml_load_definitions(dir, "checks", &error);
  g_assert_cmpuint(json_object_size(none), ==, 0);
  json_auto_t *still = yaml_load_definition(dir, "checks/filing.yaml", &error);
  g_assert_nonnull(json_object_get(still, "items"));
  g_file_set_contents(own, "a: 1\n", -1, NULL);
  json_auto_t *changed = yaml_load_definition(dir, "checks/filing.yaml", &error);
  g_assert_cmpint(json_integer_value(json_object_get(changed, "a")), ==, 1);
  g_assert_no_error(error);
  g_assert_null(yaml_load_definition(dir, "checks/no.yaml", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_file_set_contents(own, "a: [\n", -1, NULL);
  g_assert_null(yaml_load_definitions(dir, "checks", &error));
  g_assert_nonnull(strstr(error->message, own));
  g_unlink(own), g_unlink(aside), g_rmdir(folder);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_unsetenv("LANTAI_LOG");
  g_test_add_func("/settings/yaml", test_yaml);
  g_test_add_func("/settings/yaml_refused", test_yaml_refused);
  g_test_add_func("/settings/yaml_file", test_yaml_file);
  g_test_add_func("/settings/definitions", test_definitions);
  g_test_add_func("/settings/defaults", test_defaults);
  g_test_add_func("/settings/values", test_values);
  g_test_add_func("/settings/wrong_values", test_wrong_values);
  g_test_add_func("/settings/unknown_key", test_unknown_key);
  g_test_add_func("/settings/clock", test_clock);
  g_test_add_func("/settings/faults", test_faults);
  g_test_add_func("/settings/fault_kills", test_fault_kills);
  g_test_add_func("/settings/log", test_log);
  return g_test_run();
}
