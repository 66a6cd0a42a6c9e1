/*
 * A description field by field: its value as text, and setting it from text.
 *
 * 1. Fields are named by their keys: the common ones of catalog_common_fields that describe a record itself, and those of its category. Fonds, category, level,
 *    volume and files are no such fields: they say where a record lies.
 * 2. Setting checks what the field's kind demands and says in Chinese what is wrong; a record is never half set.
 * 3. With the date goes the year, when it was the former date's or unknown.
 */
#include "internal.h"
#include "retention.h"
#include "text.h"
#include <stddef.h>
#include <string.h>

typedef enum { VALUE_TEXT, VALUE_DATE, VALUE_YEAR, VALUE_NUMBER, VALUE_SECURITY, VALUE_OPENING, VALUE_FIELD } ValueKind;
typedef struct {
  const char *key;
  ValueKind kind;
  gsize offset;
} Value;
static const Value VALUES[] = {
  {"code", VALUE_TEXT, offsetof(CatalogRecord, code)}, {"title", VALUE_TEXT, offsetof(CatalogRecord, title)},
  {"creator", VALUE_TEXT, offsetof(CatalogRecord, creator)}, {"docno", VALUE_TEXT, offsetof(CatalogRecord, docno)},
  {"date", VALUE_DATE, offsetof(CatalogRecord, date_text)}, {"year", VALUE_YEAR, offsetof(CatalogRecord, year)},
  {"retention", VALUE_TEXT, offsetof(CatalogRecord, retention)}, {"security", VALUE_SECURITY, offsetof(CatalogRecord, security)},
  {"opening", VALUE_OPENING, offsetof(CatalogRecord, opening)}, {"page_count", VALUE_NUMBER, offsetof(CatalogRecord, page_count)}, {"note", VALUE_FIELD, 0},
};

static const Value *value_find(const char *key) {
  for (guint i = 0; i < G_N_ELEMENTS(VALUES); i++)
    if (g_str_equal(VALUES[i].key, key)) return &VALUES[i];
  return NULL;
}

const char *catalog_value_label(const CatalogCategory *category, const char *key) {
  if (category == NULL || common_field(key) != NULL) return field_label(NULL, key);
  return field_label(category, key);
}

static const CatalogField *own_field(const Catalog *catalog, const CatalogRecord *record, const char *key) {
  const CatalogCategory *category = catalog_category(catalog, record->category);
  for (guint i = 0; category != NULL && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return &category->fields[i];
  return NULL;
}

gboolean catalog_value_has(const Catalog *catalog, const CatalogRecord *record, const char *key) {
  if (value_find(key) != NULL) return TRUE;
  if (common_field(key) != NULL) return FALSE;
  if (own_field(catalog, record, key) != NULL) return TRUE;
  json_auto_t *fields = record_fields(record);
  return json_object_get(fields, key) != NULL;
}

char *catalog_value_get(const CatalogRecord *record, const char *key) {
  const Value *value = value_find(key);
  if (value == NULL || value->kind == VALUE_FIELD) {
    json_auto_t *fields = record_fields(record);
    const char *text = json_string_value(json_object_get(fields, key));
    return g_strdup(text != NULL ? text : "");
  }
  gconstpointer place = (const char *)record + value->offset;
  switch (value->kind) {
  case VALUE_TEXT: return g_strdup(*(char *const *)place);
  case VALUE_DATE: return record->date_text[0] != '\0' ? g_strdup(record->date_text) : date_format(record->date);
  case VALUE_SECURITY: return g_strdup(security_label(record->security));
  case VALUE_OPENING: return g_strdup(opening_label(record->opening));
  default: break;
  }
  int number = *(const int *)place;
  return number == 0 ? g_strdup("") : g_strdup_printf("%d", number);
}

/* ---- setting ---- */

static gboolean set_date(CatalogRecord *record, const char *text, GError **error) {
  DateSpan span = {0, 0};
  if (!date_parse(text, &span)) return throw(error, LANTAI_ERROR_INVALID, "日期“%s”看不懂，或没有这一天。可写 1958-03-01、1958年3月、1958、民国二十六年", text);
  if (record->year == 0 || record->year == record->date.from / 10000) record->year = span.from / 10000;
  g_free(record->date_text);
  record->date_text = g_strdup(text);
  record->date = span;
  return TRUE;
}

/* Full-width digits are digits. -1: none, or too many. */
static int whole_number(const char *text) {
  int number = 0;
  for (; *text != '\0'; text = g_utf8_next_char(text)) {
    int digit = g_unichar_digit_value(g_utf8_get_char(text));
    if (digit < 0 || number > 9999999) return -1;
    number = number * 10 + digit;
  }
  return number;
}

static gboolean set_number(int *place, const char *text, int least, int most, const char *label, GError **error) {
  int number = whole_number(text);
  if (number < 0 || (number != 0 && (number < least || number > most)))
    return throw(error, LANTAI_ERROR_INVALID, "%s应为 %d 至 %d 的整数，不能是“%s”", label, least, most, text);
  *place = number;
  return TRUE;
}

static gboolean fits_field(const CatalogField *field, const char *text, GError **error) {
  const char *problem = field == NULL ? NULL : catalog_value_problem(field, text);
  return problem == NULL || throw(error, LANTAI_ERROR_INVALID, "%s不能是“%s”：%s", field->label, text, problem);
}

static gboolean set_own(const Catalog *catalog, CatalogRecord *record, const char *key, const char *text, GError **error) {
  if (!catalog_value_has(catalog, record, key)) {
    const CatalogCategory *category = catalog_category(catalog, record->category);
    return throw(error, LANTAI_ERROR_INVALID, "%s没有著录项“%s”", category != NULL ? category->title : "这件档案", field_label(category, key));
  }
  if (!fits_field(own_field(catalog, record, key), text, error)) return FALSE;
  json_auto_t *fields = record_fields(record);
  json_object_set_new(fields, key, json_string(text));
  g_free(record->fields);
  record->fields = fields_dump(fields);
  return TRUE;
}

static gboolean set_retention(const Catalog *catalog, CatalogRecord *record, const char *text, GError **error) {
  g_autofree char *problem = catalog_retention_problem(catalog, catalog_category(catalog, record->category), record->year, text);
  if (problem != NULL) return throw(error, LANTAI_ERROR_INVALID, "保管期限不能是“%s”：%s", text, problem);
  g_free(record->retention);
  record->retention = g_strdup(text);
  return TRUE;
}

static gboolean set_text(CatalogRecord *record, const Value *value, const char *text, GError **error) {
  gboolean required = g_str_equal(value->key, "code") || g_str_equal(value->key, "title");
  if (required && text[0] == '\0') return throw(error, LANTAI_ERROR_INVALID, "%s不能为空", field_label(NULL, value->key));
  char **place = (char **)((char *)record + value->offset);
  g_free(*place);
  *place = g_strdup(text);
  return TRUE;
}

gboolean catalog_value_set(const Catalog *catalog, CatalogRecord *record, const char *key, const char *given, GError **error) {
  g_autofree char *text = text_clean(given, FALSE);
  const Value *value = value_find(key);
  if (value == NULL || value->kind == VALUE_FIELD) return set_own(catalog, record, key, text, error);
  gpointer place = (char *)record + value->offset;
  switch (value->kind) {
  case VALUE_DATE: return set_date(record, text, error);
  case VALUE_YEAR: return set_number(place, text, 1000, 2999, "年度", error);
  case VALUE_NUMBER: return set_number(place, text, 0, 999999, "页数", error);
  case VALUE_SECURITY: return security_parse(text, &record->security) || throw(error, LANTAI_ERROR_INVALID, "没有密级“%s”，可为公开、内部、秘密、机密、绝密", text);
  case VALUE_OPENING: return opening_parse(text, &record->opening) || throw(error, LANTAI_ERROR_INVALID, "没有开放标识“%s”，可为未审核、开放、控制、延期开放", text);
  default: return g_str_equal(key, "retention") ? set_retention(catalog, record, text, error) : set_text(record, value, text, error);
  }
}
