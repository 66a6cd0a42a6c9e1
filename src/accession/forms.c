/*
 * The papers of a delivery as PDF: the hand-over form, the digest list, the receipt, and register A.1 of GB/T 18894, filled from what is known.
 *
 * 1. What is not known stays blank for the pen; nothing is invented. What the transferring body says comes from its own form or package, what the receiving
 *    side found from the latest check alone.
 * 2. The digest list names only files that its asker may see; how many it leaves out it says.
 */
#include "check.h"
#include "error.h"
#include "pages.h"
#include "people.h"
#include "print.h"
#include <string.h>

#define FILES_MAX 20000 /* of one printed list; how many there are is told */
#define GIGABYTE ((double)(1 << 30))

static const char *const FORMS[] = {"transfer", "digests", "receipt", "a1-filing", NULL};

/* ---- what is declared and counted ---- */

static json_t *gigabytes(gint64 bytes) {
  g_autofree char *exact = g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *text = bytes * 1000 < (1 << 30) ? g_strdup_printf("%.3f（%s）", (double)bytes / GIGABYTE, exact) : g_strdup_printf("%.3f", (double)bytes / GIGABYTE);
  return bytes > 0 ? json_string(text) : json_string("");
}

/* As declared; where nothing is, as it was counted when it was read. */
static json_t *amount_of(json_t *declared, json_t *delivery) {
  gint64 rows = int_at(delivery, "row_count"), volumes = int_at(delivery, "volume_count");
  gint64 items = int_at(declared, "items"), bytes = int_at(declared, "bytes");
  json_t *amount = json_object();
  if (items || rows > volumes) json_object_set_new(amount, "files", json_integer(items ? items : rows - volumes));
  if (int_at(declared, "volumes") || volumes) json_object_set_new(amount, "volumes", json_integer(int_at(declared, "volumes") ?
    int_at(declared, "volumes") : volumes));
  bytes = bytes ? bytes : int_at(delivery, "attached_bytes");
  json_object_set_new(amount, "gigabytes", gigabytes(bytes));
  if (bytes) json_object_set_new(amount, "bytes", json_integer(bytes));
  if (int_at(delivery, "attached_count")) json_object_set_new(amount, "documents", json_integer(int_at(delivery, "attached_count")));
  return amount;
}

/* What came over the page lies in the delivery's own folder. */
static gboolean came_online(const House *house, json_t *delivery) {
  g_autofree char *folder = delivery_path(house, int_at(delivery, "id"), ""), *documents = delivery_where(house, delivery, "documents"),
    *package = delivery_where(house, delivery, "package");
  return g_str_has_prefix(documents, folder) || g_str_has_prefix(package, folder);
}

static json_t *carrier_of(const House *house, json_t *declared, json_t *delivery) {
  const char *said = text_at(declared, "carrier");
  return json_pack("{s:s, s:s, s:s, s:s}", "kind", *said ? said : came_online(house, delivery) ? "在线" : "", "first", text_at(declared, "carrier_first"),
    "last", text_at(declared, "carrier_last"), "environment", text_at(declared, "environment"));
}

/* ---- what was found ---- */

/* The result of one property's items (of those whose name has the word) in a line: what passed, what did not and by name, what waits, what did not run. */
static char *property_line(json_t *items, const char *property, const char *word) {
  json_t *item;
  size_t i;
  guint passed = 0, failed = 0, awaiting = 0, absent = 0;
  g_autoptr(GString) names = g_string_new(NULL);
  json_array_foreach(items, i, item) {
    const char *state = text_at(item, "state");
    if (!g_str_equal(text_at(item, "property"), property) || !strstr(text_at(item, "name"), word)) continue;
    if (g_str_equal(state, "passed")) passed++;
    else if (g_str_equal(state, "failed")) {
      g_string_append_printf(names, "%s%s", failed++ ? "、" : "", text_at(item, "name"));
    } else if (g_str_equal(state, "awaiting")) awaiting++;
    else absent++;
  }
  if (passed + failed + awaiting + absent == 0) return g_strdup("");
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_append_printf(line, "%u 项通过", passed);
  if (failed) g_string_append_printf(line, "，%u 项未通过（%s）", failed, names->str);
  if (awaiting) g_string_append_printf(line, "，%u 项待人工确认", awaiting);
  if (absent) g_string_append_printf(line, "，%u 项未进行", absent);
  return g_string_free(g_steal_pointer(&line), FALSE);
}

static json_t *received_checks(Sql *sql, json_t *delivery, GError **error) {
  static const struct { const char *key, *property, *word; } lines[] = {
    {"accuracy", "真实性", ""}, {"integrity", "完整性", ""}, {"usability", "可用性", ""}, {"security", "安全性", ""}, {"virus", "安全性", "病毒"},
    {"carrier", "安全性", "载体外观"}};
  gint64 id = int_at(delivery, "check_id");
  json_t *found = json_object(), *report = id ? check_report(sql, id, 0, error) : NULL;
  for (guint i = 0; report && i < G_N_ELEMENTS(lines); i++) {
    g_autofree char *line = property_line(json_object_get(report, "items"), lines[i].property, lines[i].word);
    json_object_set_new(found, lines[i].key, json_string(line));
  }
  json_decref(report);
  return found;
}

static json_t *object_of(json_t *owner, const char *key) {
  json_t *value = json_object_get(owner, key);
  return json_is_object(value) ? json_incref(value) : json_object();
}

/* ---- the receipt ---- */

static json_t *receipt_of(Sql *sql, json_t *delivery, GError **error) {
  json_t *steps = life_steps(sql, int_at(delivery, "id"), error), *step, *last = NULL, *item, *reasons = json_array();
  if (steps == NULL) return json_decref(reasons), NULL;
  static const char *const decisive[] = {"returned", "discarded", "loading", "undone", "received", NULL};
  size_t i;
  json_array_foreach(steps, i, step)
    if (g_strv_contains(decisive, text_at(step, "to"))) last = step;
  json_array_foreach(json_object_get(last, "items"), i, item) json_array_append(reasons, item);
  if (*text_at(last, "note")) json_array_append_new(reasons, json_pack("{s:s}", "text", text_at(last, "note")));
  g_autofree char *at = last ? clock_format(int_at(last, "at")) : g_strdup("");
  g_autofree char *name = people_title_of(text_at(last, "actor"));
  json_t *receipt = json_pack("{s:s, s:s, s:s, s:o, s:O, s:O, s:O}", "result", life_label(text_at(delivery, "state"), NULL), "at", at, "handler",
    name ? name : "", "reasons", reasons, "rows", json_object_get(delivery, "row_count"), "accepted",
    json_object_get(delivery, "accepted_count"), "rejected", json_object_get(delivery, "rejected_count"));
  json_object_set(receipt, "missing", json_object_get(delivery, "missing_count"));
  json_object_set(receipt, "surplus", json_object_get(delivery, "surplus_count"));
  json_decref(steps);
  return receipt;
}

/* ---- the digest list ---- */

static json_t *digest_row(SqlRows *rows) {
  g_autofree char *bytes = g_strdup_printf("%" G_GINT64_FORMAT, sql_get_int(rows, "size_bytes"));
  return json_pack("{s:s, s:s, s:s, s:s}", "code", sql_get_text(rows, "code"), "path", sql_get_text(rows, "path"), "sm3", sql_get_text(rows, "sm3"), "size", bytes);
}

static gboolean add_digests(Sql *sql, const DeliveryAsker *asker, json_t *model, json_t *delivery, GError **error) {
  gboolean all = asker->body || (*asker->actor && g_str_equal(asker->actor, text_at(delivery, "actor")));
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT r.code AS code, r.fonds_id AS fonds_id, r.security AS security, r.opening AS opening, f.name AS path, "
    "f.size_bytes AS size_bytes, f.sm3 AS sm3 FROM accession_file AS a JOIN record AS r ON r.id = a.record_id JOIN file AS f ON f.id = a.file_id "
    "WHERE a.accession_id = $1 ORDER BY a.record_id, a.file_id", SQL_ARGS(sql_int(int_at(delivery, "id"))), error);
  if (rows == NULL) return FALSE;
  json_t *list = json_array();
  gint64 hidden = 0, more = 0;
  GError *failure = NULL;
  while (sql_next(rows, &failure)) {
    if (!all && !scope_admits_files(asker->scope, sql_get_int(rows, "fonds_id"), (Security)sql_get_int(rows, "security"),
        (Opening)sql_get_int(rows, "opening"))) hidden++;
    else if (json_array_size(list) >= FILES_MAX) more++;
    else json_array_append_new(list, digest_row(rows));
  }
  g_autoptr(GString) note = g_string_new(NULL);
  g_string_append_printf(note, "共 %zu 个文件。", json_array_size(list));
  if (more) g_string_append_printf(note, "另有 %" G_GINT64_FORMAT " 个文件超出本表篇幅，未列出。", more);
  if (hidden) g_string_append_printf(note, "另有 %" G_GINT64_FORMAT " 个文件不在您的权限之内，未列出。", hidden);
  json_object_set_new(model, "files", list);
  json_object_set_new(model, "note", json_string(note->str));
  if (failure) g_propagate_error(error, failure);
  return failure == NULL;
}

/* ---- a form's model ---- */

static json_t *delivery_part(json_t *declared, json_t *delivery) {
  const char *work = text_at(declared, "work_name"), *body = text_at(delivery, "body");
  g_autofree char *received = clock_format(int_at(delivery, "created_at"));
  return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)int_at(delivery, "id"), "name",
    *work ? work : text_at(delivery, "name"), "body", *body ? body : text_at(declared, "body"), "description", text_at(declared, "description"),
    "received_at", received, "digest", text_at(delivery, "digest"), "declared_digest", text_at(declared, "digest"), "first_code",
    text_at(declared, "first_code"), "last_code", text_at(declared, "last_code"));
}

static const char *category_title(const House *house, json_t *delivery) {
  const CatalogCategory *category = catalog_category_by_code(house->catalog, text_at(delivery, "category"));
  return category ? category->title : "";
}

static json_t *form_model(const House *house, Sql *sql, const DeliveryAsker *asker, json_t *delivery, const char *form, GError **error) {
  json_t *declared = declared_of(delivery);
  GError *failure = NULL;
  json_t *receipt = receipt_of(sql, delivery, &failure), *received = failure ? NULL : received_checks(sql, delivery, &failure);
  json_t *sent = json_pack("{s:s, s:s, s:s, s:s}", "filled_by", text_at(declared, "filled_by"), "reviewed_by", text_at(declared, "approved_by"),
    "filled_at", "", "reviewed_at", "");
  json_t *model = json_pack("{s:o, s:o, s:o, s:o, s:{s:o, s:o*}, s:{s:o, s:{}}, s:o*, s:s}",
    "archive", settings_archive(house->settings),
    "delivery", delivery_part(declared, delivery), "amount", amount_of(declared, delivery), "carrier", carrier_of(house, declared, delivery),
    "checks", "sent", object_of(declared, "checks"), "received", received, "hands", "sent", sent, "received", "receipt", receipt,
    "category", category_title(house, delivery));
  json_decref(declared);
  if (failure == NULL && g_str_equal(form, "digests")) add_digests(sql, asker, model, delivery, &failure);
  if (failure == NULL) return model;
  g_propagate_error(error, failure);
  json_decref(model);
  return NULL;
}

static WebReply *form_pdf(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const char *form = web_text(request, "name");
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL;
  if (delivery == NULL) return NULL;
  const DeliveryAsker asker = page_asker(request);
  json_t *model = g_strv_contains(FORMS, form) ? form_model(house, sql, &asker, delivery, form, error) :
    throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这张表", form);
  g_clear_pointer(&sql, sql_end);
  GBytes *pdf = model ? print_form(house->dir, form, model, error) : NULL;
  json_decref(model);
  json_decref(delivery);
  return pdf ? web_bytes(pdf, "application/pdf") : NULL;
}

static const WebParameter FORM_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"name", WEB_TEXT, TRUE, 40, "表名"}, {NULL}};

const WebRoute DELIVERY_FORM_ROUTES[] = {
  {"GET", "/delivery/{id}/form/{name}.pdf", "delivery.read|delivery.own", FORM_PARAMETERS, NULL, form_pdf, NULL},
  {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
