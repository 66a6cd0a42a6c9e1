/*
 * A ledger's definition as a form: all that the language of ledgers says, as texts that a form carries (design.h), and back to the definition.
 *
 * 1. Every key that definition-check.c knows is in the form; what one row of it cannot say stands there in YAML.
 * 2. A field or a state in force that is renamed keeps its former name under `was`, so that what refers to it, and entries, still find it.
 */
#include "design.h"
#include "pages.h"
#include "people.h"
#include <string.h>

enum { STATES_MAX = 200 };

static const DesignKey FIELD_KEYS[] = {{"name", DESIGN_TEXT}, {"type", DESIGN_TEXT}, {"values", DESIGN_LINES}, {"ledger", DESIGN_TEXT}, {"unit", DESIGN_TEXT},
  {"hint", DESIGN_TEXT}, {"required", DESIGN_FLAG}, {"list", DESIGN_FLAG}, {"many", DESIGN_FLAG}, {"open", DESIGN_FLAG}, {"of", DESIGN_TEXT}, {"dated", DESIGN_FLAG},
  {"default", DESIGN_VALUE}, {"when", DESIGN_WHERE}, {"read", DESIGN_ROLES}, {"was", DESIGN_WORDS}, {"renamed", DESIGN_TEXTS},
  {"fields", DESIGN_LIST, FIELD_KEYS}, {NULL}};
static const DesignKey AGAIN_KEYS[] = {{"after", DESIGN_NUMBER}, {"to", DESIGN_TEXT}, {"times", DESIGN_NUMBER}, {NULL}};
static const DesignKey STATE_KEYS[] = {{"name", DESIGN_TEXT}, {"closed", DESIGN_FLAG}, {"about", DESIGN_TEXT}, {"was", DESIGN_WORDS},
  {"again", DESIGN_PART, AGAIN_KEYS}, {NULL}};
static const DesignKey COMPLETE_KEYS[] = {{"ledger", DESIGN_TEXT}, {"by", DESIGN_TEXT}, {"values", DESIGN_PAIRS}, {NULL}};
static const DesignKey MOVE_KEYS[] = {{"label", DESIGN_TEXT}, {"from", DESIGN_WORDS}, {"to", DESIGN_TEXT}, {"needs", DESIGN_WORDS}, {"note", DESIGN_TEXT},
  {"another", DESIGN_FLAG}, {"roles", DESIGN_ROLES}, {"sets", DESIGN_SETS}, {"complete", DESIGN_LIST, COMPLETE_KEYS}, {NULL}};
static const DesignKey DUTY_KEYS[] = {{"title", DESIGN_TEXT}, {"every", DESIGN_TEXT}, {"days", DESIGN_NUMBER}, {"workdays", DESIGN_NUMBER}, {"owner", DESIGN_ROLE},
  {"department", DESIGN_TEXT}, {"from", DESIGN_VALUE}, {"to", DESIGN_VALUE}, {"values", DESIGN_PAIRS}, {NULL}};
static const DesignKey VIEW_KEYS[] = {{"name", DESIGN_TEXT}, {"about", DESIGN_TEXT}, {"columns", DESIGN_WORDS}, {"group", DESIGN_TEXT}, {"sort", DESIGN_TEXT},
  {"where", DESIGN_WHERE}, {NULL}};
static const DesignKey MAKE_KEYS[] = {{"ledger", DESIGN_TEXT}, {"from", DESIGN_TEXT}, {"label", DESIGN_TEXT}, {"values", DESIGN_TEXTS}, {NULL}};
static const DesignKey RULE_KEYS[] = {{"rule", DESIGN_TEXT}, {"of", DESIGN_WORDS}, {NULL}};
static const DesignKey CHECKLIST_KEYS[] = {{"item", DESIGN_TEXT}, {"answer", DESIGN_TEXT}, {NULL}};
static const DesignKey FEED_KEYS[] = {{"from", DESIGN_TEXT}, {"when", DESIGN_WHERE}, {"values", DESIGN_PAIRS}, {NULL}};
static const DesignKey ARCHIVES_KEYS[] = {{"when", DESIGN_WHERE}, {"category", DESIGN_TEXT}, {"fonds", DESIGN_TEXT}, {"roles", DESIGN_ROLES},
  {"values", DESIGN_TEXTS}, {NULL}};
static const DesignKey LEDGER_KEYS[] = {{"name", DESIGN_TEXT}, {"group", DESIGN_TEXT}, {"about", DESIGN_TEXT}, {"number", DESIGN_TEXT}, {"title", DESIGN_TEXT},
  {"date", DESIGN_TEXT}, {"title_required", DESIGN_NOT}, {"date_required", DESIGN_NOT}, {"uses", DESIGN_WORDS}, {"restricted", DESIGN_FLAG},
  {"reminds", DESIGN_NUMBERS}, {"read", DESIGN_ROLES}, {"write", DESIGN_ROLES}, {"all", DESIGN_ROLES}, {"was", DESIGN_WORDS}, {"rows", DESIGN_PART, RULE_KEYS},
  {"fields", DESIGN_LIST, FIELD_KEYS}, {"states", DESIGN_LIST, STATE_KEYS}, {"moves", DESIGN_LIST, MOVE_KEYS}, {"duties", DESIGN_LIST, DUTY_KEYS},
  {"views", DESIGN_LIST, VIEW_KEYS}, {"makes", DESIGN_LIST, MAKE_KEYS}, {"checklist", DESIGN_PART, CHECKLIST_KEYS}, {"feed", DESIGN_PART, FEED_KEYS},
  {"archives", DESIGN_PART, ARCHIVES_KEYS}, {NULL}};

/* ---- definition to tree ---- */

/* Whose a row is: own and {of: […]} as one mapping, so that the form has one place for it. In place, returns it. */
static json_t *spread_rule(json_t *definition) {
  json_t *rule = json_object_get(definition, "rows");
  if (json_is_string(rule)) json_object_set_new(definition, "rows", json_pack("{s:O}", "rule", rule));
  else if (json_is_object(rule)) json_object_set_new(rule, "rule", json_string("of"));
  return definition;
}

static void gather_rule(json_t *definition) {
  json_t *rule = json_object_get(definition, "rows");
  if (g_str_equal(text_at(rule, "rule"), "of")) json_object_del(rule, "rule");
  else if (*text_at(rule, "rule")) json_object_set(definition, "rows", json_object_get(rule, "rule"));
  else if (json_is_object(rule)) json_object_del(definition, "rows");
}

json_t *ledger_design_tree(json_t *definition) {
  json_auto_t *clean = spread_rule(definition_clean(definition));
  return design_tree(clean, LEDGER_KEYS);
}

/* ---- tree to definition ---- */

/* What a type has no use for goes, so that a field whose type was changed is sound. */
static void fit_type(json_t *field) {
  const char *type = text_at(field, "type");
  gboolean choice = g_str_equal(type, "choice");
  if (!choice) json_object_del(field, "values");
  if (!choice) json_object_del(field, "renamed");
  if (!choice) json_object_del(field, "open");
  if (!g_str_equal(type, "entry")) json_object_del(field, "ledger");
  if (!g_str_equal(type, "rows")) json_object_del(field, "fields");
  if (!g_str_equal(type, "age")) json_object_del(field, "of");
  if (!g_str_equal(type, "number")) json_object_del(field, "unit");
  if (g_str_equal(type, "rows") || g_str_equal(type, "bool") || g_str_equal(type, "age")) json_object_del(field, "many");
}

static void keep_former(json_t *row, const char *former) {
  json_t *was = json_object_get(row, "was"), *each;
  size_t i;
  if (*former == '\0' || g_str_equal(text_at(row, "name"), former)) return;
  if (!json_is_array(was)) json_object_set_new(row, "was", was = json_array());
  json_array_foreach(was, i, each)
    if (g_strcmp0(json_string_value(each), former) == 0) return;
  json_array_append_new(was, json_string(former));
}

/* Where a state has another name, moves and returns that still say the former one follow it. */
static void follow_states(json_t *definition, json_t *former, json_t *tree) {
  json_t *given, *move, *each;
  const char *number;
  size_t i, k, row = 0;
  json_object_foreach(json_object_get(tree, "states"), number, given) {
    gint64 at = 0;
    json_t *state = json_array_get(json_object_get(definition, "states"), row++);
    if (!g_ascii_string_to_signed(design_text(given, "at"), 10, 0, STATES_MAX, &at, NULL)) continue;
    json_auto_t *name = json_incref(json_object_get(state, "name"));
    const char *before = text_at(json_array_get(json_object_get(former, "states"), (size_t)at), "name");
    if (name == NULL || g_str_equal(before, json_string_value(name))) continue;
    json_array_foreach(json_object_get(definition, "moves"), i, move) {
      if (g_str_equal(text_at(move, "to"), before)) json_object_set(move, "to", name);
      json_array_foreach(json_object_get(move, "from"), k, each)
        if (g_strcmp0(json_string_value(each), before) == 0) json_array_set(json_object_get(move, "from"), k, name);
    }
    json_array_foreach(json_object_get(definition, "states"), i, each)
      if (g_str_equal(text_at(json_object_get(each, "again"), "to"), before)) json_object_set(json_object_get(each, "again"), "to", name);
  }
}

typedef struct { gboolean in_force; LedgerDefinition *self; } Making;

static const LedgerField *field_of(const char *name, gpointer data) {
  const LedgerField *field = NULL;
  g_autofree char *wrong = ledger_path_fault(((Making *)data)->self, name, &field);
  return wrong == NULL ? field : NULL;
}

/* A default is typed as its own field is. */
static void type_default(json_t *row, json_t *former) {
  json_t *given = json_object_get(row, "default");
  gboolean known, many = json_is_true(json_object_get(row, "many"));
  LedgerField field = {.type = type_of_word(text_at(row, "type"), &known)};
  if (!json_is_string(given) || json_equal(given, json_object_get(former, "default"))) return;
  json_object_set_new(row, "default", design_typed(json_string_value(given), &field, many));
}

static void row_made(json_t *row, json_t *former, const DesignKey *keys, gpointer data) {
  const Making *making = data;
  if (making->in_force && (keys == FIELD_KEYS || keys == STATE_KEYS)) keep_former(row, text_at(former, "name"));
  if (keys != FIELD_KEYS) return;
  fit_type(row);
  type_default(row, former);
}

json_t *ledger_design_apply(json_t *base, json_t *tree, gboolean in_force) {
  json_auto_t *former = spread_rule(definition_clean(base)), *sketch = NULL;
  Making making = {in_force, NULL};
  DesignCare care = {NULL, row_made, NULL, &making};
  sketch = design_apply(former, tree, LEDGER_KEYS, &care); /* its fields decide what a value is */
  g_autoptr(LedgerDefinition) self = making.self = definition_parse(sketch, 0, 0);
  care.field = field_of;
  json_t *definition = design_apply(former, tree, LEDGER_KEYS, &care);
  gather_rule(definition);
  follow_states(definition, former, tree);
  return definition;
}

char *ledger_design_act(json_t *tree, const char *act) { return design_act(tree, LEDGER_KEYS, act); }

/* ---- the model of the form ---- */

static json_t *type_options(const char *chosen, gboolean child) {
  static const char *const types[][2] = {{"text", "文字"}, {"lines", "多行文字"}, {"choice", "选项"}, {"number", "数"}, {"money", "金额"}, {"date", "日期"},
    {"period", "起止时刻"}, {"bool", "是/否"}, {"person", "人"}, {"body", "单位"}, {"place", "地点"}, {"entry", "另一台账的条目"}, {"record", "档案"}, {"file", "附件"},
    {"link", "网址"}, {"age", "年龄"}, {"rows", "子表"}};
  return design_options(types, G_N_ELEMENTS(types) - (child ? 1 : 0), chosen);
}

static json_t *every_options(const char *chosen) {
  static const char *const rhythms[][2] = {{"", "请选择"}, {"day", "每天"}, {"workday", "每个工作日"}, {"week", "每周"}, {"twoweeks", "每两周"}, {"halfmonth", "每半月"},
    {"month", "每月"}, {"quarter", "每季度"}, {"halfyear", "每半年"}, {"year", "每年"}};
  return design_options(rhythms, G_N_ELEMENTS(rhythms), chosen);
}

static json_t *ledger_options(const char *chosen) {
  json_t *options = json_pack("[{s:s, s:s, s:b}]", "value", "", "label", "请选择", "chosen", *chosen == '\0');
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", all[i]->name, "label", all[i]->name, "chosen", g_str_equal(all[i]->name, chosen)));
  return options;
}

static void dress(json_t *model, json_t *row, const DesignKey *keys, const char *path, gpointer data) {
  static const char *const rules[][2] = {{"", "看得到台账的都看全部"}, {"own", "各人只看自己登记、负责的"}, {"of", "按栏目里写的单位、全宗"}};
  if (keys == DUTY_KEYS) json_object_set_new(model, "rhythms", every_options(text_at(model, "every")));
  if (keys == RULE_KEYS) json_object_set_new(model, "rules", design_options(rules, G_N_ELEMENTS(rules), text_at(model, "rule")));
  if (keys == MAKE_KEYS || keys == COMPLETE_KEYS || keys == FIELD_KEYS) json_object_set_new(model, "ledgers", ledger_options(text_at(model, "ledger")));
  if (keys == MOVE_KEYS) json_object_set_new(model, "extra", json_boolean(json_object_get(row, "sets") != NULL || json_object_get(row, "complete") != NULL));
  if (keys == STATE_KEYS) json_object_set_new(model, "extra", json_boolean(json_object_get(row, "again") != NULL || *text_at(model, "about")));
  if (keys != FIELD_KEYS) return;
  static const char *const more[] = {"hint", "dated", "default", "read", "when", "renamed"};
  gboolean extra = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(more); i++) extra = extra || *design_text(row, more[i]) || json_object_size(json_object_get(row, more[i]));
  json_object_set_new(model, "extra", json_boolean(extra));
  json_object_set_new(model, "types", type_options(text_at(model, "type"), strchr(path + strlen("fields."), '.') != NULL));
}

/* Codes with the titles that people know them by. */
static json_t *roles_model(void) {
  json_t *model = json_array(), *role;
  size_t i;
  json_array_foreach(people_roles(), i, role) json_array_append(model, json_object_get(role, "title"));
  return model;
}

static json_t *uses_model(json_t *uses) {
  static const char *const words[] = {"责任部门", "责任人", "截止", "附件", "来源单位", "层级", "专题", "密级", "次数", "口径"};
  json_auto_t *chosen = design_words(uses, DESIGN_WORDS);
  json_t *model = json_array(), *each;
  size_t k;
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gboolean on = FALSE;
    json_array_foreach(chosen, k, each) on = on || g_strcmp0(json_string_value(each), words[i]) == 0;
    json_array_append_new(model, json_pack("{s:s, s:b}", "value", words[i], "chosen", on));
  }
  return model;
}

static void append_names(json_t *names, json_t *list, const char *above) {
  json_t *row;
  const char *number;
  json_object_foreach(list, number, row) {
    if (*design_text(row, "name")) json_array_append_new(names, json_sprintf("%s%s", above, design_text(row, "name")));
    g_autofree char *below = g_strdup_printf("%s.", design_text(row, "name"));
    append_names(names, json_object_get(row, "fields"), below);
  }
}

/* What a condition may compare with, by field: [{of, values}]. */
static void append_choices(json_t *choices, json_t *list, const char *above) {
  json_t *row;
  const char *number;
  json_object_foreach(list, number, row) {
    g_autofree char *name = g_strdup_printf("%s%s", above, design_text(row, "name")), *below = g_strdup_printf("%s.", name);
    if (g_str_equal(design_text(row, "type"), "choice"))
      json_array_append_new(choices, json_pack("{s:s, s:o}", "of", name, "values", design_words(json_object_get(row, "values"), DESIGN_LINES)));
    if (g_str_equal(design_text(row, "type"), "bool")) json_array_append_new(choices, json_pack("{s:s, s:[s, s]}", "of", name, "values", "是", "否"));
    append_choices(choices, json_object_get(row, "fields"), below);
  }
}

json_t *ledger_design_model(json_t *tree, const char *focus) {
  DesignCare care = {.dress = dress};
  json_t *model = design_model(tree, LEDGER_KEYS, focus, &care), *states = json_array(), *columns = json_array(), *groups = json_array(), *choices = json_array();
  json_object_set_new(model, "role_titles", roles_model());
  json_object_set_new(model, "uses", uses_model(json_object_get(tree, "uses")));
  json_object_set_new(model, "guarded", json_boolean(*text_at(model, "read") || *text_at(model, "write") || *text_at(model, "all") || *text_at(model, "was") ||
    json_object_size(json_object_get(tree, "rows"))));
  append_names(states, json_object_get(tree, "states"), "");
  append_names(columns, json_object_get(tree, "fields"), "");
  append_choices(choices, json_object_get(tree, "fields"), "");
  json_array_append_new(choices, json_pack("{s:s, s:O}", "of", "状态", "values", states));
  static const char *const base[] = {"编号", "日期", "标题", "状态", "责任部门", "责任人", "截止", "附件"};
  for (guint i = 0; i < G_N_ELEMENTS(base); i++) json_array_append_new(columns, json_string(base[i]));
  json_object_set_new(model, "state_names", states);
  json_object_set_new(model, "column_names", columns);
  json_object_set_new(model, "choices", choices);
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++)
    if (i == 0 || g_strcmp0(all[i]->group, all[i - 1]->group) != 0) json_array_append_new(groups, json_string(all[i]->group != NULL ? all[i]->group : "其他"));
  json_object_set_new(model, "groups", groups);
  return model;
}

/* ---- a fault's place in words ---- */

char *design_place(json_t *definition, const char *where, char **ret_anchor) {
  static const struct { const char *key, *word; } words[] = {{"fields", "栏目"}, {"states", "状态"}, {"moves", "流转"}, {"views", "视图"}, {"duties", "职责"}, {"makes", "办起"},
    {"feed", "自动登记"}, {"archives", "归档"}, {"checklist", "清单"}};
  g_autofree char *list = g_strndup(where, strcspn(where, "["));
  const char *word = NULL, *open = strchr(where, '[');
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_str_equal(words[i].key, list)) word = words[i].word;
  *ret_anchor = NULL;
  if (word == NULL || open == NULL) return NULL;
  int at = (int)g_ascii_strtoll(open + 1, NULL, 10);
  json_t *row = json_array_get(json_object_get(definition, list), (size_t)at);
  const char *name = *text_at(row, "name") ? text_at(row, "name") : text_at(row, "label");
  *ret_anchor = g_strdup_printf("%s-%d", list, at);
  return *name ? g_strdup_printf("%s“%s”", word, name) : g_strdup_printf("第 %d 个%s", at + 1, word);
}
