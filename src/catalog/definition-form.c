/*
 * A definition as the rows of a form, and the record's form as a definition asks for it.
 *
 * 1. The form's lists run side by side, a value for each row; boxes carry the number of their row. Rows without a key are new: with a name they become fields.
 * 2. What the form does not show of a definition (id, code) is taken from the one it was made of.
 */
#include "definition.h"
#include "json.h"
#include "text.h"
#include <stdlib.h>
#include <string.h>

enum { BLANK_ROWS = 4, ROWS_MAX = 220, FORM_SHORT = 12 /* own fields of a form in which nothing is folded */ };
#define LIST(name, label) {name, WEB_LIST, FALSE, ROWS_MAX, label}
#define BOXES(name, label) {name, WEB_INTS, FALSE, ROWS_MAX, label}

const WebParameter DEFINITION_SAVE_PARAMETERS[] = {
  {"code", WEB_TEXT, TRUE, 20, "门类代码"}, {"seen", WEB_INT, FALSE, 0, "草稿时间"}, {"title", WEB_TEXT, TRUE, 40, "名称"}, {"title_rule", WEB_TEXT, FALSE, 200, "拟题规则"},
  LIST("key", "key"), LIST("label", "名称"), LIST("place", "次序"), LIST("type", "类型"), LIST("need", "必著"), LIST("level", "层级"), LIST("group", "分组"),
  LIST("help", "说明"), LIST("default", "缺省值"), LIST("values", "选项"), LIST("aliases", "认得的表头"), LIST("was", "以前的 key"), BOXES("listed", "目录表"), BOXES("form", "表单"),
  BOXES("public", "公开"), BOXES("remove", "去掉"), LIST("common_key", "通用著录项"), LIST("common_need", "必著"), LIST("common_help", "说明"),
  LIST("common_default", "缺省值"), LIST("common_values", "选项"), {NULL},
};
static const char *const COMMON_KEYS[] = {"creator", "docno", "date", "year", "retention", "page_count", "note"};

/* ---- to the form ---- */

static json_t *option(const char *value, const char *label, gboolean chosen) {
  return json_pack("{s:s, s:s, s:b}", "value", value, "label", label, "chosen", chosen);
}

static json_t *type_options(const char *type) {
  json_t *options = json_array();
  for (guint i = 0; DEFINITION_TYPES[i][0] != NULL; i++)
    json_array_append_new(options, option(DEFINITION_TYPES[i][0], DEFINITION_TYPES[i][1], g_strcmp0(type, DEFINITION_TYPES[i][0]) == 0));
  return options;
}

static json_t *need_options(json_t *field) {
  gboolean required = json_is_true(json_object_get(field, "required")), expected = json_is_true(json_object_get(field, "expected"));
  return json_pack("[o, o, o]", option("", "选著", !required && !expected), option("expected", "应著", expected && !required), option("required", "必著", required));
}

static json_t *level_options(json_t *field) {
  json_t *levels = json_object_get(field, "levels");
  const char *only = json_array_size(levels) == 1 ? json_string_value(json_array_get(levels, 0)) : "";
  return json_pack("[o, o, o]", option("", "案卷和文件", g_str_equal(only, "")), option("volume", "只在案卷", g_str_equal(only, "volume")),
    option("item", "只在文件", g_str_equal(only, "item")));
}

static char *joined(json_t *list) {
  GString *out = g_string_new(NULL);
  size_t i;
  json_t *each;
  json_array_foreach(list, i, each) g_string_append_printf(out, "%s%s", i > 0 ? "；" : "", json_string_value(each));
  return g_string_free(out, FALSE);
}


static json_t *field_row(json_t *field, guint index) {
  g_autofree char *values = joined(json_object_get(field, "values")), *aliases = joined(json_object_get(field, "aliases"));
  g_autofree char *was = joined(json_object_get(field, "was"));
  const char *key = text_at(field, "key");
  json_t *row = json_pack("{s:i, s:i, s:s, s:s, s:o, s:o, s:o}", "row", (int)index, "place", (int)(index + 1) * 10, "key", key, "label", text_at(field, "label"),
    "types", type_options(field == NULL ? "text" : text_at(field, "type")), "needs", need_options(field), "levels", level_options(field));
  json_t *texts = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "group", text_at(field, "group"), "help", text_at(field, "help"), "default", text_at(field, "default"),
    "values", values, "aliases", aliases, "was", was);
  json_t *flags = json_pack("{s:b, s:b, s:b, s:b}", "listed", json_is_true(json_object_get(field, "listed")), "form",
    !json_is_false(json_object_get(field, "form")), "public", !json_is_false(json_object_get(field, "public")), "is_new", key[0] == '\0');
  json_object_update_new(row, texts);
  json_object_update_new(row, flags);
  return row;
}

static json_t *common_rows(json_t *definition) {
  json_t *rows = json_array(), *field, *asked;
  for (guint i = 0; i < G_N_ELEMENTS(COMMON_KEYS); i++) {
    size_t k;
    asked = NULL;
    json_array_foreach(json_object_get(definition, "common"), k, field) {
      if (g_str_equal(text_at(field, "key"), COMMON_KEYS[i])) asked = field;
    }
    g_autofree char *values = joined(json_object_get(asked, "values"));
    json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:b}", "key", COMMON_KEYS[i], "label", common_field(COMMON_KEYS[i])->label, "needs",
      need_options(asked), "help", text_at(asked, "help"), "default", text_at(asked, "default"), "values", values, "has_values",
      g_str_equal(COMMON_KEYS[i], "retention")));
  }
  return rows;
}

/* The rule with what stands in its blanks told by another name of the field: by label for people, by key as it is kept; what is no field's stays. */
char *definition_rule_by(const char *rule, json_t *fields, const char *from, const char *to) {
  GString *said = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&rule, said)) != NULL; g_free(name)) {
    const char *other = name;
    size_t i;
    json_t *field;
    json_array_foreach(fields, i, field)
      if (g_str_equal(text_at(field, from), name)) other = text_at(field, to);
    g_string_append_printf(said, "{%s}", other);
  }
  return g_string_free(said, FALSE);
}

json_t *definition_form(json_t *definition) {
  json_t *rows = json_array(), *list = json_object_get(definition, "fields");
  size_t count = json_array_size(list);
  for (size_t i = 0; i < count + BLANK_ROWS; i++) json_array_append_new(rows, field_row(json_array_get(list, i), (guint)i));
  g_autofree char *rule = definition_rule_by(text_at(definition, "title_rule"), list, "key", "label");
  return json_pack("{s:s, s:s, s:s, s:o, s:o}", "code", text_at(definition, "code"), "name", text_at(definition, "title"), "title_rule", rule, "fields", rows,
    "common", common_rows(definition));
}

/* ---- from the form ---- */

typedef struct {
  WebRequest *request;
  json_t *field;
  gsize row;
} FormRow;

static const char *list_at(WebRequest *request, const char *name, gsize row) {
  gsize count;
  const char *const *list = web_list(request, name, &count);
  return row < count ? list[row] : "";
}

static gboolean is_ticked(WebRequest *request, const char *name, gsize row) {
  gsize count;
  const gint64 *rows = web_ints(request, name, &count);
  for (gsize i = 0; i < count; i++)
    if (rows[i] == (gint64)row) return TRUE;
  return FALSE;
}

static void take_text(const FormRow *row, const char *parameter, const char *key) {
  const char *text = list_at(row->request, parameter, row->row);
  if (text[0] != '\0') json_object_set_new(row->field, key, json_string(text));
}

/* Parts between ； and ; and line ends. */
static void take_list(const FormRow *row, const char *parameter, const char *key) {
  g_autofree char *text = g_strdup(list_at(row->request, parameter, row->row));
  g_autoptr(GString) even = g_string_new(text);
  g_string_replace(even, "；", ";", 0);
  g_string_replace(even, "|", ";", 0);
  g_auto(GStrv) parts = g_strsplit(even->str, ";", -1);
  json_t *list = json_array();
  for (char **part = parts; *part != NULL; part++)
    if (*g_strstrip(*part) != '\0') json_array_append_new(list, json_string(*part));
  if (json_array_size(list) > 0) json_object_set(row->field, key, list);
  json_decref(list);
}

static void take_need(const FormRow *row, const char *parameter) {
  const char *need = list_at(row->request, parameter, row->row);
  if (g_str_equal(need, "required") || g_str_equal(need, "expected")) json_object_set_new(row->field, need, json_true());
}

/* A key for a name nobody gave one: its pinyin's initials, with a number where these are taken. */
static char *new_key(json_t *fields, const char *label) {
  g_autofree char *initials = search_initials(label);
  gboolean spelt = g_ascii_isalpha(initials[0]);
  for (guint n = 1;; n++) {
    g_autofree char *key = spelt && n == 1 ? g_strndup(initials, 20) : g_strdup_printf("%.20s%u", spelt ? initials : "f", n);
    gboolean taken = common_field(key) != NULL;
    size_t i;
    json_t *field;
    json_array_foreach(fields, i, field) taken = taken || g_str_equal(text_at(field, "key"), key);
    if (!taken) return g_steal_pointer(&key);
  }
}

static json_t *field_from(WebRequest *request, gsize index) {
  if (is_ticked(request, "remove", index) || list_at(request, "label", index)[0] == '\0') return NULL;
  json_t *field = json_object();
  FormRow row = {request, field, index};
  take_text(&row, "key", "key");
  take_text(&row, "label", "label");
  take_text(&row, "type", "type");
  if (g_str_equal(text_at(field, "type"), "choice")) take_list(&row, "values", "values");
  take_need(&row, "need");
  if (is_ticked(request, "listed", index)) json_object_set_new(field, "listed", json_true());
  if (!is_ticked(request, "form", index)) json_object_set_new(field, "form", json_false());
  if (!is_ticked(request, "public", index)) json_object_set_new(field, "public", json_false());
  const char *level = list_at(request, "level", index);
  if (level[0] != '\0') json_object_set_new(field, "levels", json_pack("[s]", level));
  take_text(&row, "group", "group");
  take_text(&row, "help", "help");
  take_text(&row, "default", "default");
  take_list(&row, "aliases", "aliases");
  take_list(&row, "was", "was");
  return field;
}

typedef struct { gint64 place; gsize row; json_t *field; } Placed;

static int compare_placed(gconstpointer a, gconstpointer b) {
  const Placed *x = a, *y = b;
  if (x->place != y->place) return x->place < y->place ? -1 : 1;
  return x->row < y->row ? -1 : 1;
}

static json_t *fields_from(WebRequest *request) {
  gsize count;
  web_list(request, "label", &count);
  g_autoptr(GArray) placed = g_array_new(FALSE, FALSE, sizeof(Placed));
  json_t *fields = json_array();
  for (gsize i = 0; i < count; i++) {
    json_t *field = field_from(request, i);
    const char *place = list_at(request, "place", i);
    Placed one = {place[0] != '\0' ? g_ascii_strtoll(place, NULL, 10) : G_MAXINT64, i, field};
    if (field != NULL) g_array_append_val(placed, one);
  }
  g_array_sort(placed, compare_placed);
  for (guint i = 0; i < placed->len; i++) json_array_append_new(fields, g_array_index(placed, Placed, i).field);
  size_t i;
  json_t *field;
  json_array_foreach(fields, i, field) {
    if (text_at(field, "key")[0] != '\0') continue;
    g_autofree char *key = new_key(fields, text_at(field, "label"));
    json_object_set_new(field, "key", json_string(key));
  }
  return fields;
}

static json_t *common_from(WebRequest *request) {
  gsize count;
  const char *const *keys = web_list(request, "common_key", &count);
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++) {
    json_t *field = json_object();
    FormRow row = {request, field, i};
    take_need(&row, "common_need");
    take_text(&row, "common_help", "help");
    take_text(&row, "common_default", "default");
    take_list(&row, "common_values", "values");
    if (json_object_size(field) > 0) {
      json_object_set_new(field, "key", json_string(keys[i]));
      json_array_append(list, field);
    }
    json_decref(field);
  }
  return list;
}

json_t *definition_from_form(WebRequest *request, json_t *before) {
  json_t *definition = json_object();
  if (json_object_get(before, "id") != NULL) json_object_set(definition, "id", json_object_get(before, "id"));
  json_object_set_new(definition, "code", json_string(web_text(request, "code")));
  json_object_set_new(definition, "title", json_string(web_text(request, "title")));
  json_t *fields = fields_from(request);
  g_autofree char *said = definition_rule_by(web_text(request, "title_rule") ? web_text(request, "title_rule") : "", fields, "label", "key");
  g_autofree char *rule = definition_rule_by(said, json_object_get(before, "fields"), "label", "key"); /* one that is called otherwise from now on */
  if (*rule != '\0') json_object_set_new(definition, "title_rule", json_string(rule));
  json_t *common = common_from(request);
  if (json_array_size(common) > 0) json_object_set(definition, "common", common);
  json_decref(common);
  json_object_set_new(definition, "fields", fields);
  return definition;
}

/* ---- the record's form ---- */

gboolean definition_on_form(const CatalogField *field, Level level) {
  return !field->off_form && level >= LEVEL_VOLUME && (field->levels == 0 || (field->levels & 1u << level) != 0); /* a class is a name and a code */
}

/* A value that is none of the options (left from before) stays one, so that saving does not lose it. */
static json_t *value_options(const char *const *values, const char *value) {
  json_t *options = json_array();
  gboolean known = value[0] == '\0';
  json_array_append_new(options, option("", "", known));
  for (; *values != NULL; values++) {
    gboolean chosen = g_str_equal(*values, value);
    known = known || chosen;
    json_array_append_new(options, option(*values, *values, chosen));
  }
  if (!known) {
    g_autofree char *label = g_strdup_printf("%s（不在选项中）", value);
    json_array_append_new(options, option(value, label, TRUE));
  }
  return options;
}

void definition_decorate(json_t *input, const CatalogField *field, const char *value) {
  static const char *const flags[] = {"是", "否", NULL};
  gboolean flag = g_str_equal(field->type, "flag");
  if (field->values != NULL || flag) json_object_set_new(input, "options", value_options(flag ? flags : field->values, value));
  if (field->required) json_object_set_new(input, "required", json_true());
  if (field->expected) json_object_set_new(input, "expected", json_true());
  if (field->listed) json_object_set_new(input, "listed", json_true());
  if (field->help != NULL) json_object_set_new(input, "help", json_string(field->help));
  if (field->group != NULL) json_object_set_new(input, "group", json_string(field->group));
  if (g_str_equal(field->type, "longtext")) json_object_set_new(input, "is_long", json_true());
  if (g_str_equal(field->type, "longtext")) json_object_set_new(input, "wide", json_true());
  if (g_str_equal(field->type, "number")) json_object_set_new(input, "is_number", json_true());
  if (g_str_equal(field->type, "date")) json_object_set_new(input, "is_date", json_true());
}

static json_t *input_of(json_t *inputs, const char *name) {
  size_t i;
  json_t *input;
  json_array_foreach(inputs, i, input) {
    if (g_strcmp0(json_string_value(json_object_get(input, "name")), name) == 0) return input;
  }
  return NULL;
}

/* ---- the order of a long form ---- */

/* Filled, wanted, in question, or filled in the record before: it stands open. */
static gboolean stands_open(json_t *input) {
  static const char *const marks[] = {"required", "expected", "listed", "error", "theirs", "taken", "last"};
  for (guint i = 0; i < G_N_ELEMENTS(marks); i++)
    if (json_object_get(input, marks[i]) != NULL) return TRUE;
  return *text_at(input, "value") != '\0';
}

/* The fields of one group, those that stand open before the others; the others of a group after the first are folded under their names. */
static void arrange_group(json_t *arranged, json_t *own, const char *group, gboolean folds) {
  g_autoptr(GString) names = g_string_new(NULL);
  gsize from = json_array_size(arranged), first = 0;
  int folded = 0;
  for (int open = 1; open >= 0; open--) {
    size_t i;
    json_t *input;
    if (!open) first = json_array_size(arranged);
    json_array_foreach(own, i, input) {
      if (!g_str_equal(text_at(input, "group"), group) || (!folds || stands_open(input)) != open) continue;
      json_array_append(arranged, input);
      if (!open) g_string_append_printf(names, "%s%s", folded++ ? "、" : "", text_at(input, "label"));
    }
  }
  if (*group != '\0' && json_array_size(arranged) > from) json_object_set_new(json_array_get(arranged, from), "heading", json_string(group));
  if (folded == 0) return;
  json_object_set_new(json_array_get(arranged, first), "fold", json_pack("{s:s, s:s, s:b}", "name", group, "labels", names->str, "all", first == from));
  json_object_set_new(json_array_get(arranged, json_array_size(arranged) - 1), "fold_end", json_true());
}

void form_arrange(json_t *model) {
  static const char *const marks[] = {"heading", "fold", "fold_end"};
  json_t *own = json_object_get(model, "own_inputs"), *input, *arranged = json_array();
  g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_array_foreach(own, i, input)
    for (guint k = 0; k < G_N_ELEMENTS(marks); k++) json_object_del(input, marks[k]);
  json_array_foreach(own, i, input) {
    const char *group = text_at(input, "group");
    gboolean first = g_hash_table_size(done) == 0;
    if (g_hash_table_add(done, (gpointer)group)) arrange_group(arranged, own, group, json_array_size(own) > FORM_SHORT && !first && *group != '\0');
  }
  json_object_set_new(model, "own_inputs", arranged);
}

void form_decorate(json_t *model, const Catalog *catalog, const CatalogRecord *record, gboolean refused) {
  const CatalogCategory *category = record->level >= LEVEL_VOLUME ? catalog_category(catalog, record->category) : NULL;
  json_t *inputs = json_object_get(model, "inputs");
  for (guint i = 0; category != NULL && i < category->common_count; i++) {
    const CatalogField *field = &category->common[i];
    json_t *input = input_of(inputs, field->key);
    if (input != NULL && definition_on_form(field, record->level)) definition_decorate(input, field, text_at(input, "value"));
  }
  form_arrange(model);
  if (!refused) return;
  json_auto_t *problems = catalog_record_problems(catalog, NULL, record);
  size_t i;
  json_t *problem;
  json_array_foreach(problems, i, problem) {
    if (g_str_equal(text_at(problem, "kind"), "expected")) continue; /* its label says so; it is not what was refused */
    json_t *at = input_of(json_object_get(model, "own_inputs"), text_at(problem, "key"));
    if (at == NULL) at = input_of(inputs, text_at(problem, "key"));
    if (at != NULL) json_object_set(at, "error", json_object_get(problem, "problem"));
  }
  form_arrange(model);
}

void definition_fill(const CatalogCategory *category, CatalogRecord *record) {
  if (category == NULL) return;
  json_auto_t *fields = record_fields(record);
  for (guint i = 0; i < category->field_count; i++)
    if (category->fields[i].initial != NULL && definition_on_form(&category->fields[i], record->level))
      json_object_set_new(fields, category->fields[i].key, json_string(category->fields[i].initial));
  for (guint i = 0; i < category->common_count; i++) {
    const CatalogField *field = &category->common[i];
    if (field->initial == NULL || !definition_on_form(field, record->level)) continue;
    char **place = g_str_equal(field->key, "creator") ? &record->creator : g_str_equal(field->key, "docno") ? &record->docno
      : g_str_equal(field->key, "date") ? &record->date_text : g_str_equal(field->key, "retention") ? &record->retention : NULL;
    if (place != NULL) {
      g_free(*place);
      *place = g_strdup(field->initial);
    } else if (g_str_equal(field->key, "year")) record->year = (int)CLAMP(g_ascii_strtoll(field->initial, NULL, 10), 0, 9999);
    else if (g_str_equal(field->key, "page_count")) record->page_count = (int)CLAMP(g_ascii_strtoll(field->initial, NULL, 10), 0, G_MAXINT);
    else json_object_set_new(fields, field->key, json_string(field->initial));
  }
  g_free(record->fields);
  record->fields = fields_dump(fields);
}
