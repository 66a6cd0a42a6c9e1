/* What was: deleting and bringing back, what changed between versions, comments. Nothing is ever taken out of the database. */
#include "internal.h"
#include "people.h"

/* ---- deleting and restoring ---- */

/* What points to it, by name as far as this one may see it. */
static char *entries_words(json_t *seen, gint64 count) {
  if (count == 0) return NULL;
  if (json_array_size(seen) == 0) return g_strdup_printf("%" G_GINT64_FORMAT " 条只对指定的人开放的条目", count);
  g_autoptr(GString) words = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(seen, i, row)
    g_string_append_printf(words, "%s%s%s%s《%s》", i > 0 ? "、" : "", text_at(row, "ledger"), text_at(row, "number")[0] ? " " : "", text_at(row, "number"),
      text_at(row, "title"));
  if (count > (gint64)json_array_size(seen)) g_string_append_printf(words, "等 %" G_GINT64_FORMAT " 条", count);
  return g_string_free(g_steal_pointer(&words), FALSE);
}

static gboolean refuse_referred(Sql *sql, Asker asker, json_t *entry, GError **error) {
  g_autofree char *target = g_strdup_printf("%" G_GINT64_FORMAT, (gint64)int_at(entry, "id"));
  json_auto_t *others = sql_json(sql, "SELECT e.id AS id, e.number AS number, e.title AS title, g.name AS ledger FROM ledger_link AS l "
    "JOIN ledger_entry AS e ON e.id = l.entry_id JOIN ledger AS g ON g.id = e.ledger_id WHERE l.kind = 'entry' AND l.target = $1 AND e.deleted = 0 "
    "ORDER BY e.id LIMIT 100", SQL_ARGS(sql_text(target)), error);
  if (others == NULL) return FALSE;
  gint64 count = (gint64)json_array_size(others);
  while (json_array_size(others) > 3) json_array_remove(others, 3);
  for (size_t i = json_array_size(others); i-- > 0;) {
    json_auto_t *seen = ledger_entry_load(sql, asker, int_at(json_array_get(others, i), "id"), NULL);
    if (seen == NULL) json_array_remove(others, i);
  }
  g_autofree char *words = entries_words(others, count);
  return words == NULL || throw(error, LANTAI_ERROR_CONFLICT, "还有别的条目指向它：%s。请先改那些条目", words);
}

gboolean ledger_entry_delete(Sql *sql, Asker asker, const char *actor, gint64 id, const char *why, GError **error) {
  json_auto_t *entry = entry_load_any(sql, id, error);
  if (entry == NULL || !entry_may_change(entry, asker, error)) return FALSE;
  if (json_is_true(json_object_get(entry, "deleted"))) return TRUE;
  if (!entry_is_free(entry, error) || !refuse_referred(sql, asker, entry, error)) return FALSE;
  json_object_set_new(entry, "deleted", json_true());
  return entry_save(sql, actor, entry, why, error);
}

json_t *entry_buried(Sql *sql, Asker asker, json_t *entry, gint64 batch, GError **error) {
  if (!entry_may_change(entry, asker, error) || !entry_is_free(entry, error) || !refuse_referred(sql, asker, entry, error)) return NULL;
  json_t *buried = json_deep_copy(entry);
  json_object_set_new(buried, "deleted", json_true());
  json_object_set_new(buried, "key", json_sprintf(UNDONE_KEY "%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT, batch, int_at(entry, "id")));
  return buried;
}

json_t *version_load(Sql *sql, gint64 id, gint64 rev, GError **error) {
  g_autofree char *text = sql_string(sql, "SELECT entry FROM ledger_entry_version WHERE entry_id = $1 AND rev = $2", SQL_ARGS(sql_int(id), sql_int(rev)), error);
  json_t *entry = text != NULL ? json_loads(text, 0, NULL) : NULL;
  if (entry == NULL && (error == NULL || *error == NULL)) throw(error, LANTAI_ERROR_NOT_FOUND, "没有这一版");
  return entry;
}

/* It brings no field back that the asker may not write, nor an entry of which he may not see what it was. */
static gboolean may_bring_back(json_t *entry, json_t *then, Asker asker, GError **error) {
  json_t *was = json_object_get(then, "values"), *is = json_object_get(entry, "values"), *value;
  json_auto_t *names = json_object();
  const char *name;
  if (asker.everything) return TRUE;
  if (!version_admitted(then, asker)) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这一版");
  g_autoptr(GPtrArray) definitions = entry_definitions(entry);
  json_object_update(names, was);
  json_object_update(names, is);
  json_object_foreach(names, name, value) {
    if (!json_equal(json_object_get(was, name), json_object_get(is, name)) && !entry_may_write_field(definitions, name, asker))
      return throw(error, LANTAI_ERROR_DENIED, "那时的“%s”不同，您不能改它，请由能改的人恢复", name);
  }
  return TRUE;
}

/* What went with its batch lost the key by which a sheet knows it again: brought back by hand it has it again, unless another has it by now. */
static void key_again(Sql *sql, json_t *entry) {
  if (!entry_is_undone(entry)) return;
  gint64 id = int_at(entry, "id");
  g_autofree char *key = sql_string(sql, "SELECT json_extract(entry, '$.key') AS key FROM ledger_entry_version WHERE entry_id = $1 AND "
    "substr(json_extract(entry, '$.key'), 1, 7) <> 'undone:' ORDER BY rev DESC LIMIT 1", SQL_ARGS(sql_int(id)), NULL);
  gboolean taken = key != NULL && key[0] != '\0' && sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''",
    SQL_ARGS(sql_int(int_at(entry, "ledger_id")), sql_text(key)), 0, NULL) != 0;
  json_object_set_new(entry, "key", json_string(key == NULL || taken ? "" : key));
}

/* Number stays as it is, for it belongs to the entry; the state changes by a move alone, but where a step is taken back. */
json_t *entry_as_then(Sql *sql, Asker asker, const char *actor, Restoring to, char **ret_note, GError **error) {
  static const char *const back[] = {"also", "unit", "from", "to", "title", "owner", "department", "due", "quantity", "basis", "secrecy", "values", "files"};
  static const char *const of_state[] = {"state", "states", "closed", "moved_by"};
  json_auto_t *entry = entry_load_any(sql, to.id, error);
  json_auto_t *then = entry != NULL && entry_may_change(entry, asker, error) ? version_load(sql, to.id, to.rev, error) : NULL;
  if (then == NULL || !may_bring_back(entry, then, asker, error)) return NULL;
  const LedgerDefinition *definition = ledger_of(int_at(entry, "ledger_id"));
  if (definition == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个台账");
  if (entry_is_tied(entry) && !entry_is_free(entry, error)) return NULL;
  entry_renew(definition, then);
  for (guint i = 0; i < G_N_ELEMENTS(back); i++) json_object_set_new(entry, back[i], json_deep_copy(json_object_get(then, back[i])));
  entry_untie(entry);
  key_again(sql, entry);
  json_object_set_new(entry, "deleted", json_false());
  gboolean moved = to.step && json_array_size(json_object_get(entry, "states")) != json_array_size(json_object_get(then, "states"));
  if (moved && !g_str_equal(text_at(entry, "moved_by"), actor)) return throw_null(error, LANTAI_ERROR_DENIED, "这一步是别人办的，不能由您撤销");
  if (moved && ledger_state(definition, text_at(then, "state")) == NULL) return throw_null(error, LANTAI_ERROR_CONFLICT, "现在没有状态“%s”了", text_at(then, "state"));
  for (guint i = 0; moved && i < G_N_ELEMENTS(of_state); i++) json_object_set_new(entry, of_state[i], json_deep_copy(json_object_get(then, of_state[i])));
  json_auto_t *problems = ledger_entry_problems(sql, LEDGER_EVERYTHING, definition, entry);
  const char *field;
  json_t *what;
  json_object_foreach(problems, field, what)
    return throw_null(error, LANTAI_ERROR_CONFLICT, "那时的内容不能照样恢复：%s：%s", field, json_string_value(what));
  if (ret_note != NULL) *ret_note = moved ? g_strdup("撤销这一步") : g_strdup_printf("恢复到第 %d 版", (int)to.rev);
  return g_steal_pointer(&entry);
}

static gboolean restore(Sql *sql, Asker asker, const char *actor, Restoring to, GError **error) {
  g_autofree char *note = NULL;
  json_auto_t *entry = entry_as_then(sql, asker, actor, to, &note, error);
  return entry != NULL && entry_save(sql, actor, entry, note, error);
}

gboolean ledger_entry_restore(Sql *sql, Asker asker, const char *actor, gint64 id, gint64 rev, GError **error) {
  return restore(sql, asker, actor, (Restoring){id, rev, FALSE}, error);
}

gboolean ledger_entry_take_back(Sql *sql, Asker asker, const char *actor, gint64 id, gint64 rev, GError **error) {
  return restore(sql, asker, actor, (Restoring){id, rev, TRUE}, error);
}

/* ---- what changed ---- */

static char *day_words(gint64 day) {
  return day != 0 ? g_strdup_printf("%04d-%02d-%02d", (int)(day / 10000), (int)(day / 100 % 100), (int)(day % 100)) : g_strdup("");
}

static void append_words(GString *out, json_t *value) {
  size_t i;
  json_t *item;
  if (json_is_string(value)) g_string_append(out, json_string_value(value));
  else if (json_is_integer(value)) g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)json_integer_value(value));
  else if (json_is_real(value)) g_string_append_printf(out, "%.15g", json_real_value(value));
  else if (json_is_boolean(value)) g_string_append(out, json_is_true(value) ? "是" : "否");
  json_array_foreach(value, i, item) {
    if (i > 0) g_string_append(out, "、");
    append_words(out, item);
  }
}

/* As its table reads: a row's cells in the order of their columns. */
static char *rows_words(const LedgerField *field, json_t *rows) {
  GString *out = g_string_new(NULL);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    if (i > 0) g_string_append(out, "；");
    gsize begin = out->len;
    for (guint k = 0; k < field->count; k++) {
      g_autofree char *cell = entry_value_words(&field->fields[k], json_object_get(row, field->fields[k].name));
      if (*cell) g_string_append_printf(out, "%s%s", out->len > begin ? " " : "", cell);
    }
  }
  return g_string_free(out, FALSE);
}

char *entry_value_words(const LedgerField *field, json_t *value) {
  if (field != NULL && field->base && (g_str_equal(field->name, "日期") || g_str_equal(field->name, "截止"))) return day_words(json_integer_value(value));
  if (field != NULL && field->type == FIELD_ROWS) return rows_words(field, value);
  GString *out = g_string_new(NULL);
  for (size_t i = 0; field != NULL && field->dated && i < json_array_size(value); i++) {
    g_autofree char *day = day_words(json_integer_value(json_array_get(json_array_get(value, i), 1)));
    if (i > 0) g_string_append(out, "；");
    append_words(out, json_array_get(json_array_get(value, i), 0));
    g_string_append_printf(out, "（%s起）", day);
  }
  for (size_t i = 0; field != NULL && field->type == FIELD_FILE && field->base && i < json_array_size(value); i++)
    g_string_append_printf(out, "%s%s", i > 0 ? "、" : "", text_at(json_array_get(value, i), "name"));
  if (out->len == 0 && (field == NULL || !field->base || field->type != FIELD_FILE)) append_words(out, value);
  return g_string_free(out, FALSE);
}

typedef struct { json_t *changes; GPtrArray *definitions; Asker asker; } Difference;

static void tell_change(Difference *difference, const LedgerField *field, const char *name, json_t *before, json_t *after) {
  if (json_equal(before, after) || (json_is_empty(before) && json_is_empty(after))) return;
  if (field != NULL && !ledger_may_read_field(field, difference->asker)) return;
  g_autofree char *from = entry_value_words(field, before), *to = entry_value_words(field, after);
  if (!g_str_equal(from, to)) json_array_append_new(difference->changes, json_pack("{s:s, s:s, s:s}", "field", name, "from", from, "to", to));
}

json_t *entry_changes(json_t *before, json_t *after, Asker asker) {
  g_autoptr(GPtrArray) definitions = entry_definitions(after);
  Difference difference = {json_array(), definitions, asker};
  guint count;
  const LedgerField *base = base_fields(&count);
  for (guint i = 0; i < count; i++) {
    const char *key = base_key(base[i].name);
    if (key == NULL) continue;
    tell_change(&difference, &base[i], base[i].name, entry_value(before, &base[i]), entry_value(after, &base[i]));
  }
  json_t *was = json_object_get(before, "values"), *is = json_object_get(after, "values"), *value;
  const char *name;
  json_object_foreach(is, name, value) tell_change(&difference, entry_field(definitions, name), name, json_object_get(was, name), value);
  json_object_foreach(was, name, value) {
    if (json_object_get(is, name) == NULL) tell_change(&difference, entry_field(definitions, name), name, value, NULL);
  }
  gboolean gone = json_is_true(json_object_get(after, "deleted"));
  if (gone != json_is_true(json_object_get(before, "deleted")))
    json_array_append_new(difference.changes, json_pack("{s:s, s:s, s:s}", "field", "删除", "from", gone ? "" : "已删除", "to", gone ? "已删除" : ""));
  return difference.changes;
}

static json_t *step_of(SqlRows *rows, json_t *version) {
  return json_pack("{s:I, s:I, s:s, s:s, s:b, s:o, s:s}", "rev", (json_int_t)sql_get_int(rows, "rev"), "at", (json_int_t)sql_get_int(rows, "at"), "actor",
    sql_get_text(rows, "actor"), "note", sql_get_text(rows, "note"), "first", FALSE, "changes", json_array(), "secrecy", text_at(version, "secrecy"));
}

/* Newest first: what a step changed is known when the version before it is read. */
json_t *ledger_entry_history(Sql *sql, Asker asker, gint64 id, gint64 before, int limit, GError **error) {
  json_auto_t *now = ledger_entry_load(sql, asker, id, error), *history = json_array(), *after = NULL;
  if (now == NULL) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT rev, at_us AS at, actor, note, entry FROM ledger_entry_version WHERE entry_id = $1 AND rev < $2 ORDER BY rev DESC",
    SQL_ARGS(sql_int(id), sql_int(before > 0 ? before : G_MAXINT64)), error);
  json_t *open = NULL; /* the step that still waits for the version before it */
  GError *failure = NULL;
  while (rows != NULL && (open != NULL || (int)json_array_size(history) < limit) && sql_next(rows, &failure)) {
    json_auto_t *version = json_loads(sql_get_text(rows, "entry"), 0, NULL);
    gboolean seen = version_admitted(version, asker);
    entry_hide(version, asker);
    if (open != NULL) json_object_set_new(open, "changes", seen ? entry_changes(version, after, asker) : json_array());
    open = NULL;
    if (!seen || (int)json_array_size(history) >= limit) continue;
    json_array_append_new(history, open = step_of(rows, version));
    json_decref(after);
    after = json_incref(version);
  }
  if (open != NULL) json_object_set_new(open, "first", json_true());
  if (failure != NULL) return g_propagate_error(error, failure), NULL;
  return rows != NULL ? g_steal_pointer(&history) : NULL;
}

/* ---- comments ---- */

gboolean ledger_entry_comment(Sql *sql, Asker asker, const char *actor, gint64 id, const char *text, GError **error) {
  g_autofree char *clean = text_clean(text != NULL ? text : "", TRUE);
  if (clean[0] == '\0') return throw(error, LANTAI_ERROR_INVALID, "请写留言");
  if (text_length(clean) > 2000) return throw(error, LANTAI_ERROR_INVALID, "留言超过 2 000 字");
  json_auto_t *entry = ledger_entry_load(sql, asker, id, error); /* whoever sees it may say something */
  if (entry == NULL) return FALSE;
  gint64 next = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM ledger_comment", SQL_NONE, 1, NULL);
  json_auto_t *data = json_pack("{s:I, s:I, s:I, s:s, s:s}", "id", (json_int_t)next, "entry", (json_int_t)id, "at", (json_int_t)clock_now_us(), "actor", actor,
    "text", clean);
  return comment_write(sql, data, error) && journal_append(sql, actor, "ledger.comment", "entry", id, data, error) != 0;
}

gboolean comment_write(Sql *sql, json_t *data, GError **error) {
  return sql_exec(sql, "INSERT INTO ledger_comment (id, entry_id, at_us, actor, text) VALUES ($1, $2, $3, $4, $5)", SQL_ARGS(sql_int(int_at(data, "id")),
    sql_int(int_at(data, "entry")), sql_int(int_at(data, "at")), sql_text(text_at(data, "actor")), sql_text(text_at(data, "text"))), error);
}

json_t *ledger_entry_comments(Sql *sql, Asker asker, gint64 id, gint64 before, int limit, GError **error) {
  json_auto_t *entry = ledger_entry_load(sql, asker, id, error), *comments = json_array();
  if (entry == NULL) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT c.id AS id, c.at_us AS at, c.actor AS actor, c.text AS text, (SELECT v.entry FROM ledger_entry_version AS v "
    "WHERE v.entry_id = c.entry_id AND v.at_us <= c.at_us ORDER BY v.rev DESC LIMIT 1) AS was FROM ledger_comment AS c WHERE c.entry_id = $1 AND c.id < $2 "
    "ORDER BY c.id DESC", SQL_ARGS(sql_int(id), sql_int(before > 0 ? before : G_MAXINT64)), error);
  GError *failure = NULL;
  while (rows != NULL && (int)json_array_size(comments) < limit && sql_next(rows, &failure)) {
    json_auto_t *version = json_loads(sql_get_text(rows, "was"), 0, NULL);
    if (version_admitted(version, asker)) json_array_insert_new(comments, 0, json_pack("{s:I, s:I, s:s, s:s, s:s}", "id", (json_int_t)sql_get_int(rows, "id"), "at",
      (json_int_t)sql_get_int(rows, "at"), "actor", sql_get_text(rows, "actor"), "text", sql_get_text(rows, "text"), "secrecy", text_at(version, "secrecy")));
  }
  if (failure != NULL) return g_propagate_error(error, failure), NULL;
  return rows != NULL ? g_steal_pointer(&comments) : NULL;
}
