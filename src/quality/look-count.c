/* Counts that a description declares, against what is kept. */
#include "internal.h"

char *look_pages(Look *look) {
  const CatalogRecord *record = look->record;
  if (record->page_count == 0 || look->files == 0 || look->pages_unknown > 0 || look->pages == record->page_count) return NULL;
  return g_strdup_printf("著录 %d 页，原文 %" G_GINT64_FORMAT " 页", record->page_count, look->pages);
}

/* What says how many pieces a volume has: a field of the category by its label, or a column of a delivery. */
static gboolean is_piece_count(const Look *look, const char *key) {
  static const char *const NAMES[] = {"件数", "卷内件数", "总件数", "文件件数", "卷内文件数", "份数", "js", "JS", NULL};
  if (g_strv_contains(NAMES, key)) return TRUE;
  for (guint i = 0; look->category && i < look->category->field_count; i++)
    if (g_str_equal(look->category->fields[i].key, key)) return g_strv_contains(NAMES, look->category->fields[i].label);
  return FALSE;
}

char *look_pieces(Look *look) {
  if (look->record->level != LEVEL_VOLUME) return NULL;
  const char *key;
  json_t *value;
  json_object_foreach(look->fields, key, value) {
    guint64 declared;
    g_autofree char *half = json_is_string(value) && is_piece_count(look, key) ? look_half_width(json_string_value(value)) : NULL;
    if (half == NULL) continue;
    half[strspn(half, "0123456789")] = '\0'; /* 12件 */
    if (!g_ascii_string_to_unsigned(half, 10, 0, G_MAXINT32, &declared, NULL)) continue;
    if ((gint64)declared != look->children) return g_strdup_printf("著录 %" G_GUINT64_FORMAT " 件，卷内 %" G_GINT64_FORMAT " 件", declared, look->children);
  }
  return NULL;
}
