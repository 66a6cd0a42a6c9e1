/*
 * Destroyed records: the description stays, its files and their text go, and a tombstone tells why, by whom and what there was.
 *
 * 1. Rows, page text, index and tombstone change in one transaction; the caller appends the event and sees to the store.
 * 2. A record with a tombstone takes no files any more.
 */
#include "internal.h"
#include "settings.h"

json_t *catalog_tombstone(Sql *sql, gint64 record_id, GError **error) {
  g_autofree char *text = sql_string(sql, "SELECT data FROM tombstone WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), error);
  return text == NULL ? NULL : json_loads(text, 0, NULL);
}

gboolean catalog_record_destroy(const House *house, Sql *sql, gint64 record_id, json_t *tombstone, GError **error) {
  g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record_id, error);
  if (files == NULL) return FALSE;
  for (guint i = files->len; i > 0; i--)
    if (!catalog_file_remove(house, sql, ((const CatalogFile *)files->pdata[i - 1])->id, error)) return FALSE;
  char *text = json_dumps(tombstone, JSON_COMPACT | JSON_SORT_KEYS);
  gboolean done = sql_exec(sql, "INSERT INTO tombstone (record_id, at_us, data) VALUES ($1, $2, $3) ON CONFLICT (record_id) DO NOTHING",
    SQL_ARGS(sql_int(record_id), sql_int(json_integer_value(json_object_get(tombstone, "at"))), sql_text(text)), error);
  free(text);
  if (!done) return FALSE;
  return sql_changes(sql) == 1 || throw(error, LANTAI_ERROR_CONFLICT, "这件档案的原文已经销毁过");
}
