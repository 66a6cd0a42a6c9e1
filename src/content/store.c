/*
 * Opening the store: its layout on disk, the lock between processes, recovery, flushing, claims.
 *
 * 1. Recovery runs only in a process that has the store alone (exclusive lock on the staging folder, shared afterwards): what other
 *    processes have under way is never undone.
 * 2. A row (object, version) of content_intent means: if that version is on disk, nobody was told of it. Only publishing and dropping a version
 *    insert rows, while the version is not acknowledged; acknowledging deletes it. A row that outlives a failed batch is harmless and goes at the next opening.
 * 3. Recovery takes out every such version, flushes, and only then deletes the rows; it may itself be killed anywhere and run again.
 * 4. An object is published or removed by one thread at a time (claims).
 */
#include "content-internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

const LayoutFile LAYOUT_FILES[3] = {
  {"extensions/" LAYOUT "/config.json", "{\n  \"extensionName\": \"" LAYOUT "\",\n  \"digestAlgorithm\": \"sha512\",\n  \"tupleSize\": 3,\n"
                                        "  \"numberOfTuples\": 3\n}\n"},
  {"ocfl_layout.json", "{\n  \"extension\": \"" LAYOUT "\",\n  \"description\": \"The SHA-512 of the object id in hexadecimal: "
                       "three folders of three digits, then the id with % for other characters than letters, digits, - and _.\"\n}\n"},
  {ROOT_DECLARATION, ROOT_DECLARATION_TEXT}, /* last: a store with it is complete */
};

char *content_new_name(Content *content, char kind) {
  g_mutex_lock(&content->lock);
  guint64 number = content->next_name++;
  g_mutex_unlock(&content->lock);
  return g_strdup_printf("%c-%08x-%" G_GUINT64_FORMAT, kind, content->session, number);
}

guint content_flush_failures(Content *content) {
  g_mutex_lock(&content->flush_lock);
  guint failures = content->flush_failures;
  g_mutex_unlock(&content->flush_lock);
  return failures;
}

gboolean content_flush(Content *content, guint failures_before, GError **error) {
  g_autoptr(GMutexLocker) guard = g_mutex_locker_new(&content->flush_lock);
  if (syncfs(content->staging_fd) != 0) {
    content->flush_failures++;
    return throw_errno(error, "落盘", content->root);
  }
  if (content->flush_failures == failures_before) return TRUE;
  return throw(error, LANTAI_ERROR_UNAVAILABLE, "对象库所在磁盘刚才写入出错,本批不作数。请检查磁盘后重试");
}

gboolean content_writable(const Content *content, GError **error) {
  if (content->db != NULL) return TRUE;
  return throw(error, LANTAI_ERROR_CONFLICT, "对象库 %s 以只读方式打开,不能写入", content->root);
}

gboolean content_claim(Content *content, const char *object_id, GError **error) {
  g_mutex_lock(&content->lock);
  gboolean claimed = !g_hash_table_contains(content->claims, object_id) && g_hash_table_add(content->claims, g_strdup(object_id));
  g_mutex_unlock(&content->lock);
  return claimed || throw(error, LANTAI_ERROR_CONFLICT, "对象 %s 正由另一批操作写入或删除,请稍后重试", object_id);
}

void content_unclaim(Content *content, const char *object_id) {
  g_mutex_lock(&content->lock);
  g_hash_table_remove(content->claims, object_id);
  g_mutex_unlock(&content->lock);
}

gboolean content_intend(Sql *sql, const char *object_id, guint version, GError **error) {
  return sql_exec(sql, "INSERT INTO content_intent (object_id, version) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                  SQL_ARGS(sql_text(object_id), sql_int(version)), error);
}

/* Writes one file of the layout through the staging folder, so that a half-written one is never in place. */
static gboolean write_layout_file(Content *content, const char *path, const char *text, GError **error) {
  struct stat info;
  if (fstatat(content->root_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0) return TRUE;
  g_autofree char *name = content_new_name(content, 'l');
  if (!make_parents(content->root_fd, path, error) || !write_file(content->staging_fd, name, text, strlen(text), error)) return FALSE;
  return renameat(content->staging_fd, name, content->root_fd, path) == 0 || throw_errno(error, "建立", path);
}

gboolean is_layout_name(const char *name) {
  for (gsize i = 0; i < G_N_ELEMENTS(LAYOUT_FILES); i++) {
    gsize length = strcspn(LAYOUT_FILES[i].path, "/");
    if (strlen(name) == length && strncmp(name, LAYOUT_FILES[i].path, length) == 0) return TRUE;
  }
  return FALSE;
}

/* A store laid out otherwise (by an earlier version or another program) would look empty: refused. A missing or damaged description is the check's to tell. */
static gboolean known_layout(Content *content, GError **error) {
  GString *text = NULL;
  if (!read_file(content->root_fd, "ocfl_layout.json", 1 << 16, &text)) return TRUE;
  json_t *layout = json_loadb(text->str, text->len, 0, NULL);
  const char *extension = json_string_value(json_object_get(layout, "extension"));
  gboolean known = extension == NULL || strcmp(extension, LAYOUT) == 0 ||
    throw(error, LANTAI_ERROR_UNAVAILABLE, "对象库 %s 的存放方式是 %s，这个版本的程序只认 " LAYOUT "，没有打开", content->root, extension);
  json_decref(layout);
  g_string_free(text, TRUE);
  return known;
}

static gboolean lay_out(Content *content, GError **error) {
  struct stat info;
  if (fstatat(content->root_fd, ROOT_DECLARATION, &info, AT_SYMLINK_NOFOLLOW) == 0) return known_layout(content, error);
  g_autoptr(GPtrArray) names = list_folder(content->root_fd);
  if (names == NULL) return throw_errno(error, "读取", content->root);
  for (guint i = 0; i < names->len; i++)
    if (!is_layout_name(names->pdata[i]))
      return throw(error, LANTAI_ERROR_UNAVAILABLE, "目录 %s 里有别的文件(%s),又没有对象库标志 " ROOT_DECLARATION ",未使用。请核对路径", content->root,
                   (const char *)names->pdata[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(LAYOUT_FILES); i++)
    if (!write_layout_file(content, LAYOUT_FILES[i].path, LAYOUT_FILES[i].text, error)) return FALSE;
  return content_flush(content, 0, error);
}

typedef struct {
  char *object_id;
  guint version;
} Intent;

static void clear_intent(gpointer data) { g_free(((Intent *)data)->object_id); }

/* Newest first, so that of two versions of one object the later goes before the earlier. */
static GArray *load_intents(SqlDb *db, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  if (sql == NULL) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT object_id, version FROM content_intent ORDER BY version DESC, object_id", SQL_NONE, error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) intents = g_array_new(FALSE, FALSE, sizeof(Intent));
  g_array_set_clear_func(intents, clear_intent);
  g_autoptr(GError) reason = NULL;
  while (sql_next(rows, &reason)) {
    Intent intent = {g_strdup(sql_get_text(rows, "object_id")), (guint)sql_get_int(rows, "version")};
    g_array_append_val(intents, intent);
  }
  if (reason == NULL) return g_steal_pointer(&intents);
  g_propagate_error(error, g_steal_pointer(&reason));
  return NULL;
}

static gboolean forget_intents(SqlDb *db, const GArray *intents, GError **error) {
  g_autoptr(Sql) sql = sql_write(db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < intents->len; i++) {
    const Intent *intent = &g_array_index(intents, Intent, i);
    if (!sql_exec(sql, "DELETE FROM content_intent WHERE object_id = $1 AND version = $2", SQL_ARGS(sql_text(intent->object_id), sql_int(intent->version)),
                  error))
      return FALSE;
  }
  return sql_commit(sql, error);
}

/* Takes the unacknowledged versions out. One whose predecessor is damaged stays with its intent: content_check names it. */
static gboolean drop_intents(Content *content, GArray *intents, GError **error) {
  for (guint i = intents->len; i > 0; i--) {
    const Intent *intent = &g_array_index(intents, Intent, intents->len - i);
    g_autoptr(GError) reason = NULL;
    if (!pass_point("content.recover", error)) return FALSE;
    if (object_drop_version(content, intent->object_id, intent->version, &reason)) continue;
    if (!g_error_matches(reason, LANTAI_ERROR, LANTAI_ERROR_INVALID)) {
      g_propagate_error(error, g_steal_pointer(&reason));
      return FALSE;
    }
    g_warning("recovery of %s version %u: %s", intent->object_id, intent->version, reason->message);
    g_array_remove_index(intents, intents->len - i);
  }
  return TRUE;
}

static gboolean empty_staging(Content *content, GError **error) {
  g_autoptr(GPtrArray) names = list_folder(content->staging_fd);
  if (names == NULL) return throw_errno(error, "读取", content->staging);
  for (guint i = 0; i < names->len; i++)
    if (!remove_tree(content->staging_fd, names->pdata[i])) return throw_errno(error, "清理", content->staging);
  return TRUE;
}

static gboolean recover(Content *content, GError **error) {
  if (!lay_out(content, error)) return FALSE;
  g_autoptr(GArray) intents = load_intents(content->db, error);
  if (intents == NULL) return FALSE;
  if (!drop_intents(content, intents, error) || !empty_staging(content, error)) return FALSE;
  if (intents->len > 0) {
    if (!content_flush(content, 0, error) || !pass_point("content.recover.flushed", error)) return FALSE;
    g_message("recovery settled %u versions that nobody was told of", intents->len);
    if (!forget_intents(content->db, intents, error)) return FALSE;
  }
  return content_entomb_recover(content, error);
}

/* Invariant 1. A file system without locks is taken as ours alone. */
static gboolean lock_and_recover(Content *content, GError **error) {
  if (flock(content->staging_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (flock(content->staging_fd, LOCK_SH) != 0) return throw_errno(error, "锁定", content->staging);
    return TRUE;
  }
  if (!recover(content, error)) return FALSE;
  if (flock(content->staging_fd, LOCK_SH) != 0 && errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS)
    return throw_errno(error, "锁定", content->staging);
  return TRUE;
}

static int open_folder(const char *path, gboolean create, GError **error) {
  if (create && g_mkdir_with_parents(path, 0750) != 0) {
    throw_errno(error, "新建文件夹", path);
    return -1;
  }
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) throw(error, LANTAI_ERROR_NOT_FOUND, "没有对象库目录 %s,请核对路径", path);
  else if (fd < 0) throw_errno(error, "打开", path);
  return fd;
}

Content *content_open(const char *dir, SqlDb *db, GError **error) {
  g_autoptr(Content) content = g_new0(Content, 1);
  g_mutex_init(&content->lock);
  g_mutex_init(&content->flush_lock);
  content->root = g_build_filename(dir, "store", NULL);
  content->staging = g_build_filename(dir, "store-staging", NULL);
  content->root_fd = content->staging_fd = -1;
  content->db = db != NULL && !sql_is_readonly(db) ? db : NULL; /* recovery is for those who can finish it */
  content->session = g_random_int();
  content->claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  content->cache = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_inventory_free);
  content->root_fd = open_folder(content->root, content->db != NULL, error);
  if (content->root_fd < 0) return NULL;
  if (content->db == NULL) return g_steal_pointer(&content);
  content->staging_fd = open_folder(content->staging, TRUE, error);
  if (content->staging_fd < 0) return NULL;
  if (!sql_migrate_room(db, "content", error) || !lock_and_recover(content, error)) return NULL;
  return g_steal_pointer(&content);
}

void content_close(Content *content) {
  if (content == NULL) return;
  close_fd(&content->root_fd);
  close_fd(&content->staging_fd);
  g_clear_pointer(&content->claims, g_hash_table_unref);
  g_clear_pointer(&content->cache, g_hash_table_unref);
  g_mutex_clear(&content->lock);
  g_mutex_clear(&content->flush_lock);
  g_free(content->root);
  g_free(content->staging);
  g_free(content);
}

const char *content_root(const Content *content) { return content->root; }

void content_file_free(ContentFile *file) {
  if (file == NULL) return;
  g_free(file->path);
  g_free(file);
}
