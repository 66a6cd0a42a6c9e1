/*
 * The pages of receiving: the list, a new delivery, and one page that leads a delivery from its columns to its records or back.
 *
 * 1. A delivery is shown to who may see its fonds, and to who received it. What stands in its cells (samples, faults) is shown to who received it and to who
 *    may see
 *    the highest security level found in it; nobody knows that level before the rehearsal.
 * 2. A transferring body's account (delivery.own without delivery.read) is shown its own body's deliveries with all that stands in them, and nothing that
 *    tells what the catalogue holds: no fonds, no count of what would be new or changed.
 * 3. Work that takes long is queued as a job; the page polls its progress and shows the result when it is done.
 */
#include "check.h"
#include "delivery.h"
#include "error.h"
#include "pages.h"
#include "project.h"
#include "people.h"
#include "upload.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_ROWS 50
#define FAULTS_SHOWN 50

DeliveryAsker page_asker(const WebRequest *request) {
  return (DeliveryAsker){web_scope(request), web_actor(request), web_may(request, "delivery.read") ? NULL : people_body(web_identity(request))};
}

/* ---- the list ---- */

static void hide_holdings(json_t *model) {
  static const char *const holdings[] = {"created", "updated", "unchanged", "fonds", "documents"};
  for (guint i = 0; i < G_N_ELEMENTS(holdings); i++) json_object_del(model, holdings[i]);
  json_object_set_new(model, "own", json_true());
}

static json_t *list_row(const DeliveryAsker *asker, json_t *delivery) {
  json_t *row = json_object();
  delivery_describe(row, delivery);
  if (asker->body) hide_holdings(row);
  json_object_set_new(row, "loaded_any", json_boolean(int_at(delivery, "loaded_rows") > 0));
  return row;
}

static const char *const FILTERS[] = {"registered", "received", "rehearsed", "returned", "done", "undone", "discarded"};

static json_t *filter_choices(const char *chosen) {
  json_t *choices = json_array();
  for (guint i = 0; i < G_N_ELEMENTS(FILTERS); i++)
    json_array_append_new(choices, json_pack("{s:s, s:s, s:b}", "value", FILTERS[i], "label", life_label(FILTERS[i], NULL), "selected",
      g_strcmp0(chosen, FILTERS[i]) == 0));
  return choices;
}

static WebReply *deliveries(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  const DeliveryAsker asker = page_asker(request);
  const char *state = web_text(request, "state");
  const ListPage wanted = {web_int(request, "before", 0), PAGE_ROWS + 1, FALSE, state && g_str_equal(state, "all") ? NULL : state};
  json_t *list = sql ? delivery_list(sql, &asker, &wanted, error) : NULL, *delivery;
  if (list == NULL) return NULL;
  json_t *rows = json_array();
  size_t i;
  json_array_foreach(list, i, delivery)
    if (i < PAGE_ROWS) json_array_append_new(rows, list_row(&asker, delivery));
  json_t *model = json_pack("{s:o, s:b, s:o}", "deliveries", rows, "may_import", web_may(request, "delivery.import|delivery.own"), "states",
    filter_choices(state));
  if (json_array_size(list) > PAGE_ROWS) json_object_set(model, "next", json_object_get(json_array_get(rows, PAGE_ROWS - 1), "id"));
  if (web_int(request, "before", 0)) json_object_set_new(model, "later", json_true());
  if (state) json_object_set_new(model, "chosen", json_string(state));
  if (asker.body) json_object_set_new(model, "own_body", json_string(asker.body));
  json_object_set_new(model, "may_collect", json_boolean(web_may(request, "delivery.read")));
  if (asker.body && *asker.body) json_object_set_new(model, "owed", project_owed(sql, asker.body, NULL));
  json_decref(list);
  return web_model(model);
}

/* ---- a new one ---- */

static json_t *category_options(const Catalog *catalog, const char *selected) {
  json_t *options = json_array();
  guint count;
  const CatalogCategory *const *categories = catalog_categories(catalog, &count);
  for (guint i = 0; i < count; i++)
    json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "code", categories[i]->code, "title", categories[i]->title, "selected",
      g_str_equal(categories[i]->code, selected)));
  return options;
}

static const char *const NEW_FIELDS[] = {"name", "body", "stage", "fonds", "fonds_title", "category", "mapping", NULL};
static const char *const FORM_TEXTS[] = {"name", "body", "stage", "first_code", "last_code", "carrier", "description", "filled_by", "approved_by", NULL};
static const char *const FORM_NUMBERS[] = {"items", "volumes", "bytes", NULL};

static gboolean is_registering(const WebRequest *request) { return g_str_has_suffix(web_path(request), "/register"); }

static json_t *form_values(WebRequest *request) {
  json_t *values = json_object();
  gboolean registering = is_registering(request);
  for (const char *const *field = registering ? FORM_TEXTS : NEW_FIELDS; *field; field++)
    json_object_set_new(values, *field, json_string(web_text(request, *field) ? web_text(request, *field) : ""));
  for (const char *const *field = FORM_NUMBERS; registering && *field; field++)
    if (web_int(request, *field, -1) >= 0) json_object_set_new(values, *field, json_integer(web_int(request, *field, -1)));
  return values;
}

static json_t *new_model(WebRequest *request) {
  const House *house = web_house(request);
  g_autoptr(Sql) sql = sql_read(house->db, NULL);
  const DeliveryAsker asker = page_asker(request);
  json_t *names = sql && asker.body == NULL ? mapping_names(sql, NULL) : NULL, *name, *values = form_values(request);
  size_t i;
  json_array_foreach(names, i, name) json_object_set_new(name, "selected", json_boolean(g_str_equal(text_at(name, "name"), text_at(values,
    "mapping"))));
  if (asker.body) json_object_set_new(values, "body", json_string(asker.body));
  json_t *model = json_pack("{s:o, s:o, s:o, s:o, s:I}", "mappings", names ? names : json_array(), "categories", category_options(house->catalog,
    text_at(values, "category")), "values", values, "stages", stage_choices(text_at(values, "stage")),
    "megabytes", (json_int_t)settings_int(house->settings, "upload.max_megabytes"));
  if (asker.body) json_object_set_new(model, "own", json_true());
  return model;
}

static WebReply *new_form(WebRequest *request, GError **error) { return web_model(new_model(request)); }

static WebReply *refuse_new(WebRequest *request, const char *field, GError *failure) {
  json_t *model = new_model(request), *values = json_object_get(model, "values");
  static const char *const uploads[] = {"table_upload", "files_upload"}; /* what came in slices need not come again */
  for (guint i = 0; i < G_N_ELEMENTS(uploads) && !is_registering(request); i++)
    if (web_int(request, uploads[i], 0)) json_object_set_new(values, uploads[i], json_integer(web_int(request, uploads[i], 0)));
  json_object_set_new(model, "problem", json_string(failure->message));
  json_object_set_new(model, "errors", json_pack("{s:s}", field, failure->message));
  guint status = error_http_status(failure);
  g_error_free(failure);
  return web_model_status(model, status);
}

/* Who answers for some fonds only delivers into one of them, named: a table's own 全宗号 column could say any. */
static gboolean may_receive(WebRequest *request, GError **error) {
  if (web_scope(request)->all_fonds) return TRUE;
  const char *code = web_text(request, "fonds");
  if (code == NULL) return throw(error, LANTAI_ERROR_DENIED, "您的帐号限于部分全宗：请填写全宗号，并且是您负责的全宗");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return FALSE;
  g_autoptr(CatalogRecord) fonds = catalog_record_by_code(sql, web_scope(request), 0, code, NULL);
  return (fonds && fonds->level == LEVEL_FONDS) || throw(error, LANTAI_ERROR_DENIED, "全宗“%s”不在您负责的范围内，没有接收", code);
}

/* A body's account hands over for its own body and names no fonds: the archives decide that. */
static gboolean may_send(WebRequest *request, const DeliveryAsker *asker, GError **error) {
  if (asker->body == NULL) return may_receive(request, error);
  return *asker->body || throw(error, LANTAI_ERROR_DENIED, "您的帐号还没有设定移交单位。请与档案馆联系");
}

static AccessionSource sent_source(WebRequest *request, const DeliveryAsker *asker, const FormFile *table, const FormFile *files) {
  const char *fonds = asker->body ? NULL : web_text(request, "fonds"), *title = asker->body ? NULL : web_text(request, "fonds_title");
  return (AccessionSource){.path = table->path, .name = web_text(request, "name"), .files = files->path, .mapping = asker->body ? NULL :
    web_text(request, "mapping"), .fonds = fonds, .fonds_title = title, .category = web_text(request, "category"),
    .body = asker->body ? asker->body : web_text(request, "body"), .file_name = table->name, .take_files = TRUE, .stage = web_text(request, "stage")};
}

/* A package is opened by a job, at once: before that there is nothing to look at. */
static gboolean start_package(WebRequest *request, gint64 id, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_t *delivery = sql ? delivery_load(sql, id, error) : NULL;
  if (delivery == NULL) return FALSE;
  gboolean package = g_str_equal(text_at(delivery, "kind"), "package");
  json_decref(delivery);
  json_t *parameters = json_pack("{s:I}", "accession", (json_int_t)id);
  gboolean good = !package || (job_queue(sql, "accession.rehearse", "accession", id, parameters, web_actor(request), error) && sql_commit(sql, error));
  json_decref(parameters);
  return good;
}

gint64 page_receive(WebRequest *request, gint64 delivery, GError **error) {
  const House *house = web_house(request);
  const DeliveryAsker asker = page_asker(request);
  FormFile table = {0}, files = {0};
  gboolean given = form_file_take(request, "table", "table_upload", &table, error) && form_file_take(request, "files", "files_upload", &files, error);
  AccessionSource source = sent_source(request, &asker, &table, &files);
  source.delivery = delivery;
  if (given && table.path == NULL) given = throw(error, LANTAI_ERROR_INVALID, "请选择目录表或移交包");
  gint64 id = given ? accession_receive(house, asker.actor, &source, error) : 0;
  form_file_done(house, asker.actor, &table, id != 0);
  form_file_done(house, asker.actor, &files, id != 0);
  return id && start_package(request, id, error) ? id : 0;
}

static WebReply *receive(WebRequest *request, GError **error) {
  GError *failure = NULL;
  const DeliveryAsker asker = page_asker(request);
  if (!may_send(request, &asker, &failure)) return refuse_new(request, "fonds", failure);
  gint64 id = page_receive(request, 0, &failure);
  return id ? web_redirect("/delivery/%" G_GINT64_FORMAT, id) : refuse_new(request, "table", failure);
}

/* ---- one that is announced ---- */

static WebReply *register_form(WebRequest *request, GError **error) { return web_model(new_model(request)); }

/* All of the form but its title and body, which have their own places. */
static json_t *declared_form(WebRequest *request) {
  json_t *declared = form_values(request), *value;
  const char *key;
  void *next;
  json_object_del(declared, "name");
  json_object_del(declared, "body");
  json_object_del(declared, "stage");
  json_object_foreach_safe(declared, next, key, value)
    if (json_is_string(value) && !*json_string_value(value)) json_object_del(declared, key);
  return declared;
}

static WebReply *register_post(WebRequest *request, GError **error) {
  const DeliveryAsker asker = page_asker(request);
  GError *failure = NULL;
  json_t *declared = declared_form(request);
  const AccessionSource announced = {.name = web_text(request, "name"), .body = asker.body ? asker.body : web_text(request, "body"), .stage =
    web_text(request, "stage"), .declared = declared};
  gint64 id = !asker.body || may_send(request, &asker, &failure) ? accession_register(web_house(request), web_actor(request), &announced, &failure) : 0;
  json_decref(declared);
  return id ? web_redirect("/delivery/%" G_GINT64_FORMAT, id) : refuse_new(request, "name", failure);
}

/* ---- one delivery ---- */

static gboolean may_see_cells(WebRequest *request, json_t *delivery) {
  const DeliveryAsker asker = page_asker(request);
  if (asker.body || (*asker.actor && g_str_equal(asker.actor, text_at(delivery, "actor")))) return TRUE;
  json_t *survey = json_loads(text_at(delivery, "survey"), 0, NULL), *highest = json_object_get(survey, "security");
  Security level = highest ? (Security)json_integer_value(highest) : SECURITY_TOP;
  json_decref(survey);
  return web_scope(request)->security >= level;
}

static void hide_cells(json_t *model) {
  static const char *const lists[] = {"rejected", "warnings"};
  json_t *entry;
  size_t i;
  for (guint list = 0; list < G_N_ELEMENTS(lists); list++)
    json_array_foreach(json_object_get(model, lists[list]), i, entry) json_object_set_new(entry, "value", json_string("（密级较高，不显示）"));
  json_array_foreach(json_object_get(json_object_get(model, "mapping"), "columns"), i, entry) json_object_set_new(entry, "samples", json_array());
}

json_t *page_delivery(WebRequest *request, Sql *sql, GError **error) {
  gint64 id = web_int(request, "id", 0);
  const DeliveryAsker asker = page_asker(request);
  json_t *delivery = delivery_load(sql, id, error);
  gboolean visible;
  if (delivery == NULL) return NULL;
  if (delivery_visible(sql, &asker, delivery, &visible, error) && visible) return delivery;
  json_decref(delivery);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有批次 %" G_GINT64_FORMAT "。批次号见“接收”页面", id);
}

gboolean page_check_visible(WebRequest *request, Sql *sql, gint64 id) {
  const DeliveryAsker asker = page_asker(request);
  json_t *delivery = delivery_load(sql, id, NULL);
  gboolean visible = FALSE, known = delivery && delivery_visible(sql, &asker, delivery, &visible, NULL) && visible && may_see_cells(request, delivery);
  json_decref(delivery);
  return known;
}

static json_t *column_model(json_t *column, json_t *choices) {
  json_t *model = json_copy(column), *options = json_array(), *choice;
  const char *field = text_at(column, "field");
  size_t i;
  json_array_foreach(choices, i, choice)
    json_array_append_new(options, json_pack("{s:O, s:O, s:b}", "key", json_object_get(choice, "key"), "label", json_object_get(choice, "label"), "selected",
      g_str_equal(field, text_at(choice, "key"))));
  json_object_set_new(model, "options", options);
  json_object_set_new(model, "kept", json_boolean(g_str_equal(field, KEEP_FIELD)));
  json_object_set_new(model, "ignored", json_boolean(!*field));
  return model;
}

/* The fonds that all the samples' 档号 begin with, when neither the table nor anybody else says one; new string, NULL: none. */
static char *fonds_hint(Sql *sql, json_t *delivery, json_t *layout) {
  int code = layout_column_of(layout, "code");
  if (*text_at(delivery, "fonds") || code < 0 || layout_column_of(layout, "fonds") >= 0) return NULL;
  g_autofree char *fonds = NULL;
  size_t i;
  json_t *sample;
  json_array_foreach(json_object_get(json_array_get(json_object_get(layout, "columns"), (size_t)code), "samples"), i, sample) {
    const char *text = json_string_value(sample), *dash = text ? strchr(text, '-') : NULL;
    g_autofree char *head = dash ? g_strndup(text, (gsize)(dash - text)) : NULL;
    if (head == NULL || (fonds && !g_str_equal(fonds, head))) return NULL;
    if (fonds == NULL) fonds = g_steal_pointer(&head);
  }
  gboolean plausible = fonds && strlen(fonds) == 4 && g_ascii_isupper(fonds[0]) && strspn(fonds + 1, "0123456789") == 3; /* DA/T 13 */
  return fonds && (plausible || fonds_find(sql, fonds)) ? g_steal_pointer(&fonds) : NULL;
}

static json_t *mapping_model(const House *house, Sql *sql, json_t *delivery, GError **error) {
  json_t *layout = accession_mapping(house, int_at(delivery, "id"), error), *column;
  if (layout == NULL) return NULL;
  g_autofree char *hint = fonds_hint(sql, delivery, layout);
  if (hint) json_object_set_new(layout, "fonds_hint", json_string(hint));
  json_t *choices = mapping_choices(house->catalog, text_at(layout, "category")), *columns = json_array();
  size_t i;
  json_array_foreach(json_object_get(layout, "columns"), i, column) json_array_append_new(columns, column_model(column, choices));
  json_object_set_new(layout, "columns", columns);
  json_object_set_new(layout, "categories", category_options(house->catalog, text_at(layout, "category")));
  json_object_set_new(layout, "two_rows", json_boolean(int_at(layout, "header_rows") > 1));
  json_decref(choices);
  return layout;
}

/* Sample rows as they would stand in a list, as far as the asker may see such records. */
static json_t *sample_rows(const DeliveryAsker *asker, json_t *samples) {
  const Scope *scope = asker->scope;
  json_t *rows = json_array(), *sample;
  size_t i;
  json_array_foreach(samples, i, sample) {
    Security security = (Security)int_at(sample, "security");
    Opening opening = (Opening)int_at(sample, "opening");
    if (!asker->body && (security > scope->security || !(scope->opening_mask & (1u << opening)))) continue;
    json_t *row = json_copy(sample);
    json_object_set_new(row, "security_label", json_string(security_label(security)));
    json_object_set_new(row, "opening_label", json_string(opening_label(opening)));
    json_array_append_new(rows, row);
  }
  return rows;
}

static json_t *active_job(Sql *sql, gint64 id) {
  json_t *job = job_latest(sql, "accession", id, NULL);
  const char *state = text_at(job, "state");
  if (job && (g_str_equal(state, "queued") || g_str_equal(state, "running"))) {
    json_object_set_new(job, "rate", json_integer((json_int_t)json_number_value(json_object_get(job, "rate"))));
    return job;
  }
  json_decref(job);
  return NULL;
}

/* Why the latest task of it did not come about, when the delivery itself went on as it was (an undoing that was refused). */
static void add_refusal(Sql *sql, json_t *model, json_t *delivery) {
  json_t *job = job_latest(sql, "accession", int_at(delivery, "id"), NULL);
  if (job && g_str_equal(text_at(job, "state"), "failed") && !*text_at(delivery, "failure"))
    json_object_set(model, "refusal", json_object_get(job, "error"));
  json_decref(job);
}

/* What the asker may make of it now: can_<state> for each step that a person takes. */
static void add_steps(WebRequest *request, json_t *model, json_t *delivery, gboolean active) {
  for (const LifeTransition *transition = LIFE_TRANSITIONS; transition->to; transition++) {
    if (!*transition->permission || !delivery_is(delivery, transition->from) || !*transition->from) continue;
    g_autofree char *name = g_strconcat("can_", transition->to, NULL);
    json_object_set_new(model, name, json_boolean(!active && web_may(request, transition->permission)));
  }
}

static void add_actions(WebRequest *request, json_t *model, json_t *delivery, gboolean active) {
  gboolean import = web_may(request, "delivery.import|delivery.own") && !active, loaded = delivery_is(delivery, "loading attaching done");
  gboolean table = json_array_size(json_object_get(json_object_get(model, "mapping"), "columns")) > 0;
  const struct { const char *name; gboolean value; } flags[] = {
    {"can_map", import && table && delivery_is(delivery, "received checking rehearsed")}, {"is_mapped", delivery_is(delivery, "received checking rehearsed")},
    {"is_rehearsed", delivery_is(delivery, "rehearsed")}, {"can_check", import && !table && delivery_is(delivery, "received checking")},
    {"can_load", !active && web_may(request, "delivery.accept") && delivery_is(delivery, "rehearsed")},
    {"can_resume", !active && web_may(request, "delivery.accept") && delivery_is(delivery, "loading attaching")}, {"is_loaded", loaded},
    {"can_undo", web_may(request, "delivery.undo") && !active && (loaded || delivery_is(delivery, "undoing"))}, {"is_undone", delivery_is(delivery, "undone")},
    {"has_receipt", !delivery_is(delivery, "registered")},
    {"has_result", !delivery_is(delivery, "registered received checking") && int_at(delivery, "row_count") > 0},
    {"has_documents", *text_at(delivery, "documents") != '\0'}, {"can_send", import && delivery_is(delivery, "registered returned")},
    {"can_replace", import && delivery_is(delivery, "received rehearsed") && g_str_equal(text_at(delivery, "kind"), "table")},
    {"can_stage", import && delivery_is(delivery, "registered received returned rehearsed")},
    {"is_returned", delivery_is(delivery, "returned")}, {"may_find", loaded && web_may(request, "delivery.read") && web_scope(request)->opening_mask != 0},
    {"nothing_new", delivery_is(delivery, "rehearsed") && int_at(delivery, "accepted_count") &&
      int_at(delivery, "created_count") + int_at(delivery, "updated_count") == 0},
  };
  for (guint i = 0; i < G_N_ELEMENTS(flags); i++) json_object_set_new(model, flags[i].name, json_boolean(flags[i].value));
  json_object_set_new(model, "check_id", json_integer(int_at(delivery, "check_id")));
  add_steps(request, model, delivery, active);
}

/* The latest check of this round with the items that failed; check is taken. */
static gboolean add_check(Sql *sql, json_t *model, json_t *delivery, json_t *check, GError **error) {
  if (check == NULL || int_at(delivery, "check_id") == 0) return json_decref(check), TRUE;
  json_t *report = check_report(sql, int_at(check, "id"), 0, error), *failed = json_array(), *item;
  size_t i;
  json_array_foreach(json_object_get(report, "items"), i, item)
    if (g_str_equal(text_at(item, "state"), "failed")) json_array_append(failed, item);
  json_object_set_new(model, "failed_items", failed);
  gint64 earlier = check_earlier(sql, int_at(check, "id"), NULL);
  if (earlier) json_object_set_new(check, "earlier", json_integer(earlier));
  json_object_set_new(model, "check_failed", json_boolean(g_str_equal(text_at(check, "state"), "failed")));
  json_object_set_new(model, "check", check);
  json_decref(report);
  return report != NULL;
}

/* Steps, what was declared, what was found, the check; and what an undo was refused for. */
static gboolean add_life(Sql *sql, const House *house, json_t *model, json_t *delivery, GError **error) {
  gint64 id = int_at(delivery, "id");
  GError *failure = NULL;
  json_t *steps = life_steps(sql, id, &failure), *check = failure ? NULL : check_latest(sql, "accession", id, &failure);
  if (failure) {
    g_propagate_error(error, failure);
    json_decref(steps);
    return FALSE;
  }
  size_t count = json_array_size(steps);
  json_t *last = count ? json_array_get(steps, count - 1) : NULL;
  if (g_str_equal(text_at(last, "to"), "returned")) json_object_set(model, "returned", last);
  json_object_set_new(model, "steps", steps);
  json_object_set_new(model, "declared", declared_of(delivery));
  json_object_set_new(model, "found", json_loads(text_at(delivery, "found"), 0, NULL));
  g_autofree char *path = delivery_path(house, id, CONFLICTS_NAME);
  json_t *conflicts = delivery_is(delivery, "done loading attaching") ? json_load_file(path, 0, NULL) : NULL;
  if (conflicts) json_object_set_new(model, "conflicts", conflicts);
  json_object_set_new(model, "delivery_id", json_integer(id));
  json_object_set_new(model, "next_round", json_integer(int_at(delivery, "round") + 1));
  json_object_set(model, "kept_count", json_object_get(delivery, "kept_count"));
  json_object_set_new(model, "projects", project_of_delivery(sql, id, NULL));
  json_object_set_new(model, "stages", stage_choices(text_at(delivery, "stage")));
  return add_check(sql, model, delivery, check, error);
}

json_t *page_model(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL;
  if (delivery == NULL) return NULL;
  json_t *model = accession_report(house, id, FAULTS_SHOWN, error), *mapping = model ? mapping_model(house, sql, delivery, error) : NULL, *job = active_job(sql, id);
  if (mapping && add_life(sql, house, model, delivery, error)) {
    const DeliveryAsker asker = page_asker(request);
    json_object_set_new(model, "samples", sample_rows(&asker, json_object_get(model, "samples")));
    json_object_set_new(model, "mapping", json_incref(mapping));
    json_object_set_new(model, "title", json_string(text_at(delivery, "name")));
    json_object_set_new(model, "more_rejected", json_boolean(int_at(delivery, "rejected_count") > FAULTS_SHOWN));
    json_object_set_new(model, "may_export", json_boolean(web_may(request, "record.export")));
    json_object_set_new(model, "may_renumber", json_boolean(web_may(request, "code.renumber")));
    json_object_set_new(model, "may_read_report", json_boolean(int_at(delivery, "rejected_count") + int_at(delivery, "warning_count") > 0));
    gint64 load_ms = int_at(delivery, "rehearse_ms") + int_at(delivery, "load_ms");
    if (load_ms > 0 && int_at(delivery, "load_ms")) json_object_set_new(model, "rows_per_second", json_integer(int_at(delivery,
      "loaded_rows") * 1000 / load_ms));
    add_actions(request, model, delivery, job != NULL);
    if (asker.body) hide_holdings(model);
    if (asker.body) json_object_del(json_object_get(model, "mapping"), "fonds_hint");
    if (may_see_cells(request, delivery)) add_refusal(sql, model, delivery);
    if (!may_see_cells(request, delivery)) hide_cells(model);
    if (job) json_object_set_new(job, "delivery_id", json_integer(id));
    if (job) json_object_set(model, "job", job);
    if (job) json_object_set_new(model, "state_label", json_string("处理中"));
  } else {
    json_decref(model);
    model = NULL;
  }
  json_decref(mapping);
  json_decref(job);
  json_decref(delivery);
  return model;
}

static WebReply *show(WebRequest *request, GError **error) {
  json_t *model = page_model(request, error);
  return model ? web_model(model) : NULL;
}

static WebReply *progress(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL;
  if (delivery == NULL) return NULL;
  json_t *model = json_object(), *job = active_job(sql, int_at(delivery, "id"));
  delivery_describe(model, delivery);
  json_object_set_new(model, "finished", json_boolean(job == NULL));
  if (job) json_object_set_new(job, "delivery_id", json_object_get(delivery, "id") ? json_incref(json_object_get(delivery, "id")) : json_null());
  if (job) json_object_set_new(model, "job", job);
  json_object_set_new(model, "may_stop", json_boolean(web_may(request, "delivery.import|delivery.own")));
  json_decref(delivery);
  return web_model(model);
}

static WebReply *faults(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  gint64 id = web_int(request, "id", 0);
  g_autoptr(Sql) sql = sql_read(house->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL;
  if (delivery == NULL) return NULL;
  const char *stem = text_at(delivery, "name"), *dot = strrchr(stem, '.');
  g_autofree char *name = g_strdup_printf("有问题的行-%.*s.xlsx", (int)(dot && dot > stem ? dot - stem : (ptrdiff_t)strlen(stem)), stem);
  gboolean shown = may_see_cells(request, delivery);
  json_decref(delivery);
  if (!shown) return throw_null(error, LANTAI_ERROR_DENIED, "这批档案中有您无权查看的密级，不能下载其中的行。请由接收人处理");
  g_autofree char *folder = delivery_path(house, id, NULL), *path = g_build_filename(folder, "faults-XXXXXX", NULL);
  int made = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
  if (made < 0) return throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能写临时文件。请检查磁盘空间");
  close(made);
  gboolean good = accession_faults_xlsx(house, id, path, error);
  int fd = good ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  g_unlink(path);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) return good ? throw_null(error, LANTAI_ERROR_UNAVAILABLE, "不能读临时文件。请再试一次") : NULL;
  return web_fd(fd, status.st_size, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", name, FALSE, NULL);
}

/* ---- what is done to it ---- */

/* parameters are taken. */
WebReply *page_queue(WebRequest *request, const char *kind, json_t *parameters, GError **error) {
  gint64 id = web_int(request, "id", 0), queued = 0;
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL, *job = delivery ? active_job(sql, id) : NULL;
  gboolean other = job && !g_str_equal(text_at(job, "kind"), kind);
  if (other) throw(error, LANTAI_ERROR_CONFLICT, "这个批次正在处理中。请等它完成，或先停止");
  else if (delivery) queued = job_queue(sql, kind, "accession", id, parameters, web_actor(request), error);
  json_decref(delivery);
  json_decref(job);
  json_decref(parameters);
  return queued && sql_commit(sql, error) ? web_redirect("/delivery/%" G_GINT64_FORMAT, id) : NULL;
}

json_t *page_parameters(WebRequest *request) { return json_pack("{s:I}", "accession", (json_int_t)web_int(request, "id", 0)); }

/* The page again with the reason; failure is taken. */
WebReply *page_refused(WebRequest *request, const char *field, GError *failure, GError **error) {
  json_t *model = page_model(request, NULL);
  if (model == NULL) {
    g_propagate_error(error, failure);
    return NULL;
  }
  json_object_set_new(model, "problem", json_string(failure->message));
  json_object_set_new(model, "errors", json_pack("{s:s}", field, failure->message));
  guint status = error_http_status(failure);
  g_error_free(failure);
  return web_model_status(model, status);
}

gboolean page_visible(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *delivery = sql ? page_delivery(request, sql, error) : NULL;
  json_decref(delivery);
  return delivery != NULL;
}

static WebReply *set_mapping(WebRequest *request, GError **error) {
  if (!page_visible(request, error)) return NULL;
  gsize count;
  const char *const *fields = web_list(request, "field", &count);
  json_t *columns = count ? json_array() : NULL;
  for (gsize i = 0; i < count; i++) json_array_append_new(columns, json_string(g_str_equal(fields[i], "-") ? "" : fields[i]));
  GError *failure = NULL;
  const char *category = web_text(request, "category"), *former = web_text(request, "former_category");
  gboolean regrouped = category && former && !g_str_equal(category, former); /* other fields to choose from: guess anew and let them look */
  const char *save_as = page_asker(request).body ? NULL : web_text(request, "save_as"), *fonds = web_text(request, "use_fonds");
  if (fonds && page_asker(request).body) fonds = NULL;
  const MappingChange change = {regrouped ? NULL : columns, regrouped ? category : NULL, regrouped ? NULL : save_as, fonds};
  gboolean good = mapping_apply(web_house(request), web_actor(request), web_int(request, "id", 0), &change, &failure);
  json_decref(columns);
  if (good && !regrouped && web_flag(request, "rehearse")) return page_queue(request, "accession.rehearse", page_parameters(request), error);
  if (good) return web_redirect("/delivery/%" G_GINT64_FORMAT, web_int(request, "id", 0));
  return page_refused(request, "field", failure, error);
}

static WebReply *start_rehearsal(WebRequest *request, GError **error) {
  return page_queue(request, "accession.rehearse", page_parameters(request), error);
}

static WebReply *stop(WebRequest *request, GError **error) {
  gint64 id = web_int(request, "id", 0);
  if (!page_visible(request, error)) return NULL;
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_t *job = sql ? active_job(sql, id) : NULL;
  gint64 job_id = int_at(job, "id");
  json_decref(job);
  g_clear_pointer(&sql, sql_end);
  if (job_id && !job_cancel(web_house(request)->db, job_id, error)) return NULL;
  return web_redirect("/delivery/%" G_GINT64_FORMAT, id);
}

/* ---- the rows of the route table ---- */

static const WebParameter LIST_PARAMETERS[] = {{"before", WEB_INT, FALSE, 0, "起始批次"}, {"state", WEB_TEXT, FALSE, 20, "状态"}, {NULL}};
static const WebParameter ID_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {NULL}};
#define NEW_TEXTS {"name", WEB_TEXT, FALSE, 200, "批次名称"}, {"body", WEB_TEXT, FALSE, 200, "移交单位"}, {"fonds", WEB_TEXT, FALSE, 50, "全宗号"}, \
  {"fonds_title", WEB_TEXT, FALSE, 200, "全宗名称"}, {"category", WEB_TEXT, FALSE, 20, "门类"}, {"mapping", WEB_TEXT, FALSE, 100, "字段对应"}, {"stage", WEB_TEXT, FALSE, 20, "环节"}
static const WebParameter FORM_PARAMETERS[] = {NEW_TEXTS, {NULL}}; /* a link may fill the form in beforehand */
#define SENT_FILES {"table", WEB_FILE, FALSE, 0, "目录表或移交包"}, {"files", WEB_FILE, FALSE, 0, "原文包"}, \
  {"table_upload", WEB_INT, FALSE, 0, "已上传的目录表或移交包"}, {"files_upload", WEB_INT, FALSE, 0, "已上传的原文包"}
static const WebParameter NEW_PARAMETERS[] = {SENT_FILES, NEW_TEXTS, {NULL}};
static const WebParameter MAPPING_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"field", WEB_LIST, FALSE, COLUMNS_MAX, "字段"}, {"category", WEB_TEXT,
  FALSE, 20, "门类"},
  {"former_category", WEB_TEXT, FALSE, 20, "原门类"}, {"save_as", WEB_TEXT, FALSE, 100, "保存为"}, {"rehearse", WEB_FLAG, FALSE, 0, "检测"},
  {"use_fonds", WEB_TEXT, FALSE, 50, "全宗号"}, {NULL}};
static const WebParameter REGISTER_PARAMETERS[] = {{"name", WEB_TEXT, FALSE, 200, "交接工作名称"}, {"body", WEB_TEXT, FALSE, 200, "移交单位"},
  {"items", WEB_INT, FALSE, 0, "文件总数"}, {"volumes", WEB_INT, FALSE, 0, "案卷总数"}, {"bytes", WEB_INT, FALSE, 0, "移交数据量（字节）"},
  {"first_code", WEB_TEXT, FALSE, 200, "起始档号"}, {"last_code", WEB_TEXT, FALSE, 200, "终止档号"}, {"carrier", WEB_TEXT, FALSE, 200, "载体"},
  {"description", WEB_TEXT, FALSE, 2000, "内容描述"}, {"filled_by", WEB_TEXT, FALSE, 100, "填表人"}, {"approved_by", WEB_TEXT, FALSE, 100, "审核人"},
  {"stage", WEB_TEXT, FALSE, 20, "环节"}, {NULL}};
static const WebParameter SEND_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, SENT_FILES, NEW_TEXTS, {NULL}};
static const WebParameter DOCUMENTS_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"files", WEB_FILE, FALSE, 0, "原文包"},
  {"files_upload", WEB_INT, FALSE, 0, "已上传的原文包"}, {NULL}};
static const WebParameter STAGE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"stage", WEB_TEXT, TRUE, 20, "环节"}, {NULL}};
static const WebParameter NOTE_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"note", WEB_LINES, FALSE, 2000, "说明"}, {"item", WEB_LIST, FALSE, 500, "原因"},
  {NULL}};
static const WebParameter ACCEPT_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"note", WEB_LINES, FALSE, 2000, "说明"},
  {"check", WEB_INT, FALSE, 0, "所据的检测"}, {NULL}};
static const WebParameter UNDO_PARAMETERS[] = {{"id", WEB_INT, TRUE, 0, "批次号"}, {"keep", WEB_INTS, FALSE, 10000, "保留的条目"},
  {"restore", WEB_INTS, FALSE, 10000, "恢复的条目"}, {NULL}};

#define READ "delivery.read|delivery.own"
#define BRING "delivery.import|delivery.own"
const WebRoute ACCESSION_ROUTES[] = {
  {"GET", "/deliveries", READ, LIST_PARAMETERS, "accession/deliveries", deliveries, "接收"},
  {"GET", "/delivery/new", BRING, FORM_PARAMETERS, "accession/new", new_form, "接收一批档案"},
  {"POST", "/delivery/new", BRING, NEW_PARAMETERS, "accession/new", receive, "接收一批档案"},
  {"GET", "/delivery/register", BRING, REGISTER_PARAMETERS, "accession/register", register_form, "登记一次移交"},
  {"POST", "/delivery/register", BRING, REGISTER_PARAMETERS, "accession/register", register_post, "登记一次移交"},
  {"GET", "/delivery/{id}", READ, ID_PARAMETERS, "accession/delivery", show, "移交批次"},
  {"GET", "/delivery/{id}/progress", READ, ID_PARAMETERS, "accession/progress", progress, "进度"},
  {"GET", "/delivery/{id}/faults.xlsx", READ, ID_PARAMETERS, NULL, faults, NULL},
  {"POST", "/delivery/{id}/send", BRING, SEND_PARAMETERS, "accession/delivery", page_send, "移交批次"},
  {"POST", "/delivery/{id}/documents", BRING, DOCUMENTS_PARAMETERS, "accession/delivery", page_documents, "移交批次"},
  {"POST", "/delivery/{id}/mapping", BRING, MAPPING_PARAMETERS, "accession/delivery", set_mapping, "移交批次"},
  {"POST", "/delivery/{id}/stage", BRING, STAGE_PARAMETERS, "accession/delivery", page_stage, "移交批次"},
  {"POST", "/delivery/{id}/rehearse", BRING, ID_PARAMETERS, NULL, start_rehearsal, NULL},
  {"POST", "/delivery/{id}/load", "delivery.accept", ACCEPT_PARAMETERS, "accession/delivery", page_accept, "移交批次"},
  {"POST", "/delivery/{id}/return", "delivery.accept", NOTE_PARAMETERS, "accession/delivery", page_return, "移交批次"},
  {"POST", "/delivery/{id}/discard", BRING, NOTE_PARAMETERS, "accession/delivery", page_discard, "移交批次"},
  {"POST", "/delivery/{id}/stop", BRING, ID_PARAMETERS, NULL, stop, NULL},
  {"POST", "/delivery/{id}/undo", "delivery.undo", UNDO_PARAMETERS, "accession/delivery", page_undo, "移交批次"},
  {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
