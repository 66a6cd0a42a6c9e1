/*
 * Drafts and versions of definitions: a draft is kept, compared with the records, and becomes the definition in force.
 *
 * 1. Putting in force changes no record. Version, table, event "category.change" and the end of the draft are one transaction; memory, the search's fields and
 *    the file in DIR/definitions follow its commit.
 * 2. The event tells the definition whole, and of version 2 also what was there before, so that a rebuild has every version.
 * 3. A draft is working data and in no event.
 */
#include "crypto.h"
#include "definition.h"
#include "error.h"
#include "json.h"
#include <string.h>

char *definition_digest(json_t *definition) {
  g_autofree char *text = json_dumps(definition, JSON_SORT_KEYS | JSON_COMPACT);
  return crypto_digest_hex(DIGEST_SM3, text, strlen(text));
}

static json_t *stored_json(char *text) {
  g_autofree char *owned = text;
  return owned == NULL ? NULL : json_loads(owned, 0, NULL);
}

json_t *definition_in_force(Sql *sql, const char *code, GError **error) {
  return stored_json(sql_string(sql, "SELECT definition FROM category WHERE code = $1", SQL_ARGS(sql_text(code)), error));
}

json_t *definition_version(Sql *sql, guint8 category, gint64 version, GError **error) {
  return stored_json(sql_string(sql, "SELECT definition FROM category_version WHERE category = $1 AND version = $2", SQL_ARGS(sql_int(category), sql_int(version)),
    error));
}

json_t *definition_versions(Sql *sql, guint8 category, GError **error) {
  return sql_json(sql, "SELECT version, at_us, actor, note, contradictions FROM category_version WHERE category = $1 ORDER BY version DESC",
    SQL_ARGS(sql_int(category)), error);
}

static gint64 version_now(Sql *sql, const char *code, GError **error) {
  return sql_number(sql, "SELECT COALESCE(MAX(v.version), 0) AS version FROM category_version AS v JOIN category AS c ON c.id = v.category WHERE c.code = $1",
    SQL_ARGS(sql_text(code)), 0, error);
}

/* ---- drafts ---- */

json_t *definition_draft_load(Sql *sql, const char *code, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT definition, base, actor, at_us, origin FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(code)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  return json_pack("{s:o, s:I, s:s, s:I, s:s}", "definition", json_loads(sql_get_text(rows, "definition"), 0, NULL), "base",
    (json_int_t)sql_get_int(rows, "base"), "actor", sql_get_text(rows, "actor"), "at", (json_int_t)sql_get_int(rows, "at_us"), "origin",
    sql_get_text(rows, "origin"));
}

gboolean definition_draft_save(const House *house, Sql *sql, const char *actor, const char *code, json_t *definition, const char *origin, GError **error) {
  g_autoptr(CatalogCategory) category = definition_read(definition, code, error);
  if (category == NULL) return FALSE;
  if (!g_str_equal(category->code, code)) return throw(error, LANTAI_ERROR_INVALID, "门类代码是 %s，不能改成 %s。要新的代码，请新建门类", code, category->code);
  if (!definition_agrees(house->catalog, category, error)) return FALSE;
  g_autofree char *text = json_dumps(definition, JSON_SORT_KEYS | JSON_COMPACT);
  g_autoptr(GError) local = NULL;
  gint64 base = version_now(sql, code, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return sql_exec(sql, "INSERT INTO category_draft (code, definition, base, actor, at_us, origin) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (code) DO UPDATE SET "
    "definition = excluded.definition, base = excluded.base, actor = excluded.actor, at_us = excluded.at_us, origin = excluded.origin",
    SQL_ARGS(sql_text(code), sql_text(text), sql_int(base), sql_text(actor), sql_int(clock_now_us()), sql_text(origin)), error);
}

gboolean definition_draft_drop(Sql *sql, const char *code, GError **error) {
  return sql_exec(sql, "DELETE FROM category_finding WHERE check_id IN (SELECT id FROM category_check WHERE code = $1 AND draft = 1)", SQL_ARGS(sql_text(code)), error) &&
    sql_exec(sql, "DELETE FROM category_check WHERE code = $1 AND draft = 1", SQL_ARGS(sql_text(code)), error) &&
    sql_exec(sql, "DELETE FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(code)), error);
}

/* ---- in force ---- */

typedef struct {
  Catalog *catalog;
  Search *search;
  CatalogCategory *category;
  guint8 id;
  char *path, *yaml;
} Enforced;

static void enforced_free(gpointer data) {
  Enforced *enforced = data;
  definition_free(enforced->category);
  g_free(enforced->path);
  g_free(enforced->yaml);
  g_free(enforced);
}

static void enforced_committed(gpointer data) {
  Enforced *enforced = data;
  definition_install(enforced->catalog, g_steal_pointer(&enforced->category), enforced->id);
  json_auto_t *labels = catalog_field_labels(enforced->catalog);
  search_set_fields(enforced->search, labels);
  g_autoptr(GError) local = NULL;
  if (enforced->path != NULL && !g_file_set_contents(enforced->path, enforced->yaml, -1, &local))
    g_warning("门类定义已启用，但不能写入文件 %s：%s", enforced->path, local->message);
}

/* The rows of a version, and what follows the commit. The definition has its id. */
static gboolean install_version(const House *house, Sql *sql, json_t *definition, json_t *row, GError **error) {
  const char *code = json_string_value(json_object_get(definition, "code"));
  gint64 id = json_integer_value(json_object_get(definition, "id")), version = json_integer_value(json_object_get(row, "version"));
  g_autoptr(CatalogCategory) category = definition_read(definition, code ? code : "", error);
  if (category == NULL) return FALSE;
  g_autofree char *text = json_dumps(definition, JSON_SORT_KEYS | JSON_COMPACT);
  if (!sql_exec(sql, "INSERT INTO category (id, code, definition) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET definition = excluded.definition",
        SQL_ARGS(sql_int(id), sql_text(category->code), sql_text(text)), error) ||
    !sql_exec(sql, "INSERT OR REPLACE INTO category_version (category, version, at_us, actor, note, contradictions, definition) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)", SQL_ARGS(sql_int(id), sql_int(version), sql_int(json_integer_value(json_object_get(row, "at"))),
        sql_text(json_string_value(json_object_get(row, "actor"))), sql_text(json_string_value(json_object_get(row, "note"))),
        sql_int(json_integer_value(json_object_get(row, "contradictions"))), sql_text(text)), error)) return FALSE;
  Enforced *enforced = g_new0(Enforced, 1);
  *enforced = (Enforced){house->catalog, house->search, NULL, (guint8)id, definition_path(house->catalog, category->code), definition_yaml(definition)};
  enforced->category = g_steal_pointer(&category);
  sql_on_commit(sql, enforced_committed, enforced, enforced_free);
  return TRUE;
}

static gboolean may_enforce(Sql *sql, const char *code, json_t *draft, json_t *check, gint64 version, gboolean accept, GError **error) {
  g_autofree char *digest = definition_digest(json_object_get(draft, "definition"));
  if (json_integer_value(json_object_get(draft, "base")) != version)
    return throw(error, LANTAI_ERROR_CONFLICT, "起草以后，另一份定义已经启用。请打开草稿，核对与现行定义的差别后重新保存");
  if (check == NULL || g_strcmp0(json_string_value(json_object_get(check, "state")), "done") != 0 ||
    g_strcmp0(json_string_value(json_object_get(check, "digest")), digest) != 0)
    return throw(error, LANTAI_ERROR_CONFLICT, "草稿还没有与已有条目核对完，请稍候再启用");
  gint64 blocking = json_integer_value(json_object_get(check, "blocking"));
  return blocking == 0 || accept ||
    throw(error, LANTAI_ERROR_CONFLICT, "有 %" G_GINT64_FORMAT " 处已有著录与这份定义矛盾，没有启用。请先改正这些条目或定义；也可以选“只对新著录启用”", blocking);
}

/* Values that a closed field leaves behind would be open to everybody: it stays, is renamed (was), or its values are moved or cleared before it goes. */
static gboolean leaves_nothing_closed(const CatalogCategory *now, const CatalogCategory *next, json_t *check, GError **error) {
  size_t i;
  json_t *left;
  json_array_foreach(json_object_get(check, "unknown"), i, left) {
    const char *key = json_string_value(json_object_get(left, "text"));
    const CatalogField *field = now == NULL ? NULL : definition_field(now, key);
    if (field == NULL && now != NULL) field = definition_field_was(now, key);
    if (field == NULL || !field->staff || definition_field_was(next, key) != NULL) continue;
    return throw(error, LANTAI_ERROR_CONFLICT, "“%s”（%s）是不公开的项，还有 %" JSON_INTEGER_FORMAT " 条填着它，删去以后这些值就公开了，没有启用。"
      "请保留它，或写成新项的旧名（was），或先把值移走、清空", field->label, key, json_integer_value(json_object_get(left, "count")));
  }
  return TRUE;
}

/* The comparison with the draft becomes the list left to do. */
static gboolean keep_check(Sql *sql, const char *code, GError **error) {
  return sql_exec(sql, "DELETE FROM category_finding WHERE check_id IN (SELECT id FROM category_check WHERE code = $1 AND draft = 0)", SQL_ARGS(sql_text(code)), error) &&
    sql_exec(sql, "DELETE FROM category_check WHERE code = $1 AND draft = 0", SQL_ARGS(sql_text(code)), error) &&
    sql_exec(sql, "UPDATE category_check SET draft = 0 WHERE code = $1 AND draft = 1", SQL_ARGS(sql_text(code)), error);
}

/* The row of the version that the draft becomes, with the definition; NULL: it may not. */
static json_t *enforceable(const House *house, Sql *sql, const DefinitionOrder *order, CatalogCategory **ret_category, GError **error) {
  g_autoptr(GError) local = NULL;
  const char *code = order->code;
  json_auto_t *draft = definition_draft_load(sql, code, &local);
  json_auto_t *check = local != NULL ? NULL : definition_check_load(sql, code, TRUE, &local);
  gint64 version = local != NULL ? 0 : version_now(sql, code, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (draft == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有门类 %s 的草稿", code);
  if (!may_enforce(sql, code, draft, check, version, order->accept, error)) return NULL;
  json_t *definition = json_object_get(draft, "definition");
  g_autoptr(CatalogCategory) category = definition_read(definition, code, error);
  if (category == NULL || !definition_agrees(house->catalog, category, error)) return NULL;
  guint8 id = definition_id(house->catalog, code, category->id);
  if (id != 0 && !leaves_nothing_closed(catalog_category(house->catalog, id), category, check, error)) return NULL;
  if (id == 0) return throw_null(error, LANTAI_ERROR_INVALID, "门类已满 255 个");
  json_object_set_new(definition, "id", json_integer(id));
  json_t *row = json_pack("{s:s, s:I, s:I, s:s, s:s, s:O, s:O}", "code", code, "version", (json_int_t)version + 1, "at", (json_int_t)clock_now_us(), "actor",
    order->actor, "note", order->note ? order->note : "", "contradictions", json_object_get(check, "blocking"), "definition", definition);
  json_auto_t *first = version == 1 ? definition_in_force(sql, code, error) : NULL;
  if (first != NULL) json_object_set(row, "first", first);
  category->id = id;
  *ret_category = g_steal_pointer(&category);
  return row;
}

gboolean definition_may_enforce(const House *house, Sql *sql, const DefinitionOrder *order, gboolean *ret_moves, GError **error) {
  g_autoptr(CatalogCategory) category = NULL;
  json_auto_t *row = enforceable(house, sql, order, &category, error);
  if (row == NULL) return FALSE;
  const CatalogCategory *now = catalog_category(house->catalog, category->id);
  *ret_moves = now != NULL && !g_str_equal(now->closed, category->closed);
  return TRUE;
}

gboolean definition_enforce(const House *house, Sql *sql, const DefinitionOrder *order, GError **error) {
  g_autoptr(CatalogCategory) category = NULL;
  json_auto_t *row = enforceable(house, sql, order, &category, error);
  if (row == NULL) return FALSE;
  return closing_enforced(house, sql, catalog_category(house->catalog, category->id), category, order->later, error) &&
    install_version(house, sql, json_object_get(row, "definition"), row, error) && keep_check(sql, order->code, error) &&
    sql_exec(sql, "DELETE FROM category_draft WHERE code = $1", SQL_ARGS(sql_text(order->code)), error) &&
    journal_append(sql, order->actor, "category.change", "category", category->id, row, error) != 0;
}

void definition_settle(const House *house) {
  g_autoptr(GError) local = NULL;
  if (!search_optimize(house->search, &local)) g_warning("门类定义已启用，检索索引还没有整理好：%s", local->message);
}

/* It was put in force before the program died; the draft that is there now came afterwards. draft NULL: none is. */
static gboolean done_before(Sql *sql, const DefinitionOrder *order, gint64 ordered, json_t *draft, GError **error) {
  return draft == NULL || sql_number(sql, "SELECT 1 AS found FROM category_version AS v JOIN category AS c ON c.id = v.category "
    "WHERE c.code = $1 AND v.at_us BETWEEN $2 AND $3 AND v.actor = $4 AND v.note = $5", SQL_ARGS(sql_text(order->code), sql_int(ordered),
    sql_int(int_at(draft, "at")), sql_text(order->actor), sql_text(order->note ? order->note : "")), 0, error) == 1;
}

/* ret_next NULL: it is done. */
static gboolean next_ordered(const House *house, Sql *sql, const DefinitionOrder *order, gint64 ordered, CatalogCategory **ret_next, GError **error) {
  g_autoptr(GError) local = NULL;
  json_auto_t *draft = definition_draft_load(sql, order->code, &local);
  gboolean other = local == NULL && (draft == NULL || int_at(draft, "at") != ordered), done = other && done_before(sql, order, ordered, draft, &local);
  *ret_next = NULL;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (done) return TRUE;
  if (other) return throw(error, LANTAI_ERROR_CONFLICT, "门类 %s 的草稿在排队时改过，没有启用，请看过新的草稿再启用", order->code);
  json_auto_t *row = enforceable(house, sql, order, ret_next, error);
  return row != NULL;
}

/* What the definition closes is closed in slices, then it is put in force. */
static gboolean enforce_ordered(const House *house, Job *job, const DefinitionOrder *order, gint64 ordered, gboolean *ret_stopped, GError **error) {
  g_autoptr(Sql) sql = sql_read(house->db, error);
  g_autoptr(CatalogCategory) next = NULL, again = NULL;
  if (sql == NULL || !next_ordered(house, sql, order, ordered, &next, error)) return FALSE;
  g_clear_pointer(&sql, sql_end);
  const CatalogCategory *now = next == NULL ? NULL : catalog_category(house->catalog, next->id);
  g_autofree char *both = now == NULL ? NULL : closing_both(now, next);
  if (now != NULL && !closing_move(house, now->id, both, job, ret_stopped, error)) return FALSE;
  if (next == NULL || *ret_stopped) return TRUE;
  sql = sql_write(house->db, error);
  if (sql == NULL || !next_ordered(house, sql, order, ordered, &again, error)) return FALSE;
  return again == NULL || (definition_enforce(house, sql, order, error) && sql_commit(sql, error));
}

gboolean definition_enforce_job(const House *house, Job *job, json_t *parameters, GError **error) {
  const char *code = json_string_value(json_object_get(parameters, "code")), *note = json_string_value(json_object_get(parameters, "note"));
  const DefinitionOrder order = {job_actor(job), code ? code : "", note, json_is_true(json_object_get(parameters, "accept")), TRUE};
  gboolean stopped = FALSE;
  g_autoptr(GError) settling = NULL;
  gboolean good = enforce_ordered(house, job, &order, int_at(parameters, "draft"), &stopped, error);
  if (stopped) return TRUE;
  const CatalogCategory *category = catalog_category_by_code(house->catalog, order.code);
  if (category != NULL && !closing_move(house, category->id, category->closed, job, &stopped, &settling)) { /* in force or refused: the index goes with what is */
    if (good) g_propagate_error(error, g_steal_pointer(&settling));
    return FALSE;
  }
  if (good && !stopped) definition_settle(house);
  return good || stopped;
}

gboolean catalog_category_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  json_t *data = json_object_get(event, "data"), *definition = json_object_get(data, "definition"), *first = json_object_get(data, "first");
  const char *code = json_string_value(json_object_get(data, "code"));
  gint64 id = json_integer_value(json_object_get(definition, "id"));
  const CatalogCategory *known = catalog_category_by_code(house->catalog, code);
  if (code == NULL || id < 1 || id > 255 || (known != NULL ? known->id != id : catalog_category(house->catalog, (guint8)id) != NULL))
    return throw(error, LANTAI_ERROR_INVALID, "日志中的门类定义与现有门类的编号不符，无法重建");
  if (first != NULL) {
    g_autofree char *text = json_dumps(first, JSON_SORT_KEYS | JSON_COMPACT);
    if (!sql_exec(sql, "UPDATE category_version SET definition = $1 WHERE category = $2 AND version = 1", SQL_ARGS(sql_text(text), sql_int(id)), error)) return FALSE;
  }
  g_autoptr(CatalogCategory) category = definition_read(definition, code, error);
  gboolean differs = category != NULL && known != NULL && !g_str_equal(known->closed, category->closed);
  if (category == NULL || (differs && !search_outdate(house->search, sql, error))) return FALSE; /* the index is made anew behind the last event */
  return install_version(house, sql, definition, data, error);
}
