/*
 * A record in memory: from a row, through the gate, to JSON and back.
 *
 * 1. Loading for a user passes scope_admits; what is not admitted is told as not found.
 * 2. `fields` is canonical: an object of texts, keys sorted, without empty values, so that equal descriptions are equal bytes.
 */
#include "definition.h"
#include <string.h>

enum { FIELDS_MAX_BYTES = 1 << 20, PATH_MAX_DEPTH = 16 };

/* ---- memory ---- */

CatalogRecord *catalog_record_new(void) {
  CatalogRecord *record = g_new0(CatalogRecord, 1);
  record->level = LEVEL_ITEM;
  char **texts[] = {&record->code, &record->title, &record->creator, &record->docno, &record->date_text, &record->retention};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) *texts[i] = g_strdup("");
  record->fields = g_strdup("{}");
  record->former = g_strdup("");
  return record;
}

CatalogRecord *catalog_record_dup(const CatalogRecord *record) {
  CatalogRecord *copy = g_memdup2(record, sizeof *record);
  char **texts[] = {&copy->code, &copy->title, &copy->creator, &copy->docno, &copy->date_text, &copy->retention, &copy->fields, &copy->former};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) *texts[i] = g_strdup(*texts[i]);
  return copy;
}

void catalog_record_free(CatalogRecord *record) {
  if (record == NULL) return;
  char *texts[] = {record->code, record->title, record->creator, record->docno, record->date_text, record->retention, record->fields, record->former};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) g_free(texts[i]);
  g_free(record);
}

json_t *record_fields(const CatalogRecord *record) {
  json_t *fields = strlen(record->fields) > FIELDS_MAX_BYTES ? NULL : json_loads(record->fields, 0, NULL);
  if (json_is_object(fields)) return fields;
  json_decref(fields);
  return json_object();
}

char *fields_dump(json_t *fields) {
  json_auto_t *kept = json_object();
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    if (json_string_length(value) > 0) json_object_set(kept, key, value);
  }
  char *text = json_dumps(kept, JSON_SORT_KEYS | JSON_COMPACT);
  char *owned = g_strdup(text);
  free(text);
  return owned;
}

/* ---- rows ---- */

RecordRow record_row(SqlRows *rows) {
  return (RecordRow){
    .id = sql_column(rows, "id"), .rev = sql_column(rows, "rev"), .parent_id = sql_column(rows, "parent_id"), .fonds_id = sql_column(rows, "fonds_id"),
    .accession_id = sql_column(rows, "accession_id"), .level = sql_column(rows, "level"), .category = sql_column(rows, "category"),
    .security = sql_column(rows, "security"), .opening = sql_column(rows, "opening"), .code = sql_column(rows, "code"), .title = sql_column(rows, "title"),
    .creator = sql_column(rows, "creator"), .docno = sql_column(rows, "docno"), .date_text = sql_column(rows, "date_text"),
    .date_from = sql_column(rows, "date_from"), .date_to = sql_column(rows, "date_to"), .year = sql_column(rows, "year"),
    .retention = sql_column(rows, "retention_text"), .page_count = sql_column(rows, "page_count"), .file_count = sql_column(rows, "file_count"),
    .fields = sql_column(rows, "fields"), .former = sql_column(rows, "former"),
  };
}

CatalogRecord *record_at(SqlRows *rows, const RecordRow *row) {
  CatalogRecord *record = g_new0(CatalogRecord, 1);
  record->id = sql_int_at(rows, row->id);
  record->rev = sql_int_at(rows, row->rev);
  record->parent_id = sql_int_at(rows, row->parent_id);
  record->fonds_id = sql_int_at(rows, row->fonds_id);
  record->accession_id = sql_int_at(rows, row->accession_id);
  record->level = sql_int_at(rows, row->level);
  record->category = sql_int_at(rows, row->category);
  record->security = sql_int_at(rows, row->security);
  record->opening = sql_int_at(rows, row->opening);
  record->code = g_strdup(sql_text_at(rows, row->code));
  record->title = g_strdup(sql_text_at(rows, row->title));
  record->creator = g_strdup(sql_text_at(rows, row->creator));
  record->docno = g_strdup(sql_text_at(rows, row->docno));
  record->date_text = g_strdup(sql_text_at(rows, row->date_text));
  record->date = (DateSpan){sql_int_at(rows, row->date_from), sql_int_at(rows, row->date_to)};
  record->year = sql_int_at(rows, row->year);
  record->retention = g_strdup(sql_text_at(rows, row->retention));
  record->page_count = sql_int_at(rows, row->page_count);
  record->file_count = sql_int_at(rows, row->file_count);
  record->fields = g_strdup(sql_text_at(rows, row->fields));
  record->former = g_strdup(sql_text_at(rows, row->former));
  return record;
}

static CatalogRecord *record_first(SqlRows *rows, GError **error) {
  g_autoptr(GError) local = NULL;
  if (!sql_next(rows, &local)) {
    if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
    return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有找到这件档案。它可能已被删除，或不在您的利用范围内");
  }
  RecordRow row = record_row(rows);
  return record_at(rows, &row);
}

CatalogRecord *record_by_id(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.id = $1", SQL_ARGS(sql_int(id)), error);
  return rows == NULL ? NULL : record_first(rows, error);
}

/* ---- the gate ---- */

static gboolean admits(const Scope *scope, const CatalogRecord *record) {
  return scope_admits(scope, record->level, record->fonds_id, record->security, record->opening);
}

static CatalogRecord *through_gate(Sql *sql, const Scope *scope, CatalogRecord *taken, GError **error) {
  g_autoptr(CatalogRecord) record = taken;
  if (record == NULL) return NULL;
  if (!admits(scope, record)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有找到这件档案。它可能已被删除，或不在您的利用范围内");
  record_hide(sql, scope, record);
  return g_steal_pointer(&record);
}

CatalogRecord *catalog_record_load(Sql *sql, const Scope *scope, gint64 id, GError **error) { return through_gate(sql, scope, record_by_id(sql, id, error), error); }

CatalogRecord *catalog_record_by_code(Sql *sql, const Scope *scope, gint64 fonds_id, const char *code, GError **error) {
  if (fonds_id != 0) {
    g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.code = $1 AND r.fonds_id = $2", SQL_ARGS(sql_text(code), sql_int(fonds_id)), error);
    return rows == NULL ? NULL : through_gate(sql, scope, record_first(rows, error), error);
  }
  g_autoptr(SqlRows) rows = sql_query(sql, RECORD_SELECT "WHERE r.code = $1 ORDER BY r.fonds_id", SQL_ARGS(sql_text(code)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GError) local = NULL;
  RecordRow row = record_row(rows);
  while (sql_next(rows, &local)) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (admits(scope, record)) return through_gate(sql, scope, g_steal_pointer(&record), error);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有找到档号为“%s”的档案。请核对档号，或它不在您的利用范围内", code);
}

GPtrArray *catalog_records(Sql *sql, const Scope *scope, const gint64 *ids, gsize count, GError **error) {
  g_autoptr(GPtrArray) records = g_ptr_array_new_full(count, (GDestroyNotify)catalog_record_free);
  for (gsize i = 0; i < count; i++) {
    g_autoptr(GError) local = NULL;
    CatalogRecord *record = catalog_record_load(sql, scope, ids[i], &local);
    if (record != NULL) g_ptr_array_add(records, record);
    else if (!g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  }
  return g_steal_pointer(&records);
}

/* Without a scope: who may see the record may see an ancestor that is held no tighter. */
static gboolean ancestor_admitted(const Scope *scope, const CatalogRecord *ancestor, const CatalogRecord *record) {
  if (scope != NULL) return admits(scope, ancestor);
  if (ancestor->level <= LEVEL_CLASS) return TRUE;
  return ancestor->security <= record->security && (ancestor->opening == record->opening || ancestor->opening == OPENING_OPEN);
}

json_t *record_path(Sql *sql, const Scope *scope, const CatalogRecord *record, GError **error) {
  json_auto_t *path = json_array();
  gint64 id = record->parent_id;
  for (guint depth = 0; id != 0 && depth < PATH_MAX_DEPTH; depth++) {
    g_autoptr(CatalogRecord) ancestor = record_by_id(sql, id, error);
    if (ancestor == NULL) return NULL;
    gboolean admitted = ancestor_admitted(scope, ancestor, record);
    json_array_insert_new(path, 0, json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)ancestor->id, "level",
      level_name(ancestor->level), "level_label", level_label(ancestor->level),
      "code", ancestor->code, "title", admitted ? ancestor->title : "", "admitted", admitted));
    id = ancestor->parent_id;
  }
  return g_steal_pointer(&path);
}

json_t *catalog_record_path(Sql *sql, const CatalogRecord *record, GError **error) { return record_path(sql, NULL, record, error); }

/* ---- JSON of the API and of metadata.json ---- */

const char *level_name(Level level) {
  static const char *const names[] = {"", "fonds", "class", "volume", "item"};
  return level <= LEVEL_ITEM ? names[level] : "";
}

const char *opening_name(Opening opening) {
  static const char *const names[] = {"unreviewed", "open", "controlled", "deferred"};
  return opening <= OPENING_DEFERRED ? names[opening] : "";
}

const char *security_name(Security security) {
  static const char *const names[] = {"public", "internal", "secret", "confidential", "top"};
  return security <= SECURITY_TOP ? names[security] : "";
}

static json_t *fields_list(const Catalog *catalog, const CatalogCategory *category, const CatalogRecord *record) {
  json_t *list = json_array();
  json_auto_t *fields = record_fields(record);
  for (guint i = 0; category != NULL && i < category->field_count; i++) {
    const char *value = json_string_value(json_object_get(fields, category->fields[i].key));
    if (value == NULL) continue;
    json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "key", category->fields[i].key, "label", category->fields[i].label, "value", value));
    json_object_del(fields, category->fields[i].key);
  }
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) {
    const char *label = field_label_former(catalog, category, key);
    if (json_is_string(value)) json_array_append_new(list, json_pack("{s:s, s:s, s:O}", "key", key, "label", label, "value", value));
  }
  return list;
}

json_t *catalog_record_json(const Catalog *catalog, const CatalogRecord *record) {
  static const char *const opening_tone[] = {"muted", "ok", "bad", "warn"};
  const CatalogCategory *category = catalog_category(catalog, record->category);
  g_autofree char *iso = date_format(record->date);
  json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I}", "id", (json_int_t)record->id, "rev", (json_int_t)record->rev, "parent_id",
    (json_int_t)record->parent_id,
    "fonds_id", (json_int_t)record->fonds_id, "accession_id", (json_int_t)record->accession_id);
  json_t *texts = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "level", level_name(record->level), "level_label", level_label(record->level),
    "code",
    record->code, "title", record->title, "creator", record->creator, "docno", record->docno, "date", record->date_text[0] != '\0' ? record->date_text : iso,
    "date_iso", iso, "retention", record->retention);
  json_t *state = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "security", security_name(record->security), "security_label", security_label(record->security),
    "security_tone", record->security >= SECURITY_SECRET ? "bad" : record->security == SECURITY_INTERNAL ? "warn" : "muted", "opening",
    opening_name(record->opening), "opening_label", opening_label(record->opening), "opening_tone",
    record->opening <= OPENING_DEFERRED ? opening_tone[record->opening] : "muted");
  json_t *numbers = json_pack("{s:i, s:i, s:i, s:i, s:i}", "date_from", record->date.from, "date_to", record->date.to, "year", record->year, "page_count",
    record->page_count, "file_count", record->file_count);
  json_object_update_missing_new(json, texts);
  json_object_update_missing_new(json, state);
  json_object_update_missing_new(json, numbers);
  if (category != NULL)
    json_object_set_new(json, "category", json_pack("{s:i, s:s, s:s}", "id", category->id, "code", category->code, "title", category->title));
  json_object_set_new(json, "fields", fields_list(catalog, category, record));
  return json;
}

/* ---- for rooms that know no records ---- */

static gboolean search_text_brief(Sql *sql, gint64 id, SearchText *ret) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT title, creator, docno, code FROM record WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
  if (rows == NULL || !sql_next(rows, NULL)) return FALSE;
  *ret = (SearchText){g_strdup(sql_text_at(rows, 0)), g_strdup(sql_text_at(rows, 1)), g_strdup(sql_text_at(rows, 2)), NULL, g_strdup(sql_text_at(rows, 3)), TRUE};
  return TRUE;
}

gboolean catalog_search_text(Sql *sql, gint64 id, SearchText *ret, gpointer unused) {
  if (ret->brief) return search_text_brief(sql, id, ret);
  g_autoptr(SqlRows) rows = sql_query(sql,
    "SELECT title, creator, docno, category, fields, code, COALESCE((SELECT GROUP_CONCAT(code, CHAR(10)) FROM record_code_former WHERE record_id = $1), '') AS former "
    "FROM record WHERE id = $1", SQL_ARGS(sql_int(id)), NULL);
  if (rows == NULL || !sql_next(rows, NULL)) return FALSE;
  const CatalogRecord record = {.id = id, .category = (guint8)sql_get_int(rows, "category"), .fields = (char *)sql_get_text(rows, "fields"),
    .former = (char *)sql_get_text(rows, "former")};
  GString *lines = g_string_sized_new(256);
  g_autoptr(GString) closed = g_string_new(NULL);
  const Catalog *catalog = catalog_of(sql_db(sql));
  record_lines(catalog == NULL ? "" : closing_keys(sql, catalog_category(catalog, record.category), id), &record, lines, closed);
  *ret = (SearchText){g_strdup(sql_get_text(rows, "title")), g_strdup(sql_get_text(rows, "creator")), g_strdup(sql_get_text(rows, "docno")),
    g_string_free(lines, FALSE), g_strdup(sql_get_text(rows, "code")), FALSE, g_string_free(g_steal_pointer(&closed), FALSE)};
  return TRUE;
}

json_t *catalog_fonds_list(const House *house, Sql *sql, GError **error) {
  return sql_json(sql, "SELECT id, code, title FROM record WHERE level = 1 ORDER BY code", SQL_NONE, error);
}
