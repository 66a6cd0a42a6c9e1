/* Faults of dates: what is written, what it was understood as, and what stands around it. */
#include "internal.h"

enum { YEAR_FIRST = 1000 };

char *look_date_reversed(Look *look) {
  static const char *const DASHES[] = {"至", "—", "－", "–", "～", "~", "/", "-"};
  const char *text = look->record->date_text;
  if (*text == '\0' || look->record->date.from) return look->record->date.from > look->record->date.to ? g_strdup_printf("日期写作“%s”", text) : NULL;
  for (guint i = 0; i < G_N_ELEMENTS(DASHES); i++)
    for (const char *at = strstr(text, DASHES[i]); at; at = strstr(at + 1, DASHES[i])) {
      g_autofree char *left = g_strndup(text, (gsize)(at - text)), *right = g_strdup(at + strlen(DASHES[i]));
      DateSpan from, to;
      if (!date_parse(g_strstrip(left), &from) || !date_parse(g_strstrip(right), &to) || from.from == 0 || to.to == 0) continue;
      return to.to < from.from ? g_strdup_printf("日期写作“%s”", text) : NULL;
    }
  return NULL;
}

char *look_date_unread(Look *look) {
  if (*look->record->date_text == '\0' || look->record->date.from) return NULL;
  g_autofree char *reversed = look_date_reversed(look);
  return reversed ? NULL : g_strdup_printf("日期写作“%s”", look->record->date_text);
}

char *look_date_future(Look *look) {
  if (look->record->date.from > look->today) return g_strdup_printf("日期 %s", look->record->date_text);
  return look->record->year > look->today / 10000 ? g_strdup_printf("年度 %d", look->record->year) : NULL;
}

char *look_date_early(Look *look) {
  if (look->fonds == NULL || look->fonds->date.from == 0 || look->record->date.to == 0 || look->record->level < LEVEL_VOLUME) return NULL;
  if (look->record->date.to >= look->fonds->date.from) return NULL;
  return g_strdup_printf("日期 %s，全宗起于 %s", look->record->date_text, look->fonds->date_text);
}

char *look_date_year(Look *look) {
  const CatalogRecord *record = look->record;
  if (record->level < LEVEL_VOLUME || record->year == 0 || record->date.from == 0) return NULL;
  if (record->year >= record->date.from / 10000 && record->year <= record->date.to / 10000) return NULL;
  return g_strdup_printf("年度 %d，日期 %s", record->year, record->date_text);
}

json_t *mend_date_year(Look *look) {
  gint32 year = look->record->date.from / 10000;
  g_autofree char *text = g_strdup_printf("%d", year);
  return year >= YEAR_FIRST ? json_pack("{s:s}", "year", text) : json_object();
}

static gboolean is_wide(const char *text) {
  g_autofree char *half = look_half_width(text);
  return !g_str_equal(half, text);
}

char *look_date_width(Look *look) {
  if (is_wide(look->record->date_text)) return g_strdup_printf("日期写作“%s”", look->record->date_text);
  return is_wide(look->record->docno) ? g_strdup_printf("文号写作“%s”", look->record->docno) : NULL;
}

json_t *mend_date_width(Look *look) {
  json_t *values = json_object();
  g_autofree char *date = look_half_width(look->record->date_text), *docno = look_half_width(look->record->docno);
  if (is_wide(look->record->date_text)) json_object_set_new(values, "date", json_string(date));
  if (is_wide(look->record->docno)) json_object_set_new(values, "docno", json_string(docno));
  return values;
}
