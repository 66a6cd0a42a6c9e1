/*
 * Which records have page images to be assembled into one PDF: at least two originals that are images, and no assembly in force.
 *
 * 1. An assembly has the empty path as its source (all page images); a file's own conversions are not touched by it, nor it by them.
 * 2. A record with images of several formats is assembled once, with all of them in their order, for whichever of its formats it was asked.
 */
#include "internal.h"

enum { RECORDS = 200 };

gboolean assemble_done(Sql *sql, gint64 record_id) {
  return sql_number(sql, "SELECT id FROM keep_conversion WHERE record_id = $1 AND source_path = '' AND undone_us = 0", SQL_ARGS(sql_int(record_id)), 0, NULL) != 0;
}

gint64 assemble_images(Sql *sql, gint64 record_id, GError **error) {
  return sql_number(sql, "SELECT COUNT(*) AS count FROM file WHERE record_id = $1 AND kind = 'image' AND path NOT LIKE 'derived/%'", SQL_ARGS(sql_int(record_id)),
    0, error);
}

/* Of a record's files of the format the first stands for it. */
json_t *assemble_plan(Sql *sql, const char *puid, const char *mime, GError **error) {
  return sql_row_json(sql, "SELECT COUNT(*) AS records FROM file AS f WHERE f.puid = $1 AND f.mime = $2 AND f.kind = 'image' AND f.path NOT LIKE 'derived/%' "
    "AND NOT EXISTS (SELECT 1 FROM file AS g WHERE g.record_id = f.record_id AND g.id < f.id AND +g.puid = f.puid AND +g.mime = f.mime AND g.path NOT LIKE 'derived/%') "
    "AND EXISTS (SELECT 1 FROM file AS g WHERE g.record_id = f.record_id AND g.id <> f.id AND g.kind = 'image' AND g.path NOT LIKE 'derived/%') "
    "AND NOT EXISTS (SELECT 1 FROM keep_conversion AS c WHERE c.record_id = f.record_id AND c.source_path = '' AND c.undone_us = 0)",
    SQL_ARGS(sql_text(puid), sql_text(mime)), error);
}

/* Goes through the files by number, so that all rounds together pass over them once. */
json_t *assemble_next(Sql *sql, json_t *parameters, gint64 after, GError **error) {
  gint64 record_id = json_number_of(parameters, "record");
  if (record_id != 0) return after != 0 ? json_array() : json_pack("[{s:I, s:I, s:s}]", "id", (json_int_t)record_id, "record_id", (json_int_t)record_id, "path", "");
  return sql_json(sql, "SELECT f.id, f.record_id, '' AS path FROM file AS f WHERE +f.puid = $1 AND +f.mime = $2 AND f.id > $3 AND f.kind = 'image' "
    "AND f.path NOT LIKE 'derived/%' "
    "AND NOT EXISTS (SELECT 1 FROM file AS g WHERE g.record_id = f.record_id AND g.id < f.id AND +g.puid = f.puid AND +g.mime = f.mime AND g.path NOT LIKE 'derived/%') "
    "AND EXISTS (SELECT 1 FROM file AS g WHERE g.record_id = f.record_id AND g.id <> f.id AND g.kind = 'image' AND g.path NOT LIKE 'derived/%') "
    "AND NOT EXISTS (SELECT 1 FROM keep_conversion AS c WHERE c.record_id = f.record_id AND c.source_path = '' AND c.undone_us = 0) ORDER BY f.id LIMIT $4",
    SQL_ARGS(sql_text(json_word(parameters, "puid")), sql_text(json_word(parameters, "mime")), sql_int(after), sql_int(RECORDS)), error);
}

static gint64 queue_record(Sql *sql, const Scope *scope, const char *actor, gint64 record_id, GError **error) {
  if (!record_admitted(sql, scope, record_id, TRUE)) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这件档案");
  if (assemble_done(sql, record_id)) return throw(error, LANTAI_ERROR_CONFLICT, "这件档案的页面图像已经合并过。要重新合并，请先撤销");
  if (assemble_images(sql, record_id, NULL) < 2) return throw(error, LANTAI_ERROR_CONFLICT, "这件档案没有两个以上的页面图像，不用合并");
  json_auto_t *first = sql_row_json(sql, "SELECT puid, mime FROM file WHERE record_id = $1 AND kind = 'image' AND path NOT LIKE 'derived/%' ORDER BY sequence LIMIT 1",
    SQL_ARGS(sql_int(record_id)), error);
  if (first == NULL) return 0;
  json_object_set_new(first, "record", json_integer(record_id));
  json_object_set_new(first, "to", json_string(CONVERT_ASSEMBLE));
  return job_queue(sql, "keep.convert", "record", record_id, first, actor, error);
}

static gint64 queue_format(Sql *sql, const char *actor, const char *puid, const char *mime, GError **error) {
  gint64 file = sql_number(sql, "SELECT id FROM file WHERE puid = $1 AND mime = $2 LIMIT 1", SQL_ARGS(sql_text(puid), sql_text(mime)), 0, NULL);
  json_auto_t *plan = file ? assemble_plan(sql, puid, mime, error) : NULL;
  if (file == 0) return throw(error, LANTAI_ERROR_NOT_FOUND, "馆藏中没有这种格式的文件");
  if (plan == NULL) return 0;
  if (json_number_of(plan, "records") == 0) return throw(error, LANTAI_ERROR_CONFLICT, "没有档案有两个以上这种格式、尚未合并的页面图像");
  json_auto_t *parameters = json_pack("{s:s, s:s, s:s}", "puid", puid, "mime", mime, "to", CONVERT_ASSEMBLE);
  return job_queue(sql, "keep.convert", "assembly", file, parameters, actor, error);
}

gboolean assemble_queue(const House *house, const Scope *scope, const char *actor, const AssembleWish *wish, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  gint64 job = wish->record_id ? queue_record(sql, scope, actor, wish->record_id, error) : queue_format(sql, actor, wish->puid, wish->mime, error);
  return job != 0 && sql_commit(sql, error);
}
