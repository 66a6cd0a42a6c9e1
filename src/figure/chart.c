/*
 * The kinds of charts: trend (years, or months beside those of last year), share (groups), progress (done, under way, overdue by whose they are),
 * backlog (what came, what was done, what stays, month by month), map (every body of a roster, also those with nothing).
 */
#include "chart.h"
#include "date.h"
#include "error.h"
#include "report-internal.h"
#include <math.h>
#include <string.h>

#define KIND_COLUMN "数" /* of charts that have one */
enum { YEARS = 6, YEARS_MOST = 20, ROWS_MOST = 24, MONTHS = 12, SHADES = 5, BROAD = 16 };
typedef gboolean (*Draw)(const ChartAsk *ask, json_t *chart, GError **error);

/* ---- numbers ---- */

/* The one place where a number of a chart is computed. figure: an own one; taken. */
static json_t *result_of(const ChartAsk *ask, json_t *figure, FigurePeriod period, GError **error) {
  json_auto_t *own = figure;
  gboolean writing = sql_is_writing(ask->sql), trying = json_is_true(json_object_get(own, "trying")); /* what is kept ready is of before the transaction */
  json_t *result = (writing ? trying ? figure_try : figure_compute_definition : figure_ready_definition)(ask->house, ask->sql, ask->asker, own, period, error);
  if (result == NULL || ask->rests == NULL) return result;
  figure_rests_join(ask->rests, json_object_get(result, "rests"));
  if (json_is_true(json_object_get(result, "partial"))) json_object_set_new(ask->rests, "partial", json_true());
  return result;
}

static gboolean number_of(const ChartAsk *ask, json_t *figure, FigurePeriod period, json_t **ret_cell, GError **error) {
  json_auto_t *result = result_of(ask, figure, period, error);
  if (result == NULL) return FALSE;
  json_t *value = json_object_get(result, "value");
  *ret_cell = json_pack("{s:O}", "value", value);
  if (json_is_real(value)) json_object_set(*ret_cell, "shown", json_object_get(result, "text"));
  return TRUE;
}

static json_t *cell_new(double value) {
  return json_pack("{s:o}", "value", value == floor(value) ? json_integer((json_int_t)value) : json_real(round(value * 100) / 100));
}
static double cell_value(json_t *cell) { return json_number_value(json_object_get(cell, "value")); }

/* {key: value} of a grouped figure; DENIED when only the number may be told. */
static json_t *parts_of(const ChartAsk *ask, json_t *figure, FigurePeriod period, GError **error) {
  json_auto_t *result = result_of(ask, figure, period, error);
  json_t *parts, *part;
  size_t i;
  if (result == NULL) return NULL;
  if (json_is_true(json_object_get(result, "restricted"))) return throw_null(error, LANTAI_ERROR_DENIED, "这个指标只公布总数，不能分开画");
  json_t *told = json_object_get(result, "parts");
  parts = json_object();
  json_array_foreach(told, i, part) json_object_set(parts, text_at(part, "key"), json_object_get(part, "value"));
  return parts;
}

/* ---- the table ---- */

static void add_column(json_t *chart, const char *label, const char *tone) {
  json_array_append_new(json_object_get(chart, "columns"), json_pack("{s:s, s:s}", "label", label, "tone", tone ? tone : ""));
}

static json_t *add_row(json_t *chart, const char *label) {
  json_t *row = json_pack("{s:s, s:[]}", "label", label, "cells");
  json_array_append_new(json_object_get(chart, "rows"), row);
  return row;
}

static void add_cell(json_t *row, json_t *cell) { json_array_append_new(json_object_get(row, "cells"), cell); }

static void put_address(const ChartAsk *ask, json_t *cell, const char *query) {
  if (ask->path) json_object_set_new(cell, "goes", json_sprintf("%s%c%s", ask->path, strchr(ask->path, '?') ? '&' : '?', query));
}

static gboolean is_folded(const char *row) { return g_str_equal(row, CHART_FOLDED) || g_str_equal(row, CHART_OUTSIDE); }

/* To the rows behind one cell, on the chart's own page. */
static void link_cell(const ChartAsk *ask, json_t *cell, const char *row, const char *column) {
  if (cell_value(cell) == 0 || is_folded(row)) return;
  g_autofree char *query = chart_period_query(ask->period), *part = g_uri_escape_string(row, NULL, FALSE), *of = g_uri_escape_string(column, NULL, FALSE);
  g_autofree char *whole = g_strdup_printf("%s&chart=%s&row=%s&column=%s", query, text_in(ask->spec, "kind"), part, of);
  put_address(ask, cell, whole);
}

static gboolean has_page(const ChartAsk *ask) { return json_object_get(ask->figure, "id") != NULL; }

/* A figure's number of another period, or of one of its own groups, has a page of its own. */
static void link_figure(const ChartAsk *ask, json_t *cell, FigurePeriod period, const char *part) {
  if (cell_value(cell) == 0 || (part && is_folded(part))) return;
  g_autofree char *query = chart_period_query(period), *escaped = part ? g_uri_escape_string(part, NULL, FALSE) : NULL;
  g_autofree char *whole = part ? g_strdup_printf("%s&part=%s", query, escaped) : g_strdup(query);
  put_address(ask, cell, whole);
}

static void say(json_t *chart, char *text) {
  json_object_set_new(chart, "said", json_string(text));
  g_free(text);
}

/* Nothing is drawn where there is nothing to be seen. */
static gboolean say_none(json_t *chart, char *text) {
  json_array_clear(json_object_get(chart, "rows"));
  return say(chart, text), TRUE;
}

/* The number as it is said: 13.1万, 66.7. */
static char *short_number(double value) {
  if (fabs(value) >= 1e8) return g_strdup_printf("%.4g亿", value / 1e8);
  if (fabs(value) >= 1e4) return g_strdup_printf("%.4g万", value / 1e4);
  return g_strdup_printf("%.10g", round(value * 100) / 100);
}

/* ---- trend ---- */

static gboolean draw_years(const ChartAsk *ask, json_t *chart, GError **error) {
  int years = (int)int_at(ask->spec, "years");
  double most = -INFINITY, value = 0, all = 0;
  int best = 0;
  years = years ? CLAMP(years, 2, YEARS_MOST) : YEARS;
  add_column(chart, text_in(chart, "title"), NULL);
  for (int back = years - 1; back >= 0; back--) {
    FigurePeriod then = period_shift(ask->period, -back);
    json_t *cell;
    if (!number_of(ask, chart_narrowed(ask->figure, NULL, NULL), then, &cell, error)) return FALSE;
    g_autofree char *label = g_strdup_printf("%d年", then.to / 10000);
    json_t *row = add_row(chart, label);
    add_cell(row, cell);
    if (has_page(ask)) link_figure(ask, cell, then, NULL);
    else link_cell(ask, cell, label, label);
    if (back == 0) json_object_set_new(row, "now", json_true());
    value = cell_value(cell);
    all += fabs(value);
    if (value > most) most = value, best = then.to / 10000;
  }
  if (all == 0) return say_none(chart, g_strdup_printf("%d年以来没有数", ask->period.to / 10000 - years + 1));
  g_autofree char *now = short_number(value), *top = short_number(most);
  say(chart, g_strdup_printf("%d年%s%s；%d年以来最多的是%d年，%s%s", ask->period.to / 10000, now, text_in(chart, "unit"), ask->period.to / 10000 - years + 1, best, top,
    text_in(chart, "unit")));
  return TRUE;
}

static gboolean draw_months(const ChartAsk *ask, json_t *chart, GError **error) {
  int year = ask->period.to / 10000, today = date_today();
  double sums[2] = {0, 0}, all = 0;
  for (int back = 1; back >= 0; back--) {
    g_autofree char *label = g_strdup_printf("%d年", year - back);
    add_column(chart, label, back ? "before" : NULL);
  }
  for (int month = 1; month <= MONTHS; month++) {
    g_autofree char *label = g_strdup_printf("%d月", month);
    json_t *row = add_row(chart, label);
    for (int back = 1; back >= 0; back--) {
      FigurePeriod then = period_shift(chart_month(ask->period, month), -back);
      json_t *cell = json_object();
      gboolean come = then.from <= today; /* a month to come has no number, not 0 */
      if (come && (json_decref(cell), !number_of(ask, chart_narrowed(ask->figure, NULL, NULL), then, &cell, error))) return FALSE;
      add_cell(row, cell);
      g_autofree char *column = g_strdup_printf("%d年", year - back);
      if (come && has_page(ask)) link_figure(ask, cell, then, NULL);
      else if (come) link_cell(ask, cell, label, column);
      sums[back] += cell_value(cell);
      all += fabs(cell_value(cell));
    }
  }
  if (all == 0) return say_none(chart, g_strdup_printf("%d年和上年都没有数", year));
  g_autofree char *now = short_number(sums[0]), *before = short_number(sums[1]);
  say(chart, g_strdup_printf("%d年各月合计%s%s，上年%s%s", year, now, text_in(chart, "unit"), before, text_in(chart, "unit")));
  return TRUE;
}

static gboolean draw_trend(const ChartAsk *ask, json_t *chart, GError **error) {
  gboolean months = g_strcmp0(text_in(ask->spec, "every"), "month") == 0;
  json_object_set_new(chart, "first", json_string(months ? "月份" : "年度"));
  return months ? draw_months(ask, chart, error) : draw_years(ask, chart, error);
}

/* ---- groups ---- */

typedef struct { const char *key; double value, values[3]; } Group;
static int larger(gconstpointer a, gconstpointer b) {
  const Group *x = a, *y = b;
  return x->value != y->value ? (x->value < y->value) - (x->value > y->value) : strcmp(x->key, y->key);
}

/* The values of up to three grouped results side by side, the largest (of the first) before. Keys are borrowed. */
static GArray *groups_of(json_t *const *parts, guint count) {
  GArray *groups = g_array_new(FALSE, TRUE, sizeof(Group));
  const char *key;
  json_t *value;
  json_object_foreach(parts[0], key, value) {
    Group group = {key, json_number_value(value), {0}};
    for (guint i = 0; i < count; i++) group.values[i] = json_number_value(json_object_get(parts[i], key));
    if (group.value != 0) g_array_append_val(groups, group);
  }
  g_array_sort(groups, larger);
  if (groups->len <= ROWS_MOST) return groups;
  Group rest = {CHART_FOLDED, 0, {0}};
  for (guint g = ROWS_MOST - 1; g < groups->len; g++)
    for (guint i = 0; i < 3; i++) rest.values[i] += g_array_index(groups, Group, g).values[i];
  rest.value = rest.values[0];
  g_array_set_size(groups, ROWS_MOST - 1);
  g_array_append_val(groups, rest);
  return groups;
}

static const char *group_label(json_t *figure, const char *path) {
  const char *dot = path ? strrchr(path, '.') : NULL;
  return dot ? dot + 1 : path ? path : text_in(figure, "name");
}

static const char *group_by(const ChartAsk *ask) { return text_in(ask->spec, "by") ? text_in(ask->spec, "by") : text_in(ask->figure, "group"); }

static gboolean draw_share(const ChartAsk *ask, json_t *chart, GError **error) {
  const char *by = group_by(ask);
  json_auto_t *parts = parts_of(ask, chart_narrowed(ask->figure, NULL, by), ask->period, error);
  if (parts == NULL) return FALSE;
  g_autoptr(GArray) groups = groups_of(&parts, 1);
  gboolean own = has_page(ask) && g_strcmp0(by, text_in(ask->figure, "group")) == 0;
  double sum = 0;
  json_object_set_new(chart, "first", json_string(group_label(ask->figure, by)));
  add_column(chart, text_in(chart, "title"), NULL);
  json_array_append_new(json_object_get(chart, "columns"), json_pack("{s:s, s:s, s:b}", "label", "占比", "tone", "", "plain", 1));
  for (guint i = 0; i < groups->len; i++) sum += g_array_index(groups, Group, i).value;
  for (guint i = 0; i < groups->len; i++) {
    const Group *group = &g_array_index(groups, Group, i);
    json_t *row = add_row(chart, group->key), *cell = cell_new(group->value);
    if (own) link_figure(ask, cell, ask->period, group->key);
    else link_cell(ask, cell, group->key, KIND_COLUMN);
    add_cell(row, cell);
    add_cell(row, json_pack("{s:f, s:o}", "value", round(group->value / sum * 1000) / 10, "shown", json_sprintf("%.1f％", group->value / sum * 100)));
  }
  if (groups->len == 0) return say(chart, g_strdup("没有数")), TRUE;
  const Group *top = &g_array_index(groups, Group, 0);
  g_autofree char *most = short_number(top->value);
  say(chart, g_strdup_printf("最多的是%s，%s%s，占%.0f％", top->key, most, text_in(chart, "unit"), top->value / sum * 100));
  return TRUE;
}

/* ---- progress ---- */

static const char *const PROGRESS[] = {"已办结", "未到期", "逾期"};

static FigurePeriod until_today(FigurePeriod period) {
  period.to = MAX(period.from, MIN(period.to, date_today()));
  return period;
}

/* The figure's entries as they stood at the end of the period: all, closed, overdue. */
static void progress_figures(const ChartAsk *ask, const char *by, json_t *ret[3]) {
  const LedgerDefinition *ledger = ledger_find(text_in(ask->figure, "ledger"));
  FigurePeriod period = until_today(ask->period);
  json_t *late = ledger_field(ledger, "截止") ? chart_states(ledger, FALSE) : NULL;
  if (late) {
    g_autofree char *day = date_format((DateSpan){period.to, period.to});
    json_object_set_new(late, "截止", json_pack("{s:s}", "under", day));
  }
  ret[0] = chart_narrowed(ask->figure, NULL, by);
  ret[1] = chart_narrowed(ask->figure, chart_states(ledger, TRUE), by);
  ret[2] = late ? chart_narrowed(ask->figure, late, by) : NULL;
  for (guint i = 0; i < 3; i++)
    if (ret[i]) json_object_set_new(ret[i], "at", json_string("end"));
}

static const char *progress_by(const ChartAsk *ask) {
  return group_by(ask) ? group_by(ask) : "责任部门";
}

static gboolean draw_progress(const ChartAsk *ask, json_t *chart, GError **error) {
  const char *by = progress_by(ask);
  json_t *figures[3], *parts[3];
  progress_figures(ask, by, figures);
  for (guint i = 0; i < 3; i++) parts[i] = figures[i] ? parts_of(ask, figures[i], until_today(ask->period), error && *error == NULL ? error : NULL) : json_object();
  json_auto_t *held = json_pack("[o*, o*, o*]", parts[0], parts[1], parts[2]);
  if (json_array_size(held) < 3) return FALSE;
  g_autoptr(GArray) groups = groups_of(parts, 3);
  double sums[3] = {0, 0, 0};
  json_object_set_new(chart, "first", json_string(group_label(ask->figure, by)));
  add_column(chart, PROGRESS[0], "ok");
  add_column(chart, PROGRESS[1], "muted");
  add_column(chart, PROGRESS[2], "bad");
  for (guint g = 0; g < groups->len; g++) {
    const Group *group = &g_array_index(groups, Group, g);
    double values[3] = {group->values[1], group->values[0] - group->values[1] - group->values[2], group->values[2]};
    json_t *row = add_row(chart, group->key);
    for (guint i = 0; i < 3; i++) {
      json_t *cell = cell_new(values[i]);
      link_cell(ask, cell, group->key, PROGRESS[i]);
      add_cell(row, cell);
      sums[i] += values[i];
    }
  }
  double all = sums[0] + sums[1] + sums[2];
  g_autofree char *when = ask->period.to - ask->period.from == 1130 ? g_strdup_printf("%d年的", ask->period.to / 10000) : g_strdup("本期的");
  say(chart, all == 0 ? g_strdup("没有数") : g_strdup_printf("%s共%.10g%s，已办结%.0f％，逾期%.10g%s", when, all, text_in(chart, "unit"), sums[0] / all * 100, sums[2],
    text_in(chart, "unit")));
  return TRUE;
}

/* ---- backlog ---- */

static const char *const BACKLOG[] = {"新增", "办结", "月末未办结"};

/* What was open at the end of a period, whenever it began; without a day it came in no month, and is not counted. */
static json_t *open_figure(const ChartAsk *ask) {
  json_t *where = chart_states(ledger_find(text_in(ask->figure, "ledger")), FALSE);
  if (where != NULL) json_object_set_new(where, "日期", json_pack("{s:b}", "set", 1));
  json_t *open = chart_narrowed(ask->figure, where, NULL);
  json_object_set_new(open, "period", json_string("to-end"));
  json_object_set_new(open, "at", json_string("end"));
  return open;
}

/* What came up to a day less what went by another figure. */
static gboolean stock_at(const ChartAsk *ask, FigurePeriod period, double *ret, GError **error) {
  const char *out = text_in(ask->spec, "out");
  json_t *figures[2] = {out ? chart_narrowed(ask->figure, NULL, NULL) : open_figure(ask), out ? chart_narrowed(figure_definition(out), NULL, NULL) : NULL};
  *ret = 0;
  for (guint i = 0; i < 2; i++) {
    json_t *cell = NULL;
    if (figures[i] == NULL) continue;
    if (out) json_object_set_new(figures[i], "period", json_string("to-end"));
    if (!number_of(ask, figures[i], period, &cell, error)) return (i == 0 ? json_decref(figures[1]) : (void)0), FALSE;
    *ret += i == 0 ? cell_value(cell) : -cell_value(cell);
    json_decref(cell);
  }
  return TRUE;
}

static FigurePeriod before_month(FigurePeriod month) {
  int last = date_shift(month.from, -1);
  return (FigurePeriod){last / 100 * 100 + 1, last, month.unit};
}

static gboolean draw_backlog(const ChartAsk *ask, json_t *chart, GError **error) {
  double before, stays = 0, came = 0, went = 0, most = 0;
  if (!stock_at(ask, before_month(chart_month(ask->period, 1)), &before, error)) return FALSE;
  json_object_set_new(chart, "first", json_string("月份"));
  add_column(chart, BACKLOG[0], "before");
  add_column(chart, BACKLOG[1], "ok");
  add_column(chart, BACKLOG[2], "line");
  stays = before;
  for (int number = 1; number <= MONTHS; number++) {
    FigurePeriod month = chart_month(ask->period, number);
    g_autofree char *label = g_strdup_printf("%d月", number);
    json_t *in;
    if (month.from > MIN(date_today(), ask->period.to)) break;
    month = until_today(month);
    if (!number_of(ask, chart_narrowed(ask->figure, NULL, NULL), month, &in, error)) return FALSE;
    json_t *row = add_row(chart, label);
    add_cell(row, in);
    if (!stock_at(ask, month, &stays, error)) return FALSE;
    double out = before + cell_value(in) - stays; /* what was opened anew is taken off */
    add_cell(row, cell_new(out));
    add_cell(row, cell_new(stays));
    for (guint i = 0; i < 3 && text_in(ask->spec, "out") == NULL; i++) link_cell(ask, json_array_get(json_object_get(row, "cells"), i), label, BACKLOG[i]);
    came += cell_value(in), went += out, before = stays;
    most = MAX(most, MAX(cell_value(in), MAX(fabs(out), stays)));
  }
  if (most == 0) return say_none(chart, g_strdup_printf("%d年没有数", ask->period.to / 10000));
  g_autofree char *in = short_number(came), *out = short_number(went), *left = short_number(stays);
  say(chart, g_strdup_printf("%d年新增%s，办结%s，还有%s%s没有办结", ask->period.to / 10000, in, out, left, text_in(chart, "unit")));
  return TRUE;
}

/* ---- map of bodies ---- */

/* Names of the roster, {body: group}; the bodies that have a number stand in it too. */
static json_t *roster_of(const ChartAsk *ask, GError **error) {
  const char *in = text_in(ask->spec, "in"), *key = text_in(ask->spec, "key"), *under = text_in(ask->spec, "under");
  json_auto_t *roster = json_object();
  if (in == NULL) return g_steal_pointer(&roster);
  json_auto_t *list = json_pack("{s:s, s:s, s:s, s:n}", "ledger", in, "period", "to-end", "at", "end", "count");
  if (json_object_get(ask->figure, "trying")) json_object_set_new(list, "trying", json_true());
  if (json_object_get(ask->spec, "where")) json_object_set(list, "where", json_object_get(ask->spec, "where"));
  json_auto_t *groups = under ? parts_of(ask, chart_narrowed(list, NULL, under), ask->period, error) : json_pack("{s:i}", "", 1);
  const char *group, *body;
  json_t *count, *each;
  if (groups == NULL) return NULL;
  json_object_foreach(groups, group, count) {
    json_auto_t *bodies = parts_of(ask, chart_narrowed(list, under ? json_pack("{s:s}", under, group) : NULL, key ? key : "标题"), ask->period, error);
    if (bodies == NULL) return NULL;
    json_object_foreach(bodies, body, each) json_object_set_new(roster, body, json_string(group));
  }
  return g_steal_pointer(&roster);
}

static int ascending_value(gconstpointer a, gconstpointer b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Shades by rank, so that one large body does not make all others pale; what each shade means is told. */
static void shade(json_t *chart, GArray *values) {
  json_t *row, *legend = json_array();
  size_t i;
  g_array_sort(values, ascending_value);
  double low[SHADES + 1] = {0}, high[SHADES + 1] = {0};
  for (guint v = 0; v < values->len; v++) {
    guint step = 1 + v * SHADES / values->len;
    double value = g_array_index(values, double, v);
    if (v > 0 && value == g_array_index(values, double, v - 1)) /* the same number has the same shade */
      for (step = SHADES; step > 1 && high[step] < value;) step--;
    if (high[step] == 0) low[step] = value;
    high[step] = value;
  }
  for (guint step = 1; step <= SHADES; step++) {
    if (high[step] == 0) continue;
    g_autofree char *from = short_number(low[step]), *to = short_number(high[step]);
    json_array_append_new(legend, json_pack("{s:i, s:o}", "shade", (int)step, "range", low[step] == high[step] ? json_string(from) : json_sprintf("%s–%s", from, to)));
  }
  json_array_foreach(json_object_get(chart, "rows"), i, row) {
    double value = cell_value(json_array_get(json_object_get(row, "cells"), 0));
    int step = 0;
    for (int s = 1; s <= SHADES; s++)
      if (value > 0 && high[s] > 0 && value >= low[s]) step = s;
    json_object_set_new(row, "shade", json_integer(step));
  }
  json_object_set_new(chart, "legend", legend);
}

typedef struct { const char *name, *group; double value; int rank; } Body; /* rank: of the group, as the roster has them */
static int by_group(gconstpointer a, gconstpointer b) {
  const Body *x = a, *y = b;
  if (x->rank != y->rank) return x->rank - y->rank;
  return x->value != y->value ? (x->value < y->value) - (x->value > y->value) : strcmp(x->name, y->name);
}

/* listed: there is a roster; what is not on it is one tile. */
static GArray *bodies_of(json_t *roster, json_t *parts, gboolean listed) {
  GArray *bodies = g_array_new(FALSE, FALSE, sizeof(Body));
  const char *name, *former = "";
  json_t *value;
  int rank = 0;
  json_object_foreach(roster, name, value) {
    const char *group = json_string_value(value);
    Body body = {name, group, json_number_value(json_object_get(parts, name)), g_str_equal(group, former) ? rank : ++rank};
    former = group;
    g_array_append_val(bodies, body);
  }
  Body outside = {CHART_OUTSIDE, *former ? "其他" : "", 0, G_MAXINT}; /* a heading of its own where the others have theirs */
  json_object_foreach(parts, name, value) {
    Body body = {name, "", json_number_value(value), G_MAXINT};
    if (json_object_get(roster, name) != NULL) continue;
    if (listed) outside.value += body.value;
    else g_array_append_val(bodies, body);
  }
  if (outside.value != 0) g_array_append_val(bodies, outside);
  g_array_sort(bodies, by_group);
  return bodies;
}

static gboolean draw_map(const ChartAsk *ask, json_t *chart, GError **error) {
  const char *by = group_by(ask);
  json_auto_t *parts = parts_of(ask, chart_narrowed(ask->figure, NULL, by), ask->period, error), *roster = parts ? roster_of(ask, error) : NULL;
  if (roster == NULL) return FALSE;
  g_autoptr(GArray) bodies = bodies_of(roster, parts, text_in(ask->spec, "in") != NULL), values = g_array_new(FALSE, FALSE, sizeof(double));
  gboolean own = has_page(ask) && g_strcmp0(by, text_in(ask->figure, "group")) == 0;
  const char *former = NULL;
  json_object_set_new(chart, "first", json_string(group_label(ask->figure, by)));
  add_column(chart, text_in(chart, "title"), NULL);
  for (guint i = 0; i < bodies->len; i++) {
    const Body *body = &g_array_index(bodies, Body, i);
    json_t *row = add_row(chart, body->name), *cell = cell_new(body->value);
    g_autofree char *brief = short_number(body->value);
    json_object_set_new(row, "brief", json_string(brief));
    if (g_strcmp0(former, body->group) != 0 && *body->group) json_object_set_new(row, "in_group", json_string(body->group));
    former = body->group;
    if (own) link_figure(ask, cell, ask->period, body->name);
    else link_cell(ask, cell, body->name, KIND_COLUMN);
    if (json_object_get(cell, "goes")) json_object_set(row, "goes", json_object_get(cell, "goes"));
    add_cell(row, cell);
    if (body->value > 0) g_array_append_val(values, body->value);
  }
  shade(chart, values);
  guint none = bodies->len - values->len;
  if (bodies->len > BROAD) json_object_set_new(chart, "full", json_true());
  if (none > 0) json_object_set_new(chart, "none", json_integer(none));
  say(chart, bodies->len == 0 ? g_strdup("没有数") : none > 0 ? g_strdup_printf("%u个单位，%u个有，%u个没有", bodies->len, values->len, none) : g_strdup_printf("%u个单位", bodies->len));
  return TRUE;
}

/* ---- what stands behind a cell ---- */

static GArray *entries_of(const ChartAsk *ask, json_t *figure, FigurePeriod period, const char *part, GError **error) {
  json_auto_t *own = figure;
  g_auto(Ask) inner;
  g_auto(Outcome) outcome;
  ask_init(&inner, ask->house, ask->sql, ask->asker);
  inner.trying = json_is_true(json_object_get(own, "trying"));
  outcome_init(&outcome);
  if (!figure_run(&inner, own, period, &outcome, error)) return NULL;
  for (guint i = 0; part && outcome.parts && i < outcome.parts->len; i++) {
    const Part *one = outcome.parts->pdata[i];
    if (g_str_equal(one->key, part)) return g_array_ref(one->entries);
  }
  return part ? g_array_new(FALSE, FALSE, sizeof(gint64)) : g_array_ref(outcome.entries);
}

/* Ids of `of` that are in none of the others. All ascending; others may be NULL. */
static GArray *without(const GArray *of, const GArray *a, const GArray *b) {
  GArray *left = g_array_new(FALSE, FALSE, sizeof(gint64));
  const GArray *const others[] = {a, b};
  guint at[2] = {0, 0};
  for (guint i = 0; i < of->len; i++) {
    gint64 id = g_array_index(of, gint64, i);
    gboolean found = FALSE;
    for (guint k = 0; k < 2; k++) {
      while (others[k] && at[k] < others[k]->len && g_array_index(others[k], gint64, at[k]) < id) at[k]++;
      found = found || (others[k] && at[k] < others[k]->len && g_array_index(others[k], gint64, at[k]) == id);
    }
    if (!found) g_array_append_val(left, id);
  }
  return left;
}

static int by_id(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return (x > y) - (x < y);
}

static GArray *progress_entries(const ChartAsk *ask, const char *row, const char *column, GError **error) {
  json_t *figures[3];
  FigurePeriod period = until_today(ask->period);
  progress_figures(ask, progress_by(ask), figures);
  json_auto_t *held = json_pack("[o, o, o*]", figures[0], figures[1], figures[2]);
  g_autoptr(GArray) all = entries_of(ask, json_incref(figures[0]), period, row, error);
  g_autoptr(GArray) closed = all ? entries_of(ask, json_incref(figures[1]), period, row, error) : NULL;
  g_autoptr(GArray) late = closed == NULL ? NULL : figures[2] ? entries_of(ask, json_incref(figures[2]), period, row, error) : g_array_new(FALSE, FALSE, sizeof(gint64));
  if (late == NULL) return NULL;
  if (g_str_equal(column, PROGRESS[0])) return g_steal_pointer(&closed);
  if (g_str_equal(column, PROGRESS[2])) return g_steal_pointer(&late);
  return without(all, closed, late);
}

static GArray *backlog_entries(const ChartAsk *ask, const char *row, const char *column, GError **error) {
  int number = (int)g_ascii_strtoll(row, NULL, 10);
  if (number < 1 || number > MONTHS) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这个月", row);
  if (text_in(ask->spec, "out")) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这张图的一格不是一批条目");
  FigurePeriod month = until_today(chart_month(ask->period, number));
  g_autoptr(GArray) in = entries_of(ask, chart_narrowed(ask->figure, NULL, NULL), month, NULL, error);
  g_autoptr(GArray) open = in ? entries_of(ask, open_figure(ask), month, NULL, error) : NULL;
  g_autoptr(GArray) before = open ? entries_of(ask, open_figure(ask), before_month(month), NULL, error) : NULL;
  if (before == NULL) return NULL;
  if (g_str_equal(column, BACKLOG[0])) return g_steal_pointer(&in);
  if (g_str_equal(column, BACKLOG[2])) return g_steal_pointer(&open);
  g_autoptr(GArray) new_ones = without(in, before, NULL);
  g_array_append_vals(before, new_ones->data, new_ones->len);
  g_array_sort(before, by_id);
  return without(before, open, NULL);
}

static GArray *trend_entries(const ChartAsk *ask, const char *row, const char *column, GError **error) {
  gboolean months = g_strcmp0(text_in(ask->spec, "every"), "month") == 0;
  int year = (int)g_ascii_strtoll(months ? column : row, NULL, 10), month = months ? (int)g_ascii_strtoll(row, NULL, 10) : 1;
  if (year < 1900 || year > 2999 || month < 1 || month > MONTHS) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "图上没有“%s，%s”", row, column);
  FigurePeriod then = period_shift(months ? chart_month(ask->period, month) : ask->period, year - ask->period.to / 10000);
  return entries_of(ask, chart_narrowed(ask->figure, NULL, NULL), then, NULL, error);
}

static GArray *group_entries(const ChartAsk *ask, const char *row, const char *column, GError **error) {
  return entries_of(ask, chart_narrowed(ask->figure, NULL, group_by(ask)), ask->period, row, error);
}

/* ---- all ---- */

typedef GArray *(*Behind)(const ChartAsk *ask, const char *row, const char *column, GError **error);
static const struct { const char *kind, *label; Draw draw; Behind entries; } KINDS[] = {{"trend", "历年", draw_trend, trend_entries},
  {"share", "构成", draw_share, group_entries}, {"progress", "进度", draw_progress, progress_entries}, {"backlog", "积压", draw_backlog, backlog_entries},
  {"map", "分布", draw_map, group_entries}};

json_t *chart_make(const ChartAsk *ask, GError **error) {
  const char *kind = text_in(ask->spec, "kind"), *title = text_in(ask->spec, "title"), *name = text_in(ask->figure, "name");
  if (json_is_true(json_object_get(ask->figure, "trying")) && !figure_is_open(ask->figure, ask->asker))
    return throw_null(error, LANTAI_ERROR_DENIED, "这张图取自您不能查看的台账或栏目");
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++) {
    if (g_strcmp0(KINDS[i].kind, kind) != 0) continue;
    gboolean months = g_strcmp0(text_in(ask->spec, "every"), "month") == 0;
    json_auto_t *chart = json_pack("{s:s, s:s, s:s, s:s, s:[], s:[]}", "kind", kind, "title", title ? title : name ? name : "", "label", months ? "各月" : KINDS[i].label,
      "unit", figure_unit(ask->figure), "columns", "rows");
    if (!KINDS[i].draw(ask, chart, error)) return NULL;
    gboolean any = json_array_size(json_object_get(chart, "rows")) > 0;
    json_object_set_new(chart, !any ? "blank" : g_str_equal(kind, "map") ? "tiles" : "drawn", json_true());
    return g_steal_pointer(&chart);
  }
  return throw_null(error, LANTAI_ERROR_INVALID, "没有“%s”这种图", kind ? kind : "");
}

GArray *chart_entries(const ChartAsk *ask, const char *row, const char *column, GError **error) {
  const char *kind = text_in(ask->spec, "kind");
  if (!figure_is_open(ask->figure, ask->asker)) return throw_null(error, LANTAI_ERROR_DENIED, "这个指标只公布总数");
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (g_strcmp0(KINDS[i].kind, kind) == 0) return KINDS[i].entries(ask, row, column, error);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这种图", kind ? kind : "");
}

/* ---- as a report writes it ---- */

static const char *kind_of(const char *word) {
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++)
    if (g_str_equal(KINDS[i].kind, word) || g_str_equal(KINDS[i].label, word)) return KINDS[i].kind;
  return NULL;
}

static json_t *spec_of(json_t *figure, const char *word, GError **error) {
  json_auto_t *specs = chart_specs(figure), *faults = json_array();
  const char *kind = word ? kind_of(word) : NULL;
  json_t *spec, *found = word ? NULL : json_incref(json_array_get(specs, 0));
  size_t i;
  if (word && kind == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有“%s”这种图，只有历年、构成、进度、积压、分布", word);
  json_array_foreach(specs, i, spec)
    if (found == NULL && g_strcmp0(text_in(spec, "kind"), kind) == 0) found = json_incref(spec);
  gboolean own = found != NULL;
  if (found == NULL && kind != NULL) found = json_pack("{s:s}", "kind", kind);
  if (found == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "指标“%s”没有数，不能画", text_at(figure, "name"));
  chart_faults(figure, found, "图", faults);
  json_t *first = json_array_get(faults, 0);
  if (first == NULL && !own) json_object_set_new(found, "made", json_true());
  if (first == NULL) return found;
  json_decref(found);
  return throw_null(error, LANTAI_ERROR_INVALID, "指标“%s”不能这样画：%s", text_at(figure, "name"), text_at(first, "what"));
}

json_t *chart_written(const char *written, json_t **ret_figure, GError **error) {
  if (!g_str_has_prefix(written, "图 ")) return NULL;
  g_auto(GStrv) words = g_strsplit_set(written + strlen("图 "), " ", 2);
  const char *name = words[0] ? words[0] : "", *kind = words[0] && words[1] && *g_strstrip(words[1]) ? words[1] : NULL;
  *ret_figure = figure_definition(name);
  if (*ret_figure == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有叫“%s”的指标", name);
  return spec_of(*ret_figure, kind, error);
}
