/* Inside the app: the acts that ledgers take entries from. */
#pragma once
#include "app.h"

typedef struct {
  const char *name;    /* as a ledger's `from` says; rows of one name are one source */
  const char *actions; /* beginning of the journal's actions that tell of it */
  const char *subject; /* their kind of subject, and of the entries' keys; NULL: each event is one ("event:12"), or the one that its data name ("event") */
  const char *fields;  /* what a row has, by blanks: the words for `when` and for braces */
  json_t *(*row)(Sql *sql, gint64 id, GError **error); /* {栏目: text, number or list}; NULL without an error: nothing to tell, or no more */
} FeedSource;
extern const FeedSource FEED_SOURCES[]; /* feed-sources.c; ended by name NULL */
