/* The search page: query and filters live in the address; counts, facets and items come from one search within the asker's scope. */
#include "error.h"
#include "reader.h"
#include <string.h>

enum { HITS_PER_PAGE = 20, FACET_VALUES_SHOWN = 60, SNIPPET_CHARACTERS = 160 };

typedef struct {
  const char *name, *label;
} FacetLabel;
static const FacetLabel FACETS[] = {
  {"fonds", "全宗"}, {"category", "门类"}, {"year", "年度"}, {"retention", "保管期限"}, {"opening", "开放状态"}, {"level", "层级"}};
static const FacetLabel SORTS[] = {{"relevance", "相关"}, {"newest", "日期从新到旧"}, {"oldest", "日期从旧到新"}, {"code", "档号"}};

/* ---- the address ---- */

static void append_parameter(GString *address, const char *name, const char *value) {
  g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
  g_string_append_printf(address, "%c%s=%s", strchr(address->str, '?') ? '&' : '?', name, escaped);
}

static void append_number(GString *address, const char *name, gint64 value) {
  g_string_append_printf(address, "%c%s=%" G_GINT64_FORMAT, strchr(address->str, '?') ? '&' : '?', name, value);
}

/* This search's address with the filter toggled_name=toggled_value switched, another sort, or a page key; NULL keeps what is. */
static char *search_address(WebRequest *request, const char *toggled_name, gint64 toggled_value, const char *sort, const char *after) {
  GString *address = g_string_new("/search");
  if (web_text(request, "q")) append_parameter(address, "q", web_text(request, "q"));
  for (guint i = 0; i < G_N_ELEMENTS(FACETS); i++) {
    gsize count;
    const gint64 *values = web_ints(request, FACETS[i].name, &count);
    gboolean toggles = toggled_name && g_str_equal(FACETS[i].name, toggled_name), was_on = FALSE;
    for (gsize v = 0; v < count; v++) {
      gboolean same = toggles && values[v] == toggled_value;
      was_on |= same;
      if (!same) append_number(address, FACETS[i].name, values[v]);
    }
    if (toggles && !was_on) append_number(address, toggled_name, toggled_value);
  }
  static const char *const numbers[] = {"from", "to", "delivery", "parent"};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (web_int(request, numbers[i], 0) && g_strcmp0(toggled_name, numbers[i]) != 0) append_number(address, numbers[i], web_int(request, numbers[i], 0));
  if (web_flag(request, "files") && g_strcmp0(toggled_name, "files") != 0) append_number(address, "files", 1);
  const char *order = sort ? sort : web_text(request, "sort");
  if (order && !g_str_equal(order, "relevance")) append_parameter(address, "sort", order);
  if (after) append_parameter(address, "after", after);
  return g_string_free(address, FALSE);
}

/* ---- labels ---- */

/* The number may come from the address: only what the asker may see has a name here. */
static char *value_label(WebRequest *request, Sql *sql, const char *facet, gint64 value) {
  const House *house = web_house(request);
  if (g_str_equal(facet, "fonds")) {
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), value, NULL);
    return g_strdup(fonds && fonds->level == LEVEL_FONDS ? fonds->title : "未知全宗");
  }
  if (g_str_equal(facet, "parent")) {
    g_autoptr(CatalogRecord) parent = catalog_record_load(sql, web_scope(request), value, NULL);
    return parent ? g_strdup_printf("%s %s", parent->code, parent->title) : g_strdup("未知案卷");
  }
  if (g_str_equal(facet, "category")) {
    const CatalogCategory *category = catalog_category(house->catalog, (guint8)value);
    return g_strdup(category ? category->title : "未分类");
  }
  if (g_str_equal(facet, "retention")) return g_strdup(value ? catalog_retention_text(house->catalog, (guint8)value) : "未定");
  if (g_str_equal(facet, "opening")) return g_strdup(opening_label((Opening)CLAMP(value, 0, OPENING_DEFERRED)));
  if (g_str_equal(facet, "level")) return g_strdup(level_label((Level)CLAMP(value, LEVEL_FONDS, LEVEL_ITEM)));
  return value ? g_strdup_printf("%" G_GINT64_FORMAT, value) : g_strdup("不详");
}

static gboolean is_on(WebRequest *request, const char *name, gint64 value) {
  gsize count;
  const gint64 *values = web_ints(request, name, &count);
  for (gsize i = 0; i < count; i++)
    if (values[i] == value) return TRUE;
  return FALSE;
}

static gint newest_first(gconstpointer a, gconstpointer b) {
  gint64 x = ((const SearchFacetValue *)a)->value, y = ((const SearchFacetValue *)b)->value;
  return x < y ? 1 : x > y ? -1 : 0;
}

static json_t *facet_model(WebRequest *request, Sql *sql, const SearchFacet *facet, const char *label) {
  json_t *values = json_array();
  guint shown = MIN(facet->values->len, FACET_VALUES_SHOWN);
  if (g_str_equal(facet->name, "year")) {
    g_array_sort(facet->values, newest_first);
    shown = facet->values->len;
  }
  for (guint i = 0; i < shown; i++) {
    const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, i);
    g_autofree char *text = value_label(request, sql, facet->name, value->value), *href = search_address(request, facet->name, value->value, NULL, NULL);
    json_array_append_new(values,
      json_pack("{s:s, s:I, s:I, s:b, s:s}", "label", text, "value", (json_int_t)value->value, "count", (json_int_t)value->count, "on",
        is_on(request, facet->name, value->value), "href", href));
  }
  return json_pack("{s:s, s:s, s:o, s:b}", "name", facet->name, "label", label, "values", values, "more", facet->values->len > shown);
}

static json_t *facets_model(WebRequest *request, Sql *sql, const SearchResult *result) {
  json_t *facets = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(FACETS); i++)
    for (guint f = 0; result->facets && f < result->facets->len; f++) {
      const SearchFacet *facet = g_ptr_array_index(result->facets, f);
      if (g_str_equal(facet->name, FACETS[i].name) && facet->values->len) json_array_append_new(facets, facet_model(request, sql, facet, FACETS[i].label));
    }
  return facets;
}

/* The filters in force, each with the address without it. */
static json_t *chips_model(WebRequest *request, Sql *sql) {
  json_t *chips = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(FACETS); i++) {
    gsize count;
    const gint64 *values = web_ints(request, FACETS[i].name, &count);
    for (gsize v = 0; v < count; v++) {
      g_autofree char *text = value_label(request, sql, FACETS[i].name, values[v]), *label = g_strdup_printf("%s：%s", FACETS[i].label, text);
      g_autofree char *href = search_address(request, FACETS[i].name, values[v], NULL, NULL);
      json_array_append_new(chips, json_pack("{s:s, s:s}", "label", label, "href", href));
    }
  }
  static const FacetLabel others[] = {{"files", "有原文"}, {"from", "起始年度"}, {"to", "截止年度"}, {"delivery", "批次"}, {"parent", "案卷"}};
  for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
    gint64 value = i == 0 ? web_flag(request, "files") : web_int(request, others[i].name, 0);
    if (value == 0) continue;
    g_autofree char *text = value_label(request, sql, others[i].name, value);
    g_autofree char *label = i == 0 ? g_strdup(others[i].label) : g_strdup_printf("%s：%s", others[i].label, text),
                    *href = search_address(request, others[i].name, 0, NULL, NULL);
    json_array_append_new(chips, json_pack("{s:s, s:s}", "label", label, "href", href));
  }
  return chips;
}

static json_t *sorts_model(WebRequest *request) {
  const char *current = web_text(request, "sort");
  json_t *sorts = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(SORTS); i++) {
    g_autofree char *href = search_address(request, NULL, 0, SORTS[i].name, NULL);
    json_array_append_new(
      sorts, json_pack("{s:s, s:s, s:b}", "label", SORTS[i].label, "href", href, "on", g_str_equal(SORTS[i].name, current ? current : "relevance")));
  }
  return sorts;
}

/* ---- items ---- */

static json_t *item_model(WebRequest *request, Sql *sql, const SearchResult *result, const CatalogRecord *record, guint page) {
  json_t *item = catalog_record_json(web_house(request)->catalog, record);
  json_object_set_new(item, "title_marked", search_mark(result->terms, record->title, 0));
  json_object_set_new(item, "creator_marked", search_mark(result->terms, record->creator, 0));
  json_object_set_new(item, "docno_marked", search_mark(result->terms, record->docno, 0));
  json_object_set_new(item, "code_marked", search_mark(result->terms, record->code, 0));
  if (page) {
    g_autofree char *text = catalog_page_text(sql, web_scope(request), record->id, (int)page, NULL);
    if (text) json_object_set_new(item, "snippet", search_mark(result->terms, text, SNIPPET_CHARACTERS));
    json_object_set_new(item, "page", json_integer(page));
  }
  gboolean files_seen = record->file_count > 0 && scope_admits_files(web_scope(request), record->fonds_id, record->security, record->opening);
  json_object_set_new(item, "may_view", json_boolean(files_seen));
  json_object_set_new(item, "is_described", json_boolean(record->level >= LEVEL_VOLUME));
  json_object_set_new(item, "restricted", json_boolean(record->security > SECURITY_PUBLIC));
  return item;
}

static json_t *items_model(WebRequest *request, Sql *sql, const SearchResult *result, GError **error) {
  g_autoptr(GPtrArray) records = catalog_records(sql, web_scope(request), (const gint64 *)(void *)result->ids->data, result->ids->len, error);
  if (records == NULL) return NULL;
  json_t *items = json_array();
  for (guint i = 0, at = 0; i < records->len; i++, at++) {
    const CatalogRecord *record = g_ptr_array_index(records, i);
    while (at < result->ids->len && g_array_index(result->ids, gint64, at) != record->id) at++;
    json_array_append_new(items, item_model(request, sql, result, record, g_array_index(result->pages, guint, at)));
  }
  return items;
}

static gboolean read_request(WebRequest *request, SearchRequest *search, GError **error) {
  search->query = web_text(request, "q");
  search->parent_id = web_int(request, "parent", 0);
  search->accession_id = web_int(request, "delivery", 0);
  search->fonds = web_ints(request, "fonds", &search->fonds_count);
  search->categories = web_ints(request, "category", &search->categories_count);
  search->years = web_ints(request, "year", &search->years_count);
  search->retentions = web_ints(request, "retention", &search->retentions_count);
  search->openings = web_ints(request, "opening", &search->openings_count);
  search->levels = web_ints(request, "level", &search->levels_count);
  search->year_from = (int)CLAMP(web_int(request, "from", 0), 0, 9999);
  search->year_to = (int)CLAMP(web_int(request, "to", 0), 0, 9999);
  search->with_files = web_flag(request, "files");
  search->after = web_text(request, "after");
  search->limit = (guint)CLAMP(web_int(request, "limit", HITS_PER_PAGE), 1, 200);
  search->facets = TRUE;
  const char *sort = web_text(request, "sort");
  for (guint i = 0; i < G_N_ELEMENTS(SORTS); i++)
    if (sort == NULL || g_str_equal(SORTS[i].name, sort)) return search->sort = sort ? (SearchSort)i : SEARCH_SORT_RELEVANCE, TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "不认识的次序“%s”", sort);
}

/* Renumbering takes words, one fonds and one category: a search narrowed otherwise would renumber more than it shows. */
static gboolean renumber_understands(const char *href) {
  const char *query = strchr(href, '?');
  if (query == NULL) return FALSE;
  g_auto(GStrv) pairs = g_strsplit(query + 1, "&", -1);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  static const char *const known[] = {"q", "fonds", "category", "delivery", "sort", NULL};
  for (char **pair = pairs; *pair != NULL; pair++) {
    char *name = g_strndup(*pair, strcspn(*pair, "="));
    gboolean fit = g_strv_contains(known, name);
    if (!g_hash_table_add(seen, name) || !fit) return FALSE;
  }
  return !g_hash_table_contains(seen, "sort") || g_hash_table_size(seen) > 1;
}

WebReply *reader_search(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  SearchRequest search = {0};
  if (!read_request(request, &search, error)) return NULL;
  gint64 begin = g_get_monotonic_time();
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SearchResult) result = sql ? search_run(house->search, sql, web_scope(request), &search, error) : NULL;
  double milliseconds = (double)(g_get_monotonic_time() - begin) / 1000.0;
  json_t *items = result ? items_model(request, sql, result, error) : NULL;
  if (items == NULL) return NULL;
  g_autofree char *took = g_strdup_printf("%.1f", milliseconds);
  json_t *model = json_pack("{s:s, s:s?, s:I, s:o, s:s?, s:s?, s:s}", "title", search.query ? search.query : "检索", "q", search.query, "hits",
    (json_int_t)result->count, "items", items, "next", result->next, "notice", result->notice, "milliseconds", took);
  json_object_set_new(model, "facets", facets_model(request, sql, result));
  json_object_set_new(model, "chips", chips_model(request, sql));
  json_object_set_new(model, "sorts", sorts_model(request));
  if (result->count > 0 && web_may(request, "record.export")) {
    g_autofree char *here = search_address(request, NULL, 0, NULL, NULL), *href = g_strconcat("/export", here + strlen("/search"), NULL);
    if (strchr(here, '?')) json_object_set_new(model, "export_href", json_string(href)); /* not the whole archives by a slip */
  }
  if (result->count > 0 && web_may(request, "code.renumber")) {
    g_autofree char *here = search_address(request, NULL, 0, NULL, NULL), *href = g_strconcat("/renumber", here + strlen("/search"), NULL);
    if (renumber_understands(href)) json_object_set_new(model, "renumber_href", json_string(href));
  }
  if (result->next) {
    g_autofree char *href = search_address(request, NULL, 0, NULL, result->next);
    json_object_set_new(model, "next_href", json_string(href));
  }
  if (search.after) {
    g_autofree char *href = search_address(request, NULL, 0, NULL, NULL);
    json_object_set_new(model, "first_href", json_string(href));
  }
  return web_model(model);
}

WebReply *reader_suggest(WebRequest *request, GError **error) {
  const char *beginning = web_text(request, "q");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *items = sql ? (beginning ? search_suggest(web_house(request)->search, sql, web_scope(request), beginning, 10, error) : json_array()) : NULL;
  return items ? web_model(json_pack("{s:o}", "items", items)) : NULL;
}

/* ---- the table ---- */

static const WebParameter SEARCH_PARAMETERS[] = {{"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"fonds", WEB_INTS, FALSE, 100, "全宗"},
  {"category", WEB_INTS, FALSE, 100, "门类"}, {"year", WEB_INTS, FALSE, 200, "年度"}, {"retention", WEB_INTS, FALSE, 50, "保管期限"},
  {"opening", WEB_INTS, FALSE, 4, "开放状态"}, {"level", WEB_INTS, FALSE, 4, "层级"}, {"from", WEB_INT, FALSE, 0, "起始年度"},
  {"to", WEB_INT, FALSE, 0, "截止年度"}, {"delivery", WEB_INT, FALSE, 0, "批次"}, {"parent", WEB_INT, FALSE, 0, "上级"},
  {"files", WEB_FLAG, FALSE, 0, "有原文"}, {"sort", WEB_TEXT, FALSE, 20, "次序"}, {"after", WEB_TEXT, FALSE, 500, "续页键"},
  {"limit", WEB_INT, FALSE, 0, "条数"}, {NULL}};
static const WebParameter SUGGEST_PARAMETERS[] = {{"q", WEB_TEXT, FALSE, 200, "开头"}, {NULL}};
static const WebParameter VIEW_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "条目"}, {"page", WEB_INT, FALSE, 0, "页"}, {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {NULL}};
static const WebParameter FILE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"download", WEB_FLAG, FALSE, 0, "下载"}, {NULL}};
static const WebParameter PAGE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"page", WEB_INT, FALSE, 0, "页"}, {NULL}};
static const WebParameter TILE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"page", WEB_INT, TRUE, 0, "页"}, {"level", WEB_INT, TRUE, 0, "级"},
  {"x", WEB_INT, TRUE, 0, "列"}, {"y", WEB_INT, TRUE, 0, "行"}, {NULL}};

const WebRoute READER_ROUTES[] = {
  {"GET", "/search", "public", SEARCH_PARAMETERS, "reader/search", reader_search, "检索"},
  {"GET", "/suggest", "public", SUGGEST_PARAMETERS, "reader/suggest", reader_suggest, "提示"},
  {"GET", "/record/{id}/view", "public", VIEW_PARAMETERS, "reader/view", reader_view, "阅览"},
  {"GET", "/record/{id}/text", "public", VIEW_PARAMETERS, "reader/text", reader_text, "文字"},
  {"GET", "/file/{id}", "public", FILE_PARAMETERS, NULL, reader_file, NULL},
  {"GET", "/file/{id}/thumbnail", "public", PAGE_PARAMETERS, "reader/image", reader_thumbnail, "缩略图"},
  {"GET", "/file/{id}/page/{page}/image", "public", PAGE_PARAMETERS, "reader/image", reader_image, "页面图像"},
  {"GET", "/file/{id}/page/{page}/tile/{level}/{x}/{y}", "public", TILE_PARAMETERS, NULL, reader_tile, NULL},
  {NULL},
};
