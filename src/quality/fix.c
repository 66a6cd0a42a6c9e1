/*
 * Putting right what is mechanical: a revision is planned from what each record would become, and shown there before anything changes.
 *
 * 1. Nothing is changed here. The plan passes the asker's scope, its preview, its approval where one is needed, and can be undone as a whole.
 */
#include "internal.h"
#include "revise.h"

enum { FIX_MOST = 10000 };

/* [id, rev, {field: text}] when there is something to mend. */
static gboolean add_values(Look *look, const QualityKind *kind, const CatalogRecord *record, json_t *values, GError **error) {
  if (!look_at(look, record, error)) return FALSE;
  g_autofree char *found = kind->look(look); /* it may have been put right since the survey */
  json_auto_t *mended = found ? kind->mend(look) : NULL;
  if (json_object_size(mended) > 0)
    json_array_append_new(values, json_pack("[I, I, O]", (json_int_t)record->id, (json_int_t)record->rev, mended));
  return TRUE;
}

/* The ids chosen, or all of the kind (and fonds). */
static GArray *chosen_ids(WebRequest *request, Sql *sql, const QualityKind *kind, GError **error) {
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  gint64 fonds = web_int(request, "fonds", 0);
  if (!web_flag(request, "all")) {
    g_array_append_vals(ids, items, (guint)count);
    return g_steal_pointer(&ids);
  }
  g_autoptr(SqlRows) rows = fonds
    ? sql_query(sql, "SELECT record_id FROM quality_fault WHERE kind = $1 AND fonds_id = $2 ORDER BY record_id LIMIT 10000",
        SQL_ARGS(sql_text(kind->key), sql_int(MAX(fonds, 0))), error)
    : sql_query(sql, "SELECT record_id FROM quality_fault WHERE kind = $1 ORDER BY record_id LIMIT 10000", SQL_ARGS(sql_text(kind->key)), error);
  g_autoptr(GError) failure = NULL;
  while (rows && sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "record_id");
    g_array_append_val(ids, id);
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return rows ? g_steal_pointer(&ids) : NULL;
}

static json_t *values_of(WebRequest *request, const QualityKind *kind, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(GArray) ids = sql ? chosen_ids(request, sql, kind, error) : NULL;
  g_auto(Look) look = {0};
  if (ids == NULL || !look_begin(&look, web_house(request), sql, error)) return NULL;
  g_autoptr(GPtrArray) records = catalog_records(sql, web_scope(request), (const gint64 *)(gpointer)ids->data, MIN(ids->len, FIX_MOST), error);
  if (records == NULL) return NULL;
  json_auto_t *values = json_array();
  for (guint i = 0; i < records->len; i++)
    if (!add_values(&look, kind, g_ptr_array_index(records, i), values, error)) return NULL;
  return json_incref(values);
}

WebReply *fix_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  if (kind == NULL || kind->mend == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这种问题不能一键更正，请逐条或批量修改");
  json_auto_t *values = values_of(request, kind, error);
  if (values == NULL) return NULL;
  if (json_array_size(values) == 0) return throw_null(error, LANTAI_ERROR_INVALID, "选定的条目里没有可以更正的。请先勾选，或它们已经改过，请再检查一次");
  g_autofree char *title = g_strdup_printf("著录质量：%s", kind->title);
  json_auto_t *asked = json_pack("{s:O, s:s}", "values", values, "title", title);
  gint64 id = revise_plan(web_house(request), web_scope(request), web_actor(request), asked, error);
  return id ? web_redirect("/revise/%" G_GINT64_FORMAT, id) : NULL;
}

/* To the page of changes in bulk, with what was chosen. */
WebReply *pick_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  if (kind == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这种问题");
  if (count == 0) return throw_null(error, LANTAI_ERROR_INVALID, "没有选择条目。请先勾选，再按按钮");
  g_autoptr(GString) address = g_string_new("/revise/new");
  for (gsize i = 0; i < count; i++) g_string_append_printf(address, "%citem=%" G_GINT64_FORMAT, i ? '&' : '?', items[i]);
  if (kind->field) g_string_append_printf(address, "&field=%s", kind->field);
  return web_redirect("%s", address->str);
}
