/*
 * Words that stand for one another in searching (同义词表): old names of bodies and places, short and full names. One list for the archives, edited on a page.
 *
 * 1. The list is text, a line a group; what the search knows is always what the last committed text says. Never edited, it is definitions/synonyms.yaml.
 * 2. A save is refused when another has been made since the page was opened. Each leaves the whole list in the journal.
 */
#include "error.h"
#include "internal.h"
#include "text.h"
#include <gio/gio.h>
#include <string.h>

enum { LIST_CHARACTERS = 100000, GROUPS_MAX = 5000, WORDS_MAX = 40, WORD_CHARACTERS = 40 };
#define SEPARATORS "、，,；;=＝"

static gboolean is_separator(gunichar c) { return g_unichar_isspace(c) || g_utf8_strchr(SEPARATORS, -1, c) != NULL; }

/* The words of a line, each once. */
static json_t *line_words(const char *line) {
  json_t *words = json_array();
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (const char *at = line; *at;) {
    const char *end = at;
    while (*end && !is_separator(g_utf8_get_char(end))) end = g_utf8_next_char(end);
    g_autofree char *word = g_strndup(at, (gsize)(end - at));
    if (*word && g_hash_table_add(seen, text_fold(word))) json_array_append_new(words, json_string(word));
    at = *end ? g_utf8_next_char(end) : end;
  }
  return words;
}

static gboolean line_check(json_t *words, guint number, GError **error) {
  size_t i;
  json_t *word;
  if (json_array_size(words) < 2) return throw(error, LANTAI_ERROR_INVALID, "第 %u 行只有一个词：一行写一组同义的词，用顿号或空格隔开", number);
  if (json_array_size(words) > WORDS_MAX) return throw(error, LANTAI_ERROR_INVALID, "第 %u 行超过 %d 个词，请分成几行", number, WORDS_MAX);
  json_array_foreach(words, i, word) {
    guint length = text_length(json_string_value(word));
    g_autofree char *folded = g_strstrip(text_fold(json_string_value(word)));
    if (length >= 2 && length <= WORD_CHARACTERS && text_length(folded) >= 2) continue;
    return throw(error, LANTAI_ERROR_INVALID, "第 %u 行的“%.60s”不能用：一个词应为 2 至 %d 个字", number, json_string_value(word), WORD_CHARACTERS);
  }
  return TRUE;
}

/* [["北平", "北京"], …] of a list; lines that begin with # say something to people. */
static json_t *read_groups(const char *text, GError **error) {
  json_auto_t *groups = json_array();
  if (text_length(text) > LIST_CHARACTERS) return throw_null(error, LANTAI_ERROR_INVALID, "同义词表太长：最多 %d 字", LIST_CHARACTERS);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_strstrip(lines[i]);
    if (lines[i][0] == '\0' || lines[i][0] == '#') continue;
    json_auto_t *words = line_words(lines[i]);
    if (!line_check(words, i + 1, error)) return NULL;
    json_array_append(groups, words);
    if (json_array_size(groups) > GROUPS_MAX) return throw_null(error, LANTAI_ERROR_INVALID, "同义词表太长：最多 %d 组", GROUPS_MAX);
  }
  return g_steal_pointer(&groups);
}

/* The list of definitions/synonyms.yaml: the archive's own when there is one. */
static char *default_list(const char *dir, GError **error) {
  json_auto_t *document = yaml_load_definition(dir, "synonyms.yaml", error);
  if (document == NULL) return NULL;
  g_autoptr(GString) list = g_string_new(NULL);
  json_t *groups = json_object_get(document, "groups"), *group;
  size_t i;
  if (groups != NULL && !json_is_array(groups)) return throw_null(error, LANTAI_ERROR_INVALID, "同义词表 synonyms.yaml：groups 应为列表，一项一组词");
  json_array_foreach(groups, i, group)
    if (json_is_string(group)) g_string_append_printf(list, "%s\n", json_string_value(group));
  return g_string_free(g_steal_pointer(&list), FALSE);
}

static char *load_list(const House *house, Sql *sql, GError **error) {
  g_autoptr(GError) failure = NULL;
  char *list = sql_string(sql, "SELECT list FROM synonym WHERE id = 1", SQL_NONE, &failure);
  if (failure != NULL) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return list != NULL ? list : default_list(house->dir, error);
}

static CatalogSynonyms synonym_source;
void catalog_set_synonym_source(CatalogSynonyms source) { synonym_source = source; }
static gboolean add_source(Sql *sql, json_t *groups, GError **error) { return synonym_source == NULL || synonym_source(sql, groups, error); }

gboolean catalog_synonyms_load(const House *house, Sql *sql, GError **error) {
  g_autofree char *list = load_list(house, sql, error);
  json_auto_t *groups = list == NULL ? NULL : read_groups(list, error);
  if (groups == NULL || !add_source(sql, groups, error)) return FALSE;
  search_set_synonyms(house->search, groups);
  return TRUE;
}

/* ---- a save ---- */

typedef struct { Search *search; json_t *groups; } Saved;
static void saved_free(gpointer data) {
  Saved *saved = data;
  json_decref(saved->groups);
  g_free(saved);
}
static void saved_committed(gpointer data) {
  const Saved *saved = data;
  search_set_synonyms(saved->search, saved->groups);
}

static gboolean save_list(const House *house, Sql *sql, const char *list, GError **error) {
  json_auto_t *groups = read_groups(list, error);
  if (groups == NULL || !add_source(sql, groups, error)) return FALSE;
  gboolean written = sql_exec(sql, "INSERT INTO synonym (id, list) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET list = excluded.list",
    SQL_ARGS(sql_text(list)), error);
  if (!written) return FALSE;
  Saved *saved = g_new(Saved, 1);
  *saved = (Saved){house->search, json_incref(groups)};
  sql_on_commit(sql, saved_committed, saved, saved_free);
  return TRUE;
}

gboolean catalog_synonym_replay(const House *house, Sql *sql, json_t *event, GError **error) {
  const char *list = json_string_value(json_object_get(json_object_get(event, "data"), "list"));
  return list != NULL ? save_list(house, sql, list, error) : throw(error, LANTAI_ERROR_INVALID, "同义词表的事件里没有表");
}

/* ---- /synonyms ---- */

static char *list_mark(const char *list) { return g_compute_checksum_for_string(G_CHECKSUM_SHA256, list, -1); }

WebReply *page_synonyms(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autofree char *list = sql == NULL ? NULL : load_list(web_house(request), sql, error);
  json_auto_t *groups = list == NULL ? NULL : read_groups(list, error);
  if (groups == NULL) return NULL;
  g_autofree char *mark = list_mark(list);
  json_t *rows = json_array(), *words, *word;
  size_t i, k;
  json_array_foreach(groups, i, words) {
    json_t *row = json_array();
    json_array_foreach(words, k, word) json_array_append_new(row, json_pack("{s:O}", "word", word));
    json_array_append_new(rows, json_pack("{s:o}", "words", row));
  }
  return web_model(json_pack("{s:o, s:s, s:s, s:b}", "groups", rows, "list", list, "seen", mark, "may_edit", web_may(request, PERMISSION_SYNONYM)));
}

WebReply *page_synonyms_save(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  g_autofree char *list = text_clean(web_text(request, "list") ? web_text(request, "list") : "", TRUE);
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_autofree char *before = sql == NULL ? NULL : load_list(house, sql, error), *mark = before == NULL ? NULL : list_mark(before);
  if (mark == NULL) return NULL;
  if (g_strcmp0(mark, web_text(request, "seen")) != 0)
    return throw_null(error, LANTAI_ERROR_CONFLICT, "同义词表刚被别人改过，没有保存。请重新打开这一页，把您的修改再写一遍");
  json_auto_t *data = json_pack("{s:s}", "list", list);
  if (!save_list(house, sql, list, error)) return NULL;
  if (journal_append(sql, web_actor(request), "synonym.save", "synonym", 1, data, error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/synonyms");
  web_flash(reply, "同义词表已保存，检索立即按新表进行");
  return reply;
}
