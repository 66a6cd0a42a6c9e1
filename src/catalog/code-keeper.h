/* A 档号 of a fonds may wait for what a delivery brings. Set by a room above; asked wherever a code is given, typed or brought. */
#pragma once
#include "sql.h"

typedef gint64 (*CatalogCodeKeeper)(Sql *sql, gint64 fonds_id, const char *code); /* the delivery's id; 0: it waits for none */
void catalog_set_code_keeper(CatalogCodeKeeper keeper);
/* The id is for the program: a refusal that tells it would tell of a delivery to people who may not see it. */
gint64 catalog_code_kept(Sql *sql, gint64 fonds_id, const char *code);
