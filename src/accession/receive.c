/*
 * Receiving: a delivery's files come into its working folder and its row, for the first time or again.
 *
 * 1. A table is copied and flushed into a folder "incoming-…", which gets its number in the transaction that makes the row; other folders of that name are
 *    leftovers. A package is not copied: a temporary file is taken over by rename, anything else is referred to where it lies.
 * 2. A package is opened by the job, not here: its table is not known yet, so its layout is empty.
 * 3. Files sent to a delivery that is there (registered, returned, not loaded yet) take the place of those it had.
 */
#include "crypto.h"
#include "delivery.h"
#include "error.h"
#include "journal.h"
#include "package.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH 200
#define LEFTOVER_SECONDS (24 * 3600)
#define FILE_NAME_BYTES 240
#define DIGEST_BYTES (1 << 18)
#define DECLARED_MAX 100

static gboolean lies_in(const char *path, const char *folder) {
  gsize length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/' || g_str_equal(folder, "/"));
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

/* ---- what is given ---- */

typedef struct {
  char *folder, *name, *base, *documents, *package, *fonds, *fonds_title, *body, *category, *fingerprint;
  const char *kind;  /* "table", "package" or "none" */
  const char *stage; /* "filing" or "transfer" */
  json_t *layout, *declared;
} Incoming;

static void incoming_clear(Incoming *in) {
  if (in->folder) folder_remove(in->folder);
  char *texts[] = {in->folder, in->name, in->base, in->documents, in->package, in->fonds, in->fonds_title, in->body, in->category, in->fingerprint};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  json_decref(in->layout);
  json_decref(in->declared);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Incoming, incoming_clear)

static gboolean take_text(const char *text, const char *what, char **ret, GError **error) {
  g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1), *clean = text_clean(valid, FALSE);
  if (text_length(clean) > NAME_LENGTH) return throw(error, LANTAI_ERROR_INVALID, "%s过长：最多 %d 字", what, NAME_LENGTH);
  *ret = g_steal_pointer(&clean);
  return TRUE;
}

static gboolean check_category(const House *house, const char *category, GError **error) {
  if (!*category || catalog_category_by_code(house->catalog, category)) return TRUE;
  guint count;
  const CatalogCategory *const *categories = catalog_categories(house->catalog, &count);
  g_autoptr(GString) known = g_string_new(NULL);
  for (guint i = 0; i < count; i++) g_string_append_printf(known, "%s%s %s", i ? "、" : "", categories[i]->code, categories[i]->title);
  return throw(error, LANTAI_ERROR_INVALID, "没有门类“%s”。可用的门类：%s", category, known->str);
}

static gboolean take_words(const House *house, const AccessionSource *source, const char *name, Incoming *in, GError **error) {
  if ((in->stage = stage_take(source->stage, error)) == NULL) return FALSE;
  in->layout = json_object();
  in->declared = source->declared ? json_copy(source->declared) : json_object();
  if (json_object_size(in->declared) > DECLARED_MAX) return throw(error, LANTAI_ERROR_INVALID, "登记表的项目过多，最多 %d 项", DECLARED_MAX);
  return take_text(source->name && *source->name ? source->name : name, "批次名称", &in->name, error) && take_text(name, "文件名", &in->base, error) &&
    take_text(source->fonds, "全宗号", &in->fonds, error) && take_text(source->fonds_title, "全宗名称", &in->fonds_title, error) &&
    take_text(source->body, "移交单位", &in->body, error) && take_text(source->category, "门类", &in->category, error) &&
    check_category(house, in->category, error);
}

/* A file that is called a table and is none is refused at once, instead of being kept as a document. */
static gboolean is_called_table(const char *name) {
  static const char *const endings[] = {".csv", ".tsv", ".xlsx", ".xls", ".et", ".dbf"};
  const char *dot = strrchr(name, '.');
  for (guint i = 0; dot && i < G_N_ELEMENTS(endings); i++)
    if (g_ascii_strcasecmp(dot, endings[i]) == 0) return TRUE;
  return FALSE;
}

/* The archives' own directory, what holds it, and its own parts are no delivery; what a page took in lies in one of them. */
static gboolean check_outside(const House *house, const AccessionSource *source, const char *path, GError **error) {
  static const char *const parts[] = {"store", "store-staging", "deliveries", "journal", "definitions", "derivatives", "tmp", "lantai.db", "lantai.db-wal",
    "lantai.db-shm", "lantai.lock", "lantai.yaml", "secret.key", NULL};
  g_autofree char *own = realpath(house->dir, NULL), *given = realpath(path, NULL);
  if (own == NULL || given == NULL || source->take_files) return TRUE;
  gboolean inside = lies_in(given, own) && !g_str_equal(given, own);
  g_autofree char *part = inside ? g_strndup(given + strlen(own) + 1, strcspn(given + strlen(own) + 1, "/")) : NULL;
  if (inside ? !g_strv_contains(parts, part) : !lies_in(own, given)) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "%s 是本馆自己的数据目录、其中的一部分，或包含着它，不能当作移交来的档案。请给出别的路径", path);
}

static gboolean take_source(const House *house, const AccessionSource *source, Incoming *in, GError **error) {
  if (source->path == NULL || !*source->path) return throw(error, LANTAI_ERROR_INVALID, "没有给出要导入的文件");
  g_autofree char *whole = g_canonicalize_filename(source->path, NULL);
  g_autofree char *base = g_path_get_basename(source->file_name && *source->file_name ? source->file_name : whole);
  if (!take_words(house, source, base, in, error)) return FALSE;
  if (!g_file_test(whole, G_FILE_TEST_EXISTS)) return throw(error, LANTAI_ERROR_NOT_FOUND, "%s 不存在。请核对路径", source->path);
  if (!check_outside(house, source, whole, error) || (source->files && !check_outside(house, source, source->files, error))) return FALSE;
  gboolean table = source->table_only || (!g_file_test(whole, G_FILE_TEST_IS_DIR) && (is_called_table(base) || package_is_table(whole)));
  in->kind = table ? "table" : "package";
  in->package = table ? g_strdup("") : g_steal_pointer(&whole);
  in->documents = source->files && *source->files ? g_canonicalize_filename(source->files, NULL) : g_strdup("");
  if (!table && *in->documents) return throw(error, LANTAI_ERROR_INVALID, "移交包中已有原文，不能再另交原文包。请只交移交包，或交目录表和原文包");
  return !*in->documents || g_file_test(in->documents, G_FILE_TEST_EXISTS) ||
    throw(error, LANTAI_ERROR_NOT_FOUND, "原文目录或 zip 包 %s 不存在", source->files);
}

/* For a file that a page took in, its place says nothing: its size and digest stand for it. */
static char *file_mark(const char *path, gboolean taken) {
  if (!taken || !*path) return g_strdup(path);
  g_autoptr(Digest) digest = digest_new(DIGEST_SM3);
  g_autofree char *buffer = g_malloc(DIGEST_BYTES);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (ssize_t got; fd >= 0 && (got = read(fd, buffer, DIGEST_BYTES)) > 0;) digest_update(digest, buffer, (gsize)got);
  if (fd >= 0) close(fd);
  return digest_finish_hex(digest);
}

/* What makes it the same delivery when it is sent again while the former is unfinished. A package that a page took in is always another one: reading
 * gigabytes for it would keep the asker waiting. */
static char *fingerprint_of(const AccessionSource *source, const Incoming *in, const char *digest) {
  g_autofree char *columns = source->columns ? json_dumps(source->columns, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
  g_autofree char *documents = file_mark(in->documents, source->take_files);
  g_autofree char *package = *in->package && source->take_files ? crypto_random_token(16) : g_strdup(in->package);
  g_autofree char *category = g_strconcat(in->category, g_str_equal(in->stage, "transfer") ? NULL : "\t", in->stage, NULL);
  g_autofree char *all = g_strjoin("\n", digest, in->name, documents, source->mapping ? source->mapping : "", columns ? columns : "", in->fonds,
    in->fonds_title, category, in->body, *package ? package : NULL, NULL);
  return crypto_digest_hex(DIGEST_SM3, all, strlen(all));
}

static gboolean move_in(const char *from, const char *folder, const char *name, GError **error) {
  g_autofree char *to = g_build_filename(folder, name, NULL);
  if (g_rename(from, to) == 0) return TRUE;
  if (!file_copy(from, to, NULL, error)) return FALSE;
  g_unlink(from);
  return TRUE;
}

static char *subfolder(const char *folder, const char *name, GError **error) {
  char *path = g_build_filename(folder, name, NULL);
  if (g_mkdir(path, 0700) == 0) return path;
  throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", path, error_reason(errno));
  g_free(path);
  return NULL;
}

static char *plain_name(const Incoming *in) {
  gboolean plain = *in->base && *in->base != '.' && strchr(in->base, '/') == NULL;
  return plain ? name_shorten(in->base, FILE_NAME_BYTES) : g_strdup("source");
}

static gboolean read_layout(const House *house, const AccessionSource *source, Incoming *in, const char *copy, GError **error) {
  GError *failure = NULL;
  json_t *layout = layout_read(copy, &failure);
  if (layout == NULL) {
    if (strstr(failure->message, in->base) == NULL) g_prefix_error(&failure, "“%s”：", in->base);
    g_propagate_error(error, failure);
    return FALSE;
  }
  json_decref(in->layout);
  in->layout = layout;
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

static gboolean copy_in(const House *house, const AccessionSource *source, Incoming *in, GError **error) {
  g_autofree char *deliveries = g_build_filename(house->dir, "deliveries", NULL), *template = g_build_filename(deliveries, "incoming-XXXXXX", NULL);
  if (g_mkdir_with_parents(deliveries, 0700) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", deliveries, error_reason(errno));
  sweep_leftovers(deliveries);
  if (g_mkdtemp_full(template, 0700) == NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", template, error_reason(errno));
  in->folder = g_steal_pointer(&template);
  g_autofree char *folder = subfolder(in->folder, "source", error), *digest = NULL;
  if (folder == NULL) return FALSE;
  g_autofree char *name = plain_name(in), *copy = g_build_filename(folder, name, NULL);
  gboolean table = !*in->package;
  if (table && !file_copy(source->path, copy, &digest, error)) return FALSE;
  in->fingerprint = fingerprint_of(source, in, digest ? digest : "");
  return !table || read_layout(house, source, in, copy, error);
}

/* Temporary files go into the delivery's folder, by rename where that is possible; last, when nothing else can be refused. */
static gboolean take_files(const AccessionSource *source, Incoming *in, GError **error) {
  if (!source->take_files) return TRUE;
  if (*in->documents) return move_in(in->documents, in->folder, "documents", error);
  if (!*in->package) return TRUE;
  g_autofree char *folder = subfolder(in->folder, "package", error), *name = plain_name(in);
  return folder && move_in(in->package, folder, name, error);
}

/* Where they are once the folder has its number, as it is kept. */
static void place_files(const House *house, const AccessionSource *source, Incoming *in, gint64 id) {
  g_autofree char *documents = g_steal_pointer(&in->documents), *package = g_steal_pointer(&in->package), *folder = delivery_path(house, id, "package"),
    *name = plain_name(in), *own_documents = delivery_path(house, id, "documents"), *own_package = g_build_filename(folder, name, NULL);
  in->documents = delivery_kept(house, *documents && source->take_files ? own_documents : documents);
  in->package = delivery_kept(house, *package && source->take_files ? own_package : package);
}

/* ---- the row ---- */

static gboolean tell(Sql *sql, const char *actor, const char *action, gint64 id, const Incoming *in, gint64 now_us, GError **error) {
  g_autofree char *layout = json_dumps(in->layout, JSON_COMPACT | JSON_SORT_KEYS);
  json_t *event = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:s, s:s, s:O, s:s}", "created_at", (json_int_t)now_us, "name", in->name, "body",
    in->body, "fonds", in->fonds, "fonds_title", in->fonds_title, "category", in->category, "source", in->base, "documents", in->documents, "fingerprint",
    in->fingerprint, "layout", in->layout, "kind", in->kind, "package", in->package, "declared", in->declared, "stage",
    in->stage);
  gboolean good = journal_append(sql, actor, action, "accession", id, event, error) != 0;
  json_decref(event);
  return good;
}

static gboolean insert_row(Sql *sql, const char *actor, gint64 id, const Incoming *in, GError **error) {
  g_autofree char *layout = json_dumps(in->layout, JSON_COMPACT | JSON_SORT_KEYS), *declared = json_dumps(in->declared, JSON_COMPACT | JSON_SORT_KEYS);
  gint64 now_us = clock_now_us();
  return sql_exec(sql, "INSERT INTO accession (id, name, state, body, fonds, fonds_title, category, source, documents, fingerprint, layout, actor, created_at, "
    "kind, package, declared, stage) VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    SQL_ARGS(sql_int(id), sql_text(in->name), sql_text(in->body), sql_text(in->fonds), sql_text(in->fonds_title), sql_text(in->category), sql_text(in->base),
      sql_text(in->documents), sql_text(in->fingerprint), sql_text(layout), sql_text(actor), sql_int(now_us), sql_text(in->kind), sql_text(in->package),
      sql_text(declared), sql_text(in->stage)), error) && tell(sql, actor, "accession.receive", id, in, now_us, error);
}

/* What the delivery is called and where it goes stays as it was registered, unless it is said anew. */
static void keep_former(json_t *delivery, const AccessionSource *source, Incoming *in) {
  const struct { char **slot; const char *key; const char *said; } kept[] = {
    {&in->name, "name", source->name}, {&in->body, "body", NULL}, {&in->fonds, "fonds", source->fonds}, {&in->fonds_title, "fonds_title", source->fonds_title},
    {&in->category, "category", source->category},
  };
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    if (kept[i].said && *kept[i].said) continue;
    g_free(*kept[i].slot);
    *kept[i].slot = g_strdup(text_at(delivery, kept[i].key));
  }
  if (source->stage == NULL || !*source->stage) in->stage = stage_take(text_at(delivery, "stage"), NULL);
  json_t *declared = json_loads(text_at(delivery, "declared"), 0, NULL);
  json_object_update_missing(in->declared, declared);
  json_decref(declared);
}

static gboolean update_row(Sql *sql, const char *actor, gint64 id, const Incoming *in, GError **error) {
  g_autofree char *layout = json_dumps(in->layout, JSON_COMPACT | JSON_SORT_KEYS), *declared = json_dumps(in->declared, JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(sql, "UPDATE accession SET name = $1, fonds = $2, fonds_title = $3, category = $4, source = $5, documents = $6, fingerprint = $7, "
    "layout = $8, kind = $9, package = $10, declared = $11, stage = $12, found = '{}', survey = '{}', digest = '', failure = '', check_id = 0 WHERE id = $13",
    SQL_ARGS(sql_text(in->name), sql_text(in->fonds), sql_text(in->fonds_title), sql_text(in->category), sql_text(in->base), sql_text(in->documents),
      sql_text(in->fingerprint), sql_text(layout), sql_text(in->kind), sql_text(in->package), sql_text(declared), sql_text(in->stage),
      sql_int(id)), error) &&
    tell(sql, actor, "accession.source", id, in, clock_now_us(), error);
}

static gint64 next_id(Sql *sql, GError **error) {
  return sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS next_id FROM accession", SQL_NONE, 0, error);
}

/* The same source while an earlier delivery of it is unfinished; a package is surveyed anew, for it may have been mended where it lies. */
static gint64 find_unfinished(Sql *sql, const Incoming *in, GError **error) {
  GError *failure = NULL;
  gint64 id = sql_number(sql, "SELECT id FROM accession WHERE fingerprint = $1 AND state IN ('received', 'checking', 'rehearsed', 'loading', 'attaching') "
    "ORDER BY id DESC LIMIT 1", SQL_ARGS(sql_text(in->fingerprint)), 0, &failure);
  if (id && *in->package && sql_exec(sql, "UPDATE accession SET found = '{}' WHERE id = $1 AND state IN ('received', 'checking', 'rehearsed')",
      SQL_ARGS(sql_int(id)), &failure)) sql_commit(sql, &failure);
  if (failure == NULL) return id;
  g_propagate_error(error, failure);
  return -1;
}

static gboolean settle_folder(const House *house, Sql *sql, Incoming *in, gint64 id, GError **error) {
  g_autofree char *folder = delivery_path(house, id, NULL);
  if (!folder_remove(folder) || g_rename(in->folder, folder) != 0) return throw(error, LANTAI_ERROR_UNAVAILABLE, "不能建立目录 %s：%s", folder,
    error_reason(errno));
  g_free(in->folder);
  in->folder = g_steal_pointer(&folder); /* removed again if the commit fails */
  if (!fault_point("accession.receive") || !sql_commit(sql, error)) return throw(error, LANTAI_ERROR_UNAVAILABLE, "批次没有记下。请再试一次");
  g_clear_pointer(&in->folder, g_free);
  return TRUE;
}

static gint64 make_row(const House *house, const char *actor, const AccessionSource *source, Incoming *in, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 unfinished = sql ? find_unfinished(sql, in, error) : -1;
  if (unfinished) return MAX(unfinished, 0);
  gint64 id = next_id(sql, error);
  if (id == 0 || !take_files(source, in, error)) return 0;
  place_files(house, source, in, id);
  gboolean good = insert_row(sql, actor, id, in, error) && life_move(sql, actor, id, &(LifeStep){"received", NULL, NULL}, error) &&
    settle_folder(house, sql, in, id, error);
  return good ? id : 0;
}

static gint64 send_again(const House *house, const char *actor, const AccessionSource *source, Incoming *in, GError **error) {
  gint64 id = source->delivery;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return 0;
  keep_former(delivery, source, in);
  json_decref(delivery);
  if (!delivery_idle(sql, id, error)) return 0;
  if (!life_move(sql, actor, id, &(LifeStep){"received", NULL, NULL}, error) || !take_files(source, in, error)) return 0;
  place_files(house, source, in, id);
  return update_row(sql, actor, id, in, error) && settle_folder(house, sql, in, id, error) ? id : 0;
}

gint64 accession_receive(const House *house, const char *actor, const AccessionSource *source, GError **error) {
  g_auto(Incoming) in = {0};
  if (!take_source(house, source, &in, error) || !copy_in(house, source, &in, error)) return 0;
  return source->delivery ? send_again(house, actor, source, &in, error) : make_row(house, actor, source, &in, error);
}

/* ---- without files, and documents alone ---- */

gint64 accession_register(const House *house, const char *actor, const AccessionSource *announced, GError **error) {
  g_auto(Incoming) in = {.kind = "none"};
  const AccessionSource source = {.name = announced->name, .body = announced->body, .declared = announced->declared, .stage = announced->stage};
  if (!take_words(house, &source, "", &in, error)) return 0;
  if (!*in.name) return throw(error, LANTAI_ERROR_INVALID, "请填写交接工作名称");
  in.documents = g_strdup("");
  in.package = g_strdup("");
  in.fingerprint = crypto_random_token(16);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql ? next_id(sql, error) : 0;
  gboolean good = id && insert_row(sql, actor, id, &in, error) && life_move(sql, actor, id, &(LifeStep){"registered", NULL, NULL}, error) &&
    sql_commit(sql, error);
  return good ? id : 0;
}

/* A crash between the files and the commit leaves the new ones under the old row: the next rehearsal reads them, nothing is lost. */
gboolean accession_replace_documents(const House *house, const char *actor, gint64 id, const char *file, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return FALSE;
  gboolean table = g_str_equal(text_at(delivery, "kind"), "table"), fits = delivery_is(delivery, "received checking rehearsed");
  json_decref(delivery);
  if (!table || !fits) return throw(error, LANTAI_ERROR_CONFLICT, table ? "批次 %" G_GINT64_FORMAT " 现在不能更换原文包。已入库的请先撤销，再重新接收" :
    "批次 %" G_GINT64_FORMAT " 是整包移交的，原文在移交包中。请重新上传整包", id);
  if (!delivery_idle(sql, id, error)) return FALSE;
  g_autofree char *folder = delivery_path(house, id, NULL), *unpacked = delivery_path(house, id, "files"), *place = delivery_path(house, id, "documents"),
    *kept = delivery_kept(house, place);
  if (!life_move(sql, actor, id, &(LifeStep){"received", "更换原文包", NULL}, error)) return FALSE;
  if (!folder_remove(unpacked) || !folder_remove(place) || !move_in(file, folder, "documents", error)) return FALSE;
  json_t *event = json_pack("{s:s}", "documents", kept);
  gboolean good = sql_exec(sql, "UPDATE accession SET documents = $1, survey = '{}', digest = '', failure = '', check_id = 0 WHERE id = $2",
    SQL_ARGS(sql_text(kept), sql_int(id)), error) && journal_append(sql, actor, "accession.documents", "accession", id, event, error) != 0 &&
    sql_commit(sql, error);
  json_decref(event);
  return good;
}
