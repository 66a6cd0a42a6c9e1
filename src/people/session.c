/*
 * Sign-in and the gate: passwords checked under the rule of failures, sessions, and the person that a session's token stands for.
 *
 * 1. A token is 32 random bytes; the database holds its SM3 only.
 * 2. An unknown name costs the same time and gets the same words as a wrong password.
 * 3. Five failures of a name from an address lock the pair for ten minutes from the last of them. Passwords are checked one at a time, so that guesses cannot
 *    run ahead of the count; what would have to queue for long is refused at once.
 * 4. seen_us is written at most once a minute, so a session ends between one minute less than the setting and the setting after its last use.
 */
#include "account.h"
#include "crypto.h"
#include "error.h"
#include "journal.h"
#include "settings.h"
#include <string.h>

enum { TOKEN_BYTES = 32, TOKEN_MAX = 200, LOCK_US = 600 * G_USEC_PER_SEC, SEEN_US = 60 * G_USEC_PER_SEC, CHECKS_AT_ONCE = 3, DEFAULT_MINUTES = 30,
  ADDRESS_MAX = 100 };

static int session_minutes = DEFAULT_MINUTES; /* atomic */
static GMutex check_lock;
static int checks; /* atomic: running and waiting password checks */

void people_set_session_minutes(gint64 minutes) { g_atomic_int_set(&session_minutes, (int)CLAMP(minutes, 1, 100000)); }

static gint64 session_us(void) { return (gint64)g_atomic_int_get(&session_minutes) * 60 * G_USEC_PER_SEC; }

static char *token_hash(const char *token) { return crypto_digest_hex(DIGEST_SM3, token, strlen(token)); }

/* As it is stored: valid and bounded. */
static char *address_clean(const char *address) {
  char *clean = g_utf8_make_valid(address ? address : "", -1);
  if (strlen(clean) > ADDRESS_MAX) *g_utf8_find_prev_char(clean, clean + ADDRESS_MAX) = '\0';
  return clean;
}

/* ---- failures ---- */

static gboolean check_locked(Sql *sql, const char *name, const char *address, GError **error) {
  gint64 now_us = clock_now_us();
  GError *problem = NULL;
  gint64 last_us = sql_number(sql, "SELECT last_us FROM sign_in_failure WHERE name = $1 AND address = $2 AND failures >= $3",
    SQL_ARGS(sql_text(name), sql_text(address), sql_int(LOCK_FAILURES)), 0, &problem);
  if (problem) return g_propagate_error(error, problem), FALSE;
  gint64 left_us = last_us + LOCK_US - now_us;
  if (last_us == 0 || left_us <= 0) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "登录失败次数过多，已暂时锁定。请 %d 分钟后再试", (int)((left_us + 60 * G_USEC_PER_SEC - 1) / (60 * G_USEC_PER_SEC)));
}

static gboolean journal_sign_in(Sql *sql, const char *actor, const char *action, gint64 id, const char *address, const char *reason, GError **error) {
  json_t *data = json_pack("{s:s, s:s*}", "address", address, "reason", reason);
  gboolean good = journal_append(sql, actor, action, "user", id, data, error) != 0;
  json_decref(data);
  return good;
}

/* Counts a failure; while a pair is locked nothing comes here, so the journal cannot be flooded through one name and address. */
static gboolean record_failure(SqlDb *db, const char *name, gint64 id, const char *address, const char *reason, GError **error) {
  g_autoptr(Sql) sql = sql_write(db, error);
  gint64 now_us = clock_now_us();
  if (sql == NULL || !sql_exec(sql, "DELETE FROM sign_in_failure WHERE last_us <= $1", SQL_ARGS(sql_int(now_us - LOCK_US)), error) ||
      !sql_exec(sql, "INSERT INTO sign_in_failure (name, address, failures, last_us) VALUES ($1, $2, 1, $3)"
        " ON CONFLICT (name, address) DO UPDATE SET failures = sign_in_failure.failures + 1, last_us = excluded.last_us",
        SQL_ARGS(sql_text(name), sql_text(address), sql_int(now_us)), error)) return FALSE;
  GError *problem = NULL;
  gint64 failures = sql_number(sql, "SELECT failures FROM sign_in_failure WHERE name = $1 AND address = $2", SQL_ARGS(sql_text(name), sql_text(address)), 0,
    &problem);
  if (problem) return g_propagate_error(error, problem), FALSE;
  return journal_sign_in(sql, name, "user.sign_in_failed", id, address, reason, error) &&
         (failures != LOCK_FAILURES || journal_sign_in(sql, name, "user.sign_in_locked", id, address, NULL, error)) && sql_commit(sql, error);
}

typedef struct {
  gint64 id;
  char *hash;
  gboolean enabled;
} Known;

static gboolean find_account(Sql *sql, const char *name, Known *ret, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, password, enabled FROM account WHERE name = $1", SQL_ARGS(sql_text(name)), error);
  GError *problem = NULL;
  if (rows && sql_next(rows, &problem)) *ret = (Known){sql_get_int(rows, "id"), g_strdup(sql_get_text(rows, "password")), sql_get_int(rows, "enabled") != 0};
  if (problem) g_propagate_error(error, problem);
  return rows != NULL && problem == NULL;
}

/* What an unknown name's password is compared with. Called under check_lock. */
static const char *nobodys_hash(void) {
  static char *hash;
  if (hash == NULL) {
    g_autofree char *random = crypto_random_token(TOKEN_BYTES);
    hash = crypto_password_hash(random);
  }
  return hash;
}

static gboolean check_one(SqlDb *db, const char *name, const char *password, const char *address, gint64 *ret_id, GError **error) {
  Known known = {0};
  {
    g_autoptr(Sql) sql = sql_read(db, error);
    if (sql == NULL || !check_locked(sql, name, address, error) || !find_account(sql, name, &known, error)) return FALSE;
  }
  g_autofree char *hash = known.hash;
  gboolean right = crypto_password_verify(password, hash ? hash : nobodys_hash()) && hash;
  if (right && known.enabled) {
    *ret_id = known.id;
    return TRUE;
  }
  const char *reason = hash == NULL ? "用户名不存在" : !right ? "密码不正确" : "帐号已停用";
  if (!record_failure(db, name, known.id, address, reason, error)) return FALSE;
  return right ? throw(error, LANTAI_ERROR_DENIED, "这个帐号已停用，请与系统管理员联系") : throw(error, LANTAI_ERROR_DENIED, "用户名或密码不正确");
}

gboolean session_check_password(SqlDb *db, const char *name, const char *password, const char *address, gint64 *ret_id, GError **error) {
  g_autofree char *stored = account_name(name), *from = address_clean(address);
  if (stored == NULL || password == NULL || *password == '\0' || strlen(password) > 4 * PASSWORD_MAX) return throw(error, LANTAI_ERROR_DENIED, "用户名或密码不正确");
  gboolean good = FALSE;
  if (g_atomic_int_add(&checks, 1) < CHECKS_AT_ONCE) {
    g_mutex_lock(&check_lock);
    good = check_one(db, stored, password, from, ret_id, error);
    g_mutex_unlock(&check_lock);
  } else throw(error, LANTAI_ERROR_BUSY, "同时登录的人太多，请稍候几秒再试");
  g_atomic_int_add(&checks, -1);
  return good;
}

/* ---- sessions ---- */

char *session_new(Sql *sql, gint64 account_id, const char *address, GError **error) {
  gint64 now_us = clock_now_us();
  g_autofree char *token = crypto_random_token(TOKEN_BYTES), *hash = token_hash(token);
  gboolean good = sql_exec(sql, "DELETE FROM session WHERE seen_us < $1", SQL_ARGS(sql_int(now_us - session_us())), error) &&
                  sql_exec(sql, "INSERT INTO session (token_hash, account_id, address, created_us, seen_us) VALUES ($1, $2, $3, $4, $5)",
                    SQL_ARGS(sql_text(hash), sql_int(account_id), sql_text(address), sql_int(now_us), sql_int(now_us)), error) &&
                  sql_exec(sql, "UPDATE account SET last_seen_us = $1 WHERE id = $2", SQL_ARGS(sql_int(now_us), sql_int(account_id)), error);
  return good ? g_steal_pointer(&token) : NULL;
}

char *people_sign_in(SqlDb *db, const char *name, const char *password, const char *address, GError **error) {
  gint64 id = 0;
  if (!session_check_password(db, name, password, address, &id, error)) return NULL;
  g_autofree char *stored = account_name(name), *from = address_clean(address);
  g_autoptr(Sql) sql = sql_write(db, error);
  g_autofree char *token = sql ? session_new(sql, id, from, error) : NULL;
  if (token == NULL || !sql_exec(sql, "DELETE FROM sign_in_failure WHERE name = $1 AND address = $2", SQL_ARGS(sql_text(stored), sql_text(from)), error) ||
      !journal_sign_in(sql, stored, "user.sign_in", id, from, NULL, error) || !sql_commit(sql, error)) return NULL;
  return g_steal_pointer(&token);
}

gboolean people_sign_out(SqlDb *db, const char *token, GError **error) {
  if (token == NULL || *token == '\0' || strlen(token) > TOKEN_MAX) return TRUE;
  g_autofree char *hash = token_hash(token);
  g_autoptr(Sql) sql = sql_write(db, error);
  if (sql == NULL) return FALSE;
  GError *problem = NULL;
  json_t *row = sql_row_json(sql,
    "SELECT account.id, account.name, session.address FROM session JOIN account ON account.id = session.account_id WHERE session.token_hash = $1",
    SQL_ARGS(sql_text(hash)), &problem);
  if (row == NULL) {
    gboolean absent = g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
    if (absent) g_error_free(problem);
    else g_propagate_error(error, problem);
    return absent;
  }
  gboolean good = sql_exec(sql, "DELETE FROM session WHERE token_hash = $1", SQL_ARGS(sql_text(hash)), error) &&
                  journal_sign_in(sql, json_string_value(json_object_get(row, "name")), "user.sign_out", json_integer_value(json_object_get(row, "id")),
                    json_string_value(json_object_get(row, "address")), NULL, error) &&
                  sql_commit(sql, error);
  json_decref(row);
  return good;
}

/* ---- who asks ---- */

struct Person {
  gint64 id;
  char *name, *title, *body;
  gboolean must_change;
  const RoleSet *set;
  GPtrArray *roles; /* codes */
  GArray *fonds;    /* gint64, ascending */
  char **reach;     /* NULL: the whole house */
  Scope scope;
};

void people_person_free(Person *person) {
  if (person == NULL) return;
  g_free(person->name);
  g_free(person->title);
  g_free(person->body);
  g_ptr_array_unref(person->roles);
  g_array_unref(person->fonds);
  g_strfreev(person->reach);
  g_free(person);
}

gint64 people_id(const Person *person) { return person ? person->id : 0; }
const char *people_name(const Person *person) { return person ? person->name : ""; }
const char *people_title(const Person *person) { return person ? person->title : ""; }
const char *people_body(const Person *person) { return person && person->body ? person->body : ""; }

static PeopleReach reach_source;

void people_set_reach_source(PeopleReach source) { reach_source = source; }
const char *const *people_reach(const Person *person) { return person ? (const char *const *)person->reach : NULL; }

static void set_reach(Sql *sql, Person *person) {
  gboolean hands_over = *people_body(person) && people_may(person, "delivery.own") && !people_may(person, "delivery.read");
  if (person->fonds->len == 0 && !hands_over) return;
  if (reach_source) person->reach = reach_source(sql, person->scope.fonds, person->scope.fonds_count, hands_over ? people_body(person) : "");
  if (person->reach == NULL) person->reach = g_new0(char *, 1);
}

json_t *people_duty_names(const Person *person) {
  json_t *names = json_pack("[s, s]", people_name(person), people_title(person)), *role;
  size_t i;
  if (*people_body(person)) json_array_append_new(names, json_string(people_body(person)));
  json_array_foreach(people_roles(), i, role)
    if (person != NULL && people_has_role(person, json_string_value(json_object_get(role, "code")))) json_array_append(names, json_object_get(role, "title"));
  return names;
}

gboolean people_must_change(const Person *person) { return person && person->must_change; }

gboolean people_may(const Person *person, const char *permission) {
  if (person == NULL) return roles_allow(roles_current(), "public", permission);
  for (guint i = 0; i < person->roles->len && !person->must_change; i++)
    if (roles_allow(person->set, g_ptr_array_index(person->roles, i), permission)) return TRUE;
  return FALSE;
}

gboolean people_has_role(const Person *person, const char *role) {
  if (person == NULL) return g_str_equal(role, "public");
  for (guint i = 0; i < person->roles->len && !person->must_change; i++)
    if (g_str_equal(g_ptr_array_index(person->roles, i), role)) return TRUE;
  return FALSE;
}

const Scope *people_scope(const Person *person) { return person ? &person->scope : roles_public_scope(roles_current()); }
json_t *people_roles(void) { return roles_json(roles_current()); }

static gboolean load_grants(Sql *sql, Person *person, GError **error) {
  g_autoptr(SqlRows) roles = sql_query(sql, "SELECT role FROM account_role WHERE account_id = $1 ORDER BY role", SQL_ARGS(sql_int(person->id)), error);
  g_autoptr(SqlRows) fonds = roles ? sql_query(sql, "SELECT fonds_id FROM account_fonds WHERE account_id = $1 ORDER BY fonds_id",
    SQL_ARGS(sql_int(person->id)), error) : NULL;
  GError *problem = NULL;
  while (fonds && sql_next(roles, &problem)) g_ptr_array_add(person->roles, g_strdup(sql_get_text(roles, "role")));
  while (fonds && problem == NULL && sql_next(fonds, &problem)) {
    gint64 id = sql_get_int(fonds, "fonds_id");
    g_array_append_val(person->fonds, id);
  }
  if (problem) g_propagate_error(error, problem);
  return fonds != NULL && problem == NULL;
}

/* The union of the roles, limited by the account's fonds and level. */
static void set_scope(Person *person, Security security) {
  if (person->must_change) return;
  for (guint i = 0; i < person->roles->len; i++) roles_widen(person->set, g_ptr_array_index(person->roles, i), &person->scope);
  person->scope.security = MIN(person->scope.security, security);
  person->scope.all_fonds = person->fonds->len == 0;
  person->scope.fonds = (const gint64 *)(void *)person->fonds->data;
  person->scope.fonds_count = person->fonds->len;
}

/* Of a row {id, name, title, body, must_change, security} of account. */
static Person *person_of_row(Sql *sql, SqlRows *rows, GError **error) {
  g_autoptr(Person) person = g_new0(Person, 1);
  person->id = sql_get_int(rows, "id");
  person->name = g_strdup(sql_get_text(rows, "name"));
  person->title = g_strdup(sql_get_text(rows, "title"));
  person->body = g_strdup(sql_get_text(rows, "body"));
  person->must_change = sql_get_int(rows, "must_change") != 0;
  person->set = roles_current();
  person->roles = g_ptr_array_new_with_free_func(g_free);
  person->fonds = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (!load_grants(sql, person, error)) return NULL;
  set_scope(person, (Security)CLAMP(sql_get_int(rows, "security"), SECURITY_PUBLIC, SECURITY_TOP));
  set_reach(sql, person);
  return g_steal_pointer(&person);
}

static Person *load_person(Sql *sql, const char *hash, gint64 now_us, gint64 *ret_seen_us, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT account.id, account.name, account.title, account.body, account.must_change, account.security, session.seen_us"
    " FROM session JOIN account ON account.id = session.account_id"
    " WHERE session.token_hash = $1 AND session.seen_us >= $2 AND account.enabled = 1",
    SQL_ARGS(sql_text(hash), sql_int(now_us - session_us())), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  *ret_seen_us = sql_get_int(rows, "seen_us");
  return person_of_row(sql, rows, error);
}

Person *people_account(SqlDb *db, const char *name, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  g_autoptr(SqlRows) rows = sql == NULL ? NULL : sql_query(sql, "SELECT id, name, title, body, must_change, security FROM account WHERE name = $1 AND enabled = 1",
    SQL_ARGS(sql_text(name)), error);
  g_autoptr(GError) local = NULL;
  if (rows == NULL) return NULL;
  if (sql_next(rows, &local)) return person_of_row(sql, rows, error);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "账号“%s”已停用", name);
}

/* A failure costs only the minute: the person is who he is. */
static void touch(SqlDb *db, const Person *person, const char *hash, gint64 now_us) {
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_write(db, &problem);
  if (sql && sql_exec(sql, "UPDATE session SET seen_us = $1 WHERE token_hash = $2", SQL_ARGS(sql_int(now_us), sql_text(hash)), &problem) &&
      sql_exec(sql, "UPDATE account SET last_seen_us = $1 WHERE id = $2", SQL_ARGS(sql_int(now_us), sql_int(person->id)), &problem)) sql_commit(sql, &problem);
  if (problem) g_warning("last use of a session not written: %s", problem->message);
}

Person *people_identify(SqlDb *db, const char *session_token) {
  if (session_token == NULL || *session_token == '\0' || strlen(session_token) > TOKEN_MAX) return NULL;
  g_autofree char *hash = token_hash(session_token);
  gint64 now_us = clock_now_us(), seen_us = 0;
  g_autoptr(GError) problem = NULL;
  g_autoptr(Sql) sql = sql_read(db, &problem);
  g_autoptr(Person) person = sql ? load_person(sql, hash, now_us, &seen_us, &problem) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (problem) g_warning("a session cannot be looked up: %s", problem->message);
  if (person && now_us - seen_us >= SEEN_US) touch(db, person, hash, now_us);
  return g_steal_pointer(&person);
}

gboolean people_open(SqlDb *db, const char *definitions_dir, GError **error) {
  titles_open(db);
  return sql_migrate_room(db, "people", error) && roles_load(definitions_dir, error);
}
