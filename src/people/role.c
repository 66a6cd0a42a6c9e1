/*
 * Roles as data: definitions/roles.yaml read, checked, and turned into answers.
 *
 * 1. A set is immutable; loading makes a new one and keeps the old (a few kilobytes), because persons of running requests point into it.
 * 2. An exclusive role shows no records at all; files never go beyond opening; the public role exists and is nobody's by grant.
 * 3. A role code in the database that the set does not know allows and shows nothing.
 */
#include "account.h"
#include "error.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

typedef struct {
  char *code, *title;
  GHashTable *permissions;
  guint opening_mask, files_mask;
  Security security;
  gboolean exclusive;
} Role;

struct RoleSet {
  GHashTable *roles; /* code → Role */
  json_t *json, *permissions;
  Scope public_scope;
  const RoleSet *older; /* the one that this replaced (invariant 1) */
};

static const RoleSet *current; /* atomic */

static void role_free(gpointer data) {
  Role *role = data;
  g_free(role->code);
  g_free(role->title);
  g_hash_table_unref(role->permissions);
  g_free(role);
}

static void set_free(RoleSet *set) {
  if (set == NULL) return;
  g_hash_table_unref(set->roles);
  json_decref(set->json);
  json_decref(set->permissions);
  g_free(set);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RoleSet, set_free)

/* ---- reading ---- */

static gboolean code_good(const char *code) {
  gsize length = strlen(code);
  return length > 0 && length <= 40 && strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static gboolean read_keys(const char *code, json_t *source, GError **error) {
  static const char *const keys[] = {"title", "permissions", "opening", "files", "security", "exclusive", NULL};
  const char *key;
  json_t *value;
  json_object_foreach(source, key, value)
    if (!g_strv_contains(keys, key)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 有不认识的项 %s", code, key);
  return TRUE;
}

static gboolean read_permissions(const RoleSet *set, Role *role, json_t *list, GError **error) {
  size_t i;
  json_t *item;
  if (!json_is_array(list)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 缺少 permissions（权限代码的列表）", role->code);
  json_array_foreach(list, i, item) {
    const char *permission = json_string_value(item);
    if (permission == NULL || json_object_get(set->permissions, permission) == NULL)
      return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 的权限 %s 不在 permissions 之中", role->code, permission ? permission : "（不是文字）");
    g_hash_table_add(role->permissions, g_strdup(permission));
  }
  return TRUE;
}

static gboolean read_mask(const Role *role, const char *key, json_t *list, guint *ret_mask, GError **error) {
  guint mask = 0;
  size_t i;
  json_t *item;
  if (!json_is_array(list)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 缺少 %s（开放状态的列表，空为 []）", role->code, key);
  json_array_foreach(list, i, item) {
    Opening opening;
    const char *word = json_string_value(item);
    if (word == NULL || *word == '\0' || !opening_parse(word, &opening))
      return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 的 %s 中有不认识的开放状态 %s", role->code, key, word ? word : "（不是文字）");
    mask |= 1u << opening;
  }
  *ret_mask = mask;
  return TRUE;
}

static gboolean read_role(RoleSet *set, const char *code, json_t *source, GError **error) {
  if (!code_good(code) || !json_is_object(source)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色代码 %s 不合要求（小写字母、数字、_、-），或其下没有内容", code);
  if (!read_keys(code, source, error)) return FALSE;
  Role *role = g_new0(Role, 1);
  role->code = g_strdup(code);
  role->permissions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert(set->roles, role->code, role);
  const char *title = json_string_value(json_object_get(source, "title")), *security = json_string_value(json_object_get(source, "security"));
  role->title = g_strdup(title ? title : code);
  role->exclusive = json_is_true(json_object_get(source, "exclusive"));
  if (!read_permissions(set, role, json_object_get(source, "permissions"), error) || !read_mask(role, "opening", json_object_get(source, "opening"),
    &role->opening_mask, error) ||
      !read_mask(role, "files", json_object_get(source, "files"), &role->files_mask, error)) return FALSE;
  if (title == NULL || *title == '\0') return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 缺少名称（title）", code);
  if (security == NULL || !security_parse(security, &role->security)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 的密级（security）缺少或不认识", code);
  if (role->files_mask & ~role->opening_mask) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 的 files 超出了 opening", code);
  if (role->exclusive && role->opening_mask) return throw(error, LANTAI_ERROR_INVALID, "角色定义：角色 %s 不能兼任（exclusive），因此 opening 须为空", code);
  json_t *row = json_copy(source);
  json_object_set_new(row, "code", json_string(code));
  json_object_set_new(row, "exclusive", json_boolean(role->exclusive));
  json_array_append_new(set->json, row);
  return TRUE;
}

static gboolean read_set(RoleSet *set, json_t *source, GError **error) {
  json_t *permissions = json_object_get(source, "permissions"), *roles = json_object_get(source, "roles"), *value;
  const char *code;
  if (!json_is_object(permissions) || !json_is_object(roles)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：缺少 permissions 或 roles");
  json_object_foreach(permissions, code, value)
    if (!json_is_string(value)) return throw(error, LANTAI_ERROR_INVALID, "角色定义：权限 %s 缺少名称", code);
  set->permissions = json_incref(permissions);
  json_object_foreach(roles, code, value)
    if (!read_role(set, code, value, error)) return FALSE;
  Role *everybody = g_hash_table_lookup(set->roles, "public");
  if (everybody == NULL || everybody->exclusive) return throw(error, LANTAI_ERROR_INVALID, "角色定义：缺少角色 public（未登录者），或它被定为不能兼任");
  set->public_scope.all_fonds = TRUE;
  roles_widen(set, "public", &set->public_scope);
  return TRUE;
}

gboolean roles_load(const char *definitions_dir, GError **error) {
  g_autofree char *path = definitions_dir ? g_build_filename(definitions_dir, "roles.yaml", NULL) : NULL;
  gboolean own = path && g_file_test(path, G_FILE_TEST_EXISTS);
  json_t *source = own ? yaml_load_file(path, error) : yaml_load_built_in("definitions/roles.yaml", error);
  if (source == NULL) return FALSE;
  g_autoptr(RoleSet) set = g_new0(RoleSet, 1);
  set->roles = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, role_free);
  set->json = json_array();
  gboolean good = read_set(set, source, error);
  json_decref(source);
  set->older = roles_current();
  if (good) g_atomic_pointer_set(&current, g_steal_pointer(&set));
  else if (own) g_prefix_error(error, "%s：", path);
  return good;
}

/* ---- answers ---- */

static const Role *find(const RoleSet *set, const char *role) { return set && role ? g_hash_table_lookup(set->roles, role) : NULL; }

const RoleSet *roles_current(void) { return g_atomic_pointer_get(&current); }
json_t *roles_json(const RoleSet *set) { return set->json; }
json_t *roles_permissions(const RoleSet *set) { return set->permissions; }
gboolean roles_know(const RoleSet *set, const char *role) { return find(set, role) != NULL; }

gboolean roles_exclusive(const RoleSet *set, const char *role) {
  const Role *found = find(set, role);
  return found && found->exclusive;
}

const char *roles_title(const RoleSet *set, const char *role) {
  const Role *found = find(set, role);
  return found ? found->title : role;
}

gboolean roles_allow(const RoleSet *set, const char *role, const char *permission) {
  const Role *found = find(set, role);
  return found && g_hash_table_contains(found->permissions, permission);
}

void roles_widen(const RoleSet *set, const char *role, Scope *scope) {
  const Role *found = find(set, role);
  if (found == NULL) return;
  scope->opening_mask |= found->opening_mask;
  scope->files_mask |= found->files_mask;
  scope->security = MAX(scope->security, found->security);
}

const Scope *roles_public_scope(const RoleSet *set) { return set ? &set->public_scope : &SCOPE_NOTHING; }

gboolean roles_check(const RoleSet *set, json_t *roles, GError **error) {
  size_t i, k;
  json_t *role;
  if (!json_is_array(roles)) return throw(error, LANTAI_ERROR_INVALID, "角色应是角色代码的列表");
  json_array_foreach(roles, i, role) {
    const char *code = json_string_value(role);
    if (!roles_know(set, code)) return throw(error, LANTAI_ERROR_INVALID, "没有角色 %s", code ? code : "（不是文字）");
    if (g_str_equal(code, "public")) return throw(error, LANTAI_ERROR_INVALID, "“%s”是未登录者的角色，不能授予帐号", roles_title(set, code));
    if (roles_exclusive(set, code) && json_array_size(roles) > 1)
      return throw(error, LANTAI_ERROR_INVALID, "“%s”不能与其他角色兼任（系统管理、安全保密、审计三员分立，且不接触档案内容）", roles_title(set, code));
    for (k = 0; k < i; k++)
      if (g_strcmp0(json_string_value(json_array_get(roles, k)), code) == 0) return throw(error, LANTAI_ERROR_INVALID, "角色“%s”重复", roles_title(set, code));
  }
  return TRUE;
}
