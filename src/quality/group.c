/*
 * Records alike, group by group: which one of them is to stay, which are surplus, and what becomes of these.
 *
 * 1. A group is shown, and chosen, by its first record. It holds only what is at fault still: who was judged not to be is no part of it.
 * 2. Stays what has files, then what has more filled in, then the older one, where nobody says otherwise.
 * 3. Surplus descriptions go through a revision that deletes (revise/): it tells what carries something and leaves it. Files go through a disposal (keep/).
 */
#include "internal.h"
#include "revise.h"

enum { DELETED_MOST = 10000, DISPOSED_MOST = 100 };

/* ---- groups ---- */

static guint filled(const CatalogRecord *record) {
  const char *texts[] = {record->creator, record->docno, record->date_text, record->retention};
  guint count = record->page_count > 0;
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) count += *texts[i] != '\0';
  json_auto_t *fields = json_loads(record->fields, 0, NULL);
  const char *key;
  json_t *value;
  json_object_foreach(fields, key, value) count += json_string_length(value) > 0;
  return count;
}

static gboolean better(const CatalogRecord *one, const CatalogRecord *other) {
  if ((one->file_count > 0) != (other->file_count > 0)) return one->file_count > 0;
  guint left = filled(one), right = filled(other);
  return left != right ? left > right : one->id < other->id;
}

gint64 group_best(GPtrArray *records) {
  const CatalogRecord *best = NULL;
  for (guint i = 0; i < records->len; i++)
    if (best == NULL || better(records->pdata[i], best)) best = records->pdata[i];
  return best ? best->id : 0;
}

gboolean group_each(Sql *sql, const Scope *scope, const QualityKind *kind, gint64 record_id, gboolean first_only, GroupVisit visit, gpointer data, GError **error) {
  json_auto_t *hashes = sql_json(sql, "SELECT DISTINCT hash FROM quality_key WHERE record_id = $1 AND kind = $2 ORDER BY hash",
    SQL_ARGS(sql_int(record_id), sql_text(kind->key)), error);
  size_t i;
  json_t *row;
  json_array_foreach(hashes, i, row) {
    gint64 hash = json_integer_value(json_object_get(row, "hash"));
    g_autoptr(GArray) ids = pair_at_fault(sql, kind, hash, error);
    if (ids == NULL) return FALSE;
    if (ids->len == 0 || (first_only && g_array_index(ids, gint64, 0) != record_id)) continue;
    g_autoptr(GPtrArray) records = catalog_records(sql, scope, (const gint64 *)(gpointer)ids->data, ids->len, error);
    if (records == NULL) return FALSE;
    if (records->len > 1 && !visit(hash, records, data, error)) return FALSE;
  }
  return hashes != NULL;
}

gboolean group_ids(gint64 hash, GPtrArray *records, gpointer ids, GError **error) {
  for (guint i = 0; i < records->len; i++) g_array_append_val((GArray *)ids, ((CatalogRecord *)records->pdata[i])->id);
  return TRUE;
}

/* The groups asked for: those chosen by their first records, or all of the kind (and fonds). */
gboolean group_chosen(WebRequest *request, Sql *sql, const QualityKind *kind, GroupVisit visit, gpointer data, GError **error) {
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  const Scope *scope = web_scope(request);
  if (!web_flag(request, "all")) {
    for (gsize i = 0; i < count; i++)
      if (!group_each(sql, scope, kind, items[i], TRUE, visit, data, error)) return FALSE;
    return count > 0 || throw(error, LANTAI_ERROR_INVALID, "没有选择条目。请先勾选，再按按钮");
  }
  json_auto_t *what = json_pack("{s:s, s:I}", "kind", kind->key, "fonds", (json_int_t)web_int(request, "fonds", 0));
  for (gint64 after = 0; after >= 0;) {
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
    if (!finding_ids(sql, scope, what, &after, ids, error)) return FALSE;
    for (guint i = 0; i < ids->len; i++)
      if (!group_each(sql, scope, kind, g_array_index(ids, gint64, i), TRUE, visit, data, error)) return FALSE;
  }
  return TRUE;
}

/* ---- surplus ---- */

typedef struct {
  GHashTable *keep, *shown; /* ids: what is to stay, the first records of groups whose boxes were seen */
  gboolean disposal;
  json_t *ids;
  GString *codes;
  guint groups, with_files;
} Surplus;

static GHashTable *ids_given(WebRequest *request, const char *name) {
  gsize count;
  const gint64 *ids = web_ints(request, name, &count);
  GHashTable *set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (gsize i = 0; i < count; i++) g_hash_table_add(set, g_memdup2(&ids[i], sizeof ids[i]));
  return set;
}

static gboolean add_surplus(gint64 hash, GPtrArray *records, gpointer data, GError **error) {
  Surplus *surplus = data;
  const CatalogRecord *first = records->pdata[0];
  guint kept = 0;
  for (guint i = 0; i < records->len; i++) kept += g_hash_table_contains(surplus->keep, &((CatalogRecord *)records->pdata[i])->id);
  if (kept == 0 && g_hash_table_contains(surplus->shown, &first->id))
    return throw(error, LANTAI_ERROR_INVALID, "“%s %s”这一组没有选保留哪一条，至少保留一条", first->code, first->title);
  gint64 best = kept ? 0 : group_best(records);
  surplus->groups++;
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    if (kept ? g_hash_table_contains(surplus->keep, &record->id) : record->id == best) continue;
    if (surplus->disposal && record->file_count == 0) continue;
    json_array_append_new(surplus->ids, json_integer(record->id));
    g_string_append_printf(surplus->codes, "%s\n", record->code);
  }
  gsize most = surplus->disposal ? DISPOSED_MOST : DELETED_MOST;
  return json_array_size(surplus->ids) <= most || throw(error, LANTAI_ERROR_TOO_LARGE, "多余的超过 %zu 条，请按全宗或勾选分批", most);
}

static WebReply *dispose(WebRequest *request, const Surplus *surplus, GError **error) {
  if (!web_may(request, "disposal.request")) return throw_null(error, LANTAI_ERROR_DENIED, "您的岗位不能提出销毁");
  g_autofree char *codes = g_uri_escape_string(surplus->codes->str, NULL, FALSE);
  return web_redirect("/keep/disposal/new?kind=mistake&codes=%s", codes);
}

static WebReply *plan_surplus(WebRequest *request, const QualityKind *kind, const Surplus *surplus, GError **error) {
  g_autofree char *title = g_strdup_printf("著录质量：%s，%u 组删除多余的", kind->title, surplus->groups);
  json_auto_t *ask = json_pack("{s:{s:O}, s:{s:s}, s:s}", "selection", "ids", surplus->ids, "rule", "kind", "delete", "title", title);
  gint64 id = revise_plan(web_house(request), web_scope(request), web_actor(request), ask, error);
  return id ? web_redirect("/revise/%" G_GINT64_FORMAT, id) : NULL;
}

WebReply *surplus_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  if (kind == NULL || kind->keys == NULL || kind->by_form) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这种问题没有多余的条目");
  g_autoptr(GHashTable) keep = ids_given(request, "keep");
  g_autoptr(GHashTable) shown = ids_given(request, "shown");
  json_auto_t *ids = json_array();
  g_autoptr(GString) codes = g_string_new(NULL);
  Surplus surplus = {keep, shown, web_flag(request, "disposal"), ids, codes, 0, 0};
  {
    g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
    if (sql == NULL || !group_chosen(request, sql, kind, add_surplus, &surplus, error)) return NULL;
  }
  if (json_array_size(ids) == 0)
    return throw_null(error, LANTAI_ERROR_INVALID, surplus.disposal ? "所选各组里多余的都没有原文" : "所选各组里没有多余的条目");
  return surplus.disposal ? dispose(request, &surplus, error) : plan_surplus(request, kind, &surplus, error);
}
