/*
 * The history of a fonds (全宗卷, DA/T 12-2012): entries by part, the bodies that made it, and figures computed from the catalogue.
 *
 * 1. Who may see the fonds sees the entries; a record named in one is shown only to those who may see it. Figures are within the asker's scope.
 * 2. An entry's number is never used again: it is the number of the event that told of it first.
 */
#include "internal.h"

enum { TEXT_MOST = 20000, TITLE_MOST = 300, RECORDS_MOST = 50, BODIES_MOST = 100 };

/* DA/T 12-2012 chapter 5: the classes of a 全宗卷; the first two are texts about the fonds and its maker. */
static const Word PARTS[] = {{"introduction", "全宗介绍"}, {"body", "机构沿革"}, {"receiving", "收集"}, {"arrangement", "整理"}, {"appraisal", "鉴定"}, {"keeping", "保管"},
  {"statistics", "统计"}, {"use", "利用"}, {"technique", "新技术应用"}, {NULL, NULL}};

/* ---- entries ---- */

static gboolean write_entry(Sql *sql, json_t *entry, GError **error) {
  DateSpan date = {0, 0};
  date_parse(text_at(entry, "date"), &date);
  char *records = json_dumps(json_object_get(entry, "records"), JSON_COMPACT);
  gboolean written = sql_exec(sql,
    "INSERT INTO dossier_entry (id, rev, fonds_id, part, date_text, date_from, title, text, records) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, part = excluded.part, date_text = excluded.date_text, date_from = excluded.date_from, title = excluded.title, "
    "text = excluded.text, records = excluded.records",
    SQL_ARGS(sql_int(int_at(entry, "id")), sql_int(int_at(entry, "rev")), sql_int(int_at(entry, "fonds_id")), sql_text(text_at(entry, "part")),
      sql_text(text_at(entry, "date")),
      sql_int(date.from), sql_text(text_at(entry, "title")), sql_text(text_at(entry, "text")), sql_text(records ? records : "[]")), error);
  free(records);
  return written;
}

static gboolean erase_entry(Sql *sql, gint64 id, GError **error) { return sql_exec(sql, "DELETE FROM dossier_entry WHERE id = $1", SQL_ARGS(sql_int(id)),
  error); }

static json_t *rows_unfolded(json_t *rows) {
  size_t i;
  json_t *row;
  json_array_foreach(rows, i, row) {
    json_t *records = json_loads(text_at(row, "records"), 0, NULL);
    json_object_set_new(row, "records", records ? records : json_array());
  }
  return rows;
}

static json_t *entry_load(Sql *sql, gint64 fonds_id, gint64 id, GError **error) {
  json_auto_t *rows = sql_json(sql, "SELECT id, rev, fonds_id, part, date_text AS date, title, text, records FROM dossier_entry WHERE id = $1",
    SQL_ARGS(sql_int(id)), error);
  json_t *row = json_array_get(rows_unfolded(rows), 0);
  if (rows == NULL) return NULL;
  if (row == NULL || int_at(row, "fonds_id") != fonds_id) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "全宗卷中没有这一条，可能已经删除，请刷新");
  return json_incref(row);
}

static json_t *clean_entry(json_t *given, GError **error) {
  g_autofree char *title = text_clean(text_at(given, "title"), FALSE), *text = text_clean(text_at(given, "text"), TRUE), *date = text_clean(text_at(given,
    "date"), FALSE);
  const char *part = text_at(given, "part");
  DateSpan span;
  gboolean known = FALSE;
  for (const Word *each = PARTS; each->name != NULL; each++) known = known || g_str_equal(each->name, part);
  if (!known) return throw_null(error, LANTAI_ERROR_INVALID, "请选择全宗卷的部分");
  if (*title == '\0' && *text == '\0') return throw_null(error, LANTAI_ERROR_INVALID, "请填写标题或内容");
  if (text_length(title) > TITLE_MOST || text_length(text) > TEXT_MOST) return throw_null(error, LANTAI_ERROR_INVALID, "标题最多 %d 个字，内容最多 %d 个字", TITLE_MOST,
    TEXT_MOST);
  if (!date_parse(date, &span)) return throw_null(error, LANTAI_ERROR_INVALID, "日期“%s”不是日期。可写 2012-05-08、2012年5月、2012", date);
  json_t *records = json_object_get(given, "records");
  if (json_array_size(records) > RECORDS_MOST) return throw_null(error, LANTAI_ERROR_INVALID, "一条最多附 %d 件档案", RECORDS_MOST);
  return json_pack("{s:I, s:i, s:I, s:s, s:s, s:s, s:s, s:o}", "id", (json_int_t)int_at(given, "id"), "rev", 1, "fonds_id", (json_int_t)int_at(given,
    "fonds_id"), "part", part, "date",
    date, "title", title, "text", text, "records", records ? json_incref(records) : json_array());
}

static json_t *entry_changes(json_t *before, json_t *after) {
  g_autofree char *label = g_strdup_printf("全宗卷·%s", word_label(PARTS, text_at(after ? after : before, "part")));
  g_autofree char *was = before ? g_strdup_printf("%s %s\n%s", text_at(before, "date"), text_at(before, "title"), text_at(before, "text")) : g_strdup("");
  g_autofree char *is = after ? g_strdup_printf("%s %s\n%s", text_at(after, "date"), text_at(after, "title"), text_at(after, "text")) : g_strdup("");
  return json_pack("{s:[s, s]}", label, g_strstrip(was), g_strstrip(is));
}

gint64 dossier_save(Sql *sql, const char *actor, json_t *given, gint64 expect_rev, GError **error) {
  json_auto_t *entry = clean_entry(given, error);
  if (entry == NULL) return 0;
  gint64 id = int_at(entry, "id"), fonds = int_at(entry, "fonds_id");
  json_auto_t *before = id == 0 ? NULL : entry_load(sql, fonds, id, error);
  if (id != 0 && before == NULL) return 0;
  if (before != NULL && expect_rev != 0 && int_at(before, "rev") != expect_rev) return throw(error, LANTAI_ERROR_CONFLICT, "这一条在您打开以后已被别人改过，没有保存");
  if (before != NULL) json_object_set_new(entry, "rev", json_integer(int_at(before, "rev") + 1));
  json_auto_t *data = json_pack("{s:O, s:o}", "entry", entry, "changes", entry_changes(before, entry));
  gint64 event = journal_append(sql, actor, "dossier.put", "record", fonds, data, error);
  if (event == 0) return 0;
  if (id == 0) json_object_set_new(entry, "id", json_integer(id = event));
  return write_entry(sql, entry, error) ? id : 0;
}

gboolean dossier_remove(Sql *sql, const char *actor, gint64 fonds_id, gint64 id, GError **error) {
  json_auto_t *entry = entry_load(sql, fonds_id, id, error);
  if (entry == NULL) return FALSE;
  json_auto_t *data = json_pack("{s:O, s:o}", "entry", entry, "changes", entry_changes(entry, NULL));
  return journal_append(sql, actor, "dossier.remove", "record", fonds_id, data, error) != 0 && erase_entry(sql, id, error);
}

gboolean dossier_replay(Sql *sql, json_t *event, gboolean removed, GError **error) {
  json_t *entry = json_object_get(json_object_get(event, "data"), "entry");
  if (entry == NULL) return throw(error, LANTAI_ERROR_INVALID, "全宗卷事件的内容不全");
  if (removed) return erase_entry(sql, int_at(entry, "id"), error);
  json_auto_t *row = json_copy(entry);
  if (int_at(row, "id") == 0) json_object_set(row, "id", json_object_get(event, "id"));
  return write_entry(sql, row, error);
}

/* ---- the page ---- */

/* Records that the asker may see; the others are not spoken of. */
static void show_records(WebRequest *request, Sql *sql, json_t *entry) {
  json_t *shown = json_array(), *id;
  size_t i;
  g_autoptr(GString) codes = g_string_new(NULL);
  json_array_foreach(json_object_get(entry, "records"), i, id) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), json_integer_value(id), NULL);
    if (record == NULL) continue;
    json_array_append_new(shown, json_pack("{s:I, s:s, s:s}", "id", (json_int_t)record->id, "code", record->code, "title", record->title));
    g_string_append_printf(codes, "%s%s", codes->len ? "\n" : "", record->code);
  }
  json_object_set_new(entry, "records", shown);
  json_object_set_new(entry, "codes", json_string(codes->str));
}

static json_t *parts_of(WebRequest *request, Sql *sql, gint64 fonds_id, GError **error) {
  json_auto_t *rows = rows_unfolded(sql_json(sql,
    "SELECT id, rev, part, date_text AS date, title, text, records FROM dossier_entry WHERE fonds_id = $1 ORDER BY part, date_from, id LIMIT 1000",
    SQL_ARGS(sql_int(fonds_id)), error));
  if (rows == NULL) return NULL;
  json_t *parts = json_array(), *row;
  for (const Word *part = PARTS; part->name != NULL; part++) {
    json_t *entries = json_array();
    size_t i;
    json_array_foreach(rows, i, row) {
      if (!g_str_equal(text_at(row, "part"), part->name)) continue;
      show_records(request, sql, row);
      json_array_append(entries, row);
    }
    json_array_append_new(parts, json_pack("{s:s, s:s, s:o}", "name", part->name, "label", part->label, "entries", entries));
  }
  return parts;
}

static gint64 facet_sum(const SearchResult *result, const char *name, gint64 value, gint64 *ret_least, gint64 *ret_most) {
  gint64 sum = 0;
  for (guint f = 0; result->facets != NULL && f < result->facets->len; f++) {
    const SearchFacet *facet = result->facets->pdata[f];
    for (guint v = 0; g_str_equal(facet->name, name) && v < facet->values->len; v++) {
      const SearchFacetValue *item = &g_array_index(facet->values, SearchFacetValue, v);
      if (value < 0 || item->value == value) sum += item->count;
      if (ret_least && item->value > 0 && (*ret_least == 0 || item->value < *ret_least)) *ret_least = item->value;
      if (ret_most && item->value > *ret_most) *ret_most = item->value;
    }
  }
  return sum;
}

static json_t *figures_of(WebRequest *request, Sql *sql, gint64 fonds_id, GError **error) {
  static const gint64 described[] = {LEVEL_VOLUME, LEVEL_ITEM};
  const SearchRequest ask = {.fonds = &fonds_id, .fonds_count = 1, .levels = described, .levels_count = 2, .facets = TRUE};
  SearchRequest digital = ask;
  digital.with_files = TRUE;
  g_autoptr(SearchResult) all = search_run(web_house(request)->search, sql, web_scope(request), &ask, error);
  g_autoptr(SearchResult) filed = all == NULL ? NULL : search_run(web_house(request)->search, sql, web_scope(request), &digital, error);
  if (filed == NULL) return NULL;
  gint64 least = 0, most = 0, opened = facet_sum(all, "opening", OPENING_OPEN, NULL, NULL);
  facet_sum(all, "year", -1, &least, &most);
  g_autofree char *share = all->count ? g_strdup_printf("%.1f%%", 100.0 * (double)opened / (double)all->count) : g_strdup("—");
  g_autofree char *years = least ? g_strdup_printf("%" G_GINT64_FORMAT "—%" G_GINT64_FORMAT, least, most) : g_strdup("—");
  return json_pack("{s:I, s:I, s:I, s:I, s:s, s:s}", "volumes", (json_int_t)facet_sum(all, "level", LEVEL_VOLUME, NULL, NULL), "items",
    (json_int_t)facet_sum(all, "level", LEVEL_ITEM, NULL, NULL), "digital", (json_int_t)filed->count, "opened", (json_int_t)opened, "share", share, "years",
      years);
}

typedef struct { Sql *sql; json_t *list; GHashTable *seen; } Line;

static void add_body(Line *line, gint64 id, const char *why, const char *dates) {
  if (json_array_size(line->list) >= BODIES_MOST) return;
  gint64 *key = g_memdup2(&id, sizeof id);
  if (!g_hash_table_add(line->seen, key)) return;
  json_auto_t *body = authority_load(line->sql, id, NULL);
  if (body == NULL) return;
  DateSpan begin = {0, 0};
  date_parse(text_at(body, "begin"), &begin);
  g_autofree char *alive = dates_shown(body);
  json_array_append_new(line->list, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i}", "id", (json_int_t)id, "name", text_at(body, "name"), "alive", alive,
    "why", why, "dates", dates,
    "history", text_at(body, "history"), "from", begin.from ? begin.from : 99999999));
  json_auto_t *relations = relations_of(line->sql, id, NULL);
  size_t i;
  json_t *relation;
  json_array_foreach(relations, i, relation) {
    const char *kind = text_at(relation, "kind");
    if (g_str_equal(kind, "successor") || g_str_equal(kind, "merged")) {
      g_autofree char *reason = g_strdup_printf("%s的%s", text_at(body, "name"), text_at(relation, "label"));
      add_body(line, int_at(relation, "other"), g_str_equal(kind, "merged") ? text_at(relation, "label") : reason, text_at(relation, "dates"));
    }
  }
}

static int by_beginning(gconstpointer a, gconstpointer b) {
  gint64 x = int_at(*(json_t *const *)a, "from"), y = int_at(*(json_t *const *)b, "from");
  return x < y ? -1 : x > y;
}

json_t *bodies_of(Sql *sql, gint64 fonds_id, GError **error) {
  json_auto_t *makers = record_creators(sql, fonds_id, error);
  if (makers == NULL) return NULL;
  json_auto_t *list = json_array();
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  Line line = {sql, list, seen};
  size_t i;
  json_t *maker, *row;
  json_array_foreach(makers, i, maker) add_body(&line, int_at(maker, "id"), text_at(maker, "role_label"), text_at(maker, "dates"));
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  json_array_foreach(list, i, row) g_ptr_array_add(sorted, row);
  g_ptr_array_sort(sorted, by_beginning);
  json_t *result = json_array();
  for (guint k = 0; k < sorted->len; k++) json_array_append(result, sorted->pdata[k]);
  return result;
}

static CatalogRecord *fonds_of(WebRequest *request, Sql *sql, GError **error) {
  g_autoptr(CatalogRecord) fonds = catalog_record_load(sql, web_scope(request), web_int(request, "id", 0), error);
  if (fonds == NULL) return NULL;
  if (fonds->level != LEVEL_FONDS) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有这个全宗，或不在您的范围内");
  return g_steal_pointer(&fonds);
}

static WebReply *page(WebRequest *request, json_t *form, const char *problem, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : fonds_of(request, sql, error);
  json_auto_t *parts = fonds == NULL ? NULL : parts_of(request, sql, fonds->id, error);
  json_auto_t *figures = parts == NULL ? NULL : figures_of(request, sql, fonds->id, error);
  json_auto_t *bodies = figures == NULL ? NULL : bodies_of(sql, fonds->id, error);
  if (bodies == NULL) return NULL;
  gint64 editing = web_int(request, "edit", 0);
  json_auto_t *entry = form != NULL ? json_incref(form) : editing ? entry_load(sql, fonds->id, editing, error) : json_object();
  if (entry == NULL) return NULL;
  if (form == NULL && editing) show_records(request, sql, entry);
  g_autofree char *title = g_strdup_printf("全宗卷：%s %s", fonds->code, fonds->title);
  const char *part = *text_at(entry, "part") ? text_at(entry, "part") : web_text(request, "part");
  json_t *model = json_pack("{s:s, s:{s:I, s:s, s:s}, s:O, s:O, s:O, s:O, s:o, s:b, s:b, s:b, s:s?}", "title", title, "fonds", "id", (json_int_t)fonds->id,
    "code", fonds->code,
    "title", fonds->title, "parts", parts, "figures", figures, "bodies", bodies, "form", entry, "part_choices", word_choices(PARTS, part), "may_edit",
      web_may(request,
    PERMISSION_EDIT), "editing", int_at(entry, "id") != 0, "open_form", form != NULL || editing != 0 || web_text(request, "part") != NULL, "problem", problem);
  return problem ? web_model_status(model, 422) : web_model(model);
}

WebReply *page_fonds_history(WebRequest *request, GError **error) { return page(request, NULL, NULL, error); }

/* Records by their codes, a line each; the fonds' own before others. */
static json_t *records_said(WebRequest *request, Sql *sql, gint64 fonds_id, const char *said, GError **error) {
  json_auto_t *ids = json_array();
  g_auto(GStrv) lines = g_strsplit_set(said, "\n,，;；", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_autofree char *code = text_clean(*line, FALSE);
    if (*code == '\0') continue;
    g_autoptr(CatalogRecord) own = catalog_record_by_code(sql, web_scope(request), fonds_id, code, NULL);
    g_autoptr(CatalogRecord) record = own ? g_steal_pointer(&own) : catalog_record_by_code(sql, web_scope(request), 0, code, NULL);
    if (record == NULL) return throw_null(error, LANTAI_ERROR_INVALID, "没有档号为“%s”的档案，或不在您的范围内", code);
    json_array_append_new(ids, json_integer(record->id));
  }
  return g_steal_pointer(&ids);
}

/* Records that were named before and that this person may not see stay named. */
static void keep_unseen(WebRequest *request, Sql *sql, gint64 fonds_id, gint64 id, json_t *ids) {
  json_auto_t *before = id == 0 ? NULL : entry_load(sql, fonds_id, id, NULL);
  size_t i;
  json_t *record;
  json_array_foreach(json_object_get(before, "records"), i, record) {
    g_autoptr(CatalogRecord) seen = catalog_record_load(sql, web_scope(request), json_integer_value(record), NULL);
    if (seen == NULL) json_array_append(ids, record);
  }
}

WebReply *page_dossier_save(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : fonds_of(request, sql, error);
  if (fonds == NULL) return NULL;
  gint64 id = web_int(request, "entry", 0);
  static const char *const texts[] = {"part", "date", "title", "text", "codes"};
  json_auto_t *entry = json_pack("{s:I, s:I, s:I}", "id", (json_int_t)id, "rev", (json_int_t)web_int(request, "rev", 0), "fonds_id", (json_int_t)fonds->id);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) set_text(entry, texts[i], web_text(request, texts[i]) ? web_text(request, texts[i]) : "");
  g_autoptr(GError) local = NULL;
  json_t *records = records_said(request, sql, fonds->id, text_at(entry, "codes"), &local);
  if (records != NULL) {
    keep_unseen(request, sql, fonds->id, id, records);
    json_object_set_new(entry, "records", records);
  }
  gboolean saved = records != NULL && dossier_save(sql, web_actor(request), entry, web_int(request, "rev", 0), &local) != 0 && sql_commit(sql, &local);
  sql_end(g_steal_pointer(&sql));
  if (!saved && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_INVALID) && !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT))
    return g_propagate_error(error, g_steal_pointer(&local)), NULL;
  if (!saved) return page(request, entry, local->message, error);
  return web_redirect("/fonds/%" G_GINT64_FORMAT "/history", fonds->id);
}

WebReply *page_dossier_remove(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(CatalogRecord) fonds = sql == NULL ? NULL : fonds_of(request, sql, error);
  if (fonds == NULL || !dossier_remove(sql, web_actor(request), fonds->id, web_int(request, "entry", 0), error) || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/fonds/%" G_GINT64_FORMAT "/history", fonds->id);
  web_flash(reply, "已删除；历史中留有原文");
  return reply;
}
