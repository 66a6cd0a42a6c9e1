/*
 * A checked definition as C reads it.
 *
 * 1. Texts are borrowed from the definition's own JSON, which it holds; arrays are its own. It never changes.
 * 2. Fields: the base fields it uses first, 状态 with its own values, then its own in their order.
 */
#include "internal.h"
#include <math.h>

typedef struct {
  LedgerDefinition definition; /* first */
  GPtrArray *owned;
} Owned;

const char *const TYPE_WORDS[] = {"text", "lines", "number", "money", "date", "period", "choice", "bool", "person", "body", "place", "entry", "record", "file", "rows",
  "age", "link", NULL};

LedgerType type_of_word(const char *word, gboolean *ret_known) {
  for (guint i = 0; TYPE_WORDS[i] != NULL; i++)
    if (g_str_equal(TYPE_WORDS[i], word)) return *ret_known = TRUE, (LedgerType)i;
  *ret_known = FALSE;
  return FIELD_TEXT;
}

static gpointer keep(Owned *owned, gpointer memory) {
  if (memory != NULL) g_ptr_array_add(owned->owned, memory);
  return memory;
}

static const char *const *words_of(Owned *owned, json_t *array) {
  if (!json_is_array(array)) return NULL;
  const char **words = keep(owned, g_new0(const char *, json_array_size(array) + 1));
  for (size_t i = 0; i < json_array_size(array); i++) words[i] = json_string_value(json_array_get(array, i));
  return (const char *const *)words;
}

static const char *text_or_null(json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }
static gboolean flag_at(json_t *object, const char *key) { return json_is_true(json_object_get(object, key)); }

static void read_field(Owned *owned, json_t *source, LedgerField *field);

static const LedgerField *read_fields(Owned *owned, json_t *array, guint *ret_count) {
  *ret_count = (guint)json_array_size(array);
  if (*ret_count == 0) return NULL;
  LedgerField *fields = keep(owned, g_new0(LedgerField, *ret_count));
  for (guint i = 0; i < *ret_count; i++) read_field(owned, json_array_get(array, i), &fields[i]);
  return fields;
}

static void read_field(Owned *owned, json_t *source, LedgerField *field) {
  gboolean known;
  *field = (LedgerField){
    .name = text_at(source, "name"), .unit = text_or_null(source, "unit"), .hint = text_or_null(source, "hint"), .type = type_of_word(text_at(source, "type"), &known),
    .many = flag_at(source, "many"), .dated = flag_at(source, "dated"), .required = flag_at(source, "required"), .list = flag_at(source, "list"),
    .open = flag_at(source, "open"), .values = words_of(owned, json_object_get(source, "values")), .ledger = text_or_null(source, "ledger"),
    .of = text_or_null(source, "of"), .fallback = json_object_get(source, "default"), .when = json_object_get(source, "when"),
    .roles = json_object_get(source, "read"), .was = words_of(owned, json_object_get(source, "was")),
    .renamed = json_object_get(source, "renamed"),
  };
  field->fields = read_fields(owned, json_object_get(source, "fields"), &field->count);
}

static void read_states(Owned *owned) {
  LedgerDefinition *definition = &owned->definition;
  json_t *source = json_object_get(definition->json, "states");
  definition->state_count = (guint)json_array_size(source);
  LedgerState *states = keep(owned, g_new0(LedgerState, definition->state_count + 1));
  for (guint i = 0; i < definition->state_count; i++) {
    json_t *row = json_array_get(source, i);
    states[i] = (LedgerState){text_at(row, "name"), flag_at(row, "closed"), words_of(owned, json_object_get(row, "was"))};
  }
  definition->states = states;
}

/* One row of the definition may name several states to come from. */
static void read_moves(Owned *owned) {
  LedgerDefinition *definition = &owned->definition;
  GArray *moves = g_array_new(TRUE, TRUE, sizeof(LedgerMove));
  size_t i, j;
  json_t *row, *from;
  json_array_foreach(json_object_get(definition->json, "moves"), i, row) {
    LedgerMove move = {NULL, text_at(row, "to"), text_at(row, "label"), text_or_null(row, "note"), words_of(owned, json_object_get(row, "roles")),
      words_of(owned, json_object_get(row, "needs")), json_object_get(row, "sets"), json_object_get(row, "complete"), flag_at(row, "another")};
    json_array_foreach(json_object_get(row, "from"), j, from) {
      move.from = json_string_value(from);
      g_array_append_val(moves, move);
    }
  }
  definition->move_count = moves->len;
  definition->moves = keep(owned, g_array_free(moves, FALSE));
}

static gboolean base_used(const LedgerDefinition *definition, const char *name) {
  static const char *const always[] = {"日期", "标题", "状态", NULL};
  if (g_strv_contains(always, name)) return TRUE;
  if (g_str_equal(name, "编号")) return definition->number != NULL;
  if (base_tied(name)) return json_object_get(definition->json, "archives") != NULL;
  return json_lists(json_object_get(definition->json, "uses"), name);
}

static void read_all_fields(Owned *owned) {
  LedgerDefinition *definition = &owned->definition;
  json_t *own = json_object_get(definition->json, "fields");
  guint base_count, used = 0;
  const LedgerField *base = base_fields(&base_count);
  LedgerField *fields = keep(owned, g_new0(LedgerField, base_count + json_array_size(own) + 1));
  for (guint i = 0; i < base_count; i++)
    if (base_used(definition, base[i].name)) fields[used++] = base[i];
  const char **names = keep(owned, g_new0(const char *, definition->state_count + 1));
  for (guint i = 0; i < definition->state_count; i++) names[i] = definition->states[i].name;
  for (guint i = 0; i < used; i++) {
    if (g_str_equal(fields[i].name, "状态")) fields[i].values = (const char *const *)names;
    if (g_str_equal(fields[i].name, "日期")) fields[i].required = definition->date_required, fields[i].hint = definition->date_label;
    if (g_str_equal(fields[i].name, "标题")) fields[i].required = definition->title_required, fields[i].hint = definition->title_label;
  }
  size_t i;
  json_t *row;
  json_array_foreach(own, i, row) read_field(owned, row, &fields[used++]);
  definition->fields = fields;
  definition->field_count = used;
}

LedgerDefinition *definition_parse(json_t *json, gint64 id, int version) {
  Owned *owned = g_new0(Owned, 1);
  owned->owned = g_ptr_array_new_with_free_func(g_free);
  LedgerDefinition *definition = &owned->definition;
  json_t *read = json_object_get(json, "read"), *write = json_object_get(json, "write"), *all = json_object_get(json, "all");
  *definition = (LedgerDefinition){
    .id = id, .version = version, .json = json_incref(json), .name = text_at(json, "name"), .group = text_at(json, "group"), .about = text_at(json, "about"),
    .number = text_or_null(json, "number"), .title_label = json_object_get(json, "title") ? text_at(json, "title") : "标题",
    .date_label = json_object_get(json, "date") ? text_at(json, "date") : "日期", .title_required = !json_is_false(json_object_get(json, "title_required")),
    .date_required = !json_is_false(json_object_get(json, "date_required")), .restricted = flag_at(json, "restricted"),
    .own_rows = g_str_equal(text_at(json, "rows"), "own"), .read = words_of(owned, read), .write = words_of(owned, write), .all = words_of(owned, all),
    .of = words_of(owned, json_object_get(json_object_get(json, "rows"), "of")),
  };
  read_states(owned);
  read_moves(owned);
  read_all_fields(owned);
  return definition;
}

void definition_drop(LedgerDefinition *definition) {
  if (definition == NULL) return;
  Owned *owned = (Owned *)(void *)definition;
  json_decref(definition->json);
  g_ptr_array_unref(owned->owned);
  g_free(owned);
}

const LedgerField *ledger_field(const LedgerDefinition *definition, const char *name) {
  for (guint i = 0; i < definition->field_count; i++)
    if (g_str_equal(definition->fields[i].name, name)) return &definition->fields[i];
  for (guint i = 0; i < definition->field_count; i++)
    if (word_in(definition->fields[i].was, name)) return &definition->fields[i];
  if (g_str_equal(name, definition->title_label)) return ledger_field(definition, "标题");
  if (g_str_equal(name, definition->date_label)) return ledger_field(definition, "日期");
  return base_field(name);
}

const LedgerState *ledger_state(const LedgerDefinition *definition, const char *name) {
  for (guint i = 0; name != NULL && i < definition->state_count; i++)
    if (g_str_equal(definition->states[i].name, name)) return &definition->states[i];
  return NULL;
}

static gboolean value_is(json_t *value, json_t *wanted) {
  if (json_is_array(value)) {
    for (size_t i = 0; i < json_array_size(value); i++)
      if (value_is(json_array_get(value, i), wanted)) return TRUE;
    return FALSE;
  }
  return json_equal(value, wanted) || (value == NULL && json_is_false(wanted));
}

static double number_of(json_t *value) {
  char *end = NULL;
  const char *text = json_string_value(value);
  double number = text != NULL ? g_ascii_strtod(text, &end) : json_is_number(value) ? json_number_value(value) : NAN;
  return text != NULL && (*text == '\0' || *end != '\0') ? NAN : number;
}

static gboolean value_has(json_t *value, json_t *wanted) {
  for (size_t i = 0; i < json_array_size(value); i++)
    if (value_has(json_array_get(value, i), wanted)) return TRUE;
  return json_is_string(value) && json_is_string(wanted) && strstr(json_string_value(value), json_string_value(wanted)) != NULL;
}

static gboolean value_meets(json_t *value, json_t *wanted);

/* One operator; one that the check does not let through holds never. */
static gboolean operator_meets(json_t *value, const char *op, json_t *wanted) {
  double have = number_of(value), bound = number_of(wanted);
  if (g_str_equal(op, "set")) return json_is_empty(value) != json_is_true(wanted);
  if (g_str_equal(op, "not")) return !value_meets(value, wanted);
  if (g_str_equal(op, "has")) return value_has(value, wanted);
  if (g_str_equal(op, "min")) return have >= bound;
  if (g_str_equal(op, "max")) return have <= bound;
  if (g_str_equal(op, "over")) return have > bound;
  return g_str_equal(op, "under") && have < bound;
}

static gboolean value_meets(json_t *value, json_t *wanted) {
  const char *op;
  json_t *operand;
  if (json_is_object(wanted)) {
    json_object_foreach(wanted, op, operand)
      if (!operator_meets(value, op, operand)) return FALSE;
    return TRUE;
  }
  if (!json_is_array(wanted)) return value_is(value, wanted);
  for (size_t i = 0; i < json_array_size(wanted); i++)
    if (value_is(value, json_array_get(wanted, i))) return TRUE;
  return FALSE;
}

gboolean field_when(json_t *when, json_t *values, json_t *entry) {
  const char *name;
  json_t *wanted;
  json_object_foreach(when, name, wanted) {
    const char *key = base_key(name);
    json_t *value = key != NULL ? json_object_get(entry, key) : json_object_get(values, name);
    if (!value_meets(value, wanted)) return FALSE;
  }
  return TRUE;
}
