/*
 * Destroying an object's bytes on purpose, leaving a tombstone: an object of the same id with one version that has only the files given.
 *
 * 1. The intent (content_tomb) is committed before anything is touched; from then on the destruction is finished, at the next opening at the latest.
 * 2. The tomb is made whole in the staging folder and flushed, then exchanged for the object in one step; so at any moment there is one or the other.
 * 3. Only when the old bytes are deleted and the folders flushed is the intent deleted and the log told. Every step may be done again.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

gboolean content_entomb_intend(Sql *sql, const char *object_id, json_t *files, const char *user, const char *message, GError **error) {
  if (!object_id_check(object_id, error)) return FALSE;
  g_autofree char *text = json_dumps(files, JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(sql, "INSERT INTO content_tomb (object_id, actor, message, at_us, files) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                  SQL_ARGS(sql_text(object_id), sql_text(user), sql_text(message), sql_int(clock_now_us()), sql_text(text)), error);
}

typedef struct {
  char *actor, *message;
  json_t *files;
  gint64 at_us;
} Tomb;

static void tomb_clear(Tomb *tomb) {
  g_free(tomb->actor);
  g_free(tomb->message);
  json_decref(tomb->files);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tomb, tomb_clear)

/* FALSE without error: there is no intent. */
static gboolean load_tomb(Content *content, const char *object_id, Tomb *ret, GError **error) {
  g_autoptr(Sql) sql = sql_read(content->db, error);
  g_autoptr(SqlRows) rows =
    sql != NULL ? sql_query(sql, "SELECT actor, message, at_us, files FROM content_tomb WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), error) : NULL;
  if (rows == NULL || !sql_next(rows, error)) return FALSE;
  ret->actor = g_strdup(sql_get_text(rows, "actor"));
  ret->message = g_strdup(sql_get_text(rows, "message"));
  ret->at_us = sql_get_int(rows, "at_us");
  ret->files = json_loads(sql_get_text(rows, "files"), 0, NULL);
  return TRUE;
}

static gboolean fill_stage(ContentStage *stage, json_t *files, GError **error) {
  const char *path;
  json_t *text;
  gboolean told = FALSE;
  json_object_foreach(files, path, text) {
    told = told || strcmp(path, TOMBSTONE) == 0;
    if (content_stage_add_bytes(stage, path, json_string_value(text), json_string_length(text), error) == NULL) return FALSE;
  }
  return told || throw(error, LANTAI_ERROR_INVALID, "销毁对象 %s 须留下 " TOMBSTONE, stage->object_id);
}

/* Invariant 2. Where the file system cannot exchange, the old one goes first; the intent brings the tomb after a crash between. */
static gboolean exchange(Content *content, const char *prepared, const char *path, GError **error) {
  if (!make_parents(content->root_fd, path, error)) return FALSE;
  if (renameat2(content->staging_fd, prepared, content->root_fd, path, RENAME_EXCHANGE) == 0) return TRUE;
  if (errno != ENOENT && errno != EINVAL && errno != ENOSYS) return throw_errno(error, "替换", path);
  g_autofree char *old = content_new_name(content, 'x');
  if (renameat(content->root_fd, path, content->staging_fd, old) != 0 && errno != ENOENT) return throw_errno(error, "移开", path);
  if (renameat(content->staging_fd, prepared, content->root_fd, path) != 0) return throw_errno(error, "放置", path);
  return remove_tree(content->staging_fd, old) || throw_errno(error, "删除", path);
}

static gboolean place_tomb(Content *content, const char *object_id, const Tomb *tomb, char **ret_digest, GError **error) {
  g_autoptr(ContentStage) stage = stage_new_fresh(content, object_id, tomb->actor, tomb->message, error);
  if (stage == NULL) return FALSE;
  stage->created_us = tomb->at_us;
  g_autofree char *path = object_path(object_id);
  if (!fill_stage(stage, tomb->files, error) || !stage_prepare(stage, error) || !content_flush(content, stage->flush_failures, error)) return FALSE;
  if (!pass_point("content.entomb.prepared", error) || !exchange(content, stage->name, path, error)) return FALSE;
  object_forget_cached(content, object_id);
  if (!pass_point("content.entomb.placed", error)) return FALSE;
  if (!remove_tree(content->staging_fd, stage->name)) return throw_errno(error, "删除", object_id); /* the old bytes are in it now */
  if (!pass_point("content.entomb.removed", error) || !content_flush(content, stage->flush_failures, error)) return FALSE;
  *ret_digest = g_strdup(stage->inventory_sha512);
  return TRUE;
}

static gboolean settle(Content *content, const char *object_id, const char *digest, GError **error) {
  g_autoptr(Sql) sql = sql_write(content->db, error);
  return sql != NULL && content_log_put(sql, object_id, 1, digest, TRUE, error) &&
         sql_exec(sql, "DELETE FROM content_intent WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), error) &&
         sql_exec(sql, "DELETE FROM content_tomb WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), error) && sql_commit(sql, error);
}

static gboolean entomb(Content *content, const char *object_id, GError **error) {
  g_auto(Tomb) tomb = {NULL, NULL, NULL, 0};
  g_autoptr(GError) reason = NULL;
  if (!load_tomb(content, object_id, &tomb, &reason)) {
    if (reason == NULL) return TRUE; /* done before */
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  g_autofree char *digest = NULL;
  return place_tomb(content, object_id, &tomb, &digest, error) && settle(content, object_id, digest, error);
}

static gboolean is_entombed(Content *content, const char *object_id) {
  g_autoptr(Sql) sql = sql_read(content->db, NULL);
  return sql != NULL && sql_number(sql, "SELECT tomb FROM content_object WHERE object_id = $1", SQL_ARGS(sql_text(object_id)), 0, NULL) == 1;
}

static gboolean intend(Content *content, const char *object_id, json_t *files, const char *user, const char *message, GError **error) {
  if (files == NULL || is_entombed(content, object_id)) return TRUE;
  if (!json_is_string(json_object_get(files, TOMBSTONE))) return throw(error, LANTAI_ERROR_INVALID, "销毁对象 %s 须留下 " TOMBSTONE, object_id);
  g_autoptr(Sql) sql = sql_write(content->db, error);
  return sql != NULL && content_entomb_intend(sql, object_id, files, user, message, error) && sql_commit(sql, error) &&
         pass_point("content.entomb.intended", error);
}

gboolean content_entomb(Content *content, const char *object_id, json_t *files, const char *user, const char *message, GError **error) {
  if (!content_writable(content, error) || !object_id_check(object_id, error) || !content_claim(content, object_id, error)) return FALSE;
  gboolean done = intend(content, object_id, files, user, message, error) && entomb(content, object_id, error);
  content_unclaim(content, object_id);
  return done;
}

gboolean content_entomb_recover(Content *content, GError **error) {
  g_autoptr(Sql) sql = sql_read(content->db, error);
  json_t *rows = sql != NULL ? sql_json(sql, "SELECT object_id FROM content_tomb ORDER BY object_id", SQL_NONE, error) : NULL, *row;
  g_clear_pointer(&sql, sql_end);
  gboolean good = rows != NULL;
  size_t i;
  json_array_foreach(rows, i, row) good = good && entomb(content, json_string_value(json_object_get(row, "object_id")), error);
  json_decref(rows);
  return good;
}
