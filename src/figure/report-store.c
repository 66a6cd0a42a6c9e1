/*
 * Templates of reports and reports in the making: what the database holds, what is in memory, what the journal tells.
 *
 * 1. A template in memory lives until the end, also after a newer version came, so readers take no lock for what they borrowed.
 * 2. A file of definitions/reports is read when its bytes differ from those that were read last; what was changed on the page stays until then.
 * 3. Every event holds the row as it is afterwards; a replay writes it.
 */
#include "crypto.h"
#include "error.h"
#include "journal.h"
#include "report-internal.h"
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>


const char *const REPORT_STATE_LABELS[] = {"拟稿", "科室审核", "分管领导审核", "签发", "已定稿"};
const char *const REPORT_STATE_PERMISSIONS[] = {"report.edit", "report.review", "report.approve", "report.approve", ""};

/* ---- templates in memory ---- */

static GMutex lock;
static GHashTable *by_name, *by_id; /* json_t, borrowed from kept */
static GPtrArray *kept;

/* definition is given; its id is put into it. */
static void install(gint64 id, json_t *definition) {
  json_t *former;
  size_t i;
  json_object_set_new(definition, "id", json_integer(id));
  g_mutex_lock(&lock);
  g_ptr_array_add(kept, definition);
  json_array_foreach(json_object_get(definition, "was"), i, former) {
    const char *name = json_string_value(former);
    if (name && !g_hash_table_contains(by_name, name)) g_hash_table_insert(by_name, (gpointer)name, definition);
  }
  g_hash_table_insert(by_name, (gpointer)text_at(definition, "name"), definition);
  gint64 *key = g_new(gint64, 1);
  *key = id;
  g_hash_table_insert(by_id, key, definition);
  g_mutex_unlock(&lock);
}

json_t *report_definition(const char *name) {
  g_mutex_lock(&lock);
  json_t *definition = by_name ? g_hash_table_lookup(by_name, name) : NULL;
  g_mutex_unlock(&lock);
  return definition;
}

json_t *report_definition_of(gint64 id) {
  g_mutex_lock(&lock);
  json_t *definition = by_id ? g_hash_table_lookup(by_id, &id) : NULL;
  g_mutex_unlock(&lock);
  return definition;
}

static int by_number(gconstpointer a, gconstpointer b) { return int_at(*(json_t *const *)a, "id") < int_at(*(json_t *const *)b, "id") ? -1 : 1; }

json_t *report_names(void) {
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  GHashTableIter at;
  gpointer definition;
  g_mutex_lock(&lock);
  if (by_id) g_hash_table_iter_init(&at, by_id);
  while (by_id && g_hash_table_iter_next(&at, NULL, &definition)) g_ptr_array_add(all, definition);
  g_mutex_unlock(&lock);
  g_ptr_array_sort(all, by_number);
  json_t *names = json_array();
  for (guint i = 0; i < all->len; i++) json_array_append(names, json_object_get(g_ptr_array_index(all, i), "name"));
  return names;
}

/* ---- putting a template in force ---- */

typedef struct { gint64 id; json_t *definition; } Installed;

static void install_committed(gpointer data) {
  Installed *installed = data;
  install(installed->id, g_steal_pointer(&installed->definition));
}

static void installed_free(gpointer data) {
  Installed *installed = data;
  json_decref(installed->definition);
  g_free(installed);
}

static gboolean put_template(Sql *sql, const char *actor, gint64 id, json_t *definition, gint64 at_us, const char *source, GError **error) {
  json_auto_t *clean = json_deep_copy(definition);
  json_object_del(clean, "id");
  g_autofree char *dump = json_dumps(clean, JSON_COMPACT | JSON_SORT_KEYS);
  if (!sql_exec(sql, "INSERT INTO report_template (id, name, version, definition, source, changed_by, changed_at) VALUES ($1, $2, 1, $3, $4, $5, $6) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = report_template.version + 1, definition = excluded.definition, "
        "source = CASE WHEN excluded.source = '' THEN report_template.source ELSE excluded.source END, changed_by = excluded.changed_by, "
        "changed_at = excluded.changed_at",
        SQL_ARGS(sql_int(id), sql_text(text_at(clean, "name")), sql_text(dump), sql_text(source), sql_text(actor), sql_int(at_us)), error)) return FALSE;
  Installed *installed = g_new0(Installed, 1);
  *installed = (Installed){id, json_incref(clean)};
  sql_on_commit(sql, install_committed, installed, installed_free);
  return TRUE;
}

static gint64 template_id(Sql *sql, json_t *definition) {
  gint64 id = sql_number(sql, "SELECT id FROM report_template WHERE name = $1", SQL_ARGS(sql_text(text_at(definition, "name"))), 0, NULL);
  json_t *former;
  size_t i;
  json_array_foreach(json_object_get(definition, "was"), i, former) {
    if (id == 0 && json_is_string(former))
      id = sql_number(sql, "SELECT id FROM report_template WHERE name = $1", SQL_ARGS(sql_text(json_string_value(former))), 0, NULL);
  }
  return id ? id : sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM report_template", SQL_NONE, 0, NULL);
}

static gboolean define(Sql *sql, const char *actor, json_t *definition, const char *source, GError **error) {
  json_auto_t *faults = report_definition_faults(definition);
  json_t *first = json_array_get(faults, 0);
  g_autofree char *place = int_at(first, "line") ? g_strdup_printf("第 %d 行第 %d 字：", (int)int_at(first, "line"), (int)int_at(first, "column")) : g_strdup("");
  if (first) return throw(error, LANTAI_ERROR_INVALID, "报告“%s”的 %s：%s%s", text_at(definition, "name"), text_at(first, "where"), place, text_at(first, "what"));
  gint64 id = template_id(sql, definition), now = clock_now_us();
  if (id == 0 || !put_template(sql, actor, id, definition, now, source, error)) return FALSE;
  json_auto_t *data = json_pack("{s:I, s:O, s:I, s:s}", "id", (json_int_t)id, "definition", definition, "at", (json_int_t)now, "source", source);
  return journal_append(sql, actor, "report.define", "report_template", id, data, error) != 0;
}

gboolean report_define(Sql *sql, const char *actor, json_t *report, GError **error) { return define(sql, actor, report, "", error); }

/* ---- opening ---- */

static gboolean load_templates(SqlDb *db, GError **error) {
  g_autoptr(Sql) sql = sql_read(db, error);
  json_auto_t *rows = sql ? sql_json(sql, "SELECT id, definition FROM report_template ORDER BY id", SQL_NONE, error) : NULL;
  json_t *row;
  size_t i;
  if (rows == NULL) return FALSE;
  json_array_foreach(rows, i, row) {
    json_t *definition = json_loads(text_at(row, "definition"), 0, NULL);
    if (definition) install(int_at(row, "id"), definition);
  }
  return TRUE;
}

/* A template that is wrong is told and passed over: what was in force stays. */
static gboolean read_template(const House *house, const char *name, GError **error) {
  g_autofree char *path = g_strconcat("reports/", name, NULL);
  g_autoptr(GError) local = NULL;
  json_auto_t *definition = yaml_load_definition(house->dir, path, &local);
  g_autofree char *text = definition ? json_dumps(definition, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
  g_autofree char *source = text ? crypto_digest_hex(DIGEST_SM3, text, strlen(text)) : NULL;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  if (source && sql_number(sql, "SELECT COUNT(*) AS n FROM report_template WHERE source = $1", SQL_ARGS(sql_text(source)), 0, NULL) > 0) return TRUE;
  if (source && define(sql, "system", definition, source, &local)) return sql_commit(sql, error);
  g_warning("报告模板 %s 没有更新：%s", name, local->message);
  return TRUE;
}

gboolean report_definitions_load(const House *house, GError **error) {
  g_auto(GStrv) names = yaml_definition_names(house->dir, "reports");
  for (char **name = names; *name; name++)
    if (!read_template(house, *name, error)) return FALSE;
  return TRUE;
}

gboolean report_open(const House *house, GError **error) {
  g_mutex_lock(&lock);
  by_name = g_hash_table_new(g_str_hash, g_str_equal);
  by_id = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  kept = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  g_mutex_unlock(&lock);
  return load_templates(house->db, error);
}

void report_close(void) {
  g_mutex_lock(&lock);
  g_clear_pointer(&by_name, g_hash_table_unref);
  g_clear_pointer(&by_id, g_hash_table_unref);
  g_clear_pointer(&kept, g_ptr_array_unref);
  g_mutex_unlock(&lock);
}

/* ---- reports ---- */

static void parse_json(json_t *row, const char *key) {
  json_t *value = json_loads(text_at(row, key), 0, NULL);
  json_object_set_new(row, key, value ? value : json_object());
}

void report_parse_audience(json_t *row) {
  static const char *const optional[] = {"rests", "released"}; /* not there until it is frozen, until it is released */
  for (guint i = 0; i < G_N_ELEMENTS(optional); i++) {
    if (*text_at(row, optional[i])) parse_json(row, optional[i]);
    else json_object_del(row, optional[i]);
  }
}

static char *dumped(json_t *value) { return value && !json_is_null(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : g_strdup(""); }

json_t *report_issue_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) local = NULL;
  json_t *row = sql_row_json(sql, "SELECT id, name, from_day, to_day, unit, parameters, text, state, rev, made_by, made_at, changed_by, changed_at, drafted, "
    "heading, frozen_at, manifest, signature, public_key, rests, released FROM report WHERE id = $1", SQL_ARGS(sql_int(id)), &local);
  if (row == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这份报告");
  if (row == NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  parse_json(row, "parameters");
  parse_json(row, "drafted");
  report_parse_audience(row);
  return row;
}

json_t *report_issue_steps(Sql *sql, gint64 id, GError **error) {
  return sql_json(sql, "SELECT id, at_us, actor, from_state, to_state, note FROM report_step WHERE report_id = $1 ORDER BY id", SQL_ARGS(sql_int(id)), error);
}

static gboolean put_issue(Sql *sql, json_t *row, GError **error) {
  g_autofree char *parameters = json_dumps(json_object_get(row, "parameters"), JSON_COMPACT | JSON_SORT_KEYS);
  g_autofree char *drafted = json_dumps(json_object_get(row, "drafted"), JSON_COMPACT | JSON_SORT_KEYS);
  g_autofree char *rests = dumped(json_object_get(row, "rests")), *released = dumped(json_object_get(row, "released"));
  return sql_exec(sql, "INSERT OR REPLACE INTO report (id, name, from_day, to_day, unit, parameters, text, state, rev, made_by, made_at, changed_by, changed_at, "
    "drafted, heading, frozen_at, manifest, signature, public_key, rests, released) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
    "$17, $18, $19, $20, $21)",
    SQL_ARGS(sql_int(int_at(row, "id")), sql_text(text_at(row, "name")), sql_int(int_at(row, "from_day")), sql_int(int_at(row, "to_day")),
      sql_text(text_at(row, "unit")), sql_text(parameters), sql_text(text_at(row, "text")), sql_text(text_at(row, "state")), sql_int(int_at(row, "rev")),
      sql_text(text_at(row, "made_by")), sql_int(int_at(row, "made_at")), sql_text(text_at(row, "changed_by")), sql_int(int_at(row, "changed_at")),
      sql_text(drafted), sql_text(text_at(row, "heading")), sql_int(int_at(row, "frozen_at")), sql_text(text_at(row, "manifest")),
      sql_text(text_at(row, "signature")), sql_text(text_at(row, "public_key")), sql_text(rests), sql_text(released)), error);
}

static gboolean put_step(Sql *sql, gint64 report, json_t *step, GError **error) {
  if (step == NULL || json_is_null(step)) return TRUE;
  return sql_exec(sql, "INSERT INTO report_step (report_id, at_us, actor, from_state, to_state, note) VALUES ($1, $2, $3, $4, $5, $6)",
    SQL_ARGS(sql_int(report), sql_int(int_at(step, "at_us")), sql_text(text_at(step, "actor")), sql_text(text_at(step, "from_state")),
      sql_text(text_at(step, "to_state")), sql_text(text_at(step, "note"))), error);
}

gboolean report_issue_put(Sql *sql, const char *actor, const char *action, json_t *row, json_t *step, GError **error) {
  json_object_set_new(row, "changed_by", json_string(actor));
  json_object_set_new(row, "changed_at", json_integer(clock_now_us()));
  json_object_set_new(row, "rev", json_integer(int_at(row, "rev") + 1));
  if (!put_issue(sql, row, error) || !put_step(sql, int_at(row, "id"), step, error)) return FALSE;
  json_auto_t *data = json_pack("{s:O}", "report", row);
  if (step) json_object_set(data, "step", step);
  return journal_append(sql, actor, action, "report", int_at(row, "id"), data, error) != 0;
}

gint64 report_issue_new(Sql *sql, const char *actor, const char *name, FigurePeriod period, json_t *parameters, GError **error) {
  json_t *definition = report_definition(name);
  if (definition == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有叫“%s”的报告", name), 0;
  if (period.from > period.to) return throw(error, LANTAI_ERROR_INVALID, "期间的开始在结束之后"), 0;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM report", SQL_NONE, 0, error);
  json_auto_t *row = json_pack("{s:I, s:s, s:i, s:i, s:s, s:O, s:s, s:s, s:i, s:s, s:I, s:{}, s:s, s:i, s:s, s:s, s:s}", "id", (json_int_t)id, "name",
    text_at(definition, "name"), "from_day", period.from, "to_day", period.to, "unit", period.unit ? period.unit : "", "parameters", parameters, "text",
    text_at(definition, "text"), "state", "draft", "rev", 0, "made_by", actor, "made_at", (json_int_t)clock_now_us(), "drafted", "heading",
    text_at(definition, "heading"), "frozen_at", 0, "manifest", "", "signature", "", "public_key", "");
  return id != 0 && report_issue_put(sql, actor, "report.make", row, NULL, error) ? id : 0;
}

gboolean report_issue_write(Sql *sql, const char *actor, gint64 id, gint64 rev, const char *text, json_t *parameters, GError **error) {
  json_auto_t *row = report_issue_load(sql, id, error);
  if (row == NULL) return FALSE;
  if (!g_str_equal(text_at(row, "state"), "draft")) return throw(error, LANTAI_ERROR_CONFLICT, "报告已送审或定稿，不能再改。要改请先退回");
  if (int_at(row, "rev") != rev) return throw(error, LANTAI_ERROR_CONFLICT, "%s刚才改过这份报告。请刷新后再改", text_at(row, "changed_by"));
  if (strlen(text) > REPORT_TEXT_MAX) return throw(error, LANTAI_ERROR_TOO_LARGE, "正文过长");
  if (g_str_equal(text_at(row, "text"), text) && json_equal(json_object_get(row, "parameters"), parameters)) return TRUE;
  json_object_set_new(row, "text", json_string(text));
  json_object_set(row, "parameters", parameters);
  return report_issue_put(sql, actor, "report.write", row, NULL, error);
}

json_t *report_issue_definition(json_t *issue) {
  json_t *template = report_definition(text_at(issue, "name"));
  json_t *definition = template ? json_copy(template) : json_pack("{s:O, s:O}", "name", json_object_get(issue, "name"), "heading", json_object_get(issue, "heading"));
  json_object_set(definition, "text", json_object_get(issue, "text"));
  json_object_set(definition, "unit", json_object_get(issue, "unit")); /* "": the archives itself, whatever the template says */
  if (!g_str_equal(text_at(issue, "state"), "draft")) json_object_set(definition, "drafted", json_object_get(issue, "drafted"));
  return definition;
}

FigurePeriod report_issue_period(json_t *issue) {
  const char *unit = text_at(issue, "unit");
  return (FigurePeriod){(int)int_at(issue, "from_day"), (int)int_at(issue, "to_day"), *unit ? unit : NULL};
}

json_t *report_issue_make(const House *house, Sql *sql, Asker asker, json_t *issue, GError **error) {
  json_auto_t *definition = report_issue_definition(issue);
  return report_make_definition(house, sql, asker, definition, report_issue_period(issue), json_object_get(issue, "parameters"), error);
}

/* ---- rebuilding ---- */

gboolean report_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *action = text_at(event, "action"), *actor = text_at(event, "actor");
  json_t *data = json_object_get(event, "data"), *row = json_object_get(data, "report");
  if (g_str_equal(action, "report.define"))
    return put_template(sql, actor, int_at(data, "id"), json_object_get(data, "definition"), int_at(data, "at"), text_at(data, "source"), error);
  if (g_str_equal(action, "report.drop"))
    return sql_exec(sql, "DELETE FROM report_step WHERE report_id = $1", SQL_ARGS(sql_int(int_at(data, "id"))), error) &&
      sql_exec(sql, "DELETE FROM report WHERE id = $1", SQL_ARGS(sql_int(int_at(data, "id"))), error);
  return put_issue(sql, row, error) && put_step(sql, int_at(row, "id"), json_object_get(data, "step"), error);
}
