/*
 * Accounts: making, changing, listing. Every act is journalled with subject "user".
 *
 * 1. Who administers does not grant, and nobody changes what he himself may do: people_user_update refuses changes of the actor's own roles, fonds, level
 * and state.
 * 2. A password set by somebody else must be changed at the first sign-in; one of an exclusive role is set only by its owner or at the command line ("system"),
 *    so that the administrator cannot become the security officer.
 * 3. Accounts are disabled, never deleted: the journal names them.
 */
#include "account.h"
#include "crypto.h"
#include "error.h"
#include "journal.h"
#include "settings.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

enum { NAME_SHORTEST = 2, NAME_LONGEST = 32, TITLE_LONGEST = 64, BODY_LONGEST = 200, FONDS_MAX = 10000 };

/* ---- rules ---- */

char *account_name(const char *name) {
  if (name == NULL || !g_utf8_validate(name, -1, NULL) || strlen(name) > 400) return NULL;
  g_autofree char *clean = text_clean(name, FALSE), *lower = g_ascii_strdown(clean, -1);
  guint length = text_length(lower);
  if (length < NAME_SHORTEST || length > NAME_LONGEST) return NULL;
  for (const char *at = lower; *at; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    if (character < 128 ? !g_ascii_isalnum((char)character) && !strchr("._-", (int)character)
      : g_unichar_get_script(character) != G_UNICODE_SCRIPT_HAN) return NULL;
  }
  return g_steal_pointer(&lower);
}

/* A reserved name would be taken for the program or the public in the journal. */
static gboolean name_reserved(const char *name) {
  static const char *const reserved[] = {"system", "public", NULL};
  return g_strv_contains(reserved, name);
}

static guint character_kinds(const char *password) {
  gboolean lower = FALSE, upper = FALSE, digit = FALSE, other = FALSE;
  for (const char *at = password; *at; at++) {
    if (g_ascii_islower(*at)) lower = TRUE;
    else if (g_ascii_isupper(*at)) upper = TRUE;
    else if (g_ascii_isdigit(*at)) digit = TRUE;
    else other = TRUE;
  }
  return lower + upper + digit + other;
}

const char *account_password_problem(const char *name, const char *password) {
  if (password == NULL || !g_utf8_validate(password, -1, NULL) || g_utf8_strlen(password, -1) < PASSWORD_MIN) return "密码至少要有 8 个字符";
  if (g_utf8_strlen(password, -1) > PASSWORD_MAX) return "密码不能超过 128 个字符";
  if (character_kinds(password) < 2) return "密码须含大写字母、小写字母、数字、其他符号中的至少两种";
  g_autofree char *lower = g_ascii_strdown(password, -1);
  if (name && *name && strstr(lower, name)) return "密码中不能含有用户名";
  return NULL;
}

gboolean account_is_exclusive(json_t *roles) {
  size_t i;
  json_t *role;
  json_array_foreach(roles, i, role)
    if (roles_exclusive(roles_current(), json_string_value(role))) return TRUE;
  return FALSE;
}

static int compare_ids(const void *a, const void *b) {
  gint64 first = *(const gint64 *)a, second = *(const gint64 *)b;
  return first < second ? -1 : first > second;
}

/* Ascending, without repetition; new reference. */
static json_t *fonds_clean(json_t *fonds, GError **error) {
  size_t count = json_array_size(fonds);
  if (!json_is_array(fonds) || count > FONDS_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "全宗范围应是不超过 %d 个全宗的列表", FONDS_MAX);
  g_autofree gint64 *ids = g_new(gint64, count + 1);
  for (size_t i = 0; i < count; i++) {
    ids[i] = json_integer_value(json_array_get(fonds, i));
    if (ids[i] < 1) return throw_null(error, LANTAI_ERROR_INVALID, "全宗范围中有不合要求的全宗编号");
  }
  qsort(ids, count, sizeof *ids, compare_ids);
  json_t *clean = json_array();
  for (size_t i = 0; i < count; i++)
    if (i == 0 || ids[i] != ids[i - 1]) json_array_append_new(clean, json_integer(ids[i]));
  return clean;
}

static char *title_clean(const char *title, GError **error) {
  g_autofree char *clean = title && g_utf8_validate(title, -1, NULL) ? text_clean(title, FALSE) : g_strdup("");
  if (*clean == '\0') return throw_null(error, LANTAI_ERROR_INVALID, "请填写姓名");
  if (text_length(clean) > TITLE_LONGEST) return throw_null(error, LANTAI_ERROR_INVALID, "姓名不能超过 %d 个字", TITLE_LONGEST);
  return g_steal_pointer(&clean);
}

static gboolean security_check(Security security, GError **error) {
  return (guint)security <= SECURITY_TOP || throw(error, LANTAI_ERROR_INVALID, "不认识的密级");
}

/* ---- reading ---- */

json_t *account_roles(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT role FROM account_role WHERE account_id = $1 ORDER BY role", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  json_t *roles = json_array();
  GError *problem = NULL;
  while (sql_next(rows, &problem)) json_array_append_new(roles, json_string(sql_get_text(rows, "role")));
  if (problem == NULL) return roles;
  g_propagate_error(error, problem);
  json_decref(roles);
  return NULL;
}

static json_t *account_fonds(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT fonds_id FROM account_fonds WHERE account_id = $1 ORDER BY fonds_id", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL) return NULL;
  json_t *fonds = json_array();
  GError *problem = NULL;
  while (sql_next(rows, &problem)) json_array_append_new(fonds, json_integer(sql_get_int(rows, "fonds_id")));
  if (problem == NULL) return fonds;
  g_propagate_error(error, problem);
  json_decref(fonds);
  return NULL;
}

/* Turns a row {id, name, title, security, enabled, must_change, last_seen} into the shape of people.h. */
static gboolean finish_account(Sql *sql, json_t *account, GError **error) {
  gint64 id = json_integer_value(json_object_get(account, "id"));
  json_t *roles = account_roles(sql, id, error), *fonds = roles ? account_fonds(sql, id, error) : NULL, *titles = json_array(), *role;
  size_t i;
  json_array_foreach(roles, i, role) json_array_append_new(titles, json_string(roles_title(roles_current(), json_string_value(role))));
  gboolean good = fonds != NULL;
  json_object_set_new(account, "roles", roles ? roles : json_array());
  json_object_set_new(account, "role_titles", titles);
  json_object_set_new(account, "fonds", fonds ? fonds : json_array());
  json_object_set_new(account, "security_label", json_string(security_label((Security)json_integer_value(json_object_get(account, "security")))));
  json_object_set_new(account, "enabled", json_boolean(json_integer_value(json_object_get(account, "enabled"))));
  json_object_set_new(account, "must_change", json_boolean(json_integer_value(json_object_get(account, "must_change"))));
  if (json_integer_value(json_object_get(account, "last_seen")) == 0) json_object_set_new(account, "last_seen", json_null());
  return good;
}

json_t *account_load(Sql *sql, gint64 id, GError **error) {
  GError *problem = NULL;
  json_t *account = sql_row_json(sql, "SELECT id, name, title, body, security, enabled, must_change, last_seen_us AS last_seen FROM account WHERE id = $1",
    SQL_ARGS(sql_int(id)), &problem);
  if (g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_error_free(problem);
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个帐号");
  }
  if (problem) return g_propagate_error(error, problem), NULL;
  if (finish_account(sql, account, error)) return account;
  json_decref(account);
  return NULL;
}

json_t *people_user_list(Sql *sql, GError **error) {
  json_t *accounts = sql_json(sql, "SELECT id, name, title, body, security, enabled, must_change, last_seen_us AS last_seen FROM account ORDER BY name", SQL_NONE,
    error), *account;
  gboolean good = accounts != NULL;
  size_t i;
  json_array_foreach(accounts, i, account) good = good && finish_account(sql, account, error);
  if (good) return accounts;
  json_decref(accounts);
  return NULL;
}

/* ---- changing ---- */

static gboolean write_grants(Sql *sql, gint64 id, json_t *roles, json_t *fonds, GError **error) {
  size_t i;
  json_t *item;
  if (!sql_exec(sql, "DELETE FROM account_role WHERE account_id = $1", SQL_ARGS(sql_int(id)), error) ||
      !sql_exec(sql, "DELETE FROM account_fonds WHERE account_id = $1", SQL_ARGS(sql_int(id)), error)) return FALSE;
  json_array_foreach(roles, i, item)
    if (!sql_exec(sql, "INSERT INTO account_role (account_id, role) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_text(json_string_value(item))),
      error)) return FALSE;
  json_array_foreach(fonds, i, item)
    if (!sql_exec(sql, "INSERT INTO account_fonds (account_id, fonds_id) VALUES ($1, $2)", SQL_ARGS(sql_int(id), sql_int(json_integer_value(item))),
      error)) return FALSE;
  return TRUE;
}

static gboolean journal_account(Sql *sql, const char *actor, const char *action, gint64 id, json_t *data, GError **error) {
  gboolean good = journal_append(sql, actor, action, "user", id, data, error) != 0;
  titles_forget(sql);
  json_decref(data);
  return good;
}

/* Somebody else knows the password. */
static gboolean is_foreign(const char *actor, const char *name) { return g_strcmp0(actor, "system") != 0 && g_strcmp0(actor, name) != 0; }

static gint64 insert_account(Sql *sql, const char *actor, const char *name, const char *title, const char *password, Security security, GError **error) {
  gint64 taken = sql_number(sql, "SELECT id FROM account WHERE name = $1", SQL_ARGS(sql_text(name)), 0, error);
  if (taken) return throw(error, LANTAI_ERROR_CONFLICT, "用户名 %s 已经有人使用，请另取一个", name);
  if (error && *error) return 0;
  g_autofree char *hash = crypto_password_hash(password);
  gboolean good = sql_exec(sql, "INSERT INTO account (name, title, password, must_change, security, created_us) VALUES ($1, $2, $3, $4, $5, $6)",
    SQL_ARGS(sql_text(name), sql_text(title), sql_text(hash), sql_int(is_foreign(actor, name)), sql_int(security), sql_int(clock_now_us())), error);
  return good ? sql_last_id(sql) : 0;
}

gint64 people_user_create(Sql *sql, const char *actor, const char *name, const char *title, const char *password, json_t *roles, json_t *fonds,
  Security security, GError **error) {
  g_autofree char *stored = account_name(name), *shown = NULL;
  if (stored == NULL || name_reserved(stored))
    return throw(error, LANTAI_ERROR_INVALID, "用户名须为 2 至 32 个汉字、字母、数字或 . _ -，不能用 system、public");
  const char *weak = account_password_problem(stored, password);
  if (weak) return throw(error, LANTAI_ERROR_INVALID, "%s", weak);
  if ((shown = title_clean(title, error)) == NULL || !roles_check(roles_current(), roles, error) || !security_check(security, error)) return 0;
  json_t *clean = fonds_clean(fonds, error);
  if (clean == NULL) return 0;
  GError *problem = NULL;
  gint64 id = insert_account(sql, actor, stored, shown, password, security, &problem);
  json_t *data = json_pack("{s:s, s:s, s:O, s:O, s:s}", "name", stored, "title", shown, "roles", roles, "fonds", clean, "security", security_label(security));
  gboolean good = id != 0 && write_grants(sql, id, roles, clean, &problem) && journal_account(sql, actor, "user.create", id, json_incref(data), &problem);
  json_decref(data);
  json_decref(clean);
  if (problem) g_propagate_error(error, problem);
  return good ? id : 0;
}

/* Adds {key: [from, to]} when they differ. */
static void note_change(json_t *changes, const char *key, json_t *from, json_t *to) {
  if (!json_equal(from, to)) json_object_set_new(changes, key, json_pack("{s:O, s:O}", "from", from, "to", to));
  json_decref(to);
}

static int compare_codes(gconstpointer a, gconstpointer b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static json_t *sorted_roles(json_t *roles) {
  g_autoptr(GPtrArray) codes = g_ptr_array_new();
  size_t i;
  json_t *role, *sorted = json_array();
  json_array_foreach(roles, i, role) g_ptr_array_add(codes, (gpointer)json_string_value(role));
  g_ptr_array_sort(codes, compare_codes);
  for (guint k = 0; k < codes->len; k++) json_array_append_new(sorted, json_string(g_ptr_array_index(codes, k)));
  return sorted;
}

/* What would change, by key; compared with the account as it is. */
static json_t *changes_of(json_t *account, const char *title, json_t *roles, json_t *fonds, Security security, gboolean enabled) {
  json_t *changes = json_object(), *label = json_string(security_label(security));
  note_change(changes, "title", json_object_get(account, "title"), json_string(title));
  note_change(changes, "roles", json_object_get(account, "roles"), sorted_roles(roles));
  note_change(changes, "fonds", json_object_get(account, "fonds"), json_incref(fonds));
  note_change(changes, "security", json_object_get(account, "security_label"), label);
  note_change(changes, "enabled", json_object_get(account, "enabled"), json_boolean(enabled));
  return changes;
}

static gboolean refuse_own(json_t *account, const char *actor, json_t *changes, GError **error) {
  static const char *const guarded[] = {"roles", "fonds", "security", "enabled"};
  gboolean rights = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(guarded); i++) rights = rights || json_object_get(changes, guarded[i]);
  if (!rights || g_strcmp0(json_string_value(json_object_get(account, "name")), actor) != 0) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "不能更改自己的角色、全宗范围、密级，也不能停用自己。请由他人办理");
}

static gboolean apply_changes(Sql *sql, gint64 id, const char *title, json_t *roles, json_t *fonds, Security security, gboolean enabled, GError **error) {
  return sql_exec(sql, "UPDATE account SET title = $1, security = $2, enabled = $3 WHERE id = $4", SQL_ARGS(sql_text(title), sql_int(security),
    sql_int(enabled), sql_int(id)), error) &&
         write_grants(sql, id, roles, fonds, error) &&
         (enabled || sql_exec(sql, "DELETE FROM session WHERE account_id = $1", SQL_ARGS(sql_int(id)), error));
}

static PeopleDuties duties_source;

void people_set_duties_source(PeopleDuties source) { duties_source = source; }

static gboolean refuse_responsible(Sql *sql, json_t *account, gboolean enabled, GError **error) {
  if (enabled || !json_is_true(json_object_get(account, "enabled")) || duties_source == NULL) return TRUE;
  g_autofree char *duties = duties_source(sql, json_string_value(json_object_get(account, "name")), json_string_value(json_object_get(account, "title")));
  return duties == NULL || throw(error, LANTAI_ERROR_CONFLICT, "%s 还有没办完的事：%s。请先交给别人，再停用帐号", json_string_value(json_object_get(account, "title")), duties);
}

gboolean people_user_update(Sql *sql, const char *actor, gint64 id, const char *title, json_t *roles, json_t *fonds, Security security, gboolean enabled,
  GError **error) {
  g_autofree char *shown = title_clean(title, error);
  if (shown == NULL || !roles_check(roles_current(), roles, error) || !security_check(security, error)) return FALSE;
  json_t *clean = fonds_clean(fonds, error), *account = clean ? account_load(sql, id, error) : NULL;
  json_t *changes = account ? changes_of(account, shown, roles, clean, security, enabled) : NULL;
  gboolean good = changes && refuse_own(account, actor, changes, error) && refuse_responsible(sql, account, enabled, error);
  if (good && json_object_size(changes)) {
    json_object_set(changes, "name", json_object_get(account, "name"));
    good = apply_changes(sql, id, shown, roles, clean, security, enabled, error) && journal_account(sql, actor, "user.update", id, json_incref(changes), error);
  }
  json_decref(clean);
  json_decref(account);
  json_decref(changes);
  return good;
}

gboolean people_user_body(Sql *sql, const char *actor, gint64 id, const char *body, GError **error) {
  g_autofree char *clean = body && g_utf8_validate(body, -1, NULL) ? text_clean(body, FALSE) : g_strdup("");
  if (text_length(clean) > BODY_LONGEST) return throw(error, LANTAI_ERROR_INVALID, "移交单位不能超过 %d 个字", BODY_LONGEST);
  json_t *account = account_load(sql, id, error), *former = json_object_get(account, "body");
  if (account == NULL) return FALSE;
  json_t *changes = json_pack("{s:O}", "name", json_object_get(account, "name"));
  note_change(changes, "body", former, json_string(clean));
  gboolean own = g_strcmp0(json_string_value(json_object_get(account, "name")), actor) == 0, changed = json_object_get(changes, "body") != NULL;
  json_decref(account);
  gboolean good = !changed || ((!own || throw(error, LANTAI_ERROR_DENIED, "不能更改自己所属的移交单位。请由他人办理")) &&
    sql_exec(sql, "UPDATE account SET body = $1 WHERE id = $2", SQL_ARGS(sql_text(clean), sql_int(id)), error) &&
    journal_account(sql, actor, "user.update", id, json_incref(changes), error));
  json_decref(changes);
  return good;
}

gboolean people_user_password(Sql *sql, const char *actor, gint64 id, const char *password, GError **error) {
  json_t *account = account_load(sql, id, error);
  if (account == NULL) return FALSE;
  g_autofree char *name = g_strdup(json_string_value(json_object_get(account, "name")));
  gboolean foreign = is_foreign(actor, name), exclusive = account_is_exclusive(json_object_get(account, "roles"));
  json_decref(account);
  if (foreign && exclusive)
    return throw(error, LANTAI_ERROR_DENIED, "系统管理员、安全保密员、审计员的密码只能由本人更改；遗忘时在服务器上用命令 lantai user password %s 重设", name);
  const char *weak = account_password_problem(name, password);
  if (weak) return throw(error, LANTAI_ERROR_INVALID, "%s", weak);
  g_autofree char *hash = crypto_password_hash(password);
  return sql_exec(sql, "UPDATE account SET password = $1, must_change = $2 WHERE id = $3", SQL_ARGS(sql_text(hash), sql_int(foreign), sql_int(id)), error) &&
         sql_exec(sql, "DELETE FROM session WHERE account_id = $1", SQL_ARGS(sql_int(id)), error) &&
         sql_exec(sql, "DELETE FROM sign_in_failure WHERE name = $1", SQL_ARGS(sql_text(name)), error) &&
         journal_account(sql, actor, "user.password", id, json_pack("{s:s}", "name", name), error);
}

gboolean people_colleagues(Sql *sql, const char *name, const char *other) {
  return sql_number(sql, "SELECT 1 AS found FROM account AS a JOIN account_role AS x ON x.account_id = a.id JOIN account_role AS y ON y.role = x.role "
    "JOIN account AS b ON b.id = y.account_id WHERE a.name = $1 AND b.name = $2 AND a.enabled = 1 AND b.enabled = 1 LIMIT 1",
    SQL_ARGS(sql_text(name), sql_text(other)), 0, NULL) == 1;
}
