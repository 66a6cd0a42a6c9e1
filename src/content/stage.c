/*
 * One object version in the making.
 *
 * 1. Everything lies in the staging folder, under names that begin with the stage's own, until publishing; dropping the stage leaves nothing in the store.
 * 2. A content is kept once per object: what an earlier version or this one already has is not staged again.
 * 3. Content paths are chosen when the version is complete, from the logical paths it really has; so they never collide,
 *    and every content in the manifest is in a state (OCFL E107).
 * 4. sm3.txt is made last, from the digests of everything else in the state; no caller's file can take its place.
 * 5. The folder that is prepared is itself renamed into place: nothing is deleted for a new object. ext4 steps over the inodes of what was deleted in the
 *    last minutes one by one, so one deleted folder an object made each further file of a long delivery dearer.
 * 6. A linked file (content_stage_link_fd) has one content under two names until its caller removes the first; nothing here ever writes to a staged file.
 * A stage is filled by one thread at a time; different stages by as many as there are.
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LOGICAL_PATH_LIMIT_BYTES = 1900, LOGICAL_DEPTH_LIMIT = 32, WRITEBACK_FROM_BYTES = 1 << 20, PLACE_ATTEMPTS = 10 };

typedef struct {
  char temporary[64]; /* in the staging folder */
  const char *content_path; /* once chosen: a logical path, owned by the state */
} StagedBytes;

static gboolean check_logical_path(const char *path, GError **error) {
  static const char *const reasons[] = {
    [PATH_EMPTY_ELEMENT] = "含有空的一级", [PATH_DOT_ELEMENT] = "含有 . 或 ..", [PATH_EDGE_SLASH] = "不能以 / 开头或结尾",
    [PATH_TOO_LONG] = "过长(每级不超过 255 字节)", [PATH_BAD_CHARACTER] = "含有控制字符或不是 UTF-8",
  };
  PathFault fault = path_fault(path);
  guint depth = 0;
  for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) depth++;
  if (fault == PATH_SAFE && (strlen(path) > LOGICAL_PATH_LIMIT_BYTES || depth >= LOGICAL_DEPTH_LIMIT)) fault = PATH_TOO_LONG;
  if (fault == PATH_SAFE) return TRUE;
  g_autofree char *shown = g_utf8_make_valid(path, (gssize)MIN(strlen(path), 200));
  return throw(error, LANTAI_ERROR_INVALID, "文件路径“%s”%s,请改名后再存", shown, reasons[fault]);
}

/* Adds delta to the number of files in each folder above path. */
static void count_folders(ContentStage *stage, const char *path, int delta) {
  g_autofree char *folder = g_strdup(path);
  for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
    *slash = '\0';
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(stage->folders, folder)) + (guint)delta;
    if (count == 0) g_hash_table_remove(stage->folders, folder);
    else g_hash_table_insert(stage->folders, g_strdup(folder), GUINT_TO_POINTER(count));
  }
}

static void set_state(ContentStage *stage, const char *path, const char *sha512) {
  if (g_hash_table_insert(stage->state, g_strdup(path), g_strdup(sha512))) count_folders(stage, path, 1);
}

/* A file and a folder of one name cannot both be (OCFL E095), and sm3.txt is no caller's. */
static gboolean check_conflict(const ContentStage *stage, const char *path, GError **error) {
  if (g_str_has_prefix(path, SM3_LIST) && (path[strlen(SM3_LIST)] == '\0' || path[strlen(SM3_LIST)] == '/'))
    return throw(error, LANTAI_ERROR_INVALID, "文件名 " SM3_LIST " 由对象库自用,请改名后再存");
  if (g_hash_table_contains(stage->folders, path)) return throw(error, LANTAI_ERROR_INVALID, "“%s”已是文件夹,不能再作文件名", path);
  g_autofree char *folder = g_strdup(path);
  for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
    *slash = '\0';
    if (g_hash_table_contains(stage->state, folder)) return throw(error, LANTAI_ERROR_INVALID, "“%s”已是文件,其下不能再有“%s”", folder, path);
  }
  return TRUE;
}

/* The SM3 values of the version before are handed on; without them nothing is built on it. */
static gboolean take_digests(ContentStage *stage, GError **error) {
  autofd object = object_open(stage->content, stage->object_id);
  if (object < 0) return throw_errno(error, "打开对象", stage->object_id);
  g_autoptr(GError) reason = NULL;
  if (sm3_list_collect(stage->base, stage->base->head, object, stage->digests, &reason)) return TRUE;
  return throw(error, LANTAI_ERROR_INTERNAL, "对象 %s: %s。请运行完整性检查,并从备份恢复该对象", stage->object_id, reason->message);
}

static gboolean open_base(ContentStage *stage, GError **error) {
  g_autoptr(GError) reason = NULL;
  stage->base = object_load(stage->content, stage->object_id, &reason);
  if (stage->base == NULL && !g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_propagate_error(error, g_steal_pointer(&reason));
    return FALSE;
  }
  if (stage->base == NULL) return TRUE;
  stage->version = stage->base->head + 1;
  GHashTableIter iter;
  gpointer path, file;
  for (g_hash_table_iter_init(&iter, stage->base->files); g_hash_table_iter_next(&iter, &path, &file);)
    if (strcmp(path, SM3_LIST) != 0) set_state(stage, path, ((const InventoryFile *)file)->sha512);
  return take_digests(stage, error);
}

ContentStage *stage_new_fresh(Content *content, const char *object_id, const char *user, const char *message, GError **error) {
  if (!content_writable(content, error) || !object_id_check(object_id, error)) return NULL;
  g_autoptr(ContentStage) stage = g_new0(ContentStage, 1);
  stage->content = content;
  stage->object_id = g_strdup(object_id);
  stage->user = g_utf8_make_valid(user != NULL && user[0] != '\0' ? user : "lantai", -1);
  stage->message = g_utf8_make_valid(message != NULL ? message : "", -1);
  stage->state = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  stage->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  stage->fresh = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  stage->digests = sm3_digests_new();
  stage->files = g_ptr_array_new_with_free_func((GDestroyNotify)content_file_free);
  stage->flush_failures = content_flush_failures(content);
  stage->version = 1;
  stage->name = content_new_name(content, 's');
  return g_steal_pointer(&stage);
}

ContentStage *content_stage_new(Content *content, const char *object_id, const char *user, const char *message, GError **error) {
  g_autoptr(ContentStage) stage = stage_new_fresh(content, object_id, user, message, error);
  return stage != NULL && open_base(stage, error) ? g_steal_pointer(&stage) : NULL;
}

/* Files that were not moved, and the folder unless it is the object's now. */
static void clean_up(const ContentStage *stage) {
  int staging_fd = stage->content->staging_fd;
  GHashTableIter iter;
  gpointer bytes;
  for (g_hash_table_iter_init(&iter, stage->fresh); g_hash_table_iter_next(&iter, NULL, &bytes);)
    if (((const StagedBytes *)bytes)->content_path == NULL) unlinkat(staging_fd, ((const StagedBytes *)bytes)->temporary, 0);
  if (stage->placed && stage->base == NULL) return;
  if (!remove_tree(staging_fd, stage->name)) g_warning("staging folder: %s is left behind: %s", stage->name, error_reason(errno));
}

void content_stage_free(ContentStage *stage) {
  if (stage == NULL) return;
  clean_up(stage);
  g_clear_pointer(&stage->base, inventory_unref);
  g_clear_pointer(&stage->state, g_hash_table_unref);
  g_clear_pointer(&stage->folders, g_hash_table_unref);
  g_clear_pointer(&stage->fresh, g_hash_table_unref);
  g_clear_pointer(&stage->digests, g_hash_table_unref);
  g_clear_pointer(&stage->files, g_ptr_array_unref);
  g_free(stage->object_id);
  g_free(stage->user);
  g_free(stage->message);
  g_free(stage->name);
  g_free(stage);
}

/* Takes the hashed bytes into the stage, or drops them if the object has them already. */
static const ContentFile *admit(ContentStage *stage, const char *path, const char *temporary, const FileDigests *digests) {
  gboolean known = g_hash_table_contains(stage->fresh, digests->sha512) ||
                   (stage->base != NULL && g_hash_table_contains(stage->base->contents, digests->sha512));
  if (known) {
    unlinkat(stage->content->staging_fd, temporary, 0);
  } else {
    StagedBytes *bytes = g_new0(StagedBytes, 1);
    g_strlcpy(bytes->temporary, temporary, sizeof bytes->temporary);
    g_hash_table_insert(stage->fresh, g_strdup(digests->sha512), bytes);
  }
  g_hash_table_insert(stage->digests, g_strdup(digests->sha512), g_strdup(digests->sm3));
  set_state(stage, path, digests->sha512);
  ContentFile *file = g_new0(ContentFile, 1);
  file->path = g_strdup(path);
  file->size_bytes = digests->size_bytes;
  memcpy(file->sha512, digests->sha512, sizeof file->sha512);
  memcpy(file->sm3, digests->sm3, sizeof file->sm3);
  g_ptr_array_add(stage->files, file);
  return file;
}

static const ContentFile *take_stream(ContentStage *stage, const char *path, ContentRead read, gpointer source, GError **error) {
  g_autofree char *temporary = g_strdup_printf("%s.%u", stage->name, stage->files->len);
  autofd fd = openat(stage->content->staging_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd < 0) {
    throw_errno(error, "新建暂存文件", path);
    return NULL;
  }
  FileDigests digests;
  if (!hash_stream(read, source, fd, TRUE, &digests, error)) {
    unlinkat(stage->content->staging_fd, temporary, 0);
    return NULL;
  }
  /* Starts writing to the disk while the next file is hashed; publishing waits for it. */
  if (digests.size_bytes >= WRITEBACK_FROM_BYTES) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  int opened = fd;
  fd = -1;
  if (close(opened) != 0) {
    throw_errno(error, "写入", path);
    unlinkat(stage->content->staging_fd, temporary, 0);
    return NULL;
  }
  return admit(stage, path, temporary, &digests);
}

const ContentFile *content_stage_add_stream(ContentStage *stage, const char *path, ContentRead read, gpointer source, GError **error) {
  if (!check_logical_path(path, error) || !check_conflict(stage, path, error)) return NULL;
  return take_stream(stage, path, read, source, error);
}

const ContentFile *content_stage_add_fd(ContentStage *stage, const char *path, int fd, GError **error) {
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return content_stage_add_stream(stage, path, read_descriptor, &fd, error);
}

/* A second name in the staging folder; FALSE where that cannot be. A file that has other names is copied: somebody might write to it by them, and no two
 * objects share bytes. So the names are counted before and, for another thread may be at the same file, after. */
static gboolean link_in(const ContentStage *stage, int fd, const char *temporary) {
  struct stat info;
  g_autofree char *open_file = g_strdup_printf("/proc/self/fd/%d", fd);
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1 || info.st_uid != geteuid() || fchmod(fd, 0640) != 0) return FALSE;
  if (linkat(AT_FDCWD, open_file, stage->content->staging_fd, temporary, AT_SYMLINK_FOLLOW) != 0) return FALSE;
  if (fstat(fd, &info) == 0 && info.st_nlink == 2) return TRUE;
  unlinkat(stage->content->staging_fd, temporary, 0);
  return FALSE;
}

const ContentFile *content_stage_link_fd(ContentStage *stage, const char *path, int fd, GError **error) {
  if (!check_logical_path(path, error) || !check_conflict(stage, path, error)) return NULL;
  g_autofree char *temporary = g_strdup_printf("%s.%u", stage->name, stage->files->len);
  off_t start = lseek(fd, 0, SEEK_CUR);
  if (start != 0 || !link_in(stage, fd, temporary)) return content_stage_add_fd(stage, path, fd, error);
  FileDigests digests;
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (hash_stream(read_descriptor, &fd, -1, TRUE, &digests, error)) return admit(stage, path, temporary, &digests);
  unlinkat(stage->content->staging_fd, temporary, 0);
  return NULL;
}

const ContentFile *content_stage_add_bytes(ContentStage *stage, const char *path, const void *bytes, gsize length, GError **error) {
  return content_stage_add_stream(stage, path, hash_read_bytes, &(HashBytes){bytes, length}, error);
}

gboolean content_stage_remove(ContentStage *stage, const char *path, GError **error) {
  if (!g_hash_table_remove(stage->state, path)) return throw(error, LANTAI_ERROR_NOT_FOUND, "对象 %s 中没有文件 %s", stage->object_id, path);
  count_folders(stage, path, -1);
  return TRUE;
}

static gboolean add_list(ContentStage *stage, GError **error) {
  GString *text = sm3_list_text(stage->state, stage->digests);
  gboolean done = take_stream(stage, SM3_LIST, hash_read_bytes, &(HashBytes){text->str, text->len}, error) != NULL;
  g_string_free(text, TRUE);
  return done;
}

/* Moves each content to the first logical path that has it. */
static gboolean move_contents(ContentStage *stage, int object_fd, const GPtrArray *paths, GError **error) {
  for (guint i = 0; i < paths->len; i++) {
    const char *path = paths->pdata[i];
    StagedBytes *bytes = g_hash_table_lookup(stage->fresh, g_hash_table_lookup(stage->state, path));
    if (bytes == NULL || bytes->content_path != NULL) continue;
    g_autofree char *target = g_strdup_printf("v%u/content/%s", stage->version, path);
    if (!make_parents(object_fd, target, error)) return FALSE;
    if (renameat(stage->content->staging_fd, bytes->temporary, object_fd, target) != 0) return throw_errno(error, "放置", path);
    bytes->content_path = path;
  }
  return TRUE;
}

static void append_path(json_t *block, const char *digest, const char *path) {
  json_t *list = json_object_get(block, digest);
  if (list == NULL) {
    list = json_array();
    json_object_set_new(block, digest, list);
  }
  json_array_append_new(list, json_string(path));
}

static json_t *copy_of(const ContentStage *stage, const char *block) {
  json_t *copy = stage->base != NULL ? json_deep_copy(json_object_get(stage->base->document, block)) : NULL;
  return copy != NULL ? copy : json_object();
}

static json_t *make_version(const ContentStage *stage, const GPtrArray *paths) {
  g_autofree char *created = clock_format_iso(stage->created_us != 0 ? stage->created_us : clock_now_us());
  g_autofree char *escaped = g_uri_escape_string(stage->user, NULL, FALSE);
  g_autofree char *address = g_strconcat("urn:x-lantai:user:", escaped, NULL);
  json_t *state = json_object();
  for (guint i = 0; i < paths->len; i++) append_path(state, g_hash_table_lookup(stage->state, paths->pdata[i]), paths->pdata[i]);
  json_t *user = json_object();
  json_object_set_new(user, "name", json_string(stage->user));
  json_object_set_new(user, "address", json_string(address));
  json_t *version = json_object();
  json_object_set_new(version, "created", json_string(created));
  json_object_set_new(version, "message", json_string(stage->message));
  json_object_set_new(version, "user", user);
  json_object_set_new(version, "state", state);
  return version;
}

static json_t *make_inventory(const ContentStage *stage, const GPtrArray *paths) {
  g_autofree char *head = g_strdup_printf("v%u", stage->version);
  json_t *manifest = copy_of(stage, "manifest"), *versions = copy_of(stage, "versions");
  for (guint i = 0; i < paths->len; i++) {
    const char *digest = g_hash_table_lookup(stage->state, paths->pdata[i]);
    const StagedBytes *bytes = g_hash_table_lookup(stage->fresh, digest);
    if (bytes == NULL || bytes->content_path != paths->pdata[i]) continue;
    g_autofree char *content_path = g_strdup_printf("%s/content/%s", head, bytes->content_path);
    append_path(manifest, digest, content_path);
  }
  json_object_set_new(versions, head, make_version(stage, paths));
  json_t *inventory = json_object();
  json_object_set_new(inventory, "id", json_string(stage->object_id));
  json_object_set_new(inventory, "type", json_string(INVENTORY_TYPE));
  json_object_set_new(inventory, "digestAlgorithm", json_string("sha512"));
  json_object_set_new(inventory, "head", json_string(head));
  json_object_set_new(inventory, "manifest", manifest);
  json_object_set_new(inventory, "versions", versions);
  return inventory;
}

static gboolean write_inventories(ContentStage *stage, int object_fd, const char *version_folder, const GPtrArray *paths, GError **error) {
  json_t *inventory = make_inventory(stage, paths);
  char *text = json_dumps(inventory, JSON_INDENT(1));
  json_decref(inventory);
  if (text == NULL) return throw(error, LANTAI_ERROR_INTERNAL, "对象 %s 的清单无法写成 JSON", stage->object_id);
  gsize length = strlen(text);
  autofd version_fd = openat(object_fd, version_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  gboolean done = length <= INVENTORY_LIMIT_BYTES || throw(error, LANTAI_ERROR_TOO_LARGE, "对象 %s 的文件过多,请分成几个对象", stage->object_id);
  if (done && version_fd < 0) done = throw_errno(error, "打开", version_folder);
  done = done && inventory_write(version_fd, text, length, stage->inventory_sha512, error) &&
         inventory_write(object_fd, text, length, stage->inventory_sha512, error);
  free(text);
  return done;
}

gboolean stage_prepare(ContentStage *stage, GError **error) {
  if (!add_list(stage, error)) return FALSE;
  g_autofree char *version_folder = g_strdup_printf("v%u", stage->version);
  int staging_fd = stage->content->staging_fd;
  if (mkdirat(staging_fd, stage->name, 0750) != 0) return throw_errno(error, "新建文件夹", stage->object_id);
  autofd object = openat(staging_fd, stage->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (object < 0 || mkdirat(object, version_folder, 0750) != 0) return throw_errno(error, "新建文件夹", stage->object_id);
  g_autoptr(GPtrArray) paths = sorted_keys(stage->state);
  if (!move_contents(stage, object, paths, error) || !write_inventories(stage, object, version_folder, paths, error)) return FALSE;
  return stage->base != NULL || write_file(object, OBJECT_DECLARATION, OBJECT_DECLARATION_TEXT, strlen(OBJECT_DECLARATION_TEXT), error);
}

static gboolean throw_exists(const ContentStage *stage, GError **error) {
  if (errno == EEXIST || errno == ENOTEMPTY)
    return throw(error, LANTAI_ERROR_CONFLICT, "对象 %s 的版本 v%u 已由别的操作写入,请重新操作", stage->object_id, stage->version);
  return throw_errno(error, "放置对象", stage->object_id);
}

/* The folders above may be swept away as empty by a removal beside it; then they are made again. */
static gboolean place_object(ContentStage *stage, GError **error) {
  g_autofree char *path = object_path(stage->object_id);
  g_autoptr(GError) reason = NULL;
  for (guint attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
    g_clear_error(&reason);
    if (!make_parents(stage->content->root_fd, path, &reason)) continue;
    if (renameat(stage->content->staging_fd, stage->name, stage->content->root_fd, path) == 0) {
      stage->placed = TRUE;
      return TRUE;
    }
    if (errno != ENOENT) break;
  }
  if (reason == NULL) return throw_exists(stage, error);
  g_propagate_error(error, g_steal_pointer(&reason));
  return FALSE;
}

/* One rename from the prepared folder into the object's. */
static int move_into(const ContentStage *stage, int object_fd, const char *name) {
  g_autofree char *from = g_strdup_printf("%s/%s", stage->name, name);
  return renameat(stage->content->staging_fd, from, object_fd, name);
}

static gboolean place_version(ContentStage *stage, GError **error) {
  g_autofree char *folder = g_strdup_printf("v%u", stage->version);
  autofd object = object_open(stage->content, stage->object_id);
  if (object < 0) return throw_errno(error, "打开对象", stage->object_id);
  if (move_into(stage, object, folder) != 0) return throw_exists(stage, error);
  stage->placed = TRUE;
  if (!pass_point("content.publish.version", error)) return FALSE;
  if (move_into(stage, object, "inventory.json") != 0) return throw_errno(error, "替换清单", stage->object_id);
  if (!pass_point("content.publish.inventory", error)) return FALSE;
  if (move_into(stage, object, SIDECAR) != 0) return throw_errno(error, "替换清单", stage->object_id);
  object_forget_cached(stage->content, stage->object_id);
  return TRUE;
}

gboolean stage_place(ContentStage *stage, GError **error) { return stage->base != NULL ? place_version(stage, error) : place_object(stage, error); }
