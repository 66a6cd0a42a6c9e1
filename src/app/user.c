/* `lantai user …`: accounts from the command line, for the first administrator and for emergencies. */
#include "app.h"
#include "crypto.h"
#include "error.h"
#include "people.h"
#include <stdio.h>
#include <string.h>

static struct {
  char **roles;
  char *password, *title, *security, *body;
} user_options;

static const GOptionEntry *user_entries(void) {
  static const GOptionEntry entries[] = {
    {"role", 0, 0, G_OPTION_ARG_STRING_ARRAY, &user_options.roles, "角色代码，可给多个：sysadmin security auditor archivist director transferor reader", "代码"},
    {"password", 0, 0, G_OPTION_ARG_STRING, &user_options.password, "密码（缺省：随机生成并显示一次）", "密码"},
    {"title", 0, 0, G_OPTION_ARG_STRING, &user_options.title, "姓名", "姓名"},
    {"body", 0, 0, G_OPTION_ARG_STRING, &user_options.body, "移交单位（角色 transferor：只看得到这个单位的批次）", "名称"},
    {"security", 0, 0, G_OPTION_ARG_STRING, &user_options.security, "可见的最高密级（缺省：公开）", "密级"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

static gboolean list_users(const CommandLine *line, const House *house, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *users = sql ? people_user_list(sql, error) : NULL;
  if (users == NULL) return FALSE;
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *user;
  json_array_foreach(users, i, user) {
    json_t *titles = json_object_get(user, "role_titles"), *title;
    g_autoptr(GString) roles = g_string_new(json_array_size(titles) ? "" : "没有角色");
    size_t r;
    json_array_foreach(titles, r, title) g_string_append_printf(roles, "%s%s", r ? "、" : "", json_string_value(title));
    g_string_append_printf(text, "%-16s %-12s %s%s\n", json_string_value(json_object_get(user, "name")), json_string_value(json_object_get(user, "title")),
      roles->str, json_is_true(json_object_get(user, "enabled")) ? "" : "　停用");
  }
  command_print(line, users, "%s", text->len ? text->str : "还没有用户。用 lantai user add 用户名 --role sysadmin 建立第一个。\n");
  return TRUE;
}

/* A password that was made here is told once; a given one is not repeated. */
static json_t *account_json(gint64 id, const char *name, const char *password) {
  json_t *account = json_pack("{s:I, s:s}", "id", (json_int_t)id, "name", name);
  if (user_options.password == NULL) json_object_set_new(account, "password", json_string(password));
  return account;
}

static gboolean add_user(const CommandLine *line, const House *house, const char *name, GError **error) {
  Security security = SECURITY_PUBLIC;
  if (user_options.security && !security_parse(user_options.security, &security))
    return throw(error, LANTAI_ERROR_INVALID, "不认识的密级“%s”", user_options.security);
  g_autofree char *random = crypto_random_token(9);
  const char *password = user_options.password ? user_options.password : random;
  json_t *roles = json_array(), *fonds = json_array();
  for (char **role = user_options.roles; role && *role; role++) json_array_append_new(roles, json_string(*role));
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql ? people_user_create(sql, "system", name, user_options.title ? user_options.title : name, password, roles, fonds, security, error) : 0;
  gboolean good = id != 0 && (user_options.body == NULL || people_user_body(sql, "system", id, user_options.body, error)) && sql_commit(sql, error);
  json_decref(roles);
  json_decref(fonds);
  if (good)
    command_print(
      line, account_json(id, name, password), "已建立用户 %s%s%s\n", name, user_options.password ? "" : "，密码：", user_options.password ? "" : random);
  return good;
}

static gboolean set_password(const CommandLine *line, const House *house, const char *name, GError **error) {
  g_autofree char *random = crypto_random_token(9);
  const char *password = user_options.password ? user_options.password : random;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  json_t *users = people_user_list(sql, error);
  gint64 id = 0;
  size_t i;
  json_t *user;
  json_array_foreach(users, i, user) if (g_strcmp0(json_string_value(json_object_get(user, "name")), name) == 0)
    id = json_integer_value(json_object_get(user, "id"));
  json_decref(users);
  if (id == 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有用户 %s", name);
  if (!people_user_password(sql, "system", id, password, error) || !sql_commit(sql, error)) return FALSE;
  command_print(
    line, account_json(id, name, password), "已更改用户 %s 的密码%s%s\n", name, user_options.password ? "" : "：", user_options.password ? "" : random);
  return TRUE;
}

static gboolean run_user(const CommandLine *line, GError **error) {
  const char *verb = line->count ? line->arguments[0] : "list";
  gboolean writes = !g_str_equal(verb, "list");
  if (writes && !g_str_equal(verb, "add") && !g_str_equal(verb, "password"))
    return throw(error, LANTAI_ERROR_INVALID, "lantai user 之后应为 list、add 或 password，而不是“%s”", verb);
  if (writes && line->count < 2) return throw(error, LANTAI_ERROR_INVALID, "缺少用户名：lantai user %s 用户名", verb);
  g_autoptr(Archive) archive = archive_open(line->dir, writes ? ARCHIVE_WRITE : ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  if (!writes) return list_users(line, archive_house(archive), error);
  if (g_str_equal(verb, "add")) return add_user(line, archive_house(archive), line->arguments[1], error);
  return set_password(line, archive_house(archive), line->arguments[1], error);
}

const Command USER_COMMANDS[] = {
  {"user", "[list|add|password] [用户名]", "列出、建立用户，重设密码", user_entries, 0, 2, run_user},
  {NULL},
};
