/*
 * Changing many entries: choose, say what, and see on the page of its batch what will be changed. What was done with a single one is taken back here as well.
 *
 * 1. What is planned is made: an entry that changed since is left and told (batch.c).
 * 2. Taking back restores only what nobody changed afterwards.
 */
#include "pages.h"

enum { PLAN_INLINE = 500, TAKEN_BACK_MOST = 100, TITLE_CHARS = 40 };
#define STATE_FIELD "状态"

/* ---- what is changed ---- */

/* {field, value, note, change} for bulk_plan. NULL: it cannot be changed so. */
static json_t *read_change(LedgerPage *page, GError **error) {
  const char *name = web_text(page->request, "field"), *value = web_text(page->request, "value"), *note = web_text(page->request, "note");
  if (name == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "请选择要改的字段");
  if (value == NULL) value = "";
  if (note == NULL) note = "";
  json_t *told = json_pack("{s:s, s:s, s:s}", "field", name, "value", value, "note", note);
  if (g_str_equal(name, STATE_FIELD)) {
    json_object_set_new(told, "change", json_pack("{s:{s:s, s:s}}", "move", "to", value, "note", note));
    if (ledger_state(page->definition, value) != NULL) return told;
    json_decref(told);
    return throw_null(error, LANTAI_ERROR_INVALID, "没有“%s”这个状态", value);
  }
  const LedgerField *field = ledger_field(page->definition, name);
  gboolean fits = field != NULL && field->type != FIELD_ROWS && field->type != FIELD_FILE && form_shows(page, field);
  g_autofree char *problem = fits ? NULL : g_strdup_printf("不能成批改“%s”", name);
  json_t *read = fits ? value_read(page, field, value, &problem) : NULL;
  if (read != NULL) json_object_set_new(told, "change", json_pack("{s:{s:o}}", "values", field->name, read));
  if (read != NULL) return told;
  json_decref(told);
  return throw_null(error, LANTAI_ERROR_INVALID, "%s", problem);
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

static json_t *bulk_frame(LedgerPage *page, const LedgerFilter *filter, gint64 count) {
  json_t *hidden = filter_hidden(filter, NULL);
  gsize ticked;
  const gint64 *ids = web_ints(page->request, "entry", &ticked);
  for (gsize i = 0; i < ticked; i++) json_array_append_new(hidden, json_pack("{s:s, s:o}", "name", "entry", "value", json_sprintf("%" G_GINT64_FORMAT, ids[i])));
  g_autofree char *path = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page->definition->id), *back = filter_link(filter, path, NULL, NULL);
  return json_pack("{s:s, s:o, s:o, s:I, s:o, s:s, s:b}", "title", BULK_KIND, "ledger", page_ledger_model(page), "hidden", hidden, "count", (json_int_t)count, "fields",
    fields_to_change(page, web_text(page->request, "field")), "back", back, "ticked", ticked > 0);
}

static gboolean begin(LedgerPage *page, LedgerFilter *filter, WebRequest *request, GError **error) {
  if (!page_begin(page, request, FALSE, error) || !page_ledger(page, error) || !filter_read(filter, page, error)) return FALSE;
  if (!ledger_may_write(page->definition, page->asker)) return throw(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page->definition->name);
  return filter->ask.on == 0 || throw(error, LANTAI_ERROR_INVALID, "这是过去某天的清单。要成批修改，请先回到今天的");
}

/* How many are chosen, of what the asker sees. -1 on error. */
static gint64 count_chosen(LedgerPage *page, const LedgerFilter *filter, GError **error) {
  gsize ticked;
  const gint64 *ids = web_ints(page->request, "entry", &ticked);
  gint64 seen = 0;
  for (gsize i = 0; i < ticked; i++) {
    json_auto_t *entry = ledger_entry_load(page->sql, page->asker, ids[i], NULL);
    seen += entry != NULL && g_str_equal(text_at(entry, "ledger"), page->definition->name);
  }
  if (ticked > 0) return seen;
  LedgerAsk ask = filter->ask;
  ask.after = NULL;
  ask.limit = 0;
  json_auto_t *found = ledger_list(page->house, page->sql, page->asker, &ask, error);
  return found != NULL ? int_at(found, "count") : -1;
}

WebReply *page_bulk(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  gint64 count = begin(&page, &filter, request, error) ? count_chosen(&page, &filter, error) : -1;
  return count < 0 ? NULL : web_model(bulk_frame(&page, &filter, count));
}

/* The batch with what it is planned from; many entries wait for a job. 0 on error. */
static gint64 plan(const House *house, const BatchNew *as, json_t *parameters, gboolean later, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 id = sql == NULL ? 0 : batch_new(sql, as, error);
  json_object_set_new(parameters, "batch", json_integer(id));
  if (id == 0 || (later && job_queue(sql, "ledger.change", "ledger_batch", id, parameters, as->actor, error) == 0) || !sql_commit(sql, error)) return 0;
  g_clear_pointer(&sql, sql_end);
  if (later || bulk_plan(house, NULL, as->asker, parameters, error)) return id;
  batch_drop(house, id, NULL);
  return 0;
}

WebReply *plan_bulk(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  if (!begin(&page, &filter, request, error)) return NULL;
  json_auto_t *parameters = read_change(&page, error);
  gint64 count = parameters != NULL ? count_chosen(&page, &filter, error) : -1;
  if (count < 0) return NULL;
  if (count == 0) return throw_null(error, LANTAI_ERROR_INVALID, "没有选中的条目");
  gsize ticked;
  const gint64 *ids = web_ints(request, "entry", &ticked);
  json_t *chosen = json_array();
  for (gsize i = 0; i < ticked; i++) json_array_append_new(chosen, json_integer(ids[i]));
  json_object_set_new(parameters, "ids", chosen);
  if (filter.ask.where != NULL) json_object_set(parameters, "where", filter.ask.where);
  if (filter.ask.words != NULL) put_text_at(parameters, "words", filter.ask.words);
  g_autofree char *value = g_utf8_substring(text_at(parameters, "value"), 0, MIN(g_utf8_strlen(text_at(parameters, "value"), -1), TITLE_CHARS));
  g_autofree char *title = g_strdup_printf("%s改为%s", text_at(parameters, "field"), value[0] ? value : "空");
  BatchNew as = {page.definition, page.asker, web_actor(request), BULK_KIND, title, "", ""};
  const House *house = page.house;
  page_end(&page); /* planning reads and writes on its own */
  gint64 id = plan(house, &as, parameters, count > PLAN_INLINE, error);
  return id != 0 ? web_redirect("/ledger-batch/%" G_GINT64_FORMAT, id) : NULL;
}

WebReply *page_actions(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, FALSE, error) || !page_ledger(&page, error)) return NULL;
  json_t *model = batches_model(&page, error);
  if (model == NULL) return NULL;
  json_object_update_new(model, json_pack("{s:s, s:o, s:i}", "title", "成批改动", "ledger", page_ledger_model(&page), "days", BATCH_UNDO_DAYS));
  return web_model(model);
}

/* ---- taking back what was just done ---- */

static gboolean take_back(LedgerPage *page, const char *made, int *ret_undone, int *ret_left, GError **error) {
  g_auto(GStrv) lines = g_strsplit(made, "\n", TAKEN_BACK_MOST + 1);
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

WebReply *undo_moved(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  const char *back = page_back(request);
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error)) return NULL;
  if (!ledger_may_write(page.definition, page.asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能修改台账“%s”", page.definition->name);
  int undone = 0, left = 0;
  if (!take_back(&page, web_text(request, "made"), &undone, &left, error) || !sql_commit(page.sql, error)) return NULL;
  g_autofree char *list = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, page.definition->id);
  WebReply *reply = web_redirect("%s", back != NULL ? back : list);
  g_autofree char *message = left ? g_strdup_printf("已撤销 %d 条；%d 条后来又改过，没有动", undone, left) : g_strdup_printf("已撤销 %d 条", undone);
  web_flash(reply, message);
  return reply;
}
