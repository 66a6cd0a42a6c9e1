/*
 * Records against a definition: one record for the form, all of a category before a definition is put in force.
 *
 * 1. What a removed field left in records is no contradiction: it stays, and is counted.
 * 2. All records are read once by id, a chunk at a time; memory holds a chunk's findings, up to VALUES_KEPT values a field, and one record.
 * 3. A comparison names the definition it was made with (digest); for another one it counts as none.
 */
#include "definition.h"
#include "retention.h"
#include "text.h"
#include <string.h>

enum { CHUNK_RECORDS = 20000, VALUES_KEPT = 100, VALUES_SHOWN = 20, KEYS_KEPT = 1000 };
const char *const PROBLEM_NAMES[] = {"missing", "expected", "type", "value"};

/* ---- one value ---- */

static gboolean is_number(const char *text) {
  const char *at = text[0] == '-' || text[0] == '+' ? text + 1 : text;
  guint digits = 0, points = 0;
  for (; *at != '\0'; at++) {
    if (g_ascii_isdigit(*at)) digits++;
    else if (*at == '.') points++;
    else if (*at != ',' || digits == 0 || points > 0) return FALSE;
  }
  return digits > 0 && points <= 1;
}

static gboolean has_digit(const char *text) { return strpbrk(text, "0123456789") != NULL; }

static gboolean has_blank(const char *text) {
  for (; *text != '\0'; text = g_utf8_next_char(text))
    if (g_unichar_isspace(g_utf8_get_char(text))) return TRUE;
  return FALSE;
}

const char *catalog_value_problem(const CatalogField *field, const char *value) {
  DateSpan span;
  if (value == NULL || value[0] == '\0') return NULL;
  if (field->values != NULL) return g_strv_contains(field->values, value) ? NULL : "不在选项中";
  if (g_str_equal(field->type, "number")) return is_number(value) ? NULL : "不是数字";
  if (g_str_equal(field->type, "date")) return date_parse(value, &span) ? NULL : "不是能理解的日期";
  if (g_str_equal(field->type, "flag")) return g_str_equal(value, "是") || g_str_equal(value, "否") ? NULL : "应为“是”或“否”";
  if (g_str_equal(field->type, "person")) return has_digit(value) ? "人名中有数字" : NULL;
  if (g_str_equal(field->type, "body")) return strlen(value) > 200 && text_length(value) > 200 ? "机构名称超过 200 字" : NULL;
  if (g_str_equal(field->type, "code")) return has_blank(value) ? "编号中有空白" : NULL;
  return NULL;
}

/* ---- one record ---- */

static const char *common_value(const CatalogRecord *record, const char *key, json_t *fields) {
  if (g_str_equal(key, "creator")) return record->creator;
  if (g_str_equal(key, "docno")) return record->docno;
  if (g_str_equal(key, "date")) return record->date_text[0] != '\0' || record->date.from == 0 ? record->date_text : "?";
  if (g_str_equal(key, "retention")) return record->retention;
  if (g_str_equal(key, "year")) return record->year != 0 ? "?" : "";
  if (g_str_equal(key, "page_count")) return record->page_count != 0 ? "?" : "";
  const char *value = json_string_value(json_object_get(fields, key));
  return value != NULL ? value : "";
}

static void examine_list(const CatalogField *list, guint count, gboolean own, const CatalogRecord *record, json_t *fields, ProblemVisit visit, gpointer data) {
  for (guint i = 0; i < count; i++) {
    const CatalogField *field = &list[i];
    if (field->levels != 0 && (field->levels & 1u << record->level) == 0) continue;
    const char *value = own ? json_string_value(json_object_get(fields, field->key)) : common_value(record, field->key, fields);
    if (value == NULL || value[0] == '\0') {
      if (field->required || field->expected) visit(field, field->required ? PROBLEM_MISSING : PROBLEM_EXPECTED, "", data);
      continue;
    }
    gboolean checked = own || field->values != NULL;
    if (checked && catalog_value_problem(field, value) != NULL) visit(field, field->values != NULL ? PROBLEM_VALUE : PROBLEM_TYPE, value, data);
  }
}

void definition_examine(const CatalogCategory *category, const CatalogRecord *record, json_t *fields, ProblemVisit visit, gpointer data) {
  if (category == NULL || record->level < LEVEL_VOLUME) return;
  examine_list(category->common, category->common_count, FALSE, record, fields, visit, data);
  examine_list(category->fields, category->field_count, TRUE, record, fields, visit, data);
}

void record_hide(Sql *sql, const Scope *scope, CatalogRecord *record) {
  if (scope_admits_closed_fields(scope)) return;
  const Catalog *catalog = catalog_of(sql_db(sql));
  const CatalogCategory *category = catalog == NULL ? NULL : catalog_category(catalog, record->category);
  if (category == NULL) return;
  json_auto_t *fields = NULL;
  for (guint i = 0; i < category->field_count; i++) {
    if (!category->fields[i].staff) continue;
    if (fields == NULL) fields = record_fields(record);
    json_object_del(fields, category->fields[i].key);
    for (const char *const *was = category->fields[i].was; was != NULL && *was != NULL; was++) json_object_del(fields, *was);
  }
  if (fields == NULL) return;
  g_free(record->fields);
  record->fields = fields_dump(fields);
}

typedef struct {
  json_t *problems;
  const CatalogRecord *before;
  json_t *fields, *fields_before;
} Problems;

static void add_problem(const CatalogField *field, ProblemKind kind, const char *value, gpointer data) {
  Problems *all = data;
  gboolean common = common_field(field->key) != NULL;
  if (all->before != NULL) {
    const char *former = common ? common_value(all->before, field->key, all->fields_before) : json_string_value(json_object_get(all->fields_before, field->key));
    if (g_str_equal(former != NULL ? former : "", value)) return; /* it was so before */
  }
  g_autofree char *text = kind == PROBLEM_MISSING ? g_strdup_printf("“%s”必著，请填写", field->label)
    : kind == PROBLEM_EXPECTED ? g_strdup_printf("“%s”应著而没有填写", field->label)
                               : g_strdup_printf("“%s”填的是“%.200s”，%s", field->label, value, catalog_value_problem(field, value));
  if (!g_utf8_validate(text, -1, NULL)) g_clear_pointer(&text, g_free);
  json_array_append_new(all->problems, json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", field->key, "label", field->label, "value", value, "kind", PROBLEM_NAMES[kind],
    "problem", text != NULL ? text : field->label));
}

/* What is not among a category's own values was told already. */
static void add_retention(Problems *all, const Catalog *catalog, const CatalogCategory *category, const CatalogRecord *record) {
  size_t i;
  json_t *told;
  json_array_foreach(all->problems, i, told)
    if (g_strcmp0(json_string_value(json_object_get(told, "key")), "retention") == 0) return;
  if (record->level < LEVEL_VOLUME || (all->before != NULL && g_str_equal(all->before->retention, record->retention))) return;
  g_autofree char *problem = catalog_retention_problem(catalog, category, record->year, record->retention);
  if (problem == NULL) return;
  g_autofree char *text = g_strdup_printf("“保管期限”填的是“%.60s”，%s", record->retention, problem);
  if (!g_utf8_validate(text, -1, NULL)) g_clear_pointer(&text, g_free);
  json_array_append_new(all->problems, json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", "retention", "label", "保管期限", "value", record->retention, "kind",
    PROBLEM_NAMES[PROBLEM_VALUE], "problem", text != NULL ? text : problem));
}

json_t *catalog_record_problems(const Catalog *catalog, const CatalogRecord *before, const CatalogRecord *record) {
  json_auto_t *fields = record_fields(record);
  json_auto_t *fields_before = before == NULL ? NULL : record_fields(before);
  Problems all = {json_array(), before, fields, fields_before};
  const CatalogCategory *category = catalog_category(catalog, record->category);
  definition_examine(category, record, fields, add_problem, &all);
  add_retention(&all, catalog, category, record);
  return all.problems;
}

gboolean catalog_record_fits(const Catalog *catalog, const CatalogRecord *before, const CatalogRecord *record, GError **error) {
  json_auto_t *problems = catalog_record_problems(catalog, before, record);
  g_autoptr(GString) text = g_string_new(NULL);
  size_t i;
  json_t *problem;
  json_array_foreach(problems, i, problem) {
    if (g_strcmp0(json_string_value(json_object_get(problem, "kind")), PROBLEM_NAMES[PROBLEM_EXPECTED]) == 0) continue;
    g_string_append_printf(text, "%s%s", text->len > 0 ? "；" : "", json_string_value(json_object_get(problem, "problem")));
  }
  return text->len == 0 || throw(error, LANTAI_ERROR_INVALID, "%s。没有保存", text->str);
}

/* ---- all records of a category ---- */

typedef struct {
  gint64 counts[PROBLEM_VALUE + 1];
  GHashTable *values; /* a value that does not fit → how often */
} FieldTally;

typedef struct {
  const House *house;
  const CatalogCategory *category;
  GHashTable *fields;  /* CatalogField* → FieldTally */
  GHashTable *unknown; /* key that is no field → how often */
  GArray *found;       /* Found of the chunk at hand */
  gint64 record_id, records;
  gboolean open;       /* values of the record at hand may be shown to whoever sees all that is 内部 */
} Scan;
typedef struct { gint64 record_id; const char *key; ProblemKind kind; } Found;

static void tally_free(gpointer data) {
  FieldTally *tally = data;
  g_hash_table_unref(tally->values);
  g_free(tally);
}

static void count_text(GHashTable *counts, const char *text, guint limit) {
  gint64 *count = g_hash_table_lookup(counts, text);
  if (count != NULL) (*count)++;
  else if (g_hash_table_size(counts) < limit) {
    count = g_new(gint64, 1);
    *count = 1;
    g_hash_table_insert(counts, g_strdup(text), count);
  }
}

static void scan_found(const CatalogField *field, ProblemKind kind, const char *value, gpointer data) {
  Scan *scan = data;
  FieldTally *tally = g_hash_table_lookup(scan->fields, field);
  if (tally == NULL) {
    tally = g_new0(FieldTally, 1);
    tally->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(scan->fields, (gpointer)field, tally);
  }
  tally->counts[kind]++;
  if (value[0] != '\0' && scan->open) count_text(tally->values, value, VALUES_KEPT);
  Found found = {scan->record_id, field->key, kind};
  g_array_append_val(scan->found, found);
}

static void scan_record(Scan *scan, const CatalogRecord *record) {
  json_auto_t *fields = record_fields(record);
  const char *key;
  json_t *value;
  scan->record_id = record->id;
  scan->open = record->security <= SECURITY_INTERNAL;
  scan->records++;
  definition_examine(scan->category, record, fields, scan_found, scan);
  json_object_foreach(fields, key, value) {
    if (definition_field(scan->category, key) == NULL && common_field(key) == NULL) count_text(scan->unknown, key, KEYS_KEPT);
  }
}

/* A chunk of records behind `after`; returns the id to go on from, 0 at the end, -1 on error. Texts are borrowed from the row. */
static gint64 scan_chunk(Scan *scan, Sql *sql, guint8 category, gint64 after, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT r.id, r.category, r.level, r.security, r.creator, r.docno, r.date_text, r.date_from, r.year, r.page_count, r.fields, "
    "COALESCE(t.text, '') AS retention_text FROM record AS r LEFT JOIN retention_term AS t ON t.id = r.retention WHERE r.id > $1 ORDER BY r.id LIMIT $2",
    SQL_ARGS(sql_int(after), sql_int(CHUNK_RECORDS)), error);
  if (rows == NULL) return -1;
  int id = sql_column(rows, "id"), of = sql_column(rows, "category"), level = sql_column(rows, "level"), fields = sql_column(rows, "fields");
  gint64 last = 0, count = 0;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    last = sql_int_at(rows, id);
    count++;
    if (sql_int_at(rows, of) != category || sql_int_at(rows, level) < LEVEL_VOLUME) continue;
    CatalogRecord record = {.id = last, .level = sql_int_at(rows, level), .category = category, .creator = (char *)sql_get_text(rows, "creator"),
      .docno = (char *)sql_get_text(rows, "docno"), .date_text = (char *)sql_get_text(rows, "date_text"), .year = sql_get_int(rows, "year"),
      .page_count = sql_get_int(rows, "page_count"), .retention = (char *)sql_get_text(rows, "retention_text"), .fields = (char *)sql_text_at(rows, fields)};
    record.date.from = sql_get_int(rows, "date_from");
    record.security = sql_get_int(rows, "security");
    scan_record(scan, &record);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), -1;
  return count == CHUNK_RECORDS ? last : 0;
}

static gboolean keep_found(Scan *scan, Sql *sql, gint64 check, GError **error) {
  for (guint i = 0; i < scan->found->len; i++) {
    const Found *found = &g_array_index(scan->found, Found, i);
    if (!sql_exec(sql, "INSERT OR REPLACE INTO category_finding (check_id, key, record_id, kind) VALUES ($1, $2, $3, $4)",
          SQL_ARGS(sql_int(check), sql_text(found->key), sql_int(found->record_id), sql_text(PROBLEM_NAMES[found->kind])), error)) return FALSE;
  }
  g_array_set_size(scan->found, 0);
  return TRUE;
}

/* ---- the result ---- */

static int compare_counts(gconstpointer a, gconstpointer b, gpointer data) {
  const gint64 *x = g_hash_table_lookup(data, *(char *const *)a), *y = g_hash_table_lookup(data, *(char *const *)b);
  return *x != *y ? (*x < *y ? 1 : -1) : strcmp(*(char *const *)a, *(char *const *)b);
}

/* Values under a former key of a field: {key, label, was, count} beside those that stand under no key of the definition. */
static json_t *moves_json(const Scan *scan) {
  json_t *list = json_array();
  GHashTableIter at;
  gpointer key, count;
  g_hash_table_iter_init(&at, scan->unknown);
  while (g_hash_table_iter_next(&at, &key, &count)) {
    const CatalogField *field = definition_field_was(scan->category, key);
    if (field == NULL) continue;
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "key", field->key, "label", field->label, "was", (const char *)key, "count",
      (json_int_t) * (gint64 *)count));
    g_hash_table_iter_remove(&at);
  }
  return list;
}

/* [{text, count}], most frequent first. */
static json_t *counts_json(GHashTable *counts, guint limit) {
  g_autofree char **texts = (char **)g_hash_table_get_keys_as_array(counts, NULL);
  guint length = g_hash_table_size(counts);
  json_t *list = json_array();
  if (length > 0) g_qsort_with_data(texts, (int)length, sizeof *texts, compare_counts, counts);
  for (guint i = 0; i < MIN(length, limit); i++)
    json_array_append_new(list, json_pack("{s:s, s:I}", "text", texts[i], "count", (json_int_t) * (gint64 *)g_hash_table_lookup(counts, texts[i])));
  return list;
}

static void add_tallies(const Scan *scan, const CatalogField *list, guint count, json_t *rows, gint64 *ret_blocking, gint64 *ret_advised) {
  for (guint i = 0; i < count; i++) {
    const FieldTally *tally = g_hash_table_lookup(scan->fields, &list[i]);
    if (tally == NULL) continue;
    gint64 advised = tally->counts[PROBLEM_EXPECTED], blocking = tally->counts[PROBLEM_MISSING] + tally->counts[PROBLEM_TYPE] + tally->counts[PROBLEM_VALUE];
    json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:b}", "key", list[i].key, "label", list[i].label, "type_label",
      definition_type_label(list[i].type), "missing", (json_int_t)tally->counts[PROBLEM_MISSING], "expected", (json_int_t)advised, "type",
      (json_int_t)tally->counts[PROBLEM_TYPE], "value", (json_int_t)tally->counts[PROBLEM_VALUE], "blocking", (json_int_t)blocking, "values",
      counts_json(tally->values, VALUES_SHOWN), "is_choice", list[i].values != NULL));
    *ret_blocking += blocking;
    *ret_advised += advised;
  }
}

static json_t *scan_result(const Scan *scan) {
  json_t *rows = json_array();
  gint64 blocking = 0, advised = 0;
  add_tallies(scan, scan->category->common, scan->category->common_count, rows, &blocking, &advised);
  add_tallies(scan, scan->category->fields, scan->category->field_count, rows, &blocking, &advised);
  json_t *moves = moves_json(scan);
  return json_pack("{s:o, s:o, s:o, s:I, s:I}", "fields", rows, "moves", moves, "unknown", counts_json(scan->unknown, VALUES_SHOWN), "blocking",
    (json_int_t)blocking, "advised", (json_int_t)advised);
}

/* ---- the comparison ---- */

static gint64 begin_check(Sql *sql, const char *code, gboolean draft, const char *digest, GError **error) {
  gint64 old = sql_number(sql, "SELECT id FROM category_check WHERE code = $1 AND draft = $2", SQL_ARGS(sql_text(code), sql_int(draft)), 0, error);
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM category_check", SQL_NONE, 0, error);
  if (id == 0 || !sql_exec(sql, "DELETE FROM category_finding WHERE check_id = $1", SQL_ARGS(sql_int(old)), error) ||
    !sql_exec(sql, "DELETE FROM category_check WHERE id = $1", SQL_ARGS(sql_int(old)), error) ||
    !sql_exec(sql, "INSERT INTO category_check (id, code, draft, digest, at_us, state, records, result) VALUES ($1, $2, $3, $4, $5, 'running', 0, '{}')",
      SQL_ARGS(sql_int(id), sql_text(code), sql_int(draft), sql_text(digest), sql_int(clock_now_us())), error)) return 0;
  return id;
}

static gboolean end_check(Sql *sql, const Scan *scan, gint64 id, GError **error) {
  json_auto_t *result = scan_result(scan);
  g_autofree char *text = json_dumps(result, JSON_COMPACT);
  return sql_exec(sql, "UPDATE category_check SET state = 'done', records = $1, result = $2 WHERE id = $3",
    SQL_ARGS(sql_int(scan->records), sql_text(text), sql_int(id)), error);
}

static gint64 read_chunk(Scan *scan, guint8 category, gint64 after, GError **error) {
  g_autoptr(Sql) sql = sql_read(scan->house->db, error);
  return sql == NULL ? -1 : scan_chunk(scan, sql, category, after, error);
}

static gint64 start_check(const House *house, const char *code, gboolean draft, const char *digest, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  gint64 check = sql == NULL ? 0 : begin_check(sql, code, draft, digest, error);
  return check != 0 && sql_commit(sql, error) ? check : 0;
}

static gboolean run_scan(Scan *scan, Job *job, gint64 check, guint8 category, GError **error) {
  gint64 after = 0, total = 0;
  do {
    after = category == 0 ? 0 : read_chunk(scan, category, after, error);
    if (after < 0) return FALSE;
    if (after != 0 && scan->found->len == 0) continue;
    g_autoptr(Sql) sql = sql_write(scan->house->db, error);
    if (sql == NULL || !keep_found(scan, sql, check, error) || (after == 0 && !end_check(sql, scan, check, error))) return FALSE;
    total = sql_number(sql, "SELECT value FROM sequence WHERE name = 'record'", SQL_NONE, 0, NULL);
    if (!sql_commit(sql, error)) return FALSE;
    if (job != NULL) job_progress(job, after == 0 ? total : after, total, "条", "核对著录");
  } while (after != 0 && (job == NULL || !job_should_stop(job)));
  return TRUE;
}

/* The definition to compare with; NULL with error NOT_FOUND when there is none. */
static json_t *definition_to_check(const House *house, const char *code, gboolean draft, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  if (sql == NULL) return NULL;
  if (!draft) return definition_in_force(sql, code, error);
  json_auto_t *row = definition_draft_load(sql, code, error);
  return row == NULL ? NULL : json_incref(json_object_get(row, "definition"));
}

gboolean definition_check(const House *house, Job *job, const char *code, gboolean draft, GError **error) {
  json_auto_t *definition = definition_to_check(house, code, draft, error);
  if (definition == NULL) return error == NULL || *error == NULL; /* dropped meanwhile */
  g_autoptr(CatalogCategory) category = definition_read(definition, code, error);
  if (category == NULL) return FALSE;
  g_autofree char *digest = definition_digest(definition);
  Scan scan = {.house = house, .category = category};
  scan.fields = g_hash_table_new_full(NULL, NULL, NULL, tally_free);
  scan.unknown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  scan.found = g_array_new(FALSE, FALSE, sizeof(Found));
  const CatalogCategory *known = catalog_category_by_code(house->catalog, code);
  gint64 check = start_check(house, code, draft, digest, error);
  gboolean good = check != 0 && run_scan(&scan, job, check, known != NULL ? known->id : 0, error);
  g_hash_table_unref(scan.fields);
  g_hash_table_unref(scan.unknown);
  g_array_unref(scan.found);
  return good;
}

gboolean definition_check_job(const House *house, Job *job, json_t *parameters, GError **error) {
  const char *code = json_string_value(json_object_get(parameters, "code"));
  return definition_check(house, job, code ? code : "", json_is_true(json_object_get(parameters, "draft")), error);
}

json_t *definition_check_load(Sql *sql, const char *code, gboolean draft, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, digest, at_us, state, records, result FROM category_check WHERE code = $1 AND draft = $2",
    SQL_ARGS(sql_text(code), sql_int(draft)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  json_t *check = json_loads(sql_get_text(rows, "result"), 0, NULL);
  if (check == NULL) check = json_object();
  json_object_set_new(check, "id", json_integer(sql_get_int(rows, "id")));
  json_object_set_new(check, "digest", json_string(sql_get_text(rows, "digest")));
  json_object_set_new(check, "at", json_integer(sql_get_int(rows, "at_us")));
  json_object_set_new(check, "state", json_string(sql_get_text(rows, "state")));
  json_object_set_new(check, "records", json_integer(sql_get_int(rows, "records")));
  return check;
}

/* [{id, kind}] of a field, or of all,; the records have not passed a gate. */
json_t *definition_findings(Sql *sql, gint64 check_id, const char *key, gint64 after, int limit, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT record_id, kind FROM category_finding WHERE check_id = $1 AND key = $2 AND record_id > $3 "
    "ORDER BY record_id LIMIT $4", SQL_ARGS(sql_int(check_id), sql_text(key), sql_int(after), sql_int(limit)), error);
  if (rows == NULL) return NULL;
  json_auto_t *list = json_array();
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local))
    json_array_append_new(list, json_pack("{s:I, s:s}", "id", (json_int_t)sql_get_int(rows, "record_id"), "kind", sql_get_text(rows, "kind")));
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return g_steal_pointer(&list);
}
