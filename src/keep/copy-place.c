/*
 * Taking places up and giving them up, what is told of them, and when they are due.
 *
 * 1. A place that has something else on it is refused; one that has a copy of this archive already (also of before a recovery) is taken up again.
 * 2. A host is known by its key: what it shows when the copy is added is kept, and a host that shows another is refused from then on.
 */
#include "copy-room.h"
#include "crypto.h"
#include "error.h"
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

enum { DAY_US = 86400, RETRY_US = 600 };
#define SECOND_US G_GINT64_CONSTANT(1000000)

static const struct {
  const char *path, *text;
} ROOT_FILES[] = {
  {"store/0=ocfl_1.1", "ocfl_1.1\n"},
};

/* The root's own files are the primary's. */
static gboolean put_root(Target *target, const char *from, GError **error) {
  static const char *const names[] = {"store/extensions/0003-hash-and-id-n-tuple-storage-layout/config.json", "store/ocfl_layout.json"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(from, names[i], NULL), *text = NULL;
    gsize length;
    if (!g_file_get_contents(path, &text, &length, error) || !target_put(target, names[i], text, length, error)) return FALSE;
  }
  return target_put(target, ROOT_FILES[0].path, ROOT_FILES[0].text, strlen(ROOT_FILES[0].text), error);
}

/* Invariant 1: empty but for what formatting a disk leaves, or marked with this token, or with this archive's identity. */
static gboolean is_free(Target *target, const char *token, const char *archive, GError **error) {
  TargetInfo mark;
  if (!target->methods->look(target, "copy.json", &mark, error)) return FALSE;
  if (mark.kind == TARGET_FILE) {
    GString *text = target_read(target, "copy.json", 1 << 16, error);
    gboolean same = text && (strstr(text->str, token) != NULL || (*archive && strstr(text->str, archive) != NULL));
    if (text) g_string_free(text, TRUE);
    return same || throw(error, LANTAI_ERROR_CONFLICT, "%s 上已有另一个档案库的副本，没有改动。请另选一个空目录", target->place);
  }
  TargetInfo store;
  static const char *const ours[] = {"store", "journal", "lantai.db"};
  for (guint i = 0; i < G_N_ELEMENTS(ours); i++) {
    if (!target->methods->look(target, ours[i], &store, error)) return FALSE;
    if (store.kind != TARGET_ABSENT) return throw(error, LANTAI_ERROR_CONFLICT, "%s 里已有别的内容（%s），没有改动。请另选一个空目录", target->place, ours[i]);
  }
  return TRUE;
}

gboolean copy_target_mark(const House *house, Target *target, const CopyPlaceRow *row, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autofree char *archive = sql ? journal_identity(sql) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (archive == NULL || !is_free(target, row->token, archive, error) || !put_root(target, house->dir, error)) return FALSE;
  g_autoptr(GBytes) readme = g_resources_lookup_data("/lantai/ui/keep/copy-readme.txt", 0, error);
  if (readme == NULL) return FALSE;
  json_t *mark = json_pack("{s:s, s:s, s:s, s:s}", "token", row->token, "archive", archive, "name", row->name, "program", "lantai " LANTAI_VERSION);
  g_autofree char *text = json_dumps(mark, JSON_INDENT(1));
  json_decref(mark);
  return target_put(target, "README.txt", g_bytes_get_data(readme, NULL), g_bytes_get_size(readme), error) &&
    target->methods->make(target, COPY_INCOMING, error) && target->methods->make(target, "journal", error) && target_put(target, "copy.json", text, strlen(text), error);
}

char *copy_key_make(const House *house, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir, "keys", NULL), *key = g_build_filename(folder, "copy", NULL), *public = g_strconcat(key, ".pub", NULL);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  if (!g_file_test(key, G_FILE_TEST_EXISTS)) {
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lantai", "-f", key, NULL};
    int status = 0;
    g_autoptr(GError) reason = NULL;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &reason) || status != 0)
      return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能生成密钥：%s。请安装 openssh-client", reason ? reason->message : "ssh-keygen 未成功");
  }
  char *text = NULL;
  return g_file_get_contents(public, &text, NULL, error) ? text : NULL;
}

static gboolean is_name(const char *name) { return name && *name && g_utf8_strlen(name, -1) <= 40 && !strchr(name, '/') && g_utf8_validate(name, -1, NULL); }

static gboolean check_new(const House *house, const CopyNew *wanted, GError **error) {
  if (!is_name(wanted->name)) return throw(error, LANTAI_ERROR_INVALID, "副本的名称须为 1 至 40 个字，不含“/”");
  if (!target_is_sftp(wanted->location) && !g_path_is_absolute(wanted->location))
    return throw(error, LANTAI_ERROR_INVALID, "副本的位置须是绝对路径，或 sftp://用户@主机[:端口]/路径，而不是“%s”", wanted->location);
  g_autofree char *place = g_canonicalize_filename(wanted->location, NULL), *below = g_strconcat(house->dir, "/", NULL);
  if (!target_is_sftp(wanted->location) && (g_str_equal(place, house->dir) || g_str_has_prefix(place, below)))
    return throw(error, LANTAI_ERROR_INVALID, "副本不能放在档案库自己的目录 %s 里面", house->dir);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  gint64 same = sql_number(sql, "SELECT COUNT(*) AS rows FROM copy WHERE name = $1 OR location = $2",
    SQL_ARGS(sql_text(wanted->name), sql_text(wanted->location)), 0, NULL);
  return same == 0 || throw(error, LANTAI_ERROR_CONFLICT, "已有同名或同一位置的副本");
}

static json_t *write_new(const House *house, const char *actor, const CopyNew *wanted, const CopyPlaceRow *row, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL || !sql_exec(sql,
    "INSERT INTO copy (name, kind, location, token, host_key, key_file, rate_megabytes, every_days, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    SQL_ARGS(sql_text(row->name), sql_text(row->kind), sql_text(row->location), sql_text(row->token), sql_text(row->host_key), sql_text(row->key_file),
      sql_int(wanted->rate_megabytes), sql_int(wanted->every_days > 0 ? wanted->every_days : 90), sql_int(clock_now_us())), error)) return NULL;
  gint64 id = sql_last_id(sql);
  json_t *data = json_pack("{s:s, s:s, s:s?}", "name", row->name, "location", row->location, "host_key", row->host_key);
  gboolean good = journal_append(sql, actor, "copy.add", "copy", id, data, error) != 0 && sql_commit(sql, error);
  json_decref(data);
  g_clear_pointer(&sql, sql_end);
  g_autoptr(Sql) look = good ? sql_read(house->db, error) : NULL;
  return look ? copy_one(house, look, id, error) : NULL;
}

json_t *copy_add(const House *house, const char *actor, const CopyNew *wanted, GError **error) {
  if (!copy_primary_ensure(house, error) || !check_new(house, wanted, error)) return NULL;
  gboolean sftp = target_is_sftp(wanted->location);
  g_autoptr(CopyPlaceRow) row = g_new0(CopyPlaceRow, 1);
  row->name = g_strdup(wanted->name);
  row->kind = g_strdup(sftp ? "sftp" : "local");
  row->location = sftp ? g_strdup(wanted->location) : g_canonicalize_filename(wanted->location, NULL);
  row->token = crypto_random_token(18);
  if (sftp) row->key_file = wanted->key_file ? g_strdup(wanted->key_file) : g_build_filename(house->dir, "keys", "copy", NULL);
  const SftpTrust trust = {row->key_file, wanted->host_key};
  g_autoptr(Target) target =
    sftp ? target_open_sftp(row->location, &trust, TRUE, &row->host_key, error) : target_open_local(row->location, TRUE, error);
  if (target == NULL || !copy_target_mark(house, target, row, error)) return NULL;
  return write_new(house, actor, wanted, row, error);
}

gboolean copy_forget(const House *house, const char *actor, const char *name, GError **error) {
  gint64 id = copy_id_by_name(house, name, error);
  if (id == 0) return FALSE;
  if (id == PRIMARY_ID) return throw(error, LANTAI_ERROR_INVALID, "主存储不是副本，不能移除");
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *data = json_pack("{s:s}", "name", name);
  gboolean good = sql && sql_exec(sql, "DELETE FROM copy_object WHERE copy_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM copy_fault WHERE copy_id = $1", SQL_ARGS(sql_int(id)), error) &&
    sql_exec(sql, "DELETE FROM copy WHERE id = $1", SQL_ARGS(sql_int(id)), error) && journal_append(sql, actor, "copy.remove", "copy", id, data, error) != 0 &&
    sql_commit(sql, error);
  json_decref(data);
  return good;
}

static gboolean fetch_tree(Target *target, const char *path, const char *dir, GError **error) {
  g_autoptr(GPtrArray) entries = target->methods->list(target, path, error);
  g_autofree char *folder = g_build_filename(dir, path, NULL);
  if (entries == NULL) return FALSE;
  if (g_mkdir_with_parents(folder, 0750) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  g_autoptr(Target) local = target_open_local(dir, FALSE, error);
  for (guint i = 0; local && i < entries->len; i++) {
    const TargetEntry *entry = entries->pdata[i];
    g_autofree char *below = g_strconcat(path, "/", entry->name, NULL);
    if (entry->kind == TARGET_FOLDER && !fetch_tree(target, below, dir, error)) return FALSE;
    if (entry->kind != TARGET_FILE) continue;
    TargetFile *file = target->methods->open(target, below, NULL, error);
    gboolean good = file && local->methods->write(local, below, target_stream, file, error);
    if (file) target->methods->finish(file);
    if (!good) return FALSE;
  }
  return local != NULL;
}

gboolean copy_fetch(const char *location, const char *key_file, const char *host_key, const char *dir, GError **error) {
  const SftpTrust trust = {key_file, host_key};
  g_autoptr(Target) target = target_is_sftp(location) ? target_open_sftp(location, &trust, FALSE, NULL, error) : target_open_local(location, FALSE, error);
  if (target == NULL) return FALSE;
  GString *mark = target_read(target, "copy.json", 1 << 16, NULL);
  if (mark == NULL) return throw(error, LANTAI_ERROR_INVALID, "%s 上没有副本（没有 copy.json）", location);
  gboolean good = copy_settle(target, error) && g_mkdir_with_parents(dir, 0750) == 0;
  g_autoptr(Target) local = good ? target_open_local(dir, TRUE, error) : NULL;
  good = local && target_put(local, "copy.json", mark->str, mark->len, error);
  g_string_free(mark, TRUE);
  static const char *const parts[] = {"store", "journal", "definitions"};
  for (guint i = 0; good && i < G_N_ELEMENTS(parts); i++) good = fetch_tree(target, parts[i], dir, error);
  GString *settings = good ? target_read(target, "lantai.yaml", 1 << 20, NULL) : NULL;
  if (settings) good = target_put(local, "lantai.yaml", settings->str, settings->len, error);
  if (settings) g_string_free(settings, TRUE);
  return good && local->methods->flush(local, error);
}

void copy_fetched_remove(const char *dir) {
  g_autofree char *above = g_path_get_dirname(dir), *name = g_path_get_basename(dir);
  g_autoptr(Target) target = target_open_local(above, FALSE, NULL);
  if (target && !target_remove_tree(target, name, NULL)) g_warning("%s is left behind", dir);
}

/* ---- what is due ---- */

static gboolean queue(Sql *sql, const char *kind, gint64 id, GError **error) {
  json_t *parameters = json_pack("{s:I}", "copy", (json_int_t)id);
  gboolean good = job_queue(sql, kind, "copy", id, parameters, "system", error) != 0;
  json_decref(parameters);
  return good;
}

typedef struct {
  gint64 id;
  gboolean sync, verify;
} Due;

/* One that failed is tried again after ten minutes. A scrub that was begun goes on; the primary's is due like a copy's. */
static GArray *look_due(const House *house) {
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  GArray *list = g_array_new(FALSE, FALSE, sizeof(Due));
  if (sql == NULL) return list;
  gint64 serial = sql_number(sql, "SELECT MAX(serial) AS serial FROM content_object", SQL_NONE, 0, NULL), now_us = clock_now_us();
  gint64 event = sql_number(sql, "SELECT MAX(id) AS id FROM event", SQL_NONE, 0, NULL);
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT id, state, synced_serial, synced_event, synced_us, tried_us, scrubbed_us, every_days, created_us, cursor FROM copy ORDER BY id", SQL_NONE, NULL);
  while (rows && sql_next(rows, NULL)) {
    Due due = {sql_get_int(rows, "id"), FALSE, FALSE};
    gboolean copy = due.id != PRIMARY_ID;
    const char *state = sql_get_text(rows, "state");
    gboolean failed = g_str_equal(state, "away") || g_str_equal(state, "failed");
    if (failed && now_us - sql_get_int(rows, "tried_us") < RETRY_US * SECOND_US) continue;
    gint64 last_us = MAX(sql_get_int(rows, "scrubbed_us"), sql_get_int(rows, "created_us"));
    gboolean told = sql_get_int(rows, "synced_event") < event && now_us - sql_get_int(rows, "synced_us") > RETRY_US * SECOND_US; /* events alone: every ten minutes */
    due.sync = copy && (sql_get_int(rows, "synced_serial") < serial || told || failed);
    due.verify = sql_get_int(rows, "cursor") > 0 || now_us - last_us > sql_get_int(rows, "every_days") * DAY_US * SECOND_US;
    if (due.sync || due.verify) g_array_append_val(list, due);
  }
  return list;
}

void copy_tick(const House *house) {
  g_autoptr(GError) error = NULL;
  if (!copy_primary_ensure(house, &error)) g_warning("copies are not looked after: %s", error->message);
  if (error) return;
  g_autoptr(GArray) due = look_due(house);
  g_autoptr(Sql) sql = due->len ? sql_write(house->db, &error) : NULL;
  gboolean good = sql != NULL;
  for (guint i = 0; good && i < due->len; i++) {
    const Due *one = &g_array_index(due, Due, i);
    if (one->sync) good = queue(sql, "copy.sync", one->id, &error);
    if (good && one->verify) good = queue(sql, "copy.verify", one->id, &error);
  }
  if (good) good = sql_commit(sql, &error);
  if (due->len && !good) g_warning("copies that are due were not queued: %s", error ? error->message : "");
}
