/*
 * What is told of patrols: one with its items, the findings by key, the trend over the years, the report on paper.
 *
 * 1. What did not run, or waits for a person, is never "passed".
 * 2. A finding about a record is told only to those who may see that record (patrol_hide).
 */
#include "patrol.h"
#include "settings.h"
#include "text.h"

enum { YEARS = 10, CHART_HEIGHT = 120, BAR_STEP = 64 };

static const struct { const char *code, *label, *tone; } STATES[] = {{"passed", "通过", "ok"}, {"failed", "不通过", "bad"}, {"warned", "有提示", "warn"},
  {"awaiting", "待人工确认", "info"}, {"not_performed", "未进行", "warn"}, {"not_applicable", "无适用对象", "muted"}, {"running", "进行中", "info"},
  {"stopped", "已停下", "warn"}};

static void set_label(json_t *row, const char *code) {
  for (guint i = 0; i < G_N_ELEMENTS(STATES); i++)
    if (g_str_equal(STATES[i].code, code))
      json_object_update_new(row, json_pack("{s:s, s:s}", "state_label", STATES[i].label, "tone", STATES[i].tone));
}

/* Items by state, places by weight of their item; the patrol's verdict as a check's (check/result.c, 1). */
static gboolean add_counts(Sql *sql, json_t *patrol, GError **error) {
  json_auto_t *counts = sql_row_json(sql, "SELECT COALESCE(SUM(state = 'failed'), 0) AS failed, COALESCE(SUM(state = 'warned'), 0) AS warned, "
    "COALESCE(SUM(state = 'awaiting'), 0) AS awaiting, COALESCE(SUM(state = 'not_performed'), 0) AS not_performed, "
    "COALESCE(SUM(state = 'awaiting' OR (state = 'not_performed' AND severity = 'error')), 0) AS open, "
    "COALESCE(SUM(CASE WHEN severity = 'error' THEN failed ELSE 0 END), 0) AS faults, "
    "COALESCE(SUM(CASE WHEN severity = 'error' THEN 0 ELSE failed END), 0) AS hints, COALESCE(SUM(pending), 0) AS pending "
    "FROM patrol_item WHERE patrol_id = $1", SQL_ARGS(sql_int(json_number_of(patrol, "id"))), error);
  if (counts == NULL) return FALSE;
  const char *verdict = json_number_of(counts, "failed") ? "failed" : json_number_of(counts, "open") ? "awaiting" : "passed";
  gboolean done = g_str_equal(json_word(patrol, "state"), "done");
  json_object_del(counts, "open");
  json_object_update(patrol, counts);
  json_object_set_new(patrol, "verdict", done ? json_string(verdict) : json_null());
  json_object_set_new(patrol, "done", json_boolean(done));
  json_object_set_new(patrol, "running", json_boolean(g_str_equal(json_word(patrol, "state"), "running")));
  json_object_set_new(patrol, "stopped", json_boolean(g_str_equal(json_word(patrol, "state"), "stopped")));
  set_label(patrol, done ? verdict : json_word(patrol, "state"));
  return TRUE;
}

static void add_speed(json_t *patrol) {
  gint64 bytes = json_number_of(patrol, "bytes"), total = MAX(json_number_of(patrol, "total_bytes"), bytes), active_us = json_number_of(patrol, "active_us");
  double rate = active_us > 0 ? (double)bytes * 1e6 / (double)active_us : 0;
  gboolean done = json_is_true(json_object_get(patrol, "done"));
  json_object_set_new(patrol, "percent", json_integer(done ? 100 : total ? bytes * 100 / total : 0));
  json_object_set_new(patrol, "rate", json_integer((json_int_t)rate));
  if (!done && rate > 0) json_object_set_new(patrol, "remaining_seconds", json_integer((json_int_t)((double)(total - bytes) / rate)));
  g_autofree char *left = NULL;
  gint64 seconds = json_number_of(patrol, "remaining_seconds");
  if (seconds >= 172800) left = g_strdup_printf("%" G_GINT64_FORMAT " 天", seconds / 86400);
  else if (seconds >= 5400) left = g_strdup_printf("%" G_GINT64_FORMAT " 小时", (seconds + 1800) / 3600);
  else if (seconds > 0) left = g_strdup_printf("%" G_GINT64_FORMAT " 分钟", seconds / 60 + 1);
  if (left) json_object_set_new(patrol, "remaining", json_string(left));
}

static gboolean dress(Sql *sql, json_t *patrol, GError **error) {
  if (!add_counts(sql, patrol, error)) return FALSE;
  add_speed(patrol);
  return TRUE;
}

json_t *patrol_load(Sql *sql, gint64 id, GError **error) {
  g_autoptr(GError) failure = NULL;
  json_auto_t *patrol = sql_row_json(sql, "SELECT id, year, fonds_id, state, reached, records, files, bytes, total_records, total_bytes, active_us, actor, "
    "started_us AS started_at, finished_us AS finished_at FROM patrol WHERE id = $1", SQL_ARGS(sql_int(id)), &failure);
  if (g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return throw_null(error, LANTAI_ERROR_NOT_FOUND, "没有第 %" G_GINT64_FORMAT " 号巡检", id);
  if (failure) return g_propagate_error(error, g_steal_pointer(&failure)), NULL;
  return dress(sql, patrol, error) ? g_steal_pointer(&patrol) : NULL;
}

json_t *patrol_list(Sql *sql, gint64 before, int limit, GError **error) {
  json_auto_t *list = sql_json(sql, "SELECT id, year, fonds_id, state, reached, records, files, bytes, total_records, total_bytes, active_us, actor, "
    "started_us AS started_at, finished_us AS finished_at FROM patrol WHERE id < $1 ORDER BY id DESC LIMIT $2",
    SQL_ARGS(sql_int(before > 0 ? before : G_MAXINT64), sql_int(limit)), error);
  size_t i;
  json_t *patrol;
  json_array_foreach(list, i, patrol)
    if (!dress(sql, patrol, error)) return NULL;
  return g_steal_pointer(&list);
}

/* The sum speaks of itself: what one slice said of its own places would be wrong. */
static char *explain_of(json_t *item) {
  const char *outcome = json_word(item, "outcome");
  gint64 failed = json_number_of(item, "failed"), pending = json_number_of(item, "pending");
  if (g_str_equal(outcome, "failed") || g_str_equal(outcome, "warned")) return g_strdup_printf("%" G_GINT64_FORMAT " 处不符", failed);
  if (g_str_equal(outcome, "awaiting") && pending) return g_strdup_printf("%" G_GINT64_FORMAT " 处程序不能判定，请人工确认", pending);
  return g_strdup(json_word(item, "explain"));
}

json_t *patrol_items(Sql *sql, gint64 id, GError **error) {
  json_t *items = sql_json(sql, "SELECT position, code, name, property, severity, outcome, state, checked, failed, pending, explain, signed_by, "
    "signed_us AS signed_at, note FROM patrol_item WHERE patrol_id = $1 ORDER BY weight DESC, position", SQL_ARGS(sql_int(id)), error), *item;
  size_t i;
  json_array_foreach(items, i, item) {
    const char *outcome = json_word(item, "outcome");
    g_autofree char *explain = explain_of(item);
    set_label(item, json_word(item, "state"));
    json_object_set_new(item, "explain", json_string(explain));
    json_object_set_new(item, "signable", json_boolean(g_str_equal(outcome, "awaiting") || g_str_equal(outcome, "not_performed")));
    json_object_set_new(item, "found", json_integer(json_number_of(item, "failed") + json_number_of(item, "pending")));
  }
  return items;
}

json_t *patrol_findings(Sql *sql, gint64 id, const char *item, gint64 after_check, gint64 after, int limit, GError **error) {
  return sql_json(sql, "SELECT f.task_id AS check_id, f.sequence AS sequence, f.record_id AS record_id, f.code AS code, f.path AS path, f.reason AS reason, "
    "f.pending AS pending FROM patrol_slice AS s CROSS JOIN check_finding AS f ON f.task_id = s.check_id AND f.item = $1 "
    "WHERE s.patrol_id = $2 AND s.check_id >= $3 AND (s.check_id > $3 OR f.sequence > $4) ORDER BY s.check_id, f.sequence LIMIT $5",
    SQL_ARGS(sql_text(item), sql_int(id), sql_int(after_check), sql_int(after), sql_int(limit)), error);
}

gboolean patrol_hide(WebRequest *request, Sql *sql, json_t *findings, GError **error) {
  size_t i;
  json_t *finding;
  json_array_foreach(findings, i, finding) {
    gint64 id = json_number_of(finding, "record_id");
    g_autoptr(GError) failure = NULL;
    g_autoptr(CatalogRecord) record = id ? catalog_record_load(sql, web_scope(request), id, &failure) : NULL;
    if (id == 0 || record != NULL) continue;
    if (!g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_NOT_FOUND)) return g_propagate_error(error, g_steal_pointer(&failure)), FALSE;
    json_object_update_new(finding, json_pack("{s:I, s:s, s:s, s:s}", "record_id", (json_int_t)0, "code", "", "path", "", "reason", "（无权查看的条目）"));
  }
  return TRUE;
}

gboolean patrol_visible(WebRequest *request, Sql *sql, gint64 id) { return web_may(request, KEEP_READ); }

/* ---- the years ---- */

static void add_bars(json_t *patrols, gint64 most) {
  static const struct { const char *key, *height, *top; } SERIES[] = {{"faults", "faults_height", "faults_top"}, {"hints", "hints_height", "hints_top"}};
  size_t i;
  json_t *patrol;
  json_array_foreach(patrols, i, patrol) {
    json_object_set_new(patrol, "x", json_integer((json_int_t)i * BAR_STEP + 16));
    json_object_set_new(patrol, "x_second", json_integer((json_int_t)i * BAR_STEP + 34));
    json_object_set_new(patrol, "x_label", json_integer((json_int_t)i * BAR_STEP + 32));
    for (guint k = 0; k < G_N_ELEMENTS(SERIES); k++) {
      gint64 value = json_number_of(patrol, SERIES[k].key), height = most ? value * CHART_HEIGHT / most : 0;
      if (value) height = MAX(height, 2);
      json_object_set_new(patrol, SERIES[k].height, json_integer(height));
      json_object_set_new(patrol, SERIES[k].top, json_integer(CHART_HEIGHT + 16 - height));
    }
  }
}

/* Items of which any of these patrols found something: one cell a patrol. */
static json_t *trend_items(Sql *sql, json_t *patrols, GError **error) {
  json_t *rows = json_array(), *patrol, *item;
  g_autoptr(GHashTable) by_code = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i, k;
  json_array_foreach(patrols, i, patrol) {
    json_auto_t *items = patrol_items(sql, json_number_of(patrol, "id"), error);
    if (items == NULL) return json_decref(rows), NULL;
    json_array_foreach(items, k, item) {
      json_t *row = g_hash_table_lookup(by_code, json_word(item, "code"));
      if (row == NULL && json_number_of(item, "found") == 0) continue;
      if (row == NULL) {
        row = json_pack("{s:s, s:s, s:[]}", "code", json_word(item, "code"), "name", json_word(item, "name"), "cells");
        json_array_append_new(rows, row);
        g_hash_table_insert(by_code, (gpointer)json_word(row, "code"), row);
      }
      json_t *cells = json_object_get(row, "cells");
      while (json_array_size(cells) < i) json_array_append_new(cells, json_pack("{s:i}", "found", 0));
      json_array_append_new(cells, json_pack("{s:I}", "found", (json_int_t)json_number_of(item, "found")));
    }
  }
  json_array_foreach(rows, i, item)
    while (json_array_size(json_object_get(item, "cells")) < json_array_size(patrols))
      json_array_append_new(json_object_get(item, "cells"), json_pack("{s:i}", "found", 0));
  return rows;
}

json_t *patrol_trend(Sql *sql, GError **error) {
  json_auto_t *newest = sql_json(sql, "SELECT id FROM patrol WHERE state = 'done' ORDER BY id DESC LIMIT $1", SQL_ARGS(sql_int(YEARS)), error);
  json_t *patrols = newest ? json_array() : NULL, *patrol;
  gint64 most = 0;
  for (size_t i = json_array_size(newest); i-- > 0;) {
    patrol = patrol_load(sql, json_number_of(json_array_get(newest, i), "id"), error);
    if (patrol == NULL) return json_decref(patrols), NULL;
    most = MAX(most, MAX(json_number_of(patrol, "faults"), json_number_of(patrol, "hints")));
    json_array_append_new(patrols, patrol);
  }
  if (patrols == NULL) return NULL;
  add_bars(patrols, most);
  json_t *items = trend_items(sql, patrols, error);
  if (items == NULL) return json_decref(patrols), NULL;
  return json_pack("{s:o, s:o, s:I, s:i, s:b}", "years", patrols, "items", items, "most", (json_int_t)most, "width",
    (int)json_array_size(patrols) * BAR_STEP + 16, "several",
    json_array_size(patrols) > 1);
}

/* ---- on paper ---- */

static json_t *field(const char *label, char *taken) {
  g_autofree char *value = taken;
  return json_pack("{s:s, s:s, s:i}", "label", label, "value", value, "span", 1);
}

static char *number(json_t *object, const char *key) { return g_strdup_printf("%" G_GINT64_FORMAT, json_number_of(object, key)); }

static json_t *head_block(json_t *patrol) {
  json_t *fields = json_array();
  json_array_append_new(fields, field("年度", number(patrol, "year")));
  json_array_append_new(fields, field("结论", g_strdup(json_word(patrol, "state_label"))));
  json_array_append_new(fields, field("开始", clock_format(json_number_of(patrol, "started_at"))));
  json_array_append_new(fields, field("结束", json_number_of(patrol, "finished_at") ? clock_format(json_number_of(patrol, "finished_at")) : g_strdup("尚未完成")));
  json_array_append_new(fields, field("条目", number(patrol, "records")));
  json_array_append_new(fields, field("文件", number(patrol, "files")));
  json_array_append_new(fields, field("读过的数据", text_size((double)json_number_of(patrol, "bytes"))));
  json_array_append_new(fields, field("发起人", g_strdup(json_word(patrol, "actor"))));
  return json_pack("{s:s, s:i, s:o}", "kind", "fields", "columns", 2, "fields", fields);
}

static json_t *table(const char *const titles[], const int widths[]) {
  json_t *columns = json_array();
  for (guint i = 0; titles[i]; i++) json_array_append_new(columns, json_pack("{s:s, s:i}", "title", titles[i], "width", widths[i]));
  return json_pack("{s:s, s:o, s:[]}", "kind", "table", "columns", columns, "rows");
}

static json_t *items_block(json_t *items) {
  static const char *const titles[] = {"代码", "检测项", "检测数", "不符", "结果", "说明与签署", NULL};
  static const int widths[] = {10, 26, 9, 9, 12, 34};
  json_t *block = table(titles, widths), *item;
  size_t i;
  json_array_foreach(items, i, item) {
    g_autofree char *checked = number(item, "checked"), *failed = number(item, "failed");
    g_autofree char *explain = g_strjoin(*json_word(item, "note") ? "\n" : "", json_word(item, "explain"), json_word(item, "note"), NULL);
    json_array_append_new(json_object_get(block, "rows"), json_pack("[s, s, s, s, s, s]", json_word(item, "code"), json_word(item, "name"), checked, failed,
      json_word(item, "state_label"), explain));
  }
  return block;
}

static json_t *findings_block(json_t *findings) {
  static const char *const titles[] = {"档号", "文件", "原因", NULL};
  static const int widths[] = {30, 28, 42};
  json_t *block = table(titles, widths), *finding;
  size_t i;
  json_array_foreach(findings, i, finding) json_array_append_new(json_object_get(block, "rows"), json_pack("[s, s, s]", json_word(finding, "code"),
    json_word(finding, "path"), json_word(finding, "reason")));
  return block;
}

json_t *patrol_document(json_t *patrol, json_t *items) {
  json_t *blocks = json_array(), *item;
  size_t i;
  json_array_append_new(blocks, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", "长期保存检测报告", "level", 1));
  json_array_append_new(blocks, head_block(patrol));
  json_array_append_new(blocks, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", "各检测项", "level", 2));
  json_array_append_new(blocks, items_block(items));
  json_array_foreach(items, i, item) {
    json_t *findings = json_object_get(item, "findings");
    if (json_array_size(findings) == 0) continue;
    g_autofree char *heading = g_strdup_printf("%s %s：%" G_GINT64_FORMAT " 处", json_word(item, "code"), json_word(item, "name"), json_number_of(item, "found"));
    g_autofree char *more = g_strdup_printf("以上是前 %zu 处，其余见系统中的明细。", json_array_size(findings));
    json_array_append_new(blocks, json_pack("{s:s, s:s, s:i}", "kind", "heading", "text", heading, "level", 3));
    json_array_append_new(blocks, findings_block(findings));
    if ((gint64)json_array_size(findings) < json_number_of(item, "found")) json_array_append_new(blocks, json_pack("{s:s, s:s}", "kind", "text", "text", more));
  }
  json_array_append_new(blocks, json_pack("{s:s, s:i}", "kind", "space", "mm", 8));
  json_array_append_new(blocks, json_pack("{s:s, s:[{s:s, s:[s, s]}, {s:s, s:[s, s]}]}", "kind", "signatures", "parties", "title", "检测人", "lines", "签名：", "日期：",
    "title", "审核人", "lines", "签名：", "日期："));
  g_autofree char *footer = g_strdup_printf("%" G_GINT64_FORMAT " 年长期保存检测报告", json_number_of(patrol, "year"));
  return json_pack("{s:s, s:s, s:s, s:o}", "title", "长期保存检测报告", "paper", "A4", "footer", footer, "blocks", blocks);
}
