/*
 * A delivery's row and its working folder DIR/deliveries/<id>/: receiving, reading, listing.
 *
 * 1. The file is copied and flushed into a folder "incoming-…", which gets its number in the transaction that makes the row; other folders of that name are
 *    leftovers.
 * 2. The state column only goes forward along the life told in accession.h; why a step failed stands beside it in `failure`, and running the step again
 *    clears it.
 */
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH 200
#define LEFTOVER_SECONDS (24 * 3600)
#define FILE_NAME_BYTES 240
#define COPY_BYTES (1 << 18)

const JobKind ACCESSION_JOBS[] = {
  {"accession.rehearse", "预演导入", accession_rehearse, JOB_HEAVY},
  {"accession.load", "导入移交批次", accession_load, JOB_HEAVY},
  {"accession.undo", "撤销移交批次", accession_undo, JOB_HEAVY},
  {NULL},
};

gboolean accession_open(SqlDb *db, GError **error) { return sql_migrate_room(db, "accession", error); }

/* ---- the row ---- */

json_t *delivery_load(Sql *sql, gint64 id, GError **error) {
  GError *failure = NULL;
  json_t *row = sql_row_json(sql, "SELECT * FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), &failure);
  if (row) return row;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) {
    g_clear_error(&failure);
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有批次 %" G_GINT64_FORMAT "。批次号见“接收”页面", id);
  }
  g_propagate_error(error, failure);
  return NULL;
}

json_t *delivery_read(const House *house, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql ? delivery_load(sql, id, error) : NULL;
}

const char *delivery_text(json_t *delivery, const char *column) {
  const char *text = json_string_value(json_object_get(delivery, column));
  return text ? text : "";
}

gint64 delivery_int(json_t *delivery, const char *column) { return json_integer_value(json_object_get(delivery, column)); }

gboolean delivery_is(json_t *delivery, const char *states) {
  g_auto(GStrv) words = g_strsplit(states, " ", -1);
  return g_strv_contains((const char *const *)words, delivery_text(delivery, "state"));
}

char *delivery_path(const House *house, gint64 id, const char *name) {
  g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, id);
  return g_build_filename(house->dir, "deliveries", number, name, NULL);
}

/* The copy bears the file's own name, so that what is said about it names it. */
char *delivery_source(const House *house, gint64 id) {
  g_autofree char *folder = delivery_path(house, id, "source");
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name = dir ? g_dir_read_name(dir) : NULL;
  return g_build_filename(folder, name ? name : "source", NULL);
}

char *delivery_object(gint64 id) { return g_strdup_printf("urn:lantai:accession:%" G_GINT64_FORMAT, id); }

static gboolean write_failure(const House *house, gint64 id, const char *message, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql, "UPDATE accession SET failure = $1 WHERE id = $2", SQL_ARGS(sql_text(message), sql_int(id)), error) && sql_commit(sql, error);
}

/* The package of documents has a name of ours in the delivery's folder, which says nothing to the reader of a message. */
static void name_plainly(GError *failure) {
  g_autoptr(GString) text = g_string_new(failure->message);
  g_string_replace(text, "“documents”", "原文包", 0);
  g_free(failure->message);
  failure->message = g_strdup(text->str);
}

gboolean delivery_fail(const House *house, gint64 id, GError *failure) {
  g_autoptr(GError) error = NULL;
  if (failure) name_plainly(failure);
  if (!write_failure(house, id, failure ? failure->message : "原因不明", &error)) g_warning("批次 %" G_GINT64_FORMAT "：不能记下失败的原因：%s", id, error->message);
  return FALSE;
}

gboolean delivery_clear_failure(const House *house, gint64 id, GError **error) { return write_failure(house, id, "", error); }

gboolean delivery_point(const char *name, GError **error) {
  return fault_point(name) || throw(error, LANTAI_ERROR_UNAVAILABLE, "步骤 %s 没有完成。请再试一次，会从停下的地方继续", name);
}

/* ---- files ---- */

gboolean file_write_all(int fd, const void *data, gsize length, GError **error) {
  for (const char *at = data; length > 0;) {
    ssize_t written = write(fd, at, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == ENOSPC || errno == EDQUOT)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "磁盘空间不足，没有写完。请腾出空间后再试");
    if (written < 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "写文件失败：%s", error_reason(errno));
    at += written;
    length -= (gsize)written;
  }
  return TRUE;
}

gboolean folder_remove(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0) return errno == ENOENT;
  if (!S_ISDIR(status.st_mode)) return g_unlink(path) == 0;
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    folder_remove(child);
  }
  return g_rmdir(path) == 0;
}

/* Copies a file, flushed; ret_digest: SM3 of its bytes, when asked for. */
static gboolean copy_file(const char *from, const char *to, char **ret_digest, GError **error) {
  int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (in < 0) return throw(error, errno == ENOENT ? LANTAI_ERROR_NOT_FOUND : LANTAI_ERROR_INVALID, "不能打开文件 %s：%s", from, error_reason(errno));
  struct stat status;
  if (fstat(in, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(in);
    return throw(error, LANTAI_ERROR_INVALID, "%s 不是文件。请给出表格文件（CSV、xlsx、xls、DBF）", from);
  }
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  gboolean good = out >= 0;
  if (!good) throw(error, LANTAI_ERROR_UNAVAILABLE, "不能写文件 %s：%s", to, error_reason(errno));
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  for (ssize_t got = 1; good && got > 0;) {
    do got = read(in, buffer, COPY_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "读文件 %s 失败：%s", from, error_reason(errno));
    else if (got > 0) {
      if (ret_digest) digest_update(digest, buffer, (gsize)got);
      good = file_write_all(out, buffer, (gsize)got, error);
    }
  }
  if (good && fsync(out) != 0) good = throw(error, LANTAI_ERROR_UNAVAILABLE, "文件没有写到磁盘：%s", error_reason(errno));
  if (out >= 0) close(out);
  close(in);
  if (good && ret_digest) *ret_digest = digest_finish_hex(digest);
  return good;
}

static void sweep_leftovers(const char *deliveries) {
  g_autoptr(GDir) dir = g_dir_open(deliveries, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *path = g_build_filename(deliveries, name, NULL);
    struct stat status;
    if (g_str_has_prefix(name, "incoming-") && lstat(path, &status) == 0 &&
      status.st_mtime < g_get_real_time() / G_USEC_PER_SEC - LEFTOVER_SECONDS) folder_remove(path);
  }
}

/* ---- receiving ---- */

typedef struct {
  char *folder, *copy, *name, *base, *documents, *fonds, *fonds_title, *body, *category, *fingerprint;
  json_t *layout;
} Incoming;

static void incoming_clear(Incoming *incoming) {
  if (incoming->folder) folder_remove(incoming->folder);
  g_free(incoming->folder);
  g_free(incoming->copy);
  g_free(incoming->name);
  g_free(incoming->base);
  g_free(incoming->documents);
  g_free(incoming->fonds);
  g_free(incoming->fonds_title);
  g_free(incoming->body);
  g_free(incoming->category);
  g_free(incoming->fingerprint);
  json_decref(incoming->layout);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Incoming, incoming_clear)

static gboolean take_text(const char *text, const char *what, char **ret, GError **error) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1), *clean = text_clean(valid, FALSE);
  if (text_length(clean) > NAME_LENGTH) return throw(error, LANTAI_ERROR_INVALID, "%s过长：最多 %d 字", what, NAME_LENGTH);
  *ret = g_steal_pointer(&clean);
  return TRUE;
}

static gboolean take_source(const House *house, const AccessionSource *source, Incoming *in, GError **error) {
  if (source->path == NULL || !*source->path) return throw(error, LANTAI_ERROR_INVALID, "没有给出要导入的文件");
  g_autofree char *base = g_path_get_basename(source->file_name && *source->file_name ? source->file_name : source->path);
  if (!take_text(source->name && *source->name ? source->name : base, "批次名称", &in->name, error) || !take_text(base, "文件名", &in->base, error)) return FALSE;
  if (!take_text(source->fonds, "全宗号", &in->fonds, error) || !take_text(source->fonds_title, "全宗名称", &in->fonds_title, error)) return FALSE;
  if (!take_text(source->body, "移交单位", &in->body, error) || !take_text(source->category, "门类", &in->category, error)) return FALSE;
  if (*in->category && catalog_category_by_code(house->catalog, in->category) == NULL) {
    guint count;
    const CatalogCategory *const *categories = catalog_categories(house->catalog, &count);
    g_autoptr(GString) known = g_string_new(NULL);
    for (guint i = 0; i < count; i++) g_string_append_printf(known, "%s%s %s", i ? "、" : "", categories[i]->code, categories[i]->title);
    return throw(error, LANTAI_ERROR_INVALID, "没有门类“%s”。可用的门类：%s", in->category, known->str);
  }
  if (source->files && *source->files) {
    in->documents = g_canonicalize_filename(source->files, NULL);
    if (!g_file_test(in->documents, G_FILE_TEST_EXISTS)) return throw(error, LANTAI_ERROR_NOT_FOUND, "原文目录或 zip 包 %s 不存在", source->files);
  } else in->documents = g_strdup("");
  return TRUE;
}

/* For a file that a page took in, its place says nothing: its size and digest stand for it. */
static char *documents_mark(const AccessionSource *source, const Incoming *in) {
  if (!source->take_files || !*in->documents) return g_strdup(in->documents);
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  g_autofree char *buffer = g_malloc(COPY_BYTES);
  int fd = open(in->documents, O_RDONLY | O_CLOEXEC);
  for (ssize_t got; fd >= 0 && (got = read(fd, buffer, COPY_BYTES)) > 0;) digest_update(digest, buffer, (gsize)got);
  if (fd >= 0) close(fd);
  return digest_finish_hex(digest);
}

static gboolean copy_in(const House *house, const AccessionSource *source, Incoming *in, GError **error) {
  g_autofree char *deliveries = g_build_filename(house->dir, "deliveries", NULL), *template = g_build_filename(deliveries, "incoming-XXXXXX", NULL);
  if (g_mkdir_with_parents(deliveries, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", deliveries, error_reason(errno));
  sweep_leftovers(deliveries);
  if (g_mkdtemp_full(template, 0700) == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", template, error_reason(errno));
  in->folder = g_steal_pointer(&template);
  g_autofree char *folder = g_build_filename(in->folder, "source", NULL), *digest = NULL;
  if (g_mkdir(folder, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
  gboolean plain = *in->base && *in->base != '.' && strlen(in->base) < FILE_NAME_BYTES && strchr(in->base, '/') == NULL;
  in->copy = g_build_filename(folder, plain ? in->base : "source", NULL);
  if (!copy_file(source->path, in->copy, &digest, error)) return FALSE;
  g_autofree char *columns = source->columns ? json_dumps(source->columns, JSON_COMPACT | JSON_SORT_KEYS) : NULL, *documents = documents_mark(source, in);
  g_autofree char *all = g_strjoin("\n", digest, in->name, documents, source->mapping ? source->mapping : "", columns ? columns : "", in->fonds,
    in->fonds_title, in->category,
    in->body, NULL);
  in->fingerprint = crypto_digest_hex(DIGEST_SM3, all, strlen(all));
  return TRUE;
}

static gboolean read_layout(const House *house, const AccessionSource *source, Incoming *in, GError **error) {
  GError *failure = NULL;
  if ((in->layout = layout_read(in->copy, &failure)) == NULL) {
    if (strstr(failure->message, in->base) == NULL) g_prefix_error(&failure, "“%s”：", in->base);
    g_propagate_error(error, failure);
    return FALSE;
  }
  json_t *named = NULL;
  if (source->mapping && *source->mapping) {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    g_autofree char *category = NULL;
    if (sql == NULL || (named = mapping_named(sql, source->mapping, &category, error)) == NULL) return FALSE;
    if (!*in->category) {
      g_free(in->category);
      in->category = g_steal_pointer(&category);
    }
  }
  layout_guess(house->catalog, in->layout, in->category);
  gboolean good = (named == NULL || layout_apply(house->catalog, in->layout, named, error)) &&
    (source->columns == NULL || layout_apply(house->catalog, in->layout, source->columns, error));
  json_decref(named);
  return good;
}

/* The uploaded zip goes into the delivery's folder, by rename where that is possible. */
static gboolean take_documents(const AccessionSource *source, Incoming *in, GError **error) {
  if (!source->take_files || !*in->documents) return TRUE;
  g_autofree char *kept = g_build_filename(in->folder, "documents", NULL);
  if (g_rename(in->documents, kept) == 0) return TRUE;
  if (!copy_file(in->documents, kept, NULL, error)) return FALSE;
  g_unlink(in->documents);
  return TRUE;
}

static gboolean insert_row(Sql *sql, const char *actor, gint64 id, const Incoming *in, const char *documents, GError **error) {
  g_autofree char *layout = json_dumps(in->layout, JSON_COMPACT | JSON_SORT_KEYS);
  gint64 now_us = clock_now_us();
  if (!sql_exec(sql, "INSERT INTO accession (id, name, state, body, fonds, fonds_title, category, source, documents, fingerprint, layout, actor, created_at) "
      "VALUES ($1, $2, 'received', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
      SQL_ARGS(sql_int(id), sql_text(in->name), sql_text(in->body), sql_text(in->fonds), sql_text(in->fonds_title), sql_text(in->category),
        sql_text(in->base), sql_text(documents),
        sql_text(in->fingerprint), sql_text(layout), sql_text(actor), sql_int(now_us)), error)) return FALSE;
  json_t *event = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "created_at", (json_int_t)now_us, "name", in->name, "body", in->body,
    "fonds", in->fonds, "fonds_title", in->fonds_title, "category",
    in->category, "source", in->base, "documents", documents, "fingerprint", in->fingerprint, "layout", in->layout);
  gint64 appended = journal_append(sql, actor, "accession.receive", "accession", id, event, error);
  json_decref(event);
  return appended != 0;
}

static gint64 make_row(const House *house, const char *actor, const AccessionSource *source, Incoming *in, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return 0;
  GError *failure = NULL;
  gint64 unfinished = sql_number(sql, "SELECT id FROM accession WHERE fingerprint = $1 AND state IN ('received', 'rehearsed', 'loading', 'attaching') ORDER "
    "BY id DESC LIMIT 1",
    SQL_ARGS(sql_text(in->fingerprint)), 0, &failure);
  gint64 id = failure || unfinished ? 0 : sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS next_id FROM accession", SQL_NONE, 1, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    return 0;
  }
  if (unfinished) return unfinished;
  if (!take_documents(source, in, error)) return 0;
  g_autofree char *folder = delivery_path(house, id, NULL);
  g_autofree char *documents = source->take_files && *in->documents ? delivery_path(house, id, "documents") : g_strdup(in->documents);
  if (!insert_row(sql, actor, id, in, documents, error)) return 0;
  if (!folder_remove(folder) || g_rename(in->folder, folder) != 0) {
    throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder, error_reason(errno));
    return 0;
  }
  g_free(in->folder);
  in->folder = g_strdup(folder); /* removed again if the commit fails */
  if (!fault_point("accession.receive") || !sql_commit(sql, error)) {
    throw(error, LANTAI_ERROR_UNAVAILABLE, "批次没有记下。请再试一次");
    return 0;
  }
  g_clear_pointer(&in->folder, g_free);
  return id;
}

gint64 accession_receive(const House *house, const char *actor, const AccessionSource *source, GError **error) {
  g_auto(Incoming) in = {0};
  if (!take_source(house, source, &in, error) || !copy_in(house, source, &in, error) || !read_layout(house, source, &in, error)) return 0;
  return make_row(house, actor, source, &in, error);
}

/* ---- lists ---- */

gboolean delivery_visible(Sql *sql, const Scope *scope, const char *actor, json_t *delivery, gboolean *ret_visible, GError **error) {
  *ret_visible = scope->opening_mask != 0 && (scope->all_fonds || (*actor && g_str_equal(actor, delivery_text(delivery, "actor"))));
  if (*ret_visible || scope->opening_mask == 0) return TRUE;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT fonds_id FROM accession_place WHERE accession_id = $1", SQL_ARGS(sql_int(delivery_int(delivery, "id"))),
    error);
  if (rows == NULL) return FALSE;
  GError *failure = NULL;
  gboolean any = FALSE, all = TRUE;
  while (sql_next(rows, &failure)) {
    any = TRUE;
    all = all && scope_admits(scope, LEVEL_FONDS, sql_get_int(rows, "fonds_id"), SECURITY_PUBLIC, OPENING_OPEN);
  }
  *ret_visible = any && all;
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

json_t *delivery_list(Sql *sql, const Scope *scope, const char *actor, gint64 before, int limit, GError **error) {
  json_t *found = json_array();
  gint64 from = before > 0 ? before : G_MAXINT64;
  for (gboolean more = TRUE; more && json_array_size(found) < (size_t)limit;) {
    json_t *page = sql_json(sql, "SELECT id, name, state, failure, body, source, documents, row_count, accepted_count, created_count, updated_count, "
      "unchanged_count, rejected_count, "
      "missing_count, surplus_count, attached_count, attached_bytes, loaded_rows, actor, created_at, loaded_at FROM accession WHERE id < $1 ORDER BY id DESC "
        "LIMIT $2",
      SQL_ARGS(sql_int(from), sql_int(limit)), error), *row;
    if (page == NULL) {
      json_decref(found);
      return NULL;
    }
    more = json_array_size(page) == (size_t)limit;
    size_t i;
    gboolean good = TRUE, visible;
    json_array_foreach(page, i, row) {
      from = delivery_int(row, "id");
      good = good && delivery_visible(sql, scope, actor, row, &visible, error);
      if (good && visible && json_array_size(found) < (size_t)limit) json_array_append(found, row);
    }
    json_decref(page);
    if (!good) {
      json_decref(found);
      return NULL;
    }
  }
  return found;
}

json_t *accession_list(const House *house, Sql *sql, const Scope *scope, gint64 before, int limit, GError **error) {
  json_t *list = delivery_list(sql, scope, "", before, limit, error), *delivery, *described = list ? json_array() : NULL;
  size_t i;
  json_array_foreach(list, i, delivery) {
    json_t *row = json_object();
    delivery_describe(row, delivery);
    json_array_append_new(described, row);
  }
  json_decref(list);
  return described;
}
