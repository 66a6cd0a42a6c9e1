/*
 * Definitions as people write them: short forms written out, and everything that is wrong told with its place.
 *
 * 1. Cleaning changes no place: fields[3] of what was written is fields[3] of what is checked.
 * 2. A word that is not known is a fault, so that a slip of the pen is never a rule that does not hold.
 */
#include "internal.h"

typedef struct {
  json_t *faults, *definition, *others;
  LedgerDefinition *self; /* as far as it can be read */
} Check;

static G_GNUC_PRINTF(3, 4) void fault(Check *check, const char *place, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_array_append_new(check->faults, json_pack("{s:s, s:s}", "where", place, "what", what));
}

/* ---- cleaning ---- */

static json_t *as_text(json_t *value) {
  if (json_is_string(value)) {
    g_autofree char *clean = text_clean(json_string_value(value), TRUE);
    return json_string(clean);
  }
  if (json_is_integer(value)) return json_sprintf("%" G_GINT64_FORMAT, (gint64)json_integer_value(value));
  if (json_is_real(value)) return json_sprintf("%.15g", json_real_value(value));
  if (json_is_boolean(value)) return json_string(json_is_true(value) ? "是" : "否");
  return json_incref(value);
}

static void clean_text(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  if (value == NULL) return;
  if (json_is_null(value)) json_object_del(object, key);
  else json_object_set_new(object, key, as_text(value));
}

static void clean_list(json_t *object, const char *key) {
  json_t *value = json_object_get(object, key);
  if (value == NULL) return;
  if (json_is_null(value)) {
    json_object_del(object, key);
    return;
  }
  json_t *list = json_array();
  if (json_is_array(value))
    for (size_t i = 0; i < json_array_size(value); i++) json_array_append_new(list, as_text(json_array_get(value, i)));
  else json_array_append_new(list, as_text(value));
  json_object_set_new(object, key, list);
}

/* A list of mappings where a plain name may stand for {name: …}. */
static void clean_rows(json_t *object, const char *key) {
  json_t *rows = json_object_get(object, key);
  for (size_t i = 0; i < json_array_size(rows); i++) {
    json_t *row = json_array_get(rows, i);
    if (!json_is_string(row)) continue;
    json_array_set_new(rows, i, json_pack("{s:o}", "name", as_text(row)));
  }
}

static void clean_fields(json_t *object) {
  static const char *const texts[] = {"name", "unit", "hint", "type", "ledger", "of"}, *const lists[] = {"values", "was", "read"};
  clean_rows(object, "fields");
  size_t i;
  json_t *field;
  json_array_foreach(json_object_get(object, "fields"), i, field) {
    if (!json_is_object(field)) continue;
    for (guint t = 0; t < G_N_ELEMENTS(texts); t++) clean_text(field, texts[t]);
    for (guint t = 0; t < G_N_ELEMENTS(lists); t++) clean_list(field, lists[t]);
    if (json_object_get(field, "type") == NULL) json_object_set_new(field, "type", json_string(json_object_get(field, "fields") ? "rows" : "text"));
    clean_fields(field);
  }
}

static void clean_moves(json_t *definition) {
  size_t i, j;
  json_t *move, *state;
  json_array_foreach(json_object_get(definition, "moves"), i, move) {
    if (!json_is_object(move)) continue;
    clean_list(move, "from");
    clean_list(move, "roles");
    clean_list(move, "needs");
    clean_text(move, "to");
    clean_text(move, "note");
    clean_text(move, "label");
    if (json_object_get(move, "label") == NULL && json_is_string(json_object_get(move, "to"))) json_object_set(move, "label", json_object_get(move, "to"));
    if (json_object_get(move, "from") != NULL) continue;
    json_t *from = json_array(); /* from any other */
    json_array_foreach(json_object_get(definition, "states"), j, state) {
      if (!g_str_equal(text_at(state, "name"), text_at(move, "to"))) json_array_append(from, json_object_get(state, "name"));
    }
    json_object_set_new(move, "from", from);
  }
}

json_t *definition_clean(json_t *given) {
  static const char *const texts[] = {"name", "group", "about", "number", "title", "date", "rows"}, *const lists[] = {"uses", "read", "write", "all", "was"};
  json_t *definition = json_deep_copy(given);
  if (!json_is_object(definition)) return definition;
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) clean_text(definition, texts[i]);
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) clean_list(definition, lists[i]);
  if (json_object_get(definition, "group") == NULL) json_object_set_new(definition, "group", json_string("其他"));
  if (json_is_object(json_object_get(definition, "rows"))) clean_list(json_object_get(definition, "rows"), "of");
  clean_rows(definition, "states");
  size_t i;
  json_t *state;
  json_array_foreach(json_object_get(definition, "states"), i, state) {
    clean_text(state, "name");
    clean_list(state, "was");
  }
  if (json_array_size(json_object_get(definition, "states")) == 0 && !json_is_object(json_object_get(definition, "states")))
    json_object_set_new(definition, "states", json_pack("[{s:s, s:b}]", "name", "已登记", "closed", TRUE));
  clean_fields(definition);
  clean_moves(definition);
  return definition;
}

/* ---- words and names ---- */

/* kinds of each key, by letter: s text, b flag, a list of texts, o mapping, l list, i integer, * anything */
typedef struct { const char *key; char kind; } Key;

static gboolean kind_fits(json_t *value, char kind) {
  switch (kind) {
  case 's': return json_is_string(value);
  case 'b': return json_is_boolean(value);
  case 'o': return json_is_object(value);
  case 'l': return json_is_array(value);
  case 'i': return json_is_integer(value);
  case 'a':
    for (size_t i = 0; i < json_array_size(value); i++)
      if (!json_is_string(json_array_get(value, i))) return FALSE;
    return json_is_array(value);
  default: return TRUE;
  }
}

static const char *kind_words(char kind) {
  return kind == 's' ? "文字" : kind == 'b' ? "true 或 false" : kind == 'o' ? "一组“名称: 值”" : kind == 'i' ? "整数" : kind == 'a' ? "一列文字" : "一列";
}

static void check_keys(Check *check, const char *place, json_t *object, const Key *keys) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const Key *key = keys; key->key != NULL; key++) g_ptr_array_add(names, (gpointer)key->key);
  g_ptr_array_add(names, NULL);
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value) {
    const Key *key = keys;
    while (key->key != NULL && !g_str_equal(key->key, name)) key++;
    g_autofree char *at = place[0] ? g_strdup_printf("%s.%s", place, name) : g_strdup(name);
    if (key->key == NULL) {
      g_autofree char *nearest = nearest_words(text_nearest(name, (const char *const *)names->pdata));
      fault(check, at, "不认识“%s”%s", name, nearest);
    } else if (!kind_fits(value, key->kind)) fault(check, at, "“%s”应为%s", name, kind_words(key->kind));
  }
}

static gboolean name_good(Check *check, const char *place, const char *name) {
  if (name[0] == '\0') return fault(check, place, "没有名称"), FALSE;
  if (text_length(name) > 60) return fault(check, place, "名称“%s”超过 60 字", name), FALSE;
  if (strpbrk(name, ".|{}\"\\") != NULL) return fault(check, place, "名称“%s”中不能有 . | { } \" \\", name), FALSE;
  return TRUE;
}

static json_t *other_named(Check *check, const char *name) {
  size_t i;
  json_t *other;
  json_array_foreach(check->others, i, other) {
    if (g_str_equal(text_at(other, "name"), name)) return other;
  }
  return NULL;
}

static gboolean ledger_there(Check *check, const char *name) {
  return g_str_equal(text_at(check->definition, "name"), name) || other_named(check, name) != NULL || ledger_find(name) != NULL;
}

static void check_ledger_name(Check *check, const char *place, const char *name) {
  if (ledger_there(check, name)) return;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  size_t i;
  json_t *other;
  json_array_foreach(check->others, i, other) g_ptr_array_add(names, (gpointer)text_at(other, "name"));
  g_ptr_array_add(names, NULL);
  const char *near = text_nearest(name, (const char *const *)names->pdata);
  g_autofree char *nearest = nearest_words(near != NULL ? near : nearest_ledger(name));
  fault(check, place, "没有台账“%s”%s", name, nearest);
}

static void check_field_name(Check *check, const char *place, const char *name) {
  if (ledger_field(check->self, name) != NULL) return;
  g_autofree char *nearest = nearest_words(nearest_field(check->self, name));
  fault(check, place, "没有栏目“%s”%s", name, nearest);
}

static void check_state_name(Check *check, const char *place, const char *name) {
  if (ledger_state(check->self, name) != NULL) return;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < check->self->state_count; i++) g_ptr_array_add(names, (gpointer)check->self->states[i].name);
  g_ptr_array_add(names, NULL);
  g_autofree char *nearest = nearest_words(text_nearest(name, (const char *const *)names->pdata));
  fault(check, place, "没有状态“%s”%s", name, nearest);
}

/* ---- fields ---- */

static const Key FIELD_KEYS[] = {{"name", 's'}, {"type", 's'}, {"values", 'a'}, {"open", 'b'}, {"many", 'b'}, {"dated", 'b'}, {"required", 'b'}, {"list", 'b'},
  {"default", '*'}, {"when", 'o'}, {"read", 'a'}, {"unit", 's'}, {"hint", 's'}, {"ledger", 's'}, {"fields", 'l'}, {"of", 's'}, {"was", 'a'}, {"renamed", 'o'}, {NULL}};

/* A former choice leads to one that there is, and is none itself. */
static void check_renamed(Check *check, const char *place, json_t *field, GHashTable *values) {
  const char *former;
  json_t *present;
  json_object_foreach(json_object_get(field, "renamed"), former, present) {
    if (!json_is_string(present)) fault(check, place, "renamed 应为 {旧选项: 现在的选项}");
    else if (g_hash_table_contains(values, former)) fault(check, place, "“%s”还是选项，不能又写在 renamed 里", former);
    else if (g_hash_table_size(values) > 0 && !g_hash_table_contains(values, json_string_value(present)) && !json_is_true(json_object_get(field, "open")))
      fault(check, place, "renamed 中的“%s”不是选项", json_string_value(present));
  }
}

static void check_choice(Check *check, const char *place, json_t *field) {
  json_t *values = json_object_get(field, "values"), *fallback = json_object_get(field, "default");
  if (json_array_size(values) == 0 && !json_is_true(json_object_get(field, "open"))) fault(check, place, "choice 要有 values，或 open: true");
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  for (size_t i = 0; i < json_array_size(values); i++) {
    const char *word = json_string_value(json_array_get(values, i));
    if (word != NULL && !g_hash_table_add(seen, (gpointer)word)) fault(check, place, "选项“%s”重复", word);
  }
  check_renamed(check, place, field, seen);
  if (json_is_string(fallback) && json_array_size(values) > 0 && !json_is_true(json_object_get(field, "open")) &&
    !g_hash_table_contains(seen, json_string_value(fallback))) fault(check, place, "缺省值“%s”不是选项", json_string_value(fallback));
}

static void check_fields(Check *check, const char *place, json_t *fields, gboolean within_rows);

static void check_type(Check *check, const char *place, json_t *field, gboolean within_rows) {
  const char *word = text_at(field, "type");
  gboolean known;
  LedgerType type = type_of_word(word, &known);
  g_autofree char *at = g_strdup_printf("%s.type", place);
  if (!known) {
    g_autofree char *nearest = nearest_words(text_nearest(word, TYPE_WORDS));
    fault(check, at, "不认识类型“%s”%s", word, nearest);
    return;
  }
  if (type == FIELD_CHOICE) check_choice(check, place, field);
  if (type == FIELD_ENTRY) {
    if (text_at(field, "ledger")[0] == '\0') fault(check, at, "entry 要用 ledger 写明是哪个台账");
    else check_ledger_name(check, place, text_at(field, "ledger"));
  }
  if (type == FIELD_ROWS) {
    g_autofree char *below = g_strdup_printf("%s.fields", place);
    if (within_rows) fault(check, at, "rows 之内不能再有 rows");
    else if (json_array_size(json_object_get(field, "fields")) == 0) fault(check, below, "rows 要有 fields");
    else check_fields(check, below, json_object_get(field, "fields"), TRUE);
  }
  if ((type == FIELD_ROWS || type == FIELD_BOOL || type == FIELD_AGE) && json_is_true(json_object_get(field, "many"))) fault(check, at, "%s 不能 many", word);
  if ((type == FIELD_ROWS || type == FIELD_AGE || type == FIELD_FILE) && json_is_true(json_object_get(field, "dated"))) fault(check, at, "%s 不能 dated", word);
  if (within_rows && json_is_true(json_object_get(field, "dated"))) fault(check, at, "rows 之内不能 dated");
}

static gboolean age_has_date(json_t *fields, const char *of) {
  size_t i;
  json_t *field;
  json_array_foreach(fields, i, field) {
    if (g_str_equal(text_at(field, "name"), of)) return g_str_equal(text_at(field, "type"), "date");
  }
  return FALSE;
}

/* What decides whether a field is there is judged in the browser too: one value, several, or a comparison. */
static void check_when_ops(Check *check, const char *place, json_t *wanted) {
  static const char *const ops[] = {"not", "has", "set", "min", "max", "over", "under", NULL};
  const char *op;
  json_t *value;
  json_object_foreach(wanted, op, value) {
    g_autofree char *nearest = nearest_words(text_nearest(op, ops));
    if (!g_strv_contains(ops, op)) fault(check, place, "没有“%s”这种条件%s", op, nearest);
    else if (g_str_equal(op, "set") && !json_is_boolean(value)) fault(check, place, "set 应为 true 或 false");
  }
}

static void check_when(Check *check, const char *place, json_t *field, json_t *fields) {
  const char *name;
  json_t *wanted;
  json_object_foreach(json_object_get(field, "when"), name, wanted) {
    g_autofree char *at = g_strdup_printf("%s.when", place);
    if (g_str_equal(name, text_at(field, "name"))) {
      fault(check, at, "“%s”不能取决于它自己", name);
      continue;
    }
    check_when_ops(check, at, wanted);
    gboolean found = FALSE;
    for (size_t i = 0; i < json_array_size(fields) && !found; i++) found = g_str_equal(text_at(json_array_get(fields, i), "name"), name);
    if (!found) check_field_name(check, at, name);
  }
}

static void check_fields(Check *check, const char *place, json_t *fields, gboolean within_rows) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  if (json_array_size(fields) > FIELDS_MAX) fault(check, place, "栏目超过 %d 个", FIELDS_MAX);
  size_t i;
  json_t *field;
  json_array_foreach(fields, i, field) {
    g_autofree char *at = g_strdup_printf("%s[%zu]", place, i);
    if (!json_is_object(field)) {
      fault(check, at, "栏目应为 {name: 名称, type: 类型}");
      continue;
    }
    check_keys(check, at, field, FIELD_KEYS);
    const char *name = text_at(field, "name");
    if (!name_good(check, at, name)) continue;
    if (!g_hash_table_add(seen, (gpointer)name)) fault(check, at, "栏目“%s”重复", name);
    if (!within_rows && base_field(name) != NULL) fault(check, at, "“%s”是每条都有的栏目，不必再定义；要用它，写在 uses 中", name);
    check_type(check, at, field, within_rows);
    if (g_str_equal(text_at(field, "type"), "age") && !age_has_date(fields, text_at(field, "of")))
      fault(check, at, "age 要用 of 写明是哪个日期栏目（类型 date）");
    check_when(check, at, field, fields);
  }
}

/* ---- states, moves ---- */

static void check_states(Check *check) {
  static const Key keys[] = {{"name", 's'}, {"closed", 'b'}, {"about", 's'}, {"again", 'o'}, {"was", 'a'}, {NULL}};
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *state;
  json_array_foreach(json_object_get(check->definition, "states"), i, state) {
    g_autofree char *at = g_strdup_printf("states[%zu]", i);
    check_keys(check, at, state, keys);
    if (name_good(check, at, text_at(state, "name")) && !g_hash_table_add(seen, (gpointer)text_at(state, "name")))
      fault(check, at, "状态“%s”重复", text_at(state, "name"));
  }
  json_array_foreach(json_object_get(check->definition, "states"), i, state) {
    g_autofree char *at = g_strdup_printf("states[%zu].was", i);
    size_t k;
    json_t *former;
    json_array_foreach(json_object_get(state, "was"), k, former)
      if (json_is_string(former) && !g_hash_table_add(seen, (gpointer)json_string_value(former))) fault(check, at, "状态“%s”重复", json_string_value(former));
  }
}

/* Coming back is a move that the program can make, after a day at least, and not for ever. */
static void check_again(Check *check) {
  static const Key keys[] = {{"after", 'i'}, {"to", 's'}, {"times", 'i'}, {NULL}};
  size_t i;
  json_t *state, *again;
  json_array_foreach(json_object_get(check->definition, "states"), i, state) {
    if ((again = json_object_get(state, "again")) == NULL) continue;
    g_autofree char *at = g_strdup_printf("states[%zu].again", i);
    check_keys(check, at, again, keys);
    const LedgerMove *move = again_move(check->self, state);
    if (int_at(again, "after") < 1 || int_at(again, "after") > 3660) fault(check, at, "after 应为 1 到 3660 天");
    if (json_object_get(again, "times") != NULL && (int_at(again, "times") < 1 || int_at(again, "times") > 20)) fault(check, at, "times 应为 1 到 20 次");
    if (move == NULL) fault(check, at, "moves 中没有从“%s”到“%s”的流转", text_at(state, "name"), text_at(again, "to"));
    else if (move->needs != NULL && move->needs[0] != NULL) fault(check, at, "到期自动办理的流转（%s）不能有 needs", move->label);
  }
}

/* A list that a move waits for: a ledger with a checklist over a choice, whose entries point here. */
static void check_complete(Check *check, const char *place, json_t *rules) {
  static const Key keys[] = {{"ledger", 's'}, {"by", 's'}, {"values", 'o'}, {NULL}};
  size_t i;
  json_t *rule;
  json_array_foreach(rules, i, rule) {
    g_autofree char *at = g_strdup_printf("%s.complete[%zu]", place, i);
    const char *ledger = text_at(rule, "ledger"), *by = text_at(rule, "by");
    const LedgerDefinition *other = other_named(check, ledger) == NULL ? ledger_find(ledger) : NULL; /* one that comes in the same go is not known yet */
    check_keys(check, at, rule, keys);
    check_ledger_name(check, at, ledger);
    if (other != NULL && checklist_item(other) == NULL) fault(check, at, "台账“%s”没有以选项为项目的 checklist", ledger);
    if (other != NULL && (ledger_field(other, by) == NULL || ledger_field(other, by)->type != FIELD_ENTRY)) fault(check, at, "台账“%s”没有指向这里的栏目“%s”", ledger, by);
  }
}

static void check_moves(Check *check) {
  static const Key keys[] = {{"from", 'a'}, {"to", 's'}, {"label", 's'}, {"roles", 'a'}, {"needs", 'a'}, {"note", 's'}, {"another", 'b'}, {"sets", 'o'},
    {"complete", 'l'}, {NULL}};
  size_t i, j;
  json_t *move, *word, *value;
  const char *name;
  json_array_foreach(json_object_get(check->definition, "moves"), i, move) {
    g_autofree char *at = g_strdup_printf("moves[%zu]", i);
    check_keys(check, at, move, keys);
    g_autofree char *to = g_strdup_printf("%s.to", at), *from = g_strdup_printf("%s.from", at), *needs = g_strdup_printf("%s.needs", at),
      *sets = g_strdup_printf("%s.sets", at);
    check_state_name(check, to, text_at(move, "to"));
    json_array_foreach(json_object_get(move, "from"), j, word) {
      if (json_is_string(word)) check_state_name(check, from, json_string_value(word));
      if (json_equal(word, json_object_get(move, "to"))) fault(check, at, "从“%s”到它自己不是流转", json_string_value(word));
    }
    json_array_foreach(json_object_get(move, "needs"), j, word) {
      if (json_is_string(word)) check_field_name(check, needs, json_string_value(word));
    }
    json_object_foreach(json_object_get(move, "sets"), name, value) check_field_name(check, sets, name);
    check_complete(check, at, json_object_get(move, "complete"));
  }
}

/* ---- duties, views, feeds ---- */

static const char *const EVERY_WORDS[] = {"day", "workday", "week", "halfmonth", "twoweeks", "month", "quarter", "halfyear", "year", NULL};

static void check_duties(Check *check) {
  static const Key keys[] = {{"title", 's'}, {"every", 's'}, {"values", 'o'}, {"days", 'i'}, {"workdays", 'i'},
    {"owner", '*'}, {"department", 's'}, {"from", '*'}, {"to", '*'}, {NULL}};
  size_t i;
  json_t *duty, *value;
  const char *name;
  json_array_foreach(json_object_get(check->definition, "duties"), i, duty) {
    g_autofree char *at = g_strdup_printf("duties[%zu]", i), *values = g_strdup_printf("%s.values", at), *every = g_strdup_printf("%s.every", at);
    check_keys(check, at, duty, keys);
    if (text_at(duty, "title")[0] == '\0') fault(check, at, "没有 title");
    if (!g_strv_contains(EVERY_WORDS, text_at(duty, "every"))) {
      g_autofree char *nearest = nearest_words(text_nearest(text_at(duty, "every"), EVERY_WORDS));
      fault(check, every, "不认识周期“%s”%s", text_at(duty, "every"), nearest);
    }
    if (int_at(duty, "days") < 0 || int_at(duty, "days") > 366) fault(check, at, "days 应在 0 到 366 之间");
    if (int_at(duty, "workdays") < 0 || int_at(duty, "workdays") > 250) fault(check, at, "workdays 应在 0 到 250 之间");
    json_object_foreach(json_object_get(duty, "values"), name, value) check_field_name(check, values, name);
  }
}

static void check_views(Check *check) {
  static const Key keys[] = {{"name", 's'}, {"about", 's'}, {"where", 'o'}, {"columns", 'a'}, {"group", 's'}, {"sort", 's'}, {NULL}};
  size_t i, j;
  json_t *view, *column, *row;
  json_array_foreach(json_object_get(check->definition, "views"), i, view) {
    g_autofree char *at = g_strdup_printf("views[%zu]", i), *columns = g_strdup_printf("%s.columns", at), *group = g_strdup_printf("%s.group", at),
      *sort = g_strdup_printf("%s.sort", at);
    check_keys(check, at, view, keys);
    name_good(check, at, text_at(view, "name"));
    json_array_foreach(json_object_get(view, "columns"), j, column) {
      if (json_is_string(column) && strchr(json_string_value(column), '.') == NULL) check_field_name(check, columns, json_string_value(column));
    }
    const char *order = text_at(view, "sort"), *by = text_at(view, "group");
    if (order[0] != '\0') check_field_name(check, sort, order[0] == '-' ? order + 1 : order);
    if (by[0] != '\0' && strchr(by, '.') == NULL) check_field_name(check, group, by);
    json_auto_t *wrong = ledger_where_faults(check->self, json_object_get(view, "where"));
    json_array_foreach(wrong, j, row) {
      g_autofree char *where = g_strdup_printf("%s.where%s%s", at, text_at(row, "where")[0] ? "." : "", text_at(row, "where"));
      fault(check, where, "%s", text_at(row, "what"));
    }
  }
}

static LedgerFeedFields feed_fields_of;
void ledger_set_feeds(LedgerFeedFields fields) { feed_fields_of = fields; }

static void check_feed_word(Check *check, const char *place, const char *source, const char *fields, const char *word) {
  g_auto(GStrv) known = g_strsplit(fields, " ", -1);
  if (!g_strv_contains((const char *const *)known, word)) fault(check, place, "来源“%s”没有“%s”，可用的有：%s", source, word, fields);
}

/* What stands in braces and in `when` comes from the source, what stands before it is this ledger's. */
static void check_feed_words(Check *check, json_t *feed) {
  static const Key keys[] = {{"from", 's'}, {"when", 'o'}, {"values", 'o'}, {NULL}};
  const char *source = text_at(feed, "from"), *name;
  g_autofree char *all = NULL;
  const char *fields = feed_fields_of ? feed_fields_of(source, &all) : NULL;
  json_t *value;
  check_keys(check, "feed", feed, keys);
  json_object_foreach(json_object_get(feed, "values"), name, value) {
    g_autofree char *at = g_strdup_printf("feed.values.%s", name);
    check_field_name(check, at, name);
    g_auto(GStrv) parts = g_strsplit(fields && json_is_string(value) ? json_string_value(value) : "", "{", -1);
    for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
      char *end = strchr(parts[i], '}');
      if (end == NULL) return fault(check, at, "“%s”少一个 }", json_string_value(value));
      *end = '\0';
      check_feed_word(check, at, source, fields, parts[i]);
    }
  }
  if (feed_fields_of && fields == NULL) return fault(check, "feed.from", "没有来源“%s”，可用的有：%s", source, all);
  if (fields != NULL) json_object_foreach(json_object_get(feed, "when"), name, value) check_feed_word(check, "feed.when", source, fields, name);
}

/* A ledger that is filled from one that is filled from it would never come to an end. */
static void check_feed(Check *check) {
  json_t *feed = json_object_get(check->definition, "feed");
  if (feed == NULL) return;
  const char *source = text_at(feed, "from"), *own = text_at(check->definition, "name");
  if (source[0] == '\0') {
    fault(check, "feed", "要用 from 写明从哪里来");
    return;
  }
  check_feed_words(check, feed);
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  while (source[0] != '\0' && g_hash_table_add(seen, (gpointer)source)) {
    if (g_str_equal(source, own)) {
      fault(check, "feed.from", "绕成了圈：“%s”最后又从它自己来", own);
      return;
    }
    json_t *other = other_named(check, source);
    const LedgerDefinition *stored = other == NULL ? ledger_find(source) : NULL;
    source = text_at(json_object_get(other != NULL ? other : stored != NULL ? stored->json : NULL, "feed"), "from");
  }
}

/* What stands in braces is a field of the row, else of the entry. */
static void check_pattern(Check *check, const char *place, const LedgerField *rows, const char *pattern) {
  g_auto(GStrv) parts = g_strsplit(pattern, "{", -1);
  for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
    char *end = strchr(parts[i], '}');
    gboolean child = FALSE;
    if (end == NULL) return fault(check, place, "“%s”少一个 }", pattern);
    *end = '\0';
    for (guint k = 0; rows != NULL && k < rows->count; k++) child = child || g_str_equal(rows->fields[k].name, parts[i]);
    if (!child) check_field_name(check, place, parts[i]);
  }
}

/* Buttons that begin an entry of another ledger from this one or from one of its rows. */
static void check_makes(Check *check) {
  static const Key keys[] = {{"ledger", 's'}, {"from", 's'}, {"label", 's'}, {"values", 'o'}, {NULL}};
  size_t i;
  json_t *make, *value;
  json_array_foreach(json_object_get(check->definition, "makes"), i, make) {
    g_autofree char *at = g_strdup_printf("makes[%zu]", i), *from_at = g_strdup_printf("%s.from", at), *ledger_at = g_strdup_printf("%s.ledger", at);
    const char *from = text_at(make, "from"), *ledger = text_at(make, "ledger"), *name;
    const LedgerField *rows = from[0] != '\0' ? ledger_field(check->self, from) : NULL;
    const LedgerDefinition *target = other_named(check, ledger) == NULL ? ledger_find(ledger) : NULL;
    check_keys(check, at, make, keys);
    check_ledger_name(check, ledger_at, ledger);
    if (from[0] != '\0' && rows == NULL) check_field_name(check, from_at, from);
    else if (rows != NULL && rows->type != FIELD_ROWS) fault(check, from_at, "“%s”不是 rows", from);
    json_object_foreach(json_object_get(make, "values"), name, value) {
      g_autofree char *value_at = g_strdup_printf("%s.values.%s", at, name);
      if (target != NULL && ledger_field(target, name) == NULL) fault(check, value_at, "台账“%s”没有栏目“%s”", ledger, name);
      if (json_is_string(value)) check_pattern(check, value_at, rows, json_string_value(value));
      else fault(check, value_at, "应为文字");
    }
  }
}

/* What is for few to read becomes a record only with a secrecy that says so. */
static void check_archives(Check *check) {
  static const Key keys[] = {{"when", 'o'}, {"roles", 'a'}, {"category", 's'}, {"fonds", 's'}, {"values", 'o'}, {NULL}};
  json_t *archives = json_object_get(check->definition, "archives"), *values = json_object_get(archives, "values"), *value;
  const char *name;
  Security secrecy;
  if (archives == NULL) return;
  check_keys(check, "archives", archives, keys);
  json_object_foreach(json_object_get(archives, "when"), name, value) check_field_name(check, "archives.when", name);
  json_object_foreach(values, name, value) {
    g_autofree char *at = g_strdup_printf("archives.values.%s", name);
    if (json_is_string(value)) check_pattern(check, at, NULL, json_string_value(value));
    else fault(check, at, "应为文字");
  }
  if (text_at(values, "保管期限")[0] == '\0') fault(check, "archives.values", "要写明保管期限");
  gboolean few = check->self->restricted || check->self->own_rows || check->self->read != NULL;
  if (few && (!security_parse(text_at(values, "密级"), &secrecy) || secrecy < SECURITY_SECRET))
    fault(check, "archives.values", "只对指定岗位开放的台账，归档要写明密级（秘密以上）");
}

static const Key DEFINITION_KEYS[] = {{"name", 's'}, {"group", 's'}, {"about", 's'}, {"number", 's'}, {"title", 's'}, {"title_required", 'b'}, {"date", 's'},
  {"date_required", 'b'}, {"uses", 'a'}, {"restricted", 'b'}, {"read", 'a'}, {"write", 'a'}, {"rows", '*'}, {"all", 'a'}, {"fields", 'l'}, {"states", 'l'},
  {"moves", 'l'}, {"duties", 'l'}, {"reminds", 'l'}, {"views", 'l'}, {"makes", 'l'}, {"checklist", 'o'}, {"feed", 'o'}, {"archives", 'o'}, {"was", 'a'}, {NULL}};

/* Whose a row is must be one name or several, which stand in the entry itself. */
static void check_row_rule(Check *check) {
  static const Key keys[] = {{"of", 'a'}, {NULL}};
  json_t *rule = json_object_get(check->definition, "rows"), *name;
  size_t i;
  if (rule == NULL || (json_is_string(rule) && (g_str_equal(json_string_value(rule), "own") || g_str_equal(json_string_value(rule), "all")))) return;
  if (!json_is_object(rule)) return fault(check, "rows", "只能是 own、all 或 {of: [写明是谁的栏目]}");
  guint before = (guint)json_array_size(check->faults);
  check_keys(check, "rows", rule, keys);
  if (json_array_size(check->faults) > before) return;
  json_array_foreach(json_object_get(rule, "of"), i, name) {
    const LedgerField *field = ledger_field(check->self, json_string_value(name));
    gboolean fits = field != NULL && !field->dated && (field->type == FIELD_TEXT || field->type == FIELD_CHOICE || field->type == FIELD_BODY);
    if (field == NULL) check_field_name(check, "rows.of", json_string_value(name));
    else if (!fits || base_derived(field->name)) fault(check, "rows.of", "“%s”不能说明是谁的：要一行字、选项或单位，不按日期变化", field->name);
  }
  if (json_array_size(json_object_get(rule, "of")) == 0) fault(check, "rows", "没有写明栏目：{of: [移交单位]}");
}

static void check_rest(Check *check) {
  json_t *definition = check->definition, *word;
  size_t i;
  json_array_foreach(json_object_get(definition, "uses"), i, word) {
    if (!json_is_string(word) || base_field(json_string_value(word)) != NULL) continue;
    fault(check, "uses", "“%s”不是每条都有的栏目，请写在 fields 中", json_string_value(word));
  }
  const char *number = check->self->number;
  check_row_rule(check);
  if (number != NULL && strstr(number, "{serial") == NULL) fault(check, "number", "编号里要有流水号，如 {serial:3}");
  json_array_foreach(json_object_get(definition, "reminds"), i, word) {
    if (!json_is_integer(word) || json_integer_value(word) < 0 || json_integer_value(word) > 366) fault(check, "reminds", "提前天数应为 0 到 366 的整数");
  }
  json_t *checklist = json_object_get(definition, "checklist");
  static const char *const parts[] = {"item", "answer"};
  for (guint p = 0; checklist != NULL && p < G_N_ELEMENTS(parts); p++) {
    g_autofree char *at = g_strdup_printf("checklist.%s", parts[p]);
    const char *name = text_at(checklist, parts[p]);
    if (name[0] != '\0') check_field_name(check, at, name);
    else fault(check, at, "没有写明栏目");
  }
}

json_t *ledger_definition_faults(json_t *given, json_t *others) {
  json_auto_t *definition = definition_clean(given);
  Check check = {json_array(), definition, others, NULL};
  if (!json_is_object(definition)) {
    fault(&check, "", "不是台账定义：应为一组“名称: 值”");
    return check.faults;
  }
  check_keys(&check, "", definition, DEFINITION_KEYS);
  if (json_array_size(check.faults) > 0) return check.faults; /* what cannot be read cannot be looked at further */
  g_autoptr(LedgerDefinition) self = check.self = definition_parse(definition, 0, 0);
  name_good(&check, "name", self->name);
  check_fields(&check, "fields", json_object_get(definition, "fields"), FALSE);
  check_states(&check);
  check_moves(&check);
  check_again(&check);
  check_duties(&check);
  check_views(&check);
  check_makes(&check);
  check_feed(&check);
  check_archives(&check);
  check_rest(&check);
  return check.faults;
}
