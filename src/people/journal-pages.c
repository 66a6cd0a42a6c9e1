/*
 * The auditor's page: the journal filtered and paged by key, and its proof. Names of actions and of what events carry come from definitions/journal.yaml.
 *
 * 1. The auditor sees no archive content: of events that may carry it only counts and the names of changed fields leave this file, on the page and as JSON.
 *    What an event is about in full is on the pages of that room, under the reader's scope.
 */
#include "account.h"
#include "error.h"
#include "journal.h"
#include "settings.h"
#include <gio/gio.h>
#include <string.h>

enum { PAGE = 100, VALUE_CHARACTERS = 200, VALUE_DEPTH = 4 };

/* {actions, subjects, keys}: read once; an unreadable file costs the Chinese names only. Borrowed. */
static json_t *words(const char *group) {
  static json_t *all;
  static gsize ready;
  if (g_once_init_enter(&ready)) {
    g_autoptr(GError) problem = NULL;
    all = yaml_load_built_in("definitions/journal.yaml", &problem);
    if (problem) g_warning("names for the journal cannot be read: %s", problem->message);
    if (all == NULL) all = json_object();
    g_once_init_leave(&ready, 1);
  }
  return json_object_get(all, group);
}

static const char *word(const char *group, const char *code) {
  const char *found = json_string_value(json_object_get(words(group), code));
  return found ? found : code;
}

/* ---- what an event carries, in words ---- */

/* key: what the value is called; roles are shown by title, and no fonds means no limit. */
static void append_value(GString *out, const char *key, json_t *value, int depth) {
  size_t i;
  json_t *item;
  const char *inner;
  gboolean first = TRUE, is_roles = g_str_equal(key, "roles"), is_fonds = g_str_equal(key, "fonds");
  if (depth > VALUE_DEPTH) {
    g_string_append(out, "…");
    return;
  }
  switch (json_typeof(value)) {
  case JSON_STRING: g_string_append(out, is_roles ? roles_title(roles_current(), json_string_value(value)) : json_string_value(value)); break;
  case JSON_INTEGER: g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
  case JSON_REAL: g_string_append_printf(out, "%g", json_real_value(value)); break;
  case JSON_TRUE: g_string_append(out, "是"); break;
  case JSON_FALSE: g_string_append(out, "否"); break;
  case JSON_NULL: g_string_append(out, "无"); break;
  case JSON_ARRAY:
    if (json_array_size(value) == 0) g_string_append(out, is_fonds ? "不限" : "无");
    json_array_foreach(value, i, item) {
      if (i) g_string_append(out, "、");
      append_value(out, key, item, depth + 1);
    }
    break;
  case JSON_OBJECT:
    json_object_foreach(value, inner, item) {
      g_string_append_printf(out, "%s%s：", first ? "" : "；", word("keys", inner));
      append_value(out, inner, item, depth + 1);
      first = FALSE;
    }
  }
}

static gboolean is_change(json_t *value) { return json_object_size(value) == 2 && json_object_get(value, "from") && json_object_get(value, "to"); }

static json_t *detail(const char *key, json_t *value) {
  g_autoptr(GString) text = g_string_new(NULL);
  append_value(text, key, is_change(value) ? json_object_get(value, "from") : value, 0);
  if (is_change(value)) {
    g_string_append(text, " → ");
    append_value(text, key, json_object_get(value, "to"), 0);
  }
  if (g_utf8_strlen(text->str, -1) > VALUE_CHARACTERS) {
    g_string_truncate(text, (gsize)(g_utf8_offset_to_pointer(text->str, VALUE_CHARACTERS) - text->str));
    g_string_append(text, "…");
  }
  return json_pack("{s:s, s:s}", "key", word("keys", key), "value", text->str);
}

/* Events of accounts and of the journal itself tell nothing of the archives. */
static gboolean is_plain(const char *action) { return g_str_has_prefix(action, "user.") || g_str_has_prefix(action, "journal."); }

static json_t *changed_fields(json_t *changes) {
  json_t *names = json_array(), *value;
  const char *key;
  json_object_foreach(changes, key, value) json_array_append_new(names, json_string(word("fields", key)));
  json_t *row = detail("changes", names);
  json_decref(names);
  return row;
}

/* Invariant 1: whatever is not a number or a flag is left out; of a description everything is. */
static json_t *careful_details(json_t *event) {
  json_t *details = json_array(), *data = json_object_get(event, "data"), *value;
  const char *key;
  gboolean description = g_strcmp0(json_string_value(json_object_get(event, "subject_kind")), "record") == 0;
  json_object_foreach(data, key, value)
    if (!description && (json_is_integer(value) || json_is_boolean(value))) json_array_append_new(details, detail(key, value));
  if (json_is_object(json_object_get(data, "changes"))) json_array_append_new(details, changed_fields(json_object_get(data, "changes")));
  return details;
}

static json_t *plain_details(json_t *data) {
  json_t *details = json_array(), *value;
  const char *key;
  json_object_foreach(data, key, value) json_array_append_new(details, detail(key, value));
  return details;
}

static void add_words(json_t *event) {
  const char *action = json_string_value(json_object_get(event, "action"));
  gboolean plain = is_plain(action);
  json_object_set_new(event, "details", plain ? plain_details(json_object_get(event, "data")) : careful_details(event));
  if (!plain) json_object_del(event, "data");
  json_object_set_new(event, "action_label", json_string(word("actions", action)));
  json_object_set_new(event, "subject_label", json_string(word("subjects", json_string_value(json_object_get(event, "subject_kind")))));
}

/* ---- pages ---- */

static json_t *action_choices(const char *chosen) {
  json_t *choices = json_array(), *label;
  const char *code;
  json_object_foreach(words("actions"), code, label) {
    gboolean group = g_str_has_suffix(code, ".");
    json_array_append_new(choices, json_pack("{s:s, s:O, s:b, s:b}", "code", code, "label", label, "group", group, "held", g_strcmp0(code, chosen) == 0));
  }
  if (chosen && json_object_get(words("actions"), chosen) == NULL)
    json_array_append_new(choices, json_pack("{s:s, s:s, s:b, s:b}", "code", chosen, "label", chosen, "group", FALSE, "held", TRUE));
  return choices;
}

WebReply *journal_page(WebRequest *request, GError **error) {
  const char *actor = web_text(request, "actor"), *action = web_text(request, "action");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *events = sql ? journal_list(sql, actor, action, web_int(request, "before", 0), PAGE + 1, error) : NULL, *event;
  if (events == NULL) return NULL;
  gboolean more = json_array_size(events) > PAGE;
  if (more) json_array_remove(events, PAGE);
  size_t i;
  json_array_foreach(events, i, event) add_words(event);
  json_t *model = json_pack("{s:o, s:s, s:o, s:b}", "events", events, "actor", actor ? actor : "", "actions", action_choices(action),
    "filtered", actor || action);
  if (more) {
    g_autofree char *last = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(json_array_get(events, PAGE - 1), "id")));
    g_autofree char *query = web_query_with(request, "before", last);
    json_object_set_new(model, "next", json_sprintf("/journal?%s", query));
  }
  return web_model(model);
}

/* The proof itself is journalled: who verified, and with what outcome. */
static gboolean journal_proof(WebRequest *request, json_t *result, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_t *data = json_object();
  static const char *const kept[] = {"events", "head", "fault_count"};
  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) json_object_set(data, kept[i], json_object_get(result, kept[i]));
  gboolean good = sql && journal_append(sql, web_actor(request), "journal.verify", "journal", 0, data, error) && sql_commit(sql, error);
  json_decref(data);
  return good;
}

WebReply *journal_verify_post(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  json_t *result = journal_verify(house->db, house->dir, error);
  if (result == NULL) return NULL;
  if (!journal_proof(request, result, error)) {
    json_decref(result);
    return NULL;
  }
  json_object_set_new(result, "good", json_boolean(json_integer_value(json_object_get(result, "fault_count")) == 0));
  json_object_set_new(result, "at", json_integer(clock_now_us()));
  return web_model(result);
}
