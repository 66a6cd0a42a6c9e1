/*
 * One record: its description, its files, its history.
 *
 * 1. The history tells who did what and what stood there before; it is for those with the permission only, whatever the scope admits.
 * 2. Files are listed only when the scope admits them; otherwise the page says so instead of hiding that there are some.
 */
#include "move.h"
#include "renumber.h"
#include <string.h>

enum { FILES_SHOWN = 60, FILES_PREVIEW = 6, HISTORY_SHOWN = 30, SIBLINGS_TRIED = 100, HIT_PAGES_SHOWN = 12 };

/* ---- neighbours ---- */

static json_t *sibling_json(const CatalogRecord *record) {
  return json_pack("{s:I, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title); }

static json_t *first_admitted(SqlRows *taken, const Scope *scope, GError **error) {
  g_autoptr(SqlRows) rows = taken;
  if (rows == NULL) return NULL;
  RecordRow row = record_row(rows);
  g_autoptr(GError) local = NULL;
  while (sql_next(rows, &local)) {
    g_autoptr(CatalogRecord) record = record_at(rows, &row);
    if (scope_admits(scope, record->level, record->fonds_id, record->security, record->opening)) return sibling_json(record);
  }
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  return json_null();
}

/* The nearest admitted record before and after this one by code, under the same parent; none when the next SIBLINGS_TRIED are all closed to the asker. */
static gboolean add_siblings(json_t *model, Sql *sql, const Scope *scope, const CatalogRecord *record, GError **error) {
  const SqlValue *args = SQL_ARGS(sql_int(record->parent_id), sql_text(record->code), sql_int(SIBLINGS_TRIED));
  json_t *previous = first_admitted(sql_query(sql, RECORD_SELECT "WHERE r.parent_id = $1 AND r.code < $2 ORDER BY r.code DESC LIMIT $3", args, error), scope,
    error);
  if (previous == NULL) return FALSE;
  json_object_set_new(model, "previous", previous);
  json_t *next = first_admitted(sql_query(sql, RECORD_SELECT "WHERE r.parent_id = $1 AND r.code > $2 ORDER BY r.code LIMIT $3", args, error), scope, error);
  if (next == NULL) return FALSE;
  json_object_set_new(model, "next", next);
  return TRUE;
}

gint64 record_next_seen(Sql *sql, const Scope *scope, const CatalogRecord *record) {
  json_auto_t *next = first_admitted(sql_query(sql, RECORD_SELECT "WHERE r.parent_id = $1 AND r.code > $2 ORDER BY r.code LIMIT $3",
    SQL_ARGS(sql_int(record->parent_id), sql_text(record->code), sql_int(SIBLINGS_TRIED)), NULL), scope, NULL);
  return json_integer_value(json_object_get(next, "id"));
}

/* ---- files ---- */

static const char *kind_label(const char *kind) {
  static const struct { const char *kind, *label; } labels[] = {{"image", "图像"}, {"pdf", "PDF"}, {"ofd", "OFD"}, {"text", "文本"}, {"office", "办公文档"}, {"audio", "音频"},
    {"video", "视频"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
    if (g_strcmp0(labels[i].kind, kind) == 0) return labels[i].label;
  return "文件";
}

static json_t *file_rows(GPtrArray *files, guint start, guint count) {
  json_t *rows = json_array();
  gint64 page = 1;
  for (guint i = 0; i < files->len; i++) {
    const CatalogFile *file = files->pdata[i];
    if (i >= start && i < start + count) {
      json_t *row = catalog_file_json(file);
      json_object_set_new(row, "first_page", json_integer(page));
      json_object_set_new(row, "kind_label", json_string(kind_label(file->kind)));
      json_array_append_new(rows, row);
    }
    page += file_span(file);
  }
  return rows;
}

static gboolean add_files(json_t *model, WebRequest *request, Sql *sql, const CatalogRecord *record, gboolean whole, GError **error) {
  json_object_set_new(model, "file_count", json_integer(record->file_count));
  if (record->file_count == 0) return TRUE;
  g_autoptr(GError) local = NULL;
  g_autoptr(GPtrArray) files = catalog_files(sql, web_scope(request), record->id, &local);
  if (files == NULL && g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_DENIED)) {
    json_object_set_new(model, "files_denied", json_string(local->message));
    return TRUE;
  }
  if (files == NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  guint start = whole ? CLAMP(web_int(request, "after", 0), 0, (gint64)files->len) : 0, count = whole ? FILES_SHOWN : FILES_PREVIEW;
  gint64 bytes = 0;
  for (guint i = 0; i < files->len; i++) bytes += ((const CatalogFile *)files->pdata[i])->size_bytes;
  json_object_set_new(model, "files", file_rows(files, start, count));
  json_object_set_new(model, "files_bytes", json_integer(bytes));
  json_object_set_new(model, "may_view", json_true());
  if (start + count < files->len) json_object_set_new(model, "files_next", json_integer(start + count));
  if (start > 0) json_object_set_new(model, "files_previous", json_integer(start > FILES_SHOWN ? start - FILES_SHOWN : 0));
  json_object_set_new(model, "files_paged", json_boolean(start > 0));
  return TRUE;
}

/* ---- history ---- */

static const char *action_label(const char *action) {
  static const char *const labels[][2] = {{"record.create", "新建著录"}, {"record.update", "修改著录"}, {"record.delete", "删除"},
    {"delivery.update", "移交批次更正"}, {"delivery.undo", "撤销批次，恢复原状"}, {"delivery.keep", "撤销批次时保留"},
    {"revise.apply", "批量修改"}, {"revise.undo", "撤销批量修改"}, {"keep.destroyed", "销毁原文"}, {"keep.converted", "格式转换"}, {"keep.unconverted", "撤销格式转换"},
    {"link.add", "关联"}, {"link.remove", "取消关联"}, {"dossier.put", "全宗卷"}, {"dossier.remove", "删除全宗卷条目"}};
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++)
    if (g_strcmp0(action, labels[i][0]) == 0) return labels[i][1];
  return action != NULL ? action : "";
}

/* What was proposed and approved was changed by who proposed it, whoever's word set it going. */
static void name_author(json_t *row, json_t *event) {
  json_t *data = json_object_get(event, "data");
  if (json_object_get(data, "approved_by") == NULL || g_strcmp0(json_string_value(json_object_get(event, "action")), "revise.apply") != 0) return;
  if (json_object_get(data, "author") != NULL) json_object_set(row, "actor", json_object_get(data, "author"));
  if (g_strcmp0(json_string_value(json_object_get(data, "source")), "form") == 0) json_object_set_new(row, "label", json_string(action_label("record.update")));
}

static json_t *event_row(const Catalog *catalog, const CatalogRecord *record, json_t *event) {
  json_t *row = json_pack("{s:O?, s:O?, s:O?, s:s}", "id", json_object_get(event, "id"), "at", json_object_get(event, "at"), "actor", json_object_get(event,
    "actor"),
    "label", action_label(json_string_value(json_object_get(event, "action"))));
  json_t *changes = json_object_get(json_object_get(event, "data"), "changes");
  if (json_is_object(changes)) json_object_set_new(row, "changes", changes_rows(catalog, record, changes));
  json_t *accession = json_object_get(json_object_get(event, "data"), "accession");
  if (accession != NULL) json_object_set(row, "accession_id", accession);
  json_t *revision = json_object_get(json_object_get(event, "data"), "revision");
  if (revision != NULL) {
    json_object_set(row, "revision", revision);
    json_object_set(row, "revision_title", json_object_get(json_object_get(event, "data"), "title"));
    json_object_set(row, "approved_by", json_object_get(json_object_get(event, "data"), "approved_by"));
    name_author(row, event);
  }
  return row;
}

/* Codes given in bulk are told of by the renumbering's own event. */
static gboolean add_renumberings(json_t *model, Sql *sql, const CatalogRecord *record, GError **error) {
  json_t *rows = renumber_of_record(sql, record->id, error);
  if (rows != NULL) json_object_set_new(model, "renumberings", rows);
  return rows != NULL;
}

/* Moves in bulk likewise; where from and where to as far as the asker may see it. */
static gboolean add_moves(json_t *model, WebRequest *request, Sql *sql, const CatalogRecord *record, GError **error) {
  json_t *rows = move_of_record(sql, record->id, error), *row;
  size_t i;
  json_array_foreach(rows, i, row) {
    static const char *const ends[] = {"before", "after"};
    for (guint k = 0; k < G_N_ELEMENTS(ends); k++) {
      g_autoptr(CatalogRecord) parent = catalog_record_load(sql, web_scope(request), json_integer_value(json_object_get(row, ends[k])), NULL);
      json_object_set_new(row, ends[k], json_string(parent == NULL ? "" : parent->code));
    }
  }
  if (rows != NULL) json_object_set_new(model, "moves", rows);
  return rows != NULL;
}

/* The delivery that brought the record: its first event tells who and when. */
static gboolean add_origin(json_t *model, Sql *sql, const CatalogRecord *record, GError **error) {
  if (record->accession_id == 0) return TRUE;
  json_auto_t *events = journal_first(sql, "accession", record->accession_id, error);
  if (events == NULL) return FALSE;
  json_t *first = json_array_get(events, 0);
  json_t *origin = json_pack("{s:I}", "accession_id", (json_int_t)record->accession_id);
  if (first != NULL) json_object_set(origin, "at", json_object_get(first, "at"));
  if (first != NULL) json_object_set(origin, "actor", json_object_get(first, "actor"));
  json_object_set_new(model, "origin", origin);
  return TRUE;
}

static gboolean add_history(json_t *model, WebRequest *request, Sql *sql, const CatalogRecord *record, GError **error) {
  json_auto_t *events = catalog_history(sql, record->id, web_int(request, "after", 0), HISTORY_SHOWN, error);
  if (events == NULL) return FALSE;
  json_t *rows = json_array(), *event, *last = NULL;
  size_t i;
  json_array_foreach(events, i, event) {
    json_array_append_new(rows, event_row(web_house(request)->catalog, record, event));
    last = event;
  }
  json_object_set_new(model, "events", rows);
  if (json_array_size(events) == HISTORY_SHOWN) json_object_set(model, "history_next", json_object_get(last, "id"));
  return add_renumberings(model, sql, record, error) && add_moves(model, request, sql, record, error) && add_origin(model, sql, record, error);
}

/* ---- /record/{id} ---- */

static CatalogRecordExtra record_extras[8]; /* ended by NULL; set before serving */
void catalog_set_record_extra(CatalogRecordExtra extra) {
  guint count = 0;
  while (count < G_N_ELEMENTS(record_extras) - 1 && record_extras[count] != NULL && record_extras[count] != extra) count++;
  record_extras[count] = extra;
}
gboolean add_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error) {
  for (guint i = 0; i < G_N_ELEMENTS(record_extras) && record_extras[i] != NULL; i++)
    if (!record_extras[i](request, sql, record, model, error)) return FALSE;
  return TRUE;
}

static const char *const TOMBSTONE_STAFF[] = {"reason", "requested_by", "approved_by", "disposal"};

/* The search that led here (its address, made by reader/) and the hit's number in it: the hits around it are a link away. */
static void add_search(json_t *model, WebRequest *request) {
  const char *asked = web_text(request, "s");
  gint64 number = web_int(request, "n", 0);
  if (number <= 0) return;
  json_t *search = json_pack("{s:s, s:I, s:I}", "address", asked ? asked : "", "number", (json_int_t)number, "next", (json_int_t)(number + 1));
  if (number > 1) json_object_set_new(search, "previous", json_integer(number - 1));
  json_object_set_new(model, "search", search);
}

/* Pages of the record's files that hold the words of the search. */
static gboolean add_hit_pages(json_t *model, WebRequest *request, Sql *sql, const CatalogRecord *record, GError **error) {
  const char *query = web_text(request, "q");
  if (query == NULL || record->file_count == 0 || !scope_admits_files(web_scope(request), record->fonds_id, record->security, record->opening)) return TRUE;
  g_autoptr(GArray) hits = search_record_pages(web_house(request)->search, sql, query, record->id, NULL, error);
  if (hits == NULL) return FALSE;
  json_t *pages = json_array();
  for (guint i = 0; i < MIN(hits->len, HIT_PAGES_SHOWN); i++) json_array_append_new(pages, json_integer(g_array_index(hits, SearchPageHit, i).page));
  json_object_set_new(model, "hit_pages", pages);
  if (hits->len > HIT_PAGES_SHOWN) json_object_set_new(model, "hit_pages_count", json_integer(hits->len));
  return TRUE;
}

static json_t *record_model(WebRequest *request, Sql *sql, const CatalogRecord *record, GError **error) {
  const House *house = web_house(request);
  const char *q = web_text(request, "q"), *tab = web_text(request, "tab");
  gboolean may_history = web_may(request, PERMISSION_HISTORY), history = may_history && g_strcmp0(tab, "history") == 0, files = g_strcmp0(tab, "files") == 0;
  g_autoptr(GPtrArray) terms = q == NULL ? NULL : search_terms(house->search, sql, q, record->id);
  json_auto_t *path = record_path(sql, web_scope(request), record, error);
  if (path == NULL) return NULL;
  json_auto_t *model = json_pack("{s:s, s:s, s:o, s:O, s:o, s:o}", "title", record->title, "q", q ? q : "", "record", catalog_record_json(house->catalog,
    record), "path",
    path, "groups", description_groups(house->catalog, record, terms), "title_parts", text_parts(terms, record->title));
  json_object_set_new(model, "tab_files", json_boolean(files));
  g_auto(GStrv) former = g_strsplit(record->former, "\n", -1);
  json_t *codes = json_array();
  for (char **code = former; *code != NULL; code++) json_array_append_new(codes, json_string(*code));
  json_object_set_new(model, "former_codes", codes);
  json_object_set_new(model, "tab_history", json_boolean(history));
  json_object_set_new(model, "tab_description", json_boolean(!files && !history));
  json_object_set_new(model, "is_node", json_boolean(record->level < LEVEL_ITEM));
  json_object_set_new(model, "is_described", json_boolean(record->level >= LEVEL_VOLUME));
  json_object_set_new(model, "may_history", json_boolean(may_history));
  json_object_set_new(model, "is_volume", json_boolean(record->level == LEVEL_VOLUME));
  json_object_set_new(model, "may_create", json_boolean(web_may(request, PERMISSION_CREATE)));
  json_object_set_new(model, "may_move", json_boolean(web_may(request, PERMISSION_MOVE)));
  json_object_set_new(model, "may_edit", json_boolean(web_may(request, PERMISSION_EDIT) || web_may(request, PERMISSION_PROPOSE)));
  json_object_set_new(model, "may_export", json_boolean(web_may(request, PERMISSION_EXPORT)));
  if (record->file_count > 0 && web_may(request, "keep.read")) json_object_set_new(model, "may_copies", json_true());
  if (record->accession_id && web_may(request, "delivery.read")) json_object_set_new(model, "delivery_id", json_integer(record->accession_id));
  json_object_set_new(model, "may_delete", json_boolean(web_may(request, PERMISSION_DELETE) && record->file_count == 0));
  g_autoptr(GError) local = NULL;
  json_t *tombstone = catalog_tombstone(sql, record->id, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (tombstone != NULL && !scope_admits_files(web_scope(request), record->fonds_id, record->security, record->opening)) json_object_del(tombstone, "files");
  if (tombstone != NULL && !may_history) /* who did what is for the staff */
    for (guint i = 0; i < G_N_ELEMENTS(TOMBSTONE_STAFF); i++) json_object_del(tombstone, TOMBSTONE_STAFF[i]);
  json_object_set_new(model, "may_dispose", json_boolean(tombstone == NULL && record->level >= LEVEL_VOLUME && web_may(request, "disposal.request")));
  if (tombstone != NULL) json_object_set_new(model, "may_delete", json_false());
  if (tombstone != NULL) json_object_set_new(model, "tombstone", tombstone);
  if (!add_siblings(model, sql, web_scope(request), record, error) || !add_files(model, request, sql, record, files, error)) return NULL;
  if (history && !add_history(model, request, sql, record, error)) return NULL;
  if (!add_record_extra(request, sql, record, model, error) || !add_hit_pages(model, request, sql, record, error)) return NULL;
  add_search(model, request);
  return g_steal_pointer(&model);
}

WebReply *page_record(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) record = sql == NULL ? NULL : catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (record == NULL) return NULL;
  json_t *model = record_model(request, sql, record, error);
  return model == NULL ? NULL : web_model(model);
}
