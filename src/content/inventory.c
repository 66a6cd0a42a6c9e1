/*
 * Inventories of our own objects (OCFL 1.1 §3.5): parsing into tables, listing, writing with the sidecar.
 *
 * 1. inventory_parse accepts nothing that could lead outside the object: every content path is safe and lies in v<k>/content/, k ≤ head.
 * 2. It checks what reading needs; the remaining rules of OCFL are validate-inventory.c's.
 */
#include "content-internal.h"
#include "json.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void inventory_clear(gpointer data) {
  Inventory *inventory = data;
  g_clear_pointer(&inventory->files, g_hash_table_unref);
  g_clear_pointer(&inventory->contents, g_hash_table_unref);
  g_clear_pointer(&inventory->paths, g_hash_table_unref);
  json_decref(inventory->document);
}

Inventory *inventory_ref(Inventory *inventory) { return g_atomic_rc_box_acquire(inventory); }
void inventory_unref(Inventory *inventory) { g_atomic_rc_box_release_full(inventory, inventory_clear); }


/* v<k>/content/<safe path>, k ≤ head */
static gboolean content_path_is_ours(const char *path, guint head) {
  if (path_fault(path) != PATH_SAFE) return FALSE;
  gsize length = strcspn(path, "/");
  if (length > 9 || !g_str_has_prefix(path + length, "/content/")) return FALSE;
  g_autofree char *folder = g_strndup(path, length);
  guint version = version_number(folder);
  return version >= 1 && version <= head;
}

static gboolean parse_manifest(Inventory *inventory, GError **error) {
  json_t *manifest = json_object_get(inventory->document, "manifest");
  if (!json_is_object(manifest)) return throw(error, LANTAI_ERROR_INVALID, "清单没有 manifest");
  const char *digest;
  json_t *paths;
  json_object_foreach(manifest, digest, paths) {
    if (!is_hex(digest, SHA512_HEX)) return throw(error, LANTAI_ERROR_INVALID, "manifest 中“%.40s”不是 SHA-512 值", digest);
    if (!json_is_array(paths) || json_array_size(paths) == 0) return throw(error, LANTAI_ERROR_INVALID, "manifest 中 %.16s… 没有文件", digest);
    gsize i;
    json_t *item;
    json_array_foreach(paths, i, item) {
      const char *path = json_string_value(item);
      if (path == NULL || !content_path_is_ours(path, inventory->head))
        return throw(error, LANTAI_ERROR_INVALID, "manifest 中的路径“%.200s”不在本对象之内", path != NULL ? path : "(非文本)");
      if (!g_hash_table_insert(inventory->paths, (gpointer)path, (gpointer)digest))
        return throw(error, LANTAI_ERROR_INVALID, "manifest 中的路径“%.200s”重复", path);
      if (i == 0) g_hash_table_insert(inventory->contents, (gpointer)digest, (gpointer)path);
    }
  }
  return TRUE;
}

static gboolean parse_state(Inventory *inventory, json_t *state, GError **error) {
  if (!json_is_object(state)) return throw(error, LANTAI_ERROR_INVALID, "清单的最新版本没有 state");
  const char *digest;
  json_t *paths;
  json_object_foreach(state, digest, paths) {
    const char *content_path = g_hash_table_lookup(inventory->contents, digest);
    if (content_path == NULL) return throw(error, LANTAI_ERROR_INVALID, "state 中的 %.16s… 不在 manifest 中", digest);
    gsize i;
    json_t *item;
    json_array_foreach(paths, i, item) {
      const char *path = json_string_value(item);
      if (path == NULL || path_fault(path) != PATH_SAFE)
        return throw(error, LANTAI_ERROR_INVALID, "state 中的路径“%.200s”不合规", path != NULL ? path : "(非文本)");
      InventoryFile *file = g_new(InventoryFile, 1);
      *file = (InventoryFile){content_path, digest};
      if (!g_hash_table_insert(inventory->files, (gpointer)path, file)) return throw(error, LANTAI_ERROR_INVALID, "state 中的路径“%.200s”重复", path);
    }
  }
  return TRUE;
}

static gboolean parse_head(Inventory *inventory, json_t **ret_state, GError **error) {
  json_t *document = inventory->document;
  inventory->id = text_in(document, "id");
  if (inventory->id == NULL || inventory->id[0] == '\0') return throw(error, LANTAI_ERROR_INVALID, "清单没有对象标识 id");
  const char *type = text_in(document, "type"), *algorithm = text_in(document, "digestAlgorithm"), *head = text_in(document, "head");
  if (g_strcmp0(type, INVENTORY_TYPE) != 0) return throw(error, LANTAI_ERROR_INVALID, "清单类型不是 OCFL 1.1");
  if (g_strcmp0(algorithm, "sha512") != 0) return throw(error, LANTAI_ERROR_INVALID, "清单的校验算法不是 sha512");
  json_t *folder = json_object_get(document, "contentDirectory");
  if (folder != NULL && g_strcmp0(json_string_value(folder), "content") != 0) return throw(error, LANTAI_ERROR_INVALID, "清单的内容文件夹不是 content");
  inventory->head = head != NULL ? version_number(head) : 0;
  if (inventory->head == 0) return throw(error, LANTAI_ERROR_INVALID, "清单的最新版本号 head 不合规");
  json_t *versions = json_object_get(document, "versions");
  if (json_object_size(versions) != inventory->head) return throw(error, LANTAI_ERROR_INVALID, "清单的版本数与最新版本号不符");
  *ret_state = json_object_get(json_object_get(versions, head), "state");
  return TRUE;
}

Inventory *inventory_parse(const char *text, gsize length, GError **error) {
  json_error_t reason;
  json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
  if (document == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "清单不是有效的 JSON(第 %d 行: %.100s)", reason.line, reason.text);
  g_autoptr(Inventory) inventory = g_atomic_rc_box_new0(Inventory);
  inventory->document = document;
  inventory->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
  inventory->contents = g_hash_table_new(g_str_hash, g_str_equal);
  inventory->paths = g_hash_table_new(g_str_hash, g_str_equal);
  json_t *state;
  if (!parse_head(inventory, &state, error) || !parse_manifest(inventory, error) || !parse_state(inventory, state, error)) return NULL;
  return g_steal_pointer(&inventory);
}

GHashTable *state_paths(json_t *version) {
  GHashTable *paths = g_hash_table_new(g_str_hash, g_str_equal);
  const char *digest;
  json_t *list, *item;
  json_object_foreach(json_object_get(version, "state"), digest, list) {
    gsize i;
    json_array_foreach(list, i, item)
      if (json_is_string(item)) g_hash_table_insert(paths, (gpointer)json_string_value(item), (gpointer)digest);
  }
  return paths;
}

json_t *inventory_list(const Inventory *inventory, int object_fd, GHashTable *digests) {
  json_t *list = json_array();
  g_autoptr(GPtrArray) paths = sorted_keys(inventory->files);
  for (guint i = 0; i < paths->len; i++) {
    if (strcmp(paths->pdata[i], SM3_LIST) == 0) continue;
    const InventoryFile *file = g_hash_table_lookup(inventory->files, paths->pdata[i]);
    const char *sm3 = g_hash_table_lookup(digests, file->sha512);
    struct stat info;
    autofd fd = open_beneath(object_fd, file->content_path, O_PATH);
    gboolean found = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    json_t *item = json_object();
    json_object_set_new(item, "path", json_string(paths->pdata[i]));
    json_object_set_new(item, "size", found ? json_integer(info.st_size) : json_null());
    json_object_set_new(item, "sha512", json_string(file->sha512));
    json_object_set_new(item, "sm3", sm3 != NULL ? json_string(sm3) : json_null());
    json_array_append_new(list, item);
  }
  return list;
}

gboolean inventory_write(int dirfd, const char *text, gsize length, char *digest, GError **error) {
  if (digest[0] == '\0') {
    g_autofree char *made = crypto_digest_hex(DIGEST_SHA512, text, length);
    g_strlcpy(digest, made, SHA512_HEX + 1);
  }
  g_autofree char *sidecar = g_strdup_printf("%s inventory.json\n", digest);
  return write_file(dirfd, "inventory.json", text, length, error) && write_file(dirfd, SIDECAR, sidecar, strlen(sidecar), error);
}

gboolean sidecar_matches(const GString *sidecar, const GString *inventory) {
  if (sidecar->len < SHA512_HEX || sidecar->len > SHA512_HEX + 64) return FALSE;
  const char *rest = sidecar->str + SHA512_HEX;
  gsize blanks = strspn(rest, " \t");
  const char *name = rest + blanks;
  if (blanks == 0 || (strcmp(name, "inventory.json\n") != 0 && strcmp(name, "inventory.json") != 0)) return FALSE;
  g_autofree char *digest = crypto_digest_hex(DIGEST_SHA512, inventory->str, inventory->len);
  return g_ascii_strncasecmp(digest, sidecar->str, SHA512_HEX) == 0;
}
