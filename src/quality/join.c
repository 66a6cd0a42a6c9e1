/*
 * A person written two ways: each group's names become names of one person in the authority records, and can be taken out again.
 *
 * 1. A group whose names belong to different persons there, or to one who has other names already, is left to people; so is one that speaks of classified records.
 * 2. Where nobody looked at each group, only names that have a character in common are taken for one person's.
 * 3. Every name goes in by authority_save, so each record's history tells of it; what one click did is told as one event, by which it is undone.
 * 4. Undoing takes out only what was put in, and only what nobody has used or changed since.
 */
#include "internal.h"
#include "authority.h"
#include "json.h"
#include "text.h"

enum { NAMES_MOST = 20, SHOWN = 5 };

/* ---- the names of a group ---- */

typedef struct { gint64 hash; const char *sign; json_t *counts; } Gathering;

static void gather(gint64 hash, const char *sign, const char *name, const char *form, gpointer data) {
  Gathering *gathering = data;
  if (hash != gathering->hash) return;
  gathering->sign = sign;
  json_object_set_new(gathering->counts, name, json_integer(json_integer_value(json_object_get(gathering->counts, name)) + 1));
}

/* Of a record those that belong to the group, and how often: {name: count}. */
static gboolean gather_names(Look *look, const CatalogRecord *record, gint64 hash, json_t *counts, const char **ret_sign, GError **error) {
  Gathering gathering = {hash, "", counts};
  if (!look_at(look, record, error)) return FALSE;
  look_persons(look, gather, &gathering);
  *ret_sign = gathering.sign;
  return TRUE;
}

char *group_names(Look *look, const CatalogRecord *record, gint64 hash, const char **ret_sign) {
  json_auto_t *counts = json_object();
  GString *text = g_string_new(NULL);
  const char *name;
  json_t *count;
  *ret_sign = "";
  if (gather_names(look, record, hash, counts, ret_sign, NULL))
    json_object_foreach(counts, name, count) g_string_append_printf(text, "%s%s", text->len ? "、" : "", name);
  return g_string_free(text, FALSE);
}

static int oftener(gconstpointer a, gconstpointer b, gpointer counts) {
  const char *x = *(char *const *)a, *y = *(char *const *)b;
  json_int_t left = json_integer_value(json_object_get(counts, x)), right = json_integer_value(json_object_get(counts, y));
  return left != right ? (left > right ? -1 : 1) : strcmp(x, y);
}

/* Names, the most frequent first. */
static GPtrArray *sorted_names(json_t *counts) {
  GPtrArray *names = g_ptr_array_new();
  const char *name;
  json_t *count;
  json_object_foreach(counts, name, count) g_ptr_array_add(names, (gpointer)name);
  g_ptr_array_sort_with_data(names, oftener, counts);
  return names;
}

/* ---- the person they belong to ---- */

static gboolean has_name(json_t *person, const char *name) {
  if (g_str_equal(text_at(person, "name"), name)) return TRUE;
  size_t i;
  json_t *each;
  json_array_foreach(json_object_get(person, "names"), i, each)
    if (g_str_equal(text_at(each, "name"), name)) return TRUE;
  return FALSE;
}

/* {id: person} of the living with just this name. */
static gboolean add_persons(Sql *sql, const char *name, json_t *persons, GError **error) {
  g_autofree char *folded = text_fold(name);
  json_auto_t *rows = sql_json(sql, "SELECT a.id AS id FROM authority_name AS n JOIN authority AS a ON a.id = n.authority_id WHERE n.folded = $1 AND a.kind = 'person' "
    "ORDER BY a.id LIMIT 20", SQL_ARGS(sql_text(folded)), error);
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_auto_t *person = authority_load(sql, int_at(row, "id"), error);
    if (person == NULL) return FALSE;
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, int_at(row, "id"));
    if (has_name(person, name)) json_object_set(persons, id, person);
  }
  return rows != NULL;
}

/* Only the writing differs from a name that the person has; or he has no other yet. */
static gboolean may_take(json_t *person, GPtrArray *names) {
  if (json_array_size(json_object_get(person, "names")) == 0) return TRUE;
  g_autofree char *known = text_fold(text_at(person, "name"));
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *folded = text_fold(names->pdata[i]);
    if (!g_str_equal(folded, known) && !has_name(person, names->pdata[i])) return FALSE;
  }
  return TRUE;
}

/* Each has a character of the first: two names under one paper's number may as well be a wrong number. */
static gboolean alike(GPtrArray *names) {
  g_autofree char *first = text_fold(names->pdata[0]);
  for (guint i = 1; i < names->len; i++) {
    g_autofree char *folded = text_fold(names->pdata[i]);
    gboolean shared = FALSE;
    for (const char *at = folded; *at && !shared; at = g_utf8_next_char(at)) shared = g_utf8_strchr(first, -1, g_utf8_get_char(at)) != NULL;
    if (!shared) return FALSE;
  }
  return TRUE;
}

typedef struct {
  WebRequest *request;
  Sql *sql;
  Look *look;
  json_t *joined; /* {authority id: {rev it has since, made, names put in}} */
  gint64 groups, left;
} Joining;

static gboolean join_names(Joining *joining, json_t *person, GPtrArray *names, GError **error) {
  gboolean made = person == NULL;
  json_auto_t *after = made ? json_pack("{s:i, s:s, s:s, s:[]}", "id", 0, "kind", "person", "name", (const char *)names->pdata[0], "names") : json_deep_copy(person);
  json_auto_t *added = json_array();
  for (guint i = 0; i < names->len; i++) {
    if (has_name(after, names->pdata[i])) continue;
    json_array_append_new(json_object_get(after, "names"), json_pack("{s:s, s:s, s:s}", "name", (const char *)names->pdata[i], "type", "variant", "dates", ""));
    json_array_append_new(added, json_string(names->pdata[i]));
  }
  if (json_array_size(added) == 0) return TRUE;
  g_autoptr(GError) local = NULL;
  gint64 id = authority_save(joining->sql, web_actor(joining->request), after, made ? 0 : int_at(person, "rev"), &local);
  if (id == 0 && (g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) || g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID)))
    return joining->left++, TRUE;
  json_auto_t *saved = id == 0 ? NULL : authority_load(joining->sql, id, &local);
  if (saved == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  joining->groups++;
  g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT, id);
  json_t *entry = json_object_get(joining->joined, key);
  if (entry == NULL) json_object_set_new(joining->joined, key, entry = json_pack("{s:b, s:[]}", "made", made, "names"));
  json_object_set(entry, "rev", json_object_get(saved, "rev"));
  json_array_extend(json_object_get(entry, "names"), added);
  return TRUE;
}

static gboolean join_group(gint64 hash, GPtrArray *records, gpointer data, GError **error) {
  Joining *joining = data;
  json_auto_t *counts = json_object(), *persons = json_object();
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    if (record->security > SECURITY_INTERNAL) return joining->left++, TRUE; /* the names of persons are for everybody who searches */
    const char *sign;
    if (!gather_names(joining->look, record, hash, counts, &sign, error)) return FALSE;
  }
  g_autoptr(GPtrArray) names = sorted_names(counts);
  for (guint i = 0; i < names->len; i++)
    if (!add_persons(joining->sql, names->pdata[i], persons, error)) return FALSE;
  json_t *person = json_object_iter_value(json_object_iter(persons));
  if (names->len > 1 && web_flag(joining->request, "all") && !alike(names)) return joining->left++, TRUE;
  if (names->len > NAMES_MOST || json_object_size(persons) > 1 || (person != NULL && !may_take(person, names))) return joining->left++, TRUE;
  return names->len < 2 || join_names(joining, person, names, error);
}

WebReply *join_faults(WebRequest *request, GError **error) {
  const House *house = web_house(request);
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  if (kind == NULL || !kind->by_form) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这种问题不是姓名写法");
  if (!web_may(request, "authority.edit")) return throw_null(error, LANTAI_ERROR_DENIED, "您的岗位不能改名称规范");
  g_autoptr(Sql) sql = sql_write(house->db, error);
  g_auto(Look) look = {0};
  if (sql == NULL || !look_begin(&look, house, sql, error)) return NULL;
  json_auto_t *joined = json_object();
  Joining joining = {request, sql, &look, joined, 0, 0};
  if (!group_chosen(request, sql, kind, join_group, &joining, error)) return NULL;
  json_auto_t *told = json_pack("{s:O, s:I}", "joined", joined, "groups", (json_int_t)joining.groups);
  if (joining.groups > 0 && (journal_append(sql, web_actor(request), "quality.join", "quality", 1, told, error) == 0 || !sql_commit(sql, error))) return NULL;
  WebReply *reply = web_redirect("/quality/%s", kind->key);
  g_autofree char *message = g_strdup_printf("%" G_GINT64_FORMAT " 组的姓名已记入人名规范%s", joining.groups, joining.groups ? "，可以在下面撤销" : "");
  g_autofree char *left = g_strdup_printf("%s；%" G_GINT64_FORMAT " 组没有记：在人名规范里是不同的人、那人另有别名、姓名没有一个字相同，或涉密，请逐组核对", message, joining.left);
  web_flash(reply, joining.left ? left : message);
  return reply;
}

/* ---- and back ---- */

/* Takes out of a person what was put in; FALSE with *ret_left where it was changed or used since. */
static gboolean unjoin_one(Sql *sql, const char *actor, gint64 id, json_t *entry, gboolean *ret_left, GError **error) {
  gboolean made = json_is_true(json_object_get(entry, "made"));
  json_auto_t *person = authority_load(sql, id, error);
  if (person == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  gboolean done = FALSE;
  if (made && int_at(person, "rev") == int_at(entry, "rev")) done = authority_delete(sql, actor, id, &local);
  else {
    json_t *names = json_object_get(person, "names"), *added;
    size_t i;
    json_array_foreach(json_object_get(entry, "names"), i, added)
      for (size_t n = json_array_size(names); n > 0; n--)
        if (g_str_equal(text_at(json_array_get(names, n - 1), "name"), json_string_value(added))) json_array_remove(names, n - 1);
    done = authority_save(sql, actor, person, 0, &local) != 0;
  }
  *ret_left = !done;
  return done || g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT) || (g_propagate_error(error, g_steal_pointer(&local)), FALSE);
}

WebReply *unjoin_faults(WebRequest *request, GError **error) {
  gint64 event_id = web_int(request, "event", 0);
  if (!web_may(request, "authority.edit")) return throw_null(error, LANTAI_ERROR_DENIED, "您的岗位不能改名称规范");
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  json_auto_t *row = sql ? sql_row_json(sql, "SELECT e.data, EXISTS (SELECT 1 FROM event AS u WHERE u.subject_kind = 'quality_join' AND u.subject_id = e.id) AS undone "
    "FROM event AS e WHERE e.id = $1 AND e.action = 'quality.join'", SQL_ARGS(sql_int(event_id)), error) : NULL;
  if (row == NULL) return NULL;
  if (int_at(row, "undone")) return throw_null(error, LANTAI_ERROR_CONFLICT, "已经撤销过");
  json_auto_t *data = json_loads(text_at(row, "data"), 0, NULL), *told = json_object();
  const char *id;
  json_t *entry;
  gint64 left = 0;
  json_object_foreach(json_object_get(data, "joined"), id, entry) {
    gboolean stays = FALSE;
    if (!unjoin_one(sql, web_actor(request), g_ascii_strtoll(id, NULL, 10), entry, &stays, error)) return NULL;
    left += stays;
  }
  if (journal_append(sql, web_actor(request), "quality.unjoin", "quality_join", event_id, told, error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/quality/person");
  g_autofree char *message = left ? g_strdup_printf("已撤销；%" G_GINT64_FORMAT " 个人物其后已有关联，没有动", left) : g_strdup("已撤销，随即重新检查");
  web_flash(reply, message);
  return reply;
}

/* What was joined last: [{event, at, actor, groups, undone}]. */
json_t *joins_model(Sql *sql, GError **error) {
  json_t *rows = sql_json(sql, "SELECT e.id AS event, e.at_us AS at, e.actor, e.data, "
    "EXISTS (SELECT 1 FROM event AS u WHERE u.subject_kind = 'quality_join' AND u.subject_id = e.id) AS undone "
    "FROM event AS e WHERE e.action = 'quality.join' ORDER BY e.id DESC LIMIT $1", SQL_ARGS(sql_int(SHOWN)), error), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    json_auto_t *data = json_loads(text_at(row, "data"), 0, NULL);
    json_object_set_new(row, "groups", json_integer(int_at(data, "groups")));
    json_object_set_new(row, "undone", json_boolean(int_at(row, "undone")));
    json_object_del(row, "data");
  }
  return rows;
}
