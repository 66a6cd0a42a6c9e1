/* Opening the room, and who may see whose results: rooms that own subjects say so. */
#include "internal.h"

enum { KINDS = 16 };
static struct { const char *kind, *prefix; CheckVisible visible; } kinds[KINDS];

void check_set_visible(const char *subject_kind, CheckVisible visible, const char *href_prefix) {
  guint i = 0;
  while (i < KINDS && kinds[i].kind && !g_str_equal(kinds[i].kind, subject_kind)) i++;
  g_assert(i < KINDS);
  kinds[i].visible = visible;
  kinds[i].prefix = g_intern_string(href_prefix);
  kinds[i].kind = g_intern_string(subject_kind);
}

CheckVisible visible_of(const char *subject_kind, const char **ret_prefix) {
  for (guint i = 0; i < KINDS && kinds[i].kind; i++) {
    if (g_strcmp0(kinds[i].kind, subject_kind) != 0) continue;
    *ret_prefix = kinds[i].prefix;
    return kinds[i].visible;
  }
  return NULL;
}

/* What a run that was broken off left behind. */
static gboolean sweep(SqlDb *db, GError **error) {
  {
    g_autoptr(Sql) sql = sql_read(db, error);
    if (sql == NULL) return FALSE;
    if (sql_is_readonly(db) || sql_number(sql, "SELECT COUNT(*) AS n FROM check_task WHERE state = 'running'", SQL_NONE, 0, NULL) == 0) return TRUE;
  }
  g_autoptr(Sql) sql = sql_write(db, error);
  return sql && sql_exec(sql, "DELETE FROM check_finding WHERE task_id IN (SELECT id FROM check_task WHERE state = 'running')", SQL_NONE, error) &&
    sql_exec(sql, "DELETE FROM check_task WHERE state = 'running'", SQL_NONE, error) && sql_commit(sql, error);
}

gboolean check_open(SqlDb *db, const char *dir, GError **error) {
  return sql_migrate_room(db, "check", error) && scheme_load_all(dir, error) && sweep(db, error);
}
