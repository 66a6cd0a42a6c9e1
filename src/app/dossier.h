/* Finished entries of ledgers becoming records: what the files of dossier*.c share. */
#pragma once
#include "app.h"
#include "ledger.h"

/* One entry as it will be: what the ledger gathered (ledger_dossier) and the record that it becomes, with its 档号. */
typedef struct {
  json_t *gathered;
  CatalogRecord *record; /* code "": its fonds is not there yet */
} Dossier;
void dossier_free(Dossier *dossier);
/* All or none, each with a 档号 of its own; borrowed ids. Dossier*, owned by the array. */
GPtrArray *dossiers_gather(const House *house, Sql *sql, Asker asker, GArray *ids, GError **error);
/* The fonds that records of these go to; INVALID: nobody said which. New string. */
char *dossier_fonds(const House *house, Sql *sql, const char *given, GError **error);
/* The delivery in which an entry waits for this 档号 of this fonds; 0: none. A CatalogCodeKeeper. */
gint64 dossier_code_kept(Sql *sql, gint64 fonds_id, const char *code);
/* Makes a delivery of them and ties the entries to it. Its id; 0 on error, then nothing is tied. */
gint64 dossiers_send(const House *house, Asker asker, const char *actor, GArray *ids, GError **error);
/* Queues what takes it in (DOSSIER_JOBS). accept: it is loaded when its check raises nothing. */
gboolean dossiers_queue(const House *house, const char *actor, gint64 delivery, gboolean accept, GError **error);
