/* Figures as a form; see form.h. */
#include "form.h"
#include "design.h"
#include "json.h"
#include "settings.h"
#include <string.h>

/* What stands beside the aggregate's word: a field, several, figures by what they are in it, figures in a row, how often or on which roster, a search. */
typedef enum { NEEDS_NOTHING, NEEDS_FIELD, NEEDS_FIELDS, NEEDS_FIGURES, NEEDS_TERMS, NEEDS_COVERAGE, NEEDS_SEARCH } Needed;
static const struct { const char *kind, *label; Needed needed; } KINDS[] = {{"count", "有几条", NEEDS_NOTHING}, {"sum", "某栏合计", NEEDS_FIELDS},
  {"distinct", "某栏有几个不同的", NEEDS_FIELD}, {"rows", "子表共几行", NEEDS_FIELD}, {"rate", "占比（％）", NEEDS_FIGURES}, {"average", "平均", NEEDS_FIGURES},
  {"growth", "比上年增长", NEEDS_FIGURES}, {"multiple", "是另一个的几倍", NEEDS_FIGURES}, {"points", "比上年的百分点", NEEDS_FIGURES}, {"plus", "几个指标相加", NEEDS_TERMS},
  {"minus", "几个指标相减", NEEDS_TERMS}, {"coverage", "是否期期都有、家家都有", NEEDS_COVERAGE}, {"run", "连续几年", NEEDS_FIELD}, {"max", "最大的", NEEDS_FIELD},
  {"min", "最小的", NEEDS_FIELD}, {"last", "最近一条的", NEEDS_FIELD}, {"hours", "起止时刻合计几小时", NEEDS_FIELD}, {"list", "列出名单", NEEDS_FIELD},
  {"span", "起止日期", NEEDS_FIELD}, {"records", "档案目录里有几条", NEEDS_SEARCH}};
static const char *const OTHERS[] = {"records_sum", "events"};

static const DesignKey OF_KEYS[] = {{"part", DESIGN_YAML}, {"whole", DESIGN_YAML}, {"sum", DESIGN_YAML}, {"per", DESIGN_YAML}, {"of", DESIGN_YAML}, {"to", DESIGN_YAML},
  {"base", DESIGN_NUMBER}, {"decrease", DESIGN_FLAG}, {"as", DESIGN_TEXT}, {NULL}};
static const DesignKey COVERAGE_KEYS[] = {{"every", DESIGN_TEXT}, {"of", DESIGN_TEXT}, {"in", DESIGN_TEXT}, {"where", DESIGN_WHERE}, {"key", DESIGN_TEXT}, {NULL}};
static const DesignKey SAY_KEYS[] = {{"style", DESIGN_TEXT}, {"step", DESIGN_NUMBER}, {"scale", DESIGN_TEXT}, {"digits", DESIGN_NUMBER}, {"numerals", DESIGN_TEXT},
  {"full", DESIGN_TEXT}, {"else", DESIGN_TEXT}, {"none", DESIGN_TEXT}, {NULL}};
static const DesignKey EXPECT_KEYS[] = {{"min", DESIGN_NUMBER}, {"max", DESIGN_NUMBER}, {NULL}};
static const DesignKey FIGURE_KEYS[] = {{"name", DESIGN_TEXT}, {"about", DESIGN_TEXT}, {"was", DESIGN_WORDS}, {"ledger", DESIGN_TEXT}, {"kind", DESIGN_TEXT},
  {"field", DESIGN_WORDS}, {"terms", DESIGN_WORDS}, {"figures", DESIGN_PART, OF_KEYS}, {"coverage", DESIGN_PART, COVERAGE_KEYS}, {"records", DESIGN_TEXT},
  {"where", DESIGN_WHERE}, {"period", DESIGN_TEXT}, {"by", DESIGN_TEXT}, {"at", DESIGN_TEXT}, {"year", DESIGN_NUMBER}, {"units", DESIGN_YAML}, {"unit", DESIGN_TEXT},
  {"say", DESIGN_PART, SAY_KEYS}, {"group", DESIGN_TEXT}, {"per", DESIGN_TEXT}, {"within", DESIGN_YAML}, {"expect", DESIGN_PART, EXPECT_KEYS},
  {"restricted", DESIGN_FLAG}, {"limit", DESIGN_NUMBER}, {"sort", DESIGN_TEXT}, {"quote", DESIGN_TEXT}, {"joiner", DESIGN_TEXT}, {"tail", DESIGN_TEXT},
  {"total", DESIGN_FLAG}, {"unique", DESIGN_FLAG}, {"chart", DESIGN_YAML}, {NULL}};

/* ---- the aggregate as one word, and back ---- */

static int kind_at(const char *kind) {
  for (guint i = 0; kind != NULL && i < G_N_ELEMENTS(KINDS); i++)
    if (g_str_equal(KINDS[i].kind, kind)) return (int)i;
  return -1;
}

static gboolean all_texts(json_t *list) {
  json_t *each;
  size_t i;
  json_array_foreach(list, i, each)
    if (!json_is_string(each)) return FALSE;
  return json_array_size(list) > 0;
}

/* Whether the form has a place for what stands under the aggregate. */
static gboolean fits(json_t *figure, json_t *body, Needed needed) {
  if (needed == NEEDS_NOTHING || needed == NEEDS_SEARCH) return needed == NEEDS_NOTHING || (json_is_string(body) && json_object_get(figure, "records_sum") == NULL);
  if (needed == NEEDS_FIELD) return json_is_string(body);
  if (needed == NEEDS_FIELDS) return json_is_string(body) || all_texts(body);
  return needed == NEEDS_TERMS ? all_texts(body) : json_is_object(body);
}

static const char *place_of(Needed needed) {
  return needed == NEEDS_FIELD || needed == NEEDS_FIELDS ? "field" : needed == NEEDS_TERMS ? "terms" : needed == NEEDS_FIGURES ? "figures" : NULL;
}

/* In place, returns it. */
static json_t *spread(json_t *figure) {
  const char *kind = figure_aggregate(figure);
  int at = kind_at(kind);
  json_auto_t *body = kind != NULL ? json_incref(json_object_get(figure, kind)) : NULL;
  gboolean known = at >= 0 && fits(figure, body, KINDS[at].needed);
  const char *place = known ? place_of(KINDS[at].needed) : NULL;
  if (json_is_boolean(json_object_get(figure, "distinct"))) {
    json_object_set(figure, "unique", json_object_get(figure, "distinct"));
    json_object_del(figure, "distinct");
  }
  if (place != NULL) json_object_del(figure, kind);
  if (place != NULL) json_object_set(figure, place, body);
  if (known) json_object_set_new(figure, "kind", json_string(kind));
  else if (kind != NULL || json_object_size(figure) > 0) json_object_set_new(figure, "kind", json_string("yaml"));
  return figure;
}

static json_t *spread_copy(json_t *figure) { return spread(json_is_object(figure) ? json_deep_copy(figure) : json_object()); }

static void gather(json_t *figure) {
  json_auto_t *word = json_incref(json_object_get(figure, "kind")), *body = NULL, *unique = json_incref(json_object_get(figure, "unique"));
  int at = kind_at(json_string_value(word));
  const char *place = at >= 0 ? place_of(KINDS[at].needed) : NULL;
  if (place != NULL) body = json_incref(json_object_get(figure, place));
  static const char *const helpers[] = {"kind", "field", "terms", "figures", "unique"};
  for (guint i = 0; i < G_N_ELEMENTS(helpers); i++) json_object_del(figure, helpers[i]);
  if (json_is_array(body) && KINDS[at].needed != NEEDS_TERMS && json_array_size(body) == 1) json_object_set(figure, KINDS[at].kind, json_array_get(body, 0));
  else if (place != NULL) json_object_set_new(figure, KINDS[at].kind, body != NULL ? json_incref(body) : json_string(""));
  else if (at >= 0 && json_object_get(figure, KINDS[at].kind) == NULL)
    json_object_set_new(figure, KINDS[at].kind, KINDS[at].needed == NEEDS_NOTHING ? json_null() : KINDS[at].needed == NEEDS_COVERAGE ? json_object() : json_string(""));
  for (guint i = 0; at >= 0 && i < G_N_ELEMENTS(KINDS); i++)
    if ((int)i != at) json_object_del(figure, KINDS[i].kind);
  for (guint i = 0; at >= 0 && i < G_N_ELEMENTS(OTHERS); i++) json_object_del(figure, OTHERS[i]);
  if (unique != NULL) json_object_set(figure, "distinct", unique);
}

json_t *figure_form_tree(json_t *figure) {
  json_auto_t *flat = spread_copy(figure);
  return design_tree(flat, FIGURE_KEYS);
}

/* ---- back ---- */

static const LedgerField *field_of(const char *name, gpointer data) {
  const char *const *ledgers = data;
  for (guint i = 0; i < 2; i++) { /* its own ledger's, else the roster's */
    const LedgerDefinition *ledger = ledger_find(ledgers[i]);
    const LedgerField *field = NULL;
    g_autofree char *wrong = ledger != NULL ? ledger_path_fault(ledger, name, &field) : g_strdup("");
    if (wrong == NULL) return field;
  }
  return NULL;
}

json_t *figure_form_apply(json_t *base, json_t *tree) {
  json_auto_t *former = spread_copy(base);
  const char *ledgers[] = {design_text(tree, "ledger"), design_text(json_object_get(tree, "coverage"), "in")};
  DesignCare care = {.field = field_of, .data = ledgers};
  json_t *figure = design_apply(former, tree, FIGURE_KEYS, &care);
  gather(figure);
  return figure;
}

char *figure_form_act(json_t *tree, const char *act) { return design_act(tree, FIGURE_KEYS, act); }

char *figure_form_yaml(json_t *figure) {
  static const char *const order[] = {"name", "was", "about", "group_name", "ledger", "where", "count", "sum", "distinct", "rows", "rate", "average", "growth",
    "multiple", "points", "plus", "minus", "coverage", "run", "max", "min", "last", "hours", "list", "span", "records", "records_sum", "events", "period", "by",
    "at", "year", "units", "group", "unit", "say", NULL};
  json_auto_t *plain = json_copy(figure);
  json_object_del(plain, "id");
  json_object_del(plain, "version");
  return yaml_write(plain, order);
}

/* ---- the model ---- */

static json_t *ledger_options(const char *chosen, Asker asker) {
  json_t *options = json_pack("[{s:s, s:s, s:b}]", "value", "", "label", "请选择", "chosen", *chosen == '\0');
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    if (ledger_may_read(all[i], asker) || g_str_equal(all[i]->name, chosen))
      json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", all[i]->name, "label", all[i]->name, "chosen", g_str_equal(all[i]->name, chosen)));
  return options;
}

static json_t *kind_options(const char *chosen) {
  json_t *options = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(KINDS); i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", KINDS[i].kind, "label", KINDS[i].label, "chosen", g_str_equal(KINDS[i].kind, chosen)));
  if (g_str_equal(chosen, "yaml")) json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", "yaml", "label", "照定义里写的（YAML）", "chosen", 1));
  return options;
}

static void add_names(json_t *names, json_t *choices, const LedgerField *field, const char *above) {
  g_autofree char *path = g_strconcat(above, field->name, NULL), *below = g_strconcat(path, ".", NULL);
  json_array_append_new(names, json_string(path));
  if (field->values != NULL || field->type == FIELD_BOOL) {
    json_t *values = json_array();
    for (guint i = 0; field->values != NULL && field->values[i] != NULL; i++) json_array_append_new(values, json_string(field->values[i]));
    if (field->type == FIELD_BOOL) json_array_append_new(values, json_string("是")), json_array_append_new(values, json_string("否"));
    json_array_append_new(choices, json_pack("{s:s, s:o}", "of", path, "values", values));
  }
  for (guint i = 0; i < field->count; i++) add_names(names, choices, &field->fields[i], below);
}

/* What a path may be, and what stands there, of the ledger that the form names. */
static void put_columns(json_t *model, const char *ledger_name, Asker asker) {
  const LedgerDefinition *ledger = ledger_find(ledger_name);
  json_t *names = json_array(), *choices = json_array();
  for (guint i = 0; ledger != NULL && ledger_may_read(ledger, asker) && i < ledger->field_count; i++)
    if (ledger_may_read_field(&ledger->fields[i], asker)) add_names(names, choices, &ledger->fields[i], "");
  for (guint i = 0; ledger != NULL && i < 2; i++) json_array_append_new(names, json_string(i == 0 ? "标题" : "日期"));
  json_object_set_new(model, "column_names", names);
  json_object_set_new(model, "choices", choices);
}

static void put_of(json_t *part, const char *kind) {
  static const struct { const char *kind, *key, *label; } members[] = {{"rate", "part", "分子：哪个指标"}, {"rate", "whole", "分母：哪个指标"}, {"average", "sum", "总数：哪个指标"},
    {"average", "per", "除以：哪个指标"}, {"growth", "of", "哪个指标"}, {"multiple", "of", "哪个指标"}, {"multiple", "to", "是哪个指标的几倍"}, {"points", "of", "哪个指标"}};
  json_t *asked = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(members); i++)
    if (g_str_equal(members[i].kind, kind)) json_array_append_new(asked, json_pack("{s:s, s:s, s:s}", "key", members[i].key, "label", members[i].label, "value",
      text_at(part, members[i].key)));
  json_object_set_new(part, "asked", asked);
  json_object_set_new(part, "grows", json_boolean(g_str_equal(kind, "growth") || g_str_equal(kind, "points")));
}

static void put_choices(json_t *model) {
  static const char *const periods[][2] = {{"", "报告期内的"}, {"to-end", "到期末为止的全部（存量）"}, {"all", "不限日期"}},
    *const days[][2] = {{"", "现在的"}, {"end", "期末那天的"}},
    *const styles[][2] = {{"", "照实写"}, {"more", "余"}, {"near", "近"}, {"about", "约"}, {"over", "超过"}, {"atleast", "以上"}, {"vague", "多（两次以上）"},
      {"all", "全部、均（100％ 时）"}, {"each", "各（各组相等时）"}, {"trend", "按变化大小选词"}, {"long", "两头都写年份"}, {"exact", "准数"}},
    *const numerals[][2] = {{"", "阿拉伯数字"}, {"han", "汉字"}}, *const scales[][2] = {{"", "个"}, {"万", "万"}, {"亿", "亿"}, {"auto", "自动"}},
    *const rhythms[][2] = {{"", "不按周期（按名册）"}, {"day", "每天"}, {"workday", "每个工作日"}, {"week", "每周"}, {"twoweeks", "每两周"}, {"halfmonth", "每半月"}, {"month", "每月"},
      {"quarter", "每季度"}, {"halfyear", "每半年"}, {"year", "每年"}};
  json_t *say = json_object_get(model, "say"), *coverage = json_object_get(model, "coverage");
  json_object_set_new(model, "periods", design_options(periods, G_N_ELEMENTS(periods), text_at(model, "period")));
  json_object_set_new(model, "days", design_options(days, G_N_ELEMENTS(days), text_at(model, "at")));
  json_object_set_new(say, "styles", design_options(styles, G_N_ELEMENTS(styles), text_at(say, "style")));
  json_object_set_new(say, "hans", design_options(numerals, G_N_ELEMENTS(numerals), text_at(say, "numerals")));
  json_object_set_new(say, "scales", design_options(scales, G_N_ELEMENTS(scales), text_at(say, "scale")));
  json_object_set_new(coverage, "rhythms", design_options(rhythms, G_N_ELEMENTS(rhythms), text_at(coverage, "every")));
}

json_t *figure_form_model(json_t *tree, const char *focus, Asker asker) {
  json_t *model = design_model(tree, FIGURE_KEYS, focus, NULL);
  const char *kind = *text_at(model, "kind") ? text_at(model, "kind") : "count";
  int at = kind_at(kind);
  Needed needed = at >= 0 ? KINDS[at].needed : NEEDS_NOTHING;
  json_object_set_new(model, "kinds", kind_options(kind));
  json_object_set_new(model, "ledgers", ledger_options(text_at(model, "ledger"), asker));
  put_of(json_object_get(model, "figures"), kind);
  put_choices(model);
  json_object_set_new(json_object_get(model, "coverage"), "ledgers", ledger_options(text_at(json_object_get(model, "coverage"), "in"), asker));
  put_columns(model, text_at(model, "ledger"), asker);
  json_object_set_new(model, "figure_names", figure_names());
  json_object_set_new(model, "of_entries", json_boolean(needed != NEEDS_FIGURES && needed != NEEDS_TERMS && needed != NEEDS_SEARCH && !g_str_equal(kind, "yaml")));
  json_object_set_new(model, "of_field", json_boolean(needed == NEEDS_FIELD || needed == NEEDS_FIELDS));
  json_object_set_new(model, "of_terms", json_boolean(needed == NEEDS_TERMS));
  json_object_set_new(model, "of_figures", json_boolean(needed == NEEDS_FIGURES));
  json_object_set_new(model, "of_coverage", json_boolean(needed == NEEDS_COVERAGE));
  json_object_set_new(model, "of_search", json_boolean(needed == NEEDS_SEARCH));
  json_object_set_new(model, "of_list", json_boolean(g_str_equal(kind, "list")));
  json_object_set_new(model, "of_hours", json_boolean(g_str_equal(kind, "hours")));
  json_object_set_new(model, "of_yaml", json_boolean(g_str_equal(kind, "yaml")));
  return model;
}

const char *figure_form_word(const char *where) {
  static const char *const words[][2] = {{"name", "名称"}, {"ledger", "台账"}, {"where", "条件"}, {"聚合", "算什么"}, {"period", "期间"}, {"by", "按哪个日期"}, {"at", "哪天的"},
    {"unit", "计量单位"}, {"units", "单位范围"}, {"say", "措辞"}, {"group", "分组"}, {"within", "包含在"}, {"chart", "图"}, {"sort", "排序"}, {"expect", "合理的范围"}, {"year", "年份"}};
  g_auto(GStrv) halves = g_strsplit(where, "：", 2);
  const char *place = halves[0] != NULL && halves[1] != NULL ? halves[1] : where;
  g_autofree char *key = g_strndup(place, strcspn(place, ".["));
  int at = kind_at(key);
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_str_equal(words[i][0], key)) return words[i][1];
  return at >= 0 ? KINDS[at].label : NULL;
}
