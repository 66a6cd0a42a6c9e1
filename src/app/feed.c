/*
 * Ledgers that fill themselves: what a room did stands in the journal, and a ledger's definition says what of it becomes an entry (feed: {from, when, values}), so
 * that nothing is typed twice. Which acts there are: feed-sources.c.
 *
 * 1. A ledger follows the journal from the first event on, one step a tick; how far is kept with what it wrote, in one transaction.
 * 2. One subject of a source is one entry (its key), brought up to date as the subject changes and taken out when it no longer meets `when`. What people wrote in the
 *    entry besides stays.
 * 3. How far it is is an event too (ledger.follow), so that a rebuilt archive goes on at the same place of the journal and feeds nothing twice.
 * 4. A subject that does not fit the ledger's definition is passed by with a warning in the log; the others go on.
 * 5. Subjects are read before anything is locked for writing; what becomes of one meanwhile is told by a later event.
 */
#include "date.h"
#include "error.h"
#include "feed.h"
#include "journal.h"
#include "json.h"
#include "text.h"
#include <string.h>

#define FOLLOWED "ledger.follow"
enum { EVENTS_STEP = 1000, STEPS_MAX = 20 };

static const char *source_of(const LedgerDefinition *definition) { return text_at(json_object_get(definition->json, "feed"), "from"); }

/* The fields of a source, by blanks; NULL: there is none of that name, *ret_all then says which there are. */
const char *feed_fields(const char *name, char **ret_all) {
  g_autoptr(GString) all = g_string_new(NULL);
  for (const FeedSource *source = FEED_SOURCES; source->name; source++) {
    if (g_str_equal(source->name, name)) return source->fields;
    if (source == FEED_SOURCES || !g_str_equal(source[-1].name, source->name)) g_string_append_printf(all, "%s%s", all->len ? "、" : "", source->name);
  }
  *ret_all = g_string_free(g_steal_pointer(&all), FALSE);
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

/* ---- what is told ---- */

typedef struct { char *key; json_t *entry; } Told; /* entry NULL: it is to be there no more */

static void told_free(gpointer data) {
  Told *told = data;
  g_free(told->key);
  json_decref(told->entry);
  g_free(told);
}

static gboolean is_there(Sql *sql, const LedgerDefinition *definition, const char *key) {
  return sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> '' AND deleted = 0", SQL_ARGS(sql_int(definition->id), sql_text(key)),
    0, NULL) != 0;
}

static gboolean tell(Sql *sql, const LedgerDefinition *definition, const FeedSource *source, gint64 subject, GPtrArray *all, GError **error) {
  GError *failure = NULL;
  json_auto_t *row = source->row(sql, subject, &failure);
  if (failure) return g_propagate_error(error, failure), FALSE;
  g_autofree char *key = g_strdup_printf("%s:%" G_GINT64_FORMAT, source->subject ? source->subject : "event", subject);
  gboolean gone = row == NULL || !meets(json_object_get(json_object_get(definition->json, "feed"), "when"), row);
  if (gone && !is_there(sql, definition, key)) return TRUE;
  Told *told = g_new0(Told, 1);
  *told = (Told){g_steal_pointer(&key), gone ? NULL : entry_of(definition, row)};
  g_ptr_array_add(all, told);
  return TRUE;
}

static gboolean feed_one(Sql *sql, const LedgerDefinition *definition, const Told *told, GError **error) {
  GError *failure = NULL;
  if (told->entry ? ledger_entry_feed(sql, definition->name, told->key, told->entry, &failure) != 0
      : ledger_entry_unfeed(sql, definition->name, told->key, "所据的业务已撤销或退回", &failure)) return TRUE;
  gboolean passed = g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_INVALID) || g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_CONFLICT);
  if (!passed) return g_propagate_error(error, failure), FALSE; /* one that cannot be told does not keep the others from the ledger */
  g_warning("台账“%s”没有自动%s %s：%s", definition->name, told->entry ? "登记" : "取消", told->key, failure->message);
  g_error_free(failure);
  return TRUE;
}

GArray *feed_told(Sql *sql, const char *actions, const char *kind, gint64 after, gint64 *ret_last, GError **error) {
  g_autoptr(SqlRows) rows = sql_query(sql, "SELECT id, action, subject_kind, CASE WHEN $1 = '' AND SUBSTR(action, 1, LENGTH($2)) = $2 "
    "THEN COALESCE(json_extract(data, '$.event'), id) ELSE subject_id END AS told FROM event WHERE id > $3 ORDER BY id LIMIT $4",
    SQL_ARGS(sql_text(kind ? kind : ""), sql_text(actions), sql_int(after), sql_int(EVENTS_STEP)), error);
  if (rows == NULL) return NULL;
  g_autoptr(GArray) subjects = g_array_new(FALSE, FALSE, sizeof(gint64));
  GError *failure = NULL;
  *ret_last = after;
  while (sql_next(rows, &failure)) {
    gint64 subject = sql_get_int(rows, "told");
    gboolean known = FALSE;
    *ret_last = sql_get_int(rows, "id");
    if (!g_str_has_prefix(sql_get_text(rows, "action"), actions) || (kind && !g_str_equal(sql_get_text(rows, "subject_kind"), kind))) continue;
    for (guint i = 0; i < subjects->len && !known; i++) known = g_array_index(subjects, gint64, i) == subject;
    if (!known) g_array_append_val(subjects, subject);
  }
  if (failure) return g_propagate_error(error, failure), NULL;
  return g_steal_pointer(&subjects);
}

static gint64 followed_to(Sql *sql, const LedgerDefinition *definition, const char *source) {
  return sql_number(sql, "SELECT event_id FROM feed WHERE ledger_id = $1 AND source = $2", SQL_ARGS(sql_int(definition->id), sql_text(source)), 0, NULL);
}

static gboolean put_position(Sql *sql, gint64 ledger, json_t *position, GError **error) {
  return sql_exec(sql, "INSERT INTO feed (ledger_id, source, event_id) VALUES ($1, $2, $3) ON CONFLICT (ledger_id, source) DO UPDATE SET event_id = excluded.event_id",
    SQL_ARGS(sql_int(ledger), sql_text(text_at(position, "source")), sql_int(int_at(position, "event"))), error);
}

gboolean feed_replay(Sql *sql, json_t *event, GError **error) {
  return put_position(sql, int_at(event, "subject_id"), json_object_get(event, "data"), error);
}

/* What the next events tell a ledger of its source; *ret_last: the newest event that was looked at, *ret_asked: whether a subject was. NULL on error. */
static GPtrArray *next_told(Sql *sql, const LedgerDefinition *definition, gint64 after, gint64 *ret_last, gboolean *ret_asked, GError **error) {
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(told_free);
  for (const FeedSource *source = FEED_SOURCES; source->name; source++) {
    if (!g_str_equal(source->name, source_of(definition))) continue;
    g_autoptr(GArray) subjects = feed_told(sql, source->actions, source->subject, after, ret_last, error);
    if (subjects == NULL) return NULL;
    *ret_asked = *ret_asked || subjects->len > 0;
    for (guint i = 0; i < subjects->len; i++)
      if (!tell(sql, definition, source, g_array_index(subjects, gint64, i), all, error)) return NULL;
  }
  return g_steal_pointer(&all);
}

/* One step; *ret_more: there are further events. A quiet archive writes nothing; the journal tells a position only with entries, and what was looked at since is
 * looked at again after a rebuild. */
static gboolean follow(const House *house, const LedgerDefinition *definition, gboolean *ret_more, GError **error) {
  const char *source = source_of(definition);
  g_autoptr(Sql) reading = sql_read(house->db, error);
  if (reading == NULL) return FALSE;
  gint64 before = followed_to(reading, definition, source), last = before;
  gboolean asked = FALSE;
  g_autoptr(GPtrArray) all = next_told(reading, definition, before, &last, &asked, error);
  if (all == NULL) return FALSE;
  *ret_more = last - before >= EVENTS_STEP;
  g_clear_pointer(&reading, sql_end);
  if (!asked && !*ret_more) return TRUE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; i < all->len; i++)
    if (!feed_one(sql, definition, g_ptr_array_index(all, i), error)) return FALSE;
  json_auto_t *position = json_pack("{s:s, s:I}", "source", source, "event", (json_int_t)last);
  return put_position(sql, definition->id, position, error) &&
    (all->len == 0 || journal_append(sql, "system", FOLLOWED, "ledger", definition->id, position, error) != 0) && sql_commit(sql, error);
}

void feed_follow(const House *house) {
  g_autofree const LedgerDefinition **all = ledger_all();
  for (guint i = 0; all[i]; i++) {
    g_autofree char *others = NULL;
    g_autoptr(GError) failure = NULL;
    gboolean more = *source_of(all[i]) && feed_fields(source_of(all[i]), &others) != NULL;
    for (guint step = 0; more && step < STEPS_MAX && failure == NULL; step++)
      if (!follow(house, all[i], &more, &failure)) more = FALSE;
    if (failure && !g_error_matches(failure, LANTAI_ERROR, LANTAI_ERROR_BUSY)) g_warning("台账“%s”没有跟上日志：%s", all[i]->name, failure->message);
  }
}

static gboolean resume(Sql *sql, const LedgerDefinition *definition, const FeedSource *source, GError **error) {
  return sql_exec(sql, "INSERT INTO feed (ledger_id, source, event_id) SELECT $1, $2, COALESCE(MAX((SELECT MAX(s.id) FROM event AS s WHERE s.subject_kind = $3 "
      "AND s.subject_id = CAST(SUBSTR(l.key, LENGTH($3) + 2) AS INTEGER) AND s.id < (SELECT MAX(p.id) FROM event AS p WHERE p.subject_kind = 'entry' "
      "AND p.subject_id = l.id AND p.action = 'ledger.put' AND p.actor = 'system'))), 0) FROM ledger_entry AS l WHERE l.ledger_id = $1 AND l.key LIKE $3 || ':%' "
      "HAVING MAX(l.id) > 0 ON CONFLICT (ledger_id, source) DO NOTHING",
      SQL_ARGS(sql_int(definition->id), sql_text(source->name), sql_text(source->subject)), error);
}

/* A journal from before positions were told: a ledger has followed at least each subject to the last event before the program last wrote its entry. */
gboolean feed_resume(const House *house, GError **error) {
  g_autofree const LedgerDefinition **all = ledger_all();
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  for (guint i = 0; all[i]; i++)
    for (const FeedSource *source = FEED_SOURCES; source->name; source++)
      if (source->subject && g_str_equal(source->name, source_of(all[i])) && !resume(sql, all[i], source, error)) return FALSE;
  return sql_commit(sql, error);
}

const JobTick FEED_TICKS[] = {feed_follow, NULL};
