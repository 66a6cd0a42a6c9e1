/*
 * Values of entries between the stored form, what people read, and what they type.
 *
 * 1. What value_input writes, value_read understands as the same value.
 * 2. An entry that the asker may not see is never named: only that there is one.
 */
#include "pages.h"
#include "catalog.h"
#include "date.h"
#include <string.h>

/* ---- fields of every entry ---- */

const char *shown_label(const LedgerDefinition *definition, const LedgerField *field) {
  if (field->base && g_str_equal(field->name, "标题") && definition->title_label != NULL) return definition->title_label;
  if (field->base && g_str_equal(field->name, "日期") && definition->date_label != NULL) return definition->date_label;
  return field->name;
}

static json_t *day_text(gint64 from, gint64 to) {
  if (from == 0) return NULL;
  g_autofree char *text = date_format((DateSpan){(gint32)from, (gint32)(to ? to : from)});
  return json_string(text);
}

static json_t *derived_value(json_t *entry, const char *name) {
  int from = (int)int_at(entry, "from"), month = from / 100 % 100;
  if (from == 0) return NULL;
  if (g_str_equal(name, "年度")) return json_integer(from / 10000);
  if (month == 0) return NULL;
  if (g_str_equal(name, "季度")) return json_integer((month + 2) / 3);
  if (g_str_equal(name, "月份")) return json_integer(month);
  if (!g_date_valid_dmy((GDateDay)(from % 100), (GDateMonth)month, (GDateYear)(from / 10000))) return NULL;
  g_autoptr(GDate) date = g_date_new_dmy((GDateDay)(from % 100), (GDateMonth)month, (GDateYear)(from / 10000));
  return json_integer((json_int_t)g_date_get_iso8601_week_of_year(date));
}

json_t *entry_get(json_t *entry, const char *name) {
  const char *key = base_key(name);
  if (g_str_equal(name, "日期")) return day_text(int_at(entry, "from"), int_at(entry, "to"));
  if (g_str_equal(name, "截止")) return day_text(int_at(entry, "due"), int_at(entry, "due"));
  if (base_derived(name)) return derived_value(entry, name);
  json_t *value = key != NULL ? json_object_get(entry, key) : json_object_get(json_object_get(entry, "values"), name);
  if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0)) return NULL;
  return json_incref(value);
}

void entry_set(json_t *entry, const char *name, json_t *value) {
  if (g_str_equal(name, "日期")) {
    json_object_del(entry, "from");
    json_object_del(entry, "to");
  }
  if (base_key(name) != NULL) {
    json_object_set_new(entry, base_key(name), value);
    return;
  }
  json_t *values = json_object_get(entry, "values");
  if (values == NULL) json_object_set_new(entry, "values", values = json_object());
  json_object_set_new(values, name, value);
}

json_t *field_now(const LedgerField *field, json_t *value) {
  if (!field->dated || !json_is_array(value)) return value;
  return json_array_get(json_array_get(value, json_array_size(value) - 1), 0);
}

char *entry_name(json_t *entry) {
  const char *number = text_at(entry, "number"), *title = text_at(entry, "title");
  if (*number == '\0' && *title == '\0') return g_strdup_printf("第 %d 条", (int)int_at(entry, "id"));
  return g_strdup_printf("%s%s%s", number, *number && *title ? " " : "", title);
}

const char *state_tone(const LedgerDefinition *definition, const char *state) {
  const LedgerState *found = ledger_state(definition, state);
  return found == NULL ? "muted" : found->closed ? "ok" : found == definition->states ? "warn" : "info";
}

gboolean entry_is_open(const LedgerDefinition *definition, json_t *entry) {
  const LedgerState *state = ledger_state(definition, text_at(entry, "state"));
  return state != NULL && !state->closed;
}

gboolean entry_is_overdue(const LedgerDefinition *definition, json_t *entry) {
  gint64 due = int_at(entry, "due");
  return due != 0 && due < date_today() && entry_is_open(definition, entry);
}

gboolean field_is_text(const LedgerField *field) {
  return field->type == FIELD_TEXT || field->type == FIELD_LINES || field->type == FIELD_PERSON || field->type == FIELD_BODY || field->type == FIELD_PLACE ||
    field->type == FIELD_LINK || field->type == FIELD_FILE;
}

gboolean field_in_words(const LedgerField *field) { return field->type == FIELD_PERSON || field->type == FIELD_CHOICE; }

json_t *json_texts(const char *const *texts) {
  json_t *array = json_array();
  for (; texts != NULL && *texts != NULL; texts++) json_array_append_new(array, json_string(*texts));
  return array;
}

/* ---- for people ---- */

#define UNSEEN "（无权查看）"

static char *plain_text(json_t *value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (json_is_string(value)) return g_strdup(json_string_value(value));
  if (json_is_integer(value)) return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
  if (json_is_real(value)) return g_strdup(g_ascii_formatd(number, sizeof number, "%.15g", json_real_value(value)));
  if (json_is_boolean(value)) return g_strdup(json_is_true(value) ? "是" : "否");
  return g_strdup("");
}

static char *entry_reference(const LedgerPage *page, gint64 id) {
  json_auto_t *entry = id ? ledger_entry_load(page->sql, page->asker, id, NULL) : NULL;
  return entry == NULL ? g_strdup(UNSEEN) : entry_name(entry);
}

static char *record_reference(const LedgerPage *page, gint64 id) {
  g_autoptr(CatalogRecord) record = id ? catalog_record_load(page->sql, web_scope(page->request), id, NULL) : NULL;
  return record == NULL ? g_strdup(UNSEEN) : g_strdup_printf("%s %s", record->code, record->title);
}

static char *row_text(const LedgerPage *page, const LedgerField *field, json_t *row) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (guint i = 0; i < field->count; i++) {
    g_autofree char *text = value_text(page, &field->fields[i], json_object_get(row, field->fields[i].name));
    if (*text) g_string_append_printf(out, "%s%s", out->len ? " " : "", text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *single_text(const LedgerPage *page, const LedgerField *field, json_t *value) {
  if (field->type == FIELD_ROWS) return row_text(page, field, value);
  if (field->type == FIELD_ENTRY) return entry_reference(page, json_integer_value(value));
  if (field->type == FIELD_RECORD) return record_reference(page, json_integer_value(value));
  if (field->type == FIELD_FILE && json_is_object(value)) return g_strdup(text_at(value, "name"));
  g_autofree char *text = plain_text(value);
  const char *unit = field->unit != NULL ? field->unit : field->type == FIELD_MONEY ? "元" : "";
  return g_strconcat(text, *text ? unit : "", NULL);
}

char *value_text(const LedgerPage *page, const LedgerField *field, json_t *value) {
  value = field_now(field, value);
  if (!json_is_array(value)) return value == NULL || json_is_null(value) ? g_strdup("") : single_text(page, field, value);
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *each;
  size_t i;
  json_array_foreach(value, i, each) {
    g_autofree char *text = single_text(page, field, each);
    g_string_append_printf(out, "%s%s", i == 0 ? "" : field->type == FIELD_ROWS ? "；" : "、", text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static json_t *links_model(const LedgerPage *page, const LedgerField *field, json_t *value) {
  json_t *links = json_array(), *each;
  json_auto_t *list = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
  size_t i;
  json_array_foreach(list, i, each) {
    gint64 id = json_integer_value(each);
    g_autofree char *text = single_text(page, field, each);
    if (field->type == FIELD_LINK) json_array_append_new(links, json_pack("{s:O, s:s}", "href", each, "text", text));
    else if (g_str_has_prefix(text, "（无权")) json_array_append_new(links, json_pack("{s:s}", "text", text));
    else json_array_append_new(links, json_pack("{s:o, s:s}", "href", json_sprintf("/%s/%" G_GINT64_FORMAT, field->type == FIELD_ENTRY ? "entry" : "record", id),
      "text", text));
  }
  return links;
}

static json_t *rows_model(const LedgerPage *page, const LedgerField *field, json_t *value) {
  json_t *head = json_array(), *rows = json_array(), *row;
  size_t i;
  for (guint k = 0; k < field->count; k++)
    if (ledger_may_read_field(&field->fields[k], page->asker)) json_array_append_new(head, json_string(field->fields[k].name));
  json_array_foreach(value, i, row) {
    json_t *cells = json_array();
    for (guint k = 0; k < field->count; k++) {
      if (!ledger_may_read_field(&field->fields[k], page->asker)) continue;
      json_t *cell = value_model(page, &field->fields[k], json_object_get(row, field->fields[k].name));
      put_text_at(cell, "label", field->fields[k].name);
      json_array_append_new(cells, cell);
    }
    json_array_append_new(rows, json_pack("{s:o}", "cells", cells));
  }
  return json_pack("{s:o, s:o}", "head", head, "rows", rows);
}

static json_t *dated_model(const LedgerPage *page, const LedgerField *field, json_t *value) {
  json_t *history = json_array();
  for (size_t i = json_array_size(value); i > 0; i--) {
    json_t *pair = json_array_get(value, i - 1);
    g_autofree char *text = single_text(page, field, json_array_get(pair, 0));
    json_array_append_new(history, json_pack("{s:s, s:o?}", "text", text, "day", day_text(json_integer_value(json_array_get(pair, 1)), 0)));
  }
  return history;
}

json_t *value_model(const LedgerPage *page, const LedgerField *field, json_t *value) {
  g_autofree char *text = value_text(page, field, value);
  json_t *model = json_pack("{s:s}", "text", text);
  gboolean links = field->type == FIELD_ENTRY || field->type == FIELD_RECORD || field->type == FIELD_LINK;
  if (*text == '\0') return model;
  if (field->dated && json_array_size(value) > 1) json_object_set_new(model, "former", dated_model(page, field, value));
  value = field_now(field, value);
  if (field->type == FIELD_ROWS) json_object_set_new(model, "table", rows_model(page, field, value));
  else if (links && value != NULL) json_object_set_new(model, "refs", links_model(page, field, value));
  if (field->type == FIELD_LINES) json_object_set_new(model, "multiline", json_true());
  if (field->type == FIELD_NUMBER || field->type == FIELD_MONEY) json_object_set_new(model, "is_number", json_true());
  return model;
}

/* ---- for forms ---- */

static char *single_input(const LedgerPage *page, const LedgerField *field, json_t *value) {
  if (field->type == FIELD_ENTRY) {
    g_autofree char *name = entry_reference(page, json_integer_value(value));
    return g_strdup_printf("%s #%" JSON_INTEGER_FORMAT, name, json_integer_value(value));
  }
  if (field->type == FIELD_RECORD) {
    g_autoptr(CatalogRecord) record = catalog_record_load(page->sql, web_scope(page->request), json_integer_value(value), NULL);
    return record == NULL ? g_strdup_printf("#%" JSON_INTEGER_FORMAT, json_integer_value(value)) : g_strdup(record->code);
  }
  if (field->type == FIELD_FILE && json_is_object(value)) return g_strdup(text_at(value, "name"));
  return plain_text(value);
}

char *value_input(const LedgerPage *page, const LedgerField *field, json_t *value) {
  value = field_now(field, value);
  if (value == NULL || json_is_null(value)) return g_strdup("");
  if (!json_is_array(value)) return single_input(page, field, value);
  g_autoptr(GString) out = g_string_new(NULL);
  json_t *each;
  size_t i;
  json_array_foreach(value, i, each) {
    g_autofree char *text = single_input(page, field, each);
    g_string_append_printf(out, "%s%s", i == 0 ? "" : field_in_words(field) ? "、" : "\n", text);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* An entry as typed: "… #17", its number, or its title where only one has it. 0: none. */
static gint64 entry_from(const LedgerPage *page, const LedgerField *field, const char *text) {
  const char *mark = strrchr(text, '#');
  const LedgerDefinition *definition = field->ledger == NULL ? NULL : ledger_find(field->ledger);
  gint64 id = 0;
  if (mark != NULL && g_ascii_string_to_signed(mark + 1, 10, 1, G_MAXINT64, &id, NULL)) {
    json_auto_t *entry = ledger_entry_load(page->sql, page->asker, id, NULL);
    if (entry == NULL && g_str_has_prefix(text, UNSEEN)) return id; /* as the form showed it: the room lets it stay where it stands */
    return entry != NULL && (field->ledger == NULL || g_str_equal(text_at(entry, "ledger"), field->ledger)) ? id : 0;
  }
  if (definition == NULL) return 0;
  json_auto_t *where = json_pack("{s:[{s:s}, {s:s}]}", "any", "编号", text, "标题", text);
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &(LedgerAsk){.definition = definition, .where = where, .limit = 2}, NULL);
  json_t *entries = json_object_get(found, "entries");
  return json_array_size(entries) == 1 ? int_at(json_array_get(entries, 0), "id") : 0;
}

static json_t *record_from(const LedgerPage *page, const char *text) {
  gint64 id = 0;
  g_autoptr(CatalogRecord) record = NULL;
  if (*text == '#' && g_ascii_string_to_signed(text + 1, 10, 1, G_MAXINT64, &id, NULL)) return json_integer(id); /* the room knows what stands there already */
  record = catalog_record_by_code(page->sql, web_scope(page->request), 0, text, NULL);
  return record == NULL ? NULL : json_integer(record->id);
}

static json_t *fault(char **ret_problem, char *message) {
  g_free(*ret_problem);
  *ret_problem = message;
  return NULL;
}

/* References are looked up as the asker sees them; the rest the room itself understands as written. */
static json_t *single_read(const LedgerPage *page, const LedgerField *field, const char *text, char **ret_problem) {
  if (field->type == FIELD_ENTRY) {
    gint64 id = entry_from(page, field, text);
    return id != 0 ? json_integer(id) : fault(ret_problem, g_strdup_printf("没有找到“%s”这一条，或不止一条，请从列出的里选", text));
  }
  if (field->type != FIELD_RECORD) return json_string(text);
  json_t *record = record_from(page, text);
  return record != NULL ? record : fault(ret_problem, g_strdup_printf("没有档号为“%s”的档案", text));
}

json_t *value_read(const LedgerPage *page, const LedgerField *field, const char *text, char **ret_problem) {
  if (!field->many) return *text == '\0' ? json_null() : single_read(page, field, text, ret_problem);
  g_auto(GStrv) parts = g_regex_split_simple(field_in_words(field) ? "[\n;；、，,]+" : "[\n;；]+", text, 0, 0);
  json_auto_t *array = json_array();
  for (guint i = 0; parts[i] != NULL; i++) {
    const char *part = g_strstrip(parts[i]);
    json_t *value = *part ? single_read(page, field, part, ret_problem) : NULL;
    if (*part && value == NULL) return NULL;
    if (value != NULL) json_array_append_new(array, value);
  }
  return json_array_size(array) ? g_steal_pointer(&array) : json_null();
}
