/*
 * What a delivery brought and what was wrong with it: counts, the first faults, and the bad rows as a spreadsheet to send back.
 */
#include "check.h"
#include "delivery.h"
#include "error.h"
#include <string.h>

void delivery_describe(json_t *model, json_t *delivery) {
  gboolean failed = *text_at(delivery, "failure") != '\0';
  const char *state = text_at(delivery, "state"), *tone, *label = life_label(state, &tone);
  json_object_set_new(model, "state", json_string(failed ? "failed" : state));
  json_object_set_new(model, "step", json_string(state));
  json_object_set_new(model, "state_label", json_string(failed ? "出错停下" : label));
  json_object_set_new(model, "state_tone", json_string(failed ? "bad" : tone));
  static const struct { const char *key, *column; } kept[] = {
    {"id", "id"}, {"name", "name"}, {"failure", "failure"}, {"body", "body"}, {"source", "source"}, {"rows", "row_count"}, {"accepted", "accepted_count"},
      {"volumes", "volume_count"},
    {"created", "created_count"}, {"updated", "updated_count"}, {"unchanged", "unchanged_count"}, {"rejected_count", "rejected_count"}, {"warning_count",
      "warning_count"},
    {"missing_count", "missing_count"}, {"surplus_count", "surplus_count"}, {"attached", "attached_count"}, {"bytes", "attached_bytes"}, {"digest", "digest"},
      {"loaded", "loaded_rows"},
    {"actor", "actor"}, {"created_at", "created_at"}, {"loaded_at", "loaded_at"}, {"documents", "documents"}, {"category", "category"},
    {"round", "round"}, {"kind", "kind"}, {"stage", "stage"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(model, kept[i].key, json_object_get(delivery, kept[i].column));
  json_object_set_new(model, "stage_label", json_string(check_stage_label(text_at(delivery, "stage"))));
}

/* The lines of a file of the working folder, shared out by which key they have; NULL when it is not there (a rebuilt archive). */
static RowReader *open_list(const House *house, gint64 id, const char *name) {
  g_autofree char *path = delivery_path(house, id, name);
  return row_reader_open(path, NULL);
}

static gboolean read_faults(RowReader *reader, guint limit, json_t *rejected, json_t *warnings, GError **error) {
  const char *line;
  gsize length;
  GError *failure = NULL;
  while (row_reader_next(reader, &line, &length, &failure)) {
    gboolean warning = g_str_has_suffix(line, ",\"warning\":true}");
    json_t *list = warning ? warnings : rejected;
    if (json_array_size(list) >= limit) continue;
    json_t *fault = json_loadb(line, length, 0, NULL);
    if (fault == NULL) continue;
    json_object_del(fault, "warning");
    json_array_append_new(list, fault);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

static gboolean read_files(RowReader *reader, guint limit, json_t *missing, json_t *surplus, GError **error) {
  const char *line;
  gsize length;
  GError *failure = NULL;
  while (row_reader_next(reader, &line, &length, &failure)) {
    json_t *entry = json_loadb(line, length, 0, NULL), *path = json_object_get(entry, "surplus");
    if (path && json_array_size(surplus) < limit) json_array_append(surplus, path);
    if (!path && json_array_size(missing) < limit) json_array_append(missing, entry);
    json_decref(entry);
  }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

static gboolean add_lists(const House *house, gint64 id, guint limit, json_t *report, GError **error) {
  json_t *rejected = json_array(), *warnings = json_array(), *missing = json_array(), *surplus = json_array();
  json_object_set_new(report, "rejected", rejected);
  json_object_set_new(report, "warnings", warnings);
  json_object_set_new(report, "missing", missing);
  json_object_set_new(report, "surplus", surplus);
  json_auto_t *unpacked = unpacked_read(house, id);
  json_t *broken = json_object_get(unpacked, "faults");
  json_object_set_new(report, "file_faults", broken ? json_incref(broken) : json_array());
  g_autoptr(RowReader) faults = open_list(house, id, FAULTS_NAME);
  g_autoptr(RowReader) files = open_list(house, id, FILES_NAME);
  return (faults == NULL || read_faults(faults, limit, rejected, warnings, error)) && (files == NULL || read_files(files, limit, missing, surplus, error));
}

static json_t *fonds_of(Sql *sql, json_t *delivery, json_t *survey) {
  json_t *places = place_json(sql, int_at(delivery, "id"), NULL), *place, *list = json_array();
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
  size_t i;
  json_array_foreach(places, i, place) {
    gint64 fonds_id = int_at(place, "fonds_id");
    if (!g_hash_table_add(seen, GSIZE_TO_POINTER((gsize)fonds_id))) continue;
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, &SCOPE_EVERYTHING, fonds_id, NULL);
    if (fonds) json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)fonds_id, "code", fonds->code, "title", fonds->title));
  }
  if (json_array_size(list) == 0 && *text_at(delivery, "fonds"))
    json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "id", 0, "code", text_at(delivery, "fonds"), "title", text_at(delivery,
      "fonds_title")));
  json_decref(places);
  return list;
}

json_t *accession_report(const House *house, gint64 id, guint faults, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return NULL;
  json_t *survey = json_loads(text_at(delivery, "survey"), 0, NULL), *layout = json_loads(text_at(delivery, "layout"), 0, NULL),
    *report = json_object();
  delivery_describe(report, delivery);
  json_t *key = json_object_get(survey, "key_header"), *samples = json_object_get(survey, "samples");
  json_object_set_new(report, "key", json_string(json_string_value(key) ? json_string_value(key) : ""));
  if (!*text_at(report, "category")) json_object_set(report, "category", json_object_get(layout, "category"));
  json_object_set_new(report, "samples", samples ? json_incref(samples) : json_array());
  json_object_set_new(report, "replaced", json_integer(int_at(survey, "replaced")));
  json_object_set_new(report, "fonds", fonds_of(sql, delivery, survey));
  json_object_set_new(report, "format", json_pack("{s:s, s:s, s:s}", "kind", text_at(layout, "kind"), "encoding", text_at(layout, "encoding"),
    "sheet", text_at(layout, "sheet")));
  json_t *found = json_loads(text_at(delivery, "found"), 0, NULL);
  json_object_set_new(report, "layout", json_string(json_object_size(found) ? text_at(found, "layout") : "table"));
  json_object_set_new(report, "layout_label", json_string(text_at(found, "layout_label")));
  json_object_set_new(report, "declared", declared_of(delivery));
  json_decref(found);
  json_object_set_new(report, "timings", json_pack("{s:I, s:I, s:I}", "rehearse_ms", (json_int_t)int_at(delivery, "rehearse_ms"), "load_ms",
    (json_int_t)int_at(delivery, "load_ms"),
    "attach_ms", (json_int_t)int_at(delivery, "attach_ms")));
  gboolean good = add_lists(house, id, faults, report, error);
  json_decref(layout);
  json_decref(survey);
  json_decref(delivery);
  if (good) return report;
  json_decref(report);
  return NULL;
}

/* ---- the bad rows as a spreadsheet ---- */

typedef struct {
  RowReader *reader;
  json_t *next; /* the next fault, NULL at the end */
} FaultList;

static void next_fault(FaultList *list) {
  const char *line;
  gsize length;
  json_decref(list->next);
  list->next = row_reader_next(list->reader, &line, &length, NULL) ? json_loadb(line, length, 0, NULL) : NULL;
}

static void write_fault(TableWriter *writer, json_t *fault, const TableRow *row, guint width) {
  g_autofree const char **cells = g_new0(const char *, width + 5);
  g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, int_at(fault, "row"));
  g_autofree char *reason = g_strconcat(json_is_true(json_object_get(fault, "warning")) ? "提示（已收）：" : "", text_at(fault, "reason"), NULL);
  cells[0] = number;
  cells[1] = text_at(fault, "column");
  cells[2] = text_at(fault, "value");
  cells[3] = reason;
  for (guint i = 0; i < width; i++) cells[4 + i] = i < row->count ? row->cells[i] : "";
  format_xlsx_row(writer, cells);
}

static gboolean write_faults(const House *house, gint64 id, TableWriter *writer, FaultList *list, guint width, GError **error) {
  g_autoptr(TableReader) reader = delivery_table(house, id, error);
  if (reader == NULL) return FALSE;
  TableRow row;
  GError *failure = NULL;
  next_fault(list);
  while (list->next && format_table_next(reader, &row, &failure))
    while (list->next && int_at(list->next, "row") <= row.number) {
      if (int_at(list->next, "row") == row.number) write_fault(writer, list->next, &row, width);
      next_fault(list);
    }
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

gboolean accession_faults_xlsx(const House *house, gint64 id, const char *path, GError **error) {
  json_t *delivery = delivery_read(house, id, error);
  if (delivery == NULL) return FALSE;
  json_t *layout = json_loads(text_at(delivery, "layout"), 0, NULL), *columns = json_object_get(layout, "columns"), *column;
  guint width = (guint)json_array_size(columns);
  g_autofree const char **header = g_new0(const char *, width + 5);
  static const char *const first[] = {"行号", "列", "值", "原因"};
  memcpy(header, first, sizeof first);
  size_t i;
  json_array_foreach(columns, i, column) header[4 + i] = text_at(column, "header");
  FaultList list = {open_list(house, id, FAULTS_NAME), NULL};
  gboolean good = list.reader != NULL || throw(error, LANTAI_ERROR_NOT_FOUND, "批次 %" G_GINT64_FORMAT " 没有检测结果。请先检测", id);
  TableWriter *writer = good ? format_xlsx_new(path, "有问题的行", header, error) : NULL;
  good = writer != NULL && write_faults(house, id, writer, &list, width, error);
  if (writer) good = format_xlsx_close(writer, good ? error : NULL) && good;
  json_decref(list.next);
  g_clear_pointer(&list.reader, row_reader_free);
  json_decref(layout);
  json_decref(delivery);
  return good;
}
