/*
 * What comes round: the ledger makes an entry for each period, and shows which were never filled in.
 *
 * 1. An entry that a duty made has no date until somebody did the work and says when; till then it is open, and no figure of a period counts it.
 * 2. Its key is the duty and the period, so that it is made once, also when it was deleted since.
 * 3. Who registers the work in an entry of its own has done the duty too: the one that waits is taken out.
 * 4. Periods begin with the day that the definition came into force, or the duty's `from`; at most DUTY_DAYS back.
 */
#include "date.h"
#include "internal.h"
#include "people.h"

enum { DUTY_DAYS = 400, PERIODS_SHOWN = 60 };

/* ---- periods ---- */

static int day_make(int year, int month, int day) { return year * 10000 + month * 100 + day; }

static int month_end(int year, int month) { return day_make(year, month, g_date_get_days_in_month((GDateMonth)month, (GDateYear)year)); }

static void date_set(GDate *date, int day) {
  g_date_clear(date, 1);
  g_date_set_dmy(date, (GDateDay)(day % 100), (GDateMonth)(day / 100 % 100), (GDateYear)(day / 10000));
}

static int weekday_of(int day) {
  GDate date;
  date_set(&date, day);
  return (int)g_date_get_weekday(&date); /* 1: Monday */
}

static void months_around(int day, int months, int *ret_from, int *ret_to) {
  int year = day / 10000, first = (day / 100 % 100 - 1) / months * months + 1;
  *ret_from = day_make(year, first, 1);
  *ret_to = month_end(year, first + months - 1);
}

gboolean ledger_period(const char *every, int day, int *ret_from, int *ret_to) {
  int year = day / 10000, month = day / 100 % 100;
  *ret_from = *ret_to = day;
  if (g_str_equal(every, "day")) return TRUE;
  if (g_str_equal(every, "workday")) return workday_is(day);
  if (g_str_equal(every, "week")) {
    *ret_from = date_shift(day, 1 - weekday_of(day));
    *ret_to = date_shift(*ret_from, 6);
  } else if (g_str_equal(every, "twoweeks")) {
    GDate date;
    date_set(&date, day);
    *ret_from = date_shift(day, -(int)((g_date_get_julian(&date) - 1) % 14)); /* day 1 of the count is a Monday */
    *ret_to = date_shift(*ret_from, 13);
  } else if (g_str_equal(every, "halfmonth")) {
    *ret_from = day_make(year, month, day % 100 <= 15 ? 1 : 16);
    *ret_to = day % 100 <= 15 ? day_make(year, month, 15) : month_end(year, month);
  } else if (g_str_equal(every, "month")) months_around(day, 1, ret_from, ret_to);
  else if (g_str_equal(every, "quarter")) months_around(day, 3, ret_from, ret_to);
  else if (g_str_equal(every, "halfyear")) months_around(day, 6, ret_from, ret_to);
  else if (g_str_equal(every, "year")) months_around(day, 12, ret_from, ret_to);
  else return FALSE;
  return TRUE;
}

static char *period_label(const char *every, int from, int to) {
  int year = from / 10000, month = from / 100 % 100, day = from % 100;
  if (g_str_equal(every, "month")) return g_strdup_printf("%d年%d月", year, month);
  if (g_str_equal(every, "halfmonth")) return g_strdup_printf("%d年%d月%s半月", year, month, day == 1 ? "上" : "下");
  if (g_str_equal(every, "quarter")) return g_strdup_printf("%d年第%d季度", year, (month + 2) / 3);
  if (g_str_equal(every, "halfyear")) return g_strdup_printf("%d年%s半年", year, month == 1 ? "上" : "下");
  if (g_str_equal(every, "year")) return g_strdup_printf("%d年", year);
  if (from == to) return g_strdup_printf("%d年%d月%d日", year, month, day);
  return g_strdup_printf("%d年%d月%d日至%d月%d日", year, month, day, to / 100 % 100, to % 100);
}

static char *duty_key(json_t *duty, int from) { return g_strdup_printf("duty:%s:%d", text_at(duty, "title"), from); }

gboolean entry_waits(json_t *entry) { return g_str_has_prefix(text_at(entry, "key"), "duty:") && int_at(entry, "from") == 0; }

/* ---- what is there ---- */

static int day_given(json_t *value, int otherwise) {
  DateSpan span;
  if (json_is_integer(value) && json_integer_value(value) > 10000101) return (int)json_integer_value(value);
  g_autofree char *number = json_is_integer(value) ? g_strdup_printf("%d", (int)json_integer_value(value)) : NULL;
  const char *text = number != NULL ? number : json_string_value(value);
  return text != NULL && date_parse(text, &span) && span.from != 0 ? span.from : otherwise;
}

static int duty_begin(Sql *sql, const LedgerDefinition *definition, json_t *duty, int today) {
  gint64 at = sql_number(sql, "SELECT MIN(at_us) AS at FROM ledger_version WHERE ledger_id = $1", SQL_ARGS(sql_int(definition->id)), clock_now_us(), NULL);
  int begin = day_given(json_object_get(duty, "from"), date_of_time(at)), earliest = date_shift(today, -DUTY_DAYS);
  return MAX(begin, earliest);
}

static gboolean value_has(json_t *value, json_t *wanted) {
  if (json_equal(value, wanted)) return TRUE;
  for (size_t i = 0; i < json_array_size(value); i++)
    if (json_equal(json_array_get(value, i), wanted)) return TRUE;
  return FALSE;
}

static gboolean meets_duty(json_t *entry, json_t *duty) {
  const char *name;
  json_t *wanted;
  json_object_foreach(json_object_get(duty, "values"), name, wanted) {
    const LedgerField *field = ledger_field(ledger_find(text_at(entry, "ledger")), name);
    json_t *value = field != NULL ? entry_value(entry, field) : NULL;
    gboolean met = json_is_array(wanted) ? json_equal(value, wanted) || value_has(value, json_array_get(wanted, 0)) : value_has(value, wanted);
    if (!met) return FALSE;
  }
  return TRUE;
}

/* An entry of the period that does what the duty asks; 0: none. */
static gint64 done_entry(Sql *sql, const LedgerDefinition *definition, json_t *duty, int from, int to, GError **error) {
  json_auto_t *entries = entries_query(sql_query(sql, ENTRY_SELECT "WHERE e.ledger_id = $1 AND e.from_date >= $2 AND e.from_date <= $3 AND e.deleted = 0 "
    "ORDER BY e.from_date, e.id", SQL_ARGS(sql_int(definition->id), sql_int(from), sql_int(to)), error), error);
  size_t i;
  json_t *entry;
  json_array_foreach(entries, i, entry) {
    if (meets_duty(entry, duty)) return int_at(entry, "id");
  }
  return 0;
}

static gint64 waiting_entry(Sql *sql, const LedgerDefinition *definition, const char *key, gboolean *ret_waits) {
  gint64 id = sql_number(sql, "SELECT id FROM ledger_entry WHERE ledger_id = $1 AND key = $2 AND key <> ''", SQL_ARGS(sql_int(definition->id), sql_text(key)), 0, NULL);
  *ret_waits = id != 0 && sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE id = $1 AND from_date = 0 AND deleted = 0", SQL_ARGS(sql_int(id)), 0, NULL) > 0;
  return id;
}

/* ---- making them ---- */

/* A person, a body, or a role: then by the role's title, which everybody reads. */
static const char *duty_owner(json_t *duty) {
  const char *owner = text_at(duty, "owner");
  size_t i;
  json_t *role;
  json_array_foreach(people_roles(), i, role)
    if (g_str_equal(text_at(role, "code"), owner)) return text_at(role, "title");
  return base_field(owner) != NULL ? "" : owner;
}

static int duty_due(json_t *duty, int to) { return workday_shift(date_shift(to, (int)int_at(duty, "days")), (int)int_at(duty, "workdays")); }

static json_t *duty_entry(const LedgerDefinition *definition, json_t *duty, int from, int to) {
  g_autofree char *label = period_label(text_at(duty, "every"), from, to);
  return json_pack("{s:o, s:i, s:s, s:s, s:O?}", "title", json_sprintf("%s（%s）", text_at(duty, "title"), label), "due", duty_due(duty, to), "owner",
    duty_owner(duty), "department", text_at(duty, "department"), "values",
    json_object_get(duty, "values"));
}

/* The duty has got an owner since, which the entry that waits still lacks. */
static gboolean owned_by_nobody(Sql *sql, gint64 id, json_t *duty) {
  return (duty_owner(duty)[0] != '\0' || text_at(duty, "department")[0] != '\0') &&
    sql_number(sql, "SELECT COUNT(*) AS n FROM ledger_entry WHERE id = $1 AND owner = '' AND department = ''", SQL_ARGS(sql_int(id)), 0, NULL) > 0;
}

/* One period: made when nothing is there; taken out when the work was registered otherwise. */
static gboolean settle_period(Sql *sql, const LedgerDefinition *definition, json_t *duty, int from, int to, GError **error) {
  g_autofree char *key = duty_key(duty, from);
  gboolean waits;
  gint64 id = waiting_entry(sql, definition, key, &waits);
  if (id != 0 && !waits) return TRUE;
  g_autoptr(GError) local = NULL;
  gint64 done = done_entry(sql, definition, duty, from, to, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (id != 0 && done != 0 && !ledger_entry_delete(sql, LEDGER_EVERYTHING, "system", id, "已另行登记", &local) &&
    !g_error_matches(local, LANTAI_ERROR, LANTAI_ERROR_CONFLICT)) return g_propagate_error(error, g_steal_pointer(&local)), FALSE; /* others point to it: it stays */
  if (done != 0 || (id != 0 && !owned_by_nobody(sql, id, duty))) return TRUE;
  json_auto_t *entry = duty_entry(definition, duty, from, to);
  return ledger_entry_feed(sql, definition->name, key, entry, error) != 0;
}

typedef gboolean (*PeriodVisit)(int from, int to, gpointer data, GError **error);

static gboolean each_period(json_t *duty, int begin, int today, PeriodVisit visit, gpointer data, GError **error) {
  const char *every = text_at(duty, "every");
  int last = MIN(today, day_given(json_object_get(duty, "to"), 99991231)), from, to;
  for (int day = begin; day <= last; day = date_shift(to, 1)) {
    gboolean is_one = ledger_period(every, day, &from, &to);
    if (is_one && !visit(from, to, data, error)) return FALSE;
  }
  return TRUE;
}

typedef struct { Sql *sql; const LedgerDefinition *definition; json_t *duty; int today; json_t *told; Asker asker; } DutyWork;

static gboolean settle_visit(int from, int to, gpointer data, GError **error) {
  DutyWork *work = data;
  return settle_period(work->sql, work->definition, work->duty, from, to, error);
}

static gboolean make_for(const House *house, const LedgerDefinition *definition, int today, GError **error) {
  json_t *duties = json_object_get(definition->json, "duties"), *duty;
  if (json_array_size(duties) == 0) return TRUE;
  g_autoptr(Sql) sql = sql_write(house->db, error);
  if (sql == NULL) return FALSE;
  size_t i;
  json_array_foreach(duties, i, duty) {
    DutyWork work = {sql, definition, duty, today, NULL, LEDGER_EVERYTHING};
    if (!each_period(duty, duty_begin(sql, definition, duty, today), today, settle_visit, &work, error)) return FALSE;
  }
  return sql_commit(sql, error);
}

gboolean ledger_duties_make(const House *house, const char *given, GError **error) {
  DateSpan span = {date_today(), 0};
  if (given != NULL && (!date_parse(given, &span) || span.from == 0)) return throw(error, LANTAI_ERROR_INVALID, "“%s”不是日期", given);
  g_autofree const LedgerDefinition **all = ledger_all();
  GError *first = NULL;
  for (guint i = 0; all[i] != NULL; i++) { /* a ledger that cannot does not keep the others from theirs */
    g_autoptr(GError) duty = NULL, again = NULL;
    if (!make_for(house, all[i], span.from, &duty) && first == NULL) first = g_steal_pointer(&duty);
    if (!again_make(house, all[i], &again) && first == NULL) first = g_steal_pointer(&again);
  }
  if (first != NULL) g_propagate_error(error, first);
  return first == NULL;
}

/* ---- gaps ---- */

static gboolean tell_visit(int from, int to, gpointer data, GError **error) {
  DutyWork *work = data;
  g_autofree char *key = duty_key(work->duty, from), *label = period_label(text_at(work->duty, "every"), from, to);
  gboolean waits;
  gint64 waiting = waiting_entry(work->sql, work->definition, key, &waits);
  g_autoptr(GError) local = NULL;
  gint64 done = done_entry(work->sql, work->definition, work->duty, from, to, &local);
  if (local != NULL) return g_propagate_error(error, g_steal_pointer(&local)), FALSE;
  if (done == 0 && waiting != 0 && !waits) /* done, but not within its period */
    done = sql_number(work->sql, "SELECT id FROM ledger_entry WHERE id = $1 AND deleted = 0", SQL_ARGS(sql_int(waiting)), 0, NULL);
  int due = duty_due(work->duty, to);
  const char *state = done != 0 ? "done" : due < work->today ? "gap" : "open";
  json_array_insert_new(work->told, 0, json_pack("{s:s, s:i, s:i, s:i, s:s, s:b, s:I}", "label", label, "from", from, "to", to, "due", due, "state", state, "gap",
    g_str_equal(state, "gap"), "entry", (json_int_t)(done != 0 ? done : waits ? waiting : 0)));
  if (json_array_size(work->told) > PERIODS_SHOWN) json_array_remove(work->told, PERIODS_SHOWN);
  return TRUE;
}

json_t *ledger_duties(Sql *sql, Asker asker, const LedgerDefinition *definition, GError **error) {
  if (!ledger_may_read(definition, asker)) return throw_null(error, LANTAI_ERROR_DENIED, "您不能查看台账“%s”", definition->name);
  if (ledger_some_rows_only(definition, asker)) return json_array(); /* of the house, not of what he sees of it */
  json_auto_t *told = json_array();
  json_t *duty, *period;
  size_t i, p;
  int today = date_today();
  json_array_foreach(json_object_get(definition->json, "duties"), i, duty) {
    json_auto_t *periods = json_array();
    DutyWork work = {sql, definition, duty, today, periods, asker};
    if (!each_period(duty, duty_begin(sql, definition, duty, today), today, tell_visit, &work, error)) return NULL;
    int gaps = 0;
    json_array_foreach(periods, p, period) gaps += json_is_true(json_object_get(period, "gap"));
    const char *owner = duty_owner(duty)[0] != '\0' ? duty_owner(duty) : text_at(duty, "department");
    json_array_append_new(told, json_pack("{s:s, s:s, s:i, s:O, s:s}", "title", text_at(duty, "title"), "every", text_at(duty, "every"), "gaps", gaps, "periods", periods,
      "owner", owner));
  }
  return g_steal_pointer(&told);
}

/* ---- by itself ---- */

void duties_tick(const House *house) {
  static gint64 last_hour;
  static int last_day;
  gint64 hour = clock_now_us() / G_USEC_PER_SEC / 3600;
  int day = date_today();
  if (hour == last_hour && day == last_day) return;
  last_hour = hour;
  last_day = day;
  g_autoptr(GError) local = NULL;
  if (!ledger_duties_make(house, NULL, &local)) g_warning("周期任务没有生成：%s", local->message);
}
