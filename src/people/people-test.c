/* Accounts, sign-in, sessions, roles and scopes, over a real database with a clock that the tests move. */
#include "account.h"
#include "error.h"
#include "journal.h"
#include "settings.h"
#include <glib/gstdio.h>
#include <string.h>

static const gint64 NOON_US = G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC;

/* The clock stands at so many seconds after the tests' noon. */
static void clock_set(gint64 seconds) {
  g_autofree char *now = clock_format_iso(NOON_US + seconds * G_USEC_PER_SEC);
  g_setenv("LANTAI_NOW", now, TRUE);
}

typedef struct {
  SqlDb *db;
  Journal *journal;
} Place;

static void set_up(Place *place, gconstpointer data) {
  GError *error = NULL;
  clock_set(0);
  people_set_session_minutes(30);
  place->db = sql_open(":memory:", &error);
  place->journal = journal_open(place->db, NULL, &error);
  g_assert_true(people_open(place->db, NULL, &error));
  g_assert_no_error(error);
}

static void tear_down(Place *place, gconstpointer data) {
  journal_close(place->journal);
  sql_close(place->db);
  g_unsetenv("LANTAI_NOW");
}

static json_t *codes(const char *list) {
  json_t *array = json_array();
  g_auto(GStrv) parts = g_strsplit(list, " ", -1);
  for (char **part = parts; *part; part++)
    if (**part) json_array_append_new(array, json_string(*part));
  return array;
}

static json_t *ids(const char *list) {
  json_t *array = json_array();
  g_auto(GStrv) parts = g_strsplit(list, " ", -1);
  for (char **part = parts; *part; part++)
    if (**part) json_array_append_new(array, json_integer(g_ascii_strtoll(*part, NULL, 10)));
  return array;
}

static gint64 create(Place *place, const char *actor, const char *name, const char *password, const char *roles, const char *fonds, Security security,
  GError **error) {
  json_t *role_list = codes(roles), *fonds_list = ids(fonds);
  g_autoptr(Sql) sql = sql_write(place->db, error);
  gint64 id = people_user_create(sql, actor, name, "某人", password, role_list, fonds_list, security, error);
  if (id) g_assert_true(sql_commit(sql, error));
  json_decref(role_list);
  json_decref(fonds_list);
  return id;
}

static gint64 user(Place *place, const char *name, const char *roles) {
  GError *error = NULL;
  gint64 id = create(place, "system", name, "secret-42", roles, "", SECURITY_TOP, &error);
  g_assert_no_error(error);
  return id;
}

static gboolean update(Place *place, const char *actor, gint64 id, const char *roles, const char *fonds, Security security, gboolean enabled, GError **error) {
  json_t *role_list = codes(roles), *fonds_list = ids(fonds);
  g_autoptr(Sql) sql = sql_write(place->db, error);
  gboolean good = people_user_update(sql, actor, id, "某人", role_list, fonds_list, security, enabled, error) && sql_commit(sql, error);
  json_decref(role_list);
  json_decref(fonds_list);
  return good;
}

static char *sign_in(Place *place, const char *name, const char *password, const char *address, LantaiError expected) {
  g_autoptr(GError) error = NULL;
  char *token = people_sign_in(place->db, name, password, address, &error);
  if (token) g_assert_no_error(error);
  else g_assert_error(error, LANTAI_ERROR, (int)expected);
  return token;
}

static Person *enter(Place *place, const char *name) {
  g_autofree char *token = sign_in(place, name, "secret-42", "10.0.0.1", 0);
  return people_identify(place->db, token);
}

static int events(Place *place, const char *action) {
  g_autoptr(Sql) sql = sql_read(place->db, NULL);
  return (int)sql_number(sql, "SELECT count(*) AS number FROM event WHERE action = $1", SQL_ARGS(sql_text(action)), 0, NULL);
}

/* ---- roles ---- */

static void assert_scope(const Scope *scope, guint opening, guint files, Security security) {
  g_assert_cmpuint(scope->opening_mask, ==, opening);
  g_assert_cmpuint(scope->files_mask, ==, files);
  g_assert_cmpint(scope->security, ==, security);
}

enum { ALL = 15, OPEN = 1 << OPENING_OPEN };

static void test_scopes(Place *place, gconstpointer data) {
  static const struct {
    const char *roles;
    guint opening, files;
    Security security;
  } cases[] = {
    {"sysadmin", 0, 0, 0}, {"security", 0, 0, 0}, {"auditor", 0, 0, 0}, {"archivist", ALL, ALL, SECURITY_SECRET}, {"director", ALL, ALL, SECURITY_SECRET},
    {"reader", OPEN, OPEN, SECURITY_PUBLIC}, {"reader archivist", ALL, ALL, SECURITY_SECRET}, {"", 0, 0, 0},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *name = g_strdup_printf("user%u", i);
    user(place, name, cases[i].roles);
    g_autoptr(Person) person = enter(place, name);
    assert_scope(people_scope(person), cases[i].opening, cases[i].files, cases[i].security);
    g_assert_true(people_scope(person)->all_fonds);
    g_assert_false(scope_admits(people_scope(person), LEVEL_ITEM, 1, SECURITY_CONFIDENTIAL, OPENING_OPEN));
  }
  assert_scope(people_scope(NULL), OPEN, OPEN, SECURITY_PUBLIC);
  g_assert_true(scope_admits(people_scope(NULL), LEVEL_ITEM, 1, SECURITY_PUBLIC, OPENING_OPEN));
  g_assert_false(scope_admits(people_scope(NULL), LEVEL_ITEM, 1, SECURITY_PUBLIC, OPENING_UNREVIEWED));
  g_assert_false(scope_admits(people_scope(NULL), LEVEL_ITEM, 1, SECURITY_INTERNAL, OPENING_OPEN));
}

/* The account narrows what its roles give, in fonds and level, and never widens it. */
static void test_scope_limits(Place *place, gconstpointer data) {
  GError *error = NULL;
  create(place, "system", "limited", "secret-42", "archivist", "9 3 7 3", SECURITY_INTERNAL, &error);
  g_autoptr(Person) person = enter(place, "limited");
  const Scope *scope = people_scope(person);
  g_assert_false(scope->all_fonds);
  g_assert_cmpuint(scope->fonds_count, ==, 3);
  g_assert_cmpint(scope->fonds[0], ==, 3);
  g_assert_cmpint(scope->fonds[2], ==, 9);
  g_assert_true(scope_admits(scope, LEVEL_ITEM, 7, SECURITY_INTERNAL, OPENING_CONTROLLED));
  g_assert_false(scope_admits(scope, LEVEL_ITEM, 7, SECURITY_SECRET, OPENING_OPEN));
  g_assert_false(scope_admits(scope, LEVEL_ITEM, 8, SECURITY_PUBLIC, OPENING_OPEN));
  g_assert_false(scope_admits(scope, LEVEL_FONDS, 8, SECURITY_PUBLIC, OPENING_OPEN));
  create(place, "system", "wide", "secret-42", "reader", "", SECURITY_TOP, &error);
  g_autoptr(Person) reader = enter(place, "wide");
  g_assert_cmpint(people_scope(reader)->security, ==, SECURITY_PUBLIC);
}

static void test_permissions(Place *place, gconstpointer data) {
  static const struct {
    const char *role, *may, *may_not;
  } cases[] = {
    {"sysadmin", "user.read user.manage role.read job.read system.read", "user.grant journal.read catalogue.read record.edit delivery.read unknown"},
    {"security", "user.read user.grant role.read system.read", "user.manage journal.read catalogue.read"},
    {"auditor", "journal.read role.read system.read", "user.manage user.grant catalogue.read"},
    {"archivist", "catalogue.read record.create record.edit record.delete delivery.read delivery.import delivery.undo",
      "user.manage user.grant journal.read"},
    {"director", "catalogue.read delivery.read role.read", "record.edit delivery.import user.grant"},
    {"reader", "catalogue.read", "delivery.read record.edit"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    user(place, cases[i].role, cases[i].role);
    g_autoptr(Person) person = enter(place, cases[i].role);
    g_auto(GStrv) may = g_strsplit(cases[i].may, " ", -1), may_not = g_strsplit(cases[i].may_not, " ", -1);
    for (char **permission = may; *permission; permission++) g_assert_true(people_may(person, *permission));
    for (char **permission = may_not; *permission; permission++) g_assert_false(people_may(person, *permission));
  }
  g_assert_true(people_may(NULL, "catalogue.read"));
  g_assert_false(people_may(NULL, "delivery.read"));
}

static void test_roles_file(void) {
  static const char *const bad[] = {
    "permissions: {a: 甲}\nroles: {}\n",
    "permissions: {a: 甲}\nroles: {public: {title: 公众, permissions: [b], opening: [], files: [], security: 公开}}\n",
    "permissions: {a: 甲}\nroles: {public: {title: 公众, permissions: [a], opening: [], files: [开放], security: 公开}}\n",
    "permissions: {a: 甲}\nroles: {public: {title: 公众, permissions: [a], opening: [多云], files: [], security: 公开}}\n",
    "permissions: {a: 甲}\nroles: {public: {title: 公众, permissions: [a], opening: [], files: [], security: 很密}}\n",
    "permissions: {a: 甲}\nroles: {public: {title: 公众, permissions: [a], opening: [], files: [], security: 公开, colour: 红}}\n",
    "permissions: {a: 甲}\n"
    "roles: {public: {title: 公众, permissions: [a], opening: [], files: [], security: 公开}, x: {title: 甲, permissions: [], opening: [开放], files: [],"
    " security: 公开, exclusive: true}}\n",
    "permissions: {a: 甲}\n", "- 1\n", "permissions: {a: 甲\n",
  };
  g_autofree char *dir = g_dir_make_tmp("lantai-roles-XXXXXX", NULL), *path = g_build_filename(dir, "roles.yaml", NULL);
  g_assert_true(roles_load(NULL, NULL));
  const RoleSet *before = roles_current();
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, bad[i], -1, NULL));
    g_assert_false(roles_load(dir, &error));
    g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
    g_assert_true(roles_current() == before);
  }
  g_assert_true(g_file_set_contents(path, "permissions: {a: 甲}\nroles: {public: {title: 来客, permissions: [a], opening: [开放], files: [], security: 公开}}\n", -1,
    NULL));
  GError *error = NULL;
  g_assert_true(roles_load(dir, &error));
  g_assert_no_error(error);
  g_assert_true(people_may(NULL, "a"));
  assert_scope(people_scope(NULL), OPEN, 0, SECURITY_PUBLIC);
  g_assert_cmpstr(json_string_value(json_object_get(json_array_get(people_roles(), 0), "title")), ==, "来客");
  g_assert_true(roles_load(NULL, NULL));
  g_unlink(path);
  g_rmdir(dir);
}

/* ---- accounts ---- */

static void assert_refused(Place *place, const char *name, const char *password, const char *roles, const char *fonds, LantaiError code) {
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(create(place, "system", name, password, roles, fonds, SECURITY_PUBLIC, &error), ==, 0);
  g_assert_error(error, LANTAI_ERROR, (int)code);
}

static void test_account_rules(Place *place, gconstpointer data) {
  static const char *const weak[] = {"", "short-1", "aaaaaaaaaa", "12345678", "大大大大大大大大", "wangwu-12"};
  for (guint i = 0; i < G_N_ELEMENTS(weak); i++) assert_refused(place, "wangwu", weak[i], "reader", "", LANTAI_ERROR_INVALID);
  static const char *const names[] = {"", "a", "system", "public", "a b", "<script>", "a/b", "用户 名", "дом"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) assert_refused(place, names[i], "secret-42", "reader", "", LANTAI_ERROR_INVALID);
  static const char *const roles[] = {"sysadmin archivist", "archivist auditor", "sysadmin security", "public", "nothing", "reader reader"};
  for (guint i = 0; i < G_N_ELEMENTS(roles); i++) assert_refused(place, "wangwu", "secret-42", roles[i], "", LANTAI_ERROR_INVALID);
  assert_refused(place, "wangwu", "secret-42", "reader", "0", LANTAI_ERROR_INVALID);
  g_assert_cmpint(events(place, "user.create"), ==, 0);
  g_assert_cmpint(user(place, "WangWu", "reader director"), >, 0);
  assert_refused(place, "wangwu", "secret-42", "reader", "", LANTAI_ERROR_CONFLICT);
  g_assert_cmpint(user(place, "王五", "reader"), >, 0);
  g_assert_cmpint(events(place, "user.create"), ==, 2);
  g_autoptr(Sql) sql = sql_read(place->db, NULL);
  json_t *users = people_user_list(sql, NULL), *first = json_array_get(users, 0);
  g_assert_cmpuint(json_array_size(users), ==, 2);
  g_assert_cmpstr(json_string_value(json_object_get(first, "name")), ==, "wangwu");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(first, "role_titles"), 0)), ==, "馆长");
  g_assert_true(json_is_true(json_object_get(first, "enabled")));
  g_assert_null(json_object_get(first, "password"));
  json_decref(users);
}

static void test_update(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 admin = user(place, "admin", "sysadmin"), officer = user(place, "officer", "security"), clerk = user(place, "clerk", "");
  g_assert_true(update(place, "officer", clerk, "archivist", "5", SECURITY_SECRET, TRUE, &error));
  g_assert_cmpint(events(place, "user.update"), ==, 1);
  g_assert_true(update(place, "officer", clerk, "archivist", "5 5", SECURITY_SECRET, TRUE, &error)); /* nothing new: no event */
  g_assert_cmpint(events(place, "user.update"), ==, 1);
  g_assert_false(update(place, "officer", officer, "archivist", "", SECURITY_TOP, TRUE, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_DENIED);
  g_clear_error(&error);
  g_assert_false(update(place, "admin", admin, "sysadmin", "", SECURITY_TOP, FALSE, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_DENIED);
  g_clear_error(&error);
  g_assert_false(update(place, "officer", admin, "sysadmin archivist", "", SECURITY_TOP, TRUE, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_false(update(place, "officer", 999, "reader", "", SECURITY_TOP, TRUE, &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_autoptr(Sql) sql = sql_read(place->db, &error);
  json_t *history = journal_of(sql, "user", clerk, 0, 10, &error), *update_data = json_object_get(json_array_get(history, 0), "data");
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(json_object_get(update_data, "roles"), "to"), 0)), ==, "archivist");
  g_assert_null(json_object_get(update_data, "title"));
  json_decref(history);
}

static void test_disabled(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 clerk = user(place, "clerk", "archivist");
  g_autofree char *token = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  g_assert_true(update(place, "admin", clerk, "archivist", "", SECURITY_TOP, FALSE, &error));
  g_assert_null(people_identify(place->db, token));
  g_assert_null(sign_in(place, "clerk", "secret-42", "10.0.0.1", LANTAI_ERROR_DENIED));
  g_assert_true(update(place, "admin", clerk, "archivist", "", SECURITY_TOP, TRUE, &error));
  g_assert_null(people_identify(place->db, token)); /* the old session stays ended */
  g_autofree char *again = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
}

static gboolean set_password(Place *place, const char *actor, gint64 id, const char *password, GError **error) {
  g_autoptr(Sql) sql = sql_write(place->db, error);
  return people_user_password(sql, actor, id, password, error) && sql_commit(sql, error);
}

static void test_password(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 clerk = user(place, "clerk", "archivist"), officer = user(place, "officer", "security");
  g_autofree char *token = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  g_assert_true(set_password(place, "clerk", clerk, "another-43", &error));
  g_assert_null(people_identify(place->db, token));
  g_assert_null(sign_in(place, "clerk", "secret-42", "10.0.0.1", LANTAI_ERROR_DENIED));
  g_autofree char *own = sign_in(place, "clerk", "another-43", "10.0.0.1", 0);
  g_autoptr(Person) person = people_identify(place->db, own);
  g_assert_true(people_may(person, "record.edit"));
  g_assert_false(set_password(place, "clerk", clerk, "weak", &error));
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_INVALID);
  g_clear_error(&error);
  g_assert_false(set_password(place, "admin", officer, "another-43", &error)); /* else the administrator could become the officer */
  g_assert_error(error, LANTAI_ERROR, LANTAI_ERROR_DENIED);
  g_clear_error(&error);
  g_assert_true(set_password(place, "system", officer, "another-43", &error));
}

/* A password that somebody else knows opens nothing until it is changed. */
static void test_must_change(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 clerk = user(place, "clerk", "archivist");
  g_assert_true(set_password(place, "admin", clerk, "another-43", &error));
  g_autofree char *token = sign_in(place, "clerk", "another-43", "10.0.0.1", 0);
  g_autoptr(Person) person = people_identify(place->db, token);
  g_assert_true(people_must_change(person));
  g_assert_false(people_may(person, "catalogue.read"));
  assert_scope(people_scope(person), 0, 0, 0);
  g_assert_true(set_password(place, "clerk", clerk, "my-own-44", &error));
  g_autofree char *again = sign_in(place, "clerk", "my-own-44", "10.0.0.1", 0);
  g_autoptr(Person) free_person = people_identify(place->db, again);
  g_assert_true(people_may(free_person, "catalogue.read"));
  assert_scope(people_scope(free_person), ALL, ALL, SECURITY_SECRET);
}

/* ---- sign-in and sessions ---- */

static void test_sign_in(Place *place, gconstpointer data) {
  user(place, "clerk", "archivist");
  g_autofree char *token = sign_in(place, " CLERK ", "secret-42", "10.0.0.1", 0);
  g_autoptr(Person) person = people_identify(place->db, token);
  g_assert_cmpstr(people_name(person), ==, "clerk");
  g_assert_cmpstr(people_title(person), ==, "某人");
  g_assert_cmpint(people_id(person), >, 0);
  g_assert_null(sign_in(place, "clerk", "secret-43", "10.0.0.1", LANTAI_ERROR_DENIED));
  g_assert_null(sign_in(place, "nobody", "secret-42", "10.0.0.1", LANTAI_ERROR_DENIED));
  g_assert_null(sign_in(place, NULL, NULL, NULL, LANTAI_ERROR_DENIED));
  g_assert_null(sign_in(place, "clerk' OR 1=1 --", "x", "10.0.0.1", LANTAI_ERROR_DENIED));
  g_assert_cmpint(events(place, "user.sign_in"), ==, 1);
  g_assert_cmpint(events(place, "user.sign_in_failed"), ==, 2);
  g_autoptr(Sql) sql = sql_read(place->db, NULL);
  json_t *list = journal_list(sql, "clerk", "user.sign_in", 0, 10, NULL);
  g_assert_cmpstr(json_string_value(json_object_get(json_object_get(json_array_get(list, 0), "data"), "address")), ==, "10.0.0.1");
  json_decref(list);
  g_autofree char *kept = sql_string(sql, "SELECT token_hash FROM session", SQL_NONE, NULL);
  g_assert_cmpuint(strlen(kept), ==, 64);
  g_assert_cmpstr(kept, !=, token);
  g_assert_null(people_identify(place->db, kept));
  g_assert_null(people_identify(place->db, ""));
  g_assert_null(people_identify(place->db, NULL));
}

static void test_sign_out(Place *place, gconstpointer data) {
  GError *error = NULL;
  user(place, "clerk", "archivist");
  g_autofree char *token = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  g_assert_true(people_sign_out(place->db, token, &error));
  g_assert_null(people_identify(place->db, token));
  g_assert_true(people_sign_out(place->db, token, &error));
  g_assert_true(people_sign_out(place->db, NULL, &error));
  g_assert_no_error(error);
  g_assert_cmpint(events(place, "user.sign_out"), ==, 1);
}

static void test_lockout(Place *place, gconstpointer data) {
  user(place, "clerk", "archivist");
  for (int i = 0; i < LOCK_FAILURES; i++) {
    clock_set(i * 60);
    g_assert_null(sign_in(place, "clerk", "wrong-pass-1", "10.0.0.9", LANTAI_ERROR_DENIED));
  }
  g_assert_cmpint(events(place, "user.sign_in_locked"), ==, 1);
  g_assert_null(sign_in(place, "clerk", "secret-42", "10.0.0.9", LANTAI_ERROR_DENIED));
  g_assert_cmpint(events(place, "user.sign_in_failed"), ==, LOCK_FAILURES); /* a locked pair is not journalled on and on */
  g_autofree char *elsewhere = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0); /* nobody is locked out by a stranger */
  clock_set(4 * 60 + 599);
  g_assert_null(sign_in(place, "clerk", "secret-42", "10.0.0.9", LANTAI_ERROR_DENIED));
  clock_set(4 * 60 + 601);
  g_assert_null(sign_in(place, "clerk", "wrong-pass-1", "10.0.0.9", LANTAI_ERROR_DENIED)); /* counts anew */
  g_autofree char *after = sign_in(place, "clerk", "secret-42", "10.0.0.9", 0);
  for (int i = 0; i < LOCK_FAILURES - 1; i++) g_assert_null(sign_in(place, "clerk", "wrong-pass-1", "10.0.0.9", LANTAI_ERROR_DENIED));
  g_autofree char *good = sign_in(place, "clerk", "secret-42", "10.0.0.9", 0); /* and success forgets them */
}

static void test_expiry(Place *place, gconstpointer data) {
  user(place, "clerk", "archivist");
  g_autofree char *token = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  for (int minute = 25; minute <= 100; minute += 25) { /* use keeps it alive */
    clock_set(minute * 60);
    g_autoptr(Person) person = people_identify(place->db, token);
    g_assert_nonnull(person);
  }
  clock_set(100 * 60 + 30 * 60 + 1);
  g_assert_null(people_identify(place->db, token));
  clock_set(200 * 60);
  people_set_session_minutes(5);
  g_autofree char *brief = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  clock_set(206 * 60);
  g_assert_null(people_identify(place->db, brief));
  g_autofree char *newest = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  g_autoptr(Sql) sql = sql_read(place->db, NULL);
  g_assert_cmpint(sql_number(sql, "SELECT count(*) AS number FROM session", SQL_NONE, 0, NULL), ==, 1); /* ended ones are swept */
}

/* Rights are read at every request: a grant or its loss needs no new sign-in. */
static void test_rights_at_once(Place *place, gconstpointer data) {
  GError *error = NULL;
  gint64 clerk = user(place, "clerk", "archivist");
  g_autofree char *token = sign_in(place, "clerk", "secret-42", "10.0.0.1", 0);
  g_assert_true(update(place, "officer", clerk, "reader", "4", SECURITY_PUBLIC, TRUE, &error));
  g_autoptr(Person) person = people_identify(place->db, token);
  g_assert_false(people_may(person, "record.edit"));
  assert_scope(people_scope(person), OPEN, OPEN, SECURITY_PUBLIC);
  g_assert_cmpuint(people_scope(person)->fonds_count, ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/people/scopes", Place, NULL, set_up, test_scopes, tear_down);
  g_test_add("/people/scope-limits", Place, NULL, set_up, test_scope_limits, tear_down);
  g_test_add("/people/permissions", Place, NULL, set_up, test_permissions, tear_down);
  g_test_add_func("/people/roles-file", test_roles_file);
  g_test_add("/people/account-rules", Place, NULL, set_up, test_account_rules, tear_down);
  g_test_add("/people/update", Place, NULL, set_up, test_update, tear_down);
  g_test_add("/people/disabled", Place, NULL, set_up, test_disabled, tear_down);
  g_test_add("/people/password", Place, NULL, set_up, test_password, tear_down);
  g_test_add("/people/must-change", Place, NULL, set_up, test_must_change, tear_down);
  g_test_add("/people/sign-in", Place, NULL, set_up, test_sign_in, tear_down);
  g_test_add("/people/sign-out", Place, NULL, set_up, test_sign_out, tear_down);
  g_test_add("/people/lockout", Place, NULL, set_up, test_lockout, tear_down);
  g_test_add("/people/expiry", Place, NULL, set_up, test_expiry, tear_down);
  g_test_add("/people/rights-at-once", Place, NULL, set_up, test_rights_at_once, tear_down);
  return g_test_run();
}
