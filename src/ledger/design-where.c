/*
 * Conditions, and values by field, as rows of a form: 状态 | 不是 | 已验收.
 *
 * 1. What a row cannot say (any, a condition within a condition) is a row too, its value in YAML; so nothing of a condition is out of reach or lost.
 * 2. A row that was not touched keeps what stood there, be it a number, a text or yes.
 */
#include "design.h"
#include "json.h"
#include "settings.h"
#include <string.h>

/* In the order of the form; the words are those of “how computed”. */
static const char *const OPS[][2] = {{"is", "是"}, {"not", "不是"}, {"has", "含有"}, {"min", "不小于"}, {"max", "不大于"}, {"over", "大于"}, {"under", "小于"}, {"set", "已填写"},
  {"unset", "没有填写"}, {"some", "有内容（子表）"}, {"none", "没有内容（子表）"}, {"rows", "至少有几行（子表）"}, {"row", "同一行里有（子表）"}, {"year", "是报告期的年份，加"}, {"yaml", "写成 YAML"}};

json_t *design_ops(const char *chosen) { return design_options(OPS, G_N_ELEMENTS(OPS), *chosen ? chosen : "is"); }

/* ---- mapping to rows ---- */

static gboolean is_clean(json_t *value) {
  return json_is_boolean(value) || json_is_integer(value) || (json_is_string(value) && *json_string_value(value) && strpbrk(json_string_value(value), "\n;,=") == NULL &&
    strstr(json_string_value(value), "、") == NULL && strstr(json_string_value(value), "，") == NULL && strstr(json_string_value(value), "；") == NULL);
}

static gboolean is_clean_list(json_t *value) {
  json_t *each;
  size_t i;
  json_array_foreach(value, i, each)
    if (!is_clean(each)) return FALSE;
  return json_array_size(value) > 0;
}

static void add_row(json_t *rows, const char *name, const char *op, const char *text, json_t *was) {
  json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:O}", "name", name, "op", op, "value", text, "was", was));
}

static void add_yaml(json_t *rows, const char *name, json_t *value) {
  g_autofree char *text = yaml_write_flow(value);
  add_row(rows, name, "yaml", text, value);
}

static void add_plain(json_t *rows, const char *name, const char *op, json_t *value) {
  json_auto_t *list = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
  g_autofree char *text = design_join(list, "、");
  add_row(rows, name, op, text, value);
}

/* {达标: false, 指标: 氨氮} as 达标=否、指标=氨氮; NULL: not so simple. New */
static char *row_text(json_t *inner) {
  g_autoptr(GString) out = g_string_new(NULL);
  const char *name;
  json_t *value;
  json_object_foreach(inner, name, value) {
    json_auto_t *list = json_pack("[O]", value);
    if (!is_clean(value)) return NULL;
    g_autofree char *text = design_join(list, "");
    g_string_append_printf(out, "%s%s=%s", out->len ? "、" : "", name, text);
  }
  return out->len ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

/* One operator of a condition; FALSE: no row can say it. */
static gboolean add_operator(json_t *rows, const char *name, const char *op, json_t *value) {
  static const char *const compared[] = {"not", "has", "min", "max", "over", "under", NULL};
  json_t *least = json_object_size(value) == 1 ? json_object_get(value, "min") : NULL;
  g_autofree char *row = g_str_equal(op, "row") ? row_text(value) : NULL, *count = least ? json_dumps(least, JSON_ENCODE_ANY) : NULL;
  if (g_strv_contains(compared, op) && (is_clean(value) || is_clean_list(value))) add_plain(rows, name, op, value);
  else if (g_str_equal(op, "set") && json_is_boolean(value)) add_row(rows, name, json_is_true(value) ? "set" : "unset", "", value);
  else if (g_str_equal(op, "some") && json_is_boolean(value)) add_row(rows, name, json_is_true(value) ? "some" : "none", "", value);
  else if (g_str_equal(op, "count") && json_is_integer(least)) add_row(rows, name, "rows", count, value);
  else if (g_str_equal(op, "year") && json_is_integer(value)) add_plain(rows, name, "year", value);
  else if (row != NULL) add_row(rows, name, "row", row, value);
  else return FALSE;
  return TRUE;
}

static void add_condition(json_t *rows, const char *name, json_t *given) {
  const char *op;
  json_t *value;
  json_auto_t *own = json_array();
  if (g_str_equal(name, "any")) return add_yaml(rows, name, given);
  if (is_clean(given) || is_clean_list(given)) return add_plain(rows, name, "is", given);
  gboolean said = json_object_size(given) > 0;
  json_object_foreach(given, op, value) said = said && add_operator(own, name, op, value);
  if (said) json_array_extend(rows, own);
  else add_yaml(rows, name, given);
}

/* today+180 is 今天+180, actor 办理人, nothing 清空. */
static char *sets_word(const char *text, gboolean shown) {
  static const char *const words[][2] = {{"today", "今天"}, {"actor", "办理人"}, {"nothing", "清空"}};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    const char *from = words[i][shown ? 0 : 1], *to = words[i][shown ? 1 : 0];
    if (g_str_has_prefix(text, from) && (text[strlen(from)] == '\0' || (i == 0 && strchr("+-", text[strlen(from)])))) return g_strconcat(to, text + strlen(from), NULL);
  }
  return g_strdup(text);
}

json_t *design_pairs(json_t *mapping, DesignKind kind) {
  json_t *rows = json_array(), *value;
  const char *name;
  json_object_foreach(mapping, name, value) {
    g_autofree char *word = kind == DESIGN_SETS && json_is_string(value) ? sets_word(json_string_value(value), TRUE) : NULL;
    if (kind == DESIGN_WHERE) add_condition(rows, name, value);
    else if (json_is_string(value)) add_row(rows, name, "is", word != NULL ? word : json_string_value(value), value);
    else if (kind != DESIGN_TEXTS && (is_clean(value) || is_clean_list(value))) add_plain(rows, name, "is", value);
    else add_yaml(rows, name, value);
  }
  return rows;
}

/* ---- rows to mapping ---- */

static json_t *typed_one(const char *text, const LedgerField *field) {
  char *end = NULL;
  gint64 number = g_ascii_strtoll(text, &end, 10);
  gboolean numeric = field != NULL && (field->type == FIELD_NUMBER || field->type == FIELD_MONEY || field->type == FIELD_AGE);
  if (field != NULL && field->type == FIELD_BOOL && (g_str_equal(text, "是") || g_str_equal(text, "否"))) return json_boolean(g_str_equal(text, "是"));
  return numeric && end != text && *end == '\0' ? json_integer(number) : json_string(text);
}

json_t *design_typed(const char *text, const LedgerField *field, gboolean several) {
  json_auto_t *given = json_string(text), *words = several ? design_words(given, DESIGN_WORDS) : json_pack("[s]", text);
  json_t *list = json_array(), *each;
  size_t i;
  json_array_foreach(words, i, each) json_array_append_new(list, typed_one(json_string_value(each), field));
  if (json_array_size(list) != 1) return list;
  each = json_incref(json_array_get(list, 0));
  json_decref(list);
  return each;
}

static const LedgerField *field_named(const DesignCare *care, const char *name) { return care != NULL && care->field != NULL ? care->field(name, care->data) : NULL; }

static json_t *read_yaml(const char *text) {
  json_t *value = yaml_load_text(text, "定义", NULL);
  return value != NULL ? value : json_string(text);
}

static json_t *read_row(const char *name, const char *text, const DesignCare *care) {
  json_t *inner = json_object();
  g_auto(GStrv) parts = g_regex_split_simple("[\n;；、，,]+", text, 0, 0);
  for (guint i = 0; parts[i] != NULL; i++) {
    g_auto(GStrv) sides = g_regex_split_simple("[=＝]", g_strstrip(parts[i]), 0, 0);
    if (sides[0] == NULL || *g_strstrip(sides[0]) == '\0') continue;
    g_autofree char *path = g_strdup_printf("%s.%s", name, sides[0]);
    json_object_set_new(inner, sides[0], typed_one(sides[1] != NULL ? g_strstrip(sides[1]) : "", field_named(care, path)));
  }
  return inner;
}

/* What stands under the operator's key. */
static json_t *operand(const char *name, const char *op, const char *text, const DesignCare *care) {
  if (g_str_equal(op, "yaml")) return read_yaml(text);
  if (g_str_equal(op, "row")) return read_row(name, text, care);
  if (g_str_equal(op, "set") || g_str_equal(op, "some")) return json_true();
  if (g_str_equal(op, "unset") || g_str_equal(op, "none")) return json_false();
  char *end = NULL;
  gint64 number = g_ascii_strtoll(text, &end, 10);
  json_t *whole = end != text && *end == '\0' ? json_integer(number) : json_string(text);
  if (g_str_equal(op, "year")) return whole;
  if (g_str_equal(op, "rows")) return json_pack("{s:o}", "min", whole);
  json_decref(whole);
  return design_typed(text, field_named(care, name), TRUE);
}

static void join_condition(json_t *where, const char *name, const char *op, json_t *value) {
  static const char *const keys[][2] = {{"unset", "set"}, {"none", "some"}, {"rows", "count"}};
  json_t *there = json_object_get(where, name);
  if (g_str_equal(op, "yaml") || (g_str_equal(op, "is") && there == NULL)) return (void)json_object_set(where, name, value);
  if (g_str_equal(op, "is") && !json_is_object(there)) { /* said twice: either */
    json_t *either = json_is_array(there) ? json_copy(there) : json_pack("[O]", there);
    if (json_is_array(value)) json_array_extend(either, value);
    else json_array_append(either, value);
    json_object_set_new(where, name, either);
    return;
  }
  if (!json_is_object(there)) json_object_set_new(where, name, there = there != NULL ? json_pack("{s:O}", "is", there) : json_object());
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (g_str_equal(op, keys[i][0])) op = keys[i][1];
  json_object_set(json_object_get(where, name), op, value);
}

static gboolean same_row(json_t *given, json_t *row) {
  const char *op = design_text(given, "op");
  return g_str_equal(design_text(given, "name"), text_at(row, "name")) && g_str_equal(*op ? op : "is", text_at(row, "op")) &&
    g_str_equal(design_text(given, "value"), text_at(row, "value"));
}

static json_t *unchanged(json_t *rows, json_t *given) {
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row)
    if (same_row(given, row)) return json_object_get(row, "was");
  return NULL;
}

/* The value of a pair: of a field that holds several, between 、. */
static json_t *pair_value(json_t *given, const char *name, DesignKind kind, const DesignCare *care) {
  const LedgerField *field = kind == DESIGN_TEXTS ? NULL : field_named(care, name);
  const char *text = design_text(given, "value");
  g_autofree char *word = kind == DESIGN_SETS ? sets_word(text, FALSE) : g_strdup(text);
  if (g_str_equal(design_text(given, "op"), "yaml")) return read_yaml(text);
  json_t *value = design_typed(word, field, field != NULL && field->many);
  return field != NULL && field->many && !json_is_array(value) ? json_pack("[o]", value) : value;
}

json_t *design_mapping(json_t *rows, json_t *former, DesignKind kind, const DesignCare *care) {
  json_auto_t *before = design_pairs(former, kind);
  json_t *mapping = json_object(), *given;
  const char *number;
  size_t same = 0, count = 0;
  json_object_foreach(rows, number, given) {
    const char *name = design_text(given, "name"), *op = *design_text(given, "op") ? design_text(given, "op") : "is";
    if (*name == '\0') continue;
    json_t *was = unchanged(before, given);
    json_auto_t *typed = was != NULL ? NULL : kind == DESIGN_WHERE ? operand(name, op, design_text(given, "value"), care) : pair_value(given, name, kind, care);
    json_t *value = was != NULL ? was : typed;
    same += was != NULL;
    count++;
    if (kind == DESIGN_WHERE) join_condition(mapping, name, op, value);
    else json_object_set(mapping, name, value);
  }
  if (count > 0 && same == count && count == json_array_size(before)) return json_decref(mapping), json_incref(former);
  return mapping;
}
