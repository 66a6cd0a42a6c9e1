/*
 * Figures as definitions: files of the archive, versions in the database, those in force in memory.
 *
 * 1. A definition in memory is never changed nor freed before figure_close, so that whoever holds one takes no lock.
 * 2. A file counts when it says something else than when it was last read; so what was changed on a page stays.
 * 3. Everything that is defined in one go is checked together, before anything of it is written.
 */
#include "internal.h"
#include "journal.h"
#include "pages.h"
#include "panel.h"
#include "report-internal.h"
#include <gio/gio.h>

enum { FAULTS_SHOWN = 8 };

static GMutex lock;
static GPtrArray *all_ever;   /* json_t* of definitions, owned */
static GPtrArray *in_order;   /* by id, those in force */
static GHashTable *by_name, *by_id;
static json_t *invariants;    /* [{say, that, source}] in force */
static GPtrArray *invariants_ever;

/* ---- in memory ---- */

static gint by_number(gconstpointer a, gconstpointer b) {
  gint64 left = int_at(*(json_t *const *)a, "id"), right = int_at(*(json_t *const *)b, "id");
  return (left > right) - (left < right);
}

/* Behind the lock; takes the definition. What was installed is in force after put_in_force. */
static void install(json_t *figure) {
  g_ptr_array_add(all_ever, figure);
  g_hash_table_insert(by_id, GSIZE_TO_POINTER((gsize)int_at(figure, "id")), figure);
}

static void put_in_force(void) {
  ledger_ready_renew();
  GHashTableIter iter;
  gpointer value;
  g_ptr_array_set_size(in_order, 0);
  g_hash_table_iter_init(&iter, by_id);
  while (g_hash_table_iter_next(&iter, NULL, &value)) g_ptr_array_add(in_order, value);
  g_ptr_array_sort(in_order, by_number);
  g_hash_table_remove_all(by_name);
  size_t k;
  json_t *was;
  for (guint i = 0; i < in_order->len; i++) {
    json_array_foreach(json_object_get(in_order->pdata[i], "was"), k, was) g_hash_table_insert(by_name, (gpointer)json_string_value(was), in_order->pdata[i]);
  }
  for (guint i = 0; i < in_order->len; i++) g_hash_table_insert(by_name, (gpointer)text_at(in_order->pdata[i], "name"), in_order->pdata[i]);
}

json_t *figure_definition(const char *name) {
  g_mutex_lock(&lock);
  json_t *figure = by_name && name ? g_hash_table_lookup(by_name, name) : NULL;
  g_mutex_unlock(&lock);
  return figure;
}

const char *figure_name_of(gint64 id) {
  g_mutex_lock(&lock);
  json_t *figure = by_id ? g_hash_table_lookup(by_id, GSIZE_TO_POINTER((gsize)id)) : NULL;
  g_mutex_unlock(&lock);
  return json_string_value(json_object_get(figure, "name"));
}

json_t *figure_names(void) {
  json_t *names = json_array();
  g_mutex_lock(&lock);
  for (guint i = 0; in_order && i < in_order->len; i++) json_array_append(names, json_object_get(in_order->pdata[i], "name"));
  g_mutex_unlock(&lock);
  return names;
}

json_t *figure_invariants_defined(void) {
  g_mutex_lock(&lock);
  json_t *list = invariants ? json_incref(invariants) : json_array();
  g_mutex_unlock(&lock);
  return list;
}

static json_t *read_invariants(Sql *sql, GError **error) {
  return sql_json(sql, "SELECT say, that, source FROM figure_invariant ORDER BY source, ordinal, that", SQL_NONE, error);
}

/* Takes the list; the former one is kept for who still reads it. */
static void install_invariants(json_t *list) {
  g_ptr_array_add(invariants_ever, list);
  invariants = list;
}

typedef struct { json_t *figures, *invariants; } Installing;

static void installing_free(gpointer data) {
  Installing *installing = data;
  json_decref(installing->figures);
  json_decref(installing->invariants);
  g_free(installing);
}

static json_t *with_id(json_t *row) {
  json_t *figure = json_deep_copy(json_object_get(row, "definition"));
  json_object_set(figure, "id", json_object_get(row, "id"));
  return figure;
}

static void installed(gpointer data) {
  const Installing *installing = data;
  size_t i;
  json_t *row;
  g_mutex_lock(&lock);
  json_array_foreach(installing->figures, i, row)
    if (all_ever) install(with_id(row));
  if (all_ever) put_in_force();
  if (invariants_ever) install_invariants(json_incref(installing->invariants));
  g_mutex_unlock(&lock);
}

/* ---- writing ---- */

static gboolean write_one(Sql *sql, json_t *row, GError **error) {
  json_t *definition = json_object_get(row, "definition");
  g_autofree char *text = json_dumps(definition, JSON_COMPACT | JSON_SORT_KEYS); /* as the journal has it, so that a rebuild writes the same */
  return sql_exec(sql, "INSERT INTO figure (id, name, version, source, definition) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET "
      "name = excluded.name, version = excluded.version, source = excluded.source, definition = excluded.definition",
      SQL_ARGS(sql_int(int_at(row, "id")), sql_text(text_at(definition, "name")), sql_int(int_at(row, "version")), sql_text(text_at(row, "source")),
        sql_text(text)), error) &&
    sql_exec(sql, "INSERT INTO figure_version (figure_id, version, at_us, actor, definition) VALUES ($1, $2, $3, $4, $5)",
      SQL_ARGS(sql_int(int_at(row, "id")), sql_int(int_at(row, "version")), sql_int(int_at(row, "at")), sql_text(text_at(row, "actor")), sql_text(text)),
        error);
}

static gboolean write_invariants(Sql *sql, json_t *list, const char *source, GError **error) {
  if (*source && !sql_exec(sql, "DELETE FROM figure_invariant WHERE source = $1", SQL_ARGS(sql_text(source)), error)) return FALSE;
  size_t i;
  json_t *row;
  json_array_foreach(list, i, row)
    if (!sql_exec(sql, "INSERT INTO figure_invariant (that, say, source, ordinal) VALUES ($1, $2, $3, $4) ON CONFLICT (that) DO UPDATE SET say = excluded.say, "
      "source = excluded.source, ordinal = excluded.ordinal",
      SQL_ARGS(sql_text(text_at(row, "that")), sql_text(text_at(row, "say")), sql_text(source), sql_int((gint64)i)), error)) return FALSE;
  return TRUE;
}

/* data: {figures: [{id, version, source, at, actor, definition}], invariants: [{source, list}], files: {file: digest}}; in memory after the commit. */
static gboolean define_write(Sql *sql, json_t *data, GError **error) {
  size_t i;
  json_t *row, *digest;
  const char *file;
  json_array_foreach(json_object_get(data, "figures"), i, row)
    if (!write_one(sql, row, error)) return FALSE;
  json_array_foreach(json_object_get(data, "invariants"), i, row)
    if (!write_invariants(sql, json_object_get(row, "list"), text_at(row, "source"), error)) return FALSE;
  json_object_foreach(json_object_get(data, "files"), file, digest)
    if (!sql_exec(sql, "INSERT INTO figure_source (file, digest) VALUES ($1, $2) ON CONFLICT (file) DO UPDATE SET digest = excluded.digest",
      SQL_ARGS(sql_text(file), sql_text(json_string_value(digest))), error)) return FALSE;
  json_t *list = read_invariants(sql, error);
  if (list == NULL) return FALSE;
  Installing *installing = g_new0(Installing, 1);
  *installing = (Installing){json_incref(json_object_get(data, "figures")), list};
  sql_on_commit(sql, installed, installing, installing_free);
  return TRUE;
}

static gint64 id_of(Sql *sql, const char *name) { return sql_number(sql, "SELECT id FROM figure WHERE name = $1", SQL_ARGS(sql_text(name)), 0, NULL); }

static gint64 present_id(Sql *sql, json_t *figure) {
  gint64 id = id_of(sql, text_at(figure, "name"));
  size_t i;
  json_t *was;
  json_array_foreach(json_object_get(figure, "was"), i, was)
    if (id == 0) id = id_of(sql, json_string_value(was));
  return id;
}

static gint64 version_of(Sql *sql, gint64 id) {
  return sql_number(sql, "SELECT COALESCE(MAX(version), 0) + 1 AS n FROM figure_version WHERE figure_id = $1", SQL_ARGS(sql_int(id)), 1, NULL);
}

/* Adds the row of the event for one definition, unless it says what is in force already. */
static void plan_one(Sql *sql, const char *actor, json_t *given, const char *source, gint64 *next_id, json_t *rows) {
  json_auto_t *definition = json_deep_copy(given);
  json_object_del(definition, "id");
  gint64 id = present_id(sql, definition);
  g_autofree char *stored = id ? sql_string(sql, "SELECT definition FROM figure WHERE id = $1", SQL_ARGS(sql_int(id)), NULL) : NULL;
  json_auto_t *now = stored ? json_loads(stored, 0, NULL) : NULL;
  if (now != NULL && json_equal(now, definition)) return;
  gint64 version = id ? version_of(sql, id) : 1;
  if (id == 0) id = (*next_id)++;
  json_array_append_new(rows, json_pack("{s:I, s:I, s:s, s:I, s:s, s:O}", "id", (json_int_t)id, "version", (json_int_t)version, "source", source, "at",
    (json_int_t)clock_now_us(),
    "actor", actor, "definition", definition));
}

/* ---- checking ---- */

static void check_twice(json_t *figures, json_t *faults) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *figure;
  json_array_foreach(figures, i, figure) {
    const char *name = text_at(figure, "name");
    g_autofree char *what = g_strdup_printf("有两个指标都叫“%s”", name);
    if (*name && !g_hash_table_add(seen, (gpointer)name)) json_array_append_new(faults, json_pack("{s:s, s:s}", "where", name, "what", what));
  }
}

/* all: everything that is defined in the same go. */
static json_t *all_faults(json_t *figures, json_t *rules, json_t *all) {
  json_t *faults = json_array(), *figure;
  size_t i;
  check_twice(all, faults);
  json_array_foreach(figures, i, figure) {
    json_auto_t *found = figure_definition_faults(figure, all);
    json_array_extend(faults, found);
  }
  json_auto_t *found = invariant_faults(rules, all);
  json_array_extend(faults, found);
  return faults;
}

static gboolean refuse_faults(json_t *figures, json_t *rules, json_t *all, const char *place, GError **error) {
  json_auto_t *faults = all_faults(figures, rules, all);
  if (json_array_size(faults) == 0) return TRUE;
  g_autoptr(GString) text = g_string_new(NULL);
  for (size_t i = 0; i < MIN(json_array_size(faults), (size_t)FAULTS_SHOWN); i++) {
    json_t *row = json_array_get(faults, i);
    g_string_append_printf(text, "%s%s：%s", i ? "；" : "", text_at(row, "where"), text_at(row, "what"));
  }
  return throw(error, LANTAI_ERROR_INVALID, "%s指标定义有 %d 处不对：%s", place, (int)json_array_size(faults), text->str);
}

/* ---- defining ---- */

static gboolean tell(Sql *sql, const char *actor, json_t *data, GError **error) {
  return define_write(sql, data, error) && journal_append(sql, actor, "figure.define", "figure", 0, data, error) != 0;
}

gboolean figure_define(Sql *sql, const char *actor, json_t *figures, json_t *rules, GError **error) {
  if (!refuse_faults(figures, rules, figures, "", error)) return FALSE;
  json_auto_t *data = json_pack("{s:[], s:[], s:{}}", "figures", "invariants", "files");
  gint64 next_id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM figure", SQL_NONE, 1, error);
  size_t i;
  json_t *figure;
  json_array_foreach(figures, i, figure) plan_one(sql, actor, figure, "", &next_id, json_object_get(data, "figures"));
  if (json_array_size(rules) > 0) json_array_append_new(json_object_get(data, "invariants"), json_pack("{s:s, s:O}", "source", "", "list", rules));
  if (json_array_size(json_object_get(data, "figures")) + json_array_size(json_object_get(data, "invariants")) == 0) return TRUE;
  return tell(sql, actor, data, error);
}

static char *digest_of(json_t *document) {
  g_autofree char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

gboolean figure_define_files(Sql *sql, const char *actor, json_t *documents, GError **error) {
  json_auto_t *figures = json_array(), *rules = json_array(), *data = json_pack("{s:[], s:[], s:{}}", "figures", "invariants", "files");
  const char *file;
  json_t *document, *figure;
  size_t i;
  json_object_foreach(documents, file, document) {
    if (json_object_get(document, "figures")) json_array_extend(figures, json_object_get(document, "figures"));
    if (json_object_get(document, "invariants")) json_array_extend(rules, json_object_get(document, "invariants"));
  }
  json_object_foreach(documents, file, document) {
    g_autofree char *place = g_strdup_printf("%s：", file);
    if (!refuse_faults(json_object_get(document, "figures"), json_object_get(document, "invariants"), figures, place, error)) return FALSE;
  }
  gint64 next_id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM figure", SQL_NONE, 1, error);
  json_object_foreach(documents, file, document) {
    json_array_foreach(json_object_get(document, "figures"), i, figure) plan_one(sql, actor, figure, file, &next_id, json_object_get(data, "figures"));
    json_t *list = json_object_get(document, "invariants");
    json_array_append_new(json_object_get(data, "invariants"), json_pack("{s:s, s:o}", "source", file, "list", list ? json_incref(list) : json_array()));
    g_autofree char *digest = digest_of(document);
    json_object_set_new(json_object_get(data, "files"), file, json_string(digest));
  }
  return tell(sql, actor, data, error);
}

/* ---- the archive's files ---- */

gboolean figure_definitions_load(const House *house, GError **error) {
  json_auto_t *documents = yaml_load_definitions(house->dir, "figures", error), *changed = json_object();
  g_autoptr(Sql) sql = documents == NULL ? NULL : sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  const char *file;
  json_t *document;
  json_object_foreach(documents, file, document) {
    g_autofree char *digest = digest_of(document);
    g_autofree char *read = sql_string(sql, "SELECT digest FROM figure_source WHERE file = $1", SQL_ARGS(sql_text(file)), NULL);
    if (g_strcmp0(digest, read) != 0) json_object_set(changed, file, document);
  }
  return json_object_size(changed) == 0 || (figure_define_files(sql, "system", changed, error) && sql_commit(sql, error));
}

/* ---- opening ---- */

void figure_close(void) {
  report_close();
  g_mutex_lock(&lock);
  g_clear_pointer(&by_name, g_hash_table_unref);
  g_clear_pointer(&by_id, g_hash_table_unref);
  g_clear_pointer(&in_order, g_ptr_array_unref);
  g_clear_pointer(&all_ever, g_ptr_array_unref);
  g_clear_pointer(&invariants_ever, g_ptr_array_unref);
  invariants = NULL;
  g_mutex_unlock(&lock);
}

static gboolean load_stored(Sql *sql, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id, definition FROM figure ORDER BY id", SQL_NONE, error);
  json_t *list = rows ? read_invariants(sql, error) : NULL, *row;
  if (list == NULL) return FALSE;
  size_t i;
  g_mutex_lock(&lock);
  json_array_foreach(rows, i, row) {
    json_t *figure = json_loads(text_at(row, "definition"), 0, NULL);
    json_object_set(figure, "id", json_object_get(row, "id"));
    install(figure);
  }
  put_in_force();
  install_invariants(list);
  g_mutex_unlock(&lock);
  return TRUE;
}

gboolean figure_definitions_foresee(Sql *sql, GError **error) { return load_stored(sql, error); }

gboolean figure_open(const House *house, GError **error) {
  figure_close();
  ledger_set_charts(page_ledger_charts);
  g_mutex_lock(&lock);
  all_ever = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  invariants_ever = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
  in_order = g_ptr_array_new();
  by_id = g_hash_table_new(NULL, NULL);
  by_name = g_hash_table_new(g_str_hash, g_str_equal);
  g_mutex_unlock(&lock);
  if (!sql_is_readonly(house->db) && !sql_migrate_room(house->db, "figure", error)) return FALSE;
  g_autoptr(Sql) sql = sql_read(house->db, error);
  return sql != NULL && load_stored(sql, error) && report_open(house, error);
}

gboolean figure_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  if (g_str_has_prefix(text_at(event, "action"), "report.")) return report_replay(house, sql, event, error);
  if (g_str_equal(text_at(event, "action"), "figure.panel")) return panel_replay(sql, event, error);
  return define_write(sql, json_object_get(event, "data"), error);
}

const JobKind FIGURE_JOBS[] = {{NULL}};
