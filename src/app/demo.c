/* `lantai demo`: makes the demonstration archive through the same steps a clerk takes: each body's delivery is received, rehearsed, loaded and its documents attached. */
#include "demo.h"
#include "app.h"
#include "copy.h"
#include "dossier.h"
#include "error.h"
#include "json.h"
#include "people.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static struct {
  int scale;
  char *copy;
  gboolean ledgers;
} demo_options = {1000, NULL, FALSE};

static const GOptionEntry *demo_entries(void) {
  static const GOptionEntry entries[] = {
    {"scale", 0, 0, G_OPTION_ARG_INT, &demo_options.scale, "规模，千分之几（1000 = 304 000 条目录、2 000 件原文）", "N"},
    {"copy", 0, 0, G_OPTION_ARG_FILENAME, &demo_options.copy, "再在这个新目录建立一个副本并校验", "目录"},
    {"ledgers", 0, 0, G_OPTION_ARG_NONE, &demo_options.ledgers, "只在已有的档案库中装入演示的台账条目", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

typedef struct {
  const char *name, *title, *role;
  Security security;
  const char *body; /* NULL: of no transferring body */
} Account;
static const Account ACCOUNTS[] = {
  {"admin", "系统管理员", "sysadmin", SECURITY_PUBLIC, NULL},
  {"security", "安全保密员", "security", SECURITY_PUBLIC, NULL},
  {"auditor", "审计员", "auditor", SECURITY_PUBLIC, NULL},
  {"archivist", "档案员", "archivist", SECURITY_SECRET, NULL},
  {"director", "馆长", "director", SECURITY_SECRET, NULL},
  {"discipline", "机关纪委", "discipline", SECURITY_SECRET, NULL},
  {"transferor", "移交单位经办人", "transferor", SECURITY_PUBLIC, DEMO_BODY},
  {"reader", "读者", "reader", SECURITY_PUBLIC, NULL},
};
enum { SCALE_WITH_DOSSIERS = 100 };
static const char PASSWORD[] = "Lantai-2026";

/* ---- documents, drawn by two threads ---- */

typedef struct {
  GMutex lock;
  GError *error;
  int done;
} Drawing;

static void draw_one(gpointer item, gpointer data) {
  Drawing *drawing = data;
  g_autoptr(GError) error = NULL;
  gboolean good = demo_document_draw(item, &error);
  g_mutex_lock(&drawing->lock);
  drawing->done++;
  if (!good && drawing->error == NULL) drawing->error = g_steal_pointer(&error);
  g_mutex_unlock(&drawing->lock);
}

static gboolean draw_documents(GPtrArray *deliveries, GError **error) {
  Drawing drawing = {0};
  g_mutex_init(&drawing.lock);
  GThreadPool *pool = g_thread_pool_new(draw_one, &drawing, (int)g_get_num_processors(), TRUE, NULL);
  guint total = 0;
  for (guint i = 0; i < deliveries->len; i++) {
    const DemoDelivery *delivery = g_ptr_array_index(deliveries, i);
    for (guint d = 0; d < delivery->documents->len; d++, total++) g_thread_pool_push(pool, g_ptr_array_index(delivery->documents, d), NULL);
  }
  while (g_thread_pool_unprocessed(pool) > 0) {
    fprintf(stderr, "\r  绘制原文 %d / %u", drawing.done, total);
    g_usleep(300000);
  }
  g_thread_pool_free(pool, FALSE, TRUE);
  fprintf(stderr, "\r  绘制原文 %u / %u\n", total, total);
  g_mutex_clear(&drawing.lock);
  if (drawing.error) g_propagate_error(error, drawing.error);
  return drawing.error == NULL;
}

/* ---- deliveries ---- */

static gboolean take_in(const House *house, const DemoDelivery *delivery, GError **error) {
  AccessionSource source = {.path = delivery->path,
    .name = delivery->name,
    .files = delivery->documents->len ? delivery->files : NULL,
    .fonds = delivery->fonds,
    .fonds_title = delivery->fonds_title,
    .category = delivery->category,
    .body = delivery->body};
  gint64 id = accession_receive(house, "archivist", &source, error);
  if (id == 0) return FALSE;
  json_t *parameters = json_pack("{s:I, s:b}", "accession", (json_int_t)id, "check", 0);
  gboolean good = job_run_now(house, accession_rehearse, parameters, "archivist", FALSE, error) &&
    job_run_now(house, accession_load, parameters, "archivist", FALSE, error);
  json_decref(parameters);
  if (!good) g_prefix_error(error, "%s：", delivery->name);
  return good;
}

static gboolean add_accounts(const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(ACCOUNTS); i++) {
    const Account *account = &ACCOUNTS[i];
    json_t *roles = json_pack("[s]", account->role), *fonds = json_array();
    gint64 id = people_user_create(sql, "system", account->name, account->title, PASSWORD, roles, fonds, account->security, error);
    json_decref(roles);
    json_decref(fonds);
    if (id == 0 || (account->body && !people_user_body(sql, "system", id, account->body, error))) return FALSE;
  }
  return sql_commit(sql, error);
}

static gboolean fill(const House *house, GPtrArray *deliveries, GError **error) {
  if (!add_accounts(house, error)) return FALSE;
  gint64 rows = 0;
  for (guint i = 0; i < deliveries->len; i++) {
    const DemoDelivery *delivery = g_ptr_array_index(deliveries, i);
    if (!take_in(house, delivery, error)) return FALSE;
    rows += delivery->rows;
    fprintf(stderr, "\r  接收 %u / %u 批，%" G_GINT64_FORMAT " 条", i + 1, deliveries->len, rows);
  }
  fputc('\n', stderr);
  return TRUE;
}

/* ---- the command ---- */

static gboolean name_city(const char *dir, GError **error) {
  g_autofree char *path = g_build_filename(dir, "lantai.yaml", NULL), *text = NULL;
  if (g_mkdir_with_parents(dir, 0750) != 0 || !settings_write_default(dir, error) || !g_file_get_contents(path, &text, NULL, error)) return FALSE;
  g_autoptr(GString) edited = g_string_new(text);
  g_string_replace(edited, "示范市档案馆", "临江市档案馆", 0);
  g_string_replace(edited, "fonds: \"\"", "fonds: \"A900\"", 0);
  g_string_replace(edited, "\"000000\"", "\"429900\"", 0);
  return g_file_set_contents(path, edited->str, -1, error);
}

void tree_remove(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *below = g_build_filename(path, name, NULL);
    if (g_file_test(below, G_FILE_TEST_IS_DIR) && !g_file_test(below, G_FILE_TEST_IS_SYMLINK)) tree_remove(below);
    else g_unlink(below);
  }
  g_rmdir(path);
}

static gboolean make_copy(const House *house, GError **error) {
  fprintf(stderr, "  建立副本并校验……\n");
  g_autofree char *whole = g_canonicalize_filename(demo_options.copy, NULL);
  if (copy_is_copy(whole)) tree_remove(whole); /* of a demonstration that is gone */
  json_auto_t *copy = copy_add(house, "admin", &(CopyNew){"演示副本", whole, -1, -1, NULL, NULL}, error);
  json_auto_t *further = copy ? json_pack("{s:O, s:i}", "copy", json_object_get(copy, "id"), "rate", 0) : NULL;
  json_auto_t *primary = json_pack("{s:i, s:i}", "copy", 1, "rate", 0);
  return further && job_run_now(house, copy_job_sync, further, "admin", FALSE, error) && job_run_now(house, copy_job_verify, further, "admin", FALSE, error) &&
    job_run_now(house, copy_job_verify, primary, "admin", FALSE, error);
}

/* Instructions that were carried out, as dossiers in the catalogue. A small archive has what its scale says and nothing besides. */
static gboolean archive_dossiers(const House *house, GError **error) {
  const LedgerDefinition *tasks = ledger_find("督办任务");
  if (demo_options.scale < SCALE_WITH_DOSSIERS || tasks == NULL) return TRUE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *entries = sql != NULL ? ledger_archivable(house, sql, LEDGER_EVERYTHING, tasks, 0, error) : NULL;
  json_t *entry;
  if (entries == NULL) return FALSE;
  sql_end(g_steal_pointer(&sql));
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  size_t i;
  json_array_foreach(entries, i, entry) {
    gint64 id = int_at(entry, "id");
    if (json_array_size(json_object_get(entry, "files")) > 0) g_array_append_val(ids, id);
  }
  if (ids->len == 0) return TRUE;
  gint64 delivery = dossiers_send(house, LEDGER_EVERYTHING, "archivist", ids, error);
  json_auto_t *parameters = json_pack("{s:I, s:b}", "accession", (json_int_t)delivery, "accept", 1);
  return delivery != 0 && job_run_now(house, DOSSIER_JOBS[0].run, parameters, "archivist", FALSE, error);
}

static gboolean build(const char *dir, const char *folder, GError **error) {
  g_autoptr(DemoWords) words = demo_words_load(error);
  g_autoptr(GPtrArray) deliveries = words ? demo_deliveries(words, folder, demo_options.scale, error) : NULL;
  g_autoptr(GPtrArray) recent = deliveries ? demo_life_deliveries(words, folder, error) : NULL;
  if (recent == NULL || !draw_documents(deliveries, error) || !draw_documents(recent, error) || !demo_life_package(recent, folder, error) || !name_city(dir, error) ||
    !archive_create(dir, error)) return FALSE;
  g_autoptr(Archive) archive = archive_open(dir, ARCHIVE_WRITE, error);
  if (archive == NULL || !fill(archive_house(archive), deliveries, error)) return FALSE;
  fprintf(stderr, "  近期的移交、检测、收集、转换……\n");
  return demo_life_fill(archive_house(archive), recent, folder, error) && demo_names_fill(archive_house(archive), error) &&
    demo_life_topic(archive_house(archive), "防汛救灾", error) && demo_ledgers_fill(archive_house(archive), error) && (feed_follow(archive_house(archive)), TRUE) &&
    archive_dossiers(archive_house(archive), error) &&
    (demo_options.copy == NULL || make_copy(archive_house(archive), error));
}

/* Made in its place, for deliveries that wait remember where their files lie: a mark tells one that was not finished. */
static gboolean make(const char *dir, GError **error) {
  gint64 begin = g_get_monotonic_time();
  g_autofree char *mark = g_build_filename(dir, "demo-unfinished", NULL), *folder = g_build_filename(dir, "demo-source", NULL);
  if (g_file_test(mark, G_FILE_TEST_EXISTS)) tree_remove(dir);
  fprintf(stderr, "正在生成演示档案库（约 %d 条目录、%d 件原文）…\n", 304 * demo_options.scale, 2 * demo_options.scale);
  if (g_mkdir_with_parents(folder, 0750) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s，请检查权限", folder);
  if (!g_file_set_contents(mark, "", 0, error) || !build(dir, folder, error)) return FALSE;
  tree_remove(folder);
  if (g_unlink(mark) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能删除 %s", mark);
  fprintf(stderr, "演示档案库已生成，用 %.0f 秒。\n", (double)(g_get_monotonic_time() - begin) / 1e6);
  return TRUE;
}

static void print_accounts(const CommandLine *line) {
  json_t *accounts = json_array();
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "演示帐号（密码都是 %s）：\n", PASSWORD);
  for (guint i = 0; i < G_N_ELEMENTS(ACCOUNTS); i++) {
    g_string_append_printf(text, "  %-10s %s\n", ACCOUNTS[i].name, ACCOUNTS[i].title);
    json_array_append_new(accounts, json_pack("{s:s, s:s, s:s}", "name", ACCOUNTS[i].name, "title", ACCOUNTS[i].title, "role", ACCOUNTS[i].role));
  }
  command_print(line, json_pack("{s:s, s:s, s:o}", "directory", line->dir, "password", PASSWORD, "accounts", accounts), "%s", text->str);
}

static gboolean load_ledgers(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_WRITE, error);
  if (archive == NULL || !demo_ledgers_fill(archive_house(archive), error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(archive_house(archive)->db, error);
  gint64 count = sql ? sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry", SQL_NONE, 0, error) : 0;
  command_print(line, json_pack("{s:s, s:I}", "directory", line->dir, "entries", (json_int_t)count), "已装入演示的台账条目，现有 %d 条。\n", (int)count);
  return sql != NULL;
}

static gboolean run_demo(const CommandLine *line, GError **error) {
  if (demo_options.ledgers) return load_ledgers(line, error);
  if (demo_options.scale < 1 || demo_options.scale > 10000) return throw(error, LANTAI_ERROR_INVALID, "规模应在 1 到 10000 之间");
  g_autofree char *mark = g_build_filename(line->dir, "demo-unfinished", NULL);
  if ((!archive_exists(line->dir) || g_file_test(mark, G_FILE_TEST_EXISTS)) && !make(line->dir, error)) return FALSE;
  print_accounts(line);
  return TRUE;
}

const Command DEMO_COMMANDS[] = {
  {"demo", "", "生成演示档案库（已有时只显示演示帐号）", demo_entries, 0, 0, run_demo},
  {NULL},
};
