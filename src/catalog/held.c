/* Which records there were on a day: ids are given in the order of time, and the journal tells when. */
#include "held.h"
#include "date.h"

static gint64 day_end_us(int day) {
  g_autoptr(GDateTime) start = g_date_time_new_local(day / 10000, CLAMP(day / 100 % 100, 1, 12), MAX(day % 100, 1), 0, 0, 0);
  g_autoptr(GDateTime) end = start ? g_date_time_add_days(start, 1) : NULL;
  return end ? g_date_time_to_unix(end) * G_USEC_PER_SEC : G_MAXINT64;
}

/* The first event at or after a time, found by halving: events are written in the order of time. */
static gint64 event_from(Sql *sql, gint64 at_us, GError **error) {
  GError *failure = NULL;
  gint64 low = 1, high = sql_number(sql, "SELECT COALESCE(MAX(id), 0) AS id FROM event", SQL_NONE, -1, &failure) + 1;
  while (failure == NULL && low < high) {
    gint64 middle = low + (high - low) / 2;
    gint64 then = sql_number(sql, "SELECT at_us FROM event WHERE id >= $1 ORDER BY id LIMIT 1", SQL_ARGS(sql_int(middle)), G_MAXINT64, &failure);
    if (then < at_us) low = middle + 1;
    else high = middle;
  }
  if (failure != NULL) return g_propagate_error(error, failure), -1;
  return low;
}

gint64 catalog_id_after(Sql *sql, int day, GError **error) {
  if (day >= date_today()) return G_MAXINT64;
  GError *failure = NULL;
  gint64 from = event_from(sql, day_end_us(day), &failure);
  if (failure == NULL && from <= sql_number(sql, "SELECT MIN(id) AS id FROM event", SQL_NONE, 1, &failure)) return 0;
  gint64 made = failure ? 0 : sql_number(sql, "SELECT subject_id FROM event WHERE action = 'record.create' AND id >= $1 ORDER BY id LIMIT 1", SQL_ARGS(sql_int(from)),
    G_MAXINT64, &failure);
  gint64 loaded = failure ? 0 : sql_number(sql, "SELECT json_extract(data, '$.first_id') AS first FROM event WHERE action = 'accession.load' AND id >= $1 "
    "AND json_extract(data, '$.reserved') > 0 ORDER BY id LIMIT 1", SQL_ARGS(sql_int(from)), G_MAXINT64, &failure);
  if (failure != NULL) return g_propagate_error(error, failure), -1;
  return MIN(made, loaded);
}
