/*
 * One value: from what a form, a spreadsheet or a program gives to what is stored.
 *
 * 1. Every type also takes text, as people write it. What cannot be understood is refused with the reason, never stored as it is.
 * 2. What is stored passes again unchanged.
 */
#include "internal.h"
#include "date.h"
#include <math.h>

enum { NAMED_MAX = 100 };

static json_t *wrong(char **ret_problem, const char *format, ...) G_GNUC_PRINTF(2, 3);
static json_t *wrong(char **ret_problem, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_free(*ret_problem);
  *ret_problem = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  return NULL;
}

/* ---- plain types ---- */

static json_t *clean_text(json_t *given, gboolean lines, char **ret_problem) {
  g_autofree char *number = json_is_integer(given) ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(given)) :
    json_is_real(given) ? g_strdup_printf("%.15g", json_real_value(given)) : json_is_boolean(given) ? g_strdup(json_is_true(given) ? "是" : "否") : NULL;
  const char *text = number != NULL ? number : json_string_value(given);
  if (text == NULL) return wrong(ret_problem, "应为文字");
  g_autofree char *clean = text_clean(text, lines);
  guint most = lines ? LINES_MAX : TEXT_MAX;
  if (text_length(clean) > most) return wrong(ret_problem, "超过 %u 字", most);
  return clean[0] != '\0' ? json_string(clean) : json_null();
}

static json_t *clean_number(json_t *given, char **ret_problem) {
  double number = json_number_value(given);
  if (json_is_string(given)) {
    g_autoptr(GString) text = g_string_new(json_string_value(given));
    g_string_replace(text, ",", "", 0);
    g_string_replace(text, "，", "", 0);
    g_strstrip(text->str);
    if (text->str[0] == '\0') return json_null();
    char *end;
    number = g_ascii_strtod(text->str, &end);
    if (*end != '\0' || strpbrk(text->str, "xXnNiI") != NULL) return wrong(ret_problem, "“%s”不是数字", json_string_value(given));
  } else if (!json_is_number(given)) return wrong(ret_problem, "应为数字");
  if (!isfinite(number) || fabs(number) > 1e15) return wrong(ret_problem, "数字过大");
  return number_json(number);
}

static json_t *clean_date(json_t *given, char **ret_problem) {
  g_autofree char *number = json_is_integer(given) ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(given)) : NULL;
  const char *text = number != NULL ? number : json_string_value(given);
  DateSpan span;
  if (text == NULL || !date_parse(text, &span)) return wrong(ret_problem, "“%s”不是日期，应如 2023-05-12、2023-05、2023-05-01/2023-05-31", text ? text : "");
  if (span.from == 0) return json_null();
  if (span.to < span.from) return wrong(ret_problem, "“%s”的终止早于开始", text);
  g_autofree char *clean = date_format(span);
  return json_string(clean);
}

/* "2023-05-01 08:00" → minutes, for order only; FALSE: none. */
static gboolean minute_parse(const char *text, gint64 *ret, char **ret_clean) {
  g_autofree char *copy = g_strstrip(g_strdup(text));
  char *space = strpbrk(copy, " T");
  int hour = 0, minute = 0;
  if (space != NULL) {
    g_auto(GStrv) parts = g_strsplit(space + 1, ":", 3);
    if (g_strv_length(parts) < 2) return FALSE;
    char *end_hour, *end_minute;
    hour = (int)g_ascii_strtoll(parts[0], &end_hour, 10);
    minute = (int)g_ascii_strtoll(parts[1], &end_minute, 10);
    if (*end_hour != '\0' || *end_minute != '\0' || parts[0][0] == '\0' || parts[1][0] == '\0' || hour < 0 || hour > 24 || minute < 0 || minute > 59 ||
      (hour == 24 && minute > 0)) return FALSE;
    *space = '\0';
  }
  DateSpan span;
  if (!date_parse(copy, &span) || span.from == 0 || span.from != span.to) return FALSE;
  *ret = (gint64)span.from * 10000 + hour * 100 + minute;
  *ret_clean = g_strdup_printf("%04d-%02d-%02d %02d:%02d", span.from / 10000, span.from / 100 % 100, span.from % 100, hour, minute);
  return TRUE;
}

static json_t *clean_period(json_t *given, char **ret_problem) {
  const char *text = json_string_value(given);
  if (text == NULL) return wrong(ret_problem, "应为起止时间");
  g_autoptr(GString) plain = g_string_new(text);
  static const char *const dashes[] = {"～", "~", "至", "—", "–"};
  for (guint i = 0; i < G_N_ELEMENTS(dashes); i++) g_string_replace(plain, dashes[i], "/", 0);
  if (plain->str[strspn(plain->str, " /")] == '\0') return json_null();
  g_auto(GStrv) ends = g_strsplit(plain->str, "/", 3);
  gint64 from, to;
  g_autofree char *begin = NULL, *end = NULL;
  if (g_strv_length(ends) != 2 || !minute_parse(ends[0], &from, &begin) || !minute_parse(ends[1], &to, &end))
    return wrong(ret_problem, "“%s”不是起止时间，应如 2023-05-01 08:00/2023-05-02 08:00", text);
  if (to <= from) return wrong(ret_problem, "结束（%s）不晚于开始（%s）", end, begin);
  return json_sprintf("%s/%s", begin, end);
}

static json_t *clean_bool(json_t *given, char **ret_problem) {
  if (json_is_boolean(given)) return json_incref(given);
  if (json_is_integer(given)) return json_boolean(json_integer_value(given) != 0);
  static const char *const yes[] = {"是", "有", "true", "1", "√", "✓", "on", NULL}, *const no[] = {"否", "无", "false", "0", "×", "off", NULL};
  const char *text = json_string_value(given);
  if (word_in(yes, text)) return json_true();
  if (word_in(no, text)) return json_false();
  return wrong(ret_problem, "“%s”应为 是 或 否", text ? text : "");
}

static json_t *clean_choice(const LedgerField *field, json_t *given, char **ret_problem) {
  json_t *clean = clean_text(given, FALSE, ret_problem);
  if (json_is_string(clean) && choice_renewed(field, json_string_value(clean)) != json_string_value(clean)) { /* as an older sheet has it */
    json_t *present = json_string(choice_renewed(field, json_string_value(clean)));
    json_decref(clean);
    return present;
  }
  if (clean == NULL || json_is_null(clean) || field->open || word_in(field->values, json_string_value(clean))) return clean;
  const char *near = field->values != NULL ? text_nearest(json_string_value(clean), field->values) : NULL;
  g_autofree char *list = field->values != NULL ? g_strjoinv("、", (char **)(gpointer)field->values) : g_strdup("");
  g_autofree char *nearest = nearest_words(near);
  wrong(ret_problem, "“%s”不在选项中%s（%s）", json_string_value(clean), nearest, text_length(list) > 120 ? "选项见定义" : list);
  json_decref(clean);
  return NULL;
}

static json_t *clean_link(json_t *given, char **ret_problem) {
  json_t *clean = clean_text(given, FALSE, ret_problem);
  const char *text = json_string_value(clean);
  if (text == NULL || g_str_has_prefix(text, "https://") || g_str_has_prefix(text, "http://") || (text[0] == '/' && text[1] != '/')) return clean;
  wrong(ret_problem, "“%s”不是网址，应以 https:// 开头", text);
  json_decref(clean);
  return NULL;
}

/* ---- what refers to something ---- */

/* The preferred name where exactly one body is called so, by any of its names; asked once in a transaction. */
static json_t *clean_body(const ValueContext *context, json_t *given, char **ret_problem) {
  json_t *clean = clean_text(given, FALSE, ret_problem);
  const char *name = json_string_value(clean);
  if (name == NULL || context->sql == NULL) return clean;
  GHashTable *known = sql_get_data(context->sql, "ledger-bodies");
  if (known == NULL) sql_set_data(context->sql, "ledger-bodies", known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
    (GDestroyNotify)g_hash_table_unref);
  const char *preferred = g_hash_table_lookup(known, name);
  if (preferred == NULL) {
    gint64 id = authority_named(context->sql, "body", name);
    json_auto_t *authority = id != 0 ? authority_load(context->sql, id, NULL) : NULL;
    char *found = g_strdup(authority != NULL && text_at(authority, "name")[0] ? text_at(authority, "name") : name);
    g_hash_table_insert(known, g_strdup(name), found);
    preferred = found;
  }
  json_t *result = json_string(preferred);
  json_decref(clean);
  return result;
}

static gint64 id_of(json_t *given) {
  if (json_is_integer(given)) return json_integer_value(given);
  const char *text = json_string_value(given);
  if (text == NULL) return 0;
  if (text[0] == '#') text++;
  char *end;
  gint64 id = g_ascii_strtoll(text, &end, 10);
  return *end == '\0' && end != text ? id : 0;
}

static gboolean holds(json_t *value, gint64 id) {
  gboolean found = json_is_integer(value) && json_integer_value(value) == id;
  for (size_t i = 0; i < json_array_size(value) && !found; i++) found = holds(json_array_get(value, i), id);
  return found;
}

static gboolean sees_all(const ValueContext *context) { return context->asker == NULL || context->asker->everything; }

static gboolean sees_entry(const ValueContext *context, gint64 id) {
  if (sees_all(context) || holds(context->former, id)) return TRUE;
  json_auto_t *entry = ledger_entry_load(context->sql, *context->asker, id, NULL);
  return entry != NULL;
}

/* Of those that are called so; ret_one: one of them. At most NAMED_MAX are looked at. */
static gint64 count_titled(const ValueContext *context, gint64 ledger, const char *text, gint64 *ret_one) {
  json_auto_t *named = sql_json(context->sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND title = $2 AND deleted = 0 LIMIT $3",
    SQL_ARGS(sql_int(ledger), sql_text(text), sql_int(NAMED_MAX)), NULL);
  gint64 count = 0;
  for (size_t i = 0; i < json_array_size(named); i++) {
    gint64 id = int_at(json_array_get(named, i), "id");
    if (!sees_entry(context, id)) continue;
    *ret_one = id;
    count++;
  }
  return count;
}

/* 0: none; below: so many. */
static gint64 ledger_entry_called(const ValueContext *context, gint64 ledger, const char *text) {
  Sql *sql = context->sql;
  gint64 id = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND number = $2 AND number <> '' AND deleted = 0",
    SQL_ARGS(sql_int(ledger), sql_text(text)), 0, NULL);
  if (id == 0 || !sees_entry(context, id)) id = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> '' AND deleted = 0",
    SQL_ARGS(sql_int(ledger), sql_text(text)), 0, NULL);
  if (id != 0 && sees_entry(context, id)) return id;
  gint64 named = count_titled(context, ledger, text, &id);
  return named != 1 ? -named : id;
}

static json_t *clean_entry(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  const char *text = json_string_value(given);
  const LedgerDefinition *target = ledger_find(field->ledger);
  if (target == NULL) return wrong(ret_problem, "没有台账“%s”", field->ledger);
  gint64 id = id_of(given);
  const Foretold *foretold = text != NULL ? foretold_of(context->sql, target->id) : NULL;
  if (id == 0 && text != NULL) {
    id = ledger_entry_called(context, target->id, text);
    guint to_come = foretold != NULL ? GPOINTER_TO_UINT(g_hash_table_lookup(foretold->titles, text)) : 0;
    if (foretold != NULL && id == 0 && (to_come == 1 || g_hash_table_contains(foretold->numbers, text))) return json_string(text); /* an earlier row makes it */
    if (id == 0 && to_come > 1) id = -(gint64)to_come;
    if (id < 0) return wrong(ret_problem, "“%s”在台账“%s”中有 %d 条，请用编号", text, target->name, (int)-id);
    if (id == 0) return wrong(ret_problem, "台账“%s”中没有“%s”", target->name, text);
  }
  gint64 there = sql_number(context->sql, "SELECT COUNT(*) AS n FROM ledger_entry AS e WHERE e.id = $1 AND e.deleted = 0 AND (e.ledger_id = $2 OR EXISTS "
    "(SELECT 1 FROM ledger_also AS a WHERE a.ledger_id = $2 AND a.entry_id = e.id AND a.gone = 0))", SQL_ARGS(sql_int(id), sql_int(target->id)), 0, NULL);
  if (there == 0 || !sees_entry(context, id)) return wrong(ret_problem, "台账“%s”中没有第 %d 条", target->name, (int)id);
  if (id == int_at(context->entry, "id")) return wrong(ret_problem, "不能指向它自己");
  return json_integer(id);
}

static CatalogRecord *record_meant(const ValueContext *context, const Scope *scope, gint64 id, const char *text) {
  return id != 0 ? catalog_record_load(context->sql, scope, id, NULL) : text != NULL ? catalog_record_by_code(context->sql, scope, 0, text, NULL) : NULL;
}

static json_t *clean_record(const ValueContext *context, json_t *given, char **ret_problem) {
  const char *text = json_string_value(given);
  gint64 id = json_is_integer(given) || (text != NULL && text[0] == '#') ? id_of(given) : 0;
  g_autoptr(CatalogRecord) record = record_meant(context, sees_all(context) ? &SCOPE_EVERYTHING : people_scope(context->asker->person), id, text);
  if (record == NULL && context->former != NULL) { /* unseen: it stays where the field refers to it already */
    record = record_meant(context, &SCOPE_EVERYTHING, id, text);
    if (record != NULL && !holds(context->former, record->id)) g_clear_pointer(&record, catalog_record_free);
  }
  if (record == NULL) return text != NULL ? wrong(ret_problem, "目录中没有档号“%s”", text) : wrong(ret_problem, "目录中没有第 %d 条", (int)id);
  return json_integer(record->id);
}

static json_t *clean_file(const ValueContext *context, json_t *given, char **ret_problem) {
  json_t *clean = clean_text(given, FALSE, ret_problem), *file;
  if (clean == NULL || json_is_null(clean)) return clean;
  size_t i;
  json_array_foreach(json_object_get(context->entry, "files"), i, file) {
    if (g_str_equal(text_at(file, "name"), json_string_value(clean))) return clean;
  }
  wrong(ret_problem, "没有附件“%s”", json_string_value(clean));
  json_decref(clean);
  return NULL;
}

/* ---- rows ---- */

static const LedgerField *child_field(const LedgerField *field, const char *name) {
  for (guint i = 0; i < field->count; i++)
    if (g_str_equal(field->fields[i].name, name) || word_in(field->fields[i].was, name)) return &field->fields[i];
  return NULL;
}

/* What the rows say under a name now, of all of them. New. */
static json_t *column_of(json_t *rows, const char *name) {
  json_t *column = json_array(), *row;
  size_t i;
  json_array_foreach(rows, i, row) json_array_append(column, json_object_get(row, name));
  return column;
}

static json_t *clean_row(const ValueContext *context, const LedgerField *field, json_t *given, size_t place, char **ret_problem) {
  if (!json_is_object(given)) return wrong(ret_problem, "第 %d 行应为一组“栏目: 值”", (int)place + 1);
  json_auto_t *row = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(given, name, value) {
    const LedgerField *child = child_field(field, name);
    if (child == NULL) return wrong(ret_problem, "第 %d 行没有栏目“%s”", (int)place + 1, name);
    g_autofree char *problem = NULL;
    json_auto_t *former = context->former != NULL && (child->type == FIELD_ENTRY || child->type == FIELD_RECORD) ? column_of(context->former, child->name) : NULL;
    ValueContext own = *context;
    own.former = former;
    json_auto_t *clean = value_clean(&own, child, value, &problem);
    if (clean == NULL) return wrong(ret_problem, "第 %d 行“%s”%s", (int)place + 1, name, problem);
    if (!json_is_empty(clean)) json_object_set(row, child->name, clean);
  }
  for (guint i = 0; i < field->count && json_object_size(row) > 0; i++) {
    const LedgerField *child = &field->fields[i];
    if (child->fallback != NULL && json_object_get(row, child->name) == NULL && json_object_get(given, child->name) == NULL)
      json_object_set(row, child->name, child->fallback);
    if (child->required && json_object_get(row, child->name) == NULL && field_when(child->when, row, context->entry))
      return wrong(ret_problem, "第 %d 行没有“%s”", (int)place + 1, child->name);
  }
  return g_steal_pointer(&row);
}

static json_t *clean_rows(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  json_auto_t *alone = json_is_object(given) ? json_pack("[O]", given) : NULL;
  if (alone != NULL) given = alone;
  if (!json_is_array(given)) return wrong(ret_problem, "应为若干行");
  if (json_array_size(given) > ROWS_MAX) return wrong(ret_problem, "超过 %d 行", ROWS_MAX);
  json_auto_t *rows = json_array();
  for (size_t i = 0; i < json_array_size(given); i++) {
    json_auto_t *row = clean_row(context, field, json_array_get(given, i), i, ret_problem);
    if (row == NULL) return NULL;
    if (json_object_size(row) > 0) json_array_append(rows, row);
  }
  return g_steal_pointer(&rows);
}

/* ---- one, many, dated ---- */

static json_t *clean_one(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  if (json_is_empty(given)) return json_null();
  switch (field->type) {
  case FIELD_TEXT: case FIELD_PERSON: case FIELD_PLACE: return clean_text(given, FALSE, ret_problem);
  case FIELD_LINES: return clean_text(given, TRUE, ret_problem);
  case FIELD_NUMBER: case FIELD_MONEY: return clean_number(given, ret_problem);
  case FIELD_DATE: return clean_date(given, ret_problem);
  case FIELD_PERIOD: return clean_period(given, ret_problem);
  case FIELD_CHOICE: return clean_choice(field, given, ret_problem);
  case FIELD_BOOL: return clean_bool(given, ret_problem);
  case FIELD_BODY: return clean_body(context, given, ret_problem);
  case FIELD_ENTRY: return clean_entry(context, field, given, ret_problem);
  case FIELD_RECORD: return clean_record(context, given, ret_problem);
  case FIELD_FILE: return clean_file(context, given, ret_problem);
  case FIELD_ROWS: return clean_rows(context, field, given, ret_problem);
  case FIELD_LINK: return clean_link(given, ret_problem);
  case FIELD_AGE: return json_null(); /* computed, never stored */
  }
  return json_null();
}

static gboolean array_has(json_t *array, json_t *value) {
  for (size_t i = 0; i < json_array_size(array); i++)
    if (json_equal(json_array_get(array, i), value)) return TRUE;
  return FALSE;
}

static json_t *clean_many(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  json_auto_t *list = NULL;
  if (json_is_array(given)) list = json_incref(given);
  else if (json_is_string(given)) {
    list = json_array();
    g_auto(GStrv) parts = g_regex_split_simple("[、;；\n]", json_string_value(given), G_REGEX_OPTIMIZE, 0);
    for (char **part = parts; *part != NULL; part++) json_array_append_new(list, json_string(g_strstrip(*part)));
  } else list = json_pack("[O]", given);
  if (json_array_size(list) > MANY_MAX) return wrong(ret_problem, "超过 %d 项", MANY_MAX);
  json_auto_t *clean = json_array();
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_auto_t *value = clean_one(context, field, json_array_get(list, i), ret_problem);
    if (value == NULL) return NULL;
    if (!json_is_empty(value) && !array_has(clean, value)) json_array_append(clean, value);
  }
  return g_steal_pointer(&clean);
}

static json_t *clean_plain(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  return field->many ? clean_many(context, field, given, ret_problem) : clean_one(context, field, given, ret_problem);
}

static int day_of(json_t *given) {
  if (json_is_integer(given)) return (int)json_integer_value(given);
  DateSpan span;
  return json_is_string(given) && date_parse(json_string_value(given), &span) ? span.from : 0;
}

/* As it is shown and exported: “科员（2020-01-01起）；科长（2021-03-01起）”. NULL: the text says no days. */
json_t *dated_parse(const char *text) {
  if (text == NULL || !g_str_has_suffix(text, "起）")) return NULL;
  json_auto_t *list = json_array();
  g_auto(GStrv) parts = g_strsplit(text, "；", -1);
  for (char **part = parts; *part != NULL; part++) {
    char *open = g_strrstr(*part, "（"), *close = g_strrstr(*part, "起）");
    if (open == NULL || close == NULL || close < open) return NULL;
    g_autofree char *value = g_strndup(*part, (gsize)(open - *part));
    g_autofree char *day = g_strndup(open + strlen("（"), (gsize)(close - open) - strlen("（"));
    json_array_append_new(list, json_pack("[s, s]", g_strstrip(value), day));
  }
  return g_steal_pointer(&list);
}

/* [[value, day], …] ascending; a day given twice has the later value. A plain value holds from the entry's day on. */
static json_t *clean_dated(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  json_auto_t *parsed = dated_parse(json_string_value(given));
  if (parsed != NULL) given = parsed;
  json_t *first = json_array_get(given, 0);
  gboolean listed = json_is_array(first) && json_array_size(first) == 2;
  int from = (int)int_at(context->entry, "from");
  json_auto_t *list = listed ? json_incref(given) : json_pack("[[O, i]]", given, from != 0 ? from : date_today());
  json_auto_t *clean = json_array();
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_t *pair = json_array_get(list, i);
    int day = json_array_size(pair) == 2 ? day_of(json_array_get(pair, 1)) : 0;
    if (day < 10000101 || day > 29991231) return wrong(ret_problem, "第 %d 个值没有起始日期", (int)i + 1);
    json_auto_t *value = clean_plain(context, field, json_array_get(pair, 0), ret_problem);
    if (value == NULL) return NULL;
    size_t place = 0;
    while (place < json_array_size(clean) && json_integer_value(json_array_get(json_array_get(clean, place), 1)) < day) place++;
    json_t *there = json_array_get(clean, place);
    if (there != NULL && json_integer_value(json_array_get(there, 1)) == day) json_array_set_new(there, 0, json_incref(value));
    else json_array_insert_new(clean, place, json_pack("[O, i]", value, day));
  }
  return g_steal_pointer(&clean);
}

json_t *value_clean(const ValueContext *context, const LedgerField *field, json_t *given, char **ret_problem) {
  *ret_problem = NULL;
  if (json_is_empty(given)) return json_null();
  if (json_is_string(given) && strspn(json_string_value(given), " \t\n") == json_string_length(given)) return json_null();
  return field->dated ? clean_dated(context, field, given, ret_problem) : clean_plain(context, field, given, ret_problem);
}
