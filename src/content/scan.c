/*
 * One object looked at with distrust: inventories, sidecars, and the files that are there against those that should be.
 *
 * 1. Nothing on disk is trusted: links are faults and never followed, depth and sizes are capped, paths of an inventory are checked before use.
 * 2. The faults of one object are capped; the last one then says that there are more.
 * 3. What SM3 a content should have is told by the sm3.txt of each version; a list that cannot be believed is a fault and tells nothing.
 * 4. When the root inventory is damaged, the newest inventory of a version that is whole takes its place for finding damaged files.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WALK_DEPTH_LIMIT = 64, SIDECAR_LIMIT_BYTES = 1024, INVENTORY_FINDINGS_SHOWN = 20, FAULTS_LIMIT = 20000 };

static void fault_free(gpointer data) {
  FaultFound *found = data;
  g_free(found->path);
  g_free(found->detail);
  g_free(found);
}

void scan_free(ObjectScan *scan) {
  if (scan == NULL) return;
  close_fd(&scan->fd);
  g_clear_pointer(&scan->inventory, inventory_unref);
  g_clear_pointer(&scan->digests, g_hash_table_unref);
  g_clear_pointer(&scan->files, g_ptr_array_unref);
  g_clear_pointer(&scan->faults, g_ptr_array_unref);
  g_free(scan->object_id);
  g_free(scan->folder);
  g_free(scan);
}

void scan_fault(ObjectScan *scan, ContentFault fault, const char *path, const char *format, ...) {
  if (scan->faults->len >= FAULTS_LIMIT) return;
  if (scan->faults->len == FAULTS_LIMIT - 1) format = "本对象的问题过多,其余未列出";
  va_list arguments;
  va_start(arguments, format);
  FaultFound *found = g_new0(FaultFound, 1);
  found->path = g_utf8_make_valid(path, -1);
  found->detail = g_strdup_vprintf(format, arguments);
  found->fault = fault;
  va_end(arguments);
  g_ptr_array_add(scan->faults, found);
}

typedef struct {
  GString *text, *sidecar;
  Inventory *inventory;
} InventoryFileRead;

static void inventory_file_clear(InventoryFileRead *read) {
  if (read->text != NULL) g_string_free(read->text, TRUE);
  if (read->sidecar != NULL) g_string_free(read->sidecar, TRUE);
  g_clear_pointer(&read->inventory, inventory_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(InventoryFileRead, inventory_file_clear)

/* Reads inventory and sidecar of a folder ("" or "v3/") and reports what is wrong; TRUE if both are whole. */
static gboolean read_inventory(ObjectScan *scan, const char *folder, InventoryFileRead *ret) {
  g_autofree char *path = g_strconcat(folder, "inventory.json", NULL), *sidecar_path = g_strconcat(folder, SIDECAR, NULL);
  if (!read_file(scan->fd, path, INVENTORY_LIMIT_BYTES, &ret->text)) {
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "清单读不出: %s", errno == EFBIG ? "超过 64 MiB" : error_reason(errno));
    return FALSE;
  }
  g_autoptr(GError) reason = NULL;
  ret->inventory = inventory_parse(ret->text->str, ret->text->len, &reason);
  if (ret->inventory == NULL) scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "%s", reason->message);
  if (!read_file(scan->fd, sidecar_path, SIDECAR_LIMIT_BYTES, &ret->sidecar)) {
    scan_fault(scan, CONTENT_FAULT_INVENTORY, sidecar_path, "清单的校验文件读不出: %s", error_reason(errno));
    return FALSE;
  }
  if (!sidecar_matches(ret->sidecar, ret->text)) {
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "清单与其校验文件 " SIDECAR " 不符");
    return FALSE;
  }
  return ret->inventory != NULL;
}

static gboolean belongs_here(const ObjectScan *scan, const Inventory *inventory) {
  g_autofree char *path = object_path(inventory->id);
  return strcmp(path, scan->folder) == 0;
}

static void take_inventory(ObjectScan *scan, Inventory *inventory) {
  g_clear_pointer(&scan->inventory, inventory_unref);
  g_free(scan->object_id);
  scan->inventory = inventory_ref(inventory);
  scan->object_id = g_strdup(inventory->id);
}

/* The rules of OCFL that inventory_parse does not need. */
static void report_findings(ObjectScan *scan, const char *path) {
  Findings findings = {json_array(), json_array(), json_array()};
  validate_inventory(scan->inventory->document, path, &findings);
  for (gsize i = 0; i < json_array_size(findings.errors) && i < INVENTORY_FINDINGS_SHOWN; i++) {
    const json_t *finding = json_array_get(findings.errors, i);
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "%s %s", json_string_value(json_object_get(finding, "code")),
               json_string_value(json_object_get(finding, "text")));
  }
  json_decref(findings.errors);
  json_decref(findings.warnings);
  json_decref(findings.unverified);
}

static void scan_root_inventory(ObjectScan *scan, InventoryFileRead *root) {
  if (fstatat(scan->fd, "inventory.json", &scan->seen, AT_SYMLINK_NOFOLLOW) != 0) scan->seen.st_ino = 0;
  gboolean whole = read_inventory(scan, "", root);
  if (root->inventory == NULL) return;
  if (!belongs_here(scan, root->inventory)) {
    scan_fault(scan, CONTENT_FAULT_INVENTORY, "inventory.json", "清单中的对象标识“%s”不属于这个文件夹", root->inventory->id);
    g_clear_pointer(&root->inventory, inventory_unref);
    return;
  }
  if (!whole) return;
  take_inventory(scan, root->inventory);
  scan->whole = TRUE;
  report_findings(scan, "inventory.json");
}

/* The states an older inventory tells must be those the newest tells (OCFL E066). */
static void compare_states(ObjectScan *scan, const Inventory *older, const char *path) {
  if (scan->inventory == NULL || !scan->whole) return;
  json_t *newest = json_object_get(scan->inventory->document, "versions");
  const char *name;
  json_t *version;
  json_object_foreach(json_object_get(older->document, "versions"), name, version) {
    if (json_equal(json_object_get(version, "state"), json_object_get(json_object_get(newest, name), "state"))) continue;
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "清单所记版本 %s 的文件与最新清单不一致", name);
  }
}

static void scan_version_inventory(ObjectScan *scan, const char *name, const InventoryFileRead *root) {
  g_autofree char *folder = g_strconcat(name, "/", NULL), *path = g_strconcat(name, "/inventory.json", NULL);
  g_auto(InventoryFileRead) read = {NULL, NULL, NULL};
  if (!read_inventory(scan, folder, &read)) return;
  guint version = version_number(name);
  if (!belongs_here(scan, read.inventory) || read.inventory->head != version) {
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "清单不是本对象版本 %s 的", name);
    return;
  }
  if (!scan->whole && (scan->inventory == NULL || scan->inventory->head < version)) take_inventory(scan, read.inventory);
  compare_states(scan, read.inventory, path);
  if (scan->whole && version == scan->inventory->head && !g_string_equal(read.text, root->text))
    scan_fault(scan, CONTENT_FAULT_INVENTORY, path, "最新版本的清单与对象的清单不一致");
}

typedef struct {
  ObjectScan *scan;
  GHashTable *found; /* content paths of the inventory that are there */
} Walk;

static void walk_folder(Walk *walk, int dirfd, const char *path, guint depth);

static void walk_entry(Walk *walk, int dirfd, const char *name, const char *path, guint depth) {
  ObjectScan *scan = walk->scan;
  struct stat info;
  if (fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) scan_fault(scan, CONTENT_FAULT_UNREADABLE, path, "读不出: %s", error_reason(errno));
    return;
  }
  if (S_ISDIR(info.st_mode)) {
    autofd folder = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) walk_folder(walk, folder, path, depth + 1);
    else scan_fault(scan, CONTENT_FAULT_UNREADABLE, path, "文件夹读不出: %s", error_reason(errno));
    return;
  }
  gpointer known = NULL;
  gboolean listed = scan->inventory != NULL && g_hash_table_lookup_extended(scan->inventory->paths, path, &known, NULL);
  if (S_ISREG(info.st_mode) && listed) {
    g_hash_table_add(walk->found, known);
    g_ptr_array_add(scan->files, known);
  } else if (!S_ISREG(info.st_mode)) {
    scan_fault(scan, CONTENT_FAULT_SURPLUS, path, S_ISLNK(info.st_mode) ? "符号链接" : "不是普通文件");
  } else if (scan->inventory != NULL) {
    scan_fault(scan, CONTENT_FAULT_SURPLUS, path, "不在清单中");
  }
}

static void walk_folder(Walk *walk, int dirfd, const char *path, guint depth) {
  if (depth > WALK_DEPTH_LIMIT) {
    scan_fault(walk->scan, CONTENT_FAULT_SURPLUS, path, "文件夹层数过多,其下未核查");
    return;
  }
  g_autoptr(GPtrArray) names = list_folder(dirfd);
  if (names == NULL) {
    scan_fault(walk->scan, CONTENT_FAULT_UNREADABLE, path, "文件夹读不出: %s", error_reason(errno));
    return;
  }
  if (names->len == 0) scan_fault(walk->scan, CONTENT_FAULT_SURPLUS, path, "空文件夹");
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *below = g_strconcat(path, "/", names->pdata[i], NULL);
    walk_entry(walk, dirfd, names->pdata[i], below, depth);
  }
}

static void scan_version_folder(Walk *walk, const char *name) {
  ObjectScan *scan = walk->scan;
  autofd folder = openat(scan->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr(GPtrArray) names = folder >= 0 ? list_folder(folder) : NULL;
  if (names == NULL) {
    if (errno == ENOENT) scan_fault(scan, CONTENT_FAULT_MISSING, name, "版本文件夹不存在");
    else if (errno == ENOTDIR || errno == ELOOP) scan_fault(scan, CONTENT_FAULT_SURPLUS, name, "不是文件夹(符号链接或文件)");
    else scan_fault(scan, CONTENT_FAULT_UNREADABLE, name, "版本文件夹读不出: %s", error_reason(errno));
    return;
  }
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_strconcat(name, "/", names->pdata[i], NULL);
    if (strcmp(names->pdata[i], "inventory.json") != 0 && strcmp(names->pdata[i], SIDECAR) != 0) walk_entry(walk, folder, names->pdata[i], path, 0);
  }
}

static void scan_declaration(ObjectScan *scan) {
  GString *text = NULL;
  if (!read_file(scan->fd, OBJECT_DECLARATION, SIDECAR_LIMIT_BYTES, &text)) {
    scan_fault(scan, errno == ENOENT ? CONTENT_FAULT_MISSING : CONTENT_FAULT_UNREADABLE, OBJECT_DECLARATION, "对象标志文件: %s", error_reason(errno));
    return;
  }
  if (strcmp(text->str, OBJECT_DECLARATION_TEXT) != 0) scan_fault(scan, CONTENT_FAULT_DAMAGED, OBJECT_DECLARATION, "对象标志文件的内容不对");
  g_string_free(text, TRUE);
}

/* What lies in the object's folder beside the versions of the inventory. */
static void scan_surplus(Walk *walk, const GPtrArray *names, guint head) {
  for (guint i = 0; i < names->len; i++) {
    const char *name = names->pdata[i];
    guint version = version_number(name);
    if (version >= 1 && version <= head) continue;
    if (strcmp(name, OBJECT_DECLARATION) == 0 || strcmp(name, "inventory.json") == 0 || strcmp(name, SIDECAR) == 0) continue;
    walk_entry(walk, walk->scan->fd, name, name, 0);
  }
}

static int descending_versions(gconstpointer a, gconstpointer b) {
  guint one = version_number(*(char *const *)a), two = version_number(*(char *const *)b);
  return one < two ? 1 : one > two ? -1 : 0;
}

/* Newest first, so that the first whole one can stand in for a damaged root inventory. */
static void scan_version_inventories(ObjectScan *scan, const GPtrArray *names, const InventoryFileRead *root) {
  g_autoptr(GPtrArray) versions = g_ptr_array_new();
  for (guint i = 0; i < names->len; i++) {
    guint version = version_number(names->pdata[i]);
    if (version >= 1 && (!scan->whole || version <= scan->inventory->head)) g_ptr_array_add(versions, names->pdata[i]);
  }
  g_ptr_array_sort(versions, descending_versions);
  for (guint i = 0; i < versions->len; i++) scan_version_inventory(scan, versions->pdata[i], root);
}

static void scan_files(ObjectScan *scan, const GPtrArray *names) {
  g_autoptr(GHashTable) found = g_hash_table_new(g_str_hash, g_str_equal);
  Walk walk = {scan, found};
  guint head = scan->inventory != NULL ? scan->inventory->head : 0;
  for (guint version = 1; version <= head; version++) {
    g_autofree char *name = g_strdup_printf("v%u", version);
    scan_version_folder(&walk, name);
  }
  scan_surplus(&walk, names, head);
  if (scan->inventory == NULL) return;
  GHashTableIter iter;
  gpointer path;
  for (g_hash_table_iter_init(&iter, scan->inventory->paths); g_hash_table_iter_next(&iter, &path, NULL);)
    if (!g_hash_table_contains(found, path)) scan_fault(scan, CONTENT_FAULT_MISSING, path, "清单中有,存储中没有");
}

/* Newest first: what the newest list says of a content is what its bytes are held against; an older list that says otherwise is a fault. */
static void scan_lists(ObjectScan *scan) {
  for (guint version = scan->inventory != NULL ? scan->inventory->head : 0; version >= 1; version--) {
    g_autoptr(GError) reason = NULL;
    if (sm3_list_collect(scan->inventory, version, scan->fd, scan->digests, &reason)) continue;
    g_autofree char *usual = g_strdup_printf("v%u/content/" SM3_LIST, version);
    const char *path = sm3_list_path(scan->inventory, version);
    scan_fault(scan, CONTENT_FAULT_SM3, path != NULL ? path : usual, "%s", reason->message);
  }
}

static ObjectScan *scan_new(Content *content, const char *folder) {
  ObjectScan *scan = g_new0(ObjectScan, 1);
  scan->folder = g_strdup(folder);
  scan->digests = sm3_digests_new();
  scan->files = g_ptr_array_new();
  scan->faults = g_ptr_array_new_with_free_func(fault_free);
  scan->fd = open_beneath(content->root_fd, folder, O_RDONLY | O_DIRECTORY);
  scan->gone = scan->fd < 0 && errno == ENOENT;
  return scan;
}

ObjectScan *scan_inventories(Content *content, const char *folder) {
  ObjectScan *scan = scan_new(content, folder);
  g_autoptr(GPtrArray) names = scan->fd >= 0 ? list_folder(scan->fd) : NULL;
  if (names == NULL) return scan;
  g_auto(InventoryFileRead) root = {NULL, NULL, NULL};
  scan_root_inventory(scan, &root);
  if (!scan->whole) scan_version_inventories(scan, names, &root);
  return scan;
}

ObjectScan *scan_object(Content *content, const char *folder) {
  ObjectScan *scan = scan_new(content, folder);
  if (scan->gone) return scan;
  g_autoptr(GPtrArray) names = scan->fd >= 0 ? list_folder(scan->fd) : NULL;
  if (names == NULL) {
    scan_fault(scan, CONTENT_FAULT_UNREADABLE, folder, "对象文件夹读不出: %s", error_reason(errno));
    return scan;
  }
  g_auto(InventoryFileRead) root = {NULL, NULL, NULL};
  scan_root_inventory(scan, &root);
  scan_declaration(scan);
  scan_version_inventories(scan, names, &root);
  scan_files(scan, names);
  scan_lists(scan);
  return scan;
}

gboolean scan_is_stale(Content *content, const ObjectScan *scan) {
  g_autofree char *path = g_strconcat(scan->folder, "/inventory.json", NULL);
  autofd fd = open_beneath(content->root_fd, path, O_PATH);
  struct stat info;
  gboolean there = fd >= 0 && fstat(fd, &info) == 0;
  if (!there) return scan->seen.st_ino != 0;
  return info.st_ino != scan->seen.st_ino || info.st_mtim.tv_sec != scan->seen.st_mtim.tv_sec || info.st_mtim.tv_nsec != scan->seen.st_mtim.tv_nsec;
}
