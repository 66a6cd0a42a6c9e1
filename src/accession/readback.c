/*
 * Read back (YJ-3-2 目标数据库中元数据的可访问性): every record that a delivery put is read from the catalogue and compared with its canonical row.
 *
 * 1. It runs when the rows are in and before the delivery goes on, so that an interrupted one is done again; nobody has had it in hand yet.
 * 2. What the archives decides itself, and what loading sets (place, volume, documents), is not compared.
 */
#include "check.h"
#include "delivery.h"
#include "error.h"
#include "job.h"

enum { FINDINGS_MAX = 10000, PROGRESS_EVERY = 2000 };
#define RULE "loaded"

typedef struct {
  const House *house;
  Sql *sql;
  json_t *delivery, *findings;
  PlaceTable *places;
  gboolean keep_opening, keep_security;
  gint64 row, failed;
} ReadBack;

static void note(ReadBack *back, gint64 record_id, const char *code, const char *reason) {
  if (++back->failed > FINDINGS_MAX) return;
  json_array_append_new(back->findings, json_pack("{s:I, s:s, s:s}", "record_id", (json_int_t)record_id, "code", code, "reason", reason));
}

static void compare(ReadBack *back, CatalogRecord *row, const CatalogRecord *stored) {
  row->category = stored->category;
  row->level = stored->level;
  row->parent_id = stored->parent_id;
  row->fonds_id = stored->fonds_id;
  row->file_count = stored->file_count;
  if (back->keep_opening) row->opening = stored->opening;
  if (back->keep_security) row->security = stored->security;
  json_auto_t *diff = catalog_record_diff(row, stored);
  if (diff == NULL) return;
  g_autoptr(GString) reason = g_string_new("目录库中读出的与移交的不一致：");
  const char *key, *former = "";
  json_t *pair;
  json_object_foreach(diff, key, pair) {
    g_string_append_printf(reason, "%s%s", former, key);
    former = "、";
  }
  note(back, stored->id, row->code, reason->str);
}

static void read_row(ReadBack *back, const DecodedRow *row) {
  const Place *place = place_find(back->places, row->fonds, row->category);
  gint64 id = place ? load_record_id(back->house, back->sql, back->delivery, place, back->row, row->record->code) : 0;
  g_autoptr(GError) problem = NULL;
  g_autoptr(CatalogRecord) stored = id ? catalog_record_load(back->sql, &SCOPE_EVERYTHING, id, &problem) : NULL;
  if (stored) compare(back, row->record, stored);
  else note(back, 0, row->record->code, problem ? problem->message : "目录库中没有这个条目");
}

static gboolean read_rows(ReadBack *back, Job *job, GError **error) {
  g_autoptr(RowReader) reader = row_reader_open_stored(back->house, int_at(back->delivery, "id"), error);
  const char *line;
  gsize length;
  GError *failure = NULL;
  while (reader && !job_should_stop(job) && row_reader_next(reader, &line, &length, &failure)) {
    DecodedRow row;
    if (!row_decode(line, length, &row, &failure)) break;
    read_row(back, &row);
    row_decoded_clear(&row);
    if (++back->row % PROGRESS_EVERY == 0) job_progress(job, back->row, int_at(back->delivery, "accepted_count"), "行", "读回核对");
  }
  if (failure) g_propagate_error(error, failure);
  return reader && failure == NULL;
}

static gboolean keep_result(ReadBack *back, Job *job, GError **error) {
  if (back->failed > FINDINGS_MAX) json_array_append_new(back->findings, json_pack("{s:i, s:s, s:o}", "record_id", 0, "code", "", "reason",
    json_sprintf("另有 %" G_GINT64_FORMAT " 处，没有逐一列出", back->failed - FINDINGS_MAX)));
  json_auto_t *found = json_pack("{s:I, s:I, s:o, s:O}", "checked", (json_int_t)back->row, "failed", (json_int_t)back->failed, "explain", back->failed ?
    json_sprintf("%" G_GINT64_FORMAT " 处不符", back->failed) : json_sprintf("入库后逐件读回核对，%" G_GINT64_FORMAT " 件一致", back->row), "findings", back->findings);
  g_autoptr(Sql) sql = sql_write(back->house->db, error);
  return sql && check_complete(sql, job_actor(job), int_at(back->delivery, "check_id"), RULE, found, error) && sql_commit(sql, error);
}

gboolean read_back(const House *house, Job *job, json_t *delivery, GError **error) {
  gint64 check = int_at(delivery, "check_id");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return FALSE;
  if (check == 0 || !check_waits(sql, check, RULE)) return TRUE;
  g_autoptr(PlaceTable) places = place_table_load(house, sql, int_at(delivery, "id"), error);
  json_auto_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *findings = json_array();
  ReadBack back = {.house = house, .sql = sql, .delivery = delivery, .findings = findings, .places = places,
    .keep_opening = layout_column_of(layout, "opening") < 0, .keep_security = layout_column_of(layout, "security") < 0};
  if (places == NULL || !read_rows(&back, job, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  return job_should_stop(job) || keep_result(&back, job, error);
}
