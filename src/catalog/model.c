/* What the catalogue's pages show of categories, descriptions and changes: labels and order, no HTML. */
#include "definition.h"
#include "text.h"
#include <string.h>

json_t *text_parts(GPtrArray *terms, const char *text) {
  if (terms != NULL && terms->len > 0) return search_mark(terms, text, 0);
  return json_pack("[{s:s}]", "t", text);
}

/* ---- categories ---- */

/* Aliases are kept folded (" nfxm "); shown without the outer blanks, letters large as they stand in tables. */
static json_t *field_json(const CatalogField *field) {
  g_autoptr(GString) aliases = g_string_new(NULL);
  g_autofree char *key = text_fold(field->key), *label = text_fold(field->label);
  for (const char *const *alias = field->aliases; alias != NULL && *alias != NULL; alias++) {
    if (g_str_equal(*alias, key) || g_str_equal(*alias, label)) continue;
    g_autofree char *shown = g_ascii_strup(*alias, -1);
    g_strstrip(shown);
    g_string_append_printf(aliases, "%s%s", aliases->len > 0 ? "、" : "", shown);
  }
  json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "key", field->key, "label", field->label, "type", field->type, "type_label",
    definition_type_label(field->type), "aliases", aliases->str, "required", field->required, "listed", field->listed);
  json_t *more = json_pack("{s:b, s:b, s:b, s:s, s:s, s:s, s:s}", "expected", field->expected, "off_form", field->off_form, "staff", field->staff, "group",
    field->group ? field->group : "", "help", field->help ? field->help : "", "default", field->initial ? field->initial : "", "level",
    field->levels == 1u << LEVEL_VOLUME ? "案卷" : field->levels == 1u << LEVEL_ITEM ? "文件" : "");
  json_t *values = json_array();
  for (const char *const *value = field->values; value != NULL && *value != NULL; value++) json_array_append_new(values, json_string(*value));
  json_object_update_new(json, more);
  json_object_set_new(json, "values", values);
  return json;
}

static json_t *fields_json(const CatalogField *fields, guint count) {
  json_t *list = json_array();
  for (guint i = 0; i < count; i++) json_array_append_new(list, field_json(&fields[i]));
  return list;
}

json_t *category_json(const CatalogCategory *category) {
  if (category != NULL) {
    json_t *fields = fields_json(category->fields, category->field_count);
    g_autofree char *rule = definition_rule_by(category->title_rule != NULL ? category->title_rule : "", fields, "key", "label");
    return json_pack("{s:i, s:s, s:s, s:s, s:o, s:o}", "id", category->id, "code", category->code, "title", category->title, "title_rule", rule, "fields",
      fields, "common", fields_json(category->common, category->common_count));
  }
  guint count;
  const CatalogField *common = catalog_common_fields(&count);
  return json_pack("{s:i, s:s, s:s, s:s, s:o}", "id", 0, "code", "", "title", "通用著录项", "title_rule", "", "fields", fields_json(common, count));
}

/* ---- a description ---- */

static void add_row(json_t *rows, const char *label, const char *value, const char *note, GPtrArray *terms) {
  if (value == NULL || value[0] == '\0') return;
  json_array_append_new(rows, json_pack("{s:s, s:o, s:s, s:s}", "label", label, "parts", text_parts(terms, value), "value", value, "note", note ? note : ""));
}

static void add_number(json_t *rows, const char *label, gint64 number) {
  if (number == 0) return;
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, number);
  add_row(rows, label, text, NULL, NULL);
}

static void add_group(json_t *groups, const char *title, json_t *rows) {
  if (json_array_size(rows) > 0) json_array_append_new(groups, json_pack("{s:s, s:O}", "title", title, "rows", rows));
}

static void append_part(GString *out, const char *label, const char *value) {
  if (value != NULL) g_string_append_printf(out, "%s%s %s", out->len > 0 ? " · " : "", label, value);
}

/* "全宗 Z109 · 门类 WS · 年度 2011 …" */
static char *code_parts(const char *code) {
  static const char *const kinds[] = {"", "DA/T 13-1994", "DA/T 22-2015", "DA/T 13-2022", "定长案卷档号", "定长件档号"};
  g_auto(CatalogCode) parsed;
  catalog_code_parse(code, &parsed);
  if (parsed.kind == CATALOG_CODE_OTHER) return NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  append_part(out, "全宗", parsed.fonds);
  append_part(out, "门类", parsed.category);
  append_part(out, "目录", parsed.inventory);
  append_part(out, "年度", parsed.year);
  append_part(out, "期限", parsed.retention);
  append_part(out, "机构（问题）", parsed.organ);
  append_part(out, "案卷", parsed.volume);
  append_part(out, "件", parsed.item);
  append_part(out, "页", parsed.page);
  g_string_append_printf(out, "（%s）", kinds[parsed.kind]);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* What the category defines under the headings of its form, and the rest: columns that were not mapped, values of fields that were taken out of the definition.
 * What stands under a former key of a field is its. */
static void own_groups(json_t *groups, const CatalogCategory *category, json_t *fields, GPtrArray *terms) {
  json_auto_t *by_title = json_object(); /* in the order of their first field */
  json_auto_t *others = json_array();
  g_autofree char *usual = category != NULL ? g_strdup_printf("%s著录项", category->title) : g_strdup("其他著录项");
  size_t i;
  json_t *each, *rows;
  json_array_foreach(fields, i, each) {
    const char *key = json_string_value(json_object_get(each, "key")), *title = usual;
    const CatalogField *field = category == NULL ? NULL : definition_field(category, key);
    if (field == NULL && category != NULL) field = definition_field_was(category, key);
    gboolean defined = category == NULL || common_field(key) != NULL || field != NULL;
    if (field != NULL && field->group != NULL) title = field->group;
    if (defined && json_object_get(by_title, title) == NULL) json_object_set_new(by_title, title, json_array());
    add_row(defined ? json_object_get(by_title, title) : others, json_string_value(json_object_get(each, "label")), json_string_value(json_object_get(each, "value")),
      field != NULL && field->staff ? "不公开" : NULL, terms);
  }
  const char *title;
  json_object_foreach(by_title, title, rows) add_group(groups, title, rows);
  add_group(groups, "其他", others);
}

/* 1956-1957 beside 1956/1957 says nothing more. */
static gboolean says_same(const char *written, const char *iso) {
  for (; *written != '\0' && *iso != '\0'; written++, iso++)
    if (*written != *iso && !(*written == '-' && *iso == '/')) return FALSE;
  return *written == *iso;
}

const char *level_word(Level level, const char *key) {
  static const char *const words[][4] = {{"code", "全宗号", "类别号", "档号"}, {"title", "全宗名称", "类别名称", "题名"},
    {"creator", "立档单位", "责任者", "责任者"}, {"date", "起止日期", "日期", "日期"}};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_str_equal(words[i][0], key)) return words[i][level == LEVEL_FONDS ? 1 : level == LEVEL_CLASS ? 2 : 3];
  return key;
}

json_t *description_groups(const Catalog *catalog, const CatalogRecord *record, GPtrArray *terms) {
  const CatalogCategory *category = catalog_category(catalog, record->category);
  json_auto_t *identity = json_array();
  json_auto_t *management = json_array();
  json_auto_t *json = catalog_record_json(catalog, record);
  g_autofree char *iso = date_format(record->date), *parts = record->level >= LEVEL_VOLUME ? code_parts(record->code) : NULL;
  const char *date = record->date_text[0] != '\0' ? record->date_text : iso;
  add_row(identity, level_word(record->level, "code"), record->code, NULL, terms);
  add_row(identity, level_word(record->level, "title"), record->title, NULL, terms);
  add_row(identity, level_word(record->level, "creator"), record->creator, NULL, terms);
  add_row(identity, "文号", record->docno, NULL, terms);
  add_row(identity, level_word(record->level, "date"), date, says_same(date, iso) ? NULL : iso, NULL);
  if (record->level != LEVEL_FONDS) add_number(identity, "年度", record->year);
  add_number(identity, "页数", record->page_count);
  add_row(management, "层级", level_label(record->level), NULL, NULL);
  if (category != NULL) add_row(management, "门类", category->title, NULL, NULL);
  add_row(management, "保管期限", record->retention, NULL, NULL);
  if (record->level >= LEVEL_VOLUME) {
    add_row(management, "密级", security_label(record->security), NULL, NULL);
    add_row(management, "开放标识", opening_label(record->opening), NULL, NULL);
  }
  add_row(management, "档号组成", parts, NULL, NULL);
  json_t *groups = json_array();
  add_group(groups, "标识与责任", identity);
  own_groups(groups, category, json_object_get(json, "fields"), terms);
  add_group(groups, "管理", management);
  return groups;
}

/* ---- changes ---- */

static const char *change_label(const CatalogCategory *category, const char *key) {
  static const char *const others[][2] = {{"level", "层级"}, {"parent_id", "上级编号"}, {"fonds_id", "全宗编号"}, {"date_text", "日期"}, {"date_from", "日期（起）"},
    {"date_to", "日期（止）"}, {"record", "整条"}};
  if (g_str_has_prefix(key, "fields.")) return field_label(category, key + strlen("fields."));
  for (guint i = 0; i < G_N_ELEMENTS(others); i++)
    if (g_str_equal(key, others[i][0])) return others[i][1];
  return field_label(NULL, key);
}

/* A whole record in a line, but for code and title, which stand beside it. */
static char *whole_value(json_t *record) {
  static const char *const keys[] = {"creator", "docno", "date_text", "retention"};
  GString *text = g_string_new(NULL);
  const char *name;
  json_t *value;
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (json_string_length(json_object_get(record, keys[i])) > 0)
      g_string_append_printf(text, "%s%s", text->len ? "　" : "", json_string_value(json_object_get(record, keys[i])));
  json_object_foreach(json_object_get(record, "fields"), name, value)
    if (json_string_length(value) > 0) g_string_append_printf(text, "%s%s", text->len ? "　" : "", json_string_value(value));
  if (text->len == 0) g_string_append(text, "只有档号和题名");
  return g_string_free(text, FALSE);
}

static char *change_value(const Catalog *catalog, const char *key, json_t *value) {
  if (json_is_string(value)) return g_strdup(json_string_value(value));
  if (json_is_object(value)) return whole_value(value);
  gint64 number = json_integer_value(value);
  const CatalogCategory *category = g_str_equal(key, "category") && number > 0 && number < 256 ? catalog_category(catalog, number) : NULL;
  if (category != NULL) return g_strdup(category->title);
  if (g_str_equal(key, "date_from") || g_str_equal(key, "date_to")) return date_format((DateSpan){number, number});
  return number == 0 ? g_strdup("") : g_strdup_printf("%" G_GINT64_FORMAT, number);
}

json_t *changes_rows(const Catalog *catalog, const CatalogRecord *record, json_t *changes) {
  const CatalogCategory *category = catalog_category(catalog, record->category);
  gboolean written = json_object_get(changes, "date_text") != NULL;
  json_t *rows = json_array();
  const char *key;
  json_t *pair;
  json_object_foreach(changes, key, pair) {
    if (written && (g_str_equal(key, "date_from") || g_str_equal(key, "date_to"))) continue; /* follows from what was written */
    g_autofree char *before = change_value(catalog, key, json_array_get(pair, 0)), *after = change_value(catalog, key, json_array_get(pair, 1));
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "key", key, "label", change_label(category, key), "before", before, "after", after));
  }
  return rows;
}
