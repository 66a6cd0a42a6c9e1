/*
 * A change of state with what it asks for: the fields and files of the move stand in one small form, on a page of its own or in a dialog over the board.
 *
 * 1. What is typed and the change of state are one transaction; files are kept before it, as on the entry's own page, and stay when the move is refused.
 * 2. The definition's move is judged by ledger_entry_move alone; the form only asks beforehand.
 */
#include "pages.h"
#include "date.h"
#include <string.h>

static const LedgerMove *move_of(const LedgerPage *page, json_t *entry, const char *to) {
  for (guint i = 0; i < page->definition->move_count; i++)
    if (g_str_equal(page->definition->moves[i].from, text_at(entry, "state")) && g_str_equal(page->definition->moves[i].to, to)) return &page->definition->moves[i];
  return NULL;
}

/* The form. texts: what was typed; NULL: as the entry has it. The move's own fields only, all of them, so that what stands there already is seen. */
static json_t *move_model(LedgerPage *page, json_t *entry, json_t *texts, json_t *faults, const char *failed) {
  const char *to = web_text(page->request, "to"), *on = web_text(page->request, "on"), *back = page_back(page->request), *note = web_text(page->request, "note");
  const LedgerMove *move = move_of(page, entry, to);
  static const char *const none[] = {NULL};
  page->only = move != NULL && move->needs != NULL ? move->needs : none;
  json_auto_t *own = texts == NULL ? form_texts(page, entry) : json_incref(texts);
  json_t *model = form_model(page, own, faults, NULL), *input;
  size_t i;
  json_array_foreach(json_object_get(model, "inputs"), i, input) json_object_set_new(input, "required", json_true());
  g_autofree char *name = entry_name(entry), *today = date_format((DateSpan){date_today(), date_today()});
  const char *label = move != NULL ? move->label : to;
  json_object_set_new(model, "ledger", page_ledger_model(page));
  json_object_set_new(model, "entry", json_pack("{s:O, s:s, s:s}", "id", json_object_get(entry, "id"), "name", name, "state", text_at(entry, "state")));
  json_object_set_new(model, "title", json_sprintf("%s：%s", label, name));
  json_object_set_new(model, "takes_files", json_boolean(g_strv_contains(page->only, "附件")));
  json_object_set_new(model, "file_count", json_integer((json_int_t)json_array_size(json_object_get(entry, "files"))));
  put_text_at(model, "label", label);
  put_text_at(model, "to", to);
  put_text_at(model, "on", on != NULL ? on : today);
  if (move != NULL && move->note != NULL) put_text_at(model, "note_label", move->note);
  if (note != NULL) put_text_at(model, "note", note);
  if (back != NULL) put_text_at(model, "back", back);
  if (failed != NULL) put_text_at(model, "failed", failed);
  return model;
}

WebReply *page_entry_move(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = page_begin(&page, request, FALSE, error) ? page_entry(&page, error) : NULL;
  if (entry == NULL) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page.definition->name);
  json_auto_t *moves = ledger_entry_moves(page.sql, page.asker, web_actor(request), entry, error);
  const char *to = web_text(request, "to") != NULL ? web_text(request, "to") : "";
  json_t *move;
  size_t i;
  json_array_foreach(moves, i, move)
    if (g_str_equal(text_at(move, "to"), to)) return web_model(move_model(&page, entry, NULL, NULL, NULL));
  return throw_null(error, LANTAI_ERROR_CONFLICT, "现在的状态是“%s”，您不能把它转为“%s”", text_at(entry, "state"), to);
}

/* What was typed with the move, into the entry, in the move's transaction. FALSE without error: faults say what is wrong. */
static gboolean write_given(LedgerPage *page, json_t *entry, json_t *texts, json_t *faults, GError **error) {
  const LedgerMove *move = move_of(page, entry, web_text(page->request, "to"));
  if (move == NULL || move->needs == NULL) return TRUE;
  page->only = move->needs;
  json_auto_t *changed = json_deep_copy(entry);
  form_read(page, texts, changed, faults);
  json_auto_t *copy = json_deep_copy(changed), *more = json_object_size(faults) ? NULL : ledger_entry_problems(page->sql, page->asker, page->definition, copy);
  if (more != NULL) json_object_update(faults, more);
  return json_object_size(faults) == 0 && ledger_entry_put(page->sql, page->asker, web_actor(page->request), changed, int_at(entry, "rev"), error) != 0;
}

static gboolean any_file(WebRequest *request) {
  for (int i = 1; i <= LEDGER_FILES; i++) {
    g_autofree char *parameter = g_strdup_printf("file%d", i);
    if (web_file_path(request, parameter) != NULL) return TRUE;
  }
  return FALSE;
}

/* Files have transactions of their own, so they come before the one that moves. */
static gboolean keep_files(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = begin_change(&page, request, error);
  if (entry == NULL) return FALSE;
  gint64 id = int_at(entry, "id");
  page_end(&page);
  LedgerPage plain = {.request = request, .house = web_house(request), .asker = ledger_asker(request)};
  return attach_given(&plain, id, error);
}

/* A list is told what was just done there, so that it can offer to take it back. */
static WebReply *moved(LedgerPage *page, json_t *entry, GError **error) {
  const char *back = page_back(page->request), *to = web_text(page->request, "to");
  gint64 id = int_at(entry, "id");
  json_auto_t *now = ledger_entry_load(page->sql, page->asker, id, NULL);
  g_autofree char *message = g_strdup_printf("已转为“%s”", to);
  if (back == NULL || strchr(back, '?') == NULL || now == NULL) return change_done(page, entry, message, error);
  if (!sql_commit(page->sql, error)) return NULL;
  WebReply *reply = web_redirect("%s&moved=%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT, back, id, int_at(entry, "rev"), int_at(now, "rev"));
  web_flash(reply, message);
  return reply;
}

WebReply *move_entry(WebRequest *request, GError **error) {
  const char *to = web_text(request, "to"), *on = web_text(request, "on");
  json_t *given = web_fields(request, "v");
  DateSpan span = {date_today(), date_today()};
  gboolean filled = json_object_size(given) > 0 || any_file(request);
  if (on != NULL && (!date_parse(on, &span) || span.to == 0)) return throw_null(error, LANTAI_ERROR_INVALID, "“%s”不是日期", on);
  if (any_file(request) && !keep_files(request, error)) return NULL;
  g_auto(LedgerPage) page = {0};
  json_auto_t *entry = begin_change(&page, request, error), *faults = json_object();
  if (entry == NULL) return NULL;
  json_auto_t *texts = form_given(&page, given);
  g_autoptr(GError) problem = NULL;
  if (!filled) {
    if (!ledger_entry_move(page.sql, page.asker, web_actor(request), int_at(entry, "id"), to, span.to, web_text(request, "note"), error)) return NULL;
    return moved(&page, entry, error);
  }
  if (write_given(&page, entry, texts, faults, &problem) &&
    ledger_entry_move(page.sql, page.asker, web_actor(request), int_at(entry, "id"), to, span.to, web_text(request, "note"), &problem)) return moved(&page, entry, error);
  if (problem != NULL && !g_error_matches(problem, LANTAI_ERROR, LANTAI_ERROR_INVALID)) return g_propagate_error(error, g_steal_pointer(&problem)), NULL;
  page_end(&page); /* nothing of it was written */
  g_auto(LedgerPage) again = {0};
  json_auto_t *now = page_begin(&again, request, FALSE, error) ? page_entry(&again, error) : NULL;
  return now == NULL ? NULL : web_model_status(move_model(&again, now, texts, faults, problem != NULL ? problem->message : NULL), 422);
}
