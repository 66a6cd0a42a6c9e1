/*
 * What the rooms did, as rows that ledgers take: one row of FEED_SOURCES for each kind of act, that is all a room needs to join.
 *
 * 1. A row tells numbers, names of bodies, fonds and people, and words that were written for it; never a title or a code of a record, which not every reader of
 *    a ledger may see. 全宗 says whose it is, for ledgers that show each his own.
 * 2. What is told is read from the tables and the journal as they are; a row that is told again says the same, or what became of it since.
 */
#include "app.h"
#include "date.h"
#include "error.h"
#include "feed.h"
#include "json.h"
#include <string.h>

static json_t *day_json(gint64 at_us) {
  int day = at_us > 0 ? date_of_time(at_us) : 0;
  g_autofree char *text = date_format((DateSpan){day, day});
  return json_string(text);
}

static void put_text(json_t *row, const char *name, const char *text) { json_object_set_new(row, name, json_string(text ? text : "")); }
static void put_number(json_t *row, const char *name, gint64 number) { json_object_set_new(row, name, json_integer(number)); }

/* The name that people know an account by. */
static void put_person(json_t *row, const char *name, const char *account) {
  g_autofree char *title = people_title_of(account);
  put_text(row, name, title && *title ? title : account);
}

/* A list of one is also told as a text, for fields that hold one. */
static void put_fonds(json_t *row, json_t *codes) {
  json_object_set(row, "全宗", codes);
  put_text(row, "全宗号", json_array_size(codes) == 1 ? json_string_value(json_array_get(codes, 0)) : "");
}

/* ---- deliveries ---- */

/* The fonds that its rows went into. */
static json_t *delivery_fonds(Sql *sql, gint64 id) {
  json_t *codes = json_array();
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT DISTINCT fonds FROM accession_place WHERE accession_id = $1 ORDER BY fonds", SQL_ARGS(sql_int(id)), NULL);
  while (rows != NULL && sql_next(rows, NULL)) json_array_append_new(codes, json_string(sql_get_text(rows, "fonds")));
  return codes;
}

/* What came anew; rows that corrected what was there were received before. */
static gint64 volumes_made(Sql *sql, gint64 id, SqlRows *delivery) {
  gint64 first = sql_get_int(delivery, "first_record_id");
  if (sql_get_int(delivery, "created_count") == sql_get_int(delivery, "accepted_count")) return sql_get_int(delivery, "volume_count");
  return sql_number(sql, "SELECT COUNT(*) FROM record WHERE id >= $1 AND id < $2 AND accession_id = $3 AND level = 3",
    SQL_ARGS(sql_int(first), sql_int(first + sql_get_int(delivery, "reserved_count")), sql_int(id)), 0, NULL);
}

static json_t *delivery_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT name, state, body, fonds, fonds_title, category, accepted_count, created_count, volume_count, attached_count,"
    " first_record_id, reserved_count, loaded_at, actor FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  const char *state = sql_get_text(rows, "state"), *body = sql_get_text(rows, "body"), *fonds = sql_get_text(rows, "fonds_title");
  gint64 files = sql_get_int(rows, "attached_count"), all = sql_get_int(rows, "created_count"), volumes = volumes_made(sql, id, rows);
  const char *done = all + files > 0 ? "已入库" : "已更正";
  gboolean undone = g_str_equal(state, "undone") || g_str_equal(state, "undoing");
  json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "名称", sql_get_text(rows, "name"), "状态",
    g_str_equal(state, "done") ? done : undone ? "已撤销" : "办理中", "移交单位", *body ? body : *fonds ? fonds : "本馆", "全宗号", sql_get_text(rows, "fonds"), "全宗", fonds,
    "门类", sql_get_text(rows, "category"), "条数", (json_int_t)all, "卷数", (json_int_t)volumes, "件数", (json_int_t)(all - volumes), "原文数", (json_int_t)files);
  put_person(row, "经办人", sql_get_text(rows, "actor"));
  json_object_set_new(row, "批次号", json_sprintf("%" G_GINT64_FORMAT, id));
  json_object_set_new(row, "入库日期", day_json(sql_get_int(rows, "loaded_at")));
  json_object_set_new(row, "所入全宗", delivery_fonds(sql, id));
  return row;
}

/* ---- the yearly look at all that is kept ---- */

/* Once it is finished, and again when a person has said what the program could not decide. */
static json_t *patrol_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT p.year AS year, p.records AS records, p.files AS files, p.actor AS actor, p.finished_us AS finished_us, "
    "COALESCE(f.title, '全部馆藏') AS held, (SELECT COUNT(*) FROM patrol_item WHERE patrol_id = $1) AS items, (SELECT COUNT(*) FROM patrol_item WHERE patrol_id = $1 "
    "AND state = 'failed') AS failed, (SELECT COUNT(*) FROM patrol_item WHERE patrol_id = $1 AND state = 'awaiting') AS waiting FROM patrol AS p "
    "LEFT JOIN record AS f ON f.id = p.fonds_id WHERE p.id = $1 AND p.state = 'done'", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  gint64 items = sql_get_int(rows, "items"), failed = sql_get_int(rows, "failed"), waiting = sql_get_int(rows, "waiting");
  json_t *row = json_pack("{s:s}", "范围", sql_get_text(rows, "held"));
  put_number(row, "年度", sql_get_int(rows, "year"));
  put_number(row, "条数", sql_get_int(rows, "records"));
  put_number(row, "原文数", sql_get_int(rows, "files"));
  put_number(row, "检测项", items);
  put_number(row, "未通过", failed);
  put_number(row, "待确认", waiting);
  json_t *found = failed ? json_sprintf("检测 %d 项，%d 项未通过", (int)items, (int)failed) : waiting ? json_sprintf("检测 %d 项，%d 项待人工确认", (int)items, (int)waiting) :
    json_sprintf("检测 %d 项，未发现问题", (int)items);
  json_object_set_new(row, "情况", found);
  put_person(row, "经办人", sql_get_text(rows, "actor"));
  json_object_set_new(row, "完成日期", day_json(sql_get_int(rows, "finished_us")));
  return row;
}

/* ---- what was destroyed ---- */

static json_t *disposal_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT d.kind AS kind, d.reason AS reason, d.state AS state, d.requested_by AS requested_by, d.decided_by AS decided_by,"
    " d.finished_us AS finished_us, (SELECT COUNT(*) FROM keep_disposal_item i WHERE i.disposal_id = d.id) AS items FROM keep_disposal d WHERE d.id = $1",
    SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  gboolean done = g_str_equal(sql_get_text(rows, "state"), "done"), mistake = g_str_equal(sql_get_text(rows, "kind"), "mistake");
  json_t *row = json_pack("{s:s, s:s, s:s, s:I}", "类型", mistake ? "误收" : "销毁", "状态", done ? "已完成" : "办理中", "理由", sql_get_text(rows, "reason"), "件数",
    (json_int_t)sql_get_int(rows, "items"));
  put_person(row, "提出人", sql_get_text(rows, "requested_by"));
  put_person(row, "审批人", sql_get_text(rows, "decided_by"));
  json_object_set_new(row, "完成日期", day_json(sql_get_int(rows, "finished_us")));
  return row;
}

/* ---- openness decided ---- */

/* Of rows {fonds, year, was, becomes, records}: a child row each, sums, whose. NULL: nobody's openness was changed. */
static json_t *opening_row(SqlRows *rows, GError **error) {
  static const char *const states[] = {"开放", "控制", "延期开放", "未审核"};
  gint64 sums[G_N_ELEMENTS(states)] = {0}, all = 0;
  json_auto_t *parts = json_array(), *codes = json_array();
  g_autofree char *last = NULL;
  GError *failure = NULL;
  while (rows != NULL && sql_next(rows, &failure)) {
    const char *fonds = sql_get_text(rows, "fonds"), *becomes = sql_get_text(rows, "becomes");
    gint64 records = sql_get_int(rows, "records"), year = sql_get_int(rows, "year");
    json_t *part = json_pack("{s:s, s:s, s:s, s:I}", "全宗", fonds, "原状态", sql_get_text(rows, "was"), "现状态", becomes, "件数", (json_int_t)records);
    if (year > 0) put_number(part, "档案年度", year);
    json_array_append_new(parts, part);
    if (*fonds && g_strcmp0(last, fonds) != 0) json_array_append_new(codes, json_string(fonds)); /* rows come by fonds */
    g_free(last);
    last = g_strdup(fonds);
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) sums[i] += g_str_equal(states[i], becomes) ? records : 0;
    all += records;
  }
  if (failure) return g_propagate_error(error, failure), NULL;
  if (all == 0) return NULL;
  json_t *row = json_pack("{s:I, s:O}", "件数", (json_int_t)all, "明细", parts);
  g_autoptr(GString) name = g_string_new(NULL);
  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    put_number(row, states[i], sums[i]);
    if (sums[i] > 0) g_string_append_printf(name, "%s%s %" G_GINT64_FORMAT " 件", name->len ? "，" : "", i == 3 ? "恢复未审核" : states[i], sums[i]);
  }
  put_text(row, "名称", name->str);
  put_fonds(row, codes);
  return row;
}

#define OPENING_OF "COALESCE(f.code, '') AS fonds, COALESCE(r.year, 0) AS year, "
#define BY_OPENING "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"

/* A change in bulk, from a sheet or by approval: one decision, whatever number of records. Undone, it is of those that undoing left as they are. */
static json_t *revision_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) head = sql_query(sql, "SELECT state, source, why, actor, decided_by, (SELECT MAX(at_us) FROM event WHERE subject_kind = 'revision' "
    "AND subject_id = $1 AND action = 'revise.apply') AS made_us FROM revision WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  static const char *const made[] = {"done", "undoing", "undone", NULL};
  if (head == NULL || !sql_next(head, error) || !g_strv_contains(made, sql_get_text(head, "state"))) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT " OPENING_OF "json_extract(w.changes, '$.opening[0]') AS was, json_extract(w.changes, '$.opening[1]') AS becomes, "
    "COUNT(*) AS records FROM revision_row AS w LEFT JOIN record AS r ON r.id = w.record_id LEFT JOIN record AS f ON f.id = r.fonds_id WHERE w.revision_id = $1 "
    "AND w.state IN (3, 6) AND json_extract(w.changes, '$.opening') IS NOT NULL " BY_OPENING, SQL_ARGS(sql_int(id)), error);
  json_t *row = rows ? opening_row(rows, error) : NULL;
  if (row == NULL) return NULL;
  gboolean form = g_str_equal(sql_get_text(head, "source"), "form");
  put_text(row, "方式", form ? "逐件" : "成批");
  put_text(row, "依据", sql_get_text(head, "why"));
  put_person(row, "经办人", sql_get_text(head, "actor"));
  put_person(row, "审批人", sql_get_text(head, "decided_by"));
  json_object_set_new(row, "出处", json_sprintf("批量修改 %" G_GINT64_FORMAT, id));
  json_object_set_new(row, "日期", day_json(sql_get_int(head, "made_us")));
  return row;
}

/* One record's form, saved at once: each saving that changes openness is a decision. */
static json_t *saved_row(Sql *sql, gint64 event, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT " OPENING_OF "json_extract(e.data, '$.changes.opening[0]') AS was, "
    "json_extract(e.data, '$.changes.opening[1]') AS becomes, COUNT(*) AS records FROM event AS e LEFT JOIN record AS r ON r.id = e.subject_id LEFT "
    "JOIN record AS f ON f.id = r.fonds_id WHERE e.id = $1 "
    "AND json_extract(e.data, '$.changes.opening') IS NOT NULL " BY_OPENING, SQL_ARGS(sql_int(event)), error);
  json_t *row = rows ? opening_row(rows, error) : NULL;
  g_autoptr(SqlRows) head = row ? sql_query(sql, "SELECT actor, at_us FROM event WHERE id = $1", SQL_ARGS(sql_int(event)), error) : NULL;
  if (head == NULL || !sql_next(head, error)) return json_decref(row), NULL;
  put_text(row, "方式", "逐件");
  put_text(row, "依据", "");
  put_person(row, "经办人", sql_get_text(head, "actor"));
  put_text(row, "审批人", "");
  put_text(row, "出处", "著录修改");
  json_object_set_new(row, "日期", day_json(sql_get_int(head, "at_us")));
  return row;
}

/* A delivery that corrected what was there, with a column for openness. */
static json_t *corrected_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) head = sql_query(sql, "SELECT state, actor, loaded_at FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (head == NULL || !sql_next(head, error) || !g_str_equal(sql_get_text(head, "state"), "done")) return NULL;
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT " OPENING_OF "json_extract(e.data, '$.changes.opening[0]') AS was, "
    "json_extract(e.data, '$.changes.opening[1]') AS becomes, COUNT(*) AS records FROM accession_change AS c JOIN event AS e ON e.subject_kind = "
    "'record' AND e.subject_id = c.record_id AND e.action = 'delivery.update' "
    "AND json_extract(e.data, '$.accession') = c.accession_id LEFT JOIN record AS r ON r.id = c.record_id LEFT JOIN record AS f ON f.id = r.fonds_id "
    "WHERE c.accession_id = $1 AND json_extract(e.data, '$.changes.opening') IS NOT NULL " BY_OPENING, SQL_ARGS(sql_int(id)), error);
  json_t *row = rows ? opening_row(rows, error) : NULL;
  if (row == NULL) return NULL;
  put_text(row, "方式", "随接收");
  put_text(row, "依据", "");
  put_person(row, "经办人", sql_get_text(head, "actor"));
  put_text(row, "审批人", "");
  json_object_set_new(row, "出处", json_sprintf("批次 %" G_GINT64_FORMAT, id));
  json_object_set_new(row, "日期", day_json(sql_get_int(head, "loaded_at")));
  return row;
}

/* ---- what was handed out ---- */

static json_t *export_row(Sql *sql, gint64 event, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT at_us, actor, data, (SELECT COUNT(*) FROM event AS u WHERE u.action = 'exchange.unused' "
    "AND json_extract(u.data, '$.event') = $1) AS unused FROM event WHERE id = $1 AND action = 'exchange.export'", SQL_ARGS(sql_int(event)), error);
  if (rows == NULL || !sql_next(rows, error) || sql_get_int(rows, "unused") > 0) return NULL;
  json_auto_t *data = json_loads(sql_get_text(rows, "data"), 0, NULL), *none = json_array();
  json_t *purpose = json_object_get(data, "for"), *fonds = json_object_get(data, "fonds");
  if (purpose == NULL) return NULL; /* nobody was asked yet */
  static const char *const texts[][2] = {{"用途", "purpose"}, {"利用者", "user"}, {"利用者单位", "body"}, {"方式", "way"}, {"目的", "aim"}, {"说明", "note"}};
  json_t *row = json_object();
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) put_text(row, texts[i][0], text_at(purpose, texts[i][1]));
  gint64 records = int_at(data, "records"), volumes = int_at(data, "volumes");
  put_number(row, "条数", records);
  put_number(row, "卷数", volumes);
  put_number(row, "件数", records - volumes);
  put_number(row, "原文数", int_at(data, "files"));
  json_object_set_new(row, "名称", *text_at(purpose, "note") ? json_string(text_at(purpose, "note")) : json_sprintf("导出 %" G_GINT64_FORMAT " 条", records));
  put_text(row, "格式", text_at(data, "format"));
  put_fonds(row, fonds ? fonds : none);
  put_person(row, "经办人", sql_get_text(rows, "actor"));
  json_object_set_new(row, "日期", day_json(sql_get_int(rows, "at_us")));
  return row;
}

/* ---- reports signed ---- */

/* Under the template's name and period: its own heading may say what not everybody is to know. */
static json_t *report_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT name, from_day, to_day, unit, made_by, changed_by, frozen_at, (SELECT COUNT(*) FROM report_step WHERE report_id = $1 "
    "AND to_state IN ('leader', 'sign', 'frozen') AND id > (SELECT COALESCE(MAX(id), 0) FROM report_step WHERE report_id = $1 AND to_state = 'draft')) AS reviews "
    "FROM report WHERE id = $1 AND state = 'frozen'", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  g_autofree char *period = date_format((DateSpan){(gint32)sql_get_int(rows, "from_day"), (gint32)sql_get_int(rows, "to_day")});
  json_t *row = json_object();
  put_text(row, "报告", sql_get_text(rows, "name"));
  put_text(row, "期间", period);
  put_text(row, "单位", sql_get_text(rows, "unit"));
  put_person(row, "拟稿人", sql_get_text(rows, "made_by"));
  put_person(row, "签发人", sql_get_text(rows, "changed_by"));
  put_number(row, "审核级次", sql_get_int(rows, "reviews"));
  json_object_set_new(row, "签发日期", day_json(sql_get_int(rows, "frozen_at")));
  return row;
}

/* ---- 三合一制度 approved ---- */

static json_t *schedule_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT s.number AS number, s.from_date AS from_date, s.made_by AS made_by, s.decided_by AS decided_by, "
    "s.decided_at AS decided_at, (SELECT COUNT(*) FROM schedule_line WHERE schedule_id = $1) AS lines, COALESCE(f.code, '') AS code, "
    "COALESCE(f.title, '') AS title FROM schedule AS s "
    "LEFT JOIN record AS f ON f.id = s.fonds_id WHERE s.id = $1 AND s.state = 'approved'", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  gint32 day = (gint32)sql_get_int(rows, "from_date");
  g_autofree char *from = date_format((DateSpan){day, day});
  json_t *row = json_object();
  put_text(row, "全宗号", sql_get_text(rows, "code"));
  put_text(row, "全宗", sql_get_text(rows, "title"));
  put_number(row, "版次", sql_get_int(rows, "number"));
  put_number(row, "条数", sql_get_int(rows, "lines"));
  put_text(row, "施行日期", from);
  put_person(row, "编制人", sql_get_text(rows, "made_by"));
  put_person(row, "批准人", sql_get_text(rows, "decided_by"));
  json_object_set_new(row, "批准日期", day_json(sql_get_int(rows, "decided_at")));
  return row;
}

/* ---- the table ---- */

#define OPENING_FIELDS "名称 日期 方式 全宗 全宗号 件数 开放 控制 延期开放 未审核 明细 依据 出处 经办人 审批人"

const FeedSource FEED_SOURCES[] = {
  {"接收批次", "accession.", "accession", "名称 状态 移交单位 全宗号 全宗 门类 条数 卷数 件数 原文数 经办人 批次号 入库日期 所入全宗", delivery_row},
  {"馆藏巡检", "keep.patrol.", "patrol", "范围 年度 条数 原文数 检测项 未通过 待确认 情况 经办人 完成日期", patrol_row},
  {"销毁单", "keep.disposal", "disposal", "类型 状态 理由 提出人 审批人 件数 完成日期", disposal_row},
  {"改变开放状态", "revise.", "revision", OPENING_FIELDS, revision_row},
  {"改变开放状态", "record.update", NULL, OPENING_FIELDS, saved_row},
  {"改变开放状态", "accession.", "accession", OPENING_FIELDS, corrected_row},
  {"导出", "exchange.", NULL, "用途 名称 日期 利用者 利用者单位 方式 目的 说明 条数 卷数 件数 原文数 格式 全宗 全宗号 经办人", export_row},
  {"报告签发", "report.freeze", "report", "报告 期间 单位 拟稿人 签发人 审核级次 签发日期", report_row},
  {"三合一制度", "schedule.approve", "schedule", "全宗号 全宗 版次 条数 施行日期 编制人 批准人 批准日期", schedule_row},
  {NULL},
};
