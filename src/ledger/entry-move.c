/*
 * Changes of state, along the definition's moves: who may, what must be there, by another person than the last one.
 *
 * 1. A move that is not in the definition is not made. Without any moves each state may follow each other.
 * 2. What was closed and came back asks for files anew: those from before its return are evidence of what did not last.
 * 3. The day from which a state holds is never before that of the state before, nor in the future.
 */
#include "internal.h"
#include "people.h"

static gboolean has_role(Asker asker, const char *const *roles) {
  for (; roles != NULL && *roles != NULL; roles++)
    if (people_has_role(asker.person, *roles)) return TRUE;
  return FALSE;
}

/* The roles that a move names may make it, whoever may write otherwise. */
static gboolean may_move(const LedgerDefinition *definition, const LedgerMove *move, Asker asker) {
  if (asker.everything) return TRUE;
  if (move == NULL || move->roles == NULL) return ledger_may_write(definition, asker);
  return ledger_may_read(definition, asker) && people_may(asker.person, "ledger.write") && has_role(asker, move->roles);
}

static const LedgerMove *move_of(const LedgerDefinition *definition, const char *from, const char *to) {
  for (guint i = 0; i < definition->move_count; i++)
    if (g_str_equal(definition->moves[i].from, from) && g_str_equal(definition->moves[i].to, to)) return &definition->moves[i];
  return NULL;
}

static gboolean is_filled(GPtrArray *definitions, json_t *entry, const char *name) {
  const LedgerField *field = entry_field(definitions, name);
  json_t *value = field != NULL ? entry_value(entry, field) : NULL;
  const char *key = field != NULL && field->base ? base_key(field->name) : NULL;
  gboolean day = key != NULL && (g_str_equal(key, "due") || g_str_equal(key, "date"));
  return !json_is_empty(value) && (!day || json_integer_value(value) != 0);
}

static const char *state_at(json_t *states, size_t i) { return json_string_value(json_array_get(json_array_get(states, i), 0)); }

/* How many states it had when, after having been closed, it went back to one from before; 0: it did not. */
static size_t returned_at(const LedgerDefinition *definition, json_t *states) {
  size_t closed = json_array_size(states);
  const LedgerState *state = NULL;
  while (closed > 0 && ((state = ledger_state(definition, state_at(states, closed - 1))) == NULL || !state->closed)) closed--;
  for (size_t i = closed; closed > 0 && i < json_array_size(states); i++)
    for (size_t k = 0; k < closed; k++)
      if (g_str_equal(state_at(states, i), state_at(states, k))) return i + 1;
  return 0;
}

static gboolean has_file_since(json_t *files, size_t turn) {
  size_t i;
  json_t *file;
  json_array_foreach(files, i, file)
    if ((size_t)int_at(file, "turn") >= turn) return TRUE;
  return FALSE;
}

static json_t *missing_of(Sql *sql, const LedgerMove *move, json_t *entry) {
  json_t *missing = json_array(), *files = json_object_get(entry, "files");
  size_t turn = returned_at(ledger_find(text_at(entry, "ledger")), json_object_get(entry, "states"));
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  for (guint i = 0; move != NULL && move->needs != NULL && move->needs[i] != NULL; i++)
    if (!is_filled(definitions, entry, move->needs[i])) json_array_append_new(missing, json_string(move->needs[i]));
    else if (g_str_equal(move->needs[i], "附件") && !has_file_since(files, turn)) json_array_append_new(missing, json_string("附件（重新办理以后的）"));
  size_t k;
  json_t *rule;
  json_array_foreach(move != NULL ? move->complete : NULL, k, rule) {
    g_autofree char *lack = checklist_lack(sql, rule, int_at(entry, "id"));
    if (lack != NULL) json_array_append_new(missing, json_string(lack));
  }
  return missing;
}

static gboolean is_another(json_t *entry, const char *actor) {
  const char *last = text_at(entry, "moved_by")[0] ? text_at(entry, "moved_by") : text_at(entry, "made_by");
  return !g_str_equal(last, actor);
}

json_t *ledger_entry_moves(Sql *sql, Asker asker, const char *actor, json_t *entry, GError **error) {
  json_t *list = json_array();
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  const char *state = text_at(entry, "state");
  if (definition == NULL || json_is_true(json_object_get(entry, "deleted")) || entry_is_tied(entry)) return list;
  for (guint i = 0; i < definition->move_count; i++) {
    const LedgerMove *move = &definition->moves[i];
    if (!g_str_equal(move->from, state) || !may_move(definition, move, asker) || (move->another && !is_another(entry, actor))) continue;
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "to", move->to, "label", move->label, "note", move->note ? move->note : "", "missing",
      missing_of(sql, move, entry)));
  }
  for (guint i = 0; definition->move_count == 0 && i < definition->state_count; i++)
    if (!g_str_equal(definition->states[i].name, state) && may_move(definition, NULL, asker))
      json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:[]}", "to", definition->states[i].name, "label", definition->states[i].name, "note", "", "missing"));
  return list;
}

/* ---- making one ---- */

static gboolean check_move(Sql *sql, const LedgerDefinition *definition, json_t *entry, Asker asker, const char *actor, const char *to, const char *note,
  GError **error) {
  const char *from = text_at(entry, "state");
  const LedgerMove *move = move_of(definition, from, to);
  if (ledger_state(definition, to) == NULL) return throw(error, LANTAI_ERROR_INVALID, "台账“%s”没有状态“%s”", definition->name, to);
  if (move == NULL && (definition->move_count > 0 || g_str_equal(from, to)))
    return throw(error, LANTAI_ERROR_CONFLICT, "现在的状态是“%s”，不能到“%s”", from, to);
  const char *label = move != NULL ? move->label : to;
  if (!may_move(definition, move, asker)) return throw(error, LANTAI_ERROR_DENIED, "您没有办理“%s”的权限", label);
  if (move != NULL && move->another && !is_another(entry, actor)) return throw(error, LANTAI_ERROR_DENIED, "“%s”须由另一人办理：上一步是您办的", label);
  json_auto_t *missing = missing_of(sql, move, entry);
  if (json_array_size(missing) > 0) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(missing); i++)
      g_string_append_printf(names, "%s%s", i > 0 ? "、" : "", json_string_value(json_array_get(missing, i)));
    return throw(error, LANTAI_ERROR_INVALID, "“%s”之前请先填写：%s", label, names->str);
  }
  if (move != NULL && move->note != NULL && (note == NULL || note[strspn(note, " \t\r\n")] == '\0'))
    return throw(error, LANTAI_ERROR_INVALID, "“%s”请填写%s", label, move->note);
  return TRUE;
}

static gboolean check_day(json_t *entry, int on, GError **error) {
  json_t *states = json_object_get(entry, "states");
  int last = (int)json_integer_value(json_array_get(json_array_get(states, json_array_size(states) - 1), 1)), today = date_today();
  if (on > today) return throw(error, LANTAI_ERROR_INVALID, "日期 %04d-%02d-%02d 还没有到", on / 10000, on / 100 % 100, on % 100);
  if (on < last && on != today)
    return throw(error, LANTAI_ERROR_INVALID, "日期 %04d-%02d-%02d 早于上一状态的日期 %04d-%02d-%02d", on / 10000, on / 100 % 100, on % 100, last / 10000,
      last / 100 % 100, last % 100);
  return TRUE;
}

/* today, today+180, today+5工作日, actor, nothing (what was there goes); anything else as it stands. */
static json_t *set_value(json_t *given, const char *actor, int on) {
  const char *text = json_string_value(given);
  if (text != NULL && g_str_equal(text, "actor")) {
    g_autofree char *title = people_title_of(actor);
    return json_string(title != NULL ? title : actor);
  }
  if (text != NULL && g_str_equal(text, "nothing")) return json_null();
  if (text == NULL || !g_str_has_prefix(text, "today")) return json_deep_copy(given);
  int count = (int)g_ascii_strtoll(text + strlen("today"), NULL, 10), day = g_str_has_suffix(text, "工作日") ? workday_shift(on, count) : date_shift(on, count);
  return json_sprintf("%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
}

static void apply_sets(const LedgerMove *move, json_t *entry, const char *actor, int on) {
  const char *name;
  json_t *given;
  json_object_foreach(move != NULL ? move->sets : NULL, name, given)
    json_object_set_new(json_object_get(entry, "values"), name, set_value(given, actor, on));
}

json_t *entry_moved(Sql *sql, Asker asker, const char *actor, const Moving *moving, GError **error) {
  json_auto_t *entry = entry_load_any(sql, moving->id, error);
  if (entry == NULL) return NULL;
  const LedgerDefinition *definition = ledger_find(text_at(entry, "ledger"));
  const char *to = moving->to;
  int on = moving->on != 0 ? moving->on : date_today();
  if (definition == NULL || !entry_admitted(entry, asker)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这一条台账");
  if (!entry_is_unchanged(entry, moving->expect_rev, error) || !entry_is_free(entry, error)) return NULL;
  if (!check_move(sql, definition, entry, asker, actor, to, moving->note, error) || !check_day(entry, on, error)) return NULL;
  apply_sets(move_of(definition, text_at(entry, "state"), to), entry, actor, on);
  json_object_set_new(entry, "state", json_string(to));
  json_array_append_new(json_object_get(entry, "states"), json_pack("[s, i]", to, on));
  json_object_set_new(entry, "closed", json_boolean(ledger_state(definition, to)->closed));
  json_object_set_new(entry, "moved_by", json_string(actor));
  json_auto_t *problems = ledger_entry_problems(sql, LEDGER_EVERYTHING, definition, entry);
  const char *field;
  json_t *what;
  json_object_foreach(problems, field, what) return throw_null(error, LANTAI_ERROR_INVALID, "%s：%s", field, json_string_value(what));
  return g_steal_pointer(&entry);
}

gboolean ledger_entry_move(Sql *sql, Asker asker, const char *actor, gint64 id, const char *to, int on, const char *note, GError **error) {
  json_auto_t *entry = entry_moved(sql, asker, actor, &(Moving){id, 0, to, note, on}, error);
  return entry != NULL && entry_save(sql, actor, entry, note, error);
}
