/*
 * Schemes of checks read from YAML (definitions/checks): one for each stage, the archives' own before the built-in one.
 *
 * 1. A set is immutable once it is in use; loading puts another in its place and keeps the old one, because runs point into it.
 * 2. A scheme that is wrong in one word is refused as a whole, with file and item: a check that silently falls out would count for nothing.
 */
#include "internal.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

const struct OutcomeWord OUTCOMES[] = {
  {"passed", "通过", "ok"}, {"failed", "不通过", "bad"}, {"warned", "有提示", "warn"}, {"awaiting", "待人工确认", "info"},
  {"not_performed", "未进行", "warn"}, {"not_applicable", "无适用对象", "muted"}, {NULL},
};
const struct StageWord STAGES[] = {{"", ""}, {"filing", "归档"}, {"transfer", "移交与接收"}, {"preservation", "长期保存"}, {NULL}};

CheckStage check_stage_of(const char *code) {
  for (CheckStage stage = CHECK_FILING; stage <= CHECK_PRESERVATION; stage++)
    if (g_strcmp0(STAGES[stage].code, code) == 0) return stage;
  return 0;
}

const char *check_stage_code(CheckStage stage) { return STAGES[stage].code; }
const char *check_stage_label(const char *code) { return STAGES[check_stage_of(code)].label; }

const char *const PROPERTIES[] = {"真实性", "完整性", "可用性", "安全性", NULL};

typedef struct Set { Scheme stage[CHECK_PRESERVATION + 1]; const struct Set *older; } Set;
static Set *current; /* atomic */

const Scheme *scheme_of(CheckStage stage) {
  const Set *set = g_atomic_pointer_get(&current);
  return set ? &set->stage[stage] : NULL;
}

const Rule *rule_find(const char *name) {
  const Rule *const tables[] = {RULES_RECORD, RULES_SERIES, RULES_FILE, RULES_WHOLE};
  for (guint i = 0; name && i < G_N_ELEMENTS(tables); i++)
    for (const Rule *rule = tables[i]; rule->name; rule++)
      if (g_str_equal(rule->name, name)) return rule;
  return NULL;
}

static gboolean only_keys(json_t *object, const char *const *known, const char *where, GError **error) {
  static const char *const none[] = {NULL};
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    if (!g_strv_contains(known ? known : none, key)) return throw(error, LANTAI_ERROR_INVALID, "%s中不认识“%s”，请核对拼写", where, key);
  }
  return TRUE;
}

static const char *word_of(json_t *json, const char *key) {
  const char *text = json_string_value(json_object_get(json, key));
  return text && *text ? text : NULL;
}

static gboolean read_flags(Item *item, json_t *json, GError **error) {
  json_t *severity = json_object_get(json, "severity"), *manual = json_object_get(json, "manual"), *category;
  const char *weight = severity ? json_string_value(severity) : "error", *eyes = manual ? json_string_value(manual) : NULL;
  if (weight == NULL || (!g_str_equal(weight, "error") && !g_str_equal(weight, "warning"))) return throw(error, LANTAI_ERROR_INVALID, "severity 应为 error 或 warning");
  if (manual && g_strcmp0(eyes, "person") != 0) return throw(error, LANTAI_ERROR_INVALID, "manual 只能是 person");
  item->warning = g_str_equal(weight, "warning");
  item->person = eyes != NULL || g_str_equal(item->rule->name, "person");
  item->categories = json_object_get(json, "categories");
  size_t i;
  if (item->categories && !json_is_array(item->categories)) return throw(error, LANTAI_ERROR_INVALID, "categories 应为门类代码的列表");
  json_array_foreach(item->categories, i, category)
    if (!json_is_string(category)) return throw(error, LANTAI_ERROR_INVALID, "categories 应为门类代码的列表");
  if (json_array_size(item->categories) == 0) item->categories = NULL;
  return TRUE;
}

static gboolean read_item(Item *item, json_t *json, GError **error) {
  static const char *const known[] = {"code", "name", "property", "group", "purpose", "object", "rule", "with", "severity", "manual", "categories", NULL};
  if (!json_is_object(json)) return throw(error, LANTAI_ERROR_INVALID, "应为“名称: 值”的形式");
  *item = (Item){word_of(json, "code"), word_of(json, "name"), word_of(json, "property"), word_of(json, "group"), word_of(json, "purpose"),
    word_of(json, "object"), .source = json, .with = json_object_get(json, "with")};
  if (!only_keys(json, known, "检测项", error)) return FALSE;
  if (item->code == NULL || strlen(item->code) > 40) return throw(error, LANTAI_ERROR_INVALID, "缺少 code 或超过 40 个字符");
  if (item->name == NULL || text_length(item->name) > 60) return throw(error, LANTAI_ERROR_INVALID, "缺少 name 或超过 60 字");
  if (item->property == NULL || !g_strv_contains(PROPERTIES, item->property)) return throw(error, LANTAI_ERROR_INVALID, "property 只能是 真实性、完整性、可用性、安全性");
  const char *rule = word_of(json, "rule");
  item->rule = rule_find(rule);
  if (item->rule == NULL) return throw(error, LANTAI_ERROR_INVALID, "没有规则“%s”", rule ? rule : "");
  if (item->with && !json_is_object(item->with)) return throw(error, LANTAI_ERROR_INVALID, "with 应为“名称: 值”的形式");
  if (!only_keys(item->with, item->rule->parameters, "with ", error) || !read_flags(item, json, error)) return FALSE;
  Probe probe = {.item = item};
  gboolean good = item->rule->begin == NULL || item->rule->begin(&probe, error);
  if (item->rule->clear) item->rule->clear(probe.state);
  g_free(probe.explain);
  return good;
}

static gboolean read_scheme(Scheme *scheme, const char *name, GError **error) {
  static const char *const known[] = {"title", "items", NULL};
  json_t *list = json_object_get(scheme->source, "items");
  if (!only_keys(scheme->source, known, "检测方案", error)) return g_prefix_error(error, "检测方案 %s：", name), FALSE;
  if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 200)
    return throw(error, LANTAI_ERROR_INVALID, "检测方案 %s：items 应为检测项的列表，1 至 200 项", name);
  scheme->title = word_of(scheme->source, "title");
  scheme->items = g_new0(Item, json_array_size(list));
  for (guint i = 0; i < json_array_size(list); i++) {
    Item *item = &scheme->items[i];
    if (!read_item(item, json_array_get(list, i), error)) {
      g_prefix_error(error, "检测方案 %s 第 %u 项 %s：", name, i + 1, item->code ? item->code : "");
      return FALSE;
    }
    for (guint k = 0; k < i; k++)
      if (g_str_equal(scheme->items[k].code, item->code)) return throw(error, LANTAI_ERROR_INVALID, "检测方案 %s 第 %u 项：代码 %s 出现两次", name, i + 1, item->code);
    scheme->count = i + 1;
  }
  return TRUE;
}

static gboolean load_stage(Scheme *scheme, CheckStage stage, const char *dir, GError **error) {
  g_autofree char *path = g_strdup_printf("checks/%s.yaml", STAGES[stage].code);
  scheme->stage = stage;
  return (scheme->source = yaml_load_definition(dir, path, error)) != NULL && read_scheme(scheme, path, error);
}

gboolean scheme_load_all(const char *dir, GError **error) {
  Set *set = g_new0(Set, 1);
  gboolean good = TRUE;
  for (CheckStage stage = CHECK_FILING; good && stage <= CHECK_PRESERVATION; stage++) good = load_stage(&set->stage[stage], stage, dir, error);
  if (good) {
    set->older = g_atomic_pointer_get(&current);
    g_atomic_pointer_set(&current, set);
    return TRUE;
  }
  for (CheckStage stage = CHECK_FILING; stage <= CHECK_PRESERVATION; stage++) {
    json_decref(set->stage[stage].source);
    g_free(set->stage[stage].items);
  }
  g_free(set);
  return FALSE;
}
