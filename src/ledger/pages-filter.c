/*
 * The address of a list as a condition, and back: what is filtered, by which view, in which order.
 *
 * f.字段=值 is equal (repeated: one of); f.字段:min, :max, :has, :not, :set. q words, year, open, overdue, mine, view, sort, on (a day).
 * 1. A field that the asker may not read filters nothing: it is refused as one that is not there.
 * 2. A view and the filters must both hold.
 */
#include "pages.h"
#include "date.h"
#include "people.h"
#include <string.h>

enum { CHOICES_AS_LIST = 60 };

static json_t *typed(const LedgerField *field, const char *text) {
  char *end = NULL;
  static const char *const derived[] = {"年度", "季度", "月份", "周次", "次数", NULL};
  if (field->type == FIELD_BOOL) return json_boolean(g_str_equal(text, "是") || g_str_equal(text, "1"));
  if (field->type == FIELD_ENTRY || field->type == FIELD_RECORD) return json_integer(g_ascii_strtoll(*text == '#' ? text + 1 : text, NULL, 10));
  if (field->type != FIELD_NUMBER && field->type != FIELD_MONEY && field->type != FIELD_AGE && !(field->base && g_strv_contains(derived, field->name)))
    return json_string(text);
  double number = g_ascii_strtod(text, &end);
  if (end == text) return json_string(text);
  return strpbrk(text, ".eE") == NULL ? json_integer(g_ascii_strtoll(text, NULL, 10)) : json_real(number);
}

/* Dates in conditions are days: "2023-05" as a least one begins, as a greatest one ends. */
static json_t *bound(const LedgerField *field, const char *text, gboolean upper) {
  DateSpan span;
  if ((field->type != FIELD_DATE && field->type != FIELD_PERIOD) || !date_parse(text, &span) || span.from == 0) return typed(field, text);
  gint32 day = upper ? span.to : span.from;
  g_autofree char *iso = date_format((DateSpan){day, day});
  return json_string(iso);
}

static json_t *equal_value(const LedgerField *field, json_t *given) {
  if (json_is_string(given)) return json_string_length(given) ? typed(field, json_string_value(given)) : NULL;
  json_t *list = json_array(), *each;
  size_t i;
  json_array_foreach(given, i, each)
    if (json_is_string(each) && json_string_length(each)) json_array_append_new(list, typed(field, json_string_value(each)));
  if (json_array_size(list) > 1) return list;
  json_t *only = json_incref(json_array_get(list, 0));
  json_decref(list);
  return only;
}

static void add_operator(json_t *where, const LedgerField *field, const char *operator, const char *text) {
  json_t *condition = json_object_get(where, field->name), *value = NULL;
  if (g_str_equal(operator, "set")) value = json_boolean(!g_str_equal(text, "0"));
  else if (g_str_equal(operator, "has")) value = json_string(text);
  else if (g_str_equal(operator, "not")) value = typed(field, text);
  else value = bound(field, text, g_str_equal(operator, "max"));
  if (!json_is_object(condition)) json_object_set_new(where, field->name, condition = json_object());
  json_object_set_new(condition, operator, value);
}

static gboolean add_filter(LedgerFilter *filter, LedgerPage *page, const char *name, json_t *given, GError **error) {
  static const char *const operators[] = {"min", "max", "has", "not", "set", NULL};
  const char *colon = strrchr(name, ':');
  g_autofree char *field_name = colon == NULL ? g_strdup(name) : g_strndup(name, (gsize)(colon - name));
  const LedgerField *field = ledger_field(page->definition, field_name);
  if (colon != NULL && !g_strv_contains(operators, colon + 1)) return throw(error, LANTAI_ERROR_INVALID, "不认识的筛选条件“%s”", name);
  if (field == NULL || !ledger_may_read_field(field, page->asker))
    return throw(error, LANTAI_ERROR_INVALID, "台账“%s”没有字段“%s”，不能按它筛选", page->definition->name, field_name);
  g_autofree char *key = g_strconcat("f.", name, NULL);
  if (colon != NULL) {
    const char *text = json_string_value(given);
    if (text == NULL || *text == '\0') return TRUE;
    add_operator(filter->where, field, colon + 1, text);
  } else {
    json_t *value = equal_value(field, given);
    if (value == NULL) return TRUE;
    json_object_set_new(filter->where, field->name, value);
  }
  json_object_set(filter->address, key, given);
  return TRUE;
}

json_t *filter_open(const LedgerDefinition *definition) {
  json_t *open = json_array();
  gboolean closes = FALSE;
  for (guint i = 0; i < definition->state_count; i++) {
    closes = closes || definition->states[i].closed;
    if (!definition->states[i].closed) json_array_append_new(open, json_string(definition->states[i].name));
  }
  if (json_array_size(open) && closes) return json_pack("{s:o}", "状态", open);
  json_decref(open);
  return NULL;
}

json_t *filter_overdue(const LedgerDefinition *definition) {
  json_t *where = ledger_field(definition, "截止") == NULL ? NULL : filter_open(definition);
  int today = date_today();
  g_autofree char *day = date_format((DateSpan){today, today});
  if (where != NULL) json_object_set_new(where, "截止", json_pack("{s:s}", "under", day));
  return where;
}

/* Both must hold. Where they speak of the same field, one becomes the single alternative of `any`; filters themselves never have `any`. */
static void add_condition(json_t *where, json_t *more) {
  const char *key;
  json_t *value;
  gboolean clash = FALSE;
  json_object_foreach(more, key, value) clash = clash || json_object_get(where, key) != NULL;
  if (clash && json_object_get(where, "any") == NULL) {
    json_object_set_new(where, "any", json_pack("[O]", more));
    return;
  }
  if (clash) {
    json_auto_t *former = json_copy(where);
    json_object_clear(where);
    json_object_set_new(where, "any", json_pack("[O]", former));
  }
  json_object_update(where, more);
}

static void add_flag(LedgerFilter *filter, LedgerPage *page, const char *name, json_t *condition) {
  if (web_flag(page->request, name) && condition != NULL) {
    add_condition(filter->where, condition);
    put_text_at(filter->address, name, "1");
  }
  json_decref(condition);
}

static json_t *mine(const LedgerPage *page) {
  if (page->asker.person == NULL || ledger_field(page->definition, "责任人") == NULL) return NULL;
  return json_pack("{s:[s, s]}", "责任人", people_title(page->asker.person), people_name(page->asker.person));
}

static void own_columns(LedgerFilter *filter, const LedgerPage *page) {
  const LedgerDefinition *definition = page->definition;
  filter->columns = json_array();
  if (definition->number != NULL) json_array_append_new(filter->columns, json_string("编号"));
  if (definition->date_required) json_array_append_new(filter->columns, json_string("日期"));
  if (definition->title_required) json_array_append_new(filter->columns, json_string("标题"));
  for (guint i = 0; i < definition->field_count; i++)
    if (definition->fields[i].list && !definition->fields[i].base) json_array_append_new(filter->columns, json_string(definition->fields[i].name));
  for (guint i = 0; i < definition->field_count; i++)
    if (g_str_equal(definition->fields[i].name, "责任人") || g_str_equal(definition->fields[i].name, "截止"))
      json_array_append_new(filter->columns, json_string(definition->fields[i].name));
  if (definition->state_count > 1) json_array_append_new(filter->columns, json_string("状态"));
  if (json_array_size(filter->columns) == 0) json_array_append_new(filter->columns, json_string("标题"));
}

static json_t *view_of(const LedgerDefinition *definition, const char *name) {
  json_t *views = json_object_get(definition->json, "views"), *view;
  size_t i;
  json_array_foreach(views, i, view)
    if (name != NULL && g_str_equal(text_at(view, "name"), name)) return view;
  return NULL;
}

static gboolean take_view(LedgerFilter *filter, LedgerPage *page, GError **error) {
  const char *name = web_text(page->request, "view");
  json_t *view = view_of(page->definition, name);
  if (name != NULL && view == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "台账“%s”没有“%s”这个视图", page->definition->name, name);
  if (view == NULL) return TRUE;
  put_text_at(filter->address, "view", name);
  add_condition(filter->where, json_object_get(view, "where"));
  if (json_array_size(json_object_get(view, "columns"))) filter->columns = json_incref(json_object_get(view, "columns"));
  filter->group = json_string_value(json_object_get(view, "group"));
  filter->ask.sort = json_string_value(json_object_get(view, "sort"));
  if (filter->ask.sort == NULL) filter->ask.sort = filter->group;
  return TRUE;
}

/* Columns of one's own choice: names of fields with 、 between them. */
static gboolean take_columns(LedgerFilter *filter, LedgerPage *page, GError **error) {
  const char *given = web_text(page->request, "columns");
  if (given == NULL) return TRUE;
  g_auto(GStrv) names = g_regex_split_simple("[、，,\\s]+", given, 0, 0);
  json_auto_t *columns = json_array();
  for (guint i = 0; names[i] != NULL; i++) {
    if (names[i][0] == '\0') continue;
    const LedgerField *field = ledger_field(page->definition, names[i]);
    g_autofree char *nearest = field == NULL ? nearest_words(nearest_field(page->definition, names[i])) : NULL;
    if (field == NULL || !ledger_may_read_field(field, page->asker)) return throw(error, LANTAI_ERROR_INVALID, "没有“%s”这一栏%s", names[i], nearest ? nearest : "");
    json_array_append_new(columns, json_string(field->name));
  }
  if (json_array_size(columns) == 0) return TRUE;
  put_text_at(filter->address, "columns", given);
  json_decref(filter->columns);
  filter->columns = g_steal_pointer(&columns);
  return TRUE;
}

static gboolean take_day(LedgerFilter *filter, LedgerPage *page, GError **error) {
  const char *on = web_text(page->request, "on");
  DateSpan span;
  if (on == NULL) return TRUE;
  if (!date_parse(on, &span) || span.to == 0) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是日期", on);
  filter->ask.on = span.to;
  put_text_at(filter->address, "on", on);
  return TRUE;
}

gboolean filter_read(LedgerFilter *filter, LedgerPage *page, GError **error) {
  json_t *fields = web_fields(page->request, "f"), *given;
  const char *name, *words = web_text(page->request, "q"), *sort = web_text(page->request, "sort");
  gint64 year = web_int(page->request, "year", 0);
  *filter = (LedgerFilter){.where = json_object(), .address = json_object()};
  json_object_foreach(fields, name, given)
    if (!add_filter(filter, page, name, given, error)) return FALSE;
  if (!take_view(filter, page, error) || !take_columns(filter, page, error) || !take_day(filter, page, error)) return FALSE;
  if (filter->columns == NULL) own_columns(filter, page);
  add_flag(filter, page, "open", filter_open(page->definition));
  add_flag(filter, page, "overdue", filter_overdue(page->definition));
  add_flag(filter, page, "mine", mine(page));
  if (year > 0) {
    json_auto_t *of_year = json_pack("{s:I}", "年度", (json_int_t)year);
    add_condition(filter->where, of_year);
    json_object_set_new(filter->address, "year", json_sprintf("%d", (int)year));
  }
  if (words != NULL) put_text_at(filter->address, "q", words);
  const char *plain = sort != NULL && *sort == '-' ? sort + 1 : sort;
  const LedgerField *by = plain == NULL ? NULL : ledger_field(page->definition, plain);
  if (plain != NULL && (by == NULL || !ledger_may_read_field(by, page->asker))) return throw(error, LANTAI_ERROR_INVALID, "不能按“%s”排序", plain);
  if (sort != NULL) {
    put_text_at(filter->address, "sort", sort);
    filter->ask.sort = sort;
  }
  filter->ask.definition = page->definition;
  filter->ask.where = json_object_size(filter->where) ? filter->where : NULL;
  filter->ask.words = words;
  filter->ask.after = web_text(page->request, "after");
  return TRUE;
}

void filter_clear(LedgerFilter *filter) {
  json_decref(filter->where);
  json_decref(filter->address);
  json_decref(filter->columns);
  *filter = (LedgerFilter){0};
}

/* ---- links ---- */

static void append_pair(GString *out, const char *name, const char *value) {
  g_string_append_c(out, strchr(out->str, '?') == NULL ? '?' : '&');
  g_string_append_uri_escaped(out, name, NULL, FALSE);
  g_string_append_c(out, '=');
  g_string_append_uri_escaped(out, value, NULL, FALSE);
}

char *filter_link(const LedgerFilter *filter, const char *path, const char *name, const char *value) {
  g_autoptr(GString) out = g_string_new(path);
  const char *key;
  json_t *given, *each;
  size_t i;
  json_object_foreach(filter->address, key, given) {
    if (name != NULL && g_str_equal(key, name)) continue;
    if (json_is_string(given)) append_pair(out, key, json_string_value(given));
    else json_array_foreach(given, i, each) append_pair(out, key, json_string_value(each));
  }
  if (value != NULL) append_pair(out, name, value);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

char *filter_new(const LedgerFilter *filter, const char *path) {
  g_autoptr(GString) out = g_string_new(path);
  const char *key;
  json_t *given, *view = view_of(filter->ask.definition, json_string_value(json_object_get(filter->address, "view")));
  json_object_foreach(json_object_get(view, "where"), key, given) {
    g_autofree char *name = g_strconcat("v.", key, NULL), *filtered = g_strconcat("f.", key, NULL);
    if (json_is_string(given) && ledger_field(filter->ask.definition, key) != NULL && json_object_get(filter->address, filtered) == NULL)
      append_pair(out, name, json_string_value(given));
  }
  json_object_foreach(filter->address, key, given) {
    if (!json_is_string(given) || !g_str_has_prefix(key, "f.") || strchr(key, ':') != NULL) continue;
    g_autofree char *name = g_strconcat("v.", key + 2, NULL);
    append_pair(out, name, json_string_value(given));
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

json_t *filter_hidden(const LedgerFilter *filter, const char *except) {
  json_t *hidden = json_array(), *given, *each;
  const char *key;
  size_t i;
  json_object_foreach(filter->address, key, given) {
    if (except != NULL && g_str_has_prefix(key, except)) continue;
    if (json_is_string(given)) json_array_append_new(hidden, json_pack("{s:s, s:O}", "name", key, "value", given));
    else json_array_foreach(given, i, each) json_array_append_new(hidden, json_pack("{s:s, s:O}", "name", key, "value", each));
  }
  return hidden;
}

/* ---- what is filtered, said ---- */

static const struct { const char *key, *label; } FLAGS[] = {{"mine", "我负责的"}, {"open", "未办结"}, {"overdue", "已逾期"}};

json_t *filter_flags(const LedgerPage *page, const LedgerFilter *filter, const char *path, GError **error) {
  json_t *conditions[G_N_ELEMENTS(FLAGS)] = {mine(page), filter_open(page->definition), filter_overdue(page->definition)}, *values = json_array();
  gint64 counts[G_N_ELEMENTS(FLAGS) + 1];
  for (guint i = 0; i < G_N_ELEMENTS(FLAGS); i++) {
    json_t *where = json_deep_copy(filter->where);
    if (conditions[i] != NULL) add_condition(where, conditions[i]);
    json_decref(conditions[i]);
    if (conditions[i] == NULL) g_clear_pointer(&where, json_decref);
    conditions[i] = where;
  }
  gboolean fine = ledger_counts(page, page->definition, conditions, G_N_ELEMENTS(FLAGS), counts, error);
  for (guint i = 0; i < G_N_ELEMENTS(FLAGS); i++) {
    gboolean chosen = json_object_get(filter->address, FLAGS[i].key) != NULL;
    g_autofree char *href = filter_link(filter, path, FLAGS[i].key, chosen ? NULL : "1");
    if (fine && conditions[i] != NULL && (counts[i + 1] > 0 || chosen)) json_array_append_new(values, json_pack("{s:s, s:I, s:s, s:b}", "label", FLAGS[i].label,
      "count", (json_int_t)counts[i + 1], "href", href, "chosen", chosen));
    json_decref(conditions[i]);
  }
  if (fine) return json_pack("{s:s, s:o}", "label", "要办", "values", values);
  json_decref(values);
  return NULL;
}

static char *chip_label(const LedgerPage *page, const char *key, const char *value) {
  static const struct { const char *operator, *format; } words[] = {{"min", "%s不小于%s"}, {"max", "%s不大于%s"}, {"has", "%s含“%s”"}, {"not", "%s不是%s"}};
  for (guint i = 0; i < G_N_ELEMENTS(FLAGS); i++)
    if (g_str_equal(FLAGS[i].key, key)) return g_strdup(FLAGS[i].label);
  if (g_str_equal(key, "q")) return g_strdup_printf("含“%s”", value);
  if (g_str_equal(key, "year")) return g_strdup_printf("%s年", value);
  if (g_str_equal(key, "on")) return g_strdup_printf("%s 那天的样子", value);
  if (!g_str_has_prefix(key, "f.")) return NULL;
  const char *colon = strrchr(key, ':');
  g_autofree char *name = g_strndup(key + 2, colon == NULL ? strlen(key + 2) : (gsize)(colon - key - 2));
  const LedgerField *field = ledger_field(page->definition, name);
  const char *label = field == NULL ? name : shown_label(page->definition, field);
  gboolean date = field != NULL && field->type == FIELD_DATE;
  if (colon != NULL && g_str_equal(colon, ":set")) return g_strdup_printf("%s%s", g_str_equal(value, "0") ? "没有" : "有", label);
  if (colon != NULL && date && g_str_equal(colon, ":min")) return g_strdup_printf("%s自 %s", label, value);
  if (colon != NULL && date && g_str_equal(colon, ":max")) return g_strdup_printf("%s至 %s", label, value);
  for (guint i = 0; colon != NULL && i < G_N_ELEMENTS(words); i++) {
    if (!g_str_equal(colon + 1, words[i].operator)) continue;
    g_auto(GStrv) parts = g_strsplit(words[i].format, "%s", 3);
    return g_strconcat(parts[0], label, parts[1], value, parts[2], NULL);
  }
  if (field != NULL && field->type == FIELD_ENTRY) {
    json_auto_t *id = json_integer(g_ascii_strtoll(*value == '#' ? value + 1 : value, NULL, 10));
    g_autofree char *shown = value_text(page, field, id);
    return g_strdup_printf("%s：%s", label, shown);
  }
  return g_strdup_printf("%s：%s", label, value);
}

json_t *filter_chips(const LedgerPage *page, const LedgerFilter *filter, const char *path) {
  json_t *chips = json_array(), *given;
  const char *key;
  json_object_foreach(filter->address, key, given) {
    json_t *only = json_is_array(given) ? json_array_get(given, 0) : given;
    g_autofree char *label = chip_label(page, key, json_string_value(only)), *href = filter_link(filter, path, key, NULL);
    if (label == NULL) continue;
    if (json_array_size(given) > 1)
      for (size_t i = 1; i < json_array_size(given); i++) {
        char *longer = g_strdup_printf("%s、%s", label, json_string_value(json_array_get(given, i)));
        g_free(label);
        label = longer;
      }
    json_array_append_new(chips, json_pack("{s:s, s:s}", "label", label, "href", href));
  }
  return chips;
}

/* ---- the form of all filters ---- */

static void add_filter_input(json_t *inputs, const LedgerFilter *filter, const char *name, const char *label, json_t *values) {
  g_autofree char *key = g_strconcat("f.", name, NULL);
  json_t *given = json_object_get(filter->address, key), *input = json_pack("{s:s, s:s, s:O?}", "name", key, "label", label, "value", given), *each;
  size_t i;
  if (values != NULL) {
    json_t *options = json_array();
    json_array_append_new(options, json_pack("{s:s, s:s}", "value", "", "label", "不限"));
    json_array_foreach(values, i, each)
      json_array_append_new(options, json_pack("{s:O, s:O, s:b}", "value", each, "label", each, "chosen", given != NULL && json_equal(given, each)));
    json_object_set_new(input, "options", options);
  }
  json_array_append_new(inputs, input);
}

static void add_filter_inputs(json_t *inputs, const LedgerPage *page, const LedgerFilter *filter, const LedgerField *field) {
  const char *label = shown_label(page->definition, field);
  g_autofree char *min = g_strconcat(field->name, ":min", NULL), *max = g_strconcat(field->name, ":max", NULL), *has = g_strconcat(field->name, ":has", NULL);
  if (field->type == FIELD_CHOICE && field->values != NULL) {
    json_auto_t *values = json_texts(field->values);
    if (json_array_size(values) <= CHOICES_AS_LIST) return add_filter_input(inputs, filter, field->name, label, values);
  }
  if (field->type == FIELD_BOOL) {
    json_auto_t *values = json_pack("[s, s]", "是", "否");
    return add_filter_input(inputs, filter, field->name, label, values);
  }
  gboolean date = field->type == FIELD_DATE;
  if (date || field->type == FIELD_NUMBER || field->type == FIELD_MONEY || field->type == FIELD_AGE) {
    g_autofree char *from = g_strconcat(label, date ? "自" : "不小于", NULL), *to = g_strconcat(label, date ? "至" : "不大于", NULL);
    add_filter_input(inputs, filter, min, from, NULL);
    return add_filter_input(inputs, filter, max, to, NULL);
  }
  g_autofree char *contains = g_strconcat(label, "含", NULL);
  if (field_is_text(field) || field->type == FIELD_CHOICE) add_filter_input(inputs, filter, has, contains, NULL);
}

json_t *filter_form(const LedgerPage *page, const LedgerFilter *filter) {
  static const char *const base[] = {"状态", "日期", "截止", "责任人", "责任部门", "单位"};
  const LedgerDefinition *definition = page->definition;
  json_t *inputs = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(base); i++) {
    const LedgerField *field = ledger_field(definition, base[i]);
    if (field == NULL || (i == 0 && definition->state_count < 2)) continue;
    if (i > 0) add_filter_inputs(inputs, page, filter, field);
    else {
      json_auto_t *states = json_array();
      for (guint k = 0; k < definition->state_count; k++) json_array_append_new(states, json_string(definition->states[k].name));
      add_filter_input(inputs, filter, "状态", "状态", states);
    }
  }
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    gboolean shown = FALSE;
    for (guint k = 0; k < G_N_ELEMENTS(base); k++) shown = shown || g_str_equal(base[k], field->name);
    if (!shown && ledger_may_read_field(field, page->asker)) add_filter_inputs(inputs, page, filter, field);
  }
  return inputs;
}
