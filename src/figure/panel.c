/*
 * Panels (一览): which numbers and charts stand on one page, as data: files of definitions/panels, the page that edits them, the event figure.panel.
 *
 * 1. A file is read when it says something else than when it was last read; so what was changed on the page stays until then.
 * 2. One that was deleted on the page leaves its row without a definition, so that its file does not bring it back until the file says something else.
 * 3. The event holds the row as it is afterwards; a replay writes it. Panels are few, so they are read when asked for.
 */
#include "panel.h"
#include "error.h"
#include "journal.h"
#include "settings.h"
#include "text.h"

static const char *const KEYS[] = {"name", "about", "unit", "numbers", "charts", "id", NULL};
static const char *const CHART_KEYS[] = {"figure", "ledger", "where", "chart", "full", "title", NULL};
enum { PANEL_CHARTS = 24, PANEL_NUMBERS = 24 };

/* ---- checking ---- */

static void add(json_t *faults, char *where, char *what) {
  json_array_append_new(faults, json_pack("{s:s, s:s}", "where", where, "what", what));
  g_free(where);
  g_free(what);
}

static void check_keys(json_t *object, const char *const *keys, const char *place, json_t *faults) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    const char *nearest = text_nearest(key, keys);
    if (g_strv_contains(keys, key)) continue;
    add(faults, g_strconcat(place, key, NULL), nearest ? g_strdup_printf("没有“%s”这一项，是不是“%s”", key, nearest) : g_strdup_printf("没有“%s”这一项", key));
  }
}

json_t *panel_figure(json_t *item) {
  json_t *figure = text_in(item, "figure") ? figure_definition(text_in(item, "figure")) : NULL;
  if (figure != NULL || text_in(item, "ledger") == NULL) return json_incref(figure);
  json_t *made = json_pack("{s:s, s:s, s:s, s:n, s:b}", "name", text_in(item, "ledger"), "ledger", text_in(item, "ledger"), "unit", "项", "count", "trying", TRUE);
  if (json_object_get(item, "where")) json_object_set(made, "where", json_object_get(item, "where"));
  return made;
}

static void check_chart(json_t *item, size_t at, json_t *faults) {
  g_autofree char *place = g_strdup_printf("charts[%zu].", at), *spec_place = g_strconcat(place, "chart", NULL);
  const char *figure = text_in(item, "figure"), *ledger = text_in(item, "ledger");
  check_keys(item, CHART_KEYS, place, faults);
  if ((figure == NULL) == (ledger == NULL)) return add(faults, g_strdup(place), g_strdup("要写 figure: 指标，或者 ledger: 台账"));
  if (figure && figure_definition(figure) == NULL) return add(faults, g_strconcat(place, "figure", NULL), g_strdup_printf("没有指标“%s”", figure));
  if (ledger && ledger_find(ledger) == NULL) return add(faults, g_strconcat(place, "ledger", NULL), g_strdup_printf("没有台账“%s”", ledger));
  json_auto_t *wrong = ledger ? ledger_where_faults(ledger_find(ledger), json_object_get(item, "where")) : json_array(), *made = panel_figure(item), *row;
  size_t i;
  json_array_foreach(wrong, i, row) add(faults, g_strdup_printf("%swhere.%s", place, text_at(row, "where")), g_strdup(text_at(row, "what")));
  row = NULL;
  if (json_object_get(item, "chart")) chart_faults(made, json_object_get(item, "chart"), spec_place, faults);
  else if (ledger) add(faults, g_steal_pointer(&spec_place), g_strdup("要写 chart: 怎样画"));
}

json_t *panel_faults(json_t *panel) {
  json_t *faults = json_array(), *item;
  size_t i;
  if (*text_at(panel, "name") == '\0') add(faults, g_strdup("name"), g_strdup("缺少名称"));
  check_keys(panel, KEYS, "", faults);
  json_array_foreach(json_object_get(panel, "numbers"), i, item)
    if (!json_is_string(item) || figure_definition(json_string_value(item)) == NULL)
      add(faults, g_strdup_printf("numbers[%zu]", i), g_strdup_printf("没有指标“%s”", json_is_string(item) ? json_string_value(item) : ""));
  json_array_foreach(json_object_get(panel, "charts"), i, item) check_chart(item, i, faults);
  if (json_array_size(json_object_get(panel, "charts")) > PANEL_CHARTS) add(faults, g_strdup("charts"), g_strdup_printf("一页最多 %d 张图", PANEL_CHARTS));
  if (json_array_size(json_object_get(panel, "numbers")) > PANEL_NUMBERS) add(faults, g_strdup("numbers"), g_strdup_printf("一页最多 %d 个数", PANEL_NUMBERS));
  return faults;
}

/* ---- keeping ---- */

static gboolean panel_write(Sql *sql, json_t *data, GError **error) {
  if (json_is_null(json_object_get(data, "definition")))
    return sql_exec(sql, "UPDATE figure_panel SET definition = '' WHERE id = $1", SQL_ARGS(sql_int(int_at(data, "id"))), error);
  g_autofree char *text = json_dumps(json_object_get(data, "definition"), JSON_COMPACT | JSON_SORT_KEYS);
  return sql_exec(sql, "INSERT INTO figure_panel (id, name, definition, source) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
    "definition = excluded.definition, source = CASE WHEN excluded.source = '' THEN figure_panel.source ELSE excluded.source END",
    SQL_ARGS(sql_int(int_at(data, "id")), sql_text(text_at(json_object_get(data, "definition"), "name")), sql_text(text), sql_text(text_at(data, "source"))), error);
}

gboolean panel_replay(Sql *sql, json_t *event, GError **error) { return panel_write(sql, json_object_get(event, "data"), error); }

gint64 panel_define(Sql *sql, const char *actor, gint64 id, json_t *panel, const char *source, GError **error) {
  json_auto_t *faults = panel_faults(panel), *clean = json_deep_copy(panel), *data = NULL;
  json_t *first = json_array_get(faults, 0);
  if (first) return throw(error, LANTAI_ERROR_INVALID, "一览“%s”的 %s：%s", text_at(panel, "name"), text_at(first, "where"), text_at(first, "what"));
  gint64 named = sql_number(sql, "SELECT id FROM figure_panel WHERE name = $1", SQL_ARGS(sql_text(text_at(panel, "name"))), 0, NULL);
  gboolean gone = sql_number(sql, "SELECT COUNT(*) AS n FROM figure_panel WHERE id = $1 AND definition = ''", SQL_ARGS(sql_int(named)), 0, NULL) > 0;
  if (named != 0 && named != id && !(gone && id == 0) && (id != 0 || *source == '\0')) return throw(error, LANTAI_ERROR_CONFLICT, "已经有一览“%s”", text_at(panel, "name"));
  if (id == 0) id = named ? named : sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM figure_panel", SQL_NONE, 1, NULL);
  json_object_del(clean, "id");
  data = json_pack("{s:I, s:O, s:s}", "id", (json_int_t)id, "definition", clean, "source", source);
  return panel_write(sql, data, error) && journal_append(sql, actor, "figure.panel", "figure_panel", id, data, error) != 0 ? id : 0;
}

gboolean panel_drop(Sql *sql, const char *actor, gint64 id, GError **error) {
  json_auto_t *panel = panel_load(sql, id, error), *data = json_pack("{s:I, s:n, s:s}", "id", (json_int_t)id, "definition", "source", "");
  return panel != NULL && panel_write(sql, data, error) && journal_append(sql, actor, "figure.panel", "figure_panel", id, data, error) != 0;
}

gboolean figure_panels_define(Sql *sql, const char *actor, json_t *documents, GError **error) {
  const char *file;
  json_t *document;
  json_object_foreach(documents, file, document) {
    if (panel_define(sql, actor, 0, document, file, error) == 0) return g_prefix_error(error, "%s：", file), FALSE;
  }
  return TRUE;
}

json_t *panel_load(Sql *sql, gint64 id, GError **error) {
  g_autofree char *text = sql_string(sql, "SELECT definition FROM figure_panel WHERE id = $1 AND definition <> ''", SQL_ARGS(sql_int(id)), error);
  json_t *panel = text ? json_loads(text, 0, NULL) : NULL;
  if (panel == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个一览");
  json_object_set_new(panel, "id", json_integer(id));
  return panel;
}

json_t *panel_list(Sql *sql, GError **error) { return sql_json(sql, "SELECT id, name FROM figure_panel WHERE definition <> '' ORDER BY id", SQL_NONE, error); }

/* ---- files ---- */

gboolean figure_panels_load(const House *house, GError **error) {
  json_auto_t *documents = yaml_load_definitions(house->dir, "panels", error);
  g_autoptr(Sql) sql = documents == NULL ? NULL : sql_write(house->db, error);
  const char *file;
  json_t *document;
  if (sql == NULL) return FALSE;
  json_object_foreach(documents, file, document) {
    g_autofree char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS), *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    g_autofree char *source = g_strconcat(file, " ", digest, NULL);
    if (sql_number(sql, "SELECT COUNT(*) AS n FROM figure_panel WHERE source = $1", SQL_ARGS(sql_text(source)), 0, NULL) > 0) continue;
    if (!panel_define(sql, "system", 0, document, source, error)) return g_prefix_error(error, "%s：", file), FALSE;
  }
  return sql_commit(sql, error);
}
