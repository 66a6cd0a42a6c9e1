/*
 * Values of a described record as text, whatever wrote it: a delivery's canonical row (numbers for security, opening, level), the catalogue, a form.
 *
 * 1. What accession/ kept under its own header because nobody understood it ("胡写" under 开放标识) is the value that was written; it comes before the one
 *    that was put in its place.
 */
#include "internal.h"
#include "scope.h"
#include <string.h>

/* Which common field a column's header means, "" none; remembered, because every row has the same headers. */
static const char *common_of(const char *header) {
  static GMutex lock;
  static GHashTable *known;
  enum { MOST = 10000 };
  g_mutex_lock(&lock);
  if (known == NULL) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const char *found = g_hash_table_lookup(known, header);
  if (found == NULL) {
    g_autofree char *folded = text_fold(header);
    guint count;
    const CatalogField *fields = catalog_common_fields(&count);
    found = "";
    for (guint i = 0; i < count; i++)
      if (g_strv_contains(fields[i].aliases, folded)) found = fields[i].key;
    if (g_hash_table_size(known) < MOST) g_hash_table_insert(known, g_strdup(header), (gpointer)found);
  }
  g_mutex_unlock(&lock);
  return found;
}

static const char *kept_value(json_t *record, const char *key) {
  const char *header;
  json_t *value;
  json_object_foreach(json_object_get(record, "fields"), header, value)
    if (json_is_string(value) && g_str_equal(common_of(header), key)) return json_string_value(value);
  return NULL;
}

static const char *number_word(const char *key, gint64 number) {
  if (g_str_equal(key, "security") && number >= SECURITY_PUBLIC && number <= SECURITY_TOP) return security_label((Security)number);
  if (g_str_equal(key, "opening") && number >= OPENING_UNREVIEWED && number <= OPENING_DEFERRED) return opening_label((Opening)number);
  if (g_str_equal(key, "level") && number >= LEVEL_FONDS && number <= LEVEL_ITEM) return level_label((Level)number);
  return NULL;
}

char *record_value(json_t *record, const char *key) {
  const char *kept = kept_value(record, key);
  json_t *value = json_object_get(record, g_str_equal(key, "date") ? "date_text" : key);
  if (kept) return g_strdup(kept);
  if (value == NULL) value = json_object_get(json_object_get(record, "fields"), key);
  if (json_is_string(value)) return g_strdup(json_string_value(value));
  if (!json_is_integer(value)) return g_strdup(number_word(key, 0) ? number_word(key, 0) : "");
  const char *word = number_word(key, json_integer_value(value));
  if (word) return g_strdup(word);
  return json_integer_value(value) ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value)) : g_strdup("");
}

gint64 record_number(json_t *record, const char *key) {
  json_t *value = json_object_get(record, key);
  return json_is_integer(value) ? json_integer_value(value) : json_is_string(value) ? g_ascii_strtoll(json_string_value(value), NULL, 10) : 0;
}

const char *record_code(json_t *record) {
  const char *code = json_string_value(json_object_get(record, "code"));
  return code ? code : "";
}

gboolean record_is_item(json_t *record) { return g_str_equal(record_level(record), "item"); }

const char *record_level(json_t *record) {
  json_t *level = json_object_get(record, "level");
  const char *word = json_string_value(level);
  gboolean volume = json_integer_value(level) == LEVEL_VOLUME || (word && (g_str_equal(word, "volume") || g_str_has_prefix(word, "案卷")));
  return volume ? "volume" : "item";
}

char *record_label(const CheckRun *run, json_t *record, const char *key) {
  const CatalogCategory *category = run_category(run, record);
  for (guint i = 0; category && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return g_strdup(category->fields[i].label);
  guint count;
  const CatalogField *fields = catalog_common_fields(&count);
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].key, key)) return g_strdup(fields[i].label);
  return g_strdup(key);
}
