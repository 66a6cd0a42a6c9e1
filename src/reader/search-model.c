/* What the search page shows: filters with counts, chips, orders, hits with the pages that hit. Every name and count is within the asker's scope. */
#include "search-page.h"
#include <string.h>

enum { FACET_VALUES_SHOWN = 60, SNIPPET_CHARACTERS = 160, PAGES_SHOWN = 6, CONTEXT_BYTES = 2500 };

/* ---- filters ---- */

static gint newest_first(gconstpointer a, gconstpointer b) {
  gint64 x = ((const SearchFacetValue *)a)->value, y = ((const SearchFacetValue *)b)->value;
  return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *facet_model(WebRequest *request, Sql *sql, json_t *asked, const SearchFacet *facet, const char *label) {
  json_t *values = json_array();
  guint shown = MIN(facet->values->len, FACET_VALUES_SHOWN);
  if (g_str_equal(facet->name, "year")) {
    g_array_sort(facet->values, newest_first);
    shown = facet->values->len;
  }
  for (guint i = 0; i < shown; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    json_auto_t *toggled = asked_toggled(asked, facet->name, value->value);
    g_autofree char *text = asked_label(request, sql, facet->name, value->value), *href = asked_address("/search", toggled);
    json_array_append_new(values, json_pack("{s:s, s:I, s:I, s:b, s:s}", "label", text, "value", (json_int_t)value->value, "count", (json_int_t)value->count, "on",
      asked_has(asked, facet->name, value->value), "href", href));
  }
  return json_pack("{s:s, s:s, s:o, s:b}", "name", facet->name, "label", label, "values", values, "more", facet->values->len > shown);
}

json_t *search_facets_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result) {
  json_t *facets = json_array();
  for (guint i = 0; i < ASKED_LISTS; i++)
    for (guint f = 0; result->facets && f < result->facets->len; f++) {
      const SearchFacet *facet = g_ptr_array_index(result->facets, f);
      if (g_str_equal(facet->name, ASKED_LIST[i].name) && facet->values->len)
        json_array_append_new(facets, facet_model(request, sql, asked, facet, ASKED_LIST[i].label));
    }
  return facets;
}

/* ---- chips: each with the address without it ---- */

static gint64 facet_count(const SearchResult *result, const char *name, gint64 value) {
  for (guint f = 0; result->facets && f < result->facets->len; f++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, f);
    for (guint v = 0; g_str_equal(facet->name, name) && v < facet->values->len; v++)
      if (g_array_index(facet->values, SearchFacetValue, v).value == value) return g_array_index(facet->values, SearchFacetValue, v).count;
  }
  return 0;
}

static void add_chip(json_t *chips, const char *kind, const char *label, json_t *without) {
  g_autofree char *href = asked_address("/search", without);
  json_array_append_new(chips, json_pack("{s:s, s:s, s:s}", "kind", kind, "label", label, "href", href));
  json_decref(without);
}

static void add_words(json_t *chips, json_t *asked) {
  g_autoptr(GPtrArray) parts = reader_chain_parts(json_string_value(json_object_get(asked, "q")));
  for (guint i = 0; i < parts->len; i++) {
    g_autofree char *rest = reader_chain_without(parts, i);
    add_chip(chips, "word", g_ptr_array_index(parts, i), asked_with(asked, "q", *rest ? json_string(rest) : NULL));
  }
}

json_t *search_chips_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result) {
  json_t *chips = json_array();
  add_words(chips, asked);
  for (guint i = 0; i < ASKED_LISTS; i++) {
    size_t v;
    json_t *each;
    json_array_foreach(json_object_get(asked, ASKED_LIST[i].name), v, each) {
      gint64 value = json_integer_value(each);
      g_autofree char *text = asked_label(request, sql, ASKED_LIST[i].name, value);
      g_autofree char *label = g_strdup_printf("%s：%s（%" G_GINT64_FORMAT "）", ASKED_LIST[i].label, text, facet_count(result, ASKED_LIST[i].name, value));
      add_chip(chips, "filter", label, asked_toggled(asked, ASKED_LIST[i].name, value));
    }
  }
  for (guint i = 0; i < ASKED_NUMBERS; i++) {
    gint64 value = json_integer_value(json_object_get(asked, ASKED_NUMBER[i].name));
    if (value == 0) continue;
    gboolean changes = g_str_equal(ASKED_NUMBER[i].name, "since");
    g_autofree char *text = changes ? NULL : asked_label(request, sql, ASKED_NUMBER[i].name, value);
    g_autofree char *label = changes ? g_strdup("上次查看后新增或有改动") : g_strdup_printf("%s：%s", ASKED_NUMBER[i].label, text);
    add_chip(chips, "filter", label, asked_with(asked, ASKED_NUMBER[i].name, NULL));
  }
  if (json_object_get(asked, "files")) add_chip(chips, "filter", "有原文", asked_with(asked, "files", NULL));
  return chips;
}

static void add_sort(json_t *sorts, json_t *asked, const char *word, const char *label) {
  const char *current = json_string_value(json_object_get(asked, "sort"));
  json_auto_t *sorted = asked_with(asked, "sort", g_str_equal(word, "relevance") ? NULL : json_string(word));
  g_autofree char *href = asked_address("/search", sorted);
  json_array_append_new(sorts, json_pack("{s:s, s:s, s:b}", "label", label, "href", href, "on", g_str_equal(word, current ? current : "relevance")));
}

/* The category of all hits; NULL: they are of several, or it is none. */
static const CatalogCategory *category_of_hits(const WebRequest *request, json_t *asked, const SearchResult *result) {
  json_t *list = json_object_get(asked, "category");
  gint64 id = json_array_size(list) == 1 ? json_integer_value(json_array_get(list, 0)) : 0;
  for (guint f = 0; list == NULL && result->facets && f < result->facets->len; f++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, f);
    if (g_str_equal(facet->name, "category") && facet->values->len == 1) id = g_array_index(facet->values, SearchFacetValue, 0).value;
  }
  return id > 0 && id < 256 ? catalog_category(web_house(request)->catalog, (guint8)id) : NULL;
}

/* A date of the category, newest first; the one in use also the other way. */
static void add_field_sorts(json_t *sorts, json_t *asked, const char *label) {
  static const char *const ways[][2] = {{"newest", "从新到旧"}, {"oldest", "从旧到新"}};
  const char *current = json_string_value(json_object_get(asked, "sort"));
  gboolean used = current && g_str_has_prefix(current, label) && current[strlen(label)] == '.';
  for (guint i = 0; i < (used ? 2 : 1); i++) {
    g_autofree char *word = g_strdup_printf("%s.%s", label, ways[i][0]), *text = g_strconcat(label, ways[i][1], NULL);
    add_sort(sorts, asked, word, text);
  }
}

json_t *search_sorts_model(WebRequest *request, json_t *asked, const SearchResult *result) {
  json_t *sorts = json_array();
  for (guint i = 0; i < ASKED_SORTS; i++) add_sort(sorts, asked, ASKED_SORT[i].name, ASKED_SORT[i].label);
  const CatalogCategory *category = category_of_hits(request, asked, result);
  for (guint i = 0; category && i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    if (g_str_equal(field->type, "date") && search_field_shown(request, field)) add_field_sorts(sorts, asked, field->label);
  }
  return sorts;
}

/* ---- hits ---- */

static char *with_context(char *base, json_t *asked, gint64 number, gboolean words) {
  g_autofree char *address = asked_address("", asked);
  const char *query = json_string_value(json_object_get(asked, "q"));
  g_autoptr(GString) href = g_string_new(base);
  g_free(base);
  if (query && words) {
    g_autofree char *escaped = g_uri_escape_string(query, NULL, FALSE);
    g_string_append_printf(href, "%cq=%s", strchr(href->str, '?') ? '&' : '?', escaped);
  }
  if (number > 0 && strlen(address) < CONTEXT_BYTES) {
    g_autofree char *escaped = g_uri_escape_string(*address ? address + 1 : "", NULL, FALSE);
    g_string_append_printf(href, "%cs=%s&n=%" G_GINT64_FORMAT, strchr(href->str, '?') ? '&' : '?', escaped, number);
  }
  return g_string_free(g_steal_pointer(&href), FALSE);
}

char *search_record_href(json_t *asked, gint64 record_id, gint64 number) {
  return with_context(g_strdup_printf("/record/%" G_GINT64_FORMAT, record_id), asked, number, TRUE);
}

static char *view_href(json_t *asked, gint64 record_id, guint page, gint64 number) {
  char *base = page ? g_strdup_printf("/record/%" G_GINT64_FORMAT "/view?page=%u", record_id, page) : g_strdup_printf("/record/%" G_GINT64_FORMAT "/view", record_id);
  return with_context(base, asked, number, TRUE);
}

/* Which pages of the record hit, the first few with their addresses. */
static gboolean add_pages(json_t *item, WebRequest *request, Sql *sql, json_t *asked, gint64 number, GError **error) {
  gint64 record_id = json_integer_value(json_object_get(item, "id"));
  const char *query = json_string_value(json_object_get(asked, "q"));
  g_autoptr(GArray) hits = search_record_pages(web_house(request)->search, sql, query, record_id, NULL, error);
  if (hits == NULL) return FALSE;
  json_t *pages = json_array();
  for (guint i = 0; i < MIN(hits->len, PAGES_SHOWN); i++) {
    guint page = g_array_index(hits, SearchPageHit, i).page;
    g_autofree char *href = view_href(asked, record_id, page, number);
    json_array_append_new(pages, json_pack("{s:i, s:s}", "page", (int)page, "href", href));
  }
  json_object_set_new(item, "hit_pages", pages);
  if (hits->len > PAGES_SHOWN) json_object_set_new(item, "hit_pages_count", json_integer(hits->len));
  return TRUE;
}

/* The value that hits stand in the order of, with its label, and whether it only says the record's date again; NULL: they stand in another order, or it has none. */
static json_t *sorted_by(json_t *asked, json_t *item, const CatalogRecord *record) {
  SearchSort sort;
  g_autofree char *label = NULL;
  if (!search_sort_read(json_string_value(json_object_get(asked, "sort")), &sort, &label) || label == NULL) return NULL;
  json_t *field;
  size_t i;
  json_array_foreach(json_object_get(item, "fields"), i, field) {
    if (g_strcmp0(json_string_value(json_object_get(field, "label")), label) != 0) continue;
    DateSpan days = {0, 0};
    json_t *sorted = json_copy(field);
    if (date_parse(json_string_value(json_object_get(field, "value")), &days) && days.from == record->date.from && days.to == record->date.to)
      json_object_set_new(sorted, "is_date", json_true());
    return sorted;
  }
  return NULL;
}

static gboolean has_mark(json_t *pieces) {
  size_t i;
  json_t *piece;
  json_array_foreach(pieces, i, piece) if (json_is_true(json_object_get(piece, "m"))) return TRUE;
  return FALSE;
}

/* The code it had before, when it is that one which hits and not today's. */
static void add_former(json_t *item, GPtrArray *terms, const CatalogRecord *record) {
  if (*record->former == '\0' || has_mark(json_object_get(item, "code_marked"))) return;
  g_auto(GStrv) codes = g_strsplit(record->former, "\n", -1);
  for (char **code = codes; *code != NULL; code++) {
    json_t *marked = search_mark(terms, *code, 0);
    if (has_mark(marked)) return (void)json_object_set_new(item, "former_marked", marked);
    json_decref(marked);
  }
}

static json_t *item_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result, const CatalogRecord *record, guint page, gint64 number,
  GError **error) {
  json_t *item = catalog_record_json(web_house(request)->catalog, record);
  g_autoptr(GPtrArray) terms = search_record_terms(web_house(request)->search, sql, result->terms, record->id);
  json_object_set_new(item, "title_marked", search_mark(terms, record->title, 0));
  json_object_set_new(item, "creator_marked", search_mark(terms, record->creator, 0));
  json_object_set_new(item, "docno_marked", search_mark(terms, record->docno, 0));
  json_object_set_new(item, "code_marked", search_mark(terms, record->code, 0));
  add_former(item, terms, record);
  gboolean files_seen = record->file_count > 0 && scope_admits_files(web_scope(request), record->fonds_id, record->security, record->opening);
  g_autofree char *href = search_record_href(asked, record->id, number), *view = view_href(asked, record->id, page, number);
  json_object_set_new(item, "href", json_string(href));
  json_object_set_new(item, "view_href", json_string(view));
  if (page) {
    g_autofree char *text = catalog_page_text(sql, web_scope(request), record->id, (int)page, NULL);
    if (text) json_object_set_new(item, "snippet", search_mark(terms, text, SNIPPET_CHARACTERS));
    json_object_set_new(item, "page", json_integer(page));
    if (files_seen && !add_pages(item, request, sql, asked, number, error)) return json_decref(item), NULL;
  }
  json_t *sorted = sorted_by(asked, item, record);
  if (sorted) json_object_set_new(item, "sorted_by", sorted);
  json_object_set_new(item, "may_view", json_boolean(files_seen));
  json_object_set_new(item, "is_described", json_boolean(record->level >= LEVEL_VOLUME));
  json_object_set_new(item, "restricted", json_boolean(record->security > SECURITY_PUBLIC));
  return item;
}

json_t *search_items_model(WebRequest *request, Sql *sql, json_t *asked, const SearchResult *result, gint64 first_number, GError **error) {
  g_autoptr(GPtrArray) records = catalog_records(sql, web_scope(request), (const gint64 *)(void *)result->ids->data, result->ids->len, error);
  if (records == NULL) return NULL;
  json_t *items = json_array();
  for (guint i = 0, at = 0; i < records->len; i++, at++) {
    const CatalogRecord *record = g_ptr_array_index(records, i);
    while (at < result->ids->len && g_array_index(result->ids, gint64, at) != record->id) at++;
    json_t *item = item_model(request, sql, asked, result, record, g_array_index(result->pages, guint, at), first_number + at, error);
    if (item == NULL) return json_decref(items), NULL;
    json_array_append_new(items, item);
  }
  return items;
}
