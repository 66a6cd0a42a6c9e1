/* The search page and the room's routes: query and filters live in the address; counts, facets and items come from one search within the asker's scope. */
#include "error.h"
#include "saved.h"
#include <string.h>

enum { HITS_PER_PAGE = 20, WITHIN_MAX = 1000 };

static void read_page(WebRequest *request, SearchRequest *search) {
  search->after = web_text(request, "after");
  search->limit = (guint)CLAMP(web_int(request, "limit", HITS_PER_PAGE), 1, 200);
  search->facets = TRUE;
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

/* What can be done with all hits at once: the address of each page that takes them. */
static void add_actions(WebRequest *request, json_t *model, json_t *asked) {
  if (!asked_narrow(asked)) return; /* not the whole archives by a slip */
  if (web_may(request, "record.export") && !asked_by_time(asked)) {
    g_autofree char *all = asked_address("/export", asked), *href = g_strconcat(all, "&format=xlsx", NULL); /* a list, to begin with */
    json_object_set_new(model, "export_href", json_string(href));
  }
  if ((web_may(request, "record.edit") || web_may(request, "record.propose")) && !asked_by_time(asked)) {
    g_autofree char *href = asked_address("/revise/new", asked);
    json_object_set_new(model, "revise_href", json_string(href));
  }
  g_autofree char *renumber = asked_address("/renumber", asked), *print = asked_address("/search/print", asked);
  if (web_may(request, "code.renumber") && renumber_understands(renumber)) json_object_set_new(model, "renumber_href", json_string(renumber));
  if (web_may(request, "topic.edit|authority.edit") && !asked_by_time(asked)) {
    g_autofree char *gather = asked_address("/gather", asked);
    json_object_set_new(model, "gather_href", json_string(gather));
  }
  json_object_set_new(model, "print_href", json_string(print));
}

static void add_paging(WebRequest *request, json_t *model, json_t *asked, const SearchResult *result, gint64 first) {
  g_autofree char *here = asked_address("/search", asked);
  char mark = strchr(here, '?') ? '&' : '?';
  if (result->next) {
    g_autofree char *after = g_uri_escape_string(result->next, NULL, FALSE);
    g_autofree char *href = g_strdup_printf("%s%cafter=%s&n=%" G_GINT64_FORMAT, here, mark, after, first + result->ids->len);
    json_object_set_new(model, "next_href", json_string(href));
  }
  if (web_text(request, "after")) json_object_set_new(model, "first_href", json_string(here));
  if (result->ids->len > 0) {
    json_object_set_new(model, "first", json_integer(first));
    json_object_set_new(model, "last", json_integer(first + result->ids->len - 1));
  }
}

/* The hidden fields of the form that searches within: everything asked but the words that are added. */
static json_t *hidden_fields(json_t *asked) {
  json_t *fields = json_array(), *value;
  const char *name;
  json_object_foreach(asked, name, value) {
    size_t i;
    json_t *each;
    if (json_is_array(value)) json_array_foreach(value, i, each) json_array_append_new(fields, json_pack("{s:s, s:O}", "name", name, "value", each));
    else json_array_append_new(fields, json_pack("{s:s, s:o}", "name", name, "value", json_is_true(value) ? json_integer(1) : json_incref(value)));
  }
  return fields;
}

/* 在结果中查找: the words join those that were asked; the address that comes of it says all. */
static WebReply *narrowed(json_t *asked, const char *within) {
  g_autofree char *words = reader_chain_add(json_string_value(json_object_get(asked, "q")), within);
  json_auto_t *more = asked_with(asked, "q", *words ? json_string(words) : NULL);
  g_autofree char *href = asked_address("/search", more);
  return web_redirect("%s", href);
}

/* What the words were understood to mean beyond themselves, each with the address of the same search without that. */
static json_t *readings_model(json_t *asked, const SearchResult *result) {
  json_t *readings = json_array();
  for (guint i = 0; i < result->readings->len; i++) {
    const SearchReading *reading = g_ptr_array_index(result->readings, i);
    json_auto_t *as_written = reading->exact ? asked_with(asked, "q", json_string(reading->exact)) : NULL;
    g_autofree char *href = as_written ? asked_address("/search", as_written) : NULL;
    json_array_append_new(readings, json_pack("{s:s, s:s?, s:s?}", "text", reading->text, "exact", reading->exact, "href", href));
  }
  return readings;
}

WebReply *reader_search(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  json_auto_t *asked = asked_read(request, error);
  if (asked == NULL) return NULL;
  g_autofree char *filled = search_form_words(request, asked);
  if (filled) return narrowed(asked, filled);
  if (web_text(request, "within")) return narrowed(asked, web_text(request, "within"));
  SearchRequest search = {0};
  g_auto(AskedHold) hold = {0};
  gint64 begin = g_get_monotonic_time(), first = web_text(request, "after") ? MAX(web_int(request, "n", 1), 1) : 1;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL || !asked_request(asked, sql, &hold, &search, error)) return NULL;
  read_page(request, &search);
  g_autoptr(SearchResult) result = search_run(house->search, sql, web_scope(request), &search, error);
  double milliseconds = (double)(g_get_monotonic_time() - begin) / 1000.0;
  json_t *items = result ? search_items_model(request, sql, asked, result, first, error) : NULL;
  if (items == NULL) return NULL;
  g_autofree char *took = g_strdup_printf("%.1f", milliseconds);
  json_t *model = json_pack("{s:s, s:s?, s:I, s:o, s:s?, s:s?, s:s}", "title", search.query ? search.query : "检索", "q", search.query, "hits",
    (json_int_t)result->count, "items", items, "next", result->next, "notice", result->notice, "milliseconds", took);
  json_object_set_new(model, "bare", json_boolean(!asked_narrow(asked) && result->count == 0 && !result->notice));
  if (json_object_size(asked) == 0 && search.after == NULL && !web_flag(request, "by") && result->count > 0) {
    json_t *start = search_start_model(request, sql, result, error);
    if (start == NULL) return json_decref(model), NULL;
    json_object_set_new(model, "start", start);
  }
  json_object_set_new(model, "facets", search_facets_model(request, sql, asked, result));
  json_object_set_new(model, "chips", search_chips_model(request, sql, asked, result));
  json_object_set_new(model, "sorts", search_sorts_model(request, asked, result));
  json_object_set_new(model, "readings", readings_model(asked, result));
  json_object_set_new(model, "by_field", search_form_model(request, asked));
  if (asked_narrow(asked)) json_object_set_new(model, "fields", hidden_fields(asked));
  if (asked_narrow(asked) && *web_actor(request)) {
    char *text = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
    g_autofree char *name = saved_name_for(asked);
    json_object_set_new(model, "asked", json_string(text));
    json_object_set_new(model, "kept_name", json_string(name));
    free(text);
  }
  if (result->count > 0) add_actions(request, model, asked);
  else if (asked_narrow(asked)) {
    json_t *offers = search_offers_model(request, sql, asked, error);
    if (offers == NULL) return json_decref(model), NULL;
    json_object_set_new(model, "offers", offers);
  }
  add_paging(request, model, asked, result, first);
  return web_model(model);
}

static WebReply *reader_help(WebRequest *request, GError **error) {
  return web_model(json_pack("{s:s, s:b}", "title", "怎样检索", "may_catalog", web_may(request, "catalogue.read")));
}

WebReply *reader_suggest(WebRequest *request, GError **error) {
  const char *beginning = web_text(request, "q");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *items = sql ? (beginning ? search_suggest(web_house(request)->search, sql, web_scope(request), beginning, 10, error) : json_array()) : NULL;
  return items ? web_model(json_pack("{s:o}", "items", items)) : NULL;
}

/* ---- the table ---- */

#define ASKED_PARAMETERS \
  {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"fonds", WEB_INTS, FALSE, 100, "全宗"}, {"category", WEB_INTS, FALSE, 100, "门类"}, \
  {"year", WEB_INTS, FALSE, 200, "年度"}, {"retention", WEB_INTS, FALSE, 50, "保管期限"}, {"opening", WEB_INTS, FALSE, 4, "开放状态"}, \
  {"level", WEB_INTS, FALSE, 4, "层级"}, {"from", WEB_INT, FALSE, 0, "起始年度"}, {"to", WEB_INT, FALSE, 0, "截止年度"}, \
  {"delivery", WEB_INT, FALSE, 0, "批次"}, {"parent", WEB_INT, FALSE, 0, "上级"}, {"since", WEB_INT, FALSE, 0, "变动"}, {"held", WEB_INT, FALSE, 0, "入藏截至"}, \
  {"files", WEB_FLAG, FALSE, 0, "有原文"}, {"sort", WEB_TEXT, FALSE, 80, "次序"}
static const WebParameter SEARCH_PARAMETERS[] = {ASKED_PARAMETERS, {"within", WEB_TEXT, FALSE, WITHIN_MAX, "在结果中查找"},
  {"field", WEB_LIST, FALSE, 100, "著录项"}, {"value", WEB_LIST, FALSE, 100, "值"},
  {"by", WEB_FLAG, FALSE, 0, "按著录项"},
  {"after", WEB_TEXT, FALSE, 1000, "续页键"}, {"n", WEB_INT, FALSE, 0, "序号"}, {"limit", WEB_INT, FALSE, 0, "条数"}, {NULL}};
static const WebParameter SAVE_PARAMETERS[] = {
  {"asked", WEB_TEXT, TRUE, 20000, "检索"}, {"name", WEB_TEXT, FALSE, 60, "名称"}, {"shared", WEB_FLAG, FALSE, 0, "共用"}, {NULL}};
static const WebParameter SAVED_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "检索"}, {"what", WEB_TEXT, FALSE, 10, "操作"}, {"name", WEB_TEXT, FALSE, 60, "名称"}, {NULL}};
static const WebParameter HIT_PARAMETERS[] = {ASKED_PARAMETERS, {"n", WEB_INT, FALSE, 0, "序号"}, {NULL}};
static const WebParameter PRINT_PARAMETERS[] = {ASKED_PARAMETERS, {"after", WEB_TEXT, FALSE, 1000, "续页键"}, {"n", WEB_INT, FALSE, 0, "序号"}, {NULL}};
static const WebParameter LIKE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "条目"}, {NULL}};
static const WebParameter RECORD_HITS_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "条目"}, {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"after", WEB_INT, FALSE, 0, "起点"}, {NULL}};
static const WebParameter SUGGEST_PARAMETERS[] = {{"q", WEB_TEXT, FALSE, 200, "开头"}, {NULL}};
static const WebParameter VIEW_PARAMETERS[] = {
  {"id", WEB_INT, TRUE, 0, "条目"}, {"page", WEB_INT, FALSE, 0, "页"}, {"q", WEB_TEXT, FALSE, 10000, "检索式"}, {"s", WEB_TEXT, FALSE, 4000, "所在检索"},
  {"n", WEB_INT, FALSE, 0, "序号"}, {NULL}};
static const WebParameter FILE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"download", WEB_FLAG, FALSE, 0, "下载"}, {NULL}};
static const WebParameter PAGE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"page", WEB_INT, FALSE, 0, "页"}, {NULL}};
static const WebParameter TILE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "文件"}, {"page", WEB_INT, TRUE, 0, "页"}, {"level", WEB_INT, TRUE, 0, "级"},
  {"x", WEB_INT, TRUE, 0, "列"}, {"y", WEB_INT, TRUE, 0, "行"}, {NULL}};

const WebRoute READER_ROUTES[] = {
  {"GET", "/search", "public", SEARCH_PARAMETERS, "reader/search", reader_search, "检索"},
  {"GET", "/searches", "user", NULL, "reader/searches", page_searches, "保存的检索"},
  {"POST", "/searches", "user", SAVE_PARAMETERS, NULL, save_search, NULL},
  {"POST", "/searches/{id}/look", "user", SAVED_PARAMETERS, NULL, look_at_search, NULL},
  {"POST", "/searches/{id}/change", "user", SAVED_PARAMETERS, NULL, change_search, NULL},
  {"POST", "/searches/{id}/delete", "user", SAVED_PARAMETERS, NULL, delete_search, NULL},
  {"GET", "/search/hit", "public", HIT_PARAMETERS, NULL, reader_hit, NULL},
  {"GET", "/search/print", "public", PRINT_PARAMETERS, "reader/print", reader_print, "检索结果"},
  {"GET", "/help/search", "public", NULL, "reader/help", reader_help, "怎样检索"},
  {"GET", "/record/{id}/like", "catalogue.read", LIKE_PARAMETERS, "reader/like", reader_like, "相似档案"},
  {"GET", "/record/{id}/hits", "public", RECORD_HITS_PARAMETERS, "reader/record-hits", reader_record_hits, "命中的页"},
  {"GET", "/suggest", "public", SUGGEST_PARAMETERS, "reader/suggest", reader_suggest, "提示"},
  {"GET", "/record/{id}/view", "public", VIEW_PARAMETERS, "reader/view", reader_view, "阅览"},
  {"GET", "/record/{id}/text", "public", VIEW_PARAMETERS, "reader/text", reader_text, "文字"},
  {"GET", "/file/{id}", "public", FILE_PARAMETERS, NULL, reader_file, NULL},
  {"GET", "/file/{id}/thumbnail", "public", PAGE_PARAMETERS, "reader/image", reader_thumbnail, "缩略图"},
  {"GET", "/file/{id}/page/{page}/image", "public", PAGE_PARAMETERS, "reader/image", reader_image, "页面图像"},
  {"GET", "/file/{id}/page/{page}/tile/{level}/{x}/{y}", "public", TILE_PARAMETERS, NULL, reader_tile, NULL},
  {NULL},
};
