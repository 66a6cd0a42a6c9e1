/*
 * The columns of a record as data: what the journal keeps of it, what differs between two, and back to a record.
 *
 * 1. record_store_json holds every column; record_from_store_json gives the same record back.
 * 2. A difference holds every compared column and field that differs, so that applying its second halves to the former record gives the later one.
 */
#include "internal.h"
#include "watch.h"
#include <stddef.h>
#include <string.h>

typedef enum { COLUMN_ID, COLUMN_NUMBER, COLUMN_TEXT, COLUMN_LEVEL, COLUMN_SECURITY, COLUMN_OPENING, COLUMN_CATEGORY } ColumnKind;
typedef struct {
  const char *key;
  ColumnKind kind;
  gsize offset;
  gboolean compared;
} Column;

#define COLUMN(key, kind, member, compared) {key, kind, offsetof(CatalogRecord, member), compared}
static const Column COLUMNS[] = {
  COLUMN("id", COLUMN_ID, id, FALSE), COLUMN("rev", COLUMN_ID, rev, FALSE), COLUMN("parent_id", COLUMN_ID, parent_id, TRUE),
  COLUMN("fonds_id", COLUMN_ID, fonds_id, TRUE), COLUMN("accession_id", COLUMN_ID, accession_id, FALSE), COLUMN("level", COLUMN_LEVEL, level, TRUE),
  COLUMN("category", COLUMN_CATEGORY, category, TRUE), COLUMN("security", COLUMN_SECURITY, security, TRUE), COLUMN("opening", COLUMN_OPENING, opening, TRUE),
  COLUMN("code", COLUMN_TEXT, code, TRUE), COLUMN("title", COLUMN_TEXT, title, TRUE), COLUMN("creator", COLUMN_TEXT, creator, TRUE),
  COLUMN("docno", COLUMN_TEXT, docno, TRUE), COLUMN("date_text", COLUMN_TEXT, date_text, TRUE), COLUMN("date_from", COLUMN_NUMBER, date.from, TRUE),
  COLUMN("date_to", COLUMN_NUMBER, date.to, TRUE), COLUMN("year", COLUMN_NUMBER, year, TRUE), COLUMN("retention", COLUMN_TEXT, retention, TRUE),
  COLUMN("page_count", COLUMN_NUMBER, page_count, TRUE), COLUMN("file_count", COLUMN_NUMBER, file_count, FALSE),
};
#define FIELD_PREFIX "fields."

static gint64 column_number(const CatalogRecord *record, const Column *column) {
  gconstpointer place = (const char *)record + column->offset;
  switch (column->kind) {
  case COLUMN_ID: return *(const gint64 *)place;
  case COLUMN_NUMBER: return *(const int *)place;
  case COLUMN_LEVEL: return *(const Level *)place;
  case COLUMN_SECURITY: return *(const Security *)place;
  case COLUMN_OPENING: return *(const Opening *)place;
  case COLUMN_CATEGORY: return *(const guint8 *)place;
  case COLUMN_TEXT: break;
  }
  return 0;
}

static const char *column_text(const CatalogRecord *record, const Column *column) { return *(char *const *)((const char *)record + column->offset); }

static const char *number_label(ColumnKind kind, gint64 number) {
  switch (kind) {
  case COLUMN_LEVEL: return level_label(number);
  case COLUMN_SECURITY: return security_label(number);
  case COLUMN_OPENING: return opening_label(number);
  default: return NULL;
  }
}

static json_t *column_json(const CatalogRecord *record, const Column *column) {
  if (column->kind == COLUMN_TEXT) return json_string(column_text(record, column));
  gint64 number = column_number(record, column);
  const char *label = number_label(column->kind, number);
  return label != NULL ? json_string(label) : json_integer(number);
}

static gboolean column_equal(const CatalogRecord *a, const CatalogRecord *b, const Column *column) {
  if (column->kind == COLUMN_TEXT) return g_str_equal(column_text(a, column), column_text(b, column));
  return column_number(a, column) == column_number(b, column);
}

/* FALSE when the value is not one this column can hold. */
static gboolean column_set(CatalogRecord *record, const Column *column, json_t *value) {
  gpointer place = (char *)record + column->offset;
  if (column->kind == COLUMN_TEXT) {
    if (!json_is_string(value)) return FALSE;
    g_free(*(char **)place);
    *(char **)place = g_strdup(json_string_value(value));
    return TRUE;
  }
  if (number_label(column->kind, LEVEL_FONDS) != NULL) {
    for (int number = 0; json_is_string(value) && number <= SECURITY_TOP; number++) {
      if ((column->kind == COLUMN_LEVEL && (number < LEVEL_FONDS || number > LEVEL_ITEM)) || (column->kind == COLUMN_OPENING && number > OPENING_DEFERRED))
        continue;
      if (!g_str_equal(number_label(column->kind, number), json_string_value(value))) continue;
      *(guint *)place = number;
      return TRUE;
    }
    return FALSE;
  }
  if (!json_is_integer(value)) return FALSE;
  gint64 number = json_integer_value(value);
  if (column->kind == COLUMN_ID) *(gint64 *)place = number;
  else if (column->kind == COLUMN_CATEGORY) *(guint8 *)place = CLAMP(number, 0, 255);
  else *(int *)place = CLAMP(number, G_MININT, G_MAXINT);
  return TRUE;
}

json_t *record_store_json(const CatalogRecord *record) {
  json_t *json = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(COLUMNS); i++) json_object_set_new(json, COLUMNS[i].key, column_json(record, &COLUMNS[i]));
  json_object_set_new(json, "fields", record_fields(record));
  return json;
}

CatalogRecord *record_from_store_json(json_t *json, GError **error) {
  g_autoptr(CatalogRecord) record = catalog_record_new();
  for (guint i = 0; i < G_N_ELEMENTS(COLUMNS); i++)
    if (!column_set(record, &COLUMNS[i], json_object_get(json, COLUMNS[i].key)))
      return throw_null(error, LANTAI_ERROR_INVALID, "日志中的著录内容缺少或不能识别“%s”，无法重建这件档案", COLUMNS[i].key);
  json_t *fields = json_object_get(json, "fields");
  if (!json_is_object(fields)) return throw_null(error, LANTAI_ERROR_INVALID, "日志中的著录内容缺少 fields，无法重建这件档案");
  g_free(record->fields);
  record->fields = fields_dump(fields);
  return g_steal_pointer(&record);
}

gboolean record_equal(const CatalogRecord *a, const CatalogRecord *b) {
  for (guint i = 0; i < G_N_ELEMENTS(COLUMNS); i++)
    if (COLUMNS[i].compared && !column_equal(a, b, &COLUMNS[i])) return FALSE;
  return g_str_equal(a->fields, b->fields);
}

static void diff_fields(json_t *diff, const CatalogRecord *before, const CatalogRecord *after) {
  json_auto_t *old = record_fields(before);
  json_auto_t *new = record_fields(after);
  json_auto_t *all = json_copy(old);
  json_object_update(all, new);
  const char *key;
  json_t *value;
  json_object_foreach(all, key, value) {
    const char *was = json_string_value(json_object_get(old, key)), *is = json_string_value(json_object_get(new, key));
    if (g_strcmp0(was ? was : "", is ? is : "") == 0) continue;
    g_autofree char *name = g_strconcat(FIELD_PREFIX, key, NULL);
    json_object_set_new(diff, name, json_pack("[s, s]", was ? was : "", is ? is : ""));
  }
}

/* All of it, with its former codes. */
static json_t *whole_json(const CatalogRecord *record) {
  json_t *json = record != NULL ? record_store_json(record) : json_null();
  if (record != NULL && record->former[0] != '\0') json_object_set_new(json, "former", json_string(record->former));
  return json;
}

CatalogRecord *catalog_record_of(json_t *changes, GError **error) {
  json_t *pair = json_object_get(changes, "record"), *whole = json_array_get(pair, json_is_null(json_array_get(pair, 0)) ? 1 : 0);
  CatalogRecord *record = pair != NULL ? record_from_store_json(whole, error) : NULL;
  const char *former = json_string_value(json_object_get(whole, "former"));
  if (record == NULL || former == NULL) return record;
  g_free(record->former);
  record->former = g_strdup(former);
  return record;
}

json_t *catalog_record_diff(const CatalogRecord *before, const CatalogRecord *after) {
  if (before == NULL || after == NULL) return json_pack("{s:[o, o]}", "record", whole_json(before), whole_json(after));
  json_auto_t *diff = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(COLUMNS); i++)
    if (COLUMNS[i].compared && !column_equal(before, after, &COLUMNS[i]))
      json_object_set_new(diff, COLUMNS[i].key, json_pack("[o, o]", column_json(before, &COLUMNS[i]), column_json(after, &COLUMNS[i])));
  if (!g_str_equal(before->fields, after->fields)) diff_fields(diff, before, after);
  return json_object_size(diff) > 0 ? g_steal_pointer(&diff) : NULL;
}

static const Column *column_find(const char *key) {
  for (guint i = 0; i < G_N_ELEMENTS(COLUMNS); i++)
    if (g_str_equal(COLUMNS[i].key, key)) return &COLUMNS[i];
  return NULL;
}

gboolean record_apply_diff(CatalogRecord *record, json_t *diff, GError **error) {
  json_auto_t *fields = record_fields(record);
  const char *key;
  json_t *pair;
  json_object_foreach(diff, key, pair) {
    json_t *value = json_array_get(pair, 1);
    const Column *column = column_find(key);
    if (g_str_has_prefix(key, FIELD_PREFIX) && json_is_string(value)) json_object_set(fields, key + strlen(FIELD_PREFIX), value);
    else if (column == NULL || !column_set(record, column, value))
      return throw(error, LANTAI_ERROR_INVALID, "日志中对档案 %" G_GINT64_FORMAT " 的修改有不能识别的内容“%s”，无法重建", record->id, key);
  }
  g_free(record->fields);
  record->fields = fields_dump(fields);
  return TRUE;
}

static json_t *value_now(const CatalogRecord *record, json_t *fields, const char *key) {
  const Column *column = column_find(key);
  if (column != NULL) return column_json(record, column);
  const char *text = g_str_has_prefix(key, FIELD_PREFIX) ? json_string_value(json_object_get(fields, key + strlen(FIELD_PREFIX))) : NULL;
  return json_string(text != NULL ? text : "");
}

/* A date as written and as understood are one thing: when one of them is in the way, all are. */
static void join_dates(json_t *fit, json_t *conflicts, json_t *record_now) {
  static const char *const dates[] = {"date_text", "date_from", "date_to"};
  gboolean any = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(dates); i++) any = any || json_object_get(conflicts, dates[i]) != NULL;
  for (guint i = 0; any && i < G_N_ELEMENTS(dates); i++) {
    json_t *pair = json_object_get(fit, dates[i]);
    if (pair == NULL) continue;
    json_object_set_new(conflicts, dates[i], json_pack("[O, O, O]", json_array_get(pair, 0), json_object_get(record_now, dates[i]), json_array_get(pair, 1)));
    json_object_del(fit, dates[i]);
  }
}

CatalogRecord *catalog_record_merge(const CatalogRecord *record, json_t *changes, gboolean back, json_t *conflicts, GError **error) {
  json_auto_t *fields = record_fields(record);
  json_auto_t *fit = json_object();
  json_auto_t *present = json_object();
  const char *key;
  json_t *pair;
  json_object_foreach(changes, key, pair) {
    json_t *from = json_array_get(pair, back ? 1 : 0), *to = json_array_get(pair, back ? 0 : 1);
    json_auto_t *now = value_now(record, fields, key);
    json_object_set(present, key, now);
    if (json_equal(now, to)) continue;
    if (json_equal(now, from)) json_object_set_new(fit, key, json_pack("[O, O]", from, to));
    else if (from != NULL && to != NULL) json_object_set_new(conflicts, key, json_pack("[O, O, O]", from, now, to));
  }
  join_dates(fit, conflicts, present);
  g_autoptr(CatalogRecord) after = catalog_record_dup(record);
  if (!record_apply_diff(after, fit, error)) return NULL;
  if (back && !g_str_equal(after->code, record->code)) { /* the code that is taken back does not become a former one */
    g_free(after->former);
    after->former = former_with(record->former, NULL, after->code);
  }
  return g_steal_pointer(&after);
}
