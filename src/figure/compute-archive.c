/*
 * Figures over the holdings and over what happened: the search's own count of records, events of the journal.
 *
 * 1. The words of a `records` figure are the search language; 层级 开放状态 门类 有原文 among them are the filters of the search page. {year} is the year of the period.
 * 2. A past period counts the records that were there at its end, as they are described today; what was deleted since is not among them.
 * 3. Their rows are not entries: the result leads to the search.
 */
#include "catalog.h"
#include "compute.h"
#include "date.h"
#include "held.h"
#include "journal.h"
#include "people.h"
#include "search.h"
#include <string.h>

enum { HITS_AT_ONCE = 5000, EVENTS_AT_ONCE = 1000, ASKED_MOST = 16 };

typedef struct { GString *words, *address; gint64 levels[ASKED_MOST], openings[ASKED_MOST], categories[ASKED_MOST]; SearchRequest request; } Asked;

/* In force, a figure over the holdings is the archives' own number; one that is only tried counts what the asker sees. */
static const Scope *scope_of(const Ask *ask) { return ask->trying && !ask->asker.everything ? people_scope(ask->asker.person) : &SCOPE_EVERYTHING; }

static void asked_clear(Asked *asked) {
  if (asked->words) g_string_free(asked->words, TRUE);
  if (asked->address) g_string_free(asked->address, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asked, asked_clear)

static gint64 level_of(const char *text) {
  static const char *const names[][2] = {{"全宗", "fonds"}, {"类", "class"}, {"案卷", "volume"}, {"文件", "item"}};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_str_equal(text, names[i][0]) || g_str_equal(text, names[i][1])) return LEVEL_FONDS + (gint64)i;
  return g_str_equal(text, "类别") ? LEVEL_CLASS : 0;
}

static gint64 category_of(const Catalog *catalog, const char *text) {
  const CatalogCategory *category = catalog_category_by_code(catalog, text);
  guint count = 0;
  const CatalogCategory *const *all = catalog_categories(catalog, &count);
  for (guint i = 0; category == NULL && i < count; i++)
    if (all[i] && g_strcmp0(all[i]->title, text) == 0) category = all[i];
  return category ? category->id : 0;
}

static gboolean ask_filter(Asked *asked, const char *name, gint64 value, gint64 *list, gsize *count) {
  if (*count >= ASKED_MOST) return FALSE;
  list[(*count)++] = value;
  g_string_append_printf(asked->address, "&%s=%" G_GINT64_FORMAT, name, value);
  return TRUE;
}

/* One word of the query: a filter, or what is searched for. */
static gboolean ask_word(const Ask *ask, Asked *asked, const char *word, GError **error) {
  const char *colon = strchr(word, ':');
  g_autofree char *key = colon ? g_strndup(word, (gsize)(colon - word)) : g_strdup("");
  const char *value = colon ? colon + 1 : "";
  Opening opening;
  gboolean understood = TRUE;
  if (g_str_equal(key, "层级") || g_str_equal(key, "level"))
    understood = level_of(value) != 0 && ask_filter(asked, "level", level_of(value), asked->levels, &asked->request.levels_count);
  else if (g_str_equal(key, "开放状态") || g_str_equal(key, "opening"))
    understood = opening_parse(value, &opening) && ask_filter(asked, "opening", opening, asked->openings, &asked->request.openings_count);
  else if (g_str_equal(key, "门类") || g_str_equal(key, "category")) {
    gint64 id = category_of(ask->house->catalog, value);
    understood = id != 0 && ask_filter(asked, "category", id, asked->categories, &asked->request.categories_count);
  } else if (g_str_equal(key, "有原文")) {
    asked->request.with_files = TRUE;
    g_string_append(asked->address, "&files=1");
  } else g_string_append_printf(asked->words, "%s%s", asked->words->len ? " " : "", word);
  return understood || throw(error, LANTAI_ERROR_INVALID, "检索式中的“%s”不认识", word);
}

static gboolean ask_search(const Ask *ask, const char *given, FigurePeriod period, Asked *asked, GError **error) {
  g_autofree char *year = g_strdup_printf("%d", period.to / 10000);
  g_autoptr(GString) text = g_string_new(g_str_has_prefix(given, "q=") ? given + 2 : given);
  g_string_replace(text, "{year}", year, 0);
  g_auto(GStrv) words = g_strsplit_set(text->str, " &", -1);
  asked->words = g_string_new(NULL);
  asked->address = g_string_new(NULL);
  for (char **word = words; *word; word++)
    if (**word && !ask_word(ask, asked, *word, error)) return FALSE;
  g_autofree char *escaped = g_uri_escape_string(asked->words->str, NULL, FALSE), *address = g_strconcat("/search?q=", escaped, NULL);
  g_string_prepend(asked->address, address);
  asked->request.query = asked->words->str;
  asked->request.levels = asked->levels, asked->request.openings = asked->openings, asked->request.categories = asked->categories;
  return TRUE;
}

/* Of hits, which have passed the gate: one column, without the records. */
static gboolean add_pages(const Ask *ask, const GArray *ids, double *ret, GError **error) {
  g_autoptr(GString) list = g_string_new("[");
  for (guint i = 0; i < ids->len; i++) g_string_append_printf(list, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "", g_array_index(ids, gint64, i));
  g_string_append_c(list, ']');
  g_autoptr(GError) local = NULL;
  gint64 pages = sql_number(ask->sql, "SELECT COALESCE(SUM(r.page_count), 0) AS pages FROM json_each($1) AS j JOIN record AS r ON r.id = j.value",
    SQL_ARGS(sql_text(list->str)), 0, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  *ret += (double)pages;
  return TRUE;
}

static gboolean sum_pages(const Ask *ask, Asked *asked, double *ret, GError **error) {
  g_autofree char *after = NULL;
  asked->request.limit = HITS_AT_ONCE;
  asked->request.sort = SEARCH_SORT_CODE;
  do {
    asked->request.after = after;
    g_autoptr(SearchResult) result = search_run_whole(ask->house->search, ask->sql, scope_of(ask), &asked->request, error);
    if (result == NULL) return FALSE;
    if (result->notice != NULL) return throw(error, LANTAI_ERROR_UNAVAILABLE, "现在只能数出一部分：%s", result->notice);
    if (!add_pages(ask, result->ids, ret, error)) return FALSE;
    g_free(after);
    after = g_strdup(result->next);
  } while (after != NULL);
  return TRUE;
}

/* Whatever changes a record or happens is told by the journal: a LedgerCounter. */
static gint64 last_event(Sql *sql, gint64 argument, GError **error) {
  return sql_number(sql, "SELECT COALESCE(MAX(id), $1) AS id FROM event", SQL_ARGS(sql_int(argument)), -1, error);
}

gboolean run_records(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error) {
  g_auto(Asked) asked = {NULL};
  if (ledger_ready_needs(ask->sql, last_event, 0, error) < 0) return FALSE;
  if (!ask_search(ask, json_string_value(json_object_get(figure, "records")), period, &asked, error)) return FALSE;
  gint64 after = catalog_id_after(ask->sql, period.to, error);
  if (after < 0) return FALSE;
  ret->unknown = after == 0;
  if (after > 0 && after < G_MAXINT64) {
    asked.request.id_below = after;
    g_string_append_printf(asked.address, "&held=%d", period.to);
  }
  ret->opens = g_strdup(asked.address->str);
  if (json_object_get(figure, "records_sum")) return sum_pages(ask, &asked, &ret->value, error);
  g_autoptr(SearchResult) result = search_run_whole(ask->house->search, ask->sql, scope_of(ask), &asked.request, error);
  if (result == NULL) return FALSE;
  if (result->notice) return throw(error, LANTAI_ERROR_INVALID, "检索式有误：%s", result->notice);
  ret->value = (double)result->count;
  return TRUE;
}

/* ---- events ---- */

static double event_weight(json_t *event, const char *key) {
  json_t *data = json_object_get(event, "data");
  json_auto_t *read = json_is_string(data) ? json_loads(json_string_value(data), 0, NULL) : json_incref(data);
  return key ? json_number_value(json_object_get(read, key)) : 1;
}

/* Newest first, until they are older than the period. */
gboolean run_events(Ask *ask, json_t *figure, FigurePeriod period, Outcome *ret, GError **error) {
  json_t *body = json_object_get(figure, "events"), *event;
  const char *action = json_string_value(json_object_get(body, "action")), *sum = json_string_value(json_object_get(body, "sum")),
    *mode = json_string_value(json_object_get(figure, "period"));
  int first = mode && !g_str_equal(mode, "report") ? 0 : period.from, last = mode && g_str_equal(mode, "all") ? 99991231 : period.to;
  gint64 before = 0;
  if (ledger_ready_needs(ask->sql, last_event, 0, error) < 0) return FALSE;
  for (gboolean more = TRUE; more;) {
    json_auto_t *events = journal_list(ask->sql, NULL, action, before, EVENTS_AT_ONCE, error);
    size_t i;
    if (events == NULL) return FALSE;
    more = json_array_size(events) == EVENTS_AT_ONCE;
    json_array_foreach(events, i, event) {
      int day = date_of_time(json_integer_value(json_object_get(event, "at")));
      before = json_integer_value(json_object_get(event, "id"));
      if (day < first) return TRUE;
      if (day <= last && g_strcmp0(json_string_value(json_object_get(event, "action")), action) == 0) ret->value += event_weight(event, sum);
    }
  }
  return TRUE;
}
