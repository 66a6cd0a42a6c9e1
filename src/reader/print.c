/* The hit list on paper: a plain table, so many rows a sheet set, with what was asked and when. */
#include "search-page.h"
#include "error.h"

enum { ROWS = 500 };

static json_t *row_model(const House *house, const CatalogRecord *record, gint64 number) {
  json_t *row = catalog_record_json(house->catalog, record);
  json_object_set_new(row, "number", json_integer(number));
  return row;
}

static json_t *conditions(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result) {
  json_auto_t *chips = search_chips_model(request, sql, asked, result);
  json_t *labels = json_array(), *chip;
  size_t i;
  json_array_foreach(chips, i, chip) json_array_append(labels, json_object_get(chip, "label"));
  return labels;
}

WebReply *reader_print(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  json_auto_t *asked = asked_read(request, error);
  g_auto(AskedHold) hold = {0};
  SearchRequest search = {.limit = ROWS, .after = web_text(request, "after"), .facets = TRUE};
  g_autoptr(Sql) sql = asked ? sql_read(house->db, error) : NULL;
  if (sql == NULL || !asked_request(asked, sql, &hold, &search, error)) return NULL;
  g_autoptr(SearchResult) result = search_run(house->search, sql, web_scope(request), &search, error);
  g_autoptr(GPtrArray) records =
    result ? catalog_records(sql, web_scope(request), (const gint64 *)(void *)result->ids->data, result->ids->len, error) : NULL;
  if (records == NULL) return NULL;
  gint64 first = search.after ? MAX(web_int(request, "n", 1), 1) : 1;
  json_t *rows = json_array();
  for (guint i = 0; i < records->len; i++) json_array_append_new(rows, row_model(house, g_ptr_array_index(records, i), first + i));
  json_t *model = json_pack("{s:s, s:s?, s:I, s:o, s:o, s:I, s:I, s:I}", "title", "检索结果", "q", search.query, "hits", (json_int_t)result->count, "rows", rows,
    "conditions", conditions(request, sql, asked, result), "first", (json_int_t)first, "last", (json_int_t)(first + records->len - 1), "at", (json_int_t)clock_now_us());
  g_autofree char *here = asked_address("/search/print", asked), *list = asked_address("/search", asked);
  json_object_set_new(model, "list_href", json_string(list));
  if (result->next) {
    g_autofree char *after = g_uri_escape_string(result->next, NULL, FALSE);
    g_autofree char *href = g_strdup_printf("%s%cafter=%s&n=%" G_GINT64_FORMAT, here, strchr(here, '?') ? '&' : '?', after, first + records->len);
    json_object_set_new(model, "next_href", json_string(href));
  }
  return web_model(model);
}
