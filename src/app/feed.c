/*
 * Ledgers that fill themselves: what a room did stands in the journal, and a ledger's definition says what of it becomes an entry (feed: {from, when, values}), so
 * that nothing is typed twice.
 *
 * 1. A ledger follows the journal from the first event on, one step a tick; how far is kept with what it wrote, in one transaction.
 * 2. One subject of a source is one entry (its key), brought up to date as the subject changes and taken out when it no longer meets `when`. What people wrote in the
 *    entry besides stays.
 * 3. How far it is is an event too (ledger.follow), so that a rebuilt archive goes on at the same place of the journal and feeds nothing twice.
 * 4. A subject that does not fit the ledger's definition is passed by with a warning in the log; the others go on.
 */
#include "app.h"
#include "date.h"
#include "error.h"
#include "journal.h"
#include "json.h"
#include "ledger.h"
#include "text.h"
#include <string.h>

#define FOLLOWED "ledger.follow"
enum { EVENTS_STEP = 1000, STEPS_MAX = 20 };

typedef struct {
  const char *name;     /* as `from` says */
  const char *actions;  /* beginning of the journal's actions that tell of it */
  const char *subject;  /* their kind of subject, and of the key */
  json_t *(*row)(Sql *sql, gint64 id, GError **error); /* {栏目: text or number}; NULL without an error: gone */
} FeedSource;

static json_t *day_json(gint64 at_us) {
  g_autoptr(GDateTime) time = at_us > 0 ? g_date_time_new_from_unix_local(at_us / G_USEC_PER_SEC) : NULL;
  g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%d") : g_strdup("");
  return json_string(text);
}

/* The fonds that its rows went into. */
static json_t *delivery_fonds(Sql *sql, gint64 id) {
  json_t *codes = json_array();
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT DISTINCT fonds FROM accession_place WHERE accession_id = $1 ORDER BY fonds", SQL_ARGS(sql_int(id)), NULL);
  while (rows != NULL && sql_next(rows, NULL)) json_array_append_new(codes, json_string(sql_get_text(rows, "fonds")));
  return codes;
}

static json_t *delivery_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT name, state, body, fonds, fonds_title, category, accepted_count, volume_count,"
    " attached_count, loaded_at, actor FROM accession WHERE id = $1", SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  const char *state = sql_get_text(rows, "state"), *body = sql_get_text(rows, "body"), *fonds = sql_get_text(rows, "fonds_title");
  gint64 all = sql_get_int(rows, "accepted_count"), volumes = sql_get_int(rows, "volume_count");
  gboolean done = g_str_equal(state, "done"), undone = g_str_equal(state, "undone") || g_str_equal(state, "undoing");
  json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "名称", sql_get_text(rows, "name"), "状态", done ? "已入库" : undone ? "已撤销" : "办理中",
    "移交单位", *body ? body : *fonds ? fonds : "本馆", "全宗号", sql_get_text(rows, "fonds"), "全宗", fonds, "门类", sql_get_text(rows, "category"), "条数", (json_int_t)all,
    "卷数", (json_int_t)volumes, "件数", (json_int_t)(all - volumes), "原文数", (json_int_t)sql_get_int(rows, "attached_count"), "经办人", sql_get_text(rows, "actor"));
  json_object_set_new(row, "批次号", json_sprintf("%" G_GINT64_FORMAT, id));
  json_object_set_new(row, "入库日期", day_json(sql_get_int(rows, "loaded_at")));
  json_object_set_new(row, "所入全宗", delivery_fonds(sql, id));
  return row;
}

static json_t *disposal_row(Sql *sql, gint64 id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT d.kind AS kind, d.reason AS reason, d.state AS state, d.requested_by AS requested_by, d.decided_by AS decided_by,"
    " d.finished_us AS finished_us, (SELECT COUNT(*) FROM keep_disposal_item i WHERE i.disposal_id = d.id) AS items FROM keep_disposal d WHERE d.id = $1",
    SQL_ARGS(sql_int(id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  gboolean done = g_str_equal(sql_get_text(rows, "state"), "done"), mistake = g_str_equal(sql_get_text(rows, "kind"), "mistake");
  json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "类型", mistake ? "误收" : "销毁", "状态", done ? "已完成" : "办理中", "理由", sql_get_text(rows, "reason"), "提出人",
    sql_get_text(rows, "requested_by"), "审批人", sql_get_text(rows, "decided_by"), "件数", (json_int_t)sql_get_int(rows, "items"));
  json_object_set_new(row, "完成日期", day_json(sql_get_int(rows, "finished_us")));
  return row;
}

static const FeedSource SOURCES[] = {
  {"接收批次", "accession.", "accession", delivery_row},
  {"销毁单", "keep.disposal", "disposal", disposal_row},
};

static const FeedSource *source_of(const LedgerDefinition *definition) {
  const char *from = json_string_value(json_object_get(json_object_get(definition->json, "feed"), "from"));
  for (guint i = 0; from && i < G_N_ELEMENTS(SOURCES); i++)
    if (g_str_equal(SOURCES[i].name, from)) return &SOURCES[i];
  return NULL;
}

static gboolean meets(json_t *when, json_t *row) {
  const char *key;
  json_t *wanted, *one;
  size_t i;
  json_object_foreach(when, key, wanted) {
    json_t *value = json_object_get(row, key);
    gboolean met = json_equal(wanted, value);
    json_array_foreach(wanted, i, one) met = met || json_equal(one, value);
    if (!met) return FALSE;
  }
  return TRUE;
}

/* "{移交单位}" within text becomes the row's value; a template that is nothing but one place keeps a number a number. */
static json_t *filled(json_t *template, json_t *row) {
  if (!json_is_string(template)) return json_deep_copy(template);
  const char *at = json_string_value(template);
  g_autoptr(GString) out = g_string_new(NULL);
  for (char *name; (name = text_next_blank(&at, out)) != NULL; g_free(name)) {
    json_t *value = json_object_get(row, name);
    gboolean alone = out->len == 0 && *at == '\0' && strlen(name) + 2 == json_string_length(template);
    if (alone && value != NULL) return g_free(name), json_incref(value);
    if (json_is_integer(value)) g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else g_string_append(out, json_is_string(value) ? json_string_value(value) : "");
  }
  return json_string(out->str);
}

static json_t *entry_of(const LedgerDefinition *definition, json_t *row) {
  static const char *const base[][2] = {{"标题", "title"}, {"日期", "date"}, {"状态", "state"}, {"单位", "unit"}, {"责任部门", "department"}, {"责任人", "owner"},
    {"次数", "quantity"}, {"口径", "basis"}, {"密级", "secrecy"}, {"截止", "due"}};
  json_t *entry = json_object(), *values = json_object(), *template;
  const char *field;
  json_object_foreach(json_object_get(json_object_get(definition->json, "feed"), "values"), field, template) {
    const char *member = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(base); i++)
      if (g_str_equal(base[i][0], field)) member = base[i][1];
    json_object_set_new(member ? entry : values, member ? member : field, filled(template, row));
  }
  json_object_set_new(entry, "values", values);
  const char *state = json_string_value(json_object_get(entry, "state"));
  DateSpan day = {0};
  if (state && date_parse(json_string_value(json_object_get(entry, "date")), &day)) /* it did not pass through the states before */
    json_object_set_new(entry, "states", json_pack("[[s, i]]", state, day.to));
  return entry;
}

static gboolean feed_one(Sql *sql, const LedgerDefinition *definition, const FeedSource *source, gint64 subject, GError **error) {
  GError *failure = NULL;
  json_auto_t *row = source->row(sql, subject, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  g_autofree char *key = g_strdup_printf("%s:%" G_GINT64_FORMAT, source->subject, subject);
  gboolean gone = row == NULL || !meets(json_object_get(json_object_get(definition->json, "feed"), "when"), row);
  json_auto_t *entry = gone ? NULL : entry_of(definition, row);
  if (gone ? ledger_entry_unfeed(sql, definition->name, key, "所据的业务已撤销或退回", &failure) : ledger_entry_feed(sql, definition->name, key, entry, &failure) != 0) return TRUE;
  gboolean passed = g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_INVALID) || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  if (!passed) return g_propagate_error(error, failure), FALSE; /* one that cannot be told does not keep the others from the ledger */
  g_warning("台账“%s”没有自动%s %s：%s", definition->name, gone ? "取消" : "登记", key, failure->message);
  g_error_free(failure);
  return TRUE;
}

GArray *feed_told(Sql *sql, const char *actions, const char *kind, gint64 after, gint64 *ret_last, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, action, subject_kind, subject_id FROM event WHERE id > $1 ORDER BY id LIMIT $2",
    SQL_ARGS(sql_int(after), sql_int(EVENTS_STEP)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) subjects = g_array_new(FALSE, FALSE, sizeof(gint64));
  GError *failure = NULL;
  *ret_last = after;
  while (sql_next(rows, &failure)) {
    gint64 subject = sql_get_int(rows, "subject_id");
    gboolean known = FALSE;
    *ret_last = sql_get_int(rows, "id");
    if (!g_str_has_prefix(sql_get_text(rows, "action"), actions) || !g_str_equal(sql_get_text(rows, "subject_kind"), kind)) continue;
    for (guint i = 0; i < subjects->len && !known; i++) known = g_array_index(subjects, gint64, i) == subject;
    if (!known) g_array_append_val(subjects, subject);
  }
  if (failure) return g_propagate_error(error, failure), NULL;
  return g_steal_pointer(&subjects);
}

static gint64 followed_to(Sql *sql, const LedgerDefinition *definition, const FeedSource *source) {
  return sql_number(sql, "SELECT event_id FROM feed WHERE ledger_id = $1 AND source = $2", SQL_ARGS(sql_int(definition->id), sql_text(source->name)), 0, NULL);
}

static gboolean put_position(Sql *sql, gint64 ledger, json_t *position, GError **error) {
  return sql_exec(sql, "INSERT INTO feed (ledger_id, source, event_id) VALUES ($1, $2, $3) ON CONFLICT (ledger_id, source) DO UPDATE SET event_id = excluded.event_id",
    SQL_ARGS(sql_int(ledger), sql_text(text_at(position, "source")), sql_int(int_at(position, "event"))), error);
}

gboolean feed_replay(Sql *sql, json_t *event, GError **error) {
  return put_position(sql, int_at(event, "subject_id"), json_object_get(event, "data"), error);
}

/* One step; *ret_more: there are further events. Positions are written only with entries or after many events, so that a quiet archive writes nothing. */
static gboolean follow(const House *house, const LedgerDefinition *definition, const FeedSource *source, gboolean *ret_more, GError **error) {
  g_autoptr(Sql) reading = sql_read(house->db, error);
  if (reading == NULL) return FALSE;
  gint64 before = followed_to(reading, definition, source), last = before;
  g_autoptr(GArray) subjects = feed_told(reading, source->actions, source->subject, before, &last, error);
  if (subjects == NULL) return FALSE;
  *ret_more = last - before >= EVENTS_STEP;
  g_clear_pointer(&reading, sql_end);
  if (subjects->len == 0 && !*ret_more) return TRUE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < subjects->len; i++)
    if (!feed_one(sql, definition, source, g_array_index(subjects, gint64, i), error)) return FALSE;
  json_auto_t *position = json_pack("{s:s, s:I}", "source", source->name, "event", (json_int_t)last);
  return put_position(sql, definition->id, position, error) && journal_append(sql, "system", FOLLOWED, "ledger", definition->id, position, error) != 0 &&
    sql_commit(sql, error);
}

void feed_follow(const House *house) {
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i]; i++) {
    const FeedSource *source = source_of(all[i]);
    g_autoptr(GError) failure = NULL;
    gboolean more = source != NULL;
    for (guint step = 0; more && step < STEPS_MAX && failure == NULL; step++)
      if (!follow(house, all[i], source, &more, &failure)) more = FALSE;
    if (failure && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY)) g_warning("台账“%s”没有跟上日志：%s", all[i]->name, failure->message);
  }
}

/* A journal from before positions were told: a ledger has followed at least each subject to the last event before the program last wrote its entry. */
gboolean feed_resume(const House *house, GError **error) {
  g_autofree const LedgerDefinition **all = ledger_all();
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; all[i]; i++) {
    const FeedSource *source = source_of(all[i]);
    if (source && !sql_exec(sql, "INSERT INTO feed (ledger_id, source, event_id) SELECT $1, $2, COALESCE(MAX((SELECT MAX(s.id) FROM event AS s WHERE s.subject_kind = $3 "
        "AND s.subject_id = CAST(SUBSTR(l.key, LENGTH($3) + 2) AS INTEGER) AND s.id < (SELECT MAX(p.id) FROM event AS p WHERE p.subject_kind = 'entry' "
        "AND p.subject_id = l.id AND p.action = 'ledger.put' AND p.actor = 'system'))), 0) FROM ledger_entry AS l WHERE l.ledger_id = $1 AND l.key LIKE $3 || ':%' "
        "HAVING MAX(l.id) > 0 ON CONFLICT (ledger_id, source) DO NOTHING",
        SQL_ARGS(sql_int(all[i]->id), sql_text(source->name), sql_text(source->subject)), error)) return FALSE;
  }
  return sql_commit(sql, error);
}

const JobTick FEED_TICKS[] = {feed_follow, NULL};
