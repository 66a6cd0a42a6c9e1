/* A definition as YAML that people can read and change, and what differs between two, in words. */
#include "definition.h"
#include "text.h"
#include <string.h>

const char *const DEFINITION_TYPES[][2] = {{"text", "文字"}, {"longtext", "长文字"}, {"number", "数字"}, {"date", "日期"}, {"person", "人名"}, {"body", "机构"},
  {"choice", "选项"}, {"flag", "是/否"}, {"code", "编号"}, {NULL, NULL}};

const char *definition_type_label(const char *type) {
  for (guint i = 0; DEFINITION_TYPES[i][0] != NULL; i++)
    if (g_strcmp0(type, DEFINITION_TYPES[i][0]) == 0) return DEFINITION_TYPES[i][1];
  return NULL;
}

/* ---- YAML ---- */

static gboolean is_plain(const char *text) {
  static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", NULL};
  if (!g_unichar_isalpha(g_utf8_get_char(text))) return FALSE;
  g_autofree char *small = g_ascii_strdown(text, -1);
  if (g_strv_contains(words, small)) return FALSE;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (!g_unichar_isalnum(c) && !(c < 0x80 && strchr("_-", (int)c)) && c != 0xFF08 && c != 0xFF09) return FALSE;
  }
  return TRUE;
}

static void append_scalar(GString *out, json_t *value) {
  if (!json_is_string(value)) {
    g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    g_string_append(out, text);
  } else if (is_plain(json_string_value(value))) g_string_append(out, json_string_value(value));
  else text_json_append(out, json_string_value(value));
}

static void append_value(GString *out, json_t *value) {
  if (!json_is_array(value)) return append_scalar(out, value);
  size_t i;
  json_t *each;
  g_string_append_c(out, '[');
  json_array_foreach(value, i, each) {
    if (i > 0) g_string_append(out, ", ");
    append_scalar(out, each);
  }
  g_string_append_c(out, ']');
}

static void append_keys(GString *out, json_t *object, const char *const *keys, const char *first, const char *rest) {
  gboolean any = FALSE;
  for (; *keys != NULL; keys++) {
    json_t *value = json_object_get(object, *keys);
    if (value == NULL) continue;
    g_string_append_printf(out, "%s%s: ", any ? rest : first, *keys);
    append_value(out, value);
    g_string_append_c(out, '\n');
    any = TRUE;
  }
}

static void append_list(GString *out, json_t *definition, const char *name) {
  static const char *const keys[] = {"key", "label", "type", "values", "required", "expected", "listed", "form", "public", "levels", "group", "help", "default",
    "aliases", "was", NULL};
  json_t *list = json_object_get(definition, name), *field;
  size_t i;
  if (json_array_size(list) > 0) g_string_append_printf(out, "%s:\n", name);
  json_array_foreach(list, i, field) append_keys(out, field, keys, "  - ", "    ");
}

char *definition_yaml(json_t *definition) {
  static const char *const keys[] = {"id", "code", "title", "title_rule", NULL};
  GString *out = g_string_new("# 门类“");
  const char *title = json_string_value(json_object_get(definition, "title"));
  g_string_append_printf(out, "%s”：著录项和导入时认得的表头。由“门类与著录项”页写出；也可以改这个文件，重新启动服务后作为草稿，在页上预览后启用。\n", title ? title : "");
  append_keys(out, definition, keys, "", "");
  append_list(out, definition, "common");
  append_list(out, definition, "fields");
  return g_string_free(out, FALSE);
}

/* ---- what differs ---- */

static json_t *find_field(json_t *definition, const char *list, const char *key) {
  size_t i;
  json_t *field;
  json_array_foreach(json_object_get(definition, list), i, field) {
    if (g_strcmp0(json_string_value(json_object_get(field, "key")), key) == 0) return field;
  }
  return NULL;
}

static char *value_words(const char *key, json_t *value) {
  if (value == NULL) return g_strdup("");
  if (json_is_boolean(value)) return g_strdup(json_is_true(value) ? "是" : "否");
  if (g_str_equal(key, "type")) return g_strdup(definition_type_label(json_string_value(value)));
  GString *out = g_string_new(NULL);
  if (json_is_string(value)) g_string_append(out, json_string_value(value));
  size_t i;
  json_t *each;
  json_array_foreach(value, i, each) {
    const char *text = json_string_value(each);
    if (g_strcmp0(key, "levels") == 0) text = g_strcmp0(text, "volume") == 0 ? "案卷" : "文件";
    g_string_append_printf(out, "%s%s", i > 0 ? "；" : "", text ? text : "");
  }
  return g_string_free(out, FALSE);
}

static void add_change(json_t *changes, const char *field, const char *what, const char *before, const char *after) {
  json_array_append_new(changes, json_pack("{s:s, s:s, s:s, s:s}", "field", field, "what", what, "before", before, "after", after));
}

static void compare_object(json_t *changes, const char *name, json_t *before, json_t *after) {
  static const struct { const char *key, *label; } parts[] = {{"title", "名称"}, {"title_rule", "拟题规则"}, {"label", "名称"}, {"type", "类型"}, {"required", "必著"},
    {"expected", "应著"}, {"listed", "列入目录表"}, {"form", "在表单上"}, {"public", "公开"}, {"levels", "层级"}, {"group", "分组"}, {"help", "说明"},
    {"default", "缺省值"}, {"values", "选项"}, {"aliases", "认得的表头"}, {"was", "旧 key"}};
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *was = value_words(parts[i].key, json_object_get(before, parts[i].key)), *is = value_words(parts[i].key, json_object_get(after, parts[i].key));
    if (!g_str_equal(was, is)) add_change(changes, name, parts[i].label, was, is);
  }
}

static const char *label_of(json_t *field, const char *key) {
  const char *label = json_string_value(json_object_get(field, "label"));
  const CatalogField *common = label == NULL ? common_field(key) : NULL;
  return label != NULL ? label : common != NULL ? common->label : key;
}

/* The fields that both have, in the order of one. */
static char *order_of(json_t *definition, json_t *among, gboolean keys) {
  GString *out = g_string_new(NULL);
  size_t i;
  json_t *field;
  json_array_foreach(json_object_get(definition, "fields"), i, field) {
    const char *key = json_string_value(json_object_get(field, "key"));
    if (find_field(among, "fields", key) != NULL) g_string_append_printf(out, "%s%s", out->len > 0 ? "、" : "", keys ? key : label_of(field, key));
  }
  return g_string_free(out, FALSE);
}

static void compare_lists(json_t *changes, const char *list, json_t *before, json_t *after) {
  size_t i;
  json_t *field;
  json_array_foreach(json_object_get(after, list), i, field) {
    const char *key = json_string_value(json_object_get(field, "key"));
    json_t *former = find_field(before, list, key);
    if (former == NULL && g_str_equal(list, "fields")) add_change(changes, label_of(field, key), "增加著录项", "", key);
    if (former != NULL || g_str_equal(list, "common")) compare_object(changes, label_of(field, key), former, field);
  }
  json_array_foreach(json_object_get(before, list), i, field) {
    const char *key = json_string_value(json_object_get(field, "key"));
    if (find_field(after, list, key) != NULL) continue;
    if (g_str_equal(list, "fields")) add_change(changes, label_of(field, key), "去掉著录项", key, "");
    else compare_object(changes, label_of(field, key), field, NULL);
  }
}

json_t *definition_changes(json_t *before, json_t *after) {
  json_t *changes = json_array();
  compare_object(changes, "门类", before, after);
  compare_lists(changes, "common", before, after);
  compare_lists(changes, "fields", before, after);
  g_autofree char *was = order_of(before, after, TRUE), *is = order_of(after, before, TRUE);
  if (g_str_equal(was, is)) return changes;
  g_autofree char *was_labels = order_of(before, after, FALSE), *is_labels = order_of(after, before, FALSE);
  add_change(changes, "门类", "顺序", was_labels, is_labels);
  return changes;
}
