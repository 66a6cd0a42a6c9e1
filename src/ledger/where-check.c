/* Conditions against definitions, without a table: what is wrong, and the same condition in Chinese words. */
#include "table.h"

static const char *const OPERATORS[] = {"not", "has", "is", "set", "min", "max", "over", "under", "row", "some", "count", NULL};

static void add_fault(json_t *faults, const char *where, char *what) {
  json_array_append_new(faults, json_pack("{s:s, s:s}", "where", where, "what", what));
  g_free(what);
}

static gboolean is_numeric(LedgerType type) { return type == FIELD_NUMBER || type == FIELD_MONEY || type == FIELD_AGE; }

static const char *scalar(json_t *value, char buffer[40]) {
  if (json_is_string(value)) return json_string_value(value);
  if (json_is_boolean(value)) return json_is_true(value) ? "是" : "否";
  if (json_is_integer(value)) g_snprintf(buffer, 40, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  else g_snprintf(buffer, 40, "%g", json_number_value(value));
  return buffer;
}

static char *wrong_word(const LedgerField *field, const char *text, const char *const *words) {
  g_autofree char *nearest = nearest_words(text_nearest(text, words));
  return g_strdup_printf("字段“%s”没有“%s”这个值%s", field->name, text, nearest);
}

static char *wrong_state(const LedgerDefinition *definition, const LedgerField *field, const char *text) {
  if (definition->state_count == 0 || ledger_state(definition, text) != NULL) return NULL;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < definition->state_count; i++) g_ptr_array_add(names, (gpointer)definition->states[i].name);
  g_ptr_array_add(names, NULL);
  return wrong_word(field, text, (const char *const *)names->pdata);
}

/* What is wrong with a value to compare with, or NULL. New. */
static char *value_fault(const PathEnd *end, json_t *value) {
  char buffer[40], *rest = NULL;
  DateSpan span;
  const LedgerField *field = end->field;
  if (json_is_object(value) || json_is_null(value)) return g_strdup("应为一个值");
  const char *text = scalar(value, buffer);
  gboolean number = field == NULL ? g_strcmp0(end->derived, "日") != 0 : is_numeric(field->type);
  if (number && (*text == '\0' || (g_ascii_strtod(text, &rest), *rest != '\0'))) return g_strdup_printf("“%s”应为数", text);
  if (field == NULL) return number || date_parse(text, &span) ? NULL : g_strdup_printf("“%s”不是日期", text);
  if (field->type == FIELD_ROWS) return g_strdup_printf("“%s”由多行组成，要写 {row: {…}}、{some: true} 或 {count: {…}}", field->name);
  if ((field->type == FIELD_DATE || field->type == FIELD_PERIOD) && !date_parse(text, &span)) return g_strdup_printf("“%s”不是日期", text);
  if (field->type == FIELD_BOOL && !g_str_equal(text, "是") && !g_str_equal(text, "否")) return g_strdup_printf("字段“%s”只有“是”和“否”", field->name);
  if (field->base && g_str_equal(field->name, "状态")) return wrong_state(end->definition, field, text);
  if (field->type == FIELD_CHOICE && field->values != NULL && !field->open && !g_strv_contains(field->values, text)) return wrong_word(field, text, field->values);
  return NULL;
}

static void check_values(const PathEnd *end, json_t *value, const char *where, json_t *faults) {
  size_t i;
  json_t *item;
  if (!json_is_array(value)) {
    char *what = value_fault(end, value);
    if (what) add_fault(faults, where, what);
    return;
  }
  json_array_foreach(value, i, item) {
    char *what = value_fault(end, item);
    if (what) add_fault(faults, where, what);
  }
}

static void check_all(const LedgerDefinition *definition, const char *prefix, json_t *condition, const char *place, json_t *faults);

static void check_operators(const LedgerDefinition *definition, const PathEnd *end, const char *path, json_t *given, const char *where, json_t *faults) {
  const char *key;
  json_t *value;
  gboolean rows = end->field != NULL && end->field->type == FIELD_ROWS;
  json_object_foreach(given, key, value) {
    g_autofree char *place = g_strdup_printf("%s.%s", where, key);
    if (!g_strv_contains(OPERATORS, key)) {
      g_autofree char *nearest = nearest_words(text_nearest(key, OPERATORS));
      add_fault(faults, place, g_strdup_printf("没有“%s”这种条件%s", key, nearest));
    } else if (g_str_equal(key, "row") && (!rows || strchr(path, '.'))) add_fault(faults, place, g_strdup_printf("“%s”不是由多行组成的字段", path));
    else if (g_str_equal(key, "row")) {
      g_autofree char *prefix = g_strconcat(path, ".", NULL);
      check_all(definition, prefix, value, place, faults);
    } else if ((g_str_equal(key, "set") || g_str_equal(key, "some")) && !json_is_boolean(value)) add_fault(faults, place, g_strdup("应为 true 或 false"));
    else if (g_str_equal(key, "count") && !json_is_object(value) && !json_is_number(value)) add_fault(faults, place, g_strdup("应为数或 {min: …, max: …}"));
    else if (g_str_equal(key, "not") || g_str_equal(key, "is")) check_values(end, value, place, faults);
    else if (g_strv_contains((const char *const[]){"min", "max", "over", "under", NULL}, key)) {
      gboolean ordered = end->field == NULL || is_numeric(end->field->type) || end->field->type == FIELD_DATE || end->field->type == FIELD_PERIOD;
      if (!ordered) add_fault(faults, place, g_strdup_printf("“%s”不是数或日期，不能比大小", path));
      else check_values(end, value, place, faults);
    }
  }
}

static void check_all(const LedgerDefinition *definition, const char *prefix, json_t *condition, const char *place, json_t *faults) {
  const char *key;
  json_t *given, *item;
  size_t i;
  if (condition != NULL && !json_is_object(condition)) return add_fault(faults, place, g_strdup("条件应为映射，例如 {会议类型: 党委会}"));
  json_object_foreach(condition, key, given) {
    g_autofree char *path = g_strconcat(prefix, key, NULL), *where = g_strdup_printf("%s%s%s", place, *place ? "." : "", key);
    if (g_str_equal(key, "any")) {
      if (!json_is_array(given)) add_fault(faults, where, g_strdup("any 之后应为条件的列表"));
      json_array_foreach(given, i, item) {
        g_autofree char *alternative = g_strdup_printf("%s[%zu]", where, i);
        check_all(definition, prefix, item, alternative, faults);
      }
      continue;
    }
    PathEnd end;
    char *wrong = path_check(definition, path, &end);
    if (wrong) add_fault(faults, where, wrong);
    else if (json_is_object(given)) check_operators(definition, &end, path, given, where, faults);
    else check_values(&end, given, where, faults);
  }
}

json_t *ledger_where_faults(const LedgerDefinition *definition, json_t *condition) {
  json_t *faults = json_array();
  check_all(definition, "", condition, "", faults);
  return faults;
}

/* ---- words ---- */

static void append_values(GString *out, json_t *value) {
  char buffer[40];
  size_t i;
  json_t *item;
  if (!json_is_array(value)) return (void)g_string_append(out, scalar(value, buffer));
  json_array_foreach(value, i, item) g_string_append_printf(out, "%s%s", i == 0 ? "" : i + 1 == json_array_size(value) ? "或" : "、", scalar(item, buffer));
}

static void append_all(GString *out, json_t *condition);

static void append_operator(GString *out, const char *name, const char *key, json_t *value) {
  static const struct { const char *key, *words; } plain[] = {{"not", "不是"}, {"has", "含有"}, {"is", "是"}, {"min", "不小于"}, {"max", "不大于"}, {"over", "大于"}, {"under",
    "小于"}};
  for (guint i = 0; i < G_N_ELEMENTS(plain); i++) {
    if (!g_str_equal(plain[i].key, key)) continue;
    g_string_append_printf(out, "%s%s", name, plain[i].words);
    return append_values(out, value);
  }
  if (g_str_equal(key, "set") || g_str_equal(key, "some")) g_string_append_printf(out, json_is_true(value) ? "有%s" : "没有%s", name);
  else if (g_str_equal(key, "row")) {
    g_string_append_printf(out, "有一行%s（", name);
    append_all(out, value);
    g_string_append(out, "）");
  } else if (json_is_number(value)) g_string_append_printf(out, "%s有 %g 项", name, json_number_value(value));
  else {
    const char *inner;
    json_t *bound;
    g_autofree char *counted = g_strconcat(name, "的项数", NULL);
    gboolean first = TRUE;
    json_object_foreach(value, inner, bound) {
      g_string_append(out, first ? "" : "，");
      append_operator(out, counted, inner, bound);
      first = FALSE;
    }
  }
}

static void append_all(GString *out, json_t *condition) {
  const char *key, *operator;
  json_t *given, *value, *item;
  size_t i;
  gboolean first = TRUE;
  json_object_foreach(condition, key, given) {
    g_auto(GStrv) parts = g_strsplit(key, ".", -1);
    g_autofree char *name = g_strjoinv("的", parts);
    g_string_append(out, first ? "" : "，");
    first = FALSE;
    if (g_str_equal(key, "any")) {
      json_array_foreach(given, i, item) {
        g_string_append(out, i ? "；或者" : "（");
        append_all(out, item);
      }
      g_string_append(out, "）");
    } else if (json_is_object(given)) {
      gboolean again = FALSE;
      json_object_foreach(given, operator, value) {
        g_string_append(out, again ? "，" : "");
        append_operator(out, name, operator, value);
        again = TRUE;
      }
    } else {
      g_string_append_printf(out, "%s是", name);
      append_values(out, given);
    }
  }
}

char *ledger_where_words(const LedgerDefinition *definition, json_t *condition) {
  g_autoptr(GString) out = g_string_new(NULL);
  append_all(out, condition);
  return g_string_free(g_steal_pointer(&out), FALSE);
}
