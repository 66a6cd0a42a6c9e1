/*
 * What people decide about a delivery: its files sent again, accepted, returned, discarded, undone. A refused form comes back on the delivery's page.
 *
 * 1. The route's permission says who may at all; the table of the life says whether it may be done now, in the transaction that does it.
 */
#include "check.h"
#include "error.h"
#include "pages.h"
#include "upload.h"
#include <glib/gstdio.h>
#include <string.h>

static WebReply *answer(WebRequest *request, gboolean good, const char *field, GError *failure, GError **error) {
  return good ? web_redirect("/delivery/%" G_GINT64_FORMAT, web_int(request, "id", 0)) : page_refused(request, field, failure, error);
}

WebReply *page_send(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  gboolean good = page_receive(request, web_int(request, "id", 0), &failure) != 0;
  return answer(request, good, "table", failure, error);
}

WebReply *page_stage(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  gboolean good = accession_set_stage(web_house(request), web_actor(request), web_int(request, "id", 0), web_text(request, "stage"), &failure);
  return answer(request, good, "stage", failure, error);
}

WebReply *page_documents(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  FormFile files = {0};
  gboolean good = form_file_take(request, "files", "files_upload", &files, &failure);
  if (good && files.path == NULL) good = throw(&failure, LANTAI_ERROR_INVALID, "请选择原文包（zip）");
  good = good && accession_replace_documents(web_house(request), web_actor(request), web_int(request, "id", 0), files.path, &failure);
  form_file_done(web_house(request), web_actor(request), &files, good);
  return answer(request, good, "files", failure, error);
}

/* Of two who accept at once one is told so: the other's note would be lost. */
static gboolean accept_delivery(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  const char *note = web_text(request, "note");
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || !delivery_idle(sql, id, error) || !accession_may_accept(sql, id, note, web_int(request, "check", -1), error)) return FALSE;
  json_t *parameters = page_parameters(request);
  if (note) json_object_set_new(parameters, "note", json_string(note));
  gint64 queued = job_queue(sql, "accession.load", "accession", id, parameters, web_actor(request), error);
  json_decref(parameters);
  return queued && sql_commit(sql, error);
}

WebReply *page_accept(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  gboolean good = accept_delivery(request, &failure);
  return answer(request, good, "note", failure, error);
}

/* "row:第 3 行…" → {kind, text} */
static json_t *items_of(WebRequest *request) {
  gsize count;
  const char *const *texts = web_list(request, "item", &count);
  json_t *items = json_array();
  static const char *const kinds[] = {"row", "file", "check"};
  for (gsize i = 0; i < count; i++) {
    const char *kind = "other", *text = texts[i];
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
      gsize length = strlen(kinds[k]);
      if (strncmp(texts[i], kinds[k], length) != 0 || texts[i][length] != ':') continue;
      kind = kinds[k];
      text = texts[i] + length + 1;
    }
    if (*text) json_array_append_new(items, json_pack("{s:s, s:s}", "kind", kind, "text", text));
  }
  return items;
}

WebReply *page_return(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  json_t *items = items_of(request);
  gboolean good = accession_return(web_house(request), web_actor(request), web_int(request, "id", 0), web_text(request, "note"), items, &failure);
  json_decref(items);
  return answer(request, good, "return", failure, error);
}

WebReply *page_discard(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  GError *failure = NULL;
  gboolean good = accession_discard(web_house(request), web_actor(request), web_int(request, "id", 0), web_text(request, "note"), &failure);
  return answer(request, good, "discard", failure, error);
}

static void add_ids(WebRequest *request, json_t *parameters, const char *name) {
  gsize count;
  const gint64 *ids = web_ints(request, name, &count);
  json_t *list = json_array();
  for (gsize i = 0; i < count; i++) json_array_append_new(list, json_integer(ids[i]));
  json_object_set_new(parameters, name, list);
}

WebReply *page_undo(WebRequest *request, GError **error) {
  json_t *parameters = page_parameters(request);
  add_ids(request, parameters, "keep");
  add_ids(request, parameters, "restore");
  return page_queue(request, "accession.undo", parameters, error);
}
