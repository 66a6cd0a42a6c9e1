/*
 * The form of an entry, made from its ledger's definition.
 *
 * 1. A form is flat texts by field; a child row's cell is "字段.0.子字段". What is typed comes back whatever is wrong with it.
 * 2. Between the form's making and its saving another may save: what only one changed is kept, what both changed is asked.
 * 3. Fields that the asker may not read are neither shown nor written.
 */
#include "pages.h"
#include "people.h"
#include <string.h>

enum { SHORT_FORM = 14, RADIO_CHOICES = 7, LIST_VALUES = 200, LIST_ENTRIES = 200, BLANK_ROWS = 1, CELL_ROWS_MAX = 2000 };

/* ---- which fields ---- */

gboolean form_shows(const LedgerPage *page, const LedgerField *field) {
  static const char *const made[] = {"编号", "状态", "年度", "季度", "月份", "周次", "附件", NULL};
  return ledger_may_write_field(field, page->asker) && field->type != FIELD_AGE && !(field->base && (g_strv_contains(made, field->name) || base_tied(field->name)));
}

/* Title and date first, then the ledger's own, then what every entry may have. */
static GPtrArray *shown_fields(const LedgerPage *page) {
  GPtrArray *fields = g_ptr_array_new();
  for (guint i = 0; page->only != NULL && page->only[i] != NULL; i++) {
    const LedgerField *field = ledger_field(page->definition, page->only[i]);
    if (field != NULL && form_shows(page, field)) g_ptr_array_add(fields, (gpointer)field);
  }
  if (page->only != NULL) return fields;
  const LedgerDefinition *definition = page->definition;
  const char *const first[] = {"标题", "日期"};
  for (guint i = 0; i < G_N_ELEMENTS(first); i++) {
    const LedgerField *field = ledger_field(definition, first[i]);
    if (field != NULL) g_ptr_array_add(fields, (gpointer)field);
  }
  for (int base = 0; base < 2; base++)
    for (guint i = 0; i < definition->field_count; i++) {
      const LedgerField *field = &definition->fields[i];
      gboolean there = g_str_equal(field->name, first[0]) || g_str_equal(field->name, first[1]);
      if (!there && !!field->base == base && form_shows(page, field)) g_ptr_array_add(fields, (gpointer)field);
    }
  return fields;
}

/* ---- entry to texts ---- */

static void put_rows(const LedgerPage *page, json_t *texts, const LedgerField *field, json_t *rows) {
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row)
    for (guint k = 0; k < field->count; k++) {
      json_t *value = json_object_get(row, field->fields[k].name);
      g_autofree char *key = g_strdup_printf("%s.%zu.%s", field->name, i, field->fields[k].name), *text = value_input(page, &field->fields[k], value);
      if (ledger_may_read_field(&field->fields[k], page->asker)) put_text_at(texts, key, text);
    }
}

json_t *form_texts(const LedgerPage *page, json_t *entry) {
  json_t *texts = json_object();
  g_autoptr(GPtrArray) fields = shown_fields(page);
  for (guint i = 0; i < fields->len; i++) {
    const LedgerField *field = g_ptr_array_index(fields, i);
    json_auto_t *value = entry_get(entry, field->name);
    g_autofree char *text = field->type == FIELD_ROWS ? NULL : value_input(page, field, value);
    if (field->type == FIELD_ROWS) put_rows(page, texts, field, value);
    else put_text_at(texts, field->name, text);
  }
  return texts;
}

/* ---- the request to texts ---- */

static char *joined(const LedgerField *field, json_t *list) {
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *each;
  size_t i;
  json_array_foreach(list, i, each) {
    g_autofree char *other = json_is_string(each) ? NULL : json_dumps(each, JSON_ENCODE_ANY);
    const char *text = other != NULL ? other : json_string_value(each);
    if (*text) g_string_append_printf(out, "%s%s", out->len == 0 ? "" : field_in_words(field) ? "、" : "\n", text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static void take_json(const LedgerPage *page, json_t *texts, const LedgerField *field, json_t *value) {
  if (field->type == FIELD_ROWS) return put_rows(page, texts, field, value);
  gboolean reference = field->type == FIELD_ENTRY || field->type == FIELD_RECORD;
  g_autofree char *text = json_is_array(value) && !(field->many && reference) ? joined(field, value) : value_input(page, field, value);
  put_text_at(texts, field->name, text);
}

json_t *form_given(const LedgerPage *page, json_t *given) {
  json_t *texts = json_object(), *value;
  const char *name;
  json_object_foreach(given, name, value) {
    const LedgerField *field = ledger_field(page->definition, name);
    if (field != NULL && !json_is_string(value)) take_json(page, texts, field, value);
    else if (json_is_string(value)) json_object_set(texts, name, value);
  }
  return texts;
}

static gboolean of_family(const char *key, const char *field) {
  gsize length = strlen(field);
  return strncmp(key, field, length) == 0 && (key[length] == '\0' || key[length] == '.');
}

static void family_move(json_t *texts, const char *field, json_t *from) {
  const char *key;
  json_t *value;
  void *next;
  json_object_foreach_safe(texts, next, key, value)
    if (of_family(key, field)) json_object_del(texts, key);
  json_object_foreach(from, key, value)
    if (of_family(key, field)) json_object_set(texts, key, value);
}

void form_take(json_t *texts, json_t *given) {
  const char *key;
  json_t *value;
  json_object_foreach(given, key, value) {
    const char *dot = strchr(key, '.');
    g_autofree char *field = dot == NULL ? g_strdup(key) : g_strndup(key, (gsize)(dot - key));
    family_move(texts, field, given);
  }
}

/* ---- three ways ---- */

static char *family_text(json_t *texts, const char *field) {
  g_autoptr(GString) out = g_string_new(NULL);
  const char *key;
  json_t *value;
  json_object_foreach(texts, key, value)
    if (of_family(key, field) && json_string_length(value)) g_string_append_printf(out, "%s%s", out->len ? "；" : "", json_string_value(value));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

json_t *form_merge(const LedgerPage *page, json_t *texts, json_t *base, json_t *now) {
  json_t *both = json_object();
  g_autoptr(GPtrArray) fields = shown_fields(page);
  for (guint i = 0; i < fields->len; i++) {
    const char *name = ((const LedgerField *)g_ptr_array_index(fields, i))->name;
    g_autofree char *mine = family_text(texts, name), *was = family_text(base, name), *theirs = family_text(now, name);
    if (g_str_equal(mine, theirs) || g_str_equal(theirs, was)) continue;
    if (g_str_equal(mine, was)) family_move(texts, name, now);
    else put_text_at(both, name, *theirs ? theirs : "（空）");
  }
  return both;
}

/* ---- texts to entry ---- */

static int row_number(const char *key, const char *field, const char **ret_cell) {
  gsize length = strlen(field);
  char *end = NULL;
  if (strncmp(key, field, length) != 0 || key[length] != '.' || !g_ascii_isdigit(key[length + 1])) return -1;
  gint64 number = g_ascii_strtoll(key + length + 1, &end, 10);
  if (*end != '.' || number >= CELL_ROWS_MAX) return -1;
  *ret_cell = end + 1;
  return (int)number;
}

static int rows_count(json_t *texts, const char *field) {
  const char *key, *cell;
  json_t *value;
  int count = 0;
  json_object_foreach(texts, key, value) count = MAX(count, row_number(key, field, &cell) + 1);
  return count;
}

/* A row without any text is none. */
static json_t *read_row(const LedgerPage *page, const LedgerField *field, json_t *texts, int number, char **ret_problem) {
  json_t *row = json_object();
  gboolean any = FALSE;
  for (guint k = 0; k < field->count; k++) {
    const LedgerField *child = &field->fields[k];
    g_autofree char *key = g_strdup_printf("%s.%d.%s", field->name, number, child->name), *problem = NULL;
    const char *text = text_at(texts, key);
    json_t *value = *text ? value_read(page, child, text, &problem) : NULL;
    if (problem != NULL && *ret_problem == NULL) *ret_problem = g_strdup_printf("第 %d 行%s：%s", number + 1, child->name, problem);
    if (value != NULL) json_object_set_new(row, child->name, value);
    gboolean preset = child->fallback != NULL && json_is_string(child->fallback) && g_str_equal(json_string_value(child->fallback), text);
    any = any || (*text && !preset);
  }
  if (any) return row;
  json_decref(row);
  return NULL;
}

static void read_rows(const LedgerPage *page, const LedgerField *field, json_t *texts, json_t *entry, json_t *faults) {
  json_t *rows = json_array();
  g_autofree char *problem = NULL;
  int count = rows_count(texts, field->name);
  for (int i = 0; i < count; i++) {
    json_t *row = read_row(page, field, texts, i, &problem);
    if (row != NULL) json_array_append_new(rows, row);
  }
  if (problem != NULL) put_text_at(faults, field->name, problem);
  entry_set(entry, field->name, rows);
}

/* A dated field keeps what held before; another value holds from today on, or from the entry's own day when it is the first. */
static json_t *dated_value(const LedgerField *field, json_t *former, json_t *value, int day) {
  json_t *history = json_is_array(former) ? json_copy(former) : json_array();
  size_t count = json_array_size(history);
  json_t *last = json_array_get(history, count - 1);
  if (count > 0 && json_equal(json_array_get(last, 0), value)) return json_decref(value), history;
  if (json_is_null(value) && count == 0) return json_decref(history), value;
  json_t *pair = json_pack("[o, i]", value, day);
  if (count > 0 && json_integer_value(json_array_get(last, 1)) == day) json_array_set_new(history, count - 1, pair);
  else json_array_append_new(history, pair);
  return history;
}

static void read_field(const LedgerPage *page, const LedgerField *field, const char *text, json_t *entry, json_t *faults) {
  g_autofree char *problem = NULL;
  json_t *value = value_read(page, field, text, &problem);
  if (value == NULL) return put_text_at(faults, field->name, problem);
  if (field->dated) {
    json_auto_t *former = entry_get(entry, field->name);
    g_autofree char *before = value_input(page, field, former);
    if (g_str_equal(before, text)) return json_decref(value);
    int from = (int)int_at(entry, "from");
    value = dated_value(field, former, value, json_array_size(former) == 0 && from ? from : date_today());
  }
  entry_set(entry, field->name, value);
}

void form_read(const LedgerPage *page, json_t *texts, json_t *entry, json_t *faults) {
  g_autoptr(GPtrArray) fields = shown_fields(page);
  for (guint i = 0; i < fields->len; i++) {
    const LedgerField *field = g_ptr_array_index(fields, i);
    json_t *text = json_object_get(texts, field->name);
    if (field->type == FIELD_ROWS && (text != NULL || rows_count(texts, field->name) > 0)) read_rows(page, field, texts, entry, faults);
    else if (field->type != FIELD_ROWS && text != NULL) read_field(page, field, json_string_value(text), entry, faults);
  }
}

/* ---- the model of the form ---- */

static json_t *option_model(const char *value, const char *label, gboolean chosen, int key) {
  json_t *option = json_pack("{s:s, s:s, s:b}", "value", value, "label", label, "chosen", chosen);
  if (key > 0 && key < 10) json_object_set_new(option, "key", json_integer(key));
  return option;
}

static json_t *options_model(const LedgerField *field, const char *text, gboolean radio) {
  json_t *options = json_array();
  g_auto(GStrv) chosen = g_regex_split_simple("[\n;；、，,]+", text, 0, 0);
  gboolean known = *text == '\0' || field->many;
  if (!field->many && !(radio && field->required)) json_array_append_new(options, option_model("", radio ? "不填" : "", *text == '\0', 0));
  for (guint i = 0; field->values[i] != NULL; i++) {
    gboolean is = field->many ? g_strv_contains((const char *const *)chosen, field->values[i]) : g_str_equal(text, field->values[i]);
    known = known || is;
    json_array_append_new(options, option_model(field->values[i], field->values[i], is, (int)i + 1));
  }
  if (!known) json_array_append_new(options, option_model(text, text, TRUE, 0)); /* an older value that is no choice any more */
  return options;
}

static void add_choices(json_t *input, const LedgerField *field, const char *text, gboolean cell) {
  static const char *const yes_no[] = {"是", "否", NULL};
  LedgerField as = *field;
  if (field->type == FIELD_BOOL) as.values = yes_no;
  guint count = g_strv_length((char **)as.values);
  const char *kind = as.many ? "is_checks" : !cell && count < RADIO_CHOICES ? "is_radio" : "is_select";
  json_object_set_new(input, kind, json_true());
  json_object_set_new(input, "options", options_model(&as, text, g_str_equal(kind, "is_radio")));
}

static const char *list_key(const LedgerField *field) {
  if (field->type == FIELD_ENTRY) return field->ledger;
  gboolean open = field->type == FIELD_PERSON || field->type == FIELD_BODY || field->type == FIELD_PLACE ||
    (field->type == FIELD_CHOICE && (field->open || field->values == NULL));
  return open ? field->name : NULL;
}

static const char *field_hint(const LedgerField *field) {
  gboolean choice = field->type == FIELD_CHOICE && field->values != NULL && !field->open;
  if (field->base && !field->many) return NULL;
  if (field->hint != NULL || choice) return field->hint;
  if (field->type == FIELD_PERIOD) return "如 2023-05-01 08:00/2023-05-02 08:00";
  if (field->type == FIELD_DATE) return NULL;
  if (field->type == FIELD_RECORD) return field->many ? "档号，每行一个" : "档号";
  if (field->type == FIELD_FILE) return "先上传附件，这里写它的名字";
  if (field->many && field_in_words(field)) return "多个之间用顿号";
  if (field->many && field->type == FIELD_ENTRY) return "每行一条：编号或标题";
  return field->many ? "每行一个" : NULL;
}

/* cell: within a table of child rows, where there is little room. */
static json_t *input_model(const LedgerField *field, const char *name, const char *label, const char *text, gboolean cell) {
  gboolean choice = (field->type == FIELD_CHOICE && field->values != NULL && !field->open) || field->type == FIELD_BOOL;
  const char *hint = field_hint(field), *unit = field->unit != NULL ? field->unit : field->type == FIELD_MONEY ? "元" : NULL;
  json_t *input = json_pack("{s:s, s:s, s:s, s:b, s:s?, s:s?}", "name", name, "label", label, "value", text, "required", field->required, "hint", hint, "unit", unit);
  if (choice) add_choices(input, field, text, cell);
  else if (field->type == FIELD_LINES || (field->many && !field_in_words(field))) {
    json_object_set_new(input, "is_lines", json_true());
    if (field->type == FIELD_LINES && !cell) json_object_set_new(input, "wide", json_true());
  } else json_object_set_new(input, "is_input", json_true());
  if (field->type == FIELD_NUMBER || field->type == FIELD_MONEY) json_object_set_new(input, "is_number", json_true());
  if (field->type == FIELD_DATE) json_object_set_new(input, "is_date", json_true());
  if (field->type == FIELD_TEXT && g_str_equal(field->name, "标题")) json_object_set_new(input, "wide", json_true());
  if (list_key(field) != NULL && !choice) {
    g_auto(GStrv) parts = g_strsplit(name, ".", 3); /* of a child row the middle is its number */
    put_text_at(input, "list", list_key(field));
    json_object_set_new(input, "suggest", parts[1] == NULL ? json_string(name) : json_sprintf("%s.%s", parts[0], parts[2]));
    put_text_at(input, "pick", field->many ? "many" : "one");
  }
  return input;
}

static json_t *row_inputs(const LedgerPage *page, const LedgerField *field, json_t *texts, const char *number) {
  json_t *cells = json_array();
  for (guint k = 0; k < field->count; k++) {
    const LedgerField *child = &field->fields[k];
    if (!ledger_may_read_field(child, page->asker)) continue;
    g_autofree char *key = g_strdup_printf("%s.%s.%s", field->name, number, child->name), *preset = value_input(page, child, child->fallback);
    const char *text = json_object_get(texts, key) != NULL ? text_at(texts, key) : preset;
    json_t *input = input_model(child, key, child->name, text, TRUE);
    json_object_del(input, "required"); /* an empty row is none */
    json_array_append_new(cells, input);
  }
  return json_pack("{s:s, s:o}", "number", number, "cells", cells);
}

static json_t *rows_input(const LedgerPage *page, const LedgerField *field, json_t *texts) {
  json_t *head = json_array(), *rows = json_array();
  int count = rows_count(texts, field->name);
  for (guint k = 0; k < field->count; k++)
    if (ledger_may_read_field(&field->fields[k], page->asker))
      json_array_append_new(head, json_pack("{s:s, s:b}", "label", field->fields[k].name, "required", field->fields[k].required));
  for (int i = 0; i < count + BLANK_ROWS; i++) {
    g_autofree char *number = g_strdup_printf("%d", i);
    json_array_append_new(rows, row_inputs(page, field, texts, number));
  }
  json_auto_t *nothing = json_object();
  json_t *input = json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:s?, s:i}", "name", field->name, "label", field->name, "is_rows", TRUE, "wide", TRUE, "head", head,
    "lines", rows, "hint", field->hint, "line_count", count + BLANK_ROWS);
  json_object_set_new(input, "blank", row_inputs(page, field, nothing, "ROW")); /* what a script copies for another row */
  return input;
}

/* The condition as the browser can judge it: [{name, op, value}]; what it cannot is always shown. */
static void add_when(json_t *input, const LedgerField *field) {
  static const char *const judged[] = {"is", "not", "has", "min", "max", "over", "under", "set", "unset", NULL};
  json_auto_t *rows = design_pairs(field->when, DESIGN_WHERE);
  json_t *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    if (!g_strv_contains(judged, text_at(row, "op"))) return;
    json_object_del(row, "was");
  }
  g_autofree char *text = json_array_size(rows) ? json_dumps(rows, JSON_COMPACT) : NULL;
  if (text != NULL) put_text_at(input, "when", text);
}

/* What a new entry mostly needs stands first; the rest of a long form waits folded. */
static gboolean is_main(const LedgerField *field) {
  static const char *const base[] = {"标题", "日期", "责任人", "截止", NULL};
  if (field->base) return g_strv_contains(base, field->name);
  return field->required || field->list || field->type == FIELD_ROWS || field->when != NULL;
}

static json_t *inputs_model(const LedgerPage *page, GPtrArray *fields, json_t *texts, json_t *faults, json_t *theirs) {
  json_t *inputs = json_array();
  for (guint i = 0; i < fields->len; i++) {
    const LedgerField *field = g_ptr_array_index(fields, i);
    json_t *input = field->type == FIELD_ROWS ? rows_input(page, field, texts) :
      input_model(field, field->name, shown_label(page->definition, field), text_at(texts, field->name), FALSE);
    if (g_str_equal(field->name, "标题")) json_object_set_new(input, "required", json_boolean(page->definition->title_required));
    if (g_str_equal(field->name, "日期")) json_object_set_new(input, "required", json_boolean(page->definition->date_required));
    g_autofree char *id = g_strdup_printf("v-%u", i);
    put_text_at(input, "id", id);
    json_object_set_new(input, "main", json_boolean(fields->len <= SHORT_FORM || is_main(field)));
    add_when(input, field);
    if (json_object_get(faults, field->name) != NULL) json_object_set(input, "error", json_object_get(faults, field->name));
    if (json_object_get(theirs, field->name) != NULL) json_object_set(input, "theirs", json_object_get(theirs, field->name));
    json_array_append_new(inputs, input);
  }
  return inputs;
}

/* ---- lists of what was written before ---- */

static json_t *entry_values(const LedgerPage *page, const char *ledger) {
  const LedgerDefinition *definition = ledger_find(ledger);
  json_t *values = json_array(), *entry;
  if (definition == NULL || !ledger_may_read(definition, page->asker)) return values;
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &(LedgerAsk){.definition = definition, .limit = LIST_ENTRIES}, NULL);
  size_t i;
  json_array_foreach(json_object_get(found, "entries"), i, entry) {
    g_autofree char *name = entry_name(entry);
    json_array_append_new(values, json_sprintf("%s #%" JSON_INTEGER_FORMAT, name, json_integer_value(json_object_get(entry, "id"))));
  }
  return values;
}

static void add_person_names(const LedgerPage *page, json_t *values) {
  json_auto_t *users = people_user_list(page->sql, NULL);
  json_t *user;
  size_t i;
  json_array_foreach(users, i, user)
    if (json_is_true(json_object_get(user, "enabled"))) json_array_append(values, json_object_get(user, "title"));
}

static void add_list(const LedgerPage *page, json_t *lists, const LedgerField *field, const char *path) {
  const char *key = list_key(field);
  if (key == NULL || json_object_get(lists, key) != NULL) return;
  json_t *values = field->type == FIELD_ENTRY ? entry_values(page, key) : json_texts(field->values), *value;
  json_object_set_new(lists, key, values);
  if (field->type == FIELD_ENTRY) return;
  if (field->type == FIELD_PERSON) add_person_names(page, values);
  const LedgerAsk all = {.definition = page->definition};
  json_auto_t *tally = ledger_tally(page->house, page->sql, page->asker, &all, (const char *const[]){path, NULL}, LIST_VALUES, NULL);
  size_t i;
  json_array_foreach(json_object_get(json_object_get(tally, "fields"), path), i, value) {
    gboolean there = FALSE;
    for (size_t k = 0; k < json_array_size(values) && !there; k++) there = json_equal(json_array_get(values, k), json_object_get(value, "value"));
    if (!there) json_array_append(values, json_object_get(value, "value"));
  }
}

static json_t *lists_model(const LedgerPage *page, GPtrArray *fields) {
  json_auto_t *lists = json_object();
  json_t *model = json_array(), *values;
  const char *key;
  for (guint i = 0; i < fields->len; i++) {
    const LedgerField *field = g_ptr_array_index(fields, i);
    if (field->type != FIELD_ROWS) add_list(page, lists, field, field->name);
    for (guint k = 0; k < field->count; k++) {
      g_autofree char *path = g_strdup_printf("%s.%s", field->name, field->fields[k].name);
      add_list(page, lists, &field->fields[k], path);
    }
  }
  json_object_foreach(lists, key, values) json_array_append_new(model, json_pack("{s:s, s:O}", "list", key, "values", values));
  return model;
}

json_t *form_model(const LedgerPage *page, json_t *texts, json_t *faults, json_t *theirs) {
  g_autoptr(GPtrArray) fields = shown_fields(page);
  gboolean files = FALSE;
  for (guint i = 0; i < page->definition->field_count; i++) files = files || g_str_equal(page->definition->fields[i].name, "附件");
  json_auto_t *inputs = inputs_model(page, fields, texts, faults, theirs);
  json_t *first = json_array(), *more = json_array(), *input;
  size_t k;
  json_array_foreach(inputs, k, input) json_array_append(json_is_true(json_object_get(input, "main")) ? first : more, input);
  return json_pack("{s:o, s:o, s:o, s:b, s:b}", "inputs", first, "more_inputs", more, "lists", lists_model(page, fields), "takes_files", files, "unfolded",
    json_object_size(faults) > 0 || json_object_size(theirs) > 0);
}
