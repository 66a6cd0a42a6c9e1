/* The pages of people/ through the router: who gets which, forms and their refusals, and what the gate must never let pass. */
#include "account.h"
#include "error.h"
#include "journal.h"
#include <string.h>

static const char *const ROLES[] = {"sysadmin", "security", "auditor", "archivist", "director", "reader"};

typedef struct {
  House house;
  Journal *journal;
  WebServer *server;
  GHashTable *tokens, *ids; /* by role */
} Place;

static gpointer identify(const House *house, const char *session, const char *bearer, const Scope **ret_scope) {
  Person *person = people_identify(house->db, session ? session : bearer);
  *ret_scope = people_scope(person);
  return person;
}
static void forget(gpointer identity) { people_person_free(identity); }
static const char *actor(gpointer identity) { return people_name(identity); }
static gboolean may(const House *house, gpointer identity, const char *permission) { return people_may(identity, permission); }

static json_t *some_fonds(const House *house, Sql *sql, GError **error) {
  return json_pack("[{s:i, s:s, s:s}, {s:i, s:s, s:s}]", "id", 4, "code", "0004", "title", "市档案局", "id", 9, "code", "0009", "title", "<市>民政局");
}

static void set_up(Place *place, gconstpointer data) {
  static const WebHooks hooks = {identify, forget, actor, may, NULL};
  static const WebRoute *const routes[] = {PEOPLE_ROUTES, NULL};
  GError *error = NULL;
  place->house = (House){.db = sql_open(":memory:", &error)};
  place->journal = journal_open(place->house.db, NULL, &error);
  g_assert_true(people_open(place->house.db, NULL, &error));
  people_set_fonds_source(some_fonds);
  place->server = web_server_new(&place->house, routes, &hooks, &error);
  g_assert_no_error(error);
  place->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
  place->ids = g_hash_table_new(g_str_hash, g_str_equal);
  json_t *nothing = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(ROLES); i++) {
    json_t *roles = json_pack("[s]", ROLES[i]);
    g_autoptr(Sql) sql = sql_write(place->house.db, &error);
    gint64 id = people_user_create(sql, "system", ROLES[i], "某<人>", "secret-42", roles, nothing, SECURITY_SECRET, &error);
    g_assert_true(id && sql_commit(sql, &error));
    sql_end(g_steal_pointer(&sql));
    g_hash_table_insert(place->ids, (gpointer)ROLES[i], GINT_TO_POINTER((int)id));
    g_hash_table_insert(place->tokens, (gpointer)ROLES[i], people_sign_in(place->house.db, ROLES[i], "secret-42", "10.0.0.1", &error));
    g_assert_no_error(error);
    json_decref(roles);
  }
  json_decref(nothing);
}

static void tear_down(Place *place, gconstpointer data) {
  people_set_fonds_source(NULL);
  web_server_free(place->server);
  journal_close(place->journal);
  sql_close(place->house.db);
  g_hash_table_unref(place->tokens);
  g_hash_table_unref(place->ids);
}

static int id_of(Place *place, const char *role) { return GPOINTER_TO_INT(g_hash_table_lookup(place->ids, role)); }

/* One request as a role (NULL: the public), with its CSRF token added to a form. */
static guint ask(Place *place, const char *role, const char *method, const char *target, const char *form, const char *accept, char **ret_body,
  char **ret_headers) {
  const char *token = role ? g_hash_table_lookup(place->tokens, role) : NULL;
  g_autofree char *cookie = token ? g_strdup_printf("%s=%s", WEB_SESSION_COOKIE, token) : NULL;
  g_autofree char *csrf = token ? web_csrf_token(place->server, token) : g_strdup("");
  g_autofree char *body = form ? g_strdup_printf("%s&csrf=%s", form, csrf) : NULL;
  return web_dispatch(place->server, method, target, cookie, body, accept, ret_body, ret_headers);
}

static guint get(Place *place, const char *role, const char *target, char **ret_body) { return ask(place, role, "GET", target, NULL, "html", ret_body, NULL); }
static guint post(Place *place, const char *role, const char *target, const char *form, char **ret_body) {
  return ask(place, role, "POST", target, form, "html", ret_body, NULL);
}

/* Every row, every role: allowed exactly where its permission says so; both faces are made. */
static void test_every_row(Place *place, gconstpointer data) {
  for (const WebRoute *route = PEOPLE_ROUTES; route->method; route++) {
    g_auto(GStrv) parts = g_strsplit(route->path, "{id}", -1);
    g_autofree char *number = g_strdup_printf("%d", id_of(place, "reader")), *target = g_strjoinv(number, parts);
    gboolean reads = g_str_equal(route->method, "GET"), open = g_str_equal(route->permission, "public");
    for (guint i = 0; i <= G_N_ELEMENTS(ROLES); i++) {
      const char *role = i < G_N_ELEMENTS(ROLES) ? ROLES[i] : NULL;
      if (!reads && open) continue; /* signing in and out have tests of their own */
      gboolean allowed = open || (role && (g_str_equal(route->permission, "user") || roles_allow(roles_current(), role, route->permission)));
      for (int json = 0; json < 2; json++) {
        g_autofree char *body = NULL;
        guint status = ask(place, role, route->method, target, reads ? NULL : "security=99", json ? "json" : "html", &body, NULL);
        guint refused = role ? 403 : json ? 401 : 303;
        if (allowed) g_assert_true(status == 200 || status == 422 || (status == 303 && g_str_equal(route->path, "/login")));
        else g_assert_cmpuint(status, ==, refused);
        if (allowed && status == 200) g_assert_true(json ? *body == '{' : strstr(body, "<h1>") != NULL);
        g_assert_null(json ? NULL : strstr(body, "<人>"));
        g_assert_null(json ? NULL : strstr(body, "<市>"));
        g_assert_null(strstr(body, "scrypt"));
      }
    }
  }
}

static void test_login(Place *place, gconstpointer data) {
  g_autofree char *body = NULL, *headers = NULL, *wrong = NULL;
  g_assert_cmpuint(ask(place, NULL, "POST", "/login", "name=reader&password=secret-42&next=%2Fsearch%3Fq%3D%25E6%25A1%25A3", "html", &body, &headers), ==, 303);
  g_assert_nonnull(strstr(headers, "Location: /search?q=%E6%A1%A3\n"));
  g_assert_nonnull(strstr(headers, "Set-Cookie: " WEB_SESSION_COOKIE "="));
  g_assert_nonnull(strstr(headers, "HttpOnly"));
  g_assert_cmpuint(post(place, NULL, "/login", "name=reader%22%3E&password=nonsense&next=/x", &wrong), ==, 403);
  g_assert_nonnull(strstr(wrong, "用户名或密码不正确"));
  g_assert_nonnull(strstr(wrong, "value=\"reader&quot;&gt;\""));
  g_assert_null(strstr(wrong, "nonsense"));
}

static void test_next_stays_here(Place *place, gconstpointer data) {
  static const char *const foreign[] = {"https://evil.example/", "//evil.example", "/%5Cevil.example", "%5C%5Cevil", "javascript:alert(1)", "evil",
    "/a%0d%0aSet-Cookie:x=1", "/login", "", "/%09/evil"};
  for (guint i = 0; i < G_N_ELEMENTS(foreign); i++) {
    g_autofree char *form = g_strdup_printf("name=reader&password=secret-42&next=%s", foreign[i]), *headers = NULL;
    ask(place, NULL, "POST", "/login", form, "html", NULL, &headers);
    const char *location = strstr(headers, "Location: ");
    g_assert_nonnull(location);
    g_assert_true(g_str_has_prefix(location, "Location: /\n") || g_str_has_prefix(location, "Location: /a"));
    g_assert_null(strstr(location, "\nSet-Cookie:x"));
    g_assert_null(strstr(location, "evil"));
  }
}

static void test_logout(Place *place, gconstpointer data) {
  g_assert_cmpuint(get(place, "reader", "/me", NULL), ==, 200);
  g_assert_cmpuint(post(place, "reader", "/logout", "x=1", NULL), ==, 303);
  g_assert_cmpuint(get(place, "reader", "/me", NULL), ==, 303);
}

static void test_csrf(Place *place, gconstpointer data) {
  g_autofree char *cookie = g_strdup_printf("%s=%s", WEB_SESSION_COOKIE, (char *)g_hash_table_lookup(place->tokens, "sysadmin"));
  g_assert_cmpuint(web_dispatch(place->server, "POST", "/users", cookie, "name=mallory&shown=x&password=secret-42", "html", NULL, NULL), ==, 403);
}

static void test_own_password(Place *place, gconstpointer data) {
  static const struct {
    const char *form, *message;
    guint status;
  } cases[] = {
    {"old=wrong-pass1&new=better-43&repeat=better-43", "原密码不正确", 403},
    {"old=secret-42&new=better-43&repeat=better-44", "两次输入的新密码不一致", 422},
    {"old=secret-42&new=weak&repeat=weak", "至少要有 8 个字符", 422},
    {"old=secret-42&new=secret-42&repeat=secret-42", "不能与原密码相同", 422},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *body = NULL;
    g_assert_cmpuint(post(place, "reader", "/me", cases[i].form, &body), ==, cases[i].status);
    g_assert_nonnull(strstr(body, cases[i].message));
  }
  g_autofree char *headers = NULL;
  g_assert_cmpuint(ask(place, "reader", "POST", "/me", "old=secret-42&new=better-43&repeat=better-43", "html", NULL, &headers), ==, 303);
  g_assert_nonnull(strstr(headers, "Set-Cookie: " WEB_SESSION_COOKIE "="));
  g_assert_cmpuint(get(place, "reader", "/me", NULL), ==, 303); /* the former session has ended */
}

static void test_new_user(Place *place, gconstpointer data) {
  g_autofree char *body = NULL, *taken = NULL, *headers = NULL, *login = NULL;
  g_assert_cmpuint(post(place, "sysadmin", "/users", "name=a&shown=%E6%9D%8E%E5%9B%9B&password=weak", &body), ==, 422);
  g_assert_nonnull(strstr(body, "用户名须为"));
  g_assert_nonnull(strstr(body, "至少要有 8 个字符"));
  g_assert_nonnull(strstr(body, "value=\"李四\""));
  g_assert_cmpuint(post(place, "sysadmin", "/users", "name=Reader&shown=x&password=secret-42", &taken), ==, 409);
  g_assert_nonnull(strstr(taken, "已经有人使用"));
  /* roles in the form of somebody who may not grant them are not even parameters */
  g_assert_cmpuint(ask(place, "sysadmin", "POST", "/users", "name=lisi&shown=x&password=secret-42&roles=archivist&security=4", "html", NULL, &headers), ==,
    303);
  g_autoptr(Person) nobody = NULL;
  g_autofree char *token = people_sign_in(place->house.db, "lisi", "secret-42", "10.0.0.1", NULL);
  nobody = people_identify(place->house.db, token);
  g_assert_false(people_may(nobody, "catalogue.read"));
  g_assert_cmpuint(people_scope(nobody)->opening_mask, ==, 0);
  g_assert_cmpuint(ask(place, NULL, "POST", "/login", "name=lisi&password=secret-42&next=/search", "html", NULL, &login), ==, 303);
  g_assert_nonnull(strstr(login, "Location: /me\n"));
}

/* Who administers does not grant, who grants does not administer, and nobody does either for himself. */
static void test_separation(Place *place, gconstpointer data) {
  g_autofree char *reader = g_strdup_printf("/user/%d/grant", id_of(place, "reader")), *own = g_strdup_printf("/user/%d/grant", id_of(place, "security")),
    *body = NULL;
  g_autofree char *officer = g_strdup_printf("/user/%d/password", id_of(place, "security")), *refused = NULL, *mixed = NULL;
  g_autofree char *self = g_strdup_printf("/user/%d", id_of(place, "sysadmin"));
  g_assert_cmpuint(post(place, "sysadmin", reader, "roles=archivist&security=2", NULL), ==, 403);
  g_assert_cmpuint(post(place, "security", "/users", "name=lisi&shown=x&password=secret-42", NULL), ==, 403);
  g_assert_cmpuint(post(place, "security", own, "roles=archivist&security=2", &body), ==, 403);
  g_assert_nonnull(strstr(body, "不能更改自己的角色"));
  g_assert_cmpuint(post(place, "sysadmin", officer, "password=another-43", &refused), ==, 403);
  g_assert_nonnull(strstr(refused, "只能由本人更改"));
  g_assert_cmpuint(post(place, "sysadmin", self, "shown=x", NULL), ==, 403); /* enabled is missing: disabling oneself */
  g_assert_cmpuint(post(place, "security", reader, "roles=archivist&roles=auditor&security=2", &mixed), ==, 422);
  g_assert_nonnull(strstr(mixed, "不能与其他角色兼任"));
  g_assert_nonnull(strstr(mixed, "value=\"auditor\" checked"));
  g_assert_cmpuint(post(place, "security", reader, "roles=archivist&security=2&fonds=9&fonds=4", NULL), ==, 303);
  g_autoptr(Person) person = people_identify(place->house.db, g_hash_table_lookup(place->tokens, "reader"));
  g_assert_true(people_may(person, "record.edit"));
  g_assert_cmpuint(people_scope(person)->fonds_count, ==, 2);
  g_assert_cmpint(people_scope(person)->fonds[0], ==, 4);
}

static void test_manage(Place *place, gconstpointer data) {
  g_autofree char *target = g_strdup_printf("/user/%d", id_of(place, "reader")), *password = g_strconcat(target, "/password", NULL), *body = NULL;
  g_assert_cmpuint(post(place, "sysadmin", target, "shown=&enabled=1", &body), ==, 422);
  g_assert_nonnull(strstr(body, "请填写姓名"));
  g_assert_cmpuint(post(place, "sysadmin", password, "password=another-43", NULL), ==, 303);
  g_assert_cmpuint(get(place, "reader", "/me", NULL), ==, 303);
  g_assert_cmpuint(post(place, "sysadmin", target, "shown=%E7%8E%8B", NULL), ==, 303);
  g_autoptr(Sql) sql = sql_read(place->house.db, NULL);
  json_t *account = account_load(sql, id_of(place, "reader"), NULL);
  g_assert_cmpstr(json_string_value(json_object_get(account, "title")), ==, "王");
  g_assert_true(json_is_false(json_object_get(account, "enabled")));
  g_assert_cmpstr(json_string_value(json_array_get(json_object_get(account, "roles"), 0)), ==, "reader"); /* what he may not grant stays */
  json_decref(account);
  g_assert_cmpuint(get(place, "sysadmin", "/user/99999", NULL), ==, 404);
}

static void test_journal(Place *place, gconstpointer data) {
  GError *error = NULL;
  g_autoptr(Sql) sql = sql_write(place->house.db, &error);
  json_t *hostile = json_pack("{s:{s:[s,s]}, s:s, s:I}", "changes", "title", "机密旧题名", "机密新题名", "code", "机密档号",
    "year", (json_int_t)194919491949); /* no time or hash has it by chance */
  for (int i = 0; i < 250; i++) journal_append(sql, "clerk", "record.update", "record", i, hostile, &error);
  json_t *received = json_pack("{s:s, s:i, s:s}", "name", "机密批次", "missing", 17, "<script>alert(1)</script>", "x");
  journal_append(sql, "clerk", "accession.state", "accession", 3, received, &error);
  journal_append(sql, "clerk", "user.update", "user", 3, received, &error);
  json_decref(received);
  g_assert_true(sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  json_decref(hostile);
  int seen = 0;
  g_autofree char *target = g_strdup("/journal?actor=clerk&action=record.");
  while (target) {
    g_autofree char *body = NULL;
    g_assert_cmpuint(ask(place, "auditor", "GET", target, NULL, "json", &body, NULL), ==, 200);
    json_t *model = json_loads(body, 0, NULL);
    g_assert_null(strstr(body, "机密")); /* the auditor sees no archive content */
    g_assert_null(strstr(body, "194919491949"));
    seen += (int)json_array_size(json_object_get(model, "events"));
    g_free(target);
    target = g_strdup(json_string_value(json_object_get(model, "next")));
    json_decref(model);
  }
  g_assert_cmpint(seen, ==, 250);
  g_autofree char *accessions = NULL;
  g_assert_cmpuint(get(place, "auditor", "/journal?action=accession.", &accessions), ==, 200);
  g_assert_null(strstr(accessions, "机密"));
  g_assert_nonnull(strstr(accessions, "17"));
  g_autofree char *page = NULL, *proof = NULL, *tampered = NULL;
  g_assert_cmpuint(get(place, "auditor", "/journal?actor=clerk", &page), ==, 200);
  g_assert_null(strstr(page, "<script>alert"));
  g_assert_nonnull(strstr(page, "&lt;script&gt;"));
  g_assert_nonnull(strstr(page, "修改条目"));
  g_assert_nonnull(strstr(page, "题名"));
  g_assert_cmpuint(post(place, "auditor", "/journal/verify", "x=1", &proof), ==, 200);
  g_assert_nonnull(strstr(proof, "前后相连"));
  sql = sql_write(place->house.db, &error);
  g_assert_true(sql_exec(sql, "UPDATE event SET actor = 'nobody' WHERE id = 100", SQL_NONE, &error) && sql_commit(sql, &error));
  sql_end(g_steal_pointer(&sql));
  g_assert_cmpuint(post(place, "auditor", "/journal/verify", "x=1", &tampered), ==, 200);
  g_assert_nonnull(strstr(tampered, "发现 1 处问题"));
  sql = sql_read(place->house.db, &error);
  json_t *proofs = journal_list(sql, "auditor", "journal.verify", 0, 10, &error);
  g_assert_cmpuint(json_array_size(proofs), ==, 2);
  json_decref(proofs);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/people/pages/every-row", Place, NULL, set_up, test_every_row, tear_down);
  g_test_add("/people/pages/login", Place, NULL, set_up, test_login, tear_down);
  g_test_add("/people/pages/next-stays-here", Place, NULL, set_up, test_next_stays_here, tear_down);
  g_test_add("/people/pages/logout", Place, NULL, set_up, test_logout, tear_down);
  g_test_add("/people/pages/csrf", Place, NULL, set_up, test_csrf, tear_down);
  g_test_add("/people/pages/own-password", Place, NULL, set_up, test_own_password, tear_down);
  g_test_add("/people/pages/new-user", Place, NULL, set_up, test_new_user, tear_down);
  g_test_add("/people/pages/separation", Place, NULL, set_up, test_separation, tear_down);
  g_test_add("/people/pages/manage", Place, NULL, set_up, test_manage, tear_down);
  g_test_add("/people/pages/journal", Place, NULL, set_up, test_journal, tear_down);
  return g_test_run();
}
