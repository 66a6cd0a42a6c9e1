/*
 * A category read from its definition. It is written by people: a word that is not known is more likely a slip than meant, and is refused with its place.
 */
#include "definition.h"
#include "error.h"
#include "text.h"
#include <string.h>

typedef struct {
  CatalogCategory category; /* first: what the others hold is a pointer to this */
  GStringChunk *strings;
} Definition;

const char *const *definition_aliases(const char *key, const char *label, GPtrArray *more) {
  g_autoptr(GPtrArray) folded = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(more, (gpointer)key);
  g_ptr_array_add(more, (gpointer)label);
  for (guint i = 0; i < more->len; i++) {
    char *alias = text_fold(more->pdata[i]);
    if (g_ptr_array_find_with_equal_func(folded, alias, g_str_equal, NULL)) g_free(alias);
    else g_ptr_array_add(folded, alias);
  }
  g_ptr_array_add(folded, NULL);
  return (const char *const *)g_ptr_array_free(g_steal_pointer(&folded), FALSE);
}

const CatalogField *definition_field(const CatalogCategory *category, const char *key) {
  for (guint i = 0; category != NULL && i < category->field_count; i++)
    if (g_str_equal(category->fields[i].key, key)) return &category->fields[i];
  for (guint i = 0; category != NULL && i < category->common_count; i++)
    if (g_str_equal(category->common[i].key, key)) return &category->common[i];
  return NULL;
}

const CatalogField *definition_field_was(const CatalogCategory *category, const char *key) {
  for (guint i = 0; category != NULL && i < category->field_count; i++)
    if (category->fields[i].was != NULL && g_strv_contains(category->fields[i].was, key)) return &category->fields[i];
  return NULL;
}

static void fields_free(const CatalogField *fields, guint count) {
  for (guint i = 0; fields != NULL && i < count; i++) {
    g_strfreev((char **)fields[i].aliases);
    g_free((gpointer)fields[i].values);
    g_free((gpointer)fields[i].was);
  }
  g_free((gpointer)fields);
}

void definition_free(CatalogCategory *category) {
  if (category == NULL) return;
  Definition *definition = (Definition *)category;
  fields_free(category->fields, category->field_count);
  fields_free(category->common, category->common_count);
  g_string_chunk_free(definition->strings);
  g_free(definition);
}

static gboolean key_valid(const char *key) {
  if (key == NULL || !g_ascii_islower(key[0]) || strlen(key) > 40) return FALSE;
  for (const char *c = key; *c != '\0'; c++)
    if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c) && *c != '_') return FALSE;
  return TRUE;
}

static gboolean code_valid(const char *code) {
  if (code == NULL || code[0] == '\0' || strlen(code) > 20) return FALSE;
  for (const char *c = code; *c != '\0'; c++)
    if (!g_ascii_isupper(*c) && !g_ascii_isdigit(*c)) return FALSE;
  return TRUE;
}

static gboolean only_keys(json_t *object, const char *const *known, const char *name, const char *where, GError **error) {
  const char *key;
  json_t *value;
  if (!json_is_object(object)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：%s 应为“名称: 值”的形式", name, where);
  json_object_foreach(object, key, value) {
    if (!g_strv_contains(known, key)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：%s 中不认识“%s”，请核对拼写", name, where, key);
  }
  return TRUE;
}

typedef struct {
  GStringChunk *strings;
  const char *name; /* of the definition, for messages */
  const char *key;
} Reading;

/* A short text; absent is fine. */
static gboolean read_text(const Reading *reading, json_t *json, const char *what, guint limit, const char **ret, GError **error) {
  json_t *value = json_object_get(json, what);
  if (value == NULL || json_is_null(value)) return TRUE;
  const char *text = json_string_value(value);
  if (text == NULL || text_length(text) > limit)
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 %s 应为文字（数字请加引号），至多 %u 字", reading->name, reading->key, what, limit);
  if (text[0] != '\0') *ret = g_string_chunk_insert_const(reading->strings, text);
  return TRUE;
}

static gboolean read_flag(const Reading *reading, json_t *json, const char *what, gboolean missing, gboolean *ret, GError **error) {
  json_t *value = json_object_get(json, what);
  if (value != NULL && !json_is_boolean(value))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 %s 只能是 true 或 false", reading->name, reading->key, what);
  *ret = value == NULL ? missing : json_is_true(value);
  return TRUE;
}

static gboolean read_levels(const Reading *reading, json_t *list, CatalogField *ret, GError **error) {
  size_t i;
  json_t *level;
  json_array_foreach(list, i, level) {
    const char *text = json_string_value(level);
    if (g_strcmp0(text, "volume") == 0) ret->levels |= 1u << LEVEL_VOLUME;
    else if (g_strcmp0(text, "item") == 0) ret->levels |= 1u << LEVEL_ITEM;
    else return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 levels 只能是 volume（案卷）、item（文件）", reading->name, reading->key);
  }
  return list == NULL || json_is_array(list) || throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 levels 应为列表", reading->name, reading->key);
}

static gboolean read_values(const Reading *reading, json_t *list, CatalogField *ret, GError **error) {
  if (list == NULL) return TRUE;
  if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 500)
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 values 应为 1 至 500 个选项的列表", reading->name, reading->key);
  g_autoptr(GPtrArray) values = g_ptr_array_new();
  size_t i;
  json_t *value;
  json_array_foreach(list, i, value) {
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0' || text_length(text) > 60)
      return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的选项应为 1 至 60 字的文字，数字请加引号", reading->name, reading->key);
    const char *kept = g_string_chunk_insert_const(reading->strings, text);
    if (g_ptr_array_find(values, kept, NULL))
      return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的选项“%s”出现两次", reading->name, reading->key, text);
    g_ptr_array_add(values, (gpointer)kept);
  }
  g_ptr_array_add(values, NULL);
  ret->values = (const char *const *)g_ptr_array_free(g_steal_pointer(&values), FALSE);
  return TRUE;
}

/* Former keys: none that is a common field's. That none is another field's is seen when all are read. */
static gboolean read_was(const Reading *reading, json_t *list, CatalogField *ret, GError **error) {
  if (list == NULL) return TRUE;
  if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 20)
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 was 应为 1 至 20 个旧 key 的列表", reading->name, reading->key);
  const char **was = g_new0(const char *, json_array_size(list) + 1);
  ret->was = was;
  size_t i;
  json_t *value;
  json_array_foreach(list, i, value) {
    const char *key = json_string_value(value);
    if (!key_valid(key) || common_field(key) != NULL)
      return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 was 应为旧的 key：小写字母、数字和下划线，以字母开头，不是通用著录项", reading->name, reading->key);
    was[i] = g_string_chunk_insert_const(reading->strings, key);
  }
  return TRUE;
}

/* What own and common fields have alike. */
static gboolean read_demands(const Reading *reading, json_t *json, CatalogField *ret, GError **error) {
  gboolean form = TRUE, open = TRUE;
  if (!read_flag(reading, json, "required", FALSE, &ret->required, error) || !read_flag(reading, json, "expected", FALSE, &ret->expected, error) ||
    !read_flag(reading, json, "form", TRUE, &form, error) || !read_flag(reading, json, "public", TRUE, &open, error) ||
    !read_text(reading, json, "help", 200, &ret->help, error) || !read_text(reading, json, "default", 200, &ret->initial, error) ||
    !read_values(reading, json_object_get(json, "values"), ret, error) || !read_levels(reading, json_object_get(json, "levels"), ret, error)) return FALSE;
  ret->off_form = !form;
  ret->staff = !open;
  if (ret->required && ret->off_form) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 必著，不能不在表单上", reading->name, reading->key);
  return TRUE;
}

static gboolean initial_fits(const Reading *reading, const CatalogField *field, GError **error) {
  const char *problem = field->initial == NULL ? NULL : catalog_value_problem(field, field->initial);
  return problem == NULL || throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 default“%s”%s", reading->name, reading->key, field->initial, problem);
}

static gboolean read_own(Reading *reading, json_t *json, CatalogField *ret, GError **error) {
  static const char *const known[] = {"key", "label", "type", "aliases", "required", "expected", "listed", "form", "public", "levels", "group", "help",
    "default", "values", "was", NULL};
  if (!only_keys(json, known, reading->name, "字段", error)) return FALSE;
  const char *name = reading->name, *key = json_string_value(json_object_get(json, "key")), *label = json_string_value(json_object_get(json, "label"));
  json_t *type_json = json_object_get(json, "type"), *aliases = json_object_get(json, "aliases"), *alias;
  const char *type = type_json == NULL ? "text" : json_string_value(type_json);
  if (!key_valid(key)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段的 key 应为小写字母、数字和下划线，以字母开头", name);
  if (common_field(key) != NULL) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 与通用著录项同名，请换一个 key", name, key);
  if (label == NULL || label[0] == '\0' || text_length(label) > 40) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 缺少 label 或超过 40 字", name, key);
  if (type == NULL || definition_type_label(type) == NULL)
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 type 只能是 text、longtext、number、date、person、body、choice、flag、code", name, key);
  if (aliases != NULL && !json_is_array(aliases)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 aliases 应为列表", name, key);
  reading->key = ret->key = g_string_chunk_insert_const(reading->strings, key);
  ret->label = g_string_chunk_insert_const(reading->strings, label);
  ret->type = g_string_chunk_insert_const(reading->strings, type);
  if (!read_flag(reading, json, "listed", FALSE, &ret->listed, error) || !read_text(reading, json, "group", 20, &ret->group, error) ||
    !read_demands(reading, json, ret, error) || !read_was(reading, json_object_get(json, "was"), ret, error)) return FALSE;
  if (g_str_equal(type, "choice") != (ret->values != NULL))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的类型是选项时要有 values，其他类型不能有", name, key);
  g_autoptr(GPtrArray) more = g_ptr_array_new();
  size_t i;
  json_array_foreach(aliases, i, alias) {
    if (!json_is_string(alias)) return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的 aliases 只能是文字，数字请加引号", name, key);
    g_ptr_array_add(more, (gpointer)json_string_value(alias));
  }
  ret->aliases = definition_aliases(ret->key, ret->label, more);
  return initial_fits(reading, ret, error);
}

/* What a category asks of a common field; its label and kind stay. */
static gboolean read_common(Reading *reading, json_t *json, CatalogField *ret, GError **error) {
  static const char *const known[] = {"key", "required", "expected", "levels", "help", "default", "values", NULL};
  static const char *const keys[] = {"creator", "docno", "date", "year", "retention", "page_count", "note", NULL};
  if (!only_keys(json, known, reading->name, "通用著录项", error)) return FALSE;
  const char *key = json_string_value(json_object_get(json, "key"));
  if (key == NULL || !g_strv_contains(keys, key))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：common 的 key 只能是 creator、docno、date、year、retention、page_count、note", reading->name);
  const CatalogField *field = common_field(key);
  *ret = (CatalogField){.key = field->key, .label = field->label, .type = field->type};
  reading->key = key;
  if (!read_demands(reading, json, ret, error)) return FALSE;
  if (ret->values != NULL && !g_str_equal(key, "retention"))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：通用著录项中只有 retention（保管期限）可以有 values", reading->name);
  if (ret->values != NULL) ret->type = "choice";
  return initial_fits(reading, ret, error);
}

typedef gboolean (*ReadField)(Reading *reading, json_t *json, CatalogField *ret, GError **error);

static gboolean read_list(Reading *reading, json_t *list, ReadField read, const CatalogField **ret_fields, guint *ret_count, GError **error) {
  if (list != NULL && (!json_is_array(list) || json_array_size(list) > 200))
    return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：fields 和 common 应为字段的列表，至多 200 个", reading->name);
  guint count = json_array_size(list);
  CatalogField *fields = g_new0(CatalogField, count + 1);
  *ret_fields = fields;
  *ret_count = count; /* what is not read yet is empty and can be freed */
  for (guint i = 0; i < count; i++) {
    if (!read(reading, json_array_get(list, i), &fields[i], error)) return FALSE;
    for (guint k = 0; k < i; k++)
      if (g_str_equal(fields[k].key, fields[i].key))
        return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 出现两次", reading->name, fields[i].key);
  }
  return TRUE;
}

/* A former key stands for one field alone. */
static gboolean was_differs(const CatalogCategory *category, const char *name, GError **error) {
  for (guint i = 0; i < category->field_count; i++)
    for (const char *const *was = category->fields[i].was; was != NULL && *was != NULL; was++)
      for (guint k = 0; k < category->field_count; k++) {
        const CatalogField *other = &category->fields[k];
        if (!g_str_equal(other->key, *was) && (k == i || other->was == NULL || !g_strv_contains(other->was, *was))) continue;
        return throw(error, LANTAI_ERROR_INVALID, "门类定义 %s：字段 %s 的旧 key “%s”又是字段 %s 的", name, category->fields[i].key, *was, other->key);
      }
  return TRUE;
}

CatalogCategory *definition_read(json_t *json, const char *name, GError **error) {
  static const char *const known[] = {"id", "code", "title", "title_rule", "common", "fields", NULL};
  if (!only_keys(json, known, name, "门类", error)) return NULL;
  json_t *id = json_object_get(json, "id"), *rule = json_object_get(json, "title_rule");
  const char *code = json_string_value(json_object_get(json, "code"));
  const char *title = json_string_value(json_object_get(json, "title"));
  if (!code_valid(code)) return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：code 应为大写字母和数字，至多 20 位，如 WS", name);
  if (title == NULL || title[0] == '\0' || text_length(title) > 40) return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：缺少 title 或超过 40 字", name);
  if (id != NULL && (!json_is_integer(id) || json_integer_value(id) < 1 || json_integer_value(id) > 255))
    return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：id 应为 1 至 255 的整数", name);
  if (rule != NULL && (!json_is_string(rule) || text_length(json_string_value(rule)) > 200))
    return throw_null(error, LANTAI_ERROR_INVALID, "门类定义 %s：title_rule 应为文字，如 \"{xm}登记\"", name);
  Definition *definition = g_new0(Definition, 1);
  definition->strings = g_string_chunk_new(1024);
  g_autoptr(CatalogCategory) category = &definition->category;
  category->id = json_integer_value(id);
  category->code = g_string_chunk_insert_const(definition->strings, code);
  category->title = g_string_chunk_insert_const(definition->strings, title);
  category->title_rule = rule == NULL ? NULL : g_string_chunk_insert_const(definition->strings, json_string_value(rule));
  Reading reading = {definition->strings, name, ""};
  if (!read_list(&reading, json_object_get(json, "fields"), read_own, &category->fields, &category->field_count, error) ||
    !read_list(&reading, json_object_get(json, "common"), read_common, &category->common, &category->common_count, error) ||
    !was_differs(category, name, error)) return NULL;
  g_autofree char *closed = closing_text(category);
  category->closed = g_string_chunk_insert_const(definition->strings, closed);
  return g_steal_pointer(&category);
}
