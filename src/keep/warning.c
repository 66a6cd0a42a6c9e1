/*
 * What needs somebody's attention, gathered from what is known anyway: nothing here reads holdings or waits for a device.
 *
 * 1. Disks are asked (smartctl, the kernel's own counters) by the tick once an hour; a page shows the last answer. What could not be asked is "未检测", never fine.
 * 2. Free space is noted once a day; how long it will do is told only when a week of notes shows it falling.
 */
#include "copy.h"
#include "patrol.h"
#include "text.h"
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BACKUP_DAYS = 30, CHECK_DAYS = 365, FAILED_DAYS = 7, VIRUS_DAYS = 7, SPACE_DAYS_WARNED = 90, NOTES_KEPT_DAYS = 120, NOTES_LEAST_DAYS = 7 };
#define DAY_US (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define HOUR_US (G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC)

static GMutex lock;
static json_t *disks; /* guarded by lock; NULL: not asked yet */
static gint64 disks_us, space_us;

static void add(json_t *list, const char *tone, const char *href, const char *format, ...) G_GNUC_PRINTF(4, 5);
static void add(json_t *list, const char *tone, const char *href, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "tone", tone, "text", text, "href", href));
}

/* ---- disks ---- */

static json_t *smart_state(const char *device) {
  g_autofree char *program = g_find_program_in_path("smartctl"), *path = g_strconcat("/dev/", device, NULL), *output = NULL;
  int status = 0;
  const char *arguments[] = {program, "-H", path, NULL};
  if (program == NULL) return json_pack("{s:s, s:s, s:s, s:s}", "device", device, "state", "未检测", "tone", "muted", "detail", "没有安装 smartmontools");
  if (!g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL, &status, NULL) || output == NULL)
    return json_pack("{s:s, s:s, s:s, s:s}", "device", device, "state", "未检测", "tone", "muted", "detail", "smartctl 不能运行");
  if (strstr(output, "PASSED") != NULL || strstr(output, "Health Status: OK") != NULL)
    return json_pack("{s:s, s:s, s:s, s:s}", "device", device, "state", "正常", "tone", "ok", "detail", "SMART 自检通过");
  if (strstr(output, "FAILED") != NULL || strstr(output, "Health Status:") != NULL)
    return json_pack("{s:s, s:s, s:s, s:s}", "device", device, "state", "即将损坏", "tone", "bad", "detail", "SMART 自检不通过，请立即更换");
  return json_pack("{s:s, s:s, s:s, s:s}", "device", device, "state", "未检测", "tone", "muted", "detail", "无权读取，或磁盘不支持 SMART");
}

static gint64 kernel_number(const char *device, const char *name) {
  g_autofree char *path = g_build_filename("/sys/block", device, name, NULL), *text = NULL;
  return g_file_get_contents(path, &text, NULL, NULL) ? g_ascii_strtoll(text, NULL, 0) : -1;
}

static json_t *ask_disks(void) {
  json_t *list = json_array();
  g_autoptr(GDir) dir = g_dir_open("/sys/block", 0, NULL);
  for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
    static const char *const NOT_DISKS[] = {"loop", "ram", "zram", "sr", "fd", "dm-", "nbd"};
    gboolean skip = FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(NOT_DISKS); i++) skip |= g_str_has_prefix(name, NOT_DISKS[i]);
    if (skip || kernel_number(name, "size") <= 0) continue;
    gint64 degraded = kernel_number(name, "md/degraded");
    if (degraded < 0) json_array_append_new(list, smart_state(name));
    else json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "device", name, "state", degraded ? "缺盘" : "正常", "tone", degraded ? "bad" : "ok", "detail",
      degraded ? "磁盘阵列缺少成员，请尽快更换" : "磁盘阵列完整"));
  }
  return list;
}

json_t *warning_disks(void) {
  g_mutex_lock(&lock);
  json_t *copy = disks ? json_deep_copy(disks) : json_array();
  g_mutex_unlock(&lock);
  return copy;
}

/* ---- space ---- */

static void note_space(const House *house) {
  struct statvfs state;
  if (statvfs(house->dir, &state) != 0) return;
  g_autoptr(GError) error = NULL;
  g_autoptr(Sql) sql = sql_write(house->db, &error);
  gint64 now = clock_now_us(), size = (gint64)state.f_frsize;
  if (sql == NULL || !sql_exec(sql, "INSERT INTO keep_space (volume, at_us, total, free) VALUES ('archive', $1, $2, $3) ON CONFLICT (volume, at_us) DO NOTHING",
    SQL_ARGS(sql_int(now / DAY_US * DAY_US), sql_int((gint64)state.f_blocks * size), sql_int((gint64)state.f_bavail * size)), &error) ||
    !sql_exec(sql, "DELETE FROM keep_space WHERE volume = 'archive' AND at_us < $1", SQL_ARGS(sql_int(now - NOTES_KEPT_DAYS * DAY_US)),
      &error) || !sql_commit(sql, &error))
    g_warning("free space is not noted: %s", error ? error->message : "");
}

void warning_tick(const House *house) {
  gint64 now = g_get_monotonic_time();
  if (space_us == 0 || now - space_us > HOUR_US) {
    space_us = now;
    note_space(house);
  }
  if (disks_us != 0 && now - disks_us < HOUR_US) return;
  disks_us = now;
  json_t *asked = ask_disks();
  g_mutex_lock(&lock);
  json_decref(disks);
  disks = asked;
  g_mutex_unlock(&lock);
}

static void warn_space(const House *house, Sql *sql, json_t *list) {
  struct statvfs state;
  if (statvfs(house->dir, &state) != 0) return;
  double size = (double)state.f_frsize, total = (double)state.f_blocks * size, left = (double)state.f_bavail * size;
  json_auto_t *old = sql_row_json(sql, "SELECT at_us, free FROM keep_space WHERE volume = 'archive' ORDER BY at_us LIMIT 1", SQL_NONE, NULL);
  double days = old ? (double)(clock_now_us() - json_number_of(old, "at_us")) / (double)DAY_US : 0, used = old ? (double)json_number_of(old, "free") - left : 0;
  double remaining = days >= NOTES_LEAST_DAYS && used > 0 ? left * days / used : -1;
  g_autofree char *text = text_size((double)left), *whole = text_size((double)total);
  if (remaining >= 0 && remaining < SPACE_DAYS_WARNED)
    add(list, remaining < 14 ? "bad" : "warn", "/keep", "存储空间剩 %s，照最近 %.0f 天的用量约 %.0f 天后用完。请扩充磁盘", text, days, remaining);
  else if (total > 0 && left < total / 10) add(list, "warn", "/keep", "存储空间不足：只剩 %s（共 %s）。请尽快扩充磁盘或清理备份", text, whole);
}

/* ---- care, virus scanner, jobs ---- */

static gint64 days_since(Sql *sql, const char *kind) {
  gint64 at = sql_number(sql, "SELECT at_us FROM care_result WHERE kind = $1", SQL_ARGS(sql_text(kind)), 0, NULL);
  return at == 0 ? -1 : (clock_now_us() - at) / DAY_US;
}

static void warn_care(Sql *sql, json_t *list) {
  if (sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS id FROM file", SQL_NONE, 0, NULL) == 0) return;
  gint64 backup = days_since(sql, "backup"), check = days_since(sql, "check");
  if (backup < 0) add(list, "bad", "/system", "从未备份");
  else if (backup > BACKUP_DAYS) add(list, "warn", "/system", "已有 %" G_GINT64_FORMAT " 天没有备份", backup);
  if (check < 0) add(list, "warn", "/system", "从未进行全面检查");
  else if (check > CHECK_DAYS) add(list, "warn", "/system", "已有 %" G_GINT64_FORMAT " 天没有全面检查", check);
}

static void warn_virus(const House *house, json_t *list) {
  static const char *const SIGNATURES[] = {"/var/lib/clamav/daily.cld", "/var/lib/clamav/daily.cvd"};
  const char *socket = settings_text(house->settings, "virus.socket");
  if (*socket == '\0') return;
  if (*socket == '/' && access(socket, F_OK) != 0) {
    add(list, "warn", "/keep", "病毒检测服务（clamd）没有运行，病毒检测项不能进行");
    return;
  }
  gint64 newest = 0;
  struct stat about;
  for (guint i = 0; i < G_N_ELEMENTS(SIGNATURES); i++)
    if (stat(SIGNATURES[i], &about) == 0) newest = MAX(newest, (gint64)about.st_mtime);
  gint64 days = newest ? (clock_now_us() / G_USEC_PER_SEC - newest) / 86400 : 0;
  if (days > VIRUS_DAYS) add(list, "warn", "/keep", "病毒库已有 %" G_GINT64_FORMAT " 天没有更新", days);
}

static void warn_jobs(Sql *sql, json_t *list) {
  gint64 failed = sql_number(sql, "SELECT COUNT(*) AS failed FROM job WHERE state = 'failed' AND finished_us > $1",
    SQL_ARGS(sql_int(clock_now_us() - FAILED_DAYS * DAY_US)),
    0, NULL);
  if (failed) add(list, "warn", "/jobs", "最近 %d 天有 %" G_GINT64_FORMAT " 个后台任务失败", FAILED_DAYS, failed);
}

/* ---- media, disposals ---- */

static void warn_media(Sql *sql, json_t *list) {
  json_auto_t *media = medium_list(sql, NULL);
  size_t i, overdue = 0, expired = 0;
  json_t *medium;
  json_array_foreach(media, i, medium) {
    overdue += json_is_true(json_object_get(medium, "overdue"));
    expired += json_is_true(json_object_get(medium, "expired"));
  }
  if (overdue) add(list, "warn", "/keep/media", "%zu 件脱机介质到了检查的时间", overdue);
  if (expired) add(list, "bad", "/keep/media", "%zu 件脱机介质超过使用年限，应复制更换", expired);
}

static void warn_disks(json_t *list) {
  json_auto_t *asked = warning_disks();
  size_t i;
  json_t *disk;
  json_array_foreach(asked, i, disk)
    if (g_str_equal(json_word(disk, "tone"), "bad")) add(list, "bad", "/keep", "磁盘 %s：%s", json_word(disk, "device"), json_word(disk, "detail"));
}

json_t *keep_warnings(WebRequest *request, Sql *sql, GError **error) {
  const House *house = web_house(request);
  json_t *list = json_array();
  if (web_may(request, "disposal.approve")) {
    gint64 waiting = sql_number(sql, "SELECT COUNT(*) AS waiting FROM keep_disposal WHERE state = 'requested' AND requested_by <> $1",
      SQL_ARGS(sql_text(web_actor(request))), 0, NULL);
    if (waiting) add(list, "info", "/keep/disposals", "有 %" G_GINT64_FORMAT " 份销毁单等待审批", waiting);
  }
  if (web_may(request, KEEP_READ)) {
    json_auto_t *copies = copy_warnings(sql, NULL);
    json_array_extend(list, copies);
    warn_disks(list);
    warn_space(house, sql, list);
    warn_media(sql, list);
    warn_virus(house, list);
    patrol_warn(sql, add, list);
  }
  if (web_may(request, "system.read")) warn_care(sql, list);
  if (web_may(request, "job.read")) warn_jobs(sql, list);
  return list;
}

json_t *keep_notices(json_t *warnings) {
  static const char *const tones[] = {"bad", "warn", "info"};
  json_t *notices = json_array(), *warning;
  size_t k;
  for (guint i = 0; i < G_N_ELEMENTS(tones); i++) {
    json_t *lines = json_array();
    json_array_foreach(warnings, k, warning)
      if (g_str_equal(json_word(warning, "tone"), tones[i])) json_array_append(lines, warning);
    if (json_array_size(lines)) json_array_append_new(notices, json_pack("{s:s, s:O}", "tone", tones[i], "lines", lines));
    json_decref(lines);
  }
  return notices;
}
