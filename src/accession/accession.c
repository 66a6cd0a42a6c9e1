/*
 * A delivery's row and its working folder DIR/deliveries/<id>/: reading, listing, and who may see which.
 *
 * 1. Why a step failed stands beside the state in `failure`, and running the step again clears it.
 * 2. A delivery is shown to who may see all of its fonds, to who received it, and to the body that it is from.
 */
#include "beneath.h"
#include "check.h"
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include "pages.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1 << 18)

const JobKind ACCESSION_JOBS[] = {
  {"accession.rehearse", "检测移交批次", accession_rehearse, JOB_HEAVY},
  {"accession.load", "导入移交批次", accession_load, JOB_HEAVY},
  {"accession.undo", "撤销移交批次", accession_undo, JOB_HEAVY},
  {NULL},
};

gboolean accession_open(SqlDb *db, GError **error) {
  check_set_visible("accession", page_check_visible, "/delivery/");
  return sql_migrate_room(db, "accession", error);
}

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

gboolean delivery_is(json_t *delivery, const char *states) {
  g_auto(GStrv) words = g_strsplit(states, " ", -1);
  return g_strv_contains((const char *const *)words, text_at(delivery, "state"));
}

char *delivery_path(const House *house, gint64 id, const char *name) {
  g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, id);
  return g_build_filename(house->dir, "deliveries", number, name, NULL);
}

char *delivery_where(const House *house, json_t *delivery, const char *column) {
  const char *path = text_at(delivery, column);
  return *path == '\0' || g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(house->dir, path, NULL);
}

char *delivery_kept(const House *house, const char *path) {
  g_autofree char *own = g_canonicalize_filename(house->dir, NULL), *whole = *path ? g_canonicalize_filename(path, NULL) : g_strdup("");
  gsize length = strlen(own);
  return strncmp(whole, own, length) == 0 && whole[length] == '/' ? g_strdup(whole + length + 1) : g_steal_pointer(&whole);
}

/* The copy bears the file's own name, so that what is said about it names it. */
char *delivery_source(const House *house, gint64 id) {
  g_autofree char *folder = delivery_path(house, id, "source");
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name = dir ? g_dir_read_name(dir) : NULL;
  return g_build_filename(folder, name ? name : "source", NULL);
}

char *delivery_object(gint64 id) { return g_strdup_printf("urn:lantai:accession:%" G_GINT64_FORMAT, id); }

gboolean delivery_idle(Sql *sql, gint64 id, GError **error) {
  GError *failure = NULL;
  json_t *job = job_latest(sql, "accession", id, &failure);
  gboolean busy = g_str_equal(text_at(job, "state"), "running") || g_str_equal(text_at(job, "state"), "queued");
  json_decref(job);
  if (failure) return g_propagate_error(error, failure), FALSE;
  return !busy || throw(error, LANTAI_ERROR_CONFLICT, "批次 %" G_GINT64_FORMAT " 正在处理中。请等它完成，或先停止", id);
}

/* A check that broke off leaves the delivery as received, and says why. */
static gboolean leave_checking(Sql *sql, gint64 id, const char *message, GError **error) {
  g_autofree char *state = sql_string(sql, "SELECT state FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (g_strcmp0(state, "checking") != 0) return state != NULL;
  g_autofree char *note = g_utf8_substring(message, 0, MIN(g_utf8_strlen(message, -1), 500));
  return life_move(sql, "system", id, &(LifeStep){"received", note, NULL}, error);
}

static gboolean write_failure(const House *house, gint64 id, const char *message, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && (!*message || leave_checking(sql, id, message, error)) &&
    sql_exec(sql, "UPDATE accession SET failure = $1 WHERE id = $2", SQL_ARGS(sql_text(message), sql_int(id)), error) && sql_commit(sql, error);
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

gboolean file_copy(const char *from, const char *to, char **ret_digest, GError **error) {
  int in = beneath_open(from);
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

/* ---- lists ---- */

gboolean delivery_visible(Sql *sql, const DeliveryAsker *asker, json_t *delivery, gboolean *ret_visible, GError **error) {
  const Scope *scope = asker->scope;
  if (asker->body) {
    *ret_visible = *asker->body && g_str_equal(asker->body, text_at(delivery, "body"));
    return TRUE;
  }
  *ret_visible = scope->opening_mask != 0 && (scope->all_fonds || (*asker->actor && g_str_equal(asker->actor, text_at(delivery, "actor"))));
  if (*ret_visible || scope->opening_mask == 0) return TRUE;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT fonds_id FROM accession_place WHERE accession_id = $1", SQL_ARGS(sql_int(int_at(delivery, "id"))),
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

static json_t *list_page(Sql *sql, const DeliveryAsker *asker, gint64 from, int limit, GError **error) {
  if (asker->body) return sql_json(sql, "SELECT id, name, state, round, kind, stage, failure, body, source, documents, row_count, accepted_count, created_count, "
    "updated_count, unchanged_count, rejected_count, missing_count, surplus_count, attached_count, attached_bytes, loaded_rows, actor, created_at, loaded_at "
    "FROM accession WHERE body = $1 AND id < $2 ORDER BY id DESC LIMIT $3", SQL_ARGS(sql_text(asker->body), sql_int(from), sql_int(limit)), error);
  return sql_json(sql, "SELECT id, name, state, round, kind, stage, failure, body, source, documents, row_count, accepted_count, created_count, updated_count, "
    "unchanged_count, rejected_count, missing_count, surplus_count, attached_count, attached_bytes, loaded_rows, actor, created_at, loaded_at FROM accession "
    "WHERE id < $1 ORDER BY id DESC LIMIT $2", SQL_ARGS(sql_int(from), sql_int(limit)), error);
}

static gboolean is_wanted(const ListPage *page, json_t *row) {
  if (page->state) return g_str_equal(text_at(row, "state"), page->state);
  return page->discarded || !delivery_is(row, "discarded");
}

json_t *delivery_list(Sql *sql, const DeliveryAsker *asker, const ListPage *wanted, GError **error) {
  json_t *found = json_array();
  gint64 from = wanted->before > 0 ? wanted->before : G_MAXINT64;
  for (gboolean more = TRUE; more && json_array_size(found) < (size_t)wanted->limit;) {
    json_t *page = list_page(sql, asker, from, wanted->limit, error), *row;
    gboolean good = page != NULL, visible;
    more = json_array_size(page) == (size_t)wanted->limit;
    size_t i;
    json_array_foreach(page, i, row) {
      from = int_at(row, "id");
      good = good && delivery_visible(sql, asker, row, &visible, error);
      if (good && visible && is_wanted(wanted, row) && json_array_size(found) < (size_t)wanted->limit) json_array_append(found, row);
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
  const DeliveryAsker asker = {scope, "", NULL};
  json_t *list = delivery_list(sql, &asker, &(ListPage){before, limit, FALSE, NULL}, error), *delivery, *described = list ? json_array() : NULL;
  size_t i;
  json_array_foreach(list, i, delivery) {
    json_t *row = json_object();
    delivery_describe(row, delivery);
    json_array_append_new(described, row);
  }
  json_decref(list);
  return described;
}
