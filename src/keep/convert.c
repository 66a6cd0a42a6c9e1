/*
 * Conversion by policy: a further file beside the original, never instead of it.
 *
 * 1. A result is kept only when convert_check finds it to be what it should be. Else it is a failure with a reason, and nothing of it stays.
 * 2. Result, provenance (conversions.json in the object), file row, text, row of keep_conversion and event come into being together.
 * 3. Undoing one makes a new version without the result; the object's history keeps both.
 */
#include "internal.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 64 << 20, LIST_RECORDS = 200 };

typedef struct {
  gint64 record_id;
  char *actor;
  const char *way, *to;     /* as the register names it; the converter's target */
  CatalogRecord *record;
  GPtrArray *sources;       /* CatalogFile: one, or all page images when they are assembled */
  GPtrArray *disks;         /* char*, where these lie; NULL-ended once all are found */
  char *object, *made, *tool, *result_path, *name;
  FormatInfo info;     /* of the result */
  guint pages;
} Conversion;

/* ---- texts of the result ---- */

typedef struct { const House *house; Sql *sql; gint64 record_id, file_id; int first, pages; gsize bytes; } TextInto;

static gboolean put_text(guint page, const char *text, gpointer data, GError **error) {
  TextInto *into = data;
  into->bytes += strlen(text);
  if (into->bytes > TEXT_BYTES_MAX || (int)page > into->pages || into->first + (int)page > 65535) return TRUE;
  return catalog_page_text_put(into->house, into->sql, into->record_id, into->file_id, into->first + (int)page, text, error);
}

/* The number before the file's first page: each file takes as many as it has pages, at least one. */
static int pages_before(GPtrArray *files, gint64 file_id) {
  int page = 0;
  for (guint i = 0; i < files->len && ((const CatalogFile *)files->pdata[i])->id != file_id; i++)
    page += MAX(1, ((const CatalogFile *)files->pdata[i])->page_count);
  return page;
}

/* The row, the text and the register, as the event tells them; used by the conversion and by a rebuild alike. */
static gboolean apply_conversion(const House *house, Sql *sql, json_t *data, const char *disk, const char *actor, GError **error) {
  json_t *before = json_object_get(data, "before"), *after = json_object_get(data, "after");
  gint64 record_id = json_number_of(data, "record");
  CatalogFile file = {.record_id = record_id, .name = (char *)json_word(after, "name"), .path = (char *)json_word(after, "path"),
    .mime = (char *)json_word(after, "mime"),
    .puid = (char *)json_word(after, "puid"), .kind = (char *)json_word(after, "kind"), .size_bytes = json_number_of(after, "size"),
    .sha512 = (char *)json_word(after, "sha512"), .sm3 = (char *)json_word(after, "sm3"), .page_count = (int)json_number_of(after, "pages")};
  if (!catalog_file_add(house, sql, &file, error)) return FALSE;
  g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record_id, error);
  if (files == NULL) return FALSE;
  TextInto into = {house, sql, record_id, file.id, pages_before(files, file.id), MAX(1, file.page_count), 0};
  FormatInfo info = {.mime = file.mime, .puid = file.puid, .name = "", .kind = file.kind};
  if (disk != NULL && !format_text_pages(disk, &info, put_text, &into, error)) return FALSE;
  g_autofree char *was = json_line(before), *is = json_line(after);
  return sql_exec(sql,
    "INSERT INTO keep_conversion (id, record_id, source_path, result_path, converter, tool, before, after, actor, at_us) VALUES ($1, $2, $3, $4, $5, "
    "$6, $7, $8, $9, $10)", SQL_ARGS(sql_int(json_number_of(data, "conversion")), sql_int(record_id), sql_text(json_word(before, "path")), sql_text(file.path),
      sql_text(json_word(data, "converter")), sql_text(json_word(data, "tool")), sql_text(was), sql_text(is), sql_text(actor), sql_int(json_number_of(data, "at"))),
    error) && sql_exec(sql, "DELETE FROM keep_conversion_failure WHERE record_id = $1 AND source_path = $2 AND converter = $3", SQL_ARGS(sql_int(record_id),
      sql_text(json_word(before, "path")), sql_text(json_word(data, "converter"))), error);
}

/* ---- making ---- */

const FormatConverter *convert_maker(const char *way) { return format_converter(g_str_equal(way, CONVERT_ASSEMBLE) ? "pdf" : way); }

static const CatalogFile *source_of(const Conversion *c, guint i) { return c->sources->pdata[i]; }

/* Invariant 1. Page images keep their number; how many pages a document has, only the result tells. */
static gboolean check_result(Conversion *c, GError **error) {
  guint wanted = 0;
  for (guint i = 0; i < c->sources->len && g_str_equal(source_of(c, i)->kind, "image"); i++) {
    FormatInfo from = {.mime = source_of(c, i)->mime, .puid = source_of(c, i)->puid, .name = "", .kind = source_of(c, i)->kind};
    wanted += MAX(format_page_count(c->disks->pdata[i], &from), 1);
  }
  return convert_check(c->made, c->to, wanted, &c->info, &c->pages, error);
}

static json_t *file_told(const CatalogFile *file) {
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:i}", "name", file->name, "path", file->path, "mime", file->mime, "puid", file->puid, "kind",
    file->kind,
    "size", (json_int_t)file->size_bytes, "sha512", file->sha512, "sm3", file->sm3, "pages", file->page_count);
}

/* One file, or all that were assembled as one: the first's name and format, the sum of sizes and pages, and each of them in files. */
static json_t *sources_told(const Conversion *c) {
  if (!g_str_equal(c->way, CONVERT_ASSEMBLE)) return file_told(source_of(c, 0));
  json_t *files = json_array();
  gint64 bytes = 0;
  int pages = 0;
  for (guint i = 0; i < c->sources->len; i++) {
    json_array_append_new(files, file_told(source_of(c, i)));
    bytes += source_of(c, i)->size_bytes;
    pages += MAX(source_of(c, i)->page_count, 1);
  }
  g_autofree char *name = g_strdup_printf("%s 等 %u 个图像", source_of(c, 0)->name, c->sources->len);
  return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:o}", "name", name, "path", "", "mime", source_of(c, 0)->mime, "puid", source_of(c, 0)->puid, "kind",
    "image", "size", (json_int_t)bytes, "pages", pages, "files", files);
}

/* The first number that no file of the object has, present or former. */
static char *free_path(Sql *sql, gint64 record_id, const char *extension) {
  gint64 count = sql_number(sql, "SELECT COUNT(*) AS count FROM keep_conversion WHERE record_id = $1", SQL_ARGS(sql_int(record_id)), 0, NULL);
  return g_strdup_printf("derived/%04d.%s", (int)count + 1, extension);
}

/* What the object tells of its conversions: those in force, with this one or without the one undone. */
static char *provenance(Sql *sql, gint64 record_id, json_t *added, gint64 without, GError **error) {
  json_auto_t *rows = sql_json(sql,
    "SELECT id, converter, tool, before, after, actor, at_us AS at FROM keep_conversion WHERE record_id = $1 AND undone_us = 0 AND id <> $2 "
    "ORDER BY id", SQL_ARGS(sql_int(record_id), sql_int(without)), error);
  if (rows == NULL) return NULL;
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    static const char *const SIDES[] = {"before", "after"};
    for (guint k = 0; k < G_N_ELEMENTS(SIDES); k++) json_object_set_new(row, SIDES[k], json_loads(json_word(row, SIDES[k]), 0, NULL));
  }
  if (added != NULL) json_array_append(rows, added);
  char *text = json_dumps(rows, JSON_INDENT(2) | JSON_SORT_KEYS), *owned = g_strconcat(text, "\n", NULL);
  free(text);
  return owned;
}

static ContentBatch *publish(const House *house, ContentStage *taken, GError **error) {
  g_autoptr(ContentBatch) batch = content_batch_new(house->content);
  content_batch_take(batch, taken);
  return content_batch_publish(batch, error) ? g_steal_pointer(&batch) : NULL;
}

static gboolean stage_texts(const House *house, ContentStage *stage, const CatalogRecord *record, int files, const char *told, GError **error) {
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  after->file_count = files;
  g_autofree char *metadata = catalog_metadata_json(house->catalog, after);
  return content_stage_add_bytes(stage, "metadata.json", metadata, strlen(metadata), error) != NULL &&
    content_stage_add_bytes(stage, "conversions.json", told, strlen(told), error) != NULL;
}

static const ContentFile *stage_result(ContentStage *stage, const Conversion *c, GError **error) {
  int fd = open(c->made, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "读不到转换结果");
  const ContentFile *stored = content_stage_add_fd(stage, c->result_path, fd, error);
  close(fd);
  return stored;
}

static json_t *event_of(const Conversion *c, gint64 id, const ContentFile *stored) {
  json_t *after = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:i}", "name", c->name, "path", c->result_path, "mime", c->info.mime, "puid",
    c->info.puid, "kind",
    c->info.kind, "size", (json_int_t)stored->size_bytes, "sha512", stored->sha512, "sm3", stored->sm3, "pages", (int)c->pages);
  return json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:o, s:o}", "conversion", (json_int_t)id, "record", (json_int_t)c->record_id, "converter", c->way,
    "tool", c->tool, "actor",
    c->actor, "at", (json_int_t)clock_now_us(), "before", sources_told(c), "after", after);
}

static gboolean keep_result(const House *house, Conversion *c, GError **error) {
  g_autoptr(Sql) look = sql_read(house->db, error);
  if (look == NULL) return FALSE;
  c->result_path = free_path(look, c->record_id, format_converter(c->to)->extension);
  gboolean assembled = g_str_equal(c->way, CONVERT_ASSEMBLE);
  c->name = g_strdup_printf("%s.%s", assembled ? c->record->code : source_of(c, 0)->name, format_converter(c->to)->extension);
  g_strdelimit(c->name, "/\\", '-');
  gint64 id = sql_number(look, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM keep_conversion", SQL_NONE, 0, error);
  g_autoptr(ContentStage) stage = id == 0 ? NULL : content_stage_new(house->content, c->object, c->actor, "格式转换", error);
  const ContentFile *stored = stage ? stage_result(stage, c, error) : NULL;
  if (stored == NULL) return FALSE;
  json_auto_t *data = event_of(c, id, stored);
  g_autofree char *told = provenance(look, c->record_id, data, 0, error);
  g_clear_pointer(&look, sql_end);
  if (told == NULL || !stage_texts(house, stage, c->record, c->record->file_count + 1, told, error)) return FALSE;
  g_autoptr(ContentBatch) batch = publish(house, g_steal_pointer(&stage), error);
  g_autoptr(Sql) sql = batch ? sql_write(house->db, error) : NULL;
  gint64 rev_before = sql ? catalog_rev_last(sql, error) : -1;
  return rev_before >= 0 && apply_conversion(house, sql, data, c->made, c->actor, error) &&
    tell_change(sql, c->actor, "keep.converted", c->record_id, data, rev_before, error) && content_batch_acknowledge(batch, sql, error) && sql_commit(sql, error);
}

static gboolean make_result(const House *house, Conversion *c, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir, "tmp", NULL), *name = g_strdup_printf("convert-%" G_GINT64_FORMAT, source_of(c, 0)->id);
  g_mkdir_with_parents(folder, 0700);
  c->made = g_build_filename(folder, name, NULL);
  for (guint i = 0; i < c->sources->len; i++) {
    char *disk = content_path(house->content, c->object, source_of(c, i)->path, error);
    if (disk == NULL) return FALSE;
    g_ptr_array_add(c->disks, disk);
  }
  g_ptr_array_add(c->disks, NULL);
  return format_convert((const char *const *)c->disks->pdata, c->to, c->made, &c->tool, error) && check_result(c, error) && keep_result(house, c, error);
}

/* file_id 0: all page images of the record, in their order. */
static GPtrArray *load_sources(Sql *sql, gint64 record_id, gint64 file_id, GError **error) {
  g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record_id, error);
  if (files == NULL) return NULL;
  for (guint i = files->len; i > 0; i--) {
    const CatalogFile *file = files->pdata[i - 1];
    gboolean wanted = file_id != 0 ? file->id == file_id : g_str_equal(file->kind, "image") && !g_str_has_prefix(file->path, "derived/");
    if (!wanted) g_ptr_array_remove_index(files, i - 1);
  }
  if (file_id != 0 && files->len == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "要转换的文件已经不在这件档案里");
  if (file_id == 0 && files->len < 2) return throw_null(error, LANTAI_ERROR_CONFLICT, "这件档案没有两个以上的页面图像，不用合并");
  return g_steal_pointer(&files);
}

static gboolean convert_file(const House *house, const char *actor, gint64 record_id, gint64 file_id, const char *way, GError **error) {
  gboolean assemble = g_str_equal(way, CONVERT_ASSEMBLE);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, &SCOPE_EVERYTHING, record_id, error) : NULL;
  if (record == NULL) return FALSE;
  if (assemble && assemble_done(sql, record_id)) return TRUE;
  g_autoptr(GPtrArray) sources = load_sources(sql, record_id, assemble ? 0 : file_id, error), disks = g_ptr_array_new_with_free_func(g_free);
  g_clear_pointer(&sql, sql_end);
  if (sources == NULL) return FALSE;
  Conversion c = {.record_id = record_id, .actor = (char *)actor, .way = way, .to = convert_maker(way)->to, .record = record, .sources = sources, .disks = disks,
    .object = catalog_object_id(record_id)};
  gboolean done = make_result(house, &c, error);
  if (c.made != NULL) g_unlink(c.made);
  char *texts[] = {c.object, c.made, c.tool, c.result_path, c.name};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  return done;
}

/* ---- the job: every original of a format that has no result yet ---- */

json_t *convert_plan(Sql *sql, const char *puid, const char *mime, GError **error) {
  return sql_row_json(sql, "SELECT COUNT(*) AS files, COALESCE(SUM(f.size_bytes), 0) AS bytes FROM file AS f WHERE f.puid = $1 AND f.mime = $2 AND f.path NOT LIKE "
    "'derived/%' AND NOT EXISTS (SELECT 1 FROM keep_conversion AS c WHERE c.record_id = f.record_id AND c.source_path = f.path AND c.undone_us = 0)",
    SQL_ARGS(sql_text(puid), sql_text(mime)), error);
}

/* In the order of the index on formats, small ones first: the next page begins where the last one ended, nothing is sorted. */
static json_t *next_files(Sql *sql, json_t *parameters, json_t *last, GError **error) {
  return sql_json(sql,
    "SELECT f.id, f.record_id, f.path, f.size_bytes FROM file AS f WHERE f.puid = $1 AND f.mime = $2 AND (f.size_bytes, f.id) > ($3, $4) AND "
    "f.path NOT LIKE 'derived/%' AND NOT EXISTS (SELECT 1 FROM keep_conversion AS c WHERE c.record_id = f.record_id AND c.source_path = f.path AND "
    "c.undone_us = 0) ORDER BY f.size_bytes, f.id LIMIT $5", SQL_ARGS(sql_text(json_word(parameters, "puid")), sql_text(json_word(parameters, "mime")),
    sql_int(last ? json_number_of(last, "size_bytes") : -1), sql_int(json_number_of(last, "id")), sql_int(LIST_RECORDS)), error);
}

static gboolean note_failure(const House *house, json_t *parameters, json_t *file, const char *reason, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  return sql && sql_exec(sql,
    "INSERT INTO keep_conversion_failure (record_id, source_path, converter, puid, mime, reason, at_us) VALUES ($1, $2, $3, $4, $5, $6, $7) "
    "ON CONFLICT (record_id, source_path, converter) DO UPDATE SET reason = excluded.reason, at_us = excluded.at_us", SQL_ARGS(sql_int(json_number_of(file,
      "record_id")),
      sql_text(json_word(file, "path")), sql_text(json_word(parameters, "to")), sql_text(json_word(parameters, "puid")), sql_text(json_word(parameters, "mime")),
      sql_text(reason), sql_int(clock_now_us())), error) && sql_commit(sql, error);
}

/* FALSE when nothing further can go well: the tool is absent, the disk is full. */
static gboolean convert_one(const House *house, Job *job, json_t *parameters, json_t *file, GError **error) {
  g_autoptr(GError) failure = NULL;
  if (convert_file(house, job_actor(job), json_number_of(file, "record_id"), json_number_of(file, "id"), json_word(parameters, "to"), &failure)) return TRUE;
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_UNAVAILABLE)) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return note_failure(house, parameters, file, failure->message, error);
}

gboolean convert_run(const House *house, Job *job, json_t *parameters, GError **error) {
  const FormatConverter *converter = convert_maker(json_word(parameters, "to"));
  gboolean assemble = g_str_equal(json_word(parameters, "to"), CONVERT_ASSEMBLE);
  if (converter == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有指定转换成什么格式");
  if (!format_converter_present(converter))
    return throw(error, LANTAI_ERROR_UNAVAILABLE, "没有安装 %s，不能转换。请在服务器上安装软件包 %s 后再试", converter->tool, converter->package);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *plan = sql ? (assemble ? assemble_plan : convert_plan)(sql, json_word(parameters, "puid"), json_word(parameters, "mime"), error) : NULL;
  g_clear_pointer(&sql, sql_end);
  if (plan == NULL) return FALSE;
  gint64 done = 0;
  json_auto_t *last = NULL;
  for (size_t count = LIST_RECORDS; count == LIST_RECORDS;) {
    g_autoptr(Sql) look = sql_read(house->db, error);
    json_auto_t *files = look == NULL ? NULL : assemble ? assemble_next(look, parameters, json_number_of(last, "id"), error) :
      next_files(look, parameters, last, error);
    g_clear_pointer(&look, sql_end);
    if (files == NULL) return FALSE;
    count = json_array_size(files);
    for (size_t i = 0; i < count; i++) {
      if (job_should_stop(job)) return TRUE;
      json_t *file = json_array_get(files, i);
      json_decref(last);
      last = json_incref(file);
      if (!convert_one(house, job, parameters, file, error)) return FALSE;
      job_progress(job, ++done, json_number_of(plan, assemble ? "records" : "files"), assemble ? "件" : "个文件", assemble ? "合并" : "转换");
    }
  }
  return TRUE;
}

/* ---- undoing ---- */

static CatalogFile *result_row(Sql *sql, gint64 record_id, const char *path, GError **error) {
  gint64 file_id = sql_number(sql, "SELECT id FROM file WHERE record_id = $1 AND path = $2", SQL_ARGS(sql_int(record_id), sql_text(path)), 0, error);
  if (file_id == 0) return throw_null(error, LANTAI_ERROR_CONFLICT, "转换结果已经不在这件档案里");
  return catalog_file_load(sql, &SCOPE_EVERYTHING, file_id, error);
}

static gboolean apply_undo(const House *house, Sql *sql, json_t *data, const char *actor, GError **error) {
  g_autoptr(CatalogFile) file = result_row(sql, json_number_of(data, "record"), json_word(data, "path"), error);
  return file != NULL && catalog_file_remove(house, sql, file->id, error) &&
    sql_exec(sql, "UPDATE keep_conversion SET undone_by = $1, undone_us = $2 WHERE id = $3", SQL_ARGS(sql_text(actor), sql_int(json_number_of(data, "at")),
      sql_int(json_number_of(data, "conversion"))), error);
}

static ContentBatch *publish_without(const House *house, Sql *sql, json_t *row, const CatalogRecord *record, const char *actor, GError **error) {
  g_autofree char *object = catalog_object_id(record->id), *told = provenance(sql, record->id, NULL, json_number_of(row, "id"), error);
  g_autoptr(ContentStage) stage = told ? content_stage_new(house->content, object, actor, "撤销格式转换", error) : NULL;
  if (stage == NULL || !content_stage_remove(stage, json_word(row, "result_path"), error) ||
    !stage_texts(house, stage, record, MAX(record->file_count - 1, 0), told, error)) return NULL;
  return publish(house, g_steal_pointer(&stage), error);
}

gboolean convert_undo(const House *house, const Scope *scope, const char *actor, gint64 id, GError **error) {
  g_autoptr(Sql) look = sql_read(house->db, error);
  json_auto_t *row = look ? sql_row_json(look, "SELECT id, record_id, result_path, undone_us FROM keep_conversion WHERE id = $1", SQL_ARGS(sql_int(id)),
    error) : NULL;
  g_autoptr(CatalogRecord) record = row ? catalog_record_load(look, scope, json_number_of(row, "record_id"), error) : NULL;
  if (record == NULL) return FALSE;
  if (json_number_of(row, "undone_us") != 0) return throw(error, LANTAI_ERROR_CONFLICT, "这次转换已经撤销");
  g_autoptr(CatalogFile) file = result_row(look, record->id, json_word(row, "result_path"), error);
  g_autoptr(ContentBatch) batch = file ? publish_without(house, look, row, record, actor, error) : NULL;
  g_clear_pointer(&look, sql_end);
  g_autoptr(Sql) sql = batch ? sql_write(house->db, error) : NULL;
  gint64 rev_before = sql ? catalog_rev_last(sql, error) : -1;
  if (rev_before < 0) return FALSE;
  json_auto_t *data = json_pack("{s:I, s:I, s:s, s:I}", "conversion", (json_int_t)id, "record", (json_int_t)record->id, "path", json_word(row, "result_path"), "at",
    (json_int_t)clock_now_us());
  return apply_undo(house, sql, data, actor, error) && tell_change(sql, actor, "keep.unconverted", record->id, data, rev_before, error) &&
    content_batch_acknowledge(batch, sql, error) && sql_commit(sql, error);
}

/* ---- rebuilding ---- */

gboolean convert_replay(const House *house, Sql *sql, json_t *event, gboolean *ret_mine, GError **error) {
  const char *action = json_word(event, "action"), *actor = json_word(event, "actor");
  json_t *data = json_object_get(event, "data");
  *ret_mine = TRUE;
  if (g_str_equal(action, "keep.unconverted")) return apply_undo(house, sql, data, actor, error);
  if (g_str_equal(action, "keep.converted")) {
    g_autofree char *object = catalog_object_id(json_number_of(data, "record"));
    g_autofree char *disk = content_path(house->content, object, json_word(json_object_get(data, "after"), "path"), NULL); /* gone when undone or destroyed later */
    return apply_conversion(house, sql, data, disk, actor, error);
  }
  *ret_mine = FALSE;
  return TRUE;
}
