/*
 * The pages of saved searches: one's own and those that colleagues share.
 *
 * 1. Only the owner changes, mutes, deletes, and is told of what is new. A shared search is a question: who opens it finds what he himself may see.
 */
#include "saved.h"
#include "error.h"
#include "people.h"

enum { MINE_MOST = 200, SHARED_SHOWN = 100, NAME_CHARS = 60 };

/* What it asks, in words; names of filters as the one who looks may know them. */
static json_t *described(WebRequest *request, Sql *sql, json_t *row) {
  json_auto_t *asked = json_loads(json_string_value(json_object_get(row, "asked")), 0, NULL);
  SearchResult none = {0};
  json_auto_t *chips = search_chips_model(request, sql, asked, &none);
  json_t *words = json_array(), *chip;
  size_t i;
  json_array_foreach(chips, i, chip) {
    g_autofree char *label = g_strdup(json_string_value(json_object_get(chip, "label")));
    char *zero = g_str_has_suffix(label, "（0）") ? g_strrstr(label, "（0）") : NULL; /* nothing was counted here */
    if (zero) *zero = '\0';
    json_array_append_new(words, json_string(label));
  }
  g_autofree char *href = asked_address("/search", asked);
  json_object_set_new(row, "href", json_string(href));
  return words;
}

static gboolean dress(WebRequest *request, Sql *sql, json_t *rows, gboolean mine, GError **error) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_object_set_new(row, "conditions", described(request, sql, row));
    gint64 fresh = mine ? saved_fresh(web_house(request), sql, web_scope(request), row, error) : 0;
    if (fresh == -2) return FALSE;
    if (fresh > 0) json_object_set_new(row, "fresh_count", json_integer(fresh));
    json_object_set_new(row, "many", json_boolean(fresh == -1));
    json_object_set_new(row, "any", json_boolean(fresh != 0));
    static const char *const FLAGS[] = {"shared", "muted"}, *const INSIDE[] = {"asked", "seen_rev", "checked_rev", "fresh"};
    for (guint f = 0; f < G_N_ELEMENTS(FLAGS); f++) json_object_set_new(row, FLAGS[f], json_boolean(json_integer_value(json_object_get(row, FLAGS[f])) != 0));
    for (guint f = 0; f < G_N_ELEMENTS(INSIDE); f++) json_object_del(row, INSIDE[f]);
  }
  return TRUE;
}

WebReply *page_searches(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  const char *actor = web_actor(request);
  json_auto_t *mine = sql_json(sql,
    "SELECT id, name, asked, shared, muted, seen_rev, checked_rev, fresh, created_us AS at FROM saved_search WHERE owner = $1 ORDER BY id DESC",
    SQL_ARGS(sql_text(actor)), error);
  json_auto_t *all = mine ? sql_json(sql, "SELECT id, owner, name, asked, shared, muted, seen_rev, checked_rev, fresh, created_us AS at FROM saved_search "
    "WHERE shared = 1 AND owner <> $1 ORDER BY id DESC", SQL_ARGS(sql_text(actor)), error) : NULL;
  json_auto_t *others = json_array();
  size_t i;
  json_t *row;
  json_array_foreach(all, i, row)
    if (json_array_size(others) < SHARED_SHOWN && web_scope(request)->opening_mask && people_colleagues(sql, actor, json_string_value(json_object_get(row, "owner"))))
      json_array_append(others, row);
  if (all == NULL || !dress(request, sql, mine, TRUE, error) || !dress(request, sql, others, FALSE, error)) return NULL;
  return web_model(json_pack("{s:s, s:O, s:O}", "title", "保存的检索", "mine", mine, "others", others));
}

/* Two of one's own are told apart by their names. id: of the one that is to be called so; 0: a new one. */
static gboolean name_is_free(Sql *sql, const char *owner, const char *name, gint64 id, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 others = sql_number(sql, "SELECT COUNT(*) AS others FROM saved_search WHERE owner = $1 AND name = $2 AND id <> $3",
    SQL_ARGS(sql_text(owner), sql_text(name), sql_int(id)), 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return others == 0 || throw(error, LANTAI_ERROR_INVALID, "您已经保存过叫“%s”的检索。请换一个名称", name);
}

char *saved_name_for(const json_t *asked) {
  const char *words = json_string_value(json_object_get(asked, "q"));
  return words ? g_utf8_substring(words, 0, MIN(g_utf8_strlen(words, -1), NAME_CHARS)) : g_strdup("未命名");
}

WebReply *save_search(WebRequest *request, GError **error) {
  json_auto_t *asked = saved_asked_read(web_text(request, "asked"), error);
  g_autoptr(Sql) sql = asked ? sql_write(web_house(request)->db, error) : NULL;
  if (sql == NULL) return NULL;
  const char *actor = web_actor(request);
  g_autofree char *name = web_text(request, "name") ? g_strdup(web_text(request, "name")) : saved_name_for(asked);
  g_autofree char *text = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);
  g_autoptr(GError) failure = NULL;
  gint64 count = sql_number(sql, "SELECT COUNT(*) AS kept FROM saved_search WHERE owner = $1", SQL_ARGS(sql_text(actor)), 0, &failure);
  gint64 rev = failure ? -1 : catalog_rev_last(sql, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  if (count >= MINE_MOST) return throw_null(error, LANTAI_ERROR_CONFLICT, "最多保存 %d 个检索。请先删除不用的", MINE_MOST);
  if (!name_is_free(sql, actor, name, 0, error)) return NULL;
  if (!sql_exec(sql, "INSERT INTO saved_search (owner, name, asked, shared, muted, seen_rev, checked_rev, fresh, created_us) VALUES ($1, $2, $3, $4, 0, $5, $5, 0, $6)",
    SQL_ARGS(sql_text(actor), sql_text(name), sql_text(text), sql_int(web_flag(request, "shared")), sql_int(rev),
      sql_int(clock_now_us())), error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/searches");
  web_flash(reply, "已保存。有新增或改动的条目命中时，首页会提醒");
  return reply;
}

/* The row when it is the asker's. */
static json_t *own_row(WebRequest *request, Sql *sql, GError **error) {
  g_autoptr(GError) failure = NULL;
  json_t *row = sql_row_json(sql, "SELECT id, name, asked, seen_rev FROM saved_search WHERE id = $1 AND owner = $2",
    SQL_ARGS(sql_int(web_int(request, "id", 0)), sql_text(web_actor(request))), &failure);
  if (row) return row;
  if (!g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个保存的检索，或者它不是您的");
}

/* To what is new; from now on it is seen. */
WebReply *look_at_search(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql ? own_row(request, sql, error) : NULL;
  gint64 rev = row ? catalog_rev_last(sql, error) : -1;
  if (rev < 0 || !sql_exec(sql, "UPDATE saved_search SET seen_rev = $1, checked_rev = $1, fresh = 0 WHERE id = $2",
    SQL_ARGS(sql_int(rev), sql_int(web_int(request, "id", 0))), error) || !sql_commit(sql, error)) return NULL;
  json_auto_t *asked = json_loads(json_string_value(json_object_get(row, "asked")), 0, NULL);
  gint64 seen = json_integer_value(json_object_get(row, "seen_rev"));
  json_auto_t *since = asked_with(asked, "since", json_integer(seen ? seen : -1));
  g_autofree char *href = asked_address("/search", since);
  return web_redirect("%s", href);
}

static gboolean rename_search(Sql *sql, const char *owner, gint64 id, const char *name, GError **error) {
  if (name == NULL) return throw(error, LANTAI_ERROR_INVALID, "请写新的名称");
  return name_is_free(sql, owner, name, id, error) && sql_exec(sql, "UPDATE saved_search SET name = $1 WHERE id = $2", SQL_ARGS(sql_text(name), sql_int(id)), error);
}

WebReply *change_search(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql ? own_row(request, sql, error) : NULL;
  const char *what = web_text(request, "what");
  if (row == NULL) return NULL;
  const SqlValue *args = SQL_ARGS(sql_int(web_int(request, "id", 0)));
  gboolean good = g_strcmp0(what, "mute") == 0 ? sql_exec(sql, "UPDATE saved_search SET muted = 1 - muted WHERE id = $1", args, error)
    : g_strcmp0(what, "share") == 0 ? sql_exec(sql, "UPDATE saved_search SET shared = 1 - shared WHERE id = $1", args, error)
    : g_strcmp0(what, "rename") == 0 ? rename_search(sql, web_actor(request), web_int(request, "id", 0), web_text(request, "name"), error)
    : throw(error, LANTAI_ERROR_INVALID, "没有“%s”这种操作", what ? what : "");
  return good && sql_commit(sql, error) ? web_redirect("/searches") : NULL;
}

WebReply *delete_search(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql ? own_row(request, sql, error) : NULL;
  gboolean good = row && sql_exec(sql, "DELETE FROM saved_search WHERE id = $1", SQL_ARGS(sql_int(web_int(request, "id", 0))), error);
  if (!good || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/searches");
  g_autofree char *told = g_strdup_printf("已删除检索“%s”", json_string_value(json_object_get(row, "name")));
  web_flash(reply, told);
  return reply;
}
