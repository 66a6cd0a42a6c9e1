/*
 * Where nothing was asked: not the first of all records, but the ways in: kept searches, categories, fonds, decades, how to ask.
 *
 * 1. Names and counts are those of the asker's facets, so nothing stands here that he would not find.
 */
#include "search-page.h"
#include <string.h>

enum { SHOWN = 24, SAVED_SHOWN = 8, YEARS = 10 };

static const SearchFacet *facet_of(const SearchResult *result, const char *name) {
  for (guint i = 0; result->facets && i < result->facets->len; i++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, i);
    if (g_str_equal(facet->name, name)) return facet;
  }
  return NULL;
}

static void add_way(json_t *ways, const char *label, const char *href, guint64 count) {
  json_array_append_new(ways, json_pack("{s:s, s:s, s:I}", "label", label, "href", href, "count", (json_int_t)count));
}

/* The values that most records have; what has none (0) is no way in. */
static json_t *values_model(WebRequest *request, Sql *sql, const SearchResult *result, const char *name) {
  const SearchFacet *facet = facet_of(result, name);
  json_t *ways = json_array();
  for (guint i = 0; facet && i < facet->values->len && json_array_size(ways) < SHOWN; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    if (value->value == 0) continue;
    g_autofree char *label = asked_label(request, sql, name, value->value), *href = g_strdup_printf("/search?%s=%" G_GINT64_FORMAT, name, value->value);
    add_way(ways, label, href, value->count);
  }
  return ways;
}

static gint newest_first(gconstpointer a, gconstpointer b) {
  gint64 x = ((const SearchFacetValue *)a)->value, y = ((const SearchFacetValue *)b)->value;
  return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *decades_model(const SearchResult *result) {
  json_t *ways = json_array();
  const SearchFacet *facet = facet_of(result, "year");
  if (facet == NULL) return ways;
  g_autoptr(GArray) years = g_array_copy(facet->values);
  g_array_sort(years, newest_first);
  for (guint i = 0; i < years->len;) {
    gint64 decade = g_array_index(years, SearchFacetValue, i).value / YEARS * YEARS;
    guint64 count = 0;
    for (; i < years->len && g_array_index(years, SearchFacetValue, i).value >= decade; i++) count += g_array_index(years, SearchFacetValue, i).count;
    if (decade == 0) break;
    g_autofree char *label = g_strdup_printf("%" G_GINT64_FORMAT "年代", decade);
    g_autofree char *href = g_strdup_printf("/search?from=%" G_GINT64_FORMAT "&to=%" G_GINT64_FORMAT, decade, decade + YEARS - 1);
    add_way(ways, label, href, count);
  }
  return ways;
}

static json_t *saved_model(WebRequest *request, Sql *sql, GError **error) {
  json_t *ways = json_array(), *row;
  if (*web_actor(request) == '\0') return ways;
  json_auto_t *rows = sql_json(sql, "SELECT name, asked FROM saved_search WHERE owner = $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_text(web_actor(request)), sql_int(SAVED_SHOWN)), error);
  if (rows == NULL) return json_decref(ways), NULL;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_auto_t *asked = json_loads(json_string_value(json_object_get(row, "asked")), 0, NULL);
    g_autofree char *href = asked_address("/search", asked);
    json_array_append_new(ways, json_pack("{s:O, s:s}", "label", json_object_get(row, "name"), "href", href));
  }
  return ways;
}

json_t *search_start_model(WebRequest *request, Sql *sql, const SearchResult *result, GError **error) {
  json_t *saved = saved_model(request, sql, error);
  if (saved == NULL) return NULL;
  return json_pack("{s:o, s:o, s:o, s:o, s:b}", "saved", saved, "categories", values_model(request, sql, result, "category"), "fonds",
    values_model(request, sql, result, "fonds"), "decades", decades_model(result), "may_catalog", web_may(request, "catalogue.read"));
}
