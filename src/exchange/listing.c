/*
 * The catalogue as a table that our own import reads back to the same records.
 *
 * 1. The fixed columns have the import's labels. A record's own fields follow under their labels: those of categories in the order of their definitions,
 *    then headers that deliveries brought.
 * 2. What was kept as written because nobody understood it ("约3页" under 页数) stands in that column itself: read again, it gives both again.
 * 3. Two fields with one label have one column only when they have one key or belong to different categories (a row is read by its own category's labels).
 */
#include "internal.h"
#include "error.h"
#include <stdlib.h>
#include <string.h>

typedef enum {
  COLUMN_CODE, COLUMN_TITLE, COLUMN_CREATOR, COLUMN_DOCNO, COLUMN_DATE, COLUMN_YEAR, COLUMN_RETENTION, COLUMN_SECURITY, COLUMN_OPENING, COLUMN_PAGES,
  COLUMN_CATEGORY, COLUMN_LEVEL, COLUMN_PARENT, COLUMN_FONDS, COLUMN_FONDS_TITLE, COLUMN_FIXED
} Fixed;
static const char *const LABELS[COLUMN_FIXED] = {"档号", "题名", "责任者", "文号", "日期", "年度", "保管期限", "密级", "开放状态", "页数", "门类", "层级", "所在案卷", "全宗号", "全宗名称"};
#define DOCUMENTS "文件"
#define DISPOSAL "处置"

struct Listing {
  const Catalog *catalog;
  GHashTable *used[256]; /* by category id: keys that some record of it has */
  GHashTable *by_header; /* header → column number + 1 */
  GPtrArray *headers;    /* char*, NULL-ended once made */
  char **cells;
  gboolean keyed;        /* the last column is EXCHANGE_KEY_HEADER in place of the documents */
  gboolean disposed;     /* files of some record were destroyed: there is a column that tells it */
};

Listing *listing_new(const Catalog *catalog) {
  Listing *listing = g_new0(Listing, 1);
  listing->catalog = catalog;
  return listing;
}

void listing_key(Listing *listing) { listing->keyed = TRUE; }

void listing_free(Listing *listing) {
  if (listing == NULL) return;
  for (guint i = 0; i < G_N_ELEMENTS(listing->used); i++) g_clear_pointer(&listing->used[i], g_hash_table_unref);
  g_clear_pointer(&listing->by_header, g_hash_table_unref);
  if (listing->headers) g_ptr_array_unref(listing->headers);
  g_strfreev(listing->cells);
  g_free(listing);
}

gboolean record_is_described(const CatalogRecord *record) { return record->level >= LEVEL_VOLUME; }

char *record_date(const CatalogRecord *record) { return *record->date_text ? g_strdup(record->date_text) : date_format(record->date); }

json_t *record_fields_of(const CatalogRecord *record) {
  json_t *fields = json_loads(record->fields, 0, NULL);
  return fields ? fields : json_object();
}

static const CatalogField *field_of(const CatalogField *fields, guint count, const char *key) {
  for (guint i = 0; i < count; i++)
    if (g_str_equal(fields[i].key, key)) return &fields[i];
  return NULL;
}

const char *record_field_label(const CatalogCategory *category, const char *key) {
  const CatalogField *field = category ? field_of(category->fields, category->field_count, key) : NULL;
  if (field) return field->label;
  guint count;
  const CatalogField *common = catalog_common_fields(&count);
  static const char *const stored[] = {"volume", "note", "file", NULL}; /* the others are columns; under such a key is a header of the same word */
  field = g_strv_contains(stored, key) ? field_of(common, count, key) : NULL;
  return field ? field->label : key;
}

/* ---- columns ---- */

char *item_disposal(const ExportItem *item) {
  if (item->tombstone == NULL) return g_strdup("");
  g_autofree char *moment = export_moment(json_integer_value(json_object_get(item->tombstone, "at")));
  const char *kind = json_string_value(json_object_get(item->tombstone, "kind_label"));
  json_t *files = json_object_get(item->tombstone, "files");
  g_autofree char *count = files ? g_strdup_printf("，原有 %zu 个文件", json_array_size(files)) : g_strdup("");
  return g_strdup_printf("原文已销毁（%s），%.10s%s", kind ? kind : "", moment, count);
}

void listing_survey(Listing *listing, const ExportItem *item) {
  const CatalogRecord *record = item->record;
  listing->disposed |= item->tombstone != NULL;
  GHashTable **used = &listing->used[record->category];
  if (*used == NULL) *used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (g_str_equal(record->fields, "{}")) return;
  json_auto_t *fields = record_fields_of(record);
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value)
    if (!g_hash_table_contains(*used, key)) g_hash_table_add(*used, g_strdup(key));
}

static void add_column(Listing *listing, const char *header) {
  if (g_hash_table_contains(listing->by_header, header)) return;
  char *owned = g_strdup(header);
  g_ptr_array_add(listing->headers, owned);
  g_hash_table_insert(listing->by_header, owned, GUINT_TO_POINTER(listing->headers->len));
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A table to be corrected that is of one category has a column for each of its fields, to be filled in; others those that hold something. */
static gboolean is_to_fill(const Listing *listing) {
  guint categories = 0;
  for (guint id = 1; id < G_N_ELEMENTS(listing->used); id++) categories += listing->used[id] != NULL;
  return listing->keyed && categories == 1;
}

static void add_used(Listing *listing, guint id) {
  const CatalogCategory *category = catalog_category(listing->catalog, (guint8)id);
  gboolean every = is_to_fill(listing);
  for (guint f = 0; category && f < category->field_count; f++)
    if (every || g_hash_table_contains(listing->used[id], category->fields[f].key)) add_column(listing, category->fields[f].label);
}

static void add_others(Listing *listing, guint id) {
  const CatalogCategory *category = catalog_category(listing->catalog, (guint8)id);
  guint count;
  g_autofree char **keys = (char **)g_hash_table_get_keys_as_array(listing->used[id], &count);
  qsort(keys, count, sizeof *keys, compare_texts);
  for (guint i = 0; i < count; i++) add_column(listing, record_field_label(category, keys[i]));
}

const char *const *listing_header(Listing *listing) {
  if (listing->headers) return (const char *const *)listing->headers->pdata;
  listing->headers = g_ptr_array_new_with_free_func(g_free);
  listing->by_header = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < COLUMN_FIXED; i++) add_column(listing, LABELS[i]);
  for (guint id = 0; id < G_N_ELEMENTS(listing->used); id++)
    if (listing->used[id]) add_used(listing, id);
  for (guint id = 0; id < G_N_ELEMENTS(listing->used); id++)
    if (listing->used[id]) add_others(listing, id);
  if (listing->disposed) add_column(listing, DISPOSAL);
  add_column(listing, listing->keyed ? EXCHANGE_KEY_HEADER : DOCUMENTS);
  listing->cells = g_new0(char *, listing->headers->len + 1);
  g_ptr_array_add(listing->headers, NULL);
  return (const char *const *)listing->headers->pdata;
}

/* ---- rows ---- */

static char *number_text(gint64 number) { return number ? g_strdup_printf("%" G_GINT64_FORMAT, number) : g_strdup(""); }

static char *fixed_cell(const ExportItem *item, Fixed column) {
  const CatalogRecord *record = item->record;
  switch (column) {
  case COLUMN_CODE: return g_strdup(record->code);
  case COLUMN_TITLE: return g_strdup(record->title);
  case COLUMN_CREATOR: return g_strdup(record->creator);
  case COLUMN_DOCNO: return g_strdup(record->docno);
  case COLUMN_DATE: return record_date(record);
  case COLUMN_YEAR: return number_text(record->year);
  case COLUMN_RETENTION: return g_strdup(record->retention);
  case COLUMN_SECURITY: return g_strdup(security_label(record->security));
  case COLUMN_OPENING: return g_strdup(opening_label(record->opening));
  case COLUMN_PAGES: return number_text(record->page_count);
  case COLUMN_CATEGORY: return g_strdup(item->category ? item->category->code : "");
  case COLUMN_LEVEL: return g_strdup(level_label(record->level));
  case COLUMN_PARENT: return g_strdup(item->volume ? item->volume->code : "");
  case COLUMN_FONDS: return g_strdup(item->fonds->code);
  case COLUMN_FONDS_TITLE: return g_strdup(item->fonds->title);
  default: return g_strdup("");
  }
}

const char *const *listing_row(Listing *listing, const ExportItem *item, const char *documents, GError **error) {
  listing_header(listing);
  guint count = listing->headers->len - 1;
  for (guint i = 0; i < count; i++) {
    g_free(listing->cells[i]);
    listing->cells[i] = i < COLUMN_FIXED ? fixed_cell(item, (Fixed)i) : NULL;
  }
  json_auto_t *fields = record_fields_of(item->record);
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    const char *header = record_field_label(item->category, key);
    guint at = GPOINTER_TO_UINT(g_hash_table_lookup(listing->by_header, header));
    if (at == 0) return throw_null(error, LANTAI_ERROR_CONFLICT, "“%s”在导出过程中有改动，没有导出。请重新导出", item->record->code);
    g_free(listing->cells[at - 1]);
    listing->cells[at - 1] = g_strdup(json_string_value(value) ? json_string_value(value) : "");
  }
  guint disposal = GPOINTER_TO_UINT(g_hash_table_lookup(listing->by_header, DISPOSAL));
  if (item->tombstone != NULL && disposal == 0) return throw_null(error, LANTAI_ERROR_CONFLICT, "“%s”在导出过程中销毁了原文，没有导出。请重新导出", item->record->code);
  if (item->tombstone != NULL) {
    g_free(listing->cells[disposal - 1]);
    listing->cells[disposal - 1] = item_disposal(item);
  }
  guint last = GPOINTER_TO_UINT(g_hash_table_lookup(listing->by_header, listing->keyed ? EXCHANGE_KEY_HEADER : DOCUMENTS)) - 1;
  if (*documents) {
    g_free(listing->cells[last]);
    listing->cells[last] = g_strdup(documents);
  }
  for (guint i = 0; i < count; i++)
    if (listing->cells[i] == NULL) listing->cells[i] = g_strdup("");
  return (const char *const *)listing->cells;
}
