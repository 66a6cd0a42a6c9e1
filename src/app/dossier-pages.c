/*
 * Pages of 归档: what an entry's record will be, looked at before it is made; many at once of a ledger's year; the sheet as PDF.
 *
 * 1. ledger.write opens the door; who may is the ledger's own rule (`archives`). Only who may accept deliveries takes them in with the same step.
 */
#include "dossier.h"
#include "error.h"
#include "print.h"

enum { AT_ONCE = 200 };

static GArray *one_id(WebRequest *request) {
  GArray *ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  gint64 id = web_int(request, "id", 0);
  g_array_append_val(ids, id);
  return ids;
}

static json_t *dossier_model(const Dossier *dossier) {
  json_t *fields = json_array(), *files = json_array(), *columns = json_object_get(dossier->gathered, "columns"), *value, *file;
  const char *label, *code = dossier->record->code;
  size_t i;
  json_object_foreach(columns, label, value) json_array_append_new(fields, json_pack("{s:s, s:O}", "label", label, "value", value));
  json_array_append_new(files, json_pack("{s:s, s:b}", "as", "001 办理单.pdf", "sheet", 1));
  json_array_foreach(json_object_get(dossier->gathered, "files"), i, file) json_array_append(files, file);
  return json_pack("{s:O, s:O, s:O, s:s, s:O, s:o, s:o, s:I, s:O, s:O}", "id", json_object_get(dossier->gathered, "id"), "name",
    json_object_get(dossier->gathered, "name"), "fonds", json_object_get(dossier->gathered, "fonds"), "code", code, "category",
    json_object_get(dossier->gathered, "category"), "fields", fields, "files", files,
    "file_count", (json_int_t)json_array_size(files), "left_out", json_object_get(dossier->gathered, "left_out"), "secrecy", json_object_get(columns, "密级"));
}

static WebReply *page_archive(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(GArray) ids = one_id(request);
  g_autoptr(GPtrArray) dossiers = sql != NULL ? dossiers_gather(house, sql, ledger_asker(request), ids, error) : NULL;
  if (dossiers == NULL) return NULL;
  return web_model(json_pack("{s:s, s:o, s:b}", "title", "归档", "dossier", dossier_model(dossiers->pdata[0]), "accepts", web_may(request, "delivery.accept")));
}

static WebReply *page_sheet(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *gathered = sql != NULL ? ledger_dossier(sql, ledger_asker(request), web_int(request, "id", 0), error) : NULL;
  GBytes *pdf = gathered != NULL ? print_pdf(json_object_get(gathered, "document"), error) : NULL;
  return pdf != NULL ? web_bytes(pdf, "application/pdf") : NULL;
}

static WebReply *sent(WebRequest *request, GArray *ids, const char *back, GError **error) {
  gboolean accepts = web_may(request, "delivery.accept");
  gint64 delivery = dossiers_send(web_house(request), ledger_asker(request), web_actor(request), ids, error);
  if (delivery == 0 || !dossiers_queue(web_house(request), web_actor(request), delivery, accepts, error)) return NULL;
  WebReply *reply = web_redirect("%s", back);
  g_autofree char *told = g_strdup_printf("%u 条已交归档（批次 %" G_GINT64_FORMAT "），%s", ids->len, delivery, accepts ? "检测没有问题就入库" : "检测后由档案员审核入库");
  web_flash(reply, told);
  return reply;
}

static WebReply *archive_one(WebRequest *request, GError **error) {
  g_autoptr(GArray) ids = one_id(request);
  g_autofree char *back = g_strdup_printf("/entry/%" G_GINT64_FORMAT, (gint64)web_int(request, "id", 0));
  return sent(request, ids, back, error);
}

/* ---- many ---- */

static const LedgerDefinition *ledger_asked(WebRequest *request, GError **error) {
  const LedgerDefinition *definition = ledger_of(web_int(request, "id", 0));
  if (definition == NULL || !ledger_may_read(definition, ledger_asker(request))) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个台账");
  if (!ledger_may_archive(definition, ledger_asker(request))) return throw_null(error, LANTAI_ERROR_DENIED, "台账“%s”没有定义归档，或者您不能归档", definition->name);
  return definition;
}

static WebReply *page_archive_many(WebRequest *request, GError **error) {
  const LedgerDefinition *definition = ledger_asked(request, error);
  const House *house = web_house(request);
  g_autoptr(Sql) sql = definition != NULL ? sql_read(house->db, error) : NULL;
  int year = (int)web_int(request, "year", 0);
  json_auto_t *entries = sql != NULL ? ledger_archivable(house, sql, ledger_asker(request), definition, year, error) : NULL;
  if (entries == NULL) return NULL;
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  size_t i;
  json_t *entry;
  json_array_foreach(entries, i, entry) {
    gint64 id = json_integer_value(json_object_get(entry, "id"));
    g_autoptr(GError) closed = NULL;
    json_auto_t *whole = ledger_dossier(sql, ledger_asker(request), id, &closed);
    if (whole != NULL) g_array_append_val(ids, id);
    else if (!g_error_matches(closed, LANTAI_ERROR, LANTAI_ERROR_DENIED)) return g_propagate_error(error, g_steal_pointer(&closed)), NULL;
  }
  g_autoptr(GPtrArray) dossiers = dossiers_gather(house, sql, ledger_asker(request), ids, error);
  json_t *list = dossiers != NULL ? json_array() : NULL;
  for (guint k = 0; list != NULL && k < dossiers->len; k++) json_array_append_new(list, dossier_model(dossiers->pdata[k]));
  if (list == NULL) return NULL;
  return web_model(json_pack("{s:s, s:{s:I, s:s, s:s?}, s:o, s:i, s:I, s:I, s:b, s:b}", "title", "成批归档", "ledger", "id", (json_int_t)definition->id, "name",
    definition->name, "group", definition->group, "dossiers", list, "year", year, "count", (json_int_t)json_array_size(list), "others",
    (json_int_t)(json_array_size(entries) - ids->len), "accepts", web_may(request, "delivery.accept"), "full", json_array_size(list) >= AT_ONCE));
}

static WebReply *archive_many(WebRequest *request, GError **error) {
  const LedgerDefinition *definition = ledger_asked(request, error);
  if (definition == NULL) return NULL;
  gsize count;
  const gint64 *chosen = web_ints(request, "entry", &count);
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_array_append_vals(ids, chosen, (guint)count);
  g_autofree char *back = g_strdup_printf("/ledger/%" G_GINT64_FORMAT, definition->id);
  return sent(request, ids, back, error);
}

/* ---- routes ---- */

#define ID {"id", WEB_INT, TRUE, 0, "编号"}
static const WebParameter ID_PARAMETERS[] = {ID, {NULL}};
static const WebParameter YEAR_PARAMETERS[] = {ID, {"year", WEB_INT, FALSE, 0, "年度"}, {NULL}};
static const WebParameter MANY_PARAMETERS[] = {ID, {"year", WEB_INT, FALSE, 0, "年度"}, {"entry", WEB_INTS, FALSE, AT_ONCE, "条目"}, {NULL}};

const WebRoute DOSSIER_ROUTES[] = {
  {"GET", "/entry/{id}/archive", "ledger.write", ID_PARAMETERS, "app/dossier", page_archive, "归档"},
  {"POST", "/entry/{id}/archive", "ledger.write", ID_PARAMETERS, NULL, archive_one, NULL},
  {"GET", "/entry/{id}/sheet", "ledger.write", ID_PARAMETERS, NULL, page_sheet, NULL},
  {"GET", "/ledger/{id}/archive", "ledger.write", YEAR_PARAMETERS, "app/dossiers", page_archive_many, "成批归档"},
  {"POST", "/ledger/{id}/archive", "ledger.write", MANY_PARAMETERS, NULL, archive_many, NULL},
  {NULL},
};
