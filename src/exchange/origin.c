/* What the journal tells of a record: how it arrived, and what was done to it since. */
#include "internal.h"
#include <string.h>

enum { EVENTS_READ = 200 };

static const struct { const char *action, *label, *type; } KINDS[] = { /* a full stop at the end: all that begin so */
  {"accession.receive", "接收", "accession"}, {"accession.load", "登记入库", "ingestion"}, {"accession.files", "挂接原文", "ingestion"},
  {"record.create", "著录", "metadata modification"}, {"record.update", "修改著录", "metadata modification"},
  {"delivery.", "更正著录", "metadata modification"}, {"keep.repair", "修复", "recovery"}, {"keep.convert", "格式转换", "normalization"},
  {"keep.destroyed", "销毁原文", "deletion"},
  {"keep.", "保管", "metadata modification"}, {"disposal.", "处置", "deaccession"},
};

static guint kind_of(const char *action) {
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++) {
    const char *name = KINDS[i].action;
    if (g_str_has_suffix(name, ".") ? g_str_has_prefix(action, name) : g_str_equal(action, name) || (g_str_has_prefix(name, "keep.") && g_str_has_prefix(action, name)))
      return i;
  }
  return G_N_ELEMENTS(KINDS);
}

static void add_event(json_t *events, json_t *event) {
  const char *action = json_string_value(json_object_get(event, "action"));
  guint kind = kind_of(action);
  if (kind == G_N_ELEMENTS(KINDS)) return;
  json_array_append_new(events, json_pack("{s:O, s:O, s:O, s:O, s:s, s:s}", "id", json_object_get(event, "id"), "at", json_object_get(event, "at"), "actor",
    json_object_get(event, "actor"), "action", json_object_get(event, "action"), "label", KINDS[kind].label, "type", KINDS[kind].type));
}

/* The delivery's first event, and the newest of each further kind. */
static json_t *arrival_read(Sql *sql, gint64 accession_id, GError **error) {
  json_auto_t *first = journal_first(sql, "accession", accession_id, error);
  json_auto_t *newest = first ? journal_of(sql, "accession", accession_id, 0, EVENTS_READ, error) : NULL;
  if (newest == NULL) return NULL;
  json_t *events = json_array(), *event;
  size_t i;
  json_array_foreach(first, i, event) add_event(events, event);
  static const char *const wanted[] = {"accession.load", "accession.files"};
  for (guint w = 0; w < G_N_ELEMENTS(wanted); w++) {
    json_array_foreach(newest, i, event) {
      if (!g_str_equal(json_string_value(json_object_get(event, "action")), wanted[w])) continue;
      add_event(events, event);
      break;
    }
  }
  return events;
}

json_t *origin_events(Export *export, const CatalogRecord *record, GError **error) {
  g_autoptr(Sql) sql = sql_read(export->house->db, error);
  if (sql == NULL) return NULL;
  if (record->accession_id != 0 && (export->arrival == NULL || export->arrival_of != record->accession_id)) {
    json_decref(export->arrival);
    export->arrival = arrival_read(sql, record->accession_id, error);
    export->arrival_of = record->accession_id;
    if (export->arrival == NULL) return NULL;
  }
  json_auto_t *own = journal_of(sql, "record", record->id, 0, EVENTS_READ, error);
  if (own == NULL) return NULL;
  json_t *events = record->accession_id != 0 ? json_copy(export->arrival) : json_array();
  for (size_t i = json_array_size(own); i > 0; i--) add_event(events, json_array_get(own, i - 1));
  return events;
}
