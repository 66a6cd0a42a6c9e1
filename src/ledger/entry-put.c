/*
 * Making and changing entries.
 *
 * 1. What was given is laid over what is there; members and values that were not given stay. Null empties.
 * 2. Nothing is written that does not pass ledger_entry_problems, and nothing when nothing differs.
 * 3. A state changes by ledger_entry_move where the ledger has moves. A new entry begins in the first state; one that is taken over from elsewhere may bring
 *    its states with their days (`states`).
 */
#include "internal.h"
#include "date.h"

/* ---- what was given, in the stored form ---- */

/* Texts among the members: [member, most characters]. */
typedef struct { const char *key; guint most; } Member;
static const Member TEXT_MEMBERS[] = {{"title", TITLE_MAX}, {"owner", 100}, {"department", 200}, {"unit", 200}, {"number", 100}, {"state", 60}, {"basis", 20},
  {"secrecy", 20}, {"key", 200}};

static void problem(json_t *problems, const char *field, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void problem(json_t *problems, const char *field, const char *format, ...) {
  if (json_object_get(problems, field) != NULL) return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  json_object_set_new(problems, field, json_string(text));
}

/* Base fields by their Chinese names go to their members; labels and former names to the present names. */
static void values_place(GPtrArray *definitions, json_t *entry) {
  json_t *values = json_object_get(entry, "values"), *value;
  if (!json_is_object(values)) return;
  json_auto_t *placed = json_object();
  const char *name;
  json_object_foreach(values, name, value) {
    const LedgerField *field = entry_field(definitions, name);
    const char *key = field != NULL && field->base ? base_key(field->name) : NULL;
    if (key != NULL && !g_str_equal(key, "files")) json_object_set(entry, key, value);
    else if (key == NULL) json_object_set(placed, field != NULL ? field->name : name, value);
  }
  json_object_set(entry, "values", placed);
}

static void place_dates(json_t *entry, json_t *problems) {
  json_t *date = json_object_get(entry, "date"), *due = json_object_get(entry, "due");
  g_autofree char *number = json_is_integer(date) ? g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(date)) : NULL;
  DateSpan span = {0, 0};
  if (date != NULL) {
    const char *text = number != NULL ? number : json_string_value(date);
    if (!json_is_null(date) && (text == NULL || !date_parse(text, &span)))
      problem(problems, "日期", "“%s”不是日期，应如 2023-05-12、2023-05、2023-05-01/2023-05-31", text ? text : "");
    json_object_set_new(entry, "from", json_integer(span.from));
    json_object_set_new(entry, "to", json_integer(span.to));
    json_object_del(entry, "date");
  }
  if (json_is_null(due)) json_object_set_new(entry, "due", json_integer(0));
  if (json_is_string(due)) {
    DateSpan day = {0, 0};
    if (!date_parse(json_string_value(due), &day)) problem(problems, "截止", "“%s”不是日期，应如 2023-05-12", json_string_value(due));
    json_object_set_new(entry, "due", json_integer(day.to));
  }
}

static const char *member_name(const char *key) {
  guint count;
  const LedgerField *base = base_fields(&count);
  for (guint i = 0; i < count; i++) {
    const char *member = base_key(base[i].name);
    if (member != NULL && g_str_equal(member, key)) return base[i].name;
  }
  return key;
}

static void place_texts(json_t *entry, json_t *problems) {
  for (guint i = 0; i < G_N_ELEMENTS(TEXT_MEMBERS); i++) {
    const Member *member = &TEXT_MEMBERS[i];
    json_t *value = json_object_get(entry, member->key);
    if (value == NULL) continue;
    if (json_is_integer(value)) json_object_set_new(entry, member->key, value = json_sprintf("%" G_GINT64_FORMAT, (gint64)json_integer_value(value)));
    const char *text = json_string_value(value);
    if (text == NULL && !json_is_null(value)) problem(problems, member_name(member->key), "应为文字");
    g_autofree char *clean = text_clean(text != NULL ? text : "", FALSE);
    if (text_length(clean) > member->most) problem(problems, member_name(member->key), "超过 %u 字", member->most);
    json_object_set_new(entry, member->key, json_string(clean));
  }
}

static void place_quantity(json_t *entry, json_t *problems) {
  static const LedgerField field = {.name = "次数", .type = FIELD_NUMBER};
  json_t *given = json_object_get(entry, "quantity");
  ValueContext context = {.entry = entry};
  g_autofree char *what = NULL;
  json_auto_t *clean = given != NULL ? value_clean(&context, &field, given, &what) : json_null();
  if (clean == NULL) problem(problems, "次数", "%s", what);
  if (json_is_number(clean) && json_number_value(clean) < 0) problem(problems, "次数", "不能是负数");
  json_object_set_new(entry, "quantity", json_is_number(clean) ? json_incref(clean) : json_integer(1));
}

/* "states" that were brought along: [[state, day]], days as written. */
static void place_states(const LedgerDefinition *definition, json_t *entry, json_t *problems) {
  size_t i;
  json_t *pair;
  json_array_foreach(json_object_get(entry, "states"), i, pair) {
    const char *name = json_string_value(json_array_get(pair, 0));
    json_t *day = json_array_get(pair, 1);
    DateSpan span = {(gint32)json_integer_value(day), 0};
    if (json_is_string(day) && !date_parse(json_string_value(day), &span)) span.from = 0;
    if (name == NULL || ledger_state(definition, name) == NULL) problem(problems, "状态", "没有状态“%s”", name ? name : "");
    else if (json_array_size(pair) > 1 && !json_is_integer(day)) json_array_set_new(pair, 1, json_integer(span.from));
  }
}

/* ---- rules ---- */

static void check_base(Sql *sql, const LedgerDefinition *definition, json_t *entry, json_t *problems) {
  static const LedgerField body = {.name = "单位", .type = FIELD_BODY};
  const char *state = text_at(entry, "state");
  int from = (int)int_at(entry, "from"), to = (int)int_at(entry, "to"), due = (int)int_at(entry, "due");
  if (definition->title_required && text_at(entry, "title")[0] == '\0') problem(problems, "标题", "请填写%s", definition->title_label);
  if (definition->date_required && from == 0 && !entry_waits(entry)) problem(problems, "日期", "请填写%s", definition->date_label);
  if (from != 0 && to < from) problem(problems, "日期", "终止日期早于开始日期");
  if (due != 0 && from != 0 && due < from) problem(problems, "截止", "截止日期（%04d-%02d-%02d）早于%s（%04d-%02d-%02d）", due / 10000, due / 100 % 100, due % 100,
    g_str_equal(definition->date_label, "日期") ? "开始日期" : definition->date_label, from / 10000, from / 100 % 100, from % 100);
  if (ledger_state(definition, state) == NULL) {
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < definition->state_count; i++) g_ptr_array_add(names, (gpointer)definition->states[i].name);
    g_ptr_array_add(names, NULL);
    g_autofree char *nearest = nearest_words(text_nearest(state, (const char *const *)names->pdata));
    problem(problems, "状态", "没有状态“%s”%s", state, nearest);
  }
  if (!word_in(BASIS_WORDS, text_at(entry, "basis"))) problem(problems, "口径", "“%s”应为逐条、汇总上报或推算", text_at(entry, "basis"));
  Security secrecy;
  if (!security_parse(text_at(entry, "secrecy"), &secrecy)) problem(problems, "密级", "“%s”应为公开、内部、秘密、机密或绝密", text_at(entry, "secrecy"));
  else json_object_set_new(entry, "secrecy", json_string(security_label(secrecy)));
  ValueContext context = {.sql = sql, .entry = entry, .definition = definition};
  g_autofree char *what = NULL;
  json_t *unit = value_clean(&context, &body, json_object_get(entry, "unit"), &what);
  json_object_set_new(entry, "unit", json_is_string(unit) ? unit : json_string(UNIT_SELF));
  if (unit != NULL && !json_is_string(unit)) json_decref(unit);
}

static void check_values(const ValueContext *context, GPtrArray *definitions, json_t *former, json_t *problems) {
  json_t *values = json_object_get(context->entry, "values"), *value;
  json_auto_t *clean = json_object();
  const char *name;
  json_object_foreach(values, name, value) {
    const LedgerField *field = entry_field(definitions, name);
    if (field == NULL) {
      g_autofree char *nearest = nearest_words(nearest_field(context->definition, name));
      problem(problems, name, "台账“%s”没有栏目“%s”%s", context->definition->name, name, nearest);
      continue;
    }
    if (base_derived(field->name)) continue;
    if (field->base && base_tied(field->name)) {
      json_object_set(clean, field->name, value);
      continue;
    }
    g_autofree char *what = NULL;
    ValueContext own = *context;
    own.former = json_object_get(json_object_get(former, "values"), field->name);
    json_auto_t *cleaned = value_clean(&own, field, value, &what);
    if (cleaned == NULL) problem(problems, field->name, "%s", what);
    else if (!json_is_empty(cleaned)) json_object_set(clean, field->name, cleaned);
  }
  json_object_set(context->entry, "values", clean);
}

static void check_required(GPtrArray *definitions, json_t *entry, json_t *problems) {
  json_t *values = json_object_get(entry, "values");
  for (guint d = 0; d < definitions->len; d++) {
    const LedgerDefinition *definition = definitions->pdata[d];
    for (guint i = 0; i < definition->field_count; i++) {
      const LedgerField *field = &definition->fields[i];
      if (field->base || !field->required || json_object_get(values, field->name) != NULL) continue;
      if (field_when(field->when, values, entry)) problem(problems, field->name, "请填写%s", field->name);
    }
  }
}

static void default_text(json_t *entry, const char *key, const char *text) {
  if (text_at(entry, key)[0] == '\0') json_object_set_new(entry, key, json_string(text));
}

/* Of what is newly referred to, what the asker may not see is as if there were none. */
static json_t *problems_to(Sql *sql, Asker asker, const LedgerDefinition *definition, json_t *former, json_t *entry) {
  json_t *problems = json_object();
  default_text(entry, "ledger", definition->name);
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  values_place(definitions, entry);
  place_dates(entry, problems);
  place_texts(entry, problems);
  place_quantity(entry, problems);
  place_states(definition, entry, problems);
  default_text(entry, "basis", "逐条");
  default_text(entry, "secrecy", "公开");
  default_text(entry, "unit", UNIT_SELF);
  if (int_at(entry, "id") == 0) default_text(entry, "state", definition->state_count > 0 ? definition->states[0].name : "");
  if (!json_is_object(json_object_get(entry, "values"))) json_object_set_new(entry, "values", json_object());
  check_base(sql, definition, entry, problems);
  ValueContext context = {.sql = sql, .entry = entry, .definition = definition, .asker = &asker};
  check_values(&context, definitions, former, problems);
  if (!entry_waits(entry)) check_required(definitions, entry, problems);
  return problems;
}

json_t *ledger_entry_problems(Sql *sql, Asker asker, const LedgerDefinition *definition, json_t *entry) {
  gint64 id = int_at(entry, "id");
  json_auto_t *former = id != 0 && !asker.everything ? entry_load_any(sql, id, NULL) : NULL;
  return problems_to(sql, asker, definition, former, entry);
}

/* ---- laying over ---- */

/* A plain value for a dated field continues what was there from today on. */
static void lay_dated(const LedgerField *field, json_t *former, json_t *values, const char *name, json_t *value) {
  json_t *first = json_array_get(value, 0);
  gboolean listed = json_is_array(first) && json_array_size(first) == 2;
  if (!field->dated || listed || json_is_empty(value) || json_array_size(former) == 0) return;
  json_auto_t *shown = dated_parse(json_string_value(value));
  if (shown != NULL) return;
  json_t *last = json_array_get(json_array_get(former, json_array_size(former) - 1), 0);
  json_t *list = json_deep_copy(former);
  if (!json_equal(last, value)) json_array_append_new(list, json_pack("[O, i]", value, date_today()));
  json_object_set_new(values, name, list);
}

static json_t *lay_over(json_t *former, json_t *given) {
  static const char *const own[] = {"id", "rev", "version", "ledger_id", "closed", "deleted", "made_by", "made_at", "changed_by", "changed_at", "moved_by", "files",
    "values", "back", "foretold", NULL};
  json_t *entry = json_deep_copy(former), *value;
  if (json_object_get(given, "also") != NULL) json_object_set_new(entry, "also", json_deep_copy(json_object_get(given, "also")));
  const char *key;
  json_object_foreach(given, key, value) {
    if (!g_strv_contains(own, key)) json_object_set_new(entry, key, json_deep_copy(value));
  }
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  json_t *values = json_object_get(entry, "values");
  json_object_foreach(json_object_get(given, "values"), key, value) {
    const LedgerField *field = entry_field(definitions, key);
    if (field != NULL && field->base && base_tied(field->name)) continue; /* not by hand */
    json_object_set_new(values, field != NULL ? field->name : key, json_deep_copy(value));
    if (field != NULL) lay_dated(field, json_object_get(json_object_get(former, "values"), field->name), values, field->name, value);
  }
  return entry;
}

static json_t *fresh(json_t *given, const LedgerDefinition *definition) {
  json_auto_t *blank = json_pack("{s:i, s:s, s:[], s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:s, s:{}, s:[], s:[]}", "id", 0,
    "ledger", definition->name, "also", "number", "", "unit", "", "from", 0, "to", 0, "title", "", "state", "", "owner", "", "department", "", "due", 0, "quantity", 1,
    "basis", "", "secrecy", "", "key", "", "closed", FALSE, "deleted", FALSE, "moved_by", "", "values", "states", "files");
  json_t *entry = lay_over(blank, given);
  json_object_set_new(entry, "ledger", json_string(definition->name));
  return entry;
}

static void fill_defaults(json_t *entry, json_t *given) {
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  json_t *values = json_object_get(entry, "values");
  for (guint d = 0; d < definitions->len; d++) {
    const LedgerDefinition *definition = definitions->pdata[d];
    for (guint i = 0; i < definition->field_count; i++) {
      const LedgerField *field = &definition->fields[i];
      if (field->fallback == NULL || field->base || json_object_get(values, field->name) != NULL) continue;
      json_t *fallback = field->fallback;
      g_autofree char *today = NULL;
      if (field->type == FIELD_DATE && json_is_string(fallback) && g_str_equal(json_string_value(fallback), "today")) {
        int day = date_today();
        today = g_strdup_printf("%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
      }
      json_object_set_new(values, field->name, today != NULL ? json_string(today) : json_deep_copy(fallback));
    }
  }
}

/* Names of further ledgers as they are called now, in order, each once, not its own. */
static gboolean also_settle(json_t *entry, GError **error) {
  size_t i;
  json_t *name;
  const LedgerDefinition *own = ledger_find(text_at(entry, "ledger"));
  g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);
  json_array_foreach(json_object_get(entry, "also"), i, name) {
    const LedgerDefinition *other = ledger_find(json_string_value(name));
    if (other == NULL) {
      g_autofree char *nearest = nearest_words(nearest_ledger(json_string_value(name) ? json_string_value(name) : ""));
      return throw(error, LANTAI_ERROR_INVALID, "没有台账“%s”%s", json_string_value(name) ? json_string_value(name) : "", nearest);
    }
    if (other != own) g_hash_table_add(wanted, (gpointer)other);
  }
  json_t *also = json_array();
  for (gint64 id = 1; g_hash_table_size(wanted) > json_array_size(also); id++) {
    const LedgerDefinition *other = ledger_of(id);
    if (other != NULL && g_hash_table_contains(wanted, other)) json_array_append_new(also, json_string(other->name));
  }
  json_object_set_new(entry, "also", also);
  return TRUE;
}

/* ---- states ---- */

static gint compare_states(gconstpointer a, gconstpointer b) {
  json_int_t left = json_integer_value(json_array_get(*(json_t *const *)a, 1)), right = json_integer_value(json_array_get(*(json_t *const *)b, 1));
  return left < right ? -1 : left > right;
}

static void states_sort(json_t *entry) {
  g_autoptr(GPtrArray) pairs = g_ptr_array_new();
  size_t i;
  json_t *pair, *states = json_object_get(entry, "states");
  json_array_foreach(states, i, pair) g_ptr_array_add(pairs, json_incref(pair));
  g_ptr_array_sort(pairs, compare_states); /* stable in GLib (merge sort) */
  json_t *sorted = json_array();
  for (guint p = 0; p < pairs->len; p++) json_array_append_new(sorted, pairs->pdata[p]);
  json_object_set_new(entry, "states", sorted);
}

/* The first state, and those that no move leads to (the row of a target beside those of the work). */
static gboolean state_begins(const LedgerDefinition *definition, const char *state) {
  if (definition->move_count == 0 || g_str_equal(state, definition->states[0].name)) return TRUE;
  for (guint i = 0; i < definition->move_count; i++)
    if (g_str_equal(definition->moves[i].to, state)) return FALSE;
  return TRUE;
}

static gboolean states_settle(const LedgerDefinition *definition, json_t *entry, json_t *former, gboolean brought, GError **error) {
  const char *state = text_at(entry, "state");
  int day = int_at(entry, "from") != 0 ? (int)int_at(entry, "from") : date_today();
  if (former == NULL && brought) {
    states_sort(entry);
    json_t *last = json_array_get(json_array_get(json_object_get(entry, "states"), json_array_size(json_object_get(entry, "states")) - 1), 0);
    json_object_set(entry, "state", last);
    state = json_string_value(last);
  } else if (former == NULL) {
    if (!state_begins(definition, state))
      return throw(error, LANTAI_ERROR_INVALID, "状态：新登记的从“%s”开始，之后按流转变更", definition->states[0].name);
    json_object_set_new(entry, "states", json_pack("[[s, i]]", state, day));
  } else if (!g_str_equal(state, text_at(former, "state"))) {
    if (definition->move_count > 0) return throw(error, LANTAI_ERROR_INVALID, "状态：从“%s”到“%s”须办理流转，不能直接修改", text_at(former, "state"), state);
    json_object_set_new(entry, "states", json_deep_copy(json_object_get(former, "states")));
    json_array_append_new(json_object_get(entry, "states"), json_pack("[s, i]", state, date_today()));
  } else json_object_set(entry, "states", json_object_get(former, "states"));
  const LedgerState *now = ledger_state(definition, state);
  json_object_set_new(entry, "closed", json_boolean(now != NULL && now->closed && !entry_waits(entry)));
  return TRUE;
}

/* ---- preparing ---- */

static gboolean refuse_problems(json_t *problems, json_t *entry, GError **error) {
  const char *field;
  json_t *what;
  json_object_foreach(problems, field, what) {
    return throw(error, LANTAI_ERROR_INVALID, "%s%s%s%s：%s", text_at(entry, "title")[0] ? "《" : "", text_at(entry, "title"), text_at(entry, "title")[0] ? "》" : "",
      field, json_string_value(what));
  }
  return TRUE;
}

static gboolean number_free(Sql *sql, const LedgerDefinition *definition, json_t *entry, GError **error) {
  const char *number = text_at(entry, "number");
  if (number[0] == '\0') return TRUE;
  gint64 other = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND number = $2 AND number <> '' AND id <> $3",
    SQL_ARGS(sql_int(definition->id), sql_text(number), sql_int(int_at(entry, "id"))), 0, NULL);
  return other == 0 || throw(error, LANTAI_ERROR_CONFLICT, "编号 %s 已经用过（第 %d 条），编号不重复使用", number, (int)other);
}

gboolean entry_is_unchanged(json_t *former, gint64 expect_rev, GError **error) {
  if (expect_rev == 0 || expect_rev == int_at(former, "rev")) return TRUE;
  g_autofree char *at = clock_format(int_at(former, "changed_at"));
  return throw(error, LANTAI_ERROR_CONFLICT, "%s 已在 %s 改过这一条，请看过再改", text_at(former, "changed_by"), at);
}

gboolean entry_says_same(json_t *former, json_t *entry) {
  static const char *const stamps[] = {"rev", "version", "changed_by", "changed_at", "ledger_id"};
  json_auto_t *a = json_copy(former), *b = json_copy(entry);
  for (guint i = 0; i < G_N_ELEMENTS(stamps); i++) {
    json_object_del(a, stamps[i]);
    json_object_del(b, stamps[i]);
  }
  return json_equal(a, b);
}

void entry_stamp(Sql *sql, const char *actor, json_t *entry) {
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  json_object_set_new(entry, "rev", json_integer(entry_next_rev(sql)));
  json_object_set_new(entry, "changed_by", json_string(actor));
  json_object_set_new(entry, "changed_at", json_integer(clock_now_us()));
  if (definition != NULL) {
    json_object_set_new(entry, "version", json_integer(definition->version));
    json_object_set_new(entry, "ledger_id", json_integer(definition->id));
  }
  if (json_object_get(entry, "made_at") != NULL) return;
  json_object_set(entry, "made_at", json_object_get(entry, "changed_at"));
  json_object_set_new(entry, "made_by", json_string(actor));
}

static const LedgerDefinition *definition_wanted(json_t *given, json_t *former, GError **error) {
  const char *name = former != NULL ? text_at(former, "ledger") : text_at(given, "ledger");
  const LedgerDefinition *definition = ledger_find(name);
  if (definition != NULL) return definition;
  g_autofree char *nearest = nearest_words(nearest_ledger(name));
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有台账“%s”%s", name, nearest);
}

/* ---- who may ---- */

gboolean entry_may_change(json_t *entry, Asker asker, GError **error) {
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  if (definition == NULL || !entry_admitted(entry, asker)) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这一条台账");
  return ledger_may_write(definition, asker) || throw(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", definition->name);
}

gboolean entry_may_write_field(GPtrArray *definitions, const char *name, Asker asker) {
  for (guint i = 0; i < definitions->len; i++) {
    const LedgerField *field = ledger_field(definitions->pdata[i], name);
    if (field != NULL) return asker.everything || (ledger_may_write(definitions->pdata[i], asker) && ledger_may_write_field(field, asker));
  }
  return TRUE; /* there is none: told as a problem */
}

/* Further ledgers are joined and left by those who may write them. */
static gboolean may_join(json_t *given, json_t *former, Asker asker, GError **error) {
  json_t *now = json_object_get(given, "also"), *before = json_object_get(former, "also"), *const lists[][2] = {{now, before}, {before, now}};
  json_t *name, *other;
  size_t i, k;
  for (guint side = 0; now != NULL && side < G_N_ELEMENTS(lists); side++)
    json_array_foreach(lists[side][0], i, name) {
      gboolean stays = FALSE;
      const LedgerDefinition *definition = ledger_find(json_string_value(name));
      json_array_foreach(lists[side][1], k, other) stays = stays || json_equal(name, other);
      if (!stays && definition != NULL && !ledger_may_write(definition, asker))
        return throw(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", definition->name);
    }
  return TRUE;
}

/* What was given without the fields that the asker may not write: those that come back as he saw them stay as they are, others are refused. New. */
static json_t *writable(json_t *given, json_t *former, Asker asker, GError **error) {
  json_auto_t *mine = json_copy(given), *values = json_copy(json_object_get(given, "values")), *seen = former ? json_deep_copy(former) : NULL;
  json_t *value;
  void *next;
  const char *name;
  if (seen) entry_hide(seen, asker);
  g_autoptr(GPtrArray) definitions = entry_definitions(former ? former : given);
  json_object_foreach_safe(values, next, name, value) {
    if (entry_may_write_field(definitions, name, asker)) continue;
    json_t *shown = json_object_get(json_object_get(seen, "values"), name);
    if (!json_equal(value, shown) && !(json_is_empty(value) && json_is_empty(shown))) return throw_null(error, LANTAI_ERROR_DENIED, "您不能填写“%s”", name);
    json_object_del(values, name);
  }
  if (values) json_object_set(mine, "values", values);
  return g_steal_pointer(&mine);
}

static json_t *given_by(json_t *given, json_t *former, const LedgerDefinition *definition, Asker asker, GError **error) {
  if (asker.everything) return json_incref(given);
  if (former != NULL && !entry_may_change(former, asker, error)) return NULL;
  if (former == NULL && !ledger_may_write(definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", definition->name);
  return may_join(given, former, asker, error) ? writable(given, former, asker, error) : NULL;
}

gboolean entry_is_undone(json_t *entry) {
  return json_is_true(json_object_get(entry, "deleted")) && g_str_has_prefix(text_at(entry, "key"), UNDONE_KEY);
}

/* What went with its batch is told anew; not where somebody has brought it back meanwhile: then it is his. */
static gboolean may_come_again(json_t *buried, Asker asker, GError **error) {
  if (!entry_is_undone(buried)) return throw(error, LANTAI_ERROR_CONFLICT, "核对以后，这一条又恢复了");
  return entry_may_change(buried, asker, error);
}

/* Told anew, it is the same entry under the same number. */
static void come_again(json_t *entry, json_t *buried) {
  static const char *const stays[] = {"id", "number", "made_at", "made_by"};
  for (guint i = 0; i < G_N_ELEMENTS(stays); i++) json_object_set(entry, stays[i], json_object_get(buried, stays[i]));
}

json_t *entry_prepare(Sql *sql, Asker asker, const char *actor, json_t *offered, gint64 expect_rev, Prepared *ret, GError **error) {
  gint64 id = int_at(offered, "id");
  json_auto_t *former = id != 0 ? entry_load_any(sql, id, error) : NULL;
  if (id != 0 && former == NULL) return NULL;
  json_auto_t *buried = json_is_true(json_object_get(offered, "back")) ? g_steal_pointer(&former) : NULL;
  if (buried != NULL && !may_come_again(buried, asker, error)) return NULL;
  const LedgerDefinition *definition = definition_wanted(offered, former, error);
  json_auto_t *given = definition != NULL ? given_by(offered, former, definition, asker, error) : NULL;
  if (given == NULL || (former != NULL && !entry_is_unchanged(former, expect_rev, error))) return NULL;
  if (former != NULL && !entry_is_free(former, error)) return NULL;
  json_auto_t *entry = former != NULL ? lay_over(former, given) : fresh(given, definition);
  if (former != NULL) json_object_set(entry, "ledger", json_object_get(former, "ledger"));
  if (!also_settle(entry, error)) return NULL;
  if (former == NULL) fill_defaults(entry, given);
  gboolean brought = former == NULL && json_array_size(json_object_get(given, "states")) > 0;
  ret->problems = problems_to(sql, asker, definition, former, entry);
  if (!refuse_problems(ret->problems, entry, error) || !states_settle(definition, entry, former, brought, error)) return NULL;
  ret->id = id;
  if (former != NULL && entry_says_same(former, entry)) return NULL;
  if (!entry_stays_in_reach(former, entry, asker, error)) return NULL;
  if (buried != NULL) come_again(entry, buried);
  if (!number_free(sql, definition, entry, error)) return NULL;
  entry_stamp(sql, actor, entry);
  if (id == 0) json_object_set_new(entry, "id", json_integer(sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM ledger_entry", SQL_NONE, 1, NULL)));
  ret->id = int_at(entry, "id");
  return number_give(sql, definition, entry, error) ? g_steal_pointer(&entry) : NULL;
}

/* ---- writing ---- */

gboolean entries_tell(Sql *sql, const char *actor, json_t *entries, const char *note, GError **error) {
  if (json_array_size(entries) == 0) return TRUE;
  json_t *first = json_array_get(entries, 0);
  gboolean one = json_array_size(entries) == 1;
  json_auto_t *data = json_pack("{s:s, s:O}", "note", note != NULL ? note : "", "entries", entries);
  return journal_append(sql, actor, "ledger.put", one ? "entry" : "ledger", int_at(first, one ? "id" : "ledger_id"), data, error) != 0;
}

gboolean entry_save(Sql *sql, const char *actor, json_t *entry, const char *note, GError **error) {
  entry_stamp(sql, actor, entry);
  json_auto_t *entries = json_pack("[O]", entry);
  return entry_write(sql, entry, note, error) && entries_tell(sql, actor, entries, note, error);
}

gint64 ledger_entry_put(Sql *sql, Asker asker, const char *actor, json_t *given, gint64 expect_rev, GError **error) {
  Prepared prepared = {0, NULL};
  g_autoptr(GError) local = NULL;
  json_auto_t *entry = entry_prepare(sql, asker, actor, given, expect_rev, &prepared, &local);
  json_decref(prepared.problems);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), 0;
  if (entry == NULL) return prepared.id;
  json_auto_t *entries = json_pack("[O]", entry);
  return entry_write(sql, entry, NULL, error) && entries_tell(sql, actor, entries, NULL, error) ? prepared.id : 0;
}

gboolean ledger_entry_put_many(Sql *sql, Asker asker, const char *actor, json_t *given, GArray *ret_ids, GError **error) {
  json_auto_t *written = json_array();
  size_t i;
  json_t *one;
  json_array_foreach(given, i, one) {
    Prepared prepared = {0, NULL};
    g_autoptr(GError) local = NULL;
    json_auto_t *entry = entry_prepare(sql, asker, actor, one, int_at(one, "expect_rev"), &prepared, &local);
    json_decref(prepared.problems);
    if (local == NULL && entry != NULL) entry_write(sql, entry, NULL, &local);
    if (local != NULL) {
      g_propagate_prefixed_error(error, g_steal_pointer(&local), "第 %d 条：", (int)i + 1);
      return FALSE;
    }
    if (ret_ids != NULL) g_array_append_val(ret_ids, prepared.id);
    if (entry != NULL) json_array_append(written, entry);
    if (json_array_size(written) < LEDGER_BATCH) continue;
    if (!entries_tell(sql, actor, written, NULL, error)) return FALSE;
    json_array_clear(written);
  }
  return entries_tell(sql, actor, written, NULL, error);
}

/* What the program itself took out comes back with what it was made from; what a person took out does not, and what is archived stays as it is. */
static gboolean come_back(Sql *sql, gint64 id, gboolean *ret_stays, GError **error) {
  json_auto_t *entry = entry_load_any(sql, id, error);
  if (entry == NULL) return FALSE;
  gboolean deleted = json_is_true(json_object_get(entry, "deleted")), own = g_str_equal(text_at(entry, "changed_by"), "system");
  *ret_stays = (deleted && !own) || entry_is_tied(entry);
  if (!deleted || *ret_stays) return TRUE;
  json_object_set_new(entry, "deleted", json_false());
  return entry_save(sql, "system", entry, "所据的业务又已办理", error);
}

/* What people filled in besides stays: the program's values are laid over, its empty ones are not. */
gint64 ledger_entry_feed(Sql *sql, const char *ledger, const char *key, json_t *given, GError **error) {
  const LedgerDefinition *definition = ledger_find(ledger);
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有台账“%s”", ledger), 0;
  gint64 id = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''", SQL_ARGS(sql_int(definition->id), sql_text(key)), 0, NULL);
  json_auto_t *entry = json_deep_copy(given);
  value_empty_dropped(entry);
  json_object_set_new(entry, "ledger", json_string(definition->name));
  json_object_set_new(entry, "key", json_string(key));
  json_object_set_new(entry, "id", json_integer(id));
  if (id != 0) {
    json_object_del(entry, "state");
    json_object_del(entry, "states");
    gboolean stays;
    if (!come_back(sql, id, &stays, error)) return 0;
    if (stays) return id;
  }
  return ledger_entry_put(sql, LEDGER_EVERYTHING, "system", entry, 0, error);
}

gboolean ledger_entry_unfeed(Sql *sql, const char *ledger, const char *key, const char *why, GError **error) {
  const LedgerDefinition *definition = ledger_find(ledger);
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有台账“%s”", ledger);
  gint64 id = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> '' AND deleted = 0",
    SQL_ARGS(sql_int(definition->id), sql_text(key)), 0, NULL);
  if (id == 0) return TRUE;
  json_auto_t *entry = entry_load_any(sql, id, error);
  return entry != NULL && (entry_is_tied(entry) || ledger_entry_delete(sql, LEDGER_EVERYTHING, "system", id, why, error));
}
