/* `lantai search` and `lantai show`: the same functions as the pages, with the program's own scope. */
#include "app.h"
#include "error.h"
#include "people.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

static struct {
  int limit;
  char *after, *facet, *sort, *as;
} query_options;

static const GOptionEntry *search_entries(void) {
  static const GOptionEntry entries[] = {
    {"limit", 0, 0, G_OPTION_ARG_INT, &query_options.limit, "一次列出的条数（缺省 20）", "N"},
    {"after", 0, 0, G_OPTION_ARG_STRING, &query_options.after, "从这个键之后接着列（上次结果的 next）", "键"},
    {"facet", 0, 0, G_OPTION_ARG_STRING, &query_options.facet, "同时给出分面计数：fonds category year retention opening level", "名称"},
    {"sort", 0, 0, G_OPTION_ARG_STRING, &query_options.sort, "relevance（缺省）、newest、oldest、code，或日期项.newest、日期项.oldest", "次序"},
    {"as", 0, 0, G_OPTION_ARG_STRING, &query_options.as, "public：只检索公众可见的；缺省为全部", "public"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
  };
  return entries;
}

static gboolean check_options(GError **error) {
  static const char *const facets[] = {"fonds", "category", "year", "retention", "opening", "level", NULL};
  if (query_options.limit < 0) return throw(error, LANTAI_ERROR_INVALID, "--limit 不能是负数");
  if (query_options.as && !g_str_equal(query_options.as, "public")) return throw(error, LANTAI_ERROR_INVALID, "--as 只能是 public（公众）");
  if (query_options.facet && !g_strv_contains(facets, query_options.facet))
    return throw(error, LANTAI_ERROR_INVALID, "没有分面 %s，可用 fonds category year retention opening level", query_options.facet);
  return TRUE;
}

static json_t *facet_json(const SearchResult *result, const char *name) {
  json_t *values = json_array();
  for (guint i = 0; result->facets && i < result->facets->len; i++) {
    const SearchFacet *facet = g_ptr_array_index(result->facets, i);
    if (!g_str_equal(facet->name, name)) continue;
    for (guint v = 0; v < facet->values->len; v++) {
      const SearchFacetValue *value = &g_array_index(facet->values, SearchFacetValue, v);
      json_array_append_new(values, json_pack("{s:I, s:I}", "value", (json_int_t)value->value, "count", (json_int_t)value->count));
    }
  }
  return values;
}

static gboolean run_search(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  SearchRequest request = {.query = line->arguments[0],
    .limit = query_options.limit > 0 ? (guint)query_options.limit : 20,
    .after = query_options.after,
    .facets = query_options.facet != NULL};
  g_autofree char *field = NULL;
  if (!check_options(error)) return FALSE;
  if (!search_sort_read(query_options.sort, &request.sort, &field))
    return throw(error, LANTAI_ERROR_INVALID, "不认识的次序 %s，可用 relevance、newest、oldest、code，或日期项.newest、日期项.oldest", query_options.sort);
  request.sort_field = field;
  const Scope *scope = query_options.as ? people_scope(NULL) : &SCOPE_EVERYTHING;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(SearchResult) result = sql ? search_run(house->search, sql, scope, &request, error) : NULL;
  if (result == NULL) return FALSE;
  g_autoptr(GPtrArray) records = catalog_records(sql, scope, (const gint64 *)(void *)result->ids->data, result->ids->len, error);
  if (records == NULL) return FALSE;
  json_t *items = json_array();
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "%" G_GUINT64_FORMAT " 条\n", result->count);
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = g_ptr_array_index(records, i);
    json_array_append_new(items, catalog_record_json(house->catalog, record));
    g_string_append_printf(text, "%-28s %s  %s  %s\n", record->code, record->title, record->creator, record->date_text);
  }
  if (result->notice) g_string_append_printf(text, "（%s）\n", result->notice);
  json_t *readings = json_array();
  for (guint i = 0; i < result->readings->len; i++) {
    const SearchReading *reading = g_ptr_array_index(result->readings, i);
    g_string_append_printf(text, "（%s）\n", reading->text);
    json_array_append_new(readings, json_pack("{s:s, s:s?}", "text", reading->text, "exact", reading->exact));
  }
  if (result->next) g_string_append_printf(text, "接着列：--after %s\n", result->next);
  json_t *value = json_pack("{s:I, s:o, s:s?, s:s?}", "hits", (json_int_t)result->count, "items", items, "next", result->next, "notice", result->notice);
  json_object_set_new(value, "readings", readings);
  if (query_options.facet) json_object_set_new(value, "facet", facet_json(result, query_options.facet));
  command_print(line, value, "%s", text->str);
  return TRUE;
}

static gboolean run_show(const CommandLine *line, GError **error) {
  g_autoptr(Archive) archive = archive_open(line->dir, ARCHIVE_READ, error);
  if (archive == NULL) return FALSE;
  const House *house = archive_house(archive);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_by_code(sql, &SCOPE_EVERYTHING, 0, line->arguments[0], error) : NULL;
  if (record == NULL) return FALSE;
  json_t *value = catalog_record_json(house->catalog, record);
  g_autoptr(GPtrArray) files = catalog_files(sql, &SCOPE_EVERYTHING, record->id, error);
  if (files == NULL) return json_decref(value), FALSE;
  json_t *list = json_array();
  for (guint i = 0; i < files->len; i++) json_array_append_new(list, catalog_file_json(g_ptr_array_index(files, i)));
  json_object_set_new(value, "files", list);
  json_object_set_new(value, "path", catalog_record_path(sql, record, NULL));
  json_object_set_new(value, "history", journal_of(sql, "record", record->id, 0, 100, NULL));
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_append_printf(text, "档号　　%s\n题名　　%s\n责任者　%s\n日期　　%s\n层级　　%s\n保管期限　%s\n密级　　%s\n开放标识　%s\n", record->code,
    record->title, record->creator, record->date_text, level_label(record->level), record->retention, security_label(record->security),
    opening_label(record->opening));
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = g_ptr_array_index(files, i);
    g_autofree char *size = text_size((double)file->size_bytes);
    g_string_append_printf(text, "文件　　%s（%s）\n", file->name, size);
  }
  command_print(line, value, "%s", text->str);
  return TRUE;
}

const Command QUERY_COMMANDS[] = {
  {"search", "检索式", "检索，列出命中的条目（--limit --after --facet）", search_entries, 1, 1, run_search},
  {"show", "档号", "显示一件档案的著录、文件和历史", NULL, 1, 1, run_show},
  {NULL},
};
