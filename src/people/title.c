/* The name to show for a sign-in name, remembered until an account changes: pages ask for the same few over and over. */
#include "account.h"

static GMutex lock;
static SqlDb *titles_db;
static GHashTable *titles; /* sign-in name → shown name */

enum { TITLES_MAX = 20000 };

void titles_open(SqlDb *db) {
  g_mutex_lock(&lock);
  titles_db = db;
  g_clear_pointer(&titles, g_hash_table_unref);
  g_mutex_unlock(&lock);
}

static void forget(gpointer unused) {
  g_mutex_lock(&lock);
  g_clear_pointer(&titles, g_hash_table_unref);
  g_mutex_unlock(&lock);
}

void titles_forget(Sql *sql) { sql_on_commit(sql, forget, NULL, NULL); }

char *people_title_of(const char *name) {
  if (g_str_equal(name, "system")) return g_strdup("系统");
  g_mutex_lock(&lock);
  const char *known = titles ? g_hash_table_lookup(titles, name) : NULL;
  char *title = g_strdup(known);
  SqlDb *db = titles_db;
  g_mutex_unlock(&lock);
  if (title || db == NULL) return title;
  g_autoptr(Sql) sql = sql_read(db, NULL);
  title = sql ? sql_string(sql, "SELECT title FROM account WHERE name = $1", SQL_ARGS(sql_text(name)), NULL) : NULL;
  if (title == NULL) return NULL;
  g_mutex_lock(&lock);
  if (titles == NULL || g_hash_table_size(titles) >= TITLES_MAX) {
    g_clear_pointer(&titles, g_hash_table_unref);
    titles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  }
  g_hash_table_insert(titles, g_strdup(name), g_strdup(title));
  g_mutex_unlock(&lock);
  return title;
}
