/* A 档号 may wait for what a delivery brings. Set by a room above; asked wherever a code is given, typed or brought. */
#pragma once
#include "sql.h"

typedef gint64 (*CatalogCodeKeeper)(Sql *sql, const char *code); /* the delivery's id; 0: it waits for none */
void catalog_set_code_keeper(CatalogCodeKeeper keeper);
gint64 catalog_code_kept(Sql *sql, const char *code);
