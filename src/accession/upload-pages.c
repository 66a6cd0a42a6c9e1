/* Addresses of resumable uploads. A slice that does not follow is answered with 409 and where to go on, as data. */
#include "delivery.h"
#include "error.h"
#include "upload.h"

static WebReply *show_one(WebRequest *request, gint64 id, GError **error) {
  json_t *model = upload_read(web_house(request), web_actor(request), id, error);
  return model ? web_model(model) : NULL;
}

static WebReply *show(WebRequest *request, GError **error) { return show_one(request, web_int(request, "id", 0), error); }

static WebReply *list(WebRequest *request, GError **error) {
  json_t *uploads = upload_list(web_house(request), web_actor(request), error);
  return uploads ? web_model(json_pack("{s:o}", "uploads", uploads)) : NULL;
}

static WebReply *start(WebRequest *request, GError **error) {
  const UploadStart asked = {web_text(request, "name"), web_text(request, "fingerprint"), web_int(request, "size", 0)};
  gint64 id = upload_start(web_house(request), web_actor(request), &asked, error);
  return id ? show_one(request, id, error) : NULL;
}

static WebReply *part(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, "id", 0);
  GError *failure = NULL;
  if (upload_add(house, web_actor(request), id, web_int(request, "offset", 0), web_file_path(request, "chunk"), &failure)) return show_one(request, id, error);
  json_t *model = g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) ? upload_read(house, web_actor(request), id, NULL) : NULL;
  if (model == NULL) {
    g_propagate_error(error, failure);
    return NULL;
  }
  json_object_set_new(model, "error", json_pack("{s:s, s:s}", "code", "conflict", "message", failure->message));
  g_error_free(failure);
  return web_model_status(model, 409);
}

static WebReply *drop(WebRequest *request, GError **error) {
  return upload_drop(web_house(request), web_actor(request), web_int(request, "id", 0), error) ? web_redirect("/uploads") : NULL;
}

static const WebParameter START_PARAMETERS[] = {{"name", WEB_TEXT, TRUE, 1000, "文件名"}, {"size", WEB_INT, TRUE, 0, "大小"},
  {"fingerprint", WEB_TEXT, TRUE, 200, "文件特征"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "上传号"}, {NULL}};
static const WebParameter PART_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "上传号"}, {"offset", WEB_INT, TRUE, 0, "位置"},
  {"chunk", WEB_FILE, TRUE, UPLOAD_SLICE_MAX_MB, "文件的一段"}, {NULL}};

const WebRoute UPLOAD_ROUTES[] = {
  {"GET", "/uploads", "delivery.import|delivery.own", NULL, "accession/uploads", list, "没有用掉的上传"},
  {"POST", "/uploads", "delivery.import|delivery.own", START_PARAMETERS, "accession/upload", start, "上传"},
  {"GET", "/upload/{id}", "delivery.import|delivery.own", ID_PARAMETERS, "accession/upload", show, "上传"},
  {"POST", "/upload/{id}/part", "delivery.import|delivery.own", PART_PARAMETERS, "accession/upload", part, "上传"},
  {"POST", "/upload/{id}/drop", "delivery.import|delivery.own", ID_PARAMETERS, NULL, drop, NULL},
  {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
