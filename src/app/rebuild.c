/*
 * A new archive from the object store and the journal alone: the proof that the database is not the only memory.
 * The old directory is only read. Store and journal of the new one are copies (links where the file system allows it).
 */
#include "app.h"
#include "copy.h"
#include "error.h"
#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Files of the store are never changed in place, so a hard link is as good as a copy; inventories are replaced by rename. But a further copy must not
 * share its bytes with what is made from it. */
static gboolean may_link = TRUE;

static gboolean copy_tree(const char *from, const char *to, GError **error) {
  if (g_mkdir_with_parents(to, 0750) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", to, error_reason(errno));
  g_autoptr(GDir) dir = g_dir_open(from, 0, error);
  if (dir == NULL) return FALSE;
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *source = g_build_filename(from, name, NULL);
    g_autofree char *target = g_build_filename(to, name, NULL);
    if (g_file_test(source, G_FILE_TEST_IS_SYMLINK)) continue;
    if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
      if (!copy_tree(source, target, error)) return FALSE;
    } else if (!may_link || link(source, target) != 0) {
      g_autoptr(GFile) a = g_file_new_for_path(source);
      g_autoptr(GFile) b = g_file_new_for_path(target);
      if (!g_file_copy(a, b, G_FILE_COPY_NONE, NULL, NULL, NULL, error)) return FALSE;
    }
  }
  return TRUE;
}

static gboolean copy_part(const char *from, const char *to, const char *name, GError **error) {
  g_autofree char *source = g_build_filename(from, name, NULL);
  g_autofree char *target = g_build_filename(to, name, NULL);
  if (!g_file_test(source, G_FILE_TEST_EXISTS)) return TRUE;
  if (g_file_test(source, G_FILE_TEST_IS_DIR)) return copy_tree(source, target, error);
  g_autofree char *bytes = NULL;
  gsize length;
  return g_file_get_contents(source, &bytes, &length, error) && g_file_set_contents(target, bytes, (gssize)length, error);
}

typedef struct {
  const House *house;
  gint64 events;
  gboolean show_progress;
} Replay;

/* Each event is applied by the room that wrote it, and added to the new journal as it was, in one transaction. */
static gboolean replay_event(json_t *event, gpointer data, GError **error) {
  Replay *replay = data;
  const char *action = json_string_value(json_object_get(event, "action"));
  g_autoptr(Sql) sql = sql_write(replay->house->db, error);
  if (sql == NULL) return FALSE;
  gboolean good = TRUE;
  if (g_str_has_prefix(action, "record.")) good = catalog_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "code.")) good = catalog_code_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "revise.")) good = revise_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "authority.") || g_str_has_prefix(action, "link.") || g_str_has_prefix(action, "dossier."))
    good = authority_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "category.")) good = catalog_category_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "schedule.")) good = schedule_replay(replay->house, sql, event, error);
  else if (g_str_equal(action, "ledger.follow")) good = feed_replay(sql, event, error);
  else if (g_str_has_prefix(action, "ledger.")) good = ledger_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "figure.") || g_str_has_prefix(action, "report.")) good = figure_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "synonym.")) good = catalog_synonym_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "project.")) good = project_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "keep.")) good = keep_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "quality.")) good = quality_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "check.")) good = check_replay(replay->house, sql, event, error);
  else if (g_str_has_prefix(action, "accession.")) good = accession_replay(replay->house, sql, event, error);
  if (!good) {
    g_prefix_error(error, "重放第 %" G_GINT64_FORMAT " 号事件（%s）时：", (gint64)json_integer_value(json_object_get(event, "id")), action);
    return FALSE;
  }
  if (!journal_restore(sql, event, error) || !sql_commit(sql, error)) return FALSE;
  if (++replay->events % 100 == 0 && replay->show_progress) fprintf(stderr, "\r重放事件 %" G_GINT64_FORMAT, replay->events);
  return TRUE;
}

static json_t *compare(const char *from, const House *house, GError **error) {
  json_t *rebuilt = care_digest(house->db, error);
  if (rebuilt == NULL) return NULL;
  json_t *result = json_pack("{s:o}", "rebuilt", rebuilt);
  g_autofree char *path = g_build_filename(from, "lantai.db", NULL);
  g_autoptr(GError) damaged = NULL;
  g_autoptr(SqlDb) old = g_file_test(path, G_FILE_TEST_EXISTS) ? sql_open_readonly(path, &damaged) : NULL;
  json_t *former = old ? care_digest(old, &damaged) : NULL;
  json_auto_t *compared = json_copy(rebuilt);
  static const char *const later[] = {"accession", "check_task", "check_item", "check_finding"}; /* an older database does not tell them */
  for (guint i = 0; former && i < G_N_ELEMENTS(later); i++)
    if (json_object_get(former, later[i]) == NULL) json_object_del(compared, later[i]);
  json_object_set_new(result, "equal", former ? json_boolean(json_equal(former, compared)) : json_null());
  json_object_set_new(result, "former", former ? former : json_null());
  return result;
}

static json_t *rebuild_aside(const char *from, const char *aside, gboolean show_progress, GError **error) {
  static const char *const parts[] = {"lantai.yaml", "definitions", "store", "deliveries"};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!copy_part(from, aside, parts[i], error)) return NULL;
  if (!archive_create(aside, error)) return NULL;
  g_autoptr(Archive) archive = archive_open(aside, ARCHIVE_WRITE, error);
  if (archive == NULL) return NULL;
  Replay replay = {archive_house(archive), 0, show_progress};
  if (!journal_replay(from, replay_event, &replay, error) || !feed_resume(replay.house, error) || !care_reindex(replay.house, NULL, NULL, NULL, error)) return NULL;
  if (show_progress) fputc('\n', stderr);
  json_t *result = compare(from, replay.house, error);
  if (result) json_object_set_new(result, "events", json_integer(replay.events));
  return result;
}

json_t *care_rebuild(const char *from, const char *dir, gboolean show_progress, GError **error) {
  g_autofree char *store = g_build_filename(from, "store", NULL);
  if (!g_file_test(store, G_FILE_TEST_IS_DIR)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "目录 %s 中没有长期保存库（store），无法重建", from);
  if (g_file_test(dir, G_FILE_TEST_EXISTS)) return throw_null(error, LANTAI_ERROR_CONFLICT, "目录 %s 已存在，没有改动。请指定一个新目录", dir);
  g_autofree char *aside = care_aside(dir, error);
  may_link = !copy_is_copy(from);
  archive_define_later(TRUE);
  json_t *result = aside ? rebuild_aside(from, aside, show_progress, error) : NULL;
  archive_define_later(FALSE);
  return aside ? care_put_in_place(aside, dir, result, error) : NULL;
}
