/* Pages of deletion: asking, the list, one request, its form (GB/T 18894 表A.4). */
#include "internal.h"
#include "print.h"
#include "text.h"
#include <string.h>

enum { PAGE = 50, CODES_MAX = 5000 };

WebReply *page_disposals(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *list = sql ? disposal_list(sql, web_scope(request), web_int(request, "before", 0), PAGE, error) : NULL;
  if (list == NULL) return NULL;
  json_t *model = json_pack("{s:s, s:o, s:b, s:b}", "title", "销毁", "disposals", list, "tab_disposals", TRUE, "may_request", web_may(request, "disposal.request"));
  if (json_array_size(list) == PAGE) json_object_set(model, "next", json_object_get(json_array_get(list, PAGE - 1), "id"));
  return web_model(model);
}

/* ---- asking ---- */

static json_t *new_model(WebRequest *request, const char *codes) {
  json_t *model = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "title", "提出销毁", "codes", codes, "reason", web_text(request, "reason") ? web_text(request,
    "reason") : "",
    "below", web_flag(request, "below"), "mistake", g_strcmp0(web_text(request, "kind"), "mistake") == 0, "tab_disposals", TRUE);
  return model;
}

WebReply *page_disposal_new(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "record", 0);
  if (id == 0) return web_model(new_model(request, web_text(request, "codes") ? web_text(request, "codes") : ""));
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) record = sql ? catalog_record_load(sql, web_scope(request), id, error) : NULL;
  if (record == NULL) return NULL;
  json_t *model = new_model(request, record->code);
  json_object_set_new(model, "single", json_boolean(record->level == LEVEL_ITEM));
  json_object_set_new(model, "permanent", json_boolean(g_strcmp0(record->retention, "永久") == 0));
  json_object_set_new(model, "record", json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)record->id, "code", record->code, "title", record->title, "volume",
    record->level == LEVEL_VOLUME));
  return web_model(model);
}

/* The record of the page it was asked from, else those whose codes were written, one a line. */
static GArray *wanted_records(WebRequest *request, GError **error) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  gint64 record_id = web_int(request, "record", 0);
  if (record_id) return g_array_append_val(ids, record_id), g_steal_pointer(&ids);
  g_auto(GStrv) lines = g_strsplit(web_text(request, "codes") ? web_text(request, "codes") : "", "\n", -1);
  if (g_strv_length(lines) > CODES_MAX) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "一份销毁单最多 %d 件，请分几份提出", CODES_MAX);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  for (char **line = lines; *line; line++) {
    const char *code = g_strstrip(*line);
    if (*code == '\0') continue;
    g_autoptr(CatalogRecord) record = catalog_record_by_code(sql, web_scope(request), 0, code, error);
    if (record == NULL) return NULL;
    g_array_append_val(ids, record->id);
  }
  return g_steal_pointer(&ids);
}

WebReply *save_disposal(WebRequest *request, GError **error) {
  g_autoptr(GError) failure = NULL;
  g_autoptr(GArray) ids = wanted_records(request, &failure);
  const char *kind = web_text(request, "kind"), *reason = web_text(request, "reason");
  DisposalRequest wanted = {kind ? kind : "", reason ? reason : "", ids ? (const gint64 *)(void *)ids->data : NULL, ids ? ids->len : 0, web_flag(request, "below")};
  gint64 id = ids ? disposal_request(web_house(request), web_scope(request), web_actor(request), &wanted, &failure) : 0;
  if (id == 0) {
    guint status = error_http_status(failure);
    if (status >= 500) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
    json_t *model = new_model(request, web_text(request, "codes") ? web_text(request, "codes") : "");
    json_object_set_new(model, "errors", json_pack("{s:s}", "codes", failure->message));
    if (web_int(request, "record", 0)) json_object_set_new(model, "record", json_pack("{s:I}", "id", (json_int_t)web_int(request, "record", 0)));
    return web_model_status(model, status);
  }
  WebReply *reply = web_redirect("/keep/disposal/%" G_GINT64_FORMAT, id);
  web_flash(reply, "已提出，等待另一人审批");
  return reply;
}

/* ---- one ---- */

WebReply *page_disposal(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *disposal = sql ? disposal_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  if (disposal == NULL) return NULL;
  gboolean own = g_str_equal(json_word(disposal, "requested_by"), web_actor(request)), open = g_str_equal(json_word(disposal, "state"), "requested");
  json_t *model = json_pack("{s:s, s:b, s:b, s:b, s:b}", "title", "销毁单", "may_decide", open && !own && web_may(request, "disposal.approve"),
    "may_withdraw", open && own,
    "waits_for_another", open && own, "tab_disposals", TRUE);
  json_object_set_new(model, "disposal", disposal);
  json_t *job = job_latest(sql, "disposal", web_int(request, "id", 0), NULL);
  gboolean failed = job && g_str_equal(json_word(job, "state"), "failed") && g_str_equal(json_word(disposal, "state"), "approved");
  if (failed) json_object_set(model, "failure", json_object_get(job, "error"));
  if (failed) json_object_set_new(model, "may_resume", json_boolean(web_may(request, "disposal.approve")));
  json_decref(job);
  return web_model(model);
}

WebReply *decide_disposal(WebRequest *request, GError **error) {
  static const struct { const char *word; DisposalVerdict verdict; const char *done; } VERDICTS[] = {{"approve", DISPOSAL_APPROVE, "已批准，正在销毁"},
    {"refuse", DISPOSAL_REFUSE, "已退回，档案未动"}, {"withdraw", DISPOSAL_WITHDRAW, "已撤回"}};
  gint64 id = web_int(request, "id", 0);
  if (g_strcmp0(web_text(request, "verdict"), "resume") == 0) {
    if (!web_may(request, "disposal.approve")) return throw_null(error, LANTAI_ERROR_DENIED, "您没有审批销毁的权限");
    return disposal_resume(web_house(request), web_actor(request), id, error) ? web_redirect("/keep/disposal/%" G_GINT64_FORMAT, id) : NULL;
  }
  for (guint i = 0; i < G_N_ELEMENTS(VERDICTS); i++) {
    if (g_strcmp0(VERDICTS[i].word, web_text(request, "verdict")) != 0) continue;
    if (!web_may(request, VERDICTS[i].verdict == DISPOSAL_WITHDRAW ? "disposal.request" : "disposal.approve"))
      return throw_null(error, LANTAI_ERROR_DENIED, "您没有审批销毁的权限");
    const char *note = web_text(request, "note");
    if (!disposal_decide(web_house(request), web_scope(request), web_actor(request), id, VERDICTS[i].verdict, note ? note : "", error)) return NULL;
    WebReply *reply = web_redirect("/keep/disposal/%" G_GINT64_FORMAT, id);
    web_flash(reply, VERDICTS[i].done);
    return reply;
  }
  return throw_null(error, LANTAI_ERROR_INVALID, "请选择批准或不批准");
}

static void put_day(json_t *disposal, const char *key, const char *from) {
  gint64 at = json_number_of(disposal, from);
  g_autofree char *text = at ? clock_format(at) : g_strdup("");
  json_object_set_new(disposal, key, json_string(text));
}

WebReply *print_disposal(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_auto_t *disposal = sql ? disposal_load(sql, web_scope(request), web_int(request, "id", 0), error) : NULL;
  if (disposal == NULL) return NULL;
  g_autofree char *size = text_size((double)json_number_of(disposal, "bytes"));
  json_object_set_new(disposal, "size", json_string(size));
  put_day(disposal, "requested_on", "requested_at");
  put_day(disposal, "decided_on", "decided_at");
  put_day(disposal, "finished_on", "finished_at");
  json_object_set_new(disposal, "online", json_string(g_str_equal(json_word(disposal, "state"), "done") ? "长期保存库中的全部版本、全文和浏览图已删除，目录和摘要清单保留" : ""));
  json_auto_t *model = json_pack("{s:o, s:O, s:O}", "archive", settings_archive(house->settings), "disposal", disposal, "items",
    json_object_get(disposal, "items"));
  GBytes *pdf = print_form(house->dir, "a4-destruction", model, error);
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}
