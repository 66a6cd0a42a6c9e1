/*
 * A form whose record others saved meanwhile, and values put back from the history.
 *
 * 1. Three descriptions are held side by side, field by field: as the form was made from, as it is now, as it was typed. What one side alone changed is taken
 *    over; where both did, the person chooses, and nothing is saved until each such field is chosen.
 * 2. The description as it was comes from the history. Where that does not tell, every difference is to be chosen.
 * 3. A value is put back as a new change, with its own event, through the same rules as a form.
 */
#include "internal.h"
#include <string.h>

/* ---- choices ---- */

/* A field of the form and a key of a difference: the date is three of these. */
static gboolean is_of_field(const char *diff_key, const char *field) {
  if (g_str_has_prefix(diff_key, "fields.")) return g_str_equal(diff_key + strlen("fields."), field);
  return g_str_equal(field, "date") ? g_str_has_prefix(diff_key, "date_") : g_str_equal(diff_key, field);
}

static gboolean take_stored(CatalogRecord *record, const CatalogRecord *stored, const char *field, GError **error) {
  json_auto_t *changes = catalog_record_diff(record, stored);
  const char *key;
  json_t *pair;
  void *next;
  json_object_foreach_safe(changes, next, key, pair)
    if (!is_of_field(key, field)) json_object_del(changes, key);
  return changes == NULL || record_apply_diff(record, changes, error);
}

gboolean edit_take_choices(WebRequest *request, const CatalogRecord *stored, CatalogRecord *record, GError **error) {
  gsize open_count, choice_count;
  const char *const *open = web_list(request, "open", &open_count), *const *choices = web_list(request, "choice", &choice_count);
  for (gsize i = 0; i < open_count; i++) {
    g_autofree char *mine = g_strconcat(open[i], "=mine", NULL), *theirs = g_strconcat(open[i], "=theirs", NULL);
    gboolean keep = FALSE, take = FALSE;
    for (gsize k = 0; k < choice_count; k++) {
      keep = keep || g_str_equal(choices[k], mine);
      take = take || g_str_equal(choices[k], theirs);
    }
    if (keep == take) return throw(error, LANTAI_ERROR_INVALID, "两人都改过的各项还没有全部选定，没有保存。请逐项选定用哪一个");
    if (take && !take_stored(record, stored, open[i], error)) return FALSE;
  }
  return TRUE;
}

/* ---- three descriptions ---- */

static const char *shown(const char *text) { return *text != '\0' ? text : "（空）"; }

static void annotate_one(json_t *input, const CatalogRecord *base, const CatalogRecord *now, const CatalogRecord *mine) {
  const char *key = json_string_value(json_object_get(input, "name"));
  if (key == NULL) return;
  g_autofree char *b = base != NULL ? catalog_value_get(base, key) : NULL, *n = catalog_value_get(now, key), *m = catalog_value_get(mine, key);
  if (g_str_equal(n, m) || g_strcmp0(b, n) == 0) return;
  if (g_strcmp0(b, m) == 0) {
    json_object_set_new(input, "taken", json_pack("{s:s}", "was", shown(b)));
    return;
  }
  json_object_set_new(input, "theirs", json_string(shown(n)));
  json_object_set_new(input, "choose", json_pack("{s:s, s:b}", "key", key, "known", b != NULL));
  if (b != NULL) json_object_set_new(json_object_get(input, "choose"), "was", json_string(shown(b)));
}

void edit_annotate(json_t *model, const CatalogRecord *base, const CatalogRecord *now, const CatalogRecord *mine) {
  static const char *const lists[] = {"inputs", "own_inputs"};
  size_t i;
  json_t *each;
  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    json_array_foreach(json_object_get(model, lists[k]), i, each) annotate_one(each, base, now, mine);
  annotate_one(json_object_get(model, "note"), base, now, mine);
  form_arrange(model);
}

CatalogRecord *edit_merged(const CatalogRecord *base, const CatalogRecord *now, const CatalogRecord *mine, GError **error) {
  if (base == NULL) return catalog_record_dup(mine);
  json_auto_t *changes = catalog_record_diff(base, mine);
  json_auto_t *conflicts = json_object();
  g_autoptr(CatalogRecord) merged = catalog_record_merge(now, changes, FALSE, conflicts, error);
  json_auto_t *wanted = json_object();
  const char *key;
  json_t *triple;
  json_object_foreach(conflicts, key, triple) json_object_set_new(wanted, key, json_pack("[O, O]", json_array_get(triple, 1), json_array_get(triple, 2)));
  return merged != NULL && record_apply_diff(merged, wanted, error) ? g_steal_pointer(&merged) : NULL;
}

gboolean edit_only_files_changed(Sql *sql, const CatalogRecord *now, gint64 rev) {
  g_autoptr(CatalogRecord) base = catalog_record_as_of(sql, now, rev, NULL);
  json_auto_t *changes = base == NULL ? NULL : catalog_record_diff(base, now);
  return base != NULL && changes == NULL;
}

/* ---- as in the one before ---- */

static void add_last(json_t *input, const CatalogRecord *like) {
  const char *key = json_string_value(json_object_get(input, "name"));
  g_autofree char *last = key == NULL || g_str_equal(key, "code") ? NULL : catalog_value_get(like, key);
  if (last != NULL && *last != '\0' && json_object_get(input, "options") == NULL) json_object_set_new(input, "last", json_string(last));
}

void edit_add_like(json_t *model, const CatalogRecord *like, const char *address) {
  static const char *const lists[] = {"inputs", "own_inputs"};
  size_t i;
  json_t *each;
  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    json_array_foreach(json_object_get(model, lists[k]), i, each) add_last(each, like);
  add_last(json_object_get(model, "note"), like);
  form_arrange(model);
  json_object_set_new(model, "like", json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)like->id, "code", like->code, "title", like->title, "copy", address));
}

void edit_copy_from(CatalogRecord *record, const CatalogRecord *like) {
  char **texts[][2] = {{&record->title, (char **)&like->title}, {&record->creator, (char **)&like->creator}, {&record->docno, (char **)&like->docno},
    {&record->date_text, (char **)&like->date_text}, {&record->retention, (char **)&like->retention}, {&record->fields, (char **)&like->fields}};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_free(*texts[i][0]);
    *texts[i][0] = g_strdup(*texts[i][1]);
  }
  record->date = like->date;
  record->year = like->year;
  record->page_count = like->page_count;
  record->security = like->security;
  record->opening = like->opening;
}

/* ---- put back ---- */

/* What the event changed of this field, from what stands there now back to what stood there before. */
static json_t *way_back(json_t *changes, const char *key, const CatalogRecord *now, GError **error) {
  json_t *back = json_object(), *pair;
  const char *each;
  gboolean date = g_str_has_prefix(key, "date_");
  json_object_foreach(changes, each, pair)
    if (g_str_equal(each, key) || (date && g_str_has_prefix(each, "date_")))
      json_object_set_new(back, each, json_pack("[O, O]", json_array_get(pair, 1), json_array_get(pair, 0)));
  if (json_object_size(back) > 0) return back;
  json_decref(back);
  return throw_null(error, LANTAI_ERROR_NOT_FOUND, "历史中没有档案 %s 的这项修改", now->code);
}

static CatalogRecord *put_back(Sql *sql, const CatalogRecord *now, gint64 event_id, const char *key, GError **error) {
  json_auto_t *events = catalog_history(sql, now->id, event_id + 1, 1, error);
  json_t *event = json_array_get(events, 0);
  if (events == NULL) return NULL;
  json_t *changes = json_integer_value(json_object_get(event, "id")) == event_id ? json_object_get(json_object_get(event, "data"), "changes") : NULL;
  json_auto_t *back = way_back(changes, key, now, error);
  g_autoptr(CatalogRecord) after = catalog_record_dup(now);
  return back != NULL && record_apply_diff(after, back, error) ? g_steal_pointer(&after) : NULL;
}

WebReply *page_record_restore(WebRequest *request, GError **error) {
  g_autoptr(CatalogRecord) now = NULL;
  g_autoptr(CatalogRecord) after = NULL;
  {
    g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
    now = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
    after = now == NULL ? NULL : put_back(sql, now, web_int(request, "event", 0), web_text(request, "key"), error);
  }
  if (after == NULL) return NULL;
  if (record_equal(now, after)) return throw_null(error, LANTAI_ERROR_CONFLICT, "现在已是这个内容，没有改动");
  return edit_save(request, now, after, now->rev, "恢复原值", error);
}
