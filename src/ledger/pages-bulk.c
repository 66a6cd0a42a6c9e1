/*
 * Changing many entries: choose, say what, see every change beforehand, make it, take it back.
 *
 * 1. What was shown is what is made: an entry that changed since the preview is left alone and told.
 * 2. Taking back restores only entries that nobody changed afterwards.
 * 3. Each such change is told once more as a whole (ledger.bulk: what, and which entries with their revs before and after), so that it can be taken back later, from the
 *    ledger's list of them; ledger.unbulk tells that it was.
 */
#include "pages.h"
#include "date.h"
#include <string.h>

enum { BULK_MAX = 2000, SHOWN = 500, ACTIONS_READ = 200 };
#define STATE_FIELD "状态"

typedef struct {
  const LedgerField *field; /* NULL: the state */
  const char *value, *note;
  json_t *texts;            /* {field: value} for form_read */
} Change;

/* ---- which entries ---- */

static json_t *chosen_by_id(LedgerPage *page, const gint64 *ids, gsize count) {
  json_t *entries = json_array();
  for (gsize i = 0; i < count; i++) {
    json_t *entry = ledger_entry_load(page->sql, page->asker, ids[i], NULL);
    if (entry != NULL && g_str_equal(text_at(entry, "ledger"), page->definition->name)) json_array_append(entries, entry);
    json_decref(entry);
  }
  return entries;
}

static json_t *chosen_entries(LedgerPage *page, const LedgerFilter *filter, gint64 *ret_count, GError **error) {
  gsize count;
  const gint64 *ids = web_ints(page->request, "entry", &count);
  if (count > 0) {
    *ret_count = (gint64)count;
    return chosen_by_id(page, ids, count);
  }
  LedgerAsk ask = filter->ask;
  ask.limit = BULK_MAX; /* a list may give fewer at a time */
  ask.after = NULL;
  json_auto_t *entries = json_array();
  g_autofree char *after = NULL;
  do {
    json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &ask, error);
    if (found == NULL) return NULL;
    *ret_count = int_at(found, "count");
    if (*ret_count > BULK_MAX) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "有 %d 条，一次最多改 %d 条，请先筛选", (int)*ret_count, BULK_MAX);
    json_array_extend(entries, json_object_get(found, "entries"));
    g_free(after);
    ask.after = after = g_strdup(json_string_value(json_object_get(found, "next")));
  } while (after != NULL);
  return g_steal_pointer(&entries);
}

/* ---- what would be ---- */

static char *fault_words(json_t *faults) {
  const char *field;
  json_t *message;
  g_autoptr(GString) out = g_string_new(NULL);
  json_object_foreach(faults, field, message) g_string_append_printf(out, "%s%s：%s", out->len ? "；" : "", field, json_string_value(message));
  return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *cannot_move(LedgerPage *page, json_t *entry, const char *to) {
  json_auto_t *moves = ledger_entry_moves(page->sql, page->asker, web_actor(page->request), entry, NULL);
  json_t *move, *field;
  size_t i, k;
  json_array_foreach(moves, i, move) {
    if (!g_str_equal(text_at(move, "to"), to)) continue;
    g_autoptr(GString) missing = g_string_new(NULL);
    json_array_foreach(json_object_get(move, "missing"), k, field) g_string_append_printf(missing, "%s%s", k ? "、" : "", json_string_value(field));
    return missing->len ? g_strdup_printf("缺%s", missing->str) : NULL;
  }
  return g_strdup_printf("不能由“%s”转为“%s”", text_at(entry, "state"), to);
}

/* {id, rev, name, from, to} or with "fault"; NULL: nothing would change. ret_entry: as it would be written. */
static json_t *planned(LedgerPage *page, const Change *change, json_t *entry, json_t **ret_entry) {
  g_autofree char *name = entry_name(entry), *fault = NULL, *from = NULL, *to = NULL;
  json_auto_t *after = json_deep_copy(entry), *faults = json_object();
  if (change->field == NULL) {
    if (g_str_equal(text_at(entry, "state"), change->value)) return NULL;
    fault = cannot_move(page, entry, change->value);
    from = g_strdup(text_at(entry, "state"));
    to = g_strdup(change->value);
  } else {
    json_auto_t *before = entry_get(entry, change->field->name);
    form_read(page, change->texts, after, faults);
    json_auto_t *copy = json_deep_copy(after), *more = json_object_size(faults) ? NULL : ledger_entry_problems(page->sql, page->asker, page->definition, copy);
    json_t *own = json_object_get(json_object_size(faults) ? faults : more, change->field->name);
    json_auto_t *value = json_object_size(faults) ? NULL : entry_get(copy, change->field->name);
    if (own != NULL) fault = g_strdup(json_string_value(own));
    else if (json_object_size(more)) fault = fault_words(more);
    from = value_text(page, change->field, before);
    to = fault != NULL ? g_strdup(change->value) : value_text(page, change->field, value);
    if (fault == NULL && g_str_equal(from, to)) return NULL;
  }
  if (ret_entry != NULL) *ret_entry = json_incref(after);
  return json_pack("{s:O, s:O, s:s, s:s, s:s, s:s*}", "id", json_object_get(entry, "id"), "rev", json_object_get(entry, "rev"), "name", name, "from", from, "to", to,
    "fault", fault);
}

static gboolean read_change(LedgerPage *page, Change *change, GError **error) {
  const char *name = web_text(page->request, "field"), *value = web_text(page->request, "value");
  if (name == NULL) return throw(error, LANTAI_ERROR_INVALID, "请选择要改的字段");
  *change = (Change){.value = value != NULL ? value : "", .note = web_text(page->request, "note")};
  if (g_str_equal(name, STATE_FIELD)) {
    if (ledger_state(page->definition, change->value) != NULL) return TRUE;
    return throw(error, LANTAI_ERROR_INVALID, "没有“%s”这个状态", change->value);
  }
  change->field = ledger_field(page->definition, name);
  if (change->field == NULL || change->field->type == FIELD_ROWS || !form_shows(page, change->field)) return throw(error, LANTAI_ERROR_INVALID, "不能成批改“%s”", name);
  change->texts = json_pack("{s:s}", name, change->value);
  return TRUE;
}

/* ---- the page ---- */

static json_t *fields_to_change(const LedgerPage *page, const char *chosen) {
  json_t *fields = json_array();
  const LedgerDefinition *definition = page->definition;
  if (definition->state_count > 1) {
    json_t *values = json_array();
    for (guint i = 0; i < definition->state_count; i++) json_array_append_new(values, json_string(definition->states[i].name));
    json_array_append_new(fields, json_pack("{s:s, s:s, s:o, s:b}", "name", STATE_FIELD, "label", STATE_FIELD, "values", values, "chosen", g_strcmp0(chosen,
      STATE_FIELD) == 0));
  }
  for (guint i = 0; i < definition->field_count; i++) {
    const LedgerField *field = &definition->fields[i];
    if (field->type == FIELD_ROWS || field->type == FIELD_FILE || !form_shows(page, field)) continue;
    json_array_append_new(fields, json_pack("{s:s, s:s, s:o, s:b}", "name", field->name, "label", shown_label(definition, field), "values",
      json_texts(field->values), "chosen",
      g_strcmp0(chosen, field->name) == 0));
  }
  return fields;
}

static json_t *bulk_frame(LedgerPage *page, const LedgerFilter *filter, json_t *entries, gint64 count) {
  json_t *hidden = filter_hidden(filter, NULL);
  gsize ticked;
  const gint64 *ids = web_ints(page->request, "entry", &ticked);
  for (gsize i = 0; i < ticked; i++) json_array_append_new(hidden, json_pack("{s:s, s:o}", "name", "entry", "value", json_sprintf("%" G_GINT64_FORMAT, ids[i])));
  g_autofree char *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page->definition->id), *back = filter_link(filter, path, NULL, NULL);
  return json_pack("{s:s, s:o, s:o, s:I, s:o, s:s, s:b}", "title", "成批修改", "ledger", page_ledger_model(page), "hidden", hidden, "count", (json_int_t)count, "fields",
    fields_to_change(page, web_text(page->request, "field")), "back", back, "ticked", ticked > 0);
}

WebReply *page_bulk(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  gint64 count = 0;
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page.definition->name);
  json_auto_t *entries = chosen_entries(&page, &filter, &count, error);
  if (entries == NULL) return NULL;
  return web_model(bulk_frame(&page, &filter, entries, (gint64)json_array_size(entries)));
}

static WebReply *preview(LedgerPage *page, const LedgerFilter *filter, const Change *change, json_t *entries, gint64 count) {
  json_t *model = bulk_frame(page, filter, entries, count), *plan = json_array(), *refused = json_array(), *entry;
  g_autoptr(GString) seen = g_string_new(NULL);
  gint64 changes = 0;
  size_t i;
  json_array_foreach(entries, i, entry) {
    json_t *line = planned(page, change, entry, NULL);
    if (line == NULL) continue;
    gboolean bad = json_object_get(line, "fault") != NULL;
    changes += !bad;
    if (!bad) g_string_append_printf(seen, "%d:%d\n", (int)int_at(entry, "id"), (int)int_at(entry, "rev"));
    if (json_array_size(bad ? refused : plan) < SHOWN) json_array_append(bad ? refused : plan, line);
    json_decref(line);
  }
  json_object_set_new(model, "preview", json_pack("{s:o, s:o, s:I, s:I, s:s, s:s, s:s?, s:s}", "plan", plan, "refused", refused, "changes", (json_int_t)changes, "same",
    (json_int_t)((gint64)json_array_size(entries) - changes - (gint64)json_array_size(refused)), "field", change->field == NULL ? STATE_FIELD :
      change->field->name, "value",
    change->value, "note", change->note, "seen", seen->str));
  return web_model(model);
}

/* "17:4" lines: entry and the rev it was shown with. */
static gint64 seen_rev(GHashTable *seen, gint64 id) { return (gint64)GPOINTER_TO_SIZE(g_hash_table_lookup(seen, GSIZE_TO_POINTER((gsize)id))); }

static GHashTable *seen_table(const char *text) {
  GHashTable *table = g_hash_table_new(NULL, NULL);
  g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", BULK_MAX + 1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) parts = g_strsplit(lines[i], ":", 3);
    if (g_strv_length(parts) < 2) continue;
    g_hash_table_insert(table, GSIZE_TO_POINTER((gsize)g_ascii_strtoll(parts[0], NULL, 10)), GSIZE_TO_POINTER((gsize)g_ascii_strtoll(parts[1], NULL, 10)));
  }
  return table;
}

static gboolean make_changes(LedgerPage *page, const Change *change, json_t *entries, GHashTable *seen, GPtrArray *made, GError **error) {
  json_auto_t *written = json_array();
  json_t *entry;
  size_t i;
  json_array_foreach(entries, i, entry) {
    json_auto_t *after = NULL, *line = seen_rev(seen, int_at(entry, "id")) == int_at(entry, "rev") ? planned(page, change, entry, &after) : NULL;
    if (line == NULL || json_object_get(line, "fault") != NULL) continue;
    g_ptr_array_add(made, entry);
    if (change->field != NULL) json_array_append(written, after);
    else if (!ledger_entry_move(page->sql, page->asker, web_actor(page->request), int_at(entry, "id"), change->value, date_today(), change->note,
      error)) return FALSE;
  }
  return json_array_size(written) == 0 || ledger_entry_put_many(page->sql, page->asker, web_actor(page->request), written, NULL, error);
}

static json_t *made_model(LedgerPage *page, const Change *change, GPtrArray *made, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < made->len; i++) {
    gint64 id = int_at(made->pdata[i], "id");
    json_auto_t *now = ledger_entry_load(page->sql, page->asker, id, NULL);
    g_string_append_printf(text, "%d:%d:%d\n", (int)id, (int)int_at(made->pdata[i], "rev"), (int)int_at(now, "rev"));
  }
  json_auto_t *data = json_pack("{s:s, s:s, s:s, s:i, s:s}", "field", change->field == NULL ? STATE_FIELD : change->field->name, "value", change->value, "note",
    change->note != NULL ? change->note : "", "count", (int)made->len, "made", text->str);
  if (made->len > 0 && journal_append(page->sql, web_actor(page->request), "ledger.bulk", "ledger", page->definition->id, data, error) == 0) return NULL;
  return json_pack("{s:i, s:s}", "count", (int)made->len, "made", text->str);
}

WebReply *make_bulk(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  Change change = {0};
  gint64 count = 0;
  gboolean commit = web_flag(request, "commit");
  if (!page_begin(&page, request, commit, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page.definition->name);
  if (!read_change(&page, &change, error)) return NULL;
  json_auto_t *texts = change.texts, *entries = chosen_entries(&page, &filter, &count, error);
  if (entries == NULL) return NULL;
  if (!commit) return preview(&page, &filter, &change, entries, count);
  g_autoptr(GHashTable) seen = seen_table(web_text(request, "seen"));
  g_autoptr(GPtrArray) made = g_ptr_array_new();
  if (!make_changes(&page, &change, entries, seen, made, error)) return NULL;
  json_t *told = made_model(&page, &change, made, error), *model = told == NULL ? NULL : bulk_frame(&page, &filter, entries, count);
  if (model == NULL) return NULL;
  json_object_set_new(model, "done", told);
  json_object_set_new(model, "left", json_integer((json_int_t)g_hash_table_size(seen) - (json_int_t)made->len));
  if (sql_commit(page.sql, error)) return web_model(model);
  json_decref(model);
  return NULL;
}

/* ---- taking back ---- */

/* The event of a change in bulk of this ledger by the asker. NULL: none. New reference. */
static json_t *bulk_event(const LedgerPage *page, gint64 id) {
  json_auto_t *events = journal_of(page->sql, "ledger", page->definition->id, id + 1, 1, NULL);
  json_t *event = json_array_get(events, 0);
  gboolean own = int_at(event, "id") == id && g_str_equal(text_at(event, "action"), "ledger.bulk") && g_str_equal(text_at(event, "actor"), web_actor(page->request));
  return own ? json_incref(event) : NULL;
}

static gboolean in_time(json_t *event) { return clock_now_us() - int_at(event, "at") < BATCH_UNDO_DAYS * G_TIME_SPAN_DAY; }

/* The asker's own, for a count may tell of entries that others may not see. Newest first; what takes one back is newer than it. */
static json_t *actions_model(LedgerPage *page, json_t *events) {
  json_auto_t *undone = json_object();
  json_t *actions = json_array(), *event;
  gboolean may = ledger_may_write(page->definition, page->asker) && web_may(page->request, PERMISSION_WRITE);
  size_t i;
  json_array_foreach(events, i, event) {
    json_t *data = json_object_get(event, "data");
    g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, int_at(event, "id"));
    if (g_str_equal(text_at(event, "action"), "ledger.unbulk")) {
      g_autofree char *of = g_strdup_printf("%" G_GINT64_FORMAT, int_at(data, "of"));
      json_object_set(undone, of, json_object_get(event, "at"));
    }
    if (!g_str_equal(text_at(event, "action"), "ledger.bulk") || !g_str_equal(text_at(event, "actor"), web_actor(page->request))) continue;
    json_t *when = json_object_get(undone, key);
    json_array_append_new(actions, json_pack("{s:O, s:O, s:O, s:s, s:s, s:s, s:I, s:O?, s:b}", "id", json_object_get(event, "id"), "at", json_object_get(event, "at"),
      "actor", json_object_get(event, "actor"), "field", text_at(data, "field"), "value", text_at(data, "value"), "note", text_at(data, "note"), "count",
      (json_int_t)int_at(data, "count"), "undone", when, "may_undo", may && when == NULL && in_time(event)));
  }
  return actions;
}

WebReply *page_actions(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error)) return NULL;
  json_auto_t *events = journal_of(page.sql, "ledger", page.definition->id, web_int(request, "before", 0), ACTIONS_READ, error);
  if (events == NULL) return NULL;
  json_t *batches = batches_model(&page, error);
  if (batches == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:o, s:o, s:i}", "title", "成批改动", "ledger", page_ledger_model(&page), "batches", batches, "actions",
    actions_model(&page, events), "days", BATCH_UNDO_DAYS);
  if (json_array_size(events) == ACTIONS_READ) json_object_set(model, "next", json_object_get(json_array_get(events, ACTIONS_READ - 1), "id"));
  return web_model(model);
}

static gboolean take_back(LedgerPage *page, const char *made, int *ret_undone, int *ret_left, GError **error) {
  g_auto(GStrv) lines = g_strsplit(made, "\n", BULK_MAX + 1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) parts = g_strsplit(lines[i], ":", 4);
    if (g_strv_length(parts) != 3) continue;
    gint64 id = g_ascii_strtoll(parts[0], NULL, 10), before = g_ascii_strtoll(parts[1], NULL, 10), after = g_ascii_strtoll(parts[2], NULL, 10);
    json_auto_t *entry = ledger_entry_load(page->sql, page->asker, id, NULL);
    gboolean ours = entry != NULL && g_str_equal(text_at(entry, "ledger"), page->definition->name) && int_at(entry, "rev") == after;
    if (ours && !ledger_entry_take_back(page->sql, page->asker, web_actor(page->request), id, before, error)) return FALSE;
    *ret_undone += ours;
    *ret_left += !ours;
  }
  return TRUE;
}

WebReply *undo_bulk(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  gint64 id = web_int(request, "event", 0);
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page.definition->name);
  json_auto_t *event = id != 0 ? bulk_event(&page, id) : NULL;
  if (id != 0 && event == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这次成批修改");
  const char *made = event != NULL ? text_at(json_object_get(event, "data"), "made") : web_text(request, "made"), *back = page_back(request);
  if (made == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有说是哪一次修改");
  if (event != NULL && !in_time(event)) return throw_null(error, LANTAI_ERROR_CONFLICT, "这次修改已过 %d 天，不能再整批撤销", BATCH_UNDO_DAYS);
  int undone = 0, left = 0;
  if (!take_back(&page, made, &undone, &left, error)) return NULL;
  json_auto_t *data = json_pack("{s:I, s:i}", "of", (json_int_t)id, "count", undone);
  if (event != NULL && journal_append(page.sql, web_actor(request), "ledger.unbulk", "ledger", page.definition->id, data, error) == 0) return NULL;
  if (!sql_commit(page.sql, error)) return NULL;
  g_autofree char *list = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page.definition->id);
  WebReply *reply = web_redirect("%s", back != NULL ? back : list);
  g_autofree char *message = left ? g_strdup_printf("已撤销 %d 条；%d 条后来又改过，没有动", undone, left) : g_strdup_printf("已撤销 %d 条", undone);
  web_flash(reply, message);
  return reply;
}
