/* Faults of titles, values and codes of one record. */
#include "internal.h"
#include "retention.h"

/* ---- titles ---- */

static char *stripped(const char *text) {
  GString *out = g_string_new(NULL);
  for (const char *at = text; *at; at = g_utf8_next_char(at))
    if (g_unichar_isalnum(g_utf8_get_char(at))) g_string_append_unichar(out, g_unichar_tolower(g_utf8_get_char(at)));
  return g_string_free(out, FALSE);
}

char *look_title(Look *look) {
  static const char *const PLACEHOLDERS[] = {"无", "无题", "无题名", "无标题", "待定", "待补", "待著录", "未命名", "未知", "不详", "暂无", "空白", "空", "题名", "标题", "测试", "test", "null",
    "none", "xxx", "xx", "x", "undefined", "新建", "同上", NULL};
  g_autofree char *plain = stripped(look->record->title);
  if (*look->record->title == '\0') return g_strdup("题名为空");
  if (*plain == '\0') return g_strdup("题名里没有文字");
  if (g_strv_contains(PLACEHOLDERS, plain)) return g_strdup_printf("题名是“%s”", look->record->title);
  if (plain[strspn(plain, "0123456789")] == '\0') return g_strdup("题名里只有数字");
  return look->record->level >= LEVEL_VOLUME && g_utf8_strlen(plain, -1) < 2 ? g_strdup("题名只有一个字") : NULL;
}

/* ---- characters ---- */

static const char *odd_character(const char *text) {
  for (const char *at = text; *at; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (c == 0xFFFD) return "有无法转换的字（�）";
    if ((c >= 0xE000 && c <= 0xF8FF) || c >= 0xF0000) return "有自造字（私用区）";
    if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return "有控制字符";
    if (c == 0x200B || c == 0xFEFF || c == 0x2060 || (c >= 0x202A && c <= 0x202E)) return "有看不见的字符";
  }
  return strstr(text, "锟斤拷") || strstr(text, "烫烫烫") ? "有乱码" : NULL;
}

char *look_characters(Look *look) {
  const CatalogRecord *record = look->record;
  const struct { const char *label, *text; } texts[] = {{"题名", record->title}, {"责任者", record->creator}, {"文号", record->docno}, {"档号", record->code},
    {"日期", record->date_text}};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (odd_character(texts[i].text)) return g_strdup_printf("%s%s", texts[i].label, odd_character(texts[i].text));
  const char *key;
  json_t *value;
  json_object_foreach(look->fields, key, value)
    if (json_is_string(value) && odd_character(json_string_value(value)) && strchr(json_string_value(value), '\n') == NULL)
      return g_strdup_printf("著录项“%s”%s", key, odd_character(json_string_value(value)));
  return NULL;
}

/* ---- spaces ---- */

static gboolean is_loose(const char *text) {
  if (*text == '\0' || strchr(text, '\n')) return FALSE;
  g_autofree char *squeezed = look_squeezed(text);
  return !g_str_equal(squeezed, text);
}

char *look_spaces(Look *look) {
  const CatalogRecord *record = look->record;
  const struct { const char *label, *text; } texts[] = {{"题名", record->title}, {"责任者", record->creator}, {"文号", record->docno}};
  g_autoptr(GString) found = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (is_loose(texts[i].text)) g_string_append_printf(found, "%s%s", found->len ? "、" : "", texts[i].label);
  return found->len ? g_strdup(found->str) : NULL;
}

json_t *mend_spaces(Look *look) {
  const CatalogRecord *record = look->record;
  const struct { const char *key, *text; } texts[] = {{"title", record->title}, {"creator", record->creator}, {"docno", record->docno}};
  json_t *values = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *squeezed = look_squeezed(texts[i].text);
    if (is_loose(texts[i].text)) json_object_set_new(values, texts[i].key, json_string(squeezed));
  }
  return values;
}

/* ---- names ---- */

static json_t *names_with_spaces(Look *look, gboolean first_only) {
  json_t *found = json_object();
  for (guint i = 0; look->category && i < look->category->field_count; i++) {
    const CatalogField *field = &look->category->fields[i];
    const char *value = look_value(look, field->key);
    g_autofree char *name = g_str_equal(field->type, "person") ? look_name(value) : NULL;
    if (name && !g_str_equal(name, value)) json_object_set_new(found, first_only ? field->label : field->key, json_string(name));
  }
  return found;
}

char *look_name_spaces(Look *look) {
  json_auto_t *found = names_with_spaces(look, TRUE);
  const char *label = json_object_iter_key(json_object_iter(found));
  return label ? g_strdup(label) : NULL;
}

json_t *mend_name_spaces(Look *look) { return names_with_spaces(look, FALSE); }

/* ---- what the definition asks ---- */

static const char *said(json_t *problem, const char *member) {
  const char *text = json_string_value(json_object_get(problem, member));
  return text ? text : "";
}

char *look_required(Look *look) {
  g_autoptr(GString) missing = g_string_new(NULL);
  size_t i;
  json_t *problem;
  json_array_foreach(look->problems, i, problem)
    if (g_str_equal(said(problem, "kind"), "missing")) g_string_append_printf(missing, "%s%s", missing->len ? "、" : "缺", said(problem, "label"));
  return missing->len ? g_strdup(missing->str) : NULL;
}

/* A value that is none of its field's options or kind; a retention is told of by itself. */
char *look_value_kind(Look *look) {
  g_autoptr(GString) wrong = g_string_new(NULL);
  size_t i;
  json_t *problem;
  json_array_foreach(look->problems, i, problem) {
    const char *kind = said(problem, "kind");
    if ((g_str_equal(kind, "type") || g_str_equal(kind, "value")) && !g_str_equal(said(problem, "key"), "retention"))
      g_string_append_printf(wrong, "%s%s", wrong->len ? "；" : "", said(problem, "problem"));
  }
  return wrong->len ? g_strdup(wrong->str) : NULL;
}

char *look_retention(Look *look) {
  const CatalogRecord *record = look->record;
  if (record->level < LEVEL_VOLUME || *record->retention) return NULL;
  gboolean inherits = look->parent && look->parent->level == LEVEL_VOLUME; /* told once, of the volume */
  return inherits ? NULL : g_strdup("没有保管期限");
}

char *look_retention_term(Look *look) {
  const CatalogRecord *record = look->record;
  g_autofree char *problem = record->level >= LEVEL_VOLUME ? catalog_retention_problem(look->house->catalog, look->category, record->year, record->retention) : NULL;
  return problem ? g_strdup_printf("保管期限是“%s”，%s", record->retention, problem) : NULL;
}

/* ---- codes ---- */

char *look_code(Look *look) { return look->failure ? NULL : catalog_code_checker_check(look->checker, look->sql, look->record, &look->failure); }

char *look_order(Look *look) {
  if (look->record->level != LEVEL_ITEM || look->parent == NULL || look->parent->level != LEVEL_VOLUME) return NULL;
  g_auto(CatalogCode) code = {0};
  catalog_code_parse(look->record->code, &code);
  const char *end = look->record->code + strlen(look->record->code);
  gboolean numbered = code.item != NULL || code.page != NULL ||
    (end > look->record->code && g_ascii_isdigit(end[-1]) && !g_str_equal(look->record->code, look->parent->code));
  return numbered ? NULL : g_strdup("档号末尾没有件号或页号");
}
