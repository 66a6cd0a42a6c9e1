/*
 * 保管期限: definitions/retention.yaml, and a term held against it.
 *
 * 1. What a category lists as values is all it may have; else what the file knows, but for what ended before the record's year.
 * 2. Nothing here changes a term as it is written.
 */
#include "internal.h"
#include "json.h"
#include "retention-rules.h"
#include "settings.h"
#include <string.h>

/* Which part of it is wrong, before the archives is served with it. */
static gboolean document_valid(json_t *document, GError **error) {
  json_t *years = json_object_get(document, "years"), *ended = json_object_get(document, "ended"), *each;
  if (!json_is_array(json_object_get(document, "terms"))) return throw(error, LANTAI_ERROR_INVALID, "retention.yaml：terms 应为保管期限的列表");
  if (!json_is_integer(json_array_get(years, 0)) || !json_is_integer(json_array_get(years, 1)))
    return throw(error, LANTAI_ERROR_INVALID, "retention.yaml：years 应为两个数，如 [1, 100]");
  if (ended != NULL && !json_is_array(ended)) return throw(error, LANTAI_ERROR_INVALID, "retention.yaml：ended 应为列表");
  size_t i;
  json_array_foreach(ended, i, each)
    if (!json_is_array(json_object_get(each, "terms")) || !json_is_array(json_object_get(each, "categories")) || !json_is_integer(json_object_get(each, "last")) ||
      !json_is_string(json_object_get(each, "instead")))
      return throw(error, LANTAI_ERROR_INVALID, "retention.yaml：ended 第 %zu 项要有 terms、categories、last（年）、instead", i + 1);
  return TRUE;
}

json_t *retention_load(const char *dir, GError **error) {
  json_t *document = yaml_load_definition(dir, "retention.yaml", error);
  if (document != NULL && document_valid(document, error)) return document;
  json_decref(document);
  return NULL;
}

/* 30年, 定期30年, 定期（30年）, D30. */
static gboolean is_years(json_t *range, const char *text) {
  static const char *const before[] = {"定期（", "定期(", "定期", "D"}, *const behind[] = {"年）", "年)", "年", ""};
  guint form = 0;
  while (form < G_N_ELEMENTS(before) && !g_str_has_prefix(text, before[form])) form++;
  const char *at = form < G_N_ELEMENTS(before) ? text + strlen(before[form]) : text;
  gsize digits = strspn(at, "0123456789");
  gint64 years = digits > 0 && digits <= 3 ? g_ascii_strtoll(at, NULL, 10) : 0;
  const char *end = form < G_N_ELEMENTS(before) ? behind[form] : "年";
  gboolean closed = g_str_equal(at + digits, end) || (form == 2 && at[digits] == '\0'); /* 定期30 */
  return closed && years >= json_integer_value(json_array_get(range, 0)) && years <= json_integer_value(json_array_get(range, 1));
}

char *catalog_retention_problem(const Catalog *catalog, const CatalogCategory *category, int year, const char *text) {
  json_t *rules = catalog_retention_rules(catalog), *each;
  if (text == NULL || *text == '\0') return NULL;
  for (guint i = 0; category != NULL && i < category->common_count; i++) {
    const CatalogField *field = &category->common[i];
    if (!g_str_equal(field->key, "retention") || field->values == NULL) continue;
    g_autofree char *words = g_strjoinv("、", (char **)field->values);
    return g_strv_contains(field->values, text) ? NULL : g_strdup_printf("%s的保管期限只能是%s", category->title, words);
  }
  if (!json_lists(json_object_get(rules, "terms"), text) && !is_years(json_object_get(rules, "years"), text))
    return g_strdup("不是认识的保管期限，应为永久、30年、10年、定期30年、长期、短期这样的写法");
  size_t i;
  json_array_foreach(json_object_get(rules, "ended"), i, each) {
    gint64 last = json_integer_value(json_object_get(each, "last"));
    gboolean concerns = category != NULL && json_lists(json_object_get(each, "categories"), category->code);
    if (!concerns || year <= last || !json_lists(json_object_get(each, "terms"), text)) continue;
    return g_strdup_printf("%d 年形成的%s不再用“%s”，应为%s", year, category->title, text, json_string_value(json_object_get(each, "instead")));
  }
  return NULL;
}
