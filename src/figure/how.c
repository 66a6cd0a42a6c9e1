/* How a figure is computed, as a Chinese sentence for people who ask where a number comes from. */
#include "compute.h"
#include <string.h>

static const char *name_of(json_t *part) { return json_is_string(part) ? json_string_value(part) : text_in(part, "name") ? text_in(part, "name") : "一个算式"; }

static char *path_words(const char *path) {
  g_auto(GStrv) parts = g_strsplit(path ? path : "", ".", -1);
  g_autofree char *joined = g_strjoinv("的", parts);
  return g_strdup_printf("“%s”", joined);
}

static char *sum_words(json_t *given) {
  g_autoptr(GString) out = g_string_new(NULL);
  size_t i;
  json_t *item;
  if (!json_is_array(given)) return path_words(json_string_value(given));
  json_array_foreach(given, i, item) {
    g_autofree char *one = path_words(json_string_value(item));
    g_string_append_printf(out, "%s%s", i ? "与" : "", one);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *coverage_words(json_t *body) {
  static const char *const every[][2] = {{"day", "天"}, {"workday", "工作日"}, {"week", "周"}, {"halfmonth", "半月"}, {"twoweeks", "两周"}, {"month", "月"},
    {"quarter", "季度"},
    {"halfyear", "半年"}, {"year", "年"}};
  const char *kind = text_in(body, "every"), *roster = text_in(body, "in");
  for (guint i = 0; kind && i < G_N_ELEMENTS(every); i++)
    if (g_str_equal(every[i][0], kind)) return g_strdup_printf("数期间内有几个%s有条目", every[i][1]);
  g_autofree char *of = path_words(text_in(body, "of")), *where = NULL;
  if (roster == NULL) return g_strdup_printf("数%s的各个选项中有几个出现过", of);
  if (ledger_find(roster)) where = ledger_where_words(ledger_find(roster), json_object_get(body, "where"));
  return g_strdup_printf("数台账“%s”中%s%s的各项，有几项在%s中出现过", roster, where ? where : "", where && *where ? "" : "所有", of);
}

/* What is done with the entries. */
static char *aggregate_words(json_t *figure, const char *kind) {
  g_autofree char *path = path_words(json_is_string(json_object_get(figure, kind)) ? text_in(figure, kind) : "");
  if (g_str_equal(kind, "count")) return g_strdup("数条目，每条按它的次数计");
  if (g_str_equal(kind, "rows")) return g_strdup_printf("数其中%s的行数", path);
  if (g_str_equal(kind, "distinct")) return g_strdup_printf("数%s有多少个不同的值", path);
  if (g_str_equal(kind, "max")) return g_strdup_printf("取%s中最大的", path);
  if (g_str_equal(kind, "min")) return g_strdup_printf("取%s中最小的", path);
  if (g_str_equal(kind, "last")) return g_strdup_printf("取日期最近一条的%s", path);
  if (g_str_equal(kind, "run")) return g_strdup_printf("看%s到期间末年为止连续了几年", path);
  if (g_str_equal(kind, "span")) return g_strdup_printf("取%s的起止", path);
  if (g_str_equal(kind, "list")) return g_strdup_printf("列出%s", path);
  if (g_str_equal(kind, "coverage")) return coverage_words(json_object_get(figure, "coverage"));
  if (g_str_equal(kind, "hours")) return g_strdup_printf("把%s合并后计小时数%s", path, json_object_get(figure, "per") ? "，再按天平均" : "");
  g_autofree char *sum = sum_words(json_object_get(figure, "sum"));
  return g_strdup_printf("把%s相加", sum);
}

static char *period_words(json_t *figure, FigurePeriod period) {
  const char *mode = text_in(figure, "period"), *by = text_in(figure, "by") ? text_in(figure, "by") : "日期";
  g_autofree char *span = date_words(period.from, period.to, FALSE), *end = date_words(period.to, period.to, FALSE);
  if (g_strcmp0(mode, "all") == 0) return g_strdup("不限日期");
  if (g_strcmp0(mode, "to-end") == 0 || (mode == NULL && figure_aggregate(figure) && g_str_equal(figure_aggregate(figure),
    "run"))) return g_strdup_printf("%s不晚于%s", by, end);
  return g_strdup_printf("%s在%s", by, span);
}

static char *unit_words(json_t *figure, FigurePeriod period) {
  json_t *units = json_object_get(figure, "units"), *name;
  if (g_strcmp0(json_string_value(units), "all") == 0) return g_strdup("含下级单位（已逐条登记的不再计汇总上报）");
  if (json_object_get(units, "in") == NULL) return g_strdup_printf("单位是%s", period.unit && *period.unit ? period.unit : UNIT_OWN);
  g_autoptr(GString) out = g_string_new("单位是");
  size_t i;
  json_array_foreach(json_object_get(units, "in"), i, name) g_string_append_printf(out, "%s%s", i ? "、" : "", json_string_value(name) ? json_string_value(name) : "");
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *entries_how(json_t *figure, const char *kind, FigurePeriod period) {
  const LedgerDefinition *ledger = ledger_find(text_in(figure, "ledger"));
  json_auto_t *condition = where_for_year(json_object_get(figure, "where"), period.to / 10000);
  g_autofree char *where = ledger ? ledger_where_words(ledger, condition) : g_strdup(""), *when = period_words(figure, period), *unit = unit_words(figure, period);
  g_autofree char *what = aggregate_words(figure, kind);
  g_autoptr(GString) out = g_string_new(NULL);
  g_string_append_printf(out, "台账“%s”中%s、%s", ledger ? ledger->name : "", when, unit);
  if (*where) g_string_append_printf(out, "、%s", where);
  g_string_append(out, "的条目");
  if (g_strcmp0(text_in(figure, "at"), "end") == 0) {
    g_autofree char *end = date_words(period.to, period.to, FALSE);
    g_string_append_printf(out, "（按%s那天的情况）", end);
  }
  g_string_append_printf(out, "，%s", what);
  if (text_in(figure, "group")) g_string_append_printf(out, "；按“%s”分开", text_in(figure, "group"));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *terms_how(json_t *list, const char *sign) {
  g_autoptr(GString) out = g_string_new(NULL);
  size_t i;
  json_t *part;
  json_array_foreach(list, i, part) g_string_append_printf(out, "%s“%s”", i ? sign : "", name_of(part));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *figures_how(json_t *figure, const char *kind) {
  json_t *body = json_object_get(figure, kind), *base = json_object_get(body, "base");
  const char *of = name_of(json_object_get(body, "of"));
  int years = base ? (int)-json_integer_value(base) : 1;
  g_autofree char *then = years == 1 ? g_strdup("上年同期") : g_strdup_printf("%d年前同期", years);
  if (g_str_equal(kind, "rate")) return g_strdup_printf("“%s”÷“%s”×100", name_of(json_object_get(body, "part")), name_of(json_object_get(body, "whole")));
  if (g_str_equal(kind, "average")) return g_strdup_printf("“%s”÷“%s”", name_of(json_object_get(body, "sum")), name_of(json_object_get(body, "per")));
  if (g_str_equal(kind, "multiple")) return g_strdup_printf("“%s”÷“%s”", of, name_of(json_object_get(body, "to")));
  if (g_str_equal(kind, "points")) return g_strdup_printf("“%s”减%s的", of, then);
  if (g_str_equal(kind, "plus")) return terms_how(body, " + ");
  if (g_str_equal(kind, "minus")) return terms_how(body, " − ");
  gboolean decrease = json_is_true(json_object_get(body, "decrease")), times = g_strcmp0(text_in(body, "as"), "times") == 0;
  return g_strdup_printf(decrease ? "（%s的“%s”−本期）÷%s%s" : "（本期−%s的“%s”）÷%s%s", then, of, then, times ? "" : "×100");
}

char *figure_how(json_t *figure, FigurePeriod period) {
  const char *kind = figure_aggregate(figure);
  if (kind == NULL) return g_strdup("");
  if (aggregate_of(kind)) return entries_how(figure, kind, period);
  if (g_str_equal(kind, "events")) {
    json_t *body = json_object_get(figure, "events");
    const char *sum = text_in(body, "sum");
    return sum ? g_strdup_printf("日志中动作是 %s 的事件，把 %s 相加", text_in(body, "action"), sum) : g_strdup_printf("日志中动作是 %s 的事件数", text_in(body, "action"));
  }
  if (g_str_has_prefix(kind, "records"))
    return g_strdup_printf("到期末已经入藏的档案中，检索“%s”的%s", text_in(figure, "records"), json_object_get(figure, "records_sum") ? "页数之和" : "条数");
  return figures_how(figure, kind);
}
