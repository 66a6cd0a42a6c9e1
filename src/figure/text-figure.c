/* Aggregates that are told as words: lists of values, spans of days; and hours covered. */
#include "compute.h"
#include <math.h>
#include <string.h>

char *date_words(int from, int to, gboolean both_years) {
  gboolean whole_year = from % 10000 == 101 && to % 10000 == 1231;
  if (from / 10000 == to / 10000 && whole_year) return g_strdup_printf("%d年", from / 10000);
  g_autofree char *first = g_strdup_printf("%d年%d月%d日", from / 10000, from / 100 % 100, from % 100);
  if (from == to) return g_steal_pointer(&first);
  if (from / 10000 == to / 10000 && !both_years) return g_strdup_printf("%s至%d月%d日", first, to / 100 % 100, to % 100);
  return g_strdup_printf("%s至%d年%d月%d日", first, to / 10000, to / 100 % 100, to % 100);
}

/* ---- spans ---- */

typedef struct { gint32 from, to; guint count; } Span;
static void widen(const LedgerValue *value, gpointer data) {
  Span *span = data;
  if (value->from == 0) return;
  span->from = span->count ? MIN(span->from, value->from) : value->from;
  span->to = span->count ? MAX(span->to, value->to) : value->to;
  span->count++;
}

gboolean aggregate_span(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_or(figure, "span", ""), error);
  Span span = {0, 0, 0};
  if (path == NULL) return FALSE;
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i), before = span.count;
    ledger_path_values(path, selection->where, index, selection->at, widen, &span);
    gint64 id = ledger_table_id(selection->table, index);
    if (span.count > before) g_array_append_val(ret->entries, id);
  }
  if (span.count == 0) return ret->text = g_strdup(""), TRUE;
  ret->value = day_number(span.to) - day_number(span.from) + 1;
  ret->text = date_words(span.from, span.to, g_str_equal(text_or(json_object_get(figure, "say"), "style", ""), "long"));
  return TRUE;
}

/* ---- hours ---- */

typedef struct { double from, to; } Minutes;
typedef struct { GArray *spans; double first, last; } Covering;

static void take_span(const LedgerValue *value, gpointer data) {
  Covering *covering = data;
  Minutes span = {MAX(value->number, covering->first), MIN(value->until, covering->last)};
  if (span.to > span.from) g_array_append_val(covering->spans, span);
}

static int by_start(gconstpointer a, gconstpointer b) {
  double x = ((const Minutes *)a)->from, y = ((const Minutes *)b)->from;
  return (x > y) - (x < y);
}

static double covered(GArray *spans) {
  double minutes = 0, reached = -INFINITY;
  g_array_sort(spans, by_start);
  for (guint i = 0; i < spans->len; i++) {
    Minutes span = g_array_index(spans, Minutes, i);
    minutes += MAX(0, span.to - MAX(span.from, reached));
    reached = MAX(reached, span.to);
  }
  return minutes;
}

gboolean aggregate_hours(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_or(figure, "hours", ""), error);
  if (path == NULL) return FALSE;
  g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(Minutes));
  int first = day_number(selection->period.from), last = day_number(selection->period.to) + 1;
  Covering covering = {spans, first * 1440.0, last * 1440.0};
  for (guint i = 0; i < indexes->len; i++) {
    guint index = g_array_index(indexes, guint, i), before = spans->len;
    ledger_path_values(path, selection->where, index, selection->at, take_span, &covering);
    gint64 id = ledger_table_id(selection->table, index);
    if (spans->len > before) g_array_append_val(ret->entries, id);
  }
  ret->value = covered(spans) / 60;
  if (json_object_get(figure, "per")) ret->value /= MAX(1, last - first);
  return TRUE;
}

/* ---- lists ---- */

typedef struct { double number; char *order, *text; gint64 id; gboolean none; } Item;
static void item_clear(gpointer data) {
  Item *item = data;
  g_free(item->order);
  g_free(item->text);
}

static int by_order(gconstpointer a, gconstpointer b) {
  const Item *x = a, *y = b;
  if (x->none != y->none) return x->none ? 1 : -1;
  int order = x->order && y->order ? strcmp(x->order, y->order) : (x->number > y->number) - (x->number < y->number);
  return order ? order : (x->id > y->id) - (x->id < y->id);
}
static int by_order_down(gconstpointer a, gconstpointer b) {
  const Item *x = a, *y = b;
  if (x->none != y->none) return x->none ? 1 : -1;
  int order = x->order && y->order ? strcmp(y->order, x->order) : (y->number > x->number) - (y->number < x->number);
  return order ? order : (x->id > y->id) - (x->id < y->id);
}

static void take_order(const LedgerValue *value, gpointer data) {
  Item *item = data;
  if (!item->none) return;
  item->none = FALSE;
  if (value->from || value->has_number) item->number = value->from ? value->from : value->number;
  else item->order = g_strdup(value->text);
}

typedef struct { GArray *items; GHashTable *seen; Item order; } Listing;
static void take_item(const LedgerValue *value, gpointer data) {
  Listing *listing = data;
  if (*value->text == '\0') return;
  if (listing->seen && !g_hash_table_add(listing->seen, g_strdup(value->text))) return;
  Item item = {listing->order.number, g_strdup(listing->order.order), g_strdup(value->text), listing->order.id, listing->order.none};
  g_array_append_val(listing->items, item);
}

/* Quotation marks of a list: “《》” is a pair. */
static void append_item(GString *out, const char *text, const char *quote) {
  const char *close = *quote ? g_utf8_next_char(quote) : quote;
  g_string_append_len(out, quote, close - quote);
  g_string_append(out, text);
  g_string_append(out, close);
}

static char *list_text(json_t *figure, const GArray *items, double count) {
  json_int_t limit = json_integer_value(json_object_get(figure, "limit"));
  guint shown = limit > 0 ? MIN((guint)limit, items->len) : items->len;
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < shown; i++) {
    if (i) g_string_append(out, text_or(figure, "joiner", "、"));
    append_item(out, g_array_index(items, Item, i).text, text_or(figure, "quote", ""));
  }
  if (shown < items->len) g_string_append(out, text_or(figure, "tail", json_is_true(json_object_get(figure, "total")) ? "等" : ""));
  if (shown < items->len && json_is_true(json_object_get(figure, "total"))) {
    Wording words = {NULL, NULL};
    if (figure_say(figure, count, 0, NULL, &words, NULL)) g_string_append(out, words.text);
    wording_clear(&words);
  }
  if (items->len == 0) g_string_append(out, text_or(json_object_get(figure, "say"), "none", ""));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

gboolean aggregate_list(Ask *ask, json_t *figure, const Selection *selection, const GArray *indexes, Outcome *ret, GError **error) {
  const char *sort = text_or(figure, "sort", "日期");
  gboolean down = *sort == '-', distinct = json_is_true(json_object_get(figure, "distinct"));
  g_autoptr(LedgerPath) path = ledger_path_new(ask->house, ask->sql, selection->table, text_or(figure, "list", ""), error);
  g_autoptr(LedgerPath) order = path ? ledger_path_new(ask->house, ask->sql, selection->table, sort + down, error) : NULL;
  if (order == NULL) return FALSE;
  g_autoptr(GArray) firsts = g_array_new(FALSE, FALSE, sizeof(Item));
  g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
  g_autoptr(GHashTable) seen = distinct ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
  g_array_set_clear_func(firsts, item_clear);
  g_array_set_clear_func(items, item_clear);
  for (guint i = 0; i < indexes->len; i++) { /* number of the entry goes along in text */
    guint index = g_array_index(indexes, guint, i);
    Item item = {.id = ledger_table_id(selection->table, index), .none = TRUE};
    ledger_path_values(order, NULL, index, selection->at, take_order, &item);
    item.text = g_memdup2(&index, sizeof index);
    g_array_append_val(firsts, item);
  }
  g_array_sort(firsts, down ? by_order_down : by_order);
  for (guint i = 0; i < firsts->len; i++) {
    Listing listing = {items, seen, g_array_index(firsts, Item, i)};
    guint index, before = items->len;
    memcpy(&index, listing.order.text, sizeof index);
    ledger_path_values(path, selection->where, index, selection->at, take_item, &listing);
    if (items->len > before || distinct) g_array_append_val(ret->entries, listing.order.id);
  }
  ret->value = distinct ? items->len : ret->entries->len;
  ret->text = list_text(figure, items, ret->value);
  return TRUE;
}
