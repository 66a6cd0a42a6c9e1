/*
 * Rules of archival codes, read from YAML.
 *
 * 1. Rules are fixed once read. A word that is not known is an error that names the rule and the part: it is more likely a slip than meant.
 * 2. A rule's last part is its running number, item or page; what a volume's code ends with is the part volume.
 * 3. A part without a mark before it stands next to one of fixed width, so that a code can be taken apart in one way only.
 */
#include "code-rule.h"
#include "crypto.h"
#include "settings.h"
#include "text.h"
#include <gio/gio.h>
#include <string.h>

enum { RULES_MAX = 100, WIDTH_MAX = 8 };

struct CodeRules {
  GPtrArray *list; /* CodeRule* */
  char *digest;
};

static const char *const KINDS[] = {"fonds", "category", "year", "retention", "text", "volume", "item", "page"};
static const char *const LABELS[] = {"全宗号", "类别号", "年度", "保管期限", "著录项", "案卷号", "件号", "页号"};

/* ---- memory ---- */

static void rule_free(CodeRule *rule) {
  if (rule == NULL) return;
  for (guint i = 0; i < rule->count; i++) {
    CodePart *part = &rule->parts[i];
    g_free(part->before);
    g_free(part->label);
    g_free(part->literal);
    g_strfreev(part->fields);
    json_decref(part->map);
  }
  g_strfreev(rule->categories);
  g_free(rule->key);
  g_free(rule->title);
  g_free(rule->example);
  g_free(rule);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CodeRule, rule_free)

void code_rules_free(CodeRules *rules) {
  if (rules == NULL) return;
  g_ptr_array_unref(rules->list);
  g_free(rules->digest);
  g_free(rules);
}

/* ---- reading ---- */

static gboolean only_keys(json_t *object, const char *const *known, const char *where, GError **error) {
  const char *key;
  json_t *value;
  if (!json_is_object(object)) return throw(error, LANTAI_ERROR_INVALID, "%s应为“名称: 值”的形式", where);
  json_object_foreach(object, key, value) {
    if (!g_strv_contains(known, key)) return throw(error, LANTAI_ERROR_INVALID, "%s中不认识“%s”，请核对拼写", where, key);
  }
  return TRUE;
}

static char **words(json_t *list) {
  GPtrArray *array = g_ptr_array_new();
  size_t i;
  json_t *word;
  json_array_foreach(list, i, word) if (json_is_string(word)) g_ptr_array_add(array, g_strdup(json_string_value(word)));
  g_ptr_array_add(array, NULL);
  return (char **)g_ptr_array_free(array, FALSE);
}

static gboolean map_valid(json_t *map) {
  const char *key;
  json_t *value;
  if (!json_is_object(map)) return FALSE;
  json_object_foreach(map, key, value) {
    if (json_string_length(value) == 0) return FALSE;
  }
  return TRUE;
}

static char *text_of(json_t *json, const char *key) {
  const char *text = json_string_value(json_object_get(json, key));
  return g_strdup(text ? text : "");
}

static gboolean part_read(json_t *json, json_t *retention, const char *where, CodePart *part, GError **error) {
  static const char *const known[] = {"part", "before", "width", "fields", "label", "literal", "optional", "map", NULL};
  if (!only_keys(json, known, where, error)) return FALSE;
  const char *word = json_string_value(json_object_get(json, "part"));
  guint kind = 0;
  while (kind < G_N_ELEMENTS(KINDS) && g_strcmp0(word, KINDS[kind]) != 0) kind++;
  if (kind == G_N_ELEMENTS(KINDS))
    return throw(error, LANTAI_ERROR_INVALID, "%s：part 应为 fonds、category、year、retention、text、volume、item、page 之一", where);
  json_t *width = json_object_get(json, "width"), *map = json_object_get(json, "map");
  if (width != NULL && (!json_is_integer(width) || json_integer_value(width) < 1 || json_integer_value(width) > WIDTH_MAX))
    return throw(error, LANTAI_ERROR_INVALID, "%s：width 应为 1 至 %d 的整数", where, WIDTH_MAX);
  if (map != NULL && !map_valid(map)) return throw(error, LANTAI_ERROR_INVALID, "%s：map 应为“著录的写法: 代码”的列表，代码要加引号", where);
  if (map == NULL && kind == PART_RETENTION) map = retention;
  if (map == NULL && kind == PART_RETENTION) return throw(error, LANTAI_ERROR_INVALID, "%s：保管期限没有 map，也没有通用的 retention", where);
  part->kind = kind;
  part->before = text_of(json, "before");
  part->label = text_of(json, "label");
  if (part->label[0] == '\0') {
    g_free(part->label);
    part->label = g_strdup(LABELS[kind]);
  }
  part->literal = text_of(json, "literal");
  part->fields = words(json_object_get(json, "fields"));
  part->map = json_incref(map);
  part->width = json_integer_value(width);
  part->optional = json_is_true(json_object_get(json, "optional"));
  if (kind == PART_TEXT && part->fields[0] == NULL && part->literal[0] == '\0')
    return throw(error, LANTAI_ERROR_INVALID, "%s：text 应写明 fields（取自哪些著录项）或 literal（固定值）", where);
  if (kind >= PART_VOLUME && part->optional) return throw(error, LANTAI_ERROR_INVALID, "%s：案卷号、件号、页号不能省略", where);
  return TRUE;
}

/* Invariant 3. */
static gboolean part_separate(const CodePart *former, const CodePart *part, const char *where, GError **error) {
  gboolean fixed = former == NULL || former->width > 0 || former->kind == PART_FONDS || former->kind == PART_YEAR || former->kind == PART_RETENTION;
  if (part->before[0] != '\0' || (fixed && !part->optional)) return TRUE;
  return throw(error, LANTAI_ERROR_INVALID, "%s：与前一部分之间没有连接号（before），前一部分又没有位数（width），档号会有歧义", where);
}

static gboolean counter_read(CodeRule *rule, json_t *counter, const char *where, GError **error) {
  int last = (int)rule->count - 1;
  if (counter == NULL) {
    for (int i = 0; i < last; i++) rule->parts[i].in_counter = TRUE;
    return TRUE;
  }
  size_t i;
  json_t *word;
  if (!json_is_array(counter)) return throw(error, LANTAI_ERROR_INVALID, "%s：counter 应为组成部分的列表，如 [fonds, category, year]", where);
  json_array_foreach(counter, i, word) {
    int found = 0;
    while (found < last && g_strcmp0(json_string_value(word), KINDS[rule->parts[found].kind]) != 0) found++;
    if (found == last) return throw(error, LANTAI_ERROR_INVALID, "%s：counter 中的“%s”不是顺序号之前的组成部分", where,
      json_is_string(word) ? json_string_value(word) : "");
    for (; found < last; found++)
      if (g_str_equal(json_string_value(word), KINDS[rule->parts[found].kind])) rule->parts[found].in_counter = TRUE;
  }
  if (!rule->parts[0].in_counter) return throw(error, LANTAI_ERROR_INVALID, "%s：counter 应包括 %s", where, KINDS[rule->parts[0].kind]);
  if (rule->volume >= 0) rule->parts[rule->volume].in_counter = TRUE; /* an item's number counts within its volume */
  return TRUE;
}

static gboolean parts_read(CodeRule *rule, json_t *parts, json_t *retention, const char *where, GError **error) {
  if (!json_is_array(parts) || json_array_size(parts) < 2 || json_array_size(parts) > CODE_PARTS_MAX)
    return throw(error, LANTAI_ERROR_INVALID, "%s：parts 应为 2 至 %d 个组成部分的列表", where, CODE_PARTS_MAX);
  rule->volume = -1;
  size_t i, last = json_array_size(parts) - 1;
  json_t *json;
  json_array_foreach(parts, i, json) {
    g_autofree char *place = g_strdup_printf("%s第 %zu 个组成部分", where, i + 1);
    CodePart *part = &rule->parts[i];
    rule->count = i + 1;
    if (!part_read(json, retention, place, part, error) || !part_separate(i ? part - 1 : NULL, part, place, error)) return FALSE;
    gboolean number = part->kind == PART_ITEM || part->kind == PART_PAGE;
    if (number != (i == last)) return throw(error, LANTAI_ERROR_INVALID, "%s：最后一个组成部分应为件号（item）或页号（page），也只有最后一个可以是", place);
    if ((part->kind == PART_FONDS) != (i == 0)) return throw(error, LANTAI_ERROR_INVALID, "%s：第一个组成部分应为全宗号（fonds），也只有第一个可以是", place);
    if (part->kind == PART_VOLUME && (rule->volume >= 0 || i != last - 1)) return throw(error, LANTAI_ERROR_INVALID, "%s：案卷号只能有一个，在件号之前", place);
    if (part->kind == PART_VOLUME) rule->volume = (int)i;
  }
  return TRUE;
}

static CodeRule *rule_read(json_t *json, json_t *retention, const char *where, GError **error) {
  static const char *const known[] = {"key", "title", "example", "categories", "unique", "counter", "parts", NULL};
  if (!only_keys(json, known, where, error)) return NULL;
  g_autoptr(CodeRule) rule = g_new0(CodeRule, 1);
  rule->key = text_of(json, "key");
  rule->title = text_of(json, "title");
  rule->example = text_of(json, "example");
  rule->categories = words(json_object_get(json, "categories"));
  const char *unique = json_string_value(json_object_get(json, "unique"));
  if (rule->key[0] == '\0' || strlen(rule->key) > 60 || rule->title[0] == '\0' || text_length(rule->title) > 60)
    return throw_null(error, LANTAI_ERROR_INVALID, "%s应有 key 和 title，各不超过 60 字", where);
  if (unique != NULL && !g_str_equal(unique, "fonds") && !g_str_equal(unique, "archive"))
    return throw_null(error, LANTAI_ERROR_INVALID, "%s：unique 应为 fonds 或 archive", where);
  rule->unique_in_archive = g_strcmp0(unique, "archive") == 0;
  if (!parts_read(rule, json_object_get(json, "parts"), retention, where, error)) return NULL;
  if (!counter_read(rule, json_object_get(json, "counter"), where, error)) return NULL;
  return g_steal_pointer(&rule);
}

CodeRules *code_rules_read(json_t *document, const char *name, GError **error) {
  static const char *const known[] = {"retention", "rules", NULL};
  g_autofree char *top = g_strdup_printf("档号规则 %s ", name);
  if (!only_keys(document, known, top, error)) return NULL;
  json_t *retention = json_object_get(document, "retention"), *list = json_object_get(document, "rules"), *json;
  if (retention != NULL && !map_valid(retention)) return throw_null(error, LANTAI_ERROR_INVALID, "%s：retention 应为“保管期限: 代码”的列表，代码要加引号", top);
  if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > RULES_MAX)
    return throw_null(error, LANTAI_ERROR_INVALID, "%s：rules 应为规则的列表，1 至 %d 条", top, RULES_MAX);
  g_autoptr(CodeRules) rules = g_new0(CodeRules, 1);
  rules->list = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);
  size_t i;
  json_array_foreach(list, i, json) {
    const char *key = json_string_value(json_object_get(json, "key"));
    g_autofree char *where = g_strdup_printf("%s第 %zu 条规则%s%s", top, i + 1, key ? " " : "", key ? key : "");
    CodeRule *rule = rule_read(json, retention, where, error);
    if (rule == NULL) return NULL;
    gboolean twice = code_rules_find(rules, rule->key) != NULL;
    g_ptr_array_add(rules->list, rule);
    if (twice) return throw_null(error, LANTAI_ERROR_INVALID, "%s：key 已有另一条规则使用", where);
  }
  g_autofree char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
  rules->digest = crypto_digest_hex(DIGEST_SM3, text, strlen(text));
  return g_steal_pointer(&rules);
}

CodeRules *code_rules_load(const char *dir, GError **error) {
  json_auto_t *document = yaml_load_definition(dir, "codes.yaml", error);
  return document == NULL ? NULL : code_rules_read(document, "codes.yaml", error);
}

/* ---- looking up ---- */

guint code_rules_count(const CodeRules *rules) { return rules->list->len; }
const CodeRule *code_rules_at(const CodeRules *rules, guint index) { return rules->list->pdata[index]; }

const char *code_rules_digest(const CodeRules *rules) { return rules->digest; }

const CodeRule *code_rules_find(const CodeRules *rules, const char *key) {
  for (guint i = 0; key != NULL && i < rules->list->len; i++) {
    const CodeRule *rule = rules->list->pdata[i];
    if (g_str_equal(rule->key, key)) return rule;
  }
  return NULL;
}

const CodeRule *code_rules_default(const CodeRules *rules, const char *category) {
  for (guint i = 0; category != NULL && i < rules->list->len; i++) {
    const CodeRule *rule = rules->list->pdata[i];
    if (g_strv_contains((const char *const *)rule->categories, category)) return rule;
  }
  return rules->list->pdata[0];
}
