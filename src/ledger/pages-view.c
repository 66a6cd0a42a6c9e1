/*
 * Views of a ledger: those that the definition has for everybody, and those that a person keeps for himself. The whole ledger kept so, a view without a name, is one
 * of his usual ones: they stand first.
 *
 * 1. One's own view is an address, never what was found: who opens it sees what he may see then. Nobody else is told of it.
 */
#include "pages.h"

enum { OWN_MOST = 50 };

json_t *views_model(const LedgerPage *page, const char *path, const char *current) {
  json_t *views = json_object_get(page->definition->json, "views"), *view, *links = json_array();
  size_t i;
  if (json_array_size(views) == 0) return links;
  json_array_append_new(links, json_pack("{s:s, s:s, s:b}", "name", "全部", "href", path, "current", current == NULL));
  json_array_foreach(views, i, view) {
    g_autofree char *escaped = g_uri_escape_string(text_at(view, "name"), NULL, FALSE);
    json_array_append_new(links, json_pack("{s:s, s:o, s:b}", "name", text_at(view, "name"), "href", json_sprintf("%s?view=%s", path, escaped), "current",
      g_strcmp0(current, text_at(view, "name")) == 0));
  }
  return links;
}

json_t *own_views_model(const LedgerPage *page, const LedgerFilter *filter, const char *path) {
  json_t *views = sql_json(page->sql, "SELECT id, name, address FROM ledger_view WHERE owner = $1 AND ledger_id = $2 AND name <> '' ORDER BY name LIMIT $3",
    SQL_ARGS(sql_text(web_actor(page->request)), sql_int(page->definition->id), sql_int(OWN_MOST)), NULL), *view;
  g_autofree char *now = filter_link(filter, "", NULL, NULL);
  size_t i;
  json_array_foreach(views, i, view) {
    json_object_set_new(view, "href", json_sprintf("%s%s", path, text_at(view, "address")));
    json_object_set_new(view, "current", json_boolean(g_str_equal(now, text_at(view, "address"))));
    json_object_del(view, "address");
  }
  return views != NULL ? views : json_array();
}

WebReply *save_own_view(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  g_auto(LedgerFilter) filter = {0};
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error) || !filter_read(&filter, &page, error)) return NULL;
  const char *owner = web_actor(request), *name = web_text(request, "name");
  g_autofree char *address = filter_link(&filter, "", NULL, NULL);
  gint64 ledger = page.definition->id, count = sql_number(page.sql, "SELECT COUNT(*) AS n FROM ledger_view WHERE owner = $1 AND ledger_id = $2 AND name NOT IN ('', $3)",
    SQL_ARGS(sql_text(owner), sql_int(ledger), sql_text(name)), 0, NULL);
  if (count >= OWN_MOST) return throw_null(error, LANTAI_ERROR_CONFLICT, "一本台账最多存 %d 个自己的视图。请先删除不用的", OWN_MOST);
  if (!sql_exec(page.sql, "INSERT INTO ledger_view (owner, ledger_id, name, address) VALUES ($1, $2, $3, $4) ON CONFLICT (owner, ledger_id, name) DO UPDATE SET "
        "address = excluded.address", SQL_ARGS(sql_text(owner), sql_int(ledger), sql_text(name), sql_text(address)), error) || !sql_commit(page.sql, error)) return NULL;
  WebReply *reply = web_redirect("/ledger/%" G_GINT64_FORMAT "%s", ledger, address);
  web_flash(reply, "已存为您自己的视图，在视图一行里随时打开");
  return reply;
}

WebReply *drop_own_view(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error)) return NULL;
  if (!sql_exec(page.sql, "DELETE FROM ledger_view WHERE id = $1 AND owner = $2 AND ledger_id = $3",
        SQL_ARGS(sql_int(web_int(request, "own", 0)), sql_text(web_actor(request)), sql_int(page.definition->id)), error)) return NULL;
  if (sql_changes(page.sql) == 0) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个视图，或者它不是您的");
  return sql_commit(page.sql, error) ? web_redirect("/ledger/%" G_GINT64_FORMAT, page.definition->id) : NULL;
}

/* ---- the usual ones ---- */

GHashTable *usual_ledgers(Sql *sql, const char *owner) {
  GHashTable *usual = g_hash_table_new(NULL, NULL);
  json_auto_t *rows = owner == NULL ? NULL : sql_json(sql, "SELECT ledger_id FROM ledger_view WHERE owner = $1 AND name = ''", SQL_ARGS(sql_text(owner)), NULL);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) g_hash_table_add(usual, GSIZE_TO_POINTER((gsize)int_at(row, "ledger_id")));
  return usual;
}

gboolean is_usual(GHashTable *usual, const LedgerDefinition *definition) { return g_hash_table_contains(usual, GSIZE_TO_POINTER((gsize)definition->id)); }

WebReply *keep_usual(WebRequest *request, GError **error) {
  g_auto(LedgerPage) page = {0};
  if (!page_begin(&page, request, TRUE, error) || !page_ledger(&page, error)) return NULL;
  const SqlValue *args = SQL_ARGS(sql_text(web_actor(request)), sql_int(page.definition->id));
  gboolean fine = web_flag(request, "keep")
    ? sql_exec(page.sql, "INSERT INTO ledger_view (owner, ledger_id, name, address) VALUES ($1, $2, '', '') ON CONFLICT (owner, ledger_id, name) DO NOTHING", args, error)
    : sql_exec(page.sql, "DELETE FROM ledger_view WHERE owner = $1 AND ledger_id = $2 AND name = ''", args, error);
  if (!fine || !sql_commit(page.sql, error)) return NULL;
  return web_redirect("%s", page_back(request) != NULL ? page_back(request) : "/ledgers");
}
