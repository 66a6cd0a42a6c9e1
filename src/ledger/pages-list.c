/*
 * One ledger's entries: as a list with columns, by state as a board, by day as a calendar; what the list was on another day; as a spreadsheet.
 *
 * 1. Everything that chooses entries is in the address, so that a link tells another the same.
 * 2. Lists are paged by key; the board and the calendar say when they leave something out.
 */
#include "pages.h"
#include "date.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_ROWS = 50, PRINT_ROWS = 2000, BOARD_CARDS = 40, CLOSED_CARDS = 20, CALENDAR_ENTRIES = 1000, DAY_ENTRIES = 8, CHIP_VALUES = 12, CHIP_FIELDS = 4,
  DUTY_PERIODS = 12, YEARS_SHOWN = 6 };

/* ---- rows ---- */

static json_t *state_model(const LedgerDefinition *definition, json_t *entry) {
  return json_pack("{s:s, s:s}", "text", text_at(entry, "state"), "tone", state_tone(definition, text_at(entry, "state")));
}

static json_t *cell_model(const LedgerPage *page, json_t *entry, const char *name) {
  const LedgerField *field = ledger_field(page->definition, name);
  if (field == NULL || !ledger_may_read_field(field, page->asker)) return json_pack("{s:s, s:s}", "label", name, "text", "");
  json_auto_t *value = entry_get(entry, name);
  json_t *cell = value_model(page, field, value);
  put_text_at(cell, "label", shown_label(page->definition, field));
  if (g_str_equal(name, "状态")) json_object_set_new(cell, "badge", state_model(page->definition, entry));
  if (g_str_equal(name, "编号")) json_object_set_new(cell, "is_code", json_true());
  if (g_str_equal(name, "截止") && entry_is_overdue(page->definition, entry)) json_object_set_new(cell, "late", json_true());
  if (field->type == FIELD_DATE) json_object_set_new(cell, "nowrap", json_true());
  if (field->type != FIELD_ROWS && !entry_is_tied(entry) && form_shows(page, field)) put_text_at(cell, "field", name); /* may be written where it stands */
  json_object_del(cell, "table");
  return cell;
}

static json_t *row_model(const LedgerPage *page, const LedgerFilter *filter, json_t *entry) {
  json_t *cells = json_array(), *column;
  size_t i, lead = 0;
  json_array_foreach(filter->columns, i, column) {
    if (g_str_equal(json_string_value(column), "标题")) lead = i;
    json_array_append_new(cells, cell_model(page, entry, json_string_value(column)));
  }
  json_t *head = json_array_get(cells, lead);
  g_autofree char *name = entry_name(entry);
  json_object_set_new(head, "lead", json_true());
  if (*text_at(head, "text") == '\0') put_text_at(head, "text", name);
  return json_pack("{s:O, s:O, s:o, s:b, s:b}", "id", json_object_get(entry, "id"), "rev", json_object_get(entry, "rev"), "cells", cells, "overdue",
    entry_is_overdue(page->definition, entry), "closed", !entry_is_open(page->definition, entry));
}

static json_t *rows_of(const LedgerPage *page, const LedgerFilter *filter, json_t *entries) {
  json_t *rows = json_array(), *entry;
  const LedgerField *group = filter->group == NULL ? NULL : ledger_field(page->definition, filter->group);
  g_autofree char *former = NULL;
  size_t i;
  json_array_foreach(entries, i, entry) {
    json_t *row = row_model(page, filter, entry);
    if (group != NULL) {
      json_auto_t *value = entry_get(entry, group->name);
      char *text = value_text(page, group, value);
      if (g_strcmp0(text, former) != 0) put_text_at(row, "group", *text ? text : "（空）");
      g_free(former);
      former = text;
    }
    json_array_append_new(rows, row);
  }
  return rows;
}

static json_t *head_model(const LedgerPage *page, const LedgerFilter *filter, const char *path) {
  json_t *head = json_array(), *column;
  size_t i;
  const char *sort = filter->ask.sort != NULL ? filter->ask.sort : "";
  json_array_foreach(filter->columns, i, column) {
    const char *name = json_string_value(column);
    const LedgerField *field = ledger_field(page->definition, name);
    g_autofree char *down = g_strconcat("-", name, NULL);
    gboolean rising = g_str_equal(sort, name), falling = g_str_equal(sort, down);
    g_autofree char *href = filter_link(filter, path, "sort", rising ? down : name);
    json_array_append_new(head, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "field", name, "label", field == NULL ? name : shown_label(page->definition, field),
      "href", href, "sorted", rising ? "ascending" : falling ? "descending" : "none", "mark", rising ? "↑" : falling ? "↓" : "", "is_number",
      field != NULL && (field->type == FIELD_NUMBER || field->type == FIELD_MONEY)));
  }
  return head;
}

/* ---- chips: what could be chosen, with how many there are ---- */

static gboolean is_chip_field(const LedgerField *field) {
  return !field->dated && (field->type == FIELD_CHOICE || field->type == FIELD_BOOL) && !field->base;
}

static json_t *facet_model(const LedgerPage *page, const LedgerFilter *filter, const char *name, json_t *values) {
  const LedgerField *field = ledger_field(page->definition, name);
  g_autofree char *key = g_strconcat("f.", name, NULL), *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page->definition->id);
  json_t *given = json_object_get(filter->address, key), *links = json_array(), *value;
  size_t i;
  json_array_foreach(values, i, value) {
    gboolean chosen = json_is_string(given) && g_str_equal(json_string_value(given), text_at(value, "value"));
    g_autofree char *href = filter_link(filter, path, key, chosen ? NULL : text_at(value, "value"));
    json_array_append_new(links, json_pack("{s:O, s:O, s:s, s:b}", "label", json_object_get(value, "value"), "count", json_object_get(value, "count"), "href", href,
      "chosen", chosen));
  }
  return json_pack("{s:s, s:o}", "label", shown_label(page->definition, field), "values", links);
}

static gint by_year(const void *a, const void *b) { return (int)(*(const gint64 *)b - *(const gint64 *)a); }

/* The years with entries, the newest first, so that the year before stands beside. */
static json_t *years_model(const LedgerPage *page, const LedgerFilter *filter, const char *path, json_t *values) {
  g_autoptr(GArray) years = g_array_new(FALSE, FALSE, sizeof(gint64));
  json_t *model = json_array(), *value, *given = json_object_get(filter->address, "year");
  size_t i;
  json_array_foreach(values, i, value) {
    gint64 year = g_ascii_strtoll(text_at(value, "value"), NULL, 10);
    if (year) g_array_append_val(years, year);
  }
  g_array_sort(years, by_year);
  for (guint k = 0; k < years->len && k < YEARS_SHOWN; k++) {
    g_autofree char *text = g_strdup_printf("%d", (int)g_array_index(years, gint64, k)), *href = filter_link(filter, path, "year", text);
    gint64 count = 0;
    json_array_foreach(values, i, value)
      if (g_str_equal(text_at(value, "value"), text)) count = int_at(value, "count");
    json_array_append_new(model, json_pack("{s:s, s:I, s:s, s:b}", "year", text, "count", (json_int_t)count, "href", href, "current",
      given != NULL && g_str_equal(json_string_value(given), text)));
  }
  return model;
}

/* Beside the count of a year that of the year before, under the same conditions. NULL: no year is chosen. */
static json_t *last_year_model(const LedgerFilter *filter, const char *path, json_t *values) {
  json_t *given = json_object_get(filter->address, "year"), *value;
  size_t i;
  if (!json_is_string(given)) return json_null();
  g_autofree char *before = g_strdup_printf("%d", (int)g_ascii_strtoll(json_string_value(given), NULL, 10) - 1), *href = filter_link(filter, path, "year", before);
  gint64 count = 0;
  json_array_foreach(values, i, value)
    if (g_str_equal(text_at(value, "value"), before)) count = int_at(value, "count");
  return json_pack("{s:s, s:I, s:s}", "year", before, "count", (json_int_t)count, "href", href);
}

/* States stand in the order of the work, not of their number. New. */
static json_t *ordered_states(const LedgerDefinition *definition, json_t *values) {
  json_t *ordered = json_array(), *value;
  size_t i;
  for (guint k = 0; k < definition->state_count; k++)
    json_array_foreach(values, i, value)
      if (g_str_equal(text_at(value, "value"), definition->states[k].name)) json_array_append(ordered, value);
  if (json_array_size(ordered) == json_array_size(values)) return ordered;
  json_decref(ordered); /* a state of a former definition stands there too */
  return json_incref(values);
}

/* Counts for the chips leave out the chip's own field only where it is chosen alone: what else would there be. */
static gboolean add_facets(json_t *model, const LedgerPage *page, const LedgerFilter *filter, const char *path, GError **error) {
  const char *fields[CHIP_FIELDS + 3] = {NULL};
  guint count = 0;
  const LedgerDefinition *definition = page->definition;
  if (definition->state_count > 1) fields[count++] = "状态";
  for (guint i = 0; i < definition->field_count && count < CHIP_FIELDS; i++)
    if (is_chip_field(&definition->fields[i]) && ledger_may_read_field(&definition->fields[i], page->asker)) fields[count++] = definition->fields[i].name;
  fields[count] = "年度";
  json_auto_t *tally = ledger_tally(page->house, page->sql, page->asker, &filter->ask, fields, 100, error);
  if (tally == NULL) return FALSE;
  json_t *facets = json_array(), *values = json_object_get(tally, "fields"), *flags = filter->ask.words == NULL ? filter_flags(page, filter, path, error) : NULL;
  if (filter->ask.words == NULL && flags == NULL) return json_decref(facets), FALSE;
  if (json_array_size(json_object_get(flags, "values"))) json_array_append(facets, flags);
  json_decref(flags);
  for (guint i = 0; i < count; i++) {
    json_t *each = json_object_get(values, fields[i]);
    g_autofree char *key = g_strconcat("f.", fields[i], NULL);
    gboolean chosen = json_object_get(filter->address, key) != NULL;
    if (json_array_size(each) > CHIP_VALUES || (json_array_size(each) < 2 && !chosen)) continue;
    json_auto_t *ordered = g_str_equal(fields[i], "状态") ? ordered_states(definition, each) : json_incref(each);
    json_array_append_new(facets, facet_model(page, filter, fields[i], ordered));
  }
  json_object_set_new(model, "facets", facets);
  json_object_set(model, "count", json_object_get(tally, "count"));
  json_auto_t *all_where = json_copy(filter->where);
  gboolean chosen = json_object_get(all_where, "年度") != NULL;
  json_object_del(all_where, "年度");
  LedgerAsk ask = filter->ask;
  ask.where = json_object_size(all_where) ? all_where : NULL;
  json_auto_t *years = chosen ? ledger_tally(page->house, page->sql, page->asker, &ask, (const char *const[]){"年度", NULL}, 100, error) : json_incref(tally);
  if (years == NULL) return FALSE;
  json_object_set_new(model, "last_year", last_year_model(filter, path, json_object_get(json_object_get(years, "fields"), "年度")));
  json_object_set_new(model, "years", years_model(page, filter, path, json_object_get(json_object_get(years, "fields"), "年度")));
  return TRUE;
}

/* ---- the board ---- */

static json_t *card_model(const LedgerPage *page, json_t *entry) {
  json_t *card = json_pack("{s:O, s:O}", "id", json_object_get(entry, "id"), "owner", json_object_get(entry, "owner"));
  g_autofree char *name = entry_name(entry);
  json_auto_t *due = entry_get(entry, "截止"), *date = entry_get(entry, "日期");
  json_t *moves = ledger_may_write(page->definition, page->asker) ? ledger_entry_moves(page->sql, page->asker, web_actor(page->request), entry, NULL) : NULL, *move;
  size_t i;
  json_array_foreach(moves, i, move)
    json_object_set_new(move, "asks", json_boolean(json_array_size(json_object_get(move, "missing")) > 0 || *text_at(move, "note") != '\0'));
  put_text_at(card, "name", name);
  if (due != NULL) json_object_set(card, "due", due);
  if (date != NULL) json_object_set(card, "date", date);
  json_object_set_new(card, "overdue", json_boolean(entry_is_overdue(page->definition, entry)));
  json_object_set_new(card, "moves", moves != NULL ? moves : json_array());
  return card;
}

static gboolean add_board(json_t *model, const LedgerPage *page, const LedgerFilter *filter, const char *path, GError **error) {
  json_t *lanes = json_array(), *entry;
  size_t i;
  g_autofree char *back = filter_link(filter, path, NULL, NULL);
  json_object_set_new(model, "board", lanes);
  put_text_at(model, "back", back); /* address has show=board */
  for (guint k = 0; k < page->definition->state_count; k++) {
    const LedgerState *state = &page->definition->states[k];
    json_auto_t *where = json_pack("{s:s}", "状态", state->name);
    if (filter->ask.where != NULL) json_object_set_new(where, "any", json_pack("[O]", filter->ask.where));
    LedgerAsk ask = filter->ask;
    ask.where = where;
    ask.limit = state->closed ? CLOSED_CARDS : BOARD_CARDS;
    ask.after = NULL;
    json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &ask, error);
    if (found == NULL) return FALSE;
    json_t *cards = json_array();
    json_array_foreach(json_object_get(found, "entries"), i, entry) json_array_append_new(cards, card_model(page, entry));
    g_autofree char *more = filter_link(filter, path, "f.状态", state->name);
    json_array_append_new(lanes, json_pack("{s:s, s:s, s:O?, s:o, s:s, s:b}", "state", state->name, "tone", state_tone(page->definition, state->name), "count",
      json_object_get(found, "count"), "cards", cards, "more", more, "cut", int_at(found, "count") > ask.limit));
  }
  return TRUE;
}

/* ---- the calendar ---- */

static void put_in_day(json_t *days, const LedgerPage *page, json_t *entry, gint64 day, const char *kind) {
  g_autofree char *key = g_strdup_printf("%d", (int)day), *name = entry_name(entry);
  json_t *cell = json_object_get(days, key);
  if (cell == NULL) return;
  json_t *list = json_object_get(cell, "entries");
  if (json_array_size(list) >= DAY_ENTRIES) json_object_set_new(cell, "more", json_integer(int_at(cell, "more") + 1));
  else json_array_append_new(list, json_pack("{s:O, s:s, s:s?, s:b, s:s}", "id", json_object_get(entry, "id"), "text", name, "kind", kind, "overdue",
    kind != NULL && entry_is_overdue(page->definition, entry), "tone", state_tone(page->definition, text_at(entry, "state"))));
}

static int day_number(const GDate *day) { return g_date_get_year(day) * 10000 + (int)g_date_get_month(day) * 100 + g_date_get_day(day); }

/* Whole weeks from the Monday of `first` to the week of `last`; ret_weeks is filled. {YYYYMMDD: cell}. */
static json_t *calendar_days(const GDate *first, const GDate *last, json_t *weeks) {
  json_t *days = json_object();
  g_autoptr(GDate) day = g_date_copy(first);
  g_date_subtract_days(day, (guint)g_date_get_weekday(day) - 1);
  do {
    json_t *week = json_array();
    for (int i = 0; i < 7; i++, g_date_add_days(day, 1)) {
      g_autofree char *key = g_strdup_printf("%d", day_number(day));
      gboolean outside = g_date_compare(day, first) < 0 || g_date_compare(day, last) > 0;
      json_t *cell = json_pack("{s:i, s:i, s:b, s:b, s:[]}", "day", (int)g_date_get_day(day), "date", day_number(day), "outside", outside, "today",
        day_number(day) == date_today(), "entries");
      json_object_set(days, key, cell);
      json_array_append_new(week, cell);
    }
    json_array_append_new(weeks, json_pack("{s:o}", "days", week));
  } while (g_date_compare(day, last) <= 0);
  return days;
}

static gboolean fill_calendar(const LedgerPage *page, const LedgerFilter *filter, const GDate *ends[2], json_t *days, gboolean *ret_cut, GError **error) {
  g_autofree char *from = date_format((DateSpan){day_number(ends[0]), day_number(ends[0])}), *to = date_format((DateSpan){day_number(ends[1]), day_number(ends[1])});
  json_auto_t *either = json_pack("[{s:{s:s, s:s}}]", "日期", "min", from, "max", to), *where = json_object(), *entry;
  if (ledger_field(page->definition, "截止") != NULL) json_array_append_new(either, json_pack("{s:{s:s, s:s}}", "截止", "min", from, "max", to));
  json_object_set(where, "any", either);
  if (filter->ask.where != NULL) {
    json_t *alternative;
    size_t k;
    json_array_foreach(either, k, alternative) json_object_set_new(alternative, "any", json_pack("[O]", filter->ask.where));
  }
  LedgerAsk ask = filter->ask;
  ask.where = where;
  ask.limit = CALENDAR_ENTRIES;
  ask.after = NULL;
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &ask, error);
  size_t i;
  entry = NULL;
  if (found == NULL) return FALSE;
  json_array_foreach(json_object_get(found, "entries"), i, entry) {
    put_in_day(days, page, entry, int_at(entry, "from"), NULL);
    if (entry_is_open(page->definition, entry)) put_in_day(days, page, entry, int_at(entry, "due"), "截止");
  }
  *ret_cut = int_at(found, "count") > CALENDAR_ENTRIES;
  entry = NULL;
  return TRUE;
}

/* A month, or with `week` the week of that day. */
static gboolean add_calendar(json_t *model, LedgerPage *page, LedgerFilter *filter, const char *path, GError **error) {
  const char *week = web_text(page->request, "week"), *given = week != NULL ? week : web_text(page->request, "month");
  DateSpan span = {date_today(), date_today()};
  if (given != NULL && (!date_parse(given, &span) || span.from == 0)) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是日期", given);
  int year = span.from / 10000, month = MAX(span.from / 100 % 100, 1), day = week != NULL ? MAX(span.from % 100, 1) : 1;
  g_autoptr(GDate) first = g_date_new_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year);
  if (week != NULL) g_date_subtract_days(first, (guint)g_date_get_weekday(first) - 1);
  g_autoptr(GDate) last = g_date_copy(first), before = g_date_copy(first), after = g_date_copy(first);
  g_date_add_days(last, week != NULL ? 6 : g_date_get_days_in_month((GDateMonth)month, (GDateYear)year) - 1u);
  if (week != NULL) g_date_subtract_days(before, 7), g_date_add_days(after, 7);
  else g_date_subtract_months(before, 1), g_date_add_months(after, 1);
  json_t *weeks = json_array();
  json_auto_t *days = calendar_days(first, last, weeks);
  gboolean cut = FALSE;
  put_text_at(filter->address, "show", "calendar");
  if (!fill_calendar(page, filter, (const GDate *[]){first, last}, days, &cut, error)) return json_decref(weeks), FALSE;
  const char *key = week != NULL ? "week" : "month";
  int today = date_today(), middle = day_number(first) <= today && today <= day_number(last) ? today : day_number(first);
  g_autofree char *before_day = date_format((DateSpan){day_number(before), day_number(before)}),
    *after_day = date_format((DateSpan){day_number(after), day_number(after)}), *middle_day = date_format((DateSpan){middle, middle});
  g_autofree char *before_href = filter_link(filter, path, key, before_day), *after_href = filter_link(filter, path, key, after_day);
  g_autofree char *other = filter_link(filter, path, week != NULL ? "month" : "week", middle_day);
  json_object_set_new(model, "calendar", json_pack("{s:o, s:o, s:s, s:s, s:b, s:s, s:s, s:s}", "title", week != NULL ?
    json_sprintf("%d年%d月%d日这一周", g_date_get_year(first), (int)g_date_get_month(first), g_date_get_day(first)) : json_sprintf("%d年%d月", year, month), "weeks", weeks,
    "before", before_href, "after", after_href, "cut", cut, "step", week != NULL ? "周" : "月", "other", other, "other_label", week != NULL ? "看整月" : "看一周"));
  return TRUE;
}

/* ---- charts ---- */

static LedgerCharts draw_charts;
void ledger_set_charts(LedgerCharts charts) { draw_charts = charts; }

static gboolean add_charts(json_t *model, LedgerPage *page, LedgerFilter *filter, const char *path, GError **error) {
  put_text_at(filter->address, "show", "charts");
  json_object_del(filter->address, "q"); /* the numbers are of all that meets the filters; the year is the charts' own */
  json_object_del(filter->address, "year");
  g_autofree char *own = filter_link(filter, path, NULL, NULL);
  return draw_charts(page->request, page->sql, page->definition, filter->ask.where, own, model, error);
}

/* ---- the page ---- */

static json_t *shows_model(const LedgerPage *page, const LedgerFilter *filter, const char *path, const char *show) {
  static const char *const kinds[][2] = {{"", "列表"}, {"board", "看板"}, {"calendar", "日历"}, {"charts", "图"}};
  json_t *shows = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (i == 1 && page->definition->state_count < 2) continue;
    if (i == 3 && draw_charts == NULL) continue;
    if (i == 2 && !page->definition->date_required && ledger_field(page->definition, "截止") == NULL) continue;
    g_autofree char *href = filter_link(filter, path, "show", *kinds[i][0] ? kinds[i][0] : NULL);
    json_array_append_new(shows, json_pack("{s:s, s:s, s:b}", "label", kinds[i][1], "href", href, "current", g_str_equal(show, kinds[i][0])));
  }
  return shows;
}

/* What comes round, with the last periods: done, still open, or a gap. */
static void add_duties(json_t *model, const LedgerPage *page) {
  json_auto_t *duties = ledger_duties(page->sql, page->asker, page->definition, NULL);
  json_t *duty, *period, *shown = json_array();
  size_t i, k;
  json_array_foreach(duties, i, duty) {
    json_t *periods = json_array();
    json_array_foreach(json_object_get(duty, "periods"), k, period) {
      if (k >= DUTY_PERIODS) break;
      const char *state = text_at(period, "state");
      gboolean done = g_str_equal(state, "done"), open = g_str_equal(state, "open");
      json_array_append_new(periods, json_pack("{s:O?, s:O?, s:s, s:s}", "label", json_object_get(period, "label"), "entry", json_object_get(period, "entry"), "tone",
        done ? "ok" : open ? "warn" : "bad", "word", done ? "已做" : open ? "待做" : "缺"));
    }
    json_array_append_new(shown, json_pack("{s:O?, s:O?, s:O?, s:o}", "title", json_object_get(duty, "title"), "gaps", json_object_get(duty, "gaps"),
      "owner", json_object_get(duty, "owner"), "periods", periods));
  }
  json_object_set_new(model, "duties", shown);
}

/* Of a ledger that goes through points one by one: how many are answered, have their proof, and somebody responsible. */
static gboolean add_completeness(json_t *model, const LedgerPage *page, GError **error) {
  const char *answer = text_at(json_object_get(page->definition->json, "checklist"), "answer"), *const names[] = {NULL, answer, "附件", "责任人"};
  json_t *wheres[G_N_ELEMENTS(names)];
  gint64 counts[G_N_ELEMENTS(names) + 1], year = web_int(page->request, "year", 0);
  if (*answer == '\0') return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    wheres[i] = json_object();
    if (year != 0) json_object_set_new(wheres[i], "年度", json_integer(year));
    if (names[i] != NULL) json_object_set_new(wheres[i], names[i], json_pack("{s:b}", "set", 1));
  }
  gboolean fine = ledger_counts(page, page->definition, wheres, G_N_ELEMENTS(names), counts, error);
  if (fine) json_object_set_new(model, "completeness", json_pack("{s:s, s:I, s:I, s:I, s:I}", "answer", answer, "total", (json_int_t)counts[1], "answered",
    (json_int_t)counts[2], "proved", (json_int_t)counts[3], "owned", (json_int_t)counts[4]));
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) json_decref(wheres[i]);
  return fine;
}

static char *words_joined(json_t *words) {
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *word;
  json_array_foreach(words, i, word) g_string_append_printf(text, "%s%s", i > 0 ? "、" : "", json_string_value(word));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void add_frame(json_t *model, LedgerPage *page, LedgerFilter *filter, const char *path) {
  const char *show = web_text(page->request, "show");
  json_object_set_new(model, "ledger", page_ledger_model(page));
  json_object_set_new(model, "chips", filter_chips(page, filter, path));
  json_object_set_new(model, "shows", shows_model(page, filter, path, show == NULL ? "" : show));
  json_object_set_new(model, "views", views_model(page, path, web_text(page->request, "view")));
  json_object_set_new(model, "own_views", own_views_model(page, filter, path));
  json_object_set_new(model, "filters", filter_form(page, filter));
  json_object_set_new(model, "kept", filter_hidden(filter, "f."));
  json_object_set_new(model, "hidden", filter_hidden(filter, NULL));
  json_object_set_new(model, "without_columns", filter_hidden(filter, "columns"));
  g_autofree char *columns = words_joined(filter->columns);
  put_text_at(model, "columns_text", columns);
  if (filter->ask.words != NULL) put_text_at(model, "words", filter->ask.words);
  g_autofree char *all = filter_link(filter, path, "year", NULL), *query = filter_link(filter, "", NULL, NULL);
  put_text_at(model, "all_years", all);
  if (show != NULL && g_str_equal(show, "board")) put_text_at(filter->address, "show", show);
  g_autofree char *from = filter->ask.on == 0 ? filter_link(filter, "", "list", "1") : NULL; /* an entry is shown as it is now */
  g_autofree char *here = filter_link(filter, path, NULL, NULL);
  json_object_del(filter->address, "show");
  put_text_at(model, "here", here);
  g_autofree char *form = g_strconcat(path, "/new", NULL), *fresh = filter_new(filter, form);
  put_text_at(model, "new", fresh);
  if (from != NULL) put_text_at(model, "from", from + 1);
  put_text_at(model, "query_string", *query == '?' ? query + 1 : query);
  json_object_set_new(model, "filtered", json_boolean(filter->ask.where != NULL || filter->ask.words != NULL));
}

static gboolean add_rows(json_t *model, LedgerPage *page, LedgerFilter *filter, const char *path, GError **error) {
  gboolean print = web_flag(page->request, "print");
  LedgerAsk ask = filter->ask;
  ask.limit = print ? PRINT_ROWS : PAGE_ROWS;
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &ask, error);
  if (found == NULL) return FALSE;
  json_t *entries = json_object_get(found, "entries");
  const char *next = json_string_value(json_object_get(found, "next"));
  json_object_set_new(model, "head", head_model(page, filter, path));
  json_object_set_new(model, "rows", rows_of(page, filter, entries));
  json_object_set(model, "entries", entries);
  json_object_set_new(model, "columns", json_integer((json_int_t)json_array_size(filter->columns) + 1));
  if (next != NULL) {
    g_autofree char *href = filter_link(filter, path, "after", next);
    put_text_at(model, "next", href);
    if (print) json_object_set_new(model, "print_cut", json_integer(PRINT_ROWS));
  }
  if (filter->ask.after != NULL) {
    g_autofree char *first = filter_link(filter, path, NULL, NULL);
    put_text_at(model, "first", first);
  }
  return TRUE;
}

void page_add_moved(json_t *model, const LedgerPage *page) {
  const char *moved = web_text(page->request, "moved");
  g_auto(GStrv) parts = moved == NULL ? NULL : g_strsplit(moved, ".", 4);
  if (parts == NULL || g_strv_length(parts) != 3 || !ledger_may_write(page->definition, page->asker)) return;
  json_auto_t *entry = ledger_entry_load(page->sql, page->asker, g_ascii_strtoll(parts[0], NULL, 10), NULL);
  if (entry == NULL || int_at(entry, "rev") != g_ascii_strtoll(parts[2], NULL, 10)) return;
  g_autofree char *name = entry_name(entry);
  json_object_set_new(model, "moved", json_pack("{s:o, s:s, s:O, s:O*}", "made", json_sprintf("%s:%s:%s\n", parts[0], parts[1], parts[2]), "name", name, "state",
    json_object_get(entry, "state"), "deleted", json_object_get(entry, "deleted")));
}

WebReply *page_list(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  g_autofree char *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page.definition->id);
  const char *show = web_text(request, "show");
  json_auto_t *model = json_pack("{s:s}", "title", page.definition->name);
  add_frame(model, &page, &filter, path);
  page_add_moved(model, &page);
  if (!add_facets(model, &page, &filter, path, error) || !add_completeness(model, &page, error)) return NULL;
  gboolean fine = FALSE;
  if (g_strcmp0(show, "board") == 0) {
    put_text_at(filter.address, "show", "board");
    fine = add_board(model, &page, &filter, path, error);
  } else if (g_strcmp0(show, "charts") == 0 && draw_charts != NULL) fine = add_charts(model, &page, &filter, path, error);
  else if (g_strcmp0(show, "calendar") == 0) fine = add_calendar(model, &page, &filter, path, error);
  else {
    fine = add_rows(model, &page, &filter, path, error);
    add_duties(model, &page);
    json_object_set_new(model, "as_list", json_true());
  }
  return fine ? web_model(g_steal_pointer(&model)) : NULL;
}

/* ---- spreadsheets ---- */

char *sheet_begin(const House *house, const char *suffix, GError **error) {
  g_autofree char *folder = g_build_filename(house->dir != NULL ? house->dir : g_get_tmp_dir(), "tmp", NULL);
  g_autofree char *path = g_strdup_printf("%s/ledger-XXXXXX%s", folder, suffix);
  if (g_mkdir_with_parents(folder, 0700) != 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时目录");
  int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能建立临时文件");
  close(fd);
  return g_steal_pointer(&path);
}

WebReply *sheet_reply(const char *path, const char *name, gboolean written, GError **error) {
  int fd = written ? g_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
  g_unlink(path);
  if (fd < 0) return written ? throw_null(error, LANTAI_ERROR_INTERNAL, "导出的表格不见了") : NULL;
  gint64 size = lseek(fd, 0, SEEK_END);
  lseek(fd, 0, SEEK_SET);
  return web_fd(fd, size, g_str_has_suffix(path, ".csv") ? "text/csv; charset=utf-8" : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", name, FALSE,
    NULL);
}

WebReply *page_export(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  gboolean csv = g_strcmp0(web_text(request, "format"), "csv") == 0;
  g_autofree char *path = sheet_begin(page.house, csv ? ".csv" : ".xlsx", error), *name = g_strdup_printf("%s.%s", page.definition->name, csv ? "csv" : "xlsx");
  return path == NULL ? NULL : sheet_reply(path, name, ledger_export(page.house, page.asker, &filter.ask, path, error), error);
}

/* ---- the list on two days ---- */

static const char *const CHANGES[][2] = {{"added", "新增"}, {"closed", "办结"}, {"changed", "改动"}, {"removed", "去掉"}};

/* Each change with its word; ret: how many of each kind, [{label, count}]. */
static json_t *label_changes(json_t *changes) {
  json_t *kinds = json_array(), *change;
  for (guint k = 0; k < G_N_ELEMENTS(CHANGES); k++) {
    size_t i;
    gint64 count = 0;
    json_array_foreach(changes, i, change) {
      if (!g_str_equal(CHANGES[k][0], text_at(change, "what"))) continue;
      put_text_at(change, "what_label", CHANGES[k][1]);
      count++;
    }
    if (count > 0) json_array_append_new(kinds, json_pack("{s:s, s:I}", "label", CHANGES[k][1], "count", (json_int_t)count));
  }
  return kinds;
}

WebReply *page_compare(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  const char *before = web_text(request, "before"), *after = web_text(request, "until");
  DateSpan first = {0, 0}, last = {date_today(), date_today()};
  json_auto_t *model = json_pack("{s:o, s:o, s:s?, s:s?}", "title", json_sprintf("%s的变化", page.definition->name), "ledger", page_ledger_model(&page), "before", before,
    "until", after);
  json_object_set_new(model, "hidden", filter_hidden(&filter, NULL));
  if (before == NULL) {
    g_autofree char *month = date_format((DateSpan){date_shift(date_today() / 100 * 100 + 1, -1), date_shift(date_today() / 100 * 100 + 1, -1)});
    put_text_at(model, "before", month); /* the end of the month before */
    return web_model(g_steal_pointer(&model));
  }
  if (!date_parse(before, &first) || first.from == 0 || (after != NULL && (!date_parse(after, &last) || last.to == 0)))
    return throw_null(error, LANTAI_ERROR_INVALID, "请写两个日期，如 2023-06-30");
  json_t *changes = ledger_compare(page.house, page.sql, page.asker, &filter.ask, first.to, last.to, error);
  if (changes == NULL) return NULL;
  json_object_set_new(model, "kinds", label_changes(changes));
  json_object_set_new(model, "changes", changes);
  json_object_set_new(model, "compared", json_true());
  return web_model(g_steal_pointer(&model));
}
