/*
 * Putting right what is mechanical: a revision is planned from what each record would become, and shown there before anything changes.
 *
 * 1. Nothing is changed here. The plan passes the asker's scope, its preview, its approval where one is needed, and can be undone as a whole.
 * 2. All of a kind are reached however many they are: the findings are a way to choose records, gone through by key.
 */
#include "internal.h"
#include "exchange.h"
#include "revise.h"
#include "watch.h"

/* ---- findings as a selection: {"findings": {"kind", "fonds": id, -1: of several, 0: all}} ---- */

static const char *kind_of(json_t *what) { return json_string_value(json_object_get(what, "kind")); }

gboolean finding_ids(Sql *sql, const Scope *scope, json_t *what, gint64 *after, GArray *ids, GError **error) {
  gint64 fonds = json_integer_value(json_object_get(what, "fonds"));
  g_autoptr(SqlRows) rows = fonds
    ? sql_query(sql, "SELECT record_id, fonds_id, level, security, openings FROM quality_fault WHERE kind = $1 AND fonds_id = $2 AND record_id > $3 "
        "ORDER BY record_id LIMIT 500", SQL_ARGS(sql_text(kind_of(what)), sql_int(MAX(fonds, 0)), sql_int(*after)), error)
    : sql_query(sql, "SELECT record_id, fonds_id, level, security, openings FROM quality_fault WHERE kind = $1 AND record_id > $2 "
        "ORDER BY record_id LIMIT 500", SQL_ARGS(sql_text(kind_of(what)), sql_int(*after)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  *after = -1;
  while (sql_next(rows, &failure)) {
    gint64 id = *after = sql_get_int(rows, "record_id");
    FaultGate gate = fault_gate_at(rows);
    if (fault_admitted(scope, &gate)) g_array_append_val(ids, id);
  }
  return failure == NULL || (g_propagate_error(error, g_steal_pointer(&failure)), FALSE);
}

static char *finding_title(Sql *sql, const Scope *scope, json_t *what, GError **error) {
  const QualityKind *kind = quality_kind(kind_of(what));
  if (kind == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这种著录问题");
  gint64 fonds = json_integer_value(json_object_get(what, "fonds"));
  g_autofree char *label = fonds == 0 ? NULL : fonds_label(sql, scope, MAX(fonds, 0));
  return label == NULL ? g_strdup_printf("著录质量：%s", kind->title) : g_strdup_printf("著录质量：%s（%s）", kind->title, label);
}

static const SelectionSource FINDINGS = {"findings", finding_ids, finding_title};

/* ---- what becomes of a record ---- */

typedef struct {
  Look look;
  const QualityKind *kind;
} Mending;

static gpointer mending_begin(const House *house, json_t *with, GError **error) {
  const QualityKind *kind = quality_kind(kind_of(with));
  if (kind == NULL || kind->mend == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这种问题不能一键更正，请逐条或批量修改");
  Mending *mending = g_new0(Mending, 1);
  mending->kind = kind;
  if (look_begin(&mending->look, house, NULL, error)) return mending;
  g_free(mending);
  return NULL;
}

static json_t *mending_values(gpointer state, Sql *sql, const CatalogRecord *record, GError **error) {
  Mending *mending = state;
  mending->look.sql = sql;
  if (!look_at(&mending->look, record, error)) return NULL;
  g_autofree char *found = mending->kind->look(&mending->look); /* it may have been put right since the survey */
  if (mending->look.failure != NULL) return g_propagate_error(error, g_steal_pointer(&mending->look.failure)), NULL;
  return found == NULL ? NULL : mending->kind->mend(&mending->look);
}

static void mending_end(gpointer state) {
  Mending *mending = state;
  look_clear(&mending->look);
  g_free(mending);
}

static const ReviseMaker MENDING = {"quality", mending_begin, mending_values, mending_end};

void fix_register(void) {
  selection_source_add(&FINDINGS);
  revise_maker_add(&MENDING);
}

/* ---- pages ---- */

/* The records ticked, or all of the kind (and fonds); NULL: none. */
static json_t *chosen(WebRequest *request, const QualityKind *kind, GError **error) {
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  if (web_flag(request, "all")) return json_pack("{s:{s:s, s:I}}", "findings", "kind", kind->key, "fonds", (json_int_t)web_int(request, "fonds", 0));
  g_autoptr(GArray) records = g_array_new(FALSE, FALSE, sizeof(gint64)); /* what is ticked stands for its whole group */
  g_autoptr(Sql) sql = kind->keys ? sql_read(web_house(request)->db, error) : NULL;
  if (kind->keys == NULL) g_array_append_vals(records, items, (guint)count);
  else if (sql == NULL) return NULL;
  for (gsize i = 0; kind->keys && i < count; i++)
    if (!group_each(sql, web_scope(request), kind, items[i], FALSE, group_ids, records, error)) return NULL;
  if (records->len == 0) return throw_null(error, LANTAI_ERROR_INVALID, "没有选择条目。请先勾选，再按按钮");
  json_t *ids = json_array();
  for (guint i = 0; i < records->len; i++) json_array_append_new(ids, json_integer(g_array_index(records, gint64, i)));
  return json_pack("{s:o}", "ids", ids);
}

static gboolean all_findings(WebRequest *request, const QualityKind *kind, GArray *ids, GError **error) {
  json_auto_t *what = json_pack("{s:s, s:I}", "kind", kind->key, "fonds", (json_int_t)web_int(request, "fonds", 0));
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  for (gint64 after = 0; sql != NULL && after >= 0;)
    if (!finding_ids(sql, web_scope(request), what, &after, ids, error)) return FALSE;
  return sql != NULL;
}

/* Codes are put right by renumbering, which keeps the old ones findable and has a preview and an undo of its own. */
static WebReply *renumber_faults(WebRequest *request, const QualityKind *kind, GError **error) {
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (!web_may(request, "code.renumber")) return throw_null(error, LANTAI_ERROR_DENIED, "您的岗位不能改号");
  if (!web_flag(request, "all")) g_array_append_vals(ids, items, (guint)count);
  else if (!all_findings(request, kind, ids, error)) return NULL;
  if (ids->len == 0) return throw_null(error, LANTAI_ERROR_INVALID, "没有选择条目。请先勾选，再按按钮");
  g_autofree char *title = g_strdup_printf("著录质量：%s", kind->title);
  gint64 id = catalog_renumber_plan(web_house(request), web_scope(request), web_actor(request), (const gint64 *)(gpointer)ids->data, ids->len, title, error);
  return id ? web_redirect("/renumber/%" G_GINT64_FORMAT, id) : NULL;
}

WebReply *fix_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  if (kind != NULL && kind->fixes == FIX_CODES) return renumber_faults(request, kind, error);
  if (kind == NULL || kind->mend == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "这种问题不能一键更正，请逐条或批量修改");
  json_auto_t *selection = chosen(request, kind, error);
  if (selection == NULL) return NULL;
  g_autofree char *title = g_strdup_printf("著录质量：%s", kind->title);
  json_auto_t *asked = json_pack("{s:O, s:s, s:{s:s}, s:s}", "selection", selection, "maker", MENDING.name, "with", "kind", kind->key, "title", title);
  gint64 id = revise_plan(web_house(request), web_scope(request), web_actor(request), asked, error);
  return id ? web_redirect("/revise/%" G_GINT64_FORMAT, id) : NULL;
}

/* To the page of changes in bulk, with what was chosen. */
WebReply *pick_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = quality_kind(web_text(request, "kind"));
  if (kind == NULL) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这种问题");
  json_auto_t *selection = chosen(request, kind, error);
  if (selection == NULL) return NULL;
  g_autofree char *text = json_dumps(selection, JSON_COMPACT), *escaped = g_uri_escape_string(text, NULL, FALSE);
  return web_redirect("/revise/new?selection=%s%s%s", escaped, kind->field ? "&field=" : "", kind->field ? kind->field : "");
}
