/*
 * Walking on from a record: to the hit before and after it, over all its pages that hit, to records like it.
 *
 * 1. A hit is named by the search and its number; nothing is kept between requests. When the catalogue changed meanwhile the number may lead to another hit,
 *    never to one outside the scope.
 * 2. The list of pages is shown only to who may see the record's files.
 */
#include "search-page.h"
#include "error.h"

enum { STEP = 10000, STEPS = 100, PAGES_LISTED = 300, EXCERPT_CHARACTERS = 140, LIKE_SHOWN = 10 };

static WebReply *over(json_t *asked, const char *message) {
  g_autofree char *list = asked_address("/search", asked);
  WebReply *reply = web_redirect("%s", list);
  web_flash(reply, message);
  return reply;
}

/* The id of hit `number` (from 1); 0 without error: there are fewer. */
static gint64 find_hit(WebRequest *request, json_t *asked, gint64 number, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_auto(AskedHold) hold = {0};
  SearchRequest search = {0};
  if (sql == NULL || !asked_request(asked, sql, &hold, &search, error)) return 0;
  g_autofree char *after = NULL;
  for (gint64 passed = 0; number <= (gint64)STEP * STEPS;) {
    search.after = after;
    search.limit = (guint)MIN(number - passed, STEP);
    g_autoptr(SearchResult) result = search_run(web_house(request)->search, sql, web_scope(request), &search, error);
    if (result == NULL) return 0;
    if (passed + result->ids->len >= number) return g_array_index(result->ids, gint64, number - passed - 1);
    if (result->next == NULL) return 0;
    passed += result->ids->len;
    g_free(after);
    after = g_strdup(result->next);
  }
  return 0;
}

WebReply *reader_hit(WebRequest *request, GError **error) {
  json_auto_t *asked = asked_read(request, error);
  if (asked == NULL) return NULL;
  gint64 number = web_int(request, "n", 1);
  if (number < 1) return over(asked, "这已经是第一条");
  g_autoptr(GError) failure = NULL;
  gint64 id = find_hit(request, asked, number, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (id == 0) return over(asked, "后面没有命中的条目了");
  g_autofree char *href = search_record_href(asked, id, number);
  return web_redirect("%s", href);
}

static json_t *page_row(WebRequest *request, Sql *sql, GPtrArray *terms, gint64 record_id, const SearchPageHit *hit, guint terms_count, GError **error) {
  g_autofree char *text = catalog_page_text(sql, web_scope(request), record_id, (int)hit->page, error);
  if (text == NULL) return NULL;
  g_autofree char *words = g_uri_escape_string(web_text(request, "q"), NULL, FALSE);
  g_autofree char *href = g_strdup_printf("/record/%" G_GINT64_FORMAT "/view?page=%u&q=%s", record_id, hit->page, words);
  return json_pack("{s:i, s:s, s:o, s:b}", "page", (int)hit->page, "href", href, "excerpt", search_mark(terms, text, EXCERPT_CHARACTERS), "whole",
    terms_count > 1 && hit->terms == terms_count);
}

WebReply *reader_record_hits(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *query = web_text(request, "q");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  g_autoptr(GPtrArray) files = record ? catalog_files(sql, web_scope(request), record->id, error) : NULL; /* DENIED: not these files */
  if (files == NULL) return NULL;
  if (files->len == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "“%s”（%s）没有电子原文", record->title, record->code);
  guint terms_count = 0;
  g_autoptr(GArray) hits = query ? search_record_pages(house->search, sql, query, record->id, &terms_count, error) : g_array_new(FALSE, FALSE, sizeof(SearchPageHit));
  if (hits == NULL) return NULL;
  g_autoptr(GPtrArray) terms = search_terms(house->search, sql, query, record->id);
  json_auto_t *pages = json_array();
  gint64 after = web_int(request, "after", 0);
  guint shown = 0, last = 0;
  for (guint i = 0; i < hits->len; i++) {
    const SearchPageHit *hit = &g_array_index(hits, SearchPageHit, i);
    if (hit->page <= after) continue;
    if (shown++ >= PAGES_LISTED) break;
    g_autoptr(GError) failure = NULL;
    json_t *row = page_row(request, sql, terms, record->id, hit, terms_count, &failure);
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
    if (row) json_array_append_new(pages, row);
    last = hit->page;
  }
  json_t *model = json_pack("{s:s, s:s?, s:i, s:O, s:o}", "title", record->title, "q", query, "count", (int)hits->len, "pages", pages, "record",
    catalog_record_json(house->catalog, record));
  if (shown > PAGES_LISTED) json_object_set_new(model, "next", json_integer(last));
  return web_model(model);
}

/* ---- records like this one ---- */

WebReply *reader_like(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  g_autoptr(GArray) like = record ? search_like(house->search, sql, web_scope(request), record->id, LIKE_SHOWN, error) : NULL;
  if (like == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (guint i = 0; i < like->len; i++) g_array_append_val(ids, g_array_index(like, SearchLike, i).id);
  g_autoptr(GPtrArray) records = catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)ids->data, ids->len, error);
  if (records == NULL) return NULL;
  json_t *items = json_array();
  for (guint i = 0; i < records->len; i++) json_array_append_new(items, catalog_record_json(house->catalog, g_ptr_array_index(records, i)));
  return web_model(json_pack("{s:s, s:o, s:o}", "title", "相似档案", "record", catalog_record_json(house->catalog, record), "items", items));
}
