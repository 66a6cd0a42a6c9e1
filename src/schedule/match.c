/*
 * Which line a record is kept by: the rule, records in bulk, and what stands on a record's page.
 *
 * 1. Assignment gives lines only to records that have none, a chunk in a transaction with its event; taking it back takes what it gave.
 * 2. Stopped and begun again it goes on: what has a line is passed by.
 */
#include "assign.h"
#include "error.h"
#include "json.h"
#include <stdlib.h>
#include <string.h>

enum { CHUNK_RECORDS = 5000, PREVIEW_RECORDS = 50000, SAMPLES = 5 };

struct ScheduleMatcher {
  json_t *lines;
  GHashTable *codes; /* code → line */
};

ScheduleMatcher *schedule_matcher_new(json_t *lines) {
  ScheduleMatcher *matcher = g_new0(ScheduleMatcher, 1);
  matcher->lines = json_incref(lines);
  matcher->codes = g_hash_table_new(g_str_hash, g_str_equal);
  size_t i;
  json_t *line;
  json_array_foreach(lines, i, line) g_hash_table_insert(matcher->codes, (gpointer)json_string_value(json_object_get(line, "code")), line);
  return matcher;
}

void schedule_matcher_free(ScheduleMatcher *matcher) {
  if (matcher == NULL) return;
  g_hash_table_unref(matcher->codes);
  json_decref(matcher->lines);
  g_free(matcher);
}


/* Years of a term; 1000: for ever; -1, -2, -3: words of old; 0: unknown. */
static int term_years(const char *text) {
  static const struct { const char *word; int years; } words[] = {{"永久", 1000}, {"Y", 1000}, {"长期", -1}, {"C", -1}, {"短期", -2}, {"定期", -3}, {"D", -3}};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (g_str_equal(words[i].word, text)) return words[i].years;
  const char *digits = strpbrk(text, "0123456789");
  return digits == NULL ? 0 : (int)strtol(digits, NULL, 10);
}

static gboolean same_term(const char *a, const char *b) { return g_str_equal(a, b) || (term_years(a) != 0 && term_years(a) == term_years(b)); }

/* The class is the path's whole, its code, or one of its parts. */
static gboolean in_class(json_t *line, const char *text) {
  if (g_str_equal(text_at(line, "path"), text) || g_str_equal(text_at(line, "code"), text)) return TRUE;
  g_auto(GStrv) parts = g_strsplit_set(text_at(line, "path"), "/>", -1);
  for (char **part = parts; *part != NULL; part++)
    if (g_str_equal(g_strstrip(*part), text)) return TRUE;
  return FALSE;
}

static json_t *match_class(const ScheduleMatcher *matcher, const char *text, const char *retention, char **ret_why) {
  json_t *found = NULL, *line;
  g_autoptr(GString) terms = g_string_new(NULL);
  guint in = 0, fits = 0;
  size_t i;
  json_array_foreach(matcher->lines, i, line) {
    if (!in_class(line, text)) continue;
    in++;
    const char *term = text_at(line, "retention");
    if (strstr(terms->str, term) == NULL) g_string_append_printf(terms, "%s%s", terms->len ? "、" : "", term);
    if (!same_term(term, retention)) continue;
    fits++;
    found = line;
  }
  if (fits == 1) return found;
  if (in == 0) *ret_why = g_strdup_printf("类目“%s”不在制度中", text);
  else if (fits == 0) *ret_why = g_strdup_printf("类目“%s”的保管期限应为%s，而不是“%s”", text, terms->str, retention);
  else *ret_why = g_strdup_printf("类目“%s”中保管期限为%s的有 %u 条，要填分类号才能确定", text, retention, fits);
  return NULL;
}

json_t *schedule_match(const ScheduleMatcher *matcher, const char *class_code, const char *class_text, const char *retention, char **ret_why) {
  *ret_why = NULL;
  if (class_code[0] != '\0') {
    json_t *line = g_hash_table_lookup(matcher->codes, class_code);
    if (line == NULL) *ret_why = g_strdup_printf("分类号“%s”不在制度中", class_code);
    else if (!same_term(text_at(line, "retention"), retention))
      *ret_why = g_strdup_printf("按制度第 %s 条（%s）保管期限应为%s，而不是“%s”", class_code, text_at(line, "matter"), text_at(line, "retention"), retention);
    return line;
  }
  if (class_text[0] != '\0') return match_class(matcher, class_text, retention, ret_why);
  *ret_why = g_strdup("没有分类号，也没有机构或问题，不能确定归入哪一条");
  return NULL;
}

static json_t *match_fields(const ScheduleMatcher *matcher, const char *fields, const char *retention, char **ret_why) {
  json_auto_t *json = json_loads(fields, 0, NULL);
  return schedule_match(matcher, text_at(json, "flh"), text_at(json, "jgwt"), retention, ret_why);
}

/* ---- a record's page ---- */

json_t *schedule_of_record(Sql *sql, gint64 record_id, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT s.id, s.number, s.from_date, k.code, COALESCE(l.path, '') AS path, COALESCE(l.matter, '') AS matter, "
    "COALESCE(l.retention, '') AS retention FROM schedule_record AS k JOIN schedule AS s ON s.id = k.schedule_id "
    "LEFT JOIN schedule_line AS l ON l.schedule_id = k.schedule_id AND l.code = k.code WHERE k.record_id = $1", SQL_ARGS(sql_int(record_id)), error);
  if (rows == NULL || !sql_next(rows, error)) return NULL;
  return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "schedule", (json_int_t)sql_get_int(rows, "id"), "number", (json_int_t)sql_get_int(rows, "number"),
    "from_date", (json_int_t)sql_get_int(rows, "from_date"), "code", sql_get_text(rows, "code"), "path", sql_get_text(rows, "path"), "matter",
    sql_get_text(rows, "matter"), "retention", sql_get_text(rows, "retention"));
}

gboolean schedule_record_extra(WebRequest *request, Sql *sql, const CatalogRecord *record, json_t *model, GError **error) {
  if (record->level < LEVEL_VOLUME || !web_may(request, "delivery.read")) return TRUE;
  g_autoptr(GError) local = NULL;
  json_t *kept = schedule_of_record(sql, record->id, &local);
  if (kept != NULL) return json_object_set_new(model, "kept_by", kept), TRUE;
  gint64 id = local != NULL ? 0 : schedule_for(sql, record->fonds_id, record->date, record->year, &local);
  json_auto_t *lines = id == 0 ? NULL : schedule_lines(sql, id, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (lines == NULL) return TRUE;
  g_autoptr(ScheduleMatcher) matcher = schedule_matcher_new(lines);
  g_autofree char *why = NULL;
  json_t *line = match_fields(matcher, record->fields, record->retention, &why);
  json_t *would = json_pack("{s:I, s:s, s:s, s:s}", "schedule", (json_int_t)id, "code", line ? text_at(line, "code") : "", "matter", line ? text_at(line, "matter") : "",
    "why", why ? why : "");
  json_object_set_new(model, "kept_would", would);
  return TRUE;
}

/* ---- in bulk ---- */

typedef struct {
  Sql *sql;
  gint64 fonds_id, schedule_id;
  const ScheduleMatcher *matcher;
  gint64 seen, after; /* records looked at; the last id */
  gboolean ended;
} Walk;
typedef void (*WalkVisit)(gint64 record_id, const char *code, const char *title, json_t *line, const char *why, gpointer data);

/* The next records of the fonds that have no line and fall under this version. */
static gboolean walk_chunk(Walk *walk, guint limit, WalkVisit visit, gpointer data, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(walk->sql, "SELECT r.id, r.level, r.fonds_id, r.code, r.title, r.date_to, r.year, r.fields, "
    "COALESCE(t.text, '') AS retention_text, k.record_id AS kept FROM record AS r LEFT JOIN retention_term AS t ON t.id = r.retention "
    "LEFT JOIN schedule_record AS k ON k.record_id = r.id WHERE r.id > $1 ORDER BY r.id LIMIT $2", SQL_ARGS(sql_int(walk->after), sql_int(limit)), error);
  if (rows == NULL) return FALSE;
  g_autoptr(GError) local = NULL;
  guint count = 0;
  while (sql_next(rows, &local)) {
    count++;
    walk->after = sql_get_int(rows, "id");
    if (sql_get_int(rows, "fonds_id") != walk->fonds_id || sql_get_int(rows, "level") < LEVEL_VOLUME || !sql_is_null(rows, "kept")) continue;
    DateSpan date = {0, (gint32)sql_get_int(rows, "date_to")};
    if (schedule_for(walk->sql, walk->fonds_id, date, (int)sql_get_int(rows, "year"), &local) != walk->schedule_id) continue;
    g_autofree char *why = NULL;
    json_t *line = match_fields(walk->matcher, sql_get_text(rows, "fields"), sql_get_text(rows, "retention_text"), &why);
    walk->seen++;
    visit(walk->after, sql_get_text(rows, "code"), sql_get_text(rows, "title"), line, why, data);
  }
  walk->ended = count < limit;
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  return TRUE;
}

typedef struct {
  GHashTable *lines, *reasons; /* code or reason → {label, count, samples} */
  gint64 fits;
} Preview;

static void preview_add(GHashTable *table, const char *key, gint64 id) {
  json_t *row = g_hash_table_lookup(table, key);
  if (row == NULL && g_hash_table_size(table) > 2000) return;
  if (row == NULL) {
    row = json_pack("{s:s, s:i, s:[]}", "text", key, "count", 0, "ids");
    g_hash_table_insert(table, g_strdup(key), row);
  }
  json_object_set_new(row, "count", json_integer(json_integer_value(json_object_get(row, "count")) + 1));
  if (json_array_size(json_object_get(row, "ids")) < SAMPLES) json_array_append_new(json_object_get(row, "ids"), json_integer(id));
}

static void preview_visit(gint64 record_id, const char *code, const char *title, json_t *line, const char *why, gpointer data) {
  Preview *preview = data;
  if (line != NULL && why == NULL) preview->fits++;
  if (line != NULL && why == NULL) preview_add(preview->lines, text_at(line, "code"), record_id);
  else preview_add(preview->reasons, why, record_id);
}

static json_t *preview_rows(GHashTable *table) {
  json_t *rows = json_array();
  GHashTableIter iter;
  gpointer row;
  g_hash_table_iter_init(&iter, table);
  while (g_hash_table_iter_next(&iter, NULL, &row)) json_array_append(rows, row);
  return rows;
}

json_t *schedule_preview(Sql *sql, gint64 id, GError **error) {
  json_auto_t *schedule = schedule_load(sql, id, error);
  json_auto_t *lines = schedule == NULL ? NULL : schedule_lines(sql, id, error);
  if (lines == NULL) return NULL;
  g_autoptr(ScheduleMatcher) matcher = schedule_matcher_new(lines);
  Walk walk = {sql, json_integer_value(json_object_get(schedule, "fonds_id")), id, matcher, 0, 0, FALSE};
  Preview preview = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref),
    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref), 0};
  gboolean good = walk_chunk(&walk, PREVIEW_RECORDS, preview_visit, &preview, error);
  json_t *result = !good ? NULL : json_pack("{s:I, s:I, s:b, s:o, s:o}", "seen", (json_int_t)walk.seen, "fits", (json_int_t)preview.fits, "partial", !walk.ended,
    "lines", preview_rows(preview.lines), "reasons", preview_rows(preview.reasons));
  g_hash_table_unref(preview.lines);
  g_hash_table_unref(preview.reasons);
  return result;
}

static void assign_visit(gint64 record_id, const char *code, const char *title, json_t *line, const char *why, gpointer data) {
  if (line != NULL && why == NULL) json_array_append_new(data, json_pack("[I, s]", (json_int_t)record_id, text_at(line, "code")));
}

static gboolean assign_pairs(Sql *sql, gint64 assignment, gint64 schedule, json_t *pairs, GError **error) {
  size_t i;
  json_t *pair;
  json_array_foreach(pairs, i, pair) {
    if (!sql_exec(sql, "INSERT OR IGNORE INTO schedule_record (record_id, schedule_id, code, assignment_id) VALUES ($1, $2, $3, $4)",
          SQL_ARGS(sql_int(json_integer_value(json_array_get(pair, 0))), sql_int(schedule), sql_text(json_string_value(json_array_get(pair, 1))),
            sql_int(assignment)), error)) return FALSE;
  }
  return sql_exec(sql, "UPDATE schedule_assignment SET records = records + $1 WHERE id = $2", SQL_ARGS(sql_int((gint64)json_array_size(pairs)), sql_int(assignment)),
    error);
}

static gboolean assign_chunk(const House *house, Walk *walk, gint64 assignment, const char *actor, GError **error) {
  g_autoptr(Sql) sql = sql_write(house->db, error);
  json_auto_t *pairs = json_array();
  walk->sql = sql;
  if (sql == NULL || !walk_chunk(walk, CHUNK_RECORDS, assign_visit, pairs, error) || !assign_pairs(sql, assignment, walk->schedule_id, pairs, error)) return FALSE;
  json_auto_t *data = json_pack("{s:I, s:I, s:O}", "assignment", (json_int_t)assignment, "schedule", (json_int_t)walk->schedule_id, "pairs", pairs);
  if (json_array_size(pairs) > 0 && journal_append(sql, actor, "schedule.assign", "schedule", walk->schedule_id, data, error) == 0) return FALSE;
  if (walk->ended && !sql_exec(sql, "UPDATE schedule_assignment SET state = 'done' WHERE id = $1", SQL_ARGS(sql_int(assignment)), error)) return FALSE;
  return sql_commit(sql, error);
}

gboolean schedule_assign_job(const House *house, Job *job, json_t *parameters, GError **error) {
  gint64 id = json_integer_value(json_object_get(parameters, "schedule")), assignment = json_integer_value(json_object_get(parameters, "assignment")), total;
  json_auto_t *schedule = NULL;
  json_auto_t *lines = NULL;
  {
    g_autoptr(Sql) sql = sql_read(house->db, error);
    if (sql == NULL || (schedule = schedule_load(sql, id, error)) == NULL || (lines = schedule_lines(sql, id, error)) == NULL) return FALSE;
    total = sql_number(sql, "SELECT value FROM sequence WHERE name = 'record'", SQL_NONE, 0, NULL);
  }
  g_autoptr(ScheduleMatcher) matcher = schedule_matcher_new(lines);
  Walk walk = {NULL, json_integer_value(json_object_get(schedule, "fonds_id")), id, matcher, 0, 0, FALSE};
  while (!walk.ended && !job_should_stop(job)) {
    if (!assign_chunk(house, &walk, assignment, job_actor(job), error)) return FALSE;
    job_progress(job, walk.ended ? total : walk.after, total, "条", "挂接条款");
  }
  return TRUE;
}

gint64 schedule_assign(Sql *sql, const char *actor, gint64 schedule, GError **error) {
  json_auto_t *row = schedule_load(sql, schedule, error);
  if (row == NULL) return 0;
  if (!g_str_equal(text_at(row, "state"), "approved")) return throw(error, LANTAI_ERROR_CONFLICT, "只能按已批准的制度挂接"), 0;
  gint64 id = sql_number(sql, "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM schedule_assignment", SQL_NONE, 0, error);
  if (id == 0 || !sql_exec(sql, "INSERT INTO schedule_assignment (id, schedule_id, at_us, actor, state, records) VALUES ($1, $2, $3, $4, 'running', 0)",
      SQL_ARGS(sql_int(id), sql_int(schedule), sql_int(clock_now_us()), sql_text(actor)), error)) return 0;
  json_auto_t *parameters = json_pack("{s:I, s:I}", "assignment", (json_int_t)id, "schedule", (json_int_t)schedule);
  return job_queue(sql, "schedule.assign", "schedule", schedule, parameters, actor, error) != 0 ? id : 0;
}

static gboolean release(Sql *sql, gint64 assignment, GError **error) {
  return sql_exec(sql, "DELETE FROM schedule_record WHERE assignment_id = $1", SQL_ARGS(sql_int(assignment)), error) &&
    sql_exec(sql, "UPDATE schedule_assignment SET state = 'undone' WHERE id = $1", SQL_ARGS(sql_int(assignment)), error);
}

gboolean schedule_release(Sql *sql, const char *actor, gint64 assignment, GError **error) {
  g_autofree char *state = sql_string(sql, "SELECT state FROM schedule_assignment WHERE id = $1", SQL_ARGS(sql_int(assignment)), NULL);
  if (state == NULL) return throw(error, LANTAI_ERROR_NOT_FOUND, "没有这次挂接");
  if (!g_str_equal(state, "done")) return throw(error, LANTAI_ERROR_CONFLICT, "这次挂接还没有办完，或已经撤销");
  json_auto_t *data = json_pack("{s:I}", "assignment", (json_int_t)assignment);
  return release(sql, assignment, error) && journal_append(sql, actor, "schedule.release", "schedule", 0, data, error) != 0;
}

gboolean schedule_assign_replay(Sql *sql, const char *action, json_t *data, GError **error) {
  gint64 assignment = json_integer_value(json_object_get(data, "assignment")), schedule = json_integer_value(json_object_get(data, "schedule"));
  if (g_str_equal(action, "schedule.release")) return release(sql, assignment, error);
  return sql_exec(sql, "INSERT OR IGNORE INTO schedule_assignment (id, schedule_id, at_us, actor, state, records) VALUES ($1, $2, 0, '', 'done', 0)",
    SQL_ARGS(sql_int(assignment), sql_int(schedule)), error) && assign_pairs(sql, assignment, schedule, json_object_get(data, "pairs"), error);
}

const JobKind SCHEDULE_JOBS[] = {{"schedule.assign", "按三合一制度挂接条款", schedule_assign_job, JOB_HEAVY}, {NULL}};
