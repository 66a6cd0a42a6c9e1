/* The records of an authority or topic on its page: through the search with the gate, paged by key, with facets whose values are links. */
#include "internal.h"

enum { PAGE = 20, VALUES_SHOWN = 30 };

static const struct { const char *name, *label; } FACETS[] = {{"fonds", "全宗"}, {"category", "门类"}, {"year", "年度"}, {"opening", "开放状态"}};

static GArray *ids_of(WebRequest *request, Sql *sql, gint64 authority_id, const char *role, SearchRequest *ask, GError **error) {
  GArray *ids = topic_records(sql, authority_id, role, error);
  if (ids == NULL) return NULL;
  ask->only = (const gint64 *)(gpointer)ids->data;
  ask->only_count = ids->len;
  return ids;
}

gint64 count_hits(WebRequest *request, Sql *sql, gint64 authority_id, const char *role, GError **error) {
  SearchRequest ask = {0};
  g_autoptr(GArray) ids = ids_of(request, sql, authority_id, role, &ask, error);
  g_autoptr(SearchResult) result = ids == NULL ? NULL : search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  return result == NULL ? -1 : (gint64)result->count;
}

/* This page's address with a value of a filter switched. */
static char *switched(WebRequest *request, const char *name, gint64 value, gboolean *ret_on) {
  g_autoptr(GString) address = g_string_new("?");
  *ret_on = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(FACETS); i++) {
    gsize count;
    const gint64 *values = web_ints(request, FACETS[i].name, &count);
    for (gsize v = 0; v < count; v++) {
      gboolean same = g_str_equal(FACETS[i].name, name) && values[v] == value;
      *ret_on = *ret_on || same;
      if (!same) g_string_append_printf(address, "%s=%" G_GINT64_FORMAT "&", FACETS[i].name, values[v]);
    }
  }
  if (!*ret_on) g_string_append_printf(address, "%s=%" G_GINT64_FORMAT "&", name, value);
  static const char *const kept[] = {"q", "role", "sort"};
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    g_autofree char *escaped = web_text(request, kept[i]) ? g_uri_escape_string(web_text(request, kept[i]), NULL, FALSE) : NULL;
    if (escaped != NULL) g_string_append_printf(address, "%s=%s&", kept[i], escaped);
  }
  g_string_truncate(address, address->len - 1);
  return g_strconcat(web_path(request), address->str, NULL);
}

static char *value_label(WebRequest *request, Sql *sql, const char *facet, gint64 value) {
  if (g_str_equal(facet, "fonds")) {
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), value, NULL);
    return g_strdup(fonds ? fonds->title : "未知全宗");
  }
  if (g_str_equal(facet, "category")) {
    const CatalogCategory *category = value < 1 || value > 255 ? NULL : catalog_category(web_house(request)->catalog, (guint8)value);
    return g_strdup(category ? category->title : "未分类");
  }
  if (g_str_equal(facet, "opening")) return g_strdup(opening_label((Opening)CLAMP(value, 0, OPENING_DEFERRED)));
  return value ? g_strdup_printf("%" G_GINT64_FORMAT, value) : g_strdup("不详");
}

static int newest_first(gconstpointer a, gconstpointer b) {
  gint64 x = ((const SearchFacetValue *)a)->value, y = ((const SearchFacetValue *)b)->value;
  return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *facets_of(WebRequest *request, Sql *sql, const SearchResult *result) {
  json_t *list = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(FACETS); i++)
    for (guint f = 0; result->facets != NULL && f < result->facets->len; f++) {
      const SearchFacet *facet = result->facets->pdata[f];
      if (!g_str_equal(facet->name, FACETS[i].name) || facet->values->len == 0) continue;
      if (g_str_equal(facet->name, "year")) g_array_sort(facet->values, newest_first);
      json_t *values = json_array();
      guint shown = g_str_equal(facet->name, "year") ? facet->values->len : MIN(facet->values->len, VALUES_SHOWN);
      for (guint v = 0; v < shown; v++) {
        const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, v);
        gboolean on;
        g_autofree char *label = value_label(request, sql, facet->name, value->value), *href = switched(request, facet->name, value->value, &on);
        json_array_append_new(values, json_pack("{s:s, s:I, s:s, s:b}", "label", label, "count", (json_int_t)value->count, "href", href, "on", on));
      }
      json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:b}", "name", FACETS[i].name, "label", FACETS[i].label, "values", values, "more",
        facet->values->len > shown));
    }
  return list;
}

static json_t *items_of(WebRequest *request, Sql *sql, GPtrArray *records, GPtrArray *terms) {
  json_t *items = json_array();
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    json_t *item = catalog_record_json(web_house(request)->catalog, record);
    g_autoptr(GPtrArray) own = search_record_terms(web_house(request)->search, sql, terms, record->id);
    json_object_set_new(item, "title_parts", search_mark(own, record->title, 0));
    json_object_set_new(item, "is_described", json_boolean(record->level >= LEVEL_VOLUME));
    json_array_append_new(items, item);
  }
  return items;
}

gboolean add_hits(WebRequest *request, Sql *sql, gint64 authority_id, const char *role, json_t *model, GError **error) {
  SearchRequest ask = {.query = web_text(request, "q"), .after = web_text(request, "after"), .limit = PAGE, .facets = TRUE};
  ask.sort = g_strcmp0(web_text(request, "sort"), "newest") == 0 ? SEARCH_SORT_DATE_DESC : SEARCH_SORT_DATE_ASC;
  ask.fonds = web_ints(request, "fonds", &ask.fonds_count);
  ask.categories = web_ints(request, "category", &ask.categories_count);
  ask.years = web_ints(request, "year", &ask.years_count);
  ask.openings = web_ints(request, "opening", &ask.openings_count);
  g_autoptr(GArray) ids = ids_of(request, sql, authority_id, role, &ask, error);
  g_autoptr(SearchResult) result = ids == NULL ? NULL : search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  g_autoptr(GPtrArray) records = result == NULL ? NULL
    : catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)result->ids->data, result->ids->len, error);
  if (records == NULL) return FALSE;
  json_object_set_new(model, "hits", json_integer((json_int_t)result->count));
  json_object_set_new(model, "items", items_of(request, sql, records, result->terms));
  json_object_set_new(model, "facets", facets_of(request, sql, result));
  json_object_set_new(model, "q", json_string(ask.query ? ask.query : ""));
  json_object_set_new(model, "newest", json_boolean(ask.sort == SEARCH_SORT_DATE_DESC));
  g_autofree char *other = web_query_with(request, "sort", ask.sort == SEARCH_SORT_DATE_DESC ? "oldest" : "newest");
  json_object_set_new(model, "sort_query", json_string(other));
  json_object_set_new(model, "paged", json_boolean(ask.after != NULL));
  gboolean narrowed = ask.query != NULL || ask.fonds_count || ask.categories_count || ask.years_count || ask.openings_count;
  json_object_set_new(model, "narrowed", json_boolean(narrowed));
  json_object_set_new(model, "any_hits", json_boolean(narrowed || result->count > 0));
  if (result->notice != NULL) json_object_set_new(model, "notice", json_string(result->notice));
  if (result->next == NULL) return TRUE;
  g_autofree char *next = web_query_with(request, "after", result->next);
  json_object_set_new(model, "next", json_string(next));
  return TRUE;
}
