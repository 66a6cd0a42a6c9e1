/*
 * The watched folder (setting receive.watch): what is put there and has come to rest becomes a delivery, and its checks are queued.
 *
 * 1. An entry is a file or a folder in WATCH/, or in WATCH/单位名/ where that folder holds nothing but packages; the same below WATCH/归档/, whose entries are
 *    checked as 归档. Hidden ones, *.part and links are let be.
 *    It has come to rest when neither count, bytes nor newest change moved for receive.settle_seconds.
 * 2. A row in state "moving" is committed before the entry is moved to 已接收/; whatever a crash leaves is finished from that row, so nothing is taken
 *    twice and nothing is lost.
 * 3. What cannot be a delivery ends in 不能接收/, with its reason in a .txt beside it. For want of disk or time it is tried again.
 */
#include "delivery.h"
#include "error.h"
#include "upload.h"
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAKEN "已接收"
#define REFUSED "不能接收"
#define FILING "归档"
#define DEPTH_MAX 64
#define MOVING_MAX 100
#define SAME_NAMES_MAX 10000
#define ACTOR "system"

static void watch_tick(const House *house);
const JobTick ACCESSION_TICKS[] = {watch_tick, upload_sweep, NULL};

/* ---- what lies there ---- */

typedef struct { char *path, *body; const char *stage; } Entry; /* body: "" when it lies in WATCH itself */
static void entry_free(gpointer data) {
  Entry *entry = data;
  g_free(entry->path);
  g_free(entry->body);
  g_free(entry);
}

static gboolean is_let_be(const char *folder, const char *name, gboolean top) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  struct stat status;
  if (*name == '.' || g_str_has_suffix(name, ".part") || lstat(path, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return TRUE;
  return top && (g_str_equal(name, TAKEN) || g_str_equal(name, REFUSED));
}

static gboolean ends_in(const char *name, const char *const *endings) {
  g_autofree char *lower = g_ascii_strdown(name, -1);
  for (; *endings; endings++)
    if (g_str_has_suffix(lower, *endings)) return TRUE;
  return FALSE;
}

static gboolean is_archive(const char *name) { return ends_in(name, (const char *const[]){".zip", ".tar", ".tgz", ".tar.gz", NULL}); }
static gboolean is_table(const char *name) { return ends_in(name, (const char *const[]){".csv", ".xlsx", ".xls", ".et", ".dbf", ".tsv", NULL}); }

/* A folder that begins as packages do: with a readme, a catalogue or a bag's declaration. */
static gboolean is_package(const char *path) {
  static const char *const marks[] = {"说明文件", "目录文件", "文件目录", "案卷目录", "bagit.txt"};
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    if (is_table(name)) return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(marks); i++)
      if (g_str_has_prefix(name, marks[i])) return TRUE;
  }
  return FALSE;
}

/* Nothing but packages in it: archive files, package folders, or tables without folders beside them. */
static gboolean is_body_folder(const char *path) {
  if (is_package(path)) {
    g_autoptr(GDir) tables = g_dir_open(path, 0, NULL);
    const char *name;
    while (tables && (name = g_dir_read_name(tables)))
      if (*name != '.' && !g_str_has_suffix(name, ".part") && !is_table(name)) return FALSE;
    return TRUE;
  }
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  guint packages = 0;
  while (dir && (name = g_dir_read_name(dir))) {
    if (*name == '.' || g_str_has_suffix(name, ".part")) continue;
    g_autofree char *child = g_build_filename(path, name, NULL);
    if (g_file_test(child, G_FILE_TEST_IS_DIR) ? !is_package(child) : !is_archive(name)) return FALSE;
    packages++;
  }
  return packages > 0;
}

static void add_entries(GPtrArray *entries, const char *folder, const char *body, const char *stage) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    if (is_let_be(folder, name, !*body)) continue;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!*body && g_file_test(path, G_FILE_TEST_IS_DIR)) {
      if (g_str_equal(name, FILING) && g_str_equal(stage, "transfer")) {
        add_entries(entries, path, "", "filing");
        continue;
      }
      g_autofree char *shown = g_utf8_make_valid(name, -1);
      if (is_body_folder(path)) {
        add_entries(entries, path, shown, stage);
        continue;
      }
    }
    Entry *entry = g_new0(Entry, 1);
    entry->path = g_steal_pointer(&path);
    entry->body = g_strdup(body);
    entry->stage = stage;
    g_ptr_array_add(entries, entry);
  }
}

/* ---- coming to rest ---- */

typedef struct { guint64 count, bytes; gint64 newest_ns; } Shape;
typedef struct { Shape shape; gint64 since_us; guint pass; } Seen;

static void measure(const char *path, guint depth, Shape *shape) {
  struct stat status;
  if (lstat(path, &status) != 0) return;
  shape->count++;
  if (S_ISREG(status.st_mode)) shape->bytes += (guint64)status.st_size;
  shape->newest_ns = MAX(shape->newest_ns, status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec);
  if (!S_ISDIR(status.st_mode) || depth >= DEPTH_MAX) return;
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    measure(child, depth + 1, shape);
  }
}

static gboolean is_empty_folder(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  return dir && g_dir_read_name(dir) == NULL;
}

/* Remembered in memory alone: after a restart everything has to rest anew. Ticks are never two at once. */
static gboolean has_settled(GHashTable *seen, const char *path, guint pass, gint64 settle_us) {
  Shape shape = {0};
  measure(path, 0, &shape);
  Seen *former = g_hash_table_lookup(seen, path);
  gint64 now_us = g_get_monotonic_time();
  if (former && memcmp(&former->shape, &shape, sizeof shape) == 0) {
    former->pass = pass;
    return now_us - former->since_us >= settle_us && !is_empty_folder(path);
  }
  Seen *fresh = g_new(Seen, 1);
  *fresh = (Seen){shape, now_us, pass};
  g_hash_table_replace(seen, g_strdup(path), fresh);
  return FALSE;
}

static gboolean is_gone(gpointer key, gpointer value, gpointer pass) { return ((Seen *)value)->pass != GPOINTER_TO_UINT(pass); }

/* ---- taking ---- */

/* Where it goes: WATCH/<place>/[单位/]name, with a number when that name was there before. */
static char *free_path(const char *watch, const char *place, const char *body, const char *name, GError **error) {
  g_autofree char *folder = g_build_filename(watch, place, *body ? body : NULL, NULL), *plain = g_utf8_make_valid(name, -1);
  if (g_mkdir_with_parents(folder, 0770) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  const char *dot = strrchr(plain, '.');
  gsize stem = dot && dot > plain ? (gsize)(dot - plain) : strlen(plain);
  for (guint n = 1; n < SAME_NAMES_MAX; n++) {
    g_autofree char *numbered = n == 1 ? g_strdup(plain) : g_strdup_printf("%.*s-%u%s", (int)stem, plain, n, plain + stem);
    g_autofree char *path = g_build_filename(folder, numbered, NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) return g_steal_pointer(&path);
  }
  return throw_null(error, LANTAI_ERROR_CONFLICT, "目录 %s 中同名的“%s”过多，请整理", folder, plain);
}

static gboolean end_row(Sql *sql, json_t *row, const char *state, const char *moved, gint64 accession_id, const char *reason, GError **error) {
  return sql_exec(sql, "UPDATE watch_entry SET state = $1, moved = $2, accession_id = $3, reason = $4, at = $5 WHERE id = $6",
    SQL_ARGS(sql_text(state), sql_text(moved), sql_int(accession_id), sql_text(reason), sql_int(clock_now_us()), sql_int(int_at(row, "id"))), error) &&
    sql_commit(sql, error);
}

/* The reason is written before the move, so that nothing ever lies there without one. */
static gboolean refuse(const House *house, const char *watch, json_t *row, const char *reason, GError **error) {
  const char *moved = text_at(row, "moved");
  g_autofree char *name = g_path_get_basename(moved), *to = free_path(watch, REFUSED, text_at(row, "body"), name, error);
  if (to == NULL) return FALSE;
  g_autofree char *note = g_strconcat(to, ".txt", NULL), *now = clock_format(clock_now_us());
  g_autofree char *text = g_strdup_printf("没有接收：%s\r\n原因：%s\r\n时间：%s\r\n请改正后重新放入接收目录。\r\n", name, reason, now);
  GError *failure = NULL;
  if (!g_file_set_contents(note, text, -1, &failure)) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  if (g_rename(moved, to) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能把 %s 移到 %s：%s", moved, to, error_reason(errno));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && end_row(sql, row, "refused", to, 0, reason, error);
}

static gboolean queue_checks(const House *house, json_t *row, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *parameters = json_pack("{s:I}", "accession", (json_int_t)id);
  gboolean good = sql && job_queue(sql, "accession.rehearse", "accession", id, parameters, ACTOR, error) &&
    end_row(sql, row, "received", text_at(row, "moved"), id, "", error);
  json_decref(parameters);
  return good;
}

static gboolean forget(const House *house, json_t *row, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql, "DELETE FROM watch_entry WHERE id = $1", SQL_ARGS(sql_int(int_at(row, "id"))), error) && sql_commit(sql, error);
}

/* From wherever the row stands to the end; the same delivery when it was received before a crash (accession_receive). */
static gboolean bring_in(const House *house, const char *watch, json_t *row, GError **error) {
  const char *moved = text_at(row, "moved");
  g_autofree char *from = g_filename_from_uri(text_at(row, "path"), NULL, NULL);
  if (!g_file_test(moved, G_FILE_TEST_EXISTS)) {
    if (from == NULL || !g_file_test(from, G_FILE_TEST_EXISTS)) return forget(house, row, error); /* it was taken away meanwhile */
    if (g_rename(from, moved) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能把 %s 移到 %s：%s。请检查目录的权限", from, moved, error_reason(errno));
  }
  if (!delivery_point("watch.moved", error)) return FALSE;
  gboolean table = is_table(moved) && !g_file_test(moved, G_FILE_TEST_IS_DIR); /* named so, it has to be one */
  const AccessionSource source = {.path = moved, .body = text_at(row, "body"), .table_only = table, .stage = text_at(row, "stage")};
  GError *failure = NULL;
  gint64 id = accession_receive(house, ACTOR, &source, &failure);
  if (id) return delivery_point("watch.received", error) && queue_checks(house, row, id, error);
  gboolean again = g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE) || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY);
  if (again) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  gboolean good = refuse(house, watch, row, failure->message, error);
  g_error_free(failure);
  return good;
}

static gboolean take(const House *house, const char *watch, const Entry *entry, GError **error) {
  g_autofree char *name = g_path_get_basename(entry->path), *moved = free_path(watch, TAKEN, entry->body, name, error);
  g_autofree char *uri = g_filename_to_uri(entry->path, NULL, NULL); /* any bytes a name may have */
  g_autoptr(Sql) sql = moved ? sql_write(house->db, error) : NULL;
  if (sql == NULL || !sql_exec(sql, "INSERT INTO watch_entry (path, moved, body, state, at, stage) VALUES ($1, $2, $3, 'moving', $4, $5)",
      SQL_ARGS(sql_text(uri), sql_text(moved), sql_text(entry->body), sql_int(clock_now_us()), sql_text(entry->stage)), error)) return FALSE;
  json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)sql_last_id(sql), "path", uri, "moved", moved, "body", entry->body, "stage",
    entry->stage);
  gboolean good = sql_commit(sql, error);
  g_clear_pointer(&sql, sql_end);
  good = good && bring_in(house, watch, row, error);
  json_decref(row);
  return good;
}

static gboolean finish_former(const House *house, const char *watch, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *rows = sql ? sql_json(sql, "SELECT id, path, moved, body, stage FROM watch_entry WHERE state = 'moving' ORDER BY id LIMIT $1", SQL_ARGS(sql_int(MOVING_MAX)),
    error) : NULL, *row;
  g_clear_pointer(&sql, sql_end);
  gboolean good = rows != NULL;
  size_t i;
  json_array_foreach(rows, i, row) good = good && bring_in(house, watch, row, error);
  json_decref(rows);
  return good;
}

/* ---- the tick ---- */

static gboolean look(const House *house, const char *watch, GHashTable *seen, GError **error) {
  static guint pass;
  if (!g_file_test(watch, G_FILE_TEST_IS_DIR)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "接收目录 %s 不存在。请建立它，或改正设置 receive.watch", watch);
  if (!finish_former(house, watch, error)) return FALSE;
  g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
  add_entries(entries, watch, "", "transfer");
  gint64 settle_us = settings_int(house->settings, "receive.settle_seconds") * G_USEC_PER_SEC;
  pass++;
  gboolean good = TRUE;
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = entries->pdata[i];
    if (has_settled(seen, entry->path, pass, settle_us)) good = take(house, watch, entry, error);
    if (!good) break;
  }
  if (good) g_hash_table_foreach_remove(seen, is_gone, GUINT_TO_POINTER(pass));
  return good;
}

static void watch_tick(const House *house) {
  static GHashTable *seen;
  static gint64 next_us;
  static char *told; /* the trouble that was told last: the same is not told again */
  const char *setting = settings_text(house->settings, "receive.watch");
  if (!*setting || g_get_monotonic_time() < next_us) return;
  if (seen == NULL) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *watch = g_canonicalize_filename(setting, house->dir);
  g_autoptr(GError) failure = NULL;
  gboolean good = look(house, watch, seen, &failure);
  if (failure && g_strcmp0(told, failure->message) != 0) g_warning("监视接收目录：%s", failure->message);
  g_free(told);
  told = good ? NULL : g_strdup(failure->message);
  gint64 settle = settings_int(house->settings, "receive.settle_seconds");
  next_us = g_get_monotonic_time() + CLAMP(settle / 3, 1, 10) * (gint64)G_USEC_PER_SEC;
}
