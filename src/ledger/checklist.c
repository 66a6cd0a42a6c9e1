/*
 * Lists of points that are complete only when each is answered: a move says `complete: [{ledger, by}]`, and is made when every choice of that ledger's checklist
 * item has, among the entries that point here by that field, an answer.
 */
#include "internal.h"

enum { NAMED = 3 };

const LedgerField *checklist_item(const LedgerDefinition *definition) {
  const LedgerField *item = definition != NULL ? ledger_field(definition, text_at(json_object_get(definition->json, "checklist"), "item")) : NULL;
  return item != NULL && item->type == FIELD_CHOICE && item->values != NULL ? item : NULL;
}

static json_t *answered_items(Sql *sql, const LedgerDefinition *definition, const char *by, gint64 parent, GError **error) {
  const LedgerField *item = checklist_item(definition), *answer = ledger_field(definition, text_at(json_object_get(definition->json, "checklist"), "answer"));
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, parent);
  json_auto_t *entries = entries_query(sql_query(sql, "SELECT " ENTRY_COLUMNS "FROM ledger_link AS l JOIN ledger_entry AS e ON e.id = l.entry_id WHERE l.kind = 'entry' "
    "AND l.target = $1 AND l.field = $2 AND e.ledger_id = $3 AND e.deleted = 0 ORDER BY e.id", SQL_ARGS(sql_text(target), sql_text(by), sql_int(definition->id)),
    error), error);
  if (entries == NULL) return NULL;
  json_t *found = json_object(), *entry; /* item → 0: answered, else the entry that waits for its answer */
  size_t i;
  json_array_foreach(entries, i, entry) {
    const char *name = json_string_value(entry_value(entry, item));
    gboolean done = answer != NULL && !json_is_empty(entry_value(entry, answer));
    json_t *before = name != NULL ? json_object_get(found, name) : NULL;
    if (name == NULL || (before != NULL && json_integer_value(before) == 0)) continue;
    json_object_set_new(found, name, json_integer(done ? 0 : int_at(entry, "id")));
  }
  return found;
}

json_t *checklist_state(Sql *sql, json_t *rule, gint64 parent, GError **error) {
  const LedgerDefinition *definition = ledger_find(text_at(rule, "ledger"));
  const LedgerField *item = checklist_item(definition);
  if (item == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "台账“%s”不是清单", text_at(rule, "ledger"));
  json_auto_t *found = answered_items(sql, definition, text_at(rule, "by"), parent, error);
  if (found == NULL) return NULL;
  json_t *missing = json_array();
  int total = 0;
  for (; item->values[total] != NULL; total++) {
    json_t *there = json_object_get(found, item->values[total]);
    if (there != NULL && json_integer_value(there) == 0) continue;
    json_array_append_new(missing, json_pack("{s:s, s:I}", "item", item->values[total], "entry", (json_int_t)json_integer_value(there)));
  }
  return json_pack("{s:s, s:I, s:s, s:s, s:s, s:i, s:i, s:o}", "ledger", definition->name, "ledger_id", (json_int_t)definition->id, "by", text_at(rule, "by"), "item",
    item->name, "answer", text_at(json_object_get(definition->json, "checklist"), "answer"), "total", total, "answered", total - (int)json_array_size(missing), "missing",
    missing);
}

char *checklist_lack(Sql *sql, json_t *rule, gint64 parent) {
  json_auto_t *state = checklist_state(sql, rule, parent, NULL);
  json_t *missing = json_object_get(state, "missing");
  size_t count = json_array_size(missing);
  if (count == 0) return NULL;
  g_autoptr(GString) words = g_string_new(NULL);
  g_string_append_printf(words, "%s还有 %zu 项没有%s（", text_at(state, "ledger"), count, text_at(state, "answer"));
  for (size_t i = 0; i < MIN(count, NAMED); i++) g_string_append_printf(words, "%s%s", i > 0 ? "、" : "", text_at(json_array_get(missing, i), "item"));
  g_string_append(words, count > NAMED ? "等）" : "）");
  return g_string_free(g_steal_pointer(&words), FALSE);
}

/* ---- on pages ---- */

/* The lists that an entry of this ledger is made whole by, each once. */
static json_t *rules_of(const LedgerDefinition *definition) {
  json_t *rules = json_array(), *rule;
  size_t i;
  for (guint m = 0; m < definition->move_count; m++)
    json_array_foreach(definition->moves[m].complete, i, rule) {
      gboolean known = FALSE;
      for (size_t k = 0; k < json_array_size(rules); k++) known = known || json_equal(json_array_get(rules, k), rule);
      if (!known) json_array_append(rules, rule);
    }
  return rules;
}

static void append_escaped(GString *href, const char *name, const char *value) {
  g_string_append(href, strchr(href->str, '?') == NULL ? "?v." : "&v.");
  g_string_append_uri_escaped(href, name, NULL, FALSE);
  g_string_append_c(href, '=');
  g_string_append_uri_escaped(href, value, NULL, FALSE);
}

/* Where the answer is given: the entry that waits for it, or a new one with what is known. */
static json_t *place_of(json_t *rule, json_t *state, json_t *missing, gint64 parent) {
  if (int_at(missing, "entry") != 0) return json_sprintf("/entry/%" G_GINT64_FORMAT "/edit", (gint64)int_at(missing, "entry"));
  g_autofree char *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT "/new", (gint64)int_at(state, "ledger_id")), *back = g_strdup_printf("#%" G_GINT64_FORMAT, parent);
  g_autoptr(GString) href = g_string_new(path);
  const char *name;
  json_t *value;
  append_escaped(href, text_at(state, "by"), back);
  append_escaped(href, text_at(state, "item"), text_at(missing, "item"));
  append_escaped(href, "标题", text_at(missing, "item"));
  json_object_foreach(json_object_get(rule, "values"), name, value)
    if (json_is_string(value)) append_escaped(href, name, json_string_value(value));
  return json_string(href->str);
}

static void add_state(Sql *sql, Asker asker, json_t *rule, gint64 parent, json_t *list) {
  const LedgerDefinition *definition = ledger_find(text_at(rule, "ledger"));
  json_t *state = definition != NULL && ledger_may_read(definition, asker) ? checklist_state(sql, rule, parent, NULL) : NULL, *missing;
  size_t i;
  if (state == NULL) return;
  json_array_foreach(json_object_get(state, "missing"), i, missing) json_object_set_new(missing, "href", place_of(rule, state, missing, parent));
  json_t *next = json_array_get(json_object_get(state, "missing"), 0);
  if (next != NULL) json_object_set(state, "next", next);
  json_object_set_new(state, "parent", json_integer(parent));
  json_object_set_new(state, "may_write", json_boolean(ledger_may_write(definition, asker)));
  json_array_append_new(list, state);
}

json_t *checklists_model(Sql *sql, Asker asker, json_t *entry) {
  const LedgerDefinition *own = ledger_find(text_at(entry, "ledger"));
  json_t *list = json_array(), *rule;
  size_t i;
  if (own == NULL) return list;
  json_auto_t *rules = rules_of(own);
  json_array_foreach(rules, i, rule) add_state(sql, asker, rule, int_at(entry, "id"), list);
  g_autofree const LedgerDefinition **all = json_object_get(own->json, "checklist") != NULL ? ledger_all() : NULL;
  for (guint k = 0; all != NULL && all[k] != NULL; k++) { /* an answer shows the list that it belongs to */
    json_auto_t *others = rules_of(all[k]);
    json_array_foreach(others, i, rule) {
      gint64 parent = int_at(json_object_get(entry, "values"), text_at(rule, "by"));
      json_auto_t *seen = parent != 0 && g_str_equal(text_at(rule, "ledger"), own->name) ? ledger_entry_load(sql, asker, parent, NULL) : NULL;
      if (seen != NULL) add_state(sql, asker, rule, parent, list);
    }
  }
  return list;
}

gboolean checklist_asks(const LedgerDefinition *own, json_t *texts) {
  g_autofree const LedgerDefinition **all = json_object_get(own->json, "checklist") != NULL ? ledger_all() : NULL;
  json_t *rule;
  size_t i;
  gboolean asks = FALSE;
  for (guint k = 0; all != NULL && all[k] != NULL; k++) {
    json_auto_t *rules = rules_of(all[k]);
    json_array_foreach(rules, i, rule)
      asks = asks || (g_str_equal(text_at(rule, "ledger"), own->name) && *text_at(texts, text_at(rule, "by")) != '\0');
  }
  return asks;
}

static gboolean comes_after(const LedgerField *item, const char *one, const char *other) {
  for (gsize v = 0; item->values[v] != NULL; v++) {
    if (g_str_equal(item->values[v], one)) return FALSE;
    if (g_str_equal(item->values[v], other)) return TRUE;
  }
  return FALSE;
}

char *checklist_next(Sql *sql, Asker asker, json_t *entry) {
  const LedgerField *item = checklist_item(ledger_find(text_at(entry, "ledger")));
  const char *own = item != NULL ? json_string_value(entry_value(entry, item)) : NULL;
  json_auto_t *lists = own != NULL ? checklists_model(sql, asker, entry) : NULL;
  json_t *list, *missing, *next = NULL;
  size_t i, k;
  json_array_foreach(lists, i, list) {
    if (int_at(list, "parent") == int_at(entry, "id")) continue;
    json_array_foreach(json_object_get(list, "missing"), k, missing) { /* in the order of the list; after its end from the beginning */
      if (next == NULL || (!comes_after(item, text_at(next, "item"), own) && comes_after(item, text_at(missing, "item"), own))) next = missing;
    }
    return next != NULL ? g_strdup(text_at(next, "href")) : g_strdup_printf("/entry/%" G_GINT64_FORMAT, (gint64)int_at(list, "parent"));
  }
  return NULL;
}
