/* Time for the whole house (settings.h): the one place that asks the system's clock, so that LANTAI_NOW can freeze it. */
#include "settings.h"
#include <time.h>

/* Known without files, which a machine may lack: China has had one zone and no summer time since 1992. */
#define CHINA "Asia/Shanghai"
#define CHINA_RULE "CST-8"

gboolean clock_zone_is_known(const char *zone) {
  g_autoptr(GTimeZone) known = g_time_zone_new_identifier(zone);
  return known != NULL || g_str_equal(zone, CHINA);
}

void clock_set_zone(const char *zone) {
  g_autoptr(GTimeZone) known = g_time_zone_new_identifier(zone);
  g_setenv("TZ", known != NULL ? zone : CHINA_RULE, TRUE);
  tzset();
}

gint64 clock_now_us(void) {
  const char *frozen = g_getenv("LANTAI_NOW");
  if (frozen == NULL || *frozen == '\0') return g_get_real_time();
  g_autoptr(GTimeZone) zone = g_time_zone_new_local();
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(frozen, zone);
  if (time == NULL) g_error("LANTAI_NOW is no ISO 8601 time: %s", frozen);
  return g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
}

/* NULL only for times beyond the year 9999. */
static GDateTime *time_of(gint64 at_us) {
  gint64 seconds = at_us / G_USEC_PER_SEC, rest_us = at_us % G_USEC_PER_SEC;
  if (rest_us < 0) {
    seconds--;
    rest_us += G_USEC_PER_SEC;
  }
  g_autoptr(GDateTime) whole = g_date_time_new_from_unix_utc(seconds);
  return whole != NULL ? g_date_time_add(whole, rest_us) : NULL;
}

char *clock_format(gint64 at_us) {
  g_autoptr(GDateTime) utc = time_of(at_us);
  g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;
  return local != NULL ? g_date_time_format(local, "%Y-%m-%d %H:%M") : g_strdup("");
}

char *clock_format_iso(gint64 at_us) {
  g_autoptr(GDateTime) utc = time_of(at_us);
  return utc != NULL ? g_date_time_format(utc, "%Y-%m-%dT%H:%M:%S.%fZ") : g_strdup("");
}
