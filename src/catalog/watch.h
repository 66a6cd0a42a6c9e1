/* For a room above that keeps what it found of records: what is not to be seen by going through them in order of rev, and the mending of codes. */
#pragma once
#include "catalog.h"

/* A record is gone, or has another parent than this one now: told in the transaction that does it. Set once, when the archive is opened. */
typedef gboolean (*CatalogLeft)(Sql *sql, gint64 record_id, gint64 parent_id, GError **error);
void catalog_set_left(CatalogLeft left);
/* What of a room above rests on a record, in words (“与 2 件档案有关联”), new string; NULL: nothing. What something rests on is not deleted. Set when the archive is
 * opened, each room its own, at most 7. */
typedef char *(*CatalogTie)(Sql *sql, gint64 record_id, GError **error);
void catalog_set_tie(CatalogTie tie);
gboolean catalog_record_may_go(Sql *sql, const CatalogRecord *record, GError **error); /* CONFLICT: why it is not to be deleted: children, files, a tombstone, ties */
/* The record that changes {"record": …} took out or put back, whichever it is; NULL without error: they did neither. */
CatalogRecord *catalog_record_of(json_t *changes, GError **error);
const char *catalog_rules_digest(const Catalog *catalog); /* of all rules of codes and retentions as they are written: another one when any is changed */
/* A plan that gives these records codes by the rules (their numbers kept; what has none gets the next): id of /renumber/{id}, where it is seen, made and undone; 0 on
 * error: INVALID, where no rule is chosen yet; TOO_LARGE. ids at least one; the asker has the permission code.renumber. */
gint64 catalog_renumber_plan(const House *house, const Scope *scope, const char *actor, const gint64 *ids, gsize count, const char *title, GError **error);
