/*
 * One entry: registering it, changing it, everything there is of it, its moves, comments and files.
 *
 * 1. What is refused comes back as it was typed, with the message at its field.
 * 2. Files are kept after the entry's own transaction: an entry is never lost because its photo could not be kept.
 */
#include "pages.h"
#include "date.h"
#include "format.h"
#include <string.h>

#define ENTRY_PATH "/entry/%" G_GINT64_FORMAT
enum { MADE_TEXT_MAX = 500, HISTORY_SHOWN = 50, COMMENTS_SHOWN = 50 };

/* ---- the form's page ---- */

static json_t *form_page(const LedgerPage *page, json_t *entry, json_t *texts, json_t *faults, json_t *theirs) {
  json_t *model = form_model(page, texts, faults, theirs);
  gint64 id = int_at(entry, "id");
  json_object_set_new(model, "ledger", page_ledger_model(page));
  if (id != 0) {
    g_autofree char *name = entry_name(entry);
    json_auto_t *now = form_texts(page, entry);
    g_autofree char *base = json_dumps(now, JSON_COMPACT);
    json_object_set_new(model, "entry", json_pack("{s:I, s:s, s:O}", "id", (json_int_t)id, "name", name, "rev", json_object_get(entry, "rev")));
    put_text_at(model, "base", base);
    json_object_set_new(model, "title", json_sprintf("修改%s", name));
  } else json_object_set_new(model, "title", json_sprintf("登记%s", page->definition->name));
  if (json_object_size(faults)) json_object_set(model, "faults", faults);
  if (page_back(page->request) != NULL) put_text_at(model, "back", page_back(page->request));
  if (id != 0) json_object_set_new(model, "unfolded", json_true());
  return model;
}

/* Definitions' defaults, and today where there is a date. */
static json_t *first_texts(const LedgerPage *page) {
  json_auto_t *entry = json_pack("{s:{}}", "values");
  for (guint i = 0; i < page->definition->field_count; i++) {
    const LedgerField *field = &page->definition->fields[i];
    if (field->fallback != NULL && !field->dated) entry_set(entry, field->name, json_incref(field->fallback));
  }
  json_object_set_new(entry, "from", json_integer(date_today()));
  json_object_set_new(entry, "to", json_integer(date_today()));
  return form_texts(page, entry);
}

/* Of the entry just saved what will be the same again: when, who, of what kind; not what it was about. */
static void keep_same(const LedgerPage *page, json_t *texts, gint64 like) {
  json_auto_t *entry = ledger_entry_load(page->sql, page->asker, like, NULL);
  if (entry == NULL || !g_str_equal(text_at(entry, "ledger"), page->definition->name)) return;
  json_auto_t *same = form_texts(page, entry);
  const char *key;
  json_t *text;
  json_object_foreach(same, key, text) {
    const LedgerField *field = ledger_field(page->definition, key);
    if (field == NULL || field->type == FIELD_TEXT || field->type == FIELD_LINES || field->type == FIELD_NUMBER || field->type == FIELD_MONEY ||
      field->type == FIELD_FILE ||
      field->type == FIELD_RECORD || field->type == FIELD_ROWS) continue;
    json_object_set(texts, key, text);
  }
}

/* Addresses may fill fields in: ?v.所属问题=#17. */
WebReply *page_new(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", page.definition->name);
  json_auto_t *texts = first_texts(&page), *given = form_given(&page, web_fields(request, "v"));
  gint64 like = web_int(request, "like", 0);
  if (like != 0) keep_same(&page, texts, like);
  form_take(texts, given);
  const char *key;
  json_t *text;
  json_object_foreach(given, key, text) { /* "#17" is shown as what it is */
    const LedgerField *field = ledger_field(page.definition, key);
    g_autofree char *problem = NULL;
    if (field == NULL || field->type != FIELD_ENTRY || *json_string_value(text) == '\0') continue;
    json_auto_t *value = value_read(&page, field, json_string_value(text), &problem);
    g_autofree char *shown = value == NULL ? NULL : value_input(&page, field, value);
    if (shown != NULL) put_text_at(texts, key, shown);
  }
  json_t *model = form_page(&page, NULL, texts, NULL, NULL);
  if (like != 0) json_object_set_new(model, "again", json_true());
  if (checklist_asks(page.definition, texts)) json_object_set_new(model, "item", json_true());
  return web_model(model);
}

/* ---- saving ---- */

gboolean attach_given(LedgerPage *page, gint64 entry, GError **error) {
  for (int i = 1; i <= LEDGER_FILES; i++) {
    g_autofree char *parameter = g_strdup_printf("file%d", i);
    const char *path = web_file_path(page->request, parameter), *name = web_file_name(page->request, parameter);
    if (path != NULL && !ledger_entry_attach(page->house, page->asker, web_actor(page->request), entry, name, path, error)) return FALSE;
  }
  return TRUE;
}

static char *next_item(LedgerPage *page, gint64 id) {
  g_autoptr(Sql) sql = sql_read(page->house->db, NULL);
  json_auto_t *entry = sql != NULL ? ledger_entry_load(sql, page->asker, id, NULL) : NULL;
  return entry != NULL ? checklist_next(sql, page->asker, entry) : NULL;
}

/* Goes on after the commit: the files, then where the form wanted to go. */
static WebReply *saved(LedgerPage *page, gint64 id, const char *message, GError **error) {
  gint64 ledger = page->definition->id;
  WebRequest *request = page->request;
  page_end(page);
  g_autoptr(GError) problem = NULL;
  LedgerPage after = {.request = request, .house = web_house(request), .asker = ledger_asker(request)};
  gboolean fine = attach_given(&after, id, &problem);
  gboolean next = web_flag(request, "next");
  g_autofree char *item = next && fine ? next_item(&after, id) : NULL;
  WebReply *reply = item != NULL ? web_redirect("%s", item) : next && fine ? web_redirect("/ledger/%" G_GINT64_FORMAT "/new?like=%" G_GINT64_FORMAT, ledger, id) :
    page_back(request) != NULL ? web_redirect("%s", page_back(request)) : web_redirect(ENTRY_PATH, id);
  g_autofree char *told = fine ? g_strdup(message) : g_strdup_printf("%s，但附件没有保存：%s", message, problem->message);
  web_flash(reply, told);
  return reply;
}

static gboolean has_faults(const LedgerPage *page, json_t *entry, json_t *faults) {
  json_auto_t *copy = json_deep_copy(entry), *more = json_object_size(faults) ? NULL : ledger_entry_problems(page->sql, page->asker, page->definition, copy);
  if (more != NULL) json_object_update(faults, more);
  return json_object_size(faults) > 0;
}

WebReply *save_new(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能在台账“%s”中登记", page.definition->name);
  json_auto_t *texts = form_given(&page, web_fields(request, "v")), *faults = json_object();
  json_auto_t *entry = json_pack("{s:s, s:{}}", "ledger", page.definition->name, "values");
  form_read(&page, texts, entry, faults);
  if (has_faults(&page, entry, faults)) return web_model_status(form_page(&page, NULL, texts, faults, NULL), 422);
  gint64 id = ledger_entry_put(page.sql, page.asker, web_actor(request), entry, 0, error);
  if (id == 0 || !sql_commit(page.sql, error)) return NULL;
  return saved(&page, id, "已登记", error);
}

static gboolean may_change(const LedgerPage *page, json_t *entry, GError **error) {
  if (!entry_is_free(entry, error)) return FALSE;
  if (ledger_may_write(page->definition, page->asker)) return TRUE;
  return throw(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page->definition->name);
}

WebReply *page_edit(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, FALSE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL || !may_change(&page, entry, error)) return NULL;
  json_auto_t *texts = form_texts(&page, entry);
  return web_model(form_page(&page, entry, texts, NULL, NULL));
}

/* Which to take where both changed: what stands now replaces what was typed. */
static void take_chosen(const LedgerPage *page, json_t *texts, json_t *now) {
  const char *field;
  json_t *choice;
  json_auto_t *theirs = json_object();
  json_object_foreach(web_fields(page->request, "take"), field, choice) {
    if (g_strcmp0(json_string_value(choice), "theirs") != 0) continue;
    const char *key;
    json_t *text;
    json_object_foreach(now, key, text)
      if (g_str_has_prefix(key, field) && (key[strlen(field)] == '\0' || key[strlen(field)] == '.')) json_object_set(theirs, key, text);
    if (json_object_get(theirs, field) == NULL) put_text_at(theirs, field, "");
  }
  form_take(texts, theirs);
}

static WebReply *conflict(const LedgerPage *page, json_t *entry, json_t *texts, json_t *theirs) {
  json_t *model = form_page(page, entry, texts, NULL, theirs);
  json_object_set_new(model, "conflict", json_pack("{s:O, s:O}", "by", json_object_get(entry, "changed_by"), "at", json_object_get(entry, "changed_at")));
  return web_model_status(model, 409);
}

WebReply *save_edit(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, TRUE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL || !may_change(&page, entry, error)) return NULL;
  json_auto_t *texts = form_given(&page, web_fields(request, "v")), *now = form_texts(&page, entry), *faults = json_object();
  gint64 rev = web_int(request, "rev", 0), current = int_at(entry, "rev");
  const char *base_text = web_text(request, "base");
  gboolean merged = rev != 0 && rev != current;
  take_chosen(&page, texts, now);
  if (merged) {
    json_auto_t *base = base_text == NULL ? NULL : json_loads(base_text, 0, NULL);
    if (base == NULL) return throw_null(error, LANTAI_ERROR_CONFLICT, "这一条已被 %s 修改，请重新打开", text_at(entry, "changed_by"));
    json_auto_t *both = form_merge(&page, texts, base, now);
    if (json_object_size(both)) return conflict(&page, entry, texts, both);
  }
  json_auto_t *changed = json_deep_copy(entry);
  form_read(&page, texts, changed, faults);
  if (has_faults(&page, changed, faults)) return web_model_status(form_page(&page, entry, texts, faults, NULL), 422);
  gint64 id = ledger_entry_put(page.sql, page.asker, web_actor(request), changed, current, error);
  if (id == 0 || !sql_commit(page.sql, error)) return NULL;
  return saved(&page, id, merged ? "已保存，与他人同时作的修改并在一起" : "已保存", error);
}

/* ---- what is begun from an entry or from one of its rows (the definition's `makes`) ---- */

static char *filled(const LedgerPage *page, json_t *entry, const LedgerField *rows, json_t *row, const char *pattern) {
  g_autoptr(GString) out = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&pattern, out)) != NULL; g_free(name)) {
    g_autofree char *text = NULL;
    for (guint k = 0; rows != NULL && text == NULL && k < rows->count; k++)
      if (g_str_equal(rows->fields[k].name, name) && ledger_may_read_field(&rows->fields[k], page->asker))
        text = value_text(page, &rows->fields[k], json_object_get(row, name));
    const LedgerField *field = text == NULL ? ledger_field(page->definition, name) : NULL;
    if (field != NULL && ledger_may_read_field(field, page->asker)) {
      json_auto_t *value = entry_get(entry, name);
      text = value_text(page, field, value);
    }
    if (text != NULL) g_string_append(out, text);
  }
  if (g_utf8_strlen(out->str, -1) <= MADE_TEXT_MAX) return g_string_free(g_steal_pointer(&out), FALSE);
  return g_utf8_substring(out->str, 0, MADE_TEXT_MAX);
}

static void append_value(GString *href, const char *name, const char *value) {
  g_string_append(href, strchr(href->str, '?') == NULL ? "?v." : "&v.");
  g_string_append_uri_escaped(href, name, NULL, FALSE);
  g_string_append_c(href, '=');
  g_string_append_uri_escaped(href, value, NULL, FALSE);
}

/* The links that make says for the row (NULL: the entry itself), with the reference back where the other ledger has one. */
static json_t *makes_model(const LedgerPage *page, json_t *entry, const LedgerField *rows, json_t *row) {
  json_t *links = json_array(), *make, *pattern;
  size_t i;
  json_array_foreach(json_object_get(page->definition->json, "makes"), i, make) {
    const LedgerDefinition *target = ledger_find(text_at(make, "ledger"));
    const char *from = text_at(make, "from"), *name;
    if (g_strcmp0(from, rows != NULL ? rows->name : "") != 0 || target == NULL || !ledger_may_write(target, page->asker)) continue;
    g_autofree char *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT "/new", target->id), *back = g_strdup_printf("#%d", (int)int_at(entry, "id"));
    g_autoptr(GString) href = g_string_new(path);
    json_object_foreach(json_object_get(make, "values"), name, pattern) {
      g_autofree char *text = filled(page, entry, rows, row, json_string_value(pattern));
      if (*text) append_value(href, name, text);
    }
    for (guint k = 0, done = FALSE; k < target->field_count && !done; k++) {
      const LedgerField *field = &target->fields[k];
      done = field->type == FIELD_ENTRY && !field->base && g_strcmp0(field->ledger, page->definition->name) == 0;
      if (done && json_object_get(json_object_get(make, "values"), field->name) == NULL) append_value(href, field->name, back);
    }
    const char *label = *text_at(make, "label") ? text_at(make, "label") : target->name;
    json_array_append_new(links, json_pack("{s:s, s:s}", "label", label, "href", href->str));
  }
  return links;
}

static void add_row_makes(const LedgerPage *page, json_t *entry, const LedgerField *field, json_t *value, json_t *table) {
  json_t *row;
  size_t i;
  gboolean any = FALSE;
  json_array_foreach(json_object_get(table, "rows"), i, row) {
    json_t *links = makes_model(page, entry, field, json_array_get(value, i));
    any = any || json_array_size(links) > 0;
    json_object_set_new(row, "makes", links);
  }
  json_object_set_new(table, "has_makes", json_boolean(any));
}

static json_t *fields_model(const LedgerPage *page, json_t *entry) {
  json_t *list = json_array();
  const LedgerDefinition *definition = page->definition;
  const char *const first[] = {"日期"}, *const apart[] = {"标题", "编号", "状态", "附件", "日期", "档案", "归档档号", "归档批次", NULL};
  for (guint i = 0; i < definition->field_count + G_N_ELEMENTS(first); i++) {
    const LedgerField *field = i < G_N_ELEMENTS(first) ? ledger_field(definition, first[i]) : &definition->fields[i - G_N_ELEMENTS(first)];
    if (field == NULL || !ledger_may_read_field(field, page->asker) || (i >= G_N_ELEMENTS(first) && g_strv_contains(apart, field->name))) continue;
    json_auto_t *value = entry_get(entry, field->name);
    if (value == NULL) continue;
    json_t *model = value_model(page, field, value);
    put_text_at(model, "label", shown_label(definition, field));
    if (field->type == FIELD_ROWS && web_may(page->request, PERMISSION_WRITE)) add_row_makes(page, entry, field, value, json_object_get(model, "table"));
    if (g_str_equal(field->name, "截止") && entry_is_overdue(definition, entry)) json_object_set_new(model, "late", json_true());
    if (*text_at(model, "text")) json_array_append_new(list, model);
    else json_decref(model);
  }
  return list;
}

static json_t *moves_model(const LedgerPage *page, json_t *entry) {
  json_t *moves = ledger_entry_moves(page->sql, page->asker, web_actor(page->request), entry, NULL), *move;
  size_t i;
  json_array_foreach(moves, i, move) {
    g_autoptr(GString) missing = g_string_new(NULL);
    size_t k;
    json_t *field;
    json_array_foreach(json_object_get(move, "missing"), k, field) g_string_append_printf(missing, "%s%s", k ? "、" : "", json_string_value(field));
    if (missing->len) put_text_at(move, "missing_text", missing->str);
    if (json_is_null(json_object_get(move, "note"))) json_object_del(move, "note");
    json_object_del(move, "missing");
  }
  return moves;
}

/* Steps that wait for somebody else, so that nobody looks for a button in vain: 销号须由另一人办理. */
static json_t *waits_model(const LedgerPage *page, json_t *entry, json_t *moves) {
  json_t *waits = json_array(), *shown;
  for (guint i = 0; i < page->definition->move_count; i++) {
    const LedgerMove *move = &page->definition->moves[i];
    gboolean there = !g_str_equal(move->from, text_at(entry, "state")) || !move->another;
    size_t k;
    json_array_foreach(moves, k, shown) there = there || g_str_equal(text_at(shown, "to"), move->to);
    if (!there) json_array_append_new(waits, json_string(move->label));
  }
  return waits;
}

static json_t *states_model(const LedgerPage *page, json_t *entry) {
  json_t *states = json_array(), *pair;
  size_t i;
  json_array_foreach(json_object_get(entry, "states"), i, pair) {
    const char *state = json_string_value(json_array_get(pair, 0));
    json_array_append_new(states, json_pack("{s:s?, s:O?, s:s}", "state", state, "day", json_array_get(pair, 1), "tone", state_tone(page->definition,
      state ? state : "")));
  }
  return states;
}

/* Entries that refer to this one, by ledger and field; those that could are offered too. */
static json_t *children_model(const LedgerPage *page, gint64 id, json_t *offers) {
  json_auto_t *referring = ledger_entry_referring(page->sql, page->asker, id, NULL);
  json_t *children = json_array(), *group, *child;
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i] != NULL; i++) {
    if (!ledger_may_read(all[i], page->asker)) continue;
    for (guint k = 0; k < all[i]->field_count; k++) {
      const LedgerField *field = &all[i]->fields[k];
      if (field->type != FIELD_ENTRY || field->base || g_strcmp0(field->ledger, page->definition->name) != 0 || !ledger_may_read_field(field, page->asker)) continue;
      json_t *model = json_pack("{s:s, s:s, s:I, s:b, s:i, s:[]}", "ledger", all[i]->name, "field", field->name, "ledger_id", (json_int_t)all[i]->id, "may_add",
        ledger_may_write(all[i], page->asker), "count", 0, "entries");
      size_t g, c;
      json_array_foreach(referring, g, group) {
        if (!g_str_equal(text_at(group, "ledger"), all[i]->name) || !g_str_equal(text_at(group, "field"), field->name)) continue;
        json_object_set(model, "count", json_object_get(group, "count"));
        json_array_foreach(json_object_get(group, "entries"), c, child) {
          g_autofree char *name = entry_name(child);
          json_auto_t *due = entry_get(child, "截止");
          json_array_append_new(json_object_get(model, "entries"), json_pack("{s:O, s:s, s:O?, s:s, s:O?, s:O?, s:b}", "id", json_object_get(child, "id"), "name", name,
            "state", json_object_get(child, "state"), "tone", state_tone(all[i], text_at(child, "state")), "owner", json_object_get(child, "owner"), "due", due, "late",
            entry_is_overdue(all[i], child)));
        }
      }
      json_array_append_new(json_array_size(json_object_get(model, "entries")) ? children : offers, model);
    }
  }
  return children;
}

static char *change_text(const LedgerPage *page, const char *name, json_t *value) {
  const LedgerField *field = ledger_field(page->definition, name);
  if (field != NULL && (field->type == FIELD_ENTRY || field->type == FIELD_RECORD) && json_is_string(value)) { /* by their ids */
    g_auto(GStrv) ids = g_strsplit(json_string_value(value), "、", -1);
    json_auto_t *list = json_array();
    for (guint i = 0; ids[i] != NULL; i++)
      if (ids[i][0] != '\0') json_array_append_new(list, json_integer(g_ascii_strtoll(ids[i], NULL, 10)));
    return value_text(page, field, list);
  }
  if (value == NULL || json_is_null(value)) return g_strdup("");
  if (field != NULL && !json_is_string(value)) return value_text(page, field, value);
  if (json_is_string(value)) return g_strdup(json_string_value(value));
  return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* A page of the history, with where the next one begins. */
static void put_history(const LedgerPage *page, gint64 id, gboolean tied, json_t *model) {
  gint64 before = web_int(page->request, "before", 0);
  json_t *history = ledger_entry_history(page->sql, page->asker, id, before, HISTORY_SHOWN + 1, NULL), *step, *change;
  if (json_array_size(history) > HISTORY_SHOWN) {
    json_array_remove(history, HISTORY_SHOWN);
    json_object_set(model, "earlier", json_object_get(json_array_get(history, HISTORY_SHOWN - 1), "rev"));
  }
  if (before != 0) json_object_set_new(model, "newest", json_true());
  size_t i, k;
  json_array_foreach(history, i, step) {
    json_auto_t *shown = json_array();
    json_array_foreach(json_object_get(step, "changes"), k, change) {
      const LedgerField *field = ledger_field(page->definition, text_at(change, "field"));
      if (field != NULL && !ledger_may_read_field(field, page->asker)) continue;
      g_autofree char *from = change_text(page, text_at(change, "field"), json_object_get(change, "from"));
      g_autofree char *to = change_text(page, text_at(change, "field"), json_object_get(change, "to"));
      json_array_append_new(shown, json_pack("{s:O, s:s, s:s}", "field", json_object_get(change, "field"), "from", from, "to", to));
    }
    json_object_set(step, "changes", shown);
    json_object_set_new(step, "restorable", json_boolean((i > 0 || before != 0) && !tied && ledger_may_write(page->definition, page->asker)));
  }
  json_object_set_new(model, "history", history != NULL ? history : json_array());
}

static gboolean is_picture(const char *name) {
  static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".gif"};
  g_autofree char *small = g_ascii_strdown(name, -1);
  for (guint i = 0; i < G_N_ELEMENTS(endings); i++)
    if (g_str_has_suffix(small, endings[i])) return TRUE;
  return FALSE;
}

static json_t *files_model(json_t *entry) {
  json_t *files = json_array(), *file;
  size_t i;
  json_array_foreach(json_object_get(entry, "files"), i, file) {
    json_t *model = json_copy(file);
    json_object_set_new(model, "picture", json_boolean(is_picture(text_at(file, "name"))));
    json_array_append_new(files, model);
  }
  return files;
}

static json_t *also_model(json_t *entry, Asker asker) {
  json_t *links = json_array(), *name;
  size_t i;
  json_array_foreach(json_object_get(entry, "also"), i, name) {
    const LedgerDefinition *other = ledger_find(json_string_value(name));
    if (other != NULL && ledger_may_read(other, asker)) json_array_append_new(links, json_pack("{s:I, s:s}", "id", (json_int_t)other->id, "name", other->name));
  }
  return links;
}

/* Where it went: {code, delivery, record (0: not there yet)}. */
static json_t *tied_model(const LedgerPage *page, json_t *entry) {
  json_t *values = json_object_get(entry, "values");
  return json_pack("{s:O, s:O, s:I, s:b}", "code", json_object_get(values, "归档档号"), "delivery", json_object_get(values, "归档批次"), "record",
    (json_int_t)int_at(values, "档案"), "may_delivery", web_may(page->request, "delivery.read"));
}

/* The list that the entry was opened from: where it stands, what is before and after it; `here` leads back to this page with the list. */
static gboolean add_neighbours(json_t *model, LedgerPage *page, gint64 id, GError **error) {
  g_auto(LedgerFilter) filter = {0};
  g_autofree char *own = g_strdup_printf(ENTRY_PATH, id), *ledger = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page->definition->id);
  g_autofree char *plain = g_strconcat(own, "?", NULL);
  if (!web_flag(page->request, "list")) return put_text_at(model, "here", plain), TRUE;
  if (!filter_read(&filter, page, error)) return FALSE;
  json_auto_t *beside = ledger_neighbours(page->house, page->sql, page->asker, &filter.ask, id, error);
  if (beside == NULL) return FALSE;
  const char *show = web_text(page->request, "show");
  if (show != NULL) put_text_at(filter.address, "show", show);
  g_autofree char *here = filter_link(&filter, own, "list", "1"), *list = filter_link(&filter, ledger, NULL, NULL);
  put_text_at(model, "here", here);
  static const char *const sides[] = {"former", "later"};
  json_t *shown = json_pack("{s:s, s:O?, s:O?}", "list", list, "place", json_object_get(beside, "place"), "count", json_object_get(beside, "count"));
  for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
    g_autofree char *path = g_strdup_printf(ENTRY_PATH, (gint64)int_at(beside, sides[i])), *href = filter_link(&filter, path, "list", "1");
    if (int_at(beside, sides[i]) != 0) put_text_at(shown, sides[i], href);
  }
  json_object_set_new(model, "beside", shown);
  return TRUE;
}

static void put_comments(const LedgerPage *page, gint64 id, json_t *model) {
  json_t *comments = ledger_entry_comments(page->sql, page->asker, id, web_int(page->request, "said_before", 0), COMMENTS_SHOWN + 1, NULL);
  gboolean more = json_array_size(comments) > COMMENTS_SHOWN;
  if (more) json_array_remove(comments, 0);
  if (more) json_object_set(model, "said_before", json_object_get(json_array_get(comments, 0), "id"));
  json_object_set_new(model, "comments", comments != NULL ? comments : json_array());
}

WebReply *page_one(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, FALSE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL) return NULL;
  gint64 id = int_at(entry, "id");
  gboolean deleted = json_is_true(json_object_get(entry, "deleted")), tied = entry_is_tied(entry);
  gboolean write = ledger_may_write(page.definition, page.asker) && !deleted && !tied;
  g_autofree char *name = entry_name(entry);
  json_auto_t *offers = json_array();
  json_t *model = json_pack("{s:s, s:o, s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "title", name, "ledger", page_ledger_model(&page), "entry", entry, "name",
    name, "fields",
    fields_model(&page, entry), "states", states_model(&page, entry), "children", children_model(&page, id, offers), "files", files_model(entry), "also_in",
      also_model(entry, ledger_asker(request)),
    "write", write);
  put_history(&page, id, tied, model);
  page_add_moved(model, &page);
  if (!add_neighbours(model, &page, id, error)) return json_decref(model), NULL;
  json_object_set_new(model, "checklists", checklists_model(page.sql, page.asker, entry));
  if (tied) json_object_set_new(model, "tied", tied_model(&page, entry));
  if (ledger_may_archive_entry(entry, page.asker)) json_object_set_new(model, "may_archive", json_true());
  if (write) json_object_set(model, "offers", offers);
  if (web_may(request, PERMISSION_WRITE) && !deleted && !tied) json_object_set_new(model, "makes_here", makes_model(&page, entry, NULL, NULL));
  put_comments(&page, id, model);
  put_text_at(model, "tone", state_tone(page.definition, text_at(entry, "state")));
  json_object_set_new(model, "has_states", json_boolean(page.definition->state_count > 1));
  json_object_set_new(model, "overdue", json_boolean(entry_is_overdue(page.definition, entry)));
  if (write) {
    json_t *moves = moves_model(&page, entry);
    json_object_set_new(model, "moves", moves);
    json_object_set_new(model, "waits", waits_model(&page, entry, moves));
  }
  g_autofree char *today = date_format((DateSpan){date_today(), date_today()});
  put_text_at(model, "today", today);
  return web_model(model);
}

/* ---- what is done with it ---- */

json_t *begin_change(LedgerPage *page, WebRequest *request, GError **error) {
  json_auto_t *entry = page_begin(page, request, TRUE, error) ? page_entry(page, error) : NULL;
  if (entry == NULL || !ledger_may_write(page->definition, page->asker)) {
    if (entry != NULL) throw(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page->definition->name);
    return NULL;
  }
  return g_steal_pointer(&entry);
}

WebReply *change_done(LedgerPage *page, json_t *entry, const char *message, GError **error) {
  if (!sql_commit(page->sql, error)) return NULL;
  const char *back = page_back(page->request);
  WebReply *reply = back != NULL ? web_redirect("%s", back) : web_redirect(ENTRY_PATH, (gint64)int_at(entry, "id"));
  web_flash(reply, message);
  return reply;
}

WebReply *comment_entry(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, TRUE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL || !ledger_entry_comment(page.sql, page.asker, web_actor(request), int_at(entry, "id"), web_text(request, "text"), error)) return NULL;
  return change_done(&page, entry, "意见已记下", error);
}

WebReply *delete_entry(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = begin_change(&page, request, error);
  if (entry == NULL || !ledger_entry_delete(page.sql, page.asker, web_actor(request), int_at(entry, "id"), web_text(request, "why"), error)) return NULL;
  json_auto_t *gone = ledger_entry_load(page.sql, page.asker, int_at(entry, "id"), error);
  if (gone == NULL || !sql_commit(page.sql, error)) return NULL;
  const char *back = page_back(request);
  g_autofree char *list = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page.definition->id);
  if (back == NULL || !g_str_has_prefix(back, list)) back = list;
  WebReply *reply = web_redirect("%s%cmoved=%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, back, strchr(back, '?') == NULL ? '?' : '&',
    (gint64)int_at(entry, "id"), (gint64)int_at(entry, "rev"), (gint64)int_at(gone, "rev"));
  web_flash(reply, "已删除；编号不再使用。以后要找回：更多 → 两个日期之间的变化");
  return reply;
}

WebReply *restore_entry(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = begin_change(&page, request, error);
  if (entry == NULL || !ledger_entry_restore(page.sql, page.asker, web_actor(request), int_at(entry, "id"), web_int(request, "rev", 0), error)) return NULL;
  return change_done(&page, entry, "已恢复成那时的样子", error);
}

WebReply *attach_file(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, FALSE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL || !may_change(&page, entry, error)) return NULL;
  gint64 id = int_at(entry, "id");
  page_end(&page);
  LedgerPage plain = {.request = request, .house = web_house(request), .asker = ledger_asker(request)};
  if (!attach_given(&plain, id, error)) return NULL;
  WebReply *reply = page_back(request) != NULL ? web_redirect("%s", page_back(request)) : web_redirect(ENTRY_PATH, id);
  web_flash(reply, "附件已保存");
  return reply;
}

WebReply *detach_file(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = begin_change(&page, request, error);
  const char *name = web_text(request, "name");
  if (entry == NULL || !ledger_entry_detach(page.sql, page.asker, web_actor(request), int_at(entry, "id"), name != NULL ? name : "", error)) return NULL;
  return change_done(&page, entry, "附件已去掉；原来的版本仍保存着", error);
}

static const char *mime_of(const char *name) {
  static const char *const known[][2] = {{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"}, {".gif", "image/gif"},
    {".pdf", "application/pdf"}};
  g_autofree char *small = g_ascii_strdown(name, -1);
  for (guint i = 0; i < G_N_ELEMENTS(known); i++)
    if (g_str_has_suffix(small, known[i][0])) return known[i][1];
  return NULL;
}

WebReply *send_file(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, FALSE, error) ? page_entry(&page, error) : NULL;
  const char *name = web_text(request, "name");
  gint64 size = 0;
  if (entry != NULL && name == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有说是哪一个附件");
  int fd = entry == NULL ? -1 : ledger_entry_file_open(page.house, page.sql, page.asker, int_at(entry, "id"), name, &size, error);
  if (fd < 0) return NULL;
  const char *mime = mime_of(name);
  return web_fd(fd, size, mime != NULL ? mime : "application/octet-stream", name, mime != NULL, NULL);
}
