/*
 * When nothing was found: what would be, with a word written otherwise, or with one word or one condition less.
 *
 * 1. Every offer has been counted within the asker's scope; one that finds nothing is not made. At most TRIES questions are asked for it.
 * 2. It is a courtesy: after OFFERS_US no more are tried, and one that would take too long is left out.
 */
#include "search-page.h"
#include "error.h"

enum { TRIES = 12, NEAR_OFFERED = 3, OFFERS_US = 1000000 };

typedef struct {
  WebRequest *request;
  Sql *sql;
  json_t *offers;
  guint tries;
  gint64 until;
} Offers;

static gboolean is_late(const Offers *offers) { return g_get_monotonic_time() > offers->until; }

/* How many it finds; one that is refused for its length finds none. */
static gboolean count_hits(const Offers *offers, const SearchRequest *request, guint64 *ret, GError **error) {
  g_autoptr(GError) refused = NULL;
  g_autoptr(SearchResult) result = search_run(web_house(offers->request)->search, offers->sql, web_scope(offers->request), request, &refused);
  if (result == NULL && refused->code != LANTAI_ERROR_INVALID) return g_propagate_error(error, g_steal_pointer(&refused)), FALSE;
  *ret = result ? result->count : 0;
  return TRUE;
}

/* takes asked */
static gboolean offer(Offers *offers, json_t *taken, const char *format, const char *what, GError **error) {
  json_auto_t *asked = taken;
  guint64 count = 0;
  if (offers->tries++ >= TRIES || is_late(offers) || !asked_narrow(asked)) return TRUE;
  g_auto(AskedHold) hold = {0};
  SearchRequest search = {0};
  if (!asked_request(asked, offers->sql, &hold, &search, error)) return FALSE;
  if (!count_hits(offers, &search, &count, error)) return FALSE;
  if (count == 0) return TRUE;
  g_autofree char *href = asked_address("/search", asked);
  json_array_append_new(offers->offers, json_pack("{s:s, s:s, s:s, s:I}", "label", format, "what", what, "href", href, "count", (json_int_t)count));
  return TRUE;
}

/* takes word: what stands there instead */
static gboolean offer_instead(Offers *offers, json_t *asked, GPtrArray *parts, guint at, char *taken, const char *label, GError **error) {
  g_autofree char *word = taken;
  g_autoptr(GPtrArray) words = g_ptr_array_new(); /* borrowed */
  for (guint w = 0; w < parts->len; w++) g_ptr_array_add(words, w == at ? word : parts->pdata[w]);
  g_autofree char *query = reader_chain_without(words, words->len);
  return offer(offers, asked_with(asked, "q", json_string(query)), label, word, error);
}

/* 档号:… asks for today's codes; the code may be one that was changed since. */
static gboolean offer_former_code(Offers *offers, json_t *asked, GPtrArray *parts, GError **error) {
  for (guint i = 0; i < parts->len; i++)
    if (g_str_has_prefix(parts->pdata[i], "档号") && !offer_instead(offers, asked, parts, i, g_strconcat("原", parts->pdata[i], NULL), "改号以前的", error))
      return FALSE;
  return TRUE;
}

/* The words with one of them written otherwise, where that one alone finds nothing. */
static gboolean offer_near(Offers *offers, json_t *asked, GPtrArray *parts, GError **error) {
  Search *search = web_house(offers->request)->search;
  const Scope *scope = web_scope(offers->request);
  for (guint i = 0; i < parts->len && !is_late(offers); i++) {
    SearchRequest alone = {.query = g_ptr_array_index(parts, i)};
    guint64 count = 0;
    if (!count_hits(offers, &alone, &count, error)) return FALSE;
    g_autoptr(GPtrArray) near = count > 0 ? g_ptr_array_new() : search_near(search, offers->sql, scope, alone.query, NEAR_OFFERED, error);
    if (near == NULL) return FALSE;
    for (guint k = 0; k < near->len; k++)
      if (!offer_instead(offers, asked, parts, i, g_strdup(near->pdata[k]), "您是不是要找", error)) return FALSE;
  }
  return TRUE;
}

static gboolean offer_fewer_words(Offers *offers, json_t *asked, GPtrArray *parts, GError **error) {
  for (guint i = 0; parts->len > 1 && i < parts->len; i++) {
    g_autofree char *rest = reader_chain_without(parts, i);
    if (!offer(offers, asked_with(asked, "q", json_string(rest)), "不要", g_ptr_array_index(parts, i), error)) return FALSE;
  }
  return TRUE;
}

static gboolean offer_fewer_filters(Offers *offers, json_t *asked, GError **error) {
  for (guint i = 0; i < ASKED_LISTS; i++)
    if (json_object_get(asked, ASKED_LIST[i].name) && !offer(offers, asked_with(asked, ASKED_LIST[i].name, NULL), "不限", ASKED_LIST[i].label, error)) return FALSE;
  for (guint i = 0; i < ASKED_NUMBERS; i++)
    if (json_object_get(asked, ASKED_NUMBER[i].name) && !offer(offers, asked_with(asked, ASKED_NUMBER[i].name, NULL), "不限", ASKED_NUMBER[i].label, error)) return FALSE;
  return json_object_get(asked, "files") == NULL || offer(offers, asked_with(asked, "files", NULL), "不限", "有无原文", error);
}

json_t *search_offers_model(WebRequest *request, Sql *sql, json_t *asked, GError **error) {
  json_auto_t *list = json_array();
  Offers offers = {request, sql, list, 0, g_get_monotonic_time() + OFFERS_US};
  g_autoptr(GPtrArray) parts = reader_chain_parts(json_string_value(json_object_get(asked, "q")));
  if (search_needs_rebuild(web_house(request)->search)) return json_incref(list); /* each would be looked for in the records, too */
  json_auto_t *words_only = json_object_get(asked, "q") ? json_pack("{s:O}", "q", json_object_get(asked, "q")) : json_object();
  if (!offer_former_code(&offers, asked, parts, error) || !offer_near(&offers, asked, parts, error)) return NULL;
  if (!offer_fewer_filters(&offers, asked, error) || !offer_fewer_words(&offers, asked, parts, error)) return NULL;
  if (json_array_size(list) == 0 && json_object_size(asked) > 1 && !offer(&offers, json_incref(words_only), "去掉所有", "筛选条件", error)) return NULL;
  return json_incref(list);
}
