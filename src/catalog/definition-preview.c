/*
 * The preview of a draft: what changes, which records contradict it, the form, the list's columns, and three real records under it.
 *
 * 1. Records and values are shown within the asker's scope; counts are of all. Values that do not fit are listed for those who see all that is 内部.
 * 2. Records under the draft are read only.
 */
#include "definition.h"
#include "error.h"
#include <string.h>

enum { SAMPLES = 3, FINDINGS_SHOWN = 50 };

static gboolean sees_values(const Scope *scope) { return scope->all_fonds && scope->opening_mask == 0xF && scope->security >= SECURITY_INTERNAL; }

void definition_check_gate(json_t *check, const Scope *scope) {
  if (sees_values(scope)) return;
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(check, "fields"), i, row) json_object_del(row, "values");
  json_object_del(check, "unknown");
}

/* ---- the form and the columns ---- */

/* The fields of a list as the record's form has them. */
static json_t *form_preview(const CatalogField *fields, guint count) {
  json_t *inputs = json_array();
  for (guint i = 0; i < count; i++) {
    const CatalogField *field = &fields[i];
    if (field->off_form) continue;
    const char *value = field->initial != NULL ? field->initial : "";
    json_t *input = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "name", field->key, "label", field->label, "value", value, "type_label",
      definition_type_label(field->type), "staff", field->staff, "volume_only", field->levels == 1u << LEVEL_VOLUME);
    definition_decorate(input, field, value);
    json_array_append_new(inputs, input);
  }
  return inputs;
}

static json_t *columns_preview(const CatalogCategory *category) {
  json_t *columns = json_array();
  for (guint i = 0; i < category->field_count; i++)
    if (category->fields[i].listed) json_array_append_new(columns, json_string(category->fields[i].label));
  return columns;
}

/* ---- three records ---- */

typedef struct { json_t *row; const CatalogField *field; } Marked;

static void mark_row(const CatalogField *field, ProblemKind kind, const char *value, gpointer data) {
  Marked *marked = data;
  if (field != marked->field) return;
  const char *why = kind == PROBLEM_MISSING ? "必著而没有" : kind == PROBLEM_EXPECTED ? "应著而没有" : catalog_value_problem(field, value);
  json_object_set_new(marked->row, "problem", json_string(why != NULL ? why : ""));
  json_object_set_new(marked->row, "tone", json_string(kind == PROBLEM_EXPECTED ? "warn" : "bad"));
}

static json_t *record_rows(const CatalogCategory *category, const CatalogRecord *record) {
  json_t *rows = json_array();
  json_auto_t *fields = record_fields(record);
  for (guint i = 0; i < category->field_count; i++) {
    const CatalogField *field = &category->fields[i];
    const char *value = json_string_value(json_object_get(fields, field->key));
    json_t *row = json_pack("{s:s, s:s, s:b}", "label", field->label, "value", value ? value : "", "staff", field->staff);
    Marked marked = {row, field};
    definition_examine(category, record, fields, mark_row, &marked);
    if (value != NULL || json_object_get(row, "problem") != NULL) json_array_append(rows, row);
    json_decref(row);
    if (value != NULL) json_object_del(fields, field->key);
  }
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    if (common_field(key) == NULL) json_array_append_new(rows, json_pack("{s:s, s:O, s:b}", "label", key, "value", value, "other", TRUE));
  }
  return rows;
}

/* Records that contradict first, then any of the category. */
static GArray *sample_ids(WebRequest *request, Sql *sql, gint64 check, guint8 category, GError **error) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT DISTINCT record_id FROM category_finding WHERE check_id = $1 LIMIT 30", SQL_ARGS(sql_int(check)), error);
  if (rows == NULL) return NULL;
  while (sql_next(rows, NULL)) {
    gint64 id = sql_get_int(rows, "record_id");
    g_array_append_val(ids, id);
  }
  const gint64 wanted = category, levels[] = {LEVEL_VOLUME, LEVEL_ITEM};
  SearchRequest ask = {.categories = &wanted, .categories_count = 1, .levels = levels, .levels_count = 2, .limit = SAMPLES};
  g_autoptr(SearchResult) result = category == 0 ? NULL : search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  if (category != 0 && result == NULL) return NULL;
  if (result != NULL) g_array_append_vals(ids, result->ids->data, result->ids->len);
  return g_steal_pointer(&ids);
}

static json_t *samples(WebRequest *request, Sql *sql, const CatalogCategory *category, gint64 check, GError **error) {
  const CatalogCategory *known = catalog_category_by_code(web_house(request)->catalog, category->code);
  g_autoptr(GArray) ids = sample_ids(request, sql, check, known != NULL ? known->id : 0, error);
  g_autoptr(GPtrArray) records = ids == NULL ? NULL : catalog_records(sql, web_scope(request), (const gint64 *)(void *)ids->data, ids->len, error);
  if (records == NULL) return NULL;
  json_t *list = json_array();
  for (guint i = 0; i < records->len && json_array_size(list) < SAMPLES; i++) {
    const CatalogRecord *record = records->pdata[i];
    gboolean twice = FALSE;
    for (guint k = 0; k < i; k++) twice = twice || ((const CatalogRecord *)records->pdata[k])->id == record->id;
    if (!twice) json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)record->id, "code", record->code, "title", record->title, "rows",
      record_rows(category, record)));
  }
  return list;
}

/* ---- /categories/{code}/preview ---- */

static gboolean add_check(json_t *model, WebRequest *request, Sql *sql, json_t *definition, const char *code, GError **error) {
  g_autofree char *digest = definition_digest(definition);
  json_t *check = definition_check_load(sql, code, TRUE, error);
  gboolean fresh = check != NULL && g_strcmp0(json_string_value(json_object_get(check, "digest")), digest) == 0 &&
    g_strcmp0(json_string_value(json_object_get(check, "state")), "done") == 0;
  if (check != NULL && fresh) {
    definition_check_gate(check, web_scope(request));
    json_object_set(model, "check", check);
    json_object_set_new(model, "contradicts", json_boolean(json_integer_value(json_object_get(check, "blocking")) > 0));
  }
  json_decref(check);
  const CatalogCategory *known = catalog_category_by_code(web_house(request)->catalog, code);
  json_auto_t *job = job_latest(sql, "category", known != NULL ? known->id : 0, NULL);
  if (job == NULL) return TRUE;
  const char *state = json_string_value(json_object_get(job, "state"));
  gboolean active = g_strcmp0(state, "queued") == 0 || g_strcmp0(state, "running") == 0;
  gboolean since = json_integer_value(json_object_get(job, "created")) > json_integer_value(json_object_get(json_object_get(model, "draft"), "at"));
  if (g_strcmp0(json_string_value(json_object_get(job, "kind")), "category.enforce") == 0) {
    if (active) json_object_set(model, "enforcing", job);
    if (since && g_strcmp0(state, "failed") == 0) json_object_set(model, "problem", json_object_get(job, "error"));
  } else if (!fresh && active) json_object_set(model, "job", job);
  else if (!fresh && since && g_strcmp0(state, "failed") == 0) json_object_set(model, "problem", json_object_get(job, "error"));
  return TRUE;
}

WebReply *page_category_preview(WebRequest *request, GError **error) {
  const char *code = category_code(request);
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  json_auto_t *draft = definition_draft_load(sql, code, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (draft == NULL) return web_redirect(catalog_category_by_code(web_house(request)->catalog, code) != NULL ? "/categories/%s" : "/categories", code);
  json_t *definition = json_object_get(draft, "definition");
  json_auto_t *before = definition_in_force(sql, code, NULL);
  g_autoptr(CatalogCategory) category = definition_read(definition, code, error);
  if (category == NULL) return NULL;
  json_auto_t *model = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "title", "预览门类定义", "code", code, "name", category->title, "changes",
    definition_changes(before, definition), "inputs", form_preview(category->common, category->common_count), "own_inputs",
    form_preview(category->fields, category->field_count), "columns", columns_preview(category), "is_new", before == NULL);
  form_arrange(model);
  json_object_set(model, "draft", draft);
  if (!add_check(model, request, sql, definition, code, error)) return NULL;
  json_t *list = samples(request, sql, category, json_integer_value(json_object_get(json_object_get(model, "check"), "id")), error);
  if (list == NULL) return NULL;
  json_object_set_new(model, "samples", list);
  json_object_del(draft, "definition");
  return web_model(g_steal_pointer(&model));
}

/* ---- /categories/{code}/findings ---- */

static const char *kind_label(const char *kind) {
  static const char *const labels[] = {"必著而没有填", "应著而没有填", "不合类型", "不在选项中"};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
    if (g_strcmp0(kind, PROBLEM_NAMES[i]) == 0) return labels[i];
  return "";
}

typedef struct {
  const char *key;
  gboolean still;
} Still;
static void note_still(const CatalogField *field, ProblemKind kind, const char *value, gpointer data) {
  Still *still = data;
  still->still = still->still || g_str_equal(field->key, still->key);
}

/* A row of the list, when the record may be seen; what was put right since says so. */
static json_t *finding_row(Sql *sql, const Scope *scope, const CatalogCategory *category, const char *key, json_t *finding) {
  gint64 id = json_integer_value(json_object_get(finding, "id"));
  g_autoptr(CatalogRecord) record = catalog_record_load(sql, scope, id, NULL);
  if (record == NULL) return NULL;
  json_auto_t *fields = record_fields(record);
  Still still = {key, FALSE};
  definition_examine(category, record, fields, note_still, &still);
  const char *value = json_string_value(json_object_get(fields, key));
  if (g_str_equal(key, "retention")) value = record->retention;
  return json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)id, "code", record->code, "title", record->title, "value", value ? value : "", "why",
    kind_label(json_string_value(json_object_get(finding, "kind"))), "mended", !still.still);
}

WebReply *page_category_findings(WebRequest *request, GError **error) {
  const char *code = category_code(request), *key = web_text(request, "key");
  gboolean draft = web_flag(request, "draft");
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  json_auto_t *check = sql == NULL ? NULL : definition_check_load(sql, code, draft, error);
  if (check == NULL) return error != NULL && *error != NULL ? NULL : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有核对结果，请先核对");
  json_t *first = json_array_get(json_object_get(check, "fields"), 0);
  if (key == NULL) key = json_string_value(json_object_get(first, "key"));
  json_auto_t *row = draft ? definition_draft_load(sql, code, NULL) : NULL;
  json_auto_t *in_force = draft ? NULL : definition_in_force(sql, code, NULL);
  g_autoptr(CatalogCategory) category = definition_read(draft ? json_object_get(row, "definition") : in_force, code, error);
  const CatalogField *field = category == NULL || key == NULL ? NULL : definition_field(category, key);
  if (field == NULL) return error != NULL && *error != NULL ? NULL : throw_null(error, LANTAI_ERROR_NOT_FOUND, "这份定义中没有这一项");
  json_auto_t *findings = definition_findings(sql, json_integer_value(json_object_get(check, "id")), key, web_int(request, "after", 0), FINDINGS_SHOWN, error);
  if (findings == NULL) return NULL;
  json_t *rows = json_array(), *finding;
  gint64 hidden = 0, last = 0;
  size_t i;
  json_array_foreach(findings, i, finding) {
    json_t *shown = finding_row(sql, web_scope(request), category, key, finding);
    if (shown != NULL) json_array_append_new(rows, shown);
    hidden += shown == NULL;
    last = json_integer_value(json_object_get(finding, "id"));
  }
  json_t *model = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:I}", "title", "与定义矛盾的条目", "code", code, "name", category->title, "key", key, "label",
    field->label, "draft", draft, "rows", rows, "hidden", (json_int_t)hidden);
  if (i == FINDINGS_SHOWN) json_object_set_new(model, "next", json_integer(last));
  return web_model(model);
}
