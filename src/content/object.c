/*
 * Published objects: where they lie, reading them, taking them or their newest version away.
 *
 * 1. Reading needs no lock: the root inventory is replaced by renaming, and a content file once published never changes.
 * 2. A version goes in an order that recovery can repeat from any point: first the root inventory becomes that of the version before, then
 *    the version's folder is renamed into the staging folder. Its intent row stands until the next opening.
 * 3. Inventories are kept parsed in a small cache; an entry is used only while device, inode, size and times of inventory.json are the same.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CACHE_LIMIT_BYTES = 16 << 20, CACHE_LIMIT_OBJECTS = 256, OBJECT_ID_LIMIT_BYTES = 1000, ENCODED_ID_LIMIT = 100 };

typedef struct {
  struct stat info;
  Inventory *inventory;
} CachedInventory;

void cached_inventory_free(gpointer data) {
  CachedInventory *cached = data;
  inventory_unref(cached->inventory);
  g_free(cached);
}

/* OCFL extension 0003: the id's digest makes the folders above, the id itself names the last; a long one is cut and ends in the digest. */
char *object_path(const char *object_id) {
  g_autofree char *digest = crypto_digest_hex(DIGEST_SHA512, object_id, strlen(object_id));
  g_autoptr(GString) name = g_string_new(NULL);
  for (const char *c = object_id; *c != '\0'; c++) {
    if (g_ascii_isalnum(*c) || *c == '-' || *c == '_') g_string_append_c(name, *c);
    else g_string_append_printf(name, "%%%02x", (guint)(guchar)*c);
  }
  if (name->len > ENCODED_ID_LIMIT) {
    g_string_truncate(name, ENCODED_ID_LIMIT);
    g_string_append_printf(name, "-%s", digest);
  }
  return g_strdup_printf("%.3s/%.3s/%.3s/%s", digest, digest + 3, digest + 6, name->str);
}

gboolean object_id_check(const char *object_id, GError **error) {
  gsize length = strlen(object_id);
  if (length == 0 || length > OBJECT_ID_LIMIT_BYTES) return throw(error, LANTAI_ERROR_INVALID, "对象标识须为 1 至 %d 字节", OBJECT_ID_LIMIT_BYTES);
  if (!g_utf8_validate(object_id, (gssize)length, NULL)) return throw(error, LANTAI_ERROR_INVALID, "对象标识不是有效的 UTF-8 文本");
  for (const char *c = object_id; *c != '\0'; c++)
    if (g_ascii_iscntrl(*c)) return throw(error, LANTAI_ERROR_INVALID, "对象标识含有控制字符");
  return TRUE;
}

int object_open(Content *content, const char *object_id) {
  g_autofree char *path = object_path(object_id);
  return open_beneath(content->root_fd, path, O_RDONLY | O_DIRECTORY);
}

static gboolean same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static Inventory *find_cached(Content *content, const char *object_id, const struct stat *info) {
  g_mutex_lock(&content->lock);
  const CachedInventory *cached = g_hash_table_lookup(content->cache, object_id);
  Inventory *inventory = cached != NULL && same_file(&cached->info, info) ? inventory_ref(cached->inventory) : NULL;
  g_mutex_unlock(&content->lock);
  return inventory;
}

static void keep_cached(Content *content, const char *object_id, const struct stat *info, Inventory *inventory) {
  if (info->st_size > CACHE_LIMIT_BYTES / 4) return;
  CachedInventory *cached = g_new(CachedInventory, 1);
  *cached = (CachedInventory){*info, inventory_ref(inventory)};
  g_mutex_lock(&content->lock);
  if (content->cache_bytes + (gsize)info->st_size > CACHE_LIMIT_BYTES || g_hash_table_size(content->cache) >= CACHE_LIMIT_OBJECTS) {
    g_hash_table_remove_all(content->cache);
    content->cache_bytes = 0;
  }
  content->cache_bytes += (gsize)info->st_size;
  g_hash_table_insert(content->cache, g_strdup(object_id), cached);
  g_mutex_unlock(&content->lock);
}

void object_forget_cached(Content *content, const char *object_id) {
  g_mutex_lock(&content->lock);
  g_hash_table_remove(content->cache, object_id);
  g_mutex_unlock(&content->lock);
}

static Inventory *read_inventory(int object_fd, const char *object_id, GError **error) {
  GString *text = NULL;
  if (!read_file(object_fd, "inventory.json", INVENTORY_LIMIT_BYTES, &text))
    return throw_null(error, LANTAI_ERROR_INTERNAL, "对象 %s 的清单读不出(%s)。请运行完整性检查,并从备份恢复该对象", object_id, error_reason(errno));
  g_autoptr(GError) reason = NULL;
  g_autoptr(Inventory) inventory = inventory_parse(text->str, text->len, &reason);
  g_string_free(text, TRUE);
  if (inventory != NULL && strcmp(inventory->id, object_id) == 0) return g_steal_pointer(&inventory);
  return throw_null(error, LANTAI_ERROR_INTERNAL, "对象 %s 的清单已损坏: %s。请运行完整性检查,并从备份恢复该对象", object_id,
                    reason != NULL ? reason->message : "对象标识不符");
}

/* As object_load, with the object's folder left open for the caller. */
static Inventory *load_at(Content *content, const char *object_id, int *ret_fd, GError **error) {
  if (!object_id_check(object_id, error)) return NULL;
  autofd object = object_open(content, object_id);
  if (object < 0 && (errno == ENOENT || errno == ENOTDIR)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "对象库中没有对象 %s", object_id);
  if (object < 0) {
    throw_errno(error, "打开对象", object_id);
    return NULL;
  }
  struct stat info;
  gboolean known = fstatat(object, "inventory.json", &info, AT_SYMLINK_NOFOLLOW) == 0;
  Inventory *inventory = known ? find_cached(content, object_id, &info) : NULL;
  if (inventory == NULL) {
    inventory = read_inventory(object, object_id, error);
    if (inventory == NULL) return NULL;
    struct stat after;
    if (known && fstatat(object, "inventory.json", &after, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&info, &after))
      keep_cached(content, object_id, &info, inventory);
  }
  *ret_fd = object;
  object = -1;
  return inventory;
}

Inventory *object_load(Content *content, const char *object_id, GError **error) {
  autofd object = -1;
  return load_at(content, object_id, &object, error);
}

static const InventoryFile *find_file(const Inventory *inventory, const char *path, GError **error) {
  const InventoryFile *file = g_hash_table_lookup(inventory->files, path);
  if (file == NULL) throw(error, LANTAI_ERROR_NOT_FOUND, "对象 %s 中没有文件 %s", inventory->id, path);
  return file;
}

int content_read(Content *content, const char *object_id, const char *path, gint64 *ret_size_bytes, GError **error) {
  autofd object = -1;
  g_autoptr(Inventory) inventory = load_at(content, object_id, &object, error);
  if (inventory == NULL) return -1;
  const InventoryFile *file = find_file(inventory, path, error);
  if (file == NULL) return -1;
  autofd fd = open_beneath(object, file->content_path, O_RDONLY);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    throw(error, LANTAI_ERROR_NOT_FOUND, "对象 %s 的文件 %s 已丢失或读不出(%s)。请运行完整性检查,并从备份恢复", object_id, path,
          fd < 0 ? error_reason(errno) : "不是普通文件");
    return -1;
  }
  if (ret_size_bytes != NULL) *ret_size_bytes = info.st_size;
  int opened = fd;
  fd = -1;
  return opened;
}

char *content_path(Content *content, const char *object_id, const char *path, GError **error) {
  autofd object = -1;
  g_autoptr(Inventory) inventory = load_at(content, object_id, &object, error);
  if (inventory == NULL) return NULL;
  const InventoryFile *file = find_file(inventory, path, error);
  if (file == NULL) return NULL;
  autofd fd = open_beneath(object, file->content_path, O_RDONLY);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "对象 %s 的文件 %s 已丢失。请运行完整性检查,并从备份恢复", object_id, path);
  g_autofree char *folder = object_path(object_id);
  g_autofree char *relative = g_build_filename(content->root, folder, file->content_path, NULL);
  return g_canonicalize_filename(relative, NULL);
}

json_t *content_list(Content *content, const char *object_id, GError **error) {
  autofd object = -1;
  g_autoptr(Inventory) inventory = load_at(content, object_id, &object, error);
  if (inventory == NULL) return NULL;
  g_autoptr(GHashTable) digests = sm3_digests_new();
  sm3_list_collect(inventory, inventory->head, object, digests, NULL);
  return inventory_list(inventory, object, digests);
}

gboolean content_exists(Content *content, const char *object_id) {
  autofd object = object_open(content, object_id);
  struct stat info;
  return object >= 0 && fstatat(object, "inventory.json", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

guint content_version(Content *content, const char *object_id) {
  g_autoptr(Inventory) inventory = object_load(content, object_id, NULL);
  return inventory != NULL ? inventory->head : 0;
}

void object_remove_empty_parents(Content *content, const char *path) {
  g_autofree char *folder = g_strdup(path);
  for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
    *slash = '\0';
    if (unlinkat(content->root_fd, folder, AT_REMOVEDIR) != 0 && errno != ENOENT) return;
  }
}

/* Renames a folder of the store away in one step; what is left in the staging folder if deleting fails goes at the next opening. */
static gboolean discard(Content *content, int from_fd, const char *name, GError **error) {
  g_autofree char *trash = content_new_name(content, 't');
  if (renameat(from_fd, name, content->staging_fd, trash) != 0) return errno == ENOENT || throw_errno(error, "移除", name);
  if (!pass_point("content.remove.renamed", error)) return FALSE;
  if (!remove_tree(content->staging_fd, trash)) g_warning("staging folder: %s is left behind: %s", trash, error_reason(errno));
  return TRUE;
}

gboolean object_drop(Content *content, const char *object_id, GError **error) {
  g_autofree char *path = object_path(object_id);
  object_forget_cached(content, object_id);
  if (!discard(content, content->root_fd, path, error)) return FALSE;
  object_remove_empty_parents(content, path);
  return TRUE;
}

typedef struct {
  GString *inventory, *sidecar;
} Pair;

static void pair_clear(Pair *pair) {
  if (pair->inventory != NULL) g_string_free(pair->inventory, TRUE);
  if (pair->sidecar != NULL) g_string_free(pair->sidecar, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

/* The inventory and sidecar in a folder of the object ("" the root, "v3/"): head, or 0 if they are not whole. */
static guint read_pair(int object_fd, const char *folder, Pair *pair) {
  g_autofree char *inventory_path = g_strconcat(folder, "inventory.json", NULL), *sidecar_path = g_strconcat(folder, SIDECAR, NULL);
  if (!read_file(object_fd, inventory_path, INVENTORY_LIMIT_BYTES, &pair->inventory) || !read_file(object_fd, sidecar_path, 1024, &pair->sidecar)) return 0;
  if (!sidecar_matches(pair->sidecar, pair->inventory)) return 0;
  g_autoptr(Inventory) inventory = inventory_parse(pair->inventory->str, pair->inventory->len, NULL);
  return inventory != NULL ? inventory->head : 0;
}

static gboolean replace_file(Content *content, int object_fd, const char *name, const GString *text, GError **error) {
  g_autofree char *temporary = content_new_name(content, 'r');
  if (!write_file(content->staging_fd, temporary, text->str, text->len, error)) return FALSE;
  return renameat(content->staging_fd, temporary, object_fd, name) == 0 || throw_errno(error, "替换", name);
}

/* Makes the root inventory that of the version before, if it is not. */
static gboolean restore_inventory(Content *content, int object_fd, const char *object_id, guint version, GError **error) {
  g_auto(Pair) root = {NULL, NULL};
  guint head = read_pair(object_fd, "", &root);
  if (head > version) return throw(error, LANTAI_ERROR_INVALID, "对象 %s 已有更新的版本 v%u,不能撤销 v%u", object_id, head, version);
  if (head > 0 && head < version) return TRUE;
  g_auto(Pair) before = {NULL, NULL};
  g_autofree char *folder = g_strdup_printf("v%u/", version - 1);
  if (read_pair(object_fd, folder, &before) != version - 1)
    return throw(error, LANTAI_ERROR_INVALID, "对象 %s 的前一版本 v%u 清单已损坏,不能撤销 v%u。请从备份恢复该对象", object_id, version - 1, version);
  if (!replace_file(content, object_fd, "inventory.json", before.inventory, error) || !pass_point("content.drop.inventory", error)) return FALSE;
  return replace_file(content, object_fd, SIDECAR, before.sidecar, error) && pass_point("content.drop.sidecar", error);
}

/* A safeguard: whatever an intent says, an object that has gone on to a second version is not thrown away with its first. */
static gboolean may_drop_first(int object_fd, const char *object_id, GError **error) {
  g_auto(Pair) root = {NULL, NULL};
  guint head = read_pair(object_fd, "", &root);
  return head <= 1 || throw(error, LANTAI_ERROR_INVALID, "对象 %s 已有更新的版本 v%u,不能撤销 v1", object_id, head);
}

gboolean object_drop_version(Content *content, const char *object_id, guint version, GError **error) {
  object_forget_cached(content, object_id);
  autofd object = object_open(content, object_id);
  if (object < 0 && errno == ENOENT) return object_drop(content, object_id, error); /* leaves no empty folders */
  if (object < 0) return throw_errno(error, "打开对象", object_id);
  if (version <= 1) return may_drop_first(object, object_id, error) && object_drop(content, object_id, error);
  g_autofree char *folder = g_strdup_printf("v%u", version);
  return restore_inventory(content, object, object_id, version, error) && discard(content, object, folder, error);
}

/* Flushes the lowest folder above the object that is still there: the last one that removing it has changed. */
static gboolean flush_above(Content *content, const char *object_id, GError **error) {
  g_autofree char *folder = object_path(object_id);
  for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
    *slash = '\0';
    autofd fd = open_beneath(content->root_fd, folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT) continue;
    return (fd >= 0 && fsync(fd) == 0) || throw_errno(error, "落盘", folder);
  }
  return fsync(content->root_fd) == 0 || throw_errno(error, "落盘", content->root);
}

gboolean content_remove(Content *content, const char *object_id, GError **error) {
  if (!content_writable(content, error) || !object_id_check(object_id, error) || !content_claim(content, object_id, error)) return FALSE;
  gboolean done = object_drop(content, object_id, error) && flush_above(content, object_id, error);
  content_unclaim(content, object_id);
  return done;
}

/* The row makes a removal that is cut short complete at the next opening. */
static gboolean intend_removal(Content *content, const char *object_id, guint version, GError **error) {
  g_autoptr(Sql) sql = sql_write(content->db, error);
  return sql != NULL && content_intend(sql, object_id, version, error) && sql_commit(sql, error);
}

static gboolean remove_newest(Content *content, const char *object_id, guint version, GError **error) {
  g_autoptr(GError) reason = NULL;
  g_autoptr(Inventory) inventory = object_load(content, object_id, &reason);
  if (inventory == NULL) {
    if (g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return TRUE;
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  if (inventory->head < version) return object_drop_version(content, object_id, version, error); /* what an earlier try may have left */
  if (inventory->head > version)
    return throw(error, LANTAI_ERROR_CONFLICT, "对象 %s 的最新版本是 v%u,不能单独撤销 v%u。请先撤销其后的版本", object_id, inventory->head, version);
  return intend_removal(content, object_id, version, error) && object_drop_version(content, object_id, version, error);
}

gboolean content_remove_version(Content *content, const char *object_id, guint version, GError **error) {
  if (version == 0) return throw(error, LANTAI_ERROR_INVALID, "对象 %s 没有版本 v0", object_id);
  if (!content_writable(content, error) || !object_id_check(object_id, error) || !content_claim(content, object_id, error)) return FALSE;
  gboolean done = remove_newest(content, object_id, version, error);
  content_unclaim(content, object_id);
  return done;
}
