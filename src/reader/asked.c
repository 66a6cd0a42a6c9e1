/*
 * A search as it was asked, in one form (JSON), and the three ways from it: to an address, to a request of the engine, to words on the page.
 *
 * 1. asked_address and asked_read are each other's reverse; an address holds everything, so that it can be kept and sent.
 * 2. `since` names a revision: records created or changed after it. `held` is a day (20221231): records that were there at its end. Both are looked up when
 *    asked, never stored as ids.
 */
#include "search-page.h"
#include "date.h"
#include "error.h"
#include "held.h"
#include <string.h>

const AskedName ASKED_LIST[ASKED_LISTS] = {
  {"fonds", "全宗"}, {"category", "门类"}, {"year", "年度"}, {"retention", "保管期限"}, {"opening", "开放状态"}, {"level", "层级"}};
const AskedName ASKED_NUMBER[ASKED_NUMBERS] = {{"from", "起始年度"}, {"to", "截止年度"}, {"delivery", "批次"}, {"parent", "案卷"}, {"since", "变动"}, {"held", "入藏截至"}};
const AskedName ASKED_SORT[ASKED_SORTS] = {{"relevance", "相关"}, {"newest", "日期从新到旧"}, {"oldest", "日期从旧到新"}, {"code", "档号"}};

/* Whether some category has a date of this name that the asker may see. */
static gboolean is_date_shown(WebRequest *request, const char *label) {
  guint count;
  const CatalogCategory *const *categories = catalog_categories(web_house(request)->catalog, &count);
  for (guint i = 0; i < count; i++)
    for (guint k = 0; k < categories[i]->field_count; k++) {
      const CatalogField *field = &categories[i]->fields[k];
      if (g_str_equal(field->type, "date") && g_str_equal(field->label, label) && search_field_shown(request, field)) return TRUE;
    }
  return FALSE;
}

static gboolean check_sort(WebRequest *request, const char *word, GError **error) {
  SearchSort sort;
  g_autofree char *field = NULL;
  if (!search_sort_read(word, &sort, &field)) return throw(error, LANTAI_ERROR_INVALID, "不认识的次序“%s”", word);
  return field == NULL || is_date_shown(request, field) || throw(error, LANTAI_ERROR_INVALID, "没有叫“%s”的日期项，不能按它排列", field);
}

json_t *asked_read(WebRequest *request, GError **error) {
  json_auto_t *asked = json_object();
  const char *words = web_text(request, "q"), *sort = web_text(request, "sort");
  if (words) json_object_set_new(asked, "q", json_string(words));
  for (guint i = 0; i < ASKED_LISTS; i++) {
    gsize count;
    const gint64 *values = web_ints(request, ASKED_LIST[i].name, &count);
    json_t *list = count ? json_array() : NULL;
    for (gsize v = 0; v < count; v++) json_array_append_new(list, json_integer(values[v]));
    if (list) json_object_set_new(asked, ASKED_LIST[i].name, list);
  }
  for (guint i = 0; i < ASKED_NUMBERS; i++)
    if (web_int(request, ASKED_NUMBER[i].name, 0)) json_object_set_new(asked, ASKED_NUMBER[i].name, json_integer(web_int(request, ASKED_NUMBER[i].name, 0)));
  if (web_flag(request, "files")) json_object_set_new(asked, "files", json_true());
  if (!check_sort(request, sort, error)) return NULL;
  if (sort && !g_str_equal(sort, "relevance")) json_object_set_new(asked, "sort", json_string(sort));
  return g_steal_pointer(&asked);
}

/* ---- to an address ---- */

static void append_text(GString *address, const char *name, const char *value) {
  g_autofree char *escaped = g_uri_escape_string(value, NULL, FALSE);
  g_string_append_printf(address, "%c%s=%s", strchr(address->str, '?') ? '&' : '?', name, escaped);
}

static void append_number(GString *address, const char *name, json_t *value) {
  g_string_append_printf(address, "%c%s=%" JSON_INTEGER_FORMAT, strchr(address->str, '?') ? '&' : '?', name, json_integer_value(value));
}

char *asked_address(const char *path, json_t *asked) {
  GString *address = g_string_new(path);
  const char *words = json_string_value(json_object_get(asked, "q")), *sort = json_string_value(json_object_get(asked, "sort"));
  if (words) append_text(address, "q", words);
  for (guint i = 0; i < ASKED_LISTS; i++) {
    size_t v;
    json_t *value;
    json_array_foreach(json_object_get(asked, ASKED_LIST[i].name), v, value) append_number(address, ASKED_LIST[i].name, value);
  }
  for (guint i = 0; i < ASKED_NUMBERS; i++)
    if (json_object_get(asked, ASKED_NUMBER[i].name)) append_number(address, ASKED_NUMBER[i].name, json_object_get(asked, ASKED_NUMBER[i].name));
  if (json_object_get(asked, "files")) append_text(address, "files", "1");
  if (sort) append_text(address, "sort", sort);
  return g_string_free(address, FALSE);
}

json_t *asked_with(json_t *asked, const char *name, json_t *value) {
  json_t *copy = json_copy(asked);
  if (value) json_object_set_new(copy, name, value);
  else json_object_del(copy, name);
  return copy;
}

gboolean asked_has(json_t *asked, const char *name, gint64 value) {
  size_t i;
  json_t *each;
  json_array_foreach(json_object_get(asked, name), i, each)
    if (json_integer_value(each) == value) return TRUE;
  return FALSE;
}

json_t *asked_toggled(json_t *asked, const char *name, gint64 value) {
  json_t *list = json_array(), *each;
  size_t i;
  json_array_foreach(json_object_get(asked, name), i, each)
    if (json_integer_value(each) != value) json_array_append(list, each);
  if (!asked_has(asked, name, value)) json_array_append_new(list, json_integer(value));
  if (json_array_size(list)) return asked_with(asked, name, list);
  json_decref(list);
  return asked_with(asked, name, NULL);
}

gboolean asked_by_time(json_t *asked) { return json_object_get(asked, "since") != NULL || json_object_get(asked, "held") != NULL; }

gboolean asked_narrow(json_t *asked) { return json_object_size(asked) > (json_object_get(asked, "sort") ? 1 : 0); }

/* ---- to a request ---- */

void asked_hold_clear(AskedHold *hold) {
  for (guint i = 0; i < ASKED_LISTS; i++) g_free(hold->lists[i]);
  g_free(hold->only);
  g_free(hold->sort_field);
}

static gint64 *numbers(json_t *list, gsize *ret_count) {
  gint64 *values = g_new0(gint64, json_array_size(list) + 1);
  size_t i;
  json_t *value;
  json_array_foreach(list, i, value) values[i] = json_integer_value(value);
  *ret_count = json_array_size(list);
  return values;
}

static gboolean changed_since(Sql *sql, gint64 rev, gint64 **ret, gsize *ret_count, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id FROM record WHERE rev > $1 ORDER BY rev LIMIT $2", SQL_ARGS(sql_int(rev), sql_int(SINCE_MAX + 1)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GArray) ids = g_array_new(TRUE, FALSE, sizeof(gint64));
  g_autoptr(GError) failure = NULL;
  int column = sql_column(rows, "id");
  while (sql_next(rows, &failure)) {
    gint64 id = sql_int_at(rows, column);
    g_array_append_val(ids, id);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  if (ids->len > SINCE_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "自那时以来变动的条目超过 %d 条，不能只看变动。请去掉“变动”这个条件", SINCE_MAX);
  *ret_count = ids->len;
  *ret = (gint64 *)(gpointer)g_array_free(g_steal_pointer(&ids), FALSE);
  return TRUE;
}

static gint64 number(json_t *asked, const char *name) { return json_integer_value(json_object_get(asked, name)); }

gboolean asked_request(json_t *asked, Sql *sql, AskedHold *hold, SearchRequest *ret, GError **error) {
  ret->query = json_string_value(json_object_get(asked, "q"));
  const gint64 **lists[ASKED_LISTS] = {&ret->fonds, &ret->categories, &ret->years, &ret->retentions, &ret->openings, &ret->levels};
  gsize *counts[ASKED_LISTS] = {&ret->fonds_count, &ret->categories_count, &ret->years_count, &ret->retentions_count, &ret->openings_count, &ret->levels_count};
  for (guint i = 0; i < ASKED_LISTS; i++) *lists[i] = hold->lists[i] = numbers(json_object_get(asked, ASKED_LIST[i].name), counts[i]);
  ret->parent_id = number(asked, "parent");
  ret->accession_id = number(asked, "delivery");
  ret->year_from = (int)CLAMP(number(asked, "from"), 0, 9999);
  ret->year_to = (int)CLAMP(number(asked, "to"), 0, 9999);
  ret->with_files = json_is_true(json_object_get(asked, "files"));
  if (search_sort_read(json_string_value(json_object_get(asked, "sort")), &ret->sort, &hold->sort_field)) ret->sort_field = hold->sort_field;
  if (number(asked, "held")) {
    gint64 after = catalog_id_after(sql, (int)number(asked, "held"), error);
    if (after < 0) return FALSE;
    ret->id_below = MAX(after, 1);
  }
  if (json_object_get(asked, "since") == NULL) return TRUE;
  if (!changed_since(sql, number(asked, "since"), &hold->only, &ret->only_count, error)) return FALSE;
  ret->only = hold->only;
  return TRUE;
}

/* ---- to words ---- */

char *asked_label(WebRequest *request, Sql *sql, const char *name, gint64 value) {
  const House *house = web_house(request);
  if (g_str_equal(name, "fonds")) {
    g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), value, NULL);
    return g_strdup(fonds && fonds->level == LEVEL_FONDS ? fonds->title : "未知全宗");
  }
  if (g_str_equal(name, "parent")) {
    g_autoptr(CatalogRecord) parent = catalog_record_load(sql, web_scope(request), value, NULL);
    return parent ? g_strdup_printf("%s %s", parent->code, parent->title) : g_strdup("未知案卷");
  }
  if (g_str_equal(name, "category")) {
    const CatalogCategory *category = catalog_category(house->catalog, (guint8)CLAMP(value, 0, 255));
    return g_strdup(category ? category->title : "未分类");
  }
  if (g_str_equal(name, "retention")) return g_strdup(value ? catalog_retention_text(house->catalog, (guint8)CLAMP(value, 0, 255)) : "未定");
  if (g_str_equal(name, "held")) return date_format((DateSpan){(gint32)value, (gint32)value});
  if (g_str_equal(name, "opening")) return g_strdup(opening_label((Opening)CLAMP(value, 0, OPENING_DEFERRED)));
  if (g_str_equal(name, "level")) return g_strdup(level_label((Level)CLAMP(value, LEVEL_FONDS, LEVEL_ITEM)));
  return value ? g_strdup_printf("%" G_GINT64_FORMAT, value) : g_strdup("不详");
}
