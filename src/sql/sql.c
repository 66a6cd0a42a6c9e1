/*
 * SQLite connections, transactions and statements. See sql.h for what callers may rely on.
 *
 * 1. One writer is let in from sql_write to sql_end; on-commit hooks run before it leaves, so what they see is the newest state.
 * 2. Reading connections are made on demand and kept; one is used by one transaction at a time.
 * 3. What was committed is moved from the log into the file beside the writers (checkpoint), so that nobody's turn lasts for it.
 * 4. A statement's parameters are $1, $2 … in ascending first use, so that the number is the index SQLite gives it.
 */
#include "sql.h"
#include "map.h"
#include "error.h"
#include "settings.h"
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

enum { SQL_READER_CACHE_KIB = 2048, SQL_WRITER_CACHE_KIB = 65536, SQL_CHECKPOINT_PAGES = 8192, SQL_LOG_PAGES = 32768 };

typedef struct {
  sqlite3_stmt *statement;
  gboolean busy;
} Prepared;

typedef struct {
  sqlite3 *handle;
  GHashTable *prepared; /* literal's address → Prepared */
} Connection;

struct SqlDb {
  char *path;
  gboolean readonly, temporary;
  GMutex writer_lock; /* guards the two below */
  GCond writer_gone;
  guint64 writer_last, writer_now; /* writers come by the number that they drew */
  gboolean leaks; /* by who writes: tables were forgotten, their pages are still there */
  Connection *writer;
  GMutex pool_lock; /* guards idle */
  GPtrArray *idle;
  GThread *mover; /* by who writes: the last one that moved the log */
  gint moving;
};

typedef struct {
  SqlHook func;
  gpointer data;
  GDestroyNotify free_data;
} Hook;

typedef struct {
  gpointer data;
  GDestroyNotify free_data;
} Attached;

struct Sql {
  SqlDb *db;
  Connection *connection;
  gboolean writes, open;
  GArray *hooks;
  GHashTable *attached;
  gint64 changes;
};

struct SqlRows {
  Sql *sql;
  sqlite3_stmt *statement;
  Prepared *prepared; /* NULL: the statement is ours alone */
  gboolean at_row;
};

/* ---- errors ---- */

static gboolean throw_sqlite(GError **error, sqlite3 *handle, int code, const char *what) {
  const char *detail = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
  case SQLITE_FULL: return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘已满，没有写入任何内容。请腾出空间后重试");
  case SQLITE_IOERR: return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘读写出错，没有写入任何内容：%s。请检查磁盘", detail);
  case SQLITE_READONLY: return throw(error, LANTAI_ERROR_UNAVAILABLE, "数据库只能读取，不能写入：%s。请检查目录权限", detail);
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return throw(error, LANTAI_ERROR_BUSY, "数据库正忙，请稍后重试");
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "数据库文件已损坏：%s。请用 lantai restore 恢复备份，或用 lantai rebuild 由长期保存库重建", detail);
  case SQLITE_CANTOPEN: return throw(error, LANTAI_ERROR_UNAVAILABLE, "打不开数据库文件：%s。请检查路径和权限", detail);
  case SQLITE_CONSTRAINT: return throw(error, LANTAI_ERROR_CONFLICT, "与已有数据冲突：%s", detail);
  case SQLITE_TOOBIG: return throw(error, LANTAI_ERROR_TOO_LARGE, "内容太长，无法保存");
  default: return throw(error, LANTAI_ERROR_INTERNAL, "数据库操作失败：%s（%s）", detail, what);
  }
}

/* ---- connections ---- */

static void prepared_free(gpointer data) {
  Prepared *prepared = data;
  sqlite3_finalize(prepared->statement);
  g_free(prepared);
}

static void connection_free(Connection *connection) {
  if (connection == NULL) return;
  g_hash_table_unref(connection->prepared);
  sqlite3_close(connection->handle);
  g_free(connection);
}

static gboolean run(Connection *connection, const char *statement, GError **error) {
  int code = sqlite3_exec(connection->handle, statement, NULL, NULL, NULL);
  return code == SQLITE_OK || throw_sqlite(error, connection->handle, code, statement);
}

static Connection *pool_take(SqlDb *db, GError **error);
static void pool_return(SqlDb *db, Connection *connection);

/* ---- from the log into the file ---- */

static gboolean move_log(sqlite3 *handle) { return sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK; }

static gpointer checkpoint(gpointer data) {
  SqlDb *db = data;
  Connection *connection = pool_take(db, NULL);
  if (connection != NULL) {
    move_log(connection->handle);
    pool_return(db, connection);
  }
  g_atomic_int_set(&db->moving, FALSE);
  return NULL;
}

/* The log begins anew when all of it was moved and nobody writes meanwhile; where writers leave no pause, the little that is left is moved by one of them. What
 * cannot be moved now (the disk, a reader of long ago) stays in the log, which is as good, until the next commit. */
static int committed(void *data, sqlite3 *handle, const char *name, int pages) {
  (void)name;
  SqlDb *db = data;
  if (pages < SQL_CHECKPOINT_PAGES || (pages >= SQL_LOG_PAGES && move_log(handle))) return SQLITE_OK;
  if (!g_atomic_int_compare_and_exchange(&db->moving, FALSE, TRUE)) return SQLITE_OK;
  if (db->mover != NULL) g_thread_join(db->mover);
  db->mover = g_thread_try_new("checkpoint", checkpoint, db, NULL);
  if (db->mover == NULL) g_atomic_int_set(&db->moving, FALSE);
  return SQLITE_OK;
}

static Connection *connection_open(SqlDb *db, gboolean writer, GError **error) {
  Connection *connection = g_new0(Connection, 1);
  connection->prepared = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, prepared_free);
  int flags = SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : db->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  int code = sqlite3_open_v2(db->path, &connection->handle, flags, NULL);
  gboolean good = code == SQLITE_OK || throw_sqlite(error, connection->handle, code, "open");
  if (good) {
    sqlite3_extended_result_codes(connection->handle, 0);
    sqlite3_busy_timeout(connection->handle, 10000);
    sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    static const char writing[] = "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=FAST;";
    static const char reading[] = "PRAGMA query_only=ON; PRAGMA mmap_size=1;"; /* pages that are in memory anyway are not copied to be read (map.c) */
    g_autofree char *pragmas = g_strdup_printf("PRAGMA cache_size=-%d; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON; %s",
      writer ? SQL_WRITER_CACHE_KIB : SQL_READER_CACHE_KIB, writer ? writing : reading);
    good = run(connection, pragmas, error) && run(connection, "SELECT count(*) FROM sqlite_schema", error);
    if (writer) sqlite3_wal_hook(connection->handle, committed, db);
  }
  if (good) return connection;
  connection_free(connection);
  return NULL;
}

/* SQLite's count of the memory in use stands behind one lock of the process, taken at each allocation of each connection: many readers would queue there. */
static gpointer configure(gpointer data) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  sql_map_register();
  return data;
}

static SqlDb *db_new(const char *path, gboolean readonly) {
  static GOnce configured = G_ONCE_INIT;
  g_once(&configured, configure, NULL);
  SqlDb *db = g_new0(SqlDb, 1);
  db->path = g_strdup(path);
  db->readonly = readonly;
  g_mutex_init(&db->writer_lock);
  g_cond_init(&db->writer_gone);
  g_mutex_init(&db->pool_lock);
  db->idle = g_ptr_array_new_with_free_func((GDestroyNotify)connection_free);
  return db;
}

SqlDb *sql_open(const char *path, GError **error) {
  gboolean temporary = g_str_equal(path, ":memory:");
  g_autofree char *folder = temporary ? g_dir_make_tmp("lantai-sql-XXXXXX", error) : NULL;
  if (temporary && folder == NULL) return NULL;
  g_autofree char *file = temporary ? g_build_filename(folder, "test.db", NULL) : g_strdup(path);
  g_autoptr(SqlDb) db = db_new(file, FALSE);
  db->temporary = temporary;
  db->writer = connection_open(db, TRUE, error);
  return db->writer ? g_steal_pointer(&db) : NULL;
}

SqlDb *sql_open_readonly(const char *path, GError **error) {
  g_autoptr(SqlDb) db = db_new(path, TRUE);
  Connection *connection = connection_open(db, FALSE, error);
  if (connection == NULL) return NULL;
  g_ptr_array_add(db->idle, connection);
  return g_steal_pointer(&db);
}

void sql_close(SqlDb *db) {
  if (db == NULL) return;
  if (db->mover != NULL) g_thread_join(db->mover);
  g_ptr_array_unref(db->idle);
  connection_free(db->writer);
  if (db->temporary) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
      g_autofree char *file = g_strconcat(db->path, endings[i], NULL);
      g_unlink(file);
    }
    g_autofree char *folder = g_path_get_dirname(db->path);
    g_rmdir(folder);
  }
  g_mutex_clear(&db->writer_lock);
  g_cond_clear(&db->writer_gone);
  g_mutex_clear(&db->pool_lock);
  g_free(db->path);
  g_free(db);
}

/* ---- transactions ---- */

static void attached_free(gpointer data) {
  Attached *attached = data;
  if (attached->free_data) attached->free_data(attached->data);
  g_free(attached);
}

static void hook_clear(gpointer data) {
  Hook *hook = data;
  if (hook->free_data) hook->free_data(hook->data);
}

static Sql *transaction_new(SqlDb *db, Connection *connection, gboolean writes) {
  Sql *sql = g_new0(Sql, 1);
  sql->db = db;
  sql->connection = connection;
  sql->writes = writes;
  sql->open = TRUE;
  sql->hooks = g_array_new(FALSE, FALSE, sizeof(Hook));
  g_array_set_clear_func(sql->hooks, hook_clear);
  sql->attached = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, attached_free);
  return sql;
}

static Connection *pool_take(SqlDb *db, GError **error) {
  g_mutex_lock(&db->pool_lock);
  Connection *connection = db->idle->len ? g_ptr_array_steal_index_fast(db->idle, db->idle->len - 1) : NULL;
  g_mutex_unlock(&db->pool_lock);
  return connection ? connection : connection_open(db, FALSE, error);
}

static void pool_return(SqlDb *db, Connection *connection) {
  g_mutex_lock(&db->pool_lock);
  g_ptr_array_add(db->idle, connection);
  g_mutex_unlock(&db->pool_lock);
}

Sql *sql_read(SqlDb *db, GError **error) {
  Connection *connection = pool_take(db, error);
  if (connection == NULL) return NULL;
  if (run(connection, "BEGIN", error)) return transaction_new(db, connection, FALSE);
  connection_free(connection);
  return NULL;
}

/* First come, first served: who writes one transaction after the other lets in who waits. */
static void writer_enter(SqlDb *db) {
  g_mutex_lock(&db->writer_lock);
  for (guint64 number = db->writer_last++; db->writer_now != number;) g_cond_wait(&db->writer_gone, &db->writer_lock);
  g_mutex_unlock(&db->writer_lock);
}

static void writer_leave(SqlDb *db) {
  g_mutex_lock(&db->writer_lock);
  db->writer_now++;
  g_cond_broadcast(&db->writer_gone);
  g_mutex_unlock(&db->writer_lock);
}

Sql *sql_write(SqlDb *db, GError **error) {
  if (db->writer == NULL) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "档案库以只读方式打开，不能写入");
  writer_enter(db);
  if (run(db->writer, "BEGIN IMMEDIATE", error)) return transaction_new(db, db->writer, TRUE);
  writer_leave(db);
  return NULL;
}

gboolean sql_commit(Sql *sql, GError **error) {
  g_return_val_if_fail(sql->open, FALSE);
  if (!fault_point("sql.commit")) return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘已满，没有写入任何内容。请腾出空间后重试");
  if (!run(sql->connection, "COMMIT", error)) return FALSE;
  sql->open = FALSE;
  for (guint i = 0; i < sql->hooks->len; i++) {
    Hook *hook = &g_array_index(sql->hooks, Hook, i);
    hook->func(hook->data);
  }
  return TRUE;
}

void sql_end(Sql *sql) {
  if (sql == NULL) return;
  SqlDb *db = sql->db;
  gboolean usable = TRUE;
  if (sql->open && !sqlite3_get_autocommit(sql->connection->handle)) usable = sqlite3_exec(sql->connection->handle, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK;
  g_hash_table_unref(sql->attached);
  g_array_unref(sql->hooks);
  if (sql->writes) writer_leave(db);
  else if (usable) pool_return(db, sql->connection);
  else connection_free(sql->connection);
  g_free(sql);
}

gboolean sql_part_begin(Sql *sql, GError **error) { return run(sql->connection, "SAVEPOINT part", error); }

gboolean sql_part_end(Sql *sql, gboolean good, GError **error) {
  good = good && run(sql->connection, "SAVEPOINT gathered", error); /* virtual tables write before another begins */
  if (!good) run(sql->connection, "ROLLBACK TO part", NULL);
  run(sql->connection, "RELEASE part", NULL);
  return good;
}

SqlDb *sql_db(Sql *sql) { return sql->db; }
gboolean sql_is_writing(const Sql *sql) { return sql->writes; }

void sql_on_commit(Sql *sql, SqlHook func, gpointer data, GDestroyNotify free_data) {
  Hook hook = {func, data, free_data};
  g_array_append_val(sql->hooks, hook);
}

gpointer sql_get_data(Sql *sql, const char *key) {
  Attached *attached = g_hash_table_lookup(sql->attached, key);
  return attached ? attached->data : NULL;
}

void sql_set_data(Sql *sql, const char *key, gpointer data, GDestroyNotify free_data) {
  Attached *attached = g_new(Attached, 1);
  attached->data = data;
  attached->free_data = free_data;
  g_hash_table_insert(sql->attached, (gpointer)key, attached);
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(Sql *sql, const char *literal, GError **error) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v3(sql->connection->handle, literal, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
  if (code != SQLITE_OK) return throw_sqlite(error, sql->connection->handle, code, literal), NULL;
  for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
    char expected[16];
    g_snprintf(expected, sizeof expected, "$%d", i);
    if (g_strcmp0(sqlite3_bind_parameter_name(statement, i), expected) != 0) g_error("parameters not in ascending first use: %s", literal);
  }
  return statement;
}

/* A statement that is already running (a query inside its own loop) gets a second, unshared copy. */
static sqlite3_stmt *acquire(Sql *sql, const char *literal, Prepared **ret_prepared, GError **error) {
  Prepared *prepared = g_hash_table_lookup(sql->connection->prepared, literal);
  *ret_prepared = NULL;
  if (prepared && prepared->busy) return prepare(sql, literal, error);
  if (prepared == NULL) {
    sqlite3_stmt *statement = prepare(sql, literal, error);
    if (statement == NULL) return NULL;
    prepared = g_new0(Prepared, 1);
    prepared->statement = statement;
    g_hash_table_insert(sql->connection->prepared, (gpointer)literal, prepared);
  }
  prepared->busy = TRUE;
  *ret_prepared = prepared;
  return prepared->statement;
}

static void release(sqlite3_stmt *statement, Prepared *prepared) {
  if (prepared == NULL) {
    sqlite3_finalize(statement);
    return;
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  prepared->busy = FALSE;
}

static void bind(sqlite3_stmt *statement, const char *literal, const SqlValue *args) {
  int count = 0;
  for (; args[count].type != 0; count++) {
    const SqlValue *value = &args[count];
    switch (value->type) {
    case 1: sqlite3_bind_int64(statement, count + 1, value->number); break;
    case 2: sqlite3_bind_text(statement, count + 1, value->data, (int)value->length, SQLITE_STATIC); break;
    case 3: sqlite3_bind_blob(statement, count + 1, value->data, (int)value->length, SQLITE_STATIC); break;
    case 4: sqlite3_bind_double(statement, count + 1, value->real); break;
    default: sqlite3_bind_null(statement, count + 1);
    }
  }
  if (count != sqlite3_bind_parameter_count(statement)) g_error("%d values for: %s", count, literal);
}

gboolean sql_exec_literal(Sql *sql, const char *literal, const SqlValue *args, GError **error) {
  Prepared *prepared;
  sqlite3_stmt *statement = acquire(sql, literal, &prepared, error);
  if (statement == NULL) return FALSE;
  bind(statement, literal, args);
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) continue;
  gboolean good = code == SQLITE_DONE || throw_sqlite(error, sql->connection->handle, code, literal);
  sql->changes = sqlite3_changes64(sql->connection->handle);
  release(statement, prepared);
  return good;
}

void sql_guard(Sql *sql, gboolean guarded) { sqlite3_db_config(sql->connection->handle, SQLITE_DBCONFIG_DEFENSIVE, guarded, NULL); }

gint64 sql_changes(Sql *sql) { return sql->changes; }
gint64 sql_last_id(Sql *sql) { return sqlite3_last_insert_rowid(sql->connection->handle); }

SqlRows *sql_query_literal(Sql *sql, const char *literal, const SqlValue *args, GError **error) {
  Prepared *prepared;
  sqlite3_stmt *statement = acquire(sql, literal, &prepared, error);
  if (statement == NULL) return NULL;
  bind(statement, literal, args);
  SqlRows *rows = g_new0(SqlRows, 1);
  rows->sql = sql;
  rows->statement = statement;
  rows->prepared = prepared;
  return rows;
}

gboolean sql_next(SqlRows *rows, GError **error) {
  int code = sqlite3_step(rows->statement);
  rows->at_row = code == SQLITE_ROW;
  if (!rows->at_row && code != SQLITE_DONE) throw_sqlite(error, rows->sql->connection->handle, code, sqlite3_sql(rows->statement));
  return rows->at_row;
}

int sql_column(SqlRows *rows, const char *name) {
  int count = sqlite3_column_count(rows->statement);
  for (int i = 0; i < count; i++)
    if (g_str_equal(sqlite3_column_name(rows->statement, i), name)) return i;
  g_error("no column %s in: %s", name, sqlite3_sql(rows->statement));
}

gint64 sql_int_at(SqlRows *rows, int column) { return sqlite3_column_int64(rows->statement, column); }
const char *sql_text_at(SqlRows *rows, int column) { return (const char *)sqlite3_column_text(rows->statement, column); }

gconstpointer sql_blob_at(SqlRows *rows, int column, gsize *ret_length) {
  gconstpointer blob = sqlite3_column_blob(rows->statement, column);
  *ret_length = (gsize)sqlite3_column_bytes(rows->statement, column);
  return blob;
}

gint64 sql_get_int(SqlRows *rows, const char *name) { return sql_int_at(rows, sql_column(rows, name)); }
const char *sql_get_text(SqlRows *rows, const char *name) { return sql_text_at(rows, sql_column(rows, name)); }
gboolean sql_is_null(SqlRows *rows, const char *name) { return sqlite3_column_type(rows->statement, sql_column(rows, name)) == SQLITE_NULL; }

void sql_rows_free(SqlRows *rows) {
  if (rows == NULL) return;
  release(rows->statement, rows->prepared);
  g_free(rows);
}

/* ---- rows as JSON and single values ---- */

static json_t *row_object(SqlRows *rows) {
  json_t *object = json_object();
  int count = sqlite3_column_count(rows->statement);
  for (int i = 0; i < count; i++) {
    json_t *value;
    switch (sqlite3_column_type(rows->statement, i)) {
    case SQLITE_INTEGER: value = json_integer(sqlite3_column_int64(rows->statement, i)); break;
    case SQLITE_FLOAT: value = json_real(sqlite3_column_double(rows->statement, i)); break;
    case SQLITE_TEXT: value = json_stringn((const char *)sqlite3_column_text(rows->statement, i), (size_t)sqlite3_column_bytes(rows->statement, i)); break;
    default: value = json_null();
    }
    json_object_set_new_nocheck(object, sqlite3_column_name(rows->statement, i), value ? value : json_null());
  }
  return object;
}

json_t *sql_json_literal(Sql *sql, const char *literal, const SqlValue *args, GError **error) {
  g_autoptr(SqlRows) rows = sql_query_literal(sql, literal, args, error);
  if (rows == NULL) return NULL;
  json_t *array = json_array();
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) json_array_append_new(array, row_object(rows));
  if (failure == NULL) return array;
  json_decref(array);
  g_propagate_error(error, g_steal_pointer(&failure));
  return NULL;
}

json_t *sql_row_json_literal(Sql *sql, const char *literal, const SqlValue *args, GError **error) {
  g_autoptr(SqlRows) rows = sql_query_literal(sql, literal, args, error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  if (sql_next(rows, &failure)) return row_object(rows);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有找到所要的内容，可能已被删除");
}

gint64 sql_number_literal(Sql *sql, const char *literal, const SqlValue *args, gint64 missing, GError **error) {
  g_autoptr(SqlRows) rows = sql_query_literal(sql, literal, args, error);
  if (rows == NULL || !sql_next(rows, error) || sqlite3_column_type(rows->statement, 0) == SQLITE_NULL) return missing;
  return sql_int_at(rows, 0);
}

char *sql_string_literal(Sql *sql, const char *literal, const SqlValue *args, GError **error) {
  g_autoptr(SqlRows) rows = sql_query_literal(sql, literal, args, error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  return g_strdup(sql_text_at(rows, 0));
}

/* ---- schema ---- */

static gboolean apply_script(SqlDb *db, const char *room, gint64 number, const char *script, GError **error) {
  g_autoptr(Sql) sql = sql_write(db, error);
  if (sql == NULL) return FALSE;
  int code = sqlite3_exec(sql->connection->handle, script, NULL, NULL, NULL);
  if (code != SQLITE_OK) return throw_sqlite(error, sql->connection->handle, code, room);
  return sql_exec(sql, "INSERT INTO schema_version (room, number) VALUES ($1, $2) ON CONFLICT (room) DO UPDATE SET number = excluded.number",
           SQL_ARGS(sql_text(room), sql_int(number)), error) &&
    sql_commit(sql, error);
}

gboolean sql_migrate(SqlDb *db, const char *room, const char *const *scripts, GError **error) {
  gint64 known = 0;
  while (scripts[known]) known++;
  gint64 number = 0;
  if (!db->readonly) {
    g_autoptr(Sql) sql = sql_write(db, error);
    if (sql == NULL ||
      !sql_exec(sql, "CREATE TABLE IF NOT EXISTS schema_version (room TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID", SQL_NONE, error))
      return FALSE;
    g_autoptr(GError) failure = NULL;
    number = sql_number(sql, "SELECT number FROM schema_version WHERE room = $1", SQL_ARGS(sql_text(room)), 0, &failure);
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    if (!sql_commit(sql, error)) return FALSE;
  } else {
    g_autoptr(Sql) sql = sql_read(db, error);
    if (sql == NULL) return FALSE;
    number = sql_number(sql, "SELECT number FROM schema_version WHERE room = $1", SQL_ARGS(sql_text(room)), 0, NULL);
    if (number < known) return throw(error, LANTAI_ERROR_UNAVAILABLE, "档案库还没有初始化，或需要升级。请先运行 lantai serve 一次");
  }
  if (number > known)
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "档案库由更新版本的程序建立（%s 第 %" G_GINT64_FORMAT " 版），请升级程序后再打开", room, number);
  for (gint64 i = number; i < known; i++)
    if (!apply_script(db, room, i + 1, scripts[i], error)) return FALSE;
  return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b) { return g_strcmp0(*(const char *const *)a, *(const char *const *)b); }

gboolean sql_migrate_room(SqlDb *db, const char *room, GError **error) {
  g_autofree char *folder = g_strdup_printf("/lantai/schema/%s", room);
  g_auto(GStrv) names = g_resources_enumerate_children(folder, 0, error);
  if (names == NULL) return FALSE;
  qsort(names, g_strv_length(names), sizeof *names, compare_names);
  g_autoptr(GPtrArray) scripts = g_ptr_array_new_with_free_func(g_free);
  for (char **name = names; *name; name++) {
    g_autofree char *path = g_build_path("/", folder, *name, NULL);
    g_autoptr(GBytes) bytes = g_resources_lookup_data(path, 0, error);
    if (bytes == NULL) return FALSE;
    g_ptr_array_add(scripts, g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)));
  }
  g_ptr_array_add(scripts, NULL);
  return sql_migrate(db, room, (const char *const *)scripts->pdata, error);
}

/* ---- care ---- */

/* Reads by the file, not by its mapping: what the disk fails to read is then an error, and does not end the program. */
typedef Sql PlainSql;
static Sql *read_plainly(SqlDb *db, GError **error) {
  Sql *sql = sql_read(db, error);
  if (sql) run(sql->connection, "PRAGMA mmap_size=0", NULL);
  return sql;
}

static void plain_end(PlainSql *sql) {
  run(sql->connection, "PRAGMA mmap_size=1", NULL);
  sql_end(sql);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlainSql, plain_end)

gboolean sql_backup(SqlDb *db, const char *path, GError **error) {
  g_autoptr(PlainSql) sql = read_plainly(db, error);
  if (sql == NULL) return FALSE;
  sqlite3 *target = NULL;
  int code = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
  sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(target, "main", sql->connection->handle, "main") : NULL;
  if (backup == NULL) {
    throw_sqlite(error, target, sqlite3_errcode(target), "backup");
    sqlite3_close(target);
    return FALSE;
  }
  do code = sqlite3_backup_step(backup, 4096);
  while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
  sqlite3_backup_finish(backup);
  gboolean good = code == SQLITE_DONE || throw_sqlite(error, target, code, "backup");
  sqlite3_close(target);
  return good;
}

gboolean sql_integrity_check(SqlDb *db, GError **error) {
  g_autoptr(PlainSql) sql = read_plainly(db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  g_autofree char *answer = sql_string(sql, "PRAGMA integrity_check(5)", SQL_NONE, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  if (g_strcmp0(answer, "ok") == 0) return TRUE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "数据库文件已损坏：%s。请用 lantai restore 恢复备份，或用 lantai rebuild 重建", answer);
}

/* A literal table's name; %Q quotes it. */
static gboolean run_with(Sql *sql, const char *format, const char *table, GError **error) {
  char *statement = sqlite3_mprintf(format, table);
  gboolean good = run(sql->connection, statement, error);
  sqlite3_free(statement);
  return good;
}

/* Asked before it is dropped, and of another connection: one that has met an unreadable page cannot write until its transaction has ended. A table that is not
 * there is readable. */
static gboolean is_readable(SqlDb *db, const char *table) {
  g_autoptr(PlainSql) sql = read_plainly(db, NULL);
  if (sql == NULL) return TRUE;
  char *statement = sqlite3_mprintf("PRAGMA quick_check(%Q)", table), **cells = NULL;
  int rows = 0, columns = 0, code = sqlite3_get_table(sql->connection->handle, statement, &cells, &rows, &columns, NULL) & 0xff;
  gboolean good = code == SQLITE_OK ? rows == 1 && g_strcmp0(cells[columns], "ok") == 0 : code != SQLITE_CORRUPT && code != SQLITE_NOTADB;
  sqlite3_free_table(cells);
  sqlite3_free(statement);
  return good;
}

gboolean sql_drop(Sql *sql, const char *table, GError **error) {
  if (is_readable(sql->db, table)) return run_with(sql, "DROP TABLE IF EXISTS %Q", table, error);
  sql->db->leaks = TRUE;
  return run(sql->connection, "PRAGMA writable_schema = ON", error) && run_with(sql, "DELETE FROM sqlite_schema WHERE tbl_name = %Q", table, error) &&
    run(sql->connection, "PRAGMA writable_schema = RESET", error);
}

gboolean sql_reclaim(SqlDb *db, GError **error) {
  if (db->writer == NULL) return TRUE;
  writer_enter(db);
  gboolean good = !db->leaks || run(db->writer, "VACUUM", error);
  if (good) db->leaks = FALSE;
  writer_leave(db);
  return good;
}

gboolean sql_is_readonly(const SqlDb *db) { return db->readonly; }
