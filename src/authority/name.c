/*
 * Names of authorities: found by any part, whatever their writing (folded, without spaces); given out in groups as synonyms.
 *
 * 1. authority_name has the whole names of the living, authority_part the first PART characters of every ending of each: a part of a name of up to PART
 *    characters is the beginning of one of these; a longer one is looked for in the names of those.
 */
#include "internal.h"

enum { PART = 6, ENDINGS_MOST = 60 };

char *name_key(const char *name) {
  g_autofree char *folded = text_fold(name);
  GString *key = g_string_sized_new(strlen(folded));
  for (const char *at = folded; *at != '\0'; at++)
    if (*at != ' ') g_string_append_c(key, *at);
  return g_string_free(key, FALSE);
}

gboolean name_is_body(const char *name) {
  static const char last[] = "局厂司社站所院校会部办处室队店行库场府团矿区县镇乡村";
  glong length = g_utf8_strlen(name, -1);
  if (length < 5 || strstr(name, "·") != NULL || strstr(name, "、") != NULL) return FALSE;
  return strstr(last, g_utf8_offset_to_pointer(name, length - 1)) != NULL;
}

static gboolean write_name(Sql *sql, gint64 id, const char *name, GError **error) {
  g_autofree char *key = name_key(name);
  if (*key == '\0') return TRUE;
  if (!sql_exec(sql, "INSERT INTO authority_name (folded, authority_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", SQL_ARGS(sql_text(key), sql_int(id)), error))
    return FALSE;
  guint count = 0;
  for (const char *at = key; *at != '\0' && count < ENDINGS_MOST; at = g_utf8_next_char(at), count++) {
    const char *end = at;
    for (guint i = 0; i < PART && *end != '\0'; i++) end = g_utf8_next_char(end);
    if (!sql_exec(sql, "INSERT INTO authority_part (part, authority_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", SQL_ARGS(sql_text_n(at, end - at),
      sql_int(id)),
          error)) return FALSE;
  }
  return TRUE;
}

gboolean names_write(Sql *sql, json_t *authority, GError **error) {
  gint64 id = int_at(authority, "id");
  if (!sql_exec(sql, "DELETE FROM authority_name WHERE authority_id = $1", SQL_ARGS(sql_int(id)), error) ||
    !sql_exec(sql, "DELETE FROM authority_part WHERE authority_id = $1", SQL_ARGS(sql_int(id)), error)) return FALSE;
  if (!g_str_equal(text_at(authority, "state"), "live")) return TRUE;
  if (!write_name(sql, id, text_at(authority, "name"), error)) return FALSE;
  size_t i;
  json_t *row;
  json_array_foreach(json_object_get(authority, "names"), i, row) {
    if (!write_name(sql, id, text_at(row, "name"), error)) return FALSE;
  }
  return TRUE;
}

gint64 authority_named(Sql *sql, const char *kind, const char *name) {
  g_autofree char *key = name_key(name);
  json_auto_t *rows = sql_json(sql, "SELECT a.id AS id FROM authority_name AS n JOIN authority AS a ON a.id = n.authority_id "
    "WHERE n.folded = $1 AND ($2 = '' OR a.kind = $2) ORDER BY a.id LIMIT 2", SQL_ARGS(sql_text(key), sql_text(kind ? kind : "")), NULL);
  return json_array_size(rows) == 1 ? int_at(json_array_get(rows, 0), "id") : 0;
}

gboolean authority_synonyms(Sql *sql, AuthorityNames visit, gpointer data, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, name, data FROM authority WHERE synonyms = 1 AND state = 'live' ORDER BY id", SQL_NONE, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    json_auto_t *described = json_loads(sql_get_text(rows, "data"), 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_ptr_array_add(names, (gpointer)sql_get_text(rows, "name"));
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(described, "names"), i, row) g_ptr_array_add(names, (gpointer)text_at(row, "name"));
    g_ptr_array_add(names, NULL);
    if (names->len > 2 && !visit(sql_get_int(rows, "id"), (const char *const *)names->pdata, data)) return TRUE;
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

/* ---- given to the search ---- */

enum { WORD_LEAST = 2, WORD_MOST = 40, WORDS_MOST = 40 };

static gboolean add_group(gint64 id, const char *const *names, gpointer groups) {
  json_auto_t *words = json_array();
  for (; *names != NULL && json_array_size(words) < WORDS_MOST; names++) {
    guint length = text_length(*names);
    if (length >= WORD_LEAST && length <= WORD_MOST && strpbrk(*names, " \t\"()*:") == NULL) json_array_append_new(words, json_string(*names));
  }
  if (json_array_size(words) > 1) json_array_append(groups, words);
  return TRUE;
}

gboolean add_synonyms(Sql *sql, json_t *groups, GError **error) { return authority_synonyms(sql, add_group, groups, error); }

void synonyms_changed(const House *house) {
  g_autoptr(GError) local = NULL;
  g_autoptr(Sql) sql = sql_read(house->db, &local);
  if (sql == NULL || !catalog_synonyms_load(house, sql, &local)) g_warning("名称规范的同义词没有送到检索，重新启动后生效：%s", local->message);
}
