/*
 * The log of the store (table content_object): which version of each object was acknowledged, and in which order objects changed.
 *
 * 1. A row is written in the transaction that makes the change known, so the log and the catalogue agree after any crash.
 * 2. Serials grow with each change, in the order of commits: what has a greater serial than one seen was changed after it.
 * 3. A store that was there before its log is walked once (content_log_fill); an object without a row is never taken for a removed one.
 */
#include "content-internal.h"
#include <fcntl.h>

enum { FILL_BATCH = 500 };

gboolean content_log_put(Sql *sql, const char *object_id, guint version, const char *inventory_sha512, gboolean tomb, GError **error) {
  return sql_exec(sql,
    "INSERT INTO content_object (object_id, version, inventory, tomb, serial) VALUES ($1, $2, $3, $4, (SELECT COALESCE(MAX(serial), 0) + 1 FROM content_object))"
    " ON CONFLICT (object_id) DO UPDATE SET version = excluded.version, inventory = excluded.inventory,"
    " tomb = CASE WHEN content_object.tomb = 1 THEN 1 ELSE excluded.tomb END, serial = excluded.serial",
    SQL_ARGS(sql_text(object_id), sql_int(version), sql_text(inventory_sha512), sql_int(tomb)), error);
}

/* SHA-512 of the inventory of one version, or NULL. */
static char *version_digest(Content *content, const char *object_id, guint version) {
  autofd object = object_open(content, object_id);
  g_autofree char *path = g_strdup_printf("v%u/inventory.json", version);
  GString *text = NULL;
  if (object < 0 || !read_file(object, path, INVENTORY_LIMIT_BYTES, &text)) return NULL;
  char *digest = crypto_digest_hex(DIGEST_SHA512, text->str, text->len);
  g_string_free(text, TRUE);
  return digest;
}

gboolean content_log_drop(Content *content, Sql *sql, const char *object_id, guint version, GError **error) {
  guint left = version > 1 ? version - 1 : 0;
  g_autofree char *digest = left > 0 ? version_digest(content, object_id, left) : NULL;
  return sql_exec(sql,
    "UPDATE content_object SET version = $1, inventory = $2, serial = (SELECT COALESCE(MAX(serial), 0) + 1 FROM content_object)"
    " WHERE object_id = $3 AND version > $1",
    SQL_ARGS(sql_int(left), sql_text(digest), sql_text(object_id)), error);
}

/* ---- filling ---- */

typedef struct {
  Content *content;
  Sql *sql;
  guint pending;
  gint64 done;
} Fill;

static gboolean flush_fill(Fill *fill, GError **error) {
  gboolean good = fill->sql == NULL || sql_commit(fill->sql, error);
  g_clear_pointer(&fill->sql, sql_end);
  fill->pending = 0;
  return good;
}

/* Versions under way are not yet known to anyone: they come into the log when they are acknowledged. */
static gboolean fill_object(Fill *fill, const char *folder, GError **error) {
  g_autoptr(ObjectScan) scan = scan_inventories(fill->content, folder);
  if (scan->gone || scan->inventory == NULL) return TRUE;
  const char *id = scan->inventory->id;
  if (fill->sql == NULL && (fill->sql = sql_write(fill->content->db, error)) == NULL) return FALSE;
  guint version = scan->inventory->head;
  gint64 intent = sql_number(fill->sql, "SELECT MIN(version) AS version FROM content_intent WHERE object_id = $1", SQL_ARGS(sql_text(id)), 0, NULL);
  if (intent > 0 && intent <= version) version = (guint)intent - 1;
  gint64 known = sql_number(fill->sql, "SELECT version FROM content_object WHERE object_id = $1", SQL_ARGS(sql_text(id)), -1, NULL);
  g_autofree char *digest = scan->whole ? version_digest(fill->content, id, version) : NULL;
  gboolean tomb = g_hash_table_contains(scan->inventory->files, TOMBSTONE);
  fill->done++;
  if (known >= 0 || version == 0) return TRUE;
  if (!content_log_put(fill->sql, id, version, digest, tomb, error)) return FALSE;
  return ++fill->pending < FILL_BATCH || flush_fill(fill, error);
}

static gboolean fill_folder(Fill *fill, const char *path, guint level, GError **error) {
  autofd fd = level == 0 ? dup(fill->content->root_fd) : open_beneath(fill->content->root_fd, path, O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = fd >= 0 ? list_folder(fd) : NULL;
  for (guint i = 0; names != NULL && i < names->len; i++) {
    const char *name = names->pdata[i];
    g_autofree char *below = level == 0 ? g_strdup(name) : g_strconcat(path, "/", name, NULL);
    gboolean good = level == 3 ? fill_object(fill, below, error) : !is_hex(name, 3) || fill_folder(fill, below, level + 1, error);
    if (!good) return FALSE;
  }
  return TRUE;
}

gboolean content_log_is_complete(Sql *sql) { return sql_number(sql, "SELECT COUNT(*) AS rows FROM content_log_state", SQL_NONE, 0, NULL) > 0; }

gboolean content_log_fill(Content *content, GError **error) {
  if (!content_writable(content, error)) return FALSE;
  g_autoptr(Sql) look = sql_read(content->db, error);
  if (look == NULL) return FALSE;
  if (content_log_is_complete(look)) return TRUE;
  g_clear_pointer(&look, sql_end);
  Fill fill = {.content = content};
  gboolean good = fill_folder(&fill, "", 0, error) && flush_fill(&fill, error);
  g_clear_pointer(&fill.sql, sql_end);
  g_autoptr(Sql) sql = good ? sql_write(content->db, error) : NULL;
  return sql != NULL && sql_exec(sql, "INSERT INTO content_log_state (complete_us) VALUES ($1)", SQL_ARGS(sql_int(clock_now_us())), error) &&
         sql_commit(sql, error);
}
