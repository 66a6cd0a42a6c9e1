/*
 * The pages of quality: kinds with their counts by fonds and the change since the survey before; the records of a kind; judgements.
 *
 * 1. Counts are of the last survey, within the scope; the list of records is of now and passes the gate record by record.
 */
#include "internal.h"

enum { ROWS = 100, FONDS_SHOWN = 8, OTHERS_SHOWN = 8, PICKED_MOST = 1000, JUDGED_MOST = 10000 };

/* ---- counts ---- */

typedef struct {
  gint64 total, before;
  GHashTable *fonds; /* id → count */
} Tally;

static void tally_free(gpointer data) {
  Tally *tally = data;
  g_hash_table_unref(tally->fonds);
  g_free(tally);
}

static Tally *tally_of(GHashTable *tallies, const char *kind) {
  Tally *tally = g_hash_table_lookup(tallies, kind);
  if (tally) return tally;
  tally = g_new0(Tally, 1);
  tally->fonds = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  g_hash_table_insert(tallies, g_strdup(kind), tally);
  return tally;
}

static gboolean add_counts(GHashTable *tallies, Sql *sql, const Scope *scope, gint64 survey_id, gboolean before, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT kind, fonds_id, level, security, openings, faults FROM quality_count WHERE survey_id = $1",
    SQL_ARGS(sql_int(survey_id)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  while (sql_next(rows, &failure)) {
    FaultGate gate = fault_gate_at(rows);
    if (!fault_admitted(scope, &gate)) continue;
    Tally *tally = tally_of(tallies, sql_get_text(rows, "kind"));
    gint64 faults = sql_get_int(rows, "faults");
    *(before ? &tally->before : &tally->total) += faults;
    if (before) continue;
    gint64 *kept = g_hash_table_lookup(tally->fonds, &gate.fonds_id);
    if (kept) *kept += faults;
    else g_hash_table_insert(tally->fonds, g_memdup2(&gate.fonds_id, sizeof gate.fonds_id), g_memdup2(&faults, sizeof faults));
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return TRUE;
}

typedef struct { gint64 id, count; } FondsCount;
static int most_first(gconstpointer a, gconstpointer b) {
  const FondsCount *x = a, *y = b;
  return x->count != y->count ? (x->count > y->count ? -1 : 1) : x->id < y->id ? -1 : x->id > y->id;
}

char *fonds_label(Sql *sql, const Scope *scope, gint64 id) {
  g_autoptr(CatalogRecord) fonds = id ? catalog_record_load(sql, scope, id, NULL) : NULL;
  return fonds ? g_strdup_printf("%s %s", fonds->code, fonds->title) : g_strdup(id ? "未知全宗" : "跨全宗");
}

static json_t *fonds_model(Sql *sql, const Scope *scope, const char *kind, const Tally *tally, guint shown) {
  g_autoptr(GArray) counts = g_array_new(FALSE, FALSE, sizeof(FondsCount));
  GHashTableIter iter;
  gpointer id, count;
  g_hash_table_iter_init(&iter, tally->fonds);
  while (g_hash_table_iter_next(&iter, &id, &count)) {
    FondsCount one = {*(gint64 *)id, *(gint64 *)count};
    if (one.count > 0) g_array_append_val(counts, one);
  }
  g_array_sort(counts, most_first);
  json_t *list = json_array();
  for (guint i = 0; i < MIN(counts->len, shown); i++) {
    const FondsCount *one = &g_array_index(counts, FondsCount, i);
    g_autofree char *label = fonds_label(sql, scope, one->id), *href = g_strdup_printf("/quality/%s?fonds=%" G_GINT64_FORMAT, kind, one->id ? one->id : -1);
    json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "label", label, "count", (json_int_t)one->count, "href", href));
  }
  return list;
}

/* The survey to compare with: the last one before that day's. */
static gboolean read_tallies(GHashTable *tallies, Sql *sql, const Scope *scope, gint64 last, GError **error) {
  g_autoptr(GError) failure = NULL;
  gint64 before = sql_number(sql, "SELECT id FROM quality_survey WHERE finished_us > 0 AND id < $1 ORDER BY id DESC LIMIT 1", SQL_ARGS(sql_int(last)), 0, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  return add_counts(tallies, sql, scope, last, FALSE, error) && (before == 0 || add_counts(tallies, sql, scope, before, TRUE, error));
}

static json_t *kind_model(Sql *sql, const Scope *scope, const QualityKind *kind, const Tally *tally, gboolean compared) {
  json_t *model = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b}", "key", kind->key, "group", kind->group, "title", kind->title, "why", kind->why,
    "fix", kind->fix, "count", (json_int_t)(tally ? tally->total : 0), "by_itself", kind->fixes == FIX_OWN);
  if (tally) json_object_set_new(model, "fonds", fonds_model(sql, scope, kind->key, tally, FONDS_SHOWN));
  gint64 change = tally && compared ? tally->total - tally->before : 0;
  g_autofree char *text = g_strdup_printf("%+" G_GINT64_FORMAT, change);
  if (change) json_object_set_new(model, "change", json_string(text));
  json_object_set_new(model, "better", json_boolean(change < 0));
  return model;
}

static gboolean add_survey(json_t *model, Sql *sql, gint64 last, GError **error) {
  if (last == 0) return TRUE;
  json_t *survey = sql_row_json(sql, "SELECT finished_us AS at, looked FROM quality_survey WHERE id = $1", SQL_ARGS(sql_int(last)), error);
  if (survey) json_object_set_new(model, "survey", survey);
  return survey != NULL;
}

/* Whether something is still to be looked at: under way, or soon, because somebody reads this. */
static gboolean add_state(json_t *model, WebRequest *request, Sql *sql, GError **error) {
  g_autoptr(GError) failure = NULL;
  json_t *job = job_latest(sql, "quality", 1, NULL);
  const char *state = json_string_value(json_object_get(job, "state"));
  gboolean running = state && (g_str_equal(state, "running") || g_str_equal(state, "queued")), behind = survey_behind(web_house(request), sql, &failure);
  if (behind) survey_hasten();
  json_object_set_new(model, "running", json_boolean(running || behind));
  json_object_set_new(model, "failed", json_boolean(state && g_str_equal(state, "failed")));
  json_object_set_new(model, "job", job ? job : json_null());
  return failure == NULL || (g_propagate_error(error, g_steal_pointer(&failure)), FALSE);
}

WebReply *page_quality(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_read(web_house(request)->db, error);
  if (sql == NULL) return NULL;
  g_autoptr(GError) failure = NULL;
  gint64 last = survey_last(sql, &failure);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  g_autoptr(GHashTable) tallies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, tally_free);
  if (!read_tallies(tallies, sql, web_scope(request), last, error)) return NULL;
  gboolean compared = sql_number(sql, "SELECT COUNT(*) AS surveys FROM quality_survey WHERE finished_us > 0", SQL_NONE, 0, NULL) > 1;
  json_auto_t *kinds = json_array();
  gint64 total = 0;
  for (const QualityKind *kind = QUALITY_KINDS; kind->key; kind++) {
    const Tally *tally = g_hash_table_lookup(tallies, kind->key);
    total += tally ? tally->total : 0;
    json_array_append_new(kinds, kind_model(sql, web_scope(request), kind, tally, compared));
  }
  json_t *model = json_pack("{s:s, s:O, s:I, s:b}", "title", "著录质量", "kinds", kinds, "total", (json_int_t)total, "may_survey", web_may(request, "record.edit"));
  if (!add_state(model, request, sql, error)) return json_decref(model), NULL;
  return add_survey(model, sql, last, error) ? web_model(model) : (json_decref(model), NULL);
}

WebReply *start_survey(WebRequest *request, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  if (sql == NULL || quality_survey_queue(sql, web_actor(request), web_flag(request, "full"), error) == 0 || !sql_commit(sql, error)) return NULL;
  WebReply *reply = web_redirect("/quality");
  web_flash(reply, "检查已开始，可以离开本页");
  return reply;
}

/* ---- a kind ---- */

typedef struct {
  json_t *rows;
  const QualityKind *kind;
  Look *look;
} Grouping;

/* A group's records one below another, the first of which stands for it. */
static gboolean add_group(gint64 hash, GPtrArray *records, gpointer data, GError **error) {
  Grouping *grouping = data;
  gint64 best = group_best(records);
  for (guint i = 0; i < records->len; i++) {
    const CatalogRecord *record = records->pdata[i];
    const char *sign = "";
    g_autofree char *names = grouping->kind->by_form ? group_names(grouping->look, record, hash, &sign) : g_strdup("");
    json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:b}", "id", (json_int_t)record->id, "code", record->code, "title", record->title,
      "detail", names, "sign", sign, "creator", record->creator, "docno", record->docno, "date", record->date_text, "files", record->file_count, "size",
      (int)records->len, "begins", i == 0, "stays", record->id == best);
    json_array_append_new(grouping->rows, row);
  }
  return TRUE;
}

static SqlRows *query_rows(Sql *sql, const char *kind, gint64 fonds, gboolean passed, gint64 after, GError **error) {
  if (passed) return sql_query(sql, "SELECT record_id, '' AS detail, 0 AS fonds_id, 0 AS level, 0 AS security, 0 AS openings, actor, at_us, note FROM quality_pass "
    "WHERE kind = $1 AND record_id > $2 ORDER BY record_id LIMIT 500", SQL_ARGS(sql_text(kind), sql_int(after)), error);
  if (fonds) return sql_query(sql, "SELECT record_id, detail, fonds_id, level, security, openings, '' AS actor, found_us AS at_us, '' AS note FROM quality_fault "
    "WHERE kind = $1 AND fonds_id = $2 AND record_id > $3 ORDER BY record_id LIMIT 500", SQL_ARGS(sql_text(kind), sql_int(MAX(fonds, 0)), sql_int(after)), error);
  return sql_query(sql, "SELECT record_id, detail, fonds_id, level, security, openings, '' AS actor, found_us AS at_us, '' AS note FROM quality_fault "
    "WHERE kind = $1 AND record_id > $2 ORDER BY record_id LIMIT 500", SQL_ARGS(sql_text(kind), sql_int(after)), error);
}

typedef struct { json_t *rows; Look *look; gint64 last; gboolean full, end; } Listing;

/* One reading of 500; rows that the asker may not see are stepped over. */
static gboolean list_some(WebRequest *request, Sql *sql, const QualityKind *kind, gboolean passed, Listing *listing, GError **error) {
  const Scope *scope = web_scope(request);
  g_autoptr(SqlRows) rows = query_rows(sql, kind->key, web_int(request, "fonds", 0), passed, listing->last, error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) failure = NULL;
  guint read = 0;
  while (!listing->full && sql_next(rows, &failure)) {
    gint64 id = sql_get_int(rows, "record_id");
    FaultGate gate = fault_gate_at(rows);
    g_autoptr(CatalogRecord) record = passed || fault_admitted(scope, &gate) ? catalog_record_load(sql, scope, id, NULL) : NULL;
    read++;
    listing->last = id;
    if (record == NULL) continue;
    if (kind->keys && !passed) {
      Grouping grouping = {listing->rows, kind, listing->look};
      if (!group_each(sql, scope, kind, id, TRUE, add_group, &grouping, error)) return FALSE;
      listing->full = json_array_size(listing->rows) >= ROWS;
      continue;
    }
    json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:s}", "id", (json_int_t)id, "code", record->code, "title", record->title, "detail",
      sql_get_text(rows, "detail"), "actor", sql_get_text(rows, "actor"), "at", (json_int_t)sql_get_int(rows, "at_us"), "note", sql_get_text(rows, "note"));
    json_array_append_new(listing->rows, row);
    listing->full = json_array_size(listing->rows) >= ROWS;
  }
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
  listing->end = !listing->full && read < 500;
  return TRUE;
}

static const QualityKind *asked_kind(WebRequest *request, GError **error) {
  const char *key = web_text(request, "kind");
  const QualityKind *kind = quality_kind(key);
  return kind ? kind : throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有“%s”这种问题", key ? key : "");
}

WebReply *page_kind(WebRequest *request, GError **error) {
  const QualityKind *kind = asked_kind(request, error);
  g_autoptr(Sql) sql = kind ? sql_read(web_house(request)->db, error) : NULL;
  if (sql == NULL) return NULL;
  gboolean passed = g_strcmp0(web_text(request, "show"), "passed") == 0;
  json_auto_t *rows = json_array();
  g_auto(Look) look = {0};
  if (!look_begin(&look, web_house(request), sql, error)) return NULL;
  Listing listing = {rows, &look, web_int(request, "after", 0), FALSE, FALSE};
  while (!listing.full && !listing.end)
    if (!list_some(request, sql, kind, passed, &listing, error)) return NULL;
  g_autoptr(GHashTable) tallies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, tally_free);
  if (!read_tallies(tallies, sql, web_scope(request), survey_last(sql, NULL), error)) return NULL;
  const Tally *tally = g_hash_table_lookup(tallies, kind->key);
  json_t *model = kind_model(sql, web_scope(request), kind, tally, FALSE);
  if (!add_state(model, request, sql, error)) return json_decref(model), NULL;
  json_object_set(model, "rows", rows);
  json_object_set_new(model, "passed", json_boolean(passed));
  json_object_set_new(model, "surveyed", json_boolean(survey_last(sql, NULL) > 0));
  json_object_set_new(model, "pairs", json_boolean(kind->keys != NULL));
  json_object_set_new(model, "may_edit", json_boolean(web_may(request, "record.edit")));
  json_object_set_new(model, "by_field", json_boolean(kind->fixes == FIX_FIELD));
  json_object_set_new(model, "surplus", json_boolean(kind->keys != NULL && !kind->by_form));
  json_object_set_new(model, "by_files", json_boolean(kind->fixes == FIX_FILES));
  json_object_set_new(model, "may_dispose", json_boolean(web_may(request, "disposal.request")));
  json_object_set_new(model, "may_join", json_boolean(kind->by_form && web_may(request, "authority.edit")));
  json_object_set_new(model, "by_codes", json_boolean(kind->fixes == FIX_CODES));
  if (kind->field) json_object_set_new(model, "field", json_string(kind->field));
  if (kind->by_form && !passed) json_object_set_new(model, "joins", joins_model(sql, NULL));
  gint64 fonds = web_int(request, "fonds", 0);
  g_autofree char *label = fonds ? fonds_label(sql, web_scope(request), MAX(fonds, 0)) : NULL;
  if (fonds) json_object_set_new(model, "chosen", json_pack("{s:I, s:s}", "fonds", (json_int_t)fonds, "label", label));
  if (listing.full) json_object_set_new(model, "next", json_integer(listing.last));
  return web_model(model);
}

/* ---- judgements ---- */

static WebReply *back(WebRequest *request, const QualityKind *kind, gboolean passed, const char *message) {
  gint64 fonds = web_int(request, "fonds", 0);
  g_autofree char *query = fonds ? g_strdup_printf("?fonds=%" G_GINT64_FORMAT, fonds) : g_strdup(passed ? "?show=passed" : "");
  WebReply *reply = web_redirect("/quality/%s%s", kind->key, query);
  web_flash(reply, message);
  return reply;
}

typedef gboolean (*Judge)(Sql *sql, const char *actor, const char *kind, gint64 record_id, const char *note, GError **error);

static gboolean judge_back(Sql *sql, const char *actor, const char *kind, gint64 record_id, const char *note, GError **error) {
  return fault_unpass(sql, actor, kind, record_id, error);
}

/* What is judged: the records ticked, or all that are listed (of a fonds where one is chosen). */
static GArray *judged_ids(WebRequest *request, Sql *sql, const QualityKind *kind, gboolean passed, GError **error) {
  gsize count;
  const gint64 *items = web_ints(request, "item", &count);
  g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
  if (!web_flag(request, "all") && kind->keys && !passed) {
    for (gsize i = 0; i < count; i++)
      if (!group_each(sql, web_scope(request), kind, items[i], FALSE, group_ids, ids, error)) return NULL;
  } else if (!web_flag(request, "all")) g_array_append_vals(ids, items, (guint)count);
  for (gint64 after = 0; web_flag(request, "all") && after >= 0 && ids->len <= JUDGED_MOST;) {
    g_autoptr(SqlRows) rows = query_rows(sql, kind->key, passed ? 0 : web_int(request, "fonds", 0), passed, after, error);
    if (rows == NULL) return NULL;
    g_autoptr(GError) failure = NULL;
    after = -1;
    while (sql_next(rows, &failure)) {
      gint64 id = after = sql_get_int(rows, "record_id");
      FaultGate gate = fault_gate_at(rows);
      if (passed || fault_admitted(web_scope(request), &gate)) g_array_append_val(ids, id);
    }
    if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  }
  if (ids->len == 0) return throw_null(error, LANTAI_ERROR_INVALID, "没有选择条目。请先勾选，再按按钮");
  if (ids->len > JUDGED_MOST) return throw_null(error, LANTAI_ERROR_TOO_LARGE, "一次最多标 %d 条，请按全宗分批", JUDGED_MOST);
  return g_steal_pointer(&ids);
}

static gint64 judge(WebRequest *request, const QualityKind *kind, gboolean passed, Judge judge_one, GError **error) {
  g_autoptr(Sql) sql = sql_write(web_house(request)->db, error);
  g_autoptr(GArray) ids = sql ? judged_ids(request, sql, kind, passed, error) : NULL;
  if (ids == NULL) return -1;
  const char *note = web_text(request, "note");
  gint64 judged = 0;
  for (guint i = 0; i < ids->len; i++) {
    g_autoptr(CatalogRecord) record = catalog_record_load(sql, web_scope(request), g_array_index(ids, gint64, i), NULL);
    if (record == NULL) continue; /* not the asker's to judge */
    if (!judge_one(sql, web_actor(request), kind->key, record->id, note ? note : "", error)) return -1;
    judged++;
  }
  return sql_commit(sql, error) ? judged : -1;
}

WebReply *pass_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = asked_kind(request, error);
  gint64 judged = kind ? judge(request, kind, FALSE, fault_pass, error) : -1;
  g_autofree char *message = g_strdup_printf("%" G_GINT64_FORMAT " 条已标为“不是问题”，以后检查不再列出；可以在“不是问题的”里取消", judged);
  return judged < 0 ? NULL : back(request, kind, FALSE, message);
}

WebReply *unpass_faults(WebRequest *request, GError **error) {
  const QualityKind *kind = asked_kind(request, error);
  gint64 judged = kind ? judge(request, kind, TRUE, judge_back, error) : -1;
  g_autofree char *message = g_strdup_printf("%" G_GINT64_FORMAT " 条的标记已取消，随即重新检查", judged);
  return judged < 0 ? NULL : back(request, kind, TRUE, message);
}

/* ---- the table ---- */

static const WebParameter SURVEY_PARAMETERS[] = {{"full", WEB_FLAG, FALSE, 0, "全部重查"}, {NULL}};
static const WebParameter KIND_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 40, "种类"}, {"fonds", WEB_INT, FALSE, 0, "全宗"}, {"after", WEB_INT, FALSE, 0, "起点"},
  {"show", WEB_TEXT, FALSE, 10, "内容"}, {NULL}};
/* Which ones stay: of no use but for what is surplus, but in the same form. */
#define GROUP_PARAMETERS {"keep", WEB_INTS, FALSE, PICKED_MOST, "保留"}, {"shown", WEB_INTS, FALSE, PICKED_MOST, "本页各组"}
static const WebParameter JUDGE_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 40, "种类"}, {"fonds", WEB_INT, FALSE, 0, "全宗"},
  {"item", WEB_INTS, FALSE, PICKED_MOST, "条目"}, {"all", WEB_FLAG, FALSE, 0, "全部"}, {"note", WEB_TEXT, FALSE, 200, "理由"}, GROUP_PARAMETERS, {NULL}};

static const WebParameter PICK_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 40, "种类"}, {"item", WEB_INTS, FALSE, 100, "条目"}, {"fonds", WEB_INT, FALSE, 0, "全宗"},
  {"all", WEB_FLAG, FALSE, 0, "全部"}, {"note", WEB_TEXT, FALSE, 200, "理由"}, GROUP_PARAMETERS, {NULL}};
static const WebParameter SURPLUS_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 40, "种类"}, {"fonds", WEB_INT, FALSE, 0, "全宗"},
  {"item", WEB_INTS, FALSE, PICKED_MOST, "各组"}, {"all", WEB_FLAG, FALSE, 0, "全部"}, {"keep", WEB_INTS, FALSE, PICKED_MOST, "保留"},
  {"shown", WEB_INTS, FALSE, PICKED_MOST, "本页各组"}, {"disposal", WEB_FLAG, FALSE, 0, "提出误收删除"}, {"note", WEB_TEXT, FALSE, 200, "理由"}, {NULL}};
static const WebParameter UNJOIN_PARAMETERS[] = {{"event", WEB_INT, TRUE, 0, "那一次"}, {NULL}};
static const WebParameter FIX_PARAMETERS[] = {{"kind", WEB_TEXT, TRUE, 40, "种类"}, {"fonds", WEB_INT, FALSE, 0, "全宗"},
  {"item", WEB_INTS, FALSE, PICKED_MOST, "条目"}, {"all", WEB_FLAG, FALSE, 0, "全部"}, {NULL}};

const WebRoute QUALITY_ROUTES[] = {
  {"GET", "/quality", "record.edit|delivery.accept", NULL, "quality/home", page_quality, "著录质量"},
  {"POST", "/quality", "record.edit", SURVEY_PARAMETERS, NULL, start_survey, NULL},
  {"GET", "/quality/{kind}", "record.edit|delivery.accept", KIND_PARAMETERS, "quality/kind", page_kind, "著录质量"},
  {"POST", "/quality/{kind}/pass", "record.edit", JUDGE_PARAMETERS, NULL, pass_faults, NULL},
  {"POST", "/quality/{kind}/unpass", "record.edit", JUDGE_PARAMETERS, NULL, unpass_faults, NULL},
  {"POST", "/quality/{kind}/pick", "record.edit", PICK_PARAMETERS, NULL, pick_faults, NULL},
  {"POST", "/quality/{kind}/fix", "record.edit", FIX_PARAMETERS, NULL, fix_faults, NULL},
  {"POST", "/quality/{kind}/surplus", "record.edit", SURPLUS_PARAMETERS, NULL, surplus_faults, NULL},
  {"POST", "/quality/{kind}/join", "record.edit", SURPLUS_PARAMETERS, NULL, join_faults, NULL},
  {"POST", "/quality/person/unjoin", "record.edit", UNJOIN_PARAMETERS, NULL, unjoin_faults, NULL},
  {NULL},
};
