/* Which records there were on a day. */
#pragma once
#include "sql.h"

/* The first id that a record got after the end of a day (YYYYMMDD), by what the journal tells; ids rise with time, so smaller ones were there. G_MAXINT64: none was
 * given since; 0: that day was before the first event; -1 on error. */
gint64 catalog_id_after(Sql *sql, int day, GError **error);
