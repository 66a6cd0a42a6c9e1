/*
 * Working days: Monday to Friday, but for what the State Council gives each year as days off and as days worked for them (definitions/holidays.yaml). A year that the
 * file does not have yet knows Monday to Friday only.
 */
#pragma once
#include <glib.h>

gboolean workdays_load(const char *dir, GError **error); /* the archive's definitions, else the program's; INVALID names the year. What was loaded before is replaced */
gboolean workday_is(int day);                 /* YYYYMMDD */
int workday_shift(int day, int count);        /* the count-th working day after it (before it: count < 0); 0: the day itself */
gboolean workdays_known(int year);            /* the file has the year */
