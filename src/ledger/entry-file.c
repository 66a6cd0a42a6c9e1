/*
 * Evidence: files of an entry, kept in the object urn:lantai:entry:<id>.
 *
 * 1. A file lies under its digest, so that another of the same name never takes its place: every version of the entry finds the bytes it names.
 * 2. The object is durable before the transaction that names it.
 */
#include "content.h"
#include "internal.h"
#include <fcntl.h>
#include <unistd.h>

enum { FILES_MAX = 200, DIGEST_PART = 16 };

char *entry_object(gint64 id) { return g_strdup_printf("urn:lantai:entry:%" G_GINT64_FORMAT, id); }

static char *file_path(const char *sha512, const char *name) { return g_strdup_printf("files/%.*s/%s", DIGEST_PART, sha512, name); }

static char *name_clean(const char *name) {
  g_autofree char *clean = text_clean(name != NULL ? name : "", FALSE);
  g_autofree char *base = g_path_get_basename(clean);
  for (char *c = base; *c != '\0'; c++)
    if (strchr("/\\:*?\"<>|", *c) != NULL) *c = '_';
  return base[0] == '\0' || g_str_equal(base, ".") || g_str_equal(base, "..") ? g_strdup("附件") : g_steal_pointer(&base);
}

static char *digest_of(int fd, gint64 *ret_size, GError **error) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA512);
  guchar buffer[65536];
  gssize got;
  *ret_size = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    g_checksum_update(checksum, buffer, got);
    *ret_size += got;
  }
  if (got < 0 || lseek(fd, 0, SEEK_SET) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "附件不能读取");
  return g_strdup(g_checksum_get_string(checksum));
}

static ContentBatch *publish(const House *house, const char *actor, json_t *entry, int fd, const char *path, GError **error) {
  g_autofree char *object = entry_object(int_at(entry, "id"));
  g_autofree char *about = json_dumps(entry, JSON_INDENT(2));
  g_autoptr(ContentStage) stage = content_stage_new(house->content, object, actor, "台账附件", error);
  if (stage == NULL || content_stage_add_fd(stage, path, fd, error) == NULL ||
    content_stage_add_bytes(stage, "metadata.json", about, strlen(about), error) == NULL) return NULL;
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  content_batch_take(batch, g_steal_pointer(&stage));
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static void drop_named(json_t *files, const char *name) {
  for (size_t i = json_array_size(files); i-- > 0;)
    if (g_str_equal(text_at(json_array_get(files, i), "name"), name)) json_array_remove(files, i);
}

gboolean ledger_entry_attach(const House *house, Asker asker, const char *actor, gint64 id, const char *given, const char *path, GError **error) {
  g_autoptr(Sql) read = sql_read(house->db, error);
  json_auto_t *before = read != NULL ? entry_load_any(read, id, error) : NULL;
  sql_end(g_steal_pointer(&read));
  if (before == NULL || !entry_may_change(before, asker, error) || !entry_is_free(before, error)) return FALSE;
  if (json_array_size(json_object_get(before, "files")) >= FILES_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "附件已有 %d 个", FILES_MAX);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "附件不能读取");
  gint64 size;
  g_autofree char *digest = digest_of(fd, &size, error), *name = name_clean(given);
  g_autofree char *logical = digest != NULL ? file_path(digest, name) : NULL;
  g_autoptr(ContentBatch) batch = logical != NULL ? publish(house, actor, before, fd, logical, error) : NULL;
  close(fd);
  if (batch == NULL) return FALSE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *entry = sql != NULL ? entry_load_any(sql, id, error) : NULL;
  if (entry == NULL || !entry_may_change(entry, asker, error) || !entry_is_free(entry, error)) return FALSE;
  json_t *files = json_object_get(entry, "files");
  drop_named(files, name);
  json_array_append_new(files, json_pack("{s:s, s:s, s:I, s:I}", "name", name, "sha512", digest, "size", (json_int_t)size, "turn",
    (json_int_t)json_array_size(json_object_get(entry, "states"))));
  return entry_save(sql, actor, entry, NULL, error) && content_batch_acknowledge(batch, sql, error) && sql_commit(sql, error);
}

gboolean ledger_entry_detach(Sql *sql, Asker asker, const char *actor, gint64 id, const char *name, GError **error) {
  json_auto_t *entry = entry_load_any(sql, id, error);
  if (entry == NULL || !entry_may_change(entry, asker, error) || !entry_is_free(entry, error)) return FALSE;
  json_t *files = json_object_get(entry, "files");
  size_t count = json_array_size(files);
  drop_named(files, name);
  if (json_array_size(files) == count) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有附件“%s”", name);
  return entry_save(sql, actor, entry, NULL, error);
}

int ledger_entry_file_open(const House *house, Sql *sql, Asker asker, gint64 id, const char *name, gint64 *ret_size, GError **error) {
  json_auto_t *entry = ledger_entry_load(sql, asker, id, error);
  if (entry == NULL) return -1;
  size_t i;
  json_t *file;
  json_array_foreach(json_object_get(entry, "files"), i, file) {
    if (!g_str_equal(text_at(file, "name"), name)) continue;
    g_autofree char *object = entry_object(id), *path = file_path(text_at(file, "sha512"), name);
    return content_read(house->content, object, path, ret_size, error);
  }
  throw(error, LANTAI_ERROR_NOT_FOUND, "没有附件“%s”", name);
  return -1;
}
