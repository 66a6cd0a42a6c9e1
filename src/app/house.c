/*
 * Opening and making an archive's directory.
 *
 * 1. One process writes at a time: DIR/lantai.lock is held (flock) from opening for writing to closing.
 * 2. Rooms are opened from the ground up and closed in the opposite order.
 */
#include "app.h"
#include "code-keeper.h"
#include "dossier.h"
#include "error.h"
#include "people.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct Archive {
  House house;
  char *dir;
  Settings *settings;
  Journal *journal;
  JobKind *kinds;
  int lock;
};

const House *archive_house(const Archive *archive) { return &archive->house; }
struct Journal *archive_journal(const Archive *archive) {
  return archive->journal;
}

gboolean archive_exists(const char *dir) {
  g_autofree char *path = g_build_filename(dir, "lantai.db", NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static gboolean take_lock(Archive *archive, GError **error) {
  g_autofree char *path = g_build_filename(archive->dir, "lantai.lock", NULL);
  archive->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (archive->lock < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能在目录 %s 中写文件：%s。请检查目录权限", archive->dir, error_reason(errno));
  char holder[32] = "";
  if (flock(archive->lock, LOCK_EX | LOCK_NB) != 0) {
    ssize_t length = read(archive->lock, holder, sizeof holder - 1);
    holder[length > 0 ? length : 0] = '\0';
    return throw(error, LANTAI_ERROR_CONFLICT, "目录 %s 正被另一个兰台程序使用（进程 %s）。请在网页上操作，或先停止那个程序", archive->dir,
      holder[0] ? g_strstrip(holder) : "未知");
  }
  int length = g_snprintf(holder, sizeof holder, "%d\n", (int)getpid());
  if (ftruncate(archive->lock, 0) != 0 || pwrite(archive->lock, holder, (size_t)length, 0) != length)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写入 %s：%s", path, error_reason(errno));
  return TRUE;
}

static gboolean open_rooms(Archive *archive, ArchiveMode mode, GError **error) {
  House *house = &archive->house;
  g_autofree char *path = g_build_filename(archive->dir, "lantai.db", NULL);
  g_autofree char *definitions = g_build_filename(archive->dir, "definitions", NULL);
  house->db = mode == ARCHIVE_WRITE ? sql_open(path, error) : sql_open_readonly(path, error);
  if (house->db == NULL) return FALSE;
  if (mode == ARCHIVE_WRITE && (archive->journal = journal_open(house->db, archive->dir, error)) == NULL) return FALSE;
  if ((house->content = content_open(archive->dir, house->db, error)) == NULL) return FALSE;
  if ((house->search = search_open(house->db, error)) == NULL) return FALSE;
  archive->kinds = app_job_kinds();
  if (mode == ARCHIVE_WRITE && (house->jobs = jobs_open(house->db, archive->kinds, error)) == NULL) return FALSE;
  if (house->jobs) jobs_set_ticks(house->jobs, APP_TICKS);
  if (!people_open(house->db, definitions, error)) return FALSE;
  people_set_session_minutes(settings_int(house->settings, "security.session_minutes"));
  people_set_fonds_source(catalog_fonds_list);
  catalog_set_code_keeper(dossier_code_kept);
  web_set_person_source(people_title_of);
  if ((house->catalog = catalog_open(house->db, archive->dir, error)) == NULL) return FALSE;
  if (!schedule_open(house->db, error)) return FALSE;
  ledger_set_feeds(feed_fields);
  if (!authority_open(house->db, error) || !ledger_open(house, error) || !figure_open(house, error)) return FALSE;
  static const ProjectTopics topics = {topic_named, topic_fill};
  project_set_topics(&topics);
  if (!check_open(house->db, archive->dir, error) || !accession_open(house->db, error) || !exchange_open(house->db, error) || !revise_open(house->db, error) ||
    !keep_open(house->db, archive->dir, error) || !quality_open(house->db, error) || !reader_open(house->db, error) ||
    !sql_migrate_room(house->db, "app", error)) return FALSE;
  json_t *labels = catalog_field_labels(house->catalog);
  search_set_fields(house->search, labels);
  search_set_text_source(house->search, catalog_search_text, NULL);
  search_set_records_source(house->search, catalog_search_records, house);
  search_set_pages_source(house->search, catalog_search_pages, NULL);
  json_decref(labels);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql != NULL && catalog_synonyms_load(house, sql, error);
}

static gboolean heals_later, defines_later;

void archive_heal_later(void) { heals_later = TRUE; }
void archive_define_later(gboolean later) { defines_later = later; }

/* A file with a mistake does not stop the work: what is in force stays. */
static void load_definitions(const House *house) {
  g_autoptr(GError) local = NULL;
  if (!ledger_definitions_load(house, &local)) g_warning("台账定义没有更新，仍用原来的：%s", local->message);
  g_clear_error(&local);
  if (!figure_definitions_load(house, &local)) g_warning("指标定义没有更新，仍用原来的：%s", local->message);
  g_clear_error(&local);
  if (!figure_panels_load(house, &local)) g_warning("一览的定义没有更新，仍用原来的：%s", local->message);
  g_clear_error(&local);
  if (!report_definitions_load(house, &local)) g_warning("报告定义没有更新，仍用原来的：%s", local->message);
}

static Archive *open_directory(const char *dir, ArchiveMode mode, GError **error) {
  g_autoptr(Archive) archive = g_new0(Archive, 1);
  archive->lock = -1;
  archive->dir = g_canonicalize_filename(dir, NULL);
  archive->house.dir = archive->dir;
  if (mode == ARCHIVE_WRITE && !take_lock(archive, error)) return NULL;
  archive->house.settings = archive->settings = settings_load(archive->dir, error);
  if (archive->settings == NULL) return NULL;
  clock_set_zone(settings_text(archive->settings, "archive.time_zone"));
  g_setenv("LANTAI_LOG", settings_text(archive->settings, "log.level"), FALSE);
  log_init();
  if (!open_rooms(archive, mode, error)) return NULL;
  if (mode == ARCHIVE_WRITE && !defines_later) load_definitions(&archive->house);
  if (mode == ARCHIVE_WRITE && !heals_later && search_needs_rebuild(archive->house.search)) {
    g_message("检索索引缺失或损坏，正在重建");
    if (!care_reindex(&archive->house, NULL, NULL, NULL, error)) return NULL;
  }
  return g_steal_pointer(&archive);
}

Archive *archive_open(const char *dir, ArchiveMode mode, GError **error) {
  if (!archive_exists(dir)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "目录 %s 中没有档案库。请先运行 lantai -C %s init，或用 -C 指定目录", dir, dir);
  return open_directory(dir, mode, error);
}

void archive_close(Archive *archive) {
  if (archive == NULL) return;
  jobs_close(archive->house.jobs);
  reader_finish();
  figure_close();
  ledger_close();
  catalog_close(archive->house.catalog);
  search_close(archive->house.search);
  content_close(archive->house.content);
  journal_close(archive->journal);
  sql_close(archive->house.db);
  settings_free(archive->settings);
  if (archive->lock >= 0) close(archive->lock);
  g_free(archive->kinds);
  g_free(archive->dir);
  g_free(archive);
}

static struct { gboolean plain; } init_options;

static const GOptionEntry *init_entries(void) {
  static const GOptionEntry entries[] = {
    {"plain", 0, 0, G_OPTION_ARG_NONE, &init_options.plain, "不带档案馆的台账、指标和报告（其他单位用，自己定义）", NULL},
    {NULL},
  };
  return entries;
}

/* The folder is there with a word of explanation, so that it is neither filled with the built-in ones nor lost from a copy. */
static gboolean leave_empty(const char *folder, GError **error) {
  static const char text[] = "台账、指标、一览、报告的定义（YAML）放在 definitions 的 ledgers、figures、panels、reports 中，重新启动后启用；也可以用 lantai define 文件.yaml 启用。\n";
  if (g_mkdir_with_parents(folder, 0755) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  g_autofree char *path = g_build_filename(folder, "README.txt", NULL);
  return g_file_set_contents(path, text, -1, error);
}

static gboolean is_left_empty(const char *folder) {
  static const char *const own_work[] = {"ledgers", "figures", "panels", "reports", NULL};
  return init_options.plain && g_strv_contains(own_work, folder);
}

/* Copies the built-in definitions into the archive, where they may be edited. */
static gboolean copy_definitions(const char *resource, const char *target, GError **error) {
  if (g_mkdir_with_parents(target, 0755) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", target, error_reason(errno));
  g_auto(GStrv) names = g_resources_enumerate_children(resource, 0, error);
  if (names == NULL) return FALSE;
  for (char **name = names; *name; name++) {
    g_autofree char *from = g_strconcat(resource, *name, NULL);
    if (g_str_has_suffix(*name, "/")) {
      g_autofree char *folder = g_strndup(*name, strlen(*name) - 1);
      g_autofree char *below = g_build_filename(target, folder, NULL);
      if (is_left_empty(folder) ? !leave_empty(below, error) : !copy_definitions(from, below, error)) return FALSE;
      continue;
    }
    g_autofree char *to = g_build_filename(target, *name, NULL);
    g_autoptr(GBytes) bytes = g_resources_lookup_data(from, 0, error);
    if (bytes == NULL || !g_file_set_contents(to, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes), error)) return FALSE;
  }
  return TRUE;
}

gboolean archive_create(const char *dir, GError **error) {
  if (archive_exists(dir)) return throw(error, LANTAI_ERROR_CONFLICT, "目录 %s 中已有档案库，没有改动", dir);
  if (g_mkdir_with_parents(dir, 0750) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", dir, error_reason(errno));
  g_autofree char *settings = g_build_filename(dir, "lantai.yaml", NULL);
  if (!g_file_test(settings, G_FILE_TEST_EXISTS) && !settings_write_default(dir, error)) return FALSE;
  g_autofree char *definitions = g_build_filename(dir, "definitions", NULL);
  if (!g_file_test(definitions, G_FILE_TEST_EXISTS) && !copy_definitions("/lantai/definitions/", definitions, error)) return FALSE;
  g_autoptr(Archive) archive = open_directory(dir, ARCHIVE_WRITE, error);
  return archive != NULL;
}

static gboolean run_init(const CommandLine *line, GError **error) {
  if (!archive_create(line->dir, error)) return FALSE;
  command_print(line, json_pack("{s:s}", "directory", line->dir),
    "已在 %s 建立档案库。\n下一步：lantai -C %s user add 用户名 --role sysadmin，然后 lantai -C %s serve\n", line->dir, line->dir, line->dir);
  return TRUE;
}

const Command ARCHIVE_COMMANDS[] = {
  {"init", "", "建立一个空的档案库", init_entries, 0, 0, run_init},
  {NULL},
};
