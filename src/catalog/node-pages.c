/*
 * The tree: fonds, and the children of a node.
 *
 * 1. Counts come from the index within the asker's scope; a row is shown only when its record passes the scope.
 * 2. A page of children costs the same however many there are: keyset paging in the index, then the rows of one page by id.
 */
#include "definition.h"
#include "fonds.h"
#include "move.h"
#include "text.h"
#include <string.h>

enum { FONDS_LIMIT = 300, CHILDREN_LIMIT = 100, CHILDREN_TRIED = 50000 };

/* ---- counts ---- */

/* value → count of a facet, as a new table. */
static GHashTable *facet_counts(const SearchResult *result, const char *name) {
  GHashTable *counts = g_hash_table_new(g_direct_hash, g_direct_equal);
  for (guint i = 0; result->facets != NULL && i < result->facets->len; i++) {
    const SearchFacet *facet = result->facets->pdata[i];
    if (!g_str_equal(facet->name, name)) continue;
    for (guint k = 0; k < facet->values->len; k++) {
      const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, k);
      g_hash_table_insert(counts, GSIZE_TO_POINTER(value->value), GSIZE_TO_POINTER(value->count));
    }
  }
  return counts;
}

/* Records of one level by fonds, or by category within a fonds. */
static GHashTable *count_by(WebRequest *request, Sql *sql, const char *facet, gint64 fonds_id, Level level, GError **error) {
  const gint64 levels[] = {level};
  SearchRequest ask = {.levels = levels, .levels_count = 1, .facets = TRUE};
  if (fonds_id != 0) {
    ask.fonds = &fonds_id;
    ask.fonds_count = 1;
  }
  g_autoptr(SearchResult) result = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  return result == NULL ? NULL : facet_counts(result, facet);
}

static void set_counts(json_t *row, gint64 key, GHashTable *volumes, GHashTable *items) {
  json_object_set_new(row, "volumes", json_integer(GPOINTER_TO_SIZE(g_hash_table_lookup(volumes, GSIZE_TO_POINTER(key)))));
  json_object_set_new(row, "items", json_integer(GPOINTER_TO_SIZE(g_hash_table_lookup(items, GSIZE_TO_POINTER(key)))));
}

/* ---- /catalog ---- */

static gboolean matches(const char *needle, const CatalogRecord *fonds) {
  g_autofree char *title = text_fold(fonds->title), *code = g_utf8_strdown(fonds->code, -1);
  return strstr(title, needle) != NULL || strstr(code, needle) != NULL;
}

/* The fonds that are admitted and match; at most FONDS_LIMIT after a code. There are hundreds of fonds, so matching reads them all. */
GPtrArray *fonds_after(WebRequest *request, Sql *sql, const char *after, gboolean *ret_more, GError **error) {
  const char *filter = web_text(request, "filter");
  g_autofree char *folded = filter == NULL ? NULL : text_fold(filter);
  if (folded != NULL) g_strstrip(folded);
  g_autoptr(GPtrArray) fonds = g_ptr_array_new_with_free_func((GDestroyNotify)catalog_record_free);
  g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.level = 1 AND r.code > $1 ORDER BY r.code", SQL_ARGS(sql_text(after)), error);
  if (rows == NULL) return NULL;
  RecordRow row = record_row(rows);
  g_autoptr(GError) local = NULL;
  *ret_more = FALSE;
  while (!*ret_more && sql_next(rows, &local)) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (!scope_admits(web_scope(request), record->level, record->fonds_id, record->security, record->opening)) continue;
    if (folded != NULL && folded[0] != '\0' && !matches(folded, record)) continue;
    *ret_more = fonds->len == FONDS_LIMIT;
    if (!*ret_more) g_ptr_array_add(fonds, g_steal_pointer(&record));
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&fonds);
}

WebReply *page_catalog(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  const char *after = web_text(request, "after"), *filter = web_text(request, "filter");
  gboolean more;
  g_autoptr(GPtrArray) fonds = fonds_after(request, sql, after ? after : "", &more, error);
  gboolean counted = !search_needs_rebuild(web_house(request)->search); /* else what is counted in time would be taken for all */
  g_autoptr(GHashTable) volumes = fonds == NULL || !counted ? NULL : count_by(request, sql, "fonds", 0, LEVEL_VOLUME, error);
  g_autoptr(GHashTable) items = volumes == NULL ? NULL : count_by(request, sql, "fonds", 0, LEVEL_ITEM, error);
  if (fonds == NULL || (counted && items == NULL)) return NULL;
  json_t *rows = json_array();
  gboolean dates = FALSE;
  for (guint i = 0; i < fonds->len; i++) {
    const CatalogRecord *record = fonds->pdata[i];
    dates = dates || record->date_text[0] != '\0';
    json_t *row = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title, "date", record->date_text);
    if (counted) set_counts(row, record->id, volumes, items);
    json_array_append_new(rows, row);
  }
  json_t *model = json_pack("{s:o, s:s, s:b, s:b}", "fonds", rows, "filter", filter ? filter : "", "paged", after != NULL, "may_create", web_may(request,
    PERMISSION_CREATE));
  json_object_set_new(model, "any_dates", json_boolean(dates));
  if (!counted) json_object_set_new(model, "notice", json_string("检索索引正在重建，案卷、文件数等重建好再列"));
  if (more) {
    const CatalogRecord *last = fonds->pdata[fonds->len - 1];
    g_autofree char *query = web_query_with(request, "after", last->code);
    json_object_set_new(model, "next", json_string(query));
  }
  return web_model(model);
}

/* ---- /catalog/{id} ---- */

typedef struct {
  const char *sort;
  SearchSort order;
} Order;
static const Order ORDERS[] = {{"code", SEARCH_SORT_CODE}, {"newest", SEARCH_SORT_DATE_DESC}, {"oldest", SEARCH_SORT_DATE_ASC}};

static const Order *order_of(const char *sort) {
  for (guint i = 0; sort != NULL && i < G_N_ELEMENTS(ORDERS); i++)
    if (g_str_equal(ORDERS[i].sort, sort)) return &ORDERS[i];
  return &ORDERS[0];
}

/* A column that a page of children may have: a field of the JSON of a record, or one of the category's own. */
typedef struct {
  const char *key, *label;
  gboolean own, number;
} Column;

static GArray *columns_of(const CatalogCategory *category) {
  static const Column common[] = {{"creator", "责任者", FALSE, FALSE}, {"docno", "文号", FALSE, FALSE}, {"date", "日期", FALSE, FALSE},
    {"retention", "期限", FALSE, FALSE}, {"page_count", "页数", FALSE, TRUE}};
  GArray *columns = g_array_new(FALSE, FALSE, sizeof(Column));
  for (guint i = 0; category != NULL && i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    Column column = {field->key, field->label, TRUE, g_str_equal(field->type, "number")};
    if (field->listed) g_array_append_val(columns, column);
  }
  g_array_append_vals(columns, common, G_N_ELEMENTS(common));
  return columns;
}

static json_t *own_value(json_t *record, const char *key) {
  size_t i;
  json_t *field;
  json_array_foreach(json_object_get(record, "fields"), i, field) {
    if (g_strcmp0(json_string_value(json_object_get(field, "key")), key) == 0) return json_object_get(field, "value");
  }
  return NULL;
}

static json_t *cell_value(json_t *record, const Column *column) {
  json_t *value = column->own ? own_value(record, column->key) : json_object_get(record, column->key);
  gboolean empty = value == NULL || (json_is_string(value) && json_string_length(value) == 0) || (json_is_integer(value) && json_integer_value(value) == 0);
  return empty ? NULL : value;
}

/* 日期 says nothing beside a date of the category's own that has the same of every row. */
static gboolean says_again(json_t *rows, const GArray *columns, const Column *column) {
  if (column->own || !g_str_equal(column->key, "date")) return FALSE;
  for (guint c = 0; c < columns->len; c++) {
    const Column *other = &g_array_index(columns, Column, c);
    gboolean same = other->own;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
      json_t *date = cell_value(row, column);
      same = same && (date == NULL || json_equal(date, cell_value(row, other)));
    }
    if (same) return TRUE;
  }
  return FALSE;
}

/* Columns that some row of this page fills; every row gets its cells in that order. */
static json_t *fill_cells(json_t *rows, const GArray *columns) {
  json_t *heads = json_array();
  size_t i;
  json_t *row;
  for (guint c = 0; c < columns->len; c++) {
    const Column *column = &g_array_index(columns, Column, c);
    gboolean used = FALSE;
    json_array_foreach(rows, i, row) used = used || cell_value(row, column) != NULL;
    if (!used || says_again(rows, columns, column)) continue;
    json_array_append_new(heads, json_pack("{s:s, s:b}", "label", column->label, "number", column->number));
    json_array_foreach(rows, i, row) {
      json_t *value = cell_value(row, column), *cells = json_object_get(row, "cells");
      json_t *cell = json_pack("{s:s, s:b, s:O}", "label", column->label, "number", column->number, "value", value ? value : json_null());
      json_array_append_new(cells, cell);
    }
  }
  return heads;
}

static json_t *child_rows(const Catalog *catalog, GPtrArray *records, gint64 from) {
  json_t *rows = json_array();
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    json_t *row = catalog_record_json(catalog, record);
    if (from > 0) json_object_set_new(row, "number", json_integer(from + i));
    json_object_set_new(row, "is_node", json_boolean(record->level < LEVEL_ITEM));
    json_object_set_new(row, "is_volume", json_boolean(record->level == LEVEL_VOLUME));
    json_object_set_new(row, "is_described", json_boolean(record->level >= LEVEL_VOLUME));
    json_object_set_new(row, "cells", json_array());
    json_array_append_new(rows, row);
  }
  return rows;
}

static gboolean count_classes(WebRequest *request, Sql *sql, const CatalogRecord *node, json_t *rows, GError **error) {
  if (search_needs_rebuild(web_house(request)->search)) return TRUE; /* not counted rather than in part: the children's notice says why */
  g_autoptr(GHashTable) volumes = count_by(request, sql, "category", node->id, LEVEL_VOLUME, error);
  g_autoptr(GHashTable) items = volumes == NULL ? NULL : count_by(request, sql, "category", node->id, LEVEL_ITEM, error);
  if (items == NULL) return FALSE;
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) set_counts(row, json_integer_value(json_object_get(json_object_get(row, "category"), "id")), volumes, items);
  return TRUE;
}

/* Which children are asked for, and in what order. */
typedef struct {
  const Order *order;  /* NULL: the order that people gave */
  const char *filter;
  int year_from, year_to;
  gboolean ordered;    /* people gave an order */
  const char *at;      /* NULL, or from this code on, by code */
} View;

static View view_of(WebRequest *request, Sql *sql, const CatalogRecord *node) {
  const char *sort = web_text(request, "sort");
  View view = {.filter = web_text(request, "filter"),
    .year_from = CLAMP(web_int(request, "year_from", 0), 0, 9999), .year_to = CLAMP(web_int(request, "year_to", 0), 0, 9999),
    .ordered = order_exists(sql, node->id, NULL)};
  gboolean narrowed = view.filter != NULL || view.year_from != 0 || view.year_to != 0;
  gboolean own = view.ordered && !narrowed && (sort == NULL || g_str_equal(sort, "place"));
  const char *at = web_text(request, "at");
  gboolean placed = at != NULL || web_flag(request, "end");
  view.order = placed ? &ORDERS[0] : own ? NULL : order_of(sort);
  view.at = at;
  return view;
}

/* Where the page before a code begins, or the last one (code empty): CHILDREN_LIMIT of those that the asker may see, as far as CHILDREN_TRIED tell. NULL: none. */
static char *code_before(Sql *sql, const Scope *scope, gint64 node, const char *code, GError **error) {
  static const char behind_all[] = "\xF4\x8F\xBF\xBF";
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT code, level, fonds_id, security, opening FROM record WHERE parent_id = $1 AND code < $2 ORDER BY code DESC LIMIT $3",
    SQL_ARGS(sql_int(node), sql_text(*code ? code : behind_all), sql_int(CHILDREN_TRIED)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  g_autofree char *first = NULL;
  for (guint seen = 0; seen < CHILDREN_LIMIT && sql_next(rows, &local);) {
    if (!scope_admits(scope, (Level)sql_int_at(rows, 1), sql_int_at(rows, 2), (Security)sql_int_at(rows, 3), (Opening)sql_int_at(rows, 4))) continue;
    g_free(first);
    first = g_strdup(sql_text_at(rows, 0));
    seen++;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&first);
}

/* A page of children: from, the number of its first row, is 0 where that is not known. */
typedef struct {
  gint64 count, from;
  guint shown;
  char *next, *notice;
} Page;

static void page_clear(Page *page) {
  g_free(page->next);
  g_free(page->notice);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Page, page_clear)

static void set_paging(json_t *model, const View *view, const Page *page) {
  const char *sort = view->order ? view->order->sort : "place";
  json_object_set_new(model, "count", json_integer(page->count));
  if (page->from > 0) json_object_set_new(model, "first", json_integer(page->shown > 0 ? page->from : 0));
  if (page->from > 0) json_object_set_new(model, "last", json_integer(page->from + page->shown - 1));
  json_object_set_new(model, "paged", json_boolean(page->from != 1));
  json_object_set_new(model, "sort", json_string(sort));
  g_autofree char *flag = g_strdup_printf("sort_%s", sort);
  json_object_set_new(model, flag, json_true());
  json_object_set_new(model, "ordered", json_boolean(view->ordered));
  json_object_set_new(model, "filter", json_string(view->filter ? view->filter : ""));
  if (view->year_from) json_object_set_new(model, "year_from", json_integer(view->year_from));
  if (view->year_to) json_object_set_new(model, "year_to", json_integer(view->year_to));
  json_object_set_new(model, "narrowed", json_boolean(view->filter != NULL || view->year_from != 0 || view->year_to != 0));
  g_autofree char *words = view->filter ? g_uri_escape_string(view->filter, NULL, FALSE) : g_strdup("");
  g_autofree char *narrow = g_strdup_printf("filter=%s&year_from=%d&year_to=%d", words, view->year_from, view->year_to);
  json_object_set_new(model, "narrow", json_string(narrow)); /* what every link of the page keeps */
  if (page->next == NULL) return;
  g_autofree char *key = g_uri_escape_string(page->next, NULL, FALSE);
  gint64 from = page->from > 0 ? page->from + page->shown : 0;
  g_autofree char *next = g_strdup_printf("sort=%s&from=%" G_GINT64_FORMAT "&after=%s&%s", sort, from, key, narrow);
  json_object_set_new(model, "next", json_string(next));
}

/* The records of the page, and what there is to know of it. */
static GPtrArray *children_of(WebRequest *request, Sql *sql, const CatalogRecord *node, const View *view, Page *page, GError **error) {
  const char *after = web_text(request, "after");
  g_autofree char *end = web_flag(request, "end") ? code_before(sql, web_scope(request), node->id, "", NULL) : NULL;
  const char *at = view->at != NULL ? view->at : end;
  g_autofree char *place = at == NULL ? NULL : search_place_of_code(at);
  SearchRequest ask = {.parent_id = node->id, .query = view->filter, .year_from = view->year_from, .year_to = view->year_to,
    .sort = view->order ? view->order->order : SEARCH_SORT_CODE, .after = view->order ? (place ? place : after) : NULL, .limit = view->order ? CHILDREN_LIMIT : 0};
  g_autoptr(SearchResult) result = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  if (result == NULL) return NULL;
  page->count = (gint64)result->count;
  page->from = place == NULL && after == NULL ? 1 : CLAMP(web_int(request, "from", 0), 0, G_MAXINT32);
  page->notice = g_strdup(result->notice);
  if (view->order != NULL) {
    page->next = g_steal_pointer(&result->next);
    page->shown = result->ids->len;
    if (page->next == NULL) page->from = page->count - page->shown + 1; /* the last are known from behind */
    return catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)result->ids->data, result->ids->len, error);
  }
  gint64 last = 0;
  gboolean more;
  GPtrArray *records = order_children(sql, web_scope(request), node->id, after ? g_ascii_strtoll(after, NULL, 10) : 0, CHILDREN_LIMIT, &last, &more, error);
  if (records != NULL && more) page->next = g_strdup_printf("%" G_GINT64_FORMAT, last);
  if (records != NULL) page->shown = records->len;
  return records;
}

/* The way back and to the end of a long list by code. */
static gboolean add_ways(WebRequest *request, json_t *model, Sql *sql, const View *view, const Page *page, GPtrArray *records, GError **error) {
  gboolean narrowed = view->filter != NULL || view->year_from != 0 || view->year_to != 0;
  gboolean long_list = view->order == &ORDERS[0] && !narrowed && page->count > CHILDREN_LIMIT;
  json_object_set_new(model, "long_list", json_boolean(long_list));
  if (view->at != NULL) json_object_set_new(model, "at", json_string(view->at));
  json_object_set_new(model, "more", json_boolean(page->next != NULL));
  if (!long_list || page->from == 1 || records->len == 0) return TRUE;
  g_autoptr(GError) local = NULL;
  const CatalogRecord *first = records->pdata[0];
  g_autofree char *code = code_before(sql, web_scope(request), first->parent_id, first->code, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (code == NULL) return TRUE;
  g_autofree char *key = g_uri_escape_string(code, NULL, FALSE);
  gint64 from = page->from > CHILDREN_LIMIT ? page->from - CHILDREN_LIMIT : 0;
  g_autofree char *previous = g_strdup_printf("sort=code&at=%s&from=%" G_GINT64_FORMAT, key, from);
  json_object_set_new(model, "previous", json_string(previous));
  return TRUE;
}

static json_t *node_model(WebRequest *request, Sql *sql, const CatalogRecord *node, GError **error) {
  const House *house = web_house(request);
  View view = view_of(request, sql, node);
  g_auto(Page) page = {0};
  g_autoptr(GPtrArray) records = children_of(request, sql, node, &view, &page, error);
  json_auto_t *path = records == NULL ? NULL : record_path(sql, web_scope(request), node, error);
  if (path == NULL) return NULL;
  json_auto_t *rows = child_rows(house->catalog, records, page.from);
  if (node->level == LEVEL_FONDS && !count_classes(request, sql, node, rows, error)) return NULL;
  g_autoptr(GArray) columns = columns_of(catalog_category(house->catalog, node->category));
  json_t *heads = fill_cells(rows, columns);
  json_t *model = json_pack("{s:s, s:o, s:O, s:O, s:o, s:b, s:b}", "title", node->title, "record", catalog_record_json(house->catalog, node), "path", path,
    "rows",
    rows, "columns", heads, "is_fonds", node->level == LEVEL_FONDS, "is_volume", node->level == LEVEL_VOLUME);
  json_object_set_new(model, "may_edit", json_boolean(web_may(request, PERMISSION_EDIT)));
  json_object_set_new(model, "may_renumber", json_boolean(web_may(request, PERMISSION_RENUMBER)));
  json_object_set_new(model, "may_export", json_boolean(web_may(request, PERMISSION_EXPORT)));
  json_object_set_new(model, "may_revise", json_boolean(web_may(request, PERMISSION_EDIT) || web_may(request, PERMISSION_PROPOSE)));
  json_object_set_new(model, "may_create", json_boolean(web_may(request, PERMISSION_CREATE)));
  json_object_set_new(model, "groups", description_groups(house->catalog, node, NULL));
  gboolean files = FALSE;
  for (guint i = 0; i < records->len; i++) files = files || ((const CatalogRecord *)records->pdata[i])->file_count > 0;
  json_object_set_new(model, "any_files", json_boolean(files));
  if (page.notice != NULL) json_object_set_new(model, "notice", json_string(page.notice));
  json_object_set_new(model, "may_move", json_boolean(web_may(request, PERMISSION_MOVE)));
  set_paging(model, &view, &page);
  json_object_set_new(model, "is_bare", json_boolean(page.count == 0 && !json_is_true(json_object_get(model, "narrowed"))));
  if (!add_ways(request, model, sql, &view, &page, records, error)) return json_decref(model), NULL;
  if (node->level == LEVEL_FONDS && !add_record_extra(request, sql, node, model, error)) return json_decref(model), NULL;
  return model;
}

WebReply *page_node(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) node = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (node == NULL) return NULL;
  if (node->level == LEVEL_ITEM) return web_redirect("/record/%" G_GINT64_FORMAT, node->id);
  json_t *model = node_model(request, sql, node, error);
  return model == NULL ? NULL : web_model(model);
}

/* ---- /categories ---- */

WebReply *page_categories(WebRequest *request, GError **error) {
  guint count;
  const CatalogCategory *const *categories = catalog_categories(web_house(request)->catalog, &count);
  json_t *list = json_array();
  json_array_append_new(list, category_json(NULL));
  for (guint i = 0; i < count; i++) json_array_append_new(list, category_json(categories[i]));
  gboolean staff = web_may(request, PERMISSION_DEFINE);
  json_t *model = json_pack("{s:o, s:b}", "categories", list, "may_define", staff);
  g_autoptr(Sql) sql = staff ? sql_read(web_house(request)->db, NULL) : NULL;
  json_t *drafts = sql == NULL ? NULL : sql_json(sql, "SELECT code, origin = 'file' AS from_file FROM category_draft ORDER BY code", SQL_NONE, NULL);
  if (drafts != NULL) json_object_set_new(model, "drafts", drafts);
  return web_model(model);
}
