/*
 * The system of record: SQLite behind one small interface. Only this room includes sqlite3.h.
 *
 * 1. One writer at a time in the process (sql_write waits for it); readers see a snapshot and never wait.
 * 2. A statement is a string literal with $1, $2 … in ascending first use; columns are read by name; every computed column has AS.
 * 3. Commit is durable when sql_commit returns TRUE (WAL, synchronous=FULL).
 * 4. A statement is prepared once per connection and kept (by the literal's address).
 */
#pragma once
#include <glib.h>
#include <jansson.h>

typedef struct SqlDb SqlDb;     /* a database file: one writing connection, a pool of reading ones */
typedef struct Sql Sql;         /* a transaction on one connection; used by one thread */
typedef struct SqlRows SqlRows; /* a running query */

typedef struct { int type; gint64 number; double real; const void *data; gssize length; } SqlValue;
static inline SqlValue sql_int(gint64 n) { return (SqlValue){1, n, 0, NULL, 0}; }
static inline SqlValue sql_text(const char *t) { return (SqlValue){t ? 2 : 5, 0, 0, t, -1}; } /* NULL binds NULL; borrowed until the statement has run */
static inline SqlValue sql_text_n(const char *t, gssize n) { return (SqlValue){t ? 2 : 5, 0, 0, t, n}; }
static inline SqlValue sql_blob(const void *d, gssize n) { return (SqlValue){3, 0, 0, d, n}; }
static inline SqlValue sql_real(double r) { return (SqlValue){4, 0, r, NULL, 0}; }
static inline SqlValue sql_null(void) { return (SqlValue){5, 0, 0, NULL, 0}; }
#define SQL_ARGS(...) ((const SqlValue[]){__VA_ARGS__ __VA_OPT__(,) {0, 0, 0, NULL, 0}})
#define SQL_NONE SQL_ARGS()

/* path ":memory:" gives a private database with one connection shared by reads and the writer (for tests).
 * UNAVAILABLE when the file is damaged, of a newer version, or on a full disk; the message says which. */
SqlDb *sql_open(const char *path, GError **error);
SqlDb *sql_open_readonly(const char *path, GError **error);
void sql_close(SqlDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SqlDb, sql_close)

Sql *sql_read(SqlDb *db, GError **error);
Sql *sql_write(SqlDb *db, GError **error);
gboolean sql_commit(Sql *sql, GError **error); /* the Sql may then only be ended */
void sql_end(Sql *sql);                        /* gives the connection back; rolls back what was not committed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sql, sql_end)
/* A part of a transaction, not within another: what it wrote is taken back alone unless it ends good, and the rest goes on. At a good end virtual tables write what
 * they have gathered, which may fail; else that waits for the commit and fails all of it. */
gboolean sql_part_begin(Sql *sql, GError **error);
gboolean sql_part_end(Sql *sql, gboolean good, GError **error); /* FALSE: it was taken back; error only where it should have been good */
SqlDb *sql_db(Sql *sql);
gboolean sql_is_writing(const Sql *sql); /* from sql_write */

typedef void (*SqlHook)(gpointer data);
/* Runs func in the committing thread right after a successful commit (never after a rollback), in order; free_data always. Before the writer lock is released. */
void sql_on_commit(Sql *sql, SqlHook func, gpointer data, GDestroyNotify free_data);
/* A value that lives as long as this transaction, by static key (for a room's own caches, e.g. the head of the journal). */
gpointer sql_get_data(Sql *sql, const char *key);
void sql_set_data(Sql *sql, const char *key, gpointer data, GDestroyNotify free_data);

/* "" statement makes anything but a literal fail to compile. */
#define sql_query(sql, statement, args, error) sql_query_literal((sql), "" statement, (args), (error))
#define sql_exec(sql, statement, args, error) sql_exec_literal((sql), "" statement, (args), (error))
#define sql_json(sql, statement, args, error) sql_json_literal((sql), "" statement, (args), (error))
#define sql_row_json(sql, statement, args, error) sql_row_json_literal((sql), "" statement, (args), (error))
#define sql_number(sql, statement, args, missing, error) sql_number_literal((sql), "" statement, (args), (missing), (error))
#define sql_string(sql, statement, args, error) sql_string_literal((sql), "" statement, (args), (error))

SqlRows *sql_query_literal(Sql *sql, const char *statement, const SqlValue *args, GError **error);
gboolean sql_next(SqlRows *rows, GError **error); /* FALSE at the end and on error (then *error is set) */
int sql_column(SqlRows *rows, const char *name);  /* for loops; an unknown name is a programming error */
gint64 sql_int_at(SqlRows *rows, int column);
const char *sql_text_at(SqlRows *rows, int column); /* borrowed until the next sql_next; NULL for NULL */
gconstpointer sql_blob_at(SqlRows *rows, int column, gsize *ret_length);
gint64 sql_get_int(SqlRows *rows, const char *name);
const char *sql_get_text(SqlRows *rows, const char *name);
gboolean sql_is_null(SqlRows *rows, const char *name);
void sql_rows_free(SqlRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SqlRows, sql_rows_free)

gboolean sql_exec_literal(Sql *sql, const char *statement, const SqlValue *args, GError **error);
/* guarded FALSE: the shadow tables of virtual ones may be written until it is TRUE again; only to mend an index. */
void sql_guard(Sql *sql, gboolean guarded);
/* Drops a table; one whose pages cannot be read is taken out of the schema instead (needs sql_guard FALSE), and its pages stay until sql_reclaim writes the file
 * anew, for which others wait and that needs as much room again. Without such pages sql_reclaim does nothing. */
gboolean sql_drop(Sql *sql, const char *table, GError **error);
gboolean sql_reclaim(SqlDb *db, GError **error);
gint64 sql_changes(Sql *sql); /* rows changed by the last sql_exec */
gint64 sql_last_id(Sql *sql);
json_t *sql_json_literal(Sql *sql, const char *statement, const SqlValue *args, GError **error);     /* array of objects; new reference */
json_t *sql_row_json_literal(Sql *sql, const char *statement, const SqlValue *args, GError **error); /* one object, or NULL with error NOT_FOUND */
gint64 sql_number_literal(Sql *sql, const char *statement, const SqlValue *args, gint64 missing, GError **error); /* first column of the first row */
char *sql_string_literal(Sql *sql, const char *statement, const SqlValue *args, GError **error);     /* NULL without error: no row or NULL */

/* Runs a room's numbered scripts that the database has not seen, each in one transaction. scripts: NULL-ended SQL texts in order.
 * A database with more scripts than given is newer than the program: UNAVAILABLE. */
gboolean sql_migrate(SqlDb *db, const char *room, const char *const *scripts, GError **error);
/* The same from GResource: every /lantai/schema/<room>/NNN_name.sql in order. */
gboolean sql_migrate_room(SqlDb *db, const char *room, GError **error);

/* A consistent copy of the database into a new file while others work. */
gboolean sql_backup(SqlDb *db, const char *path, GError **error);
gboolean sql_integrity_check(SqlDb *db, GError **error);
gboolean sql_is_readonly(const SqlDb *db);
